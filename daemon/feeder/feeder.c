/* What arrives goes into one batch. The batch is committed by a source of the lowest priority, so when nothing else
 * is to be done, or as soon as it is full: one event when idle, hundreds under load. Reads for the log server are
 * answered in turns of their own, since it must not be called from within its own question. */
#include "feeder/feeder.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/instant.h"
#include "base/text.h"
#include "feeder/logfile.h"
#include "feeder/reading.h"
#include "flow/following.h"
#include "flow/log_server.h"
#include "flow/publisher.h"

#include <utlist.h>

#define BATCH_MAX      500
#define BATCH_BYTES    (4 * 1024 * 1024UL)
#define BATCH_ARENA    (16 * 1024 * 1024UL)
#define READ_ARENA     (4 * 1024 * 1024UL)
#define RING_BYTES     (1024 * 1024UL)
#define ANSWER_BYTES   (1024 * 1024UL)
#define CLIENTS_MAX    1000
#define RECEIVE_HWM    20000 /* messages of a PUB that wait while a batch is committed */
#define RETRY_US       US_PER_SECOND
#define RETAIN_US      US_PER_HOUR
#define GAP_NOTICE_US  (60 * US_PER_SECOND)
#define CLOCK_WAIT_S   10
#define SECONDS_A_DAY  INT64_C(86400)
#define INPUT_PRIORITY 50
#define IDLE_PRIORITY  100

/* An event of the batch. */
struct item {
	uint64_t line;                      /* 0: it came from a PUB */
	const struct logfile_entry *entry;  /* NULL: refused */
	const char *source, *id, *sentence; /* of a refused one */
};

/* What the log server asked. */
struct question {
	uint64_t seq;
	size_t max_bytes;
	log_read_done read; /* or */
	log_epoch_done epoch;
	void *waiter;
	struct question *prev, *next;
};

struct feeder {
	struct feeder_options options;
	struct feeder_handlers handlers;
	sd_event *loop;
	void *context;
	struct logfile *file;
	struct publisher *publisher;
	struct log_server *server;
	struct flow_socket *from;
	struct following heard; /* of the PUB, where it sends positions */
	char *heard_stream;
	uint64_t gaps_told, missed_told;
	uint64_t gap_notice_after;

	struct item items[BATCH_MAX];
	struct logfile_entry entries[BATCH_MAX];
	struct wire_record records[BATCH_MAX];
	size_t item_count, entry_count;
	struct arena *batch, *reading;
	bool blocked; /* the log cannot be written */
	bool ended;   /* the lines */
	int budget;   /* lines that may still be taken in this turn */

	struct question *questions;
	sd_event_source *input, *more, *commit, *retry, *ask, *retain;
	struct feeder_counts counts;
	int result;
	struct fault fault;
};

static int64_t clock_s(void)
{
	return (int64_t)time(NULL);
}

static void notice(struct feeder *feeder, const char *sentence)
{
	feeder->handlers.notice(feeder->handlers.owner, sentence);
}

static void soon(sd_event_source *source)
{
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void end(struct feeder *feeder, int result)
{
	feeder->result = result;
	(void)sd_event_exit(feeder->loop, 0);
}

/* ---- Committing ---- */

static void pause_all(struct feeder *feeder, bool pause)
{
	feeder->blocked = pause;
	if (feeder->from)
		flow_socket_pause(feeder->from, pause);
	if (feeder->input && !feeder->ended)
		(void)sd_event_source_set_enabled(feeder->input, pause ? SD_EVENT_OFF : SD_EVENT_ON);
	if (feeder->options.input_fd >= 0 && !feeder->ended && !pause)
		soon(feeder->more);
}

static void block(struct feeder *feeder, const struct fault *fault)
{
	struct fault sentence;

	(void)sd_event_source_set_time_relative(feeder->retry, RETRY_US);
	soon(feeder->retry);
	if (feeder->blocked)
		return;
	feeder->fault = *fault;
	(void)fault_set(
		&sentence, 0, "%s; nothing more is taken until it can, and what is served goes on", fault->sentence);
	notice(feeder, sentence.sentence);
	pause_all(feeder, true);
}

static void unblock(struct feeder *feeder)
{
	if (!feeder->blocked)
		return;
	notice(feeder, "the log can be written again");
	pause_all(feeder, false);
}

/* Records of this batch, in order. */
static void publish(struct feeder *feeder)
{
	size_t n = 0;

	for (size_t i = 0; i < feeder->entry_count; i++) {
		const struct logfile_entry *entry = &feeder->entries[i];
		struct wire_record *record = &feeder->records[n];

		if (entry->outcome != LOGFILE_STORED)
			continue;
		*record = (struct wire_record){
			.seq = entry->seq, .epoch = logfile_epoch(feeder->file), .event = entry->event
		};
		(void)TEXT_SET(record->topic, entry->topic);
		n++;
	}
	if (feeder->server)
		log_server_append(feeder->server, feeder->records, n);
	if (feeder->publisher)
		publisher_send(feeder->publisher, feeder->records, n);
}

static void count(struct feeder *feeder, enum feeder_outcome outcome)
{
	uint64_t *const counters[] = {
		[FEEDER_STORED] = &feeder->counts.stored,
		[FEEDER_KNOWN] = &feeder->counts.known,
		[FEEDER_REFUSED] = &feeder->counts.refused,
	};

	++*counters[outcome];
}

static void answer(struct feeder *feeder, const struct item *item)
{
	static const enum feeder_outcome outcomes[] = {
		[LOGFILE_STORED] = FEEDER_STORED,
		[LOGFILE_KNOWN] = FEEDER_KNOWN,
		[LOGFILE_REUSED] = FEEDER_REFUSED,
	};
	const struct logfile_entry *entry = item->entry;
	struct feeder_answer a = {
		.line = item->line,
		.outcome = entry ? outcomes[entry->outcome] : FEEDER_REFUSED,
		.source = entry ? entry->source : item->source,
		.id = entry ? entry->id : item->id,
		.seq = entry ? entry->seq : 0,
		.sentence = item->sentence,
	};
	struct fault fault;

	count(feeder, a.outcome);
	if (!item->line)
		return;
	if (entry && entry->outcome == LOGFILE_REUSED) {
		(void)fault_set(&fault, 0,
			"another event of this source and id is in the log, as record %" PRIu64
			": give this one an id of its own",
			entry->seq);
		a.seq = 0;
		a.sentence = fault.sentence;
	}
	feeder->handlers.answer(feeder->handlers.owner, &a);
}

static void answer_all(struct feeder *feeder)
{
	for (size_t i = 0; i < feeder->item_count; i++)
		answer(feeder, &feeder->items[i]);
	feeder->item_count = feeder->entry_count = 0;
	arena_reset(feeder->batch);
	feeder->handlers.answered(feeder->handlers.owner);
}

static void flush(struct feeder *feeder)
{
	struct fault fault = { "" };
	int r = 0;

	if (feeder->entry_count)
		r = logfile_store(feeder->file, clock_s(), feeder->entries, feeder->entry_count, &fault);
	if (r == -EUCLEAN) {
		feeder->fault = fault;
		pause_all(feeder, true); /* this turn may bring more, and the batch has no room */
		end(feeder, r);
		return;
	}
	if (r < 0) {
		block(feeder, &fault);
		return;
	}
	publish(feeder);
	answer_all(feeder);
	unblock(feeder);
	if (feeder->ended && (feeder->options.once || feeder->result < 0))
		end(feeder, feeder->result);
}

static int on_commit(sd_event_source *source, void *userdata)
{
	(void)source;
	flush(userdata);
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	flush(userdata);
	return 0;
}

/* ---- Taking ---- */

static bool full(const struct feeder *feeder)
{
	return feeder->item_count == BATCH_MAX || arena_used(feeder->batch) >= BATCH_BYTES;
}

static void add(struct feeder *feeder, uint64_t line, const struct logfile_entry *entry, const char *refusal)
{
	struct item *item = &feeder->items[feeder->item_count++];

	*item = (struct item){ .line = line, .source = entry->source, .id = entry->id, .sentence = refusal };
	if (!refusal) {
		item->entry = &feeder->entries[feeder->entry_count];
		feeder->entries[feeder->entry_count++] = *entry;
	}
	soon(feeder->commit);
	if (full(feeder))
		flush(feeder);
}

static int copy(struct feeder *feeder, const void *bytes, size_t n, struct bytes *ret)
{
	const void *copied = n ? arena_copy(feeder->batch, bytes, n) : "";

	if (!copied)
		return -ENOMEM;
	*ret = (struct bytes){ copied, n };
	return 0;
}

bool feeder_room(const struct feeder *feeder)
{
	return !feeder->blocked && feeder->budget > 0 && !full(feeder);
}

int feeder_take(struct feeder *feeder, uint64_t line, const void *bytes, size_t n, const char *refusal)
{
	struct logfile_entry entry = { 0 };
	struct fault fault = { "" };
	struct bytes event;
	int r = 0;

	feeder->budget--;
	if (!refusal) {
		if (copy(feeder, bytes, n, &event) < 0)
			return -ENOMEM;
		r = reading_line(feeder->batch, event, &entry, &fault);
		refusal = r == 1 ? fault.sentence : NULL;
	}
	if (r < 0)
		return r;
	if (refusal) {
		refusal = arena_text(feeder->batch, refusal);
		if (!refusal)
			return -ENOMEM;
	}
	add(feeder, line, &entry, refusal);
	return 0;
}

static void take_message(struct feeder *feeder, const void *bytes, size_t n)
{
	struct logfile_entry entry;
	struct bytes event;

	if (copy(feeder, bytes, n, &event) < 0 || reading_message(feeder->batch, event, &entry) < 0)
		notice(feeder, "out of memory: an event that was published is lost");
	else
		add(feeder, 0, &entry, NULL);
}

/* ---- What a PUB says of itself ---- */

static void say_gaps(struct feeder *feeder)
{
	struct fault sentence;
	uint64_t now = 0;

	(void)sd_event_now(feeder->loop, CLOCK_MONOTONIC, &now);
	if (feeder->heard.gaps == feeder->gaps_told || now < feeder->gap_notice_after)
		return;
	(void)fault_set(&sentence, 0,
		"of the records of %s up to %" PRIu64 ", %" PRIu64
		" never came: they were published while nobody heard, so compare with their source and publish them "
		"from a file",
		feeder->heard_stream, feeder->heard.position, feeder->heard.missed - feeder->missed_told);
	notice(feeder, sentence.sentence);
	feeder->gaps_told = feeder->heard.gaps;
	feeder->missed_told = feeder->heard.missed;
	feeder->gap_notice_after = now + GAP_NOTICE_US;
}

/* A position only tells what is missing: what came is stored in any case. */
static void hear(struct feeder *feeder, const struct position *position)
{
	if (!feeder->heard_stream)
		feeder->heard_stream = strdup(position->stream);
	if (!feeder->heard_stream || !text_equal(position->stream, feeder->heard_stream))
		return;
	(void)following_live(&feeder->heard, position->epoch, position->seq, position->head);
	say_gaps(feeder);
}

/* `[topic][event]`, `[event]`, or `[topic][position][event]`. */
static void on_published(void *owner, zmq_msg_t *frames, size_t n)
{
	struct feeder *feeder = owner;
	struct bytes event = { zmq_msg_data(&frames[n - 1]), zmq_msg_size(&frames[n - 1]) };
	struct position position = { 0 };

	if (n == 3 &&
		wire_unpack_position(feeder->reading,
			(struct bytes){ zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]) }, &position) == 0 &&
		text_given(position.stream))
		hear(feeder, &position);
	arena_reset(feeder->reading);
	if (event.n)
		take_message(feeder, event.data, event.n);
}

/* ---- Lines ---- */

static void read_input(struct feeder *feeder)
{
	if (feeder->ended || feeder->blocked)
		return;
	feeder->budget = BATCH_MAX;
	switch (feeder->handlers.input(feeder->handlers.owner)) {
	case FEEDER_MORE:
		soon(feeder->more);
		return;
	case FEEDER_WAIT:
		return;
	case FEEDER_FAILED:
		feeder->result = -EIO;
		break;
	case FEEDER_ENDED:
		break;
	}
	feeder->ended = true;
	feeder->input = sd_event_source_disable_unref(feeder->input);
	soon(feeder->commit);
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents;
	read_input(userdata);
	return 0;
}

static int on_more(sd_event_source *source, void *userdata)
{
	(void)source;
	read_input(userdata);
	return 0;
}

/* ---- The log server's questions ---- */

static int queue(struct feeder *feeder, const struct question *of)
{
	struct question *question = malloc(sizeof(*question));

	if (!question)
		return -ENOMEM;
	*question = *of;
	DL_APPEND(feeder->questions, question);
	soon(feeder->ask);
	return 0;
}

static int on_read(void *owner, uint64_t after, size_t max_bytes, log_read_done done, void *waiter)
{
	return queue(owner, &(struct question){ .seq = after, .max_bytes = max_bytes, .read = done, .waiter = waiter });
}

static int on_epoch_of(void *owner, uint64_t seq, log_epoch_done done, void *waiter)
{
	return queue(owner, &(struct question){ .seq = seq, .epoch = done, .waiter = waiter });
}

/* What cannot be noted down now comes again with the next request. */
static void on_consumer(void *owner, const char *name, uint64_t confirmed)
{
	struct feeder *feeder = owner;

	(void)logfile_consumer(feeder->file, name, confirmed, clock_s());
}

static void reply(struct feeder *feeder, const struct question *question)
{
	struct wire_record *records = NULL;
	uint64_t epoch = 0;
	size_t n = 0;
	int r;

	if (question->read) {
		r = logfile_read(feeder->file, question->seq, question->max_bytes, feeder->reading, &records, &n);
		question->read(question->waiter, r, records, n);
	} else {
		r = logfile_epoch_of(feeder->file, question->seq, &epoch);
		question->epoch(question->waiter, r, epoch);
	}
	arena_reset(feeder->reading);
}

static int on_ask(sd_event_source *source, void *userdata)
{
	struct feeder *feeder = userdata;
	struct question *question = feeder->questions;

	if (!question)
		return 0;
	DL_DELETE(feeder->questions, question);
	reply(feeder, question);
	free(question);
	if (feeder->questions)
		soon(source);
	return 0;
}

static void drop_questions(struct feeder *feeder)
{
	struct question *question, *next;

	DL_FOREACH_SAFE(feeder->questions, question, next)
	{
		if (question->read)
			question->read(question->waiter, -ECANCELED, NULL, 0);
		else
			question->epoch(question->waiter, -ECANCELED, 0);
		free(question);
	}
	feeder->questions = NULL;
}

/* ---- Retention ---- */

static int on_retain(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct feeder *feeder = userdata;
	int64_t now = clock_s(), keep = (int64_t)feeder->options.keep_days * SECONDS_A_DAY;
	int r = logfile_retain(feeder->file, now - keep, now - 2 * keep);

	(void)usec;
	if (feeder->server)
		log_server_keep_from(feeder->server, logfile_first(feeder->file));
	(void)sd_event_source_set_time_relative(source, r == 1 ? 0 : RETAIN_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- Life ---- */

static int add_defer(struct feeder *feeder, sd_event_source **ret, sd_event_handler_t handler, int64_t priority)
{
	int r = sd_event_add_defer(feeder->loop, ret, handler, feeder);

	if (r >= 0)
		r = sd_event_source_set_priority(*ret, priority);
	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

/* epoll does not take regular files: those are read whenever there is nothing else to do. */
static int add_input(struct feeder *feeder)
{
	int fd = feeder->options.input_fd, r;

	if (fd < 0)
		return 0;
	r = sd_event_add_io(feeder->loop, &feeder->input, fd, EPOLLIN, on_input, feeder);
	if (r >= 0)
		return sd_event_source_set_priority(feeder->input, INPUT_PRIORITY);
	if (r == -EPERM)
		soon(feeder->more);
	return r == -EPERM ? 0 : r;
}

static int make_loop(struct feeder *feeder)
{
	int r = sd_event_new(&feeder->loop);

	if (r >= 0)
		r = sd_event_set_watchdog(feeder->loop, true);
	if (r >= 0)
		r = add_defer(feeder, &feeder->ask, on_ask, 0);
	if (r >= 0)
		r = add_defer(feeder, &feeder->more, on_more, INPUT_PRIORITY);
	if (r >= 0)
		r = add_defer(feeder, &feeder->commit, on_commit, IDLE_PRIORITY);
	if (r >= 0)
		r = sd_event_add_time(feeder->loop, &feeder->retry, CLOCK_MONOTONIC, 0, 0, on_retry, feeder);
	if (r >= 0)
		r = sd_event_source_set_enabled(feeder->retry, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(feeder->loop, &feeder->retain, CLOCK_MONOTONIC, 0, 0, on_retain, feeder);
	if (r >= 0)
		r = sd_event_source_set_priority(feeder->retain, IDLE_PRIORITY);
	return r < 0 ? r : add_input(feeder);
}

static int make_memory(struct feeder *feeder)
{
	int r = arena_new(BATCH_ARENA, &feeder->batch);

	if (r == 0)
		r = arena_new(READ_ARENA, &feeder->reading);
	feeder->context = flow_context_new();
	return r == 0 && !feeder->context ? -ENOMEM : r;
}

static bool any(const char *const *endpoints)
{
	return endpoints && *endpoints;
}

static int make_servers(struct feeder *feeder, struct fault *fault)
{
	const struct feeder_options *o = &feeder->options;
	const struct log_options log_options = { o->name, RING_BYTES, ANSWER_BYTES, CLIENTS_MAX };
	const struct log_handlers log = { feeder, on_read, on_epoch_of, on_consumer };
	int r = 0;

	if (any(o->live))
		r = publisher_new(feeder->loop, feeder->context, o->live, o->name, &feeder->publisher, fault);
	if (r == 0 && any(o->serve))
		r = log_server_new(feeder->loop, feeder->context, o->serve, &log_options, &log, &feeder->server, fault);
	return r;
}

static int make_subscription(struct feeder *feeder, struct fault *fault)
{
	const struct flow_options options = {
		.type = ZMQ_SUB, .connect = feeder->options.from, .receive_hwm = RECEIVE_HWM
	};
	const struct flow_handlers handlers = { .owner = feeder, .message = on_published };
	int r;

	if (!any(feeder->options.from))
		return 0;
	r = flow_socket_new(feeder->loop, feeder->context, &options, &handlers, &feeder->from, fault);
	if (r < 0)
		return r;
	if (zmq_setsockopt(flow_socket_raw(feeder->from), ZMQ_SUBSCRIBE, "", 0) < 0)
		return fault_set(
			fault, -errno, "%s cannot be subscribed to: %s", feeder->options.from[0], zmq_strerror(errno));
	following_init(&feeder->heard, false, 0, 0, false);
	return 0;
}

/* Epochs that run ahead of the clock, because terms were shorter than a second, would be given out again by a log that is restored from an older copy: then
 * nobody could tell its records from those that were lost. */
static void wait_for_clock(struct feeder *feeder)
{
	int64_t last = (int64_t)logfile_epoch(feeder->file), until = clock_s() + CLOCK_WAIT_S;

	while (clock_s() <= last && last <= until)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	if (last > until)
		notice(feeder, "the clock is behind the last time this log was opened: set it right, since a log that "
			       "is restored "
			       "while it is wrong may not be noticed");
}

/* The log before the sockets: who finds an endpoint finds all of the log behind it. */
static int set_up(struct feeder *feeder, struct fault *fault)
{
	int r = make_memory(feeder);

	if (r == 0)
		r = make_loop(feeder);
	if (r < 0)
		return fault_set(fault, r, "cannot prepare the event loop: %s", strerror(-r));
	r = logfile_open(feeder->options.log, feeder->options.name, &feeder->file, fault);
	if (r < 0)
		return r;
	wait_for_clock(feeder);
	r = logfile_begin(feeder->file, clock_s(), fault);
	if (r == 0)
		r = make_servers(feeder, fault);
	return r < 0 ? r : make_subscription(feeder, fault);
}

static void lead(struct feeder *feeder)
{
	uint64_t epoch = logfile_epoch(feeder->file), head = logfile_head(feeder->file);

	if (feeder->server)
		log_server_lead(feeder->server, epoch, logfile_first(feeder->file), head);
	if (feeder->publisher)
		publisher_lead(feeder->publisher, epoch, head);
}

int feeder_new(const struct feeder_options *options, const struct feeder_handlers *handlers, struct feeder **ret,
	struct fault *fault)
{
	CLEANUP(feeder_freep) struct feeder *feeder = calloc(1, sizeof(*feeder));
	int r;

	if (!feeder)
		return fault_set(fault, -ENOMEM, "out of memory");
	feeder->options = *options;
	feeder->handlers = *handlers;
	r = set_up(feeder, fault);
	if (r < 0)
		return r;
	lead(feeder);
	*ret = TAKE(feeder);
	return 0;
}

struct feeder *feeder_free(struct feeder *feeder)
{
	if (!feeder)
		return NULL;
	drop_questions(feeder);
	(void)log_server_free(feeder->server);
	drop_questions(feeder);
	(void)publisher_free(feeder->publisher);
	(void)flow_socket_free(feeder->from);
	(void)logfile_free(feeder->file);
	(void)sd_event_source_disable_unref(feeder->input);
	(void)sd_event_source_disable_unref(feeder->more);
	(void)sd_event_source_disable_unref(feeder->commit);
	(void)sd_event_source_disable_unref(feeder->retry);
	(void)sd_event_source_disable_unref(feeder->ask);
	(void)sd_event_source_disable_unref(feeder->retain);
	(void)sd_event_unref(feeder->loop);
	(void)flow_context_free(feeder->context);
	(void)arena_free(feeder->batch);
	(void)arena_free(feeder->reading);
	free(feeder->heard_stream);
	free(feeder);
	return NULL;
}

/* What was taken is stored first; what cannot be was not answered. */
static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct feeder *feeder = userdata;

	(void)source, (void)info;
	flush(feeder);
	if (feeder->options.once && !feeder->ended && !feeder->blocked)
		feeder->result = fault_set(&feeder->fault, -EINTR,
			"stopped before the lines ended; give all of them again: what is stored is answered known");
	end(feeder, feeder->blocked && feeder->result == 0 ? -EIO : feeder->result);
	return 0;
}

static int watch_signals(struct feeder *feeder)
{
	static const int signals[] = { SIGTERM, SIGINT };
	sigset_t set;
	int r = 0;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
		(void)sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LENGTH(signals) && r >= 0; i++)
		r = sd_event_add_signal(feeder->loop, NULL, signals[i], on_stop, feeder);
	return r;
}

int feeder_run(struct feeder *feeder, struct fault *fault)
{
	int r = watch_signals(feeder);

	if (r >= 0) {
		(void)sd_notify(0, "READY=1");
		r = sd_event_loop(feeder->loop);
	}
	if (r < 0)
		return fault_set(fault, r, "the event loop failed: %s", strerror(-r));
	if (feeder->result < 0 && text_given(feeder->fault.sentence))
		*fault = feeder->fault;
	return feeder->result;
}

struct sd_event *feeder_loop(struct feeder *feeder)
{
	return feeder->loop;
}

void feeder_counts(const struct feeder *feeder, struct feeder_counts *ret)
{
	*ret = feeder->counts;
	ret->epoch = logfile_epoch(feeder->file);
	ret->head = logfile_head(feeder->file);
}
