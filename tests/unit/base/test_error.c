#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

static void test_writes_the_sentence_and_returns_the_error(void **state)
{
	struct fault fault;

	(void)state;
	assert_int_equal(fault_set(&fault, -EINVAL, "port %d is taken", 5432), -EINVAL);
	assert_string_equal(fault.sentence, "port 5432 is taken");
	assert_int_equal(fault_set(NULL, -ENOMEM, "nobody asks %s", "why"), -ENOMEM);
}

static void test_keeps_the_sentence_on_one_line(void **state)
{
	struct fault fault;

	(void)state;
	(void)fault_set(&fault, -EIO, "ERROR:\n\tline %d", 3);
	assert_string_equal(fault.sentence, "ERROR:  line 3");
}

static void test_cuts_between_characters(void **state)
{
	struct fault fault;
	char text[FAULT_MAX + 2];

	(void)state;
	memset(text, 'x', FAULT_MAX - 2);
	strcpy(text + FAULT_MAX - 2, "\xc4\x81");
	(void)fault_set(&fault, -EIO, "%s", text);
	assert_int_equal(strlen(fault.sentence), FAULT_MAX - 2);
	assert_true(text_is_clean(fault.sentence, strlen(fault.sentence)));
}

static char *counted_free(char *p)
{
	if (p)
		*p = 'f';
	return NULL;
}
DEFINE_CLEANUP(char, counted_free)

static void test_frees_at_the_end_of_the_scope_what_was_not_handed_over(void **state)
{
	char kept = ' ', taken = ' ', *to = NULL;

	(void)state;
	{
		CLEANUP(counted_freep) char *a = &kept;
		CLEANUP(counted_freep) char *b = &taken;
		CLEANUP(freep) void *allocated = malloc(8); /* a leak if it is not freed */

		assert_non_null(allocated);
		(void)a;
		to = TAKE(b);
		assert_null(b);
	}
	assert_int_equal(kept, 'f');
	assert_int_equal(taken, ' ');
	assert_ptr_equal(to, &taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_the_sentence_and_returns_the_error),
		cmocka_unit_test(test_keeps_the_sentence_on_one_line),
		cmocka_unit_test(test_cuts_between_characters),
		cmocka_unit_test(test_frees_at_the_end_of_the_scope_what_was_not_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
