"""What the instances of a nova database are told beside their network. Pure."""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Mapping

from netconsole.backend.model import public_keys, validate
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.guest_data import GuestData, GuestKey
from netconsole.backend.model.records import Instance, InstanceView
from netconsole.backend.takeover.rows import NovaInstance, NovaRows

_LONGEST = 255
_UNFIT = re.compile(r"[^A-Za-z0-9 _.@-]")


def told_of(
    rows: NovaRows, instances: Mapping[str, Instance]
) -> tuple[tuple[GuestData, ...], tuple[str, ...]]:
    """Return what those instances are told, and what of it could not be taken over, a note each.

    Key pairs are users' in nova, who are unknown here: an instance keeps the key that it has. The
    files that it was made with nova did not keep.
    """
    notes: list[str] = []
    metadata: dict[str, dict[str, str]] = defaultdict(dict)
    for item in rows.metadata:
        instance = instances.get(item.instance_uuid or "")
        if instance is None or not item.key:
            continue
        value = item.value or ""
        if len(item.key) <= _LONGEST and len(value) <= _LONGEST and value.isprintable():
            metadata[instance.uuid][item.key] = value
        else:
            notes.append(f"instance {instance.name!r}: metadata {item.key[:80]!r} left out")
    found = []
    for row in rows.instances:
        instance = instances.get(row.uuid)
        if instance is not None:
            guest = _guest(row, instance, metadata[row.uuid], notes)
            if guest != GuestData(guest.view):
                found.append(guest)
    return tuple(found), tuple(notes)


def _guest(
    row: NovaInstance, instance: Instance, meta: Mapping[str, str], notes: list[str]
) -> GuestData:
    return GuestData(
        InstanceView(instance, ()),
        user_data=_user_data(row, instance, notes),
        keys=_keys(row, instance, notes),
        meta=meta,
        image=row.image_ref or None,
        kernel=row.kernel_id or None,
        ramdisk=row.ramdisk_id or None,
        availability_zone=row.availability_zone or None,
    )


def _user_data(row: NovaInstance, instance: Instance, notes: list[str]) -> bytes | None:
    if not row.user_data:
        return None
    try:
        return base64.b64decode("".join(row.user_data.split()).encode(), validate=True)
    except (binascii.Error, ValueError):
        notes.append(f"instance {instance.name!r}: its user data is not in base64, left out")
        return None


def _keys(row: NovaInstance, instance: Instance, notes: list[str]) -> tuple[GuestKey, ...]:
    if not row.key_name or not row.key_data:
        return ()
    try:
        key = public_keys.parse("key", row.key_name, row.key_data)
    except InvalidValue:
        notes.append(f"instance {instance.name!r}: its key {row.key_name!r} is none, left out")
        return ()
    name = _fitting(row.key_name)
    if name != row.key_name:
        notes.append(f"instance {instance.name!r}: its key {row.key_name!r} is called {name!r}")
    return (GuestKey(name, key.line),)


def _fitting(name: str) -> str:
    """The name of a key by which it can be listed: versions of nova took any."""
    try:
        return validate.key_name(name)
    except InvalidValue:
        return validate.key_name(f"key {_UNFIT.sub('_', name)}"[:_LONGEST].strip())
