"""Names of security groups: which one is meant by what is typed, and how one is told. Pure."""

from collections.abc import Iterable

from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import SecurityGroup


def find_group(groups: Iterable[SecurityGroup], project: str, named: str) -> SecurityGroup:
    """Return the group of a project that has this name or this id.

    Raises NotFound, and Conflict where it is the name of one and the id of another.
    """
    own = [group for group in groups if group.project_id == project]
    by_name = next((group for group in own if group.name == named), None)
    by_id = next((group for group in own if group.id and str(group.id) == named), None)
    found = by_name or by_id
    listed = command("secgroup", "list", "--project", project)
    if found is None:
        raise NotFound(
            f"security group {named!r} does not exist in project {project!r}: {listed} shows "
            "which do"
        )
    if by_name and by_id and by_name != by_id:
        raise Conflict(
            f"in project {project!r} {named!r} is the name of security group {by_name.id} and the "
            f"id of {by_id.name!r}: say {by_name.id} or {by_id.name!r} ({listed})"
        )
    return found


def named_beside(group: SecurityGroup, project: str) -> str:
    """Return the name of a group, with its project where that is another than this one."""
    return group.name if group.project_id == project else f"{group.name} of {group.project_id}"


def unknown_project(project: str) -> NotFound:
    """Say that a project, of which a group is named, has none: projects are listed nowhere."""
    listed = command("secgroup", "list")
    return NotFound(
        f"project {project!r} has no instance and no security group: {listed} shows which "
        "projects have"
    )
