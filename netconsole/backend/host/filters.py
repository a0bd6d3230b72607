"""The packet filter through iptables-save(8) and iptables-restore(8).

Whichever of the two kinds, nft or legacy, the machine's `iptables` is, these are its own.
"""

from netconsole.backend import rules
from netconsole.backend.host.programs import run
from netconsole.backend.hoststate import ChainKey, Rule
from netconsole.backend.steps import ChangeRules

LOCK_SECONDS = "10"
"""How long to wait for another program that holds the legacy kind's lock."""


def observe() -> dict[ChainKey, tuple[Rule, ...]]:
    """Every chain of the IPv4 tables with its rules and counters."""
    return rules.parse(run(["iptables-save", "--counters"]), "ipv4")


def change(step: ChangeRules) -> None:
    """Make one transaction of the step's lines: all of them happen, or none."""
    program = "iptables-restore" if step.family == "ipv4" else "ip6tables-restore"
    text = "\n".join((f"*{step.table}", *step.lines, "COMMIT", ""))
    run([program, "--noflush", "--wait", LOCK_SECONDS], text=text)
