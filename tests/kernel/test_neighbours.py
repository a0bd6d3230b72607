"""A bridge's entries, asked of the kernel one at a time."""

import pytest
from private_host import PrivateHost

pytestmark = pytest.mark.requires("namespaces", "ip")

ASK = """
from netconsole.backend.kernel.neighbours import Neighbours
with Neighbours() as kernel:
    print(kernel.port_of("br9", "02:00:00:00:00:09"), kernel.port_of("br9", "02:00:00:00:00:0a"))
    try:
        kernel.port_of("gone", "02:00:00:00:00:09")
    except OSError as refusal:
        print("refused")
"""


def test_an_unknown_address_is_told_from_a_bridge_that_is_gone(host: PrivateHost) -> None:
    host.run("ip", "link", "add", "br9", "up", "type", "bridge")
    host.run("ip", "link", "add", "port9", "master", "br9", "type", "veth", "peer", "name", "end9")
    host.run("bridge", "fdb", "add", "02:00:00:00:00:09", "dev", "port9", "master", "static")
    assert host.run("python3", "-c", ASK).stdout == "port9 \nrefused\n"
