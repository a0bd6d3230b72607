"""`netconsole guards`: what each port may send as, and how much else its guests have tried."""

import click

from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context

PORTS = ("instance", "network", "device", "state", "mac", "addresses", "allowed_addresses")

HINTS = {
    "spoofed_ipv6": "of IPv6 a guest has the addresses alone that it makes of its MAC address, "
    "none that change or are made up (RFC 8981, RFC 7217): inside, `sysctl -w "
    "net.ipv6.conf.eth0.use_tempaddr=0 net.ipv6.conf.eth0.addr_gen_mode=0` lets it use those; "
    "here, `netconsole instance allow-address NAME ADDRESS` allows it another"
}
"""What to do where it was no lie that was stopped."""


@click.command()
@as_json
@pass_context
def guards(context: Context, as_json: bool) -> None:
    """List what each port of this host may send as, and what was stopped.

    A guard lets a guest's own MAC and IP addresses through, and what `netconsole instance
    allow-address` allows beside them. What else a guest sends is dropped where it comes in, and
    counted by its kind, for all ports together: spoofed_mac, arp_spoof, rogue_ra and so on.
    """
    found = context.door().guards()
    if as_json:
        output.print_json(found)
        return
    output.print_table(PORTS, [[getattr(one, name) for name in PORTS] for one in found.ports])
    if found.is_off:
        output.say("the option guard takes the guards off every port (netconsole config show)")
        return
    if found.unsupported:
        output.say(f"this kernel holds no guards: {found.unsupported}")
        return
    if found.weakened:
        output.say(f"this kernel has no netdev guards: {found.weakened}")
    kinds = [(kind, packets) for kind, packets in sorted(found.stopped.items()) if packets]
    if kinds:
        output.print_lines([""])
        output.print_table(("stopped", "packets"), kinds)
        for kind, hint in HINTS.items():
            if found.stopped.get(kind):
                output.say(f"{kind}: {hint}")
    else:
        output.say("nothing was stopped")
