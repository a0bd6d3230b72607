"""Fixtures for every test, and the rule for those that this machine cannot run.

Such a test is skipped with the reason. With NETCONSOLE_REQUIRE_ALL=1 it fails instead, unless
what it lacks is something that root could not install either.
"""

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from private_host import PrivateHost
from requirements import ALLOWED, why_not
from running_lab import RunningLab

REQUIRE_ALL = os.environ.get("NETCONSOLE_REQUIRE_ALL") == "1"
allowed_skip = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell ignores these for what it runs in the background, nohup the last one, and so would
    # what the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.addinivalue_line("markers", "requires(*names): what the machine must have")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Two workers a core: most tests wait for programs, the kernel and its timers half the time."""
    return 2 * (os.cpu_count() or 1) if config.option.numprocesses == "auto" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "host" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.requires("namespaces", "nsenter", "ip", "iptables"))
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = machines_first(items, workers)


def machines_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return them in an order in which half of the workers begin with the virtual machines.

    A machine takes minutes: begun last, it would leave the other workers without work, and so
    would all of them in the first worker's share. More at once than there are processors would be
    slower than the program waits for. A worker's share is a part of the list as it is (xdist's
    worksteal), which those that have done theirs take from its end.
    """
    machines = [item for item in items if "vm" in item.path.parts]
    machines.sort(key=lambda item: not item.name.startswith("test_inside"))
    others = [item for item in items if "vm" not in item.path.parts]
    beginning = (workers + 1) // 2
    ordered: list[pytest.Item] = []
    for number in range(beginning):
        size = (len(items) - len(ordered)) // (workers - number)
        own = machines[number::beginning]
        rest = max(0, size - len(own))
        ordered += own + others[:rest]
        others = others[rest:]
    return ordered + others


def pytest_runtest_setup(item: pytest.Item) -> None:
    names = [name for marker in item.iter_markers("requires") for name in marker.args]
    for name in names:
        if reason := why_not(name):
            item.stash[allowed_skip] = name in ALLOWED
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail") or item.stash.get(allowed_skip, False)
    if REQUIRE_ALL and report.skipped and not expected:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (NETCONSOLE_REQUIRE_ALL forbids to skip this)"
    return report


@pytest.fixture
def host() -> Iterator[PrivateHost]:
    """A host in namespaces of its own, as after its first boot."""
    with PrivateHost() as made:
        yield made


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    """A lab for all tests of a module, in turn: each leaves it as it was."""
    with RunningLab() as running:
        yield running
