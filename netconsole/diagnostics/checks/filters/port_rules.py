"""Does a rule of others ask for an interface that is a port of a network's bridge?"""

from collections.abc import Iterator, Sequence
from typing import Final

from netconsole.backend.filtering.asking_rules import AskingRule, asking_rules
from netconsole.backend.model.phrases import capitalized, count, some
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.filter_keepers import keeper_of, keeper_of_table
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks

ID: Final = "port_rules"
TITLE = "No rule of others asks for a port of a bridge"
SHOWN = 12
"""Rules listed; the rest are counted."""


def judge(snapshot: Snapshot) -> Finding:
    """Look for such rules at every interface that a network has taken into its bridge."""
    seen, routing = snapshot.part(PacketFilter), snapshot.get(Routing)
    ports = tuple(_ports(snapshot.part(Backend).status, snapshot.part(Links)))
    if not ports:
        because = "No network has an interface of this host as a port of its bridge."
        return Finding(ID, TITLE, "not-applicable", because)
    found = [
        (port, rule)
        for port in ports
        for rule in asking_rules(seen.chains, seen.foreign_tables, port.name, port.master)
        if not rule.rise and not (rule.ways == {"out"} and _sends(port.name, routing))
    ]
    certain = [each for each in found if each[1].certain]
    rows = tuple(_rows((*certain, *(each for each in found if not each[1].certain)), seen))
    if certain:
        return _never(certain, rows, seen)
    names = some([port.name for port in ports])
    if found:
        because = (
            f"Rules of others ask for {names} by a set or a pattern that does not have the bridge "
            "in its place: what comes and goes there does not match them."
        )
        remedy = "Where it should, the note beside each has the command."
        return Finding(ID, TITLE, "info", because, rows, remedy=remedy, confidence="possible")
    if reason := seen.foreign_unread:
        because = f"No rule that iptables shows asks for {names}; {reason}."
        return Finding(ID, TITLE, "unknown", because)
    because = f"None asks for {names}, or another beside it asks for the bridge as well."
    return Finding(ID, TITLE, "ok", because)


def _ports(status: Status, links: Links) -> Iterator[KernelLink]:
    """The interfaces of the host that are ports; those of guests are the matter of physdev."""
    guests = {each.device for each in status.allocations}
    for bridge in dict.fromkeys(network.bridge for network in status.networks):
        for port in links.ports_of(bridge):
            if port.name not in guests and port.kind != "tun":
                yield port


def _sends(port: str, routing: Routing | None) -> bool:
    """Whether the host itself sends by it all the same, past the bridge."""
    if routing is None:
        return True
    return any(each.interface == port for each in routing.routes) or any(
        each.interface == port and each.scope != "link" for each in routing.addresses
    )


_Found = tuple[KernelLink, AskingRule]


def _never(found: Sequence[_Found], rows: tuple[Evidence, ...], seen: PacketFilter) -> Finding:
    port, rule = found[0]
    what = (
        f"excepts {port.name}, and takes what comes or goes there as well"
        if rule.excepts
        else f"asks for {port.name}, and never matches what comes or goes there"
    )
    more = f" {count(len(found) - 1, 'rule')} more: the rows have them." if found[1:] else ""
    because = (
        f"{capitalized(rule.place.name)} {what}: {port.name} is a port of "
        f"{port.master}, and IP has its packets as those of {port.master}.{more}"
    )
    return Finding(ID, TITLE, "warn", because, rows, remedy=_remedy(rule, port, seen))


def _remedy(rule: AskingRule, port: KernelLink, seen: PacketFilter) -> str:
    keeper = _keeper(rule)
    if keeper == "firewalld":
        return (
            f"firewalld keeps it: `firewall-cmd --permanent --zone=ZONE --change-interface="
            f"{port.master}` with the zone of {port.name}, then `firewall-cmd --reload`."
        )
    typed = rule.in_its_place(seen.command)
    if not typed:
        return f"Only the program that made the table can change it: have it name {port.master}."
    kept = f"where {keeper} keeps its rules" if keeper else "where it is loaded from at boot"
    return (
        f"`{typed}` words it with the bridge; the note beside each has its own. Say so also {kept}."
    )


def _keeper(rule: AskingRule) -> str:
    if rule.place.kind == "native":
        return keeper_of_table(rule.place.table)
    return keeper_of(rule.place.chain)


def _rows(found: Sequence[_Found], seen: PacketFilter) -> Iterator[Evidence]:
    for port, rule in found[:SHOWN]:
        label = rule.place.name
        expected = f"{port.master} in the place of {port.name}"
        yield Evidence(label, rule.text, expected, rule.in_its_place(seen.command))
    if len(found) > SHOWN:
        yield Evidence("more of the kind", str(len(found) - SHOWN))


PAGE = Explanation(
    symptom="Since a network was made on an interface, SSH to the host is refused, or guests of "
    "others leave untranslated, though the rules that allow it are still there.",
    cause="A network has taken the interface into its bridge. What comes in by a port is handed to "
    "the bridge before IP looks at it, and what the host sends goes out by the bridge: rules see "
    "`-i br100`, never `-i eth0`. br_netfilter changes nothing of that, it gives the bridge as the "
    "interface as well. A rule that asks for the port never matches; one that asks for all but the "
    "port takes everything. netconsole words its own rules with the bridge, and moves addresses, "
    "routes and rules of `ip rule`; those of others stay as they are.",
    evidence="Every chain of iptables and ip6tables, of both kinds, and every table of nftables of "
    "the families ip, ip6, inet and arp. Left out are chains at the hooks ingress and egress, "
    "which are at the interface itself, ebtables, `-m physdev`, rules of ours, a rule beside which "
    "one with the bridge stands, one that has counted a packet just now, and `-o` where an address "
    "or a route is left on the port. Sets, maps and patterns (eth+) that have the port and not the "
    "bridge are listed, and no warning: they may be meant for others.",
    look_alikes=(
        ("forward_filter", "a rule does match, and drops what guests send."),
        ("dhcp_firewall", "guests get no address, as nothing accepts port 67 from the bridge."),
        ("egress_source", "a rule of others does match, and translates before ours."),
        (
            "a brouter",
            "a rule in `ebtables -t broute` takes frames from the bridge: IP has them by the port.",
        ),
    ),
    cure="By hand, as the rules are another's: the note beside each has the command that words it "
    "with the bridge in the port's place. Or put a second one beside it, which holds in both "
    "cases, before and after the network. For good: in the file that they are loaded from, or by "
    "the program that keeps them (ufw, firewalld).",
    source="net/bridge/br_input.c (br_pass_frame_up), net/bridge/br_netfilter_hooks.c "
    "(setup_pre_routing); iptables(8), --in-interface; nft(8), meta expressions and hooks; "
    "measured on Linux 6.18",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Links, PacketFilter}),
    1.0,
    judge,
    PAGE,
    frozenset({Routing}),
    narrow=narrowed(of_networks),
    wrong="A rule of others asks for a port of a bridge",
)
