#include "feeder/reading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/decode.h"

#define NAMELESS_TOPIC "unreadable/-"

/* As the bridge's own topics are made: what it is, and the office it concerns. */
static const char *topic_of(struct arena *arena, const struct event *event)
{
	char topic[TOPIC_MAX + 1];

	(void)snprintf(
		topic, sizeof(topic), "%s/%s", event->type_text, text_given(event->office) ? event->office : "-");
	text_trim_utf8(topic);
	return arena_text(arena, topic);
}

static bool has_names(const struct event *event)
{
	return text_given(event->source) && text_given(event->id) && text_given(event->type_text);
}

static int decode(
	struct arena *arena, struct bytes bytes, struct event *ret, enum reason *ret_reason, struct fault *fault)
{
	*ret_reason = REASON_NONE;
	return wire_decode(arena, bytes.data, bytes.n, ret, ret_reason, fault) < 0 ? -ENOMEM : 0;
}

static int name(struct arena *arena, const struct event *event, struct logfile_entry *ret)
{
	ret->source = event->source;
	ret->id = event->id;
	ret->topic = topic_of(arena, event);
	return ret->topic ? 0 : -ENOMEM;
}

int reading_line(struct arena *arena, struct bytes line, struct logfile_entry *ret, struct fault *fault)
{
	enum reason reason;
	struct event event;

	*ret = (struct logfile_entry){ .event = line };
	if (!line.n || line.data[0] != '{') {
		(void)fault_set(fault, 0, "this is no JSON CloudEvent: it does not begin with {");
		return 1;
	}
	if (decode(arena, line, &event, &reason, fault) < 0)
		return -ENOMEM;
	if (has_names(&event) && reason != REASON_MALFORMED && reason != REASON_TOO_LARGE)
		return name(arena, &event, ret);
	ret->source = event.source;
	ret->id = event.id;
	return 1;
}

int reading_message(struct arena *arena, struct bytes message, struct logfile_entry *ret)
{
	enum reason reason;
	struct fault fault;
	struct event event;

	*ret = (struct logfile_entry){ .topic = NAMELESS_TOPIC, .event = message, .whatever = true };
	if (decode(arena, message, &event, &reason, &fault) < 0)
		return -ENOMEM;
	return has_names(&event) ? name(arena, &event, ret) : 0;
}
