/* Log lines on a terminal: one a line, with their fields, from the least priority up. The journal's side is tested by tests/system/test_systemd.sh. */
#include "service/log.h"

#include <stdlib.h>
#include <unistd.h>

#include "service/papers.h"

static char said[4096];
static int terminal, file;

static int redirect(void **state)
{
	char path[] = "/tmp/cpps-log-XXXXXX";

	(void)state;
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	file = mkstemp(path);
	terminal = dup(STDERR_FILENO);
	return file < 0 || terminal < 0 || unlink(path) < 0 || dup2(file, STDERR_FILENO) < 0;
}

static int restore(void **state)
{
	(void)state;
	(void)dup2(terminal, STDERR_FILENO);
	(void)close(terminal);
	return close(file);
}

/* What has been written; the stamp of the first line, 25 bytes, is checked and left out. */
static const char *written(void)
{
	ssize_t n = pread(file, said, sizeof(said) - 1, 0);
	int year, end = 0;

	assert_true(n >= 0);
	said[n] = '\0';
	if (n == 0)
		return "";
	assert_int_equal(sscanf(said, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %n", &year, &end), 1);
	assert_int_equal(end, 25);
	return said + end;
}

static void test_a_line_has_its_priority_sentence_and_fields(void **state)
{
	(void)state;
	log_open(NULL);
	LOG(LOG_WARNING, "an event was quarantined", LOG_TEXT(REASON, "MALFORMED"),
		LOG_NUMBER(SEQ, 18446744073709551615U), LOG_TEXT(EVENT_ID, NULL));
	assert_string_equal(
		written(), "warning an event was quarantined REASON=MALFORMED SEQ=18446744073709551615 EVENT_ID=\n");
}

static void test_a_line_may_have_no_field(void **state)
{
	(void)state;
	log_open(NULL);
	LOG(LOG_INFO, "plain");
	assert_string_equal(written(), "info    plain\n");
}

static void test_a_sentence_may_be_made_of_parts(void **state)
{
	(void)state;
	log_open(NULL);
	log_format(LOG_ERR, "%s of %d", "one", 2);
	assert_string_equal(written(), "err     one of 2\n");
}

static void test_the_level_is_the_least_that_is_written(void **state)
{
	static const struct {
		const char *level;
		size_t lines; /* of the five below */
	} rows[] = { { "err", 1 }, { "warning", 2 }, { "notice", 3 }, { "info", 4 }, { NULL, 4 }, { "debug", 5 } };
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		size_t lines = 0;

		assert_int_equal(ftruncate(file, 0), 0);
		assert_int_equal(lseek(file, 0, SEEK_SET), 0);
		log_open(rows[i].level);
		for (size_t k = 0; k < ARRAY_LENGTH(priorities); k++)
			LOG(priorities[k], "line");
		(void)written();
		for (const char *c = said; *c; c++)
			lines += *c == '\n';
		assert_int_equal(lines, rows[i].lines);
	}
}

static void test_a_journal_that_is_not_stderr_is_not_taken_for_it(void **state)
{
	(void)state;
	assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	log_open(NULL);
	LOG(LOG_NOTICE, "here");
	assert_string_equal(written(), "notice  here\n");
	assert_int_equal(setenv("JOURNAL_STREAM", "nonsense", 1), 0);
	log_open(NULL);
	LOG(LOG_NOTICE, "here");
	assert_non_null(strstr(written(), "\n2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WRITTEN(test) cmocka_unit_test_setup_teardown(test, redirect, restore)
		WRITTEN(test_a_line_has_its_priority_sentence_and_fields),
		WRITTEN(test_a_line_may_have_no_field),
		WRITTEN(test_a_sentence_may_be_made_of_parts),
		WRITTEN(test_the_level_is_the_least_that_is_written),
		WRITTEN(test_a_journal_that_is_not_stderr_is_not_taken_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
