"""The way back: begun steps are taken back as far as they stand, and nothing of others is."""

import pytest

from netconsole.backend.model.guards import GuardObject
from netconsole.backend.model.hoststate import Address, ObservedLink
from netconsole.backend.plan.way_back import Standing, changed_since, given_away, way_back
from netconsole.backend.steps import (
    AddAddress,
    AddLink,
    ChangeGuards,
    LinkAttribute,
    RemoveAddress,
    RemoveFile,
    RemoveLink,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    WriteFile,
)

OURS = ObservedLink("br100", "bridge", alias="netconsole:bridge", mac="fa:1")
FRESH = ObservedLink("br100", "bridge", up=False, mac="fa:1")
REMOVED = RemoveLink("br100", "bridge", "netconsole:bridge", mac="fa:1")
Attribute = tuple[LinkAttribute, str, str]
PLACE = Address("br100", "192.0.2.1/24")


def taken(
    steps: tuple[Step, ...], *links: ObservedLink, addresses: tuple[Address, ...] = ()
) -> object:
    standing = Standing({link.name: link for link in links}, addresses)
    return tuple(standing.needed(steps)), len(standing.left)


def test_of_a_kernel_that_is_gone_only_files_are_taken_back() -> None:
    begun = (
        WriteFile("/n/a", "1"),
        AddLink("br100", "bridge", "netconsole:bridge"),
        SetSysctl("net.ipv4.ip_forward", "1", "0"),
    )

    assert way_back(begun, rebooted=True) == (RemoveFile("/n/a", "1"),)
    assert len(way_back(begun, rebooted=False)) == 3


def test_what_was_done_to_a_link_that_goes_again_goes_with_it() -> None:
    begun = (
        AddLink("br100", "bridge", "a"),
        SetLink("br100", "up", "1", "0"),
        AddAddress("br100", "10.0.0.1/24"),
        SetLink("eth0", "master", "br100", ""),
    )

    assert way_back(begun, rebooted=False) == (
        SetLink("eth0", "master", "", "br100"),
        RemoveLink("br100", "bridge", "a"),
    )


@pytest.mark.parametrize(
    ("link", "others", "addresses", "outcome"),
    [
        (OURS, (), (PLACE,), ((REMOVED,), 0)),
        (FRESH, (), (), ((REMOVED,), 0)),
        (None, (), (), ((), 0)),
        (FRESH, (), (PLACE,), ((), 1)),
        (FRESH, (ObservedLink("eth1", "", master="br100"),), (), ((), 1)),
        (ObservedLink("br100", "bridge", up=True, mac="fa:1"), (), (), ((), 1)),
        (ObservedLink("br100", "bridge", up=False, mac="fa:2"), (), (), ((), 1)),
        (ObservedLink("br100", "dummy", up=False, mac="fa:1"), (), (), ((), 1)),
        (ObservedLink("br100", "bridge", up=False, mac="fa:1", alias="uplink"), (), (), ((), 1)),
    ],
)
def test_a_link_goes_if_it_is_ours_or_nobody_has_touched_it(
    link: ObservedLink | None,
    others: tuple[ObservedLink, ...],
    addresses: tuple[Address, ...],
    outcome: object,
) -> None:
    links = (*((link,) if link else ()), *others)
    assert taken((REMOVED,), *links, addresses=addresses) == outcome


def test_an_attribute_is_put_right_only_where_it_is_still_what_we_made_it() -> None:
    back = (SetLink("eth0", "master", "", "br100"),)

    assert taken(back, ObservedLink("eth0", "", master="br100")) == (back, 0)
    assert taken(back, ObservedLink("eth0", "")) == ((), 0)
    assert taken(back, ObservedLink("eth0", "", master="br-adm")) == ((), 1)
    assert taken(back) == ((), 0)


def test_an_attribute_set_twice_goes_all_the_way_back() -> None:
    back = (SetLink("eth0", "mtu", "1400", "1300"), SetLink("eth0", "mtu", "1500", "1400"))

    assert taken(back, ObservedLink("eth0", "", mtu=1300)) == (back, 0)


def test_addresses_are_put_on_and_taken_off_where_that_is_left_to_do() -> None:
    on, off = AddAddress("br100", PLACE.address), RemoveAddress("br100", PLACE.address)

    assert taken((off,), OURS, addresses=(PLACE,)) == ((off,), 0)
    assert taken((off,), OURS) == ((), 0)
    assert taken((on,), OURS) == ((on,), 0)
    assert taken((on,), OURS, addresses=(PLACE,)) == ((), 0)
    assert taken((off, on), OURS, addresses=(PLACE,)) == ((off, on), 0)


def test_a_file_that_was_changed_since_is_told_from_one_that_was_not() -> None:
    back = RemoveFile("/etc/sysctl.d/x", "1")

    assert [changed_since(back, text) for text in (None, "1", "2")] == [False, False, True]
    over = WriteFile("/etc/sysctl.d/x", "0", former="1")
    assert [changed_since(over, text) for text in ("0", "1", "2")] == [False, False, True]


def test_the_leases_are_the_dnsmasqs_to_write() -> None:
    argv = ("dnsmasq", "--dhcp-leasefile=/n/nova-br100.leases")

    assert given_away((StartDnsmasq("br100", argv),)) == {"/n/nova-br100.leases"}


def test_a_link_that_was_removed_is_again_all_that_it_was() -> None:
    """As a bridge that is made anew it would be down, and nobody's."""
    marked: Attribute = ("alias", "netconsole:bridge", "")
    raised: Attribute = ("up", "1", "0")
    setting = ("net/ipv4/conf/br100/rp_filter", "2", "0")
    gone = RemoveLink("br100", "bridge", "a", attributes=(marked, raised), settings=(setting,))
    back = way_back((gone,), rebooted=False)

    assert back == (
        AddLink("br100", "bridge", "a"),
        *(SetLink("br100", *marked), SetLink("br100", *raised)),
        SetSysctl(*setting),
    )
    assert taken(back[:3]) == (back[:3], 0)
    assert taken(back[:3], OURS) == ((), 0)
    assert taken(back[:3], FRESH) == (back[1:3], 0)


def test_a_port_that_is_in_its_bridge_again_gets_its_hairpin_again() -> None:
    out = ObservedLink("tap1", "tap", up=False, alias="netconsole:port:1", hairpin=None)
    back = (SetLink("tap1", "master", "br100", ""), SetLink("tap1", "hairpin", "1", "0"))
    standing = Standing({"tap1": out}, ())

    assert tuple(standing.needed(back)) == back
    assert not standing.left


def test_a_port_leaves_its_bridge_before_its_guard_goes() -> None:
    guard = ChangeGuards((), (GuardObject("chain", "port-tap0", (), "tap0"),))
    begun = (AddLink("tap0", "tap", "a"), guard, SetLink("tap0", "master", "br100", ""))

    back = way_back((*begun, SetLink("tap0", "up", "1", "0")), rebooted=False)

    assert back == (SetLink("tap0", "master", "", "br100"), guard.inverse, begun[0].inverse)


def test_what_holds_guests_and_was_asked_for_before_is_not_taken_back() -> None:
    guard = ChangeGuards((), (GuardObject("chain", "port-tap0", (), "tap0"),), stays=True)

    assert way_back((guard,), rebooted=False) == ()
