"""The doctor on healthy hosts as people have them: it fails none, and warns of nothing."""

import json
import shlex

import pytest
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("tap", "dnsmasq", "nft", "conntrack", "ping")

FLAT = "config network_manager = nova.network.manager.FlatManager"
VLAN = (
    r"config $'network_manager = nova.network.manager.VlanManager\nvlan_interface = eth0';"
    "netconsole network create vlan --fixed-range-v4 10.1.0.0/16 --num-networks 2 "
    "--network-size 256 --vlan-start 100"
)
CREATE = "netconsole network create vmnet --fixed-range-v4 10.0.0.0/24 --bridge br100"
GUEST = "netconsole instance create web1 --project demo --network vmnet"

HOSTS = {
    "nothing was made yet": "true",
    "a network without instances": CREATE,
    "an instance that never booted": f"{CREATE}; {GUEST}",
    "no default route": f"ip route del default; {CREATE}; {GUEST}",
    "several default routes": "ip route add default via 203.0.113.9 dev eth0 metric 500;"
    f"ip route add default via 203.0.113.10 dev eth0 metric 600; {CREATE}; {GUEST}",
    "a default route by IPv6 alone": "ip route del default; ip address add 2001:db8::2/64 dev eth0"
    f" nodad; ip route add default via 2001:db8::1 dev eth0; {CREATE}; {GUEST}",
    "the network of another host": f"elsewhere '{CREATE}'",
    "the instance of another host": f"elsewhere '{CREATE}; {GUEST}'",
    "an instance of this host on a network of another": f"elsewhere '{CREATE}'; {GUEST}",
    "a network of many hosts, before its first instance": f"{CREATE} --multi-host T",
    "a network of many hosts, with an instance": f"{CREATE} --multi-host T; {GUEST}",
    "a network of many hosts, with instances elsewhere": f"elsewhere '{CREATE} --multi-host T; "
    f"{GUEST}'",
    "VLANs that nobody uses yet": VLAN,
    "Flat, and the bridge is not made yet": f"{FLAT}; {CREATE}",
    "Flat, with a bridge of the admin": f"{FLAT};"
    f"ip link add br100 type bridge; ip link set br100 up; {CREATE}; {GUEST}",
    "a bridge of the admin whose own mask is wider": "ip link add br100 type bridge;"
    "ip link set br100 up; ip address add 10.0.0.1/16 dev br100;"
    f"ip address add fd00:7::1/48 dev br100; {CREATE} --fixed-range-v6 fd00:7::/64; {GUEST}",
    "a gateway with a second mask": f"{CREATE}; {GUEST}; ip address add 10.0.0.1/16 dev br100;"
    "ip address add 10.0.0.1/32 dev br100",
    "a gateway elsewhere": f"config 'dhcpoption = 3,10.0.0.254'; {CREATE} --gateway 10.0.0.254;"
    f"{GUEST}",
    "one card for everything": f"config flat_interface = eth0; {CREATE}; {GUEST}",
    "one card for everything, and rules of others": "ip link add docker0 type bridge;"
    "iptables -t nat -N DOCKER; iptables -t nat -A DOCKER -i docker0 -j RETURN;"
    "iptables -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to 172.17.0.2:80;"
    "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE;"
    "iptables -t nat -A POSTROUTING -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE;"
    "iptables -A INPUT -i virbr0 -p udp --dport 67 -j ACCEPT;"
    "iptables -A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT;"
    "iptables -A INPUT -i br100 -p tcp --dport 22 -j ACCEPT;"
    "iptables -A FORWARD -m physdev --physdev-in eth0 -p tcp --dport 9 -j LOG;"
    "ebtables -A FORWARD -i eth0 -p IPv6 -j ACCEPT;"
    "nft add table inet firewalld; nft add chain inet firewalld filter_IN_public;"
    "nft add chain inet firewalld zones '{ type filter hook input priority 10; }';"
    "nft add rule inet firewalld zones iifname eth0 goto filter_IN_public;"
    "nft add rule inet firewalld zones goto filter_IN_public;"
    "nft add table netdev own;"
    "nft add chain netdev own in '{ type filter hook ingress device eth0 priority 0; }';"
    "nft add rule netdev own in iifname eth0 udp dport 9 drop;"
    f"config flat_interface = eth0; {CREATE}; {GUEST}",
    "a floating address": f"{CREATE}; {GUEST}; netconsole floating create --pool public --ip-range "
    "203.0.113.128/28; netconsole floating associate 203.0.113.129 web1",
    "Docker": "ip link add docker0 type bridge; ip address add 172.17.0.1/16 dev docker0;"
    "ip link set docker0 up; sysctl -qw net.ipv4.ip_forward=1; iptables -t nat -N DOCKER;"
    "iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER;"
    "iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER;"
    "iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE;"
    "iptables -N DOCKER; iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN;"
    "iptables -N DOCKER-ISOLATION-STAGE-1; iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN;"
    "iptables -A FORWARD -j DOCKER-USER; iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1;"
    "iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT;"
    "iptables -A FORWARD -o docker0 -j DOCKER; iptables -A FORWARD -i docker0 -j ACCEPT;"
    f"iptables -A DOCKER-USER -i br100 -j ACCEPT; iptables -A DOCKER-USER -o br100 -j ACCEPT;"
    f"iptables -P FORWARD DROP; {CREATE}; {GUEST}",
    "Kubernetes' rules after routing": "iptables -t nat -N KUBE-POSTROUTING;"
    "iptables -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN;"
    "iptables -t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000;"
    "iptables -t nat -A KUBE-POSTROUTING -j MASQUERADE;"
    f"iptables -t nat -I POSTROUTING -j KUBE-POSTROUTING; {CREATE}; {GUEST}",
    "libvirt's default network": "ip link add virbr0 type bridge;"
    "ip address add 192.168.122.1/24 dev virbr0; ip link set virbr0 up;"
    "dnsmasq --conf-file= --pid-file=/run/libvirt.pid --interface=virbr0 --bind-interfaces "
    "--except-interface=lo --listen-address=192.168.122.1 --leasefile-ro "
    "--dhcp-range=192.168.122.2,192.168.122.254;"
    "iptables -t nat -A POSTROUTING -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE;"
    "iptables -A FORWARD -i virbr0 -o virbr0 -j ACCEPT;"
    "iptables -A FORWARD -o virbr0 -j REJECT; iptables -A FORWARD -i virbr0 -j REJECT;"
    f"iptables -A INPUT -i virbr0 -p udp --dport 67 -j ACCEPT; {CREATE}; {GUEST}",
    "a resolver of its own": f"{CREATE}; {GUEST};"
    "dnsmasq --conf-file= --pid-file=/run/own.pid --listen-address=127.0.0.1 --bind-interfaces "
    "--except-interface=br100 --no-resolv --server=203.0.113.1;"
    "echo nameserver 127.0.0.1 > /etc/resolv.conf",
    "a stub resolver": f"echo nameserver 127.0.0.53 > /etc/resolv.conf; {CREATE}; {GUEST}",
    "native rules of nftables": "nft add table inet filter;"
    "nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }';"
    "nft add rule inet filter input ct state established,related accept;"
    "nft add rule inet filter input iifname lo accept;"
    "nft add rule inet filter input meta l4proto icmp accept;"
    "nft add rule inet filter input tcp dport 22 accept;"
    "nft add rule inet filter input iifname br100 udp dport '{ 53, 67 }' accept;"
    "nft add rule inet filter input iifname br100 tcp dport '{ 53, 8775 }' accept;"
    "nft add chain inet filter forward '{ type filter hook forward priority 0; policy accept; }';"
    f"nft add rule inet filter forward ct state invalid drop; {CREATE}; {GUEST}",
    "hardened settings": "sysctl -qw net.ipv4.conf.all.rp_filter=2 "
    "net.ipv4.conf.default.rp_filter=2 net.ipv4.conf.all.accept_redirects=0 "
    "net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.accept_redirects=0 "
    "net.ipv4.conf.all.log_martians=1 net.ipv4.conf.all.accept_source_route=0 "
    f"net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2; {CREATE}; {GUEST}",
    "addresses of a DHCP client": "ip address flush dev eth0;"
    "ip address add 203.0.113.2/24 dev eth0 valid_lft 3600 preferred_lft 3600;"
    "ip route add default via 203.0.113.1 dev eth0 proto dhcp src 203.0.113.2 metric 100;"
    f"ip route add 203.0.113.1 dev eth0 proto dhcp scope link metric 100; {CREATE}; {GUEST}",
    "a second card and no traffic": "ip link add eth1 type veth peer name eth1 netns outside;"
    "ip link set eth1 up; ip -n outside link set eth1 up;"
    f"ip address add 198.51.100.2/24 dev eth1; {CREATE}; {GUEST}",
    "a network that was deleted": f"{CREATE}; netconsole network delete vmnet",
}

PREPARE = """
config() { # LINE: of the configuration
    mkdir -p /etc/netconsole
    { echo [DEFAULT]; echo "$*"; } > /etc/netconsole/netconsole.conf
}
netconsole() { # of this host, whoever reads descriptor 3 runs it
    printf '%q ' "$@" >&3
    echo >&3
    read -r status
    return "$status"
}
elsewhere() { # COMMAND: on another host, which has the same store
    config $'host = another\\nnetworks_path = /run/another'
    unshare --net --pid --fork --kill-child --mount-proc bash -ec "ip link set lo up; $1"
    config
}
"""


def make(host: PrivateHost, made: str) -> str:
    """Run a script that makes a host; return what was said on stderr.

    Its netconsole is that of `host.run`, which is not loaded anew for each command.
    """
    script = f"exec 3>&1 >/dev/null\n{PREPARE.strip()}\n{made}"
    running = host.spawn("bash", "-e", "-c", script)
    assert running.stdin is not None
    assert running.stdout is not None
    said = ""
    for asked in running.stdout:
        done = host.run("netconsole", *shlex.split(asked), check=False)
        said += done.stderr
        running.stdin.write(f"{done.returncode}\n")
        running.stdin.flush()
    _, more = running.communicate(timeout=60)
    assert running.returncode == 0, said + more
    return said + more


@pytest.mark.parametrize("made", HOSTS.values(), ids=HOSTS.keys())
def test_nothing_is_found(host: PrivateHost, made: str) -> None:
    make(host, made)
    service = host.spawn("netconsole", "metadata", "serve")
    assert service.stderr is not None
    assert "metadata is served" in service.stderr.readline()
    done = host.run("netconsole", "doctor", "--json", check=False)
    assert done.stdout, done.stderr
    findings = json.loads(done.stdout)["findings"]
    found = [each for each in findings if each["verdict"] in ("warn", "fail")]
    assert [(each["check"], each["because"], each["fix"]) for each in found] == []


@pytest.mark.parametrize(
    ("kind", "asked"), [("--multi-host T", ["web1"]), ("--multi-host F", ["other", "web1"])]
)
def test_only_guests_that_this_host_serves_are_asked_for(
    host: PrivateHost, kind: str, asked: list[str]
) -> None:
    """With a gateway on every host, those of another host know nothing of this one's dnsmasq."""
    other = "netconsole instance create other --project demo --network vmnet"
    made = f"{CREATE} {kind}; elsewhere '{other}'; {GUEST}; netconsole apply"
    said = make(host, made)
    elsewhere = "host testhost gives the addresses of network 'vmnet': `netconsole apply` there"
    assert said.count(elsewhere) == ("other" in asked)

    done = host.run("netconsole", "doctor", "--probe", "--only", "dhcp_probe", "--json")

    (found,) = json.loads(done.stdout)["findings"]
    assert found["verdict"] == "ok"
    told = [each["label"] for each in found["evidence"]]
    assert sorted(told) == [f"{name} on br100" for name in asked]


OPERSTATE = "/sys/class/net/br100/operstate"
CHURN = """
while :; do unshare --net sh -c '
    for i in $(seq 300); do ip link add a$i up type veth peer name b$i; done
'; done
"""
"""Keeps the kernel busy with the links of others, so that it tells late of a carrier."""


def test_a_bridge_that_just_got_its_first_carrier_is_not_taken_for_silent(
    host: PrivateHost,
) -> None:
    make(host, f"{CREATE}; {GUEST}")
    for _ in range(4):
        host.spawn("sh", "-c", CHURN)
    for _ in range(3):
        eventually(lambda: host.run("cat", OPERSTATE).stdout == "down\n")
        host.run("netconsole", "doctor", "--probe", "--only", "dhcp_probe")
