/* What need not be kept any longer is deleted as a term begins, and once an hour of the bridge's clock after that, in small slices with pauses between,
 * so that neither the log's readers nor the next batch wait. How long things are kept is the policy's: log_days, log_cap_days, claim_days. */
#pragma once

#include <systemd/sd-event.h>

#include "service/leader.h"

struct retention;

struct retention_handlers {
	void *owner;
	/* The log begins at `first`. */
	void (*kept_from)(void *owner, uint64_t first);
};

int retention_new(sd_event *loop, struct store *store, const struct leader *leader,
	const struct retention_handlers *handlers, struct retention **ret);
struct retention *retention_free(struct retention *retention);
DEFINE_CLEANUP(struct retention, retention_free)

/* A term begins or ends. */
void retention_begin(struct retention *retention);
void retention_end(struct retention *retention);
