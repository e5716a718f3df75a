/* The configuration: every option, its default and its range; and of every wrong file one sentence that says where, what, and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

/* What must stand, and nothing else. */
#define HEAD "stream: nz\ndatabase: dbname=cpps\n"
#define SERVED                              \
	"endpoints:\n"                      \
	"  submit: [ipc:///run/b/submit]\n" \
	"  live: [ipc:///run/b/live]\n"     \
	"  log: [ipc:///run/b/log]\n"       \
	"  control: ipc:///run/b/control\n"
#define SOURCES "sources:\n  - name: court\n    source: urn:c\n    kind: court\n"
#define LEAST   HEAD SERVED SOURCES /* eleven lines */

static char directory[] = "/tmp/cpps-config-XXXXXX";
static char path[sizeof(directory) + sizeof("/bridge.yaml")];

static int make_directory(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/bridge.yaml", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(directory);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *text)
{
	struct config *config = NULL;
	struct fault fault = { 0 };

	write_file(text);
	if (config_load(path, &config, &fault) < 0)
		fail_msg("refused: %s\n%s", fault.sentence, text);
	return config;
}

/* The sentence, with PATH at its beginning or in it. */
static void assert_refused(const char *text, const char *begins, const char *ends)
{
	struct config *untouched = (struct config *)path, *config = untouched;
	struct fault fault = { 0 };
	char expected[FAULT_MAX];

	write_file(text);
	assert_true(config_load(path, &config, &fault) < 0);
	assert_ptr_equal(config, untouched);
	(void)snprintf(expected, sizeof(expected), "%s%s%s", begins, path, ends);
	assert_string_equal(fault.sentence, expected);
}

/* ---- What may stand ---- */

static void test_the_least_configuration_has_every_default(void **state)
{
	CLEANUP(config_freep) struct config *config = load(LEAST);

	(void)state;
	assert_string_equal(config->path, path);
	assert_string_equal(config->stream, "nz");
	assert_string_equal(config->database, "dbname=cpps");
	assert_int_equal(config->source_count, 1);
	assert_string_equal(config->sources[0].name, "court");
	assert_string_equal(config->sources[0].source, "urn:c");
	assert_int_equal(config->sources[0].kind, SOURCE_COURT);
	assert_int_equal(config->sources[0].live.n, 0);
	assert_int_equal(config->sources[0].log.n, 0);
	assert_int_equal(config->sources[0].start, START_EARLIEST);
	assert_int_equal(config->limits.batch, 500);
	assert_int_equal(config->limits.queue, 2000);
	assert_int_equal(config->limits.quarantine_mb, 64);
	assert_null(config->log_level);
	assert_false(config->testing.clock);
}

static void test_every_option_is_taken(void **state)
{
	CLEANUP(config_freep)
	struct config *config =
		load("stream: a.B-c_9\n"
		     "database: host=a,b dbname=cpps\n"
		     "endpoints:\n"
		     "  submit: [tcp://127.0.0.1:1, 'tcp://*:2', 'tcp://[::1]:*']\n"
		     "  live: [tcp://host.example:3]\n"
		     "  log: []\n"
		     "  control: ipc:///run/control\n"
		     "sources:\n"
		     "  - {name: court, source: urn:c, kind: court, live: [tcp://c:1, tcp://d:1], "
		     "log: [tcp://c:2], start: now}\n"
		     "  - {name: prison, source: urn:p, kind: prison, live: [ipc:///p], start: earliest}\n"
		     "  - {name: tools, source: urn:t, kind: tools}\n"
		     "limits: {batch: 1, queue: 10, quarantine_mb: 100000}\n"
		     "log_level: debug\n"
		     "testing: {clock: true}\n");

	(void)state;
	assert_int_equal(config->endpoints.submit.n, 3);
	assert_string_equal(config->endpoints.submit.list[2], "tcp://[::1]:*");
	assert_null(config->endpoints.submit.list[3]);
	assert_int_equal(config->endpoints.log.n, 0);
	assert_null(config->endpoints.log.list[0]);
	assert_string_equal(config->endpoints.control, "ipc:///run/control");
	assert_int_equal(config->source_count, 3);
	assert_string_equal(config->sources[0].live.list[1], "tcp://d:1");
	assert_string_equal(config->sources[0].log.list[0], "tcp://c:2");
	assert_int_equal(config->sources[0].start, START_NOW);
	assert_int_equal(config->sources[1].kind, SOURCE_PRISON);
	assert_int_equal(config->sources[1].start, START_EARLIEST);
	assert_int_equal(config->sources[2].kind, SOURCE_TOOLS);
	assert_int_equal(config->limits.batch, 1);
	assert_int_equal(config->limits.queue, 10);
	assert_int_equal(config->limits.quarantine_mb, 100000);
	assert_string_equal(config->log_level, "debug");
	assert_true(config->testing.clock);
}

static void test_a_limit_left_out_keeps_its_default(void **state)
{
	CLEANUP(config_freep) struct config *config = load(LEAST "limits: {queue: 20}\n");

	(void)state;
	assert_int_equal(config->limits.batch, 500);
	assert_int_equal(config->limits.queue, 20);
}

static void test_every_log_level_is_taken(void **state)
{
	static const char *const levels[] = { "debug", "info", "notice", "warning", "err" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(levels); i++) {
		char text[sizeof(LEAST) + 64];
		CLEANUP(config_freep) struct config *config = NULL;

		(void)snprintf(text, sizeof(text), LEAST "log_level: %s\n", levels[i]);
		config = load(text);
		assert_string_equal(config->log_level, levels[i]);
	}
}

static void test_the_shipped_configuration_can_be_used(void **state)
{
	CLEANUP(config_freep) struct config *config = NULL;
	struct fault fault = { 0 };

	(void)state;
	if (config_load("deploy/cpps-bridge.yaml", &config, &fault) < 0)
		fail_msg("%s", fault.sentence);
	assert_int_equal(config->source_count, 3);
	assert_int_equal(config->limits.batch, 500);
	assert_int_equal(config->limits.queue, 2000);
	assert_int_equal(config->limits.quarantine_mb, 64);
	assert_false(config->testing.clock);
}

static void test_a_source_is_found_by_its_attribute(void **state)
{
	CLEANUP(config_freep) struct config *config = load(LEAST);

	(void)state;
	assert_ptr_equal(config_source(config, "urn:c"), &config->sources[0]);
	assert_null(config_source(config, "urn:d"));
	assert_null(config_source(config, "court"));
	assert_null(config_source(config, NULL));
}

/* ---- What may not ---- */

static const struct {
	const char *text, *sentence; /* after the path */
} refused[] = {
	/* Options */
	{ LEAST "'': red\n", ": no such option: mend its spelling, or remove it" },
	{ LEAST "colour: red\n", ": line 12: colour: no such option: mend its spelling, or remove it" },
	{ HEAD SERVED "sources:\n  - name: court\n    source: urn:c\n    kindd: court\n",
		": line 11: sources[0].kindd: no such option: mend its spelling, or remove it" },
	{ HEAD SERVED SOURCES "limits: {batch: 5, bytes: 5}\n",
		": line 12: limits.bytes: no such option: mend its spelling, or remove it" },
	{ SERVED SOURCES "stream: nz\n", ": database: it is missing: add it" },
	{ "database: d\n" SERVED SOURCES, ": stream: it is missing: add it" },
	{ HEAD SOURCES, ": endpoints: it is missing: add it" },
	{ HEAD SERVED, ": sources: it is missing: add it" },
	{ HEAD "endpoints:\n  submit: []\n  live: []\n  control: ipc:///c\n" SOURCES,
		": line 6: endpoints.log: it is missing: add it to the part that ends there" },
	{ LEAST "  - name: tools\n    source: urn:t\n",
		": line 13: sources[1].kind: it is missing: add it to the part that ends there" },
	{ LEAST "stream: again\n", ": stream: it stands twice: keep one" },
	/* Types */
	{ "stream: [nz]\n", ": line 1: stream: it takes a text: write it on the same line" },
	{ "stream: ''\n", ": line 1: stream: it is empty: give it a value" },
	{ "stream: nz\nendpoints: here\n",
		": line 2: endpoints: it takes options of its own: write each below it, as name: value" },
	{ HEAD "endpoints:\n  submit: ipc:///s\n", ": line 4: endpoints.submit: it takes a list: write [a] or [a, b]" },
	{ HEAD "sources: []\n", ": line 3: sources: the list is empty: give it an entry" },
	{ LEAST "limits: {batch: many}\n", ": line 12: limits.batch: 'many' is no number: write a whole number" },
	{ LEAST "limits: {batch: -1}\n",
		": line 12: limits.batch: '-1' is not allowed: write a whole number from 0 to 4294967295" },
	{ LEAST "limits: {batch: [1]}\n",
		": line 12: limits.batch: it takes one word or number: write it on the same line" },
	{ LEAST "testing: {clock: perhaps}\n",
		": line 12: testing.clock: 'perhaps' is not allowed: write false or true" },
	{ HEAD SERVED "sources:\n  - name: a\n    source: b\n    kind: judge\n",
		": line 11: sources[0].kind: 'judge' is not allowed: write court or prison or tools" },
	{ LEAST "    start: later\n", ": line 12: sources[0].start: 'later' is not allowed: write earliest or now" },
	/* Ranges */
	{ LEAST "limits: {batch: 0}\n", ": limits.batch is 0: allowed are 1 to 5000" },
	{ LEAST "limits: {batch: 5001}\n", ": limits.batch is 5001: allowed are 1 to 5000" },
	{ LEAST "limits: {queue: 9}\n", ": limits.queue is 9: allowed are 10 to 100000" },
	{ LEAST "limits: {queue: 100001}\n", ": limits.queue is 100001: allowed are 10 to 100000" },
	{ LEAST "limits: {quarantine_mb: 0}\n", ": limits.quarantine_mb is 0: allowed are 1 to 100000" },
	{ LEAST "limits: {quarantine_mb: 100001}\n", ": limits.quarantine_mb is 100001: allowed are 1 to 100000" },
	{ LEAST "log_level: loud\n", ": log_level 'loud': allowed are debug, info, notice, warning and err" },
	/* Names */
	{ "stream: a b\ndatabase: d\n" SERVED SOURCES, ": stream 'a b': use 1 to 64 letters, digits, _ - and ." },
	{ HEAD SERVED "sources: [{name: a/b, source: c, kind: court}]\n",
		": sources[0].name 'a/b': use 1 to 64 letters, digits, _ - and ." },
	{ LEAST "  - {name: court, source: urn:d, kind: tools}\n",
		": sources[1] has the name or the source of sources[0]: each may stand once" },
	{ LEAST "  - {name: tools, source: urn:c, kind: tools}\n",
		": sources[1] has the name or the source of sources[0]: each may stand once" },
	/* Endpoints */
	{ LEAST "    log: [tcp://a:1]\n",
		": sources[0] has a log endpoint but no live one: name its live endpoint too" },
	{ LEAST "    live: [udp://a:1]\n",
		": sources[0].live: 'udp://a:1' is no endpoint: write tcp://host:port or ipc:///a/path" },
	{ LEAST "    live: [tcp://nowhere]\n",
		": sources[0].live: 'tcp://nowhere' is no endpoint: write tcp://host:port or ipc:///a/path" },
	{ LEAST "    live: ['tcp://:1']\n",
		": sources[0].live: 'tcp://:1' is no endpoint: write tcp://host:port or ipc:///a/path" },
	{ LEAST "    live: [ipc:///a]\n    log: ['ipc://relative']\n",
		": sources[0].log: 'ipc://relative' is no endpoint: write tcp://host:port or ipc:///a/path" },
	{ HEAD "endpoints: {submit: [], live: [ipc:///b], log: [ipc:///l], control: ipc:///c}\n" SOURCES
	       "    live: [ipc:///a, ipc:///b]\n",
		": sources[0].live: 'ipc:///b' is this bridge's own: name the endpoint that the source serves" },
	{ HEAD "endpoints: {submit: [], live: [ipc:///b], log: [ipc:///l], control: ipc:///c}\n" SOURCES
	       "    live: [ipc:///a]\n    log: [ipc:///l]\n",
		": sources[0].log: 'ipc:///l' is this bridge's own: name the endpoint that the source serves" },
	{ HEAD "endpoints: {submit: [], live: [], log: [], control: 'tcp://*:1'}\n" SOURCES,
		": endpoints.control: 'tcp://*:1' is no endpoint: write ipc:///a/path" },
	{ HEAD "endpoints: {submit: [ipc:///a], live: [ipc:///b, ipc:///a], log: [], control: ipc:///c}\n" SOURCES,
		": endpoints.live: 'ipc:///a' stands under endpoints.submit already: each endpoint needs its own" },
	{ HEAD "endpoints: {submit: [], live: [], log: [tcp://a:1, tcp://a:1], control: ipc:///c}\n" SOURCES,
		": endpoints.log: 'tcp://a:1' stands under endpoints.log already: each endpoint needs its own" },
	{ HEAD "endpoints: {submit: [], live: [], log: [ipc:///c], control: ipc:///c}\n" SOURCES,
		": endpoints.control: 'ipc:///c' stands under endpoints.log already: each endpoint needs its own" },
	/* Not YAML, or nothing */
	{ "stream: nz\n\tdatabase: d\n", ": line 2: found a tab character that violates indentation: this is no YAML; "
					 "indent by spaces, close every "
					 "bracket and quote" },
	{ HEAD "endpoints:\n  submit: [ipc:///a\n", ": line 4: did not find expected ',' or ']': this is no YAML; "
						    "indent by spaces, close every bracket and quote" },
	{ "database: &a d\nstream: *a\n", ": line 2: stream: it cannot stand so: write the value itself, without an "
					  "alias or braces within braces" },
	{ "stream: {{}}\n", ": line 1: stream: it takes a text: write it on the same line" },
	{ "just text\n", ": it takes options of its own: write each below it, as name: value" },
	{ "", ": it holds no option: begin with a copy of the cpps-bridge.yaml that is shipped" },
	{ "# nothing\n", ": it holds no option: begin with a copy of the cpps-bridge.yaml that is shipped" },
};

static void test_a_wrong_file_gets_one_sentence_with_place_and_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
		assert_refused(refused[i].text, "", refused[i].sentence);
}

static void test_a_socket_path_that_is_too_long_is_refused(void **state)
{
	char long_path[103], text[1024], sentence[512];

	(void)state;
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	for (size_t n = 100; n <= 102; n++) {
		long_path[n] = '\0';
		(void)snprintf(text, sizeof(text),
			HEAD "endpoints: {submit: [], live: [], log: [], control: 'ipc://%s'}\n" SOURCES, long_path);
		(void)snprintf(sentence, sizeof(sentence),
			": endpoints.control: the path of 'ipc://%s' is longer than the 100 bytes a socket may have: "
			"choose a shorter directory",
			long_path);
		if (n == 100)
			config_free(load(text));
		else
			assert_refused(text, "", sentence);
		long_path[n] = 'x';
	}
}

static void test_a_sentence_of_hostile_text_stays_one_line(void **state)
{
	static char text[70000];
	struct config *config = NULL;
	struct fault fault = { 0 };

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "stream: \"x\\ny", 12);
	memcpy(text + sizeof(text) - 4, "\"\n", 3);
	write_file(text);
	assert_true(config_load(path, &config, &fault) < 0);
	assert_null(strchr(fault.sentence, '\n'));
	assert_non_null(strstr(fault.sentence, path));
}

/* ---- The file itself ---- */

static void test_a_missing_file_is_named(void **state)
{
	struct config *config = NULL;
	struct fault fault = { 0 };

	(void)state;
	assert_int_equal(config_load("/nowhere/bridge.yaml", &config, &fault), -2);
	assert_string_equal(fault.sentence,
		"cannot read the configuration /nowhere/bridge.yaml: No such file or directory; name another with "
		"--config FILE or $CPPS_BRIDGE_CONFIG");
}

static void test_a_directory_is_no_file(void **state)
{
	struct config *config = NULL;
	struct fault fault = { 0 };

	(void)state;
	assert_true(config_load("/tmp", &config, &fault) < 0);
	assert_string_equal(fault.sentence,
		"the configuration /tmp is no file of at most 1 MiB; name another with --config FILE or "
		"$CPPS_BRIDGE_CONFIG");
}

static void test_a_file_of_more_than_a_mebibyte_is_not_read(void **state)
{
	struct config *config = NULL;
	struct fault fault = { 0 };

	(void)state;
	write_file(LEAST);
	assert_int_equal(truncate(path, 1024 * 1024 + 1), 0);
	assert_true(config_load(path, &config, &fault) < 0);
	assert_non_null(strstr(fault.sentence, "no file of at most 1 MiB"));
}

/* As an account that may not read it: root may read everything. */
static void test_a_file_that_may_not_be_read_says_so(void **state)
{
	struct config *config = NULL;
	struct fault fault = { 0 };
	int status;
	pid_t child;

	(void)state;
	write_file(LEAST);
	assert_int_equal(chmod(path, 0), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(config_load(path, &config, &fault) == -13 &&
					strstr(fault.sentence, "Permission denied; use an account that may read it") &&
					strstr(fault.sentence, path)
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(unlink(path), 0);
}

static void test_the_path_is_the_argument_then_the_environment_then_etc(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("CPPS_BRIDGE_CONFIG"), 0);
	assert_string_equal(config_path(NULL), "/etc/cpps-bridge/cpps-bridge.yaml");
	assert_int_equal(setenv("CPPS_BRIDGE_CONFIG", "/e", 1), 0);
	assert_string_equal(config_path(NULL), "/e");
	assert_string_equal(config_path("/given"), "/given");
	assert_int_equal(setenv("CPPS_BRIDGE_CONFIG", "", 1), 0);
	assert_string_equal(config_path(NULL), "/etc/cpps-bridge/cpps-bridge.yaml");
}

static void test_nothing_is_freed_as_nothing(void **state)
{
	(void)state;
	assert_null(config_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_least_configuration_has_every_default),
		cmocka_unit_test(test_every_option_is_taken),
		cmocka_unit_test(test_a_limit_left_out_keeps_its_default),
		cmocka_unit_test(test_every_log_level_is_taken),
		cmocka_unit_test(test_the_shipped_configuration_can_be_used),
		cmocka_unit_test(test_a_source_is_found_by_its_attribute),
		cmocka_unit_test(test_a_wrong_file_gets_one_sentence_with_place_and_remedy),
		cmocka_unit_test(test_a_socket_path_that_is_too_long_is_refused),
		cmocka_unit_test(test_a_sentence_of_hostile_text_stays_one_line),
		cmocka_unit_test(test_a_missing_file_is_named),
		cmocka_unit_test(test_a_directory_is_no_file),
		cmocka_unit_test(test_a_file_of_more_than_a_mebibyte_is_not_read),
		cmocka_unit_test(test_a_file_that_may_not_be_read_says_so),
		cmocka_unit_test(test_the_path_is_the_argument_then_the_environment_then_etc),
		cmocka_unit_test(test_nothing_is_freed_as_nothing),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
