"""Reads the interfaces, their addresses, routes and neighbours, as iproute2 tells them."""

from dataclasses import replace
from typing import NotRequired, TypedDict, cast

from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import run
from netconsole.diagnostics.evidence.features import read_features
from netconsole.diagnostics.parts.links import (
    BridgeSettings,
    KernelLink,
    LinkCounters,
    Links,
    PortSettings,
)


class _Counts(TypedDict):
    packets: int
    errors: int
    dropped: int


class _Statistics(TypedDict):
    rx: _Counts
    tx: _Counts


class _KindData(TypedDict, total=False):
    stp_state: int
    forward_delay: int
    ageing_time: int
    vlan_filtering: int
    mcast_snooping: int
    mcast_querier: int
    mcast_query_intvl: int
    mcast_query_response_intvl: int
    mcast_membership_intvl: int
    nf_call_iptables: int
    nf_call_ip6tables: int
    nf_call_arptables: int
    id: int
    protocol: str
    mode: str


class _PortData(TypedDict, total=False):
    state: str
    hairpin: bool
    isolated: bool
    learning: bool
    flood: bool
    mcast_flood: bool
    bcast_flood: bool
    locked: bool


class _Info(TypedDict, total=False):
    info_kind: str
    info_data: _KindData
    info_slave_kind: str
    info_slave_data: _PortData


class _Entry(TypedDict):
    ifindex: int
    ifname: str
    flags: list[str]
    mtu: int
    address: NotRequired[str]
    master: NotRequired[str]
    link: NotRequired[str | None]
    ifalias: NotRequired[str]
    promiscuity: NotRequired[int]
    qdisc: NotRequired[str]
    txqlen: NotRequired[int]
    linkinfo: NotRequired[_Info]
    stats64: NotRequired[_Statistics]


def read_links() -> Links:
    """Read every interface with its details and counters."""
    told = run(["ip", "-json", "-details", "-statistics", "link", "show"])
    links = [_link(entry) for entry in cast(list[_Entry], from_json(told))]
    features = read_features(link.name for link in links if _offloads(link))
    return Links(tuple(replace(link, features=features.get(link.name)) for link in links))


def _offloads(link: KernelLink) -> bool:
    """Whether it may be hardware's doing what arrives there: not so at guests' ports."""
    return link.kind in ("", "bond", "team", "veth") and not link.ours and link.name != "lo"


def _link(entry: _Entry) -> KernelLink:
    info = entry.get("linkinfo") or {}
    data = info.get("info_data") or {}
    kind = info.get("info_kind", "")
    is_vlan = kind == "vlan"
    return KernelLink(
        entry["ifindex"],
        entry["ifname"],
        kind,
        up="UP" in entry["flags"],
        carrier="LOWER_UP" in entry["flags"],
        mac=entry.get("address", ""),
        mtu=entry["mtu"],
        master=entry.get("master", ""),
        parent=(entry.get("link") or "") if is_vlan else "",
        vlan=data.get("id") if is_vlan else None,
        vlan_protocol=data.get("protocol", "") if is_vlan else "",
        settled="NO-CARRIER" not in entry["flags"],
        mode=data.get("mode", "") if kind == "macvlan" else "",
        promiscuity=entry.get("promiscuity", 0),
        alias=entry.get("ifalias", ""),
        queue=entry.get("qdisc", ""),
        queue_length=entry.get("txqlen", 0),
        bridge=_bridge(data) if kind == "bridge" else None,
        port=_port(info),
        counters=_counters(entry.get("stats64")),
        arp="NOARP" not in entry["flags"],
    )


def _bridge(data: _KindData) -> BridgeSettings:
    return BridgeSettings(
        stp=bool(data.get("stp_state")),
        forward_delay=data.get("forward_delay", 0),
        ageing_time=data.get("ageing_time", 0),
        vlan_filtering=bool(data.get("vlan_filtering")),
        mcast_snooping=bool(data.get("mcast_snooping")),
        mcast_querier=bool(data.get("mcast_querier")),
        mcast_query_interval=data.get("mcast_query_intvl", 0),
        mcast_response_interval=data.get("mcast_query_response_intvl", 0),
        mcast_membership_interval=data.get("mcast_membership_intvl", 0),
        nf_call_iptables=bool(data.get("nf_call_iptables")),
        nf_call_ip6tables=bool(data.get("nf_call_ip6tables")),
        nf_call_arptables=bool(data.get("nf_call_arptables")),
    )


def _port(info: _Info) -> PortSettings | None:
    data = info.get("info_slave_data")
    if data is None or info.get("info_slave_kind") != "bridge":
        return None
    return PortSettings(
        state=data.get("state", ""),
        hairpin=data.get("hairpin", False),
        isolated=data.get("isolated", False),
        learning=data.get("learning", True),
        flood=data.get("flood", True),
        mcast_flood=data.get("mcast_flood", True),
        bcast_flood=data.get("bcast_flood", True),
        locked=data.get("locked", False),
    )


def _counters(told: _Statistics | None) -> LinkCounters:
    if told is None:
        return LinkCounters()
    rx, tx = told["rx"], told["tx"]
    return LinkCounters(
        rx["packets"], tx["packets"], rx["dropped"], tx["dropped"], rx["errors"], tx["errors"]
    )
