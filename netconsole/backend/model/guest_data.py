"""What a guest is told beside its network: user data, keys, metadata, files.

Names and fields are nova's. It is kept apart from `Records` and `InstanceView`: user data, keys
and passwords are for who may change the instance and for its guest, so nothing that others see is
made of it; of values with secrets in them not even `repr` tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from netconsole.backend.model.records import InstanceView

KeyKind = Literal["ssh"]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public key of a project, by a name: its instances let in whoever has the private one."""

    id: int
    project_id: str
    name: str
    type: KeyKind
    public_key: str
    """One line as in authorized_keys (sshd(8)), without options."""
    fingerprint: str
    """MD5 of the key, in pairs of hexadecimal digits with colons, as nova shows it."""


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
