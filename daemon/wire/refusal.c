#include "wire/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define CUT "\u2026"

void refusal_note(struct refusal *refusal, enum reason reason, const char *format, ...)
{
	char sentence[FAULT_MAX];
	va_list args;

	if (refusal->reason != REASON_NONE)
		return;
	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	refusal->reason = reason;
	(void)fault_set(refusal->fault, 0, "%s", sentence);
}

/* Bytes of the clean character at `text`, of at most `n`; 0 if there is none. */
static size_t character(const char *text, size_t n)
{
	for (size_t length = 1; length <= 4 && length <= n; length++)
		if (text_is_clean(text, length))
			return (unsigned char)text[0] >= ' ' ? length : 0;
	return 0;
}

const char *text_shown(char shown[static SHOWN_MAX], const char *text, size_t n)
{
	const size_t room = SHOWN_MAX - sizeof(CUT);
	size_t used = 0, i = 0;

	while (i < n) {
		size_t length = character(text + i, n - i);
		size_t size = length ? length : 1;

		if (used + size > room)
			break;
		memcpy(shown + used, length ? text + i : "?", size);
		used += size;
		i += size;
	}
	memcpy(shown + used, i < n ? CUT : "", i < n ? sizeof(CUT) : 1);
	return shown;
}
