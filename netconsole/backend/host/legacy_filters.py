"""The legacy tables of a host whose `iptables` is the nft kind.

A packet passes both kinds, and either can drop or translate it, yet iptables-save shows only its
own. libiptc, which python-iptables calls, sees the legacy ones and only those.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from netconsole.backend import files
from netconsole.backend.hoststate import ChainKey, Rule, TableName
from netconsole.backend.programs import run

NAMES = Path("/proc/net/ip_tables_names")
"""The legacy tables in use in this network namespace; readable by root."""

_OPTIONS = {
    "src": "-s",
    "dst": "-d",
    "in-interface": "-i",
    "out-interface": "-o",
    "protocol": "-p",
}

_Value = str | list["_Value"] | dict[str, "_Value"]


def _in_use() -> frozenset[TableName]:
    """The legacy tables that exist here, of those netconsole knows; asking makes none."""
    try:
        names = files.read_text(NAMES).split()
    except (FileNotFoundError, PermissionError):
        return frozenset()
    known: tuple[TableName, ...] = ("filter", "nat", "mangle")
    return frozenset(table for table in known if table in names)


def observe() -> dict[ChainKey, tuple[Rule, ...]]:
    """Every chain of the legacy tables in use, as iptables-save would word its rules.

    Nothing where `iptables` itself is the legacy kind: then they are told of already.
    """
    tables = sorted(_in_use())
    if not tables or "nf_tables" not in run(["iptables", "--version"]):
        return {}
    # Imported late: it takes a quarter of a second, and most hosts have no legacy tables.
    import iptc  # type: ignore[import-untyped]  # has no types

    return {
        ChainKey("ipv4", table, chain): tuple(rule(found) for found in rules)
        for table in tables
        for chain, rules in iptc.easy.dump_table(table, ipv6=False).items()
    }


def rule(found: Mapping[str, _Value]) -> Rule:
    """Put what python-iptables says of a rule into the words of iptables-save."""
    words: list[str] = []
    for name, option in _OPTIONS.items():
        if name in found:
            words += _option(option, found[name])
    for name, match in found.items():
        if name not in (*_OPTIONS, "counters", "target", "goto"):
            words += ["-m", name, *_parameters(match)]
    if "target" in found:
        words += _aim("-j", found["target"])
    if "goto" in found:
        words += _aim("-g", found["goto"])
    packets, octets = _counters(found.get("counters"))
    return Rule(" ".join(words), packets=packets, bytes=octets)


def _counters(value: object) -> tuple[int, int]:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return int(str(value[0])), int(str(value[1]))
    return 0, 0


def _aim(option: str, target: _Value) -> Iterator[str]:
    if isinstance(target, dict):
        for name, parameters in target.items():
            yield from (option, name, *_parameters(parameters))
    else:
        yield from (option, str(target))


def _parameters(match: _Value) -> Iterator[str]:
    if isinstance(match, dict):
        for name, value in match.items():
            yield from _option(f"--{name}", value)


def _option(option: str, value: _Value) -> Iterator[str]:
    """An option with its values; `!` is a value of its own, or stands before one."""
    values = [str(item) for item in value] if isinstance(value, list) else [str(value)]
    if values and values[0].startswith("!"):
        yield "!"
        values[0] = values[0][1:].strip()
    yield option
    yield from (f'"{item}"' if " " in item else item for item in values if item)
