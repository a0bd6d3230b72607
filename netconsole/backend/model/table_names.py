"""Table names: the words for the tables of the packet filter. Pure."""

from typing import Literal

Family = Literal["ipv4", "ipv6", "bridge"]
"""Whose tables: those of iptables(8), of ip6tables(8), or of ebtables(8)."""
TableName = Literal["filter", "nat", "mangle"]
Kind = Literal["nft", "legacy"]
"""Which half of the kernel holds a table; a packet passes both, and either can drop it."""
