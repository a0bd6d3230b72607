"""Faults of kernel settings and addresses: the host is silent, or forwards from one side alone."""

import json
from pathlib import Path
from typing import Final

from netconsole.backend.service.service import Service
from netconsole.lab.clouds.kinds import BRIDGE
from netconsole.lab.clouds.wires import DEFAULT_ROUTE, PREFIX_LENGTH, PUBLIC, SECOND
from netconsole.lab.faults.fault import Fault, command_fault, recall, remember, setting_fault
from netconsole.lab.sandbox.commands import run

_DROP_IN: Final = Path("/etc/sysctl.d/98-hardening.conf")
_GATEWAY, _LENGTH = "10.0.0.1", 24
_ASIDE: Final = ("192.0.2.0/24", "via", SECOND.outside, "dev", SECOND.interface)
_UPPER: Final = "br0"


def _prefix_lengths(address: str, interface: str) -> list[int]:
    (link,) = json.loads(run("ip", "-json", "address", "show", "dev", interface))
    return [each["prefixlen"] for each in link["addr_info"] if each.get("local") == address]


def _is_narrow(service: Service) -> bool:
    return _prefix_lengths(_GATEWAY, BRIDGE) == [32]


def _is_lost(service: Service) -> bool:
    return not (_is_bridged(service) or _prefix_lengths(PUBLIC.host, PUBLIC.interface))


def _lose(service: Service) -> None:
    remember("host_address_lost", {"addresses": " ".join(_addresses(PUBLIC.interface))})
    own = f"{PUBLIC.host}/{PREFIX_LENGTH}"
    run("ip", "address", "delete", own, "dev", PUBLIC.interface)


def _find(service: Service) -> None:
    if addresses := recall("host_address_lost").get("addresses", "").split():
        _move(addresses, PUBLIC.interface, PUBLIC.interface)
        run("ip", "route", "replace", *DEFAULT_ROUTE)


def _link(name: str) -> dict[str, object]:
    found = json.loads(run("ip", "-json", "link", "show"))
    return next((each for each in found if each.get("ifname") == name), {})


def _is_without_arp(service: Service) -> bool:
    flags = _link(PUBLIC.interface).get("flags")
    return isinstance(flags, list) and "NOARP" in flags


def _file_fault(
    fault_id: str,
    breaks: str,
    symptom: str,
    text: str,
    route: tuple[str, ...] = (),
) -> Fault:
    """Return the fault that a file of sysctl.d will cut guests off once the host starts again."""

    def is_broken(service: Service) -> bool:
        return _DROP_IN.exists() and _DROP_IN.read_text(encoding="utf-8") == text

    def break_it(service: Service) -> None:
        _DROP_IN.parent.mkdir(parents=True, exist_ok=True)
        _DROP_IN.write_text(text, encoding="utf-8")
        if route:
            run("ip", "route", "replace", *route)

    def mend_it(service: Service) -> None:
        if is_broken(service):
            _DROP_IN.unlink()
            if route:
                run("ip", "route", "delete", *route)

    return Fault(fault_id, breaks, symptom, is_broken, break_it, mend_it)


def _addresses(name: str) -> list[str]:
    (link,) = json.loads(run("ip", "-json", "-4", "address", "show", "dev", name))
    return [f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]]


def _is_bridged(service: Service) -> bool:
    return _link(PUBLIC.interface).get("master") == _UPPER


def _move(addresses: list[str], source: str, target: str) -> None:
    run("ip", "-4", "address", "flush", "dev", source)
    for address in addresses:
        broadcast = () if address.endswith("/32") else ("brd", "+")
        run("ip", "address", "add", address, *broadcast, "dev", target)


def _bridge(service: Service) -> None:
    addresses = _addresses(PUBLIC.interface)
    remember("uplink_bridged", {"addresses": " ".join(addresses)})
    mac = str(_link(PUBLIC.interface)["address"])
    run("ip", "link", "add", _UPPER, "address", mac, "type", "bridge", "forward_delay", "0")
    run("ip", "link", "set", "dev", _UPPER, "addrgenmode", "none")
    run("ip", "link", "set", "dev", PUBLIC.interface, "master", _UPPER)
    run("ip", "link", "set", "dev", _UPPER, "up")
    _move(addresses, PUBLIC.interface, _UPPER)
    run("ip", "route", "replace", "default", "via", PUBLIC.outside, "dev", _UPPER)


def _unbridge(service: Service) -> None:
    if addresses := recall("uplink_bridged").get("addresses", "").split():
        run("ip", "link", "delete", _UPPER)
        _move(addresses, PUBLIC.interface, PUBLIC.interface)
        run("ip", "route", "replace", *DEFAULT_ROUTE)


_TRACKING: Final = "net/netfilter/nf_conntrack_"

FAULTS: Final = (
    setting_fault(
        "arp_silent",
        f"A recipe of hardening has the host answer no ARP on {PUBLIC.interface}.",
        "Floating addresses are dead from outside, for whoever has not just been answered.",
        {f"net/ipv4/conf/{PUBLIC.interface}/arp_ignore": "8"},
    ),
    command_fault(
        "interface_without_arp",
        f"{PUBLIC.interface} was set to do without ARP.",
        "Nobody outside finds the host, nor the host anybody there.",
        _is_without_arp,
        (("ip", "link", "set", "dev", PUBLIC.interface, "arp", "off"),),
        (("ip", "link", "set", "dev", PUBLIC.interface, "arp", "on"),),
    ),
    setting_fault(
        "no_echo",
        "The host answers no ping.",
        "Instances take their gateway for dead; everything else works.",
        {"net/ipv4/icmp_echo_ignore_all": "1"},
    ),
    setting_fault(
        "bridge_forwards_nothing",
        f"Forwarding was switched off for {BRIDGE} alone.",
        "Instances reach the host, and nothing beyond.",
        {f"net/ipv4/conf/{BRIDGE}/forwarding": "0"},
    ),
    setting_fault(
        "uplink_forwards_nothing",
        f"Forwarding was switched off for {PUBLIC.interface} alone.",
        "What instances send leaves, and no answer gets further than this host.",
        {f"net/ipv4/conf/{PUBLIC.interface}/forwarding": "0"},
    ),
    setting_fault(
        "udp_forgotten",
        "A recipe of tuning has connection tracking remember UDP for no second.",
        "Instances get no answer by UDP from beyond the host.",
        {f"{_TRACKING}udp_timeout": "0", f"{_TRACKING}udp_timeout_stream": "0"},
    ),
    setting_fault(
        "packets_of_one_hop",
        "A recipe of hardening has what the host sends end at the first router.",
        "Name servers that are further off answer nobody.",
        {"net/ipv4/ip_default_ttl": "1"},
    ),
    setting_fault(
        "neighbours_not_asked",
        f"The host was set to ask nobody by ARP on {BRIDGE}.",
        "Instances that have been silent for a while are reached by nobody outside.",
        {f"net/ipv4/neigh/{BRIDGE}/mcast_solicit": "0"},
    ),
    setting_fault(
        "one_port_left",
        "The range of ports for what the host begins was narrowed to one.",
        "Instances resolve each other's names, and no others, or only one at a time.",
        {"net/ipv4/ip_local_port_range": "40000\t40000"},
    ),
    setting_fault(
        "answers_for_guests",
        f"The host answers ARP on {BRIDGE} in every instance's place (proxy_arp_pvlan).",
        "Instances send each other's packets to the host.",
        {f"net/ipv4/conf/{BRIDGE}/proxy_arp_pvlan": "1"},
    ),
    command_fault(
        "gateway_without_mask",
        "The gateway's address was put back without its prefix length.",
        "Instances ask for their gateway, and the host has no route to answer by.",
        _is_narrow,
        (
            ("ip", "address", "delete", f"{_GATEWAY}/{_LENGTH}", "dev", BRIDGE),
            ("ip", "address", "add", f"{_GATEWAY}/32", "dev", BRIDGE),
        ),
        (
            ("ip", "address", "delete", f"{_GATEWAY}/32", "dev", BRIDGE),
            ("ip", "address", "replace", f"{_GATEWAY}/{_LENGTH}", "brd", "+", "dev", BRIDGE),
        ),
    ),
    Fault(
        "host_address_lost",
        f"{PUBLIC.interface} lost the address of the host, as when its DHCP lease is over.",
        "Instances without a floating address get no answer from the world.",
        _is_lost,
        _lose,
        _find,
    ),
    Fault(
        "uplink_bridged",
        f"{PUBLIC.interface} became a port of {_UPPER}, and its addresses went along.",
        "No instance reaches the world: rules that name the interface match nothing.",
        _is_bridged,
        _bridge,
        _unbridge,
    ),
    _file_fault(
        "strict_at_boot",
        "A file of sysctl.d makes the reverse path filter strict, and a route leads aside.",
        "None yet: after the next start, 192.0.2.0/24 gets no answer.",
        "net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.eth0.rp_filter = 1\n",
        _ASIDE,
    ),
    _file_fault(
        "forwarding_off_at_boot",
        "A file of sysctl.d switches forwarding off.",
        "None yet: after the next start, instances reach nothing beyond the host.",
        "net.ipv4.ip_forward = 0\n",
    ),
)
