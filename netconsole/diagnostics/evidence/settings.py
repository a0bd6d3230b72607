"""Reads kernel settings: those of the reader's own network namespace (proc_sys(5))."""

from itertools import chain
from pathlib import Path
from typing import Final

from netconsole.backend.kernel import settings
from netconsole.backend.system import files
from netconsole.diagnostics.parts.settings import Sysctls

SETTINGS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/*/accept_redirects",
    "net/ipv4/conf/*/arp_announce",
    "net/ipv4/conf/*/arp_filter",
    "net/ipv4/conf/*/arp_ignore",
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/*/log_martians",
    "net/ipv4/conf/*/proxy_arp",
    "net/ipv4/conf/*/proxy_arp_pvlan",
    "net/ipv4/conf/*/rp_filter",
    "net/ipv4/icmp_echo_ignore_all",
    "net/ipv4/icmp_msgs_*",
    "net/ipv4/ip_default_ttl",
    "net/ipv4/ip_local_*ports",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/ipfrag_high_thresh",
    "net/ipv4/ipfrag_time",
    "net/ipv4/neigh/default/gc_thresh?",
    "net/ipv6/conf/*/accept_ra",
    "net/ipv6/conf/*/forwarding",
    "net/ipv6/icmp/echo_ignore_all",
    "net/ipv6/neigh/default/gc_thresh?",
    "net/bridge/bridge-nf-*",
    "net/core/default_qdisc",
    "net/core/netdev_budget",
    "net/core/netdev_max_backlog",
    "net/core/rmem_default",
    "net/core/somaxconn",
    "net/core/wmem_default",
    "net/netfilter/nf_conntrack_buckets",
    "net/netfilter/nf_conntrack_count",
    "net/netfilter/nf_conntrack_frag6_high_thresh",
    "net/netfilter/nf_conntrack_log_invalid",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/netfilter/nf_conntrack_*timeout*",
    "fs/inotify/max_user_*",
    "kernel/modules_disabled",
)
"""Patterns of the settings that checks look at."""


OF_ROUTED: Final = (
    "net/ipv4/neigh/{}/mcast_solicit",
    "net/ipv6/conf/{}/hop_limit",
    "net/ipv6/neigh/{}/mcast_solicit",
)
"""Those of each interface with a route: the ports of guests, thousands of them, have none."""
_ROUTES: Final = Path("/proc/net/route")


def read_sysctls() -> Sysctls:
    """Read the settings that checks look at; one that may not be read is left out."""
    routed = sorted(_routed())
    patterns = (*SETTINGS, *(each.format(name) for each in OF_ROUTED for name in routed))
    return Sysctls(dict(chain.from_iterable(map(settings.matching, patterns))))


def _routed() -> set[str]:
    """Return the interfaces of IPv4 routes (proc_net(5), route)."""
    lines = files.read_text(_ROUTES).splitlines()[1:]  # without a table, not even a head
    return {line.split("\t", 1)[0].strip() for line in lines}
