/* Schema migrations: the numbered files of sql/, held by the program, applied in order, each in its own transaction.
 * Safe to run twice, and twice at once (an advisory lock). */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* The embedded files of sql/ (made by deploy/embed.sh): "001_store.sql", "policy/step.csv" ... */
struct sql_file {
	const char *name;
	const unsigned char *start, *end;
};
extern const struct sql_file sql_files[];
extern const size_t sql_file_count;

/* Is told each step, in words. */
typedef void (*migrate_progress)(void *context, const char *sentence);

/* Brings the schema to STORE_SCHEMA_VERSION and loads the shipped policy into the policy tables as they are made. 0; negative with a sentence:
 * -ECONNREFUSED; -EPERM where the account lacks the rights; -EPROTO where the database does not suit, above all where it is newer than this program;
 * -EINVAL for a policy that is broken; -EIO for a statement that failed, with file and line. What failed leaves nothing of its file behind. */
int migrate(const char *conninfo, migrate_progress progress, void *context, struct fault *fault);

/* The same with other files: those named NNN_*.sql in ascending order, then policy files. */
int migrate_files(const char *conninfo, const struct sql_file *files, size_t count, migrate_progress progress,
	void *context, struct fault *fault);

/* The number a file's name begins with; 0 for one that is no migration. */
int migrate_number(const struct sql_file *file);

/* The version of the schema: 0 = none. */
int migrate_version(const char *conninfo, int *ret, struct fault *fault);
