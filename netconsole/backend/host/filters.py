"""The packet filter through iptables-save(8), iptables-restore(8) and their ebtables twins.

Whichever of the two kinds, nft or legacy, the machine's `iptables` is, these are its own.
"""

from netconsole.backend import rules
from netconsole.backend.hoststate import ChainKey, Rule
from netconsole.backend.programs import run
from netconsole.backend.steps import ChangeRules

LOCK_SECONDS = "10"
"""How long to wait for another program that holds the legacy kind's lock."""


def observe() -> dict[ChainKey, tuple[Rule, ...]]:
    """Every chain of the IPv4 and bridge tables with its rules; the IPv4 ones with counters."""
    ipv4 = rules.parse(run(["iptables-save", "--counters"]), "ipv4")
    return {**ipv4, **rules.parse(run(["ebtables-save"]), "bridge")}


def change(step: ChangeRules) -> None:
    """Make one transaction of the step's lines: all of them happen, or none."""
    text = "\n".join((f"*{step.table}", *step.lines, "COMMIT", ""))
    if step.family == "ipv4":
        run(["iptables-restore", "--noflush", "--wait", LOCK_SECONDS], text=text)
    else:
        run(["ebtables-restore", "--noflush"], text=text)
