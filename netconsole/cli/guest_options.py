"""Options that say what an instance is told beside its network, and what comes of them."""

import sys
from collections.abc import Callable, ItemsView, Iterable
from dataclasses import dataclass
from functools import update_wrapper
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.frame.attachments import STDIN, attachment, contents, first_line
from netconsole.cli.frame.context import Context

if TYPE_CHECKING:
    from netconsole.backend.changes.attachment import Attachment
    from netconsole.backend.changes.guest_details import GuestDetails

Command = Callable[..., None]

WORDS = {
    "image": ("ID", "The image it starts from, as it is told; such as ami-0000002a."),
    "kernel": ("ID", "The kernel it starts with, as it is told."),
    "ramdisk": ("ID", "The ramdisk it starts with, as it is told."),
    "flavor": ("NAME", "How large it is, as it is told; such as m1.small."),
    "availability_zone": ("ZONE", "Where it runs, as it is told. Default: nova."),
}
"""What is no more than a word: what stands for it in the help, and what it is."""


@dataclass(frozen=True, slots=True)
class GuestOptions:
    """What was given of these options, before any file is read."""

    user_data: str | None = None
    keys: tuple[str, ...] = ()
    meta: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    image: str | None = None
    kernel: str | None = None
    ramdisk: str | None = None
    flavor: str | None = None
    availability_zone: str | None = None
    admin_password: bool = False
    admin_password_file: str | None = None


_OPTIONS = (
    click.option(
        "--user-data",
        metavar="FILE",
        type=click.Path(),
        help="What its guest is to run or read when it first starts; - for standard input.",
    ),
    click.option(
        "--key",
        "keys",
        metavar="NAME[=FILE]",
        multiple=True,
        help="A public key that it lets in: one of its project's key pairs, or one of a file.",
    ),
    click.option(
        "--meta",
        metavar="KEY=VALUE",
        multiple=True,
        help="Metadata of its owner's; may be given more than once.",
    ),
    click.option(
        "--file",
        "files",
        metavar="PATH=FILE",
        multiple=True,
        help="A file that the guest is to write at PATH; may be given more than once.",
    ),
    *(
        click.option(f"--{name.replace('_', '-')}", metavar=metavar, help=says)
        for name, (metavar, says) in WORDS.items()
    ),
    click.option(
        "--admin-password",
        is_flag=True,
        help="Its administrator's password: asked for at a terminal, else the first line of "
        "standard input. Only a config drive tells it.",
    ),
    click.option(
        "--admin-password-file",
        metavar="FILE",
        type=click.Path(),
        help="The same, from the first line of a file.",
    ),
)


def guest_options(command: Command) -> Command:
    """Give a command the options that say what an instance is told, as the argument `told`."""

    def run(*args: object, **kwargs: object) -> None:
        given = {name: kwargs.pop(name) for name in GuestOptions.__slots__}
        # click gives each as the option is declared.
        told = GuestOptions(**given)  # type: ignore[arg-type]
        command(*args, told=details(Context.of(click.get_current_context()), told), **kwargs)

    wrapped: Command = update_wrapper(run, command)
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def details(context: Context, given: GuestOptions) -> "GuestDetails":
    """Read the files that options name. Raises InvalidValue."""
    from netconsole.backend.changes.guest_details import GuestDetails

    user_data = given.user_data
    return GuestDetails(
        user_data=None if user_data is None else attachment(context, "user data", user_data),
        keys={
            name: None if file is None else attachment(context, "key", file)
            for name, file in divided("--key", given.keys, "NAME=FILE or NAME")
        },
        meta={key: value or "" for key, value in divided("--meta", given.meta, "KEY=VALUE")},
        files=attachments(context, divided("--file", given.files, "PATH=FILE")),
        image=given.image,
        kernel=given.kernel,
        ramdisk=given.ramdisk,
        flavor=given.flavor,
        availability_zone=given.availability_zone,
        admin_password=_password(context, given),
    )


def attachments(
    context: Context, given: "Iterable[tuple[str, str | None]]"
) -> "dict[str, Attachment]":
    """Read files, each by its path in the guest. Raises InvalidValue."""
    return {path: attachment(context, f"file {path}", file or "") for path, file in given}


def divided(option: str, words: Iterable[str], form: str) -> ItemsView[str, str | None]:
    """Divide NAME=VALUE at the first '='; where the form allows a name alone, that has None.

    Raises InvalidValue for another form, and for a name that comes twice.
    """
    found: dict[str, str | None] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not name or not (sign or form.endswith(" NAME")):
            raise InvalidValue(option, word, f"must be {form}")
        if name in found:
            raise InvalidValue(option, word, f"{name!r} is given twice")
        found[name] = value if sign else None
    return found.items()


def _password(context: Context, given: GuestOptions) -> str | None:
    file = given.admin_password_file
    if given.admin_password and file is not None:
        raise click.UsageError("Give --admin-password or --admin-password-file, not both.")
    if given.admin_password and sys.stdin.isatty():
        answer: str = click.prompt(
            "Admin password", hide_input=True, confirmation_prompt=True, err=True
        )
        return answer
    if given.admin_password:
        file = STDIN
    if file is None:
        return None
    password = first_line(contents(context, "admin password", file))
    if file == STDIN and not password:
        rule = "standard input has none: pipe it in, or give --admin-password-file FILE"
        raise InvalidValue("admin password", STDIN, rule)
    return password
