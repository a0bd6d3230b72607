"""The plan: every kind of damage is named, and nothing else is."""

from dataclasses import replace

import pytest
from core_samples import (
    BRIDGE,
    EMPTY,
    FLOATING,
    NETWORKS_PATH,
    WANTED,
    WHOLE,
    floating_ip,
    mac,
    network,
    observed_as,
    records,
    wanted,
    with_link,
)

from netconsole.backend.model.hoststate import (
    Address,
    ChainKey,
    Dnsmasq,
    File,
    Lease,
    Observed,
    ObservedLink,
    Wanted,
)
from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AnnounceAddress,
    ChangeRules,
    CheckDnsmasq,
    EndConnections,
    EndUntranslated,
    LinkAttribute,
    MakeDirectory,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveAddress,
    RemoveDhcpHosts,
    RemoveDirectory,
    RemoveFile,
    RemoveLink,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)

BASE = f"{NETWORKS_PATH}/nova-br100"
SERVER = WANTED.dnsmasq[0]


def _kinds(observed: Observed, goal: Wanted) -> list[str]:
    return [type(step).__name__ for step in plan(observed, goal).steps]


def _without_chain(state: Observed, chain: str) -> Observed:
    gone = {key: held for key, held in state.chains.items() if key.chain != chain}
    return replace(state, chains=gone)


TAP = WHOLE.links["tap0"]
HOST_FILE = f"{BASE}.hosts/fa-16-3e-00-00-00"
NAT = ChainKey("ipv4", "nat", "nova-network-PREROUTING")

TAP9: tuple[tuple[LinkAttribute, str, str], ...] = (
    *(("alias", "netconsole:port:9", ""), ("mac", "fe:9", ""), ("up", "1", "0")),
)

DAMAGE: dict[str, tuple[Observed, list[Step]]] = {
    "forwarding is off": (
        replace(WHOLE, sysctls={"net.ipv4.ip_forward": "0"}),
        [SetSysctl("net.ipv4.ip_forward", "1", "0")],
    ),
    "the bridge is down": (
        with_link(WHOLE, replace(BRIDGE, up=False)),
        [SetLink("br100", "up", "1", "0")],
    ),
    "the bridge waits before it forwards": (
        with_link(WHOLE, replace(BRIDGE, forward_delay=1500)),
        [SetLink("br100", "forward_delay", "0", "1500")],
    ),
    "the bridge took a guest's MAC address": (
        with_link(WHOLE, replace(BRIDGE, mac=mac(7))),
        [SetLink("br100", "mac", BRIDGE.mac or "", mac(7))],
    ),
    "the bridge lost the mark that it is ours": (
        with_link(WHOLE, replace(BRIDGE, alias="")),
        [SetLink("br100", "alias", BRIDGE.alias, "")],
    ),
    "a port left its bridge": (
        with_link(WHOLE, replace(TAP, master=None, hairpin=None)),
        [SetLink("tap0", "master", "br100", ""), SetLink("tap0", "hairpin", "1", "0")],
    ),
    "a port is on another bridge": (
        with_link(WHOLE, replace(TAP, master="br7")),
        [SetLink("tap0", "master", "br100", "br7"), SetLink("tap0", "hairpin", "1", "0")],
    ),
    "hairpin is off": (
        with_link(WHOLE, replace(TAP, hairpin=False)),
        [SetLink("tap0", "hairpin", "1", "0")],
    ),
    "the floating address is missing": (
        replace(WHOLE, addresses=WHOLE.addresses[:2]),
        [AddAddress("eth0", f"{FLOATING}/32"), AnnounceAddress("eth0", FLOATING, 3)],
    ),
    "the address of the metadata service is missing": (
        replace(WHOLE, addresses=(WHOLE.addresses[0], WHOLE.addresses[2])),
        [AddAddress("lo", "169.254.169.254/32", "", "link")],
    ),
    "the gateway address is missing": (
        replace(WHOLE, addresses=WHOLE.addresses[1:]),
        [
            AddAddress("br100", "10.0.0.1/24", "10.0.0.255"),
            AnnounceAddress("br100", "10.0.0.1", 3),
        ],
    ),
    "an idle floating address is still there": (
        replace(WHOLE, addresses=(*WHOLE.addresses, Address("eth0", "203.0.113.11/32"))),
        [RemoveAddress("eth0", "203.0.113.11/32"), EndConnections("203.0.113.11")],
    ),
    "dnsmasq is gone": (
        replace(WHOLE, dnsmasq=()),
        [StartDnsmasq("br100", SERVER.argv)],
    ),
    "dnsmasq runs with other arguments": (
        replace(WHOLE, dnsmasq=(Dnsmasq("br100", ("dnsmasq", f"--pid-file={BASE}.pid"), (5,)),)),
        [
            CheckDnsmasq("br100", SERVER.argv),
            StopDnsmasq("br100", ("dnsmasq", f"--pid-file={BASE}.pid"), (5,)),
            StartDnsmasq("br100", SERVER.argv),
        ],
    ),
    "the configuration file of dnsmasq changed": (
        replace(WHOLE, dnsmasq=(replace(WHOLE.dnsmasq[0], changed_file="/etc/d.conf"),)),
        [
            CheckDnsmasq("br100", SERVER.argv),
            StopDnsmasq("br100", SERVER.argv, WHOLE.dnsmasq[0].pids, changed_file="/etc/d.conf"),
            StartDnsmasq("br100", SERVER.argv),
        ],
    ),
    "dnsmasq runs twice": (
        replace(WHOLE, dnsmasq=(*WHOLE.dnsmasq, replace(SERVER, pids=(12, 13)))),
        [StopDnsmasq("br100", SERVER.argv, (12, 13), start_again=False)],
    ),
    "a dnsmasq with other arguments runs beside the right one": (
        replace(WHOLE, dnsmasq=(*WHOLE.dnsmasq, Dnsmasq("br100", ("dnsmasq",), (12,)))),
        [StopDnsmasq("br100", ("dnsmasq",), (12,))],
    ),
    "a dnsmasq serves a bridge that is no more": (
        replace(WHOLE, dnsmasq=(*WHOLE.dnsmasq, Dnsmasq("br9", ("dnsmasq",), (12,)))),
        [StopDnsmasq("br9", ("dnsmasq",), (12,))],
    ),
    "the options file was changed": (
        replace(WHOLE, files={**WHOLE.files, f"{BASE}.opts": File("3\n")}),
        [
            WriteFile(f"{BASE}.opts", "3,10.0.0.1\n", former="3\n"),
            ReloadDnsmasq("br100", f"{BASE}.pid"),
        ],
    ),
    "a host file is missing": (
        replace(WHOLE, dhcp_hosts=dict(list(WHOLE.dhcp_hosts.items())[1:])),
        [AddDhcpHosts(f"{BASE}.pid", ((HOST_FILE, WHOLE.dhcp_hosts[HOST_FILE].content),))],
    ),
    "a host file has another address": (
        replace(WHOLE, dhcp_hosts={**WHOLE.dhcp_hosts, HOST_FILE: File("x\n")}),
        [
            RemoveDhcpHosts(f"{BASE}.pid", ((HOST_FILE, "x\n"),)),
            AddDhcpHosts(f"{BASE}.pid", ((HOST_FILE, WHOLE.dhcp_hosts[HOST_FILE].content),)),
        ],
    ),
    "a host file of nobody": (
        replace(WHOLE, dhcp_hosts={**WHOLE.dhcp_hosts, f"{BASE}.hosts/x": File("x\n")}),
        [RemoveDhcpHosts(f"{BASE}.pid", ((f"{BASE}.hosts/x", "x\n"),))],
    ),
    "the hosts directory is missing": (
        replace(WHOLE, directories=frozenset()),
        [MakeDirectory(f"{BASE}.hosts")],
    ),
    "a lease of nobody": (
        replace(WHOLE, leases={"br100": (Lease(0, mac(9), "10.0.0.9", ""),)}),
        [ReleaseLease("br100", "10.0.0.9", mac(9))],
    ),
    "a guest leases another's address": (
        replace(WHOLE, leases={"br100": (Lease(0, mac(0), "10.0.0.4", ""),)}),
        [ReleaseLease("br100", "10.0.0.4", mac(0))],
    ),
    "a port of ours that nothing wants": (
        with_link(WHOLE, ObservedLink("tap9", "tap", mac="fe:9", alias="netconsole:port:9")),
        [RemoveLink("tap9", "tap", "netconsole:port:9", "fe:9", attributes=TAP9)],
    ),
    "files of a bridge that is no more": (
        replace(
            WHOLE,
            files={**WHOLE.files, f"{NETWORKS_PATH}/nova-br9.opts": File("3\n")},
            directories=WHOLE.directories | {f"{NETWORKS_PATH}/nova-br9.hosts"},
        ),
        [
            RemoveFile(f"{NETWORKS_PATH}/nova-br9.opts", "3\n"),
            RemoveDirectory(f"{NETWORKS_PATH}/nova-br9.hosts"),
        ],
    ),
    "the nat chain was flushed": (
        replace(WHOLE, chains={**WHOLE.chains, NAT: ()}),
        [
            ChangeRules(
                "ipv4",
                "nat",
                tuple(f"-A {NAT.chain} {rule.spec}" for rule in WHOLE.chains[NAT]),
                tuple(f"-D {NAT.chain} {rule.spec}" for rule in reversed(WHOLE.chains[NAT])),
            ),
            EndUntranslated((FLOATING,)),
        ],
    ),
}


@pytest.mark.parametrize(("observed", "steps"), DAMAGE.values(), ids=DAMAGE.keys())
def test_each_damage_is_named_and_nothing_else(observed: Observed, steps: list[Step]) -> None:
    assert list(plan(observed, WANTED).steps) == steps


@pytest.mark.parametrize("key", list(WANTED.chains), ids=lambda key: f"{key.table}-{key.chain}")
def test_a_chain_that_is_gone_comes_back(key: ChainKey) -> None:
    left = {other: held for other, held in WHOLE.chains.items() if other != key}
    step, *others = plan(replace(WHOLE, chains=left), WANTED).steps

    assert others == ([EndUntranslated((FLOATING,))] if key == NAT else [])
    assert isinstance(step, ChangeRules)
    assert step.table == key.table
    assert any(key.chain in line for line in step.lines)


def test_a_new_link_gets_what_it_was_not_made_with() -> None:
    changes = [
        (step.name, step.attribute, step.value, step.former)
        for step in plan(EMPTY, WANTED).steps
        if isinstance(step, SetLink)
    ]

    assert changes == [
        ("br100", "alias", BRIDGE.alias, ""),
        ("tap0", "alias", "netconsole:port:port-0", ""),
        ("veth1", "alias", "netconsole:port:port-1", ""),
        ("br100", "nf_call_iptables", "1", "0"),
        ("br100", "up", "1", "0"),
        ("tap0", "mac", "fe:16:3e:00:00:00", ""),
        ("tap0", "master", "br100", ""),
        ("tap0", "hairpin", "1", "0"),
        ("tap0", "up", "1", "0"),
        ("veth1", "master", "br100", ""),
        ("veth1", "hairpin", "1", "0"),
        ("veth1", "up", "1", "0"),
    ]


@pytest.mark.parametrize(("mtu", "steps"), [(1450, 1), (1500, 0), (None, 0)])
def test_a_new_bridge_gets_its_mtu_where_it_is_another(mtu: int | None, steps: int) -> None:
    asked = wanted(Records(networks=(network(mtu=mtu),)))
    made = plan(EMPTY, asked).steps

    assert made.count(SetLink("br100", "mtu", "1450", "1500")) == steps


def test_a_dnsmasq_follows_a_bridge_that_is_made_again() -> None:
    """Its sockets are bound to the bridge that was there when it started."""
    links = {name: link for name, link in WHOLE.links.items() if name != "br100"}
    kinds = _kinds(replace(WHOLE, links=links), WANTED)

    assert kinds.index("StopDnsmasq") < kinds.index("AddLink") < kinds.index("StartDnsmasq")


def test_connections_end_with_the_rule_that_translated_them() -> None:
    elsewhere = wanted(replace(records(2), floating_ips=(floating_ip(10, 101), floating_ip(11))))
    ended = [step for step in plan(WHOLE, elsewhere).steps if isinstance(step, EndConnections)]

    assert ended == [EndConnections(FLOATING)]


@pytest.mark.parametrize("copies", [1, 2])
def test_connections_end_however_the_rule_goes(copies: int) -> None:
    """Flushed with its chain, or deleted by number among equals."""
    nothing = wanted(Records())
    held = {**WHOLE.chains, NAT: WHOLE.chains[NAT] * copies}
    for goal in (nothing, wanted(records(2, floating=False))):
        observed = replace(WHOLE, chains=held, addresses=WHOLE.addresses[:2])
        assert EndConnections(FLOATING) in plan(observed, goal).steps


def test_the_connections_of_every_address_end() -> None:
    both = replace(records(2), floating_ips=(floating_ip(12, 100), floating_ip(11, 101)))
    none = wanted(replace(both, floating_ips=()))
    ended = plan(observed_as(wanted(both)), none).steps

    assert [step.address for step in ended if isinstance(step, EndConnections)] == [
        "203.0.113.11",
        "203.0.113.12",
    ]


def test_connections_that_began_before_an_address_was_translated_end() -> None:
    both = replace(records(2), floating_ips=(floating_ip(10, 100), floating_ip(11, 101)))
    ended = [step for step in plan(WHOLE, wanted(both)).steps if isinstance(step, EndUntranslated)]

    assert ended == [EndUntranslated(("203.0.113.11",))]
    assert [each.name for each in ended[0].subjects] == ["203.0.113.11"]


def test_addresses_that_follow_each_other_are_ended_as_ranges() -> None:
    few = records(4, floating=False)
    several = tuple(floating_ip(last, 100 + at) for at, last in enumerate((20, 21, 23, 24)))
    asked = wanted(replace(few, floating_ips=several))
    (ended,) = (each for each in plan(WHOLE, asked).steps if isinstance(each, EndUntranslated))

    assert ended.ranges == ("203.0.113.20/31", "203.0.113.23", "203.0.113.24")


def test_connections_outlive_a_rule_that_only_changes_its_place() -> None:
    held = {**WHOLE.chains, NAT: WHOLE.chains[NAT][::-1]}

    assert _kinds(replace(WHOLE, chains=held), WANTED) == ["ChangeRules"]


def test_a_floating_address_leaves_the_interface_that_carried_it_before() -> None:
    """As after a change of `public_interface`; what else is there stays."""
    strange = Address("eth7", "192.0.2.7/32")
    elsewhere = replace(
        WHOLE, addresses=(*WHOLE.addresses, Address("eth7", f"{FLOATING}/32"), strange)
    )
    steps = [step for step in plan(elsewhere, WANTED).steps if isinstance(step, RemoveAddress)]
    assert steps == [RemoveAddress("eth7", f"{FLOATING}/32", "")]
