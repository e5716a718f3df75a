/* The procedure of a PTP case: look-ups in the policy's rows. There is no transition here, so that a new version of the law is new
 * rows and not new code (P9). */
#include "core/ptp.h"

const struct ptp_change ptp_imposition_changes[PTP_IMPOSITION_END] = {
	[IMPOSITION_IMPOSED] = { PTP_APPROVED, PTP_IMPOSED, RECORD_PTP_IMPOSED, "the condition is imposed",
		PTP_AT_IMPOSITION | PTP_AT_IMPOSED },
	[IMPOSITION_NOT_IMPOSED] = { PTP_APPROVED, PTP_NOT_IMPOSED, RECORD_PTP_NOT_IMPOSED,
		"the condition is not imposed", PTP_AT_IMPOSITION },
	[IMPOSITION_ENDED] = { PTP_IMPOSED, PTP_ENDED, RECORD_PTP_ENDED, "the condition is ended early",
		PTP_AT_IMPOSITION },
};

const struct ptp_change ptp_order_closed_changes[PTP_ORDER_CLOSED_CHANGES] = {
	{ PTP_IN_PROGRESS, PTP_ORDER_CLOSED, RECORD_PTP_CLOSED, "the order is closed", 0 },
	{ PTP_APPROVED, PTP_ORDER_CLOSED, RECORD_PTP_CLOSED, "the order is closed before the condition was imposed",
		0 },
	{ PTP_IMPOSED, PTP_ENDED, RECORD_PTP_ENDED, "the order is closed and the condition with it", 0 },
};

const struct ptp_change ptp_expired_change = { PTP_IMPOSED, PTP_EXPIRED, RECORD_PTP_EXPIRED,
	"the end of the condition is reached", 0 };

const struct ptp_change *ptp_order_closed_change(enum ptp_state state)
{
	for (size_t i = 0; i < PTP_ORDER_CLOSED_CHANGES; i++)
		if (ptp_order_closed_changes[i].from == state)
			return &ptp_order_closed_changes[i];
	return NULL;
}

const struct policy_ptp *ptp_procedure(const struct policy *policy, const struct ptp_case *ptp)
{
	const struct policy_ptp *own = policy_ptp(policy, ptp->version);

	/* A policy that dropped a version must not stop the cases that still run under it. */
	return own ? own : policy_ptp_at(policy, zone_date(&policy->zone, ptp->opened_at, NULL));
}

static bool move_fits(
	const struct policy *policy, const struct policy_ptp_move *move, enum ptp_outcome outcome, enum role role)
{
	return move->outcome == outcome && (role == ROLE_NONE || policy_may_act(policy, SCOPE_PTP, role, move->role));
}

const struct policy_ptp_move *ptp_move(
	const struct policy *policy, int32_t version, uint8_t stage, enum ptp_outcome outcome, enum role role)
{
	for (uint16_t i = 0; i < policy->ptp_move_count; i++) {
		const struct policy_ptp_move *move = &policy->ptp_moves[i];

		if (move->version == version && (move->stage == stage || move->stage == 0) &&
			move_fits(policy, move, outcome, role))
			return move;
	}
	return NULL;
}

unsigned ptp_move_occasions(const struct policy_ptp *procedure, const struct policy_ptp_move *move, uint8_t stage)
{
	bool approves = move->closes == PTP_APPROVED;

	if (!approves && move->next <= stage)
		return 0;
	return approves || move->next > procedure->open_until_stage ? PTP_AT_FORWARD | PTP_AT_LATE : PTP_AT_FORWARD;
}

bool ptp_outcome_recorded(uint32_t outcomes, enum ptp_outcome needed)
{
	return needed == OUTCOME_NONE || outcomes & 1U << needed;
}

const struct policy_ptp_actor *ptp_next_actor(
	const struct policy *policy, int32_t version, uint8_t stage, uint32_t outcomes)
{
	const struct policy_ptp_actor *next = NULL;

	for (uint16_t i = 0; i < policy->ptp_actor_count; i++) {
		const struct policy_ptp_actor *actor = &policy->ptp_actors[i];

		if (actor->version == version && actor->stage == stage && ptp_outcome_recorded(outcomes, actor->after))
			next = actor;
	}
	return next;
}

uint32_t ptp_stage_informs(const struct policy *policy, int32_t version, uint8_t stage)
{
	uint32_t informs = 0;

	for (uint16_t i = 0; i < policy->ptp_move_count; i++)
		if (policy->ptp_moves[i].version == version && policy->ptp_moves[i].stage == stage)
			informs |= policy->ptp_moves[i].informs;
	return informs;
}
