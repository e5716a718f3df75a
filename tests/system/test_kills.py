"""kill -9 of the daemon at random moments while 5,000 events are submitted: every acknowledged event has its effect exactly once, the log
has no gap and no repeat, and the submit finishes by itself. KILLS (100) and SEED may be given."""

import os
import random
import subprocess
import time

from bridge import Bridge, check, finish

KILLS = int(os.environ.get("KILLS", "100"))
SEED = int(os.environ.get("SEED", str(int(time.time()))))
random.seed(SEED)
print("# seed", SEED)

with Bridge() as bridge, Bridge() as untouched:
    path = bridge.dir + "/events.ndjson"
    with open(path, "w") as f:
        f.write(bridge.generate(5000, 7))

    kills = 0
    rounds = 0
    began = time.monotonic()
    acks = []
    # The submit is killed under for as long as it runs; a new one begins with the same lines until all kills are done.
    while kills < KILLS and time.monotonic() - began < 400:
        rounds += 1
        with open(bridge.dir + "/acks.ndjson", "w") as out:
            submit = bridge.ctl_popen("submit", "--json", path, stdout=out, stderr=subprocess.PIPE)
            while submit.poll() is None and time.monotonic() - began < 400:
                time.sleep(random.choice([0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]) * random.random())
                if kills < KILLS:
                    kills += bridge.kill()
                    time.sleep(random.random() * 0.3)
            submit.wait(120)
        with open(bridge.dir + "/acks.ndjson") as f:
            lines = f.read().splitlines()
        check(submit.returncode in (0, 3) and len(lines) == 5000, "round %d: the submit finished by itself with an ack for every line" % rounds,
              (submit.returncode, len(lines), submit.stderr.read()[-300:]))
        if rounds == 1:
            acks = lines
    check(kills >= KILLS, "killed %d times in %d submits" % (kills, rounds))

    bridge.wait_ready()
    records = bridge.tail()
    sequences = [int(r["sequence"]) for r in records]
    check(sequences == list(range(1, len(sequences) + 1)), "the log has no gap and no repeat")

    # The same events into a bridge that nobody kills: each event must have caused the same records there and here, exactly once.
    untouched.ctl("submit", "--json", path)

    def effects(rows):
        count = {}
        for r in rows:
            if "causationid" in r:
                key = (r["causationid"], r["type"], r["data"].get("orderRef"), r["data"].get("step"), r["data"].get("level"))
                count[key] = count.get(key, 0) + 1
        return count

    here, there = effects(records), effects(untouched.tail())
    differing = {k: (here.get(k, 0), there.get(k, 0)) for k in set(here) | set(there) if here.get(k, 0) != there.get(k, 0)}
    check(not differing, "every event has the effect it has in a bridge that was never killed, exactly once", list(differing.items())[:5])
    columns = "order_ref, prn, order_type, office, state, officer_id"
    check(bridge.sql("SELECT %s FROM cpps.request ORDER BY 1" % columns) == untouched.sql("SELECT %s FROM cpps.request ORDER BY 1" % columns),
          "the requests are the same as in the bridge that was never killed")
    dispositions = "SELECT source, id, disposition FROM cpps.disposition ORDER BY 1, 2, 3"
    check(bridge.sql(dispositions) == untouched.sql(dispositions), "X1 the dispositions are the same, one an event")

finish()
