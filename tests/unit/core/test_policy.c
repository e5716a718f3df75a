#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/policy_csv.h"

static struct policy policy;

static void test_takes_the_shipped_policy(void **state)
{
	struct fault fault = { "" };
	int r = policy_from_csv(SHIPPED_POLICY, &policy, &fault);

	(void)state;
	if (r < 0)
		fail_msg("%s", fault.sentence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_the_shipped_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
