"""What the kernel does with guests' packets when it looks up their routes, asked with `ip route get
DESTINATION from SOURCE iif INTERFACE mark MARK ipproto PROTOCOL` (ip-route(8))."""

from dataclasses import dataclass

BEYOND = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1")
"""Addresses that nobody has (RFC 5737, RFC 2544): one stands for everyone beyond the routers."""


NARROW = 9
"""Bits of a prefix: a route with fewer is a default route in halves, as VPNs make them."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """One packet that is to be forwarded, and what the kernel does with it."""

    into: str
    """The interface by which it comes in."""
    source: str
    destination: str
    mark: int = 0
    """That of netfilter, by which rules choose."""
    protocol: int = 0
    """Its number (RFC 790), where rules choose by that; 0 for one that none asks for."""
    interface: str = ""
    """By which it leaves; empty where it does not."""
    gateway: str = ""
    refusal: str = ""
    """The kernel's error (EINVAL, EHOSTUNREACH, EACCES, ...); empty where it takes the packet."""

    @property
    def is_of_no_kind(self) -> bool:
        """Whether it stands for packets that no rule picks out by mark or protocol."""
        return not (self.mark or self.protocol)

    @property
    def outcome(self) -> str:
        """Return what becomes of it, as `ip route get` has it."""
        via = f"via {self.gateway} " if self.gateway else ""
        return self.refusal or (f"{via}dev {self.interface}" if self.interface else "this host")


@dataclass(frozen=True, slots=True)
class GuestRoutes:
    """The answers for every bridge with an IPv4 address: from guests into the world, and back."""

    outward: tuple[LookedUp, ...] = ()
    inward: tuple[LookedUp, ...] = ()
    """As if they came in from the world by the interface of the default route."""
