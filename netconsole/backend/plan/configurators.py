"""Who else configures an interface that becomes a port, and what an admin has to do. Pure.

They know nothing of the bridge: what has gone to it they put on the port once more, or end.
"""

from collections.abc import Iterator, Mapping

from netconsole.backend.model.belongings import is_v6
from netconsole.backend.steps import MoveAddresses, Plan

NETWORKD = "systemd-networkd"
NETWORK_MANAGER = "NetworkManager"

_OUT: Mapping[str, str] = {
    NETWORKD: "say `Unmanaged=yes` in the [Link] section of its .network file",
    NETWORK_MANAGER: "nmcli device set {port} managed no",
}
"""How an interface is taken from each (systemd.network(5), nmcli(1))."""


def notes(
    steps: Plan, configured_by: Mapping[str, str], dhcp_clients: Mapping[str, str]
) -> Iterator[str]:
    """Yield sentences on what would undo a move.

    `configured_by` says who configures an interface, `dhcp_clients` names a process on it.
    """
    for step in steps.steps:
        if not isinstance(step, MoveAddresses) or not step.to_bridge:
            continue
        if (who := configured_by.get(step.port)) is not None:
            out = _OUT[who].format(port=step.port)
            yield (
                f"{step.port} is configured by {who}, which may put on it again what is on "
                f"{step.bridge} now, and does so when this host starts: {out}, and configure "
                f"{step.bridge} instead"
            )
        if (client := dhcp_clients.get(step.port)) is not None:
            yield (
                f"{client} is a DHCP client on {step.port}, where it hears no answers any more: "
                f"end it and run one on {step.bridge}, or its server gives the address to another"
            )
        for address in step.belongings.addresses:
            if "valid_lft" in address and not is_v6(address):
                left = address[address.index("valid_lft") + 1]
                yield (
                    f"{address[0]} on {step.bridge} has {left} seconds left, it is from DHCP: run "
                    f"its client on {step.bridge} from now on, {step.port} hears no answers"
                )
