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

/* ---- For people: what matters, by name; --json has all of it ---- */

#define LAST_AGREED "reconciliation.last_agreed_at"

/* Where a cell stands in the document. */
static const struct column card_columns[] = {
	{ "role", "Role", CELL_TEXT },
	{ "trouble", "Trouble", CELL_TEXT },
	{ "stream", "Stream", CELL_TEXT },
	{ "epoch", "Epoch", CELL_NUMBER },
	{ "head", "Last record", CELL_NUMBER },
	{ "database", "Database", CELL_TEXT },
	{ "synchronous", "Synchronous standby", CELL_TEXT },
	{ "now", "Its clock", CELL_TIME },
	{ "clock_moved", "Clock moved", CELL_FLAG },
	{ "started_at", "Running since", CELL_TIME },
	{ "version", "Version", CELL_TEXT },
	{ "pid", "Process", CELL_NUMBER },
	{ "resident_kb", "Memory, kB", CELL_NUMBER },
	{ "pipeline.waiting", "Events waiting", CELL_NUMBER },
	{ "events.dispositions.ACCEPTED", "Accepted", CELL_NUMBER },
	{ "events.dispositions.PARKED", "Parked", CELL_NUMBER },
	{ "events.dispositions.QUARANTINED", "Quarantined", CELL_NUMBER },
	{ "events.dispositions.DUPLICATE", "Duplicates", CELL_NUMBER },
	{ "set_aside.parked", "Still parked", CELL_NUMBER },
	{ "set_aside.held", "Held in quarantine", CELL_NUMBER },
	{ "set_aside.without_request", "Without a request", CELL_NUMBER },
	{ LAST_AGREED, "Agreed with IOMS", CELL_TIME },
	{ "reconciliation.last_at", "Compared with IOMS", CELL_TIME },
	{ "reconciliation.differences", "Differences then", CELL_NUMBER },
};
#define CARD      ARRAY_LENGTH(card_columns)
#define CELL_SIZE 256

static const json_t *find(const json_t *document, const char *path)
{
	char word[64];

	while (document && *path) {
		size_t n = strcspn(path, ".");

		(void)snprintf(word, sizeof(word), "%.*s", (int)n, path);
		document = json_object_get(document, word);
		path += n + (path[n] == '.');
	}
	return document;
}

static const char *cell_of(const json_t *value, char *text, size_t size)
{
	if (json_is_string(value))
		(void)snprintf(text, size, "%s", json_string_value(value));
	else if (json_is_integer(value))
		(void)snprintf(text, size, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		(void)snprintf(text, size, "%s", json_is_true(value) ? "t" : "f");
	else
		return NULL;
	return text;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* "court (best effort, live)": how each source is followed. */
static void print_sources(const json_t *sources)
{
	size_t i;
	json_t *source;

	(void)printf("%-18s  ", "Sources");
	json_array_foreach(sources, i, source)
	{
		const char *state = text_of(source, "state");

		(void)printf("%s%s (%s%s%s)", i ? ", " : "", text_of(source, "name"), text_of(source, "guarantee"),
			*state ? ", " : "", state);
	}
	(void)putchar('\n');
}

static int print_card(const json_t *document)
{
	char texts[CARD][CELL_SIZE];
	const char *cells[CARD];
	int r;

	for (size_t i = 0; i < CARD; i++) {
		cells[i] = cell_of(find(document, card_columns[i].name), texts[i], CELL_SIZE);
		if (!cells[i] && strcmp(card_columns[i].name, LAST_AGREED) == 0)
			cells[i] = "never";
	}
	r = rows_print_card(card_columns, CARD, cells, stdout);
	if (json_array_size(json_object_get(document, "sources")) > 0)
		print_sources(json_object_get(document, "sources"));
	return r;
}

/* ---- What the daemon does not count: the database does ---- */
static const struct column reconciliation_columns[] = {
	{ "last_at", NULL, CELL_TIME },
	{ "agreed", NULL, CELL_FLAG },
	{ "differences", NULL, CELL_NUMBER },
	{ "last_agreed_at", NULL, CELL_TIME },
};
static const char reconciliation_sql[] =
	"SELECT l.at, l.agreed, l.differences, (SELECT max(at) FROM cpps.reconciliation WHERE agreed) "
	"FROM (SELECT) AS one LEFT JOIN (SELECT * FROM cpps.reconciliation ORDER BY at DESC LIMIT 1) AS l ON true";

static const struct column set_aside_columns[] = {
	{ "parked", NULL, CELL_NUMBER }, { "held", NULL, CELL_NUMBER },
	{ "without_request", NULL, CELL_NUMBER }, /* held, and it would have opened one */
};
static const char set_aside_sql[] =
	"SELECT (SELECT count(*) FROM cpps.parked_event), count(*), count(*) FILTER (WHERE opens_order) "
	"FROM cpps.quarantined_event WHERE state = 'HELD'";

static const struct addition {
	const char *name;
	const char *sql;
	const struct column *columns;
	size_t n;
} additions[] = {
	{ "set_aside", set_aside_sql, set_aside_columns, ARRAY_LENGTH(set_aside_columns) },
	{ "reconciliation", reconciliation_sql, reconciliation_columns,
		ARRAY_LENGTH(reconciliation_columns) }, /* R11 */
};

static bool word_is(const json_t *document, const char *name, const char *word)
{
	const char *text = json_string_value(json_object_get(document, name));

	return text && strcmp(text, word) == 0;
}

static void add(struct ctl *ctl, json_t *document, const struct addition *addition)
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *cells[COLUMNS_MAX];

	if (query_run(ctl, addition->sql, NULL, &result) < 0)
		return;
	query_cells(result, 0, cells, addition->n);
	(void)json_object_set_new(document, addition->name, row_json(addition->columns, addition->n, cells));
}

/* Where the database does not answer us, the status is shown without. */
static void add_all(struct ctl *ctl, json_t *document)
{
	for (size_t i = 0; i < ARRAY_LENGTH(additions) && word_is(document, "database", "up"); i++)
		add(ctl, document, &additions[i]);
}

static int print_status(struct ctl *ctl, const char *json)
{
	json_t *document = json_loads(json, 0, NULL);
	int r = 0;

	if (!document)
		return fault_set(&ctl->fault, -EPROTO,
			"the bridge's answer is no JSON; do cppsctl and cpps-bridged have the same version?");
	add_all(ctl, document);
	if (ctl_json(ctl)) {
		(void)json_dumpf(document, stdout, JSON_COMPACT);
		(void)putchar('\n');
	} else {
		r = print_card(document);
	}
	json_decref(document);
	return r < 0 ? fault_set(&ctl->fault, r, "the status cannot be written: %s", strerror(-r)) : 0;
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
	.help = "say how the bridge is: role, last record, database, sources, what is set aside",
	.more = "Accepted, Parked, Quarantined and Duplicates count the answers since the daemon started; Still parked "
		"and Held in quarantine are what waits now, and Without a request how many of those held would have "
		"opened one. Agreed with IOMS: when cppsctl reconcile last found no difference. --json has all of it "
		"as one object.",
	.options = status_options,
	.run = status_run,
};
