/* The log endpoint (proto/README.md): ROUTER; long polls, prefixes, caps. Tail polls are answered from a byte-bounded ring
 * of the newest records; older ones are read through `read`. */
#pragma once

#include "flow/socket.h"
#include "wire/protocol.h"

struct log_server;

/* Completion of a read: `records` borrowed for the call; error: 0, or negative when the term ended (nothing is answered then). */
typedef void (*log_read_done)(void *waiter, int error, const struct wire_record *records, size_t n);
typedef void (*log_epoch_done)(void *waiter, int error, uint64_t epoch);

struct log_handlers {
	void *owner;
	/* Reads records after `after`, in order, at most about max_bytes; calls `done` later, never from within. Negative: cannot be asked now. */
	int (*read)(void *owner, uint64_t after, size_t max_bytes, log_read_done done, void *waiter);
	/* The epoch in which `seq` was written, 0 if it is not kept. */
	int (*epoch_of)(void *owner, uint64_t seq, log_epoch_done done, void *waiter);
	/* A named consumer asked, with its confirmed position (flow/consumers.h). */
	void (*consumer)(void *owner, const char *name, uint64_t confirmed);
};

struct log_options {
	const char *stream;
	size_t ring_bytes;   /* 1 MiB */
	size_t answer_bytes; /* 1 MiB: about the most records in one answer */
	size_t clients;      /* 1,000 waiting at once */
};

int log_server_new(sd_event *loop, void *context, const char *const *endpoints, const struct log_options *options,
	const struct log_handlers *handlers, struct log_server **ret, struct fault *fault);
struct log_server *log_server_free(struct log_server *server);
DEFINE_CLEANUP(struct log_server, log_server_free)
/* Begins a term, or with epoch 0 ends it: every waiting request is answered NOT_LEADER with `leaders`. */
void log_server_lead(struct log_server *server, uint64_t epoch, uint64_t first, uint64_t head);
void log_server_set_leaders(struct log_server *server, const char *const *leaders, size_t n);
/* Committed records, in order: into the ring, and to whoever waits for them. */
void log_server_append(struct log_server *server, const struct wire_record *records, size_t n);
/* Records before `first` are no longer kept. */
void log_server_keep_from(struct log_server *server, uint64_t first);
/* The consumer of that name is dropped: whoever asks under it again is a new one, whatever the former has confirmed. */
void log_server_forget(struct log_server *server, const char *name);
size_t log_server_waiting(const struct log_server *server);
