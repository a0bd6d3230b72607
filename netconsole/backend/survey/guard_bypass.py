"""Guard bypass: the rules of others that take frames before the guards of ebtables see them. Pure.

Our jump is put first in nat PREROUTING and stays where it is, as in the tables of iptables. What is
above it is asked first, and a frame that is accepted there leaves the table (ebtables(8)).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from netconsole.backend.filtering.places import rule_in_words
from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.filtering.rules import is_ours
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.survey.status import Bypass
from netconsole.backend.wording.bridge_guards import GUARDS, key

PREROUTING: Final = "PREROUTING"
JUMP: Final = f"-j {GUARDS}"
_ONWARD: Final = frozenset(("DROP", "CONTINUE"))
"""Where a rule leads that lets nothing by."""
_VERDICT: Final = re.compile(r"--(?:mark|arpreply|dnat|snat|redirect|to-dnat|to-snat)-target (\S+)")
_PORT: Final = re.compile(r"(?:^|\s)(?:-i|--in-interface) ([^!\s]\S*)")

Chains = Mapping[ChainKey, tuple[Rule, ...]]


def guard_bypasses(chains: Chains, guarded: Collection[str]) -> tuple[Bypass, ...]:
    """Return these rules, where any of the ports has guards of ebtables."""
    found = chains.get(key(PREROUTING), ())
    if not guarded or JUMP not in (rule.spec for rule in found):
        return ()
    return tuple(_above(chains, found, guarded))


def _above(chains: Chains, found: tuple[Rule, ...], guarded: Collection[str]) -> Iterator[Bypass]:
    for place, rule in enumerate(found, 1):
        if rule.spec == JUMP:
            return
        if is_ours(PREROUTING, rule.spec) or not _meets(rule.spec, guarded):
            continue
        if _lets_by(chains, rule.spec):
            where = rule_in_words(place, PREROUTING, "ebtables table nat")
            whole = rule.spec.startswith("-j ") and key(target_of(rule.spec)) not in chains
            yield Bypass("bridge", PREROUTING, JUMP, place, where, rule.spec, whole)


def _meets(spec: str, guarded: Collection[str]) -> bool:
    """Whether a rule is asked of what comes in at one of the ports."""
    port = _PORT.search(spec)
    if port is None:
        return True
    name = port.group(1)
    if name.endswith("+"):
        return any(each.startswith(name[:-1]) for each in guarded)
    return name in guarded


def _lets_by(chains: Chains, spec: str) -> bool:
    """Whether a rule ends a frame's way through the table; of a chain of others it may.

    Such a chain has an end of its own (`-P`), which rules do not tell.
    """
    target = target_of(spec)
    if not target or target in _ONWARD:
        return False
    said = _VERDICT.search(spec)
    if said is not None:
        return said.group(1) not in _ONWARD
    return target != "arpreply"
