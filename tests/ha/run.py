"""The bridge on Patroni: a cluster of three members with one synchronous standby, two bridges on it, a submitter that knows both. The primary and the
leading bridge are killed again and again under load. Nothing acknowledged may be lost, the log has no gap and no repeat, and every event has the
effect it has in a bridge that nobody touched, exactly once. Then both standbys die: the bridge says so, and acknowledges nothing until one is back.

HA_PRIMARY_KILLS and HA_LEADER_KILLS (20 each), HA_MORE (3: primaries that hang, and primaries that die together with the leading bridge), HA_RATE
(events a second, 40), SEED, and HA_KEEP (keeps the logs) may be given. A takeover is timed from the kill to the first acknowledgement of an event
that was sent after it: what a submitter sees."""

import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

import psycopg2
from cluster import ACCOUNT, Cluster
from bridge import BIN, Bridge, check, finish, wait_for

PRIMARY_KILLS = int(os.environ.get("HA_PRIMARY_KILLS", "20"))
LEADER_KILLS = int(os.environ.get("HA_LEADER_KILLS", "20"))
MORE = int(os.environ.get("HA_MORE", "3"))
RATE = float(os.environ.get("HA_RATE", "40"))
SEED = int(os.environ.get("SEED", str(int(time.time()))))
TAKEOVER_MAX = 60.0  # a takeover that takes longer has failed
random.seed(SEED)


class Node:
    """One bridge: its endpoints, its configuration, and its daemon, started again by start()."""

    def __init__(self, site, name):
        self.site, self.name = site, name
        self.dir = site.dir + "/" + name
        os.mkdir(self.dir)
        self.config = self.dir + "/cpps-bridge.yaml"
        self.log = site.dir + "/log/" + name + ".log"
        self.process = None

    def start(self):
        if self.process is None or self.process.poll() is not None:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen([BIN + "/cpps-bridged", "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def ctl(self, *args, timeout=300):
        return subprocess.run([BIN + "/cppsctl", "--config", self.config, *args], capture_output=True, text=True, timeout=timeout)

    def status(self):
        done = self.ctl("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}


class Site:
    """The cluster, the two bridges, and the configuration of clients, which lists both."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="cpps-ha-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.cluster = Cluster(self.dir)
        self.nodes = [Node(self, "a"), Node(self, "b")]
        self.client = self.dir + "/client.yaml"

    def __enter__(self):
        try:
            self.start()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def start(self):
        self.cluster.start()
        if not self.cluster.wait_healthy():
            raise RuntimeError("the cluster did not come up: %s" % self.cluster.state())
        self.migrate()
        self.configure(True)
        for node in self.nodes:
            node.start()
        if not wait_for(self.leader, 30):
            raise RuntimeError("no bridge leads")

    def __exit__(self, kind, value, trace):
        for node in self.nodes:
            node.stop()
        self.cluster.stop()
        if kind is None and not os.environ.get("HA_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print("# the logs are in %s/log" % self.dir)

    def migrate(self):
        """As the superuser; the bridges themselves log in with the rights of cpps_bridge alone."""
        self.cluster.sql("CREATE DATABASE cpps")
        self.cluster.wait_replayed()
        config = self.dir + "/migrate.yaml"
        self.write_config(config, self.cluster.conninfo(), self.nodes, self.nodes[0], False)
        done = subprocess.run([BIN + "/cppsctl", "--config", config, "migrate"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError("the database cannot be migrated: " + done.stderr)
        os.unlink(config)
        self.cluster.sql("CREATE ROLE \"cpps-bridge\" LOGIN PASSWORD '%s' IN ROLE cpps_bridge" % self.cluster.secret)
        self.cluster.wait_replayed()

    def configure(self, require):
        """Whether a synchronous standby is required to acknowledge."""
        conninfo = self.cluster.conninfo(user="cpps-bridge")
        self.write_config(self.client, conninfo, self.nodes, self.nodes[0], require)
        for node in self.nodes:
            self.write_config(node.config, conninfo, [node], node, require)

    @staticmethod
    def write_config(path, conninfo, nodes, node, require):
        def ends(name):
            return "[" + ", ".join("ipc://%s/%s" % (n.dir, name) for n in nodes) + "]"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write("stream: nz\ndatabase: %s\nrequire_synchronous: %s\nendpoints:\n  submit: %s\n  live: %s\n  log: %s\n  control: ipc://%s/control\n"
                    "sources:\n" % (conninfo, "true" if require else "false", ends("submit"), ends("live"), ends("log"), node.dir))
            for name, source in (("court", "urn:nz:justice:cms"), ("prison", "urn:nz:corrections:ioms"), ("tools", "urn:nz:corrections:cpps")):
                f.write("  - name: %s\n    source: %s\n    kind: %s\n" % (name, source, name))

    def leader(self):
        return next((n for n in self.nodes if n.status().get("role") == "leader"), None)

    def rows(self, query):
        connection = psycopg2.connect(self.cluster.conninfo())
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()

    def is_whole(self):
        """One bridge leads, the other stands by, and the cluster is as it should be."""
        return sorted(n.status().get("role", "") for n in self.nodes) == ["leader", "standby"] and self.cluster.is_healthy()


class Load:
    """A submit that is fed line by line for as long as the test runs; when each line was written and each ack read."""

    def __init__(self, site):
        self.lines = subprocess.run([BIN + "/cppsctl", "--config", site.client, "generate", "--events", "60000", "--seed", "11"],
                                    capture_output=True, text=True, check=True).stdout.splitlines(True)
        self.written, self.acked, self.acks = [], {}, {}
        self.pause = 1 / RATE
        self.ending = threading.Event()
        self.submit = subprocess.Popen([BIN + "/cppsctl", "--config", site.client, "submit", "--json", "-"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=open(site.dir + "/log/submit.log", "wb"), text=True, bufsize=1)
        self.threads = [threading.Thread(target=self.feed), threading.Thread(target=self.read)]
        for thread in self.threads:
            thread.start()
        self.told = site.dir + "/told.ndjson"
        self.tail = subprocess.Popen([BIN + "/cppsctl", "--config", site.client, "tail", "--after", "0", "--follow"], stdin=subprocess.DEVNULL,
                                     stdout=open(self.told, "wb"), stderr=open(site.dir + "/log/tail.log", "wb"))

    def feed(self):
        for line in self.lines:
            if self.ending.wait(self.pause * 2 * random.random()):
                break
            self.written.append(time.monotonic())
            self.submit.stdin.write(line)
            self.submit.stdin.flush()
        self.submit.stdin.close()

    def read(self):
        for text in self.submit.stdout:
            ack = json.loads(text)
            self.acks.setdefault(ack["line"], []).append(ack)
            self.acked[ack["line"]] = time.monotonic()

    def first_ack_of_later(self, moment):
        """When the first event that was written after the moment was acknowledged; None: not yet."""
        at = next((i for i in range(len(self.written) - 1, -1, -1) if self.written[i] <= moment), -1) + 1
        times = [self.acked[line] for line in range(at + 1, len(self.written) + 1) if line in self.acked]
        return min(times, default=None)

    def takeover(self, moment):
        first = wait_for(lambda: self.first_ack_of_later(moment), TAKEOVER_MAX, 0.02)
        return first - moment if first else None

    def stop(self):
        self.ending.set()
        for process in (self.submit, self.tail):
            if process.poll() is None:
                process.kill()

    def end(self):
        self.ending.set()
        self.submit.wait(120)
        for thread in self.threads:
            thread.join(10)
        return self.lines[:len(self.written)]


# ---- The kills ----

def kill_primary(site, load, how):
    """postgres: the server alone, its Patroni sees it; machine: the server and its Patroni, which others miss when its lease runs out."""
    primary = site.cluster.primary()
    assert primary, "there is no primary to kill"
    primary.kill_all() if how == "machine" else primary.kill_postgres()
    took = load.takeover(time.monotonic())
    primary.start()
    return took


def kill_both(site, load, _):
    """The machine dies that held the primary and the leading bridge."""
    primary, leader = site.cluster.primary(), site.leader()
    leader.kill()
    primary.kill_all()
    took = load.takeover(time.monotonic())
    primary.start()
    leader.start()
    return took


def freeze_primary(site, load, _):
    """Its sessions stand and nobody answers; when it goes on it takes itself for the primary, for a moment."""
    primary = site.cluster.primary()
    primary.freeze()
    took = load.takeover(time.monotonic())
    primary.thaw()
    return took


def kill_leader(site, load, _):
    leader = site.leader()
    leader.kill()
    took = load.takeover(time.monotonic())
    leader.start()
    return took


def kills_to_come():
    """Both kinds in random order; every third primary goes with its Patroni."""
    kills = [(kill_primary, "machine" if i % 3 == 2 else "postgres") for i in range(PRIMARY_KILLS)] + [(kill_leader, "leader")] * LEADER_KILLS
    kills += [(kill_both, "both"), (freeze_primary, "frozen")] * MORE
    random.shuffle(kills)
    return kills


def run_kills(site, load):
    took = {"postgres": [], "machine": [], "leader": [], "both": [], "frozen": []}
    for kill, how in kills_to_come():
        if not wait_for(site.is_whole, 120, 0.2):
            check(False, "both bridges and the cluster are whole before the next kill", [site.cluster.state()] + [n.status() for n in site.nodes])
            break
        time.sleep(random.random())
        took[how].append(kill(site, load, how))
        print("# %s: %s s" % (how, "not within %d" % TAKEOVER_MAX if took[how][-1] is None else "%.2f" % took[how][-1]), flush=True)
    return took


def report(took):
    for what, kinds in (("of the primary", ("postgres", "machine")), ("of the leading bridge", ("leader",)), ("of PostgreSQL alone", ("postgres",)),
                        ("of PostgreSQL with its Patroni", ("machine",)), ("of these with the leading bridge", ("both",)),
                        ("by freezing PostgreSQL with its Patroni", ("frozen",))):
        times = [t for kind in kinds for t in took[kind] if t is not None]
        if times:
            print("# %d kills %s: the first acknowledgement after min %.2f s, median %.2f s, max %.2f s" % (
                len(times), what, min(times), statistics.median(times), max(times)), flush=True)


# ---- The synchronous standby goes ----

def synchronous(site):
    leader = site.leader()
    return leader.status().get("synchronous") if leader else None


def lose_standbys(site):
    """Both standbys die with their Patroni: the primary's Patroni, which is not strict, lets commits go on without one."""
    primary = site.cluster.primary()
    lost = [m for m in site.cluster.members if m is not primary]
    for member in lost:
        member.kill_all()
    return lost, time.monotonic()


def dropped(site):
    return site.cluster.sql("SHOW synchronous_standby_names") == [("",)]


def without_standby(site, load):
    """require_synchronous: true."""
    check(bool(wait_for(lambda: site.is_whole() and synchronous(site) == "yes", 120, 0.2)), "status says that there is a synchronous standby")
    lost, moment = lose_standbys(site)
    noticed = wait_for(lambda: synchronous(site) == "no", 10, 0.05)
    check(bool(noticed), "the loss of the synchronous standby is noticed (after %.1f s)" % (time.monotonic() - moment), [n.status() for n in site.nodes])
    check(bool(wait_for(lambda: dropped(site), 60)), "Patroni, which is not strict, drops it at runtime")
    check(synchronous(site) == "no", "the bridge says no all the same")
    time.sleep(3)
    check(load.first_ack_of_later(moment) is None, "nothing is acknowledged while there is none (require_synchronous)")
    for member in lost:
        member.start()
    check(load.takeover(time.monotonic()) is not None, "it goes on by itself when one is back")
    check(bool(wait_for(lambda: synchronous(site) == "yes", 60)), "status says so")


def without_requiring(site, load):
    """require_synchronous: false: it goes on, and says what is missing."""
    site.configure(False)
    for node in site.nodes:
        node.stop()
        node.start()
    check(bool(wait_for(lambda: site.is_whole() and synchronous(site) == "yes", 120, 0.2)), "status says that there is one where none is required")
    lost, moment = lose_standbys(site)
    check(bool(wait_for(lambda: synchronous(site) == "no", 10, 0.05)), "its loss is noticed where none is required", [n.status() for n in site.nodes])
    check(load.takeover(moment) is not None, "acknowledging goes on where none is required")
    for member in lost:
        member.start()
    check(bool(wait_for(lambda: site.is_whole() and synchronous(site) == "yes", 120)), "the new one is noticed")


# ---- What must hold ----

def effects(rows):
    count = {}
    for r in rows:
        if "causationid" in r:
            key = (r["causationid"], r["type"], r["data"].get("orderRef"), r["data"].get("step"), r["data"].get("level"))
            count[key] = count.get(key, 0) + 1
    return count


def order_of(rows):
    """The events in the order in which they had their first effect."""
    return list(dict.fromkeys(r["causationid"] for r in rows if "causationid" in r))


def rows_of(ndjson):
    return [json.loads(line) for line in ndjson.splitlines() if line.strip()]


def check_acks(load, records, dispositions):
    """Every line has one ack; what was acknowledged is there, and the record that the ack names is the event's."""
    check(load.submit.returncode in (0, 3), "the submit ended by itself", load.submit.returncode)
    lines = range(1, len(load.written) + 1)
    wrong = [line for line in lines if len(load.acks.get(line, [])) != 1]
    check(not wrong, "every one of %d events was acknowledged, once" % len(lines), wrong[:5])
    acks = [a for line in lines for a in load.acks.get(line, [])]
    known = {(source, id_) for source, id_, _ in dispositions}
    lost = [a for a in acks if a["disposition"] != "quarantined" and (a["source"], a["id"]) not in known]
    check(not lost, "nothing acknowledged is lost", lost[:5])
    by_seq = {int(r["sequence"]): r.get("causationid") for r in records}
    strange = [a for a in acks if a["seq"] and by_seq.get(int(a["seq"])) != a["id"]]
    check(not strange, "the record that an acknowledgement names stands in the log, caused by its event", strange[:5])


def check_told(load, records):
    """What a consumer heard that followed all the while."""
    def lines():
        with open(load.told) as f:
            return f.read().splitlines()
    wait_for(lambda: len(lines()) >= len(records), 60)
    load.tail.terminate()
    load.tail.wait(20)
    told = [(r["sequence"], r["id"], r["type"]) for r in map(json.loads, lines())]
    check(told == [(r["sequence"], r["id"], r["type"]) for r in records], "a consumer that followed through all of it was told every record once, in order",
          (len(told), len(records)))


def check_whole(site, load, fed):
    records = rows_of(site.leader().ctl("tail", "--after", "0").stdout)
    sequences = [int(r["sequence"]) for r in records]
    check(bool(records) and sequences == list(range(1, len(sequences) + 1)), "the log of %d records has no gap and no repeat" % len(sequences))
    check_told(load, records)
    query = "SELECT source, id, disposition FROM cpps.disposition ORDER BY 1, 2, 3"
    columns = "SELECT order_ref, prn, order_type, office, state, officer_id FROM cpps.request ORDER BY 1"
    here = site.rows(query)
    check_acks(load, records, here)
    with Bridge() as untouched:
        path = untouched.dir + "/events.ndjson"
        with open(path, "w") as f:
            f.writelines(fed)
        untouched.ctl("submit", "--json", path)
        told = untouched.tail()
        first = next((pair for pair in zip(order_of(records), order_of(told)) if pair[0] != pair[1]), None)
        check(order_of(records) == order_of(told), "events have their effects in the order of those in a bridge that nobody touched", first)
        ours, theirs = effects(records), effects(told)
        differing = {k: (ours.get(k, 0), theirs.get(k, 0)) for k in set(ours) | set(theirs) if ours.get(k, 0) != theirs.get(k, 0)}
        check(not differing, "every event has the effect it has in a bridge that nobody touched, exactly once", list(differing.items())[:5])
        check(site.rows(columns) == untouched.sql(columns), "the requests are the same as in the bridge that nobody touched")
        check(here == untouched.sql(query), "X1 the dispositions are the same, one an event")


print("# seed %d, as %s" % (SEED, ACCOUNT or "the caller"), flush=True)
with Site() as site:
    load = Load(site)
    try:
        began = time.monotonic()
        took = run_kills(site, load)
        report(took)
        primary, leader = took["postgres"] + took["machine"], took["leader"]
        check(len(primary) == PRIMARY_KILLS and None not in primary, "%d kills of the primary were each taken over" % len(primary), took)
        check(len(leader) == LEADER_KILLS and None not in leader, "%d kills of the leading bridge were each taken over" % len(leader), took)
        more = took["both"] + took["frozen"]
        check(len(more) == 2 * MORE and None not in more, "%d primaries that died with the leader, or hung, were each taken over" % len(more), took)
        without_standby(site, load)
        without_requiring(site, load)
        fed = load.end()
        check_whole(site, load, fed)
    finally:
        load.stop()
    print("# %.0f s" % (time.monotonic() - began))
finish()
