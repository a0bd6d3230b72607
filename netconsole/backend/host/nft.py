"""Rules in tables of nftables that iptables does not show (nft(8))."""

from netconsole.backend.steps import InsertNftRule, RemoveNftRule
from netconsole.backend.system.programs import ProgramFailed, run


def is_removed(step: InsertNftRule | RemoveNftRule) -> bool:
    """Whether the rule is not there; it goes with its chain or table."""
    try:
        listed = run(step.listing)
    except ProgramFailed as error:
        if "No such file or directory" in error.said:
            return True
        raise
    return not any(step.mark in line for line in listed.splitlines())


def remove(step: RemoveNftRule) -> None:
    """Delete the rule, known by its comment; one that its owner has removed is gone already."""
    for line in run(step.listing).splitlines():
        if step.mark in line:
            run(step.deletion(line.rpartition("# handle ")[2]))
