/* submit: each line goes to the daemon as it is, and is answered in the order of the lines. Memory is bounded by the client's window, however long the
 * file; a daemon that restarts in between is waited for, and what it had not answered is sent again. */
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "client/client.h"
#include "ctl/ack.h"
#include "ctl/interrupt.h"
#include "ctl/lines.h"
#include "ctl/words.h"

#define FIRST_SHOWN 5 /* quarantined lines shown with their sentences */
#define SILENCE_S   5 /* without an answer for so long, a person is told */
#define TURN_MS     200

struct submission {
	struct ctl *ctl;
	struct client_submit *submit;
	struct lines lines;
	const char *endpoint;
	bool bar;
	uint64_t acked, refused, counts[DISPOSITION_END], reasons[REASON_END];
	struct {
		uint64_t line;
		char reason[32], sentence[FAULT_MAX];
	} first[FIRST_SHOWN];
	size_t first_count;
	struct timespec heard, drawn;
	bool told;
	char wrong[FAULT_MAX + 16];
	double patience; /* seconds without an answer after which it gives up; 0: never */
};

static double since(const struct timespec *then)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void touch(struct timespec *then)
{
	(void)clock_gettime(CLOCK_MONOTONIC, then);
}

/* ---- Progress ---- */
static void draw(struct submission *s)
{
	static const char full[] = "##############################";
	int width = (int)sizeof(full) - 1, filled = 0;

	touch(&s->drawn);
	(void)fputc('\r', stderr);
	if (s->lines.size) { /* else it is not known how much there is */
		filled = (int)((double)width * (double)s->lines.offset / (double)s->lines.size);
		filled = filled > width ? width : filled;
		(void)fprintf(stderr, "[%.*s%*s] ", filled, full, width - filled, "");
	}
	(void)fprintf(stderr, "%llu answered, %llu quarantined ", (unsigned long long)s->acked,
		(unsigned long long)s->counts[DISPOSITION_QUARANTINED]);
}

static const char *what_is_wrong(struct submission *s)
{
	const char *refusal = client_submit_refusal(s->submit);

	if (!*refusal)
		return "is cpps-bridged running, its database up?";
	(void)snprintf(s->wrong, sizeof(s->wrong), "it says: %s;", refusal);
	return s->wrong;
}

static void progress(struct submission *s)
{
	if (s->bar && since(&s->drawn) > 0.1)
		draw(s);
	if (s->told || since(&s->heard) < SILENCE_S)
		return;
	s->told = true;
	(void)fprintf(stderr, "%scppsctl: no answer from %s for %d s; still trying (%s Ctrl-C ends)\n",
		s->bar ? "\n" : "", s->endpoint, SILENCE_S, what_is_wrong(s));
}

/* ---- Answers ---- */
static void keep_first(struct submission *s, uint64_t line, const char *reason, const char *sentence)
{
	if (s->first_count == FIRST_SHOWN)
		return;
	s->first[s->first_count].line = line;
	TEXT_SET(s->first[s->first_count].reason, reason);
	TEXT_SET(s->first[s->first_count].sentence, sentence);
	s->first_count++;
}

static void answered(struct submission *s, uint64_t line, const struct ack *ack)
{
	char word[32];

	word_lower(disposition_text(ack->disposition), word, sizeof(word));
	touch(&s->heard);
	s->told = false;
	s->acked++;
	s->counts[(unsigned)ack->disposition < DISPOSITION_END ? ack->disposition : 0]++;
	if (ack->disposition == DISPOSITION_QUARANTINED) {
		s->reasons[reason_of(ack->reason)]++;
		keep_first(s, line, ack->reason, ack->sentence);
	}
	if (ctl_json(s->ctl))
		ack_print(line, word, ack);
}

/* Takes what answers there are, waiting at most `timeout_ms` for the first. */
static int collect(struct submission *s, int timeout_ms)
{
	uint64_t line;
	struct ack ack;
	int r;

	while ((r = client_submit_wait(s->submit, timeout_ms, &line, &ack)) == 1) {
		answered(s, line, &ack);
		timeout_ms = 0;
	}
	progress(s);
	if (r < 0)
		return fault_set(&s->ctl->fault, r, "cannot submit to %s: %s", s->endpoint, strerror(-r));
	if (s->patience > 0 && since(&s->heard) > s->patience)
		return fault_set(&s->ctl->fault, -ETIMEDOUT,
			"no answer from %s for %.0f s: gave up at line %llu; see cppsctl status, then submit the file "
			"again: what "
			"was taken is answered duplicate",
			s->endpoint, s->patience, (unsigned long long)s->lines.number);
	return 0;
}

/* ---- Lines ---- */

/* A line that no socket of the bridge would take is not sent. */
static void refuse(struct submission *s, const struct line *line)
{
	struct ack ack = { .reason = "TOO_LARGE",
		.sentence = "the line is longer than a million bytes: it was not sent" };

	s->refused++;
	keep_first(s, line->number, ack.reason, ack.sentence);
	if (ctl_json(s->ctl))
		ack_print(line->number, "refused", &ack);
}

/* Behind the answers of the lines before it. */
static int refuse_in_turn(struct submission *s, const struct line *line)
{
	while (client_submit_pending(s->submit) && !interrupted()) {
		int r = collect(s, TURN_MS);

		if (r < 0)
			return r;
	}
	refuse(s, line);
	return 0;
}

static int send_line(struct submission *s, const struct line *line)
{
	int r;

	if (line->cut)
		return refuse_in_turn(s, line);
	if (!client_submit_pending(s->submit))
		touch(&s->heard); /* silence counts from the first question */
	while ((r = client_submit_send(s->submit, line->number, line->text, line->n)) == -EAGAIN && !interrupted()) {
		r = collect(s, TURN_MS);
		if (r < 0)
			return r;
	}
	if (r < 0 && r != -EAGAIN)
		return fault_set(&s->ctl->fault, r, "cannot submit to %s: %s", s->endpoint, strerror(-r));
	return 0;
}

/* 1: a line; 0: no more. Answers are taken while the input has no whole line yet. */
static int next_line(struct submission *s, struct line *line)
{
	int r = 0;

	while (!interrupted() && (r = lines_try(&s->lines, line, &s->ctl->fault)) == -EAGAIN) {
		(void)fflush(stdout); /* whoever feeds us line by line reads us so, too */
		r = client_submit_pending(s->submit) ? collect(s, TURN_MS) : 0;
		if (r < 0)
			return r;
		if (!client_submit_pending(s->submit))
			(void)lines_ready(&s->lines, TURN_MS);
	}
	return interrupted() ? 0 : r;
}

static int submit_lines(struct submission *s)
{
	struct line line;
	int r;

	while ((r = next_line(s, &line)) == 1) {
		r = send_line(s, &line);
		if (r < 0)
			return r;
		progress(s);
	}
	while (r == 0 && client_submit_pending(s->submit) && !interrupted())
		r = collect(s, TURN_MS);
	return r;
}

/* ---- The end ---- */
static void print_summary(const struct submission *s)
{
	char word[32];

	for (int d = 1; d < DISPOSITION_END; d++) {
		if (!s->counts[d])
			continue;
		word_lower(disposition_text((enum disposition)d), word, sizeof(word));
		(void)printf("%-12s %10llu\n", word, (unsigned long long)s->counts[d]);
	}
	for (int reason = 0; reason < REASON_END; reason++)
		if (s->reasons[reason])
			(void)printf("  %-20s %llu\n", reason ? reason_text((enum reason)reason) : "another reason",
				(unsigned long long)s->reasons[reason]);
	if (s->refused)
		(void)printf("%-12s %10llu\n", "not sent", (unsigned long long)s->refused);
	(void)printf("%-12s %10llu\n", "lines", (unsigned long long)s->acked + s->refused);
	for (size_t i = 0; i < s->first_count; i++)
		(void)printf("line %llu: %s: %s\n", (unsigned long long)s->first[i].line, s->first[i].reason,
			s->first[i].sentence);
	if (s->counts[DISPOSITION_QUARANTINED] > s->first_count)
		(void)puts("and more; see cppsctl quarantine");
}

static enum ctl_exit finish(struct submission *s, int r)
{
	size_t pending = client_submit_pending(s->submit);

	if (s->bar) {
		draw(s);
		(void)fputc('\n', stderr);
	}
	if (!ctl_json(s->ctl))
		print_summary(s);
	if (r < 0)
		return ctl_fail(s->ctl);
	if (interrupted()) {
		(void)fault_set(&s->ctl->fault, -EINTR,
			"stopped after line %llu, %zu not answered; submit the file again: what was taken is answered "
			"duplicate",
			(unsigned long long)s->lines.number, pending);
		return ctl_fail(s->ctl);
	}
	if (s->refused) {
		(void)fault_set(&s->ctl->fault, -E2BIG,
			"%llu lines are too long and were not sent; an event has at most 65,536 bytes",
			(unsigned long long)s->refused);
		return ctl_fail(s->ctl);
	}
	return s->counts[DISPOSITION_QUARANTINED] ? CTL_QUARANTINED : CTL_OK;
}

static enum ctl_exit submit_run(struct ctl *ctl)
{
	CLEANUP(client_submit_freep) struct client_submit *submit = NULL;
	struct submission s = { .ctl = ctl };
	struct client_submit_options options = { 0 };
	const struct config *config;
	enum ctl_exit status;

	if (ctl_config(ctl, &config) < 0)
		return ctl_fail(ctl);
	options.endpoints = config->endpoints.submit.list;
	options.window = (size_t)ctl_number(ctl, "window", 0);
	if (lines_open(&s.lines, ctl->operand_count ? ctl->operands[0] : NULL, &ctl->fault) < 0)
		return ctl_fail(ctl);
	if (client_submit_new(&options, &submit, &ctl->fault) < 0) {
		lines_close(&s.lines);
		return ctl_fail(ctl);
	}
	interrupt_watch();
	s.submit = submit;
	s.endpoint = options.endpoints[0];
	s.patience = (double)ctl_number(ctl, "timeout", 0);
	s.bar = isatty(STDERR_FILENO) && !ctl_flag(ctl, "quiet");
	touch(&s.heard);
	status = finish(&s, submit_lines(&s));
	lines_close(&s.lines);
	return status;
}

static const struct option_row submit_options[] = {
	{ "window", OPTION_NUMBER, "N", "most events under way at once (default: 500)", NULL, false },
	{ "timeout", OPTION_NUMBER, "SECONDS", "give up after so long without an answer (default: wait for ever)", NULL,
		false },
	{ "quiet", OPTION_FLAG, NULL, "no progress bar", NULL, false },
	OPTIONS_END,
};

const struct command command_submit = {
	.name = "submit",
	.operands = "[FILE|-]",
	.most = 1,
	.help = "feed events to the bridge, one JSON CloudEvent a line",
	.more = "Each line is sent as it is, and the bridge is the judge; blank lines are passed over. Without FILE, "
		"or with -, standard input is read.\n\n"
		"An answer comes after the event has been decided and stored: accepted, parked (it waits for an order "
		"or case not yet known), "
		"quarantined (set aside, see cppsctl quarantine) or duplicate (decided before). With --json each "
		"answer is a line, in the order of the "
		"lines: line, id, source, disposition, reason, sentence, seq (the last record it caused). Submitting a "
		"file again is safe.\n\n"
		"A bridge that stops is waited for; what it had not answered is sent again.",
	.options = submit_options,
	.run = submit_run,
};
