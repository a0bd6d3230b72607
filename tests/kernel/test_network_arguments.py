"""Networks made with more than a label and a range: what of it reaches the host and the guests."""

from cloud import answer, boot, configure, create_network, held, netconsole
from private_host import PrivateHost, eventually

RANGE = ("--fixed-range-v4", "10.0.0.0/24")


def test_guests_are_told_a_gateway_that_is_not_this_host(host: PrivateHost) -> None:
    configure(host)
    netconsole(
        host,
        *("network", "create", "vmnet", *RANGE, "--bridge", "br100"),
        *("--gateway", "10.0.0.254", "--dhcp-server", "10.0.0.1"),
    )
    boot(host, "web1")

    eventually(lambda: "default via 10.0.0.254" in host.run("ip", "-n", "web1", "route").stdout)
    assert "inet 10.0.0.1/24" in host.run("ip", "address", "show", "br100").stdout
    assert "10.0.0.254" not in host.run("ip", "address").stdout
    nat = host.run("iptables", "-t", "nat", "-S", "nova-network-snat").stdout
    assert "10.0.0.0/24" not in nat, "the other gateway does the translating"


def test_several_networks_are_served_each_for_itself(host: PrivateHost) -> None:
    configure(host)
    netconsole(
        host,
        *("network", "create", "net", *RANGE, "--bridge", "br100"),
        *("--num-networks", "2", "--network-size", "32"),
    )

    shown = host.run("ip", "-brief", "-4", "address").stdout.split()
    assert shown[shown.index("br100") + 2] == "10.0.0.1/27"
    assert shown[shown.index("br101") + 2] == "10.0.0.33/27"
    servers = host.run("pgrep", "-a", "-x", "dnsmasq").stdout
    assert "--dhcp-range=set:net_0,10.0.0.2,static,255.255.255.224,86400s" in servers
    assert "--dhcp-range=set:net_1,10.0.0.34,static,255.255.255.224,86400s" in servers
    listed = answer(host, "network", "list")
    assert [(row["label"], row["cidr"], row["bridge"]) for row in listed] == [
        ("net_0", "10.0.0.0/27", "br100"),
        ("net_1", "10.0.0.32/27", "br101"),
    ]


def test_the_guides_part_outside_the_range_is_refused(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    before = held(host)
    refused = host.run(
        *("netconsole", "network", "create", "vmnet", *RANGE, "--bridge", "br100"),
        "--fixed-cidr=10.20.0.0/16",
        check=False,
    )

    assert refused.returncode == 2
    assert refused.stderr == (
        "netconsole: fixed CIDR '10.20.0.0/16': must be an IPv4 range inside 10.0.0.0/24\n"
    )
    assert answer(host, "network", "list") == []
    assert held(host) == before


def test_a_network_shows_the_originals_columns(host: PrivateHost) -> None:
    configure(host)
    netconsole(
        host,
        *("network", "create", "vmnet", *RANGE, "--bridge", "br100"),
        *("--fixed-range-v6", "fd00::/48", "--multi-host", "F", "--priority", "3"),
    )
    shown = answer(host, "network", "show", "vmnet")

    assert {
        name: shown[name]
        for name in ("cidr_v6", "gateway_v6", "netmask_v6", "multi_host", "priority", "injected")
    } == {
        "cidr_v6": "fd00::/64",
        "gateway_v6": "fd00::1",
        "netmask_v6": "ffff:ffff:ffff:ffff::",
        "multi_host": False,
        "priority": 3,
        "injected": False,
    }
    assert set(shown) >= {
        "id",
        "uuid",
        "label",
        "cidr",
        "netmask",
        "broadcast",
        "gateway",
        "dhcp_server",
        "dhcp_start",
        "bridge",
        "bridge_interface",
        "dns1",
        "dns2",
        "vlan",
        "vpn_private_address",
        "vpn_public_address",
        "vpn_public_port",
        "share_address",
        "enable_dhcp",
        "mtu",
        "project_id",
        "host",
    }


def test_a_projects_network_goes_once_the_project_is_scrubbed(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    before = held(host)
    netconsole(
        host, "network", "create", "vmnet", *RANGE, "--bridge", "br100", "--project-id", "demo"
    )
    refused = host.run("netconsole", "network", "delete", "vmnet", check=False)
    assert refused.returncode == 1
    assert "network modify vmnet --disassociate-project` comes first" in refused.stderr

    netconsole(host, "project", "scrub", "--project", "demo")
    assert answer(host, "network", "show", "vmnet")["project_id"] is None
    netconsole(host, "network", "delete", "vmnet")
    assert held(host) == before


def test_a_network_moves_to_another_host_and_back(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    idle = held(host)
    create_network(host)
    serving = held(host)

    netconsole(host, "network", "modify", "vmnet", "--host", "other")
    assert held(host) == idle
    netconsole(host, "network", "modify", "vmnet", "--host", "testhost")
    assert held(host) == serving


def test_a_network_without_a_host_is_served_by_the_next_that_needs_it(host: PrivateHost) -> None:
    create_network(host)
    netconsole(host, "network", "disassociate", "vmnet")
    assert answer(host, "network", "show", "vmnet")["host"] is None

    boot(host, "web1")
    assert answer(host, "network", "show", "vmnet")["host"] == "testhost"


HOSTILE = (
    ("--bridge", "br100;reboot"),
    ("--bridge", "a-name-of-16-char"),
    ("--bridge-interface", "eth1\n-A INPUT"),
    ("--gateway", "10.0.0.1,10.0.0.2"),
    ("--dhcp-server", "10.0.1.1"),
    ("--fixed-range-v6", "fd00::/65"),
    ("--gateway-v6", "fd00::1"),
    ("--allowed-start", "10.0.0.255"),
    ("--vlan", "100"),
    ("--vlan", "a"),
    ("--mtu", "9" * 300),
    ("--multi-host", "maybe"),
    ("--network-size", "257"),
    ("--num-networks", "-1"),
    ("--project-id", " demo"),
    ("--dns1", '8.8.8.8"'),
    ("--uuid", "../../etc"),
)


def test_bad_values_get_one_line_and_leave_nothing(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    before = held(host)
    for option, value in HOSTILE:
        refused = host.run(
            *("netconsole", "network", "create", "vmnet", *RANGE, "--bridge", "br100"),
            *(option, value),
            check=False,
        )
        assert (refused.returncode, refused.stdout) == (2, ""), option
        assert refused.stderr.startswith("netconsole: "), option
        assert refused.stderr.count("\n") == 1, option
    assert answer(host, "network", "list") == []
    assert held(host) == before
