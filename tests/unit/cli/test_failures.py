"""Ending badly: one line on stderr, a documented exit status, and nothing on stdout."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from netconsole.backend.model import errors
from netconsole.cli.frame import failures

NETCONSOLE = str(Path(sys.executable).parent / "netconsole")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--no-such-option",),
        ("network", "create"),
        ("network", "create", "vmnet"),
        ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--mtu", "large"),
        ("instance", "create", "web1", "--project", "p", "--network", "n", "--port-kind", "tun"),
        ("completion", "csh"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [NETCONSOLE, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("netconsole: ")
    assert done.stderr.count("\n") == 1
    assert "--help'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("doctor", "--only", "rp-filter"), "check 'rp-filter': there is"),
        (("explain", "rp-filter"), "check 'rp-filter': there is"),
        (("playbook", "run", "rp-filter"), "playbook 'rp-filter': there is"),
        (("lab", "break", "rp-filter"), "fault 'rp-filter': there is"),
    ],
)
def test_a_name_that_nothing_has_is_bad_input_and_no_finding(
    arguments: tuple[str, ...], words: str
) -> None:
    done = subprocess.run(
        [NETCONSOLE, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("rp_filter") == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("no network 'x'"), 1),
        (errors.InvalidValue("bridge", "a/b", "no slash"), 2),
        (errors.ReadOnly("--read-only was given"), 3),
        (errors.Unavailable("no conntrack here"), 3),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_status(error: BaseException, status: int) -> None:
    assert failures.end(error) == status


def test_a_message_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    failures.end(errors.NotFound("no instance '\x1b[2Jweb1\n'"))
    assert capsys.readouterr().err == "netconsole: no instance '\\x1b[2Jweb1\\n'\n"


def test_a_bug_leaves_a_report_that_only_its_owner_reads_and_that_holds_no_values(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail(password: str) -> None:
        raise LookupError("wrong" + password[:0])

    with pytest.raises(LookupError) as raised:
        fail("hunter2")
    assert failures.end(raised.value) == 1

    (report,) = tmp_path.iterdir()
    said = capsys.readouterr().err
    assert said == f"netconsole: LookupError: wrong (a bug; the report is in {report})\n"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "in fail" in text
    assert "hunter2'" not in text.replace('fail("hunter2")', "")


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [NETCONSOLE, "completion", "zsh"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 128 + signal.SIGPIPE


def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [NETCONSOLE, "completion", "zsh"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "netconsole: stdout could not be written: No space left on device\n"
