"""The process among others: whatever it is started with, one line and the documented status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NETCONSOLE = str(Path(sys.executable).parent / "netconsole")

ODD = {
    "stdin closed": ("netconsole explain rp_filter <&-", 0, ""),
    "stdout closed": ("netconsole explain rp_filter >&-", 1, "stdout could not be written"),
    "stderr closed": ("netconsole explain nonsense 2>&-", 2, None),
    "all closed": ("netconsole explain rp_filter <&- >&- 2>&-", 1, None),
    "no command, stdin closed": ("netconsole --config-file none <&-", 2, "configuration file"),
    "stdout full": ("netconsole explain rp_filter >/dev/full", 1, "No space left"),
    "help, stdout closed": ("netconsole network create --help >&-", 1, "could not be written"),
    "help, stdout full": ("netconsole nova --help >/dev/full", 1, "could not be written"),
    "version, stdout closed": ("netconsole --version >&-", 1, "could not be written"),
    "help, the reader is gone": ("netconsole --help | true; exit ${PIPESTATUS[0]}", 141, ""),
    "stderr full": ("netconsole explain nonsense 2>/dev/full", 2, None),
    "the reader is gone": ("netconsole explain rp_filter | true; exit ${PIPESTATUS[0]}", 141, ""),
    "no file may grow": ("ulimit -f 0; netconsole explain rp_filter > out", 1, "File too large"),
    "few files": ("ulimit -n 8; netconsole explain nonsense", 2, "nonsense"),
    "an argument that is no text": ("netconsole network show $'a\\xff'", 2, r"argument 'a\xff'"),
    "an option that is no text": ("netconsole $'--a\\x9b'", 2, r"argument '--a\x9b'"),
    "ascii only": ("PYTHONIOENCODING=ascii netconsole explain é", 2, "check "),
    "no environment": ("env -i $(command -v netconsole) explain nonsense", 2, "nonsense"),
    "no directory": ("mkdir d; cd d; rmdir ../d; netconsole explain nonsense", 2, "nonsense"),
    "a FIFO": ("mkfifo f; netconsole doctor --from f", 2, "is a FIFO"),
    "a device": ("netconsole doctor --from /dev/zero", 2, "is a device"),
    "a directory": ("netconsole doctor --from .", 2, "is a directory"),
    "deep JSON": ("printf '%.0s[' {1..99999} > f; netconsole doctor --from f", 2, "too deep"),
    "no number": ('echo {\\"format\\":NaN} > f; netconsole doctor --from f', 2, "NaN is no number"),
    "half a letter": ('echo \'{"format":"\\ud800"}\' > f; netconsole doctor --from f', 2, "format"),
    "a key twice": (
        """echo '{"format":1,"format":2}' > f; netconsole doctor --from f""",
        2,
        "'format' stands twice in one object",
    ),
    "a capture from a FIFO": ("mkfifo f; netconsole capture --read f", 2, "is a FIFO"),
}
"""What a shell runs, the exit status, and what the one line on stderr says; None where none can."""


@pytest.mark.parametrize(("script", "status", "words"), ODD.values(), ids=ODD.keys())
def test_one_line_and_the_documented_status(
    tmp_path: Path, script: str, status: int, words: str | None
) -> None:
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(NETCONSOLE).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "bug" not in done.stderr
    assert done.stderr.count("\n") == (1 if words else 0)
    assert (words or "") in done.stderr


BROKEN = """
import sys
import netconsole.cli.main as main
def fail(*_, **__):
    raise LookupError("a\\udcff\\nb")
main.root.main = fail
sys.argv = ["netconsole"]
sys.exit(main.main())
"""


@pytest.mark.parametrize("more", ["", "2>&-", "2>/dev/full", ">&- 2>&- <&-", "TMPDIR=/nowhere"])
def test_the_way_a_crash_is_told_cannot_crash(tmp_path: Path, more: str) -> None:
    """Not even where no report can be written: `ulimit -f 0`."""
    setting, redirection = (more, "") if "=" in more else ("", more)
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'ulimit -f 0; {setting} "$0" -c "$1" {redirection}',
            sys.executable,
            BROKEN,
        ],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    if not redirection:
        assert done.stderr.startswith(
            r"netconsole: LookupError: a\xff b (a bug; no report could be"
        )
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "module", ["click", "netconsole.cli.frame.failures", "netconsole.cli.explain"]
)
def test_interrupted_while_modules_are_imported_there_is_no_traceback(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "from netconsole.cli.entry import main\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.argv = ['netconsole', 'explain', 'rp_filter']\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1"; exit $?', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr.strip() == ""
