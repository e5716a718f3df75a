"""PostgreSQL goes away under load: the daemon neither dies nor grows, says so, and goes on by itself with nothing lost. SECONDS (15) is how long."""

import os
import re
import subprocess
import time

from bridge import SANITIZED, Bridge, check, finish, wait_for

SECONDS = float(os.environ.get("SECONDS", "15"))


def resident_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


with Bridge() as bridge:
    path = bridge.dir + "/events.ndjson"
    with open(path, "w") as f:
        f.write(bridge.generate(20000, 3))
    pid = bridge.pid
    submit = bridge.ctl_popen("submit", "--json", path, stdout=open(bridge.dir + "/acks.ndjson", "w"), stderr=subprocess.PIPE)
    wait_for(lambda: bridge.status().get("head", 0) > 500)
    bridge.cluster("kill")
    status = wait_for(lambda: (lambda s: s if s.get("database") == "down" else None)(bridge.status()))
    check(bool(status), "status says that the database is down", status)
    check(bool(status) and bool(status.get("trouble")), "and why: %s" % (status or {}).get("trouble"))
    check(not status or status["role"] != "leader", "it does not claim to lead")
    time.sleep(2)
    begin = resident_kb(pid)
    time.sleep(SECONDS)
    end = resident_kb(pid)
    check(bridge.pid == pid, "it did not die")
    check(end - begin < 2000, "it did not grow: %d -> %d kB in %.0f s" % (begin, end, SECONDS))
    check(SANITIZED or end < 64 * 1024, "its memory is bounded: %d kB" % end)
    check(submit.poll() is None, "the submit waits")
    tail = bridge.ctl("tail", timeout=60)
    check(tail.code == 1 and "nobody has led" in tail.err and "cppsctl status" in tail.err, "tail says that nobody leads, and does not wait for ever",
          tail.err)
    bridge.cluster("start")
    check(bool(wait_for(lambda: bridge.status().get("role") == "leader", 30)), "it goes on by itself")
    check(submit.wait(300) in (0, 3), "the submit finishes by itself")
    with open(bridge.dir + "/acks.ndjson") as f:
        check(len(f.read().splitlines()) == 20000, "an ack for every line")
    sequences = [int(r["sequence"]) for r in bridge.tail()]
    check(sequences == list(range(1, len(sequences) + 1)), "the log has no gap and no repeat")
    for _ in range(2):
        bridge.cluster("restart")
        check(bool(wait_for(lambda: bridge.status().get("role") == "leader" and bridge.status().get("database") == "up", 30)), "a restart of PostgreSQL is ridden out")
    check(bridge.pid == pid, "it is still the same process")

finish()
