"""The table of neighbours, filled by real ones: named, enlarged, and as small as before."""

from first_namespace import PYTHON, first_namespace, program, settings
from lab_faults import examined, to_the_cure_and_back
from private_host import eventually

COUNT = 80
"""Neighbours that the host sends to."""
ROOM = 60
"""For that many; twice as many are enough."""
CALL = f"""
import contextlib, socket, time
calling = socket.socket(type=socket.SOCK_DGRAM)
while True:
    for number in range({COUNT}):
        with contextlib.suppress(OSError):
            calling.sendto(b"", (f"192.0.2.{{number + 10}}", 9))
    time.sleep(0.2)
"""


def test_from_full_to_twice_the_room_and_back() -> None:
    with first_namespace() as host:
        host.run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
        bounds = {f"net.ipv4.neigh.default.gc_thresh{number}": ROOM for number in (1, 2, 3)}
        # The bounds first: who is known already is not refused.
        with settings(host, bounds), program(host, *PYTHON, CALL):
            told = ("tail", "-n", "1", "/proc/net/stat/arp_cache")
            eventually(lambda: int(host.run(*told).stdout.split()[-1], 16), seconds=60)
            to_the_cure_and_back(host, "neighbour_table")
        assert examined(host).findings["conntrack_full"]["verdict"] == "ok"
