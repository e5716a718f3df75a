/* A file of lines, read as a stream in bounded memory. Empty and blank lines are passed over but counted. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LINE_SIZE_MAX (1000 * 1000UL) /* bytes: what a socket of the bridge takes, and a little less */

struct lines {
	int fd;
	const char *name; /* for sentences */
	char *buffer;
	size_t start, end;     /* of what is read and not yet given out */
	bool at_end, passing;  /* passing: over the rest of a line that is too long */
	uint64_t number;       /* of the line given out last, from 1 */
	uint64_t offset, size; /* bytes given out; of the whole file, 0 where not known */
};

struct line {
	const char *text; /* borrowed until the next call; not terminated */
	size_t n;
	uint64_t number;
	bool cut; /* longer than LINE_SIZE_MAX: its text is left out */
};

/* `path` NULL or "-": standard input. 0; negative with a sentence. */
int lines_open(struct lines *lines, const char *path, struct fault *fault);
void lines_close(struct lines *lines);

/* Whether lines_next() would not have to wait, after at most `timeout_ms`. */
bool lines_ready(struct lines *lines, int timeout_ms);

/* 1: a line; 0: the end, or a signal came; negative with a sentence. */
int lines_next(struct lines *lines, struct line *ret, struct fault *fault);

/* As lines_next(), but never waits: -EAGAIN where no whole line is there yet. */
int lines_try(struct lines *lines, struct line *ret, struct fault *fault);
