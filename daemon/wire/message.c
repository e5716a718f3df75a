/* Why an own allocator and an own walk over the bytes.
 *
 * protobuf-c makes some 45 bytes of memory of one byte of message where a peer wants it to; taken from an arena, under a cap a message, it
 * can neither eat the heap nor the memory of the other events of a batch. And protobuf-c hands out strings as C strings: what follows
 * a NUL is lost unseen, so two different events would look alike. The walk finds those NULs before protobuf-c does. */
#include "wire/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct pool {
	struct arena *arena;
	size_t left;
	bool full; /* the arena, as opposed to the cap */
};

static void *pool_take(void *data, size_t n)
{
	struct pool *pool = data;
	void *bytes;

	if (n > pool->left)
		return NULL;
	bytes = arena_take(pool->arena, n);
	if (!bytes) {
		pool->full = true;
		return NULL;
	}
	pool->left -= n;
	return bytes;
}

static void pool_leave(void *data, void *bytes)
{
	(void)data;
	(void)bytes;
}

/* The rest of a message in the wire format. */
struct walk {
	uint8_t *at, *end;
};

static bool walk_varint(struct walk *walk, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && walk->at < walk->end; shift += 7) {
		uint8_t byte = *walk->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* Steps over the value of a field; *ret_size is the length of length-delimited ones, at whose start the walk then stands. */
static bool walk_value(struct walk *walk, unsigned wire_type, uint64_t *ret_size)
{
	uint64_t skip = 0;

	*ret_size = 0;
	switch (wire_type) {
	case 0:
		return walk_varint(walk, &skip);
	case 1:
		skip = 8;
		break;
	case 2:
		return walk_varint(walk, ret_size) && *ret_size <= (uint64_t)(walk->end - walk->at);
	case 5:
		skip = 4;
		break;
	default:
		return false;
	}
	if (skip > (uint64_t)(walk->end - walk->at))
		return false;
	walk->at += skip;
	return true;
}

/* Stops at the first byte that is no message: unpacking refuses that anyway. */
static void reveal_nuls(const ProtobufCMessageDescriptor *descriptor, uint8_t *bytes, size_t n)
{
	struct walk walk = { bytes, bytes + n };
	uint64_t tag, size;

	while (walk.at < walk.end && walk_varint(&walk, &tag) && walk_value(&walk, tag & 7, &size)) {
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));

		if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
			reveal_nuls(field->descriptor, walk.at, size);
		else if (field && field->type == PROTOBUF_C_TYPE_STRING)
			for (uint8_t *c = walk.at; c < walk.at + size; c++)
				*c = *c ? *c : 1;
		walk.at += size;
	}
}

int message_unpack(struct arena *arena, size_t cap, const ProtobufCMessageDescriptor *descriptor, struct bytes bytes,
	ProtobufCMessage **ret)
{
	struct pool pool = { .arena = arena, .left = cap };
	ProtobufCAllocator allocator = { .alloc = pool_take, .free = pool_leave, .allocator_data = &pool };
	uint8_t *copy = arena_copy(arena, bytes.data, bytes.n);
	ProtobufCMessage *message;

	if (!copy)
		return -ENOMEM;
	reveal_nuls(descriptor, copy, bytes.n);
	message = protobuf_c_message_unpack(descriptor, &allocator, bytes.n, copy);
	if (!message)
		return pool.full ? -ENOMEM : -EINVAL;
	*ret = message;
	return 0;
}

int message_pack(struct arena *arena, const ProtobufCMessage *message, struct bytes *ret)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = arena_take(arena, n);

	if (!packed)
		return -ENOMEM;
	(void)protobuf_c_message_pack(message, packed);
	*ret = (struct bytes){ packed, n };
	return 0;
}

ProtobufCMessage *message_new(struct arena *arena, const ProtobufCMessageDescriptor *descriptor)
{
	ProtobufCMessage *message = arena_take(arena, descriptor->sizeof_message);

	if (message)
		protobuf_c_message_init(descriptor, message);
	return message;
}

size_t message_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t n;

	memcpy(&n, (const char *)message + field->quantifier_offset, sizeof(n));
	return n;
}

void message_forget_unknown(ProtobufCMessage *message)
{
	message->n_unknown_fields = 0;
	message->unknown_fields = NULL;
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		ProtobufCMessage *part;

		if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		memcpy(&part, message_member(message, field), sizeof(part));
		if (part)
			message_forget_unknown(part);
	}
}

struct instant timestamp_instant(int64_t seconds, int32_t nanos)
{
	const int64_t first = date_of(1800, 1, 1).day * INT64_C(86400), end = date_of(10000, 1, 1).day * INT64_C(86400);

	if (seconds < first || seconds >= end || nanos < 0 || nanos > 999999999)
		return INSTANT_NONE;
	return (struct instant){ seconds * US_PER_SECOND + nanos / 1000 };
}

void timestamp_of(struct instant time, int64_t *ret_seconds, int32_t *ret_nanos)
{
	int64_t fraction = (time.us % US_PER_SECOND + US_PER_SECOND) % US_PER_SECOND;

	*ret_seconds = (time.us - fraction) / US_PER_SECOND;
	*ret_nanos = (int32_t)fraction * 1000;
}

const char *field_json_name(const ProtobufCFieldDescriptor *field, char name[static FIELD_NAME_MAX])
{
	size_t n = 0;

	for (const char *c = field->name; *c && n < FIELD_NAME_MAX - 1; c++) {
		bool capital = *c == '_' && c[1];

		c += capital;
		name[n++] = (char)(capital ? toupper((unsigned char)*c) : *c);
	}
	name[n] = '\0';
	return name;
}

const char *enum_allowed(const ProtobufCEnumDescriptor *descriptor, char names[static ALLOWED_MAX])
{
	size_t used = 0;

	names[0] = '\0';
	for (unsigned i = 0; i < descriptor->n_values; i++) {
		const char *name = descriptor->values[i].name;

		if (descriptor->values[i].value == 0 || used + strlen(name) + 3 > ALLOWED_MAX)
			continue;
		used += (size_t)snprintf(names + used, ALLOWED_MAX - used, "%s%s", used ? ", " : "", name);
	}
	return names;
}
