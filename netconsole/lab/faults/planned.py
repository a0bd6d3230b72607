"""Faults that the plan sees: mending takes those steps of it, and no others."""

import json
import os
import shlex
import signal
from collections.abc import Callable
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.subject import METADATA, METADATA_ADDRESS
from netconsole.backend.service.service import Service
from netconsole.backend.steps import AddAddress, ChangeRules, StartDnsmasq, Step
from netconsole.backend.wording.groups import filters_guests, group_chain
from netconsole.lab.clouds import metadata_service
from netconsole.lab.clouds.kinds import BRIDGE
from netconsole.lab.clouds.wires import PUBLIC, run_outside
from netconsole.lab.faults.fault import Fault
from netconsole.lab.sandbox.commands import run
from netconsole.lab.sandbox.members import OUTSIDE, pid_of

_FLUSHED: Final = "nova-network-PREROUTING"


def _is_nat_rule(step: Step) -> bool:
    return isinstance(step, ChangeRules) and step.table == "nat" and _FLUSHED in step.chains


def _is_server(step: Step) -> bool:
    return isinstance(step, StartDnsmasq)


def _is_public_address(step: Step) -> bool:
    return isinstance(step, AddAddress) and step.interface == PUBLIC.interface


def _is_gateway(step: Step) -> bool:
    return isinstance(step, AddAddress) and step.interface == BRIDGE


def planned(concerns: Callable[[Step], bool]) -> Callable[[Service], bool]:
    """Return whether the plan has such a step."""

    def is_broken(service: Service) -> bool:
        return any(concerns(step) for step in service.plan().steps)

    return is_broken


def follow_plan(concerns: Callable[[Step], bool]) -> Callable[[Service], None]:
    """Take such steps of the plan, by their commands."""

    def mend_it(service: Service) -> None:
        for step in service.plan().steps:
            if concerns(step):
                for command in step.commands:
                    run(*shlex.split(command))

    return mend_it


def _flush_nat(service: Service) -> None:
    if f":{_FLUSHED} " not in run("iptables-save", "-t", "nat"):
        raise Conflict(f"there is no chain {_FLUSHED}: this network manager translates nothing")
    run("iptables", "-w", "-t", "nat", "-F", _FLUSHED)


def _is_group_rule(step: Step) -> bool:
    return isinstance(step, ChangeRules) and any(filters_guests(chain) for chain in step.chains)


def _flush_groups(service: Service) -> None:
    chains = run("iptables-save", "-t", "filter")
    groups = [
        group_chain(group.id) for group in service.status().security_groups if group.instances
    ]
    there = [chain for chain in groups if f":{chain} " in chains]
    if not there:
        raise Conflict("no instance is filtered by a security group here")
    for chain in there:
        run("iptables", "-w", "-F", chain)


def _is_metadata_rule(step: Step) -> bool:
    """Whether that rule alone is missing."""
    return isinstance(step, ChangeRules) and step.subjects == (METADATA,)


def _remove_metadata_rule(service: Service) -> None:
    for line in run("iptables", "-w", "-t", "nat", "-S", _FLUSHED).splitlines():
        if METADATA_ADDRESS in line:
            run("iptables", "-w", "-t", "nat", "-D", *line.split()[1:])


def _is_metadata_address(step: Step) -> bool:
    return isinstance(step, AddAddress) and step.subjects == (METADATA,)


def _remove_metadata_address(service: Service) -> None:
    (link,) = json.loads(run("ip", "-json", "address", "show", "dev", "lo"))
    if METADATA_ADDRESS not in {found["local"] for found in link["addr_info"]}:
        raise Conflict(f"{METADATA_ADDRESS} is no address of lo: no network here is served")
    run("ip", "address", "delete", f"{METADATA_ADDRESS}/32", "dev", "lo")


def _start_metadata_service(service: Service) -> None:
    if not metadata_service.listens():
        metadata_service.start()
        metadata_service.wait()


def _kill_dnsmasq(service: Service) -> None:
    servers = [server for server in service.status().dnsmasq if server.state == "running"]
    if not servers:
        raise Conflict("no dnsmasq of a network is running")
    for pid in (pid for server in servers for pid in server.pids):
        os.kill(pid, signal.SIGKILL)


def _remove_floating_addresses(service: Service) -> None:
    present = [found for found in service.status().floating_ips if found.address_present]
    if not present:
        raise Conflict("no floating address is on the host; associate one first")
    for found in present:
        run("ip", "address", "delete", f"{found.address}/32", "dev", PUBLIC.interface)
    # Whoever still knew the hardware address would notice nothing until forgetting it.
    run_outside(pid_of(OUTSIDE), *(f"neighbour flush to {found.address}" for found in present))


def _remove_gateway(service: Service) -> None:
    gateways = {network.gateway for network in service.status().networks}
    (link,) = json.loads(run("ip", "-json", "address", "show", "dev", BRIDGE))
    present = [found for found in link["addr_info"] if found["local"] in gateways]
    if not present:
        raise Conflict(f"the gateway of the network is no address of {BRIDGE}")
    for found in present:
        run("ip", "address", "delete", f"{found['local']}/{found['prefixlen']}", "dev", BRIDGE)


FAULTS: Final = (
    Fault(
        "metadata",
        "The rule that leads 169.254.169.254 to the metadata service is gone.",
        "Instances boot two minutes late, without their keys and names.",
        planned(_is_metadata_rule),
        _remove_metadata_rule,
        follow_plan(_is_metadata_rule),
    ),
    Fault(
        "metadata_address",
        "The address of the metadata service was taken off the host.",
        "Instances with a route of their own to 169.254.0.0/16, as zeroconf puts it, boot without "
        "their keys and names; the others do not notice.",
        planned(_is_metadata_address),
        _remove_metadata_address,
        follow_plan(_is_metadata_address),
    ),
    Fault(
        "metadata_service",
        "The metadata service does not run.",
        "Instances boot without their keys and names: what they ask is refused at once.",
        lambda service: not metadata_service.listens(),
        lambda service: metadata_service.stop(),
        _start_metadata_service,
    ),
    Fault(
        "nat_flushed",
        "Someone has emptied the NAT chain nova-network-PREROUTING.",
        "A floating address leads to the host instead of its instance: ping answers, HTTP "
        "is refused.",
        planned(_is_nat_rule),
        _flush_nat,
        follow_plan(_is_nat_rule),
    ),
    Fault(
        "dnsmasq_killed",
        "The dnsmasq of the network was killed.",
        "Instances resolve no names; one that boots or renews its lease gets no address.",
        planned(_is_server),
        _kill_dnsmasq,
        follow_plan(_is_server),
    ),
    Fault(
        "floating_address_missing",
        "The floating addresses were taken off the public interface.",
        "From outside a floating address is unreachable: nobody answers ARP for it.",
        planned(_is_public_address),
        _remove_floating_addresses,
        follow_plan(_is_public_address),
    ),
    Fault(
        "group_rules",
        "Someone has flushed the chains with the rules of the security groups.",
        "Instances answer nobody outside their network, though their groups let it in.",
        planned(_is_group_rule),
        _flush_groups,
        follow_plan(_is_group_rule),
    ),
    Fault(
        "gateway",
        "The gateway's address was taken off the bridge.",
        "Instances reach each other and nothing else: nobody answers when they ask for their "
        "router.",
        planned(_is_gateway),
        _remove_gateway,
        follow_plan(_is_gateway),
    ),
)
