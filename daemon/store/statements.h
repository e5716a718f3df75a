/* Inside of store/: every SQL statement the daemon sends, once, by name. Parameters and results are binary; the casts in the text say their types. */
#pragma once

#include "store/rows.h"

enum statement {
	STATEMENT_SESSION,
	STATEMENT_TAKE_ROLE,
	STATEMENT_VERSION,
	STATEMENT_TAKE_TERM,
	STATEMENT_RESET_ROLE,
	STATEMENT_EVICT,
	STATEMENT_RENEW,
	STATEMENT_SYNCHRONOUS,
	STATEMENT_TOUCH,
	STATEMENT_TERM,
	STATEMENT_POSITIONS,
	STATEMENT_HELD_BYTES,
	STATEMENT_LOAD_NAMES,
	STATEMENT_LOAD_PARKED,
	STATEMENT_LOAD_CLAIMS,
	STATEMENT_LOAD_QUARANTINED,
	STATEMENT_LOAD_PERSONS,
	STATEMENT_LOAD_REQUESTS,
	STATEMENT_LOAD_CASES,
	STATEMENT_BEGIN,
	STATEMENT_UPDATE_PERSON,
	STATEMENT_UPDATE_REQUEST,
	STATEMENT_UPDATE_CASE,
	STATEMENT_UPDATE_CLAIM,
	STATEMENT_UPDATE_PARKED,
	STATEMENT_UPDATE_QUARANTINED,
	STATEMENT_REFILE,
	STATEMENT_DELETE_PARKED,
	STATEMENT_DELETE_CLAIM,
	STATEMENT_POSITION,
	STATEMENT_CLOCK,
	STATEMENT_RECONCILED,
	STATEMENT_FENCE,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_LOG,
	STATEMENT_EPOCH_OF,
	STATEMENT_DUE,
	STATEMENT_HELD,
	STATEMENT_CONFIRM,
	STATEMENT_FORGET,
	STATEMENT_RETAIN,
	STATEMENTS
};

/* A word for people: what the statement is for. */
const char *statement_purpose(enum statement statement);
/* Its text, with the columns of tables filled in. */
void statement_text(enum statement statement, struct buffer *sql);

/* What a session is set to, as one script: limits, so that neither side waits for ever for the other; the notations we read; and no plan that a
 * table still small has made look good, for the plans are kept and the tables grow. */
extern const char session_script[];

/* Parameters as framed values, in order. */
#define PARAMETERS_MAX 48
struct parameters {
	struct buffer bytes;
	size_t at[PARAMETERS_MAX];
	int n;
};

/* The buffer to which the next parameter is to be put, framed. */
struct buffer *parameter(struct parameters *parameters);
void parameter_texts(struct parameters *parameters, const char *const *texts, size_t n);
void parameters_clear(struct parameters *parameters);
