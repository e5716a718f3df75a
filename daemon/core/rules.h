/* Inside of core/: what the rule files share. One event is decided through one `struct decision`; a rule first checks everything,
 * then changes rows and publishes, so that a refusal leaves no trace. */
#pragma once

#include "core/decide.h"

struct decision {
	const struct policy *policy;
	struct facts *facts;
	const struct event *event; /* NULL where time alone acts */
	struct instant now;
	struct effects *effects;
	struct verdict *verdict;
	/* Set by the rule: */
	const char *waits_for;        /* RULE_PARKS: the order or case that is not yet known */
	const char *opened;           /* the order or case that now exists: what waits for it is decided next (X3) */
	struct file *touched[2];      /* files whose requests may have levels already past */
	struct request *about;        /* the request it is about: for history */
};

/* What a rule answers besides -ENOMEM. */
enum { RULE_ACCEPTS = 0, RULE_PARKS = 1, RULE_REFUSES = 2 };

/* Sets the verdict's reason and sentence; returns RULE_REFUSES. */
int decision_refuse(struct decision *d, enum reason reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Accepted, but without effect: keeps the sentence as the disposition's detail. Returns RULE_ACCEPTS. */
int decision_no_effect(struct decision *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Fills in cause, time and decided_at, publishes, and remembers the sequence in the verdict. */
void decision_publish(struct decision *d, struct record *record);

/* core/ptp.c: the rules of the four ptp.* events. */
int ptp_considered(struct decision *d);
int ptp_revised(struct decision *d);
int ptp_stage_recorded(struct decision *d);
int ptp_imposition_recorded(struct decision *d);
/* The request was cancelled, recalled or has ended: closes (ORDER_CLOSED) or ends (ENDED) its cases. */
void ptp_order_closed(struct decision *d, struct request *request);
/* The order's particulars changed: G1 and G4 are checked again; `ptp.refused` where they no longer hold. */
void ptp_order_varied(struct decision *d, struct request *request);
/* Earliest moment the case needs a timer (overdue level, expiring, expired); INSTANT_NONE: none. */
struct instant ptp_next_alarm(const struct policy *policy, const struct ptp_case *ptp);
/* Fires the earliest alarm that has been reached at d->now, publishing its records; false when none has. */
bool ptp_fire_alarm(struct decision *d, struct ptp_case *ptp);

/* core/alarms.c: recomputes request->next_alarm from the request, its tasks and its cases; marks the row if it moved. */
void request_set_alarm(const struct policy *policy, struct request *request);
