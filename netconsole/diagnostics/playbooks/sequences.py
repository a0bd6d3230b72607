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

NO_ADDRESS = Playbook(
    "no-address",
    "An instance has no address",
    "An instance gets no address by DHCP, or a wrong one.",
    (
        Stage("bridge", "without port and bridge no request reaches anybody"),
        Stage("dnsmasq_processes", "a server has to be there, one, with the right arguments"),
        Stage("dhcp_firewall", "what is dropped on its way in concerns every instance alike"),
        Stage("dhcp_hosts", "the server answers only those that it has a host file for"),
        Stage("inotify", "it has to have heard of the file"),
        Stage("dhcp_probe", "the whole way is gone in the instance's name: server or guest?"),
        Stage("dhcp_rogue", "the same question shows who else answers"),
        Stage("dhcp_checksum", "the answer arrives, and an old guest drops it"),
        Stage("dhcp_nak", "the guest had an address, and was refused it"),
        Stage("dnsmasq_load", "the answer comes too late"),
        Stage("state_directory", "leases that cannot be written are forgotten"),
        Stage("mandatory_access", "the server may not read its own files"),
        Stage("guest_answers", "all of that is in order, and the guest is silent: look inside it"),
    ),
    "What can be read comes first: port and bridge, the server, the packet filter between them, "
    "and what the server knows. Then a DISCOVER in the instance's name, from a port beside its "
    "own, divides what is left: where it is answered rightly, bridge, filter and server are in "
    "order, and the fault is the instance's port or in the guest. No lease changes by that.",
    "an instance",
)

SLOW_DNS = Playbook(
    "slow-dns",
    "Names are resolved late, or not at all",
    "Instances wait for seconds before a connection begins, or find no names.",
    (
        Stage("dns", "asks on both sides of dnsmasq at once: on which is the time lost?"),
        Stage("dnsmasq_processes", "dnsmasq has to be there, and not stopped"),
        Stage("dnsmasq_load", "it does one thing at a time"),
        Stage("dhcp_firewall", "the host is answered and guests are not: port 53 is dropped"),
        Stage("bridge", "guests do not reach the host at all"),
    ),
    "A name that is in no cache is asked of the network's dnsmasq and of each server behind it, "
    "at the same moment. Both slow: the time is lost behind dnsmasq. dnsmasq alone: in it. "
    "Neither: between the guest and dnsmasq, which the packet filter and the bridge show.",
    "a network or an instance",
)

DNSMASQ = Playbook(
    "dnsmasq",
    "The dnsmasq processes",
    "Which dnsmasq processes there should be, which there are, and whose they are.",
    (
        Stage("dnsmasq_processes", "each network has one, with the arguments that it wants now"),
        Stage("inotify", "each hears of new instances"),
        Stage("dnsmasq_load", "each has time to answer"),
        Stage("dhcp_rogue", "nobody else answers in their place"),
    ),
    "One process for each network that is served here, and a helper child besides where it has a "
    "--dhcp-script; libvirt, NetworkManager, Incus and LXD have their own. The cure ends, starts "
    "or restarts what is wrong of ours. It never does what `killall dnsmasq` does, which takes "
    "DHCP and DNS from all networks at once, and from those of other programs.",
)

SEQUENCES = (NO_ADDRESS, SLOW_DNS, DNSMASQ, PACKET_LOSS, REVERSE_PATH)
"""In the order in which they are listed."""
