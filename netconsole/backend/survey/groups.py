"""The security groups of a status: what each lets in, and to whom. Pure."""

from netconsole.backend.model.group_names import named_beside
from netconsole.backend.model.group_rules import SecurityGroupRule, lets_everything_in, told
from netconsole.backend.model.records import Records, SecurityGroup
from netconsole.backend.survey.status import GroupRuleStatus, SecurityGroupStatus


def groups_told(records: Records) -> tuple[SecurityGroupStatus, ...]:
    """Return the groups, in the order in which they were made."""
    groups = {group.id: group for group in records.security_groups}
    called = {instance.uuid: instance.name for instance in records.instances}
    rules: dict[int, list[GroupRuleStatus]] = {number: [] for number in groups}
    for rule in records.security_group_rules:
        source = None if rule.group_id is None else groups[rule.group_id]
        rules[rule.parent_group_id].append(_rule(rule, groups[rule.parent_group_id], source))
    members: dict[int, list[str]] = {number: [] for number in groups}
    for each in records.memberships:
        members[each.security_group_id].append(called[each.instance_uuid])
    return tuple(
        SecurityGroupStatus(
            id=group.id,
            name=group.name,
            project=group.project_id,
            rules=tuple(rules[group.id]),
            instances=tuple(sorted(members[group.id])),
            lets_everything_in=any(lets_everything_in(each.rule) for each in rules[group.id]),
        )
        for group in records.security_groups
    )


def _rule(
    rule: SecurityGroupRule, group: SecurityGroup, source: SecurityGroup | None
) -> GroupRuleStatus:
    if source is None:
        return GroupRuleStatus(rule, None, None, told(rule))
    said = told(rule, named_beside(source, group.project_id))
    return GroupRuleStatus(rule, source.name, source.project_id, said)
