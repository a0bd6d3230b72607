"""Rules in tables of nftables that iptables does not show (nft(8))."""

from netconsole.backend.programs import run
from netconsole.backend.steps import RemoveNftRule


def is_removed(step: RemoveNftRule) -> bool:
    """Whether the rule is not there."""
    return not any(step.mark in line for line in run(step.listing).splitlines())


def remove(step: RemoveNftRule) -> None:
    """Delete the rule, known by its comment; one that its owner has removed is gone already."""
    for line in run(step.listing).splitlines():
        if step.mark in line:
            run(step.deletion(line.rpartition("# handle ")[2]))
