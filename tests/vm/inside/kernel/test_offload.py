"""Large receive offload of a public interface, on a bond, which can do it: named, off, on again."""

from cloud import CONFIGURATION, boot, create_network, netconsole
from first_namespace import UNSERVED
from lab_faults import examined, to_the_cure_and_back
from private_host import PrivateHost

BOND = """
ip link add bond0 type bond mode active-backup
ip link set eth0 down
ip link set eth0 master bond0
ip link set bond0 up
ip address delete 203.0.113.2/24 dev eth0 || true
ip address add 203.0.113.2/24 broadcast 203.0.113.255 dev bond0
ip route add default via 203.0.113.1
"""


def merges(host: PrivateHost) -> bool:
    """Whether the interface puts together what comes in."""
    return "large-receive-offload: on" in host.run("ethtool", "-k", "bond0").stdout


def test_switched_on_after_the_kernel_had_switched_it_off_to_forward(host: PrivateHost) -> None:
    host.run("sh", "-ec", BOND)
    create_network(host)
    public = CONFIGURATION.replace("eth0", "bond0")
    host.write("/etc/netconsole/netconsole.conf", public)
    netconsole(host, "apply")
    boot(host, "web1")
    assert not merges(host)
    assert examined(host).named_beside(UNSERVED) == []

    host.run("ethtool", "-K", "bond0", "lro", "on")
    finding = to_the_cure_and_back(host, "offload", beside=UNSERVED)
    assert finding["because"].startswith("bond0 merges TCP segments")
    assert merges(host)
