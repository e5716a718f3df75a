/* Following a stream (the stream protocol): each row feeds one thing and says what must come of it; then
 * simulated streams that drop, repeat, reorder and restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "flow/following.h"
#include "wire/protocol.h"

enum what { END, LIVE, RECORD, ANSWER, RESET };

struct step {
	enum what what;
	uint64_t epoch, seq, head; /* ANSWER: seq is through */
	int result;
	uint64_t first;
	bool apply;                 /* what must be said */
	enum following_state state; /* and stand afterwards */
	uint64_t position;
};

#define ROW_STEPS 8

struct row {
	const char *phrase;
	bool has_log;
	uint64_t epoch, position;
	bool from_now, filtered;
	struct step steps[ROW_STEPS];
	uint64_t gaps, missed, missing_from, missing_to;
	bool diverged, head_back;
};

#define LV(e, s, h, a, st, p)                                       \
	{                                                           \
		LIVE, (e), (s), (h), 0, 0, (a), FOLLOWING_##st, (p) \
	}
#define RC(e, s, a, st, p)                                          \
	{                                                           \
		RECORD, (e), (s), 0, 0, 0, (a), FOLLOWING_##st, (p) \
	}
#define OK(e, t, h, st, p)                                                   \
	{                                                                    \
		ANSWER, (e), (t), (h), LOG_OK, 1, false, FOLLOWING_##st, (p) \
	}
#define AN(r, e, t, h, f, st, p)                                                \
	{                                                                       \
		ANSWER, (e), (t), (h), LOG_##r, (f), false, FOLLOWING_##st, (p) \
	}

static const struct row rows[] = {
	{ .phrase = "an empty log is followed live",
		.has_log = true,
		.steps = { OK(5, 0, 0, LIVE, 0), LV(5, 1, 1, true, LIVE, 1) } },
	{ .phrase = "reads to the head before anything live",
		.has_log = true,
		.steps = { LV(5, 3, 3, false, READING, 0), RC(4, 1, true, READING, 1), RC(4, 2, true, READING, 2),
			OK(5, 2, 3, READING, 2), RC(5, 3, true, READING, 3), OK(5, 3, 3, LIVE, 3),
			LV(5, 4, 4, true, LIVE, 4) } },
	{ .phrase = "a head heard live but not yet in the answer is read again",
		.has_log = true,
		.steps = { LV(5, 2, 2, false, READING, 0), RC(5, 1, true, READING, 1), OK(5, 1, 1, READING, 1) } },
	{ .phrase = "a gap is read from the log",
		.has_log = true,
		.epoch = 5,
		.position = 7,
		.steps = { OK(5, 7, 7, LIVE, 7), LV(5, 9, 9, false, READING, 7), LV(5, 10, 10, false, READING, 7),
			RC(5, 8, true, READING, 8), RC(5, 9, true, READING, 9), RC(5, 10, true, READING, 10),
			OK(5, 10, 10, LIVE, 10) } },
	{ .phrase = "a lost tail shows in the heartbeat",
		.has_log = true,
		.epoch = 5,
		.position = 7,
		.steps = { OK(5, 7, 7, LIVE, 7), LV(5, 0, 8, false, READING, 7) } },
	{ .phrase = "a record's head may run ahead of it",
		.has_log = true,
		.epoch = 5,
		.position = 7,
		.steps = { OK(5, 7, 7, LIVE, 7), LV(5, 8, 9, true, LIVE, 8), LV(5, 9, 9, true, LIVE, 9),
			LV(5, 0, 9, false, LIVE, 9) } },
	{ .phrase = "what is known is not applied twice",
		.has_log = true,
		.epoch = 5,
		.position = 7,
		.steps = { RC(5, 7, false, READING, 7), OK(5, 7, 7, LIVE, 7), LV(5, 7, 7, false, LIVE, 7),
			LV(5, 3, 7, false, LIVE, 7) } },
	{ .phrase = "an older epoch is ignored",
		.has_log = true,
		.epoch = 5,
		.position = 7,
		.steps = { OK(6, 7, 7, LIVE, 7), LV(5, 8, 8, false, LIVE, 7), LV(5, 0, 9, false, LIVE, 7),
			LV(6, 8, 8, true, LIVE, 8) } },
	{ .phrase = "a new epoch goes through the log",
		.has_log = true,
		.epoch = 5,
		.position = 7,
		.steps = { OK(5, 7, 7, LIVE, 7), LV(6, 8, 8, false, READING, 7), RC(6, 8, true, READING, 8),
			OK(6, 8, 8, LIVE, 8), LV(6, 9, 9, true, LIVE, 9) } },
	{ .phrase = "the answer of a former leader does not end the reading",
		.has_log = true,
		.epoch = 5,
		.position = 7,
		.steps = { LV(6, 0, 7, false, READING, 7), OK(5, 7, 7, READING, 7), OK(6, 7, 7, LIVE, 7) } },
	{ .phrase = "a former leader that misses the position is doubted",
		.has_log = true,
		.epoch = 6,
		.position = 7,
		.steps = { AN(DIVERGED, 5, 0, 6, 1, READING, 7), AN(DIVERGED, 5, 0, 6, 1, READING, 7),
			AN(DIVERGED, 5, 0, 6, 1, READING, 7), AN(DIVERGED, 5, 0, 6, 1, READING, 7),
			AN(DIVERGED, 5, 0, 6, 1, STUCK, 7) },
		.diverged = true,
		.missing_from = 7,
		.missing_to = 7 },
	{ .phrase = "an answer of the leader ends the doubts",
		.has_log = true,
		.epoch = 6,
		.position = 7,
		.steps = { AN(DIVERGED, 5, 0, 6, 1, READING, 7), AN(DIVERGED, 5, 0, 6, 1, READING, 7),
			OK(6, 7, 7, LIVE, 7), AN(DIVERGED, 5, 0, 6, 1, LIVE, 7), AN(DIVERGED, 5, 0, 6, 1, LIVE, 7),
			AN(DIVERGED, 5, 0, 6, 1, LIVE, 7) } },
	{ .phrase = "a restored log is named, not followed",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { OK(5, 9, 9, LIVE, 9), LV(6, 0, 6, false, READING, 9), AN(DIVERGED, 6, 0, 6, 1, STUCK, 9),
			LV(6, 10, 10, false, STUCK, 9), RC(6, 10, false, STUCK, 9), OK(6, 10, 10, STUCK, 9) },
		.diverged = true,
		.missing_from = 7,
		.missing_to = 9 },
	{ .phrase = "another history at the position is named",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { AN(DIVERGED, 6, 0, 20, 1, STUCK, 9) },
		.diverged = true,
		.missing_from = 9,
		.missing_to = 9 },
	{ .phrase = "a head that went back within its epoch",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { OK(5, 9, 9, LIVE, 9), LV(5, 0, 4, false, READING, 9), OK(5, 9, 4, STUCK, 9) },
		.diverged = true,
		.head_back = true,
		.missing_from = 5,
		.missing_to = 9 },
	{ .phrase = "a heartbeat that came late is explained by the log",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { OK(5, 9, 9, LIVE, 9), LV(5, 0, 4, false, READING, 9), OK(5, 9, 9, LIVE, 9) } },
	{ .phrase = "an answer that live records have overtaken is only old",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { OK(5, 9, 9, LIVE, 9), LV(5, 10, 10, true, LIVE, 10), LV(5, 11, 11, true, LIVE, 11),
			OK(5, 9, 9, LIVE, 11), LV(5, 12, 12, true, LIVE, 12) } },
	{ .phrase = "but not one of a new term, which holds all of the terms before",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { OK(5, 9, 9, LIVE, 9), LV(5, 10, 10, true, LIVE, 10), OK(6, 9, 9, STUCK, 10) },
		.diverged = true,
		.missing_from = 10,
		.missing_to = 10 },
	{ .phrase = "what is no longer kept is named",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { AN(TOO_OLD, 6, 0, 100, 50, STUCK, 9) },
		.missing_from = 10,
		.missing_to = 49 },
	{ .phrase = "the first start begins with the first kept",
		.has_log = true,
		.steps = { RC(5, 50, true, READING, 50), RC(5, 51, true, READING, 51), OK(5, 51, 51, LIVE, 51) } },
	{ .phrase = "a hole in the log is named",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { RC(5, 10, true, READING, 10), RC(5, 12, false, STUCK, 10) },
		.missing_from = 11,
		.missing_to = 11 },
	{ .phrase = "an answer that examined more than it carries is a hole",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { RC(5, 10, true, READING, 10), OK(5, 12, 12, STUCK, 10) },
		.missing_from = 11,
		.missing_to = 12 },
	{ .phrase = "from now: the answer says where",
		.has_log = true,
		.from_now = true,
		.steps = { LV(5, 40, 40, false, READING, 0), OK(5, 40, 40, LIVE, 40), LV(5, 41, 41, true, LIVE, 41) } },
	{ .phrase = "from now in an empty log",
		.has_log = true,
		.from_now = true,
		.steps = { OK(5, 0, 0, LIVE, 0), LV(5, 1, 1, true, LIVE, 1) } },
	{ .phrase = "through a filter the answer moves the position",
		.has_log = true,
		.filtered = true,
		.epoch = 5,
		.position = 9,
		.steps = { RC(5, 12, true, READING, 12), OK(5, 15, 15, READING, 15), LV(5, 16, 16, false, READING, 15),
			RC(5, 17, true, READING, 17) } },
	{ .phrase = "not the leader: read on elsewhere",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { OK(5, 9, 9, LIVE, 9), AN(NOT_LEADER, 0, 0, 0, 0, READING, 9),
			AN(NOT_ALLOWED, 0, 0, 0, 0, READING, 9) } },
	{ .phrase = "a lost connection: read again",
		.has_log = true,
		.epoch = 5,
		.position = 9,
		.steps = { OK(5, 9, 9, LIVE, 9), { RESET, 0, 0, 0, 0, 0, false, FOLLOWING_READING, 9 } } },
	{ .phrase = "best effort begins where it hears",
		.steps = { LV(5, 40, 40, true, LIVE, 40), LV(5, 41, 41, true, LIVE, 41) } },
	{ .phrase = "best effort counts a gap",
		.epoch = 5,
		.position = 9,
		.steps = { LV(5, 12, 12, true, LIVE, 12), LV(5, 11, 12, false, LIVE, 12) },
		.gaps = 1,
		.missed = 2 },
	{ .phrase = "best effort counts a lost tail",
		.epoch = 5,
		.position = 9,
		.steps = { LV(5, 0, 11, false, LIVE, 11), LV(5, 12, 12, true, LIVE, 12) },
		.gaps = 1,
		.missed = 2 },
	{ .phrase = "best effort ignores an older epoch",
		.epoch = 5,
		.position = 9,
		.steps = { LV(6, 10, 10, true, LIVE, 10), LV(5, 11, 11, false, LIVE, 10) } },
	{ .phrase = "best effort follows a new term that went back",
		.epoch = 5,
		.position = 9,
		.steps = { LV(6, 0, 4, false, LIVE, 4), LV(6, 5, 5, true, LIVE, 5) },
		.gaps = 1 },
	{ .phrase = "best effort says when a head went back",
		.epoch = 5,
		.position = 9,
		.steps = { LV(5, 10, 10, true, LIVE, 10), LV(5, 0, 4, false, LIVE, 10) },
		.head_back = true },
	{ .phrase = "best effort has no log to read after a loss",
		.epoch = 5,
		.position = 9,
		.steps = { { RESET, 0, 0, 0, 0, 0, false, FOLLOWING_LIVE, 9 } } },
};

static bool feed(struct following *f, const struct step *step)
{
	switch (step->what) {
	case LIVE:
		return following_live(f, step->epoch, step->seq, step->head);
	case RECORD:
		return following_record(f, step->epoch, step->seq);
	case ANSWER:
		following_answer(f, step->result, step->seq, step->head, step->epoch, step->first);
		return false;
	case RESET:
		following_reset(f);
		return false;
	case END:
		break;
	}
	return false;
}

static bool run_row(const struct row *row)
{
	struct following f;

	following_init(&f, row->has_log, row->epoch, row->position, row->from_now);
	f.filtered = row->filtered;
	for (size_t i = 0; i < ROW_STEPS && row->steps[i].what != END; i++) {
		const struct step *step = &row->steps[i];
		bool apply = feed(&f, step);

		if (apply != step->apply || f.state != step->state || f.position != step->position) {
			print_error("%s: step %zu: apply %d, state %d, position %lu\n", row->phrase, i + 1, apply,
				(int)f.state, f.position);
			return false;
		}
	}
	if (f.gaps == row->gaps && f.missed == row->missed && f.missing_from == row->missing_from &&
		f.missing_to == row->missing_to && f.diverged == row->diverged && f.head_back == row->head_back)
		return true;
	print_error("%s: gaps %lu, missed %lu, missing %lu to %lu, diverged %d, head back %d\n", row->phrase, f.gaps,
		f.missed, f.missing_from, f.missing_to, f.diverged, f.head_back);
	return false;
}

static void test_follows_each_row(void **state)
{
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		failed += !run_row(&rows[i]);
	assert_int_equal(failed, 0);
}

/* ---- Simulated streams ---- */

#define STREAM_MAX  400
#define FLYING_MAX  16
#define STEPS_A_RUN 3000
#define RUNS        400

struct message {
	uint64_t epoch, seq, head;
};

struct source {
	uint64_t epochs[STREAM_MAX + 1]; /* of each record, from 1 */
	uint64_t head, epoch, first;
	struct message flying[FLYING_MAX];
	size_t flying_count;
};

struct taker {
	struct following f;
	uint64_t epochs[STREAM_MAX + 1];
	uint64_t last;
	bool wrong;
};

static unsigned long long random_state;

static unsigned chance(unsigned n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(random_state >> 33) % n;
}

/* Sends it, loses it, or sends it twice; what is in flight may arrive in any order. */
static void fly(struct source *source, uint64_t seq)
{
	unsigned copies = chance(8) == 0 ? 0 : chance(8) == 0 ? 2 : 1;

	while (copies-- && source->flying_count < FLYING_MAX)
		source->flying[source->flying_count++] = (struct message){ source->epoch, seq, source->head };
}

static void publish(struct source *source)
{
	if (source->head >= STREAM_MAX)
		return;
	source->epochs[++source->head] = source->epoch;
	fly(source, source->head);
}

static void take(struct taker *taker, uint64_t epoch, uint64_t seq)
{
	if (seq != taker->last + 1)
		taker->wrong = true;
	taker->last = seq;
	taker->epochs[seq] = epoch;
}

static void arrive(struct source *source, struct taker *taker, bool in_order)
{
	size_t i;
	struct message m;

	if (!source->flying_count)
		return;
	i = in_order ? 0 : chance((unsigned)source->flying_count);
	m = source->flying[i];
	memmove(&source->flying[i], &source->flying[i + 1], (--source->flying_count - i) * sizeof(m));
	if (following_live(&taker->f, m.epoch, m.seq, m.head))
		take(taker, m.epoch, m.seq);
}

/* One request and its answer, as the log server gives it. */
static void read_log(struct source *source, struct taker *taker, unsigned limit)
{
	struct following *f = &taker->f;
	uint64_t after = f->position, through = after;

	if (f->state != FOLLOWING_READING)
		return;
	if (after > source->head || (after && f->epoch && source->epochs[after] != f->epoch)) {
		following_answer(f, LOG_DIVERGED, 0, source->head, source->epoch, 1);
		return;
	}
	for (uint64_t seq = after + 1; seq <= source->head && seq <= after + limit; through = seq++)
		if (following_record(f, source->epochs[seq], seq))
			take(taker, source->epochs[seq], seq);
	following_answer(f, LOG_OK, through, source->head, source->epoch, 1);
}

static void restart(struct source *source, bool restored)
{
	source->epoch += 1 + chance(3);
	if (restored && source->head)
		source->head -= chance((unsigned)(source->head > 5 ? 5 : source->head) + 1);
}

static void step_of_run(struct source *source, struct taker *taker, bool reorder, bool restores)
{
	switch (chance(8)) {
	case 0:
	case 1:
		publish(source);
		break;
	case 2:
		fly(source, 0);
		break;
	case 3:
		if (chance(20) == 0)
			restart(source, restores && chance(3) == 0);
		break;
	case 4:
		if (chance(50) == 0)
			following_reset(&taker->f);
		break;
	case 5:
		read_log(source, taker, 1 + chance(5));
		break;
	default:
		arrive(source, taker, !reorder);
	}
}

/* A last heartbeat that is not lost, and reading for as long as is asked: where it ends is where it must be. */
static void settle(struct source *source, struct taker *taker)
{
	source->flying_count = 0;
	source->flying[source->flying_count++] = (struct message){ source->epoch, 0, source->head };
	arrive(source, taker, true);
	for (int i = 0; i < STREAM_MAX && taker->f.state == FOLLOWING_READING; i++)
		read_log(source, taker, 7);
}

static bool same_history(const struct source *source, const struct taker *taker)
{
	for (uint64_t seq = 1; seq <= taker->last; seq++)
		if (seq > source->head || source->epochs[seq] != taker->epochs[seq])
			return false;
	return true;
}

static bool run(unsigned seed, bool reorder, bool restores, unsigned *stuck)
{
	struct source source = { .epoch = 10, .first = 1 };
	struct taker taker = { 0 };
	bool good;

	random_state = seed;
	following_init(&taker.f, true, 0, 0, false);
	for (int i = 0; i < STEPS_A_RUN; i++)
		step_of_run(&source, &taker, reorder, restores);
	settle(&source, &taker);
	*stuck += taker.f.state == FOLLOWING_STUCK;
	if (taker.f.state == FOLLOWING_STUCK)
		good = restores && taker.f.diverged && !same_history(&source, &taker);
	else
		good = taker.f.state == FOLLOWING_LIVE && taker.last == source.head && same_history(&source, &taker);
	if (!good || taker.wrong)
		print_error("seed %u: state %d, last %lu of %lu, out of turn %d\n", seed, (int)taker.f.state,
			taker.last, source.head, taker.wrong);
	return good && !taker.wrong;
}

static void runs(bool reorder, bool restores, unsigned *stuck)
{
	unsigned failed = 0;

	*stuck = 0;
	for (unsigned seed = 1; seed <= RUNS; seed++)
		failed += !run(seed, reorder, restores, stuck);
	assert_int_equal(failed, 0);
}

static void test_reaches_the_head_whatever_is_lost_or_repeated(void **state)
{
	unsigned stuck;

	(void)state;
	runs(false, false, &stuck);
	assert_int_equal(stuck, 0);
	runs(true, false, &stuck);
	assert_int_equal(stuck, 0);
}

static void test_stops_at_a_restored_log_and_only_there(void **state)
{
	unsigned stuck;

	(void)state;
	runs(false, true, &stuck);
	assert_in_range(stuck, RUNS / 10, RUNS - 1);
	runs(true, true, &stuck);
}

/* Best effort: never out of order, and what was passed over is counted. */
static void test_best_effort_counts_what_it_misses(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= RUNS; seed++) {
		struct source source = { .epoch = 10 };
		struct following f;
		uint64_t taken = 0, last = 0;

		random_state = seed;
		following_init(&f, false, 10, 0, false);
		f.started = true;
		for (int i = 0; i < STEPS_A_RUN; i++) {
			struct message m;

			publish(&source);
			m = (struct message){ source.epoch, chance(4) ? source.head : 0, source.head };
			if (chance(6) && following_live(&f, m.epoch, m.seq, m.head)) {
				assert_true(m.seq > last);
				last = m.seq;
				taken++;
			}
		}
		assert_int_equal(taken + f.missed, f.position);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_each_row),
		cmocka_unit_test(test_reaches_the_head_whatever_is_lost_or_repeated),
		cmocka_unit_test(test_stops_at_a_restored_log_and_only_there),
		cmocka_unit_test(test_best_effort_counts_what_it_misses),
	};

	return cmocka_run_group_tests_name("flow/following", tests, NULL, NULL);
}
