/* The error convention of the whole tree.
 *
 * A function that can fail returns int: 0 = done; negative = fatal, an errno value negated, passed up untouched;
 * positive = an outcome documented beside the function, which the caller must handle. Output parameters are named ret_
 * and stay untouched on failure. Where a person has to mend something, the function also fills a `struct fault`: one
 * sentence that says what is wrong, where, and how to mend it. Library code never logs. */
#pragma once

#define FAULT_MAX 400

struct fault {
	char sentence[FAULT_MAX]; /* UTF-8, no line break, "" while nothing is wrong */
};

/* Writes the sentence, cut at FAULT_MAX, and returns `error`, so that a caller can write `return fault_set(...)`. */
int fault_set(struct fault *fault, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
