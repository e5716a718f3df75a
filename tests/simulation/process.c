/* The daemons, each as it is shipped, and what a process has around it: its configuration, its log, its service manager. They are killed and started
 * anew, and stopped and continued. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "config/config.h"
#include "service/daemon.h"
#include "service/log.h"
#include "world.h"

/* ---- The configuration ---- */

#define WRITTEN(text) ((char[]){ text })
#define ONE(...)                                \
	{                                       \
		.n = 1, .list = { __VA_ARGS__ } \
	}
#define TWO(...)                                \
	{                                       \
		.n = 2, .list = { __VA_ARGS__ } \
	}

static struct config_source configured[] = {
	{ .name = WRITTEN("court"),
		.source = WRITTEN(COURT_SOURCE),
		.kind = SOURCE_COURT,
		.live = TWO("ipc://court-live-0", "ipc://court-live-1"),
		.log = TWO("ipc://court-log-0", "ipc://court-log-1") },
	{ .name = WRITTEN("prison"),
		.source = WRITTEN(PRISON_SOURCE),
		.kind = SOURCE_PRISON,
		.live = TWO("ipc://prison-live-0", "ipc://prison-live-1"),
		.log = TWO("ipc://prison-log-0", "ipc://prison-log-1") },
	{ .name = WRITTEN("tools"), .source = WRITTEN(TOOLS_SOURCE), .kind = SOURCE_TOOLS },
};

static struct config configs[DAEMONS] = {
	{ .endpoints = { .submit = ONE("ipc://bridge-submit-0"),
		  .live = ONE("ipc://bridge-live-0"),
		  .log = ONE("ipc://bridge-log-0"),
		  .control = WRITTEN("ipc://bridge-control-0") } },
	{ .endpoints = { .submit = ONE("ipc://bridge-submit-1"),
		  .live = ONE("ipc://bridge-live-1"),
		  .log = ONE("ipc://bridge-log-1"),
		  .control = WRITTEN("ipc://bridge-control-1") } },
};

const struct config_source *config_source(const struct config *config, const char *source)
{
	for (unsigned i = 0; source && i < config->source_count; i++)
		if (!strcmp(config->sources[i].source, source))
			return &config->sources[i];
	return NULL;
}

int config_load(const char *path, struct config **ret, struct fault *fault)
{
	(void)path, (void)ret;
	return fault_set(fault, -ENOENT, "there is no file here");
}

struct config *config_free(struct config *config)
{
	(void)config;
	return NULL;
}

/* ---- The log and the service manager ---- */

void log_open(const char *level)
{
	(void)level;
}

void log_write(int priority, const char *sentence, const struct log_value *values, size_t n)
{
	(void)priority, (void)values, (void)n;
	TELL("    %s", sentence);
}

void log_format(int priority, const char *format, ...)
{
	char line[2 * FAULT_MAX];
	va_list args;

	(void)priority;
	if (!world.told)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	tell("    %s", line);
}

int sd_notify(int unset, const char *state)
{
	(void)unset, (void)state;
	return 0;
}

int sd_notifyf(int unset, const char *format, ...)
{
	(void)unset, (void)format;
	return 0;
}

/* ---- Daemons ---- */

static struct process {
	int number;
	struct daemon *daemon; /* NULL: it does not run */
} processes[DAEMONS];

static void start(void *what, uint64_t number)
{
	struct process *process = what;
	struct fault fault = { 0 };
	sigset_t none;

	(void)number;
	if (process->daemon)
		return;
	TELL("daemon %d starts", process->number);
	if (daemon_new(&configs[process->number], &process->daemon, &fault) < 0)
		broken("the daemon does not start: %s", fault.sentence);
	/* The signals are this program's. */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	store_start(process->daemon->store);
}

static void kill_it(struct process *process, int64_t length)
{
	TELL("daemon %d is killed (%s)", process->number, daemon_state_text(process->daemon->state));
	count_fault(FAULT_CRASHES);
	process->daemon = daemon_free(process->daemon);
	later(NULL, length, start, process, 0);
}

static void stop_it(struct process *process, int64_t length)
{
	TELL("daemon %d is stopped for %ld ms (%s)", process->number, length / MS,
		daemon_state_text(process->daemon->state));
	count_fault(FAULT_STOPS);
	loop_of(process->daemon->loop)->stopped_until = world.now + length;
}

void daemons_disturb(void)
{
	struct process *process = &processes[chance(DAEMONS)];

	if (!process->daemon)
		return;
	if (happens(400))
		kill_it(process, span(MS, 2 * US_PER_SECOND));
	else
		stop_it(process, happens(500) ? span(MS, 500 * MS) : span(US_PER_SECOND, 6 * US_PER_SECOND));
}

void daemons_begin(void)
{
	static char stream[] = OUR_STREAM, database[] = "dbname=simulated";
	static const uint32_t batches[] = { 1, 2, 5, 20, 500 }, queues[] = { 4, 10, 50, 2000 };

	for (int i = 0; i < DAEMONS; i++) {
		struct config *config = &configs[i];

		config->stream = stream;
		config->database = database;
		config->sources = configured;
		config->source_count = ARRAY_LENGTH(configured);
		config->limits.batch = batches[chance(ARRAY_LENGTH(batches))];
		config->limits.queue = queues[chance(ARRAY_LENGTH(queues))];
		config->limits.quarantine_mb = 64;
		processes[i] = (struct process){ .number = i };
		later(NULL, span(0, 500 * MS), start, &processes[i], 0);
	}
}

void daemons_end(void)
{
	for (int i = 0; i < DAEMONS; i++)
		processes[i].daemon = daemon_free(processes[i].daemon);
}

static bool follows_to_the_end(const struct daemon *daemon, int i)
{
	struct follower_status status;

	follower_status(daemon->followers[i], &status);
	if (status.state != FOLLOWING_STUCK)
		return database_position(configured[i].name).seq == source_head(i);
	/* Said only where it is so. */
	if (status.position + 1 >= source_first(i) && source_epoch_of(i, status.position) == status.epoch)
		broken("%s stands still at record %lu, which is in its log, as is the next", configured[i].name,
			status.position);
	return true;
}

bool daemons_settled(void)
{
	int leaders = 0;

	for (int i = 0; i < DAEMONS; i++) {
		const struct daemon *daemon = processes[i].daemon;

		if (!daemon || daemon->state == DAEMON_STARTING)
			return false;
		if (daemon->state != DAEMON_LEADER)
			continue;
		leaders++;
		if (!leader_idle(daemon->leader))
			return false;
		for (int k = 0; k < SOURCES; k++)
			if (!follows_to_the_end(daemon, k))
				return false;
	}
	return leaders == 1;
}

void daemons_say(void)
{
	for (int i = 0; i < DAEMONS; i++) {
		const struct daemon *daemon = processes[i].daemon;
		struct follower_status status;

		TELL("daemon %d: %s%s", i, daemon ? daemon_state_text(daemon->state) : "not running",
			daemon && !leader_idle(daemon->leader) ? ", not idle" : "");
		for (int k = 0; daemon && k < SOURCES; k++) {
			follower_status(daemon->followers[k], &status);
			TELL("    %s: state %d, position %lu (%lu stored) of %lu, epoch %lu", configured[k].name,
				(int)status.state, status.position, database_position(configured[k].name).seq,
				source_head(k), status.epoch);
		}
	}
}
