"""Addresses that a host has before the store asks for them: whose they are, and that they stay."""

from dataclasses import replace

import pytest
from core_samples import EMPTY, FLOATING, network, options

from netconsole.backend.intent import intent
from netconsole.backend.intent.addresses import gateway_addresses
from netconsole.backend.model.hoststate import Address, Mark, Observed, ObservedLink, Place
from netconsole.backend.model.records import FloatingIP, Records
from netconsole.backend.plan import plan
from netconsole.backend.plan.adoption import asked_before, kept, noted
from netconsole.backend.steps import AddAddress, MoveAddresses, Plan, RemoveAddress

NETWORK = network(bridge="adm")
GATEWAY = ("adm", "10.0.0.1/24")
SINGLE = f"{FLOATING}/32"
RANGE = Records(floating_ips=(FloatingIP(1, FLOATING, "public", "eth0"),))
ASKED = Records(networks=(NETWORK,), floating_ips=RANGE.floating_ips)


def having(*places: Place, master: str | None = None) -> Observed:
    links = {"eth0": ObservedLink("eth0", "", master=master), "adm": ObservedLink("adm", "bridge")}
    return replace(EMPTY, links=links, addresses=tuple(Address(*place) for place in places))


def taken_off(asked: Records, observed: Observed, *released: Address) -> list[Place]:
    steps = plan(observed, intent(asked, options(), frozenset(released), observed)).steps
    return [(step.interface, step.address) for step in steps if isinstance(step, RemoveAddress)]


def test_what_is_there_when_it_is_first_asked_for_is_noted() -> None:
    observed = having(GATEWAY, ("eth0", SINGLE), ("lo", SINGLE), ("eth0", "192.0.2.1/24"))
    singles = {("eth0", SINGLE), ("lo", SINGLE)}
    assert noted(observed, Records(), ASKED, (), options()) == {GATEWAY, *singles}
    assert noted(observed, RANGE, ASKED, (), options()) == {GATEWAY}
    assert noted(observed, ASKED, ASKED, (), options()) == frozenset()
    known = replace(ASKED, former_addresses=frozenset({GATEWAY}))
    assert noted(having(), ASKED, known, (), options()) == {GATEWAY}


def test_what_a_network_releases_that_was_never_served_here_is_noted() -> None:
    elsewhere = Records(networks=(replace(NETWORK, host="another"),))
    gone, observed = gateway_addresses(NETWORK), having(GATEWAY)
    assert noted(observed, elsewhere, Records(), gone, options()) == {GATEWAY}
    assert noted(observed, ASKED, Records(), gone, options()) == frozenset()


def test_it_is_forgotten_when_nothing_asks_for_it_or_it_is_made() -> None:
    known = replace(ASKED, former_addresses=frozenset({GATEWAY, ("eth0", SINGLE)}))
    assert kept(known, options(), Plan()) == {GATEWAY, ("eth0", SINGLE)}
    assert kept(replace(known, networks=()), options(), Plan()) == {("eth0", SINGLE)}
    assert kept(replace(known, floating_ips=()), options(), Plan()) == {GATEWAY}
    assert kept(known, options(), Plan((AddAddress(*GATEWAY, ""),))) == {("eth0", SINGLE)}
    move = MoveAddresses("eth0", "br0", ((SINGLE,),), (), to_bridge=True)
    assert kept(known, options(), Plan((move,))) == {GATEWAY, ("br0", SINGLE)}


def test_what_another_host_asked_for_is_new_here_once() -> None:
    marked = replace(having(("eth0", SINGLE)), mark=Mark("store", 5, "sqlite:////x"))
    for later, found in (({FLOATING}, {("eth0", SINGLE)}), ((), frozenset[Place]())):
        asked = asked_before(RANGE, later, marked, "/networks")
        assert noted(marked, asked, RANGE, (), options()) == found


def test_a_host_with_nothing_of_ours_and_no_mark_was_asked_for_nothing() -> None:
    bare = having(GATEWAY, ("eth0", SINGLE))
    assert asked_before(ASKED, (), bare, "/networks") == Records()
    ours = ObservedLink("adm", "bridge", alias="netconsole:network:1")
    unmarked = replace(bare, links={"adm": ours})
    assert asked_before(ASKED, (), unmarked, "/networks") == ASKED


@pytest.mark.parametrize("ours", [True, False])
def test_a_gateway_is_taken_off_if_it_is_ours(ours: bool) -> None:
    former = frozenset[Place]() if ours else frozenset({GATEWAY})
    gone = gateway_addresses(NETWORK)
    left = taken_off(Records(former_addresses=former), having(GATEWAY), *gone)
    assert left == ([GATEWAY] if ours else [])


@pytest.mark.parametrize("where", ["eth0", "adm"])
@pytest.mark.parametrize("master", ["adm", None])
def test_an_idle_floating_address_stays_whether_a_port_or_its_bridge_has_it(
    where: str, master: str | None
) -> None:
    observed = having((where, SINGLE), master=master)
    known = replace(RANGE, former_addresses=frozenset({("eth0", SINGLE)}))
    assert taken_off(known, observed) == []
    idle = where == "eth0" or master == "adm"
    assert taken_off(RANGE, observed) == ([(where, SINGLE)] if idle else [])
