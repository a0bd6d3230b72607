"""The networks that a creation makes: checked, computed, and not yet written."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import uuid4

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.links import lower_interface
from netconsole.backend.managers import FLAT, FLAT_DHCP, VLAN, manager, ranges, vlan
from netconsole.backend.managers.layout import Layout, LayoutV6, Reserve, Wishes, layout, layout_v6
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Network

MTU_RANGE = range(68, 65536)
"""What an IPv4 link may have (RFC 791); a bridge takes no more than 65535."""
SMALLEST_MTU_V6 = 1280
"""What an IPv6 link must have (RFC 8200 section 5)."""
PRIORITIES = range(2**31)
MOST_NETWORKS = 4094
"""At once; there are no more VLANs."""
MOST_ADDRESSES = 2**20
"""Of one network, a /12. Each has its row."""

ONE_NETWORK_ONLY = (
    "gateway",
    "gateway_v6",
    "dhcp_server",
    "fixed_cidr",
    "allowed_start",
    "allowed_end",
    "uuid",
    "vlan",
)
"""Arguments that several networks cannot share."""
VLAN_ONLY = ("vlan", "vlan_start", "vpn_start")

Value = TypeVar("Value")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class NetworkArguments:
    """What a creation is asked for: the arguments of nova's `network-create`.

    The kind of network is that of the configuration's manager. One network takes the whole range
    unless a size is given.
    """

    label: str
    fixed_range_v4: str | None
    """None is refused, as the network would have IPv6 alone."""
    bridge: str | None = None
    gateway: str | None = None
    dhcp_server: str | None = None
    dns1: str | None = None
    dns2: str | None = None
    mtu: int | None = None
    num_networks: int | None = None
    network_size: int | None = None
    bridge_interface: str | None = None
    fixed_range_v6: str | None = None
    gateway_v6: str | None = None
    fixed_cidr: str | None = None
    allowed_start: str | None = None
    allowed_end: str | None = None
    vlan: int | None = None
    vlan_start: int | None = None
    vpn_start: int | None = None
    multi_host: bool | None = None
    share_address: bool | None = None
    enable_dhcp: bool | None = None
    project_id: str | None = None
    priority: int | None = None
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """One creation among the networks there are."""

    wanted: NetworkArguments
    existing: Sequence[Network]
    options: Options

    def networks(self) -> list[tuple[Network, Layout]]:
        """Return the networks to be made, with their addresses.

        Raises InvalidValue for what cannot be, Conflict for what another network has, Exhausted
        where there is no VLAN left.
        """
        wanted, options, kind = self.wanted, self.options, manager(self.options)
        self._check()
        count = self._count()
        reserve = Reserve(kind.bottom_reserved, kind.top_reserved(options), vpn=kind is VLAN)
        wishes = Wishes(
            wanted.gateway,
            wanted.dhcp_server,
            wanted.fixed_cidr,
            wanted.allowed_start,
            wanted.allowed_end,
        )
        # What cannot be at all is said before what is only taken.
        for part in self._parts(count, ())[:1]:
            layout(part, reserve, wishes)
        for part in self._parts_v6(count, ())[:1]:
            layout_v6(part, wanted.gateway_v6)
        vlans, ports = self._numbers(count)
        bridges = kind.bridges(wanted.bridge, vlans, self.existing, options)
        interface = self._bridge_interface(bridges)
        parts = self._parts(count, self.existing)
        parts_v6 = self._parts_v6(count, self.existing)
        new: list[tuple[Network, Layout]] = []
        for index, part in enumerate(parts):
            laid_out = layout(part, reserve, wishes)
            v6 = layout_v6(parts_v6[index], wanted.gateway_v6) if parts_v6 else None
            network = replace(
                self._network(part, laid_out, v6),
                label=self._label(index, count),
                bridge=bridges[index],
                bridge_interface=interface,
                vlan=vlans[index],
                vpn_public_port=ports[index],
            )
            self._refuse_clash(network, (*self.existing, *(other for other, _ in new)))
            new.append((network, laid_out))
        return new

    def _network(self, part: IPNetwork, laid_out: Layout, v6: LayoutV6 | None) -> Network:
        """Return a network of these ranges, without what tells it from its sisters."""
        wanted, options, kind = self.wanted, self.options, manager(self.options)
        many = _chosen(wanted.multi_host, options.multi_host)
        return Network(
            id=0,
            uuid=wanted.uuid or str(uuid4()),
            label="",
            bridge="",
            cidr=str(part),
            netmask=laid_out.netmask,
            broadcast=laid_out.broadcast,
            gateway=laid_out.gateway,
            dhcp_server=laid_out.dhcp_server,
            dhcp_start=laid_out.dhcp_start,
            dns1=_chosen(wanted.dns1, options.flat_network_dns),
            dns2=wanted.dns2,
            vpn_private_address=laid_out.vpn_private_address,
            vpn_public_address=options.vpn_ip if laid_out.vpn_private_address else None,
            multi_host=many,
            share_address=_chosen(wanted.share_address, options.share_dhcp_address),
            enable_dhcp=_chosen(wanted.enable_dhcp, kind.serves_dhcp),
            injected=kind is FLAT and options.flat_injected,
            mtu=wanted.mtu,
            priority=wanted.priority,
            project_id=wanted.project_id,
            host=None if many else options.host,
            cidr_v6=v6.cidr if v6 else None,
            gateway_v6=v6.gateway if v6 else None,
            netmask_v6=v6.netmask if v6 else None,
            manager=kind.kind,
        )

    def _check(self) -> None:
        """Check what needs no arithmetic."""
        wanted, kind = self.wanted, manager(self.options)
        for name in VLAN_ONLY if kind is not VLAN else ():
            self._refuse(name, f"needs the VLAN manager, not {self.options.network_manager}")
        if wanted.enable_dhcp and not kind.serves_dhcp:
            self._refuse("enable_dhcp", f"{self.options.network_manager} serves none")
        if wanted.fixed_range_v6 is None:
            self._refuse("gateway_v6", "needs an IPv6 range")
        for what, server in (("dns1", wanted.dns1), ("dns2", wanted.dns2)):
            if server is not None:
                ranges.parse_address(what, server)
        least = SMALLEST_MTU_V6 if wanted.fixed_range_v6 else MTU_RANGE[0]
        _check_number("MTU", wanted.mtu, range(least, MTU_RANGE.stop))
        _check_number("priority", wanted.priority, PRIORITIES)
        if wanted.project_id is not None:
            validate.display_name("project", wanted.project_id)
        if wanted.uuid is not None and not _UUID.fullmatch(wanted.uuid):
            rule = "must be five groups of small hexadecimal digits: 8, 4, 4, 4 and 12"
            raise InvalidValue("uuid", wanted.uuid, rule)

    def _refuse(self, name: str, rule: str) -> None:
        """Refuse an argument if it was given."""
        value = getattr(self.wanted, name)
        if value is not None:
            raise InvalidValue(name.replace("_", " "), value, rule)

    def _label(self, index: int, count: int) -> str:
        label = self.wanted.label if count == 1 else f"{self.wanted.label}_{index}"
        return validate.display_name("network label", label)

    def _count(self) -> int:
        count = _chosen(self.wanted.num_networks, self.options.num_networks)
        if not 1 <= count <= MOST_NETWORKS:
            raise InvalidValue("number of networks", count, f"must be 1 to {MOST_NETWORKS}")
        for name in ONE_NETWORK_ONLY if count > 1 else ():
            self._refuse(name, f"fits one network, not {count}")
        self._label(count - 1, count)
        return count

    def _parts(self, count: int, existing: Sequence[Network]) -> list[IPNetwork]:
        """The range of each network, around those of others."""
        cidr = self._range_v4()
        size = _chosen(self.wanted.network_size, self._usual_size(cidr, count))
        prefix = ranges.network_prefix(size, cidr)
        if 2 ** (32 - prefix) > MOST_ADDRESSES:
            raise InvalidValue("network size", size, f"must be at most {MOST_ADDRESSES}, a /12")
        taken = [(network.label, IPNetwork(network.cidr)) for network in existing]
        return ranges.free_parts(cidr, prefix, count, taken)

    def _range_v4(self) -> IPNetwork:
        """The IPv4 range, which a network must have: addresses, DHCP and NAT are of it."""
        range_v4, range_v6 = self.wanted.fixed_range_v4, self.wanted.fixed_range_v6
        if range_v4 is not None:
            return ranges.parse_range(range_v4)
        if range_v6 is not None:
            raise InvalidValue("IPv6 range", range_v6, "needs an IPv4 range beside it")
        raise InvalidValue("fixed range", "", "name an IPv4 range such as 10.0.0.0/24")

    def _usual_size(self, cidr: IPNetwork, count: int) -> int:
        """All of the range for one network; for several what fits, up to `network_size`."""
        if count == 1:
            return cidr.size
        share = max(cidr.size // count, 1)
        return min(self.options.network_size, 1 << (share.bit_length() - 1))

    def _parts_v6(self, count: int, existing: Sequence[Network]) -> list[IPNetwork]:
        if self.wanted.fixed_range_v6 is None:
            return []
        cidr = ranges.parse_range_v6(self.wanted.fixed_range_v6)
        taken = [(one.label, IPNetwork(one.cidr_v6)) for one in existing if one.cidr_v6]
        return ranges.free_parts(cidr, ranges.PREFIX_V6, count, taken)

    def _numbers(self, count: int) -> tuple[Sequence[int | None], Sequence[int | None]]:
        """The VLAN and the VPN's port of each network."""
        wanted, options = self.wanted, self.options
        if manager(options) is not VLAN:
            return [None] * count, [None] * count
        first = _chosen(wanted.vlan_start, options.vlan_start)
        kept = vlan.of_device(options.public_interface)
        vlans = vlan.identifiers(self.existing, count, first, wanted.vlan, kept)
        first = _chosen(wanted.vpn_start, options.vpn_start)
        return vlans, vlan.vpn_ports(self.existing, count, first)

    def _bridge_interface(self, bridges: Sequence[str]) -> str | None:
        kind = manager(self.options)
        interface = _chosen(self.wanted.bridge_interface, kind.bridge_interface(self.options))
        if kind.required == "bridge_interface" and not interface:
            rule = "name one, or set vlan_interface in the configuration"
            raise InvalidValue("bridge interface", "", rule)
        if interface is None:
            return None
        if validate.interface("bridge interface", interface) in bridges:
            raise InvalidValue("bridge interface", interface, "is the bridge itself")
        return interface

    def _refuse_clash(self, network: Network, others: Iterable[Network]) -> None:
        lower = lower_interface(network, self.options)
        for other in others:
            if network.label == other.label:
                shown = command("network", "show", network.label)
                raise Conflict(f"network {network.label!r} exists already: {shown} shows it")
            if manager(self.options) is not FLAT_DHCP or network.bridge == other.bridge:
                continue
            if lower and lower_interface(other, self.options) == lower:
                raise Conflict(
                    f"interface {lower} is in bridge {other.bridge} of network {other.label!r} "
                    "already, only VLANs can share one: `ip -brief link` shows which there are"
                )


def _chosen(given: Value | None, default: Value) -> Value:
    return default if given is None else given


def _check_number(what: str, value: int | None, allowed: range) -> None:
    if value is not None and value not in allowed:
        raise InvalidValue(what, value, f"must be {allowed[0]} to {allowed[-1]}")
