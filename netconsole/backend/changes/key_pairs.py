"""Key pairs of projects: public keys by a name, for instances to let in who has the private one."""

from dataclasses import dataclass

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written, quota
from netconsole.backend.changes.attachment import Attachment, text_of
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.model import public_keys, validate
from netconsole.backend.model.guest_data import KeyPair
from netconsole.backend.model.public_keys import PublicKey
from netconsole.backend.model.records import Regrouping
from netconsole.backend.model.subject import GROUPS, Scope
from netconsole.backend.store import key_pairs


def read_key(attachment: Attachment) -> PublicKey:
    """Return the public key in a file. Raises InvalidValue."""
    return public_keys.parse("key", attachment.name, text_of("key", attachment))


@dataclass(frozen=True, slots=True)
class AddKeyPair(Change[KeyPair]):
    """Keep a project's public key by a name."""

    project: str
    name: str
    public_key: Attachment

    @property
    def title(self) -> str:
        return spelled("keypair add", self.name, self.public_key.name, project=self.project)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[KeyPair]:
        project = validate.display_name("project", self.project)
        name, key = validate.key_name(self.name), read_key(self.public_key)
        quota.check_key_pairs(connection, project, options)
        pair = KeyPair(0, project, name, "ssh", key.fingerprint, key.line)
        return Written(key_pairs.insert(connection, pair), regrouping=Regrouping())


@dataclass(frozen=True, slots=True)
class DeleteKeyPair(Change[KeyPair]):
    """Forget a project's public key; instances that have it keep it."""

    project: str
    name: str

    @property
    def title(self) -> str:
        return spelled("keypair delete", self.name, project=self.project)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[KeyPair]:
        pair = key_pairs.find(connection, self.project, self.name)
        key_pairs.delete(connection, pair)
        return Written(pair, regrouping=Regrouping())
