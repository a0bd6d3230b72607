"""The OpenStack metadata API: what is below /openstack. Pure.

Which document and which entry came with which version is nova's (nova/api/metadata/base.py).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection import answer, template
from netconsole.backend.injection.answer import GuestDocument, Occasion
from netconsole.backend.injection.network_data import network_data
from netconsole.backend.model.guest_data import GuestData, GuestFile
from netconsole.backend.model.text import decoded

DATES = ("2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06")
"""The versions, each named for its day, so that they compare as text."""
LATEST = "latest"
VERSIONS = (*DATES, LATEST)

_, RANDOM_SEED, VENDOR_DATA, NETWORK_DATA, DEVICES, VENDOR_DATA2 = DATES
"""The versions that brought each document or entry."""
PASSWORD = RANDOM_SEED

DEFAULT_ZONE = "nova"
"""nova's default_availability_zone."""
CONTENT = "content"
SEED = "random_seed"


def versions(today: date) -> tuple[str, ...]:
    """Return the versions that are listed: those of later days are not."""
    return (*(version for version in DATES if version <= today.isoformat()), LATEST)


def item(
    guest: GuestData, path: Sequence[str], options: Options, occasion: Occasion
) -> GuestDocument | None:
    """Return what is at a path below /openstack, which is not empty; None where nothing is."""
    first, *rest = path
    if first == CONTENT:
        return _content(guest, rest, options)
    if first not in VERSIONS:
        return None
    version = dated(first)
    if not rest:
        return answer.listing(documents_of(guest, version))
    name = "/".join(rest)
    if name not in documents_of(guest, version):
        return None
    return document(guest, name, version, options, occasion)


def dated(version: str) -> str:
    """Return the version that a name means: `latest` is the last."""
    return DATES[-1] if version == LATEST else version


def documents_of(guest: GuestData, version: str) -> list[str]:
    """Return the names of the documents that an instance has in a version, in nova's order."""
    brought = (
        ("meta_data.json", True),
        ("user_data", guest.user_data is not None),
        ("password", version >= PASSWORD),
        ("vendor_data.json", version >= VENDOR_DATA),
        ("network_data.json", version >= NETWORK_DATA),
        ("vendor_data2.json", version >= VENDOR_DATA2),
    )
    return [name for name, is_there in brought if is_there]


def document(
    guest: GuestData, name: str, version: str, options: Options, occasion: Occasion
) -> GuestDocument:
    """Return one of those documents."""
    match name:
        case "user_data":
            return GuestDocument(guest.user_data or b"")
        case "password":
            return GuestDocument(guest.password or b"")
        case "vendor_data.json":
            return answer.document(dict(occasion.vendor_data))
        case "network_data.json":
            return answer.document(network_data(guest.view, options))
        case "vendor_data2.json":
            static = {"static": dict(occasion.vendor_data)}
            return answer.document(static | dict(occasion.dynamic_vendor_data))
        case _:
            return _seeded(meta_data(guest, version, options, occasion))


def _seeded(found: Mapping[str, object]) -> GuestDocument:
    """The document, which says where its random_seed is."""
    whole, seed = answer.document(dict(found)), found.get(SEED)
    if not isinstance(seed, str):
        return whole
    names = list(found)
    until = {name: found[name] for name in names[: names.index(SEED) + 1]}
    end = len(answer.document(until).content) - len('"}')
    return replace(whole, seed_at=end - len(seed))


def meta_data(
    guest: GuestData, version: str, options: Options, occasion: Occasion
) -> dict[str, object]:
    """meta_data.json in a version; entries of which an instance has none are left out."""
    instance = guest.view.instance
    found: dict[str, object] = {"uuid": instance.uuid}
    if guest.meta:
        found["meta"] = dict(guest.meta)
    network, files = contents(guest, options)
    if files:
        found["files"] = [
            {"content_path": f"/{CONTENT}/{number}", "path": file.path}
            for number, file in files.items()
        ]
    for number in network:
        path = f"/{CONTENT}/{number}"
        found["network_config"] = {"name": "network_config", "content_path": path}
    if guest.keys:
        found["public_keys"] = {key.name: key.public_key for key in guest.keys}
        found["keys"] = [
            {"name": key.name, "type": key.type, "data": key.public_key} for key in guest.keys
        ]
    found["hostname"] = answer.hostname(guest, options)
    found["name"] = instance.name
    found["launch_index"] = 0
    found["availability_zone"] = guest.availability_zone or DEFAULT_ZONE
    if version >= RANDOM_SEED:
        found[SEED] = decoded(base64.b64encode(occasion.random_seed))
    if version >= NETWORK_DATA:
        found["project_id"] = instance.project_id
    if version >= DEVICES:
        found["devices"] = []
    return found


def contents(guest: GuestData, options: Options) -> tuple[dict[str, bytes], dict[str, GuestFile]]:
    """Return the files below /openstack/content, by their names: interfaces(5) alone, and the
    guest's."""
    found = template.interfaces(guest.view, options)
    network = {"0000": template.render(found).encode()} if found else {}
    files = {f"{number:04}": file for number, file in enumerate(guest.files, len(network))}
    return network, files


def _content(guest: GuestData, path: Sequence[str], options: Options) -> GuestDocument | None:
    if len(path) != 1:
        return None
    network, files = contents(guest, options)
    name = path[0]
    if name in network:
        return GuestDocument(network[name])
    return GuestDocument(files[name].content) if name in files else None
