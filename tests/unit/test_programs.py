"""Programs that go on when the process that runs them is killed."""

import subprocess
import sys
from pathlib import Path

from private_host import eventually

KILLED = """
import sys
from netconsole.backend.programs import run

script = "kill -KILL $PPID; wc -c >%s.new; mv %s.new %s"
run(["sh", "-c", script.replace("%s", sys.argv[1])], text="x" * 1_000_000)
"""


def test_what_a_program_reads_is_whole_when_its_maker_is_killed(tmp_path: Path) -> None:
    """ebtables-restore commits whatever it was given."""
    counted = tmp_path / "counted"
    subprocess.run([sys.executable, "-c", KILLED, str(counted)], check=False)
    eventually(counted.exists)
    assert counted.read_text() == "1000000\n"
