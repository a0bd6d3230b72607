"""`netconsole lab`: a small cloud in network namespaces, to practise on."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import ReadOnly
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.names import FAULT

if TYPE_CHECKING:
    from netconsole.lab.faults import Fault
    from netconsole.lab.faults.one_look import OneLook
    from netconsole.lab.sandbox.enclosure import Work

SYSTEM_PROGRAMS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
FALLBACK_SHELL = "/bin/sh"
PLACES_OF_THE_MACHINE = ("TMPDIR", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS")
MANAGERS = ("flat", "flatdhcp", "vlan")
COMMAND_SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False}

_command = click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND]...")


_agent = click.option("--agent", "agent", is_flag=True, help="Run the lab's own agent beside it.")


@click.group(cls=CommandGroup, invoke_without_command=True)
@_agent
@click.pass_context
def lab(context: click.Context, agent: bool) -> int | None:
    """Practise on a small cloud that touches nothing of this machine.

    Without a command, opens the console on a fresh lab and takes the lab down when the console
    closes; without a terminal, prints the status of a fresh lab.

    A lab is a host with the public interface eth0 (203.0.113.2), the world outside (203.0.113.1),
    the network vmnet with the instances web1, web2 and db1, and a floating address on web1. It
    lives in namespaces and in memory: nothing of it remains, however it ends.

    Root of a lab is nobody outside: it sees this machine's files, and writes to copies of /etc,
    /tmp, /var/tmp and /var/lib; /run, /var/log and /dev/shm begin empty, the rest is read-only, the
    working directory too (`lab run --writable` opens one). It has no disks, loads no module, sets
    no clock and no setting but those of its own networks. Processor, memory and the terminal that
    it is started in are shared.
    """
    ours, subcommand = Context.of(context), context.invoked_subcommand
    if subcommand in (None, "run") and (ours.config_files or ours.config_dirs):
        raise click.UsageError(
            "a lab has a configuration of its own; inside it, `netconsole --config-file FILE`"
        )
    if subcommand is not None:
        if agent:
            raise click.UsageError("--agent comes after `run`, or with no command at all")
        if ours.read_only and subcommand != "faults":
            # It runs whatever it is given, as whoever started this: often as root.
            raise ReadOnly(f"lab {subcommand}: refused, it runs commands and this is --read-only")
        return None
    return _in_fresh_lab("flatdhcp", _beside(agent, partial(_console, ours.read_only)))


@lab.command(context_settings=COMMAND_SETTINGS)
@click.option(
    "--network-manager",
    type=click.Choice(MANAGERS),
    default="flatdhcp",
    show_default=True,
    help="The kind of its networks.",
)
@click.option(
    "--writable",
    type=click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True),
    multiple=True,
    help="A directory of this machine that stays open: what is written there remains.",
)
@_agent
@_command
def run(
    network_manager: str, writable: tuple[Path, ...], agent: bool, command: tuple[str, ...]
) -> int:
    """Run a command on the host of a fresh lab, or a shell.

    The command starts when every instance has its address; its exit status is given back, 128
    and the number of the signal that ended it.

    With flat the admin has made the bridge br100, and `instance inject` has told the instances
    their addresses; there are no floating ones. With vlan each project has a network of its own, on
    VLANs of the interface eth2: web1 and web2 are in another one than db1. That takes a kernel
    with 802.1Q.
    """
    return _in_fresh_lab(network_manager, _beside(agent, partial(_execute, command)), writable)


@lab.command(context_settings=COMMAND_SETTINGS)
@click.option("--pid", type=int, help="Of the lab, where several are running.")
@_command
def enter(pid: int | None, command: tuple[str, ...]) -> int:
    """Run a command, or a shell, on the host of your running lab, from another terminal."""
    from netconsole.lab.sandbox.join import run_in_lab

    return run_in_lab(pid, partial(_execute, command))


def _members(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    from netconsole.lab.sandbox.members import names

    return [name for name in names() if name.startswith(begun)]


@lab.command("exec", context_settings=COMMAND_SETTINGS)
@click.argument("name", shell_complete=_members)
@_command
def execute(name: str, command: tuple[str, ...]) -> int:
    """Run a command, or a shell, in an instance of this lab or in `outside`."""
    from netconsole.lab.sandbox.join import run_in_member

    if command[:1] == ("--",):  # click removes it only where it comes first of all
        command = command[1:]
    return run_in_member(name, partial(_execute, command))


@lab.command()
@as_json
@pass_context
def faults(context: Context, as_json: bool) -> None:
    """List the faults to practise on: what each breaks, what is seen, and whether it is there."""
    from netconsole.lab.faults import FAULTS
    from netconsole.lab.sandbox.join import require_lab

    require_lab()
    service = _one_look(context)
    found = [
        {
            "id": fault.id,
            "broken": fault.is_there(service),
            "breaks": fault.breaks,
            "symptom": fault.symptom,
        }
        for fault in FAULTS
    ]
    if as_json:
        output.print_json(found)
        return
    output.print_table(("fault", "broken"), [(fault["id"], fault["broken"]) for fault in found])
    for fault in found:
        output.print_lines(("", f"{fault['id']}: {fault['breaks']}", f"    {fault['symptom']}"))


_fault = click.argument("fault", type=FAULT)


@lab.command("break")
@_fault
@pass_context
def break_(context: Context, fault: str) -> None:
    """Break something in this lab; breaking it twice changes nothing more."""
    found = _fault_of_lab(fault)
    found.break_once(_one_look(context))
    output.say(f"{found.id}: broken. {found.symptom}")


@lab.command()
@_fault
@pass_context
def mend(context: Context, fault: str) -> None:
    """Put back what a fault has broken; mending it twice changes nothing more."""
    found = _fault_of_lab(fault)
    found.mend_it(_one_look(context))
    output.say(f"{found.id}: mended")


def _one_look(context: Context) -> "OneLook":
    from netconsole.lab.faults.one_look import OneLook

    context.stay_here()
    return OneLook(context.options(), read_only=context.read_only)


def _fault_of_lab(fault_id: str) -> "Fault":
    from netconsole.lab import faults
    from netconsole.lab.sandbox.join import require_lab

    require_lab()
    return faults.fault(fault_id)


def _in_fresh_lab(kind: str, inside: "Work", writable: Sequence[Path] = ()) -> int:
    from netconsole.lab.clouds.cloud import build
    from netconsole.lab.sandbox.enclosure import enclose
    from netconsole.lab.sandbox.walls import require_openable

    require_openable(writable)
    _prepare_environment()
    return enclose(partial(build, kind, _program_directory(), _progress()), inside, writable)


def _beside(agent: bool, inside: "Work") -> "Work":
    """What is done in a lab, with its agent at work if there is to be one."""
    if not agent:
        return inside

    def work() -> int:
        from netconsole.cli.lab_agent import with_agent

        _prepare_environment()
        return with_agent(str(Path(_program_directory(), "netconsole")), inside)

    return work


def _progress() -> Callable[[str], None]:
    """Return what says the stages of the building: on a terminal, else nothing."""
    begun = time.monotonic()

    def say(stage: str) -> None:
        if sys.stderr.isatty():
            output.say(f"lab: {stage} ({time.monotonic() - begun:.1f} s)")

    return say


def _console(read_only: bool) -> int:
    """Open the console, or without a terminal print the status."""
    from netconsole.cli.main import run as run_netconsole

    _prepare_environment()
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    access = ["--read-only"] if read_only else []
    return run_netconsole([*access, "console" if terminal else "status"])


def _execute(command: Sequence[str]) -> int:
    from netconsole.lab.sandbox.processes import execute as become

    _prepare_environment()
    return become(command or (os.environ.get("SHELL", FALLBACK_SHELL),))


def _prepare_environment() -> None:
    """Let a command of the lab find this very netconsole, and that find the lab's configuration."""
    from netconsole.backend.configuration.places import CONFIGURATION_VARIABLE

    for name in (CONFIGURATION_VARIABLE, *PLACES_OF_THE_MACHINE):
        os.environ.pop(name, None)
    directories = [_program_directory(), *os.environ.get("PATH", os.defpath).split(":")]
    directories += [path for path in SYSTEM_PROGRAMS if path not in directories]
    os.environ["PATH"] = ":".join(dict.fromkeys(directories))
    os.environ["TMUX_TMPDIR"] = "/run"  # a tmux server of the machine would run things out there


def _program_directory() -> str:
    program = Path(sys.argv[0])
    found = program if program.name == "netconsole" else Path(sys.executable)
    return str(found.absolute().parent)
