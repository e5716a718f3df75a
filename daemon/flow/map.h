/* uthash for keys a peer chooses: hashed with SipHash under a key of this process, so that nobody can make them collide; out of memory
 * leaves the element out (MAP_ADDED() is false) instead of ending the process. Include this instead of <uthash.h>. */
#pragma once

#include <stddef.h>

unsigned map_hash(const void *key, size_t n);

#define HASH_NONFATAL_OOM           1
#define HASH_FUNCTION(key, n, hash) ((hash) = map_hash((key), (n)))
#include <uthash.h>

#define MAP_ADDED(handle) ((handle).tbl != NULL)
