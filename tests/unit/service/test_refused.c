/* Alarms that PostgreSQL refuses: which are remembered, how long, and how many lines they are worth. */
#include "service/refused.h"

#include "base/text.h"
#include "service/papers.h"

static struct instant at(int64_t us)
{
	return (struct instant){ .us = 1790000000 * US_PER_SECOND + us };
}

static struct letter order(const char *ref)
{
	struct letter letter = { .origin = ORIGIN_ALARM };

	TEXT_SET(letter.order_ref, ref);
	return letter;
}

static void test_an_alarm_waits_an_hour(void **state)
{
	CLEANUP(refused_freep) struct refused *refused = NULL;
	struct letter letter = order("O/1"), other = order("O/2");
	char line[REFUSED_SENTENCE];

	(void)state;
	assert_int_equal(refused_new(&refused), 0);
	assert_false(refused_knows(refused, &letter));
	assert_false(refused_waits(refused, &letter, at(0)));
	assert_true(refused_add(refused, &letter, "it says no", at(0), line));
	assert_string_equal(line,
		"the alarm of order O/1 is not written, other work goes on: it says no; mend the row or the "
		"constraint, then reload the daemon (else it is tried again in an hour)");
	assert_true(refused_waits(refused, &letter, at(REFUSED_WAIT_US - 1)));
	assert_false(refused_waits(refused, &letter, at(REFUSED_WAIT_US)));
	assert_true(refused_knows(refused, &letter));
	assert_false(refused_knows(refused, &other));
	assert_true(refused_add(refused, &letter, "it says no", at(REFUSED_WAIT_US), line));
	assert_true(refused_waits(refused, &letter, at(REFUSED_WAIT_US)));
	assert_int_equal(refused_count(refused), 1);
}

static void test_the_three_kinds_of_alarm_are_told_apart(void **state)
{
	CLEANUP(refused_freep) struct refused *refused = NULL;
	const struct letter parked = { .origin = ORIGIN_ALARM, .parked = true, .number = 7 };
	const struct letter quarantined = { .origin = ORIGIN_ALARM, .number = 7 };
	char line[REFUSED_SENTENCE];

	(void)state;
	assert_int_equal(refused_new(&refused), 0);
	assert_true(refused_add(refused, &parked, "no", at(0), line));
	assert_non_null(strstr(line, "the alarm of parked event 7 is"));
	assert_false(refused_knows(refused, &quarantined));
	assert_true(refused_add(refused, &quarantined, "no", at(0), line));
	assert_non_null(strstr(line, "the alarm of quarantined event 7 is"));
	refused_forget(refused, &parked);
	assert_false(refused_knows(refused, &parked));
	assert_true(refused_knows(refused, &quarantined));
	refused_forget(refused, &parked);
	assert_int_equal(refused_count(refused), 1);
	refused_clear(refused);
	assert_int_equal(refused_count(refused), 0);
}

static void test_an_hour_has_so_many_lines_and_one_that_says_there_are_more(void **state)
{
	CLEANUP(refused_freep) struct refused *refused = NULL;
	char ref[32], line[REFUSED_SENTENCE];
	int lines = 0;

	(void)state;
	assert_int_equal(refused_new(&refused), 0);
	for (int i = 0; i < 1000; i++) {
		struct letter letter;

		(void)snprintf(ref, sizeof(ref), "O/%d", i);
		letter = order(ref);
		lines += refused_add(refused, &letter, "no", at(i), line);
		if (lines == REFUSED_NAMED)
			assert_null(strstr(line, "more than"));
	}
	assert_int_equal(lines, REFUSED_NAMED + 1);
	assert_non_null(strstr(line, "refuses the alarms of more than 20 rows"));
	assert_int_equal(refused_count(refused), 1000);
	assert_true(refused_add(refused, &(struct letter){ .number = 1 }, "no", at(REFUSED_WAIT_US), line));
	assert_non_null(strstr(line, "quarantined event 1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_alarm_waits_an_hour),
		cmocka_unit_test(test_the_three_kinds_of_alarm_are_told_apart),
		cmocka_unit_test(test_an_hour_has_so_many_lines_and_one_that_says_there_are_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
