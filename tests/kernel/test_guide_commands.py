"""Every command that the guide prints of networks and addresses, literally, with netconsole before.

What stands in brackets in the guide is filled in; `$your-project` is the shell's to fill in.
"""

import json
from dataclasses import dataclass

import pytest
from cloud import CONFIGURATION
from nova_conf import NOVA_CONF
from private_host import PrivateHost

FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
NETWORK = "nova network-create vmnet --fixed-range-v4=10.0.0.0/24 --bridge=br100"
POOL = "nova-manage floating create --pool=nova --ip_range=68.99.26.170/31"
TWO_NETWORKS = (
    f"nova network-create first-net --fixed-range-v4=20.20.0.0/24 --bridge=br1 --uuid={FIRST}",
    f"nova network-create second-net --fixed-range-v4=20.20.10.0/24 --bridge=br2 --uuid={SECOND}",
)


@dataclass(frozen=True)
class Printed:
    """A command of the guide, what was done before it, and what is to be seen after it."""

    command: str
    before: tuple[str, ...] = ()
    status: int = 0
    words: str = ""
    """On stdout and stderr."""
    shown_by: str = "nova-manage network list"
    shows: str = ""


GUIDE = [
    Printed(
        "nova network-create vmnet \\\n"
        "--fixed-range-v4=10.0.0.0/24 --fixed-cidr=10.20.0.0/16 --bridge=br100",
        status=2,
        words="10.20.0.0/16",
        shows="No networks found",
    ),
    Printed(
        "nova network-create vmnet \\\n"
        "--fixed-range-v4=10.0.0.0/24 --fixed-cidr=10.0.0.128/25 --bridge=br100",
        shown_by="nova network-list",
        shows="| vmnet | 10.0.0.0/24 |",
    ),
    Printed(
        "nova-manage fixed reserve --address=10.0.0.9",
        before=(NETWORK,),
        shown_by="fixed get 10.0.0.9",
        shows="reserved       yes",
    ),
    Printed(
        POOL,
        shown_by="nova-manage floating list",
        shows="None\t68.99.26.170\tNone\tnova\teth0\nNone\t68.99.26.171\tNone\tnova\teth0\n",
    ),
    Printed("nova-manage floating list", words="No floating IP addresses have been defined.\n"),
    Printed(
        "nova-manage floating create --pool=public --ip_range=203.0.113.129",
        shown_by="nova floating-ip-pool-list",
        shows="| public |",
    ),
    Printed(
        "nova-manage floating delete 68.99.26.170/31",
        before=(POOL,),
        shown_by="nova-manage floating list",
        shows="No floating IP addresses have been defined.\n",
    ),
    Printed(
        "nova-manage project scrub --project=demo",
        before=(f"{NETWORK} --project-id=demo",),
        shown_by="nova network-show vmnet",
        shows="| project_id          | -  ",
    ),
    Printed(
        "nova network-create first-net --fixed-range-v4=20.20.0.0/24 --project-id=$your-project",
        shown_by="nova network-show first-net",
        shows="| demo-project",
    ),
    Printed(
        "nova network-create second-net --fixed-range-v4=20.20.10.0/24 --project-id=$your-project",
        before=(
            "nova network-create first-net --fixed-range-v4=20.20.0.0/24 "
            "--project-id=$your-project",
        ),
        shown_by="nova network-list",
        shows="| second-net | 20.20.10.0/24 |",
    ),
    Printed(
        "nova list",
        before=(*TWO_NETWORKS, "nova boot test-vm1"),
        words="first-net=20.20.0.2; second-net=20.20.10.2 |",
    ),
    Printed(
        "nova boot --image ed8b2a37-5535-4a5f-a615-443513036d71 --flavor 1 "
        f"--nic net-id= {FIRST} --nic net-id= {SECOND} test-vm1",
        before=TWO_NETWORKS,
        shown_by="nova list",
        shows="| test-vm1 | ACTIVE | first-net=20.20.0.2; second-net=20.20.10.2 |",
    ),
]


def literally(host: PrivateHost, command: str, status: int = 0) -> str:
    """Run a command as it stands in the guide and return all that it said."""
    done = host.run("sh", "-c", f"netconsole {command}", check=False, environment={"your": "demo"})
    assert done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def configured(host: PrivateHost) -> PrivateHost:
    """A host whose bridge is named in its configuration, as the guide asks for."""
    settings = f"{CONFIGURATION}flat_network_bridge = br100\n"
    host.write("/etc/netconsole/netconsole.conf", settings)
    return host


@pytest.mark.parametrize("printed", GUIDE, ids=[printed.command[:60] for printed in GUIDE])
def test_a_command_of_the_guide_works(configured: PrivateHost, printed: Printed) -> None:
    for command in printed.before:
        literally(configured, command)
    assert printed.words in literally(configured, printed.command, printed.status)
    assert printed.shows in literally(configured, printed.shown_by)


def test_with_the_nova_conf_of_an_existing_installation(host: PrivateHost) -> None:
    host.write("/etc/nova/nova.conf", NOVA_CONF)
    ours = "--config-file /etc/nova/nova.conf"
    literally(
        host,
        f"{ours} nova-manage network create --label=vmnet --fixed_range_v4=10.0.0.0/24 "
        "--num_networks=1 --network_size=256 --multi_host=F",
    )
    literally(host, f"{ours} {POOL}")
    literally(host, f"{ours} nova boot web1")
    literally(host, f"{ours} nova floating-ip-associate web1 68.99.26.170")
    assert "10.0.0.1/24" in host.run("ip", "address", "show", "br100").stdout
    assert "68.99.26.170/32" in host.run("ip", "address", "show", "eth0").stdout
    served = host.run("pgrep", "-a", "-x", "dnsmasq").stdout
    assert "--pid-file=/var/lib/nova/networks/nova-br100.pid" in served
    assert "--server=8.8.8.8 --server=8.8.4.4" in served
    assert literally(host, f"{ours} plan") == ""
    listed = literally(host, f"{ours} nova-manage floating list").splitlines()
    assert listed[0].split("\t")[1:2] + listed[0].split("\t")[3:] == [
        "68.99.26.170",
        "nova",
        "eth0",
    ]


def answered(host: PrivateHost, command: str) -> object:
    return json.loads(host.run("sh", "-c", f"netconsole {command} --json").stdout)


NETWORK_COLUMNS = {
    *("label", "cidr", "gateway", "netmask", "broadcast", "dhcp_server", "dhcp_start", "bridge"),
    *("bridge_interface", "vlan", "vpn_private_address", "vpn_public_port", "multi_host"),
    *("project_id", "host", "mtu", "dns1", "dns2", "uuid", "id", "cidr_v6", "injected"),
}


def test_json_has_the_original_columns(configured: PrivateHost) -> None:
    for command in (NETWORK, POOL, "nova boot web1"):
        literally(configured, command)
    literally(configured, "nova floating-ip-associate web1 68.99.26.170")
    uuid = literally(configured, "nova list").splitlines()[3].split()[1]
    columns = {
        "nova network-list": NETWORK_COLUMNS,
        "nova network-show vmnet": NETWORK_COLUMNS,
        "nova-manage network list": NETWORK_COLUMNS,
        "nova tenant-network-list": {"id", "label", "cidr"},
        "nova list": {"id", "name", "status", "networks"},
        "nova virtual-interface-list web1": {"id", "mac_address", "net_id"},
        "nova floating-ip-list": {"id", "address", "instance_uuid", "fixed_address", "pool"},
        "nova floating-ip-bulk-list": {
            *("project_id", "address", "instance_uuid", "pool", "interface", "host"),
        },
        "nova-manage floating list": {"project_id", "address", "instance_uuid", "pool"},
        "nova floating-ip-pool-list": {"name"},
        "nova fixed-ip-get 10.0.0.2": {
            *("address", "cidr", "allocated", "leased", "reserved", "instance", "host"),
        },
        "nova-manage fixed list": {
            *("address", "network", "allocated", "leased", "reserved", "instance", "host"),
        },
    }
    for command, wanted in columns.items():
        said = answered(configured, command)
        first = said[0] if isinstance(said, list) else said
        assert isinstance(first, dict), command
        assert wanted <= first.keys(), command
    found = answered(configured, "nova floating-ip-list")
    assert isinstance(found, list)
    assert [(row["address"], row["instance_uuid"], row["fixed_address"]) for row in found] == [
        ("68.99.26.170", uuid, "10.0.0.2")
    ]


def performed(host: PrivateHost, *steps: tuple[str, str, str]) -> None:
    """Run commands, and after each the one that shows what it did."""
    for command, shown_by, shows in steps:
        literally(host, command)
        shown = literally(host, shown_by)
        assert shows in shown, f"{command}: {shown}"


def test_verbs_of_networks(configured: PrivateHost) -> None:
    literally(configured, "nova network-create spare --fixed-range-v4=10.1.0.0/24 --bridge=br101")
    p1 = "nova --os-project-id p1"
    performed(
        configured,
        (
            "nova network-disassociate --host-only spare",
            "nova network-show spare",
            "| host                | - ",
        ),
        ("nova network-associate-host spare testhost", "nova network-show spare", "| testhost "),
        (f"{p1} network-associate-project spare", "nova network-show spare", "| p1 "),
        (
            "nova network-disassociate --project-only spare",
            "nova network-show spare",
            "| testhost ",
        ),
        ("nova network-delete spare", "nova-manage network list", "No networks found"),
        (f"{p1} net-create own 10.2.0.0/24", "nova net own", "| 10.2.0.0/24 "),
        ("nova scrub p1", "nova network-list --fields=project_id", "| -          |"),
        ("nova net-delete own", "nova-manage network list", "No networks found"),
    )


def test_verbs_of_nova_manage(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    listed = "nova-manage network list"
    performed(
        configured,
        ("nova-manage network modify --fixed_range=10.0.0.0/24 --project=p1", listed, "\tp1  "),
        (
            "nova-manage vpn change --project=p1 --ip=203.0.113.9 --port=1001",
            "nova network-show vmnet",
            "| 203.0.113.9 ",
        ),
        (
            "nova-manage network modify --fixed_range=10.0.0.0/24 --disassociate-project",
            listed,
            "\tNone           \tNone           \t",
        ),
        (
            "nova-manage project quota_usage_refresh --project=admin",
            "nova-manage project quota --project=admin",
            "Quota                                Limit      In Use     Reserved  \n"
            "fixed_ips                            unlimited  0          0         \n"
            "floating_ips                         10         0          0         \n",
        ),
        ("nova-manage network delete --fixed_range=10.0.0.0/24", listed, "No networks found"),
    )
    quota = "nova-manage project quota --project=admin --key"
    assert "fixed_ips, floating_ips" in literally(configured, f"{quota} cores --value 9", status=2)
    said = literally(configured, f"{quota} floating_ips --value 9", status=2)
    assert "quota_floating_ips = 9" in said


def test_verbs_of_servers_and_fixed_addresses(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    performed(
        configured,
        (
            "nova boot --nic net-name=vmnet,v4-fixed-ip=10.0.0.77 web1",
            "nova list",
            "| vmnet=10.0.0.77 |",
        ),
        ("nova add-fixed-ip web1 vmnet", "nova list", "| vmnet=10.0.0.77, 10.0.0.2 |"),
        ("nova remove-fixed-ip web1 10.0.0.2", "nova list", "| vmnet=10.0.0.77 |"),
        ("nova fixed-ip-reserve 10.0.0.9", "nova fixed-ip-get 10.0.0.9 --json", '"reserved": true'),
        (
            "nova-manage fixed unreserve --address=10.0.0.9",
            "nova fixed-ip-get 10.0.0.9 --json",
            '"reserved": false',
        ),
        (
            "nova delete web1",
            "nova-manage fixed list",
            "10.0.0.0/24       \t10.0.0.77      \tNone",
        ),
    )


def test_verbs_of_floating_addresses(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    literally(configured, POOL)
    literally(configured, "nova boot web1")
    address, listed = "68.99.26.170", "nova floating-ip-list"
    performed(
        configured,
        ("nova --os-project-id admin floating-ip-create nova", listed, f"| {address} | -  "),
        (
            f"nova add-floating-ip web1 {address} --fixed-address 10.0.0.2",
            "nova list",
            f"| vmnet=10.0.0.2, {address} |",
        ),
        (f"nova remove-floating-ip web1 {address}", "nova list", "| vmnet=10.0.0.2 |"),
        (
            f"nova floating-ip-delete {address}",
            "nova-manage floating list",
            f"None\t{address}\tNone\tnova\teth0\n",
        ),
        (
            "nova floating-ip-bulk-create 198.51.100.8/30 --pool other",
            "nova floating-ip-bulk-list",
            "| 198.51.100.9 ",
        ),
        (
            "nova floating-ip-bulk-delete 198.51.100.8/30",
            "nova floating-ip-pool-list",
            "| name |\n+------+\n| nova |\n+------+\n",
        ),
    )
    refused = literally(configured, f"nova floating-ip-disassociate web1 {address}", status=1)
    assert "'web1'" in refused
