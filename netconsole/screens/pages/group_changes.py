"""Changing security groups: what is let in is chosen from a list, and shown as a plan first."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType

from netconsole.backend.changes.group_rules import TypedTraffic, parse_source
from netconsole.backend.changes.security_groups import AllowTraffic, RevokeTraffic
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.group_names import named_beside
from netconsole.backend.model.group_rules import EVERYONE, SecurityGroupRule, told
from netconsole.backend.model.records import GroupRuleView, SecurityGroupView
from netconsole.backend.survey.status import SecurityGroupStatus
from netconsole.screens.pages.changing import propose
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import ChoosePage
from netconsole.screens.rows.pane import Column, Row

_USUAL = {
    "ping": TypedTraffic("icmp", icmp="-1"),
    "SSH": TypedTraffic("tcp", "22"),
    "HTTP": TypedTraffic("tcp", "80"),
    "HTTPS": TypedTraffic("tcp", "443"),
    "another port of TCP": TypedTraffic("tcp", ""),
    "another port of UDP": TypedTraffic("udp", ""),
}
"""What is asked for most, and what asks for its port."""
_COLUMNS = (Column("what", 20, grows=True), Column("from", 24))


class AllowPage(ChoosePage[AllowTraffic], inherit_bindings=False):
    """What a group may let in besides; of what is no group's, ports and range are typed."""

    BINDINGS: ClassVar[list[BindingType]] = ChoosePage.BINDINGS

    def take(self, chosen: AllowTraffic) -> None:
        if chosen.source_group is not None:
            self.dismiss(chosen)
        elif chosen.traffic.port == "":
            self._ask("port: ", "such as 8080 or 8000:8010", "", chosen, "port")
        elif chosen.traffic.cidr is None:
            self._ask("from: ", "a range of IPv4 or IPv6", EVERYONE, chosen, "cidr")
        else:
            self.dismiss(chosen)

    def _ask(self, prompt: str, hint: str, text: str, chosen: AllowTraffic, field: str) -> None:
        def typed(value: str, done: bool) -> None:
            if not done:
                return
            self.table.take_focus()
            if value:
                self._check(replace(chosen, traffic=_with(chosen.traffic, field, value.strip())))

        self.bar.type_text(prompt, f"{hint}; enter takes it, esc goes back", text, typed)

    def _check(self, chosen: AllowTraffic) -> None:
        """Go on with what was typed, or say at once what is wrong with it."""
        try:
            chosen.traffic.numbers(needed=True)
            if chosen.traffic.cidr is not None:
                parse_source(chosen.traffic.cidr)
        except InvalidValue as error:
            self.bar.say(str(error), "bad")
            return
        self.take(chosen)


def _with(traffic: TypedTraffic, field: str, value: str) -> TypedTraffic:
    return replace(traffic, port=value) if field == "port" else replace(traffic, cidr=value)


def allow(console: Console, group: SecurityGroupStatus) -> None:
    """Choose what a group lets in besides, then propose it."""

    def chosen(change: AllowTraffic | None) -> None:
        if change is not None:
            title = f"Let in to {group.name} of {group.project}: {_said(change)}"
            propose(console, title, change)

    def find() -> Iterator[tuple[Row, AllowTraffic]]:
        return _openings(group, console.door.security_groups())

    title = f"Let in to {group.name} of {group.project}"
    console.push_screen(AllowPage(console, title, _COLUMNS, find), chosen)


def _said(change: AllowTraffic) -> str:
    """The rule that a change makes, in words."""
    traffic, source = change.traffic, change.source_group
    numbers = traffic.numbers(needed=False)
    rule = SecurityGroupRule(0, 0, *numbers, None if source else traffic.range())
    whose = f" of {change.source_project}" if change.source_project else ""
    return told(rule, f"{source}{whose}" if source else None)


def _openings(
    group: SecurityGroupStatus, groups: Iterable[SecurityGroupView]
) -> Iterator[tuple[Row, AllowTraffic]]:
    """What may be let in, the groups of the same project before those of others."""
    for name, traffic in _USUAL.items():
        change = AllowTraffic(group.project, group.name, traffic)
        yield Row(f"usual {name}", (name, "asked for next")), change
    made = [view.group for view in groups if view.group.id]
    for each in sorted(made, key=lambda each: each.project_id != group.project):
        project = None if each.project_id == group.project else each.project_id
        change = AllowTraffic(group.project, group.name, TypedTraffic(), each.name, project)
        source = f"group {named_beside(each, group.project)}"
        yield Row(f"group {each.id}", ("everything", source)), change


def revoke(console: Console, group: SecurityGroupStatus) -> None:
    """Choose which rule of a group goes, then propose it."""

    def chosen(found: tuple[str, RevokeTraffic] | None) -> None:
        if found is not None:
            said, change = found
            propose(console, f"Take from {group.name} of {group.project}: {said}", change)

    def find() -> Iterator[tuple[Row, tuple[str, RevokeTraffic]]]:
        view = console.door.security_group(group.project, group.name)
        for each in view.rules:
            source = named_beside(each.source, group.project) if each.source else None
            said = told(each.rule, source)
            yield Row(str(each.rule.id), (said,)), (said, _revoking(group, each))

    title = f"Take which rule from {group.name} of {group.project}"
    columns = (Column("lets in", 30, grows=True),)
    console.push_screen(ChoosePage(console, title, columns, find), chosen)


def _revoking(group: SecurityGroupStatus, view: GroupRuleView) -> RevokeTraffic:
    rule, source = view.rule, view.source
    numbers = None if rule.from_port is None else f"{rule.from_port}:{rule.to_port}"
    is_icmp = rule.protocol == "icmp"
    traffic = TypedTraffic(
        rule.protocol, None if is_icmp else numbers, numbers if is_icmp else None, rule.cidr
    )
    if source is None:
        return RevokeTraffic(group.project, group.name, traffic)
    return RevokeTraffic(group.project, group.name, traffic, source.name, source.project_id)
