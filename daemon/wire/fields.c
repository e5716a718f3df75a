/* One row a field: its kind, its place in `struct event`, and the types of event that must have it, as the `(required)` marks of
 * proto/events.proto say (a test compares the two). A type has the fields its message has; the walk goes over those and looks the row up by the
 * field's name, so a field cannot be forgotten: one without a row would fail the test that every field has one. */
#include "wire/fields.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/message.h"

#include "google/protobuf/wrappers.pb-c.h"

enum kind {
	KEY,    /* a key or code of REF_MAX bytes */
	OFFICE, /* a key of OFFICE_MAX bytes */
	PROSE,  /* free text, which no sentence may quote */
	DATE,
	ENUM,
	NUMBER,   /* a step or stage, 1 to 255 */
	FLAG,     /* bool: false where absent */
	TRI,      /* BoolValue: unknown where absent */
	CODES,    /* a list of keys without blanks */
	DOCUMENT, /* enum document, one or a list, as bits */
};

struct rule {
	const char *field;
	enum kind kind;
	size_t at;         /* in struct event */
	uint32_t required; /* bits 1 << enum event_type */
	uint32_t only;     /* the types the row is for; 0: every one that has such a field */
};

#define E(type)    (UINT32_C(1) << EVENT_##type)
#define AT(member) offsetof(struct event, member)
_Static_assert(EVENT_TYPE_END <= 32, "an event type is a bit of 32");

#define SCHEDULED    (E(SENTENCING_SCHEDULED) | E(RELEASE_SCHEDULED))
#define TAKES_EFFECT (E(SENTENCE_IMPOSED) | E(SENTENCE_VARIED) | E(OFFENDER_RELEASED) | E(RELEASE_VARIED))
#define AN_ORDER     (SCHEDULED | TAKES_EFFECT | E(ORDER_BASELINE))
#define ENDS_IT      (E(SENTENCE_CANCELLED) | E(RELEASE_CANCELLED) | E(OFFENDER_RECALLED))
#define MERGES       (E(OFFENDER_MERGED) | E(OFFENDER_UNMERGED))
#define RECORDED     (E(ALLOCATION_RECORDED) | E(TRANSFER_RECORDED) | E(TASK_RECORDED))
#define PTP_CASE     (E(PTP_CONSIDERED) | E(PTP_REVISED))
#define PTP_ANY      (PTP_CASE | E(PTP_STAGE_RECORDED) | E(PTP_IMPOSITION_RECORDED))

static const struct rule rules[] = {
	{ "prn", KEY, AT(prn), AN_ORDER | MERGES | PTP_CASE | E(OFFENDER_ASSESSED), 0 },
	{ "into_prn", KEY, AT(into_prn), MERGES, 0 },
	{ "order_ref", KEY, AT(order_ref), AN_ORDER | ENDS_IT | RECORDED | PTP_CASE | E(DOCUMENT_RECEIVED), 0 },
	{ "ptp_ref", KEY, AT(ptp_ref), PTP_ANY, 0 },
	{ "order_type", ENUM, AT(order_type), AN_ORDER, 0 },
	{ "office", OFFICE, AT(office), AN_ORDER, 0 },
	{ "received_at", OFFICE, AT(office), 0, 0 },
	{ "to_office", OFFICE, AT(office), E(TRANSFER_RECORDED), 0 },
	{ "court", KEY, AT(place), 0, 0 },
	{ "prison", KEY, AT(place), 0, 0 },
	{ "sentencing_on", DATE, AT(scheduled_on), E(SENTENCING_SCHEDULED), 0 },
	{ "release_on", DATE, AT(scheduled_on), E(RELEASE_SCHEDULED), 0 },
	{ "imposed_on", DATE, AT(effective_on), E(SENTENCE_IMPOSED) | E(SENTENCE_VARIED), 0 },
	{ "released_on", DATE, AT(effective_on), E(OFFENDER_RELEASED) | E(RELEASE_VARIED), 0 },
	{ "starts_on", DATE, AT(starts_on), 0, 0 },
	{ "ends_on", DATE, AT(ends_on), 0, 0 },
	{ "cancelled_on", DATE, AT(cancelled_on), E(SENTENCE_CANCELLED), 0 },
	{ "recalled_on", DATE, AT(cancelled_on), E(OFFENDER_RECALLED), 0 },
	{ "received_on", DATE, AT(received_on), E(DOCUMENT_RECEIVED), 0 },
	{ "ows_reviewed_on", DATE, AT(ows_reviewed_on), 0, 0 },
	{ "cso9_completed_on", DATE, AT(cso9_completed_on), 0, 0 },
	{ "on_ows", TRI, AT(on_ows), 0, 0 },
	{ "child_sex_offence", TRI, AT(child_sex_offence), 0, 0 },
	{ "conditions", CODES, AT(conditions), 0, 0 },
	{ "suitability", CODES, AT(suitability), 0, 0 },
	{ "document", DOCUMENT, AT(documents), E(DOCUMENT_RECEIVED), 0 },
	{ "documents", DOCUMENT, AT(documents), 0, 0 },
	{ "officer_id", KEY, AT(officer_id), E(ALLOCATION_RECORDED), 0 },
	{ "by", KEY, AT(by), RECORDED | PTP_ANY, 0 },
	{ "by_role", ENUM, AT(by_role), RECORDED | E(PTP_STAGE_RECORDED), 0 },
	{ "reason", PROSE, AT(reason), 0, 0 },
	{ "note", PROSE, AT(note), 0, 0 },
	{ "step", NUMBER, AT(step), E(TASK_RECORDED), 0 },
	{ "stage", NUMBER, AT(stage), E(PTP_STAGE_RECORDED), 0 },
	{ "outcome", ENUM, AT(task_outcome), E(TASK_RECORDED), E(TASK_RECORDED) },
	{ "outcome", ENUM, AT(ptp_outcome), E(PTP_STAGE_RECORDED), E(PTP_STAGE_RECORDED) },
	{ "outcome", ENUM, AT(imposition), E(PTP_IMPOSITION_RECORDED), E(PTP_IMPOSITION_RECORDED) },
	{ "monitoring", ENUM, AT(monitoring), 0, 0 },
	{ "em_approval", ENUM, AT(em_approval), 0, 0 },
	{ "em_criteria_met", FLAG, AT(em_criteria_met), 0, 0 },
	{ "residential_restrictions", FLAG, AT(residential_restrictions), 0, 0 },
};

/* One field of the event being read. */
struct reading {
	const ProtobufCMessage *payload;
	const ProtobufCFieldDescriptor *field;
	const char *name; /* in JSON */
	const struct rule *rule;
	struct event *event;
	struct refusal *refusal;
	bool required;
};

#define MEMBER(reading, type) (*(type *)(void *)((char *)(reading)->event + (reading)->rule->at))
#define GIVEN(reading, type)  (*(__typeof__(type) const *)message_value((reading)->payload, (reading)->field))

static void note_missing(const char *name, struct refusal *refusal)
{
	refusal_note(refusal, REASON_MISSING_FIELD, "%s is missing or empty", name);
}

static bool is_key(const char *text, size_t n)
{
	return text_is_clean(text, n) && !memchr(text, '\t', n) && !memchr(text, '\n', n) && !memchr(text, '\r', n);
}

const char *field_key(const char *name, const char *text, size_t max, bool required, struct refusal *refusal)
{
	size_t n = strlen(text);
	char shown[SHOWN_MAX];

	if (n == 0) {
		if (required)
			note_missing(name, refusal);
		return NULL;
	}
	(void)text_shown(shown, text, n);
	if (!is_key(text, n))
		refusal_note(refusal, REASON_INVALID_TEXT,
			"%s is \"%s\": it holds a control character, or bytes that are not UTF-8", name, shown);
	else if (n > max)
		refusal_note(refusal, REASON_INVALID_FIELD, "%s is \"%s\", %zu bytes long; at most %zu are allowed",
			name, shown, n, max);
	else if (text[0] == ' ' || text[n - 1] == ' ')
		refusal_note(refusal, REASON_INVALID_FIELD,
			"%s is \"%s\"; a blank at its beginning or end is not allowed", name, shown);
	else
		return text;
	return NULL;
}

/* A member that two fields share, such as court and prison of a baseline, keeps what the other one gave. */
static void read_text(const struct reading *r, size_t max)
{
	const char *text = field_key(r->name, GIVEN(r, char *), max, r->required, r->refusal);

	if (text)
		MEMBER(r, const char *) = text;
}

static void read_key(const struct reading *r)
{
	read_text(r, REF_MAX);
}

static void read_office(const struct reading *r)
{
	read_text(r, OFFICE_MAX);
}

/* Free text is never quoted: sentences are published and logged, it is not. */
static void read_prose(const struct reading *r)
{
	const char *text = GIVEN(r, char *);
	size_t n = strlen(text);

	if (!text_is_clean(text, n))
		refusal_note(r->refusal, REASON_INVALID_TEXT,
			"%s holds a control character, or bytes that are not UTF-8", r->name);
	else if (n > PROSE_MAX)
		refusal_note(r->refusal, REASON_INVALID_FIELD, "%s is %zu bytes long; at most %d are allowed", r->name,
			n, PROSE_MAX);
	else
		MEMBER(r, const char *) = n ? text : NULL;
}

static void read_date(const struct reading *r)
{
	const char *text = GIVEN(r, char *);
	struct date *date = &MEMBER(r, struct date), given;
	char shown[SHOWN_MAX];
	int year, month, day;

	if (!text_given(text)) {
		if (r->required)
			note_missing(r->name, r->refusal);
		return;
	}
	if (date_given(*date)) {
		refusal_note(r->refusal, REASON_INVALID_DATES, "imposedOn and releasedOn are both given; one must be");
		return;
	}
	if (date_parse(text, &given) == 0) {
		date_parts(given, &year, &month, &day);
		if (year >= 1900 && year <= 2199) {
			*date = given;
			return;
		}
	}
	refusal_note(r->refusal, REASON_INVALID_DATES,
		"%s is \"%s\"; it must be a day of the years 1900 to 2199, like 2026-11-25", r->name,
		text_shown(shown, text, strlen(text)));
}

/* True where the number has a name other than NOT_GIVEN. */
static bool enum_is_known(const struct reading *r, int32_t number)
{
	char allowed[ALLOWED_MAX];

	if (number != 0 && protobuf_c_enum_descriptor_get_value(r->field->descriptor, number))
		return true;
	refusal_note(r->refusal, REASON_INVALID_FIELD, "%s is %d; allowed are %s", r->name, number,
		enum_allowed(r->field->descriptor, allowed));
	return false;
}

static void read_enum(const struct reading *r)
{
	int32_t number = GIVEN(r, int32_t);

	_Static_assert(sizeof(enum order_type) == sizeof(int32_t), "enums are taken over by size");
	if (number == 0) {
		if (r->required)
			note_missing(r->name, r->refusal);
	} else if (enum_is_known(r, number)) {
		memcpy((char *)r->event + r->rule->at, &number, sizeof(number));
	}
}

static void read_number(const struct reading *r)
{
	int32_t number = GIVEN(r, int32_t);

	if (number == 0 && r->required)
		note_missing(r->name, r->refusal);
	else if (number < 0 || number > UINT8_MAX)
		refusal_note(
			r->refusal, REASON_INVALID_FIELD, "%s is %d; allowed is 1 to %d", r->name, number, UINT8_MAX);
	else
		MEMBER(r, int32_t) = number;
}

static void read_flag(const struct reading *r)
{
	MEMBER(r, enum tri) = GIVEN(r, protobuf_c_boolean) ? TRI_YES : TRI_NO;
}

static void read_tri(const struct reading *r)
{
	const Google__Protobuf__BoolValue *value = GIVEN(r, Google__Protobuf__BoolValue *);

	if (value)
		MEMBER(r, enum tri) = value->value ? TRI_YES : TRI_NO;
}

/* Blanks separate the codes where a row keeps them as one text. */
static void read_codes(const struct reading *r)
{
	size_t n = message_count(r->payload, r->field);
	char **elements = GIVEN(r, char **);
	struct codes *codes = &MEMBER(r, struct codes);

	if (n > CODES_MAX) {
		refusal_note(r->refusal, REASON_INVALID_FIELD, "%s has %zu codes; at most %d are allowed", r->name, n,
			CODES_MAX);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *code = field_key(r->name, elements[i], REF_MAX, false, r->refusal);

		if (!code || strchr(code, ' '))
			refusal_note(r->refusal, REASON_INVALID_FIELD,
				"%s has \"%s\"; a code is not empty and has no blanks", r->name, code ? code : "");
		else if (code)
			codes->code[codes->n++] = code;
	}
}

static void read_documents(const struct reading *r)
{
	bool list = r->field->label == PROTOBUF_C_LABEL_REPEATED;
	size_t n = list ? message_count(r->payload, r->field) : 1;
	const int32_t *numbers = list ? GIVEN(r, int32_t *) : &GIVEN(r, int32_t);

	if (r->required && numbers[0] == 0) {
		note_missing(r->name, r->refusal);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (enum_is_known(r, numbers[i]))
			MEMBER(r, uint8_t) |= (uint8_t)(1U << numbers[i]);
}

static void (*const readers[])(const struct reading *) = {
	[KEY] = read_key,
	[OFFICE] = read_office,
	[PROSE] = read_prose,
	[DATE] = read_date,
	[ENUM] = read_enum,
	[NUMBER] = read_number,
	[FLAG] = read_flag,
	[TRI] = read_tri,
	[CODES] = read_codes,
	[DOCUMENT] = read_documents,
};

static const struct rule *rule_of(const char *field, enum event_type type)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rules); i++)
		if ((!rules[i].only || rules[i].only & UINT32_C(1) << type) && strcmp(rules[i].field, field) == 0)
			return &rules[i];
	return NULL;
}

/* What no single field can be asked for. */
static void check_together(struct event *event, struct refusal *refusal)
{
	if (event->type == EVENT_OFFENDER_ASSESSED && !date_given(event->ows_reviewed_on) &&
		event->on_ows == TRI_UNKNOWN && !date_given(event->cso9_completed_on))
		refusal_note(refusal, REASON_MISSING_FIELD,
			"none of owsReviewedOn, onOws and cso9CompletedOn is given; at least one must be");
	if (event->type == EVENT_ORDER_BASELINE && !date_given(event->effective_on))
		refusal_note(refusal, REASON_MISSING_FIELD, "neither imposedOn nor releasedOn is given; one must be");
}

void fields_read(const ProtobufCMessage *payload, struct event *event, struct refusal *refusal)
{
	char name[FIELD_NAME_MAX];
	struct reading reading = { .payload = payload, .name = name, .event = event, .refusal = refusal };

	for (unsigned i = 0; i < payload->descriptor->n_fields; i++) {
		reading.field = &payload->descriptor->fields[i];
		reading.rule = rule_of(reading.field->name, event->type);
		if (!reading.rule)
			continue;
		reading.required = reading.rule->required & UINT32_C(1) << event->type;
		(void)field_json_name(reading.field, name);
		readers[reading.rule->kind](&reading);
	}
	check_together(event, refusal);
}
