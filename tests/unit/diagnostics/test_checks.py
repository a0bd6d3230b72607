"""What the checks on our own configuration conclude from the status and the plan."""

from dataclasses import replace

import pytest
from evidence_samples import (
    DNAT,
    DNSMASQ,
    FLOATING,
    FORWARDING,
    HEALTHY,
    nat,
    snapshot,
)

from netconsole.backend.model.errors import ExitStatus
from netconsole.backend.model.hoststate import ChainKey
from netconsole.backend.model.obstacle import Obstacle
from netconsole.backend.model.subject import floating, network
from netconsole.backend.steps import (
    AddAddress,
    ChangeRules,
    MakeDirectory,
    Plan,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    WriteFile,
)
from netconsole.backend.survey.status import DnsmasqState, NatRule, Status
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding, Verdict, as_json, exit_status
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend, Convergence
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcesses
from netconsole.diagnostics.parts.forwarding import PortVlans
from netconsole.diagnostics.parts.storage import StatePlace, StateStorage
from netconsole.diagnostics.reasoning.claims import claimant


def filtering(line: str) -> ChangeRules:
    return ChangeRules("ipv4", "filter", (line,), ())


ON_CONFIGURATION = (
    *("ip_forward", "bridge", "mtu", "gateway", "dnsmasq_processes"),
    *("floating_address", "floating_nat", "group_rules", "drift"),
)
"""The checks that judge by the status and the plan."""


def verdicts(seen: Snapshot) -> dict[str, Verdict]:
    return {name: CHECKS[name].examine(seen).verdict for name in ON_CONFIGURATION}


def named(seen: Snapshot) -> list[str]:
    """Return the checks that found something, having shown that the others are content."""
    found = verdicts(seen)
    assert set(found.values()) <= {"ok", "fail", "warn"}, found
    return [name for name, verdict in found.items() if verdict != "ok"]


def test_a_heading_says_what_is_wrong_where_it_is() -> None:
    off = snapshot(sysctls=FORWARDING | {"net/ipv4/ip_forward": "0"})
    assert CHECKS["ip_forward"].examine(snapshot()).title == "The host forwards packets"
    found = CHECKS["ip_forward"].examine(off)
    assert as_json(found)["title"] == "The host does not forward packets"


def test_no_heading_of_what_is_wrong_is_that_of_another_or_of_what_is_well() -> None:
    headings = [words for check in CHECKS.values() for words in (check.title, check.wrong)]
    assert len(set(headings)) == len(headings)


def test_a_healthy_host_has_nothing_to_say() -> None:
    assert named(snapshot()) == []


def test_an_empty_host_has_nothing_to_look_at() -> None:
    empty = Status(HEALTHY.host, (), (), (), (), (), ())
    assert set(verdicts(snapshot(empty)).values()) == {"not-applicable"}


def test_without_what_is_wanted_nothing_is_judged_by_it() -> None:
    """Rules that nothing asks for would be left over, and a dnsmasq unknown a fault."""
    host = replace(HEALTHY.host, wanted_unknown="of another manager", forwarding_wanted=False)
    status = replace(HEALTHY, host=host, dnsmasq=(replace(DNSMASQ, state="unknown"),))
    found = {name: CHECKS[name].examine(snapshot(status)) for name in ON_CONFIGURATION}
    judged = {name: each.verdict for name, each in found.items() if each.verdict != "unknown"}
    assert judged == {"bridge": "ok", "mtu": "ok", "gateway": "ok"}
    assert {each.because for each in found.values() if each.verdict == "unknown"} == {
        "What this host should hold is not known: of another manager."
    }


@pytest.mark.parametrize(
    ("step", "check"),
    [
        (SetSysctl("net.ipv4.ip_forward", "1", "0"), "ip_forward"),
        (SetLink("br100", "up", "1", "0"), "bridge"),
        (SetLink("br100", "mtu", "1400", "1500"), "mtu"),
        (AddAddress("br100", "10.0.0.1/24", subjects=(network("vmnet"),)), "gateway"),
        (AddAddress("eth0", f"{FLOATING}/32", subjects=(floating(FLOATING),)), "floating_address"),
        (nat(DNAT), "floating_nat"),
        (nat("-D CHAIN 3", DNAT), "floating_nat"),
        (nat("-A nova-network-snat -s 10.0.0.0/24 -j SNAT"), "drift"),
        (StartDnsmasq("br100", ("dnsmasq",)), "dnsmasq_processes"),
        (WriteFile("/n/br100.opts", "", subjects=(network("vmnet"),)), "dnsmasq_processes"),
        (MakeDirectory("/var/lib/x"), "drift"),
        (filtering("-A nova-network-sg-1 -p icmp -j ACCEPT"), "group_rules"),
        (filtering("-A nova-network-to-0a -d 10.0.0.3/32 -j DROP"), "group_rules"),
        (filtering("-I FORWARD 1 -j nova-filter-top"), "group_rules"),
        (filtering("-A nova-network-FORWARD -o br100 -j ACCEPT"), "drift"),
    ],
)
def test_every_step_is_named_by_one_check(step: Step, check: str) -> None:
    assert claimant(step) == check
    if check != "ip_forward":  # judged by the kernel's setting, not by the plan
        assert named(snapshot(HEALTHY, step)) == [check]


@pytest.mark.parametrize(
    ("obstacle", "check"),
    [
        (Obstacle("eth9", "flat_interface 'eth9' is not there"), "bridge"),
        (Obstacle("vlan100", "it carries 200", kind="vlan"), "vlan"),
        (Obstacle("br100", "narrower", "fd00::1/64", (network("vmnet"),)), "gateway"),
        (Obstacle("", "networks_path is a file", directory="/n"), "dnsmasq_processes"),
        (Obstacle("", "a rule leads there", chain=ChainKey("ipv4", "nat", "x")), "drift"),
    ],
)
def test_what_the_host_cannot_have_is_named_by_one_check(obstacle: Obstacle, check: str) -> None:
    seen = snapshot()
    seen = seen.with_parts(
        replace(seen.part(Backend), obstacles=(obstacle,)), DnsmasqProcesses(0.0), PortVlans(())
    )
    found = {
        name: finding
        for name in (*ON_CONFIGURATION, "vlan")
        if (finding := CHECKS[name].examine(seen)).found
    }
    assert list(found) == [check]
    assert obstacle.because in found[check].because
    assert found[check].fix is None


def test_a_directory_on_what_is_read_only_is_told_of_by_the_check_of_the_state() -> None:
    place = StatePlace("/n", "/n", 1 << 30, 1 << 31, 10_000, 10_000, True, False)
    seen = snapshot()
    seen = seen.with_parts(
        replace(seen.part(Backend), obstacles=(Obstacle("", "read-only", directory="/n"),)),
        *(DnsmasqProcesses(0.0), StateStorage((place,))),
    )
    assert not CHECKS["dnsmasq_processes"].examine(seen).found
    assert CHECKS["state_directory"].examine(seen).found


def test_the_fix_of_a_difference_is_the_whole_plan() -> None:
    steps = (SetLink("br100", "up", "1", "0"), MakeDirectory("/var/lib/x"))
    assert CHECKS["bridge"].examine(snapshot(HEALTHY, *steps)).fix == Convergence(steps)


def test_forwarding_off_is_named_and_can_be_mended_and_kept() -> None:
    off = {**FORWARDING, "net/ipv4/ip_forward": "0", "net/ipv4/conf/br100/forwarding": "0"}
    found = CHECKS["ip_forward"].examine(snapshot(sysctls=off))
    assert found.verdict == "fail"
    assert found.fix
    on = "sysctl -w net.ipv4.conf.eth0.forwarding=1"
    assert found.fix.commands == ("sysctl -w net.ipv4.ip_forward=1",)
    assert found.fix.inverse.commands == ("sysctl -w net.ipv4.ip_forward=0", on)
    assert found.persist


def test_forwarding_off_at_one_interface_is_mended_there() -> None:
    off = {**FORWARDING, "net/ipv4/conf/br100/forwarding": "0"}
    found = CHECKS["ip_forward"].examine(snapshot(sysctls=off))
    assert found.fix == Plan((SetSysctl("net.ipv4.conf.br100.forwarding", "1", "0"),))


@pytest.mark.parametrize("state", ["missing", "stale", "duplicate", "orphan"])
def test_a_dnsmasq_that_is_not_as_it_should_be_is_named(state: DnsmasqState) -> None:
    status = replace(HEALTHY, dnsmasq=(replace(DNSMASQ, state=state),))
    found = CHECKS["dnsmasq_processes"].examine(snapshot(status))
    assert found.verdict == "fail"
    assert f"vmnet is {state}" in found.because


def test_a_dnsmasq_without_its_helper_is_named_and_one_that_forks_is_not() -> None:
    alone = replace(DNSMASQ, expected_processes=2, expected_because="--dhcp-script is set")
    forks = replace(DNSMASQ, pids=(7, 8, 9))
    assert named(snapshot(replace(HEALTHY, dnsmasq=(alone,)))) == ["dnsmasq_processes"]
    assert named(snapshot(replace(HEALTHY, dnsmasq=(forks,)))) == []


def test_the_dnsmasq_of_another_program_is_shown_and_left_alone() -> None:
    theirs = replace(DNSMASQ, argv=("dnsmasq", "-k"), command="dnsmasq -k")
    foreign = replace(theirs, network="", bridge="", state="foreign")
    found = CHECKS["dnsmasq_processes"].examine(
        snapshot(replace(HEALTHY, dnsmasq=(DNSMASQ, foreign)))
    )
    assert found.verdict == "ok"
    assert any(row.note == "dnsmasq -k" for row in found.evidence)


def rule(state: str, owner: str = FLOATING) -> NatRule:
    spec = DNAT.partition("PREROUTING ")[2]
    return NatRule(
        "nat",
        "nova-network-PREROUTING",
        spec,
        0,
        0,
        "ours",
        state,  # type: ignore[arg-type]  # one of three
        owner,
        subject=floating(FLOATING),
    )


def test_a_missing_rule_and_one_too_many_are_told_apart() -> None:
    missing = CHECKS["floating_nat"].examine(snapshot(replace(HEALTHY, nat=(rule("missing"),))))
    assert missing.because.startswith("Missing: 1 of the 5 rules")
    twice = replace(HEALTHY, nat=(rule("present"), rule("unexpected")))
    surplus = CHECKS["floating_nat"].examine(snapshot(twice))
    assert surplus.because.startswith("Too many: 1,")


def test_a_rule_left_over_is_known_by_what_it_is_about() -> None:
    left = replace(HEALTHY, nat=(rule("unexpected", owner=""),))
    assert CHECKS["floating_nat"].examine(snapshot(left)).verdict == "fail"


def test_what_an_ordinary_user_cannot_read_is_unknown() -> None:
    host = replace(HEALTHY.host, unreadable={"rules": "you must be root"})
    found = verdicts(snapshot(replace(HEALTHY, host=host)))
    assert {name for name, each in found.items() if each == "unknown"} == {
        "floating_nat",
        "group_rules",
        "drift",
    }
    assert set(found.values()) == {"ok", "unknown"}


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ((), ExitStatus.OK),
        (("ok", "info", "not-applicable"), ExitStatus.OK),
        (("ok", "unknown"), ExitStatus.UNAVAILABLE),
        (("unknown", "warn"), ExitStatus.FAILED),
        (("fail", "unknown"), ExitStatus.FAILED),
    ],
)
def test_what_was_found_outweighs_what_could_not_be_checked(
    found: tuple[Verdict, ...], status: ExitStatus
) -> None:
    assert exit_status(Finding("c", "t", verdict, "") for verdict in found) == status


def test_json_tells_nothing_to_keep_from_nothing_that_can_be_kept() -> None:
    finding = Finding("c", "t", "fail", "b", fix=Plan((MakeDirectory("/x"),)), persist=Plan())
    assert as_json(finding)["fix"] == ["mkdir -p -m 0755 /x"]
    assert as_json(finding)["persist"] == []
    assert as_json(replace(finding, persist=None))["persist"] is None


def test_a_former_configuration_that_is_kept_is_said() -> None:
    kept = replace(HEALTHY.host, configuration_kept="my_ip 300.1.1.1: is no address")
    finding = CHECKS["drift"].examine(snapshot(replace(HEALTHY, host=kept)))
    assert finding.verdict == "warn"
    assert "former configuration; that of now cannot be used: my_ip 300.1.1.1" in finding.because
