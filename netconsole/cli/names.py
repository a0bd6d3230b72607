"""Completion of the names that the store holds, for the shell's Tab key."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from netconsole.backend.errors import NetconsoleError
from netconsole.cli.context import Context

if TYPE_CHECKING:
    from netconsole.backend.service import Service

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def _completer(names: "Callable[[Service], list[str]]") -> Completer:
    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        try:
            return [n for n in names(Context.of(context).service()) if n.startswith(begun)]
        except NetconsoleError:
            return []  # the command itself will say what is wrong

    return complete


networks = _completer(lambda service: [network.label for network in service.networks()])
instances = _completer(lambda service: [view.instance.name for view in service.instances()])
floating_ips = _completer(lambda service: [ip.address for ip in service.floating_ips()])
