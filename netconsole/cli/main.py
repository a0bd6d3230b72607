"""The command `netconsole`: its global options and its commands.

Nothing heavy is imported here; each command's module is imported when the command is used.
"""

import sys
from collections.abc import Mapping, Sequence
from keyword import iskeyword

import click

from netconsole import __version__
from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.frame import failures, output, standard
from netconsole.cli.frame.context import Context
from netconsole.cli.frame.lazy import LazyCommand, LazyGroup

PROGRAM = "netconsole"


def _attribute(name: str) -> str:
    """What a command is called in its module."""
    return f"{name}_" if iskeyword(name) else name.replace("-", "_")


COMMANDS: Mapping[str, LazyCommand] = {
    name: LazyCommand(f"netconsole.cli.{module}", _attribute(name), summary)
    for name, module, summary in (
        ("console", "console", "Open the console on this host: what `netconsole` alone does."),
        ("status", "status", "Say what this host holds and whether it is as it should be."),
        ("network", "network", "Create, list, show, change and delete networks."),
        ("instance", "instance", "Give instances their ports and addresses."),
        ("guards", "guards", "List what each port of this host may send as, and what was stopped."),
        ("fixed", "fixed", "List, reserve and free fixed addresses."),
        ("floating", "floating", "Create, associate and list floating addresses."),
        ("dns", "dns", "Give floating addresses names."),
        ("vpn", "vpn", "Give projects' VPNs their instances, and say where they are reached."),
        ("secgroup", "secgroup", "Say what may reach projects' instances: their security groups."),
        ("keypair", "keypair", "Keep the public keys of projects, for their instances to let in."),
        ("project", "project", "Take back what a project has."),
        ("plan", "converge", "Show the commands that would bring this host in line."),
        ("apply", "converge", "Bring this host in line with the store."),
        ("adopt", "converge", "Make this host this store's, where another configured it."),
        ("undo", "converge", "Take back a playbook's fix."),
        ("history", "converge", "List the changes made on this host, the latest first."),
        ("log", "log", "Show what was changed on this host, by whom, and what its agent said."),
        ("agent", "agent", "Run the agent of this host, until SIGTERM or Ctrl-C."),
        ("metadata", "metadata", "Serve guests their metadata, and list what they have asked for."),
        ("record", "record", "Take out what the agent has recorded of this host."),
        ("replay", "record", "Read a record of a host that `netconsole record export FILE` wrote."),
        ("config", "config", "Show and check the configuration."),
        ("doctor", "doctor", "Run every check and say what is wrong."),
        ("explain", "explain", "Explain a check: symptom, cause, look-alikes, cure, source."),
        ("playbook", "playbook", "Find and mend one kind of fault, step by step."),
        ("capture", "capture", "Capture packets at several interfaces and compare what passes."),
        ("trace", "trace", "Send a packet, and say what it met there and back."),
        ("nova", "compat.nova", "The network commands of nova, as they stand in its guide."),
        (
            "nova-manage",
            "compat.nova_manage",
            "The network commands of nova-manage, as they stand in its guide.",
        ),
        ("euca-authorize", "compat.euca", "Let something in to a security group, as euca2ools do."),
        ("euca-revoke", "compat.euca", "Take a rule from a security group, as euca2ools do."),
        (
            "euca-describe-groups",
            "compat.euca",
            "List the security groups of a project, as euca2ools do.",
        ),
        ("euca-add-group", "compat.euca", "Create a security group, as euca2ools do."),
        ("euca-delete-group", "compat.euca", "Delete a security group, as euca2ools do."),
        ("import", "imports", "Take over the networks of an existing installation."),
        ("lab", "lab", "Practise on a small cloud that touches nothing of this machine."),
        ("completion", "completion", "Print the completion script for a shell."),
    )
}

HELP = """Network controller and operations console for Linux machines that host
virtual machines.

Without a command, opens the console; without a terminal, prints the status."""

EPILOG = """Exit status: 0 done; 1 failed and undone, or a check found something; 2 refused for
bad input, or `plan` has something to do; 3 cannot be done or checked here (a privilege, a
program, a kernel feature, --read-only); 4 failed, and something was done and stays;
130 interrupted."""


@click.pass_context
def _root(
    context: click.Context,
    config_files: tuple[str, ...],
    config_dirs: tuple[str, ...],
    read_only: bool,
    no_agent: bool,
    host: str | None,
) -> int | None:
    if no_agent and host is not None:
        raise click.UsageError("--host asks the agent there: it goes not with --no-agent.")
    context.obj = Context(config_files, config_dirs, read_only, not no_agent, host)
    if context.invoked_subcommand is not None:
        return None
    name = "console" if sys.stdin.isatty() and sys.stdout.isatty() else "status"
    command = root.get_command(context, name)
    if command is None:
        raise LookupError(name)
    with command.make_context(name, [], parent=context) as inner:
        status = command.invoke(inner)
    return status if isinstance(status, int) else None


root = LazyGroup(
    PROGRAM,
    COMMANDS,
    callback=_root,
    params=[
        click.Option(
            ["--config-file", "config_files"],
            type=click.Path(dir_okay=False),
            multiple=True,
            help="Read this file instead of /etc/netconsole/netconsole.conf. Several add up: what "
            "is given again counts as it is given last, lists grow.",
        ),
        click.Option(
            ["--config-dir", "config_dirs"],
            type=click.Path(file_okay=False),
            multiple=True,
            help="Read the *.conf files of this directory, by name, after the files.",
        ),
        click.Option(["--read-only"], is_flag=True, help="Refuse every change."),
        click.Option(
            ["--no-agent"], is_flag=True, help="Do without this host's agent, if there is one."
        ),
        click.Option(
            ["--host"],
            metavar="ssh://HOST",
            help="Ask the agent of another host, by SSH: ssh://USER@HOST:PORT.",
        ),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=lambda context, _, asked: _version(context, asked),
            help="Print the version and exit.",
        ),
    ],
    help_text=HELP,
    epilog=EPILOG,
)


def _version(context: click.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"{PROGRAM} {__version__}")
        context.exit()


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; an error becomes one line on stderr."""
    try:
        _refuse_bytes(arguments)
        status = root.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        output.flush()
    except Exception as error:  # noqa: BLE001  the outermost edge: nothing may pass it unsaid
        return failures.end(error, read_only="--read-only" in arguments)
    return status if isinstance(status, int) else 0


def _refuse_bytes(arguments: Sequence[str]) -> None:
    """Everything that is named by arguments is text, in the store and in the configuration."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise InvalidValue("argument", argument, "must be UTF-8") from None


def main() -> int:
    """Run as the program; its exit status is the answer."""
    standard.open_all()
    try:
        return run(sys.argv[1:])
    except KeyboardInterrupt as error:
        return failures.end(error)
    finally:
        standard.let_go()
