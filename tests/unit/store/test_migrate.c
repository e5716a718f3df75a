#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/cluster.h"
#include "store/migrate.h"
#include "store/read.h"
#include "store/store.h"

#define FILES_MAX 64

struct heard {
	char text[4000];
};

static void hear(void *context, const char *sentence)
{
	struct heard *heard = context;

	(void)strncat(heard->text, sentence, sizeof(heard->text) - strlen(heard->text) - 2);
	(void)strcat(heard->text, "\n");
}

static void must_migrate(const char *conninfo, struct heard *heard)
{
	struct fault fault = { "" };
	struct heard unheard = { "" };

	if (migrate(conninfo, hear, heard ? heard : &unheard, &fault) < 0)
		fail_msg("%s", fault.sentence);
}

static void assert_says(const char *sentence, const char *part)
{
	if (!strstr(sentence, part))
		fail_msg("'%s' does not say '%s'", sentence, part);
}

static int version_of(const char *conninfo)
{
	struct fault fault = { "" };
	int version = -1;

	if (migrate_version(conninfo, &version, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return version;
}

/* The program's own files, with one file's text replaced or, where it has no such file, added. Returns their number. */
static size_t files_with(struct sql_file *files, const char *name, const char *text)
{
	const struct sql_file file = { name, (const unsigned char *)text, (const unsigned char *)text + strlen(text) };
	size_t n = 0, at = sql_file_count;

	for (; n < sql_file_count; n++) {
		files[n] = sql_files[n];
		if (strcmp(files[n].name, name) == 0)
			at = n;
	}
	files[at] = file;
	return at == sql_file_count ? n + 1 : n;
}

static void test_files_are_numbered_without_a_gap_up_to_the_version_of_store_h(void **state)
{
	int number = 0;

	(void)state;
	for (size_t i = 0; i < sql_file_count; i++)
		if (migrate_number(&sql_files[i]) > 0)
			assert_int_equal(migrate_number(&sql_files[i]), ++number);
	assert_int_equal(number, STORE_SCHEMA_VERSION);
}

static void test_every_policy_table_has_a_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < policy_table_count; i++) {
		char name[80];
		size_t k = 0;

		(void)snprintf(name, sizeof(name), "policy/%s.csv", policy_tables[i].name);
		while (k < sql_file_count && strcmp(sql_files[k].name, name) != 0)
			k++;
		if (k == sql_file_count)
			fail_msg("%s is missing", name);
	}
}

static void test_migrates_an_empty_database(void **state)
{
	const char *conninfo = cluster_database("empty", "");
	struct heard heard = { "" };

	(void)state;
	assert_int_equal(version_of(conninfo), 0);
	must_migrate(conninfo, &heard);
	assert_says(heard.text, "applied 001_store.sql");
	assert_says(heard.text, "loaded policy/step.csv: 8 rows");
	assert_int_equal(version_of(conninfo), STORE_SCHEMA_VERSION);
	assert_string_equal(
		cluster_ask(conninfo, "SELECT string_agg(name, ' ' ORDER BY version) FROM cpps_store.migration"),
		"001_store.sql 002_policy.sql 003_views.sql");
	assert_string_equal(
		cluster_ask(conninfo,
			"SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname LIKE 'cpps%'"),
		"cpps_owner");
}

static void test_has_nothing_to_do_the_second_time(void **state)
{
	const char *conninfo = cluster_database("twice", "");
	struct heard heard = { "" };

	(void)state;
	must_migrate(conninfo, NULL);
	must_migrate(conninfo, &heard);
	assert_string_equal(heard.text, "nothing to do: the schema is at version 3\n");
}

static void test_two_at_once_migrate_once(void **state)
{
	const char *conninfo = cluster_database("both", "");
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0) {
		struct fault fault;

		_exit(migrate(conninfo, NULL, NULL, &fault) < 0);
	}
	must_migrate(conninfo, NULL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_string_equal(cluster_ask(conninfo, "SELECT count(*) FROM cpps_policy.step"), "8");
}

static void test_refuses_a_newer_database(void **state)
{
	const char *conninfo = cluster_database("newer", "");
	struct fault fault = { "" };

	(void)state;
	must_migrate(conninfo, NULL);
	cluster_run(conninfo, "INSERT INTO cpps_store.migration VALUES (99, '099_future.sql')");
	assert_int_equal(migrate(conninfo, NULL, NULL, &fault), -EPROTO);
	assert_says(fault.sentence, "version 99");
	assert_says(fault.sentence, "only 3");
}

static void test_names_file_and_line_of_what_failed_and_keeps_nothing_of_it(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "CREATE TABLE cpps_store.a (x int);\n\n-- why\nCREATE TABLE cpps_store.b (x integre);",
			"004_next.sql, line 4: type \"integre\"" },
		{ "CREATE TABLE cpps_store.a (\n\tx int,\n\tma\xc4\x81 text,\n\ty nothing);",
			"004_next.sql, line 4: type \"nothing\"" },
		{ "CREATE TABLE cpps_store.a (x int);\nINSERT INTO cpps_store.a\nVALUES ('x;y');",
			"004_next.sql, line 3: invalid input" },
		{ "CREATE TABLE cpps_store.a (x int);\nCREATE TABLE cpps_store.request (x int);",
			"line 2: relation \"request\" already exists; the table was made by" },
		{ "CREATE TABLE cpps_store.a (x int); /* ; */\nDO $f$ BEGIN PERFORM 1; END $f$;\nDO $$ BEGIN\nRAISE "
		  "'no; %', '$'; END $$;",
			"line 3: no; $" },
	};
	const char *conninfo = cluster_database("failing", "");

	(void)state;
	must_migrate(conninfo, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct sql_file files[FILES_MAX];
		struct fault fault = { "" };

		assert_int_equal(migrate_files(conninfo, files, files_with(files, "004_next.sql", rows[i].text), NULL,
					 NULL, &fault),
			-EIO);
		assert_says(fault.sentence, rows[i].says);
		assert_int_equal(version_of(conninfo), 3);
		assert_string_equal(cluster_ask(conninfo, "SELECT to_regclass('cpps_store.a')"), "");
	}
}

static void test_takes_statements_whatever_they_quote(void **state)
{
	static const char text[] = "-- a; b\nCREATE TABLE cpps_store.a (\"x;\" text DEFAULT 'it''s; --'); /* ';\n */\n"
				   "CREATE FUNCTION cpps_store.f(text) RETURNS text LANGUAGE plpgsql AS $x$ BEGIN "
				   "RETURN $$;$$ || $1; END $x$;\n"
				   "INSERT INTO cpps_store.a VALUES (cpps_store.f('z'))\n";
	const char *conninfo = cluster_database("quoting", "");
	struct sql_file files[FILES_MAX];
	struct fault fault = { "" };

	(void)state;
	if (migrate_files(conninfo, files, files_with(files, "004_next.sql", text), NULL, NULL, &fault) < 0)
		fail_msg("%s", fault.sentence);
	assert_string_equal(cluster_ask(conninfo, "SELECT \"x;\" FROM cpps_store.a"), ";z");
	assert_int_equal(version_of(conninfo), 4);
}

static void test_names_the_row_of_a_broken_policy(void **state)
{
	static const struct {
		const char *file, *text, *says;
	} rows[] = {
		{ "policy/escalation.csv",
			"level,amount,unit,role,note\n1,0,WORKING_DAYS,SERVICE_MANAGER,\n2,1,FORTNIGHTS,AREA_MANAGER,"
			"\n",
			"policy table escalation, row 2, column unit" },
		{ "policy/escalation.csv", "level,amount,unit,role,note\n1,none,WORKING_DAYS,SERVICE_MANAGER,\n",
			"policy/escalation.csv: " },
		{ "policy/escalation.csv", "level,amount,unity,role,note\n",
			"its header must name columns of cpps_policy.escalation" },
	};
	const char *conninfo = cluster_database("broken", "");

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct sql_file files[FILES_MAX];
		struct fault fault = { "" };

		assert_true(migrate_files(conninfo, files, files_with(files, rows[i].file, rows[i].text), NULL, NULL,
				    &fault) < 0);
		assert_says(fault.sentence, rows[i].says);
		assert_int_equal(version_of(conninfo), 1);
	}
	must_migrate(conninfo, NULL);
}

static void test_leaves_an_edited_policy_alone(void **state)
{
	const char *conninfo = cluster_database("edited", "");
	struct sql_file files[FILES_MAX];
	struct fault fault = { "" };

	(void)state;
	must_migrate(conninfo, NULL);
	cluster_run(conninfo, "UPDATE cpps_policy.office SET name = 'Te Whanganui-a-Tara' WHERE office = 'WELLINGTON'; "
			      "DELETE FROM cpps_policy.holiday");
	assert_int_equal(
		migrate_files(conninfo, files, files_with(files, "004_next.sql", "CREATE TABLE cpps_policy.more ()"),
			NULL, NULL, &fault),
		0);
	assert_string_equal(cluster_ask(conninfo, "SELECT name FROM cpps_policy.office WHERE office = 'WELLINGTON'"),
		"Te Whanganui-a-Tara");
	assert_string_equal(cluster_ask(conninfo, "SELECT count(*) FROM cpps_policy.holiday"), "0");
}

static void test_says_which_rights_are_missing(void **state)
{
	struct fault fault = { "" };

	(void)state;
	cluster_account("nobody_much", "");
	cluster_database("owned", "OWNER nobody_much");
	cluster_database("foreign_one", "");
	must_migrate(cluster_database("migrated", ""), NULL);
	assert_int_equal(migrate(cluster_database_as("foreign_one", "nobody_much"), NULL, NULL, &fault), -EPERM);
	assert_says(fault.sentence, "may not create schemas");
	assert_int_equal(migrate(cluster_database_as("owned", "nobody_much"), NULL, NULL, &fault), -EPERM);
	assert_says(fault.sentence, "GRANT cpps_owner TO");
}

static void test_an_account_with_createrole_can_migrate_its_own_database(void **state)
{
	struct fault fault = { "" };

	(void)state;
	cluster_account("installer", "CREATEROLE");
	cluster_database("installed", "OWNER installer");
	if (migrate(cluster_database_as("installed", "installer"), NULL, NULL, &fault) < 0)
		fail_msg("%s", fault.sentence);
	assert_int_equal(version_of(cluster_database_as("installed", "installer")), STORE_SCHEMA_VERSION);
}

static void test_refuses_a_database_that_is_not_utf8(void **state)
{
	const char *conninfo =
		cluster_database("latin", "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	struct fault fault = { "" };

	(void)state;
	assert_int_equal(migrate(conninfo, NULL, NULL, &fault), -EPROTO);
	assert_says(fault.sentence, "ENCODING 'UTF8'");
}

static void test_says_that_the_server_cannot_be_reached(void **state)
{
	struct fault fault = { "" };

	(void)state;
	assert_int_equal(migrate("host=/nowhere dbname=x", NULL, NULL, &fault), -ECONNREFUSED);
	assert_says(fault.sentence, "the database cannot be reached");
	assert_says(fault.sentence, "check `database`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_are_numbered_without_a_gap_up_to_the_version_of_store_h),
		cmocka_unit_test(test_every_policy_table_has_a_file),
		cmocka_unit_test(test_migrates_an_empty_database),
		cmocka_unit_test(test_has_nothing_to_do_the_second_time),
		cmocka_unit_test(test_two_at_once_migrate_once),
		cmocka_unit_test(test_refuses_a_newer_database),
		cmocka_unit_test(test_names_file_and_line_of_what_failed_and_keeps_nothing_of_it),
		cmocka_unit_test(test_takes_statements_whatever_they_quote),
		cmocka_unit_test(test_names_the_row_of_a_broken_policy),
		cmocka_unit_test(test_leaves_an_edited_policy_alone),
		cmocka_unit_test(test_says_which_rights_are_missing),
		cmocka_unit_test(test_an_account_with_createrole_can_migrate_its_own_database),
		cmocka_unit_test(test_refuses_a_database_that_is_not_utf8),
		cmocka_unit_test(test_says_that_the_server_cannot_be_reached),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
