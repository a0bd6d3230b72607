"""A network whose router is another machine, and what only this host can do for its guests."""

from cloud import FLOATING, answer, boot, configure, netconsole
from private_host import PrivateHost, eventually

ROUTER = """
ip netns add router
ip link add wire type veth peer name eth0 netns router
ip link set wire master br100 up
ip -n router address add 10.0.0.254/24 dev eth0
ip -n router link set eth0 up
"""
"""The router of the guests; it forwards nothing."""
REDIRECTED = (
    "-A nova-network-PREROUTING -p IPv4 --ip-src 10.0.0.0/24 --ip-dst 198.51.100.0/28 -j redirect",
    "-A nova-network-PREROUTING -p IPv4 --ip-src 10.0.0.0/24 --ip-dst 198.51.100.77 -j redirect",
)


def create(host: PrivateHost) -> str:
    """The network with one guest that has a floating address; return its fixed one."""
    configure(host, "force_snat_range = 198.51.100.0/28", "force_snat_range = 198.51.100.77/32")
    words = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    outer = ("--gateway", "10.0.0.254", "--dhcp-server", "10.0.0.1")
    netconsole(host, "network", "create", "vmnet", *words, *outer)
    host.run("sh", "-ec", ROUTER)
    fixed = boot(host, "web1")
    host.run("ip", "-n", "web1", "route", "replace", "default", "via", "10.0.0.254")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    return fixed


def own_rules(host: PrivateHost) -> set[str]:
    saved = host.run("ebtables-save").stdout.splitlines()
    return {line.rstrip() for line in saved if line.startswith("-A nova-network-PREROUTING")}


def gets_out(host: PrivateHost) -> bool:
    ping = ("ping", "-c1", "-w2", "203.0.113.1")
    return host.run("ip", "netns", "exec", "web1", *ping, check=False).returncode == 0


def redirects(host: PrivateHost, fixed: str) -> None:
    """See that the guest gets out by this host, however its rules are lost, while they are due."""
    match = f"-p IPv4 --logical-in br100 --ip-src {fixed} --ip-dst ! 10.0.0.0/24"
    assert own_rules(host) == {*REDIRECTED, f"-A nova-network-PREROUTING {match} -j redirect"}
    assert "bridge redirection" not in answer(host, "status")["host"]["unsupported"]
    assert answer(host, "plan")["steps"] == []
    eventually(lambda: gets_out(host))

    host.run("ebtables", "-t", "nat", "-F", "nova-network-PREROUTING")
    eventually(lambda: not gets_out(host))
    netconsole(host, "apply")
    eventually(lambda: gets_out(host))

    netconsole(host, "floating", "disassociate", FLOATING)
    assert own_rules(host) == set(REDIRECTED)
    netconsole(host, "instance", "delete", "web1")
    netconsole(host, "network", "delete", "vmnet")
    assert "nova" not in host.run("ebtables-save").stdout
