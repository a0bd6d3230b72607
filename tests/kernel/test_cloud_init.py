"""Debian's cloud-init finds what an instance is told, and configures its guest by it."""

import cloud_init
import pytest
from cloud import boot, create_network, netconsole
from guest_samples import PUBLIC_KEY
from private_host import PrivateHost

pytestmark = pytest.mark.requires("root", "cloud-init", "bsdtar")

USER_DATA = "#!/bin/sh\necho 'Extra user data here' > /run/ran\n"


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


def test_it_finds_the_config_drive(guest: PrivateHost) -> None:
    netconsole(guest, "instance", "inject", "web1", "--config-drive", "/run/web1.iso")
    seed = "/var/lib/cloud/seed/config_drive"
    guest.run("mkdir", "-p", seed)
    guest.run("bsdtar", "-x", "-f", "/run/web1.iso", "-C", seed)
    found = cloud_init.configured(guest, "web1", "ConfigDrive")
    assert found["/run/cloud-init/cloud-id"] == "configdrive\n"
    assert found["/etc/hostname"] == "web1\n"
    assert PUBLIC_KEY in found["/root/.ssh/authorized_keys"]
    assert found["/var/lib/cloud/instance/user-data.txt"] == USER_DATA
    (network,) = (text for path, text in found.items() if "/etc/systemd/network/" in path)
    assert "DHCP=ipv4" in network
    assert guest.read("/run/ran") == "Extra user data here\n"
