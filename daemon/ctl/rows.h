/* Rows for people and for programs: a table (libsmartcols; on a terminal its sentences are wrapped to fit; times are New Zealand's, a flag that is not set is
 * left empty), or NDJSON with the columns' own names and times in RFC 3339, UTC. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/instant.h"

enum cell {
	CELL_TEXT,
	CELL_NUMBER, /* right-aligned; a JSON number */
	CELL_TIME,   /* as PostgreSQL prints it in UTC, or RFC 3339 */
	CELL_DATE,
	CELL_FLAG,     /* t or f, true or false; a JSON boolean */
	CELL_LIST,     /* a PostgreSQL array of plain words; a JSON array */
	CELL_SENTENCE, /* text that wraps */
	CELL_TYPE,     /* an event's type; its "nz.govt." is not shown */
};

struct column {
	const char *name;  /* in JSON */
	const char *title; /* in the table; NULL: JSON only */
	enum cell kind;
};
#define COLUMNS_MAX 40

struct rows;

/* `columns` is borrowed, n of them. 0 or -ENOMEM with a sentence. */
int rows_new(const struct column *columns, size_t n, bool json, FILE *out, struct rows **ret, struct fault *fault);
struct rows *rows_free(struct rows *rows);
DEFINE_CLEANUP(struct rows, rows_free)

/* One row; NULL cells are null and shown empty. `alarm`: in colour, on a terminal. NDJSON is written at once, a table by rows_print(). 0 or -ENOMEM. */
int rows_add(struct rows *rows, const char *const *cells, bool alarm);
size_t rows_count(const struct rows *rows);
int rows_print(struct rows *rows);

/* One row as a JSON object; the caller owns it. NULL: out of memory. */
json_t *row_json(const struct column *columns, size_t n, const char *const *cells);

/* One row as lines "Title  value", those that are empty left out. 0 or -EIO. */
int rows_print_card(const struct column *columns, size_t n, const char *const *cells, FILE *out);

/* "2026-11-02 01:02:03.004+00" or RFC 3339. 0 or -EINVAL. */
int time_parse(const char *text, struct instant *ret);
/* `text` broken at its spaces into lines of at most `width` characters. Cut where `ret` is full. */
void text_wrap(const char *text, size_t width, char *ret, size_t size);
#define LOCAL_TEXT 32
/* "Mon 2026-11-02 14:02 NZDT", "" for INSTANT_NONE. */
char *time_local(struct instant t, char text[static LOCAL_TEXT]);
/* The day it is in New Zealand. */
struct date date_today(void);
