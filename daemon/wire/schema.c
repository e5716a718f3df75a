#include "wire/schema.h"

#include <string.h>

#include "events.pb-c.h"
#include "records.pb-c.h"
#include "vocabulary.pb-c.h"

/* The numbers of core/words.h and of proto/vocabulary.proto are the same, so that a cast converts. */
#define SAME(message, prefix, name)                                                               \
	_Static_assert((int)prefix##_##name == (int)CPPS__BRIDGE__V1__##message##__VALUE__##name, \
		#message "." #name " has another number in core/words.h");
#define SAME_ORDER_TYPE(prefix, name, number)     SAME(ORDER_TYPE, prefix, name)
#define SAME_DOCUMENT(prefix, name, number)       SAME(DOCUMENT, prefix, name)
#define SAME_ROLE(prefix, name, number)           SAME(ROLE, prefix, name)
#define SAME_REQUEST_STATE(prefix, name, number)  SAME(REQUEST_STATE, prefix, name)
#define SAME_TASK_STATE(prefix, name, number)     SAME(TASK_STATE, prefix, name)
#define SAME_TASK_KIND(prefix, name, number)      SAME(TASK_KIND, prefix, name)
#define SAME_TASK_OUTCOME(prefix, name, number)   SAME(TASK_OUTCOME, prefix, name)
#define SAME_PTP_STATE(prefix, name, number)      SAME(PTP_STATE, prefix, name)
#define SAME_PTP_OUTCOME(prefix, name, number)    SAME(PTP_OUTCOME, prefix, name)
#define SAME_PTP_IMPOSITION(prefix, name, number) SAME(PTP_IMPOSITION, prefix, name)
#define SAME_MONITORING(prefix, name, number)     SAME(MONITORING, prefix, name)
#define SAME_EM_APPROVAL(prefix, name, number)    SAME(EM_APPROVAL, prefix, name)

ORDER_TYPES(SAME_ORDER_TYPE)
DOCUMENTS(SAME_DOCUMENT)
ROLES(SAME_ROLE)
REQUEST_STATES(SAME_REQUEST_STATE)
TASK_STATES(SAME_TASK_STATE)
TASK_KINDS(SAME_TASK_KIND)
TASK_OUTCOMES(SAME_TASK_OUTCOME)
PTP_STATES(SAME_PTP_STATE)
PTP_OUTCOMES(SAME_PTP_OUTCOME)
PTP_IMPOSITIONS(SAME_PTP_IMPOSITION)
MONITORINGS(SAME_MONITORING)
EM_APPROVALS(SAME_EM_APPROVAL)

static const ProtobufCMessageDescriptor *const event_schemas[EVENT_TYPE_END] = {
	[EVENT_SENTENCING_SCHEDULED] = &cpps__bridge__v1__sentencing_scheduled__descriptor,
	[EVENT_SENTENCE_IMPOSED] = &cpps__bridge__v1__sentence_imposed__descriptor,
	[EVENT_SENTENCE_VARIED] = &cpps__bridge__v1__sentence_varied__descriptor,
	[EVENT_SENTENCE_CANCELLED] = &cpps__bridge__v1__sentence_cancelled__descriptor,
	[EVENT_RELEASE_SCHEDULED] = &cpps__bridge__v1__release_scheduled__descriptor,
	[EVENT_RELEASE_CANCELLED] = &cpps__bridge__v1__release_cancelled__descriptor,
	[EVENT_OFFENDER_RELEASED] = &cpps__bridge__v1__offender_released__descriptor,
	[EVENT_RELEASE_VARIED] = &cpps__bridge__v1__release_varied__descriptor,
	[EVENT_OFFENDER_RECALLED] = &cpps__bridge__v1__offender_recalled__descriptor,
	[EVENT_ORDER_BASELINE] = &cpps__bridge__v1__order_baseline__descriptor,
	[EVENT_DOCUMENT_RECEIVED] = &cpps__bridge__v1__document_received__descriptor,
	[EVENT_OFFENDER_ASSESSED] = &cpps__bridge__v1__offender_assessed__descriptor,
	[EVENT_OFFENDER_MERGED] = &cpps__bridge__v1__offender_merged__descriptor,
	[EVENT_OFFENDER_UNMERGED] = &cpps__bridge__v1__offender_unmerged__descriptor,
	[EVENT_ALLOCATION_RECORDED] = &cpps__bridge__v1__allocation_recorded__descriptor,
	[EVENT_TRANSFER_RECORDED] = &cpps__bridge__v1__transfer_recorded__descriptor,
	[EVENT_TASK_RECORDED] = &cpps__bridge__v1__task_recorded__descriptor,
	[EVENT_PTP_CONSIDERED] = &cpps__bridge__v1__ptp_considered__descriptor,
	[EVENT_PTP_REVISED] = &cpps__bridge__v1__ptp_revised__descriptor,
	[EVENT_PTP_STAGE_RECORDED] = &cpps__bridge__v1__ptp_stage_recorded__descriptor,
	[EVENT_PTP_IMPOSITION_RECORDED] = &cpps__bridge__v1__ptp_imposition_recorded__descriptor,
};

#define AllocationRecord_SCHEMA                   &cpps__bridge__v1__allocation_record__descriptor
#define TaskRecord_SCHEMA                         &cpps__bridge__v1__task_record__descriptor
#define PtpRecord_SCHEMA                          &cpps__bridge__v1__ptp_record__descriptor
#define EventRecord_SCHEMA                        &cpps__bridge__v1__event_record__descriptor
#define RECORD_SCHEMA(name, number, text, family) [RECORD_##name] = family##_SCHEMA,

static const ProtobufCMessageDescriptor *const record_schemas[RECORD_NAME_END] = { RECORD_NAMES(RECORD_SCHEMA) };

const ProtobufCMessageDescriptor *schema_of_event(enum event_type type)
{
	return (unsigned)type < EVENT_TYPE_END ? event_schemas[type] : NULL;
}

const ProtobufCMessageDescriptor *schema_of_record(enum record_name name)
{
	return (unsigned)name < RECORD_NAME_END ? record_schemas[name] : NULL;
}

const ProtobufCMessageDescriptor *schema_of_type(const char *type)
{
	const size_t prefix = strlen(RECORD_TYPE_PREFIX);
	enum event_type event = event_type_of(type);

	if (event != EVENT_NONE)
		return schema_of_event(event);
	if (!type || strncmp(type, RECORD_TYPE_PREFIX, prefix) != 0)
		return NULL;
	return schema_of_record(record_name_of(type + prefix));
}
