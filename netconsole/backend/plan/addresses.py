"""What to do about addresses: gateways and floating addresses. Pure."""

from collections.abc import Iterable, Iterator

from netconsole.backend.hoststate import Address, HostState
from netconsole.backend.steps import AddAddress, AnnounceAddress, RemoveAddress, Step


def removed(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Take off what the store has released."""
    for address in observed.addresses:
        if address in wanted.released:
            yield _remove(address)


def _remove(address: Address) -> Step:
    return RemoveAddress(address.interface, address.address, address.broadcast or "")


def _add(address: Address) -> Step:
    return AddAddress(address.interface, address.address, address.broadcast or "")


def added(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Put on what is missing, a first address before the others, and tell the neighbours."""
    for address in wanted.addresses:
        here = [found for found in observed.addresses if found.interface == address.interface]
        present = _same(address, here)
        ahead: list[Address] = []
        if address.first:
            ahead = here[: here.index(present)] if present else here
        yield from (_remove(other) for other in ahead)
        if present is None:
            yield _add(address)
        yield from (_add(other) for other in ahead)
        if present is None:
            yield AnnounceAddress(address.interface, address.address.partition("/")[0])


def _same(address: Address, here: Iterable[Address]) -> Address | None:
    return next((found for found in here if found.address == address.address), None)
