"""Between whom a packet goes, by the words for them, and whom its sender asks for by ARP."""

from dataclasses import replace

import pytest
from evidence_samples import FLOATING
from routing_samples import LINKS, ROUTING, STATUS

from netconsole.backend.model.errors import NotFound, Unavailable
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.tracing.ends import Ends, TraceRequest, ends
from netconsole.diagnostics.tracing.heard import Heard, TracedArp

HOST_NAME = STATUS.host.name


def between(sender: str, destination: str) -> Ends:
    return ends(TraceRequest(sender, destination), STATUS, LINKS, ROUTING)


@pytest.mark.parametrize("word", ["host", HOST_NAME, "203.0.113.2", "10.0.0.1"])
def test_this_host_sends_by_a_word_its_name_or_an_address_of_its_own(word: str) -> None:
    assert (between(word, "web1").name, between(word, "web1").interface) == ("host", "")


@pytest.mark.parametrize("word", ["web1", "10.0.0.2", FLOATING])
def test_an_instance_sends_by_its_name_or_an_address_of_its_own(word: str) -> None:
    assert (between(word, "web2").name, between(word, "web2").source) == ("web1", "10.0.0.2")


@pytest.mark.parametrize("word", ["host", HOST_NAME])
def test_the_host_is_asked_by_its_address_on_the_senders_side(word: str) -> None:
    assert between("web1", word).destination == "10.0.0.1"
    assert between("192.0.2.9", word).destination == "203.0.113.2"
    bare = replace(ROUTING, addresses=())
    with pytest.raises(Unavailable, match="this host has no address at br100"):
        ends(TraceRequest("web1", word), STATUS, LINKS, bare)


def test_an_address_that_is_nobodys_here_is_out_there() -> None:
    assert between("192.0.2.9", FLOATING).interface == "eth0"
    with pytest.raises(NotFound):
        between("nosuch", "web1")


def test_a_network_that_this_host_does_not_serve_is_known() -> None:
    assert between("web1", "10.0.0.77").unserved == ""
    away = Links(tuple(each for each in LINKS.links if each.name != "br100"))
    there = ends(TraceRequest("host", "10.0.0.77"), STATUS, away, ROUTING)
    assert there.unserved == "vmnet"


def asking(*targets: str) -> Heard:
    return Heard(arp=[TracedArp("veth1", False, False, "10.0.0.2", each) for each in targets])


@pytest.mark.parametrize(
    ("destination", "asked", "said"),
    [
        ("10.0.0.77", ("10.0.0.3", "10.0.0.77"), "10.0.0.77"),
        ("10.0.0.77", ("10.0.0.3", "10.0.0.1"), ""),
        ("192.0.2.1", ("10.0.0.77", "10.0.0.1"), "10.0.0.1"),
        ("192.0.2.1", ("10.0.0.77",), ""),
    ],
)
def test_of_arp_the_next_on_the_way_counts_alone(
    destination: str, asked: tuple[str, ...], said: str
) -> None:
    found = between("web1", destination)
    assert asking(*asked).unanswered(found.interface, found.asks) == said
