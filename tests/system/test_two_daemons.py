"""Two daemons of one stream on one database: one leads, the other stands by and takes over within 5 seconds from a leader that is killed, or stopped
before, within or after a transaction. The log continues without a gap, what was acknowledged has its effect exactly once, and a submit and a tail that
know both endpoints carry on by themselves."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

import psycopg2
import zmq
from bridge import BIN, ROOT, Bridge, check, event, finish, imposed, wait_for
from peer import LogAnswer, LogRequest, Position

TAKEOVER = 5.0


class Node:
    """One daemon, with endpoints of its own."""

    def __init__(self, pair, name):
        self.pair, self.name = pair, name
        self.dir = pair.dir + "/" + name
        os.mkdir(self.dir)
        self.config = self.dir + "/cpps-bridge.yaml"
        pair.write_config(self.config, [self.dir], self.dir + "/control")
        self.process = None
        self.notify = None

    def log_path(self):
        return self.pair.dir + "/log/" + self.name + ".log"

    def start(self, notify=False):
        env = dict(os.environ)
        env.pop("NOTIFY_SOCKET", None)
        if notify:
            path = self.dir + "/notify"
            self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notify.bind(path)
            self.notify.settimeout(20)
            env["NOTIFY_SOCKET"] = path
        with open(self.log_path(), "ab") as log:
            self.process = subprocess.Popen([BIN + "/cpps-bridged", "--config", self.config], env=env, stdout=log, stderr=log)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def ctl(self, *args, timeout=60):
        env = dict(os.environ, CPPS_BRIDGE_CONFIG=self.config)
        return subprocess.run([BIN + "/cppsctl", *args], env=env, capture_output=True, text=True, timeout=timeout)

    def status(self):
        done = self.ctl("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def role(self):
        return self.status().get("role")

    def log(self):
        with open(self.log_path(), errors="replace") as f:
            return f.read()


class Pair(Bridge):
    """A cluster, and two daemons on it that nobody starts again; the configuration of clients lists both."""

    def __init__(self):
        super().__init__(start=False)
        os.mkdir(self.dir + "/log")
        env = dict(os.environ, FSYNC="1")
        self.database = subprocess.run(["sh", ROOT + "/deploy/cluster.sh", "start", self.dir], env=env, capture_output=True, text=True,
                                       check=True).stdout.strip()
        self.children = []
        self.nodes = [Node(self, "a"), Node(self, "b")]
        self.fake = self.dir + "/former"
        self.write_config(self.config, [n.dir for n in self.nodes], self.nodes[0].dir + "/control", live_too=[self.fake])
        done = self.ctl("migrate")
        assert done.code == 0, done.err

    def write_config(self, path, homes, control, live_too=()):
        def ends(name, more=()):
            return "[" + ", ".join("ipc://" + e for e in [h + "/" + name for h in homes] + list(more)) + "]"
        with open(path, "w") as f:
            f.write("stream: nz\ndatabase: %s\nendpoints:\n  submit: %s\n  live: %s\n  log: %s\n  control: ipc://%s\n" % (
                self.database, ends("submit"), ends("live", live_too), ends("log"), control))
            f.write("sources:\n")
            for name, source in (("court", "urn:nz:justice:cms"), ("prison", "urn:nz:corrections:ioms"), ("tools", "urn:nz:corrections:cpps")):
                f.write("  - name: %s\n    source: %s\n    kind: %s\n" % (name, source, name))

    def log(self):
        return "".join(n.log() for n in self.nodes if os.path.exists(n.log_path()))

    def ctl_popen(self, *args, **keywords):
        child = super().ctl_popen(*args, **keywords)
        self.children.append(child)
        return child

    def stop(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for node in self.nodes:
            node.stop()

    def leader(self, seconds=20):
        return wait_for(lambda: next((n for n in self.nodes if n.process and n.process.poll() is None and n.role() == "leader"), None), seconds)

    def other(self, node):
        return self.nodes[1 - self.nodes.index(node)]

    def connect(self):
        return psycopg2.connect(self.database)


def ask_log(endpoint, **request):
    """The answer of a log endpoint, by a foreign client."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(endpoint)
    dealer.send(LogRequest(stream="nz", **request).SerializeToString())
    answer = LogAnswer()
    answered = dealer.poll(10000)
    if answered:
        answer.ParseFromString(dealer.recv_multipart()[-1])
    context.destroy(0)
    return answer if answered else None


class Live:
    """Everything both live endpoints say, as (node, epoch, seq)."""

    def __init__(self, pair):
        self.heard = []
        self.ending = False
        self.context = zmq.Context()
        self.thread = threading.Thread(target=self.run, args=(pair,), daemon=True)
        self.thread.start()

    def run(self, pair):
        poller = zmq.Poller()
        names = {}
        for node in pair.nodes:
            sub = self.context.socket(zmq.SUB)
            sub.setsockopt(zmq.RCVHWM, 0)
            sub.subscribe(b"")
            sub.connect("ipc://" + node.dir + "/live")
            names[sub] = node.name
            poller.register(sub, zmq.POLLIN)
        while not self.ending:
            for sub, _ in poller.poll(200):
                p = Position()
                p.ParseFromString(sub.recv_multipart()[1])
                self.heard.append((names[sub], p.epoch, p.seq))
        self.context.destroy(0)

    def end(self):
        self.ending = True
        self.thread.join()


class Load:
    """A submit of many events that knows both endpoints, and goes on whatever happens."""

    def __init__(self, pair, events, seed):
        self.pair, self.count = pair, events
        self.path = "%s/events-%d.ndjson" % (pair.dir, seed)
        with open(self.path, "w") as f:
            f.write(pair.ctl("generate", "--events", str(events), "--seed", str(seed)).out)
        self.acks = self.path + ".acks"
        self.process = pair.ctl_popen("submit", "--json", self.path, stdout=open(self.acks, "w"), stderr=subprocess.PIPE)

    def going(self):
        return self.process.poll() is None

    def rows(self):
        with open(self.acks) as f:
            return [json.loads(l) for l in f if l.endswith("\n")]

    def finish(self, what):
        code = self.process.wait(240)
        rows = self.rows()
        check(code in (0, 3) and [r["line"] for r in rows] == list(range(1, self.count + 1)),
              what + ": the submit finished by itself with an ack for every line, in order", (code, len(rows), self.process.stderr.read()[-300:]))


def head_of(pair):
    return pair.sql("SELECT coalesce(max(last_seq), 0) FROM cpps_store.batch")[0][0]


def epoch_of(pair):
    return pair.sql("SELECT epoch FROM cpps_store.term")[0][0]


def takeover(pair, victim, epoch, began, what):
    """The other leads in a newer epoch, within the time; it."""
    heir = pair.other(victim)
    led = wait_for(lambda: (lambda s: s if s.get("role") == "leader" else None)(heir.status()), 20, 0.02)
    took = time.monotonic() - began
    check(bool(led) and took < TAKEOVER, "%s: the standby leads after %.1f s" % (what, took), heir.log()[-1500:])
    check(bool(led) and led["epoch"] > epoch, "%s: in a newer epoch" % what, (epoch, led))
    return heir


def comes_back(pair, victim, what):
    """SIGCONT: it notices, stands by, and knows who leads."""
    heir = pair.other(victim)
    lines = len(victim.log().splitlines())
    victim.signal(signal.SIGCONT)
    check(bool(wait_for(lambda: victim.role() == "standby", 15)), "%s: set going again, it becomes a standby" % what, victim.log()[-1500:])
    said = victim.log().splitlines()[lines:]
    check(any("leader -> " in l for l in said), "%s: and says that its term is over" % what, "\n".join(said[-10:]))
    check(not any("-> leader" in l for l in said), "%s: without leading in between" % what, "\n".join(said[-10:]))
    check(heir.role() == "leader", "%s: the other still leads" % what)
    answer = ask_log("ipc://" + victim.dir + "/log", after=0)
    check(answer is not None and answer.result == LogAnswer.NOT_LEADER and list(answer.leaders) == ["ipc://" + heir.dir + "/log"],
          "%s: its log endpoint names the leader's" % what, answer)


def hold_commits(pair, how):
    """Holds the leader's transactions: its statement waits for a lock. close() lets go."""
    connection = pair.connect()
    with connection.cursor() as cursor:
        cursor.execute(how)
    return connection


def waiting_for_lock(pair):
    return pair.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cpps-bridge-writer' AND wait_event_type = 'Lock'")[0][0] > 0


with Pair() as pair, Bridge() as untouched:
    a, b = pair.nodes
    a.start()
    check(bool(wait_for(lambda: a.role() == "leader")), "the first daemon leads", a.log())
    b.start(notify=True)
    check(bool(wait_for(lambda: b.role() == "standby")), "the second stands by", b.log())
    check(b.status().get("database") == "up" and b.status().get("epoch") == 0, "its status: the database is up, no epoch of its own", b.status())
    said = b""
    while b"READY=1" not in said:
        said += b.notify.recv(4096) + b"\n"
    check(b"standby" in said, "a standby has started, and says to the service manager what it is", said)
    waited = b.ctl("status", "--wait", "1")
    check(waited.returncode != 0 and "another one leads" in waited.stderr, "but it is not ready: status --wait says so", waited.stderr)
    plan = pair.dir + "/plan.ndjson"
    with open(plan, "w") as f:
        f.write(json.dumps(imposed("PLAN/1")) + "\n")
    planned = b.ctl("plan", plan)
    check(planned.returncode != 0 and "standby" in planned.stderr, "its control endpoint sends people to the leader", planned.stderr)
    check(b.ctl("tail").returncode == 0, "a tail that knows only the standby goes to the leader")
    allocated = b.ctl("allocate", "PLAN/1", "PO-1")
    check(allocated.returncode == 1 and "does not lead" in allocated.stderr, "who records something there is told that it does not lead", allocated.stderr)
    answer = ask_log("ipc://" + b.dir + "/log", after=0)
    check(answer is not None and answer.result == LogAnswer.NOT_LEADER and list(answer.leaders) == ["ipc://" + a.dir + "/log"],
          "its log endpoint answers NOT_LEADER and names the leader's", answer)
    b.notify.close()

    # A tail that knows both daemons, and a former leader's live endpoint that still speaks; a wait_for below says when it hears it.
    context = zmq.Context()
    former = context.socket(zmq.PUB)
    former.bind("ipc://" + pair.fake)
    tail_path = pair.dir + "/tail.ndjson"
    tail = pair.ctl_popen("tail", "--after", "0", "--follow", stdout=open(tail_path, "w"), stderr=subprocess.DEVNULL)
    live = Live(pair)
    first_epoch = epoch_of(pair)

    def tailed():
        with open(tail_path) as f:
            return [json.loads(l) for l in f if l.endswith("\n")]

    loads = []

    # ---- kill -9 ----
    load = Load(pair, 2000, 11)
    loads.append(load)
    for victim in (a, b):
        begin = head_of(pair)
        wait_for(lambda: head_of(pair) > begin + 100)
        epoch = epoch_of(pair)
        victim.kill()
        takeover(pair, victim, epoch, time.monotonic(), "kill -9 of %s" % victim.name)
        victim.start()
        check(bool(wait_for(lambda: victim.role() == "standby")), "kill -9 of %s: started again, it stands by" % victim.name, victim.log()[-1000:])
    load.finish("kill -9")

    # ---- A clean stop ----
    leader, epoch = pair.leader(), epoch_of(pair)
    began = time.monotonic()
    leader.stop()
    takeover(pair, leader, epoch, began, "a clean stop")
    leader.start()
    check(bool(wait_for(lambda: leader.role() == "standby")), "a clean stop: started again, it stands by", leader.log()[-1000:])

    # ---- SIGSTOP before a transaction: the leader is idle, then events come ----
    leader = pair.leader()
    epoch = epoch_of(pair)
    leader.signal(signal.SIGSTOP)
    began = time.monotonic()
    load = Load(pair, 600, 12)
    loads.append(load)
    takeover(pair, leader, epoch, began, "stopped before a transaction")
    load.finish("stopped before a transaction")
    comes_back(pair, leader, "stopped before a transaction")

    # ---- SIGSTOP within a transaction: its statement waits for a lock ----
    for release_first in (True, False):
        what = "stopped within a transaction, " + ("which could go on" if release_first else "which waits for a lock")
        leader = pair.leader()
        epoch = epoch_of(pair)
        lock = hold_commits(pair, "LOCK TABLE cpps_store.request IN SHARE MODE")
        load = Load(pair, 600, 13 + release_first)
        loads.append(load)
        check(bool(wait_for(lambda: waiting_for_lock(pair))), what + ": it waits", leader.log()[-500:])
        head = head_of(pair)
        leader.signal(signal.SIGSTOP)
        began = time.monotonic()
        if release_first:
            lock.close()
        heir = takeover(pair, leader, epoch, began, what)
        check(not pair.sql("SELECT 1 FROM cpps_store.batch WHERE first_seq > %s AND epoch = %s", head, epoch),
              what + ": nothing of that transaction is in the log")
        if not release_first:
            lock.close()
        load.finish(what)
        comes_back(pair, leader, what)

    # ---- SIGSTOP after a transaction: it has committed, and its leader has not heard of it ----
    what = "stopped after a transaction"
    pair.sql("""CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON cpps_store.batch DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.hold()""")
    leader = pair.leader()
    epoch = epoch_of(pair)
    lock = hold_commits(pair, "SELECT pg_advisory_xact_lock(42)")
    load = Load(pair, 600, 15)
    loads.append(load)
    check(bool(wait_for(lambda: waiting_for_lock(pair))), what + ": it waits in its COMMIT", leader.log()[-500:])
    head = head_of(pair)
    acked = len(load.rows())
    leader.signal(signal.SIGSTOP)
    began = time.monotonic()
    lock.close()
    check(bool(wait_for(lambda: head_of(pair) > head, 3)), what + ": the transaction has committed")
    check(len(load.rows()) == acked, what + ": and nobody has been told")
    takeover(pair, leader, epoch, began, what)
    load.finish(what)
    check(any(r["disposition"].lower() == "duplicate" for r in load.rows()), what + ": what had committed is acknowledged as a duplicate")
    comes_back(pair, leader, what)
    pair.sql("DROP TRIGGER hold ON cpps_store.batch")

    # ---- A term taken away under the leader's feet: its commit is refused by the fence ----
    leader = pair.leader()
    pair.sql("UPDATE cpps_store.term SET epoch = epoch + 1")
    acks = pair.submit([imposed("FENCED/1", prn="F1")])
    check([x["disposition"] for x in acks] == ["accepted"], "a term taken away: the event is taken in the next one", acks)
    check("CP001" in leader.log(), "a term taken away: the fence refused the commit", leader.log()[-1000:])
    check(pair.sql("SELECT count(*) FROM cpps.request WHERE order_ref = 'FENCED/1'") == [(1,)], "a term taken away: and it has its effect once")
    untouched.submit([imposed("FENCED/1", prn="F1")])

    # ---- A former leader that still speaks, on a live endpoint the follower listens to ----
    pair.leader()
    head = head_of(pair)
    check(bool(wait_for(lambda: len(tailed()) == head)), "the tail has followed through all of it by itself", (len(tailed()), head))
    for _ in range(20):
        for seq in (0, head + 1):
            position = Position(stream="nz", epoch=first_epoch, seq=seq, head=head + 1000)
            former.send_multipart([b"$head/nz" if not seq else b"task.opened/-", position.SerializeToString(), b"" if not seq else b"former"])
        time.sleep(0.05)
    acks = pair.submit([imposed("LAST/1", prn="L1")])
    untouched.submit([imposed("LAST/1", prn="L1")])
    head = head_of(pair)
    check(bool(wait_for(lambda: len(tailed()) >= head)) and tail.poll() is None, "a former leader's late records and heartbeats are ignored by a follower",
          (len(tailed()), head, tail.poll()))
    tail.terminate()
    tail.wait(10)
    context.destroy(0)
    live.end()

    # ---- What it comes to ----
    rows = pair.sql("SELECT seq, epoch FROM cpps.event ORDER BY seq")
    check([r[0] for r in rows] == list(range(1, len(rows) + 1)), "the sequence continues gapless across the epochs")
    epochs = [r[1] for r in rows]
    check(epochs == sorted(epochs) and len(set(epochs)) >= 7, "the epochs ascend, one a takeover: %d" % len(set(epochs)), sorted(set(epochs)))
    told = tailed()
    check([(r["id"]) for r in told] == ["%d-%d" % (e, s) for s, e in rows], "the tail told every record once, in order, under the id it has in the log",
          next(((r["id"], w) for r, w in zip(told, rows) if r["id"] != "%d-%d" % (w[1], w[0])), (len(told), len(rows))))
    stored = dict(rows)
    foreign = [h for h in live.heard if h[2] and stored.get(h[2]) != h[1]]
    check(not foreign, "nothing was published that is not in the log", foreign[:5])
    publishers = {}
    for name, epoch, *_ in live.heard:
        publishers.setdefault(epoch, set()).add(name)
    check(all(len(names) == 1 for names in publishers.values()), "each epoch was published by one daemon", publishers)

    for load in loads:
        untouched.ctl("submit", "--json", load.path)

    def effects(records):
        count = {}
        for r in records:
            if "causationid" in r:
                key = (r["causationid"], r["type"], r["data"].get("orderRef"), r["data"].get("step"), r["data"].get("level"))
                count[key] = count.get(key, 0) + 1
        return count

    def same_columns(query, what):
        here, there = pair.sql(query), untouched.sql(query)
        check(here == there, what, [x for x in zip(here, there) if x[0] != x[1]][:3] or (len(here), len(there)))

    same_columns("SELECT source, id, disposition FROM cpps.disposition WHERE id NOT LIKE 't-%' ORDER BY 1, 2, 3",
                 "X1 the dispositions are those of a bridge that was never disturbed")
    same_columns("SELECT order_ref, prn, order_type, office, state, officer_id FROM cpps.request ORDER BY 1", "so are the requests")
    here, there = effects(told), effects(untouched.tail())
    here, there = ({k: v for k, v in e.items() if not k[0].startswith("t-")} for e in (here, there))
    differing = {k: (here.get(k, 0), there.get(k, 0)) for k in set(here) | set(there) if here.get(k, 0) != there.get(k, 0)}
    check(not differing, "every event has its effect exactly once", list(differing.items())[:5])

finish()
