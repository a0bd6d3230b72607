"""Guards of ports in the kernel: the table `netdev netconsole`, by nft(8), or ebtables."""

import shutil
import socket
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from netconsole.backend.filtering.guard_listing import counted_in_chains, parse_guards
from netconsole.backend.filtering.nf_messages import parse_counters
from netconsole.backend.filtering.rules import specs
from netconsole.backend.host import filters, known_guards
from netconsole.backend.intent.bridge_guards import by_ebtables
from netconsole.backend.kernel import guard_table
from netconsole.backend.kernel.nf_tables import ABSENT, NfTables
from netconsole.backend.kernel.other_nat import NO_NFT
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.guards import (
    FAMILY,
    NO_GUARDS,
    TABLE,
    Guard,
    GuardObject,
    GuardTable,
    of_devices,
    shared,
)
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.steps import ChangeGuards
from netconsole.backend.system.programs import PATH, run
from netconsole.backend.wording.bridge_guards import DROPPING, SHARED_CHAINS, guard_chains
from netconsole.backend.wording.guards import guards_in

LISTING: Final = ("nft", "--numeric-protocol", "list", "table", FAMILY, TABLE)
EBTABLES_COUNTERS: Final = ("ebtables", "-t", "nat", "-L", "--Lc")
SECONDS = 60.0
"""How long nft may take: 10,000 ports take it some five."""


def observe() -> Observed:
    """Return the guards that there are; of a kernel without nf_tables, and without the table,
    none."""
    try:
        table = _table()
    except NetconsoleError as error:
        return Observed(unreadable={"guards": str(error)})
    except OSError as error:
        return Observed(unreadable={"guards": error.strerror or str(error)})
    return Observed(guards=guards_in(table), guard_table=table)


def observe_near(devices: Collection[str]) -> Observed:
    """Return the guards of some ports, and what all share; raises and tells as `observe` does."""
    try:
        table, form = _near(devices) if _is_there() else (frozenset(), "")
    except NetconsoleError as error:
        return Observed(unreadable={"guards": str(error)})
    except OSError as error:
        return Observed(unreadable={"guards": error.strerror or str(error)})
    guards = {name: each for name, each in guards_in(table).items() if name in devices}
    return Observed(guards=guards, guard_table=table, guard_form=form)


def _near(devices: Collection[str]) -> tuple[GuardTable, str]:
    """What is for some ports, by the kernel itself, with what nft says of the shared part.

    What nft has said of that part is true as long as the kernel tells the same of it. Where it was
    asked just now, the form that this is true of is returned as well.
    """
    found = guard_table.near(devices)
    known = known_guards.read(found.form) if found else None
    if found is not None and known is not None:
        return known | found.ports, ""
    table = _table()
    again = guard_table.near(())
    is_of_form = found is not None and again is not None and again.form == found.form
    return of_devices(table, ("", *devices)), found.form if found and is_of_form else ""


def note(seen: Observed) -> None:
    """Note what nft has said of what all ports share, if it was asked. Raises Unavailable."""
    if seen.guard_form:
        known_guards.write(seen.guard_form, _of_form(seen.guard_table))


def _of_form(table: GuardTable) -> GuardTable:
    """The shared part as far as its form says what it is."""
    return frozenset(
        each
        for each in shared(table)
        if each.kind in ("table", "counter", "set")
        or (each.kind == "chain" and each.name in guard_table.SHARED_CHAINS)
    )


def stopped(by_ebtables: bool) -> dict[str, int]:
    """Return how many frames were dropped, by the counter of their kind; empty without guards.

    Raises NetconsoleError or OSError where that cannot be read.
    """
    if by_ebtables:
        packets = counted_in_chains(run(EBTABLES_COUNTERS, timeout=SECONDS))
        return {kind: packets[chain] for kind, chain in DROPPING.items() if chain in packets}
    if not _is_there():
        return {}
    with NfTables() as kernel:
        return parse_counters(kernel.raw_objects(FAMILY, TABLE))


def _table() -> GuardTable:
    return parse_guards(run(LISTING, timeout=SECONDS)) if _is_there() else frozenset()


def _is_there() -> bool:
    try:
        with NfTables() as kernel:
            return (FAMILY, TABLE) in kernel.tables()
    except OSError as error:
        if error.errno in ABSENT:
            return False
        raise


def possible(wanted: Wanted, observed: Observed) -> Wanted:
    """Put the guards into the words of ebtables where the kernel takes no table of nftables.

    Where it takes none of ebtables either they are left out. Both is told of.
    """
    if not wanted.guard_table or observed.guard_table or "guards" in observed.unreadable:
        return wanted
    if not (reason := _refused(wanted.guard_table)):
        return wanted
    is_there = any(at in SHARED_CHAINS for at in observed.chains)
    if not is_there and (refusal := filters.refused(_sample())):
        unsupported = {**wanted.unsupported, NO_GUARDS: f"{reason}; {refusal}"}
        return replace(wanted, guards={}, guard_table=frozenset(), unsupported=unsupported)
    return by_ebtables(wanted, reason)


def _sample() -> dict[str, list[str]]:
    """A table with a guard, in which each match is that there is."""
    guard = Guard("lo", "02:00:00:00:00:01", ("192.0.2.1", "2001:db8::1"))
    return {at.chain: specs(rules) for at, rules in guard_chains((guard,)).items()}


def _refused(table: GuardTable) -> str:
    """Why what all ports share cannot be loaded; empty where it can, which is tried out."""
    if shutil.which("nft", path=PATH) is None:
        return NO_NFT
    loading = ChangeGuards((), _sorted(each for each in table if not each.device))
    try:
        run(["nft", "--check", "-f", "-"], text=_text(loading))
    except NetconsoleError as error:
        return f"the kernel takes no table of the family netdev (CONFIG_NF_TABLES_NETDEV): {error}"
    return ""


def change(step: ChangeGuards) -> None:
    """Make one transaction of the step: all of it happens, or nothing.

    A port that is not there has nothing to guard, and nft takes no chain for it.
    """
    there = {each.device for each in step.new if _is_link(each.device)}
    there_now = replace(step, new=_sorted(each for each in step.new if each.device in {"", *there}))
    run(["nft", "-f", "-"], text=_text(there_now), timeout=SECONDS)


def _is_link(device: str) -> bool:
    try:
        return socket.if_nametoindex(device) > 0
    except OSError:
        return False


def still(step: ChangeGuards) -> ChangeGuards | None:
    """Return what is left to do of a step, by what the table holds; None where nothing is.

    Raises NetconsoleError or OSError where that cannot be seen.
    """
    current, goal = _concerning(step), frozenset(step.new)
    if _is_whole(step.gone) and _is_whole(step.new):
        return None if current == goal else replace(step, gone=_sorted(current))
    replaced = {(each.kind, each.name) for each in goal if each.kind != "element"}
    gone = frozenset(step.gone) | {each for each in current if (each.kind, each.name) in replaced}
    left, missing = (gone & current) - goal, goal - current
    if not left and not missing:
        return None
    return replace(step, gone=_sorted(left), new=_sorted(missing))


def _concerning(step: ChangeGuards) -> GuardTable:
    """What the table has of the ports that a step is for; all of it, where it is for more."""
    devices = {each.device for each in (*step.gone, *step.new)}
    found = guard_table.near(devices) if "" not in devices and _is_there() else None
    return _table() if found is None else found.ports


def _is_whole(objects: Iterable[GuardObject]) -> bool:
    return any(each.kind == "table" for each in objects)


def _sorted(objects: Iterable[GuardObject]) -> tuple[GuardObject, ...]:
    return tuple(sorted(objects))


def _text(step: ChangeGuards) -> str:
    return "".join(f"{line}\n" for line in step.lines)
