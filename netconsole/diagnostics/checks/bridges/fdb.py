"""B5: does the bridge know where the guests are, and do they stay there?"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from netconsole.backend.steps import Plan, RunProgram, Step
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.forwarding import ForwardingEntry, ForwardingTable, Move
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_ports
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "fdb"
TITLE = "Bridges know where the guests are"
AGEING = 30000
"""Hundredths of a second: the kernel's own, and that of IEEE 802.1D."""
MANY_MOVES = 3
"""While the table is watched. A guest that moves house does so once, two that share a MAC address
twice for each frame."""
KEPT = (
    "The entry keeps the guest reachable, whoever else uses its MAC address. It goes with the port "
    "and is not there after a reboot: find the other one. It is behind the port that is named."
)
LOOP = (
    "Such an address comes in at both ports, over a loop or over a bond whose switch knows nothing "
    "of it. Take one of the ways down; `bridge monitor fdb` shows what moves."
)


class Misplaced(NamedTuple):
    """A guest's MAC address behind another port than the guest's own."""

    entry: ForwardingEntry
    instance: str
    own_port: str

    @property
    def by_hand(self) -> bool:
        """Whether somebody entered it."""
        return self.entry.state != "learned"


def judge(snapshot: Snapshot) -> Finding:
    """Compare the table with the guests' ports, and look at what moves in it."""
    wiring, table = Wiring.of(snapshot), snapshot.part(ForwardingTable)
    if not wiring.bridges:
        return Finding(ID, TITLE, "not-applicable", "No network has a bridge on this host.")
    misplaced = list(_misplaced(wiring, table))
    moves = [move for move in table.moves if _concerns(move, wiring)]
    forgetful = [link for link in wiring.bridges if link.bridge and link.bridge.ageing_time == 0]
    rows = (
        *(_row(each) for each in misplaced),
        *(_moved(move, table, wiring) for move in moves),
        *(Evidence(f"ageing time of {link.name}", "0 s", "300 s") for link in forgetful),
    )
    if misplaced:
        return _found(wiring, misplaced, rows, moves, forgetful)
    if many := [move for move in moves if move.times >= MANY_MOVES]:
        first = many[0]
        ports = " and ".join(dict.fromkeys(map(wiring.whose, first.ports)))
        because = (
            f"{first.mac} moved {first.times} times in {table.seconds:.1f} s between {ports} of "
            f"{first.bridge}: each frame to it goes to where it was seen last, which is wrong half "
            "of the time."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=LOOP, confidence="likely")
    if forgetful:
        because = (
            f"{forgetful[0].name} remembers no MAC address: each frame goes out of every port, so "
            "that every guest gets, and can read, what is for the others."
        )
        return Finding(ID, TITLE, "warn", because, rows, (), Plan(tuple(map(_remember, forgetful))))
    because = f"The {len(wiring.guests)} guests are looked for behind their own ports only."
    return Finding(ID, TITLE, "ok", because, rows)


def _misplaced(wiring: Wiring, table: ForwardingTable) -> Iterator[Misplaced]:
    owners = {each.mac.lower(): each for each in wiring.guests.values()}
    bridges = {port.name: port.master for port in wiring.ports}
    for entry in table.entries:
        owner = owners.get(entry.mac)
        if owner is None or entry.port == owner.device:
            continue
        if bridges.get(owner.device) == entry.bridge:  # out of its bridge, `bridge` names it
            yield Misplaced(entry, owner.instance, owner.device)


def _concerns(move: Move, wiring: Wiring) -> bool:
    return move.bridge in {bridge.name for bridge in wiring.bridges}


def _found(
    wiring: Wiring,
    misplaced: Sequence[Misplaced],
    rows: tuple[Evidence, ...],
    moves: Sequence[Move],
    forgetful: Sequence[KernelLink],
) -> Finding:
    steps = (*(_put_right(each) for each in misplaced), *map(_remember, forgetful))
    first = next((each for each in misplaced if not each.by_hand), misplaced[0])
    entry, where = first.entry, wiring.whose(first.entry.port)
    excluded = (
        f"bridge: {first.own_port} is up, and in {entry.bridge}",
        "bridge_nf: the frames go to the wrong port, and no rule drops them",
    )
    if first.by_hand:
        kind = "an address of this host" if entry.is_own else "an address that never moves"
        because = (
            f"Somebody entered {entry.mac} of {first.instance} behind {where}, as {kind}: what is "
            f"for {first.instance} goes there and never reaches {first.own_port}."
        )
        return Finding(ID, TITLE, "fail", because, rows, excluded, Plan(steps))
    because = (
        f"{entry.mac} is that of {first.instance} behind {first.own_port}, and frames from it come "
        f"in at {where} as well: what is for {first.instance} goes there until it sends a frame "
        "itself."
    )
    if moves:
        because += " The table was seen to change meanwhile."
    return Finding(ID, TITLE, "fail", because, rows, excluded, Plan(steps), remedy=KEPT)


def _row(each: Misplaced) -> Evidence:
    note = f"of {each.instance}, {'by hand' if each.by_hand else 'learnt'}"
    return Evidence(f"{each.entry.mac} is behind", each.entry.port, each.own_port, note)


def _moved(move: Move, table: ForwardingTable, wiring: Wiring) -> Evidence:
    times = f"{move.times} times in {table.seconds:.1f} s"
    ports = ", ".join(dict.fromkeys(map(wiring.whose, move.ports)))
    return Evidence(f"{move.mac} moved", times, "", f"between {ports}")


def _put_right(each: Misplaced) -> Step:
    entry = each.entry
    vlan = ("vlan", str(entry.vlan)) if entry.vlan is not None else ()
    if not each.by_hand:
        own = (entry.mac, "dev", each.own_port, *vlan, "master")
        replace = ("bridge", "fdb", "replace", *own, "static", "sticky")
        return RunProgram(replace, ("bridge", "fdb", "delete", *own))
    there = (entry.mac, "dev", entry.port, *vlan, "master")
    sticky = ("sticky",) if entry.sticky else ()
    back = ("bridge", "fdb", "replace", *there, entry.state, *sticky)  # it may be learnt by then
    return RunProgram(("bridge", "fdb", "delete", *there), back)


def _remember(bridge: KernelLink) -> Step:
    change = ("ip", "link", "set", "dev", bridge.name, "type", "bridge", "ageing_time")
    return RunProgram((*change, str(AGEING)), (*change, "0"))


PAGE = Explanation(
    symptom="One guest, or all on a bridge, lose packets now and then, or in one direction; a "
    "restart of the guest helps for a while. Or guests see traffic that is for others.",
    cause="A bridge sends a frame to the port behind which it last saw the MAC address. Where that "
    "address comes in at a second port too (a copied guest, a loop, a bond), or somebody entered "
    "it behind the wrong port, frames go astray. With an ageing time of 0 nothing is remembered "
    "and every frame goes everywhere.",
    evidence="The table of each bridge, compared with the guests' own ports, and the kernel's "
    "messages on what moves in it during half a second. An entry by hand that is `static` is moved "
    "by the guest's next frame (Linux 6.18); one that is `permanent` or `sticky` is not. Frames "
    "that come in from a MAC address of the host itself leave no trace in the table: the kernel's "
    "log says `received packet on PORT with own address as source address`.",
    look_alikes=(
        ("bridge", "the port is down or in no bridge: nothing is behind it."),
        ("bridge_nf", "the guests are where they should be, and a rule drops frames between them."),
        ("a guest that has just moved here", "its address moves once and stays."),
        ("two guests with one IP address", "each MAC address stays behind its own port."),
    ),
    cure="A wrong entry is deleted; the guest is learnt anew from its next frame. Against another "
    "sender of the same MAC address the guest's is entered behind its own port, to stay (sticky); "
    "that is not kept over a reboot, and the other sender has to be found: the finding names its "
    "port. The ageing time back to 300 s.",
    source="bridge(8), fdb; IEEE 802.1D-2004 section 7.9; Linux net/bridge/br_fdb.c",
)

CHECK = Check(
    ID,
    ("B5",),
    TITLE,
    frozenset({Backend, Links, ForwardingTable}),
    0.7,
    judge,
    PAGE,
    narrow=narrowed(of_ports, of_networks),
    reach=Reach.NETWORK,
    wrong="A bridge looks for a guest behind the wrong port",
)
