#include "store/scene.h"

#include "store/read.h"

#define ARENA (4 * 1024 * 1024UL)

char conninfo[400];
struct arena *arena;
struct desk desk;
struct cabinet *other;
struct answer pending;

int scene_begin(void **state)
{
	(void)state;
	assert_int_equal(cabinet_new(&other), 0);
	return arena_new(ARENA, &arena);
}

int scene_end(void **state)
{
	(void)state;
	desk_close(&desk);
	other = cabinet_free(other);
	arena = arena_free(arena);
	return 0;
}

void lead(const char *database)
{
	TEXT_SET(conninfo, desk_database(database));
	desk_lead(&desk, conninfo);
}

const char *ask(const char *sql)
{
	return cluster_ask(conninfo, sql);
}

void assert_asks(const char *sql, const char *expected)
{
	const char *answer = ask(sql);

	if (strcmp(answer, expected) != 0)
		fail_msg("%s\n  is  %s\n  not %s", sql, answer, expected);
}

PGconn *locked(const char *lock)
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

void load_into(struct cabinet *cabinet, const struct store_keys *keys)
{
	struct answer answer = { 0 };

	assert_int_equal(store_load(desk.store, cabinet, keys, answer_note, &answer), 0);
	WAIT_FOR(answer.came, 3000);
	assert_int_equal(answer.result, STORE_OK);
}

void load_event_into(struct cabinet *cabinet, const struct event *event)
{
	load_into(cabinet, &(struct store_keys){ .events = &event, .event_count = 1 });
}

struct request *request_of(struct cabinet *cabinet, const char *order_ref)
{
	struct facts *facts = cabinet_facts(cabinet);

	return facts->request(facts->context, order_ref);
}

void commit_begin(size_t records)
{
	struct store_batch batch = desk_batch(&desk, records);

	pending = (struct answer){ 0 };
	assert_int_equal(store_commit(desk.store, desk.cabinet, &batch, answer_note, &pending), 0);
	desk.head += records;
}

void committed(void)
{
	WAIT_FOR(pending.came, 5000);
	assert_int_equal(pending.result, STORE_OK);
	cabinet_settle(desk.cabinet);
}

/* ---- Round trips ---- */

struct event event_of(const struct set *set)
{
	struct event event = set->waiting;

	event.prn = set->prn;
	event.order_ref = set->order_ref;
	event.ptp_ref = set->ptp_ref;
	event.raw_hash = set->bad.raw_hash;
	return event;
}

void make_set(struct cabinet *cabinet, int variant, struct set *set)
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

void find_set(struct cabinet *cabinet, const struct set *like, struct set *set)
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

void assert_same_set(const struct set *a, const struct set *b)
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

void change_set(struct set *set, int variant)
{
	fill_person(set->person, variant);
	fill_request(set->request, variant);
	fill_case(set->ptp, variant);
	fill_claim(set->claim, variant);
	fill_parked(set->parked, variant);
	fill_quarantined(set->quarantined, variant);
}

void park(const char *id, const char *order_ref)
{
	struct event event = waiting_event(arena, id, order_ref);

	new_parked(desk.cabinet, &event, order_ref, FILLED)->claim = new_claim(desk.cabinet, &event, FILLED);
}
