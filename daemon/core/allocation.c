/* The rules of the events about one order, as one table: what an event does depends on how the order stands.
 *
 *	NEW      no such order yet            ENDED   past its last day
 *	PLANNED  scheduled (R2)               CLOSED  its release was cancelled, or it was recalled: may come back (R2)
 *	LIVE     in effect (R1, R11)          FINAL   a cancelled sentence: never again (R2)
 *
 *	event               NEW        PLANNED    LIVE       ENDED      CLOSED      FINAL
 *	scheduled           plan       replan     stands     stands     plan        refuse     R2, R10
 *	imposed, released   begin      begin      repeat     repeat     begin       refuse     R1, R6, R10
 *	baseline            take over  take over  repeat     repeat     take over   refuse     R11, R10
 *	varied              park       vary       vary       vary       refuse      refuse     R8
 *	sentence cancelled  park       close      close      closed     closed      closed     R2, R8
 *	release cancelled   park       close      close      close      closed      closed     R2, R8
 *	recalled            park       close      close      closed     closed      closed     R8
 *	document            park       document   document   keep       keep        keep       R4 step 2
 *	allocation          park       allocate   allocate   refuse     refuse      refuse     R2, R5, R7
 *	transfer            park       transfer   transfer   refuse     refuse      refuse     R7
 *	task                park       task       task       refuse     refuse      refuse     R2, R4, R7
 *
 * `park` is X3, `refuse` ORDER_CLOSED, `closed` and `stands` accept without effect, `keep` remembers the paper for when the order
 * comes back. Before any of them, an event that names another person than the order's is refused (R10), `varied` apart; and plan, replan,
 * begin, take over (of one that was closed) and vary leave things as they are if something later was applied before (R8). A variation may
 * be older than the first opening, which corrects nothing: the source's clocks need not agree. What was said of an earlier release
 * (is_of_an_earlier_release) neither closes nor varies the one that stands; closed remembers how late it was said, so that nothing older opens the
 * order again.
 *
 * Ours, where the rules leave it open:
 * - A transfer keeps the officer: whoever receives the order decides whether to reallocate.
 * - An office in a later event of the source counts only if it is another than the source named last, so that a copy or correction that
 *   is about something else does not undo a transfer.
 * - A release whose end was wrong, so that it has ended, can be undone like any other: its successor is then no second copy (R10).
 * - An order that comes back after its release was cancelled keeps its officer; after a recall it needs a new one, and new papers.
 * - A variation that moves the last day of an ended order into the future brings it back, with the steps that were cancelled.
 * - The first report is counted from the event, or from the start of the order where that is later. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/rules.h"

/* ---- Publishing ---- */

static void publish(struct decision *d, const struct request *request, enum record_name name)
{
	struct record record = { .name = name, .request = request };

	decision_publish(d, &record);
}

void allocation_publish_changed(struct decision *d, const struct request *request, const char *change,
	const char *previous_office, const char *previous_prn)
{
	struct record record = { .name = RECORD_ALLOCATION_CHANGED,
		.request = request,
		.change = change,
		.previous_office = previous_office,
		.previous_prn = previous_prn };

	decision_publish(d, &record);
	if (!previous_office)
		return;
	record.office = previous_office;
	decision_publish(d, &record);
}

/* The door: every change of a request's state. */
static void set_state(struct request *request, enum request_state state)
{
	request->state = state;
	MARK(request);
}

/* An officer is recorded, and step 8 has not been reopened since. */
static bool is_allocated(const struct policy *policy, struct request *request)
{
	const struct task *task = steps_completed_by(policy, request, BY_OFFICER);

	return *request->officer_id && !(task && task->state == TASK_OPEN);
}

void allocation_follow_steps(struct decision *d, struct request *request)
{
	enum request_state before = request->state, state = REQUEST_OPEN;

	if (is_allocated(d->policy, request))
		state = steps_all_closed(request) ? REQUEST_COMPLETED : REQUEST_ALLOCATED;
	if (state == before)
		return;
	set_state(request, state);
	if (state == REQUEST_COMPLETED)
		publish(d, request, RECORD_ALLOCATION_COMPLETED);
	else
		allocation_publish_changed(
			d, request, before == REQUEST_OPEN ? "officer-confirmed" : "reopened", NULL, NULL);
}

/* ---- The particulars of an order (R10) ---- */

static struct date starts_on(const struct event *e)
{
	return date_given(e->starts_on) ? e->starts_on : e->effective_on;
}

/* The codes in ascending order, so that the same ones are the same text. */
static void join_conditions(const struct codes *codes, char *to, size_t size)
{
	const char *sorted[CODES_MAX];
	size_t n = 0;

	for (uint8_t i = 0, k; i < codes->n; i++) {
		for (k = i; k > 0 && strcmp(sorted[k - 1], codes->code[i]) > 0; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = codes->code[i];
	}
	*to = 0;
	for (uint8_t i = 0; i < codes->n; i++) {
		text_copy(to + n, size - n, i ? " " : "");
		n += strlen(to + n);
		text_copy(to + n, size - n, sorted[i]);
		n += strlen(to + n);
	}
}

static bool same_type(const struct request *r, const struct event *e)
{
	return r->order_type == e->order_type;
}

static bool same_effect(const struct request *r, const struct event *e)
{
	return (r->in_effect ? r->effective_on : r->scheduled_on).day == e->effective_on.day;
}

static bool same_start(const struct request *r, const struct event *e)
{
	return r->starts_on.day == starts_on(e).day;
}

static bool same_end(const struct request *r, const struct event *e)
{
	return r->ends_on.day == e->ends_on.day;
}

static bool same_office(const struct request *r, const struct event *e)
{
	return text_equal(r->named_office, e->office);
}

static bool same_offence(const struct request *r, const struct event *e)
{
	return r->child_sex_offence == e->child_sex_offence;
}

static bool same_conditions(const struct request *r, const struct event *e)
{
	char conditions[sizeof(r->conditions)];

	join_conditions(&e->conditions, conditions, sizeof(conditions));
	return text_equal(r->conditions, conditions);
}

/* A baseline says more than the order: who has it, and which papers came. */
static bool same_officer(const struct request *r, const struct event *e)
{
	return !text_given(e->officer_id) || text_equal(r->officer_id, e->officer_id);
}

static bool same_documents(const struct request *r, const struct event *e)
{
	return e->type != EVENT_ORDER_BASELINE || !(e->documents & ~(unsigned)r->documents);
}

static const struct particular {
	const char *field;
	bool (*same)(const struct request *r, const struct event *e);
} particulars[] = {
	{ "orderType", same_type },
	{ "imposedOn or releasedOn", same_effect },
	{ "startsOn", same_start },
	{ "endsOn", same_end },
	{ "office", same_office },
	{ "childSexOffence", same_offence },
	{ "conditions", same_conditions },
	{ "officerId", same_officer },
	{ "documents", same_documents },
};

/* No particular, since two sources may name the court or prison of one order differently; and yet it can be corrected. */
static bool same_place(const struct request *r, const struct event *e)
{
	return !text_given(e->place) || text_equal(r->place, e->place);
}

/* The first field in which the event differs from the order as its source described it last; NULL: it says the same. */
static const char *differing(const struct request *r, const struct event *e)
{
	for (size_t i = 0; i < ARRAY_LENGTH(particulars); i++)
		if (!particulars[i].same(r, e))
			return particulars[i].field;
	return NULL;
}

/* The office counts if the source names another than before. `ret_previous`: the office it leaves, "" where it stays. */
static void take_office(struct request *r, const struct event *e, char ret_previous[static OFFICE_MAX + 1])
{
	*ret_previous = 0;
	if (text_equal(r->named_office, e->office))
		return;
	TEXT_SET(r->named_office, e->office);
	if (!text_equal(r->office, e->office))
		text_copy(ret_previous, OFFICE_MAX + 1, r->office);
	TEXT_SET(r->office, e->office);
}

static void take_particulars(struct request *r, const struct event *e)
{
	r->order_type = e->order_type;
	TEXT_SET(r->place, e->place);
	r->effective_on = e->effective_on;
	r->starts_on = starts_on(e);
	r->ends_on = e->ends_on;
	r->child_sex_offence = e->child_sex_offence;
	join_conditions(&e->conditions, r->conditions, sizeof(r->conditions));
}

/* ---- Time ---- */

/* R8: a later correction, closing or further opening was applied to the order before. */
static bool is_stale(const struct request *request, const struct event *e)
{
	return e->time.us < request->applied_at.us;
}

/* So it was, or the order was opened later. */
static bool opens_too_late(const struct request *request, const struct event *e)
{
	return is_stale(request, e) || e->time.us < request->requested_at.us;
}

/* A release may come again, and what was said of an earlier one may come late, or wait where that never came. A list's own time says nothing of
 * the release, and clocks need not agree, so the days count as well; and where the release lies ahead, it is what is corrected. */
static bool is_of_an_earlier_release(const struct decision *d, const struct request *request)
{
	struct instant stands_since = request->requested_at;
	struct date day = request->effective_on;

	if (!request->in_effect) {
		if (is_stale(request, d->event))
			stands_since = request->applied_at;
		day = zone_date(&d->policy->zone, stands_since, NULL);
	}
	return event_type_kinds(d->event->type) == 1U << SOURCE_PRISON && d->time.us < stands_since.us &&
	       instant_reached(stands_since, d->now) && zone_date(&d->policy->zone, d->time, NULL).day < day.day;
}

static int leave_stale(struct decision *d, const struct request *request)
{
	return decision_no_effect(
		d, "kept as history: something later than its time was applied to order %s before", request->order_ref);
}

static void set_applied(struct request *request, struct instant time)
{
	if (time.us > request->applied_at.us)
		request->applied_at = time;
	MARK(request);
}

static struct instant first_report(const struct policy *policy, const struct request *request, struct instant from)
{
	int32_t hours = policy->order_types[request->order_type].first_report_hours;
	struct instant start = policy_midnight(policy, request->starts_on);

	if (!hours)
		return INSTANT_NONE;
	return instant_plus(start.us > from.us ? start : from, hours * US_PER_HOUR);
}

static void count_from(const struct policy *policy, struct request *request, struct instant from)
{
	request_set_due(request, request_due(policy, request, from));
	request->first_report_by = first_report(policy, request, from);
}

/* ---- Opening: plan, begin, take over ---- */

static void blank(struct request *r)
{
	r->scheduled_on = r->effective_on = r->starts_on = r->ends_on = DATE_NONE;
	r->requested_at = r->due_at = r->first_report_by = r->next_alarm = INSTANT_NONE;
}

static int check_room(struct decision *d, const struct file *file)
{
	if (file_current_orders(file) < FILE_ORDERS_MAX)
		return RULE_ACCEPTS;
	return decision_refuse(
		d, REASON_TOO_MANY_ORDERS, "prn %s has %d open orders already", file_prn(file), FILE_ORDERS_MAX);
}

static int open_new(struct decision *d, struct request **ret)
{
	const struct event *e = d->event;
	struct person *person = d->facts->person(d->facts->context, e->prn);
	struct request *request;
	int answer;

	if (!person)
		return -ENOMEM;
	answer = check_room(d, person->file);
	if (answer != RULE_ACCEPTS)
		return answer;
	request = d->facts->add_request(d->facts->context, e->order_ref);
	if (!request)
		return -ENOMEM;
	file_note(d, person->file);
	blank(request);
	request->allocated_at = request->applied_at = INSTANT_NONE;
	TEXT_SET(request->filed_prn, person->prn);
	file_link(person->file, request);
	person_keep(person);
	*ret = request;
	return RULE_ACCEPTS;
}

/* R2: a closed order comes back, blank but for its papers and, unless it was recalled, its officer. */
static int open_again(struct decision *d, struct request *request)
{
	int answer = check_room(d, request->file);

	if (answer != RULE_ACCEPTS)
		return answer;
	file_note(d, request->file);
	blank(request);
	if (request->in_effect) {
		*request->officer_id = 0;
		request->allocated_at = INSTANT_NONE;
		request->in_effect = false;
	}
	*request->named_office = *request->office = 0;
	*request->recommended_officer_id = 0;
	request->task_count = 0;
	return RULE_ACCEPTS;
}

/* Makes the request ready to be filled in, whether it is new, planned or closed. */
static int open_request(struct decision *d, struct request **request)
{
	bool is_new = !*request;
	int answer = RULE_ACCEPTS;

	if (is_new)
		answer = open_new(d, request);
	else if ((*request)->state == REQUEST_CANCELLED)
		answer = open_again(d, *request);
	else
		file_note(d, (*request)->file);
	if (answer != RULE_ACCEPTS)
		return answer;
	d->about = *request;
	d->opened = (*request)->order_ref;
	(*request)->requested_at = d->time;
	if (!is_new)
		set_applied(*request, d->time);
	return RULE_ACCEPTS;
}

static bool comes_too_late(const struct request *request, const struct event *e)
{
	return request && request->state == REQUEST_CANCELLED && opens_too_late(request, e);
}

static void settle_office(struct decision *d, const struct request *request, const char *previous)
{
	if (*previous)
		allocation_publish_changed(d, request, "office", previous, NULL);
}

static void recommend(struct request *request)
{
	if (!*request->officer_id)
		TEXT_SET(request->recommended_officer_id, file_recommends(request));
}

static void fill_plan(struct decision *d, struct request *request)
{
	const struct event *e = d->event;

	request->order_type = e->order_type;
	request->scheduled_on = e->scheduled_on;
	TEXT_SET(request->place, e->place);
	request_set_due(request, policy_midnight(d->policy, request->scheduled_on));
}

/* R2: allocate ahead, step 8 only. */
static int plan(struct decision *d, struct request *request)
{
	char previous[OFFICE_MAX + 1];
	int answer;

	if (comes_too_late(request, d->event))
		return leave_stale(d, request);
	answer = open_request(d, &request);
	if (answer != RULE_ACCEPTS)
		return answer;
	take_office(request, d->event, previous);
	fill_plan(d, request);
	set_state(request, REQUEST_PLANNED);
	recommend(request);
	publish(d, request, RECORD_ALLOCATION_PLANNED);
	steps_begin_allocation(d, request);
	file_settle(d);
	return RULE_ACCEPTS;
}

/* R2: scheduled again moves the date. */
static int replan(struct decision *d, struct request *request)
{
	const struct event *e = d->event;
	char previous[OFFICE_MAX + 1];

	if (opens_too_late(request, e))
		return leave_stale(d, request);
	if (same_type(request, e) && same_office(request, e) && same_place(request, e) &&
		request->scheduled_on.day == e->scheduled_on.day) {
		set_applied(request, d->time);
		return decision_no_effect(d, "order %s is planned like that already", request->order_ref);
	}
	take_office(request, e, previous);
	fill_plan(d, request);
	set_applied(request, d->time);
	allocation_publish_changed(d, request, "order", *previous ? previous : NULL, NULL);
	return RULE_ACCEPTS;
}

/* R4 step 4: from now on the offender is known, by the number the order was filed under. */
static int know_offender(struct decision *d, const struct request *request)
{
	struct person *person = d->facts->person(d->facts->context, request->filed_prn);

	if (!person)
		return -ENOMEM;
	if (!person->known) {
		person->known = true;
		MARK(person);
	}
	return RULE_ACCEPTS;
}

/* R6 */
static void publish_preallocation_missed(struct decision *d, const struct request *request)
{
	if (d->policy->order_types[request->order_type].preallocate && !*request->officer_id)
		publish(d, request, RECORD_ALLOCATION_PREALLOCATION_MISSED);
}

/* R1: the order takes effect. */
static int begin(struct decision *d, struct request *request)
{
	char previous[OFFICE_MAX + 1];
	int answer;

	if (comes_too_late(request, d->event))
		return leave_stale(d, request);
	answer = open_request(d, &request);
	if (answer != RULE_ACCEPTS)
		return answer;
	take_office(request, d->event, previous);
	take_particulars(request, d->event);
	request->in_effect = true;
	count_from(d->policy, request, d->time);
	set_state(request, is_allocated(d->policy, request) ? REQUEST_ALLOCATED : REQUEST_OPEN);
	recommend(request);
	publish(d, request, RECORD_ALLOCATION_REQUESTED);
	settle_office(d, request, previous);
	publish_preallocation_missed(d, request);
	steps_begin(d, request);
	file_settle(d);
	return know_offender(d, request);
}

static void take_officer(struct request *request, const char *officer_id, struct instant time)
{
	TEXT_SET(request->officer_id, officer_id);
	request->allocated_at = time;
	MARK(request);
}

/* R11: without tasks if somebody has it, else step 8 only. A plan's step 8 is closed with it. */
static void begin_taken_over(struct decision *d, struct request *request)
{
	struct task *task = steps_completed_by(d->policy, request, BY_OFFICER);

	if (!*request->officer_id)
		steps_begin_allocation(d, request);
	else if (task && task->state == TASK_OPEN)
		steps_close(d, request, task, TASK_COMPLETED);
}

/* R11 */
static int take_over(struct decision *d, struct request *request)
{
	const struct event *e = d->event;
	char previous[OFFICE_MAX + 1];
	int answer;

	if (comes_too_late(request, e))
		return leave_stale(d, request);
	answer = open_request(d, &request);
	if (answer != RULE_ACCEPTS)
		return answer;
	take_office(request, e, previous);
	take_particulars(request, e);
	request->in_effect = true;
	request->documents |= e->documents;
	request_set_due(request, request_due(d->policy, request, d->time));
	if (text_given(e->officer_id))
		take_officer(request, e->officer_id, d->time);
	set_state(request, *request->officer_id ? REQUEST_COMPLETED : REQUEST_OPEN);
	recommend(request);
	publish(d, request, RECORD_ALLOCATION_BASELINED);
	settle_office(d, request, previous);
	begin_taken_over(d, request);
	file_settle(d);
	return know_offender(d, request);
}

/* R10: scheduled after it took effect. */
static int stands(struct decision *d, struct request *request)
{
	return decision_no_effect(d, "order %s has taken effect already", request->order_ref);
}

/* R10: a second one for an order in effect. */
static int repeat(struct decision *d, struct request *request)
{
	const char *field = differing(request, d->event);

	if (!field)
		return decision_no_effect(
			d, "order %s is in effect already, with the same content", request->order_ref);
	return decision_refuse(d, REASON_ORDER_DIFFERS,
		"%s differs from what is in effect for order %s: a correction must say varied", field,
		request->order_ref);
}

/* ---- Correcting (R8) ---- */

struct was {
	char office[OFFICE_MAX + 1]; /* "": it stays */
	enum order_type order_type;
	struct date effective_on, starts_on;
	const char *prn;
	struct file *file;
};

/* The due time is counted anew from the variation if the type is another, from the opening if only the dates are. */
static void vary_due(struct decision *d, struct request *request, const struct was *was)
{
	if (!request->in_effect) {
		request->scheduled_on = request->effective_on;
		request->effective_on = DATE_NONE;
		request_set_due(request, policy_midnight(d->policy, request->scheduled_on));
	} else if (request->order_type != was->order_type) {
		count_from(d->policy, request, d->time);
	} else if (request->effective_on.day != was->effective_on.day || request->starts_on.day != was->starts_on.day) {
		count_from(d->policy, request, request->requested_at);
	}
}

/* An ended order whose last day now lies ahead is live again. */
static bool comes_back(const struct decision *d, const struct request *request)
{
	struct instant end = policy_midnight(d->policy, date_plus(request->ends_on, 1));

	return request->state == REQUEST_ENDED && !instant_reached(end, d->now);
}

static void apply_variation(struct decision *d, struct request *request, const struct person *person)
{
	struct was was = { .order_type = request->order_type,
		.effective_on = request->effective_on,
		.starts_on = request->starts_on,
		.prn = file_prn(request->file),
		.file = request->file };
	bool moved = person->file != was.file, back;

	if (moved)
		file_move(person->file, request);
	TEXT_SET(request->filed_prn, person->prn);
	take_office(request, d->event, was.office);
	take_particulars(request, d->event);
	set_applied(request, d->time);
	vary_due(d, request, &was);
	back = comes_back(d, request);
	if (back)
		set_state(request, is_allocated(d->policy, request) ? REQUEST_ALLOCATED : REQUEST_OPEN);
	allocation_publish_changed(
		d, request, moved ? "prn" : "order", *was.office ? was.office : NULL, moved ? was.prn : NULL);
	if (back)
		steps_revive(d, request);
}

static int check_move(struct decision *d, const struct request *request, const struct file *to)
{
	return request->file == to && request_current(request) ? RULE_ACCEPTS : check_room(d, to);
}

static int vary(struct decision *d, struct request *request)
{
	struct person *person = d->facts->person(d->facts->context, d->event->prn);
	bool same_limits = same_type(request, d->event) && same_start(request, d->event);
	int answer;

	if (!person)
		return -ENOMEM;
	if (is_stale(request, d->event) || is_of_an_earlier_release(d, request))
		return leave_stale(d, request);
	if (!differing(request, d->event) && same_place(request, d->event) &&
		text_equal(request->filed_prn, person->prn)) {
		set_applied(request, d->time);
		return decision_no_effect(d, "order %s stands like that already", request->order_ref);
	}
	answer = check_move(d, request, person->file);
	if (answer != RULE_ACCEPTS)
		return answer;
	file_note(d, request->file);
	file_note(d, person->file);
	steps_note(d, request); /* of an ended one too: it may come back */
	if (person->file != request->file)
		steps_forget_person(d->policy, request);
	person_keep(person);
	apply_variation(d, request, person);
	file_settle(d);
	if (!same_limits)
		ptp_order_varied(d, request);
	return request_live(request) ? know_offender(d, request) : RULE_ACCEPTS;
}

/* ---- Closing (R2, R8) ---- */

static void close_request(struct decision *d, struct request *request, enum request_state state, enum record_name name)
{
	set_state(request, state);
	publish(d, request, name);
	steps_cancel(d, request);
	ptp_order_closed(d, request);
}

static int close_order(struct decision *d, struct request *request)
{
	if (is_of_an_earlier_release(d, request))
		return leave_stale(d, request);
	file_note(d, request->file);
	/* Asked by what opens it again, which no correction of what is closed holds up. */
	request->applied_at = d->time;
	if (d->event->type == EVENT_SENTENCE_CANCELLED)
		request->final = true;
	else if (d->event->type == EVENT_RELEASE_CANCELLED)
		request->in_effect = false;
	else
		request->documents = 0; /* a release after the recall has papers of its own */
	close_request(d, request, REQUEST_CANCELLED, RECORD_ALLOCATION_CANCELLED);
	file_settle(d);
	return RULE_ACCEPTS;
}

static int closed(struct decision *d, struct request *request)
{
	if (request->state == REQUEST_CANCELLED) {
		set_applied(request, d->time);
		request->final |= d->event->type == EVENT_SENTENCE_CANCELLED;
	}
	return decision_no_effect(d, "order %s is closed already", request->order_ref);
}

void allocation_end(struct decision *d, struct request *request)
{
	file_note(d, request->file);
	close_request(d, request, REQUEST_ENDED, RECORD_ALLOCATION_ENDED);
	file_settle(d);
}

static int refuse(struct decision *d, struct request *request)
{
	return decision_refuse(d, REASON_ORDER_CLOSED, "order %s is closed (%s)", request->order_ref,
		request_state_text(request->state));
}

static int park(struct decision *d, struct request *request)
{
	(void)request;
	return decision_park(d, d->event->order_ref);
}

/* ---- Working on it: documents, officer, office, steps ---- */

static bool take_document(struct request *request, uint8_t document)
{
	if (!(document & ~(unsigned)request->documents))
		return false;
	request->documents |= document;
	MARK(request);
	return true;
}

static int keep(struct decision *d, struct request *request)
{
	take_document(request, d->event->documents);
	return decision_no_effect(
		d, "order %s is closed: the document is kept for when it comes back", request->order_ref);
}

/* What is to do and the papers complete; NULL: nothing. */
static struct task *completed_by_papers(const struct policy *policy, struct request *request)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		if (task_to_do(t) && steps_completion(policy, t) == BY_DOCUMENTS &&
			steps_documents_complete(policy, request))
			return t;
	return NULL;
}

/* R4 step 2 */
static int document(struct decision *d, struct request *request)
{
	bool is_new = take_document(request, d->event->documents);
	struct task *task = completed_by_papers(d->policy, request);

	if (!task)
		return is_new ? RULE_ACCEPTS : decision_no_effect(d, "the document was received before");
	file_note(d, request->file);
	for (; task; task = completed_by_papers(d->policy, request))
		steps_close(d, request, task, TASK_COMPLETED);
	file_settle(d);
	return RULE_ACCEPTS;
}

/* R7 */
static int check_role(struct decision *d, enum role role)
{
	const struct event *e = d->event;

	if (policy_may_act(d->policy, SCOPE_ALLOCATION, e->by_role, role))
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_ROLE_MAY_NOT_ACT, "byRole %s may not act for %s", role_text(e->by_role),
		role ? role_text(role) : "the bridge");
}

/* Who allocates: whose step 8 is, and for an order taken over without it whose it would be. */
static enum role allocating_role(const struct policy *policy, struct request *request)
{
	const struct task *task = steps_completed_by(policy, request, BY_OFFICER);
	const struct policy_step *step = policy->steps;

	if (task)
		return task->role;
	while (step->completed_by != BY_OFFICER) /* there is one: the policy was validated */
		step++;
	return step->role;
}

static void record_officer(struct decision *d, struct request *request, struct task *task)
{
	char previous[REF_MAX + 1];
	struct record record = { .request = request };

	TEXT_SET(previous, request->officer_id);
	take_officer(request, d->event->officer_id, d->time);
	if (request->state == REQUEST_OPEN)
		set_state(request, REQUEST_ALLOCATED);
	if (*previous && !text_equal(previous, request->officer_id)) {
		record.name = RECORD_ALLOCATION_REALLOCATED;
		record.previous_officer_id = previous;
	} else {
		record.name = RECORD_ALLOCATION_ALLOCATED;
	}
	decision_publish(d, &record);
	if (task && task->state == TASK_OPEN)
		steps_close(d, request, task, TASK_COMPLETED);
}

/* R2, R5: whoever is recorded is accepted; settling says whether the orders are now split. */
static int allocate(struct decision *d, struct request *request)
{
	struct task *task = steps_completed_by(d->policy, request, BY_OFFICER);
	int answer = check_role(d, allocating_role(d->policy, request));

	if (answer != RULE_ACCEPTS)
		return answer;
	if (text_equal(request->officer_id, d->event->officer_id) && is_allocated(d->policy, request))
		return decision_no_effect(
			d, "officer %s has order %s already", request->officer_id, request->order_ref);
	file_note(d, request->file);
	if (request_live(request))
		request->file->was_split = false; /* said again as long as an allocation leaves it so */
	record_officer(d, request, task);
	file_settle(d);
	return RULE_ACCEPTS;
}

static int transfer(struct decision *d, struct request *request)
{
	char previous[OFFICE_MAX + 1];
	int answer = check_role(d, allocating_role(d->policy, request));

	if (answer != RULE_ACCEPTS)
		return answer;
	if (text_equal(request->office, d->event->office))
		return decision_no_effect(d, "order %s is at %s already", request->order_ref, request->office);
	TEXT_SET(previous, request->office);
	TEXT_SET(request->office, d->event->office);
	MARK(request);
	allocation_publish_changed(d, request, "office", previous, NULL);
	return RULE_ACCEPTS;
}

/* Step 8 says that somebody has the order; so there must be somebody. */
static int check_closing(struct decision *d, const struct request *request, const struct task *task)
{
	if (task->state != TASK_OPEN)
		return decision_refuse(d, REASON_STEP_NOT_OPEN, "step %d of order %s is %s", task->step,
			request->order_ref, task_state_text(task->state));
	if (steps_completion(d->policy, task) == BY_OFFICER && !*request->officer_id)
		return decision_refuse(d, REASON_STEP_NOT_OPEN, "step %d of order %s is closed by recording an officer",
			task->step, request->order_ref);
	return RULE_ACCEPTS;
}

static int check_reopening(struct decision *d, const struct request *request, const struct task *task)
{
	if (task->state == TASK_COMPLETED || task->state == TASK_SKIPPED)
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_STEP_NOT_OPEN, "step %d of order %s is %s: only a closed one can be reopened",
		task->step, request->order_ref, task_state_text(task->state));
}

static int refuse_step(struct decision *d, const struct request *request)
{
	int32_t step = d->event->step;

	if (policy_step(d->policy, step))
		return decision_refuse(
			d, REASON_STEP_NOT_OPEN, "order %s has no step %d now", request->order_ref, step);
	return decision_refuse(d, REASON_UNKNOWN_STEP, "step %d is none of the policy's", step);
}

static int check_task(struct decision *d, const struct request *request, const struct task *task)
{
	int answer = check_role(d, task->role);

	if (answer != RULE_ACCEPTS)
		return answer;
	return d->event->task_outcome == TASK_OUTCOME_REOPENED ? check_reopening(d, request, task)
							       : check_closing(d, request, task);
}

/* R2, R4, R7 */
static int task(struct decision *d, struct request *request)
{
	struct task *task = steps_find(request, d->event->step);
	int answer = task ? check_task(d, request, task) : refuse_step(d, request);

	if (answer != RULE_ACCEPTS)
		return answer;
	file_note(d, request->file);
	if (d->event->task_outcome == TASK_OUTCOME_REOPENED)
		steps_reopen(d, request, task);
	else
		steps_close(
			d, request, task, d->event->task_outcome == TASK_OUTCOME_DONE ? TASK_COMPLETED : TASK_SKIPPED);
	file_settle(d);
	return RULE_ACCEPTS;
}

/* ---- The table ---- */

enum standing { NEW, PLANNED, LIVE, ENDED, CLOSED, FINAL, STANDINGS };

typedef int act(struct decision *d, struct request *request);

static act *const acts[EVENT_TYPE_END][STANDINGS] = {
	/*                             NEW        PLANNED    LIVE         ENDED   CLOSED     FINAL */
	[EVENT_SENTENCING_SCHEDULED] = { plan, replan, stands, stands, plan, refuse },
	[EVENT_RELEASE_SCHEDULED] = { plan, replan, stands, stands, plan, refuse },
	[EVENT_SENTENCE_IMPOSED] = { begin, begin, repeat, repeat, begin, refuse },
	[EVENT_OFFENDER_RELEASED] = { begin, begin, repeat, repeat, begin, refuse },
	[EVENT_ORDER_BASELINE] = { take_over, take_over, repeat, repeat, take_over, refuse },
	[EVENT_SENTENCE_VARIED] = { park, vary, vary, vary, refuse, refuse },
	[EVENT_RELEASE_VARIED] = { park, vary, vary, vary, refuse, refuse },
	[EVENT_SENTENCE_CANCELLED] = { park, close_order, close_order, closed, closed, closed },
	[EVENT_RELEASE_CANCELLED] = { park, close_order, close_order, close_order, closed, closed },
	[EVENT_OFFENDER_RECALLED] = { park, close_order, close_order, closed, closed, closed },
	[EVENT_DOCUMENT_RECEIVED] = { park, document, document, keep, keep, keep },
	[EVENT_ALLOCATION_RECORDED] = { park, allocate, allocate, refuse, refuse, refuse },
	[EVENT_TRANSFER_RECORDED] = { park, transfer, transfer, refuse, refuse, refuse },
	[EVENT_TASK_RECORDED] = { park, task, task, refuse, refuse, refuse },
};

static enum standing standing_of(const struct request *request)
{
	if (!request)
		return NEW;
	if (request->final)
		return FINAL;
	if (request->state == REQUEST_CANCELLED)
		return CLOSED;
	if (request->state == REQUEST_ENDED)
		return ENDED;
	return request->in_effect ? LIVE : PLANNED;
}

/* R10: whoever sends an event about an order knows whose it is. */
static int check_prn(struct decision *d, const struct request *request)
{
	const struct event *e = d->event;
	const struct person *person;

	if (!request || !e->prn || e->type == EVENT_SENTENCE_VARIED || e->type == EVENT_RELEASE_VARIED)
		return RULE_ACCEPTS;
	person = d->facts->person(d->facts->context, e->prn);
	if (!person)
		return -ENOMEM;
	if (person->file == request->file)
		return RULE_ACCEPTS;
	return decision_refuse(
		d, REASON_PRN_MISMATCH, "prn %s is not the person of order %s", e->prn, request->order_ref);
}

int allocation_event(struct decision *d)
{
	struct request *request = d->facts->request(d->facts->context, d->event->order_ref);
	int answer = check_prn(d, request);

	d->about = request;
	return answer == RULE_ACCEPTS ? acts[d->event->type][standing_of(request)](d, request) : answer;
}
