/* One ZeroMQ socket on an sd-event loop.
 *
 * ZMQ_FD is edge-triggered, and any call on the socket can eat an edge. So the IO source only wakes the loop; a
 * prepare callback reads ZMQ_EVENTS and, when there is something to do, arms a oneshot defer source; the defer calls
 * `readable` / `writable`, each of which handles up to a budget of messages with ZMQ_DONTWAIT. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/error.h"

#define FLOW_BUDGET     64 /* messages a turn of the loop and socket */
#define FLOW_FRAMES_MAX 4

/* The ZeroMQ context of the process: one I/O thread, capped sockets; it takes about FILES_MAX connections (flow/accept.h). NULL: out of memory. */
void *flow_context_new(void);
void *flow_context_free(void *context);
/* Connections that were cut off at once because there were too many. */
uint64_t flow_refused(void);

struct flow_socket;

struct flow_handlers {
	void *owner;
	/* One whole message of 1 to FLOW_FRAMES_MAX frames (more are dropped and counted); the frames are closed afterwards. */
	void (*message)(void *owner, zmq_msg_t *frames, size_t n);
	void (*writable)(void *owner); /* only while flow_socket_want_out() */
};

struct flow_options {
	int type;                /* ZMQ_ROUTER, ... */
	const char *const *bind; /* endpoints, NULL-terminated; or NULL */
	const char *const *connect;
	int64_t max_message;       /* bytes; 0: 1 MiB */
	int send_hwm, receive_hwm; /* 0: 1,000 */
	bool owner_only;           /* ipc: mode 0600 */
};

/* Makes, sets up (heartbeats, linger 0, limits, jittered reconnects, ROUTER_MANDATORY) and binds or connects. A bound ipc path is guarded by a lock file beside
 * it. 0; -EADDRINUSE and others with a sentence that names the endpoint. */
int flow_socket_new(sd_event *loop, void *context, const struct flow_options *options,
	const struct flow_handlers *handlers, struct flow_socket **ret, struct fault *fault);
struct flow_socket *flow_socket_free(struct flow_socket *socket);
DEFINE_CLEANUP(struct flow_socket, flow_socket_free)

/* A handler may free its own socket. */
/* Stops or goes on taking messages: back-pressure. */
void flow_socket_pause(struct flow_socket *socket, bool pause);
void flow_socket_want_out(struct flow_socket *socket, bool want);
/* Sends the frames without blocking: 0; -EAGAIN, -EHOSTUNREACH, ... Bytes are copied. */
struct flow_frame {
	const void *data;
	size_t n;
};
int flow_socket_send(struct flow_socket *socket, const struct flow_frame *frames, size_t n);
void *flow_socket_raw(struct flow_socket *socket);
/* Messages with too many frames, which were dropped. */
uint64_t flow_socket_dropped(const struct flow_socket *socket);

/* What every ZeroMQ socket of ours is set to before it is bound or connected: also for the client library, which has no loop. Zeros mean the defaults of
 * flow_options. 0, or a negated errno. */
int flow_socket_tune(void *zmq_socket, int type, int64_t max_message, int send_hwm, int receive_hwm);
