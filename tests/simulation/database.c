/* PostgreSQL, as far as the daemon can see it: store/connection.h over tables in memory. Jobs travel, are done, and their answers travel back; a session
 * may outlive its connection; a transaction is applied whole or not at all, and whether its answer arrives is another matter.
 *
 * Each statement of store/statements.c that the daemon sends has its meaning here once more, in the table at the end. Rows keep the bytes that COPY
 * and the parameters bring, so that what is loaded went through store/rows.c both ways. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/inside_store.h"
#include "store/statements.h"
#include "world.h"

#define ROWS_MAX    4096
#define RESULT_MAX  48
#define LEASE_US    (3 * US_PER_SECOND)
#define STATE_ENDED 5

/* ---- Tables ---- */

struct row {
	bool gone;
	struct bytes at[RESULT_MAX]; /* data NULL: NULL */
};

enum { PERSONS, REQUESTS, CASES, CLAIMS, PARKED, QUARANTINED, TABLES };
static const struct row_table *const shapes[TABLES] = { &person_table, &request_table, &case_table, &claim_table,
	&parked_table, &quarantined_table };

struct session {
	int32_t pid;
	int64_t started;
	bool dead;
};

static struct {
	struct row *rows[TABLES][ROWS_MAX];
	size_t count[TABLES];
	struct log_entry *log;
	size_t log_count, log_space;
	uint64_t first;
	uint64_t epoch;
	struct {
		uint64_t epoch;
		int32_t pid;
		int64_t started, renewed;
		struct bytes endpoints; /* an array */
	} lease;
	struct session *lock; /* who holds the advisory lock */
	struct source_position positions[SOURCES_MAX];
	size_t position_count;
	int32_t pids;
	int64_t down_until;
	const struct policy *policy;
} db;

static struct session *sessions[ROWS_MAX];
static size_t session_count;
static struct connection *connections[64];
static size_t connection_count;

static size_t column(int table, const char *name)
{
	for (size_t i = 0; i < shapes[table]->count; i++)
		if (!strcmp(shapes[table]->columns[i].name, name))
			return i;
	abort();
}

#define CELL(table, row, name)                                           \
	({                                                               \
		static size_t place_;                                    \
		static bool found_;                                      \
		if (!found_)                                             \
			place_ = column((table), (name)), found_ = true; \
		(row)->at[place_];                                       \
	})

static bool same(struct bytes a, struct bytes b)
{
	return a.data && b.data && a.n == b.n && !memcmp(a.data, b.data, a.n);
}

static bool same_text(struct bytes a, const char *text)
{
	return a.data && a.n == strlen(text) && !memcmp(a.data, text, a.n);
}

static uint64_t number_of(struct bytes b)
{
	return b.n == 8 ? bytes_u64(b.data) : b.n == 4 ? bytes_u32(b.data) : b.n == 2 ? bytes_u16(b.data) : 0;
}

static const char *text_of(struct bytes b)
{
	return b.data ? take_copy(b.data, b.n + 1) : NULL;
}

/* A copy of framed bytes, and the place behind them; one byte of zero follows. */
static struct bytes framed(const uint8_t **at, bool kept)
{
	const uint32_t n = bytes_u32(*at);
	struct bytes b = { NULL, 0 };

	*at += 4;
	if (n == UINT32_MAX)
		return b;
	b = (struct bytes){ *at, n };
	*at += n;
	if (kept) {
		uint8_t *copy = take(n + 1);

		memcpy(copy, b.data, n);
		b.data = copy;
	}
	return b;
}

/* ---- Parameters ---- */

static struct bytes parameter_at(const struct parameters *parameters, int i)
{
	const uint8_t *at = parameters->bytes.data + parameters->at[i];

	return framed(&at, true);
}

struct elements {
	const uint8_t *at;
	uint32_t left;
};

static struct elements elements_of(struct bytes array)
{
	if (array.n < 20)
		return (struct elements){ NULL, 0 };
	return (struct elements){ array.data + 20, bytes_u32(array.data + 12) };
}

static bool element(struct elements *elements, struct bytes *ret)
{
	if (!elements->left)
		return false;
	elements->left--;
	*ret = framed(&elements->at, true);
	return true;
}

static bool among(struct bytes value, struct bytes array)
{
	struct elements elements = elements_of(array);
	struct bytes one;

	while (element(&elements, &one))
		if (same(one, value))
			return true;
	return false;
}

static bool pair_among(struct bytes a, struct bytes b, struct bytes as, struct bytes bs)
{
	struct elements first = elements_of(as), second = elements_of(bs);
	struct bytes x, y;

	while (element(&first, &x) && element(&second, &y))
		if (same(x, a) && same(y, b))
			return true;
	return false;
}

/* ---- Results ---- */

static PGresult *result_new(int columns)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc descriptions[RESULT_MAX + 1];
	static char name[] = "column";

	memset(descriptions, 0, sizeof(descriptions));
	for (int i = 0; i < columns; i++)
		descriptions[i] = (PGresAttDesc){ .name = name, .format = 1 };
	if (!result || !PQsetResultAttrs(result, columns, descriptions))
		abort();
	return result;
}

static PGresult *command_result(const char *status)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK);

	if (!result)
		abort();
	return strcpy(PQcmdStatus(result), status), result;
}

static void set(PGresult *result, int row, int place, struct bytes value)
{
	if (!PQsetvalue(result, row, place, value.data ? (char *)(uintptr_t)value.data : NULL,
		    value.data ? (int)value.n : -1))
		abort();
}

static void set_number(PGresult *result, int row, int place, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	set(result, row, place, (struct bytes){ bytes, 8 });
}

static void set_int(PGresult *result, int row, int place, uint32_t value)
{
	const uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
		(uint8_t)value };

	set(result, row, place, (struct bytes){ bytes, 4 });
}

static void set_bool(PGresult *result, int row, int place, bool value)
{
	set(result, row, place, (struct bytes){ (const uint8_t *)(value ? "\1" : "\0"), 1 });
}

static void set_text(PGresult *result, int row, int place, const char *text)
{
	set(result, row, place, (struct bytes){ (const uint8_t *)text, text ? strlen(text) : 0 });
}

/* As put_...() of store/rows.h make it, without the frame. */
static void set_framed(PGresult *result, int row, int place, struct buffer *bytes)
{
	const uint8_t *at = bytes->data;

	set(result, row, place, framed(&at, false));
	buffer_clear(bytes);
}

static void set_instant(PGresult *result, int row, int place, int64_t us)
{
	struct buffer bytes = { 0 };

	put_instant(&bytes, (struct instant){ us });
	set_framed(result, row, place, &bytes);
}

static int64_t instant_of(struct bytes b)
{
	/* microseconds since 2000 */
	return b.data ? (int64_t)bytes_u64(b.data) + INT64_C(946684800) * US_PER_SECOND : INT64_MIN;
}

static int columns_read(int table)
{
	int n = 0;

	for (size_t i = 0; i < shapes[table]->count; i++)
		n += !(shapes[table]->columns[i].flags & COLUMN_UNREAD);
	return n;
}

static void set_row(PGresult *result, int r, int table, const struct row *row)
{
	int place = 0;

	for (size_t i = 0; i < shapes[table]->count; i++)
		if (!(shapes[table]->columns[i].flags & COLUMN_UNREAD))
			set(result, r, place++, row->at[i]);
}

#define EACH_ROW(table, name)                           \
	for (size_t i_ = 0; i_ < db.count[table]; i_++) \
		for (struct row *name = db.rows[table][i_]; name && !name->gone; name = NULL)

/* ---- Rows in ---- */

static int table_of(const struct row_table *shape)
{
	for (int table = 0; table < TABLES; table++)
		if (shapes[table] == shape)
			return table;
	return TABLES;
}

static bool same_key(int table, const struct row *a, const struct row *b)
{
	for (size_t i = 0; i < shapes[table]->keys; i++)
		if (!same(a->at[i], b->at[i]))
			return false;
	return true;
}

static struct row *row_like(int table, const struct row *key)
{
	EACH_ROW(table, row)
	if (same_key(table, row, key))
		return row;
	return NULL;
}

/* The rows of a COPY, one by one: NULL at the end. */
static struct row *copied(int table, const uint8_t **at)
{
	const uint16_t n = bytes_u16(*at);
	struct row *row;

	*at += 2;
	if (n == UINT16_MAX)
		return NULL;
	row = take(sizeof(*row));
	if (n != shapes[table]->count)
		broken("a row of %s is copied with %u columns", shapes[table]->name, n);
	for (size_t i = 0; i < n; i++)
		row->at[i] = framed(at, true);
	return row;
}

#define COPY_HEADER 19

static void apply_copy(int table, const struct buffer *rows)
{
	const uint8_t *at = rows->data + COPY_HEADER;
	struct row *row;

	while (table < TABLES && (row = copied(table, &at))) {
		if (db.count[table] == ROWS_MAX)
			abort();
		db.rows[table][db.count[table]++] = row;
	}
}

/* The element of a literal such as {1,"a b",NULL}: false at its end. */
static bool literal_element(const char **at, char *text, size_t size, bool *ret_null)
{
	bool quoted;
	size_t n = 0;

	if (**at == '{' || **at == ',')
		(*at)++;
	if (**at == '}' || !**at)
		return false;
	quoted = **at == '"';
	*at += quoted;
	while (**at && (quoted ? **at != '"' : **at != ',' && **at != '}')) {
		if (quoted && **at == '\\')
			(*at)++;
		if (n + 1 < size)
			text[n++] = **at;
		(*at)++;
	}
	*at += quoted;
	text[n] = '\0';
	*ret_null = !quoted && !strcmp(text, "NULL");
	return true;
}

static void put_element(const struct column *c, const char *text, bool null, struct buffer *out)
{
	struct instant t;

	if (null)
		put_null(out);
	else if (c->type == COLUMN_TEXT)
		put_text(out, text);
	else if (c->type != COLUMN_INSTANT)
		put_i16(out, (int16_t)atoi(text));
	else if (instant_parse(text, &t) == 0)
		put_instant(out, t);
	else
		broken("the literal of an instant is '%s'", text);
}

/* The cast of an UPDATE from a literal to an array. */
static struct bytes array_of_literal(const struct column *c, struct bytes literal)
{
	const uint32_t type = c->type == COLUMN_TEXT      ? OID_TEXT
			      : c->type == COLUMN_INSTANT ? OID_TIMESTAMPTZ
							  : OID_INT2;
	const char *at = (const char *)literal.data;
	struct buffer out = { 0 };
	char text[512];
	size_t n = 0, frame;
	bool null;
	const uint8_t *bytes;
	struct bytes array;

	while (literal_element(&at, text, sizeof(text), &null))
		n++;
	frame = put_array(&out, type, n);
	at = (const char *)literal.data;
	while (literal_element(&at, text, sizeof(text), &null))
		put_element(c, text, null, &out);
	put_array_end(&out, frame);
	bytes = out.data;
	array = framed(&bytes, true);
	buffer_clear(&out);
	return array;
}

static void apply_update(int table, const struct parameters *parameters)
{
	struct elements elements[RESULT_MAX];
	size_t places[RESULT_MAX], n = 0;

	for (size_t i = 0; i < shapes[table]->count; i++)
		if (!(shapes[table]->columns[i].flags & COLUMN_ONCE)) {
			elements[n] = elements_of(parameter_at(parameters, (int)n));
			places[n++] = i;
		}
	while (elements[0].left) {
		struct row new = { 0 }, *row;

		for (size_t i = 0; i < n; i++) {
			const struct column *c = &shapes[table]->columns[places[i]];

			(void)element(&elements[i], &new.at[places[i]]);
			if (c->flags & COLUMN_TASKS)
				new.at[places[i]] = array_of_literal(c, new.at[places[i]]);
		}
		row = row_like(table, &new);
		for (size_t i = 0; row && i < n; i++)
			row->at[places[i]] = new.at[places[i]];
	}
}

static void apply_refile(const struct parameters *p)
{
	struct elements filed = elements_of(parameter_at(p, 0)), was = elements_of(parameter_at(p, 1)),
			now = elements_of(parameter_at(p, 2));
	struct bytes f, w, n;

	while (element(&filed, &f) && element(&was, &w) && element(&now, &n))
		EACH_ROW(REQUESTS, row)
	if (same(CELL(REQUESTS, row, "prn"), w) && same(CELL(REQUESTS, row, "filed_prn"), f))
		row->at[column(REQUESTS, "prn")] = n;
}

static int number_of_source(const char *name)
{
	return strcmp(name, "court") != 0;
}

/* Of a source that was restored, any of the records of that number. */
static bool was_decided(const char *source, uint64_t seq)
{
	const struct made_event *event;

	for (size_t at = 0; (event = source_wrote_next(number_of_source(source), seq, &at));)
		if (database_has_bytes(event->bytes) || database_fate(event->source, event->id).claims)
			return true;
	return false;
}

static void apply_positions(const struct parameters *p)
{
	struct elements sources = elements_of(parameter_at(p, 0)), streams = elements_of(parameter_at(p, 1)),
			epochs = elements_of(parameter_at(p, 2)), seqs = elements_of(parameter_at(p, 3)),
			heads = elements_of(parameter_at(p, 4));
	struct bytes source, stream, epoch, seq, head;

	while (element(&sources, &source) && element(&streams, &stream) && element(&epochs, &epoch) &&
		element(&seqs, &seq) && element(&heads, &head)) {
		struct source_position new = {
			.epoch = number_of(epoch), .seq = number_of(seq), .head = number_of(head)
		};
		struct position old;
		size_t i = 0;

		memcpy(new.source, source.data, source.n);
		memcpy(new.stream, stream.data, stream.n);
		while (i < db.position_count && strcmp(db.positions[i].source, new.source) != 0)
			i++;
		old = database_position(new.source);
		if (new.seq <= old.seq)
			broken("the position of %s goes from %lu back to %lu", new.source, old.seq, new.seq);
		db.positions[i] = new;
		db.position_count += i == db.position_count;
		/* X5: what the position counts was decided in this transaction or before; who begins, begins with the first that is kept. */
		for (uint64_t at = old.seq + 1; at <= new.seq; at++)
			if ((old.seq || at >= source_ever_first(number_of_source(new.source))) &&
				!was_decided(new.source, at))
				broken("the position of %s passes record %lu, which was never decided", new.source, at);
	}
}

static void apply_fence(const struct parameters *p)
{
	const uint64_t epoch = number_of(parameter_at(p, 1)), first = number_of(parameter_at(p, 2)),
		       last = number_of(parameter_at(p, 3));
	struct elements topics = elements_of(parameter_at(p, 5)), causes = elements_of(parameter_at(p, 8)),
			ends = elements_of(parameter_at(p, 9));
	const struct bytes records = parameter_at(p, 10);
	struct bytes topic, cause, end;
	size_t at = 0;

	for (uint64_t seq = first; seq <= last; seq++) {
		if (!element(&topics, &topic) || !element(&causes, &cause) || !element(&ends, &end))
			broken("the records %lu to %lu are not whole", first, last);
		if (db.log_count == db.log_space) {
			struct log_entry *more;

			db.log_space = db.log_space ? 2 * db.log_space : 512;
			more = take(db.log_space * sizeof(*more));
			if (db.log_count)
				memcpy(more, db.log, db.log_count * sizeof(*more));
			db.log = more;
		}
		db.log[db.log_count++] = (struct log_entry){ seq, epoch, instant_of(parameter_at(p, 4)), text_of(topic),
			text_of(cause), { records.data + at, number_of(end) - at } };
		at = number_of(end);
	}
}

/* ---- What is refused ---- */

static bool fails(struct failure *failure, const char *state, const char *sentence)
{
	(void)snprintf(failure->sqlstate, sizeof(failure->sqlstate), "%s", state);
	(void)snprintf(failure->sentence, sizeof(failure->sentence), "%s", sentence);
	return true;
}

static bool fence_fails(const struct parameters *p, struct failure *failure)
{
	if (number_of(parameter_at(p, 1)) != db.epoch) {
		count_fault(FAULT_FENCED);
		return fails(failure, "CP001", "the term is over");
	}
	if (number_of(parameter_at(p, 2)) != database_head() + 1) {
		count_fault(FAULT_FENCED);
		return fails(failure, "CP002", "the record does not follow the head");
	}
	return false;
}

static bool copy_fails(int table, const struct buffer *rows, struct failure *failure)
{
	const uint8_t *at = rows->data + COPY_HEADER;
	struct row *row;
	size_t n = 0;

	while (table < TABLES && (row = copied(table, &at))) {
		n++;
		if (row_like(table, row))
			return fails(failure, "23505", "duplicate key");
		if (table == CLAIMS && CELL(CLAIMS, row, "id").data[0] == 'p') {
			count_fault(FAULT_POISON);
			return fails(failure, "22P05", "the character has no equivalent");
		}
	}
	if (table == CLAIMS && n > 3 && fault_happens(10)) {
		count_fault(FAULT_POISON);
		return fails(failure, "23505", "duplicate key, by chance");
	}
	return false;
}

/* ---- Statements ---- */

static PGresult *no_result(struct session *session, const struct parameters *p)
{
	(void)session, (void)p;
	return command_result("SET");
}

static PGresult *select_session(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(2);

	(void)p;
	set_int(result, 0, 0, (uint32_t)session->pid);
	set_instant(result, 0, 1, session->started);
	return result;
}

static PGresult *select_version(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(1);

	(void)session, (void)p;
	set_int(result, 0, 0, STORE_SCHEMA_VERSION);
	return result;
}

static PGresult *take_term(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(6);
	const bool leads = !db.lock || db.lock->dead || db.lock == session;
	const uint64_t seconds = (uint64_t)(wall_us() / US_PER_SECOND);

	if (leads) {
		db.lock = session;
		db.epoch = db.epoch + 1 > seconds ? db.epoch + 1 : seconds;
		db.lease.epoch = db.epoch;
		db.lease.pid = (int32_t)number_of(parameter_at(p, 1));
		db.lease.started = instant_of(parameter_at(p, 2));
		db.lease.renewed = world.now;
		db.lease.endpoints = parameter_at(p, 3);
		count_fault(FAULT_TAKEOVERS);
		TELL("session %d takes the term: epoch %lu, head %lu", session->pid, db.epoch, database_head());
	}
	set_bool(result, 0, 0, leads);
	set_number(result, 0, 1, db.lease.epoch);
	set_int(result, 0, 2, (uint32_t)db.lease.pid);
	set_instant(result, 0, 3, db.lease.started);
	set_bool(result, 0, 4, db.lease.renewed <= world.now - LEASE_US);
	set(result, 0, 5, db.lease.endpoints);
	return result;
}

static void end_session(struct session *session)
{
	session->dead = true;
	if (db.lock == session)
		db.lock = NULL;
}

static PGresult *evict(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(1);
	int n = 0;

	for (size_t i = 0; i < session_count; i++) {
		struct session *other = sessions[i];

		if (other->dead || other == session ||
			(other->pid != (int32_t)number_of(parameter_at(p, 0)) && other != db.lock))
			continue;
		TELL("session %d is ended by session %d", other->pid, session->pid);
		count_fault(FAULT_EVICTIONS);
		end_session(other);
		set_bool(result, n++, 0, true);
	}
	return result;
}

static PGresult *renew(struct session *session, const struct parameters *p)
{
	const bool mine = number_of(parameter_at(p, 1)) == db.lease.epoch &&
			  (int32_t)number_of(parameter_at(p, 2)) == db.lease.pid;

	(void)session;
	if (mine)
		db.lease.renewed = world.now;
	return command_result(mine ? "UPDATE 1" : "UPDATE 0");
}

static PGresult *select_synchronous(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(1);

	(void)session, (void)p;
	set_bool(result, 0, 0, true);
	return result;
}

static uint64_t next_number(int table)
{
	uint64_t largest = 0;

	EACH_ROW(table, row)
	if (number_of(row->at[0]) > largest)
		largest = number_of(row->at[0]);
	return largest + 1;
}

static PGresult *select_term(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(10);
	const struct log_entry *last = database_entry(database_head());

	(void)session, (void)p;
	set_number(result, 0, 0, db.epoch);
	set_number(result, 0, 1, database_head());
	if (last)
		set_number(result, 0, 2, db.first);
	else
		set(result, 0, 2, (struct bytes){ NULL, 0 });
	set_instant(result, 0, 3, last ? last->recorded_at : 0);
	if (!last)
		set(result, 0, 3, (struct bytes){ NULL, 0 });
	set_instant(result, 0, 4, wall_us());
	set(result, 0, 5, (struct bytes){ NULL, 0 });
	set_number(result, 0, 6, 0);
	set_number(result, 0, 7, 0);
	set_number(result, 0, 8, next_number(PARKED));
	set_number(result, 0, 9, next_number(QUARANTINED));
	return result;
}

static PGresult *select_positions(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(5);

	(void)session, (void)p;
	for (int i = 0; i < (int)db.position_count; i++) {
		set_text(result, i, 0, db.positions[i].source);
		set_text(result, i, 1, db.positions[i].stream);
		set_number(result, i, 2, db.positions[i].epoch);
		set_number(result, i, 3, db.positions[i].seq);
		set_number(result, i, 4, db.positions[i].head);
	}
	return result;
}

static PGresult *select_nothing(struct session *session, const struct parameters *p)
{
	(void)session, (void)p;
	return result_new(2);
}

static PGresult *load_names(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(3);
	const struct bytes refs = parameter_at(p, 0);
	int n = 0;

	(void)session;
	EACH_ROW(REQUESTS, row)
	{
		if (!among(row->at[0], refs))
			continue;
		set(result, n, 0, row->at[0]);
		set(result, n, 1, CELL(REQUESTS, row, "prn"));
		set(result, n++, 2, CELL(REQUESTS, row, "filed_prn"));
	}
	return result;
}

static PGresult *load_parked(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(columns_read(PARKED));
	const struct bytes refs = parameter_at(p, 0), numbers = parameter_at(p, 1);
	int n = 0;

	(void)session;
	EACH_ROW(PARKED, row)
	if (among(CELL(PARKED, row, "waits_for"), refs) || among(CELL(PARKED, row, "opens"), refs) ||
		among(row->at[0], numbers))
		set_row(result, n++, PARKED, row);
	return result;
}

static PGresult *load_claims(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(columns_read(CLAIMS));
	const struct bytes sources = parameter_at(p, 0), ids = parameter_at(p, 1);
	int n = 0;

	(void)session;
	EACH_ROW(CLAIMS, row)
	if (pair_among(row->at[0], row->at[1], sources, ids))
		set_row(result, n++, CLAIMS, row);
	return result;
}

static bool is_held(const struct row *row)
{
	return number_of(CELL(QUARANTINED, row, "state")) == QUARANTINE_HELD;
}

static bool newest_of_bytes(const struct row *row)
{
	const struct bytes hash = CELL(QUARANTINED, row, "raw_hash");

	EACH_ROW(QUARANTINED, other)
	if (same(CELL(QUARANTINED, other, "raw_hash"), hash) && number_of(other->at[0]) > number_of(row->at[0]))
		return false;
	return true;
}

static PGresult *load_quarantined(struct session *session, const struct parameters *p)
{
	const int columns = columns_read(QUARANTINED);
	PGresult *result = result_new(columns + 1);
	const struct bytes hashes = parameter_at(p, 0), sources = parameter_at(p, 1), ids = parameter_at(p, 2),
			   refs = parameter_at(p, 3), numbers = parameter_at(p, 4);
	int n = 0;

	(void)session;
	EACH_ROW(QUARANTINED, row)
	{
		const bool wanted = among(row->at[0], numbers) ||
				    (among(CELL(QUARANTINED, row, "raw_hash"), hashes) && newest_of_bytes(row)) ||
				    (is_held(row) && (pair_among(CELL(QUARANTINED, row, "source"),
							      CELL(QUARANTINED, row, "id"), sources, ids) ||
							     among(CELL(QUARANTINED, row, "opens"), refs)));

		if (!wanted)
			continue;
		set_row(result, n, QUARANTINED, row);
		set_number(result, n++, columns, CELL(QUARANTINED, row, "raw").n);
	}
	return result;
}

/* The world merges nobody: a person is a tree of one. */
static PGresult *load_persons(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(columns_read(PERSONS));
	const struct bytes prns = parameter_at(p, 0);
	int n = 0;

	(void)session;
	EACH_ROW(PERSONS, row)
	if (among(row->at[0], prns))
		set_row(result, n++, PERSONS, row);
	return result;
}

static PGresult *load_requests(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(columns_read(REQUESTS));
	const struct bytes refs = parameter_at(p, 0), prns = parameter_at(p, 1);
	int n = 0;

	(void)session;
	EACH_ROW(REQUESTS, row)
	if (among(row->at[0], refs) ||
		(among(CELL(REQUESTS, row, "prn"), prns) && number_of(CELL(REQUESTS, row, "state")) < STATE_ENDED))
		set_row(result, n++, REQUESTS, row);
	return result;
}

static PGresult *load_cases(struct session *session, const struct parameters *p)
{
	(void)session, (void)p;
	return result_new(columns_read(CASES));
}

static PGresult *select_log(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(6);
	const uint64_t after = number_of(parameter_at(p, 0)), most = number_of(parameter_at(p, 1));
	uint64_t bytes = 0;
	int n = 0;

	(void)session;
	for (uint64_t seq = after + 1 > db.first ? after + 1 : db.first; seq <= database_head(); seq++, n++) {
		const struct log_entry *entry = database_entry(seq);
		struct buffer topics = { 0 }, ends = { 0 };
		size_t frame;

		bytes += entry->event.n;
		if (n && (bytes > most || n >= 200))
			break;
		frame = put_array(&topics, OID_TEXT, 1);
		put_text(&topics, entry->topic);
		put_array_end(&topics, frame);
		frame = put_array(&ends, OID_INT4, 1);
		put_i32(&ends, (int32_t)entry->event.n);
		put_array_end(&ends, frame);
		set_number(result, n, 0, seq);
		set_number(result, n, 1, entry->epoch);
		set_framed(result, n, 2, &topics);
		set_framed(result, n, 3, &ends);
		set_int(result, n, 4, 0);
		set(result, n, 5, entry->event);
	}
	return result;
}

static PGresult *select_epoch(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(1);
	const uint64_t seq = number_of(parameter_at(p, 0));
	const struct log_entry *entry = seq >= db.first ? database_entry(seq) : NULL;

	(void)session;
	if (entry)
		set_number(result, 0, 0, entry->epoch);
	return result;
}

struct due {
	int64_t at;
	int place;
	struct bytes key;
};

static int by_time(const void *a, const void *b)
{
	const struct due *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static PGresult *select_due(struct session *session, const struct parameters *p)
{
	static const int tables[] = { REQUESTS, PARKED, QUARANTINED };
	static struct due found[3 * ROWS_MAX];
	PGresult *result = result_new(4);
	const int64_t now = instant_of(parameter_at(p, 0));
	const uint64_t limit = number_of(parameter_at(p, 1));
	size_t n = 0;

	(void)session;
	for (int i = 0; i < 3; i++) {
		const size_t place = column(tables[i], "next_alarm");

		EACH_ROW(tables[i], row)
		if (row->at[place].data && instant_of(row->at[place]) <= now)
			found[n++] = (struct due){ instant_of(row->at[place]), i + 1, row->at[0] };
	}
	qsort(found, n, sizeof(found[0]), by_time);
	for (int r = 0; r < (int)n && (uint64_t)r < limit; r++) {
		set_instant(result, r, 0, found[r].at);
		for (int i = 1; i <= 3; i++)
			set(result, r, i, i == found[r].place ? found[r].key : (struct bytes){ NULL, 0 });
	}
	return result;
}

static PGresult *retain(struct session *session, const struct parameters *p)
{
	PGresult *result = result_new(2);

	(void)session, (void)p;
	set_number(result, 0, 0, db.first);
	set_bool(result, 0, 1, false);
	return result;
}

static PGresult *(*const selects[STATEMENTS])(struct session *, const struct parameters *) = {
	[STATEMENT_SESSION] = select_session,
	[STATEMENT_TAKE_ROLE] = no_result,
	[STATEMENT_VERSION] = select_version,
	[STATEMENT_TAKE_TERM] = take_term,
	[STATEMENT_RESET_ROLE] = no_result,
	[STATEMENT_EVICT] = evict,
	[STATEMENT_RENEW] = renew,
	[STATEMENT_SYNCHRONOUS] = select_synchronous,
	[STATEMENT_TERM] = select_term,
	[STATEMENT_POSITIONS] = select_positions,
	[STATEMENT_HELD_BYTES] = select_nothing,
	[STATEMENT_LOAD_NAMES] = load_names,
	[STATEMENT_LOAD_PARKED] = load_parked,
	[STATEMENT_LOAD_CLAIMS] = load_claims,
	[STATEMENT_LOAD_QUARANTINED] = load_quarantined,
	[STATEMENT_LOAD_PERSONS] = load_persons,
	[STATEMENT_LOAD_REQUESTS] = load_requests,
	[STATEMENT_LOAD_CASES] = load_cases,
	[STATEMENT_LOG] = select_log,
	[STATEMENT_EPOCH_OF] = select_epoch,
	[STATEMENT_DUE] = select_due,
	[STATEMENT_CONFIRM] = no_result,
	[STATEMENT_RETAIN] = retain,
};

/* ---- Connections ---- */

struct job {
	struct job *next;
	enum statement statement; /* STATEMENTS: a script or a COPY */
	const char *script;
	const struct row_table *table;
	struct buffer rows;
	struct parameters parameters;
	connection_done done;
	void *context;
	PGresult *result;
	bool failed;
	struct failure failure;
};

struct connection {
	struct loop *loop;
	struct connection_handlers handlers;
	struct session *session;
	uint64_t generation;  /* of the session; what belongs to an earlier one comes to nothing */
	bool up, busy, began; /* a job is on its way; it has been done, and its answer is on its way */
	struct job *first, *last;
};

static void job_free(struct job *job)
{
	parameters_clear(&job->parameters);
	buffer_clear(&job->rows);
	PQclear(job->result);
}

static bool is_script(const struct job *job, const char *script)
{
	return job && job->script && !strcmp(job->script, script);
}

static struct session *session_new(void)
{
	struct session *session = take(sizeof(*session));

	session->pid = ++db.pids;
	session->started = wall_us();
	if (session_count == ROWS_MAX)
		abort();
	sessions[session_count++] = session;
	return session;
}

/* ---- A transaction ---- */

static bool job_fails(struct job *job)
{
	if (job->table)
		return copy_fails(table_of(job->table), &job->rows, &job->failure);
	return job->statement == STATEMENT_FENCE && fence_fails(&job->parameters, &job->failure);
}

static void delete_rows(int table, const struct parameters *p)
{
	const struct bytes first = parameter_at(p, 0), second = table == CLAIMS ? parameter_at(p, 1) : first;

	EACH_ROW(table, row)
	if (table == CLAIMS ? pair_among(row->at[0], row->at[1], first, second) : among(row->at[0], first))
		row->gone = true;
}

static void apply(struct job *job)
{
	static const int updates[STATEMENTS] = { [STATEMENT_UPDATE_PERSON] = PERSONS,
		[STATEMENT_UPDATE_REQUEST] = REQUESTS,
		[STATEMENT_UPDATE_CASE] = CASES,
		[STATEMENT_UPDATE_CLAIM] = CLAIMS,
		[STATEMENT_UPDATE_PARKED] = PARKED,
		[STATEMENT_UPDATE_QUARANTINED] = QUARANTINED };

	if (job->table)
		apply_copy(table_of(job->table), &job->rows);
	else if (job->statement >= STATEMENT_UPDATE_PERSON && job->statement <= STATEMENT_UPDATE_QUARANTINED)
		apply_update(updates[job->statement], &job->parameters);
	else if (job->statement == STATEMENT_REFILE)
		apply_refile(&job->parameters);
	else if (job->statement == STATEMENT_DELETE_PARKED)
		delete_rows(PARKED, &job->parameters);
	else if (job->statement == STATEMENT_DELETE_CLAIM)
		delete_rows(CLAIMS, &job->parameters);
	else if (job->statement == STATEMENT_FENCE)
		apply_fence(&job->parameters);
}

/* From BEGIN to COMMIT, whole or not at all: the number of its jobs. */
static size_t transact(struct job *begin, const struct session *session)
{
	const uint64_t head = database_head();
	bool failed = false;
	size_t n = 1;
	struct job *job;

	for (job = begin; job && !is_script(job, "COMMIT"); job = job->next, n++) {
		if (failed)
			(void)fails(&job->failure, "25P02", "the transaction is aborted");
		failed = job->failed = failed || job_fails(job);
	}
	if (!job)
		broken("a transaction does not end with COMMIT");
	for (struct job *one = begin; !failed && one != job; one = one->next)
		apply(one);
	for (struct job *one = begin; !failed && one != job; one = one->next)
		if (one->statement == STATEMENT_POSITION) /* judged by what the whole transaction has written */
			apply_positions(&one->parameters);
	for (struct job *one = begin; one != job; one = one->next)
		if (!one->failed)
			one->result = command_result("OK");
	job->result = command_result(failed ? "ROLLBACK" : "COMMIT");
	TELL("session %d %s records %lu to %lu", session->pid, failed ? "rolls back, after" : "commits", head + 1,
		database_head());
	return n;
}

/* ---- A session that outlives its connection ---- */

struct ghost {
	struct session *session;
	struct job *begin;
};

static void ghost_free(struct ghost *ghost)
{
	for (struct job *job = ghost->begin; job; job = job->next)
		job_free(job);
	ghost->begin = NULL;
	end_session(ghost->session);
}

static void ghost_ends(void *what, uint64_t number)
{
	struct ghost *ghost = what;

	(void)number;
	if (!ghost->session->dead && ghost->begin) {
		TELL("a transaction of session %d goes on without its daemon", ghost->session->pid);
		count_fault(FAULT_GHOSTS);
		(void)transact(ghost->begin, ghost->session);
	}
	ghost_free(ghost);
}

/* What the client has sent may still be done; the session ends when the server notices that nobody is there. */
static void leave(struct connection *c)
{
	struct ghost *ghost = take(sizeof(*ghost));
	const bool sent = c->busy && !c->began && is_script(c->first, "BEGIN");

	*ghost = (struct ghost){ c->session, NULL };
	c->session = NULL;
	if (ghost->session->dead)
		return;
	if (sent && happens(500)) {
		ghost->begin = c->first;
		c->first = c->last = NULL;
	}
	later(NULL, fault_happens(300) ? span(0, 4 * US_PER_SECOND) : span(0, 20 * MS), ghost_ends, ghost, 0);
}

/* ---- Work ---- */

static void go_on(struct connection *c);

static void breaks(void *what, uint64_t generation)
{
	struct connection *c = what;

	if (c->generation != generation)
		return;
	connection_close(c);
	c->handlers.down(c->handlers.owner, "the connection to PostgreSQL broke: it may be restarting");
}

static void answer(void *what, uint64_t generation)
{
	struct connection *c = what;

	if (c->generation != generation)
		return;
	c->busy = c->began = false;
	while (c->generation == generation && c->first && (c->first->result || c->first->failed)) {
		struct job *job = c->first;

		c->first = job->next;
		job->done(job->context, job->failed ? NULL : job->result, job->failed ? &job->failure : NULL);
		job_free(job);
	}
	if (c->generation == generation)
		go_on(c);
}

static void do_one(struct connection *c, struct job *job)
{
	if (job->statement == STATEMENTS)
		job->result = command_result("SET");
	else if (selects[job->statement])
		job->result = selects[job->statement](c->session, &job->parameters);
	else
		broken("a statement comes outside of a transaction: %s", statement_purpose(job->statement));
}

static void execute(void *what, uint64_t generation)
{
	struct connection *c = what;
	struct job *job = c->first;

	if (c->generation != generation)
		return;
	if (c->session->dead || (fault_happens(3) && (count_fault(FAULT_SESSIONS), true))) {
		end_session(c->session);
		later(c->loop, span(100, 2 * MS), breaks, c, generation);
		return;
	}
	c->began = true;
	if (is_script(job, "BEGIN")) {
		(void)transact(job, c->session);
		if (fault_happens(25)) {
			count_fault(FAULT_UNKNOWN);
			TELL("the answer to the COMMIT of session %d is lost", c->session->pid);
			end_session(c->session);
			later(c->loop, span(100, 3 * MS), breaks, c, generation);
			return;
		}
	} else if (fault_happens(2)) {
		count_fault(FAULT_READS);
		job->failed = fails(&job->failure, "57014", "canceling statement due to statement timeout");
	} else {
		do_one(c, job);
	}
	later(c->loop, span(50, 2 * MS), answer, c, generation);
}

static void go_on(struct connection *c)
{
	if (c->busy || !c->up || !c->first)
		return;
	c->busy = true;
	later(NULL, fault_happens(20) ? span(MS, 700 * MS) : span(100, 4 * MS), execute, c, c->generation);
}

static void begin(void *what, uint64_t generation)
{
	struct connection *c = what;

	if (c->generation == generation)
		go_on(c);
}

static void opened(void *what, uint64_t generation)
{
	struct connection *c = what;

	if (c->generation != generation)
		return;
	if (world.now < db.down_until) {
		breaks(c, generation);
		return;
	}
	c->session = session_new();
	c->up = true;
	c->handlers.up(c->handlers.owner);
}

void connection_open(struct connection *c, const char *conninfo, unsigned attempt)
{
	(void)conninfo, (void)attempt;
	connection_close(c);
	later(c->loop, span(MS, 10 * MS), opened, c, c->generation);
}

void connection_close(struct connection *c)
{
	c->generation++;
	if (c->session)
		leave(c);
	for (struct job *job = c->first, *next; job; job = next) {
		next = job->next;
		job_free(job);
	}
	c->first = c->last = NULL;
	c->up = c->busy = c->began = false;
}

bool connection_is_up(const struct connection *c)
{
	return c->up;
}

bool connection_warned(const struct connection *c)
{
	(void)c;
	return false;
}

static int add(struct connection *c, struct job new, bool first)
{
	struct job *job = take(sizeof(*job)), **at = &c->first;

	*job = new;
	if (!c->up) {
		job_free(job);
		return -ENOTCONN;
	}
	while (*at && (!first || (c->busy && at == &c->first)))
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	later(c->loop, 0, begin, c, c->generation);
	return 0;
}

int connection_ask(struct connection *c, enum statement statement, struct parameters *parameters, bool first,
	connection_done done, void *context)
{
	struct job job = { .statement = statement, .done = done, .context = context };

	if (parameters) {
		job.parameters = *parameters;
		*parameters = (struct parameters){ 0 };
	}
	return add(c, job, first);
}

int connection_script(struct connection *c, const char *sql, connection_done done, void *context)
{
	return add(c,
		(struct job){ .statement = STATEMENTS,
			.script = take_copy(sql, strlen(sql) + 1),
			.done = done,
			.context = context },
		false);
}

int connection_copy(
	struct connection *c, const struct row_table *table, struct buffer *rows, connection_done done, void *context)
{
	struct job job = { .statement = STATEMENTS, .table = table, .rows = *rows, .done = done, .context = context };

	*rows = (struct buffer){ 0 };
	return add(c, job, false);
}

int connection_new(
	sd_event *loop, const char *name, const struct connection_handlers *handlers, struct connection **ret)
{
	struct connection *c = take(sizeof(*c));

	(void)name;
	c->loop = loop_of(loop);
	c->handlers = *handlers;
	if (connection_count < ARRAY_LENGTH(connections))
		connections[connection_count++] = c;
	*ret = c;
	return 0;
}

struct connection *connection_free(struct connection *c)
{
	size_t kept = 0;

	if (!c)
		return NULL;
	connection_close(c);
	for (size_t i = 0; i < connection_count; i++)
		if (connections[i] != c)
			connections[kept++] = connections[i];
	connection_count = kept;
	return NULL;
}

/* ---- The policy: one question instead of one a table ---- */

struct reading {
	struct ask ask;
	policy_read done;
};

static void policy_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct reading *reading = context;
	struct store *store = reading->ask.store;

	(void)result;
	if (failure) {
		store_lose(store, failure->sentence);
		return;
	}
	ask_end(&reading->ask);
	reading->done(store, memcpy(malloc(sizeof(*db.policy)), db.policy, sizeof(*db.policy)), NULL);
}

static void policy_lost(struct ask *ask)
{
	(void)ask;
}

int policy_begin(struct store *store, policy_read done)
{
	struct reading *reading = take(sizeof(*reading));

	reading->done = done;
	ask_begin(store, &reading->ask, policy_lost);
	return connection_script(store->reader, "SELECT policy", policy_came, reading);
}

/* ---- What the world does to it, and asks ---- */

void database_draw_key(void)
{
	(void)table_hash("", 0);
}

void database_reset(const struct policy *policy)
{
	memset(db.count, 0, sizeof(db.count));
	db.log = NULL;
	db.log_count = db.log_space = 0;
	db.first = 1;
	db.epoch = 0;
	memset(&db.lease, 0, sizeof(db.lease));
	db.lock = NULL;
	memset(db.positions, 0, sizeof(db.positions));
	db.position_count = 0;
	db.pids = 0;
	db.down_until = 0;
	db.policy = policy;
	session_count = connection_count = 0;
}

void database_outage(int64_t length)
{
	TELL("the database is down for %ld ms", length / MS);
	count_fault(FAULT_OUTAGES);
	db.down_until = world.now + length;
	for (size_t i = 0; i < session_count; i++)
		end_session(sessions[i]);
	for (size_t i = 0; i < connection_count; i++)
		later(connections[i]->loop, span(100, 5 * MS), breaks, connections[i], connections[i]->generation);
}

void database_break_one(void)
{
	struct connection *c = connection_count ? connections[chance(connection_count)] : NULL;

	if (!c || !c->up)
		return;
	TELL("the connection of session %d breaks", c->session->pid);
	count_fault(FAULT_SESSIONS);
	later(c->loop, 0, breaks, c, c->generation);
}

/* As a connection pooler or a failover may lose it: the session lives on, and only the fence stands between two leaders. */
void database_lose_lock(void)
{
	if (!db.lock)
		return;
	TELL("session %d loses the lock", db.lock->pid);
	count_fault(FAULT_LOCKS);
	db.lock = NULL;
}

uint64_t database_head(void)
{
	return db.log_count ? db.log[db.log_count - 1].seq : 0;
}

uint64_t database_first(void)
{
	return db.first;
}

const struct log_entry *database_entry(uint64_t seq)
{
	return seq && seq <= db.log_count ? &db.log[seq - 1] : NULL;
}

struct fate database_fate(const char *source, const char *id)
{
	struct fate fate = { 0 };

	EACH_ROW(CLAIMS, row)
	if (same_text(row->at[1], id) && same_text(row->at[0], source)) {
		fate.claims++;
		fate.parked |= number_of(CELL(CLAIMS, row, "disposition")) == DISPOSITION_PARKED;
	}
	EACH_ROW(QUARANTINED, row)
	if (same_text(CELL(QUARANTINED, row, "id"), id) && same_text(CELL(QUARANTINED, row, "source"), source))
		*(is_held(row) ? &fate.held : &fate.closed) += 1;
	return fate;
}

bool database_has_bytes(struct bytes bytes)
{
	EACH_ROW(QUARANTINED, row)
	if (same(CELL(QUARANTINED, row, "raw"), bytes))
		return true;
	return false;
}

struct position database_position(const char *source)
{
	for (size_t i = 0; i < db.position_count; i++)
		if (!strcmp(db.positions[i].source, source))
			return (struct position){ db.positions[i].stream, db.positions[i].epoch, db.positions[i].seq,
				db.positions[i].head };
	return (struct position){ 0 };
}

/* The rows against each other and against the log. */
void database_check(void)
{
	const struct log_entry *before = NULL;

	for (size_t i = 0; i < db.log_count; i++) {
		const struct log_entry *entry = &db.log[i];

		if (entry->seq != i + 1)
			broken("the log is not gapless: its record number %zu is %lu", i + 1, entry->seq);
		if (before && (entry->epoch < before->epoch || entry->recorded_at < before->recorded_at))
			broken("record %lu goes back: epoch %lu after %lu", entry->seq, entry->epoch, before->epoch);
		before = entry;
	}
	EACH_ROW(PARKED, row)
	{
		struct fate fate = database_fate(text_of(row->at[1]), text_of(row->at[2]));

		if (fate.claims != 1 || !fate.parked)
			broken("%s is parked without a claim that says so", text_of(row->at[2]));
	}
	EACH_ROW(QUARANTINED, row)
	{
		const char *id = text_of(CELL(QUARANTINED, row, "id"));

		if (number_of(CELL(QUARANTINED, row, "reason")) == REASON_POISON && id && id[0] != 'p')
			broken("%s was quarantined as poison, and nothing is wrong with it", id);
	}
}
