"""The rules of the nat table: ours, missed and of others, with their counters."""

from collections import Counter

from netconsole.backend.survey.status import NatRule, Status
from netconsole.screens.rows.marks import Glyphs, human_size, mark, tone
from netconsole.screens.rows.pane import Column, Entry, Pane, Row, drift_about

COLUMNS = (
    Column("chain", 26),
    Column("rule", 16, grows=True),
    Column("state", 12, state=True),
    Column("packets", 8, "number"),
    Column("new", 7, "number", shown_from=110),
    Column("bytes", 6, "number", shown_from=92),
    Column("owner", 15, "address", shown_from=120),
)


def rule_command(rule: NatRule) -> str:
    """Return the command that an admin would type to make the rule."""
    return f"iptables -t {rule.table} -A {rule.chain} {rule.rule}"


def _word(rule: NatRule) -> str:
    return "foreign" if rule.origin == "foreign" and rule.state == "present" else rule.state


def _keyed(status: Status) -> list[tuple[str, NatRule]]:
    """Rules with keys that stay; a rule may stand twice in a chain."""
    seen: Counter[str] = Counter()
    keyed = []
    for rule in status.nat:
        name = f"{rule.table} {rule.chain} {rule.rule}"
        keyed.append((f"{name} #{seen[name]}", rule))
        seen[name] += 1
    return keyed


def rows(status: Status, former: Status | None, glyphs: Glyphs) -> tuple[Row, ...]:
    """Return one row a rule, chain by chain in their order; `new` counts since the look before."""
    counted = {} if former is None else {key: rule.packets for key, rule in _keyed(former)}
    return tuple(_row(key, rule, counted.get(key), glyphs) for key, rule in _keyed(status))


def _row(key: str, rule: NatRule, counted: int | None, glyphs: Glyphs) -> Row:
    word = _word(rule)
    new = 0 if counted is None else rule.packets - counted
    missing = rule.state == "missing"
    return Row(
        key=key,
        cells=(
            rule.chain,
            rule.rule,
            mark(word, glyphs),
            "-" if missing else str(rule.packets),
            f"+{new}" if new > 0 else "",
            "-" if missing else human_size(rule.bytes),
            rule.owner or "-",
        ),
        tone=tone(word),
        attention=rule.state != "present",
    )


def describe(status: Status, key: str, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return everything about one rule; first the command that makes it."""
    rule = dict(_keyed(status)).get(key)
    if rule is None:
        return ()
    return (
        Entry(rule_command(rule), command=True),
        Entry(),
        Entry(mark(_word(rule), glyphs), label="state"),
        Entry(rule.origin, label="origin"),
        Entry(rule.owner or "none", label="serves"),
        Entry(f"{rule.table}, chain {rule.chain}", label="table"),
        Entry(f"{rule.packets} packets, {rule.bytes} bytes", label="counters"),
        *drift_about(status, rule.subject if rule.state != "present" else None),
    )


PANE = Pane(
    id="nat",
    title="NAT rules",
    short="NAT",
    key="5",
    columns=COLUMNS,
    rows=rows,
    describe=describe,
    empty="The nat table is empty.",
)
