/* One control request: answered, or a sentence that says why not. The daemon's side runs in a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <zmq.h>

#include "client/client.h"

#define MS 20000

/* What the daemon does with a request. */
enum manner { ANSWERS, BABBLES, LEAVES, IS_SILENT };

struct scene {
	char dir[64], endpoint[108];
	void *context;
	pthread_t thread;
	enum manner manner;
	atomic_bool ready, end;
	struct arena *arena;
	struct fault fault;
};

static void reply(struct scene *scene, void *server, const char *id, size_t n)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	const struct control_answer answer = { .done = true, .sentence = "so it is", .json = "{}" };
	struct bytes bytes = { (const uint8_t *)"\xff", 1 };

	if (scene->manner == ANSWERS && arena_new(65536, &arena) == 0)
		(void)wire_pack_control_answer(arena, &answer, &bytes);
	(void)zmq_send(server, id, n, ZMQ_SNDMORE);
	(void)zmq_send(server, bytes.data, bytes.n, 0);
}

static void *run(void *context)
{
	struct scene *scene = context;
	void *server = zmq_socket(scene->context, ZMQ_ROUTER);
	char id[256], body[4096];

	(void)zmq_setsockopt(server, ZMQ_LINGER, &(int){ 0 }, sizeof(int));
	(void)zmq_bind(server, scene->endpoint);
	scene->ready = true;
	while (!scene->end) {
		zmq_pollitem_t item = { .socket = server, .events = ZMQ_POLLIN };
		int n;

		if (zmq_poll(&item, 1, 10) <= 0)
			continue;
		n = zmq_recv(server, id, sizeof(id), 0);
		(void)zmq_recv(server, body, sizeof(body), 0);
		if (scene->manner == LEAVES)
			break;
		if (scene->manner != IS_SILENT)
			reply(scene, server, id, (size_t)n);
	}
	(void)zmq_close(server);
	return NULL;
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	(void)stpcpy(scene->dir, "/tmp/control.XXXXXX");
	assert_non_null(mkdtemp(scene->dir));
	(void)snprintf(scene->endpoint, sizeof(scene->endpoint), "ipc://%s/c", scene->dir);
	scene->context = zmq_ctx_new();
	assert_int_equal(arena_new(1024 * 1024, &scene->arena), 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	(void)zmq_ctx_term(scene->context);
	(void)unlink(scene->endpoint + strlen("ipc://"));
	(void)rmdir(scene->dir);
	scene->arena = arena_free(scene->arena);
	free(scene);
	return 0;
}

static int ask(struct scene *scene, int timeout_ms, struct control_answer *ret)
{
	const struct control_request request = { .verb = CONTROL_STATUS };

	scene->fault = (struct fault){ "" };
	return client_control(scene->endpoint, &request, timeout_ms, scene->arena, ret, &scene->fault);
}

static int ask_one_that(struct scene *scene, enum manner manner, int timeout_ms, struct control_answer *ret)
{
	int r;

	scene->manner = manner;
	assert_int_equal(pthread_create(&scene->thread, NULL, run, scene), 0);
	while (!scene->ready)
		(void)usleep(1000);
	r = ask(scene, timeout_ms, ret);
	scene->end = true;
	assert_int_equal(pthread_join(scene->thread, NULL), 0);
	return r;
}

static void test_gives_the_answer(void **state)
{
	struct control_answer answer;

	assert_int_equal(ask_one_that(*state, ANSWERS, MS, &answer), 0);
	assert_true(answer.done);
	assert_string_equal(answer.sentence, "so it is");
	assert_string_equal(answer.json, "{}");
}

static void test_says_that_an_answer_is_none(void **state)
{
	struct scene *scene = *state;
	struct control_answer answer;

	assert_int_equal(ask_one_that(scene, BABBLES, MS, &answer), -EPROTO);
	assert_non_null(strstr(scene->fault.sentence, "no control answer"));
}

/* It may have been done: it is not asked again. */
static void test_says_that_the_answer_was_lost(void **state)
{
	struct scene *scene = *state;
	struct control_answer answer;

	assert_int_equal(ask_one_that(scene, LEAVES, MS, &answer), -EPROTO);
	assert_non_null(strstr(scene->fault.sentence, "lost before the answer"));
}

static void test_says_that_no_answer_came_in_time(void **state)
{
	struct scene *scene = *state;
	struct control_answer answer;

	assert_int_equal(ask_one_that(scene, IS_SILENT, 300, &answer), -ETIMEDOUT);
	assert_non_null(strstr(scene->fault.sentence, "300 ms"));
}

static void test_says_at_once_that_nobody_is_there(void **state)
{
	struct scene *scene = *state;
	struct control_answer answer;

	assert_int_equal(ask(scene, 1000 * MS, &answer), -ETIMEDOUT);
	assert_non_null(strstr(scene->fault.sentence, "is the daemon running?"));
	(void)stpcpy(scene->endpoint, "nonsense");
	assert_int_equal(ask(scene, MS, &answer), -EINVAL);
	assert_non_null(strstr(scene->fault.sentence, "nonsense"));
}

static void test_refuses_a_request_that_is_too_large(void **state)
{
	struct scene *scene = *state;
	CLEANUP(arena_freep) struct arena *small = NULL;
	const struct control_request request = { .verb = CONTROL_FORGET, .name = "somebody" };
	struct control_answer answer;

	assert_int_equal(arena_new(8, &small), 0);
	assert_true(client_control(scene->endpoint, &request, MS, small, &answer, &scene->fault) < 0);
	assert_non_null(strstr(scene->fault.sentence, "too large"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gives_the_answer),
		TEST(test_says_that_an_answer_is_none),
		TEST(test_says_that_the_answer_was_lost),
		TEST(test_says_that_no_answer_came_in_time),
		TEST(test_says_at_once_that_nobody_is_there),
		TEST(test_refuses_a_request_that_is_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
