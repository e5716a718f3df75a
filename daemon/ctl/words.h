/* The field's words as option values, from the tables of core/words.h. */
#pragma once

#include <stddef.h>

#include "core/words.h"

#define WORD_NAME(prefix, name, number) #name,

/* The word in lower case, as dispositions are said in answers. */
void word_lower(const char *word, char *ret, size_t size);
