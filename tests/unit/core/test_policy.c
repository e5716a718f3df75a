/* The shipped policy holds what the rules say, and every way of breaking it is refused with a sentence that names the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/policy_csv.h"

static struct policy policy;

static int load_shipped(void **state)
{
	struct fault fault = { "" };

	(void)state;
	if (policy_from_csv(SHIPPED_POLICY, &policy, &fault) == 0)
		return 0;
	print_error("%s\n", fault.sentence);
	return -1;
}

/* ---- What is shipped ---- */

static void test_ships_the_settings(void **state)
{
	(void)state;
	assert_int_equal(policy.close_of_business, 17 * 3600); /* R3 */
	assert_int_equal(policy.open_of_business, 8 * 3600);
	assert_int_equal(policy.ows_review_days, 365);  /* R4 */
	assert_int_equal(policy.parked_days, 7);        /* X3 */
	assert_int_equal(policy.parked_long_hours, 24); /* X6 */
	assert_int_equal(policy.claim_days, 400);       /* X2 */
	assert_int_equal(policy.log_days, 90);
	assert_int_equal(policy.log_cap_days, 180);
	assert_int_equal(policy.quarantine_overdue_hours, 4); /* X6 */
}

static void test_ships_every_order_type(void **state)
{
	const uint8_t court = 1 << DOCUMENT_SENTENCE_ORDER;
	const uint8_t prison = 1 << DOCUMENT_LICENCE | 1 << DOCUMENT_CONDITIONS | 1 << DOCUMENT_RELEASE_NOTICE;
	const struct {
		enum order_type type;
		enum source_kind sent_by;
		bool preallocate;
		uint8_t documents;
		int first_report_hours;
	} rows[] = {
		{ ORDER_COMMUNITY_WORK, SOURCE_COURT, false, court, 72 },
		{ ORDER_SUPERVISION, SOURCE_COURT, false, court, 72 },
		{ ORDER_INTENSIVE_SUPERVISION, SOURCE_COURT, false, court, 72 },
		{ ORDER_COMMUNITY_DETENTION, SOURCE_COURT, false, court, 24 },
		{ ORDER_HOME_DETENTION, SOURCE_COURT, true, court, 72 },
		{ ORDER_EXTENDED_SUPERVISION_ORDER, SOURCE_COURT, false, court, 72 },
		{ ORDER_POST_DETENTION_CONDITIONS, SOURCE_COURT, false, court, 72 },
		{ ORDER_PAROLE, SOURCE_PRISON, true, prison, 72 },
		{ ORDER_RELEASE_ON_CONDITIONS, SOURCE_PRISON, false, prison, 72 },
		{ ORDER_COMPASSIONATE_RELEASE, SOURCE_PRISON, false, prison, 72 },
	};

	(void)state;
	assert_int_equal(ARRAY_LENGTH(rows), ORDER_TYPE_END - 1);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct policy_order_type *type = &policy.order_types[rows[i].type];

		if (type->sent_by != rows[i].sent_by || type->preallocate != rows[i].preallocate ||
			type->documents != rows[i].documents || type->first_report_hours != rows[i].first_report_hours)
			fail_msg("%s", order_type_text(rows[i].type));
	}
}

static void test_ships_the_due_periods(void **state)
{
	static const struct policy_due rows[] = {
		{ ORDER_COMMUNITY_WORK, 0, { 72, UNIT_HOURS }, "ours" },
		{ ORDER_SUPERVISION, 0, { 72, UNIT_HOURS }, "ours" },
		{ ORDER_INTENSIVE_SUPERVISION, 0, { 72, UNIT_HOURS }, "ours" },
		{ ORDER_COMMUNITY_DETENTION, 0, { 2, UNIT_WORKING_DAYS }, "manual vol. 1b" },
		{ ORDER_HOME_DETENTION, 0, { 0, UNIT_EFFECT_DATE }, "allocated before sentencing (A4)" },
		{ ORDER_EXTENDED_SUPERVISION_ORDER, 4, { 1, UNIT_WORKING_DAYS }, "manual vol. 2" },
		{ ORDER_EXTENDED_SUPERVISION_ORDER, 0, { 14, UNIT_DAYS }, "manual vol. 2" },
		{ ORDER_POST_DETENTION_CONDITIONS, 0, { 72, UNIT_HOURS }, "ours" },
		{ ORDER_PAROLE, 0, { 0, UNIT_EFFECT_DATE }, "allocated before release (A4)" },
		{ ORDER_RELEASE_ON_CONDITIONS, 0, { 72, UNIT_HOURS }, "ours" },
		{ ORDER_COMPASSIONATE_RELEASE, 0, { 72, UNIT_HOURS }, "ours" },
	};

	(void)state;
	assert_int_equal(policy.due_count, ARRAY_LENGTH(rows));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct policy_due *due = &policy.dues[i];

		if (due->order_type != rows[i].order_type ||
			due->starts_within_months != rows[i].starts_within_months ||
			due->within.amount != rows[i].within.amount || due->within.unit != rows[i].within.unit ||
			strncmp(due->source, rows[i].source, strlen(rows[i].source)) != 0)
			fail_msg("A8, row %zu", i + 1);
	}
}

static void test_ships_the_steps(void **state)
{
	static const struct policy_step rows[] = {
		{ 1, ROLE_NONE, 0, BY_BRIDGE, WHEN_NONE },
		{ 2, ROLE_ADMINISTRATION_OFFICER, 0, BY_DOCUMENTS, WHEN_NONE },
		{ 3, ROLE_ADMINISTRATION_OFFICER, 2, BY_RECORD, WHEN_NONE },
		{ 4, ROLE_ADMINISTRATION_OFFICER, 0, BY_RECORD, WHEN_NONE },
		{ 5, ROLE_SERVICE_MANAGER, 0, BY_RECORD, WHEN_NONE },
		{ 6, ROLE_SERVICE_MANAGER, 0, BY_OWS_REVIEW, WHEN_OWS_REVIEWED },
		{ 7, ROLE_SERVICE_MANAGER, 0, BY_CSO9, WHEN_NO_CHILD_SEX_OFFENCE },
		{ 8, ROLE_SERVICE_MANAGER, 0, BY_OFFICER, WHEN_NONE },
	};

	(void)state;
	assert_int_equal(policy.step_count, ARRAY_LENGTH(rows));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct policy_step *step = &policy.steps[i];

		if (step->step != rows[i].step || step->role != rows[i].role ||
			step->opens_after != rows[i].opens_after || step->completed_by != rows[i].completed_by ||
			step->skip_when != rows[i].skip_when)
			fail_msg("R4, step %u", rows[i].step);
	}
}

static void test_ships_titles_for_every_case(void **state)
{
	static const struct {
		uint8_t step;
		enum predicate when;
		const char *part;
	} rows[] = {
		{ 1, WHEN_ALWAYS, "Check IOMS" },
		{ 2, WHEN_PRISON_ORDER, "release notice" },
		{ 2, WHEN_ALWAYS, "sentence order" },
		{ 3, WHEN_PRISON_ORDER, "under the NZPB order ({order})" },
		{ 3, WHEN_ALWAYS, "under the sentence ({order})" },
		{ 4, WHEN_OFFENDER_KNOWN, "Re-open" },
		{ 4, WHEN_ALWAYS, "Set up" },
		{ 5, WHEN_PAROLE, "prison-service information" },
		{ 5, WHEN_ALWAYS, "offender's details" },
		{ 6, WHEN_ES_ORDER, "automatic override" },
		{ 6, WHEN_ALWAYS, "Review" },
		{ 7, WHEN_CHILD_SEX_OFFENCE_UNKNOWN, "Find out" },
		{ 7, WHEN_ALWAYS, "CSO9" },
		{ 8, WHEN_ALWAYS, "Allocate to a probation officer and pass the file on" },
	};

	(void)state;
	assert_int_equal(policy.title_count, ARRAY_LENGTH(rows));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (policy.titles[i].step != rows[i].step || policy.titles[i].when != rows[i].when ||
			!strstr(policy.titles[i].title, rows[i].part))
			fail_msg("R4, row %zu", i + 1);
}

static void test_ships_who_may_act_for_whom(void **state)
{
	static const struct {
		enum scope scope;
		enum role actor, role;
	} allowed[] = {
		{ SCOPE_ALLOCATION, ROLE_SERVICE_MANAGER, ROLE_ADMINISTRATION_OFFICER },
		{ SCOPE_ALLOCATION, ROLE_SENIOR_PROBATION_OFFICER, ROLE_PROBATION_OFFICER },
		{ SCOPE_ALLOCATION, ROLE_SERVICE_MANAGER, ROLE_PROBATION_OFFICER },
		{ SCOPE_ALLOCATION, ROLE_AREA_MANAGER, ROLE_SERVICE_MANAGER },
		{ SCOPE_ALLOCATION, ROLE_REGIONAL_MANAGER, ROLE_SERVICE_MANAGER },
		{ SCOPE_ALLOCATION, ROLE_ASSISTANT_GENERAL_MANAGER, ROLE_SERVICE_MANAGER },
		{ SCOPE_ALLOCATION, ROLE_GENERAL_MANAGER, ROLE_SERVICE_MANAGER },
		{ SCOPE_PTP, ROLE_SENIOR_PROBATION_OFFICER, ROLE_PROBATION_OFFICER },
	};

	(void)state;
	for (enum scope scope = 1; scope < SCOPE_END; scope++)
		for (enum role actor = 1; actor < ROLE_END; actor++)
			for (enum role role = 1; role < ROLE_END; role++) {
				bool may = actor == role;

				for (size_t i = 0; i < ARRAY_LENGTH(allowed); i++)
					may |= allowed[i].scope == scope && allowed[i].actor == actor &&
					       allowed[i].role == role;
				if (policy_may_act(&policy, scope, actor, role) != may)
					fail_msg("A10, R7: %s for %s", role_text(actor), role_text(role));
			}
}

static void test_ships_the_offices(void **state)
{
	static const char *const offices[] = { "AUCKLAND", "MANUKAU", "WAITAKERE", "HAMILTON", "TAURANGA", "ROTORUA",
		"GISBORNE", "NAPIER", "NEW_PLYMOUTH", "PALMERSTON_NORTH", "WELLINGTON", "NELSON", "CHRISTCHURCH",
		"DUNEDIN", "INVERCARGILL" };

	(void)state;
	assert_int_equal(policy.office_count, ARRAY_LENGTH(offices));
	for (size_t i = 0; i < ARRAY_LENGTH(offices); i++)
		assert_non_null(policy_office(&policy, offices[i]));
	assert_string_equal(policy_office(&policy, "HAMILTON")->area, "Waikato");
	assert_string_equal(policy_office(&policy, "HAMILTON")->region, "Central");
	assert_null(policy_office(&policy, "ATLANTIS"));
	assert_null(policy_office(&policy, ""));
	assert_null(policy_office(&policy, NULL));
}

static void test_ships_the_escalation(void **state)
{
	static const struct policy_escalation rows[] = {
		{ 1, { 0, UNIT_WORKING_DAYS }, ROLE_SERVICE_MANAGER },
		{ 2, { 1, UNIT_WORKING_DAYS }, ROLE_AREA_MANAGER },
		{ 3, { 3, UNIT_WORKING_DAYS }, ROLE_REGIONAL_MANAGER },
	};

	(void)state;
	assert_int_equal(policy.escalation_count, ARRAY_LENGTH(rows));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_memory_equal(&policy.escalations[i], &rows[i], sizeof(rows[i]));
}

/* The moves as the contract writes them. */
static const char *move_text(const struct policy_ptp_move *move, char *text, size_t size)
{
	char stage[8] = "any", to[32];

	if (move->stage)
		(void)snprintf(stage, sizeof(stage), "%u", move->stage);
	if (move->next)
		(void)snprintf(to, sizeof(to), "%u", move->next);
	else
		(void)snprintf(to, sizeof(to), "%s", move->closes ? ptp_state_text(move->closes) : "stays");
	(void)snprintf(text, size, "%s %s %s->%s%s%s%s%s%s", stage, role_text(move->role),
		ptp_outcome_text(move->outcome), to, move->needs ? " after " : "", ptp_outcome_text(move->needs),
		move->clears ? " clears " : "", ptp_outcome_text(move->clears), move->decides ? " decides" : "");
	return text;
}

static void test_ships_the_ptp_procedure(void **state)
{
	static const char *const rows[] = {
		"1 PROBATION_OFFICER ADVISED->2",
		"2 PROBATION_OFFICER STILL_CONSIDERED->3",
		"3 SERVICE_MANAGER MEMO_SENT->4",
		"4 AREA_MANAGER SUPPORTED->5",
		"4 AREA_MANAGER NOT_SUPPORTED->5",
		"5 REGIONAL_MANAGER SUPPORTED->6",
		"5 REGIONAL_MANAGER NOT_SUPPORTED->6",
		"6 ES_OPERATIONS_ADVISER PROPOSAL_PREPARED->7",
		"6 ES_OPERATIONS_ADVISER NOT_PROCEEDING->NOT_PROCEEDING",
		"7 ASSISTANT_GENERAL_MANAGER BUDGET_APPROVED->stays",
		"7 ASSISTANT_GENERAL_MANAGER BUDGET_DECLINED->BUDGET_DECLINED",
		"7 ES_OPERATIONS_ADVISER FORWARDED->8 after BUDGET_APPROVED",
		"8 GENERAL_MANAGER APPROVED->9 decides",
		"8 GENERAL_MANAGER DECLINED->DECLINED decides",
		"9 PROBATION_OFFICER DRAFT_SUBMITTED->stays clears FEEDBACK_GIVEN",
		"9 ES_OPERATIONS_ADVISER FEEDBACK_GIVEN->stays after DRAFT_SUBMITTED",
		"9 PROBATION_OFFICER REPORT_SUBMITTED->10 after FEEDBACK_GIVEN",
		"10 ES_COORDINATOR SUBMITTED->stays",
		"10 GENERAL_MANAGER RECOMMENDATIONS_APPROVED->APPROVED after SUBMITTED",
		"10 GENERAL_MANAGER RECOMMENDATIONS_DECLINED->RECOMMENDATIONS_DECLINED after SUBMITTED",
		"any PROBATION_OFFICER WITHDRAWN->WITHDRAWN",
		"any SERVICE_MANAGER WITHDRAWN->WITHDRAWN",
	};

	(void)state;
	assert_int_equal(policy.ptp_move_count, ARRAY_LENGTH(rows));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char text[200];

		assert_string_equal(move_text(&policy.ptp_moves[i], text, sizeof(text)), rows[i]); /* P8 */
	}
	assert_int_equal(policy.ptp_moves[0].informs, 1U << ROLE_ES_OPERATIONS_ADVISER);
	assert_int_equal(policy.ptp_moves[1].informs, 1U << ROLE_SERVICE_MANAGER);
	assert_int_equal(policy.ptp_moves[2].informs, 0);
}

static void test_ships_who_acts_next_in_ptp(void **state)
{
	static const struct {
		uint8_t stage;
		enum ptp_outcome after;
		enum role role;
	} rows[] = {
		{ 1, OUTCOME_NONE, ROLE_PROBATION_OFFICER },
		{ 2, OUTCOME_NONE, ROLE_PROBATION_OFFICER },
		{ 3, OUTCOME_NONE, ROLE_SERVICE_MANAGER },
		{ 4, OUTCOME_NONE, ROLE_AREA_MANAGER },
		{ 5, OUTCOME_NONE, ROLE_REGIONAL_MANAGER },
		{ 6, OUTCOME_NONE, ROLE_ES_OPERATIONS_ADVISER },
		{ 7, OUTCOME_NONE, ROLE_ASSISTANT_GENERAL_MANAGER },
		{ 7, OUTCOME_BUDGET_APPROVED, ROLE_ES_OPERATIONS_ADVISER },
		{ 8, OUTCOME_NONE, ROLE_GENERAL_MANAGER },
		{ 9, OUTCOME_NONE, ROLE_PROBATION_OFFICER },
		{ 9, OUTCOME_DRAFT_SUBMITTED, ROLE_ES_OPERATIONS_ADVISER },
		{ 9, OUTCOME_FEEDBACK_GIVEN, ROLE_PROBATION_OFFICER },
		{ 10, OUTCOME_NONE, ROLE_ES_COORDINATOR },
		{ 10, OUTCOME_SUBMITTED, ROLE_GENERAL_MANAGER },
	};

	(void)state;
	assert_int_equal(policy.ptp_stage_count, 10);
	assert_int_equal(policy.ptp_actor_count, ARRAY_LENGTH(rows));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (policy.ptp_actors[i].stage != rows[i].stage || policy.ptp_actors[i].after != rows[i].after ||
			policy.ptp_actors[i].role != rows[i].role)
			fail_msg("P8, row %zu", i + 1);
}

static void test_ships_the_limits_of_ptp(void **state)
{
	const struct policy_ptp *ptp = policy_ptp(&policy, 1);

	(void)state;
	assert_non_null(ptp);
	assert_string_equal(ptp->legal_basis, "s107K Parole Act 2002");
	assert_int_equal(ptp->months_limit, 12);       /* P2, G4 */
	assert_int_equal(ptp->suitability_minimum, 1); /* G5 */
	assert_int_equal(ptp->first_stage, 1);
	assert_int_equal(ptp->open_until_stage, 6);
	assert_int_equal(ptp->expiring_days, 28);
	assert_int_equal(ptp->due.amount, 5);
	assert_int_equal(ptp->due.unit, UNIT_WORKING_DAYS);
	assert_int_equal(ptp->convey_via[0], ROLE_REGIONAL_MANAGER);
	assert_int_equal(ptp->convey_via[1], ROLE_AREA_MANAGER);
	assert_int_equal(ptp->convey_via[2], ROLE_SERVICE_MANAGER);
	assert_int_equal(ptp->convey_via[3], ROLE_NONE);
	assert_int_equal(policy.suitability_count, 8);
	assert_string_equal(policy.suitabilities[7].code, "C8");
	assert_string_equal(policy.suitabilities[7].description, "defined locally: the manual's list is not published");
	assert_null(policy_ptp(&policy, 2));
}

static void test_finds_the_version_in_force(void **state)
{
	static struct policy two;
	static const struct {
		int day;
		int version;
	} rows[] = { { 99, 1 }, { 100, 1 }, { 199, 1 }, { 200, 2 }, { 201, 2 }, { INT32_MAX, 2 } };

	(void)state;
	two.ptps[0] = (struct policy_ptp){ .version = 1, .in_force_from = { 100 } };
	two.ptps[1] = (struct policy_ptp){ .version = 2, .in_force_from = { 200 } };
	two.ptp_count = 2;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (policy_ptp_at(&two, (struct date){ rows[i].day })->version != rows[i].version)
			fail_msg("P9, day %d", rows[i].day);
	assert_int_equal(policy_ptp(&two, 2)->version, 2);
}

static void test_finds_steps_by_number(void **state)
{
	(void)state;
	assert_int_equal(policy_step(&policy, 8)->completed_by, BY_OFFICER);
	assert_null(policy_step(&policy, 0));
	assert_null(policy_step(&policy, 9));
	assert_null(policy_step(&policy, -248)); /* 8 in eight bits */
}

static void test_ships_a_holiday_table_of_working_days_only(void **state)
{
	/* Days moved by Holidays Act 2003 s45 and s45A, and Matariki: the ones a slip would hit. */
	static const char *const observed[] = { "2024-06-28", "2025-06-20", "2026-04-27", "2026-07-10", "2026-12-28",
		"2027-01-04", "2027-02-08", "2027-04-26", "2027-06-25", "2027-12-27", "2027-12-28", "2028-01-03",
		"2028-01-04", "2028-07-14", "2029-07-06", "2030-06-21", "2031-07-11", "2032-04-26", "2032-07-02",
		"2032-12-27", "2032-12-28", "2033-01-03", "2033-01-04", "2033-02-07", "2033-04-25", "2033-06-24",
		"2033-12-26", "2033-12-27", "2034-01-02", "2034-01-03", "2034-07-07", "2035-06-29" };
	int a_year[3000] = { 0 };

	(void)state;
	for (size_t i = 0; i < policy.holiday_count; i++) {
		int year, month, day;

		date_parts(policy.holidays[i], &year, &month, &day);
		a_year[year]++;
		if (date_weekday(policy.holidays[i]) > 4)
			fail_msg("%d-%d-%d is no weekday", year, month, day);
	}
	for (int year = 2024; year <= 2035; year++)
		assert_int_equal(a_year[year], 11);
	for (size_t i = 0; i < ARRAY_LENGTH(observed); i++) {
		struct date d;

		assert_int_equal(date_parse(observed[i], &d), 0);
		if (policy_is_working_day(&policy, d))
			fail_msg("%s", observed[i]);
	}
}

/* ---- SQL ---- */

/* Reads sql/002_policy.sql whole. */
static char *sql_text(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen("sql/002_policy.sql", "re");

	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	(void)fclose(file);
	return text;
}

static void test_sql_tables_have_the_columns_of_the_list(void **state)
{
	CLEANUP(freep) char *sql = sql_text();
	size_t tables = 0;

	(void)state;
	for (const char *at = sql; (at = strstr(at, "\nCREATE TABLE cpps_policy.")); at++)
		tables++;
	assert_int_equal(tables, policy_table_count + 1); /* and release */
	for (size_t i = 0; i < policy_table_count; i++) {
		const struct policy_table *table = &policy_tables[i];
		char wanted[200];
		const char *at;

		(void)snprintf(wanted, sizeof(wanted),
			"\nCREATE TABLE cpps_policy.%s (\n\trow_no integer GENERATED BY DEFAULT AS IDENTITY",
			table->name);
		at = strstr(sql, wanted);
		if (!at)
			fail_msg("%s", table->name);
		at = strchr(at + strlen(wanted), '\n');
		for (size_t k = 0; table->columns[k]; k++, at = strchr(at + 1, '\n')) {
			(void)snprintf(wanted, sizeof(wanted), "\n\t%s ", table->columns[k]);
			if (strncmp(at, wanted, strlen(wanted)) != 0)
				fail_msg("%s.%s", table->name, table->columns[k]);
		}
		assert_memory_equal(at, "\n);", 3);
	}
}

/* ---- Broken policies: the shipped cells, with a few edits ---- */

#define TABLES_MAX 32
#define ROWS_MAX   300

struct sheet {
	size_t rows;
	const char *cells[ROWS_MAX][POLICY_COLUMNS_MAX];
};
static struct sheet shipped[TABLES_MAX];

static int keep_row(void *context, size_t number, const char *const *cells, size_t n, struct fault *fault)
{
	struct sheet *sheet = context;

	(void)fault;
	for (size_t i = 0; number > 0 && i < n; i++) {
		sheet->cells[number - 1][i] = strdup(cells[i]);
		sheet->rows = number;
	}
	return 0;
}

static int read_sheets(void **state)
{
	struct fault fault = { "" };

	for (size_t i = 0; i < policy_table_count; i++) {
		char path[100];

		(void)snprintf(path, sizeof(path), "%s/%s.csv", SHIPPED_POLICY, policy_tables[i].name);
		if (csv_read(path, keep_row, &shipped[i], &fault) < 0)
			return -1;
	}
	return load_shipped(state);
}

static int free_sheets(void **state)
{
	(void)state;
	for (size_t t = 0; t < policy_table_count; t++)
		for (size_t r = 0; r < shipped[t].rows; r++)
			for (size_t c = 0; policy_tables[t].columns[c]; c++)
				free((void *)(uintptr_t)shipped[t].cells[r][c]);
	return 0;
}

/* PUT a value into a cell; COPY a row to the table's end, with a value put into the copy; DROP a row, or all for row 0. */
struct edit {
	enum { NO_EDIT, PUT, COPY, DROP } what;
	const char *table;
	size_t row;
	const char *column, *value;
};

static size_t table_of(const char *name)
{
	for (size_t i = 0; i < policy_table_count; i++)
		if (strcmp(policy_tables[i].name, name) == 0)
			return i;
	fail_msg("no table %s", name);
	return 0;
}

static void put(struct sheet *sheet, size_t table, size_t row, const struct edit *edit)
{
	for (size_t c = 0; policy_tables[table].columns[c]; c++)
		if (strcmp(policy_tables[table].columns[c], edit->column) == 0) {
			sheet->cells[row][c] = edit->value;
			return;
		}
	fail_msg("no column %s.%s", edit->table, edit->column);
}

static void apply(struct sheet *sheets, const struct edit *edit)
{
	size_t table = table_of(edit->table);
	struct sheet *sheet = &sheets[table];

	assert_true(edit->row <= sheet->rows);
	if (edit->what == DROP && edit->row == 0) {
		sheet->rows = 0;
	} else if (edit->what == DROP) {
		memmove(sheet->cells[edit->row - 1], sheet->cells[edit->row],
			(sheet->rows - edit->row) * sizeof(sheet->cells[0]));
		sheet->rows--;
	} else if (edit->what == COPY) {
		memcpy(sheet->cells[sheet->rows], sheet->cells[edit->row - 1], sizeof(sheet->cells[0]));
		put(sheet, table, sheet->rows++, edit);
	} else {
		put(sheet, table, edit->row - 1, edit);
	}
}

#define EDITS_MAX 12

static int load_edited(const struct edit edits[EDITS_MAX], struct policy *edited, struct fault *fault)
{
	static struct sheet sheets[TABLES_MAX];

	memcpy(sheets, shipped, sizeof(sheets));
	memset(edited, 0, sizeof(*edited));
	for (size_t i = 0; i < EDITS_MAX && edits[i].what; i++)
		apply(sheets, &edits[i]);
	for (size_t t = 0; t < policy_table_count; t++)
		for (size_t r = 0; r < sheets[t].rows; r++)
			if (policy_add(edited, &policy_tables[t], r + 1, sheets[t].cells[r], fault) < 0)
				return -EINVAL;
	return policy_validate(edited, fault);
}

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10

struct breakage {
	const char *rule;
	struct edit edits[EDITS_MAX];
	const char *sentence; /* how it begins; NULL: it is fine */
};

static void assert_refused(const struct breakage *rows, size_t n)
{
	static struct policy edited;

	for (size_t i = 0; i < n; i++) {
		struct fault fault = { "" };
		int r = load_edited(rows[i].edits, &edited, &fault);

		if (!rows[i].sentence && r < 0)
			fail_msg("%s: %s", rows[i].rule, fault.sentence);
		if (rows[i].sentence &&
			(r != -EINVAL || strncmp(fault.sentence, rows[i].sentence, strlen(rows[i].sentence)) != 0))
			fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].rule, fault.sentence, rows[i].sentence);
	}
}

static void test_refuses_broken_cells(void **state)
{
	static const struct breakage rows[] = {
		{ "key", { { PUT, "setting", 1, "name", "closing" } },
			"policy table setting, row 1, column name: \"closing\" is not one of close_of_business, "
			"open_of_business, " },
		{ "key", { { PUT, "setting", 2, "name", "close_of_business" } },
			"policy table setting, row 2, column name: \"close_of_business\" has a row already" },
		{ "key", { { PUT, "setting", 1, "name", "" } },
			"policy table setting, row 1, column name: must not be empty" },
		{ "setting", { { PUT, "setting", 1, "value", "" } },
			"policy table setting, row 1, column value: must not be empty" },
		{ "time", { { PUT, "setting", 1, "value", "24:01" } },
			"policy table setting, row 1, column value: \"24:01\" is not a time of day as HH:MM, up to "
			"24:00" },
		{ "time", { { PUT, "setting", 1, "value", "24:00" } }, NULL },
		{ "time", { { PUT, "setting", 1, "value", "17:60" } },
			"policy table setting, row 1, column value: \"17:60\" is not a time" },
		{ "time", { { PUT, "setting", 1, "value", "7:000" } },
			"policy table setting, row 1, column value: \"7:000\" is not a time" },
		{ "time", { { PUT, "setting", 1, "value", "5 pm" } },
			"policy table setting, row 1, column value: \"5 pm\" is not a time" },
		{ "time", { { PUT, "setting", 1, "value", "x7:00" } },
			"policy table setting, row 1, column value: \"x7:00\" is not a time" },
		{ "time", { { PUT, "setting", 1, "value", "17:0x" } },
			"policy table setting, row 1, column value: \"17:0x\" is not a time" },
		{ "number", { { PUT, "setting", 4, "value", "seven" } },
			"policy table setting, row 4, column value: \"seven\" is not a whole number from 1 to 10000" },
		{ "number", { { PUT, "setting", 4, "value", "0" } },
			"policy table setting, row 4, column value: \"0\" is not a whole" },
		{ "number", { { PUT, "setting", 4, "value", "-1" } },
			"policy table setting, row 4, column value: \"-1\" is not a whole" },
		{ "number", { { PUT, "setting", 4, "value", "7.5" } },
			"policy table setting, row 4, column value: \"7.5\" is not a whole" },
		{ "number", { { PUT, "setting", 4, "value", "10001" } },
			"policy table setting, row 4, column value: \"10001\" is not a" },
		{ "number", { { PUT, "setting", 4, "value", "4294967303" } },
			"policy table setting, row 4, column value: \"4294967303\" is not a whole number" },
		{ "key", { { PUT, "role", 1, "role", "JUDGE" } },
			"policy table role, row 1, column role: \"JUDGE\" is not one of PROBATION_OFFICER, "
			"SENIOR_PROBATION_OFFICER, " },
		{ "key", { { PUT, "role", 2, "role", "PROBATION_OFFICER" } },
			"policy table role, row 2, column role: \"PROBATION_OFFICER\" has a row already" },
		{ "text", { { PUT, "role", 1, "title", "" } },
			"policy table role, row 1, column title: must not be empty" },
		{ "text", { { PUT, "role", 1, "title", X50 } },
			"policy table role, row 1, column title: \"" X50 "...\" is longer than the 48 bytes allowed" },
		{ "text", { { PUT, "role", 1, "title", X50 X50 } },
			"policy table role, row 1, column title: \"" X50 X10
			"xxxx...\" is longer than the 48 bytes allowed" },
		{ "text", { { PUT, "role", 1, "title", X10 X10 X10 X10 "xxxxxxxx" } }, NULL },
		{ "code", { { PUT, "office", 3, "office", "Waitakere" } },
			"policy table office, row 3, column office: \"Waitakere\" is not a code of the letters A-Z, "
			"digits and _" },
		{ "code", { { PUT, "office", 3, "office", "-" } },
			"policy table office, row 3, column office: \"-\" is not a code" },
		{ "code", { { PUT, "office", 3, "office", "A1234567890123456789012345678901X" } },
			"policy table office, row 3, column office: \"A1234567890123456789012345678901X...\" is longer "
			"than the 32 bytes" },
		{ "date", { { PUT, "holiday", 2, "day", "2023-02-29" } },
			"policy table holiday, row 2, column day: \"2023-02-29\" is not a date that exists, as "
			"YYYY-MM-DD" },
		{ "instant", { { PUT, "zone", 3, "changes_at", "2007-09-29" } },
			"policy table zone, row 3, column changes_at: \"2007-09-29\" is not a time as "
			"YYYY-MM-DDTHH:MM:SSZ" },
		{ "offset", { { PUT, "zone", 3, "utc_offset", "13:00" } },
			"policy table zone, row 3, column utc_offset: \"13:00\" is not an offset from UTC as +HH:MM or "
			"-HH:MM, up to 18:00" },
		{ "offset", { { PUT, "zone", 3, "utc_offset", "+13" } },
			"policy table zone, row 3, column utc_offset: \"+13\" is not" },
		{ "offset", { { PUT, "zone", 3, "utc_offset", "+18:01" } },
			"policy table zone, row 3, column utc_offset: \"+18:01\" is" },
		{ "offset", { { PUT, "zone", 3, "utc_offset", "-03:30" } }, NULL },
		{ "yes", { { PUT, "order_type", 5, "preallocate", "true" } },
			"policy table order_type, row 5, column preallocate: \"true\" is not yes or no" },
		{ "word", { { PUT, "order_type", 5, "sent_by", "POLICE" } },
			"policy table order_type, row 5, column sent_by: \"POLICE\" is not one of COURT, PRISON, "
			"TOOLS" },
		{ "word", { { PUT, "document", 8, "document", "PASSPORT" } },
			"policy table document, row 8, column document: \"PASSPORT\" is not one of SENTENCE_ORDER, "
			"LICENCE, CONDITIONS, " },
		{ "document", { { PUT, "document", 9, "document", "LICENCE" } },
			"policy table document, row 9, column document: \"LICENCE\" is listed for PAROLE already" },
		{ "word", { { PUT, "due", 2, "unit", "WEEKS" } },
			"policy table due, row 2, column unit: \"WEEKS\" is not one of HOURS, WORKING_HOURS, DAYS, "
			"WORKING_DAYS, EFFECT_DATE" },
		{ "word", { { PUT, "step", 2, "completed_by", "MAGIC" } },
			"policy table step, row 2, column completed_by: \"MAGIC\" is not one of BRIDGE, DOCUMENTS, "
			"RECORD, OWS_REVIEW, " },
		{ "word", { { PUT, "step", 6, "skip_when", "RAINING" } },
			"policy table step, row 6, column skip_when: \"RAINING\" is not one of ALWAYS, COURT_ORDER, "
			"PRISON_ORDER, " },
		{ "word", { { PUT, "substitute", 1, "scope", "ALL" } },
			"policy table substitute, row 1, column scope: \"ALL\" is not one of ALLOCATION, PTP" },
		{ "word", { { PUT, "ptp_move", 1, "outcome", "MAYBE" } },
			"policy table ptp_move, row 1, column outcome: \"MAYBE\" is not one of ADVISED, "
			"STILL_CONSIDERED, " },
		{ "word", { { PUT, "ptp_move", 9, "closes", "GONE" } },
			"policy table ptp_move, row 9, column closes: \"GONE\" is not one of IN_PROGRESS, "
			"WITHDRAWN, " },
		{ "list", { { PUT, "ptp_version", 1, "convey_via", "AREA_MANAGER JUDGE" } },
			"policy table ptp_version, row 1, column convey_via: \"JUDGE\" is not one of "
			"PROBATION_OFFICER, " },
		{ "list", { { PUT, "ptp_version", 1, "convey_via", "AREA_MANAGER  SERVICE_MANAGER" } },
			"policy table ptp_version, row 1, column convey_via: \"\" is not one of PROBATION_OFFICER, " },
		{ "list", { { PUT, "ptp_version", 1, "convey_via", X50 X50 } },
			"policy table ptp_version, row 1, column convey_via: \"" X10 X10 X10 X10
			"xxxxxxxx\" is not one of " },
		{ "list",
			{ { PUT, "ptp_version", 1, "convey_via",
				"AREA_MANAGER AREA_MANAGER AREA_MANAGER AREA_MANAGER AREA_MANAGER AREA_MANAGER "
				"AREA_MANAGER AREA_MANAGER" } },
			"policy table ptp_version, row 1, column convey_via: \"AREA_MANAGER AREA_MANAGER AREA_MANAGER "
			"AREA_MANAGER AREA_MANAGER\" "
			"has more than the 7 words allowed" },
		{ "set", { { PUT, "ptp_move", 3, "informs", "AREA_MANAGER,JUDGE" } },
			"policy table ptp_move, row 3, column informs: \"AREA_MANAGER,JUDGE\" is not one of "
			"PROBATION_OFFICER, " },
		{ "UTF-8", { { PUT, "setting", 4, "value", X50 X10 "xxx\xc4\x81" } },
			"policy table setting, row 4, column value: \"" X50 X10 "xxx\" is not a whole number" },
	};

	(void)state;
	assert_refused(rows, ARRAY_LENGTH(rows));
}

static void test_refuses_missing_rows(void **state)
{
	static const struct breakage rows[] = {
		{ "X2", { { DROP, "setting", 6, NULL, NULL } },
			"policy table setting: column name: there is no row for claim_days" },
		{ "R7", { { DROP, "role", 3, NULL, NULL } },
			"policy table role: column role: there is no row for SERVICE_MANAGER" },
		{ "A12", { { DROP, "order_type", 8, NULL, NULL } },
			"policy table order_type: column order_type: there is no row for PAROLE" },
		{ "A2", { { DROP, "document", 1, NULL, NULL } },
			"policy table document: column order_type: there is no row for COMMUNITY_WORK" },
		{ "A8", { { DROP, "due", 4, NULL, NULL } },
			"policy table due, column order_type: COMMUNITY_DETENTION needs a row without "
			"starts_within_months" },
		{ "A8", { { DROP, "due", 7, NULL, NULL } },
			"policy table due, column order_type: EXTENDED_SUPERVISION_ORDER needs a row without "
			"starts_within_months" },
		{ "office", { { DROP, "office", 0, NULL, NULL } },
			"policy table office: it must have at least one row" },
		{ "holiday", { { DROP, "holiday", 0, NULL, NULL } },
			"policy table holiday: it must have at least one row" },
		{ "zone", { { DROP, "zone", 0, NULL, NULL } }, "policy table zone: it must have at least one row" },
		{ "R4", { { DROP, "step", 0, NULL, NULL } }, "policy table step: it must have at least one row" },
		{ "R3", { { DROP, "escalation", 0, NULL, NULL } },
			"policy table escalation: it must have at least one row" },
		{ "P9", { { DROP, "ptp_version", 0, NULL, NULL } },
			"policy table ptp_version: it must have at least one row" },
		{ "A10", { { DROP, "substitute", 0, NULL, NULL } }, NULL },
		{ "G5",
			{ { DROP, "ptp_suitability", 0, NULL, NULL },
				{ PUT, "ptp_version", 1, "suitability_minimum", "0" } },
			NULL },
	};

	(void)state;
	assert_refused(rows, ARRAY_LENGTH(rows));
}

static void test_refuses_allocation_rules_that_do_not_fit_together(void **state)
{
	static const struct breakage rows[] = {
		{ "holidays ascend", { { PUT, "holiday", 3, "day", "2024-01-02" } },
			"policy table holiday, row 3, column day: must come after that of the row before" },
		{ "zone ascends", { { PUT, "zone", 2, "changes_at", "2006-09-30T14:00:00Z" } },
			"policy table zone, row 2, column changes_at: must come after that of the row before" },
		{ "steps ascend", { { PUT, "step", 5, "step", "4" } },
			"policy table step, row 5, column step: must come after that of the row before" },
		{ "office twice", { { PUT, "office", 9, "office", "AUCKLAND" } },
			"policy table office, row 9, column office: row 1 says the same" },
		{ "substitute twice", { { COPY, "substitute", 2, "note", "" } },
			"policy table substitute, row 9, column scope, actor, role: row 2 says the same" },
		{ "X6", { { PUT, "setting", 2, "value", "17:00" } },
			"policy table setting, column value: open_of_business must be earlier in the day than "
			"close_of_business" },
		{ "A8", { { PUT, "due", 1, "amount", "" } },
			"policy table due, row 1, column amount: must be 1 or more, and empty with EFFECT_DATE" },
		{ "A8", { { PUT, "due", 1, "amount", "0" } },
			"policy table due, row 1, column amount: must be 1 or more" },
		{ "A8", { { PUT, "due", 9, "amount", "1" } },
			"policy table due, row 9, column amount: must be 1 or more, and empty with" },
		{ "A8", { { COPY, "due", 6, "amount", "2" } },
			"policy table due, row 12, column order_type: an earlier row without starts_within_months "
			"settles EXTENDED_SUPERVISION_ORDER" },
		{ "R4 opens-after", { { PUT, "step", 3, "opens_after", "9" } },
			"policy table step, row 3, column opens_after: there is no step 9" },
		{ "R4 opens-after", { { PUT, "step", 3, "opens_after", "3" } },
			"policy table step, row 3, column opens_after: step 3 waits for itself" },
		{ "R4 opens-after", { { PUT, "step", 2, "opens_after", "4" }, { PUT, "step", 4, "opens_after", "3" } },
			"policy table step, row 2, column opens_after: step 2 waits for itself" },
		{ "R4 opens-after", { { PUT, "step", 4, "opens_after", "3" }, { PUT, "step", 5, "opens_after", "4" } },
			NULL },
		{ "R4 role", { { PUT, "step", 2, "role", "" } },
			"policy table step, row 2, column role: must be given, and empty where completed_by is "
			"BRIDGE" },
		{ "R4 role", { { PUT, "step", 1, "role", "SERVICE_MANAGER" } },
			"policy table step, row 1, column role: must be given" },
		{ "R2 officer", { { PUT, "step", 8, "opens_after", "2" } },
			"policy table step, row 8, column completed_by: the step that records the officer can neither "
			"wait" },
		{ "R2 officer", { { PUT, "step", 8, "skip_when", "PAROLE" } },
			"policy table step, row 8, column completed_by: the step that records the officer can neither "
			"wait" },
		{ "R4 officer", { { PUT, "step", 8, "completed_by", "RECORD" } },
			"policy table step, column completed_by: exactly one step must have OFFICER, not 0" },
		{ "R4 officer", { { PUT, "step", 5, "completed_by", "OFFICER" } },
			"policy table step, column completed_by: exactly one step must have OFFICER, not 2" },
		{ "R4 titles", { { PUT, "step_title", 14, "step", "9" } },
			"policy table step_title, row 14, column step: there is no step 9" },
		{ "R4 titles", { { PUT, "step_title", 8, "applies_when", "ALWAYS" } },
			"policy table step_title, row 9, column applies_when: row 8 of step 5 holds ALWAYS, so this "
			"one never does" },
		{ "R4 titles", { { PUT, "step_title", 9, "applies_when", "COURT_ORDER" } },
			"policy table step_title, column applies_when: step 5 needs a row with ALWAYS" },
		{ "R4 titles", { { PUT, "step_title", 3, "title", "For {order} of {offender}" } },
			"policy table step_title, row 3, column title: only {order} may stand in braces: "
			"\"{offender}\"" },
		{ "R4 titles", { { PUT, "step_title", 3, "title", X50 X50 "{order}" } },
			"policy table step_title, row 3, column title: is longer than 120 bytes with the longest order "
			"title in it" },
		{ "A10", { { PUT, "substitute", 1, "actor", "ADMINISTRATION_OFFICER" } },
			"policy table substitute, row 1, column actor: ADMINISTRATION_OFFICER needs no row to act as "
			"itself" },
		{ "R3 levels", { { PUT, "escalation", 2, "level", "3" } },
			"policy table escalation, row 2, column level: must be 2: levels are 1, 2, ... in order" },
		{ "R3 levels", { { PUT, "escalation", 3, "unit", "EFFECT_DATE" } },
			"policy table escalation, row 3, column unit: EFFECT_DATE is no period to wait after the due "
			"time" },
		{ "R3 levels", { { PUT, "escalation", 3, "amount", "1" } },
			"policy table escalation, row 3, column amount: must be later than level 2" },
		{ "R3 levels", { { PUT, "escalation", 3, "amount", "24" }, { PUT, "escalation", 3, "unit", "HOURS" } },
			"policy table escalation, row 3, column amount: must be later than level 2" },
		{ "R3 levels",
			{ { PUT, "escalation", 3, "amount", "25" }, { PUT, "escalation", 3, "unit", "WORKING_HOURS" } },
			NULL },
	};

	(void)state;
	assert_refused(rows, ARRAY_LENGTH(rows));
}

static void test_refuses_a_ptp_procedure_that_does_not_fit_together(void **state)
{
	static const struct breakage rows[] = {
		{ "P9 versions ascend", { { COPY, "ptp_version", 1, "in_force_from", "2014-12-12" } },
			"policy table ptp_version, row 2, column version: must come after that of the row before" },
		{ "P9 versions ascend", { { COPY, "ptp_version", 1, "version", "2" } },
			"policy table ptp_version, row 2, column in_force_from: must come after that of the row "
			"before" },
		{ "P8 twice", { { COPY, "ptp_stage", 4, "title", "again" } },
			"policy table ptp_stage, row 11, column version, stage: row 4 says the same" },
		{ "P8 twice", { { COPY, "ptp_actor", 11, "role", "PROBATION_OFFICER" } },
			"policy table ptp_actor, row 15, column version, stage, after: row 11 says the same" },
		{ "G8 twice", { { COPY, "ptp_move", 4, "next", "6" } },
			"policy table ptp_move, row 23, column version, stage, role, outcome: row 4 says the same" },
		{ "G8 twice: any stage", { { COPY, "ptp_move", 21, "stage", "4" } },
			"policy table ptp_move, row 23, column version, stage, role, outcome: row 21 says the same" },
		{ "G8 twice: any stage", { { PUT, "ptp_move", 1, "outcome", "WITHDRAWN" } },
			"policy table ptp_move, row 21, column version, stage, role, outcome: row 1 says the same" },
		{ "G5 twice", { { PUT, "ptp_suitability", 3, "code", "C2" } },
			"policy table ptp_suitability, row 3, column version, code: row 2 says the same" },
		{ "P8 stages", { { PUT, "ptp_version", 1, "first_stage", "11" } },
			"policy table ptp_version, row 1, column first_stage: 11 has no row in ptp_stage for this "
			"version" },
		{ "P8 stages", { { PUT, "ptp_version", 1, "open_until_stage", "11" } },
			"policy table ptp_version, row 1, column open_until_stage: 11 has no row in ptp_stage for this "
			"version" },
		{ "P8 due", { { PUT, "ptp_version", 1, "due_amount", "0" } },
			"policy table ptp_version, row 1, column due_amount: must be 1 or more, of a unit other than "
			"EFFECT_DATE" },
		{ "P8 due", { { PUT, "ptp_version", 1, "due_unit", "EFFECT_DATE" } },
			"policy table ptp_version, row 1, column due_amount: must be 1 or more, of a unit other than "
			"EFFECT_DATE" },
		{ "G5", { { PUT, "ptp_version", 1, "suitability_minimum", "9" } },
			"policy table ptp_version, row 1, column suitability_minimum: 9 is more than ptp_suitability "
			"has codes" },
		{ "P8 approval", { { PUT, "ptp_move", 19, "closes", "DECLINED" } },
			"policy table ptp_version, row 1, column version: no move in ptp_move closes as APPROVED" },
		{ "P9 a second version",
			{ { COPY, "ptp_version", 1, "version", "2" },
				{ PUT, "ptp_version", 2, "in_force_from", "2014-12-12" },
				{ PUT, "ptp_version", 2, "open_until_stage", "1" },
				{ PUT, "ptp_version", 2, "suitability_minimum", "0" },
				{ COPY, "ptp_stage", 1, "version", "2" }, { COPY, "ptp_actor", 1, "version", "2" },
				{ COPY, "ptp_move", 1, "version", "2" }, { PUT, "ptp_move", 23, "next", "" },
				{ PUT, "ptp_move", 23, "closes", "APPROVED" } },
			NULL },
		{ "P9", { { PUT, "ptp_move", 22, "version", "2" } },
			"policy table ptp_move, row 22, column version: 2 has no row in ptp_version" },
		{ "G8", { { PUT, "ptp_move", 18, "stage", "11" } },
			"policy table ptp_move, row 18, column stage: 11 has no row in ptp_stage for this version" },
		{ "P8 moves", { { PUT, "ptp_move", 13, "next", "11" } },
			"policy table ptp_move, row 13, column next: 11 has no row in ptp_stage for this version" },
		{ "P8 moves", { { PUT, "ptp_move", 13, "closes", "APPROVED" } },
			"policy table ptp_move, row 13, column next: must be empty where the move closes the case" },
		{ "P8 moves", { { PUT, "ptp_move", 9, "closes", "EXPIRED" } },
			"policy table ptp_move, row 9, column closes: EXPIRED is no state that the procedure closes "
			"with" },
		{ "P8 moves", { { PUT, "ptp_move", 21, "closes", "" } },
			"policy table ptp_move, row 21, column closes: must be given where stage is empty" },
		{ "G8 precondition", { { PUT, "ptp_move", 12, "needs", "DRAFT_SUBMITTED" } },
			"policy table ptp_move, row 12, column needs: no move that stays at stage 7 can have the "
			"outcome "
			"DRAFT_SUBMITTED" },
		{ "G8 precondition", { { PUT, "ptp_move", 12, "needs", "BUDGET_DECLINED" } },
			"policy table ptp_move, row 12, column needs: no move that stays at stage 7 can have the "
			"outcome "
			"BUDGET_DECLINED" },
		{ "G8 a precondition of itself", { { PUT, "ptp_move", 10, "needs", "BUDGET_APPROVED" } },
			"policy table ptp_move, row 10, column needs: no move that stays at stage 7 can have the "
			"outcome "
			"BUDGET_APPROVED" },
		{ "G8 preconditions of each other", { { PUT, "ptp_move", 15, "needs", "FEEDBACK_GIVEN" } },
			"policy table ptp_move, row 15, column needs: no move that stays at stage 9 can have the "
			"outcome "
			"FEEDBACK_GIVEN" },
		{ "G8 precondition", { { PUT, "ptp_move", 8, "needs", "PROPOSAL_PREPARED" } },
			"policy table ptp_move, row 8, column needs: no move that stays at stage 6 can have the "
			"outcome "
			"PROPOSAL_PREPARED" },
		{ "G8 precondition", { { PUT, "ptp_move", 15, "clears", "SUBMITTED" } },
			"policy table ptp_move, row 15, column clears: no move that stays at stage 9 can have the "
			"outcome "
			"SUBMITTED" },
		{ "P9", { { PUT, "ptp_stage", 10, "version", "2" } },
			"policy table ptp_move, row 17, column next: 10 has no row in ptp_stage for this version" },
		{ "P9", { { COPY, "ptp_stage", 10, "version", "2" } },
			"policy table ptp_stage, row 11, column version: 2 has no row in ptp_version" },
		{ "P8 reached", { { PUT, "ptp_move", 3, "next", "5" } },
			"policy table ptp_stage, row 4, column stage: no move leads to stage 4" },
		{ "P8 reached", { { COPY, "ptp_stage", 10, "stage", "11" } },
			"policy table ptp_stage, row 11, column stage: no move leads to stage 11" },
		{ "P8 leads on", { { PUT, "ptp_move", 3, "next", "" } },
			"policy table ptp_stage, row 3, column stage: no move of its own leads on from stage 3" },
		{ "P8 actors", { { DROP, "ptp_actor", 9, NULL, NULL } },
			"policy table ptp_stage, row 8, column stage: nobody acts at stage 8: it has no row in "
			"ptp_actor" },
		{ "P8 actors", { { COPY, "ptp_actor", 9, "stage", "11" } },
			"policy table ptp_actor, row 15, column stage: 11 has no row in ptp_stage for this version" },
		{ "P8 actors", { { COPY, "ptp_actor", 9, "version", "2" } },
			"policy table ptp_actor, row 15, column stage: 8 has no row in ptp_stage for this version" },
		{ "P8 actors", { { PUT, "ptp_actor", 9, "after", "APPROVED" } },
			"policy table ptp_actor, row 9, column after: must be empty in the first row of a stage, and "
			"only there" },
		{ "P8 actors", { { PUT, "ptp_actor", 8, "after", "FORWARDED" } },
			"policy table ptp_actor, row 8, column after: no move that stays at stage 7 can have the "
			"outcome "
			"FORWARDED" },
		{ "P8 actors", { { DROP, "ptp_actor", 7, NULL, NULL } },
			"policy table ptp_actor, row 7, column after: must be empty in the first row of a stage, and "
			"only there" },
		{ "P8 actors", { { PUT, "ptp_actor", 9, "role", "AREA_MANAGER" } },
			"policy table ptp_actor, row 9, column role: AREA_MANAGER has no move at stage 8" },
		{ "G5", { { PUT, "ptp_suitability", 8, "version", "2" } },
			"policy table ptp_suitability, row 8, column version: 2 has no row in ptp_version" },
	};

	(void)state;
	assert_refused(rows, ARRAY_LENGTH(rows));
}

static void test_takes_two_roles_to_inform(void **state)
{
	static const struct edit edits[EDITS_MAX] = { { PUT, "ptp_move", 3, "informs",
		"AREA_MANAGER GENERAL_MANAGER" } };
	static struct policy edited;
	struct fault fault = { "" };

	(void)state;
	assert_int_equal(load_edited(edits, &edited, &fault), 0);
	assert_int_equal(edited.ptp_moves[2].informs, 1U << ROLE_AREA_MANAGER | 1U << ROLE_GENERAL_MANAGER);
}

static void test_refuses_more_rows_than_there_is_room_for(void **state)
{
	static struct policy edited;
	const char *const cells[] = { "1", "0", "HOURS", "AREA_MANAGER", "" };
	const struct policy_table *table = &policy_tables[table_of("escalation")];
	struct fault fault = { "" };

	(void)state;
	for (size_t row = 1; row <= 8; row++)
		assert_int_equal(policy_add(&edited, table, row, cells, &fault), 0);
	assert_int_equal(policy_add(&edited, table, 9, cells, &fault), -EINVAL);
	assert_string_equal(fault.sentence,
		"policy table escalation, row 9, column level: the table has more than the 8 rows allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ships_the_settings),
		cmocka_unit_test(test_ships_every_order_type),
		cmocka_unit_test(test_ships_the_due_periods),
		cmocka_unit_test(test_ships_the_steps),
		cmocka_unit_test(test_ships_titles_for_every_case),
		cmocka_unit_test(test_ships_who_may_act_for_whom),
		cmocka_unit_test(test_ships_the_offices),
		cmocka_unit_test(test_ships_the_escalation),
		cmocka_unit_test(test_ships_the_ptp_procedure),
		cmocka_unit_test(test_ships_who_acts_next_in_ptp),
		cmocka_unit_test(test_ships_the_limits_of_ptp),
		cmocka_unit_test(test_finds_the_version_in_force),
		cmocka_unit_test(test_finds_steps_by_number),
		cmocka_unit_test(test_ships_a_holiday_table_of_working_days_only),
		cmocka_unit_test(test_sql_tables_have_the_columns_of_the_list),
		cmocka_unit_test(test_refuses_broken_cells),
		cmocka_unit_test(test_refuses_missing_rows),
		cmocka_unit_test(test_refuses_allocation_rules_that_do_not_fit_together),
		cmocka_unit_test(test_refuses_a_ptp_procedure_that_does_not_fit_together),
		cmocka_unit_test(test_takes_two_roles_to_inform),
		cmocka_unit_test(test_refuses_more_rows_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, read_sheets, free_sheets);
}
