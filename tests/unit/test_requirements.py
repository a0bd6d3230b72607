"""Tests that cannot run here: named with the reason, and failed where nothing may be left out."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
LACKING = """
import pytest

@pytest.mark.requires("no-such-program")
def test_lacks_a_program(): ...

@pytest.mark.requires("8021q")
def test_lacks_what_no_package_brings(): ...

def test_skips_itself():
    pytest.skip("because I say so")

def test_runs(): ...
"""


def outcome(directory: Path, *, require_all: bool) -> str:
    """Run the tests above with 802.1Q declared to be missing, and return what is printed."""
    (directory / "test_lacking.py").write_text(LACKING)
    (directory / "conftest.py").write_text(
        "import requirements\n"
        "requirements.why_not.cache_clear()\n"
        'requirements.PROBES["8021q"] = lambda: "no 802.1Q, says the test"\n'
    )
    environment = {name: value for name, value in os.environ.items() if "NETCONSOLE" not in name}
    environment |= {"PYTHONPATH": f"{TESTS}:{TESTS / 'support'}", "NO_COLOR": "1"}
    if require_all:
        environment["NETCONSOLE_REQUIRE_ALL"] = "1"
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "conftest", "--rootdir", str(directory)]
    return subprocess.run(
        [*command, "-c", "/dev/null", str(directory)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    ).stdout


def test_each_that_cannot_run_is_named_with_the_reason(tmp_path: Path) -> None:
    printed = outcome(tmp_path, require_all=False)
    assert "1 passed, 3 skipped" in printed
    for reason in ("no-such-program is not installed", "no 802.1Q", "because I say so"):
        assert reason in printed


def test_where_all_are_required_only_the_kernel_may_lack_something(tmp_path: Path) -> None:
    printed = outcome(tmp_path, require_all=True)
    assert "1 failed, 1 passed, 1 skipped, 1 error" in printed
    assert "no-such-program is not installed (NETCONSOLE_REQUIRE_ALL" in printed
