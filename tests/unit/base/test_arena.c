#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"

#define CAP (1024 * 1024UL)

static struct arena *new_arena(size_t cap)
{
	struct arena *arena = NULL;

	assert_int_equal(arena_new(cap, &arena), 0);
	return arena;
}

static void test_gives_zeroed_aligned_memory(void **state)
{
	static const size_t sizes[] = { 1, 3, 16, 17, 4096, 100000, 0, 65536, 5 };
	CLEANUP(arena_freep) struct arena *arena = new_arena(CAP);

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
			unsigned char *bytes = arena_take(arena, sizes[i]);

			if (!bytes || (uintptr_t)bytes % alignof(max_align_t) != 0)
				fail_msg("%zu bytes", sizes[i]);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(bytes[k], 0);
			memset(bytes, 0xff, sizes[i]);
		}
		arena_reset(arena);
		assert_int_equal(arena_used(arena), 0);
	}
}

static void test_stops_at_the_cap(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = new_arena(64);

	(void)state;
	assert_null(arena_take(arena, 65));
	assert_null(arena_take(arena, SIZE_MAX));
	assert_null(arena_take(arena, SIZE_MAX - 3));
	assert_non_null(arena_take(arena, 33));
	assert_int_equal(arena_used(arena), 48);
	assert_null(arena_take(arena, 17));
	assert_non_null(arena_take(arena, 16));
	assert_null(arena_take(arena, 1));
	arena_reset(arena);
	assert_non_null(arena_take(arena, 64));
}

static void test_copies_text_and_bytes(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = new_arena(CAP);
	struct pair {
		int a, b;
	} *pair = ARENA_NEW(arena, struct pair);

	(void)state;
	assert_non_null(pair);
	assert_int_equal(pair->a + pair->b, 0);
	assert_string_equal(arena_text(arena, "office"), "office");
	assert_string_equal(arena_text(arena, ""), "");
	assert_string_equal(arena_text_n(arena, "office", 3), "off");
	assert_memory_equal(arena_copy(arena, "a\0b", 3), "a\0b", 3);
	assert_non_null(arena_copy(arena, NULL, 0));
	assert_null(arena_text(arena, NULL));
	assert_null(arena_text_n(arena, "", SIZE_MAX));
}

static void test_says_when_a_copy_has_no_room(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = new_arena(4);

	(void)state;
	assert_null(arena_text(arena, "office"));
	assert_null(arena_copy(arena, "office", 6));
}

static void test_keeps_one_small_chunk_over_a_reset(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = new_arena(CAP);
	void *first = arena_take(arena, 8);

	(void)state;
	assert_non_null(arena_take(arena, 200000));
	assert_non_null(arena_take(arena, 8));
	arena_reset(arena);
	assert_ptr_equal(arena_take(arena, 8), first);
}

static void test_gives_back_a_large_first_chunk(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = new_arena(CAP);

	(void)state;
	assert_non_null(arena_take(arena, 200000));
	arena_reset(arena);
	arena_reset(arena);
	assert_non_null(arena_take(arena, 8));
}

static void test_frees_nothing_and_an_empty_arena(void **state)
{
	(void)state;
	assert_null(arena_free(NULL));
	assert_null(arena_free(new_arena(CAP)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gives_zeroed_aligned_memory),
		cmocka_unit_test(test_stops_at_the_cap),
		cmocka_unit_test(test_copies_text_and_bytes),
		cmocka_unit_test(test_says_when_a_copy_has_no_room),
		cmocka_unit_test(test_keeps_one_small_chunk_over_a_reset),
		cmocka_unit_test(test_gives_back_a_large_first_chunk),
		cmocka_unit_test(test_frees_nothing_and_an_empty_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
