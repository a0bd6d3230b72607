"""How a network is laid out: nova's arithmetic without its waste."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork

from netconsole.backend.managers.layout import Layout, LayoutV6, Reserve, Wishes, layout, layout_v6
from netconsole.backend.model.errors import InvalidValue

FLAT_DHCP = Reserve(bottom=2, top=1)
VLAN = Reserve(bottom=3, top=1, vpn=True)
RANGE = "10.0.0.0/24"


def laid_out(cidr: str = RANGE, reserve: Reserve = FLAT_DHCP, **wishes: str | None) -> Layout:
    return layout(IPNetwork(cidr), reserve, Wishes(**wishes))


def reserved(found: Layout) -> list[str]:
    return [row.address for row in found.addresses if row.reserved]


def free(found: Layout) -> list[str]:
    return [row.address for row in found.addresses if not row.reserved]


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
    found = laid_out(cidr, gateway=gateway, dhcp_server=dhcp_server)

    assert (found.gateway, found.dhcp_server, found.dhcp_start) == expected


@pytest.mark.parametrize(
    ("cidr", "gateway", "expected"),
    [
        ("10.0.0.0/24", None, ["10.0.0.0", "10.0.0.1", "10.0.0.255"]),
        ("10.0.0.0/24", "10.0.0.254", ["10.0.0.0", "10.0.0.1", "10.0.0.254", "10.0.0.255"]),
        ("192.0.2.8/29", None, ["192.0.2.8", "192.0.2.9", "192.0.2.15"]),
    ],
)
def test_the_reserved_addresses_are_novas(
    cidr: str, gateway: str | None, expected: list[str]
) -> None:
    assert reserved(laid_out(cidr, gateway=gateway)) == expected


@pytest.mark.parametrize("start", [0, 16, 32])
def test_a_vlan_network_has_its_vpn_behind_the_gateway(start: int) -> None:
    found = laid_out(f"10.0.0.{start}/28", VLAN)

    assert found.gateway == found.dhcp_server == f"10.0.0.{start + 1}"
    assert found.vpn_private_address == f"10.0.0.{start + 2}"
    assert found.dhcp_start == f"10.0.0.{start + 3}"
    assert reserved(found) == [f"10.0.0.{start + last}" for last in (0, 1, 2, 15)]


def test_the_vpn_never_gets_the_gateways_address() -> None:
    found = laid_out(reserve=VLAN, gateway="10.0.0.1", dhcp_server="10.0.0.2")

    assert (found.vpn_private_address, found.dhcp_start) == ("10.0.0.3", "10.0.0.4")


def test_the_clients_of_the_vpn_keep_the_top_of_the_range() -> None:
    found = laid_out("10.0.0.0/28", Reserve(bottom=3, top=1 + 4, vpn=True))

    assert free(found) == [f"10.0.0.{last}" for last in range(3, 11)]


def test_every_address_of_the_range_has_its_row_in_order() -> None:
    found = laid_out()

    assert [row.address for row in found.addresses] == [f"10.0.0.{last}" for last in range(256)]
    assert (found.netmask, found.broadcast) == ("255.255.255.0", "10.0.0.255")


class TestFixedCidr:
    """The part of a range whose addresses instances get."""

    def test_only_its_addresses_have_rows_and_none_is_wasted(self) -> None:
        found = laid_out(fixed_cidr="10.0.0.64/27")

        assert found.gateway == "10.0.0.1"
        assert free(found) == [f"10.0.0.{last}" for last in range(64, 96)]
        assert reserved(found) == []

    def test_the_ends_of_the_range_and_the_gateway_stay_reserved(self) -> None:
        assert reserved(laid_out(fixed_cidr="10.0.0.0/28")) == ["10.0.0.0", "10.0.0.1"]
        assert reserved(laid_out(fixed_cidr="10.0.0.240/28")) == ["10.0.0.255"]
        assert reserved(laid_out(fixed_cidr="10.0.0.0/28", gateway="10.0.0.9")) == [
            "10.0.0.0",
            "10.0.0.9",
        ]

    @pytest.mark.parametrize("part", ["10.20.0.0/16", "10.0.1.0/24", "10.0.0.0/16", "10.0.0.9"])
    def test_one_outside_is_refused(self, part: str) -> None:
        with pytest.raises(InvalidValue) as refused:
            laid_out(fixed_cidr=part)
        assert (
            str(refused.value) == f"fixed CIDR {part!r}: must be an IPv4 range inside 10.0.0.0/24"
        )


class TestAllowedAddresses:
    def test_those_below_and_above_are_reserved(self) -> None:
        found = laid_out(allowed_start="10.0.0.10", allowed_end="10.0.0.20")

        assert (found.gateway, found.dhcp_start) == ("10.0.0.10", "10.0.0.11")
        assert free(found) == [f"10.0.0.{last}" for last in range(11, 21)]
        assert len(list(found.addresses)) == 256

    def test_with_a_gateway_of_its_own_all_of_them_are_free(self) -> None:
        found = laid_out(gateway="10.0.0.1", allowed_start="10.0.0.2", allowed_end="10.0.0.254")

        assert free(found) == [f"10.0.0.{last}" for last in range(2, 255)]

    @pytest.mark.parametrize("name", ["allowed_start", "allowed_end"])
    @pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.255", "10.0.1.7", "nine"])
    def test_they_lie_inside(self, name: str, address: str) -> None:
        with pytest.raises(InvalidValue, match=name.replace("_", " ")):
            laid_out(RANGE, FLAT_DHCP, **{name: address})

    def test_something_must_be_left(self) -> None:
        with pytest.raises(InvalidValue, match="leaves no address for instances"):
            laid_out(allowed_start="10.0.0.20", allowed_end="10.0.0.10")
        with pytest.raises(InvalidValue, match="leaves no address for instances"):
            laid_out("10.0.0.0/29", allowed_start="10.0.0.6")


class TestExternalGateway:
    def test_outside_the_range_it_is_not_the_dhcp_server(self) -> None:
        found = laid_out(gateway="192.168.1.1")

        assert (found.gateway, found.dhcp_server) == ("192.168.1.1", "10.0.0.1")
        assert found.dhcp_start == "10.0.0.2"
        assert reserved(found) == ["10.0.0.0", "10.0.0.1", "10.0.0.255"]

    @pytest.mark.parametrize("gateway", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"])  # noqa: S104
    def test_it_is_somewhere_a_router_can_be(self, gateway: str) -> None:
        with pytest.raises(InvalidValue, match="no router can be"):
            laid_out(gateway=gateway)


@given(st.data())
def test_no_instance_gets_an_address_that_is_taken(data: st.DataObject) -> None:
    prefix = data.draw(st.integers(22, 28))
    first = data.draw(st.integers(1, 2**prefix - 1)) << (32 - prefix)
    cidr = IPNetwork(f"{IPAddress(first, 4)}/{prefix}")
    inside = st.none() | st.integers(cidr.first + 1, cidr.last - 1).map(
        lambda value: str(IPAddress(value, 4))
    )
    wishes = Wishes(gateway=data.draw(inside), dhcp_server=data.draw(inside))
    found = layout(cidr, data.draw(st.sampled_from([FLAT_DHCP, VLAN])), wishes)

    roles = {found.gateway, found.dhcp_server, found.vpn_private_address}
    assert not set(free(found)) & {*roles, str(cidr.network), found.broadcast}
    assert len(list(found.addresses)) == cidr.size
    assert found.dhcp_start not in {*roles, str(cidr.network), found.broadcast}
    assert found.vpn_private_address not in (found.gateway, found.dhcp_server)
    assert free(found)


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.255"])
@pytest.mark.parametrize("what", ["gateway", "dhcp_server"])
def test_nobody_lives_at_the_ends_of_a_range(what: str, address: str) -> None:
    with pytest.raises(InvalidValue, match="network or broadcast address") as refused:
        laid_out(RANGE, FLAT_DHCP, **{what: address})
    assert address in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_ipv6_gateway_is_the_first_address_unless_given() -> None:
    cidr = IPNetwork("fd00:0:0:7::/64")

    assert layout_v6(cidr, None) == LayoutV6(
        "fd00:0:0:7::/64", "fd00:0:0:7::1", "ffff:ffff:ffff:ffff::"
    )
    assert layout_v6(cidr, "fd00:0:0:7::FE").gateway == "fd00:0:0:7::fe"
    with pytest.raises(InvalidValue, match="must lie in fd00:0:0:7::/64"):
        layout_v6(cidr, "fd00::1")
