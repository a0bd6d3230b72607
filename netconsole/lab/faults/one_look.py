"""The host as it is at one moment, for all faults alike."""

from functools import cached_property

from netconsole.backend.service.service import Service
from netconsole.backend.survey.survey import Survey


class OneLook(Service):
    """A service that surveys once, when it is first asked to, and tells the same from then on."""

    def survey(self) -> Survey:
        return self._seen

    @cached_property
    def _seen(self) -> Survey:
        return super().survey()
