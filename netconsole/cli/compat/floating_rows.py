"""Floating addresses as rows under the names of nova's columns."""

from typing import TYPE_CHECKING

from netconsole.backend.model.codec import record

if TYPE_CHECKING:
    from netconsole.backend.model.records import FloatingIP, InstanceView
    from netconsole.door.door import Door

Row = dict[str, object]


def floating_rows(door: "Door") -> list[Row]:
    """Return every floating address, with the instance and the fixed address it stands for."""
    holders = {
        ip.id: (view, ip.address)
        for view in door.instances()
        for port in view.ports
        for ip in port.fixed_ips
    }
    return [_row(ip, *holders.get(ip.fixed_ip_id or 0, (None, None))) for ip in door.floating_ips()]


def _row(ip: "FloatingIP", view: "InstanceView | None", fixed_address: str | None) -> Row:
    """An address that is allocated to nobody has the project of its instance."""
    instance = view and view.instance
    return record(ip) | {
        "project_id": ip.project_id or (instance.project_id if instance else None),
        "instance_uuid": instance.uuid if instance else None,
        "instance": instance.name if instance else None,
        "fixed_address": fixed_address,
    }
