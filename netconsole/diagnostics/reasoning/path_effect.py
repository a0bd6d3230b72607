"""What became of the paths that matter between two times, as before a cure and after it. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from netconsole.backend.model.phrases import some
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney, Purpose
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.guest_trouble import ailing
from netconsole.diagnostics.reasoning.lost_paths import LostPaths, in_words, is_served, lost_paths
from netconsole.diagnostics.reasoning.lost_words import sentence

_MOST_TOLD: Final = 3

_PathKey = tuple[Purpose, str, str, str, str, int, bool]


@dataclass(frozen=True, slots=True)
class PathEffect:
    """What became of the paths that were tried before a cure and after it."""

    healed: tuple[PathJourney, ...] = ()
    """Ended on this host before, and are answered now."""
    severed: tuple[PathJourney, ...] = ()
    """Were answered before, and are not now, for no rule of ours."""
    lost: tuple[LostPaths, ...] = ()
    """End on this host where they did before."""
    moved: tuple[LostPaths, ...] = ()
    """End on this host still, and elsewhere than before: something else ends them."""
    untried: str = ""
    """Why packets could not be followed."""

    @property
    def is_open(self) -> bool:
        """Whether what is told may yet change with packets sent a moment later.

        A rule that has dropped one drops the next, so where others were healed nothing hangs on
        that; a dnsmasq may have to start, a guest to ask anew.
        """
        ended = (path.journey.end for each in (*self.lost, *self.moved) for path in each.paths)
        return bool(self.severed) or any(not self.healed or end != "dropped" for end in ended)

    @property
    def is_unchanged(self) -> bool:
        """Whether some paths end as they did before, and none was healed or got further."""
        return bool(self.lost) and not (self.healed or self.moved)

    @property
    def told(self) -> tuple[str, ...]:
        """Return sentences about them, the worst first; none where all is as it was."""
        said = []
        if self.severed:
            said.append(f"Answered before, and not after: {_listed(self.severed)}.")
        for words, paths in (
            ("Ends on this host still", self.lost),
            ("Got further, and ends on this host by something else", self.moved),
        ):
            if paths:
                still = " ".join(sentence(each) for each in paths[:_MOST_TOLD])
                said.append(f"{words}: {still}")
        if self.healed:
            said.append(f"Ended on this host before, and answered now: {_listed(self.healed)}.")
        if self.untried:
            said.append(f"No packets could be followed before and after: {self.untried}.")
        return tuple(said)


NOTHING_TRIED: Final = PathEffect()


def path_effect(before: Snapshot, after: Snapshot) -> PathEffect:
    """Compare the journeys of two times; a path that was not tried at both is passed over."""
    for each in (before, after):
        if unread := each.unread(Journeys):
            return PathEffect(untried=unread.because)
    old, new = _answered(before.part(Journeys)), _answered(after.part(Journeys))
    places = _places(before)
    ended = {_key(path) for each in _lost(before) for path in each.paths} | {
        key for key, (path, reached) in old.items() if not reached and path.journey.end == "host"
    }
    remaining = [
        replace(each, paths=tuple(path for path in each.paths if _key(path) in ended))
        for each in _lost(after)
    ]
    latest = {_key(each): each for each in after.part(Journeys).paths if not is_served(each)}
    return PathEffect(
        tuple(path for key, (path, reached) in new.items() if reached and key in ended),
        tuple(
            path
            for key, path in latest.items()
            if key in old and old[key][1] and not path.journey.is_barred
        ),
        _chosen(remaining, lambda path: _place(path) in places[_key(path)] and not _has_left(path)),
        _chosen(remaining, lambda path: _place(path) not in places[_key(path)]),
    )


def _chosen(
    found: Iterable[LostPaths], is_meant: Callable[[PathJourney], bool]
) -> tuple[LostPaths, ...]:
    chosen = (replace(each, paths=tuple(filter(is_meant, each.paths))) for each in found)
    return tuple(each for each in chosen if each.paths)


_Place = tuple[str, ...]


def _places(snapshot: Snapshot) -> dict[_PathKey, set[_Place]]:
    """Where each path ended; that of a burst may have ended at several places."""
    found: dict[_PathKey, set[_Place]] = {}
    for each in snapshot.part(Journeys).paths:
        found.setdefault(_key(each), set()).add(_place(each))
    return found


def _place(path: PathJourney) -> _Place:
    """Where it ended: a rule is the same one also where others came before it."""
    journey, drop = path.journey, path.journey.dropped_by
    if drop is not None and drop.rule is not None:
        rule = drop.rule
        return journey.end, rule.family, rule.table, rule.chain, rule.text
    last = journey.hops[-1]
    return journey.end, last.way, last.kind, last.interface


def _key(path: PathJourney) -> _PathKey:
    journey = path.journey
    aim = (journey.sender, journey.destination, journey.protocol, journey.port)
    return (path.purpose, path.instance, *aim, path.has_data)


def _answered(tried: Journeys) -> dict[_PathKey, tuple[PathJourney, bool]]:
    """Of each path whether all packets were answered: some are sent more than once."""
    found: dict[_PathKey, tuple[PathJourney, bool]] = {}
    for each in tried.paths:
        _, reached = found.get(_key(each), (each, True))
        found[_key(each)] = each, reached and is_served(each)
    return found


def _lost(snapshot: Snapshot) -> tuple[LostPaths, ...]:
    return lost_paths(snapshot.part(Journeys), snapshot.part(Routing), ailing(snapshot))


def _has_left(path: PathJourney) -> bool:
    """Whether the answer to somebody outside left this host, by whichever interface: what becomes
    of it is not to be seen here."""
    last = path.journey.hops[-1]
    return path.purpose == "floating" and (last.way, last.kind) == ("back", "left")


def _listed(paths: tuple[PathJourney, ...]) -> str:
    return some([in_words(each) for each in paths], _MOST_TOLD)
