"""Every command of cppsctl as a newcomer and a script meet it: tables, NDJSON, filters, exit statuses, and one line for each error."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from bridge import BIN, Bridge, Submitter, check, event, finish, imposed, today, wait_for

TOOLS = "nz.govt.corrections.cpps."
ES = "EXTENDED_SUPERVISION_ORDER"


def ptp(name, ref, time_=None, **data):
    return event(TOOLS + "ptp." + name, dict(data, ptpRef=ref, by="PO-1"), time_=time_)


def considered(ref, order, prn, **data):
    full = dict(prn=prn, orderRef=order, monitoring="FULL_TIME", emCriteriaMet=True, emApproval="SOUGHT", residentialRestrictions=True,
                startsOn=today(), endsOn=today(180), suitability=["C1"])
    full.update(data)
    return ptp("considered", ref, **{k: v for k, v in full.items() if v is not None})


def stage(ref, number, outcome, role):
    return ptp("stage.recorded", ref, stage=number, outcome=outcome, byRole=role)


def up_to(ref, last):
    """The stages before `last`, each moved on as it should be."""
    way = [(1, "ADVISED", "PROBATION_OFFICER"), (2, "STILL_CONSIDERED", "PROBATION_OFFICER"), (3, "MEMO_SENT", "SERVICE_MANAGER"),
           (4, "SUPPORTED", "AREA_MANAGER"), (5, "NOT_SUPPORTED", "REGIONAL_MANAGER")]
    return [stage(ref, *step) for step in way if step[0] < last]


def lines_of(events):
    return "".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events)


def one_line(result, *words):
    """An error is one line on stderr that begins with the program's name and holds these words."""
    lines = result.err.splitlines()
    return len(lines) == 1 and lines[0].startswith("cppsctl: ") and all(w in lines[0] for w in words) and not result.out


def refuses(bridge, code, arguments, *words, what=None):
    result = bridge.ctl(*arguments)
    check(result.code == code and one_line(result, *words), "%s: exit %d, %s" % (what or "cppsctl " + " ".join(arguments), code, ", ".join(words)),
          "exit %d\n%s%s" % (result.code, result.out, result.err))


def test_submit(bridge):
    first = imposed("A-1", "P1")
    wrong = imposed("A-2", "P2", office="TIMARU")
    waits = event("nz.govt.corrections.ioms.document.received", {"orderRef": "A-9", "document": "SENTENCE_ORDER", "receivedOn": today()},
                  source="urn:nz:justice:cms")
    text = lines_of([first, "", first, wrong, "no event", waits])

    result = bridge.ctl("submit", "--json", stdin=text)
    rows = result.rows
    check(result.code == 3, "submit: exit 3 where some are quarantined", result.code)
    check([(r["line"], r["disposition"], r["reason"]) for r in rows] ==
          [(1, "accepted", None), (3, "duplicate", None), (4, "quarantined", "UNKNOWN_OFFICE"), (5, "quarantined", "MALFORMED"), (6, "parked", None)],
          "submit --json: an answer for each line, in their order, blank ones passed over", rows)
    check(all({"line", "id", "source", "disposition", "reason", "seq"} <= set(r) for r in rows), "submit --json: every member is there", rows)
    check(rows[0]["id"] == first["id"] and rows[0]["source"] == first["source"] and rows[0]["seq"] > 0 and rows[1]["seq"] == rows[0]["seq"],
          "submit --json: id, source and the last record; a duplicate has the first one's", rows[:2])
    check("TIMARU" in rows[2]["sentence"], "submit --json: the sentence names the value", rows[2])

    path = bridge.dir + "/good.ndjson"
    with open(path, "w") as f:
        f.write(lines_of([imposed("A-3", "P1", office="AUCKLAND")]))
    result = bridge.ctl("submit", path)
    check(result.code == 0 and result.out.split() == ["accepted", "1", "lines", "1"] and not result.err,
          "submit FILE: exit 0, a summary", result.out + result.err)
    result = bridge.ctl("submit", "-", stdin=lines_of([wrong]))
    check(result.code == 3 and "line 1: UNKNOWN_OFFICE: office TIMARU" in result.out,
          "submit -: the summary says why a line was set aside", result.out)
    check(bridge.ctl("submit", stdin="").code == 0, "submit: nothing is no failure")

    refuses(bridge, 1, ["submit", "/nonexistent"], "/nonexistent", "No such file")
    refuses(bridge, 2, ["submit", "--window", "x"], "--window", "whole number", "x")
    refuses(bridge, 2, ["submit", "a", "b"], "does not take", "--help")
    long = bridge.ctl("submit", "--json", stdin="x" * 1100000 + "\n" + lines_of([first]))
    check(long.code == 1 and [r["disposition"] for r in long.rows] == ["refused", "duplicate"] and "not sent" in long.err,
          "submit: a line no socket takes is not sent, the rest is; exit 1", long.out[:300] + long.err)
    with open(path + ".long", "w") as f:
        f.write(lines_of([first] * 300) + "x" * 1100000 + "\n" + lines_of([first]))
    long = bridge.ctl("submit", "--json", path + ".long")
    check([r["line"] for r in long.rows] == list(range(1, 303)), "submit --json: what is not sent is told in its turn, too",
          [r["line"] for r in long.rows if r["disposition"] == "refused"])


def test_progress(bridge):
    main, side = pty.openpty()
    path = bridge.dir + "/good.ndjson"
    done = subprocess.run([BIN + "/cppsctl", "submit", path], env=bridge.environment(), stdout=subprocess.DEVNULL, stderr=side, timeout=60)
    os.close(side)
    shown = os.read(main, 65536).decode()
    os.close(main)
    check(done.returncode == 0 and "\r[####" in shown and "1 answered, 0 quarantined" in shown, "submit: a progress bar on a terminal", repr(shown))


def test_interrupted(bridge):
    feed = bridge.ctl_popen("submit", "--json", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    feed.stdin.write(open(bridge.dir + "/good.ndjson").read())
    feed.stdin.flush()
    check(json.loads(feed.stdout.readline())["disposition"] == "duplicate", "submit: whoever feeds line by line is answered so")
    feed.send_signal(signal.SIGINT)
    err = feed.communicate(timeout=30)[1]
    check(feed.returncode == 1 and "stopped after line 1, 0 not answered" in err and "duplicate" in err,
          "submit: Ctrl-C ends it and says how to go on", err)


def consumed(pipe):
    return fcntl.ioctl(pipe, termios.FIONREAD, struct.pack("i", 0)) == struct.pack("i", 0)


def test_half_a_line(bridge):
    line = open(bridge.dir + "/good.ndjson").read()
    bridge.signal(signal.SIGSTOP)
    feed = bridge.ctl_popen("submit", "--json", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for part in (line, line[:40]):
        feed.stdin.write(part)
        feed.stdin.flush()
        check(wait_for(lambda: consumed(feed.stdin)), "submit: takes what there is")
    bridge.signal(signal.SIGCONT)
    check(bool(select.select([feed.stdout], [], [], 30)[0]), "submit: half a line does not hold up the answers of those before it")
    out, err = feed.communicate(line[40:], timeout=60)
    check([json.loads(l)["disposition"] for l in out.splitlines()] == ["duplicate", "duplicate"], "submit: and is taken when the rest of it comes", out + err)


def test_closed_streams(bridge):
    def run(line):
        return subprocess.run(line, shell=True, env=dict(bridge.environment(), CTL=BIN + "/cppsctl"), capture_output=True, text=True, timeout=60)

    done = run('"$CTL" submit <&-')
    check(done.returncode == 0 and done.stdout.split() == ["lines", "0"], "submit: a closed standard input has no lines", done.stdout + done.stderr)
    done = run('"$CTL" requests >&-')
    check(done.returncode == 1 and "cannot write the output" in done.stderr, "requests: a closed output is said, and no socket is written into", done.stderr)
    for command in ("tail --after 0", "requests", "generate --events 5"):
        done = run('"$CTL" ' + command + " >/dev/full")
        check(done.returncode == 1 and "cannot write the output" in done.stderr and len(done.stderr.splitlines()) == 1,
              "%s: a full disk is said, and is no success" % command, str(done.returncode) + done.stderr)


def test_submit_waits(bridge, other):
    refuses(bridge, 1, ["--config", other, "submit", "--timeout", "1", bridge.dir + "/good.ndjson", "--json"], "no answer",
            "cppsctl status", "duplicate",
            what="submit --timeout, nobody there")


def test_tail(bridge):
    head = bridge.status()["head"]
    whole = bridge.ctl("tail", "--after", "0")
    rows = whole.rows
    check(whole.code == 0 and [int(r["sequence"]) for r in rows] == list(range(1, head + 1)),
          "tail --after 0: all, in order, without a gap", len(rows))
    check(all(r["type"].startswith(TOOLS) and r["specversion"] == "1.0" for r in rows), "tail: CloudEvents")
    check([r["sequence"] for r in bridge.ctl("tail", "--after", "3", "--count", "2").rows] == [r["sequence"] for r in rows[3:5]],
          "tail --after 3 --count 2")
    matched = bridge.ctl("tail", "--match", "task.opened/AUCKLAND", "--match", "allocation.requested/").rows
    check(matched == [r for r in rows if (r["type"], r["data"].get("office")) == (TOOLS + "task.opened", "AUCKLAND") or
          r["type"] == TOOLS + "allocation.requested"]
          and len(matched) > 2, "tail --match twice: either", [r["type"] for r in matched])
    now = bridge.ctl("tail", "--from-now")
    check(now.code == 0 and not now.out, "tail --from-now: nothing has come since", now.out)
    refuses(bridge, 1, ["tail", "--after", "99999"], "no record 99999", "cppsctl status")
    refuses(bridge, 2, ["tail", "--after", "-1"], "--after", "whole number")
    refuses(bridge, 1, ["tail"] + 33 * ["--match", "task."], "33 prefixes", "32", what="tail --match 33 times")
    refuses(bridge, 1, ["tail", "--name", 65 * "n"], "name", "64 bytes")
    everywhere = bridge.dir + "/everywhere.yaml"
    with open(bridge.config) as source, open(everywhere, "w") as target:
        target.write(source.read().replace("/s/live]", "/s/live, 'tcp://*:1']").replace("/s/log]", "/s/log, 'tcp://*:2']"))
    check(bridge.ctl("--config", everywhere, "tail", "--after", "0").rows == rows, "tail: an endpoint at every address is no obstacle")

    follow = bridge.ctl_popen("tail", "--follow", "--after", str(head), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    bridge.submit([imposed("A-4", "P4")])
    line = json.loads(follow.stdout.readline())
    check(line["data"]["orderRef"] == "A-4" and int(line["sequence"]) == head + 1, "tail --follow: what comes is printed at once", line)
    follow.send_signal(signal.SIGINT)
    follow.communicate(timeout=30)
    check(follow.returncode == 0, "tail --follow: Ctrl-C ends it, exit 0", follow.returncode)

    piped = subprocess.run("'%s/cppsctl' tail | head -n 1" % BIN, shell=True, env=bridge.environment(), capture_output=True, text=True, timeout=60)
    check(len(piped.stdout.splitlines()) == 1 and not piped.stderr, "tail: a reader that has enough is no error", piped.stderr)


def test_consumers(bridge):
    result = bridge.ctl("consumers")
    check(result.code == 0 and result.err == "no consumers\n" and not result.out, "consumers: none is said", result.err)
    two = bridge.ctl("tail", "--name", "reports", "--count", "2").rows
    check([int(r["sequence"]) for r in two] == [1, 2], "tail --name: a new consumer begins with the first record")

    again = [r for _ in range(3) for r in bridge.ctl("tail", "--name", "reports", "--count", "2").rows]
    check([int(r["sequence"]) for r in again] == [3, 4, 5, 6, 7, 8], "tail --name goes on where it was, at once", again)
    row = next((r for r in bridge.ctl("consumers", "--json").rows if r["confirmed"] == 8), None)
    check(bool(row) and row["name"] == "reports" and row["lag"] == row["head"] - 8, "consumers: position and lag",
          bridge.ctl("consumers").out)
    check(bridge.ctl("consumers").out.split()[:4] == ["NAME", "CONFIRMED", "HEAD", "LAG"], "consumers: a table")
    refuses(bridge, 1, ["consumers", "forget", "nobody"], "no consumer nobody", "cppsctl consumers")
    check(bridge.ctl("consumers", "forget", "reports").code == 0 and bridge.ctl("consumers", "--json").rows == [], "consumers forget")
    anew = [[int(r["sequence"]) for r in bridge.ctl("tail", "--name", "reports", "--count", "2").rows] for _ in range(2)]
    check(anew == [[1, 2], [3, 4]], "consumers forget: whoever comes under the name again begins anew, and misses nothing", anew)
    bridge.ctl("consumers", "forget", "reports")


def test_status(bridge, other):
    status = bridge.status()
    check(status["role"] == "leader" and status["database"] == "up" and status["pid"] == bridge.pid and status["head"] > 0 and status["epoch"] > 0
          and status["stream"] == "nz", "status --json: role, pid, stream, epoch, head, database", status)
    check(status["set_aside"]["parked"] == 1 and status["set_aside"]["held"] == 2 and status["set_aside"]["without_request"] == 1,
          "status: what is set aside now, and how many offenders are without a request", status["set_aside"])
    text = " ".join(bridge.ctl("status").out.split())
    check("Role leader" in text and "Agreed with IOMS never" in text and "court (best effort, live)" in text,
          "R11 status: for people; the lists never agreed so far", text)
    check(bridge.ctl("status", "--wait", "5", "--json").code == 0, "status --wait returns when it is ready")
    refuses(bridge, 1, ["--config", other, "status", "--wait", "1"], "nobody answers", "is the daemon running?")
    refuses(bridge, 1, ["--config", "/nonexistent", "status"], "/nonexistent", "--config FILE")


def test_listings(bridge, other):
    def refs(*arguments):
        return sorted(r.get("order_ref") for r in bridge.ctl(*arguments, "--json").rows)

    check(refs("requests") == ["A-1", "A-3", "A-4"], "requests --json: a row each")
    row = bridge.ctl("requests", "--order", "A-1", "--json").rows[0]
    check(row["state"] == "OPEN" and row["prn"] == "P1" and row["order_type"] == "SUPERVISION" and row["due_at"].endswith("Z") and
          row["overdue"] is False,
          "requests --json: times in UTC, flags as booleans", row)
    check(refs("requests", "--office", "AUCKLAND") == ["A-3"] and refs("requests", "--prn", "P1") == ["A-1", "A-3"] and
          refs("requests", "--state", "OPEN", "--office", "WELLINGTON") == ["A-1", "A-4"] and refs("requests", "--overdue") == [] and
          refs("requests", "--type", "PAROLE") == [], "requests: filters narrow, and go together")
    table = bridge.ctl("requests", "--limit", "1")
    check(table.out.splitlines()[0].split() == ["ORDER", "PRN", "TYPE", "OFFICE", "STATE", "OFFICER", "RECOMMENDED", "DUE", "OVERDUE"] and
          len(table.out.splitlines()) == 2 and "only the first 1" in table.err, "requests: a table, cut with a word", table.out + table.err)
    empty = bridge.ctl("requests", "--office", "WELLNGTON")
    check(empty.code == 0 and empty.err == "no requests with --office WELLNGTON\n", "requests: an empty list names its filter", empty.err)
    refuses(bridge, 2, ["requests", "--state", "SHUT"], "--state", "SHUT", "PLANNED, OPEN")
    refuses(bridge, 2, ["requests", "--prn", "P1", "--prn", "P2"], "--prn", "twice")
    refuses(bridge, 2, ["requests", "--colour", "red"], "unknown option --colour", "requests --help")

    tasks = bridge.ctl("tasks", "--order", "A-1", "--json").rows
    check(sorted(t["step"] for t in tasks) == list(range(1, 9)) and {"kind", "ref", "title", "role", "state", "opened_at", "due_at"} <= set(tasks[0]),
          "tasks --json: a row a step", tasks)
    check([t["step"] for t in bridge.ctl("tasks", "--order", "A-1", "--state", "OPEN", "--role", "SERVICE_MANAGER", "--json").rows] == [5, 6, 8] and
          len(bridge.ctl("tasks", "--step", "8", "--json").rows) == 3, "tasks: by state and role, by step")
    check("Set up the offender file" in bridge.ctl("tasks", "--prn", "P1").out, "tasks: a table with titles")

    parked = bridge.ctl("parked", "--json").rows
    check([(p["waits_for"], p["type"]) for p in parked] == [("A-9", "nz.govt.corrections.ioms.document.received")] and
          bridge.ctl("parked", "--order", "A-1", "--json").rows == [], "parked: what waits, and for which order", parked)
    check("A-9" in bridge.ctl("parked").out, "parked: a table")
    sources = bridge.ctl("sources", "--json").rows
    check([(s["name"], s["kind"], s["guarantee"]) for s in sources] ==
          [("court", "COURT", "best effort"), ("prison", "PRISON", "best effort"), ("tools", "TOOLS", "submits")],
          "sources: each as it is followed", sources)
    check(bridge.ctl("sources").out.startswith("NAME"), "sources: a table")
    alone = bridge.ctl("--config", other, "sources", "--json")
    check(alone.code == 0 and [s["guarantee"] for s in alone.rows] == ["best effort", "best effort", "submits"] and
          "the daemon does not answer" in alone.err,
          "sources: without the daemon, what the configuration and the database say", alone.out + alone.err)


def test_terminal(bridge):
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 110, 0, 0))
    subprocess.run([BIN + "/cppsctl", "tasks", "--order", "A-1"], env=bridge.environment(), stdout=side, timeout=60)
    os.close(side)
    lines = os.read(main, 65536).decode().splitlines()
    os.close(main)
    check(len(lines) > 9 and all(len(l) <= 110 for l in lines) and
          all(w in " ".join(lines).split() for w in ("offenders", "allocation", "warning", "initial")),
          "tables: titles wrap at words to the terminal's width", "\n".join(lines))


def test_quarantine(bridge):
    rows = bridge.ctl("quarantine", "--json").rows
    check(sorted(r["reason"] for r in rows) == ["MALFORMED", "UNKNOWN_OFFICE"], "quarantine: what is held", rows)
    office = next(r for r in rows if r["reason"] == "UNKNOWN_OFFICE")
    malformed = next(r for r in rows if r["reason"] == "MALFORMED")
    number = str(office["number"])
    check("office TIMARU" in office["sentence"] and "office TIMARU is not in" in bridge.ctl("quarantine", "--order", "A-2").out,
          "quarantine: why, in the list", office)
    check(office["order_ref"] == "A-2" and office["opens_order"] is True and
          len(bridge.ctl("quarantine", "--reason", "MALFORMED", "--json").rows) == 1,
          "quarantine: filters; an offender without a request is marked", office)
    shown = bridge.ctl("quarantine", "show", number)
    check("office TIMARU" in shown.out and '"orderRef": "A-2"' in shown.out, "quarantine show: why, and the event", shown.out)
    check(bridge.ctl("quarantine", "show", number, "--json").rows[0]["event"]["data"]["orderRef"] == "A-2", "quarantine show --json: one object")
    check("no event" in bridge.ctl("quarantine", "show", str(malformed["number"])).out, "quarantine show: bytes that are no event")
    raw = Submitter(bridge)
    raw.send(b"\x00\xffno event of any kind\x01")
    check(raw.receive() is not None, "bytes that are nothing are answered")
    raw.close()
    garbage = max(r["number"] for r in bridge.ctl("quarantine", "--json").rows)
    check("000000  00 ff 6e 6f 20 65 76 65 6e 74" in bridge.ctl("quarantine", "show", str(garbage)).out and
          bridge.ctl("quarantine", "show", str(garbage), "--json").rows[0]["bytes"].startswith("\\x00ff6e6f"),
          "quarantine show: bytes that are no text")
    bridge.ctl("quarantine", "discard", str(garbage), "--reason", "noise")
    refuses(bridge, 1, ["quarantine", "show", "9999"], "no quarantined event number 9999", "cppsctl quarantine")
    refuses(bridge, 2, ["quarantine", "show", "x"], '"x"', "cppsctl quarantine")
    refuses(bridge, 2, ["quarantine", "retry"], "numbers or --all")
    refuses(bridge, 1, ["quarantine", "retry", "9999"], "9999 is not held", "nothing was done")

    again = bridge.ctl("quarantine", "retry", number, "--json")
    check(again.code == 3 and again.rows[0]["disposition"] == "quarantined" and again.rows[0]["reason"] == "UNKNOWN_OFFICE",
          "X4 quarantine retry: exit 3 while the cause is there", again.out + again.err)
    step = {"orderRef": "A-1", "step": 3, "outcome": "DONE", "byRole": "ADMINISTRATION_OFFICER", "by": "AO-1"}
    early = bridge.submit([event(TOOLS + "task.recorded", step)])[0]
    check((early["disposition"], early["reason"]) == ("quarantined", "STEP_NOT_OPEN"), "a step before its turn is set aside", early)
    bridge.submit([event("nz.govt.corrections.ioms.document.received", {"orderRef": "A-1", "document": "SENTENCE_ORDER", "receivedOn": today()},
                         source="urn:nz:justice:cms")])
    held = str(bridge.ctl("quarantine", "--reason", "STEP_NOT_OPEN", "--json").rows[0]["number"])
    mended = bridge.ctl("quarantine", "retry", held, "--json")
    check(mended.code == 0 and mended.rows[0]["disposition"] == "accepted" and mended.rows[0]["id"] == early["id"] and mended.rows[0]["seq"] > 0,
          "X4 quarantine retry: accepted once the cause is mended, under its own id", mended.out + mended.err)
    check([t["state"] for t in bridge.ctl("tasks", "--order", "A-1", "--step", "3", "--json").rows] == ["COMPLETED"],
          "quarantine retry: it took effect")
    check([str(r["number"]) for r in bridge.ctl("quarantine", "--state", "RETRIED", "--json").rows] == [held], "quarantine --state RETRIED")
    refuses(bridge, 1, ["quarantine", "retry", held], "is not held", what="quarantine retry, twice")

    refuses(bridge, 2, ["quarantine", "discard", number], "--reason")
    refuses(bridge, 1, ["quarantine", "discard", number, "--reason", 2001 * "x"], "--reason is 2001 bytes long", "2000", what="a reason that is too long")
    refuses(bridge, 1, ["quarantine", "discard", number, "--reason", "a\x01b"], "--reason", "control characters", what="a reason with a control character")
    refuses(bridge, 1, ["quarantine", "discard", number, "--reason", "x", "--by", 65 * "b"], "--by", "64", what="a name that is too long")
    refuses(bridge, 1, ["quarantine", "retry", *map(str, range(10000, 10300))], "10000 is not held", what="quarantine retry with 300 numbers")
    gone = bridge.ctl("quarantine", "discard", number, str(malformed["number"]), "--reason", "entered by mistake", "--by", "SM-1")
    check(gone.code == 0 and gone.out.count("discarded") == 2, "X4 quarantine discard", gone.out + gone.err)
    row = bridge.ctl("quarantine", "show", number, "--json").rows[0]
    check((row["state"], row["closed_by"], row["closed_reason"]) == ("DISCARDED", "SM-1", "entered by mistake"),
          "quarantine discard: by whom and why is kept", row)
    check(bridge.ctl("quarantine", "--json").rows == [] and len(bridge.ctl("quarantine", "--all", "--json").rows) == 4,
          "quarantine: none held, --all shows them")
    check(bridge.ctl("quarantine", "retry", "--all").err == "nothing is held\n", "quarantine retry --all: nothing to do is said")


def test_recording(bridge):
    done = bridge.ctl("allocate", "A-1", "PO-7", "--by", "SM-1", "--json")
    check(done.code == 0 and done.rows[0]["disposition"] == "accepted" and done.rows[0]["seq"] > 0, "allocate: recorded", done.out + done.err)
    row = bridge.ctl("requests", "--order", "A-1", "--json").rows[0]
    check((row["state"], row["officer_id"]) == ("ALLOCATED", "PO-7") and
          bridge.ctl("requests", "--order", "A-3", "--json").rows[0]["recommended_officer_id"] == "PO-7",
          "allocate: the officer is there, and recommended for the person's other order", row)
    check(bridge.ctl("task", "A-1", "4", "DONE").out.startswith("A-1: accepted, record "), "task: an answer in words, the role is the step's own")
    wrong = bridge.ctl("task", "A-1", "5", "DONE", "--role", "PROBATION_OFFICER")
    check(wrong.code == 3 and "ROLE_MAY_NOT_ACT" in wrong.out, "task: exit 3 where it is set aside, and why", wrong.out)
    bridge.ctl("quarantine", "discard", str(bridge.ctl("quarantine", "--json").rows[0]["number"]), "--reason", "trial")
    early = bridge.ctl("allocate", "Z-1", "PO-7")
    check(early.code == 0 and "Z-1: parked" in early.out, "allocate: an order not yet known is waited for, and said so", early.out)
    refuses(bridge, 2, ["task", "A-1", "4", "FINISHED"], "FINISHED", "DONE, NOT_REQUIRED, REOPENED")
    refuses(bridge, 2, ["task", "A-1", "four", "DONE"], '"four" is no step')
    refuses(bridge, 2, ["allocate", "A-1"], "ORDER_REF OFFICER", "--help")
    refuses(bridge, 2, ["allocate", "A-1", "PO-7", "--role", "BOSS"], "--role", "SERVICE_MANAGER")
    refuses(bridge, 1, ["allocate", "A-1", "PO-7", "--at", "yesterday"], "--at", "yesterday", "2026-11-02T14:30:00+13:00")


def test_show(bridge):
    text = bridge.ctl("show", "A-1").out
    check("State              ALLOCATED" in text and "Officer            PO-7" in text and "justice.cms.sentence.imposed  ACCEPTED" in text and
          "-> allocation.allocated" in text and "HELD" not in text, "show ORDER_REF: how it stands, its tasks, its history", text)
    shown = bridge.ctl("show", "A-1", "--json").rows[0]
    check(shown["request"]["order_ref"] == "A-1" and [t["step"] for t in shown["tasks"]] == list(range(1, 9)) and
          [h["name"] for h in shown["history"] if h["what"] == "RECORD"][0] == "allocation.requested", "show --json: one object", shown["tasks"])
    records = [h for h in shown["history"] if h["what"] == "RECORD"]
    check(all(int(h["record"]["sequence"]) == h["seq"] and h["record"]["type"] == TOOLS + h["name"] for h in records) and
          all(h["record"] is None for h in shown["history"] if h["what"] == "EVENT"), "show --json: each record with what it said", records[:1])
    check("-> task.opened" in text and "step 4, Set up the offender file" in text, "show: a record says what tells it from its like", text)
    refuses(bridge, 1, ["show", "NOPE"], "NOPE", "cppsctl requests")


def plan(bridge, events):
    before = bridge.status()["head"], bridge.sql("SELECT count(*) FROM cpps.disposition"), bridge.sql("SELECT count(*) FROM cpps.quarantined_event")
    result = bridge.ctl("plan", "--json", "-", stdin=lines_of(events))
    after = bridge.status()["head"], bridge.sql("SELECT count(*) FROM cpps.disposition"), bridge.sql("SELECT count(*) FROM cpps.quarantined_event")
    check(before == after, "plan changes nothing", (before, after))
    return result


def test_plan(bridge):
    allocation = {"orderRef": "B-1", "officerId": "PO-8", "byRole": "SERVICE_MANAGER", "by": "SM-1"}
    events = [imposed("B-1", "P8"), event(TOOLS + "allocation.recorded", allocation),
              imposed("B-2", "P8", office="TIMARU")]
    result = plan(bridge, events)
    rows = result.rows
    check(result.code == 3 and [(r["line"], r["disposition"], r["reason"]) for r in rows] ==
          [(1, "accepted", None), (2, "accepted", None), (3, "quarantined", "UNKNOWN_OFFICE")],
          "plan: each as if those before it had been submitted; exit 3", rows)
    check([r["type"] for r in rows[1]["records"]] == [TOOLS + "allocation.allocated", TOOLS + "task.completed"],
          "plan --json: the records it would publish",
          rows[1]["records"])
    check(bridge.ctl("requests", "--prn", "P8", "--json").rows == [], "plan: nothing is there afterwards")
    path = bridge.dir + "/plan.ndjson"
    with open(path, "w") as f:
        f.write(lines_of(events[:2]))
    table = bridge.ctl("plan", path)
    check(table.code == 0 and "allocation.allocated, task.completed" in table.out and table.out.split()[:2] == ["LINE", "ID"],
          "plan FILE: a table", table.out)
    refuses(bridge, 1, ["plan", "/dev/null"], "has no events")
    refuses(bridge, 1, ["plan", "/nonexistent"], "No such file")


def test_plan_guards(bridge):
    """Each guard of PTP, told as a probation officer needs it: which guard, what the event says, and what PTP asks for."""
    def refused(what, guard, events, *words):
        last = plan(bridge, events).rows[-1]
        check(last["disposition"] == "quarantined" and last["reason"] == guard and all(w in last["sentence"] for w in words) and
              [r["type"] for r in last["records"]][:1] == [TOOLS + "ptp.refused"], "%s plan: %s" % (guard[4:], what), last)
        print("# %s: %s" % (guard, last["sentence"]))

    bridge.submit([imposed("E-1", "P5", order_type=ES, endsOn=today(3600)), imposed("E-2", "P6")])
    good = considered("T-1", "E-1", "P5")
    check([r["disposition"] for r in plan(bridge, [good]).rows] == ["accepted"], "plan: a good case is accepted")
    refused("the order is no ES order", "PTP_G1", [considered("T-1", "E-2", "P6")], "SUPERVISION", "extended supervision order")
    refused("EM criteria are not met", "PTP_G2", [considered("T-1", "E-1", "P5", emCriteriaMet=False)], "emCriteriaMet", "electronic monitoring")
    refused("no residential restrictions by stage 6", "PTP_G3",
            [considered("T-1", "E-1", "P5", residentialRestrictions=None)] + up_to("T-1", 6) +
            [stage("T-1", 6, "PROPOSAL_PREPARED", "ES_OPERATIONS_ADVISER")],
            "residentialRestrictions", "residential restrictions conditions")
    refused("longer than twelve months", "PTP_G4", [considered("T-1", "E-1", "P5", endsOn=today(500))], today(500), "12 months")
    refused("an unknown suitability code", "PTP_G5", [considered("T-1", "E-1", "P5", suitability=["C99"])], "C99", "codes of the policy")
    refused("the wrong person", "PTP_G6", [good, stage("T-1", 1, "ADVISED", "SERVICE_MANAGER")], "SERVICE_MANAGER", "PROBATION_OFFICER")
    refused("a stage out of turn", "PTP_G7", [good, stage("T-1", 3, "MEMO_SENT", "SERVICE_MANAGER")], "stage 3", "stage 1")
    refused("an outcome of another stage", "PTP_G8", [good, stage("T-1", 1, "MEMO_SENT", "PROBATION_OFFICER")], "MEMO_SENT", "stage 1")
    refused("EM is declined", "PTP_G9", [considered("T-1", "E-1", "P5", emApproval="DECLINED")], "emApproval is DECLINED", "electronic monitoring")


def test_ptp(bridge):
    bridge.submit([considered("T-1", "E-1", "P5")])
    row = bridge.ctl("ptp", "--json").rows[0]
    check((row["ptp_ref"], row["order_ref"], row["stage"], row["state"], row["next_role"]) == ("T-1", "E-1", 1, "IN_PROGRESS", "PROBATION_OFFICER"),
          "ptp --json: the case", row)
    check("T-1" in bridge.ctl("ptp", "--state", "IN_PROGRESS", "--prn", "P5").out and bridge.ctl("ptp", "--stage", "2", "--json").rows == [],
          "ptp: filters")
    done = bridge.ctl("ptp", "record", "T-1", "1", "ADVISED", "--note", "spoke on the phone", "--by", "PO-1")
    check(done.code == 0 and done.out.startswith("T-1: accepted"), "ptp record: in the role the procedure asks for", done.out + done.err)
    check(bridge.ctl("ptp", "--json").rows[0]["stage"] == 2, "ptp record: the case moves on")
    out_of_turn = bridge.ctl("ptp", "record", "T-1", "4", "SUPPORTED")
    check(out_of_turn.code == 3 and "PTP_G7" in out_of_turn.out, "ptp record: exit 3, the guard named", out_of_turn.out)
    shown = bridge.ctl("show", "T-1").out
    check("PTP case" in shown and "spoke on the phone" in shown and "ptp.stage-changed" in shown and "PTP_G7" in shown,
          "show PTP_REF: its whole history", shown)
    check([t["kind"] for t in bridge.ctl("show", "T-1", "--json").rows[0]["tasks"]] == ["PTP", "PTP"], "show PTP_REF --json: its tasks")
    refuses(bridge, 1, ["ptp", "record", "T-9", "1", "ADVISED"], "T-9", "cppsctl show")
    refuses(bridge, 2, ["ptp", "record", "T-1", "1", "AGREED"], "AGREED", "ADVISED")

    mermaid = bridge.ctl("graph", "ptp").out
    check(mermaid.startswith("stateDiagram-v2\n") and "stage_6 --> stage_7 : PROPOSAL_PREPARED" in mermaid, "graph ptp: Mermaid", mermaid[:200])
    dot = bridge.ctl("graph", "ptp", "--format", "dot").out
    check(dot.startswith("digraph ptp {\n") and dot.rstrip().endswith("}") and "stage_6 -> stage_7" in dot, "graph ptp --format dot", dot[:200])
    refuses(bridge, 1, ["graph", "ptp", "--procedure", "9"], "no version 9")
    refuses(bridge, 2, ["graph", "ptp", "--format", "png"], "mermaid, dot")


def test_reconcile(bridge):
    planned = {"prn": "P20", "orderRef": "R-1", "orderType": "RELEASE_ON_CONDITIONS", "releaseOn": today(20), "office": "NAPIER"}
    cancelled = {"orderRef": "R-2", "cancelledOn": today(), "reason": "quashed"}
    bridge.submit([event("nz.govt.corrections.ioms.release.scheduled", planned), imposed("R-2", "P21"),
                   event("nz.govt.justice.cms.sentence.cancelled", cancelled)])
    rows = bridge.ctl("requests", "--json").rows
    ours = [{"orderRef": r["order_ref"], "prn": r["prn"], "orderType": r["order_type"], "office": r["office"]} for r in rows if r["live"]]
    check(len(ours) == 5 and len(rows) == 7, "five orders are live, one is planned, one cancelled", rows)
    theirs = [dict(o) for o in ours if o["orderRef"] != "A-3"] + [{"orderRef": "X-1", "prn": "P77", "orderType": "PAROLE", "office": "NAPIER"}]
    next(o for o in theirs if o["orderRef"] == "A-4")["office"] = "NELSON"
    csv = bridge.dir + "/ioms.csv"
    with open(csv, "w") as f:
        f.write("office,prn,orderRef,orderType\n" + "".join("%(office)s,%(prn)s,%(orderRef)s,%(orderType)s\n" % o for o in theirs))
    result = bridge.ctl("reconcile", csv, "--json")
    check(result.code == 4 and [(r["difference"], r["order_ref"], r["field"]) for r in result.rows] ==
          [("extra", "A-3", None), ("different", "A-4", "office"), ("missing", "X-1", None)],
          "R11 reconcile: missing, extra, different; exit 4", result.out + result.err)
    check((result.rows[1]["theirs"], result.rows[1]["ours"]) == ("NELSON", "WELLINGTON"), "R11 reconcile: both values", result.rows)
    table = bridge.ctl("reconcile", csv)
    check("5 orders in the list, 5 here: 1 missing here, 1 only here, 1 different" in table.out and table.out.startswith("DIFFERENCE"),
          "R11 reconcile: a table and a sum", table.out)
    status = bridge.status()["reconciliation"]
    check(status["agreed"] is False and status["differences"] == 3 and status["last_agreed_at"] is None,
          "R11 status: compared, and never agreed", status)

    agrees = bridge.ctl("reconcile", "-", stdin=lines_of(ours))
    check(agrees.code == 0 and agrees.out == "the lists agree: 5 orders\n",
          "R11 reconcile: NDJSON from standard input; exit 0", agrees.out + agrees.err)
    agreed = bridge.status()["reconciliation"]
    check(agreed["agreed"] is True and agreed["last_agreed_at"] == agreed["last_at"], "R11 status: when the lists agreed", agreed)
    bridge.ctl("reconcile", csv)
    later = bridge.status()["reconciliation"]
    check(later["agreed"] is False and later["last_agreed_at"] == agreed["last_at"] < later["last_at"],
          "R11 status: when they last agreed stays", later)

    for text, words in [("prn,office\nP1,NAPIER\n", ["line 1", "orderRef"]), ('{"orderRef":"A"}\n{"orderRef":\n', ["line 2"]),
                        ("orderRef\nA\nA\n", ["order A stands twice", "line 2", "line 3"])]:
        with open(csv, "w") as f:
            f.write(text)
        refuses(bridge, 1, ["reconcile", csv], *words)


def test_generate(bridge):
    one = bridge.ctl("generate", "--events", "300", "--seed", "5")
    check(one.code == 0 and len(one.rows) == 300, "generate: so many lines", one.err)
    check(bridge.ctl("generate", "--seed", "5", "--events", "300").out == one.out != bridge.ctl("generate", "--events", "300", "--seed", "6").out,
          "generate: the same arguments, the same bytes; another seed, others")
    now = bridge.ctl("generate", "--events", "20", "--from", "today").rows
    check(all(abs(time.mktime(time.strptime(e["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.time()) < 10 * 86400 for e in now),
          "generate --from today: events of now", now[0])
    old = bridge.ctl("generate", "--events", "1", "--from", "2020-01-01")
    check(old.code == 0 and len(old.rows) == 1 and "EVENT_TOO_OLD" in old.err and "--from today" in old.err,
          "generate: says when a bridge will not take them", old.err)
    refuses(bridge, 2, ["generate", "--from", "tomorrow"], "--from", "today or a date")
    refuses(bridge, 2, ["generate", "--events", "many"], "--events", "whole number")


def test_upkeep(bridge):
    check("nothing to do" in bridge.ctl("migrate").out, "migrate: twice is safe")
    check("stream nz, 3 sources" in bridge.ctl("check-config").out and bridge.ctl("check-config", "--json").rows[0]["testing_clock"] is True,
          "check-config")
    check(bridge.ctl("policy", "check").out.startswith("the policy is sound: 15 offices"), "policy check")
    bad = bridge.dir + "/bad.yaml"
    with open(bad, "w") as f:
        f.write("strem: nz\n")
    refuses(bridge, 1, ["--config", bad, "check-config"], bad, "strem", "line")
    with open(bridge.config) as f:
        text = f.read()
    with open(bad, "w") as f:
        f.write("\n".join("database: host=/nonexistent dbname=x" if l.startswith("database:") else l for l in text.splitlines()) + "\n")
    for command in (["requests"], ["show", "A-1"], ["graph", "ptp"], ["migrate"]):
        refuses(bridge, 1, ["--config", bad] + command, "the database cannot be reached", "/nonexistent", what=command[0] + ", no database")


def test_help(bridge):
    overview = bridge.ctl("help")
    check(overview.code == 0 and bridge.ctl("--help").out == overview.out, "help and --help are one")
    names = [l[2:21].strip() for l in overview.out.split("Commands:")[1].split("Everywhere:")[0].splitlines() if l[2:3].strip()]
    check({"submit", "tail", "plan", "reconcile", "graph ptp", "clock advance", "quarantine retry"} <= set(names), "help: the commands", names)
    bad = [n for n in names if (lambda r: r.code or r.err or not r.out.startswith("Usage: cppsctl " + n))(bridge.ctl(*n.split(), "--help"))]
    check(not bad, "help: every command has its own", bad)
    man = bridge.ctl("help", "--man").out
    check(man.splitlines()[1].startswith(".TH CPPSCTL 1") and all('.SS "' + n in man for n in names), "help --man: every command is in the page")
    completion = subprocess.run(["bash", "-n"], input=bridge.ctl("help", "--completion").out, text=True, capture_output=True)
    check(completion.returncode == 0, "help --completion: bash takes it", completion.stderr)
    script = "source /dev/stdin; %s _cppsctl; echo ${COMPREPLY[@]}"

    def completes(*words):
        line = "COMP_WORDS=(cppsctl %s); COMP_CWORD=%d;" % (" ".join("'%s'" % w for w in words), len(words))
        return subprocess.run(["bash", "-c", script % line], input=bridge.ctl("help",
              "--completion").out, text=True, capture_output=True, cwd=bridge.dir).stdout

    check(completes("quar").split() == ["quarantine"] and {"retry", "discard", "show"} <= set(completes("quarantine", "").split()) and
          completes("requests", "--state", "OP").split() == ["OPEN"] and completes("generate", "--fr").split() == ["--from"],
          "help --completion: commands, second words, options and their words", [completes("quar"), completes("quarantine", "")])
    check(bridge.ctl("help", "quarantine", "retry").out == bridge.ctl("quarantine", "retry", "--help").out, "help COMMAND")
    refuses(bridge, 2, ["help", "retyr"], "retyr", "--help")
    check(bridge.ctl("--version").out.startswith("cppsctl "), "--version")
    refuses(bridge, 2, [], "name a command", "--help", what="cppsctl alone")
    refuses(bridge, 2, ["alocate"], '"alocate"', "did you mean allocate?", "--help")


def test_clock(bridge):
    refuses(bridge, 2, ["clock", "advance", "soon"], "soon", "90m")
    refuses(bridge, 2, ["clock", "advance", "0h"], "0h")
    bridge.submit([imposed("C-1", "P9", order_type="COMMUNITY_DETENTION", endsOn=today(150))])
    done = bridge.ctl("clock", "advance", "3w")
    check(done.code == 0 and "3w" in done.out, "clock advance", done.out + done.err)

    def overdue():
        return [(r["data"]["orderRef"], r["data"]["level"]) for r in bridge.ctl("tail", "--match", "allocation.overdue/").rows]

    levels = wait_for(lambda: [l for ref, l in overdue() if ref == "C-1"][2:] and [l for ref, l in overdue() if ref == "C-1"])
    check(levels == [1, 2, 3], "R3 clock advance: allocation.overdue once for each level, in order", overdue())
    roles = [r["data"]["role"] for r in bridge.ctl("tail", "--match", "allocation.overdue/").rows if r["data"]["orderRef"] == "C-1"]
    check(roles == ["SERVICE_MANAGER", "AREA_MANAGER", "REGIONAL_MANAGER"], "R3 each level concerns its role", roles)
    check(bridge.ctl("requests", "--order", "C-1", "--overdue", "--json").rows[0]["level"] == 3, "requests --overdue shows it")
    check(wait_for(lambda: [r["reason"] for r in bridge.ctl("quarantine", "--order", "A-9", "--json").rows] == ["PARKED_TOO_LONG"]),
          "X3 clock advance: what waited too long is set aside", bridge.ctl("quarantine").out)
    check("level 2, AREA_MANAGER  (by time)" in bridge.ctl("show", "C-1").out, "show: what time alone caused is said", bridge.ctl("show", "C-1").out)
    before = overdue()
    bridge.ctl("clock", "advance", "1w")
    bridge.submit([imposed("C-2", "P10")])  # a commit after whatever the clock made due
    check([o for o in overdue() if o[0] != "C-2"] == before, "R3 clock advance again: no level comes twice", overdue())
    check([level for ref, level in overdue() if ref == "C-2"] == [1, 2, 3], "R3 levels already past are published with the event", overdue())
    check(bridge.status()["clock_moved"] is True, "status says that the clock was moved")
    bridge.ctl("allocate", "C-1", "PO-9")
    late = bridge.ctl("requests", "--order", "C-1", "--json").rows[0]
    check(late["allocated_at"] > late["due_at"], "allocate: now is what the moved clock says", late)
    bridge.ctl("task", "C-1", "4", "DONE", "--at", "2026-01-02T03:04:05+13:00")
    closed = bridge.ctl("tasks", "--order", "C-1", "--step", "4", "--json").rows[0]["closed_at"]
    check(closed == "2026-01-01T14:04:05Z", "task --at: when it happened", closed)


with Bridge() as bridge:
    elsewhere = bridge.dir + "/elsewhere.yaml"
    with open(bridge.config) as source, open(elsewhere, "w") as target:
        target.write(source.read().replace("/s/", "/nobody/"))
    test_submit(bridge)
    test_progress(bridge)
    test_interrupted(bridge)
    test_half_a_line(bridge)
    test_submit_waits(bridge, elsewhere)
    test_tail(bridge)
    test_closed_streams(bridge)
    test_consumers(bridge)
    test_status(bridge, elsewhere)
    test_listings(bridge, elsewhere)
    test_terminal(bridge)
    test_quarantine(bridge)
    test_recording(bridge)
    test_show(bridge)
    test_plan(bridge)
    test_plan_guards(bridge)
    test_ptp(bridge)
    test_reconcile(bridge)
    test_generate(bridge)
    test_upkeep(bridge)
    test_help(bridge)
    test_clock(bridge)

finish()
