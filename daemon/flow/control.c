#include "flow/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/map.h"
#include "flow/peer.h"

#define PENDING_MAX 64
#define REQUEST_MAX (8 * 1024 * 1024L)
#define UNREAD_MAX  4 /* requests of one client that were not taken yet, answers that it has not read */
#define ARENA_CAP   (64 * 1024 * 1024UL)

struct pending {
	struct peer peer;
	uint64_t token;
	UT_hash_handle hh;
};

struct control_server {
	struct flow_socket *socket;
	struct control_handlers handlers;
	struct pending *pending; /* by token */
	struct arena *arena;
	uint64_t last_token;
};

static void answer(struct control_server *server, const struct peer *peer, const struct control_answer *content)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	struct bytes bytes;

	if (arena_new(ARENA_CAP, &arena) == 0 && wire_pack_control_answer(arena, content, &bytes) == 0)
		(void)peer_send(server->socket, peer, bytes);
}

static void refuse(struct control_server *server, const struct peer *peer, const char *sentence)
{
	answer(server, peer, &(struct control_answer){ .sentence = sentence });
}

static struct pending *remember(struct control_server *server, const struct peer *peer)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return NULL;
	pending->peer = *peer;
	pending->token = ++server->last_token;
	HASH_ADD(hh, server->pending, token, sizeof(pending->token), pending);
	if (MAP_ADDED(pending->hh))
		return pending;
	free(pending);
	return NULL;
}

static void take(struct control_server *server, const struct peer *peer, struct bytes body)
{
	struct control_request request;
	struct pending *pending;
	int r = wire_unpack_control_request(server->arena, body, &request);

	if (r < 0) {
		refuse(server, peer,
			r == -ENOMEM
				? "the request needs more memory than there is: try again in a moment, with less in it"
				: "this is no control request, or it is over a limit: use the cppsctl of the same "
				  "version");
		return;
	}
	pending = HASH_COUNT(server->pending) < PENDING_MAX ? remember(server, peer) : NULL;
	if (!pending) {
		refuse(server, peer, "too many control requests are under way: try again in a moment");
		return;
	}
	server->handlers.request(server->handlers.owner, pending->token, &request);
}

static void on_message(void *owner, zmq_msg_t *frames, size_t n)
{
	struct control_server *server = owner;
	struct peer peer;
	struct bytes body;

	if (peer_read(frames, n, &peer, &body) < 0) {
		refuse(server, &peer, "a control request is one frame");
		return;
	}
	take(server, &peer, body);
	arena_reset(server->arena);
}

void control_reply(struct control_server *server, uint64_t token, const struct control_answer *content)
{
	struct pending *pending;

	HASH_FIND(hh, server->pending, &token, sizeof(token), pending);
	if (!pending)
		return;
	answer(server, &pending->peer, content);
	HASH_DEL(server->pending, pending);
	free(pending);
}

/* Only the mode of a file guards this endpoint. */
static int check_endpoints(const char *const *endpoints, struct fault *fault)
{
	for (; *endpoints; endpoints++)
		if (strncmp(*endpoints, "ipc://", strlen("ipc://")) != 0)
			return fault_set(fault, -EINVAL,
				"the control endpoint %s is not ipc://: only a file can be guarded", *endpoints);
	return 0;
}

int control_new(sd_event *loop, void *context, const char *const *endpoints, const struct control_handlers *handlers,
	struct control_server **ret, struct fault *fault)
{
	const struct flow_options options = {
		.type = ZMQ_ROUTER,
		.bind = endpoints,
		.max_message = REQUEST_MAX,
		.send_hwm = UNREAD_MAX,
		.receive_hwm = UNREAD_MAX,
		.owner_only = true,
	};
	CLEANUP(control_freep) struct control_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->handlers = *handlers;
	r = check_endpoints(endpoints, fault);
	if (r < 0)
		return r;
	r = arena_new(ARENA_CAP, &server->arena);
	if (r < 0)
		return r;
	r = flow_socket_new(loop, context, &options, &(struct flow_handlers){ .owner = server, .message = on_message },
		&server->socket, fault);
	if (r < 0)
		return r;
	*ret = TAKE(server);
	return 0;
}

struct control_server *control_free(struct control_server *server)
{
	struct pending *pending, *next;

	if (!server)
		return NULL;
	(void)flow_socket_free(server->socket);
	HASH_ITER (hh, server->pending, pending, next) {
		HASH_DEL(server->pending, pending);
		free(pending);
	}
	(void)arena_free(server->arena);
	free(server);
	return NULL;
}
