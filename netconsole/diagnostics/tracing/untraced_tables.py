"""Reads what filters and is not traced: legacy tables, and of nf_tables what takes ARP."""

from typing import Final

from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.backend.kernel.iptables_save import kind_of, legacy_tables, saved
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.guards import FAMILY, TABLE
from netconsole.backend.model.trace_table import is_trace_table

_OF_ARP: Final = ("arp", "bridge", "netdev")
"""Families whose chains meet ARP (nft(8), address families)."""


def read_untraced_tables() -> tuple[str, ...]:
    """Return a sentence on the legacy tables of IPv4, where they have a rule or a policy."""
    try:
        if not legacy_tables("ipv4"):
            return ()
        text = saved("ipv4", "legacy", own=kind_of("ipv4") == "legacy").text
    except NetconsoleError as error:
        return (f"tables of iptables-legacy, which the kernel does not trace: {error}",)
    filled = dict.fromkeys(
        found.table
        for found in parse_saved(text, "legacy", "ipv4")
        if found.rules or found.policy == "DROP"
    )
    if not filled:
        return ()
    names = ", ".join(filled)
    return (f"tables of iptables-legacy, which the kernel does not trace, have rules: {names}",)


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
