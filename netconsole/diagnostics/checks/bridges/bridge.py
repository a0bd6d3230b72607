"""B3: are the bridges of the networks there and up, with their ports?"""

from typing import Final

from netconsole.backend.steps import AddLink, Plan, SetLink
from netconsole.backend.survey.status import Allocation, NetworkStatus, Status
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.reasoning.claims import claimed, hindered, hindering
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_instances, of_networks, of_plan

ID: Final = "bridge"
TITLE = "Bridges and ports are there and up"
START = (
    "Start the instance; where it runs, look inside: `ip link set dev eth0 up` sets its interface "
    "up. On this host there is nothing to mend."
)
REMEDY = "`netconsole apply` makes what is missing and sets it up."
AFTERWARDS = "Then `netconsole apply` does the rest; until then that interface is left as it is."


def judge(snapshot: Snapshot) -> Finding:
    """Compare the links with those that networks and instances want."""
    host = snapshot.part(Backend)
    steps = claimed(host.plan, ID)
    wanted = _wanted(host, steps)
    networks = [each for each in host.status.networks if each.bridge in wanted]
    bridges = [each for each in networks if each.bridge_state in ("down", "missing")]
    missing = [each for each in host.status.allocations if each.device_state == "missing"]
    ports = [each for each in missing if each.device in wanted]
    silent = _without_carrier(host, snapshot.get(Links))
    rows = (
        *(_bridge(each) for each in networks),
        *(_port(each) for each in ports),
        *(_silent(each) for each in silent),
        *(Evidence("not yet done", command) for command in steps.commands),
    )
    if because := _amiss(bridges, ports, host, steps):
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if obstacle := hindering(host, ID):
        return Finding(ID, TITLE, "fail", hindered(obstacle), rows, remedy=AFTERWARDS)
    if not host.status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    if because := _unread(host.status, missing):
        return Finding(ID, TITLE, "unknown", because, rows)
    if silent:
        return _quiet(silent, snapshot.target, rows)
    names = ", ".join(each.bridge for each in networks[:4])
    if not names:
        because = "No network needs a bridge on this host: none is served, no instance runs here."
        return Finding(ID, TITLE, "not-applicable", because)
    return Finding(ID, TITLE, "ok", f"Up, with all their ports: {names}.", rows)


def _amiss(
    bridges: list[NetworkStatus], ports: list[Allocation], host: Backend, steps: Plan
) -> str:
    """Say which bridge or port is not as it should be; nothing where all are."""
    if bridges:
        first = bridges[0]
        return (
            f"{first.bridge} of {first.label} is {first.bridge_state}: no guest on this network "
            "reaches the host, another guest or anything beyond."
        )
    if ports:
        more = f" So are {len(ports) - 1} more." if ports[1:] else ""
        return f"{ports[0].device}, the port of {ports[0].instance}, is missing.{more}"
    if out := [port for port in host.status.allocations if _is_out(port, steps)]:
        return (
            f"{out[0].device}, the port of {out[0].instance}, is down or not in its "
            f"bridge: no frame passes between {out[0].instance} and anybody."
        )
    return f"A bridge or a port is not as it should be: {steps.commands[0]}." if steps else ""


def _unread(status: Status, missing: list[Allocation]) -> str:
    """Say why it is not known how the links should be, or are; nothing where it is."""
    unreadable = status.host.unreadable
    if any(each.bridge_state == "unknown" for each in status.networks):
        return f"The links could not be read: {unreadable.get('links', 'no reason given')}."
    if missing and unreadable:
        part, reason = next(iter(unreadable.items()))
        return f"There is no plan that says which links are wanted here; {part}: {reason}."
    return ""


def _wanted(host: Backend, steps: Plan) -> frozenset[str]:
    """Return the links that this host should have, as far as they could be at fault.

    A network of another host, or one that waits for its first instance, has none here: no step of
    the plan is about its bridge, and no port of it is there.
    """
    here = {
        each.network
        for each in host.status.allocations
        if each.device_state in ("up", "down", "unplugged", "blocked")
    }
    wanted = {
        each.bridge
        for each in host.status.networks
        if each.bridge_state == "up" or each.label in here
    }
    for step in steps.steps:
        if isinstance(step, AddLink):
            wanted.add(step.name)
        elif isinstance(step, SetLink):
            wanted |= {step.name, step.value} if step.attribute == "master" else {step.name}
    return frozenset(wanted)


def _is_out(port: Allocation, steps: Plan) -> bool:
    return any(
        isinstance(step, SetLink)
        and step.name == port.device
        and step.attribute in ("master", "up")
        for step in steps.steps
    )


def _without_carrier(host: Backend, links: Links | None) -> list[Allocation]:
    """Return the ports that are up, and at whose other end nobody is."""
    quiet = {link.name for link in links.links if link.up and not link.carrier} if links else set()
    return [
        each
        for each in host.status.allocations
        if each.device in quiet or each.device_state == "no guest"
    ]


def _quiet(silent: list[Allocation], target: Target | None, rows: tuple[Evidence, ...]) -> Finding:
    """An instance that is switched off is no fault, unless it is the one that is asked about."""
    asked = [each for each in silent if target is not None and each.device == target.port]
    first = (asked or silent)[0]
    because = (
        f"{first.device}, the port of {first.instance}, is up and has no carrier: nobody is at its "
        "other end. The instance does not run, or its own interface is down."
    )
    if first.device_state == "no guest":
        because = (
            f"{first.device}, the port of {first.instance}, is up, and nobody is at its other end, "
            "which lies on this host itself: it was not handed over to the instance."
        )
    if asked:
        return Finding(
            ID, TITLE, "warn", because, rows, (), None, remedy=START, confidence="likely"
        )
    return Finding(ID, TITLE, "info", because, rows)


def _bridge(each: NetworkStatus) -> Evidence:
    note = f"network {each.label}, {each.ports} ports"
    return Evidence(f"bridge {each.bridge}", each.bridge_state, "up", note)


def _silent(each: Allocation) -> Evidence:
    told = ("no guest", "guest") if each.device_state == "no guest" else ("no carrier", "carrier")
    return Evidence(f"port {each.device}", *told, f"of {each.instance}")


def _port(each: Allocation) -> Evidence:
    return Evidence(f"port {each.device}", each.device_state, "up", f"of {each.instance}")


PAGE = Explanation(
    symptom="No instance on a network reaches anything, or one instance reaches nobody, although "
    "it runs.",
    cause="Guests are ports of the network's bridge. A bridge that is missing or down forwards no "
    "frame; a port that is missing, down, or of another bridge has no link to the others.",
    evidence="The links of the host are compared with those that the store wants: kind, master, "
    "state. Each difference is a command that `netconsole plan` prints. A port that is up "
    "without a carrier has nobody at its other end: that is said, and no fault unless it is the "
    "port that is asked about (--target).",
    look_alikes=(
        ("gateway", "the links are there, and the bridge lacks the guests' router's address."),
        ("dnsmasq_processes", "link and gateway are there, only DHCP and DNS are silent."),
        ("stp", "the port is up and in its bridge, and waits before it forwards."),
        ("fdb", "all links are as they should be, and frames go to the wrong port."),
        ("ip_forward", "guests reach the host and each other, but nothing beyond."),
    ),
    cure="`netconsole apply` makes what is missing, enslaves ports and sets links up. What it "
    "makes is wanted by the store, so that it comes back at every apply.",
    source="ip-link(8), bridge(8); Linux Documentation/networking/bridge.rst",
)

CHECK = Check(
    ID,
    ("B3",),
    TITLE,
    frozenset({Backend}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Links}),
    narrow=narrowed(of_plan, of_networks, of_instances),
    reach=Reach.NETWORK,
    shown_by_status=True,
    wrong="A bridge or port is missing, down or misplaced",
)
