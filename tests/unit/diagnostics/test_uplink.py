"""The interfaces that lead off the host: which count, and what is said of each state."""

from dataclasses import replace

import bridge_samples
import pytest
from bridge_samples import bridged, changed, link

from netconsole.backend.model.subject import floating as floating_address
from netconsole.backend.steps import ChangeRules, SetLink
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.arp import ArpAnswer, ArpAnswers, AskedAddress
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import InterfaceAddress, Route, Routing

LINKS = Links(
    (*bridge_samples.LINKS.links, link(8, "eth2", "", "52:54:00:00:00:03", master="br100"))
)
"""A bridge with two ways off the host: tagged through eth1, and eth2."""


def judged(links: Links, *steps: SetLink) -> Finding:
    return CHECKS["uplink"].examine(bridged(*steps, links=links))


def test_up_with_a_carrier() -> None:
    found = judged(LINKS)
    assert found.verdict == "ok"
    assert [row.label for row in found.evidence] == ["interface eth0", "interface eth2"]


@pytest.mark.parametrize(
    ("interface", "lost"),
    [("eth0", "203.0.113.129 is cut off"), ("eth2", "br100 is cut off")],
)
def test_one_that_is_set_down_is_set_up(interface: str, lost: str) -> None:
    found = judged(changed(interface, among=LINKS, up=False, carrier=False))
    assert found.verdict == "fail"
    assert f"{interface} is set down: {lost}" in found.because
    assert found.fix is not None
    assert found.fix.commands == (f"ip link set dev {interface} up",)


def test_without_a_carrier_there_is_nothing_to_mend_here() -> None:
    found = judged(changed("eth0", among=LINKS, carrier=False))
    assert (found.verdict, found.fix) == ("fail", None)
    assert "eth0 is up and has no carrier" in found.because
    assert "cable" in found.remedy


def test_a_carrier_that_comes_and_goes_is_no_matter_of_the_card() -> None:
    seen = bridged(links=LINKS, eth0_carrier_changes=3, eth0_tx_dropped=5)
    found = CHECKS["uplink"].examine(seen)
    assert found.verdict == "fail"
    assert "eth0 loses its carrier and finds it again (3 changes" in found.because
    assert CHECKS["drops"].examine(seen).verdict == "ok"


def test_one_that_is_not_there_is_named() -> None:
    found = judged(Links(tuple(link for link in LINKS.links if link.name != "eth0")))
    assert (found.verdict, found.fix) == ("fail", None)
    assert "no interface eth0" in found.because
    assert "public_interface" in found.remedy


def test_what_the_plan_sets_up_is_named_by_another_check() -> None:
    down = changed("eth2", among=LINKS, up=False, carrier=False)
    assert judged(down, SetLink("eth2", "up", "1", "0")).verdict == "ok"


def test_a_container_on_the_bridge_may_be_switched_off() -> None:
    assert judged(changed("tap1", among=LINKS, kind="veth", carrier=False)).verdict == "ok"


def test_a_trunk_is_named_by_the_check_of_vlans() -> None:
    assert judged(changed("eth1", among=LINKS, carrier=False)).verdict == "ok"


def test_one_that_lost_the_hosts_own_address_is_named_and_what_else_that_means_is_not() -> None:
    seen = bridged(links=LINKS)
    host = seen.part(Backend)
    lost = replace(host.status.host, my_ip="203.0.113.2", my_ip_is_lost=True)
    floating = Routing((InterfaceAddress("eth0", "203.0.113.129", 32, "global"),))
    without = seen.with_parts(replace(host, status=replace(host.status, host=lost)), floating)
    found = CHECKS["uplink"].examine(without)
    assert found.verdict == "fail"
    assert "eth0 has lost its own address: 203.0.113.2" in found.because
    assert CHECKS["own_address"].examine(without).verdict == "info"
    renumbered = Routing((InterfaceAddress("eth0", "203.0.113.7", 24, "global"),))
    assert CHECKS["uplink"].examine(without.with_parts(renumbered)).verdict == "ok"
    assert CHECKS["own_address"].examine(without.with_parts(renumbered)).verdict == "fail"


@pytest.mark.parametrize("check", ["floating_nat", "drift"])
def test_rules_that_name_an_interface_which_became_a_port_are_told_why(check: str) -> None:
    rule = "nova-network-snat -s 10.0.0.0/24 -o {} -j SNAT --to-source 203.0.113.2"
    lines = (f"-D {rule.format('eth0')}", f"-A {rule.format('br0')}")
    about = (floating_address("203.0.113.129"),) if check == "floating_nat" else ()
    step = ChangeRules("ipv4", "nat", lines, (), subjects=about)
    seen = bridged(step, links=changed("eth0", among=LINKS, master="br0"))
    found = CHECKS[check].examine(seen)
    assert found.verdict == "fail"
    assert "eth0 is a port of br0 now" in found.because


def test_an_address_of_the_host_on_a_port_is_dead() -> None:
    links = changed("eth0", among=LINKS, master="br0")
    seen = bridged(links=Links((*links.links, link(9, "br0", "bridge", "52:54:00:00:00:09"))))
    host = seen.part(Backend)
    upper = replace(host.status.host, public_interface="br0")
    on_port = Routing(
        (InterfaceAddress("eth0", "203.0.113.2", 24, "global"),),
        (Route("default", "unicast", "main", "eth0", "203.0.113.1"),),
    )
    moved = replace(host, status=replace(host.status, host=upper))
    found = CHECKS["uplink"].examine(seen.with_parts(moved, on_port))
    assert found.verdict == "fail"
    assert "203.0.113.2/24 is still on eth0, where it is dead" in found.because
    assert "ip route replace default via 203.0.113.1 dev br0" in found.remedy


def test_a_program_of_xdp_is_named_where_nobody_is_heard_behind_it() -> None:
    routing = Routing(routes=(Route("default", "unicast", "main", "eth0", "203.0.113.1"),))
    for has_xdp, answers, verdict in (
        (True, (), "fail"),
        (True, (ArpAnswer("02:00:00:00:00:99"),), "ok"),
        (False, (), "ok"),
    ):
        asked = ArpAnswers((AskedAddress("eth0", "203.0.113.1", answers),))
        seen = bridged(links=changed("eth0", among=LINKS, has_xdp=has_xdp))
        found = CHECKS["uplink"].examine(seen.with_parts(routing, asked))
        assert (found.verdict, "XDP" in found.because) == (verdict, verdict == "fail")
