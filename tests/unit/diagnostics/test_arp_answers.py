"""Settings by which the host stays silent where it is asked by ARP, or by ping."""

from dataclasses import replace

import pytest
from evidence_samples import FLOATING
from routing_samples import LINKS, ROUTING, SETTINGS, seen, settings

from netconsole.backend.steps import SetSysctl
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
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
