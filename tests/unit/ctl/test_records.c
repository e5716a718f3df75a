/* What is said of a record in the history: what tells it from others of its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/records.h"

static const struct {
	const char *data, *detail;
} rows[] = {
	{ "{\"step\":4,\"title\":\"Set up the offender "
	  "file\",\"role\":\"ADMINISTRATION_OFFICER\",\"officerId\":\"PO-1\"}",
		"step 4, Set up the offender file" },
	{ "{\"step\":4,\"title\":\"Set up the offender "
	  "file\",\"role\":\"ADMINISTRATION_OFFICER\",\"level\":2,\"concerns\":\"AREA_MANAGER\"}",
		"step 4, level 2, AREA_MANAGER" },
	{ "{\"level\":1,\"role\":\"SERVICE_MANAGER\",\"officerId\":\"PO-1\"}", "level 1, SERVICE_MANAGER" },
	{ "{\"officerId\":\"PO-1\",\"role\":\"SERVICE_MANAGER\"}", "PO-1" },
	{ "{\"recommendedOfficerId\":\"PO-2\",\"officerId\":\"PO-1\"}", "PO-1" },
	{ "{\"change\":\"recommendation\",\"recommendedOfficerId\":\"PO-2\"}", "recommendation, recommended PO-2" },
	{ "{\"change\":\"prn\",\"previousPrn\":\"P0\"}", "prn, from P0" },
	{ "{\"change\":\"office\",\"previousOffice\":\"NAPIER\"}", "office, from NAPIER" },
	{ "{\"prn\":\"P1\"}", "" },
	{ "{}", "" },
};

static void test_a_detail_is_what_tells_a_record_from_others_of_its_name(void **state)
{
	char text[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		json_t *event = json_pack("{s:o}", "data", json_loads(rows[i].data, 0, NULL));

		record_detail(event, text, sizeof(text));
		assert_string_equal(text, rows[i].detail);
		json_decref(event);
	}
	record_detail(NULL, text, sizeof(text));
	assert_string_equal(text, "");
}

static void test_a_detail_is_cut_where_there_is_no_room(void **state)
{
	json_t *event = json_pack("{s:{s:i, s:s}}", "data", "step", 12, "title", "a title that goes on and on");
	char text[32];

	(void)state;
	for (size_t size = 1; size <= sizeof(text); size++) {
		memset(text, '#', sizeof(text));
		record_detail(event, text, size);
		assert_true(strlen(text) < size);
		assert_memory_equal(text, "step 12, a title that goes on and on", strlen(text));
	}
	json_decref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_detail_is_what_tells_a_record_from_others_of_its_name),
		cmocka_unit_test(test_a_detail_is_cut_where_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
