"""Source streams: a record with a position frame takes the same way as a submitted one, and its position is kept; a plain PUB is taken as best effort."""

import json

import psycopg2
import zmq
from bridge import Bridge, check, event, finish, imposed, today, wait_for
from peer import Position, encode

with Bridge() as bridge:
    context = zmq.Context()
    court = context.socket(zmq.PUB)
    prison = context.socket(zmq.PUB)
    sockets = bridge.endpoint("submit").replace("ipc://", "").rsplit("/", 1)[0]
    court.bind("ipc://%s/court" % sockets)
    prison.bind("ipc://%s/prison" % sockets)

    def head(seq):
        return Position(stream="court-1", epoch=1700000000, seq=0, head=seq).SerializeToString()

    # Heartbeats until the subscription has arrived.
    def connected():
        court.send_multipart([b"$head/court-1", head(0), b""])
        prison.send_multipart([b"ping", b"{}"])
        return any(s["stream"] == "court-1" for s in bridge.status()["sources"] if s["name"] == "court") and \
            bridge.sql("SELECT count(*) FROM cpps_store.quarantined")[0][0] > 0
    wait_for(connected)

    for seq in range(1, 201):
        e = imposed("CRI-2026-001-%06d/1" % seq, prn="S%d" % seq)
        court.send_multipart([e["type"].encode(), Position(stream="court-1", epoch=1700000000, seq=seq, head=seq).SerializeToString(),
                              encode(e) if seq % 2 else json.dumps(e).encode()])
    made = wait_for(lambda: bridge.sql("SELECT count(*) FROM cpps.request")[0][0] == 200)
    check(bool(made), "200 records of a stream with positions made 200 requests", bridge.sql("SELECT count(*) FROM cpps.request"))
    rows = bridge.ctl("sources", "--json").rows
    row = next((r for r in rows if r.get("source") == "court" or r.get("name") == "court"), {})
    check(bridge.sql("SELECT seq, epoch, stream FROM cpps.source_position WHERE source = 'court'") == [(200, 1700000000, "court-1")],
          "its position is in cpps.source_position", bridge.sql("SELECT * FROM cpps.source_position"))
    check("200" in json.dumps(row), "cppsctl sources shows it", rows)
    check(bridge.sql("SELECT DISTINCT submitter FROM cpps_store.claim") == [("court",)], "X7 the stream is recorded as the submitter")

    release = event("nz.govt.corrections.ioms.offender.released",
                    {"prn": "R1", "orderRef": "REL-1", "orderType": "RELEASE_ON_CONDITIONS", "releasedOn": today(), "office": "HAMILTON"})
    prison.send_multipart([b"any", json.dumps(release).encode()])
    check(bool(wait_for(lambda: bridge.sql("SELECT count(*) FROM cpps.request WHERE order_ref = 'REL-1'") == [(1,)])),
          "a plain PUB without positions is taken")
    status = next(s for s in bridge.status()["sources"] if s["name"] == "prison")
    check(status["guarantee"] == "best effort", "and named best effort in the status", status)

    stranger = imposed("OTHER/1", source="urn:nz:justice:cms")
    prison.send_multipart([b"any", json.dumps(stranger).encode()])
    check(bool(wait_for(lambda: bridge.sql("SELECT reason FROM cpps.quarantined_event WHERE order_ref = 'OTHER/1'") == [("NOT_ALLOWED",)])),
          "a stream may speak only for its own source")

    # The term ends while records wait for their commit: nobody would send them again.
    lock = psycopg2.connect(bridge.conninfo())
    lock.cursor().execute("LOCK TABLE cpps_store.batch IN ACCESS EXCLUSIVE MODE")
    for seq in range(201, 221):
        e = imposed("CRI-2026-002-%06d/1" % seq, prn="S%d" % seq)
        court.send_multipart([e["type"].encode(), Position(stream="court-1", epoch=1700000000, seq=seq, head=seq).SerializeToString(), encode(e)])
    wait_for(lambda: bridge.status()["pipeline"]["waiting"] == 20)
    term = bridge.sql("SELECT epoch FROM cpps_store.term")
    bridge.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cpps-bridge-writer'")
    wait_for(lambda: bridge.sql("SELECT epoch FROM cpps_store.term") != term)
    lock.close()
    check(bool(wait_for(lambda: bridge.sql("SELECT count(*) FROM cpps.request WHERE order_ref LIKE 'CRI-2026-002-%'") == [(20,)])),
          "X1 what a stream without a log sent before the end of a term is decided in the next",
          bridge.sql("SELECT count(*) FROM cpps.request WHERE order_ref LIKE 'CRI-2026-002-%'"))
    e = imposed("CRI-2026-002-000221/1", prn="S221")
    court.send_multipart([e["type"].encode(), Position(stream="court-1", epoch=1700000000, seq=221, head=221).SerializeToString(), encode(e)])
    check(bool(wait_for(lambda: bridge.sql("SELECT seq FROM cpps.source_position WHERE source = 'court'") == [(221,)])), "and it goes on")
    status = next(s for s in bridge.status()["sources"] if s["name"] == "court")
    check(status["gaps"] == 0 and status["missed"] == 0, "and none is called lost", status)

    # The position survives the daemon; what comes again is known. It is sent until the subscription has arrived, and once more.
    bridge.kill()
    bridge.wait_ready()
    last = [imposed("CRI-2026-00%d-%06d/1" % (2 if seq > 200 else 1, seq), prn="S%d" % seq) for seq in (220, 221, 222)]

    def taken():
        for seq, e in zip((220, 221, 222), last):
            court.send_multipart([e["type"].encode(), Position(stream="court-1", epoch=1700000000, seq=seq, head=222).SerializeToString(), encode(e)])
        return bridge.sql("SELECT seq FROM cpps.source_position WHERE source = 'court'") == [(222,)]
    check(bool(wait_for(taken)) and taken(), "after a kill it goes on from its position", bridge.sql("SELECT * FROM cpps.source_position"))
    seen = bridge.sql("SELECT (SELECT count(*) FROM cpps.request WHERE order_ref LIKE 'CRI-%'), (SELECT count(*) FROM cpps.quarantined_event WHERE order_ref LIKE 'CRI-%')")
    check(seen == [(222, 0)], "and takes nothing twice", seen)
    context.destroy(0)

finish()
