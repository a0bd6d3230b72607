"""What the next look is for, by the latest and by what was heard. Pure, but for the clock."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netconsole.backend.model.facility import Again, Facility
from netconsole.backend.service.looking import Look
from netconsole.backend.survey.leases import next_event

FOR_CHECKS: Final = frozenset({Facility.ROUTES, Facility.NEIGHBOURS})
"""No picture holds these, but for the routes of a link that a plan moves."""
_UNTOLD: Final = frozenset(
    {Facility.SETTINGS, Facility.LISTENERS, Facility.DNSMASQ, Facility.JOURNAL}
)
"""Of some of these nobody tells: a setting written under /proc/sys, a process that was stopped."""
_OF_NETWORKS: Final = frozenset({Facility.FILES, Facility.HOSTS, Facility.LEASES})


def servers(look: Look) -> Iterator[int]:
    """Return the dnsmasq processes that are heard of when they end."""
    return (pid for server in look.survey.observed.dnsmasq for pid in server.pids)


def untold(look: Look | None, deaf: frozenset[Facility]) -> frozenset[Facility]:
    """Of what nothing tells on this host.

    Of rules, where some are of the legacy kind; and of a `networks_path` that becomes fit, as where
    the target of a link is made, or a file system is mounted anew for writing. `deaf` is of what
    this process is not told.
    """
    if look is None:
        return _UNTOLD
    found = _UNTOLD | deaf
    rules = look.parts.get(Facility.RULES)
    if rules is not None and (rules.generation is None or rules.other_chains):
        found |= {Facility.RULES}
    return found | (_OF_NETWORKS if look.survey.observed.networks_unfit else frozenset())


def of_pictures(heard: Again, look: Look | None) -> Again:
    """Return what was heard without what no picture holds."""
    apart = FOR_CHECKS
    if look is not None and look.survey.observed.belongings:
        apart -= {Facility.ROUTES}
    return replace(heard, facilities=heard.facilities - apart)


def next_moment(look: Look) -> float | None:
    """When time alone changes what the store says of addresses."""
    survey = look.survey
    if survey.read_only_because is not None or look.stored is None:
        return None
    leases = survey.observed.leases
    return next_event(look.stored.found, leases, survey.options, time.time())
