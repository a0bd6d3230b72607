"""What guests have asked the metadata service, as it is shown. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GuestRequest:
    """One request and how it was answered."""

    at: datetime
    """UTC."""
    method: str
    path: str
    """As the guest wrote it, without what follows a `?`; a long one is cut."""
    status: int
    seconds: float
    """From its last byte to the answer's first."""


@dataclass(frozen=True, slots=True)
class GuestRequests:
    """What one instance of this host has asked since the service began."""

    instance: str
    requests: int = 0
    refused: int = 0
    """Those that were answered with a status of 400 or more."""
    last: GuestRequest | None = None
    recent: tuple[GuestRequest, ...] = ()
    """The last few, the newest last."""
    is_silent: bool = False
    """Whether it has its address by DHCP and has asked for nothing."""
