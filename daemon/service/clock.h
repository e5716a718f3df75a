/* The leader's clock: the system's, or that plus how far a test has moved it; decision time never goes back (X8). */
#pragma once

#include "base/instant.h"

struct service_clock {
	int64_t ahead_us;        /* testing.clock */
	struct instant recorded; /* decision time of the last batch */
};

/* Now, at or after the last decision. */
struct instant clock_now(const struct service_clock *clock);
