"""Changing security groups: what is let in is chosen from a list, and shown as a plan first."""

from netconsole.backend.changes.group_rules import Traffic
from netconsole.backend.changes.security_groups import AllowTraffic, RevokeTraffic
from netconsole.backend.survey.status import GroupRuleStatus, SecurityGroupStatus, Status
from netconsole.screens.pages.changing import propose
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import ChoosePage
from netconsole.screens.rows.pane import Column, Row

_USUAL = {
    "ping": Traffic("icmp", icmp="-1", cidr="0.0.0.0/0"),
    "SSH": Traffic("tcp", "22", cidr="0.0.0.0/0"),
    "HTTP": Traffic("tcp", "80", cidr="0.0.0.0/0"),
    "HTTPS": Traffic("tcp", "443", cidr="0.0.0.0/0"),
}
_COLUMNS = (Column("what", 12, grows=True), Column("from", 24))


def allow(console: Console, group: SecurityGroupStatus, status: Status) -> None:
    """Choose what a group lets in besides, then propose it."""
    sources = [each for each in status.security_groups if each.project == group.project]
    rows = (
        *(Row(f"usual {name}", (name, "everywhere")) for name in _USUAL),
        *(Row(f"group {each.name}", ("everything", f"group {each.name}")) for each in sources),
    )

    def chosen(key: str | None) -> None:
        if key is None:
            return
        kind, _, name = key.partition(" ")
        traffic, source = (_USUAL[name], None) if kind == "usual" else (Traffic(), name)
        what = f"{name} from everywhere" if kind == "usual" else f"all from group {name}"
        change = AllowTraffic(group.project, group.name, traffic, source)
        propose(console, f"Let {what} in to {group.name} of {group.project}", change)

    title = f"Let in to {group.name} of {group.project}"
    console.push_screen(ChoosePage(console, title, _COLUMNS, rows), chosen)


def revoke(console: Console, group: SecurityGroupStatus, status: Status) -> None:
    """Choose which rule of a group goes, then propose it."""
    rules = {str(each.rule.id): each for each in group.rules}
    rows = tuple(Row(key, (each.says,)) for key, each in rules.items())

    def chosen(key: str | None) -> None:
        if key is not None:
            change = _revoking(group, rules[key], status)
            propose(console, f"Take from {group.name}: {rules[key].says}", change)

    title = f"Take which rule from {group.name} of {group.project}"
    columns = (Column("lets in", 30, grows=True),)
    console.push_screen(ChoosePage(console, title, columns, rows), chosen)


def _revoking(group: SecurityGroupStatus, shown: GroupRuleStatus, status: Status) -> RevokeTraffic:
    rule = shown.rule
    numbers = None if rule.from_port is None else f"{rule.from_port}:{rule.to_port}"
    is_icmp = rule.protocol == "icmp"
    traffic = Traffic(
        rule.protocol, None if is_icmp else numbers, numbers if is_icmp else None, rule.cidr
    )
    sources = {each.id: each for each in status.security_groups}
    source = sources.get(rule.group_id or 0)
    if source is None:
        return RevokeTraffic(group.project, group.name, traffic)
    return RevokeTraffic(group.project, group.name, traffic, source.name, source.project)
