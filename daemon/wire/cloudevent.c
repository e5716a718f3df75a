/* Both formats meet in one plain struct, so that what an event means is checked once, whatever it came as, and a fault in the mapping of one
 * format cannot hide behind the other. The envelope is read first and the payload after it: a bad payload then still leaves an envelope
 * that tells whose event it was. */
#include "wire/cloudevent.h"

#include <errno.h>
#include <stdio.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "wire/mapping.h"
#include "wire/message.h"
#include "wire/schema.h"

#include "cloudevents.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

typedef Io__Cloudevents__V1__CloudEvent Envelope;
typedef Io__Cloudevents__V1__CloudEvent__AttributesEntry Entry;
typedef Io__Cloudevents__V1__CloudEvent__CloudEventAttributeValue Value;

static struct attribute *add(struct cloudevent *event, const char *name, enum attribute_kind kind)
{
	struct attribute *attribute;

	if (event->attribute_count == ATTRIBUTES_MAX)
		return NULL;
	attribute = &event->attributes[event->attribute_count++];
	*attribute = (struct attribute){ .name = name, .kind = kind, .time = INSTANT_NONE };
	return attribute;
}

void cloudevent_add_text(struct cloudevent *event, const char *name, const char *text)
{
	struct attribute *attribute = text_given(text) ? add(event, name, ATTRIBUTE_TEXT) : NULL;

	if (attribute)
		attribute->text = text;
}

void cloudevent_add_time(struct cloudevent *event, const char *name, struct instant time)
{
	struct attribute *attribute = instant_given(time) ? add(event, name, ATTRIBUTE_TIME) : NULL;

	if (attribute)
		attribute->time = time;
}

const struct attribute *cloudevent_attribute(const struct cloudevent *event, const char *name)
{
	for (size_t i = event->attribute_count; i > 0; i--)
		if (strcmp(event->attributes[i - 1].name, name) == 0)
			return &event->attributes[i - 1];
	return NULL;
}

static void note_too_many(struct refusal *refusal)
{
	refusal_note(refusal, REASON_MALFORMED, "the event has more than %d attributes", ATTRIBUTES_MAX);
}

/* The members of the JSON format that are no attributes. */
static const struct {
	const char *name;
	size_t at;
} members[] = {
	{ "specversion", offsetof(struct cloudevent, spec_version) },
	{ "id", offsetof(struct cloudevent, id) },
	{ "source", offsetof(struct cloudevent, source) },
	{ "type", offsetof(struct cloudevent, type) },
};

static bool is_reserved(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		if (strcmp(name, members[i].name) == 0)
			return true;
	return strcmp(name, "data") == 0 || strcmp(name, "data_base64") == 0;
}

/* ---- from protobuf ---- */

static struct bytes bytes_of(ProtobufCBinaryData data)
{
	return (struct bytes){ data.data, data.len };
}

static void take_value(struct attribute *attribute, const Value *value)
{
	switch ((int)value->attr_case) {
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_BOOLEAN:
		attribute->kind = ATTRIBUTE_BOOLEAN;
		attribute->number = value->ce_boolean ? 1 : 0;
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_INTEGER:
		attribute->kind = ATTRIBUTE_INTEGER;
		attribute->number = value->ce_integer;
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_STRING:
		attribute->text = value->ce_string;
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_URI:
		attribute->text = value->ce_uri;
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_URI_REF:
		attribute->text = value->ce_uri_ref;
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_BYTES:
		attribute->kind = ATTRIBUTE_BYTES;
		attribute->bytes = bytes_of(value->ce_bytes);
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_TIMESTAMP:
		attribute->kind = ATTRIBUTE_TIME;
		attribute->time = timestamp_instant(value->ce_timestamp->seconds, value->ce_timestamp->nanos);
		break;
	default:
		attribute->text = "";
		break;
	}
}

/* A map entry may come without a value: it counts as absent. */
static void take_attributes(const Envelope *envelope, struct refusal *refusal, struct cloudevent *ret)
{
	for (size_t i = 0; i < envelope->n_attributes; i++) {
		const Entry *entry = envelope->attributes[i];
		struct attribute *attribute;

		if (!entry->value)
			continue;
		attribute = add(ret, entry->key, ATTRIBUTE_TEXT);
		if (!attribute) {
			note_too_many(refusal);
			return;
		}
		take_value(attribute, entry->value);
	}
}

static void take_data(const Envelope *envelope, struct cloudevent *ret)
{
	switch ((int)envelope->data_case) {
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_PROTO_DATA:
		ret->data_kind = DATA_PROTO;
		ret->type_url = envelope->proto_data->type_url;
		ret->data = bytes_of(envelope->proto_data->value);
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_BINARY_DATA:
		ret->data_kind = DATA_BINARY;
		ret->data = bytes_of(envelope->binary_data);
		break;
	case IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_TEXT_DATA:
		ret->data_kind = DATA_TEXT;
		ret->data_text = envelope->text_data;
		break;
	default:
		break;
	}
}

static int read_protobuf(struct arena *arena, struct bytes bytes, struct refusal *refusal, struct cloudevent *ret)
{
	ProtobufCMessage *message;
	const Envelope *envelope;
	int r = message_unpack(
		arena, CLOUDEVENT_MEMORY_MAX, &io__cloudevents__v1__cloud_event__descriptor, bytes, &message);

	if (r == -EINVAL)
		refusal_note(refusal, REASON_MALFORMED,
			"the bytes are not a CloudEvent: neither the protobuf format nor, beginning with {, the JSON "
			"format");
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	envelope = (const Envelope *)message;
	ret->id = envelope->id;
	ret->source = envelope->source;
	ret->spec_version = envelope->spec_version;
	ret->type = envelope->type;
	take_attributes(envelope, refusal, ret);
	take_data(envelope, ret);
	return 0;
}

/* ---- from JSON ---- */

static int read_members(struct arena *arena, const json_t *root, struct refusal *refusal, struct cloudevent *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		const json_t *value = json_object_get(root, members[i].name);
		const char *text;

		if (!value || json_is_null(value))
			continue;
		if (!json_is_string(value)) {
			refusal_note(refusal, REASON_INVALID_FIELD, "%s must be text", members[i].name);
			continue;
		}
		text = mapping_string(arena, value);
		if (!text)
			return -ENOMEM;
		memcpy((char *)ret + members[i].at, &text, sizeof(text));
	}
	return 0;
}

/* Text, true or false, and 32-bit numbers; what else a member may hold is no attribute and ignored. */
static bool is_attribute(const char *name, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	return !is_reserved(name) && (json_is_string(value) || json_is_boolean(value) ||
					     (json_is_integer(value) && number >= INT32_MIN && number <= INT32_MAX));
}

static int read_attribute(struct arena *arena, const json_t *value, struct attribute *attribute)
{
	if (json_is_integer(value)) {
		attribute->kind = ATTRIBUTE_INTEGER;
		attribute->number = (int32_t)json_integer_value(value);
	} else if (json_is_boolean(value)) {
		attribute->kind = ATTRIBUTE_BOOLEAN;
		attribute->number = json_is_true(value);
	} else {
		attribute->text = mapping_string(arena, value);
		if (!attribute->text)
			return -ENOMEM;
	}
	return 0;
}

static int read_attributes(struct arena *arena, json_t *root, struct refusal *refusal, struct cloudevent *ret)
{
	const char *name;
	json_t *value;

	json_object_foreach(root, name, value)
	{
		struct attribute *attribute;
		const char *copy;

		if (!is_attribute(name, value))
			continue;
		copy = arena_text(arena, name);
		if (!copy)
			return -ENOMEM;
		attribute = add(ret, copy, ATTRIBUTE_TEXT);
		if (!attribute) {
			note_too_many(refusal);
			return 0;
		}
		if (read_attribute(arena, value, attribute) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void read_data(const json_t *root, struct cloudevent *ret)
{
	ret->json = json_object_get(root, "data");
	if (ret->json && !json_is_null(ret->json))
		ret->data_kind = DATA_JSON;
	else if (json_object_get(root, "data_base64"))
		ret->data_kind = DATA_BINARY;
}

/* What the parser saw near the fault may be free text, or bytes that no sentence can hold: where it is must do. */
static void note_unreadable(struct refusal *refusal, const json_error_t *error)
{
	const char *near = strstr(error->text, " near '");
	size_t n = near ? (size_t)(near - error->text) : strlen(error->text);

	refusal_note(refusal,
		json_error_code(error) == json_error_invalid_utf8 ? REASON_INVALID_TEXT : REASON_MALFORMED,
		"not JSON that can be read, at line %d, column %d: %.*s", error->line, error->column, (int)n,
		error->text);
}

static int read_json(struct arena *arena, struct bytes bytes, struct refusal *refusal, struct cloudevent *ret)
{
	json_error_t error;

	/* NULs are let through to be refused as what they are, the text of a field. */
	ret->root = json_loadb((const char *)bytes.data, bytes.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!ret->root && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!ret->root) {
		note_unreadable(refusal, &error);
		return 0;
	}
	read_data(ret->root, ret);
	if (read_members(arena, ret->root, refusal, ret) < 0)
		return -ENOMEM;
	return read_attributes(arena, ret->root, refusal, ret);
}

int cloudevent_read(struct arena *arena, struct bytes bytes, struct refusal *refusal, struct cloudevent *ret)
{
	*ret = (struct cloudevent){ .id = "", .source = "", .spec_version = "", .type = "" };
	if (bytes.n == 0) {
		refusal_note(refusal, REASON_MALFORMED, "the message is empty");
		return 0;
	}
	return bytes.data[0] == '{' ? read_json(arena, bytes, refusal, ret) : read_protobuf(arena, bytes, refusal, ret);
}

void cloudevent_done(struct cloudevent *event)
{
	json_decref(event->root);
	event->root = NULL;
}

/* ---- the payload ---- */

/* `application/json` and `.../...+json`, with or without parameters; absent says JSON too. */
static bool is_json_type(const struct attribute *attribute)
{
	const char *text = attribute && attribute->text ? attribute->text : "application/json";
	size_t n = strcspn(text, "; ");

	return (n >= 5 && strncasecmp(text + n - 5, "/json", 5) == 0) ||
	       (n >= 5 && strncasecmp(text + n - 5, "+json", 5) == 0);
}

static int payload_of_json(struct arena *arena, struct cloudevent *event, const ProtobufCMessageDescriptor *schema,
	struct refusal *refusal)
{
	const struct attribute *content = cloudevent_attribute(event, "datacontenttype");
	ProtobufCMessage *payload;
	char shown[SHOWN_MAX];

	if (!is_json_type(content)) {
		refusal_note(refusal, REASON_MALFORMED, "datacontenttype is \"%s\"; data must be application/json",
			text_shown(shown, content->text, strlen(content->text)));
		return 0;
	}
	if (!json_is_object(event->json)) {
		refusal_note(refusal, REASON_MALFORMED, "data must be a JSON object");
		return 0;
	}
	if (mapping_read(arena, schema, event->json, refusal, &payload) < 0)
		return -ENOMEM;
	event->payload = payload;
	return 0;
}

static int payload_of_protobuf(struct arena *arena, struct cloudevent *event, const ProtobufCMessageDescriptor *schema,
	struct refusal *refusal)
{
	const size_t prefix = strlen(TYPE_URL_PREFIX);
	ProtobufCMessage *payload;
	char shown[SHOWN_MAX];
	int r;

	if (strncmp(event->type_url, TYPE_URL_PREFIX, prefix) != 0 ||
		strcmp(event->type_url + prefix, schema->name) != 0) {
		refusal_note(refusal, REASON_MALFORMED,
			"proto_data is a \"%s\"; the event's type wants " TYPE_URL_PREFIX "%s",
			text_shown(shown, event->type_url, strlen(event->type_url)), schema->name);
		return 0;
	}
	r = message_unpack(arena, CLOUDEVENT_MEMORY_MAX, schema, event->data, &payload);
	if (r == -EINVAL)
		refusal_note(refusal, REASON_MALFORMED, "proto_data is not a %s", schema->name);
	else if (r == 0)
		event->payload = payload;
	return r == -EINVAL ? 0 : r;
}

int cloudevent_payload(struct arena *arena, struct cloudevent *event, struct refusal *refusal)
{
	const ProtobufCMessageDescriptor *schema = schema_of_type(event->type);

	if (!schema)
		return 0;
	switch (event->data_kind) {
	case DATA_JSON:
		return payload_of_json(arena, event, schema, refusal);
	case DATA_PROTO:
		return payload_of_protobuf(arena, event, schema, refusal);
	case DATA_BINARY:
	case DATA_TEXT:
		refusal_note(refusal, REASON_MALFORMED,
			"the data is %s; it must be proto_data, or `data` in the JSON format",
			event->root                     ? "data_base64"
			: event->data_kind == DATA_TEXT ? "text_data"
							: "binary_data");
		return 0;
	case DATA_NONE:
		break;
	}
	refusal_note(refusal, REASON_MISSING_FIELD, "data is missing");
	return 0;
}

/* ---- to protobuf ---- */

static void give_value(const struct attribute *attribute, Google__Protobuf__Timestamp *timestamp, Value *value)
{
	switch (attribute->kind) {
	case ATTRIBUTE_BOOLEAN:
		value->attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_BOOLEAN;
		value->ce_boolean = attribute->number != 0;
		return;
	case ATTRIBUTE_INTEGER:
		value->attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_INTEGER;
		value->ce_integer = attribute->number;
		return;
	case ATTRIBUTE_TIME:
		google__protobuf__timestamp__init(timestamp);
		timestamp_of(attribute->time, &timestamp->seconds, &timestamp->nanos);
		value->attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_TIMESTAMP;
		value->ce_timestamp = timestamp;
		return;
	case ATTRIBUTE_BYTES:
		value->attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_BYTES;
		value->ce_bytes =
			(ProtobufCBinaryData){ attribute->bytes.n, (uint8_t *)(uintptr_t)attribute->bytes.data };
		return;
	case ATTRIBUTE_TEXT:
		break;
	}
	value->attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_STRING;
	value->ce_string = (char *)(uintptr_t)attribute->text;
}

/* datacontenttype describes the data as it came; written anew it is another. */
static bool is_written(const struct cloudevent *event, const struct attribute *attribute)
{
	return !is_reserved(attribute->name) && (!event->payload || strcmp(attribute->name, "datacontenttype") != 0);
}

/* The message protobuf-c packs, held together by one allocation on the stack. */
struct packing {
	Envelope envelope;
	Google__Protobuf__Any any;
	Entry entries[ATTRIBUTES_MAX], *pointers[ATTRIBUTES_MAX];
	Value values[ATTRIBUTES_MAX];
	Google__Protobuf__Timestamp timestamps[ATTRIBUTES_MAX];
	char type_url[128];
};

static void pack_attributes(const struct cloudevent *event, struct packing *packing)
{
	for (size_t i = 0; i < event->attribute_count; i++) {
		const struct attribute *attribute = &event->attributes[i];
		size_t n = packing->envelope.n_attributes;

		if (!is_written(event, attribute))
			continue;
		io__cloudevents__v1__cloud_event__attributes_entry__init(&packing->entries[n]);
		io__cloudevents__v1__cloud_event__cloud_event_attribute_value__init(&packing->values[n]);
		give_value(attribute, &packing->timestamps[n], &packing->values[n]);
		packing->entries[n].key = (char *)(uintptr_t)attribute->name;
		packing->entries[n].value = &packing->values[n];
		packing->pointers[n] = &packing->entries[n];
		packing->envelope.n_attributes = n + 1;
	}
	packing->envelope.attributes = packing->pointers;
}

static int pack_data(struct arena *arena, const struct cloudevent *event, struct packing *packing)
{
	struct bytes payload;

	if (message_pack(arena, event->payload, &payload) < 0)
		return -ENOMEM;
	(void)snprintf(
		packing->type_url, sizeof(packing->type_url), TYPE_URL_PREFIX "%s", event->payload->descriptor->name);
	google__protobuf__any__init(&packing->any);
	packing->any.type_url = packing->type_url;
	packing->any.value = (ProtobufCBinaryData){ payload.n, (uint8_t *)(uintptr_t)payload.data };
	packing->envelope.data_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_PROTO_DATA;
	packing->envelope.proto_data = &packing->any;
	return 0;
}

int cloudevent_pack(struct arena *arena, const struct cloudevent *event, struct bytes *ret)
{
	struct packing packing;

	io__cloudevents__v1__cloud_event__init(&packing.envelope);
	packing.envelope.id = (char *)(uintptr_t)event->id;
	packing.envelope.source = (char *)(uintptr_t)event->source;
	packing.envelope.spec_version = (char *)(uintptr_t)event->spec_version;
	packing.envelope.type = (char *)(uintptr_t)event->type;
	pack_attributes(event, &packing);
	if (event->payload && pack_data(arena, event, &packing) < 0)
		return -ENOMEM;
	return message_pack(arena, &packing.envelope.base, ret);
}

/* ---- to JSON ---- */

static json_t *base64(struct bytes bytes)
{
	size_t size = sodium_base64_encoded_len(bytes.n, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(size);
	json_t *value = NULL;

	if (text)
		value = json_string(sodium_bin2base64(text, size, bytes.data, bytes.n, sodium_base64_VARIANT_ORIGINAL));
	free(text);
	return value;
}

static json_t *json_of_attribute(const struct attribute *attribute)
{
	char text[INSTANT_TEXT];

	switch (attribute->kind) {
	case ATTRIBUTE_BOOLEAN:
		return json_boolean(attribute->number);
	case ATTRIBUTE_INTEGER:
		return json_integer(attribute->number);
	case ATTRIBUTE_TIME:
		return json_string(instant_format(attribute->time, text));
	case ATTRIBUTE_BYTES:
		return base64(attribute->bytes);
	case ATTRIBUTE_TEXT:
		break;
	}
	return mapping_text(attribute->text);
}

/* Takes over the value; a name that is not UTF-8 cannot be shown and is left out. 0, or -1: out of memory. */
static int set(json_t *object, const char *name, json_t *value)
{
	if (!text_is_clean(name, strlen(name))) {
		json_decref(value);
		return 0;
	}
	return json_object_set_new(object, name, value);
}

static int set_data(json_t *object, const struct cloudevent *event)
{
	if (event->payload)
		return set(object, "data", mapping_write(event->payload));
	switch (event->data_kind) {
	case DATA_PROTO:
		if (set(object, "datacontenttype", json_string("application/protobuf")) ||
			set(object, "dataschema", mapping_text(event->type_url)))
			return -1;
		return set(object, "data_base64", base64(event->data));
	case DATA_BINARY:
		return set(object, "data_base64", base64(event->data));
	case DATA_TEXT:
		return set(object, "data", mapping_text(event->data_text));
	case DATA_JSON:
	case DATA_NONE:
		break;
	}
	return 0;
}

static int set_all(json_t *object, const struct cloudevent *event)
{
	if (set(object, "specversion", mapping_text(event->spec_version)) ||
		set(object, "id", mapping_text(event->id)) || set(object, "source", mapping_text(event->source)) ||
		set(object, "type", mapping_text(event->type)))
		return -1;
	for (size_t i = 0; i < event->attribute_count; i++)
		if (is_written(event, &event->attributes[i]) &&
			set(object, event->attributes[i].name, json_of_attribute(&event->attributes[i])))
			return -1;
	return set_data(object, event);
}

json_t *cloudevent_json(const struct cloudevent *event)
{
	json_t *object = json_object();

	if (object && set_all(object, event) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}
