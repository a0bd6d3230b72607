"""`netconsole dns`: names of floating addresses, and the domains that they are in."""

from typing import TYPE_CHECKING

import click

from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netconsole.backend.model.records import DnsDomain, DnsEntry

DOMAIN_COLUMNS = ("domain", "scope", "project_id", "availability_zone")
COLUMNS = ("name", "domain", "address")

domain_argument = click.argument("domain", shell_complete=names.dns_domains)


@click.group(cls=CommandGroup)
def dns() -> None:
    """Give floating addresses names.

    The dnsmasq of every network that this host serves answers for them.
    """


@dns.command("list")
@click.option(
    "--domain", metavar="DOMAIN", shell_complete=names.dns_domains, help="Only names in this one."
)
@click.option("--name", metavar="NAME", help="Only this name, without its domain.")
@click.option(
    "--address", metavar="ADDRESS", shell_complete=names.floating_ips, help="Only its names."
)
@as_json
@pass_context
def list_entries(
    context: Context, domain: str | None, name: str | None, address: str | None, as_json: bool
) -> None:
    """List the names of floating addresses."""
    found = context.door().dns_entries(domain, name=name, address=address)
    if as_json:
        output.print_json(found)
    else:
        _print(found)


@dns.command()
@click.argument("address", shell_complete=names.floating_ips)
@click.argument("name")
@domain_argument
@changing
def create(doer: Doer, address: str, name: str, domain: str) -> None:
    """Give a floating address a name, or a name another address.

    It is the address' until the address is released, goes with an instance that it was assigned
    with, or is deleted.
    """
    from netconsole.backend.changes.dns import CreateDnsEntry

    change = CreateDnsEntry(address=address, name=name, domain=domain)
    doer.carry_out(change, lambda made: _print([made]))


@dns.command()
@domain_argument
@click.argument("name")
@changing
def delete(doer: Doer, domain: str, name: str) -> None:
    """Delete a name of a floating address."""
    from netconsole.backend.changes.dns import DeleteDnsEntry

    doer.carry_out(DeleteDnsEntry(domain=domain, name=name))


@dns.command()
@as_json
@pass_context
def domains(context: Context, as_json: bool) -> None:
    """List the domains."""
    found = context.door().dns_domains()
    if as_json:
        output.print_json(found)
    else:
        _print_domains(found)


@dns.command()
@click.argument("domain")
@click.option("--project", metavar="ID", help="Other projects' addresses get no names in it.")
@click.option("--private", is_flag=True, help="Of an availability zone, not of a project.")
@click.option("--availability-zone", metavar="NAME", help="Kept, and without effect.")
@changing
def create_domain(
    doer: Doer, domain: str, project: str | None, private: bool, availability_zone: str | None
) -> None:
    """Create a domain for names of floating addresses."""
    from netconsole.backend.changes.dns import CreateDnsDomain

    change = CreateDnsDomain(
        domain=domain,
        private=private,
        project=project,
        availability_zone=availability_zone,
    )
    doer.carry_out(change, lambda made: _print_domains([made]))


@dns.command()
@domain_argument
@changing
def delete_domain(doer: Doer, domain: str) -> None:
    """Delete a domain with all names in it."""
    from netconsole.backend.changes.dns import DeleteDnsDomain

    doer.carry_out(DeleteDnsDomain(domain=domain))


def _print(found: "Iterable[DnsEntry]") -> None:
    output.print_table(COLUMNS, [[getattr(one, name) for name in COLUMNS] for one in found])


def _print_domains(found: "Iterable[DnsDomain]") -> None:
    rows = [[getattr(one, name) for name in DOMAIN_COLUMNS] for one in found]
    output.print_table(DOMAIN_COLUMNS, rows)
