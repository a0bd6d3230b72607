"""The agent brings a host in line when it starts, and mends later what the option says."""

import time

import pytest
from agent import curl, running_agent
from cloud import FLOATING, answer, configure, netconsole
from private_host import PrivateHost, eventually

from netconsole.agent.repairing import OPERATION_SECONDS

NETWORK = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
CHAIN = "nova-network-floating-snat"


def is_in_line(host: PrivateHost) -> bool:
    return host.run("netconsole", "plan", check=False).returncode == 0


def drift(host: PrivateHost) -> list[str]:
    return host.run("netconsole", "plan", check=False).stdout.splitlines()


def create(host: PrivateHost, *options: str) -> None:
    configure(host, *options)
    netconsole(host, *NETWORK)
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--port-kind", "tap")
    netconsole(host, "floating", "create", "--pool", "nova", "--ip-range", f"{FLOATING}/32")
    netconsole(host, "floating", "associate", FLOATING, "web1")


def uplink(host: PrivateHost) -> None:
    host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "wire")
    host.run("ip", "link", "set", "wire", "up")


def break_all(host: PrivateHost) -> None:
    """As a boot leaves a host: nothing of ours is there."""
    for device in ("br100", answer(host, "status")["allocations"][0]["device"]):
        host.run("ip", "link", "delete", device)
    host.run("pkill", "-KILL", "-x", "dnsmasq")
    host.run("ip", "address", "flush", "dev", "eth0", "to", f"{FLOATING}/32")
    host.run("nft", "flush", "ruleset")
    host.run("rm", "-r", "/run/netconsole")


def test_it_brings_a_host_in_line_and_waits_for_what_comes_late(host: PrivateHost) -> None:
    uplink(host)
    create(host, "flat_interface = eth1")
    host.run("ip", "link", "delete", "wire")
    break_all(host)

    with running_agent(host) as said:
        eventually(lambda: drift(host) == [])
        eventually(lambda: "flat_interface 'eth1'" in said())
        assert FLOATING in host.run("ip", "address", "show", "eth0").stdout
        uplink(host)
        eventually(lambda: is_in_line(host))

    assert "master br100" in host.run("ip", "link", "show", "eth1").stdout
    (last, *_) = answer(host, "history")
    assert last["title"] == "repair: eth1 can be had now"


def test_what_dnsmasq_reads_may_come_late(host: PrivateHost) -> None:
    host.write("/run/late.conf", "")
    create(host, "dnsmasq_config_file = /run/late.conf")
    host.run("rm", "/run/late.conf")
    break_all(host)

    with running_agent(host) as said:
        eventually(lambda: "/run/late.conf" in said())
        assert FLOATING in host.run("ip", "address", "show", "eth0").stdout
        assert all("dnsmasq" in each for each in drift(host))
        host.write("/run/late.conf", "")
        eventually(lambda: is_in_line(host))
        assert said().count("/run/late.conf") == 1


@pytest.mark.parametrize(
    ("unfit", "cure"),
    [
        ("ln -s /run/later $1", "mkdir /run/later"),
        ("mkdir $1; mount -t tmpfs -o ro none $1", "mount -o remount,rw $1"),
    ],
    ids=["link", "mount"],
)
def test_dnsmasqs_directory_may_come_late(host: PrivateHost, unfit: str, cure: str) -> None:
    """Nothing tells of what a link leads to, and of a mount that becomes writable."""
    create(host)
    break_all(host)
    networks = "/var/lib/netconsole/networks"
    host.run("sh", "-ec", f"rm -r $1; {unfit}", "sh", networks)

    with running_agent(host) as said:
        eventually(lambda: f"networks_path '{networks}'" in said())
        assert FLOATING in host.run("ip", "address", "show", "eth0").stdout
        assert drift(host) == []
        assert not is_in_line(host)
        host.run("sh", "-ec", cure, "sh", networks)
        eventually(lambda: is_in_line(host))
        assert said().count("networks_path") == 1
    (last, *_) = answer(host, "history")
    assert last["title"] == f"repair: {networks} can be had now"


def test_who_tries_something_is_not_fought(host: PrivateHost) -> None:
    create(host)
    with running_agent(host):
        eventually(lambda: is_in_line(host))
        host.run("iptables", "-t", "nat", "-F", CHAIN)
        before = len(answer(host, "history"))
        eventually(lambda: curl(host, "/v1/status")[1]["drift"])
        host.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")  # a later look, as before
        eventually(lambda: curl(host, "/v1/status")[1]["drift"])
        assert len(drift(host)) == 2
        assert len(answer(host, "history")) == before


def test_what_it_always_mends_is_in_the_history(host: PrivateHost) -> None:
    create(host, "repair_drift = never, rules:always")
    with running_agent(host):
        host.run("ip", "address", "del", f"{FLOATING}/32", "dev", "eth0")
        host.run("iptables", "-t", "nat", "-F", CHAIN)
        eventually(lambda: drift(host) and not any("iptables" in each for each in drift(host)))
        assert any(FLOATING in each for each in drift(host))
    (last, *_) = answer(host, "history")
    assert last["title"] == "repair: drift"
    assert any(CHAIN in c for step in last["steps"] for c in step["commands"])


def test_a_firewall_that_tells_who_it_is_afterwards_is_known(host: PrivateHost) -> None:
    """firewalld flushes by programs that are gone at once; what it makes then is its own."""
    create(host)
    host.run("sh", "-c", 'cp "$(command -v nft)" /run/firewalld')
    with running_agent(host) as said:
        host.run("/run/firewalld", "flush", "chain", "ip", "nat", CHAIN)
        repair = "repair: firewalld has changed the packet filter"
        eventually(lambda: said().count(repair) == 1)
        time.sleep(OPERATION_SECONDS)  # until then who is gone is taken for the firewall's
        host.run("iptables", "-t", "nat", "-F", CHAIN)
        eventually(lambda: curl(host, "/v1/status")[1]["drift"])
        assert said().count(repair) == 1, "what it did before is over"

        host.run("/run/firewalld", "add", "table", "inet", "firewalld")

        eventually(lambda: is_in_line(host))
        eventually(lambda: said().count(repair) == 2)


def test_two_who_fight_are_noticed(host: PrivateHost) -> None:
    create(host, "repair_drift = always")
    with running_agent(host) as said:
        for _ in range(4):
            eventually(lambda: is_in_line(host))
            host.run("iptables", "-t", "nat", "-F", CHAIN)
            eventually(lambda: drift(host) == [] or "left alone" in said())
        eventually(lambda: "left alone for 30 s, as it was undone 3 times" in said())
        assert CHAIN in said()
        assert len(drift(host)) == 2
        host.run("ip", "address", "del", f"{FLOATING}/32", "dev", "eth0")
        eventually(lambda: len(drift(host)) == 2)  # all else is mended as before


def test_a_change_of_the_store_by_another_is_followed(host: PrivateHost) -> None:
    create(host)
    more = "host = other\nl3_lib = nova.network.l3.NullL3\n"
    host.write("/etc/other.conf", host.read("/etc/netconsole/netconsole.conf") + more)
    with running_agent(host):
        eventually(lambda: is_in_line(host))
        netconsole(host, "--config-file", "/etc/other.conf", "floating", "disassociate", FLOATING)
        eventually(lambda: FLOATING not in host.run("ip", "address", "show", "eth0").stdout)
        eventually(lambda: is_in_line(host))
    (last, *_) = answer(host, "history")
    assert last["title"] == "repair: the store has changed"


def test_its_own_address_comes_late(host: PrivateHost) -> None:
    """As by DHCP: what guests send out has it as its source once it is there."""
    host.write("/etc/netconsole/netconsole.conf", "[DEFAULT]\npublic_interface = eth0\n")
    netconsole(host, *NETWORK)
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--port-kind", "tap")
    break_all(host)
    host.run("ip", "address", "flush", "dev", "eth0")
    with running_agent(host):
        assert "SNAT" not in host.run("iptables-save", "-t", "nat").stdout
        host.run("ip", "address", "add", "203.0.113.2/24", "dev", "eth0")
        host.run("ip", "route", "add", "default", "via", "203.0.113.1")
        eventually(lambda: "--to-source 203.0.113.2" in host.run("iptables-save").stdout)
        eventually(lambda: is_in_line(host))


def test_its_configuration_is_read_again(host: PrivateHost) -> None:
    create(host)
    with running_agent(host) as said:
        configure(host, "my_ip = nonsense")
        host.run("pkill", "-HUP", "-f", "netconsole agent")
        eventually(lambda: "the configuration stays as it was" in said())
        kept = "wrong: the agent goes by its former configuration: "
        eventually(lambda: kept in host.run("netconsole", "status", check=False).stdout)
        told = host.run("netconsole", "--no-agent", "agent", "status", check=False).stdout
        lines = [line.split(maxsplit=2) for line in told.splitlines()]
        assert ["answers", "yes"] in lines
        (why,) = (line for line in told.splitlines() if line.startswith("configuration_kept"))
        assert "my_ip 'nonsense'" in why
        configure(host, "dmz_cidr = 192.0.2.0/24")
        host.run("pkill", "-HUP", "-f", "netconsole agent")
        eventually(lambda: "192.0.2.0/24" in host.run("iptables-save").stdout)
        eventually(lambda: kept not in host.run("netconsole", "status").stdout)
