/* The alarms that PostgreSQL refuses to write (SQLSTATE 22 and 23, tried alone). Time cannot put an alarm aside as it
 * puts an event into quarantine: it stays due. So it is remembered here, left out of the looks for what is due, and tried
 * again once an hour; what is due besides goes on. */
#pragma once

#include "base/error.h"
#include "service/letter.h"

#define REFUSED_WAIT_US  US_PER_HOUR
#define REFUSED_NAMED    20 /* log lines an hour, however many are refused */
#define REFUSED_SENTENCE (2 * FAULT_MAX)

struct refused;

int refused_new(struct refused **ret);
struct refused *refused_free(struct refused *refused);
DEFINE_CLEANUP(struct refused, refused_free)

/* Remembers an alarm that was refused for what `sentence` says, at `now`. True: to be logged, as `ret` says it. */
bool refused_add(struct refused *refused, const struct letter *alarm, const char *sentence, struct instant now,
	char ret[static REFUSED_SENTENCE]);
/* It has been written, or is no longer there. */
void refused_forget(struct refused *refused, const struct letter *alarm);
/* Forgets all: they are tried again with the next look. */
void refused_clear(struct refused *refused);

/* Whether the alarm was refused, and whether that is less than an hour ago. */
bool refused_knows(const struct refused *refused, const struct letter *alarm);
bool refused_waits(const struct refused *refused, const struct letter *alarm, struct instant now);
size_t refused_count(const struct refused *refused);
