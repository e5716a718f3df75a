/* Control over real sockets: each request has its answer, also the one that is none. */
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
#include "flow/control.h"

#define MS      20000
#define PENDING 64

struct desk {
	struct bench bench;
	const char *endpoint;
	struct control_server *server;
	uint64_t tokens[256];
	unsigned taken, wanted;
	enum control_verb verb;
	bool at_once;
	struct arena *arena;
};

static void on_request(void *owner, uint64_t token, const struct control_request *request)
{
	struct desk *desk = owner;

	desk->tokens[desk->taken++ % ARRAY_LENGTH(desk->tokens)] = token;
	desk->verb = request->verb;
	if (desk->at_once)
		control_reply(desk->server, token,
			&(struct control_answer){ .done = true, .sentence = request->name ? request->name : "done" });
}

static int open_server(struct desk *desk, const char *endpoint, struct control_server **ret, struct fault *fault)
{
	return control_new(desk->bench.loop, desk->bench.context, (const char *const[]){ endpoint, NULL },
		&(struct control_handlers){ desk, on_request }, ret, fault);
}

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct fault fault;

	bench_open(&desk->bench);
	desk->endpoint = bench_endpoint(&desk->bench, "control");
	assert_int_equal(arena_new(1024 * 1024, &desk->arena), 0);
	assert_int_equal(open_server(desk, desk->endpoint, &desk->server, &fault), 0);
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	desk->server = control_free(desk->server);
	desk->arena = arena_free(desk->arena);
	bench_close(&desk->bench);
	free(desk);
	return 0;
}

static void ask(struct desk *desk, void *peer, const struct control_request *request)
{
	struct bytes bytes;

	assert_int_equal(wire_pack_control_request(desk->arena, request, &bytes), 0);
	assert_true(zmq_send(peer, bytes.data, bytes.n, 0) >= 0);
}

static void assert_answer(struct desk *desk, void *peer, bool done, const char *word)
{
	struct control_answer answer;
	zmq_msg_t frame;

	assert_int_equal(bench_receive(&desk->bench, peer, MS, &frame), 1);
	assert_int_equal(wire_unpack_control_answer(
				 desk->arena, (struct bytes){ zmq_msg_data(&frame), zmq_msg_size(&frame) }, &answer),
		0);
	assert_int_equal(answer.done, done);
	assert_non_null(strstr(answer.sentence, word));
	(void)zmq_msg_close(&frame);
	arena_reset(desk->arena);
}

static bool has_taken(void *context)
{
	struct desk *desk = context;

	return desk->taken >= desk->wanted;
}

static void test_answers_each_request_to_who_asked(void **state)
{
	struct desk *desk = *state;
	void *first = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	void *second = bench_peer(&desk->bench, ZMQ_REQ, desk->endpoint);

	desk->at_once = true;
	ask(desk, first, &(struct control_request){ .verb = CONTROL_FORGET, .name = "one" });
	ask(desk, second, &(struct control_request){ .verb = CONTROL_FORGET, .name = "two" });
	assert_answer(desk, second, true, "two");
	assert_answer(desk, first, true, "one");
	assert_int_equal(desk->verb, CONTROL_FORGET);
	(void)zmq_close(first);
	(void)zmq_close(second);
}

static void test_answers_later_and_once(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	const struct control_answer answer = { .done = true, .sentence = "later" };

	ask(desk, peer, &(struct control_request){ .verb = CONTROL_STATUS });
	desk->wanted = 1;
	assert_true(bench_run(&desk->bench, has_taken, desk, MS));
	control_reply(desk->server, desk->tokens[0] + 99, &answer);
	control_reply(desk->server, desk->tokens[0], &answer);
	control_reply(desk->server, desk->tokens[0], &(struct control_answer){ .done = true, .sentence = "again" });
	assert_answer(desk, peer, true, "later");
	desk->at_once = true;
	ask(desk, peer, &(struct control_request){ .verb = CONTROL_FORGET, .name = "next" });
	assert_answer(desk, peer, true, "next");
	(void)zmq_close(peer);
}

static void test_refuses_what_is_no_request(void **state)
{
	struct desk *desk = *state;
	void *peer = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);

	assert_int_equal(SEND(peer, "\xff\xff\xff"), 0);
	assert_answer(desk, peer, false, "no control request");
	assert_int_equal(SEND(peer, "two", "frames"), 0);
	assert_answer(desk, peer, false, "one frame");
	assert_int_equal(desk->taken, 0);
	(void)zmq_close(peer);
}

static void test_refuses_more_than_it_can_remember(void **state)
{
	struct desk *desk = *state;
	void *peers[PENDING + 1];

	for (unsigned i = 0; i < PENDING; i++) {
		peers[i] = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
		ask(desk, peers[i], &(struct control_request){ .verb = CONTROL_STATUS });
	}
	desk->wanted = PENDING;
	assert_true(bench_run(&desk->bench, has_taken, desk, MS));
	peers[PENDING] = bench_peer(&desk->bench, ZMQ_DEALER, desk->endpoint);
	ask(desk, peers[PENDING], &(struct control_request){ .verb = CONTROL_STATUS });
	assert_answer(desk, peers[PENDING], false, "too many");

	/* An answer to one that is gone makes room, as any other. */
	(void)zmq_close(peers[0]);
	control_reply(desk->server, desk->tokens[0], &(struct control_answer){ .done = true, .sentence = "gone" });
	desk->at_once = true;
	ask(desk, peers[PENDING], &(struct control_request){ .verb = CONTROL_FORGET, .name = "room" });
	assert_answer(desk, peers[PENDING], true, "room");
	for (unsigned i = 1; i <= PENDING; i++)
		(void)zmq_close(peers[i]);
}

static void test_serves_only_where_a_file_can_guard_it(void **state)
{
	struct desk *desk = *state;
	struct control_server *server = NULL;
	struct fault fault = { "" };

	assert_int_equal(open_server(desk, "tcp://127.0.0.1:*", &server, &fault), -EINVAL);
	assert_non_null(strstr(fault.sentence, "not ipc://"));
	assert_int_equal(open_server(desk, desk->endpoint, &server, &fault), -EADDRINUSE);
	assert_null(server);
	assert_null(control_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers_each_request_to_who_asked),
		TEST(test_answers_later_and_once),
		TEST(test_refuses_what_is_no_request),
		TEST(test_refuses_more_than_it_can_remember),
		TEST(test_serves_only_where_a_file_can_guard_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
