#include "client/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <zmq.h>

#include "flow/socket.h"

#define PAUSE_MS     50
#define PAUSE_MAX_MS 2000
#define NEVER_MS     (1 << 30) /* it is doubled at random: 12 to 24 days */
#define LOST_EVENTS                                                                                  \
	(ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | \
		ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

int64_t client_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Not flow_context_new(), which raises the limit of open files for a server: the process may be anybody's. */
static void *context_new(void)
{
	void *context = zmq_ctx_new();

	if (context)
		(void)zmq_ctx_set(context, ZMQ_BLOCKY, 0);
	return context;
}

int link_init(struct link *link, const char *const *endpoints, struct fault *fault)
{
	*link = (struct link){ .endpoints = endpoints };
	while (endpoints && endpoints[link->count])
		link->count++;
	if (!link->count)
		return fault_set(fault, -EINVAL, "no endpoint is given to connect to");
	link->context = context_new();
	return link->context ? 0 : -ENOMEM;
}

/* The monitor is stopped before anybody stops reading it: libzmq's own thread would wait for ever to hand over an event that nobody takes, and with it every
 * connection of the context. */
static void close_sockets(struct link *link)
{
	if (link->socket)
		(void)zmq_socket_monitor(link->socket, NULL, 0);
	if (link->monitor)
		(void)zmq_close(link->monitor);
	if (link->socket)
		(void)zmq_close(link->socket);
	link->monitor = link->socket = NULL;
	link->up = link->lost = false;
}

void link_done(struct link *link)
{
	close_sockets(link);
	free(link->named);
	link->named = NULL;
	link->context = flow_context_free(link->context);
}

const char *link_endpoint(const struct link *link)
{
	return link->named ? link->named : link->endpoints[link->current];
}

int link_connect(void *socket, const char *endpoint)
{
	static const char everywhere[] = "tcp://*:";
	char here[sizeof("tcp://127.0.0.1:65535")];
	const char *port = endpoint + sizeof(everywhere) - 1;

	if (strncmp(endpoint, everywhere, sizeof(everywhere) - 1) == 0 && strlen(port) <= strlen("65535")) {
		(void)snprintf(here, sizeof(here), "tcp://127.0.0.1:%s", port);
		endpoint = here;
	}
	return zmq_connect(socket, endpoint) < 0 ? -errno : 0;
}

static int open_monitor(struct link *link)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "inproc://monitor-%u", link->openings);
	if (zmq_socket_monitor(link->socket, name, LOST_EVENTS | ZMQ_EVENT_HANDSHAKE_SUCCEEDED) < 0)
		return -errno;
	link->monitor = zmq_socket(link->context, ZMQ_PAIR);
	if (!link->monitor || zmq_connect(link->monitor, name) < 0)
		return -errno;
	return 0;
}

/* libzmq would connect anew by itself, and deliver the rest of a queue whose beginning went with the connection. Until the monitor is read, nothing goes. */
static int stay_lost(void *socket)
{
	const int never = NEVER_MS;

	return zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof(never)) < 0 ? -errno : 0;
}

int link_open(struct link *link, struct fault *fault)
{
	int r;

	if (link->socket || client_now() < link->not_before)
		return 0;
	link->openings++;
	link->socket = zmq_socket(link->context, ZMQ_DEALER);
	if (!link->socket)
		return fault_set(fault, -errno, "no ZeroMQ socket can be made: %s", zmq_strerror(errno));
	r = flow_socket_tune(link->socket, ZMQ_DEALER, ANSWER_MAX, 0, 0);
	if (r == 0)
		r = stay_lost(link->socket);
	if (r == 0)
		r = open_monitor(link);
	if (r == 0)
		r = link_connect(link->socket, link_endpoint(link));
	if (r == 0)
		return 1;
	(void)fault_set(fault, r, "the endpoint %s cannot be connected to: %s", link_endpoint(link), zmq_strerror(-r));
	close_sockets(link);
	return r;
}

static int64_t pause_of(unsigned rounds)
{
	int64_t pause = PAUSE_MS;
	unsigned char byte = 0;

	if (!rounds)
		return 0;
	while (--rounds && pause < PAUSE_MAX_MS)
		pause *= 2;
	(void)!getrandom(&byte, 1, 0);
	return pause + pause * byte / 256;
}

static void failed(struct link *link)
{
	close_sockets(link);
	link->failures++;
	link->not_before = client_now() + pause_of(link->failures / (unsigned)link->count);
}

void link_move(struct link *link)
{
	failed(link);
	free(link->named);
	link->named = NULL;
	link->current = (link->current + 1) % link->count;
}

void link_redirect(struct link *link, const char *endpoint)
{
	char *named = strdup(endpoint);

	failed(link);
	free(link->named);
	link->named = named;
}

void link_good(struct link *link)
{
	link->failures = 0;
}

/* An event is a frame of number and value, and a frame with the address. */
static int monitor_event(void *monitor)
{
	uint16_t event = 0;
	zmq_msg_t frame;
	bool first = true, more = true;

	while (more) {
		(void)zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, monitor, ZMQ_DONTWAIT) < 0) {
			(void)zmq_msg_close(&frame);
			return -errno;
		}
		if (first && zmq_msg_size(&frame) >= sizeof(event))
			memcpy(&event, zmq_msg_data(&frame), sizeof(event));
		first = false;
		more = zmq_msg_more(&frame);
		(void)zmq_msg_close(&frame);
	}
	return event;
}

static bool read_monitor(struct link *link)
{
	int event;

	while ((event = monitor_event(link->monitor)) >= 0) {
		if (event & LOST_EVENTS)
			return true;
		link->up = true;
	}
	return false;
}

int link_wait(struct link *link, void *other, int timeout_ms, bool *ret_other)
{
	zmq_pollitem_t items[3] = { 0 };
	int n = 0, other_at = -1;

	if (link->socket) {
		items[n++] = (zmq_pollitem_t){ .socket = link->monitor, .events = ZMQ_POLLIN };
		items[n++] = (zmq_pollitem_t){ .socket = link->socket, .events = ZMQ_POLLIN };
	}
	if (other) {
		other_at = n;
		items[n++] = (zmq_pollitem_t){ .socket = other, .events = ZMQ_POLLIN };
	}
	(void)zmq_poll(items, n, timeout_ms > 0 && !link->lost ? timeout_ms : 0);
	if (ret_other)
		*ret_other = other_at >= 0 && (items[other_at].revents & ZMQ_POLLIN);
	if (link->socket && (items[0].revents & ZMQ_POLLIN) && read_monitor(link))
		link->lost = true;
	return link->lost;
}

int link_send(struct link *link, const void *data, size_t n)
{
	while (zmq_send(link->socket, data, n, ZMQ_DONTWAIT) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}
