/* The leader's clock (X8). */
#include "service/clock.h"

#include <time.h>

#include "service/papers.h"

static struct instant system_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (struct instant){ (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000 };
}

/* Within a minute, whatever the machine does meanwhile. */
static void assert_about(struct instant found, struct instant expected)
{
	assert_true(found.us >= expected.us);
	assert_true(found.us < expected.us + 60 * US_PER_SECOND);
}

static void test_it_is_the_systems_where_nothing_was_decided(void **state)
{
	const struct service_clock clock = { .recorded = INSTANT_NONE };

	(void)state;
	assert_about(clock_now(&clock), system_now());
}

static void test_it_is_ahead_by_what_a_test_has_moved_it(void **state)
{
	const struct service_clock clock = { .ahead_us = 21 * US_PER_DAY, .recorded = INSTANT_NONE };

	(void)state;
	assert_about(clock_now(&clock), instant_plus(system_now(), 21 * US_PER_DAY));
}

static void test_x8_it_stands_still_rather_than_go_back(void **state)
{
	const struct service_clock clock = { .recorded = instant_plus(system_now(), US_PER_DAY) };

	(void)state;
	assert_int_equal(clock_now(&clock).us, clock.recorded.us);
	assert_int_equal(clock_now(&clock).us, clock.recorded.us);
}

static void test_x8_it_goes_on_once_the_system_has_caught_up(void **state)
{
	const struct service_clock clock = { .recorded = instant_plus(system_now(), -US_PER_DAY) };

	(void)state;
	assert_about(clock_now(&clock), system_now());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_the_systems_where_nothing_was_decided),
		cmocka_unit_test(test_it_is_ahead_by_what_a_test_has_moved_it),
		cmocka_unit_test(test_x8_it_stands_still_rather_than_go_back),
		cmocka_unit_test(test_x8_it_goes_on_once_the_system_has_caught_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
