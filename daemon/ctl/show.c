/* show: everything the bridge knows of one order or PTP case, and how it came about. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/query.h"
#include "ctl/records.h"
#include "ctl/rows.h"

static const struct column request_columns[] = {
	{ "order_ref", "Order", CELL_TEXT },
	{ "order_type", "Type", CELL_TEXT },
	{ "state", "State", CELL_TEXT },
	{ "prn", "PRN", CELL_TEXT },
	{ "filed_prn", NULL, CELL_TEXT },
	{ "office", "Office", CELL_TEXT },
	{ "area", "Area", CELL_TEXT },
	{ "region", "Region", CELL_TEXT },
	{ "place", "Court or prison", CELL_TEXT },
	{ "officer_id", "Officer", CELL_TEXT },
	{ "recommended_officer_id", "Recommended", CELL_TEXT },
	{ "requested_at", "Requested", CELL_TIME },
	{ "due_at", "Allocate by", CELL_TIME },
	{ "overdue", "Overdue", CELL_FLAG },
	{ "level", NULL, CELL_NUMBER },
	{ "first_report_by", "First report by", CELL_TIME },
	{ "allocated_at", "Allocated", CELL_TIME },
	{ "in_effect", NULL, CELL_FLAG },
	{ "live", "Live", CELL_FLAG },
	{ "scheduled_on", "Scheduled for", CELL_DATE },
	{ "effective_on", "In effect since", CELL_DATE },
	{ "starts_on", "Starts", CELL_DATE },
	{ "ends_on", "Ends", CELL_DATE },
	{ "child_sex_offence", "Child sex offence", CELL_FLAG },
	{ "conditions", "Conditions", CELL_LIST },
	{ "documents", "Papers", CELL_LIST },
	{ "applied_at", NULL, CELL_TIME },
};

static const struct column case_columns[] = {
	{ "ptp_ref", "PTP case", CELL_TEXT },
	{ "order_ref", "Order", CELL_TEXT },
	{ "prn", "PRN", CELL_TEXT },
	{ "office", "Office", CELL_TEXT },
	{ "state", "State", CELL_TEXT },
	{ "stage", "Stage", CELL_NUMBER },
	{ "next_role", "Acts next", CELL_TEXT },
	{ "opened_at", "Opened", CELL_TIME },
	{ "entered_at", "At this stage since", CELL_TIME },
	{ "due_at", "Due", CELL_TIME },
	{ "overdue", "Overdue", CELL_FLAG },
	{ "level", NULL, CELL_NUMBER },
	{ "monitoring", "Monitoring", CELL_TEXT },
	{ "starts_on", "Starts", CELL_DATE },
	{ "ends_on", "Ends", CELL_DATE },
	{ "em_criteria_met", "EM criteria met", CELL_FLAG },
	{ "em_approval", "EM approval", CELL_TEXT },
	{ "residential_restrictions", "Residential restrictions", CELL_FLAG },
	{ "suitability", "Suitability", CELL_LIST },
	{ "area_supports", "Area manager supports", CELL_FLAG },
	{ "region_supports", "Regional manager supports", CELL_FLAG },
	{ "approved", "Approved", CELL_FLAG },
	{ "considered_by", "Considered by", CELL_TEXT },
	{ "version", "Procedure version", CELL_NUMBER },
	{ "applied_at", NULL, CELL_TIME },
};

static const struct column task_columns[] = {
	{ "kind", NULL, CELL_TEXT },
	{ "ref", NULL, CELL_TEXT },
	{ "step", "STEP", CELL_NUMBER },
	{ "title", "TITLE", CELL_SENTENCE },
	{ "role", "ROLE", CELL_TEXT },
	{ "state", "STATE", CELL_TEXT },
	{ "opened_at", NULL, CELL_TIME },
	{ "due_at", "DUE", CELL_TIME },
	{ "closed_at", "CLOSED", CELL_TIME },
	{ "level", NULL, CELL_NUMBER },
	{ "overdue", "OVERDUE", CELL_FLAG },
};

enum {
	RECORDED_AT,
	HAPPENED_AT,
	SEQ,
	WHAT,
	NAME,
	REF,
	OFFICE,
	DISPOSITION,
	REASON,
	BY,
	BY_ROLE,
	SUBMITTER,
	SOURCE,
	ID,
	DETAIL,
	PROSE
};

static const struct column history_columns[] = {
	[RECORDED_AT] = { "recorded_at", NULL, CELL_TIME },
	[HAPPENED_AT] = { "happened_at", NULL, CELL_TIME },
	[SEQ] = { "seq", NULL, CELL_NUMBER },
	[WHAT] = { "what", NULL, CELL_TEXT },
	[NAME] = { "name", NULL, CELL_TEXT },
	[REF] = { "ref", NULL, CELL_TEXT },
	[OFFICE] = { "office", NULL, CELL_TEXT },
	[DISPOSITION] = { "disposition", NULL, CELL_TEXT },
	[REASON] = { "reason", NULL, CELL_TEXT },
	[BY] = { "by", NULL, CELL_TEXT },
	[BY_ROLE] = { "by_role", NULL, CELL_TEXT },
	[SUBMITTER] = { "submitter", NULL, CELL_TEXT },
	[SOURCE] = { "source", NULL, CELL_TEXT },
	[ID] = { "id", NULL, CELL_TEXT },
	[DETAIL] = { "detail", NULL, CELL_TEXT },
	[PROSE] = { "prose", NULL, CELL_TEXT },
};
#define HISTORY ARRAY_LENGTH(history_columns)

/* The parts, in the order in which they are shown. */
enum part { PART_REQUEST, PART_CASES, PART_TASKS, PART_HISTORY, PART_END };

static const struct part_row {
	const char *name; /* in JSON */
	const char *from;
	const struct column *columns;
	size_t n;
} parts[PART_END] = {
	[PART_REQUEST] = { "request",
		"cpps.request WHERE order_ref = coalesce((SELECT order_ref FROM cpps.ptp_case WHERE ptp_ref = $1), $1)",
		request_columns, ARRAY_LENGTH(request_columns) },
	[PART_CASES] = { "ptp_cases", "cpps.ptp_case WHERE $1 IN (ptp_ref, order_ref) ORDER BY opened_at, ptp_ref",
		case_columns, ARRAY_LENGTH(case_columns) },
	[PART_TASKS] = { "tasks",
		"cpps.task WHERE $1 IN (ref, order_ref) ORDER BY kind, ref, CASE WHEN kind = 'ALLOCATION' THEN step "
		"END, "
		"opened_at NULLS LAST, step",
		task_columns, ARRAY_LENGTH(task_columns) },
	[PART_HISTORY] = { "history", "cpps_store.history($1)", history_columns, ARRAY_LENGTH(history_columns) },
};

struct shown {
	struct ctl *ctl;
	PGresult *results[PART_END];
	struct records *records;
};

static int read_part(struct shown *shown, enum part part)
{
	const struct part_row *row = &parts[part];
	const char *parameters[] = { shown->ctl->operands[0], NULL };
	char sql[4096];
	size_t n = (size_t)snprintf(sql, sizeof(sql), "SELECT");

	for (size_t i = 0; i < row->n; i++)
		n += (size_t)snprintf(sql + n, sizeof(sql) - n, "%s \"%s\"", i ? "," : "", row->columns[i].name);
	(void)snprintf(sql + n, sizeof(sql) - n, " FROM %s", row->from);
	return query_run(shown->ctl, sql, parameters, &shown->results[part]);
}

static int read_parts(struct shown *shown)
{
	int found = 0, r = 0;

	for (int part = 0; part < PART_END && r == 0; part++) {
		r = read_part(shown, (enum part)part);
		found += r == 0 ? PQntuples(shown->results[part]) : 0;
	}
	if (r == 0 && found == 0)
		return fault_set(&shown->ctl->fault, -ENOENT,
			"the bridge knows no order or PTP case %s; see cppsctl requests, ptp, parked and quarantine",
			shown->ctl->operands[0]);
	return r < 0 ? r : records_read(shown->ctl, shown->ctl->operands[0], &shown->records);
}

/* The record of a row of the history; NULL: the row is an event, or the log keeps it no longer. */
static json_t *record_of(const struct shown *shown, const char *const *cells)
{
	uint64_t seq = 0;

	if (!text_equal(cells[WHAT], "RECORD") || !cells[SEQ] || number_parse(cells[SEQ], &seq) < 0)
		return NULL;
	return records_event(shown->records, seq);
}

/* ---- For programs: one object ---- */
static json_t *part_json(const struct shown *shown, enum part part)
{
	const struct part_row *row = &parts[part];
	json_t *list = json_array();

	for (int i = 0; i < PQntuples(shown->results[part]); i++) {
		const char *cells[COLUMNS_MAX];

		query_cells(shown->results[part], i, cells, row->n);
		(void)json_array_append_new(list, row_json(row->columns, row->n, cells));
		if (part == PART_HISTORY) {
			json_t *record = record_of(shown, cells);

			(void)json_object_set_new(
				json_array_get(list, (size_t)i), "record", record ? record : json_null());
		}
	}
	return list;
}

static int print_json(const struct shown *shown)
{
	json_t *object = json_pack("{s:s}", "ref", shown->ctl->operands[0]);
	int r = object ? 0 : -ENOMEM;

	for (int part = 0; part < PART_END && r == 0; part++) {
		json_t *list = part_json(shown, (enum part)part);

		if (part == PART_REQUEST) { /* there is at most one */
			r = json_object_set(object, parts[part].name,
				json_array_size(list) ? json_array_get(list, 0) : json_null());
			json_decref(list);
		} else {
			r = json_object_set_new(object, parts[part].name, list);
		}
	}
	if (r == 0)
		r = json_dumpf(object, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(object);
	return r == 0 ? 0 : fault_set(&shown->ctl->fault, -ENOMEM, "out of memory");
}

/* ---- For people ---- */
static void print_cards(const struct shown *shown, enum part part)
{
	const struct part_row *row = &parts[part];

	for (int i = 0; i < PQntuples(shown->results[part]); i++) {
		const char *cells[COLUMNS_MAX];

		if (part != PART_REQUEST)
			(void)putchar('\n');
		query_cells(shown->results[part], i, cells, row->n);
		(void)rows_print_card(row->columns, row->n, cells, stdout);
	}
}

static int print_tasks(const struct shown *shown)
{
	CLEANUP(rows_freep) struct rows *rows = NULL;
	const PGresult *result = shown->results[PART_TASKS];
	int r = rows_new(task_columns, ARRAY_LENGTH(task_columns), false, stdout, &rows, &shown->ctl->fault);

	for (int i = 0; i < PQntuples(result) && r == 0; i++) {
		const char *cells[ARRAY_LENGTH(task_columns)];

		query_cells(result, i, cells, ARRAY_LENGTH(task_columns));
		r = rows_add(rows, cells,
			cells[ARRAY_LENGTH(task_columns) - 1] && *cells[ARRAY_LENGTH(task_columns) - 1] == 't');
	}
	if (r == 0 && PQntuples(result) > 0) {
		(void)puts("\nTasks");
		r = rows_print(rows);
	}
	return r;
}

/* The last part of an event's type says what it is; records keep their names whole. */
static void print_event(const char *const *cells, const char *when)
{
	static const char prefix[] = "nz.govt.";
	const char *name = cells[NAME] ? cells[NAME] : "(unreadable)";
	char word[64];
	struct instant happened;
	char text[LOCAL_TEXT];

	(void)text_copy(word, sizeof(word), cells[DISPOSITION]);
	(void)printf("%s  %s", when, strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? name + sizeof(prefix) - 1 : name);
	(void)printf("  %s", word);
	if (cells[REASON])
		(void)printf(" %s", cells[REASON]);
	if (cells[BY])
		(void)printf(", by %s", cells[BY]);
	if (cells[BY_ROLE])
		(void)printf(" (%s)", cells[BY_ROLE]);
	(void)printf("\n    %s from %s", cells[ID] ? cells[ID] : "without an id",
		cells[SOURCE] ? cells[SOURCE] : "an unknown source");
	if (cells[HAPPENED_AT] && time_parse(cells[HAPPENED_AT], &happened) == 0)
		(void)printf(", happened %s", time_local(happened, text));
	(void)putchar('\n');
	if (cells[DETAIL])
		(void)printf("    %s\n", cells[DETAIL]);
	if (cells[PROSE])
		(void)printf("    \"%s\"\n", cells[PROSE]);
}

/* Of an event that has no line of its own: one about the person, that named no order, or one that is kept no longer. */
static void print_cause(const char *const *cells)
{
	(void)printf("  (by event %s", cells[ID]);
	if (cells[BY])
		(void)printf(", by %s", cells[BY]);
	if (cells[BY_ROLE])
		(void)printf(" (%s)", cells[BY_ROLE]);
	(void)putchar(')');
}

static void print_record(const struct shown *shown, const char *const *cells, const char *when)
{
	char detail[FAULT_MAX] = "";
	json_t *record = cells[DETAIL] ? NULL : record_of(shown, cells);

	record_detail(record, detail, sizeof(detail));
	json_decref(record);
	(void)printf("%s    -> %s  #%s", when, cells[NAME], cells[SEQ]);
	if (cells[REF] && strcmp(cells[REF], shown->ctl->operands[0]) != 0)
		(void)printf("  %s", cells[REF]);
	if (cells[DETAIL] || *detail)
		(void)printf("  %s", cells[DETAIL] ? cells[DETAIL] : detail);
	if (!cells[ID])
		(void)fputs("  (by time)", stdout);
	else if (!cells[SOURCE])
		print_cause(cells);
	(void)putchar('\n');
}

/* When it was decided, or blanks where that is the same as for the line before. */
static const char *moment_of(const char *cell, char last[static LOCAL_TEXT], char text[static LOCAL_TEXT])
{
	struct instant t;

	if (!cell || time_parse(cell, &t) < 0)
		return "";
	(void)time_local(t, text);
	if (strcmp(text, last) == 0)
		(void)memset(text, ' ', strlen(text));
	else
		(void)text_copy(last, LOCAL_TEXT, text);
	return text;
}

static void print_history(const struct shown *shown)
{
	const PGresult *result = shown->results[PART_HISTORY];
	char last[LOCAL_TEXT] = "", text[LOCAL_TEXT];

	if (PQntuples(result) > 0)
		(void)puts("\nHistory");
	for (int i = 0; i < PQntuples(result); i++) {
		const char *cells[HISTORY];
		const char *when;

		query_cells(result, i, cells, HISTORY);
		when = moment_of(cells[RECORDED_AT], last, text);
		if (text_equal(cells[WHAT], "EVENT"))
			print_event(cells, when);
		else
			print_record(shown, cells, when);
	}
}

static int print_all(const struct shown *shown)
{
	int r;

	if (ctl_json(shown->ctl))
		return print_json(shown);
	print_cards(shown, PART_REQUEST);
	print_cards(shown, PART_CASES);
	r = print_tasks(shown);
	print_history(shown);
	return r;
}

static enum ctl_exit show_run(struct ctl *ctl)
{
	struct shown shown = { .ctl = ctl };
	int r = read_parts(&shown);

	if (r == 0)
		r = print_all(&shown);
	for (size_t i = 0; i < PART_END; i++)
		(void)read_clear(shown.results[i]);
	shown.records = records_free(shown.records);
	return r < 0 ? ctl_fail(ctl) : CTL_OK;
}

const struct command command_show = {
	.name = "show",
	.operands = "ORDER_REF|PTP_REF",
	.least = 1,
	.most = 1,
	.help = "show an order or PTP case: how it stands, its tasks, its whole history",
	.more = "The history has each event that named it, and under it the records it caused; with --json each with "
		"the record itself, as long as the log keeps it. It shows what people wrote (reasons, notes).",
	.run = show_run,
};
