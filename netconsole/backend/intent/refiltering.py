"""The chains that a guest which comes or goes makes others, out of a few records. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from netconsole.backend.intent.regrouping import Part
from netconsole.backend.model import subject
from netconsole.backend.model.eui64 import LINK_LOCAL, address_v6
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.meaning import FilteredGuest, GuestAddress, Meaning, SourceGroup
from netconsole.backend.model.records import Reached
from netconsole.backend.wording.groups import FALLBACK, LOCAL, instance_chain
from netconsole.backend.wording.iptables import IPTABLES

_Chains = Mapping[ChainKey, tuple[Rule, ...]]


def ways(others: Iterable[Reached], own: Iterable[Reached], *, is_there: bool) -> Part | None:
    """Return the chains that lead to guests and are others with a guest than without it.

    None where it is the first or the last that has addresses of a family, or shares one.
    """
    there, changing = _leads(others), _leads(own)
    if not _families(changing) <= _families(there) or _shared(there, changing):
        return None
    without, with_it = _leading(there), _leading({**there, **changing})
    differing = _differing(without, with_it)
    guests = frozenset(
        ChainKey(key.family, "filter", instance_chain(number))
        for key in without
        if key.chain == LOCAL
        for number in changing
    )
    kept = frozenset(key for key in without if key.chain == FALLBACK)
    wanted = with_it if is_there else without
    touched = differing | kept
    chains = {key: rules for key, rules in wanted.items() if key in touched}
    return Part(touched | guests, chains)


def sources(
    group: int, others: Iterable[Reached], own: Iterable[Reached], *, is_there: bool, ipv6: bool
) -> Part:
    """Return those chains of a group's members that are others with a member than without it."""

    def worded(places: Iterable[Reached]) -> _Chains:
        addresses = tuple(address for place in places for address in _addresses(place))
        members = SourceGroup(subject.group(group), group, addresses)
        return IPTABLES.filtering(Meaning(source_groups=(members,), filters_ipv6=ipv6))

    there = tuple(others)
    without, with_it = worded(there), worded((*there, *own))
    wanted = with_it if is_there else without
    touched = _differing(without, with_it)
    return Part(touched, {key: rules for key, rules in wanted.items() if key in touched})


def have_ipv6(places: Iterable[Reached]) -> bool:
    """Whether guests are reached by IPv6."""
    return any(place.cidr_v6 is not None for place in places)


def _differing(one: _Chains, other: _Chains) -> frozenset[ChainKey]:
    return frozenset(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def _leads(places: Iterable[Reached]) -> dict[int, FilteredGuest]:
    """What leads to each guest, by the number of its instance."""
    found: dict[int, list[GuestAddress]] = {}
    for place in places:
        about = subject.port(place.device)
        reached = found.setdefault(place.instance, [])
        reached += (GuestAddress(about, address) for address in _addresses(place))
        if place.cidr_v6 is not None:
            reached.append(GuestAddress(about, address_v6(place.mac, LINK_LOCAL)))
    return {
        number: FilteredGuest(subject.HOST, number, tuple(dict.fromkeys(reached)), ())
        for number, reached in found.items()
    }


def _addresses(place: Reached) -> Iterator[str]:
    if place.address is not None:
        yield place.address
    if place.cidr_v6 is not None:
        yield address_v6(place.mac, place.cidr_v6)


def _leading(guests: Mapping[int, FilteredGuest]) -> _Chains:
    every = tuple(guests.values())
    return IPTABLES.leading(Meaning(guests=every, filters_ipv6="ipv6" in _families(guests)))


def _families(guests: Mapping[int, FilteredGuest]) -> frozenset[str]:
    reached = (each.address for guest in guests.values() for each in guest.addresses)
    return frozenset("ipv6" if ":" in address else "ipv4" for address in reached)


def _shared(there: Mapping[int, FilteredGuest], own: Mapping[int, FilteredGuest]) -> bool:
    """Whether somebody else has an address of a guest's: then the first of them counts."""
    of_own = {each.address for guest in own.values() for each in guest.addresses}
    return any(each.address in of_own for guest in there.values() for each in guest.addresses)
