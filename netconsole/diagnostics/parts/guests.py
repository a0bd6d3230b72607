"""Whether instances answer on their own network: what a ping from the host showed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuestAnswer:
    """One fixed address, asked from the host that is its gateway."""

    instance: str
    address: str
    mac: str
    """Of its port, as the store has it."""
    port: str
    seen_mac: str
    """That answered ARP; empty where nobody did."""
    echoed: bool
    """Whether it answered an echo request as well."""


@dataclass(frozen=True, slots=True)
class GuestAnswers:
    """Those asked."""

    answers: tuple[GuestAnswer, ...] = ()
    unasked: int = 0
    """Instances left out, where there are very many."""
