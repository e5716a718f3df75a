/* Inside of flow/: the named consumers that a log server has heard of in its term. Its owner is told of a new one at once, of what it confirms twice a second
 * at most, and of one that confirms nothing new each ten seconds: however often a client asks, the owner has little to store. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

#define CONSUMERS_MAX 500

struct consumers;

int consumers_new(sd_event *loop, void (*tell)(void *owner, const char *name, uint64_t confirmed), void *owner,
	struct consumers **ret);
struct consumers *consumers_free(struct consumers *consumers);
DEFINE_CLEANUP(struct consumers, consumers_free)
/* 0; -ENOSPC: CONSUMERS_MAX others have asked within the last hour; -ENOMEM. */
int consumers_hear(struct consumers *consumers, const char *name, uint64_t confirmed);
/* Forgets one of that name, if there is one, or all, telling nobody. */
void consumers_forget(struct consumers *consumers, const char *name);
void consumers_clear(struct consumers *consumers);
