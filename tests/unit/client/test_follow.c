/* Following a stream with the blocking client, against the real publisher and log server, which run whenever the client asks whether to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <zmq.h>

#include "base/text.h"
#include "client/client.h"
#include "flow/log_server.h"
#include "flow/publisher.h"

#define EPOCH     1700000000UL
#define TURNS_MAX 300 /* of 200 ms at most */
#define SEEN_MAX  4096

/* A daemon's stream: all of it is in the log server's memory. */
struct stream {
	sd_event *loop;
	void *context;
	char live[108], log[108];
	struct publisher *publisher;
	struct log_server *server;
	uint64_t epoch, head;
	uint64_t confirmed;
};

struct scene {
	char dir[64];
	struct stream first, second;
	struct client_follow_options o;
	const char *lives[3], *logs[3];
	uint64_t seen[SEEN_MAX], epochs[SEEN_MAX];
	size_t count;
	char notices[4096];
	int turns, record_returns;
	bool stop, late;
	void (*step)(struct scene *scene);
	struct fault fault;
};

/* ---- The daemon ---- */

static int no_read(void *owner, uint64_t after, size_t max_bytes, log_read_done done, void *waiter)
{
	(void)owner, (void)after, (void)max_bytes, (void)done, (void)waiter;
	return -EIO;
}

static int no_epoch(void *owner, uint64_t seq, log_epoch_done done, void *waiter)
{
	(void)owner, (void)seq, (void)done, (void)waiter;
	return -EIO;
}

static void on_consumer(void *owner, const char *name, uint64_t confirmed)
{
	struct stream *stream = owner;

	(void)name;
	stream->confirmed = confirmed;
}

static void lead(struct stream *stream, uint64_t epoch, uint64_t first)
{
	stream->epoch = epoch;
	log_server_lead(stream->server, epoch, first, stream->head);
	publisher_lead(stream->publisher, epoch, stream->head);
}

static void serve(struct stream *stream)
{
	const struct log_options options = { "nz", 16 * 1024 * 1024, 1024 * 1024, 1000 };
	const struct log_handlers handlers = { stream, no_read, no_epoch, on_consumer };
	struct fault fault;

	assert_int_equal(publisher_new(stream->loop, stream->context, (const char *const[]){ stream->live, NULL }, "nz",
				 &stream->publisher, &fault),
		0);
	assert_int_equal(log_server_new(stream->loop, stream->context, (const char *const[]){ stream->log, NULL },
				 &options, &handlers, &stream->server, &fault),
		0);
}

static void end_serving(struct stream *stream)
{
	stream->publisher = publisher_free(stream->publisher);
	stream->server = log_server_free(stream->server);
}

static void write_records(struct stream *stream, unsigned n, const char *topic, bool live)
{
	for (unsigned i = 0; i < n; i++) {
		struct wire_record record = {
			.seq = ++stream->head, .epoch = stream->epoch, .event = { (const uint8_t *)"event", 5 }
		};

		TEXT_SET(record.topic, topic);
		log_server_append(stream->server, &record, 1);
		if (live)
			publisher_send(stream->publisher, &record, 1);
	}
}

static void pump(struct stream *stream)
{
	for (int i = 0; i < 200; i++)
		assert_true(sd_event_run(stream->loop, i < 20 ? 500 : 0) >= 0);
}

/* ---- The client's side ---- */

static int on_record(void *context, const struct wire_record *record)
{
	struct scene *scene = context;

	assert_true(scene->count < SEEN_MAX);
	assert_int_equal(record->event.n, 5);
	scene->epochs[scene->count] = record->epoch;
	scene->seen[scene->count++] = record->seq;
	return scene->record_returns;
}

static void on_notice(void *context, const char *sentence)
{
	struct scene *scene = context;
	size_t n = strlen(scene->notices);

	(void)snprintf(scene->notices + n, sizeof(scene->notices) - n, "%s\n", sentence);
}

static bool on_stop(void *context)
{
	struct scene *scene = context;

	pump(&scene->first);
	pump(&scene->second);
	scene->late = ++scene->turns > TURNS_MAX;
	if (scene->step)
		scene->step(scene);
	return scene->stop || scene->late;
}

static int follow(struct scene *scene)
{
	scene->fault = (struct fault){ "" };
	scene->turns = 0;
	scene->stop = false;
	return client_follow(&scene->o, &scene->fault);
}

static void assert_seen(const struct scene *scene, uint64_t from, size_t n)
{
	assert_false(scene->late);
	assert_int_equal(scene->count, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(scene->seen[i], from + i);
}

/* ---- Life ---- */

static void open_stream(struct scene *scene, struct stream *stream, const char *name)
{
	assert_true(sd_event_new(&stream->loop) >= 0);
	stream->context = flow_context_new();
	assert_non_null(stream->context);
	(void)snprintf(stream->live, sizeof(stream->live), "ipc://%s/%s-live", scene->dir, name);
	(void)snprintf(stream->log, sizeof(stream->log), "ipc://%s/%s-log", scene->dir, name);
	serve(stream);
}

static void close_stream(struct stream *stream)
{
	end_serving(stream);
	stream->context = flow_context_free(stream->context);
	stream->loop = sd_event_unref(stream->loop);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	TEXT_SET(scene->dir, "/tmp/follow.XXXXXX");
	assert_non_null(mkdtemp(scene->dir));
	open_stream(scene, &scene->first, "a");
	open_stream(scene, &scene->second, "b");
	scene->lives[0] = scene->first.live;
	scene->logs[0] = scene->first.log;
	scene->o = (struct client_follow_options){
		.live = scene->lives,
		.log = scene->logs,
		.stream = "nz",
		.timeout_ms = -1,
		.record = on_record,
		.notice = on_notice,
		.stop = on_stop,
		.context = scene,
	};
	lead(&scene->first, EPOCH, 1);
	*state = scene;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	close_stream(&scene->first);
	close_stream(&scene->second);
	(void)nftw(scene->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(scene);
	return 0;
}

/* ---- To the head ---- */

static void test_reads_to_the_head_and_returns(void **state)
{
	struct scene *scene = *state;

	write_records(&scene->first, 2500, "task.opened/NELSON", true);
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 2500);

	/* From a position; from now. */
	scene->count = 0;
	scene->o.after = 2400;
	scene->o.after_epoch = EPOCH;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 2401, 100);
	scene->count = 0;
	scene->o.after = scene->o.after_epoch = 0;
	scene->o.from_now = true;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 0);
}

static void test_ends_after_a_count_or_when_its_owner_says_so(void **state)
{
	struct scene *scene = *state;

	write_records(&scene->first, 50, "task.opened/NELSON", true);
	scene->o.follow = true;
	scene->o.count = 7;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 7);
	scene->count = 0;
	scene->o.count = 0;
	scene->record_returns = -ENOSPC;
	assert_int_equal(follow(scene), -ENOSPC);
	assert_seen(scene, 1, 1);
}

static void stop_at_once(struct scene *scene)
{
	scene->stop = true;
}

static void test_ends_when_told_to_stop(void **state)
{
	struct scene *scene = *state;

	scene->o.follow = true;
	scene->step = stop_at_once;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 0);
}

/* ---- Live ---- */

static void write_as_it_follows(struct scene *scene)
{
	if (scene->count == scene->first.head && scene->first.head < 60)
		write_records(&scene->first, 10, "task.opened/NELSON", true);
	scene->stop = scene->count >= 60;
}

static void test_applies_what_is_published(void **state)
{
	struct scene *scene = *state;

	scene->o.follow = true;
	scene->step = write_as_it_follows;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 60);
}

/* Half of the records are not heard of live. */
static void write_with_gaps(struct scene *scene)
{
	if (scene->count == scene->first.head && scene->first.head < 60) {
		write_records(&scene->first, 10, "task.opened/NELSON", false);
		write_records(&scene->first, 2, "task.opened/NELSON", true);
	}
	scene->stop = scene->count >= 60;
}

static void test_fills_a_gap_from_the_log(void **state)
{
	struct scene *scene = *state;

	scene->o.follow = true;
	scene->step = write_with_gaps;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 60);
}

static void write_without_live(struct scene *scene)
{
	if (scene->count == scene->first.head && scene->first.head < 30)
		write_records(&scene->first, 10, "task.opened/NELSON", false);
	scene->stop = scene->count >= 30;
}

static void test_the_log_alone_can_be_followed(void **state)
{
	struct scene *scene = *state;

	scene->o.live = NULL;
	scene->o.follow = true;
	scene->step = write_without_live;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 30);
}

/* ---- A part ---- */

static void write_mixed(struct scene *scene)
{
	if (scene->turns <= 5) {
		write_records(&scene->first, 3, "task.opened/NELSON", true);
		write_records(&scene->first, 1, "ptp.opened/OTARA", true);
	}
	scene->stop = scene->count >= 5;
}

static void test_prefixes_choose(void **state)
{
	struct scene *scene = *state;
	const char *const prefixes[] = { "ptp.", "event.", NULL };

	scene->o.prefixes = prefixes;
	scene->o.follow = true;
	scene->step = write_mixed;
	assert_int_equal(follow(scene), 0);
	assert_false(scene->late);
	assert_int_equal(scene->count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(scene->seen[i], 4 * (i + 1));
}

/* ---- Consumers ---- */

static void test_a_name_confirms_what_was_handed_on(void **state)
{
	struct scene *scene = *state;

	write_records(&scene->first, 20, "task.opened/NELSON", true);
	scene->o.name = "desk";
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 20);
	for (int i = 0; i < 100 && scene->first.confirmed < 20; i++)
		pump(&scene->first);
	assert_int_equal(scene->first.confirmed, 20);
}

/* ---- Where it ends in a sentence ---- */

static void assert_ends(struct scene *scene, int error, const char *word)
{
	assert_int_equal(follow(scene), error);
	assert_non_null(strstr(scene->fault.sentence, word));
}

static void test_says_that_the_log_was_restored(void **state)
{
	struct scene *scene = *state;

	write_records(&scene->first, 20, "task.opened/NELSON", true);
	scene->o.after = 10;
	scene->o.after_epoch = EPOCH - 5;
	assert_ends(scene, -ESTALE, "restored");
	scene->o.after = 50;
	scene->o.after_epoch = EPOCH;
	assert_int_equal(follow(scene), -ESTALE);
	assert_int_equal(scene->count, 0);
}

static void test_says_what_is_no_longer_kept(void **state)
{
	struct scene *scene = *state;

	scene->first.head = 100;
	lead(&scene->first, EPOCH, 101);
	write_records(&scene->first, 20, "task.opened/NELSON", true);
	scene->o.after = 10;
	assert_ends(scene, -ESTALE, "records 11 to 100");
	scene->o.after = 0;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 101, 20);
}

static void test_says_what_the_log_refuses(void **state)
{
	struct scene *scene = *state;

	scene->o.stream = "another";
	assert_ends(scene, -EACCES, "another");
}

static void test_gives_up_where_nobody_answers(void **state)
{
	struct scene *scene = *state;

	end_serving(&scene->first);
	scene->o.timeout_ms = 700;
	assert_ends(scene, -ETIMEDOUT, scene->first.log);
	assert_non_null(strstr(scene->notices, "does not answer"));
}

/* A ROUTER that answers everything with the same bytes. */
struct parrot {
	struct scene *scene;
	void *context, *socket;
	char endpoint[108];
	const char *says;
};

static struct parrot parrot;

static void let_it_speak(struct scene *scene)
{
	uint8_t id[256], request[4096];
	int n;

	(void)scene;
	while ((n = zmq_recv(parrot.socket, id, sizeof(id), ZMQ_DONTWAIT)) > 0) {
		(void)zmq_recv(parrot.socket, request, sizeof(request), 0);
		(void)zmq_send(parrot.socket, id, (size_t)n, ZMQ_SNDMORE);
		(void)zmq_send(parrot.socket, parrot.says, strlen(parrot.says), 0);
	}
}

static void test_says_that_an_answer_is_none(void **state)
{
	struct scene *scene = *state;

	(void)snprintf(parrot.endpoint, sizeof(parrot.endpoint), "ipc://%s/parrot", scene->dir);
	parrot.context = zmq_ctx_new();
	parrot.socket = zmq_socket(parrot.context, ZMQ_ROUTER);
	parrot.says = "\xff\xff";
	assert_int_equal(zmq_setsockopt(parrot.socket, ZMQ_LINGER, &(int){ 0 }, sizeof(int)), 0);
	assert_int_equal(zmq_bind(parrot.socket, parrot.endpoint), 0);
	scene->logs[0] = parrot.endpoint;
	scene->step = let_it_speak;
	assert_ends(scene, -EPROTO, "no log answer");
	(void)zmq_close(parrot.socket);
	(void)zmq_ctx_term(parrot.context);
}

static void test_refuses_options_that_cannot_be(void **state)
{
	struct scene *scene = *state;
	const char *many[PREFIXES_MAX + 2] = { NULL }, *bad_live[] = { "nonsense", NULL }, *none[] = { NULL };
	char longer[PREFIX_SIZE_MAX + 2];

	memset(longer, 'p', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	scene->o.prefixes = (const char *const[]){ longer, NULL };
	assert_ends(scene, -EINVAL, "longer than");
	for (size_t i = 0; i < PREFIXES_MAX + 1; i++)
		many[i] = "p";
	scene->o.prefixes = many;
	assert_ends(scene, -EINVAL, "limit");
	scene->o.prefixes = NULL;
	scene->o.stream = "";
	assert_ends(scene, -EINVAL, "no stream");
	scene->o.stream = "nz";
	scene->o.name = longer;
	assert_ends(scene, -EINVAL, "consumer's name");
	scene->o.name = NULL;
	scene->o.live = bad_live;
	assert_ends(scene, -EINVAL, "nonsense");
	scene->o.live = NULL;
	scene->o.log = none;
	assert_ends(scene, -EINVAL, "no endpoint");
}

/* ---- Several daemons ---- */

static void test_goes_to_the_leader_that_a_standby_names(void **state)
{
	struct scene *scene = *state;
	const char *const leaders[] = { scene->second.log };

	lead(&scene->first, 0, 0);
	log_server_set_leaders(scene->first.server, leaders, 1);
	lead(&scene->second, EPOCH + 1, 1);
	write_records(&scene->second, 30, "task.opened/NELSON", true);
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 30);
}

static void test_a_standby_that_names_itself_first_is_not_asked_for_ever(void **state)
{
	struct scene *scene = *state;
	const char *const leaders[] = { scene->first.log, "inproc://nowhere", scene->second.log };

	lead(&scene->first, 0, 0);
	log_server_set_leaders(scene->first.server, leaders, 3);
	lead(&scene->second, EPOCH + 1, 1);
	write_records(&scene->second, 30, "task.opened/NELSON", true);
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 30);
}

static void test_a_leader_is_found_in_the_list_where_only_the_standby_itself_is_named(void **state)
{
	struct scene *scene = *state;
	const char *const leaders[] = { scene->first.log };

	lead(&scene->first, 0, 0);
	log_server_set_leaders(scene->first.server, leaders, 1);
	lead(&scene->second, EPOCH + 1, 1);
	write_records(&scene->second, 30, "task.opened/NELSON", true);
	scene->logs[1] = scene->second.log;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 30);
}

static void test_gives_up_where_nobody_leads(void **state)
{
	struct scene *scene = *state;

	lead(&scene->first, 0, 0);
	scene->o.timeout_ms = 500;
	assert_ends(scene, -ETIMEDOUT, "nobody has led");
	assert_non_null(strstr(scene->notices, "does not lead"));
}

static void test_tries_the_next_endpoint(void **state)
{
	struct scene *scene = *state;

	lead(&scene->first, 0, 0);
	lead(&scene->second, EPOCH + 1, 1);
	write_records(&scene->second, 30, "task.opened/NELSON", true);
	scene->logs[1] = scene->second.log;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 30);

	scene->count = 0;
	end_serving(&scene->first);
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 30);
	assert_non_null(strstr(scene->notices, scene->first.log));
	assert_non_null(strstr(scene->notices, "again"));
}

/* The leader dies; the other has all its records, and writes on in a new epoch. */
static void take_over(struct scene *scene)
{
	if (scene->count == 30 && scene->first.server) {
		end_serving(&scene->first);
		scene->second.head = 0;
		lead(&scene->second, EPOCH + 1, 1);
		scene->second.epoch = EPOCH;
		write_records(&scene->second, 30, "task.opened/NELSON", false);
		scene->second.epoch = EPOCH + 1;
		write_records(&scene->second, 30, "task.opened/NELSON", true);
	}
	if (scene->count == 60 && scene->second.head == 60)
		write_records(&scene->second, 10, "task.opened/NELSON", true);
	scene->stop = scene->count >= 70;
}

static void test_goes_on_with_the_next_leader(void **state)
{
	struct scene *scene = *state;

	scene->logs[1] = scene->second.log;
	scene->lives[1] = scene->second.live;
	write_records(&scene->first, 30, "task.opened/NELSON", true);
	scene->o.follow = true;
	scene->step = take_over;
	assert_int_equal(follow(scene), 0);
	assert_seen(scene, 1, 70);
	assert_int_equal(scene->epochs[29], EPOCH);
	assert_int_equal(scene->epochs[30], EPOCH + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_to_the_head_and_returns),
		TEST(test_ends_after_a_count_or_when_its_owner_says_so),
		TEST(test_ends_when_told_to_stop),
		TEST(test_applies_what_is_published),
		TEST(test_fills_a_gap_from_the_log),
		TEST(test_the_log_alone_can_be_followed),
		TEST(test_prefixes_choose),
		TEST(test_a_name_confirms_what_was_handed_on),
		TEST(test_says_that_the_log_was_restored),
		TEST(test_says_what_is_no_longer_kept),
		TEST(test_says_what_the_log_refuses),
		TEST(test_gives_up_where_nobody_answers),
		TEST(test_says_that_an_answer_is_none),
		TEST(test_refuses_options_that_cannot_be),
		TEST(test_goes_to_the_leader_that_a_standby_names),
		TEST(test_a_standby_that_names_itself_first_is_not_asked_for_ever),
		TEST(test_a_leader_is_found_in_the_list_where_only_the_standby_itself_is_named),
		TEST(test_gives_up_where_nobody_leads),
		TEST(test_tries_the_next_endpoint),
		TEST(test_goes_on_with_the_next_leader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
