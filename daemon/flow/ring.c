#include "flow/ring.h"

#include <errno.h>
#include <string.h>

#define SLOTS_MIN 64

struct ring {
	size_t cap, used;
	struct wire_record *slots;
	size_t slot_count; /* a power of two */
	size_t start, count;
};

int ring_new(size_t bytes, struct ring **ret)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	ring->cap = bytes;
	*ret = ring;
	return 0;
}

static struct wire_record *slot(const struct ring *ring, size_t i)
{
	return &ring->slots[(ring->start + i) & (ring->slot_count - 1)];
}

static size_t cost(const struct wire_record *record)
{
	return sizeof(*record) + record->event.n;
}

static void drop_oldest(struct ring *ring)
{
	struct wire_record *oldest = slot(ring, 0);

	ring->used -= cost(oldest);
	free((void *)oldest->event.data);
	ring->start = (ring->start + 1) & (ring->slot_count - 1);
	ring->count--;
}

void ring_clear(struct ring *ring)
{
	while (ring->count)
		drop_oldest(ring);
}

struct ring *ring_free(struct ring *ring)
{
	if (!ring)
		return NULL;
	ring_clear(ring);
	free(ring->slots);
	free(ring);
	return NULL;
}

static bool grow(struct ring *ring)
{
	size_t count = ring->slot_count ? 2 * ring->slot_count : SLOTS_MIN;
	struct wire_record *slots;

	if (ring->count < ring->slot_count)
		return true;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < ring->count; i++)
		slots[i] = *slot(ring, i);
	free(ring->slots);
	ring->slots = slots;
	ring->slot_count = count;
	ring->start = 0;
	return true;
}

static bool add(struct ring *ring, const struct wire_record *record)
{
	uint8_t *event = malloc(record->event.n + 1);
	struct wire_record *new;

	if (!event || !grow(ring)) {
		free(event);
		return false;
	}
	if (record->event.n)
		memcpy(event, record->event.data, record->event.n);
	new = slot(ring, ring->count++);
	*new = (struct wire_record){ .seq = record->seq, .epoch = record->epoch, .event = { event, record->event.n } };
	memcpy(new->topic, record->topic, sizeof(new->topic));
	ring->used += cost(new);
	return true;
}

void ring_add(struct ring *ring, const struct wire_record *record)
{
	if (ring->count && record->seq != slot(ring, ring->count - 1)->seq + 1)
		ring_clear(ring);
	if (cost(record) > ring->cap || !add(ring, record))
		ring_clear(ring);
	while (ring->used > ring->cap)
		drop_oldest(ring);
}

const struct wire_record *ring_at(const struct ring *ring, uint64_t seq)
{
	uint64_t oldest = ring_oldest(ring);

	return oldest && seq >= oldest && seq - oldest < ring->count ? slot(ring, seq - oldest) : NULL;
}

uint64_t ring_oldest(const struct ring *ring)
{
	return ring->count ? slot(ring, 0)->seq : 0;
}
