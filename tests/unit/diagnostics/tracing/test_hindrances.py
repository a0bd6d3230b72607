"""What stands where a packet stopped, and takes packets without a trace."""

from dataclasses import replace

from routing_samples import LINKS, PORTS

from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.tracing.hindrances import Standstill, hindrances, without_carrier


def test_an_interface_that_takes_shorter_ones_alone_is_named() -> None:
    narrow = replace(PORTS[1], mtu=1200)
    links = Links(tuple(narrow if each.name == narrow.name else each for each in LINKS.links))
    stopped = Standstill("veth1", "veth2")
    said = "veth2 takes 1200 bytes at most (MTU), and it has 1428"
    assert said in list(hindrances(stopped, True, links, {}, 1428))
    assert not any("MTU" in each for each in hindrances(stopped, True, links, {}, 1200))


def test_one_that_is_down_is_not_called_without_a_guest() -> None:
    silent = replace(PORTS[0], carrier=False)
    assert without_carrier(replace(silent, up=False)) == "veth1 is down"
    assert without_carrier(silent) == "veth1 has no carrier: nobody is at its other end"
