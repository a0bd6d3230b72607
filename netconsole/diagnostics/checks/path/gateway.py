"""D10: is the gateway of each network where guests look for it, and only there?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.backend.steps import AddAddress, AnnounceAddress, Plan
from netconsole.backend.survey.status import NetworkStatus
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links, without_carrier
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.claims import claimed, hindered, hindering
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan
from netconsole.diagnostics.reasoning.quarantine import COST, silence
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "gateway"
TITLE = "The gateway of each network is there, and only once"
REMEDY = "`netconsole apply` puts the address on the bridge."
REMEDY_AFTER = "Then `netconsole apply` puts the address on the bridge."


@dataclass(frozen=True, slots=True)
class _Gateway:
    """An address that guests send to, and who says to have it."""

    network: NetworkStatus
    address: str
    ours: bool
    others: tuple[ArpAnswer, ...] | None
    """Machines other than this host; None where nobody was asked."""

    @property
    def absent(self) -> bool:
        return not self.ours and self.others == ()

    @property
    def twice(self) -> bool:
        return len(self.others or ()) + self.ours > 1


def judge(snapshot: Snapshot) -> Finding:
    """Look for the addresses on the bridges, then for other machines that claim them."""
    host = snapshot.part(Backend)
    if not host.status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    steps = claimed(host.plan, ID)
    found = tuple(_gateways(snapshot))
    rows = (*_rows(found), *(Evidence("not yet done", command) for command in steps.commands))
    if steps:
        because = _differs(steps, snapshot.part(Routing))
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if obstacle := hindering(host, ID):
        return Finding(ID, TITLE, "fail", hindered(obstacle), rows, remedy=REMEDY_AFTER)
    if double := [each for each in found if each.twice]:
        guests = frozenset(each.device for each in host.status.allocations if each.device)
        by_router = not host.status.host.forwarding_wanted
        return _twice(double, guests, rows, by_router)
    if absent := [each for each in found if each.absent]:
        return _absent(absent[0], Wiring.of(snapshot), rows)
    if not found:
        return Finding(ID, TITLE, "not-applicable", "No network here has a gateway.", rows)
    because = f"{'; '.join(_well(each) for each in found[:4])}."
    return Finding(ID, TITLE, "ok", because, rows)


def _gateways(snapshot: Snapshot) -> Iterator[_Gateway]:
    routing, answers = snapshot.part(Routing), snapshot.get(ArpAnswers)
    own = {link.mac for link in snapshot.part(Links).links}
    for network in snapshot.part(Backend).status.networks:
        on_bridge = {each.address for each in routing.on(network.bridge)}
        for address in dict.fromkeys((network.gateway, network.dhcp_server)):
            if not address or (address != network.gateway and address not in on_bridge):
                continue
            heard = answers.on(network.bridge, address) if answers else None
            others = None if heard is None else tuple(a for a in heard if a.mac not in own)
            yield _Gateway(network, address, address in on_bridge, others)


def _rows(found: tuple[_Gateway, ...]) -> Iterator[Evidence]:
    for each in found:
        where = f"{each.address} on {each.network.bridge}"
        yield Evidence(where, "this host" if each.ours else "not of this host")
        if each.others is not None:
            macs = ", ".join(_who(answer) for answer in each.others) or "nobody"
            expected = "nobody" if each.ours else "one machine"
            yield Evidence(f"others that answer for {each.address}", macs, expected, "asked by ARP")


def _well(each: _Gateway) -> str:
    where = f"{each.address} on {each.network.bridge}"
    if each.ours:
        return f"{where} is this host" + ("" if each.others is None else ", and nobody else")
    if each.others:
        return f"{where} is {_who(each.others[0])}, and nobody else"
    return f"{where} is a router of yours, which was not asked"


def _who(answer: ArpAnswer) -> str:
    return f"{answer.mac} behind {answer.port}" if answer.port else answer.mac


def _differs(steps: Plan, routing: Routing) -> str:
    first = steps.steps[0]
    if not isinstance(first, AddAddress):
        return f"The addresses on a bridge are not those of its network: {steps.commands[0]}."
    address, _, length = first.address.partition("/")
    for other in routing.addresses:
        if (other.interface, other.address) == (first.interface, address):
            return (
                f"{address} is on {first.interface} with the mask /{other.prefix_length} "
                f"instead of /{length}: guests reach it, and this host has no route by which "
                "to answer them."
            )
    missing = f"{first.address} is not on {first.interface}: nobody answers when guests ask for"
    if ":" in address:
        return f"{missing} their IPv6 router, so that they reach by IPv6 each other at most."
    return (
        f"{missing} their router by ARP, so that they reach each other and nothing else, this "
        "host's DHCP and DNS included."
    )


def _twice(
    double: list[_Gateway], guests: frozenset[str], rows: tuple[Evidence, ...], by_router: bool
) -> Finding:
    """Of those behind a guest's port it is certain that they are no host that serves this network.

    Behind an uplink there may be one, with share_dhcp_address; or `by_router` the very router to
    which the network manager leaves the address, which this host has on its own account.
    """
    first = double[0]
    others = first.others or ()
    who = _who(others[0])
    because = (
        f"{who} answers for {first.address}, the gateway of {first.network.label}"
        + (", as this host does" if first.ours else ", and so does another machine")
        + ": each guest sends what leaves its network to whoever answered it last."
    )
    blocked = tuple(
        step
        for each in double
        if each.ours
        for answer in each.others or ()
        if answer.port in guests
        for step in silence(each.address, answer.port).steps
    )
    told = tuple(
        AnnounceAddress(each.network.bridge, each.address, 3) for each in double if each.ours
    )
    fix = Plan((*blocked, *told)) if blocked else None
    remedy = (
        f"Take the address off that machine. Until then: {COST} The guests are told anew who "
        "their router is."
        if blocked
        else f"The network manager leaves {first.address} to a router of yours: where that is the "
        f"one, `ip address show dev {first.network.bridge}` has the address to take off here."
        if by_router and first.ours
        else f"It came in by {others[0].port}, which is no instance's port. Another host of this "
        "network with share_dhcp_address has to be fenced in by ebtables rules there: `netconsole "
        "plan` on that host. Anything else: take the address off that machine."
        if others[0].port
        else "Take the address off that machine; its port on this host is not known."
    )
    out = ("bridge: the gateway's address is on the bridge, and the bridge carries frames",)
    return Finding(ID, TITLE, "fail", because, rows, out, fix, remedy=remedy)


def _absent(gateway: _Gateway, wiring: Wiring, rows: tuple[Evidence, ...]) -> Finding:
    bridge = gateway.network.bridge
    ways = [each for each in wiring.uplinks if each.master == bridge]
    cut = "" if ways else f"{bridge} has no port but those of guests"
    if ways and not any(each.up and each.carrier for each in ways):
        cut = without_carrier(ways[0])
    because = (
        f"{gateway.address}, the gateway of {gateway.network.label}, is on no interface of this "
        f"host, as its network manager leaves it to a router of yours, and nobody on "
        f"{bridge} answers for it: guests reach nothing beyond their network."
    )
    remedy = "Look at that router, and at the port of the bridge that leads to it."
    if cut:
        because += f" {cut}, so that no frame gets to it."
        remedy = f"`bridge link show` has the ports of {bridge}: one has to lead to that router."
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


PAGE = Explanation(
    symptom="Instances reach each other and nothing beyond; they get no address or no names; or "
    "some of them do and others do not, changing by the minute.",
    cause="A guest asks by ARP who has its gateway's address and sends everything for other "
    "networks to whoever answers. Without the address on the bridge nobody does. Where a second "
    "machine has it as well, an instance that someone configured so, each guest believes the "
    "answer that came last, and a part of the traffic ends there.",
    evidence="The addresses of the bridge against the network's; a wider mask of the admin's own "
    "covers the network as well, a narrower one leaves it without a route. Where "
    "probes are allowed, an ARP probe on the bridge: this host does not hear its own, so that "
    "every answer for an address of its own is another machine, and the bridge has learnt behind "
    "which port. A gateway that is not this host's (Flat) has to answer, once.",
    look_alikes=(
        ("bridge", "the bridge or the ports are missing or down: guests do not reach each other."),
        ("ip_forward", "the gateway answers a ping, and nothing beyond it does."),
        ("address_conflict", "the address that two machines claim is an instance's."),
        ("duplicate_address", "it is one that this host has on another interface."),
        ("a firewall of the host", "ARP is answered, and ping to the gateway is not."),
    ),
    cure="A missing address: `netconsole apply`, which keeps it from then on. A second machine: "
    "two ebtables rules drop its ARP in the gateway's name at its port, then the gateway is "
    "announced. The machine keeps its other traffic. The rules are gone after a reboot, and that "
    "is meant: the address has to go from that machine.",
    source="RFC 826; RFC 5227 sections 1.1 and 2.4; ebtables(8)",
)

CHECK = Check(
    ID,
    ("D10",),
    TITLE,
    frozenset({Backend, Links, Routing}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({ArpAnswers}),
    narrow=narrowed(of_plan, of_networks),
    reach=Reach.NETWORK,
    wrong="The gateway of a network is missing, or there twice",
)
