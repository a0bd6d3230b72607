"""B9: do the ports of a bridge let through what they should: to each other, and to themselves?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from netconsole.backend.model.bridging import PortSettings
from netconsole.backend.steps import Plan, RunProgram, SetLink, Step
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.narrowing import (
    Share,
    narrowed,
    of_networks,
    of_plan,
    of_ports,
)
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "hairpin"
TITLE = "Ports hand frames to each other, and back"
REMEDY = (
    "Where it was set on purpose, to keep guests apart, leave it: the ports do then what they were "
    "told to."
)


class Restriction(NamedTuple):
    """A setting of a port that keeps frames back."""

    setting: str
    """In the words of bridge(8)."""
    usual: bool
    lost: str
    """What becomes of the frames."""
    verdict: Verdict


RESTRICTIONS = (
    Restriction("isolated", False, "hands no frame to any other isolated port", "fail"),
    Restriction(
        "locked",
        False,
        "drops every frame from a MAC address that nobody entered in the bridge's table",
        "fail",
    ),
    Restriction(
        "bcast_flood", True, "gets no broadcast: no ARP request and no DHCP answer to all", "fail"
    ),
    Restriction("mcast_flood", True, "gets no multicast that it has not joined", "warn"),
    Restriction("flood", True, "gets no frame while the bridge does not know where it is", "warn"),
    Restriction(
        "learning", True, "is never learnt: what is sent to it goes out of every port", "warn"
    ),
    Restriction(
        "neigh_suppress",
        False,
        "is not asked by ARP: the bridge answers with what this host remembers, also when that is "
        "no more so",
        "warn",
    ),
    Restriction(
        "proxy_arp",
        False,
        "gets the bridge's own answers to its ARP requests, with what this host remembers, also "
        "when that is no more so",
        "warn",
    ),
)


class Restricted(NamedTuple):
    """A port that a setting restricts."""

    port: KernelLink
    by: Restriction


def judge(snapshot: Snapshot) -> Finding:
    """Look at the settings of every port, hairpin by what the plan says of it."""
    host, wiring = snapshot.part(Backend), Wiring.of(snapshot)
    ports = [port for port in wiring.ports if port.port is not None]
    hairpin = _missing(host, ports)
    found = list(_restricted(wiring))
    if not ports and not hairpin:
        return Finding(ID, TITLE, "not-applicable", "No bridge of a network has a port here.")
    rows = (
        *(Evidence("not yet done", command) for command in hairpin.commands),
        *(_row(each, wiring) for each in found),
    )
    if hairpin:
        because = (
            "The bridge sends no frame back out of the port that it came in by: a guest does not "
            "reach itself under its own floating address, for the host turns such packets round "
            f"at the guest's own port. Wanted is: {hairpin.commands[0]}."
        )
        plan = Plan((*host.plan.steps, *map(_undo, found)))
        excluded = ("floating_nat: the rules are another matter, and that check names them",)
        return Finding(ID, TITLE, "fail", because, rows, excluded, plan)
    if not found:
        because = f"Nothing is held back at the {len(ports)} ports."
        return Finding(ID, TITLE, "ok", because, rows)
    mine = snapshot.target.port if snapshot.target else ""
    worst = min(
        found,
        key=lambda each: (each.port.name != mine, ("fail", "warn").index(each.by.verdict)),
    )
    because = f"{wiring.whose(worst.port.name)} {worst.by.lost}."
    if rest := len(found) - 1:
        because += f" {rest} more such settings stand in the evidence."
    plan = Plan(tuple(map(_undo, found)))
    return Finding(ID, TITLE, worst.by.verdict, because, rows, (), plan, remedy=REMEDY)


def _missing(host: Backend, ports: Sequence[KernelLink]) -> Plan:
    """Return the steps at ports that are in their bridge: `bridge` names the others."""
    names = {port.name for port in ports}
    steps = claimed(host.plan, ID).steps
    return Plan(tuple(step for step in steps if isinstance(step, SetLink) and step.name in names))


def _restricted(wiring: Wiring) -> Iterator[Restricted]:
    alone = _alone(wiring)
    for port in wiring.ports:
        for restriction in RESTRICTIONS:
            if restriction.setting == "isolated" and port.master in alone:
                continue  # one isolated port speaks with all others
            if port.port and _setting(port.port, restriction.setting) != restriction.usual:
                yield Restricted(port, restriction)


def _of_own_ports(snapshot: Snapshot, share: Share) -> Snapshot:
    """Leave out the ports of others, but isolated ones that one of the target's does not reach."""
    links = snapshot.part(Links)
    apart = {link.name for link in links.links if link.port and link.port.isolated}
    own = of_ports(snapshot, share).part(Links)
    if share.devices.isdisjoint(apart):
        return snapshot.with_parts(own)
    names = apart.union(link.name for link in own.links)
    kept = tuple(link for link in links.links if link.name in names)
    return snapshot.with_parts(replace(links, links=kept))


def _alone(wiring: Wiring) -> frozenset[str]:
    """Return the bridges of which one port at most is isolated."""
    isolated = [port.master for port in wiring.ports if port.port and port.port.isolated]
    return frozenset(bridge.name for bridge in wiring.bridges if isolated.count(bridge.name) < 2)


def _setting(settings: PortSettings, name: str) -> bool:
    return {
        "isolated": settings.isolated,
        "locked": settings.locked,
        "bcast_flood": settings.bcast_flood,
        "mcast_flood": settings.mcast_flood,
        "flood": settings.flood,
        "learning": settings.learning,
        "neigh_suppress": settings.neigh_suppress,
        "proxy_arp": settings.proxy_arp,
    }[name]


def _row(each: Restricted, wiring: Wiring) -> Evidence:
    words = _words(not each.by.usual), _words(each.by.usual)
    return Evidence(f"{each.by.setting} of {wiring.whose(each.port.name)}", *words)


def _undo(each: Restricted) -> Step:
    change = ("bridge", "link", "set", "dev", each.port.name, each.by.setting)
    usual = each.by.usual
    return RunProgram((*change, _words(usual)), (*change, _words(not usual)))


def _words(value: bool) -> str:
    return "on" if value else "off"


PAGE = Explanation(
    symptom="A guest reaches everything but itself under its own floating address; or two guests "
    "on one bridge reach the host and the world, and not each other.",
    cause="A bridge sends no frame back out of the port that it came in by unless that port is "
    "set to hairpin, and the host turns packets to a guest's own floating address round there. A "
    "port that is isolated hands no frame to other isolated ports. A locked one takes frames of "
    "known MAC addresses only, and without flooding it gets no frame that is for everybody, or "
    "for an address that the bridge does not know yet. Where ARP is suppressed at it, or answered "
    "for others, the bridge says what this host remembers.",
    evidence="The settings of each port, as `bridge -details link` shows them. One isolated port "
    "by itself is no fault: it speaks with all that are not.",
    look_alikes=(
        ("bridge_nf", "every port is open, and a rule of FORWARD counts the frames between them."),
        ("floating_nat", "a rule is missing, and the floating address is dead for others too."),
        ("fdb", "the ports are open, and the bridge looks for the guest behind another one."),
    ),
    cure="Hairpin on at every guest's port, as netconsole wants it and puts it back at every "
    "apply. The other settings back to the kernel's own, port by port; a port that is made anew "
    "has those. Isolation that was wanted ends with that: guests reach each other again.",
    source="bridge(8), link set; ip-link(8), bridge_slave; Linux net/bridge/br_forward.c",
)

CHECK = Check(
    ID,
    ("B9",),
    TITLE,
    frozenset({Backend, Links}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_plan, _of_own_ports, of_networks),
    wrong="A port does not hand frames on as it should",
)
