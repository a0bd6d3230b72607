"""The interface to the world, set down and unplugged: named before anything else is."""

import pytest
from lab_faults import PROGRAMS, examined, put_through
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


def test_set_down(lab: RunningLab) -> None:
    finding = put_through(lab, "uplink_down", "uplink", beside=("routes",))
    assert finding["because"] == (
        "eth0 is set down: 203.0.113.129 is cut off from every other machine."
    )


def test_unplugged(lab: RunningLab) -> None:
    lab.netconsole("lab", "break", "cable_pulled")
    try:
        found = examined(lab)
        assert found.named == ["uplink"]
        assert "no carrier" in found.findings["uplink"]["because"]
        assert found.findings["uplink"]["fix"] is None
    finally:
        lab.netconsole("lab", "mend", "cable_pulled")
    assert examined(lab).named == []
