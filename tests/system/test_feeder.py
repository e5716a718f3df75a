"""The feeder beside a source: whatever stops in between, the bridge takes every event that was stored once and in order, and where the feeder's log was
restored from an older copy it says what is missing. KILLS (8 of each) and SEED may be given."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time

import zmq
from bridge import BIN, Bridge, check, event, finish, imposed, today, wait_for
from feeder import Feeder, position, requests, source, with_logs
from peer import LogAnswer, LogRequest

KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("SEED", str(int(time.time()))))
random.seed(SEED)
print("# seed", SEED)


def sentence(n, series):
    return imposed("%s-%05d" % (series, n), prn="%s%d" % (series, n), id_="%s-%d" % (series, n))


with Bridge(edit_config=with_logs, start=False) as bridge:
    os.makedirs(bridge.dir + "/s", mode=0o700, exist_ok=True)
    court = Feeder(bridge, "court")

    # ---- A bridge that starts late ----
    early = [sentence(n, "EARLY") for n in range(200)]
    court.start()
    answers = court.fed(early)
    check(bool(answers) and [a["seq"] for a in answers] == list(range(1, 201)) and {a["disposition"] for a in answers} == {"stored"},
          "each line is answered with its number in the log", court.errors())
    bridge.start()
    check(bool(wait_for(lambda: position(bridge, "court") == 200, 60)), "a bridge that starts late takes what it missed from the log", source(bridge, "court"))
    check(requests(bridge, "EARLY") == ["EARLY-%05d" % n for n in range(200)], "all of it, in order")
    wait_for(lambda: source(bridge, "court")["state"] == "live")
    row = source(bridge, "court")
    check((row["guarantee"], row["state"], row["stream"]) == ("gapless", "live", "court-1"), "and then follows it live, without a gap", row)

    # ---- Lines that cannot be taken ----
    bad = ["no json\n", json.dumps({"specversion": "1.0", "id": "x", "type": "t"}) + "\n", json.dumps(dict(early[0], time="2020-01-01T00:00:00Z")) + "\n",
           json.dumps(early[1]) + "\n"]
    answers = court.fed(bad) or []
    check([a["disposition"] for a in answers] == ["refused", "refused", "refused", "known"] and all(a["sentence"] for a in answers[:3]),
          "a line that is no event, has no source, or uses an id again is refused with a sentence; the same event is known", answers)
    check(answers[3]["seq"] == 2, "and answered with its number", answers[3])
    check(court.end() == 3, "exit status 3: something was refused")
    once = subprocess.run([BIN + "/cppsctl", "publish", "--json", "--name", "court-1", "--log", court.log, "--once", "-"], input=json.dumps(early[0]) + "\n",
                          capture_output=True, text=True)
    check(once.returncode == 0 and json.loads(once.stdout)["disposition"] == "known", "--once ends when the lines end", once.stderr)

    name, log, bind = ["--name", "x"], ["--log", bridge.dir + "/x"], ["--bind", "ipc://%s/x" % bridge.dir]
    for wrong, says in (([*log, "--once"], "--name"), ([*name, "--once"], "--log"), ([*name, *log], "--bind"), ([*name, *log, *bind], "--bind-log"),
                        ([*name, *log, "--once", "--from", "ipc:///x"], "--from"),
                        ([*name, *log, *bind, "--bind-log", "ipc:///x", "--from", bind[1]], "--from"), ([*name, *log, "--once", "--keep", "0"], "--keep"),
                        (["--name", "a b", *log, "--once"], "--name")):
        result = bridge.ctl("publish", *wrong)
        check(result.code == 2 and says in result.err and result.err.count("\n") == 1, "publish %s: one line that names %s" % (" ".join(wrong[::2]), says), result.err)
    other = bridge.ctl("publish", "--name", "prison-1", "--log", court.log, "--once", "/dev/null")
    check(other.code == 1 and "of the stream court-1" in other.err, "a log keeps its stream's name", other.err)
    check(bridge.ctl("publish", *name, *log, "--once", bridge.dir + "/nowhere").code == 1, "a file that is not there fails")

    # ---- A writer that stops in the middle of a line ----
    court.start()
    court.fed([early[1]])
    other = bridge.ctl("publish", "--name", "court-1", "--log", court.log, "--once", "/dev/null")
    check(other.code == 1 and "in use" in other.err, "one feeder a log", other.err)
    line = json.dumps(sentence(999, "HALF")) + "\n"
    court.feed([line[:100]])
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect("ipc://%s/s/court-log" % bridge.dir)
    dealer.send(LogRequest(stream="court-1", after=198, request=5).SerializeToString())
    answer = dealer.recv() if dealer.poll(10000) else b""
    answer = LogAnswer.FromString(answer)
    check((answer.request, [r.seq for r in answer.records], answer.head) == (5, [199, 200], 200), "half a line holds nobody up", answer)
    check(json.loads(answer.records[0].event)["id"] == "EARLY-198" and answer.records[0].topic == "nz.govt.justice.cms.sentence.imposed/WELLINGTON",
          "a record is the line as it was given, its topic what it is and the office", answer.records[0])
    check(bool(court.fed([line[100:]])), "and is taken when it is whole", court.errors())
    context.destroy(0)

    # ---- As a service: a named pipe, and a word to systemd ----
    pipe, heard = bridge.dir + "/pipe", socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    os.mkfifo(pipe)
    heard.bind(bridge.dir + "/notify")
    heard.settimeout(20)
    service = subprocess.Popen([BIN + "/cppsctl", "publish", "--json", "--name", "pipe", "--log", bridge.dir + "/pipe.feeder", "--bind", "ipc://%s/p" % bridge.dir,
                                "--bind-log", "ipc://%s/pl" % bridge.dir, pipe], stdout=subprocess.PIPE, text=True, env=dict(os.environ, NOTIFY_SOCKET=bridge.dir + "/notify"))
    check(heard.recv(100) == b"READY=1", "says when it is ready, though nobody writes to the pipe yet")
    for n in range(3):
        with open(pipe, "w") as f:
            f.write(json.dumps(sentence(n, "PIPE")) + "\n")
    check([json.loads(service.stdout.readline())["seq"] for n in range(3)] == [1, 2, 3], "a named pipe is read over all its writers")
    service.terminate()
    check(service.wait(20) == 0, "and ends when it is told to")
    heard.close()

    # ---- The tail of the live stream is lost ----
    wait_for(lambda: source(bridge, "court")["state"] == "live", 20)
    bridge.signal(signal.SIGSTOP)
    tail = [sentence(n, "TAIL") for n in range(1500)]
    stored = court.fed(tail)
    bridge.signal(signal.SIGCONT)
    check(bool(stored), "the feeder goes on while the bridge stands still", court.errors())
    check(bool(wait_for(lambda: position(bridge, "court") == 1701, 60)), "what a live stream lost, to its last record, is told by the heartbeat and read from the log",
          source(bridge, "court"))
    check(requests(bridge, "TAIL") == ["TAIL-%05d" % n for n in range(1500)], "once, and in order")

    # ---- Kills ----
    flow = [json.dumps(sentence(n, "FLOW")) + "\n" for n in range(2000)]
    confirmed = {}  # number of the line -> seq
    done = 0  # answered lines, from the first
    kills = {"feeder": 0, "bridge": 0}
    step, since = len(flow) // (2 * KILLS + 2), 0  # lines from one kill to the next
    court.end()
    began = time.monotonic()
    while done < len(flow) and time.monotonic() - began < 300:
        court.start()
        first = sent = done
        dead = False
        while not dead and sent < len(flow):
            court.feed(flow[sent:sent + 20])
            sent += 20
            since += 20
            time.sleep(random.random() * 0.03)
            if since < step:
                continue
            if kills["bridge"] < kills["feeder"]:
                since = 0 if bridge.kill() else since
                kills["bridge"] += since == 0
            elif kills["feeder"] < KILLS:
                court.end(signal.SIGKILL)
                kills["feeder"] += 1
                since, dead = 0, True
        if not dead:
            wait_for(lambda: len(court.answers()) >= len(flow) - first, 30)
        for answer in court.answers():
            confirmed[first + answer["line"] - 1] = answer["seq"]
        done = first + len(court.answers())
    if court.process.poll() is not None:
        court.start()
    check(kills == {"feeder": KILLS, "bridge": KILLS}, "killed in turn while 2,000 events flowed", kills)
    check(len(confirmed) == len(flow), "every line was answered in the end", len(confirmed))
    names = court.rows("SELECT seq, id FROM record ORDER BY seq")
    check([n[0] for n in names] == list(range(1, 3702)), "the feeder's log has no gap", names[-3:])
    check([n[1] for n in names[1701:]] == ["FLOW-%d" % n for n in range(2000)], "and every event once, in order", names[1701:1704])
    check(all(names[seq - 1][1] == "FLOW-%d" % line for line, seq in confirmed.items()), "what was answered lies where the answer said")
    bridge.wait_ready()
    check(bool(wait_for(lambda: position(bridge, "court") == 3701, 90)), "the bridge's position reaches the end of the log",
          (source(bridge, "court"), bridge.sql("SELECT * FROM cpps.source_position")))
    check(requests(bridge, "FLOW") == ["FLOW-%05d" % n for n in range(2000)], "every event arrived once, in order")
    check(bridge.sql("SELECT count(*) FROM cpps.quarantined_event") == [(0,)], "nothing was set aside")
    row = next(r for r in bridge.ctl("sources", "--json").rows if r["name"] == "court")
    check((row["position"], row["guarantee"]) == (3701, "gapless"), "cppsctl sources shows the position", row)

    # ---- Beside a plain PUB ----
    context = zmq.Context()
    plain = context.socket(zmq.XPUB)
    plain.bind("ipc://%s/plain" % bridge.dir)
    prison = Feeder(bridge, "prison", "--from", "ipc://%s/plain" % bridge.dir)

    def start_prison():
        prison.start()
        while plain.poll(20000) and plain.recv() != b"\x01":
            pass

    def released(n):
        return event("nz.govt.corrections.ioms.offender.released",
                     {"prn": "R%d" % n, "orderRef": "PLAIN-%05d" % n, "orderType": "RELEASE_ON_CONDITIONS", "releasedOn": today(), "office": "HAMILTON"},
                     id_="plain-%d" % n)

    start_prison()
    for n in range(300):
        if n == 100:
            bridge.kill()
        plain.send_multipart([b"release", json.dumps(released(n)).encode()])
        if n % 3 == 0:  # and again
            plain.send_multipart([b"release", json.dumps(released(n)).encode()])
    check(bool(wait_for(lambda: prison.rows("SELECT max(seq), count(*) FROM record") == [(300, 300)])), "what a plain PUB sends is stored, repeats once",
          prison.rows("SELECT max(seq), count(*) FROM record"))
    prison.end(signal.SIGKILL)
    start_prison()
    plain.send_multipart([b"release", b"{not an event"])
    reused = released(5)
    reused["data"]["office"] = "NELSON"
    plain.send_multipart([b"release", json.dumps(reused).encode()])
    plain.send_multipart([b"release", json.dumps(released(300)).encode()])
    bridge.wait_ready()
    check(bool(wait_for(lambda: position(bridge, "prison") == 303, 60)), "and taken by the bridge", source(bridge, "prison"))
    check(requests(bridge, "PLAIN") == ["PLAIN-%05d" % n for n in range(301)], "once, in order, over kills of both")
    check(sorted(bridge.sql("SELECT reason FROM cpps.quarantined_event")) == [("ID_REUSED",), ("MALFORMED",)],
          "what is wrong with it is set aside by the bridge, where a person sees it", bridge.sql("SELECT reason FROM cpps.quarantined_event"))
    prison.end()

    # ---- A log that was restored from an older copy ----
    court.end()
    shutil.copy(court.log, court.log + ".old")
    court.start()
    court.fed([sentence(n, "LOST") for n in range(30)])
    check(bool(wait_for(lambda: position(bridge, "court") == 3731)), "30 more are taken")
    court.end()
    shutil.copy(court.log + ".old", court.log)
    court.start()
    court.fed([sentence(n, "AFTER") for n in range(10)])
    check(bool(wait_for(lambda: source(bridge, "court")["state"] == "stuck", 60)), "the bridge notices that the log was restored from an older copy", source(bridge, "court"))
    said = [line for line in bridge.log().splitlines() if "stands still" in line]
    check(bool(said) and "3731 " in said[-1] and "court-1" in said[-1], "and says which records are missing", said)
    court.fed([sentence(n, "AFTER") for n in range(10, 60)])
    time.sleep(1.5)
    check(position(bridge, "court") == 3731 and requests(bridge, "AFTER") == [], "nothing is skipped in silence", requests(bridge, "AFTER"))
    bridge.kill()
    bridge.wait_ready()
    check(bool(wait_for(lambda: source(bridge, "court")["state"] == "stuck", 60)), "also after a restart",
          (source(bridge, "court"), bridge.log()[-2000:]))
    court.end()
    context.destroy(0)

finish()
