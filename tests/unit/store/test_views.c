/* The views, over rows of every kind (tests/fixtures/store_rows.sql). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/words.h"
#include "store/cluster.h"
#include "store/migrate.h"
#include "store/read.h"

#define DATABASE "cpps_views"

static const char *as(const char *account)
{
	return cluster_database_as(DATABASE, account);
}

static void run_fixture(const char *path)
{
	char sql[32768];
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(sql, 1, sizeof(sql) - 1, file) : 0;

	if (n == 0 || fclose(file) != 0 || n == sizeof(sql) - 1)
		fail_msg("%s cannot be read", path);
	sql[n] = '\0';
	cluster_run(as("postgres"), sql);
}

static int start(void **state)
{
	struct fault fault = { "" };

	if (cluster_start(state) < 0)
		return -1;
	if (migrate(cluster_database(DATABASE, ""), NULL, NULL, &fault) < 0) {
		(void)fprintf(stderr, "%s\n", fault.sentence);
		return -1;
	}
	run_fixture("tests/fixtures/store_rows.sql");
	cluster_account("reports", "IN ROLE cpps_reader");
	cluster_account("bridge", "IN ROLE cpps_bridge");
	return 0;
}

static void assert_rows(const char *account, const char *queries[][3], size_t n)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const char *answer = cluster_ask(as(account), queries[i][1]);

		if (strcmp(answer, queries[i][2]) != 0) {
			wrong++;
			print_error(
				"%s: %s\n  is  %s\n  not %s\n", queries[i][0], queries[i][1], answer, queries[i][2]);
		}
	}
	assert_int_equal(wrong, 0);
}

#define ROW "SELECT v::text FROM (SELECT "

static void test_views_show_what_was_stored(void **state)
{
	static const char *rows[][3] = {
		{ "R9: both numbers", ROW "prn, filed_prn FROM cpps.request WHERE order_ref = 'CW-1') v", "(P1,P0)" },
		{ "R3",
			ROW "order_type, office, area, region, state, officer_id, recommended_officer_id FROM "
			    "cpps.request WHERE order_ref = 'CW-1') v",
			"(COMMUNITY_WORK,WELLINGTON,Wellington,\"Lower North\",ALLOCATED,OFF1,OFF2)" },
		{ "sets", ROW "conditions, documents, child_sex_offence FROM cpps.request WHERE order_ref = 'CW-1') v",
			"(\"{NO_ALCOHOL,CURFEW}\",\"{SENTENCE_ORDER,RELEASE_NOTICE}\",)" },
		{ "R2: what is overdue",
			"SELECT string_agg(order_ref, ' ' ORDER BY order_ref) FROM cpps.request WHERE overdue",
			"HD-1" },
		{ "R5: what is live",
			"SELECT string_agg(order_ref, ' ' ORDER BY order_ref) FROM cpps.request WHERE live",
			"CW-1 ES-1" },
		{ "R4",
			"SELECT string_agg(step || ' ' || state || coalesce(' ' || role, ''), ', ' ORDER BY step) FROM "
			"cpps.task WHERE ref = 'CW-1'",
			"1 COMPLETED, 2 OPEN ADMINISTRATION_OFFICER, 3 WAITING ADMINISTRATION_OFFICER, 8 SKIPPED "
			"SERVICE_MANAGER" },
		{ "R4",
			ROW "kind, title, office, prn, officer_id, due_at IS NULL, closed_at IS NULL, level FROM "
			    "cpps.task WHERE ref = 'CW-1' AND step = 2) v",
			"(ALLOCATION,\"Check papers\",WELLINGTON,P1,OFF1,f,t,2)" },
		{ "R2, R3: overdue tasks",
			"SELECT string_agg(ref || ' ' || step, ', ' ORDER BY ref, step) FROM cpps.task WHERE overdue",
			"CW-1 2, HD-1 8, PTP-1 5" },
		{ "PTP: closed tasks and the open one",
			"SELECT string_agg(ref || ' ' || step || ' ' || state, ', ' ORDER BY step) FROM cpps.task "
			"WHERE kind = 'PTP'",
			"PTP-1 4 COMPLETED, PTP-1 5 OPEN" },
		{ "P8",
			ROW "order_ref, prn, office, stage, state, next_role, overdue, monitoring, em_approval, "
			    "suitability, area_supports, region_supports "
			    "FROM cpps.ptp_case WHERE ptp_ref = 'PTP-1') v",
			"(ES-1,P3,NELSON,5,IN_PROGRESS,REGIONAL_MANAGER,t,APPROVED_ABSENCES,SOUGHT,\"{C1,C3}\",f,)" },
		{ "a closed case",
			ROW "state, due_at, next_role, overdue FROM cpps.ptp_case WHERE ptp_ref = 'PTP-0') v",
			"(WITHDRAWN,,,f)" },
		{ "history",
			ROW "name, from_stage, to_stage, outcome, by_role, by, guard, rule, cause FROM "
			    "cpps.ptp_history WHERE seq = 4) v",
			"(ptp.stage-changed,4,5,NOT_SUPPORTED,AREA_MANAGER,AM1,,\"stage 4: forwards, noting no "
			"support\",stage-4)" },
		{ "history: the guard", ROW "name, guard FROM cpps.ptp_history WHERE seq = 5) v",
			"(ptp.refused,PTP_G6)" },
		{ "the log",
			"SELECT string_agg(seq || ' ' || epoch || ' ' || name || ' ' || coalesce(office, '-') || ' ' "
			"|| encode(record, 'escape'), ', ' ORDER BY seq) "
			"FROM cpps.event",
			"1 7 allocation.requested WELLINGTON abc, 2 7 task.opened WELLINGTON defgh, 3 7 "
			"event.quarantined - i, "
			"4 7 ptp.stage-changed NELSON jk, 5 8 ptp.refused NELSON l, 6 8 task.overdue WELLINGTON m" },
		{ "the log", ROW "ref, prn, cause FROM cpps.event WHERE seq = 3) v", "(,,bad-1)" },
		{ "X1: one disposition an event",
			"SELECT string_agg(coalesce(id, '?') || ' ' || disposition || coalesce(' ' || reason, ''), ', "
			"' ORDER BY id) "
			"FROM cpps.disposition",
			"again-1 ACCEPTED, bad-1 QUARANTINED ORDER_DIFFERS, imposed-1 ACCEPTED, stage-4 ACCEPTED, "
			"waits-1 PARKED, ? QUARANTINED MALFORMED" },
		{ "X7",
			ROW
			"type, seq, ref, submitter, by, by_role, detail FROM cpps.disposition WHERE id = 'stage-4') v",
			"(nz.govt.corrections.cpps.ptp.stage.recorded,4,PTP-1,tools,AM1,AREA_MANAGER,)" },
		{ "X3",
			ROW
			"number, id, type, kind, submitter, waits_for, long_published, opens FROM cpps.parked_event) v",
			"(1,waits-1,nz.govt.corrections.cpps.allocation.recorded,TOOLS,tools,LATER-1,t,PTP-7)" },
		{ "X4",
			"SELECT string_agg(number || ' ' || reason || ' ' || state || ' ' || opens_order || ' ' || "
			"raw_kept, ', ' ORDER BY number) "
			"FROM cpps.quarantined_event",
			"1 ORDER_DIFFERS HELD true true, 2 MALFORMED DISCARDED false false, 3 UNKNOWN_OFFICE "
			"SUPERSEDED false true" },
		{ "X5", ROW "source, stream, epoch, seq, head, lag FROM cpps.source_position) v",
			"(court,cms,3,40,42,2)" },
		{ "consumers", ROW "name, confirmed, head, lag FROM cpps.consumer_position) v", "(reports,4,6,2)" },
		{ "R11", ROW "agreed, differences, by FROM cpps.reconciliation) v", "(f,3,SM1)" },
		{ "the version", "SELECT max(version) FROM cpps.migration", "3" },
	};

	(void)state;
	assert_rows("reports", rows, ARRAY_LENGTH(rows));
}

static void test_overdue_follows_the_clock_of_a_test_bridge(void **state)
{
	static const char overdue[] =
		"SELECT string_agg(order_ref, ' ' ORDER BY order_ref) FROM cpps.request WHERE overdue";

	(void)state;
	cluster_run(as("postgres"), "INSERT INTO cpps_store.clock VALUES ('nz', interval '2000 years')");
	assert_string_equal(cluster_ask(as("reports"), overdue), "ES-1 HD-1");
	cluster_run(as("postgres"), "DELETE FROM cpps_store.clock");
	assert_string_equal(cluster_ask(as("reports"), overdue), "HD-1");
}

static void test_history_tells_an_orders_life_in_order(void **state)
{
	static const char *rows[][3] = {
		{ "an order",
			"SELECT string_agg(name || coalesce(' ' || disposition, ''), ', ') FROM "
			"cpps_store.history('CW-1')",
			"nz.govt.justice.cms.sentence.imposed QUARANTINED, SUPERSEDED, "
			"nz.govt.justice.cms.sentence.imposed ACCEPTED, allocation.requested, "
			"task.opened, nz.govt.corrections.ioms.offender.released ACCEPTED, "
			"nz.govt.justice.cms.sentence.imposed QUARANTINED, HELD, task.overdue" },
		{ "with its case",
			"SELECT string_agg(name || coalesce(' ' || detail, '') || coalesce(' ' || prose, ''), '; ') "
			"FROM cpps_store.history('ES-1')",
			"nz.govt.corrections.cpps.ptp.stage.recorded PROSE: the note; ptp.stage-changed stage 4 -> 5, "
			"NOT_SUPPORTED, stage 4: forwards, noting no "
			"support; ptp.refused stage 5, FORWARDED, PTP_G6" },
		{ "a case", "SELECT count(*) FROM cpps_store.history('PTP-1')", "3" },
		{ "a record's cause", "SELECT source || ' ' || id FROM cpps_store.history('CW-1') WHERE seq = 1",
			"urn:nz:justice:cms imposed-1" },
		{ "nothing", "SELECT count(*) FROM cpps_store.history('NONE')", "0" },
	};

	(void)state;
	assert_rows("bridge", rows, ARRAY_LENGTH(rows));
}

/* A case may last for a year, and longer than the log: what was done in it is kept. */
static void test_history_tells_of_a_case_what_the_log_keeps_no_longer(void **state)
{
	static const char *rows[][3] = {
		{ "what is gone is told from the case's history, what is there once",
			"SELECT string_agg(what || ' ' || name || coalesce(' ' || by, '') || coalesce(' ' || detail, "
			"''), "
			"'; ') FROM cpps_store.history('PTP-1')",
			"EVENT nz.govt.corrections.cpps.ptp.stage.recorded AM1; RECORD ptp.stage-changed AM1 stage 4 "
			"-> 5, NOT_SUPPORTED, stage 4: forwards, noting no support; RECORD ptp.refused ESOA stage 5, "
			"FORWARDED, PTP_G6" },
		{ "with its order", "SELECT count(*) FROM cpps_store.history('ES-1')", "3" },
	};

	(void)state;
	cluster_run(as("postgres"), "CREATE TABLE cpps_store.gone AS SELECT * FROM cpps_store.batch WHERE last_seq < 5;"
				    "DELETE FROM cpps_store.batch WHERE last_seq < 5");
	assert_rows("bridge", rows, ARRAY_LENGTH(rows));
	cluster_run(as("postgres"), "INSERT INTO cpps_store.batch SELECT * FROM cpps_store.gone;"
				    "DROP TABLE cpps_store.gone");
}

static void test_every_view_and_column_says_what_it_means(void **state)
{
	static const char *rows[][3] = {
		{ "columns",
			"SELECT string_agg(c.oid::regclass || '.' || attname, ' ') FROM pg_class c JOIN pg_attribute a "
			"ON attrelid = c.oid AND attnum > 0 "
			"WHERE relnamespace = 'cpps'::regnamespace AND coalesce(col_description(c.oid, attnum), '') = "
			"''",
			"" },
		{ "views",
			"SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'cpps'::regnamespace AND "
			"coalesce(obj_description(oid, 'pg_class'), '') = ''",
			"" },
		{ "views",
			"SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = "
			"'cpps'::regnamespace AND relkind = 'v'",
			"consumer_position disposition event migration parked_event ptp_case ptp_history "
			"quarantined_event reconciliation request "
			"source_position task" },
	};

	(void)state;
	assert_rows("postgres", rows, ARRAY_LENGTH(rows));
}

/* Asks for each relation of the cpps schemas: a query made by `format` with its name. */
static void for_each_relation(const char *where, void (*check)(const char *relation))
{
	char query[400], list[8192], *save = NULL;

	(void)snprintf(query, sizeof(query),
		"SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class c JOIN pg_namespace n ON n.oid = "
		"relnamespace "
		"WHERE relkind IN ('r', 'v', 'p') AND %s",
		where);
	(void)snprintf(list, sizeof(list), "%s", cluster_ask(as("postgres"), query));
	assert_true(strlen(list) > 0);
	for (char *relation = strtok_r(list, " ", &save); relation; relation = strtok_r(NULL, " ", &save))
		check(relation);
}

static void check_readable(const char *relation)
{
	char query[200];
	const char *answer;

	(void)snprintf(query, sizeof(query), "SELECT count(*) > 0 FROM %s", relation);
	answer = cluster_ask(as("reports"), query);
	if (strcmp(answer, "t") != 0)
		fail_msg("cpps_reader reading %s: %s", relation, answer);
}

static void check_closed(const char *relation)
{
	char query[200];

	(void)snprintf(query, sizeof(query), "SELECT count(*) FROM %s", relation);
	if (strcmp(cluster_ask(as("reports"), query), "!42501") != 0)
		fail_msg("cpps_reader may read %s", relation);
}

static void check_no_prose(const char *relation)
{
	char query[300];
	const char *answer;

	(void)snprintf(query, sizeof(query),
		"SELECT count(*) FROM %s v WHERE v::text ~ 'PROSE' OR v::text ~ encode('PROSE', 'hex')", relation);
	answer = cluster_ask(as("reports"), query);
	if (strcmp(answer, "0") != 0)
		fail_msg("%s shows free text: %s", relation, answer);
}

static void test_a_reader_sees_the_views_and_nothing_else(void **state)
{
	static const char *rows[][3] = {
		{ "no history", "SELECT count(*) FROM cpps_store.history('CW-1')", "!42501" },
		{ "no words", "SELECT cpps_store.word('role', 1)", "!42501" },
		{ "no writing", "DELETE FROM cpps.reconciliation", "!42501" },
		{ "no tables", "CREATE TABLE cpps.t (x int)", "!42501" },
		{ "none anywhere", "CREATE TABLE public.t (x int)", "!42501" },
	};

	(void)state;
	for_each_relation("nspname = 'cpps'", check_readable);
	for_each_relation("nspname IN ('cpps_store', 'cpps_policy')", check_closed);
	assert_rows("reports", rows, ARRAY_LENGTH(rows));
}

static void test_no_view_shows_free_text(void **state)
{
	(void)state;
	for_each_relation("nspname = 'cpps'", check_no_prose);
}

static void test_the_bridge_has_its_rows_and_no_ddl(void **state)
{
	static const char *rows[][3] = {
		{ "rows", "UPDATE cpps_store.request SET level = 0 WHERE order_ref = 'NONE'", "" },
		{ "rows", "DELETE FROM cpps_store.parked WHERE number = 0", "" },
		{ "fence", "SELECT cpps_store.fence('nz', 7, 7, 6, now(), '{}', '{}', '{}', '{}', '{}', '')", "" },
		{ "policy", "SELECT count(*) FROM cpps_policy.step", "8" },
		{ "views", "SELECT count(*) FROM cpps.request", "5" },
		{ "append only", "UPDATE cpps_store.batch SET epoch = 1", "!42501" },
		{ "append only", "UPDATE cpps_store.ptp_history SET rule = ''", "!42501" },
		{ "not its own", "DELETE FROM cpps_store.migration", "!42501" },
		{ "not its own", "UPDATE cpps_policy.step SET role = NULL", "!42501" },
		{ "no DDL", "CREATE TABLE cpps_store.t (x int)", "!42501" },
		{ "no DDL", "CREATE TABLE public.t (x int)", "!42501" },
		{ "no DDL", "CREATE SCHEMA s", "!42501" },
		{ "no DDL", "ALTER TABLE cpps_store.claim ADD x int", "!42501" },
		{ "no DDL", "DROP VIEW cpps.request", "!42501" },
		{ "no DDL", "CREATE INDEX ON cpps_store.claim (seq)", "!42501" },
		{ "no DDL", "TRUNCATE cpps_store.claim", "!42501" },
		{ "no role but its own", "SET ROLE cpps_owner", "!42501" },
	};

	(void)state;
	assert_rows("bridge", rows, ARRAY_LENGTH(rows));
}

/* ---- The words of core/words.h ---- */

static int drifted(const char *kind, int number, const char *name)
{
	char query[100];

	(void)snprintf(query, sizeof(query), "SELECT cpps_store.word('%s', %d)", kind, number);
	if (strcmp(cluster_ask(as("bridge"), query), name) == 0)
		return 0;
	print_error("%s is not %s\n", query, name);
	return 1;
}

static void test_words_are_those_of_the_program(void **state)
{
#define WORDS(type, end)                                                \
	{                                                               \
#type, (end), (const char *(*)(int))(void *)type##_text \
	}
	static const struct {
		const char *kind;
		int end;
		const char *(*text)(int);
	} kinds[] = {
		WORDS(order_type, ORDER_TYPE_END),
		WORDS(document, DOCUMENT_END),
		WORDS(role, ROLE_END),
		WORDS(request_state, REQUEST_STATE_END),
		WORDS(task_state, TASK_STATE_END),
		WORDS(task_kind, TASK_KIND_END),
		WORDS(ptp_state, PTP_STATE_END),
		WORDS(ptp_outcome, PTP_OUTCOME_END),
		WORDS(monitoring, MONITORING_END),
		WORDS(em_approval, EM_APPROVAL_END),
		WORDS(source_kind, SOURCE_KIND_END),
		WORDS(quarantine_state, QUARANTINE_STATE_END),
		WORDS(disposition, DISPOSITION_END),
		WORDS(reason, REASON_END),
		WORDS(event_type, EVENT_TYPE_END),
		WORDS(record_name, RECORD_NAME_END),
	};
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		for (int number = 0; number <= kinds[i].end; number++) /* the end has no name, here or there */
			wrong += drifted(kinds[i].kind, number, kinds[i].text(number));
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views_show_what_was_stored),
		cmocka_unit_test(test_overdue_follows_the_clock_of_a_test_bridge),
		cmocka_unit_test(test_history_tells_an_orders_life_in_order),
		cmocka_unit_test(test_history_tells_of_a_case_what_the_log_keeps_no_longer),
		cmocka_unit_test(test_every_view_and_column_says_what_it_means),
		cmocka_unit_test(test_a_reader_sees_the_views_and_nothing_else),
		cmocka_unit_test(test_no_view_shows_free_text),
		cmocka_unit_test(test_the_bridge_has_its_rows_and_no_ddl),
		cmocka_unit_test(test_words_are_those_of_the_program),
	};

	return cmocka_run_group_tests(tests, start, cluster_stop);
}
