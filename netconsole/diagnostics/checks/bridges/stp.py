"""B4: does a port wait for the spanning tree before it carries frames?"""

from typing import Final

from netconsole.backend.model.bridging import BridgeSettings
from netconsole.backend.steps import Plan, RunProgram, SetLink, Step
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan, of_ports
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "stp"
TITLE = "Ports forward at once"
WAITING = ("listening", "learning")
SHUT = ("disabled", "blocking")
STATES: Final = {"disabled": "0", "listening": "1", "learning": "2", "blocking": "4"}
"""By which bridge(8) sets them; 3 is forwarding."""
REMEDY = (
    "Guests' ports make no loop, so that their bridge needs no spanning tree. A port that waits "
    "already goes on waiting when it is switched off: it is set down and up again."
)
LOOP = (
    "The spanning tree is what keeps that loop from filling the network: leave it on, and find "
    "the second way between the bridge and itself. A guest that bridges two of its ports is one, "
    "two cables to the same switch are another."
)


def judge(snapshot: Snapshot) -> Finding:
    """Look at the spanning tree of each bridge, and at the state of each port."""
    host, wiring = snapshot.part(Backend), Wiring.of(snapshot)
    bridges = wiring.bridges
    if not bridges:
        return Finding(ID, TITLE, "not-applicable", "No network has a bridge on this host.")
    rows = tuple(row for bridge in bridges for row in _rows(bridge, wiring))
    trees = {bridge.name for bridge in bridges if bridge.bridge and bridge.bridge.stp}
    shut = [port for port in _shut(wiring) if port.master not in trees]
    blocked = [port for port in wiring.ports if _state(port) == "blocking" and port.master in trees]
    waiting = [port for port in wiring.ports if _state(port) in WAITING] + shut
    delayed = [bridge for bridge in bridges if bridge.bridge and bridge.bridge.stp]
    if blocked:
        names = ", ".join(wiring.whose(port.name) for port in blocked)
        because = (
            f"{names} is blocked: the spanning tree of {blocked[0].master} has found a second way "
            "there, and lets no frame through that one."
        )
        return Finding(ID, TITLE, "warn", because, rows, remedy=LOOP, confidence="likely")
    planned = claimed(host.plan, ID)
    if not (waiting or delayed or planned):
        names = ", ".join(bridge.name for bridge in bridges)
        because = f"{names}: no spanning tree, and a port that comes up forwards at once."
        return Finding(ID, TITLE, "ok", because, rows)
    by_hand = [port for port in waiting if port.master not in trees]
    by_tree = [port for port in waiting if port.master in trees]
    fix = Plan(
        (
            *(SetLink(port.name, "up", "0", "1") for port in by_tree),
            *(_switch_off(bridge) for bridge in delayed),
            *(host.fix.steps if host.fix else ()),
            *(SetLink(port.name, "up", "1", "0") for port in by_tree),
            *(_open(port) for port in by_hand),
        )
    )
    because = _because(wiring, waiting, delayed)
    verdict: Final = "fail" if waiting or planned else "warn"
    return Finding(ID, TITLE, verdict, because, rows, _excluded(waiting), fix, remedy=REMEDY)


def _state(port: KernelLink) -> str:
    return port.port.state if port.port else ""


def _shut(wiring: Wiring) -> list[KernelLink]:
    """Return the ports that are up and let no frame through.

    Without a carrier, or in a bridge that is down, a port is disabled by that.
    """
    running = {bridge.name for bridge in wiring.bridges if bridge.up}
    return [
        port
        for port in wiring.ports
        if port.master in running
        and port.up
        and port.carrier
        and port.settled
        and _state(port) in SHUT
    ]


def _because(wiring: Wiring, waiting: list[KernelLink], delayed: list[KernelLink]) -> str:
    if waiting:
        names = ", ".join(wiring.whose(port.name) for port in waiting)
        if _state(waiting[0]) in SHUT:
            return (
                f"{names} is {_state(waiting[0])} in its bridge, by no spanning tree, as that is "
                "off: somebody has set it so, and every frame from and to it is dropped."
            )
        return (
            f"{names} is {_state(waiting[0])}: until it forwards, every frame from and to it is "
            "dropped, the guest's DHCP requests among them, which it may have given up by then."
        )
    for bridge in delayed:
        if bridge.bridge:
            return (
                f"{bridge.name} has the spanning tree on: a port that comes up drops every frame "
                f"for {_seconds(bridge.bridge)} s, in which a guest that boots asks for its "
                "address in vain."
            )
    return (
        "A bridge has a forward delay: with the spanning tree on, each port that comes up would "
        "drop every frame for twice that long."
    )


def _excluded(waiting: list[KernelLink]) -> tuple[str, ...]:
    return ("bridge: the port is up, and in its bridge",) if waiting else ()


def _seconds(settings: BridgeSettings) -> int:
    return 2 * settings.forward_delay // 100


def _rows(bridge: KernelLink, wiring: Wiring) -> list[Evidence]:
    told, shut = bridge.bridge, _shut(wiring)
    if told is None:
        return []
    on = "on" if told.stp else "off"
    rows = [
        Evidence(f"spanning tree of {bridge.name}", on, "off"),
        Evidence(f"forward delay of {bridge.name}", f"{told.forward_delay / 100:g} s", "0 s"),
    ]
    for port in wiring.links.ports_of(bridge.name):
        is_down = _state(port) == "disabled" and port not in shut  # `bridge` names it
        if _state(port) not in ("forwarding", "") and not is_down:
            rows.append(Evidence(f"port {wiring.whose(port.name)}", _state(port), "forwarding"))
    return rows


def _switch_off(bridge: KernelLink) -> Step:
    change = ("ip", "link", "set", "dev", bridge.name, "type", "bridge", "stp_state")
    return RunProgram((*change, "0"), (*change, "1"))


def _open(port: KernelLink) -> Step:
    """Undo what somebody did by hand, while no spanning tree sets the state."""
    change = ("bridge", "link", "set", "dev", port.name, "state")
    return RunProgram((*change, "3"), (*change, STATES[_state(port)]))


PAGE = Explanation(
    symptom="A guest gets no address, or boots from no network, though half a minute later "
    "everything works; so after every start of its port.",
    cause="With the spanning tree on, a port that comes up listens and learns for the forward "
    "delay each (15 s unless set otherwise, at the least 2 s) before it carries frames. DHCP "
    "clients and boot ROMs give up earlier. Somebody may also have shut a port by hand (bridge "
    "link set ... state 0): it is up, has its carrier, and no frame passes.",
    evidence="The spanning tree and the forward delay of each network's bridge, and the state of "
    "each port: listening, learning, blocking, forwarding.",
    look_alikes=(
        ("bridge", "the port is down, or in no bridge: its state is disabled by that."),
        ("dnsmasq_processes", "nobody answers DHCP later either."),
        (
            "the switch",
            "the bridge's ports forward, and the switch's own port waits: use its edge "
            "or portfast setting.",
        ),
    ),
    cure="The spanning tree off, the forward delay 0. Switching it off does not free a port that "
    "waits already (Linux 6.18): it is set down before, and up after. One that was shut by hand is "
    "set to forward. Where a port is blocked "
    "there is a loop, which the spanning tree alone holds back: nothing is switched off then. "
    "netconsole makes its bridges so, and puts the forward delay back at every apply; a bridge of "
    "another program "
    "makes has its own settings file.",
    source="IEEE 802.1D-2004; ip-link(8), bridge; bridge(8), link; Linux net/bridge/br_stp.c",
)

CHECK = Check(
    ID,
    ("B4",),
    TITLE,
    frozenset({Backend, Links}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_plan, of_ports, of_networks),
    reach=Reach.NETWORK,
    wrong="A port waits before it forwards",
)
