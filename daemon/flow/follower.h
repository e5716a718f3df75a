/* The daemon's intake of one source stream: SUB on its live endpoints, DEALER to its log endpoints where it has any.
 * Every record is handed on once, in order, with its position; a plain PUB (`[topic][event]`, no position frame) is
 * taken as best effort. */
#pragma once

#include "flow/following.h"
#include "flow/socket.h"
#include "wire/protocol.h"

struct follower;

struct follower_handlers {
	void *owner;
	/* An event of source number `source`; position NULL where the source has none (plain PUB). Bytes borrowed for the call. */
	void (*event)(void *owner, size_t source, const struct position *position, const void *bytes, size_t n);
	/* Something a person must know: a sentence, once a change. */
	void (*alarm)(void *owner, size_t source, const char *sentence);
};

struct follower_options {
	size_t source;                        /* the owner's number for it */
	const char *name;                     /* in the config */
	const char *stream;                   /* NULL: take the first heard */
	const char *const *live, *const *log; /* endpoints, NULL-terminated; log may be NULL */
	bool from_now;                        /* where to start when no position is stored */
};

int follower_new(sd_event *loop, void *context, const struct follower_options *options,
	const struct follower_handlers *handlers, struct follower **ret, struct fault *fault);
struct follower *follower_free(struct follower *follower);
DEFINE_CLEANUP(struct follower, follower_free)
/* Begins to follow from a stored position (of a new term), or from the start. */
void follower_start(struct follower *follower, const struct position *from);
/* Ends following: nothing is handed on until the next start. */
void follower_stop(struct follower *follower);
/* The owner could not keep the record `seq`. Where there is a log, it and what came behind it are read again, after some seconds; else it is lost, and
 * counted as missed. */
void follower_return(struct follower *follower, uint64_t seq);
/* Back-pressure. */
void follower_pause(struct follower *follower, bool pause);

struct follower_status {
	const char *name, *stream;
	enum following_state state;
	bool has_log, has_positions; /* has_positions: position frames were seen */
	uint64_t epoch, position, head, events, gaps, missed;
};
void follower_status(const struct follower *follower, struct follower_status *ret);
