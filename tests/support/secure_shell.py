"""SSH: a server in a guest, and who has logged in to it (dropbear(8), dbclient(1))."""

import select
import sys
from pathlib import Path

from private_host import PrivateHost

HOME = "/run/home"
"""Of root on a private host, whose own may be the machine's."""


def serve_ssh(host: PrivateHost, guest: str) -> None:
    """Let a guest's port 22 take logins of root, by a key."""
    host.run("sed", "-i", f"s|^root:\\(.*\\):/root:|root:\\1:{HOME}:|", "/etc/passwd")
    host.run("install", "-d", "-m", "0700", f"{HOME}/.ssh")
    for name in ("server", "client"):
        host.run("dropbearkey", "-t", "ed25519", "-f", f"{HOME}/{name}")
    told = host.run("dropbearkey", "-y", "-f", f"{HOME}/client").stdout
    (key,) = (line for line in told.splitlines() if line.startswith("ssh-"))
    host.write(f"{HOME}/.ssh/authorized_keys", f"{key}\n")
    host.run("chmod", "0600", f"{HOME}/.ssh/authorized_keys")
    host.run("ip", "netns", "exec", guest, "dropbear", "-r", f"{HOME}/server", "-s")


class Login:
    """A login from a namespace, with a program behind it that repeats what it is told."""

    def __init__(self, host: PrivateHost, by: str, address: str) -> None:
        client = ("dbclient", "-y", "-y", "-i", f"{HOME}/client", f"root@{address}", "cat")
        self._process = host.spawn("ip", "netns", "exec", by, *client)

    def answers(self, seconds: float) -> bool:
        """Whether what is typed comes back in time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("hello\n")
        self._process.stdin.flush()
        heard, _, _ = select.select([self._process.stdout], [], [], seconds)
        return bool(heard) and self._process.stdout.readline() == "hello\n"


ENTER = f"""#!/bin/sh
PATH={Path(sys.executable).parent}:$PATH
cd {HOME}
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""
"""What a login runs: as if netconsole were installed where the system's programs are."""


def serve_ssh_of_host(host: PrivateHost, forced: str = "") -> None:
    """Let a private host take logins of root by root's own key, from wherever it is reached.

    `forced` is what every login runs, whatever it asks for.
    """
    host.run("sed", "-i", f"s|^root:\\(.*\\):/root:|root:\\1:{HOME}:|", "/etc/passwd")
    host.run("install", "-d", "-m", "0700", f"{HOME}/.ssh")
    host.run("dropbearkey", "-t", "ed25519", "-f", f"{HOME}/server")
    host.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{HOME}/.ssh/id_ed25519")
    key = host.read(f"{HOME}/.ssh/id_ed25519.pub").strip()
    host.write(f"{HOME}/enter", forced or ENTER)
    host.write(f"{HOME}/.ssh/authorized_keys", f'command="{HOME}/enter" {key}\n')
    host.write(f"{HOME}/.ssh/config", "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n")
    host.run("chmod", "0600", f"{HOME}/.ssh/authorized_keys", f"{HOME}/.ssh/config")
    host.run("chmod", "0755", f"{HOME}/enter")
    host.run("dropbear", "-r", f"{HOME}/server", "-s")
