/* Timers: overdue allocations and steps and their levels, the end of an order, quarantined and parked events that nobody looks after (R2, R3, R5,
 * X3, X6, X8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "core/policy_csv.h"
#include "core/world.h"

static struct policy policy;

#define PLAY(...)                                                                         \
	do {                                                                              \
		static const struct play_row rows_[] = { __VA_ARGS__ };                   \
		(void)state;                                                              \
		assert_int_equal(world_play_new(&policy, rows_, ARRAY_LENGTH(rows_)), 0); \
	} while (0)

/* An order taken over without an officer has step 8 only. */
#define TAKEN_OVER(order, rest) \
	"baseline prn=P1 order=" order " type=SUPERVISION effective=2026-01-05 office=NELSON " rest
#define IMPOSED(order, type, rest) \
	"imposed prn=P1 order=" order " type=" type " effective=2026-11-25 office=NELSON cso=no " rest
#define ALLOCATE(order, officer) "allocation.recorded order=" order " officer=" officer " role=SERVICE_MANAGER by=sm"
#define TASK(order, number, what) \
	"task.recorded order=" order " step=" #number " outcome=" #what " role=SERVICE_MANAGER by=sm reason=x"
#define TICK(rule, at, records)                 \
	{                                       \
		rule, at, "tick", NULL, records \
	}

/* ---- R3: the levels of an allocation ---- */

static void test_tells_each_level_to_the_role_it_concerns(void **state)
{
	PLAY({ "R3", NULL, TAKEN_OVER("O1", ""), "ACCEPTED", NULL },
		{ "R3", NULL, "show O1", NULL, "due=2026-11-28T09:00 alarm=2026-11-28T09:00 level=0" },
		TICK("R3 not before", "2026-11-28 08:59", ""),
		TICK("R3 at due, the service manager", "2026-11-28 09:00",
			"allocation.overdue/NELSON O1 state=OPEN level=1 concerns=SERVICE_MANAGER "
			"missed=2026-11-28T09:00 cause=- time=2026-11-28T09:00"),
		TICK("R3 once", "2026-11-28 09:00", ""), TICK("R3 a working day", "2026-11-30 08:59", ""),
		TICK("R3 one working day later, the area manager", "2026-11-30 09:00",
			"allocation.overdue level=2 concerns=AREA_MANAGER missed=2026-11-28T09:00 "
			"time=2026-11-30T09:00"),
		TICK("R3", "2026-12-02 08:59", ""),
		TICK("R3 three working days later, the regional manager", "2026-12-02 09:00",
			"allocation.overdue level=3 concerns=REGIONAL_MANAGER time=2026-12-02T09:00"),
		{ "R3 nobody stands above", NULL, "show O1", NULL, "level=3 !alarm=*" },
		TICK("R3", "2027-12-02 09:00", ""));
}

static void test_tells_missed_levels_in_order(void **state)
{
	PLAY({ "R3", NULL, TAKEN_OVER("O1", ""), "ACCEPTED", NULL },
		TICK("X8 late, as of then", "2026-12-01 10:00",
			"allocation.overdue level=1 time=2026-11-28T09:00 decided=2026-12-01T10:00;"
			"allocation.overdue level=2 time=2026-11-30T09:00 decided=2026-12-01T10:00"),
		TICK("X8 and the rest in its time", "2026-12-02 09:00", "allocation.overdue level=3"));
}

static void test_tells_levels_already_past_with_the_event_in_time_order(void **state)
{
	PLAY({ "R3", NULL, TAKEN_OVER("O1", ""), "ACCEPTED", NULL },
		{ "R3", "2026-11-25 12:00", TAKEN_OVER("O2", ""), "ACCEPTED", NULL },
		{ "R3 of another person", NULL, TAKEN_OVER("O3", "prn=P2"), "ACCEPTED", NULL },
		{ "X8 of every order of the file", "2026-12-01 09:00", "assessed prn=P1 onows=yes id=a", "ACCEPTED",
			"allocation.overdue O1 level=1 time=2026-11-28T09:00 cause=-;"
			"allocation.overdue O2 level=1 time=2026-11-28T12:00;"
			"allocation.overdue O1 level=2 time=2026-11-30T09:00;"
			"allocation.overdue O2 level=2 time=2026-11-30T12:00" },
		{ "X8", NULL, "claim a", NULL, "seq=0" },
		{ "X8 of both files", NULL, "merged prn=P1 into=P2", "ACCEPTED",
			"allocation.changed O1; allocation.changed O2; allocation.overdue O3 level=1; "
			"allocation.overdue O3 level=2" },
		{ "X8 of one moment the older order's first", "2026-12-01 10:00",
			TAKEN_OVER("O5", "prn=P5 time=2026-12-01T09:00"), "ACCEPTED", NULL },
		{ "X8", NULL, TAKEN_OVER("O4", "prn=P5 time=2026-12-01T09:00"), "ACCEPTED", NULL },
		{ "X8", "2026-12-04 12:00", "assessed prn=P5 onows=yes", "ACCEPTED",
			"allocation.overdue O5 level=1; allocation.overdue O4 level=1" },
		{ "X8 and their timers are set", NULL, "show O3", NULL, "level=2 alarm=2026-12-02T12:00" });
}

static void test_starts_anew_with_another_due_time(void **state)
{
#define VARIED(type, rest) \
	"sentence.varied prn=P1 order=O1 type=" type " effective=2026-11-25 office=NELSON cso=no " rest
	PLAY({ "R3", NULL, IMPOSED("O1", "SUPERVISION", ""), "ACCEPTED", NULL },
		{ "R3", NULL, TASK("O1", 2, DONE), "ACCEPTED", NULL },
		{ "R3", NULL, TASK("O1", 3, DONE), "ACCEPTED", NULL },
		{ "R3", NULL, TASK("O1", 5, DONE), "ACCEPTED", NULL },
		{ "R3", NULL, TASK("O1", 6, DONE), "ACCEPTED", NULL },
		TICK("X8", "2026-11-28 09:00", "allocation.overdue O1 level=1; task.overdue O1:4 level=1"),
		{ "X8 the same due time", NULL, VARIED("SUPERVISION", "ends=2027-11-25"), "ACCEPTED",
			"allocation.changed" },
		{ "X8 reopened: it was said", NULL, TASK("O1", 4, DONE), "ACCEPTED", "task.completed" },
		{ "X8", NULL, TASK("O1", 4, REOPENED), "ACCEPTED", "task.reopened O1:4 taskdue=2026-11-28T09:00" },
		{ "R8 another", "2026-11-28 10:00", VARIED("COMMUNITY_DETENTION", "ends=2027-11-25"), "ACCEPTED",
			NULL },
		{ "X8", NULL, "show O1", NULL, "due=2026-12-01T17:00 level=0 alarm=2026-12-01T17:00" },
		TICK("X8 anew, of the open steps too", "2026-12-01 17:00",
			"allocation.overdue level=1 missed=2026-12-01T17:00; task.overdue O1:4 level=1"),
		{ "X8 a step reopened under another due time starts anew", NULL, TASK("O1", 5, REOPENED), "ACCEPTED",
			"task.reopened O1:5 taskdue=2026-12-01T17:00; task.overdue O1:5 level=1" });
}

/* ---- R2: what becomes overdue ---- */

static void test_tells_only_planned_orders_that_are_allocated_ahead(void **state)
{
#define PLANNED(order, type) "sentencing.scheduled prn=P1 order=" order " type=" type " on=2026-12-01 office=NELSON"
	PLAY({ "R2", NULL, PLANNED("O1", "SUPERVISION"), "ACCEPTED", NULL },
		{ "R2", NULL, "show O1", NULL, "!alarm=*" },
		{ "R2", NULL, PLANNED("H1", "HOME_DETENTION"), "ACCEPTED", NULL },
		{ "R2", NULL, "release.scheduled prn=P2 order=R1 type=PAROLE on=2026-12-01 office=NELSON", "ACCEPTED",
			NULL },
		{ "R2", NULL, PLANNED("H2", "HOME_DETENTION"), "ACCEPTED", NULL },
		{ "R2", NULL, ALLOCATE("H2", "po-1"), "ACCEPTED", NULL }, TICK("R2", "2026-11-30 23:59", ""),
		TICK("R2 by 00:00 of the day", "2026-12-01 00:00",
			"allocation.overdue H1 state=PLANNED level=1; allocation.overdue R1 level=1"),
		{ "R2 done late", NULL, ALLOCATE("H1", "po-1"), "ACCEPTED", NULL },
		TICK("R2 it stops", "2026-12-02 00:00", "allocation.overdue R1 level=2"));
}

static void test_tells_of_open_steps_whoever_has_the_order(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1", "SUPERVISION", ""), "ACCEPTED", NULL },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 4, DONE), "ACCEPTED", NULL },
		TICK("R3 neither the closed nor those that wait", "2026-11-28 09:00",
			"task.overdue/NELSON O1:2 kind=ALLOCATION level=1 concerns=SERVICE_MANAGER "
			"missed=2026-11-28T09:00 cause=-;"
			"task.overdue O1:5; task.overdue O1:6"),
		{ "X8 a step that opens late says so at once", "2026-11-30 10:00", TASK("O1", 2, DONE), "ACCEPTED",
			"task.completed O1:2; task.opened O1:3; task.overdue O1:3 level=1 time=2026-11-28T09:00;"
			"task.overdue O1:3 level=2 time=2026-11-30T09:00;"
			"task.overdue O1:5 level=2; task.overdue O1:6 level=2" },
		{ "R2 allocation anew", NULL, TASK("O1", 8, REOPENED), "ACCEPTED",
			"task.reopened O1:8; allocation.changed change=reopened; allocation.overdue level=1; "
			"allocation.overdue level=2" },
		{ "R2 closed: nothing is late any more", NULL, "sentence.cancelled order=O1 cancelled=2026-11-30",
			"ACCEPTED", NULL },
		{ "R2", NULL, "show O1", NULL, "!alarm=*" }, TICK("R2", "2026-12-30 10:00", ""));
}

static void test_has_no_timer_once_complete(void **state)
{
	PLAY({ "R11", NULL, TAKEN_OVER("O1", "officer=po-1"), "ACCEPTED", NULL },
		{ "R11", NULL, "show O1", NULL, "state=COMPLETED !alarm=*" }, TICK("R3", "2027-01-01 00:00", ""));
}

/* ---- R5: the end of an order ---- */

static void test_ends_an_order_after_its_last_day(void **state)
{
	PLAY({ "R5", NULL, TAKEN_OVER("O1", "officer=po-1 ends=2026-11-26"), "ACCEPTED", NULL },
		{ "R5", NULL, TAKEN_OVER("O2", ""), "ACCEPTED", NULL },
		{ "R5", NULL, "show O2", NULL, "recommended=po-1" }, TICK("R5", "2026-11-26 23:59", ""),
		TICK("R5 nobody is left to recommend", "2026-11-27 08:00",
			"allocation.ended/NELSON O1 state=ENDED cause=- time=2026-11-27T00:00 decided=2026-11-27T08:00;"
			"allocation.changed O2 change=recommendation !recommended=*"),
		TICK("R5 once", "2026-11-27 08:00", ""),
		{ "R5 one that was over before it came", NULL, TAKEN_OVER("O3", "officer=po-1 ends=2026-11-26"),
			"ACCEPTED",
			"allocation.baselined O3 state=COMPLETED; allocation.changed O2 recommended=po-1;"
			"allocation.ended O3 cause=- time=2026-11-27T00:00; allocation.changed O2 !recommended=*" });
}

static void test_decides_the_others_steps_again_at_the_end(void **state)
{
	PLAY({ "R4", NULL, TAKEN_OVER("O1", "officer=po-1 cso=yes ends=2026-11-26"), "ACCEPTED", NULL },
		{ "R4", NULL, IMPOSED("O2", "SUPERVISION", ""), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O2", 2, DONE), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O2", 3, DONE), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O2", 4, DONE), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O2", 5, DONE), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O2", 6, DONE), "ACCEPTED", NULL },
		{ "R4 step 7 for the other order", NULL, ALLOCATE("O2", "po-1"), "ACCEPTED", NULL },
		{ "R4", NULL, "show O2", NULL, "state=ALLOCATED tasks=1C,2C,3C,4C,5C,6C,7O,8C alarm=2026-11-28T09:00" },
		TICK("R4, R5 which is over", "2026-11-27 00:00",
			"allocation.ended O1; task.skipped O2:7; allocation.completed O2"),
		{ "X8", NULL, "show O2", NULL, "state=COMPLETED !alarm=*" });
}

static void test_leaves_an_ended_order_to_its_end(void **state)
{
	PLAY({ "R5", NULL, TAKEN_OVER("O1", "officer=po-1 ends=2026-11-26"), "ACCEPTED", NULL },
		TICK("R5", "2026-11-27 00:00", "allocation.ended"),
		{ "R2 cancelled as well: it is over", NULL, "sentence.cancelled order=O1 cancelled=2026-11-27 id=a",
			"ACCEPTED", "" },
		{ "R2", NULL, "claim a", NULL, "detail=order_O1_is_closed_already" },
		{ "R8 and not final", NULL,
			"sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-01-05 office=NELSON",
			"ACCEPTED", "allocation.changed state=ALLOCATED; allocation.completed" });
}

static void test_ends_no_plan(void **state)
{
	PLAY({ "R2", NULL, "release.scheduled prn=P1 order=R1 type=RELEASE_ON_CONDITIONS on=2026-12-01 office=NELSON",
		     "ACCEPTED", NULL },
		{ "R8", NULL,
			"release.varied prn=P1 order=R1 type=RELEASE_ON_CONDITIONS effective=2026-12-01 "
			"ends=2026-12-05 "
			"office=NELSON",
			"ACCEPTED", "allocation.changed" },
		TICK("R5 it is not live", "2026-12-06 00:00", ""));
}

static void test_tells_the_levels_before_the_end(void **state)
{
	PLAY({ "R5", NULL, TAKEN_OVER("O1", "ends=2026-11-29"), "ACCEPTED", NULL },
		TICK("X8 in time order", "2026-12-10 09:00",
			"allocation.overdue level=1 time=2026-11-28T09:00; allocation.ended time=2026-11-30T00:00;"
			"task.cancelled O1:8 time=2026-11-30T00:00"));
}

/* ---- X8: at most so many a transaction ---- */

static void test_stops_at_the_limit_and_goes_on_later(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	struct request *request;
	struct verdict verdict;

	(void)state;
	assert_int_equal(world_decide(world, TAKEN_OVER("O1", ""), &verdict), 0);
	request = world->facts.request(world, "O1");
	world->now = world_moment(world, "2026-12-10 09:00");
	assert_int_equal(decide_request_alarm(&policy, &world->facts, request, world->now, 2, &world->effects), 2);
	assert_int_equal(request->next_alarm.us, world_moment(world, "2026-12-02 09:00").us);
	assert_int_equal(decide_request_alarm(&policy, &world->facts, request, world->now, 2, &world->effects), 1);
	assert_false(instant_given(request->next_alarm));
	assert_int_equal(decide_request_alarm(&policy, &world->facts, request, world->now, 2, &world->effects), 0);
}

static void test_changes_nothing_before_its_time(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	struct request *request;
	struct parked *parked;
	struct quarantined *held;
	struct verdict verdict;
	struct instant soon = instant_plus(world->now, US_PER_HOUR);

	(void)state;
	assert_int_equal(world_decide(world, TAKEN_OVER("O1", ""), &verdict), 0);
	assert_int_equal(world_decide(world, TAKEN_OVER("O2", "officer=ATLANTIS office=ATLANTIS id=a"), &verdict), 0);
	assert_int_equal(world_decide(world, ALLOCATE("O3", "po-1"), &verdict), 0);
	request = world->facts.request(world, "O1");
	held = world->facts.quarantine_of_id(world, "urn:nz:justice:cms", "a", NULL);
	parked = world->facts.parked(world, "O3", NULL);
	request->change = held->change = parked->change = ROW_CLEAN;
	assert_int_equal(decide_request_alarm(&policy, &world->facts, request, soon, 9, &world->effects), 0);
	assert_int_equal(decide_quarantine_alarm(&policy, &world->facts, held, soon, &world->effects), 0);
	assert_int_equal(decide_parked_alarm(&policy, &world->facts, parked, soon, &world->effects), 0);
	parked->gone = true;
	assert_int_equal(decide_parked_alarm(&policy, &world->facts, parked, world_moment(world, "2027-01-01 00:00"),
				 &world->effects),
		0);
	assert_int_equal(request->change + held->change + parked->change, 3 * ROW_CLEAN);
}

/* ---- X6: an offender without a request ---- */

static void test_repeats_a_quarantined_opener_every_four_working_hours(void **state)
{
#define OVERDUE(n, at)                                                                                               \
	"event.quarantine-overdue/ATLANTIS - id=a order=O1 level=" #n " concerns=SERVICE_MANAGER missed=" at " time" \
	"=" at
	PLAY({ "X6", NULL, TAKEN_OVER("O1", "office=ATLANTIS id=a"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		TICK("X6", "2026-11-25 12:59", ""),
		TICK("X6 at 08:00 to 17:00 of working days", "2026-11-25 13:00", OVERDUE(1, "2026-11-25T13:00")),
		TICK("X6 once", "2026-11-25 13:00", ""), TICK("X6", "2026-11-25 17:00", OVERDUE(2, "2026-11-25T17:00")),
		TICK("X6 not at night", "2026-11-26 11:59", ""),
		TICK("X6", "2026-11-26 12:00", OVERDUE(3, "2026-11-26T12:00")),
		TICK("X8 missed ones in order, over the weekend", "2026-11-30 10:00",
			OVERDUE(4, "2026-11-26T16:00") " decided=2026-11-30T10:00;" OVERDUE(
				5, "2026-11-27T11:00") ";" OVERDUE(6, "2026-11-27T15:00") ";" OVERDUE(7,
				"2026-11-30T10:00")),
		{ "X6 until it is discarded", NULL, "discard a", NULL, "" }, TICK("X6", "2026-12-30 10:00", ""));
}

static void test_stops_once_somebody_acted(void **state)
{
	PLAY({ "X6", NULL, TAKEN_OVER("O1", "office=ATLANTIS id=a"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X6", NULL, TAKEN_OVER("O2", "office=ATLANTIS id=b"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X6 retried", NULL, "retry a " TAKEN_OVER("O1", "officer=po-1 id=a"), "ACCEPTED", NULL },
		{ "X6 superseded", NULL, TAKEN_OVER("O2", "officer=po-1 id=b"), "ACCEPTED", NULL },
		TICK("X6", "2026-12-30 10:00", ""));
}

static void check_nagging(const char *words, bool nags)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	struct play_row rows[] = {
		{ "X6", NULL, words, "QUARANTINED INVALID_FIELD", "event.quarantined" },
		{ "X6", "2026-11-25 13:00", "tick", NULL, nags ? "event.quarantine-overdue/- id=e1" : "" },
	};

	if (world_play(world, rows, ARRAY_LENGTH(rows)))
		fail_msg("%s", words);
}

static void test_repeats_only_what_would_have_opened_a_request(void **state)
{
	static const char *const openers[] = { "sentencing.scheduled", "sentence.imposed", "release.scheduled",
		"offender.released", "order.baseline" };

	(void)state;
	for (int type = 1; type < EVENT_TYPE_END; type++) {
		const char *text = event_type_text((enum event_type)type);
		bool opens = false;
		char words[96];

		for (size_t i = 0; i < ARRAY_LENGTH(openers); i++)
			opens |= strstr(text, openers[i]) != NULL;
		snprintf(words, sizeof(words), "%s fault=INVALID_FIELD", strchr(text + 3, '.') + 1);
		check_nagging(words, opens);
	}
}

static void test_counts_no_further_than_it_can(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	struct verdict verdict;

	(void)state;
	assert_int_equal(world_decide(world, TAKEN_OVER("O1", "office=ATLANTIS id=a"), &verdict), 0);
	world->now = world_moment(world, "2027-09-01 09:00");
	world_tick(world);
	assert_true(world->line_count > 300);
	assert_null(world_compare(world, world->lines + 255, 1, "event.quarantine-overdue level=255"));
	assert_null(world_compare(world, world->lines + 254, 1, "event.quarantine-overdue level=254"));
	assert_null(world_compare(world, world->lines + 299, 1, "event.quarantine-overdue level=255"));
}

static int set_up(void **state)
{
	struct fault fault = { "" };

	(void)state;
	if (policy_from_csv(SHIPPED_POLICY, &policy, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_each_level_to_the_role_it_concerns),
		cmocka_unit_test(test_tells_missed_levels_in_order),
		cmocka_unit_test(test_tells_levels_already_past_with_the_event_in_time_order),
		cmocka_unit_test(test_starts_anew_with_another_due_time),
		cmocka_unit_test(test_tells_only_planned_orders_that_are_allocated_ahead),
		cmocka_unit_test(test_tells_of_open_steps_whoever_has_the_order),
		cmocka_unit_test(test_has_no_timer_once_complete),
		cmocka_unit_test(test_ends_an_order_after_its_last_day),
		cmocka_unit_test(test_decides_the_others_steps_again_at_the_end),
		cmocka_unit_test(test_leaves_an_ended_order_to_its_end),
		cmocka_unit_test(test_ends_no_plan),
		cmocka_unit_test(test_tells_the_levels_before_the_end),
		cmocka_unit_test(test_stops_at_the_limit_and_goes_on_later),
		cmocka_unit_test(test_changes_nothing_before_its_time),
		cmocka_unit_test(test_repeats_a_quarantined_opener_every_four_working_hours),
		cmocka_unit_test(test_stops_once_somebody_acted),
		cmocka_unit_test(test_repeats_only_what_would_have_opened_a_request),
		cmocka_unit_test(test_counts_no_further_than_it_can),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
