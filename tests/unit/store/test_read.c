#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/cluster.h"
#include "store/migrate.h"
#include "store/read.h"

static void assert_says(const char *sentence, const char *part)
{
	if (!strstr(sentence, part))
		fail_msg("'%s' does not say '%s'", sentence, part);
}

static const char *migrated(const char *name)
{
	const char *conninfo = cluster_database(name, "");
	struct fault fault = { "" };

	if (migrate(conninfo, NULL, NULL, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return conninfo;
}

static PGconn *opened(const char *conninfo)
{
	PGconn *connection = NULL;
	struct fault fault = { "" };

	if (read_open(conninfo, &connection, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return connection;
}

static void test_opens_only_a_schema_it_knows(void **state)
{
	static const struct {
		const char *change, *says;
	} rows[] = {
		{ "INSERT INTO cpps_store.migration VALUES (99, '099_future.sql')",
			"at version 99 and this program knows only 3: install" },
		{ "DELETE FROM cpps_store.migration WHERE version > 2",
			"at version 2 and this program needs 3: run `cppsctl migrate`" },
		{ "DROP SCHEMA cpps CASCADE", "at version 0 and this program needs 3: run `cppsctl migrate`" },
	};
	const char *conninfo = migrated("versions");

	(void)state;
	PQfinish(opened(conninfo));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		PGconn *connection = NULL;
		struct fault fault = { "" };

		cluster_run(conninfo, rows[i].change);
		assert_int_equal(read_open(conninfo, &connection, &fault), -EPROTO);
		assert_says(fault.sentence, rows[i].says);
		assert_null(connection);
	}
}

static void test_a_reader_can_open_it(void **state)
{
	(void)state;
	(void)migrated("open_to_readers");
	cluster_account("analyst", "IN ROLE cpps_reader");
	PQfinish(opened(cluster_database_as("open_to_readers", "analyst")));
}

static void test_cannot_write(void **state)
{
	CLEANUP(read_closep) PGconn *connection = opened(migrated("readonly"));
	CLEANUP(read_clearp) PGresult *result = NULL;
	struct fault fault = { "" };

	(void)state;
	assert_int_equal(read_query(connection, "DELETE FROM cpps_store.claim", NULL, &result, &fault), -EIO);
	assert_says(fault.sentence, "read-only transaction");
	assert_null(result);
}

static void test_takes_parameters_as_text(void **state)
{
	static const char *const parameters[] = { "it's", "2", NULL };
	CLEANUP(read_closep) PGconn *connection = opened(migrated("parameters"));
	CLEANUP(read_clearp) PGresult *result = NULL;
	struct fault fault = { "" };

	(void)state;
	assert_int_equal(
		read_query(connection, "SELECT $1::text || repeat('!', $2::integer)", parameters, &result, &fault), 0);
	assert_string_equal(PQgetvalue(result, 0, 0), "it's!!");
}

static void test_reads_the_shipped_policy(void **state)
{
	CLEANUP(read_closep) PGconn *connection = opened(migrated("policy"));
	CLEANUP(freep) struct policy *policy = NULL;
	struct fault fault = { "" };

	(void)state;
	if (read_policy(connection, &policy, &fault) < 0)
		fail_msg("%s", fault.sentence);
	assert_int_equal(policy->step_count, 8);
	assert_int_equal(policy->office_count, 15);
	assert_int_equal(policy->close_of_business, 17 * 3600);
	assert_true(policy->order_types[ORDER_PAROLE].preallocate);
	assert_int_equal(policy->zone.n, policy->zone_count);
}

static void test_names_the_row_that_broke_the_policy(void **state)
{
	static const struct {
		const char *change, *says;
	} rows[] = {
		{ "UPDATE cpps_policy.step SET role = 'JANITOR' WHERE step = 3",
			"policy table step, row 3, column role" },
		{ "UPDATE cpps_policy.setting SET value = '25:00' WHERE name = 'close_of_business'",
			"policy table setting, row 1, column value" },
		{ "DELETE FROM cpps_policy.due WHERE order_type = 'PAROLE'", "PAROLE" },
		{ "DROP TABLE cpps_policy.zone", "cpps_policy.zone" },
	};
	const char *conninfo = migrated("broken");

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		CLEANUP(read_closep) PGconn *connection = opened(conninfo);
		CLEANUP(freep) struct policy *policy = NULL;
		CLEANUP(read_clearp) PGresult *result = NULL;
		struct fault fault = { "" };

		PQclear(PQexec(connection, "BEGIN READ WRITE"));
		assert_int_equal(read_query(connection, rows[i].change, NULL, &result, &fault), 0);
		assert_true(read_policy(connection, &policy, &fault) < 0);
		assert_says(fault.sentence, rows[i].says);
		assert_null(policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_only_a_schema_it_knows),
		cmocka_unit_test(test_a_reader_can_open_it),
		cmocka_unit_test(test_cannot_write),
		cmocka_unit_test(test_takes_parameters_as_text),
		cmocka_unit_test(test_reads_the_shipped_policy),
		cmocka_unit_test(test_names_the_row_that_broke_the_policy),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
