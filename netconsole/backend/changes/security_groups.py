"""Making and deleting security groups, and what they let in."""

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written, grouping, quota
from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.title import OptionValue, spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.group_names import named_beside
from netconsole.backend.model.group_rules import DEFAULT_GROUP, SecurityGroupRule, told
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import GroupRuleView, Regrouping, SecurityGroup
from netconsole.backend.model.subject import GROUPS, Scope
from netconsole.backend.store import security_groups


def _name(value: str) -> str:
    return validate.display_name("security group", value.strip())


def _description(value: str) -> str:
    return validate.display_name("description", value.strip())


def _refuse_default(group: SecurityGroup, what: str) -> None:
    if group.name == DEFAULT_GROUP:
        shown = command("secgroup", "rules", DEFAULT_GROUP, "--project", group.project_id)
        raise Conflict(
            f"security group {DEFAULT_GROUP!r} of project {group.project_id!r} cannot be {what}, "
            f"new instances are in it: {shown} shows its rules, which can be revoked"
        )


@dataclass(frozen=True, slots=True)
class CreateSecurityGroup(Change[SecurityGroup]):
    """Make a group for a project. It lets nothing in until it is told to."""

    project: str
    name: str
    description: str | None = None
    """Without one, its name."""

    @property
    def title(self) -> str:
        return spelled(
            "secgroup create", self.name, project=self.project, description=self.description
        )

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[SecurityGroup]:
        project = validate.display_name("project", self.project)
        name = _name(self.name)
        about = name if self.description is None else _description(self.description)
        notes = grouping.said_of_new(connection, project)
        grouping.default_group(connection, project)
        group = SecurityGroup(0, name, about, project)
        security_groups.refuse_taken(connection, group)
        quota.check_security_groups(connection, project, options)
        made = security_groups.insert(connection, group)
        return Written(made, notes=notes, regrouping=Regrouping())


@dataclass(frozen=True, slots=True)
class UpdateSecurityGroup(Change[SecurityGroup]):
    """Call a group something else, or describe it anew."""

    project: str
    group: str
    name: str | None = None
    description: str | None = None

    @property
    def title(self) -> str:
        return spelled(
            "secgroup update",
            self.group,
            project=self.project,
            name=self.name,
            description=self.description,
        )

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[SecurityGroup]:
        project = validate.display_name("project", self.project)
        group = grouping.find(connection, project, self.group)
        name = group.name if self.name is None else _name(self.name)
        about = group.description if self.description is None else _description(self.description)
        _refuse_default(group, "changed")
        changed = replace(group, name=name, description=about)
        security_groups.update(connection, changed)
        return Written(changed, regrouping=Regrouping())


@dataclass(frozen=True, slots=True)
class DeleteSecurityGroup(Change[SecurityGroup]):
    """Delete a group that no instance is in and that no other lets in, with its rules."""

    project: str
    group: str

    @property
    def title(self) -> str:
        return spelled("secgroup delete", self.group, project=self.project)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[SecurityGroup]:
        project = validate.display_name("project", self.project)
        group = grouping.find(connection, project, self.group)
        _refuse_default(group, "deleted")
        grouping.refuse_in_use(connection, group)
        security_groups.delete(connection, (group,))
        return Written(group, regrouping=Regrouping())


@dataclass(frozen=True, slots=True)
class AllowTraffic(Change[GroupRuleView]):
    """Let something in to the members of a group: from a range, or from a group's members."""

    project: str
    group: str
    traffic: TypedTraffic = field(default_factory=TypedTraffic)
    source_group: str | None = None
    source_project: str | None = None
    """Whose that group is; without one, of the same project."""

    @property
    def title(self) -> str:
        return _title("secgroup allow", self)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[GroupRuleView]:
        notes = grouping.said_of_new(connection, self.project)
        group, asked = _asked(connection, self)
        rule = asked.rule
        if any(replace(one, id=0) == rule for one in security_groups.rules_of(connection, group)):
            raise Conflict(
                f"security group {group.name!r} of project {group.project_id!r} has the rule "
                f"{_told(asked, group)} already: {_rules_shown(group)} shows which it has"
            )
        quota.check_security_group_rules(connection, group, options)
        made = replace(asked, rule=security_groups.insert_rule(connection, rule))
        return _written(made, notes)


@dataclass(frozen=True, slots=True)
class RevokeTraffic(Change[GroupRuleView]):
    """Take a rule from a group: the one in these very words."""

    project: str
    group: str
    traffic: TypedTraffic = field(default_factory=TypedTraffic)
    source_group: str | None = None
    source_project: str | None = None

    @property
    def title(self) -> str:
        return _title("secgroup revoke", self)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[GroupRuleView]:
        notes = grouping.said_of_new(connection, self.project)
        group, asked = _asked(connection, self)
        for rule in security_groups.rules_of(connection, group):
            if replace(rule, id=0) == asked.rule:
                security_groups.delete_rule(connection, rule)
                return _written(replace(asked, rule=rule), notes)
        raise NotFound(
            f"security group {group.name!r} of project {group.project_id!r} has no rule "
            f"{_told(asked, group)}: {_rules_shown(group)} shows which it has"
        )


def _written(view: GroupRuleView, notes: tuple[str, ...]) -> Written[GroupRuleView]:
    rule = view.rule
    touched = Regrouping(rule.parent_group_id, rule=rule.id, source=rule.group_id)
    return Written(view, notes=notes, regrouping=touched)


def _title(verb: str, change: AllowTraffic | RevokeTraffic) -> str:
    words: dict[str, OptionValue] = traffic_options(change.traffic)
    return spelled(
        verb,
        change.group,
        project=change.project,
        **words,
        source_group=change.source_group,
        source_project=change.source_project,
    )


def traffic_options(traffic: TypedTraffic) -> dict[str, OptionValue]:
    """Return what traffic is typed as, by option."""
    return {
        "protocol": traffic.protocol,
        "port": traffic.port,
        "icmp": traffic.icmp,
        "cidr": traffic.cidr,
    }


def _asked(
    connection: Connection, change: AllowTraffic | RevokeTraffic
) -> tuple[SecurityGroup, GroupRuleView]:
    """The group, and the rule that is meant, which has no id. Raises InvalidValue, NotFound.

    Rules without a protocol for a range are not made any more, and can be taken away.
    """
    project = validate.display_name("project", change.project)
    traffic = change.traffic
    if change.source_group is not None and traffic.cidr is not None:
        rule = "is one source and the range another: give --source-group or --cidr"
        raise InvalidValue("source group", change.source_group, rule)
    if change.source_group is None and change.source_project is not None:
        rule = "has no source group with it: --source-group names one"
        raise InvalidValue("source project", change.source_project, rule)
    of_range = change.source_group is None
    needed = of_range and (isinstance(change, AllowTraffic) or traffic.protocol is not None)
    protocol, first, last = traffic.numbers(needed=needed)
    cidr = traffic.range() if of_range else None
    group = grouping.find(connection, project, change.group)
    source = None
    if change.source_group is not None:
        owner = project if change.source_project is None else change.source_project
        owner = validate.display_name("source project", owner)
        source = grouping.find_known(connection, owner, change.source_group)
    made = SecurityGroupRule(
        0, group.id, protocol, first, last, cidr, None if source is None else source.id
    )
    return group, GroupRuleView(made, source)


def _told(view: GroupRuleView, group: SecurityGroup) -> str:
    source = view.source
    return told(view.rule, named_beside(source, group.project_id) if source else None)


def _rules_shown(group: SecurityGroup) -> str:
    return command("secgroup", "rules", group.name, "--project", group.project_id)
