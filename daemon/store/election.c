/* Election. A session advisory lock on the writer says who leads; the lease, renewed each second on the reader, says
 * that the leader is alive. A stopped leader keeps its lock for ever: when its lease is three seconds old by the
 * database's clock, a standby ends that backend, by pid and start time, and takes the lock. Only taking the term
 * changes the epoch, so the fence turns away whatever a former leader still sends.
 *
 * A leader that cannot confirm its own lease for three seconds ends its term. The check runs before anything else in
 * a turn of the loop, so that a process that was stopped and goes on finds out before it serves anybody. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "store/inside_store.h"

#define LEASE_US (3 * US_PER_SECOND)
#define RENEW_US US_PER_SECOND
#define POLL_US  (US_PER_SECOND / 2)

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * (uint64_t)US_PER_SECOND + (uint64_t)ts.tv_nsec / 1000;
}

static void ask_writer(
	struct store *store, enum statement statement, struct parameters *parameters, connection_done done)
{
	if (connection_ask(store->writer, statement, parameters, false, done, store) < 0)
		store_fail_soon(store, "out of memory while taking the term");
}

/* ---- The lease ---- */

static void put_lease(struct parameters *parameters, const struct store *store)
{
	put_text(parameter(parameters), store->stream);
	put_u64(parameter(parameters), store->epoch);
	put_i32(parameter(parameters), store->pid);
	put_instant(parameter(parameters), store->backend_start);
}

static void renewed(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	store->renewing = false;
	if (failure)
		store_lose(store, failure->sentence);
	else if (strcmp(PQcmdTuples((PGresult *)result), "1") != 0)
		store_lose(store, "another daemon has taken the term over");
	else
		store->renewed_us = store->renewal_us;
}

static void renew(struct store *store)
{
	struct parameters parameters = { 0 };

	if (store->renewing)
		return;
	put_lease(&parameters, store);
	store->renewal_us = monotonic_us();
	store->renewing = connection_ask(store->reader, STATEMENT_RENEW, &parameters, true, renewed, store) == 0;
}

static int on_lease(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct store *store = userdata;

	(void)source;
	(void)usec;
	if (monotonic_us() - store->renewed_us > (uint64_t)LEASE_US) {
		store_lose(store, "the lease was not renewed within three seconds (a slow database, or a stopped "
				  "process): the term is over");
		return 0;
	}
	renew(store);
	synchronous_tick(store);
	(void)sd_event_source_set_time_relative(
		store->lease_timer, (uint64_t)(store->confirmation.done ? RENEW_US / 4 : RENEW_US));
	return sd_event_source_set_enabled(store->lease_timer, SD_EVENT_ONESHOT);
}

static void confirmed(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;
	const struct confirmation confirmation = store->still_leads;

	store->still_leads = (struct confirmation){ 0 };
	if (failure)
		store_lose(store, failure->sentence);
	else if (get_u64(result, 0, 0) != store->epoch)
		store_lose(store, "another daemon has taken the term over");
	else
		confirmation.done(confirmation.context);
}

void election_confirm(struct store *store, void (*done)(void *context), void *context)
{
	struct parameters parameters = { 0 };

	put_text(parameter(&parameters), store->stream);
	store->still_leads = (struct confirmation){ .done = done, .context = context };
	ask_writer(store, STATEMENT_TERM, &parameters, confirmed);
}

static void watch_lease(struct store *store)
{
	if (sd_event_add_time_relative(
		    store->loop, &store->lease_timer, CLOCK_MONOTONIC, (uint64_t)RENEW_US, 0, on_lease, store) < 0 ||
		sd_event_source_set_priority(store->lease_timer, SD_EVENT_PRIORITY_IMPORTANT) < 0)
		store_fail_soon(store, "out of memory while taking the term");
}

/* ---- What the term starts from ---- */

static void policy_came(struct store *store, struct policy *policy, const char *sentence)
{
	if (!policy) {
		store_refuse(store, sentence);
		return;
	}
	free(store->policy);
	store->policy = policy;
	store->term.policy = policy;
	store_lead(store);
}

static void held_bytes_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	if (failure) {
		store_lose(store, failure->sentence);
		return;
	}
	quota_clear(store);
	for (int i = 0; i < PQntuples(result); i++) {
		struct quota *quota = quota_of(store, PQgetvalue(result, i, 0));

		if (quota)
			quota->held = (int64_t)get_u64(result, i, 1);
	}
	if (policy_begin(store, policy_came) < 0)
		store_lose(store, "out of memory while reading the policy");
}

static void copy_text(char *to, size_t size, const PGresult *result, int row, int column)
{
	(void)text_copy(to, size, PQgetvalue(result, row, column));
}

static void positions_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	if (failure) {
		store_lose(store, failure->sentence);
		return;
	}
	store->term.positions = store->positions;
	store->term.position_count = 0;
	for (int i = 0; i < PQntuples(result) && i < SOURCES_MAX; i++) {
		struct source_position *position = &store->positions[store->term.position_count++];

		copy_text(position->source, sizeof(position->source), result, i, 0);
		copy_text(position->stream, sizeof(position->stream), result, i, 1);
		position->epoch = get_u64(result, i, 2);
		position->seq = get_u64(result, i, 3);
		position->head = get_u64(result, i, 4);
	}
}

static void term_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	if (failure) {
		store_lose(store, failure->sentence);
		return;
	}
	store->term = (struct term){
		.epoch = get_u64(result, 0, 0),
		.head = get_u64(result, 0, 1),
		.first = PQgetisnull(result, 0, 2) ? 1 : get_u64(result, 0, 2),
		.head_at = get_instant(result, 0, 3),
		.database_now = get_instant(result, 0, 4),
		.clock_ahead_us = (int64_t)get_u64(result, 0, 5),
		.parked = get_u64(result, 0, 6),
		.held = get_u64(result, 0, 7),
		.next_parked = get_u64(result, 0, 8),
		.next_quarantined = get_u64(result, 0, 9),
	};
	if (store->term.epoch != store->epoch)
		store_lose(store, "another daemon has taken the term over");
}

/* Read on the reader, after the bump has committed: nothing is known before. Whatever earlier terms committed lies before the bump, and is thus as safe. */
static void read_term(void *context)
{
	struct store *store = context;
	struct parameters parameters = { 0 };

	put_text(parameter(&parameters), store->stream);
	if (connection_ask(store->reader, STATEMENT_TERM, &parameters, false, term_came, store) < 0 ||
		connection_ask(store->reader, STATEMENT_POSITIONS, NULL, false, positions_came, store) < 0 ||
		connection_ask(store->reader, STATEMENT_HELD_BYTES, NULL, false, held_bytes_came, store) < 0)
		store_fail_soon(store, "out of memory while reading the term");
}

/* ---- Taking it ---- */

static void take_term(struct store *store);

static int on_poll(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	take_term(userdata);
	return 0;
}

static void poll_later(struct store *store)
{
	store->retry_timer = sd_event_source_disable_unref(store->retry_timer);
	if (sd_event_add_time_relative(
		    store->loop, &store->retry_timer, CLOCK_MONOTONIC, (uint64_t)POLL_US, 0, on_poll, store) < 0)
		store_fail_soon(store, "out of memory while standing by");
}

/* Tells the endpoints of whoever leads, when they are new. */
static void tell_standby(struct store *store, const PGresult *result)
{
	const char *endpoints[8] = { NULL };
	char joined[sizeof(store->leader)] = " ", *at = joined + 1;
	struct array_walk walk = get_array(result, 0, 5);
	struct bytes endpoint;
	size_t n = 0;

	while (n < ARRAY_LENGTH(endpoints) && array_next(&walk, &endpoint) &&
		endpoint.n + 1 < sizeof(joined) - (size_t)(at - joined)) {
		memcpy(at, endpoint.data, endpoint.n);
		endpoints[n++] = at;
		at += endpoint.n;
		*at++ = '\0';
	}
	if (store->state == STORE_WAITING && memcmp(store->leader, joined, (size_t)(at - joined)) == 0)
		return;
	memcpy(store->leader, joined, sizeof(joined));
	store->state = STORE_WAITING;
	store->backoff_us = 0;
	store->said_count = 0;
	store->callbacks.standby(store->callbacks.context, endpoints, n);
}

static void role_taken(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	(void)result;
	if (failure)
		store_lose(store, failure->sentence);
	else if (store->evicted)
		take_term(store);
	else
		poll_later(store);
}

static void evicted(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	if (failure) {
		store_lose(store, failure->sentence);
		return;
	}
	store->evicted = PQntuples(result) > 0;
	ask_writer(store, STATEMENT_TAKE_ROLE, NULL, role_taken);
}

static void step_done(void *context, const PGresult *result, const struct failure *failure)
{
	(void)result;
	if (failure)
		store_lose(context, failure->sentence);
}

/* With the login's own role: one session of an account may end another of the same. */
static void evict(struct store *store, int32_t pid, struct instant backend_start)
{
	struct parameters parameters = { 0 };

	ask_writer(store, STATEMENT_RESET_ROLE, NULL, step_done);
	put_i32(parameter(&parameters), pid);
	put_instant(parameter(&parameters), backend_start);
	ask_writer(store, STATEMENT_EVICT, &parameters, evicted);
}

static void took(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	if (failure && strcmp(failure->sqlstate, "CP003") == 0)
		store_refuse(store, failure->sentence);
	else if (failure)
		store_lose(store, failure->sentence);
	else if (connection_warned(store->writer))
		store_lose(store, "PostgreSQL gave the wait for its synchronous standby up: the term is taken again");
	else if (get_bool(result, 0, 0)) {
		store->epoch = get_u64(result, 0, 1);
		store->renewed_us = store->renewal_us;
		watch_lease(store);
		synchronous_tick(store);
		synchronous_confirm(store, read_term, store);
	} else {
		tell_standby(store, result);
		if (store->state != STORE_WAITING)
			return;
		if (get_bool(result, 0, 4))
			evict(store, get_i32(result, 0, 2), get_instant(result, 0, 3));
		else
			poll_later(store);
	}
}

static void take_term(struct store *store)
{
	struct parameters parameters = { 0 };

	store->renewal_us = monotonic_us();
	put_text(parameter(&parameters), store->stream);
	put_i32(parameter(&parameters), store->pid);
	put_instant(parameter(&parameters), store->backend_start);
	parameter_texts(&parameters, (const char *const *)store->endpoints, store->endpoint_count);
	ask_writer(store, STATEMENT_TAKE_TERM, &parameters, took);
}

static void session_came(void *context, const PGresult *result, const struct failure *failure)
{
	struct store *store = context;

	if (failure) {
		store_lose(store, failure->sentence);
		return;
	}
	store->pid = get_i32(result, 0, 0);
	store->backend_start = get_instant(result, 0, 1);
}

void election_prepare(struct store *store)
{
	ask_writer(store, STATEMENT_SESSION, NULL, session_came);
}

void election_begin(struct store *store)
{
	take_term(store);
}

void election_end(struct store *store)
{
	store->lease_timer = sd_event_source_disable_unref(store->lease_timer);
	store->renewing = false;
	store->epoch = 0;
	store->leader[0] = '\0';
}
