/* Inside of store/: how a row of a table and a struct of memory become each other: one list of columns a table, which drives COPY, UPDATE and
 * loading. Everything travels in PostgreSQL's binary formats: the field of a COPY, the element of an array and a parameter are then all the same bytes. */
#pragma once

#include <libpq-fe.h>

#include "store/buffer.h"
#include "store/inside_cabinet.h"

#define OID_BOOL        16
#define OID_BYTEA       17
#define OID_INT8        20
#define OID_INT2        21
#define OID_INT4        23
#define OID_TEXT        25
#define OID_DATE        1082
#define OID_TIMESTAMPTZ 1184

enum column_type {
	COLUMN_TEXT,   /* char[]; "" is NULL in a nullable column */
	COLUMN_STRING, /* const char *; NULL is NULL */
	COLUMN_ENUM,   /* an enum, as smallint */
	COLUMN_U8,     /* uint8_t, as smallint */
	COLUMN_INT,    /* int32_t or uint32_t */
	COLUMN_U64,
	COLUMN_BOOL,
	COLUMN_TRI, /* enum tri: NULL is not known */
	COLUMN_DATE,
	COLUMN_INSTANT,
	COLUMN_HASH,
	COLUMN_BYTES, /* struct bytes; data NULL is NULL */
	COLUMN_TYPES
};

enum {
	COLUMN_NULLABLE = 1, /* "" and 0 are NULL */
	COLUMN_ONCE = 2,     /* written with the row and never changed */
	COLUMN_UNREAD = 4,   /* not loaded */
	COLUMN_TASKS = 8,    /* an array with one element a task: the place is within struct task */
};

struct column {
	const char *name;
	enum column_type type;
	unsigned flags;
	size_t at, size; /* place in the row */
};

struct row_table {
	const char *name;
	const struct column *columns; /* the first `keys` are the key */
	size_t count, keys, row_size;
	size_t tasks_at, task_count_at;
};

extern const struct row_table person_table, request_table, case_table, claim_table, parked_table, quarantined_table,
	history_table, ptp_task_table;

/* "COPY ... FROM STDIN (FORMAT binary)" and its stream: a header, rows, an end. */
void rows_copy_sql(const struct row_table *table, struct buffer *sql);
void rows_copy_begin(struct buffer *out);
void rows_copy_row(const struct row_table *table, const void *row, struct buffer *out);
void rows_copy_end(struct buffer *out);

/* "UPDATE ... FROM unnest(...)", one array parameter a column: rows_update_column() writes parameter number `column` of rows_update_columns(). */
void rows_update_sql(const struct row_table *table, struct buffer *sql);
size_t rows_update_columns(const struct row_table *table);
void rows_update_column(
	const struct row_table *table, size_t column, const void *const *rows, size_t n, struct buffer *out);

/* The columns to select, qualified with `alias`, and a row out of a result whose first columns they are. `ret_strings`: the block that holds the
 * row's COLUMN_STRINGs, owned by the caller from then on; bytes are borrowed from the result. 0; -EPROTO: not such a row; -ENOMEM. */
void rows_select_sql(const struct row_table *table, const char *alias, struct buffer *sql);
int rows_read(const struct row_table *table, const PGresult *result, int r, void *row, char **ret_strings);

/* Framed values (length and bytes, -1 for NULL), for parameters and arrays of other statements. */
void put_null(struct buffer *out);
void put_text(struct buffer *out, const char *text); /* NULL is NULL */
void put_bytes(struct buffer *out, const void *bytes, size_t n);
void put_i16(struct buffer *out, int16_t value);
void put_i32(struct buffer *out, int32_t value);
void put_u64(struct buffer *out, uint64_t value);
void put_bool(struct buffer *out, bool value);
void put_instant(struct buffer *out, struct instant t); /* INSTANT_NONE is NULL */
/* A whole array: begin with the number of elements, the elements as above, end with what begin returned. */
size_t put_array(struct buffer *out, uint32_t element, size_t n);
void put_array_end(struct buffer *out, size_t frame);

/* Values of a binary result; of NULL: 0, false, INSTANT_NONE, {NULL, 0}. */
uint64_t get_u64(const PGresult *result, int row, int column);
int32_t get_i32(const PGresult *result, int row, int column);
int16_t get_i16(const PGresult *result, int row, int column);
bool get_bool(const PGresult *result, int row, int column);
struct instant get_instant(const PGresult *result, int row, int column);
struct bytes get_bytes(const PGresult *result, int row, int column);
/* Walks an array: false at its end or where it is none. A NULL element has data NULL. */
struct array_walk {
	const uint8_t *at, *end;
	uint32_t left;
};
struct array_walk get_array(const PGresult *result, int row, int column);
bool array_next(struct array_walk *walk, struct bytes *ret);
