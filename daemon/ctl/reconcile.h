/* Comparing a list of live orders with the bridge's own (R11): the pure part. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum reconcile_field { FIELD_PRN, FIELD_ORDER_TYPE, FIELD_OFFICE, FIELD_END };

struct live_order {
	const char *ref;
	const char *fields[FIELD_END]; /* "" or NULL: not given, and then not compared */
	uint64_t line;                 /* of the file; 0: none */
};

struct live_list {
	struct live_order *orders;
	size_t n, room;
};

/* 0 or -ENOMEM. The texts are borrowed. */
int live_list_add(struct live_list *list, const struct live_order *order);
void live_list_clear(struct live_list *list);
/* By reference; an order that stands twice is refused. 0; -EINVAL with a sentence. */
int live_list_sort(struct live_list *list, struct fault *fault);

enum difference {
	MISSING,
	EXTRA,
	DIFFERENT,
	DIFFERENCE_END
}; /* missing here; only here; in both, with another field */
extern const char *const difference_words[DIFFERENCE_END];
extern const char *const reconcile_field_words[FIELD_END]; /* as they are called in files */

/* Told each difference, by reference; `theirs` or `ours` is NULL where it is in one list only, `field` counts for DIFFERENT. Non-zero ends. */
typedef int reconcile_difference(void *context, enum difference difference, const struct live_order *theirs,
	const struct live_order *ours, enum reconcile_field field);
/* Both sorted. 0, or what `difference` returned. */
int reconcile_compare(
	const struct live_list *theirs, const struct live_list *ours, reconcile_difference *difference, void *context);

/* Reads a file, CSV with a header or NDJSON (orderRef, prn, orderType, office, in any order), sorted. Texts lie in the arena. 0; negative with a
 * sentence that names the line. `path` "-": standard input. */
int reconcile_read(const char *path, struct arena *arena, struct live_list *list, struct fault *fault);
