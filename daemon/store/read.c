#include "store/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/store.h"

#define PARAMETERS_MAX 32

PGconn *read_close(PGconn *connection)
{
	if (connection)
		PQfinish(connection);
	return NULL;
}

PGresult *read_clear(PGresult *result)
{
	PQclear(result);
	return NULL;
}

static void say_nothing(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

int read_connect(const char *conninfo, PGconn **ret, struct fault *fault)
{
	/* What stands before the conninfo is a default, what stands after it is not. */
	static const char *const keywords[] = { "connect_timeout", "application_name", "dbname", "client_encoding",
		NULL };
	const char *const values[] = { "10", "cppsctl", conninfo, "UTF8", NULL };
	CLEANUP(read_closep) PGconn *connection = PQconnectdbParams(keywords, values, 1);

	if (!connection)
		return fault_set(fault, -ECONNREFUSED, "the database cannot be reached: out of memory");
	if (PQstatus(connection) != CONNECTION_OK)
		return fault_set(fault, -ECONNREFUSED,
			"the database cannot be reached: %s; check `database` in the configuration",
			PQerrorMessage(connection));
	(void)PQsetNoticeReceiver(connection, say_nothing, NULL);
	*ret = TAKE(connection);
	return 0;
}

int read_query(PGconn *connection, const char *sql, const char *const *parameters, PGresult **ret, struct fault *fault)
{
	int n = 0;
	CLEANUP(read_clearp) PGresult *result = NULL;

	while (parameters && n < PARAMETERS_MAX && parameters[n])
		n++;
	result = PQexecParams(connection, sql, n, NULL, parameters, NULL, NULL, 0);
	switch ((int)PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		*ret = TAKE(result);
		return 0;
	default:
		return fault_set(fault, -EIO, "the database refused a query: %s",
			result ? PQresultErrorMessage(result) : PQerrorMessage(connection));
	}
}

/* The version a reader may see; 0 while there is no schema, or one too old to have views. */
static int view_version(PGconn *connection, int *ret, struct fault *fault)
{
	CLEANUP(read_clearp) PGresult *there = NULL, *version = NULL;
	int r = read_query(connection,
		"SELECT FROM pg_catalog.pg_views WHERE schemaname = 'cpps' AND viewname = 'migration'", NULL, &there,
		fault);

	if (r < 0)
		return r;
	if (PQntuples(there) == 0) {
		*ret = 0;
		return 0;
	}
	r = read_query(connection, "SELECT coalesce(max(version), 0) FROM cpps.migration", NULL, &version, fault);
	if (r == 0)
		*ret = atoi(PQgetvalue(version, 0, 0));
	return r;
}

static int check_version(PGconn *connection, struct fault *fault)
{
	int version = 0;
	int r = view_version(connection, &version, fault);

	if (r < 0)
		return r;
	if (version < STORE_SCHEMA_VERSION)
		return fault_set(fault, -EPROTO,
			"the database's schema is at version %d and this program needs %d: run `cppsctl migrate`",
			version, STORE_SCHEMA_VERSION);
	if (version > STORE_SCHEMA_VERSION)
		return fault_set(fault, -EPROTO,
			"the database's schema is at version %d and this program knows only %d: install the newer "
			"cpps-bridge",
			version, STORE_SCHEMA_VERSION);
	return 0;
}

int read_open(const char *conninfo, PGconn **ret, struct fault *fault)
{
	CLEANUP(read_closep) PGconn *connection = NULL;
	CLEANUP(read_clearp) PGresult *set = NULL;
	int r = read_connect(conninfo, &connection, fault);

	if (r < 0)
		return r;
	r = read_query(connection, "SET default_transaction_read_only = on", NULL, &set, fault);
	if (r < 0)
		return r;
	r = check_version(connection, fault);
	if (r < 0)
		return r;
	*ret = TAKE(connection);
	return 0;
}

/* ---- The policy ---- */

int read_policy_sql(const struct policy_table *table, char *sql, size_t size)
{
	size_t n = (size_t)snprintf(sql, size, "SELECT ");

	for (size_t i = 0; i < POLICY_COLUMNS_MAX && table->columns[i] && n < size; i++)
		n += (size_t)snprintf(
			sql + n, size - n, "%scoalesce(\"%s\"::text, '')", i > 0 ? ", " : "", table->columns[i]);
	if (n < size)
		n += (size_t)snprintf(sql + n, size - n, " FROM cpps_policy.\"%s\" ORDER BY row_no", table->name);
	return n < size ? 0 : -ENOSPC;
}

int read_policy_rows(struct policy *policy, const struct policy_table *table, const PGresult *rows, struct fault *fault)
{
	const char *cells[POLICY_COLUMNS_MAX] = { NULL };
	int columns = PQnfields(rows) < POLICY_COLUMNS_MAX ? PQnfields(rows) : POLICY_COLUMNS_MAX;

	for (int row = 0; row < PQntuples(rows); row++) {
		int r;

		for (int i = 0; i < columns; i++)
			cells[i] = PQgetvalue(rows, row, i);
		r = policy_add(policy, table, (size_t)row + 1, cells, fault);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_policy_table(
	PGconn *connection, const struct policy_table *table, struct policy *policy, struct fault *fault)
{
	char sql[2048];
	CLEANUP(read_clearp) PGresult *rows = NULL;
	int r = read_policy_sql(table, sql, sizeof(sql));

	if (r < 0)
		return fault_set(fault, r, "policy table %s has too many columns", table->name);
	r = read_query(connection, sql, NULL, &rows, fault);
	if (r < 0)
		return r;
	return read_policy_rows(policy, table, rows, fault);
}

int read_policy(PGconn *connection, struct policy **ret, struct fault *fault)
{
	CLEANUP(freep) struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return fault_set(fault, -EIO, "out of memory");
	for (size_t i = 0; i < policy_table_count; i++) {
		int r = read_policy_table(connection, &policy_tables[i], policy, fault);

		if (r < 0)
			return r;
	}
	if (policy_validate(policy, fault) < 0)
		return -EINVAL;
	*ret = TAKE(policy);
	return 0;
}
