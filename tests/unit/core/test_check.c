/* What the content of an event must be by the policy, before any rule of its order is asked (core/check.c; X4). */
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

/* ---- INVALID_ORDER_TYPE ---- */

enum { COURT = 1, PRISON = 2 };

static const struct {
	const char *type;
	unsigned takes; /* orders of the court, of the prison, of both */
} opening[] = {
	{ "sentencing.scheduled", COURT },
	{ "sentence.imposed", COURT },
	{ "sentence.varied", COURT },
	{ "release.scheduled", PRISON },
	{ "offender.released", PRISON },
	{ "release.varied", PRISON },
	{ "order.baseline", COURT | PRISON },
};

static unsigned sent_by(enum order_type type)
{
	return type == ORDER_PAROLE || type == ORDER_RELEASE_ON_CONDITIONS || type == ORDER_COMPASSIONATE_RELEASE
		       ? PRISON
		       : COURT;
}

static void check_type(struct world *world, size_t i, enum order_type type)
{
	bool fits = opening[i].takes & sent_by(type);
	struct verdict verdict;
	char words[256];

	snprintf(words, sizeof(words),
		"%s prn=P1 order=O%zu-%d type=%s on=2026-12-01 effective=2026-11-25 office=NELSON", opening[i].type, i,
		type, order_type_text(type));
	assert_int_equal(world_decide(world, words, &verdict), 0);
	if (fits != (verdict.disposition != DISPOSITION_QUARANTINED) ||
		fits != (verdict.reason != REASON_INVALID_ORDER_TYPE))
		fail_msg(
			"A12, X4 %s: %s %s", words, disposition_text(verdict.disposition), reason_text(verdict.reason));
}

static void test_takes_each_order_type_from_its_own_side_only(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(opening); i++)
		for (int type = 1; type < ORDER_TYPE_END; type++)
			check_type(world, i, (enum order_type)type);
}

static void test_names_the_order_type_that_does_not_fit(void **state)
{
	PLAY({ "X4", NULL, "imposed prn=P1 order=O1 type=PAROLE effective=2026-11-25 office=NELSON id=a",
		     "QUARANTINED INVALID_ORDER_TYPE",
		     "event.quarantined/NELSON - id=a order=O1 reason=INVALID_ORDER_TYPE" },
		{ "X4", NULL, "quarantine a", NULL,
			"sentence=orderType_PAROLE_does_not_come_in_nz.govt.justice.cms.sentence.imposed" });
}

/* ---- UNKNOWN_OFFICE ---- */

#define ELSEWHERE(words)                                                            \
	{                                                                           \
		"X4", NULL, words " office=ATLANTIS", "QUARANTINED UNKNOWN_OFFICE", \
			"event.quarantined/ATLANTIS reason=UNKNOWN_OFFICE"          \
	}

static void test_knows_the_offices_of_the_policy(void **state)
{
	PLAY(ELSEWHERE("sentencing.scheduled prn=P1 order=O1 type=SUPERVISION on=2026-12-01 id=a"),
		{ "X4", NULL, "quarantine a", NULL, "sentence=office_ATLANTIS_is_not_in_the_policy's_list_of_offices" },
		ELSEWHERE("imposed prn=P1 order=O1 type=SUPERVISION effective=2026-11-25"),
		ELSEWHERE("sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-11-25"),
		ELSEWHERE("release.scheduled prn=P1 order=O1 type=PAROLE on=2026-12-01"),
		ELSEWHERE("released prn=P1 order=O1 type=PAROLE effective=2026-11-25"),
		ELSEWHERE("release.varied prn=P1 order=O1 type=PAROLE effective=2026-11-25"),
		ELSEWHERE("baseline prn=P1 order=O1 type=SUPERVISION effective=2026-11-25"),
		ELSEWHERE("document.received order=O1 documents=SENTENCE_ORDER received=2026-11-25"),
		ELSEWHERE("transfer.recorded order=O1 role=SERVICE_MANAGER by=sm"),
		{ "X3 a paper need not say where it came in", NULL,
			"document.received order=O1 documents=SENTENCE_ORDER received=2026-11-25", "PARKED", "" },
		{ "X4 the last of the list is known", NULL,
			"imposed prn=P1 order=O9 type=SUPERVISION effective=2026-11-25 office=INVERCARGILL", "ACCEPTED",
			NULL });
}

/* ---- INVALID_DATES ---- */

#define ENDS_TOO_EARLY(words)                                                    \
	{                                                                        \
		"X4", NULL, words " office=NELSON", "QUARANTINED INVALID_DATES", \
			"event.quarantined/NELSON reason=INVALID_DATES"          \
	}

static void test_wants_an_end_that_is_not_before_the_start(void **state)
{
	PLAY(ENDS_TOO_EARLY("imposed prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 ends=2026-11-24 id=a"),
		{ "X4 the day of effect is the start where none is given", NULL, "quarantine a", NULL,
			"sentence=endsOn_2026-11-24_lies_before_the_start,_2026-11-25" },
		ENDS_TOO_EARLY("imposed prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 starts=2026-12-25 "
			       "ends=2026-12-24 id=b"),
		{ "X4", NULL, "quarantine b", NULL, "sentence=endsOn_2026-12-24_lies_before_the_start,_2026-12-25" },
		ENDS_TOO_EARLY("sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 ends=2026-11-24"),
		ENDS_TOO_EARLY("released prn=P1 order=O1 type=PAROLE effective=2026-11-25 ends=2026-11-24"),
		ENDS_TOO_EARLY("release.varied prn=P1 order=O1 type=PAROLE effective=2026-11-25 ends=2026-11-24"),
		ENDS_TOO_EARLY("baseline prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 ends=2026-11-24"),
		{ "X4 one day", NULL,
			"imposed prn=P1 order=O2 type=SUPERVISION effective=2026-11-25 ends=2026-11-25 office=NELSON",
			"ACCEPTED", NULL },
		{ "X4 it may start before it was imposed", NULL,
			"imposed prn=P1 order=O3 type=SUPERVISION effective=2026-11-25 starts=2026-11-01 "
			"ends=2026-11-30 office=NELSON",
			"ACCEPTED", NULL },
		{ "X4 without an end", NULL,
			"imposed prn=P1 order=O4 type=SUPERVISION effective=2026-11-25 office=NELSON", "ACCEPTED",
			NULL });
}

/* ---- MISSING_FIELD: why step 2 is closed without its papers ---- */

#define TASK(number, what) \
	"task.recorded order=O1 step=" #number " outcome=" #what " role=ADMINISTRATION_OFFICER by=ao "

static void test_wants_to_know_why_step_2_is_closed_by_hand(void **state)
{
	PLAY({ "R1", NULL, "imposed prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON", "ACCEPTED",
		     NULL },
		{ "R4 step 2", NULL, TASK(2, DONE) "id=a", "QUARANTINED MISSING_FIELD",
			"event.quarantined/- id=a reason=MISSING_FIELD" },
		{ "R4", NULL, "quarantine a", NULL,
			"sentence=reason_is_missing:_step_2_waits_for_documents,_to_close_it_by_hand_say_why" },
		{ "R4", NULL, TASK(2, NOT_REQUIRED), "QUARANTINED MISSING_FIELD", NULL },
		{ "R4", NULL, TASK(2, DONE) "reason=faxed", "ACCEPTED", "task.completed O1:2; task.opened O1:3" },
		{ "R4 opened again without a word", NULL, TASK(2, REOPENED), "ACCEPTED", "task.reopened O1:2" },
		{ "R4 another step", NULL, TASK(4, DONE), "ACCEPTED", "task.completed O1:4" },
		{ "R4 none of the policy's", NULL, TASK(99, DONE), "QUARANTINED UNKNOWN_STEP", NULL });
}

/* ---- In this order ---- */

static void test_names_the_first_thing_that_is_wrong(void **state)
{
#define WRONG "imposed prn=P1 order=O1 effective=2026-11-25 ends=2026-11-24 "
	PLAY({ "X4", NULL, WRONG "type=PAROLE office=ATLANTIS", "QUARANTINED INVALID_ORDER_TYPE", NULL },
		{ "X4", NULL, WRONG "type=SUPERVISION office=ATLANTIS", "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X4", NULL, WRONG "type=SUPERVISION office=NELSON", "QUARANTINED INVALID_DATES", NULL },
		{ "X4 nothing came of it", NULL, "show O1", NULL, "" });
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
		cmocka_unit_test(test_takes_each_order_type_from_its_own_side_only),
		cmocka_unit_test(test_names_the_order_type_that_does_not_fit),
		cmocka_unit_test(test_knows_the_offices_of_the_policy),
		cmocka_unit_test(test_wants_an_end_that_is_not_before_the_start),
		cmocka_unit_test(test_wants_to_know_why_step_2_is_closed_by_hand),
		cmocka_unit_test(test_names_the_first_thing_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
