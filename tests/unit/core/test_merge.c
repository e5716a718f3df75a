/* One person, several orders, several numbers: who is recommended, when orders are split, merges and taking them back (R5, R9, A5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "core/policy_csv.h"
#include "core/rules.h"
#include "core/world.h"

static struct policy policy;

#define PLAY(...)                                                                         \
	do {                                                                              \
		static const struct play_row rows_[] = { __VA_ARGS__ };                   \
		(void)state;                                                              \
		assert_int_equal(world_play_new(&policy, rows_, ARRAY_LENGTH(rows_)), 0); \
	} while (0)

/* Taken over orders have no steps, so that only the allocations speak. */
#define TAKEN_OVER(prn, order, rest) \
	"baseline prn=" prn " order=" order " type=SUPERVISION effective=2026-01-05 office=NELSON" rest
#define PLANNED(prn, order) \
	"sentencing.scheduled prn=" prn " order=" order " type=SUPERVISION on=2026-12-20 office=NELSON"
#define IMPOSED(prn, order, rest) \
	"imposed prn=" prn " order=" order " type=SUPERVISION effective=2026-11-25 office=NELSON " rest
#define ALLOCATE(order, officer) "allocation.recorded order=" order " officer=" officer " role=SERVICE_MANAGER by=sm"
#define CANCELLED(order)         "sentence.cancelled order=" order " cancelled=2026-11-25"
#define MERGED(prn, into)        "offender.merged prn=" prn " into=" into " reason=x"
#define UNMERGED(prn, into)      "offender.unmerged prn=" prn " into=" into " reason=x"
#define ROW(rule, what, records)                      \
	{                                             \
		rule, NULL, what, "ACCEPTED", records \
	}
#define SHOW(rule, order, words)                       \
	{                                              \
		rule, NULL, "show " order, NULL, words \
	}

/* ---- R5 ---- */

static void test_recommends_the_officer_allocated_last(void **state)
{
	PLAY(ROW("R5", TAKEN_OVER("P1", "O1", " officer=po-1"), NULL),
		{ "R5", "2026-11-26 09:00", TAKEN_OVER("P1", "O2", " officer=po-2"), "ACCEPTED",
			"allocation.baselined; allocation.split O2 officer=po-2" },
		ROW("R5 the most recent of the live ones", TAKEN_OVER("P1", "O3", ""),
			"allocation.baselined O3 recommended=po-2; task.opened O3:8"),
		ROW("R5 a planned one asks too", PLANNED("P1", "O4"),
			"allocation.planned O4 recommended=po-2; task.opened"),
		{ "R5 a planned one counts; the others follow", "2026-11-27 09:00", ALLOCATE("O4", "po-4"), "ACCEPTED",
			"allocation.allocated O4; task.completed O4:8; allocation.changed O3 change=recommendation "
			"recommended=po-4" },
		ROW("R5 not another's", TAKEN_OVER("P2", "O5", ""), "allocation.baselined !recommended=*; task.opened"),
		ROW("R5 no longer, once it is cancelled", CANCELLED("O4"),
			"allocation.cancelled O4; allocation.changed O3 change=recommendation recommended=po-2"),
		ROW("R5", CANCELLED("O2"), "allocation.cancelled; allocation.changed O3 recommended=po-1"),
		ROW("R5 nobody is left", CANCELLED("O1"),
			"allocation.cancelled; allocation.changed O3 change=recommendation !recommended=*"));
}

static void test_accepts_another_officer_and_says_so(void **state)
{
	PLAY(ROW("R5", TAKEN_OVER("P1", "O1", " officer=po-1"), NULL), ROW("R5", TAKEN_OVER("P1", "O2", ""), NULL),
		ROW("R5 a different one is accepted", ALLOCATE("O2", "po-2"),
			"allocation.allocated O2 officer=po-2 recommended=po-1; task.completed O2:8; "
			"allocation.completed;"
			"allocation.split/NELSON O2 officer=po-2"),
		ROW("R5 not again without an allocation", "assessed prn=P1 ows=2026-11-25", ""),
		ROW("R5 said again as long as one leaves it so", ALLOCATE("O1", "po-3"),
			"allocation.reallocated O1; allocation.split O1"),
		ROW("R5 one officer for all", ALLOCATE("O1", "po-2"), "allocation.reallocated O1 officer=po-2"),
		ROW("R5 a planned one splits nothing", PLANNED("P1", "O3"), NULL),
		ROW("R5", ALLOCATE("O3", "po-9"), "allocation.allocated O3; task.completed O3:8"),
		ROW("R5 before it takes effect", IMPOSED("P1", "O3", ""),
			"allocation.requested; task.completed; task.opened; task.opened; task.opened; task.skipped "
			"O3:6;"
			"task.opened;"
			"allocation.split O3"),
		ROW("R5 who is cancelled splits nothing", CANCELLED("O3"), NULL),
		ROW("R5", ALLOCATE("O1", "po-2"), ""));
}

static void test_recommends_to_the_unallocated_only(void **state)
{
	PLAY(ROW("R5", TAKEN_OVER("P1", "O1", ""), NULL), ROW("R5", TAKEN_OVER("P1", "O2", ""), NULL),
		ROW("R5", TAKEN_OVER("P1", "O3", " officer=po-3"),
			"allocation.baselined; allocation.changed O1 recommended=po-3; allocation.changed O2 "
			"recommended=po-3"),
		ROW("R5", CANCELLED("O2"), NULL),
		{ "R5", "2026-11-26 09:00", ALLOCATE("O1", "po-3"), "ACCEPTED", NULL },
		ROW("R5 neither the closed one nor those who have one", ALLOCATE("O3", "po-4"),
			"allocation.reallocated O3; allocation.split O3"));
}

/* After a merge a file lists its orders as they came to it, after a restart as they were opened. */
static void test_recommends_the_same_in_whatever_order_a_file_lists(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const struct play_row merged[] = {
		ROW("R11 a list, of one moment", TAKEN_OVER("P2", "O1", " officer=po-1"), NULL),
		ROW("R11", TAKEN_OVER("P1", "O2", " officer=po-2"), NULL),
		ROW("R11", TAKEN_OVER("P1", "O3", ""), NULL),
		ROW("R9", MERGED("P2", "P1"), NULL),
		ROW("R5", "assessed prn=P1 ows=2026-11-24", ""),
	};
	static const struct play_row after[] = { ROW("R5 nothing is news", "assessed prn=P1 ows=2026-11-25", "") };
	struct file *file;
	struct request *first;

	(void)state;
	assert_int_equal(world_play(world, merged, ARRAY_LENGTH(merged)), 0);
	file = world->facts.request(world, "O1")->file;
	first = file->requests;
	file->requests = first->next;
	file_link(file, first);
	assert_int_equal(world_play(world, after, ARRAY_LENGTH(after)), 0);
}

/* ---- R9 ---- */

static void test_moves_everything_to_the_surviving_number(void **state)
{
	PLAY(ROW("R9", TAKEN_OVER("P1", "O1", " officer=po-1"), NULL), ROW("R9", TAKEN_OVER("P2", "O2", ""), NULL),
		ROW("R9", PLANNED("P2", "O3"), NULL),
		ROW("R9", TAKEN_OVER("P2", "O4", " officer=po-2 time=2026-11-25T08:00"), NULL),
		ROW("R9", TAKEN_OVER("P2", "O5", ""), NULL), ROW("R9", CANCELLED("O5"), NULL),
		ROW("R9 live and planned ones, told at their office; decided again", MERGED("P2", "P1"),
			"allocation.changed/NELSON O2 prn=P1 previous_prn=P2 change=prn; allocation.changed O3 "
			"previous_prn=P2;"
			"allocation.changed O4 prn=P1 previous_prn=P2; allocation.changed O2 recommended=po-1; "
			"allocation.changed O3 recommended=po-1; allocation.split O1"),
		SHOW("R9", "O2", "prn=P1 filed=P2"), SHOW("R9", "O5", "prn=P1 filed=P2"),
		{ "R9", NULL, "person P2", NULL, "survivor=P1 merged=P1 kept=1" },
		ROW("R9 later events for it are the survivor's", TAKEN_OVER("P2", "O6", ""),
			"allocation.baselined O6 prn=P1 recommended=po-1; task.opened O6:8"),
		SHOW("R9 the number it came under", "O6", "prn=P1 filed=P2"),
		ROW("R10 either number is right",
			"sentencing.scheduled prn=P1 order=O3 type=SUPERVISION on=2026-12-21 office=NELSON",
			"allocation.changed O3"));
}

static void test_decides_steps_and_recommendations_again(void **state)
{
	PLAY(ROW("R4", IMPOSED("P1", "O1", "cso=no"), NULL), ROW("R4", IMPOSED("P2", "O2", "cso=yes"), NULL),
		ROW("R4", "assessed prn=P2 ows=2026-11-25", NULL), ROW("R5", ALLOCATE("O2", "po-2"), NULL),
		ROW("R9, R4, R5", MERGED("P2", "P1"),
			"allocation.changed O2 change=prn; task.completed O1:6; task.reopened O1:7;"
			"allocation.changed O1 change=recommendation recommended=po-2"),
		ROW("R9 and again", UNMERGED("P2", "P1"),
			"allocation.changed O2 prn=P2 change=prn previous_prn=P1; task.reopened O1:6; task.skipped "
			"O1:7;"
			"allocation.changed O1 change=recommendation !recommended=*"));
}

static void test_merges_unknown_numbers(void **state)
{
	PLAY(ROW("X3 accepted and kept", MERGED("P8", "P9"), ""),
		{ "X3", NULL, "person P8", NULL, "survivor=P9 kept=1" },
		{ "X3", NULL, "person P9", NULL, "survivor=P9 kept=1 known=0" },
		ROW("R9", TAKEN_OVER("P8", "O1", " officer=po-1"), "allocation.baselined O1 prn=P9"),
		{ "R4 step 4", NULL, "person P8", NULL, "known=1" }, { "R4", NULL, "person P9", NULL, "known=0" },
		ROW("R4 the file is known by any number", IMPOSED("P9", "O2", ""), NULL),
		SHOW("R4", "O2", "t4=Re-open_the_offender_file"));
}

static void test_resolves_chains(void **state)
{
	PLAY(ROW("R9", TAKEN_OVER("P1", "O1", " officer=po-1"), NULL), ROW("R9", MERGED("P1", "P2"), NULL),
		ROW("R9 into a third", MERGED("P2", "P3"), "allocation.changed O1 prn=P3 previous_prn=P2"),
		SHOW("R9", "O1", "prn=P3 filed=P1"), ROW("R9 into a retired one", MERGED("P4", "P1"), ""),
		{ "R9", NULL, "person P4", NULL, "survivor=P3 merged=P1" },
		ROW("R9 a retired one stands for its survivor", MERGED("P1", "P5"),
			"allocation.changed O1 prn=P5 previous_prn=P3"),
		{ "R9", NULL, "person P3", NULL, "survivor=P5 merged=P5" },
		{ "R9", NULL, "person P1", NULL, "merged=P2" });
}

static void test_refuses_a_cycle(void **state)
{
	PLAY(ROW("R9", MERGED("P1", "P2"), ""), ROW("R9", MERGED("P2", "P3"), ""),
		{ "R9 back", NULL, MERGED("P3", "P1"), "QUARANTINED MERGE_CYCLE",
			"event.quarantined reason=MERGE_CYCLE" },
		{ "R9 back by one", NULL, MERGED("P2", "P1"), "QUARANTINED MERGE_CYCLE", NULL },
		{ "R9 into itself", NULL, MERGED("P9", "P9"), "QUARANTINED MERGE_CYCLE", NULL },
		{ "R9 one person already", NULL, MERGED("P1", "P3"), "QUARANTINED MERGE_CYCLE", NULL },
		ROW("R9 the same said again", MERGED("P1", "P2"), ""),
		{ "R9", NULL, "claim e7", NULL, "state=ACCEPTED detail=prn_P1_is_merged_into_P2_already" },
		{ "R9 nothing moved", NULL, "person P3", NULL, "survivor=P3 !merged=*" });
}

static void test_takes_a_wrong_merge_back(void **state)
{
	PLAY(ROW("R9", TAKEN_OVER("P1", "O1", " officer=po-1"), NULL), ROW("R9", TAKEN_OVER("P2", "O2", ""), NULL),
		ROW("R9", TAKEN_OVER("P3", "O3", " officer=po-3"), NULL), ROW("R9", MERGED("P3", "P2"), NULL),
		ROW("R9", MERGED("P2", "P1"), NULL), ROW("R9 filed during the merge", TAKEN_OVER("P2", "O4", ""), NULL),
		ROW("R9 by the survivor's number", TAKEN_OVER("P1", "O5", ""),
			"allocation.baselined O5 recommended=po-1; task.opened"),
		ROW("R9 with who led through it, and what was filed under either", UNMERGED("P2", "P1"),
			"allocation.changed O2 prn=P2 previous_prn=P1; allocation.changed O3 prn=P2 previous_prn=P1;"
			"allocation.changed O4 prn=P2 previous_prn=P1;"
			"allocation.changed O2 change=recommendation recommended=po-3; allocation.changed O4 "
			"change=recommendation recommended=po-3"),
		SHOW("R9", "O1", "prn=P1"), SHOW("R9", "O5", "prn=P1"), SHOW("R9", "O3", "prn=P2 filed=P3"),
		{ "R9", NULL, "person P2", NULL, "survivor=P2 !merged=*" },
		{ "R9", NULL, "person P3", NULL, "survivor=P2 merged=P2" },
		ROW("R9 what comes now is its own", TAKEN_OVER("P2", "O6", ""),
			"allocation.baselined O6 prn=P2; task.opened"),
		ROW("R5 nothing is split any more", ALLOCATE("O6", "po-3"),
			"allocation.allocated; task.completed; allocation.completed"));
}

static void test_leaves_closed_orders_unsaid(void **state)
{
	PLAY(ROW("R9", TAKEN_OVER("P2", "O2", " officer=po-1"), NULL), ROW("R2", CANCELLED("O2"), NULL),
		ROW("R9", MERGED("P2", "P1"), ""), SHOW("R9", "O2", "prn=P1"), ROW("R9", UNMERGED("P2", "P1"), ""),
		SHOW("R9", "O2", "prn=P2"));
}

static void test_keeps_a_split_that_was_said(void **state)
{
	PLAY(ROW("R9", TAKEN_OVER("P2", "O1", " officer=po-1"), NULL),
		ROW("R5", TAKEN_OVER("P2", "O2", " officer=po-2"), NULL),
		ROW("R9", MERGED("P2", "P1"), "allocation.changed O1; allocation.changed O2; allocation.split"),
		ROW("R9 it was said", UNMERGED("P2", "P1"), "allocation.changed O1; allocation.changed O2"));
}

static void test_refuses_to_take_back_what_was_not_merged(void **state)
{
	PLAY(ROW("R9", MERGED("P1", "P2"), ""),
		{ "R9", NULL, UNMERGED("P1", "P3"), "QUARANTINED NOT_MERGED", "event.quarantined reason=NOT_MERGED" },
		{ "R9", NULL, UNMERGED("P2", "P1"), "QUARANTINED NOT_MERGED", NULL },
		{ "R9 names who it stands for", NULL, "quarantine e2", NULL,
			"sentence=prn_P1_is_not_merged_into_P3__it_stands_for_P2" },
		{ "R9 names who it stands for", NULL, "quarantine e3", NULL,
			"sentence=prn_P2_is_not_merged_into_P1__it_stands_for_itself" },
		ROW("R9", UNMERGED("P1", "P2"), ""),
		{ "R9 once", NULL, UNMERGED("P1", "P2"), "QUARANTINED NOT_MERGED", NULL },
		ROW("R9 merged anew", MERGED("P1", "P3"), ""));
}

/* ---- Room ---- */

static void say(struct world *world, enum disposition disposition, enum reason reason, const char *format,
	const char *prn, int n)
{
	char words[256];
	struct verdict verdict;

	snprintf(words, sizeof(words), format, prn, n);
	assert_int_equal(world_decide(world, words, &verdict), 0);
	if (verdict.disposition != disposition || verdict.reason != reason)
		fail_msg("%s: %s %s", words, disposition_text(verdict.disposition), reason_text(verdict.reason));
}

static void accept_n(struct world *world, int from, int to, const char *prn, const char *format)
{
	for (int i = from; i <= to; i++)
		say(world, DISPOSITION_ACCEPTED, REASON_NONE, format, prn, i);
}

#define ORDER_N "baseline prn=%s order=N%d type=PAROLE effective=2026-01-05 office=NELSON officer=po-1 kind=PRISON"

static void test_holds_so_many_orders_a_person(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	enum disposition refused = DISPOSITION_QUARANTINED;
	static const struct play_row back[] = {
		{ "R2", NULL, "release.cancelled order=N1", "ACCEPTED", NULL },
		{ "a place is free", NULL, TAKEN_OVER("P1", "O1", ""), "ACCEPTED", NULL },
		{ "R2 nor may one come back", "2026-11-26 09:00",
			"released prn=P1 order=N1 type=PAROLE effective=2026-11-26 office=NELSON",
			"QUARANTINED TOO_MANY_ORDERS", "event.quarantined" },
		{ "R8 nor be moved there", NULL, TAKEN_OVER("P2", "O2", ""), "ACCEPTED", NULL },
		{ "R8", NULL, "sentence.varied prn=P1 order=O2 type=SUPERVISION effective=2026-01-05 office=NELSON",
			"QUARANTINED TOO_MANY_ORDERS", NULL },
		{ "R8 its own may vary", NULL,
			"sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-01-05 office=NAPIER",
			"ACCEPTED", NULL },
		{ "R9 nor by a merge", NULL, MERGED("P2", "P1"), "QUARANTINED TOO_MANY_ORDERS", "event.quarantined" },
		{ "R9", NULL, "sentence.cancelled order=O2 cancelled=2026-11-25", "ACCEPTED", NULL },
		{ "R9 closed ones take no place", NULL, MERGED("P2", "P1"), "ACCEPTED", "" },
	};

	(void)state;
	accept_n(world, 1, FILE_ORDERS_MAX, "P1", ORDER_N);
	say(world, refused, REASON_TOO_MANY_ORDERS, ORDER_N, "P1", FILE_ORDERS_MAX + 1);
	assert_int_equal(world_play(world, back, ARRAY_LENGTH(back)), 0);
}

static void test_refuses_an_ended_order_where_there_is_no_room(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const struct play_row ended[] = {
		{ "R5", NULL, TAKEN_OVER("P1", "O1", " ends=2026-11-25"), "ACCEPTED", NULL },
		{ "R5", "2026-11-26 09:00", "tick", NULL, NULL },
	};
	static const struct play_row back[] = {
		{ "R8", NULL, "sentence.varied prn=P1 order=O1 type=SUPERVISION effective=2026-01-05 office=NELSON",
			"QUARANTINED TOO_MANY_ORDERS", NULL },
	};

	(void)state;
	assert_int_equal(world_play(world, ended, ARRAY_LENGTH(ended)), 0);
	accept_n(world, 1, FILE_ORDERS_MAX, "P1", ORDER_N);
	assert_int_equal(world_play(world, back, ARRAY_LENGTH(back)), 0);
}

static void test_holds_so_many_numbers_a_person(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	accept_n(world, 1, FILE_PERSONS_MAX - 1, "P1", "offender.merged into=%s prn=N%d");
	say(world, DISPOSITION_QUARANTINED, REASON_TOO_MANY_ORDERS, "offender.merged into=%s prn=N%d", "P1",
		FILE_PERSONS_MAX);
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
		cmocka_unit_test(test_recommends_the_officer_allocated_last),
		cmocka_unit_test(test_accepts_another_officer_and_says_so),
		cmocka_unit_test(test_recommends_to_the_unallocated_only),
		cmocka_unit_test(test_recommends_the_same_in_whatever_order_a_file_lists),
		cmocka_unit_test(test_moves_everything_to_the_surviving_number),
		cmocka_unit_test(test_decides_steps_and_recommendations_again),
		cmocka_unit_test(test_merges_unknown_numbers),
		cmocka_unit_test(test_resolves_chains),
		cmocka_unit_test(test_refuses_a_cycle),
		cmocka_unit_test(test_takes_a_wrong_merge_back),
		cmocka_unit_test(test_leaves_closed_orders_unsaid),
		cmocka_unit_test(test_keeps_a_split_that_was_said),
		cmocka_unit_test(test_refuses_to_take_back_what_was_not_merged),
		cmocka_unit_test(test_holds_so_many_orders_a_person),
		cmocka_unit_test(test_refuses_an_ended_order_where_there_is_no_room),
		cmocka_unit_test(test_holds_so_many_numbers_a_person),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
