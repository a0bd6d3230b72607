"""The cure where rules of others stand above our jumps: these move, or an ACCEPT is put in. Pure.

An ACCEPT above our jumps would let in what security groups keep out. Once our jumps stand before
what drops, groups decide about what is sent to guests, and our chains let pass the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from netconsole.backend.filtering.matches import Aspect
from netconsole.backend.filtering.rules import is_ours, is_own_chain
from netconsole.backend.model.table_names import Kind
from netconsole.backend.plan.standing_rules import change
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.backend.wording.groups import LOCAL
from netconsole.diagnostics.reasoning.acceptance import Acceptance, let_pass
from netconsole.diagnostics.reasoning.filter_walk import Drop, drops

_FIRST_JUMP: Final = "-j nova-filter-top"


def let_pass_or_move(
    found: Sequence[Drop],
    command: Kind,
    unasked: frozenset[Aspect] = frozenset(),
    elsewhere: Callable[[Drop], Acceptance | None] = lambda drop: None,
) -> Plan | None:
    """Return the steps that let these flows pass; None where a table is locked.

    Where what drops stands above our jumps these move before it, if that is enough; for the rest
    it is as with `let_pass`, which the arguments are for.
    """
    displaced = tuple(each for each in found if _is_displaced(each, command))
    moved = _moved(displaced) if displaced else None
    if moved is None:
        return let_pass(found, command, unasked, elsewhere)
    rest = tuple(each for each in found if each.ruleset != displaced[0].ruleset)
    others = let_pass(rest, command, unasked, elsewhere)
    return None if others is None else Plan((moved, *others.steps))


def _is_displaced(drop: Drop, command: Kind) -> bool:
    """Whether groups are kept in the table that drops, and are asked behind the rule."""
    ruleset, place = drop.ruleset, _entry(drop)
    if (ruleset.kind, ruleset.table) != (command, "filter") or LOCAL not in ruleset.chains:
        return False
    behind = ruleset.chains[ruleset.entry].steps[place:]
    return place > 0 and any(step.text == _FIRST_JUMP for step in behind)


def _entry(drop: Drop) -> int:
    """The place, from 1, of the rule of the first chain that drops or leads there."""
    return (*drop.way, drop.at)[0].position


def _moved(found: Sequence[Drop]) -> ChangeRules | None:
    """Move our jumps before the first of what drops; None where that does not let it all pass."""
    ruleset, first = found[0].ruleset, min(map(_entry, found)) - 1
    entry = ruleset.chains[ruleset.entry]
    jumps = [step for step in entry.steps[first:] if is_ours(entry.name, step.text)]
    others = [step for step in entry.steps[first:] if not is_ours(entry.name, step.text)]
    steps = (*entry.steps[:first], *jumps, *others)
    tried = {**ruleset.chains, entry.name: replace(entry, steps=steps)}
    after = drops(replace(ruleset, chains=tried), [each.flow for each in found])
    if any(each.certain and not is_own_chain(each.chain) for each in after):
        return None
    now, then = ([step.text for step in each] for each in (entry.steps, steps))
    return change("ipv4", "filter", {entry.name: now}, {entry.name: then})
