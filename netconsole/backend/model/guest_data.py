"""What a guest is told beside its network: user data, keys, metadata, files.

Names and fields are nova's. It is kept apart from `Records` and `InstanceView`: user data, keys
and passwords are for who may change the instance and for its guest, so nothing that others see is
made of it; of values with secrets in them not even `repr` tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from netconsole.backend.model.public_keys import fingerprint
from netconsole.backend.model.records import InstanceView

KeyKind = Literal["ssh"]
Single = Literal[
    "user_data", "image", "kernel", "ramdisk", "flavor", "availability_zone", "admin_password"
]
"""What an instance has one of, or none."""
SINGLE: tuple[Single, ...] = get_args(Single)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public key of a project, by a name: its instances let in whoever has the private one."""

    id: int
    project_id: str
    name: str
    type: KeyKind
    fingerprint: str
    """MD5 of the key, in pairs of hexadecimal digits with colons, as nova shows it."""
    public_key: str = field(default="", repr=False, metadata={"secret": True})
    """One line as in authorized_keys (sshd(8)), without options."""


@dataclass(frozen=True, slots=True)
class GuestKey:
    """A public key as an instance has it: it stays when the key pair is deleted."""

    name: str
    public_key: str = field(repr=False)
    type: KeyKind = "ssh"


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file that the guest is to write when it first starts."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GuestData:
    """All that an instance is told, read in one transaction."""

    view: InstanceView
    user_data: bytes | None = field(default=None, repr=False)
    """As the guest gets it, not in base64; None where it was given none."""
    keys: tuple[GuestKey, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[GuestFile, ...] = ()
    image: str | None = None
    kernel: str | None = None
    ramdisk: str | None = None
    flavor: str | None = None
    availability_zone: str | None = None
    admin_password: str | None = field(default=None, repr=False)
    """What its administrator's password is to be; a config drive alone tells it, as in nova."""
    password: bytes | None = field(default=None, repr=False)
    """What the guest posted, once: a password, encrypted with its key."""


@dataclass(frozen=True, slots=True)
class GuestSummary:
    """Which of it an instance is told, without what is for few: sizes and names."""

    user_data: int | None
    """Bytes; None where there is none."""
    keys: tuple[tuple[str, str], ...]
    """Names and fingerprints."""
    meta: Mapping[str, str]
    files: Mapping[str, int]
    """Paths, and the bytes at each."""
    image: str | None
    kernel: str | None
    ramdisk: str | None
    flavor: str | None
    availability_zone: str | None
    admin_password: bool
    """Whether one is set."""
    password: bool
    """Whether the guest has posted one."""


def summary(guest: GuestData) -> GuestSummary:
    """Return what may be shown to whoever may look."""
    return GuestSummary(
        user_data=None if guest.user_data is None else len(guest.user_data),
        keys=tuple((key.name, fingerprint(key.public_key)) for key in guest.keys),
        meta=dict(guest.meta),
        files={file.path: len(file.content) for file in guest.files},
        image=guest.image,
        kernel=guest.kernel,
        ramdisk=guest.ramdisk,
        flavor=guest.flavor,
        availability_zone=guest.availability_zone,
        admin_password=guest.admin_password is not None,
        password=bool(guest.password),
    )
