/* Spans of time as people type them: 90m, 2h, 3d, 1w, 45s, and sums such as 1d12h. */
#pragma once

#include <stdint.h>

/* Microseconds, at least one second. 0 or -EINVAL. */
int span_parse(const char *text, int64_t *ret_us);
