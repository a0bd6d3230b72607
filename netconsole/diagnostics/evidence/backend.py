"""Asks the backend."""

from typing import TYPE_CHECKING

from netconsole.backend.filtering.rules import specs
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.hoststate import ChainKey
from netconsole.backend.steps import Plan
from netconsole.diagnostics.evidence.shared_look import SharedLook
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import Unread
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.parts.comparison import comparison

if TYPE_CHECKING:
    from netconsole.backend.service.service import Service

PREROUTING = ChainKey("bridge", "nat", "PREROUTING")


def read_configuration(service: "Service | Unread") -> ConfiguredOptions:
    """Return the options in force; raises Unavailable without a configuration."""
    if isinstance(service, Unread):
        raise Unavailable(service.because)
    options = service.options
    return ConfiguredOptions(
        options.firewall_driver,
        options.metadata_host,
        options.metadata_port,
        options.firewall_source,
    )


def read_host(request: Request, shared: SharedLook) -> Backend:
    """Return what the backend knows.

    Raises Unavailable without a store, as that is nothing. Where a part of the host cannot be
    read there is no plan, and the status says which part.
    """
    seen = shared.look().survey
    unreadable = seen.observed.unreadable
    if reason := unreadable.get("store"):
        raise Unavailable(reason)
    return Backend(
        seen.status(),
        Plan() if unreadable else seen.plan,
        tuple(specs(seen.observed.chains.get(PREROUTING, ()))),
        comparison(seen.records, seen.observed, seen.wanted) if request.saves else None,
        obstacles=tuple(each for each in seen.obstacles if not each.file),
    )
