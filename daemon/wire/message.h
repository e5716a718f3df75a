/* Inside of wire/: protobuf-c messages of any schema, kept in an arena. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/instant.h"
#include "wire/encode.h"

/* Unpacks a message; it and all it points to lie in the arena, so that it is never freed by itself. A NUL inside of a string, behind
 * which protobuf-c would hide the rest, is left as the control character \x01, so that whoever checks the text refuses it.
 * 0; -EINVAL: the bytes are no such message, or it would take more than `cap` bytes of memory; -ENOMEM: the arena is full. */
int message_unpack(struct arena *arena, size_t cap, const ProtobufCMessageDescriptor *descriptor, struct bytes bytes,
	ProtobufCMessage **ret);

/* Packs a message into the arena. 0 or -ENOMEM. */
int message_pack(struct arena *arena, const ProtobufCMessage *message, struct bytes *ret);

/* A message with every field absent. NULL: the arena is full. */
ProtobufCMessage *message_new(struct arena *arena, const ProtobufCMessageDescriptor *descriptor);

/* Drops the fields that the schema does not know, at every depth. */
void message_forget_unknown(ProtobufCMessage *message);

/* The member of a message that a field names. */
static inline void *message_member(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (char *)message + field->offset;
}

static inline const void *message_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (const char *)message + field->offset;
}

/* The elements that a repeated field has. */
size_t message_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* google.protobuf.Timestamp: INSTANT_NONE for one that is not valid, or not within the years 1800 to 9999; and the way back. */
struct instant timestamp_instant(int64_t seconds, int32_t nanos);
void timestamp_of(struct instant time, int64_t *ret_seconds, int32_t *ret_nanos);

#define FIELD_NAME_MAX 48

/* The field's name in JSON: `orderRef` for `order_ref`. */
const char *field_json_name(const ProtobufCFieldDescriptor *field, char name[static FIELD_NAME_MAX]);

#define ALLOWED_MAX 320

/* The names of an enum, for a sentence: "A, B, C"; what does not fit is left out. */
const char *enum_allowed(const ProtobufCEnumDescriptor *descriptor, char names[static ALLOWED_MAX]);
