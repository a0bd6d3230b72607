"""dmz_cidr: guests reach the floating addresses of others under their own addresses."""

import pytest
from cloud import FLOATING, answer, boot, configure, create_cloud, netconsole
from private_host import PrivateHost

BRIDGE_NF = "net.bridge.bridge-nf-call-iptables"
SERVE = """
import socket
with socket.create_server(("0.0.0.0", 7000)) as server:
    print("listening", flush=True)
    while True:
        connection, address = server.accept()
        connection.sendall(address[0].encode())
        connection.close()
"""
CONNECT = f"""
import socket
with socket.create_connection(("{FLOATING}", 7000), 60) as connection:
    print(connection.recv(100).decode())
"""


@pytest.mark.parametrize("everywhere", ["0", "1"])
def test_a_guest_is_seen_under_its_own_address_and_gets_an_answer(
    host: PrivateHost, everywhere: str
) -> None:
    host.run("sysctl", "-q", "-w", f"{BRIDGE_NF}={everywhere}")
    create_cloud(host)
    fixed = boot(host, "web2")
    netconsole(host, "floating", "disassociate", FLOATING)
    configure(host, "dmz_cidr = 203.0.113.128/28")
    netconsole(host, "apply")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    netconsole(host, "floating", "associate", "203.0.113.130", "web2")
    assert netconsole(host, "plan") == ""
    server = host.spawn("ip", "netns", "exec", "web1", "python3", "-c", SERVE)
    assert server.stdout is not None
    assert server.stdout.readline() == "listening\n"
    seen = host.run("ip", "netns", "exec", "web2", "python3", "-c", CONNECT).stdout.strip()
    assert seen == fixed
    assert host.run("sysctl", "-n", BRIDGE_NF).stdout == f"{everywhere}\n"


def test_what_an_admins_bridge_would_need_is_said_and_not_done(host: PrivateHost) -> None:
    host.run("sysctl", "-q", "-w", f"{BRIDGE_NF}=0")
    host.run("ip", "link", "add", "br100", "type", "bridge")
    create_cloud(host)
    configure(host, "dmz_cidr = 203.0.113.128/28")
    host.run("netconsole", "apply")
    said = answer(host, "status")["host"]["unsupported"]["dmz_cidr between guests"]
    assert "ip link set dev br100 type bridge nf_call_iptables 1" in said
    assert "--ctorigdst" not in host.run("iptables", "-t", "nat", "-S").stdout

    host.run("ip", "link", "set", "dev", "br100", "type", "bridge", "nf_call_iptables", "1")
    netconsole(host, "apply")
    assert "--ctorigdst" in host.run("iptables", "-t", "nat", "-S").stdout
