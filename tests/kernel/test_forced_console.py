"""ForceCommand: whoever logs in as a user of the group netconsole gets the console, and no root."""

import sys
from pathlib import Path

import pytest
from agent import add_users, start_agent
from cloud import create_cloud, held
from private_host import PrivateHost, eventually
from pseudo_terminal import Terminal
from secure_shell import HOME, serve_ssh_of_host

pytestmark = pytest.mark.requires("root", "dropbear", "ssh")

PROGRAM = Path(sys.executable).parent / "netconsole"
FORCED = f"#!/bin/sh\nexec {PROGRAM} console --read-only\n"
OF_LOOKER = f"""
set -e
install -d -o looker -m 0755 /run/looker
install -d -o looker -m 0700 /run/looker/.ssh
cp {HOME}/.ssh/authorized_keys /run/looker/.ssh/authorized_keys
chown looker /run/looker/.ssh/authorized_keys
chmod 0711 {HOME}
usermod --home /run/looker --shell /bin/sh looker
"""


def test_it_shows_all_and_changes_nothing(host: PrivateHost) -> None:
    create_cloud(host)
    add_users(host)
    start_agent(host)
    serve_ssh_of_host(host, FORCED)
    host.run("sh", "-c", OF_LOOKER)
    before = held(host)
    login = ("ssh", "-tt", "looker@203.0.113.2", "id")  # whatever is asked for
    client = ("ip", "netns", "exec", "outside", "env", f"HOME={HOME}", *login)
    with Terminal(host.command(*client), columns=120, lines=40) as terminal:
        terminal.wait_for("10.0.0.0/24")
        terminal.press("2")
        terminal.wait_for("web1")
        owners = host.run("ps", "-o", "user=", "-C", "netconsole").stdout.split()
        assert "looker" in owners
        assert not host.run("pgrep", "-u", "root", "-f", "netconsole console", check=False).stdout
        terminal.press("3", "D")
        terminal.wait_for("read-only: ")
        terminal.press("q")
        eventually(lambda: not host.run("pgrep", "-u", "looker", check=False).stdout)
    assert held(host) == before
