"""What goes along when an interface becomes a port of a bridge, and comes back. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from netconsole.backend.model.belongings import Belongings, Words, is_v6
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import (
    FormerLink,
    Link,
    Observed,
    ObservedLink,
    Wanted,
    WantedLink,
)
from netconsole.backend.model.kernel_settings import (
    IPV6_FORWARDING,
    accept_ra,
    disable_ipv6,
    of_new,
)
from netconsole.backend.model.subject import Subjects
from netconsole.backend.plan import shares
from netconsole.backend.steps import MoveAddresses, SetLink, SetSysctl, Step

LONGEST_LABEL = 15
"""IFNAMSIZ without its end."""


def is_of_others(wish: WantedLink, found: ObservedLink) -> bool:
    """Whether a link that networks want is another's, which they only use.

    A bridge or VLAN device with the MAC address that we make up has lost its mark. That of an
    interface proves nothing: each bridge takes it from its port.
    """
    made_up = wish.mac is not None and found.mac == wish.mac
    return not found.ours and (wish.kind == "" or (wish.kind in ("bridge", "vlan") and not made_up))


def ports(observed: Observed, wanted: Wanted) -> tuple[WantedLink, ...]:
    """Return the links of others that are to become ports of a bridge, as they are wanted."""
    return tuple(
        link
        for link in wanted.links.values()
        for found in (observed.links.get(link.name),)
        if link.master
        and found is not None
        and found.master != link.master
        and is_of_others(link, found)
    )


def gone(observed: Observed, wanted: Wanted) -> list[ObservedLink]:
    """Return the links of ours that nothing wants any more."""
    return [link for link in observed.links.values() if link.name not in wanted.links and link.ours]


def ports_leave(observed: Observed, wanted: Wanted) -> bool:
    """Whether ports of guests are removed."""
    return any(link.kind not in ("bridge", "vlan") for link in gone(observed, wanted))


def ways_back(observed: Observed, wanted: Wanted) -> tuple[tuple[ObservedLink, ObservedLink], ...]:
    """Return each bridge that goes and has a port of others, with that port.

    Of several it is the one whose MAC address the bridge has.
    """
    found: list[tuple[ObservedLink, ObservedLink]] = []
    for bridge in gone(observed, wanted):
        here = [
            link
            for link in observed.links.values()
            if bridge.kind == "bridge" and link.master == bridge.name and not link.ours
        ]
        here.sort(key=lambda link: link.mac != bridge.mac)
        found += [(bridge, link) for link in here[:1]]
    return tuple(found)


def left(observed: Observed, wanted: Wanted) -> tuple[tuple[FormerLink, ObservedLink], ...]:
    """Return the links of others that networks leave, as they were and as they are.

    Not one that someone has given to another bridge since. Without the mark that the host was
    configured since it started it is not known what they were: the kernel has begun anew.
    """
    return tuple(
        (former, found)
        for former in wanted.former_links.values()
        for found in (observed.links.get(former.name),)
        if observed.mark is not None
        and found is not None
        and (not former.bridge or found.master in (None, former.bridge))
    )


def _freed(observed: Observed, wanted: Wanted) -> Iterator[tuple[FormerLink, ObservedLink]]:
    """The links that leave a bridge which stays."""
    going = {bridge.name for bridge in gone(observed, wanted)}
    for former, found in left(observed, wanted):
        if found.master is not None and found.master == former.bridge not in going:
            yield former, found


def interfaces(observed: Observed, wanted: Wanted) -> tuple[str, ...]:
    """Return whose belongings a plan turns on."""
    joining = ports(observed, wanted)
    used = (link.name for link in wanted.links.values() if _is_down(link, observed))
    names = (
        *used,
        *(link.name for link in joining),
        *(link.master or "" for link in joining),
        *(link.name for pair in ways_back(observed, wanted) for link in pair),
        *(link.name for _, link in left(observed, wanted)),
        *(former.bridge for former, _ in _freed(observed, wanted)),
    )
    return tuple(name for name in dict.fromkeys(names) if name in observed.links)


def joining(observed: Observed, wanted: Wanted) -> tuple[tuple[str, str], ...]:
    """Return each interface that becomes a port, and was none, with its bridge."""
    return tuple(
        (link.name, link.master)
        for link in ports(observed, wanted)
        if link.master and not observed.links[link.name].master
    )


def leaving(observed: Observed, wanted: Wanted) -> tuple[tuple[str, str], ...]:
    """Return each port that leaves its bridge, or whose bridge goes, with that bridge."""
    return (
        *((port.name, bridge.name) for bridge, port in ways_back(observed, wanted)),
        *((port.name, former.bridge) for former, port in _freed(observed, wanted)),
    )


def _is_down(wish: WantedLink, observed: Observed) -> bool:
    """Whether a link of others is taken up."""
    found = observed.links.get(wish.name)
    return found is not None and not found.up and is_of_others(wish, found)


def moves(link: Link, observed: Observed) -> bool:
    """Whether something hangs on a link that is to become a port."""
    return observed.belongings.get(link.name, Belongings()).hang


def settings(port: str, bridge: WantedLink, observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Give a bridge that has just been made the settings of the interface it stands for.

    Where that has addresses or routes from router advertisements, the bridge listens to these
    too, whoever did so before: a port hears none, and the host's IPv6 would end with them.
    """
    found = observed.belongings.get(port, Belongings())
    values = dict(found.settings)
    forwards = wanted.sysctls.get(IPV6_FORWARDING, values.pop("ipv6/forwarding", "0"))
    if any(
        "ra" in each or (is_v6(each) and "valid_lft" in each)
        for each in (*found.routes, *found.addresses)
    ):
        needed = "1" if forwards == "0" else "2"
        values["ipv6/accept_ra"] = max(values.get("ipv6/accept_ra", "0"), needed)
    if accept_ra(bridge.name) in wanted.sysctls:
        values.pop("ipv6/accept_ra", None)
    for setting in _unusual(bridge.name, values, found):
        yield SetSysctl(*setting, subjects=bridge.subjects)


def unusual(name: str, observed: Observed) -> Iterator[tuple[str, str, str]]:
    """Yield the settings of an interface that a new one does not have, their values, and a new
    one's."""
    if (found := observed.belongings.get(name)) is not None:
        yield from _unusual(name, found.settings, found)
        return
    for key in (accept_ra(name), disable_ipv6(name)):
        value, usual = observed.sysctls.get(key), observed.sysctls.get(of_new(key))
        if value is not None and usual not in (None, value):
            yield key, value, str(usual)


def _unusual(
    interface: str, values: Mapping[str, str], found: Belongings
) -> Iterator[tuple[str, str, str]]:
    for name, value in values.items():
        usual = found.usual_settings.get(name)
        if usual is not None and usual != value:
            family, key = name.split("/")
            yield f"net/{family}/conf/{interface}/{key}", value, usual


def moved(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Take what hangs on an interface along to the bridge whose port it becomes."""
    for link in ports(observed, wanted):
        if link.master and moves(link, observed):
            found = observed.belongings[link.name]
            there = observed.belongings.get(link.master, Belongings())
            move = _move(
                link.name, link.master, shares.beside(found, there), link.subjects, to_bridge=True
            )
            yield from shares.among_neighbours(link.master, there.neighbours, (move,))


def moved_back(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Give back to an interface what hangs on the bridge that is removed, or that it leaves.

    A bridge that stays keeps all but what came with the interface.
    """
    for bridge, port in ways_back(observed, wanted):
        here = observed.belongings.get(bridge.name, Belongings())
        at_home = observed.belongings.get(port.name, Belongings())
        back = shares.without(here, _released(bridge.name, wanted))
        back = replace(
            back,
            rules=tuple(rule for rule in here.rules if rule in at_home.rules),
        )
        if back.hang:
            yield _move(port.name, bridge.name, back, (), to_bridge=False)
        else:
            yield SetLink(port.name, "master", "", bridge.name)
    for former, link in _freed(observed, wanted):
        here = observed.belongings.get(former.bridge, Belongings())
        back = shares.share(here, former.moved)
        step: Step = SetLink(link.name, "master", "", former.bridge)
        if back.hang:
            step = _move(link.name, former.bridge, back, (), to_bridge=False)
        own = shares.minus(here, back).neighbours
        yield from shares.among_neighbours(former.bridge, own, (step,))


def remaining(name: str, observed: Observed, wanted: Wanted) -> Belongings:
    """Return what is on a link once networks have left it, all that goes back to it among that."""
    here = observed.belongings.get(name, Belongings())
    found = shares.without(here, _released(name, wanted))
    for step in moved_back(observed, wanted):
        if isinstance(step, MoveAddresses) and step.bridge == name:
            found = shares.minus(found, step.belongings)
        if isinstance(step, MoveAddresses) and step.port == name:
            found = shares.joined(found, step.belongings)
    return found


def _released(interface: str, wanted: Wanted) -> tuple[Words, ...]:
    return tuple((each.address,) for each in wanted.released if each.interface == interface)


def immovable(found: Belongings, old: str, new: str) -> str:
    """Return why what hangs on an interface cannot go along to another; nothing where it can."""
    for reason in found.unworded:
        return f"interface {old!r}: {reason}: cannot go along to {new}; take it off first"
    for address in found.addresses:
        label = f"{new}{address[address.index('label') + 1]}" if "label" in address else ""
        if len(label) > LONGEST_LABEL:
            return (
                f"interface {old!r}: address {address[0]}: its label would be {label!r} on {new}, "
                f"which is longer than {LONGEST_LABEL} characters"
            )
    return ""


def _move(port: str, bridge: str, found: Belongings, about: Subjects, *, to_bridge: bool) -> Step:
    old, new = (port, bridge) if to_bridge else (bridge, port)
    if reason := immovable(found, old, new):
        raise Conflict(reason)
    return MoveAddresses(
        port,
        bridge,
        found.addresses,
        found.routes,
        to_bridge,
        found.later_routes,
        found.connected_routes,
        found.rules,
        found.neighbours,
        subjects=about,
    )
