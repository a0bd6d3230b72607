"""An uplink that takes no frames for guests: a macvlan, as a host in a container has."""

import pytest
from cloud import boot, configure, netconsole
from first_namespace import UNSERVED
from lab_faults import examined
from private_host import PrivateHost, eventually

PEER = "10.0.0.250"
TRUNK = f"""
ip netns add other
ip link add trunk type veth peer name trunk netns other
ip link set trunk up
ip -n other link set trunk up
ip -n other address add {PEER}/24 dev trunk
ip link add uplink link trunk type macvlan mode MODE
"""


@pytest.mark.parametrize("mode", ["bridge", "passthru"])
def test_a_macvlan_keeps_the_answers_to_guests_unless_it_is_passed_all(
    host: PrivateHost, mode: str
) -> None:
    host.run("sh", "-ec", TRUNK.replace("MODE", mode))
    configure(host)
    words = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100", "--bridge-interface", "uplink")
    netconsole(host, "network", "create", "vmnet", *words)
    boot(host, "web1")

    def reached() -> bool:
        ping = ("ping", "-c1", "-W2", PEER)
        return host.run("ip", "netns", "exec", "web1", *ping, check=False).returncode == 0

    found = examined(host)
    if mode == "passthru":
        eventually(reached)
        assert found.named_beside(UNSERVED) == []
    else:
        assert not reached()
        assert found.named_beside(UNSERVED) == ["promiscuity"]
        finding = found.findings["promiscuity"]
        assert "macvlan of mode bridge" in finding["because"]
        assert (finding["fix"], "mode passthru" in finding["remedy"]) == (None, True)
