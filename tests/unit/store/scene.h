/* What the tests of facts and effects share: one store that leads, its cabinet, another cabinet, and rows with something in every field. */
#pragma once

#include "store/desk.h"
#include "store/filled.h"

#include <stdlib.h>

extern char conninfo[400];
extern struct arena *arena;
extern struct desk desk;
extern struct cabinet *other;
extern struct answer pending; /* of commit_begin() */

/* cmocka's set-up and teardown of a test. */
int scene_begin(void **state);
int scene_end(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, scene_begin, scene_end)

/* Leads on a migrated database of this name. */
void lead(const char *database);
const char *ask(const char *sql);
void assert_asks(const char *sql, const char *expected);

/* Another session with a transaction open, that holds a lock; PQfinish() lets go. */
PGconn *locked(const char *lock);
#define LOCK_LOG "LOCK TABLE cpps_store.batch IN ACCESS EXCLUSIVE MODE" /* holds every commit up at the fence */

void load_into(struct cabinet *cabinet, const struct store_keys *keys);
void load_event_into(struct cabinet *cabinet, const struct event *event);
struct request *request_of(struct cabinet *cabinet, const char *order_ref);

/* A commit that is under way; committed() waits for it. */
void commit_begin(size_t records);
void committed(void);

/* One row of each kind, named by the variant it was first made with. */
struct set {
	char prn[8], order_ref[8], ptp_ref[8];
	struct event waiting, bad;
	struct request *request;
	struct ptp_case *ptp;
	struct claim *claim;
	struct parked *parked;
	struct quarantined *quarantined;
	struct person *person;
};

/* An event that touches all of them. */
struct event event_of(const struct set *set);
void make_set(struct cabinet *cabinet, int variant, struct set *set);
void find_set(struct cabinet *cabinet, const struct set *like, struct set *set);
void assert_same_set(const struct set *a, const struct set *b);
void change_set(struct set *set, int variant);

/* Parks an event of its own with its claim. */
void park(const char *id, const char *order_ref);
