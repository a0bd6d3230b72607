"""Records put together: of every instance at once they are as of each."""

import sqlalchemy as sa
from store_samples import a_network, a_port, an_instance, floating

from netconsole.backend.model.records import AllowedAddress, Membership, SecurityGroup
from netconsole.backend.store import (
    allocations,
    allowed_addresses,
    floating_ips,
    instances,
    security_groups,
)
from netconsole.backend.store.views import instance_view, instance_views


def furnish(connection: sa.Connection) -> None:
    """Instances with all that hangs on one, one of them with a further port, one with nothing."""
    near, far = a_network(connection, "10.0.0.0/24"), a_network(connection, "10.0.1.0/24", 1)
    leading = floating_ips.insert_many(connection, map(floating, range(4)))
    groups = [
        security_groups.insert(connection, SecurityGroup(0, name, name, "demo"))
        for name in ("web", "admin")
    ]
    for number in range(4):
        port = an_instance(connection, near, number)
        if number == 3:
            return
        first = allocations.allocate(connection, near, port.instance_uuid, port.id)
        allocations.allocate(connection, near, port.instance_uuid, port.id)
        floating_ips.associate(connection, leading[number], first, "host")
        allowed_addresses.insert(connection, AllowedAddress(0, port.id, f"10.9.{number}.0/24"))
        for group in groups[number % 2 :]:
            membership = Membership(group.id, port.instance_uuid)
            security_groups.add_member(connection, membership)
        if number == 1:
            (instance,) = instances.of_uuids(connection, [port.instance_uuid])
            further = instances.insert_port(connection, a_port(far, instance, 9))
            allocations.allocate(connection, far, instance.uuid, further.id)


def test_every_instance_is_put_together_as_each_is(connection: sa.Connection) -> None:
    furnish(connection)
    one_by_one = tuple(instance_view(connection, each) for each in instances.every(connection))
    assert [len(view.ports) for view in one_by_one] == [1, 2, 1, 1]
    assert [len(view.ports[0].fixed_ips) for view in one_by_one] == [2, 2, 2, 0]
    executed: list[str] = []
    sa.event.listen(connection, "before_cursor_execute", lambda *told: executed.append(told[2]))

    assert instance_views(connection) == one_by_one
    assert len(executed) == 8
