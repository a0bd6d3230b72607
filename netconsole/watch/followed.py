"""Followed: what this process did after a look, as part of what is seen. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netconsole.backend.model.facility import NOTHING, Again, Facility
from netconsole.backend.service.looking import Look
from netconsole.watch.picture import Picture


@dataclass(frozen=True, slots=True)
class Followed:
    """What of the host it changed, and what it should have done and could not."""

    again: Again = NOTHING
    metadata_failed: str = ""
    """Why it does not serve metadata where it should."""


def together(parts: Iterable[Followed]) -> Followed:
    """Return what all of them did."""
    whole = Followed()
    for part in parts:
        failed = whole.metadata_failed or part.metadata_failed
        whole = Followed(whole.again | part.again, failed)
    return whole


def with_failure(look: Look, latest: Picture | None, failed: str) -> Look:
    """Return a look that tells of what failed; it differs where the latest picture did not."""
    survey = replace(look.survey, metadata_failed=failed)
    told = "" if latest is None else latest.survey.metadata_failed
    changed = look.changed if failed == told else look.changed | {Facility.LISTENERS}
    return replace(look, survey=survey, changed=changed)
