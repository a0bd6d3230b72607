"""A host on the network of the machine itself, for what only its first network namespace has.

For virtual machines alone: what is changed here is changed for the whole kernel.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cloud import create_cloud
from lab_faults import examined
from private_host import PrivateHost

PYTHON = (sys.executable, "-c")

LACKING = ("guards", "drift")
"""The checks that name what the kernel of user-mode-linux cannot hold: guards that stop every
lie, as it has no tables of nftables, and security groups within a bridge, as br_netfilter is not
loaded."""

UNSERVED = (*LACKING, "metadata")
"""The same on a host where no metadata service is run."""


@contextmanager
def first_namespace() -> Iterator[PrivateHost]:
    """A host there with a network, an instance and its floating address, all healthy."""
    with PrivateHost(network=False) as host:
        create_cloud(host)
        assert examined(host).named_beside(UNSERVED) == []
        yield host


@contextmanager
def settings(host: PrivateHost, values: Mapping[str, int]) -> Iterator[None]:
    """Change settings of the kernel meanwhile."""
    before = {name: host.run("sysctl", "-n", name).stdout.strip() for name in values}
    host.run("sysctl", "-q", "-w", *(f"{name}={value}" for name, value in values.items()))
    try:
        yield
    finally:
        host.run("sysctl", "-q", "-w", *(f"{name}={value}" for name, value in before.items()))


@contextmanager
def program(host: PrivateHost, *command: str, says: str = "") -> Iterator[None]:
    """Run a program meanwhile, from when it says so."""
    running = host.spawn("sh", "-c", '"$@" & read _; kill $!', "sh", *command)
    assert running.stdout is not None
    if says:
        assert running.stdout.readline() == f"{says}\n"
    try:
        yield
    finally:
        running.communicate(timeout=60)
