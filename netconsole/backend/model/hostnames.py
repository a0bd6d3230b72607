"""The host names of instances, made of their names as nova made them. Pure."""

import re

_BLANK = re.compile(r"[ _]")
_NO_LETTER = re.compile(r"[^a-z0-9.-]+")


def hostname(name: str, otherwise: str) -> str:
    """Return the host name of an instance that is called so, in small letters.

    Blanks and underscores become '-', and what a host name cannot hold is left out (RFC 1123
    section 2.1), so `Windows 2012 R2` is windows-2012-r2. `otherwise` stands for a name of which
    nothing is left.
    """
    kept = _NO_LETTER.sub("", _BLANK.sub("-", name).lower())
    labels = (label.strip("-") for label in kept.split("."))
    return ".".join(label for label in labels if label) or otherwise
