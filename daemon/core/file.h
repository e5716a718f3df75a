/* The offender's file: the aggregate the rules work on.
 *
 * One file holds a person, the retired person numbers merged into it (R9), the requests (one an order: every live or planned one, and
 * closed ones that an event of the batch names) and their PTP cases. The rules change rows in place and mark them; store/ writes
 * what is marked. Lists are intrusive, so that the rules can move a row between files without allocating. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "core/event.h"
#include "core/words.h"

#define STEPS_MAX        16 /* allocation steps of one request */
#define TITLE_MAX        120
#define FILE_ORDERS_MAX  100 /* open requests a file may hold; one more is TOO_MANY_ORDERS */
#define FILE_PERSONS_MAX 50  /* person numbers a file may hold; a merge beyond is TOO_MANY_ORDERS */

enum row_change { ROW_CLEAN = 0, ROW_CHANGED = 1, ROW_NEW = 3 }; /* bits: a new row is a changed one too */

struct file;

/* A person number (PRN). Kept for unknown offenders too, once an assessment or merge names them (X3). */
struct person {
	char prn[REF_MAX + 1];
	char merged_into[REF_MAX + 1]; /* the next number of the chain, "" for the survivor */
	bool known;                    /* has had an order before (step 4: re-open) */
	struct date ows_reviewed_on, cso9_completed_on;
	enum tri on_ows;
	struct instant assessed_at; /* `time` of the assessment applied last */

	enum row_change change;
	struct file *file;
	struct person *next;
};

/* One allocation step of a request, or the open task of a PTP case. */
struct task {
	uint8_t step; /* step, or PTP stage */
	enum task_state state;
	enum role role;
	char title[TITLE_MAX + 1];
	struct instant opened_at, due_at, closed_at;
	uint8_t level;   /* escalation levels published for this due_at */
	uint16_t facing; /* scratch of core/steps.c: what the facts asked of the step before the event; never stored */
};

struct request {
	char order_ref[REF_MAX + 1];
	char filed_prn[REF_MAX +
		       1]; /* the number the order was recorded under; the file's survivor is resolved from it (R9) */
	enum order_type order_type;
	char office[OFFICE_MAX + 1]; /* where it is managed now */
	char named_office[OFFICE_MAX +
			  1];    /* the office the court or prison named last: a transfer leaves it (R8, R10) */
	char place[REF_MAX + 1]; /* court or prison, as given */
	enum request_state state;
	char officer_id[REF_MAX + 1];
	char recommended_officer_id[REF_MAX + 1]; /* R5 */
	struct instant allocated_at;              /* when the officer was recorded last */

	bool in_effect; /* imposed, released or baselined, and not undone since; still set when recalled */
	bool final;     /* a cancelled sentence: never again (R2) */
	/* starts_on: effective_on where none was given. ends_on is the order's last day: it is live to the end of it and ENDED
	 * at 00:00 of the day after (ours); DATE_NONE: no end. */
	struct date scheduled_on, effective_on, starts_on, ends_on;
	enum tri child_sex_offence;
	char conditions[CODES_MAX * (REF_MAX + 1)]; /* codes, ascending, joined by a space */
	uint8_t documents;                          /* received: bits 1 << enum document */
	struct instant
		applied_at; /* `time` of what was applied last after the first opening: correction, closing, opening again (R8) */
	struct instant requested_at; /* `time` of the event that planned it, then of the one that took effect */
	struct instant due_at, first_report_by;
	uint8_t level;             /* escalation levels published for this due_at */
	struct instant next_alarm; /* earliest moment this request, its tasks or cases need a timer */

	struct task tasks[STEPS_MAX]; /* in step order; of a PLANNED request step 8 only */
	uint8_t task_count;

	enum row_change change;
	struct file *file;
	struct request *next;
	struct ptp_case *cases;
};

struct ptp_case {
	char ptp_ref[REF_MAX + 1];
	int32_t version; /* of the PTP policy it was opened under (P9) */
	uint8_t stage;
	enum ptp_state state;
	uint32_t outcomes; /* bits 1 << enum ptp_outcome recorded at this stage, for preconditions (G8) */
	bool approved;     /* stage 8: APPROVED */
	enum tri area_supports, region_supports; /* stages 4 and 5 (P8) */
	enum monitoring monitoring;
	enum tri em_criteria_met, residential_restrictions;
	enum em_approval em_approval;
	struct date starts_on, ends_on;              /* exclusive end */
	char suitability[CODES_MAX * (REF_MAX + 1)]; /* codes, joined by a space */
	char considered_by[REF_MAX + 1];
	struct instant opened_at, entered_at; /* the case; its stage */
	struct instant applied_at;            /* `time` of the considered or revised applied last */
	struct task task;                     /* the one open task while IN_PROGRESS: whoever acts next */
	bool expiring_published;

	enum row_change change;
	struct request *request;
	struct ptp_case *next;
};

struct file {
	struct person *persons; /* the survivor first */
	struct request *
		requests; /* in order of opening; closed ones may be missing: no rule asks about another's closed order */

	/* Scratch of the rules, NULL and false between events; never stored. */
	struct file *next_touched;
	bool touched, noted, was_split;
};

/* Marks a row as changed; a new one stays new. */
#define MARK(row) ((void)((row)->change |= ROW_CHANGED))

/* Keeps the number of a person somebody named; whose order took effect is kept since then. */
static inline void person_keep(struct person *person)
{
	if (!person->known)
		MARK(person);
}

/* An order is live from taking effect until cancelled, recalled or past its endsOn (R5). */
static inline bool request_live(const struct request *request)
{
	return request->in_effect && request->state != REQUEST_CANCELLED && request->state != REQUEST_ENDED;
}

/* Live or planned. */
static inline bool request_current(const struct request *request)
{
	return request->state != REQUEST_CANCELLED && request->state != REQUEST_ENDED;
}

static inline const char *file_prn(const struct file *file)
{
	return file->persons->prn;
}
