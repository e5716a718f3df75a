/* The intake of a source stream (the stream protocol) over real sockets: every record once and in order,
 * whatever is lost on the way; and a word when it cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow/follower.h"
#include "flow/source.h"

#define TOPIC      "task.opened/NELSON"
#define STREAM     "court-1"
#define HEARD_MAX  20000
#define ALARMS_MAX 16

struct scene {
	struct bench bench;
	struct source source;
	struct follower *follower;
	struct {
		uint64_t epoch, seq, head;
		bool positioned;
		char text[32];
	} heard[HEARD_MAX];
	size_t n;
	char alarms[ALARMS_MAX][FAULT_MAX];
	size_t alarm_count;
	size_t stop_at, pause_at; /* the handler stops or pauses the follower at so many events */
};

static void on_event(void *owner, size_t source, const struct position *position, const void *bytes, size_t n)
{
	struct scene *scene = owner;

	assert_int_equal(source, 7);
	assert_true(scene->n < HEARD_MAX);
	if (position) {
		assert_string_equal(position->stream, STREAM);
		scene->heard[scene->n].epoch = position->epoch;
		scene->heard[scene->n].seq = position->seq;
		scene->heard[scene->n].head = position->head;
	}
	scene->heard[scene->n].positioned = position != NULL;
	(void)snprintf(scene->heard[scene->n].text, sizeof(scene->heard[0].text), "%.*s", (int)n, (const char *)bytes);
	scene->n++;
	if (scene->n == scene->stop_at)
		follower_stop(scene->follower);
	if (scene->n == scene->pause_at)
		follower_pause(scene->follower, true);
}

static void on_alarm(void *owner, size_t source, const char *sentence)
{
	struct scene *scene = owner;

	assert_int_equal(source, 7);
	assert_true(scene->alarm_count < ALARMS_MAX);
	(void)snprintf(scene->alarms[scene->alarm_count++], FAULT_MAX, "%s", sentence);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	bench_open(&scene->bench);
	source_init(&scene->source, &scene->bench, STREAM, bench_endpoint(&scene->bench, "live"),
		bench_endpoint(&scene->bench, "log"));
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	follower_free(scene->follower);
	source_close(&scene->source);
	bench_close(&scene->bench);
	free(scene);
	return 0;
}

static void follow(struct scene *scene, const char *const *log, bool from_now)
{
	const char *const live[] = { scene->source.live, NULL };
	const struct follower_options options = {
		.source = 7, .name = "court", .live = live, .log = log, .from_now = from_now
	};
	const struct follower_handlers handlers = { scene, on_event, on_alarm };
	struct fault fault = { "" };

	assert_int_equal(
		follower_new(scene->bench.loop, scene->bench.context, &options, &handlers, &scene->follower, &fault),
		0);
}

static void follow_with_log(struct scene *scene)
{
	follow(scene, (const char *const[]){ scene->source.log, NULL }, false);
}

static struct follower_status status_of(const struct scene *scene)
{
	struct follower_status status;

	follower_status(scene->follower, &status);
	return status;
}

/* ---- Conditions to wait for ---- */

struct want {
	struct scene *scene;
	size_t n;
	enum following_state state;
};

static bool has_heard(void *context)
{
	const struct want *want = context;

	return want->scene->n >= want->n;
}

static bool is_in_state(void *context)
{
	const struct want *want = context;

	return status_of(want->scene).state == want->state;
}

static bool has_alarms(void *context)
{
	const struct want *want = context;

	return want->scene->alarm_count >= want->n;
}

static bool hears(struct scene *scene, size_t n)
{
	return bench_run(&scene->bench, has_heard, &(struct want){ .scene = scene, .n = n }, 5000);
}

static bool reaches(struct scene *scene, enum following_state state)
{
	return bench_run(&scene->bench, is_in_state, &(struct want){ .scene = scene, .state = state }, 5000);
}

static bool alarmed(struct scene *scene, size_t n)
{
	return bench_run(&scene->bench, has_alarms, &(struct want){ .scene = scene, .n = n }, 5000);
}

static void idle(struct scene *scene, int ms)
{
	(void)bench_run(&scene->bench, NULL, NULL, ms);
}

/* From `first` on without a gap, each with its text. */
static void assert_in_order(const struct scene *scene, uint64_t first)
{
	char text[EVENT_TEXT_MAX];

	for (size_t i = 0; i < scene->n; i++) {
		source_event(&scene->source, first + i, text);
		assert_true(scene->heard[i].positioned);
		assert_int_equal(scene->heard[i].seq, first + i);
		assert_int_equal(scene->heard[i].epoch, scene->source.records[first + i].epoch);
		assert_string_equal(scene->heard[i].text, text);
	}
}

/* The heartbeat a new follower waits for, a second before its time. */
static void beat(struct scene *scene)
{
	idle(scene, 30);
	publisher_lead(scene->source.publisher, scene->source.epoch, scene->source.head);
}

static void start(struct scene *scene, const struct position *from)
{
	follower_start(scene->follower, from);
	beat(scene);
}

/* Live, with a subscription that has arrived. */
static void begin_live(struct scene *scene, unsigned before)
{
	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_write(&scene->source, before, TOPIC, false);
	follow_with_log(scene);
	start(scene, NULL);
	assert_true(reaches(scene, FOLLOWING_LIVE));
	assert_int_equal(scene->n, before);
}

/* ---- With a log ---- */

static void test_reads_the_log_then_applies_live(void **state)
{
	struct scene *scene = *state;

	begin_live(scene, 1200);
	source_write(&scene->source, 300, TOPIC, true);
	assert_true(hears(scene, 1500));
	idle(scene, 50);
	assert_int_equal(scene->n, 1500);
	assert_in_order(scene, 1);
	assert_int_equal(status_of(scene).position, 1500);
	assert_string_equal(status_of(scene).stream, STREAM);
	assert_true(status_of(scene).has_positions);
	assert_int_equal(scene->alarm_count, 0);
}

static void test_a_gap_is_filled_from_the_log(void **state)
{
	struct scene *scene = *state;

	begin_live(scene, 3);
	source_write(&scene->source, 2, TOPIC, false);
	source_write(&scene->source, 2, TOPIC, true);
	assert_true(hears(scene, 7));
	source_write(&scene->source, 1, TOPIC, true);
	assert_true(hears(scene, 8));
	assert_in_order(scene, 1);
	assert_int_equal(scene->alarm_count, 0);
}

static void test_a_lost_tail_shows_in_the_heartbeat(void **state)
{
	struct scene *scene = *state;

	begin_live(scene, 3);
	source_write(&scene->source, 5, TOPIC, false);
	publisher_lead(scene->source.publisher, scene->source.epoch, scene->source.head);
	assert_true(hears(scene, 8));
	assert_in_order(scene, 1);
}

static void test_a_burst_beyond_every_queue_comes_complete(void **state)
{
	struct scene *scene = *state;

	begin_live(scene, 0);
	source_write(&scene->source, 15000, TOPIC, true);
	assert_true(hears(scene, 15000));
	assert_in_order(scene, 1);
	assert_int_equal(scene->n, 15000);
}

static void test_begins_after_a_stored_position(void **state)
{
	struct scene *scene = *state;

	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_write(&scene->source, 10, TOPIC, false);
	follow_with_log(scene);
	start(scene, &(struct position){ STREAM, 100, 6, 6 });
	assert_true(hears(scene, 4));
	assert_in_order(scene, 7);
	/* A new term of ours: from where it was stored then. */
	scene->n = 0;
	follower_stop(scene->follower);
	source_write(&scene->source, 2, TOPIC, true);
	idle(scene, 50);
	assert_int_equal(scene->n, 0);
	start(scene, &(struct position){ STREAM, 100, 8, 8 });
	assert_true(hears(scene, 4));
	assert_in_order(scene, 9);
	assert_int_equal(scene->alarm_count, 0);
}

static void test_begins_now_where_told_to(void **state)
{
	struct scene *scene = *state;

	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_write(&scene->source, 10, TOPIC, false);
	follow(scene, (const char *const[]){ scene->source.log, NULL }, true);
	start(scene, NULL);
	assert_true(reaches(scene, FOLLOWING_LIVE));
	source_write(&scene->source, 3, TOPIC, true);
	assert_true(hears(scene, 3));
	assert_in_order(scene, 11);
}

static void test_a_new_epoch_goes_on_and_an_older_one_is_ignored(void **state)
{
	struct scene *scene = *state;
	struct source former = scene->source;

	begin_live(scene, 3);
	source_lead(&scene->source, 101);
	source_write(&scene->source, 3, TOPIC, true);
	assert_true(hears(scene, 6));
	assert_in_order(scene, 1);
	assert_true(reaches(scene, FOLLOWING_LIVE));
	/* The former leader wakes up and goes on where it had been, on the same address. */
	(void)former;
	scene->source.publisher = publisher_free(scene->source.publisher);
	source_init(&former, &scene->bench, STREAM, scene->source.live, NULL);
	source_open(&former, 0);
	former.head = 6;
	source_lead(&former, 100);
	idle(scene, 300);
	source_write(&former, 3, TOPIC, true);
	idle(scene, 100);
	assert_int_equal(scene->n, 6);
	source_close(&former);
}

static void test_a_restored_source_is_not_followed_but_named(void **state)
{
	struct scene *scene = *state;

	begin_live(scene, 9);
	source_restore(&scene->source, 5);
	source_lead(&scene->source, 101);
	assert_true(reaches(scene, FOLLOWING_STUCK));
	assert_int_equal(scene->alarm_count, 1);
	assert_non_null(strstr(scene->alarms[0], "older copy"));
	assert_non_null(strstr(scene->alarms[0], "records 6 to 9"));
	source_write(&scene->source, 10, TOPIC, true);
	idle(scene, 400);
	assert_int_equal(scene->n, 9);
	assert_int_equal(scene->alarm_count, 1);
}

static void test_what_is_no_longer_kept_is_named_not_skipped(void **state)
{
	struct scene *scene = *state;

	source_open(&scene->source, 0);
	scene->source.epoch = 100;
	source_write(&scene->source, 20, TOPIC, false);
	scene->source.first = 11;
	source_lead(&scene->source, 100);
	follow_with_log(scene);
	start(scene, &(struct position){ STREAM, 100, 4, 4 });
	assert_true(reaches(scene, FOLLOWING_STUCK));
	assert_int_equal(scene->n, 0);
	assert_int_equal(scene->alarm_count, 1);
	assert_non_null(strstr(scene->alarms[0], "records 5 to 10 of court-1"));
}

static void test_a_first_start_begins_with_the_first_that_is_kept(void **state)
{
	struct scene *scene = *state;

	source_open(&scene->source, 0);
	scene->source.epoch = 100;
	source_write(&scene->source, 20, TOPIC, false);
	scene->source.first = 11;
	source_lead(&scene->source, 100);
	follow_with_log(scene);
	start(scene, NULL);
	assert_true(hears(scene, 10));
	assert_in_order(scene, 11);
}

static void test_goes_to_the_leader_a_standby_names(void **state)
{
	struct scene *scene = *state;
	struct source standby;
	const char *standby_log = bench_endpoint(&scene->bench, "standby");

	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_write(&scene->source, 5, TOPIC, false);
	source_init(&standby, &scene->bench, STREAM, NULL, standby_log);
	source_open(&standby, 0);
	log_server_set_leaders(standby.server, (const char *const[]){ scene->source.log }, 1);
	follow(scene, (const char *const[]){ standby_log, NULL }, false);
	start(scene, NULL);
	assert_true(hears(scene, 5));
	assert_in_order(scene, 1);
	assert_int_equal(scene->alarm_count, 0);
	source_close(&standby);
}

static void test_tries_the_other_endpoint_when_one_knows_no_leader(void **state)
{
	struct scene *scene = *state;
	struct source standby;
	const char *const log[] = { bench_endpoint(&scene->bench, "standby"), scene->source.log, NULL };

	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_write(&scene->source, 5, TOPIC, false);
	source_init(&standby, &scene->bench, STREAM, NULL, log[0]);
	source_open(&standby, 0);
	follow(scene, log, false);
	start(scene, NULL);
	assert_true(hears(scene, 5));
	assert_int_equal(scene->alarm_count, 0);
	source_close(&standby);
}

static void test_a_log_that_is_away_is_named_once_and_read_when_it_is_back(void **state)
{
	struct scene *scene = *state;
	struct source *source = &scene->source;

	begin_live(scene, 3);
	source->server = log_server_free(source->server);
	source_write(source, 1, TOPIC, false);
	source_write(source, 1, TOPIC, true);
	assert_true(alarmed(scene, 1));
	assert_non_null(strstr(scene->alarms[0], "does not answer"));
	publisher_free(source->publisher);
	source->publisher = NULL;
	source_close(source);
	source_open(source, 1);
	source_lead(source, 101);
	source_write(source, 1, TOPIC, true);
	assert_true(hears(scene, 6));
	assert_in_order(scene, 1);
	assert_int_equal(scene->alarm_count, 2);
	assert_non_null(strstr(scene->alarms[1], "answers again"));
}

static void test_says_what_a_log_refuses(void **state)
{
	struct scene *scene = *state;
	struct source other;
	const char *other_log = bench_endpoint(&scene->bench, "other");

	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_init(&other, &scene->bench, "prison-1", NULL, other_log);
	source_open(&other, 0);
	source_lead(&other, 100);
	follow(scene, (const char *const[]){ other_log, NULL }, false);
	start(scene, NULL);
	assert_true(alarmed(scene, 1));
	assert_non_null(strstr(scene->alarms[0], "prison-1"));
	idle(scene, 500);
	assert_int_equal(scene->alarm_count, 1);
	source_close(&other);
}

/* ---- Pressure ---- */

static void test_takes_nothing_while_paused_and_all_afterwards(void **state)
{
	struct scene *scene = *state;

	begin_live(scene, 3);
	follower_pause(scene->follower, true);
	source_write(&scene->source, 4000, TOPIC, true);
	idle(scene, 300);
	assert_int_equal(scene->n, 3);
	follower_pause(scene->follower, false);
	beat(scene);
	assert_true(hears(scene, 4003));
	assert_in_order(scene, 1);
	assert_int_equal(scene->alarm_count, 0);
}

static void test_a_handler_may_pause_it(void **state)
{
	struct scene *scene = *state;
	size_t had;

	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_write(&scene->source, 3000, TOPIC, false);
	follow_with_log(scene);
	scene->pause_at = 10;
	start(scene, NULL);
	assert_true(hears(scene, 10));
	idle(scene, 300);
	had = scene->n;
	assert_in_range(had, 10, 500); /* the rest of one answer */
	follower_pause(scene->follower, false);
	assert_true(hears(scene, 3000));
	assert_in_order(scene, 1);
}

static void test_a_handler_may_stop_it(void **state)
{
	struct scene *scene = *state;

	source_open(&scene->source, 0);
	source_lead(&scene->source, 100);
	source_write(&scene->source, 30, TOPIC, false);
	follow_with_log(scene);
	scene->stop_at = 10;
	start(scene, NULL);
	assert_true(hears(scene, 10));
	source_write(&scene->source, 30, TOPIC, true);
	idle(scene, 200);
	assert_int_equal(scene->n, 10);
	start(scene, &(struct position){ STREAM, 100, 10, 10 });
	assert_true(hears(scene, 60));
	assert_in_order(scene, 1);
}

/* ---- Best effort ---- */

struct publication {
	void *socket;
	struct arena *arena;
};

static void publish(const struct publication *p, const char *stream, uint64_t epoch, uint64_t seq, uint64_t head)
{
	const struct position position = { stream, epoch, seq, head };
	struct bytes packed;
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64, seq);
	assert_int_equal(wire_pack_position(p->arena, &position, &packed), 0);
	assert_true(zmq_send(p->socket, TOPIC, strlen(TOPIC), ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(p->socket, packed.data, packed.n, ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(p->socket, text, seq ? strlen(text) : 0, 0) >= 0);
	arena_reset(p->arena);
}

/* A plain PUB of a peer, heard by a follower without a log. */
static struct publication begin_plain(struct scene *scene, const struct position *from)
{
	struct publication p = { .socket = zmq_socket(scene->bench.peers, ZMQ_PUB) };
	int64_t until = bench_now_ms() + 5000;

	assert_int_equal(arena_new(4096, &p.arena), 0);
	assert_int_equal(zmq_setsockopt(p.socket, ZMQ_LINGER, &(int){ 0 }, sizeof(int)), 0);
	assert_int_equal(zmq_bind(p.socket, scene->source.live), 0);
	follow(scene, NULL, false);
	follower_start(scene->follower, NULL);
	while (!scene->n && bench_now_ms() < until) {
		assert_int_equal(SEND(p.socket, "hello"), 0);
		idle(scene, 10);
	}
	assert_true(scene->n > 0);
	idle(scene, 50);
	follower_start(scene->follower, from);
	scene->n = 0;
	return p;
}

static void end_plain(struct publication *p)
{
	zmq_close(p->socket);
	arena_free(p->arena);
}

static void test_takes_a_plain_publisher_as_best_effort(void **state)
{
	struct scene *scene = *state;
	struct publication p = begin_plain(scene, NULL);
	const char *const texts[] = { "one", "two", "three", "five" };

	SEND(p.socket, "one");
	SEND(p.socket, "topic", "two");
	SEND(p.socket, "topic", "\xff\xff no position", "three");
	SEND(p.socket, "1", "2", "3", "four", "5");
	SEND(p.socket, "topic", "five");
	assert_true(hears(scene, 4));
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		assert_string_equal(scene->heard[i].text, texts[i]);
		assert_false(scene->heard[i].positioned);
	}
	assert_false(status_of(scene).has_positions);
	assert_false(status_of(scene).has_log);
	assert_null(status_of(scene).stream);
	end_plain(&p);
}

static void test_best_effort_takes_each_once_and_counts_what_is_missing(void **state)
{
	struct scene *scene = *state;
	struct publication p = begin_plain(scene, &(struct position){ STREAM, 100, 5, 5 });
	const struct {
		uint64_t epoch, seq, head;
		bool taken;
		const char *phrase;
	} rows[] = {
		{ 100, 4, 5, false, "before the position" },
		{ 100, 5, 5, false, "at the position" },
		{ 99, 6, 6, false, "of an older epoch" },
		{ 100, 6, 6, true, "the next" },
		{ 100, 6, 6, false, "the same again" },
		{ 100, 9, 9, true, "after a gap of two" },
		{ 100, 0, 12, false, "a heartbeat that counts three more" },
		{ 100, 13, 13, true, "the next" },
		{ 101, 14, 14, true, "of a new epoch" },
		{ 100, 15, 15, false, "of the former one" },
	};
	size_t expected = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		size_t before = scene->n;

		publish(&p, STREAM, rows[i].epoch, rows[i].seq, rows[i].head);
		expected += rows[i].taken;
		idle(scene, 30);
		if (scene->n != expected || (rows[i].taken && scene->heard[before].seq != rows[i].seq)) {
			print_error("%s: %zu taken, not %zu\n", rows[i].phrase, scene->n, expected);
			fail();
		}
	}
	assert_int_equal(status_of(scene).gaps, 2);
	assert_int_equal(status_of(scene).missed, 5);
	assert_int_equal(status_of(scene).position, 14);
	assert_int_equal(status_of(scene).epoch, 101);
	/* Once a minute at most. */
	assert_int_equal(scene->alarm_count, 1);
	assert_non_null(strstr(scene->alarms[0], "up to 9, 2 never came"));
	end_plain(&p);
}

static void test_another_stream_on_the_same_address_is_named_not_mixed_in(void **state)
{
	struct scene *scene = *state;
	struct publication p = begin_plain(scene, &(struct position){ STREAM, 100, 5, 5 });

	publish(&p, "court-2", 100, 6, 6);
	publish(&p, "court-2", 100, 7, 7);
	publish(&p, STREAM, 100, 6, 6);
	assert_true(hears(scene, 1));
	idle(scene, 50);
	assert_int_equal(scene->n, 1);
	assert_int_equal(scene->alarm_count, 1);
	assert_non_null(strstr(scene->alarms[0], "court-2"));
	end_plain(&p);
}

static void test_live_messages_without_a_position_are_left_to_the_log(void **state)
{
	struct scene *scene = *state;
	struct publication p = { 0 };

	(void)p;
	begin_live(scene, 3);
	scene->source.publisher = publisher_free(scene->source.publisher);
	p.socket = zmq_socket(scene->bench.peers, ZMQ_PUB);
	assert_int_equal(zmq_setsockopt(p.socket, ZMQ_LINGER, &(int){ 0 }, sizeof(int)), 0);
	assert_int_equal(zmq_bind(p.socket, scene->source.live), 0);
	for (int i = 0; i < 50; i++) {
		SEND(p.socket, "topic", "plain");
		idle(scene, 10);
	}
	assert_int_equal(scene->n, 3);
	assert_int_equal(scene->alarm_count, 1);
	assert_non_null(strstr(scene->alarms[0], "without a position"));
	zmq_close(p.socket);
}

/* ---- What the owner could not keep ---- */

static void test_x1_a_returned_record_comes_again_with_what_followed_it(void **state)
{
	struct scene *scene = *state;

	begin_live(scene, 6);
	follower_return(scene->follower, 4);
	assert_int_equal(status_of(scene).position, 3);
	source_write(&scene->source, 2, TOPIC, true);
	idle(scene, 500);
	assert_int_equal(scene->n, 6); /* not at once: what hinders its owner may last */
	assert_true(bench_run(&scene->bench, has_heard, &(struct want){ .scene = scene, .n = 11 }, 15000));
	assert_int_equal(scene->n, 11);
	for (size_t i = 6; i < 11; i++)
		assert_int_equal(scene->heard[i].seq, i - 2);
	source_write(&scene->source, 1, TOPIC, true);
	assert_true(hears(scene, 12));
	assert_int_equal(status_of(scene).position, 9);
	assert_int_equal(scene->alarm_count, 0);
}

static void test_x1_a_returned_record_without_a_log_is_counted_as_missed(void **state)
{
	struct scene *scene = *state;
	struct publication p = begin_plain(scene, &(struct position){ STREAM, 100, 5, 5 });

	publish(&p, STREAM, 100, 6, 6);
	assert_true(hears(scene, 1));
	follower_return(scene->follower, 6);
	publish(&p, STREAM, 100, 7, 7);
	assert_true(hears(scene, 2));
	assert_int_equal(status_of(scene).position, 7);
	assert_int_equal(status_of(scene).missed, 1);
	end_plain(&p);
}

/* ---- Life ---- */

static void test_refuses_an_endpoint_that_is_none(void **state)
{
	struct scene *scene = *state;
	const char *const live[] = { "nonsense", NULL };
	const struct follower_options options = { .source = 7, .name = "court", .live = live };
	const struct follower_handlers handlers = { scene, on_event, on_alarm };
	struct fault fault = { "" };

	assert_int_equal(
		follower_new(scene->bench.loop, scene->bench.context, &options, &handlers, &scene->follower, &fault),
		-EINVAL);
	assert_non_null(strstr(fault.sentence, "nonsense"));
	assert_null(scene->follower);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_the_log_then_applies_live),
		TEST(test_a_gap_is_filled_from_the_log),
		TEST(test_a_lost_tail_shows_in_the_heartbeat),
		TEST(test_a_burst_beyond_every_queue_comes_complete),
		TEST(test_begins_after_a_stored_position),
		TEST(test_begins_now_where_told_to),
		TEST(test_a_new_epoch_goes_on_and_an_older_one_is_ignored),
		TEST(test_a_restored_source_is_not_followed_but_named),
		TEST(test_what_is_no_longer_kept_is_named_not_skipped),
		TEST(test_a_first_start_begins_with_the_first_that_is_kept),
		TEST(test_goes_to_the_leader_a_standby_names),
		TEST(test_tries_the_other_endpoint_when_one_knows_no_leader),
		TEST(test_a_log_that_is_away_is_named_once_and_read_when_it_is_back),
		TEST(test_says_what_a_log_refuses),
		TEST(test_takes_nothing_while_paused_and_all_afterwards),
		TEST(test_a_handler_may_pause_it),
		TEST(test_a_handler_may_stop_it),
		TEST(test_takes_a_plain_publisher_as_best_effort),
		TEST(test_best_effort_takes_each_once_and_counts_what_is_missing),
		TEST(test_another_stream_on_the_same_address_is_named_not_mixed_in),
		TEST(test_live_messages_without_a_position_are_left_to_the_log),
		TEST(test_x1_a_returned_record_comes_again_with_what_followed_it),
		TEST(test_x1_a_returned_record_without_a_log_is_counted_as_missed),
		TEST(test_refuses_an_endpoint_that_is_none),
	};

	return cmocka_run_group_tests_name("flow/follower", tests, NULL, NULL);
}
