"""Obstacles: what of a wanted state cannot be had as the host is, and why. Pure.

What cannot be had does not hold up what can: of a network whose uplink is missing, the bridge, the
guests' ports and their rules are as wanted nevertheless.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from netconsole.backend.model.belongings import Belongings
from netconsole.backend.model.hoststate import (
    HostState,
    Observed,
    ObservedLink,
    Wanted,
    WantedLink,
)
from netconsole.backend.model.obstacle import Obstacle
from netconsole.backend.model.phrases import command
from netconsole.backend.model.text import visible
from netconsole.backend.plan import addresses, moves, uplinks
from netconsole.backend.plan.leads import leads
from netconsole.backend.plan.links import in_order
from netconsole.backend.wording import dhcp

_EXCLUSIVE = frozenset({"macvlan", "macvtap", "ipvlan", "ipvtap"})


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
        Obstacle(link.name, reason, subjects=link.subjects, kind=link.kind)
        for link in in_order(wanted)
        if (reason := _why_not(link, ground))
    )
    lacking = frozenset(each.link for each in found)
    on_them = standing_on(lacking, wanted)
    reasons = addresses.impossible(_joined(observed, joining), wanted)
    return (
        *(tuple(of_directory(observed, wanted)) or of_files(observed, wanted)),
        *found,
        *(
            Obstacle(each.interface, reason, each.address, each.subjects)
            for each, reason in reasons
            if each.interface not in lacking | on_them
        ),
        *(Obstacle("", reason, chain=chain) for chain, reason in leads(observed, wanted)),
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


def of_directory(observed: Observed, wanted: Wanted) -> Iterator[Obstacle]:
    """Yield that nothing which dnsmasq needs can be had, where its directory cannot be used."""
    path = wanted.networks_path
    reason = observed.networks_unfit or observed.unreadable.get(path, "")
    if reason and any((*_served(observed), *_served(wanted))):
        because = (
            f"networks_path {visible(path)!r} {reason}: dnsmasq stays as it is; "
            f"{command('config', 'show')} says where it is set"
        )
        about = frozenset(subject for each in wanted.dnsmasq for subject in each.subjects)
        yield Obstacle("", because, subjects=tuple(sorted(about)), directory=path)


def of_files(observed: Observed, wanted: Wanted) -> Iterator[Obstacle]:
    """Yield that a dnsmasq of which a file cannot be read stays as it is, as do its files."""
    about = {server.bridge: server.subjects for server in (*observed.dnsmasq, *wanted.dnsmasq)}
    for path, reason in sorted(observed.unreadable.items()):
        bridge = dhcp.bridge_of(wanted.networks_path, path)
        if bridge in about:
            because = (
                f"{visible(path)} {reason}: the dnsmasq of {bridge} stays as it is; remove what is "
                f"there, then {command('apply')} writes what it needs"
            )
            yield Obstacle(
                "", because, subjects=about[bridge], bridge=bridge, file=path, reason=reason
            )


def _served(state: HostState) -> tuple[Collection[object], ...]:
    return state.dnsmasq, state.files, state.dhcp_hosts


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


def standing_on(lacking: frozenset[str], wanted: Wanted) -> frozenset[str]:
    """Return the links that are nothing without others: VLANs of an interface, ports of a
    bridge."""
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
        or _is_vlan_of_another(link, found, ground.observed)
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
    if link.parent and found.parent and found.parent != link.parent:
        rule = f"is wanted on {link.parent}, but is on {found.parent}"
        made = f"`ip link delete dev {link.name}`, then {command('apply')} makes it anew"
        return f"interface {link.name!r} {rule}: {made if found.ours else details}"
    return ""


def _is_vlan_of_another(link: WantedLink, found: ObservedLink | None, observed: Observed) -> str:
    """An interface has each VLAN once, by whatever name (Linux, net/8021q/vlan.c)."""
    if found is not None or link.kind != "vlan":
        return ""
    for other in observed.links.values():
        is_same = (other.parent, other.vlan) == (link.parent, link.vlan)
        if other.kind == "vlan" and is_same and other.details.vlan_protocol in ("802.1Q", ""):
            told = f", port of {other.master}," if other.master else ""
            return (
                f"interface {link.name!r} cannot be made, as {other.name!r}{told} carries VLAN "
                f"{link.vlan} of {link.parent!r} already: `ip link delete dev {other.name}` makes "
                "room for it"
            )
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
