"""What each dnsmasq that runs is to the wanted ones. Pure."""

from netconsole.backend.model.hoststate import Dnsmasq
from netconsole.backend.survey.status import DnsmasqState


def dnsmasq_state(server: Dnsmasq, goal: Dnsmasq | None, running: set[str]) -> DnsmasqState:
    """Return how a process is to the one that is wanted for its bridge, if one is.

    `running` holds the bridges that another process serves already.
    """
    if not server.bridge:
        return "foreign"
    if goal is None:
        return "orphan"
    if server != goal:
        return "stale"
    if server.bridge in running:
        return "duplicate"
    return "stopped" if server.stopped else "running"


def expected_processes(server: Dnsmasq, state: DnsmasqState) -> tuple[int, str]:
    """Return how many processes a healthy dnsmasq with these arguments has, and why."""
    if state in ("duplicate", "orphan"):
        return 0, "no network asks for it"
    if any(argument.startswith("--dhcp-script") for argument in server.argv):
        return 2, "one that serves, and its helper child that runs the --dhcp-script"
    return 1, "no --dhcp-script is given, so there is no helper child"
