"""The networks: their ranges, their bridges, and how much of them is in use."""

from netconsole.backend.model import subject
from netconsole.backend.survey.status import NetworkStatus, Status
from netconsole.screens.rows.marks import Glyphs, mark, tone
from netconsole.screens.rows.pane import Column, Entry, Pane, Row, drift_about, heading

COLUMNS = (
    Column("label", 14, grows=True),
    Column("cidr", 18, "address"),
    Column("state", 9, state=True),
    Column("bridge", 12),
    Column("bridge is", 12),
    Column("used", 6, "number"),
    Column("leased", 6, "number"),
    Column("ports", 6, "number", shown_from=96),
    Column("total", 6, "number", shown_from=96),
    Column("reserved", 8, "number", shown_from=120),
    Column("gateway", 15, "address", shown_from=110),
    Column("project", 12, shown_from=140),
    Column("dhcp server", 15, "address", shown_from=160),
)


def rows(status: Status, _former: Status | None, glyphs: Glyphs) -> tuple[Row, ...]:
    """Return one row a network, by its label."""
    return tuple(_row(network, glyphs) for network in status.networks)


def _row(network: NetworkStatus, glyphs: Glyphs) -> Row:
    return Row(
        key=network.label,
        cells=(
            network.label,
            network.cidr,
            mark(network.state, glyphs),
            network.bridge,
            mark(network.bridge_state, glyphs),
            str(network.allocated),
            str(network.leased),
            str(network.ports),
            str(network.total),
            str(network.reserved),
            network.gateway or "-",
            network.project_id or "-",
            network.dhcp_server or "-",
        ),
        tone=tone(network.state),
        attention=network.state != "ok" or network.bridge_state in ("down", "missing"),
    )


def describe(status: Status, key: str, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return everything about the network with this label."""
    network = next((n for n in status.networks if n.label == key), None)
    if network is None:
        return ()
    free = network.total - network.reserved - network.allocated
    allocations = [a for a in status.allocations if a.network == key]
    servers = [d for d in status.dnsmasq if d.network == key and d.bridge == network.bridge]
    return (
        Entry(mark(network.state, glyphs), label="state"),
        Entry(network.cidr, label="range"),
        Entry(network.gateway or "none", label="gateway"),
        Entry(f"{network.bridge}, {mark(network.bridge_state, glyphs)}", label="bridge"),
        Entry(network.dhcp_server or "none", label="DHCP server"),
        *(Entry(f"{mark(d.state, glyphs)}, {d.leases} leases", label="dnsmasq") for d in servers),
        Entry(
            f"{network.total} in all, {network.reserved} reserved, {network.allocated} allocated, "
            f"{network.leased} leased, {free} free",
            label="addresses",
        ),
        Entry(str(network.ports), label="ports"),
        Entry(network.project_id or "any", label="project"),
        *drift_about(status, subject.network(network.label)),
        *((Entry(), heading("Allocated addresses")) if allocations else ()),
        *(
            Entry(
                f"{a.instance} ({a.project}), {'leased' if a.leased else 'no lease'}",
                label=a.address,
            )
            for a in allocations
        ),
    )


PANE = Pane(
    id="networks",
    title="networks",
    short="nets",
    key="1",
    columns=COLUMNS,
    rows=rows,
    describe=describe,
    empty="No network yet. Make one: netconsole network create LABEL --fixed-range-v4 CIDR",
)
