/* The steps of a request and the facts behind them: what opens, completes, skips and reopens each (R4, A2, A7, A9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/policy_csv.h"
#include "core/world.h"

static struct policy policy;

#define PLAY(...)                                                                         \
	do {                                                                              \
		static const struct play_row rows_[] = { __VA_ARGS__ };                   \
		(void)state;                                                              \
		assert_int_equal(world_play_new(&policy, rows_, ARRAY_LENGTH(rows_)), 0); \
	} while (0)

#define IMPOSED(prn, order, type, rest) \
	"imposed prn=" prn " order=" order " type=" type " effective=2026-11-25 office=NELSON " rest
#define SUPERVISION(order, rest) IMPOSED("P1", order, "SUPERVISION", rest)
#define VARIED(order, type, rest) \
	"sentence.varied prn=P1 order=" order " type=" type " effective=2026-11-25 office=NELSON " rest
#define TASK(order, number, what) \
	"task.recorded order=" order " step=" #number " outcome=" #what " role=SERVICE_MANAGER by=sm reason=x"
#define ALLOCATE(order, officer) "allocation.recorded order=" order " officer=" officer " role=SERVICE_MANAGER by=sm"
#define ASSESSED(prn, what)      "assessed prn=" prn " " what
#define FIND_OUT                 "Find_out_whether_the_offender_is_serving_a_sentence_or_order_for_a_child_sex_offence"
#define CSO9                     "Complete_the_CSO9_form_(child_sex_offender_notification,_initial_identification)"
#define OVERRIDE                 "Record_the_offender_on_the_warning_register_by_automatic_override_(ES_order)"
#define REVIEW                   "Review_the_offender_against_the_offender_warning_system_criteria"

/* ---- Titles, roles ---- */

static void test_words_the_steps_by_order(void **state)
{
	PLAY({ "R4 of a sentence", NULL, SUPERVISION("O1", ""), "ACCEPTED",
		     "allocation.requested; task.completed O1:1 !role=*; task.opened O1:2 role=ADMINISTRATION_OFFICER;"
		     "task.opened O1:4 role=ADMINISTRATION_OFFICER; task.opened O1:5 role=SERVICE_MANAGER;"
		     "task.opened O1:6 role=SERVICE_MANAGER; task.opened O1:7 role=SERVICE_MANAGER;"
		     "task.opened O1:8 role=SERVICE_MANAGER" },
		{ "R4", NULL, "show O1", NULL,
			"t1=Check_IOMS_for_offenders_due_for_allocation "
			"t2=Check_that_the_sentence_order_has_been_received_(supervision) "
			"t3=Record_the_sentence_order_in_IOMS,_under_the_sentence_(supervision) "
			"t4=Set_up_the_offender_file t5=Check_the_offender's_details t6=" REVIEW " t7=" FIND_OUT
			" t8=Allocate_to_a_probation_officer_and_pass_the_file_on" },
		{ "R4 of a parole, of a known offender", NULL,
			"released prn=P1 order=R1 type=PAROLE effective=2026-11-26 office=NELSON cso=yes", "ACCEPTED",
			NULL },
		{ "R4", NULL, "show R1", NULL,
			"t2=Check_that_the_release_notice_and_its_papers_have_been_received_(parole) "
			"t3=Record_the_release_notice_in_IOMS,_under_the_NZPB_order_(parole) "
			"t4=Re-open_the_offender_file "
			"t5=Check_the_offender's_details__access_and_record_the_prison-service_information t7=" CSO9 },
		{ "R4 another prison order has no parole wording", NULL,
			"released prn=P2 order=R2 type=RELEASE_ON_CONDITIONS effective=2026-11-26 office=NELSON",
			"ACCEPTED", NULL },
		{ "R4", NULL, "show R2", NULL,
			"t3=Record_the_release_notice_in_IOMS,_under_the_NZPB_order_(release_on_conditions) "
			"t5=Check_the_offender's_details" },
		{ "R4, A9", NULL, IMPOSED("P3", "E1", "EXTENDED_SUPERVISION_ORDER", ""), "ACCEPTED", NULL },
		{ "R4, A9", NULL, "show E1", NULL, "t6=" OVERRIDE });
}

/* ---- Step 6 ---- */

static void test_skips_a_review_that_was_done_lately(void **state)
{
	PLAY({ "X3 kept, though nobody knows the person", NULL, ASSESSED("P1", "ows=2025-11-25"), "ACCEPTED", "" },
		{ "X3", NULL, "person P1", NULL, "ows=2025-11-25 known=0 kept=1" },
		{ "R4 365 days ago", NULL, SUPERVISION("O1", ""), "ACCEPTED", NULL },
		{ "R4", NULL, "show O1", NULL, "tasks=1C,2O,3W,4O,5O,6S,7O,8O" },
		{ "R4 366 days ago", NULL, ASSESSED("P2", "ows=2025-11-24"), "ACCEPTED", "" },
		{ "R4", NULL, IMPOSED("P2", "O2", "SUPERVISION", ""), "ACCEPTED", NULL },
		{ "R4", NULL, "show O2", NULL, "tasks=1C,2O,3W,4O,5O,6O,7O,8O" },
		{ "A9 not for an ES order", NULL, ASSESSED("P3", "ows=2026-11-20"), "ACCEPTED", "" },
		{ "A9", NULL, IMPOSED("P3", "E1", "EXTENDED_SUPERVISION_ORDER", ""), "ACCEPTED", NULL },
		{ "A9", NULL, "show E1", NULL, "tasks=1C,2O,3W,4O,5O,6O,7O,8O" });
}

static void test_follows_the_reviews_of_every_live_request(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "cso=no"), "ACCEPTED", NULL },
		{ "R1", NULL, IMPOSED("P1", "E1", "EXTENDED_SUPERVISION_ORDER", "cso=no"), "ACCEPTED", NULL },
		{ "R1", NULL, SUPERVISION("O3", "cso=no"), "ACCEPTED", NULL },
		{ "R2", NULL, "sentence.cancelled order=O3 cancelled=2026-11-25", "ACCEPTED", NULL },
		{ "R2", NULL, "sentencing.scheduled prn=P1 order=O4 type=SUPERVISION on=2026-12-01 office=NELSON",
			"ACCEPTED", NULL },
		{ "R4 too long ago", NULL, ASSESSED("P1", "ows=2025-11-24"), "ACCEPTED", "" },
		{ "R4 of each, the ES order's too", "2026-11-25 10:00", ASSESSED("P1", "ows=2026-11-25"), "ACCEPTED",
			"task.completed O1:6; task.completed E1:6" },
		{ "R4 corrected: it was not lately", "2026-11-25 11:00", ASSESSED("P1", "ows=2025-11-20"), "ACCEPTED",
			"task.reopened O1:6" },
		{ "R4 an older word does not count", NULL, ASSESSED("P1", "ows=2026-11-25 time=2026-11-25T10:30"),
			"ACCEPTED", "" },
		{ "R4", NULL, "claim e9", NULL, "detail=kept_as_history*" },
		{ "R4", NULL, "show O1", NULL, "tasks=1C,2O,3W,4O,5O,6O,7S,8O" },
		{ "R4 corrected again", "2026-11-25 12:00", ASSESSED("P1", "ows=2026-11-25"), "ACCEPTED",
			"task.completed O1:6" },
		{ "R4 reopened by hand", NULL, TASK("O1", 6, REOPENED), "ACCEPTED", "task.reopened O1:6" },
		{ "R4 nothing else closes it", NULL, ASSESSED("P1", "onows=yes"), "ACCEPTED", "" },
		{ "R4 the answer to it", "2026-11-25 13:00", ASSESSED("P1", "ows=2026-11-25"), "ACCEPTED",
			"task.completed O1:6" });
}

static void test_reopens_a_skipped_review(void **state)
{
	PLAY({ "R4", NULL, ASSESSED("P1", "ows=2026-11-20 onows=no"), "ACCEPTED", "" },
		{ "R4", NULL, SUPERVISION("O1", "cso=no"), "ACCEPTED", NULL },
		{ "R4 it was another year", "2026-11-25 10:00", ASSESSED("P1", "ows=2024-11-20"), "ACCEPTED",
			"task.reopened O1:6 task=OPEN title=" REVIEW },
		{ "R4 varied into an ES order", NULL, ASSESSED("P1", "ows=2026-11-21"), "ACCEPTED",
			"task.completed O1:6" },
		{ "R4, A9", NULL, VARIED("O1", "EXTENDED_SUPERVISION_ORDER", "cso=no"), "ACCEPTED",
			"allocation.changed; task.reopened O1:2; task.reopened O1:6 title=" OVERRIDE });
}

static void test_keeps_what_an_older_assessment_adds(void **state)
{
	PLAY({ "R4", NULL, ASSESSED("P1", "cso9=2026-11-20"), "ACCEPTED", "" },
		{ "R4 news where nothing was known", NULL,
			ASSESSED("P1", "ows=2026-11-01 onows=yes time=2026-11-24T09:00"), "ACCEPTED", "" },
		{ "R4", NULL, "person P1", NULL, "ows=2026-11-01 cso9=2026-11-20 onows=2" },
		{ "R4 not where it was", NULL,
			ASSESSED("P1", "ows=2026-11-02 cso9=2026-11-02 onows=no time=2026-11-24T09:00"), "ACCEPTED",
			"" },
		{ "R4", NULL, "claim e3", NULL, "detail=kept_as_history*" },
		{ "R4", NULL, "person P1", NULL, "ows=2026-11-01 cso9=2026-11-20 onows=2" },
		{ "R4 a newer one corrects", "2026-11-26 09:00", ASSESSED("P1", "onows=no"), "ACCEPTED", "" },
		{ "R4", NULL, "person P1", NULL, "ows=2026-11-01 cso9=2026-11-20 onows=1" });
}

/* ---- Step 7 ---- */

static void test_completes_no_review_by_one_that_was_corrected(void **state)
{
	PLAY({ "R4", NULL, SUPERVISION("O1", "cso=yes"), "ACCEPTED", NULL },
		{ "R4", NULL, ASSESSED("P1", "ows=2026-11-20 time=2026-11-25T01:00"), "ACCEPTED",
			"task.completed O1:6" },
		{ "R4 it was long ago", NULL, ASSESSED("P1", "ows=2025-01-01 time=2026-11-25T03:00"), "ACCEPTED",
			"task.reopened O1:6" },
		{ "R4 what an older one says of it is history", NULL,
			ASSESSED("P1", "ows=2026-11-21 cso9=2026-11-21 time=2026-11-25T02:00"), "ACCEPTED",
			"task.completed O1:7" });
}

static void test_opens_step_7_by_offence(void **state)
{
	PLAY({ "R4 for a child sex offence", NULL, IMPOSED("P1", "O1", "SUPERVISION", "cso=yes"), "ACCEPTED", NULL },
		{ "R4", NULL, "show O1", NULL, "tasks=1C,2O,3W,4O,5O,6O,7O,8O t7=" CSO9 },
		{ "R4 not known: find out", NULL, IMPOSED("P2", "O2", "SUPERVISION", ""), "ACCEPTED", NULL },
		{ "R4", NULL, "show O2", NULL, "tasks=1C,2O,3W,4O,5O,6O,7O,8O t7=" FIND_OUT },
		{ "R4 for another offence", NULL, IMPOSED("P3", "O3", "SUPERVISION", "cso=no"), "ACCEPTED",
			"allocation.requested; task.completed O3:1; task.opened O3:2; task.opened O3:4; task.opened "
			"O3:5;"
			"task.opened O3:6; task.skipped O3:7 task=SKIPPED; task.opened O3:8" },
		{ "R4 the form is there already", NULL, ASSESSED("P4", "cso9=2020-01-01"), "ACCEPTED", "" },
		{ "R4", NULL, IMPOSED("P4", "O4", "SUPERVISION", "cso=yes"), "ACCEPTED",
			"allocation.requested; task.completed O4:1; task.opened O4:2; task.opened O4:4; task.opened "
			"O4:5;"
			"task.opened O4:6; task.completed O4:7; task.opened O4:8" });
}

static void test_opens_step_7_for_another_live_order(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "cso=no"), "ACCEPTED", NULL },
		{ "R1", NULL, SUPERVISION("O2", ""), "ACCEPTED", NULL },
		{ "R4 opened at one, another word at the other", NULL, SUPERVISION("O3", "cso=yes"), "ACCEPTED",
			"allocation.requested O3; task.completed O3:1; task.opened O3:2; task.opened O3:4; task.opened "
			"O3:5;"
			"task.opened O3:6; task.opened O3:7 title=" CSO9 "; task.opened O3:8;"
			"task.reopened O1:7 title=" CSO9 "; task.reopened O2:7 title=" CSO9 },
		{ "R4 a new one too", NULL, SUPERVISION("O4", "cso=no"), "ACCEPTED", NULL },
		{ "R4", NULL, "show O4", NULL, "tasks=1C,2O,3W,4O,5O,6O,7O,8O t7=" CSO9 },
		{ "R4 only as long as it is live", NULL, "sentence.cancelled order=O3 cancelled=2026-11-25", "ACCEPTED",
			"allocation.cancelled; task.cancelled; task.cancelled; task.cancelled; task.cancelled; "
			"task.cancelled;"
			"task.cancelled O3:8; task.skipped O1:7; task.reopened O2:7 title=" FIND_OUT
			"; task.skipped O4:7" });
}

static void test_does_not_ask_a_planned_order(void **state)
{
	PLAY({ "R1", NULL,
		     "released prn=P1 order=R1 type=RELEASE_ON_CONDITIONS effective=2026-11-25 office=NELSON cso=yes",
		     "ACCEPTED", NULL },
		{ "R2", NULL, "release.cancelled order=R1", "ACCEPTED", NULL },
		{ "R2", "2026-11-25 10:00",
			"release.scheduled prn=P1 order=R1 type=RELEASE_ON_CONDITIONS on=2026-12-10 office=NELSON",
			"ACCEPTED", NULL },
		{ "R4 not live", NULL, SUPERVISION("O1", "cso=no"), "ACCEPTED", NULL },
		{ "R4", NULL, "show O1", NULL, "tasks=1C,2O,3W,4O,5O,6O,7S,8O" });
}

static void test_follows_the_form_and_corrections(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "cso=yes"), "ACCEPTED", NULL },
		{ "R1", NULL, SUPERVISION("O2", ""), "ACCEPTED", NULL },
		{ "R4 completed by the form", NULL, ASSESSED("P1", "cso9=2026-11-24"), "ACCEPTED",
			"task.completed O1:7; task.completed O2:7" },
		{ "R8, R4 it was for another offence", "2026-11-26 09:00", VARIED("O1", "SUPERVISION", "cso=no"),
			"ACCEPTED", "allocation.changed" },
		{ "R4 done stays done", NULL, "show O1", NULL, "tasks=1C,2O,3W,4O,5O,6O,7C,8O" });
}

static void test_takes_the_form_as_the_answer_to_a_step_reopened(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "cso=yes"), "ACCEPTED", NULL },
		{ "R4", NULL, ASSESSED("P1", "cso9=2026-11-24"), "ACCEPTED", "task.completed O1:7" },
		{ "R4 by hand", NULL, TASK("O1", 7, REOPENED), "ACCEPTED", "task.reopened O1:7" },
		{ "R4 another fact is no answer", NULL, ASSESSED("P1", "onows=yes"), "ACCEPTED", "" },
		{ "R4 the form is", NULL, ASSESSED("P1", "cso9=2026-11-25"), "ACCEPTED", "task.completed O1:7" });
}

static void test_corrects_the_offence(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "cso=yes"), "ACCEPTED", NULL },
		{ "R4 no such offence", "2026-11-26 09:00", VARIED("O1", "SUPERVISION", "cso=no"), "ACCEPTED",
			"allocation.changed; task.skipped O1:7" },
		{ "R4 after all", NULL, VARIED("O1", "SUPERVISION", "cso=yes"), "ACCEPTED",
			"allocation.changed; task.reopened O1:7 title=" CSO9 },
		{ "R4 by hand", NULL, TASK("O1", 7, NOT_REQUIRED), "ACCEPTED", "task.skipped O1:7" },
		{ "R4 people's word stays", NULL, ASSESSED("P1", "ows=2026-11-25"), "ACCEPTED", "task.completed O1:6" },
		{ "R4 until the work is another", NULL, VARIED("O1", "SUPERVISION", ""), "ACCEPTED",
			"allocation.changed; task.reopened O1:7 title=" FIND_OUT });
}

static void test_reopens_a_completed_request(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "cso=no"), "ACCEPTED", NULL },
		{ "", NULL, "document.received order=O1 documents=SENTENCE_ORDER received=2026-11-25", "ACCEPTED",
			NULL },
		{ "", NULL, TASK("O1", 3, DONE), "ACCEPTED", NULL },
		{ "", NULL, TASK("O1", 4, DONE), "ACCEPTED", NULL },
		{ "", NULL, TASK("O1", 5, DONE), "ACCEPTED", NULL },
		{ "", NULL, TASK("O1", 6, DONE), "ACCEPTED", NULL },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED",
			"allocation.allocated; task.completed O1:8; allocation.completed" },
		{ "R2, R4 step 7 is to be done after all", NULL, SUPERVISION("O2", "cso=yes"), "ACCEPTED",
			"allocation.requested O2; task.completed; task.opened; task.opened; task.opened; task.opened; "
			"task.opened;"
			"task.opened O2:8; task.reopened O1:7; allocation.changed O1 change=reopened state=ALLOCATED" },
		{ "R2 and again", NULL, ASSESSED("P1", "cso9=2026-11-25"), "ACCEPTED",
			"task.completed O1:7; allocation.completed O1; task.completed O2:7" });
}

/* ---- Steps 2 and 3 ---- */

static void test_asks_for_other_papers_when_the_type_changes(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", ""), "ACCEPTED", NULL },
		{ "R4", NULL, "document.received order=O1 documents=SENTENCE_ORDER received=2026-11-25", "ACCEPTED",
			"task.completed O1:2; task.opened O1:3" },
		{ "R8 the sentence is another, its paper the same", NULL, VARIED("O1", "COMMUNITY_WORK", ""),
			"ACCEPTED", "allocation.changed; task.reopened O1:3" },
		{ "R8, A2 a prison order has others", "2026-11-26 09:00",
			"release.varied prn=P1 order=O1 type=RELEASE_ON_CONDITIONS effective=2026-11-25 office=NELSON",
			"ACCEPTED",
			"allocation.changed; task.reopened O1:2 title=Check_that_the_release_notice*;"
			"task.reopened O1:3 title=Record_the_release_notice*" },
		{ "R4", NULL, "document.received order=O1 documents=LICENCE,CONDITIONS received=2026-11-25", "ACCEPTED",
			"" },
		{ "R4 and back: the paper is there", "2026-11-27 09:00", VARIED("O1", "SUPERVISION", ""), "ACCEPTED",
			"allocation.changed; task.completed O1:2; task.reopened O1:3" },
		{ "R4", NULL, "show O1", NULL, "tasks=1C,2C,3O,4O,5O,6O,7O,8O" });
}

static void test_rewords_what_waits_without_a_word(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", ""), "ACCEPTED", NULL },
		{ "R8", NULL, VARIED("O1", "COMMUNITY_WORK", ""), "ACCEPTED",
			"allocation.changed; task.reopened O1:2" },
		{ "R4", NULL, "show O1", NULL,
			"tasks=1C,2O,3W,4O,5O,6O,7O,8O "
			"t3=Record_the_sentence_order_in_IOMS,_under_the_sentence_(community_work)" });
}

/* ---- Other policies ---- */

/* Each predicate a row may name, by the title of step 5. */
static const struct {
	enum predicate when;
	const char *what;
	bool holds;
} worded[] = {
	{ WHEN_COURT_ORDER, SUPERVISION("O1", ""), true },
	{ WHEN_COURT_ORDER, "released prn=P1 order=O1 type=PAROLE effective=2026-11-26 office=NELSON", false },
	{ WHEN_PRISON_ORDER, SUPERVISION("O1", ""), false },
	{ WHEN_PAROLE, SUPERVISION("O1", ""), false },
	{ WHEN_PAROLE, "released prn=P1 order=O1 type=PAROLE effective=2026-11-26 office=NELSON", true },
	{ WHEN_OFFENDER_KNOWN, SUPERVISION("O1", ""), false },
	{ WHEN_OWS_REVIEWED, SUPERVISION("O1", ""), false },
	{ WHEN_ES_ORDER, IMPOSED("P1", "O1", "EXTENDED_SUPERVISION_ORDER", ""), true },
	{ WHEN_CHILD_SEX_OFFENCE, SUPERVISION("O1", "cso=yes"), true },
	{ WHEN_CHILD_SEX_OFFENCE, SUPERVISION("O1", "cso=no"), false },
	{ WHEN_NO_CHILD_SEX_OFFENCE, SUPERVISION("O1", "cso=no"), true },
	{ WHEN_NO_CHILD_SEX_OFFENCE, SUPERVISION("O1", "cso=yes"), false },
	{ WHEN_CHILD_SEX_OFFENCE_UNKNOWN, SUPERVISION("O1", ""), true },
};

static void test_words_a_step_by_any_predicate(void **state)
{
	static struct policy other;
	const struct play_row shows[] = {
		{ "R4", NULL, "show O1", NULL, "t5=Otherwise" },
		{ "R4", NULL, "show O1", NULL, "t5=It_holds" },
	};

	(void)state;
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &other, &(struct fault){ "" }), 0);
	other.title_count = 0;
	for (uint8_t step = 1; step <= 8; step++)
		other.titles[other.title_count++] = (struct policy_title){ step, WHEN_NONE, "It holds" };
	for (uint8_t step = 1; step <= 8; step++)
		other.titles[other.title_count++] = (struct policy_title){ step, WHEN_ALWAYS, "Otherwise" };
	for (size_t i = 0; i < ARRAY_LENGTH(worded); i++) {
		CLEANUP(world_freep) struct world *world = world_new(&other);
		struct play_row row = { "R4", NULL, worded[i].what, "ACCEPTED", NULL };

		other.titles[4].when = worded[i].when;
		assert_int_equal(world_play(world, &row, 1) + world_play(world, &shows[worded[i].holds], 1), 0);
	}
}

/* ---- The policy may change under a request ---- */

static void test_keeps_a_step_that_the_policy_no_longer_has(void **state)
{
	static struct policy later;
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const struct play_row before[] = {
		{ "R1", NULL, SUPERVISION("O1", ""), "ACCEPTED", NULL },
	};
	static const struct play_row after[] = {
		{ "R4 it is done by hand now", NULL, ASSESSED("P1", "ows=2026-11-25"), "ACCEPTED", "" },
		{ "R4 and keeps its words", NULL, VARIED("O1", "COMMUNITY_WORK", ""), "ACCEPTED",
			"allocation.changed; task.reopened O1:2" },
		{ "R4", NULL, "show O1", NULL, "t6=" REVIEW },
		{ "R4", NULL, TASK("O1", 6, DONE), "ACCEPTED", "task.completed O1:6" },
		{ "R4 a step that waited for it does not", NULL,
			"document.received order=O1 documents=SENTENCE_ORDER received=2026-11-25", "ACCEPTED",
			"task.completed O1:2; task.opened O1:3" },
		{ "R4 a new request has none", NULL, SUPERVISION("O2", ""), "ACCEPTED", NULL },
		{ "R4", NULL, "show O2", NULL, "tasks=1C,2O,3W,4O,5O,7O,8O" },
	};

	(void)state;
	assert_int_equal(world_play(world, before, ARRAY_LENGTH(before)), 0);
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &later, &(struct fault){ "" }), 0);
	assert_int_equal(later.steps[5].step, 6);
	memmove(&later.steps[5], &later.steps[6], 2 * sizeof(*later.steps));
	later.step_count--;
	for (uint16_t i = 0; i < later.title_count; i++)
		if (later.titles[i].step == 6)
			later.titles[i].step = 99;
	world->policy = &later;
	assert_int_equal(world_play(world, after, ARRAY_LENGTH(after)), 0);
}

static void test_opens_a_waiting_step_whose_row_is_gone(void **state)
{
	static struct policy later;
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const struct play_row before[] = {
		{ "R1", NULL, SUPERVISION("O1", ""), "ACCEPTED", NULL },
	};
	static const struct play_row after[] = {
		{ "R4 nothing says any more what it waits for", NULL, TASK("O1", 4, DONE), "ACCEPTED",
			"task.completed O1:4; task.opened O1:3" },
	};

	(void)state;
	assert_int_equal(world_play(world, before, ARRAY_LENGTH(before)), 0);
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &later, &(struct fault){ "" }), 0);
	later.steps[2].step = 9;
	world->policy = &later;
	assert_int_equal(world_play(world, after, ARRAY_LENGTH(after)), 0);
}

/* ---- An ended order that comes back ---- */

static void test_takes_an_ended_order_back_as_it_was(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "ends=2026-11-27 cso=no"), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 4, DONE), "ACCEPTED", NULL },
		{ "R2", NULL, ALLOCATE("O1", "po-1"), "ACCEPTED", NULL },
		{ "R5 the last day is the order's own", "2026-11-27 23:59", "tick", NULL, "" },
		{ "R5 past its endsOn", "2026-11-28 00:00", "tick", NULL,
			"allocation.ended/NELSON O1 state=ENDED cause=- time=2026-11-28T00:00; task.cancelled O1:2;"
			"task.cancelled O1:5; task.cancelled O1:6" },
		{ "R5", NULL, "show O1", NULL, "state=ENDED tasks=1C,2X,3X,4C,5X,6X,7S,8C !alarm=*" },
		{ "R2", NULL, ALLOCATE("O1", "po-2"), "QUARANTINED ORDER_CLOSED", NULL },
		{ "R10", NULL, SUPERVISION("O1", "ends=2026-11-27 cso=no"), "ACCEPTED", "" },
		{ "R10", NULL, "sentencing.scheduled prn=P1 order=O1 type=SUPERVISION on=2026-12-20 office=NELSON",
			"ACCEPTED", "" },
		{ "R8", NULL, "recalled order=O1 cancelled=2026-11-28", "ACCEPTED", "" },
		{ "R4 a paper is kept", NULL, "document.received order=O1 documents=SENTENCE_ORDER received=2026-11-28",
			"ACCEPTED", "" },
		{ "R4 no step of it is touched", NULL, ASSESSED("P1", "ows=2026-11-27"), "ACCEPTED", "" },
		{ "R8 still past", NULL, VARIED("O1", "SUPERVISION", "ends=2026-11-27 cso=no conditions=C1"),
			"ACCEPTED", "allocation.changed state=ENDED" },
		{ "R8 the end is later: what was done stays done", NULL,
			VARIED("O1", "SUPERVISION", "ends=2027-11-27 cso=no"), "ACCEPTED",
			"allocation.changed state=ALLOCATED officer=po-1; task.reopened O1:2; task.reopened O1:5;"
			"task.reopened O1:6; task.completed O1:2; task.opened O1:3; task.completed O1:6" },
		{ "R8", NULL, "show O1", NULL, "state=ALLOCATED tasks=1C,2C,3O,4C,5O,6C,7S,8C ends=2027-11-27" });
}

static void test_takes_an_ended_order_back_for_good(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "ends=2026-11-25 cso=no"), "ACCEPTED", NULL },
		{ "R4", NULL, "document.received order=O1 documents=SENTENCE_ORDER received=2026-11-25", "ACCEPTED",
			NULL },
		{ "R4", NULL, TASK("O1", 2, REOPENED), "ACCEPTED", NULL },
		{ "R5", "2026-11-26 00:00", "tick", NULL, NULL },
		{ "R8 without an end, to nobody", NULL, VARIED("O1", "SUPERVISION", "cso=yes"), "ACCEPTED",
			"allocation.changed state=OPEN; task.reopened O1:2; task.reopened O1:3; task.reopened O1:4;"
			"task.reopened O1:5; task.reopened O1:6; task.reopened O1:8; task.completed O1:2; "
			"task.reopened O1:7" },
		{ "R8", NULL, "show O1", NULL, "state=OPEN tasks=1C,2C,3O,4O,5O,6O,7O,8O !ends=*" });
}

static void test_takes_an_ended_order_back_with_its_new_due_time(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "ends=2026-11-29 cso=no"), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 5, DONE), "ACCEPTED", NULL },
		{ "R3, R5", "2026-11-30 09:00", "tick", NULL, NULL },
		{ "R8 of another type", NULL, VARIED("O1", "COMMUNITY_DETENTION", "ends=2027-11-25 cso=no"), "ACCEPTED",
			NULL },
		{ "R3 what waits is due with it", NULL, "show O1", NULL,
			"tasks=1C,2O,3W,4O,5C,6O,7S,8O due=2026-12-02T17:00 d2=2026-12-02T17:00 d3=2026-12-02T17:00 "
			"d4=2026-12-02T17:00 d5=2026-11-28T09:00 d8=2026-12-02T17:00" },
		{ "X8 its levels start anew", "2026-12-02 17:00", "tick", NULL,
			"allocation.overdue level=1; task.overdue O1:2 level=1; task.overdue O1:4 level=1; "
			"task.overdue "
			"O1:6 level=1" });
}

static void test_starts_the_levels_of_a_reopened_step_anew(void **state)
{
	PLAY({ "R1", NULL, SUPERVISION("O1", "cso=no"), "ACCEPTED", NULL },
		{ "X8", "2026-11-28 09:00", "tick", NULL, NULL }, { "R4", NULL, TASK("O1", 4, DONE), "ACCEPTED", NULL },
		{ "R8", NULL, VARIED("O1", "COMMUNITY_DETENTION", "cso=no"), "ACCEPTED", NULL },
		{ "R4", NULL, TASK("O1", 4, REOPENED), "ACCEPTED", "task.reopened O1:4 taskdue=2026-12-01T17:00" },
		{ "X8", "2026-12-01 17:00", "tick", NULL,
			"allocation.overdue level=1; task.overdue O1:2 level=1; task.overdue O1:4 level=1; "
			"task.overdue "
			"O1:5; task.overdue O1:6" });
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
		cmocka_unit_test(test_words_the_steps_by_order),
		cmocka_unit_test(test_skips_a_review_that_was_done_lately),
		cmocka_unit_test(test_follows_the_reviews_of_every_live_request),
		cmocka_unit_test(test_reopens_a_skipped_review),
		cmocka_unit_test(test_keeps_what_an_older_assessment_adds),
		cmocka_unit_test(test_completes_no_review_by_one_that_was_corrected),
		cmocka_unit_test(test_opens_step_7_by_offence),
		cmocka_unit_test(test_opens_step_7_for_another_live_order),
		cmocka_unit_test(test_does_not_ask_a_planned_order),
		cmocka_unit_test(test_follows_the_form_and_corrections),
		cmocka_unit_test(test_takes_the_form_as_the_answer_to_a_step_reopened),
		cmocka_unit_test(test_corrects_the_offence),
		cmocka_unit_test(test_reopens_a_completed_request),
		cmocka_unit_test(test_asks_for_other_papers_when_the_type_changes),
		cmocka_unit_test(test_rewords_what_waits_without_a_word),
		cmocka_unit_test(test_words_a_step_by_any_predicate),
		cmocka_unit_test(test_keeps_a_step_that_the_policy_no_longer_has),
		cmocka_unit_test(test_opens_a_waiting_step_whose_row_is_gone),
		cmocka_unit_test(test_takes_an_ended_order_back_as_it_was),
		cmocka_unit_test(test_takes_an_ended_order_back_for_good),
		cmocka_unit_test(test_takes_an_ended_order_back_with_its_new_due_time),
		cmocka_unit_test(test_starts_the_levels_of_a_reopened_step_anew),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
