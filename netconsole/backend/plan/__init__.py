"""Plan: the ordered steps that lead a host from what it holds to what it should hold. Pure.

Additions come before what depends on them, removals after. What is not ours is never planned
away; what could not be observed is not planned at all. One module a kernel facility.
"""

from netconsole.backend.hoststate import Observed, Wanted
from netconsole.backend.plan import addresses, dhcp, filters, former, links, moves, settings
from netconsole.backend.steps import Plan


def plan(observed: Observed, wanted: Wanted) -> Plan:
    """The difference between two states, as steps.

    Raises Conflict where a link of another kind stands in the way.
    """
    servers = dhcp.DnsmasqDifference(observed, wanted)
    gone = addresses.released(observed, wanted)
    return Plan(
        (
            *servers.tests(),
            *settings.sysctls(observed, wanted),
            *settings.made_directories(observed, wanted),
            *settings.written_files(observed, wanted),
            *servers.stops(),
            *links.added(observed, wanted),
            *settings.sysctls_of_new_links(observed, wanted),
            *moves.moved(observed, wanted),
            *addresses.removed(observed, gone),
            *filters.changes(observed, wanted),
            *filters.left_behind(observed),
            *filters.ended_connections(observed, wanted, gone),
            *addresses.added(observed, wanted, gone),
            *servers.host_steps(),
            *servers.starts(),
            *servers.released_leases(),
            *moves.moved_back(observed, wanted),
            *links.removed(observed, wanted),
            *former.lowered(observed, wanted),
            *settings.removed_files(observed, wanted),
            *settings.removed_directories(observed, wanted),
        )
    )
