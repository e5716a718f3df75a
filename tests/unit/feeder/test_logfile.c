/* The feeder's log: numbered without a hole, each event once, and nothing that was confirmed is ever lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "feeder/logfile.h"
#include "feeder/place.h"

#define STREAM "court-1"
#define NOW    1000000
#define DAY    86400
#define SOURCE "urn:x"

static struct logfile *open_at(const struct place *place, int64_t now_s)
{
	struct logfile *file = NULL;
	struct fault fault = { "" };

	if (logfile_open(place->log, STREAM, &file, &fault) < 0 || logfile_begin(file, now_s, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return file;
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static struct logfile_entry entry_of(const char *id, const char *event)
{
	return (struct logfile_entry){
		.source = id ? SOURCE : NULL, .id = id, .topic = "type/-", .event = bytes_of(event)
	};
}

static struct logfile_entry store(struct logfile *file, struct logfile_entry entry, int64_t now_s)
{
	struct fault fault = { "" };

	if (logfile_store(file, now_s, &entry, 1, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return entry;
}

static void store_many(struct logfile *file, unsigned from, unsigned n, int64_t now_s)
{
	char id[16];

	for (unsigned i = from; i < from + n; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(store(file, entry_of(id, id), now_s).seq, i);
	}
}

static void expect_refusal(const char *path, const char *stream, int error, const char *part)
{
	struct logfile *file = NULL;
	struct fault fault = { "" };

	assert_int_equal(logfile_open(path, stream, &file, &fault), error);
	assert_null(file);
	if (!strstr(fault.sentence, part))
		fail_msg("\"%s\" is not in: %s", part, fault.sentence);
}

/* ---- Storing and reading ---- */

static void test_numbers_from_1_and_gives_back_what_was_stored(void **state)
{
	static const uint8_t binary[] = { 0, 1, 0xff, 0, 10 };
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	struct logfile_entry entries[] = { entry_of("a", "{}"), entry_of("b", "") };
	struct logfile_entry odd = {
		.source = SOURCE, .id = "c", .topic = "other/NELSON", .event = { binary, sizeof(binary) }
	};
	struct arena *arena = NULL;
	struct wire_record *records;
	struct fault fault;
	size_t n;

	assert_int_equal(logfile_head(file), 0);
	assert_int_equal(logfile_first(file), 1);
	assert_int_equal(logfile_store(file, NOW, entries, 2, &fault), 0);
	assert_int_equal(entries[0].seq, 1);
	assert_int_equal(entries[1].seq, 2);
	assert_int_equal(store(file, odd, NOW).seq, 3);
	assert_int_equal(logfile_head(file), 3);

	assert_int_equal(arena_new(1 << 20, &arena), 0);
	assert_int_equal(logfile_read(file, 1, 100000, arena, &records, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(records[0].seq, 2);
	assert_int_equal(records[0].event.n, 0);
	assert_int_equal(records[1].seq, 3);
	assert_int_equal(records[1].epoch, NOW);
	assert_string_equal(records[1].topic, "other/NELSON");
	assert_int_equal(records[1].event.n, sizeof(binary));
	assert_memory_equal(records[1].event.data, binary, sizeof(binary));
	assert_int_equal(logfile_read(file, 3, 100000, arena, &records, &n), 0);
	assert_int_equal(n, 0);
	arena_free(arena);
	logfile_free(file);
}

static void test_reads_about_as_many_bytes_as_wanted_and_at_least_one_record(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	struct arena *arena = NULL;
	struct wire_record *records;
	size_t n;

	store(file, entry_of("a", "0123456789"), NOW);
	store(file, entry_of("b", "0123456789"), NOW);
	store(file, entry_of("c", "0123456789"), NOW);
	assert_int_equal(arena_new(1 << 20, &arena), 0);
	assert_int_equal(logfile_read(file, 0, 1, arena, &records, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(logfile_read(file, 0, 15, arena, &records, &n), 0);
	assert_int_equal(n, 2);
	arena_free(arena);
	logfile_free(file);
}

static void test_the_same_event_is_known_and_another_of_its_name_is_not_stored(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	struct logfile_entry entries[] = { entry_of("a", "{1}"), entry_of("a", "{1}"), entry_of("a", "{2}"),
		entry_of("b", "{3}") };
	struct logfile_entry other = { .source = "urn:y", .id = "a", .topic = "type/-", .event = bytes_of("{2}") };
	struct fault fault;

	assert_int_equal(logfile_store(file, NOW, entries, 4, &fault), 0);
	assert_int_equal(entries[0].outcome, LOGFILE_STORED);
	assert_int_equal(entries[1].outcome, LOGFILE_KNOWN);
	assert_int_equal(entries[1].seq, 1);
	assert_int_equal(entries[2].outcome, LOGFILE_REUSED);
	assert_int_equal(entries[2].seq, 1);
	assert_int_equal(entries[3].outcome, LOGFILE_STORED);
	assert_int_equal(entries[3].seq, 2);
	assert_int_equal(store(file, other, NOW).outcome, LOGFILE_STORED);
	logfile_free(file);

	file = open_at(place, NOW + 1);
	assert_int_equal(store(file, entry_of("a", "{1}"), NOW).outcome, LOGFILE_KNOWN);
	assert_int_equal(store(file, entry_of("a", "{11}"), NOW).outcome, LOGFILE_REUSED);
	assert_int_equal(logfile_head(file), 3);
	logfile_free(file);
}

static void test_what_has_no_name_or_anothers_is_stored_where_nobody_can_send_it_better(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	struct logfile_entry reused = entry_of("a", "{2}");

	reused.whatever = true;
	store(file, entry_of("a", "{1}"), NOW);
	assert_int_equal(store(file, reused, NOW).outcome, LOGFILE_STORED);
	assert_int_equal(store(file, entry_of(NULL, "junk"), NOW).seq, 3);
	assert_int_equal(store(file, entry_of(NULL, "junk"), NOW).seq, 4);
	reused.event = bytes_of("{1}");
	assert_int_equal(store(file, reused, NOW).outcome, LOGFILE_KNOWN);
	logfile_free(file);
}

/* ---- Terms ---- */

static void test_the_epoch_is_the_clock_or_one_more_than_the_last(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	uint64_t epoch;

	assert_int_equal(logfile_epoch(file), NOW);
	store_many(file, 1, 2, NOW);
	logfile_free(file);
	file = open_at(place, NOW + 50);
	assert_int_equal(logfile_epoch(file), NOW + 50);
	store_many(file, 3, 1, NOW);
	logfile_free(file);
	file = open_at(place, NOW);
	assert_int_equal(logfile_epoch(file), NOW + 51);
	assert_int_equal(logfile_epoch_of(file, 2, &epoch), 0);
	assert_int_equal(epoch, NOW);
	assert_int_equal(logfile_epoch_of(file, 3, &epoch), 0);
	assert_int_equal(epoch, NOW + 50);
	assert_int_equal(logfile_epoch_of(file, 4, &epoch), 0);
	assert_int_equal(epoch, 0);
	logfile_free(file);
}

static void test_tells_the_last_epoch_before_a_term_begins(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	struct fault fault;

	logfile_free(file);
	assert_int_equal(logfile_open(place->log, STREAM, &file, &fault), 0);
	assert_int_equal(logfile_epoch(file), NOW);
	logfile_free(file);
}

/* ---- What is refused ---- */

static void test_one_process_at_a_time(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);

	expect_refusal(place->log, STREAM, -EBUSY, "in use");
	logfile_free(file);
	logfile_free(open_at(place, NOW));
}

static void test_one_process_at_a_time_by_whatever_name(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	char link[64];

	(void)snprintf(link, sizeof(link), "%s/link", place->dir);
	assert_int_equal(symlink(place->log, link), 0);
	expect_refusal(link, STREAM, -EBUSY, "in use");
	logfile_free(file);
}

static void test_refuses_the_log_of_another_stream_and_what_is_none(void **state)
{
	struct place *place = *state;
	char path[64];
	FILE *text;

	logfile_free(open_at(place, NOW));
	expect_refusal(place->log, "prison-1", -EMEDIUMTYPE, "of the stream court-1, not of prison-1");
	place_sql(place, "PRAGMA user_version = 7");
	expect_refusal(place->log, STREAM, -EMEDIUMTYPE, "format 7");
	place_sql(place, "PRAGMA user_version = 1; PRAGMA application_id = 5");
	expect_refusal(place->log, STREAM, -EMEDIUMTYPE, "no feeder's log");
	(void)snprintf(path, sizeof(path), "%s/text", place->dir);
	text = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		(void)fprintf(text, "this is a letter, and not a database\n");
	(void)fclose(text);
	expect_refusal(path, STREAM, -EMEDIUMTYPE, "no feeder's log");
	(void)snprintf(path, sizeof(path), "%s/nowhere/log", place->dir);
	expect_refusal(path, STREAM, -ENOENT, "nowhere");
}

static void test_refuses_a_log_with_a_hole(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);

	store_many(file, 1, 5, NOW);
	logfile_free(file);
	place_sql(place, "DELETE FROM record WHERE seq = 3");
	expect_refusal(place->log, STREAM, -EUCLEAN, "4 records between 1 and 5");
}

static void test_nobody_else_may_read_it(void **state)
{
	struct place *place = *state;
	mode_t before = umask(0);
	struct logfile *file = open_at(place, NOW);
	struct stat st;

	(void)umask(before);
	assert_int_equal(stat(place->log, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	logfile_free(file);
}

/* ---- Durability ---- */

static void test_a_full_disk_stores_none_of_a_batch_and_leaves_no_hole(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	static char large[40000];
	struct logfile_entry entries[] = { entry_of("2", "2"), entry_of("3", "3"), entry_of("4", "4") };
	struct fault fault = { "" };

	memset(large, 'x', sizeof(large) - 1);
	entries[1].event = bytes_of(large);
	store_many(file, 1, 1, NOW);
	place_fill_disk(place);
	assert_true(logfile_store(file, NOW, entries, 3, &fault) < 0);
	assert_non_null(strstr(fault.sentence, place->log));
	assert_int_equal(logfile_head(file), 1);
	place_empty_disk();
	assert_int_equal(logfile_store(file, NOW, entries, 3, &fault), 0);
	assert_int_equal(entries[0].seq, 2);
	assert_int_equal(entries[2].seq, 4);
	logfile_free(file);
	file = open_at(place, NOW + 1);
	assert_int_equal(logfile_head(file), 4);
	logfile_free(file);
}

/* Stores one event after another, from where the log ends, and tells of each that was confirmed. */
static void store_for_ever(const struct place *place, int out)
{
	struct logfile *file = NULL;
	struct fault fault;
	char id[24];

	if (logfile_open(place->log, STREAM, &file, &fault) < 0 || logfile_begin(file, NOW, &fault) < 0)
		_exit(1);
	for (;;) {
		uint64_t seq = logfile_head(file) + 1;
		struct logfile_entry entry;

		(void)snprintf(id, sizeof(id), "%" PRIu64, seq);
		entry = entry_of(id, id);
		if (logfile_store(file, NOW, &entry, 1, &fault) < 0 || write(out, &entry.seq, sizeof(entry.seq)) < 0)
			_exit(1);
	}
}

static uint64_t store_until_killed(const struct place *place, unsigned events)
{
	uint64_t seq = 0, last = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0)
		store_for_ever(place, ends[1]);
	(void)close(ends[1]);
	for (unsigned i = 0; i < events && read(ends[0], &seq, sizeof(seq)) == sizeof(seq); i++)
		last = seq;
	(void)kill(child, SIGKILL);
	while (read(ends[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	return last;
}

static void test_a_kill_loses_nothing_that_was_confirmed_and_repeats_nothing(void **state)
{
	struct place *place = *state;
	uint64_t before = 0;

	for (unsigned round = 0; round < 15; round++) {
		uint64_t confirmed = store_until_killed(place, 3 + 7 * round);
		struct logfile *file = open_at(place, NOW);

		assert_true(confirmed > before);
		assert_in_range(logfile_head(file), confirmed, confirmed + 1);
		before = logfile_head(file);
		logfile_free(file);
	}
	assert_int_equal(
		place_number(place, "SELECT count(*) FROM record WHERE id = seq AND source = 'urn:x'"), before);
}

/* ---- Retention ---- */

static void test_drops_what_is_old_and_keeps_the_newest(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	struct logfile_entry entry;

	store_many(file, 1, 3, NOW);
	store_many(file, 4, 2, NOW + 5 * DAY);
	assert_int_equal(logfile_retain(file, NOW, NOW - DAY), 0);
	assert_int_equal(logfile_first(file), 1);
	assert_int_equal(logfile_retain(file, NOW + DAY, NOW), 0);
	assert_int_equal(logfile_first(file), 4);
	assert_int_equal(logfile_retain(file, NOW + 90 * DAY, NOW), 0);
	assert_int_equal(logfile_first(file), 5);
	logfile_free(file);
	file = open_at(place, NOW + 91 * DAY);
	assert_int_equal(logfile_first(file), 5);
	assert_int_equal(logfile_head(file), 5);
	entry = store(file, entry_of("1", "1"), NOW + 91 * DAY);
	assert_int_equal(entry.outcome, LOGFILE_STORED);
	assert_int_equal(entry.seq, 6);
	logfile_free(file);
}

static void test_drops_a_few_hundred_a_call(void **state)
{
	static struct logfile_entry entries[1200];
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	struct fault fault;
	unsigned calls = 0;

	for (size_t i = 0; i < 1200; i++)
		entries[i] = entry_of(NULL, "x");
	assert_int_equal(logfile_store(file, NOW, entries, 1200, &fault), 0);
	while (logfile_retain(file, NOW + DAY, NOW) == 1)
		calls++;
	assert_int_equal(calls, 2);
	assert_int_equal(logfile_first(file), 1200);
	logfile_free(file);
}

static void test_what_a_consumer_has_not_confirmed_is_kept_up_to_the_cap(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);

	store_many(file, 1, 10, NOW);
	assert_int_equal(logfile_consumer(file, "desk", 4, NOW), 0);
	assert_int_equal(logfile_consumer(file, "other", 7, NOW), 0);
	assert_int_equal(logfile_consumer(file, "desk", 2, NOW), 0);
	assert_int_equal(logfile_retain(file, NOW + DAY, NOW), 0);
	assert_int_equal(logfile_first(file), 5);
	assert_int_equal(logfile_consumer(file, "desk", 6, NOW), 0);
	assert_int_equal(logfile_retain(file, NOW + DAY, NOW), 0);
	assert_int_equal(logfile_first(file), 7);
	assert_int_equal(logfile_retain(file, NOW + 2 * DAY, NOW + DAY), 0);
	assert_int_equal(logfile_first(file), 10);
	logfile_free(file);
}

static void test_consumers_are_at_most_a_thousand(void **state)
{
	struct place *place = *state;
	struct logfile *file = open_at(place, NOW);
	char name[16];

	place_sql(place, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) INSERT INTO "
			 "consumer SELECT i, 1, 1 FROM n");
	for (int i = 0; i < 5; i++) {
		(void)snprintf(name, sizeof(name), "new-%d", i);
		assert_int_equal(logfile_consumer(file, name, 1, NOW), 0);
	}
	assert_int_equal(logfile_consumer(file, "new-0", 9, NOW), 0);
	assert_int_equal(place_number(place, "SELECT count(*) FROM consumer"), 1000);
	assert_int_equal(place_number(place, "SELECT confirmed FROM consumer WHERE name = 'new-0'"), 9);
	logfile_free(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers_from_1_and_gives_back_what_was_stored),
		TEST(test_reads_about_as_many_bytes_as_wanted_and_at_least_one_record),
		TEST(test_the_same_event_is_known_and_another_of_its_name_is_not_stored),
		TEST(test_what_has_no_name_or_anothers_is_stored_where_nobody_can_send_it_better),
		TEST(test_the_epoch_is_the_clock_or_one_more_than_the_last),
		TEST(test_tells_the_last_epoch_before_a_term_begins),
		TEST(test_one_process_at_a_time),
		TEST(test_one_process_at_a_time_by_whatever_name),
		TEST(test_refuses_the_log_of_another_stream_and_what_is_none),
		TEST(test_refuses_a_log_with_a_hole),
		TEST(test_nobody_else_may_read_it),
		TEST(test_a_full_disk_stores_none_of_a_batch_and_leaves_no_hole),
		TEST(test_a_kill_loses_nothing_that_was_confirmed_and_repeats_nothing),
		TEST(test_drops_what_is_old_and_keeps_the_newest),
		TEST(test_drops_a_few_hundred_a_call),
		TEST(test_what_a_consumer_has_not_confirmed_is_kept_up_to_the_cap),
		TEST(test_consumers_are_at_most_a_thousand),
	};

	return cmocka_run_group_tests_name("feeder/logfile", tests, NULL, NULL);
}
