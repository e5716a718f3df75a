/* A case runs under the version of the procedure it was opened under (P9), whatever versions the policy has beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/policy_csv.h"
#include "core/world.h"

static struct policy shipped, two, later;

#define ORDER(order)                                                                                            \
	{                                                                                                       \
		"R11", NULL,                                                                                    \
			"baseline order=" order " prn=P1 type=EXTENDED_SUPERVISION_ORDER effective=2026-11-25 " \
			"office=WELLINGTON officer=po-7",                                                       \
			"ACCEPTED", NULL                                                                        \
	}
#define CONSIDERED(ptp, order, rest)                                                                        \
	"considered ptp=" ptp " prn=P1 order=" order " monitoring=FULL_TIME em=yes approval=SOUGHT rr=yes " \
	"starts=2026-11-25 by=po-7 " rest
#define STAGE(ptp, number, who, what) \
	"stage.recorded ptp=" ptp " stage=" #number " role=" #who " outcome=" #what " by=somebody"

/* Version 2, in force from 2027: two stages, half a year, a code of its own; the first row tells nobody in particular. */
static void add_version_2(struct policy *policy)
{
	struct policy_ptp *version = &policy->ptps[policy->ptp_count++];

	*version = policy->ptps[0];
	version->version = 2;
	version->in_force_from = date_of(2027, 1, 1);
	version->months_limit = 6;
	policy->ptp_stages[policy->ptp_stage_count++] = (struct policy_ptp_stage){ 2, 1, "Ask" };
	policy->ptp_actors[policy->ptp_actor_count++] =
		(struct policy_ptp_actor){ 2, 1, OUTCOME_NONE, ROLE_SERVICE_MANAGER, "Ask the court" };
	policy->ptp_moves[policy->ptp_move_count++] = (struct policy_ptp_move){ .version = 2,
		.stage = 1,
		.role = ROLE_SERVICE_MANAGER,
		.outcome = OUTCOME_APPROVED,
		.closes = PTP_APPROVED,
		.phrase = "the court agrees" };
	policy->suitabilities[policy->suitability_count++] = (struct policy_suitability){ 2, "D10", "the court's" };
}

static void test_opens_a_case_under_the_version_in_force(void **state)
{
	static const struct play_row rows[] = {
		ORDER("E1"),
		ORDER("E2"),
		{ "P9 of 2026", NULL, CONSIDERED("C1", "E1", "ends=2027-11-25 suitability=C1"), "ACCEPTED",
			"ptp.opened C1 stage=1 title=Advise* informs=ES_OPERATIONS_ADVISER; task.opened C1:1" },
		{ "R3", "2027-01-04 09:00", "tick", NULL, NULL },
		{ "P9, G5 the codes are its own", NULL, CONSIDERED("C2", "E2", "ends=2027-05-25 suitability=C1"),
			"QUARANTINED PTP_G5", NULL },
		{ "G5 the whole code", NULL, CONSIDERED("C2", "E2", "ends=2027-05-25 suitability=D1"),
			"QUARANTINED PTP_G5", NULL },
		{ "P9, G4 the limit is its own", NULL, CONSIDERED("C2", "E2", "ends=2027-05-26 suitability=D10"),
			"QUARANTINED PTP_G4", NULL },
		{ "P9 of 2027; told to who acts next", NULL,
			CONSIDERED("C2", "E2", "ends=2027-05-25 suitability=D10,D10"), "ACCEPTED",
			"ptp.opened C2 stage=1 title=Ask_the_court informs=SERVICE_MANAGER; task.opened C2:1 "
			"role=SERVICE_MANAGER" },
		{ "P9 the older one goes its own way", NULL, STAGE("C1", 1, PROBATION_OFFICER, ADVISED), "ACCEPTED",
			"task.completed C1:1 task=COMPLETED !concerns=*; ptp.stage-changed C1 from=1 to=2 "
			"concerns=PROBATION_OFFICER; task.opened C1:2 title=Discuss* !concerns=*" },
		{ "P9, G8", NULL, STAGE("C2", 1, PROBATION_OFFICER, ADVISED), "QUARANTINED PTP_G8",
			"ptp.refused C2 stage=1 from=1 outcome=ADVISED; event.quarantined" },
		{ "P9", NULL, STAGE("C2", 1, SERVICE_MANAGER, APPROVED), "ACCEPTED",
			"task.completed C2:1 task=COMPLETED; ptp.closed C2 case=APPROVED rule=the_court_agrees "
			"!task=*" },
		{ "P9 done, and when", NULL, "case C2", NULL, "case=APPROVED task=COMPLETED closed=2027-01-04T09:00" },
	};

	(void)state;
	assert_int_equal(world_play_new(&two, rows, ARRAY_LENGTH(rows)), 0);
}

static void test_counts_codes_of_any_length_once(void **state)
{
	static struct policy other;
	static const struct play_row rows[] = {
		ORDER("E1"),
		{ "G5", NULL, CONSIDERED("C1", "E1", "ends=2027-11-25 suitability=LONG,C1,LONG,C1"), "ACCEPTED", NULL },
		{ "G5", NULL, STAGE("C1", 1, PROBATION_OFFICER, ADVISED), "ACCEPTED", NULL },
		{ "G5", NULL, STAGE("C1", 2, PROBATION_OFFICER, STILL_CONSIDERED), "ACCEPTED", NULL },
		{ "G5", NULL, STAGE("C1", 3, SERVICE_MANAGER, MEMO_SENT), "ACCEPTED", NULL },
		{ "G5", NULL, STAGE("C1", 4, AREA_MANAGER, SUPPORTED), "ACCEPTED", NULL },
		{ "G5", NULL, STAGE("C1", 5, REGIONAL_MANAGER, SUPPORTED), "ACCEPTED", NULL },
		{ "G5 two of three", NULL, STAGE("C1", 6, ES_OPERATIONS_ADVISER, PROPOSAL_PREPARED) " id=a",
			"QUARANTINED PTP_G5", NULL },
		{ "G5", NULL, "quarantine a", NULL, "sentence=suitability_has_2_codes_of_at_least_3*" },
	};

	(void)state;
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &other, &(struct fault){ "" }), 0);
	other.suitabilities[other.suitability_count++] = (struct policy_suitability){ 1, "LONG", "" };
	other.ptps[0].suitability_minimum = 3;
	assert_int_equal(world_play_new(&other, rows, ARRAY_LENGTH(rows)), 0);
}

/* A policy that no longer has the version a case was opened under: the case goes on under what was in force then. */
static void test_goes_on_where_its_version_is_gone(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&shipped);
	static const struct play_row before[] = {
		ORDER("E1"),
		{ "P9", NULL, CONSIDERED("C1", "E1", "ends=2027-11-25 suitability=C1"), "ACCEPTED", NULL },
	};
	static const struct play_row after[] = {
		{ "P9", NULL, STAGE("C1", 1, SERVICE_MANAGER, APPROVED), "QUARANTINED PTP_G4", NULL },
		{ "P9", NULL,
			"revised ptp=C1 prn=P1 order=E1 monitoring=FULL_TIME em=yes approval=SOUGHT rr=yes "
			"starts=2026-11-25 ends=2027-05-25 suitability=D10 by=po-7",
			"ACCEPTED", NULL },
		{ "P9", NULL, STAGE("C1", 1, SERVICE_MANAGER, APPROVED), "ACCEPTED",
			"task.completed C1:1; ptp.closed C1 case=APPROVED" },
	};

	(void)state;
	assert_int_equal(world_play(world, before, ARRAY_LENGTH(before)), 0);
	later = two;
	later.ptps[0] = later.ptps[1];
	later.ptp_count = 1;
	later.zone.changes = later.zone_changes;
	world->policy = &later;
	assert_int_equal(world_play(world, after, ARRAY_LENGTH(after)), 0);
}

static int set_up(void **state)
{
	struct fault fault = { "" };

	(void)state;
	if (policy_from_csv(SHIPPED_POLICY, &shipped, &fault) < 0 || policy_from_csv(SHIPPED_POLICY, &two, &fault) < 0)
		fail_msg("%s", fault.sentence);
	add_version_2(&two);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_a_case_under_the_version_in_force),
		cmocka_unit_test(test_counts_codes_of_any_length_once),
		cmocka_unit_test(test_goes_on_where_its_version_is_gone),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
