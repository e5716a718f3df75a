/* What the rules say happened, besides the rows they marked: records to publish, in order. */
#pragma once

#include "core/facts.h"
#include "core/policy.h"

#define CONVEY_MAX 8

/* One record to publish. Everything is borrowed for the length of the call. */
struct record {
	enum record_name name;
	const struct event *cause; /* NULL: time alone */
	struct instant time;       /* when it happened: the event's time, or the due time */
	struct instant decided_at; /* recordedtime (X8) */
	const char *office;        /* the topic's office; NULL or "": the request's; "-" where none is known */

	const struct request *request; /* NULL for event.* records without one */
	const struct task *task;       /* task.* and ptp.* */
	const struct ptp_case *ptp;    /* ptp.*, and task.* of kind PTP */
	enum task_kind kind;

	const char *previous_office, *previous_officer_id, *previous_prn;
	const char *change;    /* allocation.changed: which thing changed, e.g. "office", "recommendation", "order" */
	enum role concerns;    /* overdue: the role this level concerns; PTP: who acts next */
	uint8_t level;         /* overdue: 1.. */
	struct instant due_at; /* overdue: what was missed */

	uint8_t from_stage, to_stage; /* ptp.* */
	enum ptp_outcome outcome;
	enum role by_role;
	const char *by;
	enum reason guard;                /* ptp.refused: PTP_G1.. */
	const char *rule;                 /* phrase of the row that decided */
	uint32_t informs;                 /* bits 1 << enum role */
	enum role convey_via[CONVEY_MAX]; /* ROLE_NONE ends */
	const char *convey_to;            /* the order's officerId */

	const struct quarantined *quarantined; /* event.quarantined, event.quarantine-overdue */
	const struct parked *parked;           /* event.parked-long */
	const char *sentence;
};

struct effects {
	void *context;
	/* Takes one record for the log; returns the sequence it will have, gapless. */
	uint64_t (*publish)(void *context, const struct record *record);
};
