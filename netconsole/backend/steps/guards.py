"""The step on the guards of ports: their table of nftables, changed in one transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from netconsole.backend.model.guards import FAMILY, TABLE, GuardKind, GuardObject
from netconsole.backend.steps.step import Step, words

_PLACE = f"{FAMILY} {TABLE}"


@dataclass(frozen=True, slots=True)
class ChangeGuards(Step):
    """Replace some objects of the table `netdev netconsole` by others, all at once (nft(8) -f)."""

    gone: tuple[GuardObject, ...]
    """Those that are there and shall not be so any more; sorted."""
    new: tuple[GuardObject, ...]
    """Those that come. A chain in both is changed, and at no moment is it not there."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The transaction, in the words of nft."""
        return tuple(_lines(self.gone, self.new))

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(words("nft", line) for line in self.lines)

    @property
    def inverse(self) -> Step:
        return replace(self, gone=self.new, new=self.gone, stays=False)

    @property
    def holds_guests(self) -> bool:
        return True


_Named = dict[tuple[GuardKind, str], GuardObject]


def _named(objects: Iterable[GuardObject]) -> _Named:
    return {(each.kind, each.name): each for each in objects if each.kind != "element"}


def _lines(gone: Iterable[GuardObject], new: Iterable[GuardObject]) -> Iterator[str]:
    """The removals before the additions: what refers to a thing goes before it, and comes after."""
    former, later = _named(gone), _named(new)
    is_whole = ("table", TABLE) in former
    if is_whole:
        yield f"delete table {_PLACE}"
    else:
        yield from _removals(gone, former, later)
    if ("table", TABLE) in later:
        yield f"add table {_PLACE}"
    for (kind, name), each in later.items():
        if kind == "counter":
            yield f"add counter {_PLACE} {name}"
        elif kind == "set":
            yield f"add set {_PLACE} {name} {{ {'; '.join(each.lines)}; }}"
    chains = [each for each in later.values() if each.kind == "chain"]
    for each in chains:
        before = former.get((each.kind, each.name))
        if is_whole or before is None or _hook(before) != _hook(each):
            hook = f" {{ {_hook(each)} }}" if _hook(each) else ""
            yield f"add chain {_PLACE} {each.name}{hook}"
    for each in chains:
        for rule in each.lines[1:] if _hook(each) else each.lines:
            yield f"add rule {_PLACE} {each.name} {rule}"
    yield from _of_elements("add", new)


def _removals(
    gone: Iterable[GuardObject],
    former: _Named,
    later: _Named,
) -> Iterator[str]:
    chains = [each for each in former.values() if each.kind == "chain"]
    yield from (f"flush chain {_PLACE} {each.name}" for each in chains)
    for each in chains:
        after = later.get((each.kind, each.name))
        if after is None or _hook(after) != _hook(each):
            yield f"delete chain {_PLACE} {each.name}"
    yield from _of_elements("delete", gone)
    for kind, name in former:
        if kind in ("set", "counter"):
            yield f"delete {kind} {_PLACE} {name}"


def _hook(chain: GuardObject) -> str:
    """Where packets enter a chain, if they do; its first line says so."""
    first = chain.lines[0] if chain.lines else ""
    return first if first.startswith("type ") else ""


def _of_elements(verb: str, among: Iterable[GuardObject]) -> Iterator[str]:
    elements = (each for each in among if each.kind == "element")
    for name, group in groupby(elements, key=lambda each: each.name):
        yield f"{verb} element {_PLACE} {name} {{ {', '.join(each.lines[0] for each in group)} }}"
