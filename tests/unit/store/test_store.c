/* Effects out: one fenced transaction a batch, whole or not at all. */
#include "store/scene.h"

#include <errno.h>
#include <malloc.h>

#include "store/read.h"

/* ---- What comes beside the rows ---- */

static void test_positions_and_clock_are_there_for_the_next_term(void **state)
{
	const struct source_position positions[] = { { "court", "cms", 5, 6, 7 }, { "prison", "ioms", 8, 9, 10 } };
	const int64_t ahead = 90 * US_PER_DAY + 1;
	const bool agreed = true, differs = false;
	struct store_batch batch;

	(void)state;
	lead("positions");
	park("w-1", "O-1");
	batch = desk_batch(&desk, 0);
	batch.positions = positions;
	batch.position_count = 2;
	batch.clock_ahead_us = &ahead;
	batch.reconciled = &agreed;
	batch.reconcile_by = "SM-1";
	assert_int_equal(desk_commit(&desk, &batch, NULL), STORE_OK);
	cabinet_settle(desk.cabinet);
	batch = desk_batch(&desk, 3);
	batch.positions = &(struct source_position){ "court", "cms", 5, 60, 70 };
	batch.position_count = 1;
	batch.reconciled = &differs;
	batch.reconcile_differences = 4;
	assert_int_equal(desk_commit(&desk, &batch, NULL), STORE_OK);
	assert_asks(
		"SELECT string_agg(agreed || ' ' || differences || ' ' || coalesce(by, '-'), ', ' ORDER BY at) FROM "
		"cpps_store.reconciliation",
		"true 0 SM-1, false 4 -");
	desk_close(&desk);
	desk_lead(&desk, conninfo);
	assert_int_equal(desk.term.head, 3);
	assert_int_equal(desk.term.first, 1);
	assert_int_equal(desk.term.head_at.us, moment(0).us);
	assert_int_equal(desk.term.clock_ahead_us, ahead);
	assert_int_equal(desk.term.parked, 1);
	assert_int_equal(desk.term.held, 0);
	assert_int_equal(desk.term.next_parked, 2);
	assert_int_equal(desk.term.next_quarantined, 1);
	assert_int_equal(desk.term.position_count, 2);
	assert_string_equal(desk.positions[0].source, "court"); /* the latest first */
	assert_string_equal(desk.positions[0].stream, "cms");
	assert_int_equal(desk.positions[0].epoch, 5);
	assert_int_equal(desk.positions[0].seq, 60);
	assert_int_equal(desk.positions[0].head, 70);
	assert_string_equal(desk.positions[1].source, "prison");
	assert_int_equal(desk.term.policy->step_count, 8);
}

static void test_an_empty_log_is_told_as_such(void **state)
{
	(void)state;
	lead("empty");
	assert_int_equal(desk.term.head, 0);
	assert_int_equal(desk.term.first, 1);
	assert_false(instant_given(desk.term.head_at));
	assert_true(instant_given(desk.term.database_now));
	assert_int_equal(desk.term.clock_ahead_us, 0);
	assert_int_equal(desk.term.position_count, 0);
}

static void test_nothing_to_write_is_answered_without_a_transaction(void **state)
{
	struct answer answer = { 0 };
	struct store_batch batch;
	PGconn *lock;

	(void)state;
	lead("nothing");
	desk_load_event(&desk, &(struct event){ .prn = "P-unheard-of" });
	batch = desk_batch(&desk, 0);
	lock = locked(LOCK_LOG); /* no fence would pass */
	assert_int_equal(store_commit(desk.store, desk.cabinet, &batch, answer_note, &answer), 0);
	assert_false(answer.came);
	WAIT_FOR(answer.came, 200);
	assert_int_equal(answer.result, STORE_OK);
	PQfinish(lock);
	/* One without records still has a fence. */
	MARK(known_person(desk.cabinet, "P-heard-of"));
	batch = desk_batch(&desk, 0);
	assert_int_equal(desk_commit(&desk, &batch, NULL), STORE_OK);
	assert_asks("SELECT string_agg(prn, ', ') FROM cpps_store.person", "P-heard-of");
	assert_asks("SELECT count(*) FROM cpps_store.batch", "0");
}

static void test_the_log_row_holds_every_record(void **state)
{
	struct store_batch batch;

	(void)state;
	lead("log_row");
	desk_commit_ok(&desk, 2);
	batch = desk_batch(&desk, 3);
	assert_int_equal(desk_commit(&desk, &batch, NULL), STORE_OK);
	assert_asks("SELECT first_seq || ' ' || last_seq || ' ' || recorded_at || ' ' || topics::text || ' ' || "
		    "refs::text || ' ' || "
		    "prns::text || ' ' || causes::text || ' ' || ends::text || ' ' || encode(records, 'escape') FROM "
		    "cpps_store.batch ORDER BY 1 DESC",
		"3 5 2026-03-01 10:20:30.000456+00 "
		"{task.opened/WELLINGTON,task.opened/WELLINGTON,task.opened/WELLINGTON} {NULL,O-1,NULL} {P-1,NULL,P-1} "
		"{NULL,e-1,e-1} {2,4,6} r3r4r5");
	assert_int_equal(strtoull(ask("SELECT epoch FROM cpps_store.batch LIMIT 1"), NULL, 10), desk.term.epoch);
}

/* ---- Poison ---- */

static void invalid_text(void)
{
	struct request *request = new_request(desk.cabinet, "P-bad", "O-bad", FILLED);

	memcpy(request->officer_id, "PO-\xff", 5);
}

static void duplicate_key(void)
{
	(void)new_request(desk.cabinet, "P-0", "O-0", FILLED); /* which is there already, had it been loaded */
}

static void invalid_change(void)
{
	desk_load_event(&desk, &(struct event){ .order_ref = "O-0" });
	TEXT_SET(request_of(desk.cabinet, "O-0")->tasks[0].title, "\xc3\x28");
	MARK(request_of(desk.cabinet, "O-0"));
}

static void missing_value(void)
{
	fill_case(
		new_case(desk.cabinet, new_request(desk.cabinet, "P-bad", "O-bad", FILLED)->order_ref, "T-bad", FILLED),
		FILLED);
	cabinet_find_case(desk.cabinet, "T-bad")->ptp.opened_at = INSTANT_NONE;
}

static void test_poison_writes_nothing_and_clears_the_cabinet(void **state)
{
	static const struct {
		const char *name;
		void (*make)(void);
		const char *says;
	} rows[] = {
		{ "invalid text in a new row", invalid_text, "22021" },
		{ "a key that is there", duplicate_key, "23505" },
		{ "invalid text in a changed row", invalid_change, "22021" },
		{ "a value that must be given", missing_value, "23502" },
	};
	struct set made;
	struct answer answer;
	struct store_batch batch;

	(void)state;
	lead("poison");
	make_set(desk.cabinet, FILLED, &made);
	desk_commit_ok(&desk, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char good[16];

		(void)snprintf(good, sizeof(good), "O-good-%zu", i);
		print_message("%s\n", rows[i].name);
		rows[i].make();
		(void)new_request(desk.cabinet, good, good, FILLED);
		batch = desk_batch(&desk, 2);
		batch.positions = &(struct source_position){ "court", "cms", 5, 6, 7 };
		batch.position_count = 1;
		assert_int_equal(desk_commit(&desk, &batch, &answer), STORE_POISON);
		assert_says(answer.sentence, rows[i].says);
		assert_int_equal(cabinet_rows(desk.cabinet), 0);
		assert_asks("SELECT count(*) FROM cpps_store.request", i ? "2" : "1");
		assert_int_equal(desk.lost, 0);
		if (i == 0) { /* what follows works */
			(void)new_request(desk.cabinet, "P-good", "O-good", FILLED);
			desk_commit_ok(&desk, 1);
		}
	}
	assert_asks("SELECT count(*) FROM cpps_store.source_position", "0");
	assert_asks("SELECT max(last_seq) FROM cpps_store.batch", "2");
}

static void test_a_load_that_spans_poison_is_answered(void **state)
{
	struct event wanted = { .order_ref = "O-0", .source = "urn:tools", .id = "x" };
	const struct event *events[] = { &wanted };
	struct answer loaded = { 0 };
	struct store_batch batch;
	PGconn *claims;

	(void)state;
	lead("spans");
	(void)new_request(desk.cabinet, "P-0", "O-0", FILLED);
	desk_commit_ok(&desk, 1);
	duplicate_key();
	claims = locked("LOCK TABLE cpps_store.claim IN ACCESS EXCLUSIVE MODE");
	assert_int_equal(store_load(desk.store, desk.cabinet,
				 &(struct store_keys){ .events = events, .event_count = 1 }, answer_note, &loaded),
		0);
	batch = desk_batch(&desk, 1);
	assert_int_equal(desk_commit(&desk, &batch, NULL), STORE_POISON);
	assert_false(loaded.came);
	PQfinish(claims);
	WAIT_FOR(loaded.came, 2000);
	assert_int_equal(loaded.result, STORE_OK);
	assert_int_equal(cabinet_rows(desk.cabinet), 0);
}

/* ---- Whose fault it is ---- */

/* Makes the log refuse every batch with that SQLSTATE, as the last of what is written. */
static void refuse_with(const char *sqlstate)
{
	char sql[500];

	(void)snprintf(sql, sizeof(sql),
		"CREATE OR REPLACE FUNCTION cpps_store.refuse() RETURNS trigger LANGUAGE plpgsql AS "
		"$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '%s'; END $$; "
		"CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON cpps_store.batch FOR EACH ROW EXECUTE FUNCTION "
		"cpps_store.refuse()",
		sqlstate);
	cluster_run(conninfo, sql);
}

static void test_only_the_classes_22_and_23_are_poison(void **state)
{
	static const struct {
		const char *sqlstate;
		bool poison;
	} rows[] = {
		{ "22000", true },
		{ "22P05", true },
		{ "23514", true },
		{ "23505", true },
		{ "53100", false }, /* the disk is full */
		{ "53200", false }, /* out of memory */
		{ "57014", false }, /* cancelled, or too slow */
		{ "55P03", false }, /* a lock held too long */
		{ "40001", false },
		{ "40P01", false }, /* deadlock */
		{ "25006", false }, /* read only: it is a standby now */
		{ "42501", false }, /* rights taken away */
		{ "58030", false },
		{ "XX000", false },
	};
	struct answer answer;
	struct store_batch batch;

	(void)state;
	lead("classes");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const int lost = desk.lost, leading = desk.leading;
		const uint64_t epoch = desk.term.epoch;

		refuse_with(rows[i].sqlstate);
		(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
		batch = desk_batch(&desk, 1);
		assert_int_equal(desk_commit(&desk, &batch, &answer), rows[i].poison ? STORE_POISON : STORE_LOST);
		if (rows[i].poison) {
			assert_says(answer.sentence, rows[i].sqlstate);
			assert_int_equal(desk.lost, lost);
			continue;
		}
		WAIT_FOR(desk.leading == leading + 1, 5000);
		assert_int_equal(desk.lost, lost + 1);
		assert_says(desk.sentence, rows[i].sqlstate);
		assert_true(desk.term.epoch > epoch);
	}
	assert_asks("SELECT count(*) FROM cpps_store.request", "0");
	cluster_run(conninfo, "DROP TRIGGER refuse ON cpps_store.batch");
	(void)new_request(
		desk.cabinet, "P-1", "O-1", FILLED); /* all of it was kept by the owner, and goes through now */
	desk_commit_ok(&desk, 1);
}

/* ---- The fence ---- */

static void test_the_fence_turns_away_a_term_that_is_over(void **state)
{
	struct answer answer;
	struct store_batch batch;

	(void)state;
	lead("fence_epoch");
	desk_commit_ok(&desk, 1);
	cluster_run(conninfo, "UPDATE cpps_store.term SET epoch = epoch + 1");
	(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
	batch = desk_batch(&desk, 2);
	batch.positions = &(struct source_position){ "court", "cms", 5, 6, 7 };
	batch.position_count = 1;
	assert_int_equal(desk_commit(&desk, &batch, &answer), STORE_LOST);
	assert_says(desk.sentence, "CP001");
	assert_asks("SELECT count(*) FROM cpps_store.request", "0");
	assert_asks("SELECT count(*) FROM cpps_store.source_position", "0");
	assert_asks("SELECT max(last_seq) FROM cpps_store.batch", "1");
}

/* The fence comes last, so a former leader meets the rows of the new one first. */
static void test_a_key_that_another_leader_has_written_is_no_poison(void **state)
{
	struct answer answer;
	struct store_batch batch;

	(void)state;
	lead("others_key");
	(void)new_request(desk.cabinet, "P-0", "O-0", FILLED);
	desk_commit_ok(&desk, 1);
	cluster_run(conninfo, "UPDATE cpps_store.term SET epoch = epoch + 1");
	duplicate_key();
	batch = desk_batch(&desk, 1);
	assert_int_equal(desk_commit(&desk, &batch, &answer), STORE_LOST);
	assert_int_equal(desk.lost, 1);
	assert_says(desk.sentence, "another daemon");
}

static void test_the_fence_turns_away_a_hole_and_a_repeat(void **state)
{
	static const int64_t offsets[] = { 1, -1 };

	(void)state;
	lead("fence_seq");
	desk_commit_ok(&desk, 3);
	for (size_t i = 0; i < ARRAY_LENGTH(offsets); i++) {
		const int leading = desk.leading;
		struct answer answer;
		struct store_batch batch;

		(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
		batch = desk_batch(&desk, 1);
		batch.first = (uint64_t)((int64_t)batch.first + offsets[i]);
		assert_int_equal(desk_commit(&desk, &batch, &answer), STORE_LOST);
		assert_says(desk.sentence, "CP002");
		WAIT_FOR(desk.leading == leading + 1, 5000);
		assert_int_equal(desk.term.head, 3);
	}
	/* One without records is held to the head as well. */
	(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
	assert_int_equal(
		desk_commit(&desk, &(struct store_batch){ .first = 3, .recorded_at = moment(0) }, NULL), STORE_LOST);
	assert_asks("SELECT count(*) FROM cpps_store.request", "0");
}

/* ---- Lost connections ---- */

static const char *const both[] = { "cpps-bridge-writer", "cpps-bridge-reader" };

static void end_session(const char *name)
{
	char sql[300];

	(void)snprintf(sql, sizeof(sql),
		"SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = '%s' AND "
		"datname = "
		"current_database()",
		name);
	assert_asks(sql, "t");
}

static void test_a_connection_that_is_lost_ends_the_term(void **state)
{
	(void)state;
	lead("lost");
	for (size_t i = 0; i < ARRAY_LENGTH(both); i++) {
		const int leading = desk.leading, lost = desk.lost;
		const uint64_t epoch = desk.term.epoch;
		struct answer loaded = { 0 };
		PGconn *log = locked(LOCK_LOG),
		       *claims = locked("LOCK TABLE cpps_store.claim IN ACCESS EXCLUSIVE MODE");
		struct event wanted = { .order_ref = "O-1", .source = "urn:tools", .id = "x" };
		const struct event *events[] = { &wanted };

		(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
		commit_begin(1);
		assert_int_equal(
			store_load(desk.store, desk.cabinet, &(struct store_keys){ .events = events, .event_count = 1 },
				answer_note, &loaded),
			0);
		desk_run(50);
		assert_false(pending.came || loaded.came);
		end_session(both[i]);
		PQfinish(log);
		PQfinish(claims);
		WAIT_FOR(desk.lost == lost + 1, 3000);
		assert_true(pending.came && loaded.came);
		assert_int_equal(pending.result, STORE_LOST);
		assert_int_equal(loaded.result, STORE_LOST);
		assert_int_equal(cabinet_rows(desk.cabinet), 0);
		assert_int_equal(
			store_commit(desk.store, desk.cabinet, &(struct store_batch){ .first = 1 }, answer_note, NULL),
			-ENOTCONN);
		WAIT_FOR(desk.leading == leading + 1, 5000);
		assert_true(desk.term.epoch > epoch);
		assert_int_equal(desk.lost, lost + 1);
		cluster_run(conninfo, "DELETE FROM cpps_store.request");
	}
}

/* Whether the last commit went through is known once the term is taken anew: its head says so, and nothing of the former session can follow. */
static void test_a_commit_of_unknown_outcome_is_settled_by_the_next_term(void **state)
{
	PGconn *lock;

	(void)state;
	lead("unknown");
	desk_commit_ok(&desk, 2);
	(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
	lock = locked(LOCK_LOG);
	commit_begin(1);
	desk_run(50);
	store_resign(desk.store); /* the writer is closed on our side; its backend still waits for the lock */
	WAIT_FOR(pending.came, 1000);
	assert_int_equal(pending.result, STORE_LOST);
	desk_run(300);
	assert_int_equal(desk.leading, 1); /* while that backend lives, nobody leads */
	PQfinish(lock);
	WAIT_FOR(desk.leading == 2, 5000);
	assert_int_equal(desk.term.head, strtoull(ask("SELECT max(last_seq) FROM cpps_store.batch"), NULL, 10));
	assert_asks("SELECT (SELECT count(*) FROM cpps_store.request) = max(last_seq) - 2 FROM cpps_store.batch", "t");
}

/* ---- Quota of the quarantine (X4) ---- */

static void set_aside(const char *submitter, size_t size)
{
	static const uint8_t bytes[1000] = "raw";
	static unsigned count;
	char id[16];
	struct event event = { .source = "urn:court", .submitter = submitter, .raw = bytes, .raw_size = size };

	(void)snprintf(id, sizeof(id), "q-%u", ++count);
	event.id = arena_text(arena, id);
	event.raw_hash = hash_of(id);
	(void)new_quarantined(desk.cabinet, &event, FILLED);
}

static const char kept[] =
	"SELECT string_agg(number || ' ' || raw_size || ' ' || coalesce(octet_length(raw)::text, 'no'), ', ' ORDER BY "
	"number) FROM cpps_store.quarantined";

static void discard(uint64_t number)
{
	desk_load(&desk, &(struct store_keys){ .quarantined = &number, .quarantined_count = 1 });
	cabinet_quarantined(desk.cabinet, number)->state = QUARANTINE_DISCARDED;
	MARK(cabinet_quarantined(desk.cabinet, number));
	desk_commit_ok(&desk, 0);
}

static void test_a_submitter_fills_only_its_own_quota(void **state)
{
	struct answer answer;
	struct store_batch batch;

	(void)state;
	lead("quota");
	set_aside("flood", 600);
	set_aside("flood", 401); /* beyond 1,000, within the batch */
	set_aside("quiet", 1000);
	set_aside(NULL, 1000);
	desk_commit_ok(&desk, 1);
	assert_asks(kept, "1 600 600, 2 401 no, 3 1000 1000, 4 1000 1000");
	set_aside("flood", 401); /* beyond it, together with what is committed */
	set_aside("flood", 400);
	desk_commit_ok(&desk, 1);
	assert_asks("SELECT raw IS NULL FROM cpps_store.quarantined WHERE number = 5", "t");
	assert_asks("SELECT octet_length(raw) FROM cpps_store.quarantined WHERE number = 6", "400");
	discard(1); /* gives room again */
	set_aside("flood", 600);
	desk_commit_ok(&desk, 1);
	assert_asks("SELECT octet_length(raw) FROM cpps_store.quarantined WHERE number = 7", "600");
	/* What was rolled back does not count. */
	discard(7);
	set_aside("flood", 600);
	invalid_text();
	batch = desk_batch(&desk, 1);
	assert_int_equal(desk_commit(&desk, &batch, &answer), STORE_POISON);
	set_aside("flood", 600);
	desk_commit_ok(&desk, 1);
	assert_asks("SELECT octet_length(raw) FROM cpps_store.quarantined ORDER BY number DESC", "600");
}

static void test_the_quota_outlives_the_term(void **state)
{
	(void)state;
	lead("quota_terms");
	set_aside("flood", 900);
	desk_commit_ok(&desk, 1);
	desk_close(&desk);
	desk_lead(&desk, conninfo);
	assert_int_equal(desk.term.held, 1);
	set_aside("flood", 101);
	desk_commit_ok(&desk, 1);
	assert_asks(kept, "1 900 900, 2 101 no");
	discard(1);
	set_aside("flood", 101);
	desk_commit_ok(&desk, 1);
	assert_asks(kept, "1 900 900, 2 101 no, 3 101 101");
}

/* ---- Size ---- */

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
static size_t allocated(void)
{
	return __sanitizer_get_current_allocated_bytes();
}
#else
static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}
#endif

static void large_batch(int round)
{
	for (int i = 0; i < 5000; i++) {
		char ref[24];

		(void)snprintf(ref, sizeof(ref), "O-%d-%d", round, i);
		(void)new_request(desk.cabinet, ref, ref, FILLED);
	}
	desk_commit_ok(&desk, 5000);
}

static void change_large_batch(void)
{
	CLEANUP(freep) const char **refs = calloc(5000, sizeof(char *));

	for (int i = 0; i < 5000; i++) {
		char ref[24];

		(void)snprintf(ref, sizeof(ref), "O-0-%d", i);
		refs[i] = arena_text(arena, ref);
	}
	desk_load(&desk, &(struct store_keys){ .order_refs = refs, .order_ref_count = 5000 });
	for (int i = 0; i < 5000; i++)
		fill_request(request_of(desk.cabinet, refs[i]), FILLED_OTHERWISE);
	desk_commit_ok(&desk, 5000);
}

static void test_a_large_batch_leaves_an_idle_store_small(void **state)
{
	size_t before, after_new, after_changed;

	(void)state;
	lead("large");
	before = allocated();
	large_batch(0);
	assert_int_equal(cabinet_rows(desk.cabinet), 0);
	after_new = allocated();
	change_large_batch();
	assert_int_equal(cabinet_rows(desk.cabinet), 0);
	arena_reset(arena);
	after_changed = allocated();
	print_message("idle: %zu KB more after 5,000 new rows, %zu KB after 5,000 changed ones\n",
		(after_new - before) / 1024, (after_changed - before) / 1024);
	assert_true(after_new < before + 1024 * 1024);
	assert_true(after_changed < before + 1024 * 1024);
	assert_asks("SELECT count(*) || ' ' || min(officer_id) || ' ' || max(officer_id) FROM cpps_store.request",
		"5000 PO-2 PO-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(positions_and_clock_are_there_for_the_next_term),
		TEST(an_empty_log_is_told_as_such),
		TEST(nothing_to_write_is_answered_without_a_transaction),
		TEST(the_log_row_holds_every_record),
		TEST(poison_writes_nothing_and_clears_the_cabinet),
		TEST(a_load_that_spans_poison_is_answered),
		TEST(only_the_classes_22_and_23_are_poison),
		TEST(the_fence_turns_away_a_term_that_is_over),
		TEST(a_key_that_another_leader_has_written_is_no_poison),
		TEST(the_fence_turns_away_a_hole_and_a_repeat),
		TEST(a_connection_that_is_lost_ends_the_term),
		TEST(a_commit_of_unknown_outcome_is_settled_by_the_next_term),
		TEST(a_submitter_fills_only_its_own_quota),
		TEST(the_quota_outlives_the_term),
		TEST(a_large_batch_leaves_an_idle_store_small),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
