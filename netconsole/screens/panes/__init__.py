"""The panes, in the order of their keys."""

from netconsole.screens.panes import allocations, dnsmasq, floating, groups, nat, networks
from netconsole.screens.rows.pane import Pane

PANES: tuple[Pane, ...] = (
    networks.PANE,
    allocations.PANE,
    floating.PANE,
    dnsmasq.PANE,
    nat.PANE,
    groups.PANE,
)
