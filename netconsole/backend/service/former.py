"""What a host was before its first network: noted in the store, forgotten when it is put back."""

from dataclasses import dataclass

from sqlalchemy import Connection

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import touches_nothing
from netconsole.backend.intent.presence import Presence
from netconsole.backend.intent.settings import HEEDED_BY_A_ROUTER, held
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.kernel_settings import SWITCHES, belongs_to, is_accept_ra, lost
from netconsole.backend.model.records import Records
from netconsole.backend.plan import adoption
from netconsole.backend.plan.former import noted
from netconsole.backend.steps import Plan
from netconsole.backend.store import former_addresses, former_links, settings


@dataclass(frozen=True, slots=True)
class Former:
    """What a change finds, of which some is to be put back one day."""

    found: Records
    options: Options
    observed: Observed
    wanted: Wanted
    steps: Plan

    def note(self, connection: Connection) -> None:
        """Remember what networks change, from before the first of them that needs it otherwise.

        It is forgotten with the last one: then this very change puts it back.
        """
        self.remember(connection)
        self._forget(connection)

    def remember(self, connection: Connection) -> None:
        """Remember alone, where a change went not as far as to put anything back."""
        host = self.options.host
        for key, value in self._settings():
            settings.remember_sysctl(connection, host, key, value)
        known = self.found.former_links
        for link in noted(self.observed, self.wanted, self.steps, known):
            former_links.remember(connection, host, link)
        if not touches_nothing(self.options):
            kept = adoption.kept(self.found, self.options, self.steps)
            former_addresses.keep(connection, host, kept)

    def forget_made(self, connection: Connection) -> None:
        """Forget the addresses that are ours from now on; all that there is to a narrow change."""
        for place in adoption.made(self.steps):
            former_addresses.forget(connection, self.options.host, place)

    def _settings(self) -> list[tuple[str, str]]:
        needed, seen = self._needed(), self.observed.sysctls
        if not needed:
            return []
        heeded = [
            key
            for key, value in self.wanted.sysctls.items()
            if is_accept_ra(key) and value == HEEDED_BY_A_ROUTER and key in seen
        ]
        changed = [(key, seen[key]) for key in heeded]
        for switch in SWITCHES:
            if switch in needed and switch not in self.found.former_sysctls and switch in seen:
                changed += [(switch, seen[switch]), *lost(switch, seen[switch], seen)]
        return changed

    def _needed(self) -> dict[str, str]:
        return held(Presence(self.found, self.options))

    def _forget(self, connection: Connection) -> None:
        host, needed = self.options.host, self._needed()
        for switch in SWITCHES:
            if switch not in needed:
                gone = [key for key in self.found.former_sysctls if belongs_to(key, switch)]
                settings.forget_sysctls(connection, host, gone)
        if not touches_nothing(self.options):
            former_links.forget(connection, host, self.wanted.former_links)
