/* The words of core/, the types of the contract and the messages of proto/ say the same. */
#include "sample.h"

#include "wire/mapping.h"
#include "wire/schema.h"

#include "vocabulary.pb-c.h"

#define EVENT_MESSAGE(name, number, type, message, kinds) { EVENT_##name, type, #message },
#define RECORD_MESSAGE(name, number, text, family)        { RECORD_##name, RECORD_TYPE_PREFIX text, #family },

struct row {
	int number;
	const char *type, *message;
};

static void test_carries_each_type_in_the_message_of_its_row(void **state)
{
	static const struct row events[] = { EVENT_TYPES(EVENT_MESSAGE) };
	static const struct row records[] = { RECORD_NAMES(RECORD_MESSAGE) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
		assert_string_equal(schema_of_event((enum event_type)events[i].number)->short_name, events[i].message);
		assert_ptr_equal(schema_of_type(events[i].type), schema_of_event((enum event_type)events[i].number));
	}
	for (size_t i = 0; i < ARRAY_LENGTH(records); i++) {
		assert_string_equal(
			schema_of_record((enum record_name)records[i].number)->short_name, records[i].message);
		assert_ptr_equal(
			schema_of_type(records[i].type), schema_of_record((enum record_name)records[i].number));
	}
}

static void test_knows_no_other_type(void **state)
{
	(void)state;
	assert_null(schema_of_type(NULL));
	assert_null(schema_of_type(""));
	assert_null(schema_of_type("task.opened"));
	assert_null(schema_of_type("nz.govt.corrections.cpps."));
	assert_null(schema_of_event(EVENT_NONE));
	assert_null(schema_of_event(EVENT_TYPE_END));
	assert_null(schema_of_record(RECORD_NAME_END));
}

/* The static assertions go one way; this is the other: the schema has no word that core/ lacks. */
static void test_has_no_word_that_the_core_lacks(void **state)
{
	static const struct {
		const ProtobufCEnumDescriptor *descriptor;
		unsigned end;
	} rows[] = {
		{ &cpps__bridge__v1__order_type__value__descriptor, ORDER_TYPE_END },
		{ &cpps__bridge__v1__document__value__descriptor, DOCUMENT_END },
		{ &cpps__bridge__v1__role__value__descriptor, ROLE_END },
		{ &cpps__bridge__v1__request_state__value__descriptor, REQUEST_STATE_END },
		{ &cpps__bridge__v1__task_state__value__descriptor, TASK_STATE_END },
		{ &cpps__bridge__v1__task_kind__value__descriptor, TASK_KIND_END },
		{ &cpps__bridge__v1__task_outcome__value__descriptor, TASK_OUTCOME_END },
		{ &cpps__bridge__v1__ptp_state__value__descriptor, PTP_STATE_END },
		{ &cpps__bridge__v1__ptp_outcome__value__descriptor, PTP_OUTCOME_END },
		{ &cpps__bridge__v1__ptp_imposition__value__descriptor, PTP_IMPOSITION_END },
		{ &cpps__bridge__v1__monitoring__value__descriptor, MONITORING_END },
		{ &cpps__bridge__v1__em_approval__value__descriptor, EM_APPROVAL_END },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (rows[i].descriptor->n_values != rows[i].end)
			fail_msg("%s has %u values, core/words.h %u", rows[i].descriptor->name,
				rows[i].descriptor->n_values, rows[i].end);
}

static void assert_mapped(const ProtobufCMessageDescriptor *message)
{
	for (unsigned i = 0; i < message->n_fields; i++)
		if (!mapping_knows(&message->fields[i]))
			fail_msg("%s.%s has no JSON mapping", message->short_name, message->fields[i].name);
}

static void test_maps_every_field_to_json(void **state)
{
	(void)state;
	for (enum event_type type = 1; type < EVENT_TYPE_END; type++)
		assert_mapped(schema_of_event(type));
	for (enum record_name name = 1; name < RECORD_NAME_END; name++)
		assert_mapped(schema_of_record(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carries_each_type_in_the_message_of_its_row),
		cmocka_unit_test(test_knows_no_other_type),
		cmocka_unit_test(test_has_no_word_that_the_core_lacks),
		cmocka_unit_test(test_maps_every_field_to_json),
	};

	return cmocka_run_group_tests_name("wire/schema", tests, NULL, NULL);
}
