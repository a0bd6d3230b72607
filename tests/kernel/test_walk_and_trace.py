"""What is reasoned about rules agrees with what the kernel does: a walk and a trace of one packet.

What the walk is certain of has to be what the trace shows; where it is not certain, the rules ask
for something that it does not read.
"""

import json
from collections.abc import Iterator

import pytest
import walks_compared
from private_host import PrivateHost

pytestmark = pytest.mark.requires("root", "iptables", "tcpdump")

SETS = 12
WORLD = """
ip netns add guest
ip link add in0 type veth peer name eth0 netns guest
ip link set in0 up
ip address add 10.0.0.1/24 dev in0
ip -n guest address add 10.0.0.2/24 dev eth0
ip -n guest link set eth0 up
ip -n guest route add default via 10.0.0.1
ip route replace 198.51.100.0/24 via 203.0.113.1 dev eth0
sysctl -q net.ipv4.ip_forward=1
"""


@pytest.fixture(scope="module")
def world() -> Iterator[PrivateHost]:
    """A guest, and a host that forwards what it sends."""
    with PrivateHost() as host:
        host.run("sh", "-ec", WORLD)
        yield host


@pytest.mark.parametrize("seed", range(2))
def test_what_the_walk_is_certain_of_is_what_the_kernel_does(world: PrivateHost, seed: int) -> None:
    path = walks_compared.__file__.rpartition("/")[0]
    script = f"import sys; sys.path.insert(0, {path!r}); import walks_compared; "
    done = world.run("python3", "-c", f"{script}walks_compared.compare({seed}, {SETS})")
    told = json.loads(done.stdout)
    found = list(walks_compared.certain_of(told))
    for table, reasoned, shown, rules in found:
        assert shown == reasoned, f"{table}: {rules}"
    assert len(found) > len(told) / 2, "most is certain"
