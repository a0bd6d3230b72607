"""C9: does a DHCP request of a guest get its answer, the right one, and soon?"""

from typing import Final

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.steps import Plan, ReloadDnsmasq
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.bridges import bridge, stp
from netconsole.diagnostics.checks.dhcp import (
    dhcp_firewall,
    dhcp_hosts,
    dnsmasq_load,
    dnsmasq_processes,
    inotify,
)
from netconsole.diagnostics.checks.dhcp.dhcp_rogue import own_servers, unprobed
from netconsole.diagnostics.checks.path import arp_answers, gateway
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dhcp import DhcpAnswer, DhcpAnswers, Discover
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_dhcp, of_networks

ID: Final = "dhcp_probe"
TITLE = "A guest's DHCP request is answered"
SLOW = 1000
"""Milliseconds; a client asks again after 3 to 5 seconds (RFC 2131 section 4.1)."""

_CAUSES = (
    bridge.CHECK,
    gateway.CHECK,
    dnsmasq_processes.CHECK,
    dhcp_hosts.CHECK,
    dhcp_firewall.CHECK,
    inotify.CHECK,
    arp_answers.CHECK,
)
"""Checks that name the cause of silence."""


def judge(snapshot: Snapshot) -> Finding:
    """Look at the answers to the questions that were asked in instances' names."""
    host, told = snapshot.part(Backend), snapshot.part(DhcpAnswers)
    servers = {each.bridge: own_servers(snapshot, each) for each in host.status.networks}
    asked = [each for each in told.asked if each.instance]
    rows = tuple(_row(each, told) for each in asked)
    if unasked := unprobed(snapshot):
        return Finding(ID, TITLE, *unasked, rows)
    if not asked:
        because = "There is no instance in whose name a dnsmasq could be asked."
        return Finding(ID, TITLE, "not-applicable", because)
    offers = {
        each: next((a for a in told.to(each) if a.server in servers.get(each.bridge, ())), None)
        for each in asked
    }
    silent = [each for each, offer in offers.items() if offer is None]
    if silent:
        return _silent(snapshot, silent, rows)
    for each, offer in offers.items():
        if offer and offer.address != each.address:
            return _wrong(snapshot, each, offer, rows)
    slowest = max(offer.milliseconds for offer in offers.values() if offer)
    if slowest > SLOW:
        because = (
            f"The slowest answer took {slowest} ms. A dnsmasq does one thing at a time: meanwhile "
            "nobody on this network gets an address or an answer to a DNS question."
        )
        remedy = "See what keeps it busy: dnsmasq_load."
        return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence="likely")
    because = f"{len(asked)} requests were answered, the slowest after {slowest} ms."
    return Finding(ID, TITLE, "ok", because, rows)


def _silent(snapshot: Snapshot, silent: list[Discover], rows: tuple[Evidence, ...]) -> Finding:
    first = silent[0]
    said = (
        f"A request in the name of {first.instance} ({first.mac}) on {first.bridge} got no answer "
        "from the network's dnsmasq"
    )
    named = next((each.id for each in _CAUSES if each.examine(snapshot).found), "")
    if not named and dnsmasq_load.CHECK.examine(snapshot).verdict == "fail":
        named = dnsmasq_load.ID  # one that is only late would have answered
    if named:
        return Finding(ID, TITLE, "info", f"{said}; {named} names the cause.", rows)
    if lost := _lost_on_the_way(snapshot, first):
        because = f"{said}: {lost.journey.because}. Where packets end is what packet_loss tells."
        return Finding(ID, TITLE, "info", because, rows)
    if tables := _unread_tables(snapshot):
        because = (
            f"{said}, though it runs, has a file for it, and no rule of iptables drops the "
            f"request. Tables of nftables that iptables does not show filter here: {tables}."
        )
        remedy = f"Look for a rule that drops UDP port 67 from {first.bridge}: nft list ruleset."
        return Finding(ID, TITLE, "fail", because, rows, remedy=remedy, confidence="likely")
    because = (
        f"{said}, though it runs and has a file for it, and no rule is known to drop the request: "
        "it may not have heard of the file when that was written."
    )
    return _reload(snapshot, first, because, rows)


def _lost_on_the_way(snapshot: Snapshot, asked: Discover) -> PathJourney | None:
    """Return a request on the same network that was followed, and ended on its way there or back.

    Where none was seen to end, and no answer to come, the server is silent.
    """
    tried = snapshot.get(Journeys)
    paths = (each for each in (tried.paths if tried else ()) if each.purpose == "lease")
    return next(
        (
            each
            for each in paths
            if each.network == asked.network
            and not each.journey.reached
            and (each.journey.dropped_by is not None or each.journey.end in ("taken", "lost"))
        ),
        None,
    )


def _wrong(
    snapshot: Snapshot, wrong: Discover, answer: DhcpAnswer, rows: tuple[Evidence, ...]
) -> Finding:
    because = (
        f"{wrong.instance} ({wrong.mac}) is offered {answer.address}, while the store and the host "
        f"file say {wrong.address}: dnsmasq keeps what an earlier file said until it is told to "
        "read all of them again."
    )
    return _reload(snapshot, wrong, because, rows)


def _reload(
    snapshot: Snapshot, asked: Discover, because: str, rows: tuple[Evidence, ...]
) -> Finding:
    servers = [
        each for each in snapshot.part(Backend).status.dnsmasq if each.bridge == asked.bridge
    ]
    running = next((each.argv for each in servers if each.state == "running"), ())
    file = dnsmasq_arguments.value(running, "pid-file")
    fix = Plan((ReloadDnsmasq(asked.bridge, file),)) if file else None
    remedy = "SIGHUP makes dnsmasq read every host file again, and empties its DNS cache."
    return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, fix, None, remedy, "likely")


_RULES_OUT = (
    "a guest's own fault: the request came from a port of its own, not from the guest",
    "dhcp_firewall: no rule on its way in drops the request",
)


def _unread_tables(snapshot: Snapshot) -> str:
    found = snapshot.get(PacketFilter)
    return ", ".join(
        f"{table.family} {table.name}"
        for table in (found.foreign_tables if found else ())
        if any(chain.hook in ("input", "prerouting") for chain in table.chains)
    )


def _row(asked: Discover, told: DhcpAnswers) -> Evidence:
    answers = told.to(asked)
    value = ", ".join(f"{each.address} from {each.server}" for each in answers) or "no answer"
    note = ", ".join(f"{each.milliseconds} ms" for each in answers)
    return Evidence(f"{asked.instance} on {asked.bridge}", value, asked.address, note)


PAGE = Explanation(
    symptom="An instance gets no address, or a wrong one, and it is not clear on which side the "
    "fault is.",
    cause="Between a guest's request and its address lie the bridge, the packet filter, a dnsmasq "
    "that runs and knows the guest, and the way back. The probe goes all of it, from a port of its "
    "own beside the guest's.",
    evidence="A DISCOVER on each bridge in the name of a few instances, or of the one asked about: "
    "a dnsmasq with static hosts answers nobody else. It keeps nothing of a DISCOVER, so that no "
    "lease changes; guests see the answer, which is broadcast, and drop it, as it is not for them. "
    "The port is a TAP device that goes with the probe, however that ends. Measured in a lab: an "
    "offer takes under 1 ms.",
    look_alikes=(
        ("dhcp_hosts", "the file of the instance is missing, or its lease is another's."),
        ("dhcp_firewall", "a rule drops the request."),
        ("dnsmasq_processes", "no dnsmasq is there, or it is stopped."),
        ("bridge", "the probe is answered and the guest is not: its port is at fault."),
        ("dhcp_rogue", "another server answers."),
    ),
    cure="SIGHUP: dnsmasq reads all its host files again. It costs a pause (measured: 0.2 s at "
    "10,000 hosts in one file) and the DNS cache.",
    source="RFC 2131 sections 3.1, 4.3.1; dnsmasq(8), --dhcp-hostsdir, NOTES on SIGHUP; Linux "
    "Documentation/networking/tuntap.rst",
)

CHECK = Check(
    ID,
    ("C9",),
    TITLE,
    frozenset({Backend, DhcpAnswers}),
    2.6,
    judge,
    PAGE,
    uses=frozenset({Routing, Journeys}).union(
        stp.CHECK.needs, *((each.needs | each.uses) for each in (*_CAUSES, dnsmasq_load.CHECK))
    )
    - {Backend},
    narrow=narrowed(of_dhcp, of_networks),
    reach=Reach.NETWORK,
    wrong="A guest's DHCP request is not answered as it should be",
)
