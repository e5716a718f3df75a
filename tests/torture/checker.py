"""What must hold at the end, asked of PostgreSQL's tables, the feeders' files and what everybody was told, without the bridge's help.

It reads the log batch by batch and keeps a few bytes a record, so that it can be as long as it likes."""

import array
import collections
import sqlite3
import zlib

from load import WORDS, sum_of
from place import peer
from stories import EFFECTS

PREFIX = "nz.govt.corrections.cpps."
SHOWN = 5


class Findings:
    """Counts of what went wrong, by kind, with the first few of each told."""

    KINDS = ("lost", "repeated", "out of order", "gapped", "wrong", "unfinished", "unasked")

    def __init__(self):
        self.counts = collections.OrderedDict((kind, 0) for kind in self.KINDS)
        self.told = []

    def add(self, kind, sentence, count=1):
        if not count:
            return
        self.counts[kind] += count
        if sum(k == kind for k, _ in self.told) < SHOWN:
            self.told.append((kind, sentence))

    def all_zero(self):
        return not any(self.counts.values())


class Log:
    """The published log, from its table."""

    def __init__(self, place, findings):
        self.sums, self.bytes_sums, self.epochs, self.causes = array.array("I"), array.array("I"), array.array("Q"), []
        self.effects = {}  # cause -> {(name, ref, step): count}
        self.first_of = {}  # cause -> seq of its first record
        self.findings = findings
        connection = place.connect()
        with connection.cursor("log") as cursor:
            cursor.itersize = 200
            cursor.execute("SELECT first_seq, last_seq, epoch, topics, refs, causes, ends, records FROM cpps_store.batch ORDER BY first_seq")
            for row in cursor:
                self.take_batch(*row)
        connection.close()

    @property
    def head(self):
        return len(self.sums)

    def take_batch(self, first, last, epoch, topics, refs, causes, ends, records):
        if first != self.head + 1:
            kind = "gapped" if first > self.head + 1 else "repeated"
            self.findings.add(kind, "the log: record %d follows %d" % (first, self.head), abs(first - self.head - 1))
        if not len(topics) == len(ends) == len(causes) == last - first + 1:
            self.findings.add("wrong", "the log: the batch from %d to %d does not hold as many records" % (first, last))
        if self.epochs and epoch < self.epochs[-1]:
            self.findings.add("out of order", "the log: record %d is of epoch %d, after one of %d" % (first, epoch, self.epochs[-1]))
        begin, data = 0, bytes(records)
        for i, end in enumerate(ends):
            self.take_record(first + i, epoch, topics[i], refs[i], causes[i], data[begin:end])
            begin = end

    def take_record(self, seq, epoch, topic, ref, cause, data):
        event = peer.CloudEvent.FromString(data)
        said = event.attributes["causationid"].ce_string if "causationid" in event.attributes else ""
        if (event.id, event.attributes["sequence"].ce_string, said) != ("%d-%d" % (epoch, seq), "%020d" % seq, cause or ""):
            self.findings.add("wrong", "the log: record %d of epoch %d calls itself %s, caused by %s" % (seq, epoch, event.id, said))
        self.sums.append(sum_of(event.id, event.type, said))
        self.bytes_sums.append(zlib.crc32(topic.encode() + data))
        self.epochs.append(epoch)
        self.causes.append(cause)
        if cause:
            key = (event.type[len(PREFIX):], ref, topic, self.step(event))
            effects = self.effects.setdefault(cause, {})
            effects[key] = effects.get(key, 0) + 1
            self.first_of.setdefault(cause, seq)

    @staticmethod
    def step(event):
        """What tells the records of one event apart: the step of a task."""
        if ".task." not in event.type:
            return 0
        task = peer.records_pb2.TaskRecord()
        event.proto_data.Unpack(task)
        return task.step


class Checker:
    def __init__(self, place, submitters, feeders, plain, consumers):
        self.place, self.submitters, self.feeders, self.plain, self.consumers = place, submitters, feeders, plain, consumers
        self.findings = Findings()
        self.claims, self.quarantined, self.parked, self.requests = {}, {}, set(), {}
        self.best_effort = 0

    def read(self):
        self.log = Log(self.place, self.findings)
        for source, id_, disposition, seq in self.place.sql("SELECT source, id, disposition, seq FROM cpps_store.claim"):
            self.claims[id_] = (source, disposition, seq)
        for id_, count in self.place.sql("SELECT id, count(*) FROM cpps_store.quarantined GROUP BY 1"):
            self.quarantined[id_] = count
        self.parked = {row[0] for row in self.place.sql("SELECT id FROM cpps_store.parked")}
        self.requests = {row[0]: row[1:] for row in self.place.sql("SELECT order_ref, state, officer_id FROM cpps.request")}

    def check(self):
        self.read()
        for sender in self.submitters + self.feeders:
            self.check_answers(sender)
            self.check_events(sender.teller, sender.answered)
            self.check_order(sender.teller, sender.answered)
        for submitter in self.submitters:
            self.check_seqs(submitter)
        for feeder in self.feeders:
            self.check_feeder(feeder)
        self.check_plain()
        self.check_repeats()
        self.check_orders()
        for consumer in self.consumers:
            self.check_consumer(consumer)
        return self.findings

    # ---- Acknowledged, and then? ----

    def check_answers(self, sender):
        for sentence in sender.disorder:
            self.findings.add("out of order", sentence)
        if sender.answered < sender.most:
            self.findings.add("unfinished", "%s: %d of %d were answered" % (sender.name, sender.answered, sender.most), sender.most - sender.answered)

    def check_events(self, teller, answered):
        """Every event that was answered is there, with its effect."""
        for n in range(answered):
            id_, (index, deed) = teller.id(n), teller.of(n)
            if deed == "bad":
                if self.quarantined.get(id_, 0) != 1:
                    self.findings.add("repeated" if self.quarantined.get(id_) else "lost", "%s is in quarantine %d times" % (id_, self.quarantined.get(id_, 0)))
            elif id_ not in self.claims:
                self.findings.add("lost", "%s (%s) was acknowledged and is not there%s" % (id_, deed, ", but in quarantine" if id_ in self.quarantined else ""))
                continue
            self.check_effect(id_, deed, index, teller)

    def check_effect(self, id_, deed, index, teller):
        wanted = EFFECTS["allocate" if deed == "cross" else deed]
        if not wanted or id_ in self.parked:
            return
        effects = self.log.effects.get(id_, {})
        count = sum(c for key, c in effects.items() if key[0] in wanted)
        if count != 1:
            self.findings.add("lost" if count == 0 else "repeated", "%s (%s of %s) caused %d of %s" % (id_, deed, teller.order(index), count, wanted[0]))

    def check_order(self, teller, answered):
        """The events of a sender have their first effects in the order in which it gave them; those that were parked wait for others."""
        before, of = 0, ""
        for n in range(answered):
            id_, deed = teller.id(n), teller.of(n)[1]
            seq = self.log.first_of.get(id_)
            if seq is None or deed == "cross" or (teller.kind == "desk" and n % teller.length == 0 and deed == "allocate"):
                continue
            if seq < before:
                self.findings.add("out of order", "%s has its first effect before %s" % (id_, of))
            before, of = seq, id_

    def check_seqs(self, sender):
        """What an acknowledgement says: nothing good is set aside; the record it names is the event's."""
        for n in range(sender.answered):
            seq, id_, word = sender.seqs[n], sender.teller.id(n), WORDS[sender.words[n]]
            if (word == "quarantined") != (sender.teller.of(n)[1] == "bad"):
                self.findings.add("wrong", "%s (%s) was answered %s" % (id_, sender.teller.of(n)[1], word))
            if not seq or word == "parked":
                continue
            if seq > self.log.head or self.log.causes[seq - 1] != id_:
                self.findings.add("wrong", "the acknowledgement of %s names record %d, which is not of it" % (id_, seq))

    # ---- A feeder's log ----

    def check_feeder(self, feeder):
        connection = sqlite3.connect("file:%s?mode=ro" % feeder.log, uri=True)
        rows = connection.execute("SELECT seq, id FROM record ORDER BY seq").fetchall()
        connection.close()
        for i, (seq, id_) in enumerate(rows):
            if (seq, id_) != (i + 1, feeder.teller.id(i)):
                self.findings.add("out of order", "the log of %s: record %d is %s, in place of %s" % (feeder.name, seq, id_, feeder.teller.id(i)))
                break
        for n in range(feeder.answered):
            if feeder.seqs[n] != n + 1:
                self.findings.add("wrong", "%s answered %s with number %d" % (feeder.name, feeder.teller.id(n), feeder.seqs[n]))
        if len(rows) < feeder.answered:
            self.findings.add("lost", "the log of %s ends with record %d, and %d were stored" % (feeder.name, len(rows), feeder.answered), feeder.answered - len(rows))
        position = dict(self.place.sql("SELECT source, seq FROM cpps_store.source_position")).get(feeder.name, 0)
        if position != len(rows):
            self.findings.add("unfinished", "the bridge has taken %d of %d records of %s" % (position, len(rows), feeder.name), abs(len(rows) - position))

    # ---- Best effort ----

    def check_plain(self):
        teller = self.plain.teller
        for n in range(self.plain.sent):
            if teller.id(n) in self.claims:
                self.best_effort += 1
                self.check_effect(teller.id(n), teller.of(n)[1], teller.of(n)[0], teller)

    # ---- Nothing twice; where the orders stand ----

    def check_repeats(self):
        for cause, effects in self.log.effects.items():
            for key, count in effects.items():
                if count > 1:
                    self.findings.add("repeated", "%s caused %s of %s %d times" % (cause, key[0], key[1], count), count - 1)

    def check_orders(self):
        """The last word on each order holds."""
        for sender in self.submitters + self.feeders:
            teller = sender.teller
            for index in range(sender.answered // teller.length):
                story, order = teller.story(index), teller.order(index)
                state, officer = self.requests.get(order, ("absent", None))
                if (state == "CANCELLED") != (story[-1] in ("cancel", "recall")):
                    self.findings.add("wrong", "%s is %s after %s" % (order, state, ", ".join(story)))
                mine = [deed for deed in story if deed.startswith("allocate")]
                if mine and officer != {"allocate": "first", "allocate-other": "second"}[mine[-1]]:
                    self.findings.add("wrong", "%s is with %s after %s" % (order, officer, ", ".join(story)))

    # ---- What consumers saw ----

    def check_consumer(self, consumer):
        add, name = self.findings.add, consumer.name
        add("gapped", "%s was not given %d records in between" % (name, consumer.gapped), consumer.gapped)
        add("repeated", "%s was given %d records twice" % (name, consumer.repeated), consumer.repeated)
        add("out of order", "%s was given %d records out of order" % (name, consumer.disorder), consumer.disorder)
        add("wrong", "%s was given %d records again, and otherwise" % (name, consumer.differing), consumer.differing)
        if consumer.last < self.log.head:
            add("unfinished", "%s has %d of %d records" % (name, consumer.last, self.log.head), self.log.head - consumer.last)
        sums = consumer.log_sums(self.log)
        count = min(consumer.last, self.log.head)
        if consumer.sums[:count] == sums[:count] and consumer.epochs[:count] == self.log.epochs[:count] and consumer.last <= self.log.head:
            return
        wrong = [i + 1 for i in range(count) if (consumer.sums[i], consumer.epochs[i]) != (sums[i], self.log.epochs[i]) and consumer.sums[i]]
        add("wrong", "%s was given record %s, which the log does not hold so" % (name, wrong[:1]), len(wrong) + max(0, consumer.last - self.log.head))
