"""`netconsole agent`: the long-running process of a host, and its service."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import ExitStatus, InvalidValue
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json, dry_run
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netconsole.agent.installation import ServiceFile
    from netconsole.agent.systemd import ServiceAction


@click.group(cls=CommandGroup, invoke_without_command=True)
@pass_context
def agent(context: Context) -> None:
    """Run the agent of this host, until SIGTERM or Ctrl-C.

    It brings the host in line with the store after a boot, watches what changes, and answers at
    its socket.
    """
    context.stay_here()
    if click.get_current_context().invoked_subcommand is None:
        from netconsole.agent.process import run

        run(context.options)


@agent.command()
@pass_context
def dial(context: Context) -> None:
    """Speak with the agent of this host by standard input and output.

    What `netconsole --host ssh://HOST` runs on HOST.
    """
    from netconsole.backend.model.errors import Unavailable
    from netconsole.cli.frame.agent import place
    from netconsole.door.dialling import dial

    where = place(context)
    try:
        dial(where)
    except OSError as error:
        raise Unavailable(f"no agent answers at {where}: {error.strerror}") from error


@agent.command()
@click.option("--now", is_flag=True, help="Start it as well.")
@dry_run
@pass_context
def install(context: Context, now: bool, dry_run: bool) -> None:
    """Make the agent a service of systemd that starts with the machine.

    Writes netconsole-agent.service, and what makes the groups netconsole (who looks) and
    netconsole-admin (who changes) and the directory /run/netconsole. The service runs this very
    program with the configuration files given here. After an upgrade, install once more and
    `systemctl restart netconsole-agent`: guests' traffic is left alone.
    """
    from netconsole.agent.installation import SERVICE
    from netconsole.agent.systemd import installing, require

    if not dry_run:
        context.may_save("agent install")
        require("agent install")
    actions = installing(_service_files(context), now=now)
    _carry_out(actions, dry_run)
    if not dry_run:
        begun = "it runs" if now else f"begin now: systemctl restart {SERVICE}"
        output.say(f"{SERVICE} starts with the machine; {begun}")


@agent.command()
@dry_run
@pass_context
def uninstall(context: Context, dry_run: bool) -> None:
    """Stop the agent, and take away what install wrote and nothing else.

    Networks and guests stay as they are. A file that was changed since, and drop-ins, are an
    admin's: they stay and are told of. The groups stay too, as files may be theirs.
    """
    from netconsole.agent.installation import GROUPS
    from netconsole.agent.systemd import left_over, require, uninstalling

    if not dry_run:
        context.may_save("agent uninstall")
        require("agent uninstall")
    wanted = _service_files(context)
    actions = uninstalling(wanted)
    if not actions:
        output.say("the agent is not installed: nothing to do")
        return
    left = left_over(wanted)
    _carry_out(actions, dry_run)
    for path in left:
        output.say(f"{path}: an admin's, and left there")
    if not dry_run:
        output.say(f"uninstalled; the groups {' and '.join(GROUPS)} stay (groupdel removes them)")


@agent.command()
@as_json
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Say whether the agent is installed, enabled and running, since when, and whether it answers.

    Exit status 0 where it runs and its socket answers, 1 where not.
    """
    from netconsole.agent.knocking import answering
    from netconsole.agent.systemd import standings, unit_state
    from netconsole.cli.frame.agent import place

    try:
        files = standings(_service_files(context))
        installed = _installed([each.state for each in files])
    except InvalidValue as error:  # by which the agent may go on all the same
        files, installed = (), f"not known: {error}"
    unit = unit_state()
    socket = place(context)
    answer = answering(socket)
    found = {
        "installed": installed,
        "enabled": unit.enabled if unit else "no systemd here",
        "active": unit.active if unit else "",
        "pid": unit.pid if unit else None,
        "since": unit.since if unit else None,
        "socket": socket,
        "answers": answer.answers,
        "because": answer.because,
        "configuration_kept": answer.configuration_kept,
    }
    if as_json:
        output.print_json({**found, "files": files})
    else:
        output.print_fields(found)
        output.print_lines(f"changed by an admin: {f.path}" for f in files if f.state == "changed")
    if not answer.answers:
        click.get_current_context().exit(ExitStatus.FAILED)


def _installed(states: "Sequence[str]") -> str:
    """How the files of the service stand, in a word: that of the one that is least as it was."""
    order = ("changed", "absent", "older", "installed")
    return min(states, key=order.index)


def _service_files(context: Context) -> "tuple[ServiceFile, ...]":
    from netconsole.agent.installation import service_files

    arguments = [
        word
        for option, paths in (
            ("--config-file", context.config_files),
            ("--config-dir", context.config_dirs),
        )
        for path in paths
        for word in (option, str(Path(path).absolute()))
    ]
    return service_files(_program(), arguments, context.options())


def _program() -> str:
    """The path of this very program."""
    called = Path(sys.argv[0])
    found = called if called.name == "netconsole" else Path(sys.executable).with_name("netconsole")
    return str(found.absolute())


def _carry_out(actions: "Sequence[ServiceAction]", dry_run: bool) -> None:
    for action in actions:
        if dry_run:
            output.print_lines(action.commands)
        else:
            action.do()
