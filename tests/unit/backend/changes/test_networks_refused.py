"""What no network can be: one line, and nothing stored."""

from dataclasses import asdict, replace

import pytest
from core_samples import is_called
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_samples import FLAT, FLAT_DHCP, RANGE, VLAN, create
from sqlalchemy import Connection

from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.records import Network
from netconsole.backend.store import networks

REFUSED: list[tuple[CreateNetwork, Options, str]] = [
    (CreateNetwork("n", RANGE), replace(FLAT_DHCP, flat_network_bridge=None), "bridge '': name"),
    (CreateNetwork("n", RANGE), replace(VLAN, vlan_interface=None), "bridge interface '': name"),
    (CreateNetwork("n", RANGE, bridge="a/b"), FLAT_DHCP, "bridge 'a/b'"),
    (CreateNetwork("n", RANGE, bridge_interface="a b"), FLAT_DHCP, "bridge interface 'a b'"),
    (CreateNetwork("n", RANGE, bridge_interface="br100"), FLAT_DHCP, "is the bridge itself"),
    (CreateNetwork("n", RANGE, bridge="br7"), VLAN, "names bridges after their VLANs: br100"),
    (CreateNetwork("n", RANGE, vlan=7), FLAT_DHCP, "vlan '7': needs the VLAN manager"),
    (CreateNetwork("n", RANGE, vlan_start=7), FLAT, "vlan start '7': needs the VLAN manager"),
    (CreateNetwork("n", RANGE, vlan=0), VLAN, "VLAN '0': must be 1 to 4094"),
    (CreateNetwork("n", RANGE, vlan=4095), VLAN, "VLAN '4095': must be 1 to 4094"),
    (CreateNetwork("n", RANGE, vlan_start=4095), VLAN, "first VLAN '4095'"),
    (CreateNetwork("n", RANGE, num_networks=2, vlan_start=4094), VLAN, "first VLAN '4094'"),
    (CreateNetwork("n", RANGE, vpn_start=0), VLAN, "first VPN port '0'"),
    (CreateNetwork("n", RANGE, num_networks=0), FLAT_DHCP, "number of networks '0'"),
    (CreateNetwork("n", RANGE, num_networks=99999), FLAT_DHCP, "must be 1 to 4094"),
    (CreateNetwork("n", RANGE, network_size=512), FLAT_DHCP, "is more than the 256"),
    (CreateNetwork("n", RANGE, network_size=-1), FLAT_DHCP, "network size '-1'"),
    (CreateNetwork("n", "10.0.0.0/8"), FLAT_DHCP, "must be at most 1048576"),
    (CreateNetwork("n", RANGE, num_networks=2, vlan=7), VLAN, "fits one network, not 2"),
    (CreateNetwork("n", RANGE, num_networks=2, gateway="10.0.0.1"), FLAT_DHCP, "fits one"),
    (CreateNetwork("n", RANGE, gateway_v6="fd00::1"), FLAT_DHCP, "needs an IPv6 range"),
    (CreateNetwork("n", RANGE, enable_dhcp=True), FLAT, "serves none"),
    (CreateNetwork("n", RANGE, mtu=67), FLAT_DHCP, "MTU '67': must be 68 to 65535"),
    (CreateNetwork("n", RANGE, mtu=65536), FLAT_DHCP, "MTU '65536'"),
    (CreateNetwork("n", RANGE, mtu=0), FLAT_DHCP, "MTU '0'"),
    (
        CreateNetwork("n", RANGE, mtu=1279, fixed_range_v6="fd00::/64"),
        FLAT_DHCP,
        "must be 1280 to 65535",
    ),
    (CreateNetwork("n", RANGE, priority=-1), FLAT_DHCP, "priority '-1'"),
    (CreateNetwork("n", RANGE, uuid="../etc"), FLAT_DHCP, "uuid '../etc'"),
    (CreateNetwork("n", RANGE, project_id="a\nb"), FLAT_DHCP, "project 'a\\nb'"),
    (CreateNetwork("n" * 254, RANGE, num_networks=2), FLAT_DHCP, "network label"),
]


@pytest.mark.parametrize(("change", "options", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_and_nothing_stored(
    change: CreateNetwork, options: Options, words: str, connection: Connection
) -> None:
    with pytest.raises(InvalidValue) as refused:
        create(connection, change, options)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert networks.every(connection) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (CreateNetwork(" b", RANGE), "network label ' b'"),
        (CreateNetwork("n", RANGE, fixed_cidr="10.20.0.0/16"), "fixed CIDR '10.20.0.0/16'"),
        (CreateNetwork("n", RANGE, bridge="a/b"), "bridge 'a/b'"),
        (CreateNetwork("n", RANGE, fixed_range_v6="fd00::/65"), "IPv6 range 'fd00::/65'"),
    ],
)
def test_what_cannot_be_is_said_before_what_is_taken(
    change: CreateNetwork, words: str, connection: Connection
) -> None:
    create(connection, CreateNetwork("first", RANGE), FLAT_DHCP)
    with pytest.raises(InvalidValue) as refused:
        create(connection, change, FLAT_DHCP)
    assert words in str(refused.value)


TEXT = st.text(max_size=300) | st.text(
    st.sampled_from("0123456789.:/,;'\"\n\0 -abr%$"), max_size=20
)
NUMBER = st.integers(-(2**70), 2**70)
SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/")
ARGUMENTS = {
    "label": TEXT,
    "fixed_range_v4": TEXT,
    "bridge": TEXT,
    "gateway": TEXT,
    "dhcp_server": TEXT,
    "dns1": TEXT,
    "dns2": TEXT,
    "bridge_interface": TEXT,
    "fixed_range_v6": TEXT,
    "gateway_v6": TEXT,
    "fixed_cidr": TEXT,
    "allowed_start": TEXT,
    "allowed_end": TEXT,
    "project_id": TEXT,
    "uuid": TEXT,
    "mtu": NUMBER,
    "num_networks": NUMBER,
    "network_size": NUMBER,
    "vlan": NUMBER,
    "vlan_start": NUMBER,
    "vpn_start": NUMBER,
    "priority": NUMBER,
}


def attempted(
    connection: Connection, change: CreateNetwork, options: Options
) -> tuple[str, tuple[Network, ...]]:
    """The line that refuses a change, or what it made."""
    try:
        return "", create(connection, change, options)
    except InvalidValue as refused:
        return str(refused), ()


@pytest.mark.parametrize("options", [FLAT, FLAT_DHCP, VLAN])
@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_hostile_values_are_refused_in_a_line_or_come_out_clean(
    options: Options, connection: Connection, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(ARGUMENTS)))
    change = replace(
        CreateNetwork("net", "10.0.0.0/27", fixed_range_v6="fd00::/64"),
        **{name: data.draw(ARGUMENTS[name])},  # type: ignore[arg-type]  # its strategy fits
    )
    with connection.begin_nested() as attempt:
        line, made = attempted(connection, change, options)
        assert len(line.splitlines()) <= 1
        assert made == networks.every(connection)
        for network in made:
            texts = {name: text for name, text in asdict(network).items() if isinstance(text, str)}
            called = {texts.pop("label"), texts.pop("project_id", "nobody")}
            assert all(is_called(text) for text in called)
            assert all(text and set(text) <= SAFE for text in texts.values())
        attempt.rollback()
