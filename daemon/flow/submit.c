/* A connection is remembered while it has events that wait for their acks, and for a while longer. Forgetting one that waits for nothing loses
 * nothing; one that did not read its acks is remembered as deaf, since an ack that came after a missing one would be taken for it.
 *
 * A daemon that does not lead answers "not taken", so that clients go to the one that does. What is refused leaves a gap in what its connection
 * sends, as does what finds no room or is taken and then dropped: of such a connection, which is cut, nothing is taken any more, or events would
 * be decided out of their order. Its last messages may wait in libzmq while the daemon does not read, so only time in which it reads counts for
 * forgetting it.
 *
 * What waits in libzmq while the daemon does not read is bounded for each connection: RECEIVE_HWM events. */
#include "flow/submit.h"

#include <errno.h>
#include <stdlib.h>

#include "flow/map.h"
#include "flow/peer.h"

#include <utlist.h>

#define CONNECTIONS_MAX  1000
#define RECEIVE_HWM      8
#define IDLE_US          (300 * US_PER_SECOND)
#define DEAF_IDLE_US     (3600 * US_PER_SECOND)
#define CUT_IDLE_US      (60 * US_PER_SECOND)
#define EXPIRY_PERIOD_US (30 * US_PER_SECOND)
#define ACK_ARENA        (64 * 1024UL)

static const char not_leader[] =
	"this daemon does not lead, or did not a moment ago: connect to the next endpoint, and "
	"send again what was not acknowledged";
static const char no_room[] =
	"too many connections wait for their acks: connect anew later, and send again what was not "
	"acknowledged";
static const char not_read[] =
	"acks were not read, and some are lost: connect anew, under no routing id of your own, and "
	"send again what was not acknowledged";

struct connection {
	struct peer peer;
	uint64_t number;
	uint64_t waiting; /* events without an ack */
	uint64_t used_us; /* CLOCK_MONOTONIC, of its last event */
	bool deaf;
	const char *cut;                /* why nothing is taken from it any more; NULL: it is not cut */
	struct connection *prev, *next; /* least recently used first */
	UT_hash_handle by_id, by_number;
};

struct submit_server {
	sd_event *loop;
	struct flow_socket *socket;
	struct submit_handlers handlers;
	struct connection *ids, *numbers, *used;
	sd_event_source *expiry;
	bool refusing, paused;
	uint64_t read_us; /* since when it reads */
	struct arena *arena;
	uint64_t last_number;
	struct submit_counts counts;
};

/* ---- Connections ---- */

static uint64_t now_us(const struct submit_server *server)
{
	uint64_t us = 0;

	(void)sd_event_now(server->loop, CLOCK_MONOTONIC, &us);
	return us;
}

static void forget(struct submit_server *server, struct connection *connection)
{
	HASH_DELETE(by_id, server->ids, connection);
	HASH_DELETE(by_number, server->numbers, connection);
	DL_DELETE(server->used, connection);
	free(connection);
}

static bool expired(const struct submit_server *server, const struct connection *connection, uint64_t now)
{
	const uint64_t since = connection->used_us > server->read_us ? connection->used_us : server->read_us;

	if (connection->cut)
		return !server->paused && now - since > CUT_IDLE_US;
	return !connection->waiting && now - connection->used_us > (connection->deaf ? DEAF_IDLE_US : IDLE_US);
}

/* Whether one more may be taken from; at most one that waits for nothing is forgotten for it. */
static bool make_room(struct submit_server *server)
{
	struct connection *connection, *idle = NULL;
	size_t served = 0;

	DL_FOREACH (server->used, connection) {
		served += !connection->cut;
		if (!idle && !connection->waiting && !connection->deaf && !connection->cut)
			idle = connection;
	}
	if (served < CONNECTIONS_MAX)
		return true;
	if (idle)
		forget(server, idle);
	return idle != NULL;
}

static void forget_one_that_is_cut(struct submit_server *server)
{
	struct connection *connection;

	DL_FOREACH (server->used, connection)
		if (connection->cut) {
			forget(server, connection);
			return;
		}
}

/* NULL: out of memory. */
static struct connection *add_connection(struct submit_server *server, const struct peer *peer)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->peer = *peer;
	connection->number = ++server->last_number;
	HASH_ADD(by_id, server->ids, peer.id, peer->id_size, connection);
	if (MAP_ADDED(connection->by_id)) {
		HASH_ADD(by_number, server->numbers, number, sizeof(connection->number), connection);
		if (MAP_ADDED(connection->by_number)) {
			DL_APPEND(server->used, connection);
			return connection;
		}
		HASH_DELETE(by_id, server->ids, connection);
	}
	free(connection);
	return NULL;
}

/* Where there is no room it is remembered as cut: nothing that it has sent already is taken when there is room again. NULL: out of memory. */
static struct connection *remember(struct submit_server *server, const struct peer *peer)
{
	bool room = make_room(server);
	struct connection *connection;

	if (!room && HASH_CNT(by_id, server->ids) >= 2 * CONNECTIONS_MAX)
		forget_one_that_is_cut(server);
	connection = add_connection(server, peer);
	if (connection && !room)
		connection->cut = no_room;
	return connection;
}

static struct connection *connection_of(struct submit_server *server, const struct peer *peer)
{
	struct connection *connection;

	HASH_FIND(by_id, server->ids, peer->id, peer->id_size, connection);
	if (!connection)
		return remember(server, peer);
	DL_DELETE(server->used, connection);
	DL_APPEND(server->used, connection);
	connection->peer.delimited = peer->delimited;
	return connection;
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct submit_server *server = userdata;
	uint64_t now = now_us(server);
	struct connection *connection, *next;

	(void)usec;
	DL_FOREACH_SAFE(server->used, connection, next)
	if (expired(server, connection, now))
		forget(server, connection);
	(void)sd_event_source_set_time(source, now + EXPIRY_PERIOD_US);
	(void)sd_event_source_set_enabled(source, server->used ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	return 0;
}

static void watch_expiry(struct submit_server *server, uint64_t now)
{
	int enabled = SD_EVENT_OFF;

	if (sd_event_source_get_enabled(server->expiry, &enabled) > 0)
		return;
	(void)sd_event_source_set_time(server->expiry, now + EXPIRY_PERIOD_US);
	(void)sd_event_source_set_enabled(server->expiry, SD_EVENT_ONESHOT);
}

/* ---- Acks ---- */

static int send_ack(struct submit_server *server, const struct peer *peer, const struct ack *ack)
{
	struct bytes bytes;
	int r = wire_pack_ack(server->arena, ack, &bytes);

	if (r == 0)
		r = peer_send(server->socket, peer, bytes);
	arena_reset(server->arena);
	if (r < 0)
		server->counts.dropped_acks++;
	else
		server->counts.acks++;
	return r;
}

void submit_ack(struct submit_server *server, uint64_t client, const struct ack *ack)
{
	struct connection *connection;
	int r;

	HASH_FIND(by_number, server->numbers, &client, sizeof(client), connection);
	if (connection && connection->waiting)
		connection->waiting--;
	if (!connection || connection->deaf || connection->cut) {
		server->counts.dropped_acks++;
		return;
	}
	r = send_ack(server, &connection->peer, ack);
	if (r == -EHOSTUNREACH)
		forget(server, connection);
	else if (r < 0)
		connection->deaf = true;
}

/* "Not taken": without it the peer could take the ack of a later event for this one's. */
static void refuse(struct submit_server *server, const struct peer *peer, const char *sentence)
{
	(void)send_ack(server, peer, &(struct ack){ .disposition = DISPOSITION_NONE, .sentence = sentence });
}

void submit_drop(struct submit_server *server, uint64_t client, const char *sentence)
{
	struct connection *connection;

	HASH_FIND(by_number, server->numbers, &client, sizeof(client), connection);
	if (!connection)
		return;
	connection->cut = sentence;
	refuse(server, &connection->peer, sentence);
}

/* ---- Events ---- */

static void on_message(void *owner, zmq_msg_t *frames, size_t n)
{
	struct submit_server *server = owner;
	struct connection *connection;
	struct peer peer;
	struct bytes body;

	if (peer_read(frames, n, &peer, &body) < 0) {
		server->counts.bad_frames++;
		refuse(server, &peer, "an event is one frame: connect anew, and send each as one");
		return;
	}
	connection = connection_of(server, &peer);
	if (!connection) {
		server->handlers.failed(server->handlers.owner);
		return;
	}
	connection->used_us = now_us(server);
	watch_expiry(server, connection->used_us);
	if (server->refusing && !connection->cut)
		connection->cut = not_leader;
	if (connection->cut || connection->deaf) {
		refuse(server, &peer, connection->cut ? connection->cut : not_read);
		return;
	}
	connection->waiting++;
	server->counts.events++;
	server->handlers.event(server->handlers.owner, connection->number, body.data, body.n);
}

/* ---- Life ---- */

int submit_new(sd_event *loop, void *context, const char *const *endpoints, const struct submit_handlers *handlers,
	struct submit_server **ret, struct fault *fault)
{
	const struct flow_options options = { .type = ZMQ_ROUTER, .bind = endpoints, .receive_hwm = RECEIVE_HWM };
	CLEANUP(submit_freep) struct submit_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->handlers = *handlers;
	r = arena_new(ACK_ARENA, &server->arena);
	if (r < 0)
		return r;
	r = sd_event_add_time(loop, &server->expiry, CLOCK_MONOTONIC, 0, US_PER_SECOND, on_expiry, server);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(server->expiry, SD_EVENT_OFF);
	if (r < 0)
		return r;
	r = flow_socket_new(loop, context, &options, &(struct flow_handlers){ .owner = server, .message = on_message },
		&server->socket, fault);
	if (r < 0)
		return r;
	*ret = TAKE(server);
	return 0;
}

struct submit_server *submit_free(struct submit_server *server)
{
	if (!server)
		return NULL;
	(void)flow_socket_free(server->socket);
	(void)sd_event_source_disable_unref(server->expiry);
	while (server->used)
		forget(server, server->used);
	(void)arena_free(server->arena);
	free(server);
	return NULL;
}

void submit_pause(struct submit_server *server, bool pause)
{
	if (server->paused && !pause)
		server->read_us = now_us(server);
	server->paused = pause;
	flow_socket_pause(server->socket, pause);
}

void submit_refuse(struct submit_server *server, bool refusing)
{
	struct connection *connection;

	server->refusing = refusing;
	if (!refusing)
		return;
	DL_FOREACH (server->used, connection)
		if (connection->waiting) {
			connection->cut = not_leader;
			connection->waiting = 0;
		}
}

void submit_counts(const struct submit_server *server, struct submit_counts *ret)
{
	*ret = server->counts;
	ret->bad_frames += flow_socket_dropped(server->socket);
	ret->connections = HASH_CNT(by_id, server->ids);
}
