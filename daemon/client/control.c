#include "client/client.h"

#include <errno.h>
#include <zmq.h>

#include "client/link.h"

static int take_answer(struct link *link, struct arena *arena, struct control_answer *ret, struct fault *fault)
{
	zmq_msg_t frame;
	int r;

	(void)zmq_msg_init(&frame);
	if (zmq_msg_recv(&frame, link->socket, ZMQ_DONTWAIT) < 0) {
		(void)zmq_msg_close(&frame);
		return 0;
	}
	r = wire_unpack_control_answer(arena, (struct bytes){ zmq_msg_data(&frame), zmq_msg_size(&frame) }, ret);
	(void)zmq_msg_close(&frame);
	if (r < 0)
		return fault_set(fault, -EPROTO,
			"%s sent what is no control answer: use the cppsctl of the same version", link_endpoint(link));
	return 1;
}

/* A request may have been carried out when its answer is lost: it is not sent twice. */
static int ask(struct link *link, int timeout_ms, struct arena *arena, struct control_answer *ret, struct fault *fault)
{
	int64_t until = client_now() + timeout_ms, left;

	while ((left = until - client_now()) > 0) {
		int lost = link_wait(link, NULL, (int)left, NULL);
		int r = take_answer(link, arena, ret, fault);

		if (r != 0)
			return r < 0 ? r : 0;
		if (lost && link->up)
			return fault_set(fault, -EPROTO,
				"the connection to %s was lost before the answer came: look whether it was done before "
				"you ask again",
				link_endpoint(link));
		if (lost)
			return fault_set(
				fault, -ETIMEDOUT, "nobody answers at %s: is the daemon running?", link_endpoint(link));
	}
	return fault_set(fault, -ETIMEDOUT, "%s did not answer within %d ms", link_endpoint(link), timeout_ms);
}

int client_control(const char *endpoint, const struct control_request *request, int timeout_ms, struct arena *arena,
	struct control_answer *ret, struct fault *fault)
{
	const char *const endpoints[] = { endpoint, NULL };
	struct bytes bytes;
	struct link link;
	int r;

	r = wire_pack_control_request(arena, request, &bytes);
	if (r < 0)
		return fault_set(fault, r, "the request is too large");
	r = link_init(&link, endpoints, fault);
	if (r == 0)
		r = link_open(&link, fault);
	if (r > 0)
		r = link_send(&link, bytes.data, bytes.n);
	if (r == 0)
		r = ask(&link, timeout_ms, arena, ret, fault);
	link_done(&link);
	return r;
}
