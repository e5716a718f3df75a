/* The field's words: every enum of the bridge, each once, as a table that yields the constants, the names used in SQL,
 * JSON and on the command line, and the way back. Numbers equal those of proto/ (wire/ asserts it): add at the end only.
 * 0 is always "not given". */
#pragma once

#include <stdint.h>

/* orderType (A12). */
#define ORDER_TYPES(X)                          \
	X(ORDER, COMMUNITY_WORK, 1)             \
	X(ORDER, SUPERVISION, 2)                \
	X(ORDER, INTENSIVE_SUPERVISION, 3)      \
	X(ORDER, COMMUNITY_DETENTION, 4)        \
	X(ORDER, HOME_DETENTION, 5)             \
	X(ORDER, EXTENDED_SUPERVISION_ORDER, 6) \
	X(ORDER, POST_DETENTION_CONDITIONS, 7)  \
	X(ORDER, PAROLE, 8)                     \
	X(ORDER, RELEASE_ON_CONDITIONS, 9)      \
	X(ORDER, COMPASSIONATE_RELEASE, 10)

#define DOCUMENTS(X)                   \
	X(DOCUMENT, SENTENCE_ORDER, 1) \
	X(DOCUMENT, LICENCE, 2)        \
	X(DOCUMENT, CONDITIONS, 3)     \
	X(DOCUMENT, RELEASE_NOTICE, 4)

#define ROLES(X)                              \
	X(ROLE, PROBATION_OFFICER, 1)         \
	X(ROLE, SENIOR_PROBATION_OFFICER, 2)  \
	X(ROLE, SERVICE_MANAGER, 3)           \
	X(ROLE, AREA_MANAGER, 4)              \
	X(ROLE, REGIONAL_MANAGER, 5)          \
	X(ROLE, ES_OPERATIONS_ADVISER, 6)     \
	X(ROLE, ES_COORDINATOR, 7)            \
	X(ROLE, ASSISTANT_GENERAL_MANAGER, 8) \
	X(ROLE, GENERAL_MANAGER, 9)           \
	X(ROLE, ADMINISTRATION_OFFICER, 10)

#define REQUEST_STATES(X)        \
	X(REQUEST, PLANNED, 1)   \
	X(REQUEST, OPEN, 2)      \
	X(REQUEST, ALLOCATED, 3) \
	X(REQUEST, COMPLETED, 4) \
	X(REQUEST, CANCELLED, 5) \
	X(REQUEST, ENDED, 6)

/* WAITING: its turn has not come. */
#define TASK_STATES(X)        \
	X(TASK, WAITING, 1)   \
	X(TASK, OPEN, 2)      \
	X(TASK, COMPLETED, 3) \
	X(TASK, SKIPPED, 4)   \
	X(TASK, CANCELLED, 5)

#define TASK_KINDS(X)          \
	X(KIND, ALLOCATION, 1) \
	X(KIND, PTP, 2)

/* What a task record says was done (task.recorded). */
#define TASK_OUTCOMES(X)                 \
	X(TASK_OUTCOME, DONE, 1)         \
	X(TASK_OUTCOME, NOT_REQUIRED, 2) \
	X(TASK_OUTCOME, REOPENED, 3)

#define PTP_STATES(X)                       \
	X(PTP, IN_PROGRESS, 1)              \
	X(PTP, WITHDRAWN, 2)                \
	X(PTP, NOT_PROCEEDING, 3)           \
	X(PTP, BUDGET_DECLINED, 4)          \
	X(PTP, DECLINED, 5)                 \
	X(PTP, RECOMMENDATIONS_DECLINED, 6) \
	X(PTP, ORDER_CLOSED, 7)             \
	X(PTP, APPROVED, 8)                 \
	X(PTP, IMPOSED, 9)                  \
	X(PTP, NOT_IMPOSED, 10)             \
	X(PTP, ENDED, 11)                   \
	X(PTP, EXPIRED, 12)

/* What a stage record says happened (ptp.stage.recorded). */
#define PTP_OUTCOMES(X)                          \
	X(OUTCOME, ADVISED, 1)                   \
	X(OUTCOME, STILL_CONSIDERED, 2)          \
	X(OUTCOME, MEMO_SENT, 3)                 \
	X(OUTCOME, SUPPORTED, 4)                 \
	X(OUTCOME, NOT_SUPPORTED, 5)             \
	X(OUTCOME, PROPOSAL_PREPARED, 6)         \
	X(OUTCOME, NOT_PROCEEDING, 7)            \
	X(OUTCOME, BUDGET_APPROVED, 8)           \
	X(OUTCOME, BUDGET_DECLINED, 9)           \
	X(OUTCOME, FORWARDED, 10)                \
	X(OUTCOME, APPROVED, 11)                 \
	X(OUTCOME, DECLINED, 12)                 \
	X(OUTCOME, DRAFT_SUBMITTED, 13)          \
	X(OUTCOME, FEEDBACK_GIVEN, 14)           \
	X(OUTCOME, REPORT_SUBMITTED, 15)         \
	X(OUTCOME, SUBMITTED, 16)                \
	X(OUTCOME, RECOMMENDATIONS_APPROVED, 17) \
	X(OUTCOME, RECOMMENDATIONS_DECLINED, 18) \
	X(OUTCOME, WITHDRAWN, 19)

#define PTP_IMPOSITIONS(X)            \
	X(IMPOSITION, IMPOSED, 1)     \
	X(IMPOSITION, NOT_IMPOSED, 2) \
	X(IMPOSITION, ENDED, 3)

#define MONITORINGS(X)              \
	X(MONITORING, FULL_TIME, 1) \
	X(MONITORING, APPROVED_ABSENCES, 2)

#define EM_APPROVALS(X)      \
	X(EM, NOT_SOUGHT, 1) \
	X(EM, SOUGHT, 2)     \
	X(EM, APPROVED, 3)   \
	X(EM, DECLINED, 4)

/* Who a source speaks as. */
#define SOURCE_KINDS(X)      \
	X(SOURCE, COURT, 1)  \
	X(SOURCE, PRISON, 2) \
	X(SOURCE, TOOLS, 3)

#define QUARANTINE_STATES(X)        \
	X(QUARANTINE, HELD, 1)      \
	X(QUARANTINE, RETRIED, 2)   \
	X(QUARANTINE, DISCARDED, 3) \
	X(QUARANTINE, SUPERSEDED, 4)

#define DISPOSITIONS(X)                \
	X(DISPOSITION, ACCEPTED, 1)    \
	X(DISPOSITION, PARKED, 2)      \
	X(DISPOSITION, QUARANTINED, 3) \
	X(DISPOSITION, DUPLICATE, 4)

#define REASONS(X)                        \
	X(REASON, MALFORMED, 1)           \
	X(REASON, TOO_LARGE, 2)           \
	X(REASON, UNKNOWN_TYPE, 3)        \
	X(REASON, UNKNOWN_SOURCE, 4)      \
	X(REASON, NOT_ALLOWED, 5)         \
	X(REASON, MISSING_FIELD, 6)       \
	X(REASON, INVALID_FIELD, 7)       \
	X(REASON, INVALID_TEXT, 8)        \
	X(REASON, INVALID_DATES, 9)       \
	X(REASON, INVALID_ORDER_TYPE, 10) \
	X(REASON, UNKNOWN_OFFICE, 11)     \
	X(REASON, UNKNOWN_STEP, 12)       \
	X(REASON, STEP_NOT_OPEN, 13)      \
	X(REASON, ROLE_MAY_NOT_ACT, 14)   \
	X(REASON, ORDER_CLOSED, 15)       \
	X(REASON, ORDER_DIFFERS, 16)      \
	X(REASON, PRN_MISMATCH, 17)       \
	X(REASON, MERGE_CYCLE, 18)        \
	X(REASON, ID_REUSED, 19)          \
	X(REASON, EVENT_TOO_OLD, 20)      \
	X(REASON, PARKED_TOO_LONG, 21)    \
	X(REASON, PTP_EXISTS, 22)         \
	X(REASON, PTP_CLOSED, 23)         \
	X(REASON, PTP_G1, 24)             \
	X(REASON, PTP_G2, 25)             \
	X(REASON, PTP_G3, 26)             \
	X(REASON, PTP_G4, 27)             \
	X(REASON, PTP_G5, 28)             \
	X(REASON, PTP_G6, 29)             \
	X(REASON, PTP_G7, 30)             \
	X(REASON, PTP_G8, 31)             \
	X(REASON, PTP_G9, 32)             \
	X(REASON, POISON, 33)             \
	X(REASON, TOO_MANY_ORDERS, 34)    \
	X(REASON, NOT_MERGED, 35)         \
	X(REASON, TOO_MANY_PARKED, 36)

/* What arrives: constant, number, CloudEvent type, message of proto/events.proto, kinds that may send it (C court,
 * P prison, T tools). */
#define EVENT_TYPES(X)                                                                                         \
	X(SENTENCING_SCHEDULED, 1, "nz.govt.justice.cms.sentencing.scheduled", SentencingScheduled, C)         \
	X(SENTENCE_IMPOSED, 2, "nz.govt.justice.cms.sentence.imposed", SentenceImposed, C)                     \
	X(SENTENCE_VARIED, 3, "nz.govt.justice.cms.sentence.varied", SentenceVaried, C)                        \
	X(SENTENCE_CANCELLED, 4, "nz.govt.justice.cms.sentence.cancelled", SentenceCancelled, C)               \
	X(RELEASE_SCHEDULED, 5, "nz.govt.corrections.ioms.release.scheduled", ReleaseScheduled, P)             \
	X(RELEASE_CANCELLED, 6, "nz.govt.corrections.ioms.release.cancelled", ReleaseCancelled, P)             \
	X(OFFENDER_RELEASED, 7, "nz.govt.corrections.ioms.offender.released", OffenderReleased, P)             \
	X(RELEASE_VARIED, 8, "nz.govt.corrections.ioms.release.varied", ReleaseVaried, P)                      \
	X(OFFENDER_RECALLED, 9, "nz.govt.corrections.ioms.offender.recalled", OffenderRecalled, P)             \
	X(ORDER_BASELINE, 10, "nz.govt.corrections.ioms.order.baseline", OrderBaseline, CP)                    \
	X(DOCUMENT_RECEIVED, 11, "nz.govt.corrections.ioms.document.received", DocumentReceived, CPT)          \
	X(OFFENDER_ASSESSED, 12, "nz.govt.corrections.ioms.offender.assessed", OffenderAssessed, PT)           \
	X(OFFENDER_MERGED, 13, "nz.govt.corrections.ioms.offender.merged", OffenderMerged, PT)                 \
	X(OFFENDER_UNMERGED, 14, "nz.govt.corrections.ioms.offender.unmerged", OffenderUnmerged, PT)           \
	X(ALLOCATION_RECORDED, 15, "nz.govt.corrections.cpps.allocation.recorded", AllocationRecorded, T)      \
	X(TRANSFER_RECORDED, 16, "nz.govt.corrections.cpps.allocation.transfer.recorded", TransferRecorded, T) \
	X(TASK_RECORDED, 17, "nz.govt.corrections.cpps.task.recorded", TaskRecorded, T)                        \
	X(PTP_CONSIDERED, 18, "nz.govt.corrections.cpps.ptp.considered", PtpConsidered, T)                     \
	X(PTP_REVISED, 19, "nz.govt.corrections.cpps.ptp.revised", PtpRevised, T)                              \
	X(PTP_STAGE_RECORDED, 20, "nz.govt.corrections.cpps.ptp.stage.recorded", PtpStageRecorded, T)          \
	X(PTP_IMPOSITION_RECORDED, 21, "nz.govt.corrections.cpps.ptp.imposition.recorded", PtpImpositionRecorded, T)

/* What is published: constant, number, name (the type is "nz.govt.corrections.cpps." + name), family (the message of
 * proto/records.proto that carries it). */
#define RECORD_NAMES(X)                                                                            \
	X(ALLOCATION_PLANNED, 1, "allocation.planned", AllocationRecord)                           \
	X(ALLOCATION_REQUESTED, 2, "allocation.requested", AllocationRecord)                       \
	X(ALLOCATION_BASELINED, 3, "allocation.baselined", AllocationRecord)                       \
	X(ALLOCATION_PREALLOCATION_MISSED, 4, "allocation.preallocation-missed", AllocationRecord) \
	X(ALLOCATION_ALLOCATED, 5, "allocation.allocated", AllocationRecord)                       \
	X(ALLOCATION_REALLOCATED, 6, "allocation.reallocated", AllocationRecord)                   \
	X(ALLOCATION_SPLIT, 7, "allocation.split", AllocationRecord)                               \
	X(ALLOCATION_CHANGED, 8, "allocation.changed", AllocationRecord)                           \
	X(ALLOCATION_CANCELLED, 9, "allocation.cancelled", AllocationRecord)                       \
	X(ALLOCATION_COMPLETED, 10, "allocation.completed", AllocationRecord)                      \
	X(ALLOCATION_ENDED, 11, "allocation.ended", AllocationRecord)                              \
	X(ALLOCATION_OVERDUE, 12, "allocation.overdue", AllocationRecord)                          \
	X(TASK_OPENED, 13, "task.opened", TaskRecord)                                              \
	X(TASK_COMPLETED, 14, "task.completed", TaskRecord)                                        \
	X(TASK_SKIPPED, 15, "task.skipped", TaskRecord)                                            \
	X(TASK_REOPENED, 16, "task.reopened", TaskRecord)                                          \
	X(TASK_CANCELLED, 17, "task.cancelled", TaskRecord)                                        \
	X(TASK_OVERDUE, 18, "task.overdue", TaskRecord)                                            \
	X(PTP_OPENED, 19, "ptp.opened", PtpRecord)                                                 \
	X(PTP_STAGE_CHANGED, 20, "ptp.stage-changed", PtpRecord)                                   \
	X(PTP_NOTED, 21, "ptp.noted", PtpRecord)                                                   \
	X(PTP_DECIDED, 22, "ptp.decided", PtpRecord)                                               \
	X(PTP_CLOSED, 23, "ptp.closed", PtpRecord)                                                 \
	X(PTP_OVERDUE, 24, "ptp.overdue", PtpRecord)                                               \
	X(PTP_REFUSED, 25, "ptp.refused", PtpRecord)                                               \
	X(PTP_IMPOSED, 26, "ptp.imposed", PtpRecord)                                               \
	X(PTP_NOT_IMPOSED, 27, "ptp.not-imposed", PtpRecord)                                       \
	X(PTP_EXPIRING, 28, "ptp.expiring", PtpRecord)                                             \
	X(PTP_EXPIRED, 29, "ptp.expired", PtpRecord)                                               \
	X(PTP_ENDED, 30, "ptp.ended", PtpRecord)                                                   \
	X(EVENT_QUARANTINED, 31, "event.quarantined", EventRecord)                                 \
	X(EVENT_QUARANTINE_OVERDUE, 32, "event.quarantine-overdue", EventRecord)                   \
	X(EVENT_PARKED_LONG, 33, "event.parked-long", EventRecord)

#define WORDS_CONSTANT(prefix, name, number) prefix##_##name = (number),

enum order_type { ORDER_NONE, ORDER_TYPES(WORDS_CONSTANT) ORDER_TYPE_END };
enum document { DOCUMENT_NONE, DOCUMENTS(WORDS_CONSTANT) DOCUMENT_END };
enum role { ROLE_NONE, ROLES(WORDS_CONSTANT) ROLE_END };
enum request_state { REQUEST_NONE, REQUEST_STATES(WORDS_CONSTANT) REQUEST_STATE_END };
enum task_state { TASK_NONE, TASK_STATES(WORDS_CONSTANT) TASK_STATE_END };
enum task_kind { KIND_NONE, TASK_KINDS(WORDS_CONSTANT) TASK_KIND_END };
enum task_outcome { TASK_OUTCOME_NONE, TASK_OUTCOMES(WORDS_CONSTANT) TASK_OUTCOME_END };
enum ptp_state { PTP_NONE, PTP_STATES(WORDS_CONSTANT) PTP_STATE_END };
enum ptp_outcome { OUTCOME_NONE, PTP_OUTCOMES(WORDS_CONSTANT) PTP_OUTCOME_END };
enum ptp_imposition { IMPOSITION_NONE, PTP_IMPOSITIONS(WORDS_CONSTANT) PTP_IMPOSITION_END };
enum monitoring { MONITORING_NONE, MONITORINGS(WORDS_CONSTANT) MONITORING_END };
enum em_approval { EM_NONE, EM_APPROVALS(WORDS_CONSTANT) EM_APPROVAL_END };
enum source_kind { SOURCE_NONE, SOURCE_KINDS(WORDS_CONSTANT) SOURCE_KIND_END };
enum quarantine_state { QUARANTINE_NONE, QUARANTINE_STATES(WORDS_CONSTANT) QUARANTINE_STATE_END };
enum disposition { DISPOSITION_NONE, DISPOSITIONS(WORDS_CONSTANT) DISPOSITION_END };
enum reason { REASON_NONE, REASONS(WORDS_CONSTANT) REASON_END };

#define WORDS_EVENT(name, number, type, message, kinds) EVENT_##name = (number),
enum event_type { EVENT_NONE, EVENT_TYPES(WORDS_EVENT) EVENT_TYPE_END };

#define WORDS_RECORD(name, number, text, family) RECORD_##name = (number),
enum record_name { RECORD_NONE, RECORD_NAMES(WORDS_RECORD) RECORD_NAME_END };

/* A fact that may not be known. */
enum tri { TRI_UNKNOWN, TRI_NO, TRI_YES };

/* The name of a constant, such as "COMMUNITY_WORK", "" for 0; and the constant of a name, 0 when there is none. */
#define WORDS_DECLARE(type)                       \
	const char *type##_text(enum type value); \
	enum type type##_of(const char *name);
WORDS_DECLARE(order_type)
WORDS_DECLARE(document)
WORDS_DECLARE(role)
WORDS_DECLARE(request_state)
WORDS_DECLARE(task_state)
WORDS_DECLARE(task_kind)
WORDS_DECLARE(task_outcome)
WORDS_DECLARE(ptp_state)
WORDS_DECLARE(ptp_outcome)
WORDS_DECLARE(ptp_imposition)
WORDS_DECLARE(monitoring)
WORDS_DECLARE(em_approval)
WORDS_DECLARE(source_kind)
WORDS_DECLARE(quarantine_state)
WORDS_DECLARE(disposition)
WORDS_DECLARE(reason)
WORDS_DECLARE(event_type)  /* the CloudEvent type */
WORDS_DECLARE(record_name) /* the name without its prefix, e.g. "task.opened" */

/* Which kinds may send the type: bit 1 << enum source_kind. */
uint8_t event_type_kinds(enum event_type type);
