/* One batch: letters gathered, decoded, decided in order, and the records that came of it. Knows no socket and no database; the leader moves it along. */
#pragma once

#include "base/arena.h"
#include "config/config.h"
#include "service/letter.h"
#include "wire/encode.h"

#define BATCH_MEMORY (48 * 1024 * 1024UL) /* most bytes decoded events and records of one batch may take */
#define ALARMS_MAX   500                  /* records by timers in one transaction (X8) */

struct batch {
	struct arena *arena;
	struct queue letters;
	size_t unloaded;          /* letters at the end whose facts were not asked for yet */
	bool plan;                /* one errand of plan letters */
	struct instant due_until; /* alarms later than this wait for their turn; INSTANT_NONE: any that is due */

	struct wire_record *records;
	size_t record_count, record_space;
	uint64_t first; /* seq of the first record */
	bool overflow;  /* records did not fit into the arena */

	struct source_position positions[SOURCES_MAX];
	size_t position_count;
	bool clock_moved;
	int64_t clock_ahead_us;
	const struct errand *reconciled;
};

/* What deciding needs. */
struct batch_context {
	const struct config *config;
	const struct policy *policy;
	struct cabinet *cabinet;
	const char *stream;
	uint64_t epoch;
	struct instant now;
};

int batch_new(struct batch **ret);
struct batch *batch_free(struct batch *batch);
DEFINE_CLEANUP(struct batch, batch_free)

/* Takes a letter in: decodes its event into the arena. 0; -ENOMEM: the batch is full (the letter stays the caller's). */
int batch_gather(struct batch *batch, const struct config *config, struct letter *letter);
/* The keys of the letters whose facts were not asked for yet, in the arena; they count as asked for. 0 or -ENOMEM. */
int batch_keys(struct batch *batch, struct store_keys *ret);
/* Decides every letter, in order; `next` is the sequence of the first record. 0; -ENOMEM: nothing of it may be used. */
int batch_decide(struct batch *batch, const struct batch_context *context, uint64_t next);
/* Empties it, giving its memory back; the letters, if any, are the caller's by then. */
void batch_reset(struct batch *batch);
