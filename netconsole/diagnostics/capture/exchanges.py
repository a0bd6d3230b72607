"""How long questions wait for their answers at one point: DNS and DHCP.

A question asked again before its answer is a retransmission; its wait is counted from the first.
"""

from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, TypeAlias

from netconsole.diagnostics.capture.durations import Times, times
from netconsole.diagnostics.capture.layers import Internet, ethernet, internet, ports
from netconsole.diagnostics.capture.packet import Packet
from netconsole.diagnostics.capture.services import RCODES, TYPES, Dhcp, Dns, dhcp, dns

Service = Literal["dns", "dhcp"]
Key: TypeAlias = tuple[object, ...]
Address: TypeAlias = IPv4Address | IPv6Address

PATIENCE_NS = 1_000_000_000
"""A question this near the end of the capture without an answer is not yet unanswered."""
MOST_SLOW = 10
"""Questions named in a report: the slowest, and those without an answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and how it ended."""

    client: str
    server: str
    what: str
    seconds: float | None
    """Until the answer; None where there was none."""
    retransmissions: int


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
    asked: int
    client: str
    server: str
    what: str
    again: int = 0
    answered: int | None = None


@dataclass(slots=True)
class Exchanges:
    """The questions of both services seen at one point so far."""

    _all: dict[Service, list[_Open]] = field(default_factory=lambda: {"dns": [], "dhcp": []})
    _open: dict[Key, _Open] = field(default_factory=dict)
    _outcomes: dict[Service, Counter[str]] = field(
        default_factory=lambda: {"dns": Counter(), "dhcp": Counter()}
    )
    _truncated: int = 0

    def add(self, packet: Packet) -> None:
        """Take a packet that may be one of DNS or DHCP."""
        head = ethernet(packet[1])
        carried = internet(packet[1], head) if head is not None else None
        if carried is None:
            return
        if (message := dns(packet[1], carried)) is not None:
            self._dns(packet, carried, message)
        elif (offer := dhcp(packet[1], carried)) is not None:
            self._dhcp(packet, carried, offer)

    def _dns(self, packet: Packet, carried: Internet, message: Dns) -> None:
        ends = ports(packet[1], carried)
        if ends is None:
            return
        what = f"{TYPES.get(message.type, message.type)} {message.name}"
        asking = (message.id, message.name.casefold(), message.type)
        if message.response:
            key = ("dns", carried.destination, ends[1], carried.source, *asking)
            outcome = RCODES.get(message.rcode, str(message.rcode))
            if self._answer("dns", key, packet[0], outcome):
                self._truncated += message.truncated
        else:
            key = ("dns", carried.source, ends[0], carried.destination, *asking)
            client, server = str(carried.source), str(carried.destination)
            self._ask("dns", key, _Open(packet[0], client, server, what))

    def _dhcp(self, packet: Packet, carried: Internet, message: Dhcp) -> None:
        # Of DISCOVER and REQUEST, which bear one xid, each is answered before the next is asked.
        key = ("dhcp", message.xid, message.chaddr)
        if message.reply:
            self._answer("dhcp", key, packet[0], message.message or "reply")
        elif message.message not in ("RELEASE", "DECLINE"):
            client, server = message.chaddr.hex(":"), str(carried.destination)
            what = message.message or "request"
            self._ask("dhcp", key, _Open(packet[0], client, server, what))

    def _ask(self, service: Service, key: Key, question: _Open) -> None:
        known = self._open.get(key)
        if known is not None and known.what == question.what:
            known.again += 1
            return
        self._open[key] = question
        self._all[service].append(question)

    def _answer(self, service: Service, key: Key, time: int, outcome: str) -> bool:
        question = self._open.pop(key, None)
        if question is None:
            return False
        question.answered = time
        self._outcomes[service][outcome] += 1
        return True

    def report(self, end: int) -> tuple[Exchange, ...]:
        """Answer both services that were used, for a capture that ended then (nanoseconds)."""
        return tuple(
            self._report(service, questions, end)
            for service, questions in self._all.items()
            if questions
        )

    def _report(self, service: Service, questions: list[_Open], end: int) -> Exchange:
        waits = [q.answered - q.asked for q in questions if q.answered is not None]
        lost = [q for q in questions if q.answered is None and q.asked <= end - PATIENCE_NS]
        answered = sorted(
            (q for q in questions if q.answered is not None),
            key=lambda q: q.asked - (q.answered or 0),
        )
        return Exchange(
            service,
            questions=len(questions),
            answered=len(waits),
            lost=len(lost),
            retransmissions=sum(question.again for question in questions),
            waits=times(waits),
            outcomes=dict(self._outcomes[service].most_common()),
            truncated=self._truncated if service == "dns" else 0,
            slowest=tuple(map(_told, (lost + answered)[:MOST_SLOW])),
        )


def _told(question: _Open) -> Question:
    wait = None if question.answered is None else (question.answered - question.asked) / 1e9
    return Question(question.client, question.server, question.what, wait, question.again)
