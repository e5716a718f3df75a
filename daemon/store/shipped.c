/* The shipped policy. A table is filled in the transaction that makes it and never again: what an operator has edited since, or emptied, is left alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/inside_migrate.h"

/* The table of policy/<table>.csv; false for other files. */
static bool policy_file_table(const struct sql_file *file, char *table, size_t size)
{
	const char *name = file->name;
	size_t n = strlen(name);

	if (strncmp(name, "policy/", 7) != 0 || n < 12 || strcmp(name + n - 4, ".csv") != 0)
		return false;
	return (size_t)snprintf(table, size, "%.*s", (int)(n - 11), name + 7) < size;
}

static int copy_result(const struct migration *m, const struct sql_file *file)
{
	CLEANUP(read_clearp) PGresult *result = PQgetResult(m->connection);
	CLEANUP(read_clearp) PGresult *end = PQgetResult(m->connection);
	const char *where = PQresultErrorField(result, PG_DIAG_CONTEXT);

	if (PQresultStatus(result) == PGRES_COMMAND_OK) {
		migration_say(m, "loaded %s: %s rows", file->name, PQcmdTuples(result));
		return 0;
	}
	return fault_set(m->fault, -EIO, "%s: %s%s%s; %s", file->name, script_message(m, result), where ? ": " : "",
		where ? where : "", script_mend_for(PQresultErrorField(result, PG_DIAG_SQLSTATE)));
}

/* The columns are those the header names, in its order. */
static int copy_policy(const struct migration *m, const struct sql_file *file, const char *table)
{
	const char *start = (const char *)file->start;
	size_t size = (size_t)(file->end - file->start);
	int header = (int)strcspn(start, "\r\n");
	char sql[1024];
	CLEANUP(read_clearp) PGresult *result = NULL;

	(void)snprintf(sql, sizeof(sql), "COPY cpps_policy.\"%s\" (%.*s) FROM STDIN (FORMAT csv, HEADER)", table,
		header, start);
	result = PQexec(m->connection, sql);
	if (PQresultStatus(result) != PGRES_COPY_IN)
		return fault_set(m->fault, -EIO, "%s: %s; its header must name columns of cpps_policy.%s", file->name,
			script_message(m, result), table);
	(void)PQputCopyData(m->connection, start, (int)size);
	(void)PQputCopyEnd(m->connection, NULL);
	return copy_result(m, file);
}

static int table_exists(const struct migration *m, const char *table, int *ret)
{
	return migration_ask(m,
		"SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'cpps_policy' AND tablename = $1)",
		table, ret);
}

int shipped_note(const struct migration *m, int *had)
{
	char table[64];

	for (size_t i = 0; i < m->count && i < SHIPPED_FILES_MAX; i++) {
		int r = policy_file_table(&m->files[i], table, sizeof(table)) ? table_exists(m, table, &had[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int shipped_fill(const struct migration *m, const int *had)
{
	char table[64];
	int now[SHIPPED_FILES_MAX] = { 0 }, filled = 0;
	int r = shipped_note(m, now);

	for (size_t i = 0; r >= 0 && i < m->count && i < SHIPPED_FILES_MAX; i++) {
		if (!now[i] || had[i] || !policy_file_table(&m->files[i], table, sizeof(table)))
			continue;
		r = copy_policy(m, &m->files[i], table);
		filled++;
	}
	return r < 0 ? r : filled;
}
