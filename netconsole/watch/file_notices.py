"""File notices: what happens in the directories on whose files a look turns (inotify(7))."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import inotify_simple  # type: ignore[import-untyped]  # it has no annotations
from inotify_simple import flags

from netconsole.backend.model.facility import NOTHING, Again, Facility
from netconsole.backend.service.looking import Places

CONTENT: Final = int(flags.MODIFY)
_NAMES: Final = int(flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO | flags.ATTRIB)
_ITSELF: Final = int(flags.DELETE_SELF | flags.MOVE_SELF | flags.UNMOUNT | flags.IGNORED)
_OVERFLOW, _IS_DIRECTORY = int(flags.Q_OVERFLOW), int(flags.ISDIR)
_EVENTS: Final = CONTENT | _NAMES | int(flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR)

OF_FILES: Final = frozenset(
    {
        Facility.HOSTS,
        Facility.FILES,
        Facility.LEASES,
        Facility.DNSMASQ,
        Facility.STORE,
        Facility.JOURNAL,
        Facility.MARK,
    }
)
"""All that is told of by files: of a dnsmasq that begins, its pid file is."""


def concerned(places: Places, path: str, mask: int) -> frozenset[Facility]:
    """Return which facilities it concerns that something happened at a path. Pure.

    Of the log of the database only what is written into it: who reads it makes it as well, and
    takes it away. Of the journal only names: it is they that say how a change stands.
    """
    name = path.rpartition("/")[2]
    if path.startswith(f"{places.networks}/"):
        return frozenset() if name.startswith(".") else _of_networks(path, places.networks)
    if path == places.store or (path == f"{places.store}-wal" and mask & CONTENT):
        return frozenset({Facility.STORE})
    if path.startswith(f"{places.journal}/"):
        return frozenset({Facility.JOURNAL} if mask & _NAMES else ())
    if path.startswith(f"{places.marks}/"):
        return frozenset({Facility.MARK})
    if any(each.startswith(f"{path}/") or each == path for each in _directories(places)):
        return OF_FILES  # it, or one above it, came or went
    return frozenset()


def _of_networks(path: str, networks: str) -> frozenset[Facility]:
    below = path.removeprefix(f"{networks}/")
    if "/" in below:
        return frozenset({Facility.HOSTS})
    if below.endswith(".hosts"):
        return frozenset({Facility.HOSTS, Facility.FILES})
    if below.endswith(".leases"):
        return frozenset({Facility.LEASES, Facility.FILES})
    if below.endswith(".pid"):
        return frozenset({Facility.DNSMASQ, Facility.FILES})
    return frozenset({Facility.FILES, Facility.DNSMASQ})  # a configuration file that it reads


def _directories(places: Places) -> tuple[str, ...]:
    return places.networks, str(Path(places.store).parent), places.journal, places.marks


class FileNotices:
    """Watches the directories; of one that is not there, the nearest above it that is.

    Raises OSError where the kernel has no room for another (inotify(7), max_user_instances).
    """

    concerning = OF_FILES

    def __init__(self, places: Places) -> None:
        self._places = places
        self._inotify = inotify_simple.INotify(nonblocking=True)
        self._watched: dict[int, str] = {}
        self.unwatched: frozenset[str] = frozenset()
        """The directories of which nothing is heard: they may not be read, or are too many."""
        self._watch()

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are notices."""
        return int(self._inotify.fileno())

    def close(self) -> None:
        """Hear no more."""
        self._inotify.close()

    def heard(self) -> Again:
        """Return what is to be read again by all notices that have come; does not wait."""
        found: set[Facility] = set()
        has_moved = False
        for descriptor, mask, _, name in self._inotify.read(timeout=0):
            if mask & _OVERFLOW:
                found |= OF_FILES
                has_moved = True
                continue
            directory = self._watched.get(descriptor)
            if directory is None:
                continue
            if mask & int(flags.IGNORED):
                del self._watched[descriptor]
            has_moved |= bool(mask & (_ITSELF | _IS_DIRECTORY))
            path = f"{directory.rstrip('/')}/{name}" if name else directory
            found |= concerned(self._places, path, mask)
        if has_moved:
            self._watch()
        return Again(frozenset(found), frozenset()) if found else NOTHING

    def _watch(self) -> None:
        """Watch what there is by now; what is watched already stays so."""
        unwatched: set[str] = set()
        for directory in self._wanted():
            try:
                self._watched[self._inotify.add_watch(directory, _EVENTS)] = directory
            except (FileNotFoundError, NotADirectoryError):
                continue  # it has just gone, which was noticed above it
            except OSError:
                unwatched.add(directory)
        self.unwatched = frozenset(unwatched)

    def _wanted(self) -> Iterator[str]:
        for each in _directories(self._places):
            there = Path(each)
            while not there.is_dir() and there != there.parent:
                there = there.parent
            yield str(there)
            if str(there) != "/":  # that it is moved away is told of above it
                yield str(there.parent)
        networks = Path(self._places.networks)
        try:
            yield from (str(each) for each in networks.iterdir() if each.name.endswith(".hosts"))
        except OSError:
            return
