"""The fixed addresses that instances hold, and whether they have taken up their leases."""

from datetime import UTC, datetime

from netconsole.backend.model import subject
from netconsole.backend.survey.status import Allocation, SecurityGroupStatus, Status
from netconsole.backend.survey.trouble import is_dead, lease_word
from netconsole.screens.rows.marks import Glyphs, mark, tone
from netconsole.screens.rows.pane import Column, Entry, Pane, Row, drift_about, heading

COLUMNS = (
    Column("address", 15, "address"),
    Column("instance", 10, grows=True),
    Column("lease", 11, state=True),
    Column("port is", 12, state=True),
    Column("floating", 15, "address"),
    Column("port", 15, shown_from=96),
    Column("network", 12, shown_from=108),
    Column("mac", 17, shown_from=126),
    Column("project", 10, shown_from=138),
    Column("host", 12, shown_from=150),
)


def rows(status: Status, _former: Status | None, glyphs: Glyphs) -> tuple[Row, ...]:
    """Return one row an associated address."""
    return tuple(_row(allocation, glyphs) for allocation in status.allocations)


def _row(allocation: Allocation, glyphs: Glyphs) -> Row:
    word = lease_word(allocation)
    dead = is_dead(allocation)
    elsewhere = allocation.device_state == "not here" and allocation.host
    return Row(
        key=f"{allocation.network} {allocation.address}",
        cells=(
            allocation.address,
            allocation.instance,
            mark(word, glyphs),
            f"on {allocation.host}" if elsewhere else mark(allocation.device_state, glyphs),
            ",".join(allocation.floating) or "-",
            allocation.device or "-",
            allocation.network,
            allocation.mac,
            allocation.project,
            allocation.host or "-",
        ),
        tone="bad" if dead else tone(word),
        attention=dead or word in ("no lease", "waiting"),
    )


def _expiry(expires: int | None) -> str:
    if expires is None:
        return "no lease in the lease file"
    if expires == 0:
        return "never expires"
    until = datetime.fromtimestamp(expires, UTC).astimezone()
    return f"until {until:%Y-%m-%d %H:%M:%S %Z}"


def describe(status: Status, key: str, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return everything about one allocated address."""
    found = (a for a in status.allocations if f"{a.network} {a.address}" == key)
    allocation = next(found, None)
    if allocation is None:
        return ()
    flags = ("allocated", "leased", "reserved")
    return (
        Entry(allocation.address, label="address"),
        Entry(allocation.instance, label="instance"),
        Entry(allocation.project, label="project"),
        Entry(allocation.network, label="network"),
        Entry(allocation.mac, label="MAC address"),
        Entry(
            _guard(status, allocation),
            label="guard",
        ),
        Entry(allocation.host or "not known", label="host"),
        Entry(f"{allocation.device}, {mark(allocation.device_state, glyphs)}", label="port"),
        Entry(
            f"{mark(lease_word(allocation), glyphs)}, {_expiry(allocation.lease_expires)}",
            label="lease",
        ),
        Entry(", ".join(flag for flag in flags if getattr(allocation, flag)), label="flags"),
        Entry(", ".join(allocation.floating) or "none", label="floating"),
        Entry(
            ", ".join(each.name for each in _groups(status, allocation.instance)) or "none",
            label="groups",
        ),
        *drift_about(
            status,
            subject.port(allocation.device),
            *map(subject.floating, allocation.floating),
        ),
        *_let_in(status, allocation.instance),
    )


def _guard(status: Status, allocation: Allocation) -> str:
    if status.host.guards_off:
        return "none: the option guard takes them off every port"
    return "sends as itself alone" if allocation.guarded else "none: it may send as any other"


def _groups(status: Status, instance: str) -> list[SecurityGroupStatus]:
    return [group for group in status.security_groups if instance in group.instances]


def _let_in(status: Status, instance: str) -> tuple[Entry, ...]:
    """What the groups of an instance let in, a rule a line."""
    if status.host.groups_off:
        off = Entry("everything: firewall_driver switches the security groups off")
        return (Entry(), heading("What may reach it"), off)
    groups = _groups(status, instance)
    rules = [Entry(rule.says, label=group.name) for group in groups for rule in group.rules]
    nothing = Entry("nothing: no rule of its security groups lets anything in")
    return (Entry(), heading("What may reach it"), *(rules or [nothing]))


PANE = Pane(
    id="allocations",
    title="allocations",
    short="alloc",
    key="2",
    columns=COLUMNS,
    rows=rows,
    describe=describe,
    empty="No instance holds an address. Make one: netconsole instance create NAME --network LABEL",
)
