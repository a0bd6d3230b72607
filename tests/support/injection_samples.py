"""Instances to be told their addresses without DHCP."""

from dataclasses import replace

from core_samples import fixed_ip, instance, network, options, port

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import InstanceView, PortView

FLAT_MANAGER = "nova.network.manager.FlatManager"


def flat_options(*, injected: bool = True, single_gateway: bool = False) -> Options:
    """Options of the Flat manager."""
    return replace(
        options(use_single_default_gateway=single_gateway),
        network_manager=FLAT_MANAGER,
        flat_injected=injected,
    )


def port_view(number: int = 0) -> PortView:
    """Port `number`, in network `number`; its address ends in its number and three."""
    wanted = replace(network(number), dns2="192.0.2.53")
    row = fixed_ip(number, network_id=number + 1)
    return PortView(port(number, number + 1), wanted, (row,), ())


def view(ports: int = 1) -> InstanceView:
    """An instance with so many ports."""
    return InstanceView(instance(), tuple(port_view(number) for number in range(ports)))


def on_network(seen: InstanceView, number: int, **fields: object) -> InstanceView:
    """The instance with other fields of the network of one of its ports."""
    ports = list(seen.ports)
    # The names are those of Network's fields, as every test that passes shows.
    changed = replace(ports[number].network, **fields)  # type: ignore[arg-type]
    ports[number] = replace(ports[number], network=changed)
    return replace(seen, ports=tuple(ports))
