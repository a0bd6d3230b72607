"""The kinds of lab: one a network manager, each prepared as an admin would for that manager."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from netconsole.backend.model.errors import Unavailable
from netconsole.lab.clouds import guests
from netconsole.lab.clouds.wires import PREFIX_LENGTH, PUBLIC, run_outside
from netconsole.lab.sandbox.commands import LabFailed, run
from netconsole.lab.sandbox.ground import HOME
from netconsole.lab.sandbox.members import Member

if TYPE_CHECKING:
    from netconsole.backend.service.service import Service

NETWORK: Final = "vmnet"
FIXED_RANGE: Final = "10.0.0.0/24"
BRIDGE: Final = "br100"
INTERNAL: Final = "eth2"
"""The interface to other hosts, where a lab has one; it leads to `outside`."""

_TWO_RANGES: Final = "10.0.0.0/23"
_ROUTER: Final = "10.0.0.1"
_IMAGES: Final = HOME / "images"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a lab of one network manager differs from the others."""

    settings: Mapping[str, str]
    """Options of the lab's configuration, by name."""
    create_networks: Callable[["Service"], None]
    boot: Callable[[str], None]
    """Boot the guest of that name, which the calling process is."""
    prepare: Callable[[Member], None] = lambda outside: None
    """What an admin does on the host first. Raises Unavailable where the kernel lacks something."""
    inject: Callable[["Service", str], None] = lambda service, name: None
    """Tell the guest of that name its addresses before it boots."""
    leases: bool = True
    floating: bool = True


def _create_network(service: "Service") -> None:
    from netconsole.backend.changes.networks import CreateNetwork

    service.do(CreateNetwork(label=NETWORK, fixed_range_v4=FIXED_RANGE, bridge=BRIDGE))


def _create_two_networks(service: "Service") -> None:
    """One for each project: whichever comes first gets the first."""
    from netconsole.backend.changes.networks import CreateNetwork

    change = CreateNetwork(
        label=NETWORK, fixed_range_v4=_TWO_RANGES, num_networks=2, network_size=256
    )
    service.do(change)


def _make_bridge(outside: Member) -> None:
    """Flat: a bridge that leads to the router of the network, which is not this host."""
    _connect_internal(outside, f"address add {_ROUTER}/{PREFIX_LENGTH} broadcast + dev {INTERNAL}")
    lines = (
        f"link add {BRIDGE} type bridge forward_delay 0",
        f"link set {INTERNAL} master {BRIDGE}",
        f"link set {BRIDGE} up",
    )
    run("ip", "-batch", "-", text="\n".join(lines))


def _make_trunk(outside: Member) -> None:
    """VLAN: an interface that carries tagged frames only."""
    _connect_internal(outside)
    probe = f"{INTERNAL}.1"
    try:
        run("ip", "link", "add", "link", INTERNAL, "name", probe, "type", "vlan", "id", "1")
    except LabFailed as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")
        raise Unavailable(
            f"no VLAN lab on this machine: its kernel has no 802.1Q ({reason})"
        ) from error
    run("ip", "link", "delete", probe)


def _connect_internal(outside: Member, *lines: str) -> None:
    run(
        *("ip", "link", "add", INTERNAL, "type", "veth"),
        *("peer", "name", INTERNAL, "netns", str(outside.pid)),
    )
    run("ip", "link", "set", INTERNAL, "up")
    run_outside(outside.pid, *lines, f"link set {INTERNAL} up")


def _inject(service: "Service", name: str) -> None:
    """Write into the guest's image, as if that were mounted here; all guests share this /etc."""
    from netconsole.backend.changes.injection import InjectInstance

    image = _IMAGES / name
    image.mkdir(parents=True)
    service.do(InjectInstance(instance=name, root=str(image)))


def _boot_injected(name: str) -> None:
    guests.by_file(_IMAGES / name / "etc/network/interfaces", name)


KINDS: Final[Mapping[str, Kind]] = {
    "flat": Kind(
        {
            "network_manager": "nova.network.manager.FlatManager",
            "flat_injected": "True",
            "flat_network_dns": PUBLIC.outside,
        },
        _create_network,
        _boot_injected,
        prepare=_make_bridge,
        inject=_inject,
        leases=False,
        floating=False,
    ),
    "flatdhcp": Kind(
        {"network_manager": "nova.network.manager.FlatDHCPManager"}, _create_network, guests.by_dhcp
    ),
    "vlan": Kind(
        {"network_manager": "nova.network.manager.VlanManager", "vlan_interface": INTERNAL},
        _create_two_networks,
        guests.by_dhcp,
        prepare=_make_trunk,
    ),
}
"""By the name that the command line has for them."""
