"""The status: what is told of the servers, networks and floating addresses of a host."""

from dataclasses import replace

import pytest
from core_samples import (
    BRIDGE,
    FLOATING,
    NETWORKS_PATH,
    WANTED,
    WHOLE,
    fixed_ip,
    floating_ip,
    mac,
    network,
    observed_as,
    options,
    port,
    records,
    status,
    wanted,
    with_chains,
    with_link,
)

from netconsole.backend.intent import intent
from netconsole.backend.model.hoststate import Address, ChainKey, Dnsmasq, File, Lease, Observed
from netconsole.backend.plan import plan
from netconsole.backend.survey.status import Status

BASE = f"{NETWORKS_PATH}/nova-br100"
SERVER = WANTED.dnsmasq[0]
INCOMING = ChainKey("ipv4", "nat", "nova-network-PREROUTING")
POSTROUTING = ChainKey("ipv4", "nat", "POSTROUTING")


def _floating(status: Status) -> list[tuple[str, str, bool | None, int, int]]:
    return [
        (
            floating.address,
            floating.state,
            floating.address_present,
            floating.rules_present,
            floating.rules_expected,
        )
        for floating in status.floating_ips
    ]


IDLE = ("203.0.113.11", "free", False, 0, 0)


def test_a_floating_address_has_its_address_and_five_rules() -> None:
    told = status(WHOLE)

    assert _floating(told) == [(FLOATING, "ok", True, 5, 5), IDLE]
    assert (told.floating_ips[0].instance, told.floating_ips[0].fixed_address) == (
        "web0",
        "10.0.0.3",
    )


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (replace(WHOLE, addresses=WHOLE.addresses[:1]), (FLOATING, "drift", False, 5, 5)),
        (with_chains({INCOMING: ()}), (FLOATING, "drift", True, 4, 5)),
        (
            with_chains({INCOMING: (*WHOLE.chains[INCOMING], WHOLE.chains[INCOMING][1])}),
            (FLOATING, "drift", True, 6, 5),
        ),
        (
            replace(WHOLE, addresses=(*WHOLE.addresses[:1], Address("eth1", f"{FLOATING}/32"))),
            (FLOATING, "drift", False, 5, 5),
        ),
    ],
    ids=["address missing", "chain flushed", "rule twice", "on another interface"],
)
def test_a_floating_address_drifts(
    observed: Observed, expected: tuple[str, str, bool, int, int]
) -> None:
    assert _floating(status(observed)) == [expected, IDLE]


def test_an_idle_floating_address_that_is_still_there_drifts() -> None:
    left = replace(WHOLE, addresses=(*WHOLE.addresses, Address("eth0", "203.0.113.11/32")))

    assert _floating(status(left))[1] == ("203.0.113.11", "drift", True, 0, 0)


def test_a_floating_address_on_no_interface_needs_none() -> None:
    found = replace(records(2), floating_ips=(floating_ip(10, 100, interface=""),))
    anywhere = options(public_interface="")
    goal = intent(found, anywhere)

    assert _floating(status(observed_as(goal), found, goal, anywhere)) == [
        (FLOATING, "ok", False, 4, 4)
    ]


def test_a_floating_address_of_another_host_is_not_missed_here() -> None:
    found = replace(records(2), networks=(replace(network(), host="elsewhere"),))
    goal = wanted(found)

    assert _floating(status(observed_as(goal), found, goal))[0][1] != "drift"


# dnsmasq


def _servers(observed: Observed) -> list[tuple[str, str, str, tuple[int, ...]]]:
    return [
        (server.network, server.bridge, server.state, server.pids)
        for server in status(observed).dnsmasq
    ]


STALE = Dnsmasq("br100", ("dnsmasq", f"--pid-file={BASE}.pid"), (5,))
FOREIGN = Dnsmasq("", ("dnsmasq", "--conf-file=/etc/x", "--dhcp-script=/bin/y"), (8, 9))


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        (WHOLE.dnsmasq, [("vmnet", "br100", "running", (4711,))]),
        ((), [("vmnet", "br100", "missing", ())]),
        ((STALE,), [("vmnet", "br100", "stale", (5,))]),
        (
            (*WHOLE.dnsmasq, replace(SERVER, pids=(6,))),
            [("vmnet", "br100", "running", (4711,)), ("vmnet", "br100", "duplicate", (6,))],
        ),
        (
            (STALE, *WHOLE.dnsmasq),
            [("vmnet", "br100", "stale", (5,)), ("vmnet", "br100", "running", (4711,))],
        ),
        (
            (Dnsmasq("br9", ("dnsmasq",), (7,)), *WHOLE.dnsmasq),
            [("", "br9", "orphan", (7,)), ("vmnet", "br100", "running", (4711,))],
        ),
        (
            (*WHOLE.dnsmasq, FOREIGN),
            [("vmnet", "br100", "running", (4711,)), ("", "", "foreign", (8, 9))],
        ),
    ],
    ids=["running", "missing", "stale", "twice", "stale and running", "orphan", "foreign"],
)
def test_each_dnsmasq_is_told_for_what_it_is(
    running: tuple[Dnsmasq, ...], expected: list[tuple[str, str, str, tuple[int, ...]]]
) -> None:
    assert _servers(replace(WHOLE, dnsmasq=running)) == expected


def test_how_many_processes_there_should_be_depends_on_the_script() -> None:
    extra = (*WHOLE.dnsmasq, replace(SERVER, pids=(6,)), FOREIGN)
    servers = status(replace(WHOLE, dnsmasq=extra)).dnsmasq

    assert [server.expected_processes for server in servers] == [1, 0, 2]
    assert status(replace(WHOLE, dnsmasq=())).dnsmasq[0].expected_processes == 1


# Networks, allocations and the host


DAMAGED = {
    "forwarding is no network's own": (replace(WHOLE, sysctls={"net.ipv4.ip_forward": "0"}), "ok"),
    "the bridge is down": (with_link(WHOLE, replace(BRIDGE, up=False)), "drift"),
    "the gateway is missing": (replace(WHOLE, addresses=WHOLE.addresses[1:]), "drift"),
    "dnsmasq is gone": (replace(WHOLE, dnsmasq=()), "drift"),
    "the options were changed": (
        replace(WHOLE, files={**WHOLE.files, f"{BASE}.opts": File("3\n")}),
        "drift",
    ),
    "a host file is missing": (replace(WHOLE, dhcp_hosts={}), "drift"),
    "a port left": (with_link(WHOLE, replace(WHOLE.links["tap0"], master=None)), "drift"),
    "a lease of nobody": (
        replace(WHOLE, leases={"br100": (Lease(0, mac(9), "10.0.0.9", ""),)}),
        "drift",
    ),
    "the nat rules are flushed": (
        with_chains({ChainKey("ipv4", "nat", "nova-network-snat"): ()}),
        "drift",
    ),
    "a stray server of a like-named bridge": (
        replace(WHOLE, dnsmasq=(*WHOLE.dnsmasq, Dnsmasq("br1000", ("dnsmasq",), (7,)))),
        "ok",
    ),
}


@pytest.mark.parametrize(("observed", "state"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_network_drifts_when_anything_of_it_does(observed: Observed, state: str) -> None:
    told = status(observed)

    assert [each.state for each in told.networks] == [state]
    assert told.drift


def test_the_host_tells_what_may_be_done_and_whether_it_forwards() -> None:
    host = status(WHOLE).host

    assert (host.name, host.public_interface, host.my_ip) == ("testhost", "eth0", "192.168.1.10")
    assert (host.ip_forward, host.access, host.read_only_because) == (True, "read-write", None)
    assert not status(replace(WHOLE, sysctls={"net.ipv4.ip_forward": "0"})).host.ip_forward
    assert not status(replace(WHOLE, sysctls={})).host.ip_forward


def test_links_are_up_down_or_missing() -> None:
    down = with_link(WHOLE, replace(BRIDGE, up=False))
    links = {name: link for name, link in WHOLE.links.items() if name == "tap0"}

    assert status(down).networks[0].bridge_state == "down"
    told = status(replace(WHOLE, links=links))
    assert told.networks[0].bridge_state == "missing"
    assert [each.device_state for each in told.allocations] == ["up", "missing"]


def test_each_network_counts_its_own() -> None:
    found = replace(
        records(2),
        networks=(network(), network(1)),
        fixed_ips=(fixed_ip(0, leased=True), fixed_ip(1, network_id=2)),
        ports=(port(0, 1), port(1, 2)),
    )
    goal = wanted(found)
    told = status(observed_as(goal), found, goal)

    assert [(each.label, each.ports, each.leased) for each in told.networks] == [
        ("vmnet", 1, 1),
        ("vmnet1", 1, 0),
    ]
    assert [each.network for each in told.allocations] == ["vmnet", "vmnet1"]


def test_a_network_tells_how_much_of_it_is_used() -> None:
    (found,) = status(WHOLE).networks

    assert (found.label, found.bridge_state, found.ports) == ("vmnet", "up", 2)
    assert (found.total, found.allocated, found.reserved) == (256, 2, 3)


def test_an_allocation_tells_all_that_hangs_on_it() -> None:
    observed = replace(WHOLE, leases={"br100": (Lease(1767225600, mac(), "10.0.0.3", "web0"),)})
    first, second = status(observed).allocations

    assert (first.address, first.network, first.instance, first.project) == (
        "10.0.0.3",
        "vmnet",
        "web0",
        "demo",
    )
    assert (first.mac, first.floating, first.device, first.device_state) == (
        mac(),
        (FLOATING,),
        "tap0",
        "up",
    )
    assert (first.lease_expires, second.lease_expires) == (1767225600, None)
    assert second.floating == ()


def test_an_address_outlives_its_instance_while_it_is_leased() -> None:
    found = replace(records(1), instances=(), ports=())
    goal = wanted(found)
    (allocation,) = status(observed_as(goal), found, goal).allocations

    assert (allocation.instance, allocation.device, allocation.device_state) == (
        "instance-0",
        "",
        "not here",
    )


def test_the_drift_is_the_plan() -> None:
    observed = replace(WHOLE, dnsmasq=(), addresses=WHOLE.addresses[:1])
    told = status(observed)

    assert [(step.step, step.commands) for step in told.drift] == [
        (type(step).__name__, step.commands) for step in plan(observed, WANTED).steps
    ]
    assert status(WHOLE).drift == ()
