/* Schema migrations: the numbered files of sql/, held by the program, applied in order, each in its own transaction. Safe to run twice, and twice at once (an advisory lock). */
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

/* Brings the schema to STORE_SCHEMA_VERSION and loads the shipped policy into empty policy tables. `progress` is told each step, in words. 0;
 * negative with a sentence: also where the database is newer than this program. */
int migrate(const char *conninfo, void (*progress)(void *context, const char *sentence), void *context, struct fault *fault);

/* The version of the schema: 0 = none. */
int migrate_version(const char *conninfo, int *ret, struct fault *fault);
