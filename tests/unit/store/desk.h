/* Helpers for the tests of the store's loop side: a store with a cabinet on a real event loop and a real PostgreSQL, and what it has told. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "store/cluster.h"
#include "store/inside_store.h"

#define DESK_ENDPOINTS 4

struct desk {
	struct store *store;
	struct cabinet *cabinet;
	/* What the callbacks told: how often, and the last. */
	int leading, standby, lost, refused;
	struct term term;
	struct source_position positions[SOURCES_MAX];
	enum store_synchronous synchronous;
	char sentence[FAULT_MAX];
	char lost_sentences[8][FAULT_MAX]; /* the first eight */
	char leader[DESK_ENDPOINTS][64];
	size_t leader_count;
	uint64_t head;
	uint64_t lost_us; /* monotonic: when it was lost last */
};

/* A completion. */
struct answer {
	bool came;
	enum store_result result;
	char sentence[FAULT_MAX];
};

/* cmocka's group set-up and teardown: the cluster, a migrated database to copy, and the loop. */
int desk_setup(void **state);
int desk_teardown(void **state);

/* A migrated database of this name; its conninfo, kept until the next call. */
const char *desk_database(const char *name);

/* A store that is started, with "ipc://<endpoint>" as its log endpoint, quota 1,000 bytes; desk_lead() waits until it leads. */
void desk_open(struct desk *desk, const char *conninfo, const char *endpoint);
void desk_open_stream(struct desk *desk, const char *conninfo, const char *endpoint, const char *stream);
/* One that requires a synchronous standby. */
void desk_open_requiring(struct desk *desk, const char *conninfo);
void desk_lead(struct desk *desk, const char *conninfo);
void desk_close(struct desk *desk);

sd_event *desk_loop(void);
uint64_t desk_now_us(void);
/* One turn of the loop, of at most 20 ms. */
void desk_turn(void);
void desk_run(int ms);

/* Turns the loop until the condition holds; the test fails after so many milliseconds. */
#define WAIT_FOR(condition, ms)                                                           \
	do {                                                                              \
		const uint64_t wait_end_ = desk_now_us() + (uint64_t)(ms)*1000;           \
		while (!(condition)) {                                                    \
			if (desk_now_us() > wait_end_)                                    \
				fail_msg("%s did not come within %d ms", #condition, ms); \
			desk_turn();                                                      \
		}                                                                         \
	} while (0)

void answer_note(void *context, enum store_result result, const char *sentence);
void assert_says(const char *sentence, const char *part);

/* Asks and waits. */
void desk_load(struct desk *desk, const struct store_keys *keys);
void desk_load_event(struct desk *desk, const struct event *event);
enum store_result desk_commit(struct desk *desk, const struct store_batch *batch, struct answer *ret);
/* A commit of `n` records of any content, which must succeed; the cabinet is settled and the head moves. */
void desk_commit_ok(struct desk *desk, size_t n);
/* The batch of `n` records "r<seq>" with topic "task.opened/WELLINGTON", kept until the next call. */
struct store_batch desk_batch(const struct desk *desk, size_t n);

/* An instant of 2026, `seconds` on; with microseconds, so that they are seen to be kept. */
struct instant moment(int64_t seconds);
