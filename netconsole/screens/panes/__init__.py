"""The panes, in the order of their keys."""

from netconsole.screens.pane import Pane
from netconsole.screens.panes import allocations, dnsmasq, floating, nat, networks

PANES: tuple[Pane, ...] = (
    networks.PANE,
    allocations.PANE,
    floating.PANE,
    dnsmasq.PANE,
    nat.PANE,
)
