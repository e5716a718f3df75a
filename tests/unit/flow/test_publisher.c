/* The live side over real sockets: records with their positions, heartbeats with the head, silence without a term. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "flow/bench.h"
#include "flow/publisher.h"

#define MS 20000

struct desk {
	struct bench bench;
	const char *endpoint;
	struct publisher *publisher;
	uint64_t head;
	struct arena *arena;
};

struct live {
	char topic[256];
	struct position position;
	size_t event_size;
};

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct fault fault;

	bench_open(&desk->bench);
	desk->endpoint = bench_endpoint(&desk->bench, "live");
	assert_int_equal(arena_new(1024 * 1024, &desk->arena), 0);
	assert_int_equal(publisher_new(desk->bench.loop, desk->bench.context,
				 (const char *const[]){ desk->endpoint, NULL }, "nz", &desk->publisher, &fault),
		0);
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	desk->publisher = publisher_free(desk->publisher);
	desk->arena = arena_free(desk->arena);
	bench_close(&desk->bench);
	free(desk);
	return 0;
}

static void *subscriber(struct desk *desk, const char *prefix)
{
	void *peer = bench_peer(&desk->bench, ZMQ_SUB, desk->endpoint);

	assert_int_equal(zmq_setsockopt(peer, ZMQ_SUBSCRIBE, prefix, strlen(prefix)), 0);
	return peer;
}

static bool is_readable(void *peer)
{
	zmq_pollitem_t item = { .socket = peer, .events = ZMQ_POLLIN };

	return zmq_poll(&item, 1, 0) > 0;
}

static void copy_frame(void *peer, char *to, size_t size, size_t *ret_n)
{
	int n = zmq_recv(peer, to, size - 1, 0);

	assert_true(n >= 0 && (size_t)n < size);
	to[n] = '\0';
	*ret_n = (size_t)n;
}

static void assert_more(void *peer, int expected)
{
	int more = 0;
	size_t n = sizeof(more);

	assert_int_equal(zmq_getsockopt(peer, ZMQ_RCVMORE, &more, &n), 0);
	assert_int_equal(more, expected);
}

static bool next(struct desk *desk, void *peer, int ms, struct live *ret)
{
	static char position[1024], event[65536];
	size_t n;

	if (!bench_run(&desk->bench, is_readable, peer, ms))
		return false;
	copy_frame(peer, ret->topic, sizeof(ret->topic), &n);
	assert_more(peer, 1);
	copy_frame(peer, position, sizeof(position), &n);
	assert_int_equal(
		wire_unpack_position(desk->arena, (struct bytes){ (uint8_t *)position, n }, &ret->position), 0);
	assert_string_equal(ret->position.stream, "nz");
	assert_more(peer, 1);
	copy_frame(peer, event, sizeof(event), &ret->event_size);
	assert_more(peer, 0);
	return true;
}

static void publish(struct desk *desk, unsigned n, size_t event_size)
{
	static uint8_t event[65536];

	for (unsigned i = 0; i < n; i++) {
		struct wire_record record = { .seq = ++desk->head, .epoch = 5, .event = { event, event_size } };

		TEXT_SET(record.topic, desk->head % 2 ? "task.opened/NELSON" : "ptp.opened/OTARA");
		publisher_send(desk->publisher, &record, 1);
	}
}

static void test_a_heartbeat_carries_the_head_each_second(void **state)
{
	struct desk *desk = *state;
	void *peer = subscriber(desk, HEARTBEAT_TOPIC);
	struct live live;
	int64_t first;

	publisher_lead(desk->publisher, 5, 40);
	assert_true(next(desk, peer, MS, &live));
	first = bench_now_ms();
	assert_string_equal(live.topic, HEARTBEAT_TOPIC "nz");
	assert_int_equal(live.position.epoch, 5);
	assert_int_equal(live.position.seq, 0);
	assert_int_equal(live.position.head, 40);
	assert_int_equal(live.event_size, 0);
	desk->head = 40;
	publish(desk, 3, 10);
	for (int i = 0; i < 2; i++)
		assert_true(next(desk, peer, MS, &live));
	assert_int_equal(live.position.head, 43);
	assert_true(bench_now_ms() - first >= 1500);
	(void)zmq_close(peer);
}

static void test_records_come_in_order_with_their_positions(void **state)
{
	struct desk *desk = *state;
	void *all = subscriber(desk, ""), *some = subscriber(desk, "ptp.");
	struct live live;

	publisher_lead(desk->publisher, 5, 0);
	assert_true(next(desk, all, MS, &live));
	/* Nothing says when the other's subscription has come. */
	while (!is_readable(some)) {
		publish(desk, 2, 100);
		(void)bench_run(&desk->bench, is_readable, some, 20);
	}
	assert_true(next(desk, some, MS, &live));
	assert_string_equal(live.topic, "ptp.opened/OTARA");
	assert_int_equal(live.position.seq % 2, 0);
	assert_int_equal(live.event_size, 100);
	for (uint64_t seq = 1; seq <= desk->head;) {
		assert_true(next(desk, all, MS, &live));
		if (!live.position.seq)
			continue;
		assert_int_equal(live.position.seq, seq);
		assert_int_equal(live.position.epoch, 5);
		assert_true(live.position.head >= seq);
		assert_string_equal(live.topic, seq % 2 ? "task.opened/NELSON" : "ptp.opened/OTARA");
		seq++;
	}
	(void)zmq_close(all);
	(void)zmq_close(some);
}

static void test_is_silent_without_a_term(void **state)
{
	struct desk *desk = *state;
	void *peer = subscriber(desk, "");
	struct live live;

	publish(desk, 10, 10);
	assert_false(next(desk, peer, 1200, &live));
	publisher_lead(desk->publisher, 6, 10);
	assert_true(next(desk, peer, MS, &live));
	assert_int_equal(live.position.seq, 0);
	publisher_lead(desk->publisher, 0, 0);
	publish(desk, 10, 10);
	assert_false(next(desk, peer, 1200, &live));
	(void)zmq_close(peer);
}

/* The slow one loses records, and finds them in the log; the others lose none by it. */
static void test_a_slow_subscriber_costs_nobody_else_a_record(void **state)
{
	struct desk *desk = *state;
	void *slow[20], *good;
	struct live live;

	for (size_t i = 0; i < ARRAY_LENGTH(slow); i++)
		slow[i] = subscriber(desk, "");
	good = subscriber(desk, "");
	publisher_lead(desk->publisher, 5, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(slow); i++)
		assert_true(bench_run(&desk->bench, is_readable, slow[i], MS));
	assert_true(next(desk, good, MS, &live));
	for (unsigned round = 0; round < 100; round++) {
		publish(desk, 50, 20000);
		for (uint64_t seq = desk->head - 49; seq <= desk->head;) {
			assert_true(next(desk, good, MS, &live));
			if (!live.position.seq)
				continue;
			assert_int_equal(live.position.seq, seq);
			seq++;
		}
	}
	(void)zmq_close(good);
	for (size_t i = 0; i < ARRAY_LENGTH(slow); i++)
		(void)zmq_close(slow[i]);
}

/* A subscription longer than any topic ends its connection, and nobody else's. */
static void test_takes_no_subscription_that_can_match_nothing(void **state)
{
	struct desk *desk = *state;
	char prefix[5000];
	void *peer, *good = subscriber(desk, "");
	struct live live;

	memset(prefix, 'x', sizeof(prefix) - 1);
	prefix[sizeof(prefix) - 1] = '\0';
	peer = subscriber(desk, HEARTBEAT_TOPIC);
	publisher_lead(desk->publisher, 5, 0);
	assert_true(next(desk, peer, MS, &live));
	assert_int_equal(zmq_setsockopt(peer, ZMQ_SUBSCRIBE, prefix, strlen(prefix)), 0);
	for (int i = 0; i < 3; i++)
		assert_true(next(desk, good, MS, &live));
	while (next(desk, peer, 0, &live))
		;
	assert_false(next(desk, peer, 1500, &live));
	(void)zmq_close(peer);
	(void)zmq_close(good);
}

static void test_refuses_an_endpoint_that_is_taken(void **state)
{
	struct desk *desk = *state;
	struct publisher *second = NULL;
	struct fault fault = { "" };

	assert_int_equal(publisher_new(desk->bench.loop, desk->bench.context,
				 (const char *const[]){ desk->endpoint, NULL }, "nz", &second, &fault),
		-EADDRINUSE);
	assert_null(second);
	assert_null(publisher_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_heartbeat_carries_the_head_each_second),
		TEST(test_records_come_in_order_with_their_positions),
		TEST(test_is_silent_without_a_term),
		TEST(test_a_slow_subscriber_costs_nobody_else_a_record),
		TEST(test_takes_no_subscription_that_can_match_nothing),
		TEST(test_refuses_an_endpoint_that_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
