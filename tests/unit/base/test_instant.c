#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/instant.h"

static struct instant at(const char *text)
{
	struct instant t = INSTANT_NONE;

	if (instant_parse(text, &t) < 0)
		fail_msg("the test's own time does not parse: %s", text);
	return t;
}

static struct date day(const char *text)
{
	struct date d = DATE_NONE;

	if (*text && date_parse(text, &d) < 0)
		fail_msg("the test's own date does not parse: %s", text);
	return d;
}

static void assert_date(const char *row, struct date d, const char *expected)
{
	char text[DATE_TEXT];

	if (strcmp(date_format(d, text), expected) != 0)
		fail_msg("%s: %s instead of %s", row, text, expected);
}

static void assert_instant(const char *row, struct instant t, const char *expected)
{
	char text[INSTANT_TEXT];

	if (strcmp(instant_format(t, text), expected) != 0)
		fail_msg("%s: %s instead of %s", row, text, expected);
}

static void test_counts_days_as_the_c_library_does(void **state)
{
	(void)state;
	for (int d = -62091; d <= 2932896; d++) { /* 1800-01-01 to 9999-12-31 */
		time_t s = (time_t)d * 86400;
		struct tm tm;
		int year, month, dom;

		assert_non_null(gmtime_r(&s, &tm));
		date_parts((struct date){ d }, &year, &month, &dom);
		if (year != tm.tm_year + 1900 || month != tm.tm_mon + 1 || dom != tm.tm_mday ||
			date_of(year, month, dom).day != d || date_weekday((struct date){ d }) != (tm.tm_wday + 6) % 7)
			fail_msg("day %d", d);
	}
}

static void test_counts_days_before_the_year_0(void **state)
{
	int year, month, dom;

	(void)state;
	date_parts(date_of(-400, 2, 29), &year, &month, &dom);
	assert_int_equal(year, -400);
	assert_int_equal(month, 2);
	assert_int_equal(dom, 29);
}

static void test_reads_dates_that_exist(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{ "2026-11-25", 0 },
		{ "2024-02-29", 0 },
		{ "2000-02-29", 0 },
		{ "1800-01-01", 0 },
		{ "9999-12-31", 0 },
		{ "1799-12-31", -EINVAL },
		{ "0000-01-01", -EINVAL },
		{ "2023-02-29", -EINVAL },
		{ "1900-02-29", -EINVAL },
		{ "2026-04-31", -EINVAL },
		{ "2026-00-10", -EINVAL },
		{ "2026-13-10", -EINVAL },
		{ "2026-01-00", -EINVAL },
		{ "2026-01-32", -EINVAL },
		{ "2026-1-10", -EINVAL },
		{ "2026-01-1", -EINVAL },
		{ "2026/01/10", -EINVAL },
		{ "2026-01/10", -EINVAL },
		{ "26-01-10", -EINVAL },
		{ "2026-01-10 ", -EINVAL },
		{ " 2026-01-10", -EINVAL },
		{ "10000-01-01", -EINVAL },
		{ "+026-01-10", -EINVAL },
		{ "2026-x1-10", -EINVAL },
		{ "2026", -EINVAL },
		{ "", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct date d = { 7 };

		if (date_parse(rows[i].text, &d) != rows[i].r)
			fail_msg("\"%s\"", rows[i].text);
		if (rows[i].r < 0)
			assert_int_equal(d.day, 7); /* untouched */
		else
			assert_date(rows[i].text, d, rows[i].text);
	}
}

static void test_reads_rfc_3339(void **state)
{
	static const struct {
		const char *text, *expected; /* NULL: refused */
	} rows[] = {
		{ "2026-11-25T01:02:03Z", "2026-11-25T01:02:03Z" },
		{ "2026-11-25t01:02:03z", "2026-11-25T01:02:03Z" },
		{ "2026-11-25T01:02:03.000004Z", "2026-11-25T01:02:03.000004Z" },
		{ "2026-11-25T01:02:03.5Z", "2026-11-25T01:02:03.500000Z" },
		{ "2026-11-25T01:02:03.1234569999Z", "2026-11-25T01:02:03.123456Z" },
		{ "2026-11-25T01:02:03.0000009Z", "2026-11-25T01:02:03Z" },
		{ "2026-11-25T14:02:03+13:00", "2026-11-25T01:02:03Z" },
		{ "2026-11-24T15:32:03-09:30", "2026-11-25T01:02:03Z" },
		{ "2026-11-25T01:02:03-00:00", "2026-11-25T01:02:03Z" },
		{ "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z" },
		{ "1799-12-31T23:30:00-01:00", "1800-01-01T00:30:00Z" },
		{ "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z" },
		{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z" },
		{ "2017-01-01T12:59:60.25+13:00", "2017-01-01T00:00:00.250000Z" },
		{ "2016-12-31T23:58:60Z", NULL },
		{ "2017-01-01T23:59:60+13:00", NULL },
		{ "2016-12-31T23:59:61Z", NULL },
		{ "1800-01-01T00:30:00+01:00", NULL },
		{ "9999-12-31T23:30:00-01:00", NULL },
		{ "2026-02-30T01:02:03Z", NULL },
		{ "2026-11-25T24:00:00Z", NULL },
		{ "2026-11-25T01:60:00Z", NULL },
		{ "2026-11-25T01:02:03", NULL },
		{ "2026-11-25T01:02:03.Z", NULL },
		{ "2026-11-25T01:02:03,5Z", NULL },
		{ "2026-11-25T01:02Z", NULL },
		{ "2026-11-25T01:02.5Z", NULL },
		{ "2026-11-25T1:02:03Z", NULL },
		{ "2026-11-25T01-02:03Z", NULL },
		{ "2026-11-25T01:2:03Z", NULL },
		{ "2026-11-25 01:02:03Z", NULL },
		{ "2026-11-25T01:02:03+1300", NULL },
		{ "2026-11-25T01:02:03+13", NULL },
		{ "2026-11-25T01:02:03+1x:00", NULL },
		{ "2026-11-25T01:02:03+13:0", NULL },
		{ "2026-11-25T01:02:03+24:00", NULL },
		{ "2026-11-25T01:02:03+13:60", NULL },
		{ "2026-11-25T01:02:03Zx", NULL },
		{ "2026-11-25", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct instant t = { 7 };
		int r = instant_parse(rows[i].text, &t);

		if (r != (rows[i].expected ? 0 : -EINVAL))
			fail_msg("\"%s\": %d", rows[i].text, r);
		if (r < 0)
			assert_int_equal(t.us, 7);
		else
			assert_instant(rows[i].text, t, rows[i].expected);
	}
}

static void test_writes_nothing_for_none(void **state)
{
	(void)state;
	assert_date("none", DATE_NONE, "");
	assert_instant("none", INSTANT_NONE, "");
}

static void test_none_stays_none(void **state)
{
	(void)state;
	assert_false(instant_given(instant_plus(INSTANT_NONE, 1)));
	assert_false(date_given(date_plus(DATE_NONE, 1)));
	assert_false(date_given(date_plus_months(DATE_NONE, 1)));
}

static void test_none_is_never(void **state)
{
	struct instant a = { 5 }, b = { 6 };

	(void)state;
	assert_int_equal(instant_earlier(a, b).us, 5);
	assert_int_equal(instant_earlier(b, a).us, 5);
	assert_int_equal(instant_earlier(INSTANT_NONE, b).us, 6);
	assert_int_equal(instant_earlier(a, INSTANT_NONE).us, 5);
	assert_false(instant_given(instant_earlier(INSTANT_NONE, INSTANT_NONE)));
	assert_true(instant_reached(a, a));
	assert_true(instant_reached(a, b));
	assert_false(instant_reached(b, a));
	assert_false(instant_reached(INSTANT_NONE, b));
	assert_false(instant_reached(a, INSTANT_NONE));
}

static void test_adds_time(void **state)
{
	(void)state;
	assert_instant("hours", instant_plus(at("2026-11-25T01:02:03Z"), 23 * US_PER_HOUR), "2026-11-26T00:02:03Z");
	assert_date("days", date_plus(day("2026-12-31"), 1), "2027-01-01");
}

static void test_clamps_months_at_the_months_end(void **state)
{
	static const struct {
		const char *from;
		int months;
		const char *expected;
	} rows[] = {
		{ "2026-08-31", 6, "2027-02-28" },
		{ "2027-08-31", 6, "2028-02-29" },
		{ "2026-08-28", 6, "2027-02-28" },
		{ "2028-02-29", 12, "2029-02-28" },
		{ "2028-02-29", 48, "2032-02-29" },
		{ "2026-11-30", 1, "2026-12-30" },
		{ "2026-12-15", 1, "2027-01-15" },
		{ "2026-10-31", 1, "2026-11-30" },
		{ "2026-10-31", 2, "2026-12-31" },
		{ "2026-11-25", 12, "2027-11-25" },
		{ "2026-11-25", 0, "2026-11-25" },
		{ "2026-03-31", -1, "2026-02-28" },
		{ "2026-01-31", -1, "2025-12-31" },
		{ "2026-01-31", -14, "2024-11-30" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_date(rows[i].from, date_plus_months(day(rows[i].from), rows[i].months), rows[i].expected);
}

/* ---- Zones ---- */

static void use_zone(const char *name)
{
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
}

/* The changes of Pacific/Auckland from 2006 to 2041, found through the C library. */
static struct zone auckland(struct zone_change changes[static 128])
{
	size_t n = 0;
	long offset = 0;

	use_zone("Pacific/Auckland");
	for (time_t t = 1157068800; t < 2240524800; t += 3600) {
		struct tm tm;

		assert_non_null(localtime_r(&t, &tm));
		if (tm.tm_gmtoff == offset)
			continue;
		offset = tm.tm_gmtoff;
		changes[n++] = (struct zone_change){ { t * US_PER_SECOND }, (int32_t)offset };
	}
	return (struct zone){ changes, n };
}

static bool comes_again(time_t t)
{
	time_t earlier = t - 3600;
	struct tm tm, before;

	assert_non_null(localtime_r(&t, &tm));
	assert_non_null(localtime_r(&earlier, &before));
	return tm.tm_hour == before.tm_hour;
}

static void test_agrees_with_the_c_library_on_pacific_auckland(void **state)
{
	struct zone_change changes[128];
	struct zone zone = auckland(changes);

	(void)state;
	for (time_t t = 1167609600; t < 2240524800; t += 1800 + t % 7) { /* 2007 to 2040 */
		struct tm tm;
		int32_t seconds;
		struct date d = zone_date(&zone, (struct instant){ t * US_PER_SECOND + 999999 }, &seconds);

		assert_non_null(localtime_r(&t, &tm));
		if (d.day != date_of(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday).day ||
			seconds != tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec)
			fail_msg("date of %lld", (long long)t);
		/* Of a time that comes twice the first is right, an hour before. */
		if (zone_instant(&zone, d, seconds).us != (comes_again(t) ? t - 3600 : t) * US_PER_SECOND)
			fail_msg("instant of %lld", (long long)t);
	}
}

static void test_turns_wall_clock_times_into_instants(void **state)
{
	static const struct {
		const char *row, *day;
		int hour, minute;
		const char *expected;
	} rows[] = {
		{ "summer", "2026-11-25", 17, 0, "2026-11-25T04:00:00Z" },
		{ "winter", "2026-07-01", 17, 0, "2026-07-01T05:00:00Z" },
		{ "midnight before the clocks go forward", "2026-09-27", 0, 0, "2026-09-26T12:00:00Z" },
		{ "last minute before", "2026-09-27", 1, 59, "2026-09-26T13:59:00Z" },
		{ "skipped: with the offset before", "2026-09-27", 2, 30, "2026-09-26T14:30:00Z" },
		{ "first hour after", "2026-09-27", 3, 0, "2026-09-26T14:00:00Z" },
		{ "before the clocks go back", "2026-04-05", 1, 59, "2026-04-04T12:59:00Z" },
		{ "comes twice: the first", "2026-04-05", 2, 30, "2026-04-04T13:30:00Z" },
		{ "after it has come twice", "2026-04-05", 3, 0, "2026-04-04T15:00:00Z" },
		{ "24:00 is the next day's midnight", "2026-11-25", 24, 0, "2026-11-25T11:00:00Z" },
		{ "before the first change", "1990-07-01", 12, 0, "1990-07-01T00:00:00Z" },
		{ "no day", "", 12, 0, "" },
	};
	struct zone_change changes[128];
	struct zone zone = auckland(changes);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_instant(rows[i].row,
			zone_instant(&zone, day(rows[i].day), rows[i].hour * 3600 + rows[i].minute * 60),
			rows[i].expected);
}

static void test_turns_instants_into_days(void **state)
{
	static const struct zone_change fixed[] = { { { 0 }, 12 * 3600 } };
	static const struct zone zone = { fixed, 1 };
	int32_t seconds = 7;

	(void)state;
	assert_date(
		"before the only change", zone_date(&zone, at("1969-12-31T11:59:59.999999Z"), &seconds), "1969-12-31");
	assert_int_equal(seconds, 86399);
	assert_date("after it", zone_date(&zone, at("2026-11-25T12:00:00Z"), NULL), "2026-11-26");
	assert_date("no instant", zone_date(&zone, INSTANT_NONE, NULL), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_days_as_the_c_library_does),
		cmocka_unit_test(test_counts_days_before_the_year_0),
		cmocka_unit_test(test_reads_dates_that_exist),
		cmocka_unit_test(test_reads_rfc_3339),
		cmocka_unit_test(test_writes_nothing_for_none),
		cmocka_unit_test(test_none_stays_none),
		cmocka_unit_test(test_none_is_never),
		cmocka_unit_test(test_adds_time),
		cmocka_unit_test(test_clamps_months_at_the_months_end),
		cmocka_unit_test(test_agrees_with_the_c_library_on_pacific_auckland),
		cmocka_unit_test(test_turns_wall_clock_times_into_instants),
		cmocka_unit_test(test_turns_instants_into_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
