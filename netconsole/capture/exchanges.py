"""How long questions wait for their answers at one point: DNS and DHCP.

A question asked again before its answer is a retransmission; its wait is counted from the first.
DNS over TCP waits from the question's segment on, not from the connection's first.
"""

import heapq
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, TypeAlias

from netconsole.capture.durations import Durations, Times
from netconsole.capture.layers import TCP, Internet, ethernet, internet, ports
from netconsole.capture.packet import Packet
from netconsole.capture.services import DNS_PORT, RCODES, TYPES, Dhcp, Dns, dhcp, dns_messages

Service = Literal["dns", "dhcp"]
Key: TypeAlias = tuple[object, ...]
Address: TypeAlias = IPv4Address | IPv6Address

PATIENCE_NS = 1_000_000_000
"""A question this near the end of the capture without an answer is not yet unanswered."""
GIVE_UP_NS = 60_000_000_000
"""After so long no answer is waited for: no client does."""
MOST_OPEN = 20_000
"""Questions that are waited for at once; the oldest are given up first."""
MOST_SLOW = 10
"""Questions named in a report: the slowest, and those without an answer."""
MOST_LATEST = 100
"""Questions kept to be shown."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and how it ended."""

    client: str
    server: str
    what: str
    seconds: float | None
    """Until the answer; None where there was none."""
    retransmissions: int
    outcome: str
    """DNS's return code or DHCP's message in reply; empty where there was no answer."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One question at one point."""

    key: Key
    """The same for the same question at another point."""
    at: int
    """Nanoseconds since 1970."""
    question: Question


@dataclass(frozen=True, slots=True)
class Exchange:
    """All questions of one service at one point."""

    service: Service
    questions: int
    answered: int
    lost: int
    """Without an answer."""
    retransmissions: int
    waits: Times
    outcomes: dict[str, int]
    """How often each: DNS's return codes, DHCP's messages in reply."""
    truncated: int
    """Answers too long for UDP."""
    slowest: tuple[Question, ...]


@dataclass(slots=True)
class _Open:
    key: Key
    asked: int
    client: str
    server: str
    what: str
    again: int = 0
    answered: int | None = None
    outcome: str = ""

    @property
    def waited(self) -> int:
        """Nanoseconds until the answer, 0 without one."""
        return 0 if self.answered is None else self.answered - self.asked

    @property
    def told(self) -> Question:
        """Return it as it stands."""
        wait = None if self.answered is None else self.waited / 1e9
        return Question(self.client, self.server, self.what, wait, self.again, self.outcome)


@dataclass(slots=True)
class _Served:
    """What one service did so far, in bounded memory."""

    questions: int = 0
    answered: int = 0
    unanswered: int = 0
    retransmissions: int = 0
    truncated: int = 0
    waits: Durations = field(default_factory=Durations)
    outcomes: Counter[str] = field(default_factory=Counter)
    open: dict[Key, _Open] = field(default_factory=dict)
    """Those that wait for their answer, by the time they were asked."""
    given_up: list[_Open] = field(default_factory=list)
    """The first without an answer."""
    slowest: list[tuple[int, int, _Open]] = field(default_factory=list)
    """A heap, by how long each waited."""
    latest: deque[_Open] = field(default_factory=lambda: deque(maxlen=MOST_LATEST))

    def ask(self, question: _Open) -> None:
        """Take a question, which may be one asked again."""
        known = self.open.get(question.key)
        if known is not None and known.what == question.what:
            known.again += 1
            self.retransmissions += 1
            return
        if known is not None:
            self._give_up(question.key)
        elif len(self.open) >= MOST_OPEN:
            self._give_up(next(iter(self.open)))
        self.questions += 1
        self.open[question.key] = question
        self.latest.append(question)

    def answer(self, key: Key, time: int, outcome: str) -> bool:
        """Take an answer; answers whether it was asked for."""
        question = self.open.pop(key, None)
        if question is None:
            return False
        question.answered, question.outcome = time, outcome
        self.answered += 1
        self.waits.latest.append(question.waited)
        self.waits.fold()
        self.outcomes[outcome] += 1
        heapq.heappush(self.slowest, (question.waited, -self.answered, question))
        if len(self.slowest) > MOST_SLOW:
            heapq.heappop(self.slowest)
        return True

    def give_up(self, before: int) -> None:
        """Wait no longer for answers to what was asked before this time."""
        while (oldest := next(iter(self.open.values()), None)) and oldest.asked < before:
            self._give_up(oldest.key)

    def _give_up(self, key: Key) -> None:
        question = self.open.pop(key)
        self.unanswered += 1
        if len(self.given_up) < MOST_SLOW:
            self.given_up.append(question)

    def report(self, service: Service, end: int) -> Exchange:
        """Return how it went until then (nanoseconds)."""
        late = [each for each in self.open.values() if each.asked <= end - PATIENCE_NS]
        slowest = [each for _, _, each in sorted(self.slowest, reverse=True)]
        return Exchange(
            service,
            questions=self.questions,
            answered=self.answered,
            lost=self.unanswered + len(late),
            retransmissions=self.retransmissions,
            waits=self.waits.times(),
            outcomes=dict(self.outcomes.most_common()),
            truncated=self.truncated,
            slowest=tuple(each.told for each in (*self.given_up, *late, *slowest)[:MOST_SLOW]),
        )


@dataclass(slots=True)
class Exchanges:
    """The questions of both services seen at one point so far."""

    _dns: _Served = field(default_factory=_Served)
    _dhcp: _Served = field(default_factory=_Served)

    def add(self, packet: Packet) -> None:
        """Take a packet that may be one of DNS or DHCP."""
        head = ethernet(packet[1])
        carried = internet(packet[1], head) if head is not None else None
        if carried is None:
            return
        for message in dns_messages(packet[1], carried):
            self._take_dns(packet, carried, message)
        if (offer := dhcp(packet[1], carried)) is not None:
            self._take_dhcp(packet, carried, offer)

    def _take_dns(self, packet: Packet, carried: Internet, message: Dns) -> None:
        ends = ports(packet[1], carried)
        if ends is None or ends[0 if message.response else 1] != DNS_PORT:
            return
        asking = (carried.protocol, message.id, message.name.casefold(), message.type)
        if message.response:
            key = (carried.destination, ends[1], carried.source, *asking)
            outcome = RCODES.get(message.rcode, str(message.rcode))
            if self._dns.answer(key, packet[0], outcome):
                self._dns.truncated += message.truncated
            return
        key = (carried.source, ends[0], carried.destination, *asking)
        over = " over TCP" if carried.protocol == TCP else ""
        what = f"{TYPES.get(message.type, message.type)} {message.name}{over}"
        client, server = str(carried.source), str(carried.destination)
        self._dns.ask(_Open(key, packet[0], client, server, what))

    def _take_dhcp(self, packet: Packet, carried: Internet, message: Dhcp) -> None:
        # Of DISCOVER and REQUEST, which bear one xid, each is answered before the next is asked.
        key = (message.xid, message.chaddr)
        if message.reply:
            self._dhcp.answer(key, packet[0], message.message or "reply")
        elif message.message not in ("RELEASE", "DECLINE"):
            client, server = message.chaddr.hex(":"), str(carried.destination)
            what = message.message or "request"
            self._dhcp.ask(_Open(key, packet[0], client, server, what))

    def give_up(self, now: int) -> None:
        """Wait no longer for what was asked long before this time (nanoseconds)."""
        for served in (self._dns, self._dhcp):
            served.give_up(now - GIVE_UP_NS)

    def latest(self) -> Iterator[Sighting]:
        """Return the latest questions to DNS, the newest first."""
        return (Sighting(each.key, each.asked, each.told) for each in reversed(self._dns.latest))

    def report(self, end: int) -> tuple[Exchange, ...]:
        """Return both services that were used, for a capture that ended then (nanoseconds)."""
        services: tuple[tuple[Service, _Served], ...] = (("dns", self._dns), ("dhcp", self._dhcp))
        return tuple(
            served.report(service, end) for service, served in services if served.questions
        )
