"""VLAN: a VLAN and a bridge for each project's network. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import bridges
from netconsole.backend.managers.manager import Manager
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Network

VLANS = range(1, 4095)
"""The identifiers of IEEE 802.1Q, less the two that it keeps for itself."""
PORTS = range(1, 65536)

VPN_PORT = 1194
"""OpenVPN's, at which a project's VPN listens on its network."""

_DEVICE = re.compile(r"vlan([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class VlanManager(Manager):
    """The third reserved address is that of the project's VPN."""

    def top_reserved(self, options: Options) -> int:
        return 1 + options.cnt_vpn_clients

    def bridge_interface(self, options: Options) -> str | None:
        return options.vlan_interface or options.flat_interface

    def bridges(
        self,
        given: str | None,
        vlans: Sequence[int | None],
        existing: Sequence[Network],
        options: Options,
    ) -> list[str]:
        names = [f"br{vlan}" for vlan in vlans]
        if given is not None and [given] != names:
            rule = f"the VLAN manager names bridges after their VLANs: {', '.join(names)}"
            raise InvalidValue("bridge", given, rule)
        for network in existing:
            if network.bridge in names:
                raise bridges.taken(network.bridge, network.label)
        return names


VLAN = VlanManager(
    kind="vlan",
    required="bridge_interface",
    creates_bridge=True,
    creates_vlan=True,
    serves_dhcp=True,
    reaps_addresses=True,
    has_floating_addresses=True,
    counts_fixed_addresses=False,
    gives_networks_to_projects=True,
    bottom_reserved=3,
)


def of_device(interface: str) -> int | None:
    """Return the VLAN whose device has this name, or None: vlan100 is that of VLAN 100."""
    found = _DEVICE.fullmatch(interface)
    return int(found.group(1)) if found else None


def is_vpn_here(network: Network, options: Options) -> bool:
    """Whether a network's VPN is reached at this host; others are led there by other means."""
    return (
        network.vlan is not None
        and None not in (network.vpn_private_address, network.vpn_public_port, options.vpn_ip)
        and network.vpn_public_address == options.vpn_ip
    )


def identifiers(
    existing: Sequence[Network],
    count: int,
    start: int,
    given: int | None = None,
    kept: int | None = None,
) -> list[int]:
    """Choose the VLANs of new networks as nova did.

    The one given, else one for each network from `start` on, past as many as there are networks
    already; where that is taken, the one behind the highest taken, and at the end of the VLANs the
    first free one from `start`. `kept` is one that no network may have. Raises InvalidValue for
    one that cannot be, Conflict where the one given is taken, Exhausted where no VLAN is left.
    """
    if start not in VLANS or start + count > VLANS.stop:
        rule = f"must be {VLANS[0]} to {VLANS[-1]}, and so must those of all {count} networks"
        raise InvalidValue("first VLAN", start, rule)
    if given is not None and given not in VLANS:
        raise InvalidValue("VLAN", given, f"must be {VLANS[0]} to {VLANS[-1]}")
    if given is not None and given == kept:
        raise Conflict(f"VLAN {given} is that of the public interface")
    holders = {network.vlan: network.label for network in existing if network.vlan is not None}
    if given is not None and given in holders:
        raise Conflict(
            f"VLAN {given} belongs to network {holders[given]!r}; without one named, a free one is "
            f"taken: {command('network', 'list')} shows which are"
        )
    if given is not None:
        return [given]
    taken = set(holders) if kept is None else {*holders, kept}
    return _numbers("VLAN", VLANS, taken, start, len(existing), count)


def vpn_ports(existing: Sequence[Network], count: int, start: int) -> list[int]:
    """Choose the ports of new networks' VPNs as VLANs are chosen; raises as that does."""
    if start not in PORTS:
        raise InvalidValue("first VPN port", start, f"must be {PORTS[0]} to {PORTS[-1]}")
    taken = {network.vpn_public_port for network in existing if network.vpn_public_port is not None}
    return _numbers("VPN port", PORTS, taken, start, len(existing), count)


def _numbers(
    what: str, allowed: range, taken: set[int], start: int, skipped: int, count: int
) -> list[int]:
    chosen: list[int] = []
    used = set(taken)
    for index in range(count):
        number = start + skipped + index
        if number in used:
            number = max(used) + 1
        if number not in allowed:
            number = next((each for each in allowed[start - 1 :] if each not in used), 0)
        if not number:
            shown = command("network" if what == "VLAN" else "vpn", "list")
            raise Exhausted(f"no {what} from {start} on is free: {shown} shows which are taken")
        chosen.append(number)
        used.add(number)
    return chosen
