"""The floating addresses: who has them, and whether the host carries what each needs."""

from netconsole.backend.model import subject
from netconsole.backend.survey.status import FloatingIPStatus, Status
from netconsole.screens.panes.nat import rule_command
from netconsole.screens.rows.marks import Glyphs, mark, tone
from netconsole.screens.rows.pane import Column, Entry, Pane, Row, drift_about, heading

COLUMNS = (
    Column("address", 15, "address"),
    Column("state", 9, state=True),
    Column("instance", 14, grows=True),
    Column("fixed", 15, "address"),
    Column("rules", 6),
    Column("on host", 8),
    Column("pool", 10, shown_from=96),
    Column("interface", 12, shown_from=110),
    Column("project", 12, shown_from=120),
)


def rows(status: Status, _former: Status | None, glyphs: Glyphs) -> tuple[Row, ...]:
    """Return one row an address, in the order of the store."""
    return tuple(_row(address, glyphs) for address in status.floating_ips)


def _row(floating: FloatingIPStatus, glyphs: Glyphs) -> Row:
    wanted = floating.rules_expected or floating.rules_present
    return Row(
        key=floating.address,
        cells=(
            floating.address,
            mark(floating.state, glyphs),
            floating.instance or "-",
            floating.fixed_address or "-",
            f"{floating.rules_present}/{floating.rules_expected}" if wanted else "-",
            _present(floating.address_present),
            floating.pool,
            floating.interface,
            floating.project or "-",
        ),
        tone=tone(floating.state),
        attention=floating.state in ("drift", "unknown"),
    )


def _present(present: bool | None) -> str:
    return "unknown" if present is None else "yes" if present else "no"


def describe(status: Status, key: str, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return everything about one floating address: its rules with their counters, and its
    drift."""
    floating = next((f for f in status.floating_ips if f.address == key), None)
    if floating is None:
        return ()
    about = subject.floating(floating.address)
    rules = [rule for rule in status.nat if rule.subject == about]
    carried = f"{floating.rules_present} of {floating.rules_expected} present"
    return (
        Entry(mark(floating.state, glyphs), label="state"),
        Entry(floating.address, label="address"),
        Entry(f"{_present(floating.address_present)}, {floating.interface}", label="on the host"),
        Entry(floating.pool, label="pool"),
        Entry(floating.instance or "none", label="instance"),
        Entry(floating.fixed_address or "none", label="fixed address"),
        Entry(floating.project or "none", label="project"),
        Entry(carried if floating.rules_expected else "none needed", label="rules"),
        *drift_about(status, about),
        *((Entry(), heading("Rules of this address")) if rules else ()),
        *(
            entry
            for rule in rules
            for entry in (
                Entry(rule_command(rule), command=True),
                Entry(
                    f"{mark(rule.state, glyphs)}, {rule.packets} packets, {rule.bytes} bytes",
                ),
            )
        ),
    )


PANE = Pane(
    id="floating",
    title="floating",
    short="float",
    key="3",
    columns=COLUMNS,
    rows=rows,
    describe=describe,
    empty="No floating address. Make some: netconsole floating create --pool P --ip-range CIDR",
)
