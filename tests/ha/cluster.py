"""A Patroni cluster of one's own on this machine: etcd, and members of which one is the primary and one its synchronous standby. Everything lies
under one directory and runs under an account without rights (postgres where root calls, else the caller's)."""

import json
import os
import secrets
import signal
import socket
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

from bridge import wait_for  # noqa: E402

PG_BIN = "/usr/lib/postgresql/15/bin"
ACCOUNT = "postgres" if os.getuid() == 0 else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def spawn(command, log, env=None):
    """A process of the account, in a session of its own."""
    account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if ACCOUNT else {}
    with open(log, "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", start_new_session=True, env=env, **account)


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def parent_of(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def children_of(pid):
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and parent_of(int(p)) == pid]


class Member:
    """One Patroni and the PostgreSQL it looks after."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.dir = cluster.dir + "/" + name
        self.port, self.rest = free_port(), free_port()
        self.log = cluster.dir + "/log/" + name + ".log"
        self.patroni = None
        cluster.make_dir(self.dir, 0o700)
        with open(HERE + "/patroni.yaml") as f:
            text = string.Template(f.read()).substitute(name=name, rest=self.rest, etcd=cluster.etcd_port, port=self.port, dir=self.dir,
                                                        bin=PG_BIN, secret=cluster.secret)
        cluster.write(self.dir + "/patroni.yaml", text)

    def start(self):
        if self.patroni is None or self.patroni.poll() is not None:
            self.patroni = spawn(["/usr/bin/patroni", self.dir + "/patroni.yaml"], self.log)

    def postmaster(self):
        """The pid of the postmaster that works in this member's directory; 0: none."""
        try:
            with open(self.dir + "/data/postmaster.pid") as f:
                pid = int(f.readline())
            return pid if os.path.realpath("/proc/%d/cwd" % pid) == os.path.realpath(self.dir + "/data") else 0
        except (FileNotFoundError, ValueError, PermissionError):
            return 0

    def kill_postgres(self):
        """All at once, as the machine's death would: a backend that outlives its postmaster could still commit."""
        postmaster = self.postmaster()
        if not postmaster:
            return False
        kill(postmaster, signal.SIGSTOP)
        for pid in children_of(postmaster) + [postmaster]:
            kill(pid)
        return True

    def kill_all(self):
        if self.patroni and self.patroni.poll() is None:
            self.patroni.kill()
            self.patroni.wait()
        return self.kill_postgres()

    def signal_all(self, number):
        postmaster = self.postmaster()
        for pid in [self.patroni.pid, postmaster] + children_of(postmaster):
            kill(pid, number)

    def freeze(self):
        """As a machine that hangs, or is cut off: connections stand, and nobody answers."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)


class Cluster:
    def __init__(self, directory, members=3):
        self.dir = directory
        self.secret = secrets.token_hex(16)
        self.make_dir(self.dir + "/log", 0o755)
        self.make_dir(self.dir + "/etcd", 0o700)
        self.etcd_port, self.etcd = free_port(), None
        self.members = [Member(self, "pg%d" % i) for i in range(members)]

    def make_dir(self, path, mode):
        os.mkdir(path, mode)
        if ACCOUNT:
            subprocess.run(["chown", ACCOUNT + ":", path], check=True)

    def write(self, path, text):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        if ACCOUNT:
            subprocess.run(["chown", ACCOUNT + ":", path], check=True)

    def start(self):
        here, peer = "http://127.0.0.1:%d" % self.etcd_port, "http://127.0.0.1:%d" % free_port()
        self.etcd = spawn(["/usr/bin/etcd", "--name", "e", "--enable-v2=true", "--data-dir", self.dir + "/etcd/data", "--listen-client-urls", here,
                           "--advertise-client-urls", here, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                           "--initial-cluster", "e=" + peer], self.dir + "/log/etcd.log")
        for member in self.members:
            member.start()

    def state(self):
        """What Patroni says of its members: name -> (role, state)."""
        for member in self.members:
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/cluster" % member.rest, timeout=2) as answer:
                    return {m["name"]: (m["role"], m["state"]) for m in json.load(answer)["members"]}
            except (urllib.error.URLError, OSError, ValueError, KeyError):
                continue
        return {}

    def primary(self):
        """The member that leads and takes writes."""
        state = self.state()
        for member in self.members:
            if state.get(member.name) == ("leader", "running") and member.postmaster():
                return member
        return None

    def is_healthy(self):
        """One primary, one synchronous standby, and everybody streams."""
        state = list(self.state().values())
        return (len(state) == len(self.members) and [r for r, _ in state].count("leader") == 1 and [r for r, _ in state].count("sync_standby") == 1 and
                all(s in ("running", "streaming") for _, s in state) and self.all_stream())

    def all_stream(self):
        try:
            rows = self.sql("SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) FROM pg_stat_replication "
                            "WHERE state = 'streaming' AND application_name LIKE 'pg%'")
            return rows == [(len(self.members) - 1, 1)]
        except psycopg2.Error:
            return False

    def wait_healthy(self, seconds=90):
        return wait_for(self.is_healthy, seconds, 0.3)

    def conninfo(self, user="postgres", database="cpps", password=None):
        return "host=%s port=%s dbname=%s user=%s password=%s target_session_attrs=read-write connect_timeout=3" % (
            ",".join("127.0.0.1" for _ in self.members), ",".join(str(m.port) for m in self.members), database, user, password or self.secret)

    def sql(self, query, database="postgres"):
        connection = psycopg2.connect(self.conninfo(database=database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def wait_replayed(self):
        """Until every member shows what the primary has committed: libpq gives up at the first host that does not know the database or the account."""
        return wait_for(lambda: self.sql("SELECT bool_and(replay_lsn >= pg_current_wal_flush_lsn()) FROM pg_stat_replication") == [(True,)], 30)

    def stop(self):
        for member in self.members:  # all at once: nobody takes over from another any more
            if member.patroni and member.patroni.poll() is None:
                member.patroni.kill()
                member.patroni.wait()
        for member in self.members:
            postmaster = member.postmaster()
            if postmaster:
                kill(postmaster, signal.SIGINT)
        end = time.monotonic() + 20
        while time.monotonic() < end and any(m.postmaster() for m in self.members):
            time.sleep(0.1)
        for member in self.members:
            member.kill_all()
        if self.etcd:
            self.etcd.kill()
            self.etcd.wait()
