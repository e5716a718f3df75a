/* Inside of flow/: copies of the newest records of a stream, as many as fit into so many bytes. */
#pragma once

#include "base/cleanup.h"
#include "wire/encode.h"

struct ring;

int ring_new(size_t bytes, struct ring **ret);
struct ring *ring_free(struct ring *ring);
DEFINE_CLEANUP(struct ring, ring_free)

void ring_clear(struct ring *ring);
/* Adds the record after the newest, drops the oldest ones as needed. A record that does not follow, or for which there is no memory, empties the ring:
 * what it holds never has a hole. */
void ring_add(struct ring *ring, const struct wire_record *record);
/* The record of a seq, NULL where it is not held. Valid until the next call that changes the ring. */
const struct wire_record *ring_at(const struct ring *ring, uint64_t seq);
/* The oldest seq held; 0: none. */
uint64_t ring_oldest(const struct ring *ring);
