"""`netconsole nova-manage project` and `vpn`."""

import click

from netconsole.cli.changing import Doer, changing


@click.group()
def project() -> None:
    """Take a project's networks away from it."""


@project.command()
@click.option("--project", "project_id", metavar="ID", required=True, help="The project.")
@changing
def scrub(doer: Doer, project_id: str) -> None:
    """Take a project's networks away from it."""
    from netconsole.backend.changes.projects import ScrubProject

    doer.carry_out(ScrubProject(project=project_id))


@click.group()
def vpn() -> None:
    """Say where a project's VPN is reached."""


@vpn.command()
@click.option("--project", "project_id", metavar="ID", required=True, help="The project.")
@click.option("--ip", metavar="ADDRESS", required=True, help="The VPN's public address.")
@click.option("--port", type=int, required=True, help="The VPN's public port.")
@changing
def change(doer: Doer, project_id: str, ip: str, port: int) -> None:
    """Change the public address and port of the VPN of a project's networks."""
    from netconsole.backend.changes.vpn import ChangeVpn

    doer.carry_out(ChangeVpn(project=project_id, address=ip, port=port))
