"""What to do about addresses: gateways and floating addresses. Pure.

When the first address of a subnet leaves an interface, the kernel takes the subnet's others off
as well (promote_secondaries in ip-sysctl). So those go before it, and come back after it.
"""

from collections.abc import Iterable, Iterator
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


def removed(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Take off what the store has released."""
    left = _left(observed, wanted)
    for address in released(observed, wanted):
        here = left.get(address.interface, [])
        later = [found for found in here if _subnet(found) == _subnet(address)]
        yield from (_remove(other) for other in reversed(later))
        yield _remove(address)
        yield from (_add(other) for other in later)


def added(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Put on what is missing, a first address before the others, and tell the neighbours."""
    left = _left(observed, wanted)
    for address in wanted.addresses:
        all_here = left.get(address.interface, [])
        here = [found for found in all_here if found.is_v6 == address.is_v6]
        present = _same(address, here)
        moved = here if address.first and here and here[0] is not present else []
        yield from (_remove(other) for other in reversed(moved))
        if present is None or moved:
            yield _add(address)
        yield from (_add(other) for other in moved if other is not present)
        if present is None and address.announcements and not address.is_v6:
            text = address.address.partition("/")[0]
            yield AnnounceAddress(address.interface, text, address.announcements)


def _left(observed: HostState, wanted: HostState) -> dict[str, list[Address]]:
    """The addresses of each interface, without those that are taken off."""
    gone = set(released(observed, wanted))
    left: dict[str, list[Address]] = {}
    for found in observed.addresses:
        if found not in gone:
            left.setdefault(found.interface, []).append(found)
    return left


def _subnet(address: Address) -> str:
    return str(ip_interface(address.address).network)


def _same(address: Address, here: Iterable[Address]) -> Address | None:
    return next((found for found in here if found.address == address.address), None)


def _remove(address: Address) -> Step:
    return RemoveAddress(address.interface, address.address, address.broadcast or "")


def _add(address: Address) -> Step:
    return AddAddress(address.interface, address.address, address.broadcast or "")
