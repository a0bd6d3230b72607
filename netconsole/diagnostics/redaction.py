"""Redaction: what must not leave the host in a file that a colleague gets. Pure."""

import re

REMOVED = "(removed)"

_WORDS = (
    *("password", "passwd", "passphrase", "secret", "token", "credential", "psk"),
    *("api[_-]?key", "private[_-]?key"),
)
_NAME = rf"[\w.-]*(?:{'|'.join(_WORDS)})[\w.-]*"
_SECRET = re.compile(_NAME, re.IGNORECASE)
_PATTERNS = (
    re.compile(
        r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S
    ),
    re.compile(r"(?i)([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)"),
    re.compile(r"(?im)^((?:x-auth-token|authorization|cookie)\s*:\s*).*$"),
    re.compile(rf"""(?i)({_NAME}["']?\s*[=:]\s*)(?!["'])[^\s,;}}\]]+"""),
    re.compile(rf"""(?i)({_NAME}["']?\s*[=:]\s*")[^"\n]+(?=")"""),
    re.compile(rf"""(?i)({_NAME}["']?\s*[=:]\s*')[^'\n]+(?=')"""),
    re.compile(rf"(?i)(--{_NAME}\s+)[^\s-]\S*"),
)
"""Each with what stays in front of the secret as its first group."""


def redacted_document(value: object) -> object:
    """Return what JSON holds with each text in it redacted, and so what has a secret's name.

    Unlike the text of the whole it stays JSON, whatever is quoted in it.
    """
    match value:
        case str():
            return redacted(value)
        case list():
            return [redacted_document(each) for each in value]
        case dict():
            return {name: _named(str(name), each) for name, each in value.items()}
    return value


def _named(name: str, value: object) -> object:
    is_secret = isinstance(value, str) and value and _SECRET.fullmatch(name)
    return REMOVED if is_secret else redacted_document(value)


def redacted(text: str) -> str:
    """Return a text without passwords, tokens, secrets and private keys; JSON stays JSON."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{REMOVED}", text)
    return text
