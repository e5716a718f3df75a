#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* Length of the valid UTF-8 character at `s`, of at most `n` bytes; 0 if there is none. */
static size_t character(const unsigned char *s, size_t n)
{
	static const struct {
		unsigned char mask, lead, length;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 1, 0 },
		{ 0xe0, 0xc0, 2, 0x80 },
		{ 0xf0, 0xe0, 3, 0x800 },
		{ 0xf8, 0xf0, 4, 0x10000 },
	};

	for (size_t i = 0; i < 4; i++) {
		uint32_t code;

		if ((s[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (forms[i].length > n)
			return 0;
		code = s[0] & (unsigned char)~forms[i].mask;
		for (size_t k = 1; k < forms[i].length; k++) {
			if ((s[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[k] & 0x3fU);
		}
		if (code < forms[i].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return 0;
		return forms[i].length;
	}
	return 0;
}

bool text_is_clean(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t i = 0; i < n;) {
		size_t length = character(s + i, n - i);

		if (!length || s[i] == 0x7f || (s[i] < ' ' && !strchr("\t\n\r", s[i])) || s[i] == 0)
			return false;
		i += length;
	}
	return true;
}

void text_trim_utf8(char *text)
{
	size_t n = strlen(text), start = n;

	while (start > 0 && n - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)text[start - 1] >= 0xc0 &&
		!character((const unsigned char *)text + start - 1, n - start + 1))
		text[start - 1] = '\0';
}

bool text_copy(char *to, size_t size, const char *from)
{
	const char *given = from ? from : "";
	size_t n = strlen(given);
	bool whole = n < size;

	if (!whole)
		n = size - 1;
	memmove(to, given, n);
	to[n] = '\0';
	if (!whole)
		text_trim_utf8(to);
	return whole;
}

bool text_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}
