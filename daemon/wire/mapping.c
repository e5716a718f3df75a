/* One row a type of field: how it is read, how it is written, and what a sentence says it wants. The well-known messages, Timestamp and
 * BoolValue, are such types here, since JSON has values of its own for them. Nothing recurses: the schemas hold no other messages, and a
 * test proves that every field has its row. */
#include "wire/mapping.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/text.h"
#include "wire/message.h"

#include "google/protobuf/timestamp.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"

/* Reading one value into a member of a message: 0, UNFIT, or -ENOMEM. */
enum { UNFIT = 1 };

struct type {
	const char *wants; /* for a sentence: "field must be ..." */
	size_t size;       /* of the member */
	int (*read)(struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member);
	json_t *(*write)(const ProtobufCFieldDescriptor *field, const void *member);
	bool (*absent)(const void *member);
};

#define MEMBER(type, member) (*(type *)(member))
#define VALUE(type, member)  (*(const type *)(member))

/* ---- text ---- */

char *mapping_string(struct arena *arena, const json_t *value)
{
	size_t n = json_string_length(value);
	char *text = arena_text_n(arena, json_string_value(value), n);

	for (size_t i = 0; text && i < n; i++)
		text[i] = text[i] ? text[i] : '\x01';
	return text;
}

json_t *mapping_text(const char *text)
{
	json_t *value = json_string(text);
	size_t n = strlen(text);
	char *clean;

	if (value || !(clean = malloc(n + 1)))
		return value;
	for (size_t i = 0; i <= n; i++)
		clean[i] = (char)((unsigned char)text[i] < 0x80 ? text[i] : '?');
	value = json_string(clean);
	free(clean);
	return value;
}

static int read_text(struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	char *text;

	(void)field;
	if (!json_is_string(value))
		return UNFIT;
	text = mapping_string(arena, value);
	if (!text)
		return -ENOMEM;
	MEMBER(char *, member) = text;
	return 0;
}

static json_t *write_text(const ProtobufCFieldDescriptor *field, const void *member)
{
	(void)field;
	return mapping_text(VALUE(char *, member));
}

static bool text_absent(const void *member)
{
	return !text_given(VALUE(char *, member));
}

/* ---- numbers ---- */

/* A whole number given as a number or as text. */
static int whole_number(const json_t *value, int64_t *ret)
{
	const char *text = json_string_value(value);
	double real = json_real_value(value);
	char *end = NULL;

	errno = 0;
	if (json_is_integer(value))
		*ret = json_integer_value(value);
	else if (json_is_real(value) && real >= -1e15 && real <= 1e15 && (double)(int64_t)real == real)
		*ret = (int64_t)real;
	else if (text && text[strspn(text, "-0123456789")] == '\0' && text[0])
		*ret = strtoll(text, &end, 10);
	else
		return UNFIT;
	return errno || (end && *end) ? UNFIT : 0;
}

static int read_int32(struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	int64_t number;

	(void)arena;
	(void)field;
	if (whole_number(value, &number) || number < INT32_MIN || number > INT32_MAX)
		return UNFIT;
	MEMBER(int32_t, member) = (int32_t)number;
	return 0;
}

static json_t *write_int32(const ProtobufCFieldDescriptor *field, const void *member)
{
	(void)field;
	return json_integer(VALUE(int32_t, member));
}

static bool int32_absent(const void *member)
{
	return VALUE(int32_t, member) == 0;
}

static int read_uint64(struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	const char *text = json_string_value(value);
	int64_t number;

	(void)arena;
	(void)field;
	if (text && text[0] && strlen(text) <= 20 && text[strspn(text, "0123456789")] == '\0') {
		errno = 0;
		MEMBER(uint64_t, member) = strtoull(text, NULL, 10);
		return errno ? UNFIT : 0;
	}
	if (whole_number(value, &number) || number < 0)
		return UNFIT;
	MEMBER(uint64_t, member) = (uint64_t)number;
	return 0;
}

static json_t *write_uint64(const ProtobufCFieldDescriptor *field, const void *member)
{
	(void)field;
	return json_sprintf("%" PRIu64, VALUE(uint64_t, member));
}

static bool uint64_absent(const void *member)
{
	return VALUE(uint64_t, member) == 0;
}

static int read_bool(struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	(void)arena;
	(void)field;
	if (!json_is_boolean(value))
		return UNFIT;
	MEMBER(protobuf_c_boolean, member) = json_is_true(value);
	return 0;
}

static json_t *write_bool(const ProtobufCFieldDescriptor *field, const void *member)
{
	(void)field;
	return json_boolean(VALUE(protobuf_c_boolean, member));
}

static bool bool_absent(const void *member)
{
	return !VALUE(protobuf_c_boolean, member);
}

/* ---- enums; a number that has no name is left to whoever checks the field ---- */

static int read_enum(struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	const ProtobufCEnumValue *found;

	if (!json_is_string(value))
		return read_int32(arena, field, value, member);
	found = protobuf_c_enum_descriptor_get_value_by_name(field->descriptor, json_string_value(value));
	if (!found)
		return UNFIT;
	MEMBER(int32_t, member) = found->value;
	return 0;
}

static json_t *write_enum(const ProtobufCFieldDescriptor *field, const void *member)
{
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value(field->descriptor, VALUE(int32_t, member));

	return value ? json_string(value->name) : write_int32(field, member);
}

/* ---- well-known messages ---- */

static int read_bool_value(
	struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	ProtobufCMessage *message;

	if (!json_is_boolean(value))
		return UNFIT;
	message = message_new(arena, field->descriptor);
	if (!message)
		return -ENOMEM;
	((Google__Protobuf__BoolValue *)message)->value = json_is_true(value);
	MEMBER(ProtobufCMessage *, member) = message;
	return 0;
}

static json_t *write_bool_value(const ProtobufCFieldDescriptor *field, const void *member)
{
	(void)field;
	return json_boolean(VALUE(Google__Protobuf__BoolValue *, member)->value);
}

static int read_timestamp(struct arena *arena, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	Google__Protobuf__Timestamp *message;
	struct instant time;

	if (!json_is_string(value) || instant_parse(json_string_value(value), &time) < 0)
		return UNFIT;
	message = (Google__Protobuf__Timestamp *)message_new(arena, field->descriptor);
	if (!message)
		return -ENOMEM;
	timestamp_of(time, &message->seconds, &message->nanos);
	MEMBER(Google__Protobuf__Timestamp *, member) = message;
	return 0;
}

static json_t *write_timestamp(const ProtobufCFieldDescriptor *field, const void *member)
{
	const Google__Protobuf__Timestamp *message = VALUE(Google__Protobuf__Timestamp *, member);
	char text[INSTANT_TEXT];

	(void)field;
	return json_string(instant_format(timestamp_instant(message->seconds, message->nanos), text));
}

static bool message_absent(const void *member)
{
	return VALUE(void *, member) == NULL;
}

/* ---- the table ---- */

static const struct type types[] = {
	[PROTOBUF_C_TYPE_STRING] = { "text", sizeof(char *), read_text, write_text, text_absent },
	[PROTOBUF_C_TYPE_INT32] = { "a whole number", sizeof(int32_t), read_int32, write_int32, int32_absent },
	[PROTOBUF_C_TYPE_UINT64] = { "a whole number, not negative", sizeof(uint64_t), read_uint64, write_uint64,
		uint64_absent },
	[PROTOBUF_C_TYPE_BOOL] = { "true or false", sizeof(protobuf_c_boolean), read_bool, write_bool, bool_absent },
	[PROTOBUF_C_TYPE_ENUM] = { NULL, sizeof(int32_t), read_enum, write_enum, int32_absent },
};

static const struct {
	const ProtobufCMessageDescriptor *descriptor;
	struct type type;
} messages[] = {
	{ &google__protobuf__bool_value__descriptor,
		{ "true or false", sizeof(void *), read_bool_value, write_bool_value, message_absent } },
	{ &google__protobuf__timestamp__descriptor, { "a time like 2026-11-25T01:02:03Z", sizeof(void *),
							    read_timestamp, write_timestamp, message_absent } },
};

/* NULL: none. */
static const struct type *type_of(const ProtobufCFieldDescriptor *field)
{
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return field->type < ARRAY_LENGTH(types) && types[field->type].read ? &types[field->type] : NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(messages); i++)
		if (messages[i].descriptor == field->descriptor)
			return &messages[i].type;
	return NULL;
}

bool mapping_knows(const ProtobufCFieldDescriptor *field)
{
	return type_of(field) != NULL;
}

/* ---- messages ---- */

struct reading {
	struct arena *arena;
	struct refusal *refusal;
};

static void note_unfit(const struct reading *reading, const ProtobufCFieldDescriptor *field, const json_t *value)
{
	char name[FIELD_NAME_MAX], shown[SHOWN_MAX], allowed[ALLOWED_MAX];

	(void)field_json_name(field, name);
	if (field->type == PROTOBUF_C_TYPE_ENUM && json_is_string(value))
		refusal_note(reading->refusal, REASON_INVALID_FIELD, "%s is \"%s\"; allowed are %s", name,
			text_shown(shown, json_string_value(value), json_string_length(value)),
			enum_allowed(field->descriptor, allowed));
	else if (field->type == PROTOBUF_C_TYPE_ENUM)
		refusal_note(reading->refusal, REASON_INVALID_FIELD, "%s must be one of %s", name,
			enum_allowed(field->descriptor, allowed));
	else
		refusal_note(reading->refusal, REASON_INVALID_FIELD, "%s must be %s%s", name,
			field->label == PROTOBUF_C_LABEL_REPEATED ? "a list, each of it " : "", type_of(field)->wants);
}

/* 0 or -ENOMEM. */
static int read_value(
	const struct reading *reading, const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
	int r = type_of(field)->read(reading->arena, field, value, member);

	if (r == UNFIT)
		note_unfit(reading, field, value);
	return r < 0 ? r : 0;
}

static int read_list(const struct reading *reading, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	const json_t *list)
{
	size_t n = json_array_size(list), size = type_of(field)->size;
	char name[FIELD_NAME_MAX], *elements;

	if (!json_is_array(list)) {
		note_unfit(reading, field, list);
		return 0;
	}
	if (n > ELEMENTS_MAX) {
		refusal_note(reading->refusal, REASON_INVALID_FIELD, "%s has %zu elements; at most %d are allowed",
			field_json_name(field, name), n, ELEMENTS_MAX);
		return 0;
	}
	elements = arena_take(reading->arena, n * size);
	if (!elements)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (field->type == PROTOBUF_C_TYPE_STRING)
			MEMBER(char *, elements + i * size) = (char *)protobuf_c_empty_string;
		if (read_value(reading, field, json_array_get(list, i), elements + i * size) < 0)
			return -ENOMEM;
	}
	memcpy((char *)message + field->quantifier_offset, &n, sizeof(n));
	MEMBER(char *, message_member(message, field)) = elements;
	return 0;
}

/* A member of the object; NULL where it is absent or null. */
static const json_t *member_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

/* What the object gives for the field, under either name; NULL: nothing. */
static const json_t *find(const struct reading *reading, const ProtobufCFieldDescriptor *field, const json_t *object)
{
	char name[FIELD_NAME_MAX];
	const json_t *by_json_name = member_of(object, field_json_name(field, name));
	const json_t *by_field_name = strcmp(name, field->name) ? member_of(object, field->name) : NULL;

	if (by_json_name && by_field_name)
		refusal_note(reading->refusal, REASON_MALFORMED, "%s is given twice, also as %s", name, field->name);
	return by_json_name ? by_json_name : by_field_name;
}

int mapping_read(struct arena *arena, const ProtobufCMessageDescriptor *descriptor, const json_t *object,
	struct refusal *refusal, ProtobufCMessage **ret)
{
	const struct reading reading = { arena, refusal };
	ProtobufCMessage *message = message_new(arena, descriptor);

	if (!message)
		return -ENOMEM;
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		const json_t *value = find(&reading, field, object);
		int r;

		if (!value)
			continue;
		r = field->label == PROTOBUF_C_LABEL_REPEATED
			    ? read_list(&reading, message, field, value)
			    : read_value(&reading, field, value, message_member(message, field));
		if (r < 0)
			return r;
	}
	*ret = message;
	return 0;
}

static json_t *write_list(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const struct type *type = type_of(field);
	const char *elements = VALUE(char *, message_value(message, field));
	size_t n = message_count(message, field);
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++)
		if (json_array_append_new(list, type->write(field, elements + i * type->size)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* 0, also where there is nothing to write; -1: out of memory. */
static int write_field(json_t *object, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const struct type *type = type_of(field);
	const void *member = message_value(message, field);
	char name[FIELD_NAME_MAX];

	(void)field_json_name(field, name);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return message_count(message, field) ? json_object_set_new(object, name, write_list(message, field))
						     : 0;
	return type->absent(member) ? 0 : json_object_set_new(object, name, type->write(field, member));
}

json_t *mapping_write(const ProtobufCMessage *message)
{
	json_t *object = json_object();

	for (unsigned i = 0; object && i < message->descriptor->n_fields; i++)
		if (write_field(object, message, &message->descriptor->fields[i]) < 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}
