/* Inside of wire/: the first thing that is wrong with an event. Reading goes on after it, so that a person who has to mend the event
 * sees all of it that was readable. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "core/words.h"

struct refusal {
	enum reason reason;  /* REASON_NONE while nothing is wrong */
	struct fault *fault; /* borrowed; may be NULL */
};

/* Keeps the reason and the sentence, unless something was wrong before. */
void refusal_note(struct refusal *refusal, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define SHOWN_MAX 64

/* The value of a field as a sentence may show it: shortened, with `?` for control characters and for bytes that are not UTF-8. */
const char *text_shown(char shown[static SHOWN_MAX], const char *text, size_t n);
