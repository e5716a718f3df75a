/* The log over real sockets (proto/README.md): from the ring and from the store, long polls, prefixes, and each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/consumers.h"
#include "flow/source.h"

#define MS         20000
#define EPOCH      1700000000UL
#define ANSWER_CAP (64 * 1024 * 1024UL)
#define NELSON     "task.opened/NELSON"
#define OTARA      "ptp.opened/OTARA"
#define SMALL_RING 4096
#define CLIENTS    1000
#define QUICK      5000

struct desk {
	struct bench bench;
	struct source source;
	void *peer;
	uint64_t request;
	unsigned reads_wanted;
	size_t waiting_wanted;
	struct arena *arena;
};

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	const char *log;

	bench_open(&desk->bench);
	log = bench_endpoint(&desk->bench, "log");
	assert_int_equal(arena_new(ANSWER_CAP, &desk->arena), 0);
	source_init(&desk->source, &desk->bench, "nz", NULL, log);
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	(void)zmq_close(desk->peer);
	source_close(&desk->source);
	desk->arena = arena_free(desk->arena);
	bench_close(&desk->bench);
	free(desk);
	return 0;
}

static void open_log(struct desk *desk, size_t ring_bytes)
{
	source_open(&desk->source, ring_bytes);
	desk->peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->source.log);
}

static struct desk *lead(void **state, size_t ring_bytes)
{
	struct desk *desk = *state;

	open_log(desk, ring_bytes);
	source_lead(&desk->source, EPOCH);
	return desk;
}

static void ask_from(struct desk *desk, void *peer, struct log_request request)
{
	struct bytes bytes;

	if (!request.stream)
		request.stream = "nz";
	request.request = ++desk->request;
	assert_int_equal(wire_pack_log_request(desk->arena, &request, &bytes), 0);
	assert_true(zmq_send(peer, bytes.data, bytes.n, ZMQ_DONTWAIT) >= 0);
}

static bool answer_for(struct desk *desk, void *peer, int ms, struct log_answer *ret)
{
	zmq_msg_t frame;
	size_t n = bench_receive(&desk->bench, peer, ms, &frame);

	arena_reset(desk->arena);
	if (n) {
		const uint8_t *copy = arena_copy(desk->arena, zmq_msg_data(&frame), zmq_msg_size(&frame));

		assert_int_equal(
			wire_unpack_log_answer(desk->arena, (struct bytes){ copy, zmq_msg_size(&frame) }, ret), 0);
	}
	(void)zmq_msg_close(&frame);
	return n > 0;
}

static struct log_answer ask(struct desk *desk, struct log_request request)
{
	struct log_answer answer = { 0 };

	ask_from(desk, desk->peer, request);
	assert_true(answer_for(desk, desk->peer, MS, &answer));
	assert_int_equal(answer.request, desk->request);
	return answer;
}

static void assert_records(struct desk *desk, const struct log_answer *answer, uint64_t from, size_t n)
{
	assert_int_equal(answer->result, LOG_OK);
	assert_int_equal(answer->record_count, n);
	for (size_t i = 0; i < n; i++) {
		char text[EVENT_TEXT_MAX];

		source_event(&desk->source, from + i, text);
		assert_int_equal(answer->records[i].seq, from + i);
		assert_int_equal(answer->records[i].event.n, strlen(text));
		assert_memory_equal(answer->records[i].event.data, text, strlen(text));
	}
}

/* ---- Reading ---- */

static void test_answers_what_follows_a_position(void **state)
{
	struct desk *desk = lead(state, 0);
	struct log_answer answer;

	answer = ask(desk, (struct log_request){ .limit = 10 });
	assert_records(desk, &answer, 1, 0);
	assert_int_equal(answer.head, 0);
	source_write(&desk->source, 100, NELSON, true);
	answer = ask(desk, (struct log_request){ .limit = 10 });
	assert_records(desk, &answer, 1, 10);
	assert_int_equal(answer.through, 10);
	assert_int_equal(answer.head, 100);
	assert_int_equal(answer.epoch, EPOCH);
	assert_int_equal(answer.first, 1);
	answer = ask(desk, (struct log_request){ .after = 95, .after_epoch = EPOCH });
	assert_records(desk, &answer, 96, 5);
	answer = ask(desk, (struct log_request){ .after = 100, .after_epoch = EPOCH });
	assert_records(desk, &answer, 101, 0);
	assert_int_equal(answer.through, 100);
	assert_int_equal(desk->source.reads_asked, 0);
}

static void test_older_records_come_from_the_store(void **state)
{
	struct desk *desk = lead(state, SMALL_RING);
	struct log_answer answer;
	uint64_t position = 0;

	desk->source.event_size = 1000;
	source_write(&desk->source, 5000, NELSON, true);
	while (position < 5000) {
		answer = ask(desk, (struct log_request){ .after = position, .after_epoch = position ? EPOCH : 0 });
		assert_true(answer.record_count > 0 && answer.record_count <= LOG_LIMIT_MAX);
		assert_records(desk, &answer, position + 1, answer.record_count);
		assert_int_equal(answer.through, position + answer.record_count);
		position = answer.through;
	}
	assert_true(desk->source.reads_asked > 0);
	assert_true(desk->source.epochs_asked > 0);
}

static void test_through_passes_over_what_does_not_match(void **state)
{
	struct desk *desk = lead(state, SMALL_RING);
	struct log_request few = { .prefixes = { "ptp.", "event." }, .prefix_count = 2 };
	struct log_answer answer;

	source_write(&desk->source, 3000, NELSON, true);
	source_write(&desk->source, 2, OTARA, true);
	source_write(&desk->source, 50, NELSON, true);
	answer = ask(desk, few);
	assert_records(desk, &answer, 3001, 2);
	assert_string_equal(answer.records[0].topic, OTARA);
	assert_int_equal(answer.through, 3052);
	few.after = 3002;
	answer = ask(desk, few);
	assert_records(desk, &answer, 3003, 0);
	assert_int_equal(answer.through, 3052);
	few.limit = 1;
	few.after = 0;
	answer = ask(desk, few);
	assert_records(desk, &answer, 3001, 1);
	assert_int_equal(answer.through, 3001);
}

static void test_begins_now_where_asked_to(void **state)
{
	struct desk *desk = lead(state, 0);
	struct log_answer answer;

	source_write(&desk->source, 10, NELSON, true);
	answer = ask(desk, (struct log_request){ .from_now = true });
	assert_records(desk, &answer, 11, 0);
	assert_int_equal(answer.through, 10);
	answer = ask(desk, (struct log_request){ .from_now = true, .after = 8 });
	assert_records(desk, &answer, 9, 2);
}

/* ---- Long polls ---- */

static bool as_many_wait(void *context)
{
	struct desk *desk = context;

	return log_server_waiting(desk->source.server) == desk->waiting_wanted;
}

static void wait_for_waiting(struct desk *desk, size_t n)
{
	desk->waiting_wanted = n;
	assert_true(bench_run(&desk->bench, as_many_wait, desk, MS));
}

static bool has_heard_of_one(void *context)
{
	struct desk *desk = context;

	return desk->source.consumers == 1;
}

static void test_a_poll_waits_for_a_match(void **state)
{
	struct desk *desk = lead(state, 0);
	const struct log_request wait = { .prefixes = { "ptp." }, .prefix_count = 1, .wait_ms = LOG_WAIT_MAX_MS };
	struct log_answer answer;

	ask_from(desk, desk->peer, wait);
	wait_for_waiting(desk, 1);
	source_write(&desk->source, 5, NELSON, true);
	assert_false(answer_for(desk, desk->peer, 50, &answer));
	assert_int_equal(log_server_waiting(desk->source.server), 1);
	source_write(&desk->source, 1, OTARA, true);
	assert_true(answer_for(desk, desk->peer, MS, &answer));
	assert_records(desk, &answer, 6, 1);
	assert_int_equal(log_server_waiting(desk->source.server), 0);
}

static void test_a_poll_ends_when_its_time_is_over(void **state)
{
	struct desk *desk = lead(state, 0);
	const int64_t began = bench_now_ms();
	struct log_answer answer;

	source_write(&desk->source, 5, NELSON, true);
	answer = ask(desk, (struct log_request){ .prefixes = { "ptp." }, .prefix_count = 1, .wait_ms = 300 });
	assert_records(desk, &answer, 6, 0);
	assert_int_equal(answer.through, 5);
	assert_true(bench_now_ms() - began >= 290);
}

static void test_a_second_request_takes_the_place_of_the_first(void **state)
{
	struct desk *desk = lead(state, 0);
	struct log_answer answer;

	ask_from(desk, desk->peer, (struct log_request){ .wait_ms = LOG_WAIT_MAX_MS });
	ask_from(desk, desk->peer, (struct log_request){ .wait_ms = LOG_WAIT_MAX_MS, .name = "second" });
	assert_true(bench_run(&desk->bench, has_heard_of_one, desk, MS));
	assert_int_equal(log_server_waiting(desk->source.server), 1);
	source_write(&desk->source, 1, NELSON, true);
	assert_true(answer_for(desk, desk->peer, MS, &answer));
	assert_int_equal(answer.request, 2);
	assert_false(answer_for(desk, desk->peer, 50, &answer));
}

/* Two answers may be unread: a client that has read each must not be taken for one that has not. */
static void test_each_of_many_quick_questions_is_answered(void **state)
{
	struct desk *desk = lead(state, 0);

	for (unsigned i = 0; i < QUICK; i++) {
		const struct log_request now = { .stream = "nz", .from_now = true, .request = i };
		struct bytes bytes;

		arena_reset(desk->arena);
		assert_int_equal(wire_pack_log_request(desk->arena, &now, &bytes), 0);
		assert_true(zmq_send(desk->peer, bytes.data, bytes.n, 0) >= 0);
		for (int64_t until = bench_now_ms() + MS; bench_now_ms() < until;) {
			zmq_pollitem_t item = { .socket = desk->peer, .events = ZMQ_POLLIN };

			assert_true(sd_event_run(desk->bench.loop, 0) >= 0);
			if (zmq_poll(&item, 1, 0) > 0)
				break;
		}
		assert_true(zmq_recv(desk->peer, NULL, 0, ZMQ_DONTWAIT) >= 0);
	}
}

/* ---- Refusals ---- */

static void test_says_what_is_no_longer_kept(void **state)
{
	struct desk *desk = *state;
	struct log_answer answer;

	open_log(desk, SMALL_RING);
	desk->source.epoch = EPOCH;
	source_write(&desk->source, 1000, NELSON, true);
	desk->source.first = 500;
	source_lead(&desk->source, EPOCH);
	answer = ask(desk, (struct log_request){ .after = 100 });
	assert_int_equal(answer.result, LOG_TOO_OLD);
	assert_int_equal(answer.first, 500);
	assert_non_null(strstr(answer.sentence, "500"));
	answer = ask(desk, (struct log_request){ .after = 499, .limit = 3 });
	assert_records(desk, &answer, 500, 3);
	answer = ask(desk, (struct log_request){ .limit = 3 });
	assert_records(desk, &answer, 500, 3);

	/* What retention takes away meanwhile is noticed when it is asked for. */
	desk->source.first = 700;
	answer = ask(desk, (struct log_request){ .after = 600 });
	assert_int_equal(answer.result, LOG_TOO_OLD);
	assert_int_equal(answer.first, 700);
	answer = ask(desk, (struct log_request){ .limit = 3 });
	assert_records(desk, &answer, 700, 3);
}

static void test_says_where_the_log_is_another(void **state)
{
	struct desk *desk = lead(state, SMALL_RING);
	struct log_answer answer;

	source_write(&desk->source, 1000, NELSON, true);
	answer = ask(desk, (struct log_request){ .after = 1000, .after_epoch = EPOCH - 1 });
	assert_int_equal(answer.result, LOG_DIVERGED);
	assert_non_null(answer.sentence);
	answer = ask(desk, (struct log_request){ .after = 3, .after_epoch = EPOCH - 1 });
	assert_int_equal(answer.result, LOG_DIVERGED);
	assert_int_equal(desk->source.epochs_asked, 1);
	answer = ask(desk, (struct log_request){ .after = 1001 });
	assert_int_equal(answer.result, LOG_DIVERGED);
	assert_non_null(strstr(answer.sentence, "the log ends at 1000"));
	answer = ask(desk, (struct log_request){ .after = UINT64_MAX, .after_epoch = UINT64_MAX });
	assert_int_equal(answer.result, LOG_DIVERGED);

	/* The first that is kept may be asked for after one that is not, whose epoch nobody knows any more. */
	desk->source.first = 500;
	answer = ask(desk, (struct log_request){ .after = 300, .after_epoch = EPOCH });
	assert_int_equal(answer.result, LOG_TOO_OLD);
}

static void test_who_does_not_lead_names_who_does(void **state)
{
	struct desk *desk = lead(state, 0);
	const char *const leaders[] = { "ipc:///run/a", "tcp://b:5503" };
	struct log_answer answer;
	void *waiting = bench_peer(&desk->bench, ZMQ_DEALER, desk->source.log);

	ask_from(desk, waiting, (struct log_request){ .wait_ms = LOG_WAIT_MAX_MS });
	wait_for_waiting(desk, 1);
	log_server_set_leaders(desk->source.server, leaders, 2);
	source_lead(&desk->source, 0);
	assert_true(answer_for(desk, waiting, MS, &answer));
	assert_int_equal(answer.result, LOG_NOT_LEADER);
	answer = ask(desk, (struct log_request){ .after = 1 });
	assert_int_equal(answer.result, LOG_NOT_LEADER);
	assert_int_equal(answer.leader_count, 2);
	assert_string_equal(answer.leaders[1], "tcp://b:5503");
	log_server_set_leaders(desk->source.server, NULL, 0);
	answer = ask(desk, (struct log_request){ .after = 1 });
	assert_int_equal(answer.leader_count, 0);
	source_write(&desk->source, 1, NELSON, true);
	answer = ask(desk, (struct log_request){ 0 });
	assert_int_equal(answer.result, LOG_NOT_LEADER);
	(void)zmq_close(waiting);
}

static void assert_not_allowed(struct desk *desk, const char *word)
{
	struct log_answer answer;

	assert_true(answer_for(desk, desk->peer, MS, &answer));
	assert_int_equal(answer.result, LOG_NOT_ALLOWED);
	assert_non_null(strstr(answer.sentence, word));
}

static void test_refuses_what_is_no_request(void **state)
{
	struct desk *desk = lead(state, 0);

	assert_int_equal(SEND(desk->peer, "\xff\xff\xff"), 0);
	assert_not_allowed(desk, "no log request");
	assert_int_equal(SEND(desk->peer, "two", "frames"), 0);
	assert_not_allowed(desk, "one frame");
	ask_from(desk, desk->peer, (struct log_request){ .stream = "other" });
	assert_not_allowed(desk, "other");
	assert_int_equal(SEND(desk->peer, ""), 0);
	assert_not_allowed(desk, "log");
}

static void test_refuses_more_polls_than_may_wait(void **state)
{
	struct desk *desk = lead(state, 0);
	static void *peers[CLIENTS];
	struct log_answer answer;

	for (unsigned i = 0; i < CLIENTS; i++) {
		peers[i] = bench_peer(&desk->bench, ZMQ_DEALER, desk->source.log);
		ask_from(desk, peers[i], (struct log_request){ .wait_ms = LOG_WAIT_MAX_MS });
		arena_reset(desk->arena);
	}
	wait_for_waiting(desk, CLIENTS);
	ask_from(desk, desk->peer, (struct log_request){ .wait_ms = LOG_WAIT_MAX_MS });
	assert_not_allowed(desk, "limit");
	source_write(&desk->source, 1, NELSON, true);
	for (unsigned i = 0; i < CLIENTS; i++) {
		assert_true(answer_for(desk, peers[i], MS, &answer));
		assert_records(desk, &answer, 1, 1);
		(void)zmq_close(peers[i]);
	}
	answer = ask(desk, (struct log_request){ 0 });
	assert_records(desk, &answer, 1, 1);
}

/* ---- The store fails ---- */

static void test_a_read_that_fails_is_tried_again(void **state)
{
	struct desk *desk = lead(state, SMALL_RING);
	struct log_answer answer;

	source_write(&desk->source, 1000, NELSON, true);
	desk->source.reads_fail = true;
	ask_from(
		desk, desk->peer, (struct log_request){ .after = 1, .after_epoch = EPOCH, .wait_ms = LOG_WAIT_MAX_MS });
	assert_false(answer_for(desk, desk->peer, 300, &answer));
	assert_true(desk->source.epochs_asked > 1);
	desk->source.reads_fail = false;
	assert_true(answer_for(desk, desk->peer, MS, &answer));
	assert_records(desk, &answer, 2, answer.record_count);
	assert_true(answer.record_count > 0);
}

/* The store holds what has committed, before its leader hears of it: until then it is not served, and the head is no lie. */
static void test_nothing_is_served_beyond_the_head(void **state)
{
	struct desk *desk = lead(state, SMALL_RING);
	struct log_answer answer;

	source_write(&desk->source, 300, NELSON, true);
	desk->source.head += 5;
	answer = ask(desk, (struct log_request){ .after = 1, .after_epoch = EPOCH });
	assert_records(desk, &answer, 2, 299);
	assert_int_equal(answer.head, 300);
	assert_int_equal(answer.through, 300);
}

static bool has_asked(void *context)
{
	struct desk *desk = context;

	return desk->source.reads_asked >= desk->reads_wanted;
}

/* What comes back after the term, or after whoever asked has asked anew, is nobody's. */
static void test_an_answer_of_the_store_that_comes_too_late_is_dropped(void **state)
{
	struct desk *desk = lead(state, SMALL_RING);
	struct log_answer answer;

	source_write(&desk->source, 1000, NELSON, true);
	desk->source.reads_hang = true;
	for (unsigned i = 1; i <= 2; i++) {
		ask_from(desk, desk->peer, (struct log_request){ .after = i, .wait_ms = LOG_WAIT_MAX_MS });
		desk->reads_wanted = i;
		assert_true(bench_run(&desk->bench, has_asked, desk, MS));
	}
	source_lead(&desk->source, 0);
	assert_true(answer_for(desk, desk->peer, MS, &answer));
	assert_int_equal(answer.result, LOG_NOT_LEADER);
	assert_int_equal(answer.request, 2);
	source_lead(&desk->source, EPOCH + 1);
	desk->source.reads_hang = false;
	answer = ask(desk, (struct log_request){ .after = 999, .after_epoch = EPOCH });
	assert_records(desk, &answer, 1000, 1);
}

/* A request that does not wait is still read for, for about a second; then the client asks again. */
static void test_a_store_that_does_not_answer_keeps_no_request_for_ever(void **state)
{
	struct desk *desk = lead(state, SMALL_RING);
	void *peers[8];

	source_write(&desk->source, 1000, NELSON, true);
	desk->source.reads_hang = true;
	for (size_t i = 0; i < ARRAY_LENGTH(peers); i++) {
		peers[i] = bench_peer(&desk->bench, ZMQ_DEALER, desk->source.log);
		ask_from(desk, peers[i], (struct log_request){ .after = 1, .after_epoch = i % 2 ? EPOCH : 0 });
	}
	wait_for_waiting(desk, ARRAY_LENGTH(peers));
	wait_for_waiting(desk, ARRAY_LENGTH(peers) / 2); /* those with a read under way stay */
	for (size_t i = 0; i < ARRAY_LENGTH(peers); i++)
		(void)zmq_close(peers[i]);
}

/* ---- Consumers ---- */

static bool is_confirmed(void *context)
{
	struct desk *desk = context;

	return desk->source.confirmed == 9;
}

static void test_a_named_consumer_is_told_of(void **state)
{
	struct desk *desk = lead(state, 0);

	source_write(&desk->source, 10, NELSON, true);
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 3 });
	assert_string_equal(desk->source.consumer, "desk");
	assert_int_equal(desk->source.confirmed, 3);
	for (uint64_t confirmed = 4; confirmed < 10; confirmed++)
		(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = confirmed });
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 5 });
	assert_true(bench_run(&desk->bench, is_confirmed, desk, MS));
	(void)ask(desk, (struct log_request){ .name = "liar", .confirmed = UINT64_MAX });
	assert_int_equal(desk->source.confirmed, 10);
}

static void test_a_consumer_that_was_forgotten_begins_anew(void **state)
{
	struct desk *desk = lead(state, 0);

	source_write(&desk->source, 10, NELSON, true);
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 8 });
	assert_int_equal(desk->source.confirmed, 8);
	log_server_forget(desk->source.server, "desk");
	log_server_forget(desk->source.server, "nobody");
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 2 });
	assert_int_equal(desk->source.consumers, 2);
	assert_int_equal(desk->source.confirmed, 2);
}

static void test_what_was_confirmed_of_another_history_does_not_count(void **state)
{
	struct desk *desk = lead(state, 0);

	source_write(&desk->source, 10, NELSON, true);
	desk->source.confirmed = 77;
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 20, .after = 20, .after_epoch = EPOCH - 1 });
	assert_string_equal(desk->source.consumer, "desk");
	assert_int_equal(desk->source.confirmed, 0);
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 8, .after = 8, .after_epoch = EPOCH - 1 });
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 11, .after = 11 });
	(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = 9, .after = 9, .after_epoch = EPOCH });
	assert_true(bench_run(&desk->bench, is_confirmed, desk, MS));
}

static void test_however_often_a_consumer_asks_its_owner_is_told_now_and_then(void **state)
{
	struct desk *desk = lead(state, 0);

	source_write(&desk->source, 5000, NELSON, true);
	for (uint64_t i = 1; i <= 2000; i++)
		(void)ask(desk, (struct log_request){ .name = "desk", .confirmed = i, .from_now = true });
	assert_true(desk->source.consumers < 1000);
}

static void test_refuses_consumers_of_too_many_names(void **state)
{
	struct desk *desk = lead(state, 0);
	char name[32];

	for (unsigned i = 0; i < CONSUMERS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "name-%u", i);
		assert_int_equal(ask(desk, (struct log_request){ .name = name }).result, LOG_OK);
	}
	ask_from(desk, desk->peer, (struct log_request){ .name = "one more" });
	assert_not_allowed(desk, "names");
	assert_int_equal(ask(desk, (struct log_request){ .name = "name-0" }).result, LOG_OK);
	assert_int_equal(ask(desk, (struct log_request){ 0 }).result, LOG_OK);
	source_lead(&desk->source, EPOCH + 1);
	assert_int_equal(ask(desk, (struct log_request){ .name = "one more" }).result, LOG_OK);
}

static void test_refuses_an_endpoint_that_is_taken(void **state)
{
	struct desk *desk = lead(state, 0);
	const struct log_options options = { "nz", 1024, 1024, 1 };
	const struct log_handlers handlers = { 0 };
	struct log_server *second = NULL;
	struct fault fault = { "" };

	assert_int_equal(log_server_new(desk->bench.loop, desk->bench.context,
				 (const char *const[]){ desk->source.log, NULL }, &options, &handlers, &second, &fault),
		-EADDRINUSE);
	assert_null(second);
	assert_null(log_server_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers_what_follows_a_position),
		TEST(test_older_records_come_from_the_store),
		TEST(test_through_passes_over_what_does_not_match),
		TEST(test_begins_now_where_asked_to),
		TEST(test_a_poll_waits_for_a_match),
		TEST(test_a_poll_ends_when_its_time_is_over),
		TEST(test_a_second_request_takes_the_place_of_the_first),
		TEST(test_each_of_many_quick_questions_is_answered),
		TEST(test_says_what_is_no_longer_kept),
		TEST(test_says_where_the_log_is_another),
		TEST(test_who_does_not_lead_names_who_does),
		TEST(test_refuses_what_is_no_request),
		TEST(test_refuses_more_polls_than_may_wait),
		TEST(test_a_read_that_fails_is_tried_again),
		TEST(test_nothing_is_served_beyond_the_head),
		TEST(test_an_answer_of_the_store_that_comes_too_late_is_dropped),
		TEST(test_a_store_that_does_not_answer_keeps_no_request_for_ever),
		TEST(test_a_named_consumer_is_told_of),
		TEST(test_a_consumer_that_was_forgotten_begins_anew),
		TEST(test_what_was_confirmed_of_another_history_does_not_count),
		TEST(test_however_often_a_consumer_asks_its_owner_is_told_now_and_then),
		TEST(test_refuses_consumers_of_too_many_names),
		TEST(test_refuses_an_endpoint_that_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
