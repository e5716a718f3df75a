/* The database's read side for listings: one connection a process, opened at the first query. */
#pragma once

#include "ctl/command.h"
#include "store/read.h"

/* 0; negative with ctl->fault. The caller clears *ret. Times come in UTC. */
int query_run(struct ctl *ctl, const char *sql, const char *const *parameters, PGresult **ret);

/* The connection itself, borrowed. */
int query_connection(struct ctl *ctl, PGconn **ret);

/* The cells of a row, borrowed from the result; NULL where it has NULL. */
void query_cells(const PGresult *result, int row, const char **cells, size_t n);
