"""What of a wanted state a host cannot have as it is, as a value."""

from dataclasses import dataclass

from netconsole.backend.model.hoststate import ChainKey, Place
from netconsole.backend.model.subject import Subjects


@dataclass(frozen=True, slots=True, order=True)
class Obstacle:
    """One thing that is wanted and cannot be had, and why."""

    link: str
    """The interface that cannot be as wanted, or on which an address cannot be; else nothing."""
    because: str
    """A sentence for the admin, with what would help."""
    address: str = ""
    """Where the address alone is it: with its prefix length."""
    subjects: Subjects = ()
    kind: str = ""
    """Of what kind the interface is wanted."""
    chain: ChainKey | None = None
    """That of ours which cannot go."""
    directory: str = ""
    """That in which dnsmasq's files cannot be."""
    bridge: str = ""
    """That whose dnsmasq stays as it is, as one of its files cannot be read."""
    file: str = ""
    """The path of that one."""
    reason: str = ""
    """Why it cannot be read."""

    @property
    def place(self) -> Place:
        """What tells it from others, whatever the reason."""
        if self.chain is not None:
            return f"removal of {self.chain.chain}", f"from {self.chain.family} {self.chain.table}"
        return self.link or self.directory or self.file, self.address
