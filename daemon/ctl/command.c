/* Reading the command line. getopt_long's own table is built from the command's and the global option rows, so that options may stand
 * anywhere behind the command. */
#include "ctl/command.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/rows.h"

#define OPTIONS_MAX   40
#define TODAY         "today"
#define WORD_MAX      24 /* letters of a command that is looked for among the names */
#define SLIPS_MAX     2  /* of the pen, in one word */
#define WORD_LIST_MAX 300

#define COMMAND_ROW(name) &command_##name,
const struct command *const commands[] = { COMMANDS(COMMAND_ROW) NULL };

const struct option_row global_options[] = {
	{ "config", OPTION_TEXT, "FILE", "the configuration (default: $CPPS_BRIDGE_CONFIG, else " CONFIG_DEFAULT ")",
		NULL, false },
	{ "json", OPTION_FLAG, NULL, "NDJSON, one row a line, for programs", NULL, false },
	{ "help", OPTION_FLAG, NULL, "show this help", NULL, false },
	{ "version", OPTION_FLAG, NULL, "show the version", NULL, false },
	OPTIONS_END,
};

/* ---- What was given ---- */
static const struct given *find_given(const struct ctl *ctl, const char *option)
{
	for (size_t i = ctl->given_count; i > 0; i--)
		if (strcmp(ctl->given[i - 1].option->name, option) == 0)
			return &ctl->given[i - 1];
	return NULL;
}

bool ctl_flag(const struct ctl *ctl, const char *option)
{
	return find_given(ctl, option);
}

bool ctl_json(const struct ctl *ctl)
{
	return ctl_flag(ctl, "json");
}

const char *ctl_text(const struct ctl *ctl, const char *option)
{
	const struct given *given = find_given(ctl, option);

	return given ? given->text : NULL;
}

uint64_t ctl_number(const struct ctl *ctl, const char *option, uint64_t otherwise)
{
	const char *text = ctl_text(ctl, option);
	uint64_t number = otherwise;

	if (text)
		(void)number_parse(text, &number); /* checked when it was given */
	return number;
}

struct date ctl_date(const struct ctl *ctl, const char *option, struct date otherwise)
{
	const char *text = ctl_text(ctl, option);
	struct date date = otherwise;

	if (text && strcmp(text, TODAY) == 0)
		return date_today();
	if (text)
		(void)date_parse(text, &date);
	return date;
}

size_t ctl_list(const struct ctl *ctl, const char *option, const char **ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < ctl->given_count && n + 1 < size; i++)
		if (strcmp(ctl->given[i].option->name, option) == 0)
			ret[n++] = ctl->given[i].text;
	ret[n] = NULL;
	return n;
}

int number_parse(const char *text, uint64_t *ret)
{
	uint64_t number = 0;

	if (!*text || strspn(text, "0123456789") != strlen(text))
		return -EINVAL;
	for (const char *c = text; *c; c++)
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, (uint64_t)(*c - '0'), &number))
			return -EINVAL;
	*ret = number;
	return 0;
}

/* ---- Checking a value ---- */
static int check_number(struct fault *fault, const struct option_row *option, const char *text)
{
	uint64_t number;

	if (number_parse(text, &number) == 0)
		return 0;
	return fault_set(fault, -EINVAL, "--%s takes a whole number, not \"%s\"", option->name, text);
}

static int check_date(struct fault *fault, const struct option_row *option, const char *text)
{
	struct date date;

	if (strcmp(text, TODAY) == 0 || date_parse(text, &date) == 0)
		return 0;
	return fault_set(
		fault, -EINVAL, "--%s takes today or a date such as 2026-11-02, not \"%s\"", option->name, text);
}

/* As many of the words as a sentence has room for. */
static const char *list_words(const char *const *words, char list[static WORD_LIST_MAX])
{
	static const char more[] = " ...";
	size_t n = 0, room = WORD_LIST_MAX - sizeof(more);

	*list = 0;
	for (; *words && n + strlen(*words) + 2 < room; words++)
		n += (size_t)snprintf(list + n, room - n, "%s%s", n ? ", " : "", *words);
	if (*words)
		memcpy(list + n, more, sizeof(more));
	return list;
}

static int check_word(struct fault *fault, const struct option_row *option, const char *text)
{
	char allowed[WORD_LIST_MAX];

	for (const char *const *word = option->words; *word; word++)
		if (strcmp(*word, text) == 0)
			return 0;
	return fault_set(fault, -EINVAL, "--%s cannot be \"%s\"; it is one of %s", option->name, text,
		list_words(option->words, allowed));
}

static int give(struct ctl *ctl, const struct option_row *option, const char *text)
{
	static int (*const checks[])(struct fault *, const struct option_row *, const char *) = {
		[OPTION_NUMBER] = check_number,
		[OPTION_DATE] = check_date,
		[OPTION_WORD] = check_word,
	};
	int (*check)(struct fault *, const struct option_row *, const char *) =
		option->kind < ARRAY_LENGTH(checks) ? checks[option->kind] : NULL;

	if (ctl->given_count == GIVEN_MAX)
		return fault_set(&ctl->fault, -EINVAL, "too many options: at most %d", GIVEN_MAX);
	if (!option->many && option->kind != OPTION_FLAG && ctl_flag(ctl, option->name))
		return fault_set(&ctl->fault, -EINVAL, "--%s is given twice; give it once", option->name);
	if (check && check(&ctl->fault, option, text) < 0)
		return -EINVAL;
	ctl->given[ctl->given_count++] = (struct given){ option, text };
	return 0;
}

/* ---- Reading the line ---- */
struct spelling {
	const struct option_row *rows[OPTIONS_MAX];
	struct option options[OPTIONS_MAX + 1];
	size_t n;
};

static void spell(struct spelling *spelling, const struct option_row *rows)
{
	for (; rows && rows->name && spelling->n < OPTIONS_MAX; rows++) {
		spelling->rows[spelling->n] = rows;
		spelling->options[spelling->n] = (struct option){
			.name = rows->name,
			.has_arg = rows->kind == OPTION_FLAG ? no_argument : required_argument,
		};
		spelling->n++;
	}
	spelling->options[spelling->n] = (struct option){ 0 };
}

static const char *command_words(const struct ctl *ctl)
{
	return ctl->command ? ctl->command->name : "";
}

/* Takes options until the first operand (`stop`) or to the end. Long options only, but -h is what everyone tries first. */
static int take_options(struct ctl *ctl, int argc, char **argv, const struct spelling *spelling, bool stop)
{
	int index = 0, c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, stop ? "+:h" : ":h", spelling->options, &index)) != -1) {
		const char letter[] = { '-', (char)optopt, '\0' }; /* getopt may still be inside of its word */
		const char *word = c == '?' && optopt ? letter : argv[optind > 0 ? optind - 1 : 0];
		int r = 0;

		if (c == 'h')
			r = give(ctl, &global_options[2], NULL);
		else if (c == ':')
			r = fault_set(&ctl->fault, -EINVAL, "%s needs a value; see cppsctl %s%s--help", word,
				command_words(ctl), ctl->command ? " " : "");
		else if (c == '?')
			r = fault_set(&ctl->fault, -EINVAL, "unknown option %s; see cppsctl %s%s--help", word,
				command_words(ctl), ctl->command ? " " : "");
		else
			r = give(ctl, spelling->rows[index], optarg);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct command *command_find(char *const *words, int n, int *ret_taken)
{
	char two[64] = "";

	if (n >= 2)
		(void)snprintf(two, sizeof(two), "%s %s", words[0], words[1]);
	for (int taken = n >= 2 ? 2 : 1; taken > 0; taken--) {
		const char *name = taken == 2 ? two : words[0];

		for (const struct command *const *command = commands; *command; command++)
			if (strcmp((*command)->name, name) == 0) {
				*ret_taken = taken;
				return *command;
			}
	}
	return NULL;
}

/* How many letters must be put in, taken out, changed or swapped with the next to make `b` of `a`. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], n = strlen(b);

	if (strlen(a) > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);

			now[j] = (last[j] < now[j - 1] ? last[j] : now[j - 1]) + 1;
			if (change < now[j])
				now[j] = change;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return rows[strlen(a) % 3][n];
}

/* The command whose name is nearly what was typed; NULL: none is. */
static const char *near(const char *typed)
{
	const char *nearest = NULL;
	size_t least = SLIPS_MAX + 1;

	for (const struct command *const *command = commands; *command; command++) {
		size_t d = distance(typed, (*command)->name);

		if (d < least && d < strlen(typed)) {
			least = d;
			nearest = (*command)->name;
		}
	}
	return nearest;
}

int command_unknown(const char *typed, struct fault *fault)
{
	const char *meant = near(typed);

	if (meant)
		return fault_set(fault, -EINVAL, "there is no command \"%s\"; did you mean %s? See cppsctl --help",
			typed, meant);
	return fault_set(fault, -EINVAL, "there is no command \"%s\"; see cppsctl --help", typed);
}

static int check_operands(struct ctl *ctl)
{
	const struct command *command = ctl->command;

	if (ctl_flag(ctl, "help"))
		return 0;
	if (ctl->operand_count < command->least)
		return fault_set(&ctl->fault, -EINVAL, "%s needs %s; see cppsctl %s --help", command->name,
			command->operands, command->name);
	if (ctl->operand_count > command->most)
		return fault_set(&ctl->fault, -EINVAL, "%s does not take \"%s\"; see cppsctl %s --help", command->name,
			ctl->operands[command->most], command->name);
	return 0;
}

int ctl_parse(struct ctl *ctl, int argc, char **argv)
{
	struct spelling spelling = { 0 };
	int words = 0, r;

	spell(&spelling, global_options);
	optind = 0; /* starts anew, also a second time in one process */
	r = take_options(ctl, argc, argv, &spelling, true);
	if (r < 0 || optind >= argc)
		return r;
	ctl->command = command_find(argv + optind, argc - optind, &words);
	if (!ctl->command)
		return command_unknown(argv[optind], &ctl->fault);
	spell(&spelling, ctl->command->options);
	/* getopt takes its argv[0] for the program's name: the last word of the command stands in for it. */
	argc -= optind + words - 1;
	argv += optind + words - 1;
	optind = 0;
	r = take_options(ctl, argc, argv, &spelling, false);
	if (r < 0)
		return r;
	ctl->operands = argv + optind;
	ctl->operand_count = argc - optind;
	return check_operands(ctl);
}

int ctl_config(struct ctl *ctl, const struct config **ret)
{
	if (!ctl->config) {
		int r = config_load(config_path(ctl_text(ctl, "config")), &ctl->config, &ctl->fault);

		if (r < 0)
			return r;
	}
	*ret = ctl->config;
	return 0;
}

enum ctl_exit ctl_fail(const struct ctl *ctl)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "cppsctl: %s\n", ctl->fault.sentence);
	return CTL_FAILED;
}

static enum ctl_exit run(struct ctl *ctl)
{
	if (ctl_flag(ctl, "version")) {
		(void)puts("cppsctl " CPPS_VERSION);
		return CTL_OK;
	}
	if (ctl_flag(ctl, "help")) {
		if (ctl->command)
			help_command(ctl->command);
		else
			help_overview();
		return CTL_OK;
	}
	if (ctl->command)
		return ctl->command->run(ctl);
	(void)fault_set(&ctl->fault, -EINVAL, "name a command; see cppsctl --help");
	(void)ctl_fail(ctl);
	return CTL_USAGE;
}

enum ctl_exit ctl_main(int argc, char **argv)
{
	struct ctl ctl = { 0 };
	enum ctl_exit status;

	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* tables measure their text; the output does not depend on who calls */
	if (ctl_parse(&ctl, argc, argv) < 0) {
		(void)ctl_fail(&ctl);
		return CTL_USAGE;
	}
	status = run(&ctl);
	ctl.config = config_free(ctl.config);
	if (fflush(stdout) != 0) {
		(void)fprintf(stderr, "cppsctl: cannot write the output (%s); is the disk full?\n", strerror(errno));
		return CTL_FAILED;
	}
	if (ferror(stdout)) { /* of an earlier line: why is not known any more */
		(void)fprintf(stderr, "cppsctl: cannot write the output; is the disk full?\n");
		return CTL_FAILED;
	}
	return status;
}
