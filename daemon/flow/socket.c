/* Why a prepare callback: sd-event calls it before it goes to sleep, thus after everything that may have touched the socket in this turn. Reading
 * ZMQ_EVENTS there handles what the edge announced and makes the next change raise a new one; whatever it reports is handled
 * in a later turn by the defer source, so no edge is waited for that has gone by. The read happens also while the socket is paused:
 * otherwise the descriptor would stay readable and the loop would spin. */
#include "flow/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "flow/accept.h"
#include "flow/endpoint.h"

#define SOCKETS_MAX         128
#define MESSAGE_MAX_DEFAULT (1024 * 1024)
#define HWM_DEFAULT         1000
#define RECONNECT_MS        100 /* and as much again at random */
#define RECONNECT_MAX_MS    5000

struct flow_socket {
	void *zmq;
	struct flow_handlers handlers;
	sd_event_source *io, *defer;
	struct endpoint **bound; /* NULL-terminated */
	bool paused, want_out;
	bool busy, freed; /* a handler runs; it has freed the socket, whose memory goes when it has returned */
	uint64_t dropped;
};

/* ---- Context ---- */

void *flow_context_new(void)
{
	void *context;

	accept_prepare();
	context = zmq_ctx_new();
	if (!context)
		return NULL;
	(void)zmq_ctx_set(context, ZMQ_IO_THREADS, 1);
	(void)zmq_ctx_set(context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
	(void)zmq_ctx_set(context, ZMQ_BLOCKY, 0);
	return context;
}

void *flow_context_free(void *context)
{
	while (context && zmq_ctx_term(context) < 0 && errno == EINTR)
		;
	return NULL;
}

/* ---- Options ---- */

/* A half-open connection is found by TCP itself. Not by ZeroMQ's heartbeats: libzmq 4.3.4 ends the process when one is due on a connection that has broken
 * while its queue was full (a failed assertion: _io_error, or _input_stopped), and queues are full whenever we stop reading. */
static const struct {
	int option, value;
} common_options[] = {
	{ ZMQ_LINGER, 0 },
	{ ZMQ_IPV6, 1 },
	{ ZMQ_HANDSHAKE_IVL, 5000 },
	{ ZMQ_CONNECT_TIMEOUT, 5000 },
	{ ZMQ_TCP_KEEPALIVE, 1 },
	{ ZMQ_TCP_KEEPALIVE_IDLE, 5 },
	{ ZMQ_TCP_KEEPALIVE_INTVL, 2 },
	{ ZMQ_TCP_KEEPALIVE_CNT, 3 },
	{ ZMQ_TCP_MAXRT, 10000 },
	{ ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS },
};

static int set_int(void *zmq, int option, int value)
{
	return zmq_setsockopt(zmq, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int jittered(int ms)
{
	unsigned char byte = 0;

	(void)!getrandom(&byte, 1, 0);
	return ms + ms * byte / 256;
}

int flow_socket_tune(void *zmq_socket, int type, int64_t max_message, int send_hwm, int receive_hwm)
{
	int64_t max = max_message ? max_message : MESSAGE_MAX_DEFAULT;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(common_options) && r == 0; i++)
		r = set_int(zmq_socket, common_options[i].option, common_options[i].value);
	if (r == 0)
		r = set_int(zmq_socket, ZMQ_RECONNECT_IVL, jittered(RECONNECT_MS));
	if (r == 0)
		r = set_int(zmq_socket, ZMQ_SNDHWM, send_hwm ? send_hwm : HWM_DEFAULT);
	if (r == 0)
		r = set_int(zmq_socket, ZMQ_RCVHWM, receive_hwm ? receive_hwm : HWM_DEFAULT);
	if (r == 0 && zmq_setsockopt(zmq_socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) < 0)
		r = -errno;
	if (r == 0 && type == ZMQ_ROUTER)
		r = set_int(zmq_socket, ZMQ_ROUTER_MANDATORY, 1);
	return r;
}

/* ---- Receiving ---- */

static int receive_frame(void *zmq, zmq_msg_t *frame)
{
	(void)zmq_msg_init(frame);
	while (zmq_msg_recv(frame, zmq, ZMQ_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		(void)zmq_msg_close(frame);
		return -errno;
	}
	return 0;
}

static void close_frames(zmq_msg_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)zmq_msg_close(&frames[i]);
}

/* All frames of the next message; those beyond FLOW_FRAMES_MAX are counted and closed. Negative: there is none. */
static int receive_message(void *zmq, zmq_msg_t *frames, size_t *ret_n)
{
	zmq_msg_t surplus;
	size_t n = 0;
	bool more = true;

	while (more) {
		zmq_msg_t *frame = n < FLOW_FRAMES_MAX ? &frames[n] : &surplus;
		int r = receive_frame(zmq, frame);

		if (r < 0) {
			close_frames(frames, n < FLOW_FRAMES_MAX ? n : FLOW_FRAMES_MAX);
			return r;
		}
		more = zmq_msg_more(frame);
		if (n++ >= FLOW_FRAMES_MAX)
			(void)zmq_msg_close(frame);
	}
	*ret_n = n;
	return 0;
}

/* Negative: nothing left to take, or the handler freed the socket. */
static int take_message(struct flow_socket *socket)
{
	zmq_msg_t frames[FLOW_FRAMES_MAX];
	size_t n;
	int r = receive_message(socket->zmq, frames, &n);

	if (r < 0)
		return r;
	if (n > FLOW_FRAMES_MAX) {
		socket->dropped++;
		n = FLOW_FRAMES_MAX;
	} else {
		socket->handlers.message(socket->handlers.owner, frames, n);
	}
	close_frames(frames, n);
	return socket->freed ? -ESHUTDOWN : 0;
}

static void take_messages(struct flow_socket *socket)
{
	for (int i = 0; i < FLOW_BUDGET && !socket->paused; i++)
		if (take_message(socket) < 0)
			return;
}

/* ---- The loop ---- */

static int events_of(void *zmq)
{
	int events = 0;
	size_t n = sizeof(events);

	return zmq_getsockopt(zmq, ZMQ_EVENTS, &events, &n) < 0 ? 0 : events;
}

static int wanted(const struct flow_socket *socket)
{
	return (socket->paused || !socket->handlers.message ? 0 : ZMQ_POLLIN) | (socket->want_out ? ZMQ_POLLOUT : 0);
}

static int on_wake(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents, (void)userdata;
	return 0;
}

static int on_prepare(sd_event_source *source, void *userdata)
{
	struct flow_socket *socket = userdata;

	(void)source;
	if (events_of(socket->zmq) & wanted(socket))
		(void)sd_event_source_set_enabled(socket->defer, SD_EVENT_ONESHOT);
	return 0;
}

static int on_defer(sd_event_source *source, void *userdata)
{
	struct flow_socket *socket = userdata;

	(void)source;
	socket->busy = true;
	if (socket->want_out && (events_of(socket->zmq) & ZMQ_POLLOUT))
		socket->handlers.writable(socket->handlers.owner);
	if (!socket->freed && socket->handlers.message)
		take_messages(socket);
	socket->busy = false;
	if (socket->freed)
		free(socket);
	return 0;
}

static int attach(struct flow_socket *socket, sd_event *loop)
{
	int fd, r;
	size_t n = sizeof(fd);

	if (zmq_getsockopt(socket->zmq, ZMQ_FD, &fd, &n) < 0)
		return -errno;
	r = sd_event_add_io(loop, &socket->io, fd, EPOLLIN, on_wake, socket);
	if (r < 0)
		return r;
	r = sd_event_add_defer(loop, &socket->defer, on_defer, socket);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(socket->defer, SD_EVENT_OFF);
	return r < 0 ? r : sd_event_source_set_prepare(socket->io, on_prepare);
}

/* ---- Life ---- */

static size_t list_length(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static int bind_all(struct flow_socket *socket, const struct flow_options *options, struct fault *fault)
{
	size_t n = list_length(options->bind);
	int r = 0;

	socket->bound = calloc(n + 1, sizeof(struct endpoint *));
	if (!socket->bound)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = endpoint_bind(socket->zmq, options->bind[i], options->owner_only, &socket->bound[i], fault);
	return r;
}

static int connect_all(struct flow_socket *socket, const char *const *endpoints, struct fault *fault)
{
	for (; endpoints && *endpoints; endpoints++)
		if (zmq_connect(socket->zmq, *endpoints) < 0)
			return fault_set(fault, -errno, "the endpoint %s cannot be connected to: %s", *endpoints,
				zmq_strerror(errno));
	return 0;
}

int flow_socket_new(sd_event *loop, void *context, const struct flow_options *options,
	const struct flow_handlers *handlers, struct flow_socket **ret, struct fault *fault)
{
	CLEANUP(flow_socket_freep) struct flow_socket *socket = calloc(1, sizeof(*socket));
	int r;

	if (!socket)
		return -ENOMEM;
	socket->handlers = *handlers;
	socket->zmq = zmq_socket(context, options->type);
	if (!socket->zmq)
		return fault_set(fault, -errno, "no ZeroMQ socket can be made: %s", zmq_strerror(errno));
	r = flow_socket_tune(socket->zmq, options->type, options->max_message, options->send_hwm, options->receive_hwm);
	if (r < 0)
		return fault_set(fault, r, "a ZeroMQ socket cannot be set up: %s", zmq_strerror(-r));
	r = attach(socket, loop);
	if (r < 0)
		return r;
	r = bind_all(socket, options, fault);
	if (r < 0)
		return r;
	r = connect_all(socket, options->connect, fault);
	if (r < 0)
		return r;
	*ret = TAKE(socket);
	return 0;
}

struct flow_socket *flow_socket_free(struct flow_socket *socket)
{
	if (!socket)
		return NULL;
	(void)sd_event_source_disable_unref(socket->io);
	(void)sd_event_source_disable_unref(socket->defer);
	for (struct endpoint **bound = socket->bound; bound && *bound; bound++)
		(void)endpoint_free(*bound);
	free(socket->bound);
	if (socket->zmq)
		(void)zmq_close(socket->zmq);
	socket->freed = true;
	if (!socket->busy)
		free(socket);
	return NULL;
}

/* ---- Use ---- */

void flow_socket_pause(struct flow_socket *socket, bool pause)
{
	socket->paused = pause;
}

void flow_socket_want_out(struct flow_socket *socket, bool want)
{
	socket->want_out = want;
}

static int send_frame(struct flow_socket *socket, const struct flow_frame *frame, int flags)
{
	while (zmq_send(socket->zmq, frame->data, frame->n, flags) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* libzmq looks only now and then for what its I/O thread has to say, so to a quick peer with a small high-water mark it
 * would take messages for unread that were read long ago: it is made to look before that is believed. */
int flow_socket_send(struct flow_socket *socket, const struct flow_frame *frames, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		int flags = ZMQ_DONTWAIT | (i + 1 < n ? ZMQ_SNDMORE : 0);

		r = send_frame(socket, &frames[i], flags);
		if (r == -EAGAIN && i == 0) {
			(void)events_of(socket->zmq);
			r = send_frame(socket, &frames[i], flags);
		}
	}
	return r;
}

void *flow_socket_raw(struct flow_socket *socket)
{
	return socket->zmq;
}

uint64_t flow_socket_dropped(const struct flow_socket *socket)
{
	return socket->dropped;
}
