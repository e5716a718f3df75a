/* The made-up input: the same bytes each time, every type there, most of it in order, and what is wrong with the rest is what was meant to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "ctl/generate.h"
#include "wire/decode.h"

#include <uthash.h>

#define EVENTS 5000

/* An event of the output, by its source and id. */
struct seen {
	UT_hash_handle hh;
	char *line;
	char key[128];
};

struct made {
	uint64_t lines, hash, decoded, twice, spoiled;
	uint64_t reasons[REASON_END], types[EVENT_TYPE_END], orders[ORDER_TYPE_END];
	struct seen *seen;
	struct arena *arena;
	uint64_t stop_after;
};

static int hash_line(void *context, const char *line, size_t n)
{
	struct made *made = context;

	for (size_t i = 0; i <= n; i++) /* FNV-1a; a line feed behind each */
		made->hash = (made->hash ^ (uint8_t)(i < n ? line[i] : '\n')) * UINT64_C(1099511628211);
	made->lines++;
	return made->stop_after && made->lines == made->stop_after ? 42 : 0;
}

static struct generate_options options_of(uint64_t events, uint64_t seed)
{
	struct generate_options options = { .events = events, .seed = seed };

	assert_int_equal(date_parse(GENERATE_FROM, &options.from), 0);
	return options;
}

static uint64_t hash_of(struct generate_options options)
{
	struct made made = { 0 };

	assert_int_equal(generate(&options, hash_line, &made), 0);
	assert_true(made.lines == options.events);
	return made.hash;
}

static void test_the_same_arguments_give_the_same_bytes(void **state)
{
	struct generate_options options = options_of(EVENTS, 7), other;
	uint64_t hash = hash_of(options);

	(void)state;
	assert_true(hash_of(options) == hash);
	other = options;
	other.seed++;
	assert_true(hash_of(other) != hash);
	other = options;
	other.from.day++;
	assert_true(hash_of(other) != hash);
	other = options;
	other.days = 1;
	assert_true(hash_of(other) != hash);
}

/* These bytes are a promise to whoever compares runs on other machines and days: a change of theirs is a change of behaviour. */
static void test_the_bytes_are_those_of_every_other_machine(void **state)
{
	(void)state;
	assert_int_equal(hash_of(options_of(EVENTS, 7)), UINT64_C(0x7a062002085a9d52));
}

static void test_it_ends_where_it_is_told(void **state)
{
	struct generate_options options = options_of(EVENTS, 1);
	struct made made = { .stop_after = 10 };

	(void)state;
	assert_int_equal(generate(&options, hash_line, &made), 42);
	assert_true(made.lines == 10);
	assert_true(hash_of(options_of(0, 1)) == 0);
	(void)hash_of(options_of(1, 1));
}

/* ---- Each line as a bridge reads it ---- */

/* Spoiled so that only the policy sees it. */
static bool is_spoiled(const char *line, size_t n, const struct event *event)
{
	static const char *const words[] = { "\"TIMARU\"", "\"WHANGAREI\"", "\"HASTINGS\"", "\"2019-06-30\"" };

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (memmem(line, n, words[i], strlen(words[i])))
			return true;
	return event->by_role == ROLE_ADMINISTRATION_OFFICER && event->type != EVENT_TASK_RECORDED;
}

/* The good event of an id comes once, or again byte for byte. */
static void remember(struct made *made, const char *line, size_t n, const struct event *event)
{
	struct seen *seen;
	char key[128];

	(void)snprintf(key, sizeof(key), "%s %s", event->source, event->id);
	HASH_FIND_STR(made->seen, key, seen);
	if (seen) {
		if (strlen(seen->line) != n || memcmp(seen->line, line, n) != 0)
			fail_msg("%s comes again with other content", key);
		made->twice++;
		return;
	}
	seen = calloc(1, sizeof(*seen));
	assert_non_null(seen);
	(void)strcpy(seen->key, key);
	seen->line = strndup(line, n);
	HASH_ADD_STR(made->seen, key, seen);
}

static int take_line(void *context, const char *line, size_t n)
{
	struct made *made = context;
	struct event event = { 0 };
	enum reason reason = REASON_NONE;
	struct fault fault;
	int r;

	assert_null(memchr(line, '\n', n));
	assert_true(text_is_clean(line, n));
	arena_reset(made->arena);
	r = wire_decode(made->arena, line, n, &event, &reason, &fault);
	assert_true(r == 0 || r == 1);
	made->lines++;
	if (r == 1) {
		made->reasons[reason]++;
		return 0;
	}
	made->decoded++;
	made->types[event.type]++;
	if (event.type == EVENT_SENTENCE_IMPOSED || event.type == EVENT_OFFENDER_RELEASED)
		made->orders[event.order_type]++;
	if (is_spoiled(line, n, &event))
		made->spoiled++;
	else
		remember(made, line, n, &event);
	return 0;
}

#define WORLDS 6
static struct made worlds[WORLDS]; /* of the seeds from 1 on */

static int setup(void **state)
{
	(void)state;
	for (size_t world = 0; world < WORLDS; world++) {
		struct generate_options options = options_of(EVENTS, world + 1);

		if (arena_new(4 * 1024 * 1024, &worlds[world].arena) < 0 ||
			generate(&options, take_line, &worlds[world]) != 0)
			return -1;
	}
	return 0;
}

static void forget(struct made *made)
{
	struct seen *seen, *next;

	HASH_ITER (hh, made->seen, seen, next) {
		HASH_DEL(made->seen, seen);
		free(seen->line);
		free(seen);
	}
	made->arena = arena_free(made->arena);
}

static int teardown(void **state)
{
	(void)state;
	for (size_t world = 0; world < WORLDS; world++)
		forget(&worlds[world]);
	return 0;
}

static void test_every_line_decodes_save_those_spoiled_on_purpose(void **state)
{
	static const enum reason meant[] = { REASON_MALFORMED, REASON_MISSING_FIELD, REASON_INVALID_FIELD,
		REASON_INVALID_DATES };

	(void)state;
	for (size_t world = 0; world < WORLDS; world++) {
		const struct made *made = &worlds[world];
		uint64_t refused = 0;

		for (size_t i = 0; i < ARRAY_LENGTH(meant); i++)
			refused += made->reasons[meant[i]];
		assert_true(made->decoded + refused == EVENTS);
		assert_true(refused > 0 && refused < EVENTS / 50);
		assert_true(made->spoiled > 0 && made->spoiled < EVENTS / 100);
		assert_true(made->twice > 0 && made->twice < EVENTS / 25);
	}
}

static void test_every_inbound_type_is_among_5000(void **state)
{
	(void)state;
	for (size_t world = 0; world < WORLDS; world++) {
		for (int type = EVENT_NONE + 1; type < EVENT_TYPE_END; type++)
			if (!worlds[world].types[type])
				fail_msg("seed %zu has no %s", world + 1, event_type_text((enum event_type)type));
	}
}

static void test_order_types_come_as_often_as_in_the_stock(void **state)
{
	static const struct {
		enum order_type type;
		unsigned least, most; /* per cent, around the shares of December 2014 */
	} shares[] = {
		{ ORDER_COMMUNITY_WORK, 38, 52 },
		{ ORDER_SUPERVISION, 15, 25 },
		{ ORDER_RELEASE_ON_CONDITIONS, 5, 13 },
		{ ORDER_INTENSIVE_SUPERVISION, 4, 11 },
		{ ORDER_PAROLE, 3, 10 },
		{ ORDER_COMMUNITY_DETENTION, 2, 8 },
		{ ORDER_HOME_DETENTION, 2, 8 },
		{ ORDER_POST_DETENTION_CONDITIONS, 1, 6 },
		{ ORDER_EXTENDED_SUPERVISION_ORDER, 0, 2 },
		{ ORDER_COMPASSIONATE_RELEASE, 0, 1 },
	};
	uint64_t counts[ORDER_TYPE_END] = { 0 }, all = 0;

	(void)state;
	for (size_t world = 0; world < WORLDS; world++) {
		for (int type = 0; type < ORDER_TYPE_END; type++) {
			counts[type] += worlds[world].orders[type];
			all += worlds[world].orders[type];
		}
	}
	assert_true(all > 2000);
	for (size_t i = 0; i < ARRAY_LENGTH(shares); i++) {
		uint64_t share = counts[shares[i].type] * 100 / all;

		if (share < shares[i].least || share > shares[i].most)
			fail_msg("%s: %llu per cent", order_type_text(shares[i].type), (unsigned long long)share);
	}
}

/* ---- The days ---- */
struct days {
	struct instant first, last;
	struct arena *arena;
};

static int take_time(void *context, const char *line, size_t n)
{
	struct days *days = context;
	struct event event = { 0 };
	enum reason reason;
	struct fault fault;

	arena_reset(days->arena);
	if (wire_decode(days->arena, line, n, &event, &reason, &fault) != 0)
		return 0;
	if (!instant_given(days->first))
		days->first = event.time;
	days->first = instant_earlier(days->first, event.time);
	if (event.time.us > days->last.us)
		days->last = event.time;
	assert_true(
		(event.time.us / US_PER_HOUR + 13) / 24 % 7 != 2 && (event.time.us / US_PER_HOUR + 13) / 24 % 7 != 3);
	return 0;
}

static void test_it_begins_on_the_day_it_is_told_and_keeps_to_working_days(void **state)
{
	static const struct {
		const char *from, *first; /* at 8:30 */
		uint64_t days;
		int least, most; /* the day of the last */
	} rows[] = {
		{ "2026-11-02", "2026-11-01T19:30:00Z", 0, 8, 25 },
		{ "2026-11-07", "2026-11-08T19:30:00Z", 0, 8, 25 }, /* a Saturday: the Monday after it */
		{ "2026-07-01", "2026-06-30T20:30:00Z", 5, 3, 12 }, /* winter */
		{ "2026-11-02", "2026-11-01T19:30:00Z", 90, 60, 120 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct generate_options options = { .events = 5000, .seed = 3, .days = rows[i].days };
		struct days days = { INSTANT_NONE, INSTANT_NONE, NULL };
		char text[INSTANT_TEXT];
		int64_t day;

		assert_int_equal(arena_new(4 * 1024 * 1024, &days.arena), 0);
		assert_int_equal(date_parse(rows[i].from, &options.from), 0);
		assert_int_equal(generate(&options, take_time, &days), 0);
		assert_string_equal(instant_format(days.first, text), rows[i].first);
		day = (days.last.us - days.first.us) / US_PER_DAY;
		if (day < rows[i].least || day > rows[i].most)
			fail_msg("row %zu: the last event comes on day %lld", i, (long long)day);
		days.arena = arena_free(days.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_arguments_give_the_same_bytes),
		cmocka_unit_test(test_the_bytes_are_those_of_every_other_machine),
		cmocka_unit_test(test_it_ends_where_it_is_told),
		cmocka_unit_test(test_every_line_decodes_save_those_spoiled_on_purpose),
		cmocka_unit_test(test_every_inbound_type_is_among_5000),
		cmocka_unit_test(test_order_types_come_as_often_as_in_the_stock),
		cmocka_unit_test(test_it_begins_on_the_day_it_is_told_and_keeps_to_working_days),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
