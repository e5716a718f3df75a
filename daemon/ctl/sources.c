/* sources: each configured source as the daemon follows it, with what the database keeps of it. A source that only submits has no stream. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/control.h"
#include "ctl/query.h"
#include "ctl/rows.h"

#define ARENA_SIZE (4 * 1024 * 1024UL)

enum { NAME, SOURCE, KIND, GUARANTEE, STATE, STREAM, EPOCH, POSITION, HEAD, LAG, EVENTS, GAPS, MISSED, TAKEN_AT };

static const struct column columns[] = {
	[NAME] = { "name", "NAME", CELL_TEXT },
	[SOURCE] = { "source", "SOURCE", CELL_TEXT },
	[KIND] = { "kind", "KIND", CELL_TEXT },
	[GUARANTEE] = { "guarantee", "GUARANTEE", CELL_TEXT },
	[STATE] = { "state", "STATE", CELL_TEXT },
	[STREAM] = { "stream", "STREAM", CELL_TEXT },
	[EPOCH] = { "epoch", "EPOCH", CELL_NUMBER },
	[POSITION] = { "position", "POSITION", CELL_NUMBER },
	[HEAD] = { "head", "HEAD", CELL_NUMBER },
	[LAG] = { "lag", "LAG", CELL_NUMBER },
	[EVENTS] = { "events", NULL, CELL_NUMBER },
	[GAPS] = { "gaps", "GAPS", CELL_NUMBER },
	[MISSED] = { "missed", "MISSED", CELL_NUMBER },
	[TAKEN_AT] = { "taken_at", "TAKEN", CELL_TIME },
};
#define COLUMNS ARRAY_LENGTH(columns)

struct sources {
	struct ctl *ctl;
	struct arena *arena;
	json_t *daemon;     /* its list; NULL: it does not answer */
	PGresult *database; /* NULL: it does not answer */
	struct rows *rows;
};

/* A value of JSON as a cell; NULL for null. */
static const char *cell_of(struct arena *arena, const json_t *value)
{
	char number[32];

	if (json_is_string(value))
		return text_given(json_string_value(value)) ? json_string_value(value) : NULL;
	if (!json_is_integer(value))
		return NULL;
	(void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return arena_text(arena, number);
}

/* ---- What the database has: name, stream, epoch, position, head, lag, taken_at ---- */
static const size_t database_columns[] = { NAME, STREAM, EPOCH, POSITION, HEAD, LAG, TAKEN_AT };

static int find_row(const PGresult *result, const char *name)
{
	for (int row = 0; result && row < PQntuples(result); row++)
		if (strcmp(PQgetvalue(result, row, 0), name) == 0)
			return row;
	return -1;
}

/* Fills the cells that are still empty. */
static void fill_from_database(const PGresult *result, int row, const char **cells)
{
	for (size_t i = 0; row >= 0 && i < ARRAY_LENGTH(database_columns); i++) {
		const char **cell = &cells[database_columns[i]];

		if (!*cell && !PQgetisnull(result, row, (int)i))
			*cell = PQgetvalue(result, row, (int)i);
	}
}

/* ---- Rows ---- */

/* The daemon knows the head before the position is stored: its lag counts. */
static void fill_from_daemon(struct sources *s, const json_t *source, const char **cells)
{
	char lag[32];

	for (size_t i = 0; i < COLUMNS; i++)
		cells[i] = cell_of(s->arena, json_object_get(source, columns[i].name));
	if (cells[HEAD] && cells[POSITION] && cells[STREAM]) {
		long long head = strtoll(cells[HEAD], NULL, 10), position = strtoll(cells[POSITION], NULL, 10);

		(void)snprintf(lag, sizeof(lag), "%lld", head > position ? head - position : 0);
		cells[LAG] = arena_text(s->arena, lag);
	}
}

static int daemon_rows(struct sources *s)
{
	size_t i;
	json_t *source;
	int r = 0;

	json_array_foreach(s->daemon, i, source)
	{
		const char *cells[COLUMNS];
		const char *name = json_string_value(json_object_get(source, "name"));

		fill_from_daemon(s, source, cells);
		fill_from_database(s->database, find_row(s->database, name ? name : ""), cells);
		r = rows_add(s->rows, cells, text_equal(cells[GUARANTEE], "stuck"));
		if (r < 0)
			break;
	}
	return r;
}

/* Without a daemon: the sources of the configuration, and what the database has of them. */
static int configured_rows(struct sources *s, const struct config *config)
{
	int r = 0;

	for (unsigned i = 0; i < config->source_count && r == 0; i++) {
		const struct config_source *source = &config->sources[i];
		const char *cells[COLUMNS] = {
			[NAME] = source->name, [SOURCE] = source->source, [KIND] = source_kind_text(source->kind)
		};

		cells[GUARANTEE] = source->log.n ? "gapless" : source->live.n ? "best effort" : "submits";
		fill_from_database(s->database, find_row(s->database, source->name), cells);
		r = rows_add(s->rows, cells, false);
	}
	return r;
}

static void ask_daemon(struct sources *s)
{
	const struct control_request request = { .verb = CONTROL_STATUS };
	struct control_answer answer = { 0 };
	json_t *status = NULL;

	if (ctl_control(s->ctl, &request, CONTROL_TIMEOUT_MS, s->arena, &answer) == 0 && answer.json)
		status = json_loads(answer.json, 0, NULL);
	s->daemon = json_incref(json_object_get(status, "sources"));
	json_decref(status);
}

static int print(struct sources *s)
{
	const struct config *config;
	int r = ctl_config(s->ctl, &config);

	if (r < 0)
		return r;
	ask_daemon(s);
	r = query_run(s->ctl, "SELECT source, stream, epoch, seq, head, lag, taken_at FROM cpps.source_position", NULL,
		&s->database);
	if (r < 0 && !s->daemon)
		return r;
	r = rows_new(columns, COLUMNS, ctl_json(s->ctl), stdout, &s->rows, &s->ctl->fault);
	if (r == 0)
		r = s->daemon ? daemon_rows(s) : configured_rows(s, config);
	if (r == 0)
		r = rows_print(s->rows);
	(void)fflush(stdout);
	if (!s->daemon)
		(void)fprintf(stderr, "the daemon does not answer: positions are those the database has\n");
	return r;
}

static enum ctl_exit sources_run(struct ctl *ctl)
{
	struct sources s = { .ctl = ctl };
	int r = arena_new(ARENA_SIZE, &s.arena);

	if (r == 0)
		r = print(&s);
	s.rows = rows_free(s.rows);
	s.database = read_clear(s.database);
	json_decref(s.daemon);
	s.arena = arena_free(s.arena);
	return r < 0 ? ctl_fail(ctl) : CTL_OK;
}

const struct command command_sources = {
	.name = "sources",
	.operands = "",
	.help = "list the sources: how each is followed, and how far",
	.more = "GUARANTEE: gapless where the source has a log that is read again after a gap; best effort where it "
		"has "
		"none; submits where it has no "
		"stream of its own; stuck where its log no longer has what is missing.",
	.run = sources_run,
};
