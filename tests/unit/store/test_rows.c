/* Rows: what is committed is what is loaded again, in every field. */
#include "store/scene.h"

static void test_every_field_of_a_new_row_comes_back(void **state)
{
	struct set made[FILLED_VARIANTS], found;

	(void)state;
	lead("new_rows");
	for (int v = 0; v < FILLED_VARIANTS; v++)
		make_set(desk.cabinet, v, &made[v]);
	assert_int_equal(desk_commit(&desk, &(struct store_batch){ .first = 1 }, NULL), STORE_OK);
	for (int v = 0; v < FILLED_VARIANTS; v++) {
		find_set(other, &made[v], &found);
		assert_same_set(&made[v], &found);
	}
}

static void test_every_field_of_a_changed_row_comes_back(void **state)
{
	struct set made[FILLED_VARIANTS], found[FILLED_VARIANTS], again;
	CLEANUP(cabinet_freep) struct cabinet *third = NULL;

	(void)state;
	lead("changed_rows");
	assert_int_equal(cabinet_new(&third), 0);
	for (int v = 0; v < FILLED_VARIANTS; v++)
		make_set(desk.cabinet, v, &made[v]);
	desk_commit_ok(&desk, 1);
	for (int v = 0; v < FILLED_VARIANTS; v++) {
		find_set(desk.cabinet, &made[v], &found[v]);
		change_set(&found[v], (v + 1) % FILLED_VARIANTS);
	}
	assert_int_equal(desk_commit(&desk, &(struct store_batch){ .first = 2 }, NULL), STORE_OK);
	for (int v = 0; v < FILLED_VARIANTS; v++) {
		find_set(third, &made[v], &again);
		assert_same_set(&found[v], &again);
	}
}

static void test_keeps_what_was_done_in_a_case(void **state)
{
	struct record record = { .name = RECORD_PTP_STAGE_CHANGED,
		.time = moment(1),
		.decided_at = moment(2),
		.from_stage = 4,
		.to_stage = 5,
		.outcome = OUTCOME_NOT_SUPPORTED,
		.by_role = ROLE_AREA_MANAGER,
		.by = "AM-1",
		.guard = REASON_PTP_G6,
		.rule = "stage 4: forwards, noting no support" };
	struct set made;

	(void)state;
	lead("history");
	make_set(desk.cabinet, FILLED, &made);
	record.cause = &made.waiting;
	record.ptp = made.ptp;
	record.task = &made.ptp->task;
	record.kind = KIND_PTP;
	assert_int_equal(cabinet_note(desk.cabinet, &record, 1), 0);
	record.name = RECORD_TASK_OPENED; /* the open task is in the case */
	assert_int_equal(cabinet_note(desk.cabinet, &record, 2), 0);
	record.name = RECORD_TASK_COMPLETED;
	assert_int_equal(cabinet_note(desk.cabinet, &record, 3), 0);
	record.kind = KIND_ALLOCATION; /* a step of the order is in the request */
	assert_int_equal(cabinet_note(desk.cabinet, &record, 4), 0);
	record.ptp = NULL;
	assert_int_equal(cabinet_note(desk.cabinet, &record, 5), 0);
	desk_commit_ok(&desk, 5);
	assert_asks("SELECT h::text FROM cpps_store.ptp_history h",
		"(1,T-0,20,\"2026-03-01 10:20:31.000456+00\",\"2026-03-01 10:20:32.000456+00\",4,5,5,1,4,AM-1,29,"
		"\"stage 4: forwards, noting no support\",wait-0)");
	assert_asks("SELECT t::text FROM cpps_store.ptp_task t",
		"(3,T-0,2,\"back\\\\slash and 'quote'\",2,2,\"2026-03-01 10:20:41.000456+00\",\"2026-03-01 "
		"10:20:51.000456+00\",\"2026-03-01 10:21:01.000456+00\")");
	desk_commit_ok(&desk, 1); /* noted once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_field_of_a_new_row_comes_back),
		TEST(every_field_of_a_changed_row_comes_back),
		TEST(keeps_what_was_done_in_a_case),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
