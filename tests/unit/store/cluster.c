#include "store/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/read.h"

static char directory[] = "/tmp/cpps-test.XXXXXX";
static char base[300]; /* conninfo without database and user */
static FILE *keeper;

/* A shell that waits for this program's end, and then deletes the cluster. */
static int keep(void)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "trap '' INT; read -r _; tests/pg.sh stop %s; rmdir %s", directory,
		directory);
	keeper = popen(command, "w");
	return keeper ? 0 : -1;
}

int cluster_start(void **state)
{
	char command[256], line[256];
	FILE *starter;

	(void)state;
	if (!mkdtemp(directory) || keep() < 0)
		return -1;
	(void)snprintf(command, sizeof(command), "tests/pg.sh start %s", directory);
	starter = popen(command, "r");
	if (!starter || !fgets(line, sizeof(line), starter) || pclose(starter) != 0)
		return -1;
	line[strcspn(line, " \n")] = '\0'; /* host=... */
	(void)snprintf(base, sizeof(base), "%s port=5432", line);
	return 0;
}

int cluster_stop(void **state)
{
	(void)state;
	return keeper && pclose(keeper) == 0 ? 0 : -1;
}

const char *cluster_database_as(const char *name, const char *account)
{
	static char conninfo[400];

	(void)snprintf(conninfo, sizeof(conninfo), "%s dbname=%s user=%s", base, name, account);
	return conninfo;
}

const char *cluster_database(const char *name, const char *options)
{
	char sql[200];

	(void)snprintf(sql, sizeof(sql), "CREATE DATABASE \"%s\" %s", name, options);
	cluster_run(cluster_database_as("postgres", "postgres"), sql);
	return cluster_database_as(name, "postgres");
}

void cluster_account(const char *name, const char *attributes)
{
	char sql[200];

	(void)snprintf(sql, sizeof(sql), "CREATE ROLE %s LOGIN %s", name, attributes);
	cluster_run(cluster_database_as("postgres", "postgres"), sql);
}

static PGresult *execute(const char *conninfo, const char *sql)
{
	CLEANUP(read_closep) PGconn *connection = NULL;
	struct fault fault = { "" };

	if (read_connect(conninfo, &connection, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return PQexec(connection, sql);
}

void cluster_run(const char *conninfo, const char *sql)
{
	CLEANUP(read_clearp) PGresult *result = execute(conninfo, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s (%.200s)", PQresultErrorMessage(result), sql);
}

const char *cluster_ask(const char *conninfo, const char *sql)
{
	static char answer[8192];
	CLEANUP(read_clearp) PGresult *result = execute(conninfo, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		(void)snprintf(answer, sizeof(answer), "!%s", PQresultErrorField(result, PG_DIAG_SQLSTATE));
	else
		(void)snprintf(answer, sizeof(answer), "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	return answer;
}
