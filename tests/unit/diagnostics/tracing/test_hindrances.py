"""What stands where a packet stopped, and takes packets without a trace."""

from dataclasses import replace

import pytest
from routing_samples import LINKS, PORTS

from netconsole.diagnostics.parts.links import Links, without_carrier
from netconsole.diagnostics.tracing.hindrances import (
    BridgeEntry,
    Standstill,
    hindrances,
)


def test_an_interface_that_takes_shorter_ones_alone_is_named() -> None:
    narrow = replace(PORTS[1], mtu=1200)
    links = Links(tuple(narrow if each.name == narrow.name else each for each in LINKS.links))
    stopped = Standstill("veth1", "veth2")
    said = "veth2 takes 1200 bytes at most (MTU), and it has 1428"
    assert said in [each.says for each in hindrances(stopped, True, links, {}, 1428)]
    assert not any("MTU" in each.says for each in hindrances(stopped, True, links, {}, 1200))


def test_one_that_is_down_is_not_called_without_a_guest() -> None:
    silent = replace(PORTS[0], carrier=False)
    assert without_carrier(replace(silent, up=False)) == "veth1 is down"
    assert without_carrier(silent) == "veth1 has no carrier: nobody is at its other end"


def test_a_bridge_that_is_down_is_said_and_not_that_its_ports_are_for_it() -> None:
    down = [replace(each, up=False) if each.name == "br100" else each for each in LINKS.links]
    stopped = Standstill("veth1", "veth2")
    (found,) = hindrances(stopped, True, Links(tuple(down)), {}, 0)
    assert (found.says, found.is_cause) == ("br100, the bridge of veth1, is down", True)
    assert found.remedy == "`ip link set dev br100 up`"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("veth9", ["br100 has its MAC address 02:00:00:00:00:03 at veth9 (bridge fdb)"]),
        ("veth2", []),
        ("", []),
        ("br100", []),
    ],
)
def test_a_bridge_that_sends_frames_elsewhere_is_asked(at: str, said: list[str]) -> None:
    """What is for the bridge itself is routed: it goes to no port by its MAC address."""
    entry = BridgeEntry("br100", "02:00:00:00:00:03", at)
    found = hindrances(Standstill("veth1", "veth2"), True, LINKS, {}, 0, entry)
    assert [each.says for each in found] == said
