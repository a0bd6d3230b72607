"""Between whom a packet goes, by the words for them, and whom its sender asks for by ARP."""

from dataclasses import replace

import pytest
from evidence_samples import FLOATING
from routing_samples import LINKS, ROUTING, STATUS

from netconsole.backend.model.errors import InvalidValue, Unavailable
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
    with pytest.raises(InvalidValue, match="sender 'nosuch': is no IPv4 address, and no instance"):
        between("nosuch", "web1")


def test_an_instance_of_another_host_is_asked_for_there() -> None:
    bare = Links(())
    at = tuple(replace(each, host="vmhost2") for each in STATUS.allocations)
    with pytest.raises(Unavailable, match=r"no port on this host: .*--host ssh://vmhost2`"):
        ends(TraceRequest("web1", "web2"), replace(STATUS, allocations=at), bare, ROUTING)


def test_a_network_that_this_host_does_not_serve_is_known() -> None:
    assert between("web1", "10.0.0.77").unserved == ""
    away = Links(tuple(each for each in LINKS.links if each.name != "br100"))
    there = ends(TraceRequest("host", "10.0.0.77"), STATUS, away, ROUTING)
    assert there.unserved == "vmnet"


@pytest.mark.parametrize(
    ("destination", "says"),
    [
        ("10.0.0.77", "10.0.0.77 is of the network vmnet, where no instance has it"),
        ("10.0.0.1", ""),
        ("web2", ""),
        (FLOATING, ""),
        ("192.0.2.1", ""),
    ],
)
def test_an_address_that_the_store_gives_nobody_is_known(destination: str, says: str) -> None:
    assert between("host", destination).vacant == says


def test_a_floating_address_that_no_instance_has_is_known() -> None:
    free = tuple(replace(each, fixed_address=None) for each in STATUS.floating_ips)
    nobodys = tuple(replace(each, floating=()) for each in STATUS.allocations)
    status = replace(STATUS, floating_ips=free, allocations=nobodys)
    bare = replace(ROUTING, addresses=())
    found = ends(TraceRequest("web1", FLOATING), status, LINKS, bare)
    assert found.vacant == f"{FLOATING} is a floating address that no instance has"
    assert found.vacant_floating


def test_who_asks_by_arp_as_another_is_known_from_who_asks_as_itself() -> None:
    asks = TracedArp("veth1", False, False, "10.0.0.2", "10.0.0.1", "02:00:00:00:00:02")
    heard = Heard(arp=[asks, replace(asks, interface="br100", sender="10.0.0.3")])
    assert not heard.asks_as_another("veth1", "02:00:00:00:00:02", "10.0.0.2")
    assert heard.asks_as_another("veth1", "02:00:00:00:00:09", "10.0.0.2")
    assert heard.asks_as_another("veth1", "02:00:00:00:00:02", "10.0.0.9")


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


def test_a_guest_that_sends_nothing_may_ask_for_another_router() -> None:
    asks = ("10.0.0.1", "192.0.2.1")
    assert asking("10.0.0.77").sought("veth1", asks, is_guests=True) == "10.0.0.77"
    assert asking("10.0.0.77", "10.0.0.1").sought("veth1", asks, is_guests=True) == "10.0.0.1"
    assert asking("10.0.0.77").sought("veth1", asks, is_guests=False) == ""
