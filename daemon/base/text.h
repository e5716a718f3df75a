/* Bounded text: copies that cannot overrun, and the check every string from a peer passes before it is used. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Copies `from` (NULL counts as "") into the array `to`; cut at its size, always terminated, never inside a UTF-8
 * character. True when nothing was cut. */
bool text_copy(char *to, size_t size, const char *from);
#define TEXT_SET(array, from) text_copy((array), sizeof(array), (from))

/* True for valid UTF-8 (no surrogates, no overlong forms) without a NUL or another control character but tab, line feed
 * and carriage return. `n` in bytes. */
bool text_is_clean(const char *text, size_t n);

/* Cuts a character that a bounded copy left half at the end of a terminated string. */
void text_trim_utf8(char *text);

/* NULL-safe equality; NULL equals "". */
bool text_equal(const char *a, const char *b);

static inline bool text_given(const char *text)
{
	return text && *text;
}
