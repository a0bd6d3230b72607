"""What to do about guards: rules come before a port is bridged, and go after it has left. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from netconsole.backend.model import subject
from netconsole.backend.model.guards import GuardTable, of_devices
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.subject import HOST, Subjects, together
from netconsole.backend.plan import moves
from netconsole.backend.steps import ChangeGuards, Step
from netconsole.backend.wording.bridge_guards import guarded_devices


def put(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Put all right but the guards of ports that are still bridged and have to go."""
    if "guards" not in observed.unreadable:
        for step in _change(observed.guard_table, _meanwhile(observed, wanted), wanted):
            yield replace(step, stays=wanted.was_asked)


def after_put(observed: Observed, wanted: Wanted) -> Observed:
    """Return what is to be observed once the steps of `put` are taken."""
    if "guards" in observed.unreadable:
        return observed
    return replace(observed, guard_table=_meanwhile(observed, wanted))


def removed(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Remove the guards of ports that are in no bridge any more, and the table with the last."""
    if "guards" not in observed.unreadable:
        yield from _change(_meanwhile(observed, wanted), wanted.guard_table, wanted)


def leaving(observed: Observed, wanted: Wanted) -> frozenset[str]:
    """Return the ports that have to go and have a guard."""
    return _guarded(observed, (link.name for link in moves.gone(observed, wanted)))


def taken_off(observed: Observed, wanted: Wanted) -> frozenset[str]:
    """Return the ports that stay and have a guard, or what is left of one, and are to have none."""
    return _guarded(observed, wanted.links.keys() - wanted.guards.keys())


def _guarded(observed: Observed, ports: Iterable[str]) -> frozenset[str]:
    if not (named := frozenset(ports)):
        return named
    guarded = frozenset(each.device for each in observed.guard_table)
    return (named & guarded) | guarded_devices(observed.chains, named)


def _meanwhile(observed: Observed, wanted: Wanted) -> GuardTable:
    """The table as long as ports leave that have to go."""
    ports = leaving(observed, wanted)
    if not ports:
        return wanted.guard_table
    if not wanted.guard_table:
        return observed.guard_table
    return wanted.guard_table | of_devices(observed.guard_table, ports)


def _change(here: GuardTable, goal: GuardTable, wanted: Wanted) -> Iterator[Step]:
    if here == goal:
        return
    gone, new = here - goal, goal - here
    if any(each.kind == "table" for each in gone) or _replaces_a_set(gone, new):
        gone, new = here, goal  # a set is in use as long as its table is there
    devices = {each.device for each in (*(here - goal), *(goal - here))}
    about = _about(devices, wanted)
    yield ChangeGuards(tuple(sorted(gone)), tuple(sorted(new)), subjects=about)


def _replaces_a_set(gone: GuardTable, new: GuardTable) -> bool:
    names = {each.name for each in gone if each.kind == "set"}
    return any(each.kind == "set" and each.name in names for each in new)


def _about(devices: Iterable[str], wanted: Wanted) -> Subjects:
    """The ports whose guards change, and the host where that of all does."""
    return together(
        *(
            (HOST,)
            if not device
            else wanted.guards[device].subjects
            if device in wanted.guards
            else (subject.port(device),)
            for device in devices
        )
    )
