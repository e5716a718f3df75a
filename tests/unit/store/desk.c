#include "store/desk.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "store/migrate.h"

static sd_event *loop;
static int template_made;

sd_event *desk_loop(void)
{
	return loop;
}

uint64_t desk_now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void desk_turn(void)
{
	assert_true(sd_event_run(loop, 20000) >= 0);
}

void desk_run(int ms)
{
	const uint64_t end = desk_now_us() + (uint64_t)ms * 1000;

	while (desk_now_us() < end)
		desk_turn();
}

int desk_setup(void **state)
{
	if (sd_event_new(&loop) < 0)
		return -1;
	return cluster_start(state);
}

int desk_teardown(void **state)
{
	loop = sd_event_unref(loop);
	return cluster_stop(state);
}

const char *desk_database(const char *name)
{
	struct fault fault = { "" };

	if (!template_made++ && migrate(cluster_database("migrated", ""), NULL, NULL, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return cluster_database(name, "TEMPLATE migrated");
}

/* ---- What the store tells ---- */

static void on_leading(void *context, const struct term *term)
{
	struct desk *desk = context;

	desk->leading++;
	desk->term = *term;
	memcpy(desk->positions, term->positions, term->position_count * sizeof(*term->positions));
	desk->term.positions = desk->positions;
	desk->head = term->head;
	cabinet_set_numbers(desk->cabinet, term->next_parked, term->next_quarantined);
}

static void on_standby(void *context, const char *const *endpoints, size_t n)
{
	struct desk *desk = context;

	desk->standby++;
	desk->leader_count = n;
	for (size_t i = 0; i < n && i < DESK_ENDPOINTS; i++)
		TEXT_SET(desk->leader[i], endpoints[i]);
}

static void on_lost(void *context, const char *sentence)
{
	struct desk *desk = context;

	if ((size_t)desk->lost < ARRAY_LENGTH(desk->lost_sentences))
		TEXT_SET(desk->lost_sentences[desk->lost], sentence);
	desk->lost++;
	desk->lost_us = desk_now_us();
	TEXT_SET(desk->sentence, sentence);
	cabinet_clear(desk->cabinet);
}

static void on_synchronous(void *context, enum store_synchronous now)
{
	struct desk *desk = context;

	desk->synchronous = now;
}

static void on_refused(void *context, const char *sentence)
{
	struct desk *desk = context;

	desk->refused++;
	TEXT_SET(desk->sentence, sentence);
}

/* ---- Life ---- */

static void open_store(struct desk *desk, const char *conninfo, const char *endpoint, const char *stream, bool require)
{
	char ipc[64];
	const char *endpoints[] = { ipc };
	const struct store_options options = { .conninfo = conninfo,
		.stream = stream,
		.log_endpoints = endpoints,
		.log_endpoint_count = 1,
		.quarantine_quota_bytes = 1000,
		.require_synchronous = require };
	const struct store_callbacks callbacks = { desk, on_leading, on_standby, on_lost, on_refused, on_synchronous };

	(void)snprintf(ipc, sizeof(ipc), "ipc://%s", endpoint);
	*desk = (struct desk){ 0 };
	assert_int_equal(cabinet_new(&desk->cabinet), 0);
	assert_int_equal(store_new(loop, &options, &callbacks, &desk->store), 0);
	store_start(desk->store);
}

void desk_open_stream(struct desk *desk, const char *conninfo, const char *endpoint, const char *stream)
{
	open_store(desk, conninfo, endpoint, stream, false);
}

void desk_open_requiring(struct desk *desk, const char *conninfo)
{
	open_store(desk, conninfo, "one", "nz", true);
}

void desk_open(struct desk *desk, const char *conninfo, const char *endpoint)
{
	desk_open_stream(desk, conninfo, endpoint, "nz");
}

void desk_lead(struct desk *desk, const char *conninfo)
{
	desk_open(desk, conninfo, "one");
	WAIT_FOR(desk->leading, 5000);
}

void desk_close(struct desk *desk)
{
	desk->store = store_free(desk->store);
	desk->cabinet = cabinet_free(desk->cabinet);
}

/* ---- Asking ---- */

void answer_note(void *context, enum store_result result, const char *sentence)
{
	struct answer *answer = context;

	assert_false(answer->came);
	answer->came = true;
	answer->result = result;
	TEXT_SET(answer->sentence, sentence);
}

void assert_says(const char *sentence, const char *part)
{
	if (!strstr(sentence, part))
		fail_msg("'%s' does not say '%s'", sentence, part);
}

void desk_load(struct desk *desk, const struct store_keys *keys)
{
	struct answer answer = { 0 };

	assert_int_equal(store_load(desk->store, desk->cabinet, keys, answer_note, &answer), 0);
	assert_false(answer.came);
	WAIT_FOR(answer.came, 3000);
	assert_int_equal(answer.result, STORE_OK);
}

void desk_load_event(struct desk *desk, const struct event *event)
{
	const struct store_keys keys = { .events = &event, .event_count = 1 };

	desk_load(desk, &keys);
}

enum store_result desk_commit(struct desk *desk, const struct store_batch *batch, struct answer *ret)
{
	struct answer own = { 0 };

	ret = ret ? ret : &own;
	*ret = (struct answer){ 0 };
	assert_int_equal(store_commit(desk->store, desk->cabinet, batch, answer_note, ret), 0);
	assert_false(ret->came);
	WAIT_FOR(ret->came, 15000);
	return ret->result;
}

#define RECORDS_MAX 6000

struct store_batch desk_batch(const struct desk *desk, size_t n)
{
	static struct wire_record records[RECORDS_MAX];
	static char texts[RECORDS_MAX][24];

	assert_true(n <= RECORDS_MAX);
	for (size_t i = 0; i < n; i++) {
		int length = snprintf(texts[i], sizeof(texts[i]), "r%llu", (unsigned long long)(desk->head + 1 + i));

		records[i] = (struct wire_record){ .seq = desk->head + 1 + i,
			.epoch = desk->term.epoch,
			.topic = "task.opened/WELLINGTON",
			.event = { (const uint8_t *)texts[i], (size_t)length },
			.ref = i % 2 ? "O-1" : NULL,
			.prn = i % 2 ? NULL : "P-1",
			.cause = i % 3 ? "e-1" : NULL };
	}
	return (struct store_batch){
		.first = desk->head + 1, .records = records, .record_count = n, .recorded_at = moment(0)
	};
}

void desk_commit_ok(struct desk *desk, size_t n)
{
	struct store_batch batch = desk_batch(desk, n);
	struct answer answer;

	if (desk_commit(desk, &batch, &answer) != STORE_OK)
		fail_msg("result %d: %s %s", answer.result, answer.sentence, desk->sentence);
	cabinet_settle(desk->cabinet);
	desk->head += n;
}

struct instant moment(int64_t seconds)
{
	struct instant t = { 0 };

	assert_int_equal(instant_parse("2026-03-01T10:20:30.000456Z", &t), 0);
	return instant_plus(t, seconds * US_PER_SECOND);
}
