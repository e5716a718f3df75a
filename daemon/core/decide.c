/* One event, decided in numbered steps. The first that says so ends it:
 *
 *	1  accepted or parked before, same content            duplicate (X2)
 *	2  these very bytes are or were in quarantine          their quarantine again (X2); where they were not kept, a retry
 *	3  accepted or parked before, other content            ID_REUSED (X2)
 *	4  its source is nobody's                              UNKNOWN_SOURCE
 *	5  it could not be decoded                             the reason the decoder gave (X4)
 *	6  its source may not send that type                   NOT_ALLOWED
 *	7  it is older than the claims that are kept           EVENT_TOO_OLD (X2)
 *	8  its content contradicts the policy (core/check.c)   a reason of its own
 *	9  the rule of its type                                accepted, parked (X3), or a reason of its own
 *
 * 4 comes before 5 because a stranger's malformed event is still a stranger's, and who has to act is whoever let the stranger in. In 2,
 * a quarantine for who sent it (steps 4 and 6) does not stop the same bytes from someone else: otherwise a stranger could spoil an
 * event by sending it first.
 *
 * What an accepted event opened is waited for by the parked events: each is decided right after it by step 9 alone, as it passed
 * the others when it came. */
#include "core/decide.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/rules.h"

typedef int rule(struct decision *d);

static rule *const rules[EVENT_TYPE_END] = {
	[EVENT_SENTENCING_SCHEDULED] = allocation_event,
	[EVENT_SENTENCE_IMPOSED] = allocation_event,
	[EVENT_SENTENCE_VARIED] = allocation_event,
	[EVENT_SENTENCE_CANCELLED] = allocation_event,
	[EVENT_RELEASE_SCHEDULED] = allocation_event,
	[EVENT_RELEASE_CANCELLED] = allocation_event,
	[EVENT_OFFENDER_RELEASED] = allocation_event,
	[EVENT_RELEASE_VARIED] = allocation_event,
	[EVENT_OFFENDER_RECALLED] = allocation_event,
	[EVENT_ORDER_BASELINE] = allocation_event,
	[EVENT_DOCUMENT_RECEIVED] = allocation_event,
	[EVENT_OFFENDER_ASSESSED] = offender_assessed,
	[EVENT_OFFENDER_MERGED] = offender_merged,
	[EVENT_OFFENDER_UNMERGED] = offender_unmerged,
	[EVENT_ALLOCATION_RECORDED] = allocation_event,
	[EVENT_TRANSFER_RECORDED] = allocation_event,
	[EVENT_TASK_RECORDED] = allocation_event,
	[EVENT_PTP_CONSIDERED] = ptp_considered,
	[EVENT_PTP_REVISED] = ptp_revised,
	[EVENT_PTP_STAGE_RECORDED] = ptp_stage_recorded,
	[EVENT_PTP_IMPOSITION_RECORDED] = ptp_imposition_recorded,
};

/* ---- What the rules say ---- */

int decision_refuse(struct decision *d, enum reason reason, const char *format, ...)
{
	va_list args;

	d->verdict->reason = reason;
	va_start(args, format);
	(void)vsnprintf(d->verdict->sentence, sizeof(d->verdict->sentence), format, args);
	va_end(args);
	text_trim_utf8(d->verdict->sentence);
	return RULE_REFUSES;
}

int decision_no_effect(struct decision *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(d->verdict->sentence, sizeof(d->verdict->sentence), format, args);
	va_end(args);
	text_trim_utf8(d->verdict->sentence);
	return RULE_ACCEPTS;
}

void decision_publish(struct decision *d, struct record *record)
{
	record->cause = d->event;
	record->time = d->time;
	record->decided_at = d->now;
	if (d->event && !record->by) {
		record->by = d->event->by;
		record->by_role = d->event->by_role;
	}
	d->verdict->seq = d->effects->publish(d->effects->context, record);
	d->published++;
}

/* ---- Steps 1 to 9 ---- */

struct intake {
	struct decision *d;
	const struct claim *claim; /* NULL: nobody claims the name */
	enum reason fault_reason;
	const char *fault;
};

static struct claim *claim_of(const struct decision *d)
{
	const struct event *e = d->event;

	return e->source && e->id ? d->facts->claim(d->facts->context, e->source, e->id) : NULL;
}

static bool claims(const struct claim *claim)
{
	return claim && claim->disposition != DISPOSITION_QUARANTINED;
}

static bool same_content(const struct intake *in)
{
	return !in->fault_reason && memcmp(&in->claim->content, &in->d->event->content, sizeof(struct hash)) == 0;
}

/* Step 1. */
static bool is_duplicate(const struct intake *in)
{
	struct verdict *verdict = in->d->verdict;

	if (!in->claim || !same_content(in))
		return false;
	verdict->seq = in->claim->seq;
	if (in->claim->disposition == DISPOSITION_PARKED) {
		verdict->disposition = DISPOSITION_PARKED;
		TEXT_SET(verdict->sentence, "still parked: what it waits for is not yet known");
	} else {
		verdict->disposition = DISPOSITION_DUPLICATE;
		TEXT_SET(verdict->sentence, "decided before");
	}
	return true;
}

/* Step 2; NULL: these bytes were never set aside, or for who sent them. */
static struct quarantined *quarantine_of(const struct intake *in)
{
	const struct event *e = in->d->event;
	struct quarantined *q = in->d->facts->quarantine_of_bytes(in->d->facts->context, &e->raw_hash);

	if (q && (q->reason == REASON_UNKNOWN_SOURCE || q->reason == REASON_NOT_ALLOWED) &&
		!text_equal(q->submitter, e->submitter))
		return NULL;
	return q;
}

static void answer_quarantine(const struct intake *in, const struct quarantined *q)
{
	struct verdict *verdict = in->d->verdict;

	verdict->disposition = DISPOSITION_QUARANTINED;
	verdict->reason = q->reason;
	verdict->seq = q->seq;
	TEXT_SET(verdict->sentence, q->sentence);
}

/* Step 3. Of an event that could not be decoded no content is known to compare. */
static int check_id(const struct intake *in)
{
	if (!in->claim || in->fault_reason)
		return RULE_ACCEPTS;
	return decision_refuse(in->d, REASON_ID_REUSED,
		"id %s of source %s was used before, for other content: send it with an id of its own",
		in->d->event->id, in->d->event->source);
}

/* Step 4. Where not even the source can be read, step 5 says why. */
static int check_source(const struct intake *in)
{
	const struct event *e = in->d->event;

	if (e->kind || !text_given(e->source))
		return RULE_ACCEPTS;
	return decision_refuse(in->d, REASON_UNKNOWN_SOURCE, "source %s is not one the configuration names", e->source);
}

/* Step 5. */
static int check_decoded(const struct intake *in)
{
	return in->fault_reason ? decision_refuse(in->d, in->fault_reason, "%s", in->fault) : RULE_ACCEPTS;
}

/* Step 6. */
static int check_sender(const struct intake *in)
{
	const struct event *e = in->d->event;

	if (event_type_kinds(e->type) >> e->kind & 1)
		return RULE_ACCEPTS;
	return decision_refuse(in->d, REASON_NOT_ALLOWED, "source %s (%s) may not send type %s", e->source,
		source_kind_text(e->kind), event_type_text(e->type));
}

/* Step 7. */
static int check_age(const struct intake *in)
{
	const struct decision *d = in->d;
	char time[INSTANT_TEXT];

	if (d->event->time.us >= d->now.us - d->policy->claim_days * US_PER_DAY)
		return RULE_ACCEPTS;
	return decision_refuse(in->d, REASON_EVENT_TOO_OLD,
		"time %s lies more than %d days back: what came then is no longer known",
		instant_format(d->event->time, time), d->policy->claim_days);
}

/* Step 8. */
static int check_policy(const struct intake *in)
{
	return check_content(in->d);
}

static size_t count_parked(const struct decision *d)
{
	struct parked *parked = NULL;
	size_t n = 0;

	while ((parked = d->facts->parked(d->facts->context, d->waits_for, parked)))
		n++;
	return n;
}

/* Whoever sends without end about an order that never comes would otherwise hold up everybody. */
static int park_or_refuse(struct decision *d)
{
	if (count_parked(d) < PARKED_MAX)
		return RULE_PARKS;
	return decision_refuse(d, REASON_TOO_MANY_PARKED,
		"%d events wait for %s already, which is not yet known: retry this one once it is", PARKED_MAX,
		d->waits_for);
}

/* Step 9. */
static int apply_rule(const struct intake *in)
{
	int answer = rules[in->d->event->type](in->d);

	return answer == RULE_PARKS ? park_or_refuse(in->d) : answer;
}

/* Steps 3 to 9: RULE_* or -ENOMEM. */
static int judge(const struct intake *in)
{
	static int (*const steps[])(const struct intake *in) = {
		check_id,
		check_source,
		check_decoded,
		check_sender,
		check_age,
		check_policy,
		apply_rule,
	};
	int answer = RULE_ACCEPTS;

	for (size_t i = 0; i < ARRAY_LENGTH(steps) && answer == RULE_ACCEPTS; i++)
		answer = steps[i](in);
	return answer;
}

/* ---- What becomes of it ---- */

static void fill_claim(const struct decision *d, struct claim *claim)
{
	const struct event *e = d->event;

	claim->content = e->content;
	claim->type = e->type;
	claim->disposition = d->verdict->disposition;
	claim->seq = d->verdict->seq;
	TEXT_SET(claim->order_ref, d->about ? d->about->order_ref : e->order_ref);
	if (e->ptp_ref)
		TEXT_SET(claim->order_ref, e->ptp_ref);
	TEXT_SET(claim->prn, e->prn);
	if (d->about)
		TEXT_SET(claim->prn, file_prn(d->about->file));
	claim->time = e->time;
	claim->decided_at = d->now;
	claim->submitter = e->submitter;
	claim->by = e->by;
	claim->by_role = e->by_role;
	claim->prose = e->reason ? e->reason : e->note;
	TEXT_SET(claim->detail, d->verdict->sentence);
	MARK(claim);
}

/* Claims the event's name and takes its earlier quarantines out of the way (X2). NULL: out of memory. */
static struct claim *claim_event(struct decision *d, enum disposition disposition)
{
	const struct facts *facts = d->facts;
	const struct event *e = d->event;
	struct claim *claim = claim_of(d);
	struct quarantined *q = NULL;

	if (!claim)
		claim = facts->add_claim(facts->context, e);
	if (!claim)
		return NULL;
	d->verdict->disposition = disposition;
	fill_claim(d, claim);
	while ((q = facts->quarantine_of_id(facts->context, e->source, e->id, q)))
		quarantine_close(d->policy, d->facts, q, QUARANTINE_SUPERSEDED, d->now);
	return claim;
}

static int park(struct decision *d)
{
	struct claim *claim;

	decision_no_effect(d, "parked: waits for %s, which is not yet known", d->waits_for);
	claim = claim_event(d, DISPOSITION_PARKED);
	return claim ? parked_add(d, claim) : -ENOMEM;
}

static int release(struct decision *opener);

/* Decides a parked event after what it waited for. A refusal is its own affair: what else waits goes on. One that
 * parks again waits for a case and it was an order of the same name that came, or the other way round: it stays. */
static int decide_parked(struct decision *opener, struct parked *parked)
{
	struct verdict verdict = { 0 };
	struct decision d = { .policy = opener->policy,
		.facts = opener->facts,
		.event = parked->event,
		.time = parked->event->time,
		.now = opener->now,
		.effects = opener->effects,
		.verdict = &verdict,
		.touched_files = opener->touched_files };
	int answer = rules[d.event->type](&d);

	if (answer < 0)
		return answer;
	if (answer == RULE_PARKS)
		return 0;
	parked->gone = true;
	MARK(parked);
	if (answer == RULE_REFUSES) {
		answer = quarantine_add(&d, d.event, parked);
		fill_claim(&d, parked->claim);
		return answer;
	}
	verdict.disposition = DISPOSITION_ACCEPTED;
	fill_claim(&d, parked->claim);
	return release(&d);
}

/* X3: in the order of their arrival. */
static int release(struct decision *opener)
{
	struct parked *parked = NULL;
	int error = 0;

	while (opener->opened && !error &&
		(parked = opener->facts->parked(opener->facts->context, opener->opened, parked)))
		error = decide_parked(opener, parked);
	return error;
}

static int accept(struct decision *d)
{
	int error;

	if (!claim_event(d, DISPOSITION_ACCEPTED))
		return -ENOMEM;
	error = release(d);
	if (error)
		return error;
	if (d->about)
		file_touch(d, d->about->file);
	alarms_publish_past(d);
	return 0;
}

/* ---- Once more (X4) ---- */

static void keep_quarantine(const struct decision *d, struct quarantined *q)
{
	d->verdict->disposition = DISPOSITION_QUARANTINED;
	q->reason = d->verdict->reason;
	TEXT_SET(q->sentence, d->verdict->sentence);
	MARK(q);
	/* A refusal may have been published (ptp.refused); where the event stands in the log is where it was set aside. */
	d->verdict->seq = q->seq;
}

static int settle_retry(struct decision *d, struct quarantined *q, int answer)
{
	if (answer < 0)
		return answer;
	if (answer == RULE_REFUSES) {
		keep_quarantine(d, q);
		return 0;
	}
	quarantine_close(d->policy, d->facts, q, QUARANTINE_RETRIED, d->now);
	return answer == RULE_PARKS ? park(d) : accept(d);
}

int decide_event(const struct policy *policy, struct facts *facts, const struct event *event, enum reason fault_reason,
	const char *fault, struct instant now, struct effects *effects, struct verdict *ret)
{
	struct file *touched = NULL;
	struct decision d = { .policy = policy,
		.facts = facts,
		.event = event,
		.time = event->time,
		.now = now,
		.effects = effects,
		.verdict = ret,
		.touched_files = &touched };
	struct intake in = { .d = &d, .claim = claim_of(&d), .fault_reason = fault_reason, .fault = fault };
	struct quarantined *q;
	int answer;

	*ret = (struct verdict){ 0 };
	if (!claims(in.claim))
		in.claim = NULL;
	if (is_duplicate(&in))
		return 0;
	q = quarantine_of(&in);
	if (q && q->without_bytes && q->state == QUARANTINE_HELD)
		return settle_retry(&d, q, judge(&in));
	if (q) {
		answer_quarantine(&in, q);
		return 0;
	}
	answer = judge(&in);
	if (answer == RULE_ACCEPTS)
		return accept(&d);
	if (answer == RULE_PARKS)
		return park(&d);
	return answer < 0 ? answer : quarantine_add(&d, event, NULL);
}

int decide_retry(const struct policy *policy, struct facts *facts, struct quarantined *quarantined,
	const struct event *event, enum reason fault_reason, const char *fault, struct instant now,
	struct effects *effects, struct verdict *ret)
{
	struct file *touched = NULL;
	struct decision d = { .policy = policy,
		.facts = facts,
		.event = event,
		.time = event->time,
		.now = now,
		.effects = effects,
		.verdict = ret,
		.touched_files = &touched };
	struct intake in = { .d = &d, .claim = claim_of(&d), .fault_reason = fault_reason, .fault = fault };

	*ret = (struct verdict){ 0 };
	if (quarantined->state != QUARANTINE_HELD)
		return 1;
	if (!claims(in.claim))
		in.claim = NULL;
	if (is_duplicate(&in)) {
		quarantine_close(policy, facts, quarantined, QUARANTINE_SUPERSEDED, now);
		return 0;
	}
	return settle_retry(&d, quarantined, judge(&in));
}
