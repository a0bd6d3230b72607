"""E1: is each address of this host on one interface, and on no other machine?"""

from collections import defaultdict
from typing import Final

from netconsole.backend.steps import Plan, RemoveAddress
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswers, AskedAddress
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating

ID: Final = "duplicate_address"
TITLE = "Each address of this host is on one interface, and nobody else has it"


def judge(snapshot: Snapshot) -> Finding:
    """Look for an address on two interfaces, then for other machines that have one of ours."""
    routing = snapshot.part(Routing)
    places: dict[str, list[InterfaceAddress]] = defaultdict(list)
    for each in routing.addresses:
        if not each.is_v6 and each.interface != "lo" and each.address not in _floating(snapshot):
            places[each.address].append(each)
    # One alone, without a subnet, is what unnumbered links and anycast have on several.
    wired = {
        key: [each for each in found if each.prefix_length < 32] for key, found in places.items()
    }
    twice = {
        address: found
        for address, found in wired.items()
        if len({each.interface for each in found}) > 1  # on one, with other masks, is no other wire
    }
    if twice:
        return _on_two_interfaces(snapshot, twice)
    if elsewhere := _elsewhere(snapshot):
        return _on_another_machine(elsewhere)
    if not places:
        return Finding(ID, TITLE, "not-applicable", "No interface has an IPv4 address.")
    asked = ", and nobody else answers for one" if snapshot.get(ArpAnswers) else ""
    return Finding(ID, TITLE, "ok", f"All {len(places)} addresses are on one interface{asked}.")


def _floating(snapshot: Snapshot) -> frozenset[str]:
    """Floating addresses: which interface they belong on is the check `floating_address`."""
    host = snapshot.get(Backend)
    return frozenset(each.address for each in host.status.floating_ips) if host else frozenset()


def _on_two_interfaces(snapshot: Snapshot, twice: dict[str, list[InterfaceAddress]]) -> Finding:
    address, found = next(iter(twice.items()))
    names = " and ".join(dict.fromkeys(each.interface for each in found))
    because = (
        f"{address} is on {names}: the kernel has two routes to its subnet and takes the first, so "
        "that replies to neighbours on the other wire leave by the wrong one."
    )
    rows = tuple(
        Evidence(f"{each.address}/{each.prefix_length}", each.interface, note=each.scope)
        for places in twice.values()
        for each in places
    )
    surplus = [each for places in twice.values() for each in _surplus(snapshot, places)]
    steps = tuple(
        RemoveAddress(each.interface, f"{each.address}/{each.prefix_length}", each.broadcast)
        for each in surplus
        if not _carries_others(snapshot, each)
    )
    owners = snapshot.get(Owners)
    managing = owners.of("NetworkManager", "systemd-networkd") if owners else ()
    rows += tuple(Evidence(f"manages interfaces: {each.name}", each.because) for each in managing)
    remedy = (
        f"The one on {surplus[0].interface} goes, as the other is where the network's neighbours "
        "are or was there first. Take it out of that interface's configuration too, or it comes "
        "back at the next boot."
    )
    out = ("another machine: both are on this host", "arp_flux: it is one address, not two")
    return Finding(ID, TITLE, "fail", because, rows, out, Plan(steps) or None, remedy=remedy)


def _surplus(snapshot: Snapshot, places: list[InterfaceAddress]) -> list[InterfaceAddress]:
    """Return those on other interfaces than the one to keep.

    That is a network's bridge, or has known neighbours, or was first.
    """
    host, routing = snapshot.get(Backend), snapshot.part(Routing)
    bridges = {each.bridge for each in host.status.networks} if host else set()
    settled = {each.interface for each in routing.neighbours if each.mac and not each.proxy}
    keep = min(
        places, key=lambda each: (each.interface not in bridges, each.interface not in settled)
    )
    return [each for each in places if each.interface != keep.interface]


def _carries_others(snapshot: Snapshot, surplus: InterfaceAddress) -> bool:
    """Whether the kernel would take more than this one away (promote_secondaries)."""
    return "secondary" not in surplus.flags and any(
        each.subnet == surplus.subnet and each != surplus
        for each in snapshot.part(Routing).on(surplus.interface)
    )


def _elsewhere(snapshot: Snapshot) -> list[AskedAddress]:
    """Return our addresses that another machine answers for; those on a network's bridge are the
    check `gateway`."""
    answers, host = snapshot.get(ArpAnswers), snapshot.get(Backend)
    if answers is None:
        return []
    own = {link.mac for link in snapshot.part(Links).links}
    bridges = {each.bridge for each in host.status.networks} if host else set()
    ours = {(each.interface, each.address) for each in snapshot.part(Routing).addresses}
    return [
        each
        for each in answers.asked
        if (each.interface, each.address) in ours
        and each.interface not in bridges
        and any(answer.mac not in own for answer in each.answers)
    ]


def _on_another_machine(found: list[AskedAddress]) -> Finding:
    first = found[0]
    macs = ", ".join(answer.mac for answer in first.answers)
    because = (
        f"{macs} on {first.interface} answers for {first.address}, which is an address of this "
        "host: neighbours send to the one that answered them last, so that connections break or "
        "end at the other machine."
    )
    rows = tuple(
        Evidence(
            f"others that answer for {each.address} on {each.interface}",
            ", ".join(answer.mac for answer in each.answers),
            "nobody",
            "asked by an ARP probe, which this host itself does not hear",
        )
        for each in found
    )
    remedy = (
        f"Find the machine with {macs} (the switch knows its port) and take {first.address} off "
        "it, or give this host another one. Nothing on this host can stop it from answering."
    )
    out = ("arp_flux: it is no interface of this host that answers",)
    return Finding(ID, TITLE, "fail", because, rows, out, remedy=remedy)


PAGE = Explanation(
    symptom="Connections to the host or to a floating address come and go; SSH warns of a changed "
    "host key; it depends on who asks.",
    cause="The same address is on two interfaces of this host, or on this host and another "
    "machine of the same wire. Neighbours believe the ARP answer that came last; the host itself "
    "sends by the first of two routes to the same subnet.",
    evidence="The addresses of all interfaces. Where probes are allowed, an ARP probe for each of "
    "them on its own wire: this host does not hear it, so that whoever answers with a hardware "
    "address that is none of its own is another machine.",
    look_alikes=(
        ("arp_flux", "the answer comes from another interface of this host."),
        ("floating_address", "a floating address is on an interface where it does not belong."),
        ("gateway", "it is the gateway of a network, and a guest has it."),
        ("upstream_arp", "nobody else answers, but the router still sends to an old place."),
    ),
    cure="On two interfaces: the surplus one is removed; its interface's configuration "
    "(NetworkManager, netplan, ifupdown) has to lose it too. On another machine: that one has to "
    "give it up; announcing ours again would only win until it announces in its turn.",
    source="RFC 5227 sections 1.1 and 2.4; ip-address(8)",
)

CHECK = Check(
    ID,
    ("E1",),
    TITLE,
    frozenset({Links, Routing}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({ArpAnswers, Backend, Owners}),
    narrow=narrowed(of_floating),
    wrong="An address of this host is on two interfaces, or another machine has it",
)
