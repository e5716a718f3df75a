/* plan: what events would do. The daemon decides each as of now, on top of those before it, and writes nothing. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/control.h"
#include "ctl/lines.h"
#include "ctl/rows.h"
#include "ctl/words.h"

#define EVENTS_AT_ONCE  500
#define BYTES_AT_ONCE   (7 * 1024 * 1024UL) /* what the control socket takes, and a little less */
#define ARENA_SIZE      (256 * 1024 * 1024UL)
#define PLAN_TIMEOUT_MS 60000

struct plan {
	struct bytes events[EVENTS_AT_ONCE];
	uint64_t lines[EVENTS_AT_ONCE]; /* of the file */
	size_t n, size;
};

/* ---- Reading ---- */
static int add_line(struct plan *plan, struct arena *arena, const struct line *line, struct fault *fault)
{
	const char *copy;

	if (plan->n == EVENTS_AT_ONCE)
		return fault_set(fault, -E2BIG, "a plan takes at most %d events: give a shorter file", EVENTS_AT_ONCE);
	plan->size += line->n;
	if (line->cut || plan->size > BYTES_AT_ONCE)
		return fault_set(fault, -E2BIG, "line %llu makes the plan larger than 7 MiB: give a shorter file",
			(unsigned long long)line->number);
	copy = arena_text_n(arena, line->text, line->n);
	if (!copy)
		return fault_set(fault, -ENOMEM, "out of memory");
	plan->lines[plan->n] = line->number;
	plan->events[plan->n++] = (struct bytes){ (const uint8_t *)copy, line->n };
	return 0;
}

static int read_plan(struct ctl *ctl, struct arena *arena, struct plan *plan)
{
	struct lines lines;
	struct line line;
	int r = lines_open(&lines, ctl->operands[0], &ctl->fault);

	if (r < 0)
		return r;
	while ((r = lines_next(&lines, &line, &ctl->fault)) == 1) {
		r = add_line(plan, arena, &line, &ctl->fault);
		if (r < 0)
			break;
	}
	lines_close(&lines);
	if (r == 0 && plan->n == 0)
		return fault_set(&ctl->fault, -EINVAL, "%s has no events", ctl->operands[0]);
	return r;
}

/* ---- Showing ---- */
static const struct column columns[] = {
	{ "line", "LINE", CELL_NUMBER },
	{ "id", "ID", CELL_TEXT },
	{ "disposition", "WOULD BE", CELL_TEXT },
	{ "reason", "REASON", CELL_TEXT },
	{ "sentence", "WHY", CELL_SENTENCE },
	{ "records", "WOULD PUBLISH", CELL_SENTENCE },
};

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static const char *record_name(const json_t *record)
{
	static const char prefix[] = "nz.govt.corrections.cpps.";
	const char *type = member(record, "type");

	return strncmp(type, prefix, sizeof(prefix) - 1) == 0 ? type + sizeof(prefix) - 1 : type;
}

/* "allocation.requested, task.opened x5": runs of one name are counted. */
static void summarize(const json_t *records, char *text, size_t size)
{
	size_t count = json_array_size(records), at = 0;

	text[0] = '\0';
	for (size_t i = 0, run; i < count && at < size; i += run) {
		const char *name = record_name(json_array_get(records, i));

		for (run = 1; i + run < count && strcmp(record_name(json_array_get(records, i + run)), name) == 0;)
			run++;
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", name);
		if (run > 1 && at < size)
			at += (size_t)snprintf(text + at, size - at, " x%zu", run);
	}
}

static int show_row(struct rows *rows, const json_t *row, const char *line)
{
	char word[32], records[FAULT_MAX];
	const char *cells[] = { line, member(row, "id"), word, member(row, "reason"), member(row, "sentence"),
		records };

	word_lower(member(row, "disposition"), word, sizeof(word));
	summarize(json_object_get(row, "records"), records, sizeof(records));
	return rows_add(rows, cells, strcmp(word, "quarantined") == 0);
}

static int show_json(json_t *row, uint64_t line)
{
	static const char *const may_be_empty[] = { "reason", "sentence" };
	char word[32];
	int r;

	word_lower(member(row, "disposition"), word, sizeof(word));
	r = json_object_set_new(row, "disposition", json_string(word));
	if (r == 0)
		r = json_object_set_new(row, "line", json_integer((json_int_t)line));
	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(may_be_empty); i++)
		if (!*member(row, may_be_empty[i]))
			r = json_object_set_new(row, may_be_empty[i], json_null());
	if (r == 0)
		r = json_dumpf(row, stdout, JSON_COMPACT);
	(void)putchar('\n');
	return r == 0 ? 0 : -ENOMEM;
}

static int show_rows(struct ctl *ctl, const struct plan *plan, json_t *answer)
{
	CLEANUP(rows_freep) struct rows *rows = NULL;
	int r = rows_new(columns, ARRAY_LENGTH(columns), false, stdout, &rows, &ctl->fault);

	for (size_t i = 0; r == 0 && i < json_array_size(answer) && i < plan->n; i++) {
		json_t *row = json_array_get(answer, i);
		char line[24];

		(void)snprintf(line, sizeof(line), "%llu", (unsigned long long)plan->lines[i]);
		r = ctl_json(ctl) ? show_json(row, plan->lines[i]) : show_row(rows, row, line);
	}
	if (r == 0)
		r = rows_print(rows);
	return r < 0 ? fault_set(&ctl->fault, r, "out of memory") : 0;
}

static bool any_quarantined(const json_t *answer)
{
	for (size_t i = 0; i < json_array_size(answer); i++)
		if (strcasecmp(member(json_array_get(answer, i), "disposition"), "quarantined") == 0)
			return true;
	return false;
}

static int run(struct ctl *ctl, struct arena *arena, struct plan *plan, bool *ret_quarantined)
{
	struct control_request request = { .verb = CONTROL_PLAN, .by = ctl_by(ctl) };
	struct control_answer answer = { 0 };
	json_t *rows;
	int r = read_plan(ctl, arena, plan);

	if (r < 0)
		return r;
	request.events = plan->events;
	request.event_count = plan->n;
	r = ctl_control(ctl, &request, PLAN_TIMEOUT_MS, arena, &answer);
	if (r < 0)
		return r;
	rows = json_loads(answer.json ? answer.json : "", 0, NULL);
	if (!rows)
		return fault_set(&ctl->fault, -EPROTO,
			"the bridge's answer is no JSON; do cppsctl and cpps-bridged have the same version?");
	r = show_rows(ctl, plan, rows);
	*ret_quarantined = any_quarantined(rows);
	json_decref(rows);
	return r;
}

static enum ctl_exit plan_run(struct ctl *ctl)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	CLEANUP(freep) struct plan *plan = calloc(1, sizeof(*plan));
	bool quarantined = false;
	int r = plan ? arena_new(ARENA_SIZE, &arena) : -ENOMEM;

	if (r < 0)
		(void)fault_set(&ctl->fault, r, "out of memory");
	else
		r = run(ctl, arena, plan, &quarantined);
	if (r < 0)
		return ctl_fail(ctl);
	return quarantined ? CTL_QUARANTINED : CTL_OK;
}

const struct command command_plan = {
	.name = "plan",
	.operands = "FILE|-",
	.least = 1,
	.most = 1,
	.help = "show what events would do, and change nothing",
	.more = "One JSON CloudEvent a line, at most 500. Each is decided as if those before it had been submitted. "
		"With "
		"--json a row holds the "
		"records that would be published. Exit status 3: some would be quarantined.",
	.run = plan_run,
};
