/* The guards G1-G9 as rows: which, when it is asked, what must hold, how it is said. What was given wrong is refused at once; what is
 * merely missing may stay open until the proposal leaves the ES operations adviser (open_until_stage), and from then on everything must
 * hold for every move forward. So G4, G5 and G9 have two rows each: one for what is given, one for what must be there. `revised` may
 * lower what was met (a criterion no longer met is news, and no fault of who reports it): G2 and G3 are not asked there, and the
 * next move forward meets them. */
#include <string.h>

#include "base/text.h"
#include "core/ptp.h"

/* ---- G6-G8: is it their turn ---- */

static bool stage_is_current(const struct ptp_question *q)
{
	return q->event->stage == q->ptp->stage;
}

static void say_stage(const struct ptp_question *q, struct fault *said)
{
	fault_set(said, 0, "stage %d: the case is at stage %d", q->event->stage, q->ptp->stage);
}

static const struct policy_ptp_move *any_move(const struct ptp_question *q)
{
	return ptp_move(q->policy, q->procedure->version, q->ptp->stage, q->event->ptp_outcome, ROLE_NONE);
}

static bool outcome_belongs(const struct ptp_question *q)
{
	return any_move(q);
}

static void say_outcome(const struct ptp_question *q, struct fault *said)
{
	fault_set(said, 0, "outcome %s at stage %d", ptp_outcome_text(q->event->ptp_outcome), q->ptp->stage);
}

static bool role_may_record(const struct ptp_question *q)
{
	return q->move;
}

/* Every role of whose rows one has the outcome: some outcomes are for more than one. */
static void say_role(const struct ptp_question *q, struct fault *said)
{
	char roles[FAULT_MAX] = "";
	size_t n = 0;

	for (enum role role = ROLE_NONE + 1; role < ROLE_END; role++) {
		const struct policy_ptp_move *move =
			ptp_move(q->policy, q->procedure->version, q->ptp->stage, q->event->ptp_outcome, role);

		if (!move || move->role != role)
			continue;
		text_copy(roles + n, sizeof(roles) - n, n ? " or " : "");
		n += strlen(roles + n);
		text_copy(roles + n, sizeof(roles) - n, role_text(role));
		n += strlen(roles + n);
	}
	fault_set(said, 0, "byRole %s: outcome %s at stage %d is for %s", role_text(q->event->by_role),
		ptp_outcome_text(q->event->ptp_outcome), q->ptp->stage, roles);
}

static bool precondition_holds(const struct ptp_question *q)
{
	return ptp_outcome_recorded(q->ptp->outcomes, q->move->needs);
}

static void say_precondition(const struct ptp_question *q, struct fault *said)
{
	fault_set(said, 0, "outcome %s at stage %d comes after %s", ptp_outcome_text(q->event->ptp_outcome),
		q->ptp->stage, ptp_outcome_text(q->move->needs));
}

static bool imposition_in_turn(const struct ptp_question *q)
{
	return q->ptp->state == ptp_imposition_changes[q->event->imposition].from;
}

static void say_imposition(const struct ptp_question *q, struct fault *said)
{
	fault_set(said, 0, "outcome %s: the case is %s, not %s", ptp_imposition_text(q->event->imposition),
		ptp_state_text(q->ptp->state), ptp_state_text(ptp_imposition_changes[q->event->imposition].from));
}

/* ---- G1-G5, G9: do the particulars hold ---- */

static bool order_is_es_and_live(const struct ptp_question *q)
{
	return q->request->order_type == ORDER_EXTENDED_SUPERVISION_ORDER && request_live(q->request);
}

static void say_order(const struct ptp_question *q, struct fault *said)
{
	fault_set(said, 0, "orderRef %s: it is %s, %s", q->request->order_ref, order_type_text(q->request->order_type),
		request_state_text(q->request->state));
}

static bool em_criteria_met(const struct ptp_question *q)
{
	return q->ptp->em_criteria_met == TRI_YES;
}

static void say_em_criteria(const struct ptp_question *q, struct fault *said)
{
	(void)q;
	fault_set(said, 0, "emCriteriaMet is not true");
}

static bool restrictions_hold(const struct ptp_question *q)
{
	return q->ptp->residential_restrictions == TRI_YES;
}

static void say_restrictions(const struct ptp_question *q, struct fault *said)
{
	(void)q;
	fault_set(said, 0, "residentialRestrictions is not true");
}

static struct date order_start(const struct request *request)
{
	return date_given(request->starts_on) ? request->starts_on : request->effective_on;
}

static struct date limit(const struct ptp_question *q)
{
	return date_plus_months(order_start(q->request), q->procedure->months_limit);
}

static bool dates_within_limit(const struct ptp_question *q)
{
	/* DATE_NONE lies before every date, so only a startsOn must be asked for. */
	return (!date_given(q->ptp->starts_on) || q->ptp->starts_on.day >= order_start(q->request).day) &&
	       q->ptp->ends_on.day <= limit(q).day;
}

static bool dates_are_given(const struct ptp_question *q)
{
	return date_given(q->ptp->starts_on) && date_given(q->ptp->ends_on);
}

static const char *date_said(struct date d, char text[static DATE_TEXT])
{
	return date_given(d) ? date_format(d, text) : "not given";
}

static void say_dates(const struct ptp_question *q, struct fault *said)
{
	char starts[DATE_TEXT], ends[DATE_TEXT], order_starts[DATE_TEXT], last[DATE_TEXT];

	fault_set(said, 0, "startsOn %s, endsOn %s: the order starts %s, %d months later it is %s",
		date_said(q->ptp->starts_on, starts), date_said(q->ptp->ends_on, ends),
		date_said(order_start(q->request), order_starts), q->procedure->months_limit,
		date_said(limit(q), last));
}

static bool code_known(const struct ptp_question *q, const char *code, size_t n)
{
	for (uint16_t i = 0; i < q->policy->suitability_count; i++) {
		const struct policy_suitability *known = &q->policy->suitabilities[i];

		if (known->version == q->procedure->version && strlen(known->code) == n &&
			memcmp(known->code, code, n) == 0)
			return true;
	}
	return false;
}

/* The first code of the event that the policy does not know; NULL: it knows them all. */
static const char *unknown_code(const struct ptp_question *q)
{
	for (uint8_t i = 0; i < q->event->suitability.n; i++)
		if (!code_known(q, q->event->suitability.code[i], strlen(q->event->suitability.code[i])))
			return q->event->suitability.code[i];
	return NULL;
}

static bool codes_are_known(const struct ptp_question *q)
{
	return !unknown_code(q);
}

static void say_unknown_code(const struct ptp_question *q, struct fault *said)
{
	fault_set(said, 0, "suitability %s is not known", unknown_code(q));
}

/* Whether a code stands in the list once more before `end`. */
static bool code_said_before(const char *list, const char *code, size_t n)
{
	for (const char *word = list; word < code; word += strcspn(word, " ") + 1)
		if (strcspn(word, " ") == n && memcmp(word, code, n) == 0)
			return true;
	return false;
}

/* How many different codes of the case the policy knows; -1 if it does not know one of them (any more). */
static int32_t codes_met(const struct ptp_question *q)
{
	const char *list = q->ptp->suitability;
	int32_t met = 0;

	for (const char *code = list; *code;) {
		size_t n = strcspn(code, " ");

		if (!code_known(q, code, n))
			return -1;
		met += !code_said_before(list, code, n);
		code += n;
		code += *code == ' ';
	}
	return met;
}

static bool codes_are_enough(const struct ptp_question *q)
{
	int32_t met = codes_met(q);

	return met >= 0 && met >= q->procedure->suitability_minimum;
}

static void say_codes(const struct ptp_question *q, struct fault *said)
{
	int32_t met = codes_met(q);

	if (met < 0)
		fault_set(said, 0, "suitability has a code that is no longer known");
	else
		fault_set(said, 0, "suitability has %d codes of at least %d", met, q->procedure->suitability_minimum);
}

static bool em_not_declined(const struct ptp_question *q)
{
	return q->ptp->em_approval != EM_DECLINED;
}

static bool em_approval_sought(const struct ptp_question *q)
{
	return q->ptp->em_approval == EM_SOUGHT || q->ptp->em_approval == EM_APPROVED;
}

static void say_em_approval(const struct ptp_question *q, struct fault *said)
{
	fault_set(said, 0, "emApproval is %s",
		q->ptp->em_approval == EM_NONE ? "not given" : em_approval_text(q->ptp->em_approval));
}

/* ---- The table: the first row that does not hold is the one that is named ---- */

#define GIVEN (PTP_AT_CONSIDERED | PTP_AT_REVISED | PTP_AT_FORWARD)

static const struct guard {
	enum reason reason;
	unsigned when; /* bits of enum ptp_occasion */
	bool (*holds)(const struct ptp_question *q);
	void (*say)(const struct ptp_question *q, struct fault *said); /* the field and its value */
	const char *sentence;
} guards[] = {
	{ REASON_PTP_G7, PTP_AT_STAGE, stage_is_current, say_stage, "only the stage a case is at can be recorded" },
	{ REASON_PTP_G8, PTP_AT_STAGE, outcome_belongs, say_outcome, "that stage has no such outcome" },
	{ REASON_PTP_G6, PTP_AT_STAGE, role_may_record, say_role,
		"nobody else may record it, save a senior for a probation officer" },
	{ REASON_PTP_G8, PTP_AT_STAGE, precondition_holds, say_precondition, "which has not been recorded" },
	{ REASON_PTP_G8, PTP_AT_IMPOSITION, imposition_in_turn, say_imposition, "it is not its turn" },
	{ REASON_PTP_G1, GIVEN | PTP_AT_IMPOSED | PTP_AT_VARIED, order_is_es_and_live, say_order,
		"PTP is for an extended supervision order in force" },
	{ REASON_PTP_G2, PTP_AT_CONSIDERED | PTP_AT_FORWARD, em_criteria_met, say_em_criteria,
		"the offender must first meet the criteria for electronic monitoring" },
	{ REASON_PTP_G3, PTP_AT_LATE | PTP_AT_IMPOSED, restrictions_hold, say_restrictions,
		"PTP goes only together with residential restrictions conditions" },
	{ REASON_PTP_G4, GIVEN | PTP_AT_IMPOSED | PTP_AT_VARIED, dates_within_limit, say_dates,
		"PTP must start and end between these two" },
	{ REASON_PTP_G4, PTP_AT_LATE | PTP_AT_IMPOSED, dates_are_given, say_dates, "both must be given by now" },
	{ REASON_PTP_G5, PTP_AT_CONSIDERED | PTP_AT_REVISED, codes_are_known, say_unknown_code,
		"use the suitability codes of the policy" },
	{ REASON_PTP_G5, PTP_AT_LATE, codes_are_enough, say_codes, "enough suitability criteria must be met by now" },
	{ REASON_PTP_G9, GIVEN, em_not_declined, say_em_approval, "PTP does not go on without electronic monitoring" },
	{ REASON_PTP_G9, PTP_AT_LATE, em_approval_sought, say_em_approval,
		"electronic monitoring must be SOUGHT or APPROVED by now" },
};

enum reason ptp_guards(const struct ptp_question *question, struct fault *fault)
{
	for (const struct guard *guard = guards; guard < guards + sizeof(guards) / sizeof(*guards); guard++) {
		struct fault said;

		if (!(guard->when & question->occasions) || guard->holds(question))
			continue;
		guard->say(question, &said);
		fault_set(fault, 0, "%s: %s", said.sentence, guard->sentence);
		return guard->reason;
	}
	return REASON_NONE;
}
