/* Inside of the migrator: one run of it, and the parts that run a script and load the shipped policy. */
#pragma once

#include "store/migrate.h"
#include "store/read.h"

struct migration {
	PGconn *connection;
	const struct sql_file *files;
	size_t count;
	migrate_progress progress;
	void *context;
	struct fault *fault;
};

/* Tells `progress` a step. */
void migration_say(const struct migration *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The one number or truth (0, 1) that a query with at most one parameter yields. */
int migration_ask(const struct migration *m, const char *sql, const char *parameter, int *ret);

/* Runs the statements of a file. 0; -EIO with a sentence that names file and line. */
int script_run(const struct migration *m, const struct sql_file *file);
/* PostgreSQL's message for a result that is none (NULL: no result at all). */
const char *script_message(const struct migration *m, const PGresult *result);
/* What a person can do about an error of this SQLSTATE (NULL: unknown). */
const char *script_mend_for(const char *state);

#define SHIPPED_FILES_MAX 64

/* Notes which of the files policy/<table>.csv have their table (cpps_policy.<table>): `had` has SHIPPED_FILES_MAX entries. */
int shipped_note(const struct migration *m, int *had);
/* Fills the tables that have come since. The number filled; -EIO with a sentence. */
int shipped_fill(const struct migration *m, const int *had);
