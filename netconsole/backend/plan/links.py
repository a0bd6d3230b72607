"""What to do about links: bridges and ports of ours made, corrected, removed. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from netconsole.backend.errors import Conflict
from netconsole.backend.hoststate import Address, HostState, Link
from netconsole.backend.steps import (
    AddLink,
    LinkAttribute,
    MoveAddresses,
    RemoveLink,
    SetLink,
    Step,
)

_ORDER = ("bridge", "vlan")
"""Made in this order, before all others: a port needs its bridge."""


def added(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Make what is missing, bridges first, and correct what is otherwise than wanted.

    Raises Conflict where a link of another kind stands in the way, or one that is not ours to
    make is not there.
    """
    for wish in sorted(wanted.links.values(), key=lambda link: _rank(link.kind)):
        link = replace(wish, mac=_mac(wish, observed))
        found = observed.links.get(link.name)
        _refuse_impossible(link, found, observed, wanted)
        if found is None:
            yield AddLink(
                link.name,
                link.kind,
                link.alias,
                mac=link.mac or "",
                peer=link.peer or "",
                peer_mac=link.peer_mac or "",
                forward_delay=link.forward_delay,
                parent=link.parent or "",
                vlan=link.vlan,
            )
            found = _as_made(link)
        elif link.kind == "bridge" and not found.ours and found.mac != link.mac:
            # An admin's own; one with our MAC address is ours and has lost its mark.
            link = Link(link.name, link.kind, alias=found.alias)
        elif _moves(link, observed):
            link = replace(link, master=None)
        yield from _link_changes(found, link)


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _mac(link: Link, observed: HostState) -> str | None:
    source = observed.links.get(link.mac_of or "")
    return source.mac if source else link.mac


def _refuse_impossible(
    link: Link, found: Link | None, observed: HostState, wanted: HostState
) -> None:
    if found is None and link.kind == "":
        raise Conflict(f"interface {link.name!r} is wanted by a network, but this host has none")
    if found is not None and link.kind not in ("", found.kind):
        rule = f"is wanted as a {link.kind}, but is a {found.kind or 'physical interface'}"
        raise Conflict(f"interface {link.name!r} {rule}")
    if found is not None and link.vlan not in (None, found.vlan):
        raise Conflict(
            f"interface {link.name!r} is wanted for VLAN {link.vlan}, but carries {found.vlan}"
        )
    if link.master and link.master not in observed.links and link.master not in wanted.links:
        raise Conflict(f"bridge {link.master!r} is not there; the Flat manager leaves it to you")


def moved(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Take the addresses of an interface along to the bridge whose port it becomes."""
    for link in wanted.links.values():
        if link.master and _moves(link, observed):
            here = _movable(observed, link.name)
            yield _move(link.name, link.master, here, observed, to_bridge=True)


def _moves(link: Link, observed: HostState) -> bool:
    """Whether a link that is not ours has addresses and still has to become a port."""
    found = observed.links.get(link.name)
    return (
        link.kind == ""
        and found is not None
        and found.master != link.master
        and bool(_movable(observed, link.name))
    )


def _movable(observed: HostState, interface: str) -> list[Address]:
    """An interface's IPv4 addresses: only those go along, as with nova."""
    return [
        found for found in observed.addresses if found.interface == interface and not found.is_v6
    ]


def moved_back(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Give the addresses on a bridge that is removed back to the interface they came from."""
    released = {(address.interface, address.address) for address in wanted.released}
    for bridge in _gone(observed, wanted):
        left = [
            found
            for found in _movable(observed, bridge.name)
            if (found.interface, found.address) not in released
        ]
        for link in observed.links.values():
            if left and link.master == bridge.name and not link.ours:
                yield _move(link.name, bridge.name, left, observed, to_bridge=False)
                break


def _move(
    port: str, bridge: str, addresses: list[Address], observed: HostState, *, to_bridge: bool
) -> Step:
    source = port if to_bridge else bridge
    return MoveAddresses(
        port,
        bridge,
        tuple((found.address, found.broadcast or "") for found in addresses),
        tuple(route.words for route in observed.routes if route.interface == source),
        to_bridge,
    )


def _as_made(link: Link) -> Link:
    """A link as it comes out of AddLink."""
    is_tap = link.kind == "tap"
    return Link(
        link.name,
        link.kind,
        up=False,
        mac=None if is_tap else link.mac,
        forward_delay=link.forward_delay,
        mtu=1500,
    )


def _link_changes(found: Link, wanted: Link) -> Iterator[Step]:
    changes: tuple[tuple[LinkAttribute, str | int | bool | None, str | int | bool | None], ...] = (
        ("alias", wanted.alias or None, found.alias),
        ("mac", wanted.mac, found.mac),
        ("mtu", wanted.mtu, found.mtu),
        ("forward_delay", wanted.forward_delay, found.forward_delay),
        ("master", wanted.master, found.master),
        ("hairpin", wanted.hairpin, found.hairpin if found.master == wanted.master else False),
        ("up", wanted.up, found.up),
    )
    for attribute, value, former in changes:
        if value is not None and value != former:
            yield SetLink(wanted.name, attribute, _text(value), _text(former))


def _text(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def removed(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Remove the links of ours that nothing wants any more, bridges last."""
    for link in sorted(_gone(observed, wanted), key=lambda link: -_rank(link.kind)):
        peer = observed.links.get(link.peer or "")
        yield RemoveLink(
            link.name,
            link.kind,
            link.alias,
            mac=link.mac or "",
            peer=peer.name if peer else "",
            peer_mac=(peer.mac or "") if peer else "",
            forward_delay=link.forward_delay,
            parent=link.parent or "",
            vlan=link.vlan,
        )


def _gone(observed: HostState, wanted: HostState) -> list[Link]:
    return [link for link in observed.links.values() if link.ours and link.name not in wanted.links]
