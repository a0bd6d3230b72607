"""What became of the paths that matter between two times, as before a cure and after it. Pure."""

from dataclasses import dataclass, replace
from typing import Final

from netconsole.backend.model.phrases import some
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney, Purpose
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.guest_trouble import ailing
from netconsole.diagnostics.reasoning.lost_paths import LostPaths, in_words, lost_paths
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
    """End on this host as they did before."""
    untried: str = ""
    """Why packets could not be followed."""

    @property
    def is_open(self) -> bool:
        """Whether what is told may yet change with packets sent a moment later.

        A rule that has dropped one drops the next, so where others were healed nothing hangs on
        that; a dnsmasq may have to start, a guest to ask anew.
        """
        ended = (path.journey.end for each in self.lost for path in each.paths)
        return bool(self.severed) or any(not self.healed or end != "dropped" for end in ended)

    @property
    def told(self) -> tuple[str, ...]:
        """Return sentences about them, the worst first; none where all is as it was."""
        said = []
        if self.severed:
            said.append(f"Answered before, and not after: {_listed(self.severed)}.")
        if self.lost:
            still = " ".join(sentence(each) for each in self.lost[:_MOST_TOLD])
            said.append(f"Ends on this host still: {still}")
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
    ended = {_key(path) for each in _lost(before) for path in each.paths}
    lost = (
        replace(
            each,
            paths=tuple(path for path in each.paths if _key(path) in ended and not _has_left(path)),
        )
        for each in _lost(after)
    )
    latest = {_key(each): each for each in after.part(Journeys).paths if not each.journey.reached}
    return PathEffect(
        tuple(path for key, (path, reached) in new.items() if reached and key in ended),
        tuple(
            path
            for key, path in latest.items()
            if key in old and old[key][1] and not path.journey.is_barred
        ),
        tuple(each for each in lost if each.paths),
    )


def _key(path: PathJourney) -> _PathKey:
    journey = path.journey
    aim = (journey.sender, journey.destination, journey.protocol, journey.port)
    return (path.purpose, path.instance, *aim, path.has_data)


def _answered(tried: Journeys) -> dict[_PathKey, tuple[PathJourney, bool]]:
    """Of each path whether all packets were answered: some are sent more than once."""
    found: dict[_PathKey, tuple[PathJourney, bool]] = {}
    for each in tried.paths:
        _, reached = found.get(_key(each), (each, True))
        found[_key(each)] = each, reached and each.journey.reached
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
