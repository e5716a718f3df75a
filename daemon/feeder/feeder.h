/* The feeder: makes a source's events durable and serves them by the bridge's own stream protocol (proto/README.md).
 *
 * Events come as lines from the caller, and from plain PUB endpoints. Whatever has arrived is stored in one
 * transaction, then answered, then published: live with position and heartbeats, and through the log. Nothing is
 * answered or served that is not on the disk. A log that cannot be written is tried again; meanwhile nothing more is
 * taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

struct feeder;
struct sd_event;

enum feeder_outcome {
	FEEDER_STORED,
	FEEDER_KNOWN, /* the same event is in the log already */
	FEEDER_REFUSED
};

/* What became of a line; borrowed for the call. */
struct feeder_answer {
	uint64_t line;
	enum feeder_outcome outcome;
	const char *source, *id; /* NULL: unreadable */
	uint64_t seq;            /* where it lies in the log; 0: refused */
	const char *sentence;    /* REFUSED: why; else NULL */
};

enum feeder_input {
	FEEDER_MORE, /* there is more to take */
	FEEDER_WAIT, /* not now */
	FEEDER_ENDED,
	FEEDER_FAILED /* as ENDED, and feeder_run() returns failure at once */
};

struct feeder_handlers {
	void *owner;
	/* Called when input_fd has something: hand over lines by feeder_take() for as long as feeder_room() says so. It must not block. */
	enum feeder_input (*input)(void *owner);
	/* In the order of the lines, after the commit. */
	void (*answer)(void *owner, const struct feeder_answer *answer);
	/* So many answers were given: a good moment to flush. */
	void (*answered)(void *owner);
	/* Something a person must know. */
	void (*notice)(void *owner, const char *sentence);
};

struct feeder_options {
	const char *name; /* of the stream */
	const char *log;  /* the file */
	const char *const *live,
		*const *serve;   /* endpoints to bind, NULL-terminated; NULL or empty: nothing is served */
	const char *const *from; /* PUB endpoints to subscribe to; may be NULL */
	int input_fd;            /* -1: no lines */
	unsigned keep_days;      /* retention; what a named consumer has not confirmed is kept for twice as long */
	bool once;               /* end when the lines end */
};

struct feeder_counts {
	uint64_t stored, known, refused;
	uint64_t epoch, head;
};

int feeder_new(const struct feeder_options *options, const struct feeder_handlers *handlers, struct feeder **ret,
	struct fault *fault);
struct feeder *feeder_free(struct feeder *feeder);
DEFINE_CLEANUP(struct feeder, feeder_free)

/* Whether a line may be handed over now. */
bool feeder_room(const struct feeder *feeder);
/* Hands over a line; bytes are copied. `refusal` NULL, or why the caller itself refuses it: it is then answered in its turn. 0 or -ENOMEM. */
int feeder_take(struct feeder *feeder, uint64_t line, const void *bytes, size_t n, const char *refusal);

/* Serves until SIGTERM or SIGINT, or with `once` until the lines have ended and are stored. 0; negative with a sentence. */
int feeder_run(struct feeder *feeder, struct fault *fault);
/* The loop, for tests. */
struct sd_event *feeder_loop(struct feeder *feeder);
void feeder_counts(const struct feeder *feeder, struct feeder_counts *ret);
