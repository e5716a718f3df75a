/* Binding: a path belongs to one process, and what cannot be bound is said in words. Connecting: however many come, the process lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/accept.h"
#include "flow/bench.h"
#include "flow/endpoint.h"

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

static const char *path_of(const char *endpoint)
{
	return endpoint + strlen("ipc://");
}

static int bind_it(void *socket, const char *name, struct endpoint **ret, struct fault *fault)
{
	*fault = (struct fault){ "" };
	return endpoint_bind(socket, name, false, ret, fault);
}

/* In a process of its own, as a second daemon would. */
static int bind_elsewhere(const char *name)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		void *context = zmq_ctx_new();
		struct endpoint *endpoint = NULL;
		struct fault fault;

		_exit(-bind_it(zmq_socket(context, ZMQ_ROUTER), name, &endpoint, &fault));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void test_the_lock_file_keeps_a_second_process_away(void **state)
{
	struct bench *bench = *state;
	const char *name = bench_endpoint(bench, "one");
	void *socket = zmq_socket(bench->context, ZMQ_ROUTER), *second = zmq_socket(bench->context, ZMQ_ROUTER);
	struct endpoint *endpoint = NULL, *other = NULL;
	struct fault fault;
	struct stat st;

	assert_int_equal(bind_it(socket, name, &endpoint, &fault), 0);
	assert_int_equal(bind_elsewhere(name), -EADDRINUSE);
	assert_int_equal(bind_it(second, name, &other, &fault), -EADDRINUSE);
	assert_null(other);
	assert_non_null(strstr(fault.sentence, name));
	assert_non_null(strstr(fault.sentence, ".lock"));

	/* Given back, it is anybody's: the path is gone, the lock file stays, unlocked. */
	assert_null(endpoint_free(endpoint));
	assert_true(stat(path_of(name), &st) < 0 && errno == ENOENT);
	assert_int_equal(bind_elsewhere(name), 0);

	/* Who died left a socket behind, and no lock. */
	assert_int_equal(stat(path_of(name), &st), 0);
	assert_int_equal(bind_it(second, name, &other, &fault), 0);
	assert_null(endpoint_free(other));
	assert_null(endpoint_free(NULL));
	(void)zmq_close(socket);
	(void)zmq_close(second);
}

static void test_says_what_cannot_be_bound(void **state)
{
	struct bench *bench = *state;
	void *socket = zmq_socket(bench->context, ZMQ_ROUTER);
	struct endpoint *endpoint = NULL;
	struct fault fault;
	char name[256];
	int fd;
	const struct {
		const char *name;
		int error;
		const char *word;
	} rows[] = {
		{ "ipc://", -EINVAL, "names no file" },
		{ "ipc://*", -EINVAL, "names no file" },
		{ "ipc://@abstract", -EINVAL, "names no file" },
		{ "ipc:///nowhere/at/all", -ENOENT, "/nowhere/at/all.lock" },
		{ "tcp://1.2.3.4:x", -EINVAL, "tcp://1.2.3.4:x" },
		{ "nothing", -EINVAL, "nothing" },
		{ "tcp://192.0.2.1:5555", -ENODEV, "192.0.2.1" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int r = bind_it(socket, rows[i].name, &endpoint, &fault);

		assert_true(r == rows[i].error || (rows[i].error == -ENODEV && r < 0));
		assert_non_null(strstr(fault.sentence, rows[i].word));
	}
	(void)snprintf(name, sizeof(name), "ipc:///tmp/%0150d", 1);
	assert_int_equal(bind_it(socket, name, &endpoint, &fault), -ENAMETOOLONG);
	assert_non_null(strstr(fault.sentence, "shorter"));

	/* What lies there and is no socket is nobody's to remove. */
	fd = open(path_of(bench_endpoint(bench, "file")), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(bind_it(socket, bench_endpoint(bench, "file"), &endpoint, &fault), -EEXIST);
	assert_non_null(strstr(fault.sentence, "no socket"));
	assert_null(endpoint);
	(void)zmq_close(socket);
}

static void test_a_tcp_endpoint_needs_no_lock(void **state)
{
	struct bench *bench = *state;
	void *socket = zmq_socket(bench->context, ZMQ_ROUTER);
	struct endpoint *endpoint = NULL;
	struct fault fault;

	assert_int_equal(bind_it(socket, "tcp://127.0.0.1:*", &endpoint, &fault), 0);
	assert_null(endpoint_free(endpoint));
	(void)zmq_close(socket);
}

/* ---- Connections ---- */

#define FEW_FILES 120
#define CALLERS   400

static void ignore(void *owner, zmq_msg_t *frames, size_t n)
{
	(void)owner, (void)frames, (void)n;
}

/* A process that may have few descriptors; it ends when told through `end`, and says whether it has refused anyone. */
static _Noreturn void serve(const char *name, int started, int end)
{
	const struct rlimit few = { FEW_FILES, FEW_FILES };
	const struct flow_options options = { .type = ZMQ_ROUTER, .bind = (const char *const[]){ name, NULL } };
	struct flow_socket *socket = NULL;
	struct fault fault;
	sd_event *loop = NULL;
	char byte = 0;

	(void)setrlimit(RLIMIT_NOFILE, &few);
	if (sd_event_new(&loop) < 0 || flow_socket_new(loop, flow_context_new(), &options,
					       &(struct flow_handlers){ .message = ignore }, &socket, &fault) < 0)
		_exit(2);
	(void)!write(started, &byte, 1);
	(void)!read(end, &byte, 1);
	_exit(flow_refused() > 0 ? 0 : 1);
}

static bool is_cut_off(int fd)
{
	char bytes[256];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		;
	return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static int call(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)stpncpy(address.sun_path, path_of(name), sizeof(address.sun_path) - 1);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_who_comes_beyond_the_descriptors_is_refused_and_the_process_lives(void **state)
{
	struct bench *bench = *state;
	const char *name = bench_endpoint(bench, "busy");
	int started[2], end[2], callers[CALLERS], status, cut = 0;
	char byte;
	pid_t child;

	assert_int_equal(pipe(started), 0);
	assert_int_equal(pipe(end), 0);
	child = fork();
	if (child == 0)
		serve(name, started[1], end[0]);
	assert_int_equal(read(started[0], &byte, 1), 1);
	for (int i = 0; i < CALLERS; i++)
		callers[i] = call(name);
	for (int64_t until = bench_now_ms() + 20000; cut < CALLERS - FEW_FILES && bench_now_ms() < until;) {
		cut = 0;
		for (int i = 0; i < CALLERS; i++)
			cut += is_cut_off(callers[i]);
	}
	assert_true(cut >= CALLERS - FEW_FILES);
	assert_int_equal(write(end[1], "", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	for (int i = 0; i < CALLERS; i++)
		(void)close(callers[i]);
	for (int i = 0; i < 2; i++)
		(void)(close(started[i]), close(end[i]));
}

/* Descriptors up to that number are taken. */
static void take_files(int *taken, size_t *n, int number)
{
	int fd;

	while ((fd = dup(STDOUT_FILENO)) >= 0) {
		taken[(*n)++] = fd;
		if (fd + 1 >= number)
			return;
	}
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)stpncpy(address.sun_path, path_of(name), sizeof(address.sun_path) - 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(path_of(name), 0660), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void assert_accepts(int listener, bool expected)
{
	const uint64_t refused = flow_refused();
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (expected) {
		assert_true(fd >= 0);
		(void)close(fd);
		return;
	}
	assert_int_equal(fd, -1);
	assert_int_equal(errno, ECONNABORTED);
	assert_true(flow_refused() <= refused + 1);
}

static void test_the_last_descriptors_are_for_the_owner_and_the_process_itself(void **state)
{
	static int taken[FILES_MAX + 1];
	const char *name = bench_endpoint(*state, "listener");
	struct rlimit limit;
	size_t n = 0;
	int listener = listen_at(name), callers[5], most;

	accept_prepare();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	most = limit.rlim_cur < FILES_MAX ? (int)limit.rlim_cur : FILES_MAX;
	for (size_t i = 0; i < ARRAY_LENGTH(callers); i++)
		callers[i] = call(name);
	assert_accepts(listener, true);
	take_files(taken, &n, most - KEPT_FOR_OURSELVES - KEPT_FOR_OWNER);
	assert_accepts(listener, false);
	assert_true(is_cut_off(callers[1]));
	assert_int_equal(flow_refused(), 1);
	assert_int_equal(chmod(path_of(name), 0600), 0);
	assert_accepts(listener, true);
	take_files(taken, &n, most - KEPT_FOR_OURSELVES);
	assert_accepts(listener, false);
	if (limit.rlim_cur <= FILES_MAX) {
		take_files(taken, &n, most);
		assert_accepts(listener, false);
		(void)close(taken[--n]);
	}
	while (n)
		(void)close(taken[--n]);
	for (size_t i = 0; i < ARRAY_LENGTH(callers); i++)
		(void)close(callers[i]);
	(void)close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_lock_file_keeps_a_second_process_away),
		TEST(test_says_what_cannot_be_bound),
		TEST(test_a_tcp_endpoint_needs_no_lock),
		TEST(test_the_last_descriptors_are_for_the_owner_and_the_process_itself),
		TEST(test_who_comes_beyond_the_descriptors_is_refused_and_the_process_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
