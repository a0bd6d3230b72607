"""What is there where a file is expected: FIFO, directory, device, too much, no text.

Nothing waits for it, no verb ends with a bug. What can be shown is; the file is named, with what it
is, and what depends on it is refused or not known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from cloud import create_network, netconsole
from private_host import PrivateHost

STATE = "/var/lib/netconsole"
KEPT = "/run/kept.sqlite"
KINDS: Mapping[str, tuple[str, str]] = {
    "FIFO": ('mkfifo "$1"', "is a FIFO, not a file"),
    "directory": ('mkdir "$1"', "is a directory, not a file"),
    "device": ('mknod "$1" c 1 5', "is a device, not a file"),
    "huge": ('truncate -s 100G "$1"', "has more than 67,108,864 bytes"),
    "no text": ("printf '\\377\\376\\n\\200=\\001\\n' > \"$1\"", ""),
}
"""How each is made, and what is said of it."""


@dataclass(frozen=True)
class Place:
    """Where a file is expected, and which verbs have to name it."""

    path: str
    named_by: tuple[str, ...]
    refused_by: tuple[str, ...] = ()
    """The verbs that cannot be without it: they end with status 3, or as `is_left_out` says."""
    expected: str = ""
    """What is said, where that is not `what it is, not a file`."""
    is_left_out: bool = False
    """Whether the rest is planned and applied all the same: these verbs end with status 1 then."""
    content_counts: bool = True
    """Whether a file that is huge, or no text, matters."""


NEEDED = ("status", "plan", "apply", "doctor")
"""Of what the plan turns on."""
PLACES: Mapping[str, Place] = {
    "pid file": Place(f"{STATE}/networks/nova-br100.pid", NEEDED, NEEDED[1:], is_left_out=True),
    "leases": Place(f"{STATE}/networks/nova-br100.leases", NEEDED, NEEDED[1:], is_left_out=True),
    "options": Place(f"{STATE}/networks/nova-br100.opts", NEEDED, NEEDED[1:], is_left_out=True),
    "host file": Place(
        f"{STATE}/networks/nova-br100.hosts/$HOST", NEEDED, NEEDED[1:], is_left_out=True
    ),
    "sysctl.d": Place("/etc/sysctl.d/50-own.conf", ("doctor",), ("doctor",)),
    "modprobe.d": Place("/etc/modprobe.d/own.conf", ("doctor",), ("doctor",)),
    "database": Place(
        f"{STATE}/netconsole.sqlite",
        *(NEEDED, NEEDED[1:], "must be an SQLite database"),
        content_counts=False,
    ),
    "audit log": Place(f"{STATE}/audit.jsonl", ("apply",), ("apply",), content_counts=False),
    "lock": Place(f"{STATE}/host.lock", ("apply",), ("apply",), content_counts=False),
}


@pytest.mark.requires("tap", "dnsmasq")
@pytest.mark.parametrize("name", PLACES)
def test_it_is_named_and_the_rest_is_shown(host: PrivateHost, name: str) -> None:
    """One host for all kinds: what is there is taken away after each, and the host is repaired."""
    create_network(host)
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    hosts = host.run("ls", f"{STATE}/networks/nova-br100.hosts").stdout.split()
    path = PLACES[name].path.replace("$HOST", hosts[0])
    for kind in KINDS:
        if name == "database":
            host.run("cp", path, KEPT)
        put_and_look(host, name, kind, path)
        host.run("sh", "-c", 'rm -rf "$1"', "sh", path)
        if name == "database":
            host.run("cp", KEPT, path)
        netconsole(host, "apply")
        assert netconsole(host, "plan") == "", kind


def put_and_look(host: PrivateHost, name: str, kind: str, path: str) -> None:
    place, (made, words) = PLACES[name], KINDS[kind]
    if words.startswith("has") and not place.content_counts:
        words = ""
    script = f'rm -f "$1"; mkdir -p "$(dirname "$1")"; {made}'
    host.run("sh", "-c", script, "sh", path)
    for verb in NEEDED:
        done = host.run("netconsole", verb, check=False, timeout=60)
        said = done.stdout + done.stderr
        for bug in ("(a bug", "[Errno", "Traceback"):
            assert bug not in said, (kind, verb, said)
        assert len(done.stderr.splitlines()) <= 1, (kind, done.stderr)
        if words and verb in place.named_by:
            expected = place.expected or words
            assert any(path in line and expected in line for line in said.splitlines()), said
        if words and verb in place.refused_by:
            # A dnsmasq that reads what is huge is busy, which the doctor finds as well.
            allowed = (1, 3) if verb == "doctor" else (1,) if place.is_left_out else (3,)
            assert done.returncode in allowed, (kind, verb, said)
    status = json.loads(netconsole(host, "status", "--json"))
    if name != "database":
        assert [each["label"] for each in status["networks"]] == ["vmnet"], kind
        assert [each["instance"] for each in status["allocations"]] == ["web1"], kind
        assert [each["state"] for each in status["dnsmasq"]] == ["running"], kind


def test_directories_that_are_none_are_named(host: PrivateHost) -> None:
    create_network(host)
    # Without the first dnsmasq alone stays as it is; without the second nothing may be changed.
    for path, planned, applied in ((f"{STATE}/networks", 1, 1), (f"{STATE}/journal", 3, 3)):
        host.run("sh", "-c", 'mv "$1" /run/aside && mkfifo "$1"', "sh", path)
        for verb, status in (("status", 0), ("plan", planned), ("apply", applied)):
            done = host.run("netconsole", verb, check=False, timeout=60)
            assert path in (said := done.stdout + done.stderr), verb
            assert "is a FIFO, not a directory" in said or "is no directory" in said, verb
            assert done.returncode == status, (verb, done)
        host.run("sh", "-c", 'rm "$1" && mv /run/aside "$1"', "sh", path)
    assert netconsole(host, "plan") == ""


def test_what_lies_about_beside_ours_stops_nothing(host: PrivateHost) -> None:
    create_network(host)
    host.run("mkfifo", f"{STATE}/networks/nova-br7.leases", f"{STATE}/networks/strange")
    assert netconsole(host, "plan") == ""
    netconsole(host, "network", "delete", "vmnet")
    left = host.run("ls", f"{STATE}/networks").stdout.split()
    assert left == ["nova-br7.leases", "strange"]


@pytest.mark.requires("tap", "dnsmasq")
def test_a_file_of_one_network_holds_up_no_other(host: PrivateHost) -> None:
    create_network(host)
    other = ("--fixed-range-v4", "10.1.0.0/24", "--bridge", "br101")
    netconsole(host, "network", "create", "other", *other)
    before = json.loads(netconsole(host, "status", "--json"))["dnsmasq"]
    leases = f"{STATE}/networks/nova-br100.leases"
    host.run("sh", "-c", 'mv "$1" /run/aside && mkfifo "$1"', "sh", leases)
    host.run("ip", "address", "flush", "dev", "br101")
    done = host.run("netconsole", "apply", check=False, timeout=60)
    assert done.returncode == 4, done  # some of it was done, and not all
    assert "the dnsmasq of br100 stays as it is" in done.stderr
    done = host.run("netconsole", "plan", check=False)
    planned = done.stdout + done.stderr
    assert f"{leases} is a FIFO, not a file: the dnsmasq of br100 stays" in planned, done
    assert "10.1.0.1/24" in host.run("ip", "address", "show", "dev", "br101").stdout
    assert json.loads(netconsole(host, "status", "--json"))["dnsmasq"] == before
    netconsole(host, "instance", "create", "web1", "--project", "demo", "--network", "other")
    refused = host.run("netconsole", "network", "delete", "vmnet", check=False, timeout=60)
    assert refused.returncode != 0
    assert leases in refused.stderr
    host.run("sh", "-c", 'rm "$1" && mv /run/aside "$1"', "sh", leases)
    netconsole(host, "apply")
    assert netconsole(host, "plan") == ""
