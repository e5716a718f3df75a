/* The edge of the library: options of programs that are older or newer than it, and wrong ones. What it does with right ones: tests/system/test_library.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "client/cpps-bridge.h"

static const char *const nowhere[] = { "ipc:///nowhere/at/all", NULL };

static int take(void *context, const struct cpps_record *record)
{
	(void)context, (void)record;
	return 0;
}

static int at_once(void *context)
{
	int *asked = context;

	return ++*asked;
}

static struct cpps_follow_options right(int *asked)
{
	struct cpps_follow_options options = CPPS_OPTIONS(struct cpps_follow_options);

	options.log = nowhere;
	options.stream = "nz";
	options.record = take;
	options.stop = at_once;
	options.context = asked;
	return options;
}

static void expect(int r, int error, const struct cpps_error *said, const char *part)
{
	assert_int_equal(r, error);
	if (!strstr(said->sentence, part))
		fail_msg("\"%s\" is not in: %s", part, said->sentence);
}

static void test_ends_when_told_to(void **state)
{
	struct cpps_error error;
	int asked = 0;
	struct cpps_follow_options options = right(&asked);

	(void)state;
	assert_int_equal(cpps_follow(&options, &error), 0);
	assert_int_equal(asked, 1);
}

static void test_says_what_is_missing(void **state)
{
	struct cpps_error error = { "" };
	int asked = 0;
	struct cpps_follow_options options = right(&asked);

	(void)state;
	options.record = NULL;
	expect(cpps_follow(&options, &error), -EINVAL, &error, "no function");
	options = right(&asked);
	options.log = NULL;
	expect(cpps_follow(&options, &error), -EINVAL, &error, "no endpoint");
	options = right(&asked);
	options.stream = NULL;
	expect(cpps_follow(&options, &error), -EINVAL, &error, "no stream");
	expect(cpps_follow(NULL, &error), -EINVAL, &error, "no options");
	assert_int_equal(cpps_follow(NULL, NULL), -EINVAL);
}

static void test_options_without_their_size_are_refused(void **state)
{
	struct cpps_error error = { "" };
	int asked = 0;
	struct cpps_follow_options options = right(&asked);

	(void)state;
	options.size = 0;
	expect(cpps_follow(&options, &error), -EINVAL, &error, "CPPS_OPTIONS");
}

/* One that was built when there were fewer: the rest counts as not given. */
static void test_an_older_program_goes_on_working(void **state)
{
	struct cpps_error error = { "" };
	int asked = 0;
	struct cpps_follow_options options = right(&asked);

	(void)state;
	options.size = offsetof(struct cpps_follow_options, record);
	expect(cpps_follow(&options, &error), -EINVAL, &error, "no function");
}

static void test_a_newer_program_works_unless_it_asks_for_what_is_not_known(void **state)
{
	struct {
		struct cpps_follow_options known;
		void *later;
	} options = { 0 };
	struct cpps_error error = { "" };
	int asked = 0;

	(void)state;
	options.known = right(&asked);
	options.known.size = sizeof(options);
	assert_int_equal(cpps_follow(&options.known, &error), 0);
	options.later = &asked;
	expect(cpps_follow(&options.known, &error), -EINVAL, &error, "does not know");
}

static void test_submits_no_more_than_its_window_and_outlives_the_list_of_endpoints(void **state)
{
	struct cpps_submit_options options = CPPS_OPTIONS(struct cpps_submit_options);
	char endpoint[] = "ipc:///nowhere/at/all";
	const char *endpoints[] = { endpoint, NULL };
	struct cpps_submit *submit = NULL;
	const struct cpps_ack *ack = NULL;
	struct cpps_error error = { "" };

	(void)state;
	options.endpoints = endpoints;
	options.window = 2;
	assert_int_equal(cpps_submit_new(&options, &submit, &error), 0);
	memset(endpoint, 'x', sizeof(endpoint) - 1);
	endpoints[0] = NULL;
	assert_int_equal(cpps_submit_send(submit, 1, "{}", 2), 0);
	assert_int_equal(cpps_submit_send(submit, 2, "{}", 2), 0);
	assert_int_equal(cpps_submit_send(submit, 3, "{}", 2), -EAGAIN);
	assert_int_equal(cpps_submit_pending(submit), 2);
	assert_int_equal(cpps_submit_wait(submit, 0, &ack), 0);
	assert_null(ack);
	assert_null(cpps_submit_free(submit));
	assert_null(cpps_submit_free(NULL));

	options.endpoints = NULL;
	submit = NULL;
	expect(cpps_submit_new(&options, &submit, &error), -EINVAL, &error, "no endpoint");
	assert_null(submit);
}

static void test_makes_json_of_an_event_and_says_where_there_is_none(void **state)
{
	static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}";
	struct cpps_error error = { "" };
	char *line = NULL;

	(void)state;
	assert_int_equal(cpps_event_json(event, strlen(event), &line, &error), 0);
	assert_string_equal(line, event);
	free(line);
	assert_int_equal(cpps_event_json("junk", 4, &line, &error), -EINVAL);
	assert_true(*error.sentence);
}

static void test_every_disposition_has_a_word(void **state)
{
	(void)state;
	assert_string_equal(cpps_disposition_text(CPPS_NOT_GIVEN), "not given");
	assert_string_equal(cpps_disposition_text(CPPS_DUPLICATE), "duplicate");
	assert_string_equal(cpps_disposition_text((enum cpps_disposition)99), "unknown");
	assert_string_equal(cpps_bridge_version(), CPPS_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_when_told_to),
		cmocka_unit_test(test_says_what_is_missing),
		cmocka_unit_test(test_options_without_their_size_are_refused),
		cmocka_unit_test(test_an_older_program_goes_on_working),
		cmocka_unit_test(test_a_newer_program_works_unless_it_asks_for_what_is_not_known),
		cmocka_unit_test(test_submits_no_more_than_its_window_and_outlives_the_list_of_endpoints),
		cmocka_unit_test(test_makes_json_of_an_event_and_says_where_there_is_none),
		cmocka_unit_test(test_every_disposition_has_a_word),
	};

	return cmocka_run_group_tests_name("client/library", tests, NULL, NULL);
}
