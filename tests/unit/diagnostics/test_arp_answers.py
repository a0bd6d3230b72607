"""Settings by which the host stays silent where it is asked by ARP, or by ping."""

from dataclasses import replace

import pytest
from evidence_samples import FLOATING
from routing_samples import LINKS, ROUTING, SETTINGS, seen, settings

from netconsole.backend.steps import SetSysctl
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.drop_ins import DropIns, parse
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.reverse_paths import InterfacePaths, ReversePath, ReversePaths
from netconsole.diagnostics.parts.settings import Sysctls


def judged(*parts: object) -> Finding:
    return CHECKS["arp_answers"].examine(seen(*parts))


@pytest.mark.parametrize(
    ("value", "verdict"), [("0", "ok"), ("1", "ok"), ("2", "ok"), ("8", "fail")]
)
@pytest.mark.parametrize("interface", ["all", "eth0", "br100"])
def test_arp_ignore_matters_where_nobody_is_answered(
    interface: str, value: str, verdict: str
) -> None:
    finding = judged(settings(**{f"{interface}_arp_ignore": value}))
    assert finding.verdict == verdict
    if verdict == "fail":
        assert f"arp_ignore is {value} in force" in finding.because
        assert finding.fix is not None
        (step,) = finding.fix.steps
        assert step == SetSysctl(f"net.ipv4.conf.{interface}.arp_ignore", "1", value)


def test_who_is_in_no_subnet_of_the_interface_is_not_answered_with_2() -> None:
    narrow = tuple(
        replace(each, prefix_length=26) if each.address == "203.0.113.2" else each
        for each in ROUTING.addresses
    )
    finding = judged(replace(ROUTING, addresses=narrow), settings(eth0_arp_ignore="2"))
    assert finding.verdict == "fail"
    assert f"203.0.113.1, which asks for {FLOATING}" in finding.because


def test_an_interface_without_arp_is_found_by_nobody() -> None:
    without = Links(tuple(replace(e, arp=e.name != "eth0") for e in LINKS.links))
    finding = judged(without)
    assert finding.verdict == "fail"
    assert "NOARP" in finding.because
    assert finding.fix is not None
    assert finding.fix.commands == ("ip link set dev eth0 arp on",)


@pytest.mark.parametrize(("returns_by", "verdict"), [("eth0", "ok"), ("eth1", "fail")])
def test_arp_filter_matters_where_the_route_back_is_another(returns_by: str, verdict: str) -> None:
    path = ReversePath("eth0", "203.0.113.1", "gateway", FLOATING, returns_by, "unicast", "")
    paths = ReversePaths((InterfacePaths("eth0", (FLOATING,), (path,)),), 0)
    values = Sysctls(SETTINGS | {"net/ipv4/conf/all/arp_filter": "1"})
    assert judged(paths, values).verdict == verdict


def test_a_host_that_answers_no_ping_is_a_warning() -> None:
    finding = judged(Sysctls(SETTINGS | {"net/ipv4/icmp_echo_ignore_all": "1"}))
    assert (finding.verdict, "answers no ping" in finding.because) == ("warn", True)


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ("net.ipv4.conf.eth0.arp_ignore = 8", "warn"),
        ("net.ipv4.conf.*.arp_ignore = 8", "warn"),
        ("net.ipv4.icmp_echo_ignore_all=1", "warn"),
        ("net.ipv4.conf.eth0.arp_ignore = 8\nnet.ipv4.conf.eth0.arp_ignore = 1", "ok"),
        ("net.ipv4.conf.lo.arp_ignore = 8", "ok"),
    ],
)
def test_what_is_to_be_silent_after_the_next_boot(lines: str, verdict: str) -> None:
    finding = judged(DropIns(parse("/etc/sysctl.d/99-hard.conf", lines), None))
    assert finding.verdict == verdict
    assert ("99-hard.conf:1 sets" in finding.because) is (verdict == "warn")


@pytest.mark.parametrize(
    ("lines", "verdict", "where"),
    [
        ("net.ipv4.ip_forward = 0", "warn", "off at the next boot"),
        ("net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.forwarding = 0", "warn", "off at the next"),
        ("net.ipv4.conf.all.forwarding = 0\nnet.ipv4.ip_forward = 1", "ok", ""),
        ("net.ipv4.conf.br100.forwarding = 0", "warn", "off at br100 at"),
        ("net.ipv4.conf.default.forwarding = 0", "warn", "off at interfaces that are made"),
        ("net.ipv4.conf.br100.forwarding = 0\nnet.ipv4.ip_forward = 1", "ok", ""),
        ("net.ipv4.conf.tun0.forwarding = 0", "ok", ""),
    ],
)
def test_what_is_not_forwarded_after_the_next_boot(lines: str, verdict: str, where: str) -> None:
    on = {"net/ipv4/conf/br100/forwarding": "1", "net/ipv4/ip_forward": "1"}
    files = DropIns(parse("/etc/sysctl.d/99-hard.conf", lines), None)
    finding = CHECKS["ip_forward"].examine(seen(files, Sysctls(SETTINGS | on)))
    assert finding.verdict == verdict
    assert where in finding.because
