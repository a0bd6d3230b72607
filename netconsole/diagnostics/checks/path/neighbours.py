"""Are the routers that were entered by hand as neighbours who they are said to be?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.backend.steps import Plan
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Neighbour, Routing
from netconsole.diagnostics.reasoning.permanent_neighbours import BY_HAND, removal

ID: Final = "neighbours"
TITLE = "Routers entered by hand are who they are said to be"
SHOWN = 8
REMEDY = (
    "The kernel asks by ARP once the entry is gone. Take it out of what makes it as well: a "
    "script, /etc/ethers, a line `post-up ip neighbour` of the interface's configuration."
)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """An entry, and whose MAC address it should have."""

    entry: Neighbour
    right: str


def judge(snapshot: Snapshot) -> Finding:
    """Compare permanent entries with what routers answer."""
    entries = [
        each for each in snapshot.part(Routing).neighbours if each.state in BY_HAND and each.mac
    ]
    wrong = [*_wrong(snapshot, entries)]
    rows = tuple(
        Evidence(
            f"{each.entry.address} on {each.entry.interface}",
            each.entry.mac,
            each.right,
            "as it answers by ARP",
        )
        for each in wrong[:SHOWN]
    )
    if not wrong:
        if not entries:
            return Finding(ID, TITLE, "not-applicable", "No neighbour was entered by hand.")
        because = "No permanent entry of the table of neighbours is known to be wrong."
        return Finding(ID, TITLE, "ok", because)
    first = wrong[0]
    more = f" So it is with {len(wrong) - 1} more entries." if wrong[1:] else ""
    because = (
        f"A permanent entry says that {first.entry.address} on {first.entry.interface}, "
        f"a router, has {first.entry.mac}, and it answers with {first.right}: what this host sends "
        f"there, for itself or for others, reaches nobody, as it never asks.{more}"
    )
    steps = tuple(removal(each.entry) for each in wrong)
    out = ("address_conflict: nobody answers so, the entry was made on this host",)
    return Finding(ID, TITLE, "fail", because, rows, out, Plan(steps), remedy=REMEDY)


def _wrong(snapshot: Snapshot, entries: list[Neighbour]) -> Iterator[_Wrong]:
    """Those of routers that answer with another MAC address; it is known of who was asked alone."""
    asked = snapshot.part(ArpAnswers)
    routers = {(each.interface, each.gateway) for each in snapshot.part(Routing).routes}
    for entry in entries:
        place = (entry.interface, entry.address)
        answers = asked.on(*place) if place in routers else None
        if answers and all(each.mac != entry.mac.lower() for each in answers):
            yield _Wrong(entry, answers[0].mac)


PAGE = Explanation(
    symptom="Neither the host nor an instance reaches the world any more, and the router is well; "
    "often since a router or its card was replaced.",
    cause="An entry of the table of neighbours that was made by hand is permanent: the kernel "
    "sends to its MAC address without ever asking, also when another machine has the address by "
    "now.",
    evidence="Where probes are allowed, permanent entries of the routers that routes lead to, "
    "against what these answer by ARP.",
    look_alikes=(
        ("address_conflict", "the entry is of an instance."),
        ("routes", "the router does not answer at all."),
        ("upstream_arp", "it is the router's table that is wrong."),
    ),
    cure="The entry is deleted, and the kernel asks. It can be put back as it was. Permanent "
    "entries that are right are left alone.",
    source="ip-neighbour(8); RFC 826; arp(7)",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({ArpAnswers, Links, Routing}),
    0.5,
    judge,
    PAGE,
    reach=Reach.HOST,
    wrong="A router entered by hand is somebody else",
)
