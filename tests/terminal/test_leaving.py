"""The console leaves the terminal as it found it, and always leaves."""

import os
import re
import signal
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from private_host import PrivateHost, eventually
from pseudo_terminal import Terminal

pytestmark = pytest.mark.requires("namespaces", "nsenter", "ip", "iptables")

EMPTY = "No network yet"
PREPARED = """
import sys
import netconsole.screens.app as app
from netconsole.backend.service.service import Service
from netconsole.cli.main import main
{change}
sys.argv = ["netconsole"]
sys.exit(main())
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[PrivateHost]:
    with PrivateHost() as made:
        yield made


def console(
    machine: PrivateHost,
    *command: str,
    controlling: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Terminal:
    return Terminal(
        machine.entered(*(command or ("netconsole",))),
        # What a crash leaves is left on the host's own /run.
        environment={"TMPDIR": "/run", **(environment or {})},
        controlling=controlling,
    )


def prepared(change: str) -> tuple[str, ...]:
    """The real console with one thing about it that goes wrong."""
    return ("python3", "-c", PREPARED.format(change=change))


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def gone(pid: int) -> bool:
    try:
        return state(pid) in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_quit(machine: PrivateHost, key: str) -> None:
    with console(machine) as terminal:
        terminal.wait_for(EMPTY)
        terminal.press(key)
        assert terminal.exit_status() == 0
        assert terminal.restored()


@pytest.mark.parametrize("typed", ["\udce9", "\udcff\x00\udcc3", "\x1b[200~\udce9\x1b[201~"])
def test_a_byte_that_is_no_text_is_no_end_and_takes_no_key_with_it(
    machine: PrivateHost, typed: str
) -> None:
    with console(machine) as terminal:
        terminal.wait_for(EMPTY)
        terminal.press(typed)
        terminal.press("q")
        assert terminal.exit_status() == 0
        assert terminal.restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_with_its_status(machine: PrivateHost, number: signal.Signals) -> None:
    with console(machine) as terminal:
        terminal.wait_for(EMPTY)
        os.kill(terminal.pid(), number)
        assert terminal.exit_status() == 128 + number
        assert terminal.restored()


@pytest.mark.parametrize("controlling", [True, False])
def test_it_does_not_outlive_its_terminal(machine: PrivateHost, controlling: bool) -> None:
    """Without a controlling terminal no SIGHUP comes: what nohup and some sudo set-ups do."""
    with console(machine, controlling=controlling) as terminal:
        terminal.wait_for(EMPTY)
        pid = terminal.pid()
        terminal.hang_up()
        eventually(lambda: gone(pid))


def test_a_terminal_that_stopped_reading_does_not_hold_it(machine: PrivateHost) -> None:
    with console(machine) as terminal:
        terminal.wait_for(EMPTY)
        pid = terminal.pid()
        terminal.stall()
        for _ in range(60):
            terminal.press("?", "escape")
        for width in range(80, 160, 2):
            terminal.resize(width, 50)
            os.kill(pid, signal.SIGWINCH)
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: gone(pid))


def test_a_look_that_is_stuck_does_not_hold_it(machine: PrivateHost) -> None:
    stuck = "import time; Service.look = lambda *_, **__: time.sleep(1000)"
    with console(machine, *prepared(stuck)) as terminal:
        terminal.wait_for("looking at the host")
        terminal.press("q")
        assert terminal.exit_status() == 0
        assert terminal.restored()


def test_a_crash_restores_the_terminal_and_tells_no_secret(machine: PrivateHost) -> None:
    broken = (
        "def broken(self):\n    password = 'hunter' + '2'\n    raise RuntimeError('on purpose')\n"
        "app.ConsoleApp.open_help = broken"
    )
    with console(machine, *prepared(broken)) as terminal:
        terminal.wait_for(EMPTY)
        terminal.press("?")
        assert terminal.exit_status() == 1
        assert terminal.restored()
        said = bytes(terminal.output).rpartition(b"\x1b[?1049l")[2].decode()
        assert "on purpose" in said
        assert "hunter2" not in said
        report = next(word.strip("()") for word in said.split() if word.endswith(".txt)"))
        found = Path(f"/proc/{machine.pid}/root{report}")
        assert stat.S_IMODE(found.stat().st_mode) == 0o600
        text = found.read_text()
        assert "on purpose" in text
        assert "hunter2" not in text


@pytest.mark.requires("tcpdump")
@pytest.mark.parametrize("end", ["escape", "q", "SIGTERM", "SIGKILL", "crash"])
def test_a_capture_ends_with_its_page_and_with_the_console(machine: PrivateHost, end: str) -> None:
    machine.run("sh", "-c", "ip link show heard || ip link add heard up type bridge")
    broken = (
        "import netconsole.screens.pages.live_capture as live\n"
        "def broken(self):\n    raise RuntimeError('on purpose')\n"
        "live.LiveCapturePage.action_pause = broken"
    )

    def captures() -> bool:
        return len(machine.run("cat", "/proc/net/packet").stdout.splitlines()) > 1

    with console(machine, *prepared(broken)) as terminal:
        terminal.wait_for(EMPTY)
        terminal.press("c")
        terminal.wait_for(re.compile(r"\[ \] heard +bridge"))
        terminal.press("/", "heard", "enter")
        terminal.wait_for("/heard", "enter begin")
        terminal.press(" ")
        terminal.wait_for("[x] heard")
        terminal.press("enter")
        terminal.wait_for("capturing 0:00:0")
        assert captures()
        if end in signal.Signals.__members__:
            os.kill(terminal.pid(), signal.Signals[end])
        else:
            terminal.press("p" if end == "crash" else end)
        eventually(lambda: not captures())
        if end == "escape":
            terminal.wait_for("enter begin")
        elif end != "SIGKILL":
            expected = {"q": 0, "SIGTERM": 128 + signal.SIGTERM, "crash": 1}
            assert terminal.exit_status() == expected[end]
            assert terminal.restored()


def test_an_error_of_the_backend_is_a_line_and_not_a_crash(machine: PrivateHost) -> None:
    failing = (
        "from netconsole.backend.model.errors import Unavailable\n"
        "def fail(self, *_):\n    raise Unavailable('iptables-save: not found')\n"
        "Service.look = fail"
    )
    said = "cannot look at the host: iptables-save: not found"
    with console(machine, *prepared(failing)) as terminal:
        terminal.wait_for(re.compile(r"\A.*not current ✗"), said)
        terminal.press("2")
        terminal.wait_for("[2 allocations]", said)
        terminal.press("q")
        assert terminal.exit_status() == 0


def test_it_is_suspended_and_comes_back(machine: PrivateHost) -> None:
    """As a shell's child: a session's first process is never stopped by its terminal."""
    with console(machine, "env", "netconsole") as terminal:
        terminal.wait_for(EMPTY)
        pid = terminal.pid()
        terminal.press("ctrl+z")
        eventually(lambda: state(pid) == "T")
        eventually(lambda: b"\x1b[?1049l" in terminal.output)
        drawn = len(terminal.output)
        # To nsenter, which has stopped as well and wakes what it has started.
        terminal.process.send_signal(signal.SIGCONT)
        eventually(lambda: EMPTY.encode() in bytes(terminal.output[drawn:]))
        terminal.press("q")
        assert terminal.exit_status() == 0


def test_without_a_terminal_it_says_so(machine: PrivateHost) -> None:
    done = machine.run("netconsole", "console", check=False)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "netconsole status" in done.stderr


def test_a_terminal_that_is_too_small_is_asked_to_grow(machine: PrivateHost) -> None:
    with console(machine) as terminal:
        terminal.wait_for(EMPTY)
        terminal.resize(59, 14)
        terminal.wait_for("Please make it 60x15 or larger.")
        terminal.resize(60, 15)
        terminal.wait_for(EMPTY)
        terminal.press("?")
        terminal.wait_for("access")


@pytest.mark.parametrize("environment", [{"TERM": "linux"}, {"LC_ALL": "C"}])
def test_ascii_where_there_is_no_more(machine: PrivateHost, environment: dict[str, str]) -> None:
    with console(machine, environment=environment) as terminal:
        terminal.wait_for(EMPTY)
        terminal.press("5")
        terminal.wait_for("drift 0 *")
        terminal.press("?")
        terminal.press("end")
        terminal.wait_for("stale !")
        assert bytes(terminal.output).isascii()


def test_no_color_is_honoured(machine: PrivateHost) -> None:
    with console(machine, environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("drift 0")
        terminal.press("5")
        terminal.settle()
        codes = bytes(terminal.output)
        coloured = [b"\x1b[%dm" % code for code in range(30, 48)]
        assert not any(code in codes for code in coloured)
        assert b"\x1b[38;" not in codes


def test_ten_thousand_rows_cost_no_more_on_the_wire_than_a_few(machine: PrivateHost) -> None:
    rules = "".join(
        f"-A MANY -d 198.51.{number // 250}.{number % 250}/32 -j ACCEPT\n"
        for number in range(10_000)
    )
    machine.run("iptables-restore", "--noflush", input=f"*nat\n:MANY - [0:0]\n{rules}COMMIT\n")
    try:
        with console(machine) as terminal:
            terminal.press("5")
            terminal.wait_for("1/10000")
            terminal.press("end")
            terminal.wait_for("10000/10000")
            terminal.settle()
            before = len(terminal.output)
            terminal.press("up")
            terminal.wait_for("9999/10000")
            terminal.settle()
            assert len(terminal.output) - before < 1_500
            terminal.press("/", "198.51.7.77/32")
            terminal.wait_for("1/1 of 10000")
    finally:
        machine.run("iptables", "-t", "nat", "-F")
        machine.run("iptables", "-t", "nat", "-X", "MANY")
