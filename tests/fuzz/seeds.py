"""seeds.py DECODE_DIR PROTOCOL_DIR: writes the fuzzers' first inputs: every event of the fixture in both formats, and one message of each kind
of the protocol, made by Python's protobuf."""

import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/system")

import peer  # noqa: E402

decode_dir, protocol_dir = sys.argv[1:3]


def write(directory, name, data):
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)


with open(ROOT + "/tests/fixtures/events.ndjson") as f:
    events = [json.loads(line) for line in f]
for number, event in enumerate(events):
    write(decode_dir, "json-%02d" % number, json.dumps(event, ensure_ascii=False).encode())
    write(decode_dir, "protobuf-%02d" % number, peer.encode(event))

p = peer.protocol_pb2
event = peer.encode(events[0])
acks = [p.Ack(id="e-1", source="urn:a", disposition=3, reason="ORDER_DIFFERS", sentence="differs", seq=9), p.Ack(id="e-2", source="urn:a", disposition=1)]
kinds = [
    p.Position(stream="nz", epoch=1795600000, seq=42, head=50),
    p.LogRequest(stream="nz", after=41, after_epoch=1795600000, prefixes=["task.", "ptp."], limit=100, wait_ms=10000, name="reports", confirmed=40,
                 start=1, request=7),
    p.LogAnswer(result=3, records=[p.LogRecord(seq=42, epoch=1795600000, topic="task.opened/NELSON", event=event), p.LogRecord(seq=43)], through=43,
                head=50, epoch=1795600000, first=1, leaders=["ipc:///run/a", "tcp://b:1"], sentence="ask elsewhere", request=7),
    acks[0],
    p.ControlRequest(verb=2, events=[event, b"{}"], numbers=[1, 300], all=True, by="me", reason="because", name="reports", microseconds=-1, agreed=True,
                     differences=3),
    p.ControlAnswer(done=True, sentence="done", json="{}", acks=acks),
]
# The first byte chooses the kind, the second the size of the arena.
for number, message in enumerate(kinds):
    write(protocol_dir, "kind-%d" % number, bytes([number, 16]) + message.SerializeToString())
