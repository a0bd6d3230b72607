"""What an admin calls a table of the packet filter, and the place of a rule. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

from netconsole.backend.model.table_names import Kind

TableKind = Kind | Literal["native"]
"""`native`: of nft, and not shown by iptables."""

_PROGRAMS: Final[Mapping[str, str]] = {"ipv6": "ip6tables", "ip6": "ip6tables"}


def table_in_words(kind: TableKind, family: str, table: str) -> str:
    """Return a table with the program that lists it: `iptables-legacy table nat`."""
    if kind == "native":
        return f"nft table {family} {table}"
    return f"{_PROGRAMS.get(family, 'iptables')}-{kind} table {table}"


def chain_in_words(chain: str, table: str) -> str:
    """Return a chain with its table."""
    return f"{chain} ({table})"


def rule_in_words(position: int, chain: str, table: str) -> str:
    """Return the place of a rule, counted from 1, or of the policy where that is 0."""
    what = f"rule {position}" if position else "the policy"
    return f"{what} of {chain_in_words(chain, table)}"
