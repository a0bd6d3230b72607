"""C10: does the right machine, and no other, answer for each instance's address?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.backend.steps import Plan, RunProgram
from netconsole.backend.survey.status import Allocation
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.quarantine import COST, silence

ID: Final = "address_conflict"
TITLE = "Nobody else answers for an instance's address"
CONFIRMED = frozenset({"REACHABLE", "DELAY", "PROBE", "PERMANENT"})
"""States of a neighbour that is in use; STALE may be from an instance that is no more."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """An address, and the strangers that say to have it."""

    wanted: Allocation
    bridge: str
    strangers: tuple[ArpAnswer, ...]
    probed: bool


def judge(snapshot: Snapshot) -> Finding:
    """Compare who answers with whom the store names."""
    status = snapshot.part(Backend).status
    placed = [each for each in status.allocations if each.allocated and each.mac]
    if not placed:
        return Finding(ID, TITLE, "not-applicable", "No instance has an address here.")
    claims = [*_claims(snapshot, placed)]
    if contested := [each for each in claims if each.strangers]:
        return _failed(contested)
    probed = sum(each.probed for each in claims)
    rows = () if probed else (Evidence("asked by ARP", "no", note="only where probes are allowed"),)
    because = (
        f"Asked by ARP, {probed} addresses are answered for by their instance or by nobody."
        if probed
        else "No neighbour in use has another hardware address than its instance."
    )
    return Finding(ID, TITLE, "ok", because, rows)


def _claims(snapshot: Snapshot, placed: list[Allocation]) -> Iterator[_Claim]:
    answers = snapshot.get(ArpAnswers)
    bridges = {each.label: each.bridge for each in snapshot.part(Backend).status.networks}
    own = {link.mac for link in snapshot.part(Links).links}
    neighbours = {
        (each.interface, each.address): each.mac
        for each in snapshot.part(Routing).neighbours
        if each.mac and not each.proxy and each.state in CONFIRMED
    }
    for each in placed:
        bridge = bridges.get(each.network, "")
        heard = answers.on(bridge, each.address) if answers else None
        if heard is None:
            known = neighbours.get((bridge, each.address), each.mac)
            heard, probed = (ArpAnswer(known),), False
        else:
            probed = True
        strangers = tuple(a for a in heard if a.mac != each.mac and a.mac not in own)
        yield _Claim(each, bridge, strangers, probed)


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
            "answered by ARP" if each.probed else "the neighbour that this host knows",
        )
        for each in claims
    )
    fix = Plan(tuple(step for each in claims for step in _steps(each))) or None
    known = any(answer.port for each in claims for answer in each.strangers)
    remedy = (
        f"Take the address off that machine. Until then: {COST}"
        if known
        else "Find that machine by its hardware address and take the address off it. A run with "
        "--probe names the port that it is behind."
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
    "instance's is a stranger, and the bridge has learnt behind which port. Without probes only "
    "the neighbours that this host has in use are compared.",
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
    wrong="Somebody else answers for an instance's address",
)
