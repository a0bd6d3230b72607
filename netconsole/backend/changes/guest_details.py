"""What an instance is told beside its network, as it is asked for, and the rules for it."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from netconsole.backend.changes.attachment import Attachment, content_of
from netconsole.backend.changes.key_pairs import read_key
from netconsole.backend.changes.quota import UNLIMITED
from netconsole.backend.changes.title import OptionValue
from netconsole.backend.configuration.options import Options
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Exhausted, InvalidValue, NotFound
from netconsole.backend.model.guest_data import GuestData, GuestFile, GuestKey, Single
from netconsole.backend.model.phrases import command
from netconsole.backend.store import key_pairs

LARGEST_USER_DATA = 65535
"""Bytes, as nova's MAX_USERDATA_SIZE."""
LARGEST_FILE = 1 << 20
"""Bytes of one file, whatever the quota."""
LONGEST_PATH = 255

_META_KEY = re.compile(r"[A-Za-z0-9_:. -]+")


@dataclass(frozen=True, slots=True)
class GuestDetails:
    """What an instance is to be told; of what is not named nothing is asked."""

    user_data: Attachment | None = None
    keys: Mapping[str, Attachment | None] = field(default_factory=dict)
    """By name; None for the key pair that its project has by that name."""
    meta: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Attachment] = field(default_factory=dict)
    """By their paths in the guest."""
    image: str | None = None
    kernel: str | None = None
    ramdisk: str | None = None
    flavor: str | None = None
    availability_zone: str | None = None
    admin_password: str | None = field(default=None, repr=False)

    @property
    def spelled(self) -> dict[str, OptionValue]:
        """As options of a title: no content of a file and no password is in it."""
        user_data = self.user_data
        return {
            "user_data": None if user_data is None else user_data.name,
            "key": tuple(
                name if file is None else f"{name}={file.name}" for name, file in self.keys.items()
            ),
            "meta": tuple(f"{key}={value}" for key, value in self.meta.items()),
            "file": tuple(f"{path}={file.name}" for path, file in self.files.items()),
            "image": self.image,
            "kernel": self.kernel,
            "ramdisk": self.ramdisk,
            "flavor": self.flavor,
            "availability_zone": self.availability_zone,
            "admin_password": self.admin_password is not None,
        }


def told(
    connection: Connection, guest: GuestData, asked: GuestDetails, options: Options
) -> GuestData:
    """Return an instance that is told what is asked for, beside what it is told already.

    Raises InvalidValue, NotFound for a key pair, and Exhausted where a quota allows no more.
    """
    project = guest.view.instance.project_id
    keys = {key.name: key for key in guest.keys}
    keys |= {name: _key(connection, project, name, file) for name, file in asked.keys.items()}
    meta = {**guest.meta, **dict(map(_meta, asked.meta.items()))}
    files = {file.path: file for file in guest.files}
    files |= {path: _file(path, each, options) for path, each in asked.files.items()}
    _check("metadata items", len(meta), options.quota_metadata_items, "quota_metadata_items")
    _check("files", len(files), options.quota_injected_files, "quota_injected_files")
    return replace(
        guest,
        user_data=guest.user_data if asked.user_data is None else _user_data(asked.user_data),
        keys=tuple(keys.values()),
        meta=meta,
        files=tuple(files.values()),
        image=_named("image", asked.image, guest.image),
        kernel=_named("kernel", asked.kernel, guest.kernel),
        ramdisk=_named("ramdisk", asked.ramdisk, guest.ramdisk),
        flavor=_named("flavor", asked.flavor, guest.flavor),
        availability_zone=_named(
            *("availability zone", asked.availability_zone, guest.availability_zone),
        ),
        admin_password=(
            guest.admin_password
            if asked.admin_password is None
            else _password(asked.admin_password)
        ),
    )


def _named(what: str, asked: str | None, former: str | None) -> str | None:
    return former if asked is None else validate.display_name(what, asked)


def _user_data(attachment: Attachment) -> bytes:
    content = content_of("user data", attachment)
    if not content:
        raise InvalidValue("user data", attachment.name, "is empty")
    if len(content) > LARGEST_USER_DATA:
        rule = f"has {len(content)} bytes, must have {LARGEST_USER_DATA} at most"
        raise InvalidValue("user data", attachment.name, rule)
    return content


def _key(
    connection: Connection, project: str, name: str, attachment: Attachment | None
) -> GuestKey:
    if attachment is None:
        return GuestKey(name, key_pairs.find(connection, project, name).public_key)
    return GuestKey(validate.key_name(name), read_key(attachment).line)


def _meta(item: tuple[str, str]) -> tuple[str, str]:
    key, value = item
    if not _META_KEY.fullmatch(key) or len(key) > validate.LONGEST_NAME:
        letters = "letters, digits, blanks, '_', ':', '.' or '-'"
        raise InvalidValue("metadata key", key, f"must be 1 to {validate.LONGEST_NAME} {letters}")
    if not value.isprintable() or len(value) > validate.LONGEST_NAME:
        rule = f"must be {validate.LONGEST_NAME} printable characters at most"
        raise InvalidValue(f"metadata value of {key}", value, rule)
    return item


def _file(path: str, attachment: Attachment, options: Options) -> GuestFile:
    longest = _limit(options.quota_injected_file_path_length, LONGEST_PATH)
    if not path.startswith("/") or path.endswith("/") or not path.isprintable():
        rule = "must be an absolute path in the guest, of printable characters"
        raise InvalidValue("file", path, rule)
    if posixpath.normpath(path) != path or path.startswith("//"):
        plain = posixpath.normpath(f"/{path.lstrip('/')}")
        rule = f"must be a path without '.', '..' and '//', as {plain!r}"
        raise InvalidValue("file", path, rule)
    if len(path) > longest:
        raise InvalidValue("file", path, f"must be a path of {longest} characters at most")
    content = content_of("file", attachment)
    most = _limit(options.quota_injected_file_content_bytes, LARGEST_FILE)
    if len(content) > most:
        rule = f"has {len(content)} bytes, must have {most} at most"
        raise InvalidValue(f"file {path}", attachment.name, rule)
    return GuestFile(path, content)


def _password(text: str) -> str:
    if not text.isprintable() or not 1 <= len(text) <= validate.LONGEST_NAME:
        rule = f"must be 1 to {validate.LONGEST_NAME} printable characters"
        raise InvalidValue("admin password", "(not shown)", rule)
    return text


def _limit(quota: int, most: int) -> int:
    return most if quota == UNLIMITED else min(quota, most)


def _check(what: str, wanted: int, limit: int, option: str) -> None:
    if limit != UNLIMITED and wanted > limit:
        raise Exhausted(
            f"{wanted} {what} are too many, an instance may have {limit}: "
            f"{command('config', 'show')} shows where {option} is set"
        )


@dataclass(frozen=True, slots=True)
class GuestRemovals:
    """What an instance is to be told no longer."""

    single: tuple[Single, ...] = ()
    keys: tuple[str, ...] = ()
    meta: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def spelled(self) -> dict[str, OptionValue]:
        """As options of a title."""
        return {
            **{f"no_{name}": True for name in self.single},
            "no_key": self.keys,
            "no_meta": self.meta,
            "no_file": self.files,
        }


def untold(guest: GuestData, removed: GuestRemovals) -> GuestData:
    """Return an instance that is told some things no longer.

    Raises NotFound for what it was not told, of the things that have names.
    """
    name = guest.view.instance.name
    for what, asked, there in (
        ("key", removed.keys, {key.name for key in guest.keys}),
        ("metadata", removed.meta, guest.meta.keys()),
        ("file", removed.files, {file.path for file in guest.files}),
    ):
        for each in asked:
            if each not in there:
                shown = command("instance", "show", name)
                raise NotFound(
                    f"instance {name!r} has no {what} {each!r}: {shown} shows what it has"
                )
    single = removed.single
    return replace(
        guest,
        keys=tuple(key for key in guest.keys if key.name not in removed.keys),
        meta={key: value for key, value in guest.meta.items() if key not in removed.meta},
        files=tuple(file for file in guest.files if file.path not in removed.files),
        user_data=None if "user_data" in single else guest.user_data,
        image=None if "image" in single else guest.image,
        kernel=None if "kernel" in single else guest.kernel,
        ramdisk=None if "ramdisk" in single else guest.ramdisk,
        flavor=None if "flavor" in single else guest.flavor,
        availability_zone=None if "availability_zone" in single else guest.availability_zone,
        admin_password=None if "admin_password" in single else guest.admin_password,
    )
