"""What to do about addresses: gateways and floating addresses. Pure.

When the first address of a subnet leaves an interface, the kernel takes the subnet's others off
as well, unless promote_secondaries is set (ip-sysctl). So it is set for that moment: the others
never leave, and keep their labels, lifetimes and routes.

A gateway is there as well where its bridge has the address with a wider mask, an admin's say:
the host answers for it and has a route to the guests. With a narrower one it lacks that route;
an IPv4 address is added beside it, an IPv6 address cannot be (the kernel gives it to an interface
once, whatever its prefix length).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_interface

from netconsole.backend.model.hoststate import Address, Observed, Place, Wanted
from netconsole.backend.model.subject import METADATA, Subject
from netconsole.backend.plan.filters import INCOMING
from netconsole.backend.steps import (
    AddAddress,
    AnnounceAddress,
    MoveAddresses,
    RemoveAddress,
    SetSysctl,
    Step,
)


def placed(observed: Observed, moves: Iterable[Step]) -> Observed:
    """Return what is observed, with each address on the interface to which a move takes it."""
    taken = {
        (move.old, words[0]): move.new
        for move in moves
        if isinstance(move, MoveAddresses)
        for words in move.addresses
    }
    if not taken:
        return observed
    return replace(
        observed,
        addresses=tuple(
            each._replace(interface=taken.get(each[:2], each.interface))
            for each in observed.addresses
        ),
    )


def released(observed: Observed, wanted: Wanted) -> tuple[Address, ...]:
    """Return the addresses that are still on although the store has released them, with their
    subjects.

    So are floating ones on an interface that carried them before `public_interface` was changed.
    Not what was there before the store asked for it. The address of the metadata service is ours
    only as long as our chain is there: on a host that serves nothing anybody may have it.
    """
    was_served = INCOMING in observed.chains
    gone = {
        address[:2]: address
        for address in wanted.released
        if was_served or address.subject != METADATA
    }
    places = {address[:2] for address in wanted.addresses}
    floating = {each.address: each.subject for each in wanted.addresses if each.is_floating}
    return tuple(
        _known(found, gone.get(place), floating.get(found.address))
        for found in observed.addresses
        for place in (found[:2],)
        if place not in wanted.former_addresses
        and (place in gone or (found.address in floating and place not in places))
    )


def _known(found: Address, gone: Address | None, floating: Subject | None) -> Address:
    """An address that is there, with what only the store knows of it."""
    if gone is None:
        return found._replace(subject=floating)
    return found._replace(subject=gone.subject, scope=gone.scope)


def promotions(observed: Observed, gone: tuple[Address, ...]) -> tuple[str, ...]:
    """Return the settings that keep addresses of others on when these go."""
    shared = [each for each in gone if not each.is_v6 and not each.is_single]
    risky = dict.fromkeys(each.interface for each in shared if _is_followed(each, observed))
    return tuple(f"net/ipv4/conf/{interface}/promote_secondaries" for interface in risky)


def _is_followed(address: Address, observed: Observed) -> bool:
    """Whether later addresses of its interface are in its subnet."""
    subnet = ip_interface(address.address).network
    here = [found for found in observed.addresses if found.interface == address.interface]
    later = here[here.index(address) + 1 :]
    return any(not found.is_v6 and ip_interface(found.address).network == subnet for found in later)


def removed(observed: Observed, gone: tuple[Address, ...]) -> Iterator[Step]:
    """Take off what the store has released, and nothing else."""
    needed = (key for key in promotions(observed, gone) if observed.sysctls.get(key) == "0")
    promoting = [SetSysctl(key, "1", "0") for key in needed]
    yield from promoting
    yield from (
        RemoveAddress(
            address.interface,
            address.address,
            address.broadcast or "",
            address.scope,
            subjects=address.subjects,
        )
        for address in gone
    )
    yield from (step.inverse for step in promoting)


def added(observed: Observed, wanted: Wanted, gone: tuple[Address, ...]) -> Iterator[Step]:
    """Put on what is missing, and tell the neighbours."""
    for address in missing(observed, wanted, gone):
        interface, about = address.interface, address.subjects
        broadcast, scope = address.broadcast or "", address.scope
        yield AddAddress(interface, address.address, broadcast, scope, subjects=about)
        if address.announcements and not address.is_v6:
            text = address.address.partition("/")[0]
            yield AnnounceAddress(interface, text, address.announcements, subjects=about)


def missing(observed: Observed, wanted: Wanted, gone: tuple[Address, ...]) -> tuple[Address, ...]:
    """Return the addresses that are wanted and neither there nor served by a wider one."""
    present = _present(observed, gone)
    lacking = [address for address in wanted.addresses if address[:2] not in present]
    widest = _widest(present) if lacking else {}
    return tuple(each for each in lacking if each.is_floating or not _is_served(each, widest))


def impossible(observed: Observed, wanted: Wanted) -> Iterator[tuple[Address, str]]:
    """Yield the missing addresses that cannot be put on as the host is, each with the reason."""
    gone = released(observed, wanted)
    lacking = missing(observed, wanted, gone)
    widest = _widest(_present(observed, gone)) if lacking else {}
    # Every host has links: where none was seen, none was looked for. None is without its lo.
    here = {"lo", *observed.links, *wanted.links} if observed.links else None
    for each in lacking:
        name = each.interface
        if here is not None and name not in here:
            lost = f"this host has no interface {name!r}, which {each.address} is to be on"
            yield each, f"{lost}: `ip -brief link` shows those that it has"
        elif each.is_v6 and (reason := _is_narrower(each, widest)):
            yield each, reason


def _present(observed: Observed, gone: tuple[Address, ...]) -> set[Place]:
    return {found[:2] for found in observed.addresses} - {address[:2] for address in gone}


def _widest(places: Iterable[Place]) -> dict[Place, int]:
    """The shortest prefix length with which each interface has an address, by both."""
    widest: dict[Place, int] = {}
    for interface, address in places:
        local, _, length = address.partition("/")
        found = widest.get((interface, local))
        widest[interface, local] = int(length) if found is None else min(found, int(length))
    return widest


def _is_narrower(address: Address, widest: Mapping[Place, int]) -> str:
    """Whether an IPv6 address is there with a narrower mask, in words."""
    local, _, length = address.address.partition("/")
    found = widest.get((address.interface, local))
    if found is None or found <= int(length):
        return ""
    return (
        f"interface {address.interface!r}: {address.address} cannot be put on beside "
        f"{local}/{found}, as an interface has an IPv6 address once: "
        f"`ip address del {local}/{found} dev {address.interface}` first"
    )


def _is_served(gateway: Address, widest: Mapping[Place, int]) -> bool:
    """Whether its interface has a gateway's address with a mask that covers the network."""
    local, _, length = gateway.address.partition("/")
    found = widest.get((gateway.interface, local))
    return found is not None and found <= int(length)
