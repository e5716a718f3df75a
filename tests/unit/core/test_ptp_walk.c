/* A million random events, seeded: whatever comes, a case never leaves the contract's table, a refusal changes nothing, and while the case is in
 * progress its one open task names who acts next. A model of the case, kept beside it, says what must come of each event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "core/policy_csv.h"
#include "core/ptp_bench.h"
#include "core/ptp_contract.h"

#define STEPS 1000000

static struct policy policy;
static struct bench bench;

struct model {
	enum ptp_state state;
	uint8_t stage;
	uint32_t recorded;
	enum role acts;
	bool em_met, complete; /* G2; G3, G4, G5 and G9 */
};

static struct model model;
static uint64_t seed;

static unsigned any(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void begin(void)
{
	bench_case_at(&bench, &policy, 1, 0);
	model = (struct model){ PTP_IN_PROGRESS, 1, 0, ROLE_PROBATION_OFFICER, true, true };
}

/* ---- What the table makes of a stage record ---- */

static bool forward(const struct contract_row *row)
{
	return row->next || row->closes == PTP_APPROVED;
}

static bool late(const struct contract_row *row)
{
	return row->next > 6 || row->closes == PTP_APPROVED;
}

static bool guarded(const struct contract_row *row)
{
	return forward(row) && (!model.em_met || (late(row) && !model.complete));
}

static void follow(const struct contract_row *row)
{
	if (row->closes)
		model.state = row->closes;
	else if (row->next)
		model.stage = row->next, model.recorded = 0;
	else
		model.recorded |= BIT(row->outcome);
	if (row->outcome == OUTCOME_DRAFT_SUBMITTED)
		model.recorded &= ~BIT(OUTCOME_FEEDBACK_GIVEN);
	model.acts = row->acts;
}

static bool is_guard(enum reason reason)
{
	return reason >= REASON_PTP_G1 && reason <= REASON_PTP_G9;
}

/* Half of the records are what somebody in the right place would record, so that the walk gets far. */
static struct triple choose(void)
{
	struct triple t = { model.stage, (enum role)(1 + any(ROLE_END - 1)),
		(enum ptp_outcome)(1 + any(PTP_OUTCOME_END - 1)) };
	const struct contract_row *row = &contract_rows[any((unsigned)contract_row_count)];

	if (any(2))
		t.stage = (uint8_t)(1 + any(CONTRACT_STAGES));
	if (row->stage == model.stage || any(200) == 0)
		t = (struct triple){ model.stage, row->role, row->outcome };
	return t;
}

static void record_a_stage(void)
{
	const struct triple t = choose();
	const struct event event = bench_stage(&bench, t.stage, t.role, t.outcome);
	const struct contract_row *row = NULL;
	enum reason expected = REASON_PTP_CLOSED, reason = bench_reason(&bench, &event);

	if (model.state == PTP_IN_PROGRESS)
		expected = t.stage == model.stage ? contract_judges(&t, model.recorded, &row) : REASON_PTP_G7;
	if (row && guarded(row)) {
		assert_true(is_guard(reason));
		return;
	}
	assert_int_equal(reason, expected);
	if (row)
		follow(row);
}

/* ---- The other events ---- */

static void revise(void)
{
	struct event event = bench_event(&bench, EVENT_PTP_REVISED);
	enum reason reason;

	/* Mostly what lets the case go on, so that the walk gets to the end of it. */
	event.em_criteria_met = any(20) ? TRI_YES : TRI_NO;
	event.residential_restrictions = any(20) ? TRI_YES : TRI_NO;
	event.em_approval = any(10) ? EM_SOUGHT : (enum em_approval)any(EM_APPROVAL_END);
	event.suitability.n = any(20) ? 2 : 0;
	if (any(20) == 0)
		event.ends_on = DATE_NONE;
	reason = bench_reason(&bench, &event);
	if (model.state != PTP_IN_PROGRESS) {
		assert_int_equal(reason, REASON_PTP_CLOSED);
		return;
	}
	assert_int_equal(reason, event.em_approval == EM_DECLINED ? REASON_PTP_G9 : REASON_NONE);
	if (reason != REASON_NONE)
		return;
	model.em_met = event.em_criteria_met == TRI_YES;
	model.complete = event.residential_restrictions == TRI_YES && event.suitability.n &&
			 date_given(event.ends_on) &&
			 (event.em_approval == EM_SOUGHT || event.em_approval == EM_APPROVED);
}

static void impose(void)
{
	static const enum ptp_state from[] = { PTP_NONE, PTP_APPROVED, PTP_APPROVED, PTP_IMPOSED };
	static const enum ptp_state to[] = { PTP_NONE, PTP_IMPOSED, PTP_NOT_IMPOSED, PTP_ENDED };
	const enum ptp_imposition outcome = (enum ptp_imposition)(1 + any(3));
	const struct event event = bench_imposition(&bench, outcome);
	const enum reason reason = bench_reason(&bench, &event);

	if (model.state == from[outcome]) {
		assert_int_equal(reason, REASON_NONE);
		model.state = to[outcome];
		return;
	}
	assert_int_equal(
		reason, model.state == PTP_IN_PROGRESS || model.state == PTP_APPROVED || model.state == PTP_IMPOSED
				? REASON_PTP_G8
				: REASON_PTP_CLOSED);
}

static void consider_again(void)
{
	const struct event event = bench_event(&bench, EVENT_PTP_CONSIDERED);

	assert_int_equal(bench_reason(&bench, &event), REASON_PTP_EXISTS);
}

static void let_time_pass(void)
{
	bench_tick(&bench, instant_plus(bench.now, (int64_t)any(model.state == PTP_IMPOSED ? 200 : 40) * US_PER_DAY));
	if (model.state == PTP_IMPOSED && bench_count(&bench, RECORD_PTP_EXPIRED))
		model.state = PTP_EXPIRED;
}

static void (*const acts[])(void) = { record_a_stage, record_a_stage, record_a_stage, record_a_stage, record_a_stage,
	record_a_stage, record_a_stage, record_a_stage, record_a_stage, revise, impose, consider_again };

/* ---- What must always hold ---- */

static void check(const struct ptp_case *before)
{
	const struct ptp_case *ptp = &bench.cases[0];
	const bool open = model.state == PTP_IN_PROGRESS;

	assert_int_equal(ptp->state, model.state);
	assert_int_equal(ptp->stage, model.stage);
	assert_int_equal(ptp->outcomes, model.recorded);
	assert_int_equal(ptp->task.state == TASK_OPEN, open);
	if (open) {
		assert_int_equal(ptp->task.role, model.acts);
		assert_int_equal(ptp->task.step, model.stage);
	}
	if (bench.verdict.disposition == DISPOSITION_QUARANTINED)
		assert_memory_equal(ptp, before, sizeof(*ptp));
}

/* A task is opened exactly when one was closed and the case goes on. */
static void check_tasks(const struct ptp_case *before)
{
	const size_t closed = bench_count(&bench, RECORD_TASK_COMPLETED) + bench_count(&bench, RECORD_TASK_CANCELLED);

	assert_int_equal(bench_count(&bench, RECORD_TASK_OPENED), closed && model.state == PTP_IN_PROGRESS);
	if (closed)
		assert_int_equal(before->task.state, TASK_OPEN);
}

static uint32_t walk(uint64_t from, size_t steps)
{
	uint32_t states = 0;

	seed = from;
	begin();
	for (size_t i = 0; i < steps; i++) {
		const struct ptp_case before = bench.cases[0];

		acts[any(ARRAY_LENGTH(acts))]();
		check(&before);
		check_tasks(&before);
		if (any(model.state == PTP_IMPOSED ? 10 : 500) == 0)
			let_time_pass();
		states |= BIT(model.state);
		if (model.state != PTP_IN_PROGRESS && any(60) == 0)
			begin();
	}
	return states;
}

static void test_never_leaves_the_table(void **state)
{
	/* Every state but ORDER_CLOSED is reached: the walk went everywhere. */
	const uint32_t all = BIT(PTP_STATE_END) - 1 - BIT(PTP_NONE) - BIT(PTP_ORDER_CLOSED);
	uint32_t reached = 0;

	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		reached |= walk(i * UINT64_C(0x9e3779b97f4a7c15), STEPS / 4);
	assert_int_equal(reached, all);
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
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_never_leaves_the_table) };

	return cmocka_run_group_tests(tests, set_up, NULL);
}
