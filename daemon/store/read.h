/* The read side for cppsctl: a plain blocking connection and the views of schema cpps as tables. Nothing here writes; migrate.h, which does,
 * shares the connection. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "core/policy.h"

/* A connection whose transactions are read only, with the schema's version checked. 0; -ECONNREFUSED, or -EPROTO where the schema is missing,
 * older or newer than this program, with a sentence. */
int read_open(const char *conninfo, PGconn **ret, struct fault *fault);
PGconn *read_close(PGconn *connection);
DEFINE_CLEANUP(PGconn, read_close)

/* The connection alone, unchecked and free to write: for migrations and tests. Silent, UTF-8, gives up after 10 seconds unless the conninfo
 * says otherwise. 0 or -ECONNREFUSED with a sentence. */
int read_connect(const char *conninfo, PGconn **ret, struct fault *fault);

/* Runs one query with text parameters (NULL ends; NULL for none). The caller clears the result. 0; -EIO with a sentence. */
int read_query(PGconn *connection, const char *sql, const char *const *parameters, PGresult **ret, struct fault *fault);
PGresult *read_clear(PGresult *result);
DEFINE_CLEANUP(PGresult, read_clear)

/* The query that yields a policy table's rows in order, every column as text, "" for NULL. 0, or -ENOSPC. */
int read_policy_sql(const struct policy_table *table, char *sql, size_t size);
/* Takes what those queries yielded, in the order of policy_tables[]: rows as policy_add() wants them. 0; -EINVAL with a sentence. */
int read_policy_rows(
	struct policy *policy, const struct policy_table *table, const PGresult *rows, struct fault *fault);
/* The policy as the database has it, validated. 0; -EINVAL or -EIO with a sentence. The caller frees *ret. */
int read_policy(PGconn *connection, struct policy **ret, struct fault *fault);
