/* R3 over the shipped calendar: how periods are counted, and when an overdue item concerns whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/policy_csv.h"

static struct policy policy;

static int load_shipped(void **state)
{
	struct fault fault = { "" };

	(void)state;
	if (policy_from_csv(SHIPPED_POLICY, &policy, &fault) == 0)
		return 0;
	print_error("%s\n", fault.sentence);
	return -1;
}

static struct date day(const char *text)
{
	struct date d = DATE_NONE;

	if (*text && date_parse(text, &d) < 0)
		fail_msg("the test's own date does not parse: %s", text);
	return d;
}

/* "2026-11-25T17:00", local; "" for none. */
static struct instant local(const char *text)
{
	char rfc[40];
	struct instant wall;

	if (!*text)
		return INSTANT_NONE;
	(void)snprintf(rfc, sizeof(rfc), "%s:00Z", text);
	if (instant_parse(rfc, &wall) < 0)
		fail_msg("the test's own time does not parse: %s", text);
	return zone_instant(&policy.zone, (struct date){ (int32_t)(wall.us / US_PER_DAY) },
		(int32_t)(wall.us % US_PER_DAY / US_PER_SECOND));
}

static const char *local_text(struct instant t, char text[static 40])
{
	char date[DATE_TEXT];
	int32_t s = 0;

	(void)date_format(zone_date(&policy.zone, t, &s), date);
	(void)snprintf(text, 40,
		s % 60  ? "%s, seconds off"
		: *date ? "%sT%02d:%02d"
			: "%s",
		date, s / 3600, s / 60 % 60);
	return text;
}

static void assert_local(const char *rule, struct instant t, const char *expected)
{
	char text[40];

	if (strcmp(local_text(t, text), expected) != 0)
		fail_msg("%s: %s instead of %s", rule, text, expected);
}

static void test_knows_working_days(void **state)
{
	static const struct {
		const char *rule, *day;
		bool working;
	} rows[] = {
		{ "Wednesday", "2026-11-25", true },
		{ "Friday", "2026-11-27", true },
		{ "Saturday", "2026-11-28", false },
		{ "Sunday", "2026-11-29", false },
		{ "first row of the table", "2024-01-01", false },
		{ "last row of the table", "2035-12-26", false },
		{ "before the table", "2023-12-25", true },
		{ "after the table", "2036-12-25", true },
		{ "Matariki", "2026-07-10", false },
		{ "Easter Tuesday", "2026-04-07", true },
		{ "Anzac Day on a Saturday", "2026-04-25", false },
		{ "Anzac Day observed", "2026-04-27", false },
		{ "Boxing Day observed", "2026-12-28", false },
		{ "between the holidays", "2026-12-29", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (policy_is_working_day(&policy, day(rows[i].day)) != rows[i].working)
			fail_msg("R3 %s: %s", rows[i].rule, rows[i].day);
}

static void test_counts_periods(void **state)
{
	static const struct {
		const char *rule;
		struct period period;
		const char *from, *expected;
	} rows[] = {
		{ "R3 working days end at close of business", { 2, UNIT_WORKING_DAYS }, "2026-11-23T09:30",
			"2026-11-25T17:00" },
		{ "R3 counted from the day after, however late", { 2, UNIT_WORKING_DAYS }, "2026-11-23T23:59",
			"2026-11-25T17:00" },
		{ "R3 counted from the day after, however early", { 1, UNIT_WORKING_DAYS }, "2026-11-23T00:00",
			"2026-11-24T17:00" },
		{ "R3 over a weekend", { 2, UNIT_WORKING_DAYS }, "2026-11-26T10:00", "2026-11-30T17:00" },
		{ "R3 from a Friday", { 1, UNIT_WORKING_DAYS }, "2026-11-27T16:00", "2026-11-30T17:00" },
		{ "R3 from a Saturday", { 1, UNIT_WORKING_DAYS }, "2026-11-28T16:00", "2026-11-30T17:00" },
		{ "R3 from a Sunday", { 2, UNIT_WORKING_DAYS }, "2026-11-29T16:00", "2026-12-01T17:00" },
		{ "R3 over Easter", { 1, UNIT_WORKING_DAYS }, "2026-04-02T10:00", "2026-04-07T17:00" },
		{ "R3 over Christmas and New Year", { 5, UNIT_WORKING_DAYS }, "2026-12-23T10:00", "2027-01-05T17:00" },
		{ "R3 from a holiday", { 1, UNIT_WORKING_DAYS }, "2026-04-27T10:00", "2026-04-28T17:00" },
		{ "R3 the day is the local one: 13:30Z is tomorrow", { 1, UNIT_WORKING_DAYS }, "2026-11-24T02:30",
			"2026-11-25T17:00" },
		{ "R3 days run through weekends", { 14, UNIT_DAYS }, "2026-11-25T09:00", "2026-12-09T17:00" },
		{ "R3 days may end on a weekend", { 3, UNIT_DAYS }, "2026-11-25T09:00", "2026-11-28T17:00" },
		{ "R3 days over the month's end", { 14, UNIT_DAYS }, "2028-02-20T09:00", "2028-03-05T17:00" },
		{ "R3 days over a change of the clocks", { 14, UNIT_DAYS }, "2026-09-20T09:00", "2026-10-04T17:00" },
		{ "R3 hours run from the event's time", { 72, UNIT_HOURS }, "2026-11-25T10:15", "2026-11-28T10:15" },
		{ "R3 hours are hours when the clocks go forward", { 72, UNIT_HOURS }, "2026-09-25T10:15",
			"2026-09-28T11:15" },
		{ "R3 hours are hours when the clocks go back", { 72, UNIT_HOURS }, "2026-04-03T10:15",
			"2026-04-06T09:15" },
		{ "R3 no event's time, no end", { 72, UNIT_HOURS }, "", "" },
		{ "X6 working hours within a day", { 4, UNIT_WORKING_HOURS }, "2026-11-25T09:00", "2026-11-25T13:00" },
		{ "X6 working hours up to the close", { 4, UNIT_WORKING_HOURS }, "2026-11-25T13:00",
			"2026-11-25T17:00" },
		{ "X6 working hours into the next day", { 4, UNIT_WORKING_HOURS }, "2026-11-25T15:30",
			"2026-11-26T10:30" },
		{ "X6 working hours over a weekend", { 4, UNIT_WORKING_HOURS }, "2026-11-27T16:00",
			"2026-11-30T11:00" },
		{ "X6 working hours from before opening", { 4, UNIT_WORKING_HOURS }, "2026-11-25T05:00",
			"2026-11-25T12:00" },
		{ "X6 working hours from the close", { 4, UNIT_WORKING_HOURS }, "2026-11-25T17:00",
			"2026-11-26T12:00" },
		{ "X6 working hours from after the close", { 4, UNIT_WORKING_HOURS }, "2026-11-25T22:00",
			"2026-11-26T12:00" },
		{ "X6 working hours from a Saturday", { 4, UNIT_WORKING_HOURS }, "2026-11-28T09:00",
			"2026-11-30T12:00" },
		{ "X6 working hours over several days", { 20, UNIT_WORKING_HOURS }, "2026-11-25T15:00",
			"2026-11-27T17:00" },
		{ "X6 working hours over Labour Day", { 4, UNIT_WORKING_HOURS }, "2026-10-23T16:00",
			"2026-10-27T11:00" },
		{ "no period ends at once", { 5, UNIT_NONE }, "2026-11-25T10:15", "2026-11-25T10:15" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_local(rows[i].rule, policy_period_end(&policy, rows[i].period, local(rows[i].from), DATE_NONE),
			rows[i].expected);
}

static void test_effect_dates_begin_at_midnight(void **state)
{
	static const struct {
		const char *rule, *effective_on, *expected;
	} rows[] = {
		{ "R3 HD and parole in summer", "2026-11-25", "2026-11-25T00:00" },
		{ "R3 HD and parole in winter", "2026-07-01", "2026-07-01T00:00" },
		{ "R3 on the day the clocks go forward", "2026-09-27", "2026-09-27T00:00" },
		{ "R3 on the day after", "2026-09-28", "2026-09-28T00:00" },
		{ "R3 on the day the clocks go back", "2026-04-05", "2026-04-05T00:00" },
		{ "R3 no date, no end", "", "" },
	};
	static const struct period effect = { 0, UNIT_EFFECT_DATE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct date on = day(rows[i].effective_on);

		assert_local(rows[i].rule, policy_period_end(&policy, effect, local("2026-01-01T10:00"), on),
			rows[i].expected);
		assert_int_equal(
			policy_midnight(&policy, on).us, policy_period_end(&policy, effect, INSTANT_NONE, on).us);
	}
	/* In UTC, so that the zone itself is tested: 25 November begins at 11:00Z of the day before. */
	assert_int_equal(
		policy_midnight(&policy, day("2026-11-25")).us, day("2026-11-24").day * US_PER_DAY + 11 * US_PER_HOUR);
}

static void test_escalates_by_working_days(void **state)
{
	static const struct {
		const char *rule, *due;
		uint8_t level;
		const char *expected;
	} rows[] = {
		{ "R3 level 1 at due", "2026-11-25T17:00", 1, "2026-11-25T17:00" },
		{ "R3 level 2 one working day later", "2026-11-25T17:00", 2, "2026-11-26T17:00" },
		{ "R3 level 3 three working days later", "2026-11-25T17:00", 3, "2026-11-30T17:00" },
		{ "R3 no level 0", "2026-11-25T17:00", 0, "" },
		{ "R3 no level 4", "2026-11-25T17:00", 4, "" },
		{ "R3 nothing due", "", 1, "" },
		{ "R3 keeps the time of day", "2026-11-25T10:15", 2, "2026-11-26T10:15" },
		{ "R3 over a weekend", "2026-11-27T17:00", 2, "2026-11-30T17:00" },
		{ "R3 over Easter", "2026-04-02T17:00", 2, "2026-04-07T17:00" },
		{ "R3 over Easter", "2026-04-02T17:00", 3, "2026-04-09T17:00" },
		{ "R3 due on a Saturday: at it", "2026-11-28T00:00", 1, "2026-11-28T00:00" },
		{ "R3 due on a Saturday: the next working day", "2026-11-28T00:00", 2, "2026-11-30T00:00" },
		{ "R3 over a change of the clocks", "2026-09-25T10:15", 2, "2026-09-28T10:15" },
		{ "R3 over the month's end", "2026-12-31T17:00", 2, "2027-01-05T17:00" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_local(rows[i].rule, policy_escalates_at(&policy, local(rows[i].due), rows[i].level),
			rows[i].expected);
}

static void test_escalates_by_other_units(void **state)
{
	static const struct {
		const char *rule;
		struct period after;
		const char *due, *expected;
	} rows[] = {
		{ "hours", { 30, UNIT_HOURS }, "2026-11-25T17:00", "2026-11-26T23:00" },
		{ "days keep the time of day", { 3, UNIT_DAYS }, "2026-11-25T10:15", "2026-11-28T10:15" },
		{ "days over a change of the clocks", { 3, UNIT_DAYS }, "2026-09-25T10:15", "2026-09-28T10:15" },
		{ "working hours", { 4, UNIT_WORKING_HOURS }, "2026-11-25T17:00", "2026-11-26T12:00" },
		{ "no working hours: the opening that follows", { 0, UNIT_WORKING_HOURS }, "2026-11-25T22:00",
			"2026-11-26T08:00" },
		{ "no working hours, within them", { 0, UNIT_WORKING_HOURS }, "2026-11-25T10:00", "2026-11-25T10:00" },
	};
	static struct policy other;

	(void)state;
	other = policy;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		other.escalations[0].after = rows[i].after;
		assert_local(rows[i].rule, policy_escalates_at(&other, local(rows[i].due), 1), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_knows_working_days),
		cmocka_unit_test(test_counts_periods),
		cmocka_unit_test(test_effect_dates_begin_at_midnight),
		cmocka_unit_test(test_escalates_by_working_days),
		cmocka_unit_test(test_escalates_by_other_units),
	};

	return cmocka_run_group_tests(tests, load_shipped, NULL);
}
