"""Rules in tables of nftables that iptables does not show (nft(8))."""

from typing import cast

from netconsole.backend.filtering.nf_messages import NfFamily
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.steps import InsertNftRule, RemoveNftRule
from netconsole.backend.system.programs import ProgramFailed, run


def is_removed(step: InsertNftRule | RemoveNftRule) -> bool:
    """Whether the rule is not there; it goes with its chain or table."""
    try:
        listed = run(step.listing)
    except ProgramFailed:
        if _is_chain_gone(step):
            return True
        raise
    return not any(step.mark in line for line in listed.splitlines())


def remove(step: RemoveNftRule) -> None:
    """Delete the rule, known by its comment; one that its owner has removed is gone already."""
    for line in run(step.listing).splitlines():
        if step.mark in line:
            run(step.deletion(line.rpartition("# handle ")[2]))


def _is_chain_gone(step: InsertNftRule | RemoveNftRule) -> bool:
    """Whether the kernel has no such chain: nft(8) says so in words alone."""
    with NfTables() as kernel:
        return kernel.chain(cast(NfFamily, step.family), step.table, step.chain) is None
