"""The rules that names must keep before they reach the store, dnsmasq or the packet filter. Pure.

Every function returns the value and raises InvalidValue, naming the value and the rule.
"""

import re

from netconsole.backend.model.errors import InvalidValue

LONGEST_INTERFACE = 15
"""IFNAMSIZ less the closing zero (linux/if.h)."""

LONGEST_NAME = 255
LONGEST_LABEL = 63
LONGEST_DOMAIN = 253
"""As written; a DNS message has 255 octets for it (RFC 1035 section 3.1)."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_KEY_NAME = re.compile(r"[A-Za-z0-9_.@-][A-Za-z0-9 _.@-]*")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")


def name(what: str, value: str) -> str:
    """Return a host, or another name that stands in configuration files."""
    if not _NAME.fullmatch(value) or len(value) > LONGEST_NAME:
        rule = (
            f"must be 1 to {LONGEST_NAME} letters, digits, '.', '_' or '-', a letter or digit first"
        )
        raise InvalidValue(what, value, rule)
    return value


def display_name(what: str, value: str) -> str:
    """Return what people call an instance, a network, a pool or a project, blanks and all.

    It is shown and looked up, and means nothing to another program.
    """
    fits = value.isprintable() and value == value.strip() and 1 <= len(value) <= LONGEST_NAME
    if not fits or value.startswith("-"):
        characters = f"1 to {LONGEST_NAME} printable characters"
        raise InvalidValue(
            what, value, f"must be {characters}, no blank at either end, no '-' first"
        )
    return value


def key_name(value: str) -> str:
    """Return the name of a key, as nova takes it, '.' and '@' besides."""
    fits = _KEY_NAME.fullmatch(value) and value == value.strip() and not value.startswith("-")
    if not fits or len(value) > LONGEST_NAME:
        letters = "letters, digits, blanks, '.', '_', '@' or '-'"
        rule = f"must be 1 to {LONGEST_NAME} {letters}, no blank at either end, no '-' first"
        raise InvalidValue("key name", value, rule)
    return value


def mac(what: str, value: str) -> str:
    """Return a MAC address that one guest can have, in small letters with colons (IEEE 802)."""
    small = value.lower().replace("-", ":")
    if not _MAC.fullmatch(small) or small == "00:00:00:00:00:00":
        raise InvalidValue(what, value, "must be a MAC address such as fa:16:3e:00:00:01")
    if int(small[1], 16) & 1:
        raise InvalidValue(what, value, "is a group's MAC address: its second digit must be even")
    return small


def domain(what: str, value: str) -> str:
    """Return a domain or a name with its domain, in small letters (RFC 1123 section 2.1)."""
    labels = value.lower().split(".")
    fits = all(_HOSTNAME.fullmatch(label) and len(label) <= LONGEST_LABEL for label in labels)
    if not fits or len(value) > LONGEST_DOMAIN or labels[-1].isdigit():
        rule = (
            f"must be a domain such as example.org: at most {LONGEST_DOMAIN} letters, digits or "
            f"'-', at most {LONGEST_LABEL} between dots, with no '-' at either end, no number last"
        )
        raise InvalidValue(what, value, rule)
    return value.lower()


def interface(what: str, value: str) -> str:
    """Return a network interface's name (ip-link(8))."""
    if not _NAME.fullmatch(value) or len(value) > LONGEST_INTERFACE:
        letters = f"1 to {LONGEST_INTERFACE} letters, digits, '.', '_' or '-'"
        raise InvalidValue(what, value, f"must be {letters}, a letter or digit first")
    return value
