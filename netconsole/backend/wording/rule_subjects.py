"""What a rule of ours is about, as far as its words tell: those of one left over do. Pure."""

import re

from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model import subject
from netconsole.backend.model.subject import METADATA, METADATA_ADDRESS, Subject

METADATA_MATCH = f"-d {METADATA_ADDRESS}/32 -p tcp -m tcp --dport 80"
_AIM = re.compile(r"--to-destination (\S+):(\d+)|--to-ports (\d+)")
_LED_IN = re.compile(r"-d (\S+)/32 -j DNAT --to-destination \S+")
_LED_OUT = re.compile(r"-s \S+/32 (?:\S.* )?-j SNAT --to-source (\S+)")


def subject_of(chain: str, spec: str) -> Subject | None:
    """Return what a rule of ours is about, as far as it tells that itself, as one left over.

    That is a floating address, whichever fixed address it belongs to, or the metadata service.
    """
    match chain.removeprefix(CHAIN_PREFIX):
        case "PREROUTING" if spec.startswith(METADATA_MATCH):
            return METADATA
        case "PREROUTING" | "OUTPUT":
            found = _LED_IN.fullmatch(spec)
        case "POSTROUTING" | "floating-snat":
            found = _LED_OUT.fullmatch(spec)
        case _:
            found = None
    return subject.floating(found[1]) if found else None


def aim_of(spec: str) -> tuple[str, int] | None:
    """Return the address and port to which a rule of the metadata service leads."""
    if found := _AIM.search(spec):
        return found[1] or "127.0.0.1", int(found[2] or found[3])
    return None
