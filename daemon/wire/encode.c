/* One function a family fills its message from the rows the rules published about; everything else, envelope, topic and the log's columns, is the
 * same for all. Fields are filled by what the record holds and not by its name: a field that a name does not use is absent because the
 * rules left it empty. The exceptions are those whose meaning depends on the name: `concerns` is whom an overdue level concerns, and for
 * the other PTP records who acts next. */
#include "wire/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/cloudevent.h"
#include "wire/message.h"
#include "wire/schema.h"

#include "google/protobuf/timestamp.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "records.pb-c.h"

#define RELATED_MAX   100
#define SOURCE_PREFIX "urn:nz:corrections:cpps-bridge:"

struct encoder {
	struct arena *arena;
	bool full; /* the arena: the message is then not whole */

	const struct record *record;
	const struct event *cause;     /* NULL: none; the event set aside for event.* records */
	const struct request *request; /* NULL: none */
	const struct ptp_case *ptp;    /* NULL: none */
	const struct task *task;       /* NULL: none */
	const char *order_ref, *ptp_ref, *prn, *office, *area, *region; /* "" where none */
};

/* ---- values ---- */

static char *text(const char *value)
{
	return (char *)(uintptr_t)(value ? value : "");
}

static void *take(struct encoder *e, size_t n)
{
	void *bytes = arena_take(e->arena, n);

	if (!bytes)
		e->full = true;
	return bytes;
}

static char *day(struct encoder *e, struct date date)
{
	char *value = date_given(date) ? take(e, DATE_TEXT) : NULL;

	return value ? date_format(date, value) : text("");
}

static Google__Protobuf__Timestamp *timestamp(struct encoder *e, struct instant time)
{
	Google__Protobuf__Timestamp *value = instant_given(time) ? take(e, sizeof(*value)) : NULL;

	if (value) {
		google__protobuf__timestamp__init(value);
		timestamp_of(time, &value->seconds, &value->nanos);
	}
	return value;
}

static Google__Protobuf__BoolValue *known(struct encoder *e, enum tri fact)
{
	Google__Protobuf__BoolValue *value = fact != TRI_UNKNOWN ? take(e, sizeof(*value)) : NULL;

	if (value) {
		google__protobuf__bool_value__init(value);
		value->value = fact == TRI_YES;
	}
	return value;
}

/* Rows begin as zeroes: a time that is zero has never been set. */
static struct instant row_time(struct instant time)
{
	return time.us == 0 ? INSTANT_NONE : time;
}

typedef Cpps__Bridge__V1__Role__Value Role;

static size_t roles_of_bits(struct encoder *e, uint32_t bits, Role **ret)
{
	Role *roles = bits ? take(e, ROLE_END * sizeof(*roles)) : NULL;
	size_t n = 0;

	for (unsigned role = 1; roles && role < ROLE_END; role++)
		if (bits & 1U << role)
			roles[n++] = (Role)role;
	*ret = roles;
	return n;
}

static size_t roles_of_list(struct encoder *e, const enum role list[CONVEY_MAX], Role **ret)
{
	Role *roles = list[0] != ROLE_NONE ? take(e, CONVEY_MAX * sizeof(*roles)) : NULL;
	size_t n = 0;

	for (; roles && n < CONVEY_MAX && list[n] != ROLE_NONE; n++)
		roles[n] = (Role)list[n];
	*ret = roles;
	return n;
}

/* The offender's other live or planned orders (A5). */
static size_t related_orders(struct encoder *e, char ***ret)
{
	const struct file *file = e->request ? e->request->file : NULL;
	char **refs = NULL;
	size_t n = 0;

	for (const struct request *other = file ? file->requests : NULL; other && n < RELATED_MAX;
		other = other->next) {
		if (other == e->request || !request_current(other))
			continue;
		if (!refs)
			refs = take(e, RELATED_MAX * sizeof(*refs));
		if (!refs)
			return 0;
		refs[n++] = text(other->order_ref);
	}
	*ret = refs;
	return n;
}

static bool is_overdue(const struct record *record)
{
	return record->name == RECORD_ALLOCATION_OVERDUE || record->name == RECORD_TASK_OVERDUE ||
	       record->name == RECORD_PTP_OVERDUE;
}

/* ---- families ---- */

/* What every family begins with. */
#define FILL_ORDER(message, e)                                                                \
	do {                                                                                  \
		(message)->order_ref = text((e)->order_ref);                                  \
		(message)->prn = text((e)->prn);                                              \
		(message)->office = text((e)->office);                                        \
		(message)->area = text((e)->area);                                            \
		(message)->region = text((e)->region);                                        \
		(message)->responsible_role = CPPS__BRIDGE__V1__ROLE__VALUE__SERVICE_MANAGER; \
		(message)->level = (e)->record->level;                                        \
	} while (0)

/* What the record says about who recorded it, where a family says so. */
#define FILL_ACTOR(message, e)                                   \
	do {                                                     \
		(message)->by = text((e)->record->by);           \
		(message)->by_role = (Role)(e)->record->by_role; \
	} while (0)

typedef Cpps__Bridge__V1__OrderType__Value OrderType;

static void fill_allocation(struct encoder *e, ProtobufCMessage *base)
{
	Cpps__Bridge__V1__AllocationRecord *m = (Cpps__Bridge__V1__AllocationRecord *)base;
	const struct record *record = e->record;
	const struct request *request = e->request;

	FILL_ORDER(m, e);
	FILL_ACTOR(m, e);
	m->previous_office = text(record->previous_office);
	m->previous_officer_id = text(record->previous_officer_id);
	m->previous_prn = text(record->previous_prn);
	m->change = text(record->change);
	m->role = is_overdue(record) ? (Role)record->concerns : CPPS__BRIDGE__V1__ROLE__VALUE__NOT_GIVEN;
	if (!request)
		return;
	m->order_type = (OrderType)request->order_type;
	m->state = (Cpps__Bridge__V1__RequestState__Value)request->state;
	m->officer_id = text(request->officer_id);
	m->recommended_officer_id = text(request->recommended_officer_id);
	m->n_related_order_refs = related_orders(e, &m->related_order_refs);
	m->due_at = timestamp(e, row_time(instant_given(row_time(record->due_at)) ? record->due_at : request->due_at));
	m->first_report_by = timestamp(e, row_time(request->first_report_by));
	m->effective_on = day(e, request->effective_on);
	m->scheduled_on = day(e, request->scheduled_on);
	m->starts_on = day(e, request->starts_on);
	m->ends_on = day(e, request->ends_on);
}

static void fill_task(struct encoder *e, ProtobufCMessage *base)
{
	Cpps__Bridge__V1__TaskRecord *m = (Cpps__Bridge__V1__TaskRecord *)base;
	const struct record *record = e->record;

	FILL_ORDER(m, e);
	FILL_ACTOR(m, e);
	m->kind = (Cpps__Bridge__V1__TaskKind__Value)record->kind;
	m->ref = text(record->kind == KIND_PTP ? e->ptp_ref : e->order_ref);
	m->concerns = is_overdue(record) ? (Role)record->concerns : CPPS__BRIDGE__V1__ROLE__VALUE__NOT_GIVEN;
	if (e->request) {
		m->order_type = (OrderType)e->request->order_type;
		m->officer_id = text(e->request->officer_id);
	}
	if (!e->task)
		return;
	m->step = e->task->step;
	m->title = text(e->task->title);
	m->role = (Role)e->task->role;
	m->state = (Cpps__Bridge__V1__TaskState__Value)e->task->state;
	m->opened_at = timestamp(e, row_time(e->task->opened_at));
	m->due_at = timestamp(e, row_time(e->task->due_at));
	m->closed_at = timestamp(e, row_time(e->task->closed_at));
}

static void fill_ptp_case(struct encoder *e, Cpps__Bridge__V1__PtpRecord *m)
{
	const struct ptp_case *ptp = e->ptp;

	m->state = (Cpps__Bridge__V1__PtpState__Value)ptp->state;
	m->stage = ptp->stage;
	m->policy_version = ptp->version;
	m->monitoring = (Cpps__Bridge__V1__Monitoring__Value)ptp->monitoring;
	m->starts_on = day(e, ptp->starts_on);
	m->ends_on = day(e, ptp->ends_on);
	m->area_supports = known(e, ptp->area_supports);
	m->region_supports = known(e, ptp->region_supports);
}

/* Who acts next: the open task says it, or the record where there is none yet. */
static void fill_ptp_task(struct encoder *e, Cpps__Bridge__V1__PtpRecord *m)
{
	const struct record *record = e->record;
	const struct task *task = e->task;

	if (is_overdue(record))
		m->concerns = (Role)record->concerns;
	else
		m->role = (Role)record->concerns;
	m->due_at = timestamp(e, row_time(record->due_at));
	if (!task)
		return;
	if (m->role == CPPS__BRIDGE__V1__ROLE__VALUE__NOT_GIVEN)
		m->role = (Role)task->role;
	m->title = text(task->title);
	if (!m->due_at)
		m->due_at = timestamp(e, row_time(task->due_at));
}

static void fill_ptp(struct encoder *e, ProtobufCMessage *base)
{
	Cpps__Bridge__V1__PtpRecord *m = (Cpps__Bridge__V1__PtpRecord *)base;
	const struct record *record = e->record;
	const char *guard = reason_text(record->guard);

	FILL_ORDER(m, e);
	FILL_ACTOR(m, e);
	m->ptp_ref = text(e->ptp_ref);
	m->from_stage = record->from_stage;
	m->to_stage = record->to_stage;
	m->outcome = (Cpps__Bridge__V1__PtpOutcome__Value)record->outcome;
	m->n_informs = roles_of_bits(e, record->informs, &m->informs);
	m->n_convey_via = roles_of_list(e, record->convey_via, &m->convey_via);
	m->convey_to = text(record->convey_to);
	m->guard = text(strncmp(guard, "PTP_", 4) == 0 ? guard + 4 : guard);
	m->sentence = text(record->sentence);
	m->rule = text(record->rule);
	if (e->request) {
		m->order_type = (OrderType)e->request->order_type;
		m->officer_id = text(e->request->officer_id);
	}
	if (e->ptp)
		fill_ptp_case(e, m);
	fill_ptp_task(e, m);
}

static void fill_event(struct encoder *e, ProtobufCMessage *base)
{
	Cpps__Bridge__V1__EventRecord *m = (Cpps__Bridge__V1__EventRecord *)base;
	const struct quarantined *quarantined = e->record->quarantined;
	const struct parked *parked = e->record->parked;

	FILL_ORDER(m, e);
	if (quarantined) {
		m->event_id = text(quarantined->id);
		m->event_source = text(quarantined->source);
		m->event_type = text(quarantined->type_text);
		m->reason = text(reason_text(quarantined->reason));
		m->quarantine = quarantined->number;
		m->since = timestamp(e, row_time(quarantined->quarantined_at));
	} else if (parked) {
		m->event_id = text(parked->event->id);
		m->event_source = text(parked->event->source);
		m->event_type = text(parked->event->type_text);
		m->waits_for = text(parked->waits_for);
		m->since = timestamp(e, row_time(parked->parked_at));
	}
}

static const struct family {
	const ProtobufCMessageDescriptor *descriptor;
	void (*fill)(struct encoder *, ProtobufCMessage *);
} families[] = {
	{ &cpps__bridge__v1__allocation_record__descriptor, fill_allocation },
	{ &cpps__bridge__v1__task_record__descriptor, fill_task },
	{ &cpps__bridge__v1__ptp_record__descriptor, fill_ptp },
	{ &cpps__bridge__v1__event_record__descriptor, fill_event },
};

/* ---- whom it is about ---- */

static const char *first_given(const char *a, const char *b)
{
	return text_given(a) ? a : text_given(b) ? b : "";
}

/* The rows of the record, and where it has none, as a refused PTP case that never came to be, what its cause says. */
static void find_subject(struct encoder *e)
{
	const struct record *record = e->record;
	const struct quarantined *quarantined = record->quarantined;

	e->cause = record->parked && !record->cause ? record->parked->event : record->cause;
	e->ptp = record->ptp;
	e->request = record->request ? record->request : e->ptp ? e->ptp->request : NULL;
	e->task = record->task ? record->task : e->ptp && e->ptp->task.state == TASK_OPEN ? &e->ptp->task : NULL;
	e->order_ref =
		first_given(e->request ? e->request->order_ref : NULL, quarantined ? quarantined->order_ref : NULL);
	e->order_ref = first_given(e->order_ref, e->cause ? e->cause->order_ref : NULL);
	e->ptp_ref = first_given(e->ptp ? e->ptp->ptp_ref : NULL, e->cause ? e->cause->ptp_ref : NULL);
	if (e->request)
		e->prn = e->request->file && e->request->file->persons ? file_prn(e->request->file)
								       : e->request->filed_prn;
	else
		e->prn = first_given(e->cause ? e->cause->prn : NULL, NULL);
}

static void find_place(struct encoder *e, const struct policy *policy)
{
	const struct quarantined *quarantined = e->record->quarantined;
	const char *of_event =
		first_given(quarantined ? quarantined->office : NULL, e->cause ? e->cause->office : NULL);
	const struct policy_office *office;

	e->office = e->request ? e->request->office : of_event;
	office = policy_office(policy, e->office);
	e->area = office ? office->area : "";
	e->region = office ? office->region : "";
}

/* An office that only a refused event names makes no topic: whoever sends could make up topics without end. */
static int write_topic(const struct encoder *e, const struct policy *policy, char topic[TOPIC_MAX + 1])
{
	const char *office = first_given(e->record->office, e->office);

	if (!*office || (!e->request && !policy_office(policy, office)))
		office = "-";
	return snprintf(topic, TOPIC_MAX + 1, "%s/%s", record_name_text(e->record->name), office);
}

/* ---- the envelope ---- */

static const ProtobufCMessage *make_payload(struct encoder *e)
{
	const ProtobufCMessageDescriptor *schema = schema_of_record(e->record->name);
	ProtobufCMessage *message = message_new(e->arena, schema);

	if (!message)
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
		if (families[i].descriptor == schema)
			families[i].fill(e, message);
	return e->full ? NULL : message;
}

static int pack_envelope(struct encoder *e, const char *stream, uint64_t epoch, uint64_t seq, struct bytes *ret)
{
	char id[48], source[sizeof(SOURCE_PREFIX) + ID_MAX], type[128], sequence[24];
	struct cloudevent event = { .id = id, .source = source, .spec_version = "1.0", .type = type };
	const struct event *cause = e->record->cause;

	event.payload = make_payload(e);
	if (!event.payload)
		return -ENOMEM;
	(void)snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, epoch, seq);
	(void)snprintf(source, sizeof(source), SOURCE_PREFIX "%s", stream);
	(void)snprintf(type, sizeof(type), RECORD_TYPE_PREFIX "%s", record_name_text(e->record->name));
	(void)snprintf(sequence, sizeof(sequence), "%020" PRIu64, seq);
	cloudevent_add_time(&event, "time", e->record->time);
	cloudevent_add_text(&event, "sequence", sequence);
	cloudevent_add_text(&event, "partitionkey", e->prn);
	cloudevent_add_time(&event, "recordedtime", e->record->decided_at);
	cloudevent_add_text(&event, "causationid", cause ? cause->id : NULL);
	cloudevent_add_text(&event, "traceparent", cause ? cause->traceparent : NULL);
	cloudevent_add_text(&event, "tracestate", cause ? cause->tracestate : NULL);
	return cloudevent_pack(e->arena, &event, ret);
}

/* The order or case that history keeps the record under: the case, of what is about one. */
static const char *ref_of(const struct encoder *e)
{
	bool of_case = e->ptp || e->record->name == RECORD_EVENT_QUARANTINED ||
		       schema_of_record(e->record->name) == &cpps__bridge__v1__ptp_record__descriptor;

	return of_case ? first_given(e->ptp_ref, e->order_ref) : first_given(e->order_ref, e->ptp_ref);
}

/* NULL for "". */
static const char *column(struct encoder *e, const char *value)
{
	const char *copy = text_given(value) ? arena_text(e->arena, value) : NULL;

	e->full = e->full || (text_given(value) && !copy);
	return copy;
}

int wire_encode(struct arena *arena, const struct policy *policy, const char *stream, uint64_t epoch, uint64_t seq,
	const struct record *record, struct wire_record *ret)
{
	struct encoder e = { .arena = arena, .record = record };
	struct wire_record made = { .seq = seq, .epoch = epoch };

	find_subject(&e);
	find_place(&e, policy);
	if (pack_envelope(&e, stream, epoch, seq, &made.event) < 0)
		return -ENOMEM;
	(void)write_topic(&e, policy, made.topic);
	made.ref = column(&e, ref_of(&e));
	made.prn = column(&e, e.prn);
	made.cause = column(&e, record->cause ? record->cause->id : NULL);
	if (e.full)
		return -ENOMEM;
	*ret = made;
	return 0;
}
