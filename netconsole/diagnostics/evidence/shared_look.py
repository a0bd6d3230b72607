"""SharedLook: the one look at the host that all collectors of a run share."""

import threading

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.facility import Facility
from netconsole.backend.model.hoststate import Observed
from netconsole.backend.service.looking import Look
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import Unread


class SharedLook:
    """Looks once, when the first collector asks for it; the others wait for that look.

    It is no older than the run: of what was seen before by who looks at the host anyway, those
    facilities are looked at anew which the run's parts are made of.
    """

    def __init__(
        self, request: Request, facilities: frozenset[Facility], *, of_whole_host: bool
    ) -> None:
        """Where the whole host is not needed, and nobody knows most of it anyway, no look is made:
        each part is read alone then."""
        self._service = request.service
        self._looks = request.looks
        self._facilities = facilities
        self._is_shared = of_whole_host or request.looks is not None
        self._lock = threading.Lock()
        self._look: Look | NetconsoleError | OSError | None = None

    def look(self) -> Look:
        """Return the look. Raises NetconsoleError or OSError, Unavailable without a store."""
        with self._lock:
            if self._look is None:
                try:
                    self._look = self._looked()
                except (NetconsoleError, OSError) as error:
                    self._look = error
        if isinstance(self._look, Look):
            return self._look
        raise self._look

    def seen(self, facility: Facility) -> Observed | None:
        """Return what the reader of a facility said.

        None where no look is made: then it is read for this alone, as where what else a look needs
        cannot be had.
        """
        if not self._is_shared:
            return None
        try:
            return self.look().parts.get(facility)
        except (NetconsoleError, OSError):
            return None

    def _looked(self) -> Look:
        if isinstance(self._service, Unread):
            raise Unavailable(self._service.because)
        if self._looks is not None:
            return self._looks(self._facilities)
        return self._service.look()
