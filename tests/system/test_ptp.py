"""Person to person monitoring from end to end: cases as people record them, through the real cppsctl, daemon and database.

Three bridges. On the first every scenario has an order and a case of its own, and happens now. The second lives through the written scenario
(tests/fixtures/ptp-case.ndjson) day by day, its clock going along, until the condition expires; the third plays it again years from now.
After every submission the rule of the one open task is asked of all cases; at the end the log and the view ptp_history are compared."""

import datetime
import re
import signal
import subprocess
import zoneinfo

from bridge import ROOT, Bridge, check, event, finish, imposed, today, wait_for

CPPS = "nz.govt.corrections.cpps."
CMS = "nz.govt.justice.cms."
FIXTURE = ROOT + "/tests/fixtures/ptp-case.ndjson"
AUCKLAND = zoneinfo.ZoneInfo("Pacific/Auckland")

# The contract's way from the first thought to approval: at the stage the role records the outcome, and then this role acts.
WAY = [
    (1, "PROBATION_OFFICER", "ADVISED", "PROBATION_OFFICER"),
    (2, "PROBATION_OFFICER", "STILL_CONSIDERED", "SERVICE_MANAGER"),
    (3, "SERVICE_MANAGER", "MEMO_SENT", "AREA_MANAGER"),
    (4, "AREA_MANAGER", "NOT_SUPPORTED", "REGIONAL_MANAGER"),
    (5, "REGIONAL_MANAGER", "SUPPORTED", "ES_OPERATIONS_ADVISER"),
    (6, "ES_OPERATIONS_ADVISER", "PROPOSAL_PREPARED", "ASSISTANT_GENERAL_MANAGER"),
    (7, "ASSISTANT_GENERAL_MANAGER", "BUDGET_APPROVED", "ES_OPERATIONS_ADVISER"),
    (7, "ES_OPERATIONS_ADVISER", "FORWARDED", "GENERAL_MANAGER"),
    (8, "GENERAL_MANAGER", "APPROVED", "PROBATION_OFFICER"),
    (9, "PROBATION_OFFICER", "DRAFT_SUBMITTED", "ES_OPERATIONS_ADVISER"),
    (9, "ES_OPERATIONS_ADVISER", "FEEDBACK_GIVEN", "PROBATION_OFFICER"),
    (9, "PROBATION_OFFICER", "REPORT_SUBMITTED", "ES_COORDINATOR"),
    (10, "ES_COORDINATOR", "SUBMITTED", "GENERAL_MANAGER"),
    (10, "GENERAL_MANAGER", "RECOMMENDATIONS_APPROVED", None),
]

TRANSITIONS = ("ptp.stage-changed", "ptp.noted", "ptp.closed")


def answer(ack):
    """"accepted", "parked", or the reason code of the quarantine."""
    return ack["reason"] if ack["disposition"] == "quarantined" else ack["disposition"]


def name_of(record):
    return record["type"].removeprefix(CPPS)


def open_tasks_are_right(bridge):
    """A case in progress has exactly one open task, of its stage; every other case has none. Returns the cases that break it."""
    return bridge.sql("""SELECT ptp_ref, c.state, stage, array_agg(t.step) FROM cpps.ptp_case c
        LEFT JOIN cpps.task t ON t.kind = 'PTP' AND t.ref = ptp_ref AND t.state = 'OPEN' GROUP BY 1, 2, 3
        HAVING count(t.ref) <> (c.state = 'IN_PROGRESS')::int OR bool_or(t.step <> stage)""") == []


class Case:
    """An ES order, its offender, and the case that may be opened for it."""

    number = 0
    all_have_one_task = True

    def __init__(self, bridge, starts=None, **more):
        Case.number += 1
        self.bridge = bridge
        self.ref, self.order, self.prn = ("%s-%03d" % (kind, Case.number) for kind in ("PTP-2026", "CRI-2026-085-ES", "PRN-ES"))
        self.starts = starts or today()
        self.imposed = imposed(self.order, self.prn, order_type=more.pop("order_type", "EXTENDED_SUPERVISION_ORDER"), startsOn=self.starts,
                               endsOn=today(3650), **more)

    def send(self, *events):
        """Submits; what became of the last one."""
        acks = self.bridge.submit(events)
        Case.all_have_one_task = Case.all_have_one_task and open_tasks_are_right(self.bridge)
        self.last = events[-1]
        return answer(acks[-1])

    def begin(self, **changes):
        """The order with its officer, then the case. What became of `considered`."""
        self.send(self.imposed, event(CPPS + "allocation.recorded", {"orderRef": self.order, "officerId": "po-7", "byRole": "SERVICE_MANAGER",
                                                                     "by": "sm-1"}))
        return self.send(self.considered(**changes))

    def particulars(self, **changes):
        data = {"ptpRef": self.ref, "prn": self.prn, "orderRef": self.order, "monitoring": "FULL_TIME", "emCriteriaMet": True,
                "emApproval": "SOUGHT", "residentialRestrictions": True, "startsOn": self.starts, "endsOn": today(100), "suitability": ["C1"],
                "by": "po-7"}
        data.update(changes)
        return {key: value for key, value in data.items() if value is not None}

    def considered(self, **changes):
        return event(CPPS + "ptp.considered", self.particulars(**changes))

    def revise(self, **changes):
        return self.send(event(CPPS + "ptp.revised", self.particulars(reason="as things now stand", **changes)))

    def stage(self, stage, role, outcome, **more):
        return event(CPPS + "ptp.stage.recorded", dict({"ptpRef": self.ref, "stage": stage, "byRole": role, "outcome": outcome,
                                                        "by": role.lower(), "note": "secret-note"}, **more))

    def record(self, stage, role, outcome):
        return self.send(self.stage(stage, role, outcome))

    def until(self, stage, after=None):
        """The way from the first stage up to a later one (there, up to and with an outcome)."""
        steps = [s for s in WAY if s[0] < stage]
        at = [s for s in WAY if s[0] == stage]
        steps += at[:[s[2] for s in at].index(after) + 1] if after else []
        acks = self.bridge.submit([self.stage(*step[:3]) for step in steps])
        assert all(answer(a) == "accepted" for a in acks) and len(acks) == len(steps), acks
        return self

    def impose(self, outcome="IMPOSED", **changes):
        data = {"ptpRef": self.ref, "outcome": outcome, "by": "po-7"}
        if outcome == "IMPOSED":
            data.update(monitoring="FULL_TIME", residentialRestrictions=True, startsOn=self.starts, endsOn=today(100))
        data.update(changes)
        return self.send(event(CPPS + "ptp.imposition.recorded", data))

    def cancel_order(self):
        return self.send(event(CMS + "sentence.cancelled", {"orderRef": self.order, "cancelledOn": today(), "reason": "quashed"}))

    def vary_order(self, starts, **more):
        data = dict(self.imposed["data"], startsOn=starts, reason="wrongly dated", **more)
        return self.send(event(CMS + "sentence.varied", data))

    @property
    def row(self):
        """How the case stands: everything the database has of it."""
        return self.bridge.sql("SELECT * FROM cpps.ptp_case WHERE ptp_ref = %s", self.ref)

    @property
    def stands(self):
        """State and stage."""
        return tuple(self.bridge.sql("SELECT state, stage FROM cpps.ptp_case WHERE ptp_ref = %s", self.ref)[0])

    @property
    def acts(self):
        """Roles of the open tasks."""
        return [r for r, in self.bridge.sql("SELECT role FROM cpps.task WHERE kind = 'PTP' AND ref = %s AND state = 'OPEN'", self.ref)]

    def records(self, *names, cause=None):
        return [r for r in self.bridge.tail() if self.ref in (r["data"].get("ptpRef"), r["data"].get("ref")) and
                (not names or name_of(r) in names) and (cause is None or r.get("causationid") == cause["id"])]


# ---- A case that is approved ----

def walks_the_ten_stages(bridge):
    case = Case(bridge)
    check(case.begin() == "accepted" and case.acts == ["PROBATION_OFFICER"], "P8 considered: the probation officer acts first", case.acts)
    opened = case.records("ptp.opened")
    check(len(opened) == 1 and opened[0]["data"]["informs"] == ["ES_OPERATIONS_ADVISER"], "P8 1 the ES operations adviser is told", opened)
    wrong = []
    for stage, role, outcome, next_actor in WAY:
        said = case.record(stage, role, outcome)
        if said != "accepted" or case.acts != ([next_actor] if next_actor else []):
            wrong.append((stage, role, outcome, said, case.acts))
    check(not wrong, "P8 at every moment the one open task names whoever acts next", wrong)
    check(case.stands == ("APPROVED", 10), "P8 10 the recommendations are approved", case.stands)

    moves = [(d["fromStage"], d["byRole"], d["outcome"], d["by"]) for d in (r["data"] for r in case.records(*TRANSITIONS))]
    check(moves == [(s, role, outcome, role.lower()) for s, role, outcome, _ in WAY],
          "every transition is in the log once, in order, with from, outcome, role and by", moves)
    to = [r["data"].get("toStage") for r in case.records(*TRANSITIONS)]
    check(to == [2, 3, 4, 5, 6, 7, 7, 8, 9, 9, 9, 10, 10, None], "... and with where to", to)
    acts = [r["data"].get("role") for r in case.records(*TRANSITIONS)]
    check(acts == [next_actor for *_, next_actor in WAY], "... and who acts next", acts)
    told = [r["data"].get("informs", [None]) for r in case.records(*TRANSITIONS)]
    check(told == [["ES_OPERATIONS_ADVISER"], ["SERVICE_MANAGER"]] + [[next_actor] for *_, next_actor in WAY[2:]], "... and whom to tell", told)
    decided = case.records("ptp.decided")
    check(len(decided) == 1 and decided[0]["data"]["conveyVia"] == ["REGIONAL_MANAGER", "AREA_MANAGER", "SERVICE_MANAGER"] and
          decided[0]["data"]["conveyTo"] == "po-7", "P8 8 the decision goes by the line managers to the officer", decided)
    notes = case.records("ptp.decided")[0]["data"]
    check((notes["areaSupports"], notes["regionSupports"]) == (False, True), "P8 4, 5 the notes of support go along", notes)

    check(case.impose() == "accepted" and case.stands == ("IMPOSED", 10), "an approved condition is imposed", case.stands)
    check(len(case.records("ptp.imposed")) == 1, "ptp.imposed says so once")
    again = bridge.submit([case.last])
    check(again[0]["disposition"] == "duplicate" and len(case.records("ptp.imposed")) == 1, "X2 the same record again is a duplicate", again)


def a_new_draft_needs_new_feedback(bridge):
    case = Case(bridge)
    case.begin()
    case.until(9, "FEEDBACK_GIVEN")
    case.record(9, "PROBATION_OFFICER", "DRAFT_SUBMITTED")
    check(case.acts == ["ES_OPERATIONS_ADVISER"], "P8 9 after a new draft the adviser acts again", case.acts)
    check(case.record(9, "PROBATION_OFFICER", "REPORT_SUBMITTED") == "PTP_G8", "G8 the final report waits for the new feedback")
    case.record(9, "ES_OPERATIONS_ADVISER", "FEEDBACK_GIVEN")
    check(case.record(9, "PROBATION_OFFICER", "REPORT_SUBMITTED") == "accepted", "P8 9 with it the final report is taken")


def a_senior_may_act_for_the_officer_only(bridge):
    case = Case(bridge)
    case.begin()
    check(case.record(1, "SENIOR_PROBATION_OFFICER", "ADVISED") == "accepted", "A10 a senior probation officer may act for the officer")
    case.record(2, "PROBATION_OFFICER", "STILL_CONSIDERED")
    check(case.record(3, "AREA_MANAGER", "MEMO_SENT") == "PTP_G6", "G6 the area manager may not write the memo that is sent to them")


# ---- Every way a case is closed ----

CLOSINGS = [
    ("WITHDRAWN by the probation officer, at stage 2", "WITHDRAWN", lambda c: c.until(2).record(2, "PROBATION_OFFICER", "WITHDRAWN")),
    ("WITHDRAWN by the service manager, at stage 10", "WITHDRAWN", lambda c: c.until(10).record(10, "SERVICE_MANAGER", "WITHDRAWN")),
    ("NOT_PROCEEDING", "NOT_PROCEEDING", lambda c: c.until(6).record(6, "ES_OPERATIONS_ADVISER", "NOT_PROCEEDING")),
    ("BUDGET_DECLINED", "BUDGET_DECLINED", lambda c: c.until(7).record(7, "ASSISTANT_GENERAL_MANAGER", "BUDGET_DECLINED")),
    ("DECLINED", "DECLINED", lambda c: c.until(8).record(8, "GENERAL_MANAGER", "DECLINED")),
    ("RECOMMENDATIONS_DECLINED", "RECOMMENDATIONS_DECLINED",
     lambda c: c.until(10, "SUBMITTED").record(10, "GENERAL_MANAGER", "RECOMMENDATIONS_DECLINED")),
    ("ORDER_CLOSED in progress", "ORDER_CLOSED", lambda c: c.until(5).cancel_order()),
    ("ORDER_CLOSED once approved", "ORDER_CLOSED", lambda c: c.until(11).cancel_order()),
    ("NOT_IMPOSED", "NOT_IMPOSED", lambda c: c.until(11).impose("NOT_IMPOSED")),
    ("ENDED early", "ENDED", lambda c: c.until(11).impose() == "accepted" and c.impose("ENDED")),
    ("ENDED with its order", "ENDED", lambda c: c.until(11).impose() == "accepted" and c.cancel_order()),
]

TOLD_BY = {"NOT_IMPOSED": "ptp.not-imposed", "ENDED": "ptp.ended"}


def each_closed_state(bridge):
    for how, state, close in CLOSINGS:
        case = Case(bridge)
        case.begin()
        said = close(case)
        check(said == "accepted" and case.stands[0] == state and case.acts == [], how + ": the case is closed and nobody acts", (said, case.stands))
        told = case.records(TOLD_BY.get(state, "ptp.closed"), cause=case.last)
        check(len(told) == 1 and told[0]["data"]["state"] == state, how + ": it is told once", told)
        check(case.record(case.stands[1], "PROBATION_OFFICER", "WITHDRAWN") == "PTP_CLOSED", how + ": nothing more can be recorded")
    check(Case(bridge).send(case.considered()) == "PTP_EXISTS", "a closed case is not considered again under its own reference")


def one_case_in_progress_an_order(bridge):
    case = Case(bridge)
    case.begin()
    check(case.send(case.considered(ptpRef=case.ref + "-B")) == "PTP_EXISTS", "PTP_EXISTS: an order has one case in progress")
    case.record(1, "PROBATION_OFFICER", "WITHDRAWN")
    check(case.send(case.considered(ptpRef=case.ref + "-B")) == "accepted", "once it is closed another may be opened")


# ---- Every guard, broken alone ----

def refused(case, guard, what, said, before):
    """The guard is the answer, ptp.refused names it once, the case stands as before, and the event lies in quarantine, where its office sees it."""
    told = case.records("ptp.refused", cause=case.last)
    check(said == guard, what + ": " + guard, said)
    check(len(told) == 1 and "PTP_" + told[0]["data"]["guard"] == guard and told[0]["data"]["sentence"], what + ": ptp.refused names the guard once", told)
    check(case.row == before, what + ": nothing changed")
    held = [r for r in case.bridge.ctl("quarantine", "--json").rows if r["id"] == case.last["id"]]
    check(len(held) == 1 and (held[0]["reason"], held[0]["order_ref"], held[0]["office"]) == (guard, case.order, "WELLINGTON"),
          what + ": the event is set aside, with the order it is about", held)


CONSIDERED_AGAINST = [
    ("PTP_G1", "G1 another type of order", {"order_type": "SUPERVISION"}, {}),
    ("PTP_G2", "G2 P3 EM criteria not met", {}, {"emCriteriaMet": False}),
    ("PTP_G4", "G4 starts before its order", {}, {"startsOn": today(-1)}),
    ("PTP_G4", "G4 P2 ends after 12 months", {}, {"endsOn": today(400)}),
    ("PTP_G5", "G5 an unknown suitability code", {}, {"suitability": ["C1", "C99"]}),
    ("PTP_G9", "G9 EM approval declined", {}, {"emApproval": "DECLINED"}),
]

# What may stay open up to stage 6: it is not asked before, and it stops the proposal.
MISSING_AT_STAGE_6 = [
    ("PTP_G3", "G3 P4 no residential restrictions", {"residentialRestrictions": False}),
    ("PTP_G4", "G4 no dates", {"startsOn": None, "endsOn": None}),
    ("PTP_G5", "G5 no suitability code", {"suitability": []}),
    ("PTP_G9", "G9 EM approval not sought", {"emApproval": "NOT_SOUGHT"}),
]

OUT_OF_TURN = [
    ("PTP_G6", "G6 the officer may not decide", 8, None, (8, "PROBATION_OFFICER", "APPROVED")),
    ("PTP_G7", "G7 a stage is skipped", 3, None, (4, "AREA_MANAGER", "SUPPORTED")),
    ("PTP_G7", "G7 a stage is recorded again", 3, None, (2, "PROBATION_OFFICER", "STILL_CONSIDERED")),
    ("PTP_G8", "G8 another stage's outcome", 3, None, (3, "SERVICE_MANAGER", "SUPPORTED")),
    ("PTP_G8", "G8 forwarded before the budget", 7, None, (7, "ES_OPERATIONS_ADVISER", "FORWARDED")),
    ("PTP_G8", "G8 feedback before the draft", 9, None, (9, "ES_OPERATIONS_ADVISER", "FEEDBACK_GIVEN")),
    ("PTP_G8", "G8 the final report before the feedback", 9, "DRAFT_SUBMITTED", (9, "PROBATION_OFFICER", "REPORT_SUBMITTED")),
    ("PTP_G8", "G8 the recommendations before the cover memo", 10, None, (10, "GENERAL_MANAGER", "RECOMMENDATIONS_APPROVED")),
]


def each_guard_alone(bridge):
    for guard, what, order, changes in CONSIDERED_AGAINST:
        case = Case(bridge, **order)
        refused(case, guard, what, case.begin(**changes), [])

    case = Case(bridge)
    case.begin()
    case.record(1, "PROBATION_OFFICER", "WITHDRAWN")
    case.cancel_order()
    case.ref += "-B"
    refused(case, "PTP_G1", "G1 a cancelled order", case.send(case.considered()), [])

    for guard, what, changes in MISSING_AT_STAGE_6:
        case = Case(bridge)
        check(case.begin(**changes) == "accepted", what + ": it may stay open at first")
        case.until(6)
        before = case.row
        refused(case, guard, what, case.record(6, "ES_OPERATIONS_ADVISER", "PROPOSAL_PREPARED"), before)
        number = next(r["number"] for r in bridge.ctl("quarantine", "--json").rows if r["id"] == case.last["id"])
        check(case.revise() == "accepted", what + ": it is made up for")
        retried = bridge.ctl("quarantine", "retry", str(number))
        check(retried.code == 0 and case.stands == ("IN_PROGRESS", 7), what + ": and the record that was set aside is retried", retried.err)

    for guard, what, stage, after, stage_record in OUT_OF_TURN:
        case = Case(bridge)
        case.begin()
        case.until(stage, after)
        before = case.row
        refused(case, guard, what, case.record(*stage_record), before)

    case = Case(bridge)
    case.begin()
    case.until(6)
    check(case.revise(emCriteriaMet=False) == "accepted", "G2 what was met may be lowered: it is recorded")
    before = case.row
    refused(case, "PTP_G2", "G2 and the next move forward", case.record(6, "ES_OPERATIONS_ADVISER", "PROPOSAL_PREPARED"), before)

    case = Case(bridge)
    case.begin()
    case.until(11)
    before = case.row
    refused(case, "PTP_G3", "G3 again when it is imposed", case.impose(residentialRestrictions=False), before)
    refused(case, "PTP_G4", "G4 again when it is imposed", case.impose(endsOn=today(400)), before)
    refused(case, "PTP_G8", "G8 nothing imposed can end yet", case.impose("ENDED"), before)


def quarantine_goes_on_with_good_ones(bridge):
    case = Case(bridge)
    case.begin()
    acks = bridge.submit([case.stage(5, "REGIONAL_MANAGER", "SUPPORTED"), case.stage(1, "PROBATION_OFFICER", "ADVISED")])
    check([answer(a) for a in acks] == ["PTP_G7", "accepted"], "X4 a refused record does not hold up the good one behind it", acks)


# ---- Dates ----

# The order's start, the last day that is taken as the end, the first that is not.
TWELVE_MONTHS = [
    ("2026-03-01", "2027-03-01", "2027-03-02", "exactly 12 months"),
    ("2023-03-01", "2024-03-01", "2024-03-02", "12 months over a 29 February"),
    ("2024-02-29", "2025-02-28", "2025-03-01", "12 months from a 29 February"),
    ("2023-02-28", "2024-02-28", "2024-02-29", "12 months into a leap year's February"),
    ("2025-12-31", "2026-12-31", "2027-01-01", "12 months from the year's last day"),
]
SIX_MONTHS = [
    ("2025-08-31", "2026-02-28", "2026-03-01", "31 August + 6 months"),
    ("2023-08-31", "2024-02-29", "2024-03-01", "31 August + 6 months into a leap year"),
    ("2026-03-31", "2026-09-30", "2026-10-01", "31 March + 6 months"),
    ("2026-08-28", "2027-02-28", "2027-03-01", "28 August + 6 months"),
]


def months_are_clamped(bridge, limits):
    for starts, last, beyond, what in limits:
        case = Case(bridge, starts)
        check(case.begin(endsOn=beyond) == "PTP_G4", "G4 P2 %s: %s is one day too late" % (what, beyond))
        check(case.send(case.considered(endsOn=last)) == "accepted", "G4 P2 %s: %s is taken" % (what, last))


# ---- Events out of order ----

def what_arrives_early_waits(bridge):
    case = Case(bridge)
    early = [case.stage(1, "PROBATION_OFFICER", "ADVISED"), case.stage(2, "PROBATION_OFFICER", "STILL_CONSIDERED"),
             case.stage(3, "SERVICE_MANAGER", "SUPPORTED"), case.stage(3, "SERVICE_MANAGER", "MEMO_SENT")]
    check([answer(a) for a in bridge.submit(early)] == ["parked"] * 4, "X3 stage records of an unknown case are parked")
    check(case.send(case.considered()) == "parked", "X3 so is a case of an unknown order")
    waiting = [r["waits_for"] for r in bridge.ctl("parked", "--json").rows if r["id"] in {e["id"] for e in early} | {case.last["id"]}]
    check(waiting == [case.ref] * 4 + [case.order], "X3 parked shows what each waits for", waiting)
    check(case.records() == [], "X3 nothing is published of what waits")
    case.send(case.imposed)
    check(case.stands == ("IN_PROGRESS", 4) and case.acts == ["AREA_MANAGER"], "X3 with the order all are decided", case.stands)
    order = [(r["data"].get("fromStage"), r["data"]["outcome"]) for r in case.records(*TRANSITIONS, "ptp.refused")]
    check(order == [(1, "ADVISED"), (2, "STILL_CONSIDERED"), (3, "SUPPORTED"), (3, "MEMO_SENT")], "X3 in the order in which they arrived", order)
    became = dict(bridge.sql("SELECT id, coalesce(reason, disposition) FROM cpps.disposition WHERE id = ANY(%s)", [e["id"] for e in early]))
    check([became[e["id"]] for e in early] == ["ACCEPTED", "ACCEPTED", "PTP_G8", "ACCEPTED"], "X3 what cannot be done is set aside", became)


def a_corrected_case_takes_what_waited(bridge):
    case = Case(bridge)
    check(case.begin(emCriteriaMet=False) == "PTP_G2", "X4 a case that may not be opened is set aside")
    check(case.record(1, "PROBATION_OFFICER", "ADVISED") == "parked", "X3 what is recorded of it waits")
    check(case.send(case.considered()) == "accepted" and case.stands == ("IN_PROGRESS", 2), "X3 until the case is sent again as it should be", case.stands)


def what_waits_for_a_held_case_is_not_late(bridge):
    """The clock moves on by more than the week that events wait."""
    case, other = Case(bridge), Case(bridge)
    case.begin(emCriteriaMet=False)
    waiting = [case.record(1, "PROBATION_OFFICER", "ADVISED"), case.send(event(CPPS + "ptp.imposition.recorded", {
        "ptpRef": case.ref, "outcome": "NOT_IMPOSED", "by": "po-7"})), other.record(1, "PROBATION_OFFICER", "ADVISED")]
    check(waiting == ["parked"] * 3, "X3 what is recorded of cases that are not known waits", waiting)
    left = lambda: sorted(r for r, in bridge.sql("SELECT waits_for FROM cpps.parked_event"))
    bridge.ctl("clock", "advance", "8d")
    check(wait_for(lambda: left() == [case.ref] * 2), "X3 after 7 days it is set aside, but not while what would open its case is in quarantine", left())
    check(bridge.sql("SELECT opens FROM cpps.quarantined_event WHERE reason = 'PTP_G2' AND order_ref = %s", case.order) == [(case.ref,)],
          "X3 the view names the case that the held event would open")
    check(case.send(case.considered()) == "accepted" and case.stands == ("IN_PROGRESS", 2) and left() == [],
          "X3 and is decided with a case that may be opened", case.stands)


# ---- The order behind a case ----

def a_varied_start_asks_again(bridge):
    case = Case(bridge)
    case.begin()
    case.until(4)
    before = case.row
    check(case.vary_order(today(30)) == "accepted", "G4 the order's start is varied")
    told = case.records("ptp.refused", cause=case.last)
    check(len(told) == 1 and told[0]["data"]["guard"] == "G4", "G4 its case no longer fits: ptp.refused says so", told)
    check(case.row == before, "G4 the case itself stands as it stood")
    check(case.record(4, "AREA_MANAGER", "SUPPORTED") == "PTP_G4", "G4 and goes no further")
    check(case.revise(startsOn=today(30)) == "accepted" and case.record(4, "AREA_MANAGER", "SUPPORTED") == "accepted",
          "G4 until its dates are revised")
    case.vary_order(today(29))
    check(case.records("ptp.refused", cause=case.last) == [], "G4 a variation that changes nothing for it is not refused")


def a_merged_offender_takes_the_case_along(bridge):
    case = Case(bridge)
    case.begin()
    case.record(1, "PROBATION_OFFICER", "ADVISED")
    case.send(event("nz.govt.corrections.ioms.offender.merged", {"prn": case.prn, "intoPrn": case.prn + "-NEW", "reason": "same person"}))
    check(bridge.sql("SELECT prn FROM cpps.ptp_case WHERE ptp_ref = %s", case.ref) == [(case.prn + "-NEW",)], "R9 the case is the survivor's")
    check(case.record(2, "PROBATION_OFFICER", "STILL_CONSIDERED") == "accepted", "R9 it goes on")
    moved = case.records("ptp.stage-changed")[-1]
    check((moved["data"]["prn"], moved["partitionkey"]) == (case.prn + "-NEW",) * 2, "R9 its records bear the surviving number", moved)
    check(case.revise() == "accepted", "R9 the retired number is taken as the survivor's")
    check(case.revise(prn=case.prn + "-NEW") == "accepted", "R9 and so is the surviving one")
    check(case.revise(prn="PRN-STRANGER") == "PRN_MISMATCH", "PRN_MISMATCH: a stranger's is not")
    listed = bridge.ctl("ptp", "--prn", case.prn + "-NEW", "--json").rows
    check([r["ptp_ref"] for r in listed] == [case.ref], "R9 the board finds it under the surviving number", listed)


def a_correction_of_the_person_moves_the_case(bridge):
    case = Case(bridge)
    case.begin()
    case.vary_order(case.starts, prn=case.prn + "-RIGHT")
    case.record(1, "PROBATION_OFFICER", "ADVISED")
    check(case.records("ptp.stage-changed")[0]["data"]["prn"] == case.prn + "-RIGHT", "R8 the order was another person's: its case goes with it")


def an_order_ends_and_with_it_its_case(bridge):
    """By time alone; the clock moves on."""
    case = Case(bridge)
    case.imposed["data"]["endsOn"] = today(20)
    case.begin(endsOn=today(15))
    case.record(1, "PROBATION_OFFICER", "ADVISED")
    bridge.ctl("clock", "advance", "30d")
    told = wait_for(lambda: case.records("ptp.closed"))
    check(len(told) == 1 and case.stands == ("ORDER_CLOSED", 2) and case.acts == [], "ORDER_CLOSED: past the order's end its case is closed", told)
    check("causationid" not in told[0] and len(case.records("task.cancelled")) == 1, "ORDER_CLOSED: by time alone, and the task is cancelled", told)


# ---- For people: cppsctl ----

def the_board(bridge):
    one, two = Case(bridge, office="NELSON"), Case(bridge, office="NELSON")
    one.begin()
    two.begin()
    two.until(3)

    def board(*filters):
        return [(r["ptp_ref"], r["stage"], r["next_role"]) for r in bridge.ctl("ptp", "--json", *filters).rows]

    row_one, row_two = (one.ref, 1, "PROBATION_OFFICER"), (two.ref, 3, "SERVICE_MANAGER")
    check(set(board("--office", "NELSON")) == {row_one, row_two}, "ptp --office: the cases there, by stage, with who acts next", board())
    order = [(r["state"] != "IN_PROGRESS", r["stage"]) for r in bridge.ctl("ptp", "--json").rows]
    check(order == sorted(order) and len(order) > 10, "ptp: a board by stage, those in progress first", order)
    check(board("--office", "NELSON", "--stage", "3") == [row_two], "ptp --stage: those at a stage")
    check(board("--order", one.order) == [row_one], "ptp --order: the cases of an order")
    check(board("--prn", two.prn) == [row_two], "ptp --prn: the cases of a person")
    check(board("--office", "NELSON", "--overdue") == [], "ptp --overdue: none yet")
    one.record(1, "SERVICE_MANAGER", "WITHDRAWN")
    check(board("--office", "NELSON", "--state", "WITHDRAWN") == [(one.ref, 1, None)], "ptp --state: the closed ones too")
    check(board("--office", "NELSON", "--state", "IN_PROGRESS") == [row_two], "ptp --state: those in progress")
    table = bridge.ctl("ptp", "--office", "NELSON").out
    check(two.ref in table and "STAGE" in table and "SERVICE_MANAGER" in table, "ptp is a table for people", table)


def recorded_by_hand(bridge):
    case = Case(bridge)
    case.begin()
    done = bridge.ctl("ptp", "record", case.ref, "1", "ADVISED", "--by", "po-7", "--note", "rang them at nine")
    check(done.code == 0 and case.stands == ("IN_PROGRESS", 2), "ptp record: a stage, in the role the procedure asks for", done.out + done.err)
    change = case.records("ptp.stage-changed")[0]["data"]
    check((change["by"], change["byRole"]) == ("po-7", "PROBATION_OFFICER"), "ptp record: says who and in which role", change)
    acted = bridge.ctl("ptp", "record", case.ref, "2", "STILL_CONSIDERED", "--role", "SENIOR_PROBATION_OFFICER", "--by", "spo-2")
    check(acted.code == 0 and case.records("ptp.stage-changed")[1]["data"]["byRole"] == "SENIOR_PROBATION_OFFICER", "ptp record --role: for another")
    early = bridge.ctl("ptp", "record", case.ref, "8", "APPROVED", "--by", "gm-1")
    check(early.code == 3 and "PTP_G7" in early.out + early.err, "ptp record: a refusal is exit 3 and says the guard", early.out + early.err)
    nonsense = bridge.ctl("ptp", "record", case.ref, "3", "MEMO_EATEN")
    check(nonsense.code != 0 and "MEMO_SENT" in nonsense.err and nonsense.err.count("\n") == 1, "ptp record: a wrong word names the right ones", nonsense.err)
    unknown = bridge.ctl("ptp", "record", "PTP-NOWHERE", "1", "ADVISED")
    check(unknown.code == 1 and unknown.err.count("\n") == 1, "ptp record: an unknown case is one line that says how to mend it", unknown.err)

    shown = bridge.ctl("show", case.ref).out
    for what, text in [("who", "by po-7 (PROBATION_OFFICER)"), ("who acted for whom", "by spo-2 (SENIOR_PROBATION_OFFICER)"),
                       ("what", "stage 1 -> 2, ADVISED"), ("under which rule", "stage 1: the ES operations adviser is advised that PTP is considered"),
                       ("the note", "rang them at nine"), ("what was refused, and whose it was", "PTP_G7, by gm-1 (GENERAL_MANAGER)"), ("... and why", "stage 8: the case is at stage 3"), ("the case's order", case.order),
                       ("who acts next", "SERVICE_MANAGER")]:
        check(text in shown, "show: " + what, shown)
    when = re.search(r"(\w{3} \d{4}-\d{2}-\d{2} \d{2}:\d{2}) NZ[DS]T\s+corrections.cpps.ptp.considered", shown)
    check(when is not None, "show: when", shown)
    withdrawn = bridge.ctl("ptp", "record", case.ref, "3", "WITHDRAWN", "--by", "po-7")
    closed = [r["data"]["byRole"] for r in case.records("ptp.closed")]
    check(withdrawn.code == 0 and closed == ["PROBATION_OFFICER"], "ptp record: what closes a case at any stage, too", withdrawn.out + withdrawn.err)
    bridge.ctl("ptp", "record", case.ref, "3", "MEMO_SENT", "--by", "sm-1")
    for ref in (case.ref, case.order):
        check("PTP_CLOSED" in bridge.ctl("show", ref).out, "show %s: what came too late is there as well" % ref)
    published = bridge.ctl("tail", "--after", "0").out
    check("rang them" not in published and "secret-note" not in published, "notes are kept in history and never published")


def what_was_done_outlasts_log_and_claims(bridge):
    """A case may last for longer than the log is kept, and be looked up after more than a year."""
    case = Case(bridge)
    case.begin()
    case.record(1, "SENIOR_PROBATION_OFFICER", "ADVISED")
    bridge.submit([imposed("CRI-2026-085-LATER")])
    bridge.sql("DELETE FROM cpps_store.batch WHERE last_seq < (SELECT max(last_seq) FROM cpps_store.batch)")
    bridge.sql("DELETE FROM cpps_store.claim WHERE order_ref = %s", case.ref)
    done = [line for line in bridge.ctl("show", case.ref).out.splitlines() if "ptp.stage-changed" in line]
    check(len(done) == 1 and "stage 1 -> 2, ADVISED" in done[0] and "by senior_probation_officer (SENIOR_PROBATION_OFFICER)" in done[0],
          "show: who did what under which rule, once neither the log nor the event is kept", done)


def edges_of(graph):
    """(from, to, outcome, role, needs) of a Mermaid or DOT drawing."""
    pattern = r"^\s*(\w+) --?> (\w+) (?:: |\[label=\")([A-Z_]+) by ([A-Z_]+)(?: after ([A-Z_]+))?"
    return sorted((a, b, o, r, n or "") for a, b, o, r, n in re.findall(pattern, graph, re.M))


def edges_of_table(bridge, version):
    def stage(number):
        return "stage_%d" % number if number else "any_stage"

    rows = bridge.sql("SELECT stage, role, outcome, needs, next, closes FROM cpps_policy.ptp_move WHERE version = %s", version)
    return sorted((stage(s), closes or stage(following or s), outcome, role, needs or "") for s, role, outcome, needs, following, closes in rows)


def drawn_from_the_table(bridge):
    rows = edges_of_table(bridge, 1)
    check(len(rows) == 22, "the shipped procedure has the contract's 22 moves", len(rows))
    mermaid, dot = bridge.ctl("graph", "ptp").out, bridge.ctl("graph", "ptp", "--format", "dot").out
    check(mermaid.startswith("stateDiagram-v2\n") and edges_of(mermaid) == rows, "graph ptp: Mermaid shows each row of the table, and no other", mermaid)
    check(dot.startswith("digraph") and dot.endswith("}\n") and edges_of(dot) == rows, "graph ptp --format dot: so does DOT", dot)
    for number in ("7", "4294967297"):
        none = bridge.ctl("graph", "ptp", "--procedure", number)
        check(none.code == 1 and "version %s " % number in none.err, "graph ptp --procedure %s: there is no such version" % number, none.err)


# ---- Another version of the procedure (P9) ----

# Six months instead of twelve; the area manager forwards to the adviser, so that there is no stage 5; three working days for each task.
VERSION_2 = """
    INSERT INTO cpps_policy.ptp_version (version, in_force_from, legal_basis, months_limit, suitability_minimum, first_stage, open_until_stage,
            expiring_days, due_amount, due_unit, convey_via)
        SELECT 2, '{day}', 'a later Act', 6, 2, first_stage, open_until_stage, 14, 3, due_unit, convey_via FROM cpps_policy.ptp_version WHERE version = 1;
    INSERT INTO cpps_policy.ptp_stage (version, stage, title)
        SELECT 2, stage, title FROM cpps_policy.ptp_stage WHERE version = 1 AND stage <> 5 ORDER BY row_no;
    INSERT INTO cpps_policy.ptp_actor (version, stage, after, role, title)
        SELECT 2, stage, after, role, title FROM cpps_policy.ptp_actor WHERE version = 1 AND stage <> 5 ORDER BY row_no;
    INSERT INTO cpps_policy.ptp_move (version, stage, role, outcome, needs, clears, next, closes, decides, informs, phrase)
        SELECT 2, stage, role, outcome, needs, clears, CASE next WHEN 5 THEN 6 ELSE next END, closes, decides, informs, phrase
        FROM cpps_policy.ptp_move WHERE version = 1 AND stage IS DISTINCT FROM 5 ORDER BY row_no;
    INSERT INTO cpps_policy.ptp_suitability (version, code, description)
        SELECT 2, code, description FROM cpps_policy.ptp_suitability WHERE version = 1 AND code < 'C4' ORDER BY row_no"""


def reload_policy(bridge, said):
    before = bridge.log().count(said)
    bridge.signal(signal.SIGHUP)
    return wait_for(lambda: bridge.log().count(said) > before)


def two_versions_side_by_side(bridge):
    old = Case(bridge)
    old.begin()
    old.until(4)
    bridge.sql(VERSION_2.format(day=today()))
    sound = bridge.ctl("policy", "check")
    check(sound.code == 0 and "2 versions" in sound.out, "P9 policy check: a second version fits in", sound.out + sound.err)
    check(reload_policy(bridge, "the policy was loaded again"), "P9 the daemon takes it up on reload")

    late = Case(bridge)
    late.send(late.imposed)
    yesterday = late.considered()
    yesterday["time"] = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    check(late.send(yesterday) == "accepted" and late.records("ptp.opened")[0]["data"]["policyVersion"] == 1,
          "P9 news from before it was in force still opens under version 1")

    new = Case(bridge)
    check(new.begin() == "accepted" and new.records("ptp.opened")[0]["data"]["policyVersion"] == 2, "P9 a new case runs under version 2")
    new.until(4)
    for case, following in ((old, 5), (new, 6)):
        check(case.record(4, "AREA_MANAGER", "SUPPORTED") == "accepted" and case.stands == ("IN_PROGRESS", following),
              "P9 from stage 4 the case of version %d goes to stage %d" % (2 if case is new else 1, following), case.stands)
    before = new.row
    refused(new, "PTP_G5", "P9 G5 version 2 asks for two codes", new.record(6, "ES_OPERATIONS_ADVISER", "PROPOSAL_PREPARED"), before)
    check(new.revise(suitability=["C1", "C5"]) == "PTP_G5", "P9 G5 and knows its own codes only")
    check(new.revise(suitability=["C1", "C3"]) == "accepted", "P9 G5 two of them are enough")
    for case in (old, new):
        for stage, role, outcome, _ in WAY:
            if stage >= case.stands[1] and case.stands[0] == "IN_PROGRESS":
                case.record(stage, role, outcome)
        check(case.stands == ("APPROVED", 10), "P9 the case of version %d finishes under it" % (2 if case is new else 1), case.stands)
    versions = {case.ref: {r["data"]["policyVersion"] for r in case.records(*TRANSITIONS)} for case in (old, new)}
    check(versions == {old.ref: {1}, new.ref: {2}}, "P9 every record says which version decided", versions)

    months_are_clamped(bridge, SIX_MONTHS)
    drawings = [edges_of(bridge.ctl("graph", "ptp", "--procedure", str(version)).out) for version in (1, 2)]
    check(drawings == [edges_of_table(bridge, 1), edges_of_table(bridge, 2)] and drawings[0] != drawings[1], "P9 graph ptp --procedure draws either")

    bridge.sql("UPDATE cpps_policy.ptp_move SET next = 5 WHERE version = 2 AND stage = 4")
    broken = bridge.ctl("policy", "check")
    check(broken.code == 1 and "ptp_move" in broken.err and "5" in broken.err, "P9 a move to nowhere is named by policy check", broken.err)
    check(reload_policy(bridge, "the old one stays"), "P9 and not taken up by the daemon")
    bridge.sql("UPDATE cpps_policy.ptp_move SET next = 6 WHERE version = 2 AND stage = 4")


# ---- A whole life: the written scenario, day by day ----

class Calendar:
    """R3 once more, by hand: working days skip weekends and the policy's holidays, and end at 17:00 in Auckland."""

    def __init__(self, bridge):
        self.holidays = {str(day) for day, in bridge.sql("SELECT day FROM cpps_policy.holiday")}

    def close_of_business(self, day, working_days):
        while working_days:
            day += datetime.timedelta(days=1)
            working_days -= day.weekday() < 5 and day.isoformat() not in self.holidays
        return datetime.datetime.combine(day, datetime.time(17), AUCKLAND)


class Story:
    """The scenario, moved to today, with the bridge's clock set to each event's day before it is submitted."""

    def __init__(self, bridge, day=None):
        self.bridge = bridge
        self.events = subprocess.run(["sh", ROOT + "/deploy/as_of.sh", FIXTURE] + ([day] if day else []), check=True, capture_output=True,
                                     text=True).stdout.splitlines()
        self.day = self.day_of(self.events[0])
        self.refused = []

    @staticmethod
    def day_of(line):
        return datetime.date.fromisoformat(re.search(r'"time":"(.{10})', line).group(1))

    def go_to(self, day):
        if day > self.day:
            moved = self.bridge.ctl("clock", "advance", "%dd" % (day - self.day).days)
            assert moved.code == 0, moved.err
            self.day = day

    def play(self, until=None):
        """Up to and with the event whose id ends so; how each was answered."""
        while self.events:
            line = self.events.pop(0)
            self.go_to(self.day_of(line))
            ack = self.bridge.submit([line])[0]
            if answer(ack) != "accepted" or not open_tasks_are_right(self.bridge):
                self.refused.append(ack)
            if until and ack["id"].endswith(until):
                return

    def records(self, *names):
        return [r for r in self.bridge.tail() if name_of(r) in names and "PTP-WLG-0001" in (r["data"].get("ptpRef"), r["data"].get("ref"))]


def local(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(AUCKLAND)


def nobody_acts_in_time(bridge, story):
    """The area manager lets the memo lie: each level of escalation once, of the task and of its case."""
    calendar = Calendar(bridge)
    levels = [(1, "SERVICE_MANAGER", 5), (2, "AREA_MANAGER", 6), (3, "REGIONAL_MANAGER", 8)]
    for level, _, working_days in levels:
        story.go_to(calendar.close_of_business(story.memo_day, working_days).date() + datetime.timedelta(days=1))
        wait_for(lambda n=level: len(story.records("ptp.overdue")) >= n)
    told = [(d["level"], d["concerns"], local(r["time"])) for r in story.records("ptp.overdue") for d in [r["data"]]]
    expected = [(level, role, calendar.close_of_business(story.memo_day, days)) for level, role, days in levels]
    check(told == expected, "R3 X8 ptp.overdue: at due, +1 and +3 working days, to whom it then concerns", (told, expected))
    tasks = [(d["level"], d["concerns"], local(r["time"]), d["role"], d["step"]) for r in story.records("task.overdue") for d in [r["data"]]]
    check(tasks == [row + ("AREA_MANAGER", 4) for row in expected], "R3 X8 task.overdue: the one open task, as often", tasks)
    board = [r["ptp_ref"] for r in bridge.ctl("ptp", "--overdue", "--json").rows]
    check(board == ["PTP-WLG-0001"], "ptp --overdue: the board shows it", board)


def safely_before(day):
    """The clock keeps the time of day of now, which may pass midnight while the test runs."""
    return day - datetime.timedelta(days=2)


def a_condition_expires(bridge, story):
    ends = bridge.sql("SELECT ends_on FROM cpps.ptp_case")[0][0]
    notice = ends - datetime.timedelta(days=28)
    state = lambda: bridge.sql("SELECT state FROM cpps.ptp_case")[0][0]
    story.go_to(safely_before(notice))
    bridge.status()
    check(story.records("ptp.expiring") == [], "ptp.expiring: not before")
    story.go_to(notice + datetime.timedelta(days=1))
    told = wait_for(lambda: story.records("ptp.expiring"))
    check(len(told) == 1 and local(told[0]["time"]) == datetime.datetime.combine(notice, datetime.time(), AUCKLAND) and state() == "IMPOSED",
          "ptp.expiring: 28 days before the end, once", told)
    check("causationid" not in told[0], "ptp.expiring: time alone caused it", told)
    story.go_to(safely_before(ends))
    bridge.status()
    check(state() == "IMPOSED" and len(story.records("ptp.expiring")) == 1, "ptp.expired: not before the end")
    story.go_to(ends + datetime.timedelta(days=1))
    told = wait_for(lambda: story.records("ptp.expired"))
    check(len(told) == 1 and local(told[0]["time"]) == datetime.datetime.combine(ends, datetime.time(), AUCKLAND) and state() == "EXPIRED",
          "ptp.expired: at 00:00 of the end, once", told)


# ---- What the log tells ----

HISTORY = """SELECT seq, name, ptp_ref, from_stage, to_stage, outcome, state, by_role, "by", guard, rule, cause, happened_at, recorded_at
    FROM cpps.ptp_history ORDER BY seq"""


def as_history(record):
    """A ptp.* record of the log as a row of the view."""
    d = record["data"]
    moment = lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (int(record["sequence"]), name_of(record), d["ptpRef"], d.get("fromStage"), d.get("toStage"), d.get("outcome"), d.get("state"), d.get("byRole"),
            d.get("by"), "PTP_" + d["guard"] if "guard" in d else None, d.get("rule"), record.get("causationid"), moment(record["time"]),
            moment(record["recordedtime"]))


def the_log_and_the_view_agree(bridge):
    log = [as_history(r) for r in bridge.tail() if name_of(r).startswith("ptp.")]
    view = bridge.sql(HISTORY)
    differ = [(a, b) for a, b in zip(log, view) if a != b]
    check(len(log) == len(view) > 20 and not differ, "ptp_history tells what the log tells, record by record (%d)" % len(view), differ[:2])

    accepted = {i for i, in bridge.sql("SELECT id FROM cpps.disposition WHERE disposition = 'ACCEPTED' AND type = %s", CPPS + "ptp.stage.recorded")}
    causes = [row[11] for row in log if row[1] in TRANSITIONS and row[5]]
    check(sorted(causes) == sorted(accepted) and accepted, "every stage record that was accepted made exactly one transition (%d)" % len(accepted))


def tasks_open_and_close_in_turn(bridge):
    """In the log, a case's tasks: each is opened after the one before was closed."""
    now, wrong = {}, []
    for record in bridge.tail():
        name, data = name_of(record), record["data"]
        if not name.startswith("task.") or data["kind"] != "PTP" or name == "task.overdue":
            continue
        if (name == "task.opened") == (data["ref"] in now):
            wrong.append(record)
        now = {k: v for k, v in now.items() if k != data["ref"]} | ({data["ref"]: data} if name == "task.opened" else {})
    still = {r for r, in bridge.sql("SELECT ptp_ref FROM cpps.ptp_case WHERE state = 'IN_PROGRESS'")}
    check(not wrong and set(now) == still, "the log opens a case's next task only once the last is closed, and leaves open those in progress", wrong[:2])


with Bridge() as bridge:
    walks_the_ten_stages(bridge)
    a_new_draft_needs_new_feedback(bridge)
    a_senior_may_act_for_the_officer_only(bridge)
    each_closed_state(bridge)
    one_case_in_progress_an_order(bridge)
    each_guard_alone(bridge)
    quarantine_goes_on_with_good_ones(bridge)
    months_are_clamped(bridge, TWELVE_MONTHS)
    what_arrives_early_waits(bridge)
    a_corrected_case_takes_what_waited(bridge)
    a_varied_start_asks_again(bridge)
    a_merged_offender_takes_the_case_along(bridge)
    a_correction_of_the_person_moves_the_case(bridge)
    the_board(bridge)
    recorded_by_hand(bridge)
    drawn_from_the_table(bridge)
    two_versions_side_by_side(bridge)
    check(Case.all_have_one_task, "after every submission each case in progress had exactly one open task, every other none")
    the_log_and_the_view_agree(bridge)
    tasks_open_and_close_in_turn(bridge)
    an_order_ends_and_with_it_its_case(bridge)
    what_waits_for_a_held_case_is_not_late(bridge)
    what_was_done_outlasts_log_and_claims(bridge)

with Bridge() as bridge:
    story = Story(bridge)
    story.play(until="service-manager-sends-memo")
    story.memo_day = story.day
    nobody_acts_in_time(bridge, story)
    story.play()
    check(not story.refused, "the written scenario plays through, with one open task after every event", story.refused)
    check(bridge.sql("SELECT state FROM cpps.ptp_case") == [("IMPOSED",)], "... until the condition is imposed")
    a_condition_expires(bridge, story)
    the_log_and_the_view_agree(bridge)
    tasks_open_and_close_in_turn(bridge)

with Bridge() as bridge:
    # A leap year to come, long after the dates that are written in the scenario.
    day = datetime.date(datetime.date.today().year // 4 * 4 + 4, 2, 29)
    bridge.ctl("clock", "advance", "%dd" % (day - datetime.date.today()).days)
    story = Story(bridge, day.isoformat())
    story.play()
    check(not story.refused and bridge.sql("SELECT state FROM cpps.ptp_case") == [("IMPOSED",)], "the scenario still plays in %d" % day.year, story.refused)

finish()
