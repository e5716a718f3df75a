/* Inside of flow/: what a ROUTER needs to know of a peer to answer it: its routing id, and whether it puts an empty frame before its messages as a
 * REQ socket does (and then expects one). */
#pragma once

#include <stdint.h>

#include "flow/socket.h"
#include "wire/protocol.h"

#define ROUTING_ID_MAX 255

struct peer {
	uint8_t id[ROUTING_ID_MAX];
	uint8_t id_size;
	bool delimited;
};

/* Takes a ROUTER's message apart: 0, and the one frame it carries; -EBADMSG: it carries another number of frames (the peer is known all the same). The
 * bytes are borrowed from the frames. */
int peer_read(zmq_msg_t *frames, size_t n, struct peer *ret_peer, struct bytes *ret_body);
/* As flow_socket_send(). */
int peer_send(struct flow_socket *socket, const struct peer *peer, struct bytes body);
