/* The steps of one request (R4). What a step is, who does it, what opens, completes and skips it are rows of the policy; what those rows
 * refer to by name are the functions here: predicates (`skip_when` and the choice of a title) and completions.
 *
 * Facts may come late or be corrected. So before an event changes facts, each step of each live request of the file notes what they
 * ask of it (`facing`), and afterwards only what differs is acted upon:
 *
 *	R4.1  to do, and now completed by a fact                              completed
 *	R4.2  to do, and now to be skipped                                    skipped
 *	R4.3  closed, and what excused it is gone, or the work is another     reopened
 *	R4.4  to do, and the work is another or the order's type is           reworded (task.reopened where it was open)
 *
 * Acting on differences alone keeps apart what people decided by hand and what facts decided: a step skipped by hand stays so whatever
 * else happens, until a fact says that the work is another. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/rules.h"

struct view {
	const struct policy *policy;
	const struct request *request;
	struct instant now;
};

/* ---- Predicates ---- */

static bool always(const struct view *v)
{
	(void)v;
	return true;
}

static bool never(const struct view *v)
{
	(void)v;
	return false;
}

static bool court_order(const struct view *v)
{
	return v->policy->order_types[v->request->order_type].sent_by == SOURCE_COURT;
}

static bool prison_order(const struct view *v)
{
	return v->policy->order_types[v->request->order_type].sent_by == SOURCE_PRISON;
}

static bool parole(const struct view *v)
{
	return v->request->order_type == ORDER_PAROLE;
}

static bool es_order(const struct view *v)
{
	return v->request->order_type == ORDER_EXTENDED_SUPERVISION_ORDER;
}

static bool offender_known(const struct view *v)
{
	return file_known(v->request->file);
}

static bool recent(const struct view *v, struct date reviewed_on)
{
	struct date today = zone_date(&v->policy->zone, v->now, NULL);

	return reviewed_on.day >= date_plus(today, -v->policy->ows_review_days).day;
}

/* A review of the last 365 days makes another needless; not for an ES order, whose offender goes on the register whatever a review
 * said (A9): that step is opened anyway. */
static bool ows_reviewed(const struct view *v)
{
	return !es_order(v) && recent(v, file_ows_reviewed_on(v->request->file));
}

/* Its own order or another live one of the offender is for a child sex offence. */
static bool child_sex_offence(const struct view *v)
{
	for (const struct request *r = v->request->file->requests; r; r = r->next)
		if (r->child_sex_offence == TRI_YES && (r == v->request || request_live(r)))
			return true;
	return false;
}

static bool no_child_sex_offence(const struct view *v)
{
	return v->request->child_sex_offence == TRI_NO && !child_sex_offence(v);
}

static bool child_sex_offence_unknown(const struct view *v)
{
	return v->request->child_sex_offence == TRI_UNKNOWN && !child_sex_offence(v);
}

static bool (*const predicates[WHEN_END])(const struct view *v) = {
	[WHEN_NONE] = never,
	[WHEN_ALWAYS] = always,
	[WHEN_COURT_ORDER] = court_order,
	[WHEN_PRISON_ORDER] = prison_order,
	[WHEN_PAROLE] = parole,
	[WHEN_OFFENDER_KNOWN] = offender_known,
	[WHEN_OWS_REVIEWED] = ows_reviewed,
	[WHEN_ES_ORDER] = es_order,
	[WHEN_CHILD_SEX_OFFENCE] = child_sex_offence,
	[WHEN_NO_CHILD_SEX_OFFENCE] = no_child_sex_offence,
	[WHEN_CHILD_SEX_OFFENCE_UNKNOWN] = child_sex_offence_unknown,
};

/* ---- Completions ---- */

bool steps_documents_complete(const struct policy *policy, const struct request *request)
{
	return !(policy->order_types[request->order_type].documents & ~(unsigned)request->documents);
}

static bool documents_complete(const struct view *v)
{
	return steps_documents_complete(v->policy, v->request);
}

static bool cso9_completed(const struct view *v)
{
	return date_given(file_cso9_completed_on(v->request->file));
}

static bool officer_recorded(const struct view *v)
{
	return *v->request->officer_id;
}

/* What is true of the request without anybody saying the step is done. */
static bool (*const completions[BY_END])(const struct view *v) = {
	[BY_NONE] = never,
	[BY_BRIDGE] = always,
	[BY_DOCUMENTS] = documents_complete,
	[BY_RECORD] = never,
	[BY_OWS_REVIEW] = ows_reviewed,
	[BY_CSO9] = cso9_completed,
	[BY_OFFICER] = officer_recorded,
};

enum completion steps_completion(const struct policy *policy, const struct task *task)
{
	const struct policy_step *step = policy_step(policy, task->step);

	return step ? step->completed_by : BY_RECORD;
}

/* Whether the event itself reports what completes the step. A review that a later assessment corrected is history. */
static bool event_reports(const struct decision *d, const struct request *request, enum completion completion)
{
	const struct event *e = d->event;
	const struct view v = { d->policy, request, d->now };

	if (!e || e->type != EVENT_OFFENDER_ASSESSED)
		return false;
	return (completion == BY_OWS_REVIEW && recent(&v, e->ows_reviewed_on) &&
		       recent(&v, file_ows_reviewed_on(request->file))) ||
	       (completion == BY_CSO9 && date_given(e->cso9_completed_on));
}

/* ---- Titles ---- */

enum { TITLE_NONE = 0xff };

/* The row that holds; TITLE_NONE for a step that the policy no longer has. */
static unsigned title_of(const struct view *v, uint8_t step)
{
	for (unsigned i = 0; i < v->policy->title_count; i++)
		if (v->policy->titles[i].step == step && predicates[v->policy->titles[i].when](v))
			return i;
	return TITLE_NONE;
}

#define ORDER_MARK "{order}"

/* Only for a step that the policy has: each has a row that always holds. */
static void entitle(const struct view *v, struct task *task)
{
	const char *text = v->policy->titles[title_of(v, task->step)].title;
	const char *mark = strstr(text, ORDER_MARK);

	if (mark) {
		(void)snprintf(task->title, sizeof(task->title), "%.*s%s%s", (int)(mark - text), text,
			v->policy->order_types[v->request->order_type].title, mark + strlen(ORDER_MARK));
		text_trim_utf8(task->title);
	} else {
		TEXT_SET(task->title, text);
	}
}

/* ---- What the facts ask of a step ---- */

enum { FACING_TITLE = TITLE_NONE, FACING_SKIP = 1 << 8, FACING_DONE = 1 << 9, FACING_TYPE_SHIFT = 10 };
_Static_assert(ORDER_TYPE_END <= 1 << (16 - FACING_TYPE_SHIFT), "an order type fits the bits of `facing`");

static uint16_t facing(const struct view *v, const struct task *task)
{
	const struct policy_step *step = policy_step(v->policy, task->step);
	unsigned bits = title_of(v, task->step);

	if (step && predicates[step->skip_when](v))
		bits |= FACING_SKIP;
	if (completions[steps_completion(v->policy, task)](v))
		bits |= FACING_DONE;
	return (uint16_t)(bits | (unsigned)v->request->order_type << FACING_TYPE_SHIFT);
}

static bool work_differs(const struct task *task, unsigned now)
{
	return (task->facing ^ now) & FACING_TITLE;
}

static bool words_differ(const struct view *v, const struct task *task, unsigned now)
{
	unsigned title = now & FACING_TITLE;

	return work_differs(task, now) ||
	       (task->facing >> FACING_TYPE_SHIFT != now >> FACING_TYPE_SHIFT && title != TITLE_NONE &&
		       strstr(v->policy->titles[title].title, ORDER_MARK));
}

void steps_note(const struct decision *d, struct request *request)
{
	const struct view v = { d->policy, request, d->now };

	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		t->facing = facing(&v, t);
}

static bool is_about_the_person(const struct policy *policy, const struct task *task)
{
	for (unsigned i = 0; i < policy->title_count; i++)
		if (policy->titles[i].step == task->step && policy->titles[i].when == WHEN_OFFENDER_KNOWN)
			return true;
	return false;
}

void steps_forget_person(const struct policy *policy, struct request *request)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		if (is_about_the_person(policy, t))
			t->facing |= FACING_TITLE;
}

/* ---- Finding ---- */

struct task *steps_find(struct request *request, int32_t step)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		if (t->step == step)
			return t;
	return NULL;
}

struct task *steps_completed_by(const struct policy *policy, struct request *request, enum completion completion)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		if (steps_completion(policy, t) == completion)
			return t;
	return NULL;
}

static bool closed(const struct task *task)
{
	return task->state == TASK_COMPLETED || task->state == TASK_SKIPPED;
}

bool steps_all_closed(const struct request *request)
{
	for (const struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		if (!closed(t))
			return false;
	return true;
}

/* ---- The door: every change of a task's state ---- */

static void publish(struct decision *d, const struct request *request, const struct task *task, enum record_name name)
{
	struct record record = { .name = name, .request = request, .task = task, .kind = KIND_ALLOCATION };

	decision_publish(d, &record);
}

static void set_state(struct decision *d, struct request *request, struct task *task, enum task_state state)
{
	task->state = state;
	task->closed_at = task_to_do(task) ? INSTANT_NONE : d->time;
	MARK(request);
}

/* Whether the step before it, if any, is still to be closed. */
static bool must_wait(const struct policy *policy, struct request *request, const struct task *task)
{
	const struct policy_step *step = policy_step(policy, task->step);
	const struct task *before = step ? steps_find(request, step->opens_after) : NULL;

	return before && !closed(before);
}

/* R4: opens the steps whose turn has come. */
static void advance(struct decision *d, struct request *request)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++) {
		if (t->state != TASK_WAITING || must_wait(d->policy, request, t))
			continue;
		set_state(d, request, t, TASK_OPEN);
		t->opened_at = d->time;
		publish(d, request, t, RECORD_TASK_OPENED);
	}
}

void steps_close(struct decision *d, struct request *request, struct task *task, enum task_state state)
{
	set_state(d, request, task, state);
	publish(d, request, task, state == TASK_COMPLETED ? RECORD_TASK_COMPLETED : RECORD_TASK_SKIPPED);
	advance(d, request);
}

/* To do again: due with the request, whose due time may have changed meanwhile. */
static void reset(struct decision *d, struct request *request, struct task *task, enum task_state state)
{
	set_state(d, request, task, state);
	if (task->due_at.us == request->due_at.us)
		return;
	task->due_at = request->due_at;
	task->level = 0;
}

void steps_reopen(struct decision *d, struct request *request, struct task *task)
{
	reset(d, request, task, TASK_OPEN);
	publish(d, request, task, RECORD_TASK_REOPENED);
}

void steps_cancel(struct decision *d, struct request *request)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++) {
		bool announced = t->state == TASK_OPEN;

		if (!task_to_do(t))
			continue;
		set_state(d, request, t, TASK_CANCELLED);
		if (announced)
			publish(d, request, t, RECORD_TASK_CANCELLED);
	}
}

void steps_revive(struct decision *d, struct request *request)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++) {
		if (t->state != TASK_CANCELLED)
			continue;
		/* What became true meanwhile counts when the steps are reviewed. */
		t->facing &= (uint16_t) ~(unsigned)(FACING_SKIP | FACING_DONE);
		if (instant_given(t->opened_at))
			steps_reopen(d, request, t);
		else
			reset(d, request, t, TASK_WAITING);
	}
}

/* ---- Beginning ---- */

static struct task *add_task(struct decision *d, struct request *request, const struct policy_step *step)
{
	struct task *t = &request->tasks[request->task_count++];

	*t = (struct task){ .step = step->step, .role = step->role, .opened_at = d->time, .due_at = request->due_at };
	return t;
}

/* The state a step begins in. An OWS review known before skips the step, as its row says, and never completes it: for an ES order it is
 * opened all the same. */
static enum task_state first_state(const struct view *v, const struct policy_step *step)
{
	if (predicates[step->skip_when](v))
		return TASK_SKIPPED;
	if (step->completed_by != BY_OWS_REVIEW && completions[step->completed_by](v))
		return TASK_COMPLETED;
	return TASK_OPEN;
}

static void begin_task(
	struct decision *d, struct request *request, const struct policy_step *step, const struct task *kept)
{
	const struct view v = { d->policy, request, d->now };
	struct task *t = add_task(d, request, step);

	if (kept && kept->step == t->step) {
		t->opened_at = kept->opened_at;
		t->closed_at = kept->closed_at;
		t->state = kept->state;
	} else {
		set_state(d, request, t, first_state(&v, step));
	}
	entitle(&v, t);
	t->facing = facing(&v, t);
}

static void publish_begun(struct decision *d, struct request *request, const struct task *kept)
{
	static const enum record_name names[TASK_STATE_END] = {
		[TASK_OPEN] = RECORD_TASK_OPENED,
		[TASK_COMPLETED] = RECORD_TASK_COMPLETED,
		[TASK_SKIPPED] = RECORD_TASK_SKIPPED,
	};

	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++) {
		if (kept && kept->step == t->step)
			continue;
		if (t->state == TASK_OPEN && must_wait(d->policy, request, t)) {
			set_state(d, request, t, TASK_WAITING);
			t->opened_at = INSTANT_NONE;
		} else {
			publish(d, request, t, names[t->state]);
		}
	}
}

static void begin(struct decision *d, struct request *request, bool allocation_only)
{
	const struct task *standing = steps_completed_by(d->policy, request, BY_OFFICER);
	struct task copy = standing ? *standing : (struct task){ 0 };
	const struct task *kept = standing ? &copy : NULL;

	request->task_count = 0;
	for (uint16_t i = 0; i < d->policy->step_count; i++)
		if (!allocation_only || d->policy->steps[i].completed_by == BY_OFFICER)
			begin_task(d, request, &d->policy->steps[i], kept);
	publish_begun(d, request, kept);
}

void steps_begin(struct decision *d, struct request *request)
{
	begin(d, request, false);
}

void steps_begin_allocation(struct decision *d, struct request *request)
{
	begin(d, request, true);
}

/* ---- Facts that come later ---- */

static void reword(struct decision *d, struct request *request, struct task *task)
{
	const struct view v = { d->policy, request, d->now };
	char before[sizeof(task->title)];

	TEXT_SET(before, task->title);
	entitle(&v, task);
	if (text_equal(before, task->title))
		return;
	MARK(request);
	if (task->state == TASK_OPEN)
		publish(d, request, task, RECORD_TASK_REOPENED);
}

static void review_to_do(struct decision *d, struct request *request, struct task *task, unsigned now)
{
	const struct view v = { d->policy, request, d->now };
	unsigned news = now & ~(unsigned)task->facing;

	/* What the event itself reports counts whatever was known before: it may be the answer to a step that was reopened. */
	if (news & FACING_DONE || event_reports(d, request, steps_completion(d->policy, task))) { /* R4.1 */
		steps_close(d, request, task, TASK_COMPLETED);
	} else if (news & FACING_SKIP) { /* R4.2 */
		steps_close(d, request, task, TASK_SKIPPED);
	} else if (words_differ(&v, task, now)) { /* R4.4 */
		reword(d, request, task);
	}
}

static void review_closed(struct decision *d, struct request *request, struct task *task, unsigned now)
{
	const struct view v = { d->policy, request, d->now };
	unsigned gone = task->facing & ~now;

	if (now & (FACING_DONE | FACING_SKIP))
		return;
	if (gone & (FACING_DONE | FACING_SKIP) || work_differs(task, now)) { /* R4.3 */
		if (words_differ(&v, task, now))
			entitle(&v, task);
		steps_reopen(d, request, task);
	}
}

void steps_review(struct decision *d, struct request *request)
{
	const struct view v = { d->policy, request, d->now };

	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++) {
		unsigned now = facing(&v, t);

		if (task_to_do(t))
			review_to_do(d, request, t, now);
		else
			review_closed(d, request, t, now);
	}
}
