"""The faults, and the plan of them: which, on whom and for how long follows from the seed alone.

Two lanes run beside each other. The core (bridges, PostgreSQL, its disk) waits until the log has gone on since its last fault, so that each fault hits a bridge
at work; the edges (senders, consumers, connections, the clock) do not wait."""

import os
import random
import signal
import threading
import time

import psycopg2

STALLED = 90  # seconds without a new record, all faults over, that are a finding
CLOCK_MOST = 60 * 24 * 60  # minutes in all: well before records and claims are let go


class Fault:
    def __init__(self, kind, dice):
        self.kind = kind
        self.which, self.length, self.detail, self.pause = (dice.random() for _ in range(4))

    def pick(self, of):
        return of[int(self.which * len(of))]


class Faults:
    def __init__(self, place, senders, consumers, plan_seed, kills, until):
        self.place, self.senders, self.consumers, self.until = place, senders, consumers, until
        self.counts, self.skipped, self.clock, self.lock = {}, set(), 0, threading.Lock()
        self.timers = []
        self.left = kills
        self.lanes = [threading.Thread(target=self.run_lane, args=(lane, random.Random("%d %s" % (plan_seed, lane)))) for lane in ("core", "edge")]

    # ---- Bridges ----

    def kill_leader(self, fault):
        self.kill_daemon(self.place.leader(), fault)

    def kill_standby(self, fault):
        self.kill_daemon(self.place.standby(), fault)

    def kill_daemon(self, daemon, fault):
        daemon.after = time.monotonic() + fault.length * 2
        daemon.signal(signal.SIGKILL)

    def end_leader(self, fault):
        self.place.leader().signal(signal.SIGTERM)

    def stop_leader(self, fault):
        self.stop(self.place.leader(), 0.1 + 5.5 * fault.length)

    def stop_standby(self, fault):
        self.stop(self.place.standby(), 0.1 + 3 * fault.length)

    def within(self, lock, waiting, fault):
        """The leader's transaction is held, and the leader killed or stopped within it."""
        try:
            connection = self.place.connect()
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
                cursor.execute(lock)
        except psycopg2.Error:
            return
        try:
            end = time.monotonic() + 2
            while time.monotonic() < end and not self.place.query(waiting):
                time.sleep(0.02)
            time.sleep(0.05 + fault.pause * 0.1)  # what was taken in meanwhile is under way, too
            if fault.which < 0.5:
                self.kill_leader(fault)
            else:
                self.stop(self.place.leader(), 0.5 + 5 * fault.length)
            if fault.detail < 0.5:
                self.await_successor()
        finally:
            connection.close()

    def await_successor(self):
        """Until another term has begun, while what the former leader sent is still held."""
        epoch, end = self.place.epoch, time.monotonic() + 6
        while self.place.epoch == epoch and time.monotonic() < end:
            time.sleep(0.05)

    def within_statement(self, fault):
        self.within("LOCK TABLE cpps_store.request IN SHARE MODE", WAITING, fault)

    def within_commit(self, fault):
        self.within("SELECT pg_advisory_xact_lock(42)", WAITING, fault)

    # ---- PostgreSQL ----

    def backend(self, fault):
        rows = self.place.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'cpps-bridge%' ORDER BY application_name, pid")
        return fault.pick(rows)[0] if rows else None

    def kill_backend(self, fault):
        self.end_pid(self.backend(fault), signal.SIGKILL)

    def end_backend(self, fault):
        self.end_pid(self.backend(fault), signal.SIGTERM)

    @staticmethod
    def end_pid(pid, number):
        try:
            if pid:
                os.kill(pid, number)
        except ProcessLookupError:
            pass

    def kill_postmaster(self, fault):
        self.end_pid(self.place.postmaster(), signal.SIGKILL)
        time.sleep(fault.length)
        self.place.start_database()

    def crash_postgres(self, fault):
        self.place.cluster_do("kill")
        time.sleep(fault.length)
        self.place.start_database()

    def fill_disk(self, fault):
        if not self.place.disk:
            self.skipped.add("fill disk: mounting is not allowed here")
            return
        self.place.fill()
        time.sleep(0.3 + 2 * fault.length)
        self.place.empty()
        self.place.start_database()

    # ---- Processes at the edges ----

    def stop(self, whom, seconds):
        """SIGSTOP, and SIGCONT later, to the same process."""
        process = whom.process
        whom.signal(signal.SIGSTOP)

        def resume():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        self.later(seconds, resume)

    def later(self, seconds, function):
        timer = threading.Timer(seconds, function)
        self.timers = [t for t in self.timers if t.is_alive()] + [timer]
        timer.start()

    def kill_sender(self, fault):
        fault.pick(self.senders).signal(signal.SIGKILL)

    def stop_sender(self, fault):
        self.stop(fault.pick(self.senders), 4 * fault.length)

    def kill_consumer(self, fault):
        fault.pick(self.consumers).signal(signal.SIGKILL)

    def stop_consumer(self, fault):
        self.stop(fault.pick(self.consumers), 6 * fault.length)

    # ---- Connections and the clock ----

    def link(self, fault):
        links = sorted(self.place.proxy.links)
        return fault.pick(links + [link for link in links if link.endswith(".live")])  # which lose something each time

    def cut(self, fault):
        self.place.proxy.cut(self.link(fault), fault.detail if fault.pause < 0.5 else None, fault.length if fault.length < 0.5 else 0)

    def delay(self, fault):
        self.place.proxy.hold(self.link(fault), 5 * fault.length ** 2)

    def advance_clock(self, fault):
        minutes = 1 + int(fault.length ** 3 * 360)
        if self.clock + minutes > CLOCK_MOST:
            return
        if self.place.leader().ctl("clock", "advance", "%dm" % minutes).returncode == 0:
            self.clock += minutes

    # ---- The lanes ----

    def run_lane(self, lane, dice):
        kinds = [kind for kind, row in KINDS.items() if row[0] == lane]
        weights = [KINDS[kind][1] for kind in kinds]
        head = 0
        while self.take_one():
            fault = Fault(dice.choices(kinds, weights)[0], dice)
            if lane == "core" and not self.progress(head):
                self.place.strange("nothing was decided for %d seconds before: %s" % (STALLED, fault.kind))
                return
            time.sleep(PAUSES[lane] * fault.pause)
            head = self.place.head
            KINDS[fault.kind][2](self, fault)
            self.note(fault)

    def note(self, fault):
        with self.lock:
            self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1
            done = sum(self.counts.values())
        if done % 100 == 0:
            print("# %d faults, %d records" % (done, self.place.head), flush=True)

    def progress(self, head):
        end = time.monotonic() + STALLED
        while self.place.head <= head and time.monotonic() < end:
            if time.monotonic() > self.until:
                return True
            time.sleep(0.05)
        return self.place.head > head

    def take_one(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0 and time.monotonic() < self.until

    def run(self):
        for lane in self.lanes:
            lane.start()
        for lane in self.lanes:
            lane.join()
        for timer in self.timers:
            timer.join()


WAITING = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'cpps-bridge-writer' AND wait_event_type = 'Lock'"
PAUSES = {"core": 0.3, "edge": 0.8}
KINDS = {
    "kill -9 leader": ("core", 4, Faults.kill_leader),
    "kill -9 standby": ("core", 1, Faults.kill_standby),
    "end leader": ("core", 1, Faults.end_leader),
    "stop leader": ("core", 3, Faults.stop_leader),
    "stop standby": ("core", 1, Faults.stop_standby),
    "within statement": ("core", 2, Faults.within_statement),
    "within commit": ("core", 2, Faults.within_commit),
    "kill -9 backend": ("core", 2, Faults.kill_backend),
    "end backend": ("core", 2, Faults.end_backend),
    "kill -9 postmaster": ("core", 1, Faults.kill_postmaster),
    "crash postgres": ("core", 1, Faults.crash_postgres),
    "fill disk": ("core", 2, Faults.fill_disk),
    "kill -9 sender": ("edge", 5, Faults.kill_sender),
    "stop sender": ("edge", 3, Faults.stop_sender),
    "kill -9 consumer": ("edge", 4, Faults.kill_consumer),
    "stop consumer": ("edge", 3, Faults.stop_consumer),
    "cut": ("edge", 6, Faults.cut),
    "delay": ("edge", 4, Faults.delay),
    "advance clock": ("edge", 1, Faults.advance_clock),
}
