"""Names of bridges. Pure."""

import re
from collections.abc import Collection

from netconsole.backend.configuration.options import Options
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.phrases import command

_NUMBER = re.compile(r"[0-9]*\Z")


def usable(given: str | None, options: Options) -> str:
    """Return the name of a bridge, by default the configuration's.

    Raises InvalidValue where it is missing or unfit.
    """
    name = options.flat_network_bridge if given is None else given
    if not name:
        rule = "name one, or set flat_network_bridge in the configuration"
        raise InvalidValue("bridge", "", rule)
    return validate.interface("bridge", name)


def taken(name: str, label: str) -> Conflict:
    """Return what is said of a bridge that another network has."""
    shown = command("network", "list")
    return Conflict(
        f"bridge {name} already carries network {label!r}: {shown} shows which bridges are taken"
    )


def next_free(name: str, taken: Collection[str]) -> str:
    """Return the name, or counted on from it the first that is not taken: br100, br101."""
    found = _NUMBER.search(name)
    digits = found.group() if found else ""
    stem, number = name.removesuffix(digits), int(digits or 0)
    while name in taken:
        number += 1
        name = f"{stem}{number:0{len(digits)}d}"
    return validate.interface("bridge", name)
