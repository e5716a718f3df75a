/* Any bytes as an event from a peer. Beside not crashing: an event that is taken has what the rules rely on, is shown as JSON, and says the same in either
 * format; one that is not taken is given a reason and a clean sentence; and a small arena changes nothing but the answer -ENOMEM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/decode.h"
#include "wire/json.h"

#define WHOLE_ARENA (4 * 1024 * 1024UL)
#define SMALL_ARENA 32768U

#define MUST(what)               \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct arena *arena;

struct outcome {
	int r;
	struct event event;
	enum reason reason;
	struct fault fault;
};

static struct outcome decode(struct arena *in, const void *bytes, size_t n)
{
	struct outcome outcome = { .reason = REASON_NONE };

	outcome.r = wire_decode(in, bytes, n, &outcome.event, &outcome.reason, &outcome.fault);
	return outcome;
}

static void must_be_clean(const char *text, size_t max)
{
	MUST(!text || (strlen(text) <= max && *text && text_is_clean(text, strlen(text))));
}

static void must_be_whole(const struct outcome *outcome, const uint8_t *data, size_t n)
{
	const struct event *event = &outcome->event;

	MUST(event->raw == data && event->raw_size == n);
	must_be_clean(event->source, ID_MAX);
	must_be_clean(event->id, ID_MAX);
	must_be_clean(event->type_text, ID_MAX);
	must_be_clean(event->order_ref, REF_MAX);
	must_be_clean(event->prn, REF_MAX);
	must_be_clean(event->office, OFFICE_MAX);
	if (outcome->r == 0)
		MUST(event->type != EVENT_NONE && event->source && event->id && event->type_text &&
			instant_given(event->time));
	else
		MUST(outcome->r == 1 && outcome->reason != REASON_NONE && *outcome->fault.sentence &&
			text_is_clean(outcome->fault.sentence, strlen(outcome->fault.sentence)));
}

static void must_say_the_same(const struct outcome *a, const void *bytes, size_t n)
{
	struct outcome b;

	if (n > EVENT_SIZE_MAX)
		return;
	b = decode(arena, bytes, n);
	MUST(b.r == 0 && memcmp(&a->event.content, &b.event.content, sizeof(b.event.content)) == 0);
	MUST(strcmp(a->event.id, b.event.id) == 0 && strcmp(a->event.source, b.event.source) == 0);
}

static void must_pass_through_json(const struct outcome *outcome, struct bytes bytes)
{
	struct fault fault = { "" };
	struct bytes packed;
	char *line = NULL;
	json_t *object;
	int r = wire_event_to_json(bytes, &line, &fault);

	MUST(r == 0 || (r == -EINVAL && *fault.sentence && outcome->r != 0));
	if (r < 0)
		return;
	object = json_loads(line, JSON_ALLOW_NUL, NULL);
	MUST(object);
	json_decref(object);
	if (outcome->r == 0) {
		must_say_the_same(outcome, line, strlen(line));
		MUST(wire_json_to_protobuf(arena, line, strlen(line), &packed, &fault) == 0);
		must_say_the_same(outcome, packed.data, packed.n);
	}
	free(line);
}

static void must_bear_a_small_arena(const struct outcome *outcome, const uint8_t *data, size_t n)
{
	struct arena *small;
	struct outcome again;

	MUST(arena_new((outcome->event.raw_hash.bytes[0] * 256U + outcome->event.raw_hash.bytes[1]) % SMALL_ARENA,
		     &small) == 0);
	again = decode(small, data, n);
	MUST(again.r == -ENOMEM || (again.r == outcome->r && again.reason == outcome->reason));
	(void)arena_free(small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct outcome outcome;

	if (!arena)
		MUST(arena_new(WHOLE_ARENA, &arena) == 0);
	arena_reset(arena);
	outcome = decode(arena, data, n);
	must_be_whole(&outcome, data, n);
	must_pass_through_json(&outcome, (struct bytes){ data, n });
	must_bear_a_small_arena(&outcome, data, n);
	return 0;
}
