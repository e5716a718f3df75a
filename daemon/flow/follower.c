/* `following` decides; this gives it what arrives and does what it asks. look() is the only place where a request is begun or given up: it is called
 * after everything that may have changed the answer to "is there something to ask?", and sets the timer for when it must be called again.
 *
 * The log is asked while READING, and by long polls while the live side is silent (heartbeats come each second). As in client/, a DEALER that lost its
 * connection is not mended but closed, and the next endpoint tried: what it had queued would be delivered in part.
 *
 * While stopped the live socket stays connected and paused: what a source without a log sends during a short outage waits in its queue. */
#include "flow/follower.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/instant.h"
#include "base/text.h"

#define RECEIVE_HWM    1000
#define ANSWER_MAX     (8 * 1024 * 1024L)
#define ARENA_CAP      (32 * 1024 * 1024UL)
#define RECORDS_ASKED  500
#define LONG_POLL_MS   10000
#define GRACE_US       (3 * US_PER_SECOND) /* for an answer, beyond the wait that was asked for */
#define SILENT_US      (4 * US_PER_SECOND)
#define NAMELESS_US    (10 * US_PER_SECOND)
#define DOUBT_US       US_PER_SECOND
#define PAUSE_US       (US_PER_SECOND / 10)
#define PAUSE_MAX_US   (5 * US_PER_SECOND)
#define RETURN_US      (5 * US_PER_SECOND)
#define GAP_ALARM_US   (60 * US_PER_SECOND)
#define TIMER_SLACK_US (US_PER_SECOND / 20)
#define US_PER_MS      INT64_C(1000)

/* What was said and still holds: not said again. */
enum told {
	TOLD_LOG_LOST = 1 << 0,
	TOLD_REFUSED = 1 << 1,
	TOLD_STUCK = 1 << 2,
	TOLD_OTHER_STREAM = 1 << 3,
	TOLD_NO_POSITION = 1 << 4,
	TOLD_HEAD_BACK = 1 << 5,
	TOLD_NAMELESS = 1 << 6,
};

struct follower {
	sd_event *loop;
	void *context;
	struct follower_handlers handlers;
	size_t source;
	char *name, *configured_stream;
	char **log; /* NULL-terminated */
	size_t log_count, current;
	char *leader; /* an endpoint a daemon named: instead of the current one, once */
	bool from_now;
	struct flow_socket *live, *asking; /* asking NULL: closed */
	sd_event_source *timer;
	struct arena *arena;

	bool running, paused;
	char *stream; /* NULL: not known yet */
	struct following f;
	bool has_positions;
	unsigned told;
	uint64_t events;

	bool asked;
	uint64_t request;
	int64_t answer_by, ask_after, live_heard; /* CLOCK_MONOTONIC, microseconds */
	unsigned failures;                        /* in a row */
	uint64_t gaps_told, missed_told;
	int64_t gap_alarm_after;
};

static void look(struct follower *follower);

static int64_t now_us(const struct follower *follower)
{
	uint64_t us = 0;

	(void)sd_event_now(follower->loop, CLOCK_MONOTONIC, &us);
	return (int64_t)us;
}

/* ---- Alarms ---- */

__attribute__((format(printf, 2, 3))) static void say(struct follower *follower, const char *format, ...)
{
	char sentence[FAULT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	text_trim_utf8(sentence);
	follower->handlers.alarm(follower->handlers.owner, follower->source, sentence);
}

/* True the first time. */
static bool tell(struct follower *follower, enum told what)
{
	bool first = !(follower->told & what);

	follower->told |= what;
	return first;
}

static bool untell(struct follower *follower, enum told what)
{
	bool was = follower->told & what;

	follower->told &= ~(unsigned)what;
	return was;
}

static void say_stuck(struct follower *follower)
{
	const struct following *f = &follower->f;

	if (!tell(follower, TOLD_STUCK))
		return;
	if (f->diverged)
		say(follower,
			"source '%s' stands still: records %" PRIu64 " to %" PRIu64 " (epoch %" PRIu64
			") of %s were taken and are not in its log, which was restored from an older copy; settle with "
			"its keepers what differs, then give the source another name in the configuration, under which "
			"it is read from its start",
			follower->name, f->missing_from, f->missing_to, f->epoch, follower->stream);
	else
		say(follower,
			"source '%s' stands still: records %" PRIu64 " to %" PRIu64
			" of %s are no longer kept there; have "
			"them submitted, then give the source another name in the configuration, under which it is "
			"read "
			"from the first that is kept",
			follower->name, f->missing_from, f->missing_to, follower->stream);
}

static void say_gaps(struct follower *follower)
{
	const struct following *f = &follower->f;
	int64_t now;

	if (f->gaps == follower->gaps_told)
		return;
	now = now_us(follower);
	if (now < follower->gap_alarm_after)
		return;
	say(follower,
		"of the records of %s up to %" PRIu64 ", %" PRIu64
		" never came, and source '%s' has no log to read them from: compare with it, or set a feeder beside it",
		follower->stream, f->position, f->missed - follower->missed_told, follower->name);
	follower->gaps_told = f->gaps;
	follower->missed_told = f->missed;
	follower->gap_alarm_after = now + GAP_ALARM_US;
}

static void say_head(struct follower *follower)
{
	if (!follower->f.head_back)
		(void)untell(follower, TOLD_HEAD_BACK);
	else if (tell(follower, TOLD_HEAD_BACK))
		say(follower,
			"source '%s' says that %s ends before record %" PRIu64
			", which was taken from it: two senders may use its name, or it was restored from an older "
			"copy",
			follower->name, follower->stream, follower->f.position);
}

/* ---- Handing on ---- */

static void hand_on(struct follower *follower, const struct position *position, struct bytes event)
{
	follower->events++;
	follower->handlers.event(follower->handlers.owner, follower->source, position, event.data, event.n);
}

/* ---- The log: its connection ---- */

static const char *log_endpoint(const struct follower *follower)
{
	return follower->leader ? follower->leader : follower->log[follower->current];
}

static void close_log(struct follower *follower)
{
	follower->asking = flow_socket_free(follower->asking);
	follower->asked = false;
}

/* None in the first round, then longer with each. */
static int64_t jittered_pause(unsigned rounds)
{
	int64_t pause = PAUSE_US;
	unsigned char byte = 0;

	if (!rounds)
		return 0;
	while (--rounds && pause < PAUSE_MAX_US)
		pause *= 2;
	(void)!getrandom(&byte, 1, 0);
	return pause + pause * byte / 256;
}

/* To the endpoint that was named, else to the next. */
static void move_on(struct follower *follower, const char *leader)
{
	char *named = leader ? strdup(leader) : NULL;

	close_log(follower);
	free(follower->leader);
	follower->leader = named;
	if (!named)
		follower->current = (follower->current + 1) % follower->log_count;
	follower->failures++;
	follower->ask_after = now_us(follower) + jittered_pause(follower->failures / (unsigned)follower->log_count);
	following_reset(&follower->f);
}

static void lose_log(struct follower *follower)
{
	if (follower->failures + 1 >= follower->log_count && tell(follower, TOLD_LOG_LOST))
		say(follower,
			"the log of source '%s' does not answer, %s was tried last: nothing is lost, but nothing comes "
			"either until it does",
			follower->name, log_endpoint(follower));
	move_on(follower, NULL);
}

static void answered(struct follower *follower)
{
	follower->failures = 0;
	(void)untell(follower, TOLD_REFUSED);
	if (untell(follower, TOLD_LOG_LOST))
		say(follower, "the log of source '%s' answers again, at %s", follower->name, log_endpoint(follower));
}

/* ---- The log: answers ---- */

static void take_records(struct follower *follower, const struct log_answer *answer)
{
	for (size_t i = 0; i < answer->record_count && follower->running; i++) {
		const struct wire_record *record = &answer->records[i];
		const struct position position = { follower->stream, record->epoch, record->seq, answer->head };

		if (following_record(&follower->f, record->epoch, record->seq))
			hand_on(follower, &position, record->event);
	}
}

static void take_answer(struct follower *follower, const struct log_answer *answer)
{
	unsigned doubts = follower->f.doubts;

	take_records(follower, answer);
	if (!follower->running)
		return;
	following_answer(
		&follower->f, (int)answer->result, answer->through, answer->head, answer->epoch, answer->first);
	answered(follower);
	if (follower->f.state == FOLLOWING_STUCK) {
		close_log(follower);
		say_stuck(follower);
	} else if (follower->f.doubts > doubts) {
		move_on(follower, NULL);
		follower->ask_after = now_us(follower) + DOUBT_US;
	}
}

/* A peer may name an endpoint, not a way into this process. */
static bool may_connect(const char *endpoint)
{
	return !strncmp(endpoint, "tcp://", strlen("tcp://")) || !strncmp(endpoint, "ipc://", strlen("ipc://"));
}

static void go_to_leader(struct follower *follower, const struct log_answer *answer)
{
	const char *leader = answer->leader_count ? answer->leaders[follower->failures % answer->leader_count] : NULL;

	if (leader && may_connect(leader))
		move_on(follower, leader);
	else
		lose_log(follower);
}

static void refused(struct follower *follower, const struct log_answer *answer)
{
	if (tell(follower, TOLD_REFUSED))
		say(follower, "the log of source '%s' at %s refuses: %s", follower->name, log_endpoint(follower),
			answer->sentence ? answer->sentence : "without a reason");
	move_on(follower, NULL);
}

static void handle_answer(struct follower *follower, const struct log_answer *answer)
{
	if (answer->request != follower->request && answer->result != LOG_NOT_ALLOWED)
		return;
	follower->asked = false;
	switch (answer->result) {
	case LOG_OK:
	case LOG_TOO_OLD:
	case LOG_DIVERGED:
		take_answer(follower, answer);
		break;
	case LOG_NOT_LEADER:
		go_to_leader(follower, answer);
		break;
	case LOG_NOT_ALLOWED:
		refused(follower, answer);
		break;
	}
}

static void on_answer(void *owner, zmq_msg_t *frames, size_t n)
{
	struct follower *follower = owner;
	struct log_answer answer;
	struct bytes body = { zmq_msg_data(&frames[n - 1]), zmq_msg_size(&frames[n - 1]) };

	if (!follower->running || !follower->asked)
		return;
	if (wire_unpack_log_answer(follower->arena, body, &answer) == 0)
		handle_answer(follower, &answer);
	else
		lose_log(follower);
	arena_reset(follower->arena);
	look(follower);
}

/* ---- The log: asking ---- */

static bool silent(const struct follower *follower, int64_t now)
{
	return !follower->live || now - follower->live_heard >= SILENT_US;
}

static int open_log(struct follower *follower)
{
	const char *const connect[] = { log_endpoint(follower), NULL };
	const struct flow_options options = { .type = ZMQ_DEALER, .connect = connect, .max_message = ANSWER_MAX };
	const struct flow_handlers handlers = { .owner = follower, .message = on_answer };
	struct fault fault;

	if (follower->asking)
		return 0;
	return flow_socket_new(follower->loop, follower->context, &options, &handlers, &follower->asking, &fault);
}

static int send_request(struct follower *follower, uint32_t wait_ms)
{
	const struct following *f = &follower->f;
	const struct log_request request = {
		.stream = follower->stream,
		.after = f->position,
		.after_epoch = f->epoch,
		.from_now = !f->started,
		.limit = RECORDS_ASKED,
		.wait_ms = wait_ms,
		.request = ++follower->request,
	};
	struct bytes bytes;
	int r = wire_pack_log_request(follower->arena, &request, &bytes);

	if (r == 0)
		r = flow_socket_send(follower->asking, &(struct flow_frame){ bytes.data, bytes.n }, 1);
	arena_reset(follower->arena);
	return r;
}

static void ask(struct follower *follower, int64_t now)
{
	uint32_t wait_ms = silent(follower, now) ? LONG_POLL_MS : 0;

	if (open_log(follower) < 0 || send_request(follower, wait_ms) < 0) {
		lose_log(follower);
		return;
	}
	follower->asked = true;
	following_asked(&follower->f);
	follower->answer_by = now + wait_ms * US_PER_MS + GRACE_US;
}

static bool wants_to_ask(const struct follower *follower, int64_t now)
{
	return follower->f.state == FOLLOWING_READING || silent(follower, now);
}

static int64_t next_look(const struct follower *follower, int64_t now)
{
	if (follower->asked)
		return follower->answer_by;
	return wants_to_ask(follower, now) ? follower->ask_after : follower->live_heard + SILENT_US;
}

static void look_at(struct follower *follower, int64_t at)
{
	(void)sd_event_source_set_time(follower->timer, (uint64_t)at);
	(void)sd_event_source_set_enabled(follower->timer, SD_EVENT_ONESHOT);
}

/* The stream's name comes with the first heartbeat; without it the log cannot be asked. */
static void wait_for_name(struct follower *follower, int64_t now)
{
	if (now < follower->live_heard + NAMELESS_US)
		look_at(follower, follower->live_heard + NAMELESS_US);
	else if (tell(follower, TOLD_NAMELESS))
		say(follower,
			"nothing is heard from source '%s' yet, not even a heartbeat: is it running, and are its live "
			"endpoints right?",
			follower->name);
}

static void look(struct follower *follower)
{
	int64_t now = now_us(follower);

	(void)sd_event_source_set_enabled(follower->timer, SD_EVENT_OFF);
	if (!follower->log_count || !follower->running || follower->paused || follower->f.state == FOLLOWING_STUCK)
		return;
	if (!follower->stream) {
		wait_for_name(follower, now);
		return;
	}
	if (follower->asked && now >= follower->answer_by)
		lose_log(follower);
	if (!follower->asked && now >= follower->ask_after && wants_to_ask(follower, now))
		ask(follower, now);
	look_at(follower, next_look(follower, now));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	look(userdata);
	return 0;
}

/* ---- Live ---- */

/* False: it is of another stream. */
static bool is_ours(struct follower *follower, const char *stream)
{
	if (!follower->stream && text_given(stream)) {
		follower->stream = strdup(stream);
		(void)untell(follower, TOLD_NAMELESS);
	}
	if (!follower->stream)
		return false;
	if (text_equal(follower->stream, stream)) {
		(void)untell(follower, TOLD_OTHER_STREAM);
		return true;
	}
	if (tell(follower, TOLD_OTHER_STREAM))
		say(follower,
			"source '%s' sends records of the stream %s, and %s is followed: they are not taken; correct "
			"its "
			"endpoints, or give the source of the other stream a name of its own in the configuration",
			follower->name, text_given(stream) ? stream : "\"\"", follower->stream);
	return false;
}

/* A long poll that was begun in the silence is not waited for to its end: the connection it went over may be gone. */
static void look_if_due(struct follower *follower)
{
	if (!follower->log_count || follower->f.state != FOLLOWING_READING)
		return;
	if (follower->asked) {
		int64_t latest = now_us(follower) + GRACE_US;

		if (follower->answer_by <= latest)
			return;
		follower->answer_by = latest;
	}
	look(follower);
}

static void take_positioned(struct follower *follower, const struct position *heard, struct bytes event)
{
	struct position position = *heard;
	bool apply;

	if (!is_ours(follower, heard->stream))
		return;
	follower->has_positions = true;
	follower->live_heard = now_us(follower);
	apply = following_live(&follower->f, heard->epoch, heard->seq, heard->head);
	say_head(follower);
	if (!follower->log_count)
		say_gaps(follower);
	position.stream = follower->stream;
	if (apply)
		hand_on(follower, &position, event);
	if (follower->running)
		look_if_due(follower);
}

/* Where there is a log, the record is in it. */
static void take_plain(struct follower *follower, struct bytes event)
{
	if (!follower->log_count)
		hand_on(follower, NULL, event);
	else if (tell(follower, TOLD_NO_POSITION))
		say(follower,
			"source '%s' sends live messages without a position: only what is in its log is taken; remove "
			"its "
			"log endpoints from the configuration if it has none",
			follower->name);
}

/* `[topic][position][event]`; `[topic][event]` and `[event]` come from a plain PUB, and so does what has no readable position. */
static void on_live(void *owner, zmq_msg_t *frames, size_t n)
{
	struct follower *follower = owner;
	struct bytes event = { zmq_msg_data(&frames[n - 1]), zmq_msg_size(&frames[n - 1]) };
	struct position position;

	if (!follower->running)
		return;
	if (n == 3 && wire_unpack_position(follower->arena,
			      (struct bytes){ zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]) }, &position) == 0)
		take_positioned(follower, &position, event);
	else
		take_plain(follower, event);
	arena_reset(follower->arena);
}

/* ---- Life ---- */

static int copy_list(const char *const *list, char ***ret, size_t *ret_n)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	*ret = calloc(n + 1, sizeof(char *));
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		(*ret)[i] = strdup(list[i]);
		if (!(*ret)[i])
			return -ENOMEM;
	}
	*ret_n = n;
	return 0;
}

static int open_live(struct follower *follower, const char *const *endpoints, struct fault *fault)
{
	const struct flow_options options = { .type = ZMQ_SUB, .connect = endpoints, .receive_hwm = RECEIVE_HWM };
	const struct flow_handlers handlers = { .owner = follower, .message = on_live };
	int r;

	if (!endpoints || !*endpoints)
		return 0;
	r = flow_socket_new(follower->loop, follower->context, &options, &handlers, &follower->live, fault);
	if (r < 0)
		return r;
	flow_socket_pause(follower->live, true);
	if (zmq_setsockopt(flow_socket_raw(follower->live), ZMQ_SUBSCRIBE, "", 0) < 0)
		return fault_set(
			fault, -errno, "source '%s' cannot be subscribed to: %s", follower->name, zmq_strerror(errno));
	return 0;
}

static int set_up(struct follower *follower, const struct follower_options *options)
{
	int r = copy_list(options->log, &follower->log, &follower->log_count);

	if (r < 0)
		return r;
	follower->name = strdup(options->name);
	follower->configured_stream = options->stream ? strdup(options->stream) : NULL;
	if (!follower->name || (options->stream && !follower->configured_stream))
		return -ENOMEM;
	r = arena_new(ARENA_CAP, &follower->arena);
	if (r < 0)
		return r;
	r = sd_event_add_time(follower->loop, &follower->timer, CLOCK_MONOTONIC, 0, TIMER_SLACK_US, on_timer, follower);
	return r < 0 ? r : sd_event_source_set_enabled(follower->timer, SD_EVENT_OFF);
}

int follower_new(sd_event *loop, void *context, const struct follower_options *options,
	const struct follower_handlers *handlers, struct follower **ret, struct fault *fault)
{
	CLEANUP(follower_freep) struct follower *follower = calloc(1, sizeof(*follower));
	int r;

	if (!follower)
		return -ENOMEM;
	follower->loop = loop;
	follower->context = context;
	follower->handlers = *handlers;
	follower->source = options->source;
	follower->from_now = options->from_now;
	r = set_up(follower, options);
	if (r < 0)
		return r;
	following_init(&follower->f, follower->log_count > 0, 0, 0, follower->from_now);
	r = open_live(follower, options->live, fault);
	if (r < 0)
		return r;
	*ret = TAKE(follower);
	return 0;
}

struct follower *follower_free(struct follower *follower)
{
	if (!follower)
		return NULL;
	(void)flow_socket_free(follower->live);
	(void)flow_socket_free(follower->asking);
	(void)sd_event_source_disable_unref(follower->timer);
	(void)arena_free(follower->arena);
	for (char **log = follower->log; log && *log; log++)
		free(*log);
	free(follower->log);
	free(follower->leader);
	free(follower->stream);
	free(follower->configured_stream);
	free(follower->name);
	free(follower);
	return NULL;
}

/* ---- Use ---- */

static void set_paused(struct follower *follower)
{
	bool pause = follower->paused || !follower->running;

	if (follower->live)
		flow_socket_pause(follower->live, pause);
	if (follower->asking)
		flow_socket_pause(follower->asking, pause);
}

/* The times of what was not listened to begin anew. */
static void listen_again(struct follower *follower)
{
	follower->live_heard = now_us(follower);
	if (follower->asked)
		follower->answer_by = follower->live_heard + GRACE_US;
	set_paused(follower);
	look(follower);
}

void follower_start(struct follower *follower, const struct position *from)
{
	const char *stream = from && text_given(from->stream) ? from->stream : follower->configured_stream;
	bool has_log = follower->log_count > 0;

	close_log(follower);
	free(follower->stream);
	follower->stream = stream ? strdup(stream) : NULL;
	following_init(&follower->f, has_log, from ? from->epoch : 0, from ? from->seq : 0, follower->from_now);
	follower->told = 0;
	follower->gaps_told = follower->missed_told = 0;
	follower->failures = 0;
	follower->ask_after = 0;
	follower->running = true;
	listen_again(follower);
}

void follower_stop(struct follower *follower)
{
	follower->running = false;
	close_log(follower);
	set_paused(follower);
	(void)sd_event_source_set_enabled(follower->timer, SD_EVENT_OFF);
}

void follower_return(struct follower *follower, uint64_t seq)
{
	following_return(&follower->f, seq);
	if (!follower->log_count || !follower->running)
		return;
	close_log(follower);
	follower->ask_after = now_us(follower) + RETURN_US;
	look(follower);
}

void follower_pause(struct follower *follower, bool pause)
{
	if (follower->paused == pause)
		return;
	follower->paused = pause;
	if (pause)
		set_paused(follower);
	else if (follower->running)
		listen_again(follower);
}

void follower_status(const struct follower *follower, struct follower_status *ret)
{
	const struct following *f = &follower->f;

	*ret = (struct follower_status){
		.name = follower->name,
		.stream = follower->stream,
		.state = f->state,
		.has_log = f->has_log,
		.has_positions = follower->has_positions,
		.epoch = f->epoch,
		.position = f->position,
		.head = f->head,
		.events = follower->events,
		.gaps = f->gaps,
		.missed = f->missed,
	};
}
