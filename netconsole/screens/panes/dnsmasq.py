"""The dnsmasq processes: those that should run, and those that do."""

from netconsole.backend.model import subject
from netconsole.backend.survey.status import DnsmasqStatus, Status
from netconsole.screens.rows.marks import Glyphs, mark, tone
from netconsole.screens.rows.pane import Column, Entry, Pane, Row, drift_about, heading

COLUMNS = (
    Column("network", 14),
    Column("bridge", 12),
    Column("state", 12, state=True),
    Column("processes", 9),
    Column("leases", 6, "number"),
    Column("pids", 16, grows=True),
    Column("command", 60, shown_from=150),
)


def rows(status: Status, _former: Status | None, glyphs: Glyphs) -> tuple[Row, ...]:
    """Return one row a dnsmasq, wanted or found."""
    return tuple(_row(server, glyphs) for server in status.dnsmasq)


def _key(server: DnsmasqStatus) -> str:
    if server.state == "foreign":
        return f"foreign {server.command} {server.pids}"
    return f"{server.network} {server.bridge} {server.state == 'orphan'}"


def _row(server: DnsmasqStatus, glyphs: Glyphs) -> Row:
    return Row(
        key=_key(server),
        cells=(
            server.network or "-",
            server.bridge or "-",
            mark(server.state, glyphs),
            f"{len(server.pids)}/{server.expected_processes}",
            str(server.leases),
            " ".join(str(pid) for pid in server.pids) or "-",
            server.command,
        ),
        tone=tone(server.state),
        attention=server.state not in ("running", "foreign"),
    )


def describe(status: Status, key: str, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return everything about one dnsmasq."""
    server = next((d for d in status.dnsmasq if _key(d) == key), None)
    if server is None:
        return ()
    expected = f"{server.expected_processes} expected"
    if server.expected_because:
        expected += f": {server.expected_because}"
    pids = " ".join(str(pid) for pid in server.pids) or "none"
    return (
        Entry(mark(server.state, glyphs), label="state"),
        *((Entry(server.stopped, label=" "),) if server.stopped else ()),
        Entry(server.network or "none of ours", label="network"),
        Entry(server.bridge or "-", label="bridge"),
        Entry(pids, label="processes"),
        Entry(expected, label=" "),
        Entry(str(server.leases), label="leases"),
        *drift_about(status, subject.network(server.network) if server.network else None),
        *(
            (Entry(), heading("Command"), Entry(server.command, command=True))
            if server.command
            else ()
        ),
    )


PANE = Pane(
    id="dnsmasq",
    title="dnsmasq",
    short="dnsmasq",
    key="4",
    columns=COLUMNS,
    rows=rows,
    describe=describe,
    empty="No dnsmasq runs, and no network wants one.",
)
