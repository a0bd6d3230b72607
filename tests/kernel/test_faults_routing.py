"""Faults of addresses and of the way that packets take, put through from break to cure."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_faults import PROGRAMS, examined, put_through, run_playbook, to_the_cure_and_back
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "ebtables")


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with RunningLab() as running:
        for chain in ("INPUT", "FORWARD"):
            # ebtables of the nft kind makes its table at first use, and leaves it there.
            running.run("ebtables", "-P", chain, "ACCEPT")
        yield running


@pytest.mark.parametrize(
    "fault", ["ip_forward", "gateway", "mtu", "routes", "duplicate_address", "proxy_arp"]
)
def test_what_can_be_seen_without_probes(lab: RunningLab, fault: str) -> None:
    put_through(lab, fault, fault)


PROGRAM = (Path(__file__).parents[1] / "support" / "programs_of_command.py").read_text()


def test_a_cure_looks_no_more_often_than_it_learns_something_new(lab: RunningLab) -> None:
    """When it is asked for, before it, as it begins, when it is done, after packets, at the end."""
    command = ("python3", "-c", PROGRAM)
    lab.netconsole("lab", "break", "mtu")
    try:
        asked = ("playbook", "run", "mtu", "--apply")
        done = json.loads(lab.run(*command, *asked).stdout.splitlines()[-1])
    finally:
        lab.netconsole("lab", "mend", "mtu")
    assert done["status"] == 0
    started = done["programs"]
    senders = sum(times for each, times in started.items() if "send_packets" in each)
    assert senders >= 2
    # Paths that still end are tried again, and what fails for a moment is looked at once more.
    assert started["ip -json -details link show"] <= senders + 5, started
    assert started["tc -batch -"] <= senders, started
    assert not any(each.startswith(("tc qdisc", "tc filter")) for each in started), started
    assert not any(each.startswith("nft list set") for each in started), started


def test_undone_forwarding_is_off_as_it_was_and_redirects_are_not_let_in(lab: RunningLab) -> None:
    kept = ("net.ipv4.conf.eth1.forwarding=1", "net.ipv4.conf.all.accept_redirects=0")
    lab.netconsole("lab", "break", "ip_forward")
    lab.run("sysctl", "-q", "-w", *kept)
    try:
        to_the_cure_and_back(lab, "ip_forward")
    finally:
        lab.netconsole("lab", "mend", "ip_forward")


def test_egress_source(lab: RunningLab) -> None:
    put_through(lab, "egress_source", "egress_source")


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("mtu", "mtu"),
        ("arp_flux", "arp_flux"),
        ("asymmetric_route", "asymmetric_route"),
        ("neighbour_by_hand", "address_conflict"),
    ],
)
def test_what_probes_show(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check, "--probe")


@pytest.mark.parametrize(
    ("fault", "check"), [("gateway_twice", "gateway"), ("address_conflict", "address_conflict")]
)
def test_a_guest_with_the_address_of_another(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check, "--probe", beside=("guards",))


def test_a_guest_that_has_the_gateways_address_as_well_has_its_own_too(lab: RunningLab) -> None:
    """It answers nobody who asks in the gateway's name, as it takes that for its own."""
    lab.netconsole("lab", "break", "gateway_twice")
    try:
        found = examined(lab, "--probe", "--only", "guest_answers")
    finally:
        lab.netconsole("lab", "mend", "gateway_twice")
    assert found.named == [], found.reasons


def test_an_announcement_heals_the_router_and_cannot_be_taken_back(lab: RunningLab) -> None:
    put_through(lab, "upstream_arp", "upstream_arp", "--probe", undone=False)


def test_another_machine_with_our_address_is_named_and_left_to_the_admin(lab: RunningLab) -> None:
    lab.netconsole("lab", "break", "duplicate_elsewhere")
    found = examined(lab, "--probe")
    lab.netconsole("lab", "mend", "duplicate_elsewhere")
    assert found.named == ["duplicate_address"]
    finding = found.findings["duplicate_address"]
    assert finding["fix"] is None
    assert "198.51.100.2" in finding["because"]
    assert examined(lab, "--probe").named == []


def test_a_neighbours_floating_address_needs_a_rule_where_frames_bypass_iptables(
    lab: RunningLab,
) -> None:
    def reached() -> bool:
        ask = ("wget", "-q", "-t", "1", "-T", "2", "-O", "-", "http://203.0.113.129/")
        page = lab.inside("web2", *ask)
        return page.stdout == "web1\n"

    assert reached()
    lab.netconsole("lab", "break", "floating_hairpin")
    try:
        assert not reached()
        assert examined(lab).findings["floating_hairpin"]["verdict"] == "info"
        assert run_playbook(lab, "floating_hairpin", "--apply")[0] == 0
        assert reached()
        assert examined(lab).findings["floating_hairpin"]["verdict"] == "ok"
        assert run_playbook(lab, "floating_hairpin", "--undo")[0] == 0
        assert not reached()
    finally:
        lab.netconsole("lab", "mend", "floating_hairpin")
    assert reached()
