"""A real feeder beside a source, and what the bridge has made of what it was fed."""

import json
import signal
import sqlite3
import subprocess

from bridge import wait_for


class Feeder:
    """`cppsctl publish`, fed by lines on its standard input; its answers are read from a file."""

    def __init__(self, bridge, source, *more):
        self.bridge, self.log, self.lives, self.process = bridge, "%s/%s.feeder" % (bridge.dir, source), 0, None
        sockets = bridge.dir + "/s"
        self.arguments = ["publish", "--json", "--name", source + "-1", "--log", self.log, "--bind", "ipc://%s/%s" % (sockets, source),
                          "--bind-log", "ipc://%s/%s-log" % (sockets, source), *more]

    def start(self):
        self.lives += 1
        self.answers_path = "%s.answers.%d" % (self.log, self.lives)
        self.errors_path = "%s.errors.%d" % (self.log, self.lives)
        with open(self.answers_path, "w") as out, open(self.errors_path, "w") as err:
            self.process = self.bridge.ctl_popen(*self.arguments, stdin=subprocess.PIPE, stdout=out, stderr=err)

    def feed(self, events):
        self.process.stdin.write("".join(e if isinstance(e, str) else json.dumps(e) + "\n" for e in events))
        self.process.stdin.flush()

    def answers(self):
        """The whole lines of this life."""
        with open(self.answers_path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def errors(self):
        with open(self.errors_path) as f:
            return f.read()

    def fed(self, events, seconds=60):
        """Feeds and waits for the answers of the events; those of this life."""
        before = len(self.answers())
        self.feed(events)
        return wait_for(lambda: len(self.answers()) >= before + len(events), seconds) and self.answers()[before:]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(30)
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        return code

    def rows(self, query):
        connection = sqlite3.connect("file:%s?mode=ro" % self.log, uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def with_logs(text):
    for source in ("court", "prison"):
        text = "\n".join(line + "\n" + line.replace("live:", "log:").replace("/%s]" % source, "/%s-log]" % source)
                         if line.strip().startswith("live:") and line.endswith("/%s]" % source) else line for line in text.split("\n"))
    return text


def source(bridge, name):
    return next(s for s in bridge.status()["sources"] if s["name"] == name)


def position(bridge, name):
    rows = bridge.sql("SELECT seq FROM cpps.source_position WHERE source = %s", name)
    return rows[0][0] if rows else 0


def requests(bridge, prefix):
    """Order references of the requests made, in the order in which they were."""
    rows = bridge.sql("SELECT ref FROM cpps.event WHERE name = 'allocation.requested' AND ref LIKE %s ORDER BY seq", prefix + "%")
    return [r[0] for r in rows]
