"""Programs of the system: how they end, and that they go on when who runs them is killed."""

import subprocess
import sys
from pathlib import Path

import pytest
from private_host import eventually

from netconsole.backend.system.programs import ProgramFailed, run

KILLED = """
import sys
from netconsole.backend.system.programs import run

script = "kill -KILL $PPID; wc -c >%s.new; mv %s.new %s"
run(["sh", "-c", script.replace("%s", sys.argv[1])], text="x" * 1_000_000)
"""


def test_what_a_program_reads_is_whole_when_its_maker_is_killed(tmp_path: Path) -> None:
    """ebtables-restore commits whatever it was given."""
    counted = tmp_path / "counted"
    subprocess.run([sys.executable, "-c", KILLED, str(counted)], check=False)
    eventually(counted.exists)
    assert counted.read_text() == "1000000\n"


def test_of_one_that_was_killed_the_signal_is_told_and_not_the_half_that_it_said() -> None:
    with pytest.raises(ProgramFailed, match=r"ended by signal 13 \(Broken pipe\)$"):
        run(["sh", "-c", "echo half of something; kill -PIPE $$"])
