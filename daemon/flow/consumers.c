#include "flow/consumers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "flow/map.h"

#include <utlist.h>

#define TELL_US       (US_PER_SECOND / 2)
#define TELL_SLACK_US (US_PER_SECOND / 20)
#define SEEN_US       (10 * US_PER_SECOND)
#define KEPT_US       (3600 * US_PER_SECOND)

struct consumer {
	char *name;
	uint64_t confirmed;
	uint64_t heard_us, told_us; /* CLOCK_MONOTONIC */
	bool news;
	struct consumer *prev, *next; /* the one not heard of for longest first */
	UT_hash_handle hh;
};

struct consumers {
	sd_event *loop;
	void (*tell)(void *owner, const char *name, uint64_t confirmed);
	void *owner;
	sd_event_source *timer;
	struct consumer *names, *heard;
};

static uint64_t now_us(const struct consumers *consumers)
{
	uint64_t us = 0;

	(void)sd_event_now(consumers->loop, CLOCK_MONOTONIC, &us);
	return us;
}

static void tell(struct consumers *consumers, struct consumer *consumer, uint64_t now)
{
	consumer->news = false;
	consumer->told_us = now;
	consumers->tell(consumers->owner, consumer->name, consumer->confirmed);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct consumers *consumers = userdata;
	uint64_t now = now_us(consumers);

	(void)source, (void)usec;
	for (struct consumer *consumer = consumers->heard; consumer; consumer = consumer->next)
		if (consumer->news)
			tell(consumers, consumer, now);
	return 0;
}

static void tell_soon(struct consumers *consumers, uint64_t now)
{
	int enabled = SD_EVENT_OFF;

	if (sd_event_source_get_enabled(consumers->timer, &enabled) > 0)
		return;
	(void)sd_event_source_set_time(consumers->timer, now + TELL_US);
	(void)sd_event_source_set_enabled(consumers->timer, SD_EVENT_ONESHOT);
}

static void forget(struct consumers *consumers, struct consumer *consumer)
{
	HASH_DEL(consumers->names, consumer);
	DL_DELETE(consumers->heard, consumer);
	free(consumer->name);
	free(consumer);
}

static bool make_room(struct consumers *consumers, uint64_t now)
{
	if (HASH_COUNT(consumers->names) < CONSUMERS_MAX)
		return true;
	if (now - consumers->heard->heard_us < KEPT_US)
		return false;
	forget(consumers, consumers->heard);
	return true;
}

static struct consumer *add(struct consumers *consumers, const char *name)
{
	struct consumer *consumer = calloc(1, sizeof(*consumer));

	if (!consumer)
		return NULL;
	consumer->name = strdup(name);
	if (consumer->name) {
		HASH_ADD_KEYPTR(hh, consumers->names, consumer->name, strlen(consumer->name), consumer);
		if (MAP_ADDED(consumer->hh)) {
			DL_APPEND(consumers->heard, consumer);
			return consumer;
		}
	}
	free(consumer->name);
	free(consumer);
	return NULL;
}

static int hear_new(struct consumers *consumers, const char *name, uint64_t confirmed, uint64_t now)
{
	struct consumer *consumer;

	if (!make_room(consumers, now))
		return -ENOSPC;
	consumer = add(consumers, name);
	if (!consumer)
		return -ENOMEM;
	consumer->confirmed = confirmed;
	consumer->heard_us = now;
	tell(consumers, consumer, now);
	return 0;
}

int consumers_hear(struct consumers *consumers, const char *name, uint64_t confirmed)
{
	struct consumer *consumer;
	uint64_t now = now_us(consumers);

	HASH_FIND(hh, consumers->names, name, strlen(name), consumer);
	if (!consumer)
		return hear_new(consumers, name, confirmed, now);
	DL_DELETE(consumers->heard, consumer);
	DL_APPEND(consumers->heard, consumer);
	consumer->heard_us = now;
	consumer->news |= confirmed > consumer->confirmed || now - consumer->told_us >= SEEN_US;
	if (confirmed > consumer->confirmed)
		consumer->confirmed = confirmed;
	if (consumer->news)
		tell_soon(consumers, now);
	return 0;
}

void consumers_forget(struct consumers *consumers, const char *name)
{
	struct consumer *consumer;

	HASH_FIND(hh, consumers->names, name, strlen(name), consumer);
	if (consumer)
		forget(consumers, consumer);
}

void consumers_clear(struct consumers *consumers)
{
	struct consumer *consumer, *next;

	HASH_ITER (hh, consumers->names, consumer, next)
		forget(consumers, consumer);
}

int consumers_new(sd_event *loop, void (*tell_owner)(void *owner, const char *name, uint64_t confirmed), void *owner,
	struct consumers **ret)
{
	CLEANUP(consumers_freep) struct consumers *consumers = calloc(1, sizeof(*consumers));
	int r;

	if (!consumers)
		return -ENOMEM;
	consumers->loop = loop;
	consumers->tell = tell_owner;
	consumers->owner = owner;
	r = sd_event_add_time(loop, &consumers->timer, CLOCK_MONOTONIC, 0, TELL_SLACK_US, on_timer, consumers);
	if (r >= 0)
		r = sd_event_source_set_enabled(consumers->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = TAKE(consumers);
	return 0;
}

struct consumers *consumers_free(struct consumers *consumers)
{
	if (!consumers)
		return NULL;
	consumers_clear(consumers);
	(void)sd_event_source_disable_unref(consumers->timer);
	free(consumers);
	return NULL;
}
