#include "ctl/words.h"

#include "base/text.h"

void word_lower(const char *word, char *ret, size_t size)
{
	(void)text_copy(ret, size, word);
	for (char *c = ret; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}
