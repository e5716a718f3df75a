/* Inside of client/: one DEALER to one endpoint of a list at a time. A DEALER that reconnects by itself loses part of
 * its queue and delivers the rest, so a lost connection is never mended: the socket is closed and a new one opened,
 * to the next endpoint, and its owner says again what it had said. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define ANSWER_MAX (64 * 1024 * 1024L) /* bytes of one message from a daemon */

struct link {
	void *context, *socket, *monitor; /* socket NULL: closed */
	const char *const *endpoints;     /* borrowed, NULL-terminated */
	size_t count, current;
	char *named;        /* an endpoint a daemon named; instead of the current one, once */
	bool up;            /* the handshake was made */
	bool lost;          /* the connection is gone, or was refused */
	unsigned failures;  /* in a row */
	int64_t not_before; /* of the next opening, client_now() */
	unsigned openings;
};

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t client_now(void);

int link_init(struct link *link, const char *const *endpoints, struct fault *fault);
void link_done(struct link *link);
/* Opens a closed link when it is time. 1: it was opened now; 0: nothing to do; negative with a sentence. */
int link_open(struct link *link, struct fault *fault);
/* Closes it; the next opening goes to the next endpoint, after a jittered pause that grows once all have been tried. */
void link_move(struct link *link);
/* Closes it; the next opening goes to this endpoint. */
void link_redirect(struct link *link, const char *endpoint);
/* Somebody useful answers. */
void link_good(struct link *link);
const char *link_endpoint(const struct link *link);
/* Connects any socket. What a server of this machine binds at every address (a host of *) is reached by the
 * loopback. 0, or negative. */
int link_connect(void *socket, const char *endpoint);

/* Waits until the socket or `other` (may be NULL) is readable, at most so long. 1: the connection was lost or refused, again and again
 * until the link is moved; 0. */
int link_wait(struct link *link, void *other, int timeout_ms, bool *ret_other);
/* Sends one frame: 0, -EAGAIN, ... */
int link_send(struct link *link, const void *data, size_t n);
