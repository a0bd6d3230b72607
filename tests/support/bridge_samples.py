"""Evidence of a healthy bridge with two guests and an uplink, for tests to damage."""

from dataclasses import replace

from evidence_samples import FORWARDING, HEALTHY

from netconsole.backend.model.bridging import BridgeSettings, PortSettings
from netconsole.backend.steps import Plan, Step
from netconsole.backend.survey.status import Allocation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.forwarding import (
    ForwardingEntry,
    ForwardingTable,
    PortVlan,
    PortVlans,
)
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.queues import Queue, Queues
from netconsole.diagnostics.parts.settings import DropIns, Sysctls

WEB1, WEB2 = "fa:16:3e:00:00:01", "fa:16:3e:00:00:02"
BRIDGE = BridgeSettings(
    stp=False,
    forward_delay=0,
    ageing_time=30000,
    vlan_filtering=False,
    mcast_snooping=True,
    mcast_querier=False,
    mcast_query_interval=12500,
    mcast_response_interval=1000,
    mcast_membership_interval=26000,
    nf_call_iptables=False,
    nf_call_ip6tables=False,
)
PORT = PortSettings(
    state="forwarding",
    hairpin=True,
    isolated=False,
    learning=True,
    flood=True,
    mcast_flood=True,
    bcast_flood=True,
    locked=False,
)


def link(index: int, name: str, kind: str, mac: str, **more: object) -> KernelLink:
    """A link that is up."""
    up = KernelLink(index, name, kind, up=True, carrier=True, mac=mac, mtu=1500)
    return replace(up, **more)  # type: ignore[arg-type]  # fields of KernelLink, as each test names them


LINKS = Links(
    (
        link(2, "eth0", "", "52:54:00:00:00:01", features=("rx-gro", "tx-checksum-ip-generic")),
        link(3, "eth1", "", "52:54:00:00:00:02", promiscuity=1, features=("rx-gro",)),
        link(4, "br100", "bridge", "fa:16:3e:00:00:ff", bridge=BRIDGE),
        link(
            *(5, "vlan100", "vlan", "fa:16:3e:00:00:fe"),
            master="br100",
            parent="eth1",
            vlan=100,
            vlan_protocol="802.1Q",
            promiscuity=1,
            port=replace(PORT, hairpin=False),
        ),
        link(6, "tap1", "tun", "fe:16:3e:00:00:01", master="br100", promiscuity=1, port=PORT),
        link(7, "tap2", "tun", "fe:16:3e:00:00:02", master="br100", promiscuity=1, port=PORT),
    )
)
TABLE = ForwardingTable(
    (
        ForwardingEntry("fa:16:3e:00:00:ff", "br100", "br100", "permanent"),
        ForwardingEntry(WEB1, "tap1", "br100"),
        ForwardingEntry(WEB2, "tap2", "br100"),
    ),
    seconds=0.6,
)
VLANS = PortVlans(
    tuple(PortVlan(port, 1, True, True) for port in ("br100", "vlan100", "tap1", "tap2"))
)
COUNTERS = {"softnet.processed": 9, "tap2.tx_dropped": 7, "eth1.rx_dropped": 3}
QUEUES = Queues(
    (
        Queue("eth1", "fq_codel", "0:", True, {"limit": 10240}, 12, 0),
        Queue("tap2", "pfifo_fast", "0:", True, {}, 0, 0),
    ),
    0.6,
)


def allocation(instance: str, address: str, mac: str, device: str) -> Allocation:
    """A fixed address of an instance whose port is up."""
    state = (True, True, False)
    return Allocation(address, "vmnet", instance, "demo", mac, *state, (), device, "up", None)


GUESTS = (
    allocation("web1", "10.0.0.2", WEB1, "tap1"),
    allocation("web2", "10.0.0.3", WEB2, "tap2"),
)
WIRED = replace(HEALTHY, allocations=GUESTS)


def bridged(*steps: Step, links: Links = LINKS, **rises: int) -> Snapshot:
    """A snapshot of it; `rises` are what counters rise by, with _ for the dot: tap2_tx_dropped."""
    risen = {name.replace("_", ".", 1): rise for name, rise in rises.items()}
    after = {**COUNTERS, **{name: COUNTERS.get(name, 0) + rise for name, rise in risen.items()}}
    return Snapshot.of(
        Backend(WIRED, Plan(steps)),
        links,
        TABLE,
        VLANS,
        Counters(COUNTERS, after, 0.6),
        QUEUES,
        Sysctls(FORWARDING),
        DropIns((), None),
    )


def changed(name: str, *, among: Links = LINKS, **fields: object) -> Links:
    """The links, one of them otherwise."""
    return Links(
        tuple(
            replace(each, **fields)  # type: ignore[arg-type]  # fields of KernelLink
            if each.name == name
            else each
            for each in among.links
        )
    )


def port_set(name: str, **settings: object) -> Links:
    """The links, one port set otherwise."""
    return changed(name, port=replace(PORT, **settings))  # type: ignore[arg-type]  # its fields


def bridge_set(**settings: object) -> Links:
    """The links, the bridge set otherwise."""
    return changed("br100", bridge=replace(BRIDGE, **settings))  # type: ignore[arg-type]  # its fields
