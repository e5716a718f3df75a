/* Lines of a file, in bounded memory: what is given out, with its number, whatever the file looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/lines.h"

static char path[64];

static void write_file(const char *text, size_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	(void)strcpy(path, "/tmp/cpps-lines-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static struct lines open_lines(void)
{
	struct lines lines;
	struct fault fault;

	assert_int_equal(lines_open(&lines, path, &fault), 0);
	return lines;
}

#define LINES_MAX 4

static const struct {
	const char *text;
	struct {
		uint64_t number;
		const char *text;
	} lines[LINES_MAX];
} rows[] = {
	{ "", { { 0, NULL } } },
	{ "a", { { 1, "a" } } },
	{ "a\n", { { 1, "a" } } },
	{ "a\nb\n", { { 1, "a" }, { 2, "b" } } },
	{ "a\r\nb\r\n", { { 1, "a" }, { 2, "b" } } },
	{ "\n\na\n \t \r\nb", { { 3, "a" }, { 5, "b" } } },
	{ " a \n", { { 1, " a " } } },
	{ "\n\n", { { 0, NULL } } },
};

static void test_blank_lines_are_passed_over_and_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct lines lines;
		struct line line;
		struct fault fault;

		write_file(rows[i].text, strlen(rows[i].text));
		lines = open_lines();
		for (size_t j = 0; j < LINES_MAX && rows[i].lines[j].text; j++) {
			assert_int_equal(lines_next(&lines, &line, &fault), 1);
			assert_true(line.number == rows[i].lines[j].number && !line.cut);
			assert_int_equal(line.n, strlen(rows[i].lines[j].text));
			assert_memory_equal(line.text, rows[i].lines[j].text, line.n);
		}
		assert_int_equal(lines_next(&lines, &line, &fault), 0);
		assert_int_equal(lines_next(&lines, &line, &fault), 0);
		assert_true(lines_ready(&lines, 0));
		assert_true(lines.size == strlen(rows[i].text));
		lines_close(&lines);
	}
}

/* "x", a line of `n` bytes, "y". */
static void write_long(size_t n)
{
	char *text = malloc(n + 4);

	assert_non_null(text);
	memset(text, 'l', n + 4);
	memcpy(text, "x\n", 2);
	memcpy(text + 2 + n, "\ny", 2);
	write_file(text, n + 4);
	free(text);
}

static void test_a_line_that_is_too_long_is_cut_and_the_next_one_is_read(void **state)
{
	static const size_t sizes[] = { LINE_SIZE_MAX - 1, LINE_SIZE_MAX, LINE_SIZE_MAX + 1, LINE_SIZE_MAX + 70000,
		3 * LINE_SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
		bool cut = sizes[i] > LINE_SIZE_MAX;
		struct lines lines;
		struct line line;
		struct fault fault;

		write_long(sizes[i]);
		lines = open_lines();
		assert_int_equal(lines_next(&lines, &line, &fault), 1);
		assert_int_equal(lines_next(&lines, &line, &fault), 1);
		assert_true(line.number == 2 && line.cut == cut && line.n == (cut ? 0 : sizes[i]));
		assert_int_equal(lines_next(&lines, &line, &fault), 1);
		assert_true(line.number == 3 && line.n == 1 && line.text[0] == 'y');
		assert_int_equal(lines_next(&lines, &line, &fault), 0);
		lines_close(&lines);
	}
}

static void test_a_pipe_is_read_as_it_fills(void **state)
{
	struct lines lines = { 0 };
	struct line line;
	struct fault fault;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	write_file("", 0);
	lines = open_lines();
	assert_int_equal(dup2(ends[0], lines.fd), lines.fd);
	assert_false(lines_ready(&lines, 0));
	assert_int_equal(write(ends[1], "a\nb", 3), 3);
	assert_true(lines_ready(&lines, 1000));
	assert_int_equal(lines_next(&lines, &line, &fault), 1);
	assert_false(lines_ready(&lines, 0)); /* half a line */
	assert_int_equal(write(ends[1], "c\n", 2), 2);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(lines_next(&lines, &line, &fault), 1);
	assert_true(line.n == 2 && memcmp(line.text, "bc", 2) == 0);
	assert_int_equal(lines_next(&lines, &line, &fault), 0);
	lines_close(&lines);
	assert_int_equal(close(ends[0]), 0);
}

static void test_a_file_that_cannot_be_read_is_named(void **state)
{
	struct lines lines;
	struct line line;
	struct fault fault;

	(void)state;
	assert_true(lines_open(&lines, "/nonexistent/file", &fault) < 0);
	assert_string_equal(fault.sentence, "cannot read /nonexistent/file: No such file or directory");
	assert_int_equal(lines_open(&lines, "/tmp", &fault), 0);
	assert_true(lines_next(&lines, &line, &fault) < 0);
	assert_string_equal(fault.sentence, "cannot read /tmp: Is a directory");
	lines_close(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blank_lines_are_passed_over_and_counted),
		cmocka_unit_test(test_a_line_that_is_too_long_is_cut_and_the_next_one_is_read),
		cmocka_unit_test(test_a_pipe_is_read_as_it_fills),
		cmocka_unit_test(test_a_file_that_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
