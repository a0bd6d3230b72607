"""Which programs keep rules in the packet filter, by the names of their chains and tables. Pure."""

from netconsole.backend.model.table_names import Kind
from netconsole.diagnostics.parts.packet_filter import PacketFilter

CHAINS: dict[str, str] = {
    "CILIUM_": "cilium",
    "CNI-": "a CNI plugin",
    "CROWDSEC_": "crowdsec",
    "DOCKER": "docker",
    "FLANNEL-": "flannel",
    "FORWARD_direct": "firewalld",
    "ISTIO_": "istio",
    "KUBE-": "kube-proxy",
    "LIBVIRT_": "libvirt",
    "MINIUPNPD": "miniupnpd",
    "NETAVARK": "podman",
    "WEAVE-": "weave",
    "cali-": "calico",
    "f2b-": "fail2ban",
    "neutron-": "neutron",
    "nova-compute-": "nova-compute",
    "sshguard": "sshguard",
    "ts-": "tailscale",
    "ufw-": "ufw",
}
"""By how the names of their chains begin."""

TABLES: dict[str, str] = {
    "cilium": "cilium",
    "crowdsec": "crowdsec",
    "docker-bridges": "docker",
    "f2b-table": "fail2ban",
    "firewalld": "firewalld",
    "fw4": "OpenWrt's fw4",
    "incus": "incus",
    "io.systemd.nat": "systemd-networkd",
    "kube-proxy": "kube-proxy",
    "libvirt_network": "libvirt",
    "lxc": "lxc",
    "lxd": "lxd",
    "netavark": "podman",
    "nm-shared-": "NetworkManager",
    "sshguard": "sshguard",
    "wg-quick-": "wg-quick",
}
"""By how the names of their tables in nftables begin."""


def keeper_of(chain: str) -> str:
    """Return the program whose chain this is, empty where it is not known."""
    return next((name for prefix, name in CHAINS.items() if chain.startswith(prefix)), "")


def keeper_of_table(table: str) -> str:
    """Return the program whose table of nftables this is, empty where it is not known."""
    return next((name for begin, name in TABLES.items() if table.startswith(begin)), "")


def keepers(seen: PacketFilter, kind: Kind) -> dict[str, tuple[str, ...]]:
    """Return the programs that keep chains in the tables of this kind, with those chains."""
    found: dict[str, dict[str, None]] = {}
    for chain in seen.chains:
        if chain.kind == kind and (name := keeper_of(chain.chain)):
            found.setdefault(name, {})[chain.chain] = None
    return {name: tuple(chains) for name, chains in sorted(found.items())}


def other_kind(seen: PacketFilter) -> Kind:
    """Return the kind that `iptables` does not show on this host."""
    return "legacy" if seen.command == "nft" else "nft"
