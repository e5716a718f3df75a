/* tail: the published stream as NDJSON CloudEvents, complete and in order. */
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "ctl/interrupt.h"
#include "ctl/query.h"
#include "wire/json.h"

#define SETTLE_TURNS   100 /* at most so often it is looked whether the last position is stored */
#define SETTLE_TURN_NS 50000000L

struct tail {
	struct ctl *ctl;
	int failed;    /* errno of writing; EPIPE: the reader is gone */
	uint64_t last; /* seq of the last record printed; 0: none */
};

static int print_record(void *context, const struct wire_record *record)
{
	CLEANUP(freep) char *line = NULL;
	struct tail *tail = context;
	int r = wire_event_to_json(record->event, &line, &tail->ctl->fault);

	if (r < 0)
		return r;
	errno = 0;
	if (puts(line) == EOF || fflush(stdout) != 0) {
		tail->failed = errno ? errno : EIO;
		return fault_set(&tail->ctl->fault, -tail->failed, "cannot write the output (%s); is the disk full?",
			strerror(tail->failed));
	}
	tail->last = record->seq;
	return 0;
}

static void print_notice(void *context, const char *sentence)
{
	(void)context;
	(void)fprintf(stderr, "cppsctl: %s\n", sentence);
}

static bool stop(void *context)
{
	(void)context;
	return interrupted();
}

/* Where a consumer stands, so that --name alone goes on there; 0 for a new one. */
static int confirmed_position(struct ctl *ctl, const char *name, uint64_t *ret)
{
	CLEANUP(read_clearp) PGresult *result = NULL;
	const char *parameters[] = { name, NULL };
	int r = query_run(ctl, "SELECT confirmed FROM cpps.consumer_position WHERE name = $1", parameters, &result);

	if (r == 0 && PQntuples(result) == 1)
		(void)number_parse(PQgetvalue(result, 0, 0), ret);
	return r;
}

/* The bridge stores positions about once a second: whoever comes next under this name goes on behind what was printed. Where that does not come to
 * be, they are given it again. */
static void settle_position(const struct tail *tail)
{
	const char *name = ctl_text(tail->ctl, "name");
	const struct timespec turn = { .tv_nsec = SETTLE_TURN_NS };
	uint64_t stored = 0;

	for (int i = 0; name && stored < tail->last && i < SETTLE_TURNS; i++) {
		if (confirmed_position(tail->ctl, name, &stored) < 0)
			return;
		if (stored < tail->last)
			(void)nanosleep(&turn, NULL);
	}
}

static int start(struct ctl *ctl, struct client_follow_options *options)
{
	options->after = ctl_number(ctl, "after", 0);
	options->from_now = ctl_flag(ctl, "from-now");
	if (!options->name || ctl_text(ctl, "after") || options->from_now)
		return 0;
	return confirmed_position(ctl, options->name, &options->after);
}

static int follow(struct ctl *ctl, struct tail *tail)
{
	const char *prefixes[GIVEN_MAX + 1]; /* how many there may be, the client knows */
	struct client_follow_options options = {
		.prefixes = prefixes,
		.name = ctl_text(ctl, "name"),
		.follow = ctl_flag(ctl, "follow"),
		.count = ctl_number(ctl, "count", 0),
		.record = print_record,
		.notice = print_notice,
		.stop = stop,
		.context = tail,
	};
	const struct config *config;
	int r = ctl_config(ctl, &config);

	if (r < 0)
		return r;
	if (ctl_list(ctl, "match", prefixes, ARRAY_LENGTH(prefixes)) == 0)
		options.prefixes = NULL;
	options.live = config->endpoints.live.list;
	options.log = config->endpoints.log.list;
	options.stream = config->stream;
	options.timeout_ms = options.follow ? -1 : 10000;
	r = start(ctl, &options);
	if (r < 0)
		return r;
	r = client_follow(&options, &ctl->fault);
	if (r == 0 || interrupted())
		settle_position(tail);
	return r;
}

static enum ctl_exit tail_run(struct ctl *ctl)
{
	struct tail tail = { .ctl = ctl };
	int r;

	interrupt_watch();
	r = follow(ctl, &tail);
	if (tail.failed == EPIPE) {
		(void)fclose(stdout);
		_exit(CTL_OK); /* whoever read has read enough; nothing is left to be said to them */
	}
	if (tail.failed)
		clearerr(stdout); /* it is said here */
	return r < 0 && !interrupted() ? ctl_fail(ctl) : CTL_OK;
}

static const struct option_row tail_options[] = {
	{ "after", OPTION_NUMBER, "N",
		"begin after record N (default: with the first one kept; with --name where that consumer stands)", NULL,
		false },
	{ "from-now", OPTION_FLAG, NULL, "begin at the head: only what is published from now on", NULL, false },
	{ "count", OPTION_NUMBER, "N", "end after N records", NULL, false },
	{ "follow", OPTION_FLAG, NULL, "go on at the head and wait for more; Ctrl-C ends", NULL, false },
	{ "match", OPTION_TEXT, "PREFIX",
		"only topics that begin so, such as task. or allocation.requested/WELLINGTON; may be given more than "
		"once",
		NULL, true },
	{ "name", OPTION_TEXT, "CONSUMER",
		"keep the position at the bridge under this name, about once a second; what is printed counts as "
		"processed",
		NULL, false },
	OPTIONS_END,
};

const struct command command_tail = {
	.name = "tail",
	.operands = "",
	.help = "print the published events, complete and in order",
	.more = "One JSON CloudEvent a line. Ends at the head of the stream, or goes on with --follow; a bridge that "
		"restarts is waited for, and gaps are "
		"read again from its log.",
	.options = tail_options,
	.run = tail_run,
};
