/* The acknowledged submit endpoint (proto/README.md): `[event]` in, `[ack]` out after the commit, in the order of each connection. */
#pragma once

#include <systemd/sd-event.h>

#include "flow/socket.h"
#include "wire/protocol.h"

struct submit_server;

struct submit_handlers {
	void *owner;
	/* An event came in. `client` names the connection in submit_ack(); the bytes are borrowed for the call. The owner
	 * pauses the server when it holds enough. */
	void (*event)(void *owner, uint64_t client, const void *bytes, size_t n);
	/* Out of memory for a connection: nothing more may be taken, since what comes next may be of one that was turned away. */
	void (*failed)(void *owner);
};

int submit_new(sd_event *loop, void *context, const char *const *endpoints, const struct submit_handlers *handlers,
	struct submit_server **ret, struct fault *fault);
struct submit_server *submit_free(struct submit_server *server);
DEFINE_CLEANUP(struct submit_server, submit_free)
void submit_pause(struct submit_server *server, bool pause);
/* The owner does not lead, and has dropped what it had not acknowledged: whoever sends is told to go elsewhere. */
void submit_refuse(struct submit_server *server, bool refusing);
/* The owner could not keep an event of this connection: its peer is told so, and nothing that came behind it is taken or acknowledged.
 * `sentence` is static. */
void submit_drop(struct submit_server *server, uint64_t client, const char *sentence);
/* Sends an ack. A connection that is gone is forgotten; one that does not read its acks is cut off: it gets none any
 * more (so that none is missing in between), is told so, and must connect anew. */
void submit_ack(struct submit_server *server, uint64_t client, const struct ack *ack);
struct submit_counts {
	uint64_t events, acks, dropped_acks, bad_frames;
	size_t connections;
};
void submit_counts(const struct submit_server *server, struct submit_counts *ret);
