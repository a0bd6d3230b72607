"""What to do about addresses: gateways and floating addresses. Pure.

When the first address of a subnet leaves an interface, the kernel takes the subnet's others off
as well (promote_secondaries in ip-sysctl). So those go before it, and come back after it.
"""

from collections.abc import Iterator
from ipaddress import ip_interface

from netconsole.backend.hoststate import Address, HostState
from netconsole.backend.steps import AddAddress, AnnounceAddress, RemoveAddress, Step


def released(observed: HostState, wanted: HostState) -> tuple[Address, ...]:
    """The addresses that are still on although the store has released them.

    So are floating ones on an interface that carried them before `public_interface` was changed.
    """
    gone = {(address.interface, address.address) for address in wanted.released}
    places = {(address.interface, address.address) for address in wanted.addresses}
    floating = {text for _, text in places if text.endswith("/32")}
    return tuple(
        found
        for found in observed.addresses
        for place in ((found.interface, found.address),)
        if place in gone or (found.address in floating and place not in places)
    )


def removed(observed: HostState, gone: tuple[Address, ...]) -> Iterator[Step]:
    """Take off what the store has released."""
    left = _left(observed, gone) if gone else {}
    for address in gone:
        here = left.get(address.interface, [])
        later = [found for found in here if _subnet(found) == _subnet(address)]
        yield from (_remove(other) for other in reversed(later))
        yield _remove(address)
        yield from (_add(other) for other in later)


def added(observed: HostState, wanted: HostState, gone: tuple[Address, ...]) -> Iterator[Step]:
    """Put on what is missing, a first address before the others, and tell the neighbours."""
    left = _left(observed, gone)
    present = {
        (found.interface, found.address): found for places in left.values() for found in places
    }
    for address in wanted.addresses:
        found = present.get((address.interface, address.address))
        ahead = _ahead(address, found, left) if address.first else []
        yield from (_remove(other) for other in reversed(ahead))
        if found is None or ahead:
            yield _add(address)
        yield from (_add(other) for other in ahead if other is not found)
        if found is None and address.announcements and not address.is_v6:
            text = address.address.partition("/")[0]
            yield AnnounceAddress(address.interface, text, address.announcements)


def _ahead(
    address: Address, found: Address | None, left: dict[str, list[Address]]
) -> list[Address]:
    """The addresses that have to come again after one that must be the first of its family."""
    here = [other for other in left.get(address.interface, ()) if other.is_v6 == address.is_v6]
    return here if here and here[0] is not found else []


def _left(observed: HostState, gone: tuple[Address, ...]) -> dict[str, list[Address]]:
    """The addresses of each interface, without those that are taken off."""
    off = {(address.interface, address.address) for address in gone}
    left: dict[str, list[Address]] = {}
    for found in observed.addresses:
        if (found.interface, found.address) not in off:
            left.setdefault(found.interface, []).append(found)
    return left


def _subnet(address: Address) -> str:
    return str(ip_interface(address.address).network)


def _remove(address: Address) -> Step:
    return RemoveAddress(address.interface, address.address, address.broadcast or "")


def _add(address: Address) -> Step:
    return AddAddress(address.interface, address.address, address.broadcast or "")
