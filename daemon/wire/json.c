#include "wire/json.h"

#include <errno.h>
#include <string.h>

#include "wire/cloudevent.h"
#include "wire/decode.h"
#include "wire/message.h"

#define JSON_OUTPUT_FLAGS (JSON_COMPACT)

/* The payload is read where it can be; where it cannot, the event is shown with its data as it came. */
static int read_whole(struct arena *arena, struct bytes bytes, struct refusal *refusal, struct cloudevent *ret)
{
	struct refusal of_payload = { REASON_NONE, NULL };
	int r = cloudevent_read(arena, bytes, refusal, ret);

	if (r == 0 && refusal->reason == REASON_NONE)
		r = cloudevent_payload(arena, ret, &of_payload);
	return r;
}

static int to_json(struct arena *arena, struct bytes bytes, char **ret_line, struct fault *fault)
{
	struct refusal refusal = { REASON_NONE, fault };
	CLEANUP(cloudevent_done) struct cloudevent event;
	json_t *object;
	char *line;

	if (read_whole(arena, bytes, &refusal, &event) < 0)
		return -ENOMEM;
	if (refusal.reason != REASON_NONE)
		return -EINVAL;
	/* What came as JSON is shown as it came: reading it would drop what does not fit. */
	object = event.root ? json_incref(event.root) : cloudevent_json(&event);
	line = object ? json_dumps(object, JSON_OUTPUT_FLAGS) : NULL;
	json_decref(object);
	if (!line)
		return -ENOMEM;
	*ret_line = line;
	return 0;
}

int wire_event_to_json(struct bytes event, char **ret_line, struct fault *fault)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;

	if (arena_new(2 * CLOUDEVENT_MEMORY_MAX + 2 * event.n + 4096, &arena) < 0)
		return -ENOMEM;
	return to_json(arena, event, ret_line, fault);
}

int wire_json_event(
	enum event_type type, const char *source, const char *id, struct instant time, json_t *data, char **ret_line)
{
	char text[INSTANT_TEXT];
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "specversion", "1.0", "id", id, "source", source,
		"type", event_type_text(type), "time", instant_format(time, text), "data", data);
	char *line = object ? json_dumps(object, JSON_OUTPUT_FLAGS) : NULL;

	json_decref(object);
	if (!line)
		return -ENOMEM;
	*ret_line = line;
	return 0;
}

/* Times are text in JSON and timestamps in protobuf; one that cannot be read stays text, for the reader to refuse. */
static void turn_times(struct cloudevent *event)
{
	for (size_t i = 0; i < event->attribute_count; i++) {
		struct attribute *attribute = &event->attributes[i];
		bool is_time = strcmp(attribute->name, "time") == 0 || strcmp(attribute->name, "recordedtime") == 0;

		if (is_time && attribute->kind == ATTRIBUTE_TEXT &&
			instant_parse(attribute->text, &attribute->time) == 0)
			attribute->kind = ATTRIBUTE_TIME;
	}
}

int wire_json_to_protobuf(struct arena *arena, const char *line, size_t n, struct bytes *ret, struct fault *fault)
{
	struct refusal refusal = { REASON_NONE, fault };
	CLEANUP(cloudevent_done) struct cloudevent event = { .root = NULL };

	if (n == 0 || line[0] != '{')
		return fault_set(fault, -EINVAL, "not an event in the JSON format: it does not begin with {");
	if (cloudevent_read(arena, (struct bytes){ (const uint8_t *)line, n }, &refusal, &event) < 0 ||
		cloudevent_payload(arena, &event, &refusal) < 0)
		return -ENOMEM;
	if (refusal.reason == REASON_NONE && !event.payload)
		refusal_note(
			&refusal, REASON_UNKNOWN_TYPE, "the event's type is none that the bridge takes or publishes");
	if (refusal.reason != REASON_NONE)
		return -EINVAL;
	turn_times(&event);
	return cloudevent_pack(arena, &event, ret);
}
