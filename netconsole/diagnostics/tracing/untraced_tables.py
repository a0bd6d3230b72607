"""Reads what filters and is not traced: of nf_tables what takes ARP."""

from typing import Final

from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.model.guards import FAMILY, TABLE
from netconsole.backend.model.trace_table import is_trace_table

_OF_ARP: Final = ("arp", "bridge", "netdev")
"""Families whose chains meet ARP (nft(8), address families)."""


def read_tables_of_arp(*, guards: bool) -> tuple[str, ...]:
    """Return a sentence on the tables that may take a question or an answer of ARP.

    Ours is among them where it is about an instance's own question, which `guards` look at.
    """
    ours = () if guards else ((FAMILY, TABLE),)
    with NfTables() as kernel:
        found = {
            f"{each.family} {each.table}"
            for each in kernel.chains()
            if each.family in _OF_ARP
            and (each.drops or (each.hook and each.uses))
            and not is_trace_table(each.table)
            and (each.family, each.table) not in ours
        }
    if not found:
        return ()
    return (f"ARP is not traced, and these tables may drop it: {', '.join(sorted(found))}",)
