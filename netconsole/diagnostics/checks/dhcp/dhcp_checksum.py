"""C4: do DHCP answers leave with a checksum that is filled in?"""

from typing import Final

from netconsole.backend.filtering.saved_tables import FilterRule
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "dhcp_checksum"
TITLE = "DHCP answers leave with their checksum"
REMEDY = "`netconsole apply` puts the rule back in the chain nova-network-POSTROUTING of mangle."


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for the rule of each network that is served, and what it has counted."""
    host, found = snapshot.part(Backend), snapshot.part(PacketFilter)
    rules = {
        rule.spec.partition(" ")[2].partition(" ")[0]: rule
        for chain in found.of("mangle")
        for rule in chain.rules
        if rule.target == "CHECKSUM"
    }
    steps = claimed(host.plan, ID)
    served = [each.bridge for each in host.status.dnsmasq if each.state == "running"]
    rows = (
        *(_row(bridge, rules.get(bridge)) for bridge in dict.fromkeys(served)),
        *(Evidence("not yet done", command) for command in steps.commands),
    )
    if steps:
        because = (
            "The rules that fill in the UDP checksum of DHCP answers are not as they should be: "
            f"{steps.commands[0]}. The kernel leaves the checksum of its own packets to the "
            "network card, a virtual one sends them as they are, and an old client that reads raw "
            "frames drops the answer."
        )
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if not served:
        return Finding(ID, TITLE, "not-applicable", "No network here is served by dnsmasq.")
    because = f"The rule is there for {', '.join(dict.fromkeys(served))}."
    return Finding(ID, TITLE, "ok", because, rows)


def _row(bridge: str, rule: FilterRule | None) -> Evidence:
    label = f"CHECKSUM rule for {bridge}"
    if rule is None:
        return Evidence(label, "missing", "present")
    return Evidence(label, "present", "present", f"{rule.packets} answers so far")


PAGE = Explanation(
    symptom="Old guests get no address: dhclient of before 2011 says `bad udp checksums in 5 "
    "packets`, FreeBSD's and other clients that read raw frames say nothing. New guests are fine.",
    cause="The kernel leaves the checksum of packets that it makes itself to the network card. "
    "Between a server and a virtual machine on one host there is none, so that the guest's raw "
    "socket sees a checksum that was never filled in.",
    evidence="The rule `-j CHECKSUM --checksum-fill` in mangle for port 68 of each bridge, which "
    "fills it in, and how many answers it has counted. A capture on the host is no evidence: there "
    "the checksum of local packets is always wrong.",
    look_alikes=(
        ("dhcp_hosts", "no answer reaches the guest's port at all."),
        ("dhcp_firewall", "no answer reaches the guest's port, and new guests fail too."),
    ),
    cure="`netconsole apply` puts the rule back. It costs one pass over each DHCP answer.",
    source="iptables-extensions(8), CHECKSUM; Linux Documentation/networking/checksum-offloads.rst",
)

CHECK = Check(
    ID,
    ("C4",),
    TITLE,
    frozenset({Backend, PacketFilter}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_plan, of_networks),
    reach=Reach.NETWORK,
    wrong="DHCP answers leave without their checksum",
)
