/* decode_peer: reads events on standard input, each after its length as four bytes (least first), and says of each,
 * on a line of JSON, what wire/ makes of it: the answer of the decoder, the content hash, the event as people see it,
 * and where it came as JSON its protobuf format. For test_wire_peer.py. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/decode.h"
#include "wire/json.h"

#define FRAME_MAX (1024 * 1024U)
#define ARENA_CAP (16 * 1024 * 1024UL)

static json_t *hex(const uint8_t *bytes, size_t n)
{
	char *text = malloc(2 * n + 1);
	json_t *value = text ? json_string(sodium_bin2hex(text, 2 * n + 1, bytes, n)) : NULL;

	free(text);
	return value;
}

static void add_decoded(struct arena *arena, json_t *answer, const uint8_t *bytes, size_t n)
{
	struct event event;
	struct fault fault = { "" };
	enum reason reason = REASON_NONE;
	int r = wire_decode(arena, bytes, n, &event, &reason, &fault);

	json_object_set_new(answer, "answer", json_integer(r));
	json_object_set_new(answer, "reason", json_string(reason_text(reason)));
	json_object_set_new(answer, "sentence", json_string(fault.sentence));
	if (r == 0) {
		json_object_set_new(answer, "type", json_string(event_type_text(event.type)));
		json_object_set_new(answer, "content", hex(event.content.bytes, sizeof(event.content.bytes)));
	}
}

static void add_forms(struct arena *arena, json_t *answer, const uint8_t *bytes, size_t n)
{
	struct bytes packed;
	char *line;

	if (wire_event_to_json((struct bytes){ bytes, n }, &line, NULL) == 0) {
		json_object_set_new(answer, "event", json_loads(line, 0, NULL));
		free(line);
	}
	if (n && bytes[0] == '{' && wire_json_to_protobuf(arena, (const char *)bytes, n, &packed, NULL) == 0)
		json_object_set_new(answer, "protobuf", hex(packed.data, packed.n));
}

/* The next frame; its size, or -1 at the end. */
static int64_t read_frame(uint8_t *bytes)
{
	uint8_t size[4];
	uint32_t n;

	if (fread(size, 1, sizeof(size), stdin) != sizeof(size))
		return -1;
	n = size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
	return n <= FRAME_MAX && fread(bytes, 1, n, stdin) == n ? (int64_t)n : -1;
}

int main(void)
{
	static uint8_t bytes[FRAME_MAX];
	CLEANUP(arena_freep) struct arena *arena = NULL;
	int64_t n;

	if (arena_new(ARENA_CAP, &arena) < 0)
		return 1;
	while ((n = read_frame(bytes)) >= 0) {
		json_t *answer = json_object();

		arena_reset(arena);
		add_decoded(arena, answer, bytes, (size_t)n);
		add_forms(arena, answer, bytes, (size_t)n);
		(void)json_dumpf(answer, stdout, JSON_COMPACT);
		(void)putchar('\n');
		json_decref(answer);
	}
	return 0;
}
