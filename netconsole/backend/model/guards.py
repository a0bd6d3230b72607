"""Guards: what a guest may send as, by its port; everything else it sends is a lie. Pure."""

from dataclasses import dataclass, field

from netconsole.backend.model.subject import Subjects


@dataclass(frozen=True, slots=True)
class Guard:
    """Whose frames pass a port, and by which addresses."""

    device: str
    """The port's interface on the host."""
    mac: str
    addresses: tuple[str, ...] = ()
    """IPv4 and IPv6, without prefix lengths; sorted as texts, each once."""
    ranges: tuple[str, ...] = ()
    """Beside these: the CIDRs that the port was allowed (`AllowedAddress`), sorted as well."""
    subjects: Subjects = field(default=(), compare=False)
    """Wanted only: the port, and its network."""
