/* Rows with something in every field, for the tests of store/. Variants 0 and 1 differ in every field; variant 2 has nothing where a field
 * may have nothing. Filling marks the row as changed. The comparisons name the first field's offset that differs. */
#pragma once

#include "store/inside_cabinet.h"

enum { FILLED, FILLED_OTHERWISE, FILLED_EMPTY, FILLED_VARIANTS };

void fill_person(struct person *person, int variant);
void fill_request(struct request *request, int variant);
void fill_case(struct ptp_case *ptp, int variant);
void fill_claim(struct claim *claim, int variant);
void fill_parked(struct parked *parked, int variant);
void fill_quarantined(struct quarantined *quarantined, int variant);
struct hash hash_of(const char *text);

/* A new one through the facts, filled, in the file of `prn`; a case in the request. */
struct request *new_request(struct cabinet *cabinet, const char *prn, const char *order_ref, int variant);
struct ptp_case *new_case(struct cabinet *cabinet, const char *order_ref, const char *ptp_ref, int variant);
struct claim *new_claim(struct cabinet *cabinet, const struct event *event, int variant);
struct parked *new_parked(struct cabinet *cabinet, const struct event *event, const char *waits_for, int variant);
struct quarantined *new_quarantined(struct cabinet *cabinet, const struct event *event, int variant);
struct person *known_person(struct cabinet *cabinet, const char *prn);

/* Moves the file of `prn` into that of `into`, as the rules do for a merge (R9). */
void merge(struct cabinet *cabinet, const char *prn, const char *into);

/* An event of the kind that is parked, as JSON bytes of its own that wire/ decodes; of an id and an order. Good until the arena goes. */
struct event waiting_event(struct arena *arena, const char *id, const char *order_ref);
/* One that waits for an order and would open a case. */
struct event considered_event(struct arena *arena, const char *id, const char *order_ref, const char *ptp_ref);

/* What the table keeps of both rows is the same. */
void assert_same_person(const struct person *a, const struct person *b);
void assert_same_request(const struct request *a, const struct request *b);
void assert_same_case(const struct ptp_case *a, const struct ptp_case *b);
void assert_same_claim(const struct claim *a, const struct claim *b);
void assert_same_parked(const struct parked *a, const struct parked *b);
void assert_same_quarantined(const struct quarantined *a, const struct quarantined *b);
void assert_same_event(const struct event *a, const struct event *b);
