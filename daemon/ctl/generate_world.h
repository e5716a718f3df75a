/* Inside of generate: the made-up world, its clock, its letters. */
#pragma once

#include <stdbool.h>

#include "core/words.h"
#include "ctl/generate.h"

/* ---- Chance: xoshiro256**, seeded by splitmix64 ---- */
struct dice {
	uint64_t s[4];
};

void dice_seed(struct dice *dice, uint64_t seed);
uint64_t dice_next(struct dice *dice);
uint32_t dice_below(struct dice *dice, uint32_t n);                 /* 0 .. n - 1 */
int64_t dice_between(struct dice *dice, int64_t low, int64_t high); /* both included */
bool dice_chance(struct dice *dice, uint32_t per_thousand);
/* The index of one of `n` weights, each as likely as its weight. */
size_t dice_pick(struct dice *dice, const uint32_t *weights, size_t n);

/* ---- Tables ---- */
#define OFFICES 15
#define PRISONS 12

struct office_row {
	const char *office, *code, *court, *court_id;
	uint32_t weight; /* roughly its share of the people, in per cent */
};
extern const struct office_row office_rows[OFFICES];
extern const uint32_t office_weights[OFFICES];
extern const char *const prison_names[PRISONS];

struct type_row {
	uint32_t weight; /* stock, December 2014, per mille */
	enum source_kind sent_by;
	uint32_t scheduled;    /* per mille that are announced */
	uint32_t preallocated; /* of those, per mille that have an officer before they take effect */
	int16_t least_months, most_months;
};
extern const struct type_row type_rows[ORDER_TYPE_END];
extern const uint32_t type_weights[ORDER_TYPE_END];

extern const char *const condition_codes[8];

/* Things that are rare happen at every so-many-th chance, so that each is there in a few thousand events whatever the seed. */
enum rare {
	RARE_MERGE,
	RARE_UNMERGE,
	RARE_CANCEL,
	RARE_VARY,
	RARE_TRANSFER,
	RARE_RECALL,
	RARE_RELEASE_OFF,
	RARE_UNDONE,
	RARE_COPY,
	RARE_REOPEN,
	RARE_NOT_REQUIRED,
	RARE_LATE,
	RARE_STRAY,
	RARE_PTP,
	RARE_MOVED,
	RARE_END
};
struct rare_row {
	uint32_t first, every;
};
extern const struct rare_row rare_rows[RARE_END];

struct ptp_row {
	uint8_t stage;
	enum role role;
	enum ptp_outcome outcome;
};
#define PTP_ROWS 14
extern const struct ptp_row ptp_rows[PTP_ROWS];

/* ---- The world ---- */

/* Seconds of working time since the first morning. */
typedef int64_t moment;
#define WORKING_DAY 28800

struct offender {
	uint32_t number; /* makes the PRN */
	uint8_t office;
	int16_t officer; /* -1: nobody yet */
	bool retired, serves_cso;
};

struct order {
	uint32_t offender, number;
	uint16_t year;
	uint8_t part; /* of its court case */
	enum order_type type;
	uint8_t office;     /* where it is managed */
	uint8_t named;      /* which the court or prison named last */
	uint8_t court;      /* of which place: part of its key */
	uint8_t documents;  /* bits 1 << enum document received */
	uint8_t conditions; /* bits of condition_codes */
	int16_t officer;
	enum tri cso;
	bool announced, effective, closed, paper_due, varied;
	struct date effective_on, starts_on, ends_on;
};

struct ptp {
	uint32_t order, number;
	uint8_t next; /* row of ptp_rows */
	uint8_t last; /* gives up after so many rows */
	bool full_time, revised;
};

enum happening {
	HAPPENS_ARRIVAL,
	HAPPENS_BASELINE,
	HAPPENS_SCHEDULE,
	HAPPENS_EFFECT,
	HAPPENS_DOCUMENT,
	HAPPENS_ASSESS,
	HAPPENS_CSO9,
	HAPPENS_ALLOCATE,
	HAPPENS_TASK,
	HAPPENS_NOT_REQUIRED,
	HAPPENS_REOPEN,
	HAPPENS_VARY,
	HAPPENS_TRANSFER,
	HAPPENS_CANCEL,
	HAPPENS_RECALL,
	HAPPENS_RELEASE_OFF,
	HAPPENS_COPY,
	HAPPENS_MERGE,
	HAPPENS_UNMERGE,
	HAPPENS_PTP,
	HAPPENS_END
};

/* What will happen. */
struct item {
	moment at;       /* when it arrives at the bridge */
	moment time;     /* when it happened */
	uint64_t serial; /* of equals, the first planned comes first */
	enum happening what;
	uint32_t subject; /* order, offender, office or PTP case */
	uint32_t detail;  /* document, step, other offender, ... */
};

#define RECENT             256
#define GENERATED_LINE_MAX 4096

struct world {
	const struct generate_options *options;
	generate_line *line;
	void *context;
	uint64_t left; /* lines still to be written */
	int result;    /* what `line` returned, or -ENOMEM */
	struct dice dice;
	struct date first; /* first working day */
	moment now;
	int64_t gap; /* mean working seconds between new orders */
	uint64_t serial;

	struct item *items; /* a heap */
	size_t item_count, item_room;
	struct offender *offenders;
	size_t offender_count, offender_room;
	struct order *orders;
	size_t order_count, order_room;
	struct ptp *ptps;
	size_t ptp_count, ptp_room;
	uint32_t first_number; /* where numbers of people and cases start */
	uint32_t cases, arrivals;
	uint32_t chances[RARE_END];

	char *recent[RECENT]; /* good lines, to be sent twice */
	size_t recent_next;
};

/* Plans: `delay` working seconds after `now`, and when it happened. */
void world_plan(struct world *world, moment at, moment time, enum happening what, uint32_t subject, uint32_t detail);
void world_plan_in(struct world *world, int64_t delay, enum happening what, uint32_t subject, uint32_t detail);
bool world_rare(struct world *world, enum rare rare);
struct date world_date(const struct world *world, moment at);
struct instant world_instant(const struct world *world, moment at);
/* Room for one more of an array; NULL: no memory (and world->result says so). */
void *world_grow(struct world *world, void *array, size_t count, size_t *room, size_t size);

void story_begin(struct world *world);
void story_happen(struct world *world, const struct item *item);

/* ---- Letters: one event as it will be written ---- */
#define FIELDS_MAX 16
#define FIELD_TEXT 200

struct letter {
	enum event_type type;
	enum source_kind source;
	struct instant time;
	char id[40];
	struct letter_field {
		const char *name;
		bool bare; /* a number, true, false or an array */
		char value[FIELD_TEXT];
	} fields[FIELDS_MAX];
	size_t n;
};

void letter_begin(
	struct world *world, struct letter *letter, enum event_type type, enum source_kind source, moment time);
void letter_text(struct letter *letter, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void letter_bare(struct letter *letter, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void letter_date(struct letter *letter, const char *name, struct date date);
/* Writes it, with what goes wrong in real feeds around it. */
void letter_send(struct world *world, const struct letter *letter);
