"""Two private hosts, each with its own everything, and a cable between them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from agent import add_users, start_agent
from cloud import create_network
from private_host import PrivateHost
from pseudo_terminal import Terminal
from secure_shell import HOME, serve_ssh_of_host

CABLE = "cable0"
NEAR, FAR = "198.51.100.1", "198.51.100.2"
URL = f"ssh://root@{FAR}:22"
CLIENT = {"HOME": HOME, "TMPDIR": "/run"}


class TwoHosts(NamedTuple):
    """One on which an admin sits, and another, with an agent, that they ask by SSH."""

    near: PrivateHost
    far: PrivateHost
    agent: "subprocess.Popen[str]"
    """That of the far host; nsenter(1), by which it was started, stops when it does."""

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the far host, at the near one."""
        words = ("netconsole", "--host", URL, *command)
        return self.near.run(*words, check=False, environment=CLIENT)

    def console(self, *options: str, columns: int = 100, lines: int = 30) -> Terminal:
        """Return a terminal at the near host with the console on the far one."""
        command = self.near.entered("netconsole", "--host", URL, *options)
        return Terminal(command, columns=columns, lines=lines, environment=CLIENT)

    def cut(self) -> None:
        """Have the link between them carry nothing."""
        self.near.run("ip", "link", "set", "dev", CABLE, "down")

    def mend(self) -> None:
        """Have it carry again."""
        self.near.run("ip", "link", "set", "dev", CABLE, "up")


@contextmanager
def two_hosts() -> Iterator[TwoHosts]:
    """Make them; the far one has a network, an agent, and a server for SSH."""
    with PrivateHost() as near, PrivateHost() as far:
        for host, name in ((near, "node1"), (far, "node2")):
            host.run("hostname", name)
        _lay_cable(near, far)
        create_network(near)
        create_network(far)
        add_users(far)
        agent = start_agent(far)
        serve_ssh_of_host(far)
        _let_in(near, far)
        yield TwoHosts(near, far, agent)


def _lay_cable(near: PrivateHost, far: PrivateHost) -> None:
    """Both ends are made where they belong: the machine never has them."""
    one = ("name", CABLE, "netns", str(near.pid))
    other = ("name", CABLE, "netns", str(far.pid))
    command = ("ip", "link", "add", *one, "type", "veth", "peer", *other)
    subprocess.run(command, check=True, timeout=30)
    for host, address in ((near, NEAR), (far, FAR)):
        host.run("ip", "address", "add", f"{address}/30", "dev", CABLE)
        host.run("ip", "link", "set", "dev", CABLE, "up")


def _let_in(near: PrivateHost, far: PrivateHost) -> None:
    """Give root of the near host the key that the far one takes."""
    near.run("sed", "-i", f"s|^root:\\(.*\\):/root:|root:\\1:{HOME}:|", "/etc/passwd")
    for name in ("id_ed25519", "config"):
        near.write(f"{HOME}/.ssh/{name}", far.read(f"{HOME}/.ssh/{name}"))
    near.run("chmod", "-R", "go=", f"{HOME}/.ssh")
