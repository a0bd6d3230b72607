"""Reads what filters packets and is not of nf_tables: the kernel's trace tells nothing of it."""

from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.backend.kernel.iptables_save import kind_of, legacy_tables, saved
from netconsole.backend.model.errors import NetconsoleError


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
