"""What this kernel has that others lack: VLAN devices, and iptables of the legacy kind."""

import re

from private_host import PrivateHost


def test_a_vlan_device_sends_tagged_frames_and_hears_those_of_its_tag(host: PrivateHost) -> None:
    host.run("ip", "link", "add", "link", "eth0", "name", "vlan100", "type", "vlan", "id", "100")
    host.run("ip", "address", "add", "10.1.0.1/24", "dev", "vlan100")
    host.run("ip", "link", "set", "vlan100", "up")
    for tag in ("100", "200"):
        name = f"vlan{tag}"
        host.outside("ip", "link", "add", "link", "eth0", "name", name, "type", "vlan", "id", tag)
        host.outside("ip", "link", "set", name, "up")
    capture = host.spawn(
        *("ip", "netns", "exec", "outside", "tcpdump", "-lnnei", "eth0", "-c1", "arp")
    )
    assert capture.stderr is not None
    while "listening on" not in capture.stderr.readline():
        pass

    host.outside("ip", "address", "add", "10.1.0.2/24", "dev", "vlan200")
    assert host.run("ping", "-c1", "-W1", "10.1.0.2", check=False).returncode != 0
    host.outside("ip", "address", "del", "10.1.0.2/24", "dev", "vlan200")
    host.outside("ip", "address", "add", "10.1.0.2/24", "dev", "vlan100")
    host.run("ping", "-c3", "-W1", "10.1.0.2")

    frame, _ = capture.communicate(timeout=60)
    assert re.search(r"802\.1Q.* vlan 100,", frame)


def test_iptables_is_the_legacy_kind_and_translates(host: PrivateHost) -> None:
    assert "legacy" in host.run("iptables", "--version").stdout
    redirect = "-d 198.51.100.9 -p icmp -j DNAT --to-destination 203.0.113.1"
    host.run("iptables", "-t", "nat", "-A", "OUTPUT", *redirect.split())
    host.run("ping", "-c1", "-w60", "198.51.100.9")
    assert "198.51.100.9" in host.run("conntrack", "-L", "-d", "198.51.100.9").stdout
