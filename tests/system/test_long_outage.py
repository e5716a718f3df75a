"""PostgreSQL is away for long while events go on coming from every durable kind of source: two feeders beside sources, and a submitter. The daemon's memory stays
as it was, its status says so, and afterwards everything is there, once and in order. OUTAGE (20) seconds at RATE (500) events a second."""

import json
import os
import re
import subprocess
import threading
import time

from bridge import SANITIZED, Bridge, check, event, finish, imposed, today, wait_for
from feeder import Feeder, position, requests, source, with_logs

OUTAGE = float(os.environ.get("OUTAGE", "20"))
RATE = float(os.environ.get("RATE", "500"))
LEAD = 3  # seconds before the outage, and after it, at the same rate
GROWTH_KB = 8192  # what the outage may add: one batch and what waits behind it


def resident_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def sentenced(n):
    return imposed("COURT-%07d" % n, prn="C%d" % n, id_="court-%d" % n)


def released(n):
    return event("nz.govt.corrections.ioms.offender.released",
                 {"prn": "R%d" % n, "orderRef": "PRISON-%07d" % n, "orderType": "RELEASE_ON_CONDITIONS", "releasedOn": today(), "office": "HAMILTON",
                  "childSexOffence": False}, id_="prison-%d" % n)


def assessed(n):
    """Of persons nobody knows: accepted and kept (X3)."""
    return event("nz.govt.corrections.ioms.offender.assessed", {"prn": "T%d" % n, "owsReviewedOn": today(), "onOws": False},
                 source="urn:nz:corrections:cpps", id_="tools-%d" % n)


class Source(threading.Thread):
    """Writes events at a third of the rate, for as long as it is not told to stop."""

    def __init__(self, make, feed):
        super().__init__(daemon=True)
        self.make, self.feed, self.made, self.stopping = make, feed, 0, threading.Event()

    def run(self):
        began = time.monotonic()
        while not self.stopping.is_set():
            due = int((time.monotonic() - began) * RATE / 3)
            if due > self.made:
                self.feed([self.make(n) for n in range(self.made, due)])  # may block, as a pipe does
                self.made = due
            time.sleep(0.02)

    def stop(self):
        self.stopping.set()


class Submitter:
    """`cppsctl submit` from a pipe. While nothing is acknowledged it stops reading: its source keeps what it has, here in a file behind `tail -f`."""

    def __init__(self, bridge):
        self.path, self.acks_path = bridge.dir + "/submitted.ndjson", bridge.dir + "/acks.ndjson"
        self.file = open(self.path, "w")
        self.tail = subprocess.Popen(["tail", "-n", "+1", "-s", "0.1", "-f", self.path], stdout=subprocess.PIPE)
        with open(self.acks_path, "w") as out:
            self.process = bridge.ctl_popen("submit", "--json", "-", stdin=self.tail.stdout, stdout=out, stderr=subprocess.DEVNULL)
        self.tail.stdout.close()

    def feed(self, events):
        self.file.write("".join(json.dumps(e) + "\n" for e in events))
        self.file.flush()

    def acks(self):
        with open(self.acks_path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def end(self, events):
        """Nothing more comes: once all is acknowledged, its pipe ends, and it."""
        wait_for(lambda: len(self.acks()) >= events, 600, every=0.5)
        self.tail.terminate()
        self.tail.wait()
        self.file.close()
        return self.process.wait(60)


class Watch(threading.Thread):
    """The daemon's memory, looked at ten times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.stopping = pid, 0, threading.Event()

    def run(self):
        while not self.stopping.wait(0.1):
            self.most = max(self.most, resident_kb(self.pid))

    def stop(self):
        self.stopping.set()
        self.join()
        return self.most


def stored(feeder):
    return feeder.rows("SELECT coalesce(max(seq), 0) FROM record")[0][0]


with Bridge(edit_config=with_logs, start=False) as bridge:
    os.makedirs(bridge.dir + "/s", mode=0o700, exist_ok=True)
    court, prison = Feeder(bridge, "court"), Feeder(bridge, "prison")
    court.start()
    prison.start()
    bridge.start()
    wait_for(lambda: all(source(bridge, name)["state"] == "live" for name in ("court", "prison")))
    submitter = Submitter(bridge)
    sources = [Source(sentenced, court.feed), Source(released, prison.feed), Source(assessed, submitter.feed)]
    for s in sources:
        s.start()
    check(bool(wait_for(lambda: position(bridge, "court") and position(bridge, "prison") and submitter.acks())), "events come from all three and are taken")
    time.sleep(LEAD)

    # ---- PostgreSQL is away ----
    pid, before = bridge.pid, resident_kb(bridge.pid)
    began = time.monotonic()
    bridge.cluster("kill")
    watch = Watch(pid)
    watch.start()
    made, kept = [s.made for s in sources], (stored(court), stored(prison))
    status = wait_for(lambda: (lambda s: s if s.get("database") == "down" else None)(bridge.status()))
    check(bool(status) and bool(status.get("trouble")) and status["role"] != "leader", "status says that the database is down, and why: %s" % (status or {}).get("trouble"))
    acknowledged = len(submitter.acks())
    settled = None
    while time.monotonic() - began < OUTAGE:
        time.sleep(0.5)
        if settled is None and time.monotonic() - began > OUTAGE / 3:
            settled = watch.most
    during, late = watch.most, bridge.status()
    check(late.get("database") == "down" and bridge.pid == pid, "it still says so at the end, and did not die", late)
    check(len(submitter.acks()) == acknowledged and submitter.process.poll() is None, "X5 nothing is acknowledged meanwhile, and the submitter waits")
    came = sum(s.made - m for s, m in zip(sources, made))
    check(came > OUTAGE * RATE * 0.8, "%d events came meanwhile" % came)
    check(stored(court) - kept[0] > 0.8 * (sources[0].made - made[0]) and stored(prison) - kept[1] > 0.8 * (sources[1].made - made[1]),
          "the feeders store them", (stored(court), stored(prison), [s.made for s in sources]))

    # ---- And comes back ----
    bridge.cluster("start")
    back = time.monotonic()
    check(bool(wait_for(lambda: bridge.status().get("role") == "leader", 60)), "it goes on by itself")
    time.sleep(LEAD)
    for s in sources:
        s.stop()
    for s in sources:
        s.join()
    n = [s.made for s in sources]
    limit = 60 + sum(n) / (50 if SANITIZED else 200)
    check(bool(wait_for(lambda: position(bridge, "court") == n[0] and position(bridge, "prison") == n[1], limit, every=0.5)),
          "the sources are read to their ends", (n, source(bridge, "court"), source(bridge, "prison")))
    check(submitter.end(n[2]) == 0, "the submitter ends by itself")
    caught_up = time.monotonic() - back
    after = resident_kb(pid)
    most = watch.stop()
    print("# %.0f s without PostgreSQL, %.0f events/s, %d events in all; caught up in %.0f s" % (OUTAGE, RATE, sum(n), caught_up))
    print("# resident memory: before %d kB, most in the first third of the outage %d kB, in all of it %d kB, "
          "while catching up %d kB, after %d kB" % (before, settled, during, most, after))
    check(during - before < GROWTH_KB * (3 if SANITIZED else 2) and during - settled < GROWTH_KB / 4,
          "its memory does not grow with what comes: %d -> %d -> %d kB" % (before, settled, during))
    check(SANITIZED or most < 96 * 1024, "and stays bounded while it catches up: %d kB" % most)

    # ---- Everything is there ----
    check(bridge.pid == pid, "it is still the same process")
    check(requests(bridge, "COURT-") == ["COURT-%07d" % i for i in range(n[0])], "every sentence, once and in order")
    check(requests(bridge, "PRISON-") == ["PRISON-%07d" % i for i in range(n[1])], "every release, once and in order")
    acks = submitter.acks()
    check([a["id"] for a in acks] == ["tools-%d" % i for i in range(n[2])], "an acknowledgement for every event submitted, in order", (len(acks), n[2]))
    strange = [a for a in acks if a["disposition"] not in ("accepted", "duplicate")]  # a duplicate: the ack of its first time was lost
    check(not strange, "each was taken", strange[:2])
    check(bridge.sql("SELECT count(*), count(DISTINCT id) FROM cpps.disposition WHERE disposition = 'ACCEPTED'") == [(sum(n), sum(n))],
          "X1 one disposition for each of the %d events" % sum(n))
    check(bridge.sql("SELECT count(*) FROM cpps.quarantined_event") == [(0,)], "nothing was set aside")
    gaps = bridge.sql("SELECT count(*), max(last_seq), sum(last_seq - first_seq + 1) FROM cpps_store.batch")[0]
    check(gaps[1] == gaps[2], "the log has no gap and no repeat (%d records in %d transactions)" % (gaps[1], gaps[0]))
    court.end()
    prison.end()

finish()
