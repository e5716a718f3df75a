"""The main job: 5,000 realistic events in, an ack for each, a gapless log, and nothing new when they come again."""

from bridge import Bridge, check, finish

with Bridge() as bridge:
    generated = bridge.generate(5000, 7)
    path = bridge.dir + "/events.ndjson"
    with open(path, "w") as f:
        f.write(generated)
    lines = generated.splitlines()
    check(len(lines) == 5000, "generate makes 5,000 lines", len(lines))
    check(bridge.generate(5000, 7) == generated, "the same arguments make the same bytes")

    first = bridge.ctl("submit", "--json", path)
    acks = first.rows
    by_disposition = {}
    for ack in acks:
        by_disposition[ack["disposition"]] = by_disposition.get(ack["disposition"], 0) + 1
    print("# acks:", by_disposition)
    check(len(acks) == 5000 and [a["line"] for a in acks] == list(range(1, 5001)), "an ack for every line, in order")
    check(first.code in (0, 3), "none failed", first.err)
    check(by_disposition.get("accepted", 0) > 4500, "most are accepted", by_disposition)

    records = bridge.tail()
    sequences = [int(r["sequence"]) for r in records]
    check(sequences == list(range(1, len(sequences) + 1)), "the log is gapless from 1", sequences[:3])
    check(max((a["seq"] for a in acks), default=0) <= len(records), "no ack names a record that is not there")
    check(all(a["recordedtime"] <= b["recordedtime"] for a, b in zip(records, records[1:])), "X8 decision time never goes back")

    head = len(records)
    ids = {a["id"] for a in acks}
    again = bridge.ctl("submit", "--json", path).rows
    firsts = {}
    for ack in acks:
        firsts.setdefault((ack["source"], ack["id"]), ack)
    wrong = [b for a, b in zip(acks, again)
             if not (b["disposition"] == "duplicate" or (a["disposition"], b["disposition"]) == ("parked", "parked")
                     or (b["disposition"] == "quarantined" and (a["disposition"], a["reason"]) == ("quarantined", b["reason"])))]
    check(not wrong, "X2 again: each is a duplicate, still parked, or its first quarantine", wrong[:3])
    new = [r for r in bridge.tail(head) if r.get("causationid") in ids]
    check(not new, "X2 again: no record has one of these events as its cause", new[:2])
    check(bridge.sql("SELECT count(*) FROM cpps.event") == [(len(bridge.tail()),)], "the view event shows the same log")

finish()
