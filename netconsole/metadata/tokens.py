"""Tokens: those of EC2's metadata service (IMDSv2), by which guests show that they asked once.

A token is for one instance and for so many seconds, and says both itself, signed: none is kept.
They are good as long as the key is, which is made when the service starts; a client whose token
is refused asks for another one.
"""

import base64
import binascii
import hmac
import secrets
import struct
from typing import Final

from netconsole.backend.model.text import decoded

TOKEN_PATH: Final = ("latest", "api", "token")
TOKEN: Final = "X-aws-ec2-metadata-token"  # noqa: S105  the name of a header
LIFETIME: Final = "X-aws-ec2-metadata-token-ttl-seconds"
LONGEST_SECONDS: Final = 21600
_STAMP = struct.Struct(">Q8s")
_LONGEST: Final = 128


def lifetime(value: str | None) -> int | None:
    """Return the seconds that a header asks for; None where it does not say 1 to 21600."""
    if value is None or not (value.isascii() and value.isdigit()) or len(value) > 5:
        return None
    seconds = int(value)
    return seconds if 1 <= seconds <= LONGEST_SECONDS else None


class TokenKey:
    """Makes tokens and knows them again."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def issue(self, instance: str, seconds: int, now: float) -> str:
        """Return a token of an instance, by its uuid; `now` is in seconds of any one clock."""
        stamp = _STAMP.pack(int(now) + seconds, secrets.token_bytes(8))
        return decoded(base64.urlsafe_b64encode(stamp + self._signature(instance, stamp)))

    def holds(self, token: str, instance: str, now: float) -> bool:
        """Whether a token is the instance's, and its time is not over."""
        if len(token) > _LONGEST:
            return False
        try:
            data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
            end, _ = _STAMP.unpack_from(data)
        except (UnicodeEncodeError, binascii.Error, struct.error):
            return False
        stamp, signature = data[: _STAMP.size], data[_STAMP.size :]
        return hmac.compare_digest(signature, self._signature(instance, stamp)) and now < end

    def _signature(self, instance: str, stamp: bytes) -> bytes:
        return hmac.digest(self._key, stamp + instance.encode(), "sha256")
