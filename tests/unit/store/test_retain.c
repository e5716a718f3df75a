/* What need not be kept is deleted: from the old end of the log, never a hole; never a claim whose event could come again. */
#include "store/scene.h"

#define DAY (86400 * US_PER_SECOND)

static uint64_t first;
static bool more, came;

static void retained(void *context, enum store_result result, uint64_t now_first, bool now_more)
{
	(void)context;
	assert_int_equal(result, STORE_OK);
	first = now_first;
	more = now_more;
	came = true;
}

/* All slices, as of so many days after the records' moment, kept for 90 days, at most 180, claims 400. How many slices. */
static int retain(int days)
{
	const struct store_retention what = { instant_plus(moment(0), days * DAY), 90, 180, 400 };
	int slices = 0;

	do {
		came = false;
		assert_int_equal(store_retain(desk.store, &what, retained, NULL), 0);
		WAIT_FOR(came, 5000);
		slices++;
	} while (more);
	return slices;
}

static const char kept[] =
	"SELECT string_agg(first_seq || '-' || last_seq, ' ' ORDER BY first_seq) FROM cpps_store.batch";

/* Batches 1-10, 11-20 ... of one moment. */
static void commit_batches(int n)
{
	for (int i = 0; i < n; i++)
		desk_commit_ok(&desk, 10);
}

static void consumer(const char *name, int confirmed)
{
	char sql[200];

	(void)snprintf(sql, sizeof(sql),
		"INSERT INTO cpps_store.consumer_position (name, confirmed) VALUES ('%s', %d) ON CONFLICT (name) DO "
		"UPDATE SET "
		"confirmed = excluded.confirmed",
		name, confirmed);
	cluster_run(conninfo, sql);
}

static void test_the_log_is_kept_for_its_days(void **state)
{
	(void)state;
	lead("days");
	commit_batches(3);
	cluster_run(conninfo,
		"UPDATE cpps_store.batch SET recorded_at = recorded_at + interval '5 days' WHERE first_seq > 10");
	retain(90);
	assert_int_equal(first, 1);
	retain(91);
	assert_int_equal(first, 11);
	assert_asks(kept, "11-20 21-30");
}

/* The next record has to follow it. */
static void test_the_newest_batch_stays(void **state)
{
	(void)state;
	lead("newest");
	commit_batches(3);
	retain(5000);
	assert_int_equal(first, 21);
	assert_asks(kept, "21-30");
	desk_commit_ok(&desk, 1);
	assert_asks(kept, "21-30 31-31");
	desk_close(&desk);
	desk_lead(&desk, conninfo);
	assert_int_equal(desk.term.first, 21);
	assert_int_equal(desk.term.head, 31);
}

static void test_an_empty_log_begins_at_one(void **state)
{
	(void)state;
	lead("none");
	retain(5000);
	assert_int_equal(first, 1);
}

static void test_the_slowest_consumer_holds_the_log_up_to_the_cap(void **state)
{
	(void)state;
	lead("consumers");
	commit_batches(5);
	consumer("quick", 50);
	consumer("slow", 25);
	retain(100);
	assert_asks(kept, "21-30 31-40 41-50"); /* what it is in the middle of stays whole */
	consumer("slow", 30);
	retain(180);
	assert_asks(kept, "31-40 41-50");
	retain(181);
	assert_asks(kept, "41-50");
}

static void test_goes_in_slices(void **state)
{
	(void)state;
	lead("slices");
	desk_commit_ok(&desk, 1);
	cluster_run(conninfo, "INSERT INTO cpps_store.batch SELECT n, n, b.epoch, b.recorded_at, '{t}', '{NULL}', "
			      "'{NULL}', '{NULL}', '{0}', '' "
			      "FROM cpps_store.batch b, generate_series(2, 1000) AS n");
	assert_int_equal(retain(91), 5);
	assert_asks(kept, "1000-1000");
}

static void insert_claim(const char *id, int decided_days_ago, int time_days_ago, int disposition)
{
	char sql[400];

	(void)snprintf(sql, sizeof(sql),
		"INSERT INTO cpps_store.claim (source, id, content, type, disposition, seq, time, decided_at, by_role) "
		"SELECT 's', '%s', "
		"'', 1, %d, 1, t - interval '%d days', t - interval '%d days', 0 FROM (SELECT '2026-03-01 "
		"10:20:30.000456Z'::timestamptz "
		"AS t) AS m",
		id, disposition, time_days_ago, decided_days_ago);
	cluster_run(conninfo, sql);
}

static void test_claims_are_kept_while_their_event_could_come_again(void **state)
{
	(void)state;
	lead("claims");
	insert_claim("old", 401, 401, 1);
	insert_claim("young", 399, 399, 1);
	insert_claim("of an event of later", 401, 399, 1); /* which would not be too old */
	insert_claim("late", 399, 401, 1);
	insert_claim("parked", 401, 401, 2);
	retain(0);
	assert_asks("SELECT string_agg(id, ', ' ORDER BY id) FROM cpps_store.claim",
		"late, of an event of later, parked, young");
}

static void test_quarantined_events_go_when_they_are_closed_so_long(void **state)
{
	static const struct {
		int days;
		bool closed;
	} rows[] = { { 401, true }, { 401, false }, { 399, true },
		{ 401, true } /* the newest: numbers go on from it */ };

	(void)state;
	lead("quarantined");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char sql[500];

		(void)snprintf(sql, sizeof(sql),
			"INSERT INTO cpps_store.quarantined (number, type, kind, reason, sentence, raw_hash, raw_size, "
			"state, "
			"quarantined_at, closed_at, seq) SELECT %zu, 0, 1, 1, '', '', 0, %d, t, %s, 1 FROM (SELECT "
			"'2026-03-01 "
			"10:20:30Z'::timestamptz - interval '%d days' AS t) AS m",
			i + 1, rows[i].closed ? 3 : 1, rows[i].closed ? "t" : "NULL", rows[i].days);
		cluster_run(conninfo, sql);
	}
	retain(0);
	assert_asks("SELECT string_agg(number::text, ', ' ORDER BY number) FROM cpps_store.quarantined", "2, 3, 4");
}

static void test_only_the_leader_of_the_term_deletes(void **state)
{
	(void)state;
	lead("term");
	commit_batches(2);
	cluster_account("keeper", "IN ROLE cpps_bridge");
	TEXT_SET(conninfo, cluster_database_as("term", "keeper"));
	assert_asks("SELECT first FROM cpps_store.retain('nz', 1, now(), 90, 180, 400, 100)", "!CP001");
	assert_asks("DELETE FROM cpps_store.batch", "!42501");
	assert_asks("SELECT r.first FROM cpps_store.term t, cpps_store.retain('nz', t.epoch, '2100-01-01', 90, 180, "
		    "400, 100) AS r",
		"11");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_is_kept_for_its_days),
		TEST(the_newest_batch_stays),
		TEST(an_empty_log_begins_at_one),
		TEST(the_slowest_consumer_holds_the_log_up_to_the_cap),
		TEST(goes_in_slices),
		TEST(claims_are_kept_while_their_event_could_come_again),
		TEST(quarantined_events_go_when_they_are_closed_so_long),
		TEST(only_the_leader_of_the_term_deletes),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
