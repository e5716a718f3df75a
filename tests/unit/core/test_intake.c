/* What becomes of an event before and beside the rule of its type: duplicates, names used twice, age, sender, parked, quarantined, retried,
 * discarded (X1-X4, X7, X8). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/policy_csv.h"
#include "core/world.h"

static struct policy policy;

#define PLAY(...)                                                                         \
	do {                                                                              \
		static const struct play_row rows_[] = { __VA_ARGS__ };                   \
		(void)state;                                                              \
		assert_int_equal(world_play_new(&policy, rows_, ARRAY_LENGTH(rows_)), 0); \
	} while (0)

/* Taken over orders have no steps, so that only what is asked here speaks. */
#define TAKEN_OVER(order, rest) \
	"baseline prn=P1 order=" order " type=SUPERVISION effective=2026-01-05 office=NELSON officer=po-1 " rest
#define ASSESSED(rest)     "assessed prn=P1 onows=yes " rest
#define PAPER(order, rest) "document.received order=" order " documents=SENTENCE_ORDER received=2026-11-25 " rest
#define ALLOCATE(order, officer, rest) \
	"allocation.recorded order=" order " officer=" officer " role=SERVICE_MANAGER by=sm " rest
#define TRANSFER(order, office, rest) \
	"transfer.recorded order=" order " office=" office " role=SERVICE_MANAGER by=sm " rest
#define CANCELLED(order, rest) "sentence.cancelled order=" order " cancelled=2026-11-25 " rest
#define VARIED(order, rest) \
	"sentence.varied prn=P1 order=" order " type=SUPERVISION effective=2026-01-05 office=NELSON " rest

#define CONSIDERED                                                                                                \
	"considered ptp=C1 prn=P1 order=E1 monitoring=FULL_TIME em=yes approval=SOUGHT rr=yes starts=2026-11-25 " \
	"ends=2027-11-25 suitability=C1 by=po-1"
#define ES_ORDER \
	"baseline prn=P1 order=E1 type=EXTENDED_SUPERVISION_ORDER effective=2026-11-25 office=NELSON officer=po-1"
#define STAGE_1(ptp, id) \
	"stage.recorded ptp=" ptp " stage=1 role=PROBATION_OFFICER outcome=ADVISED by=po-1 note=x id=" id

/* ---- X1, X2: one disposition, one name ---- */

static void test_answers_a_repeat_with_what_was_decided(void **state)
{
	PLAY({ "X1", NULL, TAKEN_OVER("O1", "id=a"), "ACCEPTED", "allocation.baselined seq=1" },
		{ "X1, X7", NULL, "claim a", NULL,
			"type=nz.govt.corrections.ioms.order.baseline state=ACCEPTED order=O1 prn=P1 submitter=tester "
			"seq=1 !by=*" },
		{ "X2 the same bytes", NULL, TAKEN_OVER("O1", "id=a"), "DUPLICATE", "" },
		{ "X2 the same content in other bytes", NULL,
			"baseline id=a prn=P1 order=O1 type=SUPERVISION effective=2026-01-05 office=NELSON "
			"officer=po-1",
			"DUPLICATE", "" },
		{ "X2 whoever sends it", NULL, TAKEN_OVER("O1", "id=a submitter=somebody"), "DUPLICATE", "" },
		{ "X1 it is recorded once, by who sent it first", NULL, "claim a", NULL, "submitter=tester seq=1" },
		{ "X1 one that publishes nothing", NULL, ASSESSED("id=b"), "ACCEPTED", "" },
		{ "X2 one without records as well", NULL, ASSESSED("id=b"), "DUPLICATE", "" },
		{ "X1 of a person, not of an order", NULL, "claim b", NULL, "state=ACCEPTED prn=P1 !order=* seq=0" },
		{ "X1", NULL, "quarantine a", NULL, "" });
}

static void test_answers_with_the_first_sequence(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const char *const words[] = { TAKEN_OVER("O1", "id=a"), ALLOCATE("O1", "po-2", "id=b"),
		ALLOCATE("O1", "po-2", "id=c"), PAPER("O2", "id=d"), TAKEN_OVER("O3", "office=ATLANTIS id=e") };
	static const uint64_t seqs[] = { 1, 2, 0, 0, 3 };

	(void)state;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
			struct verdict verdict;

			assert_int_equal(world_decide(world, words[i], &verdict), 0);
			assert_int_equal(verdict.seq, seqs[i]);
			assert_int_equal(*verdict.sentence != 0, round > 0 || i >= 2);
		}
	assert_int_equal(world->seq, 3);
}

static void test_refuses_a_name_used_for_something_else(void **state)
{
	PLAY({ "X2", NULL, ASSESSED("id=a"), "ACCEPTED", "" },
		{ "X2", NULL, "assessed prn=P1 onows=no id=a", "QUARANTINED ID_REUSED",
			"event.quarantined/- id=a reason=ID_REUSED" },
		{ "X2", NULL, "quarantine a", NULL, "state=HELD sentence=id_a_of_source_urn:nz:corrections:ioms_was*" },
		{ "X2 another moment is other content", "2026-11-25 09:01", ASSESSED("id=a"), "QUARANTINED ID_REUSED",
			NULL },
		{ "X2 another type is other content", NULL, PAPER("O1", "id=a source=urn:nz:corrections:ioms"),
			"QUARANTINED ID_REUSED", NULL },
		{ "X2 those bytes again: their quarantine", "2026-11-25 09:00", "assessed prn=P1 onows=no id=a",
			"QUARANTINED ID_REUSED", "" },
		{ "X2 the first stands", NULL, ASSESSED("id=a"), "DUPLICATE", "" },
		{ "X2 another source's name is another", NULL, "assessed prn=P1 onows=no id=a source=urn:other",
			"ACCEPTED", "" },
		{ "X2 of a parked one", NULL, PAPER("O1", "id=p"), "PARKED", "" },
		{ "X2", NULL, PAPER("O2", "id=p"), "QUARANTINED ID_REUSED", NULL },
		{ "X2", NULL, PAPER("O1", "id=p"), "PARKED", "" }, { "X2", NULL, "parked O2", NULL, "" });
}

static void test_lets_a_quarantined_event_claim_nothing(void **state)
{
	PLAY({ "X2", NULL, TAKEN_OVER("O1", "office=ATLANTIS id=a"), "QUARANTINED UNKNOWN_OFFICE",
		     "event.quarantined seq=1" },
		{ "X2", NULL, "claim a", NULL, "" },
		{ "X2 identical bytes get its quarantine again", NULL, TAKEN_OVER("O1", "office=ATLANTIS id=a"),
			"QUARANTINED UNKNOWN_OFFICE", "" },
		{ "X2 another bad copy is one of its own", NULL, TAKEN_OVER("O1", "office=UTOPIA id=a"),
			"QUARANTINED UNKNOWN_OFFICE", "event.quarantined seq=2" },
		{ "X2 a good copy supersedes both", "2026-11-25 10:00", TAKEN_OVER("O1", "id=a"), "ACCEPTED",
			"allocation.baselined" },
		{ "X2", NULL, "quarantine a", NULL,
			"state=SUPERSEDED seq=1 closed=2026-11-25T10:00 !alarm=*; state=SUPERSEDED seq=2 !alarm=*" },
		{ "X2 and the bad bytes are still known", "2026-11-25 09:00", TAKEN_OVER("O1", "office=ATLANTIS id=a"),
			"QUARANTINED UNKNOWN_OFFICE", "" },
		{ "X2 a good copy that waits supersedes too", NULL, PAPER("O2", "office=ATLANTIS id=b"),
			"QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X2, X3", NULL, PAPER("O2", "id=b"), "PARKED", "" },
		{ "X2", NULL, "quarantine b", NULL, "state=SUPERSEDED" });
}

static void test_knows_bytes_that_were_discarded(void **state)
{
	PLAY({ "X4", NULL, TAKEN_OVER("O1", "office=ATLANTIS id=a"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X4", NULL, "discard a", NULL, "" },
		{ "X2", NULL, TAKEN_OVER("O1", "office=ATLANTIS id=a"), "QUARANTINED UNKNOWN_OFFICE", "" },
		{ "X2", NULL, "quarantine a", NULL, "state=DISCARDED" });
}

static void test_refuses_what_is_older_than_its_claims(void **state)
{
	PLAY({ "X2 400 days ago", NULL, ASSESSED("id=a time=2025-10-21T09:00"), "ACCEPTED", "" },
		{ "X2 a minute more", NULL, ASSESSED("id=b time=2025-10-21T08:59"), "QUARANTINED EVENT_TOO_OLD",
			"event.quarantined time=2025-10-21T08:59 reason=EVENT_TOO_OLD" },
		{ "X2", NULL, "quarantine b", NULL,
			"sentence=time_2025-10-20T19:59:00Z_lies_more_than_400_days_back:_what_came_then_is_no_longer_"
			"known" },
		{ "X2 as long as its claim is kept, a repeat is one", "2026-11-26 09:00",
			ASSESSED("id=a time=2025-10-21T09:00"), "DUPLICATE", "" });
}

/* ---- X5: whole or not at all ---- */

/* The world itself sees to it that no refused event, of any test, changes a row. */
static void test_leaves_no_trace_of_a_refusal(void **state)
{
#define REFUSED(words, reason)                                                            \
	{ "X5", NULL, words, "QUARANTINED " reason, "event.quarantined reason=" reason }, \
		{ "X5", NULL, "show O1", NULL, "state=COMPLETED office=NELSON officer=po-1 !applied=* tasks=" }
	PLAY({ "X5", NULL, TAKEN_OVER("O1", ""), "ACCEPTED", NULL },
		REFUSED(TAKEN_OVER("O1", "officer=po-2"), "ORDER_DIFFERS"),
		REFUSED(TAKEN_OVER("O1", "prn=P2"), "PRN_MISMATCH"),
		REFUSED(ALLOCATE("O1", "po-2", "role=PROBATION_OFFICER"), "ROLE_MAY_NOT_ACT"),
		REFUSED(TRANSFER("O1", "ATLANTIS", ""), "UNKNOWN_OFFICE"),
		REFUSED("task.recorded order=O1 step=8 outcome=REOPENED role=SERVICE_MANAGER by=sm", "STEP_NOT_OPEN"),
		REFUSED("task.recorded order=O1 step=77 outcome=DONE role=SERVICE_MANAGER by=sm", "UNKNOWN_STEP"),
		{ "X5", NULL, CONSIDERED " order=O1", "QUARANTINED PTP_G1", "ptp.refused; event.quarantined" },
		{ "X5", NULL, "case C1", NULL, "" }, REFUSED("merged prn=P1 into=P1", "MERGE_CYCLE"),
		{ "X5", NULL, "person P2", NULL, "kept=0" });
}

/* ---- X4: who may send what ---- */

static void test_asks_whose_source_it_is(void **state)
{
	PLAY({ "X4", NULL, ASSESSED("id=a source=urn:stranger kind=NONE"), "QUARANTINED UNKNOWN_SOURCE",
		     "event.quarantined/- id=a reason=UNKNOWN_SOURCE" },
		{ "X4", NULL, "quarantine a", NULL, "sentence=source_urn:stranger_is_not_one_the_configuration_names" },
		{ "X4 a stranger's malformed event is a stranger's", NULL,
			ASSESSED("id=b source=urn:stranger kind=NONE fault=MALFORMED"), "QUARANTINED UNKNOWN_SOURCE",
			NULL },
		{ "X4 whose source cannot be read", NULL, ASSESSED("id=c source= kind=NONE fault=MALFORMED"),
			"QUARANTINED MALFORMED", NULL },
		{ "X4", NULL, ALLOCATE("O1", "po-1", "id=d kind=COURT"), "QUARANTINED NOT_ALLOWED", NULL },
		{ "X4", NULL, "quarantine d", NULL,
			"sentence=source_urn:nz:corrections:cpps_(COURT)_may_not_send_type_nz.govt.corrections.cpps."
			"allocation.recorded" });
}

/* The rows of the contract: court, prison, tools. */
static const struct {
	const char *type, *kinds;
} senders[] = {
	{ "sentencing.scheduled", "C" },
	{ "sentence.imposed", "C" },
	{ "sentence.varied", "C" },
	{ "sentence.cancelled", "C" },
	{ "release.scheduled", "P" },
	{ "release.cancelled", "P" },
	{ "offender.released", "P" },
	{ "release.varied", "P" },
	{ "offender.recalled", "P" },
	{ "order.baseline", "CP" },
	{ "document.received", "CPT" },
	{ "offender.assessed", "PT" },
	{ "offender.merged", "PT" },
	{ "offender.unmerged", "PT" },
	{ "allocation.recorded", "T" },
	{ "allocation.transfer.recorded", "T" },
	{ "task.recorded", "T" },
	{ "ptp.considered", "T" },
	{ "ptp.revised", "T" },
	{ "ptp.stage.recorded", "T" },
	{ "ptp.imposition.recorded", "T" },
};

/* Whoever may send it hears next that it is too old. */
static void check_sender(struct world *world, const char *type, const char *kinds, enum source_kind kind)
{
	enum reason wanted = strchr(kinds, source_kind_text(kind)[0]) ? REASON_EVENT_TOO_OLD : REASON_NOT_ALLOWED;
	struct verdict verdict;
	char words[128];

	snprintf(words, sizeof(words), "%s kind=%s time=2020-01-01T00:00", type, source_kind_text(kind));
	assert_int_equal(world_decide(world, words, &verdict), 0);
	if (verdict.reason != wanted)
		fail_msg("X4 %s: %s", words, reason_text(verdict.reason));
}

static void test_takes_each_type_from_its_senders_only(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);

	(void)state;
	assert_int_equal(ARRAY_LENGTH(senders), EVENT_TYPE_END - 1);
	for (size_t i = 0; i < ARRAY_LENGTH(senders); i++)
		for (int kind = 1; kind < SOURCE_KIND_END; kind++)
			check_sender(world, senders[i].type, senders[i].kinds, (enum source_kind)kind);
}

/* A quarantine for who sent it must not spoil the event for its owner; any other is of the event itself. */
static void test_does_not_let_a_stranger_spoil_an_event(void **state)
{
	PLAY({ "X2", NULL, ASSESSED("id=a kind=NONE submitter=stranger"), "QUARANTINED UNKNOWN_SOURCE",
		     "event.quarantined seq=1" },
		{ "X2 from him again", NULL, ASSESSED("id=a kind=NONE submitter=stranger"),
			"QUARANTINED UNKNOWN_SOURCE", "" },
		{ "X2 from its owner", NULL, ASSESSED("id=a"), "ACCEPTED", "" },
		{ "X2", NULL, ALLOCATE("O1", "po-1", "id=b kind=COURT submitter=court"), "QUARANTINED NOT_ALLOWED",
			"event.quarantined seq=2" },
		{ "X2", NULL, ALLOCATE("O1", "po-1", "id=b kind=COURT submitter=court"), "QUARANTINED NOT_ALLOWED",
			"" },
		{ "X2", NULL, ALLOCATE("O1", "po-1", "id=b"), "PARKED", "" },
		{ "X2", NULL, PAPER("O1", "id=c office=ATLANTIS submitter=court"), "QUARANTINED UNKNOWN_OFFICE",
			"event.quarantined seq=3" },
		{ "X2 an unknown office is one, whoever names it", NULL,
			PAPER("O1", "id=c office=ATLANTIS submitter=somebody"), "QUARANTINED UNKNOWN_OFFICE", "" },
		{ "X7", NULL, "quarantine c", NULL, "submitter=court seq=3" });
}

/* ---- X4: what could not be decoded ---- */

static void test_sets_aside_what_could_not_be_decoded(void **state)
{
	PLAY({ "X4", NULL, TAKEN_OVER("O1", "id=a fault=INVALID_FIELD"), "QUARANTINED INVALID_FIELD",
		     "event.quarantined/NELSON - id=a reason=INVALID_FIELD order=O1" },
		{ "X4 in the decoder's words", NULL, "quarantine a", NULL,
			"state=HELD reason=INVALID_FIELD sentence=field_x:_it_is_wrong alarm=2026-11-25T13:00" },
		{ "X2 the same bytes again", NULL, TAKEN_OVER("O1", "id=a fault=INVALID_FIELD"),
			"QUARANTINED INVALID_FIELD", "" },
		{ "X4 of no type of ours", NULL, ASSESSED("id=b fault=UNKNOWN_TYPE eventtype=org.example.thing"),
			"QUARANTINED UNKNOWN_TYPE", NULL },
		{ "X6 nobody is waiting for it", NULL, "quarantine b", NULL,
			"type=org.example.thing time=2026-11-25T09:00 !alarm=*" },
		{ "X4 of no name", NULL, ASSESSED("id= fault=MALFORMED"), "QUARANTINED MALFORMED",
			"event.quarantined/- - !id=* reason=MALFORMED" },
		{ "X4 not even its source", NULL, ASSESSED("id= source= fault=MALFORMED"), "QUARANTINED MALFORMED",
			"event.quarantined" },
		{ "X2 the name is taken", NULL, ASSESSED("id=c"), "ACCEPTED", "" },
		{ "X2 what cannot be read says nothing else under it", NULL, ASSESSED("id=c fault=MALFORMED"),
			"QUARANTINED MALFORMED", "event.quarantined id=c" },
		{ "X2 a good copy supersedes it", NULL, TAKEN_OVER("O1", "id=a"), "ACCEPTED", "allocation.baselined" },
		{ "X2", NULL, "quarantine a", NULL, "state=SUPERSEDED" });
}

static void test_keeps_the_bytes_of_what_it_sets_aside(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const char words[] = "assessed prn=P1 id=a fault=MALFORMED";
	const struct quarantined *held;
	struct verdict verdict;

	(void)state;
	assert_int_equal(world_decide(world, words, &verdict), 0);
	held = world->facts.quarantine_of_id(world, "urn:nz:corrections:ioms", "a", NULL);
	assert_int_equal(held->raw_size, strlen(words));
	assert_memory_equal(held->raw, words, strlen(words));
	assert_ptr_equal(world->facts.quarantine_of_bytes(world, &held->raw_hash), held);
}

/* An answer is one sentence, cut where it is too long, never inside of a character. */
static void test_cuts_a_long_sentence_between_characters(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static char offices[2][FAULT_MAX + 4];

	(void)state;
	for (int odd = 0; odd < 2; odd++) {
		enum reason fault;
		struct event *e = world_event(world, odd ? PAPER("O1", "id=odd") : PAPER("O1", "id=even"), &fault);
		struct verdict verdict;

		memset(offices[odd], 'x', sizeof(offices[odd]));
		for (size_t i = (size_t)odd; i < FAULT_MAX; i += 2)
			memcpy(offices[odd] + i, "\xc4\x81", 3);
		e->office = offices[odd];
		assert_int_equal(
			decide_event(&policy, &world->facts, e, fault, "", world->now, &world->effects, &verdict), 0);
		assert_int_equal(verdict.reason, REASON_UNKNOWN_OFFICE);
		assert_true(strlen(verdict.sentence) >= FAULT_MAX - 2);
		assert_true(text_is_clean(verdict.sentence, strlen(verdict.sentence)));
	}
}

static void test_says_nothing_of_time_where_there_is_none(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	enum reason fault;
	struct event *e = world_event(world, "assessed id=a fault=MALFORMED", &fault);
	struct verdict verdict;

	(void)state;
	e->time = INSTANT_NONE;
	assert_int_equal(
		decide_event(&policy, &world->facts, e, fault, "cut short", world->now, &world->effects, &verdict), 0);
	/* X8: then it happened when it was decided */
	assert_null(world_compare(world, world->lines, world->line_count,
		"event.quarantined time=2026-11-25T09:00 decided=2026-11-25T09:00"));
}

/* ---- X3: parked ---- */

#define PARKS(words, ref)                                                                   \
	{ "X3", NULL, words, "PARKED", "" },                                                \
	{                                                                                   \
		"X3", NULL, "parked " ref, NULL, "waits_for=" ref " alarm=2026-11-26T09:00" \
	}

static void test_parks_what_is_about_an_unknown_order_or_case(void **state)
{
	PLAY(PARKS(PAPER("A1", ""), "A1"), PARKS(ALLOCATE("A2", "po-1", ""), "A2"),
		PARKS(TRANSFER("A3", "NAPIER", ""), "A3"),
		PARKS("task.recorded order=A4 step=4 outcome=DONE role=SERVICE_MANAGER by=sm", "A4"),
		PARKS(VARIED("A5", ""), "A5"),
		PARKS("release.varied prn=P1 order=A6 type=PAROLE effective=2026-11-25 office=NELSON", "A6"),
		PARKS(CANCELLED("A7", ""), "A7"), PARKS("release.cancelled order=A8", "A8"),
		PARKS("recalled order=A9 cancelled=2026-11-25", "A9"),
		PARKS("considered ptp=C1 prn=P1 order=A10 by=po-1", "A10"),
		PARKS("revised ptp=C2 prn=P1 order=A11 by=po-1", "C2"),
		PARKS("stage.recorded ptp=C3 stage=1 role=PROBATION_OFFICER outcome=ADVISED by=po-1", "C3"),
		PARKS("imposition.recorded ptp=C4 outcome=IMPOSED by=po-1", "C4"),
		{ "X3 its disposition", NULL, "claim e1", NULL,
			"state=PARKED order=A1 seq=0 detail=parked:_waits_for_A1,_which_is_not_yet_known" },
		{ "X3 an assessment is kept", NULL, ASSESSED("prn=P7"), "ACCEPTED", "" },
		{ "X3 a merge is kept", NULL, "merged prn=P8 into=P9", "ACCEPTED", "" });
}

static void test_decides_what_waited_in_order_of_arrival(void **state)
{
	PLAY({ "X3", NULL, ALLOCATE("O1", "po-2", "id=a time=2026-11-25T08:00"), "PARKED", "" },
		{ "X3", NULL, ALLOCATE("O2", "po-9", "id=z"), "PARKED", "" },
		{ "X3", NULL, TRANSFER("O1", "NAPIER", "id=b"), "PARKED", "" },
		{ "X3", NULL, ALLOCATE("O1", "po-3", "id=c"), "PARKED", "" },
		{ "X2 still parked", NULL, TRANSFER("O1", "NAPIER", "id=b"), "PARKED", "" },
		{ "X3 right after what they waited for, as of now", "2026-11-25 10:00", TAKEN_OVER("O1", "id=o"),
			"ACCEPTED",
			"allocation.baselined officer=po-1 cause=o seq=1;"
			"allocation.reallocated officer=po-2 cause=a time=2026-11-25T08:00 decided=2026-11-25T10:00;"
			"allocation.changed/NAPIER change=office cause=b; allocation.changed/NELSON cause=b;"
			"allocation.reallocated officer=po-3 previous_officer=po-2 cause=c seq=5" },
		{ "X3", NULL, "parked O1", NULL, "" },
		{ "X1 one disposition", NULL, "claim a", NULL,
			"state=ACCEPTED order=O1 prn=P1 by=sm by_role=SERVICE_MANAGER seq=2 time=2026-11-25T08:00 "
			"decided=2026-11-25T10:00" },
		{ "X1", NULL, "claim b", NULL, "state=ACCEPTED seq=4" },
		{ "X2", "2026-11-25 09:00", ALLOCATE("O1", "po-3", "id=c"), "DUPLICATE", "" },
		{ "X3 the others wait on", NULL, "parked O2", NULL, "z waits_for=O2" });
}

static void test_sets_a_parked_event_aside_and_goes_on(void **state)
{
	PLAY({ "X3", NULL, ALLOCATE("O1", "po-2", "role=PROBATION_OFFICER id=a"), "PARKED", "" },
		{ "X3", NULL, ALLOCATE("O1", "po-3", "id=b reason=x"), "PARKED", "" },
		{ "X4 a bad event never holds up a good one", NULL, TAKEN_OVER("O1", "id=o"), "ACCEPTED",
			"allocation.baselined; event.quarantined id=a waits_for=O1 reason=ROLE_MAY_NOT_ACT;"
			"allocation.reallocated officer=po-3" },
		{ "X1", NULL, "claim a", NULL, "state=QUARANTINED seq=2 detail=byRole*" },
		{ "X1", NULL, "claim b", NULL, "state=ACCEPTED prose=x" },
		{ "X4", NULL, "quarantine a", NULL, "state=HELD reason=ROLE_MAY_NOT_ACT seq=2" },
		{ "X2 it claims nothing any more: the same bytes", NULL,
			ALLOCATE("O1", "po-2", "role=PROBATION_OFFICER id=a"), "QUARANTINED ROLE_MAY_NOT_ACT", "" },
		{ "X2 a good copy", NULL, ALLOCATE("O1", "po-4", "id=a"), "ACCEPTED",
			"allocation.reallocated officer=po-4" },
		{ "X1", NULL, "claim a", NULL, "state=ACCEPTED !detail=*" },
		{ "X2", NULL, "quarantine a", NULL, "state=SUPERSEDED" });
}

static void test_decides_what_waited_for_what_waited(void **state)
{
	PLAY({ "X3 for the case", NULL,
		     "stage.recorded ptp=C1 stage=1 role=PROBATION_OFFICER outcome=ADVISED by=po-1 note=x id=s",
		     "PARKED", "" },
		{ "X3 for the order", NULL, CONSIDERED, "PARKED", "" },
		{ "X3", NULL, ES_ORDER, "ACCEPTED",
			"allocation.baselined; ptp.opened C1; task.opened C1:1; task.completed C1:1; "
			"ptp.stage-changed C1; "
			"task.opened C1:2" },
		{ "X3", NULL, "claim s", NULL, "state=ACCEPTED order=C1 prn=P1 prose=x" });
}

static void test_leaves_parked_what_waits_for_a_case_named_as_the_order(void **state)
{
#define CASE_E1(rest) "considered ptp=E1 prn=P1 order=E1 monitoring=FULL_TIME em=yes approval=SOUGHT by=po-1 " rest
	PLAY({ "X3 for the case", NULL, STAGE_1("E1", "a"), "PARKED", "" },
		{ "X3 for the order", NULL, TRANSFER("E1", "NAPIER", "id=b"), "PARKED", "" },
		{ "X3 the order is not the case", NULL, ES_ORDER, "ACCEPTED",
			"allocation.baselined; allocation.changed; allocation.changed" },
		{ "X1 it waits on", NULL, "claim a", NULL, "state=PARKED" },
		{ "X3", NULL, "parked E1", NULL, "a waits_for=E1" },
		{ "X3 until the case comes", NULL, CASE_E1(""), "ACCEPTED",
			"ptp.opened; task.opened; task.completed; ptp.stage-changed; task.opened" },
		{ "X1", NULL, "claim a", NULL, "state=ACCEPTED" }, { "X3", NULL, "parked E1", NULL, "" });
	PLAY({ "X3 for the case", NULL, STAGE_1("E1", "a"), "PARKED", "" },
		{ "X3 for the order", NULL, CASE_E1("id=k"), "PARKED", "" },
		{ "X3 the order, its case, and what waits for that", NULL, ES_ORDER, "ACCEPTED",
			"allocation.baselined; ptp.opened; task.opened; task.completed; ptp.stage-changed; "
			"task.opened" },
		{ "X1", NULL, "claim a", NULL, "state=ACCEPTED" }, { "X3", NULL, "parked E1", NULL, "" });
}

static void test_releases_once_whatever_opened_it(void **state)
{
	PLAY({ "X3", NULL, VARIED("O1", "id=a"), "PARKED", "" },
		{ "X3, R2 a plan is enough", NULL,
			"sentencing.scheduled prn=P1 order=O1 type=SUPERVISION on=2026-12-20 office=NELSON", "ACCEPTED",
			"allocation.planned; task.opened O1:8; allocation.changed cause=a" },
		{ "X3, R1", NULL, PAPER("O2", "id=b"), "PARKED", "" },
		{ "X3, R1", NULL, "imposed prn=P2 order=O2 type=SUPERVISION effective=2026-11-25 office=NELSON cso=no",
			"ACCEPTED",
			"allocation.requested; task.completed O2:1; task.opened; task.opened; task.opened; "
			"task.opened;"
			"task.skipped; task.opened O2:8; task.completed O2:2 cause=b; task.opened O2:3" },
		{ "X3 nothing twice", NULL, TAKEN_OVER("O1", ""), "ACCEPTED", "allocation.baselined; task.completed" });
}

static void test_follows_an_order_that_moves_as_it_is_released(void **state)
{
	PLAY({ "X3", NULL, VARIED("O1", "prn=P2 id=a"), "PARKED", "" },
		{ "X3", NULL, ALLOCATE("O1", "po-2", "id=b"), "PARKED", "" },
		{ "X3, R8, R5", NULL, TAKEN_OVER("O1", ""), "ACCEPTED",
			"allocation.baselined prn=P1 officer=po-1; allocation.changed prn=P2 change=prn cause=a;"
			"allocation.reallocated prn=P2 officer=po-2 cause=b" },
		{ "X3", NULL, "claim b", NULL, "prn=P2" });
}

static void test_publishes_levels_already_past_after_what_was_released(void **state)
{
	PLAY({ "X3", NULL, CANCELLED("O1", "id=a"), "PARKED", "" },
		{ "X8 there is nothing left to be late", NULL,
			"baseline prn=P1 order=O1 type=SUPERVISION effective=2026-01-05 office=NELSON "
			"time=2026-11-20T09:00",
			"ACCEPTED", "allocation.baselined; task.opened; allocation.cancelled cause=a; task.cancelled" },
		{ "X8 here there is", NULL,
			"baseline prn=P1 order=O2 type=SUPERVISION effective=2026-01-05 office=NELSON "
			"time=2026-11-20T09:00 id=o",
			"ACCEPTED",
			"allocation.baselined cause=o time=2026-11-20T09:00 decided=2026-11-25T09:00; task.opened;"
			"allocation.overdue level=1 cause=- time=2026-11-23T09:00 decided=2026-11-25T09:00;"
			"allocation.overdue level=2 time=2026-11-24T09:00" });
}

static void test_so_many_wait_for_one_order(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const struct play_row beyond[] = {
		{ "X3", NULL, PAPER("O1", "id=z"), "QUARANTINED TOO_MANY_PARKED", "event.quarantined id=z" },
		{ "X2", NULL, PAPER("O1", "id=z"), "QUARANTINED TOO_MANY_PARKED", "" },
		{ "X4 nor by a retry", NULL, "retry z", "QUARANTINED TOO_MANY_PARKED", "" },
		{ "X2 those that wait are known", NULL, PAPER("O1", "id=n7"), "PARKED", "" },
		{ "X3 of another as many", NULL, PAPER("O2", "id=y"), "PARKED", "" },
		{ "X3", NULL, TAKEN_OVER("O1", "id=o"), "ACCEPTED", "allocation.baselined" },
		{ "X4 now it may", NULL, "retry z", "ACCEPTED", "" },
		{ "X3", NULL, "parked O1", NULL, "" },
	};

	(void)state;
	for (int i = 0; i < PARKED_MAX; i++) {
		char text[128];
		struct play_row row = { "X3", NULL, text, "PARKED", "" };

		(void)snprintf(text, sizeof(text), PAPER("O1", "id=n%d"), i);
		assert_int_equal(world_play(world, &row, 1), 0);
	}
	assert_int_equal(world_play(world, beyond, ARRAY_LENGTH(beyond)), 0);
}

static void test_decides_again_what_was_set_aside_without_its_bytes(void **state)
{
	PLAY({ "X4", NULL, TRANSFER("O1", "NOWHERE", "id=b"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "", NULL, "lose b", NULL, "" },
		{ "X2 it is wrong still", NULL, TRANSFER("O1", "NOWHERE", "id=b"), "QUARANTINED UNKNOWN_OFFICE", "" },
		{ "X4", NULL, "quarantine b", NULL, "state=HELD reason=UNKNOWN_OFFICE seq=1" },
		{ "X3", NULL, TAKEN_OVER("O1", ""), "ACCEPTED", NULL },
		{ "R10", NULL, "imposed prn=P9 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON id=c",
			"QUARANTINED PRN_MISMATCH", NULL },
		{ "", NULL, "lose c", NULL, "" }, { "R9", NULL, "offender.merged prn=P9 into=P1", "ACCEPTED", NULL },
		{ "X4 as of now", NULL,
			"imposed prn=P9 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON id=c",
			"QUARANTINED ORDER_DIFFERS", "" },
		{ "X4", NULL, "quarantine c", NULL, "state=HELD reason=ORDER_DIFFERS" });
	PLAY({ "X3", NULL, PAPER("O1", "id=a time=2026-11-25T09:00"), "PARKED", "" },
		{ "X3", "2026-12-02 09:00", "tick", NULL, NULL }, { "", NULL, "lose a", NULL, "" },
		{ "X3", NULL, TAKEN_OVER("O1", "id=o"), "ACCEPTED", NULL },
		{ "X4", NULL, PAPER("O1", "id=a time=2026-11-25T09:00"), "ACCEPTED", "" },
		{ "X4", NULL, "quarantine a", NULL, "state=RETRIED" },
		{ "X2", NULL, PAPER("O1", "id=a time=2026-11-25T09:00"), "DUPLICATE", "" });
	PLAY({ "X3", NULL, PAPER("O1", "id=a time=2026-11-25T09:00"), "PARKED", "" },
		{ "X3", "2026-12-02 09:00", "tick", NULL, NULL }, { "", NULL, "lose a", NULL, "" },
		{ "X4", NULL, "discard a", NULL, "" }, { "X3", NULL, TAKEN_OVER("O1", "id=o"), "ACCEPTED", NULL },
		{ "X2 it was discarded", NULL, PAPER("O1", "id=a time=2026-11-25T09:00"), "QUARANTINED PARKED_TOO_LONG",
			"" },
		{ "X4", NULL, "quarantine a", NULL, "state=DISCARDED" });
}

/* ---- X3: parked for too long ---- */

static void test_gives_up_after_seven_days(void **state)
{
	PLAY({ "X3", NULL, PAPER("O1", "id=a office=NELSON"), "PARKED", "" },
		{ "X6 a day", "2026-11-26 08:59", "tick", NULL, "" },
		{ "X6 said once", "2026-11-26 09:00", "tick", NULL,
			"event.parked-long/NELSON - id=a waits_for=O1 cause=- time=2026-11-26T09:00" },
		{ "X3", "2026-12-02 08:59", "tick", NULL, "" },
		{ "X3 seven days", "2026-12-02 09:00", "tick", NULL,
			"event.quarantined/NELSON id=a waits_for=O1 reason=PARKED_TOO_LONG" },
		{ "X1", NULL, "claim a", NULL,
			"state=QUARANTINED seq=2 detail=waited_7_days_for_O1,_which_did_not_come "
			"decided=2026-12-02T09:00" },
		{ "X3", NULL, "parked O1", NULL, "" },
		{ "X4", NULL, "quarantine a", NULL, "state=HELD reason=PARKED_TOO_LONG seq=2 !alarm=*" },
		{ "X3 it is too late for it now", NULL, TAKEN_OVER("O1", "id=o"), "ACCEPTED", "allocation.baselined" },
		{ "X4 but for a retry", NULL, "retry a", "ACCEPTED", "" },
		{ "X1", NULL, "claim a", NULL, "state=ACCEPTED" });
}

static void test_tells_missed_levels_of_a_parked_event_in_order(void **state)
{
	PLAY({ "X3", NULL, ALLOCATE("O1", "po-1", "id=a"), "PARKED", "" },
		{ "X8", "2027-01-01 09:00", "tick", NULL,
			"event.parked-long/- id=a time=2026-11-26T09:00 decided=2027-01-01T09:00;"
			"event.quarantined/- id=a time=2026-12-02T09:00 reason=PARKED_TOO_LONG" });
}

static void test_counts_no_days_while_the_opener_is_in_quarantine(void **state)
{
	PLAY({ "X3", NULL, PAPER("O1", "id=a"), "PARKED", "" }, { "X3", NULL, PAPER("O2", "id=b"), "PARKED", "" },
		{ "X3", "2026-11-27 09:00", TAKEN_OVER("O1", "id=o office=ATLANTIS"), "QUARANTINED UNKNOWN_OFFICE",
			NULL },
		{ "X3, X6 it is said, but it does not give up", "2026-12-03 09:00", "tick", NULL, NULL },
		{ "X3", NULL, "parked O1", NULL, "a counted=2026-12-03T09:00" },
		{ "X3 the other does", NULL, "parked O2", NULL, "" }, { "X3", "2026-12-15 09:00", "tick", NULL, NULL },
		{ "X3", NULL, "parked O1", NULL, "a waits_for=O1" },
		{ "X3 counted anew once the opener has left", NULL, "discard o", NULL, "" },
		{ "X3", NULL, "parked O1", NULL, "counted=2026-12-15T09:00 alarm=2026-12-22T09:00" },
		{ "X3", "2026-12-22 08:59", "tick", NULL, "" },
		{ "X3", "2026-12-22 09:00", "tick", NULL, "event.quarantined id=a reason=PARKED_TOO_LONG" });
}

static void test_counts_no_days_while_the_event_that_opens_the_case_is_in_quarantine(void **state)
{
	PLAY({ "X3", NULL, ES_ORDER, "ACCEPTED", NULL }, { "X3", NULL, STAGE_1("C1", "a"), "PARKED", "" },
		{ "X3", NULL, STAGE_1("C2", "b"), "PARKED", "" },
		{ "X3", "2026-11-27 09:00", "considered ptp=C1 prn=P1 order=E1 em=no by=po-1 id=o",
			"QUARANTINED PTP_G2", NULL },
		{ "X3 it does not give up", "2026-12-03 09:00", "tick", NULL, NULL },
		{ "X3", NULL, "parked C1", NULL, "a counted=2026-12-03T09:00" },
		{ "X3 what waits for another case does", NULL, "parked C2", NULL, "" },
		{ "X3 counted anew once the opener has left", "2026-12-05 09:00", "discard o", NULL, "" },
		{ "X3", NULL, "parked C1", NULL, "counted=2026-12-05T09:00" },
		{ "X3", "2026-12-12 08:59", "tick", NULL, "" },
		{ "X3", "2026-12-12 09:00", "tick", NULL, "event.quarantined id=a reason=PARKED_TOO_LONG" });
}

/* At one remove: the case's event waits itself, for an order whose own event was set aside. */
static void test_counts_no_days_while_the_event_that_opens_the_case_is_parked(void **state)
{
	PLAY({ "X3", NULL, STAGE_1("C1", "a"), "PARKED", "" }, { "X3", NULL, STAGE_1("C2", "b"), "PARKED", "" },
		{ "X3", "2026-11-26 12:00", CONSIDERED " id=k", "PARKED", "" },
		{ "X3", "2026-11-27 09:00", ES_ORDER " office=ATLANTIS id=o", "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X3 what waits for another case gives up", "2026-12-02 09:00", "tick", NULL, NULL },
		{ "X3", NULL, "parked C2", NULL, "" },
		{ "X3 it does not, and is looked at in a week", NULL, "parked C1", NULL,
			"a counted=2026-12-02T09:00 alarm=2026-12-09T09:00" },
		{ "X3", "2026-12-03 12:00", "tick", NULL, NULL },
		{ "X3 nor does the case's event", NULL, "parked E1", NULL,
			"k counted=2026-12-03T12:00 alarm=2026-12-10T12:00" },
		{ "X3", NULL,
			"stage.recorded ptp=C1 stage=2 role=PROBATION_OFFICER outcome=STILL_CONSIDERED by=po-1 id=c",
			"PARKED", "" },
		{ "X3", "2026-12-10 12:00", "tick", NULL, NULL },
		{ "X3", NULL, "parked C1", NULL, "a counted=2026-12-10T12:00; c counted=2026-12-10T12:00" },
		{ "X3 all are decided when the order comes, in order of arrival", NULL, "retry o " ES_ORDER " id=o",
			"ACCEPTED",
			"allocation.baselined; ptp.opened C1; task.opened C1:1; task.completed C1:1; "
			"ptp.stage-changed C1 from=1 to=2; task.opened C1:2; task.completed C1:2; "
			"ptp.stage-changed C1 from=2 to=3; task.opened C1:3" },
		{ "X3", NULL, "parked C1", NULL, "" }, { "X3", NULL, "parked E1", NULL, "" });
}

static void test_gives_up_in_its_turn_what_waits_for_a_parked_event(void **state)
{
	PLAY({ "X3", NULL, CONSIDERED " id=k", "PARKED", "" },
		{ "X3 the report is not put off", "2026-11-25 10:00", STAGE_1("C1", "a"), "PARKED", "" },
		{ "X6", "2026-11-26 10:00", "tick", NULL, "event.parked-long id=k; event.parked-long id=a" },
		{ "X3 the order did not come", "2026-12-02 09:00", "tick", NULL,
			"event.quarantined id=k reason=PARKED_TOO_LONG" },
		{ "X3 the case is in quarantine now", "2026-12-02 10:00", "tick", NULL, "" },
		{ "X3", NULL, "parked C1", NULL, "a counted=2026-12-02T10:00 alarm=2026-12-09T10:00" },
		{ "X4 it waits again", "2026-12-03 09:00", "retry k", "PARKED", "" },
		{ "X3 and the days are counted anew", NULL, "parked C1", NULL,
			"a counted=2026-12-03T09:00 alarm=2026-12-10T09:00" },
		{ "X3 whichever is looked at first", "2026-12-10 09:00", "tick", NULL,
			"event.parked-long id=k; event.quarantined id=k reason=PARKED_TOO_LONG" },
		{ "X3", NULL, "parked C1", NULL, "a counted=2026-12-10T09:00" },
		{ "X3", "2026-12-11 09:00", "discard k", NULL, "" },
		{ "X3", NULL, "parked C1", NULL, "a counted=2026-12-11T09:00 alarm=2026-12-18T09:00" },
		{ "X3", "2026-12-18 08:59", "tick", NULL, "" },
		{ "X3 nothing is left that may come", "2026-12-18 09:00", "tick", NULL,
			"event.quarantined id=a waits_for=C1 reason=PARKED_TOO_LONG" },
		{ "X3", NULL, "parked C1", NULL, "" });
}

static void test_sets_aside_what_waits_for_a_case_that_may_not_be_opened(void **state)
{
	PLAY({ "X3", NULL, "considered ptp=C1 prn=P1 order=E1 em=no by=po-1 id=k", "PARKED", "" },
		{ "X3", NULL, STAGE_1("C1", "a"), "PARKED", "" },
		{ "X3 the order comes, the case is refused", "2026-11-30 09:00", ES_ORDER, "ACCEPTED",
			"allocation.baselined; ptp.refused; event.quarantined id=k reason=PTP_G2" },
		{ "X3 which holds it", "2026-12-02 09:00", "tick", NULL, NULL },
		{ "X3", NULL, "parked C1", NULL, "a counted=2026-12-02T09:00" },
		{ "X3", "2026-12-03 09:00", "discard k", NULL, "" },
		{ "X3", "2026-12-10 09:00", "tick", NULL, "event.quarantined id=a reason=PARKED_TOO_LONG" });
}

/* Orders and cases are named by different people. */
static void test_nothing_that_is_parked_waits_for_itself(void **state)
{
#define CASE_OF(ptp, order, id) "considered ptp=" ptp " prn=P1 order=" order " em=yes by=po-1 id=" id
	PLAY({ "X3 a case named as its order", NULL, CASE_OF("N1", "N1", "a"), "PARKED", "" },
		{ "X3 cases named as each other's order", NULL, CASE_OF("N2", "N3", "b"), "PARKED", "" },
		{ "X3", NULL, CASE_OF("N3", "N2", "c"), "PARKED", "" },
		{ "X3", "2026-11-26 09:00", "tick", NULL, NULL },
		{ "X3 it is given up, and so is one of the two", "2026-12-02 09:00", "tick", NULL,
			"event.quarantined id=a reason=PARKED_TOO_LONG; event.quarantined id=b" },
		{ "X3 which holds the other", "2026-12-03 09:00", "discard b", NULL, "" },
		{ "X3", "2026-12-10 09:00", "tick", NULL, "event.quarantined id=c reason=PARKED_TOO_LONG" });
}

static void test_counts_on_when_another_event_leaves_quarantine(void **state)
{
	PLAY({ "X3", NULL, PAPER("O1", "id=a"), "PARKED", "" },
		{ "X3", NULL, PAPER("O1", "id=b office=ATLANTIS"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X3 it would have opened nothing", "2026-11-25 15:00", "discard b", NULL, "" },
		{ "X3", NULL, "parked O1", NULL, "counted=2026-11-25T09:00" });
}

static void test_counts_anew_what_waits_before_it_was_reported(void **state)
{
	PLAY({ "X3", NULL, PAPER("O1", "id=a"), "PARKED", "" },
		{ "X3", NULL, TAKEN_OVER("O1", "id=o office=ATLANTIS"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X3", "2026-11-25 15:00", "discard o", NULL, "" },
		{ "X6 the report is not put off", NULL, "parked O1", NULL,
			"counted=2026-11-25T15:00 alarm=2026-11-26T09:00" });
}

static void test_gives_up_before_it_reports_where_the_policy_says_so(void **state)
{
	static struct policy other;
	static const struct play_row rows[] = {
		{ "X3", NULL, PAPER("O1", "id=a"), "PARKED", "" },
		{ "X3", "2026-12-02 09:00", "tick", NULL, "event.quarantined id=a reason=PARKED_TOO_LONG" },
	};

	(void)state;
	assert_int_equal(policy_from_csv(SHIPPED_POLICY, &other, &(struct fault){ "" }), 0);
	other.parked_long_hours = 8 * 24;
	assert_int_equal(world_play_new(&other, rows, ARRAY_LENGTH(rows)), 0);
}

/* ---- X4: retry, discard ---- */

static void test_decides_a_quarantined_event_again_as_of_now(void **state)
{
	PLAY({ "X4", NULL, ALLOCATE("O1", "po-2", "id=a time=2026-11-25T08:00"), "PARKED", "" },
		{ "X4", NULL, CANCELLED("O2", "id=c"), "PARKED", "" },
		{ "X4", NULL, TAKEN_OVER("O1", "id=o office=ATLANTIS"), "QUARANTINED UNKNOWN_OFFICE",
			"event.quarantined/ATLANTIS seq=1" },
		{ "X4 it is as wrong as before: nothing more is published", "2026-11-25 10:00", "retry o",
			"QUARANTINED UNKNOWN_OFFICE", "" },
		{ "X6 and it is as late as it was", NULL, "quarantine o", NULL,
			"state=HELD alarm=2026-11-25T13:00 !closed=* seq=1" },
		{ "X4 wrong in another way", NULL, "retry o " TAKEN_OVER("O1", "id=o type=PAROLE office=UTOPIA"),
			"QUARANTINED UNKNOWN_OFFICE", "" },
		{ "X4", NULL, "quarantine o", NULL, "sentence=office_UTOPIA*" },
		{ "X4 not decoded yet", NULL, "retry o " TAKEN_OVER("O1", "id=o fault=INVALID_FIELD"),
			"QUARANTINED INVALID_FIELD", "" },
		{ "X4", NULL, "quarantine o", NULL, "state=HELD reason=INVALID_FIELD sentence=still_wrong seq=1" },
		{ "X4 the policy was mended: what waited goes with it", NULL,
			"retry o " TAKEN_OVER("O1", "id=o time=2026-11-25T09:00"), "ACCEPTED",
			"allocation.baselined cause=o time=2026-11-25T09:00 decided=2026-11-25T10:00;"
			"allocation.reallocated cause=a" },
		{ "X4", NULL, "quarantine o", NULL, "state=RETRIED closed=2026-11-25T10:00 !alarm=*" },
		{ "X1", NULL, "claim o", NULL, "state=ACCEPTED seq=2" }, { "X4 once", NULL, "retry o", "1", "" },
		{ "X4", NULL, "discard o", "1", "" },
		{ "X2 a repeat", NULL, TAKEN_OVER("O1", "id=o time=2026-11-25T09:00"), "DUPLICATE", "" });
}

static void test_parks_a_retried_event_that_still_waits(void **state)
{
	PLAY({ "X4", NULL, PAPER("O1", "id=a office=ATLANTIS"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X4, X3", NULL, "retry a " PAPER("O1", "id=a"), "PARKED", "" },
		{ "X4", NULL, "quarantine a", NULL, "state=RETRIED" },
		{ "X3", NULL, "parked O1", NULL, "a waits_for=O1" }, { "X1", NULL, "claim a", NULL, "state=PARKED" });
}

static void test_retries_nothing_that_was_taken_meanwhile(void **state)
{
	PLAY({ "X4 its name was unreadable", NULL, ASSESSED("id= fault=MALFORMED"), "QUARANTINED MALFORMED", NULL },
		{ "X2", NULL, ASSESSED("id=a"), "ACCEPTED", "" },
		{ "X4 a better decoder reads it: known", NULL, "retry  " ASSESSED("id=a"), "DUPLICATE", "" },
		{ "X4 and it is out of the way", NULL, "quarantine ", NULL, "state=SUPERSEDED" },
		{ "X4", NULL, "assessed prn=P1 onows=no id=a", "QUARANTINED ID_REUSED", NULL },
		{ "X2 the name stays taken", NULL, "retry a", "QUARANTINED ID_REUSED", "" },
		{ "X2", NULL, "quarantine a", NULL, "state=HELD" });
}

static void test_retries_what_was_refused_after_waiting(void **state)
{
	PLAY({ "X3", NULL, ALLOCATE("O1", "po-2", "role=PROBATION_OFFICER id=a"), "PARKED", "" },
		{ "X3", NULL, TAKEN_OVER("O1", ""), "ACCEPTED", NULL },
		{ "X4", NULL, "retry a", "QUARANTINED ROLE_MAY_NOT_ACT", "" },
		{ "X4 it claims nothing", NULL, "retry a " ALLOCATE("O1", "po-2", "id=a"), "ACCEPTED",
			"allocation.reallocated officer=po-2" },
		{ "X1 one disposition", NULL, "claim a", NULL, "state=ACCEPTED" },
		{ "X4", NULL, "quarantine a", NULL, "state=RETRIED" });
}

static void test_keeps_its_place_in_the_log_whatever_a_retry_publishes(void **state)
{
	PLAY({ "X4", NULL, ES_ORDER, "ACCEPTED", NULL },
		{ "G2", NULL, CONSIDERED " em=no id=a", "QUARANTINED PTP_G2",
			"ptp.refused seq=2; event.quarantined seq=3" },
		{ "X4 refused again, and said so", NULL, "retry a", "QUARANTINED PTP_G2", "ptp.refused guard=PTP_G2" },
		{ "X4", NULL, "quarantine a", NULL, "state=HELD seq=3" });
}

static void test_answers_a_failed_retry_with_where_it_was_set_aside(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	static const struct play_row before[] = {
		{ "X4", NULL, ES_ORDER, "ACCEPTED", NULL },
		{ "G2", NULL, CONSIDERED " em=no id=a", "QUARANTINED PTP_G2", "ptp.refused; event.quarantined seq=3" },
	};
	struct quarantined *held;
	struct event *again;
	enum reason fault;
	struct verdict verdict;

	(void)state;
	assert_int_equal(world_play(world, before, ARRAY_LENGTH(before)), 0);
	held = world->facts.quarantine_of_id(world, "urn:nz:corrections:cpps", "a", NULL);
	again = world_event(world, CONSIDERED " em=no id=a", &fault);
	assert_int_equal(
		decide_retry(&policy, &world->facts, held, again, fault, "", world->now, &world->effects, &verdict), 0);
	assert_int_equal(world->seq, 4);
	assert_int_equal(verdict.seq, 3);
	assert_int_equal(held->seq, 3);
}

static void test_discards_with_a_reason(void **state)
{
	PLAY({ "X4", NULL, TAKEN_OVER("O1", "id=a office=ATLANTIS"), "QUARANTINED UNKNOWN_OFFICE", NULL },
		{ "X4, X6", "2026-11-25 10:00", "discard a", NULL, "" },
		{ "X4", NULL, "quarantine a", NULL,
			"state=DISCARDED closed_by=clerk closed_reason=typo closed=2026-11-25T10:00 !alarm=*" },
		{ "X4 once", NULL, "discard a", "1", "" }, { "X4 for good", NULL, "retry a", "1", "" },
		{ "X6 one whose order cannot be read", NULL, "baseline prn=P1 id=b fault=MISSING_FIELD",
			"QUARANTINED MISSING_FIELD", "event.quarantined/- !order=*" },
		{ "X4", NULL, "discard b", NULL, "" },
		{ "X4", NULL, "quarantine b", NULL, "state=DISCARDED !alarm=*" });
}

/* ---- A lack of memory drops the batch: the event is answered with -ENOMEM wherever it strikes ---- */

#define BEFORE_MAX 4

static const struct {
	const char *rule, *what;
	const char *before[BEFORE_MAX];
	int strikes; /* how many rows it asks for */
} scarce[] = {
	{ "R1 person, request, claim", "imposed prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON",
		{ NULL }, 3 },
	{ "R2", "sentencing.scheduled prn=P1 order=O1 type=SUPERVISION on=2026-12-01 office=NELSON", { NULL }, 3 },
	{ "R11", TAKEN_OVER("O1", ""), { NULL }, 3 },
	{ "R8 another person, claim", VARIED("O1", "prn=P2"), { TAKEN_OVER("O1", "") }, 2 },
	{ "R10 another person, quarantine", TAKEN_OVER("O1", "prn=P2"), { TAKEN_OVER("O1", "") }, 2 },
	{ "R4 person, claim", ASSESSED(""), { NULL }, 2 },
	{ "R9 two persons, claim", "merged prn=P1 into=P2", { NULL }, 3 },
	{ "R9 file, claim", "unmerged prn=P1 into=P2", { "merged prn=P1 into=P2" }, 2 },
	{ "R9 person, quarantine", "unmerged prn=P1 into=P2", { NULL }, 2 },
	{ "X3 claim, parked", PAPER("O1", ""), { NULL }, 2 },
	{ "X4 quarantine", PAPER("O1", "office=ATLANTIS"), { NULL }, 1 },
	{ "X3 released: claim, quarantine", TAKEN_OVER("O1", ""), { ALLOCATE("O1", "po-2", "role=PROBATION_OFFICER") },
		4 },
	{ "X3 released: claim, person", TAKEN_OVER("O1", ""), { VARIED("O1", "prn=P2") }, 4 },
	{ "X4 retried: claim", "retry a " PAPER("O1", "id=a"),
		{ TAKEN_OVER("O1", ""), PAPER("O1", "id=a office=ATLANTIS") }, 1 },
	{ "X4 retried: claim, parked", "retry a " PAPER("O1", "id=a"), { PAPER("O1", "id=a office=ATLANTIS") }, 2 },
	{ "X4 retried: person, claim", "retry a " ASSESSED("id=a"), { ASSESSED("id=a fault=MALFORMED") }, 2 },
	{ "PTP case, claim", CONSIDERED, { ES_ORDER }, 2 },
};

/* How many strikes it takes until the event is decided. */
static int strikes(size_t i)
{
	static const char *const lacks[] = { "-12" };

	for (int n = 0;; n++) {
		CLEANUP(world_freep) struct world *world = world_new(&policy);
		struct play_row row = { scarce[i].rule, NULL, scarce[i].what, lacks[0], NULL };

		for (size_t k = 0; k < BEFORE_MAX && scarce[i].before[k]; k++)
			assert_int_equal(
				world_play(world, &(struct play_row){ "", NULL, scarce[i].before[k], NULL, NULL }, 1),
				0);
		world->fail_in = n;
		if (n == scarce[i].strikes)
			row.verdict = NULL;
		assert_int_equal(world_play(world, &row, 1), 0);
		if (!row.verdict)
			return world->fail_in == 0 ? n : -1;
	}
}

static void test_says_when_memory_is_out(void **state)
{
	(void)state;
	assert_int_equal(ENOMEM, 12);
	for (size_t i = 0; i < ARRAY_LENGTH(scarce); i++)
		assert_int_equal(strikes(i), scarce[i].strikes);
}

static struct person *(*look_up)(void *context, const char *prn);
static int look_ups_left;

static struct person *look_up_some(void *context, const char *prn)
{
	return look_ups_left-- > 0 ? look_up(context, prn) : NULL;
}

/* Persons are looked up wherever one is named, and where an order's own is (R4 step 4). */
static void test_says_when_a_person_cannot_be_had(void **state)
{
	static const char *const words[] = { TAKEN_OVER("O1", ""),
		"imposed prn=P1 order=O1 type=SUPERVISION effective=2026-11-25 office=NELSON" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		for (int n = 0; n <= 2; n++) {
			CLEANUP(world_freep) struct world *world = world_new(&policy);
			struct verdict verdict;

			look_up = world->facts.person;
			world->facts.person = look_up_some;
			look_ups_left = n;
			assert_int_equal(world_decide(world, words[i], &verdict), n < 2 ? -ENOMEM : 0);
		}
}

static void test_does_not_give_up_without_memory(void **state)
{
	CLEANUP(world_freep) struct world *world = world_new(&policy);
	struct parked *parked;
	struct verdict verdict;

	(void)state;
	assert_int_equal(world_decide(world, PAPER("O1", ""), &verdict), 0);
	world->now = world_moment(world, "2026-11-26 09:00");
	world_tick(world);
	parked = world->facts.parked(world, "O1", NULL);
	world->now = world_moment(world, "2026-12-02 09:00");
	world->fail_in = 0;
	assert_int_equal(decide_parked_alarm(&policy, &world->facts, parked, world->now, &world->effects), -ENOMEM);
	assert_false(parked->gone);
	world->fail_in = -1;
	assert_int_equal(decide_parked_alarm(&policy, &world->facts, parked, world->now, &world->effects), 1);
	assert_true(parked->gone);
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
		cmocka_unit_test(test_answers_a_repeat_with_what_was_decided),
		cmocka_unit_test(test_answers_with_the_first_sequence),
		cmocka_unit_test(test_refuses_a_name_used_for_something_else),
		cmocka_unit_test(test_lets_a_quarantined_event_claim_nothing),
		cmocka_unit_test(test_knows_bytes_that_were_discarded),
		cmocka_unit_test(test_refuses_what_is_older_than_its_claims),
		cmocka_unit_test(test_leaves_no_trace_of_a_refusal),
		cmocka_unit_test(test_asks_whose_source_it_is),
		cmocka_unit_test(test_takes_each_type_from_its_senders_only),
		cmocka_unit_test(test_does_not_let_a_stranger_spoil_an_event),
		cmocka_unit_test(test_sets_aside_what_could_not_be_decoded),
		cmocka_unit_test(test_keeps_the_bytes_of_what_it_sets_aside),
		cmocka_unit_test(test_cuts_a_long_sentence_between_characters),
		cmocka_unit_test(test_says_nothing_of_time_where_there_is_none),
		cmocka_unit_test(test_parks_what_is_about_an_unknown_order_or_case),
		cmocka_unit_test(test_decides_what_waited_in_order_of_arrival),
		cmocka_unit_test(test_sets_a_parked_event_aside_and_goes_on),
		cmocka_unit_test(test_decides_what_waited_for_what_waited),
		cmocka_unit_test(test_leaves_parked_what_waits_for_a_case_named_as_the_order),
		cmocka_unit_test(test_releases_once_whatever_opened_it),
		cmocka_unit_test(test_follows_an_order_that_moves_as_it_is_released),
		cmocka_unit_test(test_publishes_levels_already_past_after_what_was_released),
		cmocka_unit_test(test_so_many_wait_for_one_order),
		cmocka_unit_test(test_decides_again_what_was_set_aside_without_its_bytes),
		cmocka_unit_test(test_gives_up_after_seven_days),
		cmocka_unit_test(test_tells_missed_levels_of_a_parked_event_in_order),
		cmocka_unit_test(test_counts_no_days_while_the_opener_is_in_quarantine),
		cmocka_unit_test(test_counts_no_days_while_the_event_that_opens_the_case_is_in_quarantine),
		cmocka_unit_test(test_counts_no_days_while_the_event_that_opens_the_case_is_parked),
		cmocka_unit_test(test_gives_up_in_its_turn_what_waits_for_a_parked_event),
		cmocka_unit_test(test_sets_aside_what_waits_for_a_case_that_may_not_be_opened),
		cmocka_unit_test(test_nothing_that_is_parked_waits_for_itself),
		cmocka_unit_test(test_counts_on_when_another_event_leaves_quarantine),
		cmocka_unit_test(test_counts_anew_what_waits_before_it_was_reported),
		cmocka_unit_test(test_gives_up_before_it_reports_where_the_policy_says_so),
		cmocka_unit_test(test_decides_a_quarantined_event_again_as_of_now),
		cmocka_unit_test(test_parks_a_retried_event_that_still_waits),
		cmocka_unit_test(test_retries_nothing_that_was_taken_meanwhile),
		cmocka_unit_test(test_retries_what_was_refused_after_waiting),
		cmocka_unit_test(test_keeps_its_place_in_the_log_whatever_a_retry_publishes),
		cmocka_unit_test(test_answers_a_failed_retry_with_where_it_was_set_aside),
		cmocka_unit_test(test_discards_with_a_reason),
		cmocka_unit_test(test_says_when_memory_is_out),
		cmocka_unit_test(test_says_when_a_person_cannot_be_had),
		cmocka_unit_test(test_does_not_give_up_without_memory),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
