/* G1-G5, G9: each guard broken alone, on every occasion at which it is asked and at which it is not (P2-P5, P7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/policy_csv.h"
#include "core/ptp_bench.h"
#include "core/world.h"
#include "core/ptp_contract.h"

static struct policy policy;
static struct bench bench;

/* ---- Ways to break a guard: of the particulars, or of the order ---- */

typedef void spoil(struct event *event, struct request *order);

#define SPOIL(name, statement)                                       \
	static void name(struct event *event, struct request *order) \
	{                                                            \
		(void)event;                                         \
		(void)order;                                         \
		statement;                                           \
	}

SPOIL(nothing, )
SPOIL(other_type, order->order_type = ORDER_HOME_DETENTION)
SPOIL(planned, order->in_effect = false; order->state = REQUEST_PLANNED)
SPOIL(cancelled, order->state = REQUEST_CANCELLED)
SPOIL(ended, order->state = REQUEST_ENDED)
SPOIL(em_unmet, event->em_criteria_met = TRI_NO)
SPOIL(em_unknown, event->em_criteria_met = TRI_UNKNOWN)
SPOIL(unrestricted, event->residential_restrictions = TRI_NO)
SPOIL(restrictions_unknown, event->residential_restrictions = TRI_UNKNOWN)
SPOIL(early_start, event->starts_on = date_of(2026, 2, 28))
SPOIL(early_start_alone, event->starts_on = date_of(2026, 2, 28); event->ends_on = DATE_NONE)
SPOIL(late_end, event->ends_on = date_of(2027, 3, 2))
SPOIL(late_end_alone, event->ends_on = date_of(2027, 3, 2); event->starts_on = DATE_NONE)
SPOIL(no_start, event->starts_on = DATE_NONE)
SPOIL(no_end, event->ends_on = DATE_NONE)
SPOIL(no_dates, event->starts_on = event->ends_on = DATE_NONE)
SPOIL(no_codes, event->suitability.n = 0)
SPOIL(unknown_code, event->suitability.code[1] = "C9")
SPOIL(two_in_one_code, event->suitability.code[1] = "C4 C5")
SPOIL(part_of_a_code, event->suitability.code[1] = "C")
SPOIL(em_declined, event->em_approval = EM_DECLINED)
SPOIL(em_not_sought, event->em_approval = EM_NOT_SOUGHT)
SPOIL(em_not_given, event->em_approval = EM_NONE)
SPOIL(em_approved, event->em_approval = EM_APPROVED)

#define OK REASON_NONE
#define G1 REASON_PTP_G1
#define G2 REASON_PTP_G2
#define G3 REASON_PTP_G3
#define G4 REASON_PTP_G4
#define G5 REASON_PTP_G5
#define G9 REASON_PTP_G9

/* The reason at considered, at revised, at a forward move up to stage 6 and at one past it; what the sentence must say. */
static const struct row {
	const char *rule;
	spoil *spoil;
	enum reason considered, revised, early, late;
	const char *said;
} rows[] = {
	{ "all hold", nothing, OK, OK, OK, OK, "" },
	{ "G1 the order is of another type", other_type, G1, G1, G1, G1,
		"orderRef " BENCH_ORDER ": it is HOME_DETENTION" },
	{ "G1 the order is only planned", planned, G1, G1, G1, G1, "PLANNED" },
	{ "G1 the order is cancelled", cancelled, G1, G1, G1, G1, "CANCELLED" },
	{ "G1 the order has ended", ended, G1, G1, G1, G1, "ENDED" },
	{ "G2 P3 EM criteria not met", em_unmet, G2, OK, G2, G2, "emCriteriaMet" },
	{ "G2 P3 EM criteria not known", em_unknown, G2, OK, G2, G2, "emCriteriaMet" },
	{ "G3 P4 no residential restrictions", unrestricted, OK, OK, OK, G3, "residentialRestrictions" },
	{ "G3 P4 restrictions not known", restrictions_unknown, OK, OK, OK, G3, "residentialRestrictions" },
	{ "G4 P2 before the order starts", early_start, G4, G4, G4, G4, "startsOn 2026-02-28" },
	{ "G4 P2 before the order starts, endsOn open", early_start_alone, G4, G4, G4, G4, "endsOn not given" },
	{ "G4 P2 beyond twelve months", late_end, G4, G4, G4, G4, "endsOn 2027-03-02" },
	{ "G4 P2 beyond twelve months, startsOn open", late_end_alone, G4, G4, G4, G4, "startsOn not given" },
	{ "G4 startsOn is missing", no_start, OK, OK, OK, G4, "startsOn not given" },
	{ "G4 endsOn is missing", no_end, OK, OK, OK, G4, "endsOn not given" },
	{ "G4 both are missing", no_dates, OK, OK, OK, G4, "startsOn not given, endsOn not given" },
	{ "G5 P5 no suitability code", no_codes, OK, OK, OK, G5, "0 codes of at least 1" },
	{ "G5 P5 a code the policy does not know", unknown_code, G5, G5, OK, G5, "code" },
	{ "G5 P5 a part of a code is none", part_of_a_code, G5, G5, OK, G5, "code" },
	{ "G9 P7 EM approval declined", em_declined, G9, G9, G9, G9, "emApproval is DECLINED" },
	{ "G9 P7 EM approval not sought", em_not_sought, OK, OK, OK, G9, "emApproval is NOT_SOUGHT" },
	{ "G9 P7 EM approval not given", em_not_given, OK, OK, OK, G9, "emApproval is not given" },
	{ "G9 P7 EM approval approved", em_approved, OK, OK, OK, OK, "" },
};

static int wrong(const struct row *row, const char *occasion, const char *what)
{
	fprintf(stderr, "%s, at %s: %s (%s: %s)\n", row->rule, occasion, what, reason_text(bench.verdict.reason),
		bench.verdict.sentence);
	return 1;
}

/* Whether what was just decided came out as `expected`: a refusal is published once, says why, and changes nothing. */
static int check(const struct row *row, const char *occasion, enum reason expected, const struct ptp_case *before)
{
	const enum reason reason = bench.verdict.disposition == DISPOSITION_ACCEPTED ? OK : bench.verdict.reason;
	const struct bench_record *refused;

	if (reason != expected)
		return wrong(row, occasion, reason_text(expected));
	if (bench_count(&bench, RECORD_PTP_REFUSED) != (reason != OK))
		return wrong(row, occasion, "ptp.refused tells every refusal, and nothing else");
	if (reason == OK)
		return 0;
	refused = bench_record(&bench, RECORD_PTP_REFUSED);
	if (refused->record.guard != expected || !text_equal(refused->record.by, "po-7"))
		return wrong(row, occasion, "ptp.refused must name the guard and who met it");
	if (!strstr(bench.verdict.sentence, row->said) || !text_equal(refused->sentence, bench.verdict.sentence))
		return wrong(row, occasion, "the sentence must name the field and its value");
	if (before && memcmp(before, &bench.cases[0], sizeof(*before)) != 0)
		return wrong(row, occasion, "a refusal changed the case");
	return 0;
}

static int consider(const struct row *row)
{
	struct event event;

	bench_begin(&bench, &policy);
	event = bench_event(&bench, EVENT_PTP_CONSIDERED);
	row->spoil(&event, &bench.order);
	assert_int_equal(bench_decide(&bench, &event), 0);
	if (bench.case_count != (row->considered == OK))
		return wrong(row, "considered", "a case is opened exactly when all holds");
	return check(row, "considered", row->considered, NULL);
}

static void test_asks_the_guards_when_a_case_is_considered(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		failed += consider(&rows[i]);
	assert_int_equal(failed, 0);
}

static int revise(const struct row *row)
{
	struct ptp_case *ptp = bench_case_at(&bench, &policy, 3, 0), before = *ptp;
	struct event event = bench_event(&bench, EVENT_PTP_REVISED);

	row->spoil(&event, &bench.order);
	assert_int_equal(bench_decide(&bench, &event), 0);
	if (row->revised == OK && bench_count(&bench, RECORD_PTP_NOTED) != 1)
		return wrong(row, "revised", "a revision is noted once");
	if (row->revised == OK &&
		(ptp->em_criteria_met != event.em_criteria_met || ptp->ends_on.day != event.ends_on.day ||
			ptp->em_approval != event.em_approval))
		return wrong(row, "revised", "what was given must be recorded");
	return check(row, "revised", row->revised, &before);
}

static void test_asks_what_is_given_when_particulars_are_revised(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		failed += revise(&rows[i]);
	assert_int_equal(failed, 0);
}

/* The case as it stands after particulars that were not refused when they were given. */
static void put(struct ptp_case *ptp, const struct event *event)
{
	ptp->em_criteria_met = event->em_criteria_met;
	ptp->residential_restrictions = event->residential_restrictions;
	ptp->em_approval = event->em_approval;
	ptp->starts_on = event->starts_on;
	ptp->ends_on = event->ends_on;
	ptp->suitability[0] = '\0';
	for (uint8_t i = 0; i < event->suitability.n; i++) {
		strcat(ptp->suitability, i ? " " : "");
		strcat(ptp->suitability, event->suitability.code[i]);
	}
}

static int move(const struct row *row, const struct contract_row *contract, uint8_t stage)
{
	const bool late = contract->next > 6 || contract->closes == PTP_APPROVED;
	const enum reason expected = late ? row->late : contract->next ? row->early : OK;
	struct ptp_case *ptp = bench_case_at(&bench, &policy, stage, contract->needs ? BIT(contract->needs) : 0),
			before;
	struct event event = bench_event(&bench, EVENT_PTP_REVISED);
	char occasion[64];

	row->spoil(&event, &bench.order);
	put(ptp, &event);
	before = *ptp;
	event = bench_stage(&bench, stage, contract->role, contract->outcome);
	assert_int_equal(bench_decide(&bench, &event), 0);
	(void)snprintf(occasion, sizeof(occasion), "%d %s", stage, ptp_outcome_text(contract->outcome));
	return check(row, occasion, expected, &before);
}

/* Every move of the table: forward ones are guarded, those that stay or close the case without approval are not. */
static void test_asks_the_guards_at_every_forward_move_and_at_no_other(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		for (size_t k = 0; k < contract_row_count; k++)
			for (uint8_t stage = 1; stage <= CONTRACT_STAGES; stage++)
				if (!contract_rows[k].stage || contract_rows[k].stage == stage)
					failed += move(&rows[i], &contract_rows[k], stage);
	assert_int_equal(failed, 0);
}

/* ---- Imposition ---- */

static const struct {
	const char *rule;
	enum ptp_imposition outcome;
	spoil *spoil;
	enum reason reason;
} impositions[] = {
	{ "with the particulars of the case", IMPOSITION_IMPOSED, nothing, OK },
	{ "G1 again: the order is of another type by now", IMPOSITION_IMPOSED, other_type, REASON_PTP_G1 },
	{ "G3 again", IMPOSITION_IMPOSED, unrestricted, REASON_PTP_G3 },
	{ "G4 again: too early", IMPOSITION_IMPOSED, early_start_alone, REASON_PTP_G4 },
	{ "G4 again: too long", IMPOSITION_IMPOSED, late_end_alone, REASON_PTP_G4 },
	{ "NOT_IMPOSED asks nothing", IMPOSITION_NOT_IMPOSED, other_type, OK },
	{ "G8 nothing imposed can end yet", IMPOSITION_ENDED, nothing, REASON_PTP_G8 },
};

static void test_asks_again_when_a_condition_is_imposed(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(impositions); i++) {
		struct ptp_case *ptp = bench_approved(&bench, &policy), before = *ptp;
		struct event event = bench_imposition(&bench, impositions[i].outcome);
		const struct row row = { .rule = impositions[i].rule, .said = "" };

		impositions[i].spoil(&event, &bench.order);
		assert_int_equal(bench_decide(&bench, &event), 0);
		failed += check(&row, "imposition", impositions[i].reason, &before);
	}
	assert_int_equal(failed, 0);
}

static void test_takes_what_the_imposition_gives(void **state)
{
	struct ptp_case *ptp = bench_approved(&bench, &policy);
	struct event event = bench_imposition(&bench, IMPOSITION_IMPOSED);

	(void)state;
	event.monitoring = MONITORING_APPROVED_ABSENCES;
	event.residential_restrictions = TRI_YES;
	event.starts_on = date_of(2026, 6, 1);
	event.ends_on = date_of(2026, 12, 1);
	assert_int_equal(bench_reason(&bench, &event), OK);
	assert_int_equal(ptp->state, PTP_IMPOSED);
	assert_int_equal(ptp->monitoring, MONITORING_APPROVED_ABSENCES);
	assert_int_equal(ptp->starts_on.day, date_of(2026, 6, 1).day);
	assert_int_equal(ptp->ends_on.day, date_of(2026, 12, 1).day);
}

/* ---- G4: calendar months ---- */

#define D(year, month, day)      \
	{                        \
		year, month, day \
	}

static const struct {
	const char *rule;
	int start[3], months, end[3];
	enum reason reason;
} limits[] = {
	{ "P2 exactly twelve months", D(2026, 3, 1), 12, D(2027, 3, 1), OK },
	{ "P2 one day more", D(2026, 3, 1), 12, D(2027, 3, 2), G4 },
	{ "from 29 February", D(2024, 2, 29), 12, D(2025, 2, 28), OK },
	{ "from 29 February, one day more", D(2024, 2, 29), 12, D(2025, 3, 1), G4 },
	{ "from 28 February into a leap year", D(2023, 2, 28), 12, D(2024, 2, 28), OK },
	{ "from 28 February into a leap year, one day more", D(2023, 2, 28), 12, D(2024, 2, 29), G4 },
	{ "31 August + 6 months", D(2025, 8, 31), 6, D(2026, 2, 28), OK },
	{ "31 August + 6 months, one day more", D(2025, 8, 31), 6, D(2026, 3, 1), G4 },
	{ "31 August + 6 months into a leap year", D(2023, 8, 31), 6, D(2024, 2, 29), OK },
	{ "31 August + 6 months into a leap year, one day more", D(2023, 8, 31), 6, D(2024, 3, 1), G4 },
	{ "31 March + 6 months", D(2026, 3, 31), 6, D(2026, 9, 30), OK },
	{ "31 March + 6 months, one day more", D(2026, 3, 31), 6, D(2026, 10, 1), G4 },
	{ "the day before the limit", D(2026, 3, 1), 12, D(2027, 2, 28), OK },
};

static struct date day_of(const int parts[3])
{
	return date_of(parts[0], parts[1], parts[2]);
}

static void test_counts_calendar_months_from_the_orders_start(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
		struct event event;

		bench_begin(&bench, &policy);
		policy.ptps[0].months_limit = limits[i].months;
		bench.order.starts_on = day_of(limits[i].start);
		event = bench_event(&bench, EVENT_PTP_CONSIDERED);
		event.starts_on = bench.order.starts_on;
		event.ends_on = day_of(limits[i].end);
		if (bench_reason(&bench, &event) != limits[i].reason) {
			fprintf(stderr, "G4 %s: %s\n", limits[i].rule, bench.verdict.sentence);
			failed++;
		}
		policy.ptps[0].months_limit = 12;
	}
	assert_int_equal(failed, 0);
}

static void test_counts_from_the_day_of_effect_where_no_start_is_given(void **state)
{
	struct event event;

	(void)state;
	bench_begin(&bench, &policy);
	bench.order.starts_on = DATE_NONE; /* took effect on 2026-02-20 */
	event = bench_event(&bench, EVENT_PTP_CONSIDERED);
	event.starts_on = date_of(2026, 2, 20);
	event.ends_on = date_of(2027, 2, 21);
	assert_int_equal(bench_reason(&bench, &event), G4);
	event.ends_on = date_of(2027, 2, 20);
	assert_int_equal(bench_reason(&bench, &event), OK);
}

/* ---- G5: the policy's number of codes ---- */

static const struct {
	const char *rule;
	int32_t minimum;
	struct codes codes;
	enum reason reason;
} codes[] = {
	{ "one of one", 1, { { "C8" }, 1 }, OK },
	{ "none of none", 0, { { NULL }, 0 }, OK },
	{ "two of two", 2, { { "C2", "C1" }, 2 }, OK },
	{ "one of two", 2, { { "C2" }, 1 }, G5 },
	{ "the same twice is one", 2, { { "C2", "C2" }, 2 }, G5 },
	{ "the same twice and another", 2, { { "C2", "C2", "C1" }, 3 }, OK },
};

static void test_counts_each_suitability_code_once(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
		struct ptp_case *ptp = bench_case_at(&bench, &policy, 6, 0);
		struct event event = bench_event(&bench, EVENT_PTP_REVISED);

		policy.ptps[0].suitability_minimum = codes[i].minimum;
		event.suitability = codes[i].codes;
		put(ptp, &event);
		event = bench_stage(&bench, 6, ROLE_ES_OPERATIONS_ADVISER, OUTCOME_PROPOSAL_PREPARED);
		if (bench_reason(&bench, &event) != codes[i].reason) {
			fprintf(stderr, "G5 %s: %s\n", codes[i].rule, bench.verdict.sentence);
			failed++;
		}
		policy.ptps[0].suitability_minimum = 1;
	}
	assert_int_equal(failed, 0);
}

static void test_takes_as_many_codes_as_an_event_may_hold(void **state)
{
	struct ptp_case *ptp = bench_case_at(&bench, &policy, 1, 0);
	struct event event = bench_event(&bench, EVENT_PTP_REVISED);

	(void)state;
	event.suitability.n = CODES_MAX;
	for (uint8_t i = 0; i < CODES_MAX; i++)
		event.suitability.code[i] = i % 2 ? "C7" : "C3";
	assert_int_equal(bench_reason(&bench, &event), OK);
	assert_int_equal(strlen(ptp->suitability), 16 * 2 + 15);
}

static void test_takes_no_two_codes_in_one(void **state)
{
	const struct row row = { "G5 a code with a blank", two_in_one_code, G5, G5, OK, OK, "C4 C5" };

	(void)state;
	assert_int_equal(consider(&row) + revise(&row), 0);
}

/* ---- Not guards: refused with a reason of their own, and no ptp.refused ---- */

static void expect(const struct event *event, enum reason reason)
{
	assert_int_equal(bench_reason(&bench, event), reason);
	assert_int_equal(bench_count(&bench, RECORD_PTP_REFUSED), 0);
}

static void test_refuses_dates_the_wrong_way_round(void **state)
{
	struct event event;

	(void)state;
	bench_begin(&bench, &policy);
	event = bench_event(&bench, EVENT_PTP_CONSIDERED);
	event.ends_on = event.starts_on;
	expect(&event, REASON_INVALID_DATES);
	assert_int_equal(bench.case_count, 0);
	bench_case_at(&bench, &policy, 2, 0);
	event = bench_event(&bench, EVENT_PTP_REVISED);
	event.ends_on = date_plus(event.starts_on, -1);
	expect(&event, REASON_INVALID_DATES);
	/* One day is a condition. */
	event.ends_on = date_plus(event.starts_on, 1);
	expect(&event, OK);
	/* What the imposition gives is put beside what the case says. */
	bench_approved(&bench, &policy);
	event = bench_imposition(&bench, IMPOSITION_IMPOSED);
	event.ends_on = date_of(2026, 3, 1);
	expect(&event, REASON_INVALID_DATES);
}

static void test_refuses_another_persons_number(void **state)
{
	struct event event;

	(void)state;
	bench_begin(&bench, &policy);
	event = bench_event(&bench, EVENT_PTP_CONSIDERED);
	event.prn = BENCH_STRANGER;
	expect(&event, REASON_PRN_MISMATCH);
	bench_case_at(&bench, &policy, 2, 0);
	event = bench_event(&bench, EVENT_PTP_REVISED);
	event.prn = BENCH_STRANGER;
	expect(&event, REASON_PRN_MISMATCH);
	/* R9: a merged number resolves to the file of its survivor. */
	bench.stranger.file = &bench.file;
	expect(&event, OK);
}

static void test_refuses_another_order_than_the_cases(void **state)
{
	struct event event;

	(void)state;
	bench_case_at(&bench, &policy, 2, 0);
	event = bench_event(&bench, EVENT_PTP_REVISED);
	event.order_ref = "ES-2026-0002";
	expect(&event, REASON_INVALID_FIELD);
}

static void test_opens_one_case_in_progress_an_order(void **state)
{
	struct event event;

	(void)state;
	bench_case_at(&bench, &policy, 2, 0);
	event = bench_event(&bench, EVENT_PTP_CONSIDERED);
	expect(&event, REASON_PTP_EXISTS); /* the same case */
	event.ptp_ref = "PTP-2026-0002";
	expect(&event, REASON_PTP_EXISTS); /* another of the same order */
	bench.cases[0].state = PTP_WITHDRAWN;
	expect(&event, OK);
	assert_int_equal(bench.case_count, 2);
	assert_ptr_equal(bench.order.cases, &bench.cases[0]);
	assert_ptr_equal(bench.cases[0].next, &bench.cases[1]);
	event = bench_event(&bench, EVENT_PTP_CONSIDERED);
	expect(&event, REASON_PTP_EXISTS); /* a ref names one case for ever */
}

static void test_keeps_an_older_revision_as_history(void **state)
{
	struct ptp_case *ptp = bench_case_at(&bench, &policy, 2, 0), before = *ptp;
	struct event event = bench_event(&bench, EVENT_PTP_REVISED);

	(void)state;
	event.time = instant_plus(bench.now, -1);
	event.em_criteria_met = TRI_NO;
	expect(&event, OK);
	assert_string_not_equal(bench.verdict.sentence, "");
	assert_int_equal(bench.record_count, 0);
	assert_memory_equal(ptp, &before, sizeof(before));
	event.time = bench.now;
	expect(&event, OK);
	assert_int_equal(ptp->em_criteria_met, TRI_NO);
}

static void test_parks_what_is_about_an_unknown_order_or_case(void **state)
{
	static const struct {
		enum event_type type;
		const char *waits_for;
	} unknown[] = {
		{ EVENT_PTP_CONSIDERED, "ES-UNKNOWN" },
		{ EVENT_PTP_REVISED, "PTP-UNKNOWN" },
		{ EVENT_PTP_STAGE_RECORDED, "PTP-UNKNOWN" },
		{ EVENT_PTP_IMPOSITION_RECORDED, "PTP-UNKNOWN" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
		struct event event;

		bench_begin(&bench, &policy);
		event = bench_event(&bench, unknown[i].type);
		event.order_ref = "ES-UNKNOWN";
		event.ptp_ref = "PTP-UNKNOWN";
		event.imposition = IMPOSITION_IMPOSED;
		assert_int_equal(bench_decide(&bench, &event), 0);
		assert_int_equal(bench.verdict.disposition, DISPOSITION_PARKED);
		assert_string_equal(bench.parked.waits_for, unknown[i].waits_for);
	}
}

static void test_says_when_memory_is_out(void **state)
{
	struct event event;

	(void)state;
	bench_begin(&bench, &policy);
	event = bench_event(&bench, EVENT_PTP_CONSIDERED);
	bench.out_of_memory = true;
	assert_int_equal(bench_decide(&bench, &event), -ENOMEM);
	bench.out_of_memory = false;
	bench.case_count = BENCH_CASES;
	assert_int_equal(bench_decide(&bench, &event), -ENOMEM);
	assert_int_equal(bench.record_count, 0);
}

static void test_says_what_is_wrong_and_how_it_should_be(void **state)
{
#define ES_ORDER                                                                                             \
	"order.baseline order=E1 prn=P1 type=EXTENDED_SUPERVISION_ORDER effective=2026-11-25 office=NELSON " \
	"officer=po-1"
#define CONSIDERED               "considered ptp=C1 prn=P1 order=E1 monitoring=FULL_TIME starts=2026-11-25 ends=2027-11-25 by=po-1 "
#define STAGE(number, who, what) "stage.recorded ptp=C1 stage=" #number " role=" #who " outcome=" #what " by=x "
#define REFUSED(rule, words, reason, sentence)                                                   \
	{ rule, NULL, words, "QUARANTINED " reason, "ptp.refused C1 !to=*; event.quarantined" }, \
	{                                                                                        \
		rule, NULL, "quarantine " rule, NULL, "sentence=" sentence                       \
	}
#define MOVED(words)                                \
	{                                           \
		"P8", NULL, words, "ACCEPTED", NULL \
	}
	static const struct play_row said[] = {
		{ "R11", NULL, ES_ORDER, "ACCEPTED", NULL },
		REFUSED("G2", CONSIDERED "em=no id=G2", "PTP_G2",
			"emCriteriaMet_is_not_true:_the_offender_must_first_meet_the_criteria*"),
		{ "P8", NULL, CONSIDERED "em=yes approval=SOUGHT suitability=C1", "ACCEPTED", NULL },
		REFUSED("G7", STAGE(3, SERVICE_MANAGER, MEMO_SENT) "id=G7", "PTP_G7",
			"stage_3:_the_case_is_at_stage_1:_only_the_stage_a_case_is_at*"),
		REFUSED("G8", STAGE(1, PROBATION_OFFICER, MEMO_SENT) "id=G8", "PTP_G8",
			"outcome_MEMO_SENT_at_stage_1:_that_stage_has_no_such_outcome"),
		REFUSED("G6", STAGE(1, SERVICE_MANAGER, ADVISED) "id=G6", "PTP_G6",
			"byRole_SERVICE_MANAGER:_outcome_ADVISED_at_stage_1_is_for_PROBATION_OFFICER:*"),
		REFUSED("G6_all", STAGE(1, AREA_MANAGER, WITHDRAWN) "id=G6_all", "PTP_G6",
			"byRole_AREA_MANAGER:_outcome_WITHDRAWN_at_stage_1_is_for_PROBATION_OFFICER_or_SERVICE_MANAGER:"
			"*"),
		MOVED(STAGE(1, PROBATION_OFFICER, ADVISED)),
		MOVED(STAGE(2, PROBATION_OFFICER, STILL_CONSIDERED)),
		MOVED(STAGE(3, SERVICE_MANAGER, MEMO_SENT)),
		MOVED(STAGE(4, AREA_MANAGER, SUPPORTED)),
		MOVED(STAGE(5, REGIONAL_MANAGER, SUPPORTED)),
		REFUSED("G3", STAGE(6, ES_OPERATIONS_ADVISER, PROPOSAL_PREPARED) "id=G3", "PTP_G3",
			"residentialRestrictions_is_not_true:_PTP_goes_only_together*"),
	};

	(void)state;
	assert_int_equal(world_play_new(&policy, said, ARRAY_LENGTH(said)), 0);
}

static int set_up(void **state)
{
	struct fault fault = { "" };

	(void)state;
	if (policy_from_csv(SHIPPED_POLICY, &policy, &fault) < 0)
		fail_msg("%s", fault.sentence);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asks_the_guards_when_a_case_is_considered),
		cmocka_unit_test(test_asks_what_is_given_when_particulars_are_revised),
		cmocka_unit_test(test_asks_the_guards_at_every_forward_move_and_at_no_other),
		cmocka_unit_test(test_asks_again_when_a_condition_is_imposed),
		cmocka_unit_test(test_takes_what_the_imposition_gives),
		cmocka_unit_test(test_counts_calendar_months_from_the_orders_start),
		cmocka_unit_test(test_counts_from_the_day_of_effect_where_no_start_is_given),
		cmocka_unit_test(test_counts_each_suitability_code_once),
		cmocka_unit_test(test_takes_as_many_codes_as_an_event_may_hold),
		cmocka_unit_test(test_takes_no_two_codes_in_one),
		cmocka_unit_test(test_refuses_dates_the_wrong_way_round),
		cmocka_unit_test(test_refuses_another_persons_number),
		cmocka_unit_test(test_refuses_another_order_than_the_cases),
		cmocka_unit_test(test_opens_one_case_in_progress_an_order),
		cmocka_unit_test(test_keeps_an_older_revision_as_history),
		cmocka_unit_test(test_parks_what_is_about_an_unknown_order_or_case),
		cmocka_unit_test(test_says_when_memory_is_out),
		cmocka_unit_test(test_says_what_is_wrong_and_how_it_should_be),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
