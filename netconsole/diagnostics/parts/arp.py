"""Who answers for an address on a wire (RFC 826, RFC 5227)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArpAnswer:
    """One machine that said it has the address."""

    mac: str
    port: str = ""
    """The port of the bridge behind which that machine is; empty where the wire is no bridge, or
    the bridge has not learnt it."""


@dataclass(frozen=True, slots=True)
class AskedAddress:
    """One address that was asked for, and everyone who answered."""

    interface: str
    address: str
    answers: tuple[ArpAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class ArpAnswers:
    """The questions of one run: our own addresses, gateways, next routers, and the
    addresses of instances.

    This host does not hear its own questions, so that an answer for an address of its own comes
    from another machine, or from another of its interfaces on the same wire.
    """

    asked: tuple[AskedAddress, ...] = ()

    def on(self, interface: str, address: str) -> tuple[ArpAnswer, ...] | None:
        """Return who answered there, or None where nobody was asked."""
        return next(
            (
                each.answers
                for each in self.asked
                if (each.interface, each.address) == (interface, address)
            ),
            None,
        )
