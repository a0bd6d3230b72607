"""The sequences of the playbooks: which checks, in which order, and why."""

from netconsole.diagnostics.playbooks.playbook import Playbook, Stage

REVERSE_PATH = Playbook(
    "rp_filter",
    "Reverse-path filtering",
    "Packets arrive at an interface and are dropped, as replies would leave by another.",
    (Stage("rp_filter", "the kernel is asked, then a probe shows it"),),
    "Asks the kernel about every source that is known on an interface, then proves the answer: "
    "the replies to a few echo requests come in where the requests went out, and each that the "
    "filter drops moves its counter.",
)

PACKET_LOSS = Playbook(
    "packet-loss",
    "Packets vanish between a VLAN, a bridge and an instance",
    "Captures on the whole path at once and says between which two interfaces packets get lost.",
    (
        Stage("bridge", "a port that is down or out of its bridge loses everything"),
        Stage("packet_loss", "each packet is looked for at the next interface of the path"),
    ),
    "The guide's three terminals in one: a capture at the interface that leads to other hosts, at "
    "the bridge and at the instance's port, while the instance asks names. Without an interface to "
    "other hosts, bridge and port. Where the host can enter the instance (its network namespace is "
    "one of this host), the queries are sent from inside; otherwise have someone send them.\n\n"
    "--filter takes any other traffic (pcap-filter(7)), --seconds how long to watch, 10 by "
    "default. `netconsole capture` shows the packets themselves and saves them for Wireshark.",
    target="an instance, a network, an interface, or a floating address (both sides of NAT)",
)

SEQUENCES = (REVERSE_PATH, PACKET_LOSS)
"""In the order in which they are listed."""
