/* Effects out: one fenced transaction a batch, as a row of jobs on the writer. New rows go by COPY, changed ones by UPDATE .. FROM unnest(..), and the
 * fence is last. All jobs are queued at once; when one fails the rest of the transaction fails with it, the COMMIT answers ROLLBACK, and the first failure
 * says what to do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/inside_store.h"

#define UPDATE_ROWS 500

struct commit {
	struct ask ask;
	struct cabinet *cabinet;
	store_done done;
	void *context;
	struct failure failure; /* the first; sentence "" while none */
	bool begun;             /* there is something to write */
	int r;                  /* of making the jobs */
};

static void finish(struct commit *commit, enum store_result result, const char *sentence)
{
	store_done done = commit->done;
	void *context = commit->context;

	quota_settle(commit->ask.store, result == STORE_OK);
	free(commit);
	done(context, result, sentence);
}

static void commit_lost(struct ask *ask)
{
	finish((struct commit *)ask, STORE_LOST, NULL);
}

/* ---- Answers ---- */

static void step_done(void *context, const PGresult *result, const struct failure *failure)
{
	struct commit *commit = context;

	(void)result;
	if (failure && !*commit->failure.sentence)
		commit->failure = *failure;
}

/* Poison is only SQLSTATE class 22 and 23: what the data is to blame for. Everything else ends the term. */
static bool is_poison(const struct failure *failure)
{
	return strncmp(failure->sqlstate, "22", 2) == 0 || strncmp(failure->sqlstate, "23", 2) == 0;
}

static void confirmed(void *context)
{
	struct commit *commit = context;

	ask_end(&commit->ask);
	finish(commit, STORE_OK, NULL);
}

/* A duplicate key may be the work of another leader, which the fence, the last in the transaction, was not asked about: the data is to blame only while the
 * term lasts. */
static void still_leads(void *context)
{
	struct commit *commit = context;
	const struct failure first = commit->failure;

	ask_end(&commit->ask);
	cabinet_clear(commit->cabinet);
	finish(commit, STORE_POISON, first.sentence);
}

static void commit_done(void *context, const PGresult *result, const struct failure *failure)
{
	struct commit *commit = context;
	struct store *store = commit->ask.store;

	step_done(context, result, failure);
	if (!*commit->failure.sentence && result && strcmp(PQcmdStatus((PGresult *)result), "COMMIT") == 0) {
		/* Somebody ended the wait for the standby: the commit stands here and maybe nowhere else. */
		if (connection_warned(store->writer))
			store_lose(store, "PostgreSQL gave the wait for its synchronous standby up: the term ends");
		else
			synchronous_confirm(store, confirmed, commit);
		return;
	}
	if (is_poison(&commit->failure))
		election_confirm(store, still_leads, commit);
	else
		store_lose(store,
			*commit->failure.sentence ? commit->failure.sentence : "PostgreSQL rolled a transaction back");
}

/* ---- Jobs ---- */

static void script(struct commit *commit, const char *sql, connection_done done)
{
	if (commit->r == 0)
		commit->r = connection_script(commit->ask.store->writer, sql, done, commit);
}

static void begin_once(struct commit *commit)
{
	if (!commit->begun)
		script(commit, "BEGIN", step_done);
	commit->begun = true;
}

static void run(struct commit *commit, enum statement statement, struct parameters *parameters)
{
	begin_once(commit);
	if (commit->r == 0)
		commit->r = connection_ask(commit->ask.store->writer, statement, parameters, false, step_done, commit);
	parameters_clear(parameters);
}

/* A table's new rows, and those that changed. */
struct changes {
	const struct row_table *table;
	enum statement update; /* STATEMENTS: its rows never change */
	struct buffer copy;
	const void **changed;
	size_t new_count, changed_count, space;
	bool failed;
};

static void add_new(struct changes *changes, const void *row)
{
	if (changes->new_count++ == 0)
		rows_copy_begin(&changes->copy);
	rows_copy_row(changes->table, row, &changes->copy);
}

static void add_changed(struct changes *changes, const void *row)
{
	if (changes->changed_count == changes->space) {
		size_t space = changes->space ? 2 * changes->space : 64;
		const void **rows = realloc(changes->changed, space * sizeof(*rows));

		if (!rows) {
			changes->failed = true;
			return;
		}
		changes->changed = rows;
		changes->space = space;
	}
	changes->changed[changes->changed_count++] = row;
}

/* In slices: a statement's parameters lie in libpq's buffer as a whole. */
static void write_changed(struct commit *commit, const struct changes *changes)
{
	for (size_t at = 0; at < changes->changed_count && commit->r == 0; at += UPDATE_ROWS) {
		const size_t left = changes->changed_count - at;
		struct parameters parameters = { 0 };

		for (size_t i = 0; i < rows_update_columns(changes->table); i++)
			rows_update_column(changes->table, i, changes->changed + at,
				left < UPDATE_ROWS ? left : UPDATE_ROWS, parameter(&parameters));
		run(commit, changes->update, &parameters);
	}
}

static void write_changes(struct commit *commit, struct changes *changes)
{
	if (changes->failed)
		commit->r = -ENOMEM;
	if (changes->new_count && commit->r == 0) {
		begin_once(commit);
		rows_copy_end(&changes->copy);
		commit->r =
			connection_copy(commit->ask.store->writer, changes->table, &changes->copy, step_done, commit);
	}
	write_changed(commit, changes);
	buffer_clear(&changes->copy);
	free(changes->changed);
}

/* ---- The rows of a cabinet ---- */

static void write_persons(struct commit *commit)
{
	struct changes changes = { .table = &person_table, .update = STATEMENT_UPDATE_PERSON };

	for (const struct person_row *row = commit->cabinet->persons; row; row = row->hh.next)
		if (row->person.change != ROW_CLEAN)
			(row->stored ? add_changed : add_new)(&changes, row);
	write_changes(commit, &changes);
}

static void write_requests(struct commit *commit)
{
	struct changes changes = { .table = &request_table, .update = STATEMENT_UPDATE_REQUEST };

	for (const struct request_row *row = commit->cabinet->requests; row; row = row->hh.next)
		if (row->request.change != ROW_CLEAN)
			(row->stored ? add_changed : add_new)(&changes, row);
	write_changes(commit, &changes);
}

static void write_cases(struct commit *commit)
{
	struct changes changes = { .table = &case_table, .update = STATEMENT_UPDATE_CASE };

	for (const struct case_row *row = commit->cabinet->cases; row; row = row->hh.next)
		if (row->ptp.change != ROW_CLEAN)
			(row->stored ? add_changed : add_new)(&changes, row);
	write_changes(commit, &changes);
}

static void write_claims(struct commit *commit)
{
	struct changes changes = { .table = &claim_table, .update = STATEMENT_UPDATE_CLAIM };

	for (const struct claim_row *row = commit->cabinet->claims; row; row = row->hh.next)
		if (row->claim.change != ROW_CLEAN && row->claim.disposition != DISPOSITION_QUARANTINED)
			(row->stored ? add_changed : add_new)(&changes, row);
	write_changes(commit, &changes);
}

static void write_parked(struct commit *commit)
{
	struct changes changes = { .table = &parked_table, .update = STATEMENT_UPDATE_PARKED };

	for (const struct parked_row *row = commit->cabinet->parked; row; row = row->hh.next)
		if (row->parked.change != ROW_CLEAN && !row->parked.gone)
			(row->stored ? add_changed : add_new)(&changes, row);
	write_changes(commit, &changes);
}

/* A new row counts against its submitter's quota: beyond it the bytes are not kept. */
static void hold_bytes(struct commit *commit, struct quarantined_row *row)
{
	struct store *store = commit->ask.store;
	struct quota *quota = quota_of(store, row->quarantined.submitter);

	if (!quota || quota->held + quota->pending + (int64_t)row->raw.n > (int64_t)store->quota_bytes)
		row->raw = (struct bytes){ 0 };
	else if (row->quarantined.state == QUARANTINE_HELD)
		quota->pending += (int64_t)row->raw.n;
	row->raw_kept = row->raw.n;
}

static void release_bytes(struct commit *commit, struct quarantined_row *row)
{
	struct quota *quota = quota_of(commit->ask.store, row->quarantined.submitter);

	if (quota && row->was_held && row->quarantined.state != QUARANTINE_HELD)
		quota->pending -= (int64_t)row->raw_kept;
}

static void write_quarantined(struct commit *commit)
{
	struct changes changes = { .table = &quarantined_table, .update = STATEMENT_UPDATE_QUARANTINED };

	for (struct quarantined_row *row = commit->cabinet->quarantined; row; row = row->hh.next) {
		if (row->quarantined.change == ROW_CLEAN)
			continue;
		(row->stored ? release_bytes : hold_bytes)(commit, row);
		(row->stored ? add_changed : add_new)(&changes, row);
	}
	write_changes(commit, &changes);
}

static void write_notes(struct commit *commit)
{
	struct changes history = { .table = &history_table, .update = STATEMENTS };
	struct changes tasks = { .table = &ptp_task_table, .update = STATEMENTS };

	for (const struct history_row *row = commit->cabinet->history; row; row = row->next)
		add_new(&history, row);
	for (const struct ptp_task_row *row = commit->cabinet->ptp_tasks; row; row = row->next)
		add_new(&tasks, row);
	write_changes(commit, &history);
	write_changes(commit, &tasks);
}

static void delete_parked(struct commit *commit)
{
	struct parameters parameters = { 0 };
	struct buffer *out = parameter(&parameters);
	size_t n = 0, frame;

	for (const struct parked_row *row = commit->cabinet->parked; row; row = row->hh.next)
		n += row->stored && row->parked.gone;
	frame = put_array(out, OID_INT8, n);
	for (const struct parked_row *row = commit->cabinet->parked; row; row = row->hh.next)
		if (row->stored && row->parked.gone)
			put_u64(out, row->parked.number);
	put_array_end(out, frame);
	if (n)
		run(commit, STATEMENT_DELETE_PARKED, &parameters);
	parameters_clear(&parameters);
}

static bool is_released(const struct claim_row *row)
{
	return row->stored && row->claim.change != ROW_CLEAN && row->claim.disposition == DISPOSITION_QUARANTINED;
}

static void delete_claims(struct commit *commit)
{
	struct parameters parameters = { 0 };
	const char **texts[2] = { NULL };
	size_t n = 0;

	for (const struct claim_row *row = commit->cabinet->claims; row; row = row->hh.next)
		n += is_released(row);
	texts[0] = calloc(n + 1, sizeof(char *));
	texts[1] = calloc(n + 1, sizeof(char *));
	n = 0;
	for (const struct claim_row *row = commit->cabinet->claims; texts[0] && texts[1] && row; row = row->hh.next)
		if (is_released(row)) {
			texts[0][n] = row->claim.source;
			texts[1][n++] = row->claim.id;
		}
	if (!texts[0] || !texts[1])
		commit->r = -ENOMEM;
	if (n && commit->r == 0) {
		parameter_texts(&parameters, texts[0], n);
		parameter_texts(&parameters, texts[1], n);
		run(commit, STATEMENT_DELETE_CLAIM, &parameters);
	}
	free(texts[0]);
	free(texts[1]);
}

/* Closed requests are not loaded with their file, but move with it. */
static void refile(struct commit *commit)
{
	struct parameters parameters = { 0 };
	size_t space = HASH_COUNT(commit->cabinet->persons) + 1, n = 0;
	CLEANUP(freep) const char **filed = calloc(space, sizeof(char *));
	CLEANUP(freep) const char **was = calloc(space, sizeof(char *));
	CLEANUP(freep) const char **now = calloc(space, sizeof(char *));

	if (!filed || !was || !now) {
		commit->r = -ENOMEM;
		return;
	}
	for (const struct person_row *row = commit->cabinet->persons; row; row = row->hh.next)
		if (person_moved(row)) {
			filed[n] = row->person.prn;
			was[n] = row->survivor;
			now[n++] = file_prn(row->person.file);
		}
	if (!n)
		return;
	parameter_texts(&parameters, filed, n);
	parameter_texts(&parameters, was, n);
	parameter_texts(&parameters, now, n);
	run(commit, STATEMENT_REFILE, &parameters);
}

/* ---- What comes beside the rows ---- */

static void write_positions(struct commit *commit, const struct store_batch *batch)
{
	struct parameters parameters = { 0 };
	const char *sources[SOURCES_MAX], *streams[SOURCES_MAX];
	const size_t n = batch->position_count;
	static const size_t members[] = { offsetof(struct source_position, epoch),
		offsetof(struct source_position, seq), offsetof(struct source_position, head) };

	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		sources[i] = batch->positions[i].source;
		streams[i] = batch->positions[i].stream;
	}
	parameter_texts(&parameters, sources, n);
	parameter_texts(&parameters, streams, n);
	for (size_t m = 0; m < ARRAY_LENGTH(members); m++) {
		struct buffer *out = parameter(&parameters);
		size_t frame = put_array(out, OID_INT8, n);

		for (size_t i = 0; i < n; i++)
			put_u64(out, *(const uint64_t *)((const char *)&batch->positions[i] + members[m]));
		put_array_end(out, frame);
	}
	run(commit, STATEMENT_POSITION, &parameters);
}

static void write_clock(struct commit *commit, const struct store_batch *batch)
{
	struct parameters parameters = { 0 };

	if (!batch->clock_ahead_us)
		return;
	put_text(parameter(&parameters), commit->ask.store->stream);
	put_u64(parameter(&parameters), (uint64_t)*batch->clock_ahead_us);
	run(commit, STATEMENT_CLOCK, &parameters);
}

static void write_reconciled(struct commit *commit, const struct store_batch *batch)
{
	struct parameters parameters = { 0 };

	if (!batch->reconciled)
		return;
	put_bool(parameter(&parameters), *batch->reconciled);
	put_i32(parameter(&parameters), (int32_t)batch->reconcile_differences);
	put_text(parameter(&parameters), text_given(batch->reconcile_by) ? batch->reconcile_by : NULL);
	run(commit, STATEMENT_RECONCILED, &parameters);
}

static void put_record_texts(struct parameters *parameters, const struct store_batch *batch, size_t member, bool array)
{
	struct buffer *out = parameter(parameters);
	size_t frame = put_array(out, OID_TEXT, batch->record_count);

	for (size_t i = 0; i < batch->record_count; i++) {
		const char *at = (const char *)&batch->records[i] + member;

		put_text(out, array ? at : *(const char *const *)at);
	}
	put_array_end(out, frame);
}

static void put_records(struct parameters *parameters, const struct store_batch *batch)
{
	struct buffer *out = parameter(parameters);
	size_t frame = put_array(out, OID_INT4, batch->record_count);
	int32_t end = 0;

	for (size_t i = 0; i < batch->record_count; i++)
		put_i32(out, end += (int32_t)batch->records[i].event.n);
	put_array_end(out, frame);
	out = parameter(parameters);
	buffer_u32(out, (uint32_t)end);
	for (size_t i = 0; i < batch->record_count; i++)
		buffer_bytes(out, batch->records[i].event.data, batch->records[i].event.n);
}

static void write_fence(struct commit *commit, const struct store_batch *batch)
{
	struct parameters parameters = { 0 };

	put_text(parameter(&parameters), commit->ask.store->stream);
	put_u64(parameter(&parameters), commit->ask.store->epoch);
	put_u64(parameter(&parameters), batch->first);
	put_u64(parameter(&parameters), batch->first + batch->record_count - 1);
	put_instant(parameter(&parameters), batch->recorded_at);
	put_record_texts(&parameters, batch, offsetof(struct wire_record, topic), true);
	put_record_texts(&parameters, batch, offsetof(struct wire_record, ref), false);
	put_record_texts(&parameters, batch, offsetof(struct wire_record, prn), false);
	put_record_texts(&parameters, batch, offsetof(struct wire_record, cause), false);
	put_records(&parameters, batch);
	run(commit, STATEMENT_FENCE, &parameters);
}

/* ---- Beginning ---- */

static void write_all(struct commit *commit, const struct store_batch *batch)
{
	delete_parked(commit);
	delete_claims(commit);
	write_persons(commit);
	write_requests(commit);
	refile(commit);
	write_cases(commit);
	write_claims(commit);
	write_parked(commit);
	write_quarantined(commit);
	write_notes(commit);
	write_positions(commit, batch);
	write_clock(commit, batch);
	write_reconciled(commit, batch);
	if (!commit->begun && !batch->record_count)
		return;
	write_fence(commit, batch);
	script(commit, "COMMIT", commit_done);
}

static void empty_done(struct ask *ask)
{
	struct commit *commit = (struct commit *)ask;

	ask_end(ask);
	finish(commit, STORE_OK, NULL);
}

void commit_answer_empty(struct store *store)
{
	struct ask *ask = store->empty_commit;

	store->empty_commit = NULL;
	if (ask)
		empty_done(ask);
}

int store_commit(
	struct store *store, struct cabinet *cabinet, const struct store_batch *batch, store_done done, void *context)
{
	struct commit *commit;

	if (store->state != STORE_LEADING)
		return -ENOTCONN;
	commit = calloc(1, sizeof(*commit));
	if (!commit) {
		store_fail_soon(store, "out of memory while writing a batch");
		return -ENOMEM;
	}
	commit->cabinet = cabinet;
	commit->done = done;
	commit->context = context;
	ask_begin(store, &commit->ask, commit_lost);
	cabinet_mark_commit(cabinet);
	commit->r = cabinet_prepare(cabinet, batch->first);
	write_all(commit, batch);
	if (commit->r == 0 && !commit->begun) {
		store->empty_commit = &commit->ask;
		(void)sd_event_source_set_enabled(store->ready, SD_EVENT_ONESHOT);
	}
	if (commit->r < 0) /* half of the jobs may be queued: the term ends before any of them can commit */
		store_fail_soon(store, "out of memory while writing a batch");
	return 0;
}
