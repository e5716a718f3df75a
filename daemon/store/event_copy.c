/* A parked event outlives the batch it came with. It is copied into one block of just its size: an arena each would cost a chunk each. */
#include <string.h>

#include "store/inside_cabinet.h"

#define TEXT_MEMBER(member) offsetof(struct event, member)
static const size_t text_members[] = {
	TEXT_MEMBER(type_text),
	TEXT_MEMBER(source),
	TEXT_MEMBER(id),
	TEXT_MEMBER(traceparent),
	TEXT_MEMBER(tracestate),
	TEXT_MEMBER(submitter),
	TEXT_MEMBER(prn),
	TEXT_MEMBER(into_prn),
	TEXT_MEMBER(order_ref),
	TEXT_MEMBER(ptp_ref),
	TEXT_MEMBER(office),
	TEXT_MEMBER(place),
	TEXT_MEMBER(officer_id),
	TEXT_MEMBER(by),
	TEXT_MEMBER(reason),
	TEXT_MEMBER(note),
};

static const size_t codes_members[] = { offsetof(struct event, conditions), offsetof(struct event, suitability) };

/* Every text pointer of the event in turn, NULL at the end. */
static const char **text_at(struct event *event, size_t i)
{
	const size_t per_codes = CODES_MAX;

	if (i < ARRAY_LENGTH(text_members))
		return (const char **)((char *)event + text_members[i]);
	i -= ARRAY_LENGTH(text_members);
	if (i < ARRAY_LENGTH(codes_members) * per_codes)
		return &((struct codes *)((char *)event + codes_members[i / per_codes]))->code[i % per_codes];
	return NULL;
}

static void drop_unused_codes(struct codes *codes)
{
	for (size_t i = codes->n; i < CODES_MAX; i++)
		codes->code[i] = NULL;
}

struct event *event_copy(const struct event *event)
{
	struct event draft = *event, *copy;
	size_t size = sizeof(*copy) + event->raw_size;
	char *home;
	const char **text;

	drop_unused_codes(&draft.conditions);
	drop_unused_codes(&draft.suitability);
	for (size_t i = 0; (text = text_at(&draft, i)); i++)
		size += *text ? strlen(*text) + 1 : 0;
	copy = malloc(size);
	if (!copy)
		return NULL;
	*copy = draft;
	home = (char *)(copy + 1);
	if (event->raw_size)
		memcpy(home, event->raw, event->raw_size);
	copy->raw = (const uint8_t *)home;
	home += event->raw_size;
	for (size_t i = 0; (text = text_at(copy, i)); i++) {
		size_t n = *text ? strlen(*text) + 1 : 0;

		if (n)
			*text = memcpy(home, *text, n);
		home += n;
	}
	return copy;
}
