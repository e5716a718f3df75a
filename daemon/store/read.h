/* The read side for cppsctl: a plain blocking connection and the views of schema cpps as tables. Nothing here writes, migrations apart (migrate.h). */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "core/policy.h"

/* A connection whose transactions are read only, with the schema's version checked. 0; -ECONNREFUSED or -EPROTO with a sentence. */
int read_open(const char *conninfo, PGconn **ret, struct fault *fault);
PGconn *read_close(PGconn *connection);
DEFINE_CLEANUP(PGconn, read_close)

/* Runs one query with text parameters (NULL ends). The caller clears the result. 0; -EIO with a sentence. */
int read_query(PGconn *connection, const char *sql, const char *const *parameters, PGresult **ret, struct fault *fault);

/* The policy as the database has it. 0; -EINVAL or -EIO with a sentence. The caller frees *ret. */
int read_policy(PGconn *connection, struct policy **ret, struct fault *fault);
