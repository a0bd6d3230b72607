"""What to do about links: bridges and ports of ours made, corrected, removed. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from netconsole.backend.model import subject
from netconsole.backend.model.belongings import Belongings
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import Link, Observed, ObservedLink, Wanted, WantedLink
from netconsole.backend.model.subject import Subjects
from netconsole.backend.plan import guards, moves, uplinks
from netconsole.backend.plan.former import raised
from netconsole.backend.plan.shares import among_neighbours
from netconsole.backend.steps import AddLink, LinkAttribute, RemoveLink, SetLink, Step

_EXCLUSIVE = frozenset({"macvlan", "macvtap", "ipvlan", "ipvtap"})

_ORDER = ("bridge", "", "vlan")
"""Made in this order, before all others: a port needs its bridge, and a VLAN device goes up only
where the interface under it is."""


def made(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Make what is missing, bridges first: none is up yet, or the port of another.

    Raises Conflict where a link of another kind stands in the way, or one that is not ours to
    make is not there.
    """
    others = {other: link for link in observed.links.values() for other in link.other_names}
    for wish in _in_order(wanted):
        link = replace(wish, mac=_mac(wish, observed))
        found = observed.links.get(link.name)
        if link.name in others:
            shown = _shown(link.named_by, link.name)
            raise Conflict(f"{shown} is another name of {others[link.name].name}: give that one")
        _refuse_impossible(wish, found, observed, wanted)
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
    for wish in _in_order(wanted):
        link = replace(wish, mac=_mac(wish, observed))
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


def _in_order(wanted: Wanted) -> list[WantedLink]:
    return sorted(wanted.links.values(), key=lambda link: _rank(link.kind))


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _mac(link: WantedLink, observed: Observed) -> str | None:
    source = observed.links.get(link.mac_of or "")
    return source.mac if source else link.mac


def _refuse_impossible(
    link: WantedLink, found: ObservedLink | None, observed: Observed, wanted: Wanted
) -> None:
    if found is None and link.kind == "":
        raise Conflict(
            f"{_shown(link.named_by, link.name)} is wanted by a network, but this host has none: "
            "make it, or name one that `ip -brief link` shows"
        )
    _refuse_unfit(link, observed, wanted)
    if found is not None and link.kind not in ("", found.kind):
        rule = f"is wanted as a {link.kind}, but is a {found.kind or 'physical interface'}"
        raise Conflict(f"interface {link.name!r} {rule}: {_details(link.name)}")
    if found is not None and link.vlan not in (None, found.vlan):
        raise Conflict(
            f"interface {link.name!r} is wanted for VLAN {link.vlan}, but carries {found.vlan}: "
            f"{_details(link.name)}"
        )
    _refuse_port_of_another(link, found, observed)
    if link.master and link.master not in observed.links and link.master not in wanted.links:
        raise Conflict(
            f"bridge {link.master!r} is not there, the Flat manager leaves it to you: "
            f"`ip link add {link.master} type bridge` makes it"
        )


def _details(name: str) -> str:
    return f"`ip -details link show dev {name}` shows it"


def _refuse_unfit(link: WantedLink, observed: Observed, wanted: Wanted) -> None:
    """An interface that can be no port, or have no VLANs, whoever has it."""
    lower, rule = link.mac_of or "", uplinks.never_a_port
    if link.kind == "vlan":
        lower, rule = link.parent or "", uplinks.never_under_vlans
    wish, found = wanted.links.get(lower), observed.links.get(lower)
    if lower and wish is not None and wish.kind == "bridge":
        reason = "is the bridge of a network"
    else:
        reason = rule(found) if found is not None else ""
    if reason:
        cannot = "carry VLANs" if link.kind == "vlan" else f"be a port of {link.name!r}"
        raise Conflict(
            f"{_shown(link.named_by, lower)} {reason}, and cannot {cannot}: name an Ethernet "
            "interface that `ip -brief link` shows, or none"
        )


def _shown(named_by: str, name: str) -> str:
    return f"{named_by or 'interface'} {name!r}"


def _refuse_port_of_another(
    link: WantedLink, found: ObservedLink | None, observed: Observed
) -> None:
    """An interface that serves another bridge or bond is not pulled out of it."""
    if not link.master or found is None or not moves.is_of_others(link, found):
        return
    _refuse_parent(link, observed)
    master = found.master
    if master in (None, link.master) or _is_ours(observed.links.get(master or "")):
        return
    kind = found_kind.kind if (found_kind := observed.links.get(master or "")) else ""
    shown = _shown(link.named_by, link.name)
    raise Conflict(
        f"{shown} is a port of {kind or 'interface'} {master!r} already: name that as the "
        f"network's bridge, or take it out first: `ip link set dev {link.name} nomaster`"
    )


def _refuse_parent(link: WantedLink, observed: Observed) -> None:
    """The kernel gives what an interface hears to its bridge or to a macvlan, not to both."""
    for above in observed.links.values():
        if above.peer == link.name and above.kind in _EXCLUSIVE:
            shown = _shown(link.named_by, link.name)
            raise Conflict(
                f"{shown} has the {above.kind} {above.name!r} over it and cannot be a port of "
                f"{link.master!r} beside that: name another interface, or delete it first: "
                f"`ip link delete dev {above.name}`"
            )


def _is_ours(link: ObservedLink | None) -> bool:
    return link is not None and link.ours


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
