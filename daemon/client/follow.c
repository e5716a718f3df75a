/* The log is asked whenever `following` says READING, and for ever (long polls) where there is no live socket to hear
 * from: it is not given, prefixes are, or it has been silent. A named consumer polls too, since a poll is what
 * confirms its position. */
#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "base/text.h"
#include "client/link.h"
#include "flow/following.h"
#include "flow/socket.h"

#define POLL_MS        200 /* between questions to `stop` */
#define LONG_POLL_MS   10000
#define GRACE_MS       3000 /* for an answer, beyond the wait that was asked for */
#define LIVE_SILENT_MS 4000
#define DOUBT_MS       1000
#define LAST_WORD_MS   1000
#define LIVE_BUDGET    256
#define LIVE_FRAMES    3
#define ARENA_CAP      (128 * 1024 * 1024UL)

struct follow {
	const struct client_follow_options *o;
	struct fault *fault;
	struct link log;
	void *live; /* SUB, or NULL */
	struct following f;
	struct arena *arena;
	bool asked;
	uint64_t request;
	int64_t answer_by, ask_after, live_heard, heard;
	uint64_t confirmed, confirmed_sent, records;
	bool told_lost, nobody_leads;
	bool done;
	int result;
};

static void end(struct follow *follow, int result)
{
	follow->done = true;
	follow->result = result;
}

__attribute__((format(printf, 2, 0))) static void notice(struct follow *follow, const char *what, const char *which)
{
	struct fault sentence;

	if (!follow->o->notice)
		return;
	(void)fault_set(&sentence, 0, what, which);
	follow->o->notice(follow->o->context, sentence.sentence);
}

static bool polls(const struct follow *follow)
{
	return !follow->live || follow->f.filtered || text_given(follow->o->name) ||
	       client_now() - follow->live_heard > LIVE_SILENT_MS;
}

/* ---- Asking ---- */

static void fill_prefixes(const struct follow *follow, struct log_request *request)
{
	const char *const *prefixes = follow->o->prefixes;

	for (; prefixes && prefixes[request->prefix_count]; request->prefix_count++)
		request->prefixes[request->prefix_count] = prefixes[request->prefix_count];
}

/* Nothing is confirmed that was not handed on. */
static uint64_t confirmed(const struct follow *follow)
{
	const struct client_follow_options *o = follow->o;
	uint64_t said = o->confirmed ? o->confirmed(o->context) : follow->confirmed;

	return said < follow->confirmed ? said : follow->confirmed;
}

static void ask(struct follow *follow, uint32_t wait_ms)
{
	const struct following *f = &follow->f;
	struct log_request request = {
		.stream = follow->o->stream,
		.name = follow->o->name,
		.after = f->position,
		.after_epoch = f->epoch,
		.confirmed = confirmed(follow),
		.request = ++follow->request,
		.wait_ms = wait_ms,
		.from_now = !f->started,
	};
	struct bytes bytes;

	fill_prefixes(follow, &request);
	if (wire_pack_log_request(follow->arena, &request, &bytes) == 0 &&
		link_send(&follow->log, bytes.data, bytes.n) == 0) {
		follow->asked = true;
		following_asked(&follow->f);
		follow->answer_by = client_now() + wait_ms + GRACE_MS;
		follow->confirmed_sent = request.confirmed;
	}
	arena_reset(follow->arena);
}

static void ask_when_due(struct follow *follow)
{
	bool polling = polls(follow);

	if (!follow->log.socket || follow->asked || client_now() < follow->ask_after)
		return;
	if (polling || follow->f.state == FOLLOWING_READING)
		ask(follow, polling && follow->o->follow ? LONG_POLL_MS : 0);
}

/* ---- Records ---- */

static void hand_on(struct follow *follow, const struct wire_record *record)
{
	int r = follow->o->record(follow->o->context, record);

	if (r != 0) {
		end(follow, r);
		return;
	}
	follow->confirmed = record->seq;
	if (follow->o->count && ++follow->records >= follow->o->count)
		end(follow, 0);
}

static void end_stuck(struct follow *follow)
{
	const struct following *f = &follow->f;

	if (f->diverged && !f->epoch)
		end(follow, fault_set(follow->fault, -ESTALE,
				    "%s has no record %" PRIu64
				    " yet: start after an earlier one; cppsctl status shows the last",
				    follow->o->stream, f->position));
	else if (f->diverged)
		end(follow, fault_set(follow->fault, -ESTALE,
				    "the log of %s is not the one followed before: record %" PRIu64 " (epoch %" PRIu64
				    ") is not in it; it was restored from an older copy, so compare, then start again "
				    "from a position of your choice",
				    follow->o->stream, f->position, f->epoch));
	else
		end(follow,
			fault_set(follow->fault, -ESTALE,
				"records %" PRIu64 " to %" PRIu64 " of %s are no longer kept: take what they said from "
				"the database, then start again after %" PRIu64,
				f->missing_from, f->missing_to, follow->o->stream, f->missing_to));
}

/* ---- Answers ---- */

/* A peer may name an endpoint, not a way into this process. */
static bool may_connect(const char *endpoint)
{
	return !strncmp(endpoint, "tcp://", strlen("tcp://")) || !strncmp(endpoint, "ipc://", strlen("ipc://"));
}

/* Each endpoint that was named in its turn, then the next of the list: one of them, such as an ipc path, may lead to the standby itself. */
static void go_elsewhere(struct follow *follow, const struct log_answer *answer)
{
	size_t at = follow->log.failures % (answer->leader_count + 1);

	follow->nobody_leads = true;
	if (at < answer->leader_count && may_connect(answer->leaders[at])) {
		link_redirect(&follow->log, answer->leaders[at]);
		return;
	}
	if (!follow->told_lost)
		notice(follow, "the daemon at %s does not lead: trying on", link_endpoint(&follow->log));
	follow->told_lost = true;
	link_move(&follow->log);
}

static void note_answered(struct follow *follow)
{
	follow->heard = client_now();
	follow->nobody_leads = false;
	if (follow->told_lost)
		notice(follow, "following from %s again", link_endpoint(&follow->log));
	follow->told_lost = false;
}

static void take_records(struct follow *follow, const struct log_answer *answer)
{
	for (size_t i = 0; i < answer->record_count && !follow->done; i++)
		if (following_record(&follow->f, answer->records[i].epoch, answer->records[i].seq))
			hand_on(follow, &answer->records[i]);
}

static void take_answer(struct follow *follow, const struct log_answer *answer)
{
	unsigned doubts = follow->f.doubts;

	take_records(follow, answer);
	if (follow->done)
		return;
	following_answer(&follow->f, (int)answer->result, answer->through, answer->head, answer->epoch, answer->first);
	if (follow->f.doubts > doubts)
		follow->ask_after = client_now() + DOUBT_MS;
	if (follow->f.state == FOLLOWING_STUCK) {
		end_stuck(follow);
		return;
	}
	if (answer->result != LOG_OK)
		return;
	link_good(&follow->log);
	if (follow->f.started)
		follow->confirmed = follow->f.position;
	if (!follow->o->follow && follow->f.position >= answer->head)
		end(follow, 0);
}

static void handle_answer(struct follow *follow, const struct log_answer *answer)
{
	if (answer->request != follow->request && answer->result != LOG_NOT_ALLOWED)
		return;
	follow->asked = false;
	if (answer->result == LOG_NOT_ALLOWED) {
		end(follow, fault_set(follow->fault, -EACCES, "%s refuses: %s", link_endpoint(&follow->log),
				    answer->sentence ? answer->sentence : "without a reason"));
		return;
	}
	if (answer->result != LOG_NOT_LEADER)
		note_answered(follow);
	take_answer(follow, answer);
	if (answer->result == LOG_NOT_LEADER)
		go_elsewhere(follow, answer);
}

static int receive_answer(struct follow *follow)
{
	struct log_answer answer;
	zmq_msg_t frame;
	int r = 0;

	(void)zmq_msg_init(&frame);
	if (zmq_msg_recv(&frame, follow->log.socket, ZMQ_DONTWAIT) < 0)
		r = -errno;
	else if (wire_unpack_log_answer(
			 follow->arena, (struct bytes){ zmq_msg_data(&frame), zmq_msg_size(&frame) }, &answer) == 0)
		handle_answer(follow, &answer);
	else
		end(follow, fault_set(follow->fault, -EPROTO, "%s sent what is no log answer",
				    link_endpoint(&follow->log)));
	(void)zmq_msg_close(&frame);
	arena_reset(follow->arena);
	return r;
}

static void receive_answers(struct follow *follow)
{
	while (!follow->done && follow->log.socket && receive_answer(follow) == 0)
		;
}

/* ---- Live ---- */

static void take_live(struct follow *follow, zmq_msg_t *frames)
{
	struct wire_record record = { .event = { zmq_msg_data(&frames[2]), zmq_msg_size(&frames[2]) } };
	size_t n = zmq_msg_size(&frames[0]);
	struct position p;

	if (wire_unpack_position(
		    follow->arena, (struct bytes){ zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]) }, &p) < 0 ||
		n > TOPIC_MAX || !text_equal(p.stream, follow->o->stream))
		return;
	follow->live_heard = client_now();
	if (follow->f.state == FOLLOWING_LIVE)
		follow->heard = follow->live_heard;
	if (!following_live(&follow->f, p.epoch, p.seq, p.head))
		return;
	record.seq = p.seq;
	record.epoch = p.epoch;
	memcpy(record.topic, zmq_msg_data(&frames[0]), n);
	hand_on(follow, &record);
}

/* The number of frames; 0: no message is there. Frames beyond LIVE_FRAMES are closed. */
static size_t receive_live(void *live, zmq_msg_t *frames)
{
	zmq_msg_t surplus;
	size_t n = 0;
	bool more = true;

	while (more) {
		zmq_msg_t *frame = n < LIVE_FRAMES ? &frames[n] : &surplus;

		(void)zmq_msg_init(frame);
		if (zmq_msg_recv(frame, live, ZMQ_DONTWAIT) < 0) {
			(void)zmq_msg_close(frame);
			break;
		}
		more = zmq_msg_more(frame);
		if (n++ >= LIVE_FRAMES)
			(void)zmq_msg_close(frame);
	}
	return n;
}

static void receive_lives(struct follow *follow)
{
	zmq_msg_t frames[LIVE_FRAMES];
	size_t n;

	for (int i = 0; i < LIVE_BUDGET && !follow->done && (n = receive_live(follow->live, frames)) > 0; i++) {
		if (n == LIVE_FRAMES)
			take_live(follow, frames);
		arena_reset(follow->arena);
		for (size_t k = 0; k < n && k < LIVE_FRAMES; k++)
			(void)zmq_msg_close(&frames[k]);
	}
}

/* ---- The loop ---- */

static void lose_log(struct follow *follow)
{
	if (!follow->told_lost)
		notice(follow, "the log at %s does not answer: trying on", link_endpoint(&follow->log));
	follow->told_lost = true;
	follow->asked = false;
	following_reset(&follow->f);
	link_move(&follow->log);
}

static bool gives_up(struct follow *follow)
{
	const struct client_follow_options *o = follow->o;

	if (o->stop && o->stop(o->context)) {
		end(follow, 0);
		return true;
	}
	if (o->timeout_ms < 0 || client_now() - follow->heard <= o->timeout_ms)
		return false;
	if (follow->nobody_leads)
		end(follow, fault_set(follow->fault, -ETIMEDOUT,
				    "nobody has led at %s%s for %d ms: cppsctl status says why", o->log[0],
				    o->log[1] ? " and the others" : "", o->timeout_ms));
	else
		end(follow, fault_set(follow->fault, -ETIMEDOUT,
				    "nobody has answered at %s%s for %d ms: is the daemon running?", o->log[0],
				    o->log[1] ? " and the others" : "", o->timeout_ms));
	return true;
}

static void turn(struct follow *follow)
{
	bool live;
	int lost, r = link_open(&follow->log, follow->fault);

	if (r < 0 && follow->log.named) {
		link_move(&follow->log);
		return;
	}
	if (r < 0) {
		end(follow, r);
		return;
	}
	ask_when_due(follow);
	lost = link_wait(&follow->log, follow->live, POLL_MS, &live);
	receive_answers(follow);
	if (!follow->done && live)
		receive_lives(follow);
	if (!follow->done && follow->log.socket && (lost || (follow->asked && client_now() > follow->answer_by)))
		lose_log(follow);
}

/* Whether the answer to the last request has come. */
static bool last_word_answered(struct follow *follow)
{
	struct log_answer answer = { 0 };
	zmq_msg_t frame;
	bool answered = false;

	(void)zmq_msg_init(&frame);
	while (!answered && zmq_msg_recv(&frame, follow->log.socket, ZMQ_DONTWAIT) >= 0) {
		const struct bytes bytes = { zmq_msg_data(&frame), zmq_msg_size(&frame) };

		answered =
			wire_unpack_log_answer(follow->arena, bytes, &answer) == 0 && answer.request == follow->request;
		arena_reset(follow->arena);
	}
	(void)zmq_msg_close(&frame);
	return answered;
}

/* So that what was processed last is confirmed too; nothing that is answered is handed on. */
static void say_last_word(struct follow *follow)
{
	int64_t until = client_now() + LAST_WORD_MS, left;

	if (!text_given(follow->o->name) || confirmed(follow) <= follow->confirmed_sent || !follow->log.socket)
		return;
	ask(follow, 0);
	while ((left = until - client_now()) > 0 && !last_word_answered(follow))
		if (link_wait(&follow->log, NULL, (int)left, NULL))
			return; /* nobody is there any more */
}

/* ---- Beginning ---- */

static int open_live(struct follow *follow)
{
	const char *const *endpoint = follow->o->live;
	int r;

	if (!endpoint || !*endpoint || follow->f.filtered)
		return 0;
	follow->live = zmq_socket(follow->log.context, ZMQ_SUB);
	if (!follow->live)
		return -errno;
	r = flow_socket_tune(follow->live, ZMQ_SUB, 0, 0, 0);
	if (r == 0 && zmq_setsockopt(follow->live, ZMQ_SUBSCRIBE, "", 0) < 0)
		r = -errno;
	for (; r == 0 && *endpoint; endpoint++) {
		r = link_connect(follow->live, *endpoint);
		if (r < 0)
			(void)fault_set(follow->fault, r, "the endpoint %s cannot be connected to: %s", *endpoint,
				zmq_strerror(-r));
	}
	return r;
}

static int check(const struct client_follow_options *o, struct fault *fault)
{
	size_t n = 0;

	for (; o->prefixes && o->prefixes[n]; n++)
		if (strlen(o->prefixes[n]) > PREFIX_SIZE_MAX)
			return fault_set(fault, -EINVAL, "a prefix is longer than %d bytes", PREFIX_SIZE_MAX);
	if (n > PREFIXES_MAX)
		return fault_set(fault, -EINVAL, "%zu prefixes are given, and %d are the limit", n, PREFIXES_MAX);
	if (!text_given(o->stream))
		return fault_set(fault, -EINVAL, "no stream is named");
	if (o->name && strlen(o->name) > REF_MAX)
		return fault_set(fault, -EINVAL, "the consumer's name is longer than %d bytes", REF_MAX);
	return 0;
}

static int begin(struct follow *follow)
{
	const struct client_follow_options *o = follow->o;
	int r = check(o, follow->fault);

	if (r == 0)
		r = link_init(&follow->log, o->log, follow->fault);
	if (r == 0)
		r = arena_new(ARENA_CAP, &follow->arena);
	if (r < 0)
		return r;
	following_init(&follow->f, true, o->after_epoch, o->after, o->from_now);
	follow->f.filtered = o->prefixes && o->prefixes[0];
	follow->confirmed = follow->confirmed_sent = o->after;
	follow->heard = follow->live_heard = client_now();
	return open_live(follow);
}

int client_follow(const struct client_follow_options *options, struct fault *fault)
{
	struct follow follow = { .o = options, .fault = fault };
	int r = begin(&follow);

	if (r < 0)
		end(&follow, r);
	while (!follow.done && !gives_up(&follow))
		turn(&follow);
	if (r == 0)
		say_last_word(&follow);
	if (follow.live)
		(void)zmq_close(follow.live);
	link_done(&follow.log);
	(void)arena_free(follow.arena);
	return follow.result;
}
