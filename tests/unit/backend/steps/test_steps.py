"""Steps: the commands they show and run, and the way back."""

import shlex
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_samples import BRIDGE, SAMPLES, SERVER, VETH

from netconsole.backend.model.guards import GuardObject
from netconsole.backend.model.text import decoded, encoded, in_shell
from netconsole.backend.steps import (
    STEPS,
    AddAddress,
    AddLink,
    AnnounceAddress,
    ChangeGuards,
    ChangeRules,
    EndConnections,
    Plan,
    ProgramStep,
    ReleaseLease,
    RemoveAddress,
    RemoveFile,
    RemoveLink,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)

EVERY_SAMPLE = pytest.mark.parametrize(
    ("step", "commands"), SAMPLES, ids=[f"{type(step).__name__}" for step, _ in SAMPLES]
)


@EVERY_SAMPLE
def test_a_step_shows_what_an_admin_would_type(step: Step, commands: tuple[str, ...]) -> None:
    assert step.commands == commands


@EVERY_SAMPLE
def test_what_is_run_is_what_is_shown(step: Step, commands: tuple[str, ...]) -> None:
    if isinstance(step, ProgramStep):
        assert [list(argv) for argv in step.argvs] == [shlex.split(line) for line in commands]


def test_every_step_has_a_sample() -> None:
    assert {type(step).__name__ for step, _ in SAMPLES} == set(STEPS)


@EVERY_SAMPLE
def test_the_way_back_leads_back_again(step: Step, commands: tuple[str, ...]) -> None:
    if step.inverse is None or step.inverse.inverse is None:
        return
    again = step.inverse.inverse
    if isinstance(step, StopDnsmasq):
        step = replace(step, pids=())  # of processes that are gone
    assert again == step


@pytest.mark.parametrize(
    "step",
    [
        EndConnections("203.0.113.10"),
        AnnounceAddress("eth0", "203.0.113.10"),
        ReleaseLease("br100", "10.0.0.3", "fa:16:3e:00:00:01"),
        RemoveLink("veth1", "veth", "a"),
        StopDnsmasq("br100", SERVER, start_again=False),
        SetLink("tap1", "mac", "fe:16:3e:00:00:01", ""),
        SetLink("br100", "mtu", "1450", ""),
        SetLink("br100", "forward_delay", "0", ""),
    ],
    ids=repr,
)
def test_what_cannot_be_taken_back_says_so(step: Step) -> None:
    """A guest's end that had moved, a lease that was given up, a value that was not known."""
    assert step.inverse is None


@pytest.mark.parametrize(
    ("step", "inverse"),
    [
        (SetSysctl("net.ipv4.ip_forward", "1", "0"), SetSysctl("net.ipv4.ip_forward", "0", "1")),
        (VETH, RemoveLink("veth1", "veth", VETH.alias, VETH.mac, "peer1", VETH.peer_mac)),
        (
            RemoveLink("br100", "bridge", BRIDGE.alias, BRIDGE.mac, forward_delay=0),
            BRIDGE,
        ),
        (SetLink("tap1", "master", "br100", ""), SetLink("tap1", "master", "", "br100")),
        (SetLink("tap1", "alias", "a", ""), SetLink("tap1", "alias", "", "a")),
        (AddAddress("eth0", "192.0.2.1/32"), RemoveAddress("eth0", "192.0.2.1/32")),
        (WriteFile("/n/o", "new", 0o600), RemoveFile("/n/o", "new", 0o600)),
        (WriteFile("/n/o", "new", former="old"), WriteFile("/n/o", "old", former="new")),
        (StopDnsmasq("br100", SERVER, (7,)), StartDnsmasq("br100", SERVER)),
    ],
    ids=repr,
)
def test_the_way_back_restores_what_was(step: Step, inverse: Step) -> None:
    assert step.inverse == inverse


def test_a_plan_is_taken_back_last_step_first() -> None:
    plan = Plan(
        (
            AddLink("tap1", "tap", "a"),
            SetLink("tap1", "up", "1", "0"),
            AnnounceAddress("eth0", "203.0.113.10"),
            AddAddress("eth0", "203.0.113.10/32"),
        )
    )

    assert plan.inverse.steps == (
        RemoveAddress("eth0", "203.0.113.10/32"),
        SetLink("tap1", "up", "0", "1"),
        RemoveLink("tap1", "tap", "a"),
    )
    assert plan.commands == tuple(line for step in plan.steps for line in step.commands)
    assert plan
    assert not Plan()


BYTES = st.binary(max_size=40).map(lambda data: decoded(data.replace(b"\0", b"'")))


@given(BYTES, BYTES)
@settings(max_examples=50, deadline=None)
def test_whatever_is_in_a_file_a_shell_would_write_it_so(path: str, content: str) -> None:
    write, chmod = WriteFile(f"/{path}", content).commands
    shown = write.removesuffix(f" > {in_shell(f'/{path}')}")
    assert (write + chmod).isprintable()
    assert typed(shown) == ["printf", "%s", content]
    assert typed(chmod) == ["chmod", "0644", f"/{path}"]


def typed(command: str) -> list[str]:
    """The words that bash makes of a command."""
    script = encoded(f"printf '%s\\0' {command}")
    told = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    return [decoded(word) for word in told.split(b"\0")[:-1]]


@pytest.mark.parametrize(
    "step",
    [
        ChangeRules("ipv4", "filter", ("-A FORWARD -j DROP",), ("-D FORWARD -j DROP",), stays=True),
        ChangeGuards((), (GuardObject("table", "netconsole"),), stays=True),
    ],
)
def test_what_undoes_a_step_that_stays_is_taken_back_itself_where_it_fails(step: Step) -> None:
    """It holds nobody: a killed undo of a cure is not to leave guests open."""
    back = step.inverse
    assert back is not None
    assert not back.stays
