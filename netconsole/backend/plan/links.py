"""What to do about links: bridges and ports of ours made, corrected, removed. Pure."""

from collections.abc import Iterator

from netconsole.backend.errors import Conflict
from netconsole.backend.hoststate import HostState, Link
from netconsole.backend.steps import AddLink, LinkAttribute, RemoveLink, SetLink, Step


def added(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Make what is missing, bridges first, and correct what is otherwise than wanted."""
    for link in sorted(wanted.links.values(), key=lambda link: link.kind != "bridge"):
        found = observed.links.get(link.name)
        if found is None:
            yield AddLink(
                link.name,
                link.kind,
                link.alias,
                mac=link.mac or "",
                peer=link.peer or "",
                peer_mac=link.peer_mac or "",
                forward_delay=link.forward_delay,
            )
            found = _as_made(link)
        elif found.kind != link.kind:
            rule = f"is wanted as a {link.kind}, but is a {found.kind or 'physical interface'}"
            raise Conflict(f"interface {link.name!r} {rule}")
        elif link.kind == "bridge" and not found.ours and found.mac != link.mac:
            # An admin's own; one with our MAC address is ours and has lost its mark.
            link = Link(link.name, link.kind, alias=found.alias)
        yield from _link_changes(found, link)


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
        ("alias", wanted.alias, found.alias),
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
    gone = [link for link in observed.links.values() if link.ours and link.name not in wanted.links]
    for link in sorted(gone, key=lambda link: link.kind == "bridge"):
        peer = observed.links.get(link.peer or "")
        yield RemoveLink(
            link.name,
            link.kind,
            link.alias,
            mac=link.mac or "",
            peer=peer.name if peer else "",
            peer_mac=(peer.mac or "") if peer else "",
            forward_delay=link.forward_delay,
        )
