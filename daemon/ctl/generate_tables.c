/* Volumes: 130,000 management transitions a year over 44,000 people (2011); the stock mix by order type is of December 2014. Offices' weights follow the
 * population they serve. What is said to go wrong, and how often, is ours. */
#include "ctl/generate_world.h"

#define OFFICE_ROWS(X)                                                            \
	X("AUCKLAND", "AKL", "Auckland District Court", "004", 14)                \
	X("MANUKAU", "MNK", "Manukau District Court", "092", 16)                  \
	X("WAITAKERE", "WTK", "Waitakere District Court", "090", 8)               \
	X("HAMILTON", "HAM", "Hamilton District Court", "019", 10)                \
	X("TAURANGA", "TRG", "Tauranga District Court", "070", 6)                 \
	X("ROTORUA", "ROT", "Rotorua District Court", "063", 6)                   \
	X("GISBORNE", "GIS", "Gisborne District Court", "016", 3)                 \
	X("NAPIER", "NPR", "Napier District Court", "041", 6)                     \
	X("NEW_PLYMOUTH", "NPL", "New Plymouth District Court", "043", 3)         \
	X("PALMERSTON_NORTH", "PMR", "Palmerston North District Court", "054", 5) \
	X("WELLINGTON", "WLG", "Wellington District Court", "085", 7)             \
	X("NELSON", "NSN", "Nelson District Court", "042", 2)                     \
	X("CHRISTCHURCH", "CHC", "Christchurch District Court", "009", 9)         \
	X("DUNEDIN", "DUD", "Dunedin District Court", "012", 3)                   \
	X("INVERCARGILL", "IVC", "Invercargill District Court", "025", 2)

#define OFFICE_ROW(office, code, court, id, weight)    { office, code, court, id, weight },
#define OFFICE_WEIGHT(office, code, court, id, weight) weight,
const struct office_row office_rows[OFFICES] = { OFFICE_ROWS(OFFICE_ROW) };
const uint32_t office_weights[OFFICES] = { OFFICE_ROWS(OFFICE_WEIGHT) };

const char *const prison_names[PRISONS] = {
	"Northland Region",
	"Auckland Prison",
	"Mt Eden",
	"Spring Hill",
	"Waikeria",
	"Tongariro",
	"Hawkes Bay Regional",
	"Manawatu",
	"Rimutaka",
	"Arohata",
	"Christchurch Mens",
	"Otago",
};

/* weight, sent by, announced, preallocated, months from .. to */
#define TYPE_ROWS(X)                                                      \
	X(COMMUNITY_WORK, 436, SOURCE_COURT, 60, 100, 6, 12)              \
	X(SUPERVISION, 202, SOURCE_COURT, 120, 150, 6, 12)                \
	X(INTENSIVE_SUPERVISION, 72, SOURCE_COURT, 150, 200, 6, 24)       \
	X(COMMUNITY_DETENTION, 47, SOURCE_COURT, 350, 250, 4, 6)          \
	X(HOME_DETENTION, 47, SOURCE_COURT, 900, 880, 6, 12)              \
	X(EXTENDED_SUPERVISION_ORDER, 6, SOURCE_COURT, 500, 600, 60, 120) \
	X(POST_DETENTION_CONDITIONS, 33, SOURCE_COURT, 100, 100, 6, 12)   \
	X(PAROLE, 67, SOURCE_PRISON, 950, 900, 6, 36)                     \
	X(RELEASE_ON_CONDITIONS, 90, SOURCE_PRISON, 500, 300, 6, 12)      \
	X(COMPASSIONATE_RELEASE, 1, SOURCE_PRISON, 500, 500, 6, 24)

#define TYPE_ROW(type, weight, sent_by, scheduled, preallocated, least, most) \
	[ORDER_##type] = { weight, sent_by, scheduled, preallocated, least, most },
#define TYPE_WEIGHT(type, weight, sent_by, scheduled, preallocated, least, most) [ORDER_##type] = weight,
const struct type_row type_rows[ORDER_TYPE_END] = { TYPE_ROWS(TYPE_ROW) };
const uint32_t type_weights[ORDER_TYPE_END] = { TYPE_ROWS(TYPE_WEIGHT) };

const char *const condition_codes[8] = {
	"ALCOHOL_BAN",
	"ASSOCIATES",
	"COUNSELLING",
	"CURFEW",
	"DRUG_TREATMENT",
	"EMPLOYMENT",
	"PROGRAMME",
	"RESIDENCE",
};

/* Counted each in its own chances: new orders, except where said. */
const struct rare_row rare_rows[RARE_END] = {
	[RARE_MERGE] = { 12, 70 },
	[RARE_UNMERGE] = { 1, 4 },  /* of merges */
	[RARE_CANCEL] = { 20, 60 }, /* of court orders */
	[RARE_VARY] = { 6, 22 },
	[RARE_TRANSFER] = { 9, 40 },
	[RARE_RECALL] = { 3, 18 },      /* of parole */
	[RARE_RELEASE_OFF] = { 2, 16 }, /* of announced releases */
	[RARE_UNDONE] = { 8, 90 },      /* of releases */
	[RARE_COPY] = { 15, 140 },
	[RARE_REOPEN] = { 10, 120 },
	[RARE_NOT_REQUIRED] = { 7, 50 },
	[RARE_LATE] = { 5, 45 },   /* the order comes after its papers */
	[RARE_STRAY] = { 16, 17 }, /* papers of an order that never comes */
	[RARE_PTP] = { 1, 6 },     /* of ES orders */
	[RARE_MOVED] = { 4, 15 },  /* of announced orders */
};

/* The whole way of a case; preconditions at stages 7, 9 and 10 hold in this order. */
const struct ptp_row ptp_rows[PTP_ROWS] = {
	{ 1, ROLE_PROBATION_OFFICER, OUTCOME_ADVISED },
	{ 2, ROLE_PROBATION_OFFICER, OUTCOME_STILL_CONSIDERED },
	{ 3, ROLE_SERVICE_MANAGER, OUTCOME_MEMO_SENT },
	{ 4, ROLE_AREA_MANAGER, OUTCOME_SUPPORTED },
	{ 5, ROLE_REGIONAL_MANAGER, OUTCOME_SUPPORTED },
	{ 6, ROLE_ES_OPERATIONS_ADVISER, OUTCOME_PROPOSAL_PREPARED },
	{ 7, ROLE_ASSISTANT_GENERAL_MANAGER, OUTCOME_BUDGET_APPROVED },
	{ 7, ROLE_ES_OPERATIONS_ADVISER, OUTCOME_FORWARDED },
	{ 8, ROLE_GENERAL_MANAGER, OUTCOME_APPROVED },
	{ 9, ROLE_PROBATION_OFFICER, OUTCOME_DRAFT_SUBMITTED },
	{ 9, ROLE_ES_OPERATIONS_ADVISER, OUTCOME_FEEDBACK_GIVEN },
	{ 9, ROLE_PROBATION_OFFICER, OUTCOME_REPORT_SUBMITTED },
	{ 10, ROLE_ES_COORDINATOR, OUTCOME_SUBMITTED },
	{ 10, ROLE_GENERAL_MANAGER, OUTCOME_RECOMMENDATIONS_APPROVED },
};
