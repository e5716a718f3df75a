"""follow.py LIVE[,LIVE] LOG STREAM AFTER EPOCH: follows as the protocol page says (tests/system/consumer.py), and prints seq, id and the sum of each event."""

import os
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from cloudevents_pb2 import CloudEvent  # noqa: E402
from consumer import Follower  # noqa: E402

lives = sys.argv[1].split(",")
follower = Follower(lives[0], *sys.argv[2:4], *[int(n) for n in sys.argv[4:6]])
for live in lives[1:]:
    follower.sub.connect(live)
for seq, topic, event in follower.records():
    print(seq, CloudEvent.FromString(event).id, zlib.crc32(topic.encode() + event), flush=True)
