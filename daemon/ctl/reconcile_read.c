/* The other side's list, from a file. CSV is fed to libcsv line by line, so that a sentence can name the line, and a field may still hold line feeds. */
#include <csv.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/lines.h"
#include "ctl/reconcile.h"

#define COLUMN_REF   FIELD_END /* beside the fields that are compared */
#define COLUMN_NONE  (FIELD_END + 1)
#define COLUMNS_READ 64

struct reading {
	struct arena *arena;
	struct live_list *list;
	struct fault *fault;
	const char *name;
	uint64_t line, row_line;
	int result;

	/* CSV */
	int columns[COLUMNS_READ]; /* what the header says of each */
	size_t column_count, at;
	bool header_read;
	struct live_order order;
};

static int wrong(struct reading *reading, const char *what)
{
	return fault_set(
		reading->fault, -EINVAL, "%s, line %llu: %s", reading->name, (unsigned long long)reading->line, what);
}

static int column_of(const char *name)
{
	if (strcasecmp(name, "orderRef") == 0)
		return COLUMN_REF;
	for (int field = 0; field < FIELD_END; field++)
		if (strcasecmp(name, reconcile_field_words[field]) == 0)
			return field;
	return COLUMN_NONE;
}

static int keep(struct reading *reading, const struct live_order *order)
{
	if (!text_given(order->ref))
		return wrong(reading, "it has no orderRef");
	return live_list_add(reading->list, order) < 0 ? fault_set(reading->fault, -ENOMEM, "out of memory") : 0;
}

/* ---- CSV ---- */
static void take_header(struct reading *reading, const char *text)
{
	static const char bom[] = "\xef\xbb\xbf";

	if (reading->column_count == 0 && strncmp(text, bom, 3) == 0)
		text += 3;
	if (reading->column_count < COLUMNS_READ)
		reading->columns[reading->column_count++] = column_of(text);
}

static void take_cell(struct reading *reading, const char *text)
{
	int column = reading->at < reading->column_count ? reading->columns[reading->at] : COLUMN_NONE;

	reading->at++;
	if (column == COLUMN_REF)
		reading->order.ref = text;
	else if (column < FIELD_END)
		reading->order.fields[column] = text;
}

static void on_cell(void *cell, size_t n, void *context)
{
	struct reading *reading = context;
	const char *text;

	if (reading->result < 0)
		return;
	text = arena_text_n(reading->arena, cell ? cell : "", n);
	if (!text)
		reading->result = fault_set(reading->fault, -ENOMEM, "%s is too large", reading->name);
	else if (!text_is_clean(text, n))
		reading->result = wrong(reading, "it has text that is not UTF-8, or control characters");
	else if (reading->header_read)
		take_cell(reading, text);
	else
		take_header(reading, text);
}

static int check_header(struct reading *reading)
{
	for (size_t i = 0; i < reading->column_count; i++)
		if (reading->columns[i] == COLUMN_REF)
			return 0;
	return wrong(reading, "the first line must name the columns: orderRef, prn, orderType, office");
}

static void on_row(int end, void *context)
{
	struct reading *reading = context;

	(void)end;
	if (reading->result < 0)
		return;
	if (!reading->header_read) {
		reading->header_read = true;
		reading->result = check_header(reading);
		return;
	}
	reading->order.line = reading->line;
	reading->result = keep(reading, &reading->order);
	reading->order = (struct live_order){ 0 };
	reading->at = 0;
}

static int feed(struct reading *reading, struct csv_parser *parser, const char *text, size_t n)
{
	if (csv_parse(parser, text, n, on_cell, on_row, reading) != n && reading->result == 0)
		reading->result = wrong(reading, csv_strerror(csv_error(parser)));
	return reading->result;
}

/* ---- NDJSON ---- */
/* What is left out or null is not compared; what is there must be comparable. */
static const char *member(struct reading *reading, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	char what[64];

	if (json_is_string(value))
		return arena_text(reading->arena, json_string_value(value));
	if (value && !json_is_null(value) && reading->result == 0) {
		(void)snprintf(what, sizeof(what), "%s must be a text, in quotes", name);
		reading->result = wrong(reading, what);
	}
	return NULL;
}

static int take_json(struct reading *reading, const char *text, size_t n)
{
	struct live_order order = { .line = reading->line };
	json_error_t error;
	json_t *object = json_loadb(text, n, 0, &error);

	if (!json_is_object(object)) {
		json_decref(object);
		return wrong(reading, object ? "it is no JSON object" : error.text);
	}
	order.ref = member(reading, object, "orderRef");
	for (int field = 0; field < FIELD_END; field++)
		order.fields[field] = member(reading, object, reconcile_field_words[field]);
	json_decref(object);
	return reading->result < 0 ? reading->result : keep(reading, &order);
}

/* ---- Either ---- */
static int read_lines(struct reading *reading, struct lines *lines, struct csv_parser *parser)
{
	struct line line;
	int json = -1, r;

	while ((r = lines_next(lines, &line, reading->fault)) == 1) {
		reading->line = line.number;
		if (line.cut)
			return wrong(reading, "it is longer than a million bytes");
		if (json < 0)
			json = line.n > 0 && line.text[0] == '{';
		if (json)
			r = take_json(reading, line.text, line.n);
		else if ((r = feed(reading, parser, line.text, line.n)) == 0)
			r = feed(reading, parser, "\n", 1);
		if (r < 0)
			return r;
	}
	if (r == 0 && json == 0 && csv_fini(parser, on_cell, on_row, reading) != 0)
		return wrong(reading, csv_strerror(csv_error(parser)));
	return r < 0 ? r : reading->result;
}

int reconcile_read(const char *path, struct arena *arena, struct live_list *list, struct fault *fault)
{
	struct reading reading = { .arena = arena, .list = list, .fault = fault };
	struct csv_parser parser;
	struct lines lines;
	int r = lines_open(&lines, path, fault);

	if (r < 0)
		return r;
	reading.name = lines.name;
	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
		r = fault_set(fault, -ENOMEM, "out of memory");
	else
		r = read_lines(&reading, &lines, &parser);
	csv_free(&parser);
	lines_close(&lines);
	return r < 0 ? r : live_list_sort(list, fault);
}
