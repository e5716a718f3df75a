/* Inside of the PTP rules (the rule book's P and G): the procedure of a case, looked up in the policy, and its guards.
 *
 * A case runs under the version of the procedure it was opened under (P9). A stage record is judged in this order: is the case in
 * progress (PTP_CLOSED), is it its stage (G7), does the outcome belong to it (G8), may that role record it (G6), has come what must
 * come first (G8), and, for a move forward, do the particulars hold (G1-G5, G9). */
#pragma once

#include "core/rules.h"

/* What the guards are asked for: bits, for a guard may be asked on several occasions, and one event can be several of them. */
enum ptp_occasion {
	PTP_AT_CONSIDERED = 1 << 0,
	PTP_AT_REVISED = 1 << 1,
	PTP_AT_STAGE = 1 << 2, /* any stage record */
	PTP_AT_FORWARD =
		1 << 3, /* one that moves the case forward: to a later stage, or out of the procedure as APPROVED */
	PTP_AT_LATE = 1 << 4,       /* forward past open_until_stage: nothing may be open any more */
	PTP_AT_IMPOSITION = 1 << 5, /* any imposition record */
	PTP_AT_IMPOSED = 1 << 6,    /* one that says IMPOSED */
	PTP_AT_VARIED = 1 << 7,     /* the order's type or start changed */
};

struct ptp_question {
	const struct policy *policy;
	const struct policy_ptp *procedure;
	const struct request *request;
	const struct ptp_case *ptp; /* with the particulars as they would stand; its `request` is not looked at */
	const struct event *event;
	const struct policy_ptp_move *move; /* the row that would decide; NULL: none does */
	unsigned occasions;                 /* bits of enum ptp_occasion */
};

/* The first guard that does not hold, as its reason PTP_Gn with a sentence for a probation officer; REASON_NONE and `fault` untouched
 * when all of them do. */
enum reason ptp_guards(const struct ptp_question *question, struct fault *fault);

/* The procedure of a case: its version; where the policy no longer has it, the one in force when the case was opened. */
const struct policy_ptp *ptp_procedure(const struct policy *policy, const struct ptp_case *ptp);

/* The row for an outcome at a stage, recorded by someone in `role` (G6, G8); NULL: there is none, or it is not for that role.
 * ROLE_NONE: for whichever role. */
const struct policy_ptp_move *ptp_move(
	const struct policy *policy, int32_t version, uint8_t stage, enum ptp_outcome outcome, enum role role);
/* Whether the move is forward, and late (PTP_AT_FORWARD, PTP_AT_LATE), or neither (0). */
unsigned ptp_move_occasions(const struct policy_ptp *procedure, const struct policy_ptp_move *move, uint8_t stage);
/* Whether what must come first was recorded at this stage (G8). `outcomes`: bits 1 << enum ptp_outcome. */
bool ptp_outcome_recorded(uint32_t outcomes, enum ptp_outcome needed);
/* Who acts next at a stage of which `outcomes` have been recorded. The validated policy has a row for every stage. */
const struct policy_ptp_actor *ptp_next_actor(
	const struct policy *policy, int32_t version, uint8_t stage, uint32_t outcomes);
/* Whom to tell of what happens at a stage, as its rows say; 0: they leave it to the next actor. Bits 1 << enum role. */
uint32_t ptp_stage_informs(const struct policy *policy, int32_t version, uint8_t stage);

/* What becomes of a case outside the procedure's rows; the same for every version. */
struct ptp_change {
	enum ptp_state from, to;
	enum record_name record;
	const char *phrase;
	unsigned occasions; /* bits of enum ptp_occasion: the guards it is asked */
};
#define PTP_ORDER_CLOSED_CHANGES 3
extern const struct ptp_change
	ptp_imposition_changes[PTP_IMPOSITION_END]; /* by enum ptp_imposition; entry 0 is unused */
extern const struct ptp_change ptp_order_closed_changes[PTP_ORDER_CLOSED_CHANGES];
extern const struct ptp_change ptp_expired_change;

/* What the closing of its order makes of a case in this state; NULL: nothing, the case is closed for good. */
const struct ptp_change *ptp_order_closed_change(enum ptp_state state);
/* Whether a case in this state can still become something. */
static inline bool ptp_is_open(enum ptp_state state)
{
	return ptp_order_closed_change(state);
}
