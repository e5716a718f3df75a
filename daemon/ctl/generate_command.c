#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/generate.h"

static int print_line(void *context, const char *line, size_t n)
{
	(void)context;
	return fwrite(line, 1, n, stdout) == n && putchar('\n') != EOF ? 0 : -EIO;
}

static enum ctl_exit generate_run(struct ctl *ctl)
{
	struct generate_options options = {
		.events = ctl_number(ctl, "events", 1000),
		.seed = ctl_number(ctl, "seed", 1),
		.days = ctl_number(ctl, "days", 0),
	};
	int r;

	(void)date_parse(GENERATE_FROM, &options.from);
	options.from = ctl_date(ctl, "from", options.from);
	if (options.days > 36500) {
		(void)fault_set(&ctl->fault, -EINVAL, "--days takes at most 36500");
		(void)ctl_fail(ctl);
		return CTL_USAGE;
	}
	r = generate(&options, print_line, NULL);
	if (r == 0)
		return CTL_OK;
	(void)fault_set(&ctl->fault, r,
		r == -ENOMEM ? "out of memory; generate fewer events at once" : "cannot write the output");
	return ctl_fail(ctl);
}

static const struct option_row generate_options[] = {
	{ "events", OPTION_NUMBER, "N", "how many lines (default: 1000)", NULL, false },
	{ "seed", OPTION_NUMBER, "S", "another seed, another world (default: 1)", NULL, false },
	{ "from", OPTION_DATE, "DATE",
		"the first day (default: " GENERATE_FROM
		", and not today, so that the same arguments always give the same bytes)",
		NULL, false },
	{ "days", OPTION_NUMBER, "D", "spread the events over about so many days (default: the usual 130,000 a year)",
		NULL, false },
	OPTIONS_END,
};

const struct command command_generate = {
	.name = "generate",
	.operands = "",
	.help = "make up realistic court, prison and office events, for trials",
	.more = "One JSON CloudEvent a line, for cppsctl submit. The same arguments give the same bytes on any "
		"machine.\n\n"
		"About 96 in 100 are accepted. The rest is what real feeds bring: events sent twice, papers of orders "
		"that never come (they stay parked), and a few "
		"that are wrong in one field and are quarantined.",
	.options = generate_options,
	.run = generate_run,
};
