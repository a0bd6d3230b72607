"""Static vendor data: what a cloud's admin tells all guests, from a file."""

import json
from collections.abc import Callable, Mapping

from netconsole.backend.model.errors import said
from netconsole.backend.system.files import read_text


def static_vendor_data(path: str, say: Callable[[str], None]) -> Mapping[str, object]:
    """Return the object in the file of vendordata_jsonfile_path; nothing where there is none.

    One that cannot be used is told of, and counts as empty, as in nova.
    """
    if not path:
        return {}
    try:
        found = json.loads(read_text(path))
    except (OSError, RecursionError, ValueError) as error:
        say(f"vendordata_jsonfile_path {path}: {said(error)}")
        return {}
    if not isinstance(found, dict):
        say(f"vendordata_jsonfile_path {path}: must hold a JSON object")
        return {}
    return found
