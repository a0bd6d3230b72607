"""`netconsole network`: create, list, show and delete networks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from netconsole.cli import names, output
from netconsole.cli.changing import Doer, as_json, changing
from netconsole.cli.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.backend.records import Network

COLUMNS = ("label", "cidr", "gateway", "dhcp_server", "bridge", "dns1", "mtu", "project_id")


@click.group()
def network() -> None:
    """Create, list, show and delete networks.

    A network is an address range on a bridge of this host, with its own dnsmasq.
    """


@network.command()
@click.argument("label")
@click.option("--fixed-range-v4", metavar="CIDR", required=True, help="Its addresses.")
@click.option("--bridge", metavar="NAME", help="The bridge that carries it.")
@click.option("--gateway", metavar="ADDRESS", help="Default: the first address.")
@click.option("--dhcp-server", metavar="ADDRESS", help="Default: the gateway.")
@click.option("--dns1", metavar="ADDRESS", help="A name server for the instances.")
@click.option("--dns2", metavar="ADDRESS", help="Another name server.")
@click.option("--mtu", type=int, metavar="BYTES", help="Default: the bridge's own.")
@changing
def create(
    doer: Doer,
    label: str,
    fixed_range_v4: str,
    bridge: str | None,
    gateway: str | None,
    dhcp_server: str | None,
    dns1: str | None,
    dns2: str | None,
    mtu: int | None,
) -> None:
    """Create a network and what it needs on this host.

    That is its bridge with the gateway's address, its dnsmasq, and the rules of the packet filter.
    """
    from netconsole.backend.changes.networks import CreateNetwork

    change = CreateNetwork(
        label=label,
        fixed_range_v4=fixed_range_v4,
        bridge=bridge,
        gateway=gateway,
        dhcp_server=dhcp_server,
        dns1=dns1,
        dns2=dns2,
        mtu=mtu,
    )
    doer.carry_out(change, lambda made: _print_networks([made]))


@network.command("list")
@as_json
@pass_context
def list_networks(context: Context, as_json: bool) -> None:
    """List the networks."""
    found = context.service().networks()
    if as_json:
        output.print_json(found)
    else:
        _print_networks(found)


@network.command()
@click.argument("label", shell_complete=names.networks)
@as_json
@pass_context
def show(context: Context, label: str, as_json: bool) -> None:
    """Show a network and those of its addresses that are not free."""
    service = context.service()
    found = service.network(label)
    taken = [
        ip for ip in service.fixed_ips(found.label) if ip.allocated or ip.leased or ip.reserved
    ]
    fields = output.record(found)
    if as_json:
        output.print_json(fields | {"fixed_ips": taken})
        return
    holders = {
        port.port.id: (view.instance.name, port.port.mac)
        for view in service.instances()
        for port in view.ports
    }
    nobody = ("", "")
    output.print_fields(fields)
    output.print_lines([""])
    output.print_table(
        ("address", "allocated", "leased", "reserved", "instance", "mac"),
        [
            (
                ip.address,
                ip.allocated,
                ip.leased,
                ip.reserved,
                *holders.get(ip.port_id or 0, nobody),
            )
            for ip in taken
            for holder in [holders.get(ip.port_id or 0, ("", ""))]
        ],
    )


@network.command()
@click.argument("label", shell_complete=names.networks)
@changing
def delete(doer: Doer, label: str) -> None:
    """Delete a network and all that its creation made.

    Refused while an instance holds one of its addresses.
    """
    from netconsole.backend.changes.networks import DeleteNetwork

    doer.carry_out(DeleteNetwork(network=label))


def _print_networks(found: "Iterable[Network]") -> None:
    output.print_table(COLUMNS, [[getattr(one, name) for name in COLUMNS] for one in found])
