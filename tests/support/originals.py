"""The originals' commands, run on a private host as they stand, with netconsole before them."""

import json

from cloud import CONFIGURATION
from private_host import PrivateHost

NETWORK = "nova network-create vmnet --fixed-range-v4=10.0.0.0/24 --bridge=br100"
POOL = "nova-manage floating create --pool=nova --ip_range=68.99.26.170/31"


def configure(host: PrivateHost, *settings: str) -> None:
    """Name the bridge in the configuration, as the guide asks for, and what else is given."""
    text = "\n".join((CONFIGURATION, "flat_network_bridge = br100", *settings, ""))
    host.write("/etc/netconsole/netconsole.conf", text)


def words(host: PrivateHost, command: str) -> list[str]:
    """Return a command as the shell takes it apart."""
    print_each = f"printf '%s\\0' {command}"
    return host.run("sh", "-c", print_each, environment={"your": "demo"}).stdout.split("\0")[:-1]


def literally(host: PrivateHost, command: str, status: int = 0) -> str:
    """Run a command as it stands in the guide and return all that it said."""
    done = host.run("netconsole", *words(host, command), check=False)
    assert done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def answered(host: PrivateHost, command: str) -> object:
    return json.loads(host.run("netconsole", *words(host, command), "--json").stdout)


def performed(host: PrivateHost, *steps: tuple[str, str, str]) -> None:
    """Run commands, and after each the one that shows what it did."""
    for command, shown_by, shows in steps:
        literally(host, command)
        shown = literally(host, shown_by)
        assert shows in shown, f"{command}: {shown}"
