"""Which check is built for which fault of the lab, and which may be named beside it, and why."""

from collections.abc import Mapping

_BUILT_FOR: Mapping[str, tuple[str, ...]] = {
    "address_conflict": ("neighbour_by_hand",),
    "arp_answers": ("arp_silent", "interface_without_arp", "no_echo"),
    "bridge": ("port_unplugged",),
    "bridge_nf": ("bridge_nf_off",),
    "dhcp_firewall": (
        *("dhcp_firewall_input", "dhcp_firewall_nft", "answers_of_dns", "answers_of_dhcp"),
    ),
    "dhcp_hosts": ("host_files_closed", "host_file_changed", "lease_of_a_stranger"),
    "dnsmasq_processes": ("dnsmasq_killed", "dnsmasq_stopped", "dnsmasq_pid_file"),
    "drops": ("drops_all",),
    "duplicate_address": ("duplicate_elsewhere",),
    "egress_source": ("egress_source_nft",),
    "fdb": ("fdb_ageing", "mac_twin"),
    "floating_address": ("floating_address_missing",),
    "floating_nat": ("nat_flushed", "uplink_bridged"),
    "forward_filter": (
        *("forward_filter_docker", "forward_filter_nft", "forward_filter_content"),
        *("forward_filter_banned", "forward_filter_late"),
    ),
    "gateway": ("gateway_twice", "gateway_without_mask"),
    "guards": ("guards_flushed", "guard_removed", "guard_address"),
    "guest_answers": (
        *("guest_address", "guest_no_lease", "guest_mac"),
        *("guest_mask", "guest_router", "guest_router_mac", "guest_filter"),
    ),
    "hairpin": (
        *("ports_isolated", "port_locked", "port_no_broadcast"),
        *("port_no_multicast", "port_no_learning", "port_suppressed"),
    ),
    "ip_forward": (
        *("bridge_forwards_nothing", "uplink_forwards_nothing", "forwarding_off_at_boot"),
    ),
    "kernel_settings": (
        *("udp_forgotten", "packets_of_one_hop", "neighbours_not_asked", "one_port_left"),
    ),
    "metadata": ("metadata_address", "metadata_service", "metadata_untranslated"),
    "mtu": ("mtu_beyond", "guest_mtu"),
    "neighbours": ("router_entered_wrong",),
    "packet_loss": (
        *("layer2_questions", "layer2_web", "layer2_between_guests", "arp_answers_filtered"),
        *("ingress_filter", "gateway_ping", "untracked", "short_lived"),
        *("queued_for_nobody", "names_led_astray"),
    ),
    "proxy_arp": ("answers_for_guests",),
    "routes": (
        *("rule_to_dead_table", "rule_on_the_way_back", "rule_of_a_mark"),
        *("default_in_halves", "route_more_specific", "router_gone", "questions_marked"),
    ),
    "rp_filter": ("strict_at_boot",),
    "stp": ("port_disabled",),
    "uplink": ("uplink_down", "cable_pulled", "host_address_lost"),
}
"""Of the faults that do not bear their check's own name."""

_CHECK_OF = {fault: check for check, faults in _BUILT_FOR.items() for fault in faults}

_UNGUARDED = {
    "guards": "the fault takes the guest's guard off, without which its lie gets out of its port"
}

BESIDE: Mapping[str, Mapping[str, str]] = {
    "gateway_twice": _UNGUARDED,
    "address_conflict": _UNGUARDED,
    "mac_twin": _UNGUARDED,
    "dhcp_rogue": _UNGUARDED,
    "floating_hairpin": {
        "bridge_nf": "it is by this setting that the fault comes, and with it security groups do "
        "not hold between guests: that is the worse"
    },
    "uplink_down": {
        "routes": "the kernel drops the default route with the interface, and setting that up "
        "does not bring it back"
    },
}
"""What else is named of a fault, and why a user is to know it: by fault, then by check."""


def check_of(fault: str) -> str:
    """Return the check that is built for a fault."""
    return _CHECK_OF.get(fault, fault)
