#include "ctl/query.h"

#include <stddef.h>

static PGconn *connection;

static void close_connection(void)
{
	connection = read_close(connection);
}

static int open_connection(struct ctl *ctl)
{
	CLEANUP(read_clearp) PGresult *done = NULL;
	const struct config *config;
	int r = ctl_config(ctl, &config);

	if (r == 0)
		r = read_open(config->database, &connection, &ctl->fault);
	if (r < 0)
		return r;
	(void)atexit(close_connection);
	r = read_query(connection, "SET TIME ZONE 'UTC'", NULL, &done, &ctl->fault);
	if (r < 0)
		close_connection();
	return r;
}

int query_connection(struct ctl *ctl, PGconn **ret)
{
	int r = connection ? 0 : open_connection(ctl);

	*ret = connection;
	return r;
}

int query_run(struct ctl *ctl, const char *sql, const char *const *parameters, PGresult **ret)
{
	PGconn *open = NULL;
	int r = query_connection(ctl, &open);

	return r < 0 ? r : read_query(open, sql, parameters, ret, &ctl->fault);
}

void query_cells(const PGresult *result, int row, const char **cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cells[i] = PQgetisnull(result, row, (int)i) ? NULL : PQgetvalue(result, row, (int)i);
}
