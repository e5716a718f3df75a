#include "ptp_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- Facts ---- */

static struct claim *claim(void *context, const char *source, const char *id)
{
	(void)context;
	(void)source;
	(void)id;
	return NULL;
}

static struct quarantined *quarantine_of_bytes(void *context, const struct hash *raw_hash)
{
	(void)context;
	(void)raw_hash;
	return NULL;
}

static struct quarantined *quarantine_of_id(
	void *context, const char *source, const char *id, struct quarantined *after)
{
	(void)context;
	(void)source;
	(void)id;
	(void)after;
	return NULL;
}

static bool opener_held(void *context, const char *ref)
{
	(void)context;
	(void)ref;
	return false;
}

static bool opener_parked(void *context, const char *ref)
{
	(void)context;
	(void)ref;
	return false;
}

static struct person *person(void *context, const char *prn)
{
	struct bench *bench = context;

	if (bench->out_of_memory)
		return NULL;
	return text_equal(prn, bench->person.prn) ? &bench->person : &bench->stranger;
}

static struct request *request(void *context, const char *order_ref)
{
	struct bench *bench = context;

	return text_equal(order_ref, bench->order.order_ref) ? &bench->order : NULL;
}

static struct ptp_case *ptp_case(void *context, const char *ptp_ref)
{
	struct bench *bench = context;

	for (size_t i = 0; i < bench->case_count; i++)
		if (text_equal(bench->cases[i].ptp_ref, ptp_ref))
			return &bench->cases[i];
	return NULL;
}

static struct parked *parked(void *context, const char *ref, struct parked *after)
{
	(void)context;
	(void)ref;
	(void)after;
	return NULL;
}

static struct request *add_request(void *context, const char *order_ref)
{
	(void)context;
	(void)order_ref;
	return NULL;
}

static struct ptp_case *add_case(void *context, const char *ptp_ref)
{
	struct bench *bench = context;
	struct ptp_case *added;

	if (bench->out_of_memory || bench->case_count == BENCH_CASES)
		return NULL;
	added = &bench->cases[bench->case_count++];
	*added = (struct ptp_case){ .change = ROW_NEW };
	TEXT_SET(added->ptp_ref, ptp_ref);
	return added;
}

static struct claim *add_claim(void *context, const struct event *event)
{
	struct bench *bench = context;

	bench->claim = (struct claim){ .source = event->source, .id = event->id, .change = ROW_NEW };
	return &bench->claim;
}

static struct parked *add_parked(void *context, const struct event *event, const char *waits_for, const char *opens)
{
	struct bench *bench = context;

	bench->parked = (struct parked){ .event = event, .change = ROW_NEW };
	TEXT_SET(bench->parked.waits_for, waits_for);
	TEXT_SET(bench->parked.opens, opens);
	return &bench->parked;
}

static struct quarantined *add_quarantined(void *context, const struct event *event, const char *opens)
{
	struct bench *bench = context;

	(void)event;
	bench->quarantined = (struct quarantined){ .opens = opens, .change = ROW_NEW };
	return &bench->quarantined;
}

static struct file *add_file(void *context)
{
	(void)context;
	return NULL;
}

/* ---- Effects ---- */

static uint64_t publish(void *context, const struct record *record)
{
	struct bench *bench = context;
	struct bench_record *kept = &bench->records[bench->record_count++];

	if (bench->record_count > BENCH_RECORDS)
		abort();
	kept->record = *record;
	if (record->task)
		kept->task = *record->task;
	kept->state = record->ptp ? record->ptp->state : PTP_NONE;
	kept->stage = record->ptp ? record->ptp->stage : 0;
	TEXT_SET(kept->sentence, record->sentence);
	return ++bench->seq;
}

size_t bench_count(const struct bench *bench, enum record_name name)
{
	size_t n = 0;

	for (size_t i = 0; i < bench->record_count; i++)
		n += bench->records[i].record.name == name;
	return n;
}

const struct bench_record *bench_record(const struct bench *bench, enum record_name name)
{
	for (size_t i = 0; i < bench->record_count; i++)
		if (bench->records[i].record.name == name)
			return &bench->records[i];
	fprintf(stderr, "%s was not published\n", record_name_text(name));
	abort();
}

/* ---- The bench ---- */

static void begin_order(struct bench *bench)
{
	bench->order = (struct request){
		.order_ref = BENCH_ORDER,
		.filed_prn = BENCH_PRN,
		.order_type = ORDER_EXTENDED_SUPERVISION_ORDER,
		.office = "WELLINGTON",
		.named_office = "WELLINGTON",
		.state = REQUEST_ALLOCATED,
		.officer_id = "po-7",
		.allocated_at = bench->now,
		.in_effect = true,
		.scheduled_on = DATE_NONE,
		.effective_on = date_of(2026, 2, 20),
		.starts_on = date_of(2026, 3, 1),
		.ends_on = DATE_NONE,
		.applied_at = bench->now,
		.requested_at = bench->now,
		.due_at = INSTANT_NONE,
		.first_report_by = INSTANT_NONE,
		.next_alarm = INSTANT_NONE,
		.file = &bench->file,
	};
}

void bench_begin(struct bench *bench, const struct policy *policy)
{
	*bench = (struct bench){
		.policy = policy,
		.facts = { bench, claim, quarantine_of_bytes, quarantine_of_id, opener_held, opener_parked, person,
			request, ptp_case, parked, add_request, add_case, add_claim, add_parked, add_quarantined,
			add_file },
		.effects = { bench, publish },
		.now = zone_instant(&policy->zone, date_of(2026, 3, 2), 9 * 3600),
		.file = { .persons = &bench->person, .requests = &bench->order },
		.other_file = { .persons = &bench->stranger },
		.person = { .prn = BENCH_PRN, .known = true, .file = &bench->file },
		.stranger = { .prn = BENCH_STRANGER, .file = &bench->other_file },
	};
	begin_order(bench);
}

struct event bench_event(const struct bench *bench, enum event_type type)
{
	static const uint8_t bytes[] = "{}";

	return (struct event){
		.type = type,
		.type_text = event_type_text(type),
		.source = "urn:nz:corrections:cpps",
		.id = "e1",
		.time = bench->now,
		.kind = SOURCE_TOOLS,
		.submitter = "bench",
		.raw = bytes,
		.raw_size = sizeof(bytes) - 1,
		.prn = BENCH_PRN,
		.order_ref = BENCH_ORDER,
		.ptp_ref = BENCH_CASE,
		.by = "po-7",
		.scheduled_on = DATE_NONE,
		.effective_on = DATE_NONE,
		.starts_on = date_of(2026, 3, 1),
		.ends_on = date_of(2027, 3, 1),
		.cancelled_on = DATE_NONE,
		.received_on = DATE_NONE,
		.ows_reviewed_on = DATE_NONE,
		.cso9_completed_on = DATE_NONE,
		.suitability = { { "C1", "C4" }, 2 },
		.monitoring = MONITORING_FULL_TIME,
		.em_criteria_met = TRI_YES,
		.residential_restrictions = TRI_YES,
		.em_approval = EM_SOUGHT,
	};
}

/* Leaves out what the particulars of a case are, and what says which order it is. */
static void forget_particulars(struct event *event)
{
	event->prn = event->order_ref = NULL;
	event->starts_on = event->ends_on = DATE_NONE;
	event->suitability.n = 0;
	event->monitoring = MONITORING_NONE;
	event->em_criteria_met = event->residential_restrictions = TRI_UNKNOWN;
	event->em_approval = EM_NONE;
}

struct event bench_stage(const struct bench *bench, uint8_t stage, enum role role, enum ptp_outcome outcome)
{
	struct event event = bench_event(bench, EVENT_PTP_STAGE_RECORDED);

	forget_particulars(&event);
	event.stage = stage;
	event.by_role = role;
	event.ptp_outcome = outcome;
	return event;
}

struct event bench_imposition(const struct bench *bench, enum ptp_imposition outcome)
{
	struct event event = bench_event(bench, EVENT_PTP_IMPOSITION_RECORDED);

	forget_particulars(&event);
	event.imposition = outcome;
	return event;
}

int bench_decide(struct bench *bench, const struct event *event)
{
	bench->record_count = 0;
	return decide_event(
		bench->policy, &bench->facts, event, REASON_NONE, "", bench->now, &bench->effects, &bench->verdict);
}

enum reason bench_reason(struct bench *bench, const struct event *event)
{
	if (bench_decide(bench, event) < 0)
		abort();
	return bench->verdict.disposition == DISPOSITION_ACCEPTED ? REASON_NONE : bench->verdict.reason;
}

static void must_accept(struct bench *bench, const struct event *event)
{
	if (bench_reason(bench, event) == REASON_NONE && bench->verdict.disposition == DISPOSITION_ACCEPTED)
		return;
	fprintf(stderr, "%s: %s\n", event->type_text, bench->verdict.sentence);
	abort();
}

struct ptp_case *bench_case_at(struct bench *bench, const struct policy *policy, uint8_t stage, uint32_t outcomes)
{
	struct event considered;

	bench_begin(bench, policy);
	considered = bench_event(bench, EVENT_PTP_CONSIDERED);
	must_accept(bench, &considered);
	bench->cases[0].stage = bench->cases[0].task.step = stage;
	bench->cases[0].outcomes = outcomes;
	return &bench->cases[0];
}

struct ptp_case *bench_approved(struct bench *bench, const struct policy *policy)
{
	struct ptp_case *ptp = bench_case_at(bench, policy, 10, 1U << OUTCOME_SUBMITTED);
	struct event event = bench_stage(bench, 10, ROLE_GENERAL_MANAGER, OUTCOME_RECOMMENDATIONS_APPROVED);

	must_accept(bench, &event);
	return ptp;
}

struct ptp_case *bench_imposed(struct bench *bench, const struct policy *policy)
{
	struct ptp_case *ptp = bench_approved(bench, policy);
	struct event event = bench_imposition(bench, IMPOSITION_IMPOSED);

	must_accept(bench, &event);
	return ptp;
}

void bench_tick(struct bench *bench, struct instant now)
{
	bench->now = now;
	bench->record_count = 0;
	while (instant_reached(bench->order.next_alarm, now))
		if (decide_request_alarm(bench->policy, &bench->facts, &bench->order, now, 1, &bench->effects) < 0)
			abort();
}
