/* The field's words: every constant has a name of its own that leads back to it, and the names are those of the contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "core/words.h"

/* ---- There and back ---- */

#define TABLES(X)                                 \
	X(order_type, ORDER_TYPE_END)             \
	X(document, DOCUMENT_END)                 \
	X(role, ROLE_END)                         \
	X(request_state, REQUEST_STATE_END)       \
	X(task_state, TASK_STATE_END)             \
	X(task_kind, TASK_KIND_END)               \
	X(task_outcome, TASK_OUTCOME_END)         \
	X(ptp_state, PTP_STATE_END)               \
	X(ptp_outcome, PTP_OUTCOME_END)           \
	X(ptp_imposition, PTP_IMPOSITION_END)     \
	X(monitoring, MONITORING_END)             \
	X(em_approval, EM_APPROVAL_END)           \
	X(source_kind, SOURCE_KIND_END)           \
	X(quarantine_state, QUARANTINE_STATE_END) \
	X(disposition, DISPOSITION_END)           \
	X(reason, REASON_END)                     \
	X(event_type, EVENT_TYPE_END)             \
	X(record_name, RECORD_NAME_END)

/* Plain numbers, so that one table holds every enum. */
#define ADAPT(type, end)                              \
	static const char *type##_text_(int value)    \
	{                                             \
		return type##_text((enum type)value); \
	}                                             \
	static int type##_of_(const char *name)       \
	{                                             \
		return (int)type##_of(name);          \
	}
TABLES(ADAPT)

#define TABLE_ROW(type, end) { #type, type##_text_, type##_of_, (end) },

static const struct {
	const char *name;
	const char *(*text)(int value);
	int (*of)(const char *name);
	int end;
} tables[] = { TABLES(TABLE_ROW) };

static void test_names_lead_back_to_their_constant(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		for (int value = 1; value < tables[i].end; value++) {
			assert_string_not_equal(tables[i].text(value), "");
			if (tables[i].of(tables[i].text(value)) != value)
				fail_msg("%s %d: %s", tables[i].name, value, tables[i].text(value));
		}
}

static void test_has_no_word_for_what_is_not_given(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		assert_string_equal(tables[i].text(0), "");
		assert_string_equal(tables[i].text(tables[i].end), "");
		assert_string_equal(tables[i].text(-1), "");
		assert_int_equal(tables[i].of(NULL), 0);
		assert_int_equal(tables[i].of(""), 0);
		assert_int_equal(tables[i].of("NEVER_HEARD_OF"), 0);
	}
}

/* ---- The contract's words ---- */

static void assert_words(const char *(*text)(int value), int end, const char *const *words, size_t n)
{
	assert_int_equal(end - 1, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(text((int)i + 1), words[i]);
}

static void test_names_records_as_the_contract_does(void **state)
{
	static const char *const names[] = { "allocation.planned", "allocation.requested", "allocation.baselined",
		"allocation.preallocation-missed", "allocation.allocated", "allocation.reallocated", "allocation.split",
		"allocation.changed", "allocation.cancelled", "allocation.completed", "allocation.ended",
		"allocation.overdue", "task.opened", "task.completed", "task.skipped", "task.reopened",
		"task.cancelled", "task.overdue", "ptp.opened", "ptp.stage-changed", "ptp.noted", "ptp.decided",
		"ptp.closed", "ptp.overdue", "ptp.refused", "ptp.imposed", "ptp.not-imposed", "ptp.expiring",
		"ptp.expired", "ptp.ended", "event.quarantined", "event.quarantine-overdue", "event.parked-long" };

	(void)state;
	assert_words(record_name_text_, RECORD_NAME_END, names, ARRAY_LENGTH(names));
}

static void test_gives_the_reasons_of_the_contract(void **state)
{
	static const char *const reasons[] = { "MALFORMED", "TOO_LARGE", "UNKNOWN_TYPE", "UNKNOWN_SOURCE",
		"NOT_ALLOWED", "MISSING_FIELD", "INVALID_FIELD", "INVALID_TEXT", "INVALID_DATES", "INVALID_ORDER_TYPE",
		"UNKNOWN_OFFICE", "UNKNOWN_STEP", "STEP_NOT_OPEN", "ROLE_MAY_NOT_ACT", "ORDER_CLOSED", "ORDER_DIFFERS",
		"PRN_MISMATCH", "MERGE_CYCLE", "ID_REUSED", "EVENT_TOO_OLD", "PARKED_TOO_LONG", "PTP_EXISTS",
		"PTP_CLOSED", "PTP_G1", "PTP_G2", "PTP_G3", "PTP_G4", "PTP_G5", "PTP_G6", "PTP_G7", "PTP_G8", "PTP_G9",
		"POISON" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
		assert_string_equal(reason_text((enum reason)(i + 1)), reasons[i]);
}

static void test_names_the_states_of_the_contract(void **state)
{
	static const char *const requests[] = { "PLANNED", "OPEN", "ALLOCATED", "COMPLETED", "CANCELLED", "ENDED" };
	static const char *const tasks[] = { "WAITING", "OPEN", "COMPLETED", "SKIPPED", "CANCELLED" };

	(void)state;
	assert_words(request_state_text_, REQUEST_STATE_END, requests, ARRAY_LENGTH(requests));
	assert_words(task_state_text_, TASK_STATE_END, tasks, ARRAY_LENGTH(tasks));
}

static void test_no_kind_may_send_what_is_no_type(void **state)
{
	(void)state;
	assert_int_equal(event_type_kinds(EVENT_NONE), 0);
	assert_int_equal(event_type_kinds(EVENT_TYPE_END), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_lead_back_to_their_constant),
		cmocka_unit_test(test_has_no_word_for_what_is_not_given),
		cmocka_unit_test(test_names_records_as_the_contract_does),
		cmocka_unit_test(test_gives_the_reasons_of_the_contract),
		cmocka_unit_test(test_names_the_states_of_the_contract),
		cmocka_unit_test(test_no_kind_may_send_what_is_no_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
