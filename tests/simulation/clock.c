/* The clock, and sd-event upon it: a heap of what is still to happen. What belongs to a stopped process waits for its end,
 * and then comes by priority, as sd-event would hand it out. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "world.h"

#define WALL_START (INT64_C(1795910400) * US_PER_SECOND) /* 2026-11-29 */

struct world world;

/* ---- Chance ---- */

static uint64_t state;

static uint64_t mixed(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t chance(uint64_t below)
{
	return mixed() % below;
}

bool happens(unsigned per_mille)
{
	return chance(1000) < per_mille;
}

bool fault_happens(unsigned per_mille)
{
	return happens(per_mille) && world.faults;
}

int64_t span(int64_t least, int64_t most)
{
	return least + (int64_t)chance((uint64_t)(most - least + 1));
}

void count_fault(enum fault_kind kind)
{
	world.counts[kind]++;
}

/* ---- Memory ---- */

#define CHUNK (1024 * 1024UL)

/* The chunks of one seed serve the next. */
static struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char bytes[];
} * chunks, *chunk;

static struct chunk *chunk_new(size_t size)
{
	struct chunk *new = malloc(sizeof(*new) + size);

	if (!new)
		abort();
	*new = (struct chunk){ .size = size };
	return new;
}

void *take(size_t n)
{
	size_t aligned = (n + 15) & ~(size_t)15;
	void *bytes;

	if (!chunk)
		chunk = chunks = chunk_new(CHUNK);
	while (chunk->size - chunk->used < aligned) {
		if (!chunk->next)
			chunk->next = chunk_new(aligned > CHUNK ? aligned : CHUNK);
		chunk = chunk->next;
	}
	bytes = chunk->bytes + chunk->used;
	chunk->used += aligned;
	return memset(bytes, 0, n);
}

void *take_copy(const void *bytes, size_t n)
{
	void *copy = take(n);

	return n ? memcpy(copy, bytes, n) : copy;
}

void take_reset(void)
{
	for (chunk = chunks; chunk; chunk = chunk->next)
		chunk->used = 0;
	chunk = chunks;
}

/* ---- What is to happen ---- */

struct happening {
	int64_t at, priority;
	uint64_t order;
	struct loop *loop;
	void (*happen)(void *what, uint64_t number);
	void *what;
	uint64_t number;
};

static struct happening *heap;
static size_t heap_count, heap_space;
static uint64_t orders;

static bool before(const struct happening *a, const struct happening *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return a->priority != b->priority ? a->priority < b->priority : a->order < b->order;
}

static void push(struct happening new)
{
	size_t i = heap_count++;

	if (heap_count > heap_space) {
		heap_space = heap_space ? 2 * heap_space : 1024;
		heap = realloc(heap, heap_space * sizeof(*heap));
		if (!heap)
			abort();
	}
	for (; i && before(&new, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = new;
}

static struct happening pop(void)
{
	struct happening first = heap[0], last = heap[--heap_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < heap_count) {
		if (child + 1 < heap_count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return first;
}

static void push_at(
	struct loop *loop, int64_t at, int64_t priority, void (*happen)(void *, uint64_t), void *what, uint64_t number)
{
	push((struct happening){ at < world.now ? world.now : at, priority, orders++, loop, happen, what, number });
}

void later(struct loop *loop, int64_t in, void (*happen)(void *what, uint64_t number), void *what, uint64_t number)
{
	push_at(loop, world.now + in, 0, happen, what, number);
}

bool clock_step(void)
{
	struct happening next;

	if (!heap_count)
		return false;
	next = pop();
	if (next.loop && next.loop->dead)
		return true;
	if (next.loop && next.loop->stopped_until > next.at) {
		next.at = next.loop->stopped_until;
		push(next);
		return true;
	}
	world.now = next.at;
	world.steps++;
	next.happen(next.what, next.number);
	return true;
}

void clock_reset(void)
{
	heap_count = 0;
	orders = 0;
	state = world.seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	world.now = 1000 * US_PER_SECOND;
	world.wall = WALL_START + (int64_t)chance(600) * 1440 * 60 * US_PER_SECOND / 1440;
	world.steps = 0;
}

int64_t wall_us(void)
{
	return world.now + world.wall;
}

/* ---- sd-event ---- */

struct sd_event_source {
	struct loop *loop;
	sd_event_time_handler_t on_time;
	sd_event_handler_t on_turn;
	void *userdata;
	int64_t at, priority;
	int enabled;
	uint64_t armed; /* what was armed before does not count any more */
};

struct loop *loop_of(sd_event *event)
{
	return (struct loop *)event;
}

static void fire(void *what, uint64_t armed)
{
	sd_event_source *source = what;

	if (source->armed != armed || source->enabled == SD_EVENT_OFF)
		return;
	source->armed++;
	if (source->enabled == SD_EVENT_ONESHOT)
		source->enabled = SD_EVENT_OFF;
	if (source->on_time)
		(void)source->on_time(source, (uint64_t)source->at, source->userdata);
	else
		(void)source->on_turn(source, source->userdata);
}

static void arm(sd_event_source *source)
{
	source->armed++;
	if (source->enabled != SD_EVENT_OFF)
		push_at(source->loop, source->on_time ? source->at : world.now, source->priority, fire, source,
			source->armed);
}

static sd_event_source *source_new(sd_event *event, void *userdata)
{
	sd_event_source *source = take(sizeof(*source));

	source->loop = loop_of(event);
	source->userdata = userdata;
	source->enabled = SD_EVENT_ONESHOT;
	return source;
}

int sd_event_add_time(sd_event *event, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
	sd_event_time_handler_t callback, void *userdata)
{
	sd_event_source *source = source_new(event, userdata);

	(void)clock, (void)accuracy;
	source->on_time = callback;
	source->at = (int64_t)usec;
	arm(source);
	*ret = source;
	return 0;
}

int sd_event_add_time_relative(sd_event *event, sd_event_source **ret, clockid_t clock, uint64_t usec,
	uint64_t accuracy, sd_event_time_handler_t callback, void *userdata)
{
	return sd_event_add_time(event, ret, clock, (uint64_t)world.now + usec, accuracy, callback, userdata);
}

int sd_event_add_defer(sd_event *event, sd_event_source **ret, sd_event_handler_t callback, void *userdata)
{
	sd_event_source *source = source_new(event, userdata);

	source->on_turn = callback;
	arm(source);
	*ret = source;
	return 0;
}

int sd_event_add_signal(
	sd_event *event, sd_event_source **ret, int number, sd_event_signal_handler_t callback, void *userdata)
{
	(void)event, (void)ret, (void)number, (void)callback, (void)userdata;
	return 0;
}

int sd_event_source_set_enabled(sd_event_source *source, int enabled)
{
	if (source->enabled == enabled)
		return 0;
	source->enabled = enabled;
	arm(source);
	return 0;
}

int sd_event_source_get_enabled(sd_event_source *source, int *ret)
{
	*ret = source->enabled;
	return source->enabled != SD_EVENT_OFF;
}

int sd_event_source_set_time(sd_event_source *source, uint64_t usec)
{
	source->at = (int64_t)usec;
	arm(source);
	return 0;
}

int sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec)
{
	return sd_event_source_set_time(source, (uint64_t)world.now + usec);
}

int sd_event_source_set_priority(sd_event_source *source, int64_t priority)
{
	source->priority = priority;
	arm(source);
	return 0;
}

sd_event_source *sd_event_source_disable_unref(sd_event_source *source)
{
	if (source)
		source->enabled = SD_EVENT_OFF;
	return NULL;
}

int sd_event_now(sd_event *event, clockid_t clock, uint64_t *ret)
{
	(void)event;
	*ret = (uint64_t)(clock == CLOCK_REALTIME ? wall_us() : world.now);
	return 0;
}

int sd_event_new(sd_event **ret)
{
	*ret = take(sizeof(struct loop));
	return 0;
}

sd_event *sd_event_unref(sd_event *event)
{
	loop_of(event)->dead = true;
	return NULL;
}

int sd_event_set_watchdog(sd_event *event, int on)
{
	(void)event, (void)on;
	return 0;
}

int sd_event_loop(sd_event *event)
{
	(void)event;
	return 0;
}

int sd_event_exit(sd_event *event, int code)
{
	(void)event;
	broken("the daemon ends itself, with %d", code);
}

/* ---- What else the machine knows ---- */

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int64_t us = clock == CLOCK_REALTIME ? wall_us() : world.now;

	*ret = (struct timespec){ us / US_PER_SECOND, us % US_PER_SECOND * 1000 };
	return 0;
}

ssize_t getrandom(void *bytes, size_t n, unsigned flags)
{
	(void)flags;
	for (size_t i = 0; i < n; i++)
		((unsigned char *)bytes)[i] = (unsigned char)chance(256);
	return (ssize_t)n;
}
