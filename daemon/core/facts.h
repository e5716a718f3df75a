/* What the rules know: the look-ups that hand them files, claims, parked and quarantined events. The service gives them
 * rows loaded from PostgreSQL, the unit tests rows of their own; the rules never see which. A row that is handed out stays
 * where it is until the batch ends. Rows the rules add come back marked ROW_NEW. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "core/file.h"

/* The disposition of an accepted or parked event: it claims (source, id) (X2). */
struct claim {
	const char *source, *id;
	struct hash content;
	enum event_type type;
	enum disposition
		disposition; /* ACCEPTED or PARKED; once QUARANTINED (a parked event refused) it claims nothing */
	uint64_t seq;
	char order_ref[REF_MAX + 1]; /* the order or case it is about: history */
	char prn[REF_MAX + 1];
	struct instant time, decided_at;
	const char *submitter, *by, *prose; /* reason or note; sentence of an effectless one in `detail` */
	enum role by_role;
	char detail[FAULT_MAX];
	enum row_change change;
};

/* Events that wait for one order or case: each that is about it has all of them looked at. One more is TOO_MANY_PARKED. */
#define PARKED_MAX 200

/* An event that waits for an order or case not yet known (X3). */
struct parked {
	uint64_t number; /* order of arrival */
	const struct event *event;
	char waits_for[REF_MAX + 1];
	char opens[REF_MAX + 1]; /* the case it would open; "": none */
	struct instant parked_at;
	struct instant
		counted_from; /* the seven days run from here: parked_at, or when its opener was last known to be held or parked */
	struct instant next_alarm;
	bool long_published;
	bool gone; /* decided: to be deleted */
	enum row_change change;
	struct claim *claim;
};

/* An event that was set aside (X4). Strings are owned by whoever made the row. */
struct quarantined {
	uint64_t number;
	const char *source, *id, *type_text; /* NULL where unreadable */
	enum event_type type;
	struct instant time;
	const char *order_ref, *office, *submitter; /* NULL where unreadable */
	const char *opens;                          /* the order or case it would open; NULL: none */
	char placed[OFFICE_MAX + 1];                /* the order's office, where the event names none */
	enum reason reason;
	char sentence[FAULT_MAX];
	struct hash raw_hash;
	const uint8_t *raw; /* NULL once loaded: the rules do not read it */
	size_t raw_size;
	bool without_bytes; /* they were not kept: it can only be sent again */
	enum quarantine_state state;
	const char *closed_by, *closed_reason; /* discard: who and why */
	struct instant quarantined_at, closed_at;
	struct instant next_alarm; /* quarantine-overdue of an opening event (X6) */
	uint64_t seq;              /* of its event.quarantined record */
	enum row_change change;
};

struct facts {
	void *context;

	/* The claim on (source, id), or NULL. */
	struct claim *(*claim)(void *context, const char *source, const char *id);
	/* A HELD or closed quarantine of exactly these bytes, the newest; or NULL. */
	struct quarantined *(*quarantine_of_bytes)(void *context, const struct hash *raw_hash);
	/* The HELD quarantines of (source, id), one by one: NULL as `after` starts; NULL ends. */
	struct quarantined *(*quarantine_of_id)(
		void *context, const char *source, const char *id, struct quarantined *after);
	/* Whether an event that would open the order or case is HELD in quarantine. */
	bool (*opener_held)(void *context, const char *ref);
	/* Whether an event that would open the case is parked and not yet gone. */
	bool (*opener_parked)(void *context, const char *ref);

	/* The person, made with a file of its own (ROW_CLEAN, in no table yet; its dates and moments *_NONE) if unknown. The rules MARK() it once it is worth
	 * keeping, so a marked person is written whether or not it was there before. NULL: out of memory. Does not follow merges:
	 * person->file does. */
	struct person *(*person)(void *context, const char *prn);
	struct request *(*request)(void *context, const char *order_ref); /* NULL: unknown */
	struct ptp_case *(*ptp_case)(void *context, const char *ptp_ref); /* NULL: unknown */
	/* The parked events not yet gone that wait for the order or case, oldest first: NULL as `after` starts; NULL ends. `after` itself
	 * may have gone meanwhile. */
	struct parked *(*parked)(void *context, const char *ref, struct parked *after);

	/* New rows: zeroed, keyed, linked to nothing, marked ROW_NEW, found by the look-ups from now on. NULL: out of memory. */
	struct request *(*add_request)(void *context, const char *order_ref);
	struct ptp_case *(*add_case)(void *context, const char *ptp_ref);
	struct claim *(*add_claim)(void *context, const struct event *event);
	struct parked *(*add_parked)(
		void *context, const struct event *event, const char *waits_for, const char *opens);
	struct quarantined *(*add_quarantined)(void *context, const struct event *event, const char *opens);
	struct file *(*add_file)(void *context);
};
