#include "sample.h"

#include <stdlib.h>

#define ORDER "\"prn\":\"P-1\",\"orderRef\":\"O-1\","
#define DETAILS                                                                                                        \
	"\"startsOn\":\"2026-11-26\",\"endsOn\":\"2027-11-26\",\"childSexOffence\":false,\"conditions\":[\"C-1\",\"C-" \
	"2\"],"
#define ACTED "\"byRole\":\"SERVICE_MANAGER\",\"by\":\"SM-1\",\"reason\":\"because\\nof it\""
#define CASE                                                                                                       \
	"\"ptpRef\":\"T-1\"," ORDER                                                                                \
	"\"monitoring\":\"APPROVED_ABSENCES\",\"emCriteriaMet\":true,\"emApproval\":\"SOUGHT\","                   \
	"\"residentialRestrictions\":true,\"startsOn\":\"2026-12-01\",\"endsOn\":\"2027-06-01\",\"suitability\":[" \
	"\"C1\",\"C2\"],"                                                                                          \
	"\"by\":\"PO-1\""

static const char *const data[EVENT_TYPE_END] = {
	[EVENT_SENTENCING_SCHEDULED] = "{" ORDER "\"orderType\":\"SUPERVISION\",\"sentencingOn\":\"2026-11-25\","
				       "\"office\":\"WELLINGTON\",\"court\":\"WELLINGTON-DC\"}",
	[EVENT_SENTENCE_IMPOSED] = "{" ORDER DETAILS "\"orderType\":\"COMMUNITY_WORK\",\"imposedOn\":\"2026-11-25\","
				   "\"office\":\"WELLINGTON\",\"court\":\"WELLINGTON-DC\"}",
	[EVENT_SENTENCE_VARIED] = "{" ORDER DETAILS "\"orderType\":\"COMMUNITY_WORK\",\"imposedOn\":\"2026-11-25\","
				  "\"office\":\"NELSON\",\"court\":\"WELLINGTON-DC\",\"reason\":\"moved\"}",
	[EVENT_SENTENCE_CANCELLED] = "{\"orderRef\":\"O-1\",\"cancelledOn\":\"2026-11-25\",\"reason\":\"quashed\"}",
	[EVENT_RELEASE_SCHEDULED] = "{" ORDER "\"orderType\":\"PAROLE\",\"releaseOn\":\"2026-11-25\","
				    "\"office\":\"WELLINGTON\",\"prison\":\"RIMUTAKA\"}",
	[EVENT_RELEASE_CANCELLED] = "{\"orderRef\":\"O-1\",\"reason\":\"recorded in error\"}",
	[EVENT_OFFENDER_RELEASED] = "{" ORDER DETAILS "\"orderType\":\"PAROLE\",\"releasedOn\":\"2026-11-25\","
				    "\"office\":\"WELLINGTON\",\"prison\":\"RIMUTAKA\"}",
	[EVENT_RELEASE_VARIED] = "{" ORDER DETAILS "\"orderType\":\"PAROLE\",\"releasedOn\":\"2026-11-25\","
				 "\"office\":\"WELLINGTON\",\"prison\":\"RIMUTAKA\",\"reason\":\"moved\"}",
	[EVENT_OFFENDER_RECALLED] = "{\"orderRef\":\"O-1\",\"recalledOn\":\"2026-11-25\",\"reason\":\"recalled\"}",
	[EVENT_ORDER_BASELINE] =
		"{" ORDER DETAILS "\"orderType\":\"PAROLE\",\"releasedOn\":\"2026-11-25\",\"office\":\"WELLINGTON\","
		"\"court\":\"WELLINGTON-DC\",\"officerId\":\"PO-1\",\"documents\":[\"LICENCE\",\"CONDITIONS\"]}",
	[EVENT_DOCUMENT_RECEIVED] =
		"{\"orderRef\":\"O-1\",\"document\":\"SENTENCE_ORDER\",\"receivedOn\":\"2026-11-25\","
		"\"receivedAt\":\"WELLINGTON\"}",
	[EVENT_OFFENDER_ASSESSED] =
		"{\"prn\":\"P-1\",\"owsReviewedOn\":\"2026-11-25\",\"onOws\":true,\"cso9CompletedOn\":\"2026-11-24\"}",
	[EVENT_OFFENDER_MERGED] = "{\"prn\":\"P-1\",\"intoPrn\":\"P-2\",\"reason\":\"same person\"}",
	[EVENT_OFFENDER_UNMERGED] = "{\"prn\":\"P-1\",\"intoPrn\":\"P-2\",\"reason\":\"not the same\"}",
	[EVENT_ALLOCATION_RECORDED] = "{\"orderRef\":\"O-1\",\"officerId\":\"PO-1\"," ACTED "}",
	[EVENT_TRANSFER_RECORDED] = "{\"orderRef\":\"O-1\",\"toOffice\":\"NELSON\"," ACTED "}",
	[EVENT_TASK_RECORDED] = "{\"orderRef\":\"O-1\",\"step\":3,\"outcome\":\"NOT_REQUIRED\"," ACTED "}",
	[EVENT_PTP_CONSIDERED] = "{" CASE "}",
	[EVENT_PTP_REVISED] = "{" CASE ",\"reason\":\"shorter\"}",
	[EVENT_PTP_STAGE_RECORDED] =
		"{\"ptpRef\":\"T-1\",\"stage\":4,\"outcome\":\"NOT_SUPPORTED\",\"byRole\":\"AREA_MANAGER\","
		"\"by\":\"AM-1\",\"note\":\"with doubts\"}",
	[EVENT_PTP_IMPOSITION_RECORDED] =
		"{\"ptpRef\":\"T-1\",\"outcome\":\"IMPOSED\",\"monitoring\":\"FULL_TIME\","
		"\"residentialRestrictions\":true,\"startsOn\":\"2026-12-01\",\"endsOn\":\"2027-06-01\","
		"\"by\":\"ESC-1\"}",
};

json_t *sample_data(enum event_type type)
{
	json_t *object = json_loads(data[type], 0, NULL);

	assert_non_null(object);
	return object;
}

json_t *sample_event(enum event_type type, json_t *payload)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "specversion", "1.0", "id", "e-1", "source",
		"urn:test", "type", event_type_text(type), "time", "2026-11-25T01:02:03.000004Z", "data", payload);

	assert_non_null(object);
	return object;
}

struct bytes sample_line(struct arena *arena, json_t *object)
{
	char *line = json_dumps(object, JSON_COMPACT), *copy;
	size_t n = strlen(line);

	copy = arena_text(arena, line);
	assert_non_null(copy);
	free(line);
	json_decref(object);
	return (struct bytes){ (const uint8_t *)copy, n };
}

void assert_decodes_to(struct arena *arena, struct bytes bytes, enum reason reason, const char *says, const char *row,
	struct event *ret)
{
	struct fault fault = { "" };
	enum reason got = REASON_NONE;
	int r = wire_decode(arena, bytes.data, bytes.n, ret, &got, &fault);

	if (r != (reason != REASON_NONE) || got != reason || !strstr(fault.sentence, says))
		fail_msg("%s: answered %d %s \"%s\", expected %s saying \"%s\"", row, r, reason_text(got),
			fault.sentence, reason_text(reason), says);
}
