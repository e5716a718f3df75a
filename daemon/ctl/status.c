/* status: what the daemon says of itself. */
#include "ctl/command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/control.h"
#include "ctl/interrupt.h"
#include "ctl/query.h"
#include "ctl/rows.h"

#define POLL_NS    (200 * 1000 * 1000L)
#define ARENA_SIZE (4 * 1024 * 1024UL)
#define DEPTH_MAX  4

static const struct column columns[] = {
	{ "what", "", CELL_TEXT },
	{ "value", "", CELL_SENTENCE },
};

static int print_value(struct rows *rows, const char *name, const json_t *value, int depth);

/* "sources" and below becomes "sources.court.seq": a list's entries are called by their name, or by their number. */
static int print_list(struct rows *rows, const char *name, const json_t *list, int depth)
{
	size_t i;
	json_t *entry;
	int r = 0;

	json_array_foreach(list, i, entry)
	{
		const char *own = json_string_value(json_object_get(entry, "name"));
		char path[128];

		if (own)
			(void)snprintf(path, sizeof(path), "%s.%s", name, own);
		else
			(void)snprintf(path, sizeof(path), "%s.%zu", name, i);
		r = print_value(rows, path, entry, depth + 1);
		if (r < 0)
			break;
	}
	return r;
}

static int print_object(struct rows *rows, const char *name, const json_t *object, int depth)
{
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)object, key, value)
	{
		char path[128];

		(void)snprintf(path, sizeof(path), "%s%s%s", name, *name ? "." : "", key);
		r = print_value(rows, path, value, depth + 1);
		if (r < 0)
			break;
	}
	return r;
}

static void show_scalar(const json_t *value, char *shown, size_t size)
{
	struct instant t;
	char text[LOCAL_TEXT];

	if (json_is_string(value))
		(void)snprintf(shown, size, "%s",
			instant_parse(json_string_value(value), &t) == 0 ? time_local(t, text)
									 : json_string_value(value));
	else if (json_is_integer(value))
		(void)snprintf(shown, size, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		(void)snprintf(shown, size, "%.3f", json_real_value(value));
	else
		(void)snprintf(shown, size, "%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "");
}

static int print_value(struct rows *rows, const char *name, const json_t *value, int depth)
{
	char shown[FAULT_MAX];
	const char *cells[] = { name, shown };

	if (depth > DEPTH_MAX)
		return 0;
	if (json_is_object(value))
		return print_object(rows, name, value, depth);
	if (json_is_array(value))
		return print_list(rows, name, value, depth);
	show_scalar(value, shown, sizeof(shown));
	return rows_add(rows, cells, false);
}

static const struct column reconciliation_columns[] = {
	{ "last_at", NULL, CELL_TIME },
	{ "agreed", NULL, CELL_FLAG },
	{ "differences", NULL, CELL_NUMBER },
	{ "last_agreed_at", NULL, CELL_TIME },
};
static const char reconciliation_sql[] =
	"SELECT l.at, l.agreed, l.differences, (SELECT max(at) FROM cpps.reconciliation WHERE agreed) "
	"FROM (SELECT) AS one LEFT JOIN (SELECT * FROM cpps.reconciliation ORDER BY at DESC LIMIT 1) AS l ON true";

static bool word_is(const json_t *document, const char *name, const char *word)
{
	const char *text = json_string_value(json_object_get(document, name));

	return text && strcmp(text, word) == 0;
}

/* The comparison with IOMS's list is in the database (R11); where that does not answer, the status is shown without. */
static void add_reconciliation(struct ctl *ctl, json_t *document)
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *cells[ARRAY_LENGTH(reconciliation_columns)];

	if (!word_is(document, "database", "up") || query_run(ctl, reconciliation_sql, NULL, &result) < 0)
		return;
	query_cells(result, 0, cells, ARRAY_LENGTH(cells));
	(void)json_object_set_new(
		document, "reconciliation", row_json(reconciliation_columns, ARRAY_LENGTH(cells), cells));
}

static int print_status(struct ctl *ctl, const char *json)
{
	CLEANUP(rows_freep) struct rows *rows = NULL;
	json_t *document = json_loads(json, 0, NULL);
	int r;

	if (!document)
		return fault_set(&ctl->fault, -EPROTO,
			"the bridge's answer is no JSON; do cppsctl and cpps-bridged have the same version?");
	add_reconciliation(ctl, document);
	if (ctl_json(ctl)) {
		(void)json_dumpf(document, stdout, JSON_COMPACT);
		(void)putchar('\n');
		json_decref(document);
		return 0;
	}
	r = rows_new(columns, ARRAY_LENGTH(columns), false, stdout, &rows, &ctl->fault);
	if (r == 0)
		r = print_object(rows, "", document, 0);
	if (r == 0)
		r = rows_print(rows);
	json_decref(document);
	return r;
}

/* Leads, with its database up. */
static bool ready(struct ctl *ctl, const char *json)
{
	json_t *document = json_loads(json, 0, NULL);
	bool leads = word_is(document, "role", "leader"), up = word_is(document, "database", "up");

	if (!leads || !up)
		(void)fault_set(&ctl->fault, -EAGAIN, "the bridge is up but %s",
			!up ? "its database is down; see its log" : "another one leads");
	json_decref(document);
	return leads && up;
}

static int ask(struct ctl *ctl, struct arena *arena, struct control_answer *ret)
{
	const struct control_request request = { .verb = CONTROL_STATUS };

	arena_reset(arena);
	return ctl_control(ctl, &request, 1000, arena, ret);
}

/* Asks until the bridge is ready or the time is out. */
static int wait_ready(struct ctl *ctl, struct arena *arena, struct control_answer *ret)
{
	uint64_t seconds = ctl_number(ctl, "wait", 0);
	struct timespec start, now, pause = { .tv_nsec = POLL_NS };

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		if (ask(ctl, arena, ret) == 0 && ret->json && ready(ctl, ret->json))
			return 0;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if ((uint64_t)(now.tv_sec - start.tv_sec) >= seconds || interrupted())
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
}

static enum ctl_exit status_run(struct ctl *ctl)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	struct control_answer answer = { 0 };
	const struct config *config;
	int r = arena_new(ARENA_SIZE, &arena);

	if (r < 0 || ctl_config(ctl, &config) < 0) /* a wrong configuration does not mend itself by waiting */
		return ctl_fail(ctl);
	interrupt_watch();
	r = ctl_text(ctl, "wait") ? wait_ready(ctl, arena, &answer) : ask(ctl, arena, &answer);
	if (r == 0)
		r = print_status(ctl, answer.json ? answer.json : "{}");
	return r < 0 ? ctl_fail(ctl) : CTL_OK;
}

static const struct option_row status_options[] = {
	{ "wait", OPTION_NUMBER, "SECONDS", "wait until the bridge leads and its database is up, at most so long", NULL,
		false },
	OPTIONS_END,
};

const struct command command_status = {
	.name = "status",
	.operands = "",
	.help = "how the bridge is: role, head, database, queues, sources, counts",
	.options = status_options,
	.run = status_run,
};
