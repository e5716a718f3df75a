"""PostgreSQL is restored from an older backup: the bridge begins a new epoch, its followers are told that their history is not the log's any more, its sources
are read again from the older position, and what is submitted again is taken once. Then what people mend: a policy, and a row PostgreSQL refuses."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import peer  # noqa: F401 (makes the messages that consumer.py reads)
from bridge import BIN, BUILD, ROOT, SANITIZED, Bridge, check, event, finish, imposed, wait_for
from feeder import Feeder, position, requests, source, with_logs

ALLOCATED = "nz.govt.corrections.cpps.allocation.recorded"
STREAM = "nz"


class Program:
    """A follower that runs on its own; its lines are read from a file."""

    number = 0

    def __init__(self, bridge, *arguments):
        Program.number += 1
        self.path = "%s/follower-%d" % (bridge.dir, Program.number)
        python = os.path.join(ROOT, "build", BUILD, "python")
        with open(self.path + ".out", "w") as out, open(self.path + ".err", "w") as err:
            self.process = subprocess.Popen([str(a) for a in arguments], stdout=out, stderr=err, env=dict(bridge.environment(), PYTHONPATH=python))

    def _lines(self, kind):
        with open(self.path + kind) as f:
            return [line.rstrip("\n") for line in f if line.endswith("\n")]

    @property
    def out(self):
        return self._lines(".out")

    @property
    def said(self):
        return "\n".join(self._lines(".err"))

    def has(self, records):
        return wait_for(lambda: len(self.out) >= records, 60)

    def end(self, seconds=60):
        """Waits for its end; how it ended."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


def example(bridge):
    """The C library's example program, built against the library under test."""
    path = bridge.dir + "/example"
    flags = {"asan": ["-fsanitize=address,undefined"], "cov": ["--coverage"]}.get(BUILD, [])
    subprocess.run(["gcc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", *flags, "-I" + ROOT + "/daemon/client", ROOT + "/tests/system/library/example.c",
                    "-o", path, "-L" + BIN, "-lcppsbridge", "-Wl,-rpath," + BIN], check=True)
    return path


def sentence(n, series):
    return imposed("%s-%05d" % (series, n), prn="%s%d" % (series, n), id_="%s-%d" % (series, n))


def allocation(n, series):
    return event(ALLOCATED, {"orderRef": "%s-%05d" % (series, n), "officerId": "po-%d" % n, "byRole": "SERVICE_MANAGER", "by": "sm-1"},
                 id_="%s-allocated-%d" % (series, n))


def names(records):
    return [(int(r["sequence"]), r["id"]) for r in records]


def refs(series, n):
    return ["%s-%05d" % (series, i) for i in range(n)]


def data_directory(bridge):
    return os.path.realpath(bridge.dir + "/pg") + "/data"


def copy(source_, target):
    """A cold copy of a cluster, as `cp -a` makes it."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source_, target], check=True)


def an_older_backup(bridge):
    court = Feeder(bridge, "court")
    court.start()
    bridge.start()
    kept = [allocation(n, "KEPT") for n in range(0, 60, 2)]
    court.fed([sentence(n, "KEPT") for n in range(60)])
    check(bool(wait_for(lambda: position(bridge, "court") == 60, 60)), "the court's events are taken")
    check({a["disposition"] for a in bridge.submit(kept)} == {"accepted"}, "and what tools submit")
    tail = Program(bridge, BIN + "/cppsctl", "tail", "--follow", "--name", "desk")
    backed_up = bridge.status()
    tail.has(backed_up["head"])
    wait_for(lambda: [r["confirmed"] for r in bridge.ctl("consumers", "--json").rows] == [backed_up["head"]])
    tail.process.send_signal(signal.SIGTERM)
    tail.end()
    bridge.stop()
    copy(data_directory(bridge), data_directory(bridge) + ".backup")

    # ---- Life goes on, into what the backup does not have ----
    bridge.start()
    lost = [allocation(n, "KEPT") for n in range(1, 60, 2)]
    bridge.submit(lost)
    court.fed([sentence(n, "LATER") for n in range(40)])
    check(bool(wait_for(lambda: position(bridge, "court") == 100, 60)), "more is taken after the backup")
    log, before = bridge.tail(), bridge.status()
    live, history = bridge.endpoint("live"), bridge.endpoint("log")
    consumer = [sys.executable, "-B", ROOT + "/tests/system/consumer.py", live, history, STREAM]
    c_client = [example(bridge), "watch", live, history, STREAM, 1000000]
    followers = {"cppsctl tail --follow --name": Program(bridge, BIN + "/cppsctl", "tail", "--follow", "--after", "0", "--name", "desk"),
                 "the C client": Program(bridge, *c_client), "consumer.py": Program(bridge, *consumer)}
    for what, follower in followers.items():
        check(bool(follower.has(before["head"])), "%s follows up to the head" % what, (len(follower.out), before["head"], follower.said))
    bridge.stop()

    # ---- The disaster: the older copy is put in place ----
    copy(data_directory(bridge) + ".backup", data_directory(bridge))
    bridge.start()
    after = bridge.status()
    check(after["epoch"] > before["epoch"], "the restored log goes on in a new epoch", (before["epoch"], after["epoch"]))
    for what, follower in followers.items():
        code = follower.end()
        says = follower.said
        check(code not in (0, None) and "restored from an older copy" in says and re.search(r"compare.*(begin|start) again", says) is not None,
              "%s is told that the log is another one, and what to do" % what, (code, says))
        check(str(before["head"]) in says.splitlines()[-1], "%s: the sentence names the record" % what, says)
        check(len(follower.out) == before["head"], "%s was given nothing of the other history" % what, len(follower.out))

    # ---- Nothing is lost ----
    check(bool(wait_for(lambda: position(bridge, "court") == 100, 60)), "the source is read again from the older position", source(bridge, "court"))
    check(requests(bridge, "KEPT") == refs("KEPT", 60) and requests(bridge, "LATER") == refs("LATER", 40), "every event of it stands once, in order")
    check(bridge.sql("SELECT count(*) FROM cpps.disposition WHERE id LIKE 'LATER-%%'") == [(40,)], "X1 with one disposition")
    acks = bridge.submit(kept + lost)
    check([a["disposition"] for a in acks] == ["duplicate"] * len(kept) + ["accepted"] * len(lost),
          "X2 of what is submitted again, what the backup had is a duplicate, and the rest is taken", acks)
    acks = bridge.submit(kept + lost)
    check({a["disposition"] for a in acks} == {"duplicate"}, "X2 once")
    check(bridge.sql("SELECT count(*), count(officer_id) FROM cpps.request WHERE order_ref LIKE 'KEPT-%%'") == [(60, 60)], "every officer is recorded")
    again = bridge.tail()
    seqs = [seq for seq, _ in names(again)]
    check(seqs == list(range(1, len(seqs) + 1)), "the log has no gap and no repeat")
    check(names(again)[:backed_up["head"]] == names(log)[:backed_up["head"]], "up to the backup it is what it was")
    check(not {i for _, i in names(again)} & {i for _, i in names(log)[backed_up["head"]:]}, "no id of a record that was lost is ever used again")

    # ---- The followers go on where a person lets them ----
    check([r["confirmed"] for r in bridge.ctl("consumers", "--json").rows] == [backed_up["head"]],
          "what was confirmed of the lost history does not count", bridge.ctl("consumers", "--json").rows)
    named = bridge.ctl("tail", "--name", "desk").rows
    check(names(named) == names(again)[backed_up["head"]:], "a named consumer goes on behind what it had confirmed at the backup", names(named)[:3])
    between, epoch = backed_up["head"] + 5, names(log)[backed_up["head"] + 5][1].split("-")[0]
    for what, arguments in (("the C client", [c_client[0], "follow", live, history, STREAM, between, epoch]), ("consumer.py", consumer + [between, epoch])):
        follower = Program(bridge, *arguments)
        code = follower.end()
        check(code not in (0, None) and not follower.out and "restored from an older copy" in follower.said,
              "%s is told so too where the new log has grown beyond its record" % what, (code, follower.out, follower.said))
    court.end()


# ---- What people mend ----

def a_policy_is_mended(bridge):
    acks = bridge.submit([imposed("OFFICE-%d" % n, prn="OF%d" % n, office=o) for n, o in enumerate(["WELLINGTON", "TIMARU", "NELSON"])])
    check([a["disposition"] for a in acks] == ["accepted", "quarantined", "accepted"] and acks[1]["reason"] == "UNKNOWN_OFFICE",
          "X4 an office the policy does not know is set aside, the others are not", acks)
    held = bridge.ctl("quarantine", "--reason", "UNKNOWN_OFFICE", "--json").rows[0]
    retried = bridge.ctl("quarantine", "retry", str(held["number"]), "--json")
    check(retried.code == 3, "X4 as long as the policy does not know it, a retry changes nothing", retried.out)
    bridge.sql("SET ROLE cpps_owner; INSERT INTO cpps_policy.office (office, name, area, region) SELECT 'TIMARU', 'Timaru', area, region "
               "FROM cpps_policy.office WHERE office = 'CHRISTCHURCH'")
    said = "the policy was loaded again"
    count = bridge.log().count(said)
    bridge.signal(signal.SIGHUP)
    check(bool(wait_for(lambda: bridge.log().count(said) > count)), "the policy is loaded again on SIGHUP")
    retried = bridge.ctl("quarantine", "retry", str(held["number"]), "--json")
    check(retried.code == 0 and retried.rows[0]["disposition"] == "accepted" and retried.rows[0]["id"] == acks[1]["id"],
          "X4 and then a retry is accepted, under its own id", retried.out + retried.err)
    check(bridge.sql("SELECT office, state FROM cpps.request WHERE order_ref = 'OFFICE-1'") == [("TIMARU", "OPEN")], "X6 the offender has a request")


REFUSE = """CREATE FUNCTION cpps_store.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF new.order_ref = '{ref}' THEN RAISE EXCEPTION 'not this order' USING ERRCODE = '{sqlstate}'; END IF; RETURN new; END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON cpps_store.request FOR EACH ROW EXECUTE FUNCTION cpps_store.refuse()"""
PERMIT = "DROP TRIGGER refuse ON cpps_store.request; DROP FUNCTION cpps_store.refuse()"


def poison_is_set_aside_alone(bridge):
    bridge.sql(REFUSE.format(ref="POISON-00033", sqlstate="23514"))
    acks = bridge.submit([sentence(n, "POISON") for n in range(100)])
    wrong = [a for a in acks if a["disposition"] != "accepted"]
    check(len(acks) == 100 and [(a["id"], a["reason"]) for a in wrong] == [("POISON-33", "POISON")],
          "X4 of a batch that PostgreSQL refuses the culprit is set aside, alone", wrong)
    check(requests(bridge, "POISON") == [r for r in refs("POISON", 100) if r != "POISON-00033"], "X4 the rest of it is accepted, in order")
    held = bridge.ctl("quarantine", "--reason", "POISON", "--json").rows
    shown = bridge.ctl("quarantine", "show", str(held[0]["number"]), "--json").rows[0]
    check("not this order" in shown["sentence"] and "23514" in shown["sentence"], "X4 its sentence is PostgreSQL's", shown["sentence"])
    retried = bridge.ctl("quarantine", "retry", str(held[0]["number"]), "--json")
    check(retried.code == 3 and retried.rows[0]["reason"] == "POISON" and bridge.ctl("quarantine", "--reason", "POISON", "--json").rows == held,
          "X4 a retry before it is mended changes nothing, and says so", (retried.code, retried.out, retried.err))
    bridge.sql(PERMIT)
    retried = bridge.ctl("quarantine", "retry", str(held[0]["number"]), "--json")
    check(retried.code == 0 and retried.rows[0]["disposition"] == "accepted", "X4 a retry once it is mended is accepted", retried.out + retried.err)
    check(requests(bridge, "POISON")[-1] == "POISON-00033", "and took effect")


def what_cannot_even_be_set_aside_stays_with_its_sender(bridge):
    court = Feeder(bridge, "court")
    court.start()
    bridge.sql("ALTER TABLE cpps_store.request ADD CONSTRAINT refuse CHECK (order_ref NOT IN ('SENT-00001', 'FED-00001')); "
               "ALTER TABLE cpps_store.quarantined ADD CONSTRAINT refuse CHECK (false) NOT VALID")
    path = bridge.dir + "/sent.ndjson"
    with open(path, "w") as f:
        f.write("".join(json.dumps(sentence(n, "SENT")) + "\n" for n in range(3)))
    submit = Program(bridge, BIN + "/cppsctl", "submit", "--json", path)
    court.fed([sentence(n, "FED") for n in range(3)])
    given_back = wait_for(lambda: bridge.log().count("neither taken nor set aside") >= 4 and requests(bridge, "FED"), 60)
    check(bool(given_back) and bridge.status()["pipeline"]["given_back"] >= 4, "X1 an event that cannot even be set aside goes back to its sender, as often as it comes",
          bridge.status()["pipeline"])
    check(requests(bridge, "SENT") == refs("SENT", 1) and requests(bridge, "FED") == refs("FED", 1) and submit.process.poll() is None,
          "X1 what came behind it waits there with it", (requests(bridge, "SENT"), requests(bridge, "FED"), submit.said))
    check([a["disposition"] for a in bridge.submit([sentence(0, "OTHER")])] == ["accepted"], "X4 others are not held up by it")
    check(bool(wait_for(lambda: "it says: the bridge's database refuses even to set this event aside" in submit.said)), "the submitter is told why it waits", submit.said)
    bridge.sql("ALTER TABLE cpps_store.quarantined DROP CONSTRAINT refuse")
    check(submit.end(60) == 3 and bool(wait_for(lambda: position(bridge, "court") == source(bridge, "court")["head"])),
          "when that is mended both go on by themselves", (submit.said, source(bridge, "court")))
    check([requests(bridge, s) for s in ("SENT", "FED")] == [["SENT-00000", "SENT-00002"], ["FED-00000", "FED-00002"]], "X1 nothing is lost, in order")
    held = bridge.ctl("quarantine", "--reason", "POISON", "--json").rows
    check(sorted(h["order_ref"] for h in held) == ["FED-00001", "SENT-00001"], "X1 and what was given back is in quarantine", held)
    bridge.sql("ALTER TABLE cpps_store.request DROP CONSTRAINT refuse")
    retried = bridge.ctl("quarantine", "retry", *[str(h["number"]) for h in held], "--json")
    check(retried.code == 0 and requests(bridge, "SENT")[-1] == "SENT-00001", "X4 from where it is retried", retried.out + retried.err)
    court.end()


def an_outage_is_no_poison(bridge):
    held = bridge.ctl("quarantine", "--json").rows
    bridge.sql(REFUSE.format(ref="OUTAGE-00033", sqlstate="53100"))  # the disk is full
    path = bridge.dir + "/outage.ndjson"
    with open(path, "w") as f:
        f.write("".join(json.dumps(sentence(n, "OUTAGE")) + "\n" for n in range(100)))
    submit = Program(bridge, BIN + "/cppsctl", "submit", "--json", path)
    status = wait_for(lambda: (lambda s: s if "not this order" in (s.get("trouble") or "") else None)(bridge.status()), 30)
    check(bool(status), "an error that is not the event's own is an outage: status says so", bridge.status())
    check(bridge.ctl("quarantine", "--json").rows == held and submit.process.poll() is None, "nobody is blamed for it, the submitter waits")
    bridge.sql(PERMIT)
    check(submit.end(90) == 0, "when it is over, all of it is accepted", submit.said)
    check(requests(bridge, "OUTAGE") == refs("OUTAGE", 100), "in order")


began = time.monotonic()
with Bridge(edit_config=with_logs, start=False) as bridge:
    os.makedirs(bridge.dir + "/s", mode=0o700, exist_ok=True)
    an_older_backup(bridge)
    a_policy_is_mended(bridge)
    poison_is_set_aside_alone(bridge)
    what_cannot_even_be_set_aside_stays_with_its_sender(bridge)
    an_outage_is_no_poison(bridge)
print("# %.0f s" % (time.monotonic() - began))

finish()
