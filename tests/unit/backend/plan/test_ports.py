"""A change about some ports: of the whole host's steps those that are theirs, and no others."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from core_samples import (
    HOST,
    network,
    observed_as,
    options,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from port_drifts import ELSEWHERE, GROUND, OWN, many_retired
from port_worlds import SETTINGS, World, devices_of, narrow, world

from netconsole.backend.intent import intent
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.dhcp_host import host_path
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import (
    Observed,
)
from netconsole.backend.model.records import Network, Records
from netconsole.backend.plan import plan
from netconsole.backend.plan.ports import neighbourhood
from netconsole.backend.steps import (
    AddDhcpHosts,
    AddLink,
    ChangeGuards,
    ChangeRules,
    Plan,
    ReleaseLease,
    RemoveDhcpHosts,
    RemoveFile,
    RemoveLink,
    RetireDhcpHosts,
    SetLink,
    Step,
)
from netconsole.backend.wording.groups import LOCAL, filters_guests

HostFiles = AddDhcpHosts | RemoveDhcpHosts | RetireDhcpHosts
DRIFTS = ELSEWHERE | OWN | GROUND
OF_OTHERS_FILES = {"another's host file", "another's host file is garbage"}
LEFT_OVER = "a link that is ours and nobody's"
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


def is_own(step: Step, of: World) -> bool:
    """Whether a step of a whole plan is on a port of the guest's, its lease, or hosts of its."""
    match step:
        case AddLink() | RemoveLink() | SetLink():
            return step.name in devices_of(of)
        case ChangeGuards():
            return {each.device for each in (*step.gone, *step.new)} <= set(devices_of(of))
        case ReleaseLease():
            addresses = {each.address for each in of.fixed_ips}
            macs = {each.mac for each in of.ports}
            return step.bridge in of.bridges and (step.address in addresses or step.mac in macs)
        case AddDhcpHosts() | RemoveDhcpHosts() | RetireDhcpHosts():
            return step.pid_file in {each.pid for each in of.paths}
        case RemoveFile():
            return step.path in own_files(of)
        case ChangeRules():
            guests = {chain for chain in step.chains if filters_guests(chain)}
            return step.table == "filter" and bool(guests - {LOCAL})
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
        same = [step for step in whole if is_own(step, of)]
        if LEFT_OVER in drift:  # guards go after it is out of its bridge, those of others along
            assert sorted(map(repr, steps)) == sorted(map(repr, same))
        else:
            assert list(steps) == same
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
        {ChangeRules, AddLink, ChangeGuards, SetLink, AddDhcpHosts}
        if comes
        else {gone, SetLink, ChangeGuards, RemoveLink, ChangeRules}
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
