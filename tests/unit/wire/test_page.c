/* proto/README.md shows bytes, JSON and a program: they are those of the real encoder and of the real file. A block
 * of the page begins with three backticks, the kind and a name; in hex, what follows a # is a remark. */
#include "sample.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/text.h"
#include "core/policy.h"
#include "wire/json.h"
#include "wire/protocol.h"

#define PAGE     "proto/README.md"
#define CONSUMER "tests/system/consumer.py"
#define EPOCH    UINT64_C(1795600000)
#define TIME(s)  ((struct instant){ INT64_C(1795608000000000) + (s) }) /* 2026-11-25T12:00:00Z */

static struct arena *arena;
static char *page;

/* NULL: it cannot be read. */
static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = arena_take(arena, 512 * 1024UL);
	size_t n = file && text ? fread(text, 1, 512 * 1024UL - 1, file) : 0;

	if (file)
		(void)fclose(file);
	return n ? text : NULL;
}

static int setup(void **state)
{
	(void)state;
	if (arena_new(SAMPLE_ARENA, &arena) < 0)
		return -1;
	page = read_file(PAGE);
	return page ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

/* The text of a block, up to its closing backticks. */
static char *block(const char *kind, const char *name)
{
	char heading[80], *begin, *end;

	(void)snprintf(heading, sizeof(heading), "\n```%s %s\n", kind, name);
	begin = strstr(page, heading);
	if (!begin)
		fail_msg("%s has no block: %s %s", PAGE, kind, name);
	begin += strlen(heading);
	end = strstr(begin, "\n```");
	assert_non_null(end);
	return arena_text_n(arena, begin, (size_t)(end - begin) + 1);
}

static struct bytes block_bytes(const char *name)
{
	char *text = block("hex", name);
	uint8_t *bytes = arena_take(arena, strlen(text));
	size_t n = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		line[strcspn(line, "#")] = '\0';
		for (char *c = line; *c;) {
			char *end;
			unsigned long value = strtoul(c, &end, 16);

			if (end == c)
				break;
			bytes[n++] = (uint8_t)value;
			c = end;
		}
	}
	return (struct bytes){ bytes, n };
}

static void assert_bytes(const char *name, struct bytes shown, struct bytes made)
{
	if (shown.n == made.n && memcmp(shown.data, made.data, made.n) == 0)
		return;
	print_error("%s should be\n", name);
	for (size_t i = 0; i < made.n; i++)
		print_error("%02x%s", made.data[i], i % 32 == 31 || i + 1 == made.n ? "\n" : " ");
	fail_msg("%s shows other bytes", PAGE);
}

/* ---- what the page tells of: a task of an order in Wellington ---- */

static struct policy policy = { .office_count = 1,
	.offices = { { "WELLINGTON", "Wellington", "WELLINGTON", "CENTRAL" } } };
static struct person person = { .prn = "1234567" };
static struct request request = { .order_ref = "CRI-2026-004-001234/1",
	.order_type = ORDER_SUPERVISION,
	.office = "WELLINGTON",
	.state = REQUEST_OPEN,
	.in_effect = true };
static struct file file = { .persons = &person, .requests = &request };
static struct task task = { .step = 3,
	.state = TASK_OPEN,
	.role = ROLE_ADMINISTRATION_OFFICER,
	.title = "Record the sentence order in IOMS under the sentence" };
static const struct event cause = { .id = "cms-77", .source = "urn:nz:justice:cms" };

static struct wire_record the_record(void)
{
	const struct record record = { .name = RECORD_TASK_OPENED,
		.cause = &cause,
		.time = TIME(0),
		.decided_at = TIME(1500),
		.request = &request,
		.task = &task,
		.kind = KIND_ALLOCATION };
	struct wire_record made;

	request.file = &file;
	task.opened_at = TIME(1500);
	task.due_at = TIME(INT64_C(3) * US_PER_DAY);
	assert_int_equal(wire_encode(arena, &policy, "nz", EPOCH, 42, &record, &made), 0);
	return made;
}

static void test_shows_the_three_frames_of_a_live_message(void **state)
{
	const struct position position = { "nz", EPOCH, 42, 42 };
	struct wire_record record = the_record();
	struct bytes packed;

	(void)state;
	assert_int_equal(wire_pack_position(arena, &position, &packed), 0);
	assert_bytes(
		"topic", block_bytes("topic"), (struct bytes){ (const uint8_t *)record.topic, strlen(record.topic) });
	assert_bytes("position", block_bytes("position"), packed);
	assert_bytes("event", block_bytes("event"), record.event);
}

static void assert_json(const char *name, struct bytes event)
{
	json_t *shown = json_loads(block("json", name), 0, NULL), *made;
	char *line, *a, *b;

	assert_int_equal(wire_event_to_json(event, &line, NULL), 0);
	made = json_loads(line, 0, NULL);
	a = json_dumps(shown, JSON_COMPACT);
	b = json_dumps(made, JSON_COMPACT);
	if (!a || strcmp(a, b) != 0)
		fail_msg("%s: the JSON block %s should be\n%s", PAGE, name, b);
	json_decref(shown);
	json_decref(made);
	free(line);
	free(a);
	free(b);
}

static void test_shows_the_event_as_json(void **state)
{
	(void)state;
	assert_json("event", the_record().event);
}

static void test_shows_a_heartbeat(void **state)
{
	const struct position position = { "nz", EPOCH, 0, 42 };
	struct bytes packed;

	(void)state;
	assert_int_equal(wire_pack_position(arena, &position, &packed), 0);
	assert_bytes("heartbeat", block_bytes("heartbeat"), packed);
	assert_non_null(strstr(page, "`" HEARTBEAT_TOPIC "nz`"));
}

static void test_shows_log_requests(void **state)
{
	const struct log_request plain = {
		.stream = "nz", .after = 41, .after_epoch = EPOCH, .limit = 500, .request = 7
	};
	const struct log_request filtered = { .stream = "nz",
		.prefixes = { "task.", "ptp.decided/WELLINGTON" },
		.prefix_count = 2,
		.wait_ms = 10000,
		.name = "wellington-desk",
		.confirmed = 40,
		.after = 41,
		.request = 8 };
	struct bytes packed;

	(void)state;
	assert_int_equal(wire_pack_log_request(arena, &plain, &packed), 0);
	assert_bytes("request", block_bytes("request"), packed);
	assert_int_equal(wire_pack_log_request(arena, &filtered, &packed), 0);
	assert_bytes("request-filtered", block_bytes("request-filtered"), packed);
}

/* The event stands in the page once: the answer is shown as what comes before it and what comes after. */
static void test_shows_a_log_answer(void **state)
{
	struct wire_record record = the_record();
	const struct log_answer answer = { .result = LOG_OK,
		.records = &record,
		.record_count = 1,
		.through = 42,
		.head = 42,
		.epoch = EPOCH,
		.first = 1,
		.request = 7 };
	struct bytes begin = block_bytes("answer-begin"), end = block_bytes("answer-end"), packed;
	uint8_t *whole = arena_take(arena, begin.n + record.event.n + end.n);

	(void)state;
	memcpy(whole, begin.data, begin.n);
	memcpy(whole + begin.n, record.event.data, record.event.n);
	memcpy(whole + begin.n + record.event.n, end.data, end.n);
	assert_int_equal(wire_pack_log_answer(arena, &answer, &packed), 0);
	assert_bytes("answer", (struct bytes){ whole, begin.n + record.event.n + end.n }, packed);
}

static void test_shows_what_a_log_refuses(void **state)
{
	const char *const leaders[] = { "tcp://b:5503" };
	const struct log_answer not_leader = {
		.result = LOG_NOT_LEADER, .leaders = leaders, .leader_count = 1, .request = 7
	};
	struct bytes packed;

	(void)state;
	assert_int_equal(wire_pack_log_answer(arena, &not_leader, &packed), 0);
	assert_bytes("answer-not-leader", block_bytes("answer-not-leader"), packed);
}

static void test_shows_a_submit_and_its_ack(void **state)
{
	const struct ack ack = {
		.id = "desk-1", .source = "urn:nz:corrections:cpps", .disposition = DISPOSITION_ACCEPTED, .seq = 44
	};
	const char *line = block("json", "submit");
	struct event event;
	struct bytes packed;

	(void)state;
	assert_int_equal(wire_json_to_protobuf(arena, line, strlen(line), &packed, NULL), 0);
	assert_bytes("submit", block_bytes("submit"), packed);
	assert_decodes_to(arena, packed, REASON_NONE, "", "submit", &event);
	assert_int_equal(wire_pack_ack(arena, &ack, &packed), 0);
	assert_bytes("ack", block_bytes("ack"), packed);
}

static void test_shows_the_consumer_as_it_is(void **state)
{
	const char *file_text = read_file(CONSUMER);

	(void)state;
	assert_non_null(file_text);
	if (strcmp(file_text, block("python", "consumer.py")) != 0)
		fail_msg("%s shows another program than %s", PAGE, CONSUMER);
}

/* ---- words and limits ---- */

static void assert_mentions(const char *format, unsigned long number)
{
	char text[64], plain[64];

	(void)snprintf(text, sizeof(text), format, number);
	(void)snprintf(plain, sizeof(plain), "%s", text);
	if (!strstr(page, plain))
		fail_msg("%s does not say \"%s\"", PAGE, plain);
}

#define NAME(prefix, name, number)              "`" #name "`",
#define RECORD_NAME(name, number, text, family) "`" text "`",

static void test_names_every_word(void **state)
{
	static const char *const words[] = { DISPOSITIONS(NAME) REASONS(NAME) RECORD_NAMES(RECORD_NAME) "`NOT_GIVEN`",
		"`OK`", "`TOO_OLD`", "`DIVERGED`", "`NOT_LEADER`", "`NOT_ALLOWED`", "`EARLIEST`", "`NOW`" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (!strstr(page, words[i]))
			fail_msg("%s does not tell of %s", PAGE, words[i]);
}

static void test_says_the_limits_that_hold(void **state)
{
	(void)state;
	assert_mentions("an event: %lu bytes", EVENT_SIZE_MAX);
	assert_mentions("prefixes: %lu", PREFIXES_MAX);
	assert_mentions("a prefix: %lu bytes", PREFIX_SIZE_MAX);
	assert_mentions("`limit`: %lu records", LOG_LIMIT_MAX);
	assert_mentions("`wait_ms`: %lu", LOG_WAIT_MAX_MS);
	assert_mentions("`id` and `source`: %lu bytes", ID_MAX);
	assert_mentions("keys and codes: %lu bytes", REF_MAX);
	assert_mentions("an office: %lu bytes", OFFICE_MAX);
	assert_mentions("free text: %lu bytes", PROSE_MAX);
	assert_mentions("lists of codes: %lu", CODES_MAX);
	assert_mentions("a topic: %lu bytes", TOPIC_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shows_the_three_frames_of_a_live_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_the_event_as_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_a_heartbeat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_log_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_a_log_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_what_a_log_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_a_submit_and_its_ack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shows_the_consumer_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_every_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says_the_limits_that_hold, setup, teardown),
	};

	return cmocka_run_group_tests_name("wire/page", tests, NULL, NULL);
}
