"""`netconsole instance`: what guests are told beside their network, and what they answer."""

import click

from netconsole.cli.frame import names
from netconsole.cli.frame.changing import Doer, changing


@click.command("clear-password")
@click.argument("name", shell_complete=names.instances)
@changing
def clear_password(doer: Doer, name: str) -> None:
    """Forget the password that a guest posted to the metadata service.

    The guest keeps it, and may post another one.
    """
    from netconsole.backend.changes.guest_password import ClearGuestPassword

    doer.carry_out(ClearGuestPassword(instance=name))
