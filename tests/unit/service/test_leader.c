/* The pipeline on a real database: what is acknowledged is committed and published, whatever happens to a batch or a term on the way. */
#include "service/leader.h"

#include <time.h>

#include "base/text.h"
#include "service/papers.h"
#include "store/cluster.h"
#include "store/migrate.h"

#define TOLD_MAX 256

static sd_event *loop;

static struct {
	struct config *config;
	char conninfo[400];
	struct store *store;
	struct leader *leader;
	int terms, losses;
	struct {
		char id[64];
		bool dropped; /* no work: a control request's letter at the end of a term */
		struct verdict verdict;
	} told[TOLD_MAX];
	size_t told_count;
	int plans_given_up;
	uint64_t published; /* seq of the last record */
	char pressure[16];  /* + full, - room again */
	struct {
		enum origin origin;
		uint64_t client, seq;
		char sentence[FAULT_MAX];
	} given_back[4];
	size_t given_back_count;
	char logged[1024];
	int lines;
} desk;

/* ---- What the store and the leader tell ---- */

static void leading(void *context, const struct term *term)
{
	(void)context;
	desk.terms++;
	desk.published = term->head;
	leader_begin(desk.leader, term);
}

static void standby(void *context, const char *const *endpoints, size_t n)
{
	(void)context;
	(void)endpoints;
	(void)n;
}

static void lost(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
	desk.losses++;
	leader_end(desk.leader, true);
}

static void refused(void *context, const char *sentence)
{
	(void)context;
	fail_msg("%s", sentence);
}

static void published(void *owner, const struct wire_record *records, size_t n)
{
	(void)owner;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(records[i].seq, ++desk.published);
}

static void decided(void *owner, const struct letter *letter)
{
	size_t i = desk.told_count;

	(void)owner;
	if (letter->origin == ORIGIN_ALARM)
		return;
	if (letter->origin == ORIGIN_PLAN && !letter->work) {
		assert_non_null(strstr(letter->poison.sentence, "plan fewer events at once"));
		desk.plans_given_up++;
		return;
	}
	desk.told_count++;
	assert_true(i < TOLD_MAX);
	desk.told[i].dropped = !letter->work;
	if (!letter->work)
		return;
	if (letter->work->event.id)
		TEXT_SET(desk.told[i].id, letter->work->event.id);
	desk.told[i].verdict = letter->work->verdict;
	/* X5: the records are out before the ack. A plan's are never. */
	if (letter->origin == ORIGIN_SUBMIT)
		assert_true(letter->work->verdict.seq <= desk.published);
}

static void given_back(void *owner, const struct letter *letter)
{
	size_t i = desk.given_back_count++;

	(void)owner;
	assert_true(i < ARRAY_LENGTH(desk.given_back));
	desk.given_back[i].origin = letter->origin;
	desk.given_back[i].client = letter->client;
	desk.given_back[i].seq = letter->position.seq;
	TEXT_SET(desk.given_back[i].sentence, letter->poison.sentence);
}

static void pressure(void *owner, bool full)
{
	(void)owner;
	(void)strncat(desk.pressure, full ? "+" : "-", sizeof(desk.pressure) - strlen(desk.pressure) - 1);
}

static void note(void *owner, int priority, const char *sentence)
{
	(void)owner;
	(void)priority;
	TEXT_SET(desk.logged, sentence);
	desk.lines++;
}

static void synchronous(void *owner, enum store_synchronous now)
{
	(void)owner;
	(void)now;
}

/* ---- The scene ---- */

static int start(void **state)
{
	static char now[32];
	time_t seconds = time(NULL);
	struct tm tm;
	struct fault fault = { 0 };

	(void)strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	papers_time = now;
	if (sd_event_new(&loop) < 0 || cluster_start(state) < 0)
		return -1;
	return migrate(cluster_database("migrated", ""), NULL, NULL, &fault);
}

static int end(void **state)
{
	loop = sd_event_unref(loop);
	return cluster_stop(state);
}

static void turn(void)
{
	assert_true(sd_event_run(loop, 20000) >= 0);
}

#define WAIT_FOR(condition)                                             \
	do {                                                            \
		time_t until_ = time(NULL) + 30;                        \
		while (!(condition)) {                                  \
			if (time(NULL) > until_)                        \
				fail_msg("never came: %s", #condition); \
			turn();                                         \
		}                                                       \
	} while (0)

static int open_desk(void **state)
{
	const struct store_callbacks callbacks = { &desk, leading, standby, lost, refused, synchronous };
	const struct leader_handlers handlers = { &desk, published, decided, given_back, pressure, note };
	static const char *const endpoints[] = { "ipc:///nowhere/log", NULL };
	static int number;
	struct store_options options = { .stream = "nz",
		.log_endpoints = endpoints,
		.log_endpoint_count = 1,
		.quarantine_quota_bytes = 1024 * 1024 };
	char name[32];

	(void)state;
	memset(&desk, 0, sizeof(desk));
	(void)snprintf(name, sizeof(name), "desk%d", ++number);
	TEXT_SET(desk.conninfo, cluster_database(name, "TEMPLATE migrated"));
	options.conninfo = desk.conninfo;
	desk.config = papers_config();
	assert_int_equal(store_new(loop, &options, &callbacks, &desk.store), 0);
	assert_int_equal(leader_new(loop, desk.config, desk.store, &handlers, &desk.leader), 0);
	store_start(desk.store);
	WAIT_FOR(desk.terms == 1);
	return 0;
}

static int close_desk(void **state)
{
	(void)state;
	desk.store = store_free(desk.store);
	desk.leader = leader_free(desk.leader);
	return 0;
}

static void post_imposed(int number)
{
	char id[32], ref[32], prn[32];

	(void)snprintf(id, sizeof(id), "e%d", number);
	(void)snprintf(ref, sizeof(ref), "O/%d", number);
	(void)snprintf(prn, sizeof(prn), "P%d", number);
	leader_post(desk.leader, papers_imposed(id, ref, prn, "NELSON"));
}

static const char *ask(const char *sql)
{
	return cluster_ask(desk.conninfo, sql);
}

static size_t told_with(enum disposition disposition)
{
	size_t n = 0;

	for (size_t i = 0; i < desk.told_count; i++)
		n += desk.told[i].verdict.disposition == disposition;
	return n;
}

/* The log in the database is what was published, without a gap. */
static void assert_log_is_whole(void)
{
	char expected[64];

	(void)snprintf(expected, sizeof(expected), "%llu %llu", (unsigned long long)desk.published,
		(unsigned long long)desk.published);
	assert_string_equal(ask("SELECT count(*) || ' ' || coalesce(max(seq), 0) FROM cpps.event"), expected);
	assert_int_equal(leader_head(desk.leader), desk.published);
}

/* ---- Batches ---- */

static void test_x5_a_letter_is_told_once_it_has_committed(void **state)
{
	(void)state;
	post_imposed(1);
	assert_false(leader_idle(desk.leader));
	WAIT_FOR(desk.told_count == 1);
	assert_string_equal(desk.told[0].id, "e1");
	assert_int_equal(desk.told[0].verdict.disposition, DISPOSITION_ACCEPTED);
	assert_int_equal(desk.told[0].verdict.seq, desk.published);
	assert_true(leader_idle(desk.leader));
	assert_string_equal(ask("SELECT state FROM cpps.request WHERE order_ref = 'O/1'"), "OPEN");
	assert_log_is_whole();
}

static void test_what_arrives_together_is_one_transaction_up_to_the_limit(void **state)
{
	struct leader_counts counts;

	(void)state;
	desk.config->limits.batch = 40;
	for (int i = 0; i < 100; i++)
		post_imposed(i);
	WAIT_FOR(desk.told_count == 100);
	leader_counts(desk.leader, &counts);
	assert_int_equal(counts.largest_batch, 40);
	assert_int_equal(counts.batches, 3);
	assert_int_equal(counts.events[DISPOSITION_ACCEPTED], 100);
	assert_int_equal(counts.records, desk.published);
	assert_int_equal(counts.waiting + counts.waiting_bytes, 0);
	for (int i = 0; i < 100; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "e%d", i);
		assert_string_equal(desk.told[i].id, id);
	}
	assert_log_is_whole();
}

static void test_the_culprit_of_a_poisoned_batch_is_set_aside_and_nobody_else(void **state)
{
	struct leader_counts counts;

	(void)state;
	cluster_run(desk.conninfo, "ALTER TABLE cpps_store.request ADD CHECK (order_ref <> 'O/7')");
	for (int i = 0; i < 60; i++)
		post_imposed(i);
	WAIT_FOR(desk.told_count == 60);
	assert_int_equal(told_with(DISPOSITION_ACCEPTED), 59);
	assert_int_equal(told_with(DISPOSITION_QUARANTINED), 1);
	for (size_t i = 0; i < desk.told_count; i++)
		if (desk.told[i].verdict.disposition == DISPOSITION_QUARANTINED) {
			assert_string_equal(desk.told[i].id, "e7");
			assert_int_equal(desk.told[i].verdict.reason, REASON_POISON);
			assert_non_null(
				strstr(desk.told[i].verdict.sentence, "PostgreSQL refused the event's effect: "));
		}
	leader_counts(desk.leader, &counts);
	assert_int_equal(counts.poison, 1);
	assert_string_equal(ask("SELECT count(*) FROM cpps.request"), "59");
	assert_log_is_whole();
	post_imposed(100);
	WAIT_FOR(desk.told_count == 61);
	assert_int_equal(desk.terms, 1);
}

static void test_x1_a_culprit_whose_words_cannot_be_written_either_is_set_aside_as_bytes(void **state)
{
	(void)state;
	cluster_run(desk.conninfo, "ALTER TABLE cpps_store.request ADD CHECK (order_ref <> 'O/7'); "
				   "ALTER TABLE cpps_store.quarantined ADD CHECK (order_ref IS DISTINCT FROM 'O/7')");
	for (int i = 0; i < 20; i++)
		post_imposed(i);
	WAIT_FOR(desk.told_count == 20);
	assert_int_equal(told_with(DISPOSITION_ACCEPTED), 19);
	assert_int_equal(told_with(DISPOSITION_QUARANTINED), 1);
	assert_string_equal(ask("SELECT e.reason || ' ' || (q.raw IS NOT NULL) FROM cpps.quarantined_event e JOIN "
				"cpps_store.quarantined q USING (number)"),
		"POISON true");
	assert_int_equal(desk.terms, 1);
	assert_log_is_whole();
}

static void post_from(uint64_t client, const char *id, const char *order_ref)
{
	struct letter *letter = papers_imposed(id, order_ref, order_ref, "NELSON");

	letter->client = client;
	leader_post(desk.leader, letter);
}

static struct letter *positioned(struct letter *letter, size_t source, uint64_t seq)
{
	letter->origin = ORIGIN_STREAM;
	letter->source = source;
	letter->positioned = true;
	letter->position.epoch = 100;
	letter->position.seq = seq;
	TEXT_SET(letter->position.source, desk.config->sources[source].name);
	TEXT_SET(letter->position.stream, "its-1");
	return letter;
}

static void post_record(size_t source, uint64_t seq, const char *order_ref)
{
	leader_post(desk.leader, positioned(papers_imposed(order_ref, order_ref, order_ref, "NELSON"), source, seq));
}

#define NOTHING_SET_ASIDE                                                                     \
	"ALTER TABLE cpps_store.request ADD CHECK (order_ref NOT IN ('O/7', 'S/3', 'B/1')); " \
	"ALTER TABLE cpps_store.quarantined ADD CONSTRAINT none CHECK (false)"

static void test_x1_an_event_that_cannot_be_set_aside_goes_back_with_what_its_sender_sent_behind_it(void **state)
{
	struct leader_counts counts;

	(void)state;
	cluster_run(desk.conninfo, NOTHING_SET_ASIDE);
	post_from(1, "a", "O/1");
	post_from(1, "b", "O/7");
	post_from(2, "c", "O/2");
	post_from(1, "d", "O/3");
	post_from(2, "e", "O/4");
	WAIT_FOR(leader_idle(desk.leader));
	assert_int_equal(desk.given_back_count, 1);
	assert_int_equal(desk.given_back[0].origin, ORIGIN_SUBMIT);
	assert_int_equal(desk.given_back[0].client, 1);
	assert_non_null(strstr(desk.given_back[0].sentence, "violates check constraint \"none\""));
	assert_int_equal(desk.told_count, 3);
	assert_string_equal(desk.told[0].id, "a");
	assert_string_equal(desk.told[1].id, "c");
	assert_string_equal(desk.told[2].id, "e");
	assert_string_equal(
		ask("SELECT string_agg(order_ref, ' ' ORDER BY order_ref) FROM cpps.request"), "O/1 O/2 O/4");
	leader_counts(desk.leader, &counts);
	assert_int_equal(counts.given_back, 1);
	assert_int_equal(counts.waiting + counts.waiting_bytes, 0);
	assert_int_equal(desk.terms, 1);
	assert_log_is_whole();
}

static void test_x1_a_stream_stands_before_the_record_that_cannot_be_set_aside(void **state)
{
	char log[] = "ipc:///nowhere/court";

	(void)state;
	cluster_run(desk.conninfo, NOTHING_SET_ASIDE);
	desk.config->sources[COURT].log = (struct config_endpoints){ .n = 1, .list = { log } };
	for (uint64_t seq = 1; seq <= 5; seq++) {
		char ref[8];

		(void)snprintf(ref, sizeof(ref), "S/%d", (int)seq);
		post_record(COURT, seq, ref);
	}
	post_from(1, "other", "O/1");
	WAIT_FOR(leader_idle(desk.leader));
	desk.config->sources[COURT].log.n = 0;
	assert_int_equal(desk.given_back_count, 1);
	assert_int_equal(desk.given_back[0].origin, ORIGIN_STREAM);
	assert_int_equal(desk.given_back[0].seq, 3);
	assert_string_equal(
		ask("SELECT string_agg(order_ref, ' ' ORDER BY order_ref) FROM cpps.request"), "O/1 S/1 S/2");
	assert_string_equal(ask("SELECT seq FROM cpps.source_position"), "2");
}

static void test_x1_of_a_stream_without_a_log_only_the_record_that_cannot_be_set_aside_is_lost(void **state)
{
	(void)state;
	cluster_run(desk.conninfo, NOTHING_SET_ASIDE);
	post_record(COURT, 1, "B/1");
	post_record(COURT, 2, "B/2");
	WAIT_FOR(leader_idle(desk.leader));
	assert_int_equal(desk.given_back_count, 1);
	assert_int_equal(desk.given_back[0].seq, 1);
	assert_string_equal(ask("SELECT order_ref FROM cpps.request"), "B/2");
}

static void test_a_poisoned_batch_with_others_on_the_way_keeps_their_order(void **state)
{
	(void)state;
	cluster_run(desk.conninfo, "ALTER TABLE cpps_store.request ADD CHECK (order_ref <> 'O/7')");
	desk.config->limits.batch = 10;
	for (int i = 0; i < 50; i++) {
		post_imposed(i);
		leader_post(desk.leader, papers_document("d", "O/1")); /* one id: all but the first are duplicates */
	}
	WAIT_FOR(desk.told_count == 100);
	for (int i = 0; i < 50; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "e%d", i);
		assert_string_equal(desk.told[2 * i].id, id);
	}
	assert_int_equal(told_with(DISPOSITION_QUARANTINED), 1);
	assert_log_is_whole();
}

/* ---- Terms ---- */

static void test_a_lost_term_answers_every_letter_once_all_the_same(void **state)
{
	(void)state;
	desk.config->limits.batch = 7;
	for (int i = 0; i < 100; i++)
		post_imposed(i);
	WAIT_FOR(desk.told_count > 10);
	cluster_run(desk.conninfo,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
		"pg_backend_pid()");
	WAIT_FOR(desk.told_count == 100);
	assert_true(desk.losses >= 1);
	assert_true(desk.terms >= 2);
	/* A commit whose answer was lost is settled by the next term: then its letters are duplicates of themselves. */
	assert_int_equal(told_with(DISPOSITION_ACCEPTED) + told_with(DISPOSITION_DUPLICATE), 100);
	assert_string_equal(ask("SELECT count(*) FROM cpps.request"), "100");
	assert_string_equal(ask("SELECT count(*) FROM cpps.disposition WHERE disposition = 'ACCEPTED'"), "100");
	assert_string_equal(ask("SELECT max(seq) - count(*) FROM cpps.event"), "0");
}

static void test_the_end_of_a_term_keeps_what_nobody_would_send_again(void **state)
{
	char log[] = "ipc:///nowhere/court";
	const struct source_position stored = { .source = "prison", .stream = "its-1", .epoch = 100, .seq = 8 };
	const struct term term = { .epoch = 7, .positions = &stored, .position_count = 1 };
	struct errand *errand = errand_new(1, CONTROL_CLOCK, 1);
	struct letter *clock = papers_letter(ORIGIN_CLOCK, "");
	struct leader_counts counts;

	(void)state;
	clock->errand = errand;
	desk.config->sources[COURT].log = (struct config_endpoints){ .n = 1, .list = { log } };
	leader_end(desk.leader, true);
	post_imposed(1);
	leader_post(desk.leader, positioned(papers_imposed("e2", "O/2", "P2", "NELSON"), COURT, 7));
	leader_post(desk.leader, positioned(papers_document("e3", "O/1"), PRISON, 8));
	leader_post(desk.leader, positioned(papers_document("e4", "O/1"), PRISON, 9));
	leader_post(desk.leader, clock);
	leader_end(desk.leader, true);
	desk.config->sources[COURT].log.n = 0;
	leader_counts(desk.leader, &counts);
	assert_int_equal(counts.waiting, 3); /* the submitted one, and those of the stream without a log */
	assert_null(leader_last(desk.leader, COURT));
	assert_int_equal(leader_last(desk.leader, PRISON)->seq, 9);
	assert_int_equal(desk.told_count, 1); /* the control request is told that it was dropped */
	assert_true(desk.told[0].dropped);
	assert_int_equal(leader_epoch(desk.leader), 0);
	leader_begin(desk.leader, &term); /* the one before was decided in the last commit */
	leader_counts(desk.leader, &counts);
	assert_int_equal(counts.waiting, 2);
	assert_int_equal(leader_last(desk.leader, PRISON)->seq, 9);
	leader_end(desk.leader, false); /* another daemon leads: its submitters ask there */
	assert_true(leader_idle(desk.leader));
	assert_int_equal(desk.told_count, 1);
	errand_free(errand);
}

/* A document of some 60,000 bytes for an order that never comes. */
static void post_large_document(int number)
{
	static char pad[60001], text[62000];

	memset(pad, 'x', sizeof(pad) - 1);
	(void)snprintf(text, sizeof(text),
		"{\"specversion\":\"1.0\",\"id\":\"d%d\",\"source\":\"urn:prison\",\"pad\":\"%s\","
		"\"type\":\"nz.govt.corrections.ioms.document.received\",\"time\":\"%s\","
		"\"data\":{\"orderRef\":\"NEVER\",\"document\":\"SENTENCE_ORDER\","
		"\"receivedOn\":\"2026-11-25\",\"receivedAt\":\"WELLINGTON\"}}",
		number, pad, papers_time);
	leader_post(desk.leader, papers_letter(ORIGIN_SUBMIT, text));
}

/* Each event about the order has all of them looked at: without a limit, a term would end for want of memory, and the next one as well. */
static void test_x3_a_flood_about_an_order_that_never_comes_holds_up_nobody(void **state)
{
	char expected[32];

	(void)state;
	for (int i = 0; i < PARKED_MAX + 50; i++)
		post_large_document(i);
	post_imposed(1);
	WAIT_FOR(desk.told_count == PARKED_MAX + 51);
	assert_int_equal(desk.losses, 0);
	assert_int_equal(told_with(DISPOSITION_QUARANTINED), 50);
	assert_int_equal(told_with(DISPOSITION_ACCEPTED), 1);
	(void)snprintf(expected, sizeof(expected), "%d", PARKED_MAX);
	assert_string_equal(ask("SELECT count(*) FROM cpps.parked_event"), expected);
	assert_log_is_whole();
}

/* Its bytes cannot be retried, for they were not kept: so they are decided again when they are sent again. */
static void test_x4_what_the_quota_did_not_keep_is_decided_when_it_comes_again(void **state)
{
	const char *name = desk.config->sources[PRISON].source;
	char renamed[] = "urn:other";
	uint64_t published;

	(void)state;
	desk.config->sources[PRISON].source = renamed;
	for (int i = 0; i < 20; i++)
		post_large_document(i);
	WAIT_FOR(desk.told_count == 20);
	assert_string_equal(ask("SELECT count(*) FILTER (WHERE raw_kept) FROM cpps.quarantined_event"), "17");
	published = desk.published;
	post_large_document(0);
	post_large_document(19);
	WAIT_FOR(desk.told_count == 22);
	for (size_t i = 20; i < 22; i++) {
		assert_int_equal(desk.told[i].verdict.disposition, DISPOSITION_QUARANTINED);
		assert_int_equal(desk.told[i].verdict.reason, REASON_UNKNOWN_SOURCE);
		assert_int_equal(desk.told[i].verdict.seq, i == 20 ? 1 : 20);
	}
	assert_int_equal(desk.published, published); /* X2 */
	desk.config->sources[PRISON].source = (char *)name;
	post_large_document(0);
	post_large_document(19);
	WAIT_FOR(desk.told_count == 24);
	assert_int_equal(desk.told[22].verdict.disposition, DISPOSITION_QUARANTINED); /* this one can be retried */
	assert_int_equal(desk.told[23].verdict.disposition, DISPOSITION_PARKED);
	assert_string_equal(ask("SELECT state FROM cpps.quarantined_event WHERE id = 'd19'"), "RETRIED");
}

/* ---- Pressure ---- */

static void test_pressure_is_told_once_and_again_when_half_has_gone(void **state)
{
	(void)state;
	desk.config->limits.queue = 20;
	for (int i = 0; i < 19; i++)
		post_imposed(i);
	assert_string_equal(desk.pressure, "");
	post_imposed(19);
	post_imposed(20);
	assert_string_equal(desk.pressure, "+");
	WAIT_FOR(desk.told_count == 21);
	assert_string_equal(desk.pressure, "+-");
}

static void test_pressure_counts_bytes_too(void **state)
{
	static char large[60000];
	int n = 0;

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	while (!*desk.pressure && n < 1000) {
		leader_post(desk.leader, papers_letter(ORIGIN_SUBMIT, large));
		n++;
	}
	assert_string_equal(desk.pressure, "+");
	assert_in_range(n, 250, 290); /* 16 MiB */
	leader_end(desk.leader, false);
	assert_string_equal(desk.pressure, "+-");
}

/* ---- Plans, the clock ---- */

static void test_a_plan_is_decided_alone_and_changes_nothing(void **state)
{
	struct errand *errand = errand_new(1, CONTROL_PLAN, 2);

	(void)state;
	post_imposed(1);
	for (size_t i = 0; i < 2; i++) {
		struct letter *letter = papers_imposed(i ? "p2" : "p1", i ? "O/12" : "O/1", "P1", "NELSON");

		letter->origin = ORIGIN_PLAN;
		letter->errand = errand;
		letter->place = i;
		leader_post(desk.leader, letter);
	}
	post_imposed(12);
	WAIT_FOR(desk.told_count == 4);
	/* R10: planned after e1, the same order again has no effect; O/12 was not there yet. */
	assert_string_equal(errand->results[0].records, "[]");
	assert_non_null(strstr(errand->results[1].records, "allocation.requested"));
	assert_string_equal(desk.told[3].id, "e12");
	assert_int_equal(desk.told[3].verdict.disposition, DISPOSITION_ACCEPTED);
	assert_string_equal(ask("SELECT count(*) FROM cpps.request"), "2");
	assert_string_equal(ask("SELECT count(*) FROM cpps.disposition"), "2");
	assert_log_is_whole();
	errand_free(errand);
}

static void advance(int64_t us)
{
	struct errand *errand = errand_new(1, CONTROL_CLOCK, 1);
	struct letter *letter = papers_letter(ORIGIN_CLOCK, "");
	int64_t ahead = leader_clock(desk.leader)->ahead_us + us;

	errand->clock_by_us = us;
	letter->errand = errand;
	leader_post(desk.leader, letter);
	WAIT_FOR(leader_clock(desk.leader)->ahead_us == ahead);
	errand_free(errand);
}

static void test_a_plan_that_outgrows_its_memory_is_given_up_whole(void **state)
{
	enum { EVENTS = 10000 };
	struct errand *errand = errand_new(1, CONTROL_PLAN, EVENTS);

	(void)state;
	for (int i = 0; i < EVENTS; i++) {
		char name[32];
		struct letter *letter;

		(void)snprintf(name, sizeof(name), "e%d", i);
		letter = papers_imposed(name, name, name, "NELSON");
		letter->origin = ORIGIN_PLAN;
		letter->errand = errand;
		letter->place = (size_t)i;
		leader_post(desk.leader, letter);
	}
	WAIT_FOR(desk.plans_given_up == EVENTS);
	post_imposed(1);
	WAIT_FOR(desk.told_count == 1);
	assert_int_equal(desk.told[0].verdict.disposition, DISPOSITION_ACCEPTED);
	assert_string_equal(ask("SELECT count(*) FROM cpps.request"), "1");
	errand_free(errand);
}

static void test_the_clock_moves_with_its_commit_and_brings_what_is_due(void **state)
{
	struct errand *errand = errand_new(1, CONTROL_CLOCK, 1);
	struct letter *letter = papers_letter(ORIGIN_CLOCK, "");

	(void)state;
	post_imposed(1);
	WAIT_FOR(desk.told_count == 1);
	errand->clock_by_us = 21 * US_PER_DAY;
	letter->errand = errand;
	leader_post(desk.leader, letter);
	assert_int_equal(leader_clock(desk.leader)->ahead_us, 0);
	WAIT_FOR(strcmp(ask("SELECT count(*) FROM cpps.event WHERE name = 'allocation.overdue'"), "3") == 0);
	assert_int_equal(leader_clock(desk.leader)->ahead_us, 21 * US_PER_DAY);
	WAIT_FOR(leader_idle(desk.leader));
	assert_log_is_whole();
	errand_free(errand);
}

/* ---- Alarms that PostgreSQL refuses ---- */

#define LEVELS_OF(which) "SELECT count(*) FROM cpps.event WHERE name = 'allocation.overdue' AND ref " which

static uint64_t alarms_tried(void)
{
	struct leader_counts counts;

	leader_counts(desk.leader, &counts);
	return counts.alarms;
}

static uint64_t alarms_refused(void)
{
	struct leader_counts counts;

	leader_counts(desk.leader, &counts);
	return counts.refused_alarms;
}

static uint64_t poison(void)
{
	struct leader_counts counts;

	leader_counts(desk.leader, &counts);
	return counts.poison;
}

static void refuse_order_7(void)
{
	cluster_run(desk.conninfo,
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.order_ref = 'O/7' THEN "
		"RAISE EXCEPTION 'not this one' USING ERRCODE = '23514'; END IF; RETURN new; END $$; "
		"CREATE TRIGGER refuse BEFORE UPDATE ON cpps_store.request FOR EACH ROW EXECUTE FUNCTION refuse()");
}

static void test_x8_an_alarm_that_postgresql_refuses_holds_up_no_other(void **state)
{
	(void)state;
	refuse_order_7();
	for (int i = 0; i < 20; i++)
		post_imposed(i);
	WAIT_FOR(desk.told_count == 20);
	advance(21 * US_PER_DAY);
	WAIT_FOR(strcmp(ask(LEVELS_OF("<> 'O/7'")), "57") == 0);
	WAIT_FOR(desk.lines == 1);
	assert_non_null(strstr(desk.logged, "the alarm of order O/7 is not written, other work goes on: PostgreSQL"));
	assert_non_null(
		strstr(desk.logged, "not this one (SQLSTATE 23514); mend the row or the constraint, then reload"));
	assert_string_equal(ask(LEVELS_OF("= 'O/7'")), "0");
	assert_int_equal(desk.terms, 1);
	WAIT_FOR(leader_idle(desk.leader));
	assert_log_is_whole();
}

static void test_a_refused_alarm_is_tried_and_logged_once_an_hour(void **state)
{
	uint64_t tried;

	(void)state;
	refuse_order_7();
	post_imposed(7);
	advance(21 * US_PER_DAY);
	WAIT_FOR(desk.lines == 1);
	assert_int_equal(alarms_refused(), 1);
	tried = alarms_tried();
	for (time_t until = time(NULL) + 3; time(NULL) < until;) /* looks come each second */
		turn();
	assert_int_equal(alarms_tried(), tried);
	assert_int_equal(desk.lines, 1);
	advance(US_PER_HOUR);
	WAIT_FOR(desk.lines == 2);
	assert_int_equal(alarms_tried(), tried + 1);
}

static void test_a_refused_alarm_comes_after_a_reload_once_it_is_mended(void **state)
{
	(void)state;
	refuse_order_7();
	post_imposed(7);
	advance(21 * US_PER_DAY);
	WAIT_FOR(desk.lines == 1);
	cluster_run(desk.conninfo, "DROP TRIGGER refuse ON cpps_store.request");
	leader_set_policy(desk.leader, leader_policy(desk.leader));
	WAIT_FOR(strcmp(ask(LEVELS_OF("= 'O/7'")), "3") == 0);
	WAIT_FOR(leader_idle(desk.leader));
	assert_int_equal(alarms_refused(), 0);
	assert_int_equal(desk.lines, 1);
	assert_log_is_whole();
}

static void test_many_refused_alarms_neither_flood_the_log_nor_fill_the_looks(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) /* so many that with the first look's 500 there would be no room for others */
		post_imposed(i);
	WAIT_FOR(desk.told_count == 200);
	cluster_run(desk.conninfo,
		"INSERT INTO cpps_store.request SELECT (jsonb_populate_record(r, jsonb_build_object('order_ref', 'X/' "
		"|| n, 'prn', 'X' || n, 'filed_prn', 'X' || n))).* "
		"FROM cpps_store.request r, generate_series(1, 400) n WHERE r.order_ref = 'O/1'; "
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.order_ref <> 'O/199' AND "
		"new.next_alarm IS DISTINCT FROM old.next_alarm THEN "
		"RAISE EXCEPTION 'not these' USING ERRCODE = '23514'; END IF; RETURN new; END $$; "
		"CREATE TRIGGER refuse BEFORE UPDATE ON cpps_store.request FOR EACH ROW EXECUTE FUNCTION refuse()");
	advance(21 * US_PER_DAY);
	for (uint64_t n = 100; n < 600; n += 100)
		WAIT_FOR(poison() > n);
	WAIT_FOR(alarms_tried() >= 600 && leader_idle(desk.leader));
	assert_string_equal(ask(LEVELS_OF("= 'O/199'")), "3");
	assert_int_equal(desk.lines, 21);
	assert_non_null(strstr(desk.logged, "refuses the alarms of more than 20 rows"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define DESK(test) cmocka_unit_test_setup_teardown(test, open_desk, close_desk)
		DESK(test_x5_a_letter_is_told_once_it_has_committed),
		DESK(test_what_arrives_together_is_one_transaction_up_to_the_limit),
		DESK(test_the_culprit_of_a_poisoned_batch_is_set_aside_and_nobody_else),
		DESK(test_x1_a_culprit_whose_words_cannot_be_written_either_is_set_aside_as_bytes),
		DESK(test_x1_an_event_that_cannot_be_set_aside_goes_back_with_what_its_sender_sent_behind_it),
		DESK(test_x1_a_stream_stands_before_the_record_that_cannot_be_set_aside),
		DESK(test_x1_of_a_stream_without_a_log_only_the_record_that_cannot_be_set_aside_is_lost),
		DESK(test_a_poisoned_batch_with_others_on_the_way_keeps_their_order),
		DESK(test_x4_what_the_quota_did_not_keep_is_decided_when_it_comes_again),
		DESK(test_x3_a_flood_about_an_order_that_never_comes_holds_up_nobody),
		DESK(test_a_lost_term_answers_every_letter_once_all_the_same),
		DESK(test_the_end_of_a_term_keeps_what_nobody_would_send_again),
		DESK(test_pressure_is_told_once_and_again_when_half_has_gone),
		DESK(test_pressure_counts_bytes_too),
		DESK(test_a_plan_is_decided_alone_and_changes_nothing),
		DESK(test_a_plan_that_outgrows_its_memory_is_given_up_whole),
		DESK(test_the_clock_moves_with_its_commit_and_brings_what_is_due),
		DESK(test_x8_an_alarm_that_postgresql_refuses_holds_up_no_other),
		DESK(test_a_refused_alarm_is_tried_and_logged_once_an_hour),
		DESK(test_a_refused_alarm_comes_after_a_reload_once_it_is_mended),
		DESK(test_many_refused_alarms_neither_flood_the_log_nor_fill_the_looks),
	};

	return cmocka_run_group_tests(tests, start, end);
}
