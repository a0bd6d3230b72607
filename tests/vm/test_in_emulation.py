"""Tests on Debian's own kernel, emulated: the files of `emulated_inside`."""

import sys
from pathlib import Path

import pytest
from vm import emulated
from vm.machine import HERE

pytestmark = pytest.mark.requires("root", *emulated.PROGRAMS)

SECONDS = 3000
"""For a machine that is busy with other tests: what runs there waits for its processors."""
PYTEST = ("-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", "-o", f"timeout={SECONDS - 300}")
FILES = sorted((HERE / "emulated_inside").glob("test_*.py"))


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_inside(path: Path) -> None:
    lines: list[str] = []
    status = emulated.run((sys.executable, *PYTEST, str(path)), SECONDS, lines.append)
    assert status == 0, "".join(lines)
