/* Inside of store/: the store, and the asks under way in it. */
#pragma once

#include "base/arena.h"
#include "store/connection.h"
#include "store/store.h"

/* Something asked of the store that will be answered: by its own completion, or by `lost` when the term ends before. Embedded first in what was asked. */
struct ask {
	struct ask *before, *after;
	struct store *store;
	void (*lost)(struct ask *ask); /* answers STORE_LOST and frees */
};

/* Bytes that a submitter's held quarantines keep: what is committed, and what the batch under way adds or takes. */
struct quota {
	char submitter[ID_MAX + 1];
	int64_t held, pending;
	UT_hash_handle hh;
};

#define TROUBLES_MAX 16 /* with several hosts each attempt fails in words of its own */

/* A commit that is not confirmed yet; done NULL: none. */
struct confirmation {
	void (*done)(void *context);
	void *context;
	bool asked;
};

struct store {
	sd_event *loop;
	struct store_callbacks callbacks;
	char *conninfo, *stream;
	char **endpoints;
	size_t endpoint_count;
	uint64_t quota_bytes;
	bool require_synchronous;

	struct connection *writer, *reader;
	enum store_state state;
	sd_event_source *retry_timer, *lease_timer, *ready;
	uint64_t backoff_us;
	unsigned attempts; /* to connect: each begins with the next host */
	uint64_t said
		[TROUBLES_MAX]; /* hashes of what was said since the last term or wait for one, so that it is said once */
	size_t said_count;
	char leader[2048]; /* endpoints of the other leader, as told last */

	int sessions; /* sessions that are set up: both are needed */
	int32_t pid;  /* of the writer's backend */
	struct instant backend_start;
	uint64_t epoch;
	uint64_t renewed_us; /* monotonic: when the last confirmed renewal was asked for */
	uint64_t renewal_us; /* the same of the one under way */
	bool renewing;
	struct confirmation still_leads; /* who waits to hear that the term is ours */
	bool evicted;                    /* the last attempt ended somebody's session */

	enum store_synchronous synchronous;
	bool looking; /* for a standby, on the reader */
	struct confirmation confirmation;

	struct policy *policy;
	store_reload_done reload; /* who asked for the policy; NULL: the term */
	void *reload_context;

	struct term term;
	struct source_position positions[SOURCES_MAX];
	struct quota *quotas;
	struct ask *asks;
	struct ask *empty_commit; /* nothing to write: answered by the next turn */
	char failing[FAULT_MAX];  /* store_fail_soon() */
};

void ask_begin(struct store *store, struct ask *ask, void (*lost)(struct ask *ask));
void ask_end(struct ask *ask);

/* Ends the term, or the attempt at one: closes both connections, answers everybody, says why, and tries again later. */
void store_lose(struct store *store, const char *sentence);

/* store/store.c: the sessions are set up and the schema fits. store/election.c: becomes leader, or waits for it. */
void election_prepare(struct store *store); /* learns who the writer's session is, before it takes the role */
void election_begin(struct store *store);
void election_end(struct store *store);
/* Asks on the writer, between transactions: calls `done` where the term is still this store's; never, where another has taken it: it ends. One at a time. */
void election_confirm(struct store *store, void (*done)(void *context), void *context);
/* store/synchronous.c. Calls `done`, which may be at once, when what the writer has committed is known to be on a synchronous standby, where
 * one is required; never, where the term ends before. One at a time. The tick comes each second of a term. */
void synchronous_confirm(struct store *store, void (*done)(void *context), void *context);
void synchronous_tick(struct store *store);
void synchronous_end(struct store *store);

/* The term is taken and read: it begins. */
void store_lead(struct store *store);
/* The schema, the policy or the stream does not fit: nothing is tried again. */
void store_refuse(struct store *store, const char *sentence);

/* store/policy.c: reads the policy tables on the reader; `done` is told with the new policy, or with why there is none (and the connection stands). */
typedef void (*policy_read)(struct store *store, struct policy *policy, const char *sentence);
int policy_begin(struct store *store, policy_read done);

struct quota *quota_of(struct store *store, const char *submitter);
void quota_settle(struct store *store, bool committed);
void quota_clear(struct store *store);

/* Ends the term by the next turn of the loop, for who must not be answered within the call that asks. */
void store_fail_soon(struct store *store, const char *sentence);
/* store/commit.c: a commit without anything to write is answered. */
void commit_answer_empty(struct store *store);
