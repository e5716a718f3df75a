/* A bench for the PTP rules: one offender with one extended supervision order in fixed rows, so that a million events cost no memory. Events are
 * decided by decide_event(), as in the daemon; what is published is kept until the next event. */
#pragma once

#include "core/decide.h"

#define BENCH_CASES   4
#define BENCH_RECORDS 16

#define BENCH_ORDER    "ES-2026-0001"
#define BENCH_CASE     "PTP-2026-0001"
#define BENCH_PRN      "10000001"
#define BENCH_STRANGER "10000002"

struct bench_record {
	struct record record; /* its pointers to rows show what they hold now; see the copies */
	struct task task;
	enum ptp_state state;
	uint8_t stage;
	char sentence[FAULT_MAX];
};

struct bench {
	const struct policy *policy; /* borrowed */
	struct facts facts;
	struct effects effects;
	struct instant now;
	struct file file, other_file;
	struct person person, stranger;
	struct request order;
	struct ptp_case cases[BENCH_CASES];
	size_t case_count;
	struct claim claim;
	struct parked parked;
	struct quarantined quarantined;
	struct bench_record records[BENCH_RECORDS];
	size_t record_count;
	uint64_t seq;
	bool out_of_memory; /* add_case() and person() give nothing */
	struct verdict verdict;
};

/* The order started on 2026-03-01 and has no end; now is 2026-03-02 09:00 in Auckland. No case yet. */
void bench_begin(struct bench *bench, const struct policy *policy);
/* An event of the type, that happens now, by somebody; its fields as good as they can be: considered and revised with everything met, from
 * 2026-03-01 to 2027-03-01. */
struct event bench_event(const struct bench *bench, enum event_type type);
struct event bench_stage(const struct bench *bench, uint8_t stage, enum role role, enum ptp_outcome outcome);
struct event bench_imposition(const struct bench *bench, enum ptp_imposition outcome);
/* Decides it; the verdict is in bench->verdict too. What decide_event() returned. */
int bench_decide(struct bench *bench, const struct event *event);
/* REASON_NONE when it was accepted. */
enum reason bench_reason(struct bench *bench, const struct event *event);
/* Begins anew with a case that stands at a stage, of which `outcomes` have been recorded. */
struct ptp_case *bench_case_at(struct bench *bench, const struct policy *policy, uint8_t stage, uint32_t outcomes);
/* The case once its recommendations are approved, and once it is imposed. */
struct ptp_case *bench_approved(struct bench *bench, const struct policy *policy);
struct ptp_case *bench_imposed(struct bench *bench, const struct policy *policy);
/* Fires what is due at `now`, one record after the other. */
void bench_tick(struct bench *bench, struct instant now);

/* How many records of the name the last event published, and the first of them (it fails the test where there is none). */
size_t bench_count(const struct bench *bench, enum record_name name);
const struct bench_record *bench_record(const struct bench *bench, enum record_name name);
