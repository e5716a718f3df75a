/* Inside of store/: one PostgreSQL connection on the event loop, and a queue of jobs for it, done one by one, each with its completion.
 *
 * Nothing blocks. A job is a named statement (prepared when first used; binary both ways), a script (text), or a COPY of rows. When the connection
 * breaks, or is closed, its jobs vanish without completion: `down` is told once, and the owner answers whoever waits. Completions may ask and
 * close; they are never called from within the call that asked. */
#pragma once

#include <systemd/sd-event.h>

#include "base/error.h"
#include "store/statements.h"

struct connection;

/* What PostgreSQL said of a job that failed; the connection stands. */
struct failure {
	char sqlstate[6];
	char sentence[FAULT_MAX];
};

/* Exactly one of result and failure is given; the result is borrowed for the call. */
typedef void (*connection_done)(void *context, const PGresult *result, const struct failure *failure);

struct connection_handlers {
	void *owner;
	void (*up)(void *owner);
	void (*down)(void *owner, const char *sentence);
};

int connection_new(
	sd_event *loop, const char *name, const struct connection_handlers *handlers, struct connection **ret);
struct connection *connection_free(struct connection *connection);
DEFINE_CLEANUP(struct connection, connection_free)

/* Begins to connect; `up` or `down` follows. Of several hosts the `attempt`-th is tried first, then those after it. */
void connection_open(struct connection *connection, const char *conninfo, unsigned attempt);
void connection_close(struct connection *connection);
bool connection_is_up(const struct connection *connection);
/* To be asked from within a completion: whether PostgreSQL warned while it did the job. */
bool connection_warned(const struct connection *connection);

/* Each takes the parameters or rows over, also where it fails. 0; -ENOTCONN; -ENOMEM. `first`: before the jobs that wait. */
int connection_ask(struct connection *connection, enum statement statement, struct parameters *parameters, bool first,
	connection_done done, void *context);
int connection_script(struct connection *connection, const char *sql, connection_done done, void *context);
int connection_copy(struct connection *connection, const struct row_table *table, struct buffer *rows,
	connection_done done, void *context);
