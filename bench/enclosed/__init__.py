"""A host of a benchmark's own: fresh namespaces, which end with the script that runs in them."""

import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path

from netconsole.backend.configuration.options import Options

HOST = "bench"
PUBLIC_INTERFACE = "eth0"
INSIDE = "NETCONSOLE_BENCH_INSIDE"
NAMESPACES = ("--net", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc")
LAY_OUT = f"""
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add {PUBLIC_INTERFACE} type veth peer name world
ip address add 203.0.113.2/24 dev {PUBLIC_INTERFACE}
ip link set {PUBLIC_INTERFACE} up
ip link set world up
"""


def reader() -> ArgumentParser:
    """Return who reads the arguments of this script: none, but for `--help`, which it says."""
    described = sys.modules["__main__"].__doc__
    return ArgumentParser(description=described, formatter_class=RawDescriptionHelpFormatter)


def inside(main: Callable[[Options], None], arguments: ArgumentParser | None = None) -> None:
    """Run `main` with the options of a host in namespaces: this script starts once more there.

    Ends the script where its arguments are not as they are to be read.
    """
    if os.environ.get(INSIDE) is None:
        (arguments or reader()).parse_args()
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
        command = ["unshare", *user, *NAMESPACES, sys.executable, *sys.argv]
        os.execvpe("unshare", command, {**os.environ, INSIDE: "1"})
    subprocess.run(["sh", "-ec", LAY_OUT], check=True, timeout=10)
    with tempfile.TemporaryDirectory(prefix="netconsole-bench-", dir="/run") as state:
        Path(state).chmod(0o755)  # dnsmasq reads its files as nobody
        main(options(state))


def options(state: str) -> Options:
    """The options of a host that keeps its state in a directory."""
    return Options(
        state_path=state,
        networks_path=f"{state}/networks",
        connection=f"sqlite:///{state}/netconsole.sqlite",
        host=HOST,
        my_ip="203.0.113.2",
        routing_source_ip="203.0.113.2",
        metadata_host="203.0.113.2",
        public_interface=PUBLIC_INTERFACE,
    )
