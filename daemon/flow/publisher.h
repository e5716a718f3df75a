/* The live side of the bridge's stream: PUB, `[topic][position][event]`, and a heartbeat each second that carries the head. */
#pragma once

#include "flow/socket.h"
#include "wire/protocol.h"

struct publisher;

int publisher_new(sd_event *loop, void *context, const char *const *endpoints, const char *stream,
	struct publisher **ret, struct fault *fault);
struct publisher *publisher_free(struct publisher *publisher);
DEFINE_CLEANUP(struct publisher, publisher_free)
/* Begins a term (heartbeats start), or ends it with epoch 0 (silence). */
void publisher_lead(struct publisher *publisher, uint64_t epoch, uint64_t head);
/* Publishes committed records, in order; the last is the new head. */
void publisher_send(struct publisher *publisher, const struct wire_record *records, size_t n);
