/* Election against a real PostgreSQL: one leads, the others stand by; a leader that is gone or has stopped is followed by another with a higher epoch. */
#include "store/scene.h"

#include <errno.h>
#include <time.h>

#include "store/read.h"

static struct desk second;

static int end(void **state)
{
	desk_close(&second);
	return scene_end(state);
}

/* A session that leads as a daemon does, and then does nothing more: a process that was stopped. */
static PGconn *stopped_leader(const char *as)
{
	PGconn *connection = NULL;
	struct fault fault = { "" };
	CLEANUP(read_clearp) PGresult *result = NULL;

	assert_int_equal(read_connect(as, &connection, &fault), 0);
	result = PQexec(connection,
		"SELECT t.leads FROM pg_stat_activity a, LATERAL cpps_store.take_term('nz', a.pid, a.backend_start, "
		"'{ipc://stopped,tcp://stopped:1}') AS t WHERE a.pid = pg_backend_pid()");
	assert_string_equal(PQgetvalue(result, 0, 0), "t");
	return connection;
}

static bool is_alive(PGconn *connection)
{
	CLEANUP(read_clearp) PGresult *result = PQexec(connection, "SELECT 1");

	return PQresultStatus(result) == PGRES_TUPLES_OK;
}

/* ---- Becoming leader ---- */

static void test_one_that_is_alone_leads_with_a_lease(void **state)
{
	const uint64_t before = (uint64_t)time(NULL);

	(void)state;
	lead("alone");
	assert_int_equal(store_state(desk.store), STORE_LEADING);
	assert_true(desk.term.epoch >= before && desk.term.epoch <= (uint64_t)time(NULL) + 1);
	assert_int_equal(strtoull(ask("SELECT epoch FROM cpps_store.term"), NULL, 10), desk.term.epoch);
	assert_asks("SELECT l.epoch = t.epoch AND endpoints = '{ipc://one}' FROM cpps_store.lease l, cpps_store.term t",
		"t");
	assert_asks("SELECT a.application_name FROM cpps_store.lease l JOIN pg_stat_activity a ON a.pid = l.pid AND "
		    "a.backend_start = "
		    "l.backend_start",
		"cpps-bridge-writer");
	assert_asks("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM "
		    "pg_database WHERE datname "
		    "= current_database())",
		"1");
	assert_int_equal(desk.standby + desk.lost + desk.refused, 0);
}

static void test_the_epoch_is_the_time_but_never_goes_back(void **state)
{
	(void)state;
	lead("epochs");
	desk_close(&desk);
	cluster_run(conninfo, "UPDATE cpps_store.term SET epoch = 5000000000"); /* a clock that ran ahead, once */
	desk_lead(&desk, conninfo);
	assert_int_equal(desk.term.epoch, 5000000001);
}

static void test_a_second_one_stands_by_and_knows_who_leads(void **state)
{
	(void)state;
	lead("second");
	desk_open(&second, conninfo, "two");
	WAIT_FOR(second.standby, 5000);
	assert_int_equal(second.leader_count, 1);
	assert_string_equal(second.leader[0], "ipc://one");
	assert_int_equal(store_state(second.store), STORE_WAITING);
	assert_int_equal(
		store_load(second.store, second.cabinet, &(struct store_keys){ 0 }, answer_note, NULL), -ENOTCONN);
	desk_run(3500);                      /* longer than a lease that is not renewed */
	assert_int_equal(second.standby, 1); /* told once */
	assert_int_equal(second.leading + second.lost + desk.lost, 0);
	assert_int_equal(store_state(desk.store), STORE_LEADING);
}

/* ---- Following a leader ---- */

static void test_a_leader_that_leaves_is_followed_at_once(void **state)
{
	const uint64_t *now = &second.term.epoch;
	uint64_t before, left;

	(void)state;
	lead("leaves");
	desk_commit_ok(&desk, 3);
	before = desk.term.epoch;
	desk_open(&second, conninfo, "two");
	WAIT_FOR(second.standby, 5000);
	left = desk_now_us();
	desk_close(&desk);
	WAIT_FOR(second.leading, 5000);
	assert_true(desk_now_us() - left < 2500000); /* without waiting for the lease */
	assert_true(*now > before);
	assert_int_equal(second.term.head, 3);
	desk_commit_ok(&second, 2);
	assert_asks("SELECT string_agg(first_seq || '-' || last_seq, ' ' ORDER BY first_seq) FROM cpps_store.batch",
		"1-3 4-5");
	assert_asks("SELECT count(DISTINCT epoch) FROM cpps_store.batch", "2");
}

static void test_a_leader_that_resigns_may_lead_again(void **state)
{
	uint64_t before;

	(void)state;
	lead("resigns");
	before = desk.term.epoch;
	store_resign(desk.store);
	assert_int_equal(desk.lost, 1);
	WAIT_FOR(desk.leading == 2, 5000);
	assert_true(desk.term.epoch > before);
}

static void test_a_leader_that_has_stopped_is_ended_when_its_lease_is_over(void **state)
{
	PGconn *leader;
	uint64_t began;

	(void)state;
	TEXT_SET(conninfo, desk_database("stopped"));
	leader = stopped_leader(conninfo);
	began = desk_now_us();
	desk_open(&desk, conninfo, "one");
	WAIT_FOR(desk.standby, 2000);
	assert_int_equal(desk.leader_count, 2);
	assert_string_equal(desk.leader[0], "ipc://stopped");
	assert_string_equal(desk.leader[1], "tcp://stopped:1");
	WAIT_FOR(desk.leading, 5000);
	assert_true(desk_now_us() - began > 2500000 && desk_now_us() - began < 5000000);
	assert_false(is_alive(leader));
	PQfinish(leader);
}

static void test_a_lease_that_is_renewed_is_respected(void **state)
{
	PGconn *leader;

	(void)state;
	TEXT_SET(conninfo, desk_database("renewed"));
	leader = stopped_leader(conninfo);
	desk_open(&desk, conninfo, "one");
	for (int i = 0; i < 10; i++) {
		PQclear(PQexec(leader, "UPDATE cpps_store.lease SET renewed_at = clock_timestamp()"));
		desk_run(500);
	}
	assert_int_equal(desk.leading, 0);
	assert_true(is_alive(leader));
	PQfinish(leader);
	WAIT_FOR(desk.leading, 5000);
}

/* The number of a process is used again: only together with its start it names a session. */
static void test_a_session_of_the_same_pid_is_not_ended(void **state)
{
	PGconn *leader, *innocent;
	char sql[200];

	(void)state;
	TEXT_SET(conninfo, desk_database("same_pid"));
	leader = stopped_leader(conninfo);
	innocent = locked("SELECT 1");
	(void)snprintf(sql, sizeof(sql), "UPDATE cpps_store.lease SET pid = %d, renewed_at = '2020-01-01'",
		PQbackendPID(innocent));
	cluster_run(conninfo, sql);
	desk_open(&desk, conninfo, "one");
	desk_run(1500);
	assert_true(is_alive(innocent));
	assert_true(is_alive(leader));
	assert_int_equal(desk.leading, 0);
	PQfinish(leader); /* the lock is free: the lease alone keeps nobody out */
	WAIT_FOR(desk.leading, 3000);
	assert_true(is_alive(innocent));
	PQfinish(innocent);
}

/* The service's account, which may do no more than another member of cpps_bridge, ends a session of its own. */
static void test_an_account_without_special_rights_takes_over(void **state)
{
	char account[400];
	PGconn *leader;

	(void)state;
	TEXT_SET(conninfo, desk_database("rights"));
	cluster_account("bridge", "IN ROLE cpps_bridge");
	TEXT_SET(account, cluster_database_as("rights", "bridge"));
	leader = stopped_leader(account);
	cluster_run(conninfo, "UPDATE cpps_store.lease SET renewed_at = '2020-01-01'");
	desk_open(&desk, account, "one");
	WAIT_FOR(desk.leading, 3000);
	assert_int_equal(desk.lost, 0);
	assert_false(is_alive(leader));
	desk_commit_ok(&desk, 1);
	PQfinish(leader);
}

/* ---- Losing the term ---- */

static void test_a_leader_that_cannot_renew_its_lease_ends_its_term(void **state)
{
	PGconn *lock;

	(void)state;
	lead("slow");
	lock = locked("LOCK TABLE cpps_store.lease IN ACCESS EXCLUSIVE MODE");
	WAIT_FOR(desk.lost, 5000);
	assert_says(desk.sentence, "the lease was not renewed within three seconds");
	PQfinish(lock);
	WAIT_FOR(desk.leading == 2, 8000);
}

static void test_a_leader_whose_lease_is_another_s_ends_its_term(void **state)
{
	(void)state;
	lead("taken");
	cluster_run(conninfo, "UPDATE cpps_store.lease SET epoch = epoch + 1");
	WAIT_FOR(desk.lost, 3000);
	assert_says(desk.sentence, "another daemon has taken the term over");
	WAIT_FOR(desk.leading == 2, 5000);
}

static void end_writers(void)
{
	cluster_run(conninfo, "SELECT pg_terminate_backend(a.pid, 2000) FROM pg_stat_activity a JOIN cpps_store.lease "
			      "l ON l.pid = a.pid");
}

static void test_there_is_never_more_than_one_leader(void **state)
{
	uint64_t epoch = 0;

	(void)state;
	lead("never_two");
	desk_open(&second, conninfo, "two");
	for (int i = 0; i < 6; i++) {
		struct desk *leader;

		WAIT_FOR(store_state(desk.store) == STORE_LEADING || store_state(second.store) == STORE_LEADING, 8000);
		assert_false(store_state(desk.store) == STORE_LEADING && store_state(second.store) == STORE_LEADING);
		leader = store_state(desk.store) == STORE_LEADING ? &desk : &second;
		assert_true(leader->term.epoch > epoch);
		epoch = leader->term.epoch;
		desk_commit_ok(leader, 2);
		end_writers();
		WAIT_FOR(store_state(leader->store) != STORE_LEADING, 3000);
	}
	assert_asks("SELECT bool_and(first_seq = before + 1 AND epoch > earlier) FROM (SELECT first_seq, epoch, "
		    "lag(last_seq) OVER w AS "
		    "before, lag(epoch) OVER w AS earlier FROM cpps_store.batch WINDOW w AS (ORDER BY first_seq)) AS b",
		"t");
	assert_asks("SELECT max(last_seq) FROM cpps_store.batch", "12");
}

/* ---- What does not fit ---- */

static void test_a_database_of_another_stream_is_refused(void **state)
{
	(void)state;
	lead("streams");
	desk_close(&desk);
	desk_open_stream(&second, conninfo, "two", "au");
	WAIT_FOR(second.refused, 5000);
	assert_says(second.sentence, "the database belongs to stream nz, not to stream au");
	desk_lead(&desk, conninfo); /* and nothing was taken */
	assert_int_equal(second.leading, 0);
}

static void test_a_schema_of_another_version_is_refused(void **state)
{
	(void)state;
	TEXT_SET(conninfo, desk_database("versions"));
	cluster_run(conninfo, "INSERT INTO cpps_store.migration (version, name) VALUES (99, '099_next.sql')");
	desk_open(&desk, conninfo, "one");
	WAIT_FOR(desk.refused, 5000);
	assert_says(desk.sentence, "99");
	assert_int_equal(desk.leading, 0);
}

static void test_a_database_that_is_away_is_awaited(void **state)
{
	(void)state;
	TEXT_SET(conninfo, cluster_database_as("away", "postgres"));
	desk_open(&desk, conninfo, "one");
	WAIT_FOR(desk.lost, 3000);
	assert_says(desk.sentence, "away");
	desk_run(1500);
	assert_int_equal(desk.lost, 1); /* said once */
	(void)desk_database("away");
	WAIT_FOR(desk.leading, 8000);
	assert_int_equal(desk.refused, 0);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, scene_begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_alone_leads_with_a_lease),
		TEST(the_epoch_is_the_time_but_never_goes_back),
		TEST(a_second_one_stands_by_and_knows_who_leads),
		TEST(a_leader_that_leaves_is_followed_at_once),
		TEST(a_leader_that_resigns_may_lead_again),
		TEST(a_leader_that_has_stopped_is_ended_when_its_lease_is_over),
		TEST(a_lease_that_is_renewed_is_respected),
		TEST(a_session_of_the_same_pid_is_not_ended),
		TEST(an_account_without_special_rights_takes_over),
		TEST(a_leader_that_cannot_renew_its_lease_ends_its_term),
		TEST(a_leader_whose_lease_is_another_s_ends_its_term),
		TEST(there_is_never_more_than_one_leader),
		TEST(a_database_of_another_stream_is_refused),
		TEST(a_schema_of_another_version_is_refused),
		TEST(a_database_that_is_away_is_awaited),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
