"""What the check on kernel settings that are too small concludes."""

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from evidence_samples import FORWARDING, HEALTHY, snapshot

from netconsole.backend.filtering.native_tables import parse_table
from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, SetSysctl, WriteFile
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.evidence.settings import OF_ROUTED, SETTINGS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.drop_ins import DropIns, parse
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.setting_bounds import BOUNDS, SettingBound

WITH_V6 = replace(HEALTHY, host=replace(HEALTHY.host, ipv6_forwarding_wanted=True))
FILE = "/etc/sysctl.d/99-hardening.conf"


def judged(settings: dict[str, str], *files: str) -> Finding:
    seen = snapshot(WITH_V6, sysctls={**FORWARDING, **settings})
    drop_ins = DropIns(tuple(line for text in files for line in parse(FILE, text)), None)
    return CHECKS["kernel_settings"].examine(seen.with_parts(drop_ins))


def usual() -> dict[str, str]:
    return {key: each.usual for each in BOUNDS for key in each.keys(("br100", "eth0"))}


def test_what_the_kernel_begins_with_does_no_harm() -> None:
    assert judged(usual()).verdict == "ok"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("net/ipv4/ip_default_ttl", "128"),
        ("net/ipv4/ip_local_port_range", "60000 65000"),
        ("net/ipv4/ip_local_reserved_ports", "8080,40000-41000"),
        ("net/netfilter/nf_conntrack_tcp_timeout_established", "600"),
        ("net/netfilter/nf_conntrack_tcp_timeout_fin_wait", "10"),
        ("net/netfilter/nf_conntrack_udp_timeout", "10"),
        ("net/netfilter/nf_conntrack_generic_timeout", "60"),
        ("net/ipv4/neigh/br100/mcast_solicit", "1"),
        ("net/ipv4/icmp_msgs_per_sec", "100"),
        ("net/core/somaxconn", "128"),
        ("net/core/default_qdisc", "fq"),
    ],
)
def test_what_admins_tune_is_no_harm(key: str, value: str) -> None:
    assert judged({**usual(), key: value}).verdict == "ok"


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("net/ipv4/ip_default_ttl", "1", "fail"),
        ("net/ipv4/ip_default_ttl", "16", "warn"),
        ("net/ipv4/neigh/br100/mcast_solicit", "0", "fail"),
        ("net/ipv6/neigh/eth0/mcast_solicit", "0", "fail"),
        ("net/netfilter/nf_conntrack_udp_timeout", "0", "fail"),
        ("net/netfilter/nf_conntrack_udp_timeout", "3", "warn"),
        ("net/netfilter/nf_conntrack_icmp_timeout", "0", "fail"),
        ("net/netfilter/nf_conntrack_tcp_timeout_established", "10", "warn"),
        ("net/netfilter/nf_conntrack_gre_timeout", "0", "fail"),
        ("net/ipv4/ip_local_port_range", "40000 40000", "fail"),
        ("net/ipv4/ip_local_port_range", "40000 40500", "warn"),
        ("net/ipv4/ip_local_reserved_ports", "1024-65535", "fail"),
        ("net/ipv4/ipfrag_high_thresh", "0", "fail"),
        ("net/ipv6/icmp/echo_ignore_all", "1", "warn"),
        ("net/core/default_qdisc", "blackhole", "fail"),
    ],
)
def test_what_ends_packets_is_named_and_put_back(key: str, value: str, verdict: str) -> None:
    found = judged({**usual(), key: value})
    assert found.verdict == verdict
    assert f"{name_of(key)} is {value}: " in found.because
    assert found.fix == Plan((SetSysctl(name_of(key), usual()[key], value),))
    assert found.persist


def test_the_worst_is_told_first_and_the_others_are_put_back_with_it() -> None:
    wrong = {"net/ipv4/ip_default_ttl": "20", "net/netfilter/nf_conntrack_icmp_timeout": "0"}
    found = judged({**usual(), **wrong})
    assert found.verdict == "fail"
    assert found.because.startswith("net.netfilter.nf_conntrack_icmp_timeout is 0")
    assert "net.ipv4.ip_default_ttl" in found.because
    assert found.fix
    assert len(found.fix.steps) == 2


def test_settings_of_ipv6_matter_where_a_network_has_it() -> None:
    seen = snapshot(sysctls={**FORWARDING, "net/ipv6/icmp/echo_ignore_all": "1"})
    assert CHECKS["kernel_settings"].examine(seen).verdict == "ok"


def test_a_link_without_guests_may_be_as_it_likes() -> None:
    assert judged({**usual(), "net/ipv4/neigh/tun0/mcast_solicit": "0"}).verdict == "ok"


@pytest.mark.parametrize(
    "line",
    [
        "net.ipv4.neigh.default.mcast_solicit = 0",
        "net.ipv4.ip_default_ttl = 1",
        "net.netfilter.nf_conntrack_udp_timeout_stream = 0",
        "net.ipv4.ip_local_port_range = 40000\t40001",
    ],
)
def test_a_file_that_will_do_so_at_boot_is_named_before(line: str) -> None:
    found = judged(usual(), f"# hardened\n{line}\n")
    assert (found.verdict, found.fix) == ("warn", None)
    assert f"{FILE}:2" in found.because
    assert "Take the line out" in found.remedy


TIMEOUTS = """table ip tuning {
\tct timeout brief {
\t\tprotocol tcp
\t\tl3proto ip
\t\tpolicy = { established : TIME, close : 1 }
\t}

\tct expectation sip {
\t\tprotocol udp
\t\tdport 5060
\t\ttimeout 1h
\t}

\tchain pre {
\t\ttype filter hook prerouting priority raw; policy accept;
\t\tip protocol tcp ct timeout set "NAME"
\t}
}"""


@pytest.mark.parametrize(
    ("time", "name", "verdict"),
    [
        ("0", "brief", "fail"),
        ("20s", "brief", "warn"),
        ("1m30s", "brief", "ok"),
        ("7200", "brief", "ok"),
        ("0", "another", "ok"),
    ],
)
def test_a_rule_may_give_connections_too_small_a_timeout(
    time: str, name: str, verdict: str
) -> None:
    told = TIMEOUTS.replace("TIME", time).replace("NAME", name)
    tables = PacketFilter("nft", (), (parse_table("ip", "tuning", told),))
    seen = snapshot(sysctls={**FORWARDING, **usual()}).with_parts(tables)
    found = CHECKS["kernel_settings"].examine(seen)
    assert (found.verdict, found.fix) == (verdict, None)
    assert ("the timeout brief" in found.because) == (verdict != "ok")


def test_the_cure_is_kept_by_our_own_file() -> None:
    found = judged({**usual(), "net/ipv4/neigh/br100/mcast_solicit": "0"})
    assert found.persist
    (step,) = found.persist.steps
    assert isinstance(step, WriteFile)
    assert "net.ipv4.neigh.br100.mcast_solicit = 3" in step.content


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda each: each.pattern)
def test_each_bound_is_of_a_setting_that_is_read(bound: SettingBound) -> None:
    patterns = (*SETTINGS, *(each.format("*") for each in OF_ROUTED))
    assert any(fnmatchcase(bound.pattern, each) for each in patterns)
    assert not bound.is_harmful(bound.usual)
