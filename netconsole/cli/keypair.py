"""`netconsole keypair`: the public keys of projects."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.cli.frame import names, output
from netconsole.cli.frame.attachments import attachment
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.projects import project_option

if TYPE_CHECKING:
    from netconsole.backend.model.guest_data import KeyPair

COLUMNS = ("name", "project", "type", "fingerprint")

name_argument = click.argument("name", shell_complete=names.key_pairs)


@click.group(cls=CommandGroup)
def keypair() -> None:
    """Keep the public keys of projects, for their instances to let in.

    They have names, for `netconsole instance create --key NAME`.

    An instance that is told a key lets in whoever has the private one, as cloud-init writes it
    into authorized_keys. It keeps the key when the key pair is deleted.
    """


@keypair.command()
@click.argument("name")
@click.argument("file", type=click.Path())
@project_option
@changing
def add(doer: Doer, name: str, file: str, project: str) -> None:
    """Keep a public key, of a file as ssh-keygen writes it; - for standard input."""
    from netconsole.backend.changes.key_pairs import AddKeyPair

    key = attachment(doer.context, "key", file)
    doer.carry_out(AddKeyPair(project, name, key), lambda made: print_key_pairs([made]))


@keypair.command("list")
@click.option(
    "--project",
    metavar="PROJECT",
    shell_complete=names.projects,
    help="Only those of this project.",
)
@as_json
@pass_context
def list_key_pairs(context: Context, project: str | None, as_json: bool) -> None:
    """List key pairs, with the MD5 fingerprints of their keys."""
    found = context.door().key_pairs(project)
    if as_json:
        output.print_json(found)
    else:
        print_key_pairs(found)


@keypair.command()
@name_argument
@project_option
@as_json
@pass_context
def show(context: Context, name: str, project: str, as_json: bool) -> None:
    """Show a key pair with its public key, for those who may change the host."""
    door = context.door()
    public_key = door.public_key(project, name)
    pair = next(each for each in door.key_pairs(project) if each.name == name)
    fields = record(pair) | {"public_key": public_key}
    if as_json:
        output.print_json(fields)
    else:
        output.print_fields(fields)


@keypair.command()
@name_argument
@project_option
@changing
def delete(doer: Doer, name: str, project: str) -> None:
    """Forget a public key; instances that have it keep it."""
    from netconsole.backend.changes.key_pairs import DeleteKeyPair

    doer.carry_out(DeleteKeyPair(project, name))


def print_key_pairs(found: "Iterable[KeyPair]") -> None:
    """Print key pairs, one a line."""
    rows = ((each.name, each.project_id, each.type, each.fingerprint) for each in found)
    output.print_table(COLUMNS, rows)
