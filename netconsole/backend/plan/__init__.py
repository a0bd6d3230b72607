"""Plan: the ordered steps that lead a host from what it holds to what it should hold. Pure.

Additions come before what depends on them, removals after. What is not ours is never planned
away; what could not be observed is not planned at all. One module a kernel facility.
"""

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.plan import (
    addresses,
    dhcp,
    filters,
    former,
    guards,
    links,
    moves,
    settings,
    unread,
)
from netconsole.backend.plan.obstacles import obstacles
from netconsole.backend.steps import Plan


def plan(observed: Observed, wanted: Wanted) -> Plan:
    """Return the difference between two states, as steps.

    Raises Conflict where something stands in the way: `obstacles` has what may be left out.
    """
    for each in obstacles(observed, wanted):
        raise Conflict(each.because)
    return unhindered(observed, wanted)


def unhindered(observed: Observed, wanted: Wanted) -> Plan:
    """Return the same of states between which there are no obstacles."""
    observed = unread.as_wanted(observed, wanted)
    servers = dhcp.DnsmasqDifference(observed, wanted)
    filtering = filters.RuleDifference(observed, wanted)
    moved = tuple(moves.moved(observed, wanted))
    moved_back = tuple(moves.moved_back(observed, wanted))
    placed = addresses.placed(observed, (*moved, *moved_back))
    gone = addresses.released(placed, wanted)
    return Plan(
        (
            *servers.tests(),
            *settings.sysctls(observed, wanted),
            *settings.made_directories(observed, wanted),
            *settings.written_files(observed, wanted),
            *servers.stops(),
            *filtering.guarding(),
            *links.made(observed, wanted),
            *settings.sysctls_of_new_links(observed, wanted),
            *guards.put(observed, wanted),
            *links.changed(observed, wanted),
            *moved,
            *addresses.removed(placed, gone),
            *filtering.changes(),
            *filters.left_behind(observed),
            *filters.ended_connections(observed, wanted, gone),
            *addresses.added(placed, wanted, gone),
            *servers.host_steps(),
            *servers.starts(),
            *servers.released_leases(),
            *moved_back,
            *links.left(observed, wanted),
            *guards.removed(observed, wanted),
            *links.removed(observed, wanted),
            *filtering.finished(),
            *former.lowered(observed, wanted),
            *settings.removed_files(observed, wanted),
            *settings.removed_directories(observed, wanted),
        )
    )
