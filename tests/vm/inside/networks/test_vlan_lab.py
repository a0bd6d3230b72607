"""The lab of the VLAN manager, which takes a kernel with 802.1Q."""

import json

from running_lab import RunningLab


def pings(lab: RunningLab, member: str, address: str) -> bool:
    return lab.inside(member, "ping", "-q", "-c1", "-W2", address).returncode == 0


def test_each_project_has_a_vlan_of_its_own(lab: RunningLab) -> None:
    status = json.loads(lab.netconsole("status", "--json").stdout)
    assert status["drift"] == []
    assert [
        (found["instance"], found["network"], found["leased"]) for found in status["allocations"]
    ] == [
        ("web1", "vmnet_0", True),
        ("web2", "vmnet_0", True),
        ("db1", "vmnet_1", True),
    ]
    networks = json.loads(lab.netconsole("network", "list", "--json").stdout)
    assert [(found["vlan"], found["project_id"]) for found in networks] == [
        (100, "demo"),
        (101, "other"),
    ]
    web2, db1 = (found["address"] for found in status["allocations"][1:])
    assert pings(lab, "web1", web2)
    assert pings(lab, "web1", "203.0.113.1")
    assert pings(lab, "outside", "203.0.113.129")
    arping = ("arping", "-q", "-c1", "-w2", "-I", "eth0")
    assert lab.inside("web1", *arping, web2).returncode == 0
    assert lab.inside("web1", *arping, db1).returncode != 0
