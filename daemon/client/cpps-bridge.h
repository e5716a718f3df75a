/* libcppsbridge: follow the stream of a cpps-bridge (or of any source that speaks its protocol) completely and in
 * order, and submit events to it.
 *
 *     cc program.c $(pkg-config --cflags --libs cpps-bridge)
 *
 * Everything blocks, nothing starts a thread, and nothing is printed. A call may be used in any thread, an object in
 * one at a time. Functions return 0 or more when done, else a negated errno value, with a sentence for people in
 * `error`. Endpoints are ZeroMQ's (tcp://host:port, ipc:///path), in lists that end with NULL: the next one is tried
 * when one does not answer.
 *
 * Structs of options begin with their size, so that members can be added: CPPS_OPTIONS() sets it. Structs handed out
 * by the library are only read. */
#ifndef CPPS_BRIDGE_H
#define CPPS_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CPPS_PUBLIC __attribute__((visibility("default")))
#define CPPS_OPTIONS(type)           \
	{                            \
		.size = sizeof(type) \
	}

#define CPPS_SENTENCE_MAX 400

struct cpps_error {
	char sentence[CPPS_SENTENCE_MAX]; /* what is wrong, where, and how to mend it; UTF-8 */
};

/* ---- Following ---- */

/* A record of the stream; borrowed for the call it is given to. */
struct cpps_record {
	uint64_t seq, epoch; /* its position: keep both, and begin after them the next time */
	const char *topic;   /* <name>/<office> */
	/* A CloudEvent: a bridge's in the protobuf format, a feeder's as its source wrote it; see cpps_event_json(). */
	const void *event;
	size_t event_size;
};

enum {
	CPPS_FROM_NOW = 1, /* with `after` 0: only what is published from now on */
	CPPS_TO_HEAD = 2   /* return at the head instead of waiting for more */
};

struct cpps_follow_options {
	size_t size;
	const char *const *live; /* live endpoints; NULL: the log alone is read, by long polls */
	const char *const *log;  /* log endpoints */
	const char *stream;
	uint64_t after, after_epoch; /* the position of the last record processed; 0: from the first that is kept */
	const char *const *prefixes; /* topics wanted, by prefix; NULL: all */
	const char *
		name; /* registers the consumer: its lag is shown, and what it has not confirmed is kept longer; NULL: not */
	unsigned flags;
	uint64_t count; /* return after so many records; 0: no limit */
	int timeout_ms; /* give up after so long without an answer from whoever leads; 0: never */
	/* Each record, once and in order. Anything but 0 ends, and is what cpps_follow() returns: give positive numbers a meaning of your own. */
	int (*record)(void *context, const struct cpps_record *record);
	/* With a name: the seq up to which all is processed. NULL: each record is when `record` has returned 0 for it. */
	uint64_t (*confirmed)(void *context);
	/* A change of the connection, in words; may be NULL. */
	void (*notice)(void *context, const char *sentence);
	/* Asked some times a second; anything but 0 ends, and cpps_follow() returns 0. May be NULL. */
	int (*stop)(void *context);
	void *context;
};

/* Follows until it is told to end. 0: as asked (`stop`, `count`, CPPS_TO_HEAD); what `record` returned; -ESTALE: what
 * comes next is no longer kept, or the log was restored from an older copy, and a person must decide; -ETIMEDOUT;
 * -EACCES: refused; -EINVAL: wrong options. */
CPPS_PUBLIC int cpps_follow(const struct cpps_follow_options *options, struct cpps_error *error);

/* A CloudEvent of either format as one line of JSON, its payload in `data`; free() it. */
CPPS_PUBLIC int cpps_event_json(const void *event, size_t size, char **ret_line, struct cpps_error *error);

/* ---- Submitting ---- */

struct cpps_submit;

struct cpps_submit_options {
	size_t size;
	const char *const *endpoints; /* submit endpoints */
	size_t window;                /* most events under way; 0: 500 */
	int silence_ms; /* without an ack for so long, connect anew and send again what is not acknowledged; 0: 2,000 */
};

enum cpps_disposition {
	CPPS_NOT_GIVEN,
	CPPS_ACCEPTED,
	CPPS_PARKED,      /* recorded; waits for an order or case that is not known yet */
	CPPS_QUARANTINED, /* recorded and set aside: `reason` and `sentence` say why */
	CPPS_DUPLICATE    /* decided before */
};

/* An acknowledgement: the event is decided and committed. Valid until the next call with its object. */
struct cpps_ack {
	uint64_t number;         /* as given to cpps_submit_send() */
	const char *id, *source; /* of the event; NULL where they could not be read */
	enum cpps_disposition disposition;
	const char *reason, *sentence; /* NULL: none */
	uint64_t seq; /* the last record that the event caused, 0 if none; of a duplicate, that of the first */
};

CPPS_PUBLIC int cpps_submit_new(
	const struct cpps_submit_options *options, struct cpps_submit **ret, struct cpps_error *error);
/* Takes NULL, and returns it. Events that are not acknowledged may or may not have been taken: submit them again, under the same ids. */
CPPS_PUBLIC struct cpps_submit *cpps_submit_free(struct cpps_submit *submit);
/* Takes one event, a CloudEvent in the JSON or the protobuf format; bytes are copied. -EAGAIN: so many are under way
 * already, wait for an ack; -EMSGSIZE: it is too large. */
CPPS_PUBLIC int cpps_submit_send(struct cpps_submit *submit, uint64_t number, const void *event, size_t size);
/* Waits for the next ack. They come in the order of the events, one for each; connections are mended, and what is not
 * acknowledged is sent again, in here. 1: an ack; 0: none in time. */
CPPS_PUBLIC int cpps_submit_wait(struct cpps_submit *submit, int timeout_ms, const struct cpps_ack **ret);
/* Events without an ack. */
CPPS_PUBLIC size_t cpps_submit_pending(const struct cpps_submit *submit);

/* ---- */

CPPS_PUBLIC const char *cpps_disposition_text(enum cpps_disposition disposition);
/* Of the library in use, as 0.1.0. */
CPPS_PUBLIC const char *cpps_bridge_version(void);

#ifdef __cplusplus
}
#endif
#endif
