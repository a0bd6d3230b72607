"""The steps of a way back, held against what the host holds by now."""

from collections.abc import Collection, Iterable, Mapping
from itertools import groupby

from netconsole.backend.filtering.rule_order import Table
from netconsole.backend.host import filters, guards, nft
from netconsole.backend.kernel import links, settings
from netconsole.backend.model.hoststate import Address, ObservedLink
from netconsole.backend.plan import standing_rules
from netconsole.backend.plan.way_back import Standing, changed_since
from netconsole.backend.steps import (
    AddAddress,
    AddLink,
    ChangeGuards,
    ChangeRules,
    InsertNftRule,
    RemoveAddress,
    RemoveFile,
    RemoveLink,
    RemoveNftRule,
    SetLink,
    SetSysctl,
    Step,
    WriteFile,
)
from netconsole.backend.system import files


def still(
    steps: Iterable[Step], given_away: Collection[str] = ()
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return those steps of a way back that have something to take back, and what is left alone.

    What is gone is not taken back again; of what was changed since there is a sentence each.
    Raises NetconsoleError or OSError where it cannot be seen.
    """
    needed: list[Step] = []
    left: list[str] = []
    tables = _Tables()
    standing: Standing | None = None
    for together, group in groupby(steps, key=_is_of_links):
        if together:
            # One for all: a link that is taken down first is to be taken up again at the end.
            standing = standing or Standing(links.observe_links(), links.observe_addresses())
            needed += standing.needed(group)
            continue
        for step in group:
            remaining, said = _remaining(step, given_away, tables)
            needed += remaining
            left += said
    return tuple(needed), (*left, *(standing.left if standing else ()))


def undone(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return those steps of a cure whose effect is not to be seen: the last on each thing counts.

    Of a step that leaves nothing to be seen, such as a signal, its doer's word is taken.
    """
    last = tuple({_thing(step): step for step in steps}.values())
    seen: tuple[Mapping[str, ObservedLink], tuple[Address, ...]] | None = None
    if any(map(_is_of_links, last)):
        seen = links.observe_links(), links.observe_addresses()
    return tuple(
        step
        for step in last
        if (_is_open(step, *seen) if seen and _is_of_links(step) else _is_undone(step))
    )


def _is_open(step: Step, found: Mapping[str, ObservedLink], addresses: Iterable[Address]) -> bool:
    return any(True for _ in Standing(found, addresses).needed((step,)))


def _thing(step: Step) -> object:
    match step:
        case SetSysctl():
            return step.key
        case SetLink():
            return step.name, step.attribute
        case AddLink() | RemoveLink():
            return "link", step.name
        case AddAddress() | RemoveAddress():
            return step.interface, step.address
        case WriteFile() | RemoveFile():
            return "file", step.path
        case ChangeRules():
            return step.family, step.table, step.kind
    return step


def _is_undone(step: Step) -> bool:
    match step:
        case SetSysctl():
            return (settings.read(step.key) or "").split() != step.value.split()
        case WriteFile():
            return _content(step.path) != step.content
        case RemoveFile():
            return _content(step.path) is not None
        case ChangeRules():
            current = filters.table_of(step)
            return current is not None and standing_rules.is_undone(step, current)
        case ChangeGuards():
            return guards.still(step) is not None
        case RemoveNftRule():
            return not nft.is_removed(step)
        case InsertNftRule():
            return nft.is_removed(step)
    return False


def _is_of_links(step: Step) -> bool:
    return isinstance(step, AddLink | RemoveLink | SetLink | AddAddress | RemoveAddress)


class _Tables:
    """The tables of the packet filter, as step after step of a way back leaves them."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], Table] = {}

    def remaining(self, step: ChangeRules) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        """Return what is left to do of a step, and what is left alone."""
        place = (step.family, step.table, step.kind)
        current = self._seen.get(place)
        if current is None:
            current = filters.table_of(step)
        if current is None:
            return (step,), ()
        remaining = standing_rules.still(step, current)
        self._seen[place] = remaining.table
        return ((remaining.step,) if remaining.step.lines else ()), remaining.left


def _remaining(
    step: Step, given_away: Collection[str], tables: _Tables
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    match step:
        case ChangeRules():
            return tables.remaining(step)
        case ChangeGuards():
            remaining = guards.still(step)
            return (() if remaining is None else (remaining,)), ()
        case SetSysctl():
            now = settings.read(step.key)
            if now is not None and now not in (step.former, step.value):
                return (), (f"{step.key} is {now} by now, not {step.former}: left so",)
            return (() if now is None else (step,)), ()
        case WriteFile() | RemoveFile() if step.path not in given_away:
            if changed_since(step, _content(step.path)):
                return (), (f"{step.path} was changed since: left as it is",)
        case RemoveNftRule() if nft.is_removed(step):
            return (), ()
    return (step,), ()


def _content(path: str) -> str | None:
    try:
        return files.read_text(path)
    except FileNotFoundError:
        return None
