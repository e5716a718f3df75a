/* The simulation's engine: chance, the calendar, and a heap of what will happen. The stories are in generate_story.c. */
#include "ctl/generate_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define EVENTS_A_YEAR   130000
#define EVENTS_AN_ORDER 8 /* measured; what an order brings with it, all in all */
#define MORNING         (8 * 3600 + 1800)

/* ---- Chance ---- */
static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void dice_seed(struct dice *dice, uint64_t seed)
{
	for (size_t i = 0; i < 4; i++)
		dice->s[i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint64_t dice_next(struct dice *dice)
{
	uint64_t *s = dice->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint32_t dice_below(struct dice *dice, uint32_t n)
{
	return (uint32_t)((dice_next(dice) >> 32) * n >> 32);
}

int64_t dice_between(struct dice *dice, int64_t low, int64_t high)
{
	return low + dice_below(dice, (uint32_t)(high - low + 1));
}

bool dice_chance(struct dice *dice, uint32_t per_thousand)
{
	return dice_below(dice, 1000) < per_thousand;
}

size_t dice_pick(struct dice *dice, const uint32_t *weights, size_t n)
{
	uint32_t sum = 0, at;
	size_t i;

	for (i = 0; i < n; i++)
		sum += weights[i];
	at = dice_below(dice, sum);
	for (i = 0; i + 1 < n && at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

/* ---- Calendar ---- */
struct date world_date(const struct world *world, moment at)
{
	int32_t day = (int32_t)(at / WORKING_DAY) + date_weekday(world->first);

	return (struct date){ world->first.day - date_weekday(world->first) + day / 5 * 7 + day % 5 };
}

/* Daylight saving holds from the last Sunday of September to the first Sunday of April. */
static int32_t offset_hours(struct date date)
{
	int year, month, day;
	struct date april, october;

	date_parts(date, &year, &month, &day);
	april = date_of(year, 4, 1);
	october = date_of(year, 10, 1);
	april.day += 6 - date_weekday(april);
	october.day -= date_weekday(october) + 1;
	return date.day < april.day || date.day >= october.day ? 13 : 12;
}

struct instant world_instant(const struct world *world, moment at)
{
	struct date date = world_date(world, at);
	int64_t seconds = (int64_t)date.day * 86400 + MORNING + at % WORKING_DAY - offset_hours(date) * 3600;

	return (struct instant){ seconds * US_PER_SECOND };
}

/* ---- What will happen ---- */
static bool before(const struct item *a, const struct item *b)
{
	return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void swap(struct item *a, struct item *b)
{
	struct item kept = *a;

	*a = *b;
	*b = kept;
}

void *world_grow(struct world *world, void *array, size_t count, size_t *room, size_t size)
{
	void *grown = array;

	if (count == *room) {
		size_t more = *room ? *room * 2 : 256;

		grown = reallocarray(array, more, size);
		if (!grown) {
			world->result = -ENOMEM;
			return NULL;
		}
		*room = more;
	}
	return grown;
}

void world_plan(struct world *world, moment at, moment time, enum happening what, uint32_t subject, uint32_t detail)
{
	struct item *items = world_grow(world, world->items, world->item_count, &world->item_room, sizeof(*items));
	size_t i = world->item_count;

	if (!items)
		return;
	world->items = items;
	items[i] = (struct item){ at, time, world->serial++, what, subject, detail };
	world->item_count++;
	for (; i > 0 && before(&items[i], &items[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&items[i], &items[(i - 1) / 2]);
}

void world_plan_in(struct world *world, int64_t delay, enum happening what, uint32_t subject, uint32_t detail)
{
	world_plan(world, world->now + delay, world->now + delay, what, subject, detail);
}

static struct item take_first(struct world *world)
{
	struct item first = world->items[0], *items = world->items;
	size_t n = --world->item_count, i = 0;

	items[0] = items[n];
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			return first;
		if (child + 1 < n && before(&items[child + 1], &items[child]))
			child++;
		if (!before(&items[child], &items[i]))
			return first;
		swap(&items[child], &items[i]);
		i = child;
	}
}

bool world_rare(struct world *world, enum rare rare)
{
	uint32_t chance = ++world->chances[rare];

	return chance >= rare_rows[rare].first && (chance - rare_rows[rare].first) % rare_rows[rare].every == 0;
}

/* ---- All of it ---- */
static int64_t mean_gap(const struct generate_options *options)
{
	uint64_t events = options->events, days = options->days, gap;

	if (!days)
		days = events > EVENTS_A_YEAR ? 365 : 0;
	if (!days) { /* the usual rate: 130,000 a year of 261 working days */
		events = EVENTS_A_YEAR;
		days = 365;
	}
	gap = days * 5 * WORKING_DAY * EVENTS_AN_ORDER / 7 / (events ? events : 1);
	return gap ? (int64_t)gap : 1;
}

/* A first piece of each array, so that none is ever NULL; where a later piece fails, the world ends before it is used. */
static void make_room(struct world *world)
{
	world->items = world_grow(world, NULL, 0, &world->item_room, sizeof(*world->items));
	world->offenders = world_grow(world, NULL, 0, &world->offender_room, sizeof(*world->offenders));
	world->orders = world_grow(world, NULL, 0, &world->order_room, sizeof(*world->orders));
	world->ptps = world_grow(world, NULL, 0, &world->ptp_room, sizeof(*world->ptps));
}

static void begin(struct world *world)
{
	const struct generate_options *options = world->options;
	int weekday = date_weekday(options->from);

	dice_seed(&world->dice, options->seed ^ (uint64_t)(uint32_t)options->from.day << 40);
	world->first = date_plus(options->from, weekday > 4 ? 7 - weekday : 0);
	world->first_number = dice_below(&world->dice, 90000000);
	world->gap = mean_gap(options);
	world->left = options->events;
	story_begin(world);
}

static void end(struct world *world)
{
	for (size_t i = 0; i < RECENT; i++)
		free(world->recent[i]);
	free(world->items);
	free(world->offenders);
	free(world->orders);
	free(world->ptps);
	free(world);
}

int generate(const struct generate_options *options, generate_line *line, void *context)
{
	struct world *world = calloc(1, sizeof(*world));
	int result;

	if (!world)
		return -ENOMEM;
	world->options = options;
	world->line = line;
	world->context = context;
	make_room(world);
	if (world->result == 0)
		begin(world);
	while (world->left && world->result == 0) {
		struct item item = take_first(world); /* the next arrival is always planned */

		world->now = item.at;
		story_happen(world, &item);
	}
	result = world->result;
	end(world);
	return result;
}
