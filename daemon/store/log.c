/* Answers off the reader: the log, what is due, held events, consumers. Each is one statement and one completion. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/inside_store.h"

#define RETAIN_ROWS    200 /* of each kind at once: tens of milliseconds */
#define HELD_BYTES_MAX (8 * 1024 * 1024UL)

struct question {
	struct ask ask;
	union {
		store_done done;
		store_log_done log;
		store_epoch_done epoch;
		store_due_done due;
		store_held_done held;
		store_retain_done retain;
	} answer;
	void *context;
	size_t limit;
};

/* Asks the statement; the parameters are taken over. */
static int ask(struct store *store, enum statement statement, struct parameters *parameters,
	const struct question *question, void (*lost)(struct ask *ask), connection_done came)
{
	struct question *kept = store->state == STORE_LEADING ? malloc(sizeof(*kept)) : NULL;
	int r = store->state == STORE_LEADING ? -ENOMEM : -ENOTCONN;

	if (!kept) {
		parameters_clear(parameters);
		return r;
	}
	*kept = *question;
	r = connection_ask(store->reader, statement, parameters, false, came, kept);
	if (r < 0)
		free(kept);
	else
		ask_begin(store, &kept->ask, lost);
	return r;
}

/* The question of an answer that came, no longer under way; false: the term ended, and that has been answered. */
static bool take(void *context, const struct failure *failure, struct question *ret)
{
	struct question *question = context;

	if (failure) {
		store_lose(question->ask.store, failure->sentence);
		return false;
	}
	ask_end(&question->ask);
	*ret = *question;
	free(question);
	return true;
}

static void take_lost(struct ask *lost, struct question *ret)
{
	*ret = *(struct question *)lost;
	free(lost);
}

/* ---- The log ---- */

static void log_lost(struct ask *lost)
{
	struct question q;

	take_lost(lost, &q);
	q.answer.log(q.context, STORE_LOST, NULL, 0);
}

static size_t array_count(const PGresult *result, int row, int column)
{
	return get_array(result, row, column).left;
}

/* One row: the records of a batch, or a part of it. */
static size_t split(const PGresult *result, int row, struct wire_record *records)
{
	struct array_walk topics = get_array(result, row, 2), ends = get_array(result, row, 3);
	const struct bytes whole = get_bytes(result, row, 5);
	const size_t start = (size_t)get_i32(result, row, 4);
	struct bytes topic, end;
	size_t n = 0, at = 0;

	while (array_next(&topics, &topic) && array_next(&ends, &end) && end.n == 4) {
		size_t to = bytes_u32(end.data) - start;

		if (to < at || to > whole.n || !topic.data || topic.n > TOPIC_MAX)
			break;
		records[n] = (struct wire_record){ .seq = get_u64(result, row, 0) + n,
			.epoch = get_u64(result, row, 1),
			.event = { whole.data + at, to - at } };
		memcpy(records[n].topic, topic.data, topic.n);
		at = to;
		n++;
	}
	return n;
}

static void log_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct question q;
	CLEANUP(freep) struct wire_record *records = NULL;
	size_t n = 0;

	if (!take(context, failure, &q))
		return;
	for (int i = 0; i < PQntuples(result); i++)
		n += array_count(result, i, 3);
	records = calloc(n + 1, sizeof(*records));
	n = 0;
	for (int i = 0; records && i < PQntuples(result); i++)
		n += split(result, i, records + n);
	q.answer.log(q.context, records ? STORE_OK : STORE_LOST, records, n);
}

int store_read_log(struct store *store, uint64_t after, size_t max_bytes, store_log_done done, void *context)
{
	const struct question question = { .answer.log = done, .context = context };
	struct parameters parameters = { 0 };

	put_u64(parameter(&parameters), after);
	put_u64(parameter(&parameters), max_bytes);
	return ask(store, STATEMENT_LOG, &parameters, &question, log_lost, log_came);
}

/* ---- The epoch of a record ---- */

static void epoch_lost(struct ask *lost)
{
	struct question q;

	take_lost(lost, &q);
	q.answer.epoch(q.context, STORE_LOST, 0);
}

static void epoch_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct question q;

	if (take(context, failure, &q))
		q.answer.epoch(q.context, STORE_OK, PQntuples(result) ? get_u64(result, 0, 0) : 0);
}

int store_epoch_of(struct store *store, uint64_t seq, store_epoch_done done, void *context)
{
	const struct question question = { .answer.epoch = done, .context = context };
	struct parameters parameters = { 0 };

	put_u64(parameter(&parameters), seq);
	return ask(store, STATEMENT_EPOCH_OF, &parameters, &question, epoch_lost, epoch_came);
}

/* ---- What is due ---- */

static void due_lost(struct ask *lost)
{
	struct question q;

	take_lost(lost, &q);
	q.answer.due(q.context, STORE_LOST, NULL);
}

/* The three kinds of the list, apart. Texts of a binary result are terminated. */
static void sort_due(
	const PGresult *result, const char **refs, uint64_t *parked, uint64_t *quarantined, struct store_due *due)
{
	for (int i = 0; i < PQntuples(result); i++)
		if (!PQgetisnull(result, i, 1))
			refs[due->order_ref_count++] = PQgetvalue(result, i, 1);
		else if (!PQgetisnull(result, i, 2))
			parked[due->parked_count++] = get_u64(result, i, 2);
		else
			quarantined[due->quarantined_count++] = get_u64(result, i, 3);
}

static void due_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct question q;
	const size_t n = result ? (size_t)PQntuples(result) : 0;
	CLEANUP(freep) const char **refs = calloc(n + 1, sizeof(char *));
	CLEANUP(freep) uint64_t *parked = calloc(n + 1, sizeof(uint64_t));
	CLEANUP(freep) uint64_t *quarantined = calloc(n + 1, sizeof(uint64_t));
	struct store_due due = {
		.order_refs = refs, .parked = parked, .quarantined = quarantined, .last = INSTANT_NONE
	};

	if (!take(context, failure, &q))
		return;
	if (refs && parked && quarantined) {
		sort_due(result, refs, parked, quarantined, &due);
		if (n >= q.limit)
			due.last = get_instant(result, (int)n - 1, 0);
	}
	q.answer.due(q.context, STORE_OK, &due);
}

int store_due(struct store *store, struct instant now, size_t limit, store_due_done done, void *context)
{
	const struct question question = { .answer.due = done, .context = context, .limit = limit };
	struct parameters parameters = { 0 };

	put_instant(parameter(&parameters), now);
	put_u64(parameter(&parameters), limit);
	return ask(store, STATEMENT_DUE, &parameters, &question, due_lost, due_came);
}

/* ---- Held events ---- */

static void held_lost(struct ask *lost)
{
	struct question q;

	take_lost(lost, &q);
	q.answer.held(q.context, STORE_LOST, NULL, 0);
}

static void held_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct question q;
	const int n = result ? PQntuples(result) : 0;
	CLEANUP(freep) struct held *held = calloc((size_t)n + 1, sizeof(*held));

	if (!take(context, failure, &q))
		return;
	for (int i = 0; held && i < n; i++)
		held[i] = (struct held){ get_u64(result, i, 0), (enum source_kind)get_i16(result, i, 1),
			PQgetvalue(result, i, 2), get_bytes(result, i, 3) };
	q.answer.held(q.context, held ? STORE_OK : STORE_LOST, held, held ? (size_t)n : 0);
}

int store_held(struct store *store, const uint64_t *numbers, size_t n, bool all, size_t limit, store_held_done done,
	void *context)
{
	const struct question question = { .answer.held = done, .context = context };
	struct parameters parameters = { 0 };
	struct buffer *out;
	size_t frame;

	put_bool(parameter(&parameters), all);
	out = parameter(&parameters);
	frame = put_array(out, OID_INT8, n);
	for (size_t i = 0; i < n; i++)
		put_u64(out, numbers[i]);
	put_array_end(out, frame);
	put_u64(parameter(&parameters), limit);
	put_u64(parameter(&parameters), HELD_BYTES_MAX);
	return ask(store, STATEMENT_HELD, &parameters, &question, held_lost, held_came);
}

/* ---- Consumers ---- */

static void done_lost(struct ask *lost)
{
	struct question q;

	take_lost(lost, &q);
	q.answer.done(q.context, STORE_LOST, NULL);
}

static void done_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct question q;

	(void)result;
	if (take(context, failure, &q))
		q.answer.done(q.context, STORE_OK, NULL);
}

int store_consumer(
	struct store *store, const char *name, uint64_t confirmed, bool forget, store_done done, void *context)
{
	const struct question question = { .answer.done = done, .context = context };
	struct parameters parameters = { 0 };

	put_text(parameter(&parameters), name);
	if (!forget)
		put_u64(parameter(&parameters), confirmed);
	return ask(store, forget ? STATEMENT_FORGET : STATEMENT_CONFIRM, &parameters, &question, done_lost, done_came);
}

/* ---- Retention ---- */

static void retain_lost(struct ask *lost)
{
	struct question q;

	take_lost(lost, &q);
	q.answer.retain(q.context, STORE_LOST, 0, false);
}

static void retain_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct question q;

	if (take(context, failure, &q))
		q.answer.retain(q.context, STORE_OK, get_u64(result, 0, 0), get_bool(result, 0, 1));
}

int store_retain(struct store *store, const struct store_retention *retention, store_retain_done done, void *context)
{
	const struct question question = { .answer.retain = done, .context = context };
	struct parameters parameters = { 0 };

	put_text(parameter(&parameters), store->stream);
	put_u64(parameter(&parameters), store->epoch);
	put_instant(parameter(&parameters), retention->now);
	put_i32(parameter(&parameters), retention->log_days);
	put_i32(parameter(&parameters), retention->log_cap_days);
	put_i32(parameter(&parameters), retention->claim_days);
	put_i32(parameter(&parameters), RETAIN_ROWS);
	return ask(store, STATEMENT_RETAIN, &parameters, &question, retain_lost, retain_came);
}
