"""Asks the kernel for the names of its tables of nftables, where no program `nft` lists them."""

import errno
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final, Protocol, cast

_FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
"""Of linux/netfilter.h, as nft(8) names them."""
_NONE: Final = frozenset({errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})
"""What a kernel answers that has no nf_tables."""


class _Table(Protocol):
    def __getitem__(self, name: str) -> int: ...

    def get_attr(self, name: str) -> str: ...


class _Nftables(Protocol):
    """What is used of pyroute2's NFTables, which has no types of its own."""

    def get_tables(self) -> Iterable[_Table]: ...


def read_table_names() -> tuple[tuple[str, str], ...]:
    """Answer family and name of every table. Raises OSError where the kernel does not say."""
    from pyroute2.netlink.exceptions import (  # type: ignore[import-untyped]  # it has none
        NetlinkError,
    )
    from pyroute2.nftables.main import (  # type: ignore[import-untyped]  # _Nftables has its types
        NFTables,
    )

    try:
        with cast(AbstractContextManager[_Nftables], NFTables(nfgen_family=0)) as nftables:
            return tuple(
                (_FAMILIES.get(each["nfgen_family"], "?"), each.get_attr("NFTA_TABLE_NAME"))
                for each in nftables.get_tables()
            )
    except NetlinkError as error:
        if error.code in _NONE:
            return ()
        raise OSError(error.code, str(error)) from error
    except OSError as error:
        if error.errno in _NONE:
            return ()
        raise
