/* Lines from somebody who writes them in pieces: never waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ctl/lines.h"

struct scene {
	struct lines lines;
	int end; /* of the pipe, to write to */
	struct fault fault;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	char path[32];
	int ends[2];

	if (!scene || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	if (lines_open(&scene->lines, path, &scene->fault) < 0)
		return -1;
	(void)close(ends[0]);
	scene->end = ends[1];
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	lines_close(&scene->lines);
	if (scene->end >= 0)
		(void)close(scene->end);
	free(scene);
	return 0;
}

static void say(struct scene *scene, const char *text)
{
	assert_int_equal(write(scene->end, text, strlen(text)), strlen(text));
}

static void say_no_more(struct scene *scene)
{
	(void)close(scene->end);
	scene->end = -1;
}

static void expect(struct scene *scene, const char *text, uint64_t number)
{
	struct line line;

	assert_int_equal(lines_try(&scene->lines, &line, &scene->fault), 1);
	assert_false(line.cut);
	assert_int_equal(line.n, strlen(text));
	assert_memory_equal(line.text, text, line.n);
	assert_int_equal(line.number, number);
}

static void expect_nothing_yet(struct scene *scene)
{
	struct line line;

	assert_int_equal(lines_try(&scene->lines, &line, &scene->fault), -EAGAIN);
}

static void expect_end(struct scene *scene)
{
	struct line line;

	assert_int_equal(lines_try(&scene->lines, &line, &scene->fault), 0);
}

static void test_half_a_line_is_not_waited_for(void **state)
{
	struct scene *scene = *state;

	expect_nothing_yet(scene);
	say(scene, "on");
	expect_nothing_yet(scene);
	say(scene, "e\ntwo\nthr");
	expect(scene, "one", 1);
	expect(scene, "two", 2);
	expect_nothing_yet(scene);
	say(scene, "ee\n");
	expect(scene, "three", 3);
	say_no_more(scene);
	expect_end(scene);
	expect_end(scene);
}

static void test_blank_lines_are_passed_over_without_waiting(void **state)
{
	struct scene *scene = *state;

	say(scene, "\n \n\r\n");
	expect_nothing_yet(scene);
	say(scene, "four\r\n");
	expect(scene, "four", 4);
}

static void test_the_last_line_may_lack_its_end(void **state)
{
	struct scene *scene = *state;

	say(scene, "one");
	say_no_more(scene);
	expect(scene, "one", 1);
	expect_end(scene);
}

/* A pipe holds 64 KiB: what is said is taken between. */
static void say_much(struct scene *scene, size_t n)
{
	static char block[32 * 1024];
	struct line line;

	memset(block, 'x', sizeof(block));
	for (size_t said = 0; said < n; said += sizeof(block)) {
		assert_int_equal(write(scene->end, block, sizeof(block)), sizeof(block));
		assert_int_equal(lines_try(&scene->lines, &line, &scene->fault), -EAGAIN);
	}
}

static void test_a_line_that_is_too_long_is_told_at_its_end_and_what_follows_is_read(void **state)
{
	struct scene *scene = *state;
	struct line line;

	say(scene, "one\n");
	expect(scene, "one", 1);
	say_much(scene, 3 * LINE_SIZE_MAX);
	say(scene, "\nthree\n");
	assert_int_equal(lines_try(&scene->lines, &line, &scene->fault), 1);
	assert_true(line.cut);
	assert_int_equal(line.number, 2);
	expect(scene, "three", 3);
	say_much(scene, 2 * LINE_SIZE_MAX);
	say_no_more(scene);
	assert_int_equal(lines_try(&scene->lines, &line, &scene->fault), 1);
	assert_true(line.cut);
	expect_end(scene);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_half_a_line_is_not_waited_for),
		TEST(test_blank_lines_are_passed_over_without_waiting),
		TEST(test_the_last_line_may_lack_its_end),
		TEST(test_a_line_that_is_too_long_is_told_at_its_end_and_what_follows_is_read),
	};

	return cmocka_run_group_tests_name("ctl/lines_try", tests, NULL, NULL);
}
