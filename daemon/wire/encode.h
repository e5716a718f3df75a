/* Records out: a published record becomes a topic and a CloudEvent in the protobuf format. */
#pragma once

#include "base/arena.h"
#include "core/effects.h"

#define TOPIC_MAX 80

struct bytes {
	const uint8_t *data;
	size_t n;
};

/* A record of the log. */
struct wire_record {
	uint64_t seq, epoch;
	char topic[TOPIC_MAX + 1]; /* `<name>/<office>`, `-` where no office is known */
	struct bytes event;
	const char *ref, *prn,
		*cause; /* order or case, PRN, id of the causing event; NULL: none; for the log's columns */
};

/* Encodes `record`; everything but the topic lies in the arena. `stream` makes source and id (proto/README.md). 0, or -ENOMEM. */
int wire_encode(struct arena *arena, const struct policy *policy, const char *stream, uint64_t epoch, uint64_t seq,
	const struct record *record, struct wire_record *ret);
