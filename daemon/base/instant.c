#include "base/instant.h"

#include <errno.h>
#include <string.h>

/* Years that a text may name: four digits, and none so early that a slip of the keyboard looks like a date. */
#define FIRST_YEAR 1800
#define END_YEAR   10000

struct instant instant_earlier(struct instant a, struct instant b)
{
	if (!instant_given(a))
		return b;
	if (!instant_given(b))
		return a;
	return a.us < b.us ? a : b;
}

bool instant_reached(struct instant at, struct instant now)
{
	return instant_given(at) && at.us <= now.us;
}

struct instant instant_plus(struct instant t, int64_t us)
{
	return instant_given(t) ? (struct instant){ t.us + us } : t;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The calendar counts eras of 400 years that start on 1 March, so that the leap day is the last of its year:
 * Howard Hinnant, "chrono-compatible low-level date algorithms". */
#define ERA_DAYS    146097
#define EPOCH_SHIFT 719468 /* days from 0000-03-01 to 1970-01-01 */

struct date date_of(int year, int month, int day)
{
	int y = year - (month <= 2);
	int era = (int)floor_div(y, 400);
	int year_of_era = y - era * 400;
	int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (struct date){ era * ERA_DAYS + day_of_era - EPOCH_SHIFT };
}

void date_parts(struct date d, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = (int64_t)d.day + EPOCH_SHIFT;
	int64_t era = floor_div(z, ERA_DAYS);
	int day_of_era = (int)(z - era * ERA_DAYS);
	int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int shifted_month = (5 * day_of_year + 2) / 153;

	*ret_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
	*ret_month = shifted_month + (shifted_month < 10 ? 3 : -9);
	*ret_year = year_of_era + (int)era * 400 + (*ret_month <= 2);
}

struct date date_plus(struct date d, int days)
{
	return date_given(d) ? (struct date){ d.day + days } : d;
}

struct date date_plus_months(struct date d, int months)
{
	int year, month, day;
	struct date first, after;

	if (!date_given(d))
		return d;
	date_parts(d, &year, &month, &day);
	month += months - 1;
	year += (int)floor_div(month, 12);
	month -= (int)floor_div(month, 12) * 12;
	first = date_of(year, month + 1, 1);
	after = month == 11 ? date_of(year + 1, 1, 1) : date_of(year, month + 2, 1);
	return first.day + day - 1 < after.day ? date_plus(first, day - 1) : date_plus(after, -1);
}

int date_weekday(struct date d)
{
	int64_t monday = 4; /* 1970-01-05 */

	return (int)((int64_t)d.day - monday - floor_div((int64_t)d.day - monday, 7) * 7);
}

/* Reads exactly n digits at *at and moves past them; false if there are fewer. */
static bool digits(const char **at, int n, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret = value;
	return true;
}

/* Moves past one of the characters of `allowed`; false if another stands there. */
static bool mark(const char **at, const char *allowed)
{
	if (!**at || !strchr(allowed, **at))
		return false;
	(*at)++;
	return true;
}

static bool year_allowed(struct date d)
{
	return d.day >= date_of(FIRST_YEAR, 1, 1).day && d.day < date_of(END_YEAR, 1, 1).day;
}

/* A day that exists, of any year of four digits. */
static bool read_date(const char **at, struct date *ret)
{
	int year, month, day, y, m, d;

	if (!digits(at, 4, &year) || !mark(at, "-") || !digits(at, 2, &month) || !mark(at, "-") || !digits(at, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1)
		return false;
	*ret = date_of(year, month, day);
	date_parts(*ret, &y, &m, &d);
	return d == day;
}

int date_parse(const char *text, struct date *ret)
{
	struct date d;

	if (!read_date(&text, &d) || *text || !year_allowed(d))
		return -EINVAL;
	*ret = d;
	return 0;
}

/* Seconds since midnight; 60 for the second only where a leap second may stand, which instant_parse checks. */
static bool read_time(const char **at, int *ret_seconds, bool *ret_leap)
{
	int hour, minute, second;

	if (!digits(at, 2, &hour) || !mark(at, ":") || !digits(at, 2, &minute) || !mark(at, ":") ||
		!digits(at, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*ret_seconds = hour * 3600 + minute * 60 + second;
	*ret_leap = second == 60;
	return true;
}

static bool read_fraction(const char **at, int *ret_us)
{
	int us = 0, scale = 100000, digit;

	if (mark(at, ".")) {
		if (!digits(at, 1, &digit))
			return false;
		do {
			us += digit * scale;
			scale /= 10;
		} while (digits(at, 1, &digit));
	}
	*ret_us = us;
	return true;
}

static bool read_offset(const char **at, int *ret_seconds)
{
	int sign, hour, minute;

	if (mark(at, "Zz")) {
		*ret_seconds = 0;
		return true;
	}
	sign = **at == '-' ? -1 : 1;
	if (!mark(at, "+-") || !digits(at, 2, &hour) || !mark(at, ":") || !digits(at, 2, &minute))
		return false;
	*ret_seconds = sign * (hour * 3600 + minute * 60);
	return hour <= 23 && minute <= 59;
}

int instant_parse(const char *text, struct instant *ret)
{
	struct date day;
	int seconds, us, offset;
	int64_t utc_s;
	bool leap;

	if (!read_date(&text, &day) || !mark(&text, "Tt") || !read_time(&text, &seconds, &leap) ||
		!read_fraction(&text, &us) || !read_offset(&text, &offset) || *text)
		return -EINVAL;
	utc_s = (int64_t)day.day * 86400 + seconds - offset;
	/* RFC 3339: a leap second ends a day of UTC; it counts as the second after it, as in POSIX. */
	if (leap && utc_s % 86400 != 0)
		return -EINVAL;
	if (!year_allowed((struct date){ (int32_t)floor_div(utc_s, 86400) }))
		return -EINVAL;
	ret->us = utc_s * US_PER_SECOND + us;
	return 0;
}

/* Writes `value` in exactly n digits. */
static char *put(char *to, int64_t value, int n, char after)
{
	for (int i = n - 1; i >= 0; i--, value /= 10)
		to[i] = (char)('0' + value % 10);
	to[n] = after;
	return to + n + 1;
}

char *date_format(struct date d, char text[static DATE_TEXT])
{
	int year, month, day;
	char *to = text;

	*to = '\0';
	if (!date_given(d))
		return text;
	date_parts(d, &year, &month, &day);
	to = put(to, year, 4, '-');
	to = put(to, month, 2, '-');
	(void)put(to, day, 2, '\0');
	return text;
}

char *instant_format(struct instant t, char text[static INSTANT_TEXT])
{
	int64_t day, second;
	int us;
	char *to = text;

	*to = '\0';
	if (!instant_given(t))
		return text;
	day = floor_div(t.us, US_PER_DAY);
	second = floor_div(t.us - day * US_PER_DAY, US_PER_SECOND);
	us = (int)(t.us - day * US_PER_DAY - second * US_PER_SECOND);
	(void)date_format((struct date){ (int32_t)day }, to);
	to[DATE_TEXT - 1] = 'T';
	to = put(to + DATE_TEXT, second / 3600, 2, ':');
	to = put(to, second / 60 % 60, 2, ':');
	to = put(to, second % 60, 2, us ? '.' : 'Z');
	if (us)
		to = put(to, us, 6, 'Z');
	*to = '\0';
	return text;
}

static int64_t offset_us(const struct zone *zone, size_t i)
{
	return zone->changes[i].offset_s * US_PER_SECOND;
}

/* The change that is in force at t. */
static size_t zone_at(const struct zone *zone, struct instant t)
{
	size_t low = 0, high = zone->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (zone->changes[middle].from.us <= t.us)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct date zone_date(const struct zone *zone, struct instant t, int32_t *ret_seconds)
{
	int64_t local, day;

	if (!instant_given(t))
		return DATE_NONE;
	local = t.us + offset_us(zone, zone_at(zone, t));
	day = floor_div(local, US_PER_DAY);
	if (ret_seconds)
		*ret_seconds = (int32_t)((local - day * US_PER_DAY) / US_PER_SECOND);
	return (struct date){ (int32_t)day };
}

struct instant zone_instant(const struct zone *zone, struct date d, int32_t seconds)
{
	int64_t local;
	size_t i = 0;

	if (!date_given(d))
		return INSTANT_NONE;
	local = d.day * US_PER_DAY + seconds * US_PER_SECOND;
	/* The first stretch of one offset that ends after the wall clock time, as its own offset reads it. */
	while (i + 1 < zone->n && local - offset_us(zone, i) >= zone->changes[i + 1].from.us)
		i++;
	/* Not yet begun: the time was skipped between the stretch before and this one. */
	if (i > 0 && local - offset_us(zone, i) < zone->changes[i].from.us)
		i--;
	return (struct instant){ local - offset_us(zone, i) };
}
