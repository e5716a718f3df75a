/* The stream protocol's messages as plain structs; proto/README.md specifies them. Packed bytes and unpacked structs lie in the arena.
 * Every unpack returns 0, -EINVAL (not such a message, or over a cap) or -ENOMEM. Caps: proto/protocol.proto. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "core/words.h"
#include "wire/encode.h"

#define PREFIXES_MAX    32
#define PREFIX_SIZE_MAX 128
#define LOG_LIMIT_MAX   1000
#define LOG_WAIT_MAX_MS 30000
#define HEARTBEAT_TOPIC "$head/" /* + stream */

struct position {
	const char *stream;
	uint64_t epoch, seq, head;
};

enum log_result { LOG_OK, LOG_TOO_OLD, LOG_DIVERGED, LOG_NOT_LEADER, LOG_NOT_ALLOWED };

struct log_request {
	const char *stream, *name;
	uint64_t after, after_epoch, confirmed, request;
	const char *prefixes[PREFIXES_MAX];
	size_t prefix_count;
	uint32_t limit, wait_ms;
	bool from_now; /* start NOW */
};

struct log_answer {
	enum log_result result;
	const struct wire_record *records; /* seq, epoch, topic, event */
	size_t record_count;
	uint64_t through, head, epoch, first, request;
	const char *const *leaders;
	size_t leader_count;
	const char *sentence;
};

struct ack {
	const char *id, *source, *reason, *sentence; /* NULL: none */
	enum disposition disposition;
	uint64_t seq;
};

enum control_verb {
	CONTROL_NONE,
	CONTROL_STATUS,
	CONTROL_PLAN,
	CONTROL_RETRY,
	CONTROL_DISCARD,
	CONTROL_FORGET,
	CONTROL_NEW_TERM,
	CONTROL_CLOCK,
	CONTROL_RECONCILED
};

struct control_request {
	enum control_verb verb;
	const struct bytes *events;
	size_t event_count;
	const uint64_t *numbers;
	size_t number_count;
	bool all, agreed;
	const char *by, *reason, *name;
	int64_t microseconds;
	uint32_t differences;
};

struct control_answer {
	bool done;
	const char *sentence, *json; /* NULL: none */
	const struct ack *acks;
	size_t ack_count;
};

int wire_pack_position(struct arena *arena, const struct position *position, struct bytes *ret);
int wire_unpack_position(struct arena *arena, struct bytes bytes, struct position *ret);
int wire_pack_log_request(struct arena *arena, const struct log_request *request, struct bytes *ret);
int wire_unpack_log_request(struct arena *arena, struct bytes bytes, struct log_request *ret);
int wire_pack_log_answer(struct arena *arena, const struct log_answer *answer, struct bytes *ret);
int wire_unpack_log_answer(struct arena *arena, struct bytes bytes, struct log_answer *ret);
int wire_pack_ack(struct arena *arena, const struct ack *ack, struct bytes *ret);
int wire_unpack_ack(struct arena *arena, struct bytes bytes, struct ack *ret);
int wire_pack_control_request(struct arena *arena, const struct control_request *request, struct bytes *ret);
int wire_unpack_control_request(struct arena *arena, struct bytes bytes, struct control_request *ret);
int wire_pack_control_answer(struct arena *arena, const struct control_answer *answer, struct bytes *ret);
int wire_unpack_control_answer(struct arena *arena, struct bytes bytes, struct control_answer *ret);
