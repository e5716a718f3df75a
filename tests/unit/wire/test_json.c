/* The proto3 JSON mapping, both ways: every inbound type, every field of every record, every kind of attribute, and what is shown of an event that
 * cannot be read whole. */
#include "sample.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/cloudevent.h"
#include "wire/json.h"
#include "wire/mapping.h"
#include "wire/message.h"
#include "wire/schema.h"

#include "cloudevents.pb-c.h"
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

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static struct bytes packed(struct bytes line, const char *row)
{
	struct bytes bytes = { NULL, 0 };
	struct fault fault = { "" };

	if (wire_json_to_protobuf(arena, (const char *)line.data, line.n, &bytes, &fault) != 0)
		fail_msg("%s: %s", row, fault.sentence);
	return bytes;
}

/* The line that people see; the caller frees it. */
static char *shown(struct bytes event, const char *row)
{
	struct fault fault = { "" };
	char *line = NULL;

	if (wire_event_to_json(event, &line, &fault) != 0)
		fail_msg("%s: %s", row, fault.sentence);
	assert_null(strchr(line, '\n'));
	return line;
}

/* By way of the protobuf format and back, the object is the same. Takes it over. */
static void assert_survives(json_t *object, const char *row)
{
	char *expected = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS), *line, *got;
	json_t *back;

	line = shown(packed(sample_line(arena, object), row), row);
	back = json_loads(line, 0, NULL);
	got = json_dumps(back, JSON_COMPACT | JSON_SORT_KEYS);
	if (!got || strcmp(got, expected) != 0)
		fail_msg("%s: %s\ncame back as %s", row, expected, got);
	json_decref(back);
	free(expected);
	free(line);
	free(got);
}

/* ---- every type and every field ---- */

static void test_carries_every_inbound_type_there_and_back(void **state)
{
	(void)state;
	for (enum event_type type = 1; type < EVENT_TYPE_END; type++)
		assert_survives(sample_event(type, sample_data(type)), event_type_text(type));
}

/* A value that is not the default, in the form that the mapping writes; `salt` makes neighbours differ. */
static json_t *value_for(const ProtobufCFieldDescriptor *field, unsigned salt)
{
	const ProtobufCEnumDescriptor *names = field->descriptor;

	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return json_sprintf("%s \xc4\x81 \"%u\"", field->name, salt);
	case PROTOBUF_C_TYPE_INT32:
		return json_integer(INT32_MAX - (json_int_t)salt);
	case PROTOBUF_C_TYPE_UINT64:
		return json_string("18446744073709551615");
	case PROTOBUF_C_TYPE_BOOL:
		return json_true();
	case PROTOBUF_C_TYPE_ENUM:
		return json_string(names->values[1 + salt % (names->n_values - 1)].name);
	default:
		return field->descriptor == &google__protobuf__timestamp__descriptor
			       ? json_sprintf("2026-11-25T01:02:%02uZ", salt % 60)
			       : json_boolean(salt % 2);
	}
}

static json_t *whole_data(const ProtobufCMessageDescriptor *message)
{
	json_t *data = json_object();

	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		char name[FIELD_NAME_MAX];
		json_t *value = value_for(field, i);

		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			value = json_pack("[o, o]", value, value_for(field, i + 1));
		assert_int_equal(json_object_set_new(data, field_json_name(field, name), value), 0);
	}
	return data;
}

static json_t *record_event(enum record_name name, json_t *data)
{
	return json_pack("{s:s, s:s, s:s, s:s+, s:s, s:o}", "specversion", "1.0", "id", "1795600000-42", "source",
		"urn:nz:corrections:cpps-bridge:nz", "type", RECORD_TYPE_PREFIX, record_name_text(name), "sequence",
		"00000000000000000042", "data", data);
}

static void test_carries_every_field_of_every_record_there_and_back(void **state)
{
	(void)state;
	for (enum record_name name = 1; name < RECORD_NAME_END; name++) {
		arena_reset(arena);
		assert_survives(record_event(name, whole_data(schema_of_record(name))), record_name_text(name));
		assert_survives(record_event(name, json_object()), record_name_text(name));
	}
}

static void test_names_fields_as_json_does(void **state)
{
	static const struct {
		enum record_name name;
		const char *fields;
	} rows[] = {
		{ RECORD_ALLOCATION_OVERDUE,
			"orderRef prn office area region orderType state officerId recommendedOfficerId "
			"relatedOrderRefs "
			"dueAt firstReportBy effectiveOn scheduledOn startsOn endsOn responsibleRole previousOffice "
			"previousOfficerId previousPrn change level role by byRole " },
		{ RECORD_TASK_OPENED, "orderRef prn office area region orderType kind ref step title role state "
				      "openedAt dueAt closedAt "
				      "responsibleRole officerId level concerns by byRole " },
		{ RECORD_PTP_DECIDED,
			"orderRef prn office area region orderType ptpRef state stage fromStage toStage outcome role "
			"title "
			"dueAt byRole responsibleRole officerId by informs conveyVia conveyTo guard sentence rule "
			"policyVersion monitoring startsOn endsOn level concerns areaSupports regionSupports " },
		{ RECORD_EVENT_QUARANTINED, "orderRef prn office area region eventId eventSource eventType reason "
					    "waitsFor quarantine since "
					    "responsibleRole level " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char names[1024] = "", *line;
		const char *name;
		json_t *event, *value;

		line = shown(packed(sample_line(arena,
					    record_event(rows[i].name, whole_data(schema_of_record(rows[i].name)))),
				     ""),
			record_name_text(rows[i].name));
		event = json_loads(line, 0, NULL);
		json_object_foreach(json_object_get(event, "data"), name, value)
		{
			(void)strcat(names, name);
			(void)strcat(names, " ");
		}
		assert_string_equal(names, rows[i].fields);
		json_decref(event);
		free(line);
	}
}

/* ---- single values ---- */

/* What a member of `data` comes back as: fields of the type that have a form of their own. */
static void test_reads_each_form_of_a_value_and_writes_one(void **state)
{
	static const struct {
		const char *given, *shown;
	} rows[] = {
		{ "{\"quarantine\":7}", "{\"quarantine\":\"7\"}" },
		{ "{\"quarantine\":\"7\"}", "{\"quarantine\":\"7\"}" },
		{ "{\"quarantine\":7.0}", "{\"quarantine\":\"7\"}" },
		{ "{\"quarantine\":0}", "{}" },
		{ "{\"quarantine\":null}", "{}" },
		{ "{\"level\":\"-3\"}", "{\"level\":-3}" },
		{ "{\"level\":2147483647}", "{\"level\":2147483647}" },
		{ "{\"level\":-2147483648}", "{\"level\":-2147483648}" },
		{ "{\"level\":1e3}", "{\"level\":1000}" },
		{ "{\"responsibleRole\":3}", "{\"responsibleRole\":\"SERVICE_MANAGER\"}" },
		{ "{\"responsibleRole\":99}", "{\"responsibleRole\":99}" },
		{ "{\"responsible_role\":\"SERVICE_MANAGER\"}", "{\"responsibleRole\":\"SERVICE_MANAGER\"}" },
		{ "{\"since\":\"2026-11-25T13:00:00.5+13:00\"}", "{\"since\":\"2026-11-25T00:00:00.500000Z\"}" },
		{ "{\"since\":\"1900-01-01T00:00:00.000001Z\"}", "{\"since\":\"1900-01-01T00:00:00.000001Z\"}" },
		{ "{\"eventId\":\"\"}", "{}" },
		{ "{\"eventId\":\"a\\\"\\n\\u0101\"}", "{\"eventId\":\"a\\\"\\n\xc4\x81\"}" },
		{ "{\"added\":{\"later\":[1]}}", "{}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		json_t *event, *data = json_loads(rows[i].given, 0, NULL);
		char *line, *got;

		line = shown(packed(sample_line(arena, record_event(RECORD_EVENT_QUARANTINED, data)), rows[i].given),
			rows[i].given);
		event = json_loads(line, 0, NULL);
		got = json_dumps(json_object_get(event, "data"), JSON_COMPACT);
		if (strcmp(got, rows[i].shown) != 0)
			fail_msg("%s came back as %s", rows[i].given, got);
		json_decref(event);
		free(line);
		free(got);
	}
}

static void test_refuses_a_value_that_does_not_fit(void **state)
{
	static const struct {
		const char *data, *says;
	} rows[] = {
		{ "{\"quarantine\":-1}", "quarantine must be a whole number, not negative" },
		{ "{\"quarantine\":\"18446744073709551616\"}", "quarantine" },
		{ "{\"quarantine\":\"1x\"}", "quarantine" },
		{ "{\"quarantine\":\"\"}", "quarantine" },
		{ "{\"level\":2147483648}", "level must be a whole number" },
		{ "{\"level\":1.5}", "level" },
		{ "{\"level\":1e300}", "level" },
		{ "{\"level\":\"99999999999999999999\"}", "level" },
		{ "{\"level\":\"--1\"}", "level" },
		{ "{\"level\":true}", "level" },
		{ "{\"responsibleRole\":\"KING\"}", "responsibleRole is \"KING\"; allowed are PROBATION_OFFICER" },
		{ "{\"responsibleRole\":true}", "responsibleRole must be one of PROBATION_OFFICER" },
		{ "{\"since\":\"yesterday\"}", "since must be a time" },
		{ "{\"since\":1}", "since must be a time" },
		{ "{\"prn\":1}", "prn must be text" },
		{ "{\"eventId\":\"a\",\"event_id\":\"b\"}", "eventId is given twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct bytes line =
			sample_line(arena, record_event(RECORD_EVENT_QUARANTINED, json_loads(rows[i].data, 0, NULL)));
		struct bytes bytes = { NULL, 99 };
		struct fault fault = { "" };
		int r = wire_json_to_protobuf(arena, (const char *)line.data, line.n, &bytes, &fault);

		if (r != -EINVAL || !strstr(fault.sentence, rows[i].says) || bytes.n != 99)
			fail_msg("%s: answered %d \"%s\", expected \"%s\"", rows[i].data, r, fault.sentence,
				rows[i].says);
	}
}

static void test_refuses_a_list_that_is_none_or_too_long(void **state)
{
	json_t *data = json_object(), *list = json_array();
	struct bytes line, bytes;
	struct fault fault;

	(void)state;
	line = sample_line(
		arena, record_event(RECORD_ALLOCATION_PLANNED, json_pack("{s:s}", "relatedOrderRefs", "O-1")));
	assert_int_equal(wire_json_to_protobuf(arena, (const char *)line.data, line.n, &bytes, &fault), -EINVAL);
	assert_string_equal(fault.sentence, "relatedOrderRefs must be a list, each of it text");
	for (int i = 0; i < ELEMENTS_MAX + 1; i++)
		json_array_append_new(list, json_string("O"));
	json_object_set_new(data, "relatedOrderRefs", list);
	line = sample_line(arena, record_event(RECORD_ALLOCATION_PLANNED, data));
	assert_int_equal(wire_json_to_protobuf(arena, (const char *)line.data, line.n, &bytes, &fault), -EINVAL);
	assert_string_equal(fault.sentence, "relatedOrderRefs has 257 elements; at most 256 are allowed");
}

/* ---- the envelope ---- */

typedef Io__Cloudevents__V1__CloudEvent Envelope;
typedef Io__Cloudevents__V1__CloudEvent__AttributesEntry Entry;
typedef Io__Cloudevents__V1__CloudEvent__CloudEventAttributeValue Value;

#define ATTR(kind) IO__CLOUDEVENTS__V1__CLOUD_EVENT__CLOUD_EVENT_ATTRIBUTE_VALUE__ATTR_CE_##kind
#define DATA(kind) IO__CLOUDEVENTS__V1__CLOUD_EVENT__DATA_##kind

static char *text(const char *value)
{
	return (char *)(uintptr_t)value;
}

static Envelope envelope_of(const char *type)
{
	Envelope envelope;

	io__cloudevents__v1__cloud_event__init(&envelope);
	envelope.id = text("e-1");
	envelope.source = text("urn:test");
	envelope.spec_version = text("1.0");
	envelope.type = text(type);
	return envelope;
}

#define HEAD(type) "{\"specversion\":\"1.0\",\"id\":\"e-1\",\"source\":\"urn:test\",\"type\":\"" type "\""

static void assert_shows(const Envelope *envelope, const char *expected)
{
	struct bytes bytes;
	char *line;

	assert_int_equal(message_pack(arena, &envelope->base, &bytes), 0);
	line = shown(bytes, expected);
	assert_string_equal(line, expected);
	free(line);
}

static void test_shows_every_kind_of_attribute(void **state)
{
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT, never = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	struct {
		const char *name;
		Value value;
	} rows[] = {
		{ "boolean", { .attr_case = ATTR(BOOLEAN), .ce_boolean = 1 } },
		{ "integer", { .attr_case = ATTR(INTEGER), .ce_integer = INT32_MIN } },
		{ "string", { .attr_case = ATTR(STRING), .ce_string = text("s\xc4\x81") } },
		{ "bytes", { .attr_case = ATTR(BYTES), .ce_bytes = { 3, (uint8_t *)text("\x01\x02\xff") } } },
		{ "uri", { .attr_case = ATTR(URI), .ce_uri = text("urn:a") } },
		{ "uriref", { .attr_case = ATTR(URI_REF), .ce_uri_ref = text("b") } },
		{ "time", { .attr_case = ATTR(TIMESTAMP), .ce_timestamp = &time } },
		{ "never", { .attr_case = ATTR(TIMESTAMP), .ce_timestamp = &never } },
		{ "none", { .ce_string = NULL } },
		{ "badtext", { .attr_case = ATTR(STRING),
				     .ce_string = text("a\xff"
						       "b") } },
		{ "bad\xffname", { .attr_case = ATTR(BOOLEAN), .ce_boolean = 1 } },
		{ "type", { .attr_case = ATTR(STRING), .ce_string = text("not the type") } },
	};
	Entry entries[ARRAY_LENGTH(rows)], *pointers[ARRAY_LENGTH(rows)];
	Envelope envelope = envelope_of("other");

	(void)state;
	time.seconds = 1764032523;
	time.nanos = 4000;
	never.seconds = INT64_MAX;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		rows[i].value.base.descriptor =
			&io__cloudevents__v1__cloud_event__cloud_event_attribute_value__descriptor;
		io__cloudevents__v1__cloud_event__attributes_entry__init(&entries[i]);
		entries[i].key = text(rows[i].name);
		entries[i].value = &rows[i].value;
		pointers[i] = &entries[i];
	}
	envelope.n_attributes = ARRAY_LENGTH(rows);
	envelope.attributes = pointers;
	assert_shows(&envelope, HEAD("other") ",\"boolean\":true,\"integer\":-2147483648,\"string\":\"s\xc4\x81\","
					      "\"bytes\":\"AQL/\",\"uri\":\"urn:a\","
					      "\"uriref\":\"b\",\"time\":\"2025-11-25T01:02:03.000004Z\",\"never\":"
					      "\"\",\"none\":\"\",\"badtext\":\"a?b\"}");
}

static void test_keeps_the_bytes_of_what_it_cannot_read(void **state)
{
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Envelope envelope = envelope_of("nz.example.other");

	(void)state;
	any.type_url = text("type.googleapis.com/nz.example.Other");
	any.value = (ProtobufCBinaryData){ 3, (uint8_t *)text("\x01\x02\xff") };
	envelope.data_case = DATA(PROTO_DATA);
	envelope.proto_data = &any;
	assert_shows(&envelope, HEAD("nz.example.other") ",\"datacontenttype\":\"application/protobuf\","
							 "\"dataschema\":\"type.googleapis.com/"
							 "nz.example.Other\",\"data_base64\":\"AQL/\"}");
	envelope.type = text("nz.govt.justice.cms.sentence.imposed");
	assert_shows(&envelope,
		HEAD("nz.govt.justice.cms.sentence.imposed") ",\"datacontenttype\":\"application/protobuf\","
							     "\"dataschema\":\"type.googleapis.com/"
							     "nz.example.Other\",\"data_base64\":\"AQL/\"}");
	any.type_url = text("type.googleapis.com/cpps.bridge.v1.SentenceImposed");
	assert_shows(&envelope,
		HEAD("nz.govt.justice.cms.sentence.imposed") ",\"datacontenttype\":\"application/protobuf\","
							     "\"dataschema\":\"type.googleapis.com/"
							     "cpps.bridge.v1.SentenceImposed\",\"data_base64\":\"AQL/"
							     "\"}");
}

static void test_shows_other_kinds_of_data(void **state)
{
	Envelope envelope = envelope_of("other");

	(void)state;
	assert_shows(&envelope, HEAD("other") "}");
	envelope.data_case = DATA(TEXT_DATA);
	envelope.text_data = text("some \"text\"");
	assert_shows(&envelope, HEAD("other") ",\"data\":\"some \\\"text\\\"\"}");
	envelope.data_case = DATA(BINARY_DATA);
	envelope.binary_data = (ProtobufCBinaryData){ 2, (uint8_t *)text("\xfb\xff") };
	assert_shows(&envelope, HEAD("other") ",\"data_base64\":\"+/8=\"}");
}

static void test_puts_the_json_format_on_one_line_as_it_is(void **state)
{
	char *line = shown(
		bytes_of("{ \"type\": \"x\",\n  \"data\" : [1, {\"a\": \"\\u0000\"}],\n\t\"specversion\":\"0.3\" }"),
		"");

	(void)state;
	assert_string_equal(line, "{\"type\":\"x\",\"data\":[1,{\"a\":\"\\u0000\"}],\"specversion\":\"0.3\"}");
	free(line);
}

static void test_refuses_to_show_what_is_no_event(void **state)
{
	static const struct {
		const char *bytes, *says;
	} rows[] = {
		{ "", "empty" },
		{ "\xff\xff", "not a CloudEvent" },
		{ "{\"id\":", "not JSON that can be read" },
		{ "{\"id\":\"\xff\"}", "not JSON that can be read" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *line = NULL;
		struct fault fault = { "" };
		int r = wire_event_to_json(bytes_of(rows[i].bytes), &line, &fault);

		if (r != -EINVAL || line || !strstr(fault.sentence, rows[i].says))
			fail_msg("row %zu: answered %d \"%s\"", i, r, fault.sentence);
	}
}

/* ---- writing ---- */

static void test_writes_an_event_of_an_inbound_type(void **state)
{
	json_t *data = json_pack("{s:s}", "orderRef", "O-1");
	char *line;
	struct event event;

	(void)state;
	assert_int_equal(wire_json_event(EVENT_RELEASE_CANCELLED, "urn:test", "e-1",
				 (struct instant){ 1795608000000004 }, data, &line),
		0);
	assert_string_equal(line, "{\"specversion\":\"1.0\",\"id\":\"e-1\",\"source\":\"urn:test\",\"type\":\"nz.govt."
				  "corrections.ioms.release.cancelled\","
				  "\"time\":\"2026-11-25T12:00:00.000004Z\",\"data\":{\"orderRef\":\"O-1\"}}");
	assert_decodes_to(arena, bytes_of(line), REASON_NONE, "", "written", &event);
	assert_string_equal(event.order_ref, "O-1");
	assert_int_equal(json_dumpb(data, NULL, 0, 0), strlen("{\"orderRef\": \"O-1\"}")); /* still the caller's */
	json_decref(data);
	free(line);
}

static void test_turns_only_known_events_to_protobuf(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "", "does not begin with {" },
		{ "[]", "does not begin with {" },
		{ "{", "not JSON" },
		{ "{}", "none that the bridge takes or publishes" },
		{ "{\"type\":\"x\",\"data\":{}}", "none that the bridge takes or publishes" },
		{ "{\"type\":1}", "type must be text" },
		{ "{\"type\":\"nz.govt.corrections.cpps.task.opened\"}", "data is missing" },
		{ "{\"type\":\"nz.govt.corrections.cpps.task.opened\",\"data\":null}", "data is missing" },
		{ "{\"type\":\"nz.govt.corrections.cpps.task.opened\",\"data\":[]}", "data must be a JSON object" },
		{ "{\"type\":\"nz.govt.corrections.cpps.task.opened\",\"data_base64\":\"\"}", "data_base64" },
		{ "{\"type\":\"nz.govt.corrections.cpps.task.opened\",\"datacontenttype\":\"text/xml\",\"data\":{}}",
			"datacontenttype" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct bytes bytes;
		struct fault fault = { "" };
		int r = wire_json_to_protobuf(arena, rows[i].line, strlen(rows[i].line), &bytes, &fault);

		if (r != -EINVAL || !strstr(fault.sentence, rows[i].says))
			fail_msg("%s: answered %d \"%s\", expected \"%s\"", rows[i].line, r, fault.sentence,
				rows[i].says);
	}
}

static void test_turns_times_to_timestamps_and_drops_the_content_type(void **state)
{
	json_t *event = sample_event(EVENT_RELEASE_CANCELLED, sample_data(EVENT_RELEASE_CANCELLED));
	ProtobufCMessage *message;
	const Envelope *envelope;
	struct bytes bytes;

	(void)state;
	json_object_set_new(event, "datacontenttype", json_string("application/json"));
	json_object_set_new(event, "recordedtime", json_string("not a time"));
	bytes = packed(sample_line(arena, event), "");
	assert_int_equal(
		message_unpack(arena, 65536, &io__cloudevents__v1__cloud_event__descriptor, bytes, &message), 0);
	envelope = (const Envelope *)message;
	assert_int_equal(envelope->n_attributes, 2);
	assert_string_equal(envelope->attributes[0]->key, "time");
	assert_int_equal(envelope->attributes[0]->value->attr_case, ATTR(TIMESTAMP));
	assert_int_equal(envelope->attributes[0]->value->ce_timestamp->nanos, 4000);
	assert_int_equal(envelope->attributes[1]->value->attr_case, ATTR(STRING));
	assert_int_equal(envelope->data_case, DATA(PROTO_DATA));
	assert_string_equal(envelope->proto_data->type_url, "type.googleapis.com/cpps.bridge.v1.ReleaseCancelled");
}

/* ---- memory ---- */

static void test_answers_out_of_memory_at_every_cap(void **state)
{
	struct bytes line = sample_line(arena, sample_event(EVENT_PTP_CONSIDERED, sample_data(EVENT_PTP_CONSIDERED)));
	bool made = false;

	(void)state;
	for (size_t cap = 0; cap < 16384; cap += 16) {
		struct arena *small;
		struct bytes bytes;
		struct fault fault;
		int r;

		assert_int_equal(arena_new(cap, &small), 0);
		r = wire_json_to_protobuf(small, (const char *)line.data, line.n, &bytes, &fault);
		if ((r != 0 && r != -ENOMEM) || (made && r != 0))
			fail_msg("cap %zu: answered %d", cap, r);
		made = r == 0;
		(void)arena_free(small);
	}
	assert_true(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_carries_every_inbound_type_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_carries_every_field_of_every_record_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_fields_as_json_does, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_each_form_of_a_value_and_writes_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_a_value_that_does_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_a_list_that_is_none_or_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_every_kind_of_attribute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeps_the_bytes_of_what_it_cannot_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_other_kinds_of_data, setup, teardown),
		cmocka_unit_test_setup_teardown(test_puts_the_json_format_on_one_line_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_to_show_what_is_no_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writes_an_event_of_an_inbound_type, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns_only_known_events_to_protobuf, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_turns_times_to_timestamps_and_drops_the_content_type, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_out_of_memory_at_every_cap, setup, teardown),
	};

	return cmocka_run_group_tests_name("wire/json", tests, NULL, NULL);
}
