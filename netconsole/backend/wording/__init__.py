"""What is wanted, in the words of a packet filter and of dnsmasq. Pure.

A Wording puts a Meaning into the rules of one driver: iptables and ebtables, as nova did, are the
one there is (`iptables.IPTABLES`).
"""

from typing import Protocol

from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.meaning import Meaning


class Wording(Protocol):
    """The words of one driver."""

    def chains(self, meaning: Meaning, refusal: str) -> dict[ChainKey, tuple[Rule, ...]]:
        """Return the chains that a host should hold, each rule with what it is about.

        `refusal` is what becomes of packets that do not pass (`iptables_drop_action`).
        """
