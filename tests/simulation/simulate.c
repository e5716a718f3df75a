/* simulate [--seeds N] [--first N] [--seed N] [--jobs N]: histories of the simulated world, each made by its seed.
 *
 * A history is two to seven seconds of faults, then peace until everything has come to rest; then what must hold is checked (check_all()). One that
 * breaks is played once more to show its last steps, and ends the run. `--seed N` plays one and tells all of it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/policy_csv.h"
#include "world.h"

#define LAST_LINES 60
#define LINE_MAX_  256
#define PATIENCE   (90 * US_PER_SECOND)
#define LOOK_US    (100 * MS)
#define STEPS_MAX_ 2000000

static struct policy policy;
static jmp_buf end_of_seed;
static char complaint[512];
static char lines[LAST_LINES][LINE_MAX_];
static size_t line_count;
static bool whole; /* every line is printed as it comes */

/* ---- Telling ---- */

void tell(const char *format, ...)
{
	char *line = lines[line_count++ % LAST_LINES];
	va_list args;
	int n = snprintf(line, LINE_MAX_, "%10.6f  ", (double)(world.now - 1000 * US_PER_SECOND) / 1e6);

	va_start(args, format);
	(void)vsnprintf(line + n, (size_t)(LINE_MAX_ - n), format, args);
	va_end(args);
	if (whole)
		(void)puts(line);
}

void broken(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	longjmp(end_of_seed, 1);
}

/* ---- Faults ---- */

static void leap(void)
{
	count_fault(FAULT_LEAPS);
	world.wall += span(1, 100) * US_PER_HOUR;
	TELL("the wall clock leaps");
}

static void disturb(void *what, uint64_t number)
{
	const uint64_t kind = chance(100);

	(void)what, (void)number;
	if (!world.faults)
		return;
	if (kind < 30)
		sources_disturb();
	else if (kind < 50)
		bus_break_one();
	else if (kind < 68)
		daemons_disturb();
	else if (kind < 80)
		database_break_one();
	else if (kind < 88)
		database_outage(span(10 * MS, 2 * US_PER_SECOND));
	else if (kind < 96)
		database_lose_lock();
	else
		leap();
	later(NULL, span(10 * MS, 700 * MS), disturb, NULL, 0);
}

static void calm(void *what, uint64_t number)
{
	(void)what, (void)number;
	TELL("faults stop");
	world.faults = false;
}

/* ---- What must hold at the end ---- */

void check_fate(const struct made_event *event)
{
	const struct fate fate = database_fate(event->source, event->id);

	if (fate.claims + (fate.held + fate.closed > 0) != 1)
		broken("%s has %u claims and %u quarantines: one disposition, of one kind", event->id, fate.claims,
			fate.held + fate.closed);
	if (event->poison && fate.claims)
		broken("%s is poison and was taken", event->id);
	if (event->bad && fate.claims)
		broken("%s is wrong and was taken", event->id);
}

/* Records that an event caused, by name; of the log as it is at the end. */
static const char *const effects[] = { "allocation.requested", "allocation.allocated", "allocation.reallocated",
	"event.quarantined" };
enum { REQUESTED, ALLOCATED, REALLOCATED, SET_ASIDE };

static unsigned records_of(const char *cause, int effect)
{
	const size_t n = strlen(effects[effect]);
	unsigned count = 0;

	for (uint64_t seq = 1; seq <= database_head(); seq++) {
		const struct log_entry *entry = database_entry(seq);

		count += entry->topic[0] == effects[effect][0] && !strncmp(entry->topic, effects[effect], n) &&
			 entry->topic[n] == '/' && entry->cause && !strcmp(entry->cause, cause);
	}
	return count;
}

/* An order that has been opened by anybody has been opened once. */
static void check_order(const char *order)
{
	unsigned taken = 0, opened = 0;

	for (size_t i = 0; i < letters_count(LETTERS_COURT); i++) {
		const struct made_event *event = letter_at(LETTERS_COURT, i);

		if (!event->opens || strcmp(event->order, order) != 0)
			continue;
		taken += database_fate(event->source, event->id).claims;
		opened += records_of(event->id, REQUESTED);
	}
	if (opened != (taken > 0))
		broken("%s was opened %u times by %u events", order, opened, taken);
}

static void check_effects(const struct made_event *event)
{
	const struct fate fate = database_fate(event->source, event->id);
	const unsigned officers = records_of(event->id, ALLOCATED) + records_of(event->id, REALLOCATED),
		       set_aside = records_of(event->id, SET_ASIDE);

	if (event->opens)
		check_order(event->order);
	/* One that was parked first is set aside with what came for it: that is the cause. */
	if (set_aside > fate.held + fate.closed)
		broken("%s was quarantined %u times and published so %u times", event->id, fate.held + fate.closed,
			set_aside);
	if (!strncmp(event->id, "officer-", 8) && officers != (fate.claims && !fate.parked))
		broken("%s has allocated %u times", event->id, officers);
}

static void check_all(void)
{
	database_check();
	clients_check();
	for (int kind = 0; kind < LETTER_KINDS; kind++)
		for (size_t i = 0; i < letters_count(kind); i++)
			check_effects(letter_at(kind, i));
}

/* ---- One history ---- */

static bool settled(void)
{
	return !world.faults && sources_settled() && daemons_settled() && clients_settled();
}

static void live(void)
{
	int64_t deadline = world.now + 7 * US_PER_SECOND + PATIENCE, look = world.now;

	for (;;) {
		if (world.now >= look) {
			if (settled())
				return;
			look = world.now + LOOK_US;
		}
		if (!clock_step())
			broken("nothing happens any more");
		if (world.now <= deadline && world.steps <= STEPS_MAX_)
			continue;
		daemons_say();
		clients_say();
		broken("it does not come to rest: sources %s, daemons %s, clients %s",
			sources_settled() ? "have" : "have not", daemons_settled() ? "have" : "have not",
			clients_settled() ? "have" : "have not");
	}
}

static bool play(uint64_t seed, bool told)
{
	bool good = false;

	world.seed = seed;
	world.told = told;
	world.faults = true;
	line_count = 0;
	clock_reset();
	bus_reset();
	database_reset(&policy);
	if (setjmp(end_of_seed) == 0) {
		sources_begin();
		daemons_begin();
		clients_begin();
		later(NULL, span(0, US_PER_SECOND), disturb, NULL, 0);
		later(NULL, span(2 * US_PER_SECOND, 7 * US_PER_SECOND), calm, NULL, 0);
		live();
		check_all();
		daemons_end();
		clients_end();
		sources_end();
		take_reset();
		good = true;
	}
	return good;
}

/* ---- Many ---- */

static double seconds(void)
{
	struct timespec now;

	(void)timespec_get(&now, TIME_UTC);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct tally {
	uint64_t seeds, steps, counts[FAULT_KINDS];
	uint64_t bad; /* 1: `seed` broke */
	uint64_t seed;
};

static void show_failure(uint64_t seed)
{
	const bool again = play(seed, true);

	for (size_t i = line_count > LAST_LINES ? line_count - LAST_LINES : 0; i < line_count; i++)
		(void)printf("%s\n", lines[i % LAST_LINES]);
	(void)printf("seed %" PRIu64 " breaks: %s\nplay it again with: make simulate SEED=%" PRIu64 "\n", seed,
		again ? "and not when played again, which is a defect of the simulation" : complaint, seed);
	(void)fflush(stdout);
}

/* Seeds first, first + stride, ... */
static void work(uint64_t first, uint64_t end, uint64_t stride, int out)
{
	struct tally tally = { 0 };
	double said = seconds();

	for (uint64_t seed = first; seed < end && !tally.bad; seed += stride) {
		tally.bad = !play(seed, false);
		tally.seed = seed;
		tally.seeds++;
		tally.steps += world.steps;
		if (tally.bad || seed + stride >= end || seconds() - said > 0.2) {
			memcpy(tally.counts, world.counts, sizeof(tally.counts));
			said = seconds();
			if (write(out, &tally, sizeof(tally)) != (ssize_t)sizeof(tally))
				_exit(3);
		}
	}
}

static bool read_tally(int in, struct tally *ret)
{
	return read(in, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static void show_progress(const struct tally *tallies, int jobs, uint64_t seeds, double began)
{
	uint64_t done = 0;

	for (int i = 0; i < jobs; i++)
		done += tallies[i].seeds;
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %.0f a second ", done, seeds,
			(double)done / (seconds() - began));
}

static void show_end(const struct tally *tallies, int jobs, double began)
{
	static const char *const texts[] = {
#define FAULT_TEXT(name, text) text,
		FAULTS(FAULT_TEXT)
	};
	struct tally sum = { 0 };

	for (int i = 0; i < jobs; i++) {
		sum.seeds += tallies[i].seeds;
		sum.steps += tallies[i].steps;
		for (int k = 0; k < FAULT_KINDS; k++)
			sum.counts[k] += tallies[i].counts[k];
	}
	if (isatty(STDERR_FILENO))
		(void)fputc('\n', stderr);
	for (int k = 0; k < FAULT_KINDS; k++)
		(void)printf("%12" PRIu64 " %s\n", sum.counts[k], texts[k]);
	(void)printf("%" PRIu64 " seeds, %" PRIu64 " steps in %.1f s\n", sum.seeds, sum.steps, seconds() - began);
}

#define JOBS_MAX 64

static int run(uint64_t first, uint64_t seeds, int jobs)
{
	struct tally tallies[JOBS_MAX] = { 0 };
	int in[JOBS_MAX];
	pid_t pids[JOBS_MAX];
	double began = seconds();
	int running = jobs, status = 0;
	const struct tally *bad = NULL;

	for (int i = 0; i < jobs; i++) {
		int ends[2];

		if (pipe(ends) < 0 || (pids[i] = fork()) < 0) {
			perror("simulate");
			return 2;
		}
		if (!pids[i]) {
			(void)close(ends[0]);
			work(first + (uint64_t)i, first + seeds, (uint64_t)jobs, ends[1]);
			_exit(0);
		}
		(void)close(ends[1]);
		in[i] = ends[0];
	}
	while (running && !bad)
		for (int i = 0; i < jobs; i++) {
			if (in[i] < 0)
				continue;
			if (!read_tally(in[i], &tallies[i])) {
				(void)close(in[i]);
				in[i] = -1;
				running--;
			}
			bad = tallies[i].bad ? &tallies[i] : bad;
			show_progress(tallies, jobs, seeds, began);
		}
	for (int i = 0; i < jobs; i++) {
		int ended = 0;

		if (bad)
			(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], &ended, 0);
		if (!bad && ended) {
			(void)printf("a worker ended by itself (%d), at a seed of %" PRIu64 " + %d * n, after %" PRIu64
				     " of them\n",
				ended, first + (uint64_t)i, jobs, tallies[i].seeds);
			status = 1;
		}
	}
	show_end(tallies, jobs, began);
	if (bad)
		show_failure(bad->seed);
	return bad || status ? 1 : 0;
}

static int play_one(uint64_t seed)
{
	bool good;

	whole = true;
	good = play(seed, true);
	(void)printf("seed %" PRIu64 " %s%s, %" PRIu64 " steps\n", seed,
		good ? "holds" : "breaks: ", good ? "" : complaint, world.steps);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "seeds", required_argument, NULL, 'n' },
		{ "first", required_argument, NULL, 'f' }, { "seed", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' }, { 0 } };
	uint64_t seeds = 2000, first = 1, seed = 0;
	int jobs = 2, option;
	struct fault fault = { 0 };

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'n')
			seeds = strtoull(optarg, NULL, 10);
		else if (option == 'f')
			first = strtoull(optarg, NULL, 10);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'j')
			jobs = atoi(optarg);
		else
			return 2;
	}
	if (jobs < 1 || jobs > JOBS_MAX)
		jobs = 2;
	if (policy_from_csv(SHIPPED_POLICY, &policy, &fault) < 0) {
		(void)fprintf(stderr, "%s\n", fault.sentence);
		return 2;
	}
	letters_make();
	/* The keys of the hash tables are drawn once a process: not within a history. */
	bus_draw_key();
	database_draw_key();
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024); /* what one history gives back the next takes */
	(void)mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	return seed ? play_one(seed) : run(first, seeds, jobs);
}
