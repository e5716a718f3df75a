/* Following a stream to its last record: the protocol of proto/README.md as one pure state machine, used by the daemon's
 * follower and by the client library. No socket, no clock: the caller feeds it what arrived and does what it asks.
 *
 * Unfiltered: subscribe, read the log from the position to the head, apply live while seq = position + 1; on any gap,
 * or a head beyond the position, read the log again. Positions of an older epoch are ignored. A newer epoch is taken
 * up through the log only: it alone knows whether what was read before is still part of the stream (after_epoch).
 * Where the stream has lost or no longer keeps what comes next: STUCK, never a silent skip. A stream without a log
 * endpoint is best effort: gaps are counted and passed over. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum following_state {
	FOLLOWING_READING, /* a log request is, or must be, under way */
	FOLLOWING_LIVE,
	FOLLOWING_STUCK /* TOO_OLD or DIVERGED: a person must decide; `alarm` says what is missing */
};

struct following {
	bool has_log;
	uint64_t epoch, position, head; /* epoch in which `position` was written; head: newest heard of */
	uint64_t term;                  /* newest epoch heard of */
	uint64_t asked;                 /* position when the log was asked */
	enum following_state state;
	uint64_t gaps, missed;             /* best effort: gaps met, records passed over */
	uint64_t missing_from, missing_to; /* STUCK: what is missing */
	bool started;                      /* a position is known */
	bool diverged;                     /* STUCK by DIVERGED */
	bool head_back;                    /* the head went behind the position within an epoch: an alarm */
	bool filtered; /* set by the caller after following_init(): the log is read with prefixes, so seqs have holes and live is only a hint */
	unsigned doubts; /* answers of DIVERGED by what may be a former leader, in a row */
};

/* So many such answers are believed; the caller leaves some time between its requests. */
#define FOLLOWING_DOUBTS 5

void following_init(struct following *f, bool has_log, uint64_t epoch, uint64_t position, bool from_now);
/* A live message or heartbeat (seq 0). True: apply this record, then the position is its seq. False: ignore it
 * (known, older epoch, or out of turn: state says whether to read the log). */
bool following_live(struct following *f, uint64_t epoch, uint64_t seq, uint64_t head);
/* A record of a log answer; true: apply it. */
bool following_record(struct following *f, uint64_t epoch, uint64_t seq);
/* The log is being asked: its answer speaks of now, however late it comes. */
void following_asked(struct following *f);
/* The end of a log answer: result as enum log_result (wire/protocol.h). After OK, READING says that there is more to read. */
void following_answer(struct following *f, int result, uint64_t through, uint64_t head, uint64_t epoch, uint64_t first);
/* The record `seq`, handed on before, is to be read again, and what follows it; without a log it is missed. */
void following_return(struct following *f, uint64_t seq);
/* The connection or the log's leader was lost: read again. */
void following_reset(struct following *f);
