"""Every command that the guide prints of networks and addresses, literally, with netconsole before.

What stands in brackets in the guide is filled in; `$your-project` is the shell's to fill in.
"""

from dataclasses import dataclass

import pytest
from nova_conf import NOVA_CONF
from originals import NETWORK, POOL, configure, literally
from private_host import PrivateHost

FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"
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
    Printed(
        "nova secgroup-list-rules default",
        before=(
            "nova secgroup-add-rule default icmp -1 -1 0.0.0.0/0",
            "nova secgroup-add-rule default tcp 22 22 0.0.0.0/0",
        ),
        words="""\
+-------------+-----------+---------+-----------+--------------+
| IP Protocol | From Port | To Port | IP Range  | Source Group |
+-------------+-----------+---------+-----------+--------------+
| icmp        | -1        | -1      | 0.0.0.0/0 |              |
| tcp         | 22        | 22      | 0.0.0.0/0 |              |
+-------------+-----------+---------+-----------+--------------+
""",
        shown_by="secgroup list --project admin",
        shows="default  admin        2",
    ),
    Printed(
        "euca-authorize -P icmp -t -1:-1 -s 0.0.0.0/0 default",
        words="PERMISSION\tdefault\tALLOWS\ticmp\t-1\t-1\tFROM\tCIDR\t0.0.0.0/0\n",
        shown_by="nova secgroup-list-rules default",
        shows="| icmp        | -1        | -1      | 0.0.0.0/0 |              |",
    ),
    Printed(
        "euca-authorize -P tcp -p 22 -s 0.0.0.0/0 default",
        words="PERMISSION\tdefault\tALLOWS\ttcp\t22\t22\tFROM\tCIDR\t0.0.0.0/0\n",
        shown_by="nova secgroup-list-rules default",
        shows="| tcp         | 22        | 22      | 0.0.0.0/0 |              |",
    ),
]


@pytest.fixture
def configured(host: PrivateHost) -> PrivateHost:
    """A host whose bridge is named in its configuration."""
    configure(host)
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


def test_without_a_floating_address_left_boot_fails_and_leaves_nothing(host: PrivateHost) -> None:
    configure(host, "auto_assign_floating_ip = True")
    literally(host, NETWORK)
    literally(host, "nova-manage floating create --pool=nova --ip_range=68.99.26.170/32")
    literally(host, "nova boot test-vm1")
    assert "nova" in literally(host, "nova boot test-vm2", status=1)
    listed = literally(host, "nova list")
    assert "| vmnet=10.0.0.2, 68.99.26.170 |" in listed
    assert "test-vm2" not in listed
