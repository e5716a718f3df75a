/* The policy: everything in the rules that is data (sql/policy/<table>.csv, one table each; `policy_tables` has their columns).
 * Loaded row by row from PostgreSQL, or from the CSV files by the unit tests, validated as a whole, then read only. A request
 * keeps the steps and due times it was made with; a PTP case keeps the version it was opened under. Once validated it must not
 * be copied: its zone points into it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/instant.h"
#include "core/event.h"
#include "core/file.h"
#include "core/words.h"

#define CODE_MAX   48
#define PHRASE_MAX 160

/* A period of time and how it is counted (R3). */
enum unit { UNIT_NONE, UNIT_HOURS, UNIT_WORKING_HOURS, UNIT_DAYS, UNIT_WORKING_DAYS, UNIT_EFFECT_DATE, UNIT_END };

struct period {
	int32_t amount;
	enum unit unit;
};

struct policy_office {
	char office[OFFICE_MAX + 1], name[CODE_MAX + 1], area[CODE_MAX + 1], region[CODE_MAX + 1];
};

struct policy_order_type {
	enum source_kind sent_by;   /* SOURCE_COURT or SOURCE_PRISON (A12) */
	char title[CODE_MAX + 1];   /* "community work", for task titles */
	bool preallocate;           /* HD, PAROLE: allocated before it takes effect (A4, R6) */
	uint8_t documents;          /* bits 1 << enum document: what step 2 waits for (A2) */
	int32_t first_report_hours; /* A8 */
};

/* Due period of an order type; the first row that fits holds (A8). */
struct policy_due {
	enum order_type order_type;
	int32_t starts_within_months; /* applies when the order starts in less than this many months from the event; 0: always */
	struct period within;
	char source[PHRASE_MAX + 1];
};

/* Named predicates a step row may refer to; the C function of each is in core/steps.c. */
enum predicate {
	WHEN_NONE,
	WHEN_ALWAYS,
	WHEN_COURT_ORDER,
	WHEN_PRISON_ORDER,
	WHEN_PAROLE,
	WHEN_OFFENDER_KNOWN,
	WHEN_OWS_REVIEWED,
	WHEN_ES_ORDER,
	WHEN_CHILD_SEX_OFFENCE,
	WHEN_NO_CHILD_SEX_OFFENCE,
	WHEN_CHILD_SEX_OFFENCE_UNKNOWN,
	WHEN_END
};

/* What completes a step. */
enum completion { BY_NONE, BY_BRIDGE, BY_DOCUMENTS, BY_RECORD, BY_OWS_REVIEW, BY_CSO9, BY_OFFICER, BY_END };

struct policy_step {
	uint8_t step;
	enum role role;      /* ROLE_NONE for the bridge's own */
	uint8_t opens_after; /* 0: at the request */
	enum completion completed_by;
	enum predicate skip_when;
};

/* Title of a step: the first row whose predicate holds. `{order}` in the text becomes the order type's title. */
struct policy_title {
	uint8_t step;
	enum predicate when;
	char title[TITLE_MAX + 1];
};

enum scope { SCOPE_NONE, SCOPE_ALLOCATION, SCOPE_PTP, SCOPE_END };

/* actor may act for role; not transitive (A10, R7). */
struct policy_substitute {
	enum scope scope;
	enum role actor, role;
};

/* Escalation: level 1 at due, and so on (ours). */
struct policy_escalation {
	uint8_t level;
	struct period after; /* from the due time; amount 0 = at it */
	enum role role;
};

/* A version of the PTP procedure (P9). */
struct policy_ptp {
	int32_t version;
	struct date in_force_from;        /* the newest version in force opens a case */
	char legal_basis[PHRASE_MAX + 1]; /* "s107K Parole Act 2002" */
	int32_t months_limit;             /* G4: 12 */
	int32_t suitability_minimum;      /* G5: 1 */
	uint8_t first_stage;
	uint8_t open_until_stage; /* G3, G5, G9 and dates may stay open up to this stage: 6 */
	int32_t expiring_days;    /* 28 */
	struct period due;        /* of each open task: 5 working days */
	enum role convey_via[8];  /* ROLE_NONE ends: REGIONAL_MANAGER, AREA_MANAGER, SERVICE_MANAGER */
};

struct policy_ptp_stage {
	int32_t version;
	uint8_t stage;
	char title[TITLE_MAX + 1]; /* of the stage */
};

/* Who acts next at a stage: its last row, in file order, whose `after` is among the outcomes recorded at the stage. The first row of a
 * stage, and only the first, has no `after`: it holds as the stage is entered. So at stage 9: the probation officer; once there is a draft
 * the adviser; once there is feedback the probation officer again; and a new draft, which clears the feedback, makes it the adviser's turn. */
struct policy_ptp_actor {
	int32_t version;
	uint8_t stage;
	enum ptp_outcome after; /* OUTCOME_NONE: as the stage is entered */
	enum role role;
	char title[TITLE_MAX + 1]; /* of the task */
};

struct policy_ptp_move {
	int32_t version;
	uint8_t stage; /* 0: any; such a move closes */
	enum role role;
	enum ptp_outcome outcome;
	enum ptp_outcome needs;      /* must have been recorded at this stage (G8); OUTCOME_NONE: nothing */
	enum ptp_outcome clears;     /* forgets these on being recorded: a new draft needs new feedback */
	uint8_t next;                /* stage; 0: stays, unless `closes` */
	enum ptp_state closes;       /* state it leaves the procedure in; PTP_NONE: none */
	bool decides;                /* publishes ptp.decided (stage 8) */
	uint32_t informs;            /* bits 1 << enum role; 0: the next actor */
	char phrase[PHRASE_MAX + 1]; /* the rule in words, for people and history */
};

struct policy_suitability {
	int32_t version;
	char code[CODE_MAX + 1], description[PHRASE_MAX + 1];
};

struct policy {
	/* setting.csv, by name */
	int32_t close_of_business;        /* seconds after midnight: 17:00 */
	int32_t open_of_business;         /* 08:00, for working hours (ours) */
	int32_t ows_review_days;          /* 365 (R4) */
	int32_t parked_days;              /* 7 (X3) */
	int32_t parked_long_hours;        /* 24 (X6) */
	int32_t claim_days;               /* 400 (X2) */
	int32_t log_days;                 /* 90: the published log is kept */
	int32_t log_cap_days;             /* 180: at most, for a consumer that has not confirmed it */
	int32_t quarantine_overdue_hours; /* working hours: 4 (X6) */

	struct policy_office offices[256];
	struct date holidays[1024]; /* ascending */
	struct zone_change zone_changes[256];
	struct zone zone; /* Pacific/Auckland */
	struct policy_order_type order_types[ORDER_TYPE_END];
	struct policy_due dues[64];
	struct policy_step steps[STEPS_MAX]; /* ascending */
	struct policy_title titles[64];
	struct policy_substitute substitutes[128];
	struct policy_escalation escalations[8]; /* ascending */
	struct policy_ptp ptps[16];
	struct policy_ptp_stage ptp_stages[256];
	struct policy_ptp_actor ptp_actors[256];
	struct policy_ptp_move ptp_moves[512];
	struct policy_suitability suitabilities[256];
	uint16_t office_count, holiday_count, zone_count, due_count, step_count, title_count, substitute_count,
		escalation_count, ptp_count, ptp_stage_count, ptp_actor_count, ptp_move_count, suitability_count;
	char role_titles[ROLE_END][CODE_MAX + 1];             /* role.csv: "probation officer" */
	uint32_t settings_seen, roles_seen, order_types_seen; /* bits of the keys that had a row, for validation */
};

/* The policy tables, in the order in which they are to be loaded, and their columns: the one list that SQL, CSV and the loader share. */
#define POLICY_COLUMNS_MAX 16
struct policy_table {
	const char *name;                        /* sql/policy/<name>.csv and cpps_policy.<name> */
	const char *columns[POLICY_COLUMNS_MAX]; /* NULL ends */
	const struct policy_rows *rows;          /* what each cell holds and where it goes: core/policy_load.c */
};
extern const struct policy_table policy_tables[];
extern const size_t policy_table_count;

/* Takes row number `row` (1 = the first after the header) of a table, in file order; `cells` as text, one a column, "" where empty. `policy` is
 * zeroed before the first. 0; -EINVAL with a sentence that names table, row and column: the policy is then of no use. */
int policy_add(struct policy *policy, const struct policy_table *table, size_t row, const char *const *cells,
	struct fault *fault);

/* Checks the whole, after every row: every order type has a due rule, steps refer to steps that exist, PTP stages are reachable and every
 * move's role and stage exist, ... 0; -EINVAL with a sentence that names the table and row. Sets what is derived (zone). */
int policy_validate(struct policy *policy, struct fault *fault);

const struct policy_office *policy_office(const struct policy *policy, const char *office); /* NULL: unknown */
const struct policy_step *policy_step(const struct policy *policy, int32_t step);           /* NULL: unknown */
/* Whether actor is the role or may act for it (R7). */
bool policy_may_act(const struct policy *policy, enum scope scope, enum role actor, enum role role);
const struct policy_ptp *policy_ptp(const struct policy *policy, int32_t version); /* NULL: unknown */
const struct policy_ptp *policy_ptp_at(
	const struct policy *policy, struct date day); /* the version in force; the oldest if none yet */

bool policy_is_working_day(const struct policy *policy, struct date day);
/* The end of a period that starts at `from` (R3): hours run on; days and working days end at close of business of their last day,
 * counted from the day after; working hours run from opening to closing of working days. `effective_on` for UNIT_EFFECT_DATE: 00:00 of it. */
struct instant policy_period_end(
	const struct policy *policy, struct period period, struct instant from, struct date effective_on);
/* When escalation level `level` (1..) of a due time is reached: working-day periods keep the due time's time of day. INSTANT_NONE past the last level. */
struct instant policy_escalates_at(const struct policy *policy, struct instant due_at, uint8_t level);
struct instant policy_midnight(const struct policy *policy, struct date day); /* 00:00 local */
