"""B6: do tagged frames find their way between the trunk and the bridge of their network?"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from netconsole.backend.steps import Plan, RunProgram, Step
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.forwarding import PortVlans
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan, of_ports
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "vlan"
TITLE = "Tagged frames reach the bridge of their network"
REMEDY = "`netconsole apply` makes VLAN devices as the store wants them."
OTHER_TAG = (
    "Delete the device, and `netconsole apply` makes it with the protocol of the store; or set the "
    "switch to the same."
)
CABLE = "Look at the cable, at the switch's port, and at the interface's driver."
TAG = "802.1Q"


def judge(snapshot: Snapshot) -> Finding:
    """Look at the VLAN devices of the networks, then at bridges that filter VLANs."""
    host, wiring, members = snapshot.part(Backend), Wiring.of(snapshot), snapshot.part(PortVlans)
    devices = [link for link in wiring.uplinks if link.kind == "vlan"]
    filtering = [link for link in wiring.bridges if link.bridge and link.bridge.vlan_filtering]
    steps = claimed(host.plan, ID)
    if not (devices or filtering or steps):
        because = "No network of this host uses a VLAN device, and no bridge filters VLANs."
        return Finding(ID, TITLE, "not-applicable", because)
    rows = (
        *(Evidence("not yet done", command) for command in steps.commands),
        *(_device(device) for device in devices),
        *(row for bridge in filtering for row in _members(bridge, wiring, members)),
    )
    if steps:
        because = (
            f"A VLAN device is not as its network wants it ({steps.commands[0]}): tagged frames "
            "that arrive at the trunk end there, and guests reach no other host of the network."
        )
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if wrong := [device for device in devices if device.vlan_protocol not in (TAG, "")]:
        because = (
            f"{wrong[0].name} takes frames with a tag of {wrong[0].vlan_protocol}, and those of a "
            f"VLAN as switches send them have one of {TAG}: neither side sees the other's."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=OTHER_TAG)
    if cut := [device for device in devices if _cut_off(device, wiring)]:
        because = (
            f"{cut[0].parent} under {cut[0].name} has no carrier: frames of VLAN {cut[0].vlan} "
            "neither leave this host nor arrive."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=CABLE)
    astray = [port for bridge in filtering for port in _astray(bridge, wiring, members)]
    if astray:
        return _filtered(astray, wiring, members, rows)
    because = "Every VLAN device is up, on its trunk and in its bridge."
    if filtering:
        because = "Every port of the bridges that filter VLANs is in the VLAN of its bridge."
    return Finding(ID, TITLE, "ok", because, rows)


def _device(device: KernelLink) -> Evidence:
    value = f"VLAN {device.vlan} of {device.parent}, port of {device.master}"
    return Evidence(device.name, value, "", device.vlan_protocol)


def _cut_off(device: KernelLink, wiring: Wiring) -> bool:
    """Whether the trunk is up and hears nothing; one that is down is the matter of `bridge`."""
    parent = wiring.links.get(device.parent)
    return parent is not None and parent.up and not parent.carrier


def _members(bridge: KernelLink, wiring: Wiring, members: PortVlans) -> list[Evidence]:
    rows = [Evidence(f"VLAN filter of {bridge.name}", "on")]
    usual = _usual(bridge, wiring, members)
    for port in wiring.links.ports_of(bridge.name):
        rows.append(
            Evidence(
                f"frames without a tag at {wiring.whose(port.name)}",
                _vlan(members.pvid(port.name)),
                _vlan(usual),
            )
        )
    return rows


def _vlan(number: int | None) -> str:
    return "dropped" if number is None else f"VLAN {number}"


def _usual(bridge: KernelLink, wiring: Wiring, members: PortVlans) -> int | None:
    """Return the VLAN of the bridge itself, that of the gateway; else that of most ports."""
    if (own := members.pvid(bridge.name)) is not None:
        return own
    pvids = (members.pvid(port.name) for port in wiring.links.ports_of(bridge.name))
    counted = Counter(pvid for pvid in pvids if pvid is not None)
    return counted.most_common(1)[0][0] if counted else None


def _astray(bridge: KernelLink, wiring: Wiring, members: PortVlans) -> list[KernelLink]:
    usual = _usual(bridge, wiring, members)
    return [
        port
        for port in wiring.links.ports_of(bridge.name)
        if members.pvid(port.name) != usual or usual is None
    ]


def _filtered(
    astray: Sequence[KernelLink], wiring: Wiring, members: PortVlans, rows: tuple[Evidence, ...]
) -> Finding:
    first = astray[0]
    bridge = wiring.links.get(first.master)
    usual = _usual(bridge, wiring, members) if bridge else None
    pvid = members.pvid(first.name)
    lost = "are dropped" if pvid is None else f"are taken for those of VLAN {pvid}"
    because = (
        f"{first.master} filters VLANs, and frames without a tag that come in at "
        f"{wiring.whose(first.name)} {lost}: they reach only ports of that VLAN, and "
        f"{first.master} itself is in {_vlan(usual)}."
    )
    excluded = (f"bridge: {first.name} is up, and in {first.master}",)
    if usual is None:
        change = ("ip", "link", "set", "dev", first.master, "type", "bridge", "vlan_filtering")
        plan = Plan((RunProgram((*change, "0"), (*change, "1")),))
    else:
        plan = Plan(tuple(step for port in astray for step in _move(port, members, usual)))
    return Finding(ID, TITLE, "fail", because, rows, excluded, plan)


def _move(port: KernelLink, members: PortVlans, usual: int) -> list[Step]:
    """Put a port into the VLAN of its bridge, and out of the one that it is in."""
    steps: list[Step] = []
    for member in members.of(port.name):
        if member.pvid or member.vlan == usual:
            add, delete = _changes(port, member.vlan)
            flags = (("pvid",) if member.pvid else ()), (("untagged",) if member.untagged else ())
            steps.append(RunProgram(delete, (*add, *flags[0], *flags[1])))
    add, delete = _changes(port, usual)
    return [*steps, RunProgram((*add, "pvid", "untagged"), delete)]


def _changes(port: KernelLink, vlan: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    which = ("dev", port.name, "vid", str(vlan))
    return ("bridge", "vlan", "add", *which), ("bridge", "vlan", "delete", *which)


PAGE = Explanation(
    symptom="Guests of one network reach each other and the gateway on this host, and nobody of "
    "their network on other hosts; or one guest reaches nobody at all.",
    cause="A VLAN device takes the frames with its tag from the trunk, without the tag, and hands "
    "them to the bridge that it is a port of. Without the device, with another tag, or outside "
    "the bridge, they end at the trunk. A bridge that filters VLANs (vlan_filtering) sorts frames "
    "by tag once more: at a port without a VLAN for frames without a tag (pvid) they are dropped, "
    "and with another than its neighbours' they reach none of them.",
    evidence="The VLAN device of each network: its number, its trunk, its bridge. Of a bridge that "
    "filters, the VLAN of each port (`bridge vlan`). Two captures tell the rest: tagged frames on "
    "the trunk and not on the device mean another number; frames that leave the trunk without an "
    "answer mean a switch that does not carry the VLAN.",
    look_alikes=(
        ("bridge", "the trunk, the bridge or a port is down: nothing passes, tagged or not."),
        ("promiscuity", "broadcasts arrive, and frames for the guests' own addresses do not."),
        ("the switch", "all is right here, and tagged requests leave without an answer."),
    ),
    cure="`netconsole apply` makes the devices and puts them into their bridges. A port of a "
    "bridge that filters is put into the bridge's own VLAN; that lasts as long as the port. On the "
    "switch the host's port has to carry the VLAN with its tag.",
    source="IEEE 802.1Q-2022; ip-link(8), vlan and bridge; bridge(8), vlan",
)

CHECK = Check(
    ID,
    ("B6",),
    TITLE,
    frozenset({Backend, Links, PortVlans}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_plan, of_ports, of_networks),
    reach=Reach.NETWORK,
    wrong="Tagged frames do not reach the bridge of their network",
)
