#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/generate.h"
#include "ctl/rows.h"

#define DAYS_MAX   36500
#define CLAIM_DAYS 400 /* as shipped */

static int print_line(void *context, const char *line, size_t n)
{
	(void)context;
	return fwrite(line, 1, n, stdout) == n && putchar('\n') != EOF ? 0 : -EIO;
}

/* A bridge remembers what it took for 400 days as shipped, and sets aside what is older (X2). Said on stderr: the bytes do not depend on the day. */
static void warn_if_old(struct date from, struct date today)
{
	char text[DATE_TEXT];

	if (today.day - from.day > CLAIM_DAYS)
		(void)fprintf(stderr,
			"cppsctl: %s is more than %d days ago: a bridge quarantines such events (EVENT_TOO_OLD); "
			"--from today makes them of now\n",
			date_format(from, text), CLAIM_DAYS);
}

static enum ctl_exit generate_run(struct ctl *ctl)
{
	struct generate_options options = {
		.events = ctl_number(ctl, "events", 1000),
		.seed = ctl_number(ctl, "seed", 1),
		.days = ctl_number(ctl, "days", 0),
	};
	int r;

	if (options.days > DAYS_MAX) {
		(void)fault_set(&ctl->fault, -EINVAL, "--days takes at most %d", DAYS_MAX);
		(void)ctl_fail(ctl);
		return CTL_USAGE;
	}
	(void)date_parse(GENERATE_FROM, &options.from);
	options.from = ctl_date(ctl, "from", options.from);
	warn_if_old(options.from, date_today());
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
		"the first day, such as 2026-11-02 or today (default: " GENERATE_FROM
		", whatever day it is, so that the "
		"same arguments give the same bytes)",
		NULL, false },
	{ "days", OPTION_NUMBER, "D", "spread the events over about so many days (default: the usual 130,000 a year)",
		NULL, false },
	OPTIONS_END,
};

const struct command command_generate = {
	.name = "generate",
	.operands = "",
	.help = "make up realistic court, prison and office events, for trials",
	.more = "One JSON CloudEvent a line, for cppsctl submit. The same arguments give the same bytes, on any "
		"machine "
		"and any day (--from today: on the same day).\n\n"
		"About 96 in 100 are accepted. The rest is what real feeds bring: events sent twice, papers of orders "
		"that never come (they stay parked), and a few that are wrong in one field and are quarantined.\n\n"
		"A bridge sets aside what happened more than 400 days ago (EVENT_TOO_OLD). From the end of 2027 on "
		"give "
		"--from; generate says so when it is needed.",
	.options = generate_options,
	.run = generate_run,
};
