"""A1, A1b: does the host drop packets because the reply would leave by another interface?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.path.rp_filter_at_boot import strict_at_boot
from netconsole.diagnostics.checks.path.rp_filter_evidence import evidence, rules_out
from netconsole.diagnostics.checks.path.rp_filter_rules import refused_by_rules
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import (
    EchoProbes,
    InterfacePaths,
    ReversePath,
    ReversePaths,
)
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks
from netconsole.diagnostics.reasoning.reverse_path import Case, asymmetric, key, setting_name

ID: Final = "rp_filter"
TITLE = "Reverse-path filtering lets in what arrives"
LOOSE = "2"
REMEDY = (
    "2 (loose) is the least that cures it: addresses with no route back are still refused, and 2 "
    "wins over any value of `all`. 0 would change nothing while `all` is 1, and a key "
    "net.ipv4.conf.rp_filter does not exist. Routing the replies out of the interface that the "
    "packets came in by cures it as well."
)
NO_ROUTE_REMEDY = (
    "No strict or loose filter would let it in, as the reply has nowhere to go: "
    "add a route to the source."
)

Victims = Mapping[str, Sequence[ReversePath]]


def judge(snapshot: Snapshot) -> Finding:
    """Conclude from the kernel's own answers, interface by interface."""
    case = Case.of(snapshot)
    interfaces = case.paths.interfaces
    if not interfaces:
        return Finding(ID, TITLE, "not-applicable", "No interface that is up has an IPv4 address.")
    victims = [(each.name, path) for each in interfaces for path in case.victims(each)]
    certain = _grouped((name, path) for name, path in victims if path.known_as != "beyond")
    if certain:
        return _failed(case, certain)
    if by_rules := refused_by_rules(case, ID, TITLE):
        return by_rules
    suspected = _grouped((name, path) for name, path in victims if _carries(case, name))
    if suspected:
        return _warned(case, suspected)
    if later := strict_at_boot(case, ID, TITLE):
        return later
    uneven = _grouped((each.name, path) for each in interfaces for path in asymmetric(each))
    return _tolerated(case, uneven) if uneven else _clean(case, interfaces)


def _grouped(found: Iterable[tuple[str, ReversePath]]) -> Victims:
    groups: dict[str, list[ReversePath]] = {}
    for interface, path in found:
        groups.setdefault(interface, []).append(path)
    return groups


def _carries(case: Case, interface: str) -> bool:
    """Whether floating addresses in use are on this interface."""
    host = case.snapshot.get(Backend)
    return host is not None and any(
        each.interface == interface and each.fixed_address for each in host.status.floating_ips
    )


def _failed(case: Case, victims: Victims) -> Finding:
    curable = [
        name
        for name, found in victims.items()
        if any(path.return_route == "unicast" for path in found)
    ]
    name = (curable or list(victims))[0]
    path = next((p for p in victims[name] if p.return_route == "unicast"), victims[name][0])
    others = len({(p.interface, p.source) for found in victims.values() for p in found}) - 1
    persist, permanence = _persist(case, curable)
    return Finding(
        ID,
        TITLE,
        "fail",
        _explained(case, path, others),
        evidence(case, victims, permanence),
        rules_out(case, path),
        _fix(case, curable),
        persist,
        REMEDY if curable else NO_ROUTE_REMEDY,
    )


def _explained(case: Case, path: ReversePath, others: int) -> str:
    route = (
        f"the reply would leave by {path.returns_by}"
        if path.returns_by
        else "there is no route back to it"
    )
    too = f" {others} other sources fare the same." if others > 1 else ""
    too = " One other source fares the same." if others == 1 else too
    return (
        f"A packet from {path.source} that comes in at {path.interface} is dropped: {route}, and "
        f"the filter in force at {path.interface} is {case.in_force(path.interface)}. A capture "
        f"there shows such packets, ARP requests too, and nothing answers them.{too}"
    )


def _warned(case: Case, victims: Victims) -> Finding:
    path = next(iter(victims.values()))[0]
    leaves = f"leaves by {path.returns_by}" if path.returns_by else "does not exist"
    because = (
        f"{path.interface} carries floating addresses, its filter is "
        f"{case.in_force(path.interface)}, and the default route {leaves}: whoever comes in at "
        f"{path.interface} from beyond its own subnets is dropped."
    )
    curable = [name for name, found in victims.items() if any(p.returns_by for p in found)]
    persist, permanence = _persist(case, curable)
    rows = evidence(case, victims, permanence)
    fix, remedy = _fix(case, curable), REMEDY if curable else NO_ROUTE_REMEDY
    return Finding(ID, TITLE, "warn", because, rows, (), fix, persist, remedy)


def _tolerated(case: Case, uneven: Victims) -> Finding:
    path = next(iter(uneven.values()))[0]
    because = (
        f"{path.source} arrives at {path.interface} and is answered through {path.returns_by}; "
        f"the filter in force at {path.interface} is {case.in_force(path.interface)}, which lets "
        "it in."
    )
    loose = [name for name in uneven if case.value(name) == LOOSE]
    persist, permanence = _persist(case, loose)
    rows = evidence(case, uneven, permanence)
    return Finding(ID, TITLE, "ok", because, rows, persist=persist)


def _clean(case: Case, interfaces: Sequence[InterfacePaths]) -> Finding:
    because = (
        "Every source known on an interface that is up is answered through that interface, so "
        "that no filter drops it, strict or loose."
    )
    names: Victims = {each.name: () for each in interfaces}
    return Finding(ID, TITLE, "ok", because, evidence(case, names, ""))


def _fix(case: Case, interfaces: Sequence[str]) -> Plan | None:
    steps = tuple(SetSysctl(setting_name(name), LOOSE, case.value(name)) for name in interfaces)
    return Plan(steps) if steps else None


def _persist(case: Case, interfaces: Sequence[str]) -> tuple[Plan | None, str]:
    if not interfaces:
        return None, ""
    return case.drop_ins.make_permanent({key(name): LOOSE for name in interfaces})


PAGE = Explanation(
    symptom="A capture on the inbound interface shows the packets, ARP requests perhaps too, but "
    "nothing answers them, no rule of the packet filter counts them, and the instance never sees "
    "them. Often only some sources are cut off, or one of two uplinks.",
    cause="The kernel looks up the route to the source of each packet that comes in. With a strict "
    "filter (1) it drops the packet unless that route leaves by the interface it came in on; with "
    "a loose one (2), only when there is no route at all; with 0 it does not look. In force is the "
    "larger of net.ipv4.conf.all.rp_filter and the interface's own value.",
    evidence="The kernel itself is asked, for every neighbour and gateway of every interface, "
    "whether it takes such a packet. Then, where probes are allowed, a few echo requests are sent "
    "out of the suspect interface: their replies come in there, and each that the filter drops "
    "moves the counter IPReversePathFilter by one. For ARP it does not move: the host just stays "
    "silent. What sysctl.d(5) says of the next boot is held "
    "against the same sources.",
    look_alikes=(
        (
            "a rule of the packet filter",
            "its counter moves, IPReversePathFilter does not. One that "
            "looks at the route back as well (nft's `fib saddr . iif oif missing`, iptables' `-m "
            "rpfilter`) is held against the same sources, and named here.",
        ),
        ("ip_forward", "packets to the host itself are answered."),
        ("floating_address", "nobody answers ARP for the address, whoever asks."),
        ("a source that is silent", "no counter moves."),
    ),
    cure="2 on the inbound interface. 2 wins over any value of `all`; 0 on the interface alone "
    "changes nothing while `all` is 1 or 2. Or route the replies back out of the same interface. "
    "For good: a drop-in in /etc/sysctl.d that names the interface. The key "
    "net.ipv4.conf.rp_filter, which older guides give, does not exist.",
    source="Linux Documentation/networking/ip-sysctl.rst, rp_filter; RFC 3704",
)

CHECK = Check(
    ID,
    ("A1", "A1b"),
    TITLE,
    frozenset({Sysctls, DropIns, ReversePaths}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Backend, EchoProbes, PacketFilter, Routing}),
    narrow=narrowed(of_networks),
    reach=Reach.HOST,
    wrong="Reverse-path filtering drops what arrives",
)
