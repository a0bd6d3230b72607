"""B10: does a bridge forget who listens to which multicast group before it asks again?"""

from typing import Final

from netconsole.backend.model.bridging import BridgeSettings
from netconsole.backend.steps import Plan, RunProgram, Step
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "multicast"
TITLE = "Bridges remember who listens to multicast"
ROBUSTNESS = 2
"""How many questions in a row may be lost (RFC 3376 section 8.1)."""


def judge(snapshot: Snapshot) -> Finding:
    """Compare how long a listener is remembered with how often it is asked."""
    bridges = [link for link in Wiring.of(snapshot).bridges if link.bridge]
    if not bridges:
        return Finding(ID, TITLE, "not-applicable", "No network has a bridge on this host.")
    rows = tuple(row for link in bridges for row in _rows(link))
    forgetful = [link for link in bridges if link.bridge and _forgets(link.bridge)]
    for first in forgetful:
        told = first.bridge
        if told is None:
            continue
        because = (
            f"{first.name} asks every {told.mcast_query_interval / 100:g} s who listens to which "
            f"group, and forgets a listener after {told.mcast_membership_interval / 100:g} s: "
            "between the two, packets to the group are dropped, as the bridge believes that "
            "nobody wants them."
        )
        plan = Plan(tuple(step for link in forgetful for step in _remember(link)))
        return Finding(ID, TITLE, "fail", because, rows, (), plan)
    because = "Multicast is sent to all, as long as nobody asks who listens to it."
    if any(link.bridge and link.bridge.mcast_querier for link in bridges):
        because = "Listeners are asked for twice before they are forgotten."
    if not any(link.bridge and link.bridge.mcast_snooping for link in bridges):
        because = "Multicast is sent to all."
    return Finding(ID, TITLE, "ok", because, rows)


def _forgets(told: BridgeSettings) -> bool:
    """Whether it filters, asks itself, and does not wait for the answers.

    Where another asks, its interval is not known; where nobody does, nothing is filtered.
    """
    asks = told.mcast_snooping and told.mcast_querier
    answered = told.mcast_query_interval + told.mcast_response_interval
    return asks and told.mcast_membership_interval < answered


def _wanted(told: BridgeSettings) -> int:
    """Return the group membership interval of RFC 3376 section 8.4."""
    return ROBUSTNESS * told.mcast_query_interval + told.mcast_response_interval


def _remember(link: KernelLink) -> list[Step]:
    if link.bridge is None:
        return []
    change = ("ip", "link", "set", "dev", link.name, "type", "bridge", "mcast_membership_interval")
    former = str(link.bridge.mcast_membership_interval)
    return [RunProgram((*change, str(_wanted(link.bridge))), (*change, former))]


def _rows(link: KernelLink) -> list[Evidence]:
    told = link.bridge
    if told is None:
        return []
    return [
        Evidence(f"snooping of {link.name}", _on(told.mcast_snooping)),
        Evidence(f"{link.name} asks for listeners", _on(told.mcast_querier)),
        Evidence(
            f"{link.name} forgets a listener after",
            f"{told.mcast_membership_interval / 100:g} s",
            f"{_wanted(told) / 100:g} s" if told.mcast_querier else "",
        ),
    ]


def _on(value: bool) -> str:
    return "yes" if value else "no"


PAGE = Explanation(
    symptom="VRRP, mDNS or other multicast between guests works at first and stops after a while, "
    "on some guests or all; it comes back when a program joins its group anew.",
    cause="A bridge that snoops sends multicast only to ports from which it heard that somebody "
    "listens. Listeners say so when they join, and when somebody, the querier, asks. If they are "
    "forgotten sooner than they are asked, packets to them are dropped in between. As long as no "
    "querier was heard the bridge sends multicast to all.",
    evidence="Whether the bridge snoops, whether it asks itself, how often, and when it forgets. "
    "With 3 s and a question every 125 s, UDP to 239.1.1.1 between guests stopped as soon as its "
    "line in `bridge mdb` had gone; the neighbour discovery of IPv6 went on (Linux 6.18). A bridge "
    "that snoops and has no querier is no fault: that is how Linux makes it.",
    look_alikes=(
        ("hairpin", "a port is set to take no multicast, from the beginning."),
        (
            "a querier that went away",
            "a switch or router asked until then: after its interval, "
            "255 s unless set otherwise, the bridge sends to all again.",
        ),
        ("the switch beyond", "between guests of one host multicast goes on."),
    ),
    cure="The membership interval back to what the question interval calls for: twice that and the "
    "time for answers. A bridge that is made anew has 260 s. Instead of it, snooping can be "
    "switched off (`mcast_snooping 0`): then every guest gets all multicast.",
    source="RFC 3376 section 8, RFC 3810 section 9; ip-link(8), bridge; bridge(8), mdb",
)

CHECK = Check(
    ID,
    ("B10",),
    TITLE,
    frozenset({Backend, Links}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_networks),
    reach=Reach.NETWORK,
    wrong="A bridge forgets who listens to multicast",
)
