"""B6: do tagged frames find their way between the trunk and the bridge of their network?"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from netconsole.backend.steps import Plan, RunProgram, SetLink, Step
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.forwarding import PortVlans
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.claims import claimed, hindered, hindering
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan, of_ports
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "vlan"
TITLE = "Tagged frames reach the bridge of their network"
REMEDY = "`netconsole apply` makes VLAN devices as the store wants them."
OTHER_TAG = (
    "Delete the device, and `netconsole apply` makes it with the protocol of the store; or set the "
    "switch to the same."
)
AFTERWARDS = (
    "Tagged frames go astray until then, and nothing is changed there: what has the place may be "
    "another's. `netconsole apply` makes the device once it can."
)
CABLE = "Look at the cable, at the switch's port, and at the interface's driver."
TAG = "802.1Q"


def judge(snapshot: Snapshot) -> Finding:
    """Look at the VLAN devices of the networks, then at bridges that filter VLANs."""
    host, wiring, members = snapshot.part(Backend), Wiring.of(snapshot), snapshot.part(PortVlans)
    devices = [link for link in wiring.uplinks if link.kind == "vlan"]
    filtering = [link for link in wiring.bridges if link.bridge and link.bridge.vlan_filtering]
    steps = _own(claimed(host.plan, ID), wiring)
    obstacle = hindering(host, ID)
    if not (devices or filtering or steps or obstacle):
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
    if obstacle:
        return Finding(ID, TITLE, "fail", hindered(obstacle), rows, remedy=AFTERWARDS)
    if wrong := [device for device in devices if device.vlan_protocol not in (TAG, "")]:
        because = (
            f"{wrong[0].name} takes frames with a tag of {wrong[0].vlan_protocol}, and those of a "
            f"VLAN as switches send them have one of {TAG}: neither side sees the other's."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=OTHER_TAG)
    if down := [device for device in devices if _is_down_with_its_trunk(device, wiring)]:
        because = f"{down[0].name} is down with {down[0].parent} under it, which `bridge` names."
        return Finding(ID, TITLE, "info", because, rows)
    if cut := [device for device in devices if _cut_off(device, wiring)]:
        because = (
            f"{cut[0].parent} under {cut[0].name} has no carrier: frames of VLAN {cut[0].vlan} "
            "neither leave this host nor arrive."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=CABLE)
    is_routed = host.status.host.forwarding_wanted
    astray = [link for each in filtering for link in _astray(each, wiring, members, is_routed)]
    if astray:
        return _filtered(astray, wiring, members, rows)
    because = "Every VLAN device is up, on its trunk and in its bridge."
    if filtering:
        because = "Every port of the bridges that filter VLANs is in the VLAN of its bridge."
    return Finding(ID, TITLE, "ok", because, rows)


def _own(steps: Plan, wiring: Wiring) -> Plan:
    """Return the steps without those that set up what went down with its trunk."""
    down = {each.name for each in wiring.uplinks if _is_down_with_its_trunk(each, wiring)}
    return Plan(
        tuple(
            step
            for step in steps.steps
            if not (isinstance(step, SetLink) and step.attribute == "up" and step.name in down)
        )
    )


def _is_down_with_its_trunk(device: KernelLink, wiring: Wiring) -> bool:
    """Whether both are down: a VLAN device is set down with the interface under it."""
    parent = wiring.links.get(device.parent)
    return device.kind == "vlan" and not device.up and parent is not None and not parent.up


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
    for each in (bridge, *wiring.links.ports_of(bridge.name)):
        whose = wiring.whose(each.name)
        took = _vlan(members.pvid(each.name))
        rows.append(Evidence(f"frames without a tag at {whose}", took, _vlan(usual)))
        if _is_tagging(each, members, usual):
            rows.append(Evidence(f"frames that leave by {whose}", "with a tag", "without one"))
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


def _astray(
    bridge: KernelLink, wiring: Wiring, members: PortVlans, is_routed: bool
) -> list[KernelLink]:
    """Return the ports that are in another VLAN than most.

    Where this host routes, the bridge itself is one as well. An interface that has the VLAN with
    its tag alone is a trunk, which somebody made on purpose.
    """
    usual = _usual(bridge, wiring, members)
    uplinks = {each.name for each in wiring.uplinks if each.kind != "vlan"}
    ports = wiring.links.ports_of(bridge.name)
    return [
        each
        for each in ((*ports, bridge) if is_routed else ports)
        if usual is None
        or (
            not (each.name in uplinks and _is_tagging(each, members, usual))
            if members.pvid(each.name) != usual
            else _is_tagging(each, members, usual)
        )
    ]


def _is_tagging(port: KernelLink, members: PortVlans, usual: int | None) -> bool:
    """Whether frames of that VLAN leave with its tag, which nobody there takes."""
    return any(each.vlan == usual and not each.untagged for each in members.of(port.name))


def _filtered(
    astray: Sequence[KernelLink], wiring: Wiring, members: PortVlans, rows: tuple[Evidence, ...]
) -> Finding:
    first = astray[0]
    name = first.master or first.name
    bridge = wiring.links.get(name)
    usual = _usual(bridge, wiring, members) if bridge else None
    because = f"{name} filters VLANs, and {_lost(first, name, wiring, members, usual)}"
    excluded = (f"bridge: {first.name} is up, and in {name}",) if first.master else ()
    if usual is None:
        change = ("ip", "link", "set", "dev", name, "type", "bridge", "vlan_filtering")
        plan = Plan((RunProgram((*change, "0"), (*change, "1")),))
    else:
        plan = Plan(tuple(step for port in astray for step in _move(port, members, usual)))
    return Finding(ID, TITLE, "fail", because, rows, excluded, plan)


def _lost(
    port: KernelLink, bridge: str, wiring: Wiring, members: PortVlans, usual: int | None
) -> str:
    pvid = members.pvid(port.name)
    if pvid == usual and usual is not None:
        return (
            f"frames leave it by {wiring.whose(port.name)} with a tag of VLAN {usual}: nobody "
            "there takes them, as they should have none."
        )
    if port.name == bridge:
        return (
            f"{bridge} itself is not in {_vlan(usual)} as its ports are: guests do not reach their "
            "gateway, DHCP and DNS of this host."
        )
    lost = "are dropped" if pvid is None else f"are taken for those of VLAN {pvid}"
    return (
        f"frames without a tag that come in at {wiring.whose(port.name)} {lost}: they reach only "
        f"ports of that VLAN, and {bridge} itself is in {_vlan(usual)}."
    )


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
    itself = () if port.master else ("self",)
    which = ("dev", port.name, "vid", str(vlan), *itself)
    return ("bridge", "vlan", "add", *which), ("bridge", "vlan", "delete", *which)


PAGE = Explanation(
    symptom="Guests of one network reach each other and the gateway on this host, and nobody of "
    "their network on other hosts; or one guest reaches nobody at all.",
    cause="A VLAN device takes the frames with its tag from the trunk, without the tag, and hands "
    "them to the bridge that it is a port of. Without the device, with another tag or trunk, or "
    "outside the bridge, they end at the trunk; so they do where another device has the tag there. "
    "A bridge that filters VLANs (vlan_filtering) sorts frames by tag once more: at a port without "
    "a VLAN for frames without a tag (pvid) they are dropped, and with another than its "
    "neighbours' they reach none of them. So it is with what leaves by a port with a tag that "
    "nobody there expects.",
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
