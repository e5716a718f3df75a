/* Inside of feeder/: what an event must be to be taken. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "feeder/logfile.h"

/* Reads a line: a JSON CloudEvent with source, id and type. 0: `ret` can be stored; 1: it cannot be taken, the sentence says why, and `ret` has what was
 * readable; -ENOMEM. The event's bytes are borrowed, the rest lies in the arena. */
int reading_line(struct arena *arena, struct bytes line, struct logfile_entry *ret, struct fault *fault);

/* Reads what a PUB socket sent: either format. Nobody can be asked to send it better, so everything is taken, without a name where it has none,
 * and the bridge sets it aside where a person sees it. 0 or -ENOMEM. */
int reading_message(struct arena *arena, struct bytes message, struct logfile_entry *ret);
