/* A bench for tests with real sockets: a loop, a context for what is tested, one for its peers, and a directory for ipc paths. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>
#include <zmq.h>

#include "flow/socket.h"

struct bench {
	sd_event *loop;
	void *context, *peers;
	char dir[64];
	char endpoint[8][108]; /* handed out in turn */
	unsigned endpoints;
};

void bench_open(struct bench *bench);
void bench_close(struct bench *bench);
/* "ipc://<dir>/<name>" */
const char *bench_endpoint(struct bench *bench, const char *name);
/* "tcp://127.0.0.1:<a free port>" */
const char *bench_tcp(struct bench *bench);
/* A plain socket with linger 0, connected. */
void *bench_peer(struct bench *bench, int type, const char *endpoint);
/* Runs the loop until `done` says so (true), or for so long (false). `done` NULL: for so long. */
bool bench_run(struct bench *bench, bool (*done)(void *), void *context, int ms);
int64_t bench_now_ms(void);
/* Runs the loop until the peer has a message: the number of its frames, and the last of them, for the caller to close. 0: none came within `ms`. */
size_t bench_receive(struct bench *bench, void *peer, int ms, zmq_msg_t *ret_last);

/* Sends text frames, NULL-terminated; 0 or -EAGAIN. */
int bench_send(void *socket, const char *const *frames);
#define SEND(socket, ...) bench_send((socket), (const char *const[]){ __VA_ARGS__, NULL })
