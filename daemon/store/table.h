/* uthash for keys that peers choose: SipHash under a key of this process, so that nobody can make them collide. Out of memory leaves
 * an element out (TABLE_ADDED() is false) instead of ending the process. Include this instead of <uthash.h>. */
#pragma once

#include <stddef.h>

unsigned table_hash(const void *key, size_t n);

#define HASH_NONFATAL_OOM           1
#define HASH_FUNCTION(key, n, hash) ((hash) = table_hash((key), (n)))
#include <uthash.h>

#define TABLE_ADDED(row) ((row)->hh.tbl != NULL)
