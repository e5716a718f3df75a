/* Records out: topic, envelope and payload of each family, as the JSON a consumer sees. */
#include "sample.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "core/policy.h"
#include "wire/encode.h"
#include "wire/json.h"
#include "wire/mapping.h"
#include "wire/schema.h"

#define NOON ((struct instant){ INT64_C(1795608000000000) }) /* 2026-11-25T12:00:00Z */

static struct arena *arena;
static struct policy policy;

/* An offender with two live orders, a cancelled one, and a PTP case on the first. */
static struct person person = { .prn = "P-1" };
static struct file file;
static struct request first, second, closed;
static struct ptp_case ptp;

static const struct event cause = {
	.id = "e-1",
	.source = "urn:test",
	.type_text = "nz.govt.corrections.cpps.ptp.stage.recorded",
	.prn = "P-0",
	.order_ref = "O-7",
	.ptp_ref = "T-7",
	.office = "WELLINGTON",
	.reason = "free text",
	.note = "free text",
	.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	.tracestate = "a=b",
};

/* A row is read as a row. */
/* clang-format off */
static void set_up_rows(void)
{
	first = (struct request){ .order_ref = "O-1", .filed_prn = "P-0", .order_type = ORDER_EXTENDED_SUPERVISION_ORDER,
		.office = "WELLINGTON", .state = REQUEST_ALLOCATED, .officer_id = "PO-1", .recommended_officer_id = "PO-2",
		.in_effect = true, .scheduled_on = date_of(2026, 11, 20), .effective_on = date_of(2026, 11, 25),
		.starts_on = date_of(2026, 11, 26), .ends_on = date_of(2027, 11, 26), .due_at = { NOON.us + US_PER_DAY },
		.first_report_by = { NOON.us + 3 * US_PER_DAY }, .file = &file, .next = &closed, .cases = &ptp };
	closed = (struct request){ .order_ref = "O-2", .state = REQUEST_CANCELLED, .file = &file, .next = &second };
	second = (struct request){ .order_ref = "O-3", .state = REQUEST_PLANNED, .file = &file };
	file = (struct file){ .persons = &person, .requests = &first };
	ptp = (struct ptp_case){ .ptp_ref = "T-1", .version = 2, .stage = 7, .state = PTP_IN_PROGRESS, .area_supports = TRI_NO,
		.region_supports = TRI_YES, .monitoring = MONITORING_FULL_TIME, .starts_on = date_of(2026, 12, 1),
		.ends_on = date_of(2027, 6, 1), .request = &first,
		.task = { .step = 7, .state = TASK_OPEN, .role = ROLE_ASSISTANT_GENERAL_MANAGER, .title = "Decide the budget",
			.opened_at = NOON, .due_at = { NOON.us + 7 * US_PER_DAY } } };
	first.tasks[0] = (struct task){ .step = 8, .state = TASK_COMPLETED, .role = ROLE_SERVICE_MANAGER, .title = "Allocate",
		.opened_at = NOON, .due_at = { NOON.us + US_PER_DAY }, .closed_at = { NOON.us + 1 }, .level = 1 };
	first.task_count = 1;
}
/* clang-format on */

static int setup(void **state)
{
	(void)state;
	memset(&policy, 0, sizeof(policy));
	policy.office_count = 1;
	policy.offices[0] = (struct policy_office){ "WELLINGTON", "Wellington", "WELLINGTON-AREA", "CENTRAL" };
	set_up_rows();
	return arena_new(SAMPLE_ARENA, &arena);
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct wire_record encode(const struct record *record)
{
	struct wire_record made;

	assert_int_equal(wire_encode(arena, &policy, "wellington", 1795600000, 42, record, &made), 0);
	return made;
}

/* The whole line, or the data alone. */
static void assert_line(const struct wire_record *made, bool whole, const char *expected)
{
	struct fault fault = { "" };
	json_t *event;
	char *line, *data;

	if (wire_event_to_json(made->event, &line, &fault) != 0)
		fail_msg("%s", fault.sentence);
	event = json_loads(line, 0, NULL);
	data = json_dumps(json_object_get(event, "data"), JSON_COMPACT);
	assert_string_equal(whole ? line : data, expected);
	json_decref(event);
	free(line);
	free(data);
}

static void test_writes_an_allocation_record_whole(void **state)
{
	const struct record record = { .name = RECORD_ALLOCATION_REALLOCATED,
		.cause = &cause,
		.time = NOON,
		.decided_at = { NOON.us + 1500 },
		.request = &first,
		.previous_officer_id = "PO-0",
		.by = "SM-1",
		.by_role = ROLE_SERVICE_MANAGER };
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "allocation.reallocated/WELLINGTON");
	assert_int_equal(made.seq, 42);
	assert_int_equal(made.epoch, 1795600000);
	assert_string_equal(made.ref, "O-1");
	assert_string_equal(made.prn, "P-1");
	assert_string_equal(made.cause, "e-1");
	assert_line(&made, true,
		"{\"specversion\":\"1.0\",\"id\":\"1795600000-42\",\"source\":\"urn:nz:corrections:cpps-bridge:"
		"wellington\","
		"\"type\":\"nz.govt.corrections.cpps.allocation.reallocated\",\"time\":\"2026-11-25T12:00:00Z\","
		"\"sequence\":\"00000000000000000042\",\"partitionkey\":\"P-1\",\"recordedtime\":\"2026-11-25T12:00:00."
		"001500Z\","
		"\"causationid\":\"e-1\",\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\","
		"\"tracestate\":\"a=b\","
		"\"data\":{\"orderRef\":\"O-1\",\"prn\":\"P-1\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\","
		"\"region\":\"CENTRAL\","
		"\"orderType\":\"EXTENDED_SUPERVISION_ORDER\",\"state\":\"ALLOCATED\",\"officerId\":\"PO-1\","
		"\"recommendedOfficerId\":\"PO-2\","
		"\"relatedOrderRefs\":[\"O-3\"],\"dueAt\":\"2026-11-26T12:00:00Z\",\"firstReportBy\":\"2026-11-28T12:"
		"00:00Z\","
		"\"effectiveOn\":\"2026-11-25\",\"scheduledOn\":\"2026-11-20\",\"startsOn\":\"2026-11-26\",\"endsOn\":"
		"\"2027-11-26\","
		"\"responsibleRole\":\"SERVICE_MANAGER\",\"previousOfficerId\":\"PO-0\",\"by\":\"SM-1\",\"byRole\":"
		"\"SERVICE_MANAGER\"}}");
}

static void test_leaves_out_what_time_alone_does_not_have(void **state)
{
	const struct record record = { .name = RECORD_ALLOCATION_OVERDUE,
		.time = NOON,
		.decided_at = NOON,
		.request = &second,
		.level = 2,
		.concerns = ROLE_AREA_MANAGER,
		.due_at = NOON };
	struct wire_record made;

	(void)state;
	second.scheduled_on = second.effective_on = second.starts_on = second.ends_on = DATE_NONE;
	made = encode(&record);
	assert_string_equal(made.topic, "allocation.overdue/-");
	assert_null(made.cause);
	assert_line(&made, true,
		"{\"specversion\":\"1.0\",\"id\":\"1795600000-42\",\"source\":\"urn:nz:corrections:cpps-bridge:"
		"wellington\","
		"\"type\":\"nz.govt.corrections.cpps.allocation.overdue\",\"time\":\"2026-11-25T12:00:00Z\","
		"\"sequence\":\"00000000000000000042\",\"partitionkey\":\"P-1\",\"recordedtime\":\"2026-11-25T12:00:"
		"00Z\","
		"\"data\":{\"orderRef\":\"O-3\",\"prn\":\"P-1\",\"state\":\"PLANNED\",\"relatedOrderRefs\":[\"O-1\"],"
		"\"dueAt\":\"2026-11-25T12:00:00Z\",\"responsibleRole\":\"SERVICE_MANAGER\",\"level\":2,\"role\":"
		"\"AREA_MANAGER\"}}");
}

static void test_publishes_a_transfer_on_either_offices_topic(void **state)
{
	const struct record record = { .name = RECORD_ALLOCATION_CHANGED,
		.cause = &cause,
		.request = &second,
		.office = "NELSON",
		.previous_office = "NELSON",
		.previous_prn = "P-9",
		.change = "office" };
	struct wire_record made;

	(void)state;
	(void)TEXT_SET(second.office, "WELLINGTON");
	second.scheduled_on = second.effective_on = second.starts_on = second.ends_on = DATE_NONE;
	made = encode(&record);
	assert_string_equal(made.topic, "allocation.changed/NELSON");
	assert_line(&made, false,
		"{\"orderRef\":\"O-3\",\"prn\":\"P-1\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\","
		"\"region\":\"CENTRAL\","
		"\"state\":\"PLANNED\",\"relatedOrderRefs\":[\"O-1\"],\"responsibleRole\":\"SERVICE_MANAGER\","
		"\"previousOffice\":\"NELSON\","
		"\"previousPrn\":\"P-9\",\"change\":\"office\"}");
}

static void test_writes_a_task_record(void **state)
{
	const struct record record = { .name = RECORD_TASK_COMPLETED,
		.cause = &cause,
		.request = &first,
		.task = &first.tasks[0],
		.kind = KIND_ALLOCATION,
		.by = "SM-1",
		.by_role = ROLE_SERVICE_MANAGER };
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "task.completed/WELLINGTON");
	assert_string_equal(made.ref, "O-1");
	assert_line(&made, false,
		"{\"orderRef\":\"O-1\",\"prn\":\"P-1\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\","
		"\"region\":\"CENTRAL\","
		"\"orderType\":\"EXTENDED_SUPERVISION_ORDER\",\"kind\":\"ALLOCATION\",\"ref\":\"O-1\",\"step\":8,"
		"\"title\":\"Allocate\","
		"\"role\":\"SERVICE_MANAGER\",\"state\":\"COMPLETED\",\"openedAt\":\"2026-11-25T12:00:00Z\",\"dueAt\":"
		"\"2026-11-26T12:00:00Z\","
		"\"closedAt\":\"2026-11-25T12:00:00.000001Z\",\"responsibleRole\":\"SERVICE_MANAGER\",\"officerId\":"
		"\"PO-1\",\"by\":\"SM-1\","
		"\"byRole\":\"SERVICE_MANAGER\"}");
}

static void test_writes_the_task_of_a_case(void **state)
{
	const struct record record = { .name = RECORD_TASK_OVERDUE,
		.ptp = &ptp,
		.task = &ptp.task,
		.kind = KIND_PTP,
		.level = 1,
		.concerns = ROLE_SERVICE_MANAGER };
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "task.overdue/WELLINGTON");
	assert_string_equal(made.ref, "T-1");
	assert_line(&made, false,
		"{\"orderRef\":\"O-1\",\"prn\":\"P-1\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\","
		"\"region\":\"CENTRAL\","
		"\"orderType\":\"EXTENDED_SUPERVISION_ORDER\",\"kind\":\"PTP\",\"ref\":\"T-1\",\"step\":7,\"title\":"
		"\"Decide the budget\","
		"\"role\":\"ASSISTANT_GENERAL_MANAGER\",\"state\":\"OPEN\",\"openedAt\":\"2026-11-25T12:00:00Z\","
		"\"dueAt\":\"2026-12-02T12:00:00Z\",\"responsibleRole\":\"SERVICE_MANAGER\",\"officerId\":\"PO-1\","
		"\"level\":1,"
		"\"concerns\":\"SERVICE_MANAGER\"}");
}

static void test_writes_a_case_record(void **state)
{
	const struct record record = { .name = RECORD_PTP_STAGE_CHANGED,
		.cause = &cause,
		.ptp = &ptp,
		.from_stage = 6,
		.to_stage = 7,
		.outcome = OUTCOME_PROPOSAL_PREPARED,
		.by_role = ROLE_ES_OPERATIONS_ADVISER,
		.by = "ESA-1",
		.rule = "stage 6: prepares",
		.concerns = ROLE_ASSISTANT_GENERAL_MANAGER,
		.informs = 1U << ROLE_ASSISTANT_GENERAL_MANAGER | 1U << ROLE_SERVICE_MANAGER,
		.convey_via = { ROLE_REGIONAL_MANAGER, ROLE_AREA_MANAGER },
		.convey_to = "PO-1" };
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "ptp.stage-changed/WELLINGTON");
	assert_string_equal(made.ref, "T-1");
	assert_line(&made, false,
		"{\"orderRef\":\"O-1\",\"prn\":\"P-1\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\","
		"\"region\":\"CENTRAL\","
		"\"orderType\":\"EXTENDED_SUPERVISION_ORDER\",\"ptpRef\":\"T-1\",\"state\":\"IN_PROGRESS\",\"stage\":7,"
		"\"fromStage\":6,"
		"\"toStage\":7,\"outcome\":\"PROPOSAL_PREPARED\",\"role\":\"ASSISTANT_GENERAL_MANAGER\",\"title\":"
		"\"Decide the budget\","
		"\"dueAt\":\"2026-12-02T12:00:00Z\",\"byRole\":\"ES_OPERATIONS_ADVISER\",\"responsibleRole\":\"SERVICE_"
		"MANAGER\","
		"\"officerId\":\"PO-1\",\"by\":\"ESA-1\",\"informs\":[\"SERVICE_MANAGER\",\"ASSISTANT_GENERAL_"
		"MANAGER\"],"
		"\"conveyVia\":[\"REGIONAL_MANAGER\",\"AREA_MANAGER\"],\"conveyTo\":\"PO-1\",\"rule\":\"stage 6: "
		"prepares\",\"policyVersion\":2,"
		"\"monitoring\":\"FULL_TIME\",\"startsOn\":\"2026-12-01\",\"endsOn\":\"2027-06-01\",\"areaSupports\":"
		"false,"
		"\"regionSupports\":true}");
}

static void test_says_whom_an_overdue_case_concerns_and_who_acts(void **state)
{
	const struct record record = { .name = RECORD_PTP_OVERDUE,
		.ptp = &ptp,
		.task = &ptp.task,
		.level = 1,
		.due_at = ptp.task.due_at,
		.concerns = ROLE_AREA_MANAGER };
	struct wire_record made = encode(&record);
	json_t *event, *data;
	char *line;

	(void)state;
	assert_int_equal(wire_event_to_json(made.event, &line, NULL), 0);
	event = json_loads(line, 0, NULL);
	data = json_object_get(event, "data");
	assert_string_equal(json_string_value(json_object_get(data, "role")), "ASSISTANT_GENERAL_MANAGER");
	assert_string_equal(json_string_value(json_object_get(data, "concerns")), "AREA_MANAGER");
	json_decref(event);
	free(line);
}

/* A case that was refused at once has no row: what is known of it stands in the event. */
static void test_writes_a_refusal_of_a_case_that_never_was(void **state)
{
	const struct record record = { .name = RECORD_PTP_REFUSED,
		.cause = &cause,
		.guard = REASON_PTP_G2,
		.sentence = "the criteria for EM are not met" };
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "ptp.refused/WELLINGTON");
	assert_string_equal(made.ref, "T-7");
	assert_string_equal(made.prn, "P-0");
	assert_line(&made, false,
		"{\"orderRef\":\"O-7\",\"prn\":\"P-0\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\","
		"\"region\":\"CENTRAL\","
		"\"ptpRef\":\"T-7\",\"responsibleRole\":\"SERVICE_MANAGER\",\"guard\":\"G2\",\"sentence\":\"the "
		"criteria for EM are not met\"}");
}

static void test_writes_a_quarantine_record(void **state)
{
	const struct quarantined quarantined = { .number = UINT64_MAX,
		.source = "urn:test",
		.id = "e-1",
		.type_text = "nz.govt.justice.cms.sentence.imposed",
		.order_ref = "O-9",
		.office = "WELLINGTON",
		.reason = REASON_INVALID_DATES,
		.sentence = "not published",
		.quarantined_at = NOON };
	const struct record record = {
		.name = RECORD_EVENT_QUARANTINE_OVERDUE, .quarantined = &quarantined, .level = 3
	};
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "event.quarantine-overdue/WELLINGTON");
	assert_string_equal(made.ref, "O-9");
	assert_null(made.prn);
	assert_line(&made, false,
		"{\"orderRef\":\"O-9\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\",\"region\":\"CENTRAL\","
		"\"eventId\":\"e-1\","
		"\"eventSource\":\"urn:test\",\"eventType\":\"nz.govt.justice.cms.sentence.imposed\",\"reason\":"
		"\"INVALID_DATES\","
		"\"quarantine\":\"18446744073709551615\",\"since\":\"2026-11-25T12:00:00Z\",\"responsibleRole\":"
		"\"SERVICE_MANAGER\",\"level\":3}");
}

static void test_writes_a_quarantine_of_nothing_readable(void **state)
{
	const struct quarantined quarantined = { .number = 1, .reason = REASON_MALFORMED, .quarantined_at = NOON };
	const struct event unreadable = { .id = NULL };
	const struct record record = {
		.name = RECORD_EVENT_QUARANTINED, .cause = &unreadable, .quarantined = &quarantined, .office = "-"
	};
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "event.quarantined/-");
	assert_null(made.ref);
	assert_null(made.cause);
	assert_line(&made, false,
		"{\"reason\":\"MALFORMED\",\"quarantine\":\"1\",\"since\":\"2026-11-25T12:00:00Z\",\"responsibleRole\":"
		"\"SERVICE_MANAGER\"}");
}

static void test_makes_no_topic_of_an_office_the_policy_does_not_know(void **state)
{
	const struct quarantined quarantined = {
		.number = 1, .office = "MORDOR", .reason = REASON_UNKNOWN_OFFICE, .quarantined_at = NOON
	};
	const struct record record = {
		.name = RECORD_EVENT_QUARANTINED, .quarantined = &quarantined, .office = "MORDOR"
	};
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "event.quarantined/-");
	assert_line(&made, false,
		"{\"office\":\"MORDOR\",\"reason\":\"UNKNOWN_OFFICE\",\"quarantine\":\"1\",\"since\":\"2026-11-25T12:"
		"00:00Z\","
		"\"responsibleRole\":\"SERVICE_MANAGER\"}");
}

static void test_writes_a_record_of_a_long_parked_event(void **state)
{
	const struct parked parked = { .number = 1, .event = &cause, .waits_for = "O-7", .parked_at = NOON };
	const struct record record = { .name = RECORD_EVENT_PARKED_LONG, .parked = &parked, .office = "WELLINGTON" };
	struct wire_record made = encode(&record);

	(void)state;
	assert_string_equal(made.topic, "event.parked-long/WELLINGTON");
	assert_null(made.cause);
	assert_line(&made, false,
		"{\"orderRef\":\"O-7\",\"prn\":\"P-0\",\"office\":\"WELLINGTON\",\"area\":\"WELLINGTON-AREA\","
		"\"region\":\"CENTRAL\","
		"\"eventId\":\"e-1\",\"eventSource\":\"urn:test\",\"eventType\":\"nz.govt.corrections.cpps.ptp.stage."
		"recorded\","
		"\"waitsFor\":\"O-7\",\"since\":\"2026-11-25T12:00:00Z\",\"responsibleRole\":\"SERVICE_MANAGER\"}");
}

static void test_encodes_every_name_and_never_free_text(void **state)
{
	(void)state;
	for (enum record_name name = 1; name < RECORD_NAME_END; name++) {
		const struct quarantined quarantined = { .number = 1, .type_text = "x", .closed_reason = "free text" };
		const bool of_event = strncmp(record_name_text(name), "event.", 6) == 0;
		const struct record record = { .name = name,
			.cause = &cause,
			.request = of_event ? NULL : &first,
			.ptp = of_event ? NULL : &ptp,
			.quarantined = of_event ? &quarantined : NULL };
		struct wire_record made = encode(&record);
		char topic[TOPIC_MAX + 1], *line;

		(void)snprintf(topic, sizeof(topic), "%s/WELLINGTON", record_name_text(name));
		assert_string_equal(made.topic, topic);
		assert_int_equal(wire_event_to_json(made.event, &line, NULL), 0);
		assert_non_null(strstr(line, record_name_text(name)));
		assert_non_null(strstr(line, "\"data\":{"));
		assert_null(strstr(line, "free text"));
		free(line);
	}
}

static void test_names_at_most_100_related_orders(void **state)
{
	static struct request many[150];
	const struct record record = { .name = RECORD_ALLOCATION_PLANNED, .request = &many[0] };
	struct wire_record made;
	json_t *event;
	char *line;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++) {
		many[i] = (struct request){ .order_ref = "O", .state = REQUEST_OPEN, .file = &file };
		many[i].next = i + 1 < ARRAY_LENGTH(many) ? &many[i + 1] : NULL;
	}
	file.requests = many;
	made = encode(&record);
	assert_int_equal(wire_event_to_json(made.event, &line, NULL), 0);
	event = json_loads(line, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json_object_get(event, "data"), "relatedOrderRefs")), 100);
	json_decref(event);
	free(line);
}

static void test_answers_out_of_memory_at_every_cap(void **state)
{
	const struct record record = { .name = RECORD_PTP_DECIDED,
		.cause = &cause,
		.ptp = &ptp,
		.time = NOON,
		.informs = 2,
		.convey_via = { ROLE_AREA_MANAGER } };
	bool made = false;

	(void)state;
	for (size_t cap = 0; cap < 16384; cap += 16) {
		struct arena *small;
		struct wire_record ret;
		int r;

		assert_int_equal(arena_new(cap, &small), 0);
		r = wire_encode(small, &policy, "s", 1, 1, &record, &ret);
		if ((r != 0 && r != -ENOMEM) || (made && r != 0))
			fail_msg("cap %zu: answered %d", cap, r);
		made = r == 0;
		(void)arena_free(small);
	}
	assert_true(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_writes_an_allocation_record_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_out_what_time_alone_does_not_have, setup, teardown),
		cmocka_unit_test_setup_teardown(test_publishes_a_transfer_on_either_offices_topic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_a_task_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_the_task_of_a_case, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_a_case_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says_whom_an_overdue_case_concerns_and_who_acts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_a_refusal_of_a_case_that_never_was, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_a_quarantine_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_a_quarantine_of_nothing_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_makes_no_topic_of_an_office_the_policy_does_not_know, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_a_record_of_a_long_parked_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encodes_every_name_and_never_free_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_at_most_100_related_orders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_out_of_memory_at_every_cap, setup, teardown),
	};

	return cmocka_run_group_tests_name("wire/encode", tests, NULL, NULL);
}
