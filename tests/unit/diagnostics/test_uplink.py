"""The interfaces that lead off the host: which count, and what is said of each state."""

import bridge_samples
import pytest
from bridge_samples import bridged, changed, link

from netconsole.backend.steps import SetLink
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.links import Links

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
