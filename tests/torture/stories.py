"""The events of the campaign. The n-th event of a sender is a function of n alone, so that it can be made again, byte for byte, and so that the checker
knows what must have come of it without having kept it.

Each sender tells of orders of its own, one after the other: an order is a fixed number of events, its story, and the stories take turns."""

import datetime
import json

COURT, PRISON, DESK, TOOLS, PLAIN = ("urn:nz:justice:cms", "urn:nz:corrections:ioms", "urn:nz:justice:desk", "urn:nz:corrections:cpps", "urn:nz:justice:plain")
OFFICES = ("AUCKLAND", "HAMILTON", "WELLINGTON", "CHRISTCHURCH", "DUNEDIN")

# What an event does: the record (or one of the records) that it causes, exactly once. None: whatever comes, comes once.
EFFECTS = {
    "impose": ("allocation.requested",),
    "release": ("allocation.requested",),
    "papers": ("task.completed",),  # the last of them
    "paper": None,
    "paper2": None,
    "allocate": ("allocation.allocated", "allocation.reallocated"),
    "allocate-other": ("allocation.allocated", "allocation.reallocated"),
    "vary": None,
    "file": ("task.completed",),
    "cancel": ("allocation.cancelled",),
    "recall": ("allocation.cancelled",),
    "bad": ("event.quarantined",),
}

# One row a story. A sender's stories have the same length.
STORIES = {
    "desk": (
        ("impose", "papers", "allocate", "allocate-other", "cancel"),
        ("allocate", "impose", "bad", "papers", "allocate-other"),  # the first is parked
        ("impose", "allocate", "file", "papers", "vary"),
        ("impose", "cross", "papers", "allocate", "cancel"),  # cross: allocates an order of a feeder, which may not have come yet
    ),
    "court": (("impose", "papers", "cancel"), ("impose", "vary", "papers")),
    "prison": (("release", "paper", "paper2", "papers", "recall"), ("release", "paper", "paper2", "papers", "paper")),
    "plain": (("impose",),),
}


class Teller:
    """Makes the events of one sender. began: the campaign's first instant, in seconds; place: of a desk among the desks."""

    def __init__(self, name, kind, began, place=0, feeders=("court", "prison")):
        self.name, self.kind, self.began, self.place = name, kind, began, place
        self.stories = STORIES[kind]
        self.length = len(self.stories[0])
        self.feeder = feeders[place % 2] if feeders else None
        self.day = (datetime.datetime.utcfromtimestamp(began) + datetime.timedelta(hours=12)).date()

    def order(self, index):
        return "%s/%d" % (self.name.upper(), index)

    def story(self, index):
        return self.stories[index % len(self.stories)]

    def of(self, n):
        """(index of the order, what is done) of the n-th event."""
        index, step = divmod(n, self.length)
        return index, self.story(index)[step]

    def crossed(self, index):
        """The order of a feeder that the desk allocates in its story `index`: of an odd number there, for the even ones are cancelled."""
        return "%s/%d" % (self.feeder.upper(), 2 * (2 * (index // len(self.stories)) + self.place // 2) + 1)

    def id(self, n):
        return "%s-%d" % (self.name, n)

    def source(self, deed):
        if self.kind == "court":
            return COURT
        if self.kind == "prison":
            return PRISON
        if self.kind == "plain":
            return PLAIN
        return TOOLS if deed in ("allocate", "allocate-other", "file", "cross") else DESK

    def line(self, n):
        index, deed = self.of(n)
        type_, data = getattr(self, "_" + deed.replace("-", "_"))(index)
        time_ = datetime.datetime.utcfromtimestamp(self.began + n / 1000).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return json.dumps({"specversion": "1.0", "id": self.id(n), "source": self.source(deed), "type": "nz.govt." + type_, "time": time_, "data": data}) + "\n"

    # ---- Deeds ----

    def _sentence(self, index, days):
        return {"prn": "%s%d" % (self.name.upper(), index), "orderRef": self.order(index), "orderType": "SUPERVISION", "imposedOn": str(self.day),
                "startsOn": str(self.day), "endsOn": str(self.day + datetime.timedelta(days=days)), "office": OFFICES[index % len(OFFICES)],
                "childSexOffence": False}

    def _impose(self, index):
        return "justice.cms.sentence.imposed", self._sentence(index, 400)

    def _vary(self, index):
        return "justice.cms.sentence.varied", dict(self._sentence(index, 500), reason="longer")

    def _release(self, index):
        data = self._sentence(index, 400)
        data["releasedOn"] = data.pop("imposedOn")
        return "corrections.ioms.offender.released", dict(data, orderType="RELEASE_ON_CONDITIONS")

    def _document(self, index, document):
        return "corrections.ioms.document.received", {"orderRef": self.order(index), "document": document, "receivedOn": str(self.day)}

    def _paper(self, index):
        return self._document(index, "LICENCE")

    def _paper2(self, index):
        return self._document(index, "CONDITIONS")

    def _papers(self, index):
        return self._document(index, "RELEASE_NOTICE" if self.kind == "prison" else "SENTENCE_ORDER")

    def _bad(self, index):
        return "corrections.ioms.document.received", {"orderRef": self.order(index), "receivedOn": str(self.day)}

    def _officer(self, order, officer):
        return "corrections.cpps.allocation.recorded", {"orderRef": order, "officerId": officer, "byRole": "SERVICE_MANAGER", "by": "manager"}

    def _allocate(self, index):
        return self._officer(self.order(index), "first")

    def _allocate_other(self, index):
        return self._officer(self.order(index), "second")

    def _cross(self, index):
        return self._officer(self.crossed(index), "cross")

    def _file(self, index):
        return "corrections.cpps.task.recorded", {"orderRef": self.order(index), "step": 4, "outcome": "DONE", "byRole": "ADMINISTRATION_OFFICER", "by": "clerk",
                                                  "reason": "set up"}

    def _cancel(self, index):
        return "justice.cms.sentence.cancelled", {"orderRef": self.order(index), "cancelledOn": str(self.day), "reason": "appeal"}

    def _recall(self, index):
        return "corrections.ioms.offender.recalled", {"orderRef": self.order(index), "recalledOn": str(self.day), "reason": "breach"}
