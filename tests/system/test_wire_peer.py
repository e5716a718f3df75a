"""Python's own protobuf and the bridge's wire/ agree: every inbound type, every field of every record, and a consumer written from proto/README.md, which
follows the log of a real bridge complete and in order, over kills of the daemon."""

import json
import os
import re
import struct
import subprocess
import sys
import time

import peer
from bridge import BIN, BUILD, ROOT, Bridge, check, finish, imposed, wait_for
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

DECODE_PEER = os.path.join(BIN, "tests/system/decode_peer")


def decode(frames):
    """What the bridge's wire/ makes of each frame."""
    done = subprocess.run([DECODE_PEER], input=b"".join(struct.pack("<I", len(f)) + f for f in frames), capture_output=True, timeout=60)
    check(done.returncode == 0 and not done.stderr, "decode_peer ends well", done.stderr.decode())
    return [json.loads(line) for line in done.stdout.splitlines()]


def payload_of(event, type_):
    message = peer.message_of(type_)
    event.proto_data.Unpack(message)
    return message


def parts(frame):
    """What a CloudEvent says, for comparison."""
    event = peer.CloudEvent.FromString(frame)
    attributes = {name: value.SerializeToString() for name, value in event.attributes.items()}
    return event.id, event.source, event.spec_version, event.type, attributes, event.proto_data.type_url, payload_of(event, event.type)


def inbound():
    with open(ROOT + "/tests/fixtures/events.ndjson") as f:
        events = [json.loads(line) for line in f]
    check(sorted(e["type"] for e in events) == sorted(peer.MESSAGES) and len(events) == 21, "the fixture has every inbound type once")
    packed = [peer.encode(e) for e in events]
    answers = decode(packed + [json.dumps(e).encode() for e in events])
    of_protobuf, of_json = answers[:len(events)], answers[len(events):]
    bad = [(a["type"] if "type" in a else a, a["sentence"]) for a in answers if a["answer"] != 0]
    check(not bad, "every inbound type is taken, as Python encodes it and as JSON", bad)
    check([a.get("type") for a in of_protobuf] == [e["type"] for e in events], "and known for what it is")
    bad = [e["type"] for e, a, b in zip(events, of_protobuf, of_json) if a.get("content") != b.get("content")]
    check(not bad, "both formats have the same content hash", bad)
    check(len({a.get("content") for a in answers}) == len(events), "and no two events the same")
    bad = [(e["data"], a["event"]["data"]) for e, a in zip(events, of_protobuf) if a["event"]["data"] != e["data"]]
    check(not bad, "Python's encoding is shown as the JSON it was made of", bad[:1])
    bad = [e["type"] for e, a, theirs in zip(events, of_json, packed) if parts(bytes.fromhex(a["protobuf"])) != parts(theirs)]
    check(not bad, "Python reads our protobuf format as the same message", bad)


def fill(message, salt):
    """A value in every field; neighbours differ."""
    for field in message.DESCRIPTOR.fields:
        salt += 1
        many = field.label == FieldDescriptor.LABEL_REPEATED
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.message_type.name == "Timestamp":
                getattr(message, field.name).FromMicroseconds(1795608000000001 + salt * 86400000000)
            else:
                getattr(message, field.name).value = salt % 2 == 0
            continue
        value = {FieldDescriptor.TYPE_STRING: "%s ā %d" % (field.name, salt), FieldDescriptor.TYPE_UINT64: 2 ** 64 - salt,
                 FieldDescriptor.TYPE_INT32: -salt, FieldDescriptor.TYPE_BOOL: True,
                 FieldDescriptor.TYPE_ENUM: field.enum_type and 1 + salt % (len(field.enum_type.values) - 1)}[field.type]
        getattr(message, field.name).extend([value, value]) if many else setattr(message, field.name, value)
    return message


def records():
    with open(ROOT + "/daemon/core/words.h") as f:
        names = re.findall(r'X\([A-Z_]+, \d+, "([a-z.-]+)", \w+Record\)', f.read())
    check(len(names) == 33, "33 names of records", names)
    messages, frames = [], []
    for salt, name in enumerate(names):
        type_ = peer.RECORD_TYPE_PREFIX + name
        event = peer.CloudEvent(id="1-%d" % salt, source="urn:a", spec_version="1.0", type=type_)
        messages.append(fill(peer.message_of(type_), salt))
        event.proto_data.Pack(messages[-1], type_url_prefix="type.googleapis.com/")
        frames.append(event.SerializeToString())
    answers = decode(frames)
    bad = [(n, a["event"].get("data")) for n, m, a in zip(names, messages, answers)
           if json_format.ParseDict(a["event"]["data"], type(m)()) != m or set(a["event"]["data"]) != set(json_format.MessageToDict(m))]
    check(not bad, "every field of every record is shown as Python's JSON mapping reads it", bad[:1])
    again = decode([json.dumps(a["event"]).encode() for a in answers])
    bad = [n for n, m, a in zip(names, messages, again) if payload_of(peer.CloudEvent.FromString(bytes.fromhex(a["protobuf"])), peer.RECORD_TYPE_PREFIX + n) != m]
    check(not bad, "and comes back from it", bad)


class Consumer:
    """The page's consumer as a process; its lines so far."""

    def __init__(self, bridge, *after):
        path = os.path.join(ROOT, "build", BUILD, "python")
        self.file = os.path.join(bridge.dir, "consumer-%d.out" % time.monotonic_ns())
        stream = re.search(r"^stream: *(\S+)", open(bridge.config).read(), re.MULTILINE).group(1)
        self.process = subprocess.Popen([sys.executable, "-B", ROOT + "/tests/system/consumer.py", bridge.endpoint("live"), bridge.endpoint("log"), stream] + [str(a) for a in after],
                                        stdout=open(self.file, "w"), stderr=subprocess.STDOUT, env=dict(os.environ, PYTHONPATH=path))

    def rows(self):
        with open(self.file) as f:
            return [line.split() for line in f.read().splitlines()]

    def reach(self, head, seconds=60):
        return wait_for(lambda: self.rows() and self.rows()[-1][0] == str(head), seconds)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def follows(what, consumer, expected):
    reached = consumer.reach(expected[-1][0])
    rows = [(r[0], r[-1]) for r in consumer.rows()]
    check(bool(reached) and rows == expected, what, (len(rows), len(expected), rows[-3:], expected[-3:]))


def log_of(bridge, after=0):
    return [(str(int(r["sequence"])), r["id"]) for r in bridge.tail(after)]


def consumers():
    with Bridge() as bridge:
        early = Consumer(bridge)
        for batch in range(4):
            bridge.submit([imposed("CRI-2026-001-%06d/1" % (100 * batch + n), prn="W%d" % n) for n in range(50)])
            if batch in (1, 2):
                bridge.kill()
                bridge.wait_ready()
        late = Consumer(bridge)
        middle = Consumer(bridge, 40)
        expected = log_of(bridge)
        check(len(expected) > 400 and [int(s) for s, _ in expected] == list(range(1, len(expected) + 1)), "the log is whole: %d records" % len(expected))
        follows("a consumer from the start has every record once and in order, over two kills", early, expected)
        follows("one that comes late reads them from the log", late, expected)
        follows("one that has some goes on after them", middle, expected[40:])
        bridge.submit([imposed("CRI-2026-002-%06d/1" % n, prn="X%d" % n) for n in range(20)])
        more = log_of(bridge)
        check(len(more) > len(expected), "more records are written")
        for name, consumer, at in ("first", early, 0), ("late", late, 0), ("middle", middle, 40):
            follows("the %s goes on with what comes live" % name, consumer, more[at:])
        epoch = early.rows()[-1][-1].split("-")[0]
        strange = Consumer(bridge, more[-1][0], int(epoch) - 5)
        check(bool(wait_for(lambda: strange.process.poll() is not None, 20)) and "DIVERGED" in str(strange.rows()), "one from another history is told DIVERGED", strange.rows())
        for consumer in early, late, middle, strange:
            consumer.stop()


subprocess.run(["make", "-s", "-C", ROOT, "BUILD=" + BUILD, os.path.relpath(DECODE_PEER, ROOT)], check=True)
inbound()
records()
consumers()
finish()
