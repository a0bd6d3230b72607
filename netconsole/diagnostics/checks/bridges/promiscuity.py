"""B7: does the interface to other hosts take frames that are for the guests' MAC addresses?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.steps import Plan, RunProgram
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "promiscuity"
TITLE = "Uplinks take frames for the guests"
REMEDY = (
    "Make it anew with `mode passthru`, which has the interface to itself, or put the interface "
    "itself under the bridge; the mode cannot be changed to that while it is there."
)


def judge(snapshot: Snapshot) -> Finding:
    """Count who asks each uplink, and what is under it, for every frame."""
    wiring = Wiring.of(snapshot)
    links = tuple(_taking(wiring))
    if not links:
        return Finding(ID, TITLE, "not-applicable", "No bridge of a network leads to other hosts.")
    rows = tuple(
        Evidence(
            f"who asks {link.name} for every frame",
            str(link.promiscuity),
            "1 or more",
            f"macvlan, mode {link.mode}" if link.mode else "",
        )
        for link in links
    )
    if shared := [link for link in links if link.kind == "macvlan" and link.mode != "passthru"]:
        return Finding(ID, TITLE, "fail", _explained(shared[0]), rows, remedy=REMEDY)
    choosy = [link for link in links if link.promiscuity == 0]
    if choosy:
        first = choosy[0]
        because = (
            f"{first.name} takes frames for its own MAC address and for all: those for a guest, "
            "which has another one, are thrown away by the interface, and no answer from another "
            "host reaches a guest."
        )
        plan = Plan(tuple(_take_all(link) for link in choosy))
        return Finding(ID, TITLE, "fail", because, rows, (), plan, confidence="likely")
    names = ", ".join(link.name for link in links)
    because = f"{names}: every frame is taken, whosever it is."
    return Finding(ID, TITLE, "ok", because, rows)


def _explained(link: KernelLink) -> str:
    return (
        f"{link.name} is a macvlan of mode {link.mode}: it shares its interface with others, and "
        "gets frames for its own MAC address and for all, whatever it is asked. Those for a guest "
        "stay behind, and no answer from another host reaches a guest."
    )


def _taking(wiring: Wiring) -> Iterator[KernelLink]:
    """Return the uplinks that are up, and the interfaces whose tagged frames they carry."""
    for uplink in wiring.uplinks:
        if not uplink.up or (filters := wiring.links.get(uplink.master)) is None:
            continue
        if filters.bridge and filters.bridge.vlan_filtering:
            continue  # such a bridge may tell the interface each address that it wants instead
        yield uplink
        parent = wiring.links.get(uplink.parent)
        if parent is not None and parent.up:
            yield parent


def _take_all(link: KernelLink) -> RunProgram:
    change = ("ip", "link", "set", "dev", link.name, "promisc")
    return RunProgram((*change, "on"), (*change, "off"))


PAGE = Explanation(
    symptom="The host reaches other hosts, guests on it reach each other, and guests reach no "
    "other host: their requests leave, and no answer comes in.",
    cause="Frames for a guest carry the guest's MAC address, and an interface passes on those for "
    "its own address only, unless it is asked for all. A bridge asks its ports itself when they "
    "join it, and a VLAN device asks the interface under it. Above a host that is a virtual "
    "machine itself stands another switch with a rule of its own: it may drop frames from and to "
    "addresses that it did not give out.",
    evidence="How many ask each uplink for every frame (`promiscuity` of ip -details link): at the "
    "least the bridge. `ip link set dev INTERFACE promisc off` takes back only what was set by "
    "hand, so that a port of a bridge is seldom without. A macvlan, as containers have, shares its "
    "interface, and asking it has no effect unless its mode is passthru. Of a hypervisor above "
    "there is no trace: ARP requests of guests leave at the uplink, and answers to them come in "
    "for the host's own address only.",
    look_alikes=(
        ("vlan", "broadcasts of other hosts do not arrive either."),
        ("fdb", "answers do arrive at the uplink, and go to the wrong port."),
        (
            "the hypervisor above",
            "VMware: promiscuous mode and forged transmits of the port group; clouds: source and "
            "destination check, or none but their own addresses.",
        ),
    ),
    cure="promisc on at the uplink. That is not kept over a reboot: the bridge asks again when "
    "netconsole makes it. Under a hypervisor: let it pass other MAC addresses at this host's "
    "port, or route the network instead of bridging it.",
    source="ip-link(8), promisc; Linux net/bridge/br_if.c, br_manage_promisc",
)

CHECK = Check(
    ID,
    ("B7",),
    TITLE,
    frozenset({Backend, Links}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_networks),
    wrong="An uplink does not take frames for the guests",
)
