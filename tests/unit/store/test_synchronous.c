/* A synchronous standby, played by pg_receivewal: there, gone, dropped; and a PostgreSQL of several hosts, of which one swallows what it is sent. */
#include "store/scene.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/read.h"

static struct desk second;
static pid_t standby;
static char wal[] = "/tmp/cpps-wal.XXXXXX";

/* Runs as the cluster's account where it is not ours: the socket is for both. */
static void begin_standby(void)
{
	char connection[500];

	(void)snprintf(connection, sizeof(connection), "%s application_name=other", conninfo);
	standby = fork();
	assert_true(standby >= 0);
	if (standby == 0) {
		const int nowhere = open("/dev/null", O_RDWR);

		(void)dup2(nowhere, STDOUT_FILENO);
		(void)dup2(nowhere, STDERR_FILENO);
		(void)execl("/usr/lib/postgresql/15/bin/pg_receivewal", "pg_receivewal", "-D", wal, "-d", connection,
			"--synchronous", NULL);
		_exit(127);
	}
}

static void end_standby(void)
{
	if (standby > 0) {
		(void)kill(standby, SIGKILL);
		(void)waitpid(standby, NULL, 0);
	}
	standby = 0;
}

static void set_names(const char *names)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "ALTER SYSTEM SET synchronous_standby_names = '%s'", names);
	cluster_run(conninfo, sql);
	cluster_run(conninfo, "SELECT pg_reload_conf()");
}

static int begin(void **state)
{
	return scene_begin(state);
}

static int end(void **state)
{
	set_names("");
	end_standby();
	desk_close(&second);
	return scene_end(state);
}

/* Waits, and the loop goes on turning. */
static void await(const char *sql, const char *expected)
{
	WAIT_FOR(strcmp(ask(sql), expected) == 0, 10000);
}

static void stream(void)
{
	begin_standby();
	await("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'other' AND state = 'streaming'", "1");
	set_names("other");
	await("SELECT cpps_store.synchronous()", "t");
}

static void test_a_standby_is_seen_and_missed(void **state)
{
	(void)state;
	TEXT_SET(conninfo, desk_database("seen"));
	stream();
	desk_lead(&desk, conninfo);
	WAIT_FOR(desk.synchronous == STORE_SYNCHRONOUS, 3000);
	desk_commit_ok(&desk, 2);
	set_names(""); /* dropped, though it still streams */
	WAIT_FOR(desk.synchronous == STORE_NOT_SYNCHRONOUS, 3000);
	desk_commit_ok(&desk, 2); /* none is required */
	set_names("other");
	WAIT_FOR(desk.synchronous == STORE_SYNCHRONOUS, 3000);
	end_standby();
	WAIT_FOR(desk.synchronous == STORE_NOT_SYNCHRONOUS, 3000);
	assert_int_equal(desk.lost, 0); /* the lease is renewed all the while */
}

static void test_nothing_is_confirmed_without_a_standby_where_one_is_required(void **state)
{
	(void)state;
	TEXT_SET(conninfo, desk_database("required"));
	stream();
	desk_open_requiring(&desk, conninfo);
	WAIT_FOR(desk.leading, 5000);
	commit_begin(2);
	committed();
	end_standby();
	set_names("");
	WAIT_FOR(desk.synchronous == STORE_NOT_SYNCHRONOUS, 3000);
	commit_begin(3);
	await("SELECT max(last_seq) FROM cpps_store.batch", "5"); /* it has committed */
	desk_run(2500);
	assert_false(pending.came); /* and is not confirmed */
	stream();
	committed();
	assert_int_equal(desk.lost, 0);
}

static void test_no_term_begins_without_a_standby_where_one_is_required(void **state)
{
	(void)state;
	TEXT_SET(conninfo, desk_database("no_term"));
	desk_open_requiring(&desk, conninfo);
	WAIT_FOR(desk.synchronous == STORE_NOT_SYNCHRONOUS, 3000);
	desk_open(&second, conninfo, "two");
	desk_run(4500); /* longer than a lease */
	assert_int_equal(desk.leading + second.leading, 0);
	assert_int_equal(desk.lost + second.lost, 0);
	stream();
	WAIT_FOR(desk.leading, 3000);
	end_standby();
}

/* What pg_cancel_backend does to a commit that waits: PostgreSQL answers COMMIT, with a warning. */
static void test_a_commit_whose_wait_was_given_up_is_not_confirmed(void **state)
{
	(void)state;
	lead("given_up");
	set_names("nobody");
	await("SHOW synchronous_standby_names", "nobody");
	commit_begin(2);
	await("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "1");
	cluster_run(conninfo, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
	WAIT_FOR(pending.came, 3000);
	assert_int_equal(pending.result, STORE_LOST);
	assert_says(desk.sentence, "gave the wait for its synchronous standby up");
	set_names("");
	WAIT_FOR(desk.leading == 2, 20000);
	assert_int_equal(desk.term.head, 2);
}

/* A commit that nobody answers ends the term, and the session that hangs in it does not keep the next term out. */
static void test_a_commit_that_is_not_answered_ends_the_term(void **state)
{
	(void)state;
	lead("not_answered");
	set_names("nobody");
	await("SHOW synchronous_standby_names", "nobody");
	commit_begin(2);
	WAIT_FOR(pending.came, 15000);
	assert_int_equal(pending.result, STORE_LOST);
	assert_says(desk.sentence, "has not answered for five seconds");
	set_names("");
	WAIT_FOR(desk.leading == 2, 20000);
	assert_int_equal(desk.term.head, 2);
}

/* ---- Several hosts ---- */

static char deaf[] = "/tmp/cpps-deaf.XXXXXX";

/* Takes connections and never answers, as a stopped server does. */
static int listen_deaf(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_non_null(mkdtemp(deaf));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", deaf);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void test_a_host_that_swallows_is_passed_by(void **state)
{
	char hosts[600], socket_path[128];
	int fd;

	(void)state;
	TEXT_SET(conninfo, desk_database("several"));
	fd = listen_deaf();
	/* "host=X port=..." becomes "host=deaf,X port=..." */
	(void)snprintf(hosts, sizeof(hosts), "host=%s,%s", deaf, conninfo + strlen("host="));
	desk_open(&desk, hosts, "one");
	WAIT_FOR(desk.leading, 15000);
	assert_int_equal(desk.lost, 1);
	assert_says(desk.sentence, "does not answer within three seconds");
	assert_says(desk.sentence, deaf);
	(void)close(fd);
	(void)snprintf(socket_path, sizeof(socket_path), "%s/.s.PGSQL.5432", deaf);
	(void)unlink(socket_path);
	(void)rmdir(deaf);
}

static int group_begin(void **state)
{
	return mkdtemp(wal) ? desk_setup(state) : -1;
}

static int group_end(void **state)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s", wal);
	return system(command) == 0 ? desk_teardown(state) : -1;
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_standby_is_seen_and_missed),
		TEST(nothing_is_confirmed_without_a_standby_where_one_is_required),
		TEST(no_term_begins_without_a_standby_where_one_is_required),
		TEST(a_commit_whose_wait_was_given_up_is_not_confirmed),
		TEST(a_commit_that_is_not_answered_ends_the_term),
		TEST(a_host_that_swallows_is_passed_by),
	};

	return cmocka_run_group_tests(tests, group_begin, group_end);
}
