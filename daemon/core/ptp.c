/* Person to person monitoring (the rule book's P and G): the rules of the four ptp.* events, of the orders behind them, and of time.
 *
 * The procedure itself is not here but in the policy's rows (core/ptp_procedure.c); what is here is what every version has in common: a case is
 * opened, revised, moved by rows, closed, imposed, ended; and while it is in progress one task names who acts next. Choices where the contract
 * leaves room:
 * - The area and regional manager's notes of support (stages 4, 5) move the case, so they are told by `ptp.stage-changed` with their outcome, and kept
 *   in the case; `ptp.noted` is for what keeps the stage: an outcome that stays, and revised particulars (without an outcome).
 * - Records of one event come in the order of the acts: the old task closes, the decision, the change, the new task opens. Of one overdue level,
 *   `task.overdue` comes first (whose task), then `ptp.overdue` (whose case).
 * - A task whose case is withdrawn, or whose order is closed, was not done: task.cancelled. One whose stage closes the case was: task.completed.
 * - An imposition record out of turn is G8 while the case can still become something (in progress, approved, imposed), else PTP_CLOSED. G1 is
 *   asked again with G3 and G4: an order varied into another type cannot carry the condition.
 * - A case approved but not yet imposed is ORDER_CLOSED when its order closes; an imposed one is ENDED. */
#include "core/ptp.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* ---- Records ---- */

static struct record about(const struct ptp_case *ptp, enum record_name name)
{
	bool acts = ptp->state == PTP_IN_PROGRESS;

	return (struct record){
		.name = name,
		.kind = KIND_PTP,
		.request = ptp->request,
		.ptp = ptp,
		.task = acts ? &ptp->task : NULL,
		.concerns = acts ? ptp->task.role : ROLE_NONE,
		.informs = acts ? 1U << ptp->task.role : 0,
	};
}

static void publish_task(struct decision *d, const struct ptp_case *ptp, enum record_name name)
{
	struct record record = about(ptp, name);

	record.concerns = ROLE_NONE; /* its role says so */
	decision_publish(d, &record);
}

static void publish_refused(struct decision *d, const struct ptp_case *ptp, enum reason guard, const char *sentence)
{
	struct record record = about(ptp, RECORD_PTP_REFUSED);

	record.guard = guard;
	record.sentence = sentence;
	record.outcome = d->event->ptp_outcome;
	record.from_stage = ptp->stage;
	decision_publish(d, &record);
}

/* ---- The open task: whoever acts next ---- */

static void close_task(struct decision *d, struct ptp_case *ptp, enum task_state state, enum record_name name)
{
	ptp->task.state = state;
	ptp->task.closed_at = d->time;
	publish_task(d, ptp, name);
}

static void set_task(const struct decision *d, struct ptp_case *ptp, const struct policy_ptp_actor *actor)
{
	ptp->task = (struct task){
		.step = ptp->stage,
		.state = TASK_OPEN,
		.role = actor->role,
		.opened_at = d->time,
		.due_at = policy_period_end(d->policy, ptp_procedure(d->policy, ptp)->due, d->time, DATE_NONE),
		.closed_at = INSTANT_NONE,
	};
	TEXT_SET(ptp->task.title, actor->title);
}

static bool is_task_of(const struct task *task, const struct policy_ptp_actor *actor)
{
	return task->role == actor->role && text_equal(task->title, actor->title);
}

/* ---- Guards ---- */

static int check_guards(
	struct decision *d, const struct ptp_case *ptp, const struct policy_ptp_move *move, unsigned occasions)
{
	const struct ptp_question question = {
		.policy = d->policy,
		.procedure = ptp_procedure(d->policy, ptp),
		.request = ptp->request,
		.ptp = ptp,
		.event = d->event,
		.move = move,
		.occasions = occasions,
	};
	struct fault fault;
	enum reason broken = ptp_guards(&question, &fault);

	if (broken == REASON_NONE)
		return RULE_ACCEPTS;
	publish_refused(d, ptp, broken, fault.sentence);
	return decision_refuse(d, broken, "%s", fault.sentence);
}

/* The dates of a proposal in their order; a condition of no day at all is an error of writing, not a matter for a guard. */
static int check_dates(struct decision *d, const struct ptp_case *ptp)
{
	char starts[DATE_TEXT], ends[DATE_TEXT];

	if (!date_given(ptp->starts_on) || !date_given(ptp->ends_on) || ptp->starts_on.day < ptp->ends_on.day)
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_INVALID_DATES,
		"endsOn %s: must be later than startsOn %s (it is the first day without PTP)",
		date_format(ptp->ends_on, ends), date_format(ptp->starts_on, starts));
}

static int check_person(struct decision *d, const struct request *request)
{
	const struct person *person = d->facts->person(d->facts->context, d->event->prn);

	if (!person)
		return -ENOMEM;
	if (person->file != request->file)
		return decision_refuse(d, REASON_PRN_MISMATCH, "prn %s: order %s is another person's", d->event->prn,
			request->order_ref);
	return RULE_ACCEPTS;
}

/* ---- considered, revised ---- */

static void join(char *list, size_t size, const struct codes *codes)
{
	size_t used = 0;

	list[0] = '\0';
	for (uint8_t i = 0; i < codes->n; i++) {
		text_copy(list + used, size - used, i > 0 ? " " : "");
		used += strlen(list + used);
		text_copy(list + used, size - used, codes->code[i]);
		used += strlen(list + used);
	}
}

static void take_particulars(struct ptp_case *ptp, const struct event *event)
{
	ptp->monitoring = event->monitoring;
	ptp->em_criteria_met = event->em_criteria_met;
	ptp->residential_restrictions = event->residential_restrictions;
	ptp->em_approval = event->em_approval;
	ptp->starts_on = event->starts_on;
	ptp->ends_on = event->ends_on;
	join(ptp->suitability, sizeof(ptp->suitability), &event->suitability);
	ptp->applied_at = event->time;
}

static const struct ptp_case *case_in_progress(const struct request *request)
{
	for (const struct ptp_case *ptp = request->cases; ptp; ptp = ptp->next)
		if (ptp->state == PTP_IN_PROGRESS)
			return ptp;
	return NULL;
}

static int check_new(struct decision *d, const struct request *request)
{
	const struct ptp_case *other = case_in_progress(request);

	if (d->facts->ptp_case(d->facts->context, d->event->ptp_ref))
		return decision_refuse(d, REASON_PTP_EXISTS,
			"ptpRef %s: the case exists; to change its particulars send ptp.revised", d->event->ptp_ref);
	if (other)
		return decision_refuse(d, REASON_PTP_EXISTS, "ptpRef %s: order %s has a case in progress already, %s",
			d->event->ptp_ref, request->order_ref, other->ptp_ref);
	return check_person(d, request);
}

/* The case as it would stand before its first stage; in no state yet. */
static void propose(const struct decision *d, struct request *request, struct ptp_case *ret)
{
	const struct event *event = d->event;

	*ret = (struct ptp_case){
		.version = policy_ptp_at(d->policy, zone_date(&d->policy->zone, event->time, NULL))->version,
		.opened_at = event->time,
		.entered_at = event->time,
		.request = request,
	};
	TEXT_SET(ret->ptp_ref, event->ptp_ref);
	TEXT_SET(ret->considered_by, event->by);
	take_particulars(ret, event);
}

static void append_case(struct request *request, struct ptp_case *ptp)
{
	struct ptp_case **end = &request->cases;

	while (*end)
		end = &(*end)->next;
	*end = ptp;
}

static void publish_opened(struct decision *d, struct ptp_case *ptp)
{
	struct record record = about(ptp, RECORD_PTP_OPENED);
	uint32_t informs = ptp_stage_informs(d->policy, ptp->version, ptp->stage);

	record.to_stage = ptp->stage;
	record.rule = "PTP is being considered: a case is opened";
	record.informs = informs ? informs : record.informs;
	decision_publish(d, &record);
}

static int open_case(struct decision *d, const struct ptp_case *proposed)
{
	const struct policy_ptp *procedure = ptp_procedure(d->policy, proposed);
	struct ptp_case *ptp = d->facts->add_case(d->facts->context, proposed->ptp_ref);

	if (!ptp)
		return -ENOMEM;
	*ptp = *proposed;
	ptp->change = ROW_NEW;
	ptp->state = PTP_IN_PROGRESS;
	ptp->stage = procedure->first_stage;
	append_case(ptp->request, ptp);
	set_task(d, ptp, ptp_next_actor(d->policy, procedure->version, ptp->stage, 0));
	publish_opened(d, ptp);
	publish_task(d, ptp, RECORD_TASK_OPENED);
	d->opened = ptp->ptp_ref;
	return RULE_ACCEPTS;
}

int ptp_considered(struct decision *d)
{
	struct request *request = d->facts->request(d->facts->context, d->event->order_ref);
	struct ptp_case proposed;
	int r;

	if (!request)
		return decision_park(d, d->event->order_ref);
	d->about = request;
	r = check_new(d, request);
	if (r != RULE_ACCEPTS)
		return r;
	propose(d, request, &proposed);
	r = check_dates(d, &proposed);
	if (r == RULE_ACCEPTS)
		r = check_guards(d, &proposed, NULL, PTP_AT_CONSIDERED);
	return r == RULE_ACCEPTS ? open_case(d, &proposed) : r;
}

/* The case the event is about. */
static int find_case(struct decision *d, struct ptp_case **ret)
{
	struct ptp_case *ptp = d->facts->ptp_case(d->facts->context, d->event->ptp_ref);

	if (!ptp)
		return decision_park(d, d->event->ptp_ref);
	d->about = ptp->request;
	*ret = ptp;
	return RULE_ACCEPTS;
}

static int find_case_in_progress(struct decision *d, struct ptp_case **ret)
{
	int r = find_case(d, ret);

	if (r == RULE_ACCEPTS && (*ret)->state != PTP_IN_PROGRESS)
		return decision_refuse(d, REASON_PTP_CLOSED, "ptpRef %s: the case is no longer in progress, it is %s",
			(*ret)->ptp_ref, ptp_state_text((*ret)->state));
	return r;
}

static int check_order(struct decision *d, const struct ptp_case *ptp)
{
	if (!text_equal(d->event->order_ref, ptp->request->order_ref))
		return decision_refuse(d, REASON_INVALID_FIELD, "orderRef %s: case %s is about order %s",
			d->event->order_ref, ptp->ptp_ref, ptp->request->order_ref);
	return check_person(d, ptp->request);
}

static int revise(struct decision *d, struct ptp_case *ptp)
{
	struct ptp_case proposed = *ptp;
	struct record record;
	int r;

	take_particulars(&proposed, d->event);
	r = check_dates(d, &proposed);
	if (r == RULE_ACCEPTS)
		r = check_guards(d, &proposed, NULL, PTP_AT_REVISED);
	if (r != RULE_ACCEPTS)
		return r;
	*ptp = proposed;
	MARK(ptp);
	record = about(ptp, RECORD_PTP_NOTED);
	record.from_stage = record.to_stage = ptp->stage;
	record.rule = "the particulars are revised";
	decision_publish(d, &record);
	return RULE_ACCEPTS;
}

int ptp_revised(struct decision *d)
{
	struct ptp_case *ptp;
	int r = find_case_in_progress(d, &ptp);

	if (r == RULE_ACCEPTS)
		r = check_order(d, ptp);
	if (r != RULE_ACCEPTS)
		return r;
	if (d->time.us < ptp->applied_at.us)
		return decision_no_effect(
			d, "ptpRef %s: later particulars have been recorded already; kept as history", ptp->ptp_ref);
	return revise(d, ptp);
}

/* ---- A stage is recorded ---- */

static void note_support(struct ptp_case *ptp, const struct policy_ptp_move *move)
{
	enum tri supports = move->outcome == OUTCOME_SUPPORTED ? TRI_YES : TRI_NO;

	if (move->outcome != OUTCOME_SUPPORTED && move->outcome != OUTCOME_NOT_SUPPORTED)
		return;
	if (move->role == ROLE_AREA_MANAGER)
		ptp->area_supports = supports;
	if (move->role == ROLE_REGIONAL_MANAGER)
		ptp->region_supports = supports;
}

static void publish_move(struct decision *d, const struct ptp_case *ptp, const struct policy_ptp_move *move,
	uint8_t from, enum record_name name)
{
	const struct policy_ptp *procedure = ptp_procedure(d->policy, ptp);
	struct record record = about(ptp, name);

	record.from_stage = from;
	record.to_stage = move->closes ? 0 : ptp->stage;
	record.outcome = move->outcome;
	record.rule = move->phrase;
	record.informs = move->informs ? move->informs : record.informs;
	if (name == RECORD_PTP_DECIDED) {
		memcpy(record.convey_via, procedure->convey_via, sizeof(record.convey_via));
		record.convey_to = ptp->request->officer_id;
	}
	decision_publish(d, &record);
}

/* The case leaves the procedure (closed states). */
static void leave(struct decision *d, struct ptp_case *ptp, const struct policy_ptp_move *move)
{
	bool done = move->stage != 0;

	close_task(
		d, ptp, done ? TASK_COMPLETED : TASK_CANCELLED, done ? RECORD_TASK_COMPLETED : RECORD_TASK_CANCELLED);
	ptp->state = move->closes;
	if (move->decides)
		publish_move(d, ptp, move, ptp->stage, RECORD_PTP_DECIDED);
	publish_move(d, ptp, move, ptp->stage, RECORD_PTP_CLOSED);
}

static void set_stage(struct decision *d, struct ptp_case *ptp, uint8_t stage, uint32_t outcomes)
{
	if (stage != ptp->stage)
		ptp->entered_at = d->time;
	ptp->stage = stage;
	ptp->outcomes = outcomes;
}

/* The case goes on: at another stage, or at this one with one outcome more. */
static void go_on(struct decision *d, struct ptp_case *ptp, const struct policy_ptp_move *move)
{
	const uint8_t from = ptp->stage, to = move->next ? move->next : from;
	const uint32_t outcomes = move->next ? 0 : (ptp->outcomes & ~(1U << move->clears)) | 1U << move->outcome;
	const struct policy_ptp_actor *actor =
		ptp_next_actor(d->policy, ptp_procedure(d->policy, ptp)->version, to, outcomes);
	const bool hands_over = move->next || !is_task_of(&ptp->task, actor);

	if (hands_over)
		close_task(d, ptp, TASK_COMPLETED, RECORD_TASK_COMPLETED);
	set_stage(d, ptp, to, outcomes);
	if (hands_over)
		set_task(d, ptp, actor);
	if (move->decides)
		publish_move(d, ptp, move, from, RECORD_PTP_DECIDED);
	publish_move(d, ptp, move, from, move->next ? RECORD_PTP_STAGE_CHANGED : RECORD_PTP_NOTED);
	if (hands_over)
		publish_task(d, ptp, RECORD_TASK_OPENED);
}

static void apply_move(struct decision *d, struct ptp_case *ptp, const struct policy_ptp_move *move)
{
	note_support(ptp, move);
	if (move->decides)
		ptp->approved = move->outcome == OUTCOME_APPROVED;
	if (move->closes)
		leave(d, ptp, move);
	else
		go_on(d, ptp, move);
	MARK(ptp);
}

int ptp_stage_recorded(struct decision *d)
{
	const struct policy_ptp_move *move;
	const struct policy_ptp *procedure;
	struct ptp_case *ptp;
	int r = find_case_in_progress(d, &ptp);

	if (r != RULE_ACCEPTS)
		return r;
	procedure = ptp_procedure(d->policy, ptp);
	move = ptp_move(d->policy, procedure->version, ptp->stage, d->event->ptp_outcome, d->event->by_role);
	if (!move)
		return check_guards(d, ptp, NULL, PTP_AT_STAGE);
	r = check_guards(d, ptp, move, PTP_AT_STAGE | ptp_move_occasions(procedure, move, ptp->stage));
	if (r == RULE_ACCEPTS)
		apply_move(d, ptp, move);
	return r;
}

/* ---- What became of an approved condition, and of the order behind the case ---- */

static void apply_change(struct decision *d, struct ptp_case *ptp, const struct ptp_change *change)
{
	struct record record;

	ptp->state = change->to;
	MARK(ptp);
	record = about(ptp, change->record);
	record.rule = change->phrase;
	decision_publish(d, &record);
}

/* What the imposition gives replaces what the case says. */
static void take_imposed(struct ptp_case *ptp, const struct event *event)
{
	if (event->monitoring != MONITORING_NONE)
		ptp->monitoring = event->monitoring;
	if (event->residential_restrictions != TRI_UNKNOWN)
		ptp->residential_restrictions = event->residential_restrictions;
	if (date_given(event->starts_on))
		ptp->starts_on = event->starts_on;
	if (date_given(event->ends_on))
		ptp->ends_on = event->ends_on;
}

int ptp_imposition_recorded(struct decision *d)
{
	const struct ptp_change *change = &ptp_imposition_changes[d->event->imposition];
	struct ptp_case *ptp, proposed;
	int r = find_case(d, &ptp);

	if (r != RULE_ACCEPTS)
		return r;
	if (!ptp_is_open(ptp->state))
		return decision_refuse(d, REASON_PTP_CLOSED, "ptpRef %s: the case is closed, it is %s", ptp->ptp_ref,
			ptp_state_text(ptp->state));
	proposed = *ptp;
	if (change->occasions & PTP_AT_IMPOSED)
		take_imposed(&proposed, d->event);
	r = check_dates(d, &proposed);
	if (r == RULE_ACCEPTS)
		r = check_guards(d, &proposed, NULL, change->occasions);
	if (r != RULE_ACCEPTS)
		return r;
	*ptp = proposed;
	apply_change(d, ptp, change);
	return RULE_ACCEPTS;
}

void ptp_order_closed(struct decision *d, struct request *request)
{
	for (struct ptp_case *ptp = request->cases; ptp; ptp = ptp->next) {
		const struct ptp_change *change = ptp_order_closed_change(ptp->state);

		if (!change)
			continue;
		if (ptp->state == PTP_IN_PROGRESS)
			close_task(d, ptp, TASK_CANCELLED, RECORD_TASK_CANCELLED);
		apply_change(d, ptp, change);
	}
}

void ptp_order_varied(struct decision *d, struct request *request)
{
	for (struct ptp_case *ptp = request->cases; ptp; ptp = ptp->next) {
		const struct ptp_question question = {
			.policy = d->policy,
			.procedure = ptp_procedure(d->policy, ptp),
			.request = request,
			.ptp = ptp,
			.event = d->event,
			.occasions = PTP_AT_VARIED,
		};
		struct fault fault;
		enum reason broken = ptp_is_open(ptp->state) ? ptp_guards(&question, &fault) : REASON_NONE;

		if (broken != REASON_NONE)
			publish_refused(d, ptp, broken, fault.sentence);
	}
}

/* ---- Time ---- */

struct instant ptp_next_alarm(const struct policy *policy, const struct ptp_case *ptp)
{
	if (ptp->state == PTP_IN_PROGRESS)
		return policy_escalates_at(policy, ptp->task.due_at, (uint8_t)(ptp->task.level + 1));
	if (ptp->state != PTP_IMPOSED)
		return INSTANT_NONE;
	if (ptp->expiring_published)
		return policy_midnight(policy, ptp->ends_on);
	return policy_midnight(policy, date_plus(ptp->ends_on, -ptp_procedure(policy, ptp)->expiring_days));
}

/* One escalation level: whose task, then whose case. */
static void fire_overdue(struct decision *d, struct ptp_case *ptp)
{
	const enum record_name names[] = { RECORD_TASK_OVERDUE, RECORD_PTP_OVERDUE };

	ptp->task.level++;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct record record = about(ptp, names[i]);

		record.level = ptp->task.level;
		record.concerns = d->policy->escalations[ptp->task.level - 1].role;
		record.due_at = ptp->task.due_at;
		decision_publish(d, &record);
	}
}

static void fire_expiring(struct decision *d, struct ptp_case *ptp)
{
	struct record record = about(ptp, RECORD_PTP_EXPIRING);

	record.rule = "the end of the condition is near";
	ptp->expiring_published = true;
	decision_publish(d, &record);
}

bool ptp_fire_alarm(struct decision *d, struct ptp_case *ptp)
{
	struct instant at = ptp_next_alarm(d->policy, ptp);

	if (!instant_reached(at, d->now))
		return false;
	d->time = at;
	if (ptp->state == PTP_IN_PROGRESS)
		fire_overdue(d, ptp);
	else if (ptp->expiring_published)
		apply_change(d, ptp, &ptp_expired_change);
	else
		fire_expiring(d, ptp);
	MARK(ptp);
	return true;
}
