"""Asks instances at their own ports whether they are there, and watches what they do there.

The questions are written out of the port itself, so that no bridge, rule or route of this host is
between, and the answers are seen as they come in, before any of these takes them.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final, TypedDict, cast

from netconsole.backend.model.text import from_json
from netconsole.backend.survey.status import Allocation, NetworkStatus, Status
from netconsole.backend.system.programs import run
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import GuestAnswer, GuestAnswers
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.probes import guest_conduct as conduct
from netconsole.diagnostics.probes.guest_conduct import MaskTrial
from netconsole.diagnostics.probes.guest_frames import PortFrame, arp_request, echo_request
from netconsole.diagnostics.probes.port_wires import PortWires

MOST_GUESTS: Final = 64
MOST_SWEPT: Final = 1_024
"""Addresses tried at the port of a guest that has not its own: a frame of 42 bytes each."""
MOST_SWEEPS: Final = 8
PATIENCE: Final = 0.3
"""Seconds in which answers are awaited, after each of the two times that all are asked."""
CONDUCT_SECONDS: Final = 0.5
"""For what a guest does upon the questions that show its mask and its router."""
WATCH_SECONDS: Final = 4.0
"""At the most, for what a target does by itself and others do to it: a resolver asks again after
3 to 5 s."""
_NOBODY: Final = "0.0.0.0"  # noqa: S104  the sender of an ARP probe, RFC 5227 section 1.1
_BATCH: Final = 128
"""Frames of a sweep at once: the queue of a tap holds 500 or more."""


class _Link(TypedDict, total=False):
    ifname: str
    xdp: object


@dataclass(frozen=True, slots=True)
class _Asked:
    """A guest to ask, and how."""

    guest: Allocation
    network: IPv4Network
    asker: str
    """An address of this host on the network; 0.0.0.0 where it has none there."""
    own_mac: bytes
    """Of this host on the network."""
    has_carrier: bool
    outside: str
    """An address of this host on no network of the guest; empty where it has none."""
    trials: tuple[MaskTrial, ...]
    identifiers: tuple[int, ...]
    """Of the echo requests: from the asker, from outside, and of each trial."""

    @property
    def echoes(self) -> Iterator[tuple[int, str]]:
        """Return the identifier and the source of each echo request."""
        sources = (self.asker, self.outside, *(each.source for each in self.trials))
        pairs = zip(self.identifiers, sources, strict=True)
        return ((number, source) for number, source in pairs if source not in ("", _NOBODY))


def ask_guests(request: Request, snapshot: Snapshot) -> GuestAnswers:
    """Ask the target, or every instance that has a port here; raises OSError without the right."""
    host, routing, links = snapshot.get(Backend), snapshot.get(Routing), snapshot.get(Links)
    if host is None or routing is None or links is None:
        return GuestAnswers()
    chosen = [each for each in _here(host.status, links) if _is_meant(each, snapshot.target)]
    asked = [
        _question(each, host.status, routing, links, snapshot) for each in chosen[:MOST_GUESTS]
    ]
    if not asked:
        return GuestAnswers()
    began = time.monotonic()
    with PortWires(each.guest.device for each in asked) as wires:
        _ask(asked, wires)
        if snapshot.target is not None:
            wires.watch(min(request.seconds, WATCH_SECONDS) - (time.monotonic() - began))
        frames = dict(wires.frames)
    veiled = _veiled()
    answers = (_answer(each, frames.get(each.guest.device, ()), veiled) for each in asked)
    return GuestAnswers(tuple(answers), len(chosen) - len(asked))


def _here(status: Status, links: Links) -> Iterator[Allocation]:
    """Return those whose port is here and up."""
    for each in status.allocations:
        link = links.get(each.device) if each.device else None
        if each.allocated and each.mac and link is not None and link.up:
            yield each


def _is_meant(each: Allocation, target: Target | None) -> bool:
    if target is None or not (target.instance or target.network):
        return True
    if target.instance:
        return each.instance == target.instance
    return each.network == target.network


def _question(
    guest: Allocation, status: Status, routing: Routing, links: Links, snapshot: Snapshot
) -> _Asked:
    known = next(each for each in status.networks if each.label == guest.network)
    network = IPv4Network(known.cidr)
    taken = [each.address for each in status.allocations if each.network == guest.network]
    trials = conduct.mask_trials(
        guest.address,
        network,
        (*taken, known.gateway or "", known.dhcp_server or ""),
        beyond=snapshot.target is not None,
        turn=secrets.randbelow(256),
    )
    bridge, port = links.get(known.bridge), links.get(guest.device)
    identifiers = tuple(secrets.randbelow(0xFFFF) for _ in range(2 + len(trials)))
    return _Asked(
        guest,
        network,
        _asker(known, network, routing),
        bytes.fromhex(bridge.mac.replace(":", "")) if bridge else secrets.token_bytes(6),
        port is not None and port.carrier,
        _outside(status, routing),
        trials,
        identifiers,
    )


def _asker(known: NetworkStatus, network: IPv4Network, routing: Routing) -> str:
    own = [each.address for each in routing.on(known.bridge)]
    inside = [each for each in own if IPv4Address(each) in network]
    return known.gateway if known.gateway in inside else next(iter(inside), _NOBODY)


def _outside(status: Status, routing: Routing) -> str:
    networks = [IPv4Network(each.cidr) for each in status.networks]
    return next(
        (
            each.address
            for each in routing.on(status.host.public_interface)
            if not any(IPv4Address(each.address) in network for network in networks)
        ),
        "",
    )


def _ask(asked: Sequence[_Asked], wires: PortWires) -> None:
    """Ask for each address, then those that answer for what shows their conduct.

    The second time in nobody's name: who has the asker's address as well answers only then.
    """

    def waiting() -> list[_Asked]:
        return [each for each in asked if each.has_carrier and not _macs(each, wires)]

    for in_its_name in (True, False):
        for each in waiting():
            asker = each.asker if in_its_name else _NOBODY
            wires.send(each.guest.device, [_arp(each, each.guest.address, asker)])
        wires.watch(PATIENCE, lambda: not waiting())
    silent = waiting()
    for each in asked:
        if each in silent or not each.has_carrier:
            continue
        mac = next(iter(_macs(each, wires)))
        if each.asker != _NOBODY:
            wires.send(each.guest.device, [_arp(each, each.asker, _NOBODY)])
        wires.send(
            each.guest.device,
            (
                echo_request(each.own_mac, mac, source, each.guest.address, number)
                for number, source in each.echoes
            ),
        )
    _sweep(silent[:MOST_SWEEPS], wires)
    wires.watch(CONDUCT_SECONDS)


def _sweep(silent: Iterable[_Asked], wires: PortWires) -> None:
    """Ask those that do not answer for every address of their network, each at its port alone."""
    for each in silent:
        addresses = list(conduct.swept(each.network, MOST_SWEPT))
        for at in range(0, len(addresses), _BATCH):
            batch = addresses[at : at + _BATCH]
            questions = (_arp(each, address, each.asker) for address in batch)
            wires.send(each.guest.device, questions)
            wires.watch(0.0)


def _arp(each: _Asked, address: str, asker: str) -> bytes:
    return arp_request(each.own_mac, asker if asker != address else _NOBODY, address)


def _macs(each: _Asked, wires: PortWires) -> tuple[str, ...]:
    return conduct.answering(wires.frames.get(each.guest.device, ()), each.guest.address)


def _answer(each: _Asked, frames: Sequence[PortFrame], veiled: frozenset[str]) -> GuestAnswer:
    guest = each.guest
    macs = conduct.answering(frames, guest.address)
    first, second, *others = each.identifiers
    names = (each.asker, each.outside, *(trial.source for trial in each.trials))
    ways = [
        (trial, conduct.way(frames, number, trial.source, guest.address, names))
        for trial, number in zip(each.trials, others, strict=True)
    ]
    answers_neighbours = any(
        tried.asks_for == tried.destination or tried.sends_to for _, tried in ways
    )
    is_told_apart = each.asker != _NOBODY and not conduct.answering(frames, each.asker)
    echoed = conduct.echoed(frames, first) if is_told_apart else None
    # Where this host has no address on the network (Flat), its neighbours' stand for it.
    is_there = answers_neighbours if each.asker == _NOBODY else bool(echoed)
    way_out = conduct.way(frames, second, each.outside, guest.address, names)
    return GuestAnswer(
        *(guest.instance, guest.network, guest.address, guest.mac, guest.device),
        conduct.was_asked(frames, guest.address),
        macs,
        echoed,
        each.asker if each.asker != _NOBODY else "",
        answers_neighbours or bool(way_out.sends_to),
        () if macs else conduct.used_addresses(frames, guest.address),
        conduct.asks_for_lease(frames),
        conduct.prefix_length(each.network, ways, each.own_mac.hex(":")) if macs else None,
        way_out if each.outside and is_there else None,
        conduct.talks(frames, guest.address),
        each.has_carrier,
        guest.device in veiled,
    )


def _veiled() -> frozenset[str]:
    """Return the interfaces with a program of XDP (ip-link(8))."""
    told = cast(list[_Link], from_json(run(["ip", "-json", "link", "show"])))
    return frozenset(each["ifname"] for each in told if "xdp" in each)
