"""The life of a lab: it gives back what its command says, and leaves nothing behind."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest
from private_host import eventually
from running_lab import NETCONSOLE, Machine, RunningLab, wait_until_gone

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)


def lab_run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NETCONSOLE, "lab", "run", "--", *command],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        check=False,
    )


def test_three_instances_hold_their_leases_and_nothing_drifts() -> None:
    done = lab_run("netconsole", "status", "--json")
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert {a["instance"]: (a["project"], a["leased"]) for a in status["allocations"]} == {
        "web1": ("demo", True),
        "web2": ("demo", True),
        "db1": ("other", True),
    }
    assert status["drift"] == []
    assert [(d["network"], d["state"]) for d in status["dnsmasq"]] == [("vmnet", "running")]
    (floating,) = (f for f in status["floating_ips"] if f["instance"])
    assert (floating["instance"], floating["state"]) == ("web1", "ok")


def test_an_agent_of_its_own_is_at_work_before_the_command() -> None:
    asking = "netconsole agent status --json; pgrep -f 'netconsole agent$'"
    done = subprocess.run(
        [NETCONSOLE, "lab", "run", "--agent", "--", "sh", "-c", asking],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told, _, pids = done.stdout.rpartition("}\n")
    status = json.loads(f"{told}}}")
    assert (status["answers"], status["installed"]) == (True, "absent")
    assert len(pids.split()) >= 1


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 7"), 7),
        (("sh", "-c", "kill -KILL $$"), 128 + signal.SIGKILL),
        (("no-such-program",), 127),
    ],
)
def test_gives_back_the_exit_status_and_leaves_the_machine_alone(
    command: tuple[str, ...], status: int
) -> None:
    before = Machine.now()
    done = lab_run(*command)
    assert done.returncode == status, done.stderr
    assert Machine.now() == before


def test_ends_with_its_command() -> None:
    before = Machine.now()
    with RunningLab() as lab:
        processes = lab.processes()
        assert len(processes) > 10
        lab.run("sysctl", "-w", "net.ipv4.conf.all.rp_filter=2")
        lab.run("sh", "-c", "echo x > /etc/sysctl.d/90-netconsole.conf; echo x > /etc/new")
        assert lab.close() == 0
    wait_until_gone(processes)
    assert Machine.now() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_command_and_the_lab_with_it(number: signal.Signals) -> None:
    before = Machine.now()
    with RunningLab() as lab:
        processes = lab.processes()
        lab.outer.send_signal(number)
        assert lab.outer.wait(timeout=60) == 128 + number
        wait_until_gone(processes)
    assert Machine.now() == before


def test_killed_it_leaves_nothing_behind() -> None:
    before = Machine.now()
    with RunningLab() as lab:
        processes = lab.processes()
        lab.outer.kill()
        wait_until_gone(processes)
    assert Machine.now() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ended_while_it_is_being_built_it_leaves_nothing_behind(number: signal.Signals) -> None:
    before = Machine.now()
    with RunningLab(ready=False) as lab:
        eventually(lambda: len(lab.processes()) > 6, every=0.001)
        processes = lab.processes()
        lab.outer.send_signal(number)
        wait_until_gone(processes)
        lab.outer.communicate(timeout=60)
        assert lab.outer.returncode in (128 + number, -number)
    assert Machine.now() == before


def test_the_keeper_killed_takes_the_lab_with_it() -> None:
    with RunningLab() as lab:
        processes = lab.processes()
        keeper = int(Path(f"/proc/{lab.first}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(keeper, signal.SIGKILL)
        wait_until_gone(processes)
        assert lab.close() == 128 + signal.SIGKILL


def test_ctrl_c_reaches_the_command_once_and_does_not_end_the_lab_under_it() -> None:
    script = "trap 'n=$((n+1))' INT; echo ready; until [ $n ]; do sleep 0.05; done; exit $((n+4))"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(NETCONSOLE, [NETCONSOLE, "lab", "run", "--", "sh", "-c", script])  # noqa: S606  no shell is wanted
    try:
        seen = b""
        while b"ready" not in seen.rpartition(b"lab: ready")[2]:
            seen += os.read(terminal, 1024)
        os.write(terminal, b"\x03")
        status = eventually(lambda: _ended(pid))
    finally:
        os.close(terminal)
    assert status is not None
    assert os.waitstatus_to_exitcode(status[0]) == 5


def _ended(pid: int) -> tuple[int] | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return (status,) if ended else None


def test_outside_of_a_lab_one_line_says_so() -> None:
    changing = (("break", "rp_filter"), ("mend", "rp_filter"))
    for words in (("exec", "web1", "true"), ("faults",), *changing):
        done = subprocess.run(
            [NETCONSOLE, "lab", *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert "not on the host of a lab" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_without_a_terminal_or_a_command_it_prints_the_status() -> None:
    done = subprocess.run(
        [NETCONSOLE, "lab"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("vmnet", "web1", "web2", "db1"))


@pytest.mark.requires("root", "setpriv")
@pytest.mark.parametrize(
    ("prefix", "missing"),
    [
        (("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"), "CAP_SYS_ADMIN"),
        (("unshare", "--map-root-user"), "user ids"),
    ],
)
def test_where_the_kernel_allows_no_lab_one_line_says_why(
    prefix: tuple[str, ...], missing: str
) -> None:
    done = subprocess.run(
        [*prefix, NETCONSOLE, "lab", "run", "--", "true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert missing in line


def test_the_working_directory_leads_to_the_labs_own_files() -> None:
    before = Machine.now()
    done = subprocess.run(
        [NETCONSOLE, "lab", "run", "--", "sh", "-c", "pwd; echo x > written-in-the-lab"],
        cwd="/etc",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "/etc\n"), done.stderr
    assert Machine.now() == before
