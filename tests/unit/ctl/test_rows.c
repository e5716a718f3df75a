/* Rows: NDJSON for programs, tables and cards for people. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/rows.h"

static const struct column columns[] = {
	{ "text", "TEXT", CELL_TEXT },
	{ "number", "NUMBER", CELL_NUMBER },
	{ "time", "TIME", CELL_TIME },
	{ "date", "DATE", CELL_DATE },
	{ "flag", "FLAG", CELL_FLAG },
	{ "list", "LIST", CELL_LIST },
	{ "sentence", "SENTENCE", CELL_SENTENCE },
	{ "type", "TYPE", CELL_TYPE },
	{ "hidden", NULL, CELL_TEXT },
};
#define N ARRAY_LENGTH(columns)

static const char *const full[N] = { "m\xc4\x81\"x", "12", "2026-11-02 01:02:03.5+00", "2026-11-02", "t", "{A,B}",
	"it is so", "nz.govt.justice.cms.sentence.imposed", "seen by programs" };
static const char *const empty[N] = { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL };
static const char *const other[N] = { "", "x1", "soon", "", "f", "{}", "", "odd", "" };

/* What the rows print; the caller frees it. */
static char *printed(const char *const *const *cells, size_t n, bool json)
{
	CLEANUP(rows_freep) struct rows *rows = NULL;
	struct fault fault;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(rows_new(columns, N, json, out, &rows, &fault), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rows_add(rows, cells[i], false), 0);
	assert_int_equal(rows_count(rows), n);
	assert_int_equal(rows_print(rows), 0);
	rows = rows_free(rows);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_ndjson_has_every_column_in_its_kind(void **state)
{
	const char *const *const cells[] = { full, empty, other };
	CLEANUP(freep) char *text = printed(cells, ARRAY_LENGTH(cells), true);

	(void)state;
	assert_string_equal(text,
		"{\"text\":\"m\xc4\x81\\\"x\",\"number\":12,\"time\":\"2026-11-02T01:02:03.500000Z\",\"date\":\"2026-"
		"11-02\",\"flag\":true,"
		"\"list\":[\"A\",\"B\"],\"sentence\":\"it is so\",\"type\":\"nz.govt.justice.cms.sentence.imposed\","
		"\"hidden\":\"seen by programs\"}\n"
		"{\"text\":null,\"number\":null,\"time\":null,\"date\":null,\"flag\":null,\"list\":null,\"sentence\":"
		"null,\"type\":null,"
		"\"hidden\":null}\n"
		"{\"text\":\"\",\"number\":\"x1\",\"time\":\"soon\",\"date\":\"\",\"flag\":false,\"list\":[],"
		"\"sentence\":\"\",\"type\":\"odd\","
		"\"hidden\":\"\"}\n");
}

static void test_a_table_is_in_local_time_and_leaves_out_what_says_nothing(void **state)
{
	const char *const *const cells[] = { full, other };
	CLEANUP(freep) char *text = printed(cells, ARRAY_LENGTH(cells), false);

	(void)state;
	assert_non_null(strstr(text, "TEXT NUMBER TIME"));
	assert_non_null(strstr(text, "    12 Mon 2026-11-02 14:02 2026-11-02 yes  A,B  it is so"));
	assert_non_null(strstr(text, " justice.cms.sentence.imposed"));
	assert_null(strstr(text, "nz.govt"));
	assert_null(strstr(text, "seen by programs"));
	assert_null(strstr(text, " no "));
	assert_null(strchr(text, '{'));
}

static void test_no_rows_print_nothing(void **state)
{
	CLEANUP(freep) char *table = printed(NULL, 0, false);
	CLEANUP(freep) char *json = printed(NULL, 0, true);

	(void)state;
	assert_string_equal(table, "");
	assert_string_equal(json, "");
}

static void test_a_card_leaves_out_what_is_not_there(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	assert_int_equal(rows_print_card(columns, N, full, out), 0);
	(void)fputs("--\n", out);
	assert_int_equal(rows_print_card(columns, N, other, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "TEXT      m\xc4\x81\"x\n"
				  "NUMBER    12\n"
				  "TIME      Mon 2026-11-02 14:02 NZDT\n"
				  "DATE      2026-11-02\n"
				  "FLAG      yes\n"
				  "LIST      A,B\n"
				  "SENTENCE  it is so\n"
				  "TYPE      justice.cms.sentence.imposed\n"
				  "--\n"
				  "NUMBER    x1\n"
				  "TIME      soon\n"
				  "FLAG      no\n"
				  "TYPE      odd\n");
	free(text);
}

static void test_sentences_break_at_words(void **state)
{
	static const struct {
		size_t width;
		const char *text, *wrapped;
	} rows[] = {
		{ 80, "as it is", "as it is" },
		{ 8, "as it is", "as it is" },
		{ 7, "as it is", "as it\nis" },
		{ 1, "a b", "a\nb" },
		{ 5, "a longerword b", "a\nlonge\nrword\nb" },
		{ 4, "\xc4\x81\xc4\x93\xc4\xab\xc5\x8d \xc5\xab", "\xc4\x81\xc4\x93\xc4\xab\xc5\x8d\n\xc5\xab" },
		{ 9, "two  spaces", "two\nspaces" },
		{ 5, "", "" },
	};
	char wrapped[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		text_wrap(rows[i].text, rows[i].width, wrapped, sizeof(wrapped));
		assert_string_equal(wrapped, rows[i].wrapped);
	}
	text_wrap("longer than there is room for", 8, wrapped, 12);
	assert_true(strlen(wrapped) < 12);
}

static void test_local_time_knows_the_summer(void **state)
{
	static const struct {
		const char *utc, *local;
	} rows[] = {
		{ "2026-07-01T00:00:00Z", "Wed 2026-07-01 12:00 NZST" },
		{ "2026-12-31T11:00:00Z", "Fri 2027-01-01 00:00 NZDT" },
		{ "2026-09-26T13:59:59Z", "Sun 2026-09-27 01:59 NZST" }, /* the last Sunday of September, 2:00 */
		{ "2026-09-26T14:00:00Z", "Sun 2026-09-27 03:00 NZDT" },
		{ "2027-04-03T13:59:59Z", "Sun 2027-04-04 02:59 NZDT" }, /* the first Sunday of April, 3:00 */
		{ "2027-04-03T14:00:00Z", "Sun 2027-04-04 02:00 NZST" },
	};
	char text[LOCAL_TEXT];
	struct instant t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_int_equal(time_parse(rows[i].utc, &t), 0);
		assert_string_equal(time_local(t, text), rows[i].local);
	}
	assert_string_equal(time_local(INSTANT_NONE, text), "");
	assert_true(time_parse("yesterday", &t) < 0);
	assert_true(date_given(date_today()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ndjson_has_every_column_in_its_kind),
		cmocka_unit_test(test_a_table_is_in_local_time_and_leaves_out_what_says_nothing),
		cmocka_unit_test(test_no_rows_print_nothing),
		cmocka_unit_test(test_a_card_leaves_out_what_is_not_there),
		cmocka_unit_test(test_sentences_break_at_words),
		cmocka_unit_test(test_local_time_knows_the_summer),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* as cppsctl does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
