/* The contract's PTP table, written out by hand for the tests: neither the shipped rows nor the rules can change by themselves. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/words.h"

#define CONTRACT_STAGES 10
#define STAYS           0
#define BIT(number)     (1U << (number))

struct contract_row {
	const char *rule;
	uint8_t stage; /* 0: any */
	enum role role;
	enum ptp_outcome outcome, needs;
	uint8_t next; /* STAYS */
	enum ptp_state closes;
	enum role acts;   /* whoever acts next; ROLE_NONE: the case is closed */
	uint32_t informs; /* bits 1 << enum role */
};
extern const struct contract_row contract_rows[];
extern const size_t contract_row_count;

struct triple {
	uint8_t stage;
	enum role role;
	enum ptp_outcome outcome;
};

/* What the table says about a triple at a stage of which `recorded` (bits 1 << enum ptp_outcome) has been recorded: REASON_NONE and its row, or
 * PTP_G6 or PTP_G8 and NULL. */
enum reason contract_judges(const struct triple *triple, uint32_t recorded, const struct contract_row **ret_row);
