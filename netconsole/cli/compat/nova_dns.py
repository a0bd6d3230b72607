"""`netconsole nova dns-*`: names of floating addresses."""

from collections.abc import Mapping

import click

from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.compat.tables import print_bordered
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context

DOMAIN_COLUMNS = ("domain", "scope", "project", "availability_zone")
COLUMNS = ("ip", "name", "domain")

domain_argument = click.argument("domain", shell_complete=names.dns_domains)


@click.command()
@as_json
@pass_context
def dns_domains(context: Context, as_json: bool) -> None:
    """List the domains."""
    rows = [
        dict(
            zip(
                DOMAIN_COLUMNS,
                (one.domain, one.scope, one.project_id, one.availability_zone),
                strict=True,
            )
        )
        for one in context.door().dns_domains()
    ]
    if as_json:
        output.print_json(rows)
    else:
        print_bordered(DOMAIN_COLUMNS, [tuple(row.values()) for row in rows])


@click.command()
@domain_argument
@click.option("--ip", metavar="ADDRESS", help="The names of this address.")
@click.option("--name", help="The address of this name.")
@as_json
@pass_context
def dns_list(
    context: Context, domain: str, ip: str | None, name: str | None, as_json: bool
) -> None:
    """List the names of an address in a domain, or the address of a name."""
    if not ip and not name:
        raise click.UsageError("Give --ip or --name.")
    # nova passed over --ip where there was --name.
    found = context.door().dns_entries(domain, name=name, address=None if name else ip)
    rows = [{"ip": one.address, "name": one.name, "domain": one.domain} for one in found]
    if as_json:
        output.print_json(rows)
    else:
        print_bordered(COLUMNS, [tuple(row.values()) for row in rows])


@click.command()
@click.argument("ip", shell_complete=names.floating_ips)
@click.argument("name")
@domain_argument
@click.option("--type", "kind", default="A", show_default=True, help="Of the record: A.")
@changing
def dns_create(doer: Doer, ip: str, name: str, domain: str, kind: str) -> None:
    """Give a floating address a name, or a name another address."""
    from netconsole.backend.changes.dns import CreateDnsEntry

    if kind.upper() != "A":
        raise InvalidValue("DNS record type", kind, "must be A: names are of IPv4 addresses")
    doer.carry_out(CreateDnsEntry(address=ip, name=name, domain=domain))


@click.command()
@domain_argument
@click.argument("name")
@changing
def dns_delete(doer: Doer, domain: str, name: str) -> None:
    """Delete a name of a floating address."""
    from netconsole.backend.changes.dns import DeleteDnsEntry

    doer.carry_out(DeleteDnsEntry(domain=domain, name=name))


@click.command()
@click.argument("domain")
@click.option("--availability-zone", metavar="NAME", help="Kept, and without effect.")
@changing
def dns_create_private_domain(doer: Doer, domain: str, availability_zone: str | None) -> None:
    """Create a domain of an availability zone."""
    from netconsole.backend.changes.dns import CreateDnsDomain

    change = CreateDnsDomain(domain, private=True, availability_zone=availability_zone)
    doer.carry_out(change)


@click.command()
@click.argument("domain")
@click.option("--project", metavar="ID", help="Other projects' addresses get no names in it.")
@changing
def dns_create_public_domain(doer: Doer, domain: str, project: str | None) -> None:
    """Create a domain of a project, or of all."""
    from netconsole.backend.changes.dns import CreateDnsDomain

    doer.carry_out(CreateDnsDomain(domain, project=project))


@click.command()
@domain_argument
@changing
def dns_delete_domain(doer: Doer, domain: str) -> None:
    """Delete a domain with all names in it."""
    from netconsole.backend.changes.dns import DeleteDnsDomain

    doer.carry_out(DeleteDnsDomain(domain=domain))


COMMANDS: Mapping[str, click.Command] = {
    "dns-domains": dns_domains,
    "dns-list": dns_list,
    "dns-create": dns_create,
    "dns-delete": dns_delete,
    "dns-create-private-domain": dns_create_private_domain,
    "dns-create-public-domain": dns_create_public_domain,
    "dns-delete-domain": dns_delete_domain,
}
