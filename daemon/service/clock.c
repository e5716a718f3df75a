#include "service/clock.h"

#include <time.h>

struct instant clock_now(const struct service_clock *clock)
{
	struct timespec ts;
	struct instant now;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	now.us = (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000 + clock->ahead_us;
	return instant_given(clock->recorded) && clock->recorded.us > now.us ? clock->recorded : now;
}
