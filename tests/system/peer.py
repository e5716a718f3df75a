"""The messages in Python's own protobuf: a foreign implementation of the wire, made from proto/ by protoc."""

import os
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
import records_pb2  # noqa: E402,F401
from google.protobuf import json_format, timestamp_pb2  # noqa: E402

CloudEvent = cloudevents_pb2.CloudEvent
Ack = protocol_pb2.Ack
Position = protocol_pb2.Position
LogRequest = protocol_pb2.LogRequest
LogAnswer = protocol_pb2.LogAnswer

MESSAGES = {
    "nz.govt.justice.cms.sentencing.scheduled": "SentencingScheduled",
    "nz.govt.justice.cms.sentence.imposed": "SentenceImposed",
    "nz.govt.justice.cms.sentence.varied": "SentenceVaried",
    "nz.govt.justice.cms.sentence.cancelled": "SentenceCancelled",
    "nz.govt.corrections.ioms.document.received": "DocumentReceived",
}


def encode(event):
    """A CloudEvent given as in the JSON format, in the protobuf format."""
    message = CloudEvent(id=event["id"], source=event["source"], spec_version="1.0", type=event["type"])
    stamp = timestamp_pb2.Timestamp()
    stamp.FromJsonString(event["time"])
    message.attributes["time"].ce_timestamp.CopyFrom(stamp)
    payload = getattr(events_pb2, MESSAGES[event["type"]])()
    json_format.ParseDict(event["data"], payload)
    message.proto_data.Pack(payload, type_url_prefix="type.googleapis.com/")
    return message.SerializeToString()


def ack(frame):
    message = Ack()
    message.ParseFromString(frame)
    return message


def disposition(message):
    return Ack.Disposition.Name(message.disposition)
