"""Bytes from outside as text, and text as it may be shown. Pure.

Names of interfaces, processes, files and rules are bytes (ip-link(8), proc(5)), and any of them
may be no UTF-8, steer a terminal or hold a line break. They become text here, so that they go back
to the kernel as they came; and they are shown escaped, so that they do nothing to who reads them.
"""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

_NAMED = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
_PASSWORD = re.compile(r"(//[^/@]*?:)[^/]*@")


def decoded(data: bytes) -> str:
    """Return the text of bytes from outside. What in them is no UTF-8 is kept as surrogates (PEP
    383)."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Return the bytes that a text was decoded from, or is written as.

    Raises UnicodeEncodeError for a surrogate that stands for no byte.
    """
    return text.encode("utf-8", "surrogateescape")


def visible(text: str) -> str:
    r"""Return a text on one line in which all that would steer a terminal, or not be seen, is
    escaped.

    A byte that is no UTF-8 is shown as \xff, a control character as \n or \x1b, and another one
    that is not printable, U+009B or a mark that reorders the line, as \u009b.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _NAMED:
        return f"\\{_NAMED[character]}"
    if _is_byte(character):
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def without_password(value: object) -> object:
    """Return a value as it is shown: of a URL without the password."""
    return _PASSWORD.sub(r"\1***@", value) if isinstance(value, str) else value


def in_shell(*words: str) -> str:
    """Return words as they are typed at bash: those that are not printable in its $'…'
    (bash(1))."""
    return " ".join(map(_in_shell, words))


def _in_shell(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    typed = (c if c.isprintable() else _typed(c) for c in re.sub(r"(['\\])", r"\\\1", word))
    return f"$'{''.join(typed)}'"


def _typed(character: str) -> str:
    if character in _NAMED:
        return f"\\{_NAMED[character]}"
    octets = character.encode(
        "utf-8", "surrogateescape" if _is_byte(character) else "surrogatepass"
    )
    return "".join(f"\\x{octet:02x}" for octet in octets)


def _is_byte(character: str) -> bool:
    return "\udc80" <= character <= "\udcff"


def from_json(document: str) -> Any:
    """Read what a program prints as JSON: iproute2 writes a name's control characters as they are.

    Raises ValueError.
    """
    return json.loads(document, strict=False)


def documents_in(text: str) -> Iterator[Any]:
    """Read one JSON document after the other, as a batch of iproute2's prints them.

    Raises ValueError.
    """
    decoder = json.JSONDecoder(strict=False)
    left = text.lstrip()
    while left:
        document, end = decoder.raw_decode(left)
        yield document
        left = left[end:].lstrip()
