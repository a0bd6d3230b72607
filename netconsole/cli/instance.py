"""`netconsole instance`: give instances their ports and addresses, and take them back."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.backend.model.phrases import count
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.projects import project_option
from netconsole.cli.guest_options import guest_options
from netconsole.cli.instance_guest import COMMANDS, shown
from netconsole.cli.instance_secgroup import secgroup

if TYPE_CHECKING:
    from netconsole.backend.changes.guest_details import GuestDetails
    from netconsole.backend.changes.injection import Injected
    from netconsole.backend.model.records import InstanceView, PortKind

port_kind_option = click.option(
    "--port-kind",
    type=click.Choice(("tap", "veth")),
    default="tap",
    show_default=True,
    help="The kind of its interfaces on this host.",
)
COLUMNS = (
    *("name", "project", "network", "address", "floating", "mac", "device", "host"),
    *("guarded", "allowed_addresses"),
)


@click.group(cls=CommandGroup)
def instance() -> None:
    """Give instances their ports and addresses.

    An instance is a virtual machine as far as its network goes: a port on each of its networks,
    with a MAC address, a fixed address and an interface on this host to plug the machine into.
    """


@instance.command()
@click.argument("name")
@project_option
@click.option(
    "--network",
    "networks",
    metavar="LABEL",
    multiple=True,
    shell_complete=names.networks,
    help="A network it has a port on; may be given more than once. Default: all that it may have.",
)
@click.option(
    "--fixed-address",
    "fixed_addresses",
    metavar="ADDRESS",
    multiple=True,
    help="The address it shall have in the network of that address.",
)
@click.option(
    "--mac",
    "macs",
    metavar="MAC",
    multiple=True,
    help="The MAC address of its port, the first of its first network's. Default: made up.",
)
@click.option(
    "--security-group",
    "security_groups",
    metavar="GROUP",
    multiple=True,
    shell_complete=names.security_groups,
    help="A security group of its project; may be given more than once. Default: default.",
)
@port_kind_option
@click.option(
    "--no-guard",
    is_flag=True,
    help="Let its guest pass for any other: for routers and VPNs.",
)
@guest_options
@changing
def create(
    doer: Doer,
    name: str,
    project: str,
    networks: tuple[str, ...],
    fixed_addresses: tuple[str, ...],
    macs: tuple[str, ...],
    security_groups: tuple[str, ...],
    port_kind: "PortKind",
    no_guard: bool,
    told: "GuestDetails",
) -> None:
    """Create an instance's ports, each with its address, on this host."""
    from netconsole.backend.changes.instances import CreateInstance

    change = CreateInstance(
        name=name,
        project=project,
        networks=networks,
        port_kind=port_kind,
        fixed_addresses=fixed_addresses,
        macs=macs,
        guarded=not no_guard,
        security_groups=security_groups,
        told=told,
    )
    doer.carry_out(change, lambda made: print_instances([made]))


@instance.command("list")
@as_json
@pass_context
def list_instances(context: Context, as_json: bool) -> None:
    """List the instances, one line a port."""
    found = context.door().instances()
    if as_json:
        output.print_json(found)
    else:
        print_instances(found)


@instance.command()
@names.instance_argument
@as_json
@pass_context
def show(context: Context, name: str, as_json: bool) -> None:
    """Show an instance, the security groups that it is in, what it is told, and its ports.

    Of user data, files and passwords only that they are there.
    """
    door = context.door()
    found, told = door.instance(name), door.guest_summary(name)
    if as_json:
        output.print_json(record(found) | {"told": told})
        return
    joined = [group.name for group in found.security_groups]
    output.print_fields(record(found.instance) | {"security_groups": joined} | shown(told))
    for port in found.ports:
        output.print_lines([""])
        addresses = {
            "network": port.network.label,
            "fixed_ips": [ip.address for ip in port.fixed_ips],
            "floating_ips": [ip.address for ip in port.floating_ips],
            "allowed_addresses": [each.cidr for each in port.allowed_addresses],
        }
        output.print_fields(
            {
                name: value
                for name, value in (record(port.port) | addresses).items()
                if name not in ("id", "network_id", "instance_uuid")
            }
        )


@instance.command("add-fixed-ip")
@names.instance_argument
@click.argument("network", shell_complete=names.networks)
@click.option("--fixed-address", metavar="ADDRESS", help="Default: the longest free.")
@changing
def add_fixed_ip(doer: Doer, name: str, network: str, fixed_address: str | None) -> None:
    """Give an instance one more address, on its port in the network or on a new one."""
    from netconsole.backend.changes.instances import AddFixedIP

    change = AddFixedIP(instance=name, network=network, fixed_address=fixed_address)
    doer.carry_out(change, lambda changed: print_instances([changed]))


@instance.command("remove-fixed-ip")
@names.instance_argument
@click.argument("address")
@changing
def remove_fixed_ip(doer: Doer, name: str, address: str) -> None:
    """Take an address from an instance; its port stays."""
    from netconsole.backend.changes.instances import RemoveFixedIP

    change = RemoveFixedIP(instance=name, fixed_address=address)
    doer.carry_out(change, lambda changed: print_instances([changed]))


@instance.command("allow-address")
@names.instance_argument
@click.argument("cidr")
@click.option(
    "--network",
    metavar="LABEL",
    shell_complete=names.networks,
    help="On whose port. Default: the one in whose network the address is, or the only one.",
)
@changing
def allow_address(doer: Doer, name: str, cidr: str, network: str | None) -> None:
    """Let an instance send from an address, or a range, beside its own.

    Such as the address that VRRP keeps for whichever of several instances is master, or the range
    behind a guest that routes. It is sent from by the port's own MAC address: keepalived does so
    where it is not told `use_vmac`. Of a network's own range an address is reserved first, so that
    no instance is given it: `netconsole fixed reserve`. Where several instances may have it, what
    the security groups that all of them are in let in reaches it.
    """
    from netconsole.backend.changes.guards import AllowAddress

    change = AllowAddress(instance=name, cidr=cidr, network=network)
    doer.carry_out(change, lambda changed: print_instances([changed]))


@instance.command("disallow-address")
@names.instance_argument
@click.argument("cidr")
@changing
def disallow_address(doer: Doer, name: str, cidr: str) -> None:
    """Let an instance send from an address, or a range, no longer."""
    from netconsole.backend.changes.guards import DisallowAddress

    change = DisallowAddress(instance=name, cidr=cidr)
    doer.carry_out(change, lambda changed: print_instances([changed]))


@instance.command()
@names.instance_argument
@changing
def guard(doer: Doer, name: str) -> None:
    """Let an instance send as itself alone, as every instance is made."""
    from netconsole.backend.changes.guards import GuardInstance

    doer.carry_out(GuardInstance(instance=name), lambda changed: print_instances([changed]))


@instance.command()
@names.instance_argument
@changing
def unguard(doer: Doer, name: str) -> None:
    """Let an instance send as whomever it likes: for routers and VPNs.

    Its guest can pass for every other on its networks, and for their gateway. Where that is more
    than it needs, `netconsole instance allow-address` allows an address or a range.
    """
    from netconsole.backend.changes.guards import UnguardInstance

    doer.carry_out(UnguardInstance(instance=name), lambda changed: print_instances([changed]))


@instance.command("reset-network")
@names.instance_argument
@changing
def reset_network(doer: Doer, name: str) -> None:
    """Tell an instance and its neighbours anew what this host holds for it.

    Without an agent in the guest, that is what a host can do for one that lost its network: what
    is missing of its ports, rules and DHCP entries is put back, as `netconsole apply` does, the
    dnsmasq of its networks reads its hosts and options anew, and the gateways and the instance's
    floating addresses are announced by ARP. In the guest nothing is restarted: its DHCP client
    asks when it next renews, or when the guest is told to.
    """
    from netconsole.backend.changes.instances import ResetNetwork

    doer.carry_out(ResetNetwork(instance=name))


@instance.command()
@names.instance_argument
@changing
def delete(doer: Doer, name: str) -> None:
    """Delete an instance's ports and free its addresses."""
    from netconsole.backend.changes.instances import DeleteInstance

    doer.carry_out(DeleteInstance(instance=name))


@instance.command()
@names.instance_argument
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where its image is mounted: write /etc/network/interfaces there.",
)
@click.option(
    "--config-drive",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write an image here that cloud-init reads as config drive.",
)
@changing
def inject(doer: Doer, name: str, root: Path | None, config_drive: Path | None) -> None:
    """Tell an instance its static addresses where no DHCP does.

    For networks of the Flat manager with flat_injected = True. What is written replaces what was
    there; `netconsole undo` puts a former interfaces file back.
    """
    from netconsole.backend.changes.injection import InjectInstance

    if root is None and config_drive is None:
        raise click.UsageError("Give --root, --config-drive or both.")
    change = InjectInstance(
        instance=name,
        root=str(root.absolute()) if root else None,
        config_drive=str(config_drive.absolute()) if config_drive else None,
    )
    doer.carry_out(change, _say_injected)


for _command in (*COMMANDS, secgroup):
    instance.add_command(_command)


def _say_injected(done: "Injected") -> None:
    if done.interfaces is not None:
        former = "" if done.replaced is None else f", in place of {_size(done.replaced)}"
        output.say(f"{done.interfaces}: written{former}")
    if done.config_drive is not None:
        output.say(f"{done.config_drive}: written")


def _size(text: str) -> str:
    return f"a file of {count(len(text.splitlines()), 'line')}"


def print_instances(found: "Iterable[InstanceView]") -> None:
    """Print instances, one line a port."""
    output.print_table(
        COLUMNS,
        [
            (
                view.instance.name,
                view.instance.project_id,
                port.network.label,
                [ip.address for ip in port.fixed_ips],
                [ip.address for ip in port.floating_ips],
                port.port.mac,
                port.port.device,
                view.instance.host,
                port.port.guarded,
                [each.cidr for each in port.allowed_addresses],
            )
            for view in found
            for port in view.ports
        ],
    )
