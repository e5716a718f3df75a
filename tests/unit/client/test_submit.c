/* Submitting to a daemon that goes away at any moment: the client comes back by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/text.h"
#include "client/client.h"
#include "client/link.h"
#include "flow/socket.h"

#define SILENCE_MS 20

static char directory[] = "/tmp/cpps-client.XXXXXX";
static char endpoint[64];
static void *context;

static int begin(void **state)
{
	(void)state;
	context = flow_context_new();
	if (!context || !mkdtemp(directory))
		return -1;
	(void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/submit", directory);
	return 0;
}

static int end(void **state)
{
	(void)state;
	context = flow_context_free(context);
	(void)unlink(endpoint + strlen("ipc://"));
	return rmdir(directory);
}

static void *serve(void)
{
	void *server = zmq_socket(context, ZMQ_ROUTER);
	int none = 0;

	assert_non_null(server);
	assert_int_equal(zmq_setsockopt(server, ZMQ_LINGER, &none, sizeof(none)), 0);
	assert_int_equal(zmq_bind(server, endpoint), 0);
	return server;
}

/* Acknowledges one event, if one is there. */
static bool acknowledge(void *server)
{
	static const uint8_t accepted[] = { 0x18, DISPOSITION_ACCEPTED };
	uint8_t id[256], event[256];
	int n = zmq_recv(server, id, sizeof(id), ZMQ_DONTWAIT);

	if (n < 0 || zmq_recv(server, event, sizeof(event), 0) < 0)
		return false;
	assert_true(zmq_send(server, id, (size_t)n, ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(server, accepted, sizeof(accepted), 0) >= 0);
	return true;
}

/* Sends what is not under way, and takes acks, for about a millisecond. */
static void submit(struct client_submit *client)
{
	static uint64_t number;
	struct ack ack;
	uint64_t acknowledged;

	if (client_submit_pending(client) < 2)
		(void)client_submit_send(client, ++number, "{}", 2);
	(void)client_submit_wait(client, 1, &acknowledged, &ack);
}

/* The server answers once, then is silent, and goes away just when the client's patience ends. */
static void test_a_server_that_dies_as_the_client_leaves_it_does_not_stop_the_client(void **state)
{
	const char *const endpoints[] = { endpoint, NULL };
	const struct client_submit_options options = { .endpoints = endpoints, .silence_ms = SILENCE_MS };
	CLEANUP(client_submit_freep) struct client_submit *client = NULL;

	(void)state;
	assert_int_equal(client_submit_new(&options, &client, NULL), 0);
	for (int round = 0; round < 60; round++) {
		void *server = serve();
		const int64_t began = client_now();
		int64_t heard;

		while (!acknowledge(server)) {
			submit(client);
			if (client_now() - began > 10000)
				fail_msg("round %d: the client does not come back", round);
		}
		heard = client_now();
		while (client_now() - heard < SILENCE_MS + round % 3 - 1)
			submit(client);
		(void)zmq_close(server);
	}
}

/* ---- What each connection is sent ---- */

#define WINDOW 50
#define MS     20000

struct desk {
	void *server;
	struct client_submit *client;
	uint64_t sent, acknowledged; /* numbers; acks come in order */
	uint64_t heard[4096];        /* what the server was sent, on all connections */
	size_t count;
	uint8_t ids[4096][256];
	size_t id_sizes[4096];
	struct arena *arena;
};

static int open_desk(void **state)
{
	static const char *const endpoints[] = { endpoint, NULL };
	const struct client_submit_options options = { .endpoints = endpoints, .window = WINDOW, .silence_ms = MS };
	struct desk *desk = calloc(1, sizeof(*desk));

	desk->server = serve();
	assert_int_equal(arena_new(65536, &desk->arena), 0);
	assert_int_equal(client_submit_new(&options, &desk->client, NULL), 0);
	*state = desk;
	return 0;
}

static int close_desk(void **state)
{
	struct desk *desk = *state;

	desk->client = client_submit_free(desk->client);
	desk->arena = arena_free(desk->arena);
	if (desk->server)
		(void)zmq_close(desk->server);
	free(desk);
	return 0;
}

/* An event whose id is its number. */
static int send_next(struct desk *desk)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "{\"specversion\":\"1.0\",\"id\":\"%lu\",\"source\":\"s\",\"type\":\"t\"}",
		desk->sent + 1);
	int r = client_submit_send(desk->client, desk->sent + 1, text, (size_t)n);

	desk->sent += r == 0;
	return r;
}

static void hear(struct desk *desk)
{
	char text[256];
	int n;

	while (desk->server && desk->count < 4096 &&
		(n = zmq_recv(desk->server, desk->ids[desk->count], 256, ZMQ_DONTWAIT)) > 0) {
		desk->id_sizes[desk->count] = (size_t)n;
		n = zmq_recv(desk->server, text, sizeof(text) - 1, 0);
		assert_true(n > 0);
		text[n] = '\0';
		desk->heard[desk->count++] = strtoul(strstr(text, "\"id\":\"") + 6, NULL, 10);
	}
}

static void answer(struct desk *desk, size_t i, const struct ack *ack)
{
	struct bytes bytes;

	assert_int_equal(wire_pack_ack(desk->arena, ack, &bytes), 0);
	(void)zmq_send(desk->server, desk->ids[i], desk->id_sizes[i], ZMQ_SNDMORE);
	(void)zmq_send(desk->server, bytes.data, bytes.n, 0);
	arena_reset(desk->arena);
}

/* Acknowledges what was heard as the i-th. */
static void accept_heard(struct desk *desk, size_t i)
{
	char id[32];

	(void)snprintf(id, sizeof(id), "%lu", desk->heard[i]);
	answer(desk, i, &(struct ack){ .id = id, .source = "s", .disposition = DISPOSITION_ACCEPTED });
}

/* Client and server, for about a millisecond; acks must come in the order of the numbers. */
static void turn(struct desk *desk)
{
	uint64_t number;
	struct ack ack;

	while (client_submit_wait(desk->client, 1, &number, &ack) == 1)
		assert_int_equal(number, ++desk->acknowledged);
	hear(desk);
}

static void until_heard(struct desk *desk, size_t count)
{
	for (int64_t until = client_now() + MS; desk->count < count;) {
		assert_true(client_now() < until);
		turn(desk);
	}
	assert_int_equal(desk->count, count);
}

static void until_acknowledged(struct desk *desk, uint64_t count)
{
	for (int64_t until = client_now() + MS; desk->acknowledged < count;) {
		assert_true(client_now() < until);
		turn(desk);
	}
}

static void send_many(struct desk *desk, unsigned n)
{
	while (n--)
		assert_int_equal(send_next(desk), 0);
}

/* What was heard from `at` on is `first` and what follows it. */
static void assert_heard(const struct desk *desk, size_t at, uint64_t first)
{
	for (size_t i = at; i < desk->count; i++)
		assert_int_equal(desk->heard[i], first + i - at);
}

static void test_events_go_and_acks_come_in_order(void **state)
{
	struct desk *desk = *state;

	send_many(desk, WINDOW);
	assert_int_equal(send_next(desk), -EAGAIN);
	assert_int_equal(client_submit_pending(desk->client), WINDOW);
	until_heard(desk, WINDOW);
	assert_heard(desk, 0, 1);
	for (size_t i = 0; i < WINDOW; i++)
		accept_heard(desk, i);
	until_acknowledged(desk, WINDOW);
	assert_int_equal(client_submit_pending(desk->client), 0);
	assert_int_equal(client_submit_reconnects(desk->client), 0);
	assert_int_equal(client_submit_send(desk->client, 1, desk, 1024 * 1024 + 1), -EMSGSIZE);
}

static void test_sends_again_in_order_what_a_cut_left_unacknowledged(void **state)
{
	struct desk *desk = *state;

	send_many(desk, 30);
	until_heard(desk, 30);
	for (size_t i = 0; i < 10; i++)
		accept_heard(desk, i);
	until_acknowledged(desk, 10);
	(void)zmq_close(desk->server);
	desk->server = NULL;
	send_many(desk, 5);
	for (int i = 0; i < 20; i++)
		turn(desk);
	desk->server = serve();
	until_heard(desk, 30 + 25);
	assert_heard(desk, 30, 11);
	for (size_t i = 30; i < desk->count; i++)
		accept_heard(desk, i);
	until_acknowledged(desk, 35);
	assert_true(client_submit_reconnects(desk->client) >= 1);
}

/* Each of these tells that the connection has gone wrong: all is sent again, on a new one. */
static void test_sends_again_after_an_ack_that_cannot_be(void **state)
{
	struct desk *desk = *state;
	const struct ack wrong[] = {
		{ .id = "77", .source = "s", .disposition = DISPOSITION_ACCEPTED },
		{ .sentence = "connect anew", .disposition = DISPOSITION_NONE },
	};

	for (size_t w = 0; w < ARRAY_LENGTH(wrong) + 1; w++) {
		const size_t at = desk->count;
		const uint64_t first = desk->acknowledged + 1;

		send_many(desk, 10);
		until_heard(desk, at + 10);
		accept_heard(desk, at);
		until_acknowledged(desk, first);
		if (w < ARRAY_LENGTH(wrong)) {
			answer(desk, at + 1, &wrong[w]);
		} else {
			(void)zmq_send(desk->server, desk->ids[at + 1], desk->id_sizes[at + 1], ZMQ_SNDMORE);
			(void)zmq_send(desk->server, "\xff", 1, 0);
		}
		until_heard(desk, at + 19);
		assert_heard(desk, at + 10, first + 1);
		for (size_t i = at + 10; i < at + 19; i++)
			accept_heard(desk, i);
		until_acknowledged(desk, first + 9);
		assert_int_equal(client_submit_reconnects(desk->client), w + 1);
	}
}

/* A daemon that waits for its database is not flooded with copies. */
static void test_asks_a_silent_server_less_and_less_often(void **state)
{
	const char *const endpoints[] = { endpoint, NULL };
	const struct client_submit_options options = { .endpoints = endpoints, .silence_ms = 50 };
	CLEANUP(client_submit_freep) struct client_submit *client = NULL;
	const int64_t began = client_now();
	void *server = serve();
	uint64_t number;
	struct ack ack;

	(void)state;
	assert_int_equal(client_submit_new(&options, &client, NULL), 0);
	assert_int_equal(client_submit_send(client, 1, "{}", 2), 0);
	while (client_submit_reconnects(client) < 5)
		assert_int_equal(client_submit_wait(client, 20, &number, &ack), 0);
	assert_true(client_now() - began >= 50 + 100 + 200 + 400 + 800);
	(void)zmq_close(server);
}

static void test_goes_to_the_next_endpoint(void **state)
{
	char away[128];
	const char *const endpoints[] = { away, endpoint, NULL };
	const struct client_submit_options options = { .endpoints = endpoints };
	CLEANUP(client_submit_freep) struct client_submit *client = NULL;
	void *server = serve();
	uint64_t number = 0;
	struct ack ack;

	(void)state;
	(void)snprintf(away, sizeof(away), "%s-away", endpoint);
	assert_int_equal(client_submit_new(&options, &client, NULL), 0);
	assert_int_equal(client_submit_send(client, 7, "{}", 2), 0);
	for (int64_t until = client_now() + MS; client_submit_wait(client, 1, &number, &ack) == 0;) {
		assert_true(client_now() < until);
		(void)acknowledge(server);
	}
	assert_int_equal(number, 7);
	(void)zmq_close(server);
}

static void test_says_that_there_is_no_endpoint(void **state)
{
	const char *const none[] = { NULL };
	const struct client_submit_options options = { .endpoints = none };
	struct client_submit *client = NULL;
	struct fault fault = { "" };

	(void)state;
	assert_int_equal(client_submit_new(&options, &client, &fault), -EINVAL);
	assert_null(client);
	assert_non_null(strstr(fault.sentence, "no endpoint"));
}

#define DESK(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK(test_events_go_and_acks_come_in_order),
		DESK(test_sends_again_in_order_what_a_cut_left_unacknowledged),
		DESK(test_sends_again_after_an_ack_that_cannot_be),
		cmocka_unit_test(test_asks_a_silent_server_less_and_less_often),
		cmocka_unit_test(test_goes_to_the_next_endpoint),
		cmocka_unit_test(test_says_that_there_is_no_endpoint),
		cmocka_unit_test(test_a_server_that_dies_as_the_client_leaves_it_does_not_stop_the_client),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
