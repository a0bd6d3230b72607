"""`netconsole nova boot`, `list`, `delete`, `reset-network` and `virtual-interface-list`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import click

from netconsole.cli.compat.arguments import ADMIN, all_tenants_option, project, server_argument
from netconsole.cli.compat.nova_guests import told_at_boot
from netconsole.cli.compat.tables import print_bordered, print_properties
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.instance import port_kind_option

if TYPE_CHECKING:
    from netconsole.backend.changes.guest_details import GuestDetails
    from netconsole.backend.model.records import InstanceView, PortKind
    from netconsole.door.door import Door

STATUS = "ACTIVE"
"""Whether the machine runs is its hypervisor's to know; here its ports are ready."""


@dataclass(frozen=True, slots=True)
class Nic:
    """What one --nic asks for."""

    network: str
    fixed_address: str | None


class NicType(click.ParamType[Nic]):
    """`net-id=NETWORK`, `net-name=NETWORK`, and with a comma `v4-fixed-ip=ADDRESS`."""

    name = "net-id=NETWORK[,v4-fixed-ip=ADDRESS]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Nic:
        if isinstance(value, Nic):
            return value
        found: dict[str, str] = {}
        for part in str(value).split(","):
            key, _, text = part.partition("=")
            if key not in ("net-id", "net-name", "v4-fixed-ip") or not text or key in found:
                self.fail(f"{str(value)[:80]!r} is not {self.name}.", param, ctx)
            found[key] = text
        network = found.get("net-id") or found.get("net-name")
        if network is None or len(found.keys() - {"v4-fixed-ip"}) != 1:
            self.fail(f"{str(value)[:80]!r} is not {self.name}.", param, ctx)
        return Nic(network, found.get("v4-fixed-ip"))


class Boot(click.Command):
    """Takes `--nic net-id= NETWORK`, with a blank, as the guide prints it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        joined: list[str] = []
        for word in args:
            if joined and joined[-1] in ("net-id=", "--nic=net-id="):
                joined[-1] += word
            else:
                joined.append(word)
        return super().parse_args(ctx, joined)


@click.command(cls=Boot)
@told_at_boot
@click.option(
    "--nic",
    "nics",
    type=NicType(),
    multiple=True,
    help="A network it has a port on; default: all that its project may use.",
)
@click.option(
    "--security-groups",
    metavar="GROUP[,GROUP...]",
    default="",
    help="The security groups it is in; default: default.",
)
@port_kind_option
@click.argument("name")
@changing
def boot(
    doer: Doer,
    told: "GuestDetails",
    nics: Sequence[Nic],
    security_groups: str,
    port_kind: "PortKind",
    name: str,
) -> None:
    """Give a new server its ports and addresses; its machine is not started.

    It is of the project of --os-project-id, else of the one whose network it asks for.
    """
    from netconsole.backend.changes.instances import CreateInstance

    networks = tuple(nic.network for nic in nics)
    owner = project(click.get_current_context()) or _owner_of(networks, doer.context.door())
    change = CreateInstance(
        name=name,
        project=owner,
        networks=networks,
        port_kind=port_kind,
        fixed_addresses=tuple(nic.fixed_address for nic in nics if nic.fixed_address),
        security_groups=tuple(filter(None, security_groups.split(","))),
        told=told,
    )
    doer.carry_out(change, _print_booted)


def _owner_of(networks: Sequence[str], door: "Door") -> str:
    for asked in networks:
        owner = door.network(asked).project_id
        if owner is not None:
            return owner
    return ADMIN


def _print_booted(view: "InstanceView") -> None:
    print_properties(
        {
            "id": view.instance.uuid,
            "name": view.instance.name,
            "status": STATUS,
            "tenant_id": view.instance.project_id,
            "OS-EXT-SRV-ATTR:host": view.instance.host,
            "networks": _networks(view),
        }
    )


class Pattern(click.ParamType["re.Pattern[str]"]):
    """A regular expression, as re has them."""

    name = "REGEXP"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> "re.Pattern[str]":
        if isinstance(value, re.Pattern):
            return value
        try:
            return re.compile(str(value))
        except re.error as error:
            self.fail(f"{str(value)[:80]!r} is no regular expression: {error}.", param, ctx)


PATTERN = Pattern()


@click.command("list")
@click.option("--ip", type=PATTERN, help="Only those of which an IPv4 address begins so.")
@click.option("--name", type=PATTERN, help="Only those in whose name this is.")
@click.option("--host", metavar="NAME", help="Only those on one host.")
@click.option("--status", metavar="STATUS", help=f"Only those of a status; here all are {STATUS}.")
@click.option("--tenant", metavar="PROJECT", help="Only those of one project.")
@all_tenants_option
@as_json
@pass_context
def list_servers(
    context: Context,
    ip: "re.Pattern[str] | None",
    name: "re.Pattern[str] | None",
    host: str | None,
    status: str | None,
    tenant: str | None,
    all_tenants: bool,
    as_json: bool,
) -> None:
    """List the servers with their addresses."""
    owner = tenant or (None if all_tenants else project(click.get_current_context()))
    found = [
        view
        for view in context.door().instances()
        if owner in (None, view.instance.project_id)
        and host in (None, view.instance.host)
        and (status or STATUS).upper() == STATUS
        and (name is None or name.search(view.instance.name))
        and (ip is None or any(map(ip.match, chain(*_addresses(view).values()))))
    ]
    if as_json:
        output.print_json([_record(view) for view in found])
        return
    print_bordered(
        ("ID", "Name", "Status", "Networks"),
        [(view.instance.uuid, view.instance.name, STATUS, _networks(view)) for view in found],
    )


def _record(view: "InstanceView") -> dict[str, object]:
    return {
        "id": view.instance.uuid,
        "name": view.instance.name,
        "status": STATUS,
        "project_id": view.instance.project_id,
        "host": view.instance.host,
        "networks": _addresses(view),
    }


def _addresses(view: "InstanceView") -> dict[str, list[str]]:
    """The fixed and then the floating addresses on each network, by its label."""
    return {
        port.network.label: [
            *(ip.address for ip in port.fixed_ips),
            *(ip.address for ip in port.floating_ips),
        ]
        for port in view.ports
    }


def _networks(view: "InstanceView") -> str:
    return "; ".join(f"{label}={', '.join(held)}" for label, held in _addresses(view).items())


@click.command()
@click.argument("servers", nargs=-1, required=True, shell_complete=names.instances)
@changing
def delete(doer: Doer, servers: Sequence[str]) -> None:
    """Delete servers' ports and free their addresses."""
    from netconsole.backend.changes.instances import DeleteInstance

    for server in servers:
        doer.carry_out(DeleteInstance(instance=server))


@click.command()
@server_argument
@changing
def reset_network(doer: Doer, server: str) -> None:
    """Tell a server and its neighbours anew what this host holds for it.

    nova asked an agent in the guest to read its network anew; here the guest is not reached. What
    is done is what `netconsole instance reset-network` does.
    """
    from netconsole.backend.changes.instances import ResetNetwork

    doer.carry_out(ResetNetwork(instance=server))


@click.command()
@server_argument
@as_json
@pass_context
def virtual_interface_list(context: Context, server: str, as_json: bool) -> None:
    """List a server's interfaces."""
    rows = [
        {"id": port.port.uuid, "mac_address": port.port.mac, "net_id": port.network.uuid}
        for port in context.door().instance(server).ports
    ]
    if as_json:
        output.print_json(rows)
    else:
        print_bordered(("Id", "Mac address", "Network ID"), [tuple(row.values()) for row in rows])


COMMANDS: Mapping[str, click.Command] = {
    "boot": boot,
    "list": list_servers,
    "delete": delete,
    "reset-network": reset_network,
    "virtual-interface-list": virtual_interface_list,
}
