"""Damage to VLANs, named by the check `vlan` alone and cured: it takes a kernel with 802.1Q."""

import pytest
from first_namespace import LACKING
from lab_faults import (
    begin_healthy,
    end_healthy,
    examined,
    run_playbook,
    state,
    to_the_cure_and_back,
)
from running_lab import RunningLab


def test_a_port_in_another_vlan_of_its_bridge(lab: RunningLab) -> None:
    begin_healthy(lab, beside=LACKING)
    lab.netconsole("lab", "break", "vlan")
    try:
        to_the_cure_and_back(lab, "vlan", beside=LACKING)
    finally:
        lab.netconsole("lab", "mend", "vlan")
    end_healthy(lab, beside=LACKING)


@pytest.mark.parametrize("damage", ["ip link set vlan100 nomaster", "ip link set vlan100 down"])
def test_a_vlan_device_that_is_not_as_it_should_be(lab: RunningLab, damage: str) -> None:
    begin_healthy(lab, beside=LACKING)
    before = state(lab)
    lab.run(*damage.split())
    assert examined(lab).named_beside(LACKING) == ["vlan"]
    status, document = run_playbook(lab, "vlan", "--apply")
    assert (status, document["verified"]) == (0, True), document
    assert sorted(state(lab)) == sorted(before)  # routes come back in another order
    end_healthy(lab, beside=LACKING)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("link eth2 name vlan100 type vlan id 200", "but carries 200"),
        ("link eth2 name eth2.100 type vlan id 100", "'eth2.100' carries VLAN 100 of 'eth2'"),
    ],
)
def test_a_device_of_others_in_the_place_of_ours(lab: RunningLab, made: str, said: str) -> None:
    lab.run("ip", "link", "delete", "vlan100")
    lab.run("ip", "link", "add", *made.split())
    try:
        found = examined(lab)
    finally:
        lab.run("ip", "link", "delete", made.split()[3])
        lab.netconsole("apply")
    assert found.named_beside(LACKING) == ["vlan"]
    assert said in found.findings["vlan"]["because"]
    assert found.findings["vlan"]["fix"] is None
    end_healthy(lab, beside=LACKING)


def test_a_trunk_without_carrier(lab: RunningLab) -> None:
    lab.inside("outside", "ip", "link", "set", "eth2", "down")
    try:
        found = examined(lab)
    finally:
        lab.inside("outside", "ip", "link", "set", "eth2", "up")
    assert found.named_beside(LACKING) == ["vlan"]
    assert "no carrier" in found.findings["vlan"]["because"]


def test_a_guest_whose_uplink_takes_every_frame(lab: RunningLab) -> None:
    findings = examined(lab).findings
    assert findings["vlan"]["verdict"] == "ok"
    rows = {row["label"]: row["value"] for row in findings["promiscuity"]["evidence"]}
    assert int(rows["who asks vlan100 for every frame"]) > 0
    assert int(rows["who asks eth2 for every frame"]) > 0
