"""`netconsole instance`: what guests are told beside their network, and what they answer."""

import base64
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.guest_data import SINGLE
from netconsole.backend.model.text import decoded
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.guest_options import Command, guest_options

if TYPE_CHECKING:
    from netconsole.backend.changes.guest_details import GuestDetails, GuestRemovals
    from netconsole.backend.model.guest_data import GuestSummary

_REMOVED = (
    ("keys", "--no-key", "NAME"),
    ("meta", "--no-meta", "KEY"),
    ("files", "--no-file", "PATH"),
)


def removal_options(command: Command) -> Command:
    """Give a command the options that say what an instance is told no longer, as `removed`."""

    def run(*args: object, **kwargs: object) -> None:
        from netconsole.backend.changes.guest_details import GuestRemovals

        single = tuple(name for name in SINGLE if kwargs.pop(f"no_{name}"))
        given = {name: kwargs.pop(f"no_{name}") for name, _, _ in _REMOVED}
        # click gives each as the option is declared.
        removed = GuestRemovals(single, **given)  # type: ignore[arg-type]
        command(*args, removed=removed, **kwargs)

    wrapped: Command = update_wrapper(run, command)
    for name in reversed(SINGLE):
        says = f"It is told no {name.replace('_', ' ')}."
        wrapped = click.option(f"--no-{name.replace('_', '-')}", is_flag=True, help=says)(wrapped)
    for field, option, metavar in reversed(_REMOVED):
        wrapped = click.option(
            option,
            f"no_{field}",
            metavar=metavar,
            multiple=True,
            help="It is told this one no longer.",
        )(wrapped)
    return wrapped


@click.command("set")
@names.instance_argument
@guest_options
@removal_options
@changing
def set_instance(doer: Doer, name: str, told: "GuestDetails", removed: "GuestRemovals") -> None:
    """Change what an instance is told beside its network.

    The metadata service answers so at once. A guest that has started asks for most of it only
    when it is made anew; a config drive is written by `netconsole instance inject`.
    """
    from netconsole.backend.changes.guest_data import SetInstance

    change = SetInstance(instance=name, told=told, removed=removed)
    doer.carry_out(change, lambda summary: output.print_fields(shown(summary)))


def shown(summary: "GuestSummary") -> dict[str, object]:
    """What an instance is told, as fields to print; what it is not told is a dash."""
    sized = None if summary.user_data is None else f"{summary.user_data} bytes"
    return {
        "user_data": sized,
        "keys": [f"{name} {fingerprint}" for name, fingerprint in summary.keys],
        "meta": [f"{key}={value}" for key, value in summary.meta.items()],
        "files": [f"{path} {size} bytes" for path, size in summary.files.items()],
        "image": summary.image,
        "kernel": summary.kernel,
        "ramdisk": summary.ramdisk,
        "flavor": summary.flavor,
        "availability_zone": summary.availability_zone,
        "admin_password": "set" if summary.admin_password else None,
        "password": "posted by its guest" if summary.password else None,
    }


@click.command("user-data")
@names.instance_argument
@pass_context
def user_data(context: Context, name: str) -> None:
    """Print the user data of an instance, as its guest gets it.

    For those who may change the instance, as there may be passwords in it.
    """
    found = context.door().user_data(name)
    if found is None:
        raise NotFound(f"instance {name!r} has no user data")
    output.print_bytes(base64.b64decode(found))


@click.command("get-password")
@names.instance_argument
@click.argument("private_key", required=False, type=click.Path())
@pass_context
def get_password(context: Context, name: str, private_key: str | None) -> None:
    """Print the password that a guest posted to the metadata service.

    It is encrypted with the public key of the instance, an RSA key, and in base64. With the
    PRIVATE_KEY's file it is decrypted here, by openssl.
    """
    print_password(context, name, private_key)


def print_password(context: Context, name: str, private_key: str | None) -> None:
    """Print the password of an instance, decrypted where a private key is named.

    Raises NotFound where there is none, Conflict where it is not encrypted as nova's clients
    read it, and ProgramFailed where the key does not fit.
    """
    found = context.door().guest_password(name)
    if not found:
        raise NotFound(f"instance {name!r} has posted no password")
    posted = base64.b64decode(found)
    if private_key is None:
        output.print_bytes(posted.rstrip(b"\n") + b"\n")
        return
    from netconsole.backend.system import programs

    try:
        encrypted = base64.b64decode(posted, validate=False)
    except ValueError as error:
        raise Conflict(f"instance {name!r}: what it posted is not in base64") from error
    key = str(Path(private_key).absolute())
    argv = ("openssl", "pkeyutl", "-decrypt", "-inkey", key)
    output.print_lines(programs.run(argv, text=decoded(encrypted)).splitlines())


@click.command("clear-password")
@names.instance_argument
@changing
def clear_password(doer: Doer, name: str) -> None:
    """Forget the password that a guest posted to the metadata service.

    The guest keeps it, and may post another one.
    """
    from netconsole.backend.changes.guest_password import ClearGuestPassword

    doer.carry_out(ClearGuestPassword(instance=name))


COMMANDS = (set_instance, user_data, get_password, clear_password)
