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
        Stage("vlan", "a wrong VLAN id or filter loses everything between card and bridge"),
        Stage("bridge_nf", "iptables may drop what never leaves the bridge"),
        Stage("fdb", "a bridge that learnt a wrong port sends frames there"),
        Stage("stp", "a port that only listens or learns forwards nothing"),
        Stage("mtu", "what is larger than the next interface takes is dropped in silence"),
        Stage("drops", "a queue that overflows loses packets under load"),
        Stage("saturation", "so does a processor that has no time for them"),
        Stage("kernel_settings", "a bound of the kernel drops where no rule and no queue does"),
        Stage("dns", "the server itself may be slow, with every packet in its place"),
        Stage("guest_answers", "the guest itself may send elsewhere, or refuse"),
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
        Stage("guest_answers", "the guest asks, takes what it is given, and keeps to it"),
    ),
    "What can be read comes first: port and bridge, the server, the packet filter between them, "
    "and what the server knows. Then a DISCOVER in the instance's name, from a port beside its "
    "own, divides what is left: where it is answered rightly, bridge, filter and server are in "
    "order, and the fault is the instance's port or in the guest. No lease changes by that.\n\n"
    "On a network of the Flat manager nobody gives addresses, and the stages of DHCP have nothing "
    "to look at: the guest reads its own from files or a config drive that were injected "
    "(`netconsole instance inject`), and the last stage says whether it has.",
    "an instance",
)

SLOW_DNS = Playbook(
    "slow-dns",
    "Names are resolved late, or not at all",
    "Instances wait for seconds before a connection begins, or find no names.",
    (
        Stage("kernel_settings", "the host itself asks, by ports and lifetimes of the kernel"),
        Stage("dns", "asks on both sides of dnsmasq at once: on which is the time lost?"),
        Stage("dnsmasq_processes", "dnsmasq has to be there, and not stopped"),
        Stage("dnsmasq_load", "it does one thing at a time"),
        Stage("dhcp_firewall", "the host is answered and guests are not: port 53 is dropped"),
        Stage("bridge", "guests do not reach the host at all"),
        Stage("guest_answers", "the guest asks the name server of its network, and no other"),
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

FLOATING_UNREACHABLE = Playbook(
    "floating-unreachable",
    "A floating address cannot be reached",
    "Nobody outside reaches an instance by its floating address.",
    (
        Stage("group_admits", "ping and SSH have to be let in by the instance's security groups"),
        Stage("group_rules", "and the kernel holds the rules by which they do"),
        Stage("forward_filter", "and by whatever else filters on this host"),
        Stage("legacy_filter", "rules that `iptables` does not list filter all the same"),
        Stage("firewall_off", "a firewall that was switched off is no explanation"),
        Stage("uplink", "the interface they lead through is up"),
        Stage("floating_nat", "the translations exist, each exactly once"),
        Stage("ingress_destination", "and no rule of others takes what arrives before them"),
        Stage("floating_address", "the address is on the public interface"),
        Stage("duplicate_address", "and on no other machine"),
        Stage("guest_answers", "the instance is there: host and guest are told apart"),
        Stage("ip_forward", "the host passes packets on at all"),
        Stage("packet_loss", "packets arrive at the inbound interface and get to the instance"),
        Stage("rp_filter", "packets that arrive are not dropped for the way their reply takes"),
        Stage("asymmetric_route", "replies leave where the requests came in"),
        Stage("conntrack_stale", "old connections do not keep an old translation"),
        Stage("conntrack_full", "new connections have room"),
        Stage("kernel_settings", "and are remembered until they are answered"),
        Stage("upstream_arp", "the router outside knows our hardware address"),
        Stage("arp_flux", "and one interface alone answers for it"),
        Stage("egress_source", "replies leave under the floating address"),
        Stage("mtu", "large packets fit"),
        Stage("hairpin", "the instance reaches itself by its own floating address"),
        Stage("floating_hairpin", "and its neighbours by theirs"),
    ),
    "The guide's list in its order, then what lies beyond it. The capture counts what arrives at "
    "the public interface and what gets to the instance's port, on both sides of NAT: have someone "
    "outside try meanwhile (--seconds 60 gives time).\n\n"
    "Try from outside, not from this host or from the instance's own host: a connection from here "
    "is translated in OUTPUT and meets neither the public interface nor the reverse path filter, "
    "so that it proves nothing of the way from outside. nova's guide says that one cannot SSH to a "
    "floating address from the same server; here the rules in OUTPUT make it work.",
    target="a floating address, or its instance",
)

VM_UNREACHABLE = Playbook(
    "vm-unreachable",
    "An instance cannot be reached",
    "Nobody reaches an instance, and it is not known where on the way packets end.",
    (
        Stage("bridge", "what is wanted is there: port and bridge"),
        Stage("gateway", "the guests' router is this host, and the only one"),
        Stage("dnsmasq_processes", "the network has its server"),
        Stage("dhcp_hosts", "and the server knows the instance"),
        Stage("drift", "nothing else differs from what is wanted"),
        Stage(
            "guest_answers", "asked at its own port the guest tells whether it is in order itself"
        ),
        Stage("stp", "the port forwards"),
        Stage("vlan", "tagged frames find their bridge"),
        Stage("fdb", "the bridge sends frames to the right port"),
        Stage("hairpin", "no port is isolated"),
        Stage("bridge_nf", "iptables does not drop what stays on the bridge"),
        Stage("address_conflict", "nobody else has the instance's address"),
        Stage("ip_forward", "the host passes packets on"),
        Stage("own_address", "the answers to what it sends in its own name come back to it"),
        Stage("uplink", "and the interface to the world is up"),
        Stage("forward_filter", "no rule of another program drops them"),
        Stage("legacy_filter", "nor one that `iptables` does not list"),
        Stage("rp_filter", "what comes in is not dropped for the way of its reply"),
        Stage("routes", "no other route leads the network's packets away"),
        Stage("proxy_arp", "nobody answers ARP in the instance's place"),
        Stage("mtu", "large packets fit"),
        Stage("conntrack_full", "new connections have room"),
        Stage("kernel_settings", "and are remembered until they are answered"),
        Stage("drops", "no queue overflows"),
        Stage("packet_loss", "where on the path a packet is seen last"),
    ),
    "Cheap before dear, each step halving the space: what is wanted against what is there, then "
    "the host's settings, then counters, then the guest itself, at last a capture at every "
    "interface of the path: the first at which packets come in and do not go on is the place.",
    target="an instance, by name or address",
)

NO_METADATA = Playbook(
    "no-metadata",
    "Instances get no metadata",
    "cloud-init waits for 169.254.169.254, or is refused, or is answered 404.",
    (
        Stage("gateway", "the request leaves the guest by its router"),
        Stage("metadata", "the address leads to a service, and somebody listens there"),
        Stage("dhcp_firewall", "a service here is reached through INPUT"),
        Stage("forward_filter", "a service on another machine is reached through FORWARD"),
        Stage("egress_source", "the service sees the fixed address, not a translated one"),
        Stage("guest_answers", "the guest is there at all"),
    ),
    "Follows a request from the guest to the service, which the agent carries where metadata_host "
    "is this host; `netconsole metadata list` says what came of the requests that arrived.",
    target="an instance",
)

IP_FORWARD = Playbook(
    "ip-forward",
    "The host does not pass packets on",
    "Instances reach the host and each other, and nothing beyond.",
    (
        Stage("ip_forward", "the switch of the host and of each interface"),
        Stage("forward_filter", "forwarded, and then dropped by a rule or policy"),
        Stage("legacy_filter", "by one that `iptables` does not list"),
        Stage("rp_filter", "dropped before they are forwarded"),
        Stage("routes", "forwarded to somewhere else"),
        Stage("kernel_settings", "forwarded, and forgotten before the answer comes"),
    ),
    "Forwarding that is off drops without a counter; what is dropped later has one. The cure is "
    "made permanent in sysctl.d with --persist, where the file's precedence is checked.",
)

FIREWALL_OFF = Playbook(
    "firewall-off",
    "Is a firewall to blame?",
    "Names everything on this host that filters guests' packets, instead of opening it all.",
    (
        Stage("firewall_off", "whether the firewall of instances was switched off already"),
        Stage("group_rules", "whether it is what the security groups say"),
        Stage("forward_filter", "what drops forwarded packets"),
        Stage("dhcp_firewall", "what drops DHCP and DNS on its way in"),
        Stage("bridge_nf", "what drops frames within a bridge"),
        Stage("legacy_filter", "rules that `iptables` does not list"),
        Stage("other_firewalls", "which programs keep rules here"),
        Stage("port_rules", "rules that ask for an interface which a bridge has taken"),
        Stage("conntrack_invalid", "connections that the filter takes for broken"),
    ),
    "The guide switches the firewall off for a while (firewall_driver=…NoopFirewallDriver) and "
    "warns to switch it on again. Here every table is read for the guests' packets, and the rule "
    "or policy that drops is named with its counter; its cure lets in just that.",
)

VHOST_NET = Playbook(
    "vhost_net",
    "Virtual machines lose their network, or are slow",
    "Whether running virtual machines use vhost_net, and loading it now and at boot.",
    (
        Stage("modules", "the module can be loaded"),
        Stage("vhost_net", "the device, who may open it, and who has it open"),
        Stage("drops", "packets that a guest does not fetch in time"),
    ),
    "The proof is an open descriptor of /dev/vhost-net, not an argument. Loading the module has no "
    "effect on instances that run: those that have to be stopped and started are named.",
)

SEQUENCES = (
    FLOATING_UNREACHABLE,
    VM_UNREACHABLE,
    NO_ADDRESS,
    NO_METADATA,
    SLOW_DNS,
    PACKET_LOSS,
    DNSMASQ,
    REVERSE_PATH,
    IP_FORWARD,
    FIREWALL_OFF,
    VHOST_NET,
)
"""In the order in which they are listed."""
