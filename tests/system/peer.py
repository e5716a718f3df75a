"""The messages in Python's own protobuf: a foreign implementation of the wire, made from proto/ by protoc."""

import os
import re
import subprocess
import sys

from bridge import BUILD, ROOT

_out = os.path.join(ROOT, "build", BUILD, "python")
os.makedirs(_out, exist_ok=True)
subprocess.run(["protoc", "--proto_path=" + ROOT + "/proto", "--python_out=" + _out] +
               [ROOT + "/proto/" + name for name in sorted(os.listdir(ROOT + "/proto")) if name.endswith(".proto")], check=True)
sys.path.insert(0, _out)

import cloudevents_pb2  # noqa: E402
import events_pb2  # noqa: E402
import protocol_pb2  # noqa: E402
import records_pb2  # noqa: E402
from google.protobuf import json_format, timestamp_pb2  # noqa: E402

CloudEvent = cloudevents_pb2.CloudEvent
Ack = protocol_pb2.Ack
Position = protocol_pb2.Position
LogRequest = protocol_pb2.LogRequest
LogAnswer = protocol_pb2.LogAnswer

def _messages():
    """CloudEvent type -> message, as the comment above each message of events.proto says."""
    with open(ROOT + "/proto/events.proto") as f:
        return dict(re.findall(r"^// (nz\.govt\.[a-z.]+): .*\n(?://.*\n)*message (\w+) {", f.read(), re.MULTILINE))


MESSAGES = _messages()
RECORD_TYPE_PREFIX = "nz.govt.corrections.cpps."
FAMILIES = {"allocation": "AllocationRecord", "task": "TaskRecord", "ptp": "PtpRecord", "event": "EventRecord"}


def message_of(type_):
    """An empty message for the data of an event of the type, inbound or published."""
    if type_ in MESSAGES:
        return getattr(events_pb2, MESSAGES[type_])()
    return getattr(records_pb2, FAMILIES[type_[len(RECORD_TYPE_PREFIX):].split(".")[0]])()


def encode(event):
    """A CloudEvent given as in the JSON format, in the protobuf format."""
    message = CloudEvent(id=event["id"], source=event["source"], spec_version="1.0", type=event["type"])
    stamp = timestamp_pb2.Timestamp()
    stamp.FromJsonString(event["time"])
    message.attributes["time"].ce_timestamp.CopyFrom(stamp)
    for name, value in event.items():
        if name not in ("id", "source", "specversion", "type", "time", "data"):
            message.attributes[name].ce_string = value
    payload = message_of(event["type"])
    json_format.ParseDict(event["data"], payload)
    message.proto_data.Pack(payload, type_url_prefix="type.googleapis.com/")
    return message.SerializeToString()


def ack(frame):
    message = Ack()
    message.ParseFromString(frame)
    return message


def disposition(message):
    return Ack.Disposition.Name(message.disposition)
