"""What the system tests share: a whole bridge of one's own (real PostgreSQL, real daemon, real sockets), and TAP.

A test script makes a Bridge in a `with` block, drives it with the real cppsctl or with foreign clients (pyzmq, psycopg2), and calls
check() for each thing that must hold. BUILD names the build whose programs are tested."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import psycopg2
import zmq

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", "release")
BIN = os.path.join(ROOT, "build", BUILD)
SANITIZED = BUILD == "asan"

_failed = 0
_count = 0


def check(condition, what, detail=""):
    """One TAP line; the detail is shown where it fails."""
    global _failed, _count
    _count += 1
    print(("ok " if condition else "not ok ") + str(_count) + " - " + what, flush=True)
    if not condition:
        _failed += 1
        if detail:
            print("# " + str(detail).replace("\n", "\n# "), flush=True)
    return condition


def finish():
    sys.exit(1 if _failed or not _count else 0)


def wait_for(condition, seconds=20, every=0.05):
    """Polls until the condition is true; its last value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self):
        """Output as NDJSON."""
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]


class Bridge:
    """A cluster, a migrated database and a daemon that is started again when it dies (deploy/run.sh), under a directory of their own."""

    def __init__(self, edit_config=None, start=True):
        self.dir = tempfile.mkdtemp(prefix="cpps-t-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.config = os.path.join(self.dir, "cpps-bridge.yaml")
        self.edit_config = edit_config
        self.runner = None
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind is not None:
            print("# the daemon's log, its last lines:")
            for line in self.log().splitlines()[-40:]:
                print("#   " + line)
        self.complaints()
        subprocess.run(["sh", ROOT + "/deploy/cluster.sh", "remove", self.dir], capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def complaints(self):
        """A sanitizer that spoke in any daemon's log fails the test."""
        bad = [l for l in self.log().splitlines() if "ERROR: AddressSanitizer" in l or "runtime error:" in l or "LeakSanitizer" in l]
        check(not bad, "no sanitizer complained", "\n".join(bad))

    def start(self, wait=60):
        env = dict(os.environ, BIN=BIN, QUIET="1", FSYNC=os.environ.get("FSYNC", "1"))
        if self.edit_config and not os.path.exists(self.config):
            self._first_config(env)
        self.runner = subprocess.Popen(["bash", ROOT + "/deploy/run.sh", self.dir], env=env, stdout=open(self.dir + "/run.out", "ab"),
                                       stderr=subprocess.STDOUT, start_new_session=True)
        if wait:
            self.wait_ready(wait)

    def _first_config(self, env):
        """Lets run.sh write the configuration, then edits it."""
        runner = subprocess.Popen(["bash", ROOT + "/deploy/run.sh", self.dir], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.runner = runner
        self.wait_ready(60)
        self.stop()
        with open(self.config) as f:
            text = self.edit_config(f.read())
        with open(self.config, "w") as f:
            f.write(text)

    def wait_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.path.exists(self.config) and self.ctl("status", "--wait", "5").code == 0:
                return
            if self.runner.poll() is not None:
                break
            time.sleep(0.1)
        with open(self.dir + "/run.out") as f:
            raise RuntimeError("the bridge did not become ready:\n" + f.read() + self.log())

    def stop(self):
        if self.runner and self.runner.poll() is None:
            self.runner.terminate()
            try:
                self.runner.wait(30)
            except subprocess.TimeoutExpired:
                self.runner.kill()
        self.runner = None

    def log(self):
        try:
            with open(self.dir + "/log/cpps-bridged.log", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    @property
    def pid(self):
        try:
            with open(self.dir + "/cpps-bridged.pid") as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return 0

    def signal(self, number):
        """To the daemon of now; False where it is between two lives."""
        try:
            os.kill(self.pid or -1, number) if self.pid else None
            return bool(self.pid)
        except ProcessLookupError:
            return False

    def kill(self):
        return self.signal(signal.SIGKILL)

    def environment(self):
        return dict(os.environ, CPPS_BRIDGE_CONFIG=self.config)

    def ctl(self, *args, stdin=None, timeout=300):
        done = subprocess.run([BIN + "/cppsctl", *args], env=self.environment(), input=stdin, capture_output=True, timeout=timeout,
                              text=True)
        return Result(done.returncode, done.stdout, done.stderr)

    def ctl_popen(self, *args, **keywords):
        return subprocess.Popen([BIN + "/cppsctl", *args], env=self.environment(), text=True, **keywords)

    def submit(self, events, timeout=300):
        """Submits events (dicts, or raw lines); the acks as rows."""
        lines = "".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events)
        return self.ctl("submit", "--json", "-", stdin=lines, timeout=timeout).rows

    def generate(self, events, seed):
        """So many realistic events of the last weeks, so that they are never too old, whatever the year (X2)."""
        return self.ctl("generate", "--events", str(events), "--seed", str(seed), "--from", today(-23)).out

    def tail(self, after=0):
        return self.ctl("tail", "--after", str(after)).rows

    def status(self):
        result = self.ctl("status", "--json")
        return json.loads(result.out) if result.code == 0 else {}

    def endpoint(self, name):
        with open(self.config) as f:
            for line in f:
                if line.strip().startswith(name + ":"):
                    return line.split(":", 1)[1].strip().strip("[]").split(",")[0].strip()
        raise KeyError(name)

    def conninfo(self):
        with open(self.config) as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("database:"))

    def sql(self, query, *parameters):
        connection = psycopg2.connect(self.conninfo())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def cluster(self, verb):
        subprocess.run(["sh", ROOT + "/deploy/cluster.sh", verb, self.dir], check=True, capture_output=True)


class Submitter:
    """A foreign client of the submit endpoint: bytes out, acks in (as raw frames)."""

    def __init__(self, bridge):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(bridge.endpoint("submit"))

    def send(self, *frames):
        self.socket.send_multipart([f if isinstance(f, bytes) else f.encode() for f in frames])

    def receive(self, seconds=20):
        return self.socket.recv_multipart() if self.socket.poll(int(seconds * 1000)) else None

    def close(self):
        self.socket.close(0)
        self.context.destroy(0)


_numbers = itertools.count(1)  # next() is one step, also where threads make events


def event(type_, data, source=None, id_=None, time_=None):
    """A CloudEvent in the JSON format; a fresh id, and now, where not given."""
    sources = {"nz.govt.justice": "urn:nz:justice:cms", "nz.govt.corrections.ioms": "urn:nz:corrections:ioms", "nz.govt.corrections.cpps": "urn:nz:corrections:cpps"}
    if source is None:
        source = next(s for prefix, s in sources.items() if type_.startswith(prefix))
    return {"specversion": "1.0", "id": id_ or "t-%d-%d" % (os.getpid(), next(_numbers)), "source": source, "type": type_,
            "time": time_ or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "data": data}


def today(days=0):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 43200 + days * 86400))


def imposed(ref, prn="P1", office="WELLINGTON", order_type="SUPERVISION", **more):
    data = {"prn": prn, "orderRef": ref, "orderType": order_type, "imposedOn": today(), "startsOn": today(), "endsOn": today(365), "office": office,
            "childSexOffence": False}
    envelope = {k: more.pop(k) for k in ("id_", "time_", "source") if k in more}
    data.update(more)
    return event("nz.govt.justice.cms.sentence.imposed", data, **envelope)
