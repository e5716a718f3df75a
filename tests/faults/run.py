"""Every allocation, every libpq and every zmq call of the daemon made to fail, one in each run of a short day (scenario.py): it carries on, or
takes its term up again, or ends with a sentence and is started again; nothing acknowledged is lost, nothing happens twice, the log has no gap.

  ONLY=TEXT   only the places with this in their name, such as ONLY=store/commit.c:120 or ONLY=zmq_send
  SAMPLE=N    so many places, chosen by SEED
  SECONDS=N   none is begun after so many seconds
  KEEP=1      keeps the directories of failed runs"""

import collections
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scenario import ROOT, Day, day_of_events, write_config  # noqa: E402

BUILD = os.environ.get("BUILD", "asan")
BIN = os.environ.get("BIN") or "%s/build/%s" % (ROOT, BUILD)
WORKERS = 2
KINDS = {"PQ": "libpq", "zm": "zmq", "sd": "sd-event"}


class Cluster:
    """One PostgreSQL, one migrated database in it to copy."""

    def __init__(self, directory, programs):
        self.dir = directory
        self.conninfo = self.script("start")
        write_config(directory + "/migrate.yaml", directory, self.conninfo)
        subprocess.run([programs + "/cppsctl", "--config", directory + "/migrate.yaml", "migrate"], check=True, capture_output=True)
        self.lock = threading.Lock()
        self.admin = psycopg2.connect(self.conninfo.replace("dbname=cpps", "dbname=postgres"))
        self.admin.autocommit = True

    def script(self, verb):
        return subprocess.run(["sh", ROOT + "/deploy/cluster.sh", verb, self.dir], check=True, stdout=subprocess.PIPE, text=True,
                              env=dict(os.environ, FSYNC="0")).stdout.strip()

    def fresh(self, name):
        with self.lock, self.admin.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS %s WITH (FORCE)" % name)
            cursor.execute("CREATE DATABASE %s TEMPLATE cpps STRATEGY file_copy" % name)
        return self.conninfo.replace("dbname=cpps", "dbname=" + name)


class Place:
    """A call of our code, the time it fails, the way it fails."""

    def __init__(self, function, places, name, nth, way):
        self.function, self.places, self.nth, self.way = function, places, nth, way
        self.kind = KINDS.get(function[:2], "memory")
        self.name = "%s %s #%d/%d" % (function, name, nth, way)

    @property
    def environment(self):
        return "%s:%s:%d:%d" % (self.function, self.places, self.nth, self.way)


def names_of(program, addresses):
    """address -> room/file.c:line, the line of the call."""
    addresses = sorted(addresses)
    out = subprocess.run(["addr2line", "-e", program] + [hex(int(a, 16) - 1) for a in addresses], capture_output=True, text=True,
                         check=True).stdout.split("\n")
    return {a: line.split(" ")[0].split("/daemon/")[-1].split("/build/")[-1] for a, line in zip(addresses, out)}


def places_of(program, count):
    """From a count: the first call of each place, one in the middle of them, each way."""
    with open(count) as f:
        rows = [line.split() for line in f]
    names = names_of(program, {a for row in rows for a in row[3].split(",") if a != "0"})
    places = []
    for function, ways, passed, at in rows:
        where = "<".join(names[a] for a in at.split(",") if a != "0")
        for nth in sorted({1, int(passed) // 2 + 1}):
            places += [Place(function, at, where, nth, way) for way in range(1, int(ways) + 1)]
    return sorted(places, key=lambda p: (p.kind, p.name))


class Campaign:
    def __init__(self, directory):
        self.dir = directory
        self.programs = directory + "/bin"
        os.makedirs(self.programs)
        # Copies: a build beside us does not change them.
        shutil.copy2(BIN + "/cppsctl", self.programs)
        shutil.copy2(BIN + "/tests/faults/cpps-bridged", self.programs)
        self.daemon = self.programs + "/cpps-bridged"
        self.cluster = Cluster(directory, self.programs)
        self.events = day_of_events(self.programs)
        self.failed, self.outcomes, self.slowest = [], collections.Counter(), (0, "")
        self.lock = threading.Lock()
        self.done = 0

    def day(self, name, faults):
        directory = "%s/%s" % (self.dir, name)
        return Day(directory, self.programs, self.daemon, self.cluster.fresh("f_" + name), self.events, faults).run()

    def reference(self):
        count = self.dir + "/count"
        self.calm = self.day("calm", {"FAULT_COUNT": count})
        if self.calm.broken or self.calm.keeper.codes != [0]:
            print(self.calm.read_log()[-3000:])
            sys.exit("not ok - the day without a fault: %s" % self.calm.broken)
        return places_of(self.daemon, count)

    def one(self, worker, place):
        fired = "%s/fired-%s" % (self.dir, worker)
        if os.path.exists(fired):
            os.unlink(fired)
        day = self.day("w%s" % worker, {"FAULT": place.environment, "FAULT_FIRED": fired})
        if not day.broken:
            day.compare(self.calm)
        outcome = day.outcome if os.path.exists(fired) or day.broken else "not reached in this run"
        with self.lock:
            self.done += 1
            self.outcomes[place.kind, outcome] += 1
            self.slowest = max(self.slowest, (day.seconds, place.name))
            if self.done % 50 == 0:
                print("# %d done" % self.done, flush=True)
            if day.broken:
                self.failed.append(place)
                print("not ok - %s (codes %s, %.0f s)" % (place.name, day.keeper.codes, day.seconds))
                print("\n".join("#   " + line for b in day.broken for line in b.splitlines()))
                print("\n".join("#   log: " + line for line in day.read_log().splitlines()[-25:]), flush=True)
                if os.environ.get("KEEP"):
                    shutil.copytree(day.dir, "%s/failed-%d" % (self.dir, len(self.failed)),
                                    ignore=lambda d, names: [n for n in names if not os.path.isfile(d + "/" + n)])

    def run(self, places):
        work = queue.Queue()
        for place in places:
            work.put(place)
        end = time.monotonic() + float(os.environ.get("SECONDS", "1e9"))

        def worker(number):
            while time.monotonic() < end:
                try:
                    place = work.get_nowait()
                except queue.Empty:
                    return
                try:
                    self.one(number, place)
                except Exception as e:  # the driver's own: it counts, and the others go on
                    with self.lock:
                        self.failed.append(place)
                        print("not ok - %s: %r" % (place.name, e), flush=True)
        threads = [threading.Thread(target=worker, args=(n,)) for n in range(WORKERS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def summary(self):
        for kind in sorted({k for k, o in self.outcomes}):
            print("# %-8s " % kind + ", ".join("%d %s" % (n, o) for (k, o), n in sorted(self.outcomes.items()) if k == kind))
        print("# the longest took %.0f s: %s" % self.slowest)
        for place in self.failed:
            print("# again: make faults ONLY='%s'" % place.name)


def main():
    seed = int(os.environ.get("SEED") or time.time())
    began = time.monotonic()
    directory = tempfile.mkdtemp(prefix="cpps-f-", dir="/tmp")
    os.chmod(directory, 0o755)
    try:
        campaign = Campaign(directory)
        places = campaign.reference()
        print("# %d faults at %d calls of %d functions; the day takes %.1f s" % (
            len(places), len({(p.function, p.places) for p in places}), len({p.function for p in places}), campaign.calm.seconds), flush=True)
        only = os.environ.get("ONLY")
        if only:
            places = [p for p in places if only in p.name]
        if os.environ.get("SAMPLE"):
            print("# seed %d" % seed)
            random.Random(seed).shuffle(places)
            places = places[:int(os.environ["SAMPLE"])]
        elif not only:
            random.Random(seed).shuffle(places)
        campaign.run(places)
        campaign.summary()
        good = campaign.done > 0 and not campaign.failed
        print("%s - %d calls made to fail, one a run: the bridge bears each (%.0f s)" % ("ok" if good else "not ok", campaign.done,
                                                                                       time.monotonic() - began))
    finally:
        subprocess.run(["sh", ROOT + "/deploy/cluster.sh", "remove", directory], capture_output=True)
        if not os.environ.get("KEEP"):
            shutil.rmtree(directory, ignore_errors=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
