/* The client side of the stream protocol, blocking: follow a stream completely and in order, submit events and wait
 * for their acks. cppsctl is built on it. Endpoints are lists: the next one is tried when one does not answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "wire/protocol.h"

/* ---- Following ---- */
struct client_follow_options {
	const char *const *live, *const *log; /* NULL-terminated; live may be NULL: the log alone is followed */
	const char *stream;
	uint64_t after, after_epoch;
	bool from_now;
	const char *const *prefixes; /* NULL-terminated; given: the log is long-polled */
	const char
		*name;  /* consumer; NULL: anonymous. Its position is confirmed after `record` has returned 0 for it */
	bool follow;    /* false: return at the head */
	uint64_t count; /* return after so many records; 0: no limit */
	int timeout_ms; /* give up after so long without an answer from whoever leads; -1: never */
	/* Called for each record, in order; a non-zero return ends and is returned. */
	int (*record)(void *context, const struct wire_record *record);
	/* For a consumer that processes later than `record` returns: the seq up to which all is processed; may be NULL. Asked before each request. */
	uint64_t (*confirmed)(void *context);
	/* Told when the connection state changes, in words; may be NULL. */
	void (*notice)(void *context, const char *sentence);
	bool (*stop)(void *context); /* asked about each 200 ms; may be NULL */
	void *context;
};
/* 0: done; the return of `record`; -ESTALE: TOO_OLD or DIVERGED, -ETIMEDOUT: nobody answers, -EACCES, each with a sentence. */
int client_follow(const struct client_follow_options *options, struct fault *fault);

/* ---- Submitting ---- */
struct client_submit;
struct client_submit_options {
	const char *const *endpoints; /* NULL-terminated */
	size_t window;                /* most events under way; 0: 500 */
	int silence_ms; /* without an ack for so long, connect anew and send again what is not acknowledged; 0: 2,000 */
};
int client_submit_new(const struct client_submit_options *options, struct client_submit **ret, struct fault *fault);
struct client_submit *client_submit_free(struct client_submit *submit);
DEFINE_CLEANUP(struct client_submit, client_submit_free)
/* Queues one event; `number` comes back with its ack. -EAGAIN: the window is full, call client_submit_wait(). Bytes are copied. */
int client_submit_send(struct client_submit *submit, uint64_t number, const void *bytes, size_t n);
/* Waits up to timeout_ms for one ack, reconnecting and sending again what is not acknowledged, in order, as needed.
 * 1: an ack (borrowed until the next call); 0: none in time. */
int client_submit_wait(struct client_submit *submit, int timeout_ms, uint64_t *ret_number, struct ack *ret_ack);
size_t client_submit_pending(const struct client_submit *submit);
/* Why nothing is taken, in the daemon's words; "": it has not said so since the last ack. */
const char *client_submit_refusal(const struct client_submit *submit);
uint64_t client_submit_reconnects(const struct client_submit *submit);

/* ---- Control ---- */
/* One request to the daemon's control endpoint. The answer lies in the arena. 0; -ETIMEDOUT or -EPROTO with a sentence. */
int client_control(const char *endpoint, const struct control_request *request, int timeout_ms, struct arena *arena,
	struct control_answer *ret, struct fault *fault);
