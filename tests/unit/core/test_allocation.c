/* The life of one order, event by event, standing by standing (R1-R4, R6-R8, R10, R11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

#define IMPOSED(order)           "imposed prn=P1 order=" order " type=SUPERVISION effective=2026-11-25 office=NELSON"
#define HD_SCHEDULED             "sentencing.scheduled prn=P1 order=H1 type=HOME_DETENTION on=2026-12-01 office=NELSON"
#define HD_IMPOSED               "imposed prn=P1 order=H1 type=HOME_DETENTION effective=2026-12-01 office=NELSON"
#define SCHEDULED(order, on)     "release.scheduled prn=P1 order=" order " type=PAROLE on=" on " office=NELSON"
#define RELEASED(order)          "released prn=P1 order=" order " type=PAROLE effective=2026-11-26 office=NELSON"
#define ALLOCATE(order, officer) "allocation.recorded order=" order " officer=" officer " role=SERVICE_MANAGER by=sm"
#define TASK(order, number, what, who) \
	"task.recorded order=" order " step=" #number " outcome=" #what " role=" #who " by=x"
#define PAPERS(order) "document.received order=" order " documents=SENTENCE_ORDER received=2026-11-25"
#define BASELINE(rest) \
	"baseline prn=P1 order=O1 type=SUPERVISION effective=2026-01-05 office=NELSON documents=SENTENCE_ORDER" rest

/* Everything but the allocation itself; the papers close step 2. */
#define STEPS_DONE(order)                                                                     \
	{ "", NULL, PAPERS(order), "ACCEPTED", NULL },                                        \
		{ "", NULL, TASK(order, 3, DONE, ADMINISTRATION_OFFICER), "ACCEPTED", NULL }, \
		{ "", NULL, TASK(order, 4, DONE, ADMINISTRATION_OFFICER), "ACCEPTED", NULL }, \
		{ "", NULL, TASK(order, 5, DONE, SERVICE_MANAGER), "ACCEPTED", NULL },        \
		{ "", NULL, TASK(order, 6, DONE, SERVICE_MANAGER), "ACCEPTED", NULL },        \
	{                                                                                     \
		"", NULL, TASK(order, 7, NOT_REQUIRED, SERVICE_MANAGER), "ACCEPTED", NULL     \
	}

/* ---- R1 ---- */

static void test_opens_a_request_as_the_order_takes_effect(void **state)
{
	PLAY({ "R1, R4 imposed", NULL, IMPOSED("O1"), "ACCEPTED",
		     "allocation.requested/NELSON O1 prn=P1 state=OPEN due=2026-11-28T09:00 cause=e1 "
		     "time=2026-11-25T09:00;"
		     "task.completed/NELSON O1:1; task.opened O1:2 role=ADMINISTRATION_OFFICER;"
		     "task.opened O1:4; task.opened O1:5; task.opened O1:6; task.opened O1:7; task.opened O1:8" },
		{ "R1", NULL, "show O1", NULL,
			"state=OPEN type=SUPERVISION office=NELSON named=NELSON requested=2026-11-25T09:00 "
			"effective=2026-11-25 "
			"starts=2026-11-25 !on=* !ends=* !allocated=* !applied=* first=2026-11-28T09:00 "
			"tasks=1C,2O,3W,4O,5O,6O,7O,8O" },
		{ "R1 released", "2026-11-26 10:00", RELEASED("R1"), "ACCEPTED",
			"allocation.requested R1 state=OPEN; allocation.preallocation-missed;"
			"task.completed R1:1; task.opened R1:2; task.opened R1:4; task.opened R1:5; task.opened R1:6;"
			"task.opened R1:7; task.opened R1:8; allocation.overdue level=1; task.overdue R1:2 level=1;"
			"task.overdue R1:4; task.overdue R1:5; task.overdue R1:6; task.overdue R1:7" });
}

static void test_opens_a_planned_request_as_it_takes_effect(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED, "ACCEPTED", "allocation.planned state=PLANNED; task.opened H1:8" },
		{ "R1 the type may differ", "2026-11-30 09:00",
			"imposed prn=P1 order=H1 type=COMMUNITY_DETENTION effective=2026-11-30 office=NELSON",
			"ACCEPTED",
			"allocation.requested state=OPEN due=2026-12-02T17:00; task.completed H1:1; task.opened H1:2;"
			"task.opened H1:4; task.opened H1:5; task.opened H1:6; task.opened H1:7" },
		{ "R2 step 8 stands", NULL, "show H1", NULL,
			"state=OPEN type=COMMUNITY_DETENTION tasks=1C,2O,3W,4O,5O,6O,7O,8O requested=2026-11-30T09:00 "
			"first=2026-12-01T09:00 on=2026-12-01 effective=2026-11-30" });
}

static void test_goes_straight_to_allocated_with_an_officer(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED, "ACCEPTED", NULL },
		{ "R2 recorded while planned", NULL, ALLOCATE("H1", "po-1"), "ACCEPTED",
			"allocation.allocated state=PLANNED officer=po-1 by=sm; task.completed H1:8" },
		{ "R2 it stays planned", NULL, "show H1", NULL, "state=PLANNED officer=po-1 tasks=8C" },
		{ "R1, R6 not missed", "2026-12-01 09:00", HD_IMPOSED, "ACCEPTED",
			"allocation.requested state=ALLOCATED officer=po-1; task.completed H1:1; task.opened H1:2;"
			"task.opened H1:4; task.opened H1:5; task.opened H1:6; task.opened H1:7; task.overdue H1:2 "
			"level=1;"
			"task.overdue H1:4; task.overdue H1:5; task.overdue H1:6; task.overdue H1:7" },
		{ "R1", NULL, "show H1", NULL, "state=ALLOCATED tasks=1C,2O,3W,4O,5O,6O,7O,8C" });
}

static void test_asks_again_where_step_8_of_a_plan_was_reopened(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED, "ACCEPTED", NULL }, { "R2", NULL, ALLOCATE("H1", "po-1"), "ACCEPTED", NULL },
		{ "R2", NULL, TASK("H1", 8, REOPENED, SERVICE_MANAGER), "ACCEPTED",
			"task.reopened H1:8 state=PLANNED" },
		{ "R1", NULL, HD_IMPOSED, "ACCEPTED", NULL },
		{ "R1 the officer is kept, and yet it is open", NULL, "show H1", NULL,
			"state=OPEN officer=po-1 tasks=1C,2O,3W,4O,5O,6O,7O,8O" });
}

/* ---- R2 ---- */

static void test_plans_ahead(void **state)
{
	PLAY({ "R2 step 8 only, due by 00:00", NULL, HD_SCHEDULED, "ACCEPTED",
		     "allocation.planned/NELSON H1 state=PLANNED due=2026-12-01T00:00;"
		     "task.opened H1:8 taskdue=2026-12-01T00:00 role=SERVICE_MANAGER" },
		{ "R2 nothing else is known", NULL, "show H1", NULL,
			"on=2026-12-01 !effective=* !starts=* !ends=* !first=* !allocated=* !applied=*" },
		{ "R2 again moves the date", "2026-11-26 09:00",
			"sentencing.scheduled prn=P1 order=H1 type=HOME_DETENTION on=2026-12-03 office=NELSON",
			"ACCEPTED", "allocation.changed change=order due=2026-12-03T00:00" },
		{ "R2 and the due time of step 8", NULL, "show H1", NULL,
			"on=2026-12-03 due=2026-12-03T00:00 tasks=8O" },
		{ "R2 the same once more", NULL,
			"sentencing.scheduled prn=P1 order=H1 type=HOME_DETENTION on=2026-12-03 office=NELSON",
			"ACCEPTED", "" },
		{ "R8 an older one does not move it back", NULL,
			"sentencing.scheduled prn=P1 order=H1 type=HOME_DETENTION on=2026-12-02 office=NELSON "
			"time=2026-11-25T23:00",
			"ACCEPTED", "" },
		{ "R8", NULL, "claim e4", NULL, "state=ACCEPTED detail=kept_as_history*" },
		{ "R2 another type", NULL,
			"sentencing.scheduled prn=P1 order=H1 type=SUPERVISION on=2026-12-03 office=NELSON", "ACCEPTED",
			"allocation.changed change=order" },
		{ "R2 another office, on both topics", NULL,
			"sentencing.scheduled prn=P1 order=H1 type=SUPERVISION on=2026-12-03 office=NAPIER", "ACCEPTED",
			"allocation.changed/NAPIER change=order previous_office=NELSON;"
			"allocation.changed/NELSON change=order previous_office=NELSON" },
		{ "R2", NULL, "show H1", NULL, "type=SUPERVISION office=NAPIER named=NAPIER on=2026-12-03" });
}

static void test_keeps_the_plan_that_happened_later(void **state)
{
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-12-03"), "ACCEPTED", NULL },
		{ "R8 the first came late", NULL, SCHEDULED("R1", "2026-12-01") " time=2026-11-20T09:00", "ACCEPTED",
			"" },
		{ "R8", NULL, "show R1", NULL, "on=2026-12-03" });
}

static void test_keeps_what_was_said_last(void **state)
{
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-12-01") " place=Paparua", "ACCEPTED", NULL },
		{ "R2 whoever is named is kept", NULL, "person P1", NULL, "kept=1 known=0" },
		{ "R2", NULL, "show R1", NULL, "place=Paparua" },
		{ "R8 the same, later", NULL, SCHEDULED("R1", "2026-12-01") " time=2026-11-25T12:00", "ACCEPTED", "" },
		{ "R8 what was said before that is history", NULL,
			SCHEDULED("R1", "2026-12-09") " time=2026-11-25T11:00", "ACCEPTED", "" },
		{ "R8", NULL, SCHEDULED("R1", "2026-12-02") " time=2026-11-25T13:00", "ACCEPTED",
			"allocation.changed change=order" },
		{ "R8 of variations too", NULL,
			"release.varied prn=P1 order=R1 type=PAROLE effective=2026-12-03 office=NELSON "
			"time=2026-11-25T14:00",
			"ACCEPTED", "allocation.changed" },
		{ "R8", NULL,
			"release.varied prn=P1 order=R1 type=PAROLE effective=2026-12-03 office=NELSON "
			"time=2026-11-25T16:00",
			"ACCEPTED", NULL },
		{ "R8", NULL,
			"release.varied prn=P1 order=R1 type=PAROLE effective=2026-12-03 office=NELSON "
			"time=2026-11-25T18:00",
			"ACCEPTED", NULL },
		{ "R8", NULL, SCHEDULED("R1", "2026-12-09") " time=2026-11-25T17:00", "ACCEPTED", "" },
		{ "R2", NULL, "show R1", NULL, "on=2026-12-03 applied=2026-11-25T18:00" },
		{ "R1 the place as well", NULL,
			"released prn=P1 order=R1 type=PAROLE effective=2026-12-03 office=NELSON place=Rimutaka "
			"time=2026-11-25T19:00",
			"ACCEPTED", NULL },
		{ "R1", NULL, "show R1", NULL, "place=Rimutaka effective=2026-12-03" });
}

static void test_forgets_the_earlier_release(void **state)
{
	PLAY({ "R1", NULL, RELEASED("R1") " ends=2027-11-26", "ACCEPTED", NULL },
		{ "R2", "2026-11-25 10:00", "release.cancelled order=R1 time=2026-11-25T12:00", "ACCEPTED", NULL },
		{ "R2 what was said before that is history", NULL,
			SCHEDULED("R1", "2026-12-09") " time=2026-11-25T11:00", "ACCEPTED", "" },
		{ "R2 only the papers and the officer stay", NULL,
			SCHEDULED("R1", "2026-12-09") " time=2026-11-25T12:00", "ACCEPTED",
			"allocation.planned; task.opened R1:8" },
		{ "R2", NULL, "show R1", NULL, "state=PLANNED on=2026-12-09 !effective=* !starts=* !ends=* !first=*" },
		{ "R1", NULL, RELEASED("R1") " time=2026-11-25T13:00", "ACCEPTED", NULL },
		{ "R8 recalled", NULL, "recalled order=R1 cancelled=2026-11-25 time=2026-11-25T14:00", "ACCEPTED",
			NULL },
		{ "R2 planned anew, it is not in effect", NULL, SCHEDULED("R1", "2026-12-10") " time=2026-11-25T15:00",
			"ACCEPTED", "allocation.planned state=PLANNED; task.opened R1:8" },
		{ "R1", NULL, RELEASED("R1") " time=2026-11-25T16:00", "ACCEPTED", NULL },
		{ "R1", NULL, "show R1", NULL, "state=OPEN tasks=1C,2O,3W,4O,5O,6O,7O,8O" });
}

static void test_keeps_the_moment_step_8_was_opened(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED, "ACCEPTED", NULL },
		{ "R1", "2026-11-26 09:00",
			"imposed prn=P1 order=H1 type=HOME_DETENTION effective=2026-12-01 office=NELSON", "ACCEPTED",
			NULL },
		{ "R2 it was open before", NULL, "show H1", NULL, "o8=2026-11-25T09:00 o2=2026-11-26T09:00 !o3=*" });
}

static void test_cancels_a_planned_release_and_takes_it_back(void **state)
{
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-12-01"), "ACCEPTED", NULL },
		{ "R2 closes it with its open task", NULL, "release.cancelled order=R1 reason=x", "ACCEPTED",
			"allocation.cancelled state=CANCELLED; task.cancelled R1:8" },
		{ "R2", NULL, "show R1", NULL, "state=CANCELLED tasks=8X !alarm=*" },
		{ "R2 once more", NULL, "release.cancelled order=R1 reason=x", "ACCEPTED", "" },
		{ "R2 an older schedule does not bring it back", NULL,
			SCHEDULED("R1", "2026-12-05") " time=2026-11-25T08:00", "ACCEPTED", "" },
		{ "R2 neither does an older release", NULL, RELEASED("R1") " time=2026-11-25T08:00", "ACCEPTED", "" },
		{ "R2 nor an older list", NULL,
			"baseline prn=P1 order=R1 type=PAROLE effective=2026-11-20 office=NELSON kind=PRISON "
			"time=2026-11-25T08:00",
			"ACCEPTED", "" },
		{ "R2", NULL, "show R1", NULL, "state=CANCELLED" },
		{ "R2 it may be scheduled again", "2026-11-26 09:00", SCHEDULED("R1", "2026-12-02"), "ACCEPTED",
			"allocation.planned state=PLANNED; task.opened R1:8" },
		{ "R2", NULL, "show R1", NULL, "state=PLANNED tasks=8O on=2026-12-02 alarm=2026-12-02T00:00" },
		{ "R2 and take effect", "2026-12-02 09:00",
			"released prn=P1 order=R1 type=PAROLE effective=2026-12-02 office=NELSON", "ACCEPTED", NULL },
		{ "R2", NULL, "show R1", NULL, "state=OPEN tasks=1C,2O,3W,4O,5O,6O,7O,8O" });
}

static void test_keeps_the_officer_of_a_release_that_was_put_off(void **state)
{
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-11-26"), "ACCEPTED", NULL },
		{ "R2", NULL, ALLOCATE("R1", "po-1"), "ACCEPTED", NULL },
		{ "R2 recorded in error", NULL, RELEASED("R1"), "ACCEPTED", NULL },
		{ "R2", NULL, "release.cancelled order=R1", "ACCEPTED", NULL },
		{ "R2 released after all", "2026-11-25 10:00", RELEASED("R1"), "ACCEPTED",
			"allocation.requested state=ALLOCATED officer=po-1; task.completed R1:1; task.opened R1:2;"
			"task.opened R1:4; task.opened R1:5; task.opened R1:6; task.opened R1:7; task.completed R1:8" },
		{ "R5 and the moment of its allocation", NULL, "show R1", NULL,
			"state=ALLOCATED officer=po-1 allocated=2026-11-25T09:00" });
}

static void test_needs_a_new_officer_and_new_papers_after_a_recall(void **state)
{
	PLAY({ "R1", NULL, RELEASED("R1"), "ACCEPTED", NULL }, { "R2", NULL, ALLOCATE("R1", "po-1"), "ACCEPTED", NULL },
		{ "R4", NULL, "document.received order=R1 documents=LICENCE received=2026-11-25", "ACCEPTED", "" },
		{ "R8 recalled", "2026-11-25 10:00", "recalled order=R1 cancelled=2026-11-25", "ACCEPTED",
			"allocation.cancelled state=CANCELLED; task.cancelled R1:2; task.cancelled R1:4; "
			"task.cancelled R1:5;"
			"task.cancelled R1:6; task.cancelled R1:7" },
		{ "R8 what waited was never announced", NULL, "show R1", NULL,
			"state=CANCELLED tasks=1C,2X,3X,4X,5X,6X,7X,8C officer=po-1 !has=LICENCE" },
		{ "R2 released again", "2026-11-26 09:00",
			"released prn=P1 order=R1 type=PAROLE effective=2026-11-27 office=NELSON", "ACCEPTED", NULL },
		{ "R2", NULL, "show R1", NULL, "state=OPEN !officer=* !allocated=* tasks=1C,2O,3W,4O,5O,6O,7O,8O" },
		{ "R4 the offender is known by now", NULL, "show R1", NULL, "t4=Re-open_the_offender_file" });
}

static void test_never_takes_a_cancelled_sentence_back(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R2", NULL, "sentence.cancelled order=O1 cancelled=2026-11-25", "ACCEPTED",
			"allocation.cancelled/NELSON; task.cancelled O1:2; task.cancelled O1:4; task.cancelled O1:5;"
			"task.cancelled O1:6; task.cancelled O1:7; task.cancelled O1:8" },
		{ "R2 final", "2026-11-26 09:00", IMPOSED("O1"), "QUARANTINED ORDER_CLOSED",
			"event.quarantined/NELSON" },
		{ "R2 final", NULL, "sentencing.scheduled prn=P1 order=O1 type=SUPERVISION on=2026-12-01 office=NELSON",
			"QUARANTINED ORDER_CLOSED", NULL },
		{ "R2 final", NULL, BASELINE(""), "QUARANTINED ORDER_CLOSED", NULL },
		{ "R8", NULL,
			"sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 office=NAPIER reason=x",
			"QUARANTINED ORDER_CLOSED", NULL },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "QUARANTINED ORDER_CLOSED", NULL },
		{ "R2", NULL, TASK("O1", 4, DONE, ADMINISTRATION_OFFICER), "QUARANTINED ORDER_CLOSED", NULL },
		{ "R2", NULL, "transfer.recorded order=O1 office=NAPIER role=SERVICE_MANAGER by=x",
			"QUARANTINED ORDER_CLOSED", NULL },
		{ "R2 once more", NULL, "sentence.cancelled order=O1 cancelled=2026-11-25", "ACCEPTED", "" },
		{ "R2", NULL, "recalled order=O1 cancelled=2026-11-25", "ACCEPTED", "" },
		{ "R2 a paper is kept", NULL, PAPERS("O1"), "ACCEPTED", "" },
		{ "R2", NULL, "show O1", NULL, "state=CANCELLED has=SENTENCE_ORDER" });
}

static void test_makes_a_recalled_order_final_when_the_sentence_is_cancelled(void **state)
{
	PLAY({ "R1", NULL, RELEASED("R1"), "ACCEPTED", NULL },
		{ "R8", NULL, "recalled order=R1 cancelled=2026-11-25", "ACCEPTED", NULL },
		{ "R2", NULL, "release.cancelled order=R1", "ACCEPTED", "" },
		{ "R2", NULL, "sentence.cancelled order=R1 cancelled=2026-11-25", "ACCEPTED", "" },
		{ "R2", "2026-11-26 09:00", RELEASED("R1"), "QUARANTINED ORDER_CLOSED", NULL });
}

static void test_keeps_closed_what_was_cancelled_again_later(void **state)
{
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-12-01") " time=2026-11-25T01:00", "ACCEPTED", NULL },
		{ "R2", NULL, "release.cancelled order=R1 time=2026-11-25T02:00", "ACCEPTED", NULL },
		{ "R2 planned again, which comes late, and cancelled again", NULL,
			"release.cancelled order=R1 time=2026-11-25T04:00", "ACCEPTED", "" },
		{ "R8", NULL, SCHEDULED("R1", "2026-12-01") " time=2026-11-25T03:00", "ACCEPTED", "" },
		{ "R8", NULL, RELEASED("R1") " time=2026-11-25T03:30", "ACCEPTED", "" },
		{ "R8", NULL, "show R1", NULL, "state=CANCELLED applied=2026-11-25T04:00" },
		{ "R2 later it may come back", NULL, RELEASED("R1") " time=2026-11-25T05:00", "ACCEPTED", NULL });
}

#define RELEASED_ON(day, time) "released prn=P1 order=R1 type=PAROLE effective=" day " office=NELSON time=" day "T" time

static void test_keeps_a_release_whose_earlier_one_was_called_off(void **state)
{
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-11-25") " time=2026-11-20T09:00", "ACCEPTED", NULL },
		{ "R1", NULL, RELEASED_ON("2026-11-25", "08:00"), "ACCEPTED", NULL },
		{ "R8 what called the plan off came late", NULL, "release.cancelled order=R1 time=2026-11-21T09:00",
			"ACCEPTED", "" },
		{ "R8", NULL, "recalled order=R1 cancelled=2026-11-21 time=2026-11-21T09:00 id=late", "ACCEPTED", "" },
		{ "R8", NULL, "claim late", NULL, "detail=kept_as_history*" },
		{ "R8", NULL, "show R1", NULL, "state=OPEN !applied=2026-11-21*" },
		{ "R2 of the same day it is this one", NULL, "release.cancelled order=R1 time=2026-11-25T07:00",
			"ACCEPTED", NULL },
		{ "R2", NULL, "show R1", NULL, "state=CANCELLED" });
}

static void test_keeps_a_release_that_comes_after_what_waited_for_an_earlier_one(void **state)
{
	PLAY({ "X3 the release it cancels is in quarantine", NULL, "release.cancelled order=R1 time=2026-11-21T09:00",
		     "PARKED", "" },
		{ "X3, R8 planned anew", NULL, SCHEDULED("R1", "2026-11-26") " time=2026-11-22T09:00", "ACCEPTED",
			"allocation.planned; task.opened R1:8" },
		{ "X3", NULL, "show R1", NULL, "state=PLANNED" });
}

static void test_leaves_a_release_alone_that_comes_after_what_was_said_of_an_earlier_one(void **state)
{
	PLAY({ "R11 the list is in quarantine", NULL,
		     "baseline prn=P1 order=R1 type=PAROLE effective=2026-01-05 office=ATLANTIS kind=PRISON "
		     "time=2026-11-01T09:00",
		     "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X3", NULL,
			"release.varied prn=P1 order=R1 type=PAROLE effective=2026-01-05 ends=2027-01-01 office=NELSON "
			"time=2026-11-02T09:00",
			"PARKED", "" },
		{ "X3", NULL, "recalled order=R1 cancelled=2026-11-10 time=2026-11-10T09:00", "PARKED", "" },
		{ "R1 released again", NULL, RELEASED_ON("2026-11-20", "09:00"), "ACCEPTED", NULL },
		{ "R8", NULL, "show R1", NULL, "state=OPEN effective=2026-11-20 !ends=*" });
}

static void test_keeps_a_plan_that_was_moved_after_what_called_it_off(void **state)
{
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-12-01") " time=2026-11-20T09:00", "ACCEPTED", NULL },
		{ "R2", NULL, SCHEDULED("R1", "2026-12-02") " time=2026-11-22T09:00", "ACCEPTED", NULL },
		{ "R8 it was called off before that", NULL, "release.cancelled order=R1 time=2026-11-21T09:00",
			"ACCEPTED", "" },
		{ "R8", NULL, "show R1", NULL, "state=PLANNED on=2026-12-02" },
		{ "R2 of one day it is this one", NULL, "release.cancelled order=R1 time=2026-11-22T08:00", "ACCEPTED",
			NULL },
		{ "R2", NULL, "show R1", NULL, "state=CANCELLED" });
}

static void test_closes_whatever_its_time_what_it_can_only_mean(void **state)
{
	PLAY({ "X3", NULL, "recalled order=R1 cancelled=2026-11-21 time=2026-11-21T09:00", "PARKED", "" },
		{ "R11, R8 the list was sent later, of an older release", NULL,
			"baseline prn=P1 order=R1 type=PAROLE effective=2026-01-05 office=NELSON officer=po-1 "
			"kind=PRISON",
			"ACCEPTED", "allocation.baselined; allocation.cancelled R1 state=CANCELLED" },
		{ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R2 a sentence is cancelled for good", NULL,
			"sentence.cancelled order=O1 cancelled=2026-11-21 time=2026-11-21T09:00", "ACCEPTED", NULL },
		{ "R2", NULL, "show O1", NULL, "state=CANCELLED" },
		{ "R1 recorded ahead", NULL,
			"released prn=P2 order=R2 type=PAROLE effective=2026-11-27 office=NELSON time=2026-11-27T08:00",
			"ACCEPTED", NULL },
		{ "R2 and undone before", NULL, "release.cancelled order=R2", "ACCEPTED", NULL },
		{ "R2", NULL, "show R2", NULL, "state=CANCELLED" });
}

static void test_opens_again_whatever_was_corrected_before_it_was_closed(void **state)
{
	PLAY({ "R1", NULL, RELEASED_ON("2026-11-11", "08:00"), "ACCEPTED", NULL },
		{ "R10 its recall is late", NULL, RELEASED_ON("2026-11-21", "08:00"), "QUARANTINED ORDER_DIFFERS",
			NULL },
		{ "R8 of the second release", NULL,
			"release.varied prn=P1 order=R1 type=PAROLE effective=2026-11-21 office=NAPIER "
			"time=2026-11-22T09:00",
			"ACCEPTED", NULL },
		{ "R8", NULL, "recalled order=R1 cancelled=2026-11-17 time=2026-11-17T09:00", "ACCEPTED", NULL },
		{ "X4, R2 it comes after the recall", NULL, "retry e2", "ACCEPTED", NULL },
		{ "R2", NULL, "show R1", NULL, "state=OPEN effective=2026-11-21" });
}

static void test_undoes_a_release_whose_end_was_wrong(void **state)
{
	PLAY({ "R1", NULL, RELEASED("R1") " starts=2026-11-01 ends=2026-11-24", "ACCEPTED", NULL },
		{ "R5", NULL, "show R1", NULL, "state=ENDED" },
		{ "R2 recorded in error", "2026-11-25 10:00", "release.cancelled order=R1", "ACCEPTED",
			"allocation.cancelled R1 state=CANCELLED" },
		{ "R2 as it should have been", "2026-11-25 11:00", RELEASED("R1") " ends=2027-11-24", "ACCEPTED",
			NULL },
		{ "R2", NULL, "show R1", NULL, "state=OPEN tasks=1C,2O,3W,4O,5O,6O,7O,8O ends=2027-11-24" });
}

static void test_completes_a_request(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL }, STEPS_DONE("O1"),
		{ "R2 not without an officer", NULL, "show O1", NULL, "state=OPEN tasks=1C,2C,3C,4C,5C,6C,7S,8O" },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED",
			"allocation.allocated state=ALLOCATED; task.completed O1:8; allocation.completed "
			"state=COMPLETED" },
		{ "R2 reopening takes it back to ALLOCATED", NULL, TASK("O1", 4, REOPENED, ADMINISTRATION_OFFICER),
			"ACCEPTED",
			"task.reopened O1:4 task=OPEN; allocation.changed change=reopened state=ALLOCATED" },
		{ "R2", NULL, TASK("O1", 4, DONE, SERVICE_MANAGER), "ACCEPTED",
			"task.completed O1:4; allocation.completed state=COMPLETED" },
		{ "R2 step 8: to OPEN", NULL, TASK("O1", 8, REOPENED, SERVICE_MANAGER), "ACCEPTED",
			"task.reopened O1:8; allocation.changed change=reopened state=OPEN officer=po-1" },
		{ "R2 the officer kept until another is recorded", NULL, "show O1", NULL,
			"state=OPEN officer=po-1 tasks=1C,2C,3C,4C,5C,6C,7S,8O" },
		{ "R2", NULL, ALLOCATE("O1", "po-2"), "ACCEPTED",
			"allocation.reallocated officer=po-2 previous_officer=po-1; task.completed O1:8; "
			"allocation.completed" },
		{ "R2", NULL, TASK("O1", 8, REOPENED, SERVICE_MANAGER), "ACCEPTED", NULL },
		{ "R2 the same officer again", NULL, ALLOCATE("O1", "po-2"), "ACCEPTED",
			"allocation.allocated officer=po-2 !previous_officer=*; task.completed O1:8; "
			"allocation.completed" });
}

static void test_keeps_an_open_step_8_from_completing(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R2 nobody has it", NULL, TASK("O1", 8, DONE, SERVICE_MANAGER), "QUARANTINED STEP_NOT_OPEN", NULL },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED",
			"allocation.allocated state=ALLOCATED; task.completed O1:8" },
		{ "R2 already", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED", "" },
		{ "R2 another", NULL, ALLOCATE("O1", "po-2"), "ACCEPTED",
			"allocation.reallocated officer=po-2 previous_officer=po-1 state=ALLOCATED" },
		{ "R2 and says that it is open", NULL, TASK("O1", 8, REOPENED, SERVICE_MANAGER), "ACCEPTED",
			"task.reopened O1:8; allocation.changed change=reopened state=OPEN officer=po-2" },
		{ "R2", NULL, "show O1", NULL, "state=OPEN" },
		{ "R2 the officer stays after all", NULL, TASK("O1", 8, DONE, SERVICE_MANAGER), "ACCEPTED",
			"task.completed O1:8; allocation.changed change=officer-confirmed state=ALLOCATED "
			"officer=po-2" },
		{ "R2", NULL, "show O1", NULL, "state=ALLOCATED officer=po-2" });
}

/* ---- R3: due times, first report ---- */

static void test_sets_due_times_by_order_type(void **state)
{
#define DUE(order, type, when, due, first)                                                                  \
	{ "R3 " #type, NULL, "imposed prn=" order " order=" order " type=" #type " " when " office=NELSON", \
		"ACCEPTED", NULL },                                                                         \
		{ "R3 " #type, NULL, "show " order, NULL, "due=" due " first=" first }
	PLAY(DUE("D1", COMMUNITY_WORK, "effective=2026-11-25", "2026-11-28T09:00", "2026-11-28T09:00"),
		DUE("D2", SUPERVISION, "effective=2026-11-25", "2026-11-28T09:00", "2026-11-28T09:00"),
		DUE("D3", INTENSIVE_SUPERVISION, "effective=2026-11-25", "2026-11-28T09:00", "2026-11-28T09:00"),
		DUE("D4", COMMUNITY_DETENTION, "effective=2026-11-25", "2026-11-27T17:00", "2026-11-26T09:00"),
		DUE("D5", HOME_DETENTION, "effective=2026-11-30", "2026-11-30T00:00", "2026-12-03T00:00"),
		DUE("D6", EXTENDED_SUPERVISION_ORDER, "effective=2026-11-25", "2026-11-26T17:00", "2026-11-28T09:00"),
		DUE("D7", EXTENDED_SUPERVISION_ORDER, "effective=2026-11-25 starts=2027-03-24", "2026-11-26T17:00",
			"2027-03-27T00:00"),
		DUE("D8", EXTENDED_SUPERVISION_ORDER, "effective=2026-11-25 starts=2027-03-25", "2026-12-09T17:00",
			"2027-03-28T00:00"),
		DUE("D9", POST_DETENTION_CONDITIONS, "effective=2026-11-25", "2026-11-28T09:00", "2026-11-28T09:00"),
		/* counted from the event's time, not from when it is decided */
		DUE("D10", COMMUNITY_DETENTION, "effective=2026-11-19 time=2026-11-19T18:00", "2026-11-23T17:00",
			"2026-11-20T18:00"),
		{ "R3 PAROLE", NULL, "released prn=D11 order=D11 type=PAROLE effective=2026-11-30 office=NELSON",
			"ACCEPTED", NULL },
		{ "R3 PAROLE", NULL, "show D11", NULL, "due=2026-11-30T00:00 first=2026-12-03T00:00" },
		{ "R3 RELEASE_ON_CONDITIONS", NULL,
			"released prn=D12 order=D12 type=RELEASE_ON_CONDITIONS effective=2026-11-25 office=NELSON",
			"ACCEPTED", NULL },
		{ "R3", NULL, "show D12", NULL, "due=2026-11-28T09:00 first=2026-11-28T09:00" });
}

static void test_has_no_first_report_where_the_policy_sets_none(void **state)
{
	static struct policy other;
	static const struct play_row rows[] = {
		{ "R3", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R3", NULL, "show O1", NULL, "!first=*" },
	};

	(void)state;
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &other, &(struct fault){ "" }), 0);
	other.order_types[ORDER_SUPERVISION].first_report_hours = 0;
	assert_int_equal(world_play_new(&other, rows, ARRAY_LENGTH(rows)), 0);
}

static void test_makes_the_other_steps_due_with_the_request(void **state)
{
	PLAY({ "R3 steps 2 to 7", NULL, IMPOSED("O1"), "ACCEPTED",
		"allocation.requested due=2026-11-28T09:00; task.completed O1:1; task.opened taskdue=2026-11-28T09:00;"
		"task.opened taskdue=2026-11-28T09:00; task.opened taskdue=2026-11-28T09:00;"
		"task.opened taskdue=2026-11-28T09:00; task.opened taskdue=2026-11-28T09:00;"
		"task.opened O1:8 taskdue=2026-11-28T09:00" });
}

/* ---- R6 ---- */

static void test_tells_a_missed_preallocation(void **state)
{
#define REQUESTED "allocation.requested; "
#define BEGUN(order)                                                                    \
	"task.completed " order ":1; task.opened " order ":2; task.opened " order ":4;" \
	"task.opened " order ":5; task.opened " order ":6; task.opened " order ":7; task.opened " order ":8"
	PLAY({ "R6 home detention", NULL, HD_IMPOSED, "ACCEPTED",
		     REQUESTED "allocation.preallocation-missed/NELSON H1 state=OPEN;" BEGUN("H1") },
		{ "R6 parole", NULL, RELEASED("R1"), "ACCEPTED",
			REQUESTED "allocation.preallocation-missed;" BEGUN("R1") },
		{ "R6 no other", NULL, IMPOSED("O1"), "ACCEPTED", REQUESTED BEGUN("O1") });
}

/* ---- R7 ---- */

static void test_asks_who_may_act(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R7 not an administration officer", NULL,
			"allocation.recorded order=O1 officer=po-1 role=ADMINISTRATION_OFFICER by=x",
			"QUARANTINED ROLE_MAY_NOT_ACT", "event.quarantined" },
		{ "R7 nor the officer", NULL, "allocation.recorded order=O1 officer=po-1 role=PROBATION_OFFICER by=x",
			"QUARANTINED ROLE_MAY_NOT_ACT", NULL },
		{ "R7 not transitive", NULL, TASK("O1", 4, DONE, AREA_MANAGER), "QUARANTINED ROLE_MAY_NOT_ACT", NULL },
		{ "R7 its own", NULL, TASK("O1", 4, DONE, ADMINISTRATION_OFFICER), "ACCEPTED", "task.completed O1:4" },
		{ "R7 who may act for it", NULL, TASK("O1", 4, REOPENED, SERVICE_MANAGER), "ACCEPTED",
			"task.reopened O1:4" },
		{ "R7 the bridge's own step is nobody's", NULL, TASK("O1", 1, REOPENED, GENERAL_MANAGER),
			"QUARANTINED ROLE_MAY_NOT_ACT", NULL },
		{ "R7 transfers, as allocations", NULL,
			"transfer.recorded order=O1 office=NAPIER role=PROBATION_OFFICER by=x",
			"QUARANTINED ROLE_MAY_NOT_ACT", NULL },
		{ "R7 a manager above", NULL, "transfer.recorded order=O1 office=NAPIER role=AREA_MANAGER by=x",
			"ACCEPTED",
			"allocation.changed/NAPIER change=office previous_office=NELSON by_role=AREA_MANAGER;"
			"allocation.changed/NELSON" },
		{ "R7 a manager above", NULL, "allocation.recorded order=O1 officer=po-1 role=REGIONAL_MANAGER by=x",
			"ACCEPTED", "allocation.allocated by_role=REGIONAL_MANAGER; task.completed O1:8" });
}

static void test_asks_who_may_act_where_there_is_no_step_8(void **state)
{
	PLAY({ "R11", NULL, BASELINE(" officer=po-1"), "ACCEPTED", NULL },
		{ "R7", NULL, "allocation.recorded order=O1 officer=po-2 role=ADMINISTRATION_OFFICER by=x",
			"QUARANTINED ROLE_MAY_NOT_ACT", NULL },
		{ "R7", NULL, ALLOCATE("O1", "po-2"), "ACCEPTED",
			"allocation.reallocated previous_officer=po-1 officer=po-2 state=COMPLETED" });
}

/* ---- Transfers ---- */

static void test_transfers_an_order_and_keeps_it_there(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL }, { "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED", NULL },
		{ "both topics", NULL, "transfer.recorded order=O1 office=NAPIER role=SERVICE_MANAGER by=sm",
			"ACCEPTED",
			"allocation.changed/NAPIER change=office previous_office=NELSON officer=po-1 by=sm;"
			"allocation.changed/NELSON change=office previous_office=NELSON" },
		{ "there already", NULL, "transfer.recorded order=O1 office=NAPIER role=SERVICE_MANAGER by=sm",
			"ACCEPTED", "" },
		{ "R10 the court's copy names the old office", NULL, IMPOSED("O1"), "ACCEPTED", "" },
		{ "R8 a correction of something else leaves it", "2026-11-26 09:00",
			"sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON "
			"ends=2027-11-25",
			"ACCEPTED", "allocation.changed/NAPIER change=order !previous_office=*" },
		{ "R8 of the office moves it", NULL,
			"sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 office=DUNEDIN "
			"ends=2027-11-25",
			"ACCEPTED",
			"allocation.changed/DUNEDIN change=order previous_office=NAPIER; allocation.changed/NAPIER" },
		{ "R8 to where it is", NULL, "transfer.recorded order=O1 office=GISBORNE role=SERVICE_MANAGER by=sm",
			"ACCEPTED", NULL },
		{ "R8 no move", NULL,
			"sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 office=GISBORNE "
			"ends=2027-11-25",
			"ACCEPTED", "allocation.changed/GISBORNE change=order !previous_office=*" },
		{ "", NULL, "show O1", NULL, "office=GISBORNE named=GISBORNE" });
}

static void test_tells_both_offices_when_the_order_takes_effect_elsewhere(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED, "ACCEPTED", NULL }, { "R2", NULL, ALLOCATE("H1", "po-1"), "ACCEPTED", NULL },
		{ "R1", NULL, "imposed prn=P1 order=H1 type=HOME_DETENTION effective=2026-12-01 office=NAPIER",
			"ACCEPTED",
			"allocation.requested/NAPIER; allocation.changed/NAPIER change=office previous_office=NELSON;"
			"allocation.changed/NELSON; task.completed; task.opened; task.opened; task.opened; task.opened;"
			"task.opened" });
}

/* ---- R8 ---- */

#define VARIED(rest) "sentence.varied prn=P1 order=O1 type=SUPERVISION office=NELSON reason=x " rest

static void test_follows_a_variation(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R8 as it stands already", "2026-11-26 09:00", VARIED("effective=2026-11-25"), "ACCEPTED", "" },
		{ "R8 the end: the due time stays", NULL, VARIED("effective=2026-11-25 ends=2027-11-24"), "ACCEPTED",
			"allocation.changed change=order due=2026-11-28T09:00 cause=e3" },
		{ "R8", NULL, "show O1", NULL, "ends=2027-11-24 due=2026-11-28T09:00 applied=2026-11-26T09:00" },
		{ "R8 another type: from the variation's own time", "2026-11-26 18:00",
			"sentence.varied prn=P1 order=O1 type=COMMUNITY_DETENTION office=NELSON effective=2026-11-25 "
			"reason=x "
			"time=2026-11-26T10:00",
			"ACCEPTED",
			"allocation.changed change=order due=2026-11-30T17:00; task.reopened O1:2 "
			"title=Check_that_the_sentence_order_has_been_received_(community_detention)" },
		{ "R8 what is still to do follows", NULL, "show O1", NULL,
			"type=COMMUNITY_DETENTION due=2026-11-30T17:00 first=2026-11-27T10:00 "
			"tasks=1C,2O,3W,4O,5O,6O,7O,8O" },
		{ "R8 older than the last one applied", NULL,
			"sentence.varied prn=P1 order=O1 type=HOME_DETENTION office=NELSON effective=2026-11-25 "
			"reason=x "
			"time=2026-11-26T09:59",
			"ACCEPTED", "" },
		{ "R8", NULL, "claim e5", NULL, "state=ACCEPTED detail=kept_as_history* prose=x" },
		{ "R8", NULL, "show O1", NULL, "type=COMMUNITY_DETENTION applied=2026-11-26T10:00" },
		{ "R8 at the same time it is not older", NULL,
			"sentence.varied prn=P1 order=O1 type=SUPERVISION office=NELSON effective=2026-11-25 reason=x "
			"time=2026-11-26T10:00",
			"ACCEPTED", "allocation.changed; task.reopened O1:2" });
}

static void test_counts_from_the_opening_where_only_the_dates_vary(void **state)
{
	PLAY({ "R1", NULL,
		     "imposed prn=P1 order=E1 type=EXTENDED_SUPERVISION_ORDER effective=2026-11-25 starts=2027-06-01 "
		     "office=NELSON",
		     "ACCEPTED", NULL },
		{ "R8 the due time follows the start", "2026-11-26 12:00",
			"sentence.varied prn=P1 order=E1 type=EXTENDED_SUPERVISION_ORDER effective=2026-11-25 "
			"starts=2026-12-01 office=NELSON",
			"ACCEPTED", "allocation.changed due=2026-11-26T17:00" },
		{ "R8", NULL, "show E1", NULL, "first=2026-12-04T00:00 starts=2026-12-01" },
		{ "R8 home detention moves with its day", NULL, HD_IMPOSED, "ACCEPTED", NULL },
		{ "R8", "2026-11-27 09:00",
			"sentence.varied prn=P1 order=H1 type=HOME_DETENTION effective=2026-12-04 office=NELSON",
			"ACCEPTED", NULL },
		{ "R8", NULL, "show H1", NULL, "due=2026-12-04T00:00 effective=2026-12-04 starts=2026-12-04" });
}

static void test_follows_a_correction_of_the_court_alone(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED " place=Nelson", "ACCEPTED", NULL },
		{ "R2 the same without it", NULL, HD_SCHEDULED, "ACCEPTED", "" },
		{ "R2 of another court", NULL, HD_SCHEDULED " place=Napier", "ACCEPTED",
			"allocation.changed change=order" },
		{ "R2", NULL, "show H1", NULL, "place=Napier" },
		{ "R1", NULL, IMPOSED("O1") " place=Nelson", "ACCEPTED", NULL },
		{ "R10 a copy may name it otherwise", NULL, IMPOSED("O1") " place=Nelson_District_Court", "ACCEPTED",
			"" },
		{ "R8 without it nothing is corrected", NULL, VARIED("effective=2026-11-25"), "ACCEPTED", "" },
		{ "R8", NULL, VARIED("effective=2026-11-25 place=Napier"), "ACCEPTED",
			"allocation.changed change=order" },
		{ "R8", NULL, "show O1", NULL, "place=Napier" },
		{ "R8 as it stands already", NULL, VARIED("effective=2026-11-25 place=Napier id=same"), "ACCEPTED",
			"" });
}

static void test_varies_a_plan(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED, "ACCEPTED", NULL },
		{ "R8", NULL, "sentence.varied prn=P1 order=H1 type=HOME_DETENTION effective=2026-12-07 office=NELSON",
			"ACCEPTED", "allocation.changed change=order state=PLANNED due=2026-12-07T00:00" },
		{ "R8", NULL, "show H1", NULL, "state=PLANNED on=2026-12-07 !effective=* tasks=8O" },
		{ "R8", NULL, "sentence.varied prn=P1 order=H1 type=HOME_DETENTION effective=2026-12-07 office=NELSON",
			"ACCEPTED", "" });
}

static void test_takes_a_variation_that_came_before_its_order(void **state)
{
	PLAY({ "X3", NULL, VARIED("effective=2026-11-25 ends=2027-11-24"), "PARKED", "" },
		{ "R8 older than the opening, and yet the last correction", "2026-11-25 10:00", IMPOSED("O1"),
			"ACCEPTED", NULL },
		{ "R8", NULL, "show O1", NULL, "ends=2027-11-24 applied=2026-11-25T09:00" },
		{ "R8 an older one is history", NULL,
			VARIED("effective=2026-11-25 ends=2028-11-24 time=2026-11-25T08:59"), "ACCEPTED", "" },
		{ "R8 a newer one is not", NULL, VARIED("effective=2026-11-25 ends=2029-11-24 time=2026-11-25T09:30"),
			"ACCEPTED", "allocation.changed" });
}

static void test_moves_a_plan_to_another_person(void **state)
{
	PLAY({ "R2", NULL, HD_SCHEDULED, "ACCEPTED", NULL },
		{ "R8", NULL, "sentence.varied prn=P2 order=H1 type=HOME_DETENTION effective=2026-12-01 office=NELSON",
			"ACCEPTED", "allocation.changed prn=P2 change=prn previous_prn=P1" },
		{ "R8 who is kept, though not known", NULL, "person P2", NULL, "kept=1 known=0" });
}

/* A request keeps the due time it was made with. */
static void test_keeps_its_due_time_under_another_policy(void **state)
{
	static struct policy other;
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const struct play_row before[] = { { "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL } };
	static const struct play_row after[] = {
		{ "R8", NULL, VARIED("effective=2026-11-25 ends=2027-11-24"), "ACCEPTED", NULL },
		{ "R8 nothing of its dates varied", NULL, "show O1", NULL, "due=2026-11-28T09:00" },
		{ "R8", NULL, VARIED("effective=2026-11-25 starts=2026-11-26 ends=2027-11-24"), "ACCEPTED", NULL },
		{ "R8 now the start did", NULL, "show O1", NULL, "due=2026-11-25T10:00" },
	};

	(void)state;
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &other, &(struct fault){ "" }), 0);
	for (unsigned i = 0; i < other.due_count; i++)
		other.dues[i].within = (struct period){ 1, UNIT_HOURS };
	assert_int_equal(world_play(world, before, ARRAY_LENGTH(before)), 0);
	world->policy = &other;
	assert_int_equal(world_play(world, after, ARRAY_LENGTH(after)), 0);
}

static void test_keeps_corrections_of_an_earlier_release_as_history(void **state)
{
#define RELEASE_VARIED(office, time) \
	"release.varied prn=P1 order=R1 type=PAROLE effective=2026-11-26 office=" office " time=" time
	PLAY({ "R1", NULL, RELEASED("R1"), "ACCEPTED", NULL },
		{ "R2", "2026-11-25 10:00", "release.cancelled order=R1", "ACCEPTED", NULL },
		{ "R2", "2026-11-25 12:00", RELEASED("R1"), "ACCEPTED", NULL },
		{ "R8", NULL, RELEASE_VARIED("NAPIER", "2026-11-25T11:00"), "ACCEPTED", "" },
		{ "R8", NULL, RELEASE_VARIED("NAPIER", "2026-11-25T12:00"), "ACCEPTED",
			"allocation.changed/NAPIER; allocation.changed/NELSON" });
}

static void test_refuses_to_vary_what_was_recalled(void **state)
{
	PLAY({ "R1", NULL, RELEASED("R1"), "ACCEPTED", NULL },
		{ "R8", NULL, "recalled order=R1 cancelled=2026-11-25", "ACCEPTED", NULL },
		{ "R8", NULL, RELEASE_VARIED("NAPIER", "2026-11-25T12:00"), "QUARANTINED ORDER_CLOSED", NULL },
		{ "R2", NULL, ALLOCATE("R1", "po-1"), "QUARANTINED ORDER_CLOSED", NULL });
}

static void test_moves_an_order_to_another_person(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R8", "2026-11-26 09:00",
			"sentence.varied prn=P2 order=O1 type=SUPERVISION effective=2026-11-25 office=NAPIER",
			"ACCEPTED",
			"allocation.changed/NAPIER O1 prn=P2 change=prn previous_prn=P1 previous_office=NELSON;"
			"allocation.changed/NELSON" },
		{ "R8", NULL, "show O1", NULL, "prn=P2 filed=P2 office=NAPIER" },
		{ "R4 the other is known from now on", NULL, "person P2", NULL, "known=1 kept=1" },
		{ "R10 it is no longer his", NULL, IMPOSED("O1"), "QUARANTINED PRN_MISMATCH", NULL },
		{ "R4 of him the file is re-opened", NULL,
			"imposed prn=P2 order=O2 type=SUPERVISION effective=2026-11-26 office=NELSON", "ACCEPTED",
			NULL },
		{ "R4", NULL, "show O2", NULL, "t4=Re-open_the_offender_file" });
}

static void test_sets_up_a_file_for_the_person_an_order_moves_to(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 4, DONE, ADMINISTRATION_OFFICER), "ACCEPTED", NULL },
		{ "R8, R4 the work is another", "2026-11-26 09:00",
			"sentence.varied prn=P2 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON",
			"ACCEPTED",
			"allocation.changed change=prn; task.reopened O1:4 title=Set_up_the_offender_file" },
		{ "R4 done again, it stays so", NULL, TASK("O1", 4, DONE, ADMINISTRATION_OFFICER), "ACCEPTED",
			"task.completed" },
		{ "R4", NULL, "offender.assessed prn=P2 onows=yes", "ACCEPTED", "" });
}

static void test_words_the_file_for_the_person_an_order_moves_to(void **state)
{
#define MOVED(prn, order) \
	"sentence.varied prn=" prn " order=" order " type=SUPERVISION effective=2026-11-25 office=NELSON"
	PLAY({ "R1", NULL, "imposed prn=P2 order=O0 type=SUPERVISION effective=2026-11-25 office=NELSON", "ACCEPTED",
		     NULL },
		{ "R4 a new offender", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R4 known by now", NULL, IMPOSED("O2"), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O2", 4, DONE, ADMINISTRATION_OFFICER), "ACCEPTED", NULL },
		{ "R8, R4 who is known", NULL, MOVED("P2", "O1"), "ACCEPTED",
			"allocation.changed change=prn; task.reopened O1:4 title=Re-open_the_offender_file" },
		{ "R8, R4 it was another's file that was re-opened", NULL, MOVED("P2", "O2"), "ACCEPTED",
			"allocation.changed change=prn; task.reopened O2:4 title=Re-open_the_offender_file" },
		{ "R4", NULL, "show O1", NULL, "tasks=1C,2O,3W,4O,5O,6O,7O,8O" });
}

/* ---- R10 ---- */

#define FULL                                                                                                     \
	"prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 starts=2026-11-26 ends=2027-11-25 office=NELSON " \
	"cso=no conditions=C7,C2,C5 "

static void test_takes_a_second_copy_without_effect(void **state)
{
	PLAY({ "R1", NULL, "imposed " FULL, "ACCEPTED", NULL },
		{ "R10 same content", NULL, "imposed " FULL, "ACCEPTED", "" },
		{ "R10 the codes in any order", NULL,
			"imposed prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 starts=2026-11-26 "
			"ends=2027-11-25 "
			"office=NELSON cso=no conditions=C5,C7,C2",
			"ACCEPTED", "" },
		{ "R10", NULL, "show O1", NULL, "conditions=C2_C5_C7" },
		{ "R10 scheduled after effect", NULL,
			"sentencing.scheduled prn=P1 order=O1 type=SUPERVISION on=2026-12-20 office=NELSON", "ACCEPTED",
			"" },
		{ "R10", NULL, "claim e4", NULL, "detail=order_O1_has_taken_effect_already" },
		{ "R10 taken over as well", NULL, "baseline " FULL, "ACCEPTED", "" },
		{ "R10 its officer differs", NULL, "baseline " FULL "officer=po-1", "QUARANTINED ORDER_DIFFERS", NULL },
		{ "R10 its papers differ", NULL, "baseline " FULL "documents=SENTENCE_ORDER",
			"QUARANTINED ORDER_DIFFERS", NULL },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED", NULL },
		{ "R4", NULL, PAPERS("O1"), "ACCEPTED", NULL },
		{ "R10", NULL, "baseline " FULL "officer=po-1 documents=SENTENCE_ORDER", "ACCEPTED", "" });
}

static void test_refuses_a_second_one_that_differs(void **state)
{
#define DIFFERS(field, prn, type, effective, starts, ends, office, rest)                                          \
	{ "R10 " field, NULL,                                                                                     \
		"imposed prn=" prn " order=O1 type=" type " effective=" effective " starts=" starts " ends=" ends \
		" office=" office " " rest,                                                                       \
		"QUARANTINED ORDER_DIFFERS", "event.quarantined/" office " order=O1 reason=ORDER_DIFFERS" }
#define SENTENCE(n, field)                                                                                    \
	{                                                                                                     \
		"R10 names the field", NULL, "quarantine e" #n, NULL, "sentence=" field "_differs_from_what*" \
	}
#define D "2026-11-25"
#define S "2026-11-26"
#define E "2027-11-25"
	PLAY({ "R1", NULL, "imposed " FULL, "ACCEPTED", NULL },
		DIFFERS("type", "P1", "COMMUNITY_WORK", D, S, E, "NELSON", "cso=no conditions=C2,C5,C7"),
		DIFFERS("effective", "P1", "SUPERVISION", "2026-11-24", S, E, "NELSON", "cso=no conditions=C2,C5,C7"),
		DIFFERS("starts", "P1", "SUPERVISION", D, D, E, "NELSON", "cso=no conditions=C2,C5,C7"),
		DIFFERS("ends", "P1", "SUPERVISION", D, S, "2027-11-26", "NELSON", "cso=no conditions=C2,C5,C7"),
		DIFFERS("office", "P1", "SUPERVISION", D, S, E, "NAPIER", "cso=no conditions=C2,C5,C7"),
		DIFFERS("offence", "P1", "SUPERVISION", D, S, E, "NELSON", "conditions=C2,C5,C7"),
		DIFFERS("conditions", "P1", "SUPERVISION", D, S, E, "NELSON", "cso=no conditions=C2,C5"),
		SENTENCE(2, "orderType"), SENTENCE(3, "imposedOn_or_releasedOn"), SENTENCE(4, "startsOn"),
		SENTENCE(5, "endsOn"), SENTENCE(6, "office"), SENTENCE(7, "childSexOffence"), SENTENCE(8, "conditions"),
		{ "R10 as it was", NULL, "show O1", NULL,
			"type=SUPERVISION office=NELSON ends=2027-11-25 tasks=1C,2O,3W,4O,5O,6O,7S,8O" });
}

static void test_refuses_another_person(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R10", NULL, "imposed prn=P2 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON",
			"QUARANTINED PRN_MISMATCH", "event.quarantined reason=PRN_MISMATCH" },
		{ "R10", NULL, "sentencing.scheduled prn=P2 order=O1 type=SUPERVISION on=2026-12-01 office=NELSON",
			"QUARANTINED PRN_MISMATCH", NULL },
		{ "R10", NULL, "baseline prn=P2 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON",
			"QUARANTINED PRN_MISMATCH", NULL },
		{ "R10 nobody is made of it", NULL, "person P2", NULL, "kept=0 known=0" });
}

/* ---- R11 ---- */

static void test_takes_over_an_order_with_its_officer(void **state)
{
	PLAY({ "R11", NULL, BASELINE(" officer=po-1"), "ACCEPTED",
		     "allocation.baselined/NELSON O1 state=COMPLETED officer=po-1" },
		{ "R11 without tasks", NULL, "show O1", NULL,
			"state=COMPLETED tasks= has=SENTENCE_ORDER effective=2026-01-05 allocated=2026-11-25T09:00 "
			"!alarm=*" },
		{ "R11 the offender is known", NULL, "person P1", NULL, "known=1" },
		{ "R5 who has it is recommended", NULL, IMPOSED("O2"), "ACCEPTED", NULL },
		{ "R5", NULL, "show O2", NULL, "recommended=po-1 t4=Re-open_the_offender_file" },
		{ "R2 no step to record", NULL, TASK("O1", 4, DONE, ADMINISTRATION_OFFICER),
			"QUARANTINED STEP_NOT_OPEN", NULL });
}

static void test_takes_over_an_order_without_an_officer(void **state)
{
	PLAY({ "R11 open with step 8 only", NULL, BASELINE(""), "ACCEPTED",
		     "allocation.baselined O1 state=OPEN due=2026-11-28T09:00; task.opened O1:8" },
		{ "R11", NULL, "show O1", NULL, "state=OPEN tasks=8O alarm=2026-11-28T09:00" },
		{ "R4 a paper", NULL, PAPERS("O1"), "ACCEPTED", "" },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED",
			"allocation.allocated; task.completed O1:8; allocation.completed" });
}

static void test_takes_over_what_was_planned(void **state)
{
#define TAKEN_OVER(order, rest) \
	"baseline prn=P1 order=" order " type=PAROLE effective=2026-11-20 office=NAPIER kind=PRISON" rest
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-12-01"), "ACCEPTED", NULL },
		{ "R11 with an officer: step 8 is closed", NULL, TAKEN_OVER("R1", " officer=po-1"), "ACCEPTED",
			"allocation.baselined/NAPIER state=COMPLETED; allocation.changed/NAPIER change=office; "
			"allocation.changed/NELSON;"
			"task.completed R1:8" },
		{ "R2", NULL, SCHEDULED("R2", "2026-12-01"), "ACCEPTED", NULL },
		{ "R2", NULL, ALLOCATE("R2", "po-1"), "ACCEPTED", NULL },
		{ "R11 the plan's officer has it", NULL, TAKEN_OVER("R2", ""), "ACCEPTED",
			"allocation.baselined state=COMPLETED officer=po-1; allocation.changed; allocation.changed" },
		{ "R2", NULL, SCHEDULED("R3", "2026-12-01"), "ACCEPTED", NULL },
		{ "R11 nobody has: step 8 stands", NULL, TAKEN_OVER("R3", ""), "ACCEPTED",
			"allocation.baselined state=OPEN recommended=po-1; allocation.changed; allocation.changed;"
			"allocation.overdue level=1; allocation.overdue level=2; allocation.overdue level=3" },
		{ "R11", NULL, "show R3", NULL, "state=OPEN tasks=8O" });
}

/* ---- Documents, steps by hand ---- */

static void test_waits_for_every_paper(void **state)
{
#define DOCUMENT(order, what) "document.received order=" order " documents=" #what " received=2026-11-25"
	PLAY({ "R2", NULL, SCHEDULED("R1", "2026-11-26"), "ACCEPTED", NULL },
		{ "R4 before the request", NULL, DOCUMENT("R1", LICENCE) " id=l", "ACCEPTED", "" },
		{ "R4 news", NULL, "claim l", NULL, "!detail=*" }, { "R1", NULL, RELEASED("R1"), "ACCEPTED", NULL },
		{ "R4", NULL, DOCUMENT("R1", RELEASE_NOTICE), "ACCEPTED", "" },
		{ "R4 one that is not asked for", NULL, DOCUMENT("R1", SENTENCE_ORDER), "ACCEPTED", "" },
		{ "R4 the last: step 3 opens after it", NULL, DOCUMENT("R1", CONDITIONS) " office=NAPIER", "ACCEPTED",
			"task.completed/NELSON R1:2; task.opened R1:3" },
		{ "R4 once more", NULL, DOCUMENT("R1", CONDITIONS), "ACCEPTED", "" },
		{ "R4", NULL, "claim e7", NULL, "detail=the_document_was_received_before" },
		{ "R4 reopened by hand", NULL, TASK("R1", 2, REOPENED, ADMINISTRATION_OFFICER), "ACCEPTED",
			"task.reopened R1:2" },
		{ "R4 closed by the paper, sent again", NULL, DOCUMENT("R1", CONDITIONS), "ACCEPTED",
			"task.completed R1:2" },
		{ "R4 of parole", NULL, "show R1", NULL, "t5=Check_the_offender's_details__access*" });
}

static void test_completes_every_step_that_waits_for_papers(void **state)
{
	static struct policy other;
	static const struct play_row rows[] = {
		{ "R4", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R4", NULL, PAPERS("O1"), "ACCEPTED", "task.completed O1:2; task.opened O1:3; task.completed O1:4" },
	};

	(void)state;
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &other, &(struct fault){ "" }), 0);
	other.steps[3].completed_by = BY_DOCUMENTS;
	assert_int_equal(world_play_new(&other, rows, ARRAY_LENGTH(rows)), 0);
}

static void test_has_the_papers_before_the_request(void **state)
{
	PLAY({ "X3", NULL, PAPERS("O2"), "PARKED", "" },
		{ "R2", NULL, "sentencing.scheduled prn=P1 order=O1 type=SUPERVISION on=2026-11-25 office=NELSON",
			"ACCEPTED", NULL },
		{ "R4", NULL, PAPERS("O1"), "ACCEPTED", "" },
		{ "R4 complete as it begins", NULL, IMPOSED("O1"), "ACCEPTED",
			"allocation.requested; task.completed O1:1; task.completed O1:2; task.opened O1:3; task.opened "
			"O1:4;"
			"task.opened O1:5; task.opened O1:6; task.opened O1:7" },
		{ "R4, X3 parked until it began", NULL, IMPOSED("O2"), "ACCEPTED",
			"allocation.requested; task.completed O2:1; task.opened O2:2; task.opened O2:4; task.opened "
			"O2:5;"
			"task.opened O2:6; task.opened O2:7; task.opened O2:8; task.completed O2:2; task.opened "
			"O2:3" });
}

static void test_closes_steps_by_hand(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R4 step 2 by hand with a reason", NULL, TASK("O1", 2, DONE, ADMINISTRATION_OFFICER) " reason=faxed",
			"ACCEPTED", "task.completed O1:2; task.opened O1:3" },
		{ "R4 the paper comes after all", NULL, PAPERS("O1"), "ACCEPTED", "" },
		{ "R2 not twice", NULL, TASK("O1", 2, DONE, ADMINISTRATION_OFFICER) " reason=x",
			"QUARANTINED STEP_NOT_OPEN", "event.quarantined" },
		{ "R2 skipped", NULL, TASK("O1", 3, NOT_REQUIRED, ADMINISTRATION_OFFICER), "ACCEPTED",
			"task.skipped O1:3 by=x by_role=ADMINISTRATION_OFFICER" },
		{ "R2 only a closed one is reopened", NULL, TASK("O1", 4, REOPENED, ADMINISTRATION_OFFICER),
			"QUARANTINED STEP_NOT_OPEN", NULL },
		{ "R2 a skipped one too", NULL, TASK("O1", 3, REOPENED, ADMINISTRATION_OFFICER), "ACCEPTED",
			"task.reopened O1:3" },
		{ "R4 no such step", NULL, TASK("O1", 9, DONE, SERVICE_MANAGER), "QUARANTINED UNKNOWN_STEP", NULL });
}

static void test_is_complete_by_a_paper(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 2, DONE, ADMINISTRATION_OFFICER) " reason=faxed", "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 3, DONE, ADMINISTRATION_OFFICER), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 4, DONE, ADMINISTRATION_OFFICER), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 5, DONE, SERVICE_MANAGER), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 6, DONE, SERVICE_MANAGER), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 7, DONE, SERVICE_MANAGER), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 2, REOPENED, ADMINISTRATION_OFFICER), "ACCEPTED", "task.reopened" },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED", "allocation.allocated; task.completed" },
		{ "R2, R4 the last step", NULL, PAPERS("O1") " id=p", "ACCEPTED",
			"task.completed O1:2; allocation.completed" },
		{ "R4", NULL, "claim p", NULL, "!detail=*" });
}

static void test_refuses_a_step_whose_turn_has_not_come(void **state)
{
	PLAY({ "R1", NULL, IMPOSED("O1"), "ACCEPTED", NULL },
		{ "R4 3 opens after 2", NULL, TASK("O1", 3, DONE, ADMINISTRATION_OFFICER), "QUARANTINED STEP_NOT_OPEN",
			NULL },
		{ "R4", NULL, TASK("O1", 3, REOPENED, ADMINISTRATION_OFFICER), "QUARANTINED STEP_NOT_OPEN", NULL },
		{ "R2 a plan has step 8 only", NULL, HD_SCHEDULED, "ACCEPTED", NULL },
		{ "R2", NULL, TASK("H1", 4, DONE, ADMINISTRATION_OFFICER), "QUARANTINED STEP_NOT_OPEN", NULL });
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
		cmocka_unit_test(test_opens_a_request_as_the_order_takes_effect),
		cmocka_unit_test(test_opens_a_planned_request_as_it_takes_effect),
		cmocka_unit_test(test_goes_straight_to_allocated_with_an_officer),
		cmocka_unit_test(test_asks_again_where_step_8_of_a_plan_was_reopened),
		cmocka_unit_test(test_plans_ahead),
		cmocka_unit_test(test_keeps_the_plan_that_happened_later),
		cmocka_unit_test(test_keeps_what_was_said_last),
		cmocka_unit_test(test_forgets_the_earlier_release),
		cmocka_unit_test(test_keeps_the_moment_step_8_was_opened),
		cmocka_unit_test(test_cancels_a_planned_release_and_takes_it_back),
		cmocka_unit_test(test_keeps_the_officer_of_a_release_that_was_put_off),
		cmocka_unit_test(test_needs_a_new_officer_and_new_papers_after_a_recall),
		cmocka_unit_test(test_never_takes_a_cancelled_sentence_back),
		cmocka_unit_test(test_makes_a_recalled_order_final_when_the_sentence_is_cancelled),
		cmocka_unit_test(test_keeps_closed_what_was_cancelled_again_later),
		cmocka_unit_test(test_keeps_a_release_whose_earlier_one_was_called_off),
		cmocka_unit_test(test_keeps_a_release_that_comes_after_what_waited_for_an_earlier_one),
		cmocka_unit_test(test_leaves_a_release_alone_that_comes_after_what_was_said_of_an_earlier_one),
		cmocka_unit_test(test_keeps_a_plan_that_was_moved_after_what_called_it_off),
		cmocka_unit_test(test_closes_whatever_its_time_what_it_can_only_mean),
		cmocka_unit_test(test_opens_again_whatever_was_corrected_before_it_was_closed),
		cmocka_unit_test(test_undoes_a_release_whose_end_was_wrong),
		cmocka_unit_test(test_completes_a_request),
		cmocka_unit_test(test_keeps_an_open_step_8_from_completing),
		cmocka_unit_test(test_sets_due_times_by_order_type),
		cmocka_unit_test(test_has_no_first_report_where_the_policy_sets_none),
		cmocka_unit_test(test_makes_the_other_steps_due_with_the_request),
		cmocka_unit_test(test_tells_a_missed_preallocation),
		cmocka_unit_test(test_asks_who_may_act),
		cmocka_unit_test(test_asks_who_may_act_where_there_is_no_step_8),
		cmocka_unit_test(test_transfers_an_order_and_keeps_it_there),
		cmocka_unit_test(test_tells_both_offices_when_the_order_takes_effect_elsewhere),
		cmocka_unit_test(test_follows_a_variation),
		cmocka_unit_test(test_counts_from_the_opening_where_only_the_dates_vary),
		cmocka_unit_test(test_follows_a_correction_of_the_court_alone),
		cmocka_unit_test(test_varies_a_plan),
		cmocka_unit_test(test_takes_a_variation_that_came_before_its_order),
		cmocka_unit_test(test_moves_a_plan_to_another_person),
		cmocka_unit_test(test_keeps_its_due_time_under_another_policy),
		cmocka_unit_test(test_keeps_corrections_of_an_earlier_release_as_history),
		cmocka_unit_test(test_refuses_to_vary_what_was_recalled),
		cmocka_unit_test(test_moves_an_order_to_another_person),
		cmocka_unit_test(test_sets_up_a_file_for_the_person_an_order_moves_to),
		cmocka_unit_test(test_words_the_file_for_the_person_an_order_moves_to),
		cmocka_unit_test(test_takes_a_second_copy_without_effect),
		cmocka_unit_test(test_refuses_a_second_one_that_differs),
		cmocka_unit_test(test_refuses_another_person),
		cmocka_unit_test(test_takes_over_an_order_with_its_officer),
		cmocka_unit_test(test_takes_over_an_order_without_an_officer),
		cmocka_unit_test(test_takes_over_what_was_planned),
		cmocka_unit_test(test_waits_for_every_paper),
		cmocka_unit_test(test_completes_every_step_that_waits_for_papers),
		cmocka_unit_test(test_has_the_papers_before_the_request),
		cmocka_unit_test(test_closes_steps_by_hand),
		cmocka_unit_test(test_is_complete_by_a_paper),
		cmocka_unit_test(test_refuses_a_step_whose_turn_has_not_come),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
