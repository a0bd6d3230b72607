"""`netconsole project`: what is done to a project as a whole."""

import click

from netconsole.cli import network
from netconsole.cli.frame.changing import Doer, changing
from netconsole.cli.frame.group import CommandGroup


@click.group(cls=CommandGroup)
def project() -> None:
    """Take back what a project has."""


@project.command()
@click.option("--project", metavar="ID", required=True, help="The project.")
@changing
def scrub(doer: Doer, project: str) -> None:
    """Take a project's networks away from it, so that they can be deleted.

    Its security groups that no instance is in are deleted.
    """
    from netconsole.backend.changes.projects import ScrubProject

    doer.carry_out(ScrubProject(project), lambda taken: network.print_networks(taken.networks))
