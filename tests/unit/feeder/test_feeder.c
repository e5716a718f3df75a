/* The feeder over real sockets: stored, then answered, then served; followed here by the daemon's own follower. */
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
#include <time.h>
#include <unistd.h>
#include <systemd/sd-event.h>
#include <zmq.h>
#include <cmocka.h>

#include "feeder/feeder.h"
#include "feeder/place.h"
#include "flow/follower.h"

#define STREAM      "court-1"
#define ANSWERS_MAX 5000
#define NOTICES_MAX 8
#define WAIT_MS     20000

struct scene {
	struct place *place;
	char live[64], serve[64], from[64];
	struct feeder *feeder;
	void *context;
	struct follower *follower;

	struct {
		uint64_t line, seq;
		enum feeder_outcome outcome;
		char sentence[FAULT_MAX];
	} answers[ANSWERS_MAX];
	size_t answer_count;
	char notices[NOTICES_MAX][FAULT_MAX];
	size_t notice_count;

	uint64_t heard, heard_epoch; /* by the follower: the last seq; they must come without a hole */
	char heard_last[256], alarm[FAULT_MAX];

	int input[2]; /* a pipe */
	uint64_t input_line, fails_after;
};

/* ---- The scene ---- */

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	(void)place_make((void **)&scene->place);
	(void)place_endpoint(scene->place, "live", scene->live);
	(void)place_endpoint(scene->place, "serve", scene->serve);
	(void)place_endpoint(scene->place, "from", scene->from);
	scene->context = flow_context_new();
	scene->input[0] = scene->input[1] = -1;
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	follower_free(scene->follower);
	feeder_free(scene->feeder);
	flow_context_free(scene->context);
	for (int i = 0; i < 2; i++)
		if (scene->input[i] >= 0)
			(void)close(scene->input[i]);
	(void)place_remove((void **)&scene->place);
	free(scene);
	return 0;
}

static void on_answer(void *owner, const struct feeder_answer *answer)
{
	struct scene *scene = owner;
	size_t i = scene->answer_count++;

	assert_true(i < ANSWERS_MAX);
	scene->answers[i].line = answer->line;
	scene->answers[i].seq = answer->seq;
	scene->answers[i].outcome = answer->outcome;
	(void)snprintf(scene->answers[i].sentence, FAULT_MAX, "%s", answer->sentence ? answer->sentence : "");
}

static void on_answered(void *owner)
{
	(void)owner;
}

static void on_notice(void *owner, const char *sentence)
{
	struct scene *scene = owner;

	assert_true(scene->notice_count < NOTICES_MAX);
	(void)snprintf(scene->notices[scene->notice_count++], FAULT_MAX, "%s", sentence);
}

static size_t line_of(char text[static 128], unsigned n)
{
	return (size_t)snprintf(
		text, 128, "{\"specversion\":\"1.0\",\"id\":\"%u\",\"source\":\"urn:x\",\"type\":\"t\"}", n);
}

static void take(struct scene *scene, unsigned n)
{
	char text[128];
	size_t size = line_of(text, n);

	assert_int_equal(feeder_take(scene->feeder, n, text, size, NULL), 0);
}

/* Each byte of the pipe is a line. */
static enum feeder_input on_input(void *owner)
{
	struct scene *scene = owner;
	char byte;

	assert_true(scene->input[0] >= 0);
	while (feeder_room(scene->feeder)) {
		ssize_t n = read(scene->input[0], &byte, 1);

		if (n == 0)
			return FEEDER_ENDED;
		if (n < 0)
			return errno == EAGAIN ? FEEDER_WAIT : FEEDER_FAILED;
		take(scene, (unsigned)++scene->input_line);
		if (scene->input_line == scene->fails_after)
			return FEEDER_FAILED;
	}
	return FEEDER_MORE;
}

static void open_with(struct scene *scene, struct feeder_options options)
{
	const char *const live[] = { scene->live, NULL }, *const serve[] = { scene->serve, NULL };
	const struct feeder_handlers handlers = { scene, on_input, on_answer, on_answered, on_notice };
	struct fault fault = { "" };

	options.name = STREAM;
	options.log = scene->place->log;
	options.live = live;
	options.serve = serve;
	if (feeder_new(&options, &handlers, &scene->feeder, &fault) < 0)
		fail_msg("%s", fault.sentence);
}

static void open_feeder(struct scene *scene)
{
	open_with(scene, (struct feeder_options){ .input_fd = -1, .keep_days = 90 });
}

static void close_feeder(struct scene *scene)
{
	scene->follower = follower_free(scene->follower);
	scene->feeder = feeder_free(scene->feeder);
	scene->answer_count = 0;
}

/* ---- Following ---- */

static void on_event(void *owner, size_t source, const struct position *position, const void *bytes, size_t n)
{
	struct scene *scene = owner;

	(void)source;
	assert_non_null(position);
	assert_string_equal(position->stream, STREAM);
	assert_int_equal(position->seq, scene->heard + 1);
	scene->heard = position->seq;
	scene->heard_epoch = position->epoch;
	(void)snprintf(scene->heard_last, sizeof(scene->heard_last), "%.*s", (int)n, (const char *)bytes);
}

static void on_alarm(void *owner, size_t source, const char *sentence)
{
	struct scene *scene = owner;

	(void)source;
	(void)snprintf(scene->alarm, sizeof(scene->alarm), "%s", sentence);
}

static void follow(struct scene *scene, bool live, const struct position *from)
{
	const char *const at[] = { scene->live, NULL }, *const log[] = { scene->serve, NULL };
	const struct follower_options options = {
		.name = "court", .stream = STREAM, .live = live ? at : NULL, .log = log
	};
	const struct follower_handlers handlers = { scene, on_event, on_alarm };
	struct fault fault = { "" };

	assert_int_equal(
		follower_new(feeder_loop(scene->feeder), scene->context, &options, &handlers, &scene->follower, &fault),
		0);
	follower_start(scene->follower, from);
}

/* ---- Waiting ---- */

enum awaited { ANSWERS, HEARD, NOTICES, LIVE, ALARM };

static bool reached(const struct scene *scene, enum awaited what, uint64_t n)
{
	struct follower_status status;

	switch (what) {
	case ANSWERS:
		return scene->answer_count >= n;
	case HEARD:
		return scene->heard >= n;
	case NOTICES:
		return scene->notice_count >= n;
	case ALARM:
		return *scene->alarm;
	case LIVE:
		follower_status(scene->follower, &status);
		return status.state == FOLLOWING_LIVE;
	}
	return false;
}

static void wait_for(struct scene *scene, enum awaited what, uint64_t n)
{
	int64_t until = now_ms() + WAIT_MS;

	while (!reached(scene, what, n)) {
		assert_true(now_ms() < until);
		assert_true(sd_event_run(feeder_loop(scene->feeder), 20000) >= 0);
	}
}

/* ---- Tests ---- */

static void test_a_line_is_answered_when_stored_and_followed_live(void **state)
{
	struct scene *scene = *state;
	char text[128];

	open_feeder(scene);
	follow(scene, true, NULL);
	wait_for(scene, LIVE, 0);
	take(scene, 1);
	assert_int_equal(scene->answer_count, 0);
	wait_for(scene, HEARD, 1);
	assert_int_equal(scene->answer_count, 1);
	assert_int_equal(scene->answers[0].line, 1);
	assert_int_equal(scene->answers[0].seq, 1);
	assert_int_equal(scene->answers[0].outcome, FEEDER_STORED);
	line_of(text, 1);
	assert_string_equal(scene->heard_last, text);
	assert_int_equal(place_number(scene->place, "SELECT count(*) FROM record"), 1);
}

static void test_a_burst_beyond_every_queue_is_followed_complete(void **state)
{
	struct scene *scene = *state;

	open_feeder(scene);
	follow(scene, true, NULL);
	wait_for(scene, LIVE, 0);
	for (unsigned n = 1; n <= 4000; n++)
		take(scene, n);
	wait_for(scene, HEARD, 4000);
	wait_for(scene, ANSWERS, 4000);
	for (size_t i = 0; i < 4000; i++)
		assert_int_equal(scene->answers[i].seq, i + 1);
}

static void test_answers_come_in_the_order_of_the_lines_whatever_became_of_them(void **state)
{
	static const char other[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"urn:x\",\"type\":\"another\"}";
	struct scene *scene = *state;
	struct feeder_counts counts;

	open_feeder(scene);
	take(scene, 1);
	assert_int_equal(feeder_take(scene->feeder, 2, "no", 2, NULL), 0);
	take(scene, 1);
	assert_int_equal(feeder_take(scene->feeder, 4, other, strlen(other), NULL), 0);
	assert_int_equal(feeder_take(scene->feeder, 5, "", 0, "it is too long"), 0);
	take(scene, 6);
	wait_for(scene, ANSWERS, 6);
	assert_int_equal(scene->answers[1].outcome, FEEDER_REFUSED);
	assert_int_equal(scene->answers[1].line, 2);
	assert_int_equal(scene->answers[1].seq, 0);
	assert_non_null(strstr(scene->answers[1].sentence, "JSON"));
	assert_int_equal(scene->answers[2].outcome, FEEDER_KNOWN);
	assert_int_equal(scene->answers[2].seq, 1);
	assert_int_equal(scene->answers[3].outcome, FEEDER_REFUSED);
	assert_int_equal(scene->answers[3].seq, 0);
	assert_non_null(strstr(scene->answers[3].sentence, "record 1"));
	assert_string_equal(scene->answers[4].sentence, "it is too long");
	assert_int_equal(scene->answers[5].line, 6);
	assert_int_equal(scene->answers[5].seq, 2);
	feeder_counts(scene->feeder, &counts);
	assert_int_equal(counts.stored, 2);
	assert_int_equal(counts.known, 1);
	assert_int_equal(counts.refused, 3);
	assert_int_equal(counts.head, 2);
}

static void test_the_log_alone_is_enough_and_goes_on_behind_a_position(void **state)
{
	struct scene *scene = *state;
	struct position from = { .stream = STREAM };

	open_feeder(scene);
	for (unsigned n = 1; n <= 30; n++)
		take(scene, n);
	follow(scene, false, NULL);
	wait_for(scene, HEARD, 30);
	from.epoch = scene->heard_epoch;
	from.seq = scene->heard = 12;
	close_feeder(scene);

	open_feeder(scene);
	follow(scene, false, &from);
	wait_for(scene, HEARD, 30);
	assert_true(scene->heard_epoch == from.epoch);
	take(scene, 31);
	wait_for(scene, HEARD, 31);
	assert_true(scene->heard_epoch > from.epoch);
}

static void test_terms_shorter_than_a_second_do_not_let_the_epoch_run_ahead(void **state)
{
	struct scene *scene = *state;
	struct feeder_counts counts;

	for (int i = 0; i < 3; i++) {
		open_feeder(scene);
		feeder_counts(scene->feeder, &counts);
		assert_true(counts.epoch <= (uint64_t)time(NULL));
		close_feeder(scene);
	}
}

static void test_a_clock_that_is_far_behind_is_named_and_not_waited_for(void **state)
{
	struct scene *scene = *state;
	struct feeder_counts counts;

	open_feeder(scene);
	close_feeder(scene);
	place_sql(scene->place, "UPDATE stream SET epoch = 9000000000");
	open_feeder(scene);
	feeder_counts(scene->feeder, &counts);
	assert_int_equal(counts.epoch, 9000000001);
	assert_int_equal(scene->notice_count, 1);
	assert_non_null(strstr(scene->notices[0], "clock"));
}

static void test_a_position_from_beyond_a_restored_log_is_named(void **state)
{
	struct scene *scene = *state;
	struct position from = { .stream = STREAM, .seq = 5 };

	open_feeder(scene);
	for (unsigned n = 1; n <= 3; n++)
		take(scene, n);
	wait_for(scene, ANSWERS, 3);
	from.epoch = (uint64_t)time(NULL) - 1000;
	follow(scene, true, &from);
	wait_for(scene, ALARM, 0);
	assert_non_null(strstr(scene->alarm, "records 4 to 5"));
	assert_int_equal(scene->heard, 0);
}

static void test_what_is_no_longer_kept_is_named(void **state)
{
	struct scene *scene = *state;
	struct position from = { .stream = STREAM, .seq = 2 };

	open_feeder(scene);
	for (unsigned n = 1; n <= 10; n++)
		take(scene, n);
	follow(scene, false, NULL);
	wait_for(scene, HEARD, 10);
	from.epoch = scene->heard_epoch;
	close_feeder(scene);
	place_sql(scene->place, "UPDATE record SET at = at - 100 * 86400 WHERE seq <= 7");

	open_feeder(scene);
	for (int i = 0; i < 1000 && place_number(scene->place, "SELECT min(seq) FROM record") < 8; i++)
		assert_true(sd_event_run(feeder_loop(scene->feeder), 20000) >= 0);
	follow(scene, false, &from);
	wait_for(scene, ALARM, 0);
	assert_non_null(strstr(scene->alarm, "records 3 to 7"));
	/* Whoever has all that was dropped goes on. */
	scene->follower = follower_free(scene->follower);
	from.seq = scene->heard = 7;
	follow(scene, false, &from);
	wait_for(scene, HEARD, 10);
}

static void test_a_log_that_cannot_be_written_holds_everything_and_goes_on_serving(void **state)
{
	struct scene *scene = *state;

	open_feeder(scene);
	take(scene, 1);
	wait_for(scene, ANSWERS, 1);
	place_fill_disk(scene->place);
	take(scene, 2);
	wait_for(scene, NOTICES, 1);
	assert_non_null(strstr(scene->notices[0], "cannot be written"));
	assert_false(feeder_room(scene->feeder));
	follow(scene, true, NULL);
	wait_for(scene, HEARD, 1);
	wait_for(scene, LIVE, 0);
	assert_int_equal(scene->answer_count, 1);
	assert_int_equal(scene->heard, 1);
	place_empty_disk();
	wait_for(scene, HEARD, 2);
	assert_int_equal(scene->answer_count, 2);
	assert_int_equal(scene->answers[1].seq, 2);
	assert_int_equal(scene->notice_count, 2);
	assert_non_null(strstr(scene->notices[1], "again"));
	for (unsigned n = 3; n <= 8; n++) { /* turns enough to notice a wish for lines, which nobody gives here */
		take(scene, n);
		wait_for(scene, ANSWERS, n);
	}
}

static void test_takes_lines_as_they_come_and_ends_with_them(void **state)
{
	struct scene *scene = *state;
	char bytes[1200] = { 0 };
	struct fault fault = { "" };

	assert_int_equal(pipe2(scene->input, O_NONBLOCK | O_CLOEXEC), 0);
	open_with(scene, (struct feeder_options){ .input_fd = scene->input[0], .keep_days = 90, .once = true });
	assert_int_equal(write(scene->input[1], bytes, 3), 3);
	wait_for(scene, ANSWERS, 3);
	assert_int_equal(write(scene->input[1], bytes, sizeof(bytes)), sizeof(bytes));
	(void)close(scene->input[1]);
	scene->input[1] = -1;
	assert_int_equal(feeder_run(scene->feeder, &fault), 0);
	assert_int_equal(scene->answer_count, 1203);
	assert_int_equal(scene->answers[1202].seq, 1203);
}

static void test_input_that_fails_ends_it_when_all_that_came_is_stored(void **state)
{
	struct scene *scene = *state;
	struct fault fault = { "" };

	assert_int_equal(pipe2(scene->input, O_NONBLOCK | O_CLOEXEC), 0);
	open_with(scene, (struct feeder_options){ .input_fd = scene->input[0], .keep_days = 90 });
	assert_int_equal(write(scene->input[1], "x", 1), 1);
	scene->fails_after = 1;
	assert_int_equal(feeder_run(scene->feeder, &fault), -EIO);
	assert_int_equal(scene->answer_count, 1);
}

static void test_ends_at_once_when_asked_and_keeps_what_it_has(void **state)
{
	struct scene *scene = *state;
	struct fault fault = { "" };
	sigset_t set, before;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	open_feeder(scene);
	take(scene, 1);
	(void)raise(SIGTERM);
	assert_int_equal(feeder_run(scene->feeder, &fault), 0);
	assert_int_equal(scene->answer_count, 1);
	assert_int_equal(place_number(scene->place, "SELECT count(*) FROM record"), 1);
}

static void test_stopped_before_the_lines_ended_is_no_success(void **state)
{
	struct scene *scene = *state;
	struct fault fault = { "" };
	sigset_t set, before;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	assert_int_equal(pipe2(scene->input, O_NONBLOCK | O_CLOEXEC), 0);
	open_with(scene, (struct feeder_options){ .input_fd = scene->input[0], .keep_days = 90, .once = true });
	assert_int_equal(write(scene->input[1], "x", 1), 1);
	wait_for(scene, ANSWERS, 1);
	(void)raise(SIGTERM);
	assert_int_equal(feeder_run(scene->feeder, &fault), -EINTR);
	assert_non_null(strstr(fault.sentence, "before the lines ended"));
	assert_int_equal(place_number(scene->place, "SELECT count(*) FROM record"), 1);
}

static void test_a_named_consumer_is_kept(void **state)
{
	struct scene *scene = *state;
	const struct log_request request = {
		.stream = STREAM, .after = 1, .name = "desk", .confirmed = 1, .request = 1
	};
	struct arena *arena = NULL;
	struct bytes bytes;
	void *dealer;

	open_feeder(scene);
	take(scene, 1);
	take(scene, 2);
	wait_for(scene, ANSWERS, 2);
	dealer = zmq_socket(scene->context, ZMQ_DEALER);
	(void)zmq_setsockopt(dealer, ZMQ_LINGER, &(int){ 0 }, sizeof(int));
	assert_int_equal(zmq_connect(dealer, scene->serve), 0);
	assert_int_equal(arena_new(65536, &arena), 0);
	assert_int_equal(wire_pack_log_request(arena, &request, &bytes), 0);
	assert_true(zmq_send(dealer, bytes.data, bytes.n, 0) >= 0);
	for (int i = 0; i < 1000 && place_number(scene->place, "SELECT count(*) FROM consumer") == 0; i++)
		assert_true(sd_event_run(feeder_loop(scene->feeder), 20000) >= 0);
	assert_int_equal(place_number(scene->place, "SELECT confirmed FROM consumer WHERE name = 'desk'"), 1);
	arena_free(arena);
	(void)zmq_close(dealer);
}

/* ---- From a PUB ---- */

static void *open_publisher(struct scene *scene)
{
	void *publisher = zmq_socket(scene->context, ZMQ_XPUB);
	char subscription[8];

	(void)zmq_setsockopt(publisher, ZMQ_LINGER, &(int){ 0 }, sizeof(int));
	assert_int_equal(zmq_bind(publisher, scene->from), 0);
	open_with(scene, (struct feeder_options){
				 .input_fd = -1, .keep_days = 90, .from = (const char *const[]){ scene->from, NULL } });
	while (zmq_recv(publisher, subscription, sizeof(subscription), ZMQ_DONTWAIT) < 0)
		assert_true(sd_event_run(feeder_loop(scene->feeder), 20000) >= 0);
	return publisher;
}

static void publish(void *publisher, const void *position, size_t position_n, const char *event)
{
	assert_true(zmq_send(publisher, "topic", 5, ZMQ_SNDMORE) >= 0);
	if (position)
		assert_true(zmq_send(publisher, position, position_n, ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(publisher, event, strlen(event), 0) >= 0);
}

static void test_makes_a_plain_publisher_durable(void **state)
{
	struct scene *scene = *state;
	void *publisher = open_publisher(scene);
	char text[128];

	follow(scene, true, NULL);
	for (unsigned n = 1; n <= 700; n++) {
		line_of(text, n % 600);
		publish(publisher, NULL, 0, text);
	}
	publish(publisher, NULL, 0, "junk");
	publish(publisher, NULL, 0, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"urn:x\",\"type\":\"reused\"}");
	wait_for(scene, HEARD, 602);
	assert_int_equal(scene->answer_count, 0);
	assert_int_equal(place_number(scene->place, "SELECT count(*) FROM record WHERE id IS NULL"), 2);
	(void)zmq_close(publisher);
}

static void test_a_damaged_log_ends_it_whatever_still_comes(void **state)
{
	struct scene *scene = *state;
	void *publisher = open_publisher(scene);
	struct fault fault = { "" };
	char text[128];

	place_sql(scene->place,
		"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'record'; "
		"PRAGMA schema_version = 99");
	for (unsigned n = 1; n < 500; n++) /* one less than a batch, so that the next turn fills it and goes on */
		take(scene, n);
	for (unsigned n = 501; n <= 560; n++) {
		line_of(text, n);
		publish(publisher, NULL, 0, text);
	}
	(void)usleep(100000);
	assert_int_equal(feeder_run(scene->feeder, &fault), -EUCLEAN);
	assert_non_null(strstr(fault.sentence, "malformed"));
	(void)zmq_close(publisher);
}

static void publish_at(void *publisher, struct arena *arena, uint64_t seq, uint64_t head, const char *event)
{
	const struct position position = { .stream = "elsewhere", .epoch = 5, .seq = seq, .head = head };
	struct bytes bytes;

	assert_int_equal(wire_pack_position(arena, &position, &bytes), 0);
	publish(publisher, bytes.data, bytes.n, event);
}

static void test_says_what_a_publisher_with_positions_sent_in_vain(void **state)
{
	struct scene *scene = *state;
	void *publisher = open_publisher(scene);
	struct arena *arena = NULL;
	char text[128];

	assert_int_equal(arena_new(65536, &arena), 0);
	follow(scene, true, NULL);
	line_of(text, 1);
	publish_at(publisher, arena, 10, 10, text);
	publish_at(publisher, arena, 0, 10, "");
	wait_for(scene, HEARD, 1);
	line_of(text, 2);
	publish_at(publisher, arena, 14, 14, text);
	wait_for(scene, HEARD, 2);
	assert_int_equal(scene->notice_count, 1);
	assert_non_null(strstr(scene->notices[0], "elsewhere up to 14, 3 never came"));
	arena_free(arena);
	(void)zmq_close(publisher);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_line_is_answered_when_stored_and_followed_live),
		TEST(test_a_burst_beyond_every_queue_is_followed_complete),
		TEST(test_answers_come_in_the_order_of_the_lines_whatever_became_of_them),
		TEST(test_the_log_alone_is_enough_and_goes_on_behind_a_position),
		TEST(test_terms_shorter_than_a_second_do_not_let_the_epoch_run_ahead),
		TEST(test_a_clock_that_is_far_behind_is_named_and_not_waited_for),
		TEST(test_a_position_from_beyond_a_restored_log_is_named),
		TEST(test_what_is_no_longer_kept_is_named),
		TEST(test_a_log_that_cannot_be_written_holds_everything_and_goes_on_serving),
		TEST(test_takes_lines_as_they_come_and_ends_with_them),
		TEST(test_input_that_fails_ends_it_when_all_that_came_is_stored),
		TEST(test_ends_at_once_when_asked_and_keeps_what_it_has),
		TEST(test_stopped_before_the_lines_ended_is_no_success),
		TEST(test_a_named_consumer_is_kept),
		TEST(test_makes_a_plain_publisher_durable),
		TEST(test_a_damaged_log_ends_it_whatever_still_comes),
		TEST(test_says_what_a_publisher_with_positions_sent_in_vain),
	};

	return cmocka_run_group_tests_name("feeder/feeder", tests, NULL, NULL);
}
