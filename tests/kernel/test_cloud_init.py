"""Debian's cloud-init finds what an instance is told, and configures its guest by it."""

from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import cloud_init
import pytest
from agent import start_agent
from cloud import answer, boot, configure, create_network, netconsole
from cloud_init import EC2, OPENSTACK, DataSource
from guest_asking import ask, serve, stop
from guest_samples import PUBLIC_KEY
from private_host import PrivateHost, eventually

from netconsole.backend.model.eui64 import address_v6

pytestmark = pytest.mark.requires("root", "cloud-init", "bsdtar", "curl")

USER_DATA = "#!/bin/sh\necho 'Extra user data here' > /run/ran\n"
RANGE_V6 = "2001:db8:1::/64"
CLOUD_CONFIG = "#cloud-config\nwrite_files: [{path: /run/written, content: Grüße}]\n"


@pytest.fixture
def guest(host: PrivateHost) -> PrivateHost:
    """A host with a guest, in the namespace web1, that is told a key and user data."""
    create_network(host)
    boot(host, "web1")
    host.write("/run/id.pub", f"{PUBLIC_KEY}\n")
    host.write("/run/user.sh", USER_DATA)
    netconsole(
        *(host, "instance", "set", "web1", "--user-data", "/run/user.sh"),
        *("--key", "mykey=/run/id.pub", "--meta", "role=web"),
    )
    return host


def with_drive(host: PrivateHost) -> dict[str, str]:
    """Let web1 start with its config drive; return the files that it wrote."""
    netconsole(host, "instance", "inject", "web1", "--config-drive", "/run/web1.iso")
    seed = "/var/lib/cloud/seed/config_drive"
    host.run("mkdir", "-p", seed)
    host.run("bsdtar", "-x", "-f", "/run/web1.iso", "-C", seed)
    return cloud_init.configured(host, "web1", cloud_init.CONFIG_DRIVE)


def test_it_finds_the_config_drive(guest: PrivateHost) -> None:
    found = with_drive(guest)
    assert found["/run/cloud-init/cloud-id"] == "configdrive\n"
    assert found["/etc/hostname"] == "web1\n"
    assert PUBLIC_KEY in found["/root/.ssh/authorized_keys"]
    assert found["/var/lib/cloud/instance/user-data.txt"] == USER_DATA
    (network,) = (text for path, text in found.items() if "/etc/systemd/network/" in path)
    assert "DHCP=ipv4" in network
    assert guest.read("/run/ran") == "Extra user data here\n"


def test_without_dhcp_it_gives_the_interface_its_address(host: PrivateHost) -> None:
    configure(host, "network_manager = nova.network.manager.FlatManager", "use_ipv6 = True")
    ranges = ("--fixed-range-v4", "10.0.0.0/24", "--fixed-range-v6", RANGE_V6)
    netconsole(host, "network", "create", "vmnet", *ranges, "--bridge", "br100")
    host.run("ip", "link", "add", "br100", "type", "bridge")
    host.run("ip", "netns", "add", "web1")
    words = ("--project", "demo", "--network", "vmnet", "--port-kind", "veth")
    netconsole(host, "instance", "create", "web1", *words)
    (view,) = answer(host, "instance", "show", "web1")["ports"]
    peer = ("dev", view["port"]["peer"], "netns", "web1", "name", "eth0")
    host.run("ip", "link", "set", *peer)
    found = with_drive(host)
    (rendered,) = (text for path, text in found.items() if "/etc/systemd/network/" in path)
    for line in (
        *(f"MACAddress={view['port']['mac']}", "DHCP=no", "DNS=8.8.4.4"),
        *(f"Address={view['fixed_ips'][0]['address']}/24", "Gateway=10.0.0.1"),
        *(f"Address={address_v6(view['port']['mac'], RANGE_V6)}/64", "Gateway=2001:db8:1::1"),
    ):
        assert line in rendered.splitlines()


@pytest.mark.parametrize("source", [OPENSTACK, EC2], ids=lambda source: source.name)
def test_it_finds_the_service(guest: PrivateHost, source: DataSource) -> None:
    second = ("network", "create", "second", "--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101")
    netconsole(guest, *second)
    boot(guest, "web2", more=("--network", "vmnet", "--network", "second"))
    user_data = MIMEMultipart()
    user_data.attach(MIMEText(USER_DATA, "x-shellscript"))
    user_data.attach(MIMEText(CLOUD_CONFIG, "cloud-config"))
    guest.write("/run/user.mime", user_data.as_string())
    told = ("--user-data", "/run/user.mime", "--key", "mykey=/run/id.pub")
    netconsole(guest, "instance", "set", "web2", *told)
    start_agent(guest)
    eventually(lambda: ask(guest, "web2", "/latest/meta-data/hostname").status == 200)
    found = cloud_init.configured(guest, "web2", source)
    assert found["/run/cloud-init/cloud-id"] == f"{source.name.lower()}\n"
    # By OpenStack's it asks before the guest has an address, with a lease of its own.
    assert ("DataSourceOpenStackLocal" in found["/run/cloud-init/result.json"]) == (
        source is OPENSTACK
    )
    assert found["/etc/hostname"] == "web2\n"
    assert PUBLIC_KEY in found["/root/.ssh/authorized_keys"]
    assert found["/var/lib/cloud/instance/user-data.txt"] == user_data.as_string()
    assert guest.read("/run/ran") == "Extra user data here\n"
    assert guest.read("/run/written") == "Grüße"
    rendered = [text for path, text in found.items() if "/etc/systemd/network/" in path]
    # By EC2's API of 2009 nothing is told of networks: a guest asks for its first by DHCP then.
    assert len(rendered) == (2 if source is OPENSTACK else 1)
    assert all("DHCP=ipv4" in text for text in rendered)


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_where_it_takes_itself_for_one_of_ec2_it_asks_with_a_token(
    host: PrivateHost, tokens: str
) -> None:
    create_network(host, f"metadata_tokens = {tokens}")
    fixed = boot(host, "web1")
    host.write("/run/user.sh", USER_DATA)
    netconsole(host, "instance", "set", "web1", "--user-data", "/run/user.sh")
    service = serve(host)
    found = cloud_init.crawled_with_token(host, "web1")
    assert found["user-data"] == USER_DATA
    assert found["meta-data"]["local-ipv4"] == fixed
    stop(host, service)
