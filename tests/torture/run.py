"""The fault campaign: a bridge with everybody around it, at work, while a driver kills, stops, cuts, delays and fills up; then a checker asks whether anything
was lost, repeated, put out of order or left out.

run.py [--kills N] [--seconds N] [--seed N] [--programs DIR] [--settle N]: ends after so many faults, or so many seconds. Exit status 0: nothing was
found, 1: something was, 2: it could not be run."""

import argparse
import os
import random
import signal
import sys
import time
import traceback

from checker import Checker
from faults import Faults
from load import Page, Plain, Sender, Tail, WORDS
from place import Place, bridge
from stories import Teller

SUBMITTERS = 4
SETTLE = "120"  # seconds for everything to come to rest, all faults over


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", default="")
    parser.add_argument("--seconds", default="")
    parser.add_argument("--seed", default="")
    parser.add_argument("--programs", default=bridge.BIN)
    parser.add_argument("--settle", default=SETTLE)
    a = parser.parse_args()
    a.seed = int(a.seed or random.SystemRandom().randrange(1, 1 << 31))
    a.until = float(a.seconds) if a.seconds else float("inf")
    a.kills = int(a.kills or (10 ** 9 if a.seconds else 200))
    return a


class Campaign:
    def __init__(self, place, options):
        self.place, self.options = place, options
        self.base = began = int(time.time())
        dice = random.Random(options.seed)
        submit = [place.bin + "/cppsctl", "submit", "--json", "-"]
        self.submitters = [Sender(place, Teller("desk%d" % i, "desk", began, i), submit, 15, dice.random()) for i in range(SUBMITTERS)]
        self.feeders = [self.feeder(source, dice) for source in ("court", "prison")]
        self.plain = Plain(place, Teller("plain", "plain", began), 5)
        self.consumers = [Tail(place, "named", True), Tail(place, "tail", False), Tail(place, "other", True), Page(place, "page")]
        self.actors = self.submitters + self.feeders + [self.plain] + self.consumers

    def feeder(self, source, dice):
        log = "%s/%s.feeder" % (self.place.dir, source)
        ends = ["ipc://%s/s/%s-%s" % (self.place.dir, source, e) for e in ("live", "log")]
        arguments = [self.place.bin + "/cppsctl", "publish", "--json", "--name", source + "-1", "--log", log, "--bind", ends[0], "--bind-log", ends[1]]
        sender = Sender(self.place, Teller(source, source, self.base), arguments, 15, dice.random())
        sender.log = log
        return sender

    def run(self):
        place = self.place
        if not bridge.wait_for(lambda: place.epoch and place.leader_name, 60):
            raise RuntimeError("no bridge leads\n" + place.daemons[0].ctl("status").stderr)
        for actor in self.actors:
            actor.start()
        if not bridge.wait_for(lambda: place.head > 100, 60):
            raise RuntimeError("nothing is decided")
        self.began = time.monotonic()
        self.faults = Faults(place, self.submitters + self.feeders, self.consumers, self.options.seed, self.options.kills, self.began + self.options.until)
        self.faults.run()
        self.took = time.monotonic() - self.began
        self.settle()
        checker = Checker(place, self.submitters, self.feeders, self.plain, self.consumers)
        findings = checker.check()
        for sentence in place.found:
            findings.add("unasked", sentence)
        return checker, findings

    def settle(self):
        """Faults are over: what was begun is answered, taken and read to its end."""
        self.place.heal()
        for actor in self.submitters + self.feeders + self.consumers:
            actor.signal(signal.SIGCONT)
        for sender in self.submitters + self.feeders:
            sender.close()
        self.plain.close()
        end = time.monotonic() + float(self.options.settle)
        while time.monotonic() < end and not self.settled():
            time.sleep(0.2)
        for consumer in self.consumers:
            consumer.close()
        for consumer in self.consumers:
            consumer.thread.join(10)

    def settled(self):
        if not all(s.done() for s in self.submitters + self.feeders):
            return False
        positions = dict(self.place.query("SELECT source, seq FROM cpps_store.source_position") or ())
        if any(positions.get(f.name, 0) < f.answered for f in self.feeders):
            return False
        self.place.look()
        head = self.place.head
        return all(c.last >= head for c in self.consumers) and self.quiet(head)

    def quiet(self, head):
        """No alarm comes after the head any more."""
        time.sleep(1.5)
        self.place.look()
        return self.place.head == head

    def complaints(self):
        return [line for d in self.place.daemons for line in open(d.log, errors="replace")
                if "AddressSanitizer" in line or "runtime error:" in line or "LeakSanitizer" in line]

    def summary(self, checker, findings):
        f, p = self.faults, self.place
        counts = sorted(f.counts.items(), key=lambda item: -item[1])
        words = [w for s in self.submitters for w in s.words]
        print("kills      %d: %s" % (sum(f.counts.values()), ", ".join("%s %d" % (kind, n) for kind, n in counts)))
        for sentence in sorted(f.skipped):
            print("skipped    " + sentence)
        print("events     %d submitted (%s), %d fed; best effort: %d of %d" % (
            sum(s.answered for s in self.submitters), ", ".join("%s %d" % (w, words.count(i)) for i, w in enumerate(WORDS) if words.count(i)),
            sum(x.answered for x in self.feeders), checker.best_effort, self.plain.sent))
        print("records    %d, read by %d consumers; given again after a kill: %d" % (
            checker.log.head, len(self.consumers), sum(c.again for c in self.consumers)))
        print("takeovers  %d; the clock moved by %.1f h" % (p.takeovers(), f.clock / 60))
        print("duration   %.0f s" % self.took)
        for kind, sentence in findings.told:
            print("! %-12s %s" % (kind, sentence))
        print("found      " + ", ".join("%s %d" % item for item in findings.counts.items()))
        print("seed       %d; again: make torture KILLS=%d SEED=%d" % (self.options.seed, sum(f.counts.values()), self.options.seed), flush=True)


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(2))  # everything that was started is ended
    print("# seed %d" % options.seed, flush=True)
    with Place(options.programs) as place:
        campaign = Campaign(place, options)
        checker, findings = campaign.run()
        place.close()
        for line in campaign.complaints():
            findings.add("unasked", line.strip())
        campaign.summary(checker, findings)
        clean = findings.all_zero()
        if not clean:
            place.found.append("see above")
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    os.umask(0o022)
    try:
        main()
    except Exception:
        traceback.print_exc()
        sys.exit(2)
