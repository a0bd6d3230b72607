"""Ranges: what is read as one, and how the ranges of new networks are cut out of it."""

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPNetwork

from netconsole.backend.managers.ranges import (
    free_parts,
    network_prefix,
    parse_address,
    parse_range,
    parse_range_v6,
)
from netconsole.backend.model.errors import Conflict, InvalidValue


@pytest.mark.parametrize("address", ["10.0.1.1", "gateway", "10.0.0.1/24", "fd00::1", "10.0.0.1\n"])
def test_an_address_outside_its_range_is_refused(address: str) -> None:
    with pytest.raises(InvalidValue, match="gateway"):
        parse_address("gateway", address, IPNetwork("10.0.0.0/24"))


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0",
        "10.0.0.1/24",
        "10.0.0.0/30",
        "10.0.0.0/33",
        "0.0.0.0/0",
        "10/8",
        "010.0.0.0/24",
        "10.0.0.0/24/24",
        "10.0.0.0/",
        "/24",
        "",
        "fd00::/64",
        "vmnet/24",
        "10.0.0.0/24\n",
        "10.0.0.0/2_4",
        "10.0.0.0/\uff12\uff14",
        "127.0.0.0/8",
        "224.0.0.0/8",
        "240.0.0.0/8",
        "169.254.0.0/16",
        "169.254.169.0/24",
    ],
)
def test_odd_ranges_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidValue, match="fixed range") as refused:
        parse_range(text)
    assert "\n" not in str(refused.value)


def test_host_bits_are_refused_with_what_was_probably_meant() -> None:
    with pytest.raises(InvalidValue, match=r"meant 10\.0\.0\.0/24\?"):
        parse_range("10.0.0.17/24")
    with pytest.raises(InvalidValue, match=r"meant fd00::/48\?"):
        parse_range_v6("fd00::1/48")


@pytest.mark.parametrize(
    "text",
    ["fd00::/65", "10.0.0.0/24", "fe80::/64", "ff00::/8", "::/0", "fd00::/64%eth0", "fd00::"],
)
def test_odd_ipv6_ranges_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="IPv6 range"):
        parse_range_v6(text)


HOSTILE = st.text(st.sampled_from("0123456789./:abcdef \n\0,'\"x\uff12_-%;$"), max_size=30)


@given(HOSTILE)
def test_a_range_is_refused_or_comes_out_clean(text: str) -> None:
    try:
        found = str(parse_range(text))
    except InvalidValue:
        return
    assert found == text or "." in text.partition("/")[2]


@given(HOSTILE)
def test_an_ipv6_range_is_refused_or_comes_out_clean(text: str) -> None:
    try:
        found = parse_range_v6(text)
    except InvalidValue:
        return
    assert set(str(found)) <= set("0123456789abcdef:./")


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "prefix"), [(5, 29), (8, 29), (9, 28), (16, 28), (100, 25), (256, 24), (65536, 16)]
    )
    def test_a_network_is_the_next_power_of_two(self, size: int, prefix: int) -> None:
        assert network_prefix(size, IPNetwork("10.0.0.0/8")) == prefix

    @pytest.mark.parametrize("size", [-1, 0, 1, 4])
    def test_too_small_a_one_is_refused(self, size: int) -> None:
        with pytest.raises(InvalidValue, match="must be 5 or more"):
            network_prefix(size, IPNetwork("10.0.0.0/8"))

    def test_it_fits_into_the_range(self) -> None:
        with pytest.raises(InvalidValue, match=r"is more than the 256 of 10\.0\.0\.0/24"):
            network_prefix(257, IPNetwork("10.0.0.0/24"))


def cut(within: str, prefix: int, count: int, *taken: str) -> list[str]:
    existing = [(f"net{index}", IPNetwork(cidr)) for index, cidr in enumerate(taken)]
    return [str(part) for part in free_parts(IPNetwork(within), prefix, count, existing)]


class TestParts:
    def test_they_come_in_order(self) -> None:
        assert cut("10.0.0.0/8", 28, 3) == ["10.0.0.0/28", "10.0.0.16/28", "10.0.0.32/28"]

    def test_those_of_other_networks_are_passed_over_as_often_as_needed(self) -> None:
        there = ("10.0.0.0/28", "10.0.0.16/28", "10.0.0.32/28")
        assert cut("10.0.0.0/8", 28, 2, *there) == ["10.0.0.48/28", "10.0.0.64/28"]

    def test_larger_and_smaller_networks_are_in_the_way_too(self) -> None:
        assert cut("10.0.0.0/16", 24, 2, "10.0.0.0/22", "10.0.4.8/29", "10.0.6.0/24") == [
            "10.0.5.0/24",
            "10.0.7.0/24",
        ]

    def test_those_elsewhere_are_not(self) -> None:
        assert cut("10.0.0.0/24", 24, 1, "10.0.1.0/24", "9.0.0.0/8") == ["10.0.0.0/24"]

    def test_when_none_is_left_both_networks_are_named(self) -> None:
        with pytest.raises(Conflict) as refused:
            cut("10.0.0.0/24", 25, 2, "10.0.0.160/29")
        assert str(refused.value).startswith(
            "10.0.0.128/25 overlaps 10.0.0.160/29 of network 'net0': "
        )

    def test_of_several_in_the_way_the_first_is_named(self) -> None:
        with pytest.raises(Conflict, match=r"10\.0\.0\.0/25 overlaps 10\.0\.0\.8/29 of network"):
            cut("10.0.0.0/24", 25, 1, "10.0.0.160/29", "10.0.0.8/29")

    def test_a_network_around_all_of_it_is_named(self) -> None:
        with pytest.raises(Conflict, match=r"10\.0\.0\.0/24 overlaps 10\.0\.0\.0/8 of network"):
            cut("10.0.0.0/24", 24, 1, "10.0.0.0/8")

    def test_more_than_there_are_is_refused(self) -> None:
        with pytest.raises(InvalidValue, match=r"so many /28 are not in 10\.0\.0\.0/27"):
            cut("10.0.0.0/27", 28, 3)

    def test_a_full_range_takes_no_long_search(self) -> None:
        taken = [f"10.{high}.{low}.0/24" for high in range(10) for low in range(256)]
        assert cut("10.0.0.0/8", 29, 1, *taken) == ["10.10.0.0/29"]

    def test_ipv6(self) -> None:
        assert cut("fd00::/48", 64, 2, "fd00::/64") == ["fd00:0:0:1::/64", "fd00:0:0:2::/64"]

    @given(st.integers(24, 29), st.integers(1, 4), st.sets(st.integers(0, 63), max_size=40))
    def test_they_are_the_first_that_overlap_nothing(
        self, prefix: int, count: int, blocks: set[int]
    ) -> None:
        taken = [f"10.0.{block // 32}.{block % 32 * 8}/29" for block in sorted(blocks)]
        free = [
            str(part)
            for part in IPv4Network("10.0.0.0/23").subnets(new_prefix=prefix)
            if not any(part.overlaps(IPv4Network(other)) for other in taken)
        ]
        try:
            assert cut("10.0.0.0/23", prefix, count, *taken) == free[:count]
        except Conflict:
            assert len(free) < count
        except InvalidValue:
            assert count > 2 ** (prefix - 23)
