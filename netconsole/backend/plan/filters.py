"""What to do about the packet filter, and the connections that outlive its rules. Pure."""

import re
from collections.abc import Iterator, Mapping

from netconsole.backend import rules
from netconsole.backend.hoststate import ChainKey, Family, HostState, Rule, TableName
from netconsole.backend.plan.addresses import released
from netconsole.backend.steps import ChangeRules, EndConnections, Step

_TABLES: tuple[tuple[Family, TableName], ...] = (
    ("ipv4", "filter"),
    ("ipv4", "nat"),
    ("ipv4", "mangle"),
    ("bridge", "filter"),
    ("bridge", "nat"),
)
_INCOMING = ChainKey("ipv4", "nat", f"{rules.CHAIN_PREFIX}PREROUTING")
_TRANSLATION = re.compile(r"-d (\S+)/32 -j DNAT ")


def changes(observed: HostState, wanted: HostState) -> Iterator[ChangeRules]:
    """Change each table in which our rules are not as wanted, in one transaction."""
    if "rules" in observed.unreadable:
        return
    for family, table in _TABLES:
        current = {
            key.chain: rules.specs(found)
            for key, found in observed.chains.items()
            if (key.family, key.table) == (family, table)
        }
        goal = rules.target(current, _of_table(wanted.chains, family, table))
        declaration = rules.NEW_CHAIN[family]
        lines = rules.restore_lines(current, goal, declaration)
        if lines:
            undone = rules.restore_lines(goal, current, declaration)
            yield ChangeRules(family, table, lines, undone)


def _of_table(
    chains: Mapping[ChainKey, tuple[Rule, ...]], family: Family, table: TableName
) -> dict[str, tuple[Rule, ...]]:
    return {
        key.chain: found
        for key, found in chains.items()
        if (key.family, key.table) == (family, table)
    }


def ended_connections(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Connections outlive the rule that translated them, so they are ended with it."""
    ended = {
        address.address.removesuffix("/32")
        for address in released(observed, wanted)
        if address.address.endswith("/32")
    }
    kept = set(rules.specs(wanted.chains.get(_INCOMING, ())))
    for spec in rules.specs(observed.chains.get(_INCOMING, ())):
        if spec not in kept and (found := _TRANSLATION.match(spec)):
            ended.add(found.group(1))
    yield from (EndConnections(address) for address in sorted(ended))
