"""Faults of the packet filter: what other programs put into it, and the tables nobody sees."""

from pathlib import Path
from typing import Final

from netconsole.backend.service.service import Service
from netconsole.lab.clouds.kinds import BRIDGE
from netconsole.lab.clouds.wires import PUBLIC
from netconsole.lab.faults.fault import command_fault, ends_well
from netconsole.lab.sandbox.commands import run

_REJECT: Final = ("-j", "REJECT", "--reject-with", "icmp-host-prohibited")
_LEGACY: Final = ("iptables-legacy", "-w")
_LEGACY_NAMES: Final = Path("/proc/self/net/ip_tables_names")
_WALL: Final = ("inet", "host_firewall")
_MASQUERADING: Final = ("inet", "masquerading")
_PROXY: Final = ("ip", "proxy")
_LEFT_BEHIND: Final = ("FORWARD", "-d", "10.0.0.0/8", "-m", "conntrack", "--ctstate", "NEW")


def _rejected(service: Service) -> bool:
    return ends_well("iptables", "-w", "-C", "FORWARD", *_REJECT)


def _docker_drops(service: Service) -> bool:
    return "-P FORWARD DROP" in run(*_LEGACY, "-S", "FORWARD") if _in_legacy("filter") else False


def _walled(service: Service) -> bool:
    return ends_well("nft", "list", "table", *_WALL)


def _masquerades(service: Service) -> bool:
    return ends_well("nft", "list", "table", *_MASQUERADING)


def _redirects(service: Service) -> bool:
    return ends_well("nft", "list", "table", *_PROXY)


def _left_behind(service: Service) -> bool:
    return _in_legacy("filter") and ends_well(*_LEGACY, "-C", *_LEFT_BEHIND, "-j", "DROP")


def _in_legacy(table: str) -> bool:
    """Whether a legacy table is in use; asking iptables-legacy would make it."""
    try:
        return table in _LEGACY_NAMES.read_text(encoding="ascii").split()
    except OSError:
        return False


_WITHIN: Final = ("FORWARD", "-i", BRIDGE, "-o", BRIDGE, "-j", "DROP")


def _kept_apart(service: Service) -> bool:
    return ends_well("iptables", "-w", "-C", *_WITHIN)


_PORT: Final = "eth3"
"""A card that the admin puts into the bridge; its far end is on this host, and answers nobody."""
_ADMITS: Final = ("INPUT", "-i", _PORT, "-p", "tcp", "--dport", "22", "-j", "ACCEPT")


def _asks_for_a_port(service: Service) -> bool:
    return ends_well("iptables", "-w", "-C", *_ADMITS)


_BYPASS: Final = ("FORWARD", "-o", BRIDGE, "-j", "ACCEPT")
_BYPASS_OF_HOST: Final = ("OUTPUT", "-j", "ACCEPT")


def _bypassed(service: Service) -> bool:
    return ends_well("iptables", "-w", "-C", *_BYPASS)


FAULTS: Final = (
    command_fault(
        "bridge_nf",
        "A rule drops what comes in and goes out by the same bridge, and bridged frames meet it.",
        "Instances reach the host and the world, and not each other.",
        _kept_apart,
        (("iptables", "-w", "-I", *_WITHIN),),
        (("iptables", "-w", "-D", *_WITHIN),),
    ),
    command_fault(
        "forward_filter",
        "A rule that rejects everything stands in FORWARD before netconsole's.",
        "Instances reach the host and nothing beyond: `Destination Host Prohibited`.",
        _rejected,
        (("iptables", "-w", "-I", "FORWARD", *_REJECT),),
        (("iptables", "-w", "-D", "FORWARD", *_REJECT),),
    ),
    command_fault(
        "forward_filter_docker",
        "Docker of the legacy kind has set the policy of its FORWARD to DROP.",
        "Instances reach nothing beyond the host, though `iptables -S` shows every ACCEPT.",
        _docker_drops,
        (
            (*_LEGACY, "-N", "DOCKER-USER"),
            (*_LEGACY, "-A", "DOCKER-USER", "-j", "RETURN"),
            (*_LEGACY, "-A", "FORWARD", "-j", "DOCKER-USER"),
            (*_LEGACY, "-P", "FORWARD", "DROP"),
        ),
        (
            (*_LEGACY, "-P", "FORWARD", "ACCEPT"),
            (*_LEGACY, "-D", "FORWARD", "-j", "DOCKER-USER"),
            (*_LEGACY, "-F", "DOCKER-USER"),
            (*_LEGACY, "-X", "DOCKER-USER"),
        ),
    ),
    command_fault(
        "forward_filter_nft",
        "A firewall of nftables drops what is forwarded, unless it belongs to a known connection.",
        "Instances reach nothing beyond the host, and no rule of iptables says why.",
        _walled,
        (
            ("nft", "add", "table", *_WALL),
            (
                *("nft", "add", "chain", *_WALL, "forward"),
                "{ type filter hook forward priority 10; policy drop; }",
            ),
            (
                *("nft", "add", "rule", *_WALL, "forward"),
                *("ct", "state", "established,related", "accept"),
            ),
        ),
        (("nft", "delete", "table", *_WALL),),
    ),
    command_fault(
        "groups_bypassed",
        "Rules that accept stand in FORWARD and OUTPUT before netconsole's.",
        "Every port of every instance is reachable, whatever its security groups say.",
        _bypassed,
        (
            ("iptables", "-w", "-I", *_BYPASS),
            ("iptables", "-w", "-I", *_BYPASS_OF_HOST),
        ),
        (
            ("iptables", "-w", "-D", *_BYPASS),
            ("iptables", "-w", "-D", *_BYPASS_OF_HOST),
        ),
    ),
    command_fault(
        "egress_source_nft",
        "A table of nftables masquerades all that leaves by eth0, before iptables is asked.",
        "An instance with a floating address is seen outside under the address of the host, and "
        "no rule of iptables says why.",
        _masquerades,
        (
            ("nft", "add", "table", *_MASQUERADING),
            (
                *("nft", "add", "chain", *_MASQUERADING, "postrouting"),
                "{ type nat hook postrouting priority 90; }",
            ),
            (
                *("nft", "add", "rule", *_MASQUERADING, "postrouting"),
                *("oifname", PUBLIC.interface, "masquerade"),
            ),
        ),
        (("nft", "delete", "table", *_MASQUERADING),),
    ),
    command_fault(
        "ingress_destination",
        "A transparent proxy of this host takes whatever comes in by eth0, by rules of nftables.",
        "A floating address answers pings, and it is the host that does: nothing else gets through "
        "to the instance.",
        _redirects,
        (
            ("nft", "add", "table", *_PROXY),
            (
                *("nft", "add", "chain", *_PROXY, "prerouting"),
                "{ type nat hook prerouting priority -110; }",
            ),
            (
                *("nft", "add", "rule", *_PROXY, "prerouting"),
                *("iifname", PUBLIC.interface, "redirect"),
            ),
        ),
        (("nft", "delete", "table", *_PROXY),),
    ),
    command_fault(
        "legacy_filter",
        "Rules of an earlier time are left in the legacy tables, which `iptables` does not show.",
        "New connections to instances are dropped, and the rule is nowhere to be seen.",
        _left_behind,
        (
            (*_LEGACY, "-N", "old-guard"),
            (*_LEGACY, "-A", "old-guard", "-p", "tcp", "--dport", "25", "-j", "REJECT"),
            (*_LEGACY, "-A", "FORWARD", "-j", "old-guard"),
            (*_LEGACY, "-A", *_LEFT_BEHIND, "-j", "DROP"),
            (*_LEGACY, "-P", "INPUT", "DROP"),
            (*_LEGACY, "-A", "INPUT", "-j", "ACCEPT"),
            (*_LEGACY, "-t", "nat", "-A", "POSTROUTING", "-o", "eth9", "-j", "MASQUERADE"),
        ),
        (
            (*_LEGACY, "-P", "INPUT", "ACCEPT"),
            (*_LEGACY, "-F"),
            (*_LEGACY, "-X"),
            (*_LEGACY, "-t", "nat", "-F"),
        ),
    ),
    command_fault(
        "port_rules",
        f"{_PORT} was made a port of the bridge, and a rule that admits SSH still asks for it.",
        f"SSH to the host by {_PORT} is refused where the policy refuses, though a rule allows it.",
        _asks_for_a_port,
        (
            ("ip", "link", "add", _PORT, "type", "veth", "peer", "name", f"{_PORT}-far"),
            ("ip", "link", "set", "dev", _PORT, "up", "master", BRIDGE),
            ("ip", "link", "set", "dev", f"{_PORT}-far", "arp", "off", "up"),
            ("iptables", "-w", "-A", *_ADMITS),
        ),
        (
            ("iptables", "-w", "-D", *_ADMITS),
            ("ip", "link", "delete", "dev", _PORT),
        ),
    ),
)
