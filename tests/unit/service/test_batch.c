/* One batch, decided on a cabinet that no database has filled: order, senders, positions, plans, alarms, and what happens when it is full. */
#include "service/batch.h"

#include <errno.h>

#include "service/papers.h"
#include "wire/json.h"

struct scene {
	struct batch *batch;
	struct cabinet *cabinet;
	struct batch_context context;
	uint64_t next;
};

static const struct instant noon = { 1795564800000000 }; /* 2026-11-25T00:00:00Z, noon and an hour in New Zealand */

static struct instant after_hours(int hours)
{
	return instant_plus(noon, hours * US_PER_HOUR);
}

static int open_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	assert_int_equal(batch_new(&scene->batch), 0);
	assert_int_equal(cabinet_new(&scene->cabinet), 0);
	cabinet_set_numbers(scene->cabinet, 1, 1);
	scene->next = 1;
	scene->context = (struct batch_context){ .config = papers_config(),
		.policy = papers_policy(),
		.cabinet = scene->cabinet,
		.stream = "nz",
		.epoch = 5,
		.now = after_hours(1) };
	*state = scene;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *scene = *state;

	batch_free(scene->batch);
	cabinet_free(scene->cabinet);
	free(scene);
	return 0;
}

static void gather(struct scene *scene, struct letter *letter)
{
	assert_int_equal(batch_gather(scene->batch, scene->context.config, letter), 0);
	assert_non_null(letter->work);
}

static void decide(struct scene *scene)
{
	struct store_keys keys;

	assert_int_equal(batch_keys(scene->batch, &keys), 0);
	assert_int_equal(batch_decide(scene->batch, &scene->context, scene->next), 0);
}

static const struct verdict *verdict_of(const struct letter *letter)
{
	return &letter->work->verdict;
}

static void assert_taken(const struct letter *letter, enum disposition disposition, enum reason reason)
{
	if (verdict_of(letter)->disposition != disposition || verdict_of(letter)->reason != reason)
		fail_msg("%s %s: %s", disposition_text(verdict_of(letter)->disposition),
			reason_text(verdict_of(letter)->reason), verdict_of(letter)->sentence);
}

static size_t named(const struct scene *scene, const char *topic)
{
	size_t n = 0;

	for (size_t i = 0; i < scene->batch->record_count; i++)
		n += strncmp(scene->batch->records[i].topic, topic, strlen(topic)) == 0;
	return n;
}

/* ---- Order and numbers ---- */

static void test_letters_are_decided_in_order_and_records_numbered_from_the_next(void **state)
{
	struct scene *scene = *state;
	struct letter *first = papers_imposed("e1", "O/1", "P1", "WELLINGTON"), *second = papers_document("e2", "O/1");

	scene->next = 41;
	gather(scene, first);
	gather(scene, second);
	decide(scene);
	assert_taken(first, DISPOSITION_ACCEPTED, REASON_NONE);
	assert_taken(second, DISPOSITION_ACCEPTED, REASON_NONE);
	assert_int_equal(scene->batch->first, 41);
	for (size_t i = 0; i < scene->batch->record_count; i++) {
		assert_int_equal(scene->batch->records[i].seq, 41 + i);
		assert_int_equal(scene->batch->records[i].epoch, 5);
		assert_string_equal(scene->batch->records[i].ref, "O/1");
	}
	assert_int_equal(verdict_of(second)->seq, 40 + scene->batch->record_count);
	assert_true(verdict_of(first)->seq < verdict_of(second)->seq);
	assert_int_equal(named(scene, "allocation.requested/WELLINGTON"), 1);
}

static void test_x3_what_comes_before_its_order_waits_and_follows_it(void **state)
{
	struct scene *scene = *state;
	struct letter *document = papers_document("e1", "O/1"), *order = papers_imposed("e2", "O/1", "P1", "NELSON");

	gather(scene, document);
	gather(scene, order);
	decide(scene);
	assert_taken(document, DISPOSITION_PARKED, REASON_NONE);
	assert_taken(order, DISPOSITION_ACCEPTED, REASON_NONE);
	assert_int_equal(named(scene, "task.completed/NELSON"), 2); /* step 1, and 2 by the document */
}

static void test_x2_a_repeat_within_a_batch_is_a_duplicate_of_the_first(void **state)
{
	struct scene *scene = *state;
	struct letter *first = papers_imposed("e1", "O/1", "P1", "WELLINGTON"),
		      *again = papers_imposed("e1", "O/1", "P1", "WELLINGTON"),
		      *other = papers_imposed("e1", "O/2", "P1", "WELLINGTON");

	gather(scene, first);
	gather(scene, again);
	gather(scene, other);
	decide(scene);
	assert_taken(first, DISPOSITION_ACCEPTED, REASON_NONE);
	assert_taken(again, DISPOSITION_DUPLICATE, REASON_NONE);
	assert_int_equal(verdict_of(again)->seq, verdict_of(first)->seq);
	assert_taken(other, DISPOSITION_QUARANTINED, REASON_ID_REUSED);
}

static void test_x4_bad_bytes_are_quarantined_and_hold_up_nothing(void **state)
{
	struct scene *scene = *state;
	struct letter *bad = papers_letter(ORIGIN_SUBMIT, "{ no event"),
		      *good = papers_imposed("e2", "O/1", "P1", "NELSON");

	gather(scene, bad);
	gather(scene, good);
	decide(scene);
	assert_taken(bad, DISPOSITION_QUARANTINED, REASON_MALFORMED);
	assert_taken(good, DISPOSITION_ACCEPTED, REASON_NONE);
	assert_string_equal(scene->batch->records[0].topic, "event.quarantined/-");
}

static void test_the_culprit_of_a_poisoned_batch_is_quarantined_with_the_databases_words(void **state)
{
	struct scene *scene = *state;
	struct letter *letter = papers_imposed("e1", "O/1", "P1", "NELSON");

	(void)fault_set(&letter->poison, 0, "PostgreSQL refused the event's effect: value too long");
	gather(scene, letter);
	decide(scene);
	assert_taken(letter, DISPOSITION_QUARANTINED, REASON_POISON);
	assert_string_equal(verdict_of(letter)->sentence, "PostgreSQL refused the event's effect: value too long");
}

/* ---- Senders ---- */

static struct letter *streamed(size_t source, struct letter *letter)
{
	letter->origin = ORIGIN_STREAM;
	letter->source = source;
	return letter;
}

static void test_a_stream_speaks_only_for_its_own_source(void **state)
{
	struct scene *scene = *state;
	struct letter *own = streamed(COURT, papers_imposed("e1", "O/1", "P1", "NELSON")),
		      *foreign = streamed(PRISON, papers_imposed("e2", "O/2", "P2", "NELSON"));

	gather(scene, own);
	gather(scene, foreign);
	decide(scene);
	assert_taken(own, DISPOSITION_ACCEPTED, REASON_NONE);
	assert_taken(foreign, DISPOSITION_QUARANTINED, REASON_NOT_ALLOWED);
	assert_string_equal(verdict_of(foreign)->sentence,
		"the stream of source 'prison' carries an event of source 'urn:court': a stream may speak only for its "
		"own source");
}

static void test_a_source_that_is_not_configured_is_quarantined(void **state)
{
	struct scene *scene = *state;
	struct letter *letter = papers_imposed("e1", "O/1", "P1", "NELSON");

	scene->context.config = &(struct config){ .stream = "nz" };
	gather(scene, letter);
	decide(scene);
	assert_taken(letter, DISPOSITION_QUARANTINED, REASON_UNKNOWN_SOURCE);
}

/* ---- Positions, clock, keys ---- */

static struct letter *at_position(struct letter *letter, const char *source, uint64_t seq)
{
	letter->positioned = true;
	letter->position = (struct source_position){ .epoch = 3, .seq = seq, .head = 99 };
	(void)snprintf(letter->position.source, sizeof(letter->position.source), "%s", source);
	return letter;
}

static void test_x5_the_last_position_of_each_source_is_written(void **state)
{
	struct scene *scene = *state;

	gather(scene, at_position(streamed(COURT, papers_imposed("e1", "O/1", "P1", "NELSON")), "court", 7));
	gather(scene, at_position(streamed(PRISON, papers_document("e2", "O/1")), "prison", 70));
	gather(scene, at_position(streamed(COURT, papers_imposed("e3", "O/3", "P3", "NELSON")), "court", 8));
	gather(scene, papers_document("e4", "O/3"));
	decide(scene);
	assert_int_equal(scene->batch->position_count, 2);
	assert_string_equal(scene->batch->positions[0].source, "court");
	assert_int_equal(scene->batch->positions[0].seq, 8);
	assert_string_equal(scene->batch->positions[1].source, "prison");
	assert_int_equal(scene->batch->positions[1].seq, 70);
}

static void test_the_clock_moves_by_all_that_was_asked(void **state)
{
	struct scene *scene = *state;
	struct errand *errand = errand_new(1, CONTROL_CLOCK, 2);

	errand->clock_by_us = US_PER_HOUR;
	scene->batch->clock_ahead_us = US_PER_DAY;
	for (int i = 0; i < 2; i++) {
		struct letter *letter = papers_letter(ORIGIN_CLOCK, "");

		letter->errand = errand;
		gather(scene, letter);
	}
	decide(scene);
	assert_true(scene->batch->clock_moved);
	assert_int_equal(scene->batch->clock_ahead_us, US_PER_DAY + 2 * US_PER_HOUR);
	assert_int_equal(scene->batch->record_count, 0);
	errand_free(errand);
}

static struct letter *alarm_of(const char *order_ref)
{
	struct letter *letter = papers_letter(ORIGIN_ALARM, "");

	(void)snprintf(letter->order_ref, sizeof(letter->order_ref), "%s", order_ref);
	return letter;
}

static struct letter *alarm_of_number(uint64_t number, bool parked)
{
	struct letter *letter = papers_letter(ORIGIN_ALARM, "");

	letter->number = number;
	letter->parked = parked;
	return letter;
}

static void test_keys_are_asked_for_once(void **state)
{
	struct scene *scene = *state;
	struct store_keys keys;

	gather(scene, papers_imposed("e1", "O/1", "P1", "NELSON"));
	gather(scene, alarm_of("O/2"));
	gather(scene, alarm_of_number(4, true));
	gather(scene, alarm_of_number(5, false));
	assert_int_equal(batch_keys(scene->batch, &keys), 0);
	assert_int_equal(keys.event_count, 1);
	assert_string_equal(keys.events[0]->id, "e1");
	assert_int_equal(keys.order_ref_count, 1);
	assert_string_equal(keys.order_refs[0], "O/2");
	assert_int_equal(keys.parked_count, 1);
	assert_int_equal(keys.parked[0], 4);
	assert_int_equal(keys.quarantined_count, 1);
	assert_int_equal(keys.quarantined[0], 5);
	gather(scene, papers_imposed("e2", "O/3", "P1", "NELSON"));
	assert_int_equal(batch_keys(scene->batch, &keys), 0);
	assert_int_equal(keys.event_count, 1);
	assert_string_equal(keys.events[0]->id, "e2");
	assert_int_equal(keys.order_ref_count + keys.parked_count + keys.quarantined_count, 0);
}

/* ---- Errands ---- */

static void test_a_plan_tells_the_records_it_would_make(void **state)
{
	struct scene *scene = *state;
	struct errand *errand = errand_new(1, CONTROL_PLAN, 2);
	struct letter *letters[] = { papers_imposed("e1", "O/1", "P1", "NELSON"),
		papers_letter(ORIGIN_PLAN, "nothing") };

	for (size_t i = 0; i < 2; i++) {
		letters[i]->origin = ORIGIN_PLAN;
		letters[i]->errand = errand;
		letters[i]->place = i;
		gather(scene, letters[i]);
		assert_true(scene->batch->plan);
	}
	decide(scene);
	assert_taken(letters[0], DISPOSITION_ACCEPTED, REASON_NONE);
	assert_non_null(strstr(errand->results[0].records, "allocation.requested"));
	assert_non_null(strstr(errand->results[0].records, "O/1"));
	assert_non_null(strstr(errand->results[1].records, "event.quarantined"));
	assert_null(strstr(errand->results[1].records, "allocation.requested"));
	errand_free(errand);
}

static void test_a_quarantine_that_is_not_there_answers_with_a_sentence(void **state)
{
	static const enum origin origins[] = { ORIGIN_DISCARD, ORIGIN_RETRY };
	struct scene *scene = *state;
	struct errand *errand = errand_new(1, CONTROL_DISCARD, 1);
	struct letter *letters[ARRAY_LENGTH(origins)];

	for (size_t i = 0; i < ARRAY_LENGTH(origins); i++) {
		letters[i] = papers_letter(origins[i], "");
		letters[i]->number = 77;
		letters[i]->errand = errand;
		gather(scene, letters[i]);
	}
	decide(scene);
	for (size_t i = 0; i < ARRAY_LENGTH(origins); i++)
		assert_string_equal(
			verdict_of(letters[i])->sentence, "there is no quarantine 77: `cppsctl quarantine` lists them");
	assert_int_equal(scene->batch->record_count, 0);
	errand_free(errand);
}

static void test_x4_a_quarantine_is_closed_once(void **state)
{
	struct scene *scene = *state;
	struct errand *errand = errand_new(1, CONTROL_DISCARD, 1);
	struct letter *first = papers_letter(ORIGIN_DISCARD, ""), *second = papers_letter(ORIGIN_DISCARD, "");

	gather(scene, papers_imposed("e1", "O/1", "P1", "NOWHERE"));
	(void)snprintf(errand->reason, sizeof(errand->reason), "entered in error");
	first->number = second->number = 1;
	first->errand = second->errand = errand;
	gather(scene, first);
	gather(scene, second);
	decide(scene);
	assert_string_equal(verdict_of(first)->sentence, "discarded");
	assert_string_equal(verdict_of(second)->sentence, "quarantine 1 is closed (DISCARDED): nothing to do");
	errand_free(errand);
}

static void test_x4_a_quarantine_without_bytes_keeps_its_reason_when_it_is_retried(void **state)
{
	struct scene *scene = *state;
	struct errand *errand = errand_new(1, CONTROL_RETRY, 1);
	struct letter *retried = papers_letter(ORIGIN_RETRY, "");

	gather(scene, papers_imposed("e1", "O/1", "P1", "NOWHERE"));
	retried->number = 1;
	retried->errand = errand;
	gather(scene, retried);
	decide(scene);
	assert_int_equal(verdict_of(retried)->disposition, DISPOSITION_NONE);
	assert_string_equal(
		verdict_of(retried)->sentence, "the bytes of quarantine 1 were not kept: its source can send it again");
	assert_int_equal(cabinet_quarantined(scene->context.cabinet, 1)->reason, REASON_UNKNOWN_OFFICE);
	errand_free(errand);
}

/* ---- Alarms ---- */

/* Orders O/0 .. in effect, due 72 hours after noon. */
static void make_orders(struct scene *scene, int n)
{
	for (int i = 0; i < n; i++) {
		char id[16], ref[16], prn[16];

		(void)snprintf(id, sizeof(id), "m%d", i);
		(void)snprintf(ref, sizeof(ref), "O/%d", i);
		(void)snprintf(prn, sizeof(prn), "P%d", i);
		gather(scene, papers_imposed(id, ref, prn, "NELSON"));
	}
	decide(scene);
	assert_int_equal(named(scene, "allocation.overdue"), 0);
}

/* As if it had been committed, with every row kept for the alarms. */
static void wait_until(struct scene *scene, struct instant now)
{
	struct letter *letter;

	scene->next += scene->batch->record_count;
	scene->context.now = now;
	while ((letter = queue_pop(&scene->batch->letters)))
		letter_free(letter);
	batch_reset(scene->batch);
}

/* Alarms of all orders, the last order's first. */
static void ring(struct scene *scene, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		char ref[16];

		(void)snprintf(ref, sizeof(ref), "O/%d", i);
		gather(scene, alarm_of(ref));
	}
	decide(scene);
}

/* The `time` of a record: when it was due. */
static void time_of(const struct wire_record *record, char ret[64])
{
	CLEANUP(freep) char *line = NULL;
	struct fault fault = { 0 };
	const char *time;

	assert_int_equal(wire_event_to_json(record->event, &line, &fault), 0);
	time = strstr(line, "\"time\":");
	assert_non_null(time);
	(void)snprintf(ret, 64, "%.*s", (int)strcspn(time + 8, ","), time + 8);
}

static void test_x8_missed_alarms_come_in_the_order_in_which_they_were_missed(void **state)
{
	struct scene *scene = *state;
	char before[64] = "", time[64];

	make_orders(scene, 3);
	wait_until(scene, after_hours(21 * 24)); /* every level of each is past */
	ring(scene, 3);
	assert_int_equal(named(scene, "allocation.overdue/NELSON"), 3 * 3);
	assert_int_equal(named(scene, "task.overdue/NELSON"), 3 * 3 * 4); /* steps 2, 4, 5, 6 */
	for (size_t i = 0; i < scene->batch->record_count; i++) {
		time_of(&scene->batch->records[i], time);
		assert_true(strcmp(before, time) <= 0); /* all of one month: text sorts as time */
		memcpy(before, time, sizeof(before));
	}
	wait_until(scene, after_hours(22 * 24));
	ring(scene, 3);
	assert_int_equal(scene->batch->record_count, 0);
}

static void test_x8_alarms_of_a_cut_list_wait_for_those_that_are_not_in_it(void **state)
{
	struct scene *scene = *state;

	make_orders(scene, 1);
	wait_until(scene, after_hours(21 * 24));
	scene->batch->due_until = after_hours(73); /* others that are due later were not loaded */
	ring(scene, 1);
	assert_int_equal(named(scene, "allocation.overdue/NELSON"), 1);
	assert_int_equal(named(scene, "task.overdue/NELSON"), 4);
}

static void test_x8_time_brings_at_most_500_records_a_transaction(void **state)
{
	struct scene *scene = *state;
	size_t total = 0;
	int rounds = 0;

	make_orders(scene, 70); /* 70 orders, 5 alarms each, 3 levels: 1,050 */
	do {
		wait_until(scene, after_hours(21 * 24));
		ring(scene, 70);
		assert_true(scene->batch->record_count <= ALARMS_MAX);
		total += scene->batch->record_count;
	} while (scene->batch->record_count && ++rounds < 10);
	assert_int_equal(total, 1050);
	assert_int_equal(rounds, 3);
}

static void test_an_alarm_of_what_is_gone_does_nothing(void **state)
{
	struct scene *scene = *state;

	gather(scene, alarm_of("NEVER/1"));
	gather(scene, alarm_of_number(9, true));
	gather(scene, alarm_of_number(9, false));
	decide(scene);
	assert_int_equal(scene->batch->record_count, 0);
}

/* ---- Memory ---- */

static void test_a_batch_that_is_full_leaves_the_letter_to_the_caller(void **state)
{
	struct scene *scene = *state;
	struct letter *letter;
	size_t taken = 0;
	int r;

	for (;;) {
		char id[32];

		(void)snprintf(id, sizeof(id), "e%zu", taken);
		letter = papers_imposed(id, "O/1", "P1", "NELSON");
		r = batch_gather(scene->batch, scene->context.config, letter);
		if (r < 0)
			break;
		taken++;
	}
	assert_int_equal(r, -ENOMEM);
	assert_null(letter->work);
	assert_true(taken > 10000);
	assert_int_equal(scene->batch->letters.count, taken);
	letter_free(letter);
	wait_until(scene, noon);
	gather(scene, papers_imposed("e0", "O/1", "P1", "NELSON"));
	decide(scene);
	assert_int_equal(scene->batch->first, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
		SCENE(test_letters_are_decided_in_order_and_records_numbered_from_the_next),
		SCENE(test_x3_what_comes_before_its_order_waits_and_follows_it),
		SCENE(test_x2_a_repeat_within_a_batch_is_a_duplicate_of_the_first),
		SCENE(test_x4_bad_bytes_are_quarantined_and_hold_up_nothing),
		SCENE(test_the_culprit_of_a_poisoned_batch_is_quarantined_with_the_databases_words),
		SCENE(test_a_stream_speaks_only_for_its_own_source),
		SCENE(test_a_source_that_is_not_configured_is_quarantined),
		SCENE(test_x5_the_last_position_of_each_source_is_written),
		SCENE(test_the_clock_moves_by_all_that_was_asked),
		SCENE(test_keys_are_asked_for_once),
		SCENE(test_a_plan_tells_the_records_it_would_make),
		SCENE(test_a_quarantine_that_is_not_there_answers_with_a_sentence),
		SCENE(test_x4_a_quarantine_is_closed_once),
		SCENE(test_x4_a_quarantine_without_bytes_keeps_its_reason_when_it_is_retried),
		SCENE(test_x8_missed_alarms_come_in_the_order_in_which_they_were_missed),
		SCENE(test_x8_alarms_of_a_cut_list_wait_for_those_that_are_not_in_it),
		SCENE(test_x8_time_brings_at_most_500_records_a_transaction),
		SCENE(test_an_alarm_of_what_is_gone_does_nothing),
		SCENE(test_a_batch_that_is_full_leaves_the_letter_to_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
