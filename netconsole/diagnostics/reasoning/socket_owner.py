"""Rules that ask which program sends: whose user, group or control group. Pure.

The kernel takes user and group from the file of the socket, as they were when that was opened
(xt_owner.c, nft_meta.c): a dnsmasq opens the sockets by which it answers as root, and those by
which it asks other servers as the user that it has become.
"""

import re
from dataclasses import dataclass
from typing import Final

from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqReader
from netconsole.diagnostics.reasoning.known_conditions import KnownCondition

_OF_NFT: Final = re.compile(
    r"\b(?:meta )?sk(?P<of>uid|gid) (?P<other>!= )?(?P<values>\{[^}]*\}|[^\s@]+)"
)
_OF_IPTABLES: Final = re.compile(r"(?P<other>! )?--(?P<of>uid|gid)-owner (?P<values>\S+)")
_SOCKET: Final = re.compile(r"(?P<other>! )?--socket-exists\b")
_GROUP_OF_NFT: Final = re.compile(
    r'\bsocket cgroupv2 level (?P<level>\d+) (?P<other>!= )?"(?P<path>[^"]*)"'
)
_GROUP_OF_IPTABLES: Final = re.compile(r"-m cgroup (?P<other>! )?--path \"?(?P<path>[^\s\"]+)\"?")


@dataclass(frozen=True, slots=True)
class SocketOwner:
    """Who opened the socket by which a packet is sent."""

    user: int = 0
    user_name: str = "root"
    group: int = 0
    group_name: str = "root"
    control_group: str = ""
    """Its path in the hierarchy of version 2 (cgroups(7)); empty where that is not known."""

    @property
    def known(self) -> tuple[KnownCondition, ...]:
        """Return what rules may ask of it."""
        return (
            KnownCondition(_OF_NFT, self._is_owner),
            KnownCondition(_OF_IPTABLES, self._is_owner),
            KnownCondition(_SOCKET, lambda found: not found["other"]),
            KnownCondition(_GROUP_OF_NFT, self._is_member),
            KnownCondition(_GROUP_OF_IPTABLES, self._is_member),
        )

    def _is_owner(self, found: re.Match[str]) -> bool:
        number, name = (
            (self.user, self.user_name) if found["of"] == "uid" else (self.group, self.group_name)
        )
        values = (each.strip().strip('"') for each in found["values"].strip("{}").split(","))
        return any(_fits(number, name, value) for value in values) != bool(found["other"])

    def _is_member(self, found: re.Match[str]) -> bool | None:
        if not self.control_group:
            return None
        asked = found["path"].strip("/").split("/")
        level = int(found.groupdict().get("level") or len(asked))
        own = self.control_group.strip("/").split("/")
        return (own[:level] == asked) != bool(found["other"])


ROOT: Final = SocketOwner()


def as_started(server: DnsmasqReader | None) -> SocketOwner:
    """Return whose the sockets are by which a dnsmasq answers guests."""
    return SocketOwner(control_group=server.control_group if server else "")


def as_run(server: DnsmasqReader) -> SocketOwner:
    """Return whose those are by which it asks other servers."""
    return SocketOwner(
        server.user, server.user_name, server.group, server.group_name, server.control_group
    )


def _fits(number: int, name: str, value: str) -> bool:
    first, dash, last = value.partition("-")
    if not first.isdecimal():
        return value == name
    return int(first) <= number <= int(last if dash and last.isdecimal() else first)
