"""A program of its own that prints the legacy tables, where no iptables-legacy-save is installed.

Distributions that pack the nft kind alone still meet legacy tables: those of a container, or of a
program that brings its own iptables. They filter all the same. libiptc, which python-iptables
calls, sees them and only them; it is C and not made for several threads, so that it has a process
to itself, whatever it does.
"""

import sys
from collections.abc import Iterator, Mapping

from netconsole.backend.model.hoststate import Rule

_OPTIONS = {
    "src": "-s",
    "dst": "-d",
    "in-interface": "-i",
    "out-interface": "-o",
    "protocol": "-p",
}

_Value = str | list["_Value"] | dict[str, "_Value"]


def lines(table: str, *, ipv6: bool) -> Iterator[str]:
    """Yield every chain of one table that exists, as `iptables-save --counters` prints it."""
    import iptc  # type: ignore[import-untyped]  # has no types

    yield f"*{table}"
    chains: Mapping[str, list[Mapping[str, _Value]]] = iptc.easy.dump_table(table, ipv6=ipv6)
    held = iptc.Table6(table) if ipv6 else iptc.Table(table)
    for chain in chains:
        builtin = iptc.Chain(held, chain).is_builtin()
        policy = iptc.easy.get_policy(table, chain, ipv6=ipv6) if builtin else "-"
        yield f":{chain} {policy} [0:0]"
    for chain, found in chains.items():
        for each in map(rule, found):
            yield f"[{each.packets}:{each.bytes}] -A {chain} {each.spec}".rstrip()
    yield "COMMIT"


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


if __name__ == "__main__":
    family, *names = sys.argv[1:]
    for name in names:
        for line in lines(name, ipv6=family == "ipv6"):
            print(line)
