"""Obstacles: what of a wanted state cannot be had as the host is, and the state without it. Pure.

What cannot be had does not hold up what can: of a network whose uplink is missing, the bridge, the
guests' ports and their rules are as wanted nevertheless.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from netconsole.backend.filtering.interface_conditions import interfaces_of
from netconsole.backend.model import kernel_settings
from netconsole.backend.model.belongings import Belongings
from netconsole.backend.model.hoststate import (
    Address,
    ChainKey,
    File,
    HostState,
    Observed,
    ObservedLink,
    Place,
    Rule,
    Wanted,
    WantedLink,
)
from netconsole.backend.model.subject import Subjects
from netconsole.backend.plan import addresses, moves, uplinks
from netconsole.backend.plan.links import in_order
from netconsole.backend.wording import dhcp

_EXCLUSIVE = frozenset({"macvlan", "macvtap", "ipvlan", "ipvtap"})


@dataclass(frozen=True, slots=True, order=True)
class Obstacle:
    """One thing that is wanted and cannot be had, and why."""

    link: str
    """The interface that cannot be as wanted, or on which an address cannot be."""
    because: str
    """A sentence for the admin, with what would help."""
    address: str = ""
    """Where the address alone is it: with its prefix length."""
    subjects: Subjects = ()

    @property
    def place(self) -> Place:
        """What tells it from others, whatever the reason."""
        return self.link, self.address


def obstacles(observed: Observed, wanted: Wanted) -> tuple[Obstacle, ...]:
    """Return everything that cannot be had, what others stand on first."""
    joining = {link.name: link.master or "" for link in moves.ports(observed, wanted)}
    ground = _Ground(
        observed,
        wanted,
        {other: link.name for link in observed.links.values() for other in link.other_names},
        frozenset(joining),
    )
    found = tuple(
        Obstacle(link.name, reason, subjects=link.subjects)
        for link in in_order(wanted)
        if (reason := _why_not(link, ground))
    )
    lacking = frozenset(each.link for each in found)
    on_them = _standing_on(lacking, wanted)
    reasons = addresses.impossible(_joined(observed, joining), wanted)
    return (
        *found,
        *(
            Obstacle(each.interface, reason, each.address, each.subjects)
            for each, reason in reasons
            if each.interface not in lacking | on_them
        ),
    )


def _joined(observed: Observed, joining: Mapping[str, str]) -> Observed:
    """The host with the addresses of interfaces on the bridges whose ports they become."""
    if not joining:
        return observed
    along = (
        each._replace(interface=joining.get(each.interface, each.interface))
        for each in observed.addresses
    )
    return replace(observed, addresses=tuple(along))


def standing_elsewhere(
    observed: Observed, wanted: Wanted, found: Iterable[Obstacle]
) -> tuple[Obstacle, ...]:
    """Return those whose place something else has, which a repair would take away for nothing.

    So it is where an option was given the name of an interface that is not there, or is unfit: the
    one that it named before would leave its bridge.
    """
    carried = {each.address for each in observed.addresses}
    losing = {bridge for _, bridge in moves.leaving(observed, wanted)}

    def would_lose(name: str) -> bool:
        link = wanted.links.get(name)
        return link is not None and not losing.isdisjoint((link.name, link.master))

    return tuple(
        each
        for each in found
        if (
            each.address in carried and each.link not in observed.links
            if each.address
            else would_lose(each.link)
        )
    )


def left_as_they_are(found: Iterable[Obstacle]) -> tuple[str, ...]:
    """Return a sentence on each thing that a change leaves out."""
    return tuple(f"left as it is: {each.because}" for each in found)


def without(
    observed: Observed, wanted: Wanted, found: tuple[Obstacle, ...]
) -> tuple[Observed, Wanted]:
    """Return both states without what cannot be had, and what stands on it: it stays as it is."""
    if not found:
        return observed, wanted
    lacking = frozenset(each.link for each in found if not each.address)
    links = lacking | _standing_on(lacking, wanted)
    places = frozenset((each.link, each.address) for each in found if each.address)
    left = _Left(links, places, wanted.networks_path)
    return (
        replace(left.part(observed), links=left.of_links(observed.links)),
        replace(
            left.part(wanted),
            links={
                name: left.without_mac_of(link, observed)
                for name, link in left.of_links(wanted.links).items()
            },
            released=left.placed(wanted.released),
            chains=_closed(wanted, _taken(observed, lacking)),
        ),
    )


def _taken(observed: Observed, names: frozenset[str]) -> frozenset[str]:
    """Those names that a link has which is no bridge."""
    here = observed.links
    return frozenset(name for name in names if name in here and here[name].kind != "bridge")


def _closed(wanted: Wanted, taken: frozenset[str]) -> Mapping[ChainKey, tuple[Rule, ...]]:
    """The rules without those that let something pass at a bridge whose name another link has."""
    named = frozenset(name for name in taken if wanted.links[name].kind == "bridge")
    if not named:
        return wanted.chains
    return {
        key: tuple(rule for rule in found if named.isdisjoint(interfaces_of(rule.spec)))
        for key, found in wanted.chains.items()
    }


State = TypeVar("State", bound=HostState)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left as it is."""

    links: frozenset[str]
    places: frozenset[Place]
    networks_path: str

    def part(self, state: State) -> State:
        """What both states have, without it."""
        return replace(
            state,
            sysctls={
                key: value
                for key, value in state.sysctls.items()
                if kernel_settings.interface_of(key) not in self.links
            },
            addresses=tuple(
                each
                for each in state.addresses
                if each.interface not in self.links and each[:2] not in self.places
            ),
            dnsmasq=tuple(each for each in state.dnsmasq if each.bridge not in self.links),
            dhcp_hosts=self._of_files(state.dhcp_hosts),
            files=self._of_files(state.files),
            directories=frozenset(filter(self._is_of_others, state.directories)),
            guards=self.of_links(state.guards),
            guard_table=frozenset(
                each for each in state.guard_table if each.device not in self.links
            ),
        )

    def of_links(self, found: Mapping[str, Item]) -> dict[str, Item]:
        return {name: item for name, item in found.items() if name not in self.links}

    def placed(self, found: frozenset[Address]) -> frozenset[Address]:
        return frozenset(each for each in found if each.interface not in self.links)

    def without_mac_of(self, link: WantedLink, observed: Observed) -> WantedLink:
        """A bridge keeps the MAC address that it has of an interface which is left out."""
        if link.mac_of not in self.links:
            return link
        found = observed.links.get(link.name)
        return replace(link, mac=found.mac if found else link.mac, mac_of=None)

    def _of_files(self, found: Mapping[str, File]) -> dict[str, File]:
        return {path: file for path, file in found.items() if self._is_of_others(path)}

    def _is_of_others(self, path: str) -> bool:
        return dhcp.bridge_of(self.networks_path, path) not in self.links


def _standing_on(lacking: frozenset[str], wanted: Wanted) -> frozenset[str]:
    """The links that are nothing without others: VLANs of an interface, ports of a bridge."""
    found: frozenset[str] = frozenset()
    while True:
        below = lacking | found
        more = frozenset(
            link.name
            for link in wanted.links.values()
            if link.name not in below and not below.isdisjoint((link.parent, link.master))
        )
        if not more:
            return found
        found |= more


@dataclass(frozen=True, slots=True)
class _Ground:
    """What links are held against."""

    observed: Observed
    wanted: Wanted
    other_names: Mapping[str, str]
    """The link that the kernel takes each for (`altname`, ip-link(8))."""
    joining: frozenset[str]
    """Those of others that are to become ports."""


def _why_not(link: WantedLink, ground: _Ground) -> str:
    """Why a link cannot be had; nothing where it can."""
    found = ground.observed.links.get(link.name)
    return (
        _of_another_name(link, ground.other_names)
        or _is_missing(link, found)
        or _is_unfit(link, ground)
        or _is_of_another_kind(link, found)
        or _is_port_of_another(link, found, ground.observed)
        or _has_no_bridge(link, ground)
        or _cannot_move(link, ground)
    )


def _of_another_name(link: WantedLink, others: Mapping[str, str]) -> str:
    if link.name not in others:
        return ""
    shown = _shown(link.named_by, link.name)
    return f"{shown} is another name of {others[link.name]}: give that one"


def _is_missing(link: WantedLink, found: ObservedLink | None) -> str:
    if found is not None or link.kind != "":
        return ""
    return (
        f"{_shown(link.named_by, link.name)} is wanted by a network, but this host has none: "
        "make it, or name one that `ip -brief link` shows"
    )


def _is_unfit(link: WantedLink, ground: _Ground) -> str:
    """An interface that can be no port, or have no VLANs, whoever has it."""
    rule: Callable[[ObservedLink], str] | None
    if link.kind == "vlan":
        lower, rule, cannot = link.parent or "", uplinks.never_under_vlans, "carry VLANs"
    elif link.kind == "" and link.master:
        lower, rule, cannot = link.name, uplinks.never_a_port, f"be a port of {link.master!r}"
    else:
        lower, rule, cannot = link.mac_of or "", None, f"be a port of {link.name!r}"
    wish, found = ground.wanted.links.get(lower), ground.observed.links.get(lower)
    if lower and wish is not None and wish.kind == "bridge":
        reason = "is the bridge of a network"
    else:
        reason = rule(found) if rule is not None and found is not None else ""
    if not reason:
        return ""
    return (
        f"{_shown(link.named_by, lower)} {reason}, and cannot {cannot}: name an Ethernet "
        "interface that `ip -brief link` shows, or none"
    )


def _is_of_another_kind(link: WantedLink, found: ObservedLink | None) -> str:
    if found is None:
        return ""
    details = f"`ip -details link show dev {link.name}` shows it"
    if link.kind not in ("", found.kind):
        rule = f"is wanted as a {link.kind}, but is a {found.kind or 'physical interface'}"
        return f"interface {link.name!r} {rule}: {details}"
    if link.vlan not in (None, found.vlan):
        rule = f"is wanted for VLAN {link.vlan}, but carries {found.vlan}"
        return f"interface {link.name!r} {rule}: {details}"
    return ""


def _is_port_of_another(link: WantedLink, found: ObservedLink | None, observed: Observed) -> str:
    """An interface that serves another bridge or bond is not pulled out of it."""
    if not link.master or found is None or not moves.is_of_others(link, found):
        return ""
    shown, master = _shown(link.named_by, link.name), found.master
    for above in observed.links.values():
        # The kernel gives what an interface hears to its bridge or to a macvlan, not to both.
        if above.peer == link.name and above.kind in _EXCLUSIVE:
            return (
                f"{shown} has the {above.kind} {above.name!r} over it and cannot be a port of "
                f"{link.master!r} beside that: name another interface, or delete it first: "
                f"`ip link delete dev {above.name}`"
            )
    there = observed.links.get(master or "")
    if master in (None, link.master) or (there is not None and there.ours):
        return ""
    return (
        f"{shown} is a port of {(there and there.kind) or 'interface'} {master!r} already: name "
        "that as the network's bridge, or take it out first: "
        f"`ip link set dev {link.name} nomaster`"
    )


def _has_no_bridge(link: WantedLink, ground: _Ground) -> str:
    sides = (ground.observed.links, ground.wanted.links)
    if not link.master or any(link.master in side for side in sides):
        return ""
    return (
        f"bridge {link.master!r} is not there, the Flat manager leaves it to you: "
        f"`ip link add {link.master} type bridge` makes it"
    )


def _cannot_move(link: WantedLink, ground: _Ground) -> str:
    """What hangs on an interface that becomes a port goes along to its bridge, or it stays."""
    if link.name not in ground.joining:
        return ""
    hanging = ground.observed.belongings.get(link.name, Belongings())
    return moves.immovable(hanging, link.name, link.master or "")


def _shown(named_by: str, name: str) -> str:
    return f"{named_by or 'interface'} {name!r}"
