"""C10: does the right machine, and no other, answer for each instance's address?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.backend.model.phrases import count
from netconsole.backend.steps import Plan, RunProgram
from netconsole.backend.survey.status import Allocation
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import InterfaceAddress, Neighbour, Routing
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_instances
from netconsole.diagnostics.reasoning.permanent_neighbours import BY_HAND, removal
from netconsole.diagnostics.reasoning.quarantine import COST, silence

ID: Final = "address_conflict"
TITLE = "Nobody else answers for an instance's address"


@dataclass(frozen=True, slots=True)
class _Claim:
    """An address, and the strangers that say to have it."""

    wanted: Allocation
    bridge: str
    strangers: tuple[ArpAnswer, ...]


@dataclass(frozen=True, slots=True)
class _Memory:
    """An address, and a stranger that this host remembers to have had it."""

    wanted: Allocation
    neighbour: Neighbour


def judge(snapshot: Snapshot) -> Finding:
    """Compare who answers with whom the store names."""
    status = snapshot.part(Backend).status
    placed = [each for each in status.allocations if each.allocated and each.mac]
    if not placed:
        return Finding(ID, TITLE, "not-applicable", "No instance has an address here.")
    if taken := [*_taken_here(snapshot, placed)]:
        return _on_this_host(taken)
    claims = [*_claims(snapshot, placed)]
    if contested := [each for each in claims if each.strangers]:
        return _failed(contested)
    memories = [*_memories(snapshot, placed, {each.wanted.address for each in claims})]
    if by_hand := [each for each in memories if each.neighbour.state in BY_HAND]:
        return _entered(by_hand)
    if memories:
        return _remembered(memories)
    rows = () if claims else (Evidence("asked by ARP", "no", note="only where probes are allowed"),)
    because = (
        f"Asked by ARP, {len(claims)} addresses are answered for by their instance or by nobody."
        if claims
        else "This host knows no instance under another hardware address than its own."
    )
    return Finding(ID, TITLE, "ok", because, rows)


def _taken_here(
    snapshot: Snapshot, placed: list[Allocation]
) -> Iterator[tuple[Allocation, InterfaceAddress]]:
    """Return the instances whose address this host has itself."""
    own = {each.address: each for each in snapshot.part(Routing).addresses}
    for each in placed:
        if found := own.get(each.address):
            yield each, found


def _on_this_host(taken: list[tuple[Allocation, InterfaceAddress]]) -> Finding:
    wanted, own = taken[0]
    place = f"{own.address}/{own.prefix_length}"
    more = f" So it is with {count(len(taken) - 1, 'other instance')}." if taken[1:] else ""
    because = (
        f"{own.address}, which is {wanted.instance}'s, is an address of this host as well, on "
        f"{own.interface}: what is for {wanted.instance} stays here, what it sends is dropped, as "
        f"it comes in the host's own name, and neighbours find now the one, now the other.{more}"
    )
    rows = tuple(
        Evidence(
            f"{each.address}/{each.prefix_length}",
            f"on {each.interface}",
            f"{instance.instance}'s alone",
        )
        for instance, each in taken
    )
    remedy = (
        f"`ip address delete {place} dev {own.interface}` takes it off. Take it out of what "
        "configures the interface as well, or reserve the address and give the instance another."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


def _claims(snapshot: Snapshot, placed: list[Allocation]) -> Iterator[_Claim]:
    """Return who answered, now, for each address that was asked for.

    What an instance itself says at its own port is the matter of `guest_answers`.
    """
    answers = snapshot.get(ArpAnswers)
    bridges = _bridges(snapshot)
    own = {link.mac for link in snapshot.part(Links).links}
    for each in placed:
        bridge = bridges.get(each.network, "")
        heard = answers.on(bridge, each.address) if answers else None
        if heard is None:
            continue
        strangers = tuple(
            answer
            for answer in heard
            if answer.mac not in {each.mac, *own} and answer.port not in {each.device} - {""}
        )
        yield _Claim(each, bridge, strangers)


def _memories(snapshot: Snapshot, placed: list[Allocation], asked: set[str]) -> Iterator[_Memory]:
    """Return what the table of neighbours says otherwise: of those asked now only by hand."""
    bridges = _bridges(snapshot)
    own = {link.mac for link in snapshot.part(Links).links}
    neighbours = {
        (each.interface, each.address): each
        for each in snapshot.part(Routing).neighbours
        if each.mac and not each.proxy
    }
    for each in placed:
        known = neighbours.get((bridges.get(each.network, ""), each.address))
        if known is None or known.mac in {each.mac, *own}:
            continue
        if known.state in BY_HAND or each.address not in asked:
            yield _Memory(each, known)


def _bridges(snapshot: Snapshot) -> dict[str, str]:
    return {each.label: each.bridge for each in snapshot.part(Backend).status.networks}


def _remembered(memories: list[_Memory]) -> Finding:
    first = memories[0]
    known, wanted = first.neighbour, first.wanted
    more = f" So it is with {len(memories) - 1} more." if memories[1:] else ""
    because = (
        f"This host remembers that {known.mac} had {wanted.address}{_ago(known)}, which is "
        f"{wanted.instance}'s with {wanted.mac}. Whether it still says so nobody has asked.{more}"
    )
    rows = tuple(
        Evidence(
            f"{each.wanted.address} on {each.neighbour.interface} was",
            each.neighbour.mac,
            each.wanted.mac,
            f"{each.neighbour.state}{_ago(each.neighbour)}",
        )
        for each in memories
    )
    remedy = "`netconsole doctor --probe --only address_conflict` asks who has it now."
    return Finding(ID, TITLE, "info", because, rows, remedy=remedy, confidence="possible")


def _ago(known: Neighbour) -> str:
    return "" if known.age is None else f" {known.age} s ago"


def _entered(memories: list[_Memory]) -> Finding:
    first = memories[0]
    known, wanted = first.neighbour, first.wanted
    because = (
        f"Somebody entered {known.mac} on {known.interface} for {wanted.address}, which is "
        f"{wanted.instance}'s with {wanted.mac}: what this host sends to {wanted.instance} goes to "
        "the other one, whoever answers."
    )
    rows = tuple(
        Evidence(
            f"{each.wanted.address} on {each.neighbour.interface}",
            each.neighbour.mac,
            each.wanted.mac,
            "permanent, entered by hand",
        )
        for each in memories
    )
    fix = Plan(tuple(removal(each.neighbour) for each in memories))
    remedy = "The entry is taken away; ARP finds the instance then."
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def _failed(claims: list[_Claim]) -> Finding:
    first = claims[0]
    stranger = first.strangers[0]
    port = f", behind {stranger.port}," if stranger.port else ""
    more = f" {len(claims) - 1} more addresses are claimed so." if claims[1:] else ""
    because = (
        f"{stranger.mac}{port} says that it has {first.wanted.address}, which is "
        f"{first.wanted.instance}'s with {first.wanted.mac}. Whoever asks sends to the one that "
        f"answered last, so that connections to the instance break or end at the other.{more}"
    )
    rows = tuple(
        Evidence(
            f"who has {each.wanted.address} on {each.bridge}",
            ", ".join(f"{a.mac} {a.port}".strip() for a in each.strangers),
            each.wanted.mac,
            "answered by ARP",
        )
        for each in claims
    )
    fix = Plan(tuple(step for each in claims for step in _steps(each))) or None
    known = any(answer.port for each in claims for answer in each.strangers)
    remedy = (
        f"Take the address off that machine. Until then: {COST}"
        if known
        else "Find that machine by its hardware address (`bridge fdb show`), and take the address "
        "off it."
    )
    out = (
        "gateway: the address that is claimed twice is an instance's",
        "bridge: the instance's port is there and up",
    )
    return Finding(ID, TITLE, "fail", because, rows, out, fix, remedy=remedy)


def _steps(claim: _Claim) -> Iterator[RunProgram]:
    """Silence the strangers, then make this host forget what they said."""
    ports = {each.port for each in claim.strangers} - {"", claim.wanted.device}
    for port in sorted(ports):
        for step in silence(claim.wanted.address, port).steps:
            if isinstance(step, RunProgram):
                yield step
    if ports:
        known = ("lladdr", claim.wanted.mac, "nud", "stale")
        yield RunProgram(
            ("ip", "neighbour", "replace", claim.wanted.address, *known, "dev", claim.bridge)
        )


PAGE = Explanation(
    symptom="An instance answers sometimes, or another machine answers under its address: SSH "
    "warns of a changed host key, connections break after some seconds.",
    cause="Two machines on one wire have the same address: someone configured it by hand, or a "
    "copy of an instance kept the address of the first. Each ARP request gets two answers, and "
    "whoever asked uses the last one until it asks again.",
    evidence="Where probes are allowed, every address that is given to an instance is asked for on "
    "its bridge, and all answers are taken, not only the first: a hardware address other than the "
    "instance's is a stranger, and the bridge has learnt behind which port. What the host "
    "remembers of neighbours is told as that, with its age; only an entry that somebody made by "
    "hand is a fault by itself.",
    look_alikes=(
        ("gateway", "the address that is claimed twice is the gateway's."),
        ("duplicate_address", "it is one of this host."),
        ("dnsmasq_processes", "two servers give out the same address: the claim follows a lease."),
        (
            "a loop or a copied hardware address",
            "one hardware address moves between ports; here there are two.",
        ),
    ),
    cure="Two ebtables rules drop what the stranger's port says by ARP in the name of the address; "
    "the rest of its traffic goes on. Other guests ask anew within a minute or so. For good: take "
    "the address off that machine. The rules are not kept over a reboot, on purpose.",
    source="RFC 826; RFC 5227 section 2.4; ebtables(8); bridge(8), fdb",
)

CHECK = Check(
    ID,
    ("C10",),
    TITLE,
    frozenset({Backend, Links, Routing}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({ArpAnswers}),
    narrow=narrowed(of_instances),
    wrong="Somebody else answers for an instance's address",
)
