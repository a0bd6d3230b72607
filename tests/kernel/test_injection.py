"""`netconsole instance inject`: a guest of the Flat manager is told its addresses."""

import json

import pytest
from cloud import answer, netconsole
from private_host import PrivateHost

CONFIGURATION = """
[DEFAULT]
network_manager = nova.network.manager.FlatManager
flat_injected = True
flat_network_bridge = br100
public_interface = eth0
my_ip = 203.0.113.2
"""
FORMER = "auto eth0\niface eth0 inet dhcp\n"


@pytest.fixture
def flat(host: PrivateHost) -> PrivateHost:
    """A host of the Flat manager with one instance, and its image mounted at /run/image."""
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION)
    host.run("ip", "link", "add", "br100", "type", "bridge")
    netconsole(host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24")
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    host.write("/run/image/etc/network/interfaces", FORMER)
    return host


def interfaces(host: PrivateHost) -> str:
    return host.read("/run/image/etc/network/interfaces")


def test_an_image_is_written_said_logged_and_taken_back(flat: PrivateHost) -> None:
    port = answer(flat, "instance", "show", "web1")["ports"][0]
    done = flat.run("netconsole", "instance", "inject", "web1", "--root", "/run/image")
    assert f"    hwaddress ether {port['port']['mac']}\n" in interfaces(flat)
    assert f"    address {port['fixed_ips'][0]['address']}\n" in interfaces(flat)
    assert (
        "/run/image/etc/network/interfaces: written, in place of a file of 2 lines" in done.stderr
    )
    line = json.loads(flat.read("/var/lib/netconsole/audit.jsonl").splitlines()[-1])
    assert line["asked"] == "instance inject web1 --root /run/image"
    assert line["outcome"] == "done"
    netconsole(flat, "undo")
    assert interfaces(flat) == FORMER


@pytest.mark.requires("bsdtar")
def test_a_config_drive_is_written_and_holds_the_same_file(flat: PrivateHost) -> None:
    flat.run("mkdir", "/run/drives")
    words = ("--root", "run/image", "--config-drive", "/run/drives/web1.iso")
    told = flat.run(
        "sh", "-c", f"cd / && exec netconsole instance inject web1 {' '.join(words)} --json"
    )
    assert json.loads(told.stdout)["result"] == {
        "interfaces": "/run/image/etc/network/interfaces",
        "replaced": FORMER,
        "config_drive": "/run/drives/web1.iso",
    }
    extract = ("bsdtar", "-xOf", "/run/drives/web1.iso")
    assert flat.run(*extract, "openstack/content/0000").stdout == interfaces(flat)
    meta_data = json.loads(flat.run(*extract, "openstack/latest/meta_data.json").stdout)
    assert meta_data["uuid"] == answer(flat, "instance", "show", "web1")["instance"]["uuid"]
    netconsole(flat, "undo")
    assert flat.run("ls", "/run/drives").stdout == ""
    assert interfaces(flat) == FORMER


def test_what_is_refused_is_one_line_and_changes_nothing(flat: PrivateHost) -> None:
    flat.run("ln", "-s", "/etc", "/run/hostile")
    flat.run("mkdir", "/run/image2")
    flat.run("ln", "-s", "/etc", "/run/image2/etc")
    before = flat.run(
        "sh", "-c", "cat /etc/network/interfaces; find /run/image2 /etc -newer /run/image"
    ).stdout
    refusals = {
        ("--root", "/"): 2,
        ("--root", "/gone"): 2,
        ("--root", "/run/image2"): 1,
        ("--config-drive", "/gone/web1.iso"): 2,
        ("--config-drive", "/etc/hostname"): 1,
        (): 2,
    }
    for words, status in refusals.items():
        refused = flat.run("netconsole", "instance", "inject", "web1", *words, check=False)
        assert (refused.returncode, refused.stderr.count("\n")) == (status, 1), refused.stderr
    assert interfaces(flat) == FORMER
    after = flat.run(
        "sh", "-c", "cat /etc/network/interfaces; find /run/image2 /etc -newer /run/image"
    ).stdout
    assert after == before


def test_a_dry_run_shows_commands_that_do_the_same(flat: PrivateHost) -> None:
    inject = ("instance", "inject", "web1", "--root", "/run/image")
    commands = netconsole(flat, *inject, "--dry-run")
    assert interfaces(flat) == FORMER
    flat.run("bash", "-ec", commands)
    by_hand = interfaces(flat)
    netconsole(flat, *inject)
    assert interfaces(flat) == by_hand


def test_read_only_nothing_is_written(flat: PrivateHost) -> None:
    words = ("--root", "/run/image", "--config-drive", "/run/web1.iso")
    refused = flat.run(
        "netconsole", "--read-only", "instance", "inject", "web1", *words, check=False
    )
    assert refused.returncode == 3
    assert "read-only" in refused.stderr
    assert interfaces(flat) == FORMER
    assert flat.run("test", "-e", "/run/web1.iso", check=False).returncode == 1
