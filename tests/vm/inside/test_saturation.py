"""A backlog that is too short for what comes at once: named alone, longer, and as before."""

from first_namespace import first_namespace, program, settings
from lab_faults import examined, to_the_cure_and_back

FRAGMENTS = 20
"""Of an echo that long; its reply is handed on all at once, by a processor that is busy with it."""
PING = ("ping", "-q", "-i", "0.1", "-s", str(1480 * FRAGMENTS - 100), "10.0.0.1")


def test_from_dropped_packets_to_twice_the_backlog_and_back() -> None:
    with first_namespace() as host, program(host, "ip", "netns", "exec", "web1", *PING):
        assert examined(host).named == []
        with settings(host, {"net.core.netdev_max_backlog": FRAGMENTS * 2 // 3}):
            finding = to_the_cure_and_back(host, "saturation")
            assert "packets were dropped" in finding["because"]
