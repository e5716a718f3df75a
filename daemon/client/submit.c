/* Events wait in one list, in order; `unsent` points at the first that this connection has not seen. An ack belongs
 * to the oldest. When a connection is lost, `unsent` goes back to the oldest: what the daemon had already decided it
 * answers as a duplicate. */
#include "client/client.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "base/text.h"
#include "client/link.h"
#include "wire/decode.h"

#include <utlist.h>

#define WINDOW_DEFAULT     500
#define SILENCE_DEFAULT_MS 2000
#define SILENCE_MAX_MS     30000
#define EVENT_BYTES_MAX    (1024 * 1024UL)
#define ARENA_CAP          (8 * 1024 * 1024UL)

struct entry {
	struct entry *prev, *next;
	uint64_t number;
	size_t n;
	uint8_t bytes[];
};

struct client_submit {
	struct link link;
	struct entry *entries, *unsent;
	size_t pending, window;
	int silence_ms,
		patience_ms; /* configured; grown while nobody answers, so that a daemon that waits is not flooded with copies */
	int64_t heard; /* when the wait for an ack began */
	bool fresh;    /* no ack yet on this connection */
	uint64_t reconnects;
	char refusal[FAULT_MAX]; /* the daemon's words, since the last ack */
	struct arena *ack_arena, *event_arena;
};

int client_submit_new(const struct client_submit_options *options, struct client_submit **ret, struct fault *fault)
{
	CLEANUP(client_submit_freep) struct client_submit *submit = calloc(1, sizeof(*submit));
	int r;

	if (!submit)
		return -ENOMEM;
	submit->window = options->window ? options->window : WINDOW_DEFAULT;
	submit->silence_ms = submit->patience_ms = options->silence_ms ? options->silence_ms : SILENCE_DEFAULT_MS;
	r = link_init(&submit->link, options->endpoints, fault);
	if (r == 0)
		r = arena_new(ARENA_CAP, &submit->ack_arena);
	if (r == 0)
		r = arena_new(ARENA_CAP, &submit->event_arena);
	if (r == 0)
		r = link_open(&submit->link, fault);
	if (r < 0)
		return r;
	submit->fresh = true;
	*ret = TAKE(submit);
	return 0;
}

struct client_submit *client_submit_free(struct client_submit *submit)
{
	struct entry *entry, *next;

	if (!submit)
		return NULL;
	link_done(&submit->link);
	DL_FOREACH_SAFE(submit->entries, entry, next)
	free(entry);
	(void)arena_free(submit->ack_arena);
	(void)arena_free(submit->event_arena);
	free(submit);
	return NULL;
}

/* ---- Sending ---- */

static void send_unsent(struct client_submit *submit)
{
	while (submit->link.socket && submit->unsent &&
		link_send(&submit->link, submit->unsent->bytes, submit->unsent->n) == 0)
		submit->unsent = submit->unsent->next;
}

int client_submit_send(struct client_submit *submit, uint64_t number, const void *bytes, size_t n)
{
	struct entry *entry;

	if (n > EVENT_BYTES_MAX)
		return -EMSGSIZE;
	if (submit->pending >= submit->window)
		return -EAGAIN;
	entry = calloc(1, sizeof(*entry) + n);
	if (!entry)
		return -ENOMEM;
	entry->number = number;
	entry->n = n;
	if (n)
		memcpy(entry->bytes, bytes, n);
	if (!submit->entries)
		submit->heard = client_now();
	DL_APPEND(submit->entries, entry);
	submit->pending++;
	if (!submit->unsent)
		submit->unsent = entry;
	send_unsent(submit);
	return 0;
}

/* ---- The connection ---- */

static void begin_again(struct client_submit *submit)
{
	link_move(&submit->link);
	submit->reconnects++;
	submit->unsent = submit->entries;
	submit->heard = client_now();
}

static void lose_patience(struct client_submit *submit)
{
	begin_again(submit);
	if (submit->link.failures >= submit->link.count && submit->patience_ms < SILENCE_MAX_MS)
		submit->patience_ms =
			2 * submit->patience_ms < SILENCE_MAX_MS ? 2 * submit->patience_ms : SILENCE_MAX_MS;
}

static void open_when_due(struct client_submit *submit)
{
	int r = link_open(&submit->link, NULL);

	if (r < 0)
		link_move(&submit->link);
	if (r <= 0)
		return;
	submit->fresh = true;
	submit->heard = client_now();
}

/* ---- Acks ---- */

/* Whether this may be the ack of that event. Only what both sides could read is compared; the first ack of a connection can be of no other. */
static bool fits(struct client_submit *submit, const struct entry *entry, const struct ack *ack)
{
	struct event event = { 0 };
	enum reason reason;
	bool same = true;

	if (!submit->fresh && text_given(ack->id)) {
		int r = wire_decode(submit->event_arena, entry->bytes, entry->n, &event, &reason, NULL);

		same = r < 0 || ((!text_given(event.id) || text_equal(event.id, ack->id)) &&
					(!text_given(event.source) || text_equal(event.source, ack->source)));
	}
	arena_reset(submit->event_arena);
	return same;
}

/* The frame of the next message that carries something. Negative: none is there. */
static int receive(void *socket, zmq_msg_t *frame)
{
	(void)zmq_msg_init(frame);
	do {
		if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
			int r = -errno;

			(void)zmq_msg_close(frame);
			return r;
		}
	} while (zmq_msg_more(frame));
	return 0;
}

static void settle_oldest(struct client_submit *submit, uint64_t *ret_number)
{
	struct entry *entry = submit->entries;

	*ret_number = entry->number;
	if (submit->unsent == entry)
		submit->unsent = entry->next;
	DL_DELETE(submit->entries, entry);
	free(entry);
	submit->pending--;
	submit->fresh = false;
	submit->heard = client_now();
	submit->patience_ms = submit->silence_ms;
	TEXT_SET(submit->refusal, "");
	link_good(&submit->link);
}

/* 1: an ack; 0: none there, or one that does not fit, after which all is sent again. */
static int take_ack(struct client_submit *submit, uint64_t *ret_number, struct ack *ret_ack)
{
	zmq_msg_t frame;
	int r;

	if (!submit->link.socket || receive(submit->link.socket, &frame) < 0)
		return 0;
	arena_reset(submit->ack_arena);
	r = wire_unpack_ack(submit->ack_arena, (struct bytes){ zmq_msg_data(&frame), zmq_msg_size(&frame) }, ret_ack);
	(void)zmq_msg_close(&frame);
	if (r == 0 && ret_ack->disposition == DISPOSITION_NONE) { /* "not taken": another endpoint may */
		TEXT_SET(submit->refusal, ret_ack->sentence);
		begin_again(submit);
		return 0;
	}
	if (r < 0 || !submit->entries || !fits(submit, submit->entries, ret_ack)) {
		lose_patience(submit);
		return 0;
	}
	settle_oldest(submit, ret_number);
	return 1;
}

static int64_t until_next(const struct client_submit *submit, int64_t now)
{
	if (!submit->link.socket)
		return submit->link.not_before - now;
	return submit->entries ? submit->heard + submit->patience_ms - now : INT32_MAX;
}

static int clamp(int64_t a, int64_t b)
{
	int64_t least = a < b ? a : b;

	return least < 0 ? 0 : (int)least;
}

int client_submit_wait(struct client_submit *submit, int timeout_ms, uint64_t *ret_number, struct ack *ret_ack)
{
	int64_t until = client_now() + timeout_ms;

	for (;;) {
		int64_t now = client_now();
		int lost;

		open_when_due(submit);
		send_unsent(submit);
		if (take_ack(submit, ret_number, ret_ack))
			return 1;
		if (now > until)
			return 0;
		lost = link_wait(&submit->link, NULL, clamp(until - now + 1, until_next(submit, now)), NULL);
		if (take_ack(submit, ret_number, ret_ack))
			return 1;
		if (lost && submit->link.socket)
			begin_again(submit);
		else if (submit->link.socket && submit->entries && client_now() >= submit->heard + submit->patience_ms)
			lose_patience(submit);
	}
}

size_t client_submit_pending(const struct client_submit *submit)
{
	return submit->pending;
}

uint64_t client_submit_reconnects(const struct client_submit *submit)
{
	return submit->reconnects;
}

const char *client_submit_refusal(const struct client_submit *submit)
{
	return submit->refusal;
}
