"""What the three kinds of network have in common, and where they differ. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import ManagerKind, Network


@dataclass(frozen=True, slots=True)
class Manager(ABC):
    """One kind of network: what it needs, reserves and does (the flags of nova's classes)."""

    kind: ManagerKind
    required: Literal["bridge", "bridge_interface"]
    """What a network cannot be made without."""
    creates_bridge: bool
    creates_vlan: bool
    serves_dhcp: bool
    reaps_addresses: bool
    """Whether an address without an instance comes back after `fixed_ip_disassociate_timeout`."""
    has_floating_addresses: bool
    counts_fixed_addresses: bool
    """Whether the quota of fixed addresses holds."""
    gives_networks_to_projects: bool
    """Whether an instance gets its project's networks, instead of all there are."""
    bottom_reserved: int
    """How many addresses from the start of a range no instance gets."""

    def top_reserved(self, options: Options) -> int:
        """Return how many addresses before the end of a range no instance gets."""
        return 1

    @abstractmethod
    def bridge_interface(self, options: Options) -> str | None:
        """Return the interface that carries networks where none is named."""

    @abstractmethod
    def bridges(
        self,
        given: str | None,
        vlans: Sequence[int | None],
        existing: Sequence[Network],
        options: Options,
    ) -> list[str]:
        """Name the bridge of each of the networks to be made, which have these VLANs.

        Raises InvalidValue where a name is missing or not to be had, Conflict where it is taken.
        """
