"""How a FlatDHCP network is laid out: nova's arithmetic, and the input that is refused."""

import pytest
from core_samples import options
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork
from sqlalchemy import Connection

from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.errors import InvalidValue
from netconsole.backend.managers.flatdhcp import Layout, layout, parse_address, parse_range


def _reserved(found: Layout) -> list[str]:
    return [row.address for row in found.addresses if row.reserved]


@pytest.mark.parametrize(
    ("cidr", "gateway", "dhcp_server", "expected"),
    [
        ("10.0.0.0/24", None, None, ("10.0.0.1", "10.0.0.1", "10.0.0.2")),
        ("10.0.0.0/24", "10.0.0.254", None, ("10.0.0.254", "10.0.0.254", "10.0.0.1")),
        ("10.0.0.0/24", "10.0.0.1", None, ("10.0.0.1", "10.0.0.1", "10.0.0.2")),
        ("10.0.0.0/24", None, "10.0.0.2", ("10.0.0.1", "10.0.0.2", "10.0.0.3")),
        ("10.0.0.0/24", None, "10.0.0.9", ("10.0.0.1", "10.0.0.9", "10.0.0.2")),
        ("10.0.0.0/24", "10.0.0.254", "10.0.0.1", ("10.0.0.254", "10.0.0.1", "10.0.0.2")),
        ("192.0.2.8/29", None, None, ("192.0.2.9", "192.0.2.9", "192.0.2.10")),
        ("172.16.0.0/16", None, None, ("172.16.0.1", "172.16.0.1", "172.16.0.2")),
    ],
)
def test_gateway_server_and_start_are_novas(
    cidr: str, gateway: str | None, dhcp_server: str | None, expected: tuple[str, str, str]
) -> None:
    found = layout(IPNetwork(cidr), gateway, dhcp_server)

    assert (found.gateway, found.dhcp_server, found.dhcp_start) == expected


@pytest.mark.parametrize(
    ("cidr", "gateway", "reserved"),
    [
        ("10.0.0.0/24", None, ["10.0.0.0", "10.0.0.1", "10.0.0.255"]),
        ("10.0.0.0/24", "10.0.0.254", ["10.0.0.0", "10.0.0.1", "10.0.0.254", "10.0.0.255"]),
        ("192.0.2.8/29", None, ["192.0.2.8", "192.0.2.9", "192.0.2.15"]),
    ],
)
def test_the_reserved_addresses_are_novas(
    cidr: str, gateway: str | None, reserved: list[str]
) -> None:
    assert _reserved(layout(IPNetwork(cidr), gateway, None)) == reserved


def test_every_address_of_the_range_has_its_row_in_order() -> None:
    found = layout(IPNetwork("10.0.0.0/24"), None, None)

    assert [row.address for row in found.addresses] == [f"10.0.0.{last}" for last in range(256)]
    assert (found.netmask, found.broadcast) == ("255.255.255.0", "10.0.0.255")


@given(st.data())
def test_no_instance_gets_an_address_that_is_taken(data: st.DataObject) -> None:
    prefix = data.draw(st.integers(22, 29))
    first = data.draw(st.integers(1, 2**prefix - 1)) << (32 - prefix)
    cidr = IPNetwork(f"{IPAddress(first, 4)}/{prefix}")
    inside = st.none() | st.integers(cidr.first + 1, cidr.last - 1).map(
        lambda value: str(IPAddress(value, 4))
    )
    found = layout(cidr, data.draw(inside), data.draw(inside))

    free = {row.address for row in found.addresses if not row.reserved}
    assert not free & {found.gateway, found.dhcp_server, str(cidr.network), found.broadcast}
    assert len(found.addresses) == cidr.size
    assert found.dhcp_start not in (found.dhcp_server, str(cidr.network), found.broadcast)
    assert free


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.255"])
@pytest.mark.parametrize("what", ["gateway", "dhcp_server"])
def test_nobody_lives_at_the_ends_of_a_range(what: str, address: str) -> None:
    given_addresses = {"gateway": None, "dhcp_server": None, what: address}

    with pytest.raises(InvalidValue, match="network or broadcast address") as refused:
        layout(IPNetwork("10.0.0.0/24"), **given_addresses)
    assert address in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("address", ["10.0.1.1", "gateway", "10.0.0.1/24", "fd00::1", "10.0.0.1\n"])
def test_a_gateway_outside_its_range_is_refused(address: str) -> None:
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


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.0.0.0/24", "192.0.2.8/29"])
def test_ranges_from_the_largest_to_the_smallest_are_taken(text: str) -> None:
    assert str(parse_range(text)) == text


def test_an_address_is_read_with_a_range_or_without() -> None:
    assert parse_address("gateway", "10.0.0.9", IPNetwork("10.0.0.0/24")) == "10.0.0.9"
    assert parse_address("dns1", "192.0.2.1") == "192.0.2.1"


def test_host_bits_are_refused_with_what_was_probably_meant() -> None:
    with pytest.raises(InvalidValue, match=r"meant 10\.0\.0\.0/24\?"):
        parse_range("10.0.0.17/24")


@given(st.text(st.sampled_from("0123456789./ \n,'\"x\uff12_-"), max_size=20))
def test_a_range_is_refused_or_comes_out_clean(text: str) -> None:
    try:
        found = str(parse_range(text))
    except InvalidValue:
        return
    assert found == text or "." in text.partition("/")[2]


@pytest.mark.parametrize("mtu", [67, 65536, 0, -1])
def test_an_mtu_that_no_link_can_have_is_refused(mtu: int, connection: Connection) -> None:
    change = CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/24", bridge="br100", mtu=mtu)

    with pytest.raises(InvalidValue, match="MTU"):
        change.write(connection, options())
