#include "ctl/rows.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define SHOWN_MAX      2048 /* bytes of a cell in a table */
#define SENTENCE_LEAST 24   /* characters of a line of a sentence, however narrow the terminal */

struct rows {
	const struct column *columns;
	size_t n, count;
	FILE *out;
	struct libscols_table *table; /* NULL: JSON */
	size_t widest[COLUMNS_MAX];   /* of each column of the table, in characters */
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

struct date date_today(void)
{
	time_t now = time(NULL);
	struct tm parts;

	use_local_time();
	return localtime_r(&now, &parts) ? date_of(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday) : DATE_NONE;
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
		[CELL_TYPE] = json_string,
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

static void show_type(const char *cell, char *shown, size_t size)
{
	static const char prefix[] = "nz.govt.";
	size_t n = sizeof(prefix) - 1;

	(void)text_copy(shown, size, strncmp(cell, prefix, n) == 0 ? cell + n : cell);
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
		[CELL_TYPE] = show_type,
	};

	shown[0] = '\0';
	if (cell)
		showers[kind](cell, shown, size);
}

/* What every row would repeat is left out of a table: the time zone, and "no". */
static void shorten(enum cell kind, char *shown)
{
	char *zone = kind == CELL_TIME ? strrchr(shown, ' ') : NULL;

	if (zone)
		*zone = '\0';
	if (kind == CELL_FLAG && strcmp(shown, "no") == 0)
		shown[0] = '\0';
}

static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80; /* not inside of a character */
	return width;
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
		shorten(rows->columns[i].kind, shown);
		if (width_of(shown) > rows->widest[at])
			rows->widest[at] = width_of(shown);
		r = scols_line_set_data(line, at++, shown);
	}
	if (r == 0 && alarm)
		r = scols_line_set_color(line, "red");
	return r;
}

static int make_column(struct rows *rows, const struct column *column, size_t at)
{
	int flags = column->kind == CELL_NUMBER ? SCOLS_FL_RIGHT : column->kind == CELL_SENTENCE ? SCOLS_FL_WRAP : 0;
	struct libscols_column *made = scols_table_new_column(rows->table, column->title, 0, flags);

	if (!made)
		return -ENOMEM;
	rows->widest[at] = strlen(column->title);
	if (column->kind != CELL_SENTENCE)
		return 0;
	(void)scols_column_set_safechars(made, "\n");
	return scols_column_set_wrapfunc(made, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
}

static int make_table(struct rows *rows)
{
	size_t at = 0;
	int r = 0;

	rows->table = scols_new_table();
	if (!rows->table)
		return -ENOMEM;
	(void)scols_table_set_stream(rows->table, rows->out);
	(void)scols_table_enable_colors(rows->table, isatty(fileno(rows->out)));
	for (size_t i = 0; i < rows->n && r == 0; i++)
		if (rows->columns[i].title)
			r = make_column(rows, &rows->columns[i], at++);
	return r;
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

/* ---- Sentences on a terminal: libsmartcols would give them what is left of the line and break words, so that is done here ---- */
void text_wrap(const char *text, size_t width, char *ret, size_t size)
{
	size_t column = 0, at = 0;

	while (*text && at + 2 < size) {
		size_t n = strcspn(text, " "), shown = 0;

		if (column > 0 && column + 1 + n > width) {
			ret[at++] = '\n';
			column = 0;
		} else if (column > 0) {
			ret[at++] = ' ';
			column++;
		}
		for (; shown < n && at + 2 < size; shown++) {
			if (column >= width &&
				((unsigned char)text[shown] & 0xc0) != 0x80) { /* a word longer than a line */
				ret[at++] = '\n';
				column = 0;
			}
			column += ((unsigned char)text[shown] & 0xc0) != 0x80;
			ret[at++] = text[shown];
		}
		text += n;
		text += strspn(text, " ");
	}
	ret[at] = '\0';
}

static bool is_sentence(const struct libscols_column *column)
{
	return scols_column_get_flags(column) & SCOLS_FL_WRAP;
}

/* Shares `room` among the sentences: who needs less than an equal share leaves the rest to the others. Widths come down to what each gets. */
static void share_room(struct rows *rows, size_t room)
{
	size_t n = scols_table_get_ncols(rows->table), waiting = 0;
	bool settled[COLUMNS_MAX] = { false }, changed = true;

	for (size_t i = 0; i < n; i++)
		waiting += is_sentence(scols_table_get_column(rows->table, i));
	while (changed && waiting > 0) {
		changed = false;
		for (size_t i = 0; i < n && waiting > 0; i++)
			if (!settled[i] && is_sentence(scols_table_get_column(rows->table, i)) &&
				rows->widest[i] <= room / waiting) {
				settled[i] = changed = true;
				room -= rows->widest[i];
				waiting--;
			}
	}
	if (waiting == 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (!settled[i] && is_sentence(scols_table_get_column(rows->table, i)))
			rows->widest[i] = room / waiting > SENTENCE_LEAST ? room / waiting : SENTENCE_LEAST;
}

static int wrap_line(struct rows *rows, struct libscols_line *line)
{
	size_t n = scols_table_get_ncols(rows->table);
	char wrapped[SHOWN_MAX + SHOWN_MAX / 8];
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *data = scols_cell_get_data(scols_line_get_cell(line, i));

		if (!data || !is_sentence(scols_table_get_column(rows->table, i)))
			continue;
		text_wrap(data, rows->widest[i], wrapped, sizeof(wrapped));
		r = scols_line_set_data(line, i, wrapped);
	}
	return r;
}

/* Columns of the terminal `out` is; 0: it is none. */
static size_t terminal_width(FILE *out)
{
	struct winsize size;

	if (!isatty(fileno(out)))
		return 0;
	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static int wrap_sentences(struct rows *rows, size_t terminal)
{
	size_t n = scols_table_get_ncols(rows->table), taken = n;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_sentence(scols_table_get_column(rows->table, i)))
			taken += rows->widest[i];
	share_room(rows, terminal > taken ? terminal - taken : 0);
	for (size_t i = 0; i < scols_table_get_nlines(rows->table) && r == 0; i++)
		r = wrap_line(rows, scols_table_get_line(rows->table, i));
	return r;
}

int rows_print(struct rows *rows)
{
	size_t terminal = rows->table && rows->count ? terminal_width(rows->out) : 0;
	int r = terminal ? wrap_sentences(rows, terminal) : 0;

	return r == 0 && rows->table && rows->count ? scols_print_table(rows->table) : r;
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
		if (!*shown) /* an empty list */
			continue;
		(void)fprintf(out, "%-*s  %s\n", width, columns[i].title, shown);
	}
	return ferror(out) ? -EIO : 0;
}
