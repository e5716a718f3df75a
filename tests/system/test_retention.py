"""Retention, by the testing clock: the log's old end goes after 90 days unless a registered consumer has not confirmed it, and after 180 in any case; who
asks for what is gone is told TOO_OLD with the first record that is kept, and never skips silently."""

import zmq
from bridge import Bridge, check, finish, imposed, wait_for
from peer import LogAnswer, LogRequest


def ask(bridge, **request):
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(bridge.endpoint("log"))
    dealer.send(LogRequest(stream="nz", **request).SerializeToString())
    answer = LogAnswer()
    answered = dealer.poll(10000)
    if answered:
        answer.ParseFromString(dealer.recv_multipart()[-1])
    context.destroy(0)
    return answer if answered else None


def first_kept(bridge):
    return bridge.sql("SELECT min(first_seq) FROM cpps_store.batch")[0][0]


def beyond_cap(bridge):
    """Batches older than the cap, but for the newest batch of all."""
    return bridge.sql("""SELECT first_seq, last_seq, recorded_at FROM cpps_store.batch, cpps_store.bridge_clock AS c
        WHERE recorded_at < c.now - interval '180 days' AND first_seq < (SELECT max(first_seq) FROM cpps_store.batch)""")


with Bridge() as bridge:
    bridge.submit([imposed("OLD/1", prn="P1")])
    old = bridge.status()["head"]
    ask(bridge, after=0, name="reports", confirmed=1)
    check(bool(wait_for(lambda: bridge.sql("SELECT confirmed FROM cpps.consumer_position WHERE name = 'reports'") == [(1,)])), "a consumer is registered")
    bridge.ctl("clock", "advance", "85d")
    bridge.submit([imposed("LATER/1", prn="P2")])
    later = bridge.status()["head"]
    bridge.ctl("clock", "advance", "10d")
    check(not wait_for(lambda: first_kept(bridge) > 1, 13), "after 95 days the consumer that has not confirmed it holds the log")
    answer = ask(bridge, after=1)
    check(answer.result == LogAnswer.OK and answer.first == 1 and answer.records[0].seq == 2, "the old record is still served", answer.first)

    ask(bridge, after=old, name="reports", confirmed=later)
    check(bool(wait_for(lambda: bridge.sql("SELECT confirmed FROM cpps.consumer_position WHERE name = 'reports'") == [(later,)])), "it confirms")
    bridge.ctl("clock", "advance", "2h")
    check(bool(wait_for(lambda: first_kept(bridge) > 1, 30)), "then, within the hour, the old end goes", first_kept(bridge))
    first = first_kept(bridge)
    check(first <= later, "and what is ten days old stays", (first, later))
    answer = wait_for(lambda: (lambda a: a if a and a.result == LogAnswer.TOO_OLD else None)(ask(bridge, after=1)))
    check(bool(answer) and answer.first == first and "no longer kept" in answer.sentence,
          "who asks for it is told TOO_OLD, with the first that is kept", answer)
    answer = ask(bridge, after=0)
    check(answer.result == LogAnswer.OK and answer.first == first and answer.records[0].seq == first,
          "who asks from the first that is kept gets it", answer.first)
    answer = ask(bridge, after=first - 1)
    check(answer.result == LogAnswer.OK and answer.records[0].seq == first, "so does who has everything before it")
    gone = bridge.ctl("tail", "--after", "1")
    check(gone.code != 0 and "no longer kept" in gone.err, "a tail says so and stops", gone.err)
    sequences = [int(r["sequence"]) for r in bridge.tail(first - 1)]
    check(sequences == list(range(first, bridge.status()["head"] + 1)), "what is left has no hole", sequences[:3])

    bridge.ctl("clock", "advance", "181d")
    head = bridge.status()["head"]
    check(bool(wait_for(lambda: not beyond_cap(bridge), 30)), "beyond the cap no consumer holds it", (beyond_cap(bridge), first_kept(bridge)))
    bridge.kill()
    bridge.wait_ready()
    check(bridge.status()["head"] >= head, "the numbers go on after a restart", bridge.status()["head"])
    acks = bridge.submit([imposed("NEW/1", prn="P3")])
    check([a["disposition"] for a in acks] == ["accepted"], "and so does the bridge", acks)
    check(bridge.sql("SELECT count(*) FROM cpps.request WHERE order_ref IN ('OLD/1', 'LATER/1', 'NEW/1')") == [(3,)],
          "the requests stay, whatever the log has lost")

finish()
