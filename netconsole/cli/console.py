"""`netconsole console`: the console on this host, or a picture of it."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import ExitStatus, InvalidValue
from netconsole.cli.doctor import service_or_reason
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.screens.pages.console import Access

LEAST_INTERVAL = 0.2


def _access(context: Context) -> "Access":
    """Return the ways to the host: its agent, and this process where that may do the same."""
    from netconsole.backend.service.service import Service
    from netconsole.backend.system.privileges import lacking
    from netconsole.door.either import EitherDoor
    from netconsole.door.local import LocalDoor
    from netconsole.door.remote import RemoteDoor
    from netconsole.screens.pages.console import Access

    may_save = not context.read_only
    door = context.door()
    if isinstance(door, RemoteDoor):
        door.ask_nothing()
    if isinstance(door, RemoteDoor) and context.host is None and lacking() is None:
        service = service_or_reason(context)
        if isinstance(service, Service):
            door = EitherDoor(door, LocalDoor(service))
    return Access(door, may_save)


def _open(context: Context, interval: float, mouse: bool | None) -> int:
    """Open the console on this terminal; the mouse is off over SSH unless asked for: every
    movement would be sent.
    """
    for name, stream in (("input", sys.stdin), ("output", sys.stdout), ("error", sys.stderr)):
        if not stream.isatty():
            click.echo(
                f"netconsole: standard {name} is no terminal; use `netconsole status`", err=True
            )
            return ExitStatus.UNAVAILABLE
    from netconsole.screens.app import ConsoleApp
    from netconsole.screens.run import run_console

    if mouse is None:
        mouse = not os.environ.get("SSH_CONNECTION")
    return run_console(ConsoleApp(_access(context), interval), mouse=mouse)


def _parse_size(value: str) -> tuple[int, int]:
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 1 <= len(width) <= 3 >= len(height) >= 1):
        raise InvalidValue("size", value, "must be WIDTHxHEIGHT, such as 120x40")
    return int(width), int(height)


def _save_screenshot(
    context: Context, path: Path, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    from netconsole.backend.system.saving import new_file
    from netconsole.screens.app import ConsoleApp
    from netconsole.screens.run import screenshot

    with new_file(path) as file:
        file.write(screenshot(ConsoleApp(_access(context)), size, keys).encode())


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(min=LEAST_INTERVAL),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Read counters this often; less often where that takes long.",
)
@click.option("--mouse/--no-mouse", default=None, help="Use the mouse (default: not over SSH).")
@click.option(
    "--screenshot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg",
    help="Write a picture of the console to a new file instead; needs no terminal.",
)
@click.option(
    "--size", default="120x40", show_default=True, help="Of the picture, in columns and lines."
)
@click.option("--read-only", is_flag=True, help="Refuse every change, as before `console`.")
@click.option("--keys", default="", help="Keys pressed before the picture, such as 3,down,enter.")
@pass_context
def console(
    context: Context,
    interval: float,
    mouse: bool | None,
    screenshot: Path | None,
    size: str,
    read_only: bool,
    keys: str,
) -> int:
    """Open the console on this host: what `netconsole` alone does.

    It shows networks, allocations, floating addresses, dnsmasq and NAT rules as they are, and
    what is not as it should be; ? inside lists the keys.
    """
    context.read_only = context.read_only or read_only
    if screenshot is None:
        return _open(context, interval, mouse)
    context.may_save("console --screenshot")
    pressed = tuple(key for key in keys.split(",") if key)
    _save_screenshot(context, screenshot, _parse_size(size), pressed)
    return ExitStatus.OK
