"""What options name on this host: files, directories and interfaces that have to be there."""

import socket
from collections.abc import Collection

from netconsole.backend.configuration.options import Options
from netconsole.backend.host import dnsmasq_configuration
from netconsole.backend.kernel import links
from netconsole.backend.managers import manager
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.phrases import command
from netconsole.backend.model.text import visible
from netconsole.backend.plan.uplinks import never_a_port, never_under_vlans
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AddLink,
    CheckDnsmasq,
    MakeDirectory,
    Plan,
    ReinstateDhcpHosts,
    RemoveDhcpHosts,
    RemoveFile,
    RetireDhcpHosts,
    StartDnsmasq,
    WriteFile,
)
from netconsole.backend.system.files import unfit_directory

NO_INTERFACE = "this host has no such interface: make it, or name one that `ip -brief link` shows"
_WRITING = frozenset(
    {
        MakeDirectory,
        WriteFile,
        RemoveFile,
        AddDhcpHosts,
        RemoveDhcpHosts,
        RetireDhcpHosts,
        ReinstateDhcpHosts,
        StartDnsmasq,
    }
)
"""What is done in `networks_path`."""
_SEE = f"({command('config', 'show')} says where it is set)"


def refuse(steps: Plan, options: Options) -> None:
    """Refuse, before anything is done, steps that what an option names is not fit for.

    Raises InvalidValue.
    """
    kinds = {type(step) for step in steps.steps}
    if kinds & {CheckDnsmasq, StartDnsmasq} and (rule := configuration_rule(options)):
        raise InvalidValue(
            "dnsmasq_config_file", options.dnsmasq_config_file, f"{rule}; nothing is changed {_SEE}"
        )
    if kinds & _WRITING:
        refuse_directory(options)
    made = {step.name for step in steps.steps if isinstance(step, AddLink)}
    wanted = {step.interface for step in steps.steps if isinstance(step, AddAddress)}
    refuse_interfaces(wanted - made, options)


def why_not_started(steps: Plan, options: Options) -> str:
    """Return why a repair starts no dnsmasq, where none can read its configuration.

    Where one is there that would be stopped for it, all is refused instead (`refuse`).
    """
    kinds = {type(step) for step in steps.steps}
    if StartDnsmasq not in kinds or CheckDnsmasq in kinds:
        return ""
    rule = configuration_rule(options)
    shown = f"dnsmasq_config_file {visible(options.dnsmasq_config_file)!r}"
    return f"{shown}: {rule}; no dnsmasq is started {_SEE}" if rule else ""


def refuse_interfaces(names: Collection[str], options: Options) -> None:
    """Raise InvalidValue where an interface that addresses are to be put on is not there."""
    for name in sorted(names):
        if rule := _unknown(name):
            what = "public_interface" if name == options.public_interface else "interface"
            raise InvalidValue(what, name, f"{rule} {_SEE}")


def refuse_directory(options: Options) -> None:
    """Raise InvalidValue where networks_path is no directory and cannot become one."""
    if rule := unfit_directory(options.networks_path):
        raise InvalidValue(
            "networks_path", options.networks_path, f"{rule}; nothing is changed {_SEE}"
        )


def rules(options: Options) -> dict[str, str]:
    """Return, for each option that names what this host does not have, the rule that it breaks."""
    found = {
        "state_path": unfit_directory(options.state_path),
        "networks_path": unfit_directory(options.networks_path),
        "dnsmasq_config_file": configuration_rule(options),
        **_interfaces(options),
    }
    return {name: rule for name, rule in found.items() if rule}


def configuration_rule(options: Options) -> str:
    """Return why dnsmasq cannot be given its configuration file; nothing where it can."""
    path = options.dnsmasq_config_file
    return dnsmasq_configuration.unusable(path) if path else ""


def _interfaces(options: Options) -> dict[str, str]:
    """The interfaces that a host of this manager needs."""
    seen = links.observe_links()
    kind = manager(options)
    found = {}
    # A bridge that networks make need not be there before they are.
    if (name := options.public_interface) and name != options.flat_network_bridge:
        found["public_interface"] = _unknown(name)
    if name := kind.bridge_interface(options) or "":
        option = "vlan_interface" if kind.creates_vlan else "flat_interface"
        rule = never_under_vlans if kind.creates_vlan else never_a_port
        found[option] = rule(seen[name]) if name in seen else _unknown(name)
    return found


def _unknown(interface: str) -> str:
    """Why an interface is none that addresses, rules and ports can name; nothing where it is.

    The kernel looks links up by an altname too, but tells of them, and filters, by their name.
    """
    try:
        name = socket.if_indextoname(socket.if_nametoindex(interface))
    except OSError:
        return NO_INTERFACE
    return "" if name == interface else f"is another name of {visible(name)}: give that one"
