#include "service/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_US  (10 * US_PER_SECOND) /* the clock of a test bridge may leap */
#define EVERY_US (3600 * US_PER_SECOND)
#define PAUSE_US (US_PER_SECOND / 10)

struct retention {
	struct store *store;
	const struct leader *leader;
	struct retention_handlers handlers;
	sd_event_source *timer;
	bool leading, asked;
	struct instant next;
};

static void wake_in(struct retention *retention, int64_t us)
{
	(void)sd_event_source_set_time_relative(retention->timer, (uint64_t)us);
	(void)sd_event_source_set_enabled(retention->timer, SD_EVENT_ONESHOT);
}

static void retained(void *context, enum store_result result, uint64_t first, bool more)
{
	struct retention *retention = context;

	retention->asked = false;
	if (result != STORE_OK || !retention->leading)
		return;
	retention->handlers.kept_from(retention->handlers.owner, first);
	if (!more)
		retention->next = instant_plus(clock_now(leader_clock(retention->leader)), EVERY_US);
	wake_in(retention, more ? PAUSE_US : LOOK_US);
}

static void retain(struct retention *retention, struct instant now)
{
	const struct policy *policy = leader_policy(retention->leader);
	const struct store_retention what = { now, policy->log_days, policy->log_cap_days, policy->claim_days };

	retention->asked = store_retain(retention->store, &what, retained, retention) >= 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct retention *retention = context;
	struct instant now = clock_now(leader_clock(retention->leader));

	(void)source;
	(void)usec;
	if (!retention->leading || retention->asked)
		return 0;
	if (!instant_given(retention->next) || retention->next.us <= now.us)
		retain(retention, now);
	if (!retention->asked)
		wake_in(retention, LOOK_US);
	return 0;
}

void retention_begin(struct retention *retention)
{
	retention->leading = true;
	retention->asked = false;
	retention->next = INSTANT_NONE;
	wake_in(retention, PAUSE_US);
}

void retention_end(struct retention *retention)
{
	retention->leading = false;
	(void)sd_event_source_set_enabled(retention->timer, SD_EVENT_OFF);
}

struct retention *retention_free(struct retention *retention)
{
	if (!retention)
		return NULL;
	sd_event_source_disable_unref(retention->timer);
	free(retention);
	return NULL;
}

int retention_new(sd_event *loop, struct store *store, const struct leader *leader,
	const struct retention_handlers *handlers, struct retention **ret)
{
	CLEANUP(retention_freep) struct retention *retention = calloc(1, sizeof(*retention));
	int r;

	if (!retention)
		return -ENOMEM;
	retention->store = store;
	retention->leader = leader;
	retention->handlers = *handlers;
	retention->next = INSTANT_NONE;
	r = sd_event_add_time_relative(loop, &retention->timer, CLOCK_MONOTONIC, 0, 0, on_timer, retention);
	if (r >= 0)
		r = sd_event_source_set_enabled(retention->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = TAKE(retention);
	return 0;
}
