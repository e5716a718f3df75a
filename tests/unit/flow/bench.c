#include "flow/bench.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MUST(condition)                     \
	do {                                \
		if (!(condition)) {         \
			perror(#condition); \
			abort();            \
		}                           \
	} while (0)

int64_t bench_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void bench_open(struct bench *bench)
{
	*bench = (struct bench){ .dir = "/tmp/flow.XXXXXX" };
	MUST(mkdtemp(bench->dir));
	MUST(sd_event_new(&bench->loop) >= 0);
	MUST((bench->context = flow_context_new()) != NULL);
	MUST((bench->peers = flow_context_new()) != NULL);
	MUST(zmq_ctx_set(bench->peers, ZMQ_MAX_SOCKETS, 4096) == 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void *end_context(void *context)
{
	return flow_context_free(context);
}

/* A test that failed leaves sockets open, for which libzmq would wait for ever. */
static void end_in_time(void *context)
{
	pthread_t thread;
	struct timespec until;

	MUST(pthread_create(&thread, NULL, end_context, context) == 0);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2;
	if (pthread_timedjoin_np(thread, NULL, &until) != 0)
		(void)fprintf(stderr, "sockets were left open\n");
}

void bench_close(struct bench *bench)
{
	end_in_time(bench->peers);
	end_in_time(bench->context);
	(void)sd_event_unref(bench->loop);
	(void)nftw(bench->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static char *next_endpoint(struct bench *bench)
{
	return bench->endpoint[bench->endpoints++ % ARRAY_LENGTH(bench->endpoint)];
}

const char *bench_endpoint(struct bench *bench, const char *name)
{
	char *endpoint = next_endpoint(bench);

	(void)snprintf(endpoint, sizeof(bench->endpoint[0]), "ipc://%s/%s", bench->dir, name);
	return endpoint;
}

const char *bench_tcp(struct bench *bench)
{
	char *endpoint = next_endpoint(bench);
	size_t n = sizeof(bench->endpoint[0]);
	void *probe = zmq_socket(bench->peers, ZMQ_PAIR);

	MUST(zmq_bind(probe, "tcp://127.0.0.1:*") == 0);
	MUST(zmq_getsockopt(probe, ZMQ_LAST_ENDPOINT, endpoint, &n) == 0);
	MUST(zmq_unbind(probe, endpoint) == 0);
	(void)zmq_close(probe);
	return endpoint;
}

void *bench_peer(struct bench *bench, int type, const char *endpoint)
{
	void *socket = zmq_socket(bench->peers, type);

	MUST(socket != NULL);
	MUST(zmq_setsockopt(socket, ZMQ_LINGER, &(int){ 0 }, sizeof(int)) == 0);
	MUST(zmq_connect(socket, endpoint) == 0);
	return socket;
}

bool bench_run(struct bench *bench, bool (*done)(void *), void *context, int ms)
{
	int64_t until = bench_now_ms() + ms;

	while (bench_now_ms() < until) {
		if (done && done(context))
			return true;
		MUST(sd_event_run(bench->loop, 5000) >= 0);
	}
	return false;
}

static bool is_readable(void *peer)
{
	zmq_pollitem_t item = { .socket = peer, .events = ZMQ_POLLIN };

	return zmq_poll(&item, 1, 0) > 0;
}

size_t bench_receive(struct bench *bench, void *peer, int ms, zmq_msg_t *ret_last)
{
	size_t n = 1;

	(void)zmq_msg_init(ret_last);
	if (!bench_run(bench, is_readable, peer, ms))
		return 0;
	MUST(zmq_msg_recv(ret_last, peer, 0) >= 0);
	for (; zmq_msg_more(ret_last); n++)
		MUST(zmq_msg_recv(ret_last, peer, 0) >= 0);
	return n;
}

int bench_send(void *socket, const char *const *frames)
{
	for (; *frames; frames++)
		if (zmq_send(socket, *frames, strlen(*frames), ZMQ_DONTWAIT | (frames[1] ? ZMQ_SNDMORE : 0)) < 0)
			return -errno;
	return 0;
}
