"""Virtual machines that run on this host, by their processes and what these hold open."""

from dataclasses import dataclass

VHOST_DEVICE = "/dev/vhost-net"


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """One QEMU process."""

    pid: int
    name: str
    """As given by -name, or `pid N`."""
    user: str
    taps: tuple[str, ...]
    """The tap devices that it holds open (fdinfo of /dev/net/tun)."""
    asks_for_vhost: bool
    """Whether its arguments ask for vhost; they may, and it may not have got it."""
    vhost_descriptors: int
    """How many descriptors of /dev/vhost-net it holds open: the proof."""


@dataclass(frozen=True, slots=True)
class VhostDevice:
    """The device node."""

    present: bool
    owner: str = ""
    group: str = ""
    mode: int = 0


@dataclass(frozen=True, slots=True)
class VirtualMachines:
    """All that run, and the device that they may use."""

    machines: tuple[VirtualMachine, ...]
    device: VhostDevice
    unread: int = 0
    """Processes whose descriptors this user may not see."""
