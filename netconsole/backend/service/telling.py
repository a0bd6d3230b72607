"""Telling: what guests are told beside their network, and who may read it back."""

import base64

from sqlalchemy import Connection

from netconsole.backend.model.errors import ReadOnly
from netconsole.backend.model.guest_data import GuestData, GuestSummary, KeyPair, summary
from netconsole.backend.model.text import decoded
from netconsole.backend.service.reading import Reading
from netconsole.backend.store import guest_data, instances, key_pairs


class Telling(Reading):
    """The part of the service that reads secrets: where nothing may be changed it reads none."""

    def refuse_if_read_only(self, title: str) -> None:
        """Raise ReadOnly where nothing may be changed."""
        if self.read_only_because is not None:
            raise ReadOnly(f"{title}: refused, this is read-only ({self.read_only_because})")

    def guest_summary(self, instance: str) -> GuestSummary:
        """Return what an instance is told beside its network: sizes and names; raises NotFound."""
        with self._store.reading() as connection:
            return summary(_guest(connection, instance))

    def user_data(self, instance: str) -> str | None:
        """Return the user data of an instance, in base64.

        Raises NotFound, and ReadOnly where nothing may be changed, as it may hold passwords.
        """
        self.refuse_if_read_only("user-data")
        with self._store.reading() as connection:
            return _in_base64(_guest(connection, instance).user_data)

    def guest_password(self, instance: str) -> str | None:
        """Return the password that a guest posted, in base64, still encrypted; raises as
        `user_data`."""
        self.refuse_if_read_only("get-password")
        with self._store.reading() as connection:
            return _in_base64(_guest(connection, instance).password)

    def key_pairs(self, project: str | None = None) -> tuple[KeyPair, ...]:
        """Return the key pairs of a project, or of all, by name."""
        with self._store.reading() as connection:
            return key_pairs.every(connection, project)

    def public_key(self, project: str, name: str) -> str:
        """Return the public key of a project's key pair; raises NotFound, and ReadOnly."""
        self.refuse_if_read_only("keypair show")
        with self._store.reading() as connection:
            return key_pairs.find(connection, project, name).public_key


def _guest(connection: Connection, instance: str) -> GuestData:
    return guest_data.of_instance(connection, instances.find(connection, instance))


def _in_base64(content: bytes | None) -> str | None:
    return None if content is None else decoded(base64.b64encode(content))
