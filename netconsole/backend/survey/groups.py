"""The security groups of a status: what each lets in, and to whom. Pure."""

from netconsole.backend.model.group_rules import lets_everything_in, told
from netconsole.backend.model.records import Records
from netconsole.backend.survey.status import GroupRuleStatus, SecurityGroupStatus


def groups_told(records: Records) -> tuple[SecurityGroupStatus, ...]:
    """Return the groups, in the order in which they were made."""
    names = {group.id: group.name for group in records.security_groups}
    called = {instance.uuid: instance.name for instance in records.instances}
    rules: dict[int, list[GroupRuleStatus]] = {number: [] for number in names}
    for rule in records.security_group_rules:
        source = None if rule.group_id is None else names[rule.group_id]
        told_rule = GroupRuleStatus(rule, source, told(rule, source))
        rules[rule.parent_group_id].append(told_rule)
    members: dict[int, list[str]] = {number: [] for number in names}
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
