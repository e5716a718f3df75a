/* The newest records of a stream, as many as fit: never with a hole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/ring.h"

#include "base/text.h"

#define RECORD_BYTES 100

static struct wire_record record_of(uint64_t seq, size_t n)
{
	static uint8_t bytes[8192];
	struct wire_record record = { .seq = seq, .epoch = seq / 10 + 1, .event = { bytes, n } };

	bytes[0] = (uint8_t)seq;
	TEXT_SET(record.topic, "task.opened/NELSON");
	return record;
}

static void add(struct ring *ring, uint64_t seq, size_t n)
{
	struct wire_record record = record_of(seq, n);

	ring_add(ring, &record);
}

static void assert_holds(const struct ring *ring, uint64_t from, uint64_t to)
{
	assert_int_equal(ring_oldest(ring), from);
	assert_null(ring_at(ring, from - 1));
	assert_null(ring_at(ring, to + 1));
	for (uint64_t seq = from; seq <= to; seq++) {
		const struct wire_record *record = ring_at(ring, seq);

		assert_non_null(record);
		assert_int_equal(record->seq, seq);
		assert_int_equal(record->epoch, seq / 10 + 1);
		assert_int_equal(record->event.data[0], (uint8_t)seq);
		assert_string_equal(record->topic, "task.opened/NELSON");
	}
}

static void test_keeps_copies_of_the_newest(void **state)
{
	CLEANUP(ring_freep) struct ring *ring = NULL;
	const size_t kept = 150;

	(void)state;
	assert_int_equal(ring_new(kept * (sizeof(struct wire_record) + RECORD_BYTES), &ring), 0);
	assert_int_equal(ring_oldest(ring), 0);
	assert_null(ring_at(ring, 0));
	for (uint64_t seq = 1; seq <= 1000; seq++) {
		add(ring, seq, RECORD_BYTES);
		assert_holds(ring, seq > kept ? seq - kept + 1 : 1, seq);
	}
	ring_clear(ring);
	assert_int_equal(ring_oldest(ring), 0);
	add(ring, 7, RECORD_BYTES);
	assert_holds(ring, 7, 7);
}

static void test_begins_anew_at_a_hole(void **state)
{
	CLEANUP(ring_freep) struct ring *ring = NULL;

	(void)state;
	assert_int_equal(ring_new(100000, &ring), 0);
	for (uint64_t seq = 1; seq <= 10; seq++)
		add(ring, seq, RECORD_BYTES);
	add(ring, 12, RECORD_BYTES);
	assert_holds(ring, 12, 12);
	add(ring, 13, 0);
	assert_int_equal(ring_oldest(ring), 12);
	assert_int_equal(ring_at(ring, 13)->event.n, 0);
	add(ring, 13, RECORD_BYTES);
	assert_holds(ring, 13, 13);
}

static void test_a_record_larger_than_all_of_it_empties_it(void **state)
{
	CLEANUP(ring_freep) struct ring *ring = NULL;

	(void)state;
	assert_int_equal(ring_new(4096, &ring), 0);
	add(ring, 1, RECORD_BYTES);
	add(ring, 2, 8000);
	assert_int_equal(ring_oldest(ring), 0);
	add(ring, 3, RECORD_BYTES);
	assert_holds(ring, 3, 3);
	assert_null(ring_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_copies_of_the_newest),
		cmocka_unit_test(test_begins_anew_at_a_hole),
		cmocka_unit_test(test_a_record_larger_than_all_of_it_empties_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
