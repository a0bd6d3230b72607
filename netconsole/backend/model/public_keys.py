"""Public keys as authorized_keys has them (sshd(8), RFC 4253 section 6.6). Pure."""

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netconsole.backend.model.errors import InvalidValue

FIELDS = {
    "ssh-rsa": 2,
    "ssh-dss": 4,
    "ssh-ed25519": 1,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
    "sk-ssh-ed25519@openssh.com": 2,
    "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}
"""The kinds of keys, and how many values each has (RFC 4253, 5656, 8709; PROTOCOL.u2f)."""

LONGEST = 16384
"""Characters; an RSA key of 16384 bits has some 2,800."""

_PRIVATE = ("PRIVATE KEY-----", "PuTTY-User-Key-File-")
_OTHER_FORMS = {"---- BEGIN SSH2 PUBLIC KEY ----": "RFC4716", "-----BEGIN PUBLIC KEY-----": "PKCS8"}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key."""

    kind: str
    line: str
    """Kind, key in base64 and perhaps a comment, with one blank between them."""
    fingerprint: str
    """As `ssh-keygen -l -E md5` shows it, after its MD5:."""


def parse(what: str, name: str, text: str) -> PublicKey:
    """Read a public key. `name` is what its file is called, for the errors: no key is in them.

    Raises InvalidValue where it is none, a private one among them.
    """
    if any(mark in text for mark in _PRIVATE):
        raise InvalidValue(
            what, name, "is a private key, which nobody else may have: give the public one, *.pub"
        )
    for begins, form in _OTHER_FORMS.items():
        if begins in text:
            how = f"`ssh-keygen -i -m {form} -f FILE`"
            raise InvalidValue(what, name, f"is a public key in another form: {how} converts it")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(text) > LONGEST or len(lines) != 1:
        raise InvalidValue(what, name, _RULE)
    kind, _, rest = lines[0].strip().partition(" ")
    encoded, _, comment = rest.strip().partition(" ")
    comment = comment.strip()
    blob = _blob(kind, encoded)
    if blob is None or not comment.isprintable():
        raise InvalidValue(what, name, _RULE)
    line = " ".join(filter(None, (kind, encoded, comment)))
    return PublicKey(kind, line, fingerprint(line))


def fingerprint(line: str) -> str:
    """MD5 of the key in a line, in pairs of hexadecimal digits with colons."""
    blob = base64.b64decode(line.split(" ")[1])
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


_RULE = (
    "must hold one public key, as ssh-keygen writes *.pub: "
    f"{', '.join(FIELDS)}, and the key in base64"
)


def _blob(kind: str, encoded: str) -> bytes | None:
    """The key itself; None where it is none of that kind."""
    try:
        blob = base64.b64decode(encoded, validate=True)
        values = list(_values(blob))
    except (ValueError, binascii.Error, struct.error):
        return None
    if kind not in FIELDS or len(values) != 1 + FIELDS[kind]:
        return None
    return blob if values[0] == kind.encode() and all(values) else None


def _values(blob: bytes) -> Iterator[bytes]:
    """The values of a key, each after its length (RFC 4251 section 5). Raises ValueError."""
    at = 0
    while at < len(blob):
        (length,) = struct.unpack_from(">I", blob, at)
        at += 4 + length
        if at > len(blob):
            raise ValueError("is cut off")
        yield blob[at - length : at]
