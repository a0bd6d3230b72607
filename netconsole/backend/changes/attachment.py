"""Attachments: files of whoever asks for a change, which travel in it."""

import base64
import binascii
from dataclasses import dataclass, field

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.text import decoded


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a file holds, read where the command was given. Titles spell its name alone."""

    name: str
    """As it was typed."""
    content: str = field(repr=False)
    """In base64, as nova's API takes files and user data."""


def attached(name: str, content: bytes) -> Attachment:
    """Attach what a file holds."""
    return Attachment(name, decoded(base64.b64encode(content)))


def content_of(what: str, attachment: Attachment) -> bytes:
    """Return what a file holds. Raises InvalidValue where it is not in base64."""
    try:
        return base64.b64decode(attachment.content.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue(what, attachment.name, "must come in base64") from None


def text_of(what: str, attachment: Attachment) -> str:
    """Return what a file of text holds. Raises InvalidValue."""
    text = decoded(content_of(what, attachment))
    if any("\udc80" <= character <= "\udcff" for character in text):
        raise InvalidValue(what, attachment.name, "must hold a text in UTF-8")
    return text
