/* P8, G6-G8: which outcome whom may record at which stage, with what consequence. The contract's table stands in ptp_contract.c. */
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
#include "core/ptp_contract.h"

#define STAGES 10
#define STAYS  0

static struct policy policy;
static struct bench bench;

static int say_wrong(const struct triple *t, const char *rule, const char *what)
{
	fprintf(stderr, "%s: stage %d, %s, %s: %s (%s)\n", rule, t->stage, role_text(t->role),
		ptp_outcome_text(t->outcome), what, bench.verdict.sentence);
	return 1;
}

/* The one record of the change bears everything that history wants, once (who, what, from where, to where, by which rule). */
static int check_record(const struct triple *t, const struct contract_row *row)
{
	const enum record_name name = row->closes ? RECORD_PTP_CLOSED
				      : row->next ? RECORD_PTP_STAGE_CHANGED
						  : RECORD_PTP_NOTED;
	const struct record *r;

	if (bench_count(&bench, RECORD_PTP_CLOSED) + bench_count(&bench, RECORD_PTP_STAGE_CHANGED) +
				bench_count(&bench, RECORD_PTP_NOTED) !=
			1 ||
		bench_count(&bench, name) != 1)
		return say_wrong(t, row->rule, "must be told once, by the record of its kind");
	r = &bench_record(&bench, name)->record;
	if (r->from_stage != t->stage ||
		r->to_stage != (row->closes        ? 0
				       : row->next ? row->next
						   : t->stage) ||
		r->outcome != t->outcome || r->by_role != t->role || !text_equal(r->by, "po-7") ||
		!text_given(r->rule) || r->concerns != row->acts || r->informs != row->informs)
		return say_wrong(t, row->rule, "its record lacks something");
	if (bench_count(&bench, RECORD_PTP_DECIDED) != (t->stage == 8 && row->role == ROLE_GENERAL_MANAGER))
		return say_wrong(t, row->rule, "ptp.decided belongs to stage 8");
	return 0;
}

static int check_case(const struct triple *t, const struct contract_row *row, const struct ptp_case *ptp)
{
	if (ptp->state != (row->closes ? row->closes : PTP_IN_PROGRESS) ||
		ptp->stage != (row->next ? row->next : t->stage))
		return say_wrong(t, row->rule, "the case does not stand where it must");
	if (ptp->change == ROW_CLEAN)
		return say_wrong(t, row->rule, "the case is not marked");
	if (row->closes)
		return ptp->task.state == TASK_OPEN ? say_wrong(t, row->rule, "a task is left open") : 0;
	if (ptp->task.state != TASK_OPEN || ptp->task.role != row->acts || ptp->task.step != ptp->stage)
		return say_wrong(t, row->rule, "the open task must name who acts next");
	return 0;
}

static int check_triple(const struct triple *t, uint32_t recorded)
{
	const struct contract_row *row;
	const enum reason reason = contract_judges(t, recorded, &row);
	struct ptp_case *ptp = bench_case_at(&bench, &policy, t->stage, recorded), before = *ptp;
	const struct event event = bench_stage(&bench, t->stage, t->role, t->outcome);

	if (bench_reason(&bench, &event) != reason)
		return say_wrong(t, row ? row->rule : "G6, G8", "is not judged as the table says");
	if (row)
		return check_record(t, row) + check_case(t, row, ptp);
	if (memcmp(&before, ptp, sizeof(before)) != 0)
		return say_wrong(t, "G6, G8", "a refusal changed the case");
	if (bench_count(&bench, RECORD_PTP_REFUSED) != 1 ||
		bench_record(&bench, RECORD_PTP_REFUSED)->record.guard != reason ||
		!text_equal(bench_record(&bench, RECORD_PTP_REFUSED)->sentence, bench.verdict.sentence))
		return say_wrong(t, "G6, G8", "ptp.refused must name the guard and why");
	return 0;
}

/* What may have been recorded at a stage before: nothing, or what later outcomes need. */
static const struct {
	uint8_t stage;
	uint32_t recorded;
} before[] = {
	{ 1, 0 },
	{ 2, 0 },
	{ 3, 0 },
	{ 4, 0 },
	{ 5, 0 },
	{ 6, 0 },
	{ 7, 0 },
	{ 7, BIT(OUTCOME_BUDGET_APPROVED) },
	{ 8, 0 },
	{ 9, 0 },
	{ 9, BIT(OUTCOME_DRAFT_SUBMITTED) },
	{ 9, BIT(OUTCOME_DRAFT_SUBMITTED) | BIT(OUTCOME_FEEDBACK_GIVEN) },
	{ 10, 0 },
	{ 10, BIT(OUTCOME_SUBMITTED) },
};

static void test_judges_every_stage_role_and_outcome_as_the_contract_does(void **state)
{
	int failed = 0, accepted = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(before); i++)
		for (int role = 1; role < ROLE_END; role++)
			for (int outcome = 1; outcome < PTP_OUTCOME_END; outcome++) {
				const struct triple t = { before[i].stage, (enum role)role, (enum ptp_outcome)outcome };

				failed += check_triple(&t, before[i].recorded);
				accepted += bench.verdict.disposition == DISPOSITION_ACCEPTED;
			}
	assert_int_equal(failed, 0);
	/* 14 settings x WITHDRAWN by 3 roles; the 20 rows of a stage, once in each setting where they hold, and once more for a senior. */
	assert_int_equal(accepted, 14 * 3 + 26 + 6);
}

static void test_refuses_every_stage_out_of_turn(void **state)
{
	int failed = 0;

	(void)state;
	for (uint8_t at = 1; at <= CONTRACT_STAGES; at++)
		for (size_t i = 0; i < contract_row_count; i++)
			for (uint8_t stage = 1; stage <= CONTRACT_STAGES; stage++) {
				const struct triple t = { stage, contract_rows[i].role, contract_rows[i].outcome };
				struct event event;

				if (stage == at || (contract_rows[i].stage && contract_rows[i].stage != stage))
					continue;
				bench_case_at(
					&bench, &policy, at, contract_rows[i].needs ? BIT(contract_rows[i].needs) : 0);
				event = bench_stage(&bench, stage, t.role, t.outcome);
				if (bench_reason(&bench, &event) != REASON_PTP_G7 || bench.cases[0].stage != at)
					failed += say_wrong(&t, "G7", "was not refused as out of turn");
			}
	assert_int_equal(failed, 0);
}

static const struct contract_row *row_of(const struct policy_ptp_move *move)
{
	for (size_t i = 0; i < contract_row_count; i++)
		if (contract_rows[i].stage == move->stage && contract_rows[i].role == move->role &&
			contract_rows[i].outcome == move->outcome)
			return &contract_rows[i];
	return NULL;
}

/* The accepted set is the contract's, and so are the rows that are shipped: none more, none twice. */
static void test_ships_the_contracts_rows_and_no_other(void **state)
{
	uint32_t seen = 0;

	(void)state;
	for (uint16_t i = 0; i < policy.ptp_move_count; i++) {
		const struct policy_ptp_move *move = &policy.ptp_moves[i];
		const struct contract_row *row = row_of(move);

		assert_int_equal(move->version, 1);
		if (!row || move->next != row->next || move->closes != row->closes || move->needs != row->needs)
			fail_msg("ptp_move row %d is not the contract's: %s", i + 1, move->phrase);
		assert_false(seen & BIT(row - contract_rows));
		seen |= BIT(row - contract_rows);
	}
	assert_int_equal(seen, BIT(contract_row_count) - 1);
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
		cmocka_unit_test(test_judges_every_stage_role_and_outcome_as_the_contract_does),
		cmocka_unit_test(test_refuses_every_stage_out_of_turn),
		cmocka_unit_test(test_ships_the_contracts_rows_and_no_other),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
