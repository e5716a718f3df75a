/* Inside of wire/: the proto3 JSON mapping, for every message of proto/events.proto and proto/records.proto.
 *
 * Names in lowerCamelCase (the names of the .proto are taken too), enums by name (numbers are taken too), 64-bit numbers as text (numbers
 * are taken too), google.protobuf.Timestamp as RFC 3339, google.protobuf.BoolValue as true, false or absent. null is absent. Members that the
 * schema does not know are ignored: fields are only ever added. */
#pragma once

#include <stdbool.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "wire/refusal.h"

/* The most elements that a repeated field may have in JSON. */
#define ELEMENTS_MAX 256

/* Makes a message of a JSON object. A member that does not fit its field is noted in `refusal`, and its field stays absent. The message
 * and its texts lie in the arena. 0 or -ENOMEM. */
int mapping_read(struct arena *arena, const ProtobufCMessageDescriptor *descriptor, const json_t *object,
	struct refusal *refusal, ProtobufCMessage **ret);

/* The message as a JSON object, members in the order of their numbers, absent fields left out; the caller owns it. NULL: out of memory. */
json_t *mapping_write(const ProtobufCMessage *message);

/* Text as JSON: what is not UTF-8 becomes `?`. NULL: out of memory. */
json_t *mapping_text(const char *text);

/* A text value of JSON as a string in the arena; a NUL in it becomes the control character \x01, as in message_unpack(). NULL: no room. */
char *mapping_string(struct arena *arena, const json_t *value);

/* Whether the mapping knows the field's type: true for every field of the two schemas. */
bool mapping_knows(const ProtobufCFieldDescriptor *field);
