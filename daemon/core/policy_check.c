/* The policy as a whole: what no single cell can show. Order and repetition are tables of what to compare; the rest is one small check a
 * table. A check may rely on those before it, so that an index is a row number and every key is there. */
#include "core/policy_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define STAGES 100 /* stages are 1 to 99 */

typedef int check(const struct policy *policy, struct fault *fault);

/* -EINVAL; `index` counts rows from 0. */
__attribute__((format(printf, 5, 6))) static int wrong(
	struct fault *fault, const char *table, size_t index, const char *column, const char *format, ...)
{
	char text[FAULT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fault_set(fault, -EINVAL, "policy table %s, row %zu, column %s: %s", table, index + 1, column, text);
}

static size_t count_at(const struct policy *policy, size_t offset)
{
	return *(const uint16_t *)(const void *)((const char *)policy + offset);
}

/* ---- Rows in ascending order ---- */

static int64_t holiday_day(const struct policy *policy, size_t i)
{
	return policy->holidays[i].day;
}

static int64_t zone_from(const struct policy *policy, size_t i)
{
	return policy->zone_changes[i].from.us;
}

static int64_t step_number(const struct policy *policy, size_t i)
{
	return policy->steps[i].step;
}

static int64_t ptp_number(const struct policy *policy, size_t i)
{
	return policy->ptps[i].version;
}

static int64_t ptp_from(const struct policy *policy, size_t i)
{
	return policy->ptps[i].in_force_from.day;
}

static int check_ascending(const struct policy *policy, struct fault *fault)
{
	static const struct {
		const char *table, *column;
		size_t count;
		int64_t (*value)(const struct policy *policy, size_t i);
	} orders[] = {
		{ "holiday", "day", offsetof(struct policy, holiday_count), holiday_day },
		{ "zone", "changes_at", offsetof(struct policy, zone_count), zone_from },
		{ "step", "step", offsetof(struct policy, step_count), step_number },
		{ "ptp_version", "version", offsetof(struct policy, ptp_count), ptp_number },
		{ "ptp_version", "in_force_from", offsetof(struct policy, ptp_count), ptp_from },
	};

	for (size_t k = 0; k < ARRAY_LENGTH(orders); k++)
		for (size_t i = 1; i < count_at(policy, orders[k].count); i++)
			if (orders[k].value(policy, i) <= orders[k].value(policy, i - 1))
				return wrong(fault, orders[k].table, i, orders[k].column,
					"must come after that of the row before");
	return 0;
}

/* ---- Rows that say the same as an earlier one ---- */

static bool same_office(const struct policy *policy, size_t a, size_t b)
{
	return text_equal(policy->offices[a].office, policy->offices[b].office);
}

static bool same_substitute(const struct policy *policy, size_t a, size_t b)
{
	const struct policy_substitute *x = &policy->substitutes[a], *y = &policy->substitutes[b];

	return x->scope == y->scope && x->actor == y->actor && x->role == y->role;
}

static bool same_stage(const struct policy *policy, size_t a, size_t b)
{
	const struct policy_ptp_stage *x = &policy->ptp_stages[a], *y = &policy->ptp_stages[b];

	return x->version == y->version && x->stage == y->stage;
}

static bool same_actor(const struct policy *policy, size_t a, size_t b)
{
	const struct policy_ptp_actor *x = &policy->ptp_actors[a], *y = &policy->ptp_actors[b];

	return x->version == y->version && x->stage == y->stage && x->after == y->after;
}

static bool stages_meet(uint8_t a, uint8_t b)
{
	return a == b || a == 0 || b == 0;
}

static bool same_move(const struct policy *policy, size_t a, size_t b)
{
	const struct policy_ptp_move *x = &policy->ptp_moves[a], *y = &policy->ptp_moves[b];

	return x->version == y->version && stages_meet(x->stage, y->stage) && x->role == y->role &&
	       x->outcome == y->outcome;
}

static bool same_suitability(const struct policy *policy, size_t a, size_t b)
{
	const struct policy_suitability *x = &policy->suitabilities[a], *y = &policy->suitabilities[b];

	return x->version == y->version && text_equal(x->code, y->code);
}

static int check_unique(const struct policy *policy, struct fault *fault)
{
	static const struct {
		const char *table, *columns;
		size_t count;
		bool (*same)(const struct policy *policy, size_t a, size_t b);
	} keys[] = {
		{ "office", "office", offsetof(struct policy, office_count), same_office },
		{ "substitute", "scope, actor, role", offsetof(struct policy, substitute_count), same_substitute },
		{ "ptp_stage", "version, stage", offsetof(struct policy, ptp_stage_count), same_stage },
		{ "ptp_actor", "version, stage, after", offsetof(struct policy, ptp_actor_count), same_actor },
		{ "ptp_move", "version, stage, role, outcome", offsetof(struct policy, ptp_move_count), same_move },
		{ "ptp_suitability", "version, code", offsetof(struct policy, suitability_count), same_suitability },
	};

	for (size_t k = 0; k < ARRAY_LENGTH(keys); k++)
		for (size_t i = 1; i < count_at(policy, keys[k].count); i++)
			for (size_t j = 0; j < i; j++)
				if (keys[k].same(policy, i, j))
					return wrong(fault, keys[k].table, i, keys[k].columns, "row %zu says the same",
						j + 1);
	return 0;
}

/* ---- Allocation ---- */

static int check_business_hours(const struct policy *policy, struct fault *fault)
{
	if (policy->open_of_business >= policy->close_of_business)
		return fault_set(fault, -EINVAL,
			"policy table setting, column value: open_of_business must be earlier in the day than "
			"close_of_business");
	return 0;
}

/* Exactly one of the two: a date of taking effect is no number of anything. */
static bool due_complete(struct period within)
{
	return (within.unit == UNIT_EFFECT_DATE) != (within.amount > 0);
}

static int check_dues(const struct policy *policy, struct fault *fault)
{
	uint32_t settled = 0; /* bits of the order types that have a row for every start */

	for (size_t i = 0; i < policy->due_count; i++) {
		const struct policy_due *due = &policy->dues[i];

		if (!due_complete(due->within))
			return wrong(fault, "due", i, "amount", "must be 1 or more, and empty with EFFECT_DATE");
		if (settled & 1U << due->order_type)
			return wrong(fault, "due", i, "order_type",
				"an earlier row without starts_within_months settles %s",
				order_type_text(due->order_type));
		settled |= due->starts_within_months ? 0 : 1U << due->order_type;
	}
	for (enum order_type type = 1; type < ORDER_TYPE_END; type++)
		if (!(settled & 1U << type))
			return fault_set(fault, -EINVAL,
				"policy table due, column order_type: %s needs a row without starts_within_months",
				order_type_text(type));
	return 0;
}

/* Follows opens_after: it must end at a step that opens at the request. */
static int check_opening(const struct policy *policy, size_t i, struct fault *fault)
{
	const struct policy_step *step = &policy->steps[i];

	for (size_t hops = 0; step->opens_after; hops++) {
		if (hops == policy->step_count)
			return wrong(
				fault, "step", i, "opens_after", "step %u waits for itself", policy->steps[i].step);
		step = policy_step(policy, step->opens_after);
		if (!step)
			return wrong(
				fault, "step", i, "opens_after", "there is no step %u", policy->steps[i].opens_after);
	}
	return 0;
}

/* The bridge needs no role for its own steps, everyone else's step does. */
static bool step_role_fits(const struct policy_step *step)
{
	return (step->completed_by == BY_BRIDGE) == (step->role == ROLE_NONE);
}

static int check_steps(const struct policy *policy, struct fault *fault)
{
	int officer_steps = 0;

	for (size_t i = 0; i < policy->step_count; i++) {
		const struct policy_step *step = &policy->steps[i];

		if (check_opening(policy, i, fault) < 0)
			return -EINVAL;
		if (!step_role_fits(step))
			return wrong(fault, "step", i, "role", "must be given, and empty where completed_by is BRIDGE");
		if (step->completed_by != BY_OFFICER)
			continue;
		officer_steps++;
		if (step->opens_after || step->skip_when)
			return wrong(fault, "step", i, "completed_by",
				"the step that records the officer can neither wait (opens_after) nor be skipped "
				"(skip_when)");
	}
	if (officer_steps != 1)
		return fault_set(fault, -EINVAL,
			"policy table step, column completed_by: exactly one step must have OFFICER, not %d",
			officer_steps);
	return 0;
}

static size_t longest_order_title(const struct policy *policy)
{
	size_t longest = 0;

	for (size_t type = 1; type < ORDER_TYPE_END; type++) {
		size_t n = strlen(policy->order_types[type].title);

		longest = n > longest ? n : longest;
	}
	return longest;
}

#define PLACEHOLDER "{order}"

static int check_title_text(const struct policy *policy, size_t i, struct fault *fault)
{
	const char *title = policy->titles[i].title;
	size_t length = strlen(title), longest = longest_order_title(policy);

	for (const char *at = strchr(title, '{'); at; at = strchr(at + 1, '{')) {
		if (strncmp(at, PLACEHOLDER, strlen(PLACEHOLDER)) != 0)
			return wrong(fault, "step_title", i, "title", "only %s may stand in braces: \"%.60s\"",
				PLACEHOLDER, at);
		length += longest - strlen(PLACEHOLDER);
	}
	if (length > TITLE_MAX)
		return wrong(fault, "step_title", i, "title",
			"is longer than %d bytes with the longest order title in it", TITLE_MAX);
	return 0;
}

/* The step of the row is there, and no earlier row holds always. */
static int check_title_place(const struct policy *policy, size_t i, struct fault *fault)
{
	const struct policy_title *title = &policy->titles[i];

	if (!policy_step(policy, title->step))
		return wrong(fault, "step_title", i, "step", "there is no step %u", title->step);
	for (size_t j = 0; j < i; j++)
		if (policy->titles[j].step == title->step && policy->titles[j].when == WHEN_ALWAYS)
			return wrong(fault, "step_title", i, "applies_when",
				"row %zu of step %u holds ALWAYS, so this one never does", j + 1, title->step);
	return 0;
}

static bool always_titled(const struct policy *policy, uint8_t step)
{
	for (size_t i = 0; i < policy->title_count; i++)
		if (policy->titles[i].step == step && policy->titles[i].when == WHEN_ALWAYS)
			return true;
	return false;
}

static int check_titles(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy->title_count; i++)
		if (check_title_place(policy, i, fault) < 0 || check_title_text(policy, i, fault) < 0)
			return -EINVAL;
	for (size_t i = 0; i < policy->step_count; i++)
		if (!always_titled(policy, policy->steps[i].step))
			return fault_set(fault, -EINVAL,
				"policy table step_title, column applies_when: step %u needs a row with ALWAYS",
				policy->steps[i].step);
	return 0;
}

static int check_substitutes(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy->substitute_count; i++)
		if (policy->substitutes[i].actor == policy->substitutes[i].role)
			return wrong(fault, "substitute", i, "actor", "%s needs no row to act as itself",
				role_text(policy->substitutes[i].role));
	return 0;
}

/* Hours that pass at least; working time passes no faster than the clock. */
static int32_t least_hours(struct period period)
{
	static const int32_t hours[UNIT_END] = {
		[UNIT_HOURS] = 1,
		[UNIT_WORKING_HOURS] = 1,
		[UNIT_DAYS] = 24,
		[UNIT_WORKING_DAYS] = 24,
	};

	return period.amount * hours[period.unit];
}

static int check_escalations(const struct policy *policy, struct fault *fault)
{
	const struct policy_escalation *rows = policy->escalations;

	for (size_t i = 0; i < policy->escalation_count; i++) {
		if (rows[i].level != i + 1)
			return wrong(
				fault, "escalation", i, "level", "must be %zu: levels are 1, 2, ... in order", i + 1);
		if (rows[i].after.unit == UNIT_EFFECT_DATE)
			return wrong(
				fault, "escalation", i, "unit", "EFFECT_DATE is no period to wait after the due time");
		if (i > 0 && least_hours(rows[i].after) <= least_hours(rows[i - 1].after))
			return wrong(fault, "escalation", i, "amount", "must be later than level %zu", i);
	}
	return 0;
}

/* ---- PTP ---- */

static bool stage_known(const struct policy *policy, int32_t version, uint8_t stage)
{
	for (size_t i = 0; i < policy->ptp_stage_count; i++)
		if (policy->ptp_stages[i].version == version && policy->ptp_stages[i].stage == stage)
			return true;
	return false;
}

static int no_version(struct fault *fault, const char *table, size_t i, int32_t version)
{
	return wrong(fault, table, i, "version", "%d has no row in ptp_version", (int)version);
}

static int no_stage(struct fault *fault, const char *table, size_t i, const char *column, uint8_t stage)
{
	return wrong(fault, table, i, column, "%u has no row in ptp_stage for this version", stage);
}

static bool approves(const struct policy *policy, int32_t version)
{
	for (size_t i = 0; i < policy->ptp_move_count; i++)
		if (policy->ptp_moves[i].version == version && policy->ptp_moves[i].closes == PTP_APPROVED)
			return true;
	return false;
}

static int32_t suitability_codes(const struct policy *policy, int32_t version)
{
	int32_t n = 0;

	for (size_t i = 0; i < policy->suitability_count; i++)
		n += policy->suitabilities[i].version == version;
	return n;
}

static int check_ptp_versions(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy->ptp_count; i++) {
		const struct policy_ptp *ptp = &policy->ptps[i];

		if (!stage_known(policy, ptp->version, ptp->first_stage))
			return no_stage(fault, "ptp_version", i, "first_stage", ptp->first_stage);
		if (!stage_known(policy, ptp->version, ptp->open_until_stage))
			return no_stage(fault, "ptp_version", i, "open_until_stage", ptp->open_until_stage);
		if (ptp->due.unit == UNIT_EFFECT_DATE || !ptp->due.amount)
			return wrong(fault, "ptp_version", i, "due_amount",
				"must be 1 or more, of a unit other than EFFECT_DATE");
		if (suitability_codes(policy, ptp->version) < ptp->suitability_minimum)
			return wrong(fault, "ptp_version", i, "suitability_minimum",
				"%d is more than ptp_suitability has codes", (int)ptp->suitability_minimum);
		if (!approves(policy, ptp->version))
			return wrong(fault, "ptp_version", i, "version", "no move in ptp_move closes as APPROVED");
	}
	return 0;
}

/* Marks the stages that moves lead to from the first. */
static void mark_reached(const struct policy *policy, const struct policy_ptp *ptp, bool reached[static STAGES])
{
	reached[ptp->first_stage] = true;
	for (size_t pass = 0; pass < policy->ptp_stage_count; pass++)
		for (size_t i = 0; i < policy->ptp_move_count; i++) {
			const struct policy_ptp_move *move = &policy->ptp_moves[i];

			if (move->version == ptp->version && reached[move->stage])
				reached[move->next] |= move->next > 0;
		}
}

/* Some move of the stage's own leaves it. */
static bool leads_on(const struct policy *policy, const struct policy_ptp_stage *stage)
{
	for (size_t i = 0; i < policy->ptp_move_count; i++) {
		const struct policy_ptp_move *move = &policy->ptp_moves[i];

		if (move->version == stage->version && move->stage == stage->stage && (move->next || move->closes))
			return true;
	}
	return false;
}

static bool has_actor(const struct policy *policy, const struct policy_ptp_stage *stage)
{
	for (size_t i = 0; i < policy->ptp_actor_count; i++)
		if (policy->ptp_actors[i].version == stage->version && policy->ptp_actors[i].stage == stage->stage)
			return true;
	return false;
}

static int check_ptp_stages(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy->ptp_stage_count; i++) {
		const struct policy_ptp_stage *stage = &policy->ptp_stages[i];
		const struct policy_ptp *ptp = policy_ptp(policy, stage->version);
		bool reached[STAGES] = { false };

		if (!ptp)
			return no_version(fault, "ptp_stage", i, stage->version);
		mark_reached(policy, ptp, reached);
		if (!reached[stage->stage])
			return wrong(fault, "ptp_stage", i, "stage", "no move leads to stage %u", stage->stage);
		if (!leads_on(policy, stage))
			return wrong(fault, "ptp_stage", i, "stage", "no move of its own leads on from stage %u",
				stage->stage);
		if (!has_actor(policy, stage))
			return wrong(fault, "ptp_stage", i, "stage",
				"nobody acts at stage %u: it has no row in ptp_actor", stage->stage);
	}
	return 0;
}

/* Bits of the outcomes that can have been recorded at the stage while it lasts, OUTCOME_NONE among them, once those of `before` have been. */
static uint32_t recorded_after(const struct policy *policy, int32_t version, uint8_t stage, uint32_t before)
{
	uint32_t recorded = before;

	for (size_t i = 0; i < policy->ptp_move_count; i++) {
		const struct policy_ptp_move *move = &policy->ptp_moves[i];

		if (move->version == version && move->stage == stage && !move->next && !move->closes &&
			before >> move->needs & 1)
			recorded |= UINT32_C(1) << move->outcome;
	}
	return recorded;
}

/* Whether `outcome` can ever have been recorded at the stage: one that waits for itself, or for what waits for it, cannot. */
static bool recorded_at(const struct policy *policy, int32_t version, uint8_t stage, enum ptp_outcome outcome)
{
	uint32_t before = 0, recorded = UINT32_C(1) << OUTCOME_NONE;

	while (recorded != before) {
		before = recorded;
		recorded = recorded_after(policy, version, stage, before);
	}
	return recorded >> outcome & 1;
}

static int check_outcome(const struct policy *policy, const char *table, size_t i, const char *column, int32_t version,
	uint8_t stage, enum ptp_outcome outcome, struct fault *fault)
{
	if (recorded_at(policy, version, stage, outcome))
		return 0;
	return wrong(fault, table, i, column, "no move that stays at stage %u can have the outcome %s", stage,
		ptp_outcome_text(outcome));
}

static bool can_move(const struct policy *policy, const struct policy_ptp_actor *actor)
{
	for (size_t i = 0; i < policy->ptp_move_count; i++) {
		const struct policy_ptp_move *move = &policy->ptp_moves[i];

		if (move->version == actor->version && move->stage == actor->stage && move->role == actor->role)
			return true;
	}
	return false;
}

static bool first_of_stage(const struct policy *policy, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (policy->ptp_actors[j].version == policy->ptp_actors[i].version &&
			policy->ptp_actors[j].stage == policy->ptp_actors[i].stage)
			return false;
	return true;
}

static int check_ptp_actors(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy->ptp_actor_count; i++) {
		const struct policy_ptp_actor *actor = &policy->ptp_actors[i];

		if (!stage_known(policy, actor->version, actor->stage))
			return no_stage(fault, "ptp_actor", i, "stage", actor->stage);
		if (first_of_stage(policy, i) != (actor->after == OUTCOME_NONE))
			return wrong(fault, "ptp_actor", i, "after",
				"must be empty in the first row of a stage, and only there");
		if (check_outcome(policy, "ptp_actor", i, "after", actor->version, actor->stage, actor->after, fault) <
			0)
			return -EINVAL;
		if (!can_move(policy, actor))
			return wrong(fault, "ptp_actor", i, "role", "%s has no move at stage %u",
				role_text(actor->role), actor->stage);
	}
	return 0;
}

/* States in which a case may leave the procedure; the others are the bridge's own. */
#define CLOSING                                                                                            \
	(1U << PTP_WITHDRAWN | 1U << PTP_NOT_PROCEEDING | 1U << PTP_BUDGET_DECLINED | 1U << PTP_DECLINED | \
		1U << PTP_RECOMMENDATIONS_DECLINED | 1U << PTP_APPROVED)

static int check_move_target(const struct policy *policy, size_t i, struct fault *fault)
{
	const struct policy_ptp_move *move = &policy->ptp_moves[i];

	if (move->closes && !(CLOSING & 1U << move->closes))
		return wrong(fault, "ptp_move", i, "closes", "%s is no state that the procedure closes with",
			ptp_state_text(move->closes));
	if (move->next && move->closes)
		return wrong(fault, "ptp_move", i, "next", "must be empty where the move closes the case");
	if (move->next && !stage_known(policy, move->version, move->next))
		return no_stage(fault, "ptp_move", i, "next", move->next);
	if (!move->stage && !move->closes)
		return wrong(fault, "ptp_move", i, "closes",
			"must be given where stage is empty: a move of any stage closes the case");
	return 0;
}

static int check_ptp_moves(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy->ptp_move_count; i++) {
		const struct policy_ptp_move *move = &policy->ptp_moves[i];

		if (!policy_ptp(policy, move->version))
			return no_version(fault, "ptp_move", i, move->version);
		if (move->stage && !stage_known(policy, move->version, move->stage))
			return no_stage(fault, "ptp_move", i, "stage", move->stage);
		if (check_move_target(policy, i, fault) < 0 ||
			check_outcome(policy, "ptp_move", i, "needs", move->version, move->stage, move->needs, fault) <
				0 ||
			check_outcome(
				policy, "ptp_move", i, "clears", move->version, move->stage, move->clears, fault) < 0)
			return -EINVAL;
	}
	return 0;
}

static int check_suitabilities(const struct policy *policy, struct fault *fault)
{
	for (size_t i = 0; i < policy->suitability_count; i++)
		if (!policy_ptp(policy, policy->suitabilities[i].version))
			return no_version(fault, "ptp_suitability", i, policy->suitabilities[i].version);
	return 0;
}

int policy_validate(struct policy *policy, struct fault *fault)
{
	static check *const checks[] = {
		policy_check_filled,
		check_ascending,
		check_unique,
		check_business_hours,
		check_dues,
		check_steps,
		check_titles,
		check_substitutes,
		check_escalations,
		check_ptp_versions,
		check_ptp_moves,
		check_ptp_stages,
		check_ptp_actors,
		check_suitabilities,
	};

	for (size_t i = 0; i < ARRAY_LENGTH(checks); i++)
		if (checks[i](policy, fault) < 0)
			return -EINVAL;
	policy->zone = (struct zone){ policy->zone_changes, policy->zone_count };
	return 0;
}
