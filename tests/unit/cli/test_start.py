"""Starting: what the command line imports, and that its help is there without importing more."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from netconsole import __version__
from netconsole.cli.main import COMMANDS, PROGRAM, root

NETCONSOLE = str(Path(sys.executable).parent / "netconsole")
HEAVY = ("textual", "sqlalchemy", "alembic", "pyroute2", "oslo_config", "scapy", "rich", "psutil")


def netconsole(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NETCONSOLE, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [("--version",), ("--help",), ("network", "--help"), ("floating", "associate", "--help")]
    + [(name, "--help") for name in COMMANDS],
)
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    program = (
        "import sys; from netconsole.cli.main import run; status = run(sys.argv[1:]); "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr); "
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.split() == []


def test_version_says_the_version() -> None:
    assert netconsole("--version").stdout == f"netconsole {__version__}\n"


def test_help_lists_every_command_with_its_own_first_line() -> None:
    listed = netconsole("--help").stdout
    with click.Context(root, info_name=PROGRAM) as context:
        for name, entry in COMMANDS.items():
            command = root.get_command(context, name)
            assert command is not None
            assert command.get_short_help_str(limit=200) == entry.summary
            assert f"  {name} " in listed


def test_an_unknown_command_suggests_the_one_that_was_meant() -> None:
    done = netconsole("netwrk", "list")
    assert done.returncode == 2
    assert "Did you mean 'network'?" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    done = netconsole("completion", shell)
    assert done.returncode == 0
    assert "_NETCONSOLE_COMPLETE" in done.stdout
