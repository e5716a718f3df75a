/* The bus: flow/socket.h without sockets. A connection carries its messages in order, in both directions, late or early; what a PUB sends on it may
 * be lost or come twice; when it breaks, what is on its way is lost, and a new one begins after a while under a new routing id. Nothing is
 * promised about the order of two connections. */
#include <errno.h>
#include <string.h>

#include "flow/map.h"
#include "flow/socket.h"
#include "world.h"

#define ENDPOINTS_MAX 8
#define SOCKETS_MAX   512
#define SUB_HWM       1000

struct message {
	struct message *next;
	size_t n;
	struct bytes frames[FLOW_FRAMES_MAX];
};

struct flow_socket {
	struct loop *loop;
	struct flow_handlers handlers;
	int type;
	char bound[64];
	bool paused, freed, draining;
	void (*on_cut)(void *owner); /* its connection has ended */
	void *cut_owner;
	struct message *first, *last; /* arrived, not taken */
	size_t count;
};

struct link {
	struct flow_socket *client, *server; /* server NULL: nobody is bound there now */
	char endpoint[64];
	uint32_t id;                  /* of the connection there is now; the routing id */
	int64_t to_client, to_server; /* when the last message arrives */
};

static struct flow_socket *sockets[SOCKETS_MAX];
static struct link *links[4 * SOCKETS_MAX];
static size_t socket_count, link_count;
static uint32_t ids;

void bus_draw_key(void)
{
	(void)map_hash("", 0);
}

void bus_reset(void)
{
	socket_count = link_count = 0;
	ids = 0;
}

/* ---- Connections ---- */

static void connect_link(void *what, uint64_t id)
{
	struct link *link = what;

	if (link->id != id || link->client->freed || link->server)
		return;
	for (size_t i = 0; i < socket_count; i++)
		if (!sockets[i]->freed && !strcmp(sockets[i]->bound, link->endpoint)) {
			link->server = sockets[i];
			link->id = ++ids;
			link->to_client = link->to_server = world.now;
			return;
		}
	later(NULL, span(100 * MS, 200 * MS), connect_link, link, link->id);
}

static void tell_cut(void *what, uint64_t number)
{
	struct flow_socket *socket = what;

	(void)number;
	if (!socket->freed)
		socket->on_cut(socket->cut_owner);
}

void bus_watch(struct flow_socket *socket, void (*on_cut)(void *owner), void *owner)
{
	socket->on_cut = on_cut;
	socket->cut_owner = owner;
}

static void cut(struct link *link)
{
	if (link->client->on_cut)
		later(link->client->loop, span(100, 5 * MS), tell_cut, link->client, 0);
	link->server = NULL;
	link->id = ++ids;
	later(NULL, span(50 * MS, 500 * MS), connect_link, link, link->id);
}

void bus_break_one(void)
{
	struct link *link = link_count ? links[chance(link_count)] : NULL;

	if (!link || !link->server)
		return;
	TELL("the connection to %s breaks", link->endpoint);
	count_fault(FAULT_BREAKS);
	cut(link);
}

/* ---- Messages ---- */

static void drain(void *what, uint64_t number)
{
	struct flow_socket *socket = what;

	(void)number;
	socket->draining = false;
	for (int i = 0; i < FLOW_BUDGET && socket->first && !socket->paused && !socket->freed; i++) {
		struct message *message = socket->first;
		zmq_msg_t frames[FLOW_FRAMES_MAX];

		socket->first = message->next;
		socket->count--;
		for (size_t k = 0; k < message->n; k++) {
			(void)zmq_msg_init_size(&frames[k], message->frames[k].n);
			memcpy(zmq_msg_data(&frames[k]), message->frames[k].data, message->frames[k].n);
		}
		if (socket->handlers.message)
			socket->handlers.message(socket->handlers.owner, frames, message->n);
		for (size_t k = 0; k < message->n; k++)
			(void)zmq_msg_close(&frames[k]);
	}
	if (socket->first && !socket->paused && !socket->freed) {
		socket->draining = true;
		later(socket->loop, 0, drain, socket, 0);
	}
}

static void drain_soon(struct flow_socket *socket)
{
	if (socket->draining || socket->paused || !socket->first)
		return;
	socket->draining = true;
	later(socket->loop, 0, drain, socket, 0);
}

struct flight {
	struct link *link;
	bool to_client;
	struct message message;
};

static void arrive(void *what, uint64_t id)
{
	struct flight *flight = what;
	struct link *link = flight->link;
	struct flow_socket *socket = flight->to_client ? link->client : link->server;
	struct message *message = &flight->message;

	if (link->id != id || link->client->freed || !link->server)
		return;
	if (socket->type == ZMQ_SUB && socket->count >= SUB_HWM)
		return;
	*(socket->first ? &socket->last->next : &socket->first) = message;
	socket->last = message;
	socket->count++;
	drain_soon(socket);
}

static void launch(struct link *link, bool to_client, const struct flow_frame *frames, size_t n, bool routed)
{
	struct flight *flight = take(sizeof(*flight));
	int64_t *last = to_client ? &link->to_client : &link->to_server;
	int64_t at = world.now + span(20, 2 * MS);

	if (fault_happens(20)) {
		at += span(5 * MS, 800 * MS);
		count_fault(FAULT_LATE);
	}
	if (at < *last)
		at = *last;
	*last = at;
	*flight = (struct flight){ .link = link, .to_client = to_client };
	if (routed)
		flight->message.frames[flight->message.n++] =
			(struct bytes){ take_copy(&link->id, sizeof(link->id)), sizeof(link->id) };
	for (size_t i = 0; i < n; i++)
		flight->message.frames[flight->message.n++] =
			(struct bytes){ take_copy(frames[i].data, frames[i].n), frames[i].n };
	later(NULL, at - world.now, arrive, flight, link->id);
}

static void publish(struct flow_socket *socket, const struct flow_frame *frames, size_t n)
{
	for (size_t i = 0; i < link_count; i++) {
		if (links[i]->server != socket)
			continue;
		if (fault_happens(40)) {
			count_fault(FAULT_DROPPED);
			continue;
		}
		launch(links[i], true, frames, n, false);
		if (fault_happens(20)) {
			count_fault(FAULT_DOUBLED);
			launch(links[i], true, frames, n, false);
		}
	}
}

int flow_socket_send(struct flow_socket *socket, const struct flow_frame *frames, size_t n)
{
	if (socket->type == ZMQ_PUB) {
		publish(socket, frames, n);
		return 0;
	}
	for (size_t i = 0; i < link_count; i++) {
		struct link *link = links[i];

		if (socket->type == ZMQ_DEALER && link->client == socket) {
			if (link->server)
				launch(link, false, frames, n, true);
			return 0; /* what has no connection is lost: its sender waits for an answer */
		}
		if (socket->type == ZMQ_ROUTER && link->server == socket && frames[0].n == sizeof(link->id) &&
			!memcmp(frames[0].data, &link->id, sizeof(link->id))) {
			launch(link, true, frames + 1, n - 1, false);
			return 0;
		}
	}
	return -EHOSTUNREACH;
}

/* ---- Life ---- */

int flow_socket_new(sd_event *loop, void *context, const struct flow_options *options,
	const struct flow_handlers *handlers, struct flow_socket **ret, struct fault *fault)
{
	struct flow_socket *socket = take(sizeof(*socket));

	(void)context;
	(void)fault;
	socket->loop = loop_of(loop);
	socket->handlers = *handlers;
	socket->type = options->type;
	if (options->bind && options->bind[0])
		(void)strncpy(socket->bound, options->bind[0], sizeof(socket->bound) - 1);
	if (socket_count == SOCKETS_MAX)
		return -EMFILE;
	sockets[socket_count++] = socket;
	for (const char *const *endpoint = options->connect; endpoint && *endpoint; endpoint++) {
		struct link *link = take(sizeof(*link));

		link->client = socket;
		link->id = ++ids;
		(void)strncpy(link->endpoint, *endpoint, sizeof(link->endpoint) - 1);
		links[link_count++] = link;
		connect_link(link, link->id);
	}
	*ret = socket;
	return 0;
}

struct flow_socket *flow_socket_free(struct flow_socket *socket)
{
	size_t kept = 0;

	if (!socket)
		return NULL;
	socket->freed = true;
	for (size_t i = 0; i < link_count; i++) {
		if (links[i]->server == socket)
			cut(links[i]);
		if (links[i]->client != socket)
			links[kept++] = links[i];
	}
	link_count = kept;
	for (size_t i = kept = 0; i < socket_count; i++)
		if (sockets[i] != socket)
			sockets[kept++] = sockets[i];
	socket_count = kept;
	return NULL;
}

void flow_socket_pause(struct flow_socket *socket, bool pause)
{
	socket->paused = pause;
	if (!pause)
		drain_soon(socket);
}

void flow_socket_want_out(struct flow_socket *socket, bool want)
{
	(void)socket, (void)want;
}

void *flow_socket_raw(struct flow_socket *socket)
{
	return socket;
}

uint64_t flow_socket_dropped(const struct flow_socket *socket)
{
	(void)socket;
	return 0;
}

/* Every SUB has every topic. */
int zmq_setsockopt(void *socket, int option, const void *value, size_t n)
{
	(void)socket, (void)option, (void)value, (void)n;
	return 0;
}

void *flow_context_new(void)
{
	static int context;

	return &context;
}

void *flow_context_free(void *context)
{
	(void)context;
	return NULL;
}

uint64_t flow_refused(void)
{
	return 0;
}
