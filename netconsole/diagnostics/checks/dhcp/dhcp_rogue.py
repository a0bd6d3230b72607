"""C2: does nobody else answer the DHCP requests of our guests?"""

from ipaddress import ip_address, ip_network
from typing import Final

from netconsole.backend.steps import Plan, RunProgram
from netconsole.backend.survey.status import NetworkStatus
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.bridges import stp
from netconsole.diagnostics.checks.dhcp import dnsmasq_processes
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dhcp import DhcpAnswer, DhcpAnswers
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcesses
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_dhcp, of_networks

ID: Final = "dhcp_rogue"
TITLE = "No other DHCP server answers the guests"


def judge(snapshot: Snapshot) -> Finding:
    """Compare who answered with who should."""
    host, told = snapshot.part(Backend), snapshot.part(DhcpAnswers)
    networks = {each.bridge: each for each in host.status.networks}
    heard = (*told.answers, *(each for each in told.overheard if each.kind != "ACK"))
    strange = [each for each in heard if _is_strange(snapshot, each, told, networks[each.bridge])]
    rows = tuple(_row(each, networks[each.bridge]) for each in heard)
    if strange:
        return _found(snapshot, strange[0], networks[strange[0].bridge], rows)
    if told.held_off:
        return _held_off(snapshot, told.held_off[0], rows)
    if unasked := unprobed(snapshot):
        return Finding(ID, TITLE, *unasked, rows)
    if not told.asked:
        because = "No network here is served by dnsmasq on a bridge that is up."
        return Finding(ID, TITLE, "not-applicable", because)
    because = (
        f"{len(told.asked)} DHCP requests were answered by nobody but the networks' own dnsmasq "
        f"within {told.seconds:.1f} s."
    )
    return Finding(ID, TITLE, "ok", because, rows)


def unprobed(snapshot: Snapshot) -> tuple[Verdict, str] | None:
    """Return what is to be said where a bridge could not be probed; None where each was."""
    problem = next(iter(snapshot.part(DhcpAnswers).problems.values()), "")
    if not problem:
        return None
    if stp.CHECK.examine(snapshot).found:
        return "info", f"A bridge was not probed: {problem}. {stp.ID} says why."
    return "unknown", f"A bridge could not be probed: {problem}."


def own_servers(snapshot: Snapshot, network: NetworkStatus) -> frozenset[str | None]:
    """Return the addresses by which a network's dnsmasq names itself.

    It takes the first one of its subnet on the bridge, which may be an admin's (tried with 2.90).
    """
    routing = snapshot.get(Routing)
    here = routing.on(network.bridge) if routing else ()
    cidr = ip_network(network.cidr)
    own = (each.address for each in here if ip_address(each.address) in cidr)
    return frozenset((network.dhcp_server, *own))


def _is_strange(
    snapshot: Snapshot, answer: DhcpAnswer, told: DhcpAnswers, network: NetworkStatus
) -> bool:
    """Whether it is none of the network's dnsmasq, which answers from here and for its hosts.

    Whom an answer is for that was overheard says nothing: others ask too.
    """
    if answer.server not in own_servers(snapshot, network) or answer.port not in (
        "",
        network.bridge,
    ):
        return True
    hosts = {each.mac for each in told.asked if each.instance}
    return answer in told.answers and answer.mac not in hosts


def _found(
    snapshot: Snapshot, answer: DhcpAnswer, network: NetworkStatus, rows: tuple[Evidence, ...]
) -> Finding:
    allocations = snapshot.part(Backend).status.allocations
    guest = next((each.instance for each in allocations if each.device == answer.port), "")
    offer = f"offers {answer.address}" if answer.kind == "OFFER" else f"says {answer.kind}"
    who = f"{answer.server} ({answer.source})"
    if answer.port in ("", network.bridge):
        return _on_this_host(snapshot, f"{who} {offer} to guests on {network.bridge}", rows)
    place = f"the port of {guest}" if guest else f"{answer.port}, which leads out of this host"
    because = (
        f"A second DHCP server answers guests on {network.bridge}: {who}, behind {place}, {offer}. "
        "A guest takes the first answer, so that it may get an address and a router of another "
        "network, or be refused its own when it renews."
    )
    remedy = (
        f"The fix drops what {answer.port} sends as a DHCP server; {guest or 'whoever is there'} "
        "keeps everything else. The rule lasts until the next boot: have the server itself ended."
    )
    fix = Plan((_drop(answer.port),))
    return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, fix, remedy=remedy)


def _held_off(snapshot: Snapshot, answer: DhcpAnswer, rows: tuple[Evidence, ...]) -> Finding:
    """Return that a guest serves DHCP, and nobody hears it."""
    allocations = snapshot.part(Backend).status.allocations
    guest = next(each for each in allocations if each.device == answer.port)
    what = f"offers {answer.address}" if answer.kind == "OFFER" else f"says {answer.kind}"
    by = "the guard of that port drops it" if guest.guarded else "a rule on this host drops it"
    because = (
        f"{guest.instance} serves DHCP on {answer.bridge}: as {answer.server} it {what} at its "
        f"port {answer.port}, and {by}, so that no other guest hears it."
    )
    row = Evidence(
        f"{answer.kind} at {answer.port} for {answer.mac}",
        f"{answer.address} from {answer.server}",
        "nobody's",
        f"{answer.source}, held off at the port",
    )
    remedy = (
        f"Have the server in {guest.instance} ended: without the guard, as after `netconsole "
        f"instance unguard {guest.instance}`, others would take its addresses."
    )
    return Finding(ID, TITLE, "info", because, (row, *rows), remedy=remedy)


_RULES_OUT = (
    "dhcp_hosts: the network's dnsmasq is not silent for want of a host line, another one speaks",
)


def _on_this_host(snapshot: Snapshot, said: str, rows: tuple[Evidence, ...]) -> Finding:
    if dnsmasq_processes.CHECK.examine(snapshot).found:
        because = f"{said}; dnsmasq_processes says more of it."
        return Finding(ID, TITLE, "info", because, rows)
    processes = snapshot.get(DnsmasqProcesses) or DnsmasqProcesses(0.0)
    ours = {pid for each in snapshot.part(Backend).status.dnsmasq for pid in each.pids}
    others = [
        f"{each.program} ({each.pid})" for each in processes.listeners if each.pid not in ours
    ]
    whose = f"Also listening on port 67: {', '.join(others)}." if others else ""
    because = f"From this host itself {said}, and it is not what their dnsmasq should say. {whose}"
    remedy = (
        "End that program, or bind it to its own interface; a file that dnsmasq_config_file names "
        "may give the network's dnsmasq a range of its own."
    )
    return Finding(ID, TITLE, "fail", because.strip(), rows, remedy=remedy, confidence="likely")


def _drop(port: str) -> RunProgram:
    rule = ("FORWARD", "-i", port, "-p", "IPv4", "--ip-proto", "udp", "--ip-sport", "67")
    table = ("ebtables", "-t", "filter")
    return RunProgram((*table, "-I", *rule, "-j", "DROP"), (*table, "-D", *rule, "-j", "DROP"))


def _row(answer: DhcpAnswer, network: NetworkStatus) -> Evidence:
    return Evidence(
        f"{answer.kind} on {answer.bridge} for {answer.mac}",
        f"{answer.address} from {answer.server}",
        f"from {network.dhcp_server}",
        f"{answer.source} behind {answer.port or 'a port not known'}, {answer.milliseconds} ms",
    )


PAGE = Explanation(
    symptom="Some guests get an address of a wrong network, a wrong router or name server, or lose "
    "their address again and again; it depends on who answers first.",
    cause="A DHCP request goes to everyone on the bridge, and a client takes the first offer that "
    "comes. A second server is a guest that serves DHCP, a server of the LAN behind an uplink that "
    "is a port of the bridge, or another program of this host.",
    evidence="A probe asks on each bridge, from a port of its own, in the name of a few instances "
    "and of a client that nobody knows. Each answer names its server (option 54); its hardware "
    "address is looked up in the bridge's table, which names the port. Answers are awaited for 4.5 "
    "s, as servers that first try an address by ARP or ping take up to four; later answers are "
    "heard by the next probe. What a guest answers is heard at its own port as well: where it gets "
    "no further, the guard of the port holds it off, which is worth a word and no fault.",
    look_alikes=(
        ("dhcp_nak", "the network's own dnsmasq refuses, as it lost the lease."),
        ("dnsmasq_processes", "both are dnsmasq of this host: one is one too many."),
        ("dhcp_probe", "one server answers, with another address than the store says."),
    ),
    cure="For a server behind a port: a rule of ebtables that drops what that port sends from UDP "
    "port 67. It filters that one port, stays until the next boot, and nothing else of the guest "
    "is touched. Then end the server. Guests that took its lease keep it until they renew.",
    source="RFC 2131 sections 3.1, 4.3; RFC 2132 section 9.7; ebtables(8)",
)

CHECK = Check(
    ID,
    ("C2",),
    TITLE,
    frozenset({Backend, DhcpAnswers}),
    2.6,
    judge,
    PAGE,
    uses=frozenset({DnsmasqProcesses, Routing}) | (stp.CHECK.needs - {Backend}),
    narrow=narrowed(of_dhcp, of_networks),
    reach=Reach.NETWORK,
    wrong="Another DHCP server answers the guests",
)
