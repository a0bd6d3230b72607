"""Links of others: what is remembered of them when networks use them, and put back after. Pure.

An interface or a bridge that was down before is up as long as a network needs it, and down again
afterwards, unless somebody has come to use it meanwhile.
"""

from collections.abc import Iterator, Mapping

from netconsole.backend.model.belongings import Belongings, is_v6
from netconsole.backend.model.hoststate import FormerLink, Link, Observed, Wanted
from netconsole.backend.plan import moves, shares
from netconsole.backend.steps import MoveAddresses, Plan, SetLink, SetSysctl, Step


def noted(
    observed: Observed, wanted: Wanted, steps: Plan, known: Mapping[str, FormerLink]
) -> Iterator[FormerLink]:
    """Yield what is to be remembered of the links that networks use, beside what is `known`
    already.

    What was noted first stays: later it is as we made it. That ends with the kernel that it is
    about, after which there is no mark on the host until all is done anew.
    """
    for wish in wanted.links.values():
        found = observed.links.get(wish.name)
        if found is None or not moves.is_of_others(wish, found):
            continue
        joins = wish.master if wish.master != found.master else None
        first = known.get(wish.name) if observed.mark is not None else None
        if first is None or (joins is not None and first.bridge != joins):
            yield _as_found(found, observed, joins or "", steps, first)
        elif joins is not None and (moved := _moved(wish.name, steps)).hang:
            moved = shares.joined(first.moved, moved)
            if moved != first.moved:
                yield FormerLink(first.name, first.up, first.used_by, first.bridge, moved)


def _as_found(
    link: Link, observed: Observed, bridge: str, steps: Plan, first: FormerLink | None
) -> FormerLink:
    if first is not None:
        return FormerLink(link.name, first.up, first.used_by, bridge, _moved(link.name, steps))
    used_by = _addresses(link.name, observed) | set(_over(link.name, observed))
    return FormerLink(link.name, link.up, tuple(sorted(used_by)), bridge, _moved(link.name, steps))


def _moved(name: str, steps: Plan) -> Belongings:
    for step in steps.steps:
        if isinstance(step, MoveAddresses) and step.to_bridge and step.port == name:
            return step.belongings
    return Belongings()


def _addresses(name: str, observed: Observed) -> set[str]:
    return {shares.local((each.address,)) for each in observed.addresses if each.interface == name}


def _over(name: str, observed: Observed) -> Iterator[str]:
    """The links of others that are ports of a link, or stand on it."""
    for link in observed.links.values():
        stands = link.peer == name and link.kind != "veth"
        if not link.ours and (link.master == name or stands):
            yield link.name


def lowered(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Take the links down that were down before, and that nobody uses."""
    devices_first = sorted(moves.left(observed, wanted), key=lambda pair: pair[1].parent is None)
    for former, found in devices_first:  # the way back takes up what is under them first
        if found.up and not former.up and not _is_used(former, observed, wanted):
            remains = moves.remaining(found.name, observed, wanted)
            yield from _keeping(SetLink(found.name, "up", "0", "1"), remains, observed)


def _is_used(former: FormerLink, observed: Observed, wanted: Wanted) -> bool:
    """Whether a link has other users than before networks had it."""
    remains = moves.remaining(former.name, observed, wanted)
    addresses, routed = shares.lasting_use(remains)
    leaving = {link.name for _, link in moves.left(observed, wanted)}
    users = addresses | (set(_over(former.name, observed)) - leaving)
    return routed or not users <= set(former.used_by)


def raised(step: SetLink, observed: Observed) -> Iterator[Step]:
    """Take a link up so that the way back leaves what is on it."""
    return _keeping(step, observed.belongings.get(step.name, Belongings()), observed)


def _keeping(step: SetLink, held: Belongings, observed: Observed) -> Iterator[Step]:
    """Take a link up or down without what is `held` on it going.

    When a link goes down, the kernel takes its IPv6 addresses off, unless keep_addr_on_down is
    set (ip-sysctl), and forgets its neighbours.
    """
    key = keep_key(step.name)
    keep = SetSysctl(key, "1", "0", subjects=step.subjects)
    has_v6 = any(is_v6(each) and "valid_lft" not in each for each in held.addresses)
    if has_v6 and observed.sysctls.get(key) == "0":
        around: tuple[Step, ...] = (keep, step, keep.inverse)
    else:
        around = (step,)
    return shares.among_neighbours(step.name, held.neighbours, around)


def keep_key(name: str) -> str:
    """Return the setting that says whether an interface that goes down keeps its IPv6 addresses."""
    return f"net/ipv6/conf/{name}/keep_addr_on_down"


def keep_keys(observed: Observed, wanted: Wanted) -> tuple[str, ...]:
    """Return those settings that a plan turns on."""
    rising = (
        name
        for name in wanted.links
        if (found := observed.links.get(name)) is not None and not found.up
    )
    falling = (link.name for former, link in moves.left(observed, wanted) if not former.up)
    return tuple(map(keep_key, (*rising, *falling)))
