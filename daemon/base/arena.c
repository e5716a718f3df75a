#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define CHUNK (64 * 1024UL)

struct chunk {
	struct chunk *older;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct chunk *newest;
	size_t cap, used;
};

int arena_new(size_t cap, struct arena **ret)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return -ENOMEM;
	arena->cap = cap;
	*ret = arena;
	return 0;
}

struct arena *arena_free(struct arena *arena)
{
	while (arena && arena->newest) {
		struct chunk *chunk = arena->newest;

		arena->newest = chunk->older;
		free(chunk);
	}
	free(arena);
	return NULL;
}

static struct chunk *chunk_for(struct arena *arena, size_t n)
{
	struct chunk *chunk = arena->newest;
	size_t size = n > CHUNK ? n : CHUNK;

	if (chunk && chunk->size - chunk->used >= n)
		return chunk;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->older = arena->newest;
	chunk->size = size;
	chunk->used = 0;
	arena->newest = chunk;
	return chunk;
}

void *arena_take(struct arena *arena, size_t n)
{
	size_t aligned;
	struct chunk *chunk;
	void *bytes;

	if (n > arena->cap)
		return NULL;
	aligned = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (aligned > arena->cap - arena->used)
		return NULL;
	chunk = chunk_for(arena, aligned);
	if (!chunk)
		return NULL;
	bytes = chunk->bytes + chunk->used;
	chunk->used += aligned;
	arena->used += aligned;
	return memset(bytes, 0, n);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t n)
{
	void *copy = arena_take(arena, n);

	if (copy && n)
		memcpy(copy, bytes, n);
	return copy;
}

char *arena_text_n(struct arena *arena, const char *text, size_t n)
{
	char *copy = n < SIZE_MAX ? arena_take(arena, n + 1) : NULL;

	if (copy && n)
		memcpy(copy, text, n);
	return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
	return text ? arena_text_n(arena, text, strlen(text)) : NULL;
}

void arena_reset(struct arena *arena)
{
	while (arena->newest && (arena->newest->older || arena->newest->size > CHUNK)) {
		struct chunk *chunk = arena->newest;

		arena->newest = chunk->older;
		free(chunk);
	}
	if (arena->newest)
		arena->newest->used = 0;
	arena->used = 0;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}
