"""The verbs of nova and nova-manage that the guide does not print, and what they answer as JSON."""

import base64

import pytest
from guest_samples import PUBLIC_KEY
from originals import NETWORK, POOL, answered, configure, literally, performed
from private_host import PrivateHost

FINGERPRINT = "3c:24:90:f7:e5:2e:f6:b6:89:c0:8a:0c:26:ae:39:f8"
"""Of PUBLIC_KEY, by ssh-keygen -l -E md5."""
ENCRYPT = """
set -e
ssh-keygen -e -m PKCS8 -f /run/id.pub > /run/id.pem
printf 'correct horse' | openssl pkeyutl -encrypt -pubin -inkey /run/id.pem |
    base64 -w0 > /run/posted
"""
POST = """
import sys
from netconsole.backend.changes.guest_password import SetGuestPassword
from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
Service(load()).do(SetGuestPassword("web1", sys.argv[1]))
"""
"""What the metadata service does when a guest posts its password."""


@pytest.fixture
def configured(host: PrivateHost) -> PrivateHost:
    """A host whose bridge is named in its configuration."""
    configure(host)
    return host


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
            "floating_ips                         10         0          0         \n"
            "security_groups                      10         0          0         \n"
            "security_group_rules                 20         0          0         \n"
            "key_pairs                            100        0          0         \n",
        ),
        ("nova-manage network delete --fixed_range=10.0.0.0/24", listed, "No networks found"),
    )
    quota = "nova-manage project quota --project=admin --key"
    assert "fixed_ips, floating_ips" in literally(configured, f"{quota} cores --value 9", status=2)
    said = literally(configured, f"{quota} floating_ips --value 9", status=2)
    assert "quota_floating_ips = 9" in said


def test_verbs_of_keys_metadata_and_passwords(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    configured.write("/run/id.pub", f"{PUBLIC_KEY}\n")
    configured.write("/run/user.sh", "#!/bin/bash\necho 'Extra user data here'\n")
    show = "instance show web1"
    performed(
        configured,
        ("nova keypair-add mykey --pub_key /run/id.pub", "nova keypair-list", f"| {FINGERPRINT} |"),
        (
            "nova boot --image ed8b2a37-5535-4a5f-a615-443513036d71 --flavor m1.tiny "
            "--user_data /run/user.sh --key_name mykey --meta role=web --file /etc/x=/run/user.sh "
            "--availability-zone west --admin-pass secret web1",
            show,
            f"mykey {FINGERPRINT}",
        ),
        ("nova meta web1 set a=1 b=2", show, "meta               a=1, b=2, role=web"),
        ("nova meta web1 delete a b=2", show, "meta               role=web"),
        ("nova clear-password web1", show, "password           -"),
        ("nova keypair-delete mykey", "nova keypair-list", "| Name | Type | Fingerprint |"),
    )
    shown = literally(configured, "instance show web1")
    for field in ("user_data          40 bytes", "/etc/x 40 bytes", "flavor             m1.tiny"):
        assert field in shown
    assert "secret" not in configured.read("/var/lib/netconsole/audit.jsonl")
    assert "posted no password" in literally(configured, "nova get-password web1", status=1)
    said = literally(configured, "nova keypair-add other", status=2)
    assert "ssh-keygen -t ed25519 -f other" in said
    literally(configured, "nova keypair-add mykey --pub-key /run/id.pub")
    assert f"Public key: {PUBLIC_KEY}" in literally(configured, "nova keypair-show mykey")


def test_a_password_is_decrypted_with_the_private_key(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    literally(configured, "nova boot web1")
    configured.run("ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", "/run/id")
    configured.run("sh", "-c", ENCRYPT)
    posted = configured.read("/run/posted").strip()
    configured.run("python3", "-c", POST, base64.b64encode(posted.encode()).decode())
    assert literally(configured, "nova get-password web1 /run/id") == "correct horse\n"
    assert literally(configured, "nova get-password web1") == f"{posted}\n"
    literally(configured, "nova clear-password web1")
    assert "posted no password" in literally(configured, "nova get-password web1", status=1)


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


def test_verbs_of_names(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    literally(configured, POOL)
    listed = "nova dns-list example.org --name www"
    performed(
        configured,
        (
            "nova dns-create-public-domain example.org --project p1",
            "nova dns-domains",
            "| example.org | public | p1      | -                 |",
        ),
        (
            "nova dns-create-private-domain internal --availability-zone nova",
            "nova dns-domains",
            "| internal    | private | -       | nova              |",
        ),
        (
            "nova dns-create 68.99.26.170 WWW example.org --type A",
            listed,
            "| 68.99.26.170 | www  | example.org |",
        ),
        ("nova dns-create 68.99.26.171 www example.org", listed, "| 68.99.26.171 |"),
        ("nova dns-delete example.org www", listed, "| ip | name | domain |"),
        ("nova dns-delete-domain internal", "nova dns-domains --json", '"scope": "public"'),
    )
    literally(configured, "nova dns-create 68.99.26.171 ftp example.org")
    assert answered(configured, "nova dns-list example.org --ip 68.99.26.171") == [
        {"ip": "68.99.26.171", "name": "ftp", "domain": "example.org"}
    ]
    for command in (
        "nova dns-list example.org",
        "nova dns-create 68.99.26.171 www example.org --type AAAA",
        "nova dns-create-public-domain a_b",
    ):
        assert literally(configured, command, status=2).count("\n") == 1


def test_verbs_of_security_groups(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    listed, rules = "nova secgroup-list", "nova secgroup-list-rules web"
    performed(
        configured,
        ("nova secgroup-create web 'for the web'", listed, "| 2  | web     | for the web |"),
        ("nova secgroup-update web www WWW", listed, "| 2  | www     | WWW         |"),
        ("nova secgroup-update www web WWW", f"{listed} --all-tenants", "| Tenant_ID |"),
        (
            "nova secgroup-add-rule web udp 53 54 192.0.2.9/24",
            rules,
            "| udp         | 53        | 54      | 192.0.2.0/24 |              |",
        ),
        (
            "nova secgroup-add-group-rule web default icmp -1 -1",
            rules,
            "| icmp        | -1        | -1      |              | default      |",
        ),
        ("nova secgroup-delete-rule web udp 53 54 192.0.2.0/24", rules, "+\n| icmp  "),
        (
            "nova secgroup-delete-group-rule web default icmp -1 -1",
            rules,
            "| IP Protocol | From Port | To Port | IP Range | Source Group |\n+",
        ),
        ("nova boot --security-groups web,default web1", "nova list-secgroup web1", "| 2  | web "),
        ("nova remove-secgroup web1 web", "nova list-secgroup web1", "| Description |\n+----"),
        ("nova add-secgroup web1 web", "nova list-secgroup web1", "| 2  | web     | WWW "),
        ("nova remove-secgroup web1 web", "nova list-secgroup web1", "| 1  | default | default "),
        ("nova secgroup-delete web", listed, "| Id | Name    | Description |\n+----"),
        (
            "nova secgroup-add-default-rule tcp 22 22 0.0.0.0/0",
            "nova secgroup-list-default-rules",
            "| tcp         | 22        | 22      | 0.0.0.0/0 |\n",
        ),
        (
            "nova secgroup-delete-default-rule tcp 22 22 0.0.0.0/0",
            "nova --os-project-id later secgroup-list-rules default",
            "| IP Protocol | From Port | To Port | IP Range | Source Group |\n+",
        ),
    )
    refused = literally(configured, "nova secgroup-add-rule default tcp 22 22 10.0.0.5/0", 2)
    assert refused.startswith("netconsole: CIDR '10.0.0.5/0': is everyone")
    group = answered(configured, listed)
    assert isinstance(group, list)
    assert group == [
        {
            **{"id": 1, "name": "default", "description": "default", "project_id": "admin"},
            **{"rules": [], "instances": ["web1"]},
        }
    ]


def test_security_groups_as_euca2ools_name_them(configured: PrivateHost) -> None:
    described = "euca-describe-groups"
    as_demo = "--project demo"
    performed(
        configured,
        (f"euca-add-group {as_demo} -d 'for the web' web", f"{described} {as_demo}", "demo\tweb\t"),
        (
            f"euca-authorize {as_demo} -P udp -p 8000-8010 -s 192.0.2.0/24 web",
            f"{described} {as_demo} web",
            "PERMISSION\tdemo\tweb\tALLOWS\tudp\t8000\t8010\tFROM\tCIDR\t192.0.2.0/24\n",
        ),
        (
            "euca-authorize --project other -P icmp -t -1:-1 -s 0.0.0.0/0 default",
            f"{described} --project other",
            "PERMISSION\tother\tdefault\tALLOWS\ticmp\t-1\t-1\tFROM\tCIDR\t0.0.0.0/0\n",
        ),
        (
            f"euca-authorize {as_demo} -p 22 -o default -u other web",
            f"{described} {as_demo}",
            "\tALLOWS\ttcp\t22\t22\tFROM\tUSER\tother\tGRPNAME\tdefault\n",
        ),
        (
            f"euca-revoke {as_demo} -p 22 -o default -u other web",
            "secgroup rules web --project demo",
            "udp            8000     8010  192.0.2.0/24",
        ),
        (
            f"euca-delete-group {as_demo} web",
            f"{described} {as_demo}",
            "GROUP\tdemo\tdefault\tdefault\n",
        ),
    )


def test_the_project_is_taken_from_the_environment(configured: PrivateHost) -> None:
    ssh = "default --protocol tcp --port 22"
    for name, project in (("OS_TENANT_NAME", "east"), ("OS_PROJECT_NAME", "west")):
        allowed = ("netconsole", "secgroup", "allow", *ssh.split())
        configured.run(*allowed, environment={name: project})
        assert "tcp" in literally(configured, f"secgroup rules default --project {project}")
    create = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24")
    configured.run("netconsole", *create)
    configured.run("netconsole", "floating", "create", "--ip-range", "203.0.113.128/29")
    ours = {"OS_PROJECT_NAME": "west"}
    configured.run("netconsole", "instance", "create", "web", environment=ours)
    assert "west" in configured.run("netconsole", "instance", "list").stdout
    configured.run("netconsole", "floating", "allocate", environment=ours)
    assert "west" in configured.run("netconsole", "floating", "list").stdout
    assert "--project" in literally(configured, f"secgroup allow {ssh}", 2)


def test_verbs_of_vpns(host: PrivateHost) -> None:
    configure(
        host,
        "network_manager = nova.network.manager.VlanManager",
        "vlan_interface = eth9",
        # Books alone: not every kernel has VLANs.
        "l3_lib = nova.network.l3.NullL3",
    )
    literally(host, "nova network-create n --fixed-range-v4=10.0.0.0/24 --vlan=200 --vpn=1000")
    listed = "nova cloudpipe-list"
    performed(
        host,
        ("nova cloudpipe-create p1", listed, "| p1         | 203.0.113.2 | 1000        | 10.0.0.2"),
        ("nova cloudpipe-create p1", "nova list", "| p1-vpn | ACTIVE | n=10.0.0.2 |"),
        (
            "nova --os-project-id p1 cloudpipe-configure 198.51.100.9 1001",
            listed,
            "| 198.51.100.9 | 1001 ",
        ),
    )
    shown = answered(host, "vpn list")
    assert isinstance(shown, list)
    assert [(row["instance"], row["private_address"]) for row in shown] == [("p1-vpn", "10.0.0.2")]
    performed(host, ("nova delete p1-vpn", listed, "| Internal IP |\n+"))
    refused = literally(host, "nova --os-project-id p1 cloudpipe-configure 198.51.100.9 0", 2)
    assert refused == "netconsole: VPN port '0': must be 1 to 65535\n"
    assert "--os-project-id" in literally(host, "nova cloudpipe-configure 198.51.100.9 1", 2)


def test_exit_statuses_that_scripts_know(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    literally(configured, POOL)
    for status, command, said in (
        (2, "fixed reserve --address=192.0.2.1", "address '192.0.2.1': is in no network"),
        (2, "fixed unreserve --address=192.0.2.1", "address '192.0.2.1': is in no network"),
        (1, "floating create --ip_range=68.99.26.170", "68.99.26.170 exists already"),
        (
            1,
            "network modify --fixed_range=10.0.0.0/24 --project=p --disassociate-project",
            "project 'p': cannot be given and taken away at once",
        ),
    ):
        assert said in literally(configured, f"nova-manage {command}", status)


def test_servers_are_listed_as_asked_for(configured: PrivateHost) -> None:
    literally(configured, NETWORK)
    for project in ("demo", "other"):
        for number in (1, 2):
            command = f"nova --os-project-id {project} boot {project}_{number} --nic net-id=vmnet"
            literally(configured, command)

    def listed(options: str) -> list[object]:
        found = answered(configured, f"nova {options}")
        assert isinstance(found, list)
        return [one["name"] for one in found]

    everyone = ["demo_1", "demo_2", "other_1", "other_2"]
    assert listed("list --ip 10.0.0.3") == ["demo_2"]
    assert listed(r"list --ip '10\.0\.0\.[45]$'") == ["other_1", "other_2"]
    assert listed("list --name _1") == ["demo_1", "other_1"]
    assert listed("--os-project-id demo list") == ["demo_1", "demo_2"]
    assert listed("--os-project-id demo list --all-tenants") == everyone
    assert listed("--os-project-id demo list --all-tenants 1") == everyone
    assert listed("list --tenant other") == ["other_1", "other_2"]
    assert listed("list --host elsewhere") == listed("list --status ERROR") == []
