/* Does the content of an event fit the policy? One row a check, one line an event type. What needs no policy was checked when the event
 * was decoded; what needs the order is checked by the rules. */
#include "base/cleanup.h"
#include "base/text.h"
#include "core/rules.h"

/* A court order comes in court events, a prison order in prison events; a baseline may be either (A12). */
static int check_order_type(struct decision *d)
{
	const struct event *e = d->event;

	if (event_type_kinds(e->type) >> d->policy->order_types[e->order_type].sent_by & 1)
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_INVALID_ORDER_TYPE, "orderType %s does not come in %s",
		order_type_text(e->order_type), event_type_text(e->type));
}

static int check_office(struct decision *d)
{
	const char *office = d->event->office;

	if (!text_given(office) || policy_office(d->policy, office))
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_UNKNOWN_OFFICE, "office %s is not in the policy's list of offices", office);
}

static int check_dates(struct decision *d)
{
	const struct event *e = d->event;
	struct date starts_on = date_given(e->starts_on) ? e->starts_on : e->effective_on;
	char starts[DATE_TEXT], ends[DATE_TEXT];

	if (!date_given(e->ends_on) || e->ends_on.day >= starts_on.day)
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_INVALID_DATES, "endsOn %s lies before the start, %s",
		date_format(e->ends_on, ends), date_format(starts_on, starts));
}

/* R4: step 2 without its documents is done by hand, and then somebody says why. */
static int check_step_reason(struct decision *d)
{
	const struct event *e = d->event;
	const struct policy_step *step = policy_step(d->policy, e->step);

	if (!step || step->completed_by != BY_DOCUMENTS || e->task_outcome == TASK_OUTCOME_REOPENED ||
		text_given(e->reason))
		return RULE_ACCEPTS;
	return decision_refuse(d, REASON_MISSING_FIELD,
		"reason is missing: step %d waits for documents, to close it by hand say why", e->step);
}

enum { ORDER_TYPE = 1 << 0, OFFICE = 1 << 1, DATES = 1 << 2, STEP_REASON = 1 << 3 };

static const struct {
	unsigned bit;
	int (*check)(struct decision *d);
} checks[] = {
	{ ORDER_TYPE, check_order_type },
	{ OFFICE, check_office },
	{ DATES, check_dates },
	{ STEP_REASON, check_step_reason },
};

static const unsigned wanted[EVENT_TYPE_END] = {
	[EVENT_SENTENCING_SCHEDULED] = ORDER_TYPE | OFFICE,
	[EVENT_SENTENCE_IMPOSED] = ORDER_TYPE | OFFICE | DATES,
	[EVENT_SENTENCE_VARIED] = ORDER_TYPE | OFFICE | DATES,
	[EVENT_RELEASE_SCHEDULED] = ORDER_TYPE | OFFICE,
	[EVENT_OFFENDER_RELEASED] = ORDER_TYPE | OFFICE | DATES,
	[EVENT_RELEASE_VARIED] = ORDER_TYPE | OFFICE | DATES,
	[EVENT_ORDER_BASELINE] = ORDER_TYPE | OFFICE | DATES,
	[EVENT_DOCUMENT_RECEIVED] = OFFICE,
	[EVENT_TRANSFER_RECORDED] = OFFICE,
	[EVENT_TASK_RECORDED] = STEP_REASON,
};

int check_content(struct decision *d)
{
	int answer = RULE_ACCEPTS;

	for (size_t i = 0; i < ARRAY_LENGTH(checks) && answer == RULE_ACCEPTS; i++)
		if (wanted[d->event->type] & checks[i].bit)
			answer = checks[i].check(d);
	return answer;
}
