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
    configuration_kept: str = ""
    """Why it goes by its former configuration, where it does."""


def together(parts: Iterable[Followed]) -> Followed:
    """Return what all of them did."""
    whole = Followed()
    for part in parts:
        failed = whole.metadata_failed or part.metadata_failed
        kept = whole.configuration_kept or part.configuration_kept
        whole = Followed(whole.again | part.again, failed, kept)
    return whole


def told_by(latest: Picture | None) -> Followed:
    """Return what had failed by the latest picture."""
    if latest is None:
        return Followed()
    survey = latest.survey
    return Followed(NOTHING, survey.metadata_failed, survey.configuration_kept)


def with_failures(look: Look, latest: Picture | None, followed: Followed) -> Look:
    """Return a look that tells of what failed; it differs where the latest picture did not."""
    failed, kept = followed.metadata_failed, followed.configuration_kept
    survey = replace(look.survey, metadata_failed=failed, configuration_kept=kept)
    former = told_by(latest)
    told = former.metadata_failed, former.configuration_kept
    changed = look.changed if (failed, kept) == told else look.changed | {Facility.LISTENERS}
    return replace(look, survey=survey, changed=changed)
