/* Two batches take turns: `gathering` takes letters in and has their facts loaded, `deciding` is decided and
 * committed. pump() moves whatever can move; every completion ends by calling it. The flags loading and committing
 * are the whole state between them.
 *
 * A batch that PostgreSQL calls poison (or that outgrows its memory) goes back to the queue, each letter to be
 * decided alone; a lone letter that is poison again is the culprit and is quarantined. An alarm cannot be: it is left
 * out and tried again once an hour. An event that cannot even be quarantined is given back to its sender (X1). */
#include "service/leader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/text.h"
#include "service/batch.h"
#include "service/refused.h"

#define WAITING_BYTES_MAX (16 * 1024 * 1024UL)
#define DUE_EVERY_US      US_PER_SECOND

struct leader {
	const struct config *config;
	struct store *store;
	struct leader_handlers handlers;
	sd_event_source *pump_source, *due_timer;

	bool leading;
	const struct policy *policy;
	struct cabinet *cabinet;
	uint64_t epoch, head;
	struct service_clock clock;
	struct instant decided_at; /* of the batch that is committing */

	struct queue queue;
	struct batch *gathering, *deciding;
	bool loading, committing, full;

	bool due_asked, due_again;
	size_t alarms_waiting;
	struct refused *refused; /* alarms */
	struct instant due_until;

	struct leader_counts counts;
};

static void pump_soon(struct leader *leader)
{
	(void)sd_event_source_set_enabled(leader->pump_source, SD_EVENT_ONESHOT);
}

/* ---- Letters leaving ---- */

static void drop(struct leader *leader, struct letter *letter)
{
	if (letter->origin == ORIGIN_ALARM)
		leader->alarms_waiting--;
	letter_free(letter);
}

static bool is_event(const struct letter *letter)
{
	return letter->origin == ORIGIN_SUBMIT || letter->origin == ORIGIN_STREAM;
}

static void count(struct leader *leader, const struct letter *letter)
{
	const struct verdict *verdict = &letter->work->verdict;

	if (!is_event(letter))
		return;
	leader->counts.events[verdict->disposition]++;
	if (verdict->disposition == DISPOSITION_QUARANTINED)
		leader->counts.reasons[verdict->reason]++;
}

/* Tells the owner of every letter of a batch that is done with, and frees it. */
static void deliver(struct leader *leader, struct batch *batch)
{
	struct letter *letter;

	while ((letter = queue_pop(&batch->letters))) {
		count(leader, letter);
		if (letter->origin == ORIGIN_ALARM)
			refused_forget(leader->refused, letter);
		leader->handlers.decided(leader->handlers.owner, letter);
		drop(leader, letter);
	}
	batch_reset(batch);
}

static void check_pressure(struct leader *leader)
{
	size_t waiting = leader->queue.count, most = leader->config->limits.queue;
	bool full = leader->full ? waiting > most / 2 || leader->queue.bytes > WAITING_BYTES_MAX / 2
				 : waiting >= most || leader->queue.bytes >= WAITING_BYTES_MAX;

	if (full == leader->full)
		return;
	leader->full = full;
	leader->handlers.pressure(leader->handlers.owner, full);
}

/* ---- Gathering ---- */

static bool may_join(const struct leader *leader, const struct letter *letter)
{
	const struct batch *batch = leader->gathering;
	const struct letter *first = batch->letters.first;

	if (letter->origin == ORIGIN_PLAN)
		return !leader->committing && (!first || (batch->plan && first->errand == letter->errand));
	if (!first)
		return true;
	return !batch->plan && !first->alone && !letter->alone && batch->letters.count < leader->config->limits.batch;
}

static void loaded(void *context, enum store_result result, const char *sentence);

static void load(struct leader *leader)
{
	struct store_keys keys;
	int r;

	if (leader->loading || !leader->gathering->unloaded)
		return;
	r = batch_keys(leader->gathering, &keys);
	if (r == 0)
		r = store_load(leader->store, leader->cabinet, &keys, loaded, leader);
	leader->loading = r >= 0;
	if (r < 0)
		leader->handlers.log(leader->handlers.owner, LOG_WARNING, "cannot read facts now: the term is ending");
}

static void gather(struct leader *leader)
{
	while (leader->queue.first && may_join(leader, leader->queue.first)) {
		struct letter *letter = queue_pop(&leader->queue);

		if (batch_gather(leader->gathering, leader->config, letter) < 0) {
			struct queue back = { 0 };

			queue_push(&back, letter);
			queue_return(&leader->queue, &back);
			break;
		}
		if (letter->origin == ORIGIN_ALARM)
			leader->gathering->due_until = leader->due_until;
	}
	load(leader);
}

/* ---- Deciding and committing ---- */

/* Of an alarm, which nobody waits for, the log says what holds it up and how to mend it. */
static void log_refusal(struct leader *leader, const struct letter *letter, const char *sentence)
{
	char line[REFUSED_SENTENCE];

	if (letter->origin != ORIGIN_ALARM)
		leader->handlers.log(leader->handlers.owner, LOG_ERR, sentence);
	else if (refused_add(leader->refused, letter, sentence, clock_now(&leader->clock), line))
		leader->handlers.log(leader->handlers.owner, LOG_ERR, line);
}

/* The culprit is set aside with PostgreSQL's words; where it refuses that as well, the event's bytes alone are. What is retried stays where it is.
 * False: no more can be done for it. */
static bool set_aside(struct letter *letter, const char *sentence)
{
	if (!is_event(letter) && letter->origin != ORIGIN_RETRY)
		return false;
	if (!*letter->poison.sentence) {
		(void)fault_set(&letter->poison, 0, "PostgreSQL refused the event's effect: %s", sentence);
		return true;
	}
	if (letter->bare || !is_event(letter))
		return false;
	letter->bare = true;
	return true;
}

/* Its follower reads it again from the log. */
static bool is_read_again(const struct leader *leader, const struct letter *letter)
{
	return letter->positioned && leader->config->sources[letter->source].log.n > 0;
}

/* `behind` comes again when `letter` does: of the same connection, or followed stream. */
static bool comes_with(const struct leader *leader, const struct letter *behind, const struct letter *letter)
{
	if (behind->origin != letter->origin)
		return false;
	if (letter->origin == ORIGIN_SUBMIT)
		return behind->client == letter->client;
	return behind->source == letter->source && is_read_again(leader, letter);
}

/* X1: the sender sends it again, and what came behind it, which is not to be decided before it. */
static void give_back(struct leader *leader, const struct letter *letter)
{
	struct queue kept = { 0 };
	struct letter *behind;

	while ((behind = queue_pop(&leader->queue))) {
		if (comes_with(leader, behind, letter))
			drop(leader, behind);
		else
			queue_push(&kept, behind);
	}
	leader->queue = kept;
	leader->counts.given_back++;
	leader->handlers.given_back(leader->handlers.owner, letter);
}

/* No more can be done for it. */
static void give_up(struct leader *leader, struct letter *letter, const char *sentence)
{
	(void)fault_set(&letter->poison, 0, "PostgreSQL refused it: %s", sentence);
	if (is_event(letter)) {
		give_back(leader, letter);
	} else {
		log_refusal(leader, letter, sentence);
		leader->handlers.decided(leader->handlers.owner, letter);
	}
	drop(leader, letter);
}

/* The batch cannot be written as it is: everything gathered goes back, its own letters to be decided alone. Memory may have
 * been short only for a moment: not the letter's fault, unless it is so again. */
static void decide_alone(struct leader *leader, bool refused, const char *sentence)
{
	struct batch *batch = leader->deciding;
	bool lone = batch->letters.count == 1 && (refused || batch->letters.first->alone);
	struct letter *culprit = lone ? batch->letters.first : NULL;

	leader->counts.poison += lone;
	for (struct letter *letter = batch->letters.first; letter; letter = letter->next) {
		letter->alone = true;
		letter->work = NULL;
	}
	if (culprit && set_aside(culprit, sentence))
		culprit = NULL;
	else if (culprit)
		(void)queue_pop(&batch->letters);
	queue_return(&leader->queue, &leader->gathering->letters);
	queue_return(&leader->queue, &batch->letters);
	batch_reset(leader->gathering);
	batch_reset(batch);
	cabinet_clear(leader->cabinet);
	if (culprit)
		give_up(leader, culprit, sentence);
}

static void finish_plan(struct leader *leader)
{
	deliver(leader, leader->deciding);
	cabinet_clear(leader->cabinet);
}

/* Its events are decided together or not at all. */
static void give_up_plan(struct leader *leader)
{
	struct letter *letter;

	while ((letter = queue_pop(&leader->deciding->letters))) {
		letter->work = NULL;
		TEXT_SET(letter->poison.sentence,
			"the plan needs more memory than it may take: plan fewer events at once");
		leader->handlers.decided(leader->handlers.owner, letter);
		drop(leader, letter);
	}
	batch_reset(leader->deciding);
	cabinet_clear(leader->cabinet);
}

static void commit_done(struct leader *leader)
{
	struct batch *batch = leader->deciding;

	cabinet_settle(leader->cabinet);
	leader->head += batch->record_count;
	leader->clock.recorded = leader->decided_at;
	if (batch->clock_moved) {
		leader->clock.ahead_us = batch->clock_ahead_us;
		leader->due_again = true;
	}
	leader->counts.batches++;
	leader->counts.records += batch->record_count;
	if (batch->letters.count > leader->counts.largest_batch)
		leader->counts.largest_batch = batch->letters.count;
	if (batch->record_count)
		leader->handlers.published(leader->handlers.owner, batch->records, batch->record_count);
	deliver(leader, batch);
}

static void committed(void *context, enum store_result result, const char *sentence)
{
	struct leader *leader = context;

	leader->committing = false;
	if (result == STORE_OK)
		commit_done(leader);
	else if (result == STORE_POISON)
		decide_alone(leader, true, sentence);
	/* STORE_LOST: leader_end() takes the letters back. */
	pump_soon(leader);
}

static void commit(struct leader *leader)
{
	struct batch *batch = leader->deciding;
	struct store_batch write = {
		.first = batch->first,
		.records = batch->records,
		.record_count = batch->record_count,
		.recorded_at = leader->decided_at,
		.positions = batch->positions,
		.position_count = batch->position_count,
		.clock_ahead_us = batch->clock_moved ? &batch->clock_ahead_us : NULL,
	};

	if (batch->reconciled) {
		write.reconciled = &batch->reconciled->agreed;
		write.reconcile_differences = batch->reconciled->differences;
		write.reconcile_by = batch->reconciled->by;
	}
	leader->committing = store_commit(leader->store, leader->cabinet, &write, committed, leader) >= 0;
}

static void decide(struct leader *leader)
{
	struct batch_context context = {
		.config = leader->config,
		.policy = leader->policy,
		.cabinet = leader->cabinet,
		.stream = leader->config->stream,
		.epoch = leader->epoch,
	};
	struct batch *batch = leader->gathering;
	int r;

	if (leader->committing || leader->loading || !batch->letters.first || batch->unloaded ||
		leader->deciding->letters.first)
		return;
	leader->gathering = leader->deciding;
	leader->deciding = batch;
	batch->clock_ahead_us = leader->clock.ahead_us;
	leader->decided_at = context.now = clock_now(&leader->clock);
	r = batch_decide(batch, &context, leader->head + 1);
	if (r < 0 && batch->plan)
		give_up_plan(leader);
	else if (r < 0)
		decide_alone(leader, false, "the batch needs more memory than it may take");
	else if (batch->plan)
		finish_plan(leader);
	else
		commit(leader);
	pump_soon(leader);
}

static void loaded(void *context, enum store_result result, const char *sentence)
{
	struct leader *leader = context;

	(void)sentence;
	leader->loading = false;
	if (result == STORE_OK)
		pump_soon(leader);
}

/* ---- What time brings ---- */

static void post_alarm(struct leader *leader, const char *order_ref, bool parked, uint64_t number)
{
	struct letter *letter = letter_new(ORIGIN_ALARM, NULL, 0);

	if (!letter)
		return; /* found again by the next look */
	if (order_ref)
		TEXT_SET(letter->order_ref, order_ref);
	letter->parked = parked;
	letter->number = number;
	if (refused_waits(leader->refused, letter, clock_now(&leader->clock))) {
		letter_free(letter);
		return;
	}
	letter->alone = refused_knows(leader->refused, letter);
	leader->alarms_waiting++;
	leader->counts.alarms++;
	queue_push(&leader->queue, letter);
}

static void due(void *context, enum store_result result, const struct store_due *due)
{
	struct leader *leader = context;

	leader->due_asked = false;
	if (result != STORE_OK || !leader->leading)
		return;
	leader->due_until = due->last;
	leader->due_again = instant_given(due->last);
	for (size_t i = 0; i < due->order_ref_count; i++)
		post_alarm(leader, due->order_refs[i], false, 0);
	for (size_t i = 0; i < due->parked_count; i++)
		post_alarm(leader, NULL, true, due->parked[i]);
	for (size_t i = 0; i < due->quarantined_count; i++)
		post_alarm(leader, NULL, false, due->quarantined[i]);
	pump_soon(leader);
}

static void ask_due(struct leader *leader)
{
	if (!leader->leading || leader->due_asked || leader->alarms_waiting)
		return;
	leader->due_again = false;
	/* What was refused stays due, before the others. */
	leader->due_asked = store_due(leader->store, clock_now(&leader->clock),
				    ALARMS_MAX + refused_count(leader->refused), due, leader) >= 0;
}

static int due_tick(sd_event_source *source, uint64_t usec, void *context)
{
	struct leader *leader = context;

	(void)usec;
	ask_due(leader);
	(void)sd_event_source_set_time_relative(source, DUE_EVERY_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- The pump ---- */

static int pump(sd_event_source *source, void *context)
{
	struct leader *leader = context;

	(void)source;
	if (!leader->leading)
		return 0;
	gather(leader);
	decide(leader);
	if (leader->due_again)
		ask_due(leader);
	check_pressure(leader);
	return 0;
}

void leader_post(struct leader *leader, struct letter *letter)
{
	queue_push(&leader->queue, letter);
	check_pressure(leader);
	pump_soon(leader);
}

/* ---- Terms ---- */

static bool keeps(const struct leader *leader, const struct letter *letter, bool keep)
{
	return keep && is_event(letter) && !is_read_again(leader, letter);
}

static void salvage(struct leader *leader, bool keep)
{
	struct queue all = { 0 }, kept = { 0 };
	struct letter *letter;

	queue_return(&all, &leader->queue);
	queue_return(&all, &leader->gathering->letters);
	queue_return(&all, &leader->deciding->letters);
	while ((letter = queue_pop(&all))) {
		letter->work = NULL;
		letter->alone = false;
		if (keeps(leader, letter, keep)) {
			queue_push(&kept, letter);
			continue;
		}
		if (letter->errand)
			leader->handlers.decided(leader->handlers.owner, letter);
		drop(leader, letter);
	}
	leader->queue = kept;
	batch_reset(leader->gathering);
	batch_reset(leader->deciding);
	cabinet_clear(leader->cabinet);
}

/* Its position was written with what came of it. */
static bool is_decided(const struct letter *letter, const struct term *term)
{
	const struct source_position *at = &letter->position, *stored = term->positions, *end;

	for (end = stored + term->position_count; letter->positioned && stored < end; stored++)
		if (strcmp(stored->source, at->source) == 0 && strcmp(stored->stream, at->stream) == 0)
			return at->epoch < stored->epoch || (at->epoch == stored->epoch && at->seq <= stored->seq);
	return false;
}

/* The last commit of the former term may have come about unheard: what it took of a stream is not taken back to before its position. */
static void drop_decided(struct leader *leader, const struct term *term)
{
	struct queue kept = { 0 };
	struct letter *letter;

	while ((letter = queue_pop(&leader->queue)))
		if (is_decided(letter, term))
			drop(leader, letter);
		else
			queue_push(&kept, letter);
	leader->queue = kept;
}

void leader_begin(struct leader *leader, const struct term *term)
{
	salvage(leader, true);
	drop_decided(leader, term);
	refused_clear(leader->refused);
	cabinet_set_numbers(leader->cabinet, term->next_parked, term->next_quarantined);
	leader->leading = true;
	leader->policy = term->policy;
	leader->epoch = term->epoch;
	leader->head = term->head;
	leader->clock = (struct service_clock){ .ahead_us = term->clock_ahead_us, .recorded = term->head_at };
	leader->loading = leader->committing = leader->due_asked = false;
	leader->due_again = true;
	check_pressure(leader);
	pump_soon(leader);
}

void leader_end(struct leader *leader, bool keep)
{
	leader->leading = false;
	salvage(leader, keep);
	check_pressure(leader);
}

void leader_set_policy(struct leader *leader, const struct policy *policy)
{
	refused_clear(leader->refused);
	leader->policy = policy;
}

const struct policy *leader_policy(const struct leader *leader)
{
	return leader->policy;
}

bool leader_idle(const struct leader *leader)
{
	return !leader->queue.first && !leader->gathering->letters.first && !leader->deciding->letters.first;
}

const struct source_position *leader_last(const struct leader *leader, size_t source)
{
	const struct source_position *last = NULL;

	for (const struct letter *letter = leader->queue.first; letter; letter = letter->next)
		if (letter->positioned && letter->source == source)
			last = &letter->position;
	return last;
}

bool leader_full(const struct leader *leader)
{
	return leader->full;
}

uint64_t leader_head(const struct leader *leader)
{
	return leader->head;
}

uint64_t leader_epoch(const struct leader *leader)
{
	return leader->leading ? leader->epoch : 0;
}

const struct service_clock *leader_clock(const struct leader *leader)
{
	return &leader->clock;
}

void leader_counts(const struct leader *leader, struct leader_counts *ret)
{
	*ret = leader->counts;
	ret->refused_alarms = refused_count(leader->refused);
	ret->waiting = leader->queue.count + leader->gathering->letters.count + leader->deciding->letters.count;
	ret->waiting_bytes = leader->queue.bytes + leader->gathering->letters.bytes + leader->deciding->letters.bytes;
}

/* ---- Life ---- */

struct leader *leader_free(struct leader *leader)
{
	struct letter *letter;

	if (!leader)
		return NULL;
	while ((letter = queue_pop(&leader->queue)))
		letter_free(letter);
	batch_free(leader->gathering);
	batch_free(leader->deciding);
	cabinet_free(leader->cabinet);
	refused_free(leader->refused);
	sd_event_source_disable_unref(leader->pump_source);
	sd_event_source_disable_unref(leader->due_timer);
	free(leader);
	return NULL;
}

static int make_sources(struct leader *leader, sd_event *loop)
{
	int r = sd_event_add_defer(loop, &leader->pump_source, pump, leader);

	if (r >= 0)
		r = sd_event_source_set_enabled(leader->pump_source, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time_relative(
			loop, &leader->due_timer, CLOCK_MONOTONIC, DUE_EVERY_US, 0, due_tick, leader);
	return r;
}

int leader_new(sd_event *loop, const struct config *config, struct store *store, const struct leader_handlers *handlers,
	struct leader **ret)
{
	CLEANUP(leader_freep) struct leader *leader = calloc(1, sizeof(*leader));
	int r;

	if (!leader)
		return -ENOMEM;
	leader->config = config;
	leader->store = store;
	leader->handlers = *handlers;
	leader->due_until = INSTANT_NONE;
	leader->clock.recorded = INSTANT_NONE;
	r = cabinet_new(&leader->cabinet);
	if (r == 0)
		r = batch_new(&leader->gathering);
	if (r == 0)
		r = batch_new(&leader->deciding);
	if (r == 0)
		r = refused_new(&leader->refused);
	if (r == 0)
		r = make_sources(leader, loop);
	if (r < 0)
		return r;
	*ret = TAKE(leader);
	return 0;
}
