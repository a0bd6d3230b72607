"""What the check `rp_filter` concludes from the kernel's answers."""

from collections.abc import Mapping

import pytest

from netconsole.backend.steps import Plan, SetSysctl, WriteFile
from netconsole.backend.survey.status import FloatingIPStatus, HostStatus, Status
from netconsole.diagnostics.checks.path.rp_filter import CHECK
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.drop_ins import parse
from netconsole.diagnostics.parts.reverse_paths import (
    EchoProbe,
    EchoProbes,
    InterfacePaths,
    KnownAs,
    ReversePath,
    ReversePaths,
)
from netconsole.diagnostics.parts.routing import Route, Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls

OWN = "203.0.113.2"
SOURCE = "203.0.113.1"


def path(
    returns_by: str = "eth1",
    refusal: str = "EINVAL",
    known_as: KnownAs = "gateway",
    other: bool = False,
    source: str = SOURCE,
) -> ReversePath:
    kind = "other" if other else "unicast" if returns_by else "none"
    return ReversePath("eth0", source, known_as, OWN, returns_by, kind, refusal)  # type: ignore[arg-type]  # one of the three


def settings(everywhere: int, own: int) -> dict[str, str]:
    return {
        "net/ipv4/conf/all/rp_filter": str(everywhere),
        "net/ipv4/conf/eth0/rp_filter": str(own),
    }


def snapshot(
    *paths: ReversePath,
    sysctls: Mapping[str, str] | None = None,
    files: tuple[tuple[str, str], ...] = (),
    probes: tuple[EchoProbe, ...] = (),
    host: Backend | None = None,
) -> Snapshot:
    seen = Snapshot.of(
        Sysctls(sysctls or settings(0, 1)),
        DropIns(tuple(each for file in files for each in parse(*file)), None),
        ReversePaths((InterfacePaths("eth0", (OWN,), paths),), 0),
        EchoProbes(probes),
    )
    return seen.with_parts(host) if host else seen.without(Backend, "not here")


def value(finding: Finding, label: str) -> str:
    return next(row.value for row in finding.evidence if row.label == label)


def test_a_strict_filter_and_a_reply_that_leaves_elsewhere_is_the_fault() -> None:
    found = CHECK.examine(snapshot(path()))
    assert found.verdict == "fail"
    assert f"{SOURCE} that comes in at eth0 is dropped" in found.because
    assert "eth1" in found.because
    assert "1 (strict)" in found.because
    assert found.fix == Plan((SetSysctl("net.ipv4.conf.eth0.rp_filter", "2", "1"),))


def test_the_fix_is_loose_even_where_the_value_comes_from_all() -> None:
    found = CHECK.examine(snapshot(path(), sysctls=settings(1, 0)))
    assert found.fix is not None
    assert found.fix.commands == ("sysctl -w net.ipv4.conf.eth0.rp_filter=2",)
    assert value(found, "in force at eth0") == "1 (strict)"


def test_older_kernels_name_the_cause_themselves() -> None:
    found = CHECK.examine(snapshot(path(refusal="EXDEV")))
    assert found.verdict == "fail"


@pytest.mark.parametrize(
    "refused",
    [
        path(returns_by="eth0"),
        path(returns_by="eth1", other=True),
        path(returns_by="eth1", refusal="EHOSTUNREACH"),
    ],
    ids=["replied to by the same way", "an address of this host", "another refusal"],
)
def test_a_refusal_with_another_cause_is_not_named(refused: ReversePath) -> None:
    assert CHECK.examine(snapshot(refused)).verdict == "ok"


def test_a_refusal_with_the_filter_off_has_another_cause() -> None:
    assert CHECK.examine(snapshot(path(), sysctls=settings(0, 0))).verdict == "ok"


def test_without_any_route_back_no_value_is_offered() -> None:
    found = CHECK.examine(snapshot(path(returns_by=""), sysctls=settings(0, 2)))
    assert found.verdict == "fail"
    assert found.fix is None
    assert found.persist is None
    assert "add a route" in found.remedy


def test_an_uneven_way_that_a_loose_filter_lets_in_is_fine_and_can_be_kept() -> None:
    found = CHECK.examine(snapshot(path(refusal=""), sysctls=settings(0, 2)))
    assert found.verdict == "ok"
    assert found.fix is None
    assert found.persist is not None
    (step,) = found.persist.steps
    assert isinstance(step, WriteFile)
    assert "net.ipv4.conf.eth0.rp_filter = 2" in step.content


def test_a_later_file_is_named_and_nothing_is_offered_against_it() -> None:
    file = ("/etc/sysctl.conf", "net.ipv4.conf.eth0.rp_filter = 1")
    found = CHECK.examine(snapshot(path(), files=(file,)))
    assert found.fix
    assert found.persist is None
    assert "/etc/sysctl.conf:1 says 1" in found.at_boot


def test_many_sources_are_counted_once_each() -> None:
    paths = [path(source=f"203.0.113.{n}") for n in range(10, 30)]
    found = CHECK.examine(snapshot(*paths, *paths))
    assert "19 other sources fare the same" in found.because
    assert value(found, "more sources like these") == "12"


def test_the_probe_separates_a_filtered_reply_from_a_silent_source() -> None:
    filtered = EchoProbe("eth0", SOURCE, sent=3, replies=0, dropped_before=4, dropped_after=7)
    found = CHECK.examine(snapshot(path(), probes=(filtered,)))
    assert value(found, "IPReversePathFilter before the probe") == "4"
    assert value(found, "IPReversePathFilter after the probe") == "7"
    assert any("silent source" in each for each in found.rules_out)
    silent = EchoProbe("eth0", SOURCE, sent=3, replies=0, dropped_before=4, dropped_after=4)
    found = CHECK.examine(snapshot(path(), probes=(silent,)))
    assert not any("silent source" in each for each in found.rules_out)


def floating(interface: str) -> Backend:
    address = FloatingIPStatus(
        "203.0.113.129", "p", interface, None, "web1", "10.0.0.2", True, 5, 5, "ok"
    )
    host = HostStatus("h", "eth0", None, True, "read-write", None, {})
    return Backend(Status(host, (), (), (address,), (), (), ()), Plan())


def test_a_strict_public_interface_off_the_default_route_is_a_warning() -> None:
    beyond = path(known_as="beyond", source="192.0.2.1")
    found = CHECK.examine(snapshot(beyond, host=floating("eth0")))
    assert found.verdict == "warn"
    assert "default route leaves by eth1" in found.because
    assert found.fix is not None
    assert CHECK.examine(snapshot(beyond, host=floating("eth2"))).verdict == "ok"


def test_no_interface_is_nothing_to_look_at() -> None:
    empty = Snapshot.of(Sysctls({}), DropIns((), None), ReversePaths((), 0))
    assert CHECK.examine(empty).verdict == "not-applicable"


def test_what_could_not_be_read_is_unknown_with_the_reason_and_no_fix() -> None:
    found = CHECK.examine(snapshot().without(ReversePaths, "the kernel is silent"))
    assert found.verdict == "unknown"
    assert found.fix is None
    assert found.because.startswith("The check could not be made: ")


STRICT_LATER = (("/etc/sysctl.d/99-hard.conf", "net.ipv4.conf.*.rp_filter = 1"),)
"""Names every interface, and `all`."""


def test_a_file_that_makes_it_strict_at_the_next_boot_is_a_warning() -> None:
    asymmetric = path(refusal="")
    found = CHECK.examine(snapshot(asymmetric, sysctls=settings(0, 2), files=STRICT_LATER))
    assert (found.verdict, found.confidence, found.fix) == ("warn", "certain", None)
    assert "At the next boot /etc/sysctl.d/99-hard.conf:1" in found.because
    assert SOURCE in found.because
    symmetric = path("eth0", refusal="")
    assert CHECK.examine(snapshot(symmetric, files=STRICT_LATER)).verdict == "ok"
    loose = (*STRICT_LATER, ("/etc/sysctl.d/99-loose.conf", "net.ipv4.conf.eth0.rp_filter = 2"))
    assert CHECK.examine(snapshot(asymmetric, sysctls=settings(0, 2), files=loose)).verdict == "ok"


def test_a_range_that_is_routed_elsewhere_may_come_in_from_the_world() -> None:
    routes = (
        Route("default", "unicast", "main", "eth0", SOURCE),
        Route("192.0.2.0/24", "unicast", "main", "eth1", "198.51.100.1"),
    )
    seen = snapshot(path("eth0", refusal=""), sysctls=settings(0, 0), files=STRICT_LATER)
    found = CHECK.examine(seen.with_parts(Routing(routes=routes)))
    assert (found.verdict, found.confidence) == ("warn", "likely")
    assert "192.0.2.0/24" in found.because
