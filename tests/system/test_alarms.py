"""What time brings, with the testing clock: every overdue level once, at its time and in order (R3, X8), the nagging about an opening event in
quarantine (X6), events that wait long and too long (X3, X6), and that neither a kill nor a long sleep repeats or loses one.

The expected moments are worked out here from the policy tables, in another language than the daemon's."""

import csv
import datetime
import zoneinfo

from bridge import ROOT, Bridge, check, event, finish, imposed, wait_for

ZONE = zoneinfo.ZoneInfo("Pacific/Auckland")
DAY = datetime.timedelta(days=1)
with open(ROOT + "/sql/policy/holiday.csv") as f:
    HOLIDAYS = {row["day"] for row in csv.DictReader(f)}


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def stamp(moment):
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def works(day):
    return day.weekday() < 5 and day.isoformat() not in HOLIDAYS


def at(day, hour):
    return datetime.datetime.combine(day, datetime.time(hour), ZONE)


def working_days_after(moment, n):
    """Close of business of the n-th working day after the day of `moment`."""
    day = moment.astimezone(ZONE).date()
    while n:
        day += DAY
        n -= works(day)
    return at(day, 17)


def levels(due):
    """R3: at due, +1 and +3 working days on, at the hour of the due time."""
    local = due.astimezone(ZONE)
    moments = [due]
    for n in (1, 3):
        day = working_days_after(due, n).date()
        moments.append(datetime.datetime.combine(day, local.timetz().replace(tzinfo=None), ZONE))
    return moments


def working_hours_after(moment, hours):
    """X6: hours between 08:00 and 17:00 of working days."""
    left = datetime.timedelta(hours=hours)
    local = moment.astimezone(ZONE)
    while True:
        day = local.date()
        begin = max(local, at(day, 8))
        end = at(day, 17)
        if works(day) and begin < end:
            if end - begin >= left:
                return begin + left
            left -= end - begin
        local = at(day + DAY, 0)


def now(bridge):
    return parse(bridge.status()["now"])


def named(bridge, name, **data):
    """The records of a name whose data has these values, in order."""
    return [r for r in bridge.tail() if r["type"] == "nz.govt.corrections.cpps." + name and all(r["data"].get(k) == v for k, v in data.items())]


def times(records):
    return [parse(r["time"]) for r in records]


def advance(bridge, to, kill=False):
    """Moves the clock to a moment, kills the daemon at once if asked to, and waits until nothing is left that is due by then."""
    wait_for(lambda: bridge.status().get("role") == "leader")
    ahead = int((to - now(bridge)).total_seconds()) + 1
    moved = bridge.ctl("clock", "advance", "%ds" % ahead) if ahead > 0 else None  # working days may have taken it further already
    if moved and moved.code != 0:
        raise RuntimeError(moved.err)
    if kill:
        bridge.kill()
        bridge.wait_ready()
    left = bool(wait_for(lambda: now(bridge) >= to and still_due(bridge) == 0, 60))
    check(left, "at %s: what is due has been published%s" % (to.astimezone(ZONE).strftime("%a %d %H:%M"), ", over a kill" if kill else ""))


def still_due(bridge):
    tables = " UNION ALL ".join("SELECT next_alarm FROM cpps_store." + t for t in ("request", "parked", "quarantined"))
    return bridge.sql("SELECT count(*) FROM (" + tables + ") AS a WHERE next_alarm <= %s", now(bridge))[0][0]


def expect_levels(bridge, name, due, what, **data):
    records = named(bridge, name, dueAt=stamp(due), **data)
    expected = levels(due)
    check([r["data"]["level"] for r in records] == [1, 2, 3], what + ": each level once, in order", [r["data"] for r in records])
    check(times(records) == expected, what + ": at due, +1 and +3 working days", (times(records), expected))
    key = "role" if name == "allocation.overdue" else "concerns"
    check([r["data"].get(key) for r in records] == ["SERVICE_MANAGER", "AREA_MANAGER", "REGIONAL_MANAGER"], what + ": each to its role")


def scheduled(ref, prn, on, order_type, moment):
    return event("nz.govt.justice.cms.sentencing.scheduled", {"prn": prn, "orderRef": ref, "orderType": order_type, "sentencingOn": on.isoformat(),
                 "office": "WELLINGTON", "court": "Wellington District Court"}, time_=stamp(moment))


def document(ref, moment, kind="SENTENCE_ORDER"):
    return event("nz.govt.corrections.ioms.document.received", {"orderRef": ref, "document": kind, "receivedOn": moment.astimezone(ZONE).date().isoformat(),
                 "receivedAt": "WELLINGTON"}, time_=stamp(moment))


def allocation(ref, moment):
    return event("nz.govt.corrections.cpps.allocation.recorded", {"orderRef": ref, "officerId": "off-1", "byRole": "SERVICE_MANAGER", "by": "sm-1"}, time_=stamp(moment))


def varied(ref, prn, order_type, moment):
    cause = imposed(ref, prn=prn, order_type=order_type, time_=stamp(moment))
    return event("nz.govt.justice.cms.sentence.varied", dict(cause["data"], reason="on appeal"), time_=stamp(moment))


def invariants(bridge, what):
    """Of everything that time brought: once, not before its time, in order, and never more than 500 in a transaction."""
    records = bridge.tail()
    check([int(r["sequence"]) for r in records] == list(range(1, len(records) + 1)), what + ": the log has no gap and no repeat")
    timed = [r for r in records if r["type"].split(".")[-1] in ("overdue", "quarantine-overdue", "parked-long")]
    keys = [(r["type"],) + tuple(r["data"].get(k) for k in ("orderRef", "ref", "step", "level", "dueAt", "eventId")) for r in timed]
    check(len(keys) == len(set(keys)), what + ": X8 nothing that time brings is published twice", [k for k in keys if keys.count(k) > 1][:3])
    check(all(parse(r["time"]) <= parse(r["recordedtime"]) for r in timed), what + ": nothing before its time")
    check(all(a["recordedtime"] <= b["recordedtime"] for a, b in zip(records, records[1:])), what + ": X8 recordedtime never goes back")
    by_transaction = {}
    for r in timed:
        if "causationid" not in r:
            by_transaction.setdefault(r["recordedtime"], []).append(r)
    disordered = [t for t, rs in by_transaction.items() if times(rs) != sorted(times(rs))]
    check(not disordered, what + ": X8 missed ones come in order", disordered[:3])
    check(max(map(len, by_transaction.values())) <= 500, what + ": X8 at most 500 a transaction", max(map(len, by_transaction.values())))
    return by_transaction


def main_story(bridge):
    start = now(bridge).replace(microsecond=0)
    day = start.astimezone(ZONE).date()
    minute = datetime.timedelta(minutes=1)
    home = day + 4 * DAY
    acks = bridge.submit([
        imposed("A/1", prn="PA", time_=stamp(start)),
        imposed("CD/1", prn="PB", order_type="COMMUNITY_DETENTION", time_=stamp(start)),
        imposed("V/1", prn="PV", time_=stamp(start)),
        imposed("F/1", prn="PF", time_=stamp(start)),
        scheduled("HD/1", "PH", home, "HOME_DETENTION", start),
        scheduled("S/1", "PS", home, "SUPERVISION", start),
        imposed("Q/1", prn="PQ", office="NOWHERE", time_=stamp(start)),
        document("A/1", start, "NONSENSE"),
        document("U/1", start), document("U/2", start), document("U/3", start),
    ])
    check([a["disposition"] for a in acks] == ["accepted"] * 6 + ["quarantined"] * 2 + ["parked"] * 3, "the events are taken as they should be", acks)
    due = start + 3 * DAY

    # Nothing before its time, and what waits a day is reported.
    advance(bridge, start + DAY - minute)
    check(not named(bridge, "event.parked-long"), "X6 no event is reported before it has waited 24 hours")
    check(not [r for r in named(bridge, "allocation.overdue") if r["data"]["orderRef"] == "A/1"], "R3 nobody is overdue before the due time")
    advance(bridge, start + DAY + minute, kill=True)
    long = named(bridge, "event.parked-long")
    check(sorted(r["data"]["waitsFor"] for r in long) == ["U/1", "U/2", "U/3"], "X6 what has waited 24 hours is reported", long)

    # The first level, then what changes it: an allocation, a variation; and openers for what waits.
    advance(bridge, due + minute, kill=True)
    first = named(bridge, "allocation.overdue", dueAt=stamp(due))
    check(sorted((r["data"]["orderRef"], r["data"]["level"]) for r in first) == [("A/1", 1), ("F/1", 1), ("V/1", 1)], "R3 the first level at the due time", first)
    change = now(bridge).replace(microsecond=0)
    acks = bridge.submit([allocation("F/1", change), varied("V/1", "PV", "COMMUNITY_DETENTION", change), imposed("U/2", prn="PU2", time_=stamp(change)),
                          imposed("U/3", prn="PU3", office="NOWHERE", time_=stamp(change))])
    check([a["disposition"] for a in acks] == ["accepted"] * 3 + ["quarantined"], "the changes are taken", acks)
    check(not bridge.sql("SELECT 1 FROM cpps.parked_event WHERE waits_for = 'U/2'"), "X3 what waited is decided with its opener")

    # Each further level over a kill.
    for moment in levels(due)[1:]:
        advance(bridge, moment + minute, kill=True)
    expect_levels(bridge, "allocation.overdue", due, "R3 an order nobody is allocated to", orderRef="A/1")
    for step in (2, 4, 5, 6):
        expect_levels(bridge, "task.overdue", due, "R3 its step %d" % step, orderRef="A/1", step=step)
    check(not named(bridge, "task.overdue", step=8), "step 8 is the order itself: allocation.overdue, not task.overdue")
    check(not named(bridge, "task.overdue", orderRef="A/1", step=3), "a step whose turn has not come is not overdue")

    # Past the week that events wait.
    advance(bridge, start + 7 * DAY + minute, kill=True)
    gone = named(bridge, "event.quarantined", reason="PARKED_TOO_LONG")
    check([r["data"]["orderRef"] for r in gone] == ["U/1"], "X3 after 7 days it is set aside: PARKED_TOO_LONG", gone)
    check([r[0] for r in bridge.sql("SELECT waits_for FROM cpps.parked_event")] == ["U/3"], "X3 but not while its opener is in quarantine")
    check(len(named(bridge, "event.parked-long")) == 3, "X6 and each was reported once")

    # A long sleep: everything that is left comes at once, in order.
    advance(bridge, start + 21 * DAY, kill=True)
    expect_levels(bridge, "allocation.overdue", working_days_after(start, 2), "R3 community detention, missed by a sleep", orderRef="CD/1")
    expect_levels(bridge, "allocation.overdue", working_days_after(change, 2), "X8 a changed due time starts anew", orderRef="V/1")
    expect_levels(bridge, "allocation.overdue", at(home, 0), "R2 home detention nobody was allocated to ahead", orderRef="HD/1")
    check(not named(bridge, "allocation.overdue", orderRef="S/1"), "R2 supervision that is only planned is not overdue")
    check(len(named(bridge, "allocation.overdue", orderRef="F/1")) == 1, "R3 once an officer is recorded the levels end")
    expect_levels(bridge, "task.overdue", due, "R3 its open steps go on", orderRef="F/1", step=4)

    # The nagging, from the moment it was set aside, every four working hours.
    set_aside = [r for r in named(bridge, "event.quarantined", orderRef="Q/1")][0]
    expected, moment = [], working_hours_after(parse(set_aside["recordedtime"]), 4)
    while moment <= now(bridge):
        expected.append(moment.replace(microsecond=0))
        moment = working_hours_after(expected[-1], 4)
    nagging = named(bridge, "event.quarantine-overdue", orderRef="Q/1")
    check(times(nagging) == expected, "X6 an opening event in quarantine is named every 4 working hours", (times(nagging)[:5], expected[:5]))
    check([r["data"]["level"] for r in nagging] == list(range(1, len(expected) + 1)), "X6 and how often so far")
    named_ones = {r["data"]["eventType"] for r in named(bridge, "event.quarantine-overdue")}
    check(named_ones == {"nz.govt.justice.cms.sentence.imposed"}, "X6 one that opens nothing is not", named_ones)
    held = {r["data"]["orderRef"]: str(r["data"]["quarantine"]) for r in nagging + named(bridge, "event.quarantine-overdue", orderRef="U/3")}
    discarded = bridge.ctl("quarantine", "discard", held["Q/1"], held["U/3"], "--reason", "entered in error")
    check(discarded.code == 0, "X6 they are discarded, with a reason", discarded.err)
    count, moment = len(named(bridge, "event.quarantine-overdue")), now(bridge)
    advance(bridge, moment + 6 * DAY)
    check(len(named(bridge, "event.quarantine-overdue")) == count, "X6 then there is silence")
    check(bool(bridge.sql("SELECT 1 FROM cpps.parked_event")), "X3 the days of what waits are counted from then")
    advance(bridge, moment + 7 * DAY + minute)
    check(not bridge.sql("SELECT 1 FROM cpps.parked_event"), "X3 and end too")
    invariants(bridge, "over all")


def considered(case, order, prn, moment):
    return event("nz.govt.corrections.cpps.ptp.considered", {"ptpRef": case, "prn": prn, "orderRef": order, "emCriteriaMet": True, "by": "po-1"}, time_=stamp(moment))


def advised(case, moment):
    return event("nz.govt.corrections.cpps.ptp.stage.recorded", {"ptpRef": case, "stage": 1, "outcome": "ADVISED", "byRole": "PROBATION_OFFICER", "by": "po-1"},
                 time_=stamp(moment))


def at_one_remove(bridge):
    """Records of PTP cases whose own event waits: for an order that is in quarantine, and for one that does not come."""
    start = now(bridge).replace(microsecond=0)
    minute = datetime.timedelta(minutes=1)
    order = imposed("ES/1", prn="PE", order_type="EXTENDED_SUPERVISION_ORDER", office="NOWHERE", time_=stamp(start))
    acks = bridge.submit([advised("PTP/1", start), considered("PTP/1", "ES/1", "PE", start), order, considered("PTP/2", "ES/2", "PF", start),
                          advised("PTP/2", start), advised("PTP/3", start)])
    check([a["disposition"] for a in acks] == ["parked"] * 2 + ["quarantined"] + ["parked"] * 3, "cases and what is recorded of them wait", acks)
    left = lambda: [r for r, in bridge.sql("SELECT waits_for FROM cpps.parked_event ORDER BY number")]
    given_up = lambda: [r["data"]["eventType"].split(".")[-2:] for r in named(bridge, "event.quarantined", reason="PARKED_TOO_LONG")]
    advance(bridge, start + 7 * DAY + minute, kill=True)
    check(left() == ["PTP/1", "ES/1", "PTP/2"], "X3 what waits is not given up while its case's event is parked or in quarantine", left())
    check(sorted(given_up()) == [["ptp", "considered"], ["stage", "recorded"]], "X3 the case whose order did not come is, and a record of no case", given_up())
    check(bridge.sql("SELECT opens FROM cpps.parked_event WHERE waits_for = 'ES/1'") == [("PTP/1",)], "X3 the view names the case that the parked event would open")
    advance(bridge, start + 22 * DAY, kill=True)
    check(left() == ["PTP/1", "ES/1", "PTP/2"], "X3 nor in the weeks after", left())

    # The one that was given up is discarded: what waits for it goes the same way.
    bridge.ctl("quarantine", "discard", str(bridge.sql("SELECT number FROM cpps.quarantined_event WHERE opens = 'PTP/2'")[0][0]), "--reason", "entered in error")
    moment = now(bridge)
    advance(bridge, moment + 7 * DAY - minute)
    check(left() == ["PTP/1", "ES/1", "PTP/2"], "X3 once the case's event is discarded the days are counted", left())
    advance(bridge, moment + 7 * DAY + minute)
    check(left() == ["PTP/1", "ES/1"] and len(given_up()) == 3, "X3 and the record of the case is given up in its turn", (left(), given_up()))

    # The order comes as it should be.
    head = bridge.status()["head"]
    acks = bridge.submit([dict(order, data=dict(order["data"], office="WELLINGTON"))])
    check([a["disposition"] for a in acks] == ["accepted"] and left() == [], "X3 the order comes, and nothing waits", (acks, left()))
    records = [r for r in bridge.tail(head) if r["data"].get("ptpRef") == "PTP/1" or r["type"].endswith(".allocation.requested")]
    names = [r["type"].removeprefix("nz.govt.corrections.cpps.") for r in records if "causationid" in r and ".task." not in r["type"]]
    check(names == ["allocation.requested", "ptp.opened", "ptp.stage-changed"], "X3 the order, its case, and what was recorded of that, in this order", names)
    check(bridge.sql("SELECT count(*) FROM cpps_store.batch WHERE last_seq > %s AND 'ES/1' = ANY (refs) AND 'PTP/1' = ANY (refs)", head)[0][0] == 1
          and len({r["recordedtime"] for r in records if "causationid" in r}) == 1, "X3 in one transaction")
    invariants(bridge, "at one remove")


def long_sleep(bridge):
    """Two hundred orders, a sleep of three weeks, and a daemon that is killed again and again while it catches up."""
    start = now(bridge).replace(microsecond=0) - 2 * DAY
    orders = ["M/%d" % i for i in range(200)]
    bridge.submit([imposed(ref, prn="P%d" % i, time_=stamp(start + i * datetime.timedelta(minutes=7))) for i, ref in enumerate(orders)])
    bridge.ctl("clock", "advance", "21d")
    for _ in range(4):
        head = bridge.status().get("head", 0)
        wait_for(lambda: bridge.status().get("head", 0) > head or not still_due(bridge), 20, every=0.01)
        bridge.kill()
        bridge.wait_ready()
    check(bool(wait_for(lambda: still_due(bridge) == 0, 60)), "it catches up")
    published = [(r["data"]["orderRef"], r["data"]["level"]) for r in named(bridge, "allocation.overdue")]
    check(sorted(published) == sorted((ref, level) for ref in orders for level in (1, 2, 3)), "X8 of 200 orders every level, once", len(published))
    timed = [r for r in bridge.tail() if r["type"].endswith(".overdue")]
    check(times(timed) == sorted(times(timed)), "X8 in the order in which they were missed, over all transactions")
    check(len(invariants(bridge, "after the sleep")) > 5, "in several transactions")


with Bridge() as bridge:
    main_story(bridge)
with Bridge() as bridge:
    at_one_remove(bridge)
with Bridge() as bridge:
    long_sleep(bridge)
finish()
