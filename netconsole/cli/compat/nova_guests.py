"""`netconsole nova`: what servers are told: key pairs, metadata, passwords."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import update_wrapper
from typing import TYPE_CHECKING, Literal

import click

from netconsole.cli.compat.arguments import owner, server_argument
from netconsole.cli.compat.tables import print_bordered, print_properties
from netconsole.cli.frame import names, output
from netconsole.cli.frame.attachments import attachment
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.guest_options import Command, GuestOptions, details, divided
from netconsole.cli.instance_guest import print_password

if TYPE_CHECKING:
    pass

_BOOT_OPTIONS = (
    click.option("--image", metavar="IMAGE", help="The image it starts from, as it is told."),
    click.option("--flavor", metavar="FLAVOR", help="How large it is, as it is told."),
    click.option("--user-data", metavar="FILE", type=click.Path(), help="Its user data."),
    click.option(
        "--key-name",
        metavar="NAME",
        shell_complete=names.key_pairs,
        help="A key pair of its project, whose public key it lets in.",
    ),
    click.option("--meta", metavar="KEY=VALUE", multiple=True, help="Metadata, any number."),
    click.option(
        "--file",
        "files",
        metavar="DST-PATH=SRC-PATH",
        multiple=True,
        help="A file that its guest is to write, up to five.",
    ),
    click.option("--availability-zone", metavar="ZONE", help="Where it runs, as it is told."),
    click.option(
        "--admin-pass",
        metavar="PASSWORD",
        help="Its administrator's password, for all who list processes to see, as in nova; "
        "`netconsole instance set NAME --admin-password` asks for it.",
    ),
)


def told_at_boot(command: Command) -> Command:
    """Give `nova boot` its options that say what a server is told, as the argument `told`."""

    def run(
        *args: object,
        image: str | None,
        flavor: str | None,
        user_data: str | None,
        key_name: str | None,
        meta: tuple[str, ...],
        files: tuple[str, ...],
        availability_zone: str | None,
        admin_pass: str | None,
        **kwargs: object,
    ) -> None:
        given = GuestOptions(
            user_data=user_data,
            meta=meta,
            files=files,
            image=image,
            flavor=flavor,
            availability_zone=availability_zone,
        )
        told = details(Context.of(click.get_current_context()), given)
        if key_name is not None:
            told = replace(told, keys={key_name: None})
        command(*args, told=replace(told, admin_password=admin_pass), **kwargs)

    wrapped: Command = update_wrapper(run, command)
    for option in reversed(_BOOT_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


@click.command()
@server_argument
@click.argument("action", type=click.Choice(("set", "delete")))
@click.argument("metadata", metavar="KEY=VALUE...", nargs=-1, required=True)
@changing
def meta(
    doer: Doer, server: str, action: Literal["set", "delete"], metadata: Sequence[str]
) -> None:
    """Set or delete metadata of a server."""
    from netconsole.backend.changes.guest_data import SetInstance
    from netconsole.backend.changes.guest_details import GuestDetails, GuestRemovals

    if action == "set":
        given = divided("metadata", metadata, "KEY=VALUE")
        told = GuestDetails(meta={key: value or "" for key, value in given})
        doer.carry_out(SetInstance(server, told=told))
    else:
        keys = tuple(word.partition("=")[0] for word in metadata)
        doer.carry_out(SetInstance(server, removed=GuestRemovals(meta=keys)))


@click.command()
@server_argument
@click.argument("private_key", required=False, type=click.Path())
@pass_context
def get_password(context: Context, server: str, private_key: str | None) -> None:
    """Print the password that a server posted, with its private key decrypted."""
    print_password(context, server, private_key)


@click.command()
@server_argument
@changing
def clear_password(doer: Doer, server: str) -> None:
    """Forget the password that a server posted; the server keeps it."""
    from netconsole.backend.changes.guest_password import ClearGuestPassword

    doer.carry_out(ClearGuestPassword(instance=server))


@click.command()
@as_json
@pass_context
def keypair_list(context: Context, as_json: bool) -> None:
    """List the key pairs of a project."""
    found = context.door().key_pairs(owner())
    if as_json:
        output.print_json(found)
        return
    rows = [(pair.name, pair.type, pair.fingerprint) for pair in found]
    print_bordered(("Name", "Type", "Fingerprint"), rows)


@click.command()
@click.argument("name")
@click.option("--pub-key", metavar="FILE", type=click.Path(), help="The file of its public key.")
@click.option("--key-type", type=click.Choice(("ssh",)), default="ssh", help="Only ssh.")
@changing
def keypair_add(doer: Doer, name: str, pub_key: str | None, key_type: str) -> None:
    """Keep a public key. Private keys are made by ssh-keygen, and never by netconsole."""
    from netconsole.backend.changes.key_pairs import AddKeyPair

    if pub_key is None:
        raise click.UsageError(
            f"Give --pub-key FILE; `ssh-keygen -t ed25519 -f {name}` makes {name}.pub."
        )
    doer.carry_out(AddKeyPair(owner(), name, attachment(doer.context, "key", pub_key)))


@click.command()
@click.argument("name", shell_complete=names.key_pairs)
@pass_context
def keypair_show(context: Context, name: str) -> None:
    """Show a key pair, and its public key."""
    door = context.door()
    public_key = door.public_key(owner(), name)
    pair = next(each for each in door.key_pairs(owner()) if each.name == name)
    print_properties({field: getattr(pair, field) for field in ("fingerprint", "name", "type")})
    output.print_lines([f"Public key: {public_key}"])


@click.command()
@click.argument("name", shell_complete=names.key_pairs)
@changing
def keypair_delete(doer: Doer, name: str) -> None:
    """Forget a public key; servers that have it keep it."""
    from netconsole.backend.changes.key_pairs import DeleteKeyPair

    doer.carry_out(DeleteKeyPair(owner(), name))


COMMANDS: Mapping[str, click.Command] = {
    "meta": meta,
    "get-password": get_password,
    "clear-password": clear_password,
    "keypair-list": keypair_list,
    "keypair-add": keypair_add,
    "keypair-show": keypair_show,
    "keypair-delete": keypair_delete,
}
