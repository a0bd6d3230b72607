"""B3: are the bridges of the networks there and up, with their ports?"""

from typing import Final

from netconsole.backend.status import Allocation, NetworkStatus
from netconsole.diagnostics.check import Check
from netconsole.diagnostics.claims import claimed
from netconsole.diagnostics.finding import Evidence, Finding
from netconsole.diagnostics.page import Page
from netconsole.diagnostics.parts.backend import Host
from netconsole.diagnostics.snapshot import Snapshot

ID: Final = "bridge"
TITLE = "Bridges and ports are there and up"
REMEDY = "`netconsole apply` makes what is missing and sets it up."


def judge(snapshot: Snapshot) -> Finding:
    """Compare the links with those that networks and instances want."""
    host = snapshot.part(Host)
    networks = host.status.networks
    bridges = [each for each in networks if each.bridge_state in ("down", "missing")]
    ports = [each for each in host.status.allocations if each.device_state == "missing"]
    steps = claimed(host.plan, host.status, ID)
    rows = (
        *(_bridge(each) for each in networks),
        *(_port(each) for each in ports),
        *(Evidence("not yet done", command) for command in steps.commands),
    )
    if bridges:
        first = bridges[0]
        because = (
            f"{first.bridge} of {first.label} is {first.bridge_state}: no guest on this network "
            "reaches the host, another guest or anything beyond."
        )
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if ports:
        first_port = ports[0]
        because = f"{first_port.device}, the port of {first_port.instance}, is missing."
        if ports[1:]:
            because += f" So are {len(ports) - 1} more."
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if steps:
        because = f"A bridge or a port is not as it should be: {steps.commands[0]}."
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if not networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    if any(each.bridge_state == "unknown" for each in networks):
        reason = host.status.host.unreadable.get("links", "no reason given")
        because = f"The links could not be read: {reason}."
        return Finding(ID, TITLE, "unknown", because, rows)
    names = ", ".join(each.bridge for each in networks[:4])
    return Finding(ID, TITLE, "ok", f"Up, with all their ports: {names}.", rows)


def _bridge(each: NetworkStatus) -> Evidence:
    note = f"network {each.label}, {each.ports} ports"
    return Evidence(f"bridge {each.bridge}", each.bridge_state, "up", note)


def _port(each: Allocation) -> Evidence:
    return Evidence(f"port {each.device}", each.device_state, "up", f"of {each.instance}")


PAGE = Page(
    symptom="No instance on a network reaches anything, or one instance reaches nobody, although "
    "it runs.",
    cause="Guests are ports of the network's bridge. A bridge that is missing or down forwards no "
    "frame; a port that is missing, down, or of another bridge has no link to the others.",
    evidence="The links of the host are compared with those that the store wants: kind, master, "
    "state. Each difference is a command that `netconsole plan` prints.",
    look_alikes=(
        ("gateway", "the links are there, and the bridge lacks the guests' router's address."),
        ("dnsmasq_processes", "link and gateway are there, only DHCP and DNS are silent."),
        ("ip_forward", "guests reach the host and each other, but nothing beyond."),
    ),
    cure="`netconsole apply` makes what is missing, enslaves ports and sets links up. What it "
    "makes is wanted by the store, so that it comes back at every apply.",
    source="ip-link(8), bridge(8); Linux Documentation/networking/bridge.rst",
)

CHECK = Check(ID, ("B3",), TITLE, frozenset({Host}), 0.5, judge, PAGE)
