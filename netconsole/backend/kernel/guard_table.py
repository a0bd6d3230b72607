"""Asks the kernel about the guards of some ports, over netlink.

nft(8) reads every chain and every element of the table at each question: for 1,000 ports that takes
a tenth of a second, and the same to read what it prints.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from netconsole.backend.filtering.guard_messages import (
    UnclearError,
    anonymous,
    elements_of,
    form,
    is_port_chain,
)
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.model.guards import FAMILY, TABLE, GuardObject, GuardTable
from netconsole.backend.wording.guards import CHAINS, FIRST_CHAIN, PORT_CHAIN, port_chain

SHARED_CHAINS: Final = (*CHAINS, FIRST_CHAIN)
_WORDS: Final = {
    "macs": "ether_addr",
    "link_layer_addresses": "link_layer_address",
    "ipv4": "address",
    "ipv4_ranges": "address",
    "ipv6": "address",
    "ipv6_ranges": "address",
    "targets": "target",
    "target_ranges": "target",
}
"""What follows port and MAC address in the elements of each set (`wording.guards.SETS`)."""
_TRIES: Final = 5


class Near(NamedTuple):
    """A part of the table, of one moment."""

    form: str
    """Equal for two tables only where what all ports share is."""
    ports: GuardTable
    """What is there for the ports."""


def near(devices: Collection[str]) -> Near | None:
    """Return what guards some ports; None where that is not of the form that guards have.

    Raises OSError where the kernel does not tell.
    """
    with NfTables() as kernel:
        for _ in range(_TRIES):
            before = kernel.generation()
            try:
                found = Near(_form(kernel), frozenset(_of_ports(kernel, devices)))
            except UnclearError:
                return None
            if kernel.generation() == before:
                return found
    return None


def _form(kernel: NfTables) -> str:
    sets = kernel.raw_sets(FAMILY, TABLE)
    chains = {
        name: (kernel.raw_chain(FAMILY, TABLE, name), kernel.raw_rules(FAMILY, TABLE, name))
        for name in SHARED_CHAINS
    }
    elements = (
        piece for name in anonymous(sets) for piece in kernel.raw_elements(FAMILY, TABLE, name)
    )
    return form(chains, sets, elements, kernel.raw_objects(FAMILY, TABLE))


def _of_ports(kernel: NfTables, devices: Collection[str]) -> list[GuardObject]:
    found = []
    for device in devices:
        name = f"{PORT_CHAIN}{device}"
        if (chain := kernel.raw_chain(FAMILY, TABLE, name)) is None:
            continue
        if not is_port_chain(chain, kernel.raw_rules(FAMILY, TABLE, name), device, FIRST_CHAIN):
            raise UnclearError(name)
        found.append(port_chain(device))
    for name, words in _WORDS.items():
        pieces = kernel.raw_elements(FAMILY, TABLE, name)
        found += [
            GuardObject("element", name, (element,), device)
            for device in devices
            for element in elements_of(pieces, device, words)
        ]
    return found
