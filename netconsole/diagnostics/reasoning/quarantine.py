"""Keeps one port of a bridge from claiming an address: nothing else that it sends is stopped."""

from netconsole.backend.steps import Plan, RunProgram

COST = (
    "The rules drop what that port says in ARP under this address, to the host and to other ports, "
    "and stay until they are taken back: do so once the address is gone from there."
)


def silence(address: str, port: str) -> Plan:
    """Plan two rules of ebtables(8) against ARP from that port in the name of this address."""
    match = ("-i", port, "-p", "ARP", "--arp-ip-src", address, "-j", "DROP")
    return Plan(
        tuple(
            RunProgram(
                ("ebtables", "-t", "filter", "-I", chain, *match),
                ("ebtables", "-t", "filter", "-D", chain, *match),
            )
            for chain in ("INPUT", "FORWARD")
        )
    )
