/* Submitting to a daemon that goes away at any moment: the client comes back by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_server_that_dies_as_the_client_leaves_it_does_not_stop_the_client),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
