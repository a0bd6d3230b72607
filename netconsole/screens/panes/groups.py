"""The security groups: what each lets in, and to which instances."""

from netconsole.backend.survey.status import SecurityGroupStatus, Status
from netconsole.screens.rows.marks import Glyphs
from netconsole.screens.rows.pane import Column, Entry, Pane, Row, command, heading

COLUMNS = (
    Column("group", 14),
    Column("project", 12),
    Column("instances", 9, "number"),
    Column("lets in", 24, grows=True),
    Column("id", 6, "number", shown_from=110),
)


def rows(status: Status, _former: Status | None, _glyphs: Glyphs) -> tuple[Row, ...]:
    """Return one row a group, in the order in which they were made."""
    return tuple(_row(group) for group in status.security_groups)


def _row(group: SecurityGroupStatus) -> Row:
    return Row(
        key=str(group.id),
        cells=(
            group.name,
            group.project,
            str(len(group.instances)),
            ", ".join(rule.says for rule in group.rules) or "nothing",
            str(group.id),
        ),
        tone="warning" if group.lets_everything_in else "plain",
        attention=group.lets_everything_in,
    )


def describe(status: Status, key: str, _glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return everything about the group with this id: its rules, its members, and who else names
    it."""
    group = next((each for each in status.security_groups if str(each.id) == key), None)
    if group is None:
        return ()
    letting_in = [
        f"{other.name} of {other.project}"
        for other in status.security_groups
        for rule in other.rules
        if rule.rule.group_id == group.id and other.id != group.id
    ]
    words = ("--from", "ADDRESS", "--to", group.instances[0] if group.instances else "INSTANCE")
    return (
        Entry(group.name, label="group"),
        Entry(group.project, label="project"),
        Entry(", ".join(group.instances) or "none", label="instances"),
        *((Entry(", ".join(dict.fromkeys(letting_in)), label="let in by"),) if letting_in else ()),
        Entry(),
        heading("It lets in"),
        *(Entry(rule.says) for rule in group.rules),
        *(() if group.rules else (Entry("nothing"),)),
        Entry(),
        heading("To ask whether something reaches an instance"),
        command(f"netconsole secgroup test {' '.join(words)} --protocol tcp --port 22"),
    )


PANE = Pane(
    id="groups",
    title="groups",
    short="groups",
    key="6",
    columns=COLUMNS,
    rows=rows,
    describe=describe,
    empty="No security group yet: a project gets its default group with its first instance.",
)
