"""Hostile and broken peers on every endpoint. Beside each, an honest submitter goes on: its acks keep coming, in order, the daemon's memory stays
bounded, the log stays gapless; what the peer did wrong is counted or answered with a clear refusal."""

import json
import os
import resource
import socket
import threading
import time

os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"  # so that memory says something

import zmq

from bridge import SANITIZED, Bridge, check, finish, imposed, wait_for
from peer import CloudEvent, LogAnswer, LogRequest, ack, disposition, encode, protocol_pb2

GROWTH_KB = (3 if SANITIZED else 1) * 256 * 1024  # 4,000 connections are half of it, the largest messages in full queues the other
MIB = 1024 * 1024
CONNECTIONS = 1000


class Neighbour(threading.Thread):
    """Submits honest events without an end, a few under way, and looks at every ack."""

    WINDOW = 8

    def __init__(self, bridge):
        super().__init__(daemon=True)
        self.endpoint, self.acked, self.wrong, self.ends = bridge.endpoint("submit"), 0, [], False
        self.fine = {"ACCEPTED"}

    def run(self):
        context = zmq.Context()
        dealer = context.socket(zmq.DEALER)
        dealer.connect(self.endpoint)
        sent, under_way = 0, []
        while not self.ends:
            while len(under_way) < self.WINDOW:
                sent += 1
                e = imposed("CRI-2026-009-%06d/1" % sent, prn="N%d" % sent)
                dealer.send(encode(e))
                under_way.append(e["id"])
            while under_way and dealer.poll(50):
                a, expected = ack(dealer.recv()), under_way.pop(0)
                if a.id != expected or disposition(a) not in self.fine:
                    self.wrong.append((a.id, expected, disposition(a), a.sentence))
                self.acked += 1
            time.sleep(0.01)
        context.destroy(0)

    def goes_on(self, n=40, seconds=60):
        before = self.acked
        return wait_for(lambda: self.acked >= before + n, seconds)


def resident_kb(bridge):
    with open("/proc/%d/status" % bridge.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


class Peers:
    """A context of its own for one attack."""

    def __init__(self, bridge):
        self.bridge = bridge
        self.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 5000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy(0)

    def open(self, name, type_=zmq.DEALER, **options):
        s = self.context.socket(type_)
        s.setsockopt(zmq.LINGER, 0)
        for option, value in options.items():
            s.setsockopt(getattr(zmq, option), value)
        s.connect(self.bridge.endpoint(name))
        return s

    def ask_log(self, s, seconds=40, **fields):
        fields.setdefault("stream", "nz")
        s.send(LogRequest(**fields).SerializeToString())
        return self.log_answer(s, seconds)

    @staticmethod
    def log_answer(s, seconds=40):
        return LogAnswer.FromString(s.recv()) if s.poll(seconds * 1000) else None

    @staticmethod
    def receive(s, seconds=20):
        return s.recv_multipart() if s.poll(seconds * 1000) else None


def result(answer):
    return LogAnswer.Result.Name(answer.result) if answer else None


def send_all(s, messages):
    """As many as the socket takes."""
    n = 0
    try:
        for frames in messages:
            s.send_multipart(frames, zmq.DONTWAIT)
            n += 1
    except zmq.Again:
        pass
    return n


def flood(sockets, message, n):
    """Pushes n messages through each socket, until all are gone or nothing moves for a second: what the daemon does not read stays here."""
    left = dict.fromkeys(sockets, n)
    while left:
        moved = False
        for s in list(left):
            gone = send_all(s, ([message] for _ in range(min(left[s], 50))))
            left[s] -= gone
            moved |= gone > 0
            if not left[s]:
                del left[s]
        if not moved and not any(s.poll(1000, zmq.POLLOUT) for s in left):
            break
    return sum(left.values())


# ---- Submitters ----

def disconnects_midflight(bridge, peers):
    events = []
    for round_ in range(10):
        s = peers.open("submit")
        batch = [imposed("CRI-2026-010-%06d/%d" % (round_, i), prn="D%d" % round_) for i in range(100)]
        events += batch
        for e in batch:
            s.send(encode(e))
        Peers.receive(s)
        s.close()
    again = bridge.submit(events)
    odd = [a for a, e in zip(again, events) if a["id"] != e["id"] or a["disposition"] not in ("accepted", "duplicate")]
    check(len(again) == len(events) and not odd, "sent again, each event of a submitter that left is taken once", (len(again), odd[:5]))
    refs = [(e["data"]["orderRef"],) for e in events]
    have = bridge.sql("SELECT order_ref FROM cpps.request WHERE order_ref LIKE 'CRI-2026-010-%%' ORDER BY 1")
    check(have == sorted(refs), "and has its effect once", (len(have), sorted(set(refs) - set(have))[:5]))


def floods(bridge, peers):
    s = peers.open("submit", SNDHWM=10)
    message = encode(imposed("CRI-2026-011-000001/1", prn="F1"))
    left, got = 5000, 0
    while got < 5000:
        if left:
            left -= send_all(s, ([message] for _ in range(left)))
        if not s.poll(20000):
            break
        while s.poll(0):
            a = ack(s.recv())
            got += 1
            if disposition(a) != ("ACCEPTED" if got == 1 else "DUPLICATE"):
                check(False, "a flood is acknowledged", a)
    check(got == 5000, "each event of a flood is acknowledged, the later ones as duplicates", got)


def never_reads(bridge, peers):
    before = bridge.status()["submitters"]["dropped_acks"]
    s = peers.open("submit", RCVHWM=1, SNDHWM=10, RCVBUF=4096)
    message = encode(imposed("CRI-2026-012-000001/1", prn="F2"))
    dropped = 0
    for _ in range(200):
        flood([s], message, 200)
        dropped = bridge.status()["submitters"]["dropped_acks"] - before
        if dropped:
            break
    check(dropped > 0, "acks that are not read are dropped and counted", bridge.status()["submitters"])
    acks, told = 0, None
    for _ in range(60):
        s.send(message)
        while told is None and s.poll(500):
            a = ack(s.recv())
            told = a if disposition(a) == "NOT_GIVEN" else None
            acks += told is None
        if told:
            break
    check(told is not None and "connect anew" in told.sentence, "and the peer is told, after the acks it was given, to connect anew", (acks, told))
    fresh = peers.open("submit")
    fresh.send(message)
    check(disposition(ack(Peers.receive(fresh)[0])) == "DUPLICATE", "which it can")


def wrong_frames(bridge, peers):
    before = bridge.status()["submitters"]["bad_frames"]
    s = peers.open("submit")
    bad = [[b"a", b"b"], [b"", b"a", b"b"], [b"a", b"", b"b"], [b"x"] * 10, [b"y" * 100] * 5000, [b"", b"", b"", b""]]
    for frames in bad:
        s.send_multipart(frames)
    counted = wait_for(lambda: bridge.status()["submitters"]["bad_frames"] - before == len(bad))
    check(counted, "messages of a wrong number of frames are counted", bridge.status()["submitters"])
    told = [Peers.receive(s) for _ in range(3)]
    check(all(t and disposition(ack(t[-1])) == "NOT_GIVEN" and "one frame" in ack(t[-1]).sentence for t in told),
          "and one of a few frames is answered with what is wrong", told)
    fresh = peers.open("submit")
    for body, reason in ((b"", "MALFORMED"), (b"\0", "MALFORMED"), (b"{" + b"x" * 100000, "TOO_LARGE"), (os.urandom(65537), "TOO_LARGE")):
        fresh.send(body)
        a = ack(Peers.receive(fresh)[-1])
        check((disposition(a), a.reason) == ("QUARANTINED", reason), "a message of %d bytes is quarantined %s" % (len(body), reason), a)
    req = peers.open("submit", zmq.REQ)
    req.send(encode(imposed("CRI-2026-013-000001/1", prn="F3")))
    check(disposition(ack(Peers.receive(req)[0])) == "ACCEPTED", "a REQ socket is served")


def cut(peers, name, size):
    """Whether a message of the size ends its connection."""
    s = peers.open(name)
    monitor = s.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    s.send(b"{" + b"z" * (size - 1))
    return bool(monitor.poll(20000))


def oversized(bridge, peers):
    for name in ("submit", "log"):
        check(cut(peers, name, 2 * MIB), "a message of 2 MiB to the %s endpoint ends its connection" % name)
    check(cut(peers, "control", 9 * MIB), "and one of 9 MiB to the control endpoint")


def large_while_paused(bridge, peers):
    """Without a database the daemon does not read: what it holds for those who push must be bounded by itself."""
    neighbour.fine.add("DUPLICATE")  # of a commit whose outcome was not known
    bridge.cluster("kill")
    wait_for(lambda: bridge.status().get("database") == "down")
    before = resident_kb(bridge)
    sockets = [peers.open("submit", SNDHWM=4) for _ in range(8)]
    left = flood(sockets, b"{" + b"w" * 1000000, 200)
    grown = resident_kb(bridge) - before
    bridge.cluster("start")
    check(left > 0, "while there is no database, a flood of large messages is not read")
    check(grown < GROWTH_KB // 2, "and takes %d MiB" % (grown // 1024), left)


def thousand_connections(bridge, peers):
    sockets = [peers.open("submit") for _ in range(CONNECTIONS)]
    for s in sockets:
        s.send(b"{}")
    acks = [Peers.receive(s, 60) for s in sockets]
    check(all(acks), "of %d connections, each has its event acknowledged" % CONNECTIONS, sum(a is None for a in acks))
    status = bridge.status()["submitters"]
    check(status["connections"] <= 1000, "%d of them are remembered" % status["connections"])


# A DEALER's, of ZMTP 3.0.
HANDSHAKE = b"\xff" + 8 * b"\0" + b"\x7f\x03\0" + b"NULL".ljust(52, b"\0") + b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER"


def too_many_connections(bridge, peers):
    """More than there may be descriptors: libzmq would end the process."""
    limit = next(int(l.split()[3]) for l in open("/proc/%d/limits" % bridge.pid) if l.startswith("Max open files"))
    count = min(limit, 4096)
    sockets = []
    for _ in range(count):
        s = socket.socket(socket.AF_UNIX)
        s.connect(bridge.endpoint("submit")[len("ipc://"):])
        s.settimeout(0)
        sockets.append(s)
        try:
            s.send(HANDSHAKE)
        except OSError:
            pass  # refused already
    refused = wait_for(lambda: bridge.status().get("connections_refused"))
    check(refused, "of %d connections, those that are too many are refused and counted" % count, refused)
    check(bridge.ctl("status").code == 0, "while cppsctl status still finds its way in")
    for s in sockets:
        s.close()


def raw_bytes(bridge, peers):
    """Peers that do not speak ZMTP at all."""
    sockets = []
    for name in ("submit", "log", "live", "control"):
        for talk in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\xff\0\0\0\0\0\0\0\1\x7f" + b"\0" * 54, b"\xff" * 64):
            for _ in range(10):
                s = socket.socket(socket.AF_UNIX)
                s.connect(bridge.endpoint(name)[len("ipc://"):])
                sockets.append(s)
                try:
                    s.sendall(talk)
                except OSError:
                    pass

    def ended(s):
        try:
            s.settimeout(0.01)
            while s.recv(4096):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True
    check(wait_for(lambda: all(ended(s) for s in sockets), 30), "who does not shake hands is cut off after some seconds")
    for s in sockets:
        s.close()


# ---- Log clients ----

ABSURD = [
    ("a limit and a wait beyond all limits", dict(limit=2 ** 32 - 1, wait_ms=2 ** 32 - 1), "OK"),
    ("33 prefixes", dict(prefixes=["p%d" % i for i in range(33)]), "NOT_ALLOWED"),
    ("a prefix of 129 bytes", dict(prefixes=["p" * 129]), "NOT_ALLOWED"),
    ("a prefix with a NUL", dict(prefixes=["a\0b"]), "NOT_ALLOWED"),
    ("a name of 65 bytes", dict(name="n" * 65), "NOT_ALLOWED"),
    ("another stream", dict(stream="other"), "NOT_ALLOWED"),
    ("a position beyond the head", dict(after=2 ** 64 - 1), "DIVERGED"),
    ("a position in an epoch that never was", dict(after=1, after_epoch=7), "DIVERGED"),
    ("a confirmed position beyond the head", dict(name="liar", confirmed=2 ** 64 - 1), "OK"),
    ("32 empty prefixes", dict(prefixes=[""] * 32), "OK"),
]


def absurd_log_requests(bridge, peers):
    s = peers.open("log")
    for what, fields, expected in ABSURD:
        answer = peers.ask_log(s, **fields)
        check(result(answer) == expected and len(answer.records) <= 1000 and (expected == "OK" or answer.sentence),
              "the log answers %s to %s" % (expected, what), str(answer)[:300])
    head = bridge.status()["head"]
    rows = bridge.sql("SELECT confirmed FROM cpps.consumer_position WHERE name = 'liar'")
    check(rows and rows[0][0] <= head, "what a consumer claims to have processed is at most the head", rows)
    for body in (b"", b"\xff\xff\xff", os.urandom(3000), b"{}", b"\n\xff\xff\xff\xff\x0f"):
        s.send(body)
        answer = Peers.log_answer(s)
        check(result(answer) == "NOT_ALLOWED" and answer.sentence, "and refuses a request of %d bytes that is none" % len(body), answer)
    s.send_multipart([b"a", b"b", b"c"])
    answer = Peers.log_answer(s)
    check(result(answer) == "NOT_ALLOWED" and "one frame" in answer.sentence, "and one of three frames", answer)
    answer = peers.ask_log(s, request=5)
    check(result(answer) == "OK" and answer.request == 5, "after all that, it still answers", str(answer)[:200])


def parked_polls(bridge, peers):
    """As many as may wait, and some more."""
    sockets = [peers.open("log") for _ in range(1100)]
    for i, s in enumerate(sockets):
        s.send(LogRequest(stream="nz", prefixes=["nothing.like.this"], wait_ms=30000, request=i).SerializeToString())
    check(wait_for(lambda: bridge.status()["log_waiting"] >= 1000, 30), "1000 polls wait", bridge.status()["log_waiting"])
    refused = wait_for(lambda: sum(1 for s in sockets if s.poll(0)) >= 100, 20)
    answers = [Peers.log_answer(s) for s in sockets if s.poll(0)]
    check(refused and all(result(a) == "NOT_ALLOWED" and "limit" in a.sentence for a in answers), "more are refused in words", answers[:1])
    for s in sockets:
        s.close()


def abandoned_polls(bridge, peers):
    check(wait_for(lambda: bridge.status()["log_waiting"] == 0, 60), "polls whose clients are gone end by themselves", bridge.status()["log_waiting"])
    check(result(peers.ask_log(peers.open("log"))) == "OK", "and others are served again")


def reads_no_answers(bridge, peers):
    sockets = [peers.open("log", RCVHWM=1, SNDHWM=10, RCVBUF=4096) for _ in range(50)]
    flood(sockets, LogRequest(stream="nz", limit=1000).SerializeToString(), 200)
    check(result(peers.ask_log(peers.open("log"))) == "OK", "a log client that does not read its answers keeps nobody from theirs")


def invents_consumers(bridge, peers):
    s = peers.open("log")
    known = next((i for i in range(3000) if result(peers.ask_log(s, name="invented-%d" % i, start=LogRequest.NOW)) != "OK"), None)
    last = peers.ask_log(s, name="one more")
    check(known and result(last) == "NOT_ALLOWED" and "consumers" in last.sentence, "a client that invents consumers is refused", (known, str(last)[:200]))
    check(result(peers.ask_log(s, name="invented-0")) == "OK", "while those that are known are served")
    for i in range(3000):
        peers.ask_log(s, name="invented-0", confirmed=i, start=LogRequest.NOW)
    check(bool(wait_for(lambda: bridge.sql("SELECT confirmed FROM cpps.consumer_position WHERE name = 'invented-0'") == [(2999,)])),
          "what one confirms again and again is stored in the end")


# ---- Control clients ----

def control_garbage(bridge, peers):
    request = protocol_pb2.ControlRequest

    def told(body):
        s = peers.open("control")
        s.send(body)
        answer = protocol_pb2.ControlAnswer.FromString(Peers.receive(s)[-1])
        return not answer.done and bool(answer.sentence)
    cases = [b"\xff\xff", os.urandom(5000), b"", b"\x08\x63", request(verb="PLAN").SerializeToString(),
             request(verb="PLAN", events=[b"{}"] * 501).SerializeToString(), request(verb="QUARANTINE_DISCARD", numbers=[1]).SerializeToString(),
             request(verb="QUARANTINE_RETRY", numbers=[2 ** 63]).SerializeToString(), request(verb="CLOCK_ADVANCE", microseconds=-5).SerializeToString()]
    for body in cases:
        check(told(body), "control refuses %r in words" % body[:12])
    s = peers.open("control")
    s.send_multipart([b"a", b"b"])
    check("one frame" in protocol_pb2.ControlAnswer.FromString(Peers.receive(s)[-1]).sentence, "and a message of two frames")
    sockets = [peers.open("control", RCVHWM=1, RCVBUF=4096) for _ in range(20)]
    flood(sockets, request(verb="STATUS").SerializeToString(), 200)
    for _ in range(50):
        gone = peers.open("control")
        gone.send(request(verb="PLAN", events=[b"{}"] * 100).SerializeToString())
        gone.close()
    check(wait_for(lambda: bridge.ctl("status").code == 0), "beside them, cppsctl status is answered")


# ---- Subscribers ----

def slow_subscribers(bridge, peers):
    slow = [peers.open("live", zmq.SUB, RCVHWM=1, SUBSCRIBE=b"") for _ in range(100)]
    good = peers.open("live", zmq.SUB, SUBSCRIBE=b"allocation.")
    seen = 0
    while seen < 1000 and good.poll(20000):
        good.recv_multipart()
        seen += 1
    check(seen == 1000, "beside 100 subscribers that do not read, another gets 1000 records", seen)
    check(all(s.poll(0) for s in slow), "they were given what they took")


def subscribes_to_everything(bridge, peers):
    before = resident_kb(bridge)
    s = peers.open("live", zmq.SUB)
    for i in range(100):
        s.setsockopt(zmq.SUBSCRIBE, os.urandom(60000))
    good = peers.open("live", zmq.SUB, SUBSCRIBE=b"$head/nz")
    check(good.poll(10000) > 0, "beside a client with subscriptions longer than any topic, another hears the heartbeat")
    grown = resident_kb(bridge) - before
    check(grown < GROWTH_KB // 8, "which cost %d MiB" % (grown // 1024))


ATTACKS = [
    disconnects_midflight, floods, never_reads, wrong_frames, oversized, thousand_connections, too_many_connections, raw_bytes, absurd_log_requests, parked_polls, abandoned_polls,
    reads_no_answers, control_garbage, slow_subscribers, subscribes_to_everything, invents_consumers, large_while_paused,
]

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # what a service is given
bridge = Bridge()
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
with bridge:
    neighbour = Neighbour(bridge)
    neighbour.start()
    check(neighbour.goes_on(500), "an honest submitter works")
    began_pid, began_kb, most_kb = bridge.pid, resident_kb(bridge), 0
    only = os.environ.get("ONLY", "").split()
    for attack in ATTACKS:
        if only and attack.__name__ not in only:
            continue
        began = time.monotonic()
        with Peers(bridge) as peers:
            attack(bridge, peers)
            check(neighbour.goes_on(), "beside %s, its acks keep coming" % attack.__name__)
        most_kb = max(most_kb, resident_kb(bridge))
        print("# %s: %.1f s, %d kB" % (attack.__name__, time.monotonic() - began, resident_kb(bridge)), flush=True)
        check(bridge.pid == began_pid, "and the daemon lives")
    check(neighbour.goes_on(200), "at the end, the honest submitter still works")
    neighbour.ends = True
    neighbour.join(20)
    check(not neighbour.wrong, "%d acks came to it, each for its event, in order, accepted" % neighbour.acked, neighbour.wrong[:5])
    check(most_kb - began_kb < GROWTH_KB, "the daemon's memory grew by %d MiB at most" % ((most_kb - began_kb) // 1024))
    sequences = [int(r["sequence"]) for r in bridge.tail()]
    check(sequences == list(range(1, len(sequences) + 1)), "the log of %d records has no gap and no repeat" % len(sequences))

finish()
