"""Answer times: how soon each dnsmasq answers a question of DNS, and one of DHCP.

It is asked by the host itself, at the address that guests ask: what stands between a guest and it
is not in the time. Nothing is kept of a question, and none leaves this host.
"""

import math
import secrets
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from netconsole.backend.survey.status import Status
from netconsole.diagnostics.probes.dhcp_message import answers_transaction, inform
from netconsole.diagnostics.probes.dns_message import answers_question, question_of_its_own

ANSWER_SECONDS: Final = 1.0
"""A dnsmasq that says nothing for so long has not answered; nobody waits longer."""
DHCP_SECONDS: Final = 60.0
"""DHCP is asked no sooner again: dnsmasq logs each request."""
MOST_NETWORKS: Final = 100
"""Asked at once; of more it is the first."""
_CLIENT: Final = "02:6e:63:00:00:00"
"""A hardware address that nobody has: locally administered (IEEE 802, clause 8)."""
_THERE: Final = ("running", "stopped", "stale")
"""States of a dnsmasq whose process there is."""

Service = Literal["dns", "dhcp"]


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """What came of one question."""

    network: str
    service: Service
    seconds: float | None
    """None where there was no answer in time."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question that was sent."""

    network: str
    service: Service
    connection: socket.socket
    is_answer: Callable[[bytes], bool]
    began: float


class AnswerTimes:
    """Asks, and remembers what DHCP was asked last. One caller at a time."""

    def __init__(self) -> None:
        self._dhcp: tuple[AnswerTime, ...] = ()
        self._dhcp_asked = -math.inf

    def measured(self, status: Status) -> tuple[AnswerTime, ...]:
        """Ask all at once, and return what came of it, after a second at most.

        Of a network whose address this host does not have, or at which nothing can be sent,
        nothing is told.
        """
        services: tuple[Service, ...] = ("dns",)
        if time.monotonic() >= self._dhcp_asked + DHCP_SECONDS:
            services, self._dhcp_asked = ("dns", "dhcp"), time.monotonic()
        with ExitStack() as connections:
            found = tuple(_answered(_questions(status, services, connections)))
        if "dhcp" in services:
            self._dhcp = tuple(each for each in found if each.service == "dhcp")
        return (*(each for each in found if each.service == "dns"), *self._dhcp)


def _questions(
    status: Status, services: Iterable[Service], connections: ExitStack
) -> Iterator[_Asked]:
    there = {each.network for each in status.dnsmasq if each.network and each.state in _THERE}
    networks = [each for each in status.networks if each.label in there]
    for network in networks[:MOST_NETWORKS]:
        address = network.dhcp_server
        if address is None or ":" in address:
            continue
        for service in services:
            with suppress(OSError):
                yield _asked(network.label, service, address, connections)


def _asked(network: str, service: Service, address: str, connections: ExitStack) -> _Asked:
    """Send a question. Raises OSError.

    It comes from the very address that it goes to, which has to be this host's, or it is not sent.
    A server answers to port 68, that of DHCP clients.
    """
    number = secrets.randbits(16)
    own, port, question, is_answer = (
        (0, 53, question_of_its_own(number), answers_question)
        if service == "dns"
        else (68, 67, inform(_CLIENT, address, number), answers_transaction)
    )
    connection = connections.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind((address, own))
    connection.connect((address, port))
    began = time.monotonic()
    connection.send(question)
    return _Asked(network, service, connection, partial(is_answer, number=number), began)


def _answered(asked: Iterable[_Asked]) -> Iterator[AnswerTime]:
    """Wait for the answers, all at once."""
    deadline = time.monotonic() + ANSWER_SECONDS
    with selectors.DefaultSelector() as waiting:
        for each in asked:
            waiting.register(each.connection, selectors.EVENT_READ, each)
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                if (answer := _read(key.data, time.monotonic())) is not None:
                    waiting.unregister(key.fileobj)
                    yield answer
        for key in waiting.get_map().values():
            yield AnswerTime(key.data.network, key.data.service, None)


def _read(asked: _Asked, now: float) -> AnswerTime | None:
    """Return what came; None where it is no answer to the question."""
    try:
        if not asked.is_answer(asked.connection.recv(4096)):
            return None
    except OSError:  # nobody listens there
        return AnswerTime(asked.network, asked.service, None)
    return AnswerTime(asked.network, asked.service, now - asked.began)
