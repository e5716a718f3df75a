/* The listings of the views of schema cpps: requests, tasks, ptp, parked, quarantine, consumers. */
#include "ctl/listing.h"
#include "ctl/words.h"

static const char *const request_states[] = { REQUEST_STATES(WORD_NAME) NULL };
static const char *const task_states[] = { TASK_STATES(WORD_NAME) NULL };
static const char *const task_kinds[] = { TASK_KINDS(WORD_NAME) NULL };
static const char *const ptp_states[] = { PTP_STATES(WORD_NAME) NULL };
static const char *const quarantine_states[] = { QUARANTINE_STATES(WORD_NAME) NULL };
static const char *const order_types[] = { ORDER_TYPES(WORD_NAME) NULL };
static const char *const roles[] = { ROLES(WORD_NAME) NULL };
static const char *const reasons[] = { REASONS(WORD_NAME) NULL };

#define OFFICE_OPTION                                                                              \
	{                                                                                          \
		"office", OPTION_TEXT, "OFFICE", "of this office, such as WELLINGTON", NULL, false \
	}
#define PRN_OPTION                                                       \
	{                                                                \
		"prn", OPTION_TEXT, "PRN", "of this person", NULL, false \
	}
#define OFFICER_OPTION                                                                      \
	{                                                                                   \
		"officer", OPTION_TEXT, "OFFICER", "of this probation officer", NULL, false \
	}
#define ORDER_OPTION                                                            \
	{                                                                       \
		"order", OPTION_TEXT, "ORDER_REF", "of this order", NULL, false \
	}
#define OVERDUE_OPTION                                                                \
	{                                                                             \
		"overdue", OPTION_FLAG, NULL, "past their due time only", NULL, false \
	}
#define STATE_OPTION(words, help)                                 \
	{                                                         \
		"state", OPTION_WORD, "STATE", help, words, false \
	}
#define SOURCE_OPTION                                                                                        \
	{                                                                                                    \
		"source", OPTION_TEXT, "SOURCE", "from this source, such as urn:nz:justice:cms", NULL, false \
	}

/* ---- requests ---- */
static const struct column request_columns[] = {
	{ "order_ref", "ORDER", CELL_TEXT },
	{ "prn", "PRN", CELL_TEXT },
	{ "filed_prn", NULL, CELL_TEXT },
	{ "order_type", "TYPE", CELL_TEXT },
	{ "office", "OFFICE", CELL_TEXT },
	{ "area", NULL, CELL_TEXT },
	{ "region", NULL, CELL_TEXT },
	{ "place", NULL, CELL_TEXT },
	{ "state", "STATE", CELL_TEXT },
	{ "officer_id", "OFFICER", CELL_TEXT },
	{ "recommended_officer_id", "RECOMMENDED", CELL_TEXT },
	{ "requested_at", NULL, CELL_TIME },
	{ "due_at", "DUE", CELL_TIME },
	{ "first_report_by", NULL, CELL_TIME },
	{ "allocated_at", NULL, CELL_TIME },
	{ "level", NULL, CELL_NUMBER },
	{ "overdue", "OVERDUE", CELL_FLAG },
	{ "in_effect", NULL, CELL_FLAG },
	{ "live", NULL, CELL_FLAG },
	{ "scheduled_on", NULL, CELL_DATE },
	{ "effective_on", NULL, CELL_DATE },
	{ "starts_on", NULL, CELL_DATE },
	{ "ends_on", NULL, CELL_DATE },
	{ "child_sex_offence", NULL, CELL_FLAG },
	{ "conditions", NULL, CELL_LIST },
	{ "documents", NULL, CELL_LIST },
	{ "applied_at", NULL, CELL_TIME },
};

static const struct filter request_filters[] = {
	{ "office", "office = %s", NULL },
	{ "state", "state = %s", NULL },
	{ "type", "order_type = %s", NULL },
	{ "prn", "prn = %s OR filed_prn = %s", NULL },
	{ "officer", "officer_id = %s", NULL },
	{ "order", "order_ref = %s", NULL },
	{ "overdue", "overdue", NULL },
	{ NULL, NULL, NULL },
};

static const struct listing requests = { "requests", "cpps.request", request_columns, ARRAY_LENGTH(request_columns),
	request_filters, "state IN ('COMPLETED', 'CANCELLED', 'ENDED'), due_at NULLS LAST, order_ref", "overdue" };

static enum ctl_exit requests_run(struct ctl *ctl)
{
	return listing_run(ctl, &requests);
}

static const struct option_row request_options[] = {
	OFFICE_OPTION,
	STATE_OPTION(request_states, "in this state: PLANNED, OPEN, ALLOCATED, COMPLETED, CANCELLED or ENDED"),
	{ "type", OPTION_WORD, "TYPE", "of this order type, such as HOME_DETENTION", order_types, false },
	PRN_OPTION,
	OFFICER_OPTION,
	ORDER_OPTION,
	OVERDUE_OPTION,
	LISTING_OPTIONS,
};

const struct command command_requests = {
	.name = "requests",
	.operands = "",
	.help = "list the requests to manage a sentence or order: those to be done first, by due time",
	.options = request_options,
	.run = requests_run,
};

/* ---- tasks ---- */
static const struct column task_columns[] = {
	{ "kind", NULL, CELL_TEXT },
	{ "ref", "FOR", CELL_TEXT },
	{ "order_ref", NULL, CELL_TEXT },
	{ "step", "STEP", CELL_NUMBER },
	{ "title", "TITLE", CELL_SENTENCE },
	{ "role", "ROLE", CELL_TEXT },
	{ "state", "STATE", CELL_TEXT },
	{ "office", "OFFICE", CELL_TEXT },
	{ "prn", NULL, CELL_TEXT },
	{ "officer_id", NULL, CELL_TEXT },
	{ "opened_at", NULL, CELL_TIME },
	{ "due_at", "DUE", CELL_TIME },
	{ "closed_at", NULL, CELL_TIME },
	{ "level", NULL, CELL_NUMBER },
	{ "overdue", "OVERDUE", CELL_FLAG },
};

static const struct filter task_filters[] = {
	{ "office", "office = %s", NULL },
	{ "state", "state = %s", NULL },
	{ "kind", "kind = %s", NULL },
	{ "role", "role = %s", NULL },
	{ "step", "step = %s::bigint", NULL },
	{ "prn", "prn = %s", NULL },
	{ "officer", "officer_id = %s", NULL },
	{ "order", "order_ref = %s", NULL },
	{ "overdue", "overdue", NULL },
	{ NULL, NULL, NULL },
};

static const struct listing tasks = { "tasks", "cpps.task", task_columns, ARRAY_LENGTH(task_columns), task_filters,
	"state IN ('COMPLETED', 'SKIPPED', 'CANCELLED'), due_at NULLS LAST, ref, step, opened_at", "overdue" };

static enum ctl_exit tasks_run(struct ctl *ctl)
{
	return listing_run(ctl, &tasks);
}

static const struct option_row task_options[] = {
	OFFICE_OPTION,
	STATE_OPTION(task_states, "in this state: WAITING, OPEN, COMPLETED, SKIPPED or CANCELLED"),
	{ "kind", OPTION_WORD, "KIND", "ALLOCATION or PTP", task_kinds, false },
	{ "role", OPTION_WORD, "ROLE", "of this role, such as SERVICE_MANAGER", roles, false },
	{ "step", OPTION_NUMBER, "N", "of this step or stage", NULL, false },
	PRN_OPTION,
	OFFICER_OPTION,
	ORDER_OPTION,
	OVERDUE_OPTION,
	LISTING_OPTIONS,
};

const struct command command_tasks = {
	.name = "tasks",
	.operands = "",
	.help = "list the tasks of requests and PTP cases: those to be done first, by due time",
	.options = task_options,
	.run = tasks_run,
};

/* ---- ptp ---- */
static const struct column ptp_columns[] = {
	{ "ptp_ref", "CASE", CELL_TEXT },
	{ "order_ref", "ORDER", CELL_TEXT },
	{ "prn", "PRN", CELL_TEXT },
	{ "office", "OFFICE", CELL_TEXT },
	{ "stage", "STAGE", CELL_NUMBER },
	{ "state", "STATE", CELL_TEXT },
	{ "opened_at", NULL, CELL_TIME },
	{ "entered_at", "SINCE", CELL_TIME },
	{ "due_at", "DUE", CELL_TIME },
	{ "next_role", "NEXT", CELL_TEXT },
	{ "level", NULL, CELL_NUMBER },
	{ "overdue", "OVERDUE", CELL_FLAG },
	{ "starts_on", NULL, CELL_DATE },
	{ "ends_on", NULL, CELL_DATE },
	{ "monitoring", NULL, CELL_TEXT },
	{ "em_criteria_met", NULL, CELL_FLAG },
	{ "em_approval", NULL, CELL_TEXT },
	{ "residential_restrictions", NULL, CELL_FLAG },
	{ "suitability", NULL, CELL_LIST },
	{ "area_supports", NULL, CELL_FLAG },
	{ "region_supports", NULL, CELL_FLAG },
	{ "approved", NULL, CELL_FLAG },
	{ "considered_by", NULL, CELL_TEXT },
	{ "version", NULL, CELL_NUMBER },
	{ "applied_at", NULL, CELL_TIME },
};

static const struct filter ptp_filters[] = {
	{ "office", "office = %s", NULL },
	{ "state", "state = %s", NULL },
	{ "stage", "stage = %s::bigint", NULL },
	{ "prn", "prn = %s", NULL },
	{ "order", "order_ref = %s", NULL },
	{ "overdue", "overdue", NULL },
	{ NULL, NULL, NULL },
};

static const struct listing ptps = { "PTP cases", "cpps.ptp_case", ptp_columns, ARRAY_LENGTH(ptp_columns), ptp_filters,
	"state <> 'IN_PROGRESS', stage, due_at NULLS LAST, ptp_ref", "overdue" };

static enum ctl_exit ptp_run(struct ctl *ctl)
{
	return listing_run(ctl, &ptps);
}

static const struct option_row ptp_options[] = {
	OFFICE_OPTION,
	STATE_OPTION(ptp_states, "in this state, such as IN_PROGRESS or APPROVED"),
	{ "stage", OPTION_NUMBER, "N", "at this stage, 1 to 10", NULL, false },
	PRN_OPTION,
	ORDER_OPTION,
	OVERDUE_OPTION,
	LISTING_OPTIONS,
};

const struct command command_ptp = {
	.name = "ptp",
	.operands = "",
	.help = "list the cases of person to person monitoring by stage, those in progress first",
	.options = ptp_options,
	.run = ptp_run,
};

/* ---- parked ---- */
static const struct column parked_columns[] = {
	{ "number", "NUMBER", CELL_NUMBER },
	{ "waits_for", "WAITS FOR", CELL_TEXT },
	{ "type", "TYPE", CELL_TYPE },
	{ "source", "SOURCE", CELL_TEXT },
	{ "id", "ID", CELL_TEXT },
	{ "kind", NULL, CELL_TEXT },
	{ "submitter", NULL, CELL_TEXT },
	{ "happened_at", NULL, CELL_TIME },
	{ "parked_at", "SINCE", CELL_TIME },
	{ "counted_from", NULL, CELL_TIME },
	{ "long_published", NULL, CELL_FLAG },
	{ "opens", NULL, CELL_TEXT },
};

static const struct filter parked_filters[] = {
	{ "order", "waits_for = %s", NULL },
	{ "source", "source = %s", NULL },
	{ NULL, NULL, NULL },
};

static const struct listing parked = { "parked events", "cpps.parked_event", parked_columns,
	ARRAY_LENGTH(parked_columns), parked_filters, "number", "long_published" };

static enum ctl_exit parked_run(struct ctl *ctl)
{
	return listing_run(ctl, &parked);
}

static const struct option_row parked_options[] = {
	{ "order", OPTION_TEXT, "REF", "those that wait for this order or case", NULL, false },
	SOURCE_OPTION,
	LISTING_OPTIONS,
};

const struct command command_parked = {
	.name = "parked",
	.operands = "",
	.help = "list the events that wait for an order or case not yet known",
	.options = parked_options,
	.run = parked_run,
};

/* ---- quarantine ---- */
static const struct column quarantine_columns[] = {
	{ "number", "NUMBER", CELL_NUMBER },
	{ "source", NULL, CELL_TEXT },
	{ "id", NULL, CELL_TEXT },
	{ "type", NULL, CELL_TEXT },
	{ "kind", "FROM", CELL_TEXT },
	{ "submitter", NULL, CELL_TEXT },
	{ "state", "STATE", CELL_TEXT },
	{ "order_ref", "ORDER", CELL_TEXT },
	{ "office", "OFFICE", CELL_TEXT },
	{ "happened_at", NULL, CELL_TIME },
	{ "quarantined_at", "SINCE", CELL_TIME },
	{ "closed_at", NULL, CELL_TIME },
	{ "closed_by", NULL, CELL_TEXT },
	{ "opens_order", "OPENS", CELL_FLAG },
	{ "opens", NULL, CELL_TEXT },
	{ "reason", "REASON", CELL_TEXT },
	{ "sentence", "WHY", CELL_SENTENCE },
	{ "raw_size", NULL, CELL_NUMBER },
	{ "raw_kept", NULL, CELL_FLAG },
	{ "seq", NULL, CELL_NUMBER },
};

/* The sentence quotes what was sent: it is not in the view that everyone may read. */
#define QUARANTINE_FROM                                               \
	"(SELECT e.*, q.sentence FROM cpps.quarantined_event e JOIN " \
	"cpps_store.quarantined q USING (number)) AS quarantined"

static const struct filter quarantine_filters[] = {
	{ "all", NULL, NULL },
	{ "state", "state = %s", NULL },
	{ "office", "office = %s", NULL },
	{ "order", "order_ref = %s", NULL },
	{ "reason", "reason = %s", NULL },
	{ "source", "source = %s", NULL },
	{ NULL, NULL, NULL },
};

static const struct listing quarantine = { "quarantined events", QUARANTINE_FROM, quarantine_columns,
	ARRAY_LENGTH(quarantine_columns), quarantine_filters, "number", "opens_order" };

/* Held ones unless others are asked for. */
static const struct filter held_filters[] = {
	{ "all", NULL, "state = 'HELD'" },
	{ "office", "office = %s", NULL },
	{ "order", "order_ref = %s", NULL },
	{ "reason", "reason = %s", NULL },
	{ "source", "source = %s", NULL },
	{ NULL, NULL, NULL },
};

static enum ctl_exit quarantine_run(struct ctl *ctl)
{
	struct listing held = quarantine;

	held.filters = held_filters;
	return listing_run(ctl, ctl_text(ctl, "state") ? &quarantine : &held);
}

static const struct option_row quarantine_options[] = {
	OFFICE_OPTION,
	STATE_OPTION(quarantine_states, "in this state: HELD, RETRIED, DISCARDED or SUPERSEDED (default: HELD)"),
	{ "all", OPTION_FLAG, NULL, "in every state", NULL, false },
	ORDER_OPTION,
	{ "reason", OPTION_WORD, "REASON", "for this reason, such as MALFORMED", reasons, false },
	SOURCE_OPTION,
	LISTING_OPTIONS,
};

const struct command command_quarantine = {
	.name = "quarantine",
	.operands = "",
	.help = "list the events that were set aside",
	.more = "OPENS: it would have opened a request, so that an offender is without one. See quarantine show for "
		"the event itself, and mend it with quarantine retry or quarantine discard; a corrected copy from its "
		"source supersedes it by itself.",
	.options = quarantine_options,
	.run = quarantine_run,
};

/* ---- consumers ---- */
static const struct column consumer_columns[] = {
	{ "name", "NAME", CELL_TEXT },
	{ "confirmed", "CONFIRMED", CELL_NUMBER },
	{ "head", "HEAD", CELL_NUMBER },
	{ "lag", "LAG", CELL_NUMBER },
	{ "registered_at", "REGISTERED", CELL_TIME },
	{ "seen_at", "SEEN", CELL_TIME },
};

static const struct listing consumers = { "consumers", "cpps.consumer_position", consumer_columns,
	ARRAY_LENGTH(consumer_columns), NULL, "lag DESC, name", NULL };

static enum ctl_exit consumers_run(struct ctl *ctl)
{
	return listing_run(ctl, &consumers);
}

static const struct option_row consumer_options[] = { LISTING_OPTIONS };

const struct command command_consumers = {
	.name = "consumers",
	.operands = "",
	.help = "list who follows the published stream under a name, and how far",
	.options = consumer_options,
	.run = consumers_run,
};
