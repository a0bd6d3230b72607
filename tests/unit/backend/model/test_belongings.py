"""What hangs on an interface in words, and the commands that are left of a move."""

from dataclasses import replace

import pytest

from netconsole.backend.model import belongings
from netconsole.backend.model.belongings import Belongings
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import Address, Observed, ObservedLink, Wanted, WantedLink
from netconsole.backend.plan import moves
from netconsole.backend.steps import MoveAddresses, SetSysctl

INFO: dict[str, object] = {
    "family": "inet",
    "local": "192.0.2.5",
    "prefixlen": 24,
    "scope": "global",
    "label": "eth0",
    "valid_life_time": 0xFFFFFFFF,
    "preferred_life_time": 0xFFFFFFFF,
}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "192.0.2.5/24"),
        ({"address": "198.51.100.1"}, "192.0.2.5 peer 198.51.100.1/24"),
        ({"label": "eth0:web", "metric": 7}, "192.0.2.5/24 metric 7 label :web"),
        (
            {"scope": "link", "broadcast": "192.0.2.255"},
            "192.0.2.5/24 broadcast 192.0.2.255 scope link",
        ),
        (
            {"valid_life_time": 60, "dynamic": True},
            "192.0.2.5/24 valid_lft 60 preferred_lft forever",
        ),
        ({"noprefixroute": True, "secondary": True}, "192.0.2.5/24 noprefixroute"),
        (
            {"family": "inet6", "local": "fd00::5", "mngtmpaddr": True, "tentative": True},
            "fd00::5/24 mngtmpaddr",
        ),
    ],
)
def test_an_address_in_words(more: dict[str, object], words: str) -> None:
    found, unworded = belongings.addresses("eth0", [{**INFO, **more}])
    assert ([" ".join(each) for each in found], unworded) == ([words], ())


def test_a_link_local_address_that_the_kernel_made_stays_and_another_goes() -> None:
    """Also the one of a MAC address that the interface had before."""
    own = {**INFO, "family": "inet6", "scope": "link", "local": "fe80::ff:fe00:1"}
    older = {**own, "local": "fe80::ff:fe00:7"}
    found, _ = belongings.addresses("eth0", [own, older, {**own, "local": "fe80::9"}])
    assert found == (("fe80::9/24",),)


def test_what_an_address_has_that_is_new_to_us_is_named() -> None:
    _, unworded = belongings.addresses("eth0", [{**INFO, "colour": "red"}])
    assert unworded == ("address 192.0.2.5: colour",)


def worded(*lines: str, family: str = "", held: tuple[str, ...] = ()) -> list[list[str]]:
    addresses = [tuple(each.split()) for each in held]
    kinds = belongings.routes("eth0", [(family, "\n".join(lines))], addresses)
    return [[each if isinstance(each, str) else " ".join(each) for each in kind] for kind in kinds]


LINK = "unicast 192.0.2.0/24 dev eth0 table main proto kernel scope link src 192.0.2.5"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "unicast default via 192.0.2.1 dev eth0 table 100 proto dhcp scope global src "
            "192.0.2.5 metric 100 realm 5 mtu lock 1400 rto_min lock 200ms linkdown",
            "default via 192.0.2.1 table 100 proto dhcp src 192.0.2.5 metric 100 realm 5 "
            "mtu lock 1400 rto_min 200ms",
        ),
        (
            "unicast 10.2.0.0/16 table main proto boot scope global \\\tnexthop via 192.0.2.1 "
            "dev eth0 weight 2 \\\tnexthop via inet6 fe80::1 dev eth1 weight 1 onlink",
            "10.2.0.0/16 nexthop via 192.0.2.1 dev  weight 2 nexthop via inet6 fe80::1 dev eth1 "
            "weight 1 onlink",
        ),
        (
            "local 10.4.0.0/16 dev eth0 table local proto boot scope host",
            "local 10.4.0.0/16 table local scope host",
        ),
    ],
)
def test_a_route_in_words(line: str, words: str) -> None:
    other = "unicast 10.9.0.0/16 dev eth1 table main proto boot"
    assert worded(line, other) == [[words], [], [], []]


def test_routes_that_the_kernel_makes_with_an_address_are_left_to_it() -> None:
    local = "local 192.0.2.5 dev eth0 table local proto kernel scope host src 192.0.2.5"
    changed = f"{LINK} mtu 1400"
    assert worded(LINK, local, held=("192.0.2.5/24",)) == [[], [], [], []]
    plain = "192.0.2.0/24 proto kernel scope link src 192.0.2.5"
    assert worded(LINK, held=("192.0.2.5/24 noprefixroute",)) == [[plain], [], [], []]
    assert worded(changed, held=("192.0.2.5/24",)) == [[], [], [f"{plain} mtu 1400"], []]


def test_a_second_route_of_the_same_kind_is_appended_and_a_strange_one_named() -> None:
    first = "unicast 10.1.0.0/16 via 192.0.2.1 dev eth1 table main proto boot scope global"
    second = "unicast 10.1.0.0/16 via 192.0.2.4 dev eth0 table main proto boot scope global"
    strange = "unicast 10.6.0.0/16 nhid 10 via 192.0.2.1 dev eth0 table main"
    assert worded(first, second) == [[], ["10.1.0.0/16 via 192.0.2.4"], [], []]
    assert worded(strange) == [[], [], [], [f"route {strange}: nhid"]]


def test_a_route_by_a_group_of_nexthops_is_refused_though_its_line_names_no_interface() -> None:
    route = "unicast default nhid 10 table main proto boot scope global"
    nexthops = (
        "nexthop via 192.0.2.1 dev eth0 weight 100 \\\tnexthop via 192.0.2.9 dev eth1 weight 1"
    )
    text = f"{route} \n\tnh_info id 10 group 6,100/7 scope global proto unspec \\\t{nexthops} \n"
    (*_, unworded) = worded(text)
    assert [each.endswith(": nhid") for each in unworded] == [True]


@pytest.mark.parametrize("own", ["iif", "oif"])
def test_a_rule_for_all_but_the_interface_is_refused(own: str) -> None:
    text = f"60:\tnot from all {own} eth0 lookup 100\n70:\tnot from 10.0.0.0/8 lookup 200\n"
    found, unworded = belongings.rules("eth0", [("", text)])
    assert (found, unworded) == ((), ("rule 60: not",))


def test_rules_that_name_the_interface() -> None:
    text = (
        "50:\tfrom all tos 0x10 iif eth0 ipproto tcp dport 80-90 lookup 100 proto unspec\n"
        "60:\tfrom 10.0.0.0/8 iif br9 [detached] oif eth0 goto 99 [unresolved]\n"
        "70:\tfrom all iif eth01 lookup 100\n"
        "80:\tfrom all iif eth0 wonders\n"
    )
    found, unworded = belongings.rules("eth0", [("", text)])
    assert [" ".join(each) for each in found] == [
        "priority 50 from all tos 0x10 iif  ipproto tcp dport 80-90 lookup 100 protocol unspec",
        "priority 60 from 10.0.0.0/8 iif br9 oif  goto 99",
    ]
    assert unworded == ("rule 80: wonders",)


def test_neighbours_that_someone_entered() -> None:
    text = (
        "192.0.2.9 lladdr 02:00:00:00:00:09 PERMANENT proto 77 \n"
        "fe80::9 lladdr 02:00:00:00:00:09 router PERMANENT \n"
        "192.0.2.11 managed INCOMPLETE \n"
        "192.0.2.1 lladdr 02:00:00:00:00:01 REACHABLE \n"
    )
    assert [" ".join(each) for each in belongings.neighbours(text, "192.0.2.77 proxy \n")] == [
        "192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent protocol 77",
        "fe80::9 lladdr 02:00:00:00:00:09 nud permanent router",
        "192.0.2.11 managed",
        "proxy 192.0.2.77",
    ]


# What is left of a move

DEFAULT = ("default", "via", "192.0.2.1")
FIRST, SECOND = ("192.0.2.5/24", "label", ":a"), ("192.0.2.6/24",)
MOVE = MoveAddresses("eth0", "br100", (FIRST, SECOND), (DEFAULT,), to_bridge=True)
HERE = Belongings((FIRST, SECOND), (DEFAULT,))


def test_a_move_that_is_done_has_nothing_left_to_do() -> None:
    assert MOVE.left(Belongings(master="br100"), HERE) == ()


def test_a_move_that_was_not_begun_takes_nothing_back() -> None:
    """The journal says begun, and nothing had happened."""
    back = replace(MOVE, to_bridge=False)
    assert back.left(Belongings(), HERE) == ()


def test_a_move_cut_off_goes_back_without_a_gap() -> None:
    back = replace(MOVE, to_bridge=False)
    on_both = Belongings((FIRST,), master="br100")
    commands = [" ".join(each) for each in back.left(HERE, on_both)]
    assert commands == [
        "ip address add 192.0.2.6/24 dev eth0",
        "ip link set dev eth0 nomaster",
        "ip route replace default via 192.0.2.1 dev eth0",
        "ip address delete 192.0.2.6/24 dev br100",
        "ip address delete 192.0.2.5/24 dev br100",
    ]


def test_the_lifetime_is_what_is_left_of_it() -> None:
    now = Belongings((("192.0.2.6/24", "valid_lft", "50", "preferred_lft", "40"),))
    timed = replace(MOVE, addresses=(("192.0.2.6/24", "valid_lft", "60", "preferred_lft", "50"),))
    added = " ".join(timed.left(now, Belongings())[0])
    assert added == "ip address add 192.0.2.6/24 valid_lft 50 preferred_lft 40 dev br100"


def test_an_address_with_a_limit_leaves_no_route() -> None:
    """The kernel keeps the route of an IPv6 address that is to end until it would have ended."""
    limited = ("fd00:9::5/64", "valid_lft", "60", "preferred_lft", "50", "nodad")
    there = replace(MOVE, addresses=(limited,), routes=())
    flushed = "ip -6 route flush exact fd00:9::/64 dev eth0 proto kernel"

    def left(old: Belongings) -> list[str]:
        return [" ".join(each) for each in there.left(old, Belongings((limited,)))]

    assert left(Belongings((limited,), master="br100")) == [
        "ip address delete fd00:9::5/64 dev eth0",
        flushed,
    ]
    route = ("-6", "fd00:9::/64", "proto", "kernel", "metric", "256", "expires", "9")
    cut_off = Belongings(routes=((*route, "pref", "medium"),), master="br100")
    assert left(cut_off) == left(replace(cut_off, routes=(), later_routes=cut_off.routes))
    assert left(cut_off) == [flushed]
    another = replace(cut_off, addresses=(("fd00:9::7/64",),), routes=())
    assert left(another) == []


def test_a_journal_of_old_is_read() -> None:
    old = MoveAddresses(
        "eth0", "br100", (("192.0.2.5/24", "192.0.2.255"), ("192.0.2.6/24", "")), (), to_bridge=True
    )
    assert old.commands[:2] == (
        "ip address add 192.0.2.5/24 broadcast 192.0.2.255 dev br100",
        "ip address add 192.0.2.6/24 dev br100",
    )


# What a plan makes of it

ETH0, BR100 = (
    ObservedLink("eth0", "", mac="02::1"),
    ObservedLink("br100", "bridge", mac="02::1", alias="netconsole:n"),
)
WANTED = Wanted(
    links={"br100": WantedLink("br100", "bridge"), "eth0": WantedLink("eth0", "", master="br100")}
)


def test_the_bridge_hears_router_advertisements_in_place_of_its_port() -> None:
    usual = {"ipv4/rp_filter": "0", "ipv6/accept_ra": "1", "ipv6/forwarding": "0"}
    own = {"ipv4/rp_filter": "2", "ipv6/accept_ra": "0", "ipv6/forwarding": "1"}
    route = ("-6", "default", "via", "fe80::1", "proto", "ra")
    heard = Belongings(routes=(route,), settings=own, usual_settings=usual)
    loose = SetSysctl("net/ipv4/conf/br100/rp_filter", "2", "0")
    for found, accepted in ((heard, "2"), (replace(heard, routes=()), "0")):
        seen = Observed(links={"eth0": ETH0}, belongings={"eth0": found})
        accept = SetSysctl("net/ipv6/conf/br100/accept_ra", accepted, "1")
        bridge = WantedLink("br100", "bridge")
        assert list(moves.settings("eth0", bridge, seen, Wanted())) == [loose, accept]


def test_what_stands_on_the_networks_gateway_goes_with_it() -> None:
    gateway, host = ("10.0.0.1/24",), ("192.0.2.5/24",)
    by_guest, by_host = ("10.5.0.0/16", "via", "10.0.0.7"), ("10.6.0.0/16", "via", "192.0.2.1")
    found = Belongings(
        (host, gateway),
        (by_guest, by_host, ("10.7.0.0/16", "src", "10.0.0.1")),
        neighbours=(("10.0.0.9", "nud", "permanent"), ("192.0.2.9", "nud", "permanent")),
    )
    observed = Observed(
        links={"eth0": replace(ETH0, master="br100"), "br100": BR100}, belongings={"br100": found}
    )
    gone = Wanted(released=frozenset({Address("br100", "10.0.0.1/24")}))
    near = (("192.0.2.9", "nud", "permanent"),)
    assert list(moves.moved_back(observed, gone)) == [
        MoveAddresses("eth0", "br100", (host,), (by_host,), to_bridge=False, neighbours=near)
    ]


def test_what_has_no_word_is_refused() -> None:
    found = Belongings((FIRST,), unworded=("route 10.0.0.0/8 nhid 1: nhid",))
    observed = Observed(links={"eth0": ETH0}, belongings={"eth0": found})
    with pytest.raises(Conflict, match=r"interface 'eth0': route 10\.0\.0\.0/8 nhid 1: nhid"):
        list(moves.moved(observed, WANTED))
