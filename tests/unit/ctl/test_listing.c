/* A listing's query: made from its table, the values always parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/listing.h"

static const struct column columns[] = { { "ref", "REF", CELL_TEXT }, { "state", NULL, CELL_TEXT } };

static const struct filter filters[] = {
	{ "office", "office = %s", NULL },
	{ "prn", "prn = %s OR filed_prn = %s", NULL },
	{ "overdue", "overdue", NULL },
	{ "all", NULL, "state = 'HELD'" },
	{ NULL, NULL, NULL },
};

static const struct listing things = { "things", "cpps.thing", columns, ARRAY_LENGTH(columns), filters, "ref", NULL };

static const struct option_row options[] = {
	{ "office", OPTION_TEXT, "OFFICE", "", NULL, false },
	{ "prn", OPTION_TEXT, "PRN", "", NULL, false },
	{ "overdue", OPTION_FLAG, NULL, "", NULL, false },
	{ "all", OPTION_FLAG, NULL, "", NULL, false },
	LISTING_OPTIONS,
};

enum { OFFICE, PRN, OVERDUE, ALL, LIMIT };

#define GIVEN_ROW 4

static const struct {
	struct given given[GIVEN_ROW];
	const char *where, *first, *second;
} rows[] = {
	{ { { 0 } }, "true AND (state = 'HELD') ORDER BY ref LIMIT 201", NULL, NULL },
	{ { { &options[ALL], NULL } }, "true ORDER BY ref LIMIT 201", NULL, NULL },
	{ { { &options[OFFICE], "NAPIER" } }, "true AND (office = $1) AND (state = 'HELD') ORDER BY ref LIMIT 201",
		"NAPIER", NULL },
	{ { { &options[OFFICE], "x' OR '1'='1" }, { &options[ALL], NULL } },
		"true AND (office = $1) ORDER BY ref LIMIT 201", "x' OR '1'='1", NULL },
	{ { { &options[PRN], "P1" }, { &options[ALL], NULL } },
		"true AND (prn = $1 OR filed_prn = $1) ORDER BY ref LIMIT 201", "P1", NULL },
	{ { { &options[PRN], "P1" }, { &options[OFFICE], "NAPIER" }, { &options[OVERDUE], NULL },
		  { &options[ALL], NULL } },
		"true AND (office = $1) AND (prn = $2 OR filed_prn = $2) AND (overdue) ORDER BY ref LIMIT 201",
		"NAPIER", "P1" },
	{ { { &options[ALL], NULL }, { &options[LIMIT], "5" } }, "true ORDER BY ref LIMIT 6", NULL, NULL },
	{ { { &options[ALL], NULL }, { &options[LIMIT], "0" } }, "true ORDER BY ref", NULL, NULL },
};

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_filters_become_conditions_and_values_parameters(void **state)
{
	static const char begin[] = "SELECT \"ref\", \"state\" FROM cpps.thing WHERE ";

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct ctl ctl = { 0 };
		char sql[SQL_MAX];
		const char *parameters[LISTING_PARAMETERS_MAX] = { "left over", "left over", "left over" };

		for (; ctl.given_count < GIVEN_ROW && rows[i].given[ctl.given_count].option; ctl.given_count++)
			ctl.given[ctl.given_count] = rows[i].given[ctl.given_count];
		assert_int_equal(listing_query(&ctl, &things, sql, parameters), 0);
		if (strncmp(sql, begin, sizeof(begin) - 1) != 0 || strcmp(sql + sizeof(begin) - 1, rows[i].where) != 0)
			fail_msg("row %zu: %s", i, sql);
		if (!same(parameters[0], rows[i].first) || (rows[i].first && !same(parameters[1], rows[i].second)))
			fail_msg("row %zu: parameters %s, %s", i, parameters[0], parameters[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters_become_conditions_and_values_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
