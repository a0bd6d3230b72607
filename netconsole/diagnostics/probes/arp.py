"""Asks who has an address, and listens to everyone who answers (RFC 826).

arping(8) says who answered as well, but for one address a call, and waits a second for each.
"""

import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict, cast

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import from_json
from netconsole.backend.system import packet_sockets
from netconsole.backend.system.programs import run
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers, AskedAddress
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.routing import Routing

MOST_ADDRESSES = 512
"""Asked for on one interface; a question is a frame of 42 bytes, broadcast."""
MOST_INTERFACES = 32
PATIENCE = 0.4
"""Seconds in which answers are awaited, after each of the two times that all are asked for."""
NOBODY = "0.0.0.0"  # noqa: S104  the sender of an ARP probe, RFC 5227 section 1.1
ETHERNET_ARP = 0x0806
ETHERNET_ADDRESS_LENGTH = 6
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_REQUEST, _REPLY = 1, 2
_ETHERNET, _IPV4 = 1, 0x0800

Questions = Mapping[str, Sequence[tuple[str, str]]]
"""By interface: the addresses asked for, each with the one that asks."""


class _FdbEntry(TypedDict):
    mac: str
    ifname: str
    state: str


def ask(snapshot: Snapshot) -> ArpAnswers:
    """Ask for every address of `questions`, on all interfaces at the same time.

    Raises OSError where this user may not send frames.
    """
    wanted = questions(snapshot.get(Backend), snapshot.get(Routing), snapshot.get(Links))
    with ThreadPoolExecutor(MOST_INTERFACES) as pool:
        heard = dict(zip(wanted, pool.map(_ask_on, wanted, wanted.values()), strict=True))
    links = snapshot.get(Links)
    asked = []
    for interface, answers in heard.items():
        link = links.get(interface) if links else None
        ports = _ports(interface) if link and link.bridge and any(answers.values()) else {}
        for address, macs in answers.items():
            told = tuple(ArpAnswer(mac, ports.get(mac, "")) for mac in sorted(macs))
            asked.append(AskedAddress(interface, address, told))
    return ArpAnswers(tuple(asked))


def questions(host: Backend | None, routing: Routing | None, links: Links | None) -> Questions:
    """Return whom to ask for where: our own addresses, gateways, and instances on their bridge,
    and the routers that this host sends to.

    For an address of our own an ARP probe asks, which names no sender, as nobody would answer the
    owner. For the others our own address on the bridge does, where there is one: a probe would
    seem a conflict to a guest that is just trying out its address. Where each host of a network is
    its gateway under one address, what asks in that name is kept from the others (ebtables): there
    my_ip asks.
    """
    usable = {link.name: link for link in links.links if _can_ask(link)} if links else {}
    found: dict[str, dict[str, str]] = {}
    for name in usable:
        if own := [each.address for each in routing.on(name)] if routing else []:
            found[name] = dict.fromkeys(own, NOBODY)
    for network in host.status.networks if host else ():
        if network.bridge not in usable:
            continue
        on_bridge = found.setdefault(network.bridge, {})
        asker = next(iter(on_bridge), NOBODY)
        if host and network.multi_host and asker == network.gateway:
            asker = host.status.host.my_ip or asker
        if network.gateway:
            on_bridge.setdefault(network.gateway, asker)
        for each in host.status.allocations if host else ():
            if each.network == network.label and each.allocated:
                on_bridge.setdefault(each.address, asker)
    for route in routing.routes if routing else ():
        if route.gateway and route.interface in found and ":" not in route.gateway:
            asker = next(iter(found[route.interface]), NOBODY)
            found[route.interface].setdefault(route.gateway, asker)
    first = list(found.items())[:MOST_INTERFACES]
    return {name: tuple(asked.items())[:MOST_ADDRESSES] for name, asked in first}


def _can_ask(link: KernelLink) -> bool:
    return link.up and link.carrier and link.name != "lo"


def _ask_on(interface: str, asked: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    answers: dict[str, set[str]] = {address: set() for address, _ in asked}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERNET_ARP)) as wire:
        try:
            _, own = packet_sockets.bind(wire, interface, ETHERNET_ARP)
            if len(own) != ETHERNET_ADDRESS_LENGTH:
                return {}
            for _ in range(2):
                _exchange(wire, own, asked, answers)
        except OSError:
            return {}  # the interface has just gone, or down: nobody was asked
    return answers


def _exchange(
    wire: socket.socket,
    own: bytes,
    asked: Sequence[tuple[str, str]],
    answers: Mapping[str, set[str]],
) -> None:
    """Ask for those that nobody has answered for, and take all answers for a while."""
    for address, asker in asked:
        if not answers[address]:
            wire.send(_request(own, asker, address))
    for address, mac in _heard(wire, time.monotonic() + PATIENCE):
        if address in answers:
            answers[address].add(mac)


def _request(own: bytes, asker: str, address: str) -> bytes:
    sender, target = socket.inet_aton(asker), socket.inet_aton(address)
    kind = (_ETHERNET, _IPV4, ETHERNET_ADDRESS_LENGTH, len(target), _REQUEST)
    return _FRAME.pack(
        b"\xff" * ETHERNET_ADDRESS_LENGTH, own, ETHERNET_ARP, *kind, own, sender, bytes(6), target
    )


def _heard(wire: socket.socket, deadline: float) -> Iterator[tuple[str, str]]:
    """Return address and MAC address of every reply until then."""
    while (left := deadline - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            frame = wire.recv(128)
        except TimeoutError:
            return
        if len(frame) < _FRAME.size:
            continue
        fields = _FRAME.unpack_from(frame)
        if fields[7] == _REPLY and fields[4] == _IPV4:
            yield socket.inet_ntoa(fields[9]), fields[8].hex(":")


def _ports(bridge: str) -> dict[str, str]:
    """Return the port behind which the bridge has learnt each MAC address (bridge(8), fdb)."""
    try:
        told = from_json(run(["bridge", "-json", "fdb", "show", "br", bridge]))
    except NetconsoleError:
        return {}
    entries = cast(list[_FdbEntry], told)
    return {each["mac"]: each["ifname"] for each in entries if each.get("state") != "permanent"}
