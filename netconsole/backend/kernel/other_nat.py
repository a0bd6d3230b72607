"""What the kernel asks beside iptables' own table nat where packets leave: chains of others."""

import shutil
from typing import Final

from netconsole.backend.filtering import rules
from netconsole.backend.filtering.nat_order import turns
from netconsole.backend.filtering.native_tables import NftTable, parse_table
from netconsole.backend.kernel.iptables_save import (
    kind_of,
    legacy_tables,
    other_kind,
    saved,
    tables_in_use,
)
from netconsole.backend.kernel.nf_tables import ABSENT, NfTables
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.plan.egress import Others
from netconsole.backend.system.programs import PATH, run

NO_NFT: Final = "nft is not installed (Debian package nftables)"


def listed(family: str, table: str) -> NftTable:
    """List a table of nftables, without what is in its sets. Raises ProgramFailed."""
    words = ("--handle", "--terse", "--numeric-priority", "list", "table", family, table)
    return parse_table(family, table, run(["nft", *words]))


def observe() -> Others:
    """Return the chains of others that may translate what leaves, before ours are asked.

    Where there are none, that costs one question to the kernel, and no program is run.
    """
    try:
        return _others()
    except NetconsoleError as error:
        return Others(unread=str(error))
    except OSError as error:
        return Others(unread=error.strerror or str(error))


def _others() -> Others:
    try:
        with NfTables() as kernel:
            chains = kernel.chains()
    except OSError as error:
        if error.errno not in ABSENT:
            raise
        chains = ()  # this kernel has no nf_tables
    in_legacy = "nat" in legacy_tables("ipv4")
    if not in_legacy and not turns(chains, "nft", "postrouting"):
        return Others()
    kind = kind_of("ipv4")
    other = other_kind(kind)
    asked = turns(chains, kind, "postrouting")
    names = sorted({place[:2] for place, turn in asked.items() if turn != "after"})
    has_other = in_legacy if other == "legacy" else "nat" in tables_in_use("ipv4", other)
    found = rules.parse(saved("ipv4", other, own=False).text, "ipv4") if has_other else {}
    if names and shutil.which("nft", path=PATH) is None:
        shown = ", ".join(" ".join(each) for each in names)
        return Others((), other, found, f"{NO_NFT}, and there are tables of it: {shown}")
    return Others(tuple(listed(*each).with_turns(asked) for each in names), other, found)
