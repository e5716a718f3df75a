/* cppsctl's commands as tables: one row a command, one row an option. The command line is read by them (getopt_long), and the help, the man
 * page and the bash completion are printed from them, so that no option exists in one place only.
 *
 * A command's file defines `command_<name>` and is named once in COMMANDS. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/instant.h"
#include "config/config.h"

/* Exit status. */
enum ctl_exit {
	CTL_OK,
	CTL_FAILED,
	CTL_USAGE,
	CTL_QUARANTINED, /* done, but some events were quarantined, or refused by publish */
	CTL_DIFFERS,     /* reconcile: the lists differ */
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_DATE, OPTION_WORD };

struct option_row {
	const char *name;      /* without its dashes; NULL ends a table */
	enum option_kind kind; /* numbers, dates and words are checked before the command runs */
	const char *argument;  /* what the help calls it */
	const char *help;
	const char *const *words; /* OPTION_WORD: the allowed ones, NULL-terminated */
	bool many;                /* may be given more than once */
};
#define OPTIONS_END          \
	{                    \
		.name = NULL \
	}

struct ctl;

#define OPERANDS_ANY INT_MAX

struct command {
	const char *name;     /* one word or two */
	const char *operands; /* as the help shows them */
	int least, most;      /* how many operands */
	const char *help;     /* one line */
	const char *more;     /* paragraphs for --help and the man page, parted by empty lines; NULL: none */
	const struct option_row *options; /* NULL: the global ones alone */
	enum ctl_exit (*run)(struct ctl *ctl);
	bool hidden;
};

#define COMMANDS(X)           \
	X(submit)             \
	X(tail)               \
	X(status)             \
	X(requests)           \
	X(tasks)              \
	X(ptp)                \
	X(show)               \
	X(parked)             \
	X(quarantine)         \
	X(quarantine_show)    \
	X(quarantine_retry)   \
	X(quarantine_discard) \
	X(sources)            \
	X(consumers)          \
	X(consumers_forget)   \
	X(allocate)           \
	X(task)               \
	X(ptp_record)         \
	X(plan)               \
	X(reconcile)          \
	X(generate)           \
	X(publish)            \
	X(clock_advance)      \
	X(migrate)            \
	X(check_config)       \
	X(policy_check)       \
	X(graph_ptp)          \
	X(help)

#define COMMAND_DECLARE(name) extern const struct command command_##name;
COMMANDS(COMMAND_DECLARE)

extern const struct command *const commands[]; /* NULL-terminated */
extern const struct option_row global_options[];

#define GIVEN_MAX 64

/* A command line that has been read. */
struct ctl {
	const struct command *command;
	struct given {
		const struct option_row *option;
		const char *text; /* NULL for a flag */
	} given[GIVEN_MAX];
	size_t given_count;
	char *const *operands;
	int operand_count;
	struct config *config; /* NULL until ctl_config() */
	struct fault fault;    /* what went wrong; ctl_fail() prints it */
};

/* Reads the command line and runs the command: all of main(). */
enum ctl_exit ctl_main(int argc, char **argv);

/* 0: ctl->command and all it was given are set; -EINVAL: fault says what is wrong. ctl->command is NULL where none was named (--help, --version). */
int ctl_parse(struct ctl *ctl, int argc, char **argv);

bool ctl_flag(const struct ctl *ctl, const char *option);
const char *ctl_text(const struct ctl *ctl, const char *option); /* NULL: not given; the last one counts */
uint64_t ctl_number(const struct ctl *ctl, const char *option, uint64_t otherwise);
struct date ctl_date(const struct ctl *ctl, const char *option, struct date otherwise);
/* Collects every value of an option that may be given often; ends the list with NULL. */
size_t ctl_list(const struct ctl *ctl, const char *option, const char **ret, size_t size);
bool ctl_json(const struct ctl *ctl);

/* A decimal number without sign; 0 or -EINVAL. */
int number_parse(const char *text, uint64_t *ret);

/* The command that the words name: two of them if there is such a one, else the first. *ret_taken: how many. NULL: none. */
const struct command *command_find(char *const *words, int n, int *ret_taken);
/* -EINVAL with a sentence that names the one that may have been meant. */
int command_unknown(const char *typed, struct fault *fault);

/* The configuration, loaded at the first call. 0 or negative with ctl->fault. */
int ctl_config(struct ctl *ctl, const struct config **ret);

/* Prints ctl->fault as the one line on stderr and returns CTL_FAILED. */
enum ctl_exit ctl_fail(const struct ctl *ctl);

/* Help, man page and completion, from the tables. */
void help_overview(void);
void help_command(const struct command *command);
