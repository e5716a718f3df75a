/* A bump allocator with a cap: everything a batch needs is taken from one arena and given back at once.
 *
 * The memory is zeroed and aligned for any object. An arena keeps its first chunk over a reset, so that an idle daemon
 * stays small and a busy one does not call malloc() for each event. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct arena;

/* cap: the most bytes the arena will hold at once. 0, or -ENOMEM. */
int arena_new(size_t cap, struct arena **ret);
struct arena *arena_free(struct arena *arena);
DEFINE_CLEANUP(struct arena, arena_free)

/* n bytes, zeroed; NULL when the cap is reached or memory has run out. */
void *arena_take(struct arena *arena, size_t n);
#define ARENA_NEW(arena, type) ((type *)arena_take((arena), sizeof(type)))

/* A terminated copy of n bytes of text (arena_text: of a whole string; NULL gives NULL); NULL when there is no room. */
char *arena_text_n(struct arena *arena, const char *text, size_t n);
char *arena_text(struct arena *arena, const char *text);
void *arena_copy(struct arena *arena, const void *bytes, size_t n);

/* Gives everything back. */
void arena_reset(struct arena *arena);
size_t arena_used(const struct arena *arena);
