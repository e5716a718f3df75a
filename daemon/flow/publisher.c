#include "flow/publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A slow subscriber costs at most so many records; it finds the rest in the log. */
#define SEND_HWM           100
#define HEARTBEAT_US       US_PER_SECOND
#define HEARTBEAT_SLACK_US (US_PER_SECOND / 20)
/* A subscriber's only messages are its handshake and its subscriptions, each a topic at most. */
#define SUBSCRIPTION_MAX 1024
#define POSITION_ARENA   4096UL

struct publisher {
	sd_event *loop;
	struct flow_socket *socket;
	sd_event_source *heartbeat;
	struct arena *arena;
	char *stream, *heartbeat_topic;
	uint64_t epoch, head;
};

/* What cannot be sent is found in the log: PUB drops by design, and nothing waits for it. */
static void send_one(struct publisher *publisher, const char *topic, uint64_t epoch, uint64_t seq, struct bytes event)
{
	const struct position position = {
		.stream = publisher->stream, .epoch = epoch, .seq = seq, .head = publisher->head
	};
	struct bytes packed;

	if (wire_pack_position(publisher->arena, &position, &packed) == 0) {
		const struct flow_frame frames[] = { { topic, strlen(topic) }, { packed.data, packed.n },
			{ event.data, event.n } };

		(void)flow_socket_send(publisher->socket, frames, ARRAY_LENGTH(frames));
	}
	arena_reset(publisher->arena);
}

static void beat(struct publisher *publisher)
{
	send_one(publisher, publisher->heartbeat_topic, publisher->epoch, 0, (struct bytes){ (const uint8_t *)"", 0 });
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct publisher *publisher = userdata;
	uint64_t now = usec;

	(void)sd_event_now(publisher->loop, CLOCK_MONOTONIC, &now);
	beat(publisher);
	(void)sd_event_source_set_time(source, now + HEARTBEAT_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void publisher_lead(struct publisher *publisher, uint64_t epoch, uint64_t head)
{
	uint64_t now = 0;

	publisher->epoch = epoch;
	publisher->head = head;
	if (!epoch) {
		(void)sd_event_source_set_enabled(publisher->heartbeat, SD_EVENT_OFF);
		return;
	}
	beat(publisher);
	(void)sd_event_now(publisher->loop, CLOCK_MONOTONIC, &now);
	(void)sd_event_source_set_time(publisher->heartbeat, now + HEARTBEAT_US);
	(void)sd_event_source_set_enabled(publisher->heartbeat, SD_EVENT_ONESHOT);
}

void publisher_send(struct publisher *publisher, const struct wire_record *records, size_t n)
{
	if (!publisher->epoch || !n)
		return;
	publisher->head = records[n - 1].seq;
	for (size_t i = 0; i < n; i++)
		send_one(publisher, records[i].topic, publisher->epoch, records[i].seq, records[i].event);
}

static int set_up(struct publisher *publisher, const char *stream)
{
	int r;

	publisher->stream = strdup(stream);
	if (!publisher->stream || asprintf(&publisher->heartbeat_topic, HEARTBEAT_TOPIC "%s", stream) < 0)
		return -ENOMEM;
	r = arena_new(POSITION_ARENA, &publisher->arena);
	if (r < 0)
		return r;
	r = sd_event_add_time(publisher->loop, &publisher->heartbeat, CLOCK_MONOTONIC, 0, HEARTBEAT_SLACK_US,
		on_heartbeat, publisher);
	return r < 0 ? r : sd_event_source_set_enabled(publisher->heartbeat, SD_EVENT_OFF);
}

int publisher_new(sd_event *loop, void *context, const char *const *endpoints, const char *stream,
	struct publisher **ret, struct fault *fault)
{
	const struct flow_options options = {
		.type = ZMQ_PUB, .bind = endpoints, .max_message = SUBSCRIPTION_MAX, .send_hwm = SEND_HWM
	};
	CLEANUP(publisher_freep) struct publisher *publisher = calloc(1, sizeof(*publisher));
	int r;

	if (!publisher)
		return -ENOMEM;
	publisher->loop = loop;
	r = set_up(publisher, stream);
	if (r < 0)
		return r;
	r = flow_socket_new(
		loop, context, &options, &(struct flow_handlers){ .owner = publisher }, &publisher->socket, fault);
	if (r < 0)
		return r;
	*ret = TAKE(publisher);
	return 0;
}

struct publisher *publisher_free(struct publisher *publisher)
{
	if (!publisher)
		return NULL;
	(void)flow_socket_free(publisher->socket);
	(void)sd_event_source_disable_unref(publisher->heartbeat);
	(void)arena_free(publisher->arena);
	free(publisher->stream);
	free(publisher->heartbeat_topic);
	free(publisher);
	return NULL;
}
