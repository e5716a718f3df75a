/* Facts in and effects out, against a real PostgreSQL: what is committed is what is loaded again, whatever else is under way. */
#include "store/desk.h"
#include "store/filled.h"

#include <malloc.h>
#include <stdlib.h>

#include "store/read.h"

#define ARENA (4 * 1024 * 1024UL)

static char conninfo[400];
static struct arena *arena;
static struct desk desk;
static struct cabinet *other;

static int begin(void **state)
{
	(void)state;
	assert_int_equal(cabinet_new(&other), 0);
	return arena_new(ARENA, &arena);
}

static int end(void **state)
{
	(void)state;
	desk_close(&desk);
	other = cabinet_free(other);
	arena = arena_free(arena);
	return 0;
}

static void lead(const char *database)
{
	TEXT_SET(conninfo, desk_database(database));
	desk_lead(&desk, conninfo);
}

static const char *ask(const char *sql)
{
	return cluster_ask(conninfo, sql);
}

static void assert_asks(const char *sql, const char *expected)
{
	const char *answer = ask(sql);

	if (strcmp(answer, expected) != 0)
		fail_msg("%s\n  is  %s\n  not %s", sql, answer, expected);
}

/* Another session with a transaction open, that holds a lock. */
static PGconn *locked(const char *lock)
{
	PGconn *connection = NULL;
	struct fault fault = { "" };
	CLEANUP(read_clearp) PGresult *result = NULL;

	assert_int_equal(read_connect(conninfo, &connection, &fault), 0);
	PQclear(PQexec(connection, "BEGIN"));
	result = PQexec(connection, lock);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s", PQresultErrorMessage(result));
	return connection;
}

#define LOCK_LOG "LOCK TABLE cpps_store.batch IN ACCESS EXCLUSIVE MODE" /* holds every commit up at the fence */

static void load_into(struct cabinet *cabinet, const struct store_keys *keys)
{
	struct answer answer = { 0 };

	assert_int_equal(store_load(desk.store, cabinet, keys, answer_note, &answer), 0);
	WAIT_FOR(answer.came, 3000);
	assert_int_equal(answer.result, STORE_OK);
}

static void load_event_into(struct cabinet *cabinet, const struct event *event)
{
	load_into(cabinet, &(struct store_keys){ .events = &event, .event_count = 1 });
}

static struct request *request_of(struct cabinet *cabinet, const char *order_ref)
{
	struct facts *facts = cabinet_facts(cabinet);

	return facts->request(facts->context, order_ref);
}

/* A commit that is under way; committed() waits for it. */
static struct answer pending;

static void commit_begin(size_t records)
{
	struct store_batch batch = desk_batch(&desk, records);

	pending = (struct answer){ 0 };
	assert_int_equal(store_commit(desk.store, desk.cabinet, &batch, answer_note, &pending), 0);
	desk.head += records;
}

static void committed(void)
{
	WAIT_FOR(pending.came, 5000);
	assert_int_equal(pending.result, STORE_OK);
	cabinet_settle(desk.cabinet);
}

/* ---- Round trips ---- */

/* One row of each kind, named by the variant it was first made with. */
struct set {
	char prn[8], order_ref[8], ptp_ref[8];
	struct event waiting, bad;
	struct request *request;
	struct ptp_case *ptp;
	struct claim *claim;
	struct parked *parked;
	struct quarantined *quarantined;
	struct person *person;
};

static struct event event_of(const struct set *set)
{
	struct event event = set->waiting;

	event.prn = set->prn;
	event.order_ref = set->order_ref;
	event.ptp_ref = set->ptp_ref;
	event.raw_hash = set->bad.raw_hash;
	return event;
}

static void make_set(struct cabinet *cabinet, int variant, struct set *set)
{
	char id[16];

	(void)snprintf(set->prn, sizeof(set->prn), "P-%d", variant);
	(void)snprintf(set->order_ref, sizeof(set->order_ref), "O-%d", variant);
	(void)snprintf(set->ptp_ref, sizeof(set->ptp_ref), "T-%d", variant);
	(void)snprintf(id, sizeof(id), "wait-%d", variant);
	set->waiting = waiting_event(arena, id, set->order_ref);
	set->bad = set->waiting;
	set->bad.raw_hash = hash_of(set->prn);
	if (variant == FILLED_EMPTY)
		set->bad.source = set->bad.id = set->bad.order_ref = set->bad.submitter = NULL;
	set->person = known_person(cabinet, set->prn);
	fill_person(set->person, variant);
	set->request = new_request(cabinet, set->prn, set->order_ref, variant);
	set->ptp = new_case(cabinet, set->order_ref, set->ptp_ref, variant);
	set->claim = new_claim(cabinet, &set->waiting, variant);
	set->parked = new_parked(cabinet, &set->waiting, set->order_ref, variant);
	set->parked->claim = set->claim;
	set->quarantined = new_quarantined(cabinet, &set->bad, variant);
}

static void find_set(struct cabinet *cabinet, const struct set *like, struct set *set)
{
	struct facts *facts = cabinet_facts(cabinet);
	struct event event = event_of(like);

	*set = *like;
	load_event_into(cabinet, &event);
	set->person = facts->person(facts->context, like->prn);
	set->request = facts->request(facts->context, like->order_ref);
	set->ptp = facts->ptp_case(facts->context, like->ptp_ref);
	set->claim = facts->claim(facts->context, like->waiting.source, like->waiting.id);
	set->parked = facts->parked(facts->context, like->order_ref, NULL);
	set->quarantined = facts->quarantine_of_bytes(facts->context, &like->bad.raw_hash);
}

static void assert_same_set(const struct set *a, const struct set *b)
{
	assert_same_person(a->person, b->person);
	assert_same_request(a->request, b->request);
	assert_same_case(a->ptp, b->ptp);
	assert_same_claim(a->claim, b->claim);
	assert_same_parked(a->parked, b->parked);
	assert_ptr_equal(b->parked->claim, b->claim);
	assert_same_quarantined(a->quarantined, b->quarantined);
	assert_ptr_equal(b->request->file, b->person->file);
	assert_ptr_equal(b->request->file->requests, b->request);
	assert_ptr_equal(b->request->cases, b->ptp);
	assert_ptr_equal(b->ptp->request, b->request);
}

static void change_set(struct set *set, int variant)
{
	fill_person(set->person, variant);
	fill_request(set->request, variant);
	fill_case(set->ptp, variant);
	fill_claim(set->claim, variant);
	fill_parked(set->parked, variant);
	fill_quarantined(set->quarantined, variant);
}

static void test_every_field_of_a_new_row_comes_back(void **state)
{
	struct set made[FILLED_VARIANTS], found;

	(void)state;
	lead("new_rows");
	for (int v = 0; v < FILLED_VARIANTS; v++)
		make_set(desk.cabinet, v, &made[v]);
	assert_int_equal(desk_commit(&desk, &(struct store_batch){ .first = 1 }, NULL), STORE_OK);
	for (int v = 0; v < FILLED_VARIANTS; v++) {
		find_set(other, &made[v], &found);
		assert_same_set(&made[v], &found);
	}
}

static void test_every_field_of_a_changed_row_comes_back(void **state)
{
	struct set made[FILLED_VARIANTS], found[FILLED_VARIANTS], again;
	CLEANUP(cabinet_freep) struct cabinet *third = NULL;

	(void)state;
	lead("changed_rows");
	assert_int_equal(cabinet_new(&third), 0);
	for (int v = 0; v < FILLED_VARIANTS; v++)
		make_set(desk.cabinet, v, &made[v]);
	desk_commit_ok(&desk, 1);
	for (int v = 0; v < FILLED_VARIANTS; v++) {
		find_set(desk.cabinet, &made[v], &found[v]);
		change_set(&found[v], (v + 1) % FILLED_VARIANTS);
	}
	assert_int_equal(desk_commit(&desk, &(struct store_batch){ .first = 2 }, NULL), STORE_OK);
	for (int v = 0; v < FILLED_VARIANTS; v++) {
		find_set(third, &made[v], &again);
		assert_same_set(&found[v], &again);
	}
}

static void test_keeps_what_was_done_in_a_case(void **state)
{
	struct record record = { .name = RECORD_PTP_STAGE_CHANGED,
		.time = moment(1),
		.decided_at = moment(2),
		.from_stage = 4,
		.to_stage = 5,
		.outcome = OUTCOME_NOT_SUPPORTED,
		.by_role = ROLE_AREA_MANAGER,
		.by = "AM-1",
		.guard = REASON_PTP_G6,
		.rule = "stage 4: forwards, noting no support" };
	struct set made;

	(void)state;
	lead("history");
	make_set(desk.cabinet, FILLED, &made);
	record.cause = &made.waiting;
	record.ptp = made.ptp;
	record.task = &made.ptp->task;
	record.kind = KIND_PTP;
	assert_int_equal(cabinet_note(desk.cabinet, &record, 1), 0);
	record.name = RECORD_TASK_OPENED; /* the open task is in the case */
	assert_int_equal(cabinet_note(desk.cabinet, &record, 2), 0);
	record.name = RECORD_TASK_COMPLETED;
	assert_int_equal(cabinet_note(desk.cabinet, &record, 3), 0);
	record.kind = KIND_ALLOCATION; /* a step of the order is in the request */
	assert_int_equal(cabinet_note(desk.cabinet, &record, 4), 0);
	record.ptp = NULL;
	assert_int_equal(cabinet_note(desk.cabinet, &record, 5), 0);
	desk_commit_ok(&desk, 5);
	assert_asks("SELECT h::text FROM cpps_store.ptp_history h",
		"(1,T-0,20,\"2026-03-01 10:20:31.000456+00\",\"2026-03-01 10:20:32.000456+00\",4,5,5,1,4,AM-1,29,"
		"\"stage 4: forwards, noting no support\",wait-0)");
	assert_asks("SELECT t::text FROM cpps_store.ptp_task t",
		"(3,T-0,2,\"back\\\\slash and 'quote'\",2,2,\"2026-03-01 10:20:41.000456+00\",\"2026-03-01 "
		"10:20:51.000456+00\",\"2026-03-01 10:21:01.000456+00\")");
	desk_commit_ok(&desk, 1); /* noted once */
}

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

static void park(const char *id, const char *order_ref)
{
	struct event event = waiting_event(arena, id, order_ref);

	new_parked(desk.cabinet, &event, order_ref, FILLED)->claim = new_claim(desk.cabinet, &event, FILLED);
}

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

/* Closing a quarantined opener restarts the days of the events that wait for its order. */
static void test_quarantined_events_loaded_by_number_bring_who_waits_for_them(void **state)
{
	struct event opener = { .source = "urn:court", .id = "bad", .order_ref = "O-1" };
	const uint64_t numbers[] = { 1 };
	struct facts *facts;

	(void)state;
	lead("openers");
	facts = cabinet_facts(desk.cabinet);
	park("w-1", "O-1");
	(void)new_quarantined(desk.cabinet, &opener, FILLED_OTHERWISE);
	desk_commit_ok(&desk, 1);
	desk_load(&desk, &(struct store_keys){ .quarantined = numbers, .quarantined_count = 1 });
	assert_non_null(cabinet_quarantined(desk.cabinet, 1));
	assert_non_null(facts->parked(facts->context, "O-1", NULL));
	assert_non_null(facts->parked(facts->context, "O-1", NULL)->claim);
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

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_field_of_a_new_row_comes_back),
		TEST(every_field_of_a_changed_row_comes_back),
		TEST(keeps_what_was_done_in_a_case),
		TEST(a_load_sees_the_images_of_the_batch_that_commits),
		TEST(rows_stay_where_a_load_overlaps_the_commit),
		TEST(an_order_that_moves_is_found_in_its_new_file_at_once),
		TEST(a_merge_takes_closed_orders_along),
		TEST(a_merge_taken_back_takes_its_closed_orders_back),
		TEST(a_merge_that_commits_is_seen_by_the_next_load),
		TEST(parked_events_leave_the_table_once_decided),
		TEST(parked_events_that_went_stay_gone),
		TEST(parked_events_loaded_by_number_bring_what_they_touch),
		TEST(quarantined_events_loaded_by_number_bring_who_waits_for_them),
		TEST(a_released_claim_is_free_again),
		TEST(positions_and_clock_are_there_for_the_next_term),
		TEST(an_empty_log_is_told_as_such),
		TEST(nothing_to_write_is_answered_without_a_transaction),
		TEST(the_log_row_holds_every_record),
		TEST(poison_writes_nothing_and_clears_the_cabinet),
		TEST(a_load_that_spans_poison_is_answered),
		TEST(a_submitter_fills_only_its_own_quota),
		TEST(the_quota_outlives_the_term),
		TEST(a_large_batch_leaves_an_idle_store_small),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
