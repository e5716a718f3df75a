#include "wire/decode.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/text.h"
#include "wire/cloudevent.h"
#include "wire/fields.h"
#include "wire/message.h"

/* Of the W3C trace context: 55 bytes, and what its specification asks to be able to carry. */
#define TRACEPARENT_MAX 128
#define TRACESTATE_MAX  512

static const struct event nothing = {
	.time = { INT64_MIN },
	.scheduled_on = { INT32_MIN },
	.effective_on = { INT32_MIN },
	.starts_on = { INT32_MIN },
	.ends_on = { INT32_MIN },
	.cancelled_on = { INT32_MIN },
	.received_on = { INT32_MIN },
	.ows_reviewed_on = { INT32_MIN },
	.cso9_completed_on = { INT32_MIN },
};

static struct hash hash_of_bytes(const void *bytes, size_t n)
{
	struct hash hash;

	(void)crypto_generichash(hash.bytes, sizeof(hash.bytes), bytes, n, NULL, 0);
	return hash;
}

/* ---- the content ---- */

/* A buffer that protobuf-c packs into and that keeps the hash only. */
struct hashing {
	ProtobufCBuffer base;
	crypto_generichash_state state;
};

static void hash_append(ProtobufCBuffer *buffer, size_t n, const uint8_t *bytes)
{
	struct hashing *hashing = (struct hashing *)buffer;

	(void)crypto_generichash_update(&hashing->state, bytes, n);
}

/* Packed anew by one and the same code, a message has one form, whichever format it came in; the terminator of the type and the fixed length of the time
 * keep the parts apart. */
static struct hash hash_of_content(const struct event *event, const ProtobufCMessage *payload)
{
	struct hashing hashing = { .base = { .append = hash_append } };
	struct hash hash;
	uint8_t time[8];

	for (unsigned i = 0; i < sizeof(time); i++)
		time[i] = (uint8_t)((uint64_t)event->time.us >> (8 * i));
	(void)crypto_generichash_init(&hashing.state, NULL, 0, sizeof(hash.bytes));
	(void)crypto_generichash_update(
		&hashing.state, (const uint8_t *)event->type_text, strlen(event->type_text) + 1);
	(void)crypto_generichash_update(&hashing.state, time, sizeof(time));
	(void)protobuf_c_message_pack_to_buffer(payload, &hashing.base);
	(void)crypto_generichash_final(&hashing.state, hash.bytes, sizeof(hash.bytes));
	return hash;
}

/* ---- the envelope ---- */

static void read_type(const struct cloudevent *envelope, struct event *event, struct refusal *refusal)
{
	char shown[SHOWN_MAX];

	event->type_text = field_key("type", envelope->type, ID_MAX, true, refusal);
	event->type = event_type_of(event->type_text);
	if (event->type == EVENT_NONE)
		refusal_note(refusal, REASON_UNKNOWN_TYPE,
			"type is \"%s\", which is none of the types that the bridge takes",
			text_shown(shown, envelope->type, strlen(envelope->type)));
}

static struct instant time_of_attribute(const struct attribute *attribute)
{
	struct instant time = attribute->time;

	return attribute->kind != ATTRIBUTE_TEXT || instant_parse(attribute->text, &time) == 0 ? time : INSTANT_NONE;
}

static void read_time(const struct cloudevent *envelope, struct event *event, struct refusal *refusal)
{
	const struct attribute *attribute = cloudevent_attribute(envelope, "time");
	char shown[SHOWN_MAX] = "no valid timestamp";
	struct instant time;

	if (!attribute || (attribute->kind == ATTRIBUTE_TEXT && !*attribute->text)) {
		refusal_note(refusal, REASON_MISSING_FIELD, "time is missing or empty");
		return;
	}
	time = time_of_attribute(attribute);
	if (instant_given(time) && time.us >= date_of(1900, 1, 1).day * US_PER_DAY &&
		time.us < date_of(2200, 1, 1).day * US_PER_DAY) {
		event->time = time;
		return;
	}
	if (attribute->kind == ATTRIBUTE_TEXT)
		(void)text_shown(shown, attribute->text, strlen(attribute->text));
	refusal_note(refusal, REASON_INVALID_DATES,
		"time is \"%s\"; it must be a time of the years 1900 to 2199, like 2026-11-25T01:02:03Z", shown);
}

/* Tracing must not stand in an event's way: a trace that is no printable ASCII is dropped. */
static const char *trace_of(const struct cloudevent *envelope, const char *name, size_t max)
{
	const struct attribute *attribute = cloudevent_attribute(envelope, name);
	const char *text = attribute && attribute->kind == ATTRIBUTE_TEXT ? attribute->text : "";
	size_t n = 0;

	while (text[n] >= ' ' && text[n] <= '~')
		n++;
	return n > 0 && n <= max && !text[n] ? text : NULL;
}

static void read_envelope(const struct cloudevent *envelope, struct event *event, struct refusal *refusal)
{
	char shown[SHOWN_MAX];

	if (strcmp(envelope->spec_version, "1.0") != 0)
		refusal_note(refusal, REASON_MALFORMED, "specversion is \"%s\"; it must be \"1.0\"",
			text_shown(shown, envelope->spec_version, strlen(envelope->spec_version)));
	event->source = field_key("source", envelope->source, ID_MAX, true, refusal);
	event->id = field_key("id", envelope->id, ID_MAX, true, refusal);
	read_type(envelope, event, refusal);
	read_time(envelope, event, refusal);
	event->traceparent = trace_of(envelope, "traceparent", TRACEPARENT_MAX);
	event->tracestate = trace_of(envelope, "tracestate", TRACESTATE_MAX);
}

/* ---- the whole ---- */

static int read_payload(struct arena *arena, struct cloudevent *envelope, struct event *event, struct refusal *refusal)
{
	if (event->type == EVENT_NONE)
		return 0;
	if (cloudevent_payload(arena, envelope, refusal) < 0)
		return -ENOMEM;
	if (!envelope->payload)
		return 0;
	message_forget_unknown((ProtobufCMessage *)(uintptr_t)envelope->payload);
	fields_read(envelope->payload, event, refusal);
	if (refusal->reason == REASON_NONE)
		event->content = hash_of_content(event, envelope->payload);
	return 0;
}

static int read_event(struct arena *arena, struct bytes bytes, struct event *event, struct refusal *refusal)
{
	CLEANUP(cloudevent_done) struct cloudevent envelope;

	if (cloudevent_read(arena, bytes, refusal, &envelope) < 0)
		return -ENOMEM;
	read_envelope(&envelope, event, refusal);
	return read_payload(arena, &envelope, event, refusal);
}

int wire_decode(struct arena *arena, const void *bytes, size_t n, struct event *ret, enum reason *ret_reason,
	struct fault *fault)
{
	struct refusal refusal = { REASON_NONE, fault };
	struct event event = nothing;

	event.raw = bytes;
	event.raw_size = n;
	event.raw_hash = hash_of_bytes(bytes, n);
	if (n > EVENT_SIZE_MAX)
		refusal_note(&refusal, REASON_TOO_LARGE, "the event has %zu bytes; at most %lu are allowed", n,
			EVENT_SIZE_MAX);
	else if (read_event(arena, (struct bytes){ bytes, n }, &event, &refusal) < 0)
		return -ENOMEM;
	*ret = event;
	if (refusal.reason == REASON_NONE)
		return 0;
	*ret_reason = refusal.reason;
	return 1;
}
