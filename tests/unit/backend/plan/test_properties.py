"""The plan, whatever the records: nothing to do where all is as wanted, clean words else."""

from core_samples import (
    EMPTY,
    fixed_ip,
    floating_ip,
    instance,
    network,
    observed_as,
    port,
    wanted,
)
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AddLink,
    ChangeRules,
    ProgramStep,
    RemoveFile,
    RemoveLink,
    StartDnsmasq,
    StopDnsmasq,
)


@st.composite
def _records(draw: st.DrawFn) -> Records:
    """Networks, instances with ports in them, floating addresses given to some of those."""
    networks = tuple(network(number) for number in range(draw(st.integers(0, 3))))
    names = st.sampled_from(["w", "web-1", "x" * 63, "y" * 64, "z" * 255])
    count = draw(st.integers(0, 5)) if networks else 0
    homes = [draw(st.integers(1, len(networks))) for _ in range(count)]
    rows = tuple(
        fixed_ip(number, network_id=home, allocated=draw(st.booleans()))
        for number, home in enumerate(homes)
    )
    aims = st.none() | st.sampled_from([row.id for row in rows]) if rows else st.none()
    return Records(
        networks=networks,
        instances=tuple(instance(number, draw(names)) for number in range(count)),
        ports=tuple(port(number, home) for number, home in enumerate(homes)),
        fixed_ips=rows,
        floating_ips=tuple(
            floating_ip(number, draw(aims), draw(st.sampled_from(["eth0", "eth1", ""])))
            for number in range(10, 10 + draw(st.integers(0, 4)))
        ),
        former_sysctls={"net.ipv4.ip_forward": "0"},
    )


@given(_records())
def test_a_host_that_is_as_wanted_is_left_alone(found: Records) -> None:
    state = wanted(found)

    assert plan(observed_as(state), state).steps == ()


@given(_records())
def test_an_empty_host_gets_all_of_it_and_gives_all_of_it_back(found: Records) -> None:
    state = wanted(found)
    made = plan(EMPTY, state).steps

    assert {step.name for step in made if isinstance(step, AddLink)} == set(state.links)
    assert [step.address for step in made if isinstance(step, AddAddress)] == [
        address.address for address in state.addresses
    ]
    assert {step.bridge for step in made if isinstance(step, StartDnsmasq)} == {
        server.bridge for server in state.dnsmasq
    }
    nothing = wanted(Records(former_sysctls={"net.ipv4.ip_forward": "0"}))
    gone = plan(observed_as(state), nothing).steps
    assert {step.name for step in gone if isinstance(step, RemoveLink)} == set(state.links)
    assert {step.path for step in gone if isinstance(step, RemoveFile)} >= set(state.dhcp_hosts)
    assert len([step for step in gone if isinstance(step, StopDnsmasq)]) == len(state.dnsmasq)


@given(_records(), _records())
def test_no_step_carries_a_line_break_or_a_stray_blank(one: Records, other: Records) -> None:
    """Rules and arguments are read word by word, line by line."""
    for step in plan(observed_as(wanted(one)), wanted(other)).steps:
        for argv in step.argvs if isinstance(step, ProgramStep) else ():
            assert all(word.isprintable() and " " not in word for word in argv if word)
        if isinstance(step, ChangeRules):
            assert all(line.isprintable() for line in (*step.lines, *step.inverse_lines))
        if isinstance(step, AddDhcpHosts):
            assert all(content.count("\n") == 1 for _, content in step.files)
            assert all(len(content.split(",")[1]) <= 63 + 10 for _, content in step.files)
