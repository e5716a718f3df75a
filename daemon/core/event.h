/* One decoded event, as the rules see it. wire/ fills it; every pointer is borrowed from the batch that holds it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/instant.h"
#include "core/words.h"

/* Bytes, without the terminator; longer text is refused as INVALID_FIELD. */
#define REF_MAX    64 /* prn, orderRef, ptpRef, officerId, by, court, prison, a code */
#define OFFICE_MAX 32
#define ID_MAX     128  /* source, id, submitter */
#define PROSE_MAX  2000 /* reason, note */
#define CODES_MAX  16   /* conditions[], suitability[] */
#define HASH_SIZE  32

/* BLAKE2b. Of the decoded type, time and data (X2), or of the bytes as they came (quarantine). */
struct hash {
	uint8_t bytes[HASH_SIZE];
};

struct codes {
	const char *code[CODES_MAX];
	uint8_t n;
};

struct event {
	/* The envelope. For an event that could not be read whole, only what was readable; type EVENT_NONE if not. */
	enum event_type type;
	const char *type_text;   /* as it came, also where it is no type of ours; NULL if unreadable */
	const char *source, *id; /* NULL if unreadable */
	struct instant time;
	const char *traceparent, *tracestate;
	struct hash content; /* of type, time and data: equal for the JSON and the protobuf form */

	/* Where it came from: set by the service, not by its sender. */
	enum source_kind kind; /* what its `source` may speak as; SOURCE_NONE: no such source in the config */
	const char *submitter; /* authenticated identity, or the stream it was read from (X7) */
	const uint8_t *raw;    /* the bytes as they came */
	size_t raw_size;
	struct hash raw_hash;

	/* The data; NULL, 0, *_NONE where absent. Names follow proto/. */
	const char *prn, *into_prn, *order_ref, *ptp_ref;
	enum order_type order_type;
	const char *office; /* office, receivedAt or toOffice */
	const char *place;  /* court or prison */
	const char *officer_id, *by;
	const char *reason, *note; /* free text: kept in history, never published */
	enum role by_role;
	struct date scheduled_on; /* sentencingOn, releaseOn */
	struct date effective_on; /* imposedOn, releasedOn; for a baseline whichever is given */
	struct date starts_on, ends_on;
	struct date cancelled_on; /* cancelledOn, recalledOn */
	struct date received_on, ows_reviewed_on, cso9_completed_on;
	enum tri child_sex_offence, on_ows;
	struct codes conditions, suitability;
	uint8_t documents; /* bits 1 << enum document: documents[] of a baseline, or the one received */
	int32_t step, stage;
	enum task_outcome task_outcome;
	enum ptp_outcome ptp_outcome;
	enum ptp_imposition imposition;
	enum monitoring monitoring;
	enum tri em_criteria_met, residential_restrictions;
	enum em_approval em_approval;
};

/* What became of an event. */
struct verdict {
	enum disposition disposition;
	enum reason reason;       /* why quarantined; REASON_NONE otherwise */
	char sentence[FAULT_MAX]; /* for a person: names the field and the value; for accepted without effect: why */
	uint64_t seq;             /* last record it caused, 0 if none; for a duplicate that of the first */
};
