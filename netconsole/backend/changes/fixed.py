"""Reserving fixed addresses: kept from instances, and given back to them."""

from dataclasses import dataclass

from netaddr import IPNetwork
from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.allowing import refuse_allowed
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import layout
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.records import FixedIPView
from netconsole.backend.store import allocations, fixed_ips
from netconsole.backend.store.views import fixed_ip_view


@dataclass(frozen=True, slots=True)
class ReserveFixed(Change[FixedIPView]):
    """Keep a free address from being given to an instance. Once more changes nothing."""

    address: str

    @property
    def title(self) -> str:
        return spelled("fixed reserve", self.address)

    def write(self, connection: Connection, options: Options) -> Written[FixedIPView]:
        view = fixed_ip_view(connection, parse_address("fixed address", self.address))
        if view.fixed_ip.reserved:
            return Written(view)
        if fixed_ips.reserve(connection, view.fixed_ip) is None:
            raise allocations.taken(connection, view.network, view.fixed_ip)
        return Written(fixed_ip_view(connection, view.fixed_ip.address))


@dataclass(frozen=True, slots=True)
class UnreserveFixed(Change[FixedIPView]):
    """Let instances have an address again. Once more changes nothing."""

    address: str

    @property
    def title(self) -> str:
        return spelled("fixed unreserve", self.address)

    def write(self, connection: Connection, options: Options) -> Written[FixedIPView]:
        view = fixed_ip_view(connection, parse_address("fixed address", self.address))
        purpose = layout.purpose(view.network, view.fixed_ip.address)
        if purpose is not None:
            address, label = view.fixed_ip.address, view.network.label
            raise Conflict(f"fixed address {address} is the {purpose} of network {label!r}")
        refuse_allowed(connection, IPNetwork(view.fixed_ip.address))
        fixed_ips.unreserve(connection, view.fixed_ip)
        return Written(fixed_ip_view(connection, view.fixed_ip.address))
