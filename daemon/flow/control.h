/* The control endpoint: ROUTER on ipc paths that only their owner can open. One request, one answer. */
#pragma once

#include "flow/socket.h"
#include "wire/protocol.h"

struct control_server;

struct control_handlers {
	void *owner;
	/* `token` names the request in control_reply(); the request is borrowed for the call. */
	void (*request)(void *owner, uint64_t token, const struct control_request *request);
};

int control_new(sd_event *loop, void *context, const char *const *endpoints, const struct control_handlers *handlers,
	struct control_server **ret, struct fault *fault);
struct control_server *control_free(struct control_server *server);
DEFINE_CLEANUP(struct control_server, control_free)
void control_reply(struct control_server *server, uint64_t token, const struct control_answer *answer);
