/* The rules, in one call an event. Pure: no I/O, no clock, no allocation (rows come from the facts), no log. */
#pragma once

#include "core/effects.h"

/* Decides one event that was decoded (`fault_reason` REASON_NONE) or could not be (the reason, and the sentence in `fault`), in the order
 * of X2: the claim, the quarantine of the same bytes, age, sender, content, the rules of its type. Writes its disposition, releases
 * what was parked for what it opened (X3), supersedes its earlier quarantines, and publishes levels already past (X8).
 * 0; -ENOMEM when the facts could not make a row: the batch must then be dropped whole. */
int decide_event(const struct policy *policy, struct facts *facts, const struct event *event, enum reason fault_reason,
	const char *fault, struct instant now, struct effects *effects, struct verdict *ret);

/* Decides a quarantined event again, as of now (X4); accepted or parked, its row is RETRIED; a duplicate of what was
 * taken meanwhile, SUPERSEDED; else it keeps its quarantine with the reason now given, without another event.quarantined. 0; 1 if it is not
 * HELD; -ENOMEM. */
int decide_retry(const struct policy *policy, struct facts *facts, struct quarantined *quarantined,
	const struct event *event, enum reason fault_reason, const char *fault, struct instant now,
	struct effects *effects, struct verdict *ret);

/* Closes a HELD quarantine; 1 if it is not HELD. */
int decide_discard(const struct policy *policy, struct facts *facts, struct quarantined *quarantined, const char *by,
	const char *reason, struct instant now);

/* Fires what is due, in time order. Each returns the number of records published; the request's stops once there are `limit` (the end of
 * an order publishes all of its records at once). Call again while the row's next_alarm has been reached. A row whose alarm is not
 * due changes nothing. The parked one can answer -ENOMEM. */
int decide_request_alarm(const struct policy *policy, struct facts *facts, struct request *request, struct instant now,
	int limit, struct effects *effects);
int decide_parked_alarm(const struct policy *policy, struct facts *facts, struct parked *parked, struct instant now,
	struct effects *effects);
int decide_quarantine_alarm(const struct policy *policy, struct facts *facts, struct quarantined *quarantined,
	struct instant now, struct effects *effects);
