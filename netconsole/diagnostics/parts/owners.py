"""Who else manages the network of this host, and may change a setting back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """Another program that manages interfaces, rules or settings."""

    name: str
    """docker, firewalld, libvirt, NetworkManager, systemd-networkd, ufw, tuned, incus, ..."""
    because: str
    """How it is known: a process, or a file that it left."""
    pid: int = 0
    """Of the process by which it is known; 0 where it is known by a file."""


@dataclass(frozen=True, slots=True)
class Owners:
    """All that were found."""

    owners: tuple[Owner, ...] = ()

    def of(self, *names: str) -> tuple[Owner, ...]:
        """Return those of these names."""
        return tuple(owner for owner in self.owners if owner.name in names)
