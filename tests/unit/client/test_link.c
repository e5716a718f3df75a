/* One connection at a time: a lost one is noticed, never mended; the next endpoint is tried, after a pause that grows. */
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

#include "base/cleanup.h"
#include "client/link.h"

#define MS 20000

struct scene {
	char dir[64], first[108], second[108];
	const char *endpoints[3];
	void *context;
	struct link link;
	struct fault fault;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	(void)stpcpy(scene->dir, "/tmp/link.XXXXXX");
	assert_non_null(mkdtemp(scene->dir));
	(void)snprintf(scene->first, sizeof(scene->first), "ipc://%s/a", scene->dir);
	(void)snprintf(scene->second, sizeof(scene->second), "ipc://%s/b", scene->dir);
	scene->endpoints[0] = scene->first;
	scene->endpoints[1] = scene->second;
	scene->context = zmq_ctx_new();
	assert_int_equal(link_init(&scene->link, scene->endpoints, &scene->fault), 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	link_done(&scene->link);
	(void)zmq_ctx_term(scene->context);
	(void)unlink(scene->first + strlen("ipc://"));
	(void)unlink(scene->second + strlen("ipc://"));
	(void)rmdir(scene->dir);
	free(scene);
	return 0;
}

static void *serve(struct scene *scene, const char *endpoint)
{
	void *server = zmq_socket(scene->context, ZMQ_ROUTER);

	assert_int_equal(zmq_setsockopt(server, ZMQ_LINGER, &(int){ 0 }, sizeof(int)), 0);
	assert_int_equal(zmq_bind(server, endpoint), 0);
	return server;
}

static void open_now(struct scene *scene)
{
	int r;

	while ((r = link_open(&scene->link, &scene->fault)) == 0)
		(void)usleep(1000);
	assert_int_equal(r, 1);
	assert_int_equal(link_open(&scene->link, &scene->fault), 0);
}

static bool is_lost(struct scene *scene)
{
	for (int64_t until = client_now() + MS; client_now() < until;)
		if (link_wait(&scene->link, NULL, 50, NULL))
			return true;
	return false;
}

static void test_needs_an_endpoint(void **state)
{
	const char *const none[] = { NULL };
	struct fault fault = { "" };
	struct link link;

	(void)state;
	assert_int_equal(link_init(&link, none, &fault), -EINVAL);
	assert_non_null(strstr(fault.sentence, "no endpoint"));
	assert_int_equal(link_init(&link, NULL, &fault), -EINVAL);
}

static void test_says_which_endpoint_is_none(void **state)
{
	const char *const bad[] = { "nonsense", NULL };
	struct fault fault = { "" };
	struct link link;

	(void)state;
	assert_int_equal(link_init(&link, bad, &fault), 0);
	assert_true(link_open(&link, &fault) < 0);
	assert_non_null(strstr(fault.sentence, "nonsense"));
	assert_null(link.socket);
	assert_int_equal(link_wait(&link, NULL, 1, NULL), 0);
	link_done(&link);
}

static void test_reaches_what_is_bound_everywhere_by_the_loopback(void **state)
{
	struct scene *scene = *state;
	void *server = zmq_socket(scene->context, ZMQ_ROUTER), *client = zmq_socket(scene->context, ZMQ_DEALER);
	char bound[64], everywhere[64];
	size_t n = sizeof(bound);
	char byte;

	assert_int_equal(zmq_bind(server, "tcp://*:*"), 0);
	assert_int_equal(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, bound, &n), 0);
	(void)snprintf(everywhere, sizeof(everywhere), "tcp://*%s", strrchr(bound, ':'));
	assert_int_equal(link_connect(client, everywhere), 0);
	assert_int_equal(zmq_send(client, "x", 1, 0), 1);
	assert_true(zmq_recv(server, &byte, 1, 0) > 0);
	assert_int_equal(link_connect(client, "tcp://*:far-too-long-for-a-port"), -EINVAL);
	(void)zmq_setsockopt(client, ZMQ_LINGER, &(int){ 0 }, sizeof(int));
	(void)zmq_close(client);
	(void)zmq_close(server);
}

static void test_a_lost_connection_stays_lost_until_it_is_moved(void **state)
{
	struct scene *scene = *state;
	void *server = serve(scene, scene->first);

	open_now(scene);
	assert_int_equal(link_send(&scene->link, "x", 1), 0);
	assert_int_equal(link_wait(&scene->link, NULL, 100, NULL), 0);
	(void)zmq_close(server);
	assert_true(is_lost(scene));
	assert_int_equal(link_wait(&scene->link, NULL, MS, NULL), 1);
	link_move(&scene->link);
	assert_int_equal(link_wait(&scene->link, NULL, 0, NULL), 0);
}

static void test_carries_messages_and_notices_who_is_gone(void **state)
{
	struct scene *scene = *state;
	void *server = serve(scene, scene->first);
	char id[256], text[16];
	int n;

	open_now(scene);
	assert_int_equal(link_send(&scene->link, "hello", 5), 0);
	n = zmq_recv(server, id, sizeof(id), 0);
	assert_int_equal(zmq_recv(server, text, sizeof(text), 0), 5);
	assert_int_equal(zmq_send(server, id, (size_t)n, ZMQ_SNDMORE), n);
	assert_int_equal(zmq_send(server, "back", 4, 0), 4);
	while (zmq_recv(scene->link.socket, text, sizeof(text), ZMQ_DONTWAIT) < 0)
		assert_int_equal(link_wait(&scene->link, NULL, 50, NULL), 0);
	assert_memory_equal(text, "back", 4);
	assert_true(scene->link.up);
	(void)zmq_close(server);
	assert_true(is_lost(scene));
}

static void test_is_not_connected_again_behind_its_owners_back(void **state)
{
	struct scene *scene = *state;
	void *server = serve(scene, scene->first);
	char word[8];
	int came = 0;

	open_now(scene);
	assert_int_equal(link_send(&scene->link, "first", 5), 0);
	assert_int_equal(zmq_recv(server, word, sizeof(word), 0), 5); /* the routing id */
	assert_int_equal(zmq_recv(server, word, sizeof(word), 0), 5);
	(void)zmq_close(server);
	server = serve(scene, scene->first);
	for (int i = 0; i < 25 && !came; i++) {
		(void)link_send(&scene->link, "later", 5);
		came = zmq_poll(&(zmq_pollitem_t){ .socket = server, .events = ZMQ_POLLIN }, 1, 20);
	}
	(void)zmq_close(server);
	assert_int_equal(came, 0);
	assert_true(is_lost(scene));
}

static void test_notices_that_nobody_is_there(void **state)
{
	struct scene *scene = *state;

	open_now(scene);
	assert_true(is_lost(scene));
	assert_false(scene->link.up);
}

static void test_watches_another_socket_too(void **state)
{
	struct scene *scene = *state;
	void *server = serve(scene, scene->first), *pull = zmq_socket(scene->context, ZMQ_PULL);
	void *push = zmq_socket(scene->context, ZMQ_PUSH);
	bool other = true;

	assert_int_equal(zmq_bind(pull, "inproc://other"), 0);
	assert_int_equal(zmq_connect(push, "inproc://other"), 0);
	open_now(scene);
	while (!scene->link.up)
		assert_int_equal(link_wait(&scene->link, pull, 50, &other), 0);
	assert_false(other);
	assert_int_equal(zmq_send(push, "x", 1, 0), 1);
	for (int64_t until = client_now() + MS; !other && client_now() < until;)
		(void)link_wait(&scene->link, pull, 50, &other);
	assert_true(other);
	(void)zmq_close(push);
	(void)zmq_close(pull);
	(void)zmq_close(server);
}

static void test_moves_through_the_endpoints_pausing_when_all_were_tried(void **state)
{
	struct scene *scene = *state;
	int64_t pause = 0, last = 0;

	assert_string_equal(link_endpoint(&scene->link), scene->first);
	open_now(scene);
	link_move(&scene->link);
	assert_string_equal(link_endpoint(&scene->link), scene->second);
	assert_true(scene->link.not_before <= client_now());
	open_now(scene);
	for (int round = 0; round < 12; round++) {
		link_move(&scene->link);
		pause = scene->link.not_before - client_now();
		if (round < 2)
			last = pause;
	}
	assert_string_equal(link_endpoint(&scene->link), scene->second);
	assert_true(pause > last);
	assert_true(pause <= 2 * 2000 * 2);
	assert_int_equal(link_open(&scene->link, &scene->fault), 0);
	assert_null(scene->link.socket);
	link_good(&scene->link);
	link_move(&scene->link);
	assert_true(scene->link.not_before <= client_now());
}

static void test_goes_where_it_is_sent_once(void **state)
{
	struct scene *scene = *state;

	open_now(scene);
	link_redirect(&scene->link, "ipc:///run/leader");
	assert_string_equal(link_endpoint(&scene->link), "ipc:///run/leader");
	link_redirect(&scene->link, scene->second);
	assert_string_equal(link_endpoint(&scene->link), scene->second);
	open_now(scene);
	link_move(&scene->link);
	assert_string_equal(link_endpoint(&scene->link), scene->second);
	link_move(&scene->link);
	assert_string_equal(link_endpoint(&scene->link), scene->first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needs_an_endpoint),
		cmocka_unit_test(test_says_which_endpoint_is_none),
		TEST(test_reaches_what_is_bound_everywhere_by_the_loopback),
		TEST(test_a_lost_connection_stays_lost_until_it_is_moved),
		TEST(test_carries_messages_and_notices_who_is_gone),
		TEST(test_is_not_connected_again_behind_its_owners_back),
		TEST(test_notices_that_nobody_is_there),
		TEST(test_watches_another_socket_too),
		TEST(test_moves_through_the_endpoints_pausing_when_all_were_tried),
		TEST(test_goes_where_it_is_sent_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
