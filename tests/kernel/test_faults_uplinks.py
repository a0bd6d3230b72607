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


def test_a_wrong_public_interface_has_no_cure_that_leads_guests_there(lab: RunningLab) -> None:
    options = "/run/netconsole-lab/etc/netconsole/netconsole.conf"
    change = ("sed", "-i", "s/^public_interface = eth0/public_interface = eth1/", options)
    back = ("sed", "-i", "s/^public_interface = eth1/public_interface = eth0/", options)
    lab.run(*change)
    try:
        found = examined(lab)
    finally:
        lab.run(*back)
    assert set(found.named) == {"routes", "floating_address", "floating_nat"}
    for check in found.named:
        assert "my_ip 203.0.113.2 are at eth0" in found.reasons[check]
        assert found.findings[check]["fix"] is None
        assert "Name eth0 in public_interface" in found.findings[check]["remedy"]
    assert examined(lab).named == []
