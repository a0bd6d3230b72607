"""C5: does this host's packet filter let DHCP requests and DNS questions in from the bridges?"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from netconsole.backend.status import NetworkStatus
from netconsole.backend.steps import Plan, RunProgram
from netconsole.diagnostics.check import Check
from netconsole.diagnostics.claims import claimed
from netconsole.diagnostics.finding import Evidence, Finding
from netconsole.diagnostics.inbound import Packet, Stop, stopped
from netconsole.diagnostics.page import Page
from netconsole.diagnostics.parts.backend import Host
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import Kind, PacketFilter
from netconsole.diagnostics.snapshot import Snapshot

ID: Final = "dhcp_firewall"
TITLE = "The packet filter lets DHCP and DNS in from the guests"
REMEDY = "`netconsole apply` puts the jump to nova-network-INPUT back, in front of other rules."
INSERTED = (
    "The fix puts rules in front that let port 67 or 53 in from this bridge alone; the rule that "
    "drops stays. Whoever loads the packet filter at boot has to be told as well"
)

_SERVICES = {67: "DHCP requests", 53: "DNS questions"}
_OWNERS_WAY = {
    "firewalld": "firewall-cmd --permanent --zone=trusted --add-interface={bridge}",
    "ufw": "ufw allow in on {bridge} to any port {port} proto udp",
}


class Blocked(NamedTuple):
    """What is dropped on one bridge, and where."""

    bridge: str
    port: int
    stop: Stop


def judge(snapshot: Snapshot) -> Finding:
    """Lead a packet of each sort through the rules on its way in."""
    host, found = snapshot.part(Host), snapshot.part(PacketFilter)
    served = {each.bridge for each in host.status.dnsmasq if each.state != "foreign"}
    networks = [each for each in host.status.networks if each.bridge in served]
    steps = claimed(host.plan, host.status, ID)
    dropped = [blocked for each in networks for blocked in _blocked(found, each)]
    rows = (
        *(_row(each) for each in dropped),
        *(Evidence("not yet done", command) for command in steps.commands),
        *(
            Evidence(
                f"nftables {table.family} {table.name}",
                f"chain {chain.name} at {chain.hook}, policy {chain.policy}",
                note="its rules were not followed",
            )
            for table in found.foreign_tables
            for chain in table.chains
            if chain.hook in ("input", "prerouting")
        ),
    )
    if dropped:
        because = _explained(dropped)
        fix = host.fix if steps else _accept(found.command, dropped)
        remedy = REMEDY if steps else _remedy(snapshot, dropped[0])
        return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, fix, remedy=remedy)
    if steps:
        because = (
            "The rules that let DHCP and DNS in from the bridges are not as they should be: "
            f"{steps.commands[0]}. Nothing drops such packets now, but any rule that is added may."
        )
        return Finding(ID, TITLE, "warn", because, rows, (), host.fix, remedy=REMEDY)
    if not networks:
        return Finding(ID, TITLE, "not-applicable", "No network here is served by dnsmasq.")
    because = "No rule of iptables drops port 67 or 53 from the bridges."
    return Finding(ID, TITLE, "ok", because, rows)


_RULES_OUT = (
    "dnsmasq_processes: a packet that is dropped on its way in reaches no process at all",
    "dhcp_hosts: the request of every instance is dropped, known or not",
)


def _blocked(found: PacketFilter, network: NetworkStatus) -> Iterator[Blocked]:
    server = network.dhcp_server or ""
    guest = network.cidr.partition("/")[0]
    for port, packet in (
        (67, Packet(network.bridge, "0.0.0.0", "255.255.255.255", 67)),  # noqa: S104  a source
        (53, Packet(network.bridge, guest, server, 53)),
    ):
        if stop := stopped(found, packet):
            yield Blocked(network.bridge, port, stop)


def _explained(dropped: Sequence[Blocked]) -> str:
    bridge, stop = dropped[0].bridge, dropped[0].stop
    what = " and ".join(_SERVICES[each.port] for each in dropped if each.bridge == bridge)
    whose = "The policy" if stop.rule is None else "A rule"
    said = (
        f"{whose} of {stop.chain} in the {stop.kind} table {stop.table} drops {what} that come in "
        f"by {bridge}, before dnsmasq hears of them: {stop.text}. It has dropped "
        f"{stop.packets} packets so far."
    )
    others = {each.bridge for each in dropped} - {bridge}
    return f"{said} So it is on {', '.join(sorted(others))}." if others else said


def _row(blocked: Blocked) -> Evidence:
    stop = blocked.stop
    note = f"{stop.kind}, {stop.packets} packets so far"
    label = f"port {blocked.port} from {blocked.bridge}"
    return Evidence(label, f"dropped by {stop.text}", "accepted", note)


def _accept(command: Kind, dropped: Sequence[Blocked]) -> Plan:
    """Let these in, in front of what drops them."""
    return Plan(tuple(_insertion(command, each) for each in dropped))


def _insertion(command: Kind, blocked: Blocked) -> RunProgram:
    stop = blocked.stop
    program = "iptables" if stop.kind == command else f"iptables-{stop.kind}"
    table = (program, "-w", "-t", stop.table)
    port = str(blocked.port)
    rule = ("-i", blocked.bridge, "-p", "udp", "-m", "udp", "--dport", port, "-j", "ACCEPT")
    return RunProgram(
        (*table, "-I", stop.entry, "1", *rule),
        (*table, "-D", stop.entry, *rule),
    )


def _remedy(snapshot: Snapshot, blocked: Blocked) -> str:
    owners = snapshot.get(Owners) or Owners()
    for owner in owners.of(*_OWNERS_WAY):
        way = _OWNERS_WAY[owner.name].format(bridge=blocked.bridge, port=blocked.port)
        return f"{INSERTED}: {owner.name} manages it here ({owner.because}): {way}"
    return f"{INSERTED}."


PAGE = Page(
    symptom="No instance of a network gets an address, or none resolves names, though dnsmasq runs "
    "and its requests are seen on the bridge.",
    cause="Requests to dnsmasq are packets to this host, and pass its INPUT chain like any other. "
    "A firewall that drops what it was not told of drops them too. Our own rules accept them in "
    "nova-network-INPUT, to which INPUT has to jump before it drops.",
    evidence="A DHCP request and a DNS question of each network are led through raw, mangle and "
    "filter, of both halves of the kernel, rule by rule; a rule with a condition that is not "
    "understood decides nothing. The rule's counter says how many it has dropped. Tables of "
    "nftables that iptables does not show are named and not read: there `dhcp_probe` tells.",
    look_alikes=(
        ("dhcp_hosts", "one instance alone gets no address."),
        ("dnsmasq_processes", "no dnsmasq runs, or it is stopped; no counter of a DROP moves."),
        ("bridge", "the requests are not even seen on the bridge."),
    ),
    cure="Where our jump is missing or behind others, `netconsole apply` puts it in front. Where a "
    "table before that drops, a rule for this bridge and port is put in front of the one that "
    "drops, which stays. For good: tell whoever loads the rules, as `firewall-cmd --permanent "
    "--zone=trusted --add-interface=BRIDGE` does.",
    source="iptables(8), iptables-extensions(8); firewalld.zones(5)",
)

CHECK = Check(
    ID,
    ("C5",),
    TITLE,
    frozenset({Host, PacketFilter}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Owners}),
)
