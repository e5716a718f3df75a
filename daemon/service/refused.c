#include "service/refused.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/table.h"

#define ROW_NAME_MAX (REF_MAX + 32)

struct entry {
	char name[ROW_NAME_MAX]; /* as the log says it: "order O/7" */
	struct instant again;    /* when it is tried again */
	UT_hash_handle hh;
};

struct refused {
	struct entry *entries;
	struct instant hour; /* began then: lines are counted by it */
	int named;
};

/* The rows an alarm can be of. */
static void name_of(const struct letter *alarm, char name[static ROW_NAME_MAX])
{
	if (*alarm->order_ref)
		(void)snprintf(name, ROW_NAME_MAX, "order %s", alarm->order_ref);
	else
		(void)snprintf(name, ROW_NAME_MAX, "%s event %llu", alarm->parked ? "parked" : "quarantined",
			(unsigned long long)alarm->number);
}

static struct entry *find(const struct refused *refused, const struct letter *alarm)
{
	char name[ROW_NAME_MAX];
	struct entry *entry;

	name_of(alarm, name);
	HASH_FIND_STR(refused->entries, name, entry);
	return entry;
}

/* False: enough were named within the hour. */
static bool may_name(struct refused *refused, struct instant now)
{
	if (now.us - refused->hour.us >= REFUSED_WAIT_US) {
		refused->hour = now;
		refused->named = 0;
	}
	return refused->named++ < REFUSED_NAMED;
}

static bool say(struct refused *refused, const char *name, const char *sentence, struct instant now,
	char ret[static REFUSED_SENTENCE])
{
	if (may_name(refused, now))
		(void)snprintf(ret, REFUSED_SENTENCE,
			"the alarm of %s is not written, other work goes on: %s; mend the row or the constraint, then "
			"reload the daemon (else it is tried again in an hour)",
			name, sentence);
	else
		(void)snprintf(ret, REFUSED_SENTENCE,
			"PostgreSQL refuses the alarms of more than %d rows: the others are not named within the hour",
			REFUSED_NAMED);
	return refused->named <= REFUSED_NAMED + 1;
}

/* NULL: out of memory; then it is tried again with the next look. */
static struct entry *add(struct refused *refused, const char name[static ROW_NAME_MAX])
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	memcpy(entry->name, name, ROW_NAME_MAX);
	HASH_ADD_STR(refused->entries, name, entry);
	if (TABLE_ADDED(entry))
		return entry;
	free(entry);
	return NULL;
}

bool refused_add(struct refused *refused, const struct letter *alarm, const char *sentence, struct instant now,
	char ret[static REFUSED_SENTENCE])
{
	char name[ROW_NAME_MAX];
	struct entry *entry = find(refused, alarm);

	name_of(alarm, name);
	if (!entry)
		entry = add(refused, name);
	if (entry)
		entry->again = instant_plus(now, REFUSED_WAIT_US);
	return say(refused, name, sentence, now, ret);
}

void refused_forget(struct refused *refused, const struct letter *alarm)
{
	struct entry *entry = find(refused, alarm);

	if (!entry)
		return;
	HASH_DEL(refused->entries, entry);
	free(entry);
}

void refused_clear(struct refused *refused)
{
	struct entry *entry, *next;

	HASH_ITER (hh, refused->entries, entry, next) {
		HASH_DEL(refused->entries, entry);
		free(entry);
	}
	refused->named = 0;
}

bool refused_knows(const struct refused *refused, const struct letter *alarm)
{
	return find(refused, alarm) != NULL;
}

bool refused_waits(const struct refused *refused, const struct letter *alarm, struct instant now)
{
	const struct entry *entry = find(refused, alarm);

	return entry && !instant_reached(entry->again, now);
}

size_t refused_count(const struct refused *refused)
{
	return HASH_COUNT(refused->entries);
}

int refused_new(struct refused **ret)
{
	struct refused *refused = calloc(1, sizeof(*refused));

	if (!refused)
		return -ENOMEM;
	*ret = refused;
	return 0;
}

struct refused *refused_free(struct refused *refused)
{
	if (refused)
		refused_clear(refused);
	free(refused);
	return NULL;
}
