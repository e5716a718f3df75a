#include "ptp_contract.h"

#include "base/cleanup.h"

#define PO      ROLE_PROBATION_OFFICER
#define SM      ROLE_SERVICE_MANAGER
#define AM      ROLE_AREA_MANAGER
#define RM      ROLE_REGIONAL_MANAGER
#define OA      ROLE_ES_OPERATIONS_ADVISER
#define EC      ROLE_ES_COORDINATOR
#define AG      ROLE_ASSISTANT_GENERAL_MANAGER
#define GM      ROLE_GENERAL_MANAGER
#define O(name) OUTCOME_##name
#define B       BIT

const struct contract_row contract_rows[] = {
	{ "P8 1", 1, PO, O(ADVISED), O(NONE), 2, PTP_NONE, PO, B(OA) },
	{ "P8 2", 2, PO, O(STILL_CONSIDERED), O(NONE), 3, PTP_NONE, SM, B(SM) },
	{ "P8 3", 3, SM, O(MEMO_SENT), O(NONE), 4, PTP_NONE, AM, B(AM) },
	{ "P8 4", 4, AM, O(SUPPORTED), O(NONE), 5, PTP_NONE, RM, B(RM) },
	{ "P8 4", 4, AM, O(NOT_SUPPORTED), O(NONE), 5, PTP_NONE, RM, B(RM) },
	{ "P8 5", 5, RM, O(SUPPORTED), O(NONE), 6, PTP_NONE, OA, B(OA) },
	{ "P8 5", 5, RM, O(NOT_SUPPORTED), O(NONE), 6, PTP_NONE, OA, B(OA) },
	{ "P8 6", 6, OA, O(PROPOSAL_PREPARED), O(NONE), 7, PTP_NONE, AG, B(AG) },
	{ "P8 6", 6, OA, O(NOT_PROCEEDING), O(NONE), STAYS, PTP_NOT_PROCEEDING, ROLE_NONE, 0 },
	{ "P8 7", 7, AG, O(BUDGET_APPROVED), O(NONE), STAYS, PTP_NONE, OA, B(OA) },
	{ "P8 7", 7, AG, O(BUDGET_DECLINED), O(NONE), STAYS, PTP_BUDGET_DECLINED, ROLE_NONE, 0 },
	{ "P8 7", 7, OA, O(FORWARDED), O(BUDGET_APPROVED), 8, PTP_NONE, GM, B(GM) },
	{ "P8 8", 8, GM, O(APPROVED), O(NONE), 9, PTP_NONE, PO, B(PO) },
	{ "P8 8", 8, GM, O(DECLINED), O(NONE), STAYS, PTP_DECLINED, ROLE_NONE, 0 },
	{ "P8 9", 9, PO, O(DRAFT_SUBMITTED), O(NONE), STAYS, PTP_NONE, OA, B(OA) },
	{ "P8 9", 9, OA, O(FEEDBACK_GIVEN), O(DRAFT_SUBMITTED), STAYS, PTP_NONE, PO, B(PO) },
	{ "P8 9", 9, PO, O(REPORT_SUBMITTED), O(FEEDBACK_GIVEN), 10, PTP_NONE, EC, B(EC) },
	{ "P8 10", 10, EC, O(SUBMITTED), O(NONE), STAYS, PTP_NONE, GM, B(GM) },
	{ "P8 10", 10, GM, O(RECOMMENDATIONS_APPROVED), O(SUBMITTED), STAYS, PTP_APPROVED, ROLE_NONE, 0 },
	{ "P8 10", 10, GM, O(RECOMMENDATIONS_DECLINED), O(SUBMITTED), STAYS, PTP_RECOMMENDATIONS_DECLINED, ROLE_NONE,
		0 },
	{ "contract 3", 0, PO, O(WITHDRAWN), O(NONE), STAYS, PTP_WITHDRAWN, ROLE_NONE, 0 },
	{ "contract 3", 0, SM, O(WITHDRAWN), O(NONE), STAYS, PTP_WITHDRAWN, ROLE_NONE, 0 },
};

const size_t contract_row_count = ARRAY_LENGTH(contract_rows);

static bool belongs(const struct contract_row *row, const struct triple *t)
{
	return (row->stage == t->stage || row->stage == 0) && row->outcome == t->outcome;
}

/* G6: in PTP only a senior probation officer may act for another, a probation officer. */
static bool may_record(enum role actor, enum role role)
{
	return actor == role || (actor == ROLE_SENIOR_PROBATION_OFFICER && role == PO);
}

enum reason contract_judges(const struct triple *t, uint32_t recorded, const struct contract_row **ret_row)
{
	enum reason reason = REASON_PTP_G8;

	*ret_row = NULL;
	for (size_t i = 0; i < contract_row_count; i++) {
		if (!belongs(&contract_rows[i], t))
			continue;
		if (!may_record(t->role, contract_rows[i].role)) {
			reason = REASON_PTP_G6;
			continue;
		}
		if (contract_rows[i].needs && !(recorded & B(contract_rows[i].needs)))
			return REASON_PTP_G8;
		*ret_row = &contract_rows[i];
		return REASON_NONE;
	}
	return reason;
}
