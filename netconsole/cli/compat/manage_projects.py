"""`netconsole nova-manage project` and `vpn`."""

import click

from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

QUOTA_COLUMNS = ("Quota", "Limit", "In Use", "Reserved")
project_option = click.option(
    "--project", "project_id", metavar="ID", required=True, help="The project."
)


@click.group(cls=CommandGroup)
def project() -> None:
    """Take a project's networks away from it, and show its quotas."""


@project.command()
@project_option
@changing
def scrub(doer: Doer, project_id: str) -> None:
    """Take a project's networks away from it, and delete its security groups that are not used."""
    from netconsole.backend.changes.projects import ScrubProject

    doer.carry_out(ScrubProject(project=project_id))


@project.command()
@project_option
@click.option("--user", help="Passed over: quotas are the project's.")
@click.option("--key", metavar="RESOURCE", help="A quota to set.")
@click.option("--value", help="What to set it to.")
@as_json
@pass_context
def quota(
    context: Context,
    project_id: str,
    user: str | None,
    key: str | None,
    value: str | None,
    as_json: bool,
) -> None:
    """Show a project's quotas and what it uses of them.

    They are set in the configuration, for every project alike.
    """
    found = context.door().quotas(project_id)
    known = [one.resource for one in found]
    if key is not None and key not in known:
        raise InvalidValue("quota", key, f"must be one of {', '.join(known)}")
    if key is not None and value is not None:
        raise InvalidValue("quota", key, f"is set in the configuration: quota_{key} = {value}")
    rows = [
        (one.resource, one.limit if one.limit >= 0 else "unlimited", one.in_use, 0) for one in found
    ]
    if as_json:
        names = [name.lower().replace(" ", "_") for name in QUOTA_COLUMNS]
        output.print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        output.print_lines(
            "{:36} {:10} {:10} {:10}".format(*map(str, row)) for row in (QUOTA_COLUMNS, *rows)
        )


@project.command()
@project_option
@click.option("--user", help="Passed over: quotas are the project's.")
@click.option("--key", metavar="RESOURCE", help="Only this quota.")
def quota_usage_refresh(project_id: str, user: str | None, key: str | None) -> None:
    """Count anew what a project uses: here that is done at every question."""


@click.group(cls=CommandGroup)
def vpn() -> None:
    """Say where a project's VPN is reached."""


@vpn.command()
@project_option
@click.option("--ip", metavar="ADDRESS", required=True, help="The VPN's public address.")
@click.option("--port", type=int, required=True, help="The VPN's public port.")
@changing
def change(doer: Doer, project_id: str, ip: str, port: int) -> None:
    """Change the public address and port of the VPN of a project's networks."""
    from netconsole.backend.changes.vpn import ChangeVpn

    doer.carry_out(ChangeVpn(project=project_id, address=ip, port=port))
