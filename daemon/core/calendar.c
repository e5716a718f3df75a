/* R3: how periods are counted. The units are a table of functions, once for periods that start with an event (they end at close of
 * business) and once for escalation (it keeps the due time's time of day). */
#include "core/policy.h"

#define SATURDAY 5

bool policy_is_working_day(const struct policy *policy, struct date day)
{
	size_t low = 0, high = policy->holiday_count;

	if (date_weekday(day) >= SATURDAY)
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (policy->holidays[middle].day == day.day)
			return false;
		if (policy->holidays[middle].day < day.day)
			low = middle + 1;
		else
			high = middle;
	}
	return true;
}

static struct date next_working_day(const struct policy *policy, struct date day)
{
	do
		day = date_plus(day, 1);
	while (!policy_is_working_day(policy, day));
	return day;
}

/* The n-th working day after `day`; `day` itself, whatever it is, for n = 0. */
static struct date working_days_after(const struct policy *policy, struct date day, int n)
{
	for (int i = 0; i < n; i++)
		day = next_working_day(policy, day);
	return day;
}

struct instant policy_midnight(const struct policy *policy, struct date day)
{
	return zone_instant(&policy->zone, day, 0);
}

typedef struct instant period_end(const struct policy *policy, int amount, struct instant from);

static struct instant at_once(const struct policy *policy, int amount, struct instant from)
{
	(void)policy;
	(void)amount;
	return from;
}

static struct instant hours(const struct policy *policy, int amount, struct instant from)
{
	(void)policy;
	return instant_plus(from, amount * US_PER_HOUR);
}

/* Hours between opening and closing of working days; cut to whole seconds. */
static struct instant working_hours(const struct policy *policy, int amount, struct instant from)
{
	int32_t now, left = amount * 3600;
	struct date day = zone_date(&policy->zone, from, &now);

	if (!policy_is_working_day(policy, day))
		now = policy->close_of_business;
	if (now < policy->open_of_business)
		now = policy->open_of_business;
	while (left > policy->close_of_business - now) {
		left -= now < policy->close_of_business ? policy->close_of_business - now : 0;
		day = next_working_day(policy, day);
		now = policy->open_of_business;
	}
	return zone_instant(&policy->zone, day, now + left);
}

static struct instant days_to_close(const struct policy *policy, int amount, struct instant from)
{
	struct date day = date_plus(zone_date(&policy->zone, from, NULL), amount);

	return zone_instant(&policy->zone, day, policy->close_of_business);
}

static struct instant working_days_to_close(const struct policy *policy, int amount, struct instant from)
{
	struct date day = working_days_after(policy, zone_date(&policy->zone, from, NULL), amount);

	return zone_instant(&policy->zone, day, policy->close_of_business);
}

static struct instant days_on(const struct policy *policy, int amount, struct instant from)
{
	int32_t seconds;
	struct date day = zone_date(&policy->zone, from, &seconds);

	return zone_instant(&policy->zone, date_plus(day, amount), seconds);
}

static struct instant working_days_on(const struct policy *policy, int amount, struct instant from)
{
	int32_t seconds;
	struct date day = zone_date(&policy->zone, from, &seconds);

	return zone_instant(&policy->zone, working_days_after(policy, day, amount), seconds);
}

struct instant policy_period_end(
	const struct policy *policy, struct period period, struct instant from, struct date effective_on)
{
	static period_end *const ends[UNIT_END] = {
		[UNIT_NONE] = at_once,
		[UNIT_HOURS] = hours,
		[UNIT_WORKING_HOURS] = working_hours,
		[UNIT_DAYS] = days_to_close,
		[UNIT_WORKING_DAYS] = working_days_to_close,
		[UNIT_EFFECT_DATE] = at_once,
	};

	if (period.unit == UNIT_EFFECT_DATE)
		return policy_midnight(policy, effective_on);
	return ends[period.unit](policy, period.amount, from);
}

struct instant policy_escalates_at(const struct policy *policy, struct instant due_at, uint8_t level)
{
	static period_end *const ends[UNIT_END] = {
		[UNIT_NONE] = at_once,
		[UNIT_HOURS] = hours,
		[UNIT_WORKING_HOURS] = working_hours,
		[UNIT_DAYS] = days_on,
		[UNIT_WORKING_DAYS] = working_days_on,
		[UNIT_EFFECT_DATE] = at_once,
	};
	const struct policy_escalation *escalation;

	if (!instant_given(due_at) || level < 1 || level > policy->escalation_count)
		return INSTANT_NONE;
	escalation = &policy->escalations[level - 1];
	return ends[escalation->after.unit](policy, escalation->after.amount, due_at);
}
