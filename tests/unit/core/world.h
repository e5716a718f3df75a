/* A world for the tests of core/: facts in memory, a recorder of what is published, and a small language in which a test is a table.
 *
 *	static const struct play_row rows[] = {
 *		{ "R1", "2026-11-25 09:00", "sentence.imposed order=O1 prn=P1 type=SUPERVISION effective=2026-11-25 office=NELSON",
 *		  "ACCEPTED", "allocation.requested/NELSON O1 state=OPEN; task.completed O1:1; task.opened O1:2" },
 *		{ "R1", NULL, "show O1", NULL, "state=OPEN tasks=1C,2O,3W,4O,5O,6O,7O,8O" },
 *	};
 *	assert_int_equal(world_play(world, rows, ARRAY_LENGTH(rows)), 0);
 *
 * An event is the end of its type (`imposed` or `sentence.imposed`) and `key=value` words; world.c has the table of keys. `id` counts up (e1,
 * e2, ..), `time` is the world's now, `source` and `kind` the first that may send the type, unless they are said. Dates are
 * 2026-11-25; moments are local (Pacific/Auckland), 2026-11-25T09:00. `fault=REASON` is an event that could not be decoded.
 * Equal words make equal content; equal words with an equal id make equal bytes.
 *
 * What is expected is a list, divided by `;`, of words that the line must hold; words may end in `*`, and begin with
 * `!`: the line must not hold them. The lines must be as many and in that order. Of a record's first word,
 * `name/office`, the office may be left out. */
#pragma once

#include "base/arena.h"
#include "core/decide.h"

struct world_row; /* one row of any kind, in the order of making */

struct world {
	struct facts facts;
	struct effects effects;
	const struct policy *policy; /* borrowed */
	struct instant now;
	struct arena *arena;
	struct world_row *rows; /* newest first */
	char **lines;           /* records published since world_clear(), as text */
	size_t line_count;
	uint64_t seq;    /* of the last record ever published */
	uint64_t number; /* of the last parked or quarantined row */
	unsigned event_count;
	int fail_in; /* the row made after so many more is out of memory; -1: never */
};

/* A world that starts at 2026-11-25 09:00 local. Never NULL: it aborts when out of memory. */
struct world *world_new(const struct policy *policy);
struct world *world_free(struct world *world);
DEFINE_CLEANUP(struct world, world_free)

/* The moment of a local time, "2026-11-25 09:00" or with T. */
struct instant world_moment(const struct world *world, const char *text);
/* An event from its words, held by the world. *ret_fault: REASON_NONE unless the words say fault=. */
struct event *world_event(struct world *world, const char *words, enum reason *ret_fault);
/* Decides an event now. Its verdict and what decide_event() returned. */
int world_decide(struct world *world, const char *words, struct verdict *ret);
/* Fires every timer that is due now, in time order, as the service does. */
void world_tick(struct world *world);

/* Forgets the records published so far. */
void world_clear(struct world *world);
/* NULL when the lines hold what is expected, else a text that shows both. */
const char *world_compare(struct world *world, char *const *lines, size_t n, const char *expected);

struct play_row {
	const char *rule; /* number and, if you like, a phrase: printed where the row fails */
	const char *at;   /* moves the world's now; NULL: no time passes */
	const char *
		what; /* an event's words; or tick, show ORDER, case PTP_REF, person PRN, claim ID, parked REF, quarantine ID,
	                        retry ID [words of the event], lose ID (its bytes), discard ID */
	const char *verdict; /* "ACCEPTED", "QUARANTINED UNKNOWN_OFFICE", ..; NULL: not asked */
	const char *records; /* what is published, or the lines shown; "": nothing; NULL: not asked */
};

/* Plays the rows in order; prints those that fail and returns their number. */
int world_play(struct world *world, const struct play_row *rows, size_t n);
/* Plays them in a world of their own. */
int world_play_new(const struct policy *policy, const struct play_row *rows, size_t n);
