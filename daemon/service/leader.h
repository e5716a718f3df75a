/* The leader's pipeline: letters in, batches through the rules, one fenced transaction each, and only then acks and
 * records out (X5).
 *
 * Natural batching: while batch N commits, what arrives is gathered as batch N+1 and its facts are read ahead; so a
 * batch holds one event when idle and hundreds under load. One batch is decided at a time, after the one before it
 * has committed. */
#pragma once

#include <systemd/sd-event.h>

#include "config/config.h"
#include "service/clock.h"
#include "service/letter.h"
#include "store/store.h"

struct leader;

struct leader_handlers {
	void *owner;
	/* Records that have committed, in order. */
	void (*published)(void *owner, const struct wire_record *records, size_t n);
	/* A letter whose batch has committed: its verdict stands in letter->work. Also called, with work NULL, for a letter of a control request that the end
	 * of a term has dropped. */
	void (*decided)(void *owner, const struct letter *letter);
	/* PostgreSQL refuses to write that the event came, even as bytes; letter->poison has its words. Nothing that came behind it from the same sender is
	 * decided: the sender must send again from this event on. */
	void (*given_back)(void *owner, const struct letter *letter);
	/* Too much is waiting: stop taking; or there is room again. */
	void (*pressure)(void *owner, bool full);
	void (*log)(void *owner, int priority, const char *sentence);
};

struct leader_counts {
	uint64_t batches, records, largest_batch, alarms, poison, given_back, refused_alarms;
	uint64_t events[DISPOSITION_END];
	uint64_t reasons[REASON_END];
	size_t waiting, waiting_bytes;
};

int leader_new(sd_event *loop, const struct config *config, struct store *store, const struct leader_handlers *handlers,
	struct leader **ret);
struct leader *leader_free(struct leader *leader);
DEFINE_CLEANUP(struct leader, leader_free)

/* A term begins. */
void leader_begin(struct leader *leader, const struct term *term);
/* The term is over. Events that were submitted, or came from a stream without a log, are kept for the next one
 * (`keep`), unless another daemon now leads; those of streams with a log are read again by their followers. */
void leader_end(struct leader *leader, bool keep);
/* Where the last kept event of the source stands in its stream, valid until the loop turns; NULL: none is kept, or it has no position. */
const struct source_position *leader_last(const struct leader *leader, size_t source);
/* A reload: what PostgreSQL refused is tried again too. */
void leader_set_policy(struct leader *leader, const struct policy *policy);
const struct policy *leader_policy(const struct leader *leader);

/* Takes the letter over. */
void leader_post(struct leader *leader, struct letter *letter);
/* Nothing waits, nothing is under way. */
bool leader_idle(const struct leader *leader);
/* Too much waits: what `pressure` said last. */
bool leader_full(const struct leader *leader);
uint64_t leader_head(const struct leader *leader);
uint64_t leader_epoch(const struct leader *leader);
const struct service_clock *leader_clock(const struct leader *leader);
void leader_counts(const struct leader *leader, struct leader_counts *ret);
