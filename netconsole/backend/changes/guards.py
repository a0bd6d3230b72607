"""Guards of ports: what guests may send as beside themselves, and ports without a guard.

A guarded port lets its guest send from its own MAC and IP addresses alone, and from the ranges
that are allowed it here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from netaddr import IPNetwork
from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.allowing import refuse_of_others
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.managers.ranges import parse_allowed
from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.phrases import command, some
from netconsole.backend.model.records import (
    AllowedAddress,
    Instance,
    InstanceView,
    Network,
    Port,
    Refiltering,
)
from netconsole.backend.model.subject import PORTS_TO_BE_NAMED, Scope
from netconsole.backend.store import allowed_addresses, fixed_ips, instances, networks
from netconsole.backend.store.views import instance_view


@dataclass(frozen=True, slots=True)
class AllowAddress(Change[InstanceView]):
    """Let an instance send from a range beside its own addresses, by the MAC address of its port.

    Without a network named it is the port in whose network the range lies, or the only one.
    """

    instance: str
    cidr: str
    """An address, or a range of addresses, of either kind."""
    network: str | None = None

    @property
    def title(self) -> str:
        return spelled("instance allow-address", self.instance, self.cidr, network=self.network)

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        wanted = parse_allowed(self.cidr)
        instance = instances.find(connection, self.instance)
        port = self._port(connection, instance, wanted)
        _refuse_allowed(connection, instance, port, wanted)
        refuse_of_others(connection, instance, wanted, options)
        notes = _said_of_shared(connection, instance, wanted)
        allowed_addresses.insert(connection, AllowedAddress(0, port.id, str(wanted)))
        waits = _elsewhere(instance, options)
        filters = _is_filtered(connection, wanted, (port,))
        return _written(connection, instance, (port,), waits, notes, filters=filters)

    def _port(self, connection: Connection, instance: Instance, wanted: IPNetwork) -> Port:
        """The port that is meant. Raises NotFound where there is none, Conflict for several."""
        of_id = {network.id: network for network in networks.every(connection)}
        ports = instances.ports_of(connection, instance.uuid)
        if self.network is not None:
            named = networks.find(connection, self.network)
            meant = [port for port in ports if port.network_id == named.id]
        else:
            near = [port for port in ports if _is_in(wanted, of_id[port.network_id])]
            meant = near or list(ports)
        if len(meant) > 1:
            labels = ", ".join(of_id[port.network_id].label for port in meant)
            one = command(
                *("instance", "allow-address", instance.name, self.cidr),
                *("--network", of_id[meant[0].network_id].label),
            )
            raise Conflict(
                f"instance {instance.name!r} has ports in several networks ({labels}): {one} "
                "names one"
            )
        if not meant:
            where = "" if self.network is None else f" in network {self.network!r}"
            shown = command("instance", "show", instance.name)
            raise NotFound(
                f"instance {instance.name!r} has no port{where}: {shown} shows which it has"
            )
        return meant[0]


@dataclass(frozen=True, slots=True)
class DisallowAddress(Change[InstanceView]):
    """Let an instance send from a range no longer, at whichever port it was allowed."""

    instance: str
    cidr: str

    @property
    def title(self) -> str:
        return spelled("instance disallow-address", self.instance, self.cidr)

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        gone = str(parse_allowed(self.cidr))
        instance = instances.find(connection, self.instance)
        ports = {port.id: port for port in instances.ports_of(connection, instance.uuid)}
        rows = allowed_addresses.of_ports(connection, ports.keys())
        held = [row for row in rows if row.cidr == gone]
        if not held:
            shown = command("instance", "show", instance.name)
            raise NotFound(
                f"instance {instance.name!r} is not allowed {gone}: {shown} shows what it is"
            )
        allowed_addresses.delete(connection, held)
        waits = _elsewhere(instance, options)
        changed = [ports[row.port_id] for row in held]
        filters = _is_filtered(connection, parse_allowed(self.cidr), changed)
        return _written(connection, instance, changed, waits, filters=filters)


@dataclass(frozen=True, slots=True)
class GuardInstance(Change[InstanceView]):
    """Let an instance send as itself alone. Once more changes nothing."""

    instance: str

    @property
    def title(self) -> str:
        return spelled("instance guard", self.instance)

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        return _guarded(connection, self.instance, options, guarded=True)


@dataclass(frozen=True, slots=True)
class UnguardInstance(Change[InstanceView]):
    """Let an instance send as whomever it likes, as a router or a VPN does."""

    instance: str

    @property
    def title(self) -> str:
        return spelled("instance unguard", self.instance)

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        return _guarded(connection, self.instance, options, guarded=False)


def unguarded_note(instance: Instance) -> str:
    """Say of an instance that its guest can pass for others, and how it is guarded."""
    ends = command("instance", "guard", instance.name)
    return (
        f"instance {instance.name!r} has no guard: its guest can pass for any other; {ends} ends it"
    )


def _said_of_shared(
    connection: Connection, instance: Instance, wanted: IPNetwork
) -> tuple[str, ...]:
    """Say of a range that others may have as well what is let in to it."""
    others = sorted(
        {
            allowed_addresses.holder(connection, row)
            for row in allowed_addresses.every(connection)
            if allowed_addresses.overlap(IPNetwork(row.cidr), wanted)
        }
        - {instance.name}
    )
    if not others:
        return ()
    return (
        f"{wanted} is allowed to {some(others)} as well: of what is sent there, only what the "
        "security groups that all of them are in let in arrives",
    )


def _guarded(
    connection: Connection, name: str, options: Options, *, guarded: bool
) -> Written[InstanceView]:
    instance = instances.find(connection, name)
    was_so = all(each.guarded == guarded for each in instances.ports_of(connection, instance.uuid))
    waits = "it was so already" if was_so else _elsewhere(instance, options)
    instances.guard(connection, instance, guarded)
    notes = () if guarded else (unguarded_note(instance),)
    if guarded and not options.guard:
        shown = command("config", "show")
        notes = (f"no port has its guard as long as the option guard is False: {shown} says where",)
    ports = instances.ports_of(connection, instance.uuid)
    return _written(connection, instance, ports, waits, notes, filters=False)


def _elsewhere(instance: Instance, options: Options) -> str:
    """What brings it about where the instance runs on another host."""
    if instance.host == options.host:
        return ""
    return f"it runs on host {instance.host}: `netconsole apply` there brings it about"


def _written(
    connection: Connection,
    instance: Instance,
    ports: Iterable[Port],
    waits: str,
    notes: tuple[str, ...] = (),
    *,
    filters: bool,
) -> Written[InstanceView]:
    """`filters` says whether what filters the guest may be others' now."""
    changed = tuple(ports)
    own = {port.id for port in changed}
    rows = fixed_ips.of_instance(connection, instance.uuid)
    return Written(
        instance_view(connection, instance),
        waits=waits,
        notes=notes,
        ports=changed,
        fixed_ips=tuple(row for row in rows if row.port_id in own),
        refiltering=None if filters else Refiltering(),
    )


def _is_filtered(connection: Connection, wanted: IPNetwork, ports: Iterable[Port]) -> bool:
    """Whether groups say what reaches a range: of what lies beyond a port's network they do not."""
    homes = {port.network_id for port in ports}
    near = (network for network in networks.every(connection) if network.id in homes)
    return any(_is_in(wanted, network) for network in near)


def _is_in(wanted: IPNetwork, network: Network) -> bool:
    return any(wanted in IPNetwork(cidr) for cidr in (network.cidr, network.cidr_v6) if cidr)


def _refuse_allowed(
    connection: Connection, instance: Instance, port: Port, wanted: IPNetwork
) -> None:
    """Raise Conflict for a range of which the port may use addresses already."""
    for row in allowed_addresses.of_ports(connection, (port.id,)):
        if not allowed_addresses.overlap(IPNetwork(row.cidr), wanted):
            continue
        if row.cidr == str(wanted):
            shown = command("instance", "show", instance.name)
            raise Conflict(
                f"instance {instance.name!r} is allowed {wanted} already: {shown} shows it"
            )
        first = command("instance", "disallow-address", instance.name, row.cidr)
        raise Conflict(
            f"instance {instance.name!r} is allowed {row.cidr}, which overlaps {wanted}: {first} "
            "comes first"
        )
