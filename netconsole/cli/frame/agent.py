"""The agent as a command finds it: where its socket is, and whether somebody answers there."""

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from netconsole import __version__
from netconsole.backend.configuration import places
from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.phrases import command
from netconsole.cli.frame import output
from netconsole.door.answers import Unintelligible
from netconsole.door.channel import Channel, LocalChannel
from netconsole.door.exchange import NoAnswer
from netconsole.door.failures import Refused
from netconsole.door.remote import RemoteDoor

if TYPE_CHECKING:
    from netconsole.cli.frame.context import Context

_OPTION = "agent_socket"


@dataclass(frozen=True, slots=True)
class NoAgent:
    """That there is no agent to ask."""

    because: str
    """Why, in words that follow "the agent"."""


def found(context: "Context") -> RemoteDoor | NoAgent:
    """Return the door of the agent to ask, or why there is none. Raises Unavailable.

    Of this host it is done without; who is not let in is told why, and that it hangs. Of another
    host nothing else would do.
    """
    if context.host is not None:
        return _elsewhere(context, context.host)
    if not context.agent:
        return NoAgent("which is not asked, by --no-agent")
    where = _socket(context)
    if where is None:
        return NoAgent(f"and this configuration does not say where it is ({_OPTION})")
    channel = LocalChannel(where)
    door = RemoteDoor(channel, read_only=context.read_only)
    try:
        _say_version(channel, door.greet(channel.patience_seconds).version)
    except (Refused, PermissionError) as error:
        _say_without(f"{where}: {error.strerror}" if isinstance(error, OSError) else str(error))
        return NoAgent("which does not let you in")
    except TimeoutError:
        _say_without(channel.why_silent())
        return NoAgent("which does not answer")
    except Unintelligible:
        return NoAgent("and what answers in its place is none")
    except OSError:
        return NoAgent(f"which does not run: {_how_to_start()}")
    return door


def _how_to_start() -> str:
    from netconsole.lab.sandbox.members import inside_lab

    if inside_lab():
        return f"{command('lab', 'run', '--agent')} makes a lab with one"
    return f"{command('agent', 'install', '--now')} starts it"


def _elsewhere(context: "Context", target: str) -> RemoteDoor:
    from netconsole.door.ssh_channel import SshChannel, parse_target

    channel = SshChannel(parse_target(target))
    click.get_current_context().find_root().call_on_close(channel.close)
    door = RemoteDoor(channel, read_only=context.read_only)
    try:
        _say_version(channel, door.greet().version)
    except NoAnswer as error:
        instead = f"instead of an answer came {error.line!r}"
        raise Unavailable(f"{channel.why_ended()}; {instead}") from error
    except OSError as error:
        raise Unavailable(channel.why_ended()) from error
    return door


def _say_without(because: str) -> None:
    output.say(f"netconsole: without the agent: {because}")


def place(context: "Context") -> str:
    """Return where the agent's socket is, by whatever configuration."""
    return _socket(context) or context.options().agent_socket


def _socket(context: "Context") -> str | None:
    """Return where the agent's socket is, by the configuration that counts; None for no agent.

    Reading a configuration whole takes longer than most answers. One that is named may lead to
    another store than the agent's: then the agent is asked only if it says where that is.
    """
    named = context.config_files or context.config_dirs
    if not (named or os.environ.get(places.CONFIGURATION_VARIABLE)):
        try:
            with open(places.CONFIGURATION, "rb") as file:  # noqa: PTH123  importing takes longer
                if _OPTION.encode() not in file.read():
                    return places.AGENT_SOCKET
        except OSError:
            return places.AGENT_SOCKET  # not there, or not for this user to read
    try:
        configuration = context.configuration()
        if any(each.name == _OPTION for each in configuration.assignments):
            return configuration.options().agent_socket
    except NetconsoleError:
        pass  # the command itself will say what is wrong
    return None


def _say_version(channel: Channel, version: str) -> None:
    if version == __version__:
        return
    said = f"netconsole: this is {__version__}, {channel.whose_agent} is {version}"
    if _numbers(version) > _numbers(__version__):
        output.say(f"{said}, which is newer: install {version} here")
    else:
        output.say(f"{said}, which is older: install {__version__} there, then {channel.restart}")


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, for which is newer (PEP 440, without what stands beside them)."""
    return tuple(map(int, re.findall(r"\d+", version)))
