"""The packet filter through iptables-save(8), iptables-restore(8) and their ebtables twins.

Whichever of the two kinds, nft or legacy, the machine's `iptables` is, these are its own.
"""

from netconsole.backend import rules
from netconsole.backend.errors import NetconsoleError
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
    text = "\n".join((f"*{step.table}", *step.lines, ""))
    if step.family == "ipv4":
        restore = ["iptables-restore", "--noflush", "--wait", LOCK_SECONDS]
        run(restore, text=f"{text}COMMIT\n")
    else:
        # The legacy kind takes COMMIT for a bad argument; both commit at the end.
        run(["ebtables-restore", "--noflush"], text=text)


def redirection_refused() -> str:
    """Why this kernel takes no rule that redirects a bridged frame; empty where it does.

    It is tried out in a network namespace of its own; a process that may not make one learns
    nothing.
    """
    rule = "-A PREROUTING -p IPv4 --logical-in lo --ip-src 192.0.2.1 -j redirect"
    try:
        run(["unshare", "--net", "true"])
    except NetconsoleError:
        return ""
    try:
        run(["unshare", "--net", "ebtables", "-t", "nat", *rule.split()])
    except NetconsoleError as error:
        return str(error).removeprefix("unshare --net ")
    return ""
