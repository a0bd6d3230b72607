"""Looks for rules of others that ask for an interface which a plan makes a port, or frees."""

from collections.abc import Iterator

from netconsole.backend.filtering.asking_rules import asking_rules
from netconsole.backend.kernel.whole_filter import iptables_chains, kinds_in_use, nft_tables
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.plan import moves
from netconsole.backend.plan.asking import note_of_bridge, note_of_port


def notes(observed: Observed, wanted: Wanted) -> Iterator[str]:
    """Yield sentences on such rules, and on what could not be read; most plans have no such
    interface.

    Those are read whole for that: IPv6, and the tables of nft, are no part of what is observed.
    """
    joining, leaving = moves.joining(observed, wanted), moves.leaving(observed, wanted)
    if not joining and not leaving:
        return
    try:
        kinds = kinds_in_use("ipv4")
        ipv6 = iptables_chains("ipv6", kinds_in_use("ipv6"))
        chains = (*iptables_chains("ipv4", kinds), *ipv6)
    except NetconsoleError as error:
        yield f"whether rules of others ask for what changes its place is not known: {error}"
        return
    native = nft_tables(kinds[0])
    if native.unread:
        yield f"whether tables of nft ask for what changes its place is not known: {native.unread}"
    for port, bridge in joining:
        yield from note_of_port(
            port, bridge, asking_rules(chains, native.tables, port, bridge), kinds[0]
        )
    for port, bridge in leaving:
        yield from note_of_bridge(
            port, bridge, asking_rules(chains, native.tables, bridge, port), kinds[0]
        )
