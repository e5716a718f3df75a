/* A request is a waiter on exactly one of three lists, or with a store read:
 *
 *   ready   what it needs next lies in the ring, or must be looked at; served a few a turn
 *   stored  what it needs next is older than the ring; served in turn, a slice each, a few reads at once
 *   idle    it has seen everything up to the head, and waits for more
 *
 * so that no request, however far back or however narrow its prefixes, holds up the loop or the others. A waiter keeps what it found while it goes
 * on reading; all of them together may keep HELD_MAX, then each answers with what it has. */
#include "flow/log_server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "base/text.h"
#include "flow/consumers.h"
#include "flow/map.h"
#include "flow/peer.h"
#include "flow/ring.h"

#include <utlist.h>

#define READS_MAX       4
#define SERVED_A_TURN   16
#define SLICE_BYTES     (256 * 1024UL)
#define HELD_MAX        (8 * 1024 * 1024UL)
#define REQUEST_MAX     (64 * 1024L)
#define REQUEST_ARENA   (256 * 1024UL)
#define REQUESTS_UNREAD 16
#define ANSWERS_UNREAD  2             /* an honest client has one under way */
#define SCAN_US         US_PER_SECOND /* a request that does not wait reads for so long at least */
#define RETRY_US        (US_PER_SECOND / 10)
#define TIMER_SLACK_US  (US_PER_SECOND / 100)
#define US_PER_MS       1000UL
#define LEADERS_KEPT    16

struct waiter {
	struct peer peer;
	uint64_t request, after, after_epoch;
	uint64_t through; /* examined so far */
	bool checked;     /* `after` was written in after_epoch */
	uint32_t limit;
	uint64_t wait_until, scan_until; /* CLOCK_MONOTONIC */
	uint64_t confirmed;
	const char *name; /* NULL: none */
	char *texts;
	const char *prefixes[PREFIXES_MAX];
	size_t prefix_count;
	struct wire_record *found;
	size_t found_count, found_room, found_bytes;
	struct arena *held; /* copies of what was found in the store */
	struct read *read;
	struct waiter **list;
	struct waiter *prev, *next;
	UT_hash_handle hh;
};

/* What a completion comes back to: it outlives its waiter, the term and the server. */
struct read {
	struct log_server *server; /* NULL: nobody waits */
	struct waiter *waiter;     /* likewise */
	struct read *prev, *next;
};

struct log_server {
	sd_event *loop;
	struct flow_socket *socket;
	struct log_handlers handlers;
	struct log_options options;
	char *stream;
	struct ring *ring;
	struct consumers *consumers;
	uint64_t epoch, first, head;
	char *leaders[LEADERS_KEPT];
	size_t leader_count;
	struct waiter *waiters; /* by routing id */
	struct waiter *ready, *stored, *idle;
	struct read *reads;
	size_t read_count, held_bytes;
	sd_event_source *turn, *timer;
	uint64_t timer_at; /* 0: off */
	struct arena *request_arena, *answer_arena;
};

/* ---- Waiters ---- */

static uint64_t now_us(const struct log_server *server)
{
	uint64_t us = 0;

	(void)sd_event_now(server->loop, CLOCK_MONOTONIC, &us);
	return us;
}

static void unlist(struct waiter *waiter)
{
	if (waiter->list)
		DL_DELETE(*waiter->list, waiter);
	waiter->list = NULL;
}

static void enlist(struct waiter *waiter, struct waiter **list)
{
	unlist(waiter);
	DL_APPEND(*list, waiter);
	waiter->list = list;
}

static void enlist_all(struct waiter **from, struct waiter **to)
{
	struct waiter *waiter;

	DL_FOREACH (*from, waiter)
		waiter->list = to;
	DL_CONCAT(*to, *from);
	*from = NULL;
}

static void drop_found(struct log_server *server, struct waiter *waiter)
{
	if (waiter->held)
		server->held_bytes -= arena_used(waiter->held);
	waiter->held = arena_free(waiter->held);
}

static void forget(struct log_server *server, struct waiter *waiter)
{
	unlist(waiter);
	if (waiter->read)
		waiter->read->waiter = NULL;
	drop_found(server, waiter);
	HASH_DEL(server->waiters, waiter);
	free(waiter->found);
	free(waiter->texts);
	free(waiter);
}

/* The prefixes and the consumer's name outlive the request: one copy of all of them. */
static int copy_texts(struct waiter *waiter, const struct log_request *request)
{
	size_t n = request->name ? strlen(request->name) + 1 : 0;
	char *to;

	for (size_t i = 0; i < request->prefix_count; i++)
		n += strlen(request->prefixes[i]) + 1;
	waiter->texts = to = malloc(n + 1);
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < request->prefix_count; i++) {
		waiter->prefixes[i] = to;
		to = stpcpy(to, request->prefixes[i]) + 1;
	}
	waiter->prefix_count = request->prefix_count;
	if (request->name) {
		(void)stpcpy(to, request->name);
		waiter->name = to;
	}
	return 0;
}

static bool epoch_matters(const struct log_server *server, const struct log_request *request)
{
	return request->after_epoch && request->after >= server->first;
}

static struct waiter *waiter_new(struct log_server *server, const struct peer *peer, const struct log_request *request)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	uint64_t now = now_us(server);

	if (!waiter || copy_texts(waiter, request) < 0) {
		free(waiter);
		return NULL;
	}
	waiter->peer = *peer;
	waiter->request = request->request;
	waiter->after = request->after;
	waiter->after_epoch = request->after_epoch;
	waiter->through = request->after ? request->after : server->first - 1;
	waiter->checked = !epoch_matters(server, request);
	waiter->confirmed = request->confirmed;
	waiter->limit = request->limit;
	waiter->wait_until = now + request->wait_ms * US_PER_MS;
	waiter->scan_until = waiter->wait_until > now + SCAN_US ? waiter->wait_until : now + SCAN_US;
	HASH_ADD(hh, server->waiters, peer.id, waiter->peer.id_size, waiter);
	if (MAP_ADDED(waiter->hh))
		return waiter;
	free(waiter->texts);
	free(waiter);
	return NULL;
}

/* ---- Answers ---- */

/* One that its peer does not take is dropped: the peer asks again. */
static void send_answer(struct log_server *server, const struct peer *peer, struct log_answer *answer)
{
	struct bytes bytes;

	answer->head = server->head;
	answer->epoch = server->epoch;
	answer->first = server->first;
	if (wire_pack_log_answer(server->answer_arena, answer, &bytes) == 0)
		(void)peer_send(server->socket, peer, bytes);
	arena_reset(server->answer_arena);
}

static void answer_records(struct log_server *server, struct waiter *waiter)
{
	struct log_answer answer = {
		.result = LOG_OK,
		.records = waiter->found,
		.record_count = waiter->found_count,
		.through = waiter->through,
		.request = waiter->request,
	};

	send_answer(server, &waiter->peer, &answer);
	forget(server, waiter);
}

static void answer_result(struct log_server *server, const struct peer *peer, uint64_t request, enum log_result result,
	const char *sentence)
{
	struct log_answer answer = { .result = result, .request = request, .sentence = sentence };

	if (result == LOG_NOT_LEADER) {
		answer.leaders = (const char *const *)server->leaders;
		answer.leader_count = server->leader_count;
	}
	send_answer(server, peer, &answer);
}

static void end_with(struct log_server *server, struct waiter *waiter, enum log_result result, const char *sentence)
{
	answer_result(server, &waiter->peer, waiter->request, result, sentence);
	forget(server, waiter);
}

static void end_too_old(struct log_server *server, struct waiter *waiter)
{
	char sentence[FAULT_MAX];

	(void)snprintf(sentence, sizeof(sentence),
		"records after %" PRIu64 " are asked for, and the log begins at %" PRIu64
		": those between are no longer kept",
		waiter->after, server->first);
	end_with(server, waiter, LOG_TOO_OLD, sentence);
}

static void end_diverged(struct log_server *server, struct waiter *waiter, uint64_t epoch)
{
	char sentence[FAULT_MAX];

	(void)snprintf(sentence, sizeof(sentence),
		"record %" PRIu64 " was written in epoch %" PRIu64 ", not in %" PRIu64
		": the log was restored from an older copy, so compare what you hold, then begin again after a record "
		"of your choice",
		waiter->after, epoch, waiter->after_epoch);
	end_with(server, waiter, LOG_DIVERGED, sentence);
}

static void end_beyond(struct log_server *server, struct waiter *waiter)
{
	char sentence[FAULT_MAX];

	(void)snprintf(sentence, sizeof(sentence),
		"records after %" PRIu64 " are asked for, and the log ends at %" PRIu64
		": if you hold that record, the log was restored from an older copy, so compare what you hold, then "
		"begin again after a record of your choice",
		waiter->after, server->head);
	end_with(server, waiter, LOG_DIVERGED, sentence);
}

/* ---- The timer ---- */

static uint64_t deadline_of(const struct log_server *server, const struct waiter *waiter)
{
	return waiter->list == &server->idle ? waiter->wait_until : waiter->scan_until;
}

static void wake_at(struct log_server *server, uint64_t us)
{
	if (server->timer_at && server->timer_at <= us)
		return;
	server->timer_at = us;
	(void)sd_event_source_set_time(server->timer, us);
	(void)sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
}

static void wait_in(struct log_server *server, struct waiter *waiter, struct waiter **list)
{
	enlist(waiter, list);
	wake_at(server, deadline_of(server, waiter));
}

static void end_due(struct log_server *server, struct waiter *list, uint64_t now)
{
	struct waiter *waiter, *next;

	DL_FOREACH_SAFE(list, waiter, next)
	{
		uint64_t deadline = deadline_of(server, waiter);

		if (deadline > now)
			wake_at(server, deadline);
		else if (waiter->checked)
			answer_records(server, waiter);
		else
			forget(server, waiter); /* nothing can be said: it asks again */
	}
}

/* ---- Finding ---- */

static bool matches(const struct waiter *waiter, const struct wire_record *record)
{
	if (!waiter->prefix_count)
		return true;
	for (size_t i = 0; i < waiter->prefix_count; i++)
		if (!strncmp(record->topic, waiter->prefixes[i], strlen(waiter->prefixes[i])))
			return true;
	return false;
}

static bool full(const struct log_server *server, const struct waiter *waiter)
{
	return waiter->found_count >= waiter->limit || waiter->found_bytes >= server->options.answer_bytes;
}

static int make_room(struct waiter *waiter)
{
	size_t room = waiter->found_room ? 2 * waiter->found_room : 16;
	struct wire_record *found;

	if (waiter->found_count < waiter->found_room)
		return 0;
	found = reallocarray(waiter->found, room, sizeof(*found));
	if (!found)
		return -ENOMEM;
	waiter->found = found;
	waiter->found_room = room;
	return 0;
}

/* Copies the event of a record that will not be there in a later turn. */
static int hold(struct log_server *server, struct waiter *waiter, struct bytes *event)
{
	size_t before;
	const uint8_t *copy;

	if (!waiter->held && arena_new(2 * server->options.answer_bytes + SLICE_BYTES, &waiter->held) < 0)
		return -ENOMEM;
	before = arena_used(waiter->held);
	copy = arena_copy(waiter->held, event->data, event->n);
	if (!copy)
		return -ENOMEM;
	server->held_bytes += arena_used(waiter->held) - before;
	event->data = copy;
	return 0;
}

/* Out of memory: the record is not examined, and read again later. */
static int examine(struct log_server *server, struct waiter *waiter, const struct wire_record *record, bool from_store)
{
	struct wire_record *found;

	if (!matches(waiter, record)) {
		waiter->through = record->seq;
		return 0;
	}
	if (make_room(waiter) < 0)
		return -ENOMEM;
	found = &waiter->found[waiter->found_count];
	*found = *record;
	if (from_store && hold(server, waiter, &found->event) < 0)
		return -ENOMEM;
	waiter->found_count++;
	waiter->found_bytes += record->event.n + sizeof(*record) / 2;
	waiter->through = record->seq;
	return 0;
}

/* ---- Serving from the ring ---- */

static bool in_ring(const struct log_server *server, uint64_t seq)
{
	return ring_at(server->ring, seq) != NULL;
}

/* False: it is one too many. */
static bool hear(struct log_server *server, const char *name, uint64_t confirmed)
{
	return !text_given(name) || !server->handlers.consumer ||
	       consumers_hear(server->consumers, name, confirmed < server->head ? confirmed : server->head) != -ENOSPC;
}

/* False: it was answered. */
static bool check_epoch(struct log_server *server, struct waiter *waiter, uint64_t epoch)
{
	if (epoch == waiter->after_epoch) {
		waiter->checked = true;
		(void)hear(server, waiter->name, waiter->confirmed);
		return true;
	}
	if (epoch)
		end_diverged(server, waiter, epoch);
	else
		end_too_old(server, waiter);
	return false;
}

static void read_ring(struct log_server *server, struct waiter *waiter)
{
	while (waiter->through < server->head && !full(server, waiter))
		if (examine(server, waiter, ring_at(server->ring, waiter->through + 1), false) < 0)
			break;
	if (waiter->found_count || now_us(server) >= waiter->wait_until)
		answer_records(server, waiter);
	else
		wait_in(server, waiter, &server->idle);
}

static void read_store(struct log_server *server);

static void serve(struct log_server *server, struct waiter *waiter)
{
	if (!waiter->checked && in_ring(server, waiter->after) &&
		!check_epoch(server, waiter, ring_at(server->ring, waiter->after)->epoch))
		return;
	if (waiter->checked && (waiter->through >= server->head || in_ring(server, waiter->through + 1)))
		read_ring(server, waiter);
	else
		wait_in(server, waiter, &server->stored);
}

static void serve_soon(struct log_server *server)
{
	if (server->ready)
		(void)sd_event_source_set_enabled(server->turn, SD_EVENT_ONESHOT);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct log_server *server = userdata;

	(void)source;
	for (int i = 0; i < SERVED_A_TURN && server->ready; i++) {
		struct waiter *waiter = server->ready;

		unlist(waiter);
		serve(server, waiter);
	}
	read_store(server);
	serve_soon(server);
	return 0;
}

static void get_ready(struct log_server *server, struct waiter *waiter)
{
	enlist(waiter, &server->ready);
	serve_soon(server);
}

/* ---- Serving from the store ---- */

static struct read *read_new(struct log_server *server, struct waiter *waiter)
{
	struct read *read = calloc(1, sizeof(*read));

	if (!read)
		return NULL;
	read->server = server;
	read->waiter = waiter;
	waiter->read = read;
	DL_APPEND(server->reads, read);
	server->read_count++;
	return read;
}

static void detach(struct read *read)
{
	DL_DELETE(read->server->reads, read);
	read->server->read_count--;
	if (read->waiter)
		read->waiter->read = NULL;
	read->server = NULL;
}

/* What a completion was for: NULL where nobody waits any more, or the term is over. */
static struct waiter *read_end(struct read *read, int error, struct log_server **ret_server)
{
	struct log_server *server = read->server;
	struct waiter *waiter = read->waiter;

	if (server)
		detach(read);
	free(read);
	if (!server)
		return NULL;
	*ret_server = server;
	if (waiter && error < 0) {
		wait_in(server, waiter, &server->stored);
		wake_at(server, now_us(server) + RETRY_US);
		return NULL;
	}
	read_store(server);
	return waiter;
}

/* The log is gapless: a hole, or nothing where something must be, is what is no longer kept. */
static bool examine_all(struct log_server *server, struct waiter *waiter, const struct wire_record *records, size_t n)
{
	uint64_t oldest = ring_oldest(server->ring);

	if (!n || records[0].seq > waiter->through + 1) {
		server->first = n ? records[0].seq : oldest ? oldest : server->head + 1;
		if (!waiter->after && !waiter->found_count) {
			waiter->through = server->first - 1;
			return true;
		}
		if (!waiter->found_count)
			return false;
		waiter->limit = 0; /* what was found is answered first */
		return true;
	}
	/* The store may hold what its leader has not heard of yet: beyond the head nothing is served. */
	for (size_t i = 0; i < n && records[i].seq <= server->head && !full(server, waiter); i++)
		if (records[i].seq == waiter->through + 1 && examine(server, waiter, &records[i], true) < 0)
			break;
	return true;
}

static void on_read(void *userdata, int error, const struct wire_record *records, size_t n)
{
	struct log_server *server;
	struct waiter *waiter = read_end(userdata, error, &server);
	bool pressed;

	if (!waiter)
		return;
	if (!examine_all(server, waiter, records, n)) {
		end_too_old(server, waiter);
		return;
	}
	pressed = now_us(server) >= waiter->scan_until || (waiter->found_count && server->held_bytes > HELD_MAX);
	if (pressed || full(server, waiter))
		answer_records(server, waiter);
	else
		get_ready(server, waiter);
}

static void on_epoch(void *userdata, int error, uint64_t epoch)
{
	struct log_server *server;
	struct waiter *waiter = read_end(userdata, error, &server);

	if (waiter && check_epoch(server, waiter, epoch))
		get_ready(server, waiter);
}

static int ask_store(struct log_server *server, struct waiter *waiter)
{
	struct read *read = read_new(server, waiter);
	int r;

	if (!read)
		return -ENOMEM;
	if (waiter->checked)
		r = server->handlers.read(server->handlers.owner, waiter->through, SLICE_BYTES, on_read, read);
	else
		r = server->handlers.epoch_of(server->handlers.owner, waiter->after, on_epoch, read);
	if (r < 0) {
		detach(read);
		free(read);
	}
	return r;
}

static void read_store(struct log_server *server)
{
	while (server->read_count < READS_MAX && server->stored) {
		struct waiter *waiter = server->stored;

		unlist(waiter);
		if (ask_store(server, waiter) < 0) {
			wait_in(server, waiter, &server->stored);
			wake_at(server, now_us(server) + RETRY_US);
			return;
		}
	}
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct log_server *server = userdata;
	uint64_t now = now_us(server);

	(void)source, (void)usec;
	server->timer_at = 0;
	end_due(server, server->idle, now);
	end_due(server, server->stored, now);
	read_store(server);
	return 0;
}

/* ---- Requests ---- */

static const char *not_allowed(
	const struct log_server *server, const struct log_request *request, char sentence[static FAULT_MAX])
{
	if (!text_equal(request->stream, server->stream))
		(void)snprintf(sentence, FAULT_MAX,
			"the stream %s is asked for, and this is the log of %s: check the endpoint and the stream's "
			"name",
			request->stream ? request->stream : "\"\"", server->stream);
	else if (HASH_COUNT(server->waiters) >= server->options.clients)
		(void)snprintf(sentence, FAULT_MAX, "%zu requests wait already, which is the limit: try again later",
			server->options.clients);
	else
		return NULL;
	return sentence;
}

static void answer_at_head(struct log_server *server, const struct peer *peer, const struct log_request *request)
{
	send_answer(server, peer,
		&(struct log_answer){ .result = LOG_OK, .through = server->head, .request = request->request });
}

static void accept(struct log_server *server, const struct peer *peer, const struct log_request *request)
{
	struct waiter *waiter;
	bool known = request->after <= server->head && !epoch_matters(server, request);

	/* What a follower of another history has confirmed says nothing about this one. */
	if (!hear(server, request->name, known ? request->confirmed : 0)) {
		answer_result(server, peer, request->request, LOG_NOT_ALLOWED,
			"consumers of too many names have asked in the last hour: ask under a name that is known, or "
			"under none");
		return;
	}
	if (request->from_now && !request->after) {
		answer_at_head(server, peer, request);
		return;
	}
	waiter = waiter_new(server, peer, request);
	if (!waiter)
		return;
	if (waiter->after > server->head)
		end_beyond(server, waiter);
	else if (waiter->after && waiter->after + 1 < server->first)
		end_too_old(server, waiter);
	else
		get_ready(server, waiter);
}

static void take(struct log_server *server, const struct peer *peer, struct bytes body)
{
	struct log_request request;
	struct waiter *earlier;
	char sentence[FAULT_MAX];
	const char *why;
	int r;

	HASH_FIND(hh, server->waiters, peer->id, peer->id_size, earlier);
	if (earlier)
		forget(server, earlier);
	r = wire_unpack_log_request(server->request_arena, body, &request);
	if (r == -ENOMEM)
		return; /* whoever gets no answer asks again */
	if (r < 0) {
		answer_result(server, peer, 0, LOG_NOT_ALLOWED, "this is no log request, or it is over a limit");
		return;
	}
	why = not_allowed(server, &request, sentence);
	if (why)
		answer_result(server, peer, request.request, LOG_NOT_ALLOWED, why);
	else if (!server->epoch)
		answer_result(server, peer, request.request, LOG_NOT_LEADER, "this daemon does not lead");
	else
		accept(server, peer, &request);
}

static void on_message(void *owner, zmq_msg_t *frames, size_t n)
{
	struct log_server *server = owner;
	struct peer peer;
	struct bytes body;

	if (peer_read(frames, n, &peer, &body) < 0) {
		answer_result(server, &peer, 0, LOG_NOT_ALLOWED, "a log request is one frame");
		return;
	}
	take(server, &peer, body);
	arena_reset(server->request_arena);
}

/* ---- The owner's side ---- */

static void end_term(struct log_server *server)
{
	struct read *read, *next_read;
	struct waiter *waiter, *next;

	server->epoch = server->head = server->first = 0;
	consumers_clear(server->consumers);
	HASH_ITER (hh, server->waiters, waiter, next)
		end_with(server, waiter, LOG_NOT_LEADER, "this daemon does not lead any more");
	DL_FOREACH_SAFE(server->reads, read, next_read)
	detach(read);
	ring_clear(server->ring);
}

void log_server_lead(struct log_server *server, uint64_t epoch, uint64_t first, uint64_t head)
{
	end_term(server);
	server->epoch = epoch;
	server->first = first ? first : 1;
	server->head = head;
}

static void drop_leaders(struct log_server *server)
{
	while (server->leader_count)
		free(server->leaders[--server->leader_count]);
}

void log_server_set_leaders(struct log_server *server, const char *const *leaders, size_t n)
{
	drop_leaders(server);
	for (size_t i = 0; i < n && i < LEADERS_KEPT; i++) {
		char *leader = strdup(leaders[i]);

		if (leader)
			server->leaders[server->leader_count++] = leader;
	}
}

void log_server_append(struct log_server *server, const struct wire_record *records, size_t n)
{
	if (!server->epoch || !n)
		return;
	for (size_t i = 0; i < n; i++)
		ring_add(server->ring, &records[i]);
	server->head = records[n - 1].seq;
	enlist_all(&server->idle, &server->ready);
	serve_soon(server);
}

void log_server_keep_from(struct log_server *server, uint64_t first)
{
	if (server->epoch && first > server->first)
		server->first = first;
}

void log_server_forget(struct log_server *server, const char *name)
{
	consumers_forget(server->consumers, name);
}

size_t log_server_waiting(const struct log_server *server)
{
	return HASH_COUNT(server->waiters);
}

/* ---- Life ---- */

static int set_up(struct log_server *server)
{
	int r = ring_new(server->options.ring_bytes, &server->ring);

	if (r == 0)
		r = consumers_new(server->loop, server->handlers.consumer, server->handlers.owner, &server->consumers);
	if (r == 0)
		r = arena_new(REQUEST_ARENA, &server->request_arena);
	if (r == 0)
		r = arena_new(4 * server->options.answer_bytes + SLICE_BYTES, &server->answer_arena);
	if (r == 0)
		r = sd_event_add_defer(server->loop, &server->turn, on_turn, server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->turn, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(
			server->loop, &server->timer, CLOCK_MONOTONIC, 0, TIMER_SLACK_US, on_timer, server);
	return r < 0 ? r : sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
}

int log_server_new(sd_event *loop, void *context, const char *const *endpoints, const struct log_options *options,
	const struct log_handlers *handlers, struct log_server **ret, struct fault *fault)
{
	const struct flow_options socket_options = {
		.type = ZMQ_ROUTER,
		.bind = endpoints,
		.max_message = REQUEST_MAX,
		.send_hwm = ANSWERS_UNREAD,
		.receive_hwm = REQUESTS_UNREAD,
	};
	CLEANUP(log_server_freep) struct log_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->handlers = *handlers;
	server->options = *options;
	server->stream = strdup(options->stream);
	if (!server->stream)
		return -ENOMEM;
	r = set_up(server);
	if (r < 0)
		return r;
	r = flow_socket_new(loop, context, &socket_options,
		&(struct flow_handlers){ .owner = server, .message = on_message }, &server->socket, fault);
	if (r < 0)
		return r;
	*ret = TAKE(server);
	return 0;
}

struct log_server *log_server_free(struct log_server *server)
{
	struct read *read, *next_read;
	struct waiter *waiter, *next;

	if (!server)
		return NULL;
	DL_FOREACH_SAFE(server->reads, read, next_read)
	detach(read);
	HASH_ITER (hh, server->waiters, waiter, next)
		forget(server, waiter);
	(void)flow_socket_free(server->socket);
	(void)sd_event_source_disable_unref(server->turn);
	(void)sd_event_source_disable_unref(server->timer);
	drop_leaders(server);
	(void)ring_free(server->ring);
	(void)consumers_free(server->consumers);
	(void)arena_free(server->request_arena);
	(void)arena_free(server->answer_arena);
	free(server->stream);
	free(server);
	return NULL;
}
