/* The rows a batch works on, in memory: files, claims, parked and quarantined events, found by hash tables. It is what the rules
 * know (`struct facts`), and what store_commit() writes: every row marked new or changed.
 *
 * Facts by prefetch and overlay: one cabinet serves batch after batch. What batch N has decided stays in it while N commits, and
 * store_load() for batch N+1 adds only rows that are not there: N's uncommitted images thus lie over the older ones read from the
 * database. Files are whole (every current request of every merged number, with its cases), so a file that is there is never read again. After the
 * commit, cabinet_settle() marks all rows clean and drops what the next batch does not use; on any failure cabinet_clear() drops everything. */
#pragma once

#include "base/arena.h"
#include "core/facts.h"
#include "core/effects.h"

struct cabinet;

int cabinet_new(struct cabinet **ret);
struct cabinet *cabinet_free(struct cabinet *cabinet);
DEFINE_CLEANUP(struct cabinet, cabinet_free)

/* The look-ups for decide_*(); valid as long as the cabinet. */
struct facts *cabinet_facts(struct cabinet *cabinet);

/* Numbers that new parked and quarantined rows continue from; of the term. */
void cabinet_set_numbers(struct cabinet *cabinet, uint64_t next_parked, uint64_t next_quarantined);

/* The quarantined row of a number, where loaded; NULL otherwise. */
struct quarantined *cabinet_quarantined(struct cabinet *cabinet, uint64_t number);
struct parked *cabinet_parked(struct cabinet *cabinet, uint64_t number);

/* Keeps what the ptp.* record, and a task record of kind PTP that closes its task, adds to ptp_history and ptp_task. Call from the publish effect. */
int cabinet_note(struct cabinet *cabinet, const struct record *record, uint64_t seq);

/* Everything marked has been committed. */
void cabinet_settle(struct cabinet *cabinet);
void cabinet_clear(struct cabinet *cabinet);
size_t cabinet_rows(const struct cabinet *cabinet);
