"""Bad input: each kind has its own reason code and is quarantined with its bytes; the good events around it, in the same batch, are accepted."""

import json

from bridge import Bridge, Submitter, check, event, finish, imposed, today
from peer import ack, disposition, encode

IMPOSED = "nz.govt.justice.cms.sentence.imposed"
good = encode(imposed("BAD/0"))


def without(field):
    e = imposed("BAD/W")
    del e["data"][field]
    return e


def envelope(**change):
    e = imposed("BAD/E")
    e.update(change)
    return {k: v for k, v in e.items() if v is not None}


def scheduled(**change):
    data = {"prn": "P9", "orderRef": "BAD/S", "orderType": "HOME_DETENTION", "sentencingOn": today(9), "office": "NELSON"}
    data.update(change)
    return event("nz.govt.justice.cms.sentencing.scheduled", data)


# (what, bytes or event, reason code)
CASES = [
    ("not protobuf", b"\xff\xfe\xfd this is no message", "MALFORMED"),
    ("not JSON", b'{"specversion": "1.0", "id": ', "MALFORMED"),
    ("JSON, but no event", b'{"hello": 1}', "MALFORMED"),
    ("truncated in a field", good[: len(good) - 5], "MALFORMED"),
    ("truncated at a field's border", good[: good.index(b"P1") - 2], "MALFORMED"),
    ("empty", b"", "MALFORMED"),
    ("too large", b'{"x": "' + b"a" * 70000 + b'"}', "TOO_LARGE"),
    ("wrong content type", envelope(datacontenttype="text/xml"), "MALFORMED"),
    ("text instead of data", envelope(data="a sentence"), "MALFORMED"),
    ("specversion 0.3", envelope(specversion="0.3"), "MALFORMED"),
    ("no time", envelope(time=None), "MISSING_FIELD"),
    ("no id", envelope(id=""), "MISSING_FIELD"),
    ("unknown type", envelope(type="nz.govt.justice.cms.sentence.imagined"), "UNKNOWN_TYPE"),
    ("unknown enum", imposed("BAD/1", order_type="HARD_LABOUR"), "INVALID_FIELD"),
    ("missing field", without("prn"), "MISSING_FIELD"),
    ("empty field", imposed("", prn="P2"), "MISSING_FIELD"),
    ("impossible date", imposed("BAD/2", imposedOn="2026-02-30"), "INVALID_DATES"),
    ("end before start", imposed("BAD/3", startsOn="2026-11-02", endsOn="2026-11-01"), "INVALID_DATES"),
    ("an order type its sender may not send", imposed("BAD/4", order_type="PAROLE"), "INVALID_ORDER_TYPE"),
    ("NUL in a text", imposed("BAD/5", court="a\0b"), "INVALID_TEXT"),
    ("bad UTF-8 in a text", encode(imposed("BAD/6", court="XXXX")).replace(b"XXXX", b"X\xc3\x28X"), "INVALID_TEXT"),
    ("a source that is not configured", imposed("BAD/7", source="urn:nz:justice:other"), "UNKNOWN_SOURCE"),
    ("a type its source may not send", imposed("BAD/8", source="urn:nz:corrections:ioms"), "NOT_ALLOWED"),
    ("unknown office", imposed("BAD/9", office="ATLANTIS"), "UNKNOWN_OFFICE"),
    ("too old", imposed("BAD/10", time_="2020-01-01T00:00:00Z"), "EVENT_TOO_OLD"),
    ("a key too long", imposed("B" * 65), "INVALID_FIELD"),
    ("a second, different order", imposed("GOOD/1", office="NELSON"), "ORDER_DIFFERS"),
    ("unknown step", event("nz.govt.corrections.cpps.task.recorded",
                           {"orderRef": "GOOD/1", "step": 44, "outcome": "DONE", "byRole": "SERVICE_MANAGER", "by": "u1"}), "UNKNOWN_STEP"),
    ("a role that may not act", event("nz.govt.corrections.cpps.allocation.recorded",
                                      {"orderRef": "GOOD/1", "officerId": "o1", "byRole": "PROBATION_OFFICER", "by": "u1"}), "ROLE_MAY_NOT_ACT"),
    ("a step that is not open", event("nz.govt.corrections.cpps.task.recorded",
                                      {"orderRef": "GOOD/1", "step": 3, "outcome": "DONE", "byRole": "SERVICE_MANAGER", "by": "u1"}), "STEP_NOT_OPEN"),
    ("an event for a cancelled order", event("nz.govt.corrections.cpps.allocation.recorded",
                                             {"orderRef": "GONE/1", "officerId": "o1", "byRole": "SERVICE_MANAGER", "by": "u1"}), "ORDER_CLOSED"),
    ("the wrong person", imposed("GOOD/1", prn="P77"), "PRN_MISMATCH"),
]

with Bridge() as bridge:
    bridge.submit([imposed("GOOD/1"), imposed("GONE/1"),
                   event("nz.govt.justice.cms.sentence.cancelled", {"orderRef": "GONE/1", "cancelledOn": today(), "reason": "quashed"})])
    submitter = Submitter(bridge)
    frames = []
    for number, (what, bad, reason) in enumerate(CASES):
        frames.append(encode(imposed("AROUND/%d" % number, prn="Q%d" % number)))
        frames.append(bad if isinstance(bad, bytes) else json.dumps(bad).encode())
    for frame in frames:
        submitter.send(frame)
    acks = [submitter.receive() for _ in frames]
    check(all(acks), "an ack for each of %d events" % len(frames))
    acks = [ack(a[0]) for a in acks if a]
    for number, (what, bad, reason) in enumerate(CASES):
        around, answer = acks[2 * number], acks[2 * number + 1]
        check(disposition(around) == "ACCEPTED", "beside '%s' the good event is accepted" % what, around)
        check(disposition(answer) == "QUARANTINED" and answer.reason == reason, "%s is %s" % (what, reason),
              (disposition(answer), answer.reason, answer.sentence))
        check(len(answer.sentence) > 10, "%s: a sentence says why: %s" % (what, answer.sentence))
        raw = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
        kept = bridge.sql("SELECT reason, raw, sentence FROM cpps_store.quarantined WHERE raw = %s", raw)
        check(len(kept) == 1, "%s: quarantined once, with its bytes" % what, len(kept))
    records = [r for r in bridge.tail() if r["type"].endswith("event.quarantined")]
    check(len(records) == len(CASES), "X4 event.quarantined is published for each", len(records))
    text = json.dumps(records)
    check("a sentence" not in text and "imposedOn" not in text, "never the payload")
    again = [submitter.send(frame) or submitter.receive() for frame in frames]
    check(len([r for r in bridge.tail() if r["type"].endswith("event.quarantined")]) == len(CASES),
          "X2 the same bytes again: no new record", None)
    check([(a.reason, disposition(a)) for a in map(lambda x: ack(x[0]), again[1::2])] == [(c[2], "QUARANTINED") for c in CASES],
          "X2 the same bytes get the same quarantine")
    submitter.close()

    # More bytes than the daemon reads at once.
    long = [dict(imposed("LONG/%d" % number, office="ATLANTIS"), pad="x" * 60000) for number in range(200)]
    bridge.submit(long)
    retried = bridge.ctl("quarantine", "retry", "--all", "--json")
    held = bridge.sql("SELECT number FROM cpps.quarantined_event WHERE state = 'HELD' AND raw_kept ORDER BY number")
    check(retried.code == 3 and [row["number"] for row in retried.rows] == [number for number, in held],
          "X4 quarantine retry --all: each is decided again, however many bytes they have", (retried.err, len(retried.rows), len(held)))

finish()
