"""Asks the dnsmasq of each network, and the servers behind it, for a name."""

import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.survey.status import DnsmasqStatus, NetworkStatus, Status
from netconsole.backend.system import files
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dns import LATE, DnsAnswer, DnsAnswers
from netconsole.diagnostics.probes.dns_message import addresses, code, question

TIMEOUT = 2.0
"""Seconds until a question counts as not answered; a guest's resolver waits 5 (resolv.conf(5))."""
MOST_NETWORKS = 8
MOST_SERVERS = 3
"""Behind each dnsmasq."""
MOST_QUESTIONS = 3
"""To one server: a late answer may be the doing of a busy moment, three of them are not."""
DOMAIN = "example.com"
"""Reserved (RFC 2606). What is asked is a random name in it, so that no cache has it."""


class _Question(NamedTuple):
    network: str
    server: str
    upstream: bool


def ask(snapshot: Snapshot) -> DnsAnswers:
    """Ask all servers at once, and return what came back."""
    host = snapshot.get(Backend)
    if host is None:
        return DnsAnswers()
    bridge = snapshot.target.bridge if snapshot.target else ""
    questions = tuple(_questions(host.status, bridge))
    if not questions:
        return DnsAnswers()
    with ThreadPoolExecutor(len(questions)) as pool:
        return DnsAnswers(tuple(pool.map(lambda each: soonest(partial(_answer, each)), questions)))


def _questions(status: Status, bridge: str) -> Iterator[_Question]:
    networks = {each.label: each for each in status.networks}
    serving = [
        (networks[each.network], each)
        for each in status.dnsmasq
        if each.state == "running" and each.network in networks and bridge in ("", each.bridge)
    ]
    for network, dnsmasq in serving[:MOST_NETWORKS]:
        yield from _of_network(network, dnsmasq)


def _of_network(network: NetworkStatus, dnsmasq: DnsmasqStatus) -> Iterator[_Question]:
    """One question that the dnsmasq passes on, and the same sort to those that it asks."""
    if network.dhcp_server is None:
        return
    yield _Question(network.label, network.dhcp_server, False)
    for server in servers(dnsmasq.argv)[:MOST_SERVERS]:
        yield _Question(network.label, server, True)


def servers(argv: Sequence[str]) -> tuple[str, ...]:
    """Return whom a dnsmasq with these arguments asks."""
    given = [*dnsmasq_arguments.values(argv, "server")]
    if "--no-resolv" not in argv:
        given += _of_resolver(Path("/etc/resolv.conf"))
    return tuple(dict.fromkeys(given))


def _of_resolver(file: Path) -> Iterable[str]:
    """The servers that a resolver's file names; raises OSError where it cannot be read."""
    try:
        lines = [line.split() for line in files.read_text(file).rstrip("\n").split("\n")]
    except FileNotFoundError:
        return []
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


def _unknown_name() -> str:
    return f"nc-{secrets.token_hex(6)}.{DOMAIN}"


def soonest(ask_once: Callable[[], DnsAnswer]) -> DnsAnswer:
    """Ask until an answer comes in time, so many times at most, and return the soonest; who does
    not answer at first is not asked again."""
    found = ask_once()
    for _ in range(1, MOST_QUESTIONS):
        if not found.code or found.milliseconds <= LATE:
            break
        again = ask_once()
        if again.code:
            found = min(found, again, key=lambda each: each.milliseconds)
    return found


def _answer(asked: _Question) -> DnsAnswer:
    name, number = _unknown_name(), secrets.randbelow(0x10000)
    began = time.monotonic()
    told, problem, found = "", "", tuple[str, ...]()
    try:
        told, found = _told(asked, name, number, began + TIMEOUT)
    except TimeoutError:
        problem = f"no answer within {TIMEOUT:.0f} s"
    except OSError as error:
        problem = error.strerror or str(error)
    took = round((time.monotonic() - began) * 1000)
    return DnsAnswer(
        *(asked.network, asked.server, asked.upstream, name, told, took, problem, found)
    )


def _told(asked: _Question, name: str, number: int, deadline: float) -> tuple[str, tuple[str, ...]]:
    """Ask by UDP; return the code and the addresses. Raises TimeoutError, OSError."""
    family = socket.AF_INET6 if ":" in asked.server else socket.AF_INET
    address, _, port = asked.server.partition("#")
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect((address, int(port or 53)))
        connection.send(question(name, number))
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            message = connection.recv(4096)
            if (told := code(message, number)) is not None:
                return told, addresses(message)
    raise TimeoutError
