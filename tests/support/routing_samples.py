"""Links, addresses and routes of a healthy host with two instances, for tests to damage."""

from dataclasses import replace

from bridge_samples import BRIDGE
from evidence_samples import FLOATING, HEALTHY

from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.backend.steps import Plan, Step
from netconsole.backend.survey.status import Allocation, Status
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers, AskedAddress
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.routing import InterfaceAddress, Route, Routing, RoutingRule
from netconsole.diagnostics.parts.settings import DropIns, Sysctls


def allocation(number: int, floating: tuple[str, ...] = ()) -> Allocation:
    return Allocation(
        address=f"10.0.0.{number + 1}",
        network="vmnet",
        instance=f"web{number}",
        project="demo",
        mac=f"fa:16:3e:00:00:0{number + 1}",
        allocated=True,
        leased=True,
        reserved=False,
        floating=floating,
        device=f"veth{number}",
        device_state="up",
        lease_expires=None,
    )


WEB1 = allocation(1, (FLOATING,))
WEB2 = allocation(2)
STATUS = replace(HEALTHY, allocations=(WEB1, WEB2))


def link(index: int, name: str, kind: str = "", master: str = "") -> KernelLink:
    return KernelLink(
        index,
        name,
        kind,
        up=True,
        carrier=True,
        mac=f"02:00:00:00:00:{index:02x}",
        mtu=1500,
        master=master,
        bridge=BRIDGE if kind == "bridge" else None,
    )


ETH0, ETH1, BR100 = link(2, "eth0"), link(3, "eth1"), link(4, "br100", "bridge")
PORTS = (link(5, "veth1", "veth", "br100"), link(6, "veth2", "veth", "br100"))
LINKS = Links((link(1, "lo"), ETH0, ETH1, BR100, *PORTS))

ADDRESSES = (
    InterfaceAddress("lo", "127.0.0.1", 8, "host"),
    InterfaceAddress("eth0", "203.0.113.2", 24, "global", (), "203.0.113.255"),
    InterfaceAddress("eth0", FLOATING, 32, "global"),
    InterfaceAddress("eth1", "198.51.100.2", 24, "global"),
    InterfaceAddress("br100", "10.0.0.1", 24, "global"),
)
DEFAULT = Route("default", "unicast", "main", "eth0", "203.0.113.1", "boot")
CONNECTED = tuple(
    Route(destination, "unicast", "main", name, "", "kernel", "link", source)
    for destination, name, source in (
        ("10.0.0.0/24", "br100", "10.0.0.1"),
        ("198.51.100.0/24", "eth1", "198.51.100.2"),
        ("203.0.113.0/24", "eth0", "203.0.113.2"),
    )
)
RULES = tuple(
    RoutingRule(priority, f"from all lookup {table}", table)
    for priority, table in ((0, "local"), (32766, "main"), (32767, "default"))
)
ROUTING = Routing(ADDRESSES, (DEFAULT, *CONNECTED), RULES)

JUMP = "-A POSTROUTING -j nova-network-POSTROUTING\n"
BOTTOM = "-A POSTROUTING -j nova-postrouting-bottom\n"

SETTINGS = {
    f"net/ipv4/conf/{name}/{setting}": "0"
    for name in ("all", "br100", "eth0", "eth1")
    for setting in ("arp_announce", "arp_ignore", "proxy_arp", "proxy_arp_pvlan", "rp_filter")
} | {"net/bridge/bridge-nf-call-iptables": "1"}


def postrouting(*lines: str) -> PacketFilter:
    """A nat table whose POSTROUTING holds these lines, and chains of others what else they say."""
    declared = ":POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n:KUBE-POSTROUTING - [0:0]\n"
    text = f"*nat\n{declared}{''.join(lines)}COMMIT\n"
    return PacketFilter("nft", tuple(parse_saved(text, "nft", "ipv4")))


def asked(interface: str, address: str, *answers: tuple[str, str]) -> AskedAddress:
    told = tuple(ArpAnswer(mac, port) for mac, port in answers)
    return AskedAddress(interface, address, told)


PEACE = ArpAnswers(
    (
        asked("eth0", "203.0.113.2"),
        asked("eth0", FLOATING),
        asked("eth1", "198.51.100.2"),
        asked("br100", "10.0.0.1"),
        asked("br100", "10.0.0.2", ("fa:16:3e:00:00:02", "veth1")),
        asked("br100", "10.0.0.3", ("fa:16:3e:00:00:03", "veth2")),
    )
)
"""Everyone was asked, and answers for itself alone."""


def answered(*changed: AskedAddress) -> ArpAnswers:
    """The same with other answers to some questions."""
    places = {(each.interface, each.address) for each in changed}
    kept = [each for each in PEACE.asked if (each.interface, each.address) not in places]
    return ArpAnswers((*kept, *changed))


def seen(*parts: object, status: Status = STATUS, steps: tuple[Step, ...] = ()) -> Snapshot:
    """All of it, with some parts in the place of healthy ones."""
    healthy = Snapshot.of(
        Backend(status, Plan(steps)),
        Sysctls(SETTINGS),
        DropIns((), None),
        ReversePaths((), 0),
        LINKS,
        ROUTING,
        postrouting(JUMP, BOTTOM),
    )
    return healthy.with_parts(*parts)


def settings(**changed: str) -> Sysctls:
    """Settings with some of an interface changed: `eth0_proxy_arp="1"`."""
    named = {
        f"net/ipv4/conf/{name.partition('_')[0]}/{name.partition('_')[2]}": value
        for name, value in changed.items()
    }
    return Sysctls({**SETTINGS, **named})
