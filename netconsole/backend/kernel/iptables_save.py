"""Every rule in the tables of iptables, ip6tables and ebtables, as iptables-save(8) prints rules.

What the programs print is checked against what the kernel has: a table that is there is read
whole, or NetconsoleError is raised; it is never taken for one that is not there.
"""

import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from netconsole.backend.kernel.mixed_tables import (
    FAMILIES,
    TABLES,
    Program,
    Saved,
    TableListing,
    TablesFamily,
    listed_chains,
)
from netconsole.backend.kernel.nf_tables import ABSENT, NfTables
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.table_names import Kind, TableName
from netconsole.backend.system import privileges
from netconsole.backend.system.programs import PATH, ProgramFailed, run

LEGACY_NAMES: Final[Mapping[TablesFamily, Path]] = {
    "ipv4": Path("/proc/self/net/ip_tables_names"),
    "ipv6": Path("/proc/self/net/ip6_tables_names"),
}
"""The legacy tables in use in this network namespace; readable by root. Of ebtables there is no
such file."""
_PROGRAMS: Final[Mapping[TablesFamily, str]] = {
    "ipv4": "iptables",
    "ipv6": "ip6tables",
    "bridge": "ebtables",
}
_KINDS: Final[Mapping[str, Kind]] = {
    "xtables-nft-multi": "nft",
    "xtables-legacy-multi": "legacy",
    "ebtables-legacy": "legacy",
}
"""The files that hold the programs of each kind, as iptables and ebtables install them."""
_TRIES: Final = 5


def kind_of(family: TablesFamily) -> Kind:
    """Return of which kind the machine's own program is.

    The name of the file that it leads to says so; a program by another name is asked itself.
    """
    path = shutil.which(_PROGRAMS[family], path=PATH)
    if path is not None and (kind := _KINDS.get(Path(path).resolve().name)):
        return kind
    return "nft" if "nf_tables" in run([_PROGRAMS[family], "--version"]) else "legacy"


def saved(family: TablesFamily, kind: Kind, *, own: bool, table: TableName | None = None) -> Saved:
    """Read all tables of a family and kind, or one, by the machine's `own` program or the kind's.

    Of the legacy kind it is all of them in any case.
    """
    name = _PROGRAMS[family] if own else f"{_PROGRAMS[family]}-{kind}"
    if kind == "legacy":
        return Saved(_legacy(name, family))
    program = Program(name, family, table)
    try:
        with NfTables() as kernel:
            for _ in range(_TRIES):
                before = kernel.generation()
                listing = TableListing(program, kernel)
                if family == "bridge":  # to list a chain of ebtables is a transaction
                    before = kernel.generation()
                text = listing.whole()
                if kernel.generation() == before:
                    return Saved(text, before, listing.obstacle())
                if not listing.mixed:
                    return Saved(text)  # by one program, so of one moment
    except OSError as error:
        raise Unavailable(f"{name}-save: {error.strerror or error}") from error
    raise Unavailable(f"{name}-save: the tables change faster than they can be read")


def saved_chains(
    family: TablesFamily, kind: Kind, table: TableName, chains: Collection[str]
) -> Saved:
    """Read those chains of a table that are there, by the machine's own program.

    Of the legacy kind, and where one has rules that the program does not print, it is the table.
    """
    program = Program(_PROGRAMS[family], family, table)
    if kind == "nft":
        try:
            with NfTables() as kernel:
                for _ in range(_TRIES):
                    before = kernel.generation()
                    text = listed_chains(program, kernel, table, chains)
                    if text is None:
                        break
                    if kernel.generation() == before:
                        return Saved(text)
        except OSError as error:
            raise Unavailable(f"{program.name}-save: {error.strerror or error}") from error
    return saved(family, kind, own=True, table=table)


def _legacy(program: str, family: TablesFamily) -> str:
    tables = sorted(legacy_tables(family))
    if shutil.which(f"{program}-save", path=PATH) is None and family != "bridge":
        module = "netconsole.backend.kernel.legacy_tables"
        try:
            text = run([sys.executable, "-m", module, family, *tables])
        except ProgramFailed as error:
            raise Unavailable(
                f"python-iptables {error.ending}: install {program}-save (Debian: iptables)"
            ) from error
    else:
        text = Program(program, family).save()
    for table in tables:
        if f"*{table}\n" not in text:
            raise Unavailable(f"{program}-save: it prints nothing of the table {table}")
    return text


def legacy_tables(family: TablesFamily) -> frozenset[str]:
    """Return the legacy tables that are in use; to ask for one by iptables would make it."""
    path = LEGACY_NAMES.get(family)
    try:
        return frozenset(path.read_text(encoding="ascii").split() if path else ())
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        if isinstance(error, PermissionError) and privileges.lacking() is None:
            return frozenset()  # in a user namespace not even its root may read which there are
        raise Unavailable(f"{path}: {error.strerror}, run as root") from error


def other_kind(kind: Kind) -> Kind:
    """Return the kind that a program of one kind does not show."""
    return "legacy" if kind == "nft" else "nft"


def tables_in_use(family: TablesFamily, kind: Kind) -> frozenset[str]:
    """Return the tables of iptables that exist in one kind; asking makes none."""
    if kind == "legacy":
        return legacy_tables(family)
    try:
        with NfTables() as kernel:
            own = FAMILIES[family]
            return frozenset(name for each, name in kernel.tables() if each == own) & TABLES
    except OSError as error:
        if error.errno in ABSENT:
            return frozenset()  # this kernel has no nf_tables
        raise Unavailable(error.strerror or str(error)) from error
