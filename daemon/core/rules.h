/* Inside of core/: what the rule files share. One event is decided through one `struct decision`; a rule first checks everything,
 * then changes rows and publishes, so that a refusal leaves no trace. */
#pragma once

#include "core/decide.h"

struct decision {
	const struct policy *policy;
	struct facts *facts;
	const struct event *event; /* NULL where time alone acts */
	struct instant time;       /* when it happened: the event's time, or the due moment that has passed */
	struct instant now;        /* when it is decided */
	struct effects *effects;
	struct verdict *verdict;
	int published; /* records so far */
	/* Set by the rule: */
	const char *waits_for; /* RULE_PARKS: the order or case that is not yet known */
	const char *opened;    /* the order or case that now exists: what waits for it is decided next (X3) */
	struct request *about; /* the request it is about: for history */
	/* Head of the list of files whose facts the event changes, shared with the parked events it releases; see file_note(). */
	struct file **touched_files;
};

/* What a rule answers besides -ENOMEM. */
enum { RULE_ACCEPTS = 0, RULE_PARKS = 1, RULE_REFUSES = 2 };

/* Sets the verdict's reason and sentence; returns RULE_REFUSES. */
int decision_refuse(struct decision *d, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Accepted, but without effect: keeps the sentence as the disposition's detail. Returns RULE_ACCEPTS. */
int decision_no_effect(struct decision *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The event waits for the order or case `ref` (X3). Returns RULE_PARKS. */
static inline int decision_park(struct decision *d, const char *ref)
{
	d->waits_for = ref;
	return RULE_PARKS;
}
/* Fills in cause, time and decided_at, publishes, and remembers the sequence in the verdict. */
void decision_publish(struct decision *d, struct record *record);

/* core/check.c: the checks of an event's content that need the policy but no facts. RULE_ACCEPTS or RULE_REFUSES. */
int check_content(struct decision *d);

/* core/quarantine.c (X4, X6). */
/* Sets `event` aside for the verdict's reason and publishes it; `parked`: where it had waited, NULL if it had not. 0 or -ENOMEM. */
int quarantine_add(struct decision *d, const struct event *event, const struct parked *parked);
/* The order or case that would exist if the event were accepted: what is parked for it cannot help being late (X3). NULL: none. */
const char *event_opens(const struct event *event);
/* Takes the quarantine out of HELD; what is parked for the order or case it would have opened is counted anew (X3). */
void quarantine_close(const struct policy *policy, struct facts *facts, struct quarantined *quarantined,
	enum quarantine_state state, struct instant now);

/* core/waiting.c (X3). */
/* Makes the row of an event that waits for d->waits_for. 0 or -ENOMEM. */
int parked_add(struct decision *d, struct claim *claim);
/* Counts the days anew of everything that waits for the order or case. */
void parked_recount(const struct policy *policy, struct facts *facts, const char *ref, struct instant now);

/* core/allocation.c: the rules of the events about one order, as one table (R1-R4, R6-R8, R10, R11). */
int allocation_event(struct decision *d);
/* The order's last day is over (alarms.c). */
void allocation_end(struct decision *d, struct request *request);
/* Publishes allocation.changed, on the topic of the previous office too where that is another. */
void allocation_publish_changed(struct decision *d, const struct request *request, const char *change,
	const char *previous_office, const char *previous_prn);
/* Brings the state of a request in effect up to its officer and steps (R2). */
void allocation_follow_steps(struct decision *d, struct request *request);

/* core/offender.c: the rules about a person's whole file (R5, R9). */
int offender_assessed(struct decision *d);
int offender_merged(struct decision *d);
int offender_unmerged(struct decision *d);

/* core/folder.c: what the orders of one file share. A rule that changes it (person facts, who has an order, child sex offence,
 * officers) calls file_note() for each file after its checks and before its changes, and file_settle() once at its end: steps 6-7
 * of every live request, states, recommendations and the split are then decided again (R4, R5) and timers set; levels
 * already past are published once the event and what it released are done (X8). */
void file_note(struct decision *d, struct file *file);
void file_settle(struct decision *d);
/* Puts the file on d->touched_files, unless it is there; takes all off. */
void file_touch(struct decision *d, struct file *file);
void files_untouch(struct decision *d);
/* Links a request that stands in no file, as the last one. */
void file_link(struct file *file, struct request *request);
/* Moves the request to another file and marks it; publishes nothing. */
void file_move(struct file *to, struct request *request);
/* Live and planned requests of the file. */
int file_current_orders(const struct file *file);
/* R5: the officer of the offender's other live or planned orders, most recent allocation first; "" if none. */
const char *file_recommends(const struct request *request);
/* Facts that any number of the person may have brought; DATE_NONE: none. */
struct date file_ows_reviewed_on(const struct file *file);
struct date file_cso9_completed_on(const struct file *file);
/* Whether the person has had an order in effect before (R4 step 4). */
bool file_known(const struct file *file);

/* core/steps.c: the steps of one request (R4). */
struct task *steps_find(struct request *request, int32_t step); /* NULL: the request has no such step */
/* What completes the step: as the policy has it now; a step it no longer has is completed by hand. */
enum completion steps_completion(const struct policy *policy, const struct task *task);
/* The request's step that such a thing completes; NULL: it has none. */
struct task *steps_completed_by(const struct policy *policy, struct request *request, enum completion completion);
/* Makes every step of a request as it takes effect and publishes them; of a planned one step 8 stays as it is. */
void steps_begin(struct decision *d, struct request *request);
/* Makes step 8 only (planned, R2; taken over without an officer, R11) and publishes it; where it stands already it stays. */
void steps_begin_allocation(struct decision *d, struct request *request);
/* Before and after the facts change: notes what they ask of each step; then closes, skips, reopens and rewords where that changed. */
void steps_note(const struct decision *d, struct request *request);
void steps_review(struct decision *d, struct request *request);
/* In between, where the order goes to another person: what was done or asked about a person's file was about somebody else's (R8). */
void steps_forget_person(const struct policy *policy, struct request *request);
/* Sets the task's state (COMPLETED or SKIPPED; OPEN again), publishes it, and opens the steps that waited for it. */
void steps_close(struct decision *d, struct request *request, struct task *task, enum task_state state);
void steps_reopen(struct decision *d, struct request *request, struct task *task);
/* Cancels what is still to be done; takes that back. */
void steps_cancel(struct decision *d, struct request *request);
void steps_revive(struct decision *d, struct request *request);
bool steps_all_closed(const struct request *request);
/* Whether every document the order's type requires has been received (A2). */
bool steps_documents_complete(const struct policy *policy, const struct request *request);
static inline bool task_to_do(const struct task *task)
{
	return task->state == TASK_OPEN || task->state == TASK_WAITING;
}

/* core/ptp.c: the rules of the four ptp.* events. */
int ptp_considered(struct decision *d);
int ptp_revised(struct decision *d);
int ptp_stage_recorded(struct decision *d);
int ptp_imposition_recorded(struct decision *d);
/* The request was cancelled, recalled or has ended: closes (ORDER_CLOSED) or ends (ENDED) its cases. */
void ptp_order_closed(struct decision *d, struct request *request);
/* The order's type or start changed: G1 and G4 are checked again; `ptp.refused` where they no longer hold. */
void ptp_order_varied(struct decision *d, struct request *request);
/* Earliest moment the case needs a timer (overdue level, expiring, expired); INSTANT_NONE: none. */
struct instant ptp_next_alarm(const struct policy *policy, const struct ptp_case *ptp);
/* Fires the earliest alarm that has been reached at d->now, publishing its records; false when none has. */
bool ptp_fire_alarm(struct decision *d, struct ptp_case *ptp);

/* core/alarms.c: recomputes request->next_alarm from the request, its tasks and its cases; marks the row if it moved. */
void request_set_alarm(const struct policy *policy, struct request *request);
/* Sets the due time of the request and its open steps; a changed one starts its levels anew (X8). */
void request_set_due(struct request *request, struct instant due_at);
/* The due time of an order of the request's type and dates, counted from `from` (R3). */
struct instant request_due(const struct policy *policy, const struct request *request, struct instant from);
/* Publishes the levels already past of the files on d->touched_files, in time order, and empties the list (X8). */
void alarms_publish_past(struct decision *d);
