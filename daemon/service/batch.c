/* The order of the letters is the order of the decisions. Alarms are the exception that keeps the rule: the earliest due of them all fires first, whichever
 * letter brought it, so that missed alarms of different orders come out in the order in which they were missed (X8). */
#include "service/batch.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/decide.h"
#include "wire/decode.h"
#include "wire/json.h"

int batch_new(struct batch **ret)
{
	CLEANUP(batch_freep) struct batch *batch = calloc(1, sizeof(*batch));
	int r;

	if (!batch)
		return -ENOMEM;
	r = arena_new(BATCH_MEMORY, &batch->arena);
	if (r < 0)
		return r;
	batch->due_until = INSTANT_NONE;
	*ret = TAKE(batch);
	return 0;
}

struct batch *batch_free(struct batch *batch)
{
	struct letter *letter;

	if (!batch)
		return NULL;
	while ((letter = queue_pop(&batch->letters)))
		letter_free(letter);
	arena_free(batch->arena);
	free(batch->records);
	free(batch);
	return NULL;
}

void batch_reset(struct batch *batch)
{
	struct arena *arena = batch->arena;

	arena_reset(arena);
	free(batch->records);
	*batch = (struct batch){ .arena = arena, .due_until = INSTANT_NONE };
}

/* ---- Gathering ---- */

static bool carries_event(const struct letter *letter)
{
	return letter->origin == ORIGIN_SUBMIT || letter->origin == ORIGIN_STREAM || letter->origin == ORIGIN_RETRY ||
	       letter->origin == ORIGIN_PLAN;
}

/* Who may say what: a source speaks only for itself; what comes in by submit may be of any configured source. */
static void set_sender(const struct config *config, const struct letter *letter, struct work *work)
{
	const struct config_source *source = config_source(config, work->event.source);

	work->event.submitter = letter->submitter;
	work->event.kind = source ? source->kind : SOURCE_NONE;
	if (letter->origin != ORIGIN_STREAM || !source || source == &config->sources[letter->source])
		return;
	work->fault_reason = REASON_NOT_ALLOWED;
	(void)fault_set(&work->fault, 0,
		"the stream of source '%s' carries an event of source '%s': a stream may speak only for its own source",
		config->sources[letter->source].name, work->event.source);
}

/* What came of it, and from whom; nothing of what it says. */
static void strip(struct event *event)
{
	*event = (struct event){
		.kind = event->kind,
		.submitter = event->submitter,
		.raw = event->raw,
		.raw_size = event->raw_size,
		.raw_hash = event->raw_hash,
	};
}

static int decode(struct batch *batch, const struct config *config, struct letter *letter, struct work *work)
{
	int r = wire_decode(batch->arena, letter->bytes, letter->n, &work->event, &work->fault_reason, &work->fault);

	if (r < 0)
		return r;
	if (r == 0)
		work->fault_reason = REASON_NONE;
	set_sender(config, letter, work);
	if (letter->bare)
		strip(&work->event);
	if (*letter->poison.sentence) {
		work->fault_reason = REASON_POISON;
		work->fault = letter->poison;
	}
	return 0;
}

int batch_gather(struct batch *batch, const struct config *config, struct letter *letter)
{
	struct work *work = ARENA_NEW(batch->arena, struct work);
	int r;

	if (!work)
		return -ENOMEM;
	if (carries_event(letter)) {
		r = decode(batch, config, letter, work);
		if (r < 0)
			return r;
	}
	letter->work = work;
	batch->plan = letter->origin == ORIGIN_PLAN;
	queue_push(&batch->letters, letter);
	batch->unloaded++;
	return 0;
}

int batch_keys(struct batch *batch, struct store_keys *ret)
{
	size_t n = batch->unloaded, skip = batch->letters.count - n;
	const struct event **events = arena_take(batch->arena, n * sizeof(const struct event *));
	const char **refs = arena_take(batch->arena, n * sizeof(char *));
	uint64_t *parked = arena_take(batch->arena, n * sizeof(uint64_t));
	uint64_t *quarantined = arena_take(batch->arena, n * sizeof(uint64_t));
	struct store_keys keys = { .events = events, .order_refs = refs, .parked = parked, .quarantined = quarantined };

	if (!events || !refs || !parked || !quarantined)
		return -ENOMEM;
	for (const struct letter *letter = batch->letters.first; letter; letter = letter->next) {
		if (skip) {
			skip--;
			continue;
		}
		if (carries_event(letter))
			events[keys.event_count++] = &letter->work->event;
		if (*letter->order_ref)
			refs[keys.order_ref_count++] = letter->order_ref;
		else if (letter->parked)
			parked[keys.parked_count++] = letter->number;
		else if (letter->number)
			quarantined[keys.quarantined_count++] = letter->number;
	}
	batch->unloaded = 0;
	*ret = keys;
	return 0;
}

/* ---- Deciding ---- */

struct decider {
	struct batch *batch;
	const struct batch_context *context;
	struct effects effects;
	json_t *plan; /* records of the plan letter that is being decided */
};

static int add_record(struct batch *batch, const struct wire_record *record)
{
	if (batch->record_count == batch->record_space) {
		size_t space = batch->record_space ? batch->record_space * 2 : 64;
		struct wire_record *records = realloc(batch->records, space * sizeof(*records));

		if (!records)
			return -ENOMEM;
		batch->records = records;
		batch->record_space = space;
	}
	batch->records[batch->record_count++] = *record;
	return 0;
}

static void add_to_plan(json_t *plan, struct bytes event)
{
	CLEANUP(freep) char *line = NULL;
	struct fault fault;

	if (plan && wire_event_to_json(event, &line, &fault) == 0)
		(void)json_array_append_new(plan, json_loads(line, 0, NULL));
}

static uint64_t publish(void *context, const struct record *record)
{
	struct decider *decider = context;
	struct batch *batch = decider->batch;
	const struct batch_context *c = decider->context;
	uint64_t seq = batch->first + batch->record_count;
	struct wire_record encoded;

	if (batch->overflow)
		return seq;
	if (wire_encode(batch->arena, c->policy, c->stream, c->epoch, seq, record, &encoded) < 0 ||
		cabinet_note(c->cabinet, record, seq) < 0 || add_record(batch, &encoded) < 0) {
		batch->overflow = true;
		return seq;
	}
	add_to_plan(decider->plan, encoded.event);
	return seq;
}

static void note_position(struct batch *batch, const struct letter *letter)
{
	size_t i = 0;

	if (!letter->positioned)
		return;
	while (i < batch->position_count && strcmp(batch->positions[i].source, letter->position.source) != 0)
		i++;
	batch->positions[i] = letter->position;
	if (i == batch->position_count)
		batch->position_count++;
}

static int decide_submitted(struct decider *decider, struct letter *letter)
{
	const struct batch_context *c = decider->context;
	struct work *work = letter->work;

	note_position(decider->batch, letter);
	return decide_event(c->policy, cabinet_facts(c->cabinet), &work->event, work->fault_reason,
		work->fault.sentence, c->now, &decider->effects, &work->verdict);
}

static int decide_plan(struct decider *decider, struct letter *letter)
{
	struct errand_result *result = &letter->errand->results[letter->place];
	int r;

	decider->plan = json_array();
	r = decide_submitted(decider, letter);
	free(result->records); /* of an attempt that ended in the middle */
	result->records = json_dumps(decider->plan, JSON_COMPACT);
	json_decref(decider->plan);
	decider->plan = NULL;
	return r;
}

/* A row that is gone, or no longer held, or without bytes to retry, answers with a sentence of its own. */
static int no_such_quarantine(struct letter *letter, const struct quarantined *row)
{
	struct verdict *verdict = &letter->work->verdict;

	if (row && row->state == QUARANTINE_HELD)
		(void)snprintf(verdict->sentence, sizeof(verdict->sentence),
			"the bytes of quarantine %llu were not kept: its source can send it again",
			(unsigned long long)letter->number);
	else if (row)
		(void)snprintf(verdict->sentence, sizeof(verdict->sentence),
			"quarantine %llu is closed (%s): nothing to do", (unsigned long long)letter->number,
			quarantine_state_text(row->state));
	else
		(void)snprintf(verdict->sentence, sizeof(verdict->sentence),
			"there is no quarantine %llu: `cppsctl quarantine` lists them",
			(unsigned long long)letter->number);
	return 0;
}

static int decide_retried(struct decider *decider, struct letter *letter)
{
	const struct batch_context *c = decider->context;
	struct quarantined *row = cabinet_quarantined(c->cabinet, letter->number);
	struct work *work = letter->work;

	if (!row || row->state != QUARANTINE_HELD || (!letter->n && row->raw_size))
		return no_such_quarantine(letter, row);
	return decide_retry(c->policy, cabinet_facts(c->cabinet), row, &work->event, work->fault_reason,
		work->fault.sentence, c->now, &decider->effects, &work->verdict);
}

static int decide_discarded(struct decider *decider, struct letter *letter)
{
	const struct batch_context *c = decider->context;
	struct quarantined *row = cabinet_quarantined(c->cabinet, letter->number);

	if (!row || row->state != QUARANTINE_HELD)
		return no_such_quarantine(letter, row);
	letter->work->verdict.disposition = DISPOSITION_QUARANTINED;
	letter->work->verdict.reason = row->reason;
	TEXT_SET(letter->work->verdict.sentence, "discarded");
	return decide_discard(
		c->policy, cabinet_facts(c->cabinet), row, letter->errand->by, letter->errand->reason, c->now);
}

static int decide_clock(struct decider *decider, struct letter *letter)
{
	decider->batch->clock_moved = true;
	decider->batch->clock_ahead_us += letter->errand->clock_by_us;
	return 0;
}

static int decide_reconciled(struct decider *decider, struct letter *letter)
{
	decider->batch->reconciled = letter->errand;
	return 0;
}

static int decide_nothing(struct decider *decider, struct letter *letter)
{
	(void)decider;
	(void)letter;
	return 0;
}

static int (*const deciders[])(struct decider *, struct letter *) = {
	[ORIGIN_SUBMIT] = decide_submitted,
	[ORIGIN_STREAM] = decide_submitted,
	[ORIGIN_RETRY] = decide_retried,
	[ORIGIN_DISCARD] = decide_discarded,
	[ORIGIN_ALARM] = decide_nothing, /* all together, below */
	[ORIGIN_CLOCK] = decide_clock,
	[ORIGIN_RECONCILED] = decide_reconciled,
	[ORIGIN_PLAN] = decide_plan,
};

/* ---- Alarms ---- */

struct alarm {
	struct request *request;
	struct parked *parked;
	struct quarantined *quarantined;
};

static struct alarm alarm_of(const struct batch_context *c, const struct letter *letter)
{
	struct facts *facts = cabinet_facts(c->cabinet);

	if (*letter->order_ref)
		return (struct alarm){ .request = facts->request(facts->context, letter->order_ref) };
	if (letter->parked)
		return (struct alarm){ .parked = cabinet_parked(c->cabinet, letter->number) };
	return (struct alarm){ .quarantined = cabinet_quarantined(c->cabinet, letter->number) };
}

static struct instant alarm_at(const struct alarm *alarm)
{
	if (alarm->request)
		return alarm->request->next_alarm;
	if (alarm->parked)
		return alarm->parked->gone ? INSTANT_NONE : alarm->parked->next_alarm;
	return alarm->quarantined ? alarm->quarantined->next_alarm : INSTANT_NONE;
}

static int fire(struct decider *decider, const struct alarm *alarm)
{
	const struct batch_context *c = decider->context;
	struct facts *facts = cabinet_facts(c->cabinet);

	if (alarm->request)
		return decide_request_alarm(c->policy, facts, alarm->request, c->now, 1, &decider->effects);
	if (alarm->parked)
		return decide_parked_alarm(c->policy, facts, alarm->parked, c->now, &decider->effects);
	return decide_quarantine_alarm(c->policy, facts, alarm->quarantined, c->now, &decider->effects);
}

/* The earliest alarm that has been reached, of those up to due_until; NULL: none. */
static const struct alarm *earliest(const struct batch *batch, const struct alarm *alarms, size_t n, struct instant now)
{
	const struct alarm *found = NULL;
	struct instant at, best = INSTANT_NONE;

	for (size_t i = 0; i < n; i++) {
		at = alarm_at(&alarms[i]);
		if (!instant_reached(at, now) ||
			(instant_given(batch->due_until) && !instant_reached(at, batch->due_until)))
			continue;
		if (found && best.us <= at.us)
			continue;
		found = &alarms[i];
		best = at;
	}
	return found;
}

static int decide_alarms(struct decider *decider)
{
	struct batch *batch = decider->batch;
	struct alarm *alarms = arena_take(batch->arena, batch->letters.count * sizeof(*alarms));
	size_t n = 0, before = batch->record_count;
	const struct alarm *next;
	int r = 0;

	if (!alarms)
		return -ENOMEM;
	for (const struct letter *letter = batch->letters.first; letter; letter = letter->next)
		if (letter->origin == ORIGIN_ALARM)
			alarms[n++] = alarm_of(decider->context, letter);
	/* A round without records (an alarm put off) still moves next_alarm on; the rounds are bounded all the same. */
	for (size_t round = 0; r >= 0 && round < 4 * ALARMS_MAX && batch->record_count - before < ALARMS_MAX; round++) {
		next = earliest(batch, alarms, n, decider->context->now);
		if (!next)
			break;
		r = fire(decider, next);
	}
	return r < 0 ? r : 0;
}

int batch_decide(struct batch *batch, const struct batch_context *context, uint64_t next)
{
	struct decider decider = { .batch = batch, .context = context };
	int r = 0;

	decider.effects = (struct effects){ &decider, publish };
	batch->first = next;
	for (struct letter *letter = batch->letters.first; r >= 0 && letter; letter = letter->next)
		r = deciders[letter->origin](&decider, letter);
	if (r >= 0)
		r = decide_alarms(&decider);
	return batch->overflow ? -ENOMEM : r < 0 ? r : 0;
}
