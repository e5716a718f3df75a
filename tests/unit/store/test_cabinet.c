/* The cabinet: prefetch and overlay. A load sees what the batch before it has decided, committed or not, and never an older image of it. */
#include "store/scene.h"

/* ---- The overlay ---- */

static void test_a_load_sees_the_images_of_the_batch_that_commits(void **state)
{
	struct set before, made;
	struct event again, wanted;
	struct facts *facts;
	PGconn *lock;

	(void)state;
	lead("overlay");
	facts = cabinet_facts(desk.cabinet);
	make_set(desk.cabinet, FILLED_EMPTY, &before);
	desk_commit_ok(&desk, 1);
	assert_int_equal(cabinet_rows(desk.cabinet), 0);
	again = event_of(&before);
	desk_load_event(&desk, &again);
	fill_request(request_of(desk.cabinet, "O-2"), FILLED_OTHERWISE);
	make_set(desk.cabinet, FILLED, &made);
	lock = locked(LOCK_LOG);
	commit_begin(2);
	wanted = event_of(&made);
	desk_load_event(&desk, &wanted);
	desk_load_event(&desk, &again);
	assert_false(pending.came);
	assert_ptr_equal(request_of(desk.cabinet, "O-0"), made.request);
	assert_ptr_equal(facts->ptp_case(facts->context, "T-0"), made.ptp);
	assert_ptr_equal(facts->claim(facts->context, "urn:tools", "wait-0"), made.claim);
	assert_ptr_equal(facts->parked(facts->context, "O-0", NULL), made.parked);
	assert_ptr_equal(facts->quarantine_of_bytes(facts->context, &made.bad.raw_hash), made.quarantined);
	assert_ptr_equal(facts->quarantine_of_id(facts->context, "urn:tools", "wait-0", NULL), made.quarantined);
	assert_string_equal(request_of(desk.cabinet, "O-2")->officer_id, "PO-2");
	PQfinish(lock);
	committed();
	/* Both were wanted by a later load: they stay, and nothing is to be written again. */
	assert_ptr_equal(request_of(desk.cabinet, "O-0"), made.request);
	assert_int_equal(made.request->change, ROW_CLEAN);
	assert_string_equal(request_of(desk.cabinet, "O-2")->officer_id, "PO-2");
	assert_ptr_equal(facts->parked(facts->context, "O-0", NULL), made.parked);
	assert_ptr_equal(made.parked->claim, made.claim);
	desk_commit_ok(&desk, 1);
	assert_int_equal(cabinet_rows(desk.cabinet), 0);
}

/* The load is asked while the batch commits, and answered after it has settled: it may have read what was there before. */
static void test_rows_stay_where_a_load_overlaps_the_commit(void **state)
{
	struct set made;
	struct event wanted;
	struct answer answer = { 0 };
	const struct event *events[] = { &wanted };
	PGconn *log, *claims;

	(void)state;
	lead("overlap");
	make_set(desk.cabinet, FILLED, &made);
	desk_commit_ok(&desk, 1);
	wanted = event_of(&made);
	desk_load_event(&desk, &wanted);
	fill_request(request_of(desk.cabinet, "O-0"), FILLED_OTHERWISE);
	log = locked(LOCK_LOG);
	commit_begin(1);
	desk_run(50);
	claims = locked("LOCK TABLE cpps_store.claim IN ACCESS EXCLUSIVE MODE"); /* which this batch does not write */
	wanted.order_ref = "O-elsewhere";
	wanted.ptp_ref = NULL;
	wanted.prn = "P-elsewhere"; /* it wants nothing of the batch, that it knows of */
	assert_int_equal(store_load(desk.store, desk.cabinet,
				 &(struct store_keys){ .events = events, .event_count = 1 }, answer_note, &answer),
		0);
	desk_run(50);
	PQfinish(log);
	committed();
	assert_false(answer.came);
	assert_non_null(request_of(desk.cabinet, "O-0"));
	assert_string_equal(request_of(desk.cabinet, "O-0")->officer_id, "PO-2");
	PQfinish(claims);
	WAIT_FOR(answer.came, 3000);
	desk_commit_ok(&desk, 1);
	assert_null(request_of(desk.cabinet, "O-0"));
}

static void test_an_order_that_moves_is_found_in_its_new_file_at_once(void **state)
{
	struct event wanted = { .prn = "P-old", .order_ref = "O-1" };
	struct request *request;
	struct person *from, *to;
	PGconn *lock;

	(void)state;
	lead("moves");
	(void)new_request(desk.cabinet, "P-old", "O-1", FILLED);
	(void)new_request(desk.cabinet, "P-new", "O-2", FILLED);
	desk_commit_ok(&desk, 1);
	desk_load_event(&desk, &wanted);
	desk_load_event(&desk, &(struct event){ .prn = "P-new" });
	request = request_of(desk.cabinet, "O-1");
	from = known_person(desk.cabinet, "P-old");
	to = known_person(desk.cabinet, "P-new");
	assert_ptr_equal(from->file->requests, request);
	from->file->requests = NULL; /* R8: a correction of the number moves the order */
	to->file->requests->next = request;
	request->file = to->file;
	TEXT_SET(request->filed_prn, "P-new");
	MARK(request);
	lock = locked(LOCK_LOG);
	commit_begin(1);
	desk_load_event(&desk, &wanted);
	assert_null(known_person(desk.cabinet, "P-old")->file->requests);
	assert_ptr_equal(known_person(desk.cabinet, "P-new")->file->requests->next, request);
	PQfinish(lock);
	committed();
	load_event_into(other, &wanted);
	assert_null(known_person(other, "P-old")->file->requests);
	assert_ptr_equal(request_of(other, "O-1")->file, known_person(other, "P-new")->file);
	assert_asks("SELECT prn || ' ' || filed_prn FROM cpps_store.request WHERE order_ref = 'O-1'", "P-new P-new");
}

/* ---- Merges (R9) ---- */

static const char filed[] =
	"SELECT string_agg(order_ref || ' ' || prn || ' ' || filed_prn, ', ' ORDER BY order_ref) FROM "
	"cpps_store.request";

static void load_pair(const char *prn, const char *into_prn)
{
	desk_load_event(&desk, &(struct event){ .prn = prn, .into_prn = into_prn });
}

static void test_a_merge_takes_closed_orders_along(void **state)
{
	struct file *file;

	(void)state;
	lead("merges");
	(void)new_request(desk.cabinet, "P-1", "O-open", FILLED);
	new_request(desk.cabinet, "P-1", "O-closed", FILLED)->state = REQUEST_CANCELLED;
	(void)new_request(desk.cabinet, "P-2", "O-second", FILLED);
	new_request(desk.cabinet, "P-3", "O-third", FILLED)->state = REQUEST_ENDED;
	desk_commit_ok(&desk, 4);
	load_pair("P-1", "P-2");
	assert_null(request_of(desk.cabinet, "O-closed"));
	merge(desk.cabinet, "P-1", "P-2");
	desk_commit_ok(&desk, 1);
	assert_asks(filed, "O-closed P-2 P-1, O-open P-2 P-1, O-second P-2 P-2, O-third P-3 P-3");
	load_pair("P-1", "P-3"); /* a number that is retired stands for its survivor */
	merge(desk.cabinet, "P-1", "P-3");
	desk_commit_ok(&desk, 1);
	assert_asks(filed, "O-closed P-3 P-1, O-open P-3 P-1, O-second P-3 P-2, O-third P-3 P-3");
	assert_asks(
		"SELECT string_agg(prn || ' ' || coalesce(merged_into, '-'), ', ' ORDER BY prn) FROM cpps_store.person",
		"P-1 P-2, P-2 P-3, P-3 -");
	load_event_into(other, &(struct event){ .prn = "P-1" });
	file = known_person(other, "P-1")->file;
	assert_string_equal(file_prn(file), "P-3");
	assert_ptr_equal(known_person(other, "P-2")->file, file);
	assert_string_equal(file->requests->order_ref, "O-open");
	assert_string_equal(file->requests->next->order_ref, "O-second");
	assert_null(file->requests->next->next); /* closed ones are not at hand, unless an event names one */
	load_event_into(other, &(struct event){ .order_ref = "O-closed" });
	assert_ptr_equal(request_of(other, "O-closed")->file, file);
	assert_ptr_equal(file->requests->next, request_of(other, "O-closed")); /* in order of opening */
}

static void test_a_merge_taken_back_takes_its_closed_orders_back(void **state)
{
	struct facts *facts;
	struct person *retired, *survivor;
	struct file *own;

	(void)state;
	lead("unmerges");
	facts = cabinet_facts(desk.cabinet);
	new_request(desk.cabinet, "P-1", "O-closed", FILLED)->state = REQUEST_CANCELLED;
	(void)new_request(desk.cabinet, "P-2", "O-2", FILLED);
	merge(desk.cabinet, "P-1", "P-2");
	desk_commit_ok(&desk, 2);
	assert_asks(filed, "O-2 P-2 P-2, O-closed P-2 P-1");
	load_pair("P-1", "P-2");
	retired = known_person(desk.cabinet, "P-1");
	survivor = known_person(desk.cabinet, "P-2");
	assert_ptr_equal(survivor->next, retired);
	own = facts->add_file(facts->context);
	survivor->next = NULL;
	own->persons = retired;
	retired->file = own;
	TEXT_SET(retired->merged_into, "");
	MARK(retired);
	desk_commit_ok(&desk, 1);
	assert_asks(filed, "O-2 P-2 P-2, O-closed P-1 P-1");
	/* Two batches on, the number's place is still known. */
	load_pair("P-1", "P-2");
	merge(desk.cabinet, "P-1", "P-2");
	desk_commit_ok(&desk, 1);
	assert_asks(filed, "O-2 P-2 P-2, O-closed P-2 P-1");
}

static void test_a_merge_that_commits_is_seen_by_the_next_load(void **state)
{
	PGconn *lock;

	(void)state;
	lead("merge_overlay");
	(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
	new_request(desk.cabinet, "P-1", "O-closed", FILLED)->state = REQUEST_CANCELLED;
	(void)new_request(desk.cabinet, "P-2", "O-2", FILLED);
	desk_commit_ok(&desk, 1);
	load_pair("P-1", "P-2");
	merge(desk.cabinet, "P-1", "P-2");
	lock = locked(LOCK_LOG);
	commit_begin(1);
	desk_load_event(&desk, &(struct event){ .order_ref = "O-closed" });
	assert_string_equal(file_prn(request_of(desk.cabinet, "O-closed")->file), "P-2");
	assert_ptr_equal(request_of(desk.cabinet, "O-closed")->file, request_of(desk.cabinet, "O-2")->file);
	PQfinish(lock);
	committed();
	assert_string_equal(file_prn(request_of(desk.cabinet, "O-closed")->file), "P-2");
	MARK(request_of(desk.cabinet, "O-closed"));
	desk_commit_ok(&desk, 1);
	assert_asks(filed, "O-1 P-2 P-1, O-2 P-2 P-2, O-closed P-2 P-1");
}

/* ---- Parked events and claims (X2, X3) ---- */

static void test_parked_events_leave_the_table_once_decided(void **state)
{
	struct facts *facts;
	struct parked *parked;

	(void)state;
	lead("parked");
	facts = cabinet_facts(desk.cabinet);
	park("w-1", "O-1");
	park("w-2", "O-1");
	park("w-3", "O-2");
	desk_commit_ok(&desk, 1);
	desk_load_event(&desk, &(struct event){ .order_ref = "O-1" });
	parked = facts->parked(facts->context, "O-1", NULL);
	assert_string_equal(parked->event->id, "w-1");
	parked->gone = true;
	MARK(parked);
	parked->claim->disposition = DISPOSITION_ACCEPTED;
	MARK(parked->claim);
	assert_string_equal(facts->parked(facts->context, "O-1", parked)->event->id, "w-2");
	desk_commit_ok(&desk, 1);
	assert_asks(
		"SELECT string_agg(id || ' ' || number, ', ' ORDER BY number) FROM cpps_store.parked", "w-2 2, w-3 3");
	assert_asks("SELECT string_agg(id || ' ' || disposition, ', ' ORDER BY id) FROM cpps_store.claim",
		"w-1 1, w-2 2, w-3 2");
}

/* One that is decided in the batch that parked it was never in the table; a load that overlaps does not bring back one that has gone. */
static void test_parked_events_that_went_stay_gone(void **state)
{
	struct facts *facts;
	struct parked *parked;
	PGconn *lock;

	(void)state;
	lead("gone");
	facts = cabinet_facts(desk.cabinet);
	park("w-1", "O-1");
	facts->parked(facts->context, "O-1", NULL)->gone = true;
	park("w-2", "O-1");
	desk_commit_ok(&desk, 1);
	assert_asks("SELECT string_agg(id, ', ') FROM cpps_store.parked", "w-2");
	desk_load_event(&desk, &(struct event){ .order_ref = "O-1" });
	parked = facts->parked(facts->context, "O-1", NULL);
	parked->gone = true;
	MARK(parked);
	lock = locked(LOCK_LOG);
	commit_begin(1);
	desk_load_event(&desk, &(struct event){ .order_ref = "O-1" });
	assert_null(facts->parked(facts->context, "O-1", NULL));
	PQfinish(lock);
	committed();
	assert_null(facts->parked(facts->context, "O-1", NULL));
	desk_commit_ok(&desk, 1);
	assert_asks("SELECT count(*) FROM cpps_store.parked", "0");
}

/* What an alarm decides about a parked event needs its claim, and what holds its opener. */
static void test_parked_events_loaded_by_number_bring_what_they_touch(void **state)
{
	struct event opener = { .source = "urn:court", .id = "bad", .order_ref = "O-1" };
	const uint64_t numbers[] = { 1 };
	struct facts *facts;
	struct parked *parked;

	(void)state;
	lead("by_number");
	facts = cabinet_facts(desk.cabinet);
	(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
	park("w-1", "O-1");
	new_quarantined(desk.cabinet, &opener, FILLED_OTHERWISE)->state = QUARANTINE_HELD;
	desk_commit_ok(&desk, 1);
	desk_load(&desk, &(struct store_keys){ .parked = numbers, .parked_count = 1 });
	parked = cabinet_parked(desk.cabinet, 1);
	assert_non_null(parked);
	assert_non_null(parked->claim);
	assert_string_equal(parked->claim->id, "w-1");
	assert_true(facts->opener_held(facts->context, "O-1"));
	assert_non_null(request_of(desk.cabinet, "O-1"));
}

/* X3: what waits for a case is not late while the event that would open the case is held; the order that one is about opens nothing. */
static void test_a_held_event_is_found_by_what_it_would_open(void **state)
{
	struct event considered = { .source = "urn:tools", .id = "bad", .order_ref = "O-1", .ptp_ref = "C-1" };
	struct facts *facts;

	(void)state;
	lead("opens");
	facts = cabinet_facts(desk.cabinet);
	park("w-1", "C-1");
	(void)new_quarantined(desk.cabinet, &considered, FILLED);
	assert_true(facts->opener_held(facts->context, "C-1"));
	desk_commit_ok(&desk, 1);
	desk_load(&desk, &(struct store_keys){ .parked = (const uint64_t[]){ 1 }, .parked_count = 1 });
	assert_true(facts->opener_held(facts->context, "C-1"));
	assert_false(facts->opener_held(facts->context, "O-1"));
	assert_asks("SELECT opens FROM cpps.quarantined_event", "C-1");
	cabinet_quarantined(desk.cabinet, 1)->state = QUARANTINE_DISCARDED;
	assert_false(facts->opener_held(facts->context, "C-1"));
}

/* X3: nor while it is parked itself, which a batch that is being committed may have decided. */
static void test_a_parked_event_is_found_by_what_it_would_open(void **state)
{
	struct event considered = considered_event(arena, "k-1", "O-1", "C-1");
	struct facts *facts;
	struct parked *parked;
	PGconn *lock;

	(void)state;
	lead("parked_opens");
	facts = cabinet_facts(desk.cabinet);
	park("w-1", "C-1");
	desk_commit_ok(&desk, 1);
	(void)new_parked(desk.cabinet, &considered, "O-1", FILLED);
	new_parked(desk.cabinet, &considered, "O-1", FILLED)->claim = new_claim(desk.cabinet, &considered, FILLED);
	facts->parked(facts->context, "O-1", NULL)->gone = true;
	lock = locked(LOCK_LOG);
	commit_begin(1);
	desk_load(&desk, &(struct store_keys){ .parked = (const uint64_t[]){ 1 }, .parked_count = 1 });
	assert_true(facts->opener_parked(facts->context, "C-1"));
	PQfinish(lock);
	committed();
	assert_true(facts->opener_parked(facts->context, "C-1")); /* wanted by a later load: it stays */
	desk_commit_ok(&desk, 1);
	assert_false(facts->opener_parked(facts->context, "C-1"));
	desk_load(&desk, &(struct store_keys){ .parked = (const uint64_t[]){ 1 }, .parked_count = 1 });
	assert_true(facts->opener_parked(facts->context, "C-1"));
	assert_false(facts->opener_parked(facts->context, "O-1"));
	assert_asks("SELECT string_agg(id || ' ' || coalesce(opens, '-'), ', ' ORDER BY number) FROM cpps.parked_event",
		"w-1 -, k-1 C-1");
	parked = facts->parked(facts->context, "O-1", NULL);
	assert_string_equal(parked->claim->id, "k-1");
	parked->gone = true;
	assert_false(facts->opener_parked(facts->context, "C-1"));
}

/* Closing a quarantined opener restarts the days of the events that wait for its order or case. */
static void quarantined_brings_who_waits(const char *name, const struct event *opener, const char *opens)
{
	const uint64_t numbers[] = { 1 };
	struct facts *facts;

	lead(name);
	facts = cabinet_facts(desk.cabinet);
	park("w-1", opens);
	(void)new_quarantined(desk.cabinet, opener, FILLED_OTHERWISE);
	desk_commit_ok(&desk, 1);
	desk_load(&desk, &(struct store_keys){ .quarantined = numbers, .quarantined_count = 1 });
	assert_non_null(cabinet_quarantined(desk.cabinet, 1));
	assert_non_null(facts->parked(facts->context, opens, NULL));
	assert_non_null(facts->parked(facts->context, opens, NULL)->claim);
}

static void test_quarantined_events_loaded_by_number_bring_who_waits_for_their_order(void **state)
{
	(void)state;
	quarantined_brings_who_waits(
		"opener", &(struct event){ .source = "urn:court", .id = "bad", .order_ref = "O-1" }, "O-1");
}

static void test_quarantined_events_loaded_by_number_bring_who_waits_for_their_case(void **state)
{
	(void)state;
	quarantined_brings_who_waits("case_opener",
		&(struct event){ .source = "urn:tools", .id = "bad", .order_ref = "O-1", .ptp_ref = "C-1" }, "C-1");
}

static void release(struct claim *claim)
{
	claim->disposition = DISPOSITION_QUARANTINED;
	MARK(claim);
}

static void test_a_released_claim_is_free_again(void **state)
{
	static const char claims[] = "SELECT string_agg(id || ' ' || seq, ', ' ORDER BY id) FROM cpps_store.claim";
	struct event later, same;
	struct facts *facts;

	(void)state;
	lead("claims");
	facts = cabinet_facts(desk.cabinet);
	later = waiting_event(arena, "later", "O-1");
	same = waiting_event(arena, "same", "O-1");
	(void)new_claim(desk.cabinet, &later, FILLED);
	(void)new_claim(desk.cabinet, &same, FILLED);
	desk_commit_ok(&desk, 1);
	assert_asks(claims, "later 7, same 7");
	desk_load_event(&desk, &later);
	desk_load_event(&desk, &same);
	release(facts->claim(facts->context, "urn:tools", "later"));
	release(facts->claim(facts->context, "urn:tools", "same"));
	assert_null(facts->claim(facts->context, "urn:tools", "later"));
	new_claim(desk.cabinet, &same, FILLED)->seq = 8; /* in the same batch */
	desk_commit_ok(&desk, 1);
	assert_asks(claims, "same 8");
	desk_load_event(&desk, &later);
	new_claim(desk.cabinet, &later, FILLED)->seq = 9;
	desk_commit_ok(&desk, 1);
	assert_asks(claims, "later 9, same 8");
}

/* ---- Discarding ---- */

static void test_what_was_decided_and_not_committed_is_forgotten(void **state)
{
	struct event wanted = { .order_ref = "O-1" };

	(void)state;
	lead("forgotten");
	(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
	desk_commit_ok(&desk, 1);
	desk_load_event(&desk, &wanted);
	fill_request(request_of(desk.cabinet, "O-1"), FILLED_OTHERWISE);
	(void)new_request(desk.cabinet, "P-1", "O-2", FILLED);
	cabinet_clear(desk.cabinet);
	assert_int_equal(cabinet_rows(desk.cabinet), 0);
	desk_load_event(&desk, &wanted);
	assert_string_equal(request_of(desk.cabinet, "O-1")->officer_id, "PO-1");
	assert_null(request_of(desk.cabinet, "O-2"));
	desk_commit_ok(&desk, 1);
	assert_asks("SELECT string_agg(order_ref || ' ' || officer_id, ', ') FROM cpps_store.request", "O-1 PO-1");
}

static void test_a_file_is_whole_or_not_there(void **state)
{
	struct file *file;

	(void)state;
	lead("whole");
	(void)new_request(desk.cabinet, "P-1", "O-1", FILLED);
	(void)new_request(desk.cabinet, "P-1", "O-2", FILLED);
	(void)new_case(desk.cabinet, "O-2", "T-2", FILLED);
	desk_commit_ok(&desk, 1);
	desk_load_event(&desk,
		&(struct event){ .order_ref = "O-1" }); /* one order brings the offender's others, with their cases */
	file = request_of(desk.cabinet, "O-1")->file;
	assert_string_equal(file->requests->next->order_ref, "O-2");
	assert_string_equal(file->requests->next->cases->ptp_ref, "T-2");
	desk_load_event(&desk, &(struct event){ .prn = "P-2" });
	desk_commit_ok(&desk, 1); /* the first load's file goes, the whole of it */
	assert_null(request_of(desk.cabinet, "O-1"));
	assert_null(request_of(desk.cabinet, "O-2"));
	desk_load_event(&desk, &(struct event){ .ptp_ref = "T-2" });
	assert_non_null(request_of(desk.cabinet, "O-1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_load_sees_the_images_of_the_batch_that_commits),
		TEST(rows_stay_where_a_load_overlaps_the_commit),
		TEST(an_order_that_moves_is_found_in_its_new_file_at_once),
		TEST(a_merge_takes_closed_orders_along),
		TEST(a_merge_taken_back_takes_its_closed_orders_back),
		TEST(a_merge_that_commits_is_seen_by_the_next_load),
		TEST(parked_events_leave_the_table_once_decided),
		TEST(parked_events_that_went_stay_gone),
		TEST(parked_events_loaded_by_number_bring_what_they_touch),
		TEST(a_held_event_is_found_by_what_it_would_open),
		TEST(a_parked_event_is_found_by_what_it_would_open),
		TEST(quarantined_events_loaded_by_number_bring_who_waits_for_their_order),
		TEST(quarantined_events_loaded_by_number_bring_who_waits_for_their_case),
		TEST(a_released_claim_is_free_again),
		TEST(what_was_decided_and_not_committed_is_forgotten),
		TEST(a_file_is_whole_or_not_there),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
