/* Submitting over real sockets: acks in order, and peers that leave, do not read, or send what is no event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/bench.h"
#include "flow/submit.h"

#define EVENTS_MAX  20000
#define MS          20000
#define CONNECTIONS 1000

struct desk {
	struct bench bench;
	const char *endpoint;
	struct submit_server *server;
	unsigned taken, wanted;
	uint64_t clients[EVENTS_MAX];
	char last[64];
	struct arena *arena;
};

static void on_event(void *owner, uint64_t client, const void *bytes, size_t n)
{
	struct desk *desk = owner;

	desk->clients[desk->taken++ % EVENTS_MAX] = client;
	n = n < sizeof(desk->last) - 1 ? n : sizeof(desk->last) - 1;
	memcpy(desk->last, bytes, n);
	desk->last[n] = '\0';
}

static void on_failure(void *owner)
{
	(void)owner;
	fail_msg("out of memory");
}

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct fault fault;

	bench_open(&desk->bench);
	desk->endpoint = bench_endpoint(&desk->bench, "submit");
	assert_int_equal(arena_new(1024 * 1024, &desk->arena), 0);
	assert_int_equal(
		submit_new(desk->bench.loop, desk->bench.context, (const char *const[]){ desk->endpoint, NULL },
			&(struct submit_handlers){ desk, on_event, on_failure }, &desk->server, &fault),
		0);
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	desk->server = submit_free(desk->server);
	desk->arena = arena_free(desk->arena);
	bench_close(&desk->bench);
	free(desk);
	return 0;
}

static bool has_taken(void *context)
{
	struct desk *desk = context;

	return desk->taken >= desk->wanted;
}

static void take(struct desk *desk, unsigned wanted)
{
	desk->wanted = wanted;
	assert_true(bench_run(&desk->bench, has_taken, desk, MS));
	assert_int_equal(desk->taken, wanted);
}

static struct submit_counts counts_of(struct desk *desk)
{
	struct submit_counts counts;

	submit_counts(desk->server, &counts);
	return counts;
}

static void acknowledge(struct desk *desk, unsigned i)
{
	submit_ack(desk->server, desk->clients[i % EVENTS_MAX],
		&(struct ack){ .id = "e", .disposition = DISPOSITION_ACCEPTED, .seq = i + 1 });
}

/* The peer's next ack; frames: 0 where none came. */
static size_t next_ack(struct desk *desk, void *peer, int ms, struct ack *ret)
{
	zmq_msg_t frame;
	size_t n = bench_receive(&desk->bench, peer, ms, &frame);

	arena_reset(desk->arena);
	if (n)
		assert_int_equal(
			wire_unpack_ack(desk->arena, (struct bytes){ zmq_msg_data(&frame), zmq_msg_size(&frame) }, ret),
			0);
	(void)zmq_msg_close(&frame);
	return n;
}

static void assert_refused(struct desk *desk, void *peer, const char *word)
{
	struct ack ack;

	assert_true(next_ack(desk, peer, MS, &ack) > 0);
	assert_int_equal(ack.disposition, DISPOSITION_NONE);
	assert_non_null(strstr(ack.sentence, word));
}

static void test_acks_come_in_the_order_of_each_connection(void **state)
{
	struct desk *desk = *state;
	void *peers[3];
	struct ack ack;

	for (size_t p = 0; p < ARRAY_LENGTH(peers); p++)
		peers[p] = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(SEND(peers[i % 3], "event"), 0);
	take(desk, 300);
	assert_int_equal(counts_of(desk).connections, 3);
	for (unsigned i = 0; i < 300; i++)
		acknowledge(desk, i);
	for (size_t p = 0; p < ARRAY_LENGTH(peers); p++) {
		uint64_t last = 0;

		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(next_ack(desk, peers[p], MS, &ack), 1);
			assert_true(ack.seq > last);
			last = ack.seq;
		}
		(void)zmq_close(peers[p]);
	}
	assert_int_equal(counts_of(desk).events, 300);
	assert_int_equal(counts_of(desk).acks, 300);
	assert_int_equal(counts_of(desk).dropped_acks, 0);
}

static void test_serves_a_req_socket(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_REQ, desk->endpoint);
	struct ack ack;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(SEND(peer, "asked"), 0);
		take(desk, i + 1);
		assert_string_equal(desk->last, "asked");
		acknowledge(desk, i);
		assert_int_equal(next_ack(desk, peer, MS, &ack), 1);
		assert_int_equal(ack.seq, i + 1);
	}
	(void)zmq_close(peer);
}

static bool all_bad_counted(void *context)
{
	return counts_of(context).bad_frames == 4;
}

static void test_refuses_and_counts_what_is_not_of_one_frame(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);

	assert_int_equal(SEND(peer, "a", "b"), 0);
	assert_int_equal(SEND(peer, "a", "", "b"), 0);
	assert_int_equal(SEND(peer, "", "a", "b"), 0);
	assert_int_equal(SEND(peer, "1", "2", "3", "4", "5", "6"), 0);
	assert_true(bench_run(&desk->bench, all_bad_counted, desk, MS));
	for (int i = 0; i < 3; i++)
		assert_refused(desk, peer, "one frame");
	assert_int_equal(SEND(peer, "good"), 0);
	take(desk, 1);
	assert_string_equal(desk->last, "good");
	assert_int_equal(SEND(peer, ""), 0);
	take(desk, 2);
	assert_string_equal(desk->last, "");
	(void)zmq_close(peer);
}

static void test_takes_nothing_while_paused(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);

	submit_pause(desk->server, true);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(SEND(peer, "event"), 0);
	assert_false(bench_run(&desk->bench, NULL, NULL, 100));
	assert_int_equal(desk->taken, 0);
	submit_pause(desk->server, false);
	take(desk, 500);
	(void)zmq_close(peer);
}

static bool has_dropped(void *context)
{
	struct desk *desk = context;

	for (unsigned i = 0; i < 100; i++)
		acknowledge(desk, 0);
	return counts_of(desk).dropped_acks > 0;
}

/* Between the acks it was given and the refusal none is missing. */
static void test_who_does_not_read_acks_gets_none_any_more_and_is_told_to_connect_anew(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint), *fresh;
	struct ack ack;
	uint64_t given;

	assert_int_equal(SEND(peer, "event"), 0);
	take(desk, 1);
	assert_true(bench_run(&desk->bench, has_dropped, desk, MS));
	given = counts_of(desk).acks;
	for (uint64_t i = 0; i < given; i++) {
		assert_int_equal(next_ack(desk, peer, MS, &ack), 1);
		assert_int_equal(ack.disposition, DISPOSITION_ACCEPTED);
	}
	acknowledge(desk, 0);
	assert_int_equal(counts_of(desk).acks, given);
	assert_int_equal(SEND(peer, "event"), 0);
	assert_refused(desk, peer, "connect anew");
	assert_int_equal(desk->taken, 1);

	fresh = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	assert_int_equal(SEND(fresh, "event"), 0);
	take(desk, 2);
	acknowledge(desk, 1);
	assert_int_equal(next_ack(desk, fresh, MS, &ack), 1);
	(void)zmq_close(peer);
	(void)zmq_close(fresh);
}

static bool is_forgotten(void *context)
{
	struct desk *desk = context;

	acknowledge(desk, 0);
	return counts_of(desk).connections == 0;
}

static void test_forgets_who_is_gone(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);

	assert_int_equal(SEND(peer, "event"), 0);
	take(desk, 1);
	(void)zmq_close(peer);
	assert_true(bench_run(&desk->bench, is_forgotten, desk, MS));
	acknowledge(desk, 0);
	assert_true(counts_of(desk).dropped_acks >= 2);
}

static void test_refuses_more_connections_than_may_wait_for_acks(void **state)
{
	struct desk *desk = *state;
	void *peers[CONNECTIONS + 2];

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		peers[i] = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
		assert_int_equal(SEND(peers[i], "event"), 0);
	}
	take(desk, CONNECTIONS);
	peers[CONNECTIONS] = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	assert_int_equal(SEND(peers[CONNECTIONS], "event"), 0);
	assert_refused(desk, peers[CONNECTIONS], "too many connections");
	assert_int_equal(desk->taken, CONNECTIONS);

	/* One that waits for nothing makes room; what was turned away must connect anew, or its events would be out of order. */
	acknowledge(desk, 17);
	assert_int_equal(SEND(peers[CONNECTIONS], "the next"), 0);
	assert_refused(desk, peers[CONNECTIONS], "too many connections");
	peers[CONNECTIONS + 1] = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	assert_int_equal(SEND(peers[CONNECTIONS + 1], "event"), 0);
	take(desk, CONNECTIONS + 1);
	assert_int_equal(counts_of(desk).connections, CONNECTIONS + 1); /* the one that is cut too */
	for (unsigned i = 0; i < ARRAY_LENGTH(peers); i++)
		(void)zmq_close(peers[i]);
}

static void test_refuses_while_another_leads(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	struct ack ack;

	submit_refuse(desk->server, true);
	assert_int_equal(SEND(peer, "event"), 0);
	assert_refused(desk, peer, "does not lead");
	submit_refuse(desk->server, false);
	assert_int_equal(SEND(peer, "the next"), 0); /* the one before is missing */
	assert_refused(desk, peer, "did not a moment ago");
	assert_int_equal(desk->taken, 0);
	(void)zmq_close(peer);
	peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	assert_int_equal(SEND(peer, "event"), 0);
	take(desk, 1);
	acknowledge(desk, 0);
	assert_int_equal(next_ack(desk, peer, MS, &ack), 1);
	assert_int_equal(ack.disposition, DISPOSITION_ACCEPTED);
	(void)zmq_close(peer);
}

/* What was taken of it is dropped by an owner that leads no more: what follows would come out of order. */
static void test_takes_nothing_more_from_a_connection_of_which_something_was_dropped(void **state)
{
	struct desk *desk = *state;
	void *dropped = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	void *idle = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	struct ack ack;

	assert_int_equal(SEND(idle, "event"), 0);
	take(desk, 1);
	acknowledge(desk, 0);
	assert_int_equal(next_ack(desk, idle, MS, &ack), 1);
	assert_int_equal(SEND(dropped, "event"), 0);
	take(desk, 2);
	submit_refuse(desk->server, true);
	submit_refuse(desk->server, false);
	assert_int_equal(SEND(dropped, "the next"), 0);
	assert_refused(desk, dropped, "connect to the next endpoint");
	acknowledge(desk, 1); /* too late */
	assert_int_equal(counts_of(desk).dropped_acks, 1);
	assert_int_equal(SEND(idle, "event"), 0);
	take(desk, 3);
	(void)zmq_close(dropped);
	(void)zmq_close(idle);
}

/* Else the ack of the next event would be taken for that of the one that could not be kept. */
static void test_takes_nothing_behind_an_event_that_could_not_be_kept(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	void *other = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);

	assert_int_equal(SEND(peer, "event"), 0);
	take(desk, 1);
	submit_drop(desk->server, desk->clients[0], "not kept: send again");
	assert_refused(desk, peer, "not kept");
	assert_int_equal(SEND(peer, "the next"), 0);
	assert_refused(desk, peer, "not kept");
	assert_int_equal(SEND(other, "event"), 0);
	take(desk, 2);
	assert_string_equal(desk->last, "event");
	(void)zmq_close(peer);
	(void)zmq_close(other);
}

static void test_refuses_an_endpoint_that_is_taken(void **state)
{
	struct desk *desk = *state;
	struct submit_server *second = NULL;
	struct fault fault = { "" };

	assert_int_equal(
		submit_new(desk->bench.loop, desk->bench.context, (const char *const[]){ desk->endpoint, NULL },
			&(struct submit_handlers){ desk, on_event, on_failure }, &second, &fault),
		-EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(fault.sentence, desk->endpoint));
	assert_null(submit_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_acks_come_in_the_order_of_each_connection),
		TEST(test_serves_a_req_socket),
		TEST(test_refuses_and_counts_what_is_not_of_one_frame),
		TEST(test_takes_nothing_while_paused),
		TEST(test_who_does_not_read_acks_gets_none_any_more_and_is_told_to_connect_anew),
		TEST(test_forgets_who_is_gone),
		TEST(test_refuses_more_connections_than_may_wait_for_acks),
		TEST(test_refuses_while_another_leads),
		TEST(test_takes_nothing_more_from_a_connection_of_which_something_was_dropped),
		TEST(test_takes_nothing_behind_an_event_that_could_not_be_kept),
		TEST(test_refuses_an_endpoint_that_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
