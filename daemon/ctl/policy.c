/* policy check, graph ptp: the policy as the database has it. */
#include "core/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/ptp_graph.h"
#include "ctl/query.h"

static int load(struct ctl *ctl, struct policy **ret)
{
	PGconn *connection;
	int r = query_connection(ctl, &connection);

	return r < 0 ? r : read_policy(connection, ret, &ctl->fault);
}

/* ---- policy check ---- */
static enum ctl_exit check_run(struct ctl *ctl)
{
	CLEANUP(freep) struct policy *policy = NULL;

	if (load(ctl, &policy) < 0)
		return ctl_fail(ctl);
	if (ctl_json(ctl))
		(void)puts("{\"sound\":true}");
	else
		(void)printf(
			"the policy is sound: %u offices, %u steps, %u holidays, %u version%s of the PTP procedure\n",
			policy->office_count, policy->step_count, policy->holiday_count, policy->ptp_count,
			policy->ptp_count == 1 ? "" : "s");
	return CTL_OK;
}

const struct command command_policy_check = {
	.name = "policy check",
	.operands = "",
	.help = "say whether the policy in the database fits together",
	.more = "The daemon takes a changed policy up when it is reloaded, and refuses one that does not fit together: "
		"ask "
		"before.",
	.run = check_run,
};

/* ---- graph ptp ---- */
static const char *const formats[] = { "mermaid", "dot", NULL };

static void print_line(void *context, const char *line)
{
	(void)context;
	(void)puts(line);
}

static enum ptp_graph_format format_of(const struct ctl *ctl)
{
	const char *format = ctl_text(ctl, "format");

	return format && strcmp(format, "dot") == 0 ? PTP_GRAPH_DOT : PTP_GRAPH_MERMAID;
}

/* The version asked for, else the one in force today. */
static uint64_t version_of(const struct ctl *ctl, const struct policy *policy)
{
	const struct instant now = { (int64_t)time(NULL) * US_PER_SECOND };
	const struct policy_ptp *in_force = policy_ptp_at(policy, zone_date(&policy->zone, now, NULL));

	return ctl_number(ctl, "procedure", in_force ? (uint64_t)in_force->version : 0);
}

static enum ctl_exit graph_run(struct ctl *ctl)
{
	CLEANUP(freep) struct policy *policy = NULL;
	uint64_t version;

	if (load(ctl, &policy) < 0)
		return ctl_fail(ctl);
	version = version_of(ctl, policy);
	if (version <= INT32_MAX && ptp_graph(policy, (int32_t)version, format_of(ctl), print_line, NULL) == 0)
		return CTL_OK;
	(void)fault_set(&ctl->fault, -ENOENT, "the policy has no version %llu of the PTP procedure; it has %d to %d",
		(unsigned long long)version, policy->ptps[0].version, policy->ptps[policy->ptp_count - 1].version);
	return ctl_fail(ctl);
}

static const struct option_row graph_options[] = {
	{ "format", OPTION_WORD, "FORMAT", "mermaid (default) or dot", formats, false },
	{ "procedure", OPTION_NUMBER, "N", "this version of the procedure (default: the one in force)", NULL, false },
	OPTIONS_END,
};

const struct command command_graph_ptp = {
	.name = "graph ptp",
	.operands = "",
	.help = "print the stages of person to person monitoring as a diagram",
	.more = "Made from the very rows the bridge decides by.",
	.options = graph_options,
	.run = graph_run,
};
