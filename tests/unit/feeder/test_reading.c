/* What a line must be to be taken, and that of what a PUB sends nothing is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "feeder/reading.h"
#include "wire/json.h"

#define ENVELOPE "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"urn:x\""
#define IMPOSED                                                                                                        \
	"{" ENVELOPE ",\"type\":\"nz.govt.justice.cms.sentence.imposed\",\"time\":\"2026-11-25T01:02:03Z\",\"data\":{" \
	"\"prn\":\"P1\",\"orderRef\":\"O1\",\"orderType\":\"SUPERVISION\",\"imposedOn\":\"2026-11-25\",\"startsOn\":"  \
	"\"2026-11-25\","                                                                                              \
	"\"endsOn\":\"2027-11-25\",\"office\":\"NELSON\"}}"

static int set_up(void **state)
{
	struct arena *arena = NULL;

	if (arena_new(16 << 20, &arena) < 0)
		return -1;
	*state = arena;
	return 0;
}

static int tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static void test_takes_an_event_and_names_its_topic(void **state)
{
	struct logfile_entry entry;
	struct fault fault;

	assert_int_equal(reading_line(*state, bytes_of(IMPOSED), &entry, &fault), 0);
	assert_string_equal(entry.source, "urn:x");
	assert_string_equal(entry.id, "1");
	assert_string_equal(entry.topic, "nz.govt.justice.cms.sentence.imposed/NELSON");
	assert_int_equal(entry.event.n, strlen(IMPOSED));
	assert_false(entry.whatever);
}

/* What the type is, and what is in it, is for the bridge to judge. */
static void test_takes_what_only_the_bridge_can_judge(void **state)
{
	static const char *const lines[] = {
		"{" ENVELOPE ",\"type\":\"of.another.kind\"}",
		"{" ENVELOPE ",\"type\":\"nz.govt.justice.cms.sentence.imposed\",\"time\":\"yesterday\",\"data\":{}}",
	};
	struct logfile_entry entry;
	struct fault fault;

	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		assert_int_equal(reading_line(*state, bytes_of(lines[i]), &entry, &fault), 0);
		assert_non_null(strstr(entry.topic, "/-"));
	}
}

static void test_refuses_a_line_without_source_id_and_type_and_says_why(void **state)
{
	static const struct {
		const char *line, *part, *id;
	} rows[] = {
		{ "", "does not begin with {", NULL },
		{ " {}", "does not begin with {", NULL },
		{ "prose", "does not begin with {", NULL },
		{ "{\"id\":", "JSON", NULL },
		{ "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", "source", "1" },
		{ "{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}", "id", NULL },
		{ "{" ENVELOPE "}", "type", "1" },
		{ "{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "specversion", "1" },
		{ "{\"specversion\":\"1.0\",\"id\":7,\"source\":\"s\",\"type\":\"t\"}", "id", NULL },
	};
	struct logfile_entry entry;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fault fault = { "" };

		if (reading_line(*state, bytes_of(rows[i].line), &entry, &fault) != 1)
			fail_msg("taken: %s", rows[i].line);
		if (!strstr(fault.sentence, rows[i].part))
			fail_msg("\"%s\" is not in: %s", rows[i].part, fault.sentence);
		if (rows[i].id)
			assert_string_equal(entry.id, rows[i].id);
		else
			assert_null(entry.id);
	}
}

static void test_refuses_a_line_that_is_too_large(void **state)
{
	size_t n = 70000;
	char *line = calloc(1, n + 1);
	struct logfile_entry entry;
	struct fault fault = { "" };

	memset(line, ' ', n);
	memcpy(line, IMPOSED, strlen(IMPOSED));
	assert_int_equal(reading_line(*state, (struct bytes){ (const uint8_t *)line, n }, &entry, &fault), 1);
	assert_non_null(strstr(fault.sentence, "65536"));
	free(line);
}

static void test_takes_everything_that_was_published(void **state)
{
	struct logfile_entry entry;
	struct bytes packed;
	struct fault fault;

	assert_int_equal(reading_message(*state, bytes_of("junk"), &entry), 0);
	assert_null(entry.source);
	assert_null(entry.id);
	assert_string_equal(entry.topic, "unreadable/-");
	assert_true(entry.whatever);

	assert_int_equal(wire_json_to_protobuf(*state, IMPOSED, strlen(IMPOSED), &packed, &fault), 0);
	assert_int_equal(reading_message(*state, packed, &entry), 0);
	assert_string_equal(entry.id, "1");
	assert_string_equal(entry.topic, "nz.govt.justice.cms.sentence.imposed/NELSON");
	assert_ptr_equal(entry.event.data, packed.data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_takes_an_event_and_names_its_topic),
		TEST(test_takes_what_only_the_bridge_can_judge),
		TEST(test_refuses_a_line_without_source_id_and_type_and_says_why),
		TEST(test_refuses_a_line_that_is_too_large),
		TEST(test_takes_everything_that_was_published),
	};

	return cmocka_run_group_tests_name("feeder/reading", tests, NULL, NULL);
}
