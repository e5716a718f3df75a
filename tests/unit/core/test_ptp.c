/* PTP cases from end to end: what is published, in which order, to whom; the order behind a case; time (P1, P8, X3, X8, R9). */
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
#include "core/ptp_bench.h"
#include "core/rules.h"
#include "core/world.h"

static struct policy policy;
static struct bench bench;

/* ---- Played out ---- */

/* An order taken over with its officer has no steps of its own, so that only the case speaks. */
#define ORDER_TAKEN_OVER                                                                                        \
	{                                                                                                       \
		"R11", NULL,                                                                                    \
			"order.baseline order=ES1 prn=P1 type=EXTENDED_SUPERVISION_ORDER effective=2026-11-25 " \
			"office=WELLINGTON officer=po-7",                                                       \
			"ACCEPTED", NULL                                                                        \
	}
#define CONSIDERED                                                                                                   \
	"considered ptp=PTP1 prn=P1 order=ES1 monitoring=FULL_TIME em=yes approval=SOUGHT rr=yes starts=2026-11-25 " \
	"ends=2027-11-25 "                                                                                           \
	"suitability=C1,C2 by=po-7"
#define STAGE(number, who, what) "stage.recorded ptp=PTP1 stage=" #number " role=" #who " outcome=" #what " by=somebody"
#define TELLS(record, from, to, outcome, who, informs)                                                              \
	record " PTP1 case=IN_PROGRESS from=" #from " to=" #to " outcome=" #outcome " role=" #who " concerns=" #who \
	       " informs=" #informs " by=somebody rule=stage_" #from "* "
#define HANDS_OVER(from, old, change, to, role)                                                                  \
	"task.completed PTP1:" #from " kind=PTP role=" #old " task=COMPLETED; " change "; task.opened PTP1:" #to \
	" kind=PTP role=" #role " task=OPEN"
#define CHANGES(from, old, to, outcome, who, informs) \
	HANDS_OVER(from, old, TELLS("ptp.stage-changed/WELLINGTON", from, to, outcome, who, informs), to, who)
#define NOTES(stage, old, outcome, who) \
	HANDS_OVER(stage, old, TELLS("ptp.noted/WELLINGTON", stage, stage, outcome, who, who), stage, who)

static const struct play_row happy[] = {
	ORDER_TAKEN_OVER,
	{ "P8 1 considering", NULL, CONSIDERED, "ACCEPTED",
		"ptp.opened/WELLINGTON PTP1 prn=P1 case=IN_PROGRESS stage=1 to=1 informs=ES_OPERATIONS_ADVISER "
		"concerns=PROBATION_OFFICER by=po-7 "
		"officer=po-7 title=Advise* taskdue=2026-12-02T17:00;"
		"task.opened/WELLINGTON PTP1:1 kind=PTP role=PROBATION_OFFICER taskdue=2026-12-02T17:00" },
	{ "P8 1", "2026-11-26 09:00", STAGE(1, PROBATION_OFFICER, ADVISED), "ACCEPTED",
		CHANGES(1, PROBATION_OFFICER, 2, ADVISED, PROBATION_OFFICER, ES_OPERATIONS_ADVISER) },
	{ "due runs from the event", NULL, "case PTP1", NULL, "stage=2 task=OPEN due=2026-12-03T17:00 level=0" },
	{ "P8 2", NULL, STAGE(2, SENIOR_PROBATION_OFFICER, STILL_CONSIDERED), "ACCEPTED",
		CHANGES(2, PROBATION_OFFICER, 3, STILL_CONSIDERED, SERVICE_MANAGER, SERVICE_MANAGER) },
	{ "P8 3", NULL, STAGE(3, SERVICE_MANAGER, MEMO_SENT), "ACCEPTED",
		CHANGES(3, SERVICE_MANAGER, 4, MEMO_SENT, AREA_MANAGER, AREA_MANAGER) },
	{ "P8 4 with a note of no support", NULL, STAGE(4, AREA_MANAGER, NOT_SUPPORTED), "ACCEPTED",
		CHANGES(4, AREA_MANAGER, 5, NOT_SUPPORTED, REGIONAL_MANAGER, REGIONAL_MANAGER) },
	{ "P8 5 with a note of support", NULL, STAGE(5, REGIONAL_MANAGER, SUPPORTED), "ACCEPTED",
		CHANGES(5, REGIONAL_MANAGER, 6, SUPPORTED, ES_OPERATIONS_ADVISER, ES_OPERATIONS_ADVISER) },
	{ "P8 6", NULL, STAGE(6, ES_OPERATIONS_ADVISER, PROPOSAL_PREPARED), "ACCEPTED",
		CHANGES(6, ES_OPERATIONS_ADVISER, 7, PROPOSAL_PREPARED, ASSISTANT_GENERAL_MANAGER,
			ASSISTANT_GENERAL_MANAGER) },
	{ "P8 7 the budget", NULL, STAGE(7, ASSISTANT_GENERAL_MANAGER, BUDGET_APPROVED), "ACCEPTED",
		NOTES(7, ASSISTANT_GENERAL_MANAGER, BUDGET_APPROVED, ES_OPERATIONS_ADVISER) },
	{ "the budget again: the task stays", NULL, STAGE(7, ASSISTANT_GENERAL_MANAGER, BUDGET_APPROVED), "ACCEPTED",
		TELLS("ptp.noted", 7, 7, BUDGET_APPROVED, ES_OPERATIONS_ADVISER, ES_OPERATIONS_ADVISER) },
	{ "P8 7", NULL, STAGE(7, ES_OPERATIONS_ADVISER, FORWARDED), "ACCEPTED",
		CHANGES(7, ES_OPERATIONS_ADVISER, 8, FORWARDED, GENERAL_MANAGER, GENERAL_MANAGER) },
	{ "P8 8 the decision, by the line managers to the officer", NULL, STAGE(8, GENERAL_MANAGER, APPROVED),
		"ACCEPTED",
		"task.completed PTP1:8 role=GENERAL_MANAGER;"
		"ptp.decided/WELLINGTON PTP1 from=8 to=9 outcome=APPROVED "
		"via=REGIONAL_MANAGER,AREA_MANAGER,SERVICE_MANAGER convey_to=po-7 "
		"concerns=PROBATION_OFFICER by=somebody by_role=GENERAL_MANAGER;"
		"ptp.stage-changed from=8 to=9 outcome=APPROVED concerns=PROBATION_OFFICER; task.opened PTP1:9 "
		"role=PROBATION_OFFICER" },
	{ "P8 9 the draft", NULL, STAGE(9, PROBATION_OFFICER, DRAFT_SUBMITTED), "ACCEPTED",
		NOTES(9, PROBATION_OFFICER, DRAFT_SUBMITTED, ES_OPERATIONS_ADVISER) },
	{ "P8 9 the feedback", NULL, STAGE(9, ES_OPERATIONS_ADVISER, FEEDBACK_GIVEN), "ACCEPTED",
		NOTES(9, ES_OPERATIONS_ADVISER, FEEDBACK_GIVEN, PROBATION_OFFICER) },
	{ "a new draft", NULL, STAGE(9, PROBATION_OFFICER, DRAFT_SUBMITTED), "ACCEPTED",
		NOTES(9, PROBATION_OFFICER, DRAFT_SUBMITTED, ES_OPERATIONS_ADVISER) },
	{ "G8 needs new feedback", NULL, STAGE(9, PROBATION_OFFICER, REPORT_SUBMITTED), "QUARANTINED PTP_G8",
		"ptp.refused PTP1 case=IN_PROGRESS stage=9 guard=PTP_G8 outcome=REPORT_SUBMITTED "
		"concerns=ES_OPERATIONS_ADVISER by=somebody;"
		"event.quarantined/WELLINGTON reason=PTP_G8 order=ES1" },
	{ "P8 9 new feedback", NULL, STAGE(9, ES_OPERATIONS_ADVISER, FEEDBACK_GIVEN), "ACCEPTED",
		NOTES(9, ES_OPERATIONS_ADVISER, FEEDBACK_GIVEN, PROBATION_OFFICER) },
	{ "P8 9 the final report", NULL, STAGE(9, PROBATION_OFFICER, REPORT_SUBMITTED), "ACCEPTED",
		CHANGES(9, PROBATION_OFFICER, 10, REPORT_SUBMITTED, ES_COORDINATOR, ES_COORDINATOR) },
	{ "P8 10 the cover memo", NULL, STAGE(10, ES_COORDINATOR, SUBMITTED), "ACCEPTED",
		NOTES(10, ES_COORDINATOR, SUBMITTED, GENERAL_MANAGER) },
	{ "P8 10 the recommendations", NULL, STAGE(10, GENERAL_MANAGER, RECOMMENDATIONS_APPROVED), "ACCEPTED",
		"task.completed PTP1:10 role=GENERAL_MANAGER;"
		"ptp.closed/WELLINGTON PTP1 case=APPROVED stage=10 from=10 outcome=RECOMMENDATIONS_APPROVED "
		"by=somebody rule=stage_10*" },
	{ "imposed", NULL, "imposition.recorded ptp=PTP1 outcome=IMPOSED by=po-7", "ACCEPTED",
		"ptp.imposed/WELLINGTON PTP1 case=IMPOSED stage=10 by=po-7 rule=*" },
	{ "28 days before the end", "2027-10-27 23:59", "tick", NULL, "" },
	{ "28 days before the end", "2027-10-28 00:00", "tick", NULL,
		"ptp.expiring PTP1 case=IMPOSED cause=- time=2027-10-28T00:00 rule=*" },
	{ "until the end", "2027-11-24 23:59", "tick", NULL, "" },
	{ "at 00:00 of endsOn", "2027-11-25 08:00", "tick", NULL,
		"ptp.expired PTP1 case=EXPIRED cause=- time=2027-11-25T00:00 decided=2027-11-25T08:00" },
	{ "once", "2028-11-25 08:00", "tick", NULL, "" },
};

static void test_takes_a_case_from_the_first_thought_to_its_end(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	assert_int_equal(world_play(world, happy, ARRAY_LENGTH(happy)), 0);
}

#define LEVEL(number, who, when)                                                                          \
	"task.overdue/WELLINGTON PTP1:1 kind=PTP role=PROBATION_OFFICER level=" #number " concerns=" #who \
	" missed=2026-12-02T17:00 cause=- time=" when                                                     \
	"; ptp.overdue/WELLINGTON PTP1 role=PROBATION_OFFICER level=" #number " concerns=" #who           \
	" missed=2026-12-02T17:00 cause=- time=" when

static const struct play_row overdue[] = {
	ORDER_TAKEN_OVER,
	{ "opened", NULL, CONSIDERED, "ACCEPTED", NULL },
	{ "X8 not yet", "2026-12-02 16:59", "tick", NULL, "" },
	{ "X8 at due", "2026-12-02 17:00", "tick", NULL, LEVEL(1, SERVICE_MANAGER, "2026-12-02T17:00") },
	{ "X8 once", "2026-12-02 17:01", "tick", NULL, "" },
	{ "X8 missed ones in order", "2026-12-25 09:00", "tick", NULL,
		LEVEL(2, AREA_MANAGER, "2026-12-03T17:00") "; " LEVEL(3, REGIONAL_MANAGER, "2026-12-07T17:00") },
	{ "X8 no further level", "2027-06-01 09:00", "tick", NULL, "" },
	{ "a new task has its own levels", "2027-06-01 09:00", STAGE(1, PROBATION_OFFICER, ADVISED), "ACCEPTED", NULL },
	{ "a new task has its own levels", NULL, "case PTP1", NULL, "level=0 due=2027-06-09T17:00" },
};

static void test_tells_each_overdue_level_once_for_the_task_and_the_case(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	assert_int_equal(world_play(world, overdue, ARRAY_LENGTH(overdue)), 0);
}

static const struct play_row late_news[] = {
	ORDER_TAKEN_OVER,
	{ "X8 levels already past are published with the event", "2026-12-03 18:00",
		CONSIDERED " time=2026-11-25T09:00", "ACCEPTED",
		"ptp.opened time=2026-11-25T09:00; task.opened taskdue=2026-12-02T17:00; " LEVEL(
			1, SERVICE_MANAGER, "2026-12-02T17:00") "; " LEVEL(2, AREA_MANAGER, "2026-12-03T17:00") },
	{ "X8 in its transaction: nothing is left", NULL, "tick", NULL, "" },
};

static void test_tells_levels_already_past_with_the_event(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	assert_int_equal(world_play(world, late_news, ARRAY_LENGTH(late_news)), 0);
}

static const struct play_row parked[] = {
	{ "X3 the case is not known", NULL, STAGE(1, PROBATION_OFFICER, ADVISED), "PARKED", "" },
	{ "X3 the order is not known", NULL, CONSIDERED, "PARKED", "" },
	{ "X3 nor is the case to revise", NULL, "ptp.revised ptp=PTP1 prn=P1 order=ES1 em=yes by=po-7 reason=why",
		"PARKED", "" },
	{ "X3 nor the case to impose", NULL, "imposition.recorded ptp=PTP1 outcome=IMPOSED by=po-7", "PARKED", "" },
	ORDER_TAKEN_OVER,
	{ "X3 the order opens the case, the case takes what waited, in order of arrival", NULL, "case PTP1", NULL,
		"case=IN_PROGRESS stage=2 task=OPEN" },
	{ "X3 what cannot be done is refused", NULL, "quarantine e4", NULL, "reason=PTP_G8 state=HELD" },
};

static void test_decides_what_waited_once_the_order_is_known(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	assert_int_equal(world_play(world, parked, ARRAY_LENGTH(parked)), 0);
}

/* X4: whatever becomes of the order meanwhile, be it before the next commit. */
static const struct play_row transferred[] = {
	ORDER_TAKEN_OVER,
	{ "P8", NULL, CONSIDERED, "ACCEPTED", NULL },
	{ "G7", NULL, STAGE(5, REGIONAL_MANAGER, SUPPORTED) " id=early", "QUARANTINED PTP_G7",
		"ptp.refused/WELLINGTON; event.quarantined/WELLINGTON" },
	{ "R7", NULL, "transfer.recorded order=ES1 office=NELSON role=SERVICE_MANAGER by=sm", "ACCEPTED", NULL },
	{ "X4 where it was set aside", NULL, "quarantine early", NULL, "order=ES1 office=WELLINGTON" },
};

static void test_keeps_where_a_record_was_set_aside(void **state)
{
	(void)state;
	assert_int_equal(world_play_new(&policy, transferred, ARRAY_LENGTH(transferred)), 0);
}

static const struct play_row merged[] = {
	ORDER_TAKEN_OVER,
	{ "opened", NULL, CONSIDERED, "ACCEPTED", NULL },
	{ "R9", NULL, "offender.merged prn=P1 into=P9 reason=same", "ACCEPTED", NULL },
	{ "R9 records bear the survivor", NULL, STAGE(1, PROBATION_OFFICER, ADVISED), "ACCEPTED",
		"task.completed prn=P9; ptp.stage-changed prn=P9; task.opened prn=P9" },
	{ "R9 the retired number is taken as the survivor's", NULL,
		"ptp.revised ptp=PTP1 prn=P1 order=ES1 em=yes by=po-7", "ACCEPTED",
		"ptp.noted prn=P9 rule=the_particulars*" },
	{ "R9 so is the survivor's own", NULL, "ptp.revised ptp=PTP1 prn=P9 order=ES1 em=yes by=po-7", "ACCEPTED",
		NULL },
	{ "a stranger's is not", NULL, "ptp.revised ptp=PTP1 prn=P7 order=ES1 em=yes by=po-7",
		"QUARANTINED PRN_MISMATCH", "event.quarantined" },
};

static void test_follows_a_merged_offender(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	assert_int_equal(world_play(world, merged, ARRAY_LENGTH(merged)), 0);
}

/* ---- What is closed stays closed ---- */

static struct ptp_case *case_in(enum ptp_state state)
{
	struct ptp_case *ptp = bench_case_at(&bench, &policy, 4, 0);

	ptp->state = state;
	if (state != PTP_IN_PROGRESS)
		ptp->task.state = TASK_COMPLETED;
	return ptp;
}

static bool still_open(enum ptp_state state)
{
	return state == PTP_IN_PROGRESS || state == PTP_APPROVED || state == PTP_IMPOSED;
}

static void test_takes_no_stage_or_revision_of_a_closed_case(void **state)
{
	(void)state;
	for (int s = PTP_IN_PROGRESS + 1; s < PTP_STATE_END; s++) {
		struct event event;

		case_in((enum ptp_state)s);
		event = bench_stage(&bench, 4, ROLE_AREA_MANAGER, OUTCOME_SUPPORTED);
		assert_int_equal(bench_reason(&bench, &event), REASON_PTP_CLOSED);
		event = bench_event(&bench, EVENT_PTP_REVISED);
		assert_int_equal(bench_reason(&bench, &event), REASON_PTP_CLOSED);
		assert_non_null(strstr(bench.verdict.sentence, ptp_state_text((enum ptp_state)s)));
		assert_int_equal(bench_count(&bench, RECORD_PTP_REFUSED), 0);
	}
}

/* From which state which imposition leads where, and how it is told. */
static const struct {
	enum ptp_imposition outcome;
	enum ptp_state from, to;
	enum record_name record;
} impositions[] = {
	{ IMPOSITION_IMPOSED, PTP_APPROVED, PTP_IMPOSED, RECORD_PTP_IMPOSED },
	{ IMPOSITION_NOT_IMPOSED, PTP_APPROVED, PTP_NOT_IMPOSED, RECORD_PTP_NOT_IMPOSED },
	{ IMPOSITION_ENDED, PTP_IMPOSED, PTP_ENDED, RECORD_PTP_ENDED },
};

static void test_takes_an_imposition_only_in_its_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(impositions); i++)
		for (int s = PTP_IN_PROGRESS; s < PTP_STATE_END; s++) {
			const bool fits = impositions[i].from == (enum ptp_state)s;
			struct ptp_case *ptp = case_in((enum ptp_state)s);
			const struct event event = bench_imposition(&bench, impositions[i].outcome);

			assert_int_equal(bench_reason(&bench, &event), fits ? REASON_NONE
								       : still_open((enum ptp_state)s)
									       ? REASON_PTP_G8
									       : REASON_PTP_CLOSED);
			assert_int_equal(ptp->state, fits ? impositions[i].to : (enum ptp_state)s);
			assert_int_equal(bench_count(&bench, impositions[i].record), fits);
			assert_int_equal(
				bench_count(&bench, RECORD_PTP_REFUSED), !fits && still_open((enum ptp_state)s));
		}
}

/* ---- The order behind the case ---- */

static const struct {
	const char *rule;
	enum ptp_state from, to;
	enum record_name record;
} closings[] = {
	{ "a case in progress is closed", PTP_IN_PROGRESS, PTP_ORDER_CLOSED, RECORD_PTP_CLOSED },
	{ "an approved one is closed", PTP_APPROVED, PTP_ORDER_CLOSED, RECORD_PTP_CLOSED },
	{ "an imposed one is ended", PTP_IMPOSED, PTP_ENDED, RECORD_PTP_ENDED },
	{ "what is withdrawn stays so", PTP_WITHDRAWN, PTP_WITHDRAWN, RECORD_NONE },
	{ "what has expired stays so", PTP_EXPIRED, PTP_EXPIRED, RECORD_NONE },
};

static int check_closing(size_t i)
{
	const struct ptp_case *ptp = &bench.cases[0];
	const size_t told = bench_count(&bench, RECORD_PTP_CLOSED) + bench_count(&bench, RECORD_PTP_ENDED);

	if (ptp->state == closings[i].to && ptp->task.state != TASK_OPEN &&
		told == (closings[i].record != RECORD_NONE) &&
		(!told || bench_count(&bench, closings[i].record) == 1) &&
		bench_count(&bench, RECORD_TASK_CANCELLED) == (closings[i].from == PTP_IN_PROGRESS))
		return 0;
	fprintf(stderr, "%s: it is %s\n", closings[i].rule, ptp_state_text(ptp->state));
	return 1;
}

static struct event court_event(enum event_type type)
{
	struct event event = bench_event(&bench, type);

	event.source = "urn:nz:justice:cms";
	event.kind = SOURCE_COURT;
	event.ptp_ref = event.by = NULL;
	event.suitability.n = 0;
	event.order_type = ORDER_EXTENDED_SUPERVISION_ORDER;
	event.office = "WELLINGTON";
	event.effective_on = date_of(2026, 2, 20);
	event.ends_on = DATE_NONE;
	return event;
}

static void test_closes_or_ends_the_case_of_a_cancelled_order(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(closings); i++) {
		struct event event;

		case_in(closings[i].from);
		event = court_event(EVENT_SENTENCE_CANCELLED);
		event.cancelled_on = date_of(2026, 3, 2);
		assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
		failed += check_closing(i);
	}
	assert_int_equal(failed, 0);
}

static void test_closes_or_ends_the_case_of_an_order_past_its_end(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(closings); i++) {
		struct ptp_case *ptp = case_in(closings[i].from);

		bench.order.ends_on = date_of(2026, 3, 4);
		ptp->expiring_published = true;
		request_set_alarm(&policy, &bench.order);
		bench_tick(&bench, zone_instant(&policy.zone, date_of(2026, 3, 5), 0));
		failed += check_closing(i);
		if (closings[i].record)
			assert_int_equal(bench_record(&bench, closings[i].record)->record.time.us,
				zone_instant(&policy.zone, date_of(2026, 3, 5), 0).us);
	}
	assert_int_equal(failed, 0);
}

static const struct {
	const char *rule;
	enum ptp_state state;
	int start[3];
	enum order_type type;
	enum reason refused;
} variations[] = {
	{ "G4 the same start", PTP_IN_PROGRESS, { 2026, 3, 1 }, ORDER_EXTENDED_SUPERVISION_ORDER, REASON_NONE },
	{ "G4 starts after the condition would", PTP_IN_PROGRESS, { 2026, 3, 5 }, ORDER_EXTENDED_SUPERVISION_ORDER,
		REASON_PTP_G4 },
	{ "G4 its months end before the condition would", PTP_IN_PROGRESS, { 2026, 2, 27 },
		ORDER_EXTENDED_SUPERVISION_ORDER, REASON_PTP_G4 },
	{ "G1 another type", PTP_IN_PROGRESS, { 2026, 3, 1 }, ORDER_HOME_DETENTION, REASON_PTP_G1 },
	{ "G4 an approved condition", PTP_APPROVED, { 2026, 3, 5 }, ORDER_EXTENDED_SUPERVISION_ORDER, REASON_PTP_G4 },
	{ "G4 an imposed condition", PTP_IMPOSED, { 2026, 3, 5 }, ORDER_EXTENDED_SUPERVISION_ORDER, REASON_PTP_G4 },
	{ "what is closed is not asked", PTP_DECLINED, { 2026, 3, 5 }, ORDER_EXTENDED_SUPERVISION_ORDER, REASON_NONE },
};

static int vary(size_t i)
{
	struct ptp_case *ptp = case_in(variations[i].state), before;
	struct event event = court_event(EVENT_SENTENCE_VARIED);

	event.starts_on = date_of(variations[i].start[0], variations[i].start[1], variations[i].start[2]);
	event.order_type = variations[i].type;
	before = *ptp;
	if (bench_reason(&bench, &event) == REASON_NONE && memcmp(ptp, &before, sizeof(before)) == 0 &&
		bench_count(&bench, RECORD_PTP_REFUSED) == (variations[i].refused != REASON_NONE) &&
		(!variations[i].refused ||
			bench_record(&bench, RECORD_PTP_REFUSED)->record.guard == variations[i].refused))
		return 0;
	fprintf(stderr, "%s: %s\n", variations[i].rule, bench.verdict.sentence);
	return 1;
}

static void test_asks_again_when_the_order_is_varied(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(variations); i++)
		failed += vary(i);
	assert_int_equal(failed, 0);
}

/* G4: another office or end of the order says nothing new of a condition that no longer fits its start. */
static void test_refuses_once_what_a_varied_start_broke(void **state)
{
	struct event event;

	(void)state;
	case_in(PTP_IMPOSED);
	event = court_event(EVENT_SENTENCE_VARIED);
	event.starts_on = date_of(2026, 3, 5);
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	assert_int_equal(bench_count(&bench, RECORD_PTP_REFUSED), 1);
	event.office = "NELSON";
	event.ends_on = date_of(2030, 3, 5);
	event.id = "another office and end";
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	assert_int_equal(bench_count(&bench, RECORD_ALLOCATION_CHANGED), 2);
	assert_int_equal(bench_count(&bench, RECORD_PTP_REFUSED), 0);
	event.starts_on = date_of(2026, 3, 6);
	event.id = "another start";
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	assert_int_equal(bench_count(&bench, RECORD_PTP_REFUSED), 1);
}

static void test_stops_at_the_next_move_where_a_variation_broke_a_guard(void **state)
{
	struct event event;

	(void)state;
	case_in(PTP_IN_PROGRESS);
	event = court_event(EVENT_SENTENCE_VARIED);
	event.starts_on = date_of(2026, 3, 5);
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	event = bench_stage(&bench, 4, ROLE_AREA_MANAGER, OUTCOME_SUPPORTED);
	assert_int_equal(bench_reason(&bench, &event), REASON_PTP_G4);
	event = bench_event(&bench, EVENT_PTP_REVISED);
	event.starts_on = date_of(2026, 3, 5);
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	event = bench_stage(&bench, 4, ROLE_AREA_MANAGER, OUTCOME_SUPPORTED);
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
}

/* ---- Particulars of single records ---- */

static void test_keeps_the_managers_notes_of_support(void **state)
{
	static const struct {
		uint8_t stage;
		enum role role;
		enum ptp_outcome outcome;
		enum tri area, region;
	} notes[] = {
		{ 4, ROLE_AREA_MANAGER, OUTCOME_SUPPORTED, TRI_YES, TRI_UNKNOWN },
		{ 4, ROLE_AREA_MANAGER, OUTCOME_NOT_SUPPORTED, TRI_NO, TRI_UNKNOWN },
		{ 5, ROLE_REGIONAL_MANAGER, OUTCOME_SUPPORTED, TRI_UNKNOWN, TRI_YES },
		{ 5, ROLE_REGIONAL_MANAGER, OUTCOME_NOT_SUPPORTED, TRI_UNKNOWN, TRI_NO },
		{ 3, ROLE_SERVICE_MANAGER, OUTCOME_MEMO_SENT, TRI_UNKNOWN, TRI_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(notes); i++) {
		const struct ptp_case *ptp = bench_case_at(&bench, &policy, notes[i].stage, 0);
		const struct event event = bench_stage(&bench, notes[i].stage, notes[i].role, notes[i].outcome);

		assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
		assert_int_equal(ptp->area_supports, notes[i].area);
		assert_int_equal(ptp->region_supports, notes[i].region);
	}
}

static void test_tells_a_decision_against_before_it_closes_the_case(void **state)
{
	struct ptp_case *ptp = bench_case_at(&bench, &policy, 8, 0);
	const struct event event = bench_stage(&bench, 8, ROLE_GENERAL_MANAGER, OUTCOME_DECLINED);
	const enum record_name names[] = { RECORD_TASK_COMPLETED, RECORD_PTP_DECIDED, RECORD_PTP_CLOSED };

	(void)state;
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	assert_int_equal(bench.record_count, ARRAY_LENGTH(names));
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		assert_int_equal(bench.records[i].record.name, names[i]);
	assert_string_equal(bench.records[1].record.convey_to, "po-7");
	assert_int_equal(bench.records[1].record.convey_via[0], ROLE_REGIONAL_MANAGER);
	assert_int_equal(bench.records[1].record.convey_via[2], ROLE_SERVICE_MANAGER);
	assert_int_equal(bench.records[1].record.convey_via[3], ROLE_NONE);
	assert_false(ptp->approved);
}

static void test_remembers_the_general_managers_approval(void **state)
{
	struct ptp_case *ptp = bench_case_at(&bench, &policy, 8, 0);
	const struct event event = bench_stage(&bench, 8, ROLE_GENERAL_MANAGER, OUTCOME_APPROVED);

	(void)state;
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	assert_true(ptp->approved);
}

static void test_cancels_the_task_of_a_withdrawn_case(void **state)
{
	struct event event;

	(void)state;
	bench_case_at(&bench, &policy, 5, 0);
	event = bench_stage(&bench, 5, ROLE_SERVICE_MANAGER, OUTCOME_WITHDRAWN);
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	assert_int_equal(bench_count(&bench, RECORD_TASK_CANCELLED), 1);
	assert_int_equal(bench_record(&bench, RECORD_TASK_CANCELLED)->task.state, TASK_CANCELLED);
	assert_int_equal(bench_count(&bench, RECORD_TASK_COMPLETED), 0);
}

static void test_fires_nothing_before_its_time(void **state)
{
	struct ptp_case *ptp = bench_case_at(&bench, &policy, 1, 0), before = *ptp;
	struct decision d = { .policy = &policy, .facts = &bench.facts, .now = bench.now, .effects = &bench.effects };

	(void)state;
	assert_false(ptp_fire_alarm(&d, ptp));
	assert_memory_equal(ptp, &before, sizeof(before));
	ptp->state = PTP_DECLINED;
	assert_false(instant_given(ptp_next_alarm(&policy, ptp)));
}

/* Imposed for less than the notice: it is told at once, with the event. */
static void test_tells_a_short_condition_that_it_ends_soon(void **state)
{
	struct ptp_case *ptp = bench_approved(&bench, &policy);
	struct event event = bench_imposition(&bench, IMPOSITION_IMPOSED);

	(void)state;
	event.ends_on = date_of(2026, 3, 10);
	assert_int_equal(bench_reason(&bench, &event), REASON_NONE);
	assert_int_equal(bench_count(&bench, RECORD_PTP_EXPIRING), 1);
	assert_int_equal(ptp->state, PTP_IMPOSED);
	bench_tick(&bench, zone_instant(&policy.zone, date_of(2026, 3, 10), 0));
	assert_int_equal(ptp->state, PTP_EXPIRED);
	assert_int_equal(bench_count(&bench, RECORD_PTP_EXPIRED), 1);
}

/* What a report on cases asks for: who thought of it, since when it stands where it stands, what it is about. */
static void test_keeps_who_when_and_what(void **state)
{
#define REVISED(rest) "revised ptp=PTP1 prn=P1 order=ES1 em=yes rr=yes starts=2026-11-25 ends=2027-11-25 by=po-8 " rest
	static const struct play_row kept[] = {
		ORDER_TAKEN_OVER,
		{ "P8", NULL, CONSIDERED, "ACCEPTED",
			"ptp.opened rule=PTP_is_being_considered:_a_case_is_opened to=1 !from=*; task.opened" },
		{ "P8", NULL, "case PTP1", NULL,
			"by=po-7 opened=2026-11-25T09:00 entered=2026-11-25T09:00 monitoring=FULL_TIME approval=SOUGHT "
			"suitability=C1_C2 starts=2026-11-25 ends=2027-11-25 !closed=*" },
		{ "P8", "2026-11-26 09:00", STAGE(1, PROBATION_OFFICER, ADVISED), "ACCEPTED", NULL },
		{ "P8 revised: the stage stays, and whoever thought of it", "2026-11-27 09:00",
			REVISED("monitoring=APPROVED_ABSENCES approval=APPROVED"), "ACCEPTED",
			"ptp.noted PTP1 from=2 to=2 !outcome=* rule=the_particulars_are_revised by=po-8" },
		{ "P8 what is no longer said no longer holds", NULL, "case PTP1", NULL,
			"by=po-7 opened=2026-11-25T09:00 entered=2026-11-26T09:00 monitoring=APPROVED_ABSENCES "
			"approval=APPROVED !suitability=*" },
		{ "P8 an outcome that stays leaves the moment", NULL, STAGE(2, PROBATION_OFFICER, STILL_CONSIDERED),
			"ACCEPTED", NULL },
		{ "P8", NULL, "case PTP1", NULL, "stage=3 entered=2026-11-27T09:00" },
	};

	(void)state;
	assert_int_equal(world_play_new(&policy, kept, ARRAY_LENGTH(kept)), 0);
}

/* The task goes to another whose work is another, though the role is the same; and to another role, though the words are. */
static void test_hands_over_by_role_and_by_work(void **state)
{
	static struct policy other;
	static const struct play_row handed[] = {
		ORDER_TAKEN_OVER,
		{ "P8", NULL, CONSIDERED, "ACCEPTED", NULL },
		{ "P8 the same role, other work", NULL, STAGE(1, PROBATION_OFFICER, DRAFT_SUBMITTED), "ACCEPTED",
			"task.completed PTP1:1; ptp.noted; task.opened PTP1:1 role=PROBATION_OFFICER title=Other" },
		{ "P8 another role, the same words", "2026-11-25 10:00", STAGE(1, PROBATION_OFFICER, FEEDBACK_GIVEN),
			"ACCEPTED",
			"task.completed PTP1:1; ptp.noted; task.opened PTP1:1 role=SERVICE_MANAGER title=Other" },
		{ "P8 the same", NULL, STAGE(1, PROBATION_OFFICER, FEEDBACK_GIVEN), "ACCEPTED", "ptp.noted" },
		{ "P8 since the stage was entered", NULL, "case PTP1", NULL, "stage=1 entered=2026-11-25T09:00" },
	};

	(void)state;
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &other, &(struct fault){ "" }), 0);
	other.ptp_actors[other.ptp_actor_count++] = (struct policy_ptp_actor){ .version = 1,
		.stage = 1,
		.after = OUTCOME_DRAFT_SUBMITTED,
		.role = ROLE_PROBATION_OFFICER,
		.title = "Other" };
	other.ptp_actors[other.ptp_actor_count++] = (struct policy_ptp_actor){ .version = 1,
		.stage = 1,
		.after = OUTCOME_FEEDBACK_GIVEN,
		.role = ROLE_SERVICE_MANAGER,
		.title = "Other" };
	other.ptp_moves[other.ptp_move_count++] = (struct policy_ptp_move){
		.version = 1, .stage = 1, .role = ROLE_PROBATION_OFFICER, .outcome = OUTCOME_DRAFT_SUBMITTED
	};
	other.ptp_moves[other.ptp_move_count++] = (struct policy_ptp_move){
		.version = 1, .stage = 1, .role = ROLE_PROBATION_OFFICER, .outcome = OUTCOME_FEEDBACK_GIVEN
	};
	assert_int_equal(world_play_new(&other, handed, ARRAY_LENGTH(handed)), 0);
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
		cmocka_unit_test(test_takes_a_case_from_the_first_thought_to_its_end),
		cmocka_unit_test(test_tells_each_overdue_level_once_for_the_task_and_the_case),
		cmocka_unit_test(test_tells_levels_already_past_with_the_event),
		cmocka_unit_test(test_decides_what_waited_once_the_order_is_known),
		cmocka_unit_test(test_keeps_where_a_record_was_set_aside),
		cmocka_unit_test(test_follows_a_merged_offender),
		cmocka_unit_test(test_takes_no_stage_or_revision_of_a_closed_case),
		cmocka_unit_test(test_takes_an_imposition_only_in_its_state),
		cmocka_unit_test(test_closes_or_ends_the_case_of_a_cancelled_order),
		cmocka_unit_test(test_closes_or_ends_the_case_of_an_order_past_its_end),
		cmocka_unit_test(test_asks_again_when_the_order_is_varied),
		cmocka_unit_test(test_refuses_once_what_a_varied_start_broke),
		cmocka_unit_test(test_stops_at_the_next_move_where_a_variation_broke_a_guard),
		cmocka_unit_test(test_keeps_the_managers_notes_of_support),
		cmocka_unit_test(test_tells_a_decision_against_before_it_closes_the_case),
		cmocka_unit_test(test_remembers_the_general_managers_approval),
		cmocka_unit_test(test_cancels_the_task_of_a_withdrawn_case),
		cmocka_unit_test(test_fires_nothing_before_its_time),
		cmocka_unit_test(test_tells_a_short_condition_that_it_ends_soon),
		cmocka_unit_test(test_keeps_who_when_and_what),
		cmocka_unit_test(test_hands_over_by_role_and_by_work),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
