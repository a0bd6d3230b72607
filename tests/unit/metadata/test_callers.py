"""Whether a request comes from the guest whose address it has."""

from dataclasses import replace

import pytest
from guest_samples import told

from netconsole.metadata.callers import Whereabouts, mistrusted, port_at

GUEST = told()
VIEW = GUEST.view.ports[0]
PORT, BRIDGE, HOST = VIEW.port, VIEW.network.bridge, GUEST.view.instance.host
ADDRESS = VIEW.fixed_ips[0].address
DEVICES = {PORT.device: GUEST.view.instance.name, "tap-thief": "thief"}
THIEF = "fa:16:3e:99:99:99"


def doubt(arrival: str | None, mac: str | None, port: str | None, host: str = HOST) -> str | None:
    return mistrusted(GUEST, VIEW, Whereabouts(arrival, mac, port), host, DEVICES)


def test_a_port_is_found_by_an_address_that_an_instance_has() -> None:
    assert port_at(GUEST, ADDRESS) == VIEW
    assert port_at(GUEST, "192.0.2.1") is None
    gone = replace(VIEW, fixed_ips=(replace(VIEW.fixed_ips[0], allocated=False),))
    released = replace(GUEST, view=replace(GUEST.view, ports=(gone,)))
    assert port_at(released, ADDRESS) is None, "its lease is all that is left"


@pytest.mark.parametrize("arrival", [BRIDGE, None])
def test_a_guest_behind_its_own_port_is_believed(arrival: str | None) -> None:
    assert doubt(arrival, PORT.mac, PORT.device) is None


@pytest.mark.parametrize(
    ("arrival", "mac", "port", "said"),
    [
        ("br-other", PORT.mac, PORT.device, "it came in by br-other"),
        (BRIDGE, THIEF, "tap-thief", f"{THIEF} behind tap-thief of thief, not {PORT.mac}"),
        (BRIDGE, PORT.mac, "tap-thief", "behind tap-thief of thief, not behind"),
        (BRIDGE, PORT.mac, "eth1", "behind eth1, not behind"),
        (BRIDGE, PORT.mac, None, "behind no port that is known"),
        (BRIDGE, None, None, "nobody on that bridge"),
        (None, None, None, "nobody on that bridge"),
    ],
)
def test_who_is_elsewhere_is_not(
    arrival: str | None, mac: str | None, port: str | None, said: str
) -> None:
    found = doubt(arrival, mac, port)
    assert found is not None
    assert said in found


def test_a_guest_of_another_host_comes_by_the_uplink_or_is_routed_here() -> None:
    assert doubt(BRIDGE, PORT.mac, "eth1", "another") is None
    assert doubt(None, None, None, "another") is None
    for arrival, mac, port in (
        (BRIDGE, PORT.mac, "tap-thief"),
        (BRIDGE, THIEF, "eth1"),
        (None, THIEF, "eth1"),
        (BRIDGE, None, None),
    ):
        assert doubt(arrival, mac, port, "another"), (arrival, mac, port)
