"""The metadata service alone, by the unit that its page shows, under a real systemd."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from booted_host import BootedHost
from cloud import boot, create_network
from guest_asking import ask
from private_host import eventually

pytestmark = pytest.mark.requires(
    *("root", "systemd", "control group", "namespaces", "nsenter", "iptables", "curl", "udhcpc")
)

PAGE = Path(__file__).parents[2] / "docs" / "metadata.md"
SERVICE = "netconsole-metadata.service"
HOSTNAME = "/latest/meta-data/hostname"


def unit(host: BootedHost) -> str:
    """The unit that the page shows, with the place of the command here."""
    text = PAGE.read_text()
    shown = text[text.index("    [Unit]\n") : text.index("## Where it listens")]
    command = host.run("sh", "-c", "command -v netconsole").stdout.strip()
    return textwrap.dedent(shown).replace("/usr/local/bin/netconsole", command)


@pytest.fixture
def booted(tmp_path: Path) -> Iterator[BootedHost]:
    with BootedHost(tmp_path) as host:
        yield host


def test_the_unit_of_the_page_serves_guests(booted: BootedHost) -> None:
    host = booted
    create_network(host)
    boot(host, "web1")
    host.write(f"/etc/systemd/system/{SERVICE}", unit(host))
    assert host.run("systemd-analyze", "verify", f"/etc/systemd/system/{SERVICE}").stderr == ""
    host.systemctl("daemon-reload")
    host.systemctl("enable", "--now", SERVICE)
    eventually(lambda: ask(host, "web1", HOSTNAME).body[:4] == "web1")
    kept = "/openstack/latest/password"
    assert ask(host, "web1", kept, "--data-binary", "kept").status == 200
    assert ask(host, "web1", kept).body == "kept"
    host.systemctl("reload", SERVICE)
    host.systemctl("kill", "--signal=KILL", SERVICE)
    eventually(lambda: ask(host, "web1", HOSTNAME).status == 200)
    said = host.run("journalctl", "--unit", SERVICE, "--output", "cat").stdout
    assert "metadata is served at br100" in said
    assert "Traceback" not in said
    host.systemctl("stop", SERVICE)
    assert host.systemctl("show", "--value", "--property=Result", SERVICE) == "success"
    assert ask(host, "web1", HOSTNAME).status == 0
