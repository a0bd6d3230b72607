"""What to do about links: bridges and ports of ours made, corrected, removed. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from netconsole.backend.model import subject
from netconsole.backend.model.belongings import Belongings
from netconsole.backend.model.hoststate import Link, Observed, ObservedLink, Wanted, WantedLink
from netconsole.backend.model.subject import Subjects
from netconsole.backend.plan import guards, moves
from netconsole.backend.plan.former import raised
from netconsole.backend.plan.shares import among_neighbours
from netconsole.backend.steps import AddLink, LinkAttribute, RemoveLink, SetLink, Step

_ORDER = ("bridge", "", "vlan")
"""Made in this order, before all others: a port needs its bridge, and a VLAN device goes up only
where the interface under it is."""


def made(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Make what is missing, bridges first: none is up yet, or the port of another."""
    for wish in in_order(wanted):
        if wish.name in observed.links:
            continue
        link = _with_mac(wish, observed)
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
            subjects=link.subjects,
        )
        if link.alias:
            yield SetLink(
                link.name, "alias", link.alias, "", kind=link.kind, subjects=link.subjects
            )
        if link.mac_of is not None:
            yield from moves.settings(link.mac_of, link, observed, wanted)


def changed(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Correct what is otherwise than wanted, of links that were there and of those just made."""
    carried = moves.ports(observed, wanted)
    for wish in in_order(wanted):
        link = _with_mac(wish, observed)
        found = observed.links.get(link.name)
        if found is None:
            found = replace(_as_made(link), alias=link.alias)
        elif moves.is_of_others(wish, found):
            moved = wish in carried and moves.moves(wish, observed)
            master = None if moved else wish.master
            link = WantedLink(
                link.name, link.kind, alias=found.alias, master=master, subjects=link.subjects
            )
        for step in _link_changes(found, link, link.subjects):
            match step.attribute:
                case "up":
                    yield from raised(step, observed)
                case "master" if step.value in observed.links:
                    near = observed.belongings.get(step.value, Belongings()).neighbours
                    yield from among_neighbours(step.value, near, (step,))
                case _:
                    yield step


def in_order(wanted: Wanted) -> list[WantedLink]:
    """Return the links in the order in which they are made."""
    return sorted(wanted.links.values(), key=lambda link: _rank(link.kind))


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _with_mac(link: WantedLink, observed: Observed) -> WantedLink:
    """A link with the MAC address that it is to take of another, where that is there."""
    source = observed.links.get(link.mac_of or "")
    return replace(link, mac=source.mac) if source else link


def _as_made(link: Link) -> ObservedLink:
    """A link as it comes out of AddLink."""
    is_tap = link.kind == "tap"
    return ObservedLink(
        link.name,
        link.kind,
        up=False,
        mac=None if is_tap else link.mac,
        forward_delay=link.forward_delay,
        mtu=1500,
    )


def _link_changes(found: Link, wanted: Link, about: Subjects = ()) -> Iterator[SetLink]:
    stays = found.master == wanted.master
    changes: tuple[tuple[LinkAttribute, str | int | bool | None, str | int | bool | None], ...] = (
        ("alias", wanted.alias or None, found.alias),
        ("mac", wanted.mac, found.mac),
        ("mtu", wanted.mtu, found.mtu),
        ("forward_delay", wanted.forward_delay, found.forward_delay),
        ("nf_call_iptables", wanted.nf_call_iptables, bool(found.nf_call_iptables)),
        ("nf_call_ip6tables", wanted.nf_call_ip6tables, bool(found.nf_call_ip6tables)),
        ("master", wanted.master, found.master),
        ("hairpin", wanted.hairpin, found.hairpin if stays else False),
        ("group_fwd_mask", wanted.group_fwd_mask, found.group_fwd_mask if stays else 0),
        ("up", wanted.up, found.up),
    )
    for attribute, value, former in changes:
        if value is not None and value != former:
            yield SetLink(
                wanted.name,
                attribute,
                _text(value),
                _text(former),
                kind=wanted.kind,
                subjects=about,
            )


def _text(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def left(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Take guarded ports that have to go out of their bridges, before their guards go."""
    for name in sorted(guards.leaving(observed, wanted)):
        link = observed.links[name]
        apart: tuple[tuple[LinkAttribute, str, str], ...] = (
            ("up", "0", _text(link.up)),
            ("hairpin", "0", _text(link.hairpin)),
            ("group_fwd_mask", "0", _text(link.group_fwd_mask)),
            ("master", "", _text(link.master)),
        )
        for attribute, value, former in apart:
            if former not in ("", value):
                about = (subject.port(name),)
                yield SetLink(name, attribute, value, former, kind=link.kind, subjects=about)


def removed(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Remove the links of ours that nothing wants any more, bridges last."""
    guarded = guards.leaving(observed, wanted)
    for found in sorted(moves.gone(observed, wanted), key=lambda link: -_rank(link.kind)):
        link = found
        if found.name in guarded:  # it has left its bridge by then
            link = replace(found, up=False, hairpin=None, group_fwd_mask=None, master=None)
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
            attributes=tuple(
                (step.attribute, step.value, step.former)
                for step in _link_changes(_as_made(link), link)
            ),
            settings=tuple(moves.unusual(link.name, observed)),
        )
