/* What libcyaml says of a file it cannot use, made into a sentence for the person who wrote the file: place, fault, remedy. */
#pragma once

#include <cyaml/cyaml.h>

#include "base/error.h"

#define EXPLAIN_DEPTH 8

struct explanation {
	char reason[160]; /* libcyaml's first line, "" before it has spoken */
	struct explained_step {
		char option[64]; /* "" where the step is an entry of a list, or a place without a name */
		unsigned entry;  /* of a list, from 1; 0: none */
		unsigned line;
	} steps[EXPLAIN_DEPTH]; /* innermost first */
	unsigned depth;
};

/* The words an option takes; for the remedy. */
struct explained_words {
	const char *option;
	const cyaml_strval_t *words;
	unsigned n;
};

/* A cyaml_log_fn_t; the context is a zeroed struct explanation. */
void explain_note(cyaml_log_t level, void *context, const char *format, va_list args);

/* Fills the fault and returns `error`. The file is looked at again for the line of a word that libcyaml does not place. */
int explain_fault(const struct explanation *explanation, const char *path, const struct explained_words *words,
	size_t n, int error, struct fault *fault);
