#include "core/words.h"

#include <stddef.h>
#include <string.h>

#define WORDS_NAME(prefix, name, number)                     [prefix##_##name] = #name,
#define WORDS_EVENT_NAME(name, number, type, message, kinds) [EVENT_##name] = type,
#define WORDS_RECORD_NAME(name, number, text, family)        [RECORD_##name] = text,

/* The number of `name` in a table whose entry 0 is unused; 0 when it is not there. */
static int find(const char *const *names, int n, const char *name)
{
	for (int i = 1; name && i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}

#define WORDS_DEFINE(type, end, names)                                               \
	static const char *const type##_names[end] = { "", names };                  \
	const char *type##_text(enum type value)                                     \
	{                                                                            \
		return (unsigned)value < (unsigned)(end) ? type##_names[value] : ""; \
	}                                                                            \
	enum type type##_of(const char *name)                                        \
	{                                                                            \
		return (enum type)find(type##_names, (end), name);                   \
	}

WORDS_DEFINE(order_type, ORDER_TYPE_END, ORDER_TYPES(WORDS_NAME))
WORDS_DEFINE(document, DOCUMENT_END, DOCUMENTS(WORDS_NAME))
WORDS_DEFINE(role, ROLE_END, ROLES(WORDS_NAME))
WORDS_DEFINE(request_state, REQUEST_STATE_END, REQUEST_STATES(WORDS_NAME))
WORDS_DEFINE(task_state, TASK_STATE_END, TASK_STATES(WORDS_NAME))
WORDS_DEFINE(task_kind, TASK_KIND_END, TASK_KINDS(WORDS_NAME))
WORDS_DEFINE(task_outcome, TASK_OUTCOME_END, TASK_OUTCOMES(WORDS_NAME))
WORDS_DEFINE(ptp_state, PTP_STATE_END, PTP_STATES(WORDS_NAME))
WORDS_DEFINE(ptp_outcome, PTP_OUTCOME_END, PTP_OUTCOMES(WORDS_NAME))
WORDS_DEFINE(ptp_imposition, PTP_IMPOSITION_END, PTP_IMPOSITIONS(WORDS_NAME))
WORDS_DEFINE(monitoring, MONITORING_END, MONITORINGS(WORDS_NAME))
WORDS_DEFINE(em_approval, EM_APPROVAL_END, EM_APPROVALS(WORDS_NAME))
WORDS_DEFINE(source_kind, SOURCE_KIND_END, SOURCE_KINDS(WORDS_NAME))
WORDS_DEFINE(quarantine_state, QUARANTINE_STATE_END, QUARANTINE_STATES(WORDS_NAME))
WORDS_DEFINE(disposition, DISPOSITION_END, DISPOSITIONS(WORDS_NAME))
WORDS_DEFINE(reason, REASON_END, REASONS(WORDS_NAME))
WORDS_DEFINE(event_type, EVENT_TYPE_END, EVENT_TYPES(WORDS_EVENT_NAME))
WORDS_DEFINE(record_name, RECORD_NAME_END, RECORD_NAMES(WORDS_RECORD_NAME))

#define C   (1 << SOURCE_COURT)
#define P   (1 << SOURCE_PRISON)
#define T   (1 << SOURCE_TOOLS)
#define CP  (C | P)
#define PT  (P | T)
#define CPT (C | P | T)

#define WORDS_EVENT_KINDS(name, number, type, message, kinds) [EVENT_##name] = (kinds),

uint8_t event_type_kinds(enum event_type type)
{
	static const uint8_t kinds[EVENT_TYPE_END] = { EVENT_TYPES(WORDS_EVENT_KINDS) };

	return (unsigned)type < EVENT_TYPE_END ? kinds[type] : 0;
}
