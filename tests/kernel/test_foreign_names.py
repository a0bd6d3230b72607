"""Names of others are bytes: whatever is in them, they end no verb, steer nothing, and stay."""

import json
import re

from cloud import FLOATING, answer, create_network, netconsole
from private_host import PrivateHost

NETWORKS = "/var/lib/netconsole/networks"
HOSTILE = (
    r"""
set -e
ip link add $'e\xff' type bridge; ip link add $'e\x1b[1m' type bridge
ip link add $'e\xc2\x9b2J' type bridge; ip link add 'e"x' type bridge
ip link add "e'x" type bridge; ip link add '$(id)' type bridge
ip link set $'e\xff' alias $'netconsole\nnetconsole:\xff\x1b[2J"'
ip address add 192.0.2.77/32 dev $'e\xff'; ip link set $'e\xff' up
ip route add 198.51.100.0/24 dev $'e\xff'
ip link add $'v\xe9x' type veth peer name vp0; ip link set vp0 up; ip link set $'v\xe9x' up
ip address add 192.0.2.65/28 dev $'v\xe9x'
ip route add 198.51.101.0/24 via 192.0.2.66 dev $'v\xe9x'
ip link add $'p\xe9' type veth peer name vp1; ip link set $'p\xe9' master br100 up
say() { iptables -t nat -A PREROUTING -m comment --comment "$1" -j ACCEPT; }
say $'x\n-A nova-network-PREROUTING -d 1.2.3.4/32 -j ACCEPT'
say $'\nCOMMIT\n*filter\n:nova-network-X - [0:0]\n'
say $'a\xff\x1b[31m\xc2\x9b "q" \' \\ \r\x0b\x85\xe2\x80\xa8'
say '-j nova-network-PREROUTING $(id)'
iptables -t nat -N $'c"\xff'
iptables -A FORWARD -i 'e"x' -m comment --comment 'y -j nova-network-X' -j ACCEPT
cd """
    + NETWORKS
    + r"""
mkfifo nova-fifo.opts; ln -s /dev/zero nova-zero.opts; mkdir nova-dir.opts; mkfifo strange
truncate -s 3G huge; touch $'strange\xff\n'; mkdir $'strange.\xff'
(exec -a $'dnsmasq\n\x1b[2J\xff' sleep 600) >/dev/null 2>&1 &
"""
)
"""What a host holds of others; a shell makes it of bytes."""

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\udc80-\udcff]")


def test_names_that_are_no_text_end_no_verb_and_steer_nothing(host: PrivateHost) -> None:
    create_network(host)
    host.run("bash", "-c", HOSTILE)
    before = host.run("bash", "-c", "iptables-save | grep -v ^# | md5sum; ip link | wc -l").stdout

    said = {}
    verbs = ("plan", "status", "status --json", "network list", "doctor", "doctor --probe", "apply")
    for verb in verbs:
        done = host.run("netconsole", *verb.split(), check=False)
        assert done.returncode in ((0, 1, 3) if "doctor" in verb else (0,)), done
        assert "bug" not in done.stderr
        assert not STEERING.search(done.stdout + done.stderr), verb
        said[verb] = done.stdout

    assert said["plan"] == ""
    rules = [each["rule"] for each in json.loads(said["status --json"])["nat"]]
    assert any("x\n-A nova-network-PREROUTING -d 1.2.3.4/32 -j ACCEPT" in rule for rule in rules)
    assert r"a\udcff\u001b[31m\u009b" in said["status --json"]
    assert host.run(
        "bash", "-c", "iptables-save | grep -v ^# | md5sum; ip link | wc -l"
    ).stdout == (before)


def test_a_floating_address_is_announced_on_a_bridge_whose_name_is_no_text(
    host: PrivateHost,
) -> None:
    host.run("bash", "-c", UPLINK)
    create_network(host)
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")

    netconsole(host, "floating", "associate", FLOATING, "web1")

    (shown,) = (each for each in answer(host, "status")["floating_ips"] if each["instance"])
    assert (shown["address"], shown["state"]) == (FLOATING, "ok")


UPLINK = r"""
set -e
ip link add $'p\xff' up type bridge; ip address flush dev eth0; ip link set eth0 master $'p\xff'
ip address add 203.0.113.2/24 dev $'p\xff'; ip route add default via 203.0.113.1
"""


def test_a_rule_that_takes_two_lines_leaves_a_chain_of_ours_and_comes_back(
    host: PrivateHost,
) -> None:
    create_network(host)
    added = (
        r"iptables -t nat -A nova-network-PREROUTING -m comment --comment $'\nCOMMIT\n' -j ACCEPT"
    )
    host.run("bash", "-c", added)

    planned = host.run("netconsole", "plan", check=False)

    assert planned.returncode == 2
    host.run("bash", "-c", planned.stdout)
    assert host.run("netconsole", "plan", check=False).returncode == 0
    host.run("bash", "-c", added)
    host.run("netconsole", "apply")
    assert "COMMIT\nCOMMIT" not in host.run("iptables-save", "-t", "nat").stdout
    assert host.run("netconsole", "plan", check=False).returncode == 0
