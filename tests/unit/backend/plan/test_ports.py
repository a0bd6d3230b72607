"""A change about some ports: of the whole host's steps those that are theirs, and no others."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import pytest
from core_samples import (
    HOST,
    NETWORKS_PATH,
    fixed_ip,
    instance,
    mac,
    network,
    observed_as,
    options,
    port,
    with_link,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import answers_dhcp, intent
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.dhcp_host import DhcpHost, host_file, host_path, retired_file
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import (
    Address,
    Dnsmasq,
    File,
    Lease,
    Observed,
    ObservedLink,
    Wanted,
)
from netconsole.backend.model.records import FixedIP, Instance, Network, Port, Records
from netconsole.backend.model.subject import Scope
from netconsole.backend.plan import plan
from netconsole.backend.plan.ports import Neighbourhood, neighbourhood
from netconsole.backend.plan.scope import difference, is_enough
from netconsole.backend.steps import (
    AddDhcpHosts,
    AddLink,
    Plan,
    ReleaseLease,
    RemoveDhcpHosts,
    RemoveFile,
    RemoveLink,
    RetireDhcpHosts,
    SetLink,
    Step,
)
from netconsole.backend.wording import dhcp

SETTINGS = options()
GUEST = "instance-0"
"""The instance that comes or goes."""
HostFiles = AddDhcpHosts | RemoveDhcpHosts | RetireDhcpHosts


@dataclass(frozen=True)
class World:
    """Records with the guest and without it, and its ports."""

    with_guest: Records
    without: Records
    ports: tuple[Port, ...]
    fixed_ips: tuple[FixedIP, ...]

    @property
    def bridges(self) -> set[str]:
        """On which the ports are."""
        own = {each.network_id for each in self.ports}
        return {each.bridge for each in self.without.networks if each.id in own}

    @property
    def paths(self) -> list[dhcp.Paths]:
        """The files of the dnsmasq processes of these."""
        return [dhcp.paths(NETWORKS_PATH, bridge) for bridge in self.bridges]


def world(networks: tuple[Network, ...], homes: list[tuple[str, tuple[int, ...]]]) -> World:
    """Instances on some hosts, each with a port in some networks, by number; the first is it."""
    guests: list[Instance] = []
    ports: list[Port] = []
    rows: list[FixedIP] = []
    for number, (host, places) in enumerate(homes):
        guests.append(replace(instance(number), host=host))
        for place in places:
            made = port(len(ports), place + 1)
            ports.append(replace(made, instance_uuid=guests[-1].uuid))
            row = fixed_ip(len(rows), network_id=place + 1)
            rows.append(replace(row, instance_uuid=guests[-1].uuid))
    everything = Records(
        networks=networks,
        instances=tuple(guests),
        ports=tuple(ports),
        fixed_ips=tuple(rows),
        former_sysctls={"net.ipv4.ip_forward": "0"},
    )
    without = replace(
        everything,
        instances=tuple(guests[1:]),
        ports=tuple(each for each in ports if each.instance_uuid != GUEST),
        fixed_ips=tuple(each for each in rows if each.instance_uuid != GUEST),
    )
    own = tuple(each for each in ports if each.instance_uuid == GUEST)
    own_rows = tuple(each for each in rows if each.instance_uuid == GUEST)
    return World(everything, without, own, own_rows)


def part(found: Records, devices: Collection[str]) -> Records:
    """What the store says of some ports: `records_of_ports`."""
    here = {each.uuid for each in found.instances if each.host == HOST}
    named = [each for each in found.ports if each.device in devices]
    ports = {each.id for each in named}
    for network_id in {each.network_id for each in found.ports}:
        there = [each for each in found.ports if each.network_id == network_id]
        own = [each for each in there if each.instance_uuid in here]
        ports.add((own or there)[0].id)
    kept = tuple(each for each in found.ports if each.id in ports)
    owners, holders = ({each.instance_uuid for each in group} for group in (named, kept))
    return replace(
        found,
        ports=kept,
        instances=tuple(each for each in found.instances if each.uuid in holders),
        fixed_ips=tuple(each for each in found.fixed_ips if each.instance_uuid in owners),
    )


def seen(host: Observed, scope: Scope) -> Observed:
    """What is looked at of a host for ports: `vicinity.observe`."""
    near = scope.vicinity
    assert near is not None
    paths = [dhcp.paths(NETWORKS_PATH, bridge) for bridge in near.bridges]
    read = {path for each in paths for path in (each.options, each.names)}
    hosts = {each.hosts for each in paths}
    return Observed(
        sysctls=host.sysctls,
        links={
            name: link
            for name, link in host.links.items()
            if not {name, *link.other_names}.isdisjoint(near.links)
        },
        addresses=tuple(each for each in host.addresses if each.interface in near.bridges),
        dnsmasq=tuple(each for each in host.dnsmasq if each.bridge in near.bridges),
        dhcp_hosts={
            path: file
            for path, file in host.dhcp_hosts.items()
            if path.rpartition("/")[0] in hosts and path not in near.other_hosts
        },
        files={path: file for path, file in host.files.items() if path in read},
        directories=host.directories & hosts,
        leases={
            bridge: tuple(
                each
                for each in leases
                if not (near.macs | near.addresses).isdisjoint((each.mac, each.address))
            )
            for bridge, leases in host.leases.items()
            if bridge in near.bridges
        },
    )


@dataclass(frozen=True)
class Narrow:
    """The ports alone."""

    scope: Scope
    observed: Observed
    wanted: Wanted
    networks: tuple[Network, ...]

    @property
    def is_enough(self) -> bool:
        return is_enough(self.observed, self.wanted, self.scope, self.networks)

    @property
    def plan(self) -> Plan:
        return difference(self.observed, self.wanted, self.scope)


def narrow(host: Observed, then: Records, of: World, settings: Options = SETTINGS) -> Narrow | None:
    """The ports of the guest alone; None where one has no bridge here."""
    found = part(then, devices_of(of))
    presence = Presence(found, settings)
    near = neighbourhood(presence, of.ports, of.fixed_ips)
    if near is None:
        return None
    goal = near.wanted(intent(found, settings))
    scope = near.scope(goal, served(near, then))
    return Narrow(scope, seen(host, scope), goal, found.networks)


def served(near: Neighbourhood, then: Records) -> Mapping[str, list[str]]:
    everyone = Presence(then, SETTINGS)
    found: dict[str, list[str]] = {}
    for each in everyone.served:
        if answers_dhcp(each) and each in near.networks:
            clients = everyone.clients(each)
            rows = (row for row in then.fixed_ips if row.network_id == each.id)
            macs = [row.mac or "" for row in rows if row.instance_uuid in clients]
            found.setdefault(each.bridge, []).extend(macs)
    return found


# Drift: what may be otherwise on a host than it was left.

Drift = Callable[[Observed, World], Observed]


def without_link(name: str) -> Drift:
    def gone(host: Observed, of: World) -> Observed:
        return replace(host, links={key: each for key, each in host.links.items() if key != name})

    return gone


def link_is(name: str, **otherwise: object) -> Drift:
    def changed(host: Observed, of: World) -> Observed:
        found = host.links.get(name)
        return host if found is None else with_link(host, replace(found, **otherwise))  # type: ignore[arg-type]  # fields of a link, by name

    return changed


def others_link(name: str, kind: str = "tap", *other_names: str) -> Drift:
    def made(host: Observed, of: World) -> Observed:
        return with_link(host, ObservedLink(name, kind, other_names=other_names))

    return made


def without_addresses(host: Observed, of: World) -> Observed:
    return replace(host, addresses=())


def one_more_address(host: Observed, of: World) -> Observed:
    return replace(host, addresses=(*host.addresses, Address("br100", "10.0.0.77/24")))


def forwards_nothing(host: Observed, of: World) -> Observed:
    return replace(host, sysctls={"net.ipv4.ip_forward": "0"})


def without_rules(host: Observed, of: World) -> Observed:
    return replace(host, chains={})


def without_dnsmasq(host: Observed, of: World) -> Observed:
    return replace(host, dnsmasq=())


def servers(change: Callable[[Dnsmasq], Dnsmasq]) -> Drift:
    return lambda host, of: replace(host, dnsmasq=tuple(map(change, host.dnsmasq)))


def without_files(host: Observed, of: World) -> Observed:
    return replace(host, files={})


def other_options(host: Observed, of: World) -> Observed:
    return replace(
        host,
        files={
            path: File("3,10.9.9.9\n") if path.endswith(".opts") else file
            for path, file in host.files.items()
        },
    )


def without_directories(host: Observed, of: World) -> Observed:
    return replace(host, directories=frozenset(), dhcp_hosts={})


def host_of(number: int, address: str | None = None, *, retired: bool = False) -> Drift:
    """A file for the MAC address of port `number`, or of nobody, in the first network."""

    def written(host: Observed, of: World) -> Observed:
        held = mac(number)
        given = address or of.fixed_ips[0].address
        hosts = dhcp.paths(NETWORKS_PATH, "br100").hosts
        path, file = host_file(hosts, DhcpHost(held, "web0.novalocal", given))
        if retired:
            gone = retired_file(path, file)
            assert gone is not None
            file = gone
        return replace(host, dhcp_hosts={**host.dhcp_hosts, path: file})

    return written


def many_retired(host: Observed, of: World) -> Observed:
    for number in range(dhcp.MOST_RETIRED):
        host = host_of(1000 + number, f"10.0.3.{number}", retired=True)(host, of)
    return host


def garbage(number: int) -> Drift:
    path = host_path(dhcp.paths(NETWORKS_PATH, "br100").hosts, mac(number))
    return lambda host, of: replace(host, dhcp_hosts={**host.dhcp_hosts, path: File("?\n")})


def without_hosts(host: Observed, of: World) -> Observed:
    return replace(host, dhcp_hosts={})


def leased(number: int, address: str | None = None) -> Drift:
    """A lease of the MAC address of port `number`, of the guest's first address or another."""

    def written(host: Observed, of: World) -> Observed:
        lease = Lease(0, mac(number), address or of.fixed_ips[0].address, "")
        leases = (*host.leases.get("br100", ()), lease)
        return replace(host, leases={**host.leases, "br100": leases})

    return written


ELSEWHERE: dict[str, Drift] = {
    "another's port is missing": without_link("tap2"),
    "another's port is down": link_is("tap2", up=False),
    "another's port is in no bridge": link_is("veth3", master=None),
    "a tap that is nobody's": others_link("tap77"),
    "a link that is ours and nobody's": lambda host, of: with_link(
        host, ObservedLink("tap78", "tap", alias="netconsole:port:none")
    ),
    "no rules": without_rules,
    "one more address": one_more_address,
    "another's lease": leased(1, "10.0.0.200"),
    "another's host file": host_of(1, "10.0.0.201"),
    "another's host file is garbage": garbage(1),
    "a host is retired": host_of(50, "10.0.0.202", retired=True),
    "as many hosts are retired as may be": many_retired,
}
"""What a port does not stand on: it is left as it is."""

OWN: dict[str, Drift] = {
    "its port is there, and another's": others_link("tap0"),
    "its port is there, of another kind": others_link("tap0", "dummy"),
    "its name is another name": others_link("eth5", "", "tap0"),
    "a bridge of others": others_link("br100", "bridge"),
    "its port is missing": without_link("tap0"),
    "its port is down": link_is("tap0", up=False),
    "its port has another MAC address": link_is("tap0", mac="fe:00:00:00:00:01"),
    "its port is in no bridge": link_is("tap0", master=None),
    "its port is in another bridge": link_is("tap0", master="br7"),
    "its host file is there": host_of(0),
    "its host file gives another address": host_of(0, "10.0.0.99"),
    "its host file is garbage": garbage(0),
    "it was retired": host_of(0, retired=True),
    "its address is kept by a retired host": host_of(51, retired=True),
    "it has its lease": leased(0),
    "another has the lease of its address": leased(60),
}
"""What is the port's own: the narrow plan does what the whole one does."""

GROUND: dict[str, Drift] = {
    "no bridge": without_link("br100"),
    "no bridge but a tap": others_link("br100"),
    "the bridge is down": link_is("br100", up=False),
    "the bridge has another MAC address": link_is("br100", mac="fe:00:00:00:00:01"),
    "no gateway": without_addresses,
    "no forwarding": forwards_nothing,
    "no dnsmasq": without_dnsmasq,
    "dnsmasq has other arguments": servers(lambda one: replace(one, argv=(*one.argv, "--no-ping"))),
    "dnsmasq has read another configuration": servers(
        lambda one: replace(one, changed_file="/etc/dnsmasq.conf")
    ),
    "one dnsmasq is too many": lambda host, of: replace(host, dnsmasq=host.dnsmasq * 2),
    "no files": without_files,
    "other DHCP options": other_options,
    "no directory of hosts": without_directories,
    "a host file of nobody": host_of(52, "10.0.0.203"),
    "a host file of nobody with its address": host_of(52),
    "a host file that is none": garbage(52),
    "it has the lease of another address": leased(0, "10.0.0.204"),
}
"""What it stands on: the whole host is looked at."""

DRIFTS = ELSEWHERE | OWN | GROUND
OF_OTHERS_FILES = {"another's host file", "another's host file is garbage"}
HOMES = st.lists(
    st.tuples(
        st.sampled_from([HOST, HOST, "elsewhere"]), st.sampled_from([(0,), (1,), (0, 1), (1, 0)])
    ),
    min_size=1,
    max_size=4,
)
KINDS: list[dict[str, object]] = [
    {},
    {"enable_dhcp": False},
    {"host": "elsewhere"},
    {"bridge": "br100", "enable_dhcp": False},
    {"multi_host": True, "share_address": True},
    {"cidr_v6": "fd00::/64", "gateway_v6": "fd00::1"},
]
NETWORKS = st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)).map(
    lambda kinds: tuple(replace(network(n), **kind) for n, kind in enumerate(kinds))  # type: ignore[arg-type]  # fields of a network, by name
)
USUAL = world(
    (network(0), network(1)),
    [(HOST, (0,)), (HOST, (0,)), (HOST, (0, 1)), ("elsewhere", (0,))],
)
"""The guest has tap0 in the first network; another's are veth1, tap2 and veth3."""


def ends(of: World, comes: bool) -> tuple[Records, Records]:
    """The records before the guest comes or goes, and after."""
    return (of.without, of.with_guest) if comes else (of.with_guest, of.without)


def drifted(of: World, comes: bool, *names: str) -> Observed:
    host = observed_as(intent(ends(of, comes)[0], SETTINGS))
    for name in names:
        host = DRIFTS[name](host, of)
    return host


def devices_of(of: World) -> set[str]:
    return {each.device for each in of.ports}


def is_own(step: Step, of: World) -> bool:
    """Whether a step of a whole plan is on a port of the guest's, its lease, or hosts of its."""
    match step:
        case AddLink() | RemoveLink() | SetLink():
            return step.name in devices_of(of)
        case ReleaseLease():
            addresses = {each.address for each in of.fixed_ips}
            macs = {each.mac for each in of.ports}
            return step.bridge in of.bridges and (step.address in addresses or step.mac in macs)
        case AddDhcpHosts() | RemoveDhcpHosts() | RetireDhcpHosts():
            return step.pid_file in {each.pid for each in of.paths}
        case RemoveFile():
            return step.path in own_files(of)
    return False


def entries(steps: Iterable[Step], *kinds: type[HostFiles]) -> set[str]:
    """The paths of the host files that steps of some kinds are on."""
    return {
        path
        for step in steps
        if isinstance(step, HostFiles) and isinstance(step, kinds)
        for path, _ in step.files
    }


def own_files(of: World) -> set[str]:
    return {host_path(paths.hosts, each.mac) for paths in of.paths for each in of.ports}


def reloads(steps: Iterable[Step]) -> set[str]:
    return {step.pid_file for step in steps if isinstance(step, RemoveDhcpHosts)}


@given(NETWORKS, HOMES, st.booleans(), st.lists(st.sampled_from(sorted(DRIFTS)), max_size=2))
def test_the_steps_are_those_of_the_whole_plan_that_are_the_ports(
    networks: tuple[Network, ...],
    homes: list[tuple[str, tuple[int, ...]]],
    comes: bool,
    drift: list[str],
) -> None:
    """Where other ports' files are amiss, the whole plan mends those in the same steps."""
    of = world(networks, homes)
    host, then = drifted(of, comes, *drift), ends(of, comes)[1]
    ports = narrow(host, then, of)
    assume(ports is not None and ports.is_enough)
    assert ports is not None
    try:
        whole = plan(host, intent(then, SETTINGS)).steps
    except Conflict as conflict:
        # What is in the way on other bridges is no hindrance here.
        if any(repr(each) in str(conflict) for each in (*of.bridges, *devices_of(of))):
            with pytest.raises(Conflict, match=re.escape(str(conflict))):
                assert ports.plan
        return
    steps, own = ports.plan.steps, own_files(of)

    assert all(is_own(step, of) for step in steps)
    if OF_OTHERS_FILES.isdisjoint(drift):
        assert list(steps) == [step for step in whole if is_own(step, of)]
        return
    for kinds in ((AddDhcpHosts,), (RemoveDhcpHosts, RetireDhcpHosts)):
        assert entries(steps, *kinds) & own == entries(whole, *kinds) & own
        assert entries(steps, *kinds) <= entries(whole, *kinds)
    assert reloads(steps) <= reloads(whole)
    assert [step for step in steps if not isinstance(step, HostFiles)] == [
        step for step in whole if is_own(step, of) and not isinstance(step, HostFiles)
    ]


@pytest.mark.parametrize("comes", [True, False])
@pytest.mark.parametrize("drift", [None, *ELSEWHERE])
def test_what_is_amiss_elsewhere_is_left_alone(drift: str | None, comes: bool) -> None:
    host = drifted(USUAL, comes, *filter(None, (drift,)))
    ports = narrow(host, ends(USUAL, comes)[1], USUAL)

    assert ports is not None
    assert not ports.scope.is_whole
    assert ports.is_enough
    steps = ports.plan.steps
    forgotten = many_retired in map(DRIFTS.get, filter(None, (drift,)))
    gone = RemoveDhcpHosts if forgotten else RetireDhcpHosts
    assert {type(step) for step in steps} == (
        {AddLink, SetLink, AddDhcpHosts} if comes else {gone, RemoveLink}
    )
    assert all(is_own(step, USUAL) for step in steps)
    assert entries(steps, AddDhcpHosts, RetireDhcpHosts) <= own_files(USUAL)


@pytest.mark.parametrize("comes", [True, False])
@pytest.mark.parametrize("drift", OWN)
def test_what_is_amiss_with_a_port_itself_is_mended_as_by_a_whole_plan(
    drift: str, comes: bool
) -> None:
    host, then = drifted(USUAL, comes, drift), ends(USUAL, comes)[1]
    ports = narrow(host, then, USUAL)

    assert ports is not None
    assert ports.is_enough
    assert told(lambda: plan(host, intent(then, SETTINGS))) == told(lambda: ports.plan)


def told(made: Callable[[], Plan]) -> Plan | str:
    """A plan, or why there is none."""
    try:
        return made()
    except Conflict as conflict:
        return str(conflict)


@pytest.mark.parametrize("comes", [True, False])
@pytest.mark.parametrize("drift", GROUND)
def test_without_what_a_port_stands_on_the_whole_host_is_looked_at(drift: str, comes: bool) -> None:
    ports = narrow(drifted(USUAL, comes, drift), ends(USUAL, comes)[1], USUAL)

    assert ports is not None
    assert not ports.is_enough


@pytest.mark.parametrize("kind", [{}, {"multi_host": True, "share_address": True}])
def test_with_the_first_port_of_a_network_and_the_last_the_whole_host_is_looked_at(
    kind: dict[str, object],
) -> None:
    """A network has its bridge here from its first port on, where this host is not its gateway."""
    elsewhere = replace(network(0), **{"host": "elsewhere", **kind})  # type: ignore[arg-type]  # fields of a network, by name
    of = world((elsewhere,), [(HOST, (0,)), ("elsewhere", (0,))])
    first = narrow(drifted(of, True), of.with_guest, of)

    assert first is not None
    assert not first.is_enough
    assert narrow(drifted(of, False), of.without, of) is None


def test_ports_of_which_one_has_no_bridge_here_are_not_looked_at_alone() -> None:
    networks = (network(0), replace(network(1), host="elsewhere"))
    of = world(networks, [("elsewhere", (0, 1)), (HOST, (0,))])

    assert narrow(drifted(of, True), of.with_guest, of) is None
    assert neighbourhood(Presence(of.without, SETTINGS), (), ()) is None


def test_where_dnsmasq_is_told_of_the_ports_the_whole_host_is_looked_at() -> None:
    """With `use_single_default_gateway` its arguments have the later ports of each instance."""
    single = options(use_single_default_gateway=True)
    of = world((network(0), network(1)), [(HOST, (0, 1)), (HOST, (0,)), (HOST, (1,))])
    for comes in (True, False):
        before, then = ends(of, comes)
        ports = narrow(observed_as(intent(before, single)), then, of, single)
        assert ports is not None
        assert not ports.is_enough
