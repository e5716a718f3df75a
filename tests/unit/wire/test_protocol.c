/* The messages of the stream protocol: what is packed is unpacked alike, what asks for too much is cut down, what is over a cap is refused, and no size of
 * arena and no cut or bent bytes do harm. */
#include "sample.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "core/event.h"
#include "wire/message.h"
#include "wire/protocol.h"

#include "protocol.pb-c.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	return arena_new(16 * SAMPLE_ARENA, &arena);
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

#define EVENT(literal)                                          \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

/* ---- one good message of each kind ---- */

static const struct position a_position = { "nz", 1795600000, 42, UINT64_MAX };

static const struct log_request a_request = { .stream = "nz",
	.name = "reports",
	.after = 41,
	.after_epoch = 1795600000,
	.confirmed = 40,
	.request = 7,
	.prefixes = { "task.", "ptp.decided/WELLINGTON" },
	.prefix_count = 2,
	.limit = 100,
	.wait_ms = 10000,
	.from_now = true };

static const struct wire_record some_records[] = {
	{ .seq = 42, .epoch = 1795600000, .topic = "task.opened/NELSON", .event = EVENT("one\0two") },
	{ .seq = 43, .epoch = 1795600001, .topic = "ptp.decided/-", .event = { NULL, 0 } },
};
static const char *const some_leaders[] = { "ipc:///run/a/log", "tcp://b:1" };
static const struct log_answer an_answer = { .result = LOG_NOT_LEADER,
	.records = some_records,
	.record_count = 2,
	.through = 43,
	.head = 50,
	.epoch = 1795600001,
	.first = 3,
	.request = 7,
	.leaders = some_leaders,
	.leader_count = 2,
	.sentence = "ask elsewhere" };

static const struct ack some_acks[] = {
	{ .id = "e-1",
		.source = "urn:test",
		.reason = "ORDER_DIFFERS",
		.sentence = "differs",
		.disposition = DISPOSITION_QUARANTINED,
		.seq = 9 },
	{ .id = "e-2", .source = "urn:test", .disposition = DISPOSITION_ACCEPTED, .seq = UINT64_MAX },
	{ .disposition = DISPOSITION_NONE },
};

static const struct bytes some_events[] = { EVENT("{}"), EVENT("\xff\0"), EVENT("") };
static const uint64_t some_numbers[] = { 1, UINT64_MAX, 300 };
static const struct control_request a_control = { .verb = CONTROL_RETRY,
	.events = some_events,
	.event_count = 3,
	.numbers = some_numbers,
	.number_count = 3,
	.all = true,
	.agreed = true,
	.by = "me",
	.reason = "a\nreason",
	.name = "reports",
	.microseconds = -1,
	.differences = 4 };

static const struct control_answer a_control_answer = {
	.done = true, .sentence = "done", .json = "{\"a\":1}", .acks = some_acks, .ack_count = 3
};

/* ---- each kind as a row: pack the good one, unpack bytes, compare with the good one ---- */

static int pack_position(struct arena *to, struct bytes *ret)
{
	return wire_pack_position(to, &a_position, ret);
}

static int unpack_position(struct arena *from, struct bytes bytes)
{
	struct position got;

	return wire_unpack_position(from, bytes, &got);
}

static void same_position(struct bytes bytes)
{
	struct position got;

	assert_int_equal(wire_unpack_position(arena, bytes, &got), 0);
	assert_string_equal(got.stream, "nz");
	assert_true(got.epoch == 1795600000 && got.seq == 42 && got.head == UINT64_MAX);
}

static int pack_request(struct arena *to, struct bytes *ret)
{
	return wire_pack_log_request(to, &a_request, ret);
}

static int unpack_request(struct arena *from, struct bytes bytes)
{
	struct log_request got;

	return wire_unpack_log_request(from, bytes, &got);
}

static void same_request(struct bytes bytes)
{
	struct log_request got;

	assert_int_equal(wire_unpack_log_request(arena, bytes, &got), 0);
	assert_string_equal(got.stream, "nz");
	assert_string_equal(got.name, "reports");
	assert_true(got.after == 41 && got.after_epoch == 1795600000 && got.confirmed == 40 && got.request == 7);
	assert_true(got.limit == 100 && got.wait_ms == 10000 && got.from_now && got.prefix_count == 2);
	assert_string_equal(got.prefixes[0], "task.");
	assert_string_equal(got.prefixes[1], "ptp.decided/WELLINGTON");
}

static int pack_answer(struct arena *to, struct bytes *ret)
{
	return wire_pack_log_answer(to, &an_answer, ret);
}

static int unpack_answer(struct arena *from, struct bytes bytes)
{
	struct log_answer got;

	return wire_unpack_log_answer(from, bytes, &got);
}

static void same_answer(struct bytes bytes)
{
	struct log_answer got;

	assert_int_equal(wire_unpack_log_answer(arena, bytes, &got), 0);
	assert_int_equal(got.result, LOG_NOT_LEADER);
	assert_true(
		got.through == 43 && got.head == 50 && got.epoch == 1795600001 && got.first == 3 && got.request == 7);
	assert_string_equal(got.sentence, "ask elsewhere");
	assert_int_equal(got.leader_count, 2);
	assert_string_equal(got.leaders[1], "tcp://b:1");
	assert_int_equal(got.record_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(got.records[i].seq == some_records[i].seq && got.records[i].epoch == some_records[i].epoch);
		assert_string_equal(got.records[i].topic, some_records[i].topic);
		assert_int_equal(got.records[i].event.n, some_records[i].event.n);
		if (got.records[i].event.n)
			assert_memory_equal(
				got.records[i].event.data, some_records[i].event.data, some_records[i].event.n);
	}
}

static int pack_ack(struct arena *to, struct bytes *ret)
{
	return wire_pack_ack(to, &some_acks[0], ret);
}

static int unpack_ack(struct arena *from, struct bytes bytes)
{
	struct ack got;

	return wire_unpack_ack(from, bytes, &got);
}

static void assert_same_ack(const struct ack *got, const struct ack *expected)
{
	assert_true(text_equal(got->id, expected->id) && text_equal(got->source, expected->source));
	assert_true(text_equal(got->reason, expected->reason) && text_equal(got->sentence, expected->sentence));
	assert_true(!expected->reason == !got->reason);
	assert_true(got->seq == expected->seq && got->disposition == expected->disposition);
}

static void same_ack(struct bytes bytes)
{
	struct ack got;

	assert_int_equal(wire_unpack_ack(arena, bytes, &got), 0);
	assert_same_ack(&got, &some_acks[0]);
}

static int pack_control(struct arena *to, struct bytes *ret)
{
	return wire_pack_control_request(to, &a_control, ret);
}

static int unpack_control(struct arena *from, struct bytes bytes)
{
	struct control_request got;

	return wire_unpack_control_request(from, bytes, &got);
}

static void same_control(struct bytes bytes)
{
	struct control_request got;

	assert_int_equal(wire_unpack_control_request(arena, bytes, &got), 0);
	assert_int_equal(got.verb, CONTROL_RETRY);
	assert_int_equal(got.event_count, 3);
	assert_int_equal(got.events[1].n, 2);
	assert_memory_equal(got.events[1].data, "\xff\0", 2);
	assert_int_equal(got.events[2].n, 0);
	assert_int_equal(got.number_count, 3);
	assert_memory_equal(got.numbers, some_numbers, sizeof(some_numbers));
	assert_true(got.all && got.agreed && got.microseconds == -1 && got.differences == 4);
	assert_string_equal(got.by, "me");
	assert_string_equal(got.reason, "a\nreason");
	assert_string_equal(got.name, "reports");
}

static int pack_control_answer(struct arena *to, struct bytes *ret)
{
	return wire_pack_control_answer(to, &a_control_answer, ret);
}

static int unpack_control_answer(struct arena *from, struct bytes bytes)
{
	struct control_answer got;

	return wire_unpack_control_answer(from, bytes, &got);
}

static void same_control_answer(struct bytes bytes)
{
	struct control_answer got;

	assert_int_equal(wire_unpack_control_answer(arena, bytes, &got), 0);
	assert_true(got.done);
	assert_string_equal(got.sentence, "done");
	assert_string_equal(got.json, "{\"a\":1}");
	assert_int_equal(got.ack_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_same_ack(&got.acks[i], &some_acks[i]);
}

static const struct kind {
	const char *name;
	int (*pack)(struct arena *to, struct bytes *ret);
	int (*unpack)(struct arena *from, struct bytes bytes);
	void (*same)(struct bytes bytes);
	bool empty_is_good;
} kinds[] = {
	{ "position", pack_position, unpack_position, same_position, true },
	{ "log request", pack_request, unpack_request, same_request, false },
	{ "log answer", pack_answer, unpack_answer, same_answer, true },
	{ "ack", pack_ack, unpack_ack, same_ack, true },
	{ "control request", pack_control, unpack_control, same_control, true },
	{ "control answer", pack_control_answer, unpack_control_answer, same_control_answer, true },
};

static struct bytes good(const struct kind *kind)
{
	struct bytes bytes = { NULL, 0 };

	assert_int_equal(kind->pack(arena, &bytes), 0);
	assert_true(bytes.n > 0);
	return bytes;
}

static void test_unpacks_what_it_packs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		kinds[i].same(good(&kinds[i]));
}

static void test_takes_an_empty_message_for_absent_fields(void **state)
{
	struct log_answer answer;
	struct control_request control;
	struct ack ack;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (kinds[i].unpack(arena, (struct bytes){ NULL, 0 }) != (kinds[i].empty_is_good ? 0 : -EINVAL))
			fail_msg("an empty %s", kinds[i].name);
	assert_int_equal(wire_unpack_log_answer(arena, (struct bytes){ NULL, 0 }, &answer), 0);
	assert_true(answer.result == LOG_OK && !answer.record_count && !answer.leader_count && !answer.sentence);
	assert_int_equal(wire_unpack_control_request(arena, (struct bytes){ NULL, 0 }, &control), 0);
	assert_true(control.verb == CONTROL_NONE && !control.by && !control.reason && !control.name);
	assert_int_equal(wire_unpack_ack(arena, (struct bytes){ NULL, 0 }, &ack), 0);
	assert_true(!ack.id && !ack.source && !ack.reason && !ack.sentence && ack.disposition == DISPOSITION_NONE);
}

/* ---- harm ---- */

static void test_answers_out_of_memory_at_every_cap(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		struct bytes bytes = good(&kinds[i]);
		bool packed = false, unpacked = false;

		for (size_t cap = 0; cap < 8192; cap += 8) {
			struct arena *small;
			struct bytes again;
			int r;

			assert_int_equal(arena_new(cap, &small), 0);
			r = kinds[i].unpack(small, bytes);
			if ((r != 0 && r != -ENOMEM) || (unpacked && r != 0))
				fail_msg("%s, cap %zu: unpacking answered %d", kinds[i].name, cap, r);
			unpacked = r == 0;
			arena_reset(small);
			r = kinds[i].pack(small, &again);
			if ((r != 0 && r != -ENOMEM) || (packed && r != 0))
				fail_msg("%s, cap %zu: packing answered %d", kinds[i].name, cap, r);
			packed = r == 0;
			(void)arena_free(small);
		}
		assert_true(packed && unpacked);
	}
}

/* Copied to the heap, where one byte too far is seen by the sanitizer. */
static int unpack_exactly(const struct kind *kind, const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n + !n);
	int r;

	assert_non_null(copy);
	if (n)
		memcpy(copy, data, n);
	arena_reset(arena);
	r = kind->unpack(arena, (struct bytes){ copy, n });
	free(copy);
	return r;
}

static void test_survives_every_cut_and_every_bent_bit(void **state)
{
	static uint8_t bytes[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		struct bytes whole = good(&kinds[i]);
		size_t n = whole.n;

		assert_in_range(n, 1, sizeof(bytes));
		memcpy(bytes, whole.data, n);
		for (size_t cut = 0; cut < n; cut++) {
			int r = unpack_exactly(&kinds[i], bytes, cut);

			if (r != 0 && r != -EINVAL)
				fail_msg("%s cut to %zu bytes: answered %d", kinds[i].name, cut, r);
		}
		for (size_t bit = 0; bit < 8 * n; bit++) {
			int r;

			bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
			r = unpack_exactly(&kinds[i], bytes, n);
			bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
			if (r != 0 && r != -EINVAL && r != -ENOMEM)
				fail_msg("%s with bit %zu bent: answered %d", kinds[i].name, bit, r);
		}
	}
}

/* ---- caps: a text of each field, at its cap and beyond ---- */

static char *filled(size_t n)
{
	char *text = arena_take(arena, n + 1);

	assert_non_null(text);
	memset(text, 'a', n);
	return text;
}

static int position_stream(char *text)
{
	const struct position position = { .stream = text };
	struct bytes bytes;

	assert_int_equal(wire_pack_position(arena, &position, &bytes), 0);
	return unpack_position(arena, bytes);
}

static int send_request(const struct log_request *request)
{
	struct bytes bytes;

	assert_int_equal(wire_pack_log_request(arena, request, &bytes), 0);
	return unpack_request(arena, bytes);
}

static int request_stream(char *text)
{
	return send_request(&(struct log_request){ .stream = text });
}

static int request_name(char *text)
{
	return send_request(&(struct log_request){ .stream = "nz", .name = text });
}

static int request_prefix(char *text)
{
	return send_request(&(struct log_request){ .stream = "nz", .prefixes = { "a", text }, .prefix_count = 2 });
}

static int send_answer(const struct log_answer *answer)
{
	struct bytes bytes;

	assert_int_equal(wire_pack_log_answer(arena, answer, &bytes), 0);
	return unpack_answer(arena, bytes);
}

static int answer_sentence(char *text)
{
	return send_answer(&(struct log_answer){ .sentence = text });
}

static int answer_leader(char *text)
{
	const char *const leaders[] = { text };

	return send_answer(&(struct log_answer){ .leaders = leaders, .leader_count = 1 });
}

/* A topic is an array of ours, so a longer one is built by hand. */
static int answer_topic(char *text)
{
	Cpps__Bridge__V1__LogAnswer answer = CPPS__BRIDGE__V1__LOG_ANSWER__INIT;
	Cpps__Bridge__V1__LogRecord record = CPPS__BRIDGE__V1__LOG_RECORD__INIT, *records[] = { &record };
	struct bytes bytes;

	record.topic = text;
	answer.records = records;
	answer.n_records = 1;
	assert_int_equal(message_pack(arena, &answer.base, &bytes), 0);
	return unpack_answer(arena, bytes);
}

static int send_ack(const struct ack *ack)
{
	struct bytes bytes;

	assert_int_equal(wire_pack_ack(arena, ack, &bytes), 0);
	return unpack_ack(arena, bytes);
}

static int ack_id(char *text)
{
	return send_ack(&(struct ack){ .id = text });
}

static int ack_source(char *text)
{
	return send_ack(&(struct ack){ .source = text });
}

static int ack_reason(char *text)
{
	return send_ack(&(struct ack){ .reason = text });
}

static int ack_sentence(char *text)
{
	return send_ack(&(struct ack){ .sentence = text });
}

static int send_control(const struct control_request *request)
{
	struct bytes bytes;

	assert_int_equal(wire_pack_control_request(arena, request, &bytes), 0);
	return unpack_control(arena, bytes);
}

static int control_by(char *text)
{
	return send_control(&(struct control_request){ .by = text });
}

static int control_reason(char *text)
{
	return send_control(&(struct control_request){ .reason = text });
}

static int control_name(char *text)
{
	return send_control(&(struct control_request){ .name = text });
}

static int send_control_answer(const struct control_answer *answer)
{
	struct bytes bytes;

	assert_int_equal(wire_pack_control_answer(arena, answer, &bytes), 0);
	return unpack_control_answer(arena, bytes);
}

static int control_answer_sentence(char *text)
{
	return send_control_answer(&(struct control_answer){ .sentence = text });
}

static int control_answer_json(char *text)
{
	return send_control_answer(&(struct control_answer){ .json = text });
}

static int control_answer_ack(char *text)
{
	const struct ack acks[] = { { .id = "e" }, { .id = text } };

	return send_control_answer(&(struct control_answer){ .acks = acks, .ack_count = 2 });
}

static void test_holds_every_text_to_its_cap_and_clean(void **state)
{
	static const struct {
		const char *name;
		int (*send)(char *text);
		size_t cap;
	} rows[] = {
		{ "position: stream", position_stream, REF_MAX },
		{ "log request: stream", request_stream, REF_MAX },
		{ "log request: name", request_name, REF_MAX },
		{ "log request: prefix", request_prefix, PREFIX_SIZE_MAX },
		{ "log answer: sentence", answer_sentence, FAULT_MAX },
		{ "log answer: leader", answer_leader, 256 },
		{ "log answer: topic", answer_topic, TOPIC_MAX },
		{ "ack: id", ack_id, ID_MAX },
		{ "ack: source", ack_source, ID_MAX },
		{ "ack: reason", ack_reason, REF_MAX },
		{ "ack: sentence", ack_sentence, FAULT_MAX },
		{ "control request: by", control_by, REF_MAX },
		{ "control request: reason", control_reason, PROSE_MAX },
		{ "control request: name", control_name, REF_MAX },
		{ "control answer: sentence", control_answer_sentence, FAULT_MAX },
		{ "control answer: json", control_answer_json, 0 },
		{ "control answer: ack", control_answer_ack, ID_MAX },
	};
	static const char *const unclean[] = { "\xff", "a\x01", "\x7f", "\xed\xa0\x80" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		arena_reset(arena);
		if (rows[i].cap && rows[i].send(filled(rows[i].cap)) != 0)
			fail_msg("%s: refused at its cap", rows[i].name);
		if (rows[i].cap && rows[i].send(filled(rows[i].cap + 1)) != -EINVAL)
			fail_msg("%s: taken over its cap", rows[i].name);
		for (size_t k = 0; k < ARRAY_LENGTH(unclean); k++)
			if (rows[i].send(arena_text(arena, unclean[k])) != -EINVAL)
				fail_msg("%s: taken unclean, row %zu", rows[i].name, k);
	}
}

/* protobuf-c ends a string at a NUL: what follows must not be lost unseen. */
static void test_refuses_a_nul_in_a_text(void **state)
{
	static const uint8_t position[] = { 0x0a, 3, 'n', 0, 'z' };

	(void)state;
	assert_int_equal(unpack_position(arena, (struct bytes){ position, sizeof(position) }), -EINVAL);
}

static void test_cuts_down_what_asks_for_too_much(void **state)
{
	static const struct {
		uint32_t limit, wait_ms, gives_limit, gives_wait_ms;
	} rows[] = {
		{ 0, 0, LOG_LIMIT_MAX, 0 },
		{ 1, 1, 1, 1 },
		{ LOG_LIMIT_MAX - 1, LOG_WAIT_MAX_MS - 1, LOG_LIMIT_MAX - 1, LOG_WAIT_MAX_MS - 1 },
		{ LOG_LIMIT_MAX + 1, LOG_WAIT_MAX_MS + 1, LOG_LIMIT_MAX, LOG_WAIT_MAX_MS },
		{ UINT32_MAX, UINT32_MAX, LOG_LIMIT_MAX, LOG_WAIT_MAX_MS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct log_request request = {
			.stream = "nz", .limit = rows[i].limit, .wait_ms = rows[i].wait_ms
		};
		struct log_request got;
		struct bytes bytes;

		assert_int_equal(wire_pack_log_request(arena, &request, &bytes), 0);
		assert_int_equal(wire_unpack_log_request(arena, bytes, &got), 0);
		if (got.limit != rows[i].gives_limit || got.wait_ms != rows[i].gives_wait_ms || got.from_now ||
			got.name)
			fail_msg("row %zu: limit %u, wait %u ms", i, got.limit, got.wait_ms);
	}
}

/* Built by hand, as only a foreign peer can. */
static int request_with_prefixes(size_t n)
{
	Cpps__Bridge__V1__LogRequest request = CPPS__BRIDGE__V1__LOG_REQUEST__INIT;
	char *prefixes[PREFIXES_MAX + 1];
	struct bytes bytes;

	for (size_t i = 0; i < n; i++)
		prefixes[i] = arena_text(arena, "task.");
	request.stream = arena_text(arena, "nz");
	request.prefixes = prefixes;
	request.n_prefixes = n;
	assert_int_equal(message_pack(arena, &request.base, &bytes), 0);
	return unpack_request(arena, bytes);
}

static int answer_with_records(size_t n)
{
	struct wire_record *records = arena_take(arena, n * sizeof(*records));

	return send_answer(&(struct log_answer){ .records = records, .record_count = n });
}

static int answer_with_leaders(size_t n)
{
	static const char *const leaders[20] = { "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a",
		"a", "a", "a", "a", "a", "a" };

	return send_answer(&(struct log_answer){ .leaders = leaders, .leader_count = n });
}

static int control_with_events(size_t n)
{
	const struct bytes *events = arena_take(arena, n * sizeof(*events));

	return send_control(&(struct control_request){ .verb = CONTROL_PLAN, .events = events, .event_count = n });
}

static int control_with_numbers(size_t n)
{
	const uint64_t *numbers = arena_take(arena, n * sizeof(*numbers));

	return send_control(&(struct control_request){ .numbers = numbers, .number_count = n });
}

static int control_answer_with_acks(size_t n)
{
	const struct ack *acks = arena_take(arena, n * sizeof(*acks));

	return send_control_answer(&(struct control_answer){ .acks = acks, .ack_count = n });
}

static void test_holds_every_list_to_its_cap(void **state)
{
	static const struct {
		const char *name;
		int (*send)(size_t n);
		size_t cap;
	} rows[] = {
		{ "prefixes", request_with_prefixes, PREFIXES_MAX },
		{ "records", answer_with_records, LOG_LIMIT_MAX },
		{ "leaders", answer_with_leaders, 16 },
		{ "events", control_with_events, 10000 },
		{ "numbers", control_with_numbers, 10000 },
		{ "acks", control_answer_with_acks, 10000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int at, over;

		arena_reset(arena);
		at = rows[i].send(rows[i].cap);
		over = rows[i].send(rows[i].cap + 1);
		if (at != 0 || over != -EINVAL)
			fail_msg("%s: answered %d at the cap and %d over it", rows[i].name, at, over);
	}
}

/* ---- words of a later version ---- */

static void test_meets_unknown_words(void **state)
{
	static const uint8_t result[] = { 0x08, 5 },
			     negative[] = { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 };
	static const uint8_t disposition[] = { 0x18, 5 }, verb[] = { 0x08, 99 }, start[] = { 0x0a, 1, 's', 0x48, 7 };
	static const uint8_t unknown_field[] = { 0x0a, 2, 'n', 'z', 0xa2, 6, 3, 1, 2, 3 };
	struct control_request control;
	struct log_request request;

	(void)state;
	assert_int_equal(unpack_answer(arena, (struct bytes){ result, sizeof(result) }), -EINVAL);
	assert_int_equal(unpack_answer(arena, (struct bytes){ negative, sizeof(negative) }), -EINVAL);
	assert_int_equal(unpack_ack(arena, (struct bytes){ disposition, sizeof(disposition) }), -EINVAL);
	assert_int_equal(wire_unpack_control_request(arena, (struct bytes){ verb, sizeof(verb) }, &control), 0);
	assert_int_equal(control.verb, CONTROL_NONE);
	assert_int_equal(wire_unpack_control_request(arena, (struct bytes){ negative, sizeof(negative) }, &control), 0);
	assert_int_equal(control.verb, CONTROL_NONE);
	assert_int_equal(wire_unpack_log_request(arena, (struct bytes){ start, sizeof(start) }, &request), 0);
	assert_false(request.from_now);
	assert_int_equal(unpack_position(arena, (struct bytes){ unknown_field, sizeof(unknown_field) }), 0);
}

/* A small message that unpacks into much memory is refused before it has it. */
static void test_caps_the_memory_of_a_small_message(void **state)
{
	const size_t n = 60000;
	uint8_t *bytes = arena_take(arena, n);

	(void)state;
	for (size_t i = 0; i + 1 < n; i += 2)
		bytes[i] = 0x22; /* prefixes: an empty text, 30,000 times */
	assert_int_equal(unpack_request(arena, (struct bytes){ bytes, n }), -EINVAL);
	assert_in_range(arena_used(arena), 0, 2 * n + 64 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unpacks_what_it_packs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_an_empty_message_for_absent_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_out_of_memory_at_every_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_survives_every_cut_and_every_bent_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_holds_every_text_to_its_cap_and_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_a_nul_in_a_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cuts_down_what_asks_for_too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(test_holds_every_list_to_its_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_meets_unknown_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caps_the_memory_of_a_small_message, setup, teardown),
	};

	return cmocka_run_group_tests_name("wire/protocol", tests, NULL, NULL);
}
