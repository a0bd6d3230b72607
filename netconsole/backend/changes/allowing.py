"""Which ranges a port may be allowed to send from: addresses that nobody else has, or may get."""

from netaddr import IPAddress, IPNetwork
from sqlalchemy import Connection

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers.layout import purposes
from netconsole.backend.managers.ranges import LINK_LOCAL_V6
from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance
from netconsole.backend.store import (
    allocations,
    allowed_addresses,
    fixed_ips,
    floating_ips,
    instances,
    networks,
)

WHAT = "allowed address"


def refuse_of_others(
    connection: Connection, instance: Instance, wanted: IPNetwork, options: Options
) -> None:
    """Refuse a range of which somebody else has an address, or may be given one.

    Raises Conflict, which says who, or InvalidValue.
    """
    for own in (options.my_ip, options.routing_source_ip):
        if own and IPAddress(own) in wanted:
            raise InvalidValue(WHAT, str(wanted), f"holds {own}, this host's own")
    for network in networks.every(connection):
        for address, use in purposes(network).items():
            if IPAddress(address) in wanted:
                raise Conflict(f"address {address} is the {use} of network {network.label!r}")
    for row in floating_ips.every(connection):
        if IPAddress(row.address) in wanted:
            listed = command("floating", "list")
            raise Conflict(
                f"{row.address} is a floating address, whose packets this host translates: "
                f"{listed} shows all"
            )
    if wanted.version == 6:
        _refuse_made_of_macs(connection, wanted)
    else:
        _refuse_fixed(connection, instance, wanted)


def refuse_allowed(connection: Connection, wanted: IPNetwork) -> None:
    """Refuse a range that is to be used otherwise, where a guest may send from an address of it.

    Raises Conflict.
    """
    row = allowed_addresses.overlapping(connection, wanted)
    if row is not None:
        holder = allowed_addresses.holder(connection, row)
        first = command("instance", "disallow-address", holder, row.cidr)
        raise Conflict(f"instance {holder!r} is allowed to send from {row.cidr}: {first} ends that")


def _refuse_fixed(connection: Connection, instance: Instance, wanted: IPNetwork) -> None:
    """Of fixed addresses, those can be allowed that are reserved: no instance is given them."""
    for network in networks.every(connection):
        if not allowed_addresses.overlap(IPNetwork(network.cidr), wanted):
            continue
        for row in fixed_ips.within(connection, network, wanted):
            if row.instance_uuid == instance.uuid and row.allocated:
                shown = command("instance", "show", instance.name)
                raise Conflict(
                    f"{row.address} is an address of the instance itself: {shown} shows it"
                )
            if fixed_ips.is_taken(row):
                raise allocations.taken(connection, network, row)
            if not row.reserved:
                kept = command("fixed", "reserve", row.address)
                raise Conflict(
                    f"fixed address {row.address} may be given to another instance: {kept} keeps "
                    "it from them first"
                )


def _refuse_made_of_macs(connection: Connection, wanted: IPNetwork) -> None:
    """Where guests make their addresses of MAC addresses, refuse those that are made so."""
    ranges = [network.cidr_v6 for network in networks.every(connection) if network.cidr_v6]
    near = [
        each
        for each in (*ranges, LINK_LOCAL_V6)
        if allowed_addresses.overlap(IPNetwork(each), wanted)
    ]
    if not near:
        return
    if wanted.size > 1:
        rule = f"must be a single address in {near[0]}, where guests make theirs"
        raise InvalidValue(WHAT, str(wanted), rule)
    mac = _mac_in(wanted.ip)
    if mac is None:
        return
    holder = instances.with_mac_like(connection, f"__{mac[2:]}")
    if holder is None:
        rule = f"is what a guest with the MAC address {mac} makes for itself"
        raise InvalidValue(WHAT, str(wanted.ip), rule)
    shown = command("instance", "show", holder)
    raise Conflict(
        f"address {wanted.ip} is made of the MAC address of instance {holder!r}: {shown} shows it"
    )


def _mac_in(address: IPAddress) -> str | None:
    """The MAC address of which an IPv6 address is made; None where of none (RFC 4291, A)."""
    own = int(address).to_bytes(16, "big")[8:]
    if own[3:5] != b"\xff\xfe":
        return None
    octets = (own[0] ^ 2, own[1], own[2], *own[5:])
    return ":".join(f"{octet:02x}" for octet in octets)
