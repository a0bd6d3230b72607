"""Who answers guests that ask for an address or a name, and when."""

from dataclasses import replace

import pytest
from bridge_samples import BRIDGE
from dhcp_samples import LEASE_FILE, PID_FILE, ROGUE, SEEN, found, leases, named
from evidence_samples import (
    ARGV,
    ASKED,
    FILTER,
    HEALTHY,
    LEASES,
    MAC,
    NOW,
    OFFER,
    OWN_DNS,
    PROCESS,
    PROCESSES,
    ROUTING,
    STRANGER,
    UPSTREAM,
    snapshot,
)
from routing_samples import link

from netconsole.backend.filtering.native_tables import NftChain, NftTable
from netconsole.backend.model.subject import network
from netconsole.backend.steps import (
    AddAddress,
    Plan,
    ReloadDnsmasq,
    StartDnsmasq,
    StopDnsmasq,
    WriteFile,
)
from netconsole.diagnostics.model.finding import Verdict
from netconsole.diagnostics.parts.dhcp import DhcpAnswer, DhcpAnswers
from netconsole.diagnostics.parts.dns import DnsAnswers
from netconsole.diagnostics.parts.dnsmasq import PortListener
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.probes.dns_probe import soonest

# dhcp_probe, dhcp_rogue


@pytest.mark.parametrize(
    ("answers", "probe", "rogue"),
    [
        ((OFFER,), "ok", "ok"),
        ((), "fail", "ok"),
        ((replace(OFFER, milliseconds=1500),), "warn", "ok"),
        ((replace(OFFER, address="10.0.0.7"),), "fail", "ok"),
        ((OFFER, ROGUE), "ok", "fail"),
        ((ROGUE,), "fail", "fail"),
        ((OFFER, replace(OFFER, mac=STRANGER.mac)), "ok", "fail"),
        ((OFFER, replace(ROGUE, server="10.0.0.1")), "ok", "fail"),
    ],
)
def test_who_answers_and_what(
    answers: tuple[DhcpAnswer, ...], probe: Verdict, rogue: Verdict
) -> None:
    told = DhcpAnswers(2.5, (ASKED, STRANGER), answers)
    assert (found("dhcp_probe", told).verdict, found("dhcp_rogue", told).verdict) == (probe, rogue)


def test_an_answer_in_the_name_of_another_address_of_the_bridge_is_our_own() -> None:
    """dnsmasq names itself by the first address of its subnet."""
    told = DhcpAnswers(2.5, (ASKED, STRANGER), (replace(OFFER, server="10.0.0.50"),))
    elder = Routing(addresses=(InterfaceAddress("br100", "10.0.0.50", 24, "global"),))
    checks = ("dhcp_probe", "dhcp_rogue")
    assert [found(check, told, elder).verdict for check in checks] == ["ok", "ok"]
    assert [found(check, told, Routing()).verdict for check in checks] == ["fail", "fail"]


def test_silence_without_a_cause_is_healed_by_reading_again() -> None:
    finding = found("dhcp_probe", DhcpAnswers(2.5, (ASKED,)))
    assert finding.fix == Plan((ReloadDnsmasq("br100", PID_FILE),))


def test_silence_where_rules_could_not_be_read_leaves_dnsmasq_alone() -> None:
    tables = (NftTable("inet", "firewalld", (NftChain("in", hook="input", policy="accept"),)),)
    seen = SEEN.with_parts(replace(FILTER, foreign_tables=tables))
    finding = found("dhcp_probe", DhcpAnswers(2.5, (ASKED,)), seen=seen)
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert "inet firewalld" in finding.because


def test_a_late_answer_to_an_earlier_question_counts_too() -> None:
    told = DhcpAnswers(2.5, (ASKED,), (OFFER,), overheard=(ROGUE,))
    finding = found("dhcp_rogue", told)
    assert "behind the port of web1, offers 192.168.0.9" in finding.because
    assert finding.fix is not None
    (step,) = finding.fix.steps
    assert "-i veth1 " in step.commands[0]
    assert step.inverse is not None
    assert "-D FORWARD -i veth1 " in step.inverse.commands[0]


def test_a_server_that_its_guard_holds_off_is_told_and_is_no_fault() -> None:
    told = DhcpAnswers(2.5, (ASKED,), (OFFER,), held_off=(replace(ROGUE, port="veth1"),))
    finding = found("dhcp_rogue", told)
    assert (finding.verdict, finding.fix) == ("info", None)
    assert "web1 serves DHCP on br100" in finding.because
    assert "the guard of that port drops it" in finding.because


def test_a_server_on_this_host_has_no_port_to_be_silenced_at() -> None:
    here = replace(ROGUE, port="br100")
    heard = replace(PROCESSES, listeners=(PortListener("*", "", "kea-dhcp4", 50),))
    finding = found("dhcp_rogue", DhcpAnswers(2.5, (ASKED,), (OFFER, here)), heard)
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert "kea-dhcp4 (50)" in finding.because


def test_a_bridge_that_could_not_be_probed_is_not_known() -> None:
    told = DhcpAnswers(2.5, problems={"br100": "ip: Operation not permitted"})
    assert found("dhcp_probe", told).verdict == found("dhcp_rogue", told).verdict == "unknown"


def test_where_the_spanning_tree_keeps_the_probe_out_that_check_says_so() -> None:
    told = DhcpAnswers(2.5, problems={"br100": "the spanning tree of br100 keeps it waiting"})
    settings = replace(BRIDGE, stp=True, forward_delay=1500)
    waits = Links((link(2, "eth0"), replace(link(4, "br100", "bridge"), bridge=settings)))
    for check in ("dhcp_probe", "dhcp_rogue"):
        finding = found(check, told, waits)
        assert (finding.verdict, "stp says why" in finding.because) == ("info", True)


# dhcp_nak, clock


def test_a_lost_lease_is_written_before_dnsmasq_starts_again() -> None:
    finding = found("dhcp_nak", leases())
    assert finding.fix is not None
    stop, write, start = finding.fix.steps
    end = (int(NOW) - 3600) // 60 * 60 + 86400
    assert stop == StopDnsmasq("br100", ARGV, (7,))
    assert write == WriteFile(LEASE_FILE, f"{end} {MAC} 10.0.0.2 web1 *\n", former="")
    assert start == StartDnsmasq("br100", ARGV)


def test_a_guest_that_nobody_hears_or_that_is_another_has_lost_nothing() -> None:
    assert found("dhcp_nak", leases(), Routing()).verdict == "ok"
    (neighbour,) = ROUTING.neighbours
    for other in (
        replace(neighbour, state="FAILED"),
        replace(neighbour, mac="fa:16:3e:00:00:99"),
        replace(neighbour, interface="eth0"),
    ):
        assert found("dhcp_nak", leases(), Routing(neighbours=(other,))).verdict == "ok"


def test_an_authoritative_dnsmasq_refuses_nobody() -> None:
    process = replace(PROCESS, argv=(*ARGV, "--dhcp-authoritative"))
    assert found("dhcp_nak", replace(leases(), processes=(process,))).verdict == "not-applicable"


@pytest.mark.parametrize(
    ("ends", "written", "verdict"),
    [
        (NOW + 80_000, NOW - 10, "ok"),
        (NOW - 60, NOW - 10, "ok"),
        (NOW - 7200, NOW - 90_000, "warn"),
        (NOW + 80_000, NOW + 7200, "warn"),
        (NOW + 900_000, NOW - 10, "info"),
        (0, NOW - 10, "ok"),
    ],
)
def test_the_clock_by_the_leases(ends: float, written: float, verdict: Verdict) -> None:
    lease = replace(LEASES[0], expires=int(ends))
    assert found("clock", leases(lease, written=written)).verdict == verdict


# dns

DEAD_HERE = replace(OWN_DNS, code="", problem="no answer within 2 s", milliseconds=2000)
DEAD = replace(UPSTREAM, code="", problem="no answer within 2 s", milliseconds=2000)


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ((OWN_DNS, UPSTREAM), "ok", "answered"),
        ((DEAD_HERE, UPSTREAM), "fail", "in dnsmasq"),
        ((OWN_DNS, DEAD), "fail", "between dnsmasq and that server"),
        ((OWN_DNS, replace(UPSTREAM, code="REFUSED")), "fail", "answers REFUSED"),
        ((OWN_DNS, DEAD, replace(UPSTREAM, server="192.0.2.1")), "warn", "Another one does"),
        (
            (replace(OWN_DNS, milliseconds=900), replace(UPSTREAM, milliseconds=899)),
            "warn",
            "between dnsmasq and that server",
        ),
        ((replace(OWN_DNS, milliseconds=900), UPSTREAM), "warn", "in dnsmasq itself"),
        ((replace(OWN_DNS, code="SERVFAIL"), UPSTREAM), "fail", "answers SERVFAIL"),
        (
            (replace(OWN_DNS, code="NOERROR", addresses=("10.0.0.99",)), UPSTREAM),
            "warn",
            "a name that nobody has",
        ),
        (
            (
                replace(OWN_DNS, code="NOERROR", addresses=("10.0.0.99",)),
                replace(UPSTREAM, code="NOERROR", addresses=("10.0.0.99",)),
            ),
            "ok",
            "answered",
        ),
    ],
)
def test_on_which_side_of_dnsmasq_the_time_is_lost(
    answers: tuple[object, ...], verdict: Verdict, words: str
) -> None:
    finding = found("dns", DnsAnswers(answers))  # type: ignore[arg-type]  # of DnsAnswer, all
    assert finding.verdict == verdict
    assert words in finding.because


@pytest.mark.parametrize(
    ("took", "counts", "asked"),
    [
        ((20,), 20, 1),
        ((900, 20), 20, 2),
        ((900, 700, 800), 700, 3),
        ((0,), 0, 1),
        ((900, 0), 900, 3),
    ],
)
def test_one_late_answer_is_no_verdict(took: tuple[int, ...], counts: int, asked: int) -> None:
    """0: nothing came back."""
    told = [replace(OWN_DNS, milliseconds=each) if each else DEAD for each in (*took, 0, 0)]
    questions = iter(told[:3])
    found = soonest(lambda: next(questions))
    assert found == (replace(OWN_DNS, milliseconds=counts) if counts else DEAD)
    assert len([*questions]) == 3 - asked


def test_a_slow_dnsmasq_that_is_busy_is_left_to_that_check() -> None:
    busy = replace(PROCESSES, processes=(replace(PROCESS, busy=1.0),))
    slow = DnsAnswers((replace(OWN_DNS, milliseconds=900), UPSTREAM))
    assert named(SEEN.with_parts(busy, slow)) == ["dnsmasq_load"]


def test_a_bridge_without_its_address_is_the_cause_of_both_silences() -> None:
    step = AddAddress("br100", "10.0.0.1/24", subjects=(network("vmnet"),))
    seen = snapshot(HEALTHY, step).with_parts(
        DhcpAnswers(2.5, (ASKED, STRANGER)),
        DnsAnswers((replace(DEAD, server="10.0.0.1", upstream=False), UPSTREAM)),
    )
    for check in ("dhcp_probe", "dns"):
        told = found(check, seen=seen)
        assert (told.verdict, told.fix) == ("info", None)
        assert "gateway" in told.because
