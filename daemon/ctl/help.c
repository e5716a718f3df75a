/* Help, the man page cppsctl(1) and bash completion, all printed from the tables of command.h. */
#include "ctl/command.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 100

static const struct {
	enum ctl_exit status;
	const char *meaning;
} statuses[] = {
	{ CTL_OK, "done" },
	{ CTL_FAILED, "failed; one line on stderr says what and how to mend it" },
	{ CTL_USAGE, "the command line is wrong" },
	{ CTL_QUARANTINED, "done, but some events were quarantined, or refused by publish" },
	{ CTL_DIFFERS, "reconcile: the lists differ" },
};

/* ---- Plain text ---- */

/* Prints text broken at spaces, every line indented; `column` is where the pen stands. An empty line stays. */
static void wrap(const char *text, int indent, int column)
{
	while (*text) {
		int n = (int)strcspn(text, " \n");

		if (column + n > WIDTH && column > indent) {
			(void)printf("\n%*s", indent, "");
			column = indent;
		}
		(void)printf("%.*s", n, text);
		text += n;
		column += n;
		if (*text == '\n') {
			(void)printf("\n%*s", text[1] == '\n' ? 0 : indent, "");
			column = indent;
			text++;
		} else if (*text == ' ') {
			(void)putchar(' ');
			column++;
			text++;
		}
	}
	(void)putchar('\n');
}

static int option_width(const struct option_row *option)
{
	return 4 + (int)strlen(option->name) + (option->argument ? 1 + (int)strlen(option->argument) : 0);
}

static void print_option(const struct option_row *option, int indent)
{
	int column = option_width(option);

	(void)printf("  --%s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
	if (column + 2 > indent) {
		(void)putchar('\n');
		column = 0;
	}
	(void)printf("%*s", indent - column, "");
	wrap(option->help, indent, indent);
}

static void print_options(const char *title, const struct option_row *options)
{
	int indent = 0;

	for (const struct option_row *option = options; option && option->name; option++)
		if (option_width(option) + 2 > indent && option_width(option) < 32)
			indent = option_width(option) + 2;
	if (!options || !options->name)
		return;
	(void)printf("\n%s:\n", title);
	for (; options->name; options++)
		print_option(options, indent ? indent : 32);
}

void help_command(const struct command *command)
{
	(void)printf("Usage: cppsctl %s%s%s%s\n\n", command->name, command->options ? " [OPTION]..." : "",
		*command->operands ? " " : "", command->operands);
	wrap(command->help, 0, 0);
	if (command->more) {
		(void)putchar('\n');
		wrap(command->more, 0, 0);
	}
	print_options("Options", command->options);
	print_options("Everywhere", global_options);
}

void help_overview(void)
{
	(void)puts("Usage: cppsctl [--config FILE] COMMAND [OPTION]...\n\nThe command-line tool of "
		   "cpps-bridge.\n\nCommands:");
	for (const struct command *const *command = commands; *command; command++) {
		if ((*command)->hidden)
			continue;
		(void)printf("  %-19s ", (*command)->name);
		wrap((*command)->help, 22, 22);
	}
	print_options("Everywhere", global_options);
	(void)puts("\nExit status:");
	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++)
		(void)printf("  %d  %s\n", statuses[i].status, statuses[i].meaning);
	(void)puts("\ncppsctl COMMAND --help says more.");
}

/* ---- Man page ---- */
static void troff(const char *text)
{
	bool start = true;

	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			(void)fputs("\\&", stdout);
		if (text[0] == '\n' && text[1] == '\n') {
			(void)fputs("\n.PP", stdout);
			text++;
		}
		if (*text == '\\')
			(void)fputs("\\e", stdout);
		else if (*text == '-')
			(void)fputs("\\-", stdout);
		else
			(void)putchar(*text);
		start = *text == '\n';
	}
	(void)putchar('\n');
}

static void troff_options(const struct option_row *options)
{
	for (; options && options->name; options++) {
		(void)fputs(".TP\n\\fB", stdout);
		(void)printf("\\-\\-%s\\fR", options->name);
		if (options->argument)
			(void)printf(" \\fI%s\\fR", options->argument);
		(void)putchar('\n');
		troff(options->help);
	}
}

static void troff_command(const struct command *command)
{
	(void)printf(".SS \"%s", command->name);
	if (*command->operands)
		(void)printf(" \\fI%s\\fR", command->operands);
	(void)puts("\"");
	troff(command->help);
	if (command->more) {
		(void)puts(".PP");
		troff(command->more);
	}
	troff_options(command->options);
}

static void print_man(void)
{
	(void)puts(".\\\" Printed by cppsctl help --man.\n.TH CPPSCTL 1 \"\" \"cpps-bridge " CPPS_VERSION
		   "\" \"cpps-bridge\"\n"
		   ".SH NAME\ncppsctl \\- the command\\-line tool of cpps\\-bridge\n"
		   ".SH SYNOPSIS\n.B cppsctl\n[\\fB\\-\\-config\\fR \\fIFILE\\fR] \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
		   ".SH DESCRIPTION\nFeeds, reads and looks after a cpps\\-bridge: the daemon that turns court and "
		   "prison events "
		   "into allocation requests, tasks and PTP cases.\n"
		   "Times in tables are New Zealand time; with \\fB\\-\\-json\\fR they are RFC 3339 in UTC.\n"
		   ".SH OPTIONS\nThese may be given to every command.");
	troff_options(global_options);
	(void)puts(".SH COMMANDS");
	for (const struct command *const *command = commands; *command; command++)
		if (!(*command)->hidden)
			troff_command(*command);
	(void)puts(".SH EXIT STATUS");
	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++)
		(void)printf(".TP\n\\fB%d\\fR\n%s\n", statuses[i].status, statuses[i].meaning);
	(void)puts(".SH ENVIRONMENT\n.TP\n\\fBCPPS_BRIDGE_CONFIG\\fR\nThe configuration, where \\fB\\-\\-config\\fR is "
		   "not given.\n"
		   ".SH FILES\n.TP\n\\fI" CONFIG_DEFAULT "\\fR\nThe configuration, where nothing else is named.\n"
		   ".SH SEE ALSO\n\\fBcpps\\-bridged\\fR(8), \\fBcpps\\-bridge.yaml\\fR(5)");
}

/* ---- Bash completion ---- */
static void complete_options(const struct option_row *options)
{
	for (; options && options->name; options++)
		(void)printf(" --%s", options->name);
}

/* One case for an option that takes one of a few words, or a file. */
static void complete_values(const struct command *command, const struct option_row *options)
{
	for (; options && options->name; options++) {
		if (options->kind != OPTION_WORD)
			continue;
		(void)printf("\t\"%s\"--%s) words=\"", command->name, options->name);
		for (const char *const *word = options->words; *word; word++)
			(void)printf("%s%s", word == options->words ? "" : " ", *word);
		(void)puts("\" ;;");
	}
}

static void complete_names(void)
{
	(void)fputs("\tcommands=\"", stdout);
	for (const struct command *const *command = commands; *command; command++)
		if (!(*command)->hidden && !strchr((*command)->name, ' '))
			(void)printf("%s ", (*command)->name);
	(void)fputs("clock graph policy\"\n", stdout);
}

/* The second words of commands of two. */
static void complete_seconds(void)
{
	for (const struct command *const *command = commands; *command; command++) {
		const char *second = strchr((*command)->name, ' ');

		if (second)
			(void)printf("\t\t%.*s) words=\"$words %s\" ;;&\n", (int)(second - (*command)->name),
				(*command)->name, second + 1);
	}
}

static void complete_commands(void)
{
	for (const struct command *const *command = commands; *command; command++) {
		if ((*command)->hidden)
			continue;
		(void)printf("\t\t\"%s\") words=\"$words", (*command)->name);
		complete_options((*command)->options);
		(void)puts("\" ;;");
	}
}

static void print_completion(void)
{
	(void)puts("# Bash completion of cppsctl, printed by cppsctl help --completion.\n"
		   "_cppsctl()\n{\n\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
		   "\tlocal first=${COMP_WORDS[1]} second=${COMP_WORDS[2]} command words= commands");
	complete_names();
	(void)puts("\tcommand=$first\n\tcase \" clock graph policy \" in *\" $first \"*) command=\"$first $second\" ;; "
		   "esac\n"
		   "\tif [ \"$COMP_CWORD\" -gt 2 ]; then\n\t\tcase \"$first $second\" in");
	for (const struct command *const *command = commands; *command; command++)
		if (strchr((*command)->name, ' '))
			(void)printf("\t\t\"%s\") command=\"$first $second\" ;;\n", (*command)->name);
	(void)puts("\t\tesac\n\tfi\n\tif [ \"$COMP_CWORD\" -le 1 ]; then\n"
		   "\t\tCOMPREPLY=($(compgen -W \"$commands --config --help --version\" -- "
		   "\"$current\"))\n\t\treturn\n\tfi\n"
		   "\tcase \"$command$previous\" in");
	for (const struct command *const *command = commands; *command; command++)
		complete_values(*command, (*command)->options);
	(void)puts(
		"\tesac\n\tif [ -z \"$words\" ]; then\n\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n\t\tcase \"$first\" in");
	complete_seconds();
	(void)puts("\t\tesac\n\t\tfi\n\t\tcase \"$command\" in");
	complete_commands();
	(void)fputs("\t\tesac\n\t\twords=\"$words", stdout);
	complete_options(global_options);
	(void)puts("\"\n\tfi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\") $(compgen -f -- \"$current\"))\n}\n"
		   "complete -o filenames -F _cppsctl cppsctl");
}

/* ---- The command ---- */
static const struct option_row help_options[] = {
	{ "man", OPTION_FLAG, NULL, "print the man page cppsctl(1)", NULL, false },
	{ "completion", OPTION_FLAG, NULL, "print the bash completion", NULL, false },
	OPTIONS_END,
};

/* help COMMAND. */
static enum ctl_exit help_on(struct ctl *ctl)
{
	int taken = 0;
	const struct command *command = command_find(ctl->operands, ctl->operand_count, &taken);

	if (command && taken == ctl->operand_count) {
		help_command(command);
		return CTL_OK;
	}
	(void)command_unknown(ctl->operands[command ? taken : 0], &ctl->fault);
	(void)ctl_fail(ctl);
	return CTL_USAGE;
}

static enum ctl_exit help_run(struct ctl *ctl)
{
	if (ctl->operand_count)
		return help_on(ctl);
	if (ctl_flag(ctl, "man"))
		print_man();
	else if (ctl_flag(ctl, "completion"))
		print_completion();
	else
		help_overview();
	return CTL_OK;
}

const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.most = 2,
	.help = "print this help or a command's, the man page or the bash completion",
	.options = help_options,
	.run = help_run,
	.hidden = true,
};
