/* Parked events (X3): reported after a day, set aside after seven. The days are not counted while the event that would open what they
 * wait for is in quarantine, since then it is not they who are late: they start anew when it leaves it. Nor while it is parked itself, for it
 * may still come: at last it is decided, and they with it, or it is set aside in its turn. */
#include <errno.h>

#include "base/text.h"
#include "core/rules.h"

static struct instant long_at(const struct policy *policy, const struct parked *parked)
{
	return instant_plus(parked->parked_at, policy->parked_long_hours * US_PER_HOUR);
}

static void set_alarm(const struct policy *policy, struct parked *parked)
{
	parked->next_alarm = instant_plus(parked->counted_from, policy->parked_days * US_PER_DAY);
	if (!parked->long_published)
		parked->next_alarm = instant_earlier(parked->next_alarm, long_at(policy, parked));
	MARK(parked);
}

int parked_add(struct decision *d, struct claim *claim)
{
	struct parked *parked = d->facts->add_parked(d->facts->context, d->event, d->waits_for, event_opens(d->event));

	if (!parked)
		return -ENOMEM;
	parked->claim = claim;
	parked->parked_at = parked->counted_from = d->now;
	set_alarm(d->policy, parked);
	return 0;
}

void parked_recount(const struct policy *policy, struct facts *facts, const char *ref, struct instant now)
{
	struct parked *parked = NULL;

	while ((parked = facts->parked(facts->context, ref, parked))) {
		parked->counted_from = now;
		set_alarm(policy, parked);
	}
}

static int give_up(struct decision *d, struct parked *parked)
{
	int error;

	decision_refuse(d, REASON_PARKED_TOO_LONG, "waited %d days for %s, which did not come", d->policy->parked_days,
		parked->waits_for);
	error = quarantine_add(d, parked->event, parked);
	if (error)
		return error;
	parked->gone = true;
	MARK(parked);
	parked->claim->disposition = DISPOSITION_QUARANTINED;
	parked->claim->seq = d->verdict->seq;
	parked->claim->decided_at = d->now;
	TEXT_SET(parked->claim->detail, d->verdict->sentence);
	MARK(parked->claim);
	return d->published;
}

static int report(struct decision *d, struct parked *parked)
{
	struct record record = { .name = RECORD_EVENT_PARKED_LONG, .parked = parked, .office = parked->event->office };

	decision_publish(d, &record);
	parked->long_published = true;
	set_alarm(d->policy, parked);
	return d->published;
}

/* What is parked opens cases and waits for an order to do so, which nothing that is parked opens: so nobody waits for themselves, nor for
 * each other, even where an order and a case have the same name. */
static bool opener_may_come(const struct facts *facts, const struct parked *parked)
{
	if (facts->opener_held(facts->context, parked->waits_for))
		return true;
	return !*parked->opens && facts->opener_parked(facts->context, parked->waits_for);
}

int decide_parked_alarm(const struct policy *policy, struct facts *facts, struct parked *parked, struct instant now,
	struct effects *effects)
{
	struct verdict verdict = { 0 };
	struct decision d = { .policy = policy,
		.facts = facts,
		.time = parked->next_alarm,
		.now = now,
		.effects = effects,
		.verdict = &verdict };

	if (parked->gone || !instant_reached(parked->next_alarm, now))
		return 0;
	if (!parked->long_published && instant_reached(long_at(policy, parked), now))
		return report(&d, parked);
	if (!opener_may_come(facts, parked))
		return give_up(&d, parked);
	parked->counted_from = now; /* look again in as many days */
	set_alarm(policy, parked);
	return 0;
}
