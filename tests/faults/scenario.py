"""A short day of a bridge: 60 events by submit, 20 of a followed stream, a consumer, the controls, a reload, an end. Whoever keeps the
daemon (here: Keeper) starts it again when it ends, as systemd would. Everything that must hold afterwards is a line of `Day.broken`."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import psycopg2
import zmq

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/system")
from bridge import event, imposed, today  # noqa: E402
from peer import LogAnswer, LogRequest, Position, encode  # noqa: E402

STREAMED = 20
LIMIT = 90  # seconds for a day: every timeout of the bridge fits in several times
STARTS_MAX = 5


class Stream(threading.Thread):
    """The court: a stream of the protocol, with live records and a log. The second half is published when `open` is called."""

    def __init__(self, directory, events):
        super().__init__(daemon=True)
        self.records = [(e["type"].encode(), encode(e)) for e in events]
        self.context = zmq.Context()
        self.live, self.log = self.context.socket(zmq.PUB), self.context.socket(zmq.ROUTER)
        self.live.bind("ipc://%s/court" % directory)
        self.log.bind("ipc://%s/court-log" % directory)
        self.wanted = self.head = len(events) // 2
        self.waiting = {}
        self.ended = False
        self.start()

    def open(self):
        self.wanted = len(self.records)

    def position(self, seq):
        return Position(stream="court-1", epoch=1700000000, seq=seq, head=self.head).SerializeToString()

    def answer(self, client, request):
        end = min(self.head, request.after + (request.limit or 1000))
        answer = LogAnswer(through=end, head=self.head, epoch=1700000000, first=1, request=request.request)
        for seq in range(request.after + 1, end + 1):
            answer.records.add(seq=seq, epoch=1700000000, topic=self.records[seq - 1][0].decode(), event=self.records[seq - 1][1])
        self.log.send_multipart([client, answer.SerializeToString()])

    def run(self):
        beat = 0
        while not self.ended:
            if self.log.poll(20):
                client, frame = self.log.recv_multipart()
                request = LogRequest.FromString(frame)
                self.waiting[client] = request, time.monotonic() + min(request.wait_ms / 1000, 1)
            while self.head < self.wanted:
                self.head += 1
                topic, record = self.records[self.head - 1]
                self.live.send_multipart([topic, self.position(self.head), record])
            for client, (request, until) in list(self.waiting.items()):
                if request.after < self.head or time.monotonic() >= until:
                    del self.waiting[client]
                    self.answer(client, request)
            if time.monotonic() > beat:
                beat = time.monotonic() + 0.3
                self.live.send_multipart([b"$head/court-1", self.position(0), b""])
        self.context.destroy(0)

    def close(self):
        self.ended = True
        self.join()


class Keeper(threading.Thread):
    """Starts the daemon, and again when it ends; the fault is only for its first life."""

    def __init__(self, command, log, environment):
        super().__init__(daemon=True)
        self.command, self.log, self.environment = command, log, environment
        self.codes, self.stopping, self.process = [], False, None
        self.start()

    def run(self):
        environment = self.environment
        while not self.stopping and len(self.codes) < STARTS_MAX:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(self.command, stderr=log, stdout=log, stdin=subprocess.DEVNULL, env=environment)
            self.codes.append(self.process.wait())
            environment = {k: v for k, v in environment.items() if k != "FAULT"}
            time.sleep(0.1)

    def signal(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, seconds):
        self.stopping = True
        self.signal(signal.SIGTERM)
        self.join(seconds)
        hung = self.is_alive()
        if hung:
            self.signal(signal.SIGABRT)
            self.join(seconds)
        self.signal(signal.SIGKILL)
        return not hung


def write_config(path, directory, conninfo):
    with open(path, "w") as f:
        f.write("""stream: nz
database: %(db)s
endpoints: {submit: ["ipc://%(d)s/submit"], live: ["ipc://%(d)s/live"], log: ["ipc://%(d)s/log"], control: "ipc://%(d)s/control"}
sources:
  - {name: court, source: "urn:nz:justice:cms", kind: court, live: ["ipc://%(d)s/court"], log: ["ipc://%(d)s/court-log"]}
  - {name: prison, source: "urn:nz:corrections:ioms", kind: prison}
  - {name: tools, source: "urn:nz:corrections:cpps", kind: tools}
testing: {clock: true}
"""
                % {"db": conninfo, "d": directory})


class TooLong(Exception):
    pass


class Day:
    """One run. `faults` is what the daemon's environment says of them."""

    def __init__(self, directory, programs, daemon, conninfo, events, faults):
        self.dir, self.programs = directory, programs
        self.broken = []
        self.conninfo = conninfo
        self.events = events
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory, 0o700)
        self.config = directory + "/c.yaml"
        write_config(self.config, directory, conninfo)
        self.environment = dict(os.environ, CPPS_BRIDGE_CONFIG=self.config)
        self.began = time.monotonic()
        self.stream = Stream(directory, events["stream"])
        self.keeper = Keeper([daemon, "--config", self.config], directory + "/daemon.log", dict(self.environment, **faults))
        self.children = []

    def left(self):
        left = self.began + LIMIT - time.monotonic()
        if left <= 0:
            raise TooLong
        return left

    def wait(self, condition, what):
        self.doing = what
        while not condition():
            if len(self.keeper.codes) >= STARTS_MAX:
                raise TooLong
            self.left()
            time.sleep(0.03)

    def sql(self, query):
        connection = psycopg2.connect(self.conninfo)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()

    def ctl(self, *arguments, ok=(0,), stdin=None):
        """A control that somebody gives again until it is done."""
        self.doing = "cppsctl " + " ".join(arguments)
        while True:
            try:
                done = subprocess.run([self.programs + "/cppsctl", *arguments], env=self.environment, input=stdin, capture_output=True,
                                      timeout=self.left(), text=True)
            except subprocess.TimeoutExpired:
                raise TooLong from None
            if done.returncode in ok:
                return done.stdout
            if done.returncode < 0 or not done.stderr.startswith("cppsctl: "):
                self.broken.append("%s ended with %d: %s" % (self.doing, done.returncode, done.stderr[-300:]))
                return done.stdout
            time.sleep(0.1)

    def open(self, name, *arguments, stdin=subprocess.DEVNULL):
        with open("%s/%s.out" % (self.dir, name), "w") as out, open("%s/%s.err" % (self.dir, name), "w") as err:
            child = subprocess.Popen([self.programs + "/cppsctl", *arguments], env=self.environment, stdout=out, stderr=err, stdin=stdin)
        self.children.append(child)
        return child

    def rows(self, name):
        with open("%s/%s.out" % (self.dir, name)) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def read_log(self):
        with open(self.dir + "/daemon.log", errors="replace") as f:
            return f.read()

    def how_it_stands(self):
        """For whoever looks into a day that did not end."""
        try:
            status = subprocess.run([self.programs + "/cppsctl", "status"], env=self.environment, capture_output=True, timeout=10, text=True)
            return "the head is %s, the consumer has read %d records\n%s%s" % (
                self.sql("SELECT max(seq) FROM cpps.event"), len(self.rows("tail")), status.stdout, status.stderr)
        except (OSError, subprocess.TimeoutExpired, psycopg2.Error) as e:
            return "how it stands cannot be told: %s" % e

    def pass_by(self):
        """The day itself, to the end of which everything has been decided and read."""
        tail = self.open("tail", "tail", "--follow", "--after", "0", "--name", "reader")
        with open(self.dir + "/in", "w") as f:
            f.write(self.events["submit"])
        with open(self.dir + "/in") as f:
            submit = self.open("submit", "submit", "--json", "-", stdin=f)
        self.wait(lambda: submit.poll() is not None, "submit")
        if submit.returncode not in (0, 3):
            with open(self.dir + "/submit.err") as f:
                self.broken.append("the submit ended with %d: %s" % (submit.returncode, f.read()[-300:]))
        self.stream.open()
        self.ctl("plan", "-", stdin=self.events["plan"], ok=(0, 3))
        self.ctl("clock", "advance", "1h")
        self.keeper.signal(signal.SIGHUP)
        self.ctl("quarantine", "retry", "--all", ok=(0, 3))
        self.ctl("status", "--json")
        self.wait(lambda: self.sql("SELECT count(*) FROM cpps.source_position WHERE source = 'court' AND seq = %d" % STREAMED)[0][0] == 1,
                  "the stream read to its end")
        with open(self.dir + "/reconcile", "w") as f:
            f.write("".join(json.dumps({"orderRef": "STREAM-%d" % n, "prn": "S%d" % n, "orderType": "SUPERVISION", "office": "WELLINGTON"}) + "\n"
                            for n in range(STREAMED)))
        self.ctl("reconcile", self.dir + "/reconcile", ok=(0, 4))
        self.ctl("submit", "--json", "-", stdin=json.dumps(self.events["last"]) + "\n")
        self.wait(lambda: len(self.rows("tail")) >= self.sql("SELECT coalesce(max(seq), 0) FROM cpps.event")[0][0], "the consumer at the head")
        tail.terminate()
        self.wait(lambda: tail.poll() is not None, "the consumer's end")
        self.ctl("consumers", "forget", "reader")

    def run(self):
        """What came of it; `broken` says what should not have."""
        try:
            self.pass_by()
        except TooLong:
            self.broken.append("not done after %d s: waiting for: %s\n%s" % (time.monotonic() - self.began, self.doing, self.how_it_stands()))
        finally:
            if not self.keeper.stop(20):
                self.broken.append("the daemon did not stop within 20 s of SIGTERM")
            for child in self.children:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            self.stream.close()
        self.seconds = time.monotonic() - self.began
        self.look()
        return self

    # ---- What must hold ----

    def look(self):
        codes, log = self.keeper.codes, self.read_log()
        if [c for c in codes if c < 0]:
            self.broken.append("the daemon died of a signal: exit codes %s" % codes)
        if len(codes) >= STARTS_MAX:
            self.broken.append("the daemon does not stay up: exit codes %s" % codes)
        for line in log.splitlines():
            if re.search("ERROR: (Address|Leak)Sanitizer|runtime error:|Assertion|UndefinedBehavior", line):
                self.broken.append("sanitizer: " + line)
        if [c for c in codes if c > 0] and not re.search(r"cpps-bridged: .*\w+ \w+|Z err ", log):
            self.broken.append("it ended with %s and did not say why:\n%s" % (codes, log[-400:]))
        empty = re.search(r"^.*(\(null\)|: Success\b|(?<!failed): $).*", log, re.MULTILINE)
        if empty:
            self.broken.append("a sentence of the log is not one: " + empty.group(0))
        self.records = self.rows("tail")
        sequences = [int(r["sequence"]) for r in self.records]
        if sequences != list(range(1, len(sequences) + 1)):
            self.broken.append("the consumer saw a gap or a repeat: %s" % sequences)
        stored = [r[0] for r in self.sql("SELECT seq FROM cpps.event ORDER BY seq")]
        if stored != list(range(1, len(stored) + 1)):
            self.broken.append("the log has a gap or a repeat: %s" % stored)
        self.acks = self.rows("submit")
        self.dispositions = self.sql("SELECT source, id, disposition FROM cpps.disposition ORDER BY 1, 2, 3")
        self.requests = self.sql("SELECT order_ref, prn, order_type, office, state, officer_id FROM cpps.request ORDER BY 1")
        self.tasks = self.sql("SELECT ref, kind, step, state FROM cpps.task ORDER BY 1, 2, 3, 4")
        self.effects = collections.Counter(
            (r["causationid"], r["type"], r["data"].get("orderRef"), r["data"].get("ptpRef"), r["data"].get("step"), r["data"].get("level"))
            for r in self.records if "causationid" in r and ".event." not in r["type"])

    def compare(self, reference):
        """With a day on which nothing failed."""
        for name in ("requests", "tasks", "dispositions", "effects"):
            ours, theirs = (collections.Counter(getattr(d, name)) for d in (self, reference))
            if ours != theirs:
                self.broken.append("%s differ: too few %s, too many %s" % (name, list((theirs - ours).items())[:3], list((ours - theirs).items())[:3]))
        if len(self.acks) != len(reference.acks):
            self.broken.append("%d lines were answered instead of %d" % (len(self.acks), len(reference.acks)))
        held = {(s, i) for s, i, d in self.dispositions}
        lost = [a for a in self.acks if a["disposition"] != "quarantined" and (a["source"], a["id"]) not in held]
        if lost:
            self.broken.append("acknowledged, and lost: %s" % lost[:3])

    @property
    def outcome(self):
        if self.broken:
            return "BROKEN"
        if len(self.keeper.codes) > 1:
            return "ended with a sentence, started again"
        if self.keeper.codes[0] != 0:
            return "ended with a sentence while it stopped"
        return "took its term up again" if self.read_log().count("-> leading") + self.read_log().count("-> leader") > 1 else "carried on"


def day_of_events(programs):
    """The same for every run of a day."""
    generated = subprocess.run([programs + "/cppsctl", "generate", "--events", "60", "--seed", "7", "--from", today(-23)], capture_output=True,
                               check=True).stdout.decode(errors="replace")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    stream = [imposed("STREAM-%d" % n, prn="S%d" % n, id_="stream-%d" % n, time_=stamp) for n in range(STREAMED)]
    last = event("nz.govt.corrections.cpps.allocation.recorded",
                 {"orderRef": "STREAM-1", "officerId": "PO-1", "byRole": "SERVICE_MANAGER", "by": "SM-1"}, id_="last", time_=stamp)
    plan = json.dumps(imposed("PLAN-1", prn="PL1", id_="plan-1", time_=stamp)) + "\n"
    return {"submit": generated, "stream": stream, "plan": plan, "last": last}
