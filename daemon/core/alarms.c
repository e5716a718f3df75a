/* Timers. A request has one moment at which it next needs one: the earliest of its own overdue level, those of its open steps, those of
 * its PTP cases, and the end of its last day. What has been published is counted in the rows themselves, so that a missed timer is
 * merely late: whoever fires next publishes it, in time order, once (X8). */
#include "core/rules.h"

struct alarm {
	struct instant at; /* INSTANT_NONE: none */
	void (*fire)(struct decision *d, struct request *request, const struct alarm *alarm);
	struct task *task;
	struct ptp_case *ptp;
};

/* ---- Firing ---- */

static void fire_allocation_overdue(struct decision *d, struct request *request, const struct alarm *alarm)
{
	struct record record = { .name = RECORD_ALLOCATION_OVERDUE, .request = request, .due_at = request->due_at };

	(void)alarm;
	record.concerns = d->policy->escalations[request->level].role;
	record.level = ++request->level;
	MARK(request);
	decision_publish(d, &record);
}

static void fire_task_overdue(struct decision *d, struct request *request, const struct alarm *alarm)
{
	struct record record = { .name = RECORD_TASK_OVERDUE,
		.request = request,
		.task = alarm->task,
		.kind = KIND_ALLOCATION,
		.due_at = alarm->task->due_at };

	record.concerns = d->policy->escalations[alarm->task->level].role;
	record.level = ++alarm->task->level;
	MARK(request);
	decision_publish(d, &record);
}

static void fire_case(struct decision *d, struct request *request, const struct alarm *alarm)
{
	(void)request;
	ptp_fire_alarm(d, alarm->ptp);
}

static void fire_end(struct decision *d, struct request *request, const struct alarm *alarm)
{
	(void)alarm;
	allocation_end(d, request);
}

/* ---- What is next ---- */

static void consider(struct alarm *first, struct alarm candidate)
{
	if (instant_given(candidate.at) && (!instant_given(first->at) || candidate.at.us < first->at.us))
		*first = candidate;
}

/* R2: of the planned ones only those that must be allocated ahead become overdue. Of one in effect, while step 8 is open. */
static bool waits_for_officer(const struct policy *policy, struct request *request)
{
	const struct task *task = steps_completed_by(policy, request, BY_OFFICER);

	return task && task->state == TASK_OPEN &&
	       (request->in_effect || policy->order_types[request->order_type].preallocate);
}

static struct instant next_level(const struct policy *policy, struct instant due_at, uint8_t level)
{
	return policy_escalates_at(policy, due_at, (uint8_t)(level + 1));
}

static void consider_tasks(const struct policy *policy, struct request *request, struct alarm *first)
{
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		if (t->state == TASK_OPEN &&
			steps_completion(policy, t) != BY_OFFICER) /* that one is allocation.overdue */
			consider(first, (struct alarm){ .at = next_level(policy, t->due_at, t->level),
						.fire = fire_task_overdue,
						.task = t });
}

static struct alarm next_alarm(const struct policy *policy, struct request *request)
{
	struct alarm first = { .at = INSTANT_NONE };

	if (waits_for_officer(policy, request))
		consider(&first, (struct alarm){ .at = next_level(policy, request->due_at, request->level),
					 .fire = fire_allocation_overdue });
	consider_tasks(policy, request, &first);
	for (struct ptp_case *c = request->cases; c; c = c->next)
		consider(&first, (struct alarm){ .at = ptp_next_alarm(policy, c), .fire = fire_case, .ptp = c });
	if (request_live(request) && date_given(request->ends_on))
		consider(&first, (struct alarm){ .at = policy_midnight(policy, date_plus(request->ends_on, 1)),
					 .fire = fire_end });
	return first;
}

void request_set_alarm(const struct policy *policy, struct request *request)
{
	struct instant at = next_alarm(policy, request).at;

	if (request->next_alarm.us == at.us)
		return;
	request->next_alarm = at;
	MARK(request);
}

/* Fires the request's earliest alarm, if it has been reached. */
static bool fire_next(struct decision *d, struct request *request)
{
	struct alarm alarm = next_alarm(d->policy, request);

	if (!alarm.fire || !instant_reached(alarm.at, d->now))
		return false;
	d->time = alarm.at;
	alarm.fire(d, request, &alarm);
	return true;
}

int decide_request_alarm(const struct policy *policy, struct facts *facts, struct request *request, struct instant now,
	int limit, struct effects *effects)
{
	struct verdict verdict = { 0 };
	struct file *touched = NULL;
	struct decision d = { .policy = policy,
		.facts = facts,
		.now = now,
		.effects = effects,
		.verdict = &verdict,
		.touched_files = &touched };

	while (d.published < limit && fire_next(&d, request))
		;
	request_set_alarm(policy, request);
	files_untouch(&d);
	return d.published;
}

/* ---- Levels already past (X8) ---- */

static struct request *first_due(const struct policy *policy, const struct file *files, struct instant now)
{
	struct request *first = NULL;
	struct instant earliest = INSTANT_NONE;

	for (const struct file *file = files; file; file = file->next_touched)
		for (struct request *r = file->requests; r; r = r->next) {
			struct instant at = next_alarm(policy, r).at;

			if (instant_reached(at, now) && (!first || at.us < earliest.us)) {
				first = r;
				earliest = at;
			}
		}
	return first;
}

void alarms_publish_past(struct decision *d)
{
	struct verdict verdict = { 0 };
	struct decision alarm = { .policy = d->policy,
		.facts = d->facts,
		.now = d->now,
		.effects = d->effects,
		.verdict = &verdict,
		.touched_files = d->touched_files };
	struct request *request;

	while ((request = first_due(d->policy, *d->touched_files, d->now)))
		fire_next(&alarm, request);
	for (const struct file *file = *d->touched_files; file; file = file->next_touched)
		for (request = file->requests; request; request = request->next)
			request_set_alarm(d->policy, request);
	files_untouch(d);
}

/* ---- Due times (R3) ---- */

static bool due_applies(
	const struct policy *policy, const struct policy_due *row, const struct request *request, struct instant from)
{
	struct date today;

	if (row->order_type != request->order_type)
		return false;
	if (!row->starts_within_months)
		return true;
	today = zone_date(&policy->zone, from, NULL);
	return request->starts_on.day < date_plus_months(today, row->starts_within_months).day;
}

struct instant request_due(const struct policy *policy, const struct request *request, struct instant from)
{
	const struct policy_due *row = policy->dues;

	while (!due_applies(
		policy, row, request, from)) /* each type has a row that always does: the policy was validated */
		row++;
	return policy_period_end(policy, row->within, from, request->effective_on);
}

void request_set_due(struct request *request, struct instant due_at)
{
	if (request->due_at.us == due_at.us)
		return;
	request->due_at = due_at;
	request->level = 0;
	MARK(request);
	for (struct task *t = request->tasks; t < request->tasks + request->task_count; t++)
		if (task_to_do(t)) {
			t->due_at = due_at;
			t->level = 0;
		}
}
