#include "ctl/rows.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define SHOWN_MAX 2048 /* bytes of a cell in a table */

struct rows {
	const struct column *columns;
	size_t n, count;
	FILE *out;
	struct libscols_table *table; /* NULL: JSON */
};

/* ---- Times ---- */
int time_parse(const char *text, struct instant *ret)
{
	char copy[64];
	char *space;
	size_t n;

	if (!TEXT_SET(copy, text))
		return -EINVAL;
	space = strchr(copy, ' ');
	if (space)
		*space = 'T';
	n = strlen(copy);
	if (n >= 3 && (copy[n - 3] == '+' || copy[n - 3] == '-') && n + 3 < sizeof(copy))
		memcpy(copy + n, ":00", 4);
	return instant_parse(copy, ret);
}

/* The rule of New Zealand's zone since 2007, written out so that no time zone files are needed. */
static void use_local_time(void)
{
	static bool done;

	if (done)
		return;
	(void)setenv("TZ", "NZST-12NZDT,M9.5.0,M4.1.0/3", 1);
	tzset();
	done = true;
}

char *time_local(struct instant t, char text[static LOCAL_TEXT])
{
	time_t seconds;
	struct tm parts;

	text[0] = '\0';
	if (!instant_given(t))
		return text;
	use_local_time();
	seconds = (time_t)(t.us / US_PER_SECOND);
	if (localtime_r(&seconds, &parts))
		(void)strftime(text, LOCAL_TEXT, "%a %Y-%m-%d %H:%M %Z", &parts);
	return text;
}

/* ---- JSON ---- */
static json_t *json_time(const char *cell)
{
	char text[INSTANT_TEXT];
	struct instant t;

	return json_string(time_parse(cell, &t) == 0 ? instant_format(t, text) : cell);
}

static json_t *json_number(const char *cell)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(cell, &end, 10);
	return errno || *end || end == cell ? json_string(cell) : json_integer(number);
}

static json_t *json_list(const char *cell)
{
	json_t *list = json_array();

	for (const char *word = cell + (*cell == '{'); *word && *word != '}';) {
		size_t n = strcspn(word, ",}");

		(void)json_array_append_new(list, json_stringn(word, n));
		word += n + (word[n] == ',');
	}
	return list;
}

static json_t *json_flag(const char *cell)
{
	return json_boolean(*cell == 't');
}

static json_t *json_cell(enum cell kind, const char *cell)
{
	static json_t *(*const makers[])(const char *) = {
		[CELL_TEXT] = json_string,
		[CELL_NUMBER] = json_number,
		[CELL_TIME] = json_time,
		[CELL_DATE] = json_string,
		[CELL_FLAG] = json_flag,
		[CELL_LIST] = json_list,
		[CELL_SENTENCE] = json_string,
	};

	return cell ? makers[kind](cell) : json_null();
}

json_t *row_json(const struct column *columns, size_t n, const char *const *cells)
{
	json_t *row = json_object();
	int r = row ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++)
		r = json_object_set_new(row, columns[i].name, json_cell(columns[i].kind, cells[i]));
	if (r == 0)
		return row;
	json_decref(row);
	return NULL;
}

static int write_json(const struct rows *rows, const char *const *cells)
{
	json_t *row = row_json(rows->columns, rows->n, cells);
	int r = row ? json_dumpf(row, rows->out, JSON_COMPACT) : -ENOMEM;

	json_decref(row);
	(void)fputc('\n', rows->out);
	return r == 0 ? 0 : -ENOMEM;
}

/* ---- Tables ---- */
static void show_time(const char *cell, char *shown, size_t size)
{
	char text[LOCAL_TEXT];
	struct instant t;

	if (time_parse(cell, &t) == 0)
		cell = time_local(t, text);
	(void)text_copy(shown, size, cell);
}

static void show_flag(const char *cell, char *shown, size_t size)
{
	(void)text_copy(shown, size, *cell == 't' ? "yes" : "no");
}

static void show_list(const char *cell, char *shown, size_t size)
{
	(void)text_copy(shown, size, cell + (*cell == '{'));
	shown[strcspn(shown, "}")] = '\0';
}

static void show_text(const char *cell, char *shown, size_t size)
{
	(void)text_copy(shown, size, cell);
}

static void show_cell(enum cell kind, const char *cell, char *shown, size_t size)
{
	static void (*const showers[])(const char *, char *, size_t) = {
		[CELL_TEXT] = show_text,
		[CELL_NUMBER] = show_text,
		[CELL_TIME] = show_time,
		[CELL_DATE] = show_text,
		[CELL_FLAG] = show_flag,
		[CELL_LIST] = show_list,
		[CELL_SENTENCE] = show_text,
	};

	shown[0] = '\0';
	if (cell)
		showers[kind](cell, shown, size);
}

static int add_to_table(struct rows *rows, const char *const *cells, bool alarm)
{
	struct libscols_line *line = scols_table_new_line(rows->table, NULL);
	size_t at = 0;
	int r = line ? 0 : -ENOMEM;

	for (size_t i = 0; i < rows->n && r == 0; i++) {
		char shown[SHOWN_MAX];

		if (!rows->columns[i].title)
			continue;
		show_cell(rows->columns[i].kind, cells[i], shown, sizeof(shown));
		r = scols_line_set_data(line, at++, shown);
	}
	if (r == 0 && alarm)
		r = scols_line_set_color(line, "red");
	return r;
}

static int make_table(struct rows *rows)
{
	static const int flags[] = {
		[CELL_NUMBER] = SCOLS_FL_RIGHT,
		[CELL_SENTENCE] = SCOLS_FL_WRAP,
	};

	rows->table = scols_new_table();
	if (!rows->table)
		return -ENOMEM;
	(void)scols_table_set_stream(rows->table, rows->out);
	(void)scols_table_enable_colors(rows->table, isatty(fileno(rows->out)));
	for (size_t i = 0; i < rows->n; i++) {
		enum cell kind = rows->columns[i].kind;

		if (rows->columns[i].title && !scols_table_new_column(rows->table, rows->columns[i].title, 0,
						      kind < ARRAY_LENGTH(flags) ? flags[kind] : 0))
			return -ENOMEM;
	}
	return 0;
}

int rows_new(const struct column *columns, size_t n, bool json, FILE *out, struct rows **ret, struct fault *fault)
{
	CLEANUP(rows_freep) struct rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return fault_set(fault, -ENOMEM, "out of memory");
	rows->columns = columns;
	rows->n = n;
	rows->out = out;
	if (!json && make_table(rows) < 0)
		return fault_set(fault, -ENOMEM, "out of memory");
	*ret = TAKE(rows);
	return 0;
}

struct rows *rows_free(struct rows *rows)
{
	if (rows)
		scols_unref_table(rows->table);
	free(rows);
	return NULL;
}

int rows_add(struct rows *rows, const char *const *cells, bool alarm)
{
	rows->count++;
	return rows->table ? add_to_table(rows, cells, alarm) : write_json(rows, cells);
}

size_t rows_count(const struct rows *rows)
{
	return rows->count;
}

int rows_print(struct rows *rows)
{
	return rows->table && rows->count ? scols_print_table(rows->table) : 0;
}

int rows_print_card(const struct column *columns, size_t n, const char *const *cells, FILE *out)
{
	int width = 0;

	for (size_t i = 0; i < n; i++)
		if (columns[i].title && (int)strlen(columns[i].title) > width)
			width = (int)strlen(columns[i].title);
	for (size_t i = 0; i < n; i++) {
		char shown[SHOWN_MAX];

		if (!columns[i].title || !text_given(cells[i]))
			continue;
		show_cell(columns[i].kind, cells[i], shown, sizeof(shown));
		(void)fprintf(out, "%-*s  %s\n", width, columns[i].title, shown);
	}
	return ferror(out) ? -EIO : 0;
}
