/* Letters, the queue they wait in, and errands. */
#include "service/papers.h"

static struct letter *numbered(uint64_t number, size_t n)
{
	static const uint8_t zeros[100];
	struct letter *letter = letter_new(ORIGIN_SUBMIT, zeros, n);

	assert_non_null(letter);
	letter->number = number;
	return letter;
}

static void push(struct queue *queue, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++)
		queue_push(queue, numbered(i, (size_t)i));
}

/* Pops all; the numbers must be from .. to. */
static void assert_pops(struct queue *queue, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++) {
		struct letter *letter = queue_pop(queue);

		assert_non_null(letter);
		assert_int_equal(letter->number, i);
		assert_null(letter->next);
		assert_null(letter_free(letter));
	}
	assert_null(queue_pop(queue));
	assert_int_equal(queue->count, 0);
	assert_int_equal(queue->bytes, 0);
	assert_null(queue->first);
	assert_null(queue->last);
}

static void test_a_letter_holds_a_copy_of_the_bytes(void **state)
{
	char bytes[] = "hello";
	struct letter *letter = letter_new(ORIGIN_STREAM, bytes, 5);

	(void)state;
	assert_non_null(letter);
	bytes[0] = 'j';
	assert_int_equal(letter->n, 5);
	assert_memory_equal(letter->bytes, "hello", 5);
	assert_int_equal(letter->origin, ORIGIN_STREAM);
	assert_false(letter->alone);
	assert_null(letter->work);
	letter_free(letter);
	letter = letter_new(ORIGIN_ALARM, NULL, 0);
	assert_non_null(letter);
	assert_int_equal(letter->n, 0);
	assert_null(letter_free(letter));
	assert_null(letter_free(NULL));
}

static void test_letters_leave_in_the_order_in_which_they_came(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	assert_null(queue_pop(&queue));
	push(&queue, 1, 9);
	assert_int_equal(queue.count, 9);
	assert_pops(&queue, 1, 9);
	push(&queue, 1, 1);
	assert_pops(&queue, 1, 1);
}

static void test_a_queue_knows_what_it_weighs(void **state)
{
	struct queue queue = { 0 };

	(void)state;
	push(&queue, 10, 20);
	assert_int_equal(queue.bytes, 11 * sizeof(struct letter) + 11 * 15);
	letter_free(queue_pop(&queue));
	assert_int_equal(queue.bytes, 10 * sizeof(struct letter) + 11 * 15 - 10);
	assert_pops(&queue, 11, 20);
}

static void test_what_goes_back_goes_before_what_waits(void **state)
{
	struct queue waiting = { 0 }, back = { 0 };
	size_t bytes;

	(void)state;
	push(&waiting, 4, 6);
	push(&back, 1, 3);
	bytes = waiting.bytes + back.bytes;
	queue_return(&waiting, &back);
	assert_int_equal(waiting.count, 6);
	assert_int_equal(waiting.bytes, bytes);
	assert_null(back.first);
	assert_null(back.last);
	assert_int_equal(back.count, 0);
	assert_int_equal(back.bytes, 0);
	queue_return(&waiting, &back);
	push(&waiting, 7, 7);
	assert_pops(&waiting, 1, 7);
}

static void test_what_goes_back_into_an_empty_queue_can_be_added_to(void **state)
{
	struct queue waiting = { 0 }, back = { 0 };

	(void)state;
	push(&back, 1, 2);
	queue_return(&waiting, &back);
	push(&waiting, 3, 3);
	assert_pops(&waiting, 1, 3);
}

static void test_an_errand_has_a_result_for_every_letter(void **state)
{
	struct errand *errand = errand_new(7, CONTROL_PLAN, 3);

	(void)state;
	assert_non_null(errand);
	assert_int_equal(errand->token, 7);
	assert_int_equal(errand->verb, CONTROL_PLAN);
	assert_int_equal(errand->total, 3);
	assert_int_equal(errand->done, 0);
	errand->results[0].id = strdup("a");
	errand->results[2].records = strdup("[]");
	assert_null(errand->results[2].source);
	assert_null(errand_free(errand));
	assert_null(errand_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_letter_holds_a_copy_of_the_bytes),
		cmocka_unit_test(test_letters_leave_in_the_order_in_which_they_came),
		cmocka_unit_test(test_a_queue_knows_what_it_weighs),
		cmocka_unit_test(test_what_goes_back_goes_before_what_waits),
		cmocka_unit_test(test_what_goes_back_into_an_empty_queue_can_be_added_to),
		cmocka_unit_test(test_an_errand_has_a_result_for_every_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
