/* The life of the store: connect, set up, elect, lead, lose, try again. store_lose() is the only way out of a term and answers everybody who waits. */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/text.h"
#include "store/inside_store.h"

#define BACKOFF_MIN_US (US_PER_SECOND / 10)
#define BACKOFF_MAX_US US_PER_SECOND

/* ---- Asks ---- */

void ask_begin(struct store *store, struct ask *ask, void (*lost)(struct ask *ask))
{
	*ask = (struct ask){ .after = store->asks, .store = store, .lost = lost };
	if (ask->after)
		ask->after->before = ask;
	store->asks = ask;
}

void ask_end(struct ask *ask)
{
	*(ask->before ? &ask->before->after : &ask->store->asks) = ask->after;
	if (ask->after)
		ask->after->before = ask->before;
}

static void answer_all(struct store *store)
{
	store->empty_commit = NULL;
	while (store->asks) {
		struct ask *ask = store->asks;

		ask_end(ask);
		ask->lost(ask);
	}
}

/* ---- Quotas ---- */

struct quota *quota_of(struct store *store, const char *submitter)
{
	struct quota *quota;

	if (!submitter)
		submitter = "";
	HASH_FIND_STR(store->quotas, submitter, quota);
	if (quota)
		return quota;
	quota = calloc(1, sizeof(*quota));
	if (!quota)
		return NULL;
	TEXT_SET(quota->submitter, submitter);
	HASH_ADD_STR(store->quotas, submitter, quota);
	if (TABLE_ADDED(quota))
		return quota;
	free(quota);
	return NULL;
}

void quota_settle(struct store *store, bool committed)
{
	for (struct quota *quota = store->quotas; quota; quota = quota->hh.next) {
		quota->held += committed ? quota->pending : 0;
		quota->pending = 0;
	}
}

void quota_clear(struct store *store)
{
	struct quota *quota, *next;

	HASH_ITER (hh, store->quotas, quota, next) {
		HASH_DELETE(hh, store->quotas, quota);
		free(quota);
	}
}

/* ---- Losing and trying again ---- */

static void connect_both(struct store *store);

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	connect_both(userdata);
	return 0;
}

/* Twice as long each time, less up to a half by chance, so that many daemons do not come at once. */
static void retry_later(struct store *store)
{
	uint64_t chance = 0, wait;

	store->backoff_us = store->backoff_us ? store->backoff_us * 2 : (uint64_t)BACKOFF_MIN_US;
	if (store->backoff_us > (uint64_t)BACKOFF_MAX_US)
		store->backoff_us = (uint64_t)BACKOFF_MAX_US;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = 0;
	wait = store->backoff_us - chance % (store->backoff_us / 2);
	(void)sd_event_add_time_relative(store->loop, &store->retry_timer, CLOCK_MONOTONIC, wait, 0, on_retry, store);
}

static void close_all(struct store *store)
{
	store->state = STORE_DOWN;
	store->sessions = 0;
	store->failing[0] = '\0';
	store->retry_timer = sd_event_source_disable_unref(store->retry_timer);
	election_end(store);
	synchronous_end(store);
	connection_close(store->writer);
	connection_close(store->reader);
	answer_all(store);
}

static void answer_reload(struct store *store, int error, const char *sentence)
{
	store_reload_done done = store->reload;

	store->reload = NULL;
	if (done)
		done(store->reload_context, error, sentence, store->policy);
}

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037ULL;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211ULL;
	return hash;
}

/* Whether it was not said yet; beyond the most that are remembered, nothing is news. */
static bool is_news(struct store *store, const char *sentence)
{
	const uint64_t hash = hash_of(sentence);

	for (size_t i = 0; i < store->said_count; i++)
		if (store->said[i] == hash)
			return false;
	if (store->said_count == TROUBLES_MAX)
		return false;
	store->said[store->said_count++] = hash;
	return true;
}

void store_lose(struct store *store, const char *sentence)
{
	const bool led = store->state == STORE_LEADING || store->state == STORE_WAITING;
	char kept[FAULT_MAX];
	bool news;

	TEXT_SET(kept, sentence);
	close_all(store);
	answer_reload(store, -ENOTCONN, kept);
	news = is_news(store, kept) || led;
	retry_later(store);
	if (news)
		store->callbacks.lost(store->callbacks.context, kept);
}

void store_refuse(struct store *store, const char *sentence)
{
	char kept[FAULT_MAX];

	TEXT_SET(kept, sentence);
	close_all(store);
	store->callbacks.refused(store->callbacks.context, kept);
}

void store_fail_soon(struct store *store, const char *sentence)
{
	TEXT_SET(store->failing, sentence);
	(void)sd_event_source_set_enabled(store->ready, SD_EVENT_ONESHOT);
}

static int on_ready(sd_event_source *source, void *userdata)
{
	struct store *store = userdata;
	char sentence[FAULT_MAX];

	(void)source;
	if (*store->failing) {
		TEXT_SET(sentence, store->failing);
		store_lose(store, sentence);
	} else {
		commit_answer_empty(store);
	}
	return 0;
}

void store_resign(struct store *store)
{
	if (store->state == STORE_LEADING || store->state == STORE_WAITING)
		store_lose(store, "the term was given up, as asked");
}

/* ---- Setting up ---- */

void store_lead(struct store *store)
{
	store->state = STORE_LEADING;
	store->backoff_us = 0;
	store->said_count = 0;
	store->callbacks.leading(store->callbacks.context, &store->term);
}

static bool version_fits(struct store *store, const PGresult *result, const struct failure *failure)
{
	struct fault fault = { "" };
	int32_t version = 0;

	if (failure && strcmp(failure->sqlstate, "42P01") != 0 && strcmp(failure->sqlstate, "3F000") != 0) {
		store_lose(store, failure->sentence);
		return false;
	}
	if (result)
		version = get_i32(result, 0, 0);
	if (version == STORE_SCHEMA_VERSION)
		return true;
	(void)fault_set(&fault, 0, "the database's schema is at version %d and this program needs version %d: %s",
		version, STORE_SCHEMA_VERSION,
		version < STORE_SCHEMA_VERSION ? "run `cppsctl migrate`" : "install the newer cpps-bridge");
	store_refuse(store, fault.sentence);
	return false;
}

static void version_came(void *context, const PGresult *result, const struct failure *failure)
{
	if (version_fits(context, result, failure))
		election_begin(context);
}

static void role_taken(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	(void)result;
	if (failure)
		store_lose(store, failure->sentence);
	else if (++store->sessions == 2 &&
		 connection_ask(store->writer, STATEMENT_VERSION, NULL, false, version_came, store) < 0)
		store_lose(store, "out of memory while setting the session up");
}

static void session_set(void *context, const PGresult *result, const struct failure *failure)
{
	(void)result;
	if (failure)
		store_lose(context, failure->sentence);
}

/* What the reader writes (the lease, consumers' positions) need not reach a standby: it must go on while the writer's commit waits for one. */
static const char reader_script[] = "SET synchronous_commit = local";

static void set_up(struct store *store, struct connection *connection)
{
	if (connection == store->writer) /* while the session still has the rights of its login */
		election_prepare(store);
	if (connection_script(connection, session_script, session_set, store) < 0 ||
		(connection == store->reader && connection_script(connection, reader_script, session_set, store) < 0) ||
		connection_ask(connection, STATEMENT_TAKE_ROLE, NULL, false, role_taken, store) < 0)
		store_fail_soon(store, "out of memory while setting the session up");
}

static void writer_up(void *owner)
{
	struct store *store = owner;

	set_up(store, store->writer);
}

static void reader_up(void *owner)
{
	struct store *store = owner;

	set_up(store, store->reader);
}

static void down(void *owner, const char *sentence)
{
	store_lose(owner, sentence);
}

static void connect_both(struct store *store)
{
	const unsigned attempt = store->attempts++; /* the same for both: they must reach one server */

	store->state = STORE_CONNECTING;
	connection_open(store->writer, store->conninfo, attempt);
	if (store->state == STORE_CONNECTING) /* else the writer has failed at once */
		connection_open(store->reader, store->conninfo, attempt);
}

void store_start(struct store *store)
{
	connect_both(store);
}

enum store_state store_state(const struct store *store)
{
	return store->state;
}

bool store_connected(const struct store *store)
{
	return store->sessions == 2;
}

/* ---- Reload ---- */

static void reload_came(struct store *store, struct policy *policy, const char *sentence)
{
	struct policy *old = store->policy;

	if (!policy) {
		answer_reload(store, -EINVAL, sentence);
		return;
	}
	store->policy = policy;
	store->term.policy = policy;
	answer_reload(store, 0, NULL);
	free(old);
}

int store_reload_policy(struct store *store, store_reload_done done, void *context)
{
	if (store->state != STORE_LEADING || store->reload)
		return -EAGAIN;
	store->reload = done;
	store->reload_context = context;
	if (policy_begin(store, reload_came) == 0)
		return 0;
	store->reload = NULL;
	return -ENOMEM;
}

/* ---- Life ---- */

static int copy_endpoints(struct store *store, const struct store_options *options)
{
	store->endpoints = calloc(options->log_endpoint_count + 1, sizeof(char *));
	for (size_t i = 0; store->endpoints && i < options->log_endpoint_count; i++) {
		store->endpoints[i] = strdup(options->log_endpoints[i]);
		if (!store->endpoints[i])
			return -ENOMEM;
		store->endpoint_count++;
	}
	return store->endpoints ? 0 : -ENOMEM;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	if (store->writer && store->reader)
		close_all(store);
	connection_free(store->writer);
	connection_free(store->reader);
	sd_event_source_disable_unref(store->ready);
	for (size_t i = 0; i < store->endpoint_count; i++)
		free(store->endpoints[i]);
	free(store->endpoints);
	quota_clear(store);
	free(store->policy);
	free(store->conninfo);
	free(store->stream);
	free(store);
	return NULL;
}

static int make_connections(struct store *store, sd_event *loop)
{
	const struct connection_handlers writer = { store, writer_up, down }, reader = { store, reader_up, down };
	int r = connection_new(loop, "cpps-bridge-writer", &writer, &store->writer);

	if (r == 0)
		r = connection_new(loop, "cpps-bridge-reader", &reader, &store->reader);
	if (r == 0)
		r = sd_event_add_defer(loop, &store->ready, on_ready, store);
	if (r >= 0)
		r = sd_event_source_set_enabled(store->ready, SD_EVENT_OFF);
	return r;
}

int store_new(sd_event *loop, const struct store_options *options, const struct store_callbacks *callbacks,
	struct store **ret)
{
	CLEANUP(store_freep) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->loop = loop;
	store->callbacks = *callbacks;
	store->quota_bytes = options->quarantine_quota_bytes;
	store->require_synchronous = options->require_synchronous;
	store->conninfo = strdup(options->conninfo);
	store->stream = strdup(options->stream);
	if (!store->conninfo || !store->stream)
		return -ENOMEM;
	r = copy_endpoints(store, options);
	if (r == 0)
		r = make_connections(store, loop);
	if (r < 0)
		return r;
	*ret = TAKE(store);
	return 0;
}
