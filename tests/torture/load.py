"""Who speaks and who listens: submitters, feeders, a plain PUB, and consumers. Each goes on by itself when it is killed, as its manual says, and keeps what it
was told: answers by number of the event, records by their seq."""

import array
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zlib

import zmq

WINDOW = 200  # events under way, of one sender
HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ("", "accepted", "parked", "quarantined", "duplicate", "stored", "known", "refused")


class Actor:
    """A process that is started again when it ends. killed: its end was ours."""

    def __init__(self, place, name):
        self.place, self.name, self.process, self.killed, self.lives, self.closing = place, name, None, False, 0, False
        self.errors = "%s/log/%s.err" % (place.dir, name)
        place.actors.append(self)

    def spawn(self, arguments, **keywords):
        self.killed = False
        self.lives += 1
        with open(self.errors, "ab") as errors:
            self.words_from = errors.tell()
            self.process = subprocess.Popen(arguments, env=dict(os.environ, CPPS_BRIDGE_CONFIG=self.place.config), stderr=errors, text=True, **keywords)

    def signal(self, number):
        process = self.process
        if process and process.poll() is None:
            self.killed = self.killed or number == signal.SIGKILL
            process.send_signal(number)

    def abandon(self):
        """For good: nobody waits for what it has not done yet."""
        self.closing = True
        self.signal(signal.SIGKILL)

    def last_words(self):
        """Of this life."""
        with open(self.errors, errors="replace") as f:
            f.seek(self.words_from)
            return f.read()[-300:].strip().replace("\n", " | ")


class Sender(Actor):
    """Gives lines to a program that answers each; after a stop of any kind it gives those without an answer again."""

    def __init__(self, place, teller, arguments, rate, seed):
        super().__init__(place, teller.name)
        self.teller, self.arguments, self.rate = teller, arguments, rate
        self.random = random.Random(seed)
        self.answered = self.sent = self.most = 0  # events with an answer; given in this life; ever given
        self.words, self.seqs = bytearray(), array.array("q")
        self.disorder = []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def run(self):
        while not (self.closing and self.answered >= self.most) and not self.place.ending:
            self.spawn(self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.sent = first = self.answered
            reader = threading.Thread(target=self.read, args=(self.process, first), daemon=True)
            reader.start()
            try:
                self.write(self.process)
            except OSError:
                pass
            reader.join()
            code = self.process.wait()
            if code not in (0, 3) and not self.killed and not self.place.ending:
                self.place.strange("%s ended by itself, with %d: %s" % (self.name, code, self.last_words()))
                time.sleep(0.5)

    def write(self, process):
        stop = self.most if self.closing else None
        try:
            while process.poll() is None and not (self.closing and self.answered >= self.most):
                stop = self.most if self.closing else None
                burst = min(self.random.randint(1, 20), WINDOW - (self.sent - self.answered))
                if stop is not None:
                    burst = min(burst, stop - self.sent)
                if burst > 0:
                    process.stdin.write("".join(self.teller.line(n) for n in range(self.sent, self.sent + burst)))
                    process.stdin.flush()
                    self.sent += burst
                    self.most = max(self.most, self.sent)
                time.sleep(max(burst, 1) / self.rate * 2 * self.random.random() if not self.closing else 0.01)
        finally:
            try:
                process.stdin.close()
            except OSError:
                pass
            if self.arguments[1] == "publish" and process.poll() is None:  # it serves on
                self.hand_over(process)

    def hand_over(self, process):
        """What it has stored is read by the bridge as long as it is asked to."""
        while process.poll() is None and not self.place.ending:
            time.sleep(0.05)
        if process.poll() is None:
            self.killed = True
            process.terminate()

    def read(self, process, first):
        for text in process.stdout:
            if not text.endswith("\n"):
                return
            answer = json.loads(text)
            n = first + answer["line"] - 1
            if n != self.answered or answer["id"] != self.teller.id(n):
                self.disorder.append("%s: the answer after the %dth is for %s" % (self.name, self.answered, answer["id"]))
                return
            self.words.append(WORDS.index(answer["disposition"]))
            self.seqs.append(int(answer["seq"] or 0))
            self.answered += 1

    def close(self):
        self.closing = True

    def done(self):
        return self.closing and self.answered >= self.most


class Plain:
    """A PUB socket without a log or positions: [topic][event]. What it sends is best effort."""

    def __init__(self, place, teller, rate):
        self.place, self.teller, self.rate, self.sent, self.closing = place, teller, rate, 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def run(self):
        context = zmq.Context()
        socket = context.socket(zmq.PUB)
        socket.bind("ipc://%s/s/plain-live" % self.place.dir)
        while not self.closing:
            socket.send_multipart([b"sentence", self.teller.line(self.sent).encode()])
            self.sent += 1
            time.sleep(1 / self.rate)
        context.destroy(1000)

    def close(self):
        self.closing = True
        self.thread.join()


class Consumer(Actor):
    """Reads a stream to a sum a record. again: records that a new life was given again, as a named consumer is after a crash."""

    def __init__(self, place, name, again_allowed):
        super().__init__(place, name)
        self.again_allowed = again_allowed
        self.sums, self.epochs = array.array("I"), array.array("Q")
        self.again = self.repeated = self.disorder = self.gapped = self.differing = 0
        self.previous = 0
        self.thread = threading.Thread(target=self.run, daemon=True)

    @property
    def last(self):
        return len(self.sums)

    def start(self):
        self.thread.start()

    def take(self, seq, epoch, sum_):
        first, expected = self.previous == 0, (self.previous or self.last) + 1
        if seq > expected:
            self.gapped += seq - expected
            while self.last < seq - 1:
                self.sums.append(0)
                self.epochs.append(0)
        elif seq < expected and not (first and self.again_allowed):
            self.repeated += seq == expected - 1
            self.disorder += seq != expected - 1
        self.previous = seq
        if seq <= self.last:
            self.again += 1
            self.differing += (self.sums[seq - 1], self.epochs[seq - 1]) != (sum_, epoch)
            return
        self.sums.append(sum_)
        self.epochs.append(epoch)

    def run(self):
        while not self.closing:
            self.previous = 0
            self.spawn(self.arguments(), stdout=subprocess.PIPE)
            for text in self.process.stdout:
                if text.endswith("\n"):
                    self.parse(text)
            code = self.process.wait()
            if not self.killed and not self.closing and "database" not in self.last_words():
                self.place.strange("%s ended by itself, with %d: %s" % (self.name, code, self.last_words()))
            time.sleep(0.2)

    def close(self):
        self.closing = True
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)


def sum_of(id_, type_, cause):
    return zlib.crc32(("%s %s %s" % (id_, type_, cause)).encode())


class Tail(Consumer):
    """cppsctl tail. With a name it begins where the bridge knows it to stand, and asks the log all the while; without, it keeps its own position, and lives by
    what comes live."""

    def __init__(self, place, name, named):
        super().__init__(place, name, named)
        self.named = named

    def arguments(self):
        where = ["--name", self.name] if self.named else ["--after", str(self.last)]
        return [self.place.bin + "/cppsctl", "tail", "--follow", *where]

    def log_sums(self, log):
        return log.sums

    def parse(self, text):
        record = json.loads(text)
        self.take(int(record["sequence"]), int(record["id"].split("-")[0]), sum_of(record["id"], record["type"], record.get("causationid", "")))


class Page(Consumer):
    """follow.py, which keeps its own position: it is given nothing twice."""

    def __init__(self, place, name):
        super().__init__(place, name, False)

    def arguments(self):
        ends = self.place.ends
        epoch = self.epochs[-1] if self.epochs else 0
        return [sys.executable, HERE + "/follow.py", ",".join(ends["live"]), ends["log"][0], "nz", str(self.last), str(epoch)]

    def spawn(self, arguments, **keywords):
        os.environ["PYTHONPATH"] = self.place.messages
        super().spawn(arguments, **keywords)

    def log_sums(self, log):
        return log.bytes_sums

    def parse(self, text):
        seq, id_, sum_ = text.split()
        self.take(int(seq), int(id_.split("-")[0]), int(sum_))
