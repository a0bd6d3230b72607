"""The packet filter through iptables-save(8), iptables-restore(8) and their ebtables twins.

Whichever of the two kinds, nft or legacy, the machine's `iptables` is, these are its own.
"""

from collections.abc import Mapping

from netconsole.backend import rules
from netconsole.backend.errors import NetconsoleError
from netconsole.backend.host import generation
from netconsole.backend.hoststate import ChainKey, HostState, Rule
from netconsole.backend.programs import run
from netconsole.backend.steps import ChangeRules

LOCK_SECONDS = "10"
"""How long to wait for another program that holds the legacy kind's lock."""
_NFT_KIND = "(nf_tables)"
"""Stands in the first line of iptables-save of the kind that has generations."""


_Chains = Mapping[ChainKey, tuple[Rule, ...]]


def observe(known: HostState) -> tuple[_Chains, int | None]:
    """Every chain of the IPv4 tables with its rules, and the generation of which they are.

    What is known is true as long as its generation is the kernel's: then nothing is run. The
    answer has no generation where iptables is the legacy kind, or the rules moved meanwhile.
    """
    before = generation.current()
    if before is not None and before == known.generation:
        return {key: found for key, found in known.chains.items() if key.family == "ipv4"}, before
    saved = run(["iptables-save", "--counters"])
    stands = _NFT_KIND in saved.partition("\n")[0] and generation.current() == before
    return rules.parse(saved, "ipv4"), before if stands else None


def observe_bridge() -> dict[ChainKey, tuple[Rule, ...]]:
    """Every chain of the bridge tables with its rules, without counters."""
    return rules.parse(run(["ebtables-save"]), "bridge")


def change(step: ChangeRules) -> None:
    """Make one transaction of the step's lines: all of them happen, or none."""
    text = "\n".join((f"*{step.table}", *step.lines, ""))
    if step.family == "ipv4":
        restore = [f"{step.program}-restore", "--noflush", "--wait", LOCK_SECONDS]
        run(restore, text=f"{text}COMMIT\n")
    else:
        # The legacy kind takes COMMIT for a bad argument; both commit at the end.
        run([f"{step.program}-restore", "--noflush"], text=text)


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
