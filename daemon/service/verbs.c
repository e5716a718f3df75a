/* The control verbs, as a table. A verb either replies at once, or makes an errand: letters for the leader, and a reply when the last is decided. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/text.h"
#include "service/daemon.h"
#include "service/log.h"

#define PLAN_MAX  500 /* events of one plan */
#define RETRY_MAX 500 /* quarantines of one retry or discard */

static void reply(struct daemon *daemon, uint64_t token, bool done, const char *sentence)
{
	const struct control_answer answer = { .done = done, .sentence = sentence };

	control_reply(daemon->control, token, &answer);
}

static bool leads(struct daemon *daemon, uint64_t token)
{
	if (daemon->state == DAEMON_LEADER)
		return true;
	reply(daemon, token, false,
		daemon->state == DAEMON_STANDBY ? "this daemon is a standby: ask the leader"
						: "the database is not there yet: `cppsctl status` says why");
	return false;
}

/* ---- Errands ---- */

static json_t *plan_of(const struct errand *errand)
{
	json_t *plan = json_array();

	for (size_t i = 0; i < errand->total; i++) {
		const struct errand_result *result = &errand->results[i];
		json_t *records = result->records ? json_loads(result->records, 0, NULL) : NULL;

		(void)json_array_append_new(plan,
			json_pack("{s:I, s:s?, s:s?, s:s, s:s, s:s, s:o}", "line", (json_int_t)i + 1, "id", result->id,
				"source", result->source, "disposition", disposition_text(result->verdict.disposition),
				"reason", reason_text(result->verdict.reason), "sentence", result->verdict.sentence,
				"records", records ? records : json_array()));
	}
	return plan;
}

static void answer_errand(struct daemon *daemon, const struct errand *errand)
{
	CLEANUP(freep) struct ack *acks = calloc(errand->total + 1, sizeof(*acks));
	CLEANUP(freep) char *json = NULL;
	struct control_answer answer = { .done = true, .sentence = "done", .acks = acks };

	for (size_t i = 0; acks && i < errand->total; i++) {
		const struct errand_result *result = &errand->results[i];

		acks[answer.ack_count++] =
			(struct ack){ result->id, result->source, reason_text(result->verdict.reason),
				result->verdict.sentence, result->verdict.disposition, result->verdict.seq };
	}
	if (errand->verb == CONTROL_PLAN) {
		json_t *plan = plan_of(errand);

		json = json_dumps(plan, JSON_COMPACT);
		json_decref(plan);
		answer.json = json;
	}
	control_reply(daemon->control, errand->token, &answer);
}

void daemon_errand(struct daemon *daemon, const struct letter *letter)
{
	struct errand *errand = letter->errand;
	struct errand_result *result = &errand->results[letter->place];

	if (letter->work) {
		result->verdict = letter->work->verdict;
		result->id = text_given(letter->work->event.id) ? strdup(letter->work->event.id) : NULL;
		result->source = text_given(letter->work->event.source) ? strdup(letter->work->event.source) : NULL;
	} else {
		TEXT_SET(result->verdict.sentence, *letter->poison.sentence
							   ? letter->poison.sentence
							   : "the term ended before this was written: try again");
	}
	if (++errand->done < errand->total)
		return;
	answer_errand(daemon, errand);
	errand_free(errand);
}

/* One letter of an errand, on its way. False: out of memory. */
static bool post(struct daemon *daemon, struct errand *errand, enum origin origin, size_t place, struct bytes bytes,
	struct letter **ret)
{
	struct letter *letter = letter_new(origin, bytes.data, bytes.n);

	(void)daemon;
	if (!letter)
		return false;
	letter->errand = errand;
	letter->place = place;
	TEXT_SET(letter->submitter, "control");
	*ret = letter;
	return true;
}

/* ---- Verbs ---- */

static void verb_status(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	CLEANUP(freep) char *json = daemon_status(daemon);
	const struct control_answer answer = {
		.done = json != NULL, .json = json, .sentence = json ? NULL : "out of memory"
	};

	(void)request;
	control_reply(daemon->control, token, &answer);
}

static struct errand *begin(struct daemon *daemon, uint64_t token, const struct control_request *request, size_t total)
{
	struct errand *errand = errand_new(token, request->verb, total);

	if (!errand) {
		reply(daemon, token, false, "out of memory: try again");
		return NULL;
	}
	TEXT_SET(errand->by, request->by);
	TEXT_SET(errand->reason, request->reason);
	errand->clock_by_us = request->microseconds;
	errand->agreed = request->agreed;
	errand->differences = request->differences;
	return errand;
}

/* Makes every letter before it posts the first, so that an errand is whole or refused. */
static void post_all(struct daemon *daemon, struct errand *errand, struct queue *letters, bool whole)
{
	struct letter *letter;

	if (!whole) {
		reply(daemon, errand->token, false, "out of memory: try again");
		errand_free(errand);
	}
	while ((letter = queue_pop(letters)))
		if (whole)
			leader_post(daemon->leader, letter);
		else
			letter_free(letter);
}

static void verb_plan(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	struct errand *errand;
	struct queue letters = { 0 };
	bool whole = true;

	if (request->event_count == 0 || request->event_count > PLAN_MAX) {
		reply(daemon, token, false, "a plan takes 1 to 500 events at once: send a shorter file");
		return;
	}
	errand = begin(daemon, token, request, request->event_count);
	if (!errand)
		return;
	for (size_t i = 0; whole && i < errand->total; i++) {
		struct letter *letter;

		whole = post(daemon, errand, ORIGIN_PLAN, i, request->events[i], &letter);
		if (whole)
			queue_push(&letters, letter);
	}
	post_all(daemon, errand, &letters, whole);
}

/* A letter without bytes of its own. */
static void one_letter(struct daemon *daemon, uint64_t token, const struct control_request *request, enum origin origin)
{
	struct errand *errand = begin(daemon, token, request, 1);
	struct letter *letter;
	struct queue letters = { 0 };
	bool whole;

	if (!errand)
		return;
	whole = post(daemon, errand, origin, 0, (struct bytes){ 0 }, &letter);
	if (whole)
		queue_push(&letters, letter);
	post_all(daemon, errand, &letters, whole);
}

static void verb_clock(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	if (!daemon->config->testing.clock)
		reply(daemon, token, false,
			"the clock of this bridge cannot be moved: its configuration does not say `testing: {clock: "
			"true}`");
	else if (request->microseconds <= 0 || request->microseconds > 3660 * US_PER_DAY)
		reply(daemon, token, false, "the clock can be moved forward only, by at most ten years");
	else
		one_letter(daemon, token, request, ORIGIN_CLOCK);
}

static void verb_reconciled(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	one_letter(daemon, token, request, ORIGIN_RECONCILED);
}

static void verb_discard(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	struct errand *errand;
	struct queue letters = { 0 };
	bool whole = true;

	if (request->number_count == 0 || request->number_count > RETRY_MAX || !text_given(request->reason)) {
		reply(daemon, token, false, "a discard names 1 to 500 quarantines and a reason");
		return;
	}
	errand = begin(daemon, token, request, request->number_count);
	if (!errand)
		return;
	for (size_t i = 0; whole && i < errand->total; i++) {
		struct letter *letter;

		whole = post(daemon, errand, ORIGIN_DISCARD, i, (struct bytes){ 0 }, &letter);
		if (whole) {
			letter->number = errand->results[i].number = request->numbers[i];
			queue_push(&letters, letter);
		}
	}
	post_all(daemon, errand, &letters, whole);
}

/* ---- Retry: the bytes are read first ---- */

struct retry {
	struct daemon *daemon;
	uint64_t token;
	size_t count; /* of `numbers`; 0: every held one */
	uint64_t numbers[];
};

static const struct held *find_held(const struct held *held, size_t n, uint64_t number)
{
	size_t i = 0;

	while (i < n && held[i].number != number)
		i++;
	return i < n ? &held[i] : NULL;
}

/* What the retry asks for, in its order, as far as the reading went: `held` ends where its bytes were enough for once. Those that were closed
 * meanwhile have no bytes. */
static size_t asked_for(const struct retry *retry, const struct held *held, size_t n, struct held ret[static RETRY_MAX])
{
	size_t i;

	if (!retry->count) {
		memcpy(ret, held, n * sizeof(*held));
		return n;
	}
	for (i = 0; i < retry->count; i++) {
		const struct held *found = find_held(held, n, retry->numbers[i]);

		if (!found && retry->numbers[i] > held[n - 1].number)
			break;
		ret[i] = found ? *found : (struct held){ .number = retry->numbers[i], .submitter = "" };
	}
	return i;
}

static void retry_held(struct daemon *daemon, uint64_t token, const struct held *held, size_t n)
{
	const struct control_request request = { .verb = CONTROL_RETRY };
	struct errand *errand = begin(daemon, token, &request, n);
	struct queue letters = { 0 };
	bool whole = errand != NULL;

	for (size_t i = 0; whole && i < n; i++) {
		struct letter *letter;

		whole = post(daemon, errand, ORIGIN_RETRY, i, held[i].raw, &letter);
		if (!whole)
			break;
		letter->number = errand->results[i].number = held[i].number;
		TEXT_SET(letter->submitter, held[i].submitter);
		queue_push(&letters, letter);
	}
	if (errand)
		post_all(daemon, errand, &letters, whole);
}

static void retry_asked(const struct retry *retry, const struct held *held, size_t n)
{
	struct held asked[RETRY_MAX];
	size_t count = asked_for(retry, held, n, asked);

	if (count)
		retry_held(retry->daemon, retry->token, asked, count);
	else
		reply(retry->daemon, retry->token, false, "a retry names quarantines in ascending order");
}

static void held_read(void *context, enum store_result result, const struct held *held, size_t n)
{
	struct retry *retry = context;

	if (result != STORE_OK)
		reply(retry->daemon, retry->token, false, "the term ended before the quarantine was read: try again");
	else if (n == 0)
		reply(retry->daemon, retry->token, false,
			"no such quarantine is held: `cppsctl quarantine` lists them");
	else
		retry_asked(retry, held, n);
	free(retry);
}

static void verb_retry(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	const size_t count = request->all ? 0 : request->number_count;
	CLEANUP(freep) struct retry *retry = calloc(1, sizeof(*retry) + count * sizeof(retry->numbers[0]));

	if (!request->all && (request->number_count == 0 || request->number_count > RETRY_MAX)) {
		reply(daemon, token, false, "a retry names 1 to 500 quarantines, or all");
		return;
	}
	if (!retry) {
		reply(daemon, token, false, "out of memory: try again");
		return;
	}
	retry->daemon = daemon;
	retry->token = token;
	retry->count = count;
	if (count)
		memcpy(retry->numbers, request->numbers, count * sizeof(retry->numbers[0]));
	if (store_held(daemon->store, request->numbers, request->number_count, request->all, RETRY_MAX, held_read,
		    retry) < 0)
		reply(daemon, token, false, "the database is not there now: try again");
	else
		(void)TAKE(retry);
}

/* ---- Consumers, terms ---- */

struct forgetting {
	struct daemon *daemon;
	uint64_t token;
};

static void forgotten(void *context, enum store_result result, const char *sentence)
{
	struct forgetting *forgetting = context;

	reply(forgetting->daemon, forgetting->token, result == STORE_OK, result == STORE_OK ? "forgotten" : sentence);
	free(forgetting);
}

static void verb_forget(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	CLEANUP(freep) struct forgetting *forgetting = malloc(sizeof(*forgetting));

	if (!forgetting || !text_given(request->name)) {
		reply(daemon, token, false, "name the consumer to forget: `cppsctl consumers` lists them");
		return;
	}
	/* First: what the database is told of that name from now on comes after the deletion. */
	log_server_forget(daemon->log, request->name);
	*forgetting = (struct forgetting){ daemon, token };
	if (store_consumer(daemon->store, request->name, 0, true, forgotten, forgetting) < 0)
		reply(daemon, token, false, "the database is not there now: try again");
	else
		(void)TAKE(forgetting);
}

static void verb_new_term(struct daemon *daemon, uint64_t token, const struct control_request *request)
{
	(void)request;
	reply(daemon, token, true, "the term ends; the next one begins as soon as a daemon leads");
	store_resign(daemon->store);
}

static const struct {
	void (*run)(struct daemon *daemon, uint64_t token, const struct control_request *request);
	bool leader_only;
} verbs[] = {
	[CONTROL_STATUS] = { verb_status, false },
	[CONTROL_PLAN] = { verb_plan, true },
	[CONTROL_RETRY] = { verb_retry, true },
	[CONTROL_DISCARD] = { verb_discard, true },
	[CONTROL_FORGET] = { verb_forget, true },
	[CONTROL_NEW_TERM] = { verb_new_term, true },
	[CONTROL_CLOCK] = { verb_clock, true },
	[CONTROL_RECONCILED] = { verb_reconciled, true },
};

void daemon_control(void *owner, uint64_t token, const struct control_request *request)
{
	struct daemon *daemon = owner;

	if ((size_t)request->verb >= ARRAY_LENGTH(verbs) || !verbs[request->verb].run)
		reply(daemon, token, false, "this daemon does not know that verb: use the cppsctl of its own version");
	else if (!verbs[request->verb].leader_only || leads(daemon, token))
		verbs[request->verb].run(daemon, token, request);
}
