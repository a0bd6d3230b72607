"""Faults of filters that stand elsewhere than in FORWARD, or ask for more than addresses."""

from collections.abc import Callable
from typing import Final

from netconsole.backend.service.service import Service
from netconsole.lab.clouds.kinds import BRIDGE
from netconsole.lab.clouds.wires import PUBLIC
from netconsole.lab.faults.fault import Fault, command_fault, ends_well
from netconsole.lab.sandbox.commands import run

Words = tuple[str, ...]


def _of_table(
    fault_id: str, breaks: str, symptom: str, table: Words, chain: str, rule: Words
) -> Fault:
    """Return a fault that is a table of nftables with one chain and one rule."""
    add = ("nft", "add")

    def is_there(service: Service) -> bool:
        return ends_well("nft", "list", "table", *table)

    made = (
        (*add, "table", *table),
        (*add, "chain", *table, "stray", f"{{ {chain} }}"),
        (*add, "rule", *table, "stray", *rule),
    )
    gone = (("nft", "delete", "table", *table),)
    return command_fault(fault_id, breaks, symptom, is_there, made, gone)


def _of_rule(fault_id: str, breaks: str, symptom: str, rule: Words, table: str = "filter") -> Fault:
    """Return a fault that is a rule of iptables before all others of its chain."""
    iptables = ("iptables", "-w", "-t", table)
    is_there: Callable[[Service], bool] = lambda _: ends_well(*iptables, "-C", *rule)  # noqa: E731
    made, gone = ((*iptables, "-I", *rule),), ((*iptables, "-D", *rule),)
    return command_fault(fault_id, breaks, symptom, is_there, made, gone)


_EBTABLES: Final = ("ebtables", "--concurrent")
_SILENCED: Final = ("FORWARD", "-p", "ARP", "-j", "DROP")


def _is_silenced(service: Service) -> bool:
    return "-p ARP -j DROP" in run(*_EBTABLES, "-L", "FORWARD")


_NOBODY: Final = "203.0.113.88"
"""Nobody has it."""
_NO_ROOM: Final = ("dev", BRIDGE, "root")


def _has_no_room(service: Service) -> bool:
    return "limit 0p" in run("tc", "qdisc", "show", *_NO_ROOM)


FAULTS: Final = (
    _of_table(
        "layer2_questions",
        "A table of nftables for bridges takes every question of ARP that guests ask the host.",
        "Instances that have forgotten their gateway do not find it again; pings stop one by one.",
        ("bridge", "quiet"),
        "type filter hook input priority 0;",
        ("arp", "operation", "request", "drop"),
    ),
    _of_table(
        "layer2_web",
        "A table of nftables for bridges takes the web from port to port.",
        "Instances ping each other, and load no page from each other.",
        ("bridge", "no_web"),
        "type filter hook forward priority 10;",
        ("tcp", "dport", "80", "drop"),
    ),
    command_fault(
        "layer2_between_guests",
        "ebtables takes ARP from port to port of a bridge.",
        "Instances reach the host and the world, and do not find each other.",
        _is_silenced,
        ((*_EBTABLES, "-I", *_SILENCED),),
        ((*_EBTABLES, "-D", *_SILENCED),),
    ),
    _of_table(
        "arp_answers_filtered",
        "A table of the family arp takes what the host says by ARP on the bridge.",
        "Instances ask for their gateway, and hear nothing.",
        ("arp", "mute"),
        "type filter hook output priority 0;",
        ("oifname", BRIDGE, "drop"),
    ),
    _of_table(
        "ingress_filter",
        "A table of the family netdev takes TCP where it comes in to the uplink, before all rules.",
        "Pings pass, and no connection from or to outside begins.",
        ("netdev", "edge"),
        f"type filter hook ingress device {PUBLIC.interface} priority 0;",
        ("ip", "protocol", "tcp", "drop"),
    ),
    _of_rule(
        "forward_filter_content",
        "A content filter drops packets with the words of HTTP.",
        "Connections to a floating address begin, and no page comes.",
        ("FORWARD", "-m", "string", "--algo", "bm", "--string", "HTTP/1.", "-j", "DROP"),
    ),
    _of_rule(
        "forward_filter_banned",
        "A ban that was set in the table raw drops whatever the router itself sends.",
        "Nobody behind it complains; the one at it reaches no floating address.",
        ("PREROUTING", "-i", PUBLIC.interface, "-s", PUBLIC.outside, "-j", "DROP"),
        "raw",
    ),
    _of_rule(
        "forward_filter_late",
        "A rule in mangle POSTROUTING, after FORWARD, drops what leaves by the uplink.",
        "Instances reach nothing beyond the host, and every rule of FORWARD lets them.",
        ("POSTROUTING", "-o", PUBLIC.interface, "-m", "ttl", "--ttl-lt", "64", "-j", "DROP"),
        "mangle",
    ),
    _of_rule(
        "answers_of_dns",
        "A rule of OUTPUT drops the answers of dnsmasq to questions for names.",
        "Instances resolve no name, and dnsmasq has answered all.",
        ("OUTPUT", "-o", BRIDGE, "-p", "udp", "--sport", "53", "-j", "DROP"),
    ),
    _of_table(
        "answers_of_dhcp",
        "A table of nftables drops what a DHCP server says, as if it were a rogue one.",
        "Instances get no address, and dnsmasq has offered one to each.",
        ("inet", "no_rogues"),
        "type filter hook output priority 0;",
        ("udp", "sport", "67", "drop"),
    ),
    _of_rule(
        "gateway_ping",
        "A rule of INPUT drops pings that come in from instances.",
        "Instances take their gateway for dead, and everything else works.",
        ("INPUT", "-i", BRIDGE, "-p", "icmp", "--icmp-type", "echo-request", "-j", "DROP"),
    ),
    _of_rule(
        "metadata_untranslated",
        "A rule in the table raw drops link-local destinations, before they are translated.",
        "Instances boot two minutes late, without keys and names; all else works.",
        ("PREROUTING", "-i", BRIDGE, "-d", "169.254.0.0/16", "-j", "DROP"),
        "raw",
    ),
    _of_rule(
        "untracked",
        "What comes in by the uplink is taken out of connection tracking, to spare the processor.",
        "Nothing is translated back: instances get no answer from outside.",
        ("PREROUTING", "-i", PUBLIC.interface, "-j", "CT", "--notrack"),
        "raw",
    ),
    _of_rule(
        "short_lived",
        "A rule sets the time to live of what guests send to 1, against sharing of a line.",
        "Instances reach the host, and from beyond it they hear: time to live exceeded.",
        ("PREROUTING", "-i", BRIDGE, "-j", "TTL", "--ttl-set", "1"),
        "mangle",
    ),
    _of_rule(
        "queued_for_nobody",
        "A rule hands what is forwarded to an inspection that does not run any more.",
        "Instances reach the host and nothing beyond, and no rule drops anything.",
        ("FORWARD", "-i", BRIDGE, "-j", "NFQUEUE", "--queue-num", "7"),
    ),
    _of_rule(
        "names_led_astray",
        "Questions for names are led to a filtering name server that nobody runs any more.",
        "Instances resolve no name, and the host resolves all.",
        (
            *("PREROUTING", "-i", BRIDGE, "-p", "udp", "--dport", "53"),
            *("-j", "DNAT", "--to-destination", _NOBODY),
        ),
        "nat",
    ),
    command_fault(
        "drops_all",
        "A queueing discipline without room was set up in front of the bridge.",
        "Instances hear nothing from the host, not even by ARP.",
        _has_no_room,
        (("tc", "qdisc", "add", *_NO_ROOM, "pfifo", "limit", "0"),),
        (("tc", "qdisc", "delete", *_NO_ROOM),),
    ),
)
