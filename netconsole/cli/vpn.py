"""`netconsole vpn`: the instances that are projects' VPNs, and where they are reached."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from netconsole.cli.frame import output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.projects import project_option
from netconsole.cli.instance import port_kind_option, print_instances

if TYPE_CHECKING:
    from netconsole.backend.model.records import Network, PortKind, VpnView

COLUMNS = ("project", "network", "public_address", "public_port", "private_address", "instance")


@click.group(cls=CommandGroup)
def vpn() -> None:
    """Give projects' VPNs their instances, and say where they are reached.

    The network of a VLAN keeps an address for the VPN of its project: its public address and port
    lead there. What listens at it, on UDP port 1194, is the business of the instance.
    """


@vpn.command("list")
@as_json
@pass_context
def list_vpns(context: Context, as_json: bool) -> None:
    """List the networks that keep an address for a VPN, with the instance that has it."""
    rows = [row(found) for found in context.door().vpns()]
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(COLUMNS, [[one[name] for name in COLUMNS] for one in rows])


def row(view: "VpnView") -> dict[str, object]:
    """Return a VPN as it is listed."""
    network, instance = view.network, view.instance
    return {
        "project": network.project_id,
        "network": network.label,
        "public_address": network.vpn_public_address,
        "public_port": network.vpn_public_port,
        "private_address": network.vpn_private_address,
        "instance": instance.name if instance else None,
        "instance_uuid": instance.uuid if instance else None,
    }


@vpn.command()
@project_option
@click.option("--name", help="Of the instance; default: the project's with -vpn behind.")
@port_kind_option
@changing
def create(doer: Doer, project: str, name: str | None, port_kind: "PortKind") -> None:
    """Create the instance that is a project's VPN, on the address that its network keeps.

    A project without a network is given one. Where the VPN has its instance already, nothing is
    done. `netconsole instance delete` deletes it. The machines behind a VPN send by its port, so
    the port is not guarded: `netconsole instance guard` changes that.
    """
    from netconsole.backend.changes.vpn import CreateVpn

    change = CreateVpn(project=project, name=name, port_kind=port_kind)
    doer.carry_out(change, lambda made: print_instances([made]))


@vpn.command()
@project_option
@click.option("--ip", metavar="ADDRESS", required=True, help="Its public address.")
@click.option("--port", type=int, required=True, help="Its public port.")
@changing
def change(doer: Doer, project: str, ip: str, port: int) -> None:
    """Change the public address and port of a project's VPN, on all of its networks.

    This host leads them to the VPN where the address is its own (vpn_ip).
    """
    from netconsole.backend.changes.vpn import ChangeVpn

    doer.carry_out(ChangeVpn(project=project, address=ip, port=port), _print_networks)


def _print_networks(networks: "Iterable[Network]") -> None:
    columns = ("label", "vpn_public_address", "vpn_public_port", "vpn_private_address")
    output.print_table(columns, [[getattr(one, name) for name in columns] for one in networks])
