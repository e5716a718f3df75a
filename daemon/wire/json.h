/* JSON for people and files: CloudEvents and their payloads in the proto3 JSON mapping (lowerCamelCase, enum names, RFC 3339). */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "core/words.h"
#include "wire/encode.h"

/* One CloudEvent in the protobuf format as one line of JSON, without the line feed, payload in `data`; free() it. An event type that is not known keeps
 * its payload as `data_base64`. One that is in the JSON format already comes back on one line, otherwise as it is.
 * 0; -EINVAL with a sentence; -ENOMEM. */
int wire_event_to_json(struct bytes event, char **ret_line, struct fault *fault);

/* Builds one CloudEvent of an inbound type in the JSON format (what cppsctl submits): `data` is borrowed. The caller frees the line. 0 or -ENOMEM. */
int wire_json_event(
	enum event_type type, const char *source, const char *id, struct instant time, json_t *data, char **ret_line);

/* The same event, JSON format to protobuf format (for benchmarks and feeders): bytes in the arena. 0; -EINVAL with a sentence; -ENOMEM. */
int wire_json_to_protobuf(struct arena *arena, const char *line, size_t n, struct bytes *ret, struct fault *fault);
