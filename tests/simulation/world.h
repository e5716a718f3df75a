/* The simulated world: one process, one thread, one clock that moves only from one happening to the next.
 *
 * Under test is the daemon as it is shipped, whole. Only what touches the machine is replaced, each by definitions of the same names that are linked in
 * front of it: sd-event and the clocks (clock.c), flow/socket.h (bus.c: the bus), store/connection.h (database.c: PostgreSQL), the configuration and the
 * log (process.c). Every choice comes from one generator, so a seed is a whole history, and says so again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "core/policy.h"
#include "wire/protocol.h"

#define MS (US_PER_SECOND / 1000)

/* ---- Chance ---- */

uint64_t chance(uint64_t below);           /* 0 .. below - 1 */
bool happens(unsigned per_mille);          /* so many times in a thousand */
int64_t span(int64_t least, int64_t most); /* of time */
bool fault_happens(unsigned per_mille);    /* never again once faults have stopped */

/* ---- Faults, counted by kind ---- */

#define FAULTS(X)                                                \
	X(DROPPED, "live messages dropped")                      \
	X(DOUBLED, "live messages doubled")                      \
	X(LATE, "messages late")                                 \
	X(BREAKS, "connections of the bus broken")               \
	X(CRASHES, "daemons killed")                             \
	X(STOPS, "daemons stopped and continued")                \
	X(OUTAGES, "database outages")                           \
	X(SESSIONS, "database sessions broken")                  \
	X(UNKNOWN, "commits of unknown outcome")                 \
	X(GHOSTS, "transactions left to run after their daemon") \
	X(POISON, "transactions refused as poison")              \
	X(READS, "reads failed")                                 \
	X(LOCKS, "leader's locks lost")                          \
	X(FENCED, "transactions turned away by the fence")       \
	X(TAKEOVERS, "terms taken")                              \
	X(EVICTIONS, "leaders evicted")                          \
	X(RESTARTS, "sources restarted")                         \
	X(SWITCHES, "sources taken over")                        \
	X(RESTORES, "sources restored from an older copy")       \
	X(TRIMS, "logs trimmed")                                 \
	X(RESENDS, "submitters that connected anew")             \
	X(LEAPS, "leaps of the wall clock")
#define FAULT_CONSTANT(name, text) FAULT_##name,
enum fault_kind { FAULTS(FAULT_CONSTANT) FAULT_KINDS };
void count_fault(enum fault_kind kind);

/* ---- Time ---- */

/* One simulated process: what belongs to it does not happen while it is stopped, nor after it has died. */
struct loop {
	bool dead;
	int64_t stopped_until;
};

struct world {
	uint64_t seed, steps;
	int64_t now;  /* CLOCK_MONOTONIC, microseconds */
	int64_t wall; /* CLOCK_REALTIME is so far ahead of it */
	bool faults;  /* they still happen */
	bool told;    /* the history is printed */
	uint64_t counts[FAULT_KINDS];
};
extern struct world world;

void clock_reset(void);
/* Calls happen(what, number) after `in` microseconds, in the process `loop`, or in none (NULL). */
void later(struct loop *loop, int64_t in, void (*happen)(void *what, uint64_t number), void *what, uint64_t number);
/* False: nothing will ever happen again. */
bool clock_step(void);
int64_t wall_us(void);
struct loop *loop_of(sd_event *event);

/* Memory of the seed, zeroed; freed all at once. */
void *take(size_t n);
void *take_copy(const void *bytes, size_t n);
void take_reset(void);

/* ---- Telling ---- */

#define TELL(...)                          \
	do {                               \
		if (world.told)            \
			tell(__VA_ARGS__); \
	} while (0)
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Something that must not happen has happened: ends the seed. */
void broken(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- The bus ---- */

void bus_draw_key(void); /* of its hash tables; once a process */
void bus_reset(void);
void bus_break_one(void); /* a connection, at random */
struct flow_socket;
/* Tells the owner of a connecting socket when its connection ends, as a monitor would. */
void bus_watch(struct flow_socket *socket, void (*on_cut)(void *owner), void *owner);

/* ---- Letters: the events of the world, made once ---- */

struct made_event {
	char id[24];
	const char *source;
	char order[24];
	struct bytes bytes;
	bool poison, bad; /* PostgreSQL refuses its row; the rules refuse it */
	bool opens;       /* it makes a request */
};
enum { LETTERS_COURT, LETTERS_PRISON, LETTERS_TOOLS, LETTER_KINDS };
#define COURT_SOURCE  "urn:court"
#define PRISON_SOURCE "urn:prison"
#define TOOLS_SOURCE  "urn:tools"
#define OUR_STREAM    "nz"

void letters_make(void);
size_t letters_count(int kind);
const struct made_event *letter_at(int kind, size_t i);

/* ---- The database ---- */

struct log_entry {
	uint64_t seq, epoch;
	int64_t recorded_at;
	const char *topic, *cause;
	struct bytes event;
};

void database_draw_key(void);
void database_reset(const struct policy *policy);
void database_outage(int64_t length);
void database_break_one(void);
void database_lose_lock(void);
uint64_t database_head(void);
uint64_t database_first(void);
const struct log_entry *database_entry(uint64_t seq); /* NULL: there is none */
/* What has become of an event. */
struct fate {
	unsigned claims, held, closed;
	bool parked;
};
struct fate database_fate(const char *source, const char *id);
bool database_has_bytes(struct bytes bytes);
struct position database_position(const char *source);
void database_check(void);

/* ---- Sources ---- */

void sources_begin(void);
void sources_end(void);
void sources_disturb(void);
bool sources_settled(void);
/* A record that was once written to stream i under (epoch, seq); NULL: never. */
const struct made_event *source_wrote(int i, uint64_t epoch, uint64_t seq);
/* Those ever written under that number, one by one from *at = 0: NULL ends. */
const struct made_event *source_wrote_next(int i, uint64_t seq, size_t *at);
uint64_t source_head(int i);
uint64_t source_first(int i);
uint64_t source_ever_first(int i);             /* the largest first record it ever had */
uint64_t source_epoch_of(int i, uint64_t seq); /* 0: not in its log */
#define SOURCES 2

/* ---- Daemons ---- */

#define DAEMONS 2
void daemons_begin(void);
void daemons_end(void);
void daemons_disturb(void);
bool daemons_settled(void);
void daemons_say(void); /* how far each has come */

/* ---- Submitters and consumers ---- */

void clients_begin(void);
void clients_end(void);
bool clients_settled(void);
void clients_say(void);
/* simulate.c: an event that was acknowledged, or whose position was passed, has one disposition. */
void check_fate(const struct made_event *event);
void clients_check(void);
