"""What the campaign is fought over: a PostgreSQL on a disk of its own, two bridges on it, and the proxy between everybody. Programs are a copy."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import bridge  # noqa: E402
import peer  # noqa: E402  makes the messages of Python
import psycopg2  # noqa: E402
from proxy import Proxy  # noqa: E402

DISK = 4 << 30
STREAM = "nz"
SOURCES = (("court", "urn:nz:justice:cms", "court"), ("prison", "urn:nz:corrections:ioms", "prison"), ("plain", "urn:nz:justice:plain", "court"),
           ("desk", "urn:nz:justice:desk", "court"), ("tools", "urn:nz:corrections:cpps", "tools"))
HOLD_COMMITS = """CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON cpps_store.batch DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.hold()"""


class Daemon:
    """One bridge, started again when it dies. Its database lies behind the proxy, as do the feeders it follows."""

    def __init__(self, place, name):
        self.place, self.name, self.process, self.lives, self.after = place, name, None, 0, 0.0
        self.dir = place.dir + "/" + name
        self.config = self.dir + "/cpps-bridge.yaml"
        self.log = "%s/log/%s.log" % (place.dir, name)
        os.mkdir(self.dir)

    def start(self):
        self.lives += 1
        env = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.place.bin + "/cpps-bridged", "--config", self.config], env=env, stdout=log, stderr=log)

    def signal(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def tend(self):
        """Starts it again, after the pause its end asked for; a way of ending that nobody caused is told."""
        if self.process.poll() is None or self.place.ending:
            return
        if self.process.returncode not in (0, -signal.SIGKILL, -signal.SIGTERM):
            self.place.strange("bridge %s ended by itself: %s" % (self.name, self.process.returncode))
        if not self.after:
            self.after = time.monotonic() + 0.2
        if time.monotonic() > self.after:
            self.after = 0.0
            self.start()

    def ctl(self, *args, timeout=30):
        return subprocess.run([self.place.bin + "/cppsctl", "--config", self.config, *args], capture_output=True, text=True, timeout=timeout)

    def said(self, words):
        try:
            with open(self.log, errors="replace") as f:
                return sum(words in line for line in f)
        except FileNotFoundError:
            return 0


class Place(bridge.Bridge):
    def __init__(self, programs):
        super().__init__(start=False)
        self.bin = self.dir + "/bin"
        os.mkdir(self.bin)
        for program in ("cpps-bridged", "cppsctl"):
            shutil.copy(os.path.join(programs, program), self.bin)
        bridge.BIN = self.bin
        self.messages = shutil.copytree(peer._out, self.dir + "/messages")
        os.mkdir(self.dir + "/log")
        os.mkdir(self.dir + "/s")
        self.ending = False
        self.found = []  # sentences on what nobody asked for
        self.actors = []
        self.head, self.epoch, self.leader_name, self.connection = 0, 0, None, None
        self.disk = self.mount()
        self.proxy = Proxy()
        self.database_lock = threading.Lock()
        self.start_database()
        self.daemons = [Daemon(self, "a"), Daemon(self, "b")]
        self.configure()
        self.migrate()
        for daemon in self.daemons:
            daemon.start()
        self.tending = threading.Thread(target=self.tend, daemon=True)
        self.tending.start()

    def strange(self, sentence):
        self.found.append(sentence)
        print("# " + sentence, flush=True)

    # ---- The disk ----

    def mount(self):
        """A disk in memory whose size can be changed under PostgreSQL. False where mounting is not allowed."""
        home = self.dir + "/pg"
        if os.getuid() != 0:
            return False
        os.mkdir(home, 0o700)
        account = pwd.getpwnam("postgres")
        options = "size=%d,mode=0700,uid=%d,gid=%d" % (DISK, account.pw_uid, account.pw_gid)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "cpps-torture", home], capture_output=True)
        if done.returncode != 0:
            os.chown(home, account.pw_uid, account.pw_gid)
        return done.returncode == 0

    def resize(self, size):
        return subprocess.run(["mount", "-o", "remount,size=%d" % size, self.dir + "/pg"], capture_output=True).returncode == 0

    def fill(self):
        st = os.statvfs(self.dir + "/pg")
        return self.resize((st.f_blocks - st.f_bfree) * st.f_frsize + 8192)

    def empty(self):
        return self.resize(DISK)

    # ---- PostgreSQL ----

    def cluster_do(self, verb):
        return subprocess.run(["sh", bridge.ROOT + "/deploy/cluster.sh", verb, self.dir], capture_output=True, text=True)

    def start_database(self, seconds=60):
        """Starts it, however it ended: what a killed one left may have to end first."""
        with self.database_lock:
            end = time.monotonic() + seconds
            while True:
                done = self.cluster_do("start")
                if done.returncode == 0:
                    self.database = done.stdout.strip()
                    return
                if time.monotonic() > end:
                    raise RuntimeError("PostgreSQL does not start: " + done.stderr)
                time.sleep(0.2)

    def postmaster(self):
        try:
            with open(self.dir + "/pg/data/postmaster.pid") as f:
                return int(f.readline())
        except (OSError, ValueError):
            return 0

    def connect(self):
        return psycopg2.connect(self.database, connect_timeout=5)

    def query(self, text, *parameters):
        """Rows; None where the database is away."""
        try:
            connection = self.connect()
        except psycopg2.Error:
            return None
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text, parameters or None)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error:
            return None
        finally:
            connection.close()

    def migrate(self):
        done = self.daemons[0].ctl("migrate")
        if done.returncode != 0:
            raise RuntimeError("cppsctl migrate: " + done.stderr)
        self.sql(HOLD_COMMITS)

    def conninfo(self):
        return self.database

    # ---- Configuration ----

    def configure(self):
        socket = self.dir + "/pg/s/.s.PGSQL.5432"
        p, links = self.proxy, {}
        for source in ("court", "prison", "plain"):
            links[source] = [p.unix("%s.%s" % (source, e), "%s/p/%s-%s" % (self.dir, source, e), "%s/s/%s-%s" % (self.dir, source, e)) for e in ("live", "log")]
        ends = {"submit": [], "live": [], "log": []}
        for d in self.daemons:
            p.unix(d.name + ".pg", d.dir + "/pg/.s.PGSQL.5432", socket)
            ends["submit"].append(p.tcp(d.name + ".submit", d.dir + "/submit"))
            for e in ("live", "log"):
                ends[e].append(p.unix("%s.%s" % (d.name, e), "%s/p/%s-%s" % (self.dir, d.name, e), "%s/%s" % (d.dir, e)))
            own = {e: ["ipc://%s/%s" % (d.dir, e)] for e in ends}
            self.write_config(d.config, "host=%s/pg port=5432 dbname=cpps user=postgres" % d.dir, own, d.dir + "/control", links)
        self.write_config(self.config, self.database, ends, self.daemons[0].dir + "/control", links)
        self.ends = ends

    @staticmethod
    def write_config(path, database, ends, control, links):
        with open(path, "w") as f:
            f.write("stream: %s\ndatabase: %s\nendpoints:\n" % (STREAM, database))
            for name, list_ in ends.items():
                f.write("  %s: [%s]\n" % (name, ", ".join(list_)))
            f.write("  control: ipc://%s\nsources:\n" % control)
            for name, source, kind in SOURCES:
                f.write("  - name: %s\n    source: %s\n    kind: %s\n" % (name, source, kind))
                if name in links:
                    f.write("    live: [%s]\n" % links[name][0])
                if name in ("court", "prison"):
                    f.write("    log: [%s]\n" % links[name][1])
            f.write("testing:\n  clock: true\n")

    # ---- Who leads, how far ----

    def look(self):
        try:
            if not self.connection:
                self.connection = self.connect()
                self.connection.autocommit = True
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT (SELECT max(last_seq) FROM cpps_store.batch), epoch, endpoints[1] FROM cpps_store.lease")
                row = cursor.fetchone()
            if row:
                self.head, self.epoch = row[0] or 0, row[1]
                self.leader_name = next((d.name for d in self.daemons if row[2] and ("/%s/log" % d.name) in row[2]), None)
        except psycopg2.Error:
            if self.connection:
                self.connection.close()
            self.connection = None

    def tend(self):
        while not self.ending:
            for daemon in self.daemons:
                daemon.tend()
            self.look()
            time.sleep(0.1)

    def leader(self):
        return next((d for d in self.daemons if d.name == self.leader_name), self.daemons[0])

    def standby(self):
        return next(d for d in self.daemons if d is not self.leader())

    def takeovers(self):
        return max(0, sum(d.said("-> leader") for d in self.daemons) - 1)

    # ---- The end ----

    def heal(self):
        """All faults over: everybody goes, and reaches everybody."""
        if self.disk:
            self.empty()
        self.proxy.heal()
        self.start_database()
        for daemon in self.daemons:
            daemon.signal(signal.SIGCONT)

    def close(self):
        if self.ending:
            return
        self.ending = True
        self.tending.join(10)
        for daemon in self.daemons:
            daemon.signal(signal.SIGCONT)
            daemon.signal(signal.SIGTERM)
        for daemon in self.daemons:
            try:
                daemon.process.wait(20)
            except subprocess.TimeoutExpired:
                daemon.process.kill()
                daemon.process.wait()
        for actor in self.actors:
            actor.abandon()
        self.proxy.close()
        self.cluster_do("kill")
        if self.connection:
            self.connection.close()
        if self.disk:
            subprocess.run(["umount", "-l", self.dir + "/pg"], capture_output=True)
            self.disk = False

    def __exit__(self, kind, value, trace):
        self.close()
        if kind is None and not self.found and not os.environ.get("KEEP"):
            subprocess.run(["sh", bridge.ROOT + "/deploy/cluster.sh", "remove", self.dir], capture_output=True)
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print("# the logs are in " + self.dir, flush=True)
