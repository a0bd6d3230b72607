"""Rules that ask who sends."""

from ipaddress import IPv4Network

import pytest

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.native_tables import parse_table
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.inbound import drops_outbound, is_total
from netconsole.diagnostics.reasoning.socket_owner import ROOT, SocketOwner

NOBODY = SocketOwner(65534, "nobody", 30, "dip", "system.slice/netconsole-agent.service")
QUESTION = Flow(
    *("a question", "", "", "eth0"),
    destination=IPv4Network("203.0.113.1"),
    protocol="udp",
    port=53,
)


def native(*rules: str, policy: str = "accept") -> PacketFilter:
    lines = "\n".join(f"\t\t{rule} # handle {n}" for n, rule in enumerate(rules, start=4))
    told = (
        "table inet who { # handle 1\n\tchain out { # handle 1\n"
        f"\t\ttype filter hook output priority 0; policy {policy};\n{lines}\n\t}}\n}}\n"
    )
    return PacketFilter("nft", (), (parse_table("inet", "who", told),))


def saved(*rules: str) -> PacketFilter:
    text = "\n".join(("*filter", ":OUTPUT ACCEPT [0:0]", *(f"[0:0] {one}" for one in rules)))
    return PacketFilter("nft", tuple(parse_saved(f"{text}\nCOMMIT", "nft", "ipv4")))


def is_dropped(seen: PacketFilter, sender: SocketOwner) -> bool:
    return any(is_total(drop) for drop in drops_outbound(seen, QUESTION, sender))


@pytest.mark.parametrize(
    "seen",
    [
        saved("-A OUTPUT -m owner --uid-owner 65534 -j DROP"),
        saved("-A OUTPUT -p udp -m owner ! --uid-owner 0 -m udp --dport 53 -j REJECT"),
        saved("-A OUTPUT -m owner --uid-owner 60000-65535 --gid-owner 30 -j DROP"),
        saved("-A OUTPUT -m owner --uid-owner 0 -j ACCEPT", "-A OUTPUT -j DROP"),
        native("meta skuid 65534 counter packets 0 bytes 0 drop"),
        native('meta skuid "nobody" udp dport 53 drop'),
        native("meta skgid { 5, 30 } drop"),
        native("meta skuid 0 accept", policy="drop"),
        native('comment "meta skuid 0" meta skuid != 0-999 reject'),
    ],
)
def test_who_has_become_another_is_dropped_and_root_is_not(seen: PacketFilter) -> None:
    assert is_dropped(seen, NOBODY)
    assert not is_dropped(seen, ROOT)


@pytest.mark.parametrize(
    "seen",
    [
        saved("-A OUTPUT -m owner --uid-owner 1000 -j DROP"),
        saved("-A OUTPUT -m owner --uid-owner 65534 -m limit --limit 5/sec -j DROP"),
        saved("-A OUTPUT -m owner ! --socket-exists -j DROP"),
        saved("-A OUTPUT -o eth7 -m owner --uid-owner 65534 -j DROP"),
        saved('-A OUTPUT -m cgroup --path "user.slice" -j DROP'),
        native('socket cgroupv2 level 1 "user.slice" drop'),
        native("meta skuid { 33, 1000-1999 } drop"),
    ],
)
def test_rules_for_others(seen: PacketFilter) -> None:
    assert not is_dropped(seen, NOBODY)


@pytest.mark.parametrize(
    "seen",
    [
        native('socket cgroupv2 level 1 "system.slice" drop'),
        native('socket cgroupv2 level 2 "system.slice/netconsole-agent.service" drop'),
        native('socket cgroupv2 level 1 != "user.slice" drop'),
        saved("-A OUTPUT -m cgroup --path system.slice -j DROP"),
    ],
)
def test_a_control_group_that_is_known(seen: PacketFilter) -> None:
    assert is_dropped(seen, NOBODY)
    assert not is_dropped(seen, ROOT), "of which it is not known"
