/* Inside of feeder/: the durable log, one SQLite file. Records are numbered from 1 without a hole; what
 * logfile_store() has returned 0 for survives a kill and a power cut. One process at a time: a lock file beside the
 * file sees to that. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "wire/encode.h"

struct logfile;

enum logfile_outcome {
	LOGFILE_STORED,
	LOGFILE_KNOWN, /* the same event is in the log already */
	LOGFILE_REUSED /* another event of this source and id is; not stored */
};

struct logfile_entry {
	const char *source, *id; /* both NULL: stored whatever it is */
	const char *topic;
	struct bytes event;
	bool whatever; /* where its name is another's, it is stored without one */
	/* Set by logfile_store(). */
	enum logfile_outcome outcome;
	uint64_t seq; /* its own, or that of the event that has the name */
};

/* Opens or makes the log of `stream`. 0; -EBUSY: another process has it; -EMEDIUMTYPE: the file is no log, or that of another stream; -EUCLEAN: it is
 * damaged; each with a sentence. */
int logfile_open(const char *path, const char *stream, struct logfile **ret, struct fault *fault);
struct logfile *logfile_free(struct logfile *file);
DEFINE_CLEANUP(struct logfile, logfile_free)

/* Begins a term, before anything is stored or served: epoch = max(the last + 1, now). Call it when the clock has
 * passed the last epoch: a log restored from an older copy can then not come to an epoch that was in use before. */
int logfile_begin(struct logfile *file, int64_t now_s, struct fault *fault);
uint64_t logfile_epoch(const struct logfile *file); /* before logfile_begin(): of the last term, 0 if none */
uint64_t logfile_first(const struct logfile *file); /* the first kept; of an empty log 1 */
uint64_t logfile_head(const struct logfile *file);  /* of an empty log 0 */

/* Stores the entries in order, in one transaction. Negative, with a sentence: none is stored, try again later
 * (-ENOSPC, -EBUSY, -EIO, ...) or give up (-EUCLEAN). */
int logfile_store(struct logfile *file, int64_t now_s, struct logfile_entry *entries, size_t n, struct fault *fault);

/* Records after `after`, of about max_bytes and at least one where there is one; they lie in the arena. */
int logfile_read(struct logfile *file, uint64_t after, size_t max_bytes, struct arena *arena, struct wire_record **ret,
	size_t *ret_n);
/* The epoch in which a record was written; 0: it is not kept. */
int logfile_epoch_of(struct logfile *file, uint64_t seq, uint64_t *ret);

/* A named consumer has processed all up to `confirmed`; that never goes back. */
int logfile_consumer(struct logfile *file, const char *name, uint64_t confirmed, int64_t now_s);

/* Drops the oldest records that were stored before `keep_s` and that every named consumer has confirmed, or that were stored before `cap_s`; the newest record
 * always stays. A few hundred a call. 1: there is more to drop; 0; negative. */
int logfile_retain(struct logfile *file, int64_t keep_s, int64_t cap_s);
