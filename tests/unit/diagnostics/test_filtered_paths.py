"""Rules that look at the route back, and whom they drop."""

import pytest

from netconsole.backend.filtering.native_tables import parse_table
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.diagnostics.checks.path import asymmetric_route, rp_filter
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.drop_ins import DropIns
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import (
    InterfacePaths,
    KnownAs,
    ReversePath,
    ReversePaths,
)
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import Sysctls

FIREWALLD = "meta nfproto ipv4 fib saddr . mark . iif oif missing counter packets 3 bytes 252 drop"


def path(returns_by: str = "eth1", known_as: KnownAs = "neighbour") -> ReversePath:
    kind = "unicast" if returns_by else "none"
    return ReversePath("eth0", "192.0.2.1", known_as, "203.0.113.2", returns_by, kind, "")  # type: ignore[arg-type]  # one of the three


def native(*rules: str, policy: str = "accept", hook: str = "prerouting") -> PacketFilter:
    """A table of nftables, with a chain that writes down before it drops."""
    lines = "\n".join(f"\t\t{rule} # handle {n}" for n, rule in enumerate(rules, start=4))
    told = (
        "table inet firewalld { # handle 1\n\tchain base { # handle 1\n"
        f"\t\ttype filter hook {hook} priority -290; policy {policy};\n{lines}\n\t}}\n"
        '\tchain end { # handle 2\n\t\tlog prefix "no way: " # handle 3\n'
        "\t\tdrop # handle 90\n\t}\n}\n"
    )
    return PacketFilter("nft", (), (parse_table("inet", "firewalld", told),))


def saved(*rules: str) -> PacketFilter:
    chains = dict.fromkeys(rule.split()[1] for rule in rules)
    heads = [f":{name} {'ACCEPT' if name.isupper() else '-'} [0:0]" for name in chains]
    text = "\n".join(("*raw", *heads, *(f"[0:0] {rule}" for rule in rules), "COMMIT"))
    return PacketFilter("nft", tuple(parse_saved(text, "nft", "ipv4")))


def snapshot(seen: PacketFilter, *paths: ReversePath) -> Snapshot:
    found = ReversePaths((InterfacePaths("eth0", ("203.0.113.2",), paths),), 0)
    return Snapshot.of(Sysctls({}), DropIns((), None), found, Routing(), Links(()), seen)


def judged(seen: PacketFilter, *paths: ReversePath) -> Finding:
    return rp_filter.CHECK.examine(snapshot(seen, *paths))


@pytest.mark.parametrize(
    "seen",
    [
        native(FIREWALLD),
        native("fib saddr . iif oif 0 jump end"),
        native("fib saddr . iif oif exists accept", policy="drop"),
        native("fib saddr . iif oif exists return", "drop", hook="forward"),
        native('iifname "eth0" fib saddr . iif oif missing drop', hook="input"),
        saved("-A PREROUTING -m rpfilter --validmark --invert -j DROP"),
        saved("-A PREROUTING -j back", "-A back -m rpfilter -j RETURN", "-A back -j DROP"),
    ],
)
def test_who_is_answered_by_another_interface_is_dropped(seen: PacketFilter) -> None:
    found = judged(seen, path())
    assert found.verdict == "fail"
    assert "drops what comes in at eth0 from 192.0.2.1, as the reply leaves by eth1" in (
        found.because
    )
    assert "rp_filter changes nothing" in found.remedy
    assert judged(seen, path(returns_by="eth0")).verdict == "ok"
    assert judged(seen, path(known_as="beyond")).verdict == "ok"
    assert asymmetric_route.CHECK.examine(snapshot(seen, path())).verdict == "ok"


@pytest.mark.parametrize(
    "seen",
    [
        native("meta nfproto ipv6 fib saddr . iif oif missing drop"),
        native('iifname "eth7" fib saddr . iif oif missing drop'),
        native("fib saddr . iif oif missing counter packets 3 bytes 252"),
        native("ip saddr 192.0.2.0/24 accept", "fib saddr . iif oif missing drop"),
        native("fib saddr oif missing drop"),
        native("udp dport 67 accept", "fib saddr . iif oif exists accept"),
        saved("-A PREROUTING -m rpfilter --loose --invert -j DROP"),
        saved("-A PREROUTING -i eth7 -m rpfilter --invert -j DROP"),
        saved('-A PREROUTING -m mac --mac-source 1:2 -m comment --comment "-m rpfilter" -j DROP'),
    ],
)
def test_rules_that_let_it_in(seen: PacketFilter) -> None:
    assert judged(seen, path()).verdict == "ok"
    assert asymmetric_route.CHECK.examine(snapshot(seen, path())).verdict == "info"


@pytest.mark.parametrize(
    "seen",
    [
        native("fib saddr oif missing drop"),
        saved("-A PREROUTING -m rpfilter --loose --invert -j DROP"),
    ],
)
def test_a_loose_one_drops_whom_no_route_leads_back_to(seen: PacketFilter) -> None:
    found = judged(seen, path(returns_by=""))
    assert found.verdict == "fail"
    assert "has no route" in found.because


def test_what_drops_it_whatever_the_route_is_not_named_here() -> None:
    seen = native("ip saddr 192.0.2.1 drop", "fib saddr . iif oif missing drop")
    assert judged(seen, path()).verdict == "ok"
