/* The daemon's side of PostgreSQL, on the event loop: two connections (a writer and a reader), leader election, facts in, effects out, log reads.
 *
 * Life: store_start() connects and backs off with jitter by itself for ever. Once connected it checks the schema, then tries to become leader: a
 * session advisory lock, the epoch bumped and committed, the policy and head read; then `leading` is called. While another leads it polls the lease
 * (`standby`); a lease three seconds old is taken over by terminating the backend (pid and start time). Anything that goes wrong with the writer (or with
 * the reader) ends the term: `lost` is called once, every pending completion is called with STORE_LOST, and the whole begins anew. Nothing is served between
 * `lost` and the next `leading`. No function blocks. Completions are never called from within the call that asked. */
#pragma once

#include <systemd/sd-event.h>

#include "core/policy.h"
#include "store/cabinet.h"
#include "wire/encode.h"

struct store;

#define STORE_SCHEMA_VERSION 3 /* the newest migration this program knows */
#define SOURCES_MAX          32
#define SOURCE_NAME_MAX      64

/* How far a source stream has been taken. */
struct source_position {
	char source[SOURCE_NAME_MAX + 1]; /* its name in the config */
	char stream[SOURCE_NAME_MAX + 1]; /* the name it gives itself */
	uint64_t epoch, seq, head;
};

/* What a new leader starts from. */
struct term {
	uint64_t epoch;
	uint64_t head, first;        /* last and first record of the log; 0 and 1 when it is empty */
	struct instant head_at;      /* recorded_at of the head; INSTANT_NONE when empty (X8) */
	struct instant database_now; /* the database's clock, for comparison */
	int64_t clock_ahead_us;      /* test clock */
	const struct policy *policy; /* owned by the store, until the next reload or term */
	const struct source_position *positions;
	size_t position_count;
	uint64_t parked, held;                  /* parked events; held quarantines */
	uint64_t next_parked, next_quarantined; /* numbers new rows continue from: cabinet_set_numbers() */
};

enum store_state { STORE_DOWN, STORE_CONNECTING, STORE_WAITING /* standby */, STORE_LEADING };

/* Whether what commits is on a synchronous standby too. Looked for each second while a term lasts. */
enum store_synchronous {
	STORE_SYNCHRONOUS_UNKNOWN, /* no term */
	STORE_SYNCHRONOUS,
	STORE_NOT_SYNCHRONOUS, /* none streams, or none is asked to */
};

struct store_callbacks {
	void *context;
	void (*leading)(void *context, const struct term *term);
	void (*standby)(void *context, const char *const *leader_endpoints,
		size_t n); /* another leads; may be called again when it changes */
	void (*lost)(void *context,
		const char *
			sentence); /* a person's sentence: what went wrong, where, how to mend it; also while (re)connecting fails, on change only */
	void (*refused)(void *context,
		const char
			*sentence); /* the schema or policy does not fit: the service must stop or wait for a reload */
	void (*synchronous)(void *context, enum store_synchronous now); /* it has changed, within the term */
};

struct store_options {
	const char *conninfo; /* libpq's; multi-host is fine */
	const char *stream;
	const char *const *log_endpoints; /* put into the lease */
	size_t log_endpoint_count;
	uint64_t quarantine_quota_bytes; /* per submitter: beyond it the bytes are not kept */
	bool require_synchronous;        /* no term begins and no commit is answered but with a synchronous standby */
};

int store_new(sd_event *loop, const struct store_options *options, const struct store_callbacks *callbacks,
	struct store **ret);
struct store *store_free(struct store *store);
DEFINE_CLEANUP(struct store, store_free)
void store_start(struct store *store);
enum store_state store_state(const struct store *store);
/* Both sessions are set up: the database is there, whether or not this store leads. */
bool store_connected(const struct store *store);
/* Ends the term (as if the writer were lost), for the control verb NEW_TERM and a clean stop: gives the lock back so that a standby leads at once. */
void store_resign(struct store *store);
/* Reads the policy again (reload); `done` with 0, or -EINVAL and a sentence that names the row while the old policy stays. */
typedef void (*store_reload_done)(void *context, int error, const char *sentence, const struct policy *policy);
int store_reload_policy(struct store *store, store_reload_done done, void *context);

enum store_result {
	STORE_OK,
	STORE_LOST, /* the term is over; what was asked may or may not have happened */
	STORE_POISON, /* SQLSTATE 22 or 23: rolled back; the cabinet was cleared; decide the batch again one event a transaction */
};

/* Loads into the cabinet what the events touch: claims, quarantines of the same bytes or id, files of prn, into_prn, order_ref, ptp_ref
 * (with merges), parked events of those refs (decoded by wire/) and, in turn, what those touch. `order_refs`: requests an alarm is due for; `parked` and
 * `quarantined`: numbers likewise. Loads may follow each other while a commit is under way; they complete in order. */
struct store_keys {
	const struct event *const *events;
	size_t event_count;
	const char *const *order_refs;
	size_t order_ref_count;
	const uint64_t *parked, *quarantined;
	size_t parked_count, quarantined_count;
};
typedef void (*store_done)(void *context, enum store_result result, const char *sentence);
int store_load(
	struct store *store, struct cabinet *cabinet, const struct store_keys *keys, store_done done, void *context);

/* Writes every marked row of the cabinet, the positions, and the records as one batch row, in one fenced transaction. The records must follow the head. One
 * commit at a time. On STORE_OK the caller calls cabinet_settle(). */
struct store_batch {
	uint64_t first; /* seq of the first record; head + 1 where there is none */
	const struct wire_record *records;
	size_t record_count;
	struct instant recorded_at;
	const struct source_position *positions; /* those that moved */
	size_t position_count;
	const int64_t *clock_ahead_us; /* test clock moved; NULL: not */
	const bool *reconciled;        /* NULL: no comparison made */
	uint32_t reconcile_differences;
	const char *reconcile_by;
};
int store_commit(
	struct store *store, struct cabinet *cabinet, const struct store_batch *batch, store_done done, void *context);

/* What time has brought: order refs, parked and quarantine numbers whose next_alarm has been reached, earliest first,
 * at most `limit` together; strings are borrowed for the call. `last` is the alarm time of the last one where the
 * limit cut the list, else INSTANT_NONE. Does not see rows changed by an uncommitted batch: decide_*_alarm() judges
 * again. */
struct store_due {
	const char *const *order_refs;
	size_t order_ref_count;
	const uint64_t *parked, *quarantined;
	size_t parked_count, quarantined_count;
	struct instant last;
};
typedef void (*store_due_done)(void *context, enum store_result result, const struct store_due *due);
int store_due(struct store *store, struct instant now, size_t limit, store_due_done done, void *context);

/* Reads records after `after`, in order, at most about `max_bytes` (at least one if there is one); borrowed for the call. */
typedef void (*store_log_done)(void *context, enum store_result result, const struct wire_record *records, size_t n);
int store_read_log(struct store *store, uint64_t after, size_t max_bytes, store_log_done done, void *context);
/* The epoch in which record `seq` was written; 0 if it is not kept. */
typedef void (*store_epoch_done)(void *context, enum store_result result, uint64_t epoch);
int store_epoch_of(struct store *store, uint64_t seq, store_epoch_done done, void *context);

/* The bytes of held quarantines, for a retry: by number, or all (at most `limit`, oldest first). Borrowed for the call. */
struct held {
	uint64_t number;
	enum source_kind kind;
	const char *submitter;
	struct bytes raw; /* n = 0: not kept */
};
typedef void (*store_held_done)(void *context, enum store_result result, const struct held *held, size_t n);
int store_held(struct store *store, const uint64_t *numbers, size_t n, bool all, size_t limit, store_held_done done,
	void *context);

/* Deletes what need not be kept any longer, a slice of it (cpps_store.retain()). `first`: the first record still kept. `more`: there is more to delete. */
struct store_retention {
	struct instant now;
	int32_t log_days, log_cap_days, claim_days;
};
typedef void (*store_retain_done)(void *context, enum store_result result, uint64_t first, bool more);
int store_retain(struct store *store, const struct store_retention *retention, store_retain_done done, void *context);

/* Registers a consumer or moves its confirmed position (never back); forget removes it. Autocommit on the reader. */
int store_consumer(
	struct store *store, const char *name, uint64_t confirmed, bool forget, store_done done, void *context);
