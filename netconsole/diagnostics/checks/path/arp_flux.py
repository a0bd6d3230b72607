"""A12: does an interface answer ARP for an address that another interface of this host has?"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import AnnounceAddress, Plan, SetSysctl
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls, conf_key

ID: Final = "arp_flux"
TITLE = "Each interface answers ARP for its own addresses alone"
WANTED = {"arp_ignore": "1", "arp_announce": "2"}
"""Answer only for addresses of the interface; ask only under an address of its subnet."""
STRICT = 1
TIMES = 3
"""Announcements of each address: a broadcast can get lost."""
REMEDY = (
    "Set on these interfaces, not on `all`: there it would also silence a bridge that answers for "
    "an address of the loopback interface, as 169.254.169.254 for metadata."
)


@dataclass(frozen=True, slots=True)
class _Flux:
    """An address of one interface for which another one answers, or may."""

    address: str
    interface: str
    answering: str
    seen: bool
    """Answered when asked; else the two have a subnet in common."""


def judge(snapshot: Snapshot) -> Finding:
    """Take answers of our own interfaces for each other, else look for a subnet in common."""
    found = [*_seen(snapshot)] or [*_likely(snapshot)]
    if not found:
        asked = snapshot.get(ArpAnswers) is not None
        because = (
            "Asked by ARP for each other's addresses, the interfaces stay silent."
            if asked
            else "No two interfaces that answer ARP for each other's addresses share a subnet."
        )
        return Finding(ID, TITLE, "ok", because)
    names = list(dict.fromkeys(name for each in found for name in (each.interface, each.answering)))
    settings = {
        conf_key(name, setting): value
        for name in names
        for setting, value in WANTED.items()
        if _effective(snapshot, name, setting) < int(value)
    }
    values, drop_ins = snapshot.part(Sysctls), snapshot.part(DropIns)
    steps = (
        *(SetSysctl(name_of(key), value, values.get(key)) for key, value in settings.items()),
        *(AnnounceAddress(each.interface, each.address, TIMES) for each in found if each.seen),
    )
    persist, permanence = drop_ins.make_permanent(settings)
    rows = (*_rows(snapshot, found, names), Evidence(AT_BOOT, permanence))
    return _finding(found[0], rows, Plan(steps) or None, persist)


def _finding(
    first: _Flux, rows: tuple[Evidence, ...], fix: Plan | None, persist: Plan | None
) -> Finding:
    """Return what is certain where one was seen to answer, else what may be."""
    because = (
        f"{first.answering} answers ARP for {first.address}, an address of {first.interface}: both "
        "are on the same wire, and each request for it is answered by both. Neighbours, a router "
        "too, switch between them, and what comes in at the wrong one meets other filters."
        if first.seen
        else f"{first.interface} and {first.answering} have addresses in the same subnet, and "
        f"arp_ignore is 0: where both are on one wire, each request for {first.address} is "
        "answered by both, and neighbours switch between them."
    )
    out = (
        "duplicate_address: who answers is this host itself",
        "proxy_arp: the address asked for is one of this host's own",
    )
    return Finding(
        ID,
        TITLE,
        "fail" if first.seen else "warn",
        because,
        rows,
        out if first.seen else (),
        fix,
        persist,
        REMEDY,
        "certain" if first.seen else "possible",
    )


def _seen(snapshot: Snapshot) -> Iterator[_Flux]:
    answers, routing = snapshot.get(ArpAnswers), snapshot.part(Routing)
    by_mac = {link.mac: link.name for link in snapshot.part(Links).links if not link.master}
    for each in answers.asked if answers else ():
        mine = any(own.address == each.address for own in routing.on(each.interface))
        for answer in each.answers:
            name = by_mac.get(answer.mac, each.interface)
            elsewhere = any(own.address == each.address for own in routing.on(name))
            if mine and name != each.interface and not elsewhere:
                yield _Flux(each.address, each.interface, name, seen=True)


def _likely(snapshot: Snapshot) -> Iterator[_Flux]:
    """Two addresses in one subnet, of interfaces that nothing keeps from answering for both.

    Where they were asked and were silent they are not on one wire.
    """
    if snapshot.get(ArpAnswers) is not None:
        return
    routing, links = snapshot.part(Routing), snapshot.part(Links)
    up = {link.name for link in links.links if link.up and link.carrier and link.name != "lo"}
    own = [each for name in sorted(up) for each in routing.on(name) if each.prefix_length < 31]
    for one, other in combinations(own, 2):
        if _share(one, other):
            for asked, answering in ((one, other), (other, one)):
                if _answers_for_all(snapshot, answering.interface):
                    yield _Flux(asked.address, asked.interface, answering.interface, seen=False)


def _share(one: InterfaceAddress, other: InterfaceAddress) -> bool:
    return (
        one.interface != other.interface
        and one.subnet == other.subnet
        and one.address != other.address
    )


def _answers_for_all(snapshot: Snapshot, interface: str) -> bool:
    """Whether it does: a strict reverse path filter keeps all but one of them silent."""
    return (
        _effective(snapshot, interface, "arp_ignore") == 0
        and _effective(snapshot, interface, "rp_filter") != STRICT
    )


def _effective(snapshot: Snapshot, interface: str, setting: str) -> int:
    """Return the value in force: the larger of the interface's and that of `all`."""
    values = snapshot.part(Sysctls)
    return max(values.number(conf_key("all", setting)), values.number(conf_key(interface, setting)))


def _rows(snapshot: Snapshot, found: list[_Flux], names: list[str]) -> Iterator[Evidence]:
    values, drop_ins = snapshot.part(Sysctls), snapshot.part(DropIns)
    for each in found:
        note = "asked by ARP" if each.seen else "a subnet in common"
        yield Evidence(
            f"answers for {each.address} of {each.interface}", each.answering, "nobody", note
        )
    for name in ("all", *names):
        for setting, wanted in WANTED.items():
            key = conf_key(name, setting)
            value = values.get(key, "0")
            expected = wanted if name != "all" else ""
            yield Evidence(name_of(key), value, expected, drop_ins.says_who(key, value))


PAGE = Explanation(
    symptom="Neighbours see the hardware address of the host's address change; a floating address "
    "or the host is reached through the wrong interface, at half the rate, or not at all.",
    cause="Linux regards addresses as the host's, not the interface's: with arp_ignore 0 each "
    "interface answers ARP for every address of the host. Two interfaces on one wire both answer, "
    "and whoever asked keeps the last answer.",
    evidence="Where probes are allowed, each interface asks on its wire for its own addresses: the "
    "kernel does not hear its own request, so that an answer with the hardware address of another "
    "interface of this host is the flux itself. Without probes, two addresses in one subnet and "
    "arp_ignore 0 are a warning. A strict rp_filter keeps the wrong interface from answering.",
    look_alikes=(
        ("duplicate_address", "who answers is another machine, or both have the same address."),
        ("proxy_arp", "the address asked for is not one of the host's."),
        ("rp_filter", "nobody answers."),
        ("bonding or teaming", "is the remedy where both interfaces are meant for one wire."),
    ),
    cure="arp_ignore=1 and arp_announce=2 on the interfaces concerned; in force is the larger of "
    "the interface's value and that of `all`. It takes effect at once, and the addresses are "
    "announced, as neighbours would keep the wrong answer for a while. For good: a drop-in in "
    "/etc/sysctl.d. Not on `all`, where it would silence answers for addresses of the loopback "
    "interface.",
    source="Linux Documentation/networking/ip-sysctl.rst, arp_ignore, arp_announce; RFC 826",
)

CHECK = Check(
    ID,
    ("A12",),
    TITLE,
    frozenset({Links, Routing, Sysctls, DropIns}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({ArpAnswers}),
    wrong="An interface answers ARP for an address of another one",
)
