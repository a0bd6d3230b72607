"""Flat: one bridge, made by the admin, for all; guests get their addresses injected. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import bridges
from netconsole.backend.managers.manager import Manager
from netconsole.backend.model.records import Network


@dataclass(frozen=True, slots=True)
class FlatManager(Manager):
    """Networks may share the bridge: nothing on the host belongs to one of them."""

    def bridge_interface(self, options: Options) -> str | None:
        return options.flat_interface

    def bridges(
        self,
        given: str | None,
        vlans: Sequence[int | None],
        existing: Sequence[Network],
        options: Options,
    ) -> list[str]:
        return [bridges.usable(given, options)] * len(vlans)


FLAT = FlatManager(
    kind="flat",
    required="bridge",
    creates_bridge=False,
    creates_vlan=False,
    serves_dhcp=False,
    reaps_addresses=False,
    has_floating_addresses=False,
    counts_fixed_addresses=True,
    gives_networks_to_projects=False,
    bottom_reserved=2,
)
