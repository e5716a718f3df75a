/* Events in: both formats of every type, and every way of being wrong, each with the reason code it gets. */
#include "sample.h"

#include <errno.h>

#include "base/text.h"
#include "wire/json.h"
#include "wire/mapping.h"
#include "wire/message.h"
#include "wire/schema.h"

#include "cloudevents.pb-c.h"
#include "events.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	return arena_new(SAMPLE_ARENA, &arena);
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct bytes line_of(enum event_type type)
{
	return sample_line(arena, sample_event(type, sample_data(type)));
}

static struct bytes protobuf_of(struct bytes line)
{
	struct bytes bytes = { NULL, 0 };
	struct fault fault = { "" };

	if (wire_json_to_protobuf(arena, (const char *)line.data, line.n, &bytes, &fault) != 0)
		fail_msg("%s", fault.sentence);
	return bytes;
}

static void assert_same_content(const struct event *a, const struct event *b, const char *row)
{
	if (memcmp(&a->content, &b->content, sizeof(a->content)) != 0)
		fail_msg("%s: the two hash differently", row);
}

/* ---- what is taken ---- */

static void test_takes_every_type_in_both_formats_alike(void **state)
{
	(void)state;
	for (enum event_type type = 1; type < EVENT_TYPE_END; type++) {
		const char *row = event_type_text(type);
		struct bytes line = line_of(type), packed = protobuf_of(line);
		struct event json, protobuf;

		arena_reset(arena);
		line = line_of(type);
		packed = protobuf_of(line);
		assert_decodes_to(arena, line, REASON_NONE, "", row, &json);
		assert_decodes_to(arena, packed, REASON_NONE, "", row, &protobuf);
		assert_same_content(&json, &protobuf, row);
		assert_int_equal(json.type, type);
		assert_int_equal(protobuf.type, type);
		assert_string_equal(json.id, "e-1");
		assert_string_equal(protobuf.source, "urn:test");
		assert_int_equal(json.time.us, protobuf.time.us);
		assert_ptr_equal(json.raw, line.data);
		assert_int_equal(json.raw_size, line.n);
		assert_memory_not_equal(&json.raw_hash, &protobuf.raw_hash, sizeof(struct hash));
	}
}

/* Every member of struct event that some type fills, both formats. */
static void test_fills_every_field(void **state)
{
	(void)state;
	for (int format = 0; format < 2; format++) {
		struct event e[EVENT_TYPE_END];

		arena_reset(arena);
		for (enum event_type type = 1; type < EVENT_TYPE_END; type++) {
			struct bytes line = line_of(type);

			assert_decodes_to(arena, format ? protobuf_of(line) : line, REASON_NONE, "",
				event_type_text(type), &e[type]);
		}
		assert_string_equal(e[EVENT_SENTENCE_IMPOSED].prn, "P-1");
		assert_string_equal(e[EVENT_SENTENCE_IMPOSED].order_ref, "O-1");
		assert_int_equal(e[EVENT_SENTENCE_IMPOSED].order_type, ORDER_COMMUNITY_WORK);
		assert_string_equal(e[EVENT_SENTENCE_IMPOSED].office, "WELLINGTON");
		assert_string_equal(e[EVENT_SENTENCE_IMPOSED].place, "WELLINGTON-DC");
		assert_int_equal(e[EVENT_SENTENCE_IMPOSED].effective_on.day, date_of(2026, 11, 25).day);
		assert_int_equal(e[EVENT_SENTENCE_IMPOSED].starts_on.day, date_of(2026, 11, 26).day);
		assert_int_equal(e[EVENT_SENTENCE_IMPOSED].ends_on.day, date_of(2027, 11, 26).day);
		assert_false(date_given(e[EVENT_SENTENCE_IMPOSED].scheduled_on));
		assert_int_equal(e[EVENT_SENTENCE_IMPOSED].child_sex_offence, TRI_NO);
		assert_int_equal(e[EVENT_SENTENCE_IMPOSED].on_ows, TRI_UNKNOWN);
		assert_int_equal(e[EVENT_SENTENCE_IMPOSED].conditions.n, 2);
		assert_string_equal(e[EVENT_SENTENCE_IMPOSED].conditions.code[1], "C-2");
		assert_null(e[EVENT_SENTENCE_IMPOSED].reason);
		assert_int_equal(e[EVENT_SENTENCING_SCHEDULED].scheduled_on.day, date_of(2026, 11, 25).day);
		assert_int_equal(e[EVENT_RELEASE_SCHEDULED].scheduled_on.day, date_of(2026, 11, 25).day);
		assert_string_equal(e[EVENT_RELEASE_SCHEDULED].place, "RIMUTAKA");
		assert_int_equal(e[EVENT_SENTENCE_CANCELLED].cancelled_on.day, date_of(2026, 11, 25).day);
		assert_int_equal(e[EVENT_OFFENDER_RECALLED].cancelled_on.day, date_of(2026, 11, 25).day);
		assert_string_equal(e[EVENT_OFFENDER_RECALLED].reason, "recalled");
		assert_int_equal(e[EVENT_OFFENDER_RELEASED].effective_on.day, date_of(2026, 11, 25).day);
		assert_string_equal(e[EVENT_ORDER_BASELINE].place, "WELLINGTON-DC");
		assert_string_equal(e[EVENT_ORDER_BASELINE].officer_id, "PO-1");
		assert_int_equal(e[EVENT_ORDER_BASELINE].documents, 1 << DOCUMENT_LICENCE | 1 << DOCUMENT_CONDITIONS);
		assert_int_equal(e[EVENT_DOCUMENT_RECEIVED].documents, 1 << DOCUMENT_SENTENCE_ORDER);
		assert_int_equal(e[EVENT_DOCUMENT_RECEIVED].received_on.day, date_of(2026, 11, 25).day);
		assert_string_equal(e[EVENT_DOCUMENT_RECEIVED].office, "WELLINGTON");
		assert_int_equal(e[EVENT_OFFENDER_ASSESSED].ows_reviewed_on.day, date_of(2026, 11, 25).day);
		assert_int_equal(e[EVENT_OFFENDER_ASSESSED].cso9_completed_on.day, date_of(2026, 11, 24).day);
		assert_int_equal(e[EVENT_OFFENDER_ASSESSED].on_ows, TRI_YES);
		assert_string_equal(e[EVENT_OFFENDER_MERGED].into_prn, "P-2");
		assert_string_equal(e[EVENT_ALLOCATION_RECORDED].officer_id, "PO-1");
		assert_int_equal(e[EVENT_ALLOCATION_RECORDED].by_role, ROLE_SERVICE_MANAGER);
		assert_string_equal(e[EVENT_ALLOCATION_RECORDED].by, "SM-1");
		assert_string_equal(e[EVENT_ALLOCATION_RECORDED].reason, "because\nof it");
		assert_string_equal(e[EVENT_TRANSFER_RECORDED].office, "NELSON");
		assert_int_equal(e[EVENT_TASK_RECORDED].step, 3);
		assert_int_equal(e[EVENT_TASK_RECORDED].task_outcome, TASK_OUTCOME_NOT_REQUIRED);
		assert_string_equal(e[EVENT_PTP_CONSIDERED].ptp_ref, "T-1");
		assert_int_equal(e[EVENT_PTP_CONSIDERED].monitoring, MONITORING_APPROVED_ABSENCES);
		assert_int_equal(e[EVENT_PTP_CONSIDERED].em_criteria_met, TRI_YES);
		assert_int_equal(e[EVENT_PTP_CONSIDERED].em_approval, EM_SOUGHT);
		assert_int_equal(e[EVENT_PTP_CONSIDERED].residential_restrictions, TRI_YES);
		assert_string_equal(e[EVENT_PTP_CONSIDERED].suitability.code[1], "C2");
		assert_int_equal(e[EVENT_PTP_STAGE_RECORDED].stage, 4);
		assert_int_equal(e[EVENT_PTP_STAGE_RECORDED].ptp_outcome, OUTCOME_NOT_SUPPORTED);
		assert_string_equal(e[EVENT_PTP_STAGE_RECORDED].note, "with doubts");
		assert_int_equal(e[EVENT_PTP_IMPOSITION_RECORDED].imposition, IMPOSITION_IMPOSED);
	}
}

#define TAKES_EACH(field, type, end, text, member)                                             \
	for (int i = 1; i < (end); i++) {                                                      \
		json_t *data = sample_data(type);                                              \
		struct event event;                                                            \
		struct bytes line;                                                             \
		arena_reset(arena);                                                            \
		json_object_set_new(data, field, json_string(text(i)));                        \
		line = sample_line(arena, sample_event(type, data));                           \
		assert_decodes_to(arena, line, REASON_NONE, "", text(i), &event);              \
		assert_int_equal(event.member, i);                                             \
		assert_decodes_to(arena, protobuf_of(line), REASON_NONE, "", text(i), &event); \
		assert_int_equal(event.member, i);                                             \
		data = sample_data(type);                                                      \
		json_object_set_new(data, field, json_integer(i));                             \
		line = sample_line(arena, sample_event(type, data));                           \
		assert_decodes_to(arena, line, REASON_NONE, "", text(i), &event);              \
		assert_int_equal(event.member, i);                                             \
	}

static void test_takes_every_word_by_name_and_by_number(void **state)
{
	(void)state;
	TAKES_EACH("orderType", EVENT_SENTENCE_IMPOSED, ORDER_TYPE_END, order_type_text, order_type)
	TAKES_EACH("byRole", EVENT_TASK_RECORDED, ROLE_END, role_text, by_role)
	TAKES_EACH("outcome", EVENT_TASK_RECORDED, TASK_OUTCOME_END, task_outcome_text, task_outcome)
	TAKES_EACH("outcome", EVENT_PTP_STAGE_RECORDED, PTP_OUTCOME_END, ptp_outcome_text, ptp_outcome)
	TAKES_EACH("outcome", EVENT_PTP_IMPOSITION_RECORDED, PTP_IMPOSITION_END, ptp_imposition_text, imposition)
	TAKES_EACH("monitoring", EVENT_PTP_CONSIDERED, MONITORING_END, monitoring_text, monitoring)
	TAKES_EACH("emApproval", EVENT_PTP_CONSIDERED, EM_APPROVAL_END, em_approval_text, em_approval)
	for (int i = 1; i < DOCUMENT_END; i++) {
		json_t *data = sample_data(EVENT_DOCUMENT_RECEIVED);
		struct event event;

		json_object_set_new(data, "document", json_string(document_text((enum document)i)));
		assert_decodes_to(arena, sample_line(arena, sample_event(EVENT_DOCUMENT_RECEIVED, data)), REASON_NONE,
			"", document_text((enum document)i), &event);
		assert_int_equal(event.documents, 1 << i);
	}
}

/* ---- what is refused ---- */

#define LONG_KEY "01234567890123456789012345678901234567890123456789012345678901234" /* 65 */

/* A member of the data, or of the envelope where it begins with `/`, is set to a JSON value, or removed where that is NULL. */
static const struct change {
	const char *what;
	enum event_type type;
	const char *member, *value;
	enum reason reason;
	const char *says;
} changes[] = {
	/* what a sender may leave out or add */
	{ "an unknown member", EVENT_SENTENCE_IMPOSED, "new", "{\"a\":[1]}", REASON_NONE, "" },
	{ "an unknown attribute", EVENT_SENTENCE_IMPOSED, "/severity", "3", REASON_NONE, "" },
	{ "an attribute that is none", EVENT_SENTENCE_IMPOSED, "/new", "[1]", REASON_NONE, "" },
	{ "null for an optional field", EVENT_SENTENCE_IMPOSED, "endsOn", "null", REASON_NONE, "" },
	{ "an empty optional date", EVENT_SENTENCE_IMPOSED, "endsOn", "\"\"", REASON_NONE, "" },
	{ "unknown child sex offence", EVENT_SENTENCE_IMPOSED, "childSexOffence", "null", REASON_NONE, "" },
	{ "null under the .proto's name", EVENT_SENTENCE_CANCELLED, "cancelled_on", "null", REASON_NONE, "" },
	{ "a JSON content type", EVENT_SENTENCE_IMPOSED, "/datacontenttype", "\"application/json; charset=utf-8\"",
		REASON_NONE, "" },
	{ "another JSON content type", EVENT_SENTENCE_IMPOSED, "/datacontenttype", "\"application/x+JSON\"",
		REASON_NONE, "" },
	{ "a whole number as 3.0", EVENT_TASK_RECORDED, "step", "3.0", REASON_NONE, "" },
	{ "a whole number as text", EVENT_TASK_RECORDED, "step", "\"3\"", REASON_NONE, "" },
	{ "a key of 64 bytes", EVENT_SENTENCE_IMPOSED, "prn",
		"\"0123456789012345678901234567890123456789012345678901234567890123\"", REASON_NONE, "" },
	{ "a macron", EVENT_SENTENCE_IMPOSED, "court", "\"Kaik\\u014dhe\"", REASON_NONE, "" },
	{ "time in another zone", EVENT_SENTENCE_IMPOSED, "/time", "\"2026-11-25T14:02:03+13:00\"", REASON_NONE, "" },
	/* the envelope */
	{ "no specversion", EVENT_SENTENCE_IMPOSED, "/specversion", NULL, REASON_MALFORMED, "specversion is \"\"" },
	{ "another specversion", EVENT_SENTENCE_IMPOSED, "/specversion", "\"0.3\"", REASON_MALFORMED, "\"0.3\"" },
	{ "no id", EVENT_SENTENCE_IMPOSED, "/id", NULL, REASON_MISSING_FIELD, "id is missing" },
	{ "an empty id", EVENT_SENTENCE_IMPOSED, "/id", "\"\"", REASON_MISSING_FIELD, "id is missing" },
	{ "a number as id", EVENT_SENTENCE_IMPOSED, "/id", "7", REASON_INVALID_FIELD, "id must be text" },
	{ "a control character in id", EVENT_SENTENCE_IMPOSED, "/id", "\"a\\u0007b\"", REASON_INVALID_TEXT,
		"id is \"a?b\"" },
	{ "an id of 129 bytes", EVENT_SENTENCE_IMPOSED, "/id", "\"" LONG_KEY LONG_KEY "\"", REASON_INVALID_FIELD,
		"at most 128" },
	{ "no source", EVENT_SENTENCE_IMPOSED, "/source", NULL, REASON_MISSING_FIELD, "source is missing" },
	{ "a NUL in source", EVENT_SENTENCE_IMPOSED, "/source", "\"a\\u0000\"", REASON_INVALID_TEXT,
		"source is \"a?\"" },
	{ "no type", EVENT_SENTENCE_IMPOSED, "/type", NULL, REASON_MISSING_FIELD, "type is missing" },
	{ "an unknown type", EVENT_SENTENCE_IMPOSED, "/type", "\"nz.other\"", REASON_UNKNOWN_TYPE, "\"nz.other\"" },
	{ "a type the bridge publishes", EVENT_SENTENCE_IMPOSED, "/type", "\"nz.govt.corrections.cpps.task.opened\"",
		REASON_UNKNOWN_TYPE, "none of the types" },
	{ "no time", EVENT_SENTENCE_IMPOSED, "/time", NULL, REASON_MISSING_FIELD, "time is missing" },
	{ "an empty time", EVENT_SENTENCE_IMPOSED, "/time", "\"\"", REASON_MISSING_FIELD, "time is missing" },
	{ "time without a zone", EVENT_SENTENCE_IMPOSED, "/time", "\"2026-11-25T01:02:03\"", REASON_INVALID_DATES,
		"time is" },
	{ "time as a number", EVENT_SENTENCE_IMPOSED, "/time", "1764032523", REASON_INVALID_DATES,
		"no valid timestamp" },
	{ "time too early", EVENT_SENTENCE_IMPOSED, "/time", "\"1899-12-31T23:59:59Z\"", REASON_INVALID_DATES,
		"1900 to 2199" },
	{ "time too late", EVENT_SENTENCE_IMPOSED, "/time", "\"2200-01-01T00:00:00Z\"", REASON_INVALID_DATES,
		"1900 to 2199" },
	{ "no data", EVENT_SENTENCE_IMPOSED, "/data", NULL, REASON_MISSING_FIELD, "data is missing" },
	{ "null data", EVENT_SENTENCE_IMPOSED, "/data", "null", REASON_MISSING_FIELD, "data is missing" },
	{ "data that is text", EVENT_SENTENCE_IMPOSED, "/data", "\"x\"", REASON_MALFORMED, "must be a JSON object" },
	{ "another content type", EVENT_SENTENCE_IMPOSED, "/datacontenttype", "\"text/xml\"", REASON_MALFORMED,
		"\"text/xml\"" },
	{ "a content type that only looks like it", EVENT_SENTENCE_IMPOSED, "/datacontenttype", "\"application/jsonp\"",
		REASON_MALFORMED, "jsonp" },
	/* text */
	{ "a missing key", EVENT_SENTENCE_IMPOSED, "prn", NULL, REASON_MISSING_FIELD, "prn is missing" },
	{ "an empty key", EVENT_SENTENCE_IMPOSED, "orderRef", "\"\"", REASON_MISSING_FIELD, "orderRef is missing" },
	{ "null for a key", EVENT_SENTENCE_IMPOSED, "orderRef", "null", REASON_MISSING_FIELD, "orderRef is missing" },
	{ "a key of 65 bytes", EVENT_SENTENCE_IMPOSED, "prn", "\"" LONG_KEY "\"", REASON_INVALID_FIELD,
		"65 bytes long; at most 64" },
	{ "an optional key too long", EVENT_SENTENCE_IMPOSED, "court", "\"" LONG_KEY "\"", REASON_INVALID_FIELD,
		"court is" },
	{ "an office of 33 bytes", EVENT_SENTENCE_IMPOSED, "office", "\"012345678901234567890123456789012\"",
		REASON_INVALID_FIELD, "at most 32" },
	{ "a number as key", EVENT_SENTENCE_IMPOSED, "prn", "12", REASON_INVALID_FIELD, "prn must be text" },
	{ "a control character", EVENT_SENTENCE_IMPOSED, "prn", "\"P\\u001b[1m\"", REASON_INVALID_TEXT,
		"prn is \"P?[1m\"" },
	{ "a NUL", EVENT_SENTENCE_IMPOSED, "prn", "\"P-1\\u0000x\"", REASON_INVALID_TEXT, "prn is \"P-1?x\"" },
	{ "DEL", EVENT_SENTENCE_IMPOSED, "prn", "\"P-1\\u007f\"", REASON_INVALID_TEXT, "prn is" },
	{ "a line break in a key", EVENT_SENTENCE_IMPOSED, "prn", "\"P\\n1\"", REASON_INVALID_TEXT, "prn is \"P?1\"" },
	{ "a blank at the end", EVENT_SENTENCE_IMPOSED, "prn", "\"P-1 \"", REASON_INVALID_FIELD, "blank" },
	{ "only a blank", EVENT_SENTENCE_IMPOSED, "prn", "\" \"", REASON_INVALID_FIELD, "blank" },
	{ "a control character in prose", EVENT_SENTENCE_CANCELLED, "reason", "\"secret\\u0001\"", REASON_INVALID_TEXT,
		"reason holds a control" },
	{ "a NUL in prose", EVENT_PTP_STAGE_RECORDED, "note", "\"secret\\u0000\"", REASON_INVALID_TEXT,
		"note holds a control" },
	/* dates */
	{ "a day that does not exist", EVENT_SENTENCE_IMPOSED, "imposedOn", "\"2026-02-30\"", REASON_INVALID_DATES,
		"imposedOn is \"2026-02-30\"" },
	{ "29 February of a common year", EVENT_SENTENCE_IMPOSED, "imposedOn", "\"2026-02-29\"", REASON_INVALID_DATES,
		"imposedOn" },
	{ "a badly written date", EVENT_SENTENCE_IMPOSED, "startsOn", "\"25/11/2026\"", REASON_INVALID_DATES,
		"startsOn is \"25/11/2026\"" },
	{ "a date with a time", EVENT_SENTENCE_IMPOSED, "startsOn", "\"2026-11-25T00:00:00Z\"", REASON_INVALID_DATES,
		"startsOn" },
	{ "a year too early", EVENT_SENTENCE_IMPOSED, "imposedOn", "\"1899-12-31\"", REASON_INVALID_DATES,
		"1900 to 2199" },
	{ "a year too late", EVENT_SENTENCE_IMPOSED, "endsOn", "\"2200-01-01\"", REASON_INVALID_DATES, "1900 to 2199" },
	{ "a control character in a date", EVENT_SENTENCE_IMPOSED, "endsOn", "\"2027\\u0000\"", REASON_INVALID_DATES,
		"\"2027?\"" },
	{ "a missing date", EVENT_OFFENDER_RECALLED, "recalledOn", NULL, REASON_MISSING_FIELD,
		"recalledOn is missing" },
	{ "baseline without a date", EVENT_ORDER_BASELINE, "releasedOn", NULL, REASON_MISSING_FIELD,
		"imposedOn nor releasedOn" },
	{ "baseline with both dates", EVENT_ORDER_BASELINE, "imposedOn", "\"2026-11-24\"", REASON_INVALID_DATES,
		"both given" },
	/* words */
	{ "an unknown word", EVENT_SENTENCE_IMPOSED, "orderType", "\"BANISHMENT\"", REASON_INVALID_FIELD,
		"orderType is \"BANISHMENT\"; allowed are COMMUNITY_WORK, SUPERVISION" },
	{ "an unknown number", EVENT_SENTENCE_IMPOSED, "orderType", "99", REASON_INVALID_FIELD,
		"orderType is 99; allowed are COMMUNITY_WORK" },
	{ "a negative number", EVENT_SENTENCE_IMPOSED, "orderType", "-1", REASON_INVALID_FIELD, "orderType is -1" },
	{ "a number beyond 32 bits", EVENT_SENTENCE_IMPOSED, "orderType", "4294967297", REASON_INVALID_FIELD,
		"orderType must be one of" },
	{ "not given, by name", EVENT_SENTENCE_IMPOSED, "orderType", "\"NOT_GIVEN\"", REASON_MISSING_FIELD,
		"orderType is missing" },
	{ "not given, by number", EVENT_SENTENCE_IMPOSED, "orderType", "0", REASON_MISSING_FIELD,
		"orderType is missing" },
	{ "a word in small letters", EVENT_SENTENCE_IMPOSED, "orderType", "\"parole\"", REASON_INVALID_FIELD,
		"\"parole\"" },
	{ "a list as word", EVENT_SENTENCE_IMPOSED, "orderType", "[]", REASON_INVALID_FIELD, "must be one of" },
	{ "an optional unknown word", EVENT_PTP_CONSIDERED, "monitoring", "9", REASON_INVALID_FIELD,
		"monitoring is 9; allowed are FULL_TIME" },
	{ "a document that is none", EVENT_ORDER_BASELINE, "documents", "[\"LICENCE\",0]", REASON_INVALID_FIELD,
		"documents is 0" },
	{ "an unknown document", EVENT_ORDER_BASELINE, "documents", "[\"PASSPORT\"]", REASON_INVALID_FIELD,
		"\"PASSPORT\"" },
	{ "no document", EVENT_DOCUMENT_RECEIVED, "document", NULL, REASON_MISSING_FIELD, "document is missing" },
	/* numbers, flags, lists */
	{ "no step", EVENT_TASK_RECORDED, "step", NULL, REASON_MISSING_FIELD, "step is missing" },
	{ "step 0", EVENT_TASK_RECORDED, "step", "0", REASON_MISSING_FIELD, "step is missing" },
	{ "a step below 0", EVENT_TASK_RECORDED, "step", "-1", REASON_INVALID_FIELD, "step is -1" },
	{ "a step of half", EVENT_TASK_RECORDED, "step", "1.5", REASON_INVALID_FIELD, "step must be a whole number" },
	{ "a step as words", EVENT_TASK_RECORDED, "step", "\"three\"", REASON_INVALID_FIELD,
		"step must be a whole number" },
	{ "a step as an empty text", EVENT_TASK_RECORDED, "step", "\"\"", REASON_INVALID_FIELD,
		"step must be a whole number" },
	{ "a huge stage", EVENT_PTP_STAGE_RECORDED, "stage", "256", REASON_INVALID_FIELD, "stage is 256" },
	{ "a flag as text", EVENT_PTP_CONSIDERED, "emCriteriaMet", "\"true\"", REASON_INVALID_FIELD,
		"emCriteriaMet must be true or false" },
	{ "a fact as a number", EVENT_SENTENCE_IMPOSED, "childSexOffence", "1", REASON_INVALID_FIELD,
		"childSexOffence must be true or false" },
	{ "a list that is text", EVENT_SENTENCE_IMPOSED, "conditions", "\"C-1\"", REASON_INVALID_FIELD,
		"conditions must be a list" },
	{ "a list of numbers", EVENT_SENTENCE_IMPOSED, "conditions", "[1]", REASON_INVALID_FIELD,
		"conditions must be a list, each of it text" },
	{ "an empty code", EVENT_SENTENCE_IMPOSED, "conditions", "[\"\"]", REASON_INVALID_FIELD,
		"conditions has \"\"" },
	{ "a code with a blank", EVENT_SENTENCE_IMPOSED, "conditions", "[\"a b\"]", REASON_INVALID_FIELD,
		"conditions has \"a b\"" },
	{ "a code too long", EVENT_PTP_CONSIDERED, "suitability", "[\"" LONG_KEY "\"]", REASON_INVALID_FIELD,
		"suitability is" },
	{ "17 codes", EVENT_PTP_CONSIDERED, "suitability",
		"[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\","
		"\"16\",\"17\"]",
		REASON_INVALID_FIELD, "suitability has 17 codes; at most 16" },
	{ "a field under both names", EVENT_SENTENCE_CANCELLED, "cancelled_on", "\"2026-11-25\"", REASON_MALFORMED,
		"given twice" },
};

static struct bytes changed(const struct change *change)
{
	json_t *event = sample_event(change->type, sample_data(change->type));
	bool envelope = change->member[0] == '/';
	json_t *object = envelope ? event : json_object_get(event, "data");
	const char *member = change->member + envelope;

	if (!change->value)
		assert_int_equal(json_object_del(object, member), 0);
	else
		json_object_set_new(object, member, json_loads(change->value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
	return sample_line(arena, event);
}

static void test_names_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		struct event event;

		arena_reset(arena);
		assert_decodes_to(
			arena, changed(&changes[i]), changes[i].reason, changes[i].says, changes[i].what, &event);
	}
}

static void test_takes_the_names_of_the_schema(void **state)
{
	json_t *data = json_pack("{s:s, s:s}", "order_ref", "O-1", "cancelled_on", "2026-11-25");
	struct event event;

	(void)state;
	assert_decodes_to(
		arena, sample_line(arena, sample_event(EVENT_SENTENCE_CANCELLED, data)), REASON_NONE, "", "", &event);
	assert_string_equal(event.order_ref, "O-1");
}

static void test_never_quotes_free_text(void **state)
{
	static const char *const members[] = { "\"secret\\u0000\"", "\"secret\\u0001\"", "7", "[\"secret\"]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		struct change change = { "", EVENT_SENTENCE_CANCELLED, "reason", members[i], REASON_NONE, "" };
		struct bytes line = changed(&change);
		struct event event;
		enum reason reason;
		struct fault fault;

		assert_int_equal(wire_decode(arena, line.data, line.n, &event, &reason, &fault), 1);
		assert_null(strstr(fault.sentence, "secret"));
		assert_null(strstr(fault.sentence, "7"));
		assert_null(event.reason);
	}
}

/* Nor does the parser, which would show what it saw last. */
static void test_never_quotes_what_it_cannot_parse(void **state)
{
	static const char *const lines[] = { "{\"reason\":\"secret", "{\"reason\":\"secret\n\"}",
		"{\"reason\":\"secret\x7f\xff\"}", "{\"reason\":\"secret\" 1}", "{\"reason\":secret}",
		"{\"secret\":1,\"secret\":2}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		struct event event;
		enum reason reason;
		struct fault fault;

		assert_int_equal(wire_decode(arena, lines[i], strlen(lines[i]), &event, &reason, &fault), 1);
		if (strstr(fault.sentence, "secret") ||
			!strstr(fault.sentence, "not JSON that can be read, at line ") ||
			!text_is_clean(fault.sentence, strlen(fault.sentence)) || strchr(fault.sentence, 0x7f))
			fail_msg("row %zu: \"%s\"", i, fault.sentence);
	}
}

static void test_refuses_prose_over_2000_bytes(void **state)
{
	char prose[PROSE_MAX + 2];

	(void)state;
	for (size_t n = PROSE_MAX; n <= PROSE_MAX + 1; n++) {
		json_t *data = sample_data(EVENT_SENTENCE_CANCELLED);
		bool over = n > PROSE_MAX;
		struct event event;

		memset(prose, 'x', n);
		prose[n] = '\0';
		json_object_set_new(data, "reason", json_string(prose));
		assert_decodes_to(arena, sample_line(arena, sample_event(EVENT_SENTENCE_CANCELLED, data)),
			over ? REASON_INVALID_FIELD : REASON_NONE, over ? "2001 bytes long" : "", "prose", &event);
	}
}

static void test_asks_assessed_for_one_of_its_fields(void **state)
{
	static const char *const fields[] = { "owsReviewedOn", "onOws", "cso9CompletedOn" };

	(void)state;
	for (size_t keep = 0; keep <= ARRAY_LENGTH(fields); keep++) {
		json_t *data = sample_data(EVENT_OFFENDER_ASSESSED);
		bool none = keep == ARRAY_LENGTH(fields);
		struct event event;

		for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
			if (i != keep)
				json_object_del(data, fields[i]);
		assert_decodes_to(arena, sample_line(arena, sample_event(EVENT_OFFENDER_ASSESSED, data)),
			none ? REASON_MISSING_FIELD : REASON_NONE, none ? "owsReviewedOn, onOws" : "",
			none ? "none" : fields[keep], &event);
	}
}

/* The bytes as they stand: not JSON, not protobuf, or not an event. */
static void test_refuses_what_is_no_event(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
		enum reason reason;
		const char *says;
	} rows[] = {
		{ "nothing", "", 0, REASON_MALFORMED, "empty" },
		{ "only {", "{", 1, REASON_MALFORMED, "line 1" },
		{ "an empty object", "{}", 2, REASON_MALFORMED, "specversion" },
		{ "text after it", "{}x", 3, REASON_MALFORMED, "line 1" },
		{ "a member twice", "{\"id\":\"a\",\"id\":\"b\"}", 19, REASON_MALFORMED, "duplicate" },
		{ "a member twice in data", "{\"data\":{\"a\":1,\"a\":2}}", 22, REASON_MALFORMED, "duplicate" },
		{ "bytes that are not UTF-8", "{\"id\":\"\xff\"}", 10, REASON_INVALID_TEXT, "line 1" },
		{ "a lone surrogate", "{\"id\":\"\\ud800\"}", 15, REASON_MALFORMED, "line 1" },
		{ "a list", "[1]", 3, REASON_MALFORMED, "not a CloudEvent" },
		{ "text", "hello world", 11, REASON_MALFORMED, "not a CloudEvent" },
		{ "zeroes", "\0\0\0\0", 4, REASON_MALFORMED, "not a CloudEvent" },
		{ "a number too large", "{\"a\":99999999999999999999}", 26, REASON_MALFORMED, "line 1" },
		{ "a cut message",
			"\x0a\x05"
			"ab",
			4, REASON_MALFORMED, "not a CloudEvent" },
		{ "a message of unknown fields", "\x98\x06\x01", 3, REASON_MALFORMED, "specversion" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct event event;

		assert_decodes_to(arena, (struct bytes){ (const uint8_t *)rows[i].bytes, rows[i].n }, rows[i].reason,
			rows[i].says, rows[i].what, &event);
		assert_null(event.id);
		assert_null(event.source);
		assert_null(event.type_text);
		assert_false(instant_given(event.time));
		assert_int_equal(event.raw_size, rows[i].n);
	}
}

static void test_refuses_depth(void **state)
{
	char deep[20000];
	struct event event;

	(void)state;
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	assert_decodes_to(arena, (struct bytes){ (const uint8_t *)deep, sizeof(deep) }, REASON_MALFORMED, "depth",
		"deep JSON", &event);
}

static void test_refuses_more_than_the_size_limit_unread(void **state)
{
	static uint8_t bytes[EVENT_SIZE_MAX + 1];
	struct event event;

	(void)state;
	memset(bytes, ' ', sizeof(bytes));
	bytes[0] = '{';
	assert_decodes_to(arena, (struct bytes){ bytes, sizeof(bytes) }, REASON_TOO_LARGE, "65537 bytes",
		"one byte over", &event);
	assert_ptr_equal(event.raw, bytes);
	assert_decodes_to(
		arena, (struct bytes){ bytes, sizeof(bytes) - 1 }, REASON_MALFORMED, "", "at the limit", &event);
}

static void test_refuses_more_than_32_attributes(void **state)
{
	(void)state;
	for (int n = 31; n <= 32; n++) {
		json_t *event = sample_event(EVENT_SENTENCE_IMPOSED, sample_data(EVENT_SENTENCE_IMPOSED));
		struct event decoded;
		char name[16];

		for (int i = 0; i < n; i++) {
			(void)snprintf(name, sizeof(name), "ext%d", i);
			json_object_set_new(event, name, json_true());
		}
		assert_decodes_to(arena, sample_line(arena, event), n == 31 ? REASON_NONE : REASON_MALFORMED,
			n == 31 ? "" : "more than 32 attributes", "attributes", &decoded);
	}
}

/* ---- protobuf alone ---- */

typedef Io__Cloudevents__V1__CloudEvent Envelope;
typedef Io__Cloudevents__V1__CloudEvent__AttributesEntry Entry;
typedef Io__Cloudevents__V1__CloudEvent__CloudEventAttributeValue Value;

struct built {
	Envelope envelope;
	Entry entry, *entries[1];
	Value value;
	Google__Protobuf__Timestamp timestamp;
	Google__Protobuf__Any any;
	Cpps__Bridge__V1__SentenceCancelled payload;
	uint8_t packed[256];
};

static char *text(const char *value)
{
	return (char *)(uintptr_t)value;
}

static void build(struct built *b)
{
	io__cloudevents__v1__cloud_event__init(&b->envelope);
	io__cloudevents__v1__cloud_event__attributes_entry__init(&b->entry);
	io__cloudevents__v1__cloud_event__cloud_event_attribute_value__init(&b->value);
	google__protobuf__timestamp__init(&b->timestamp);
	google__protobuf__any__init(&b->any);
	cpps__bridge__v1__sentence_cancelled__init(&b->payload);
	b->envelope.id = text("e-1");
	b->envelope.source = text("urn:test");
	b->envelope.spec_version = text("1.0");
	b->envelope.type = text(event_type_text(EVENT_SENTENCE_CANCELLED));
	b->timestamp.seconds = 1764032523;
	b->value.attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_TIMESTAMP;
	b->value.ce_timestamp = &b->timestamp;
	b->entry.key = text("time");
	b->entry.value = &b->value;
	b->entries[0] = &b->entry;
	b->envelope.n_attributes = 1;
	b->envelope.attributes = b->entries;
	b->payload.order_ref = text("O-1");
	b->payload.cancelled_on = text("2026-11-25");
	b->any.type_url = text("type.googleapis.com/cpps.bridge.v1.SentenceCancelled");
	b->envelope.data_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_PROTO_DATA;
	b->envelope.proto_data = &b->any;
}

static struct bytes pack(struct built *b)
{
	struct bytes bytes;

	if (!b->any.value.data) {
		b->any.value.len = protobuf_c_message_pack(&b->payload.base, b->packed);
		b->any.value.data = b->packed;
	}
	assert_int_equal(message_pack(arena, &b->envelope.base, &bytes), 0);
	return bytes;
}

static void nothing_else(struct built *b)
{
	(void)b;
}

static void time_as_text(struct built *b)
{
	b->value.attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_STRING;
	b->value.ce_string = text("2025-11-25T01:02:03Z");
}

static void time_as_number(struct built *b)
{
	b->value.attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_INTEGER;
	b->value.ce_integer = 7;
}

static void time_out_of_range(struct built *b)
{
	b->timestamp.seconds = INT64_MAX;
}

static void time_with_bad_nanos(struct built *b)
{
	b->timestamp.nanos = 1000000000;
}

static void time_without_value(struct built *b)
{
	b->entry.value = NULL;
}

static void time_with_empty_value(struct built *b)
{
	b->value.attr_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR__NOT_SET;
}

static void wrong_message(struct built *b)
{
	b->any.type_url = text("type.googleapis.com/cpps.bridge.v1.SentenceImposed");
}

static void wrong_prefix(struct built *b)
{
	b->any.type_url = text("example.com/cpps.bridge.v1.SentenceCancelled");
}

static void no_type_url(struct built *b)
{
	b->any.type_url = text("");
}

static void text_data(struct built *b)
{
	b->envelope.data_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_TEXT_DATA;
	b->envelope.text_data = text("{}");
}

static void binary_data(struct built *b)
{
	b->envelope.data_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_BINARY_DATA;
	b->envelope.binary_data = (ProtobufCBinaryData){ 2, b->packed };
}

static void no_data(struct built *b)
{
	b->envelope.data_case = IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA__NOT_SET;
}

static void empty_payload(struct built *b)
{
	cpps__bridge__v1__sentence_cancelled__init(&b->payload);
}

static void bad_payload(struct built *b)
{
	memcpy(b->packed, "\x12\x7f", 2);
	b->any.value = (ProtobufCBinaryData){ 2, b->packed };
}

static void payload_with_nul(struct built *b)
{
	memcpy(b->packed,
		"\x12\x04O\0-1\x22\x0a"
		"2026-11-25",
		18);
	b->any.value = (ProtobufCBinaryData){ 18, b->packed };
}

static void payload_not_utf8(struct built *b)
{
	b->payload.order_ref = text("O\xc3");
}

static void id_not_utf8(struct built *b)
{
	b->envelope.id = text("\xed\xa0\x80");
}

static void test_judges_protobuf_alone(void **state)
{
	static const struct {
		const char *what;
		void (*change)(struct built *);
		enum reason reason;
		const char *says;
	} rows[] = {
		{ "as it should be", nothing_else, REASON_NONE, "" },
		{ "time as text", time_as_text, REASON_NONE, "" },
		{ "time as a number", time_as_number, REASON_INVALID_DATES, "no valid timestamp" },
		{ "time out of range", time_out_of_range, REASON_INVALID_DATES, "no valid timestamp" },
		{ "too many nanoseconds", time_with_bad_nanos, REASON_INVALID_DATES, "no valid timestamp" },
		{ "time without a value", time_without_value, REASON_MISSING_FIELD, "time is missing" },
		{ "time with an empty value", time_with_empty_value, REASON_MISSING_FIELD, "time is missing" },
		{ "another message", wrong_message, REASON_MALFORMED,
			"wants type.googleapis.com/cpps.bridge.v1.SentenceCancelled" },
		{ "another prefix", wrong_prefix, REASON_MALFORMED, "example.com" },
		{ "no type URL", no_type_url, REASON_MALFORMED, "proto_data is a \"\"" },
		{ "text_data", text_data, REASON_MALFORMED, "text_data" },
		{ "binary_data", binary_data, REASON_MALFORMED, "binary_data" },
		{ "no data", no_data, REASON_MISSING_FIELD, "data is missing" },
		{ "an empty payload", empty_payload, REASON_MISSING_FIELD, "orderRef is missing" },
		{ "a payload that is none", bad_payload, REASON_MALFORMED, "not a cpps.bridge.v1.SentenceCancelled" },
		{ "a NUL in a field", payload_with_nul, REASON_INVALID_TEXT, "orderRef is \"O?-1\"" },
		{ "a field that is not UTF-8", payload_not_utf8, REASON_INVALID_TEXT, "orderRef is \"O?\"" },
		{ "an id that is not UTF-8", id_not_utf8, REASON_INVALID_TEXT, "id is \"???\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct built built = { .packed = { 0 } };
		struct event event;

		build(&built);
		rows[i].change(&built);
		assert_decodes_to(arena, pack(&built), rows[i].reason, rows[i].says, rows[i].what, &event);
	}
}

/* A kilobyte of payload that would become many times as much: a quarantine, not the batch's memory. */
static void test_caps_what_one_event_may_take(void **state)
{
	static uint8_t bytes[EVENT_SIZE_MAX];
	struct event event;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(bytes); i += 2)
		memcpy(bytes + i, "\x2a\x00", 2); /* an empty attribute */
	assert_decodes_to(arena, (struct bytes){ bytes, sizeof(bytes) }, REASON_MALFORMED, "not a CloudEvent",
		"32,768 attributes", &event);
	assert_in_range(arena_used(arena), 0, 1024 * 1024);
}

/* ---- what stays readable ---- */

static void test_leaves_what_was_readable(void **state)
{
	(void)state;
	for (int format = 0; format < 2; format++) {
		json_t *data = sample_data(EVENT_SENTENCE_IMPOSED);
		struct bytes line;
		struct event event;

		json_object_set_new(data, "imposedOn", json_string("never"));
		line = sample_line(arena, sample_event(EVENT_SENTENCE_IMPOSED, data));
		assert_decodes_to(
			arena, format ? protobuf_of(line) : line, REASON_INVALID_DATES, "never", "readable", &event);
		assert_string_equal(event.id, "e-1");
		assert_string_equal(event.source, "urn:test");
		assert_string_equal(event.type_text, event_type_text(EVENT_SENTENCE_IMPOSED));
		assert_int_equal(event.type, EVENT_SENTENCE_IMPOSED);
		assert_true(instant_given(event.time));
		assert_string_equal(event.prn, "P-1");
		assert_string_equal(event.order_ref, "O-1");
		assert_string_equal(event.office, "WELLINGTON");
		assert_false(date_given(event.effective_on));
		assert_non_null(event.raw);
	}
}

static void test_leaves_only_clean_text(void **state)
{
	static const char *const members[] = { "prn", "orderRef", "office" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		json_t *data = sample_data(EVENT_SENTENCE_IMPOSED);
		struct event event;

		json_object_set_new(data, members[i], json_string("a\x02"));
		assert_decodes_to(arena, sample_line(arena, sample_event(EVENT_SENTENCE_IMPOSED, data)),
			REASON_INVALID_TEXT, members[i], members[i], &event);
		assert_true(i == 0 ? !event.prn : !!event.prn);
		assert_true(i == 1 ? !event.order_ref : !!event.order_ref);
		assert_true(i == 2 ? !event.office : !!event.office);
	}
}

static void test_reads_the_envelope_of_an_unknown_type(void **state)
{
	struct change change = { "", EVENT_SENTENCE_IMPOSED, "/type", "\"nz.other\"", REASON_NONE, "" };
	struct event event;

	(void)state;
	assert_decodes_to(arena, changed(&change), REASON_UNKNOWN_TYPE, "nz.other", "", &event);
	assert_string_equal(event.type_text, "nz.other");
	assert_int_equal(event.type, EVENT_NONE);
	assert_string_equal(event.id, "e-1");
	assert_true(instant_given(event.time));
}

/* ---- trace context ---- */

static void test_carries_a_trace_and_drops_a_bad_one(void **state)
{
	static const char *const values[] = { "\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"",
		"\"a\\nb\"", "7", "\"m\\u0101\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		struct change change = { "", EVENT_SENTENCE_IMPOSED, "/traceparent", values[i], REASON_NONE, "" };
		struct event event;

		assert_decodes_to(arena, changed(&change), REASON_NONE, "", values[i], &event);
		if (i == 0)
			assert_string_equal(
				event.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
		else
			assert_null(event.traceparent);
	}
}

/* ---- the content hash (X2) ---- */

static void test_hashes_type_time_and_known_data_only(void **state)
{
	static const struct {
		const char *member, *value;
		bool same;
	} rows[] = {
		{ "/id", "\"e-2\"", true },
		{ "/source", "\"urn:other\"", true },
		{ "/traceparent", "\"00\"", true },
		{ "new", "1", true },
		{ "/time", "\"2026-11-25T14:02:03.000004+13:00\"", true },
		{ "/time", "\"2026-11-25T01:02:03.000005Z\"", false },
		{ "/type", "\"nz.govt.justice.cms.sentence.varied\"", false },
		{ "prn", "\"P-2\"", false },
		{ "endsOn", "\"2027-11-27\"", false },
		{ "childSexOffence", "null", false },
		{ "childSexOffence", "true", false },
		{ "conditions", "[\"C-2\",\"C-1\"]", false },
		{ "orderType", "1", true },
	};
	struct event first;

	(void)state;
	assert_decodes_to(arena, line_of(EVENT_SENTENCE_IMPOSED), REASON_NONE, "", "", &first);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct change change = { "", EVENT_SENTENCE_IMPOSED, rows[i].member, rows[i].value, REASON_NONE, "" };
		struct event event;

		assert_decodes_to(arena, changed(&change), REASON_NONE, "", rows[i].member, &event);
		if ((memcmp(&first.content, &event.content, sizeof(struct hash)) == 0) != rows[i].same)
			fail_msg("%s = %s: expected %s hash", rows[i].member, rows[i].value,
				rows[i].same ? "the same" : "another");
	}
}

static void test_does_not_hash_unknown_protobuf_fields(void **state)
{
	struct built built = { .packed = { 0 } };
	struct event known, unknown;
	size_t n;

	(void)state;
	build(&built);
	assert_decodes_to(arena, pack(&built), REASON_NONE, "", "", &known);
	n = built.any.value.len;
	memcpy(built.packed + n, "\x98\x06\x01", 3);
	built.any.value.len = n + 3;
	assert_decodes_to(arena, pack(&built), REASON_NONE, "", "", &unknown);
	assert_same_content(&known, &unknown, "an unknown field");
}

/* ---- the table against the schema ---- */

/* Whether proto/events.proto marks the field as required. */
static bool is_marked_required(FILE *schema, const char *message, const char *field)
{
	char line[400], opening[120], declaration[80];
	bool inside = false;

	(void)snprintf(opening, sizeof(opening), "message %s {", message);
	(void)snprintf(declaration, sizeof(declaration), " %s = ", field);
	rewind(schema);
	while (fgets(line, sizeof(line), schema)) {
		inside = strstr(line, opening) ? true : inside && line[0] != '}';
		if (inside && strstr(line, declaration))
			return strstr(line, "// (required)") != NULL;
	}
	fail_msg("%s.%s is not in proto/events.proto", message, field);
	return false;
}

static void test_requires_what_the_schema_marks(void **state)
{
	FILE *schema = fopen("proto/events.proto", "r");

	(void)state;
	assert_non_null(schema);
	for (enum event_type type = 1; type < EVENT_TYPE_END; type++) {
		const ProtobufCMessageDescriptor *message = schema_of_event(type);

		for (unsigned i = 0; i < message->n_fields; i++) {
			char name[FIELD_NAME_MAX], row[160];
			json_t *data = sample_data(type);
			struct event event;
			bool required = is_marked_required(schema, message->short_name, message->fields[i].name);

			(void)field_json_name(&message->fields[i], name);
			json_object_del(data, name);
			if (type == EVENT_ORDER_BASELINE && strcmp(name, "releasedOn") == 0)
				json_object_set_new(data, "imposedOn", json_string("2026-11-25"));
			(void)snprintf(row, sizeof(row), "%s without %s", event_type_text(type), name);
			arena_reset(arena);
			assert_decodes_to(arena, sample_line(arena, sample_event(type, data)),
				required ? REASON_MISSING_FIELD : REASON_NONE, required ? name : "", row, &event);
		}
	}
	(void)fclose(schema);
}

/* A value that no field of the type can take. */
static json_t *unfit(const ProtobufCFieldDescriptor *field)
{
	static char filler[3000];
	json_t *list = json_array();
	json_t *value;

	memset(filler, 'x', sizeof(filler) - 1);
	value = field->type == PROTOBUF_C_TYPE_STRING ? json_string(filler) : json_integer(999);
	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		json_decref(list);
		return value;
	}
	json_array_append_new(list, value);
	return list;
}

static void test_has_a_rule_for_every_field(void **state)
{
	(void)state;
	for (enum event_type type = 1; type < EVENT_TYPE_END; type++) {
		const ProtobufCMessageDescriptor *message = schema_of_event(type);

		for (unsigned i = 0; i < message->n_fields; i++) {
			char name[FIELD_NAME_MAX];
			json_t *data = sample_data(type);
			struct bytes line;
			struct event event;
			enum reason reason;
			struct fault fault;

			(void)field_json_name(&message->fields[i], name);
			json_object_set_new(data, name, unfit(&message->fields[i]));
			arena_reset(arena);
			line = sample_line(arena, sample_event(type, data));
			if (wire_decode(arena, line.data, line.n, &event, &reason, &fault) != 1 ||
				!strstr(fault.sentence, name))
				fail_msg("%s takes any %s", event_type_text(type), name);
		}
	}
}

/* ---- memory ---- */

static void test_answers_out_of_memory_at_every_cap(void **state)
{
	(void)state;
	for (int format = 0; format < 2; format++) {
		struct bytes line = line_of(EVENT_PTP_CONSIDERED);
		struct bytes bytes = format ? protobuf_of(line) : line;
		bool taken = false;

		for (size_t cap = 0; cap < 16384; cap += 16) {
			struct arena *small;
			struct event event;
			enum reason reason = REASON_NONE;
			struct fault fault;
			int r;

			assert_int_equal(arena_new(cap, &small), 0);
			r = wire_decode(small, bytes.data, bytes.n, &event, &reason, &fault);
			if (r != -ENOMEM && r != 0)
				fail_msg("cap %zu: answered %d %s", cap, r, reason_text(reason));
			if (taken && r != 0)
				fail_msg("cap %zu: no longer taken", cap);
			taken = r == 0;
			(void)arena_free(small);
		}
		assert_true(taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_takes_every_type_in_both_formats_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fills_every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_every_word_by_name_and_by_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_what_is_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_the_names_of_the_schema, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_quotes_free_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_quotes_what_it_cannot_parse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_prose_over_2000_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asks_assessed_for_one_of_its_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_what_is_no_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_more_than_the_size_limit_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_more_than_32_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judges_protobuf_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caps_what_one_event_may_take, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_what_was_readable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_only_clean_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_the_envelope_of_an_unknown_type, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carries_a_trace_and_drops_a_bad_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hashes_type_time_and_known_data_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_does_not_hash_unknown_protobuf_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requires_what_the_schema_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_has_a_rule_for_every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_out_of_memory_at_every_cap, setup, teardown),
	};

	return cmocka_run_group_tests_name("wire/decode", tests, NULL, NULL);
}
