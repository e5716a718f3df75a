/* The command line: the tables hang together, and what is typed is read by them or refused with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "ctl/command.h"
#include "ctl/words.h"

/* ---- The tables ---- */

static bool is_lower(const char *text, const char *also)
{
	for (; *text; text++)
		if (!(*text >= 'a' && *text <= 'z') && !strchr(also, *text))
			return false;
	return true;
}

static void check_option(const struct command *command, const struct option_row *option)
{
	const char *name = command ? command->name : "global";

	if (!is_lower(option->name, "-"))
		fail_msg("%s --%s: no name for an option", name, option->name);
	if ((option->kind == OPTION_FLAG) != !option->argument)
		fail_msg("%s --%s: a flag has no argument, all others have one", name, option->name);
	if ((option->kind == OPTION_WORD) != !!option->words)
		fail_msg("%s --%s: words belong to an option of words", name, option->name);
	if (!text_given(option->help) || option->help[strlen(option->help) - 1] == '.')
		fail_msg("%s --%s: its help is one phrase", name, option->name);
	for (const struct option_row *other = option + 1; other->name; other++)
		if (strcmp(option->name, other->name) == 0)
			fail_msg("%s --%s stands twice", name, option->name);
	for (const struct option_row *global = command ? global_options : NULL; global && global->name; global++)
		if (strcmp(option->name, global->name) == 0)
			fail_msg("%s --%s hides the global one", name, option->name);
}

static void test_every_row_of_the_tables_is_whole(void **state)
{
	(void)state;
	for (const struct option_row *option = global_options; option->name; option++)
		check_option(NULL, option);
	for (const struct command *const *at = commands; *at; at++) {
		const struct command *command = *at;

		assert_non_null(command->run);
		if (!is_lower(command->name, "- ") || !text_given(command->help))
			fail_msg("%s: needs a name in lower case, and a line of help", command->name);
		if (command->least > command->most || !text_given(command->operands) != (command->most == 0))
			fail_msg("%s: its operands are named where it takes some", command->name);
		for (const struct option_row *option = command->options; option && option->name; option++)
			check_option(command, option);
		for (const struct command *const *other = at + 1; *other; other++)
			if (strcmp(command->name, (*other)->name) == 0)
				fail_msg("%s stands twice", command->name);
	}
}

/* ---- Reading a line ---- */
#define WORDS_MAX 12

struct typed {
	char line[256];
	char *words[WORDS_MAX];
	int n;
	struct ctl ctl;
};

/* "requests --office NAPIER": no word holds a space. */
static int parse(struct typed *typed, const char *line)
{
	char *rest = NULL;

	*typed = (struct typed){ .words = { (char *)"cppsctl" }, .n = 1 };
	TEXT_SET(typed->line, line);
	for (char *word = strtok_r(typed->line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		typed->words[typed->n++] = word;
	return ctl_parse(&typed->ctl, typed->n, typed->words);
}

static void test_a_command_may_be_two_words(void **state)
{
	struct typed typed;

	(void)state;
	assert_int_equal(parse(&typed, "quarantine show 7"), 0);
	assert_string_equal(typed.ctl.command->name, "quarantine show");
	assert_int_equal(typed.ctl.operand_count, 1);
	assert_string_equal(typed.ctl.operands[0], "7");
	assert_int_equal(parse(&typed, "quarantine --state RETRIED"), 0);
	assert_string_equal(typed.ctl.command->name, "quarantine");
	assert_int_equal(typed.ctl.operand_count, 0);
}

static void test_every_command_is_found_by_its_name(void **state)
{
	(void)state;
	for (const struct command *const *command = commands; *command; command++) {
		struct typed typed;
		char line[64];

		(void)snprintf(line, sizeof(line), "%s --help", (*command)->name);
		assert_int_equal(parse(&typed, line), 0);
		assert_ptr_equal(typed.ctl.command, *command);
		assert_true(ctl_flag(&typed.ctl, "help"));
	}
}

/* The reasons are more than one sentence can list. */
static void test_every_word_of_a_long_list_may_be_given(void **state)
{
	static const char *const reasons[] = { REASONS(WORD_NAME) NULL };
	struct typed typed;

	(void)state;
	for (size_t i = 0; reasons[i]; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "quarantine --reason %s", reasons[i]);
		assert_int_equal(parse(&typed, line), 0);
		assert_string_equal(ctl_text(&typed.ctl, "reason"), reasons[i]);
	}
	assert_true(parse(&typed, "quarantine --reason BAD") < 0);
	assert_non_null(strstr(typed.ctl.fault.sentence, "it is one of MALFORMED, TOO_LARGE, "));
	assert_string_equal(strrchr(typed.ctl.fault.sentence, ' '), " ...");
}

static void test_options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"--json --config F allocate A-1 PO-1 --by me --reason moved",
		"allocate --by me A-1 --reason moved --json PO-1 --config F",
		"--config=F allocate A-1 --by=me PO-1 --json --reason=moved",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		struct typed typed;

		assert_int_equal(parse(&typed, lines[i]), 0);
		assert_true(ctl_json(&typed.ctl));
		assert_string_equal(ctl_text(&typed.ctl, "config"), "F");
		assert_string_equal(ctl_text(&typed.ctl, "by"), "me");
		assert_string_equal(ctl_text(&typed.ctl, "reason"), "moved");
		assert_null(ctl_text(&typed.ctl, "role"));
		assert_int_equal(typed.ctl.operand_count, 2);
		assert_string_equal(typed.ctl.operands[0], "A-1");
		assert_string_equal(typed.ctl.operands[1], "PO-1");
	}
}

static void test_values_are_read_by_their_kind(void **state)
{
	const char *prefixes[4];
	struct typed typed;
	struct date date;

	(void)state;
	assert_int_equal(parse(&typed, "tail --after 18446744073709551615 --match a --match b"), 0);
	assert_true(ctl_number(&typed.ctl, "after", 5) == UINT64_MAX);
	assert_true(ctl_number(&typed.ctl, "count", 5) == 5);
	assert_int_equal(ctl_list(&typed.ctl, "match", prefixes, ARRAY_LENGTH(prefixes)), 2);
	assert_string_equal(prefixes[0], "a");
	assert_string_equal(prefixes[1], "b");
	assert_null(prefixes[2]);
	assert_int_equal(ctl_list(&typed.ctl, "match", prefixes, 2), 1); /* no room for more */
	assert_null(prefixes[1]);
	assert_int_equal(parse(&typed, "generate --from 2026-02-28"), 0);
	date = ctl_date(&typed.ctl, "from", DATE_NONE);
	assert_int_equal(date.day, date_of(2026, 2, 28).day);
	assert_int_equal(parse(&typed, "generate --from today"), 0);
	assert_true(date_given(ctl_date(&typed.ctl, "from", DATE_NONE)));
	assert_false(date_given(ctl_date(&typed.ctl, "days", DATE_NONE)));
}

static void test_an_operand_may_look_like_an_option_behind_two_dashes(void **state)
{
	struct typed typed;

	(void)state;
	assert_int_equal(parse(&typed, "show -- --odd"), 0);
	assert_string_equal(typed.ctl.operands[0], "--odd");
	assert_int_equal(parse(&typed, "submit -"), 0);
	assert_string_equal(typed.ctl.operands[0], "-");
}

static void test_says_what_is_wrong_and_how_to_mend_it(void **state)
{
	static const struct {
		const char *line, *sentence;
	} rows[] = {
		{ "requets", "there is no command \"requets\"; did you mean requests? See cppsctl --help" },
		{ "tial", "there is no command \"tial\"; did you mean tail? See cppsctl --help" },
		{ "statuss", "there is no command \"statuss\"; did you mean status? See cppsctl --help" },
		{ "restart", "there is no command \"restart\"; see cppsctl --help" },
		{ "x", "there is no command \"x\"; see cppsctl --help" },
		{ "--colour", "unknown option --colour; see cppsctl --help" },
		{ "clock advance -1d", "unknown option -1; see cppsctl clock advance --help" },
		{ "requests --colour", "unknown option --colour; see cppsctl requests --help" },
		{ "requests --office", "--office needs a value; see cppsctl requests --help" },
		{ "requests --limit ten", "--limit takes a whole number, not \"ten\"" },
		{ "requests --limit -1", "--limit takes a whole number, not \"-1\"" },
		{ "requests --limit 18446744073709551616",
			"--limit takes a whole number, not \"18446744073709551616\"" },
		{ "tasks --kind BOTH", "--kind cannot be \"BOTH\"; it is one of ALLOCATION, PTP" },
		{ "requests --prn 1 --prn 2", "--prn is given twice; give it once" },
		{ "generate --from 2026-02-30", "--from takes today or a date such as 2026-11-02, not \"2026-02-30\"" },
		{ "allocate A-1", "allocate needs ORDER_REF OFFICER; see cppsctl allocate --help" },
		{ "quarantine show 1 2", "quarantine show does not take \"2\"; see cppsctl quarantine show --help" },
		{ "status now", "status does not take \"now\"; see cppsctl status --help" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct typed typed;

		if (parse(&typed, rows[i].line) >= 0)
			fail_msg("cppsctl %s: taken", rows[i].line);
		assert_string_equal(typed.ctl.fault.sentence, rows[i].sentence);
	}
}

static void test_more_options_than_there_is_room_are_refused(void **state)
{
	char *words[GIVEN_MAX * 2 + 8];
	struct ctl ctl = { 0 };
	int n = 0;

	(void)state;
	words[n++] = (char *)"cppsctl";
	words[n++] = (char *)"tail";
	for (int i = 0; i <= GIVEN_MAX; i++) {
		words[n++] = (char *)"--match";
		words[n++] = (char *)"a";
	}
	words[n] = NULL;
	assert_true(ctl_parse(&ctl, n, words) < 0);
	assert_string_equal(ctl.fault.sentence, "too many options: at most 64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_of_the_tables_is_whole),
		cmocka_unit_test(test_a_command_may_be_two_words),
		cmocka_unit_test(test_every_command_is_found_by_its_name),
		cmocka_unit_test(test_every_word_of_a_long_list_may_be_given),
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_values_are_read_by_their_kind),
		cmocka_unit_test(test_an_operand_may_look_like_an_option_behind_two_dashes),
		cmocka_unit_test(test_says_what_is_wrong_and_how_to_mend_it),
		cmocka_unit_test(test_more_options_than_there_is_room_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
