"""Whether netconsole and dnsmasq may write and read their files."""

from dataclasses import replace

import pytest
from dhcp_samples import found
from evidence_samples import NETWORKS, NOW, PLACE

from netconsole.diagnostics.evidence.log import denied
from netconsole.diagnostics.model.finding import Verdict
from netconsole.diagnostics.parts.log import SystemLog
from netconsole.diagnostics.parts.state_holders import LockHolder, StateHolders
from netconsole.diagnostics.parts.storage import KeptLeases, StateStorage


def test_a_mount_is_made_writable_and_a_broken_file_system_is_not() -> None:
    mounted = found("state_directory", StateStorage((replace(PLACE, read_only_mount=True),)))
    assert mounted.fix is not None
    assert mounted.fix.commands == ("mount -o remount,bind,rw /",)
    broken = replace(PLACE, read_only_mount=True, read_only_file_system=True)
    finding = found("state_directory", StateStorage((broken,)))
    assert (finding.verdict, finding.fix) == ("fail", None)


@pytest.mark.parametrize(
    ("place", "verdict"),
    [
        (replace(PLACE, free_bytes=0), "fail"),
        (replace(PLACE, free_bytes=1 << 20), "warn"),
        (replace(PLACE, free_inodes=0), "fail"),
        (replace(PLACE, free_inodes=50), "warn"),
        (replace(PLACE, free_inodes=0, total_inodes=0), "ok"),
    ],
)
def test_how_much_room_there_is(place: object, verdict: Verdict) -> None:
    assert found("state_directory", StateStorage((place,))).verdict == verdict  # type: ignore[arg-type]  # a StatePlace


@pytest.mark.parametrize(
    ("ours", "stopped", "verdict"),
    [(True, False, "ok"), (True, True, "fail"), (False, False, "fail")],
)
def test_who_holds_the_lock_and_lets_go_of_nothing_is_named(
    ours: bool, stopped: bool, verdict: Verdict
) -> None:
    holder = LockHolder("/var/lib/netconsole/host.lock", 77, "flock host.lock sleep", ours, stopped)
    finding = found("state_directory", StateHolders((holder,)))
    assert finding.verdict == verdict
    assert ("Process 77 (`flock host.lock sleep`)" in finding.because) == (verdict == "fail")


APPARMOR = (
    '[  100.500000] audit: type=1400 audit(1.2:3): apparmor="DENIED" operation="open" '
    'profile="/usr/sbin/dnsmasq" name="{name}" pid={pid} comm="dnsmasq" requested_mask="r"\n'
    "[  101.000000] br100: port 1(veth1) entered forwarding state\n"
)


def test_a_denial_of_our_files_is_named_and_one_of_others_is_not_ours() -> None:
    for name, pid, verdict in (
        (f"{NETWORKS}/nova-br100.hosts/", 99, "fail"),
        ("/etc/dnsmasq.d/", 7, "fail"),
        ("/var/lib/libvirt/dnsmasq/x", 99, "info"),
    ):
        lines = denied(APPARMOR.format(name=name, pid=pid), NOW)
        assert [line.moment for line in lines] == [NOW + 100.5]
        log = SystemLog(denials=lines, enforcing=("AppArmor",))
        assert found("mandatory_access", log).verdict == verdict
    assert found("mandatory_access", SystemLog()).verdict == "not-applicable"
    closed = SystemLog(problem="dmesg: Operation not permitted", enforcing=("SELinux",))
    assert found("mandatory_access", closed).verdict == "unknown"


@pytest.mark.parametrize(
    ("leases", "verdict", "said"),
    [
        (KeptLeases("/n/nova-br100.leases", 7), "ok", ""),
        (
            KeptLeases("/n/nova-br100.leases", 7, flag="immutable"),
            "fail",
            "chattr -i /n/nova-br100",
        ),
        (
            KeptLeases("/n/nova-br100.leases", 7, flag="append-only"),
            "fail",
            "chattr -a /n/nova-br1",
        ),
        (
            KeptLeases("/n/nova-br100.leases", 7, False, "/proc/7/fd/3"),
            "warn",
            "cat /proc/7/fd/3 > /n/nova-br100.leases",
        ),
        (KeptLeases("/n/nova-br100.leases", 7, False), "warn", "Start it again: `kill 7`"),
    ],
)
def test_leases_that_are_not_kept(leases: KeptLeases, verdict: Verdict, said: str) -> None:
    finding = found("state_directory", StateStorage((PLACE,), (leases,)))
    assert finding.verdict == verdict
    assert said in finding.remedy
