/* publish: the feeder. It is set beside a source, and makes its events durable from the moment they are stored. */
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/ack.h"
#include "ctl/lines.h"
#include "feeder/feeder.h"

#define KEEP_DAYS      90
#define KEEP_DAYS_MAX  36500
#define FIRST_SHOWN    5 /* refused lines shown to a person with their sentences */
#define NAME_MAX_BYTES 64

struct publication {
	struct ctl *ctl;
	struct feeder *feeder;
	struct lines lines;
	bool reads;
	int pipe; /* the other end of a named pipe; -1: none */
	uint64_t refused;
	struct fault fault; /* of reading or writing */
};

/* ---- What the feeder asks and tells ---- */

static enum feeder_input ended(int r)
{
	if (r == -EAGAIN)
		return FEEDER_WAIT;
	return r < 0 ? FEEDER_FAILED : FEEDER_ENDED;
}

static enum feeder_input input(void *owner)
{
	struct publication *p = owner;
	struct line line;

	while (feeder_room(p->feeder)) {
		int r = lines_try(&p->lines, &line, &p->fault);

		if (r <= 0)
			return ended(r);
		r = feeder_take(p->feeder, line.number, line.text, line.n,
			line.cut ? "the line is longer than a million bytes" : NULL);
		if (r < 0) {
			(void)fault_set(
				&p->fault, r, "line %" PRIu64 " is too much for the memory there is", line.number);
			return FEEDER_FAILED;
		}
	}
	return FEEDER_MORE;
}

static void print_answer(const struct feeder_answer *answer)
{
	static const char *const words[] = {
		[FEEDER_STORED] = "stored",
		[FEEDER_KNOWN] = "known",
		[FEEDER_REFUSED] = "refused",
	};
	const struct ack ack = {
		.id = answer->id,
		.source = answer->source,
		.sentence = answer->sentence,
		.seq = answer->seq,
	};

	ack_print(answer->line, words[answer->outcome], &ack);
}

static void take_answer(void *owner, const struct feeder_answer *answer)
{
	struct publication *p = owner;

	if (ctl_json(p->ctl))
		print_answer(answer);
	if (answer->outcome != FEEDER_REFUSED)
		return;
	p->refused++;
	if (!ctl_json(p->ctl) && p->refused <= FIRST_SHOWN)
		(void)fprintf(stderr, "cppsctl: line %" PRIu64 " is refused: %s\n", answer->line, answer->sentence);
	if (!ctl_json(p->ctl) && p->refused == FIRST_SHOWN)
		(void)fprintf(stderr, "cppsctl: further lines that are refused are only counted; --json shows each\n");
}

static void answered(void *owner)
{
	(void)owner;
	(void)fflush(stdout);
}

static void notice(void *owner, const char *sentence)
{
	(void)owner;
	(void)fprintf(stderr, "cppsctl: %s\n", sentence);
}

/* ---- The command ---- */

static bool is_name(const char *name)
{
	return strlen(name) <= NAME_MAX_BYTES && text_is_clean(name, strlen(name)) && !strpbrk(name, " \t\r\n");
}

/* What has no name would be stored, published, heard and stored again for ever. */
static const char *own_endpoint(const struct feeder_options *o)
{
	for (const char *const *from = o->from; *from; from++)
		for (const char *const *live = o->live; *live; live++)
			if (strcmp(*from, *live) == 0)
				return *from;
	return NULL;
}

static int check(struct ctl *ctl, const struct feeder_options *o, uint64_t keep)
{
	bool served = o->live[0] || o->serve[0];

	if (!o->name || !*o->name || !is_name(o->name))
		return fault_set(&ctl->fault, -EINVAL,
			"give the stream a name with --name: at most %d bytes, no blanks", NAME_MAX_BYTES);
	if (!o->log)
		return fault_set(
			&ctl->fault, -EINVAL, "name the file of the log with --log; it is made where it is missing");
	if (served && (!o->live[0] || !o->serve[0]))
		return fault_set(
			&ctl->fault, -EINVAL, "--bind and --bind-log belong together: whoever follows needs both");
	if (!served && !o->once)
		return fault_set(&ctl->fault, -EINVAL,
			"name the endpoints to serve with --bind and --bind-log, or give --once to store the lines and "
			"end");
	if (o->once && o->from[0] && !ctl->operand_count)
		return fault_set(&ctl->fault, -EINVAL,
			"--once ends when the lines end, and --from alone reads none: leave --once out, or name a "
			"file");
	if (own_endpoint(o))
		return fault_set(&ctl->fault, -EINVAL,
			"--from %s is what --bind serves: name the endpoint that the source publishes at",
			own_endpoint(o));
	if (!keep || keep > KEEP_DAYS_MAX)
		return fault_set(&ctl->fault, -EINVAL, "--keep takes 1 to %d days", KEEP_DAYS_MAX);
	return 0;
}

static void summarize(const struct publication *p)
{
	struct feeder_counts counts;

	feeder_counts(p->feeder, &counts);
	if (!ctl_json(p->ctl))
		(void)printf("%" PRIu64 " stored, %" PRIu64 " known, %" PRIu64
			     " refused; the log ends with record %" PRIu64 "\n",
			counts.stored, counts.known, counts.refused, counts.head);
}

static enum ctl_exit serve(struct publication *p, const struct feeder_options *options)
{
	const struct feeder_handlers handlers = { p, input, take_answer, answered, notice };
	int r = feeder_new(options, &handlers, &p->feeder, &p->ctl->fault);

	if (r < 0)
		return ctl_fail(p->ctl);
	r = feeder_run(p->feeder, &p->ctl->fault);
	summarize(p);
	p->feeder = feeder_free(p->feeder);
	if (r < 0 && text_given(p->fault.sentence))
		p->ctl->fault = p->fault;
	if (r < 0)
		return ctl_fail(p->ctl);
	return p->refused ? CTL_QUARANTINED : CTL_OK;
}

/* A named pipe ends with its last writer, and opening it waits for the first: held open here, it does neither, and whoever has a line writes it. */
static int hold_pipe(const char *path, bool once)
{
	struct stat st;

	if (!path || once || stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
		return -1;
	return open(path, O_RDWR | O_CLOEXEC);
}

static int open_input(struct publication *p, struct feeder_options *options)
{
	const char *path = p->ctl->operand_count ? p->ctl->operands[0] : NULL;
	int r;

	p->pipe = hold_pipe(path, options->once);
	r = lines_open(&p->lines, path, &p->ctl->fault);
	if (r == 0)
		options->input_fd = p->lines.fd;
	return r;
}

static void close_input(struct publication *p)
{
	if (p->reads)
		lines_close(&p->lines);
	if (p->pipe >= 0)
		(void)close(p->pipe);
}

static enum ctl_exit publish_run(struct ctl *ctl)
{
	const char *live[GIVEN_MAX], *serve_at[GIVEN_MAX], *from[GIVEN_MAX];
	struct publication p = { .ctl = ctl, .pipe = -1 };
	struct feeder_options options = {
		.name = ctl_text(ctl, "name"),
		.log = ctl_text(ctl, "log"),
		.live = live,
		.serve = serve_at,
		.from = from,
		.input_fd = -1,
		.once = ctl_flag(ctl, "once"),
	};
	uint64_t keep = ctl_number(ctl, "keep", KEEP_DAYS);
	enum ctl_exit status;

	(void)ctl_list(ctl, "bind", live, ARRAY_LENGTH(live));
	(void)ctl_list(ctl, "bind-log", serve_at, ARRAY_LENGTH(serve_at));
	p.reads = ctl_list(ctl, "from", from, ARRAY_LENGTH(from)) == 0 || ctl->operand_count;
	if (check(ctl, &options, keep) < 0) {
		(void)ctl_fail(ctl);
		return CTL_USAGE;
	}
	options.keep_days = (unsigned)keep;
	if (p.reads && open_input(&p, &options) < 0)
		return ctl_fail(ctl);
	status = serve(&p, &options);
	close_input(&p);
	return status;
}

static const struct option_row publish_options[] = {
	{ "name", OPTION_TEXT, "STREAM", "name of the stream, such as court-1; a log keeps the name it was made with",
		NULL, false },
	{ "log", OPTION_TEXT, "FILE", "the log: one SQLite file, made where it is missing", NULL, false },
	{ "bind", OPTION_TEXT, "ENDPOINT", "serve live records here; may be given more than once", NULL, true },
	{ "bind-log", OPTION_TEXT, "ENDPOINT", "serve the log here; may be given more than once", NULL, true },
	{ "from", OPTION_TEXT, "ENDPOINT", "take what this PUB socket publishes; may be given more than once", NULL,
		true },
	{ "once", OPTION_FLAG, NULL, "end when the lines end, instead of serving on", NULL, false },
	{ "keep", OPTION_NUMBER, "DAYS",
		"drop records after so many days, those that a named consumer has not confirmed after twice as many "
		"(default: 90)",
		NULL, false },
	OPTIONS_END,
};

const struct command command_publish = {
	.name = "publish",
	.operands = "[FILE|-]",
	.most = 1,
	.help = "the feeder: make a source's events durable and serve them to the bridge, complete and in order",
	.more = "Set beside a source, it stores each event in a log of its own and serves that log by the bridge's "
		"stream "
		"protocol: name its endpoints as live and log of the source in the bridge's configuration, and no "
		"event that "
		"was stored is ever missed, whoever stops in between. It needs no configuration itself.\n\n"
		"Without FILE, or with -, lines are read from standard input, one JSON CloudEvent each; with --from "
		"alone, "
		"none are. A named pipe is read for ever. A line must have source, id and type, else it is refused; "
		"everything "
		"else is for the bridge to judge. A line is answered when it is on the disk, with --json by a line of "
		"its own: "
		"line, id, source, disposition (stored, known or refused), sentence, seq (its number in the log). The "
		"same "
		"event given again is known, and not stored twice; another event of the same source and id is refused. "
		"So "
		"after a stop of any kind, give the lines without an answer again, or all of them.\n\n"
		"With --from, events are taken from a PUB socket that has no log: what is published while the feeder "
		"does not "
		"run is lost, what it has stored is not. Nothing is refused then, since nobody can be asked to send it "
		"better: "
		"the bridge sets aside what is wrong.\n\n"
		"Serves on when the lines have ended, until SIGTERM or Ctrl-C. As a service: cpps-feeder@.service. "
		"Take a copy "
		"of a log that is in use with: sqlite3 FILE \".backup COPY\". A log that is restored from an older "
		"copy makes "
		"the bridge stop following it, and say what is missing.",
	.options = publish_options,
	.run = publish_run,
};
