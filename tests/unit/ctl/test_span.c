/* Spans of time as they are typed: each row is a text and its microseconds, 0 where it is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "ctl/span.h"

static const struct {
	const char *text;
	int64_t us;
} rows[] = {
	{ "45s", 45 * US_PER_SECOND }, { "90m", 90 * 60 * US_PER_SECOND }, { "2h", 2 * US_PER_HOUR },
	{ "3d", 3 * US_PER_DAY }, { "1w", 7 * US_PER_DAY }, { "1d12h", 36 * US_PER_HOUR },
	{ "1w2d3h4m5s", 9 * US_PER_DAY + 3 * US_PER_HOUR + 245 * US_PER_SECOND }, { "0d1s", US_PER_SECOND }, { "", 0 },
	{ "0h", 0 }, { "3", 0 }, { "h", 0 }, { "3x", 0 }, { "-3h", 0 }, { "3h ", 0 }, { " 3h", 0 }, { "1.5h", 0 },
	{ "3H", 0 }, { "1h2", 0 }, { "99999999999999999999s", 0 }, { "9223372036854775807w", 0 },
	{ "9223372036854s9223372036854s", 0 }, /* the sum does not fit */
};

static void test_reads_sums_of_units_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int64_t us = -1;
		int r = span_parse(rows[i].text, &us);

		if ((rows[i].us && (r != 0 || us != rows[i].us)) || (!rows[i].us && (r >= 0 || us != -1)))
			fail_msg("\"%s\": %d, %lld", rows[i].text, r, (long long)us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_sums_of_units_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
