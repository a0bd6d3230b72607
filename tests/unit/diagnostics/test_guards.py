"""Guards of ports: who has none is told, and what this kernel cannot hold."""

from dataclasses import replace

from core_samples import WHOLE, records, status, wanted
from evidence_samples import snapshot

from netconsole.backend.model.option_source import OptionSource
from netconsole.backend.model.records import Records
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.backend.survey.guard_bypass import JUMP
from netconsole.backend.survey.status import Bypass, Status
from netconsole.diagnostics.checks.bridges import guards
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.backend import Backend

DEAF = {"net/ipv6/conf/br100/accept_ra": "0"}
HEARING = {"net/ipv6/conf/br100/accept_ra": "1", "net/ipv6/conf/br100/forwarding": "0"}
ROUTER = {"net/ipv6/conf/br100/accept_ra": "1", "net/ipv6/conf/br100/forwarding": "1"}


def host(found: Records, **changed: object) -> Status:
    told = status(WHOLE, found, wanted(found))
    # The names are those of HostStatus's fields, as every test that passes shows.
    return replace(told, host=replace(told.host, **changed))  # type: ignore[arg-type]


def judged(found: Status, settings: dict[str, str]) -> Finding:
    return guards.CHECK.examine(snapshot(found, sysctls=settings))


def unguarded() -> Records:
    found = records(2)
    return replace(found, ports=tuple(replace(each, guarded=each.id != 1) for each in found.ports))


def test_where_every_port_is_guarded_nothing_is_found() -> None:
    assert judged(host(records(2)), HEARING).verdict == "ok"
    assert judged(host(records(0, floating=False)), HEARING).verdict == "not-applicable"


def test_who_has_no_guard_is_named_and_where_the_host_hears_it() -> None:
    found = judged(host(unguarded()), DEAF)
    assert (found.verdict, found.fix) == ("warn", None)
    assert found.because.startswith("No guard is wanted for web0: ")
    assert [row.label for row in found.evidence] == ["guard of web0"]
    heard = [row.label for row in judged(host(unguarded()), HEARING).evidence]
    assert heard == ["guard of web0", "net.ipv6.conf.br100.accept_ra"]
    assert len(judged(host(unguarded()), ROUTER).evidence) == 1


def test_where_they_are_switched_off_the_advice_is_to_take_the_line_out() -> None:
    source = OptionSource("/etc/nova/nova.conf", 1_000_000_000)
    for there in (0, 2):
        found = judged(
            host(records(there, floating=False), guards_off=True, guards_off_source=source), HEARING
        )
        assert found.verdict == "warn"
        assert "since the change of /etc/nova/nova.conf at 2001-09-09 01:46 UTC" in found.because
        assert "take the line guard out of /etc/nova/nova.conf and run" in (found.remedy or "")


def test_a_kernel_without_guards_is_told_of() -> None:
    found = judged(host(records(2), unsupported={"guards": "no family netdev"}), HEARING)
    assert found.verdict == "warn"
    assert found.because.endswith("any guest can pass for any other: no family netdev.")
    assert [row.label for row in found.evidence] == ["net.ipv6.conf.br100.accept_ra"]


def test_what_ebtables_cannot_stop_is_told_after_who_has_no_guard() -> None:
    lacking = {"netdev guards": "no family netdev; ebtables guards the ports, and cannot stop X"}
    found = judged(host(records(2), unsupported=lacking), HEARING)
    assert found.verdict == "warn"
    assert found.because.endswith(
        "is stopped: no family netdev; ebtables guards the ports, and cannot stop X."
    )
    assert not found.evidence
    assert judged(host(unguarded(), unsupported=lacking), DEAF).because.startswith("No guard is")


def test_what_takes_all_before_the_guards_is_named_and_our_jump_moves_before_the_first() -> None:
    some, all_ = "-i eth0 -j ACCEPT", "-j ACCEPT"
    found = tuple(
        Bypass("bridge", "PREROUTING", JUMP, number, f"rule {number} of PREROUTING", rule, whole)
        for number, rule, whole in ((1, some, False), (2, all_, True))
    )
    told = host(records(2), guards_bypassed=found)
    seen = Backend(told, Plan(), (some, all_, JUMP))
    finding = guards.CHECK.examine(snapshot(told, sysctls=DEAF).with_parts(seen))
    assert finding.verdict == "fail"
    assert finding.because.startswith("Rule 2 of PREROUTING takes whatever comes in by guarded")
    assert finding.fix is not None
    (step,) = finding.fix.steps
    assert isinstance(step, ChangeRules)
    assert step.lines == (f"-D PREROUTING {JUMP}", f"-I PREROUTING 1 {JUMP}")


def test_who_has_no_guard_on_another_host_is_none_of_this_one() -> None:
    found = unguarded()
    there = tuple(replace(each, host="elsewhere") for each in found.instances if each.id == 1)
    moved = replace(found, instances=(*there, *found.instances[1:]))
    links = {name: link for name, link in WHOLE.links.items() if name != "tap0"}
    told = status(replace(WHOLE, links=links), moved, wanted(moved))
    assert judged(told, DEAF).verdict == "ok"
