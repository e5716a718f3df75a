/* A ZeroMQ socket on the loop: no edge is lost, a path is bound once, a pause is quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "flow/bench.h"

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench_open(bench);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	bench_close(*state);
	free(*state);
	return 0;
}

/* ---- Stalls ---- */

#define MESSAGES 10000
#define BURST    250

struct echo {
	struct bench *bench;
	struct flow_socket *socket;
	void *peer;
	sd_event_source *timer, *peer_timer;
	uint32_t sent, received, timer_sent, back;
	bool out_of_order;
	uint8_t id[255];
	size_t id_size;
};

static void on_echo(void *owner, zmq_msg_t *frames, size_t n)
{
	struct echo *echo = owner;
	uint32_t number;

	assert_int_equal(n, 2);
	memcpy(&number, zmq_msg_data(&frames[1]), sizeof(number));
	echo->out_of_order |= number != echo->received;
	echo->received++;
	echo->id_size = zmq_msg_size(&frames[0]);
	memcpy(echo->id, zmq_msg_data(&frames[0]), echo->id_size);
}

/* The sends of a timer eat edges of the same socket. */
static int on_send_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct echo *echo = userdata;
	const struct flow_frame frames[] = { { echo->id, echo->id_size }, { "tick", 4 } };

	for (int i = 0; echo->id_size && i < 3; i++)
		if (flow_socket_send(echo->socket, frames, 2) == 0)
			echo->timer_sent++;
	(void)sd_event_source_set_time(source, usec + 300);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_burst_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct echo *echo = userdata;
	char buffer[16];

	for (int i = 0; i < BURST && echo->sent < MESSAGES; i++, echo->sent++)
		if (zmq_send(echo->peer, &echo->sent, sizeof(echo->sent), ZMQ_DONTWAIT) < 0)
			break;
	while (zmq_recv(echo->peer, buffer, sizeof(buffer), ZMQ_DONTWAIT) >= 0)
		echo->back++;
	(void)sd_event_source_set_time(source, usec + 2000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static bool all_received(void *context)
{
	struct echo *echo = context;

	return echo->received >= MESSAGES && echo->timer_sent > 100;
}

static void echo_over(struct bench *bench, const char *endpoint)
{
	struct echo echo = { .bench = bench };
	struct fault fault = { "" };
	const char *bind[] = { endpoint, NULL };
	struct flow_options options = { .type = ZMQ_ROUTER, .bind = bind };
	const struct flow_handlers handlers = { &echo, on_echo, NULL };
	int r;

	/* A port that was free may be somebody else's by now. */
	while ((r = flow_socket_new(bench->loop, bench->context, &options, &handlers, &echo.socket, &fault)) ==
		-EADDRINUSE)
		bind[0] = endpoint = bench_tcp(bench);
	assert_int_equal(r, 0);
	echo.peer = bench_peer(bench, ZMQ_DEALER, endpoint);
	assert_true(sd_event_add_time(bench->loop, &echo.timer, CLOCK_MONOTONIC, 0, 1, on_send_timer, &echo) >= 0);
	assert_true(
		sd_event_add_time(bench->loop, &echo.peer_timer, CLOCK_MONOTONIC, 0, 1, on_burst_timer, &echo) >= 0);
	assert_true(bench_run(bench, all_received, &echo, 60000));
	assert_false(echo.out_of_order);
	assert_int_equal(echo.received, MESSAGES);
	sd_event_source_disable_unref(echo.timer);
	sd_event_source_disable_unref(echo.peer_timer);
	flow_socket_free(echo.socket);
	zmq_close(echo.peer);
}

static void test_loses_no_edge_while_a_timer_sends(void **state)
{
	echo_over(*state, bench_endpoint(*state, "echo"));
	echo_over(*state, bench_tcp(*state));
}

/* ---- Pause ---- */

struct counter {
	struct flow_socket *socket;
	unsigned messages, frames;
	bool free_it;
};

static void on_count(void *owner, zmq_msg_t *frames, size_t n)
{
	struct counter *counter = owner;

	(void)frames;
	counter->messages++;
	counter->frames += (unsigned)n;
	if (counter->free_it)
		counter->socket = flow_socket_free(counter->socket);
}

static struct flow_socket *counting(struct bench *bench, struct counter *counter, int type, const char *endpoint)
{
	struct flow_options options = { .type = type, .bind = (const char *const[]){ endpoint, NULL } };
	struct fault fault = { "" };

	assert_int_equal(flow_socket_new(bench->loop, bench->context, &options,
				 &(struct flow_handlers){ counter, on_count, NULL }, &counter->socket, &fault),
		0);
	return counter->socket;
}

static long loops;

static int count_loops(sd_event_source *source, void *userdata)
{
	(void)source, (void)userdata;
	loops++;
	return 0;
}

static int nothing(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec, (void)userdata;
	return 0;
}

static void test_is_quiet_while_paused_and_takes_all_afterwards(void **state)
{
	struct bench *bench = *state;
	struct counter counter = { 0 };
	const char *endpoint = bench_endpoint(bench, "pause");
	sd_event_source *prepare = NULL;
	void *peer;

	counting(bench, &counter, ZMQ_ROUTER, endpoint);
	flow_socket_pause(counter.socket, true);
	peer = bench_peer(bench, ZMQ_DEALER, endpoint);
	for (int i = 0; i < 500; i++)
		assert_int_equal(SEND(peer, "x"), 0);
	(void)bench_run(bench, NULL, NULL, 300);
	assert_true(sd_event_add_time(bench->loop, &prepare, CLOCK_MONOTONIC, UINT64_MAX - 1, 0, nothing, NULL) >= 0);
	assert_true(sd_event_source_set_prepare(prepare, count_loops) >= 0);
	loops = 0;
	(void)bench_run(bench, NULL, NULL, 500);
	assert_int_equal(counter.messages, 0);
	/* bench_run() wakes each 5 ms itself */
	assert_in_range(loops, 1, 150);
	flow_socket_pause(counter.socket, false);
	(void)bench_run(bench, NULL, NULL, 200);
	assert_int_equal(counter.messages, 500);
	sd_event_source_disable_unref(prepare);
	flow_socket_free(counter.socket);
	zmq_close(peer);
}

/* libzmq's heartbeats end the process here. */
static void test_a_peer_that_leaves_with_a_full_queue_does_no_harm(void **state)
{
	struct bench *bench = *state;
	const char *endpoint = bench_endpoint(bench, "full");
	struct counter counter = { 0 };
	const struct flow_options options = {
		.type = ZMQ_ROUTER, .bind = (const char *const[]){ endpoint, NULL }, .receive_hwm = 2
	};
	struct flow_socket *socket;
	void *peer;

	assert_int_equal(flow_socket_new(bench->loop, bench->context, &options,
				 &(struct flow_handlers){ .owner = &counter, .message = on_count }, &socket, NULL),
		0);
	flow_socket_pause(socket, true);
	peer = bench_peer(bench, ZMQ_DEALER, endpoint);
	for (int i = 0; i < 50; i++)
		assert_int_equal(SEND(peer, "event"), 0);
	bench_run(bench, NULL, NULL, 300);
	(void)zmq_close(peer);
	bench_run(bench, NULL, NULL, 4500); /* longer than any heartbeat was */
	flow_socket_pause(socket, false);
	bench_run(bench, NULL, NULL, 100);
	assert_true(counter.messages > 0);
	(void)flow_socket_free(socket);
}

/* The answer to a heartbeat is what ends the process here, where nothing is done about it: within a few rounds. */
static void test_a_peer_with_heartbeats_that_leaves_with_a_full_queue_does_no_harm(void **state)
{
	struct bench *bench = *state;
	const char *endpoint = bench_endpoint(bench, "pings");
	struct counter counter = { 0 };
	const struct flow_options options = {
		.type = ZMQ_ROUTER, .bind = (const char *const[]){ endpoint, NULL }, .receive_hwm = 2
	};
	const int every_ms = 1;
	struct flow_socket *socket;

	assert_int_equal(flow_socket_new(bench->loop, bench->context, &options,
				 &(struct flow_handlers){ .owner = &counter, .message = on_count }, &socket, NULL),
		0);
	for (int round = 0; round < 40; round++) {
		const unsigned before = counter.messages;
		void *peer = bench_peer(bench, ZMQ_DEALER, endpoint);

		flow_socket_pause(socket, true);
		assert_int_equal(zmq_setsockopt(peer, ZMQ_HEARTBEAT_IVL, &every_ms, sizeof(every_ms)), 0);
		assert_int_equal(zmq_disconnect(peer, endpoint), 0);
		assert_int_equal(zmq_connect(peer, endpoint), 0);
		for (int i = 0; i < 60; i++) {
			(void)SEND(peer, "event");
			if (i % 4 == 0)
				(void)usleep(1000);
		}
		bench_run(bench, NULL, NULL, 20);
		(void)zmq_close(peer);
		bench_run(bench, NULL, NULL, 20);
		flow_socket_pause(socket, false);
		bench_run(bench, NULL, NULL, 20);
		assert_true(counter.messages > before);
	}
	(void)flow_socket_free(socket);
}

/* ---- Frames ---- */

static void test_drops_and_counts_messages_of_too_many_frames(void **state)
{
	struct bench *bench = *state;
	struct counter counter = { 0 };
	const char *endpoint = bench_endpoint(bench, "frames");
	void *peer;

	counting(bench, &counter, ZMQ_PULL, endpoint);
	peer = bench_peer(bench, ZMQ_PUSH, endpoint);
	SEND(peer, "1", "2", "3", "4", "5", "6");
	SEND(peer, "1", "2", "3", "4");
	SEND(peer, "1");
	(void)bench_run(bench, NULL, NULL, 200);
	assert_int_equal(counter.messages, 2);
	assert_int_equal(counter.frames, 5);
	assert_int_equal(flow_socket_dropped(counter.socket), 1);
	flow_socket_free(counter.socket);
	zmq_close(peer);
}

static void test_a_handler_may_free_its_socket(void **state)
{
	struct bench *bench = *state;
	struct counter counter = { .free_it = true };
	const char *endpoint = bench_endpoint(bench, "free");
	void *peer;

	counting(bench, &counter, ZMQ_PULL, endpoint);
	peer = bench_peer(bench, ZMQ_PUSH, endpoint);
	SEND(peer, "1");
	SEND(peer, "2");
	(void)bench_run(bench, NULL, NULL, 200);
	assert_int_equal(counter.messages, 1);
	assert_null(counter.socket);
	zmq_close(peer);
}

static void test_refuses_a_message_over_the_limit_and_goes_on(void **state)
{
	struct bench *bench = *state;
	struct counter counter = { 0 };
	const char *endpoint = bench_endpoint(bench, "large");
	void *large, *small;
	char *bytes = calloc(1, 2 * 1024 * 1024);

	counting(bench, &counter, ZMQ_PULL, endpoint);
	large = bench_peer(bench, ZMQ_PUSH, endpoint);
	small = bench_peer(bench, ZMQ_PUSH, endpoint);
	assert_true(zmq_send(large, bytes, 2 * 1024 * 1024, 0) > 0);
	(void)bench_run(bench, NULL, NULL, 200);
	assert_int_equal(counter.messages, 0);
	assert_true(zmq_send(small, bytes, 1024 * 1024, 0) > 0);
	(void)bench_run(bench, NULL, NULL, 200);
	assert_int_equal(counter.messages, 1);
	flow_socket_free(counter.socket);
	zmq_close(large);
	zmq_close(small);
	free(bytes);
}

/* ---- Binding ---- */

static int try_bind(
	struct bench *bench, const char *endpoint, bool owner_only, struct flow_socket **ret, struct fault *fault)
{
	struct flow_options options = {
		.type = ZMQ_ROUTER, .bind = (const char *const[]){ endpoint, NULL }, .owner_only = owner_only
	};

	return flow_socket_new(
		bench->loop, bench->context, &options, &(struct flow_handlers){ .owner = bench }, ret, fault);
}

static void test_refuses_what_cannot_be_bound_in_words(void **state)
{
	struct bench *bench = *state;
	char longest[256], occupied[128];
	const struct {
		const char *endpoint;
		int error;
		const char *says;
	} rows[] = {
		{ longest, -ENAMETOOLONG, "107" },
		{ occupied, -EEXIST, "no socket" },
		{ "ipc://", -EINVAL, "names no file" },
		{ "ipc://@abstract", -EINVAL, "names no file" },
		{ "ipc:///nonexistent/dir/x", -ENOENT, "/nonexistent/dir/x.lock" },
		{ "tcp://127.0.0.1:bad", -EINVAL, "tcp://127.0.0.1:bad" },
		{ "nonsense", -EINVAL, "nonsense" },
	};
	struct flow_socket *socket = NULL;
	size_t failed = 0;
	int file;

	(void)snprintf(longest, sizeof(longest), "ipc://%s/%0100d", bench->dir, 1);
	(void)snprintf(occupied, sizeof(occupied), "ipc://%s/file", bench->dir);
	file = open(occupied + strlen("ipc://"), O_CREAT | O_WRONLY, 0600);
	assert_true(file >= 0);
	close(file);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fault fault = { "" };
		int r = try_bind(bench, rows[i].endpoint, false, &socket, &fault);

		if (r == rows[i].error && strstr(fault.sentence, rows[i].says))
			continue;
		print_error("%s: %d, \"%s\"\n", rows[i].endpoint, r, fault.sentence);
		failed++;
	}
	assert_int_equal(failed, 0);
	assert_int_equal(access(occupied + strlen("ipc://"), F_OK), 0);
}

static int bind_in_child(struct bench *bench, const char *endpoint)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		void *context = flow_context_new();
		struct flow_options options = { .type = ZMQ_ROUTER, .bind = (const char *const[]){ endpoint, NULL } };
		struct flow_socket *socket = NULL;
		struct fault fault = { "" };
		sd_event *loop = NULL;
		int r = sd_event_new(&loop);

		r = r < 0 ? r
			  : flow_socket_new(loop, context, &options, &(struct flow_handlers){ .owner = bench }, &socket,
				    &fault);
		_exit(r == 0 ? 0 : r == -EADDRINUSE && strstr(fault.sentence, ".lock") ? 1 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_a_path_is_bound_once(void **state)
{
	struct bench *bench = *state;
	const char *endpoint = bench_endpoint(bench, "once");
	struct flow_socket *first = NULL, *second = NULL;
	struct fault fault = { "" };

	assert_int_equal(try_bind(bench, endpoint, false, &first, &fault), 0);
	assert_int_equal(try_bind(bench, endpoint, false, &second, &fault), -EADDRINUSE);
	assert_non_null(strstr(fault.sentence, endpoint));
	assert_int_equal(bind_in_child(bench, endpoint), 1);
	flow_socket_free(first);
	/* The child ends without unbinding: its socket file is stale, its lock gone. */
	assert_int_equal(bind_in_child(bench, endpoint), 0);
	assert_int_equal(access(endpoint + strlen("ipc://"), F_OK), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(try_bind(bench, endpoint, false, &first, &fault), 0);
		assert_int_equal(access(endpoint + strlen("ipc://"), F_OK), 0);
		flow_socket_free(first);
	}
}

static void test_the_mode_of_a_path_says_who_may_connect(void **state)
{
	struct bench *bench = *state;
	const struct {
		const char *name;
		bool owner_only;
		mode_t mode;
	} rows[] = { { "mine", true, 0600 }, { "ours", false, 0660 } };
	mode_t before = umask(0);

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *endpoint = bench_endpoint(bench, rows[i].name);
		struct flow_socket *socket = NULL;
		struct fault fault = { "" };
		struct stat st;

		assert_int_equal(try_bind(bench, endpoint, rows[i].owner_only, &socket, &fault), 0);
		assert_int_equal(stat(endpoint + strlen("ipc://"), &st), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].mode);
		flow_socket_free(socket);
	}
	assert_int_equal(umask(before), 0);
}

/* ---- Room ---- */

struct first {
	uint8_t id[255];
	size_t id_size;
};

static void on_first(void *owner, zmq_msg_t *frames, size_t n)
{
	struct first *first = owner;

	assert_int_equal(n, 2);
	first->id_size = zmq_msg_size(&frames[0]);
	memcpy(first->id, zmq_msg_data(&frames[0]), first->id_size);
}

static bool has_come(void *context)
{
	const struct first *first = context;

	return first->id_size > 0;
}

/* However quickly they follow each other: what the peer has read is not in the way of the next, though libzmq may not have looked yet. */
static void test_what_was_read_makes_room(void **state)
{
	struct bench *bench = *state;
	const char *endpoint = bench_endpoint(bench, "room");
	const struct flow_options options = {
		.type = ZMQ_ROUTER, .bind = (const char *const[]){ endpoint, NULL }, .send_hwm = 2
	};
	struct first first = { .id_size = 0 };
	struct flow_socket *socket = NULL;
	struct fault fault;
	char byte;
	void *peer;

	assert_int_equal(flow_socket_new(bench->loop, bench->context, &options,
				 &(struct flow_handlers){ .owner = &first, .message = on_first }, &socket, &fault),
		0);
	peer = bench_peer(bench, ZMQ_DEALER, endpoint);
	assert_int_equal(SEND(peer, "hello"), 0);
	assert_true(bench_run(bench, has_come, &first, 20000));
	for (int i = 0; i < 2000; i++) {
		const struct flow_frame frames[] = { { first.id, first.id_size }, { "x", 1 } };

		assert_int_equal(flow_socket_send(socket, frames, 2), 0);
		assert_int_equal(zmq_recv(peer, &byte, 1, 0), 1);
	}
	(void)flow_socket_free(socket);
	(void)zmq_close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_loses_no_edge_while_a_timer_sends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_is_quiet_while_paused_and_takes_all_afterwards, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_peer_that_leaves_with_a_full_queue_does_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_peer_with_heartbeats_that_leaves_with_a_full_queue_does_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_drops_and_counts_messages_of_too_many_frames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_handler_may_free_its_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses_a_message_over_the_limit_and_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses_what_cannot_be_bound_in_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_path_is_bound_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_mode_of_a_path_says_who_may_connect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_read_makes_room, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("flow/socket", tests, NULL, NULL);
}
