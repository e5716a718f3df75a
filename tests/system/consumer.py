"""consumer.py LIVE LOG STREAM [AFTER [EPOCH]]: follows a stream, complete and in order, and prints one line a record: seq, topic, id.

Needs pyzmq, protobuf, and the messages: protoc --proto_path=proto --python_out=. proto/*.proto"""

import random
import sys
import time

import zmq
from cloudevents_pb2 import CloudEvent
from protocol_pb2 import LogAnswer, LogRequest, Position


class Follower:
    def __init__(self, live, log, stream, after=0, epoch=0):
        self.stream, self.after, self.epoch = stream, after, epoch  # the last record applied, and its epoch
        self.term = self.head = self.request = 0  # what was heard of
        self.first_log = self.log = log
        self.context, self.dealer = zmq.Context(), None
        self.sub = self.context.socket(zmq.SUB)
        self.sub.setsockopt(zmq.SUBSCRIBE, b"")
        self.sub.connect(live)

    def connect(self, endpoint):
        if self.dealer:
            self.dealer.close(0)
        self.dealer = self.context.socket(zmq.DEALER)
        self.dealer.connect(endpoint)

    def ask(self):
        """One answer of the log, from whoever leads."""
        while True:
            if not self.dealer:
                self.connect(self.log)
            self.request += 1
            self.dealer.send(LogRequest(stream=self.stream, after=self.after, after_epoch=self.epoch, request=self.request).SerializeToString())
            while self.dealer.poll(3000):
                answer = LogAnswer.FromString(self.dealer.recv())
                if answer.result == LogAnswer.NOT_ALLOWED:
                    raise SystemExit(answer.sentence)
                if answer.request != self.request:
                    continue
                if answer.result == LogAnswer.NOT_LEADER or answer.epoch < self.term:
                    self.log = random.choice([*answer.leaders, self.first_log])
                    break
                return answer
            else:
                self.log = self.first_log
            time.sleep(0.2)
            self.connect(self.log)

    def read_log(self):
        while True:
            answer = self.ask()
            if answer.result != LogAnswer.OK:
                raise SystemExit("%s: %s" % (LogAnswer.Result.Name(answer.result), answer.sentence))
            for record in answer.records:
                if record.seq > self.after:
                    self.after, self.epoch = record.seq, record.epoch
                    yield record.seq, record.topic, record.event
            if answer.through > self.after:  # where the log no longer begins with its first record
                self.after, self.epoch = answer.through, 0
            self.term, self.head = answer.epoch, max(answer.head, self.head if answer.epoch == self.term else 0)
            if self.after >= self.head:
                return

    def records(self):
        """(seq, topic, event) for ever."""
        yield from self.read_log()
        while True:
            if not self.sub.poll(4000):  # a heartbeat comes each second
                yield from self.read_log()
                continue
            topic, position, event = self.sub.recv_multipart()
            position = Position.FromString(position)
            if position.stream != self.stream or position.epoch < self.term:
                continue
            if position.epoch == self.term and position.seq == self.after + 1:
                self.after, self.epoch = position.seq, position.epoch
                yield position.seq, topic.decode(), event
            elif position.epoch > self.term or position.seq > self.after or (not position.seq and position.head > self.after):
                yield from self.read_log()


if __name__ == "__main__":
    numbers = [int(n) for n in sys.argv[4:6]]
    for seq, topic, event in Follower(*sys.argv[1:4], *numbers).records():
        print(seq, topic, CloudEvent.FromString(event).id, flush=True)
