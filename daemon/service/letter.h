/* A letter: one thing for the leader to decide, from wherever it came, and the queue in which letters wait for their batch.
 *
 * Everything that changes the database goes through the one queue: events from streams and submitters, quarantine verbs, due alarms, the test clock.
 * A letter keeps its bytes until its batch has committed, so that the batch can be decided again after a failure. */
#pragma once

#include <stdbool.h>

#include "core/facts.h"
#include "store/store.h"
#include "wire/protocol.h"

enum origin {
	ORIGIN_SUBMIT,
	ORIGIN_STREAM,
	ORIGIN_RETRY, /* a held quarantine, again */
	ORIGIN_DISCARD,
	ORIGIN_ALARM,      /* a request, parked or quarantined event whose time has come */
	ORIGIN_CLOCK,      /* the test clock moves */
	ORIGIN_RECONCILED, /* a comparison with IOMS's list */
	ORIGIN_PLAN,       /* decided with the others of its errand, alone, and not written */
};

/* A control request that waits for its letters. */
struct errand {
	uint64_t token;
	enum control_verb verb;
	size_t total, done;
	char by[ID_MAX + 1], reason[PROSE_MAX + 1];
	int64_t clock_by_us; /* CLOCK_ADVANCE */
	bool agreed;         /* RECONCILED */
	uint32_t differences;
	struct errand_result {
		uint64_t number;
		struct verdict verdict;
		char *id, *source;
		char *records; /* PLAN: JSON array of the records, NULL: none */
	} results[];
};

/* What a letter becomes when its batch is gathered; lies in the batch's arena. */
struct work {
	struct event event;
	enum reason fault_reason;
	struct fault fault;
	struct verdict verdict;
};

struct letter {
	struct letter *next;
	enum origin origin;
	uint64_t client;                 /* SUBMIT: the connection */
	bool positioned;                 /* STREAM: `position` is known */
	struct source_position position; /* STREAM: its source's name too where there is no position */
	size_t source;                   /* STREAM: number in the config */
	char submitter[ID_MAX + 1];
	char order_ref[REF_MAX + 1]; /* ALARM of a request */
	bool parked;                 /* ALARM of a parked event: `number`; else of a quarantined one */
	uint64_t number;             /* RETRY, DISCARD, ALARM: of the row */
	struct errand *errand;       /* control: whom to tell */
	size_t place;                /* its result in the errand */
	bool alone;                  /* decided in a batch of its own: its batch was poison */
	struct fault poison;         /* it is the culprit: PostgreSQL's words */
	bool bare; /* not even what could be read of it can be written: its bytes alone are set aside */
	struct work *work;
	size_t n;
	uint8_t bytes[];
};

/* A zeroed letter with a copy of the bytes; NULL: out of memory. */
struct letter *letter_new(enum origin origin, const void *bytes, size_t n);
struct letter *letter_free(struct letter *letter);

struct queue {
	struct letter *first, *last;
	size_t count, bytes;
};

void queue_push(struct queue *queue, struct letter *letter);
struct letter *queue_pop(struct queue *queue); /* NULL: empty */
/* Puts all of `from` before what is in `queue`; `from` is empty afterwards. */
void queue_return(struct queue *queue, struct queue *from);

/* An errand for `total` letters; NULL: out of memory. */
struct errand *errand_new(uint64_t token, enum control_verb verb, size_t total);
struct errand *errand_free(struct errand *errand);
