"""Networks on a real host: what creating makes, and that deleting leaves nothing of it."""

from cloud import answer, boot, configure, create_network, held, netconsole
from private_host import PrivateHost


def test_create_makes_what_the_guide_says(host: PrivateHost) -> None:
    create_network(host)

    assert host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout == "1\n"
    assert "inet 10.0.0.1/24 brd 10.0.0.255" in host.run("ip", "address", "show", "br100").stdout
    nat = host.run("iptables", "-t", "nat", "-S").stdout
    assert "-A nova-network-snat -s 10.0.0.0/24 -o eth0 -j SNAT --to-source 203.0.113.2" in nat
    assert (
        "-A nova-network-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 "
        "-j DNAT --to-destination 203.0.113.2:8775" in nat
    )
    listed = host.run("iptables", "-S", "nova-network-INPUT").stdout
    assert "-A nova-network-INPUT -i br100 -p udp -m udp --dport 67 -j ACCEPT" in listed
    assert "--checksum-fill" in host.run("iptables", "-t", "mangle", "-S").stdout
    server = host.run("pgrep", "-a", "-x", "dnsmasq").stdout
    assert "--dhcp-range=set:vmnet,10.0.0.2,static,255.255.255.0,86400s" in server
    assert "--dhcp-script" not in server


def test_fixed_addresses_get_a_row_each_with_the_reserved_ones_marked(host: PrivateHost) -> None:
    create_network(host)
    network = answer(host, "status")["networks"][0]
    assert (network["total"], network["reserved"]) == (256, 3)


def test_delete_removes_everything_that_create_made(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    before = held(host)
    create_network(host)
    assert held(host) != before
    netconsole(host, "network", "delete", "vmnet")
    assert held(host) == before
    assert answer(host, "network", "list") == []


def test_delete_is_refused_while_addresses_are_allocated(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    before = held(host)
    refused = host.run("netconsole", "network", "delete", "vmnet", check=False)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "1 address allocated" in refused.stderr
    assert held(host) == before


def test_the_gateway_address_goes_beside_those_of_an_admins_bridge(host: PrivateHost) -> None:
    host.run("ip", "link", "add", "br100", "type", "bridge")
    host.run("ip", "address", "add", "172.16.5.1/24", "dev", "br100")
    create_network(host)
    shown = host.run("ip", "-brief", "-4", "address", "show", "br100").stdout
    assert shown.split()[2:] == ["172.16.5.1/24", "10.0.0.1/24"], "theirs was not moved"

    netconsole(host, "network", "delete", "vmnet")
    shown = host.run("ip", "-brief", "-4", "address", "show", "br100").stdout
    assert shown.split()[2:] == ["172.16.5.1/24"], "the admin's bridge and address stay"


def refused_create(host: PrivateHost) -> str:
    """Try to create the network, and return the one line that says why it could not be."""
    failed = host.run(
        *("netconsole", "network", "create", "vmnet"),
        *("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"),
        check=False,
    )
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert answer(host, "network", "list") == []
    return failed.stderr


def test_a_link_of_another_kind_in_the_way_is_left_alone(host: PrivateHost) -> None:
    configure(host)
    host.run("ip", "link", "add", "br100", "type", "veth", "peer", "name", "other0")
    before = held(host)
    assert "'br100' is wanted as a bridge, but is a veth" in refused_create(host)
    assert held(host) == before


def test_a_plan_says_what_stands_in_the_way_of_more(host: PrivateHost) -> None:
    create_network(host)
    host.run("ip", "link", "delete", "br100")
    host.run("ip", "link", "add", "br100", "type", "veth", "peer", "name", "other0")
    planned = host.run("netconsole", "plan", check=False)
    assert planned.returncode == 2  # our rules do not stay at an interface that is not ours
    assert "left as it is: interface 'br100' is wanted as a bridge, but is a veth" in planned.stderr
    assert host.run("netconsole", "status", check=False).returncode in (0, 1)


LISTEN = """
import socket
with socket.create_server(("0.0.0.0", 53)):
    print("listening", flush=True)
    input()
"""


def test_when_the_last_step_fails_the_earlier_ones_are_undone(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    other_server = host.spawn("python3", "-c", LISTEN)
    assert other_server.stdout is not None
    assert other_server.stdout.readline() == "listening\n"
    before = held(host)
    assert "Address already in use" in refused_create(host)
    assert held(host) == before
