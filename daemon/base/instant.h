/* Time as structs, so that units cannot mix: an instant is UTC, a date is a day of the calendar, and a zone turns one
 * into the other. All of it is arithmetic: nothing here reads a clock or a time zone file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970-01-01T00:00:00Z. */
struct instant {
	int64_t us;
};

/* Days since 1970-01-01, proleptic Gregorian. */
struct date {
	int32_t day;
};

#define INSTANT_NONE ((struct instant){ INT64_MIN })
#define DATE_NONE    ((struct date){ INT32_MIN })

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_HOUR   (3600 * US_PER_SECOND)
#define US_PER_DAY    (24 * US_PER_HOUR)

static inline bool instant_given(struct instant t)
{
	return t.us != INT64_MIN;
}

static inline bool date_given(struct date d)
{
	return d.day != INT32_MIN;
}

/* The earlier of two instants; INSTANT_NONE counts as never. */
struct instant instant_earlier(struct instant a, struct instant b);
/* At or before; false when either is INSTANT_NONE. */
bool instant_reached(struct instant at, struct instant now);
/* INSTANT_NONE stays what it is, as DATE_NONE does below. */
struct instant instant_plus(struct instant t, int64_t us);

struct date date_of(int year, int month, int day);
void date_parts(struct date d, int *ret_year, int *ret_month, int *ret_day);
struct date date_plus(struct date d, int days);
/* Calendar months, clamped at the month's end (31 August + 6 months = 28 or 29 February). */
struct date date_plus_months(struct date d, int months);
/* 0 = Monday .. 6 = Sunday. */
int date_weekday(struct date d);

#define DATE_TEXT    11 /* "2026-11-25" */
#define INSTANT_TEXT 28 /* "2026-11-25T01:02:03.000004Z" */

/* `YYYY-MM-DD`, a day that exists, years 1800 to 9999; 0 or -EINVAL. */
int date_parse(const char *text, struct date *ret);
char *date_format(struct date d, char text[static DATE_TEXT]); /* "" for DATE_NONE */
/* RFC 3339 with zone, fractions cut to microseconds, years 1800 to 9999; 0 or -EINVAL. */
int instant_parse(const char *text, struct instant *ret);
char *instant_format(
	struct instant t, char text[static INSTANT_TEXT]); /* "" for INSTANT_NONE; whole seconds without a fraction */

/* A zone is the list of its changes of offset, oldest first; before the first, the first's offset holds. */
struct zone_change {
	struct instant from;
	int32_t offset_s; /* seconds east of UTC */
};

struct zone {
	const struct zone_change *changes; /* borrowed */
	size_t n;                          /* at least 1 */
};

/* The day it is at `t` in the zone, and the seconds since its midnight where asked for. DATE_NONE for INSTANT_NONE. */
struct date zone_date(const struct zone *zone, struct instant t, int32_t *ret_seconds);
/* The instant of a wall clock time; a time skipped by a change counts with the offset before it, one that comes twice
 * is the first. INSTANT_NONE for DATE_NONE. */
struct instant zone_instant(const struct zone *zone, struct date d, int32_t seconds);
