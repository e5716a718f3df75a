/* One list of columns a table, because a row is written three ways (COPY, UPDATE, by the array) and read one: four hand-written lists would
 * drift apart. Binary, because the frame of a value is then the same everywhere, nothing has to be escaped, and reading cannot fail half way. */
#include "store/rows.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAYS_TO_2000 10957
#define US_TO_2000   (DAYS_TO_2000 * US_PER_DAY)

/* ---- The tables ---- */

#define AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)
#define COLUMN(name, type, flags, row, at)                        \
	{                                                         \
#name, COLUMN_##type, (flags), AT(struct row, at) \
	}
#define N      COLUMN_NULLABLE
#define ONCE   COLUMN_ONCE
#define UNREAD COLUMN_UNREAD
#define TASKS  COLUMN_TASKS

#define PERSON(name, type, flags) COLUMN(name, type, flags, person_row, person.name)
static const struct column person_columns[] = {
	PERSON(prn, TEXT, 0),
	PERSON(merged_into, TEXT, N),
	PERSON(known, BOOL, 0),
	PERSON(ows_reviewed_on, DATE, N),
	PERSON(cso9_completed_on, DATE, N),
	PERSON(on_ows, TRI, N),
	PERSON(assessed_at, INSTANT, N),
};

#define REQUEST(name, type, flags) COLUMN(name, type, flags, request_row, request.name)
static const struct column request_columns[] = {
	REQUEST(order_ref, TEXT, 0),
	COLUMN(prn, TEXT, 0, request_row, prn),
	REQUEST(filed_prn, TEXT, 0),
	REQUEST(order_type, ENUM, 0),
	REQUEST(office, TEXT, 0),
	REQUEST(named_office, TEXT, 0),
	REQUEST(place, TEXT, N),
	REQUEST(state, ENUM, 0),
	REQUEST(officer_id, TEXT, N),
	REQUEST(recommended_officer_id, TEXT, N),
	REQUEST(allocated_at, INSTANT, N),
	REQUEST(in_effect, BOOL, 0),
	REQUEST(final, BOOL, 0),
	REQUEST(scheduled_on, DATE, N),
	REQUEST(effective_on, DATE, N),
	REQUEST(starts_on, DATE, N),
	REQUEST(ends_on, DATE, N),
	REQUEST(child_sex_offence, TRI, N),
	REQUEST(conditions, TEXT, N),
	REQUEST(documents, U8, 0),
	REQUEST(applied_at, INSTANT, N),
	REQUEST(requested_at, INSTANT, N),
	REQUEST(due_at, INSTANT, N),
	REQUEST(first_report_by, INSTANT, N),
	REQUEST(level, U8, 0),
	REQUEST(next_alarm, INSTANT, N),
	COLUMN(opened_seq, U64, 0, request_row, opened_seq),
	COLUMN(steps, U8, TASKS, task, step),
	COLUMN(step_states, ENUM, TASKS, task, state),
	COLUMN(step_roles, ENUM, TASKS, task, role),
	COLUMN(step_titles, TEXT, TASKS, task, title),
	COLUMN(step_opened_at, INSTANT, TASKS | N, task, opened_at),
	COLUMN(step_due_at, INSTANT, TASKS | N, task, due_at),
	COLUMN(step_closed_at, INSTANT, TASKS | N, task, closed_at),
	COLUMN(step_levels, U8, TASKS, task, level),
};

#define PTP(name, type, flags) COLUMN(name, type, flags, case_row, ptp.name)
static const struct column case_columns[] = {
	PTP(ptp_ref, TEXT, 0),
	COLUMN(order_ref, TEXT, 0, case_row, order_ref),
	PTP(version, INT, 0),
	PTP(stage, U8, 0),
	PTP(state, ENUM, 0),
	PTP(outcomes, INT, 0),
	PTP(approved, BOOL, 0),
	PTP(area_supports, TRI, N),
	PTP(region_supports, TRI, N),
	PTP(monitoring, ENUM, 0),
	PTP(em_criteria_met, TRI, N),
	PTP(residential_restrictions, TRI, N),
	PTP(em_approval, ENUM, 0),
	PTP(starts_on, DATE, N),
	PTP(ends_on, DATE, N),
	PTP(suitability, TEXT, N),
	PTP(considered_by, TEXT, N),
	PTP(opened_at, INSTANT, N),
	PTP(entered_at, INSTANT, N),
	PTP(applied_at, INSTANT, N),
	PTP(expiring_published, BOOL, 0),
	COLUMN(task_step, U8, 0, case_row, ptp.task.step),
	COLUMN(task_state, ENUM, 0, case_row, ptp.task.state),
	COLUMN(task_role, ENUM, 0, case_row, ptp.task.role),
	COLUMN(task_title, TEXT, N, case_row, ptp.task.title),
	COLUMN(task_opened_at, INSTANT, N, case_row, ptp.task.opened_at),
	COLUMN(task_due_at, INSTANT, N, case_row, ptp.task.due_at),
	COLUMN(task_closed_at, INSTANT, N, case_row, ptp.task.closed_at),
	COLUMN(task_level, U8, 0, case_row, ptp.task.level),
};

#define CLAIM(name, type, flags) COLUMN(name, type, flags, claim_row, claim.name)
static const struct column claim_columns[] = {
	CLAIM(source, STRING, 0),
	CLAIM(id, STRING, 0),
	CLAIM(content, HASH, 0),
	CLAIM(type, ENUM, 0),
	CLAIM(disposition, ENUM, 0),
	CLAIM(seq, U64, 0),
	CLAIM(order_ref, TEXT, N),
	CLAIM(prn, TEXT, N),
	CLAIM(time, INSTANT, N),
	CLAIM(decided_at, INSTANT, N),
	CLAIM(submitter, STRING, N),
	CLAIM(by, STRING, N),
	CLAIM(by_role, ENUM, 0),
	CLAIM(prose, STRING, N),
	CLAIM(detail, TEXT, N),
};

#define PARKED(name, type, flags) COLUMN(name, type, flags, parked_row, parked.name)
static const struct column parked_columns[] = {
	PARKED(number, U64, 0),
	COLUMN(source, STRING, ONCE, parked_row, source),
	COLUMN(id, STRING, ONCE, parked_row, id),
	COLUMN(kind, ENUM, ONCE, parked_row, kind),
	COLUMN(submitter, STRING, ONCE | N, parked_row, submitter),
	PARKED(waits_for, TEXT, 0),
	PARKED(opens, TEXT, ONCE | N),
	PARKED(parked_at, INSTANT, N),
	PARKED(counted_from, INSTANT, N),
	PARKED(next_alarm, INSTANT, N),
	PARKED(long_published, BOOL, 0),
	COLUMN(raw, BYTES, ONCE, parked_row, raw),
};

#define HELD(name, type, flags) COLUMN(name, type, flags, quarantined_row, quarantined.name)
static const struct column quarantined_columns[] = {
	HELD(number, U64, 0),
	HELD(source, STRING, N),
	HELD(id, STRING, N),
	HELD(type_text, STRING, N),
	HELD(type, ENUM, 0),
	HELD(time, INSTANT, N),
	HELD(order_ref, STRING, N),
	HELD(office, STRING, N),
	HELD(opens, STRING, ONCE | N),
	COLUMN(kind, ENUM, ONCE | UNREAD, quarantined_row, kind),
	HELD(submitter, STRING, N),
	HELD(reason, ENUM, 0),
	HELD(sentence, TEXT, 0),
	HELD(raw_hash, HASH, ONCE),
	COLUMN(raw, BYTES, ONCE | UNREAD | N, quarantined_row, raw),
	COLUMN(raw_size, INT, ONCE, quarantined_row, raw_size),
	HELD(state, ENUM, 0),
	HELD(closed_by, STRING, N),
	HELD(closed_reason, STRING, N),
	HELD(quarantined_at, INSTANT, N),
	HELD(closed_at, INSTANT, N),
	HELD(next_alarm, INSTANT, N),
	HELD(seq, U64, 0),
};

#define HISTORY(name, type, flags) COLUMN(name, type, flags, history_row, name)
static const struct column history_columns[] = {
	HISTORY(seq, U64, 0),
	HISTORY(ptp_ref, TEXT, 0),
	HISTORY(name, ENUM, 0),
	HISTORY(happened_at, INSTANT, N),
	HISTORY(recorded_at, INSTANT, N),
	HISTORY(from_stage, U8, N),
	HISTORY(to_stage, U8, N),
	HISTORY(outcome, ENUM, N),
	HISTORY(state, ENUM, N),
	HISTORY(by_role, ENUM, N),
	HISTORY(by, TEXT, N),
	HISTORY(guard, ENUM, N),
	HISTORY(rule, TEXT, N),
	HISTORY(cause, TEXT, N),
};

#define PTP_TASK(name, type, flags) COLUMN(name, type, flags, ptp_task_row, task.name)
static const struct column ptp_task_columns[] = {
	COLUMN(seq, U64, 0, ptp_task_row, seq),
	COLUMN(ptp_ref, TEXT, 0, ptp_task_row, ptp_ref),
	PTP_TASK(step, U8, 0),
	PTP_TASK(title, TEXT, N),
	PTP_TASK(role, ENUM, 0),
	PTP_TASK(state, ENUM, 0),
	PTP_TASK(opened_at, INSTANT, N),
	PTP_TASK(due_at, INSTANT, N),
	PTP_TASK(closed_at, INSTANT, N),
};

#define TABLE(name, list, keys, row)                                                          \
	{                                                                                     \
		"cpps_store." #name, list, ARRAY_LENGTH(list), keys, sizeof(struct row), 0, 0 \
	}
const struct row_table person_table = TABLE(person, person_columns, 1, person_row);
const struct row_table request_table = { "cpps_store.request", request_columns, ARRAY_LENGTH(request_columns), 1,
	sizeof(struct request_row), offsetof(struct request_row, request.tasks),
	offsetof(struct request_row, request.task_count) };
const struct row_table case_table = TABLE(ptp_case, case_columns, 1, case_row);
const struct row_table claim_table = TABLE(claim, claim_columns, 2, claim_row);
const struct row_table parked_table = TABLE(parked, parked_columns, 1, parked_row);
const struct row_table quarantined_table = TABLE(quarantined, quarantined_columns, 1, quarantined_row);
const struct row_table history_table = TABLE(ptp_history, history_columns, 1, history_row);
const struct row_table ptp_task_table = TABLE(ptp_task, ptp_task_columns, 1, ptp_task_row);

/* ---- Framed values ---- */

void put_null(struct buffer *out)
{
	buffer_u32(out, UINT32_MAX);
}

void put_bytes(struct buffer *out, const void *bytes, size_t n)
{
	buffer_u32(out, (uint32_t)n);
	buffer_bytes(out, bytes, n);
}

void put_text(struct buffer *out, const char *text)
{
	if (text)
		put_bytes(out, text, strlen(text));
	else
		put_null(out);
}

void put_i16(struct buffer *out, int16_t value)
{
	buffer_u32(out, sizeof(value));
	buffer_u16(out, (uint16_t)value);
}

void put_i32(struct buffer *out, int32_t value)
{
	buffer_u32(out, sizeof(value));
	buffer_u32(out, (uint32_t)value);
}

void put_u64(struct buffer *out, uint64_t value)
{
	buffer_u32(out, sizeof(value));
	buffer_u64(out, value);
}

void put_bool(struct buffer *out, bool value)
{
	buffer_u32(out, 1);
	buffer_u8(out, value);
}

void put_instant(struct buffer *out, struct instant t)
{
	if (instant_given(t))
		put_u64(out, (uint64_t)(t.us - US_TO_2000));
	else
		put_null(out);
}

size_t put_array(struct buffer *out, uint32_t element, size_t n)
{
	size_t frame = buffer_hole(out);

	buffer_u32(out, n ? 1 : 0); /* dimensions */
	buffer_u32(out, 1);         /* may hold NULLs */
	buffer_u32(out, element);
	if (n) {
		buffer_u32(out, (uint32_t)n);
		buffer_u32(out, 1); /* lower bound */
	}
	return frame;
}

void put_array_end(struct buffer *out, size_t frame)
{
	buffer_fill(out, frame, (uint32_t)(out->n - frame - sizeof(uint32_t)));
}

uint64_t get_u64(const PGresult *result, int row, int column)
{
	return PQgetlength(result, row, column) == 8 ? bytes_u64((const uint8_t *)PQgetvalue(result, row, column)) : 0;
}

int32_t get_i32(const PGresult *result, int row, int column)
{
	return PQgetlength(result, row, column) == 4
		       ? (int32_t)bytes_u32((const uint8_t *)PQgetvalue(result, row, column))
		       : 0;
}

int16_t get_i16(const PGresult *result, int row, int column)
{
	return PQgetlength(result, row, column) == 2
		       ? (int16_t)bytes_u16((const uint8_t *)PQgetvalue(result, row, column))
		       : (int16_t)0;
}

bool get_bool(const PGresult *result, int row, int column)
{
	return PQgetlength(result, row, column) == 1 && *PQgetvalue(result, row, column);
}

struct instant get_instant(const PGresult *result, int row, int column)
{
	if (PQgetlength(result, row, column) != 8)
		return INSTANT_NONE;
	return (struct instant){ (int64_t)get_u64(result, row, column) + US_TO_2000 };
}

struct bytes get_bytes(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column))
		return (struct bytes){ 0 };
	return (struct bytes){ (const uint8_t *)PQgetvalue(result, row, column),
		(size_t)PQgetlength(result, row, column) };
}

static struct array_walk walk_array(struct bytes array)
{
	struct array_walk walk = { 0 };

	/* dimensions, flags, element type, then count and lower bound of the one dimension */
	if (array.n < 20 || bytes_u32(array.data) != 1)
		return walk;
	walk.at = array.data + 20;
	walk.end = array.data + array.n;
	walk.left = bytes_u32(array.data + 12);
	return walk;
}

struct array_walk get_array(const PGresult *result, int row, int column)
{
	return walk_array(get_bytes(result, row, column));
}

bool array_next(struct array_walk *walk, struct bytes *ret)
{
	uint32_t n;

	if (!walk->left || walk->end - walk->at < 4)
		return false;
	n = bytes_u32(walk->at);
	walk->at += 4;
	walk->left--;
	if (n == UINT32_MAX) {
		*ret = (struct bytes){ 0 };
		return true;
	}
	if (n > (size_t)(walk->end - walk->at))
		return false;
	*ret = (struct bytes){ walk->at, n };
	walk->at += n;
	return true;
}

/* ---- Types: a struct member into a framed value and back. `value` of a read is never NULL; `size` is the member's ---- */

static void put_text_column(const void *at, bool nullable, struct buffer *out)
{
	put_text(out, nullable && !*(const char *)at ? NULL : at);
}

static bool get_text_column(struct bytes value, void *at, size_t size)
{
	if (value.n >= size)
		return false;
	memcpy(at, value.data, value.n);
	((char *)at)[value.n] = '\0';
	return true;
}

static void put_string_column(const void *at, bool nullable, struct buffer *out)
{
	const char *text = *(const char *const *)at;

	put_text(out, nullable ? text : text ? text : "");
}

static void put_enum_column(const void *at, bool nullable, struct buffer *out)
{
	unsigned value = *(const unsigned *)at;

	if (nullable && !value)
		put_null(out);
	else
		put_i16(out, (int16_t)value);
}

static bool get_enum_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 2 || size != sizeof(unsigned))
		return false;
	*(unsigned *)at = bytes_u16(value.data);
	return true;
}

static void put_u8_column(const void *at, bool nullable, struct buffer *out)
{
	uint8_t value = *(const uint8_t *)at;

	if (nullable && !value)
		put_null(out);
	else
		put_i16(out, value);
}

static bool get_u8_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 2 || size != 1 || bytes_u16(value.data) > UINT8_MAX)
		return false;
	*(uint8_t *)at = (uint8_t)bytes_u16(value.data);
	return true;
}

static void put_int_column(const void *at, bool nullable, struct buffer *out)
{
	(void)nullable;
	put_i32(out, *(const int32_t *)at);
}

static bool get_int_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 4 || size != 4)
		return false;
	*(uint32_t *)at = bytes_u32(value.data);
	return true;
}

static void put_u64_column(const void *at, bool nullable, struct buffer *out)
{
	(void)nullable;
	put_u64(out, *(const uint64_t *)at);
}

static bool get_u64_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 8 || size != 8)
		return false;
	*(uint64_t *)at = bytes_u64(value.data);
	return true;
}

static void put_bool_column(const void *at, bool nullable, struct buffer *out)
{
	(void)nullable;
	put_bool(out, *(const bool *)at);
}

static bool get_bool_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 1 || size != 1)
		return false;
	*(bool *)at = value.data[0] != 0;
	return true;
}

static void put_tri_column(const void *at, bool nullable, struct buffer *out)
{
	enum tri value = *(const enum tri *)at;

	(void)nullable;
	if (value == TRI_UNKNOWN)
		put_null(out);
	else
		put_bool(out, value == TRI_YES);
}

static bool get_tri_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 1 || size != sizeof(enum tri))
		return false;
	*(enum tri *)at = value.data[0] ? TRI_YES : TRI_NO;
	return true;
}

static void put_date_column(const void *at, bool nullable, struct buffer *out)
{
	struct date date = *(const struct date *)at;

	(void)nullable;
	if (date_given(date))
		put_i32(out, date.day - DAYS_TO_2000);
	else
		put_null(out);
}

static bool get_date_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 4 || size != sizeof(struct date))
		return false;
	((struct date *)at)->day = (int32_t)bytes_u32(value.data) + DAYS_TO_2000;
	return true;
}

static void put_instant_column(const void *at, bool nullable, struct buffer *out)
{
	(void)nullable;
	put_instant(out, *(const struct instant *)at);
}

static bool get_instant_column(struct bytes value, void *at, size_t size)
{
	if (value.n != 8 || size != sizeof(struct instant))
		return false;
	((struct instant *)at)->us = (int64_t)bytes_u64(value.data) + US_TO_2000;
	return true;
}

static void put_hash_column(const void *at, bool nullable, struct buffer *out)
{
	(void)nullable;
	put_bytes(out, at, HASH_SIZE);
}

static bool get_hash_column(struct bytes value, void *at, size_t size)
{
	if (value.n != HASH_SIZE || size != HASH_SIZE)
		return false;
	memcpy(at, value.data, HASH_SIZE);
	return true;
}

static void put_bytes_column(const void *at, bool nullable, struct buffer *out)
{
	const struct bytes *bytes = at;

	(void)nullable;
	if (bytes->data)
		put_bytes(out, bytes->data, bytes->n);
	else
		put_null(out);
}

static bool get_bytes_column(struct bytes value, void *at, size_t size)
{
	(void)size;
	*(struct bytes *)at = value;
	return true;
}

static const struct {
	const char *sql;
	uint32_t oid;
	void (*put)(const void *at, bool nullable, struct buffer *out);
	bool (*get)(struct bytes value, void *at, size_t size); /* strings are read apart: they need a home */
} types[COLUMN_TYPES] = {
	[COLUMN_TEXT] = { "text", OID_TEXT, put_text_column, get_text_column },
	[COLUMN_STRING] = { "text", OID_TEXT, put_string_column, NULL },
	[COLUMN_ENUM] = { "smallint", OID_INT2, put_enum_column, get_enum_column },
	[COLUMN_U8] = { "smallint", OID_INT2, put_u8_column, get_u8_column },
	[COLUMN_INT] = { "integer", OID_INT4, put_int_column, get_int_column },
	[COLUMN_U64] = { "bigint", OID_INT8, put_u64_column, get_u64_column },
	[COLUMN_BOOL] = { "boolean", OID_BOOL, put_bool_column, get_bool_column },
	[COLUMN_TRI] = { "boolean", OID_BOOL, put_tri_column, get_tri_column },
	[COLUMN_DATE] = { "date", OID_DATE, put_date_column, get_date_column },
	[COLUMN_INSTANT] = { "timestamptz", OID_TIMESTAMPTZ, put_instant_column, get_instant_column },
	[COLUMN_HASH] = { "bytea", OID_BYTEA, put_hash_column, get_hash_column },
	[COLUMN_BYTES] = { "bytea", OID_BYTEA, put_bytes_column, get_bytes_column },
};

/* ---- Writing ---- */

static const uint8_t *task_at(const struct row_table *table, const void *row, size_t i)
{
	return (const uint8_t *)row + table->tasks_at + i * sizeof(struct task);
}

static size_t task_count(const struct row_table *table, const void *row)
{
	size_t n = *((const uint8_t *)row + table->task_count_at);

	return n < STEPS_MAX ? n : STEPS_MAX;
}

static void put_tasks(const struct row_table *table, const struct column *column, const void *row, struct buffer *out)
{
	size_t n = task_count(table, row), frame = put_array(out, types[column->type].oid, n);

	for (size_t i = 0; i < n; i++)
		types[column->type].put(task_at(table, row, i) + column->at, column->flags & COLUMN_NULLABLE, out);
	put_array_end(out, frame);
}

static void put_column(const struct row_table *table, const struct column *column, const void *row, struct buffer *out)
{
	if (column->flags & COLUMN_TASKS)
		put_tasks(table, column, row, out);
	else
		types[column->type].put((const uint8_t *)row + column->at, column->flags & COLUMN_NULLABLE, out);
}

void rows_copy_sql(const struct row_table *table, struct buffer *sql)
{
	buffer_text(sql, "COPY ");
	buffer_text(sql, table->name);
	for (size_t i = 0; i < table->count; i++) {
		buffer_text(sql, i ? ", " : " (");
		buffer_text(sql, table->columns[i].name);
	}
	buffer_text(sql, ") FROM STDIN (FORMAT binary)");
}

void rows_copy_begin(struct buffer *out)
{
	buffer_bytes(out, "PGCOPY\n\377\r\n\0", 11);
	buffer_u32(out, 0); /* flags */
	buffer_u32(out, 0); /* size of the header's extension */
}

void rows_copy_row(const struct row_table *table, const void *row, struct buffer *out)
{
	buffer_u16(out, (uint16_t)table->count);
	for (size_t i = 0; i < table->count; i++)
		put_column(table, &table->columns[i], row, out);
}

void rows_copy_end(struct buffer *out)
{
	buffer_u16(out, UINT16_MAX);
}

/* Arrays of arrays have to be rectangular, and the steps of two requests differ in number: within an UPDATE's parameters, the array of a row is
 * text, such as {1,2} or {"a","b"}, and cast in the statement. */
static void put_literal_element(const struct column *column, const void *at, struct buffer *out)
{
	char text[INSTANT_TEXT];

	if (column->type == COLUMN_TEXT) {
		buffer_u8(out, '"');
		for (const char *c = at; *c; c++) {
			if (*c == '"' || *c == '\\')
				buffer_u8(out, '\\');
			buffer_u8(out, (uint8_t)*c);
		}
		buffer_u8(out, '"');
		return;
	}
	if (column->type == COLUMN_INSTANT)
		(void)instant_format(*(const struct instant *)at, text);
	else
		(void)snprintf(text, sizeof(text), "%u",
			column->type == COLUMN_U8 ? *(const uint8_t *)at : *(const unsigned *)at);
	buffer_text(out, *text ? text : "NULL");
}

static void put_literal(const struct row_table *table, const struct column *column, const void *row, struct buffer *out)
{
	size_t n = task_count(table, row), hole = buffer_hole(out);

	buffer_u8(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buffer_u8(out, ',');
		put_literal_element(column, task_at(table, row, i) + column->at, out);
	}
	buffer_u8(out, '}');
	buffer_fill(out, hole, (uint32_t)(out->n - hole - sizeof(uint32_t)));
}

static const struct column *update_column(const struct row_table *table, size_t column)
{
	for (size_t i = 0; i < table->count; i++)
		if (!(table->columns[i].flags & COLUMN_ONCE) && column-- == 0)
			return &table->columns[i];
	return NULL;
}

size_t rows_update_columns(const struct row_table *table)
{
	size_t n = 0;

	while (update_column(table, n))
		n++;
	return n;
}

static void format_into(struct buffer *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void format_into(struct buffer *sql, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buffer_text(sql, text);
}

void rows_update_sql(const struct row_table *table, struct buffer *sql)
{
	size_t n = rows_update_columns(table);

	format_into(sql, "UPDATE %s AS t SET ", table->name);
	for (size_t i = table->keys; i < n; i++) {
		const struct column *c = update_column(table, i);

		format_into(sql, "%s%s = u.%s", i > table->keys ? ", " : "", c->name, c->name);
		if (c->flags & COLUMN_TASKS)
			format_into(sql, "::%s[]", types[c->type].sql);
	}
	for (size_t i = 0; i < n; i++) {
		const struct column *c = update_column(table, i);

		format_into(sql, "%s$%zu::%s[]", i ? ", " : " FROM unnest(", i + 1,
			c->flags & COLUMN_TASKS ? "text" : types[c->type].sql);
	}
	for (size_t i = 0; i < n; i++)
		format_into(sql, "%s%s", i ? ", " : ") AS u (", update_column(table, i)->name);
	for (size_t i = 0; i < table->keys; i++)
		format_into(sql, "%s.%s = u.%s", i ? " AND t" : ") WHERE t", table->columns[i].name,
			table->columns[i].name);
}

void rows_update_column(
	const struct row_table *table, size_t column, const void *const *rows, size_t n, struct buffer *out)
{
	const struct column *c = update_column(table, column);
	bool tasks = c->flags & COLUMN_TASKS;
	size_t frame = put_array(out, tasks ? OID_TEXT : types[c->type].oid, n);

	for (size_t i = 0; i < n; i++)
		if (tasks)
			put_literal(table, c, rows[i], out);
		else
			put_column(table, c, rows[i], out);
	put_array_end(out, frame);
}

/* ---- Reading ---- */

void rows_select_sql(const struct row_table *table, const char *alias, struct buffer *sql)
{
	bool first = true;

	for (size_t i = 0; i < table->count; i++) {
		if (table->columns[i].flags & COLUMN_UNREAD)
			continue;
		format_into(sql, "%s%s.%s", first ? "" : ", ", alias, table->columns[i].name);
		first = false;
	}
}

/* What NULL becomes in memory, where it is not all zeros. */
static void set_none(const struct column *column, void *at)
{
	if (column->type == COLUMN_DATE)
		*(struct date *)at = DATE_NONE;
	if (column->type == COLUMN_INSTANT)
		*(struct instant *)at = INSTANT_NONE;
}

static bool read_tasks(const struct row_table *table, const struct column *column, struct bytes array, void *row)
{
	struct array_walk walk = walk_array(array);
	struct bytes value;
	uint8_t n = 0;

	while (array_next(&walk, &value)) {
		uint8_t *at;

		if (n == STEPS_MAX)
			return false;
		at = (uint8_t *)row + table->tasks_at + n++ * sizeof(struct task) + column->at;
		if (!value.data)
			set_none(column, at);
		else if (!types[column->type].get(value, at, column->size))
			return false;
	}
	*((uint8_t *)row + table->task_count_at) = n;
	return true;
}

static size_t strings_size(const struct row_table *table, const PGresult *result, int r)
{
	size_t n = 0;
	int field = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (table->columns[i].flags & COLUMN_UNREAD)
			continue;
		if (table->columns[i].type == COLUMN_STRING)
			n += (size_t)PQgetlength(result, r, field) + 1;
		field++;
	}
	return n;
}

static char *read_string(struct bytes value, void *at, char *home)
{
	memcpy(home, value.data, value.n);
	home[value.n] = '\0';
	*(const char **)at = home;
	return home + value.n + 1;
}

static bool read_column(
	const struct row_table *table, const struct column *column, struct bytes value, void *row, char **home)
{
	uint8_t *at = (uint8_t *)row + column->at;

	if (column->flags & COLUMN_TASKS)
		return read_tasks(table, column, value, row);
	if (!value.data) {
		set_none(column, at);
		return true;
	}
	if (column->type == COLUMN_STRING) {
		*home = read_string(value, at, *home);
		return true;
	}
	return types[column->type].get(value, at, column->size);
}

int rows_read(const struct row_table *table, const PGresult *result, int r, void *row, char **ret_strings)
{
	size_t n = strings_size(table, result, r);
	CLEANUP(freep) char *strings = malloc(n + 1);
	char *home = strings;
	int field = 0;

	if (!strings)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++) {
		if (table->columns[i].flags & COLUMN_UNREAD)
			continue;
		if (field >= PQnfields(result) ||
			!read_column(table, &table->columns[i], get_bytes(result, r, field), row, &home))
			return -EPROTO;
		field++;
	}
	*ret_strings = TAKE(strings);
	return 0;
}
