"""Picture: one look at a host, which all who look share. Immutable, so it may cross threads."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from netconsole.backend.model.authors import Authors
from netconsole.backend.model.facility import Facility
from netconsole.backend.survey.status import Status
from netconsole.backend.survey.survey import Survey
from netconsole.diagnostics.model.finding import Finding


@dataclass(frozen=True)
class Picture:
    """What the host held and should hold, of one moment."""

    taken: datetime
    """UTC, when the look began."""
    survey: Survey
    findings: tuple[Finding, ...] | None = None
    """Of the checks, made less often than the rest; None before the first time."""
    changed: frozenset[Facility] = frozenset()
    """What differs from the picture before; all of it in the first."""
    authors: Authors = field(default_factory=Authors)
    """Who has changed the packet filter since the picture before: firewalld, docker."""

    @cached_property
    def status(self) -> Status:
        """The survey put together, once somebody asks for it."""
        return self.survey.status()
