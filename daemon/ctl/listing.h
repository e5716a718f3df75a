/* Listings as tables: one row a filter, one a column, and the query is made from them. Names come from here and values go as parameters, so that nothing
 * that was typed becomes SQL. */
#pragma once

#include "ctl/command.h"
#include "ctl/rows.h"

#define LISTING_LIMIT          200
#define SQL_MAX                4096
#define LISTING_PARAMETERS_MAX 16

struct filter {
	const char *option; /* NULL ends a table */
	const char *where;  /* `%s` is the value's parameter; for a flag the condition as it stands */
	const char *unless; /* a flag's condition while the flag is not given; NULL: none */
};

struct listing {
	const char *what; /* "requests", for sentences */
	const char *from; /* the view */
	const struct column *columns;
	size_t n;
	const struct filter *filters;
	const char *order; /* ORDER BY */
	const char *alarm; /* column whose truth colours the row; NULL: none */
};

/* Prints what the command line asks for; says on stderr where the list was cut. */
enum ctl_exit listing_run(struct ctl *ctl, const struct listing *listing);

/* The query and its parameters, which are borrowed from the command line and end with NULL. 0; -ENOSPC with a sentence. */
int listing_query(struct ctl *ctl, const struct listing *listing, char sql[static SQL_MAX],
	const char *parameters[static LISTING_PARAMETERS_MAX]);

#define LISTING_OPTIONS \
	{ "limit", OPTION_NUMBER, "N", "most rows shown (default: 200; 0: all)", NULL, false }, OPTIONS_END
