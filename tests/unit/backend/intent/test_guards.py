"""What the guest behind each port may send as, from what the store says."""

from dataclasses import replace

from core_samples import fixed_ip, instance, mac, network, options, port, records, wanted

from netconsole.backend.intent import intent
from netconsole.backend.model.guards import Guard
from netconsole.backend.model.records import AllowedAddress


def test_a_guest_is_its_own_mac_its_addresses_and_those_it_makes_itself() -> None:
    dual = replace(network(), cidr_v6="fd00:1::/64", gateway_v6="fd00:1::1")
    world = replace(records(2), networks=(dual,))

    assert wanted(world).guards == {
        "tap0": Guard(
            "tap0", mac(0), ("10.0.0.3", "fd00:1::f816:3eff:fe00:0", "fe80::f816:3eff:fe00:0")
        ),
        "veth1": Guard(
            "veth1", mac(1), ("10.0.0.4", "fd00:1::f816:3eff:fe00:1", "fe80::f816:3eff:fe00:1")
        ),
    }


def test_an_address_that_is_not_a_guests_any_more_is_not_its_own() -> None:
    world = replace(records(), fixed_ips=(fixed_ip(allocated=False, leased=True),))

    assert wanted(world).guards["tap0"].addresses == ("fe80::f816:3eff:fe00:0",)


def test_a_guest_may_be_what_it_was_allowed_beside() -> None:
    world = replace(records(), allowed_addresses=(AllowedAddress(1, port().id, "10.0.0.200/32"),))

    assert wanted(world).guards[port().device].ranges == ("10.0.0.200/32",)


def test_an_exempt_port_has_no_guard_and_neither_has_one_elsewhere() -> None:
    assert not wanted(replace(records(), ports=(replace(port(), guarded=False),))).guards
    assert not wanted(replace(records(), instances=(replace(instance(), host="other"),))).guards


def test_ethertypes_of_the_option_pass_each_once_and_before_the_rest_is_dropped() -> None:
    table = intent(records(), replace(options(), guest_ethertypes=(0x8864, 0x8863, 0x8864)))
    (guard,) = (each for each in table.guard_table if (each.kind, each.name) == ("chain", "guard"))
    assert guard.lines[-3:-1] == ("ether type 0x8863 accept", "ether type 0x8864 accept")
    assert guard.lines[-1].endswith("drop")
