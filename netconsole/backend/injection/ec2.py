"""The metadata API of Amazon EC2 as nova has it: what is below /ec2, or below no name. Pure.

Which entry came with which version is nova's (nova/api/metadata/base.py).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection import answer
from netconsole.backend.injection.answer import GuestDocument, Occasion
from netconsole.backend.injection.openstack import DEFAULT_ZONE
from netconsole.backend.injection.template import given
from netconsole.backend.model.guest_data import GuestData

DATES = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
)
"""The versions, so named that they compare as text."""
LATEST = "latest"
VERSIONS = (*DATES, LATEST)

PUBLIC_NAMES, INSTANCE_TYPE = "2007-01-19", "2007-08-29"
DEVICES, PLACEMENT, INSTANCE_ACTION = "2007-12-15", "2008-02-01", "2008-09-01"
"""The versions that brought each entry."""

ROOT_DEVICE = "vda"
"""What the disk is called that a guest starts from, as its hypervisor's drivers call it."""

Entry = str | int | list[str]
Tree = Mapping[str, "Entry | Tree"]
"""Entries by their names, and below some of them more."""

_EC2_ID = re.compile(r"a[mkr]i-[0-9a-f]{8,17}")


def item(
    guest: GuestData, path: Sequence[str], options: Options, occasion: Occasion
) -> GuestDocument | None:
    """Return what is at a path below /ec2, which is not empty; None where nothing is."""
    version, *rest = path
    if version not in VERSIONS:
        return None
    has_user_data = guest.user_data is not None
    match rest:
        case []:
            return answer.listing(["meta-data/", *(["user-data"] if has_user_data else [])])
        case ["user-data"] if guest.user_data is not None:
            return GuestDocument(guest.user_data)
        case ["meta-data", "public-keys"] if guest.keys:
            return answer.listing([f"{number}={key.name}" for number, key in enumerate(guest.keys)])
        case ["meta-data", *names]:
            return _found(meta_data(guest, version, options, occasion), names)
        case _:
            return None


def _found(tree: Tree, names: Sequence[str]) -> GuestDocument | None:
    found: Entry | Tree = tree
    for name in names:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    match found:
        case Mapping():
            above = {name for name, below in found.items() if isinstance(below, Mapping)}
            return answer.listing([f"{name}/" if name in above else name for name in sorted(found)])
        case list():
            return answer.listing(found)
        case _:
            return GuestDocument(str(found).encode())


def meta_data(guest: GuestData, version: str, options: Options, occasion: Occasion) -> Tree:
    """Return the entries of a version, `latest` among them."""
    version = DATES[-1] if version == LATEST else version
    instance, hostname = guest.view.instance, answer.hostname(guest, options)
    found: dict[str, Entry | Tree] = {
        "ami-id": ec2_id("ami", guest.image),
        "ami-launch-index": 0,
        "ami-manifest-path": "FIXME",
        "instance-id": f"i-{instance.id:08x}",
        "hostname": hostname,
        "local-ipv4": _fixed_address(guest) or occasion.requester,
        "reservation-id": f"r-{_digits(instance.uuid)}",
        "security-groups": [group.name for group in guest.view.security_groups],
    }
    if guest.keys:
        found["public-keys"] = {
            str(number): {"openssh-key": key.public_key} for number, key in enumerate(guest.keys)
        }
    if version >= PUBLIC_NAMES:
        found |= {
            "local-hostname": hostname,
            "public-hostname": hostname,
            "public-ipv4": _floating_address(guest),
        }
    if version >= INSTANCE_TYPE:
        found["instance-type"] = guest.flavor or ""
    if version >= DEVICES:
        found["block-device-mapping"] = {"ami": ROOT_DEVICE}
        for name, kind, image in (
            ("kernel-id", "aki", guest.kernel),
            ("ramdisk-id", "ari", guest.ramdisk),
        ):
            if image is not None:
                found[name] = ec2_id(kind, image)
    if version >= PLACEMENT:
        found["placement"] = {"availability-zone": guest.availability_zone or DEFAULT_ZONE}
    if version >= INSTANCE_ACTION:
        found["instance-action"] = "none"
    return found


def ec2_id(kind: str, image: str | None) -> str:
    """Return what EC2 calls an image: the id itself where it is EC2's, else a stable number of it.

    nova numbered the images in a table of its own. `kind` is ami, aki or ari.
    """
    if image is None:
        return f"{kind}-00000000"
    return image if _EC2_ID.fullmatch(image) else f"{kind}-{_digits(image)}"


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _fixed_address(guest: GuestData) -> str:
    return next((each.address for port in guest.view.ports for each in given(port)), "")


def _floating_address(guest: GuestData) -> str:
    found = (each.address for port in guest.view.ports for each in port.floating_ips)
    return next(found, "")
