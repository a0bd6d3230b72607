"""Reads kernel settings: those of the reader's own network namespace (proc_sys(5))."""

from itertools import chain

from netconsole.backend.kernel import settings
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
    "net/ipv4/neigh/default/gc_thresh?",
    "net/ipv6/conf/*/accept_ra",
    "net/ipv6/conf/*/forwarding",
    "net/ipv6/neigh/default/gc_thresh?",
    "net/bridge/bridge-nf-*",
    "net/core/netdev_budget",
    "net/core/netdev_max_backlog",
    "net/netfilter/nf_conntrack_buckets",
    "net/netfilter/nf_conntrack_count",
    "net/netfilter/nf_conntrack_log_invalid",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "fs/inotify/max_user_*",
    "kernel/modules_disabled",
)
"""Patterns of the settings that checks look at."""


def read_sysctls() -> Sysctls:
    """Read the settings that checks look at; one that may not be read is left out."""
    return Sysctls(dict(chain.from_iterable(map(settings.matching, SETTINGS))))
