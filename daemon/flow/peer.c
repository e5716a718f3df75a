#include "flow/peer.h"

#include <errno.h>
#include <string.h>

static struct bytes bytes_of(zmq_msg_t *frame)
{
	return (struct bytes){ zmq_msg_data(frame), zmq_msg_size(frame) };
}

int peer_read(zmq_msg_t *frames, size_t n, struct peer *ret_peer, struct bytes *ret_body)
{
	bool delimited = n >= 3 && zmq_msg_size(&frames[1]) == 0;
	struct bytes id = bytes_of(&frames[0]); /* a ROUTER's ids have 1 to 255 bytes */

	memcpy(ret_peer->id, id.data, id.n);
	ret_peer->id_size = (uint8_t)id.n;
	ret_peer->delimited = delimited;
	if (n != (delimited ? 3 : 2))
		return -EBADMSG;
	*ret_body = bytes_of(&frames[n - 1]);
	return 0;
}

int peer_send(struct flow_socket *socket, const struct peer *peer, struct bytes body)
{
	struct flow_frame frames[3] = { { peer->id, peer->id_size } };
	size_t n = 1;

	if (peer->delimited)
		frames[n++] = (struct flow_frame){ "", 0 };
	frames[n++] = (struct flow_frame){ body.data, body.n };
	return flow_socket_send(socket, frames, n);
}
