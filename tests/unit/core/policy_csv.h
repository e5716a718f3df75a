/* The shipped policy, read from its CSV files, for the tests of core/. */
#pragma once

#include "core/policy.h"

#define SHIPPED_POLICY "sql/policy" /* the tests run in the repository's root */

/* Called with each row of the CSV file at `path`, the header first: number 0. Not 0 stops the reading. */
typedef int csv_row(void *context, size_t number, const char *const *cells, size_t n, struct fault *fault);
int csv_read(const char *path, csv_row *row, void *context, struct fault *fault);

/* Reads every table of `dir` and validates the whole; `policy` need not be zeroed. 0; -EINVAL, or an errno value negated, with a sentence. */
int policy_from_csv(const char *dir, struct policy *policy, struct fault *fault);
