#include "store/filled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "store/desk.h"
#include "wire/decode.h"

/* ---- Filling ---- */

#define OF(variant, a, b, c) ((variant) == FILLED ? (a) : (variant) == FILLED_OTHERWISE ? (b) : (c))

/* Nothing of an older text is left behind the new one. */
#define SET(array, from) (memset((array), 0, sizeof(array)), (void)TEXT_SET(array, from))

static struct date day(int variant, int n)
{
	return OF(variant, date_of(2026, 3, n), date_of(1999, 12, n), DATE_NONE);
}

static struct instant at(int variant, int n)
{
	return OF(variant, moment(n), moment(-1000000000 - n), INSTANT_NONE);
}

static enum tri tri(int variant)
{
	return OF(variant, TRI_YES, TRI_NO, TRI_UNKNOWN);
}

void fill_person(struct person *person, int variant)
{
	person->known = OF(variant, true, false, false);
	person->ows_reviewed_on = day(variant, 1);
	person->cso9_completed_on = day(variant, 2);
	person->on_ows = tri(variant);
	person->assessed_at = at(variant, 3);
	MARK(person);
}

static void fill_task(struct task *task, int variant, int n)
{
	static const char *const titles[] = { "Check \"papers\", {all} of them", "back\\slash and 'quote'", "", "NULL",
		"Whangārei\tand Taupō" };

	task->step = (uint8_t)(n + 1);
	task->state = (enum task_state)(1 + (n + variant) % 5);
	task->role = (enum role)(1 + (n + 3 * variant) % 10);
	SET(task->title, titles[(n + variant) % 5]);
	task->opened_at = at(variant, 10 + n);
	task->due_at = at(variant, 20 + n);
	task->closed_at = n % 2 ? at(variant, 30 + n) : INSTANT_NONE;
	task->level = OF(variant, (uint8_t)(n + 1), (uint8_t)255, (uint8_t)0);
}

void fill_request(struct request *r, int variant)
{
	r->order_type = OF(variant, ORDER_PAROLE, ORDER_COMMUNITY_WORK, ORDER_SUPERVISION);
	SET(r->office, OF(variant, "WELLINGTON", "NELSON", "DUNEDIN"));
	SET(r->named_office, OF(variant, "AUCKLAND", "NAPIER", "DUNEDIN"));
	SET(r->place, OF(variant, "Rimutaka", "Wellington-DC", ""));
	r->state = OF(variant, REQUEST_ALLOCATED, REQUEST_OPEN, REQUEST_PLANNED);
	SET(r->officer_id, OF(variant, "PO-1", "PO-2", ""));
	SET(r->recommended_officer_id, OF(variant, "PO-3", "PO-4", ""));
	r->allocated_at = at(variant, 1);
	r->in_effect = OF(variant, true, false, false);
	r->final = OF(variant, false, true, false);
	r->scheduled_on = day(variant, 2);
	r->effective_on = day(variant, 3);
	r->starts_on = day(variant, 4);
	r->ends_on = day(variant, 5);
	r->child_sex_offence = tri(variant);
	SET(r->conditions, OF(variant, "C-1 C-2", "C-3", ""));
	r->documents = OF(variant, (uint8_t)0x1e, (uint8_t)255, (uint8_t)0);
	r->applied_at = at(variant, 6);
	r->requested_at = at(variant, 7);
	r->due_at = at(variant, 8);
	r->first_report_by = at(variant, 9);
	r->level = OF(variant, (uint8_t)1, (uint8_t)255, (uint8_t)0);
	r->next_alarm = at(variant, 11);
	r->task_count = OF(variant, (uint8_t)STEPS_MAX, (uint8_t)3, (uint8_t)0);
	memset(r->tasks, 0, sizeof(r->tasks));
	for (int i = 0; i < r->task_count; i++)
		fill_task(&r->tasks[i], variant, i);
	MARK(r);
}

void fill_case(struct ptp_case *c, int variant)
{
	c->version = OF(variant, 1, 2, 1);
	c->stage = OF(variant, (uint8_t)3, (uint8_t)10, (uint8_t)1);
	c->state = OF(variant, PTP_IN_PROGRESS, PTP_APPROVED, PTP_IN_PROGRESS);
	c->outcomes = OF(variant, 1U << OUTCOME_ADVISED, 1U << OUTCOME_WITHDRAWN, 0U);
	c->approved = OF(variant, true, false, false);
	c->area_supports = tri(variant);
	c->region_supports = OF(variant, TRI_NO, TRI_YES, TRI_UNKNOWN);
	c->monitoring = OF(variant, MONITORING_FULL_TIME, MONITORING_APPROVED_ABSENCES, MONITORING_NONE);
	c->em_criteria_met = tri(variant);
	c->residential_restrictions = OF(variant, TRI_NO, TRI_YES, TRI_UNKNOWN);
	c->em_approval = OF(variant, EM_SOUGHT, EM_DECLINED, EM_NONE);
	c->starts_on = day(variant, 6);
	c->ends_on = day(variant, 7);
	SET(c->suitability, OF(variant, "C1 C2", "C8", ""));
	SET(c->considered_by, OF(variant, "PO-5", "PO-6", ""));
	c->opened_at = at(variant ? FILLED_OTHERWISE : FILLED, 40);
	c->entered_at = at(variant ? FILLED_OTHERWISE : FILLED, 41);
	c->applied_at = at(variant, 42);
	fill_task(&c->task, variant, 1);
	c->expiring_published = OF(variant, false, true, false);
	MARK(c);
}

struct hash hash_of(const char *text)
{
	struct hash hash = { { 0 } };

	(void)text_copy((char *)hash.bytes, sizeof(hash.bytes), text);
	hash.bytes[HASH_SIZE - 1] = 0xff;
	return hash;
}

void fill_claim(struct claim *c, int variant)
{
	c->content = hash_of(OF(variant, "content", "other content", "c"));
	c->type = OF(variant, EVENT_ALLOCATION_RECORDED, EVENT_TASK_RECORDED, EVENT_OFFENDER_MERGED);
	c->disposition = OF(variant, DISPOSITION_PARKED, DISPOSITION_ACCEPTED, DISPOSITION_ACCEPTED);
	c->seq = OF(variant, 7U, UINT64_C(1) << 40, 0U);
	SET(c->order_ref, OF(variant, "O-1", "O-2", ""));
	SET(c->prn, OF(variant, "P-1", "P-2", ""));
	c->time = at(variant ? FILLED_OTHERWISE : FILLED, 50);
	c->decided_at = at(variant ? FILLED_OTHERWISE : FILLED, 51);
	c->submitter = OF(variant, "tools", "local", NULL);
	c->by = OF(variant, "SM-1", "SM-2", NULL);
	c->prose = OF(variant, "because\nof \"it\"", "no reason", NULL);
	c->by_role = OF(variant, ROLE_SERVICE_MANAGER, ROLE_AREA_MANAGER, ROLE_NONE);
	SET(c->detail, OF(variant, "without effect: known", "a later one is known", ""));
	MARK(c);
}

void fill_parked(struct parked *p, int variant)
{
	p->parked_at = at(variant ? FILLED_OTHERWISE : FILLED, 60);
	p->counted_from = at(variant ? FILLED_OTHERWISE : FILLED, 61);
	p->next_alarm = at(variant, 62);
	p->long_published = OF(variant, true, false, false);
	MARK(p);
}

void fill_quarantined(struct quarantined *q, int variant)
{
	q->type_text = OF(variant, "nz.govt.unknown", "nz.govt.justice.cms.sentence.imposed", NULL);
	q->type = OF(variant, EVENT_NONE, EVENT_SENTENCE_IMPOSED, EVENT_NONE);
	q->time = at(variant, 70);
	q->office = OF(variant, "WELLINGTON", "NOWHERE", NULL);
	q->reason = OF(variant, REASON_UNKNOWN_TYPE, REASON_ORDER_DIFFERS, REASON_MALFORMED);
	SET(q->sentence, OF(variant, "the type is unknown", "differs in endsOn", "not an event"));
	q->state = QUARANTINE_HELD;
	q->closed_by = OF(variant, NULL, "SM-7", NULL);
	q->closed_reason = OF(variant, NULL, "sent twice", NULL);
	q->quarantined_at = at(variant ? FILLED_OTHERWISE : FILLED, 71);
	q->closed_at = OF(variant, INSTANT_NONE, moment(72), INSTANT_NONE);
	q->next_alarm = at(variant, 73);
	q->seq = OF(variant, 11U, 12U, 0U);
	MARK(q);
}

/* ---- New rows ---- */

struct person *known_person(struct cabinet *cabinet, const char *prn)
{
	struct facts *facts = cabinet_facts(cabinet);
	struct person *person = facts->person(facts->context, prn);

	assert_non_null(person);
	return person;
}

struct request *new_request(struct cabinet *cabinet, const char *prn, const char *order_ref, int variant)
{
	struct facts *facts = cabinet_facts(cabinet);
	struct file *file = known_person(cabinet, prn)->file;
	struct request *request = facts->add_request(facts->context, order_ref), **at_end = &file->requests;

	assert_non_null(request);
	TEXT_SET(request->filed_prn, prn);
	fill_request(request, variant);
	while (*at_end)
		at_end = &(*at_end)->next;
	*at_end = request;
	request->file = file;
	MARK(known_person(cabinet, prn));
	return request;
}

struct ptp_case *new_case(struct cabinet *cabinet, const char *order_ref, const char *ptp_ref, int variant)
{
	struct facts *facts = cabinet_facts(cabinet);
	struct request *request = facts->request(facts->context, order_ref);
	struct ptp_case *ptp = facts->add_case(facts->context, ptp_ref), **at_end = &request->cases;

	assert_non_null(ptp);
	fill_case(ptp, variant);
	while (*at_end)
		at_end = &(*at_end)->next;
	*at_end = ptp;
	ptp->request = request;
	return ptp;
}

struct claim *new_claim(struct cabinet *cabinet, const struct event *event, int variant)
{
	struct facts *facts = cabinet_facts(cabinet);
	struct claim *claim = facts->add_claim(facts->context, event);

	assert_non_null(claim);
	fill_claim(claim, variant);
	return claim;
}

struct parked *new_parked(struct cabinet *cabinet, const struct event *event, const char *waits_for, int variant)
{
	struct facts *facts = cabinet_facts(cabinet);
	struct parked *parked = facts->add_parked(facts->context, event, waits_for, event->ptp_ref);

	assert_non_null(parked);
	fill_parked(parked, variant);
	return parked;
}

struct quarantined *new_quarantined(struct cabinet *cabinet, const struct event *event, int variant)
{
	struct facts *facts = cabinet_facts(cabinet);
	struct quarantined *quarantined =
		facts->add_quarantined(facts->context, event, event->ptp_ref ? event->ptp_ref : event->order_ref);

	assert_non_null(quarantined);
	fill_quarantined(quarantined, variant);
	return quarantined;
}

void merge(struct cabinet *cabinet, const char *prn, const char *into)
{
	struct person *retired = known_person(cabinet, prn), *survivor = known_person(cabinet, into);
	struct file *from = retired->file, *to = survivor->file;
	struct person **persons = &to->persons;
	struct request **requests = &to->requests;

	retired = from->persons;
	TEXT_SET(retired->merged_into, into);
	MARK(retired);
	MARK(survivor);
	while (*persons)
		persons = &(*persons)->next;
	while (*requests)
		requests = &(*requests)->next;
	*persons = from->persons;
	*requests = from->requests;
	for (struct person *p = from->persons; p; p = p->next)
		p->file = to;
	for (struct request *r = from->requests; r; r = r->next) {
		r->file = to;
		MARK(r);
	}
	from->persons = NULL;
	from->requests = NULL;
}

static struct event event_of_type(struct arena *arena, const char *id, const char *type, const char *data)
{
	char line[600];
	struct event event = { 0 };
	enum reason reason = REASON_NONE;
	struct fault fault = { "" };
	int n = snprintf(line, sizeof(line),
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"urn:tools\",\"type\":\"nz.govt.corrections.cpps.%"
		"s\","
		"\"time\":\"2026-03-01T10:20:30.000456Z\",\"data\":{%s}}",
		id, type, data);
	const char *kept = arena_text_n(arena, line, (size_t)n);

	if (wire_decode(arena, kept, (size_t)n, &event, &reason, &fault) != 0)
		fail_msg("%s", fault.sentence);
	event.submitter = "tools";
	event.kind = SOURCE_TOOLS;
	return event;
}

struct event waiting_event(struct arena *arena, const char *id, const char *order_ref)
{
	char data[200];

	(void)snprintf(data, sizeof(data),
		"\"orderRef\":\"%s\",\"officerId\":\"PO-1\",\"byRole\":\"SERVICE_MANAGER\",\"by\":\"SM-1\",\"reason\":"
		"\"because\"",
		order_ref);
	return event_of_type(arena, id, "allocation.recorded", data);
}

struct event considered_event(struct arena *arena, const char *id, const char *order_ref, const char *ptp_ref)
{
	char data[200];

	(void)snprintf(data, sizeof(data),
		"\"ptpRef\":\"%s\",\"prn\":\"P-1\",\"orderRef\":\"%s\",\"emCriteriaMet\":true,\"by\":\"PO-1\"", ptp_ref,
		order_ref);
	return event_of_type(arena, id, "ptp.considered", data);
}

/* ---- Comparing ---- */

static void assert_same_bytes(const void *a, const void *b, size_t n, const char *what)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			fail_msg("%s differs at byte %zu: %u and %u", what, i, x[i], y[i]);
}

static void assert_same_text(const char *a, const char *b, const char *what)
{
	if (!a != !b || (a && strcmp(a, b) != 0))
		fail_msg("%s differs: %s and %s", what, a ? a : "NULL", b ? b : "NULL");
}

/* The members up to `change`, which all are stored and hold no pointer. Rows begin as zeros, so that what lies between and behind is the same. */
#define ASSERT_SAME_FIELDS(a, b) assert_same_bytes(a, b, offsetof(__typeof__(*(a)), change), #a)

void assert_same_person(const struct person *a, const struct person *b)
{
	ASSERT_SAME_FIELDS(a, b);
}

void assert_same_request(const struct request *a, const struct request *b)
{
	ASSERT_SAME_FIELDS(a, b);
}

void assert_same_case(const struct ptp_case *a, const struct ptp_case *b)
{
	ASSERT_SAME_FIELDS(a, b);
}

#define ASSERT_SAME_STRING(member) assert_same_text(a->member, b->member, #member)

void assert_same_claim(const struct claim *a, const struct claim *b)
{
	struct claim x = *a, y = *b;

	ASSERT_SAME_STRING(source);
	ASSERT_SAME_STRING(id);
	ASSERT_SAME_STRING(submitter);
	ASSERT_SAME_STRING(by);
	ASSERT_SAME_STRING(prose);
	x.source = x.id = x.submitter = x.by = x.prose = NULL;
	y.source = y.id = y.submitter = y.by = y.prose = NULL;
	ASSERT_SAME_FIELDS(&x, &y);
}

void assert_same_event(const struct event *a, const struct event *b)
{
	ASSERT_SAME_STRING(source);
	ASSERT_SAME_STRING(id);
	ASSERT_SAME_STRING(type_text);
	ASSERT_SAME_STRING(submitter);
	ASSERT_SAME_STRING(order_ref);
	ASSERT_SAME_STRING(officer_id);
	ASSERT_SAME_STRING(by);
	ASSERT_SAME_STRING(reason);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->time.us, b->time.us);
	assert_int_equal(a->raw_size, b->raw_size);
	assert_memory_equal(a->raw, b->raw, a->raw_size);
	assert_memory_equal(&a->raw_hash, &b->raw_hash, sizeof(a->raw_hash));
	assert_memory_equal(&a->content, &b->content, sizeof(a->content));
}

void assert_same_parked(const struct parked *a, const struct parked *b)
{
	struct parked x = *a, y = *b;

	assert_same_event(a->event, b->event);
	x.event = y.event = NULL;
	ASSERT_SAME_FIELDS(&x, &y);
}

void assert_same_quarantined(const struct quarantined *a, const struct quarantined *b)
{
	struct quarantined x = *a, y = *b;

	ASSERT_SAME_STRING(source);
	ASSERT_SAME_STRING(id);
	ASSERT_SAME_STRING(type_text);
	ASSERT_SAME_STRING(order_ref);
	ASSERT_SAME_STRING(office);
	ASSERT_SAME_STRING(opens);
	ASSERT_SAME_STRING(submitter);
	ASSERT_SAME_STRING(closed_by);
	ASSERT_SAME_STRING(closed_reason);
	x.source = x.id = x.type_text = x.order_ref = x.office = x.opens = x.submitter = x.closed_by = x.closed_reason =
		NULL;
	y.source = y.id = y.type_text = y.order_ref = y.office = y.opens = y.submitter = y.closed_by = y.closed_reason =
		NULL;
	x.raw = y.raw = NULL; /* the rules do not read it */
	ASSERT_SAME_FIELDS(&x, &y);
}
