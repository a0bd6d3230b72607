"""What guests do at their own ports: who answers there, under which address, and by which way."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["answered", "refused", "silent"]


@dataclass(frozen=True, slots=True)
class GuestTalk:
    """Packets of one kind that came by at a port, between its guest and one other machine."""

    begun_by_guest: bool
    protocol: Literal["tcp", "udp"]
    peer: str
    """The address of the other machine."""
    port: int
    """Of whoever is asked."""
    outcome: Outcome
    times: int = 1
    """How often it was tried."""


@dataclass(frozen=True, slots=True)
class UsedAddress:
    """An address that a guest uses instead of its own."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class GuestWay:
    """Where a guest sends what is for one address."""

    destination: str
    asks_for: str = ""
    """For which address it asked by ARP, to send that; empty where it asked for none."""
    sends_to: str = ""
    """The hardware address that it sent it to; empty where nothing was sent."""


@dataclass(frozen=True, slots=True)
class GuestAnswer:
    """One instance, asked at its own port: past bridge, packet filter and routes of this host."""

    instance: str
    network: str
    address: str
    mac: str
    """As the store has it."""
    port: str
    is_asked: bool = True
    """Whether the questions were seen to leave by the port."""
    macs: tuple[str, ...] = ()
    """The hardware addresses that answered ARP for the address."""
    echoed: bool | None = False
    """Whether it answered an echo request; None where this host has no address on its network from
    which it could be asked, or the guest has that as well, and takes the request for its own."""
    asker: str = ""
    """The address of this host on its network, from which that was asked."""
    answers_others: bool = False
    """Whether it set out to answer an echo request from another address."""
    used: tuple[UsedAddress, ...] = ()
    """Addresses that it was seen to use, or answered for, while it did not for its own."""
    asks_for_lease: bool = False
    """Whether it was heard asking for an address by DHCP."""
    prefix_length: int | None = None
    """Of the mask by which it tells neighbours from others; None where that was not seen. The
    longest one that was tried, where it has that or a longer one."""
    way_out: GuestWay | None = None
    """Where it sends what is for another network; None where that was not tried."""
    talks: tuple[GuestTalk, ...] = ()
    has_carrier: bool = True
    """Whether somebody is at the other end of the port."""
    is_veiled: bool = False
    """Whether a program of XDP at the port takes frames before anybody can see them."""

    @property
    def is_silent(self) -> bool:
        """Whether it was asked, and nothing at all came back."""
        heard = self.macs or bool(self.echoed) or self.used or self.asks_for_lease
        return self.is_asked and not heard


@dataclass(frozen=True, slots=True)
class GuestAnswers:
    """Those asked."""

    answers: tuple[GuestAnswer, ...] = ()
    unasked: int = 0
    """Instances left out, where there are very many."""
