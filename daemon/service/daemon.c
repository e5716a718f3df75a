/* Tiny callbacks, each calling a verb; the table of states says what changes when one is entered. */
#include "service/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/text.h"
#include "service/log.h"

#define DRAIN_US     (5 * US_PER_SECOND)
#define LAST_ACKS_US (US_PER_SECOND / 10) /* for the last acks to reach their sockets */

#define DAEMON_STATE_TEXT(name, text) [DAEMON_##name] = text,
static const char *const state_texts[DAEMON_STATE_END] = { DAEMON_STATES(DAEMON_STATE_TEXT) };

const char *daemon_state_text(enum daemon_state state)
{
	return state_texts[state];
}

/* ---- The one door of the state ---- */

static void set_state(struct daemon *daemon, enum daemon_state state, const char *reason)
{
	enum daemon_state old = daemon->state;

	if (old == DAEMON_STOPPING)
		return;
	daemon->state = state;
	if (old != state)
		log_format(LOG_NOTICE, "%s -> %s: %s", state_texts[old], state_texts[state], reason);
	(void)sd_notifyf(0, "STATUS=%s: %s", state_texts[state], reason);
	if (!daemon->ready && (state == DAEMON_LEADER || state == DAEMON_STANDBY)) {
		daemon->ready = true;
		(void)sd_notify(0, "READY=1");
	}
	if (state == DAEMON_STOPPING)
		(void)sd_notify(0, "STOPPING=1");
}

static size_t follower_count(const struct daemon *daemon)
{
	return daemon->config->source_count;
}

static void pause_intake(struct daemon *daemon, bool pause)
{
	submit_pause(daemon->submit, pause);
	for (size_t i = 0; i < follower_count(daemon); i++)
		if (daemon->followers[i])
			follower_pause(daemon->followers[i], pause);
}

/* ---- What the store tells ---- */

static const struct source_position *stored_position(const struct term *term, const char *source)
{
	for (size_t i = 0; i < term->position_count; i++)
		if (strcmp(term->positions[i].source, source) == 0)
			return &term->positions[i];
	return NULL;
}

/* What was kept of the last term is not stored yet. */
static void start_followers(struct daemon *daemon, const struct term *term)
{
	for (size_t i = 0; i < follower_count(daemon); i++) {
		const struct source_position *last = leader_last(daemon->leader, i);
		struct position from = { 0 };

		if (!daemon->followers[i])
			continue;
		if (!last)
			last = stored_position(term, daemon->config->sources[i].name);
		if (last)
			from = (struct position){ last->stream, last->epoch, last->seq, last->head };
		follower_start(daemon->followers[i], last ? &from : NULL);
	}
}

static void stop_followers(struct daemon *daemon)
{
	for (size_t i = 0; i < follower_count(daemon); i++)
		if (daemon->followers[i])
			follower_stop(daemon->followers[i]);
}

static void leading(void *owner, const struct term *term)
{
	struct daemon *daemon = owner;

	TEXT_SET(daemon->trouble, "");
	leader_begin(daemon->leader, term);
	pause_intake(daemon, leader_full(daemon->leader)); /* whatever was said while it did not lead */
	log_server_lead(daemon->log, term->epoch, term->first, term->head);
	publisher_lead(daemon->publisher, term->epoch, term->head);
	start_followers(daemon, term);
	retention_begin(daemon->retention);
	submit_refuse(daemon->submit, false);
	set_state(daemon, DAEMON_LEADER, "the database is up and this daemon leads the stream");
	LOG(LOG_INFO, "the term begins", LOG_TEXT(STREAM, daemon->config->stream), LOG_NUMBER(EPOCH, term->epoch),
		LOG_NUMBER(SEQ, term->head));
}

static void silence(struct daemon *daemon, bool keep)
{
	stop_followers(daemon);
	retention_end(daemon->retention);
	leader_end(daemon->leader, keep);
	submit_pause(daemon->submit, true); /* last: there may be room now, and the leader says so */
	publisher_lead(daemon->publisher, 0, 0);
	log_server_lead(daemon->log, 0, 0, 0);
}

static void standby(void *owner, const char *const *endpoints, size_t n)
{
	struct daemon *daemon = owner;

	TEXT_SET(daemon->trouble, "");
	silence(daemon, false);
	log_server_set_leaders(daemon->log, endpoints, n);
	submit_refuse(daemon->submit, true); /* it reads, to say so */
	submit_pause(daemon->submit, false);
	set_state(daemon, DAEMON_STANDBY, "another daemon leads the stream");
}

static void lost(void *owner, const char *sentence)
{
	struct daemon *daemon = owner;

	TEXT_SET(daemon->trouble, sentence);
	daemon->synchronous = STORE_SYNCHRONOUS_UNKNOWN;
	silence(daemon, daemon->state != DAEMON_STANDBY);
	/* Who stops has given the term up itself. */
	log_format(daemon->state == DAEMON_STOPPING ? LOG_DEBUG : LOG_WARNING, "%s", sentence);
	set_state(daemon, DAEMON_STARTING, sentence);
}

/* Missed only by those who require it or had it; for those who require it, it is what holds everything up. */
static void synchronous(void *owner, enum store_synchronous now)
{
	static const char required[] =
		"PostgreSQL has no synchronous standby: nothing is acknowledged until one streams "
		"(require_synchronous); see SELECT * FROM pg_stat_replication";
	struct daemon *daemon = owner;

	daemon->synchronous = now;
	daemon->synchronous_seen = daemon->synchronous_seen || now == STORE_SYNCHRONOUS;
	if (daemon->config->require_synchronous)
		TEXT_SET(daemon->trouble, now == STORE_SYNCHRONOUS ? "" : required);
	if (now == STORE_SYNCHRONOUS)
		log_format(LOG_NOTICE,
			"PostgreSQL has a synchronous standby: what is acknowledged is kept on two servers");
	else if (daemon->config->require_synchronous)
		log_format(LOG_WARNING, "%s", required);
	else if (daemon->synchronous_seen)
		log_format(LOG_WARNING,
			"PostgreSQL has no synchronous standby any more: what is acknowledged is kept on one "
			"server only; see SELECT * FROM pg_stat_replication");
}

static void refused(void *owner, const char *sentence)
{
	struct daemon *daemon = owner;

	TEXT_SET(daemon->trouble, sentence);
	log_format(LOG_ERR, "%s", sentence);
	(void)sd_notifyf(0, "STATUS=%s", sentence);
	(void)sd_event_exit(daemon->loop, EXIT_FAILURE);
}

/* ---- What the leader tells ---- */

static void published(void *owner, const struct wire_record *records, size_t n)
{
	struct daemon *daemon = owner;

	log_server_append(daemon->log, records, n);
	publisher_send(daemon->publisher, records, n);
}

static void log_quarantine(const struct letter *letter)
{
	const struct work *work = letter->work;

	if (work->verdict.disposition != DISPOSITION_QUARANTINED || !work->verdict.seq)
		return;
	LOG(LOG_WARNING, "an event was quarantined", LOG_TEXT(REASON, reason_text(work->verdict.reason)),
		LOG_TEXT(EVENT_SOURCE, work->event.source), LOG_TEXT(EVENT_ID, work->event.id),
		LOG_TEXT(EVENT_TYPE, event_type_text(work->event.type)), LOG_TEXT(ORDER_REF, work->event.order_ref),
		LOG_NUMBER(SEQ, work->verdict.seq));
}

static void acknowledge(struct daemon *daemon, const struct letter *letter)
{
	const struct work *work = letter->work;
	struct ack ack = {
		.id = work->event.id,
		.source = work->event.source,
		.disposition = work->verdict.disposition,
		.reason = reason_text(work->verdict.reason),
		.sentence = work->verdict.sentence,
		.seq = work->verdict.seq,
	};

	submit_ack(daemon->submit, letter->client, &ack);
}

static void leave_if_idle(struct daemon *daemon)
{
	if (daemon->state == DAEMON_STOPPING && leader_idle(daemon->leader))
		(void)sd_event_source_set_time_relative(daemon->drain_timer, LAST_ACKS_US);
}

static void decided(void *owner, const struct letter *letter)
{
	struct daemon *daemon = owner;

	if (letter->work)
		log_quarantine(letter);
	if (letter->work && letter->origin == ORIGIN_SUBMIT)
		acknowledge(daemon, letter);
	if (letter->errand)
		daemon_errand(daemon, letter);
	leave_if_idle(daemon);
}

static void given_back(void *owner, const struct letter *letter)
{
	struct daemon *daemon = owner;
	char sentence[FAULT_MAX * 2];

	(void)snprintf(sentence, sizeof(sentence),
		"an event can be neither taken nor set aside, and its sender must send it again: mend what forbids "
		"rows in cpps_store.quarantined; %s",
		letter->poison.sentence);
	LOG(LOG_ERR, sentence, LOG_TEXT(SOURCE, letter->submitter));
	if (letter->origin == ORIGIN_SUBMIT)
		submit_drop(daemon->submit, letter->client,
			"the bridge's database refuses even to set this event aside: connect anew, and send again what "
			"was not acknowledged");
	else if (letter->positioned)
		follower_return(daemon->followers[letter->source], letter->position.seq);
	leave_if_idle(daemon);
}

static void pressure(void *owner, bool full)
{
	struct daemon *daemon = owner;

	if (daemon->state == DAEMON_LEADER)
		pause_intake(daemon, full);
}

static void leader_says(void *owner, int priority, const char *sentence)
{
	(void)owner;
	log_format(priority, "%s", sentence);
}

static void kept_from(void *owner, uint64_t first)
{
	struct daemon *daemon = owner;

	log_server_keep_from(daemon->log, first);
}

/* ---- What comes in ---- */

static void submitted(void *owner, uint64_t client, const void *bytes, size_t n)
{
	struct daemon *daemon = owner;
	struct letter *letter = letter_new(ORIGIN_SUBMIT, bytes, n);

	if (!letter) {
		log_format(
			LOG_ERR, "out of memory: an event was not taken, and its submitter is told to send it again");
		submit_drop(daemon->submit, client,
			"the bridge is out of memory: connect anew, and send again what was not acknowledged");
		return;
	}
	letter->client = client;
	TEXT_SET(letter->submitter, "local");
	leader_post(daemon->leader, letter);
}

static void submit_failed(void *owner)
{
	struct daemon *daemon = owner;

	log_format(LOG_ERR, "out of memory: the daemon ends, to be started anew; nothing that it acknowledged is lost");
	(void)sd_event_exit(daemon->loop, EXIT_FAILURE);
}

static void streamed(void *owner, size_t source, const struct position *position, const void *bytes, size_t n)
{
	struct daemon *daemon = owner;
	const char *name = daemon->config->sources[source].name;
	struct letter *letter = letter_new(ORIGIN_STREAM, bytes, n);

	if (!letter) {
		/* A new term reads a followed stream again from its position; of a plain one the record is lost, and said so. */
		log_format(LOG_ERR, "out of memory: the record of source '%s' is not taken", name);
		store_resign(daemon->store);
		return;
	}
	letter->source = source;
	TEXT_SET(letter->submitter, name);
	TEXT_SET(letter->position.source, name);
	if (position) {
		letter->positioned = true;
		TEXT_SET(letter->position.stream, position->stream);
		letter->position.epoch = position->epoch;
		letter->position.seq = position->seq;
		letter->position.head = position->head;
	}
	leader_post(daemon->leader, letter);
}

static void source_alarm(void *owner, size_t source, const char *sentence)
{
	struct daemon *daemon = owner;

	LOG(LOG_ERR, sentence, LOG_TEXT(SOURCE, daemon->config->sources[source].name));
}

/* ---- The log's questions ---- */

struct log_question {
	union {
		log_read_done read;
		log_epoch_done epoch;
	} done;
	void *waiter;
};

static void log_was_read(void *context, enum store_result result, const struct wire_record *records, size_t n)
{
	struct log_question *question = context;

	question->done.read(question->waiter, result == STORE_OK ? 0 : -ESTALE, records, n);
	free(question);
}

static void epoch_was_read(void *context, enum store_result result, uint64_t epoch)
{
	struct log_question *question = context;

	question->done.epoch(question->waiter, result == STORE_OK ? 0 : -ESTALE, epoch);
	free(question);
}

static int read_log(void *owner, uint64_t after, size_t max_bytes, log_read_done done, void *waiter)
{
	struct daemon *daemon = owner;
	CLEANUP(freep) struct log_question *question = malloc(sizeof(*question));
	int r;

	if (!question)
		return -ENOMEM;
	*question = (struct log_question){ .done.read = done, .waiter = waiter };
	r = store_read_log(daemon->store, after, max_bytes, log_was_read, question);
	if (r >= 0)
		(void)TAKE(question);
	return r;
}

static int epoch_of(void *owner, uint64_t seq, log_epoch_done done, void *waiter)
{
	struct daemon *daemon = owner;
	CLEANUP(freep) struct log_question *question = malloc(sizeof(*question));
	int r;

	if (!question)
		return -ENOMEM;
	*question = (struct log_question){ .done.epoch = done, .waiter = waiter };
	r = store_epoch_of(daemon->store, seq, epoch_was_read, question);
	if (r >= 0)
		(void)TAKE(question);
	return r;
}

static void consumer_stored(void *context, enum store_result result, const char *sentence)
{
	(void)context;
	if (result != STORE_OK)
		log_format(LOG_DEBUG, "a consumer's position was not stored: %s",
			sentence ? sentence : "the term is over");
}

static void consumer(void *owner, const char *name, uint64_t confirmed)
{
	struct daemon *daemon = owner;

	(void)store_consumer(daemon->store, name, confirmed, false, consumer_stored, daemon);
}

/* ---- Reload, stop ---- */

static void reloaded(void *context, int error, const char *sentence, const struct policy *policy)
{
	struct daemon *daemon = context;

	if (error < 0)
		log_format(LOG_ERR, "the policy was not taken, the old one stays: %s", sentence);
	else {
		leader_set_policy(daemon->leader, policy);
		log_format(LOG_NOTICE, "the policy was loaded again");
	}
	(void)sd_notify(0, "READY=1");
}

void daemon_reload(struct daemon *daemon)
{
	struct config *config;
	struct fault fault = { 0 };

	(void)sd_notify(0, "RELOADING=1");
	if (config_load(daemon->config->path, &config, &fault) < 0)
		log_format(LOG_ERR, "the configuration was not taken, the old one stays: %s", fault.sentence);
	else {
		log_open(config->log_level);
		config_free(config);
	}
	if (daemon->state != DAEMON_LEADER || store_reload_policy(daemon->store, reloaded, daemon) < 0)
		(void)sd_notify(0, "READY=1");
}

static int hang_up(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source;
	(void)info;
	daemon_reload(context);
	return 0;
}

static int drained(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *daemon = context;

	(void)usec;
	(void)source;
	store_resign(daemon->store);
	return sd_event_exit(daemon->loop, EXIT_SUCCESS);
}

/* Stops taking, lets what has been taken commit, then leaves: at the latest after DRAIN_US, what is left is not acknowledged and thus not lost. */
static int stop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct daemon *daemon = context;
	bool idle = daemon->state != DAEMON_LEADER || leader_idle(daemon->leader);
	int r;

	(void)source;
	(void)info;
	if (daemon->state == DAEMON_STOPPING)
		return 0;
	pause_intake(daemon, true);
	set_state(daemon, DAEMON_STOPPING, "asked to stop: what was taken is committed first");
	r = sd_event_add_time_relative(
		daemon->loop, &daemon->drain_timer, CLOCK_MONOTONIC, idle ? 0 : DRAIN_US, 0, drained, daemon);
	return r < 0 ? drained(NULL, 0, daemon) : 0;
}

/* ---- Life ---- */

static int make_servers(struct daemon *daemon, struct fault *fault)
{
	const struct config_served *served = &daemon->config->endpoints;
	const struct submit_handlers submit = { daemon, submitted, submit_failed };
	const struct control_handlers control = { daemon, daemon_control };
	const struct log_handlers log = { daemon, read_log, epoch_of, consumer };
	const struct log_options log_options = { daemon->config->stream, 1024 * 1024, 1024 * 1024, 1000 };
	const char *const control_endpoints[] = { served->control, NULL };
	int r;

	r = submit_new(daemon->loop, daemon->context, served->submit.list, &submit, &daemon->submit, fault);
	if (r == 0)
		r = publisher_new(daemon->loop, daemon->context, served->live.list, daemon->config->stream,
			&daemon->publisher, fault);
	if (r == 0)
		r = log_server_new(
			daemon->loop, daemon->context, served->log.list, &log_options, &log, &daemon->log, fault);
	if (r == 0)
		r = control_new(daemon->loop, daemon->context, control_endpoints, &control, &daemon->control, fault);
	if (r == 0)
		submit_pause(daemon->submit, true);
	return r;
}

static int make_followers(struct daemon *daemon, struct fault *fault)
{
	const struct follower_handlers handlers = { daemon, streamed, source_alarm };
	int r = 0;

	for (size_t i = 0; r == 0 && i < follower_count(daemon); i++) {
		const struct config_source *source = &daemon->config->sources[i];
		const struct follower_options options = {
			.source = i,
			.name = source->name,
			.live = source->live.list,
			.log = source->log.n ? source->log.list : NULL,
			.from_now = source->start == START_NOW,
		};

		if (source->live.n)
			r = follower_new(
				daemon->loop, daemon->context, &options, &handlers, &daemon->followers[i], fault);
	}
	return r;
}

static int make_store(struct daemon *daemon, struct fault *fault)
{
	const struct store_callbacks callbacks = { daemon, leading, standby, lost, refused, synchronous };
	const struct leader_handlers handlers = { daemon, published, decided, given_back, pressure, leader_says };
	const struct retention_handlers retention = { daemon, kept_from };
	const struct config *config = daemon->config;
	const struct store_options options = {
		.conninfo = config->database,
		.stream = config->stream,
		.log_endpoints = config->endpoints.log.list,
		.log_endpoint_count = config->endpoints.log.n,
		.quarantine_quota_bytes = (uint64_t)config->limits.quarantine_mb * 1024 * 1024,
		.require_synchronous = config->require_synchronous,
	};
	int r = store_new(daemon->loop, &options, &callbacks, &daemon->store);

	if (r == 0)
		r = leader_new(daemon->loop, config, daemon->store, &handlers, &daemon->leader);
	if (r == 0)
		r = retention_new(daemon->loop, daemon->store, daemon->leader, &retention, &daemon->retention);
	return r < 0 ? fault_set(fault, r, "cannot prepare the database side: %s", strerror(-r)) : 0;
}

static int watch_signals(struct daemon *daemon)
{
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	/* Whoever reads the log may go first. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(daemon->loop, NULL, SIGTERM, stop, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->loop, NULL, SIGINT, stop, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->loop, NULL, SIGHUP, hang_up, daemon);
	return r;
}

static int make_loop(struct daemon *daemon, struct fault *fault)
{
	int r = sd_event_new(&daemon->loop);

	if (r >= 0)
		r = sd_event_set_watchdog(daemon->loop, true);
	if (r >= 0)
		r = watch_signals(daemon);
	if (r >= 0)
		daemon->context = flow_context_new();
	if (r >= 0 && !daemon->context)
		r = -ENOMEM;
	return r < 0 ? fault_set(fault, r, "cannot prepare the event loop: %s", strerror(-r)) : 0;
}

int daemon_new(struct config *config, struct daemon **ret, struct fault *fault)
{
	CLEANUP(daemon_freep) struct daemon *daemon = calloc(1, sizeof(*daemon));
	int r;

	if (!daemon) {
		config_free(config);
		return fault_set(fault, -ENOMEM, "out of memory");
	}
	daemon->config = config;
	daemon->started_at = clock_now(&(struct service_clock){ .recorded = INSTANT_NONE });
	r = make_loop(daemon, fault);
	if (r == 0)
		r = make_store(daemon, fault);
	if (r == 0)
		r = make_servers(daemon, fault);
	if (r == 0)
		r = make_followers(daemon, fault);
	if (r < 0)
		return r;
	*ret = TAKE(daemon);
	return 0;
}

struct daemon *daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return NULL;
	for (size_t i = 0; i < SOURCES_MAX; i++)
		follower_free(daemon->followers[i]);
	control_free(daemon->control);
	submit_free(daemon->submit);
	/* The store ends first what it still owes the log server. */
	store_free(daemon->store);
	retention_free(daemon->retention);
	leader_free(daemon->leader);
	log_server_free(daemon->log);
	publisher_free(daemon->publisher);
	flow_context_free(daemon->context);
	sd_event_source_disable_unref(daemon->drain_timer);
	sd_event_unref(daemon->loop);
	config_free(daemon->config);
	free(daemon);
	return NULL;
}

int daemon_run(struct daemon *daemon)
{
	(void)sd_notify(0, "STATUS=starting: connecting to the database");
	store_start(daemon->store);
	return sd_event_loop(daemon->loop);
}
