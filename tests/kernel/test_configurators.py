"""Who else configures an interface that becomes a port: the admin is told what to do about it."""

import pytest
from changing import use_interface
from private_host import PrivateHost, eventually

CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
NETWORKD = "# This is private data. Do not parse.\nADMIN_STATE={}\nOPER_STATE=routable\n"
NETWORK_MANAGER = "[device]\nmanaged={}\nnm-owned=false\n"


@pytest.mark.parametrize(
    ("directory", "text", "states", "words"),
    [
        (
            "/run/systemd/netif/links",
            NETWORKD,
            ("configured", "unmanaged"),
            ("eth0 is configured by systemd-networkd", "Unmanaged=yes", "configure br100 instead"),
        ),
        (
            "/run/NetworkManager/devices",
            NETWORK_MANAGER,
            ("true", "false"),
            ("eth0 is configured by NetworkManager", "nmcli device set eth0 managed no"),
        ),
    ],
)
def test_who_would_undo_it_is_named_with_what_to_do(
    host: PrivateHost, directory: str, text: str, states: tuple[str, str], words: tuple[str, ...]
) -> None:
    use_interface(host, "eth0")
    path = f"{directory}/{host.read('/sys/class/net/eth0/ifindex').strip()}"
    for state, is_told in zip(states, (True, False), strict=True):
        host.write(path, text.format(state))
        said = host.run("netconsole", *CREATE).stderr
        assert all((word in said) == is_told for word in words)
        assert "configured by" not in host.run("netconsole", "network", "delete", "vmnet").stderr


def test_a_dhcp_client_that_would_hear_nothing_is_named(host: PrivateHost) -> None:
    use_interface(host, "eth0")
    client = host.spawn("busybox", "udhcpc", "-f", "-i", "eth0", "-s", "/bin/true")
    eventually(lambda: host.run("pgrep", "-f", "udhcpc -f", check=False).stdout)
    number = host.run("pgrep", "-f", "udhcpc -f").stdout.strip()
    said = host.run("netconsole", *CREATE).stderr
    assert f"process {number} is a DHCP client on eth0" in said
    assert "run one on br100" in said
    client.kill()


def test_an_address_that_ends_is_told_of(host: PrivateHost) -> None:
    use_interface(host, "eth0")
    lease = ("valid_lft", "3600", "preferred_lft", "3600")
    host.run("ip", "address", "change", "203.0.113.2/24", "dev", "eth0", *lease)
    said = host.run("netconsole", *CREATE).stderr
    assert "203.0.113.2/24 on br100 has 3" in said
    assert "it is from DHCP: run its client on br100 from now on" in said
