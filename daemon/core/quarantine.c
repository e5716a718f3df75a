/* Events set aside (X4), and the nagging about those that would have opened a request: behind each is an offender nobody was asked to
 * manage (X6). */
#include <errno.h>

#include "base/text.h"
#include "core/rules.h"

#define LEVEL_CAP 255

/* Quarantined, it is an offender without a request. */
static bool opens_request(enum event_type type)
{
	static const bool opens[EVENT_TYPE_END] = {
		[EVENT_SENTENCING_SCHEDULED] = true,
		[EVENT_SENTENCE_IMPOSED] = true,
		[EVENT_RELEASE_SCHEDULED] = true,
		[EVENT_OFFENDER_RELEASED] = true,
		[EVENT_ORDER_BASELINE] = true,
	};

	return opens[type];
}

/* An event that could not be decoded may still say its type. */
static enum event_type type_of(const struct event *e)
{
	return e->type ? e->type : event_type_of(e->type_text);
}

const char *event_opens(const struct event *e)
{
	enum event_type type = type_of(e);

	if (type == EVENT_PTP_CONSIDERED)
		return e->ptp_ref;
	return opens_request(type) ? e->order_ref : NULL;
}

static struct instant overdue_after(const struct policy *policy, struct instant t)
{
	struct period period = { policy->quarantine_overdue_hours, UNIT_WORKING_HOURS };

	return policy_period_end(policy, period, t, DATE_NONE);
}

static void describe(struct quarantined *q, const struct event *e)
{
	q->source = e->source;
	q->id = e->id;
	q->type_text = e->type_text;
	q->type = type_of(e);
	q->time = e->time;
	q->order_ref = e->order_ref;
	q->office = e->office;
	q->submitter = e->submitter;
	q->raw_hash = e->raw_hash;
	q->raw = e->raw;
	q->raw_size = e->raw_size;
}

/* A record about a PTP case names neither order nor office, and its office still wants to know what was set aside: where it was decided to be
 * about an order, those of the order, as it is now: it may go to another office before the row is written. */
static void place(struct quarantined *q, const struct request *about)
{
	if (!about)
		return;
	if (!text_given(q->order_ref))
		q->order_ref = about->order_ref;
	if (text_given(q->office))
		return;
	TEXT_SET(q->placed, about->office);
	q->office = q->placed;
}

int quarantine_add(struct decision *d, const struct event *event, const struct parked *parked)
{
	struct quarantined *q = d->facts->add_quarantined(d->facts->context, event, event_opens(event));
	struct record record = { .name = RECORD_EVENT_QUARANTINED, .quarantined = q, .parked = parked };

	if (!q)
		return -ENOMEM;
	describe(q, event);
	place(q, d->about);
	record.office = q->office;
	q->state = QUARANTINE_HELD;
	q->reason = d->verdict->reason;
	TEXT_SET(q->sentence, d->verdict->sentence);
	q->quarantined_at = d->now;
	q->closed_at = INSTANT_NONE;
	q->next_alarm = opens_request(q->type) ? overdue_after(d->policy, d->now) : INSTANT_NONE;
	if (!instant_given(d->time))
		d->time = d->now;
	decision_publish(d, &record);
	d->verdict->disposition = DISPOSITION_QUARANTINED;
	q->seq = d->verdict->seq;
	return 0;
}

void quarantine_close(const struct policy *policy, struct facts *facts, struct quarantined *quarantined,
	enum quarantine_state state, struct instant now)
{
	quarantined->state = state;
	quarantined->closed_at = now;
	quarantined->next_alarm = INSTANT_NONE;
	MARK(quarantined);
	if (text_given(quarantined->opens))
		parked_recount(policy, facts, quarantined->opens, now);
}

int decide_discard(const struct policy *policy, struct facts *facts, struct quarantined *quarantined, const char *by,
	const char *reason, struct instant now)
{
	if (quarantined->state != QUARANTINE_HELD)
		return 1;
	quarantined->closed_by = by;
	quarantined->closed_reason = reason;
	quarantine_close(policy, facts, quarantined, QUARANTINE_DISCARDED, now);
	return 0;
}

/* How often it has been said, this time included: the alarms follow from each other since it was set aside. */
static uint8_t level_of(const struct policy *policy, const struct quarantined *q)
{
	struct instant t = q->quarantined_at;
	int level = 0;

	while (t.us < q->next_alarm.us && level < LEVEL_CAP) {
		t = overdue_after(policy, t);
		level++;
	}
	return (uint8_t)level;
}

int decide_quarantine_alarm(const struct policy *policy, struct facts *facts, struct quarantined *quarantined,
	struct instant now, struct effects *effects)
{
	struct verdict verdict = { 0 };
	struct decision d = { .policy = policy,
		.facts = facts,
		.time = quarantined->next_alarm,
		.now = now,
		.effects = effects,
		.verdict = &verdict };
	struct record record = { .name = RECORD_EVENT_QUARANTINE_OVERDUE,
		.quarantined = quarantined,
		.office = quarantined->office,
		.due_at = quarantined->next_alarm };

	if (!instant_reached(quarantined->next_alarm, now))
		return 0;
	record.level = level_of(policy, quarantined);
	record.concerns = ROLE_SERVICE_MANAGER; /* A6 */
	decision_publish(&d, &record);
	quarantined->next_alarm = overdue_after(policy, quarantined->next_alarm);
	MARK(quarantined);
	return d.published;
}
