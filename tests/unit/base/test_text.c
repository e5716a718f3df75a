#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void test_copies_and_cuts_between_characters(void **state)
{
	static const struct {
		const char *from;
		size_t size;
		const char *expected;
		bool whole;
	} rows[] = {
		{ "office", 7, "office", true },
		{ "office", 6, "offic", false },
		{ "office", 1, "", false },
		{ "", 1, "", true },
		{ NULL, 4, "", true },
		{ "T\xc4\x81maki", 8, "T\xc4\x81maki", true },
		{ "T\xc4\x81maki", 4, "T\xc4\x81", false },
		{ "T\xc4\x81maki", 3, "T", false },
		{ "\xe2\x82\xac", 3, "", false },
		{ "\xf0\x9f\x98\x80", 4, "", false },
		{ "\xf0\x9f\x98\x80", 3, "", false },
		{ "\xf0\x9f\x98\x80", 2, "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char to[16];
		bool whole = text_copy(to, rows[i].size, rows[i].from);

		if (whole != rows[i].whole || strcmp(to, rows[i].expected) != 0)
			fail_msg("row %zu: \"%s\"", i, to);
	}
}

static void test_copies_within_its_own_array(void **state)
{
	char text[] = "abc";

	(void)state;
	assert_true(TEXT_SET(text, text + 1));
	assert_string_equal(text, "bc");
}

static void test_trims_only_a_half_character(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "\xc4\x81", "\xc4\x81" },
		{ "a\xc4", "a" },
		{ "a\xe2\x82", "a" },
		{ "a\xf0\x9f\x98", "a" },
		{ "a\x80", "a\x80" }, /* not a cut: never was a character */
		{ "\x80\x80\x80\x80\x80", "\x80\x80\x80\x80\x80" },
		{ "\x80", "\x80" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char text[16];

		strcpy(text, rows[i].text);
		text_trim_utf8(text);
		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("row %zu", i);
	}
}

#define BYTES(literal) literal, sizeof(literal) - 1

static void test_knows_clean_text(void **state)
{
	static const struct {
		const char *row, *text;
		size_t n;
		bool clean;
	} rows[] = {
		{ "empty", BYTES(""), true },
		{ "ASCII", BYTES("CRI-2026-004-001234 ~"), true },
		{ "white space", BYTES("a\tb\nc\rd"), true },
		{ "two bytes", BYTES("\xc4\x81"), true },
		{ "three bytes", BYTES("\xe2\x82\xac"), true },
		{ "four bytes", BYTES("\xf0\x9f\x98\x80"), true },
		{ "last code point", BYTES("\xf4\x8f\xbf\xbf"), true },
		{ "before the surrogates", BYTES("\xed\x9f\xbf"), true },
		{ "after the surrogates", BYTES("\xee\x80\x80"), true },
		{ "NUL", BYTES("a\0b"), false },
		{ "bell", BYTES("a\a"), false },
		{ "escape", BYTES("\x1b[0m"), false },
		{ "delete", BYTES("\x7f"), false },
		{ "surrogate", BYTES("\xed\xa0\x80"), false },
		{ "last surrogate", BYTES("\xed\xbf\xbf"), false },
		{ "overlong slash", BYTES("\xc0\xaf"), false },
		{ "overlong of three", BYTES("\xe0\x80\xaf"), false },
		{ "overlong of four", BYTES("\xf0\x80\x80\xaf"), false },
		{ "beyond Unicode", BYTES("\xf4\x90\x80\x80"), false },
		{ "five bytes", BYTES("\xf8\x88\x80\x80\x80"), false },
		{ "continuation alone", BYTES("\x80"), false },
		{ "cut short", BYTES("ab\xe2\x82"), false },
		{ "wrong continuation", BYTES("\xe2\x28\xa1"), false },
		{ "Latin-1", BYTES("caf\xe9 au lait"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (text_is_clean(rows[i].text, rows[i].n) != rows[i].clean)
			fail_msg("%s", rows[i].row);
}

static void test_null_equals_empty(void **state)
{
	(void)state;
	assert_true(text_equal(NULL, NULL));
	assert_true(text_equal(NULL, ""));
	assert_true(text_equal("", NULL));
	assert_true(text_equal("a", "a"));
	assert_false(text_equal("a", NULL));
	assert_false(text_equal(NULL, "a"));
	assert_false(text_equal("a", "b"));
	assert_false(text_given(NULL));
	assert_false(text_given(""));
	assert_true(text_given("a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies_and_cuts_between_characters),
		cmocka_unit_test(test_copies_within_its_own_array),
		cmocka_unit_test(test_trims_only_a_half_character),
		cmocka_unit_test(test_knows_clean_text),
		cmocka_unit_test(test_null_equals_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
